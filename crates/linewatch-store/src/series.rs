//! Answers a span of one series in even buckets: from the coarsest tier that is fine enough, or from the samples.
//!
//! Input: the database and the open buckets as of one commit. The tier's rows, the open buckets of that tier and of
//! the finer ones are merged; together they hold every committed probe once. Below a minute, a minute is taken from
//! its seconds if they count all its probes (fast targets), else from its samples.

mod fold;

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use linewatch_core::port::{Series, SeriesPoint, SeriesQuery, SeriesSource};
use linewatch_core::record::{Gap, Loss};
use linewatch_core::rollup::{Buckets, Resolution, Rollup, RollupSum, floor};
use linewatch_core::target::TargetId;
use linewatch_core::time::{Rtt, WallTime, nanos_of};
use rusqlite::{Connection, params};

use crate::block;
use crate::open::OpenBuckets;
use crate::row::gap_kind_from_word;
use crate::sqlite::rollups::{visit, visit_figures};
use crate::sqlite::rows::{Rest, from_sql};
use crate::sqlite::write::{ROLLED_UP_TO, meta_number};
use fold::Fold;

/// More samples than this are not folded for one answer (0.3 s of a core): minutes are told instead.
const RAW_SAMPLES: u64 = 2_000_000;
/// So far before the span samples are read for the first pair of adjacent answers: slower targets than one probe a
/// minute miss that pair, and no other.
const PAIR_REACH: Duration = Duration::from_secs(60);
/// Shortest bucket: live rows and API have milliseconds.
const STEP_MIN: Duration = Duration::from_millis(1);

/// Where the newest probes are that no row of a tier holds yet.
#[derive(Debug)]
pub(crate) struct Seam {
    open: OpenBuckets,
    /// Of rows, only buckets that begin before are told; the others are in `open`.
    rows_until: WallTime,
}

impl Seam {
    /// What the writer has open as of the commit that is read.
    pub(crate) const fn of_memory(open: OpenBuckets) -> Self {
        Self {
            open,
            rows_until: LATEST,
        }
    }

    /// Without the writer: the samples of the time whose buckets may not all be written, an hour or two of them.
    pub(crate) fn of_database(connection: &Connection, target: TargetId) -> rusqlite::Result<Self> {
        let whole_until = meta_number(connection, ROLLED_UP_TO)?.unwrap_or(i64::MIN);
        let rows_until = WallTime::from_nanos(whole_until);
        let mut open = OpenBuckets::default();
        if rows_until < LATEST {
            let spans = [rows_until..LATEST];
            let (blocks, _) = blocks_in(connection, target, &spans)?;
            let minute = Resolution::Minute;
            let source = (target, &Rest::Stored);
            let mut minutes = fold_samples(connection, source, &spans, &blocks, minute.length())?;
            minutes.take_before(rows_until);
            open = OpenBuckets::of_tier(minute, &minutes);
        }
        Ok(Self { open, rows_until })
    }

    /// Gives `add` every committed probe of a span of whole buckets of `tier`, once: rows, then what is open.
    pub(crate) fn all(
        &self,
        connection: &Connection,
        (tier, target): (Resolution, TargetId),
        (from, to): (WallTime, WallTime),
        mut add: impl FnMut(WallTime, &Rollup),
    ) -> rusqlite::Result<()> {
        self.rows(connection, (tier, target), (from, to), |at, rollup| {
            add(at, rollup)
        })?;
        self.open(tier, (from, to))
            .for_each(|(at, rollup)| add(at, &rollup));
        Ok(())
    }

    /// What of a span is in no row of the tier yet.
    fn open(&self, tier: Resolution, span: (WallTime, WallTime)) -> impl Iterator<Item = (WallTime, Rollup)> {
        self.open.within(Resolution::Minute..=tier, span)
    }

