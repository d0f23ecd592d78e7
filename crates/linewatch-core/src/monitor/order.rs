//! Puts the outcomes of one target back into send order.
//!
//! Records arrive as they are decided: a reply at once, a loss only after its time-out, so later replies
//! overtake it. The outage rules need send order. A probe in flight therefore holds back later ones, at most
//! until its own time-out: three losses in a row are known when the third has timed out, as they would be
//! without this buffer. Sequence numbers have no holes over records and gaps together, which tells what is
//! missing; [`SendOrder::give_up`] steps over what never comes. Not here: what the outcomes mean (`outage`).

use std::collections::VecDeque;

use crate::limits;
use crate::record::Outcome;
use crate::time::{MonoTime, Rtt};

/// One finished probe, or a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settled {
    /// First sequence number.
    pub(super) seq: u64,
    /// How many of them: 1 for a probe; a gap may have none and then stands before the probe of this number.
    pub(super) slots: u64,
    /// When the probe was sent; for a gap, when it became known.
    pub(super) sent_at: MonoTime,
    /// `None` for a gap.
    pub(super) outcome: Option<Outcome>,
    /// Of an answer that has one.
    pub(super) rtt: Option<Rtt>,
}

impl Settled {
    /// A gap without slots comes before the probe of its number, whichever was told first.
    const fn place(&self) -> (u64, bool) {
        (self.seq, self.slots > 0)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct SendOrder {
    /// Everything below has been handed out.
    next_seq: u64,
    /// By sequence number, all at or above `next_seq`.
    waiting: VecDeque<Settled>,
}

impl SendOrder {
    /// Takes an outcome that may be the next one, and then hands it out at once.
    pub(super) fn pass(&mut self, settled: Settled) -> Option<Settled> {
        if self.waiting.is_empty() && settled.seq == self.next_seq {
            self.next_seq += settled.slots;
            return Some(settled);
        }
        self.add(settled);
        None
    }

    /// Takes an outcome. One that comes after it was given up is dropped: the order has passed it.
    fn add(&mut self, settled: Settled) {
        if settled.seq < self.next_seq {
            return;
        }
        match self.waiting.back() {
            Some(newest) if settled.place() < newest.place() => {
                let at = self
                    .waiting
                    .partition_point(|other| other.place() < settled.place());
                self.waiting.insert(at, settled);
            }
            _ => self.waiting.push_back(settled),
        }
        if self.waiting.len() > limits::IN_FLIGHT_PER_TARGET {
            self.skip_missing();
        }
    }

    /// Everything below `first_seq` was somebody else's.
    pub(super) fn begin_at(&mut self, first_seq: u64) {
        self.next_seq = self.next_seq.max(first_seq);
    }

    /// The next outcome in send order, if it is known.
    pub(super) fn next(&mut self) -> Option<Settled> {
        if self.waiting.front()?.seq > self.next_seq {
            return None;
        }
        let settled = self.waiting.pop_front()?;
        if self.waiting.is_empty() {
            // Probes in order need no memory at all, and most are.
            self.waiting = VecDeque::new();
        }
        self.next_seq = self.next_seq.max(settled.seq + settled.slots);
        Some(settled)
    }

    /// Steps over missing numbers in front of a probe sent before `before`: whatever was sent earlier still
    /// must have been decided by then, so its record is not coming.
    pub(super) fn give_up(&mut self, before: MonoTime) {
        if self.waiting.front().is_some_and(|first| first.sent_at < before) {
            self.skip_missing();
        }
    }

    fn skip_missing(&mut self) {
        if let Some(first) = self.waiting.front() {
            self.next_seq = self.next_seq.max(first.seq);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(seq: u64) -> Settled {
        Settled {
            seq,
            slots: 1,
            sent_at: MonoTime::from_nanos(seq),
            outcome: Some(Outcome::Reply),
            rtt: None,
        }
    }

    fn drain(order: &mut SendOrder) -> Vec<u64> {
        std::iter::from_fn(|| order.next())
            .map(|settled| settled.seq)
            .collect()
    }

    /// Feeds sequence numbers one by one and tells what comes out after each.
    #[track_caller]
    fn check(arrivals: &[u64], expected: &[&[u64]]) {
        let mut order = SendOrder::default();
        let mut handed_out = Vec::new();
        for &seq in arrivals {
            order.add(probe(seq));
            handed_out.push(drain(&mut order));
        }
        assert_eq!(handed_out, expected, "{arrivals:?}");
    }

    #[test]
    fn what_comes_in_order_passes_at_once() {
        check(&[0, 1, 2], &[&[0], &[1], &[2]]);
    }

    #[test]
    fn a_probe_in_flight_holds_back_later_ones_until_it_is_decided() {
        check(&[1, 2, 0, 3], &[&[], &[], &[0, 1, 2], &[3]]);
    }

    #[test]
    fn a_gap_fills_its_numbers() {
        let mut order = SendOrder::default();
        order.add(probe(1003));
        order.add(Settled {
            slots: 1003,
            outcome: None,
            ..probe(0)
        });
        assert_eq!(drain(&mut order), [0, 1003]);
    }

    #[test]
    fn a_gap_without_slots_stands_between_the_probes_around_it() {
        for is_told_first in [true, false] {
            let mut order = SendOrder::default();
            let cut = Settled {
                slots: 0,
                outcome: None,
                ..probe(2)
            };
            let mut told = [probe(2), cut];
            if is_told_first {
                told.reverse();
            }
            told.into_iter().for_each(|settled| order.add(settled));
            [probe(1), probe(0)]
                .into_iter()
                .for_each(|settled| order.add(settled));
            let slots: Vec<_> = std::iter::from_fn(|| order.next())
                .map(|settled| settled.slots)
                .collect();
            assert_eq!(slots, [1, 1, 0, 1]);
        }
    }

    #[test]
    fn a_missing_record_is_stepped_over_once_it_cannot_come() {
        let mut order = SendOrder::default();
        order.add(probe(5));
        order.give_up(MonoTime::from_nanos(5));
        assert_eq!(drain(&mut order), [] as [u64; 0], "5 was not sent before 5");
        order.give_up(MonoTime::from_nanos(6));
        assert_eq!(drain(&mut order), [5]);
        order.add(probe(4));
        assert_eq!(drain(&mut order), [] as [u64; 0], "the order has passed 4");
    }

    #[test]
    fn memory_is_bounded_when_a_record_never_comes() {
        let mut order = SendOrder::default();
        for seq in 1..=limits::IN_FLIGHT_PER_TARGET as u64 + 1 {
            order.add(probe(seq));
        }
        assert_eq!(drain(&mut order).len(), limits::IN_FLIGHT_PER_TARGET + 1);
    }
}
