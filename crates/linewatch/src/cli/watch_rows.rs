//! Keeps the open rows of `watch`'s plain table: which probes were sent in which span, and when a row is complete.
//!
//! Spans lie on the monotonic clock, so that a calendar that is set moves no probe into another row; a row gets its
//! calendar labels when it is printed. Not here: what a row looks like (`linewatch_render::text`).

use std::collections::BTreeMap;
use std::time::Duration;

use linewatch_core::record::{Counts, ProbeRecord};
use linewatch_core::time::{Anchor, MonoTime, Rtt, WallTime, nanos_of};

const SECOND_NS: i64 = 1_000_000_000;
/// A decided probe needs this long to get from the engine to here: a batch's age, and a busy computer.
const HAND_OVER: Duration = Duration::from_millis(100);

/// What a row will say of one target.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    /// Fates.
    pub counts: Counts,
    rtt_sum_ns: u128,
    rtts: u64,
}

impl Span {
    fn add(&mut self, record: &ProbeRecord) {
        self.counts.add(record);
        if let Some(rtt) = record.rtt {
            self.rtt_sum_ns += u128::from(rtt.as_nanos());
            self.rtts += 1;
        }
    }

    /// Mean over the answers.
    pub(super) fn avg_rtt(&self) -> Option<Rtt> {
        let avg_ns = self.rtt_sum_ns.checked_div(u128::from(self.rtts))?;
        Some(Rtt::from_nanos(avg_ns as u64))
    }
}

/// See the module. Rows are numbered from 0; the first begins with the calendar second of the start.
#[derive(Debug)]
pub(super) struct Rows {
    every: Duration,
    start: MonoTime,
    /// How much of the first row had passed at the start.
    passed_ns: u64,
    next: u64,
    open: BTreeMap<u64, BTreeMap<usize, Span>>,
}

impl Rows {
    /// Rows of this length.
    pub(super) fn new(every: Duration, start: Anchor) -> Self {
        let passed_ns = start.wall.as_nanos().rem_euclid(SECOND_NS).unsigned_abs();
        Self {
            every,
            start: start.mono,
            passed_ns,
            next: 0,
            open: BTreeMap::new(),
        }
    }

    /// Adds a decided probe of the line at this place.
    pub(super) fn add(&mut self, line: usize, record: &ProbeRecord) {
        let since_ns = nanos_of(record.sent_at.since(self.start)).saturating_add(self.passed_ns);
        let number = since_ns / nanos_of(self.every);
        let row = self.open.entry(number).or_default();
        row.entry(line).or_default().add(record);
    }

    /// The next row that nothing can be added to any more: `slowest` is how long a probe may still take, zero when none
    /// is in flight. A probe decided later than that gets its span a second row, so that the rows always add up.
    pub(super) fn complete(&mut self, now: MonoTime, slowest: Duration) -> Option<u64> {
        let overdue = self.open.keys().next().filter(|number| **number < self.next);
        if let Some(number) = overdue {
            return Some(*number);
        }
        let decided_at = self.begin_of(self.next + 1).plus(slowest).plus(HAND_OVER);
        (now >= decided_at).then(|| self.advance())
    }

    /// The next row that has something to say, at the end of the run.
    pub(super) fn left(&mut self) -> Option<u64> {
        self.open.keys().next().copied().inspect(|number| {
            self.next = self.next.max(*number + 1);
        })
    }

    /// Takes what is known of a row.
    pub(super) fn take(&mut self, number: u64) -> BTreeMap<usize, Span> {
        self.open.remove(&number).unwrap_or_default()
    }

    /// First second and end of a row on today's calendar.
    pub(super) fn labels(&self, number: u64, anchor: Anchor) -> (WallTime, WallTime) {
        let from_ns = if number == 0 {
            anchor.wall_at(self.start).as_nanos() - self.passed_ns as i64
        } else {
            anchor.wall_at(self.begin_of(number)).as_nanos()
        };
        // The calendar is slewed by microseconds while rows are whole seconds.
        let from_s = from_ns.saturating_add(SECOND_NS / 2).div_euclid(SECOND_NS);
        let from = WallTime::from_nanos(from_s.saturating_mul(SECOND_NS));
        (from, from.plus(self.every))
    }

    fn advance(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    fn begin_of(&self, number: u64) -> MonoTime {
        let since_ns = nanos_of(self.every)
            .saturating_mul(number)
            .saturating_sub(self.passed_ns);
        self.start.plus(Duration::from_nanos(since_ns))
    }
}

#[cfg(test)]
mod tests {
    use linewatch_core::record::{Cause, Class, Outcome};
    use linewatch_core::target::TargetId;

    use super::*;

    const EVERY: Duration = Duration::from_secs(1);

    fn anchor(mono_ms: u64, wall_ms: i64) -> Anchor {
        Anchor {
            mono: at(mono_ms),
            wall: WallTime::from_nanos(wall_ms * 1_000_000),
        }
    }

    fn at(mono_ms: u64) -> MonoTime {
        MonoTime::from_nanos(mono_ms * 1_000_000)
    }

    fn lost(sent_ms: u64) -> ProbeRecord {
        ProbeRecord {
            target: TargetId(1),
            seq: 0,
            due_at: at(sent_ms),
            sent_at: at(sent_ms),
            outcome: Outcome::Lost,
            rtt: None,
            host_rtt: None,
            class: Class::K,
            cause: Cause::None,
            is_reordered: false,
        }
    }

    #[test]
    fn a_row_waits_for_its_slowest_probe_and_no_longer() {
        let mut rows = Rows::new(EVERY, anchor(0, 5_400));
        rows.add(0, &lost(500));
        assert_eq!(rows.complete(at(2_600), Duration::from_secs(2)), None);
        assert_eq!(rows.complete(at(2_700), Duration::from_secs(2)), Some(0));
        assert_eq!(rows.take(0)[&0].counts.lost, 1);
        assert_eq!(rows.complete(at(2_700), Duration::from_secs(2)), None);
    }

    #[test]
    fn a_probe_decided_too_late_gets_a_row_of_its_own_and_the_end_is_an_end() {
        let mut rows = Rows::new(EVERY, anchor(0, 0));
        assert_eq!(rows.complete(at(1_100), Duration::ZERO), Some(0));
        rows.add(0, &lost(900));
        rows.add(0, &lost(7_000));
        assert_eq!(rows.complete(at(1_100), Duration::ZERO), Some(0), "again");
        rows.take(0);
        assert_eq!(rows.complete(at(1_100), Duration::ZERO), None);
        assert_eq!(rows.left(), Some(7));
        rows.take(7);
        assert_eq!(rows.left(), None);
    }

    #[test]
    fn a_calendar_that_is_set_moves_labels_and_no_probe() {
        let mut rows = Rows::new(EVERY, anchor(0, 5_400));
        rows.add(0, &lost(700));
        let (from, to) = rows.labels(1, anchor(2_000, 7_400));
        assert_eq!((from.as_millis(), to.as_millis()), (6_000, 7_000));
        let (from, _) = rows.labels(1, anchor(2_000, 3_607_400));
        assert_eq!(from.as_millis(), 3_606_000, "an hour later");
        assert_eq!(rows.labels(0, anchor(2_000, 7_400)).0.as_millis(), 5_000);
        assert_eq!(rows.left(), Some(1), "700 ms after 5.4 s is in the second row");
    }
}
