//! Sums the whole fleet up over a span: each part of it from the coarsest tier whose buckets fit inside.
//!
//! Input: one seam for each series, all of one commit. A month is whole hours and, at its ends, tens of minutes or
//! minutes; every part holds each of its committed probes once, and no probe is in two parts. Measured time is that of
//! the buckets less the gaps.

use std::ops::Range;
use std::time::Duration;

use linewatch_core::past::{SeriesSum, Stretch, SumQuery, length_outside};
use linewatch_core::rollup::{Resolution, Rollup};
use linewatch_core::target::TargetId;
use linewatch_core::time::WallTime;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::series::Seam;
use crate::sqlite::rows::from_sql;

/// The ends of a span are exact to this part of it: a pixel of the overview's strip holds more.
const EDGE_PARTS: u32 = 288;

/// Each series of the query summed up; `seams` are theirs, in their order.
pub(crate) fn sums(
    connection: &Connection,
    query: &SumQuery,
    seams: &[Seam],
) -> rusqlite::Result<Vec<(TargetId, SeriesSum)>> {
    let parts = parts(query.from, query.to);
    let series = query.targets.iter().zip(seams);
    let sums = series.map(|(target, seam)| Ok((*target, sum(connection, query, (*target, seam), &parts)?)));
    sums.collect()
}

fn sum(
    connection: &Connection,
    query: &SumQuery,
    (target, seam): (TargetId, &Seam),
    parts: &[Part],
) -> rusqlite::Result<SeriesSum> {
    let (mut rollup, mut present) = (Rollup::default(), Vec::new());
    let begin = created(connection, target)?.max(query.from);
    for (tier, from, to) in parts {
        let length = tier.length();
        seam.all(connection, (*tier, target), (*from, *to), |at, found| {
            rollup.merge(found);
            // An open minute stands for the bucket of this tier that it will be in.
            present.push(at.max(begin)..at.plus(length).min(query.to));
        })?;
    }
    let counts = rollup.counts();
    let (finished, scheduled) = (counts.loss().finished, counts.scheduled);
    if finished == 0 {
        return Ok(SeriesSum {
            rollup,
            ..SeriesSum::default()
        });
    }
    let alive = length_outside(present, gaps(connection, target, query)?);
    let measured = part_of(alive, finished, scheduled);
    let (outages, down) = outages(connection, target, query)?;
    Ok(SeriesSum {
        rollup,
        measured,
        down: down.min(measured),
        outages,
    })
}

/// A tier and the whole buckets of it that are read.
type Part = (Resolution, WallTime, WallTime);

/// Cuts a span into whole buckets, the coarsest that fit; its ends are widened to whole buckets of the finest.
fn parts(from: WallTime, to: WallTime) -> Vec<Part> {
    let length = Duration::from_nanos(u64::try_from(to.nanos_after(from)).unwrap_or(0));
    let finest = Resolution::within(length / EDGE_PARTS)
        .map_or(Resolution::Minute, |tier| tier.max(Resolution::Minute));
    let tiers = Resolution::ALL.into_iter().filter(|tier| *tier >= finest);
    let (mut from, mut to) = (finest.floor(from), up(finest, to));
    let (mut parts, mut ends) = (Vec::new(), Vec::new());
    for tier in tiers {
        let Some(coarser) = coarser(tier) else {
            parts.push((tier, from, to));
            break;
        };
        let (begin, end) = (up(coarser, from), coarser.floor(to));
        if begin >= end {
            parts.push((tier, from, to));
            break;
        }
        parts.push((tier, from, begin));
        ends.push((tier, end, to));
        (from, to) = (begin, end);
    }
    parts.extend(ends.into_iter().rev());
    parts.retain(|(_, from, to)| from < to);
    parts
}

/// The next tier of those that hold every probe.
fn coarser(tier: Resolution) -> Option<Resolution> {
    tier.max(Resolution::Minute).coarser()
}

/// The end of the last bucket that begins before `at`.
fn up(tier: Resolution, at: WallTime) -> WallTime {
    let floor = tier.floor(at);
    if floor == at {
        at
    } else {
        floor.plus(tier.length())
    }
}

