//! `linewatch report`: what a period was, as one HTML file that needs no network, beside a running monitor or without one.
//!
//! Reads the store, writes one file, whole or not at all, or standard output. What is counted and how it is worded is
//! decided by `linewatch_render::report`, the same as for the page.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;
use linewatch_core::port::{Clock as _, History};
use linewatch_probe::clock::SystemClock;
use linewatch_render::graph::GraphPeriod;
use linewatch_render::report::{self, FLEET, Paper, Report, ReportAsk, ReportStyle, ReportSubject, Section};
use linewatch_render::text::printable;
use linewatch_render::when::{date_time, zone_name};

use super::Global;
use super::period::PeriodArgs;
use super::stored::{self, Line, unread, write_whole};
use crate::config::Loaded;
use crate::exit::{Exit, UserError};
use crate::say;

/// The period if nothing else is asked for.
const SPAN_DEFAULT: Duration = Duration::from_secs(7 * 86_400);

/// Options of `linewatch report`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    linewatch report gw                                  the last 7 days, to report.html\n  \
    linewatch report fleet --range 30d --lang id --out november.html\n  \
    linewatch report gw --from 2026-11-01 --to 2026-11-30 --tz Asia/Jakarta --include verdict,tables\n\n\
    The file opens in any browser without network; print it there, or save it as PDF.")]
pub(super) struct Args {
    /// Id or name of a target with stored history, or fleet for all of them
    #[arg(value_name = "TARGET|fleet")]
    target: String,
    #[command(flatten)]
    period: PeriodArgs,
    /// Parts, with commas between: verdict, tables, chart, outages, evidence, method, events [default: all but events]
    #[arg(long, value_name = "PARTS", value_delimiter = ',', value_parser = section)]
    include: Vec<Section>,
    /// The sheet it is printed on
    #[arg(long, value_name = "PAPER", default_value = "a4")]
    paper: Sheet,
    /// The file to write; an existing one is replaced. - is standard output
    #[arg(short, long, value_name = "FILE", default_value = "report.html")]
    out: PathBuf,
    /// Configuration file, for where the data is [default: the one that `serve` would take]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sheet {
    A4,
    Letter,
}

fn section(word: &str) -> Result<Section, String> {
    Section::from_word(word).ok_or_else(|| {
        let known = Section::ALL.map(Section::word).join(", ");
        format!("there is no such part; there are {known}")
    })
}

/// Writes the report and says what it is of.
///
/// # Errors
///
/// An unknown target, a period that cannot be, nothing stored in it, or a file that cannot be written.
pub(super) fn run(global: &Global, args: &Args) -> Result<Exit> {
    let is_stdout = args.out == Path::new("-");
    if is_stdout && io::stdout().is_terminal() {
        return Err(UserError::usage("--out -: a report is not written to a terminal")
            .help("send it on with  |  or  >, or give a file")
            .into());
    }
    let now = SystemClock::start().wall();
    let period = args.period.resolve(now, SPAN_DEFAULT)?;
    let (loaded, reader) = stored::open(global, args.config.clone())?;
    let style = style(global, args);
    let asked = ReportAsk {
        is_fleet: args.target == FLEET,
        period: GraphPeriod {
            from: period.from,
            to: period.to,
            now,
            zone: period.zone,
        },
        vantage: loaded.settings.server.vantage.clone(),
        version: crate::VERSION.to_owned(),
        sections: style.sections.clone(),
    };
    let subjects = if asked.is_fleet {
        fleet(&loaded, &reader)?
    } else {
        vec![subject(&loaded, stored::line(&reader, &args.target)?)]
    };
    let report = report::ask(&reader, &subjects, &asked).map_err(unread)?;
    if is_empty(&report) {
        return Err(nothing(args, &report).into());
    }
    let document = report::html(&report, &style).html;
    if is_stdout {
        return to_stdout(&document);
    }
    deliver(&args.out, &document, &report)
}

fn style(global: &Global, args: &Args) -> ReportStyle {
    ReportStyle {
        language: global.language(),
        paper: match args.paper {
            Sheet::A4 => Paper::A4,
            Sheet::Letter => Paper::Letter,
        },
        sections: if args.include.is_empty() {
            Section::USUAL.to_vec()
        } else {
            args.include.clone()
        },
        csv: None,
    }
}

/// As the target is configured now; one that is no longer configured has its name only.
fn subject(loaded: &Loaded, line: Line) -> ReportSubject {
    let settings = loaded.settings.target(&line.slug);
    ReportSubject {
        slug: line.slug,
        name: line.name,
        series: line.series,
        target: settings.map(|settings| settings.target.clone()),
        ip: None,
    }
}

/// The configured targets that have history; where none has, all that were ever stored.
fn fleet(loaded: &Loaded, history: &dyn History) -> Result<Vec<ReportSubject>, UserError> {
    let mut all = Vec::<ReportSubject>::new();
    for target in history.targets().map_err(unread)? {
        match all.iter_mut().find(|known| known.slug == target.slug) {
            Some(known) => {
                known.name = target.name;
                known.series.push(target.id);
            }
            None => all.push(subject(
                loaded,
                Line {
                    slug: target.slug,
                    name: target.name,
                    series: vec![target.id],
                },
            )),
        }
    }
    if all.is_empty() {
        return Err(UserError::failed("nothing was stored yet")
            .help("let `linewatch serve` measure first, or say where its data is:  --data-dir DIR"));
    }
    if all.iter().any(|subject| subject.target.is_some()) {
        all.retain(|subject| subject.target.is_some());
    }
    Ok(all)
}

fn is_empty(report: &Report) -> bool {
    report
        .lines
        .iter()
        .all(|line| line.whole.is_empty() && line.gaps.is_empty() && line.outages.is_empty())
}

fn nothing(args: &Args, report: &Report) -> UserError {
    UserError::failed(format!(
        "target \"{}\": nothing was stored of it from {} to {} ({})",
        printable(&args.target),
        date_time(report.from, &report.zone),
        date_time(report.to, &report.zone),
        zone_name(report.to, &report.zone)
    ))
    .help("give another period with  --range 30d  or  --from and --to")
}

fn to_stdout(document: &str) -> Result<Exit> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(document.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Ok(()) => Ok(Exit::Ok),
        // Whoever reads it has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Ok),
        Err(error) => Err(UserError::failed(format!("cannot write to standard output: {error}")).into()),
    }
}

fn deliver(path: &Path, document: &str, report: &Report) -> Result<Exit> {
    write_whole(path, |file| file.write_all(document.as_bytes())).map_err(|error| {
        UserError::failed(format!("cannot write {}: {error}", path.display()))
            .help("give another place with  --out FILE")
    })?;
    let what = match report.lines.as_slice() {
        [line] if !report.is_fleet => printable(&line.slug),
        lines => format!("{} targets", lines.len()),
    };
    say::to_stdout(&format!(
        "{}: {what} from {} to {}, {}",
        path.display(),
        date_time(report.from, &report.zone),
        date_time(report.to, &report.zone),
        zone_name(report.to, &report.zone)
    ));
    Ok(Exit::Ok)
}
