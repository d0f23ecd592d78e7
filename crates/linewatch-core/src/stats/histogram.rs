//! Counts delays in buckets that merge: the bounded stand-in for a sorted list.
//!
//! Prometheus native-histogram schema 5 over nanoseconds: bucket `i` holds (base^(i-1), base^i] with
//! base = 2^(1/32), zero has a bucket of its own. Input: delays; output: quantiles within
//! [`Histogram::RELATIVE_ERROR`]. The index is found with integers alone, so every machine agrees on it.
//! Sparse: memory follows the spread of the delays, not their range. Not here: its bytes on disk (the store).

use crate::time::Rtt;

/// Buckets of one octave: schema 5 is 2^5.
const BUCKETS_PER_OCTAVE: u32 = 32;

/// floor(2^63 x 2^(k/32)) for k = 0..31: the upper bounds of one octave's buckets, scaled to 64 bits.
/// Only k = 0 is a whole number; for the others "above the bound" and "above its floor" are the same
/// for integers, so comparing with these is exact.
#[rustfmt::skip]
const OCTAVE_BOUNDS: [u64; BUCKETS_PER_OCTAVE as usize] = [
    0x8000_0000_0000_0000, 0x82CD_8698_AC2B_A1D7, 0x85AA_C367_CC48_7B14, 0x8898_0E80_92DA_8527,
    0x8B95_C1E3_EA8B_D6E6, 0x8EA4_398B_45CD_53C0, 0x91C3_D373_AB11_C336, 0x94F4_EFA8_FEF7_0961,
    0x9837_F051_8DB8_A96F, 0x9B8D_39B9_D54E_5538, 0x9EF5_3260_91A1_11AD, 0xA270_4303_0C49_6818,
    0xA5FE_D6A9_B151_38EA, 0xA9A1_5AB4_EA7C_0EF8, 0xAD58_3EEA_42A1_4AC6, 0xB123_F581_D2AC_258F,
    0xB504_F333_F9DE_6484, 0xB8FB_AF47_62FB_9EE9, 0xBD08_A39F_580C_36BE, 0xC12C_4CCA_6670_9456,
    0xC567_2A11_5506_DADD, 0xC9B9_BD86_6E2F_27A2, 0xCE24_8C15_1F84_80E3, 0xD2A8_1D91_F12A_E45A,
    0xD744_FCCA_D69D_6AF4, 0xDBFB_B797_DAF2_3755, 0xE0CC_DEEC_2A94_E111, 0xE5B9_06E7_7C83_48A8,
    0xEAC0_C6E7_DD24_392E, 0xEFE4_B99B_DCDA_F5CB, 0xF525_7D15_2486_CC2C, 0xFA83_B2DB_722A_033A,
];

/// A sparse, mergeable histogram of delays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Delays of zero nanoseconds.
    zeros: u64,
    /// (bucket index, count), by index; no count is 0. At most 2049 of them, for 64-bit nanoseconds.
    buckets: Vec<(u16, u64)>,
}

impl Histogram {
    /// How far a quantile can be from the true one, relative to it: half a bucket, 2^(1/64) - 1.
    pub const RELATIVE_ERROR: f64 = 0.010_889_286_051_700_5;
    /// The bucket of `u64::MAX` nanoseconds.
    pub const LAST_INDEX: u16 = 2048;

    /// Counts one delay.
    pub fn add(&mut self, delay: Rtt) {
        match bucket_index(delay.as_nanos()) {
            None => self.zeros += 1,
            Some(index) => self.add_to(index, 1),
        }
    }

    /// Counts everything `other` has counted. Any order and any grouping of merges gives the same.
    pub fn merge(&mut self, other: &Self) {
        self.zeros += other.zeros;
        // Both are in order: one walk over each counts what is here already.
        let (mut at, mut missing) = (0, 0);
        for &(index, count) in &other.buckets {
            while self.buckets.get(at).is_some_and(|&(here, _)| here < index) {
                at += 1;
            }
            match self.buckets.get_mut(at) {
                Some((here, known)) if *here == index => *known += count,
                _ => missing += 1,
            }
        }
        if missing > 0 {
            self.take_missing(&other.buckets, missing);
        }
    }

