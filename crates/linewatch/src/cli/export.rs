//! `linewatch export`: stored history for other programs, streamed, beside a running monitor or without one.
//!
//! Reads the store portion by portion and writes each at once. What a row looks like is decided by
//! `linewatch_render::export`. A file appears whole or not at all; a reader of standard output that goes ends it.

use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::builder::PossibleValuesParser;
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use linewatch_core::limits::API_ROWS;
use linewatch_core::port::{Clock as _, History};
use linewatch_probe::clock::SystemClock;
use linewatch_render::export::{Export, ExportError, Format, Grain, Request, Source};
use linewatch_render::text::printable;

use super::Global;
use super::period::PeriodArgs;
use super::stored::{self, Line, unread, write_whole};
use crate::exit::{Exit, UserError};
use crate::say;

/// The period without a word about it.
const RANGE_DEFAULT: Duration = Duration::from_secs(86_400);
/// Steps of the progress bar: more than a terminal has columns.
const PROGRESS_STEPS: u64 = 10_000;

/// The look of the progress bar.
const PROGRESS: &str = "{bar:40} {percent:>3}%  {msg} rows  {eta} left";

/// Options of `linewatch export`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Ids or names of targets with stored history
    #[arg(
        value_name = "TARGET",
        required_unless_present = "all",
        conflicts_with = "all"
    )]
    targets: Vec<String>,
    /// Every target that was ever stored
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    period: PeriodArgs,
    /// How fine: raw (single probes), 1s, 1m, 10m, 1h (counts and percentiles of whole buckets)
    #[arg(long, value_name = "STEP", default_value = "raw", value_parser = PossibleValuesParser::new(Grain::ALL.map(Grain::word)))]
    resolution: String,
    /// csv, json (one array), ndjson (one object a line) or influx (line protocol); times in them are UTC
    #[arg(long, value_name = "FORMAT", value_parser = PossibleValuesParser::new(Format::ALL.map(Format::word)))]
    format: Option<String>,
    /// The file to write; an existing one is replaced when the new one is whole. `-`: standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
    /// Configuration file, for where the data is [default: the one that `serve` would take]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Writes the rows.
///
/// # Errors
///
/// An unknown target, a period that cannot be, no history, or a file that cannot be written.
pub(super) fn run(global: &Global, args: &Args) -> Result<Exit> {
    let period = args.period.resolve(SystemClock::start().wall(), RANGE_DEFAULT)?;
    let (_, reader) = stored::open(global, args.config.clone())?;
    let sources = sources(&reader, args)?;
    let request = Request {
        sources,
        from: period.from,
        to: period.to,
        grain: Grain::from_word(&args.resolution).unwrap_or(Grain::Raw),
        format: format(args),
        portion_samples: API_ROWS,
    };
    let is_file = args.out.as_os_str() != "-";
    let progress = progress(is_file);
    let mut export = Export::new(request);
    let written = if is_file {
        to_file(&args.out, &reader, &mut export, &progress)
    } else {
        let mut out = BufWriter::new(io::stdout().lock());
        pour(&reader, &mut export, &mut out, &progress)
    };
    progress.finish_and_clear();
    ended(args, is_file, &export, written)
}

/// The word of the options, else what the file's name says.
fn format(args: &Args) -> Format {
    let extension = args.out.extension().and_then(|extension| extension.to_str());
    let named = extension.and_then(|extension| {
        Format::ALL
            .into_iter()
            .find(|format| format.extension().eq_ignore_ascii_case(extension))
    });
    let asked = args.format.as_deref().and_then(Format::from_word);
    asked.or(named).unwrap_or(Format::Csv)
}

/// The targets meant, each once.
fn sources(history: &dyn History, args: &Args) -> Result<Vec<Source>, UserError> {
    let wanted = if args.all {
        let mut slugs: Vec<String> = Vec::new();
        for target in history.targets().map_err(unread)? {
            if !slugs.contains(&target.slug) {
                slugs.push(target.slug);
            }
        }
        slugs
    } else {
        args.targets.clone()
    };
    let mut sources: Vec<Source> = Vec::new();
    for wanted in &wanted {
        let Line { slug, name, series } = stored::line(history, wanted)?;
        if sources.iter().all(|known| known.slug != slug) {
            sources.push(Source { slug, name, series });
        }
    }
    Ok(sources)
}

/// Drawn on a terminal only, and never between rows that go to the same one.
fn progress(is_file: bool) -> ProgressBar {
    let is_shown = io::stderr().is_terminal() && (is_file || !io::stdout().is_terminal());
    let target = if is_shown {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(PROGRESS_STEPS), target);
    match ProgressStyle::with_template(PROGRESS) {
        Ok(style) => bar.with_style(style),
        // A test reads it too.
        Err(_) => bar,
    }
}

fn to_file(
    path: &Path,
    history: &dyn History,
    export: &mut Export,
    bar: &ProgressBar,
) -> Result<(), ExportError> {
    let mut failed = None;
    let written = write_whole(path, |file| match pour(history, export, file, bar) {
        Ok(()) => Ok(()),
        Err(ExportError::Write(error)) => Err(error),
        Err(error @ ExportError::History(_)) => {
            let words = io::Error::other(error.to_string());
            failed = Some(error);
            Err(words)
        }
    });
    match (written, failed) {
        (_, Some(error)) => Err(error),
        (written, None) => Ok(written?),
    }
}

/// Portion by portion: a reader of a pipe has each as soon as it is there.
fn pour(
    history: &dyn History,
    export: &mut Export,
    out: &mut impl Write,
    bar: &ProgressBar,
) -> Result<(), ExportError> {
    while export.step(history, out)? {
        bar.set_position((export.done_ratio() * PROGRESS_STEPS as f64) as u64);
        bar.set_message(HumanCount(export.rows()).to_string());
        out.flush()?;
    }
    out.flush()?;
    Ok(())
}

/// What the person is told, and the code.
fn ended(args: &Args, is_file: bool, export: &Export, written: Result<(), ExportError>) -> Result<Exit> {
    match written {
        Ok(()) => {}
        // `| head -1` has what it wants.
        Err(ExportError::Write(error)) if !is_file && error.kind() == io::ErrorKind::BrokenPipe => {
            return Ok(Exit::Ok);
        }
        Err(ExportError::Write(error)) => {
            let place = if is_file {
                args.out.display().to_string()
            } else {
                "standard output".to_owned()
            };
            return Err(UserError::failed(format!("cannot write {place}: {error}"))
                .help("give another place with  --out FILE")
                .into());
        }
        Err(ExportError::History(error)) => return Err(unread(error).into()),
    }
    if export.rows() == 0 {
        let targets = if args.all {
            "all targets".to_owned()
        } else {
            printable(&args.targets.join(", "))
        };
        say::to_stderr(&format!(
            "note: nothing is stored of {targets} in this period at resolution {}; try another --range or --resolution",
            args.resolution
        ));
    }
    if is_file {
        say::to_stderr(&format!(
            "{}: {} rows",
            args.out.display(),
            HumanCount(export.rows())
        ));
    }
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_of_the_bar_is_readable() {
        assert!(ProgressStyle::with_template(PROGRESS).is_ok());
    }
}
