//! Packs a rollup into a few dozen bytes, exactly, and unpacks it: the `sketch` of the rollup tables.
//!
//! docs/on-disk-format.md "Sketch". The delays are a sparse histogram: a byte a bucket (version 1, quick to read), or of
//! few probes some bits (version 2, `small`). Sums are kept relative to the smallest delay, which makes them short.
//! Unpacking never panics, whatever the bytes.

mod bits;
mod small;

use linewatch_core::record::Counts;
use linewatch_core::rollup::{Rollup, RollupParts};
use linewatch_core::stats::histogram::Histogram;

use crate::varint::{Cursor, Malformed, put, put_signed};

/// The version of many probes. Every version stays readable for ever.
const VERSION: u8 = 1;
/// Up to so many RTTs version 2 is written: a minute at 4/s, a second of any target.
const SMALL_RTTS: u64 = 255;
/// A count above this was never written (300 years at 100,000/s), and sums of what is below stay within 128 bits.
const COUNT_MAX: u64 = 1 << 50;
/// The count of a bucket in its byte, less one; the greatest says that a varint follows.
const COUNT_BITS: u32 = 5;
const COUNT_ESCAPE: u64 = (1 << COUNT_BITS) - 1;
/// Empty buckets before it, in the other bits; the greatest says that a varint follows.
const SKIP_ESCAPE: u64 = 7;

/// Packs.
pub(crate) fn pack(rollup: &Rollup) -> Vec<u8> {
    if rollup.rtt_count() <= SMALL_RTTS {
        small::pack(rollup)
    } else {
        pack_large(rollup)
    }
}

fn pack_large(rollup: &Rollup) -> Vec<u8> {
    let parts = rollup.to_parts();
    let mut out = Vec::with_capacity(128);
    out.push(VERSION);
    let counts = counts_of(&parts.counts);
    let present = counts
        .iter()
        .enumerate()
        .fold(0, |bits, (place, &count)| bits | u64::from(count > 0) << place);
    put(&mut out, present);
    for count in counts.into_iter().filter(|count| *count > 0) {
        put(&mut out, count);
    }
    let rtts = rollup.rtt_count();
    put(
        &mut out,
        (parts.counts.replied + parts.counts.refused).saturating_sub(rtts),
    );
    put_signed(&mut out, rtts.wrapping_sub(parts.pairs) as i64);
    put_wide(&mut out, parts.differences_ns);
    let Some((min, max)) = parts.range_ns else {
        return out;
    };
    put(&mut out, min);
    put(&mut out, max - min);
    // Wrapping, so that even a sum of squares that saturated comes back as it was.
    let (min, count) = (u128::from(min), u128::from(rtts));
    let sum = parts.sum_ns.wrapping_sub(count.wrapping_mul(min));
    put_wide(&mut out, sum);
    put_wide(
        &mut out,
        parts.sum_of_squares.wrapping_sub(known_squares(min, count, sum)),
    );
    put_histogram(&mut out, &parts.rtts);
    out
}

/// Unpacks.
///
/// # Errors
///
/// [`Malformed`], whatever the bytes.
pub(crate) fn unpack(bytes: &[u8]) -> Result<Rollup, Malformed> {
    unpack_into(bytes, Vec::new())
}

/// As [`unpack`], with the histogram in this memory ([`Rollup::into_spare`]): an allocation less for each of 86,400.
///
/// # Errors
///
/// [`Malformed`], whatever the bytes.
pub(crate) fn unpack_into(bytes: &[u8], spare: Spare) -> Result<Rollup, Malformed> {
    let mut cursor = Cursor::new(bytes);
    match cursor.byte()? {
        VERSION => unpack_large(&mut cursor, spare),
        small::VERSION => small::unpack(&mut cursor, spare),
        _ => Err(Malformed),
    }
}

/// Memory for the buckets of a histogram, empty.
type Spare = Vec<(u16, u64)>;

fn unpack_large(cursor: &mut Cursor<'_>, spare: Spare) -> Result<Rollup, Malformed> {
    let present = cursor.unsigned()?;
    let counts = counts_from(cursor, present)?;
    let rtts = (counts.replied + counts.refused)
        .checked_sub(cursor.unsigned()?)
        .ok_or(Malformed)?;
    let pairs = rtts.wrapping_sub(cursor.signed()? as u64);
    let mut parts = RollupParts {
        counts,
        pairs,
        differences_ns: wide(cursor)?,
        ..RollupParts::default()
    };
    // As many pairs as buckets of a step could share; more was never written, and less could overflow a sum.
    if pairs > COUNT_MAX || parts.differences_ns > u128::from(u64::MAX) * u128::from(pairs) {
        return Err(Malformed);
    }
    if rtts > 0 {
        let min = cursor.unsigned()?;
        let max = min.checked_add(cursor.unsigned()?).ok_or(Malformed)?;
        parts.range_ns = Some((min, max));
        let (sum, squares) = (wide(cursor)?, wide(cursor)?);
        let (min, count) = (u128::from(min), u128::from(rtts));
        parts.sum_ns = sum.checked_add(count * min).ok_or(Malformed)?;
        if parts.sum_ns > count * u128::from(max) {
            return Err(Malformed);
        }
        parts.sum_of_squares = squares.wrapping_add(known_squares(min, count, sum));
        parts.rtts = read_histogram(cursor, rtts, spare)?;
    }
    if cursor.is_at_end() {
        Rollup::from_parts(parts).ok_or(Malformed)
    } else {
        Err(Malformed)
    }
}

