//! Folds finished probes into buckets of time that merge: the figures of MEASURING.md for any span, exactly.
//!
//! Input: probes by send time. Output: [`Rollup`]s, whose merge is associative and commutative, so that a month is
//! as right as a minute. Percentiles carry [`Histogram::RELATIVE_ERROR`]; everything else is exact. The surprising
//! rule: a pair of adjacent answers counts where its later probe was sent. Not here: bytes on disk (the store).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use crate::record::{Counts, Outcome, StrayKind};
use crate::stats::Moments;
use crate::stats::histogram::{Histogram, HistogramSum};
use crate::time::{Rtt, WallTime, nanos_of};

mod neighbours;

pub use neighbours::Neighbours;

/// The quantiles a smoke graph draws, in this order: its bands lie between the first and the last, and so on.
pub const SMOKE_SHARES: [f64; 9] = [0.0, 0.10, 0.25, 0.40, 0.50, 0.60, 0.75, 0.90, 1.0];

/// How long the buckets of a tier are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resolution {
    /// 1 s; kept of fast targets only ([`crate::limits::SECONDS_INTERVAL_MAX`]).
    Second,
    /// 1 min.
    Minute,
    /// 10 min.
    TenMinutes,
    /// 1 h.
    Hour,
}

impl Resolution {
    /// Every tier, finest first.
    pub const ALL: [Self; 4] = [Self::Second, Self::Minute, Self::TenMinutes, Self::Hour];

    /// Length of a bucket.
    pub const fn length(self) -> Duration {
        Duration::from_secs(match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::TenMinutes => 600,
            Self::Hour => 3600,
        })
    }

    /// The word used in every interface.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Second => "1s",
            Self::Minute => "1m",
            Self::TenMinutes => "10m",
            Self::Hour => "1h",
        }
    }

    /// The tier that is merged from this one.
    pub const fn coarser(self) -> Option<Self> {
        match self {
            // Minutes are folded from the probes themselves: seconds are kept of some targets only.
            Self::Second | Self::Hour => None,
            Self::Minute => Some(Self::TenMinutes),
            Self::TenMinutes => Some(Self::Hour),
        }
    }

    /// The coarsest tier whose bucket is no longer than `step`; `None` below a second.
    pub fn within(step: Duration) -> Option<Self> {
        Self::ALL.into_iter().rev().find(|tier| tier.length() <= step)
    }

    /// Begin of the bucket that holds `at`. Buckets begin at whole multiples of their length since 1970.
    pub const fn floor(self, at: WallTime) -> WallTime {
        floor(at, self.length())
    }
}

/// `at` rounded down to a whole multiple of `step` since 1970. A step of zero is one nanosecond.
pub const fn floor(at: WallTime, step: Duration) -> WallTime {
    let nanos = nanos_of(step);
    let step_ns = if nanos == 0 || nanos > i64::MAX as u64 {
        1
    } else {
        nanos as i64
    };
    // The very first bucket of all time would begin before i64 does.
    WallTime::from_nanos(at.as_nanos().div_euclid(step_ns).saturating_mul(step_ns))
}

/// What the probes sent in one span became.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rollup {
    /// Of finished probes only; `scheduled` is their number. Slots that passed without a probe are in gaps.
    counts: Counts,
    moments: Moments,
    /// Smallest and largest RTT, in nanoseconds.
    range_ns: Option<(u64, u64)>,
    /// Pairs of adjacent answers, and the sum of their absolute differences in nanoseconds.
    pairs: u64,
    differences_ns: u128,
    rtts: Histogram,
}

/// A [`Rollup`] taken apart: what a store writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RollupParts {
    /// As [`Rollup::counts`]; `scheduled` and `in_flight` are not read.
    pub counts: Counts,
    /// Sum of all RTTs, nanoseconds.
    pub sum_ns: u128,
    /// Sum of their squares, square nanoseconds; saturates.
    pub sum_of_squares: u128,
    /// Smallest and largest RTT, nanoseconds; `None` without one.
    pub range_ns: Option<(u64, u64)>,
    /// Pairs of adjacent answers.
    pub pairs: u64,
    /// Sum of their absolute differences, nanoseconds.
    pub differences_ns: u128,
    /// Every RTT.
    pub rtts: Histogram,
}

