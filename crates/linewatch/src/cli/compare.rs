//! `linewatch compare`: two targets, or two periods of one, and which of their differences exceed chance.
//!
//! A side is `TARGET` (in the period of the options) or `TARGET@PERIOD`; without a second side the period before is the
//! first. Not here: the statistics (core) and the table (render). A folder of `record` is compared
//! with a folder of `record`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use jiff::tz::TimeZone;
use linewatch_core::limits::{API_ROWS, SERIES_POINTS};
use linewatch_core::port::{Clock as _, History, HistoryError, RowQuery, SeriesQuery};
use linewatch_core::rollup::{Buckets, Resolution};
use linewatch_core::stats::compare::{Comparison, Minute, compare};
use linewatch_core::time::WallTime;
use linewatch_probe::clock::SystemClock;
use linewatch_render::compare::{self as render, json, table};

use super::Global;
use super::period::{Period, PeriodArgs};
use super::stored::{self, Line, unread};
use crate::exit::{Exit, UserError};
use crate::record::read::{Recorded, session};
use crate::say;

/// The period without a word about it.
const RANGE_DEFAULT: Duration = Duration::from_secs(86_400);
/// Up to here minutes are read: two sides of 7 days are 20,000 of them, at 2 KB each at most.
const MINUTES_MAX: Duration = Duration::from_secs(7 * 86_400);
/// Up to here ten minutes; above, hours.
const TEN_MINUTES_MAX: Duration = Duration::from_secs(70 * 86_400);

