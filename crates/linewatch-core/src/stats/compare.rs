//! Compares two spans of measurement and says which differences exceed chance.
//!
//! Input: the minutes of both sides and the outages begun in each. Output: each figure of both sides, their difference and
//! a p value. The test is a block permutation test: probes near each other in time share their weather (an overloaded
//! minute is followed by another), so whole blocks change sides, never single probes. A block is twice as long as the
//! shortest one between whose neighbours no likeness is left. Permutations come from a fixed seed: the same data always
//! give the same answer. Not here: reading the history, and the words.

use crate::record::Counts;
use crate::rollup::Rollup;
use crate::stats::histogram::Histogram;
use crate::time::Rtt;

/// A difference exceeds chance when equal lines would show one as large this rarely. For each of the six figures alone.
pub const ALPHA: f64 = 0.01;
/// Permutations: the standard error of a p value at [`ALPHA`] is then 0.0022.
pub const PERMUTATIONS: usize = 2000;
/// Where the sequence of permutations begins.
pub const SEED: u64 = 0x6c69_6e65_7761_7463;
/// Blocks each side needs: of 2 x 6 blocks there are 924 divisions, enough for a p value below [`ALPHA`].
pub const BLOCKS_MIN: usize = 6;
/// Blocks of both sides together, which bounds the work: 2000 x 1024 x some 100 buckets are 0.2 s.
const BLOCKS_MAX: usize = 1024;
/// Lengths a block may have, in minutes: divisors of the day and its multiples that people think in.
const LENGTHS_MIN: [usize; 12] = [1, 2, 5, 10, 20, 30, 60, 120, 240, 480, 720, 1440];
/// Neighbouring blocks are alike when their correlation is above this, or above what chance gives (1.64 standard errors).
const LIKENESS: f64 = 0.1;
/// Shares of the three percentiles.
const SHARES: [f64; 3] = [0.50, 0.95, 0.99];

/// What happened within one minute of one side, or within a few: see [`compare`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Minute {
    /// Its begin, in minutes since 1970.
    pub number: i64,
    /// Its probes.
    pub rollup: Rollup,
    /// Outages that began in it.
    pub outages: u64,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Share of finished probes that failed, 0 to 1.
    Loss,
    /// Median, nanoseconds.
    P50,
    /// 95th percentile, nanoseconds.
    P95,
    /// 99th percentile, nanoseconds.
    P99,
    /// Mean absolute difference of adjacent answers, nanoseconds.
    Jitter,
    /// Outages begun per day of measurement.
    Outages,
}

impl Metric {
    /// Every figure, in the order of the table.
    pub const ALL: [Self; 6] = [
        Self::Loss,
        Self::P50,
        Self::P95,
        Self::P99,
        Self::Jitter,
        Self::Outages,
    ];
}

/// Whether a difference exceeds chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Equal lines would show such a difference in less than [`ALPHA`] of all comparisons.
    Exceeds,
    /// It is what chance may make of equal lines, or of a difference too small for so little data.
    Chance,
    /// Too little data to tell anything.
    TooLittle,
}

/// One figure of both sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// Which, and in what unit.
    pub metric: Metric,
    /// Of the first side; `None` where it has nothing of the kind.
    pub a: Option<f64>,
    /// Of the second.
    pub b: Option<f64>,
    /// Second minus first.
    pub difference: Option<f64>,
    /// Share of permutations with a difference at least as large; `None` where it cannot be told.
    pub p: Option<f64>,
    /// In a word.
    pub verdict: Verdict,
}

/// The whole comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// In the order of [`Metric::ALL`].
    pub figures: [Figure; 6],
    /// Everything each side counted.
    pub counts: [Counts; 2],
    /// Outages begun on each side.
    pub outages: [u64; 2],
    /// Minutes in which something was measured, of each side.
    pub minutes: [u64; 2],
    /// Length of a block, in minutes.
    pub block_minutes: usize,
    /// Blocks of each side.
    pub blocks: [usize; 2],
}