/// With x = min + d: the sum of x^2 is that of d^2, and this, which `min` and the sum of d tell.
const fn known_squares(min: u128, count: u128, sum: u128) -> u128 {
    let twice = min.wrapping_mul(2).wrapping_mul(sum);
    twice.wrapping_add(count.wrapping_mul(min.wrapping_mul(min)))
}

/// The counts in the order of their bits, the usual ones first.
const fn counts_of(counts: &Counts) -> [u64; 10] {
    [
        counts.replied,
        counts.lost,
        counts.unsent,
        counts.unmeasured,
        counts.late,
        counts.slow,
        counts.reordered,
        counts.refused,
        counts.unreachable,
        counts.duplicate,
    ]
}

/// The counts whose bits are set in `present`.
fn counts_from(cursor: &mut Cursor<'_>, present: u64) -> Result<Counts, Malformed> {
    if present >= 1 << 10 {
        return Err(Malformed);
    }
    let mut read = [0; 10];
    for (place, count) in read.iter_mut().enumerate() {
        if present & 1 << place != 0 {
            *count = cursor.unsigned()?;
            if *count > COUNT_MAX {
                return Err(Malformed);
            }
        }
    }
    let [
        replied,
        lost,
        unsent,
        unmeasured,
        late,
        slow,
        reordered,
        refused,
        unreachable,
        duplicate,
    ] = read;
    Ok(Counts {
        replied,
        lost,
        unsent,
        unmeasured,
        late,
        slow,
        reordered,
        refused,
        unreachable,
        duplicate,
        ..Counts::default()
    })
}

/// Buckets in their order: place of the first, then each as empty ones before it and count. Delays of zero have the
/// place 0, bucket i has i + 1. The number of buckets is not written: the counts add up to what is known.
fn put_histogram(out: &mut Vec<u8>, histogram: &Histogram) {
    let zeros = (histogram.zeros() > 0).then_some((0, histogram.zeros()));
    let buckets = histogram
        .buckets()
        .iter()
        .map(|&(index, count)| (u64::from(index) + 1, count));
    let mut next = None;
    for (place, count) in zeros.into_iter().chain(buckets) {
        let skip = match next {
            Some(next) => place - next,
            None => {
                put(out, place);
                0
            }
        };
        let (short_skip, short_count) = (skip.min(SKIP_ESCAPE), (count - 1).min(COUNT_ESCAPE));
        out.push((short_skip << COUNT_BITS | short_count) as u8);
        if short_skip == SKIP_ESCAPE {
            put(out, skip - SKIP_ESCAPE);
        }
        if short_count == COUNT_ESCAPE {
            put(out, count - 1 - COUNT_ESCAPE);
        }
        next = Some(place + 1);
    }
}

fn read_histogram(cursor: &mut Cursor<'_>, count: u64, mut buckets: Spare) -> Result<Histogram, Malformed> {
    // What is packed so has mostly some forty, and gets a few more when it is merged.
    buckets.reserve(64);
    let mut zeros = 0;
    let (mut place, mut left) = (cursor.unsigned()?, count);
    while left > 0 {
        let byte = u64::from(cursor.byte()?);
        let (mut skip, mut count) = (byte >> COUNT_BITS, byte & COUNT_ESCAPE);
        if skip == SKIP_ESCAPE {
            skip = skip.checked_add(cursor.unsigned()?).ok_or(Malformed)?;
        }
        if count == COUNT_ESCAPE {
            count = count.checked_add(cursor.unsigned()?).ok_or(Malformed)?;
        }
        count = count.checked_add(1).ok_or(Malformed)?;
        left = left.checked_sub(count).ok_or(Malformed)?;
        place = place.checked_add(skip).ok_or(Malformed)?;
        match place.checked_sub(1) {
            None => zeros = count,
            Some(index) => buckets.push((u16::try_from(index).map_err(|_| Malformed)?, count)),
        }
        place = place.checked_add(1).ok_or(Malformed)?;
    }
    Histogram::from_ascending(zeros, buckets).ok_or(Malformed)
}

