//! Asks a history for what one picture shows: buckets as wide as its pixels deserve, gaps, outages, totals.
//!
//! Input: every series of one line (a new address began a new one) and a period. Output: a [`GraphInput`]. Surprising
//! rule: the totals are of the period exactly, also where its first and last bucket reach beyond it; and buckets that
//! are shorter than the time between two probes are widened, because the space between would look unmeasured.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use jiff::tz::TimeZone;
use linewatch_core::event::OutageRow;
use linewatch_core::limits::OUTAGE_ROWS;
use linewatch_core::port::{History, HistoryError, RowQuery, SeriesQuery};
use linewatch_core::record::Gap;
use linewatch_core::rollup::{Rollup, SMOKE_SHARES, floor};
use linewatch_core::target::{Target, TargetId};
use linewatch_core::time::WallTime;

use super::input::{GraphBucket, GraphGap, GraphInput, GraphOutage, GraphStyle, GraphThreshold, GraphTotals};
use super::overlay::short_duration;
use super::words::Words;
use crate::message::Language;

/// Lengths of buckets, in seconds, that divide each other, an hour or a day.
const STEPS_S: [u64; 22] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400,
    172_800, 604_800, 2_592_000, 31_536_000,
];
/// A bucket is at least so many CSS pixels wide (UI.md section 4, "History").
const BUCKET_PIXELS: u32 = 3;
/// Pixels beside the plot: margins and the words of the axis.
const BESIDE_PIXELS: u32 = 85;
/// Buckets of one question about the ends of the period: seconds of the widest minute.
const EDGE_POINTS: u64 = 60;
/// A monitor writes an open outage down anew when it has grown by a quarter; one that is later than that by so much was
/// left open by a monitor that has ended.
const OUTAGE_SILENCE: Duration = Duration::from_secs(600);

/// Whom a picture is about, and what is written on it beside the measurements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GraphSubject {
    /// As in [`GraphInput::name`].
    pub name: String,
    /// As in [`GraphInput::address`].
    pub address: String,
    /// As in [`GraphInput::note`].
    pub note: String,
    /// As in [`GraphInput::thresholds`].
    pub thresholds: Vec<GraphThreshold>,
}

impl GraphSubject {
    /// A target as it is configured now; `ip` is the address its name has, `vantage` who measures (empty: unsaid).
    pub fn of_target(target: &Target, ip: Option<IpAddr>, vantage: &str, language: Language) -> Self {
        let words = Words::of(language);
        let written = target.address_text();
        let ip = ip
            .map(|ip| ip.to_string())
            .filter(|ip| !written.contains(ip.as_str()));
        let interval = u64::try_from(target.plan.interval.as_nanos()).unwrap_or(u64::MAX);
        let how = format!(
            "{} {} {}",
            target.method.word().to_uppercase(),
            words.every,
            short_duration(interval)
        );
        Self {
            name: target.name.clone(),
            address: ip.map_or_else(|| written.clone(), |ip| format!("{written} ({ip})")),
            note: if vantage.is_empty() {
                how
            } else {
                format!("{how} · {} {vantage}", words.from)
            },
            thresholds: vec![GraphThreshold {
                at: target.thresholds.latency,
                label: words.threshold.to_owned(),
            }],
        }
    }
}

/// The time a picture shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphPeriod {
    /// Begin.
    pub from: WallTime,
    /// End, after `from`.
    pub to: WallTime,
    /// The moment of drawing.
    pub now: WallTime,
    /// The zone of every printed time.
    pub zone: TimeZone,
}

/// Everything `history` knows of the line `series` in this period, in buckets for a picture of this style.
///
/// # Errors
/// When the history cannot be read.
pub fn ask(
    history: &dyn History,
    series: &[TargetId],
    subject: GraphSubject,
    period: &GraphPeriod,
    style: &GraphStyle,
) -> Result<GraphInput, HistoryError> {
    let mut told = Told::of(history, series, period, step_for(period, style))?;
    let gaps = united(&told.gaps, period);
    let outages = outages(history, series, period)?;
    let total = total(history, series, period, &told)?;
    told.widen(&gaps);
    let ends = told.ends(history, series)?;
    let measured_nanos = told.measured_nanos(period, ends, &gaps);
    Ok(GraphInput {
        name: subject.name,
        address: subject.address,
        note: subject.note,
        from: period.from,
        to: period.to,
        now: period.now,
        zone: period.zone.clone(),
        bucket_length: told.step,
        buckets: told
            .rollups
            .iter()
            .map(|(at, rollup)| bucket(*at, rollup))
            .collect(),
        totals: totals(
            &total,
            measured_nanos,
            down_nanos(&outages, &gaps, period),
            period,
        ),
        gaps,
        outages,
        thresholds: subject.thresholds,
    })
}