/// Compares two sides, each by time. Their [`Minute`]s are `unit_minutes` long (1, 10 or 60): long spans need no single
/// ones.
pub fn compare(a: &[Minute], b: &[Minute], unit_minutes: usize) -> Comparison {
    let sides = [a, b].map(|minutes| Side {
        minutes,
        unit: unit_minutes.max(1),
    });
    let block_minutes = block_length(&sides);
    let blocks = sides.map(|side| side.blocks(block_minutes));
    let totals = blocks
        .each_ref()
        .map(|blocks| blocks.iter().fold(Sum::default(), Sum::with));
    let values = totals
        .each_ref()
        .map(|total| Metric::ALL.map(|metric| total.figure(metric)));
    let differences = difference(&values);
    let has_enough = blocks.iter().all(|blocks| blocks.len() >= BLOCKS_MIN);
    let reached = if has_enough {
        Some(permute(&blocks, &differences))
    } else {
        None
    };
    let mut index = 0;
    let figures = Metric::ALL.map(|metric| {
        let p = reached
            .zip(differences[index])
            .map(|(reached, _)| (reached[index] + 1) as f64 / (PERMUTATIONS + 1) as f64);
        let figure = Figure {
            metric,
            a: values[0][index],
            b: values[1][index],
            difference: differences[index],
            p,
            verdict: match p {
                None => Verdict::TooLittle,
                Some(p) if p <= ALPHA => Verdict::Exceeds,
                Some(_) => Verdict::Chance,
            },
        };
        index += 1;
        figure
    });
    Comparison {
        figures,
        counts: totals.each_ref().map(|total| *total.rollup.counts()),
        outages: totals.each_ref().map(|total| total.outages),
        minutes: totals.each_ref().map(|total| total.minutes),
        block_minutes,
        blocks: blocks.map(|blocks| blocks.len()),
    }
}

type Values = [Option<f64>; Metric::ALL.len()];

/// Second minus first, where both have it.
fn difference(values: &[Values; 2]) -> Values {
    let mut differences = [None; Metric::ALL.len()];
    for (difference, (a, b)) in differences.iter_mut().zip(values[0].iter().zip(&values[1])) {
        *difference = a.zip(*b).map(|(a, b)| b - a);
    }
    differences
}

/// Everything the figures need of some blocks, in sums.
#[derive(Clone, Debug, Default)]
struct Sum {
    rollup: Rollup,
    minutes: u64,
    outages: u64,
}

impl Sum {
    fn with(mut self, other: &Self) -> Self {
        self.rollup.merge(&other.rollup);
        self.minutes += other.minutes;
        self.outages += other.outages;
        self
    }

    fn figure(&self, metric: Metric) -> Option<f64> {
        let nanos = |rtt: Option<Rtt>| rtt.map(|rtt| rtt.as_nanos() as f64);
        match metric {
            Metric::Loss => self.rollup.counts().loss().ratio(),
            Metric::P50 => nanos(self.rollup.quantile(SHARES[0])),
            Metric::P95 => nanos(self.rollup.quantile(SHARES[1])),
            Metric::P99 => nanos(self.rollup.quantile(SHARES[2])),
            Metric::Jitter => nanos(self.rollup.jitter()),
            Metric::Outages => per_day(self.outages, self.minutes),
        }
    }
}

fn per_day(outages: u64, minutes: u64) -> Option<f64> {
    (minutes > 0).then(|| outages as f64 * 1440.0 / minutes as f64)
}

/// One side, in units of this many minutes.
#[derive(Clone, Copy)]
struct Side<'a> {
    minutes: &'a [Minute],
    unit: usize,
}

