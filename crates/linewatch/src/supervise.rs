//! Speaks with the service manager (sd_notify), and feeds its watchdog for as long as the monitor really turns.
//!
//! Fed only if engine, monitor, store and page have each turned since the last time: turned, not succeeded. A network, a mail
//! server or a disk that is down is no reason to be restarted. Without a service manager all of this is silence. Not here:
//! stopping (`app`), what a loop does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use linewatch_core::port::Clock;
use linewatch_core::time::MonoTime;
use linewatch_probe::engine::Pulse;
use linewatch_store::StoreHandle;

use crate::listen::near;

mod manager;
mod page;

pub(crate) use manager::Manager;

/// The loops are looked at so often within the manager's patience: a slow one has several chances.
const LOOKS: u32 = 6;
/// And no more seldom than this.
const LOOK_EVERY_MAX: Duration = Duration::from_secs(5);
/// A piece of the store's work that takes longer is stuck: a disk that hangs for so long is worth a new start.
const WORK_MAX: Duration = Duration::from_secs(600);

/// The loops that make a monitor.
pub(crate) struct Loops {
    /// Sends and receives.
    pub engine: Pulse,
    /// When the monitor has turned last, by the clock ([`MonoTime::as_nanos`]).
    pub monitor: Arc<AtomicU64>,
    /// Writes.
    pub store: StoreHandle,
    /// Where the page listens.
    pub page: SocketAddr,
}

/// The thread that looks and feeds.
pub(crate) struct Watchdog {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Watchdog {
    /// Starts the thread "supervise" if the service manager waits for food; nobody else needs it.
    pub(crate) fn start<C: Clock + 'static>(
        manager: &Arc<Manager>,
        loops: Loops,
        clock: C,
    ) -> std::io::Result<Option<Self>> {
        let Some(patience) = manager.patience() else {
            return Ok(None);
        };
        let manager = Arc::clone(manager);
        let (stop, stopped) = mpsc::channel();
        let every = (patience / LOOKS).min(LOOK_EVERY_MAX);
        let thread = thread::Builder::new()
            .name("supervise".to_owned())
            .spawn(move || {
                let mut round = Round::new(loops.look());
                while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                    let is_page_up = page::has_answered(near(loops.page), every);
                    if round.is_whole(loops.look(), is_page_up, clock.mono()) {
                        manager.feed();
                    } else if let Some(told) = round.overdue(clock.mono(), patience / 2) {
                        tracing::error!("{told}");
                    }
                }
            })?;
        Ok(Some(Self { stop, thread }))
    }

    /// Ends it; the manager waits for the end of the process from now on.
    pub(crate) fn stop(self) {
        // A thread that has ended already hears nothing and needs nothing.
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}

/// How far each loop has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    engine: u64,
    monitor: u64,
    store: u64,
    is_store_at_work: bool,
}

impl Loops {
    fn look(&self) -> Look {
        let store = self.store.turns();
        Look {
            engine: self.engine.turns(),
            monitor: self.monitor.load(Ordering::Relaxed),
            store: store.begun,
            is_store_at_work: store.is_at_work,
        }
    }
}

/// What has turned since the manager was fed last.
struct Round {
    from: Look,
    is_page_up: bool,
    began_at: Option<MonoTime>,
    /// The store's work that goes on: its number and since when.
    work: Option<(u64, MonoTime)>,
    is_told: bool,
    missing: Vec<&'static str>,
}

impl Round {
    fn new(from: Look) -> Self {
        Self {
            from,
            is_page_up: false,
            began_at: None,
            work: None,
            is_told: false,
            missing: Vec::new(),
        }
    }

    /// Whether everything has turned since the round began; if so, the next one begins.
    fn is_whole(&mut self, look: Look, is_page_up: bool, now: MonoTime) -> bool {
        self.began_at.get_or_insert(now);
        self.is_page_up |= is_page_up;
        self.work = match self.work {
            _ if !look.is_store_at_work => None,
            Some((number, since)) if number == look.store => Some((number, since)),
            _ => Some((look.store, now)),
        };
        let is_store_busy = self.work.is_some_and(|(_, since)| now.since(since) < WORK_MAX);
        let turned = [
            ("the engine", look.engine != self.from.engine),
            ("the monitor", look.monitor != self.from.monitor),
            ("the store", look.store != self.from.store || is_store_busy),
            ("the page", self.is_page_up),
        ];
        self.missing = turned
            .into_iter()
            .filter(|(_, has)| !has)
            .map(|(name, _)| name)
            .collect();
        if !self.missing.is_empty() {
            return false;
        }
        *self = Self {
            work: self.work,
            began_at: Some(now),
            ..Self::new(look)
        };
        true
    }

    /// The sentence about who keeps the manager from being fed, once, after `patience`.
    fn overdue(&mut self, now: MonoTime, patience: Duration) -> Option<String> {
        let waited = now.since(self.began_at?);
        if self.is_told || waited < patience {
            return None;
        }
        self.is_told = true;
        Some(format!(
            "{} has not turned for {} s: the watchdog is not fed, and the service manager starts linewatch anew",
            self.missing.join(" and "),
            waited.as_secs()
        ))
    }
}

#[cfg(test)]
mod tests;