    /// Takes those of `others` in that have no bucket here, `missing` in number: from the end, so that each of ours moves once.
    fn take_missing(&mut self, others: &[(u16, u64)], missing: usize) {
        let mut from = self.buckets.len();
        let mut to = from + missing;
        self.buckets.resize(to, (0, 0));
        for &(index, count) in others.iter().rev() {
            while from > 0 && self.buckets[from - 1].0 > index {
                (from, to) = (from - 1, to - 1);
                self.buckets[to] = self.buckets[from];
            }
            if from == 0 || self.buckets[from - 1].0 != index {
                to -= 1;
                self.buckets[to] = (index, count);
            }
            if from == to {
                return;
            }
        }
    }

    /// A histogram that was taken apart; `None` unless the indexes ascend, exist, and have counts.
    pub fn from_parts(zeros: u64, buckets: Vec<(u16, u64)>) -> Option<Self> {
        let is_ordered = buckets.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let has_counts = buckets.iter().all(|&(_, count)| count > 0);
        (is_ordered && has_counts)
            .then(|| Self::from_ascending(zeros, buckets))
            .flatten()
    }

    /// As [`Self::from_parts`] for whoever cannot but give indexes that ascend and counts above 0, because differences and
    /// counts less one are what it reads: without a second walk over some 4,000,000 buckets of a month of 20 targets.
    pub fn from_ascending(zeros: u64, buckets: Vec<(u16, u64)>) -> Option<Self> {
        debug_assert!(buckets.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let is_possible = buckets.last().is_none_or(|&(last, _)| last <= Self::LAST_INDEX);
        is_possible.then_some(Self { zeros, buckets })
    }

    /// Delays counted.
    pub fn count(&self) -> u64 {
        self.zeros + self.buckets.iter().map(|&(_, count)| count).sum::<u64>()
    }

    /// Delays of zero nanoseconds: beside the buckets.
    pub fn zeros(&self) -> u64 {
        self.zeros
    }

    /// (bucket index, count) in order of the index: what a store writes.
    pub fn buckets(&self) -> &[(u16, u64)] {
        &self.buckets
    }

    /// The memory of its buckets, emptied: for whoever puts many together, one after the other.
    pub fn into_spare(mut self) -> Vec<(u16, u64)> {
        self.buckets.clear();
        self.buckets
    }

    /// The smallest delay whose share reaches `share` (0 to 1), within [`Self::RELATIVE_ERROR`] and half a
    /// nanosecond of rounding; `None` when nothing was counted.
    pub fn quantile(&self, share: f64) -> Option<Rtt> {
        self.quantiles([share])[0]
    }

    /// [`Self::quantile`] of each of `shares`, which must ascend: one walk for all of them.
    pub fn quantiles<const N: usize>(&self, shares: [f64; N]) -> [Option<Rtt>; N] {
        let count = self.count();
        if count == 0 {
            return [None; N];
        }
        let (mut at, mut up_to) = (0, self.zeros);
        shares.map(|share| {
            let rank = super::rank(share, count);
            if rank <= self.zeros {
                return Some(Rtt::from_nanos(0));
            }
            while let Some(&(_, more)) = self.buckets.get(at).filter(|_| up_to < rank) {
                up_to += more;
                at += 1;
            }
            at.checked_sub(1).map(|at| middle_of(self.buckets[at].0))
        })
    }

    fn add_to(&mut self, index: u16, count: u64) {
        match self.buckets.binary_search_by_key(&index, |&(index, _)| index) {
            Ok(at) => self.buckets[at].1 += count,
            Err(at) => self.buckets.insert(at, (index, count)),
        }
    }
}

/// Adds up many histograms faster than one merges another: a table of all buckets, of which only the used part is read.
#[derive(Clone, Debug, Default)]
pub(crate) struct HistogramSum {
    zeros: u64,
    /// By bucket index; empty before the first is added.
    counts: Vec<u64>,
    /// First and last index that may have a count.
    used: Option<(u16, u16)>,
}

impl HistogramSum {
    /// Counts everything `one` has counted.
    pub(crate) fn add(&mut self, one: &Histogram) {
        self.zeros += one.zeros;
        let (Some(&(first, _)), Some(&(last, _))) = (one.buckets.first(), one.buckets.last()) else {
            return;
        };
        self.counts.resize(usize::from(Histogram::LAST_INDEX) + 1, 0);
        let (low, high) = self.used.unwrap_or((first, last));
        self.used = Some((low.min(first), high.max(last)));
        for &(index, count) in &one.buckets {
            self.counts[usize::from(index)] += count;
        }
    }

