//! Asks a history for what a report tells: one walk over the buckets of each line, from which all figures are counted.
//!
//! Input: a history, lines, a period. Output: a [`Report`]. Surprising rule: the period is widened to whole buckets, so
//! that every row of the tables counts whole ones and the days add up to the whole exactly; the report prints the widened
//! one. Not here: words.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use linewatch_core::evidence::conclude;
use linewatch_core::limits::API_ROWS;
use linewatch_core::past::{SeriesSum, SumQuery};
use linewatch_core::port::{History, HistoryError, RowQuery, SampleQuery, SeriesQuery};
use linewatch_core::record::Gap;
use linewatch_core::rollup::{Rollup, RollupSum, floor};
use linewatch_core::target::{Target, TargetId};
use linewatch_core::time::{WallTime, nanos_of};

use super::{Day, GapSpan, LineReport, OutageReport, Report, Section, length};
use crate::graph::{
    self, GraphInput, GraphPeriod, GraphStyle, GraphSubject, GraphTotals, Theme, ValueAxis, outage_end,
    outage_rows,
};

/// Steps that divide an hour, so that they fit the days of every zone or almost.
const STEPS_S: [u64; 3] = [60, 600, 3_600];
/// Buckets of one report, all lines together: each is some hundred bytes, and reading ten thousand takes about a second.
const BUCKETS_MAX: u64 = 60_000;
/// Days that are told one by one; of more, months are told.
const DAYS_MAX: Duration = Duration::from_secs(32 * 86_400);
/// Evidence is read of so many outages, the longest: each is some 10 kB.
const PROOFS_MAX: usize = 100;
/// Pictures of a fleet: of the worst lines.
const FLEET_CHARTS: usize = 4;
/// Events that are told.
const EVENTS_MAX: usize = 500;
/// CSS pixels of a picture: A4 without its margins is 178 mm, 673 pixels, and words must stay readable.
const CHART: (u32, u32) = (760, 330);
/// The same of a fleet.
const FLEET_CHART: (u32, u32) = (760, 230);

