//! Tells how the store is doing, and ends what the store itself tells no end of.
//!
//! A database that was damaged and set aside, or rows that are kept because the clock jumped, are told as moments. The fault they
//! begin is over when the store has been well for a while. Not here: what is wrong with it (`linewatch_store`).

use std::time::Duration;

use linewatch_core::event::{EventKind, Severity};
use linewatch_core::port::{Clock, StorageState};
use linewatch_core::time::MonoTime;

use super::Control;

/// Longer than a rule's `for` and `group_wait` as they come, so that whoever is to be told of the trouble is.
const WELL_FOR: Duration = Duration::from_secs(60);

/// The newest trouble that was told and has no end yet.
#[derive(Debug, Default)]
pub(super) struct StorageTrouble {
    told_at: Option<MonoTime>,
}

impl StorageTrouble {
    /// This was told now; [`Severity::Info`] is an end.
    fn told(&mut self, severity: Severity, now: MonoTime) {
        self.told_at = (severity != Severity::Info).then_some(now);
    }

    /// Whether its end is to be told now; true once.
    fn is_over(&mut self, state: StorageState, now: MonoTime) -> bool {
        let is_over = state == StorageState::Ok && self.told_at.is_some_and(|at| now.since(at) >= WELL_FOR);
        if is_over {
            self.told_at = None;
        }
        is_over
    }
}

impl<C: Clock> Control<C> {
    /// What went wrong before anybody could be told.
    pub(super) fn tell_storage_trouble(&mut self, sentences: Vec<String>) {
        for sentence in sentences {
            self.storage.told(Severity::Critical, self.now());
            self.note(EventKind::StorageDegraded, Severity::Critical, None, sentence);
        }
    }

    /// Once a second.
    pub(super) fn tell_storage(&mut self) {
        let now = self.now();
        for news in self.to.store.news() {
            self.storage.told(news.severity, now);
            self.note(news.kind, news.severity, None, news.message);
        }
        if self.storage.is_over(self.to.store.storage().state, now) {
            let message = "storage is well: history is being saved".to_owned();
            self.note(EventKind::StorageDegraded, Severity::Info, None, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> MonoTime {
        MonoTime::from_nanos(second * 1_000_000_000)
    }

    #[test]
    fn trouble_without_an_end_of_its_own_ends_once_when_the_store_is_well() {
        let mut trouble = StorageTrouble::default();
        assert!(!trouble.is_over(StorageState::Ok, at(100)), "there was none");
        trouble.told(Severity::Critical, at(100));
        assert!(!trouble.is_over(StorageState::Ok, at(159)), "it is told first");
        assert!(!trouble.is_over(StorageState::Full, at(200)), "it lasts");
        assert!(trouble.is_over(StorageState::Ok, at(201)));
        assert!(!trouble.is_over(StorageState::Ok, at(900)), "once");
    }

    #[test]
    fn an_end_told_by_the_store_is_not_told_again() {
        let mut trouble = StorageTrouble::default();
        trouble.told(Severity::Warning, at(100));
        trouble.told(Severity::Info, at(110));
        assert!(!trouble.is_over(StorageState::Ok, at(900)));
    }
}
