//! Keeps the last 60 s of one target: its sparkline, and what the store has not committed yet.

use std::collections::VecDeque;
use std::time::Duration;

use linewatch_core::limits::{LIVE_TRAIL, LIVE_TRAIL_FAST, LIVE_TRAIL_ROWS};
use linewatch_core::time::WallTime;

use super::row::{Bin, Row, Stride, wall_us};
use crate::api::{GapRow, Spark};

/// An answer later than this has no place in the last minute. The store has it within a second.
const LATE_KEPT: Duration = Duration::from_secs(180);
/// Holes of one trail; more than one in two seconds is no picture any more.
const GAPS: usize = 32;

/// The newest rows of one target, in order of their decision.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    pub(crate) is_fast: bool,
    rows: Rows,
    bins: VecDeque<Bin>,
    gaps: VecDeque<GapRow>,
}

impl Trail {
    /// Adds a probe and forgets what is too old beside it.
    pub(crate) fn push(&mut self, row: Row) {
        let kept = if self.is_fast { LIVE_TRAIL_FAST } else { LIVE_TRAIL };
        let oldest_us = row.at_us - length_us(kept);
        let behind_us = self.rows.last().map_or(0, |last| last.at_us - row.at_us);
        if row.is_stray() && behind_us > length_us(LATE_KEPT) {
            return;
        }
        while self.rows.front().is_some_and(|front| front.at_us < oldest_us)
            || self.rows.len() >= LIVE_TRAIL_ROWS
        {
            self.rows.pop_front();
        }
        self.rows.push_back(row);
    }

    /// Adds a bin of a fast target.
    pub(crate) fn push_bin(&mut self, bin: Bin) {
        let oldest_us = bin.at_us - length_us(LIVE_TRAIL);
        while self.bins.front().is_some_and(|front| front.at_us < oldest_us)
            || self.bins.len() >= LIVE_TRAIL_ROWS
        {
            self.bins.pop_front();
        }
        self.bins.push_back(bin);
    }

    /// Adds a hole.
    pub(crate) fn push_gap(&mut self, gap: GapRow) {
        if self.gaps.len() >= GAPS {
            self.gaps.pop_front();
        }
        self.gaps.push_back(gap);
    }

    /// Whether the store, whose newest probe has the number `newest`, is behind what a fast target still has here:
    /// then probes sent since `from` are in neither.
    pub(crate) fn has_hole_after(&self, newest: Option<u64>, from: WallTime) -> bool {
        let next = newest.map_or(0, |newest| newest + 1);
        let is_hole = |front: Row| front.at_us > wall_us(from) && front.seq > next;
        self.is_fast && self.rows.front().is_some_and(is_hole)
    }

    /// Single probes sent in `from..to`.
    pub(crate) fn rows_between(&self, from: WallTime, to: WallTime) -> impl Iterator<Item = Row> {
        let (from, to) = (wall_us(from), wall_us(to));
        self.rows
            .iter()
            .filter(move |row| (from..to).contains(&row.at_us))
    }

    /// Holes that touch `from..to`.
    pub(crate) fn gaps_between(&self, from: WallTime, to: WallTime) -> impl Iterator<Item = GapRow> {
        let (from, to) = (from.as_millis(), to.as_millis());
        self.gaps
            .iter()
            .copied()
            .filter(move |gap| gap.2 < to && gap.3 >= from)
    }

    /// The last 60 s before `now`.
    pub(crate) fn spark(&self, now: WallTime) -> Spark {
        let from = now.minus(LIVE_TRAIL);
        let base = from.as_millis();
        let mut rows: Vec<Row> = Vec::new();
        if !self.is_fast {
            rows.extend(self.rows.iter().filter(|row| row.at_us >= wall_us(from)));
            rows.sort_unstable_by_key(|row| (row.at_us, row.seq));
        }
        Spark {
            base,
            d: rows.into_iter().map(|row| row.to_wire(base)).collect(),
            m: self
                .bins
                .iter()
                .filter(|bin| bin.at_us >= wall_us(from))
                .map(|bin| bin.to_wire(base))
                .collect(),
            g: self.gaps.iter().filter(|gap| gap.3 >= base).copied().collect(),
        }
    }
}

