//! Decides when a target is down, from probe outcomes alone.
//!
//! Input: outcomes of one target, in send order. Output: [`OutageChange`]s.
//! An outage begins when its *first* lost probe was sent, not when we became sure of it.
//! Pure: no clock, no I/O; the caller supplies every instant. Not here: who is told (`alert`).

use std::time::Duration;

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
        Self { lost_to_open: 3, replies_to_close: 3, loss_ratio: 0.3, window: Duration::from_secs(10) }
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