impl Side<'_> {
    /// Units with a common `number / length`, merged.
    fn blocks(self, length: usize) -> Vec<Sum> {
        let mut blocks: Vec<(i64, Sum)> = Vec::new();
        for minute in self.minutes {
            let number = minute.number.div_euclid(length as i64);
            let sum = Sum {
                rollup: minute.rollup.clone(),
                minutes: self.unit as u64,
                outages: minute.outages,
            };
            match blocks.last_mut().filter(|(last, _)| *last == number) {
                Some((_, block)) => *block = std::mem::take(block).with(&sum),
                None => blocks.push((number, sum)),
            }
        }
        blocks.into_iter().map(|(_, block)| block).collect()
    }
}

/// The shortest length between whose neighbours no likeness is left, doubled: likeness reaches over borders.
fn block_length(sides: &[Side<'_>; 2]) -> usize {
    let unit = sides[0].unit;
    let all = (sides[0].minutes.len() + sides[1].minutes.len()) * unit;
    let is_possible = |length: &usize| length.is_multiple_of(unit) && all / length <= BLOCKS_MAX;
    let longest = LENGTHS_MIN[LENGTHS_MIN.len() - 1];
    let found = LENGTHS_MIN
        .into_iter()
        .filter(is_possible)
        .find(|length| !are_neighbours_alike(sides, *length));
    match found {
        // Not even neighbouring minutes are alike: they are blocks themselves.
        Some(1) => 1,
        Some(length) => length * 2,
        None => longest,
    }
}

/// Loss, delay or jitter of a block tells something of the next one's.
fn are_neighbours_alike(sides: &[Side<'_>; 2], length: usize) -> bool {
    let figures: [Look; 3] = [
        |sum| sum.figure(Metric::Loss),
        |sum| log_of(sum.rollup.avg()),
        |sum| log_of(sum.rollup.jitter()),
    ];
    let blocks = sides.map(|side| side.blocks(length));
    figures.iter().any(|figure| {
        let (mut products, mut squares, mut pairs) = (0.0, 0.0, 0_u32);
        for side in &blocks {
            let values: Vec<f64> = side.iter().filter_map(figure).collect();
            let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
            squares += values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
            for pair in values.windows(2) {
                products += (pair[0] - mean) * (pair[1] - mean);
                pairs += 1;
            }
        }
        let by_chance = 1.64 / f64::from(pairs.max(1)).sqrt();
        // Below it, all values are equal but for the rounding of their mean.
        squares > 1e-15 && products / squares > LIKENESS.max(by_chance)
    })
}

/// One number of a block.
type Look = fn(&Sum) -> Option<f64>;

/// Delays are compared by their ratio: one of 2 s must not be all there is to see.
fn log_of(rtt: Option<Rtt>) -> Option<f64> {
    rtt.map(|rtt| (rtt.as_nanos().max(1) as f64).ln())
}

/// A sum as plain numbers, so that thousands of divisions are quick: counts, then the histogram's buckets.
struct Dense {
    width: usize,
    rows: Vec<u64>,
}

/// Places of a row: failed, finished, pairs, differences, outages, minutes, RTTs of zero; then buckets.
const HEAD: usize = 7;

impl Dense {
    fn new<'a>(blocks: impl Iterator<Item = &'a Sum> + Clone) -> (Self, u16) {
        let parts = blocks.clone().map(|block| (block, block.rollup.to_parts()));
        let indexes = blocks.clone().flat_map(|block| {
            let parts = block.rollup.to_parts();
            parts
                .rtts
                .buckets()
                .iter()
                .map(|&(index, _)| index)
                .collect::<Vec<_>>()
        });
        let (low, high) = indexes.fold((Histogram::LAST_INDEX, 0), |(low, high), index| {
            (low.min(index), high.max(index))
        });
        let width = HEAD + usize::from(high.saturating_sub(low)) + 1;
        let mut rows = Vec::new();
        for (block, parts) in parts {
            let mut row = vec![0; width];
            let loss = parts.counts.loss();
            row[0] = loss.failed;
            row[1] = loss.finished;
            row[2] = parts.pairs;
            // 2^64 ns of differences are 584 years.
            row[3] = u64::try_from(parts.differences_ns).unwrap_or(u64::MAX >> 16);
            (row[4], row[5]) = (block.outages, block.minutes);
            row[6] = parts.rtts.zeros();
            for &(index, count) in parts.rtts.buckets() {
                row[HEAD + usize::from(index - low)] = count;
            }
            rows.extend(row);
        }
        (Self { width, rows }, low)
    }

    fn row(&self, index: usize) -> &[u64] {
        &self.rows[index * self.width..(index + 1) * self.width]
    }
}

/// The figures of a row. Percentiles are the middle of their bucket, as those of a histogram are.
fn values_of(row: &[u64], low: u16) -> Values {
    let ratio = |above: u64, below: u64| (below > 0).then(|| above as f64 / below as f64);
    let [p50, p95, p99] = quantiles(row, low);
    [
        ratio(row[0], row[1]),
        p50,
        p95,
        p99,
        ratio(row[3], row[2]),
        per_day(row[4], row[5]),
    ]
}

fn quantiles(row: &[u64], low: u16) -> [Option<f64>; 3] {
    let count = row[HEAD - 1] + row[HEAD..].iter().sum::<u64>();
    let (mut place, mut up_to) = (HEAD - 1, row[HEAD - 1]);
    SHARES.map(|share| {
        if count == 0 {
            return None;
        }
        let rank = super::rank(share, count);
        while up_to < rank && place + 1 < row.len() {
            place += 1;
            up_to += row[place];
        }
        Some(match place.checked_sub(HEAD) {
            None => 0.0,
            Some(bucket) => super::histogram::middle_of(low + bucket as u16).as_nanos() as f64,
        })
    })
}

/// In how many permutations each difference is at least as large as the one seen.
fn permute(blocks: &[Vec<Sum>; 2], seen: &Values) -> [usize; Metric::ALL.len()] {
    let (dense, low) = Dense::new(blocks.iter().flatten());
    let (first, all) = (blocks[0].len(), blocks[0].len() + blocks[1].len());
    let mut total = vec![0_u64; dense.width];
    (0..all).for_each(|index| add(&mut total, dense.row(index)));
    // The seen division by the same arithmetic: of equal sums the differences must be equal to the last bit.
    let division = |order: &[usize]| {
        let mut a = vec![0_u64; dense.width];
        order[..first]
            .iter()
            .for_each(|&index| add(&mut a, dense.row(index)));
        let b: Vec<u64> = total.iter().zip(&a).map(|(all, a)| all - a).collect();
        difference(&[values_of(&a, low), values_of(&b, low)])
    };
    let mut order: Vec<usize> = (0..all).collect();
    let as_seen = division(&order);
    let mut dice = Sequence(SEED);
    let mut reached = [0; Metric::ALL.len()];
    for _ in 0..PERMUTATIONS {
        // Fisher and Yates, of which only the first side's part is needed.
        for index in 0..first {
            order.swap(index, index + dice.below(all - index));
        }
        let permuted = division(&order);
        for (reached, (permuted, seen)) in reached.iter_mut().zip(permuted.iter().zip(&as_seen)) {
            let is_as_large = match (permuted, seen) {
                (Some(permuted), Some(seen)) => permuted.abs() >= seen.abs() * (1.0 - 1e-12),
                // A side without any answer says nothing against chance.
                (None, _) | (_, None) => true,
            };
            *reached += usize::from(is_as_large);
        }
    }
    debug_assert!(
        seen.iter()
            .zip(&as_seen)
            .all(|(seen, dense)| seen.is_some() == dense.is_some())
    );
    reached
}

fn add(sum: &mut [u64], row: &[u64]) {
    for (sum, more) in sum.iter_mut().zip(row) {
        *sum += more;
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014): a fixed sequence, the same on every computer; no dice are thrown.
struct Sequence(u64);

impl Sequence {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // Multiply and shift (Lemire 2019); its bias of 2^-54 for a thousand blocks is nothing.
        ((u128::from(mixed) * end as u128) >> 64) as usize
    }
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
