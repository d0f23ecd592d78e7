//! Turns sets of delays into the figures of MEASURING.md: exact where the set is at hand, bounded elsewhere.
//!
//! Here: moments (mean, deviation) and exact percentiles. `histogram` is the bounded form, `jitter` the three
//! kinds of jitter, `summary` a whole run, `compare` two spans. All sums are integers of nanoseconds, so the order of probes never
//! changes a figure. Not here: which probes belong to a set (`window`), what a figure means (`state`).

pub mod compare;
pub mod histogram;
pub mod jitter;
pub mod summary;

use crate::time::Rtt;
use crate::view::RttStats;

/// The rank, from 1, of the smallest of `count` sorted values whose share F(x) reaches `share`.
///
/// `count` must not be 0. The product is taken as whole when it is so but for rounding: 0.07 x 100 is 7, not 8.
pub(crate) fn rank(share: f64, count: u64) -> u64 {
    let exact = share * count as f64;
    let whole = exact.round();
    // 1e-9 of the count is far above the rounding of one product and far below one whole rank.
    let rank = if (exact - whole).abs() <= 1e-9 * count as f64 {
        whole
    } else {
        exact.ceil()
    };
    (rank as u64).clamp(1, count)
}

/// The exact percentile of `values`, which it reorders; `None` when there are none.
pub(crate) fn percentile(values: &mut [u64], share: f64) -> Option<u64> {
    if values.is_empty() {
        return None;
    }
    let index = rank(share, values.len() as u64) as usize - 1;
    Some(*values.select_nth_unstable(index).1)
}

/// Mean and deviation of a set, exact as integers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moments {
    count: u64,
    sum: u128,
    sum_of_squares: u128,
}

impl Moments {
    pub(crate) fn add(&mut self, nanos: u64) {
        self.count += 1;
        self.sum += u128::from(nanos);
        self.sum_of_squares = self
            .sum_of_squares
            .saturating_add(u128::from(nanos) * u128::from(nanos));
    }

    /// Moments that were taken apart.
    pub(crate) const fn from_parts(count: u64, sum: u128, sum_of_squares: u128) -> Self {
        Self {
            count,
            sum,
            sum_of_squares,
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.sum_of_squares = self.sum_of_squares.saturating_add(other.sum_of_squares);
    }

    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    pub(crate) const fn sum(&self) -> u128 {
        self.sum
    }

    pub(crate) const fn sum_of_squares(&self) -> u128 {
        self.sum_of_squares
    }

    /// The mean, rounded to a nanosecond.
    pub(crate) fn mean(&self) -> Option<Rtt> {
        let count = u128::from(self.count);
        (count > 0).then(|| Rtt::from_nanos(((self.sum + count / 2) / count) as u64))
    }

    /// The population standard deviation, rounded to a nanosecond.
    pub(crate) fn deviation(&self) -> Option<Rtt> {
        if self.count == 0 {
            return None;
        }
        let count = u128::from(self.count);
        // n * sum(x^2) - sum(x)^2 is never negative and exact; only sums beyond 2^128 (a billion replies of
        // 20 s each) fall back to floating point, where the difference may come out below zero.
        let exact = count
            .checked_mul(self.sum_of_squares)
            .zip(self.sum.checked_mul(self.sum))
            .map(|(left, right)| left.saturating_sub(right) as f64 / (count as f64 * count as f64));
        let variance = exact.unwrap_or_else(|| {
            let mean = self.sum as f64 / count as f64;
            (self.sum_of_squares as f64 / count as f64 - mean * mean).max(0.0)
        });
        Some(Rtt::from_nanos(variance.sqrt().round() as u64))
    }
}

/// All RTT figures of a set, which it reorders; `None` when it is empty.
pub(crate) fn rtt_stats(values: &mut [u64]) -> Option<RttStats> {
    let mut moments = Moments::default();
    for &value in values.iter() {
        moments.add(value);
    }
    Some(RttStats {
        min: Rtt::from_nanos(values.iter().copied().min()?),
        avg: moments.mean()?,
        p50: Rtt::from_nanos(percentile(values, 0.5)?),
        p95: Rtt::from_nanos(percentile(values, 0.95)?),
        p99: Rtt::from_nanos(percentile(values, 0.99)?),
        max: Rtt::from_nanos(values.iter().copied().max()?),
        mdev: moments.deviation()?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// MEASURING.md "Reference vectors".
    const REFERENCE_NS: [u64; 5] = [10_000_000, 12_000_000, 11_000_000, 15_000_000, 10_000_000];

    #[test]
    fn reference_vector_has_its_mean_and_deviation() {
        let stats = rtt_stats(&mut REFERENCE_NS.clone()).unwrap();
        assert_eq!(
            (stats.avg.as_nanos(), stats.mdev.as_nanos()),
            (11_600_000, 1_854_724)
        );
        assert_eq!(stats.max.as_nanos() - stats.min.as_nanos(), 5_000_000);
        assert_eq!(
            (stats.p50.as_nanos(), stats.p99.as_nanos()),
            (11_000_000, 15_000_000)
        );
    }

    #[track_caller]
    fn check_rank(share: f64, count: u64, expected: u64) {
        assert_eq!(rank(share, count), expected, "{share} of {count}");
    }

    #[test]
    fn a_percentile_is_the_smallest_value_whose_share_reaches_it() {
        check_rank(0.5, 1, 1);
        check_rank(0.5, 2, 1);
        check_rank(0.5, 3, 2);
        check_rank(0.95, 20, 19);
        check_rank(0.95, 21, 20);
        check_rank(0.99, 100, 99);
        check_rank(0.99, 101, 100);
    }

    #[test]
    fn a_rank_is_not_moved_by_binary_fractions() {
        check_rank(0.07, 100, 7);
        check_rank(0.29, 100, 29);
        check_rank(0.0, 5, 1);
        check_rank(1.0, 5, 5);
    }

    #[test]
    fn nothing_has_no_figures() {
        assert_eq!(rtt_stats(&mut []), None);
    }

    proptest! {
        #[test]
        fn figures_are_ordered_whatever_the_input(mut values in prop::collection::vec(any::<u64>(), 1..200)) {
            let stats = rtt_stats(&mut values).unwrap();
            prop_assert!(stats.min <= stats.p50 && stats.p50 <= stats.p95);
            prop_assert!(stats.p95 <= stats.p99 && stats.p99 <= stats.max);
            prop_assert!(stats.min <= stats.avg && stats.avg <= stats.max);
            // A deviation is at most half the range (Popoviciu); 1e-9 of it for the square root.
            let half = (stats.max.as_nanos() - stats.min.as_nanos()) as f64 / 2.0;
            prop_assert!(stats.mdev.as_nanos() as f64 <= half * (1.0 + 1e-9) + 1.0);
        }
    }
}