impl Rollup {
    /// Counts one finished probe.
    pub fn add(&mut self, outcome: Outcome, rtt: Option<Rtt>, is_reordered: bool) {
        self.counts.add_outcome(outcome, rtt, is_reordered);
        self.counts.scheduled += 1;
        if let Some(rtt) = rtt {
            let nanos = rtt.as_nanos();
            let (min, max) = self.range_ns.unwrap_or((nanos, nanos));
            self.range_ns = Some((min.min(nanos), max.max(nanos)));
            self.moments.add(nanos);
            self.rtts.add(rtt);
        }
    }

    /// Counts an answer beside the probes.
    pub fn add_stray(&mut self, kind: StrayKind) {
        self.counts.add_stray_kind(kind);
    }

    /// Counts the absolute difference of a pair of adjacent answers.
    pub fn add_difference(&mut self, difference: Rtt) {
        self.pairs += 1;
        self.differences_ns += u128::from(difference.as_nanos());
    }

    /// Counts everything `other` has counted. Any order and any grouping of merges gives the same.
    pub fn merge(&mut self, other: &Self) {
        self.merge_figures(other);
        self.rtts.merge(&other.rtts);
    }

    /// All but the histogram.
    fn merge_figures(&mut self, other: &Self) {
        self.counts.merge(&other.counts);
        self.moments.merge(&other.moments);
        self.range_ns = match (self.range_ns, other.range_ns) {
            (Some((min, max)), Some((low, high))) => Some((min.min(low), max.max(high))),
            (one, other) => one.or(other),
        };
        self.pairs += other.pairs;
        self.differences_ns += other.differences_ns;
    }

    /// Every count; `scheduled` is the number of finished probes, `loss()` the loss.
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// RTTs counted: replies, and refusals that have one.
    pub const fn rtt_count(&self) -> u64 {
        self.moments.count()
    }

    /// Smallest RTT.
    pub fn min(&self) -> Option<Rtt> {
        self.range_ns.map(|(min, _)| Rtt::from_nanos(min))
    }

    /// Largest RTT.
    pub fn max(&self) -> Option<Rtt> {
        self.range_ns.map(|(_, max)| Rtt::from_nanos(max))
    }

    /// Sum of all RTTs, nanoseconds.
    pub const fn sum_ns(&self) -> u128 {
        self.moments.sum()
    }

    /// Mean RTT, rounded to a nanosecond.
    pub fn avg(&self) -> Option<Rtt> {
        self.moments.mean()
    }

    /// Population standard deviation of the RTT, rounded to a nanosecond.
    pub fn sd(&self) -> Option<Rtt> {
        self.moments.deviation()
    }

    /// Mean absolute difference of adjacent answers, rounded to a nanosecond; `None` without a pair.
    pub fn jitter(&self) -> Option<Rtt> {
        let pairs = u128::from(self.pairs);
        (pairs > 0).then(|| Rtt::from_nanos(((self.differences_ns + pairs / 2) / pairs) as u64))
    }

    /// The smallest RTT whose share reaches `share` (0 to 1), within [`Histogram::RELATIVE_ERROR`].
    pub fn quantile(&self, share: f64) -> Option<Rtt> {
        self.quantiles([share])[0]
    }

    /// [`Rollup::quantile`] of each of `shares`, which must ascend. 0 and 1 are exact.
    pub fn quantiles<const N: usize>(&self, shares: [f64; N]) -> [Option<Rtt>; N] {
        let Some((min, max)) = self.range_ns else {
            return [None; N];
        };
        let mut found = self.rtts.quantiles(shares);
        for (found, share) in found.iter_mut().zip(shares) {
            // The middle of an outermost bucket may lie outside of what was seen.
            let nanos = match share {
                0.0 => Some(min),
                1.0 => Some(max),
                _ => found.map(|rtt| rtt.as_nanos().clamp(min, max)),
            };
            *found = nanos.map(Rtt::from_nanos);
        }
        found
    }

