//! `linewatch alerts replay`: stored history through the rules of a configuration, and what would have been sent.
//!
//! Outages, silences, names without an address and faults of this computer are replayed as stored, limits by the minute. Nothing
//! is sent and nothing is written.

mod troubles;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use linewatch_core::advice::Signs;
use linewatch_core::alert::{Kind, Notification, Policy};
use linewatch_core::event::{EventId, EventKind, OutageRow};
use linewatch_core::limits::{API_ROWS, INTERPRET_PROBES};
use linewatch_core::monitor::Effect;
use linewatch_core::port::{Clock as _, History, RowQuery, SeriesPoint, SeriesQuery};
use linewatch_core::record::{Class, Counts, Outcome};
use linewatch_core::target::{Target, TargetId};
use linewatch_core::time::{Rtt, WallTime};
use linewatch_core::view::{LastProbe, RttStats, State, TargetView, WindowView};
use linewatch_probe::clock::SystemClock;
use linewatch_render::message::{Matter, subject};
use linewatch_render::text::printable;
use linewatch_render::when::{date_time, zone_name};

use super::Global;
use super::period::{Period, PeriodArgs};
use super::stored::{self, unread};
use crate::alerting::{self, Replay, delivery};
use crate::exit::Exit;
use crate::say;
use troubles::{Level, with_troubles};

/// The period without a word about it.
const RANGE_DEFAULT: Duration = Duration::from_secs(86_400);
/// Limits are judged by sums of so long: the live window.
const LEVEL: Duration = Duration::from_secs(60);
/// Sums of one target: a week by the minute, longer periods by longer sums.
const LEVELS_MAX: usize = 10_080;

/// What can be done with alerts.
#[derive(Debug, clap::Subcommand)]
pub(super) enum AlertsCommand {
    /// Send stored history through the rules of a configuration, and print what would have been sent
    Replay(Args),
}

/// Options of `linewatch alerts replay`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    period: PeriodArgs,
    /// The configuration whose rules are tried [default: the one that `serve` would take]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Prints what would have been sent.
///
/// # Errors
///
/// A mistake in the configuration, a period that cannot be, or history that cannot be read.
pub(super) fn run(global: &Global, command: &AlertsCommand) -> Result<Exit> {
    let AlertsCommand::Replay(args) = command;
    let now = SystemClock::start().wall();
    let period = args.period.resolve(now, RANGE_DEFAULT)?;
    let (loaded, reader) = stored::open(global, args.config.clone())?;
    let settings = &loaded.settings;
    let configured: Vec<&Target> = settings.targets.iter().map(|wanted| &wanted.target).collect();
    let lines = lines(&reader, &configured)?;
    let policy = alerting::policy(&settings.alerts);
    let facts = facts(&reader, &lines, &policy, &period, now)?;
    let targets: Vec<Target> = lines.iter().map(|line| line.target.clone()).collect();
    let mut replay = Replay::new(policy, &targets, period.from);
    for (at, effect) in facts {
        replay.hear(at, effect);
    }
    let told = replay.end(period.to.min(now));
    let mut head = delivery::letterhead(settings, &settings.server.vantage, "localhost");
    head.zone = period.zone.clone();
    for notification in &told {
        say::to_stdout(&line_of(notification, &period, |told| {
            subject(&head, &Matter::Alerts(std::slice::from_ref(told)))
        }));
    }
    say::to_stderr(&format!(
        "{} of {} targets from {} to {}, {}; limits and the ends of dns by the minute",
        match told.len() {
            0 => "no message".to_owned(),
            1 => "1 message".to_owned(),
            more => format!("{more} messages"),
        },
        lines.len(),
        date_time(period.from, &period.zone),
        date_time(period.to, &period.zone),
        zone_name(period.to, &period.zone)
    ));
    Ok(Exit::Ok)
}

fn line_of(told: &Notification, period: &Period, subject: impl Fn(&Notification) -> String) -> String {
    let to = if told.to.is_empty() {
        "everybody".to_owned()
    } else {
        printable(&told.to.join(", "))
    };
    format!(
        "{}  {}  to {to}: {}",
        date_time(told.at, &period.zone),
        told.severity.word(),
        subject(told)
    )
}