/// One line that a report is about.
#[derive(Clone, Debug)]
pub struct ReportSubject {
    /// Its id.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Every series of it.
    pub series: Vec<TargetId>,
    /// As it is configured now; `None` if it is not.
    pub target: Option<Target>,
    /// The address its name has.
    pub ip: Option<IpAddr>,
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct ReportAsk {
    /// Of all targets.
    pub is_fleet: bool,
    /// When, until when, in which zone.
    pub period: GraphPeriod,
    /// Which computer measured; empty: unsaid.
    pub vantage: String,
    /// The program's version.
    pub version: String,
    /// What will be shown: the rest is not read.
    pub sections: Vec<Section>,
}

/// The report of these lines.
///
/// # Errors
///
/// When the history cannot be read.
pub fn ask(
    history: &dyn History,
    subjects: &[ReportSubject],
    asked: &ReportAsk,
) -> Result<Report, HistoryError> {
    let step = step_for(&asked.period, subjects.len());
    let period = GraphPeriod {
        from: floor(asked.period.from, step),
        to: whole(asked.period.to, step).min(asked.period.now),
        ..asked.period.clone()
    };
    let sums = sums(history, subjects, &period)?;
    let mut lines = Vec::new();
    for (subject, sum) in subjects.iter().zip(&sums) {
        lines.push(line(history, subject, sum, &period, step)?);
    }
    if asked.is_fleet {
        worst_first(&mut lines);
    }
    let has = |section: Section| asked.sections.contains(&section);
    if has(Section::Verdict) || has(Section::Outages) || has(Section::Evidence) {
        prove(history, &mut lines, &period)?;
    }
    if has(Section::Chart) {
        charts(history, subjects, &mut lines, &period, asked.is_fleet)?;
    }
    let events = if has(Section::Events) {
        history.events(&event_query(subjects, &period))?
    } else {
        Vec::new()
    };
    let stored = history.targets()?;
    Ok(Report {
        is_fleet: asked.is_fleet,
        from: period.from,
        to: period.to,
        made_at: period.now,
        zone: period.zone,
        vantage: asked.vantage.clone(),
        version: asked.version.clone(),
        step,
        lines,
        events,
        names: stored
            .into_iter()
            .map(|target| (target.id, target.name))
            .collect(),
    })
}

/// The finest step of which there are not too many.
fn step_for(period: &GraphPeriod, lines: usize) -> Duration {
    let span_s = length(period.from, period.to).as_secs();
    let lines = u64::try_from(lines.max(1)).unwrap_or(u64::MAX);
    let fits = |step_s: &&u64| (span_s / **step_s).saturating_mul(lines) <= BUCKETS_MAX;
    Duration::from_secs(*STEPS_S.iter().find(fits).unwrap_or(&STEPS_S[STEPS_S.len() - 1]))
}

/// Rounded up to a whole step.
fn whole(at: WallTime, step: Duration) -> WallTime {
    let below = floor(at, step);
    if below == at { at } else { below.plus(step) }
}

/// What each line was in sum, in one question.
fn sums(
    history: &dyn History,
    subjects: &[ReportSubject],
    period: &GraphPeriod,
) -> Result<Vec<SeriesSum>, HistoryError> {
    let query = SumQuery {
        targets: subjects
            .iter()
            .flat_map(|subject| subject.series.clone())
            .collect(),
        from: period.from,
        to: period.to,
    };
    let found: BTreeMap<TargetId, SeriesSum> = history.sums(&query)?.into_iter().collect();
    let of_line = |subject: &ReportSubject| {
        let mut sum = SeriesSum::default();
        for series in &subject.series {
            if let Some(found) = found.get(series) {
                sum.merge(found);
            }
        }
        sum
    };
    Ok(subjects.iter().map(of_line).collect())
}

fn line(
    history: &dyn History,
    subject: &ReportSubject,
    sum: &SeriesSum,
    period: &GraphPeriod,
    step: Duration,
) -> Result<LineReport, HistoryError> {
    let outages: Vec<OutageReport> = outage_rows(history, &subject.series, period)?
        .into_iter()
        .map(|row| OutageReport {
            to: outage_end(&row, period.now),
            row,
            proof: None,
            kept: Vec::new(),
        })
        .collect();
    let (rollups, step) = buckets(history, &subject.series, period, step)?;
    let mut days = days(period);
    let mut sums: Vec<RollupSum> = days.iter().map(|_| RollupSum::default()).collect();
    let (mut everything, mut calm) = (RollupSum::default(), RollupSum::default());
    for (at, rollup) in &rollups {
        everything.add(rollup);
        let place = days.partition_point(|day| day.to <= *at).min(sums.len() - 1);
        sums[place].add(rollup);
        let end = at.plus(step);
        let touches = |outage: &OutageReport| {
            outage.row.from < end && outage.to.unwrap_or(period.to).max(outage.row.from) >= *at
        };
        if !outages.iter().any(touches) {
            calm.add(rollup);
        }
    }
    for (day, sum) in days.iter_mut().zip(&mut sums) {
        day.rollup = sum.take();
    }
    let written = subject
        .target
        .as_ref()
        .map(Target::address_text)
        .unwrap_or_default();
    let ip = subject.ip.map(|ip| ip.to_string());
    let ip = ip.filter(|ip| !written.contains(ip.as_str()));
    Ok(LineReport {
        slug: subject.slug.clone(),
        name: subject.name.clone(),
        address: ip.map_or_else(|| written.clone(), |ip| format!("{written} ({ip})")),
        target: subject.target.clone(),
        whole: everything.take(),
        calm: calm.take(),
        days,
        gaps: gaps(history, &subject.series, period)?,
        outages,
        measured: sum.measured,
        availability_ppm: sum.availability_ppm(),
        coverage_ppm: sum.coverage_ppm(length(period.from, period.to)),
        chart: None,
    })
}

/// All series of a line in buckets, and how long they are: where samples are deleted, longer than asked for.
fn buckets(
    history: &dyn History,
    series: &[TargetId],
    period: &GraphPeriod,
    step: Duration,
) -> Result<(BTreeMap<WallTime, Rollup>, Duration), HistoryError> {
    let to = whole(period.to, step);
    let points = nanos_of(length(period.from, to)) / nanos_of(step).max(1);
    let (mut rollups, mut longest) = (BTreeMap::<WallTime, Rollup>::new(), step);
    for &target in series {
        let answer = history.series(SeriesQuery {
            target,
            from: period.from,
            to,
            points: usize::try_from(points).unwrap_or(usize::MAX).max(1),
        })?;
        if !answer.points.is_empty() {
            longest = longest.max(answer.bucket);
        }
        for point in answer.points {
            rollups.entry(point.at).or_default().merge(&point.rollup);
        }
    }
    Ok((rollups, longest))
}

/// The days of the zone that the period touches, or its months if those are too many; at least one, without figures yet.
fn days(period: &GraphPeriod) -> Vec<Day> {
    let is_month = length(period.from, period.to) > DAYS_MAX;
    let mut days = Vec::new();
    let mut from = period.from;
    while from < period.to {
        let to = next_begin(from, period, is_month).min(period.to);
        days.push(Day {
            from,
            to,
            is_month,
            rollup: Rollup::default(),
        });
        from = to;
    }
    if days.is_empty() {
        let (from, to) = (period.from, period.to);
        let rollup = Rollup::default();
        days.push(Day {
            from,
            to,
            is_month,
            rollup,
        });
    }
    days
}

/// The next midnight, or that of the next first of a month; the end of the period beyond the calendar's.
fn next_begin(at: WallTime, period: &GraphPeriod, is_month: bool) -> WallTime {
    let next = || {
        let stamp = jiff::Timestamp::from_nanosecond(i128::from(at.as_nanos())).ok()?;
        let date = stamp.to_zoned(period.zone.clone()).date();
        let next = if is_month {
            date.last_of_month().tomorrow()
        } else {
            date.tomorrow()
        };
        let begin = next.ok()?.to_zoned(period.zone.clone()).ok()?.timestamp();
        i64::try_from(begin.as_nanosecond())
            .ok()
            .map(WallTime::from_nanos)
    };
    next().filter(|next| *next > at).unwrap_or(period.to)
}

/// What was not measured, clipped to the period; of one that reaches beyond it, the share of its probes inside.
fn gaps(
    history: &dyn History,
    series: &[TargetId],
    period: &GraphPeriod,
) -> Result<Vec<GapSpan>, HistoryError> {
    let mut spans = Vec::new();
    for &target in series {
        let found = history.gaps(SampleQuery {
            target,
            from: period.from,
            to: period.to,
            limit: API_ROWS,
        })?;
        spans.extend(found.iter().filter_map(|gap| clipped(gap, period)));
    }
    spans.sort_by_key(|gap: &GapSpan| (gap.from, gap.to, gap.kind as u8));
    Ok(united(spans))
}

fn clipped(gap: &Gap, period: &GraphPeriod) -> Option<GapSpan> {
    let (from, to) = (gap.from.max(period.from), gap.to.min(period.to));
    if from > to {
        return None;
    }
    let (all, inside) = (length(gap.from, gap.to), length(from, to));
    let slots = if all == inside {
        gap.slots
    } else {
        let share = u128::from(gap.slots) * inside.as_nanos() / all.as_nanos().max(1);
        u64::try_from(share).unwrap_or(gap.slots)
    };
    (slots > 0 || !inside.is_zero()).then_some(GapSpan {
        from,
        to,
        kind: gap.kind,
        slots,
    })
}

/// Each series of a line tells a restart anew: those of one kind that touch are one.
fn united(spans: Vec<GapSpan>) -> Vec<GapSpan> {
    let mut newest = BTreeMap::<u8, usize>::new();
    let mut all = Vec::<GapSpan>::new();
    for span in spans {
        let kind = span.kind as u8;
        match newest.get(&kind).map(|&place| &mut all[place]) {
            Some(last) if span.from <= last.to => {
                last.to = last.to.max(span.to);
                last.slots += span.slots;
            }
            _ => {
                newest.insert(kind, all.len());
                all.push(span);
            }
        }
    }
    all
}

/// By availability, then by loss; what was not measured last.
fn worst_first(lines: &mut [LineReport]) {
    let rank = |line: &LineReport| {
        let loss = line.whole.counts().loss().ppm().unwrap_or(0);
        (
            line.availability_ppm.unwrap_or(u32::MAX),
            u32::MAX - loss,
            line.name.clone(),
        )
    };
    lines.sort_by_cached_key(rank);
}

/// Reads what is kept of the longest outages, and what it says; the evidence itself stays with the longest.
fn prove(history: &dyn History, lines: &mut [LineReport], period: &GraphPeriod) -> Result<(), HistoryError> {
    let end = |outage: &OutageReport| outage.to.unwrap_or(period.to);
    let mut all: Vec<&mut OutageReport> = lines.iter_mut().flat_map(|line| &mut line.outages).collect();
    all.sort_by_key(|outage| std::cmp::Reverse(length(outage.row.from, end(outage))));
    let mut is_first = true;
    for outage in all.into_iter().take(PROOFS_MAX) {
        let Some((row, kept)) = history.evidence(outage.row.id)? else {
            continue;
        };
        if kept.is_empty() {
            continue;
        }
        outage.proof = Some(conclude(&row, &kept));
        if std::mem::take(&mut is_first) {
            outage.kept = kept;
        }
    }
    Ok(())
}

fn charts(
    history: &dyn History,
    subjects: &[ReportSubject],
    lines: &mut [LineReport],
    period: &GraphPeriod,
    is_fleet: bool,
) -> Result<(), HistoryError> {
    let style = chart_style(is_fleet);
    let most = if is_fleet { FLEET_CHARTS } else { 1 };
    for line in lines.iter_mut().take(most) {
        let Some(subject) = subjects.iter().find(|subject| subject.slug == line.slug) else {
            continue;
        };
        let title = GraphSubject {
            name: if is_fleet {
                line.name.clone()
            } else {
                String::new()
            },
            ..GraphSubject::default()
        };
        let mut input = graph::ask(history, &subject.series, title, period, &style)?;
        same_figures(&mut input, line);
        line.chart = Some(input);
    }
    Ok(())
}

/// The look of the pictures.
pub(super) fn chart_style(is_fleet: bool) -> GraphStyle {
    let (width, height) = if is_fleet { FLEET_CHART } else { CHART };
    GraphStyle::new(width, height, 1, Theme::Light, ValueAxis::Linear).unwrap_or_default()
}

/// The picture prints the figures of the tables: a reader must not find two availabilities.
fn same_figures(input: &mut GraphInput, line: &LineReport) {
    let loss = line.whole.counts().loss();
    let [p50, p95, p99] = line.whole.quantiles([0.5, 0.95, 0.99]);
    input.totals = GraphTotals {
        sent: loss.finished,
        lost: loss.failed,
        min: line.whole.min(),
        p50,
        p95,
        p99,
        max: line.whole.max(),
        jitter: line.whole.jitter(),
        availability_ppm: line.availability_ppm,
        measured: line.measured,
        coverage_ppm: line.coverage_ppm,
    };
}

fn event_query(subjects: &[ReportSubject], period: &GraphPeriod) -> RowQuery {
    RowQuery {
        targets: Some(
            subjects
                .iter()
                .flat_map(|subject| subject.series.clone())
                .collect(),
        ),
        kind: None,
        severity: None,
        level: None,
        from: Some(period.from),
        to: Some(period.to),
        before: None,
        limit: EVENTS_MAX,
    }
}
