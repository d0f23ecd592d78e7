//! Holds what one span of a session came to: the figures of a row, and an outage as S3 counts it.
//!
//! Not here: which probe belongs to which span (`tally`), what a row looks like (`files`).

use linewatch_core::record::{Counts, Loss};
use linewatch_core::rollup::{Rollup, SMOKE_SHARES};
use linewatch_core::time::{Rtt, WallTime};

/// The figures of one second, or of several that follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Begin of the span.
    pub from: WallTime,
    /// Probes that left and were decided: received + failed.
    pub sent: u64,
    /// Replied and refused.
    pub received: u64,
    /// Lost and unreachable.
    pub failed: u64,
    /// This computer did not get them out.
    pub unsent: u64,
    /// Could not be seen.
    pub unmeasured: u64,
    /// Sum of the round trips, nanoseconds.
    pub rtt_sum_ns: u128,
    /// Round trips in that sum.
    pub rtts: u64,
    /// Its loss, or that of one second of it, was strictly above the threshold.
    pub is_outage: bool,
    /// Nine quantiles of the round trips ([`SMOKE_SHARES`]); of single seconds only.
    pub quantiles: Option<[Rtt; 9]>,
}

impl Row {
    /// A span that begins then, without a probe.
    pub fn new(from: WallTime) -> Self {
        Self {
            from,
            ..Self::default()
        }
    }

    /// One second.
    pub fn of_second(from: WallTime, rollup: &Rollup, loss_threshold: f64) -> Self {
        let counts = rollup.counts();
        let quantiles = rollup.quantiles(SMOKE_SHARES);
        Self {
            from,
            sent: counts.sent(),
            received: counts.replied + counts.refused,
            failed: counts.loss().failed,
            unsent: counts.unsent,
            unmeasured: counts.unmeasured,
            rtt_sum_ns: rollup.sum_ns(),
            rtts: rollup.rtt_count(),
            is_outage: counts.loss().exceeds(loss_threshold),
            quantiles: quantiles[0].map(|first| quantiles.map(|found| found.unwrap_or(first))),
        }
    }

    /// Adds a second to the span.
    pub fn add(&mut self, second: &Self) {
        self.sent += second.sent;
        self.received += second.received;
        self.failed += second.failed;
        self.unsent += second.unsent;
        self.unmeasured += second.unmeasured;
        self.rtt_sum_ns += second.rtt_sum_ns;
        self.rtts += second.rtts;
        self.is_outage |= second.is_outage;
        self.quantiles = None;
    }

    /// Mean round trip, rounded to a nanosecond.
    pub fn avg(&self) -> Option<Rtt> {
        let half = u128::from(self.rtts) / 2;
        let avg_ns = (self.rtt_sum_ns + half).checked_div(u128::from(self.rtts))?;
        Some(Rtt::from_nanos(avg_ns as u64))
    }

    /// Loss.
    pub const fn loss(&self) -> Loss {
        Loss {
            failed: self.failed,
            finished: self.sent,
        }
    }
}

/// Calendar seconds with loss above the threshold that follow each other (MEASURING.md "S3 outage").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecondOutage {
    /// Its first second.
    pub from: WallTime,
    /// Its last second, inclusive.
    pub to: WallTime,
    /// Finished probes in it.
    pub sent: u64,
    /// Answered ones.
    pub received: u64,
}

impl SecondOutage {
    pub(super) const fn of(second: &Row) -> Self {
        Self {
            from: second.from,
            to: second.from,
            sent: second.sent,
            received: second.received,
        }
    }

    /// Seconds, the first and the last included.
    pub const fn seconds(&self) -> u64 {
        let between_ns = self.to.nanos_after(self.from);
        (if between_ns > 0 { between_ns as u64 } else { 0 }) / 1_000_000_000 + 1
    }

    /// Loss.
    pub const fn loss(&self) -> Loss {
        Loss {
            failed: self.sent - self.received,
            finished: self.sent,
        }
    }
}

/// Counts of a whole run as rows sum them: `scheduled` and `in_flight` come from the engine.
pub(super) fn decided(counts: &Counts) -> Counts {
    Counts {
        scheduled: counts.finished(),
        in_flight: 0,
        ..*counts
    }
}