/// Rows of one target, each but the first told from the one before it: half the room, and 10,000 targets have 600,000.
#[derive(Debug, Default)]
struct Rows {
    /// The first and the last; the same when there is one only.
    ends: Option<(Row, Row)>,
    /// From the first to the second, and so on.
    steps: VecDeque<Stride>,
}

impl Rows {
    fn len(&self) -> usize {
        self.steps.len() + usize::from(self.ends.is_some())
    }

    fn front(&self) -> Option<Row> {
        self.ends.map(|(first, _)| first)
    }

    fn last(&self) -> Option<Row> {
        self.ends.map(|(_, last)| last)
    }

    fn pop_front(&mut self) {
        self.ends = match (self.ends, self.steps.pop_front()) {
            (Some((first, last)), Some(step)) => Some((step.after(&first), last)),
            _ => None,
        };
    }

    /// Adds a row. One too far from the last is of another time (a pause, a set calendar): then those before have no place here.
    fn push_back(&mut self, row: Row) {
        self.ends = match self.ends {
            Some((first, last)) => match Stride::between(&last, &row) {
                Some(step) => {
                    self.steps.push_back(step);
                    Some((first, row))
                }
                None => {
                    self.steps.clear();
                    Some((row, row))
                }
            },
            None => Some((row, row)),
        };
    }

    fn iter(&self) -> impl Iterator<Item = Row> {
        let rest = self.ends.into_iter().flat_map(|(first, _)| {
            let mut at = first;
            self.steps.iter().map(move |step| {
                at = step.after(&at);
                at
            })
        });
        self.front().into_iter().chain(rest)
    }
}

const fn length_us(length: Duration) -> i64 {
    length.as_micros() as i64
}

#[cfg(test)]
mod tests {
    use linewatch_core::record::{Stray, StrayKind};
    use linewatch_core::target::TargetId;
    use linewatch_core::time::{Anchor, MonoTime, Rtt};

    use super::*;
    use crate::tests::data::reply;

    const BEGIN: Anchor = Anchor {
        mono: MonoTime::ZERO,
        wall: WallTime::from_nanos(0),
    };

    fn at(second: u64) -> MonoTime {
        MonoTime::from_nanos(second * 1_000_000_000)
    }

    fn row(second: u64) -> Row {
        Row::of_record(&reply(7, second, at(second), 40), BEGIN)
    }

    fn late(second: u64) -> Row {
        let stray = Stray {
            target: TargetId(7),
            seq: second,
            kind: StrayKind::Late,
            sent_at: at(second),
            delay: Some(Rtt::from_nanos(5_000_000_000)),
        };
        Row::of_stray(&stray, BEGIN).expect("a late answer has a row")
    }

    fn kept(rows: impl IntoIterator<Item = Row>) -> Vec<Row> {
        let mut trail = Trail::default();
        rows.into_iter().for_each(|row| trail.push(row));
        trail.rows.iter().collect()
    }

    #[test]
    fn a_trail_is_the_rows_of_the_last_minute_as_they_came() {
        let all: Vec<Row> = (3000..3200).map(row).collect();
        assert_eq!(kept(all.clone()), all[200 - 61..]);
        let with_late = [row(3000), row(3010), late(3001), row(3011)];
        assert_eq!(kept(with_late), with_late);
    }

    #[test]
    fn an_answer_of_an_hour_ago_takes_nothing_away() {
        let minute: Vec<Row> = (5000..5060).map(row).collect();
        let with_late = minute.iter().copied().chain([late(1000), row(5060)]);
        assert_eq!(kept(with_late), [minute.clone(), vec![row(5060)]].concat());
    }

    #[test]
    fn a_probe_after_a_long_pause_begins_anew() {
        let begun = [row(1000), row(1001)];
        assert_eq!(kept(begun.into_iter().chain([row(9000)])), [row(9000)]);
    }
}
