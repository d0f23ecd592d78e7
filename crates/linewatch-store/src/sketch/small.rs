//! Packs a rollup of few probes: version 2, in which a bucket takes some three bits instead of a byte.
//!
//! A minute of a target has a row of its own, so its bytes are most of what the tiers weigh; of larger buckets there
//! are few, they are read often, and bytes are read faster than bits (version 1). Lengths are microseconds where all sums are whole.

use linewatch_core::rollup::{Rollup, RollupParts};
use linewatch_core::stats::histogram::Histogram;

use super::bits::{BitReader, BitWriter, golomb_bits};
use super::{COUNT_MAX, Spare, counts_from, counts_of, put_wide, wide};
use crate::varint::{Cursor, Malformed, put, put_signed};

/// The version byte.
pub(super) const VERSION: u8 = 2;
/// Flags behind it.
const WHOLE_US: u64 = 1;
const HAS_PAIRS: u64 = 1 << 1;
const HAS_UNTIMED: u64 = 1 << 2;
/// Above the flags: which counts there are.
const COUNTS_SHIFT: u32 = 3;
/// The first bucket's place, of 2,050.
const PLACE_BITS: u32 = 12;
const ORDER_BITS: u32 = 4;

/// Packs.
pub(super) fn pack(rollup: &Rollup) -> Vec<u8> {
    let parts = rollup.to_parts();
    let mut out = vec![VERSION];
    let rtts = rollup.rtt_count();
    let untimed = (parts.counts.replied + parts.counts.refused).saturating_sub(rtts);
    let unpaired = rtts.wrapping_sub(parts.pairs) as i64;
    let counts = counts_of(&parts.counts);
    let present = counts
        .iter()
        .enumerate()
        .fold(0, |bits, (place, &count)| bits | u64::from(count > 0) << place);
    let (min, max) = parts.range_ns.unwrap_or_default();
    // Relative to the smallest, and the squares to their mean: both are short then. Wrapping, as in version 1.
    let sum = parts
        .sum_ns
        .wrapping_sub(u128::from(rtts).wrapping_mul(u128::from(min)));
    let squares =
        parts
            .sum_of_squares
            .wrapping_sub(super::known_squares(u128::from(min), u128::from(rtts), sum));
    let lengths = [parts.differences_ns, u128::from(min), u128::from(max - min), sum];
    let is_whole =
        lengths.iter().all(|length| length.is_multiple_of(1000)) && squares.is_multiple_of(1_000_000);
    let unit = if is_whole { 1000 } else { 1 };
    let [differences, min, range, sum] = lengths.map(|length| length / unit);

    let flag = |is_set: bool, flag: u64| if is_set { flag } else { 0 };
    let flags = flag(is_whole, WHOLE_US) | flag(unpaired != 0, HAS_PAIRS) | flag(untimed != 0, HAS_UNTIMED);
    put(&mut out, flags | present << COUNTS_SHIFT);
    for count in counts.into_iter().filter(|count| *count > 0) {
        put(&mut out, count);
    }
    if untimed != 0 {
        put(&mut out, untimed);
    }
    if unpaired != 0 {
        put_signed(&mut out, unpaired);
    }
    put_wide(&mut out, differences);
    if parts.range_ns.is_some() {
        put_wide(&mut out, min);
        put_wide(&mut out, range);
        put_wide(&mut out, sum);
        let scattered = (squares / (unit * unit)).wrapping_sub(mean_squares(sum, rtts));
        put_wide(&mut out, scattered);
        out.extend(pack_histogram(&parts.rtts));
    }
    out
}