/// `length * part / whole`, rounded down.
fn part_of(length: Duration, part: u64, whole: u64) -> Duration {
    let nanos = length.as_nanos() * u128::from(part) / u128::from(whole.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// When a series began: the first minute of a target is not a whole one.
fn created(connection: &Connection, target: TargetId) -> rusqlite::Result<WallTime> {
    let mut statement = connection.prepare_cached("SELECT created_ns FROM targets WHERE id = ?1")?;
    let created: Option<i64> = statement.query_row([target.0], |row| row.get(0)).optional()?;
    Ok(WallTime::from_nanos(created.unwrap_or(i64::MIN)))
}

/// The time in which nothing was measured, as far as it touches the span.
fn gaps(
    connection: &Connection,
    target: TargetId,
    query: &SumQuery,
) -> rusqlite::Result<Vec<Range<WallTime>>> {
    let mut statement = connection.prepare_cached(
        "SELECT from_ns, to_ns FROM gaps WHERE target = ?1 AND to_ns >= ?2 AND from_ns < ?3",
    )?;
    let span = params![target.0, query.from.as_nanos(), query.to.as_nanos()];
    let rows = statement.query_map(span, |row| {
        Ok(WallTime::from_nanos(row.get(0)?)..WallTime::from_nanos(row.get(1)?))
    })?;
    rows.collect()
}

/// Outages that touch the span, and the time inside it that their probes stand for: one interval each, as live.
fn outages(connection: &Connection, target: TargetId, query: &SumQuery) -> rusqlite::Result<(u64, Duration)> {
    let mut statement = connection.prepare_cached(
        "SELECT from_ns, coalesce(to_ns, from_ns + duration_ns), sent, uncertainty_ns FROM outages \
         WHERE target = ?1 AND from_ns < ?3 AND coalesce(to_ns, from_ns + duration_ns) >= ?2",
    )?;
    let mut rows = statement.query(params![target.0, query.from.as_nanos(), query.to.as_nanos()])?;
    let (mut outages, mut down) = (0, Duration::ZERO);
    while let Some(row) = rows.next()? {
        let (from, to) = (
            WallTime::from_nanos(row.get(0)?),
            WallTime::from_nanos(row.get(1)?),
        );
        let (sent, interval_ns) = (from_sql(row.get(2)?), from_sql(row.get(3)?));
        let whole = u64::try_from(to.nanos_after(from)).unwrap_or(0);
        let inside = to.min(query.to).nanos_after(from.max(query.from));
        let stands_for = Duration::from_nanos(sent.saturating_mul(interval_ns));
        outages += 1;
        down += if whole == 0 {
            stands_for
        } else {
            part_of(stands_for, u64::try_from(inside).unwrap_or(0).min(whole), whole)
        };
    }
    Ok((outages, down))
}

/// Each series in its tens of minutes; `seams` are theirs, in their order. The histograms stay packed: count and mean
/// are columns of their own.
pub(crate) fn stretches(
    connection: &Connection,
    query: &SumQuery,
    seams: &[Seam],
) -> rusqlite::Result<Vec<Stretch>> {
    let tier = Resolution::TenMinutes;
    let span = (tier.floor(query.from), up(tier, query.to));
    let mut found = Vec::new();
    for (target, seam) in query.targets.iter().zip(seams) {
        seam.figures(connection, (tier, *target), span, |from, avg, loss| {
            found.push(Stretch {
                target: *target,
                from: tier.floor(from),
                avg,
                loss,
            });
        })?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000_000;
    const HOUR: i64 = 60 * MINUTE;

    fn cut(from: i64, to: i64) -> Vec<(Resolution, i64, i64)> {
        let parts = parts(WallTime::from_nanos(from), WallTime::from_nanos(to));
        let plain = |(tier, from, to): Part| (tier, from.as_nanos(), to.as_nanos());
        parts.into_iter().map(plain).collect()
    }

    #[test]
    fn a_day_is_whole_hours_with_exact_ends() {
        let (minute, ten, hour) = (Resolution::Minute, Resolution::TenMinutes, Resolution::Hour);
        let to = 24 * HOUR + 15 * MINUTE + 1;
        assert_eq!(
            cut(15 * MINUTE + 1, to),
            [
                (minute, 15 * MINUTE, 20 * MINUTE),
                (ten, 20 * MINUTE, HOUR),
                (hour, HOUR, 24 * HOUR),
                (ten, 24 * HOUR, 24 * HOUR + 10 * MINUTE),
                (minute, 24 * HOUR + 10 * MINUTE, 24 * HOUR + 16 * MINUTE),
            ]
        );
        assert_eq!(cut(MINUTE / 2, 2 * MINUTE), [(minute, 0, 2 * MINUTE)]);
        assert_eq!(cut(HOUR, 2 * HOUR), [(hour, HOUR, 2 * HOUR)]);
        assert_eq!(cut(0, 30 * 24 * HOUR + 1), [(hour, 0, 30 * 24 * HOUR + HOUR)]);
    }

    #[test]
    fn no_moment_is_in_two_parts_and_none_in_between_is_left_out() {
        for (from, length) in (1..200).flat_map(|step| [(step * 7, step * 13), (step * 61, step * 997)]) {
            let (from, to) = (from * MINUTE, (from + length) * MINUTE);
            let mut parts = cut(from, to);
            parts.sort_by_key(|part| part.1);
            assert!(parts.windows(2).all(|two| two[0].2 == two[1].1), "{parts:?}");
            let ends = parts.first().zip(parts.last()).map(|(a, b)| (a.1, b.2));
            assert!(
                ends.is_some_and(|(begin, end)| begin <= from && end >= to),
                "{parts:?}"
            );
        }
    }
}
