//! Knows how the store is doing, and keeps what is to be told of it: each change once, in a sentence.
//!
//! Written by the writer, read by anybody, behind one short lock. Not here: what is wrong (`writer`).

use std::collections::VecDeque;

use linewatch_core::event::{EventKind, Severity};
use linewatch_core::port::StorageState;
use linewatch_core::time::WallTime;

/// News that wait to be told; older ones go first. Told once a second, there are never more than a few.
const NEWS_MAX: usize = 64;

/// Something of the store that is worth an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// `storage_full` or `storage_degraded`; an end has the kind of its begin.
    pub kind: EventKind,
    /// [`Severity::Info`] for an end.
    pub severity: Severity,
    /// One sentence.
    pub message: String,
}

/// How it goes.
#[derive(Debug, Default)]
pub(crate) struct Health {
    pub(crate) state: StorageState,
    pub(crate) trouble: Option<String>,
    pub(crate) last_error: Option<(WallTime, String)>,
    pub(crate) oldest: Vec<(&'static str, WallTime)>,
    news: VecDeque<News>,
}

impl Health {
    /// What is wrong now, if anything. Tells the log when the sentence changes, and an event when the state does.
    pub(crate) fn set(&mut self, state: StorageState, trouble: Option<String>, now: WallTime) {
        if self.trouble != trouble {
            match &trouble {
                Some(trouble) => {
                    tracing::warn!(target: "store", trouble, "storage {}", state.word());
                    self.last_error = Some((now, trouble.clone()));
                }
                None => tracing::info!(target: "store", "storage recovered"),
            }
        }
        if self.state != state {
            self.tell(match (state, &trouble) {
                (StorageState::Ok, _) => News {
                    kind: kind_of(self.state),
                    severity: Severity::Info,
                    message: "storage recovered: everything that waited is written".to_owned(),
                },
                (_, trouble) => News {
                    kind: kind_of(state),
                    severity: if state == StorageState::Full {
                        Severity::Critical
                    } else {
                        Severity::Warning
                    },
                    message: trouble
                        .clone()
                        .unwrap_or_else(|| format!("storage {}", state.word())),
                },
            });
        }
        (self.state, self.trouble) = (state, trouble);
    }

    /// Keeps something to be told.
    pub(crate) fn tell(&mut self, news: News) {
        if self.news.len() >= NEWS_MAX {
            self.news.pop_front();
        }
        self.news.push_back(news);
    }

    /// Everything that is to be told, once.
    pub(crate) fn take_news(&mut self) -> Vec<News> {
        self.news.drain(..).collect()
    }
}

fn kind_of(state: StorageState) -> EventKind {
    match state {
        StorageState::Full => EventKind::StorageFull,
        StorageState::Ok | StorageState::Degraded => EventKind::StorageDegraded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_of_state_is_told_once_with_its_end() {
        let mut health = Health::default();
        let now = WallTime::from_nanos(7);
        for _ in 0..3 {
            health.set(StorageState::Full, Some("the disk is full".to_owned()), now);
        }
        health.set(StorageState::Ok, None, now);
        health.set(StorageState::Ok, None, now);
        let told: Vec<_> = health
            .take_news()
            .into_iter()
            .map(|news| (news.kind, news.severity))
            .collect();
        let full = EventKind::StorageFull;
        assert_eq!(told, [(full, Severity::Critical), (full, Severity::Info)]);
        assert_eq!(health.last_error, Some((now, "the disk is full".to_owned())));
        assert!(health.take_news().is_empty());
    }
}
