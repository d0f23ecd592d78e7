//! Decides when a target is down, from probe outcomes alone.
//!
//! Input: outcomes of one target, in send order. Output: [`OutageChange`]s.
//! An outage begins when its *first* lost probe was sent, not when we became sure of it.
//! Pure: no clock, no I/O; the caller supplies every instant. Not here: who is told (`alert`).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::limits;
use crate::record::{Loss, Outcome};
use crate::time::MonoTime;

/// When an outage opens and closes (MEASURING.md "Outage").
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutagePolicy {
    /// Consecutive lost probes that open an outage; at least 1.
    pub lost_to_open: u32,
    /// Consecutive replies that close it; at least 1.
    pub replies_to_close: u32,
    /// Window loss strictly above this ratio opens one too; 1.0 switches that off.
    pub loss_ratio: f64,
    /// The window of that loss.
    pub window: Duration,
}

impl Default for OutagePolicy {
    fn default() -> Self {
        Self {
            lost_to_open: 3,
            replies_to_close: 3,
            loss_ratio: 0.3,
            window: Duration::from_secs(10),
        }
    }
}

/// Which rule opened an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenedBy {
    /// `lost_to_open` failures in a row.
    Run,
    /// Window loss above `loss_ratio`.
    WindowLoss,
}

/// The detector's word that something changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutageChange {
    /// The target is down.
    Opened {
        /// Send time of the first lost probe.
        since: MonoTime,
        /// Which rule.
        by: OpenedBy,
    },
    /// The target is back.
    Closed {
        /// As in `Opened`.
        since: MonoTime,
        /// Send time of the first of the replies that closed it.
        until: MonoTime,
        /// Finished probes sent inside: answers and failures.
        sent: u64,
        /// Failures among them.
        lost: u64,
    },
}

/// An outage as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutageSoFar {
    /// Send time of the first lost probe.
    pub since: MonoTime,
    /// Which rule opened it.
    pub opened_by: OpenedBy,
    /// Finished probes inside. Answers since the last failure are not in: they may be those that close it.
    pub sent: u64,
    /// Failures among them.
    pub lost: u64,
}

/// One target's up and down.
///
/// Two rules of its own beside MEASURING.md, both against a DOWN without evidence:
/// - The window opens an outage only by a failure and only with `lost_to_open` failures in it. One lost probe
///   of one, or of three at a slow interval, is 100 % or 33 % loss and no outage.
/// - What was seen before an outage closed never opens another: the window starts anew at the first reply
///   of those that closed it. Else three replies after a long outage would close it, and the window,
///   still full of its losses, would open it again.
///
/// The first lost probe of an outage opened by window loss is the oldest failure in that window.
/// A gap ends the window ([`OutageDetector::cut`]): losses on both sides of it are in no ratio together.
#[derive(Clone, Debug)]
pub struct OutageDetector {
    /// Usually that of all targets.
    policy: Arc<OutagePolicy>,
    /// Equal outcomes in a row, up to now.
    run: Run,
    /// What counts for the window rule, oldest first.
    window: VecDeque<Seen>,
    failures_in_window: u64,
    /// The open outage; its `sent` counts every finished probe here. Apart, because most targets have none.
    open: Option<Box<OutageSoFar>>,
}

/// Consecutive outcomes of one kind.
#[derive(Clone, Copy, Debug)]
struct Run {
    is_failure: bool,
    length: u64,
    since: MonoTime,
}

/// A finished probe in eight bytes: its send time, doubled, plus one for a failure.
#[derive(Clone, Copy, Debug)]
struct Seen(u64);

impl Seen {
    const fn new(sent_at: MonoTime, is_failure: bool) -> Self {
        Self(sent_at.as_nanos() << 1 | is_failure as u64)
    }

    const fn sent_at(self) -> MonoTime {
        MonoTime::from_nanos(self.0 >> 1)
    }

    const fn is_failure(self) -> bool {
        self.0 & 1 == 1
    }
}

impl OutageDetector {
    /// A target that is up.
    pub fn new(policy: Arc<OutagePolicy>) -> Self {
        let run = Run {
            is_failure: false,
            length: 0,
            since: MonoTime::ZERO,
        };
        Self {
            policy,
            run,
            window: VecDeque::new(),
            failures_in_window: 0,
            open: None,
        }
    }

    /// Judges by other numbers from now on; what was seen stays seen.
    pub fn set_policy(&mut self, policy: Arc<OutagePolicy>) {
        self.policy = policy;
    }

    /// The open outage.
    pub fn open(&self) -> Option<OutageSoFar> {
        let closing = if self.run.is_failure { 0 } else { self.run.length };
        self.open.as_deref().map(|open| OutageSoFar {
            sent: open.sent - closing,
            ..*open
        })
    }

    /// Loss of the window that counts for the window rule.
    pub fn window_loss(&self) -> Loss {
        Loss {
            failed: self.failures_in_window,
            finished: self.window.len() as u64,
        }
    }