/// The shortest bucket of [`STEPS_S`] that is wide enough on paper.
fn step_for(period: &GraphPeriod, style: &GraphStyle) -> Duration {
    let most = u64::from((style.width().saturating_sub(BESIDE_PIXELS) / BUCKET_PIXELS).max(1));
    let span_s = nanos_between(period.from, period.to).div_ceil(1_000_000_000);
    let fits = |step_s: &&u64| span_s.div_ceil(**step_s) <= most;
    Duration::from_secs(*STEPS_S.iter().find(fits).unwrap_or(&STEPS_S[STEPS_S.len() - 1]))
}

/// What the history tells of the period, all series together.
struct Told {
    step: Duration,
    rollups: BTreeMap<WallTime, Rollup>,
    gaps: Vec<Gap>,
}

impl Told {
    fn of(
        history: &dyn History,
        series: &[TargetId],
        period: &GraphPeriod,
        step: Duration,
    ) -> Result<Self, HistoryError> {
        let from = floor(period.from, step);
        let to = ceiling(period.to, step);
        let points = nanos_between(from, to) / nanos(step).max(1);
        let mut told = Self {
            step,
            rollups: BTreeMap::new(),
            gaps: Vec::new(),
        };
        for &target in series {
            let points = usize::try_from(points).unwrap_or(usize::MAX).max(1);
            let series = history.series(SeriesQuery {
                target,
                from,
                to,
                points,
            })?;
            // Of too many samples the history tells minutes where seconds were asked for.
            if !series.points.is_empty() && series.bucket > told.step {
                told.regroup(series.bucket);
            }
            for point in series.points {
                let at = floor(point.at, told.step);
                told.rollups.entry(at).or_default().merge(&point.rollup);
            }
            told.gaps.extend(series.gaps);
        }
        Ok(told)
    }

    fn regroup(&mut self, step: Duration) {
        self.step = step;
        for (at, rollup) in std::mem::take(&mut self.rollups) {
            self.rollups.entry(floor(at, step)).or_default().merge(&rollup);
        }
    }

    /// Longer buckets, until the usual distance between two probes leaves none of them empty.
    fn widen(&mut self, gaps: &[GraphGap]) {
        while self.is_sparse(gaps) {
            let step_s = self.step.as_secs();
            let longer = STEPS_S
                .iter()
                .find(|longer| **longer > step_s && longer.is_multiple_of(step_s));
            let Some(longer) = longer.filter(|_| step_s > 0) else {
                return;
            };
            self.regroup(Duration::from_secs(*longer));
        }
    }

    /// Whether empty buckets are the rule and not the exception, away from gaps: more than one in eight.
    fn is_sparse(&self, gaps: &[GraphGap]) -> bool {
        let begins: Vec<WallTime> = self.rollups.keys().copied().collect();
        let is_hole = |pair: &&[WallTime]| {
            let end = pair[0].plus(self.step);
            pair[1] > end && !gaps.iter().any(|gap| gap.from <= pair[1] && gap.to >= pair[0])
        };
        let holes = begins.windows(2).filter(is_hole).count();
        // Two holes are two accidents.
        holes > 2 && holes * 8 > begins.len()
    }

    /// When the first and the last probe of all were sent: their buckets may be days long. About to the second.
    fn ends(&self, history: &dyn History, series: &[TargetId]) -> Result<(WallTime, WallTime), HistoryError> {
        let (Some(first), Some(last)) = (self.rollups.keys().next(), self.rollups.keys().next_back()) else {
            return Ok((WallTime::from_nanos(0), WallTime::from_nanos(0)));
        };
        let first = narrowed(history, series, (*first, first.plus(self.step)), true)?;
        let last = narrowed(history, series, (*last, last.plus(self.step)), false)?;
        Ok((first.0, last.1))
    }

