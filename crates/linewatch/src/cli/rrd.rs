//! `linewatch rrd`: a target's history as a round-robin database, beside a running monitor or without one.
//!
//! Reads the store, writes one file, whole or not at all. What is in it is decided by `linewatch_render::rrd`.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use jiff::tz::TimeZone;
use linewatch_core::port::{Clock as _, History, HistoryError, SampleQuery, StoredSample};
use linewatch_core::target::{ProbePlan, TargetId};
use linewatch_core::time::WallTime;
use linewatch_probe::clock::SystemClock;
use linewatch_render::rrd::{Database, Gather, Layout, MONTH_ROW_S};
use linewatch_render::text::printable;
use linewatch_render::when::date_time;

use super::Global;
use super::stored::{self, Line, unread, write_whole};
use crate::config::{Loaded, units};
use crate::exit::{Exit, UserError};
use crate::say;

/// Samples of one question to the store: 100,000 of some 100 B are 10 MB.
const SAMPLES_PER_QUESTION: usize = 100_000;

/// Options of `linewatch rrd`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Id or name of a target with stored history
    #[arg(value_name = "TARGET")]
    target: String,
    /// The file to write; an existing one is replaced. A name that ends in .xml gives XML for `rrdtool restore`
    #[arg(long, value_name = "FILE", default_value = "latency.rrd")]
    out: PathBuf,
    /// Time of one row of the day's archives: a divisor of 5 minutes, in whole seconds
    #[arg(long, value_name = "TIME", default_value = "1s")]
    step: String,
    /// Configuration file, for where the data is [default: the one that `serve` would take]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Writes the file and says what is in it.
///
/// # Errors
///
/// An unknown target, a step that cannot be, no history, or a file that cannot be written.
pub(super) fn run(global: &Global, args: &Args) -> Result<Exit> {
    let layout = layout(&args.step)?;
    let (loaded, reader) = stored::open(global, args.config.clone())?;
    let Line { slug, series, .. } = stored::line(&reader, &args.target)?;
    let now = SystemClock::start().wall();
    let end = now.minus(settling(&loaded, &slug));
    let Some(database) = database(&reader, &series, layout, end).map_err(unread)? else {
        let message = format!(
            "target \"{}\": nothing was stored of it within a year",
            printable(&args.target)
        );
        return Err(UserError::failed(message).into());
    };
    write(&args.out, &database).map_err(|error| {
        UserError::failed(format!("cannot write {}: {error}", args.out.display()))
            .help("give another place with  --out FILE")
    })?;
    let newest = WallTime::from_nanos(database.updated_s().saturating_mul(1_000_000_000));
    say::to_stdout(&format!(
        "{}: {} up to {} UTC",
        args.out.display(),
        printable(&slug),
        date_time(newest, &TimeZone::UTC)
    ));
    Ok(Exit::Ok)
}

fn layout(step: &str) -> Result<Layout, UserError> {
    let refused = |why: String| {
        UserError::usage(format!("--step \"{}\": {why}", printable(step)))
            .help("give a divisor of 5 minutes: 1s, 2s, 5s, 10s, 15s, 30s, 1m, 5m")
    };
    let length = units::parse_duration(step).map_err(|error| refused(error.to_string()))?;
    let seconds = i64::try_from(length.as_secs()).unwrap_or(i64::MAX);
    Layout::new(seconds)
        .filter(|_| length.subsec_nanos() == 0)
        .ok_or_else(|| {
            refused(format!(
                "a row of {MONTH_ROW_S} s is not made of whole steps of it"
            ))
        })
}

/// How old a probe must be to have its fate, and that to be in the store.
fn settling(loaded: &Loaded, slug: &str) -> Duration {
    let target = loaded.settings.target(slug);
    let timeout = target.map_or(ProbePlan::default().timeout, |target| target.target.plan.timeout);
    timeout + 2 * loaded.settings.storage.flush_interval
}

/// Reads everything that can be in the file, oldest first; `None` when there is nothing.
fn database(
    history: &impl History,
    series: &[TargetId],
    layout: Layout,
    end: WallTime,
) -> Result<Option<Database>, HistoryError> {
    let mut gather = Gather::new(layout.step_s(), end.as_nanos().div_euclid(1_000_000_000));
    let (mut from, to) = (gather.begin(), gather.end());
    let mut database: Option<Database> = None;
    let mut take = |bucket| {
        let begin = |bucket: &linewatch_render::rrd::Bucket| Database::new(layout.clone(), bucket.from_s);
        database.get_or_insert_with(|| begin(&bucket)).add(&bucket);
    };
    while from < to {
        let (samples, next) = chunk(history, series, from, to)?;
        samples
            .iter()
            .filter_map(|sample| gather.add(sample))
            .for_each(&mut take);
        from = next;
    }
    gather.finish().into_iter().for_each(&mut take);
    Ok(database)
}

/// The samples of all series from `from` on, by send time, and where to go on.
fn chunk(
    history: &impl History,
    series: &[TargetId],
    from: WallTime,
    to: WallTime,
) -> Result<(Vec<StoredSample>, WallTime), HistoryError> {
    let (mut all, mut next) = (Vec::new(), to);
    for &target in series {
        let limit = SAMPLES_PER_QUESTION;
        let samples = history.samples(SampleQuery {
            target,
            from,
            to,
            limit,
        })?;
        if let Some(last) = samples.last().filter(|_| samples.len() == limit) {
            // Others of the same moment may have been left out: it is asked for again.
            next = next.min(last.at).max(from.plus(Duration::from_nanos(1)));
        }
        all.extend(samples);
    }
    all.retain(|sample| sample.at < next);
    all.sort_by_key(|sample| (sample.at, sample.run, sample.seq));
    Ok((all, next))
}

fn write(path: &Path, database: &Database) -> io::Result<()> {
    let is_xml = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("xml"));
    write_whole(path, |file| {
        if is_xml {
            database.write_xml(file)
        } else {
            file.write_all(&database.to_bytes())
        }
    })
}