    /// Nothing was counted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Taken apart, to be written.
    pub fn to_parts(&self) -> RollupParts {
        RollupParts {
            counts: self.counts,
            sum_ns: self.moments.sum(),
            sum_of_squares: self.moments.sum_of_squares(),
            range_ns: self.range_ns,
            pairs: self.pairs,
            differences_ns: self.differences_ns,
            rtts: self.rtts.clone(),
        }
    }

    /// As [`Histogram::into_spare`].
    pub fn into_spare(self) -> Vec<(u16, u64)> {
        self.rtts.into_spare()
    }

    /// Put together again; `None` when the parts contradict each other (more RTTs than answers, none of a range).
    pub fn from_parts(parts: RollupParts) -> Option<Self> {
        let mut counts = parts.counts;
        (counts.in_flight, counts.scheduled) = (0, counts.finished());
        let rtt_count = parts.rtts.count();
        let has_range = match parts.range_ns {
            Some((min, max)) => rtt_count > 0 && min <= max,
            None => rtt_count == 0 && parts.sum_ns == 0,
        };
        (has_range && rtt_count <= counts.replied + counts.refused).then(|| Self {
            counts,
            moments: Moments::from_parts(rtt_count, parts.sum_ns, parts.sum_of_squares),
            range_ns: parts.range_ns,
            pairs: parts.pairs,
            differences_ns: parts.differences_ns,
            rtts: parts.rtts,
        })
    }
}

/// Adds up many rollups faster than one merges another; the sum is the same.
#[derive(Clone, Debug, Default)]
pub struct RollupSum {
    figures: Rollup,
    rtts: HistogramSum,
}

impl RollupSum {
    /// Counts everything `one` has counted.
    pub fn add(&mut self, one: &Rollup) {
        self.figures.merge_figures(one);
        self.rtts.add(&one.rtts);
    }

    /// The sum; nothing is counted any more then.
    pub fn take(&mut self) -> Rollup {
        let mut sum = std::mem::take(&mut self.figures);
        sum.rtts = self.rtts.take();
        sum
    }
}

/// Rollups of one series by the begin of their bucket.
#[derive(Clone, Debug)]
pub struct Buckets {
    step: Duration,
    rollups: BTreeMap<WallTime, Rollup>,
}

impl Buckets {
    /// None yet, of this length each.
    pub const fn new(step: Duration) -> Self {
        Self {
            step,
            rollups: BTreeMap::new(),
        }
    }

    /// The bucket that holds `at`.
    pub fn at(&mut self, at: WallTime) -> &mut Rollup {
        self.rollups.entry(floor(at, self.step)).or_default()
    }

    /// Merges a rollup into the bucket that holds `at`.
    pub fn merge(&mut self, at: WallTime, rollup: Rollup) {
        match self.rollups.entry(floor(at, self.step)) {
            Entry::Vacant(bucket) => {
                bucket.insert(rollup);
            }
            Entry::Occupied(mut bucket) => bucket.get_mut().merge(&rollup),
        }
    }

    /// Counts one probe, and the pairs it completes.
    pub fn add(
        &mut self,
        sent_at: WallTime,
        (outcome, rtt, is_reordered): (Outcome, Option<Rtt>, bool),
        pairs: [Option<(WallTime, Rtt)>; 2],
    ) {
        self.at(sent_at).add(outcome, rtt, is_reordered);
        for (at, difference) in pairs.into_iter().flatten() {
            self.at(at).add_difference(difference);
        }
    }

    /// By time.
    pub fn iter(&self) -> impl Iterator<Item = (WallTime, &Rollup)> {
        self.rollups.iter().map(|(at, rollup)| (*at, rollup))
    }

    /// All of them, by time.
    pub fn into_rollups(self) -> BTreeMap<WallTime, Rollup> {
        self.rollups
    }

    /// Takes one out.
    pub fn remove(&mut self, from: WallTime) -> Option<Rollup> {
        self.rollups.remove(&from)
    }

    /// Takes all that begin before `end` out, by time.
    pub fn take_before(&mut self, end: WallTime) -> BTreeMap<WallTime, Rollup> {
        let later = self.rollups.split_off(&end);
        std::mem::replace(&mut self.rollups, later)
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.rollups.is_empty()
    }
}

#[cfg(test)]
mod tests;