    /// As [`Seam::all`], but only mean and loss, which need no histogram.
    pub(crate) fn figures(
        &self,
        connection: &Connection,
        (tier, target): (Resolution, TargetId),
        (from, to): (WallTime, WallTime),
        mut add: impl FnMut(WallTime, Option<Rtt>, Loss),
    ) -> rusqlite::Result<()> {
        visit_figures(
            connection,
            tier,
            target,
            (from, to.min(self.rows_until)),
            &mut add,
        )?;
        self.open(tier, (from, to))
            .for_each(|(at, rollup)| add(at, rollup.avg(), rollup.counts().loss()));
        Ok(())
    }

    /// Gives `add` the rows of a tier that may be told.
    fn rows(
        &self,
        connection: &Connection,
        (tier, target): (Resolution, TargetId),
        (from, to): (WallTime, WallTime),
        mut add: impl FnMut(WallTime, &mut Rollup),
    ) -> rusqlite::Result<()> {
        let to = to.min(self.rows_until);
        if from >= to {
            return Ok(());
        }
        visit(connection, tier, target, (from, to), |_, at, rollup| {
            add(at, rollup)
        })
    }
}

const LATEST: WallTime = WallTime::from_nanos(i64::MAX);

/// The even buckets of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Grid {
    from: WallTime,
    to: WallTime,
    step: Duration,
}