/// Unpacks what is behind the version byte.
pub(super) fn unpack(cursor: &mut Cursor<'_>, spare: Spare) -> Result<Rollup, Malformed> {
    let flags = cursor.unsigned()?;
    let unit = if flags & WHOLE_US != 0 { 1000 } else { 1 };
    let counts = counts_from(cursor, flags >> COUNTS_SHIFT)?;
    let untimed = if flags & HAS_UNTIMED != 0 {
        cursor.unsigned()?
    } else {
        0
    };
    let rtts = (counts.replied + counts.refused)
        .checked_sub(untimed)
        .ok_or(Malformed)?;
    let unpaired = if flags & HAS_PAIRS != 0 {
        cursor.signed()?
    } else {
        0
    };
    let pairs = rtts.wrapping_sub(unpaired as u64);
    let length = |count: u128| count.checked_mul(unit).ok_or(Malformed);
    let mut parts = RollupParts {
        counts,
        pairs,
        differences_ns: length(wide(cursor)?)?,
        ..RollupParts::default()
    };
    // As in version 1.
    if pairs > COUNT_MAX || parts.differences_ns > u128::from(u64::MAX) * u128::from(pairs) {
        return Err(Malformed);
    }
    if rtts > 0 {
        let narrow = |length: u128| u64::try_from(length).map_err(|_| Malformed);
        let min = narrow(length(wide(cursor)?)?)?;
        let max = min
            .checked_add(narrow(length(wide(cursor)?)?)?)
            .ok_or(Malformed)?;
        parts.range_ns = Some((min, max));
        let (sum, scattered) = (wide(cursor)?, wide(cursor)?);
        let squares = scattered
            .wrapping_add(mean_squares(sum, rtts))
            .wrapping_mul(unit * unit);
        let sum = length(sum)?;
        let (min, count) = (u128::from(min), u128::from(rtts));
        parts.sum_ns = sum.checked_add(count * min).ok_or(Malformed)?;
        if parts.sum_ns > count * u128::from(max) {
            return Err(Malformed);
        }
        parts.sum_of_squares = squares.wrapping_add(super::known_squares(min, count, sum));
        parts.rtts = unpack_histogram(cursor.rest(), rtts, spare)?;
    }
    Rollup::from_parts(parts).ok_or(Malformed)
}

/// What the sum of squares is at least, given the sum.
fn mean_squares(sum: u128, count: u64) -> u128 {
    sum.wrapping_mul(sum) / u128::from(count.max(1))
}

/// The order of the code, the first place, then for each bucket the empty ones before it (not for the first) and its
/// count less one.
fn pack_histogram(histogram: &Histogram) -> Vec<u8> {
    let zeros = (histogram.zeros() > 0).then_some((0, histogram.zeros()));
    let buckets = histogram
        .buckets()
        .iter()
        .map(|&(index, count)| (u64::from(index) + 1, count));
    let buckets: Vec<(u64, u64)> = zeros.into_iter().chain(buckets).collect();
    let bits_at = |order: u32| {
        buckets
            .iter()
            .map(|&(_, count)| golomb_bits(count - 1, order))
            .sum::<u32>()
    };
    let order = (0..1 << ORDER_BITS)
        .min_by_key(|order| bits_at(*order))
        .unwrap_or(0);
    let mut bits = BitWriter::default();
    bits.put(u64::from(order), ORDER_BITS);
    let mut before = None;
    for (place, count) in buckets {
        match before {
            None => bits.put(place, PLACE_BITS),
            Some(before) => bits.put_golomb(place - before - 1, 0),
        }
        bits.put_golomb(count - 1, order);
        before = Some(place);
    }
    bits.into_bytes()
}

fn unpack_histogram(bytes: &[u8], count: u64, mut buckets: Spare) -> Result<Histogram, Malformed> {
    let mut bits = BitReader::new(bytes);
    let order = bits.take(ORDER_BITS)? as u32;
    buckets.reserve(32);
    let mut zeros = 0;
    let (mut place, mut left) = (bits.take(PLACE_BITS)?, count);
    loop {
        let here = bits.golomb(order)? + 1;
        left = left.checked_sub(here).ok_or(Malformed)?;
        match place.checked_sub(1) {
            None => zeros = here,
            Some(index) => buckets.push((u16::try_from(index).map_err(|_| Malformed)?, here)),
        }
        if left == 0 {
            break;
        }
        place += 1 + bits.golomb(0)?;
    }
    if !bits.is_at_end() {
        return Err(Malformed);
    }
    Histogram::from_ascending(zeros, buckets).ok_or(Malformed)
}
