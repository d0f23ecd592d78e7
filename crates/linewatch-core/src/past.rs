//! Sums a span of a series up: what the overview says of a day or a month.
//!
//! Input: rollups, the spans in which a series has any, gaps, outages. Output: [`SeriesSum`]s, which merge. Measured
//! time is that of the buckets with probes less the gaps, in the share of the probes whose outcome is known, so that
//! pauses, suspensions and unsent probes are in neither side of an availability. Not here: reading (the store).

use std::ops::Range;
use std::time::Duration;

use crate::record::Loss;
use crate::rollup::Rollup;
use crate::target::TargetId;
use crate::time::{Rtt, WallTime};

/// Why history cannot be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryError(pub String);

impl std::fmt::Display for HistoryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for HistoryError {}

/// Which series over which span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SumQuery {
    /// The series.
    pub targets: Vec<TargetId>,
    /// Begin; rounded down to a whole bucket.
    pub from: WallTime,
    /// End, after `from`: now at the latest, or time that has not been yet counts as measured.
    pub to: WallTime,
}

/// What one series was over a span.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeriesSum {
    /// Every finished probe.
    pub rollup: Rollup,
    /// Time in which outcomes were known.
    pub measured: Duration,
    /// The part of it in outages.
    pub down: Duration,
    /// Outages that touch the span.
    pub outages: u64,
}

impl SeriesSum {
    /// Adds another series, or another span, of the same target.
    pub fn merge(&mut self, other: &Self) {
        self.rollup.merge(&other.rollup);
        self.measured = self.measured.saturating_add(other.measured);
        self.down = self.down.saturating_add(other.down);
        self.outages += other.outages;
    }

    /// Share of the measured time outside outages in parts per million, rounded down; `None` before any.
    pub fn availability_ppm(&self) -> Option<u32> {
        let up = self.measured.checked_sub(self.down).unwrap_or_default();
        share_ppm(up, self.measured)
    }

    /// Share of a span of this length that was measured, in parts per million, rounded down.
    pub fn coverage_ppm(&self, span: Duration) -> Option<u32> {
        share_ppm(self.measured.min(span), span)
    }
}

/// `part` of `whole` in parts per million, rounded down; `None` of nothing.
pub fn share_ppm(part: Duration, whole: Duration) -> Option<u32> {
    let (part, whole) = (part.as_nanos(), whole.as_nanos());
    (whole > 0).then(|| u32::try_from(part.min(whole) * 1_000_000 / whole).unwrap_or(1_000_000))
}

/// One short stretch of a series, for a strip of coloured cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Its series.
    pub target: TargetId,
    /// Begin; 10 min long.
    pub from: WallTime,
    /// Mean RTT of its answers.
    pub avg: Option<Rtt>,
    /// Failed over finished probes.
    pub loss: Loss,
}

/// How long of the time in `present` lies in none of `gaps`. Both may overlap themselves and come in any order.
pub fn length_outside(present: Vec<Range<WallTime>>, gaps: Vec<Range<WallTime>>) -> Duration {
    let (present, gaps) = (united(present), united(gaps));
    let (mut length_ns, mut first_gap) = (0_u64, 0);
    for span in present {
        length_ns = length_ns.saturating_add(length_of(&span));
        // Gaps that end before this span end before every later one.
        while gaps.get(first_gap).is_some_and(|gap| gap.end <= span.start) {
            first_gap += 1;
        }
        for gap in gaps[first_gap..].iter().take_while(|gap| gap.start < span.end) {
            let inside = gap.start.max(span.start)..gap.end.min(span.end);
            length_ns = length_ns.saturating_sub(length_of(&inside));
        }
    }
    Duration::from_nanos(length_ns)
}

fn length_of(span: &Range<WallTime>) -> u64 {
    u64::try_from(span.end.nanos_after(span.start)).unwrap_or(0)
}

/// The same moments in spans that ascend and do not touch.
fn united(mut spans: Vec<Range<WallTime>>) -> Vec<Range<WallTime>> {
    spans.retain(|span| span.start < span.end);
    spans.sort_unstable_by_key(|span| span.start);
    let mut found = Vec::<Range<WallTime>>::new();
    for span in spans {
        match found.last_mut().filter(|last| span.start <= last.end) {
            Some(last) => last.end = last.end.max(span.end),
            None => found.push(span),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(seconds: &[(i64, i64)]) -> Vec<Range<WallTime>> {
        let at = |second: i64| WallTime::from_nanos(second * 1_000_000_000);
        seconds.iter().map(|(from, to)| at(*from)..at(*to)).collect()
    }

    #[track_caller]
    fn check(present: &[(i64, i64)], gaps: &[(i64, i64)], seconds: u64) {
        let length = length_outside(spans(present), spans(gaps));
        assert_eq!(length, Duration::from_secs(seconds), "{present:?} {gaps:?}");
    }

    #[test]
    fn a_moment_counts_once_however_many_spans_and_gaps_hold_it() {
        check(&[(0, 60), (60, 120)], &[], 120);
        check(&[(0, 60), (30, 90)], &[], 90);
        check(&[(60, 120), (0, 60)], &[(50, 70)], 100);
        check(&[(0, 100)], &[(10, 40), (20, 50), (90, 200)], 50);
        check(&[(0, 10), (100, 110)], &[(5, 105)], 10);
        check(&[(0, 10)], &[(0, 10), (20, 30)], 0);
        check(&[], &[(0, 10)], 0);
        check(&[(0, 10)], &[(8, 3)], 10);
    }

    #[test]
    fn availability_is_rounded_down_and_of_nothing_there_is_none() {
        let sum = |measured: u64, down: u64| SeriesSum {
            measured: Duration::from_nanos(measured),
            down: Duration::from_nanos(down),
            ..SeriesSum::default()
        };
        assert_eq!(sum(0, 0).availability_ppm(), None);
        assert_eq!(sum(10_000_000, 1).availability_ppm(), Some(999_999));
        assert_eq!(sum(10, 0).availability_ppm(), Some(1_000_000));
        assert_eq!(sum(10, 20).availability_ppm(), Some(0));
        assert_eq!(sum(3, 0).coverage_ppm(Duration::from_nanos(7)), Some(428_571));
        assert_eq!(sum(9, 0).coverage_ppm(Duration::from_nanos(7)), Some(1_000_000));
    }
}