impl Grid {
    /// The finest buckets, whole multiples of `unit`, of which the span has no more than `points`.
    fn new(query: &SeriesQuery, unit: Duration) -> Self {
        let unit_ns = i128::from(nanos_of(unit));
        let (from, to) = (i128::from(query.from.as_nanos()), i128::from(query.to.as_nanos()));
        let points = query.points.max(1) as i128;
        let up = |number: i128, by: i128| -(-number).div_euclid(by);
        let mut units = up((to - from).max(1), points * unit_ns).max(1);
        // Rounding both ends outwards may need one bucket more than fits: then the buckets are longer.
        loop {
            let step = units * unit_ns;
            let (first, end) = (from.div_euclid(step), up(to.max(from + 1), step));
            if end - first <= points || units > i128::from(i64::MAX) {
                let wall = |nanos: i128| {
                    WallTime::from_nanos(nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
                };
                return Self {
                    from: wall(first * step),
                    to: wall(end * step),
                    step: Duration::from_nanos(u64::try_from(step).unwrap_or(u64::MAX)),
                };
            }
            units += 1.max(units / 64);
        }
    }

    fn has(&self, at: WallTime) -> bool {
        self.from <= at && at < self.to
    }
}

/// The series asked for.
pub(crate) fn series(
    connection: &Connection,
    query: SeriesQuery,
    seam: &Seam,
    rest: &Rest,
) -> rusqlite::Result<Series> {
    let span_ns = query.to.as_nanos().saturating_sub(query.from.as_nanos()).max(1);
    let asked = Duration::from_nanos(span_ns.unsigned_abs().div_ceil(query.points.max(1) as u64));
    let tier = Resolution::within(asked).filter(|tier| *tier != Resolution::Second);
    let (grid, source, sums) = match tier {
        Some(tier) => of_tier(connection, &query, tier, seam)?,
        None => fine(connection, &query, asked, (seam, rest))?,
    };
    let points = sums
        .into_rollups()
        .into_iter()
        .filter(|(at, rollup)| grid.has(*at) && !rollup.is_empty())
        .map(|(at, rollup)| SeriesPoint { at, rollup });
    Ok(Series {
        from: grid.from,
        to: grid.to,
        bucket: grid.step,
        source,
        points: points.collect(),
        gaps: gaps(connection, &query, &grid)?,
    })
}

type Answer = (Grid, SeriesSource, Buckets);

/// From one tier, and what is open of it and below.
fn of_tier(
    connection: &Connection,
    query: &SeriesQuery,
    tier: Resolution,
    seam: &Seam,
) -> rusqlite::Result<Answer> {
    let grid = Grid::new(query, tier.length());
    let mut sums = Buckets::new(grid.step);
    let span = (grid.from, grid.to);
    // Rows come by time, so one point is added up after the other.
    let (mut point, mut sum) = (grid.from, RollupSum::default());
    seam.rows(connection, (tier, query.target), span, |from, rollup| {
        if from.nanos_after(point) >= nanos_of(grid.step) as i64 {
            sums.merge(point, sum.take());
            point = floor(from, grid.step);
        }
        sum.add(rollup);
    })?;
    sums.merge(point, sum.take());
    for (from, rollup) in seam.open(tier, span) {
        sums.at(from).merge(&rollup);
    }
    Ok((grid, SeriesSource::Tier(tier), sums))
}

/// From seconds where they are whole, else from samples; from minutes where that would be too many.
fn fine(
    connection: &Connection,
    query: &SeriesQuery,
    asked: Duration,
    (seam, rest): (&Seam, &Rest),
) -> rusqlite::Result<Answer> {
    let second = Resolution::Second.length();
    let is_below_a_second = asked < second;
    let grid = Grid::new(query, if is_below_a_second { STEP_MIN } else { second });
    let mut sums = Buckets::new(grid.step);
    let seconds = if is_below_a_second {
        BTreeMap::new()
    } else {
        whole_minutes(connection, query, &grid, seam)?
    };
    let mut spans = vec![grid.from..grid.to];
    for (minute, seconds) in &seconds {
        for (at, rollup) in seconds.iter().filter(|(at, _)| grid.has(*at)) {
            sums.at(*at).merge(rollup);
        }
        cut(&mut spans, *minute..minute.plus(Resolution::Minute.length()));
    }
    let (blocks, samples) = blocks_in(connection, query.target, &spans)?;
    if samples > RAW_SAMPLES {
        return of_tier(connection, query, Resolution::Minute, seam);
    }
    let source = (query.target, rest);
    if seconds.is_empty() {
        // Samples alone: what lies outside of the grid's only span is left out by the caller.
        sums = fold_samples(connection, source, &spans, &blocks, grid.step)?;
        return Ok((grid, SeriesSource::Raw, sums));
    }
    // A bucket may get its share of seconds and of samples: both lie in the same grid.
    let finest = grid.step.min(second);
    for (at, rollup) in fold_samples(connection, source, &spans, &blocks, finest)?.iter() {
        if spans.iter().any(|span| span.contains(&at)) {
            sums.at(at).merge(rollup);
        }
    }
    Ok((grid, SeriesSource::Tier(Resolution::Second), sums))
}

/// The minutes whose seconds count all their probes, with those seconds.
fn whole_minutes(
    connection: &Connection,
    query: &SeriesQuery,
    grid: &Grid,
    seam: &Seam,
) -> rusqlite::Result<BTreeMap<WallTime, Vec<(WallTime, Rollup)>>> {
    let minute = Resolution::Minute;
    let span = (
        minute.floor(grid.from),
        minute.floor(grid.to).plus(minute.length()),
    );
    let mut seconds = BTreeMap::<WallTime, Vec<(WallTime, Rollup)>>::new();
    seam.rows(
        connection,
        (Resolution::Second, query.target),
        span,
        |at, rollup| {
            let entry = seconds.entry(minute.floor(at)).or_default();
            entry.push((at, std::mem::take(rollup)));
        },
    )?;
    for (at, rollup) in seam.open.within(Resolution::Second..=Resolution::Second, span) {
        seconds.entry(minute.floor(at)).or_default().push((at, rollup));
    }
    if seconds.is_empty() {
        return Ok(seconds);
    }
    let mut wanted = Buckets::new(minute.length());
    seam.rows(connection, (minute, query.target), span, |at, rollup| {
        wanted.at(at).merge(rollup);
    })?;
    for (at, rollup) in seam.open.within(minute..=minute, span) {
        wanted.at(at).merge(&rollup);
    }
    seconds.retain(|minute, seconds| {
        let counted: u64 = seconds.iter().map(|(_, rollup)| rollup.counts().scheduled).sum();
        counted == wanted.at(*minute).counts().scheduled
    });
    Ok(seconds)
}

/// Takes `hole` out of `spans`, which ascend; so do the holes.
fn cut(spans: &mut Vec<Range<WallTime>>, hole: Range<WallTime>) {
    let Some(last) = spans.pop() else { return };
    if hole.end <= last.start || hole.start >= last.end {
        spans.push(last);
        return;
    }
    let parts = [last.start..hole.start, hole.end..last.end];
    spans.extend(parts.into_iter().filter(|part| part.start < part.end));
}

/// The blocks that touch one of `spans`, and how many samples they hold.
fn blocks_in(
    connection: &Connection,
    target: TargetId,
    spans: &[Range<WallTime>],
) -> rusqlite::Result<(Vec<i64>, u64)> {
    let mut statement = connection.prepare_cached(
        "SELECT id, samples, from_ns, to_ns FROM samples \
         WHERE target = ?1 AND to_ns >= ?2 AND from_ns < ?3 ORDER BY from_ns",
    )?;
    let (Some(first), Some(last)) = (spans.first(), spans.last()) else {
        return Ok((Vec::new(), 0));
    };
    let reach = first.start.minus(PAIR_REACH).as_nanos();
    let mut rows = statement.query(params![target.0, reach, last.end.as_nanos()])?;
    let (mut blocks, mut samples) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let (from, to) = (
            WallTime::from_nanos(row.get(2)?),
            WallTime::from_nanos(row.get(3)?),
        );
        let touches = |span: &Range<WallTime>| to >= span.start.minus(PAIR_REACH) && from < span.end;
        if spans.iter().any(touches) {
            blocks.push(row.get(0)?);
            samples += from_sql(row.get(1)?);
        }
    }
    Ok((blocks, samples))
}