    /// Takes the outcome of the probe sent at `sent_at`. Outcomes come in send order.
    pub fn on_outcome(&mut self, sent_at: MonoTime, outcome: Outcome) -> Option<OutageChange> {
        // Unsent and unmeasured are skipped: our own trouble is no evidence about the path.
        if !outcome.is_answer() && !outcome.is_failure() {
            return None;
        }
        let is_failure = outcome.is_failure();
        self.extend_run(sent_at, is_failure);
        self.extend_window(sent_at, is_failure);
        match &mut self.open {
            Some(open) => {
                open.sent += 1;
                open.lost += u64::from(is_failure);
                self.close_by_replies()
            }
            None if is_failure => self.open_by_run().or_else(|| self.open_by_window()),
            None => None,
        }
    }

    /// Ends the window, because slots passed unmeasured (a suspension, a stall, an overrun): a share of "the last 10 s"
    /// is not told by probes from before the hole, all the less as a suspension takes no time on the
    /// monotonic clock. An open outage goes on, and a row of equal outcomes skips the hole (MEASURING.md "Outage").
    pub fn cut(&mut self) {
        self.window.clear();
        self.failures_in_window = 0;
    }

    /// Forgets everything, because what comes next is not connected with it (the target was stopped, removed,
    /// or the run ends at `at`). An open outage ends there, as far as it was seen.
    pub fn interrupt(&mut self, at: MonoTime) -> Option<OutageChange> {
        let open = self.open.take();
        *self = Self::new(Arc::clone(&self.policy));
        open.map(|open| OutageChange::Closed {
            since: open.since,
            until: at,
            sent: open.sent,
            lost: open.lost,
        })
    }

    fn extend_run(&mut self, sent_at: MonoTime, is_failure: bool) {
        if self.run.length == 0 || self.run.is_failure != is_failure {
            self.run = Run {
                is_failure,
                length: 0,
                since: sent_at,
            };
        }
        self.run.length += 1;
    }

    fn extend_window(&mut self, sent_at: MonoTime, is_failure: bool) {
        if self.window.len() == self.window.capacity() {
            // An eighth and not twice as much: nearly all targets have a few entries, and there are 100,000 of them.
            self.window.reserve_exact(self.window.len() / 8 + 1);
        }
        self.window.push_back(Seen::new(sent_at, is_failure));
        self.failures_in_window += u64::from(is_failure);
        // Half open: at one probe a second, 10 s are 10 probes.
        let length = self.policy.window;
        while let Some(&oldest) = self.window.front()
            && (sent_at.since(oldest.sent_at()) >= length
                || self.window.len() > limits::OUTAGE_WINDOW_ENTRIES)
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let oldest = self.window.pop_front();
        self.failures_in_window -= u64::from(oldest.is_some_and(Seen::is_failure));
    }

    fn open_by_run(&mut self) -> Option<OutageChange> {
        let Run { length, since, .. } = self.run;
        let is_enough = length >= u64::from(self.policy.lost_to_open);
        is_enough.then(|| self.open_as(since, OpenedBy::Run, length, length))
    }

    fn open_by_window(&mut self) -> Option<OutageChange> {
        let has_evidence = self.failures_in_window >= u64::from(self.policy.lost_to_open);
        if !has_evidence || !self.window_loss().exceeds(self.policy.loss_ratio) {
            return None;
        }
        let first = self.window.iter().position(|seen| seen.is_failure())?;
        let sent = (self.window.len() - first) as u64;
        Some(self.open_as(
            self.window[first].sent_at(),
            OpenedBy::WindowLoss,
            sent,
            self.failures_in_window,
        ))
    }

    fn open_as(&mut self, since: MonoTime, by: OpenedBy, sent: u64, lost: u64) -> OutageChange {
        self.open = Some(Box::new(OutageSoFar {
            since,
            opened_by: by,
            sent,
            lost,
        }));
        OutageChange::Opened { since, by }
    }

    fn close_by_replies(&mut self) -> Option<OutageChange> {
        let open = self.open()?;
        let Run {
            is_failure,
            length,
            since: until,
        } = self.run;
        if is_failure || length < u64::from(self.policy.replies_to_close) {
            return None;
        }
        let is_window_bad = match open.opened_by {
            OpenedBy::Run => false,
            OpenedBy::WindowLoss => self.window_loss().exceeds(self.policy.loss_ratio),
        };
        if is_window_bad {
            return None;
        }
        self.open = None;
        // By number and not by time: after a stall several probes leave at the same moment.
        while self.window.len() as u64 > length {
            self.forget_oldest();
        }
        Some(OutageChange::Closed {
            since: open.since,
            until,
            sent: open.sent,
            lost: open.lost,
        })
    }
}

#[cfg(test)]
#[path = "outage_tests.rs"]
mod tests;
