//! Sums what probes became: the counts of a span, and the loss that follows from them.
//!
//! Not here: what one probe became (`record`), and statistics of times (`stats`).

use super::{Outcome, ProbeRecord, Stray, StrayKind};
use crate::time::Rtt;

/// The counts of MEASURING.md over some span. `scheduled` is always the sum of the six outcomes and `in_flight`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counts {
    /// Slots.
    pub scheduled: u64,
    /// Answered.
    pub replied: u64,
    /// Answered: port closed.
    pub refused: u64,
    /// The path said no.
    pub unreachable: u64,
    /// Silence.
    pub lost: u64,
    /// Not sent by us.
    pub unsent: u64,
    /// Not seen by us.
    pub unmeasured: u64,
    /// Still undecided.
    pub in_flight: u64,
    /// Replies after their time-out (beside the law).
    pub late: u64,
    /// Replies slower than [`crate::limits::SLOW_REPLY`] (a part of `replied`).
    pub slow: u64,
    /// Second replies (beside the law).
    pub duplicate: u64,
    /// Replies out of order (a part of `replied`).
    pub reordered: u64,
    /// Made up by somebody (beside the law).
    pub forged: u64,
}

impl Counts {
    /// Adds one finished probe.
    pub fn add(&mut self, record: &ProbeRecord) {
        self.add_outcome(record.outcome, record.rtt, record.is_reordered);
    }

    /// Adds one finished probe of which only this is known.
    pub fn add_outcome(&mut self, outcome: Outcome, rtt: Option<Rtt>, is_reordered: bool) {
        match outcome {
            Outcome::Reply => {
                self.replied += 1;
                if rtt.is_some_and(|rtt| u128::from(rtt.as_nanos()) > crate::limits::SLOW_REPLY.as_nanos()) {
                    self.slow += 1;
                }
            }
            Outcome::Refused => self.refused += 1,
            Outcome::Unreachable => self.unreachable += 1,
            Outcome::Lost => self.lost += 1,
            Outcome::Unsent => self.unsent += 1,
            Outcome::Unmeasured => self.unmeasured += 1,
        }
        self.reordered += u64::from(is_reordered);
    }

    /// Adds one answer beside the records.
    pub fn add_stray(&mut self, stray: &Stray) {
        self.add_stray_kind(stray.kind);
    }

    /// Adds one answer beside the records of which only the kind is known.
    pub fn add_stray_kind(&mut self, kind: StrayKind) {
        match kind {
            StrayKind::Late => self.late += 1,
            StrayKind::Duplicate => self.duplicate += 1,
            StrayKind::Forged => self.forged += 1,
        }
    }

    /// Adds everything `other` has counted.
    pub fn merge(&mut self, other: &Self) {
        self.scheduled += other.scheduled;
        self.replied += other.replied;
        self.refused += other.refused;
        self.unreachable += other.unreachable;
        self.lost += other.lost;
        self.unsent += other.unsent;
        self.unmeasured += other.unmeasured;
        self.in_flight += other.in_flight;
        self.late += other.late;
        self.slow += other.slow;
        self.duplicate += other.duplicate;
        self.reordered += other.reordered;
        self.forged += other.forged;
    }

    /// Probes with a fate: what is no longer in flight.
    pub const fn finished(&self) -> u64 {
        self.replied + self.refused + self.unreachable + self.lost + self.unsent + self.unmeasured
    }

    /// Probes handed to the kernel with a fate or in flight, as far as that is known: all but `unsent`,
    /// and all but the unmeasured ones, of which some never left.
    pub const fn sent(&self) -> u64 {
        self.replied + self.refused + self.unreachable + self.lost + self.in_flight
    }

    /// The law of MEASURING.md "Conservation".
    pub const fn is_conserved(&self) -> bool {
        self.scheduled == self.finished() + self.in_flight
    }

    /// Loss over these counts.
    pub const fn loss(&self) -> Loss {
        Loss {
            failed: self.lost + self.unreachable,
            finished: self.replied + self.refused + self.lost + self.unreachable,
        }
    }
}

/// Loss as what it is: two integers (RFC 6673). A ratio only at the moment of showing it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Loss {
    /// Lost and unreachable.
    pub failed: u64,
    /// Probes that count: replied, refused, lost, unreachable.
    pub finished: u64,
}

impl Loss {
    /// The ratio, `None` when nothing counts.
    pub fn ratio(self) -> Option<f64> {
        (self.finished > 0).then(|| self.failed as f64 / self.finished as f64)
    }

    /// Parts per million, rounded half up but never to 0 or to all unless it is exactly that.
    pub fn ppm(self) -> Option<u32> {
        if self.finished == 0 {
            return None;
        }
        let exact = u128::from(self.failed) * 1_000_000;
        let rounded = ((exact + u128::from(self.finished) / 2) / u128::from(self.finished)) as u32;
        Some(match (self.failed, self.failed == self.finished) {
            (0, _) => 0,
            (_, true) => 1_000_000,
            _ => rounded.clamp(1, 999_999),
        })
    }

    /// Whether loss is strictly above `ratio`; false when nothing counts.
    pub fn exceeds(self, ratio: f64) -> bool {
        self.ratio().is_some_and(|loss| loss > ratio)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_ppm(failed: u64, finished: u64, expected: Option<u32>) {
        assert_eq!(
            Loss { failed, finished }.ppm(),
            expected,
            "{failed} of {finished}"
        );
    }

    #[test]
    fn loss_is_zero_only_when_nothing_was_lost() {
        check_ppm(0, 10, Some(0));
        check_ppm(1, 10_000_000, Some(1));
    }

    #[test]
    fn loss_is_all_only_when_all_was_lost() {
        check_ppm(9_999_999, 10_000_000, Some(999_999));
        check_ppm(7, 7, Some(1_000_000));
    }

    #[test]
    fn loss_of_nothing_is_no_number() {
        check_ppm(0, 0, None);
    }
}
