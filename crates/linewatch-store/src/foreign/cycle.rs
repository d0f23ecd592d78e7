//! Makes a rollup of what another tool kept of some probes: their counts, and smallest, mean and largest time.
//!
//! Input: one cycle as it was stored. Output: a [`Rollup`] whose counts, smallest, mean, largest and (where it was kept) standard
//! deviation are the tool's own. The surprising rule: the times between smallest and largest are not known, so all of them
//! stand in the histogram where the mean wants them; percentiles are therefore only between the two. Nothing is ever 0 ms by default.

use linewatch_core::record::{Outcome, StrayKind};
use linewatch_core::rollup::Rollup;
use linewatch_core::time::Rtt;

/// More probes in one cycle are no cycle: a damaged number must not be counted to.
pub(super) const CYCLE_PROBES_MAX: u64 = 100_000;
/// No tool waited longer for an answer.
const TIME_MAX_MS: f64 = 3_600_000.0;
const NANOS_PER_MS: f64 = 1e6;

/// What is known of the times of some answers, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Times {
    /// Smallest.
    pub(super) min_ms: f64,
    /// Mean.
    pub(super) avg_ms: f64,
    /// Largest.
    pub(super) max_ms: f64,
    /// Population standard deviation, where it was kept.
    pub(super) sd_ms: Option<f64>,
}

impl Times {
    /// `None` unless each is a time, and one of them is not 0: tools wrote 0 for "not known".
    pub(super) fn known(min_ms: f64, avg_ms: f64, max_ms: f64, sd_ms: Option<f64>) -> Option<Self> {
        let all = [min_ms, avg_ms, max_ms];
        let is_time = |ms: &f64| (0.0..=TIME_MAX_MS).contains(ms);
        (all.iter().all(is_time) && all.iter().any(|ms| *ms > 0.0)).then(|| Self {
            min_ms,
            avg_ms,
            max_ms,
            sd_ms: sd_ms.filter(is_time),
        })
    }
}

/// A few probes as another tool summed them up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cycle {
    /// Answered, at most [`CYCLE_PROBES_MAX`].
    pub(super) replied: u64,
    /// Not answered, at most [`CYCLE_PROBES_MAX`].
    pub(super) lost: u64,
    /// Answers beyond the first.
    pub(super) duplicate: u64,
    /// `None`: answered, and nobody knows after how long.
    pub(super) times: Option<Times>,
}

impl Cycle {
    /// Summed up as ours.
    pub(super) fn rollup(&self) -> Rollup {
        let mut rollup = Rollup::default();
        (0..self.lost).for_each(|_| rollup.add(Outcome::Lost, None, false));
        (0..self.duplicate).for_each(|_| rollup.add_stray(StrayKind::Duplicate));
        let Some(times) = self.times.filter(|_| self.replied > 0) else {
            (0..self.replied).for_each(|_| rollup.add(Outcome::Reply, None, false));
            return rollup;
        };
        let nanos = |ms: f64| (ms * NANOS_PER_MS).round() as u64;
        let avg = nanos(times.avg_ms);
        // One answer has one time. And a mean that was rounded may lie a little outside.
        let (min, max) = match self.replied {
            1 => (avg, avg),
            _ => (nanos(times.min_ms).min(avg), nanos(times.max_ms).max(avg)),
        };
        let count = u128::from(self.replied);
        let sum = u128::from(avg) * count;
        let inner = count.saturating_sub(2).max(1);
        let middle = sum.saturating_sub(u128::from(min) + u128::from(max)) / inner;
        let middle = u64::try_from(middle).unwrap_or(max).clamp(min, max);
        for answer in 0..self.replied {
            let time = match answer {
                0 => min,
                1 => max,
                _ => middle,
            };
            rollup.add(Outcome::Reply, Some(Rtt::from_nanos(time)), false);
        }
        let mut parts = rollup.to_parts();
        parts.sum_ns = sum;
        // A deviation of 0 between different times was not measured, but the default of the column.
        if let Some(sd) = times.sd_ms.filter(|sd| *sd > 0.0 || min == max) {
            let (avg, sd) = (u128::from(avg), u128::from(nanos(sd)));
            parts.sum_of_squares = count * (avg * avg + sd * sd);
        }
        Rollup::from_parts(parts).unwrap_or(rollup)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(rtt: Option<Rtt>) -> f64 {
        rtt.expect("a time").as_nanos() as f64 / NANOS_PER_MS
    }

    fn cycle(replied: u64, times: Option<Times>) -> Rollup {
        Cycle {
            replied,
            lost: 0,
            duplicate: 0,
            times,
        }
        .rollup()
    }

    #[test]
    fn what_the_tool_knew_stays_exact() {
        let rollup = cycle(4, Times::known(10.1, 12.345, 20.2, Some(3.25)));
        assert_eq!(
            (
                ms(rollup.min()),
                ms(rollup.avg()),
                ms(rollup.max()),
                ms(rollup.sd())
            ),
            (10.1, 12.345, 20.2, 3.25)
        );
        assert_eq!((rollup.counts().replied, rollup.rtt_count()), (4, 4));
        assert_eq!(rollup.jitter(), None, "nobody knows their order");
        assert!(
            ms(rollup.quantile(0.5)) < 12.0,
            "the two in the middle make the mean right"
        );
    }

    #[test]
    fn sums_of_cycles_are_packed_and_come_back() {
        let mut sum = cycle(4, Times::known(0.04, 0.041, 0.042, Some(0.0)));
        sum.merge(&cycle(1, Times::known(9.0, 12.0, 15.0, None)));
        sum.merge(&cycle(3, Times::known(5.0, 4.999, 5.0, None)));
        sum.merge(&cycle(2, None));
        assert_eq!(crate::sketch::unpack(&crate::sketch::pack(&sum)), Ok(sum));
    }

    #[test]
    fn an_answer_without_a_time_is_an_answer_and_not_0_ms() {
        let rollup = cycle(4, Times::known(0.0, 0.0, 0.0, Some(0.0)));
        assert_eq!(
            (rollup.counts().replied, rollup.rtt_count(), rollup.avg()),
            (4, 0, None)
        );
        let odd = [f64::NAN, -1.0, f64::INFINITY, 1e12];
        assert!(odd.iter().all(|ms| Times::known(1.0, *ms, 2.0, None).is_none()));
    }
}