    /// How much of the period was measured: buckets with probes between the ends, without the gaps in them.
    fn measured_nanos(
        &self,
        period: &GraphPeriod,
        (first, last): (WallTime, WallTime),
        gaps: &[GraphGap],
    ) -> u64 {
        let (begin, end) = (period.from.max(first), period.to.min(period.now).min(last));
        let spans = self.rollups.keys().map(|at| {
            let (from, to) = ((*at).max(begin), at.plus(self.step).min(end));
            nanos_between(from, to) - covered_nanos(gaps, from, to)
        });
        spans.sum()
    }
}

/// The shortest span that holds the first (or else the last) probe of `span`, as the history can tell it.
fn narrowed(
    history: &dyn History,
    series: &[TargetId],
    mut span: (WallTime, WallTime),
    is_first: bool,
) -> Result<(WallTime, WallTime), HistoryError> {
    // A 60th each time: of a year, five questions reach a second.
    for _ in 0..5 {
        let (from, to) = span;
        if nanos_between(from, to) <= 1_000_000_000 {
            break;
        }
        let mut found: Option<(WallTime, WallTime)> = None;
        for &target in series {
            let points = EDGE_POINTS as usize;
            let answer = history.series(SeriesQuery {
                target,
                from,
                to,
                points,
            })?;
            let spans = answer
                .points
                .iter()
                .map(|point| (point.at, point.at.plus(answer.bucket)));
            let nearest = if is_first {
                spans.chain(found).min()
            } else {
                spans.chain(found).max()
            };
            found = nearest;
        }
        // Where the samples are deleted the coarser answer is all there is.
        match found.map(|(begin, end)| (begin.max(from), end.min(to))) {
            Some(narrower) if narrower != span => span = narrower,
            _ => break,
        }
    }
    Ok(span)
}

/// Everything counted within the period, bucket by bucket; of those that reach beyond it, the part inside.
fn total(
    history: &dyn History,
    series: &[TargetId],
    period: &GraphPeriod,
    told: &Told,
) -> Result<Rollup, HistoryError> {
    let mut total = Rollup::default();
    for (at, rollup) in &told.rollups {
        let end = at.plus(told.step);
        // Nothing was measured in the future, so a bucket that reaches into it holds nothing else.
        let is_inside = *at >= period.from && (end <= period.to || period.to >= period.now);
        if is_inside {
            total.merge(rollup);
            continue;
        }
        let span = ((*at).max(period.from), end.min(period.to));
        let part = part(history, series, span, told.step)?;
        // Old samples are deleted before their sums: then the whole bucket is the nearest to the truth.
        total.merge(if part.is_empty() { rollup } else { &part });
    }
    Ok(total)
}

fn part(
    history: &dyn History,
    series: &[TargetId],
    (from, to): (WallTime, WallTime),
    step: Duration,
) -> Result<Rollup, HistoryError> {
    let mut part = Rollup::default();
    let unit = Duration::from_nanos((nanos(step) / EDGE_POINTS).max(1));
    let points = nanos_between(from, to).div_ceil(nanos(unit)).max(1);
    for &target in series {
        let answer = history.series(SeriesQuery {
            target,
            from,
            to,
            points: usize::try_from(points).unwrap_or(usize::MAX),
        })?;
        for point in answer.points {
            if point.at >= from && point.at < to {
                part.merge(&point.rollup);
            }
        }
    }
    Ok(part)
}

fn bucket(at: WallTime, rollup: &Rollup) -> GraphBucket {
    let loss = rollup.counts().loss();
    let quantiles = rollup.quantiles(SMOKE_SHARES);
    let all: Vec<_> = quantiles.into_iter().flatten().collect();
    GraphBucket {
        from: at,
        sent: loss.finished,
        lost: loss.failed,
        quantiles: all.try_into().ok(),
    }
}

/// The gaps that touch the period, by begin; those of one kind that touch each other are one: each series tells a
/// restart anew.
fn united(gaps: &[Gap], period: &GraphPeriod) -> Vec<GraphGap> {
    let mut sorted: Vec<&Gap> = gaps
        .iter()
        .filter(|gap| gap.to >= period.from && gap.from <= period.to)
        .collect();
    sorted.sort_by_key(|gap| (gap.kind as u8, gap.from, gap.to));
    let mut united: Vec<GraphGap> = Vec::new();
    for gap in sorted {
        match united.last_mut() {
            Some(last) if last.kind == gap.kind && gap.from <= last.to => last.to = last.to.max(gap.to),
            _ => united.push(GraphGap {
                from: gap.from,
                to: gap.to,
                kind: gap.kind,
            }),
        }
    }
    united.sort_by_key(|gap| (gap.from, gap.to));
    united
}