/// Options of `linewatch compare`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  linewatch compare gw --range 7d                  the last 7 days against the 7 before\n  \
    linewatch compare gw isp --range 24h             two targets over one day\n  \
    linewatch compare gw@2026-11-01..2026-11-07 gw@2026-11-15..2026-11-21\n  \
    linewatch compare gw@2026-11-14 gw@2026-11-21    two days\n  \
    linewatch compare session_A session_B            two sessions of `record`\n\n\
    A difference is beyond chance when equal lines would show one as large in at most 1 of 100 comparisons, by a block \
    permutation test with a fixed seed: samples near each other in time are alike, so whole blocks change sides."
)]
pub(super) struct Args {
    /// TARGET, TARGET@PERIOD with a period of its own (FROM..TO, FROM.., a day, or a length until now), or a session's folder
    #[arg(value_name = "A")]
    a: String,
    /// The same; without it A is compared with the period just before
    #[arg(value_name = "B")]
    b: Option<String>,
    #[command(flatten)]
    period: PeriodArgs,
    /// One JSON object instead of the table
    #[arg(long)]
    json: bool,
    /// Configuration file, for where the data is [default: the one that `serve` would take]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// One side: everything stored of a target in a period.
#[derive(Clone, Debug)]
struct Side {
    line: Line,
    period: Period,
}

/// Prints the comparison.
///
/// # Errors
///
/// An unknown target, a period that cannot be, or no history.
pub(super) fn run(global: &Global, args: &Args) -> Result<Exit> {
    if let Some(dirs) = folders(args)? {
        return run_sessions(global, args, dirs);
    }
    let (_, reader) = stored::open(global, args.config.clone())?;
    let now = SystemClock::start().wall();
    let sides = sides(&reader, args, now)?;
    if overlap(&sides) {
        say::to_stderr("note: the two periods overlap; what they share makes them look more alike");
    }
    let longest = sides
        .each_ref()
        .map(|side| length(&side.period))
        .into_iter()
        .max();
    let unit = match longest.unwrap_or_default() {
        short if short <= MINUTES_MAX => Resolution::Minute,
        middling if middling <= TEN_MINUTES_MAX => Resolution::TenMinutes,
        _ => Resolution::Hour,
    };
    let [a, b] = &sides;
    let (a, b) = (
        read(&reader, a, unit).map_err(unread)?,
        read(&reader, b, unit).map_err(unread)?,
    );
    let comparison = compare(&a.minutes, &b.minutes, minutes_of(unit) as usize);
    let zone = &sides[1].period.zone;
    let told = [(&sides[0], a.down_ms), (&sides[1], b.down_ms)].map(|(side, down_ms)| render::Side {
        target: side.line.slug.clone(),
        from: side.period.from,
        to: side.period.to,
        down_ms,
    });
    print(global, args, (&comparison, &told, zone));
    Ok(Exit::Ok)
}

fn print(global: &Global, args: &Args, told: (&Comparison, &[render::Side; 2], &TimeZone)) {
    let (comparison, sides, zone) = told;
    if args.json {
        say::to_stdout(&json(comparison, sides));
    } else {
        let text = table(comparison, sides, zone).join("\n");
        say::to_stdout(&if global.ascii { ascii(&text) } else { text });
    }
}

/// Both sides, where they are folders of sessions.
fn folders(args: &Args) -> Result<Option<[&Path; 2]>, UserError> {
    let Some(b) = &args.b else {
        if Path::new(&args.a).is_dir() {
            return Err(UserError::usage("one session has nothing to be compared with")
                .help("name two folders: linewatch compare session_A session_B"));
        }
        return Ok(None);
    };
    match (Path::new(&args.a).is_dir(), Path::new(b).is_dir()) {
        (false, false) => Ok(None),
        (true, true) => Ok(Some([Path::new(&args.a), Path::new(b)])),
        _ => Err(
            UserError::usage("a session's folder is compared with another one only")
                .help("name two folders: linewatch compare session_A session_B"),
        ),
    }
}

/// Two folders of `record`, by their minutes.
fn run_sessions(global: &Global, args: &Args, dirs: [&Path; 2]) -> Result<Exit> {
    let [a, b] = [session(dirs[0])?, session(dirs[1])?];
    let comparison = compare(&a.minutes, &b.minutes, 1);
    let side = |dir: &Path, recorded: &Recorded| render::Side {
        target: dir.display().to_string(),
        from: recorded.from,
        to: recorded.to,
        down_ms: recorded.down_s * 1000,
    };
    let sides = [side(dirs[0], &a), side(dirs[1], &b)];
    print(global, args, (&comparison, &sides, &TimeZone::system()));
    Ok(Exit::Ok)
}

/// The two signs of the table that are not ASCII.
fn ascii(text: &str) -> String {
    text.replace(['\u{2212}', '—'], "-")
}

fn sides(history: &dyn History, args: &Args, now: WallTime) -> Result<[Side; 2], UserError> {
    let first = side(history, args, &args.a, now)?;
    if let Some(b) = &args.b {
        return Ok([first, side(history, args, b, now)?]);
    }
    let before = Period {
        from: first.period.from.minus(length(&first.period)),
        to: first.period.from,
        zone: first.period.zone.clone(),
    };
    Ok([
        Side {
            line: first.line.clone(),
            period: before,
        },
        first,
    ])
}

/// `TARGET`, else `TARGET@PERIOD`: a name may have an `@` of its own.
fn side(history: &dyn History, args: &Args, text: &str, now: WallTime) -> Result<Side, UserError> {
    match (stored::line(history, text), text.rsplit_once('@')) {
        (Ok(line), _) => Ok(Side {
            line,
            period: args.period.resolve(now, RANGE_DEFAULT)?,
        }),
        (Err(_), Some((target, period))) => Ok(Side {
            line: stored::line(history, target)?,
            period: args.period.of_words(period).resolve(now, RANGE_DEFAULT)?,
        }),
        (Err(error), None) => Err(error),
    }
}

fn length(period: &Period) -> Duration {
    Duration::from_nanos(u64::try_from(period.to.nanos_after(period.from)).unwrap_or(0))
}

fn overlap([a, b]: &[Side; 2]) -> bool {
    a.line.slug == b.line.slug && a.period.from < b.period.to && b.period.from < a.period.to
}

fn minutes_of(unit: Resolution) -> u64 {
    unit.length().as_secs() / 60
}

/// What is known of a side.
struct Told {
    minutes: Vec<Minute>,
    down_ms: u64,
}

/// Every unit that lies in the period, and the outages begun in it.
fn read(history: &dyn History, side: &Side, unit: Resolution) -> Result<Told, HistoryError> {
    let step = unit.length();
    let from = unit.floor(side.period.from.plus(step - Duration::from_nanos(1)));
    let to = unit.floor(side.period.to);
    let mut buckets = Buckets::new(step);
    for &target in &side.line.series {
        let mut at = from;
        while at < to {
            let steps = u64::try_from(to.nanos_after(at)).unwrap_or(0) / (step.as_nanos() as u64);
            let points = usize::try_from(steps)
                .unwrap_or(SERIES_POINTS)
                .clamp(1, SERIES_POINTS);
            let end = at.plus(step * points as u32);
            let query = SeriesQuery {
                target,
                from: at,
                to: end,
                points,
            };
            for point in history.series(query)?.points {
                buckets.merge(point.at, point.rollup);
            }
            at = end;
        }
    }
    let outages = history.outages(&RowQuery {
        targets: Some(side.line.series.clone()),
        kind: None,
        severity: None,
        level: None,
        from: Some(from),
        to: Some(to),
        before: None,
        limit: API_ROWS,
    })?;
    let mut begun = BTreeMap::<WallTime, u64>::new();
    for outage in &outages {
        *begun.entry(unit.floor(outage.from)).or_default() += 1;
    }
    let minutes = buckets.into_rollups().into_iter().map(|(at, rollup)| Minute {
        number: at.as_nanos().div_euclid(60_000_000_000),
        rollup,
        outages: begun.get(&at).copied().unwrap_or(0),
    });
    Ok(Told {
        minutes: minutes.collect(),
        down_ms: outages.iter().map(|outage| outage.duration_ns / 1_000_000).sum(),
    })
}