/// A configured target, and the series stored of it: one after the other they are its line.
struct Line {
    target: Target,
    series: Vec<TargetId>,
}

fn lines(history: &dyn History, configured: &[&Target]) -> Result<Vec<Line>> {
    let stored = history.targets().map_err(unread)?;
    let lines = configured.iter().filter_map(|target| {
        let of_it = stored.iter().filter(|series| series.slug == target.slug);
        let series: Vec<TargetId> = of_it.map(|series| series.id).collect();
        let id = *series.last()?;
        Some(Line {
            target: Target {
                id,
                ..(*target).clone()
            },
            series,
        })
    });
    Ok(lines.collect())
}

/// Everything the rules hear of the period, by its date.
fn facts(
    history: &dyn History,
    lines: &[Line],
    policy: &Policy,
    period: &Period,
    now: WallTime,
) -> Result<Vec<(WallTime, Effect)>> {
    let to = period.to.min(now);
    let mut facts = faults(history, period)?;
    let has_limits = policy.rules.iter().any(|rule| rule.kind.has_limit());
    for line in lines {
        for row in rows(
            |before| history.outages(&query(Some(line), None, period, before)),
            |row| row.id,
        )? {
            facts.extend(outage(&line.target, row, to));
        }
        // The way out is believed by its answers, so they are asked for with any outage rule too.
        if has_limits || policy.rules.iter().any(|rule| is_seen_in_levels(rule.kind)) {
            facts.extend(views(history, line, period, to)?);
        }
    }
    facts.retain(|(at, _)| *at <= to);
    facts.sort_by_key(|(at, _)| *at);
    Ok(facts)
}

/// All pages of rows.
fn rows<T>(
    ask: impl Fn(Option<EventId>) -> Result<Vec<T>, linewatch_core::port::HistoryError>,
    id: impl Fn(&T) -> EventId,
) -> Result<Vec<T>> {
    let mut all = Vec::new();
    loop {
        let page = ask(all.last().map(&id)).map_err(unread)?;
        let is_last = page.len() < API_ROWS;
        all.extend(page);
        if is_last {
            return Ok(all);
        }
    }
}

fn query(line: Option<&Line>, kind: Option<EventKind>, period: &Period, before: Option<EventId>) -> RowQuery {
    RowQuery {
        targets: line.map(|line| line.series.clone()),
        kind,
        severity: None,
        level: None,
        from: Some(period.from),
        to: Some(period.to),
        before,
        limit: API_ROWS,
    }
}

/// Its begin is known once its last decisive probe had its time-out, its end once enough answers are there.
fn outage(target: &Target, mut row: OutageRow, now: WallTime) -> Vec<(WallTime, Effect)> {
    row.target = target.id;
    let (plan, policy) = (&target.plan, &target.thresholds.outage);
    let open_after = plan.interval * policy.lost_to_open.saturating_sub(1) + plan.timeout;
    let close_after = plan.interval * policy.replies_to_close.saturating_sub(1);
    let opened_at = row.from.plus(open_after);
    let so_far = u64::try_from(open_after.as_nanos()).unwrap_or(u64::MAX);
    let open = OutageRow {
        to: None,
        duration_ns: so_far,
        ..row
    };
    let mut facts = vec![(opened_at, Effect::Outage(open))];
    if let Some(to) = row.to {
        let closed_at = to.plus(close_after).max(opened_at).min(now);
        facts.push((closed_at, Effect::Outage(row)));
    }
    facts
}

/// Faults of this computer.
fn faults(history: &dyn History, period: &Period) -> Result<Vec<(WallTime, Effect)>> {
    let mut facts = Vec::new();
    for kind in [
        EventKind::LocalOutage,
        EventKind::StorageDegraded,
        EventKind::StorageFull,
    ] {
        for event in rows(
            |before| history.events(&query(None, Some(kind), period, before)),
            |row| row.id,
        )? {
            let mut begun = event.clone();
            let until = event.until.filter(|_| kind == EventKind::LocalOutage);
            if kind == EventKind::LocalOutage {
                begun.until = None;
            }
            facts.push((event.at, Effect::Event(begun)));
            facts.extend(until.map(|until| (until, Effect::Event(event))));
        }
    }
    Ok(facts)
}

