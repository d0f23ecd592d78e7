//! Counts attempts under way, so that an end at once falls between two of them: one that is cut off after the server has taken the
//! message, and before that is noted, would be repeated by the next start.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    state: Mutex<State>,
    /// Told when one ends.
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    under_way: usize,
    is_closed: bool,
}

/// One under way, until it is dropped.
pub(super) struct Attempt<'a>(&'a Attempts);

impl Attempts {
    /// One begins; `None`: no more may.
    pub(super) fn begin(&self) -> Option<Attempt<'_>> {
        let mut state = self.state();
        if state.is_closed {
            return None;
        }
        state.under_way += 1;
        Some(Attempt(self))
    }

    /// No more begin; waits for those under way, no longer than `limit`.
    pub(super) fn close(&self, limit: Duration) {
        let mut state = self.state();
        state.is_closed = true;
        // Whoever still hangs then is repeated by the next start, as the same message.
        drop(
            self.ended
                .wait_timeout_while(state, limit, |state| state.under_way > 0),
        );
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Two numbers, each changed in one step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.0.state().under_way -= 1;
        self.0.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn an_end_waits_for_what_is_under_way_and_lets_nothing_begin() {
        let attempts = Attempts::default();
        let (ends, end) = mpsc::channel();
        thread::scope(|scope| {
            let under_way = attempts.begin().expect("open");
            scope.spawn(|| {
                attempts.close(Duration::from_secs(60));
                ends.send(()).expect("somebody waits");
            });
            while attempts.begin().is_some() {
                thread::yield_now();
            }
            assert!(end.try_recv().is_err(), "one is under way");
            drop(under_way);
            end.recv().expect("closed");
        });
    }

    #[test]
    fn an_end_does_not_wait_for_one_that_hangs() {
        let attempts = Attempts::default();
        let _hangs = attempts.begin();
        attempts.close(Duration::ZERO);
        assert!(attempts.begin().is_none());
    }
}