/// How much of a span lies in gaps, each moment once.
fn covered_nanos(gaps: &[GraphGap], from: WallTime, to: WallTime) -> u64 {
    let (mut covered, mut until) = (0, from);
    for gap in gaps {
        covered += nanos_between(gap.from.max(until), gap.to.min(to));
        until = until.max(gap.to);
    }
    covered
}

/// The outages that touch the period, oldest first.
fn outages(
    history: &dyn History,
    series: &[TargetId],
    period: &GraphPeriod,
) -> Result<Vec<GraphOutage>, HistoryError> {
    let rows = outage_rows(history, series, period)?;
    let outages = rows.iter().map(|row| GraphOutage {
        from: row.from,
        to: outage_end(row, period.now),
    });
    Ok(outages.collect())
}

/// The same with everything that is stored of them; their ends are [`outage_end`]'s.
pub(crate) fn outage_rows(
    history: &dyn History,
    series: &[TargetId],
    period: &GraphPeriod,
) -> Result<Vec<OutageRow>, HistoryError> {
    let query = |from: Option<WallTime>, to: WallTime, limit: usize| RowQuery {
        targets: Some(series.to_vec()),
        kind: None,
        severity: None,
        level: None,
        from,
        to: Some(to),
        before: None,
        limit,
    };
    let mut rows = history.outages(&query(Some(period.from), period.to, OUTAGE_ROWS))?;
    // One outage of each series may have begun before.
    rows.extend(history.outages(&query(None, period.from, series.len().max(1)))?);
    rows.retain(|row| {
        outage_end(row, period.now).is_none_or(|to| to >= period.from) && row.from <= period.to
    });
    rows.sort_by_key(|row| row.from);
    rows.dedup_by_key(|row| row.from);
    Ok(rows)
}

/// When an outage ended, as far as that can be known at `now`; `None` while it goes on.
pub(crate) fn outage_end(row: &OutageRow, now: WallTime) -> Option<WallTime> {
    let seen = row.from.plus(Duration::from_nanos(row.duration_ns));
    let age_nanos = nanos_between(row.from, now);
    let told_nanos = row.duration_ns.saturating_add(nanos(OUTAGE_SILENCE));
    let is_abandoned = row.to.is_none() && age_nanos - age_nanos / 4 > told_nanos;
    if is_abandoned { Some(seen) } else { row.to }
}

/// Outage time within the measured part of the period.
fn down_nanos(outages: &[GraphOutage], gaps: &[GraphGap], period: &GraphPeriod) -> u64 {
    let end = period.to.min(period.now);
    let lengths = outages.iter().map(|outage| {
        let (from, to) = (outage.from.max(period.from), outage.to.unwrap_or(end).min(end));
        nanos_between(from, to) - covered_nanos(gaps, from, to)
    });
    lengths.sum()
}

fn totals(total: &Rollup, measured_nanos: u64, down_nanos: u64, period: &GraphPeriod) -> GraphTotals {
    let loss = total.counts().loss();
    let [p50, p95, p99] = total.quantiles([0.5, 0.95, 0.99]);
    let past_nanos = nanos_between(period.from, period.to.min(period.now));
    // Both are rounded down: what was not measured or not up is never rounded away (MEASURING.md).
    let ppm = |part: u64, of: u64| {
        let ppm = u128::from(part) * 1_000_000 / u128::from(of.max(1));
        (of > 0).then(|| u32::try_from(ppm.min(1_000_000)).unwrap_or(1_000_000))
    };
    GraphTotals {
        sent: loss.finished,
        lost: loss.failed,
        min: total.min(),
        p50,
        p95,
        p99,
        max: total.max(),
        jitter: total.jitter(),
        availability_ppm: ppm(measured_nanos.saturating_sub(down_nanos), measured_nanos),
        measured: Duration::from_nanos(measured_nanos),
        coverage_ppm: ppm(measured_nanos, past_nanos),
    }
}

/// `at` rounded up to a whole multiple of `step` since 1970.
fn ceiling(at: WallTime, step: Duration) -> WallTime {
    let below = floor(at, step);
    if below == at { at } else { below.plus(step) }
}

fn nanos(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}

/// 0 where `to` is not after `from`.
fn nanos_between(from: WallTime, to: WallTime) -> u64 {
    u64::try_from(to.nanos_after(from)).unwrap_or(0)
}