const fn is_seen_in_levels(kind: Kind) -> bool {
    matches!(kind, Kind::Outage | Kind::Stale | Kind::Dns)
}

/// What the page would have shown of a line, minute by minute.
fn views(
    history: &dyn History,
    line: &Line,
    period: &Period,
    to: WallTime,
) -> Result<Vec<(WallTime, Effect)>> {
    let id = line.target.id;
    let mut levels = Vec::new();
    for &series in &line.series {
        levels.extend(self::levels(history, series, id, (period.from, to))?);
    }
    let mut events = Vec::new();
    for kind in [EventKind::Stale, EventKind::DnsFailed] {
        events.extend(rows(
            |before| history.events(&query(Some(line), Some(kind), period, before)),
            |row| row.id,
        )?);
    }
    let views = with_troubles(levels, &events, &line.target.plan, |at| bare_view(id, at));
    Ok(views
        .into_iter()
        .map(|view| (view.at, Effect::Views(vec![view])))
        .collect())
}

/// What the live window would have shown at the end of each minute.
fn levels(
    history: &dyn History,
    series: TargetId,
    id: TargetId,
    (from, to): (WallTime, WallTime),
) -> Result<Vec<Level>> {
    let length_ns = u64::try_from(to.nanos_after(from)).unwrap_or(0);
    let minutes = usize::try_from(length_ns.div_ceil(LEVEL.as_nanos() as u64)).unwrap_or(LEVELS_MAX);
    let asked = SeriesQuery {
        target: series,
        from,
        to,
        points: minutes.clamp(1, LEVELS_MAX),
    };
    let sums = history.series(asked).map_err(unread)?;
    let levels = sums.points.iter().map(|point| Level {
        begin: point.at,
        view: view(id, point.at.plus(sums.bucket), point),
    });
    Ok(levels.collect())
}

fn view(id: TargetId, at: WallTime, point: &SeriesPoint) -> TargetView {
    let sums = &point.rollup;
    let counts = sums.counts();
    let last = sums.max().map(|rtt| LastProbe {
        seq: 0,
        at,
        outcome: Outcome::Reply,
        rtt: Some(rtt),
        host_rtt: None,
        class: Class::U,
    });
    TargetView {
        state: if counts.finished() >= INTERPRET_PROBES as u64 || last.is_some() {
            State::Ok
        } else {
            State::Waiting
        },
        last,
        last_answer: last,
        window: WindowView {
            probes: counts.finished(),
            loss: counts.loss(),
            rtt: rtt(point),
            jitter: sums.jitter(),
            ..WindowView::default()
        },
        ..bare_view(id, at)
    }
}

/// A view of a moment of which nothing is known.
fn bare_view(id: TargetId, at: WallTime) -> TargetView {
    TargetView {
        id,
        at,
        state: State::Waiting,
        state_since: at,
        state_reasons: Vec::new(),
        error: None,
        grade: None,
        grade_since: at,
        last: None,
        last_answer: None,
        window: WindowView::default(),
        totals: Counts::default(),
        outage: None,
        outages: 0,
        measured: Duration::ZERO,
        down: Duration::ZERO,
        concerns: Vec::new(),
        interpretations: Vec::new(),
        signs: Signs::default(),
    }
}

fn rtt(point: &SeriesPoint) -> Option<RttStats> {
    let sums = &point.rollup;
    let [p50, p95, p99] = sums.quantiles([0.5, 0.95, 0.99]);
    Some(RttStats {
        min: sums.min()?,
        avg: sums.avg()?,
        p50: p50?,
        p95: p95?,
        p99: p99?,
        max: sums.max()?,
        mdev: sums.sd().unwrap_or(Rtt::from_nanos(0)),
    })
}