    /// The sum; nothing is counted any more then.
    pub(crate) fn take(&mut self) -> Histogram {
        let mut buckets = Vec::new();
        if let Some((low, high)) = self.used.take() {
            buckets.reserve(usize::from(high - low) + 1);
            for index in low..=high {
                let count = std::mem::take(&mut self.counts[usize::from(index)]);
                if count > 0 {
                    buckets.push((index, count));
                }
            }
        }
        Histogram {
            zeros: std::mem::take(&mut self.zeros),
            buckets,
        }
    }
}

/// ceil(32 x log2(nanos)); `None` for zero.
fn bucket_index(nanos: u64) -> Option<u16> {
    let octave = nanos.checked_ilog2()?;
    let scaled = nanos << (63 - octave);
    let bounds_below = OCTAVE_BOUNDS.partition_point(|&bound| bound < scaled) as u32;
    Some((octave * BUCKETS_PER_OCTAVE + bounds_below) as u16)
}

/// The geometric middle of a bucket: the point nearest, in relative terms, to all of it.
pub(super) fn middle_of(index: u16) -> Rtt {
    let middle = ((f64::from(index) - 0.5) / f64::from(BUCKETS_PER_OCTAVE)).exp2();
    Rtt::from_nanos(middle.round() as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn histogram(delays: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        delays
            .iter()
            .for_each(|&nanos| histogram.add(Rtt::from_nanos(nanos)));
        histogram
    }

    /// Delays from nanoseconds to minutes, evenly over the octaves.
    fn delays() -> impl Strategy<Value = Vec<u64>> {
        prop::collection::vec(
            (0_u32..38).prop_flat_map(|octave| (1_u64 << octave)..=(2_u64 << octave)),
            1..200,
        )
    }

    /// `number` squared, as little-endian 32-bit digits.
    fn squared(number: &[u32]) -> Vec<u32> {
        let mut product = vec![0_u32; number.len() * 2];
        for (i, &left) in number.iter().enumerate() {
            let mut carry = 0_u64;
            for (j, &right) in number.iter().enumerate() {
                let sum = u64::from(product[i + j]) + u64::from(left) * u64::from(right) + carry;
                product[i + j] = sum as u32;
                carry = sum >> 32;
            }
            product[i + number.len()] = carry as u32;
        }
        product
    }

    /// The place, from 0, of the highest bit of `number`^32, and whether it is the only one.
    fn highest_bit_of_32nd_power(number: u64) -> (usize, bool) {
        let mut power = vec![number as u32, (number >> 32) as u32];
        for _ in 0..5 {
            power = squared(&power);
        }
        let top = power.iter().rposition(|&digit| digit != 0).unwrap();
        let bit = top * 32 + power[top].ilog2() as usize;
        (
            bit,
            power.iter().map(|digit| digit.count_ones()).sum::<u32>() == 1,
        )
    }

    #[test]
    fn every_bound_is_the_exact_floor_of_its_root() {
        for (k, &bound) in OCTAVE_BOUNDS.iter().enumerate() {
            // bound = floor(2^(63 + k/32)): its 32nd power is at most 2^(2016 + k), and the next one's above.
            let (bit, is_power_of_two) = highest_bit_of_32nd_power(bound);
            assert!(
                bit < 2016 + k || (bit == 2016 + k && is_power_of_two),
                "bound {k} is too high"
            );
            let (bit, _) = highest_bit_of_32nd_power(bound + 1);
            assert!(bit >= 2016 + k, "bound {k} is too low");
        }
    }

    #[track_caller]
    fn check_index(nanos: u64, expected: Option<u16>) {
        assert_eq!(bucket_index(nanos), expected, "{nanos} ns");
    }

    #[test]
    fn a_bucket_contains_its_upper_bound_and_not_its_lower() {
        check_index(0, None);
        check_index(1, Some(0));
        check_index(2, Some(32));
        check_index(3, Some(51)); // 32 x log2(3) = 50.7
        check_index(4, Some(64));
        check_index(1 << 30, Some(960));
        check_index((1 << 30) + 1, Some(961));
        check_index((1 << 30) - 1, Some(960));
        check_index(1 << 63, Some(2016));
        check_index(u64::MAX, Some(2048));
    }

    #[test]
    fn a_single_delay_takes_a_single_bucket() {
        assert_eq!(histogram(&[12_345_678]).buckets().len(), 1);
    }

    #[test]
    fn no_delays_have_no_quantile() {
        assert_eq!(Histogram::default().quantile(0.5), None);
    }

    #[test]
    fn a_zero_delay_is_counted_as_zero() {
        let histogram = histogram(&[0, 0, 1_000_000]);
        assert_eq!(
            (histogram.count(), histogram.quantile(0.5)),
            (3, Some(Rtt::from_nanos(0)))
        );
    }

    proptest! {
        #[test]
        fn a_quantile_is_within_its_stated_error(delays in delays(), share in 0.0..=1.0) {
            let found = histogram(&delays).quantile(share).unwrap().as_nanos() as f64;
            let mut sorted = delays;
            let exact = super::super::percentile(&mut sorted, share).unwrap() as f64;
            prop_assert!((found - exact).abs() <= exact * Histogram::RELATIVE_ERROR + 0.5, "{found} for {exact}");
        }

        #[test]
        fn merging_is_commutative_and_the_same_as_counting_together(left in delays(), right in delays()) {
            let (mut ab, mut ba) = (histogram(&left), histogram(&right));
            ab.merge(&histogram(&right));
            ba.merge(&histogram(&left));
            prop_assert_eq!(&ab, &ba);
            prop_assert_eq!(ab, histogram(&[left, right].concat()));
        }

        #[test]
        fn a_sum_is_what_merging_gives_and_is_empty_afterwards(left in delays(), right in delays()) {
            let mut sum = HistogramSum::default();
            for _ in 0..2 {
                [&left, &right].into_iter().for_each(|delays| sum.add(&histogram(delays)));
                prop_assert_eq!(sum.take(), histogram(&[left.clone(), right.clone()].concat()));
            }
            prop_assert_eq!(sum.take(), Histogram::default());
        }

        #[test]
        fn merging_is_associative(a in delays(), b in delays(), c in delays()) {
            let (mut left, mut right, mut tail) = (histogram(&a), histogram(&a), histogram(&b));
            left.merge(&histogram(&b));
            left.merge(&histogram(&c));
            tail.merge(&histogram(&c));
            right.merge(&tail);
            prop_assert_eq!(left, right);
        }

        #[test]
        fn an_index_agrees_with_the_logarithm(nanos in 1..u64::MAX) {
            let exact = 32.0 * (nanos as f64).log2();
            let index = f64::from(bucket_index(nanos).unwrap());
            // The logarithm of a double is only good to about 1e-12 here.
            prop_assert!(index >= exact - 1e-9 && index < exact + 1.0 + 1e-9);
        }
    }
}