/// The samples of these blocks and the unsealed ones, in buckets of `step`. Outside of `spans` they are not whole.
fn fold_samples(
    connection: &Connection,
    (target, rest): (TargetId, &Rest),
    spans: &[Range<WallTime>],
    blocks: &[i64],
    step: Duration,
) -> rusqlite::Result<Buckets> {
    let mut fold = Fold::new(spans, step);
    let mut statement = connection.prepare_cached("SELECT run, block FROM samples WHERE id = ?1")?;
    for id in blocks {
        let mut rows = statement.query([id])?;
        while let Some(row) = rows.next()? {
            let run = from_sql(row.get(0)?);
            match block::unpack(row.get_ref(1)?.as_blob()?, target) {
                Ok(samples) => fold.add(run, &samples),
                // As in `read::samples`.
                Err(error) => tracing::warn!(target: "store", block = id, %error, "block could not be read"),
            }
        }
    }
    rest.visit(connection, target, |run, rows| fold.add(run, rows))?;
    Ok(fold.into_buckets())
}

/// Gaps that touch the grid, by begin. Closer than a bucket, those of one kind cannot be told apart: they are one.
fn gaps(connection: &Connection, query: &SeriesQuery, grid: &Grid) -> rusqlite::Result<Vec<Gap>> {
    let mut statement = connection.prepare_cached(
        "SELECT kind, from_ns, to_ns, first_seq, slots FROM gaps \
         WHERE target = ?1 AND to_ns >= ?2 AND from_ns < ?3 ORDER BY from_ns, id",
    )?;
    let mut rows = statement.query(params![query.target.0, grid.from.as_nanos(), grid.to.as_nanos()])?;
    let mut gaps = Vec::<Gap>::new();
    let mut newest = BTreeMap::<u8, usize>::new();
    while let Some(row) = rows.next()? {
        let kind: String = row.get(0)?;
        let Some(kind) = gap_kind_from_word(&kind) else {
            continue;
        };
        let (from, to) = (
            WallTime::from_nanos(row.get(1)?),
            WallTime::from_nanos(row.get(2)?),
        );
        let slots = from_sql(row.get(4)?);
        let near = newest.get(&(kind as u8)).map(|&index| &mut gaps[index]);
        if let Some(gap) = near.filter(|gap| from <= gap.to.plus(grid.step)) {
            gap.to = gap.to.max(to);
            gap.slots += slots;
            continue;
        }
        newest.insert(kind as u8, gaps.len());
        gaps.push(Gap {
            target: query.target,
            kind,
            from,
            to,
            first_seq: from_sql(row.get(3)?),
            slots,
        });
    }
    Ok(gaps)
}

#[cfg(test)]
mod bench;
#[cfg(test)]
mod tests;