/// A varint of up to 128 bits.
fn put_wide(out: &mut Vec<u8>, mut value: u128) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn wide(cursor: &mut Cursor<'_>) -> Result<u128, Malformed> {
    let mut value = 0_u128;
    for shift in (0..128).step_by(7) {
        let byte = cursor.byte()?;
        let bits = u128::from(byte & 0x7f);
        if shift == 126 && bits > 3 {
            return Err(Malformed);
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Malformed)
}

#[cfg(test)]
mod tests {
    use linewatch_core::record::{Outcome, StrayKind};
    use linewatch_core::time::Rtt;
    use proptest::prelude::*;

    use super::*;

    fn rollup() -> impl Strategy<Value = Rollup> {
        let rtt = prop_oneof![
            Just(0_u64),
            (0_u32..64).prop_flat_map(|octave| (1_u64 << octave)..=(u64::MAX >> (63 - octave))),
            10_000_000_u64..14_000_000,
        ];
        let probe = (0_u8..6, any::<bool>(), rtt);
        let strays = (0_usize..3, 0_usize..3);
        (prop::collection::vec(probe, 0..200), strays).prop_map(|(probes, (late, duplicate))| {
            let mut rollup = Rollup::default();
            for (outcome, is_odd, nanos) in probes {
                let outcome = Outcome::from_u8(outcome).expect("0 to 5");
                let rtt = match outcome {
                    Outcome::Reply => Some(Rtt::from_nanos(nanos)),
                    Outcome::Refused if is_odd => Some(Rtt::from_nanos(nanos)),
                    _ => None,
                };
                rollup.add(outcome, rtt, is_odd);
                if is_odd {
                    rollup.add_difference(Rtt::from_nanos(nanos));
                }
            }
            (0..late).for_each(|_| rollup.add_stray(StrayKind::Late));
            (0..duplicate).for_each(|_| rollup.add_stray(StrayKind::Duplicate));
            rollup
        })
    }

    proptest! {
        #[test]
        fn any_rollup_comes_back_exactly(rollup in rollup()) {
            // Whichever version is chosen, each holds whatever there is.
            for bytes in [pack_large(&rollup), small::pack(&rollup)] {
                prop_assert_eq!(unpack(&bytes), Ok(rollup.clone()));
            }
        }

        #[test]
        fn damaged_bytes_are_an_error_or_a_rollup_that_merges(
            rollup in rollup(), place in any::<prop::sample::Index>(), byte: u8, length in any::<prop::sample::Index>(),
            is_small: bool,
        ) {
            let mut bytes = if is_small { small::pack(&rollup) } else { pack_large(&rollup) };
            let place = place.index(bytes.len());
            bytes[place] = byte;
            if let Ok(mut odd) = unpack(&bytes) {
                odd.merge(&rollup);
                // Not asked: what is damaged has no right value, only no panic.
                let _ = (odd.avg(), odd.sd(), odd.jitter(), odd.quantile(0.5));
            }
            let cut = length.index(bytes.len());
            if let Ok(mut odd) = unpack(&bytes[..cut]) {
                odd.merge(&rollup);
            }
        }

        #[test]
        fn any_bytes_are_an_error_or_a_rollup_that_merges(mut bytes in prop::collection::vec(any::<u8>(), 0..80), version in VERSION..=small::VERSION,
        ) {
            if let Some(first) = bytes.first_mut() {
                *first = version;
            }
            if let Ok(odd) = unpack(&bytes) {
                let mut twice = odd.clone();
                twice.merge(&odd);
                let _ = (twice.avg(), twice.sd(), twice.jitter(), twice.quantile(0.5)); // As above.
            }
        }
    }

    /// `count` RTTs of 12 ms and up to 2 ms of noise, in steps of `step_ns`.
    fn plain(count: u64, step_ns: u64) -> Rollup {
        let mut rollup = Rollup::default();
        for n in 0..count {
            let rtt = Rtt::from_nanos(12_000_000 + n * 7919 % 60 * 33 * step_ns);
            rollup.add(Outcome::Reply, Some(rtt), false);
            rollup.add_difference(Rtt::from_nanos(1000 * step_ns));
        }
        rollup
    }

    #[test]
    fn a_plain_minute_takes_the_bytes_it_is_said_to() {
        let sizes = [1000, 1001].map(|step_ns| pack(&plain(60, step_ns)).len());
        assert!(sizes[0] <= 28 && sizes[1] <= 36, "{sizes:?}");
    }

    #[test]
    fn few_probes_are_packed_in_bits_and_many_in_bytes() {
        assert_eq!([255, 256].map(|count| pack(&plain(count, 1000))[0]), [2, 1]);
    }
}
