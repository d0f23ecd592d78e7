//! `linewatch graph`: a target's history as a picture, beside a running monitor or without one.
//!
//! Reads the store, writes one file, whole or not at all, or standard output. What is asked and how it is drawn is
//! decided by `linewatch_render::graph`, the same for the page and the mail.

use std::ffi::OsStr;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;
use linewatch_core::port::{Clock as _, History, SeriesQuery};
use linewatch_core::time::WallTime;
use linewatch_probe::clock::SystemClock;
use linewatch_render::graph::{self, GraphInput, GraphPeriod, GraphStyle, GraphSubject};
use linewatch_render::message::Language;
use linewatch_render::text::printable;
use linewatch_render::when::{date_time, zone_name};

use super::Global;
use super::period::{Period, PeriodArgs};
use super::stored::{self, Line, unread, write_whole};
use crate::config::Loaded;
use crate::exit::{Exit, UserError};
use crate::say;

/// The period if nothing else is asked for.
const SPAN_DEFAULT: Duration = Duration::from_secs(24 * 3600);
/// The file if nothing else is asked for, without its ending.
const OUT_DEFAULT: &str = "latency_graph";
/// Hours of 30 years: all that can be stored, by the hour.
const ALL_HOURS: usize = 30 * 366 * 24;

/// Options of `linewatch graph`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    linewatch graph gw                                   the last 24 hours, to latency_graph.png\n  \
    linewatch graph gw --range 7d --theme dark --out week.svg\n  \
    linewatch graph gw --from 2026-11-20 --to 2026-11-20 --tz Asia/Jakarta\n  \
    linewatch graph gw --format png --out - | mail-it")]
pub(super) struct Args {
    /// Id or name of a target with stored history
    #[arg(value_name = "TARGET")]
    target: String,
    #[command(flatten)]
    period: PeriodArgs,
    /// Width and height in pixels
    #[arg(long, value_name = "WxH", default_value = "1200x400")]
    size: String,
    /// Device pixels per pixel: 1 to 3; 2 for a sharp screen
    #[arg(long, value_name = "N", default_value_t = 1)]
    scale: u32,
    /// Dark marks on white, for paper and mail, or light marks on a dark ground
    #[arg(long, value_name = "THEME", default_value = "light")]
    theme: Theme,
    /// Equal steps of milliseconds, single spikes cut off and told, or equal steps of ratio, nothing cut off
    #[arg(long, value_name = "AXIS", default_value = "linear")]
    axis: Axis,
    /// Title of the picture [default: the target's name]
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// The file to write, PNG or SVG by its ending; an existing one is replaced. - is standard output [default: latency_graph.png]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The format, where the file's ending does not say it
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Configuration file, for where the data is [default: the one that `serve` would take]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Theme {
    Light,
    Dark,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Axis {
    Linear,
    Log,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Png,
    Svg,
}

/// Where the picture goes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Out {
    File(PathBuf),
    Stdout,
}

/// Draws the picture and says what is on it.
///
/// # Errors
///
/// An unknown target, a period or size that cannot be, nothing stored in the period, or a file that cannot be written.
pub(super) fn run(global: &Global, args: &Args) -> Result<Exit> {
    let (out, format) = output(args.out.as_deref(), args.format)?;
    let style = style(args)?.in_language(global.language());
    let now = SystemClock::start().wall();
    let period = args.period.resolve(now, SPAN_DEFAULT)?;
    let (loaded, reader) = stored::open(global, args.config.clone())?;
    let line = stored::line(&reader, &args.target)?;
    let subject = subject(&loaded, &line, args.title.as_deref(), global.language());
    let asked = GraphPeriod {
        from: period.from,
        to: period.to,
        now,
        zone: period.zone.clone(),
    };
    let input = graph::ask(&reader, &line.series, subject, &asked, &style).map_err(unread)?;
    if input.buckets.is_empty() && input.gaps.is_empty() && input.outages.is_empty() {
        return Err(nothing(&reader, &line, &period, now)?.into());
    }
    let bytes = match format {
        Format::Png => graph::png(&input, &style).map_err(|error| UserError::failed(error.to_string()))?,
        Format::Svg => graph::svg(&input, &style).into_bytes(),
    };
    deliver(&out, &bytes, &line, &input)
}

fn deliver(out: &Out, bytes: &[u8], line: &Line, input: &GraphInput) -> Result<Exit> {
    let path = match out {
        Out::File(path) => path,
        Out::Stdout => {
            let mut stdout = io::stdout().lock();
            let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
            return match written {
                Ok(()) => Ok(Exit::Ok),
                // Whoever reads it has seen enough.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Ok),
                Err(error) => {
                    Err(UserError::failed(format!("cannot write to standard output: {error}")).into())
                }
            };
        }
    };
    write_whole(path, |file| file.write_all(bytes)).map_err(|error| {
        UserError::failed(format!("cannot write {}: {error}", path.display()))
            .help("give another place with  --out FILE")
    })?;
    say::to_stdout(&format!(
        "{}: {} from {} to {}, {}",
        path.display(),
        printable(&line.slug),
        date_time(input.from, &input.zone),
        date_time(input.to, &input.zone),
        zone_name(input.to, &input.zone)
    ));
    Ok(Exit::Ok)
}

fn output(out: Option<&Path>, format: Option<Format>) -> Result<(Out, Format), UserError> {
    let Some(path) = out else {
        let format = format.unwrap_or(Format::Png);
        return Ok((
            Out::File(Path::new(OUT_DEFAULT).with_extension(format.ending())),
            format,
        ));
    };
    if path == Path::new("-") {
        if io::stdout().is_terminal() {
            return Err(
                UserError::usage("--out -: a picture is not written to a terminal")
                    .help("send it on with  |  or  >, or give a file"),
            );
        }
        return Ok((Out::Stdout, format.unwrap_or(Format::Png)));
    }
    let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    let by_ending = Format::from_str(ending, true).ok();
    match format.or(by_ending) {
        Some(format) => Ok((Out::File(path.to_owned()), format)),
        None => Err(
            UserError::usage(format!("--out {}: its ending names no format", path.display()))
                .help("let it end in .png or .svg, or add  --format png  or  --format svg"),
        ),
    }
}

impl Format {
    const fn ending(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Svg => "svg",
        }
    }
}

fn style(args: &Args) -> Result<GraphStyle, UserError> {
    let sides = args.size.split_once(['x', 'X', '×']);
    let side = |text: &str| text.trim().parse::<u32>().ok();
    let Some((width, height)) = sides.and_then(|(width, height)| Some((side(width)?, side(height)?))) else {
        return Err(UserError::usage(format!(
            "--size \"{}\": it is not WIDTHxHEIGHT",
            printable(&args.size)
        ))
        .help("give whole pixels like 1200x400"));
    };
    let theme = match args.theme {
        Theme::Light => graph::Theme::Light,
        Theme::Dark => graph::Theme::Dark,
    };
    let axis = match args.axis {
        Axis::Linear => graph::ValueAxis::Linear,
        Axis::Log => graph::ValueAxis::Log,
    };
    GraphStyle::new(width, height, args.scale, theme, axis).map_err(|error| {
        UserError::usage(error.to_string()).help("give another  --size WIDTHxHEIGHT  or  --scale N")
    })
}

/// As the target is configured now; one that is no longer configured has its name only.
fn subject(loaded: &Loaded, line: &Line, title: Option<&str>, language: Language) -> GraphSubject {
    let mut subject = match loaded.settings.target(&line.slug) {
        Some(settings) => {
            let vantage = &loaded.settings.server.vantage;
            GraphSubject::of_target(&settings.target, None, vantage, language)
        }
        None => GraphSubject {
            name: line.name.clone(),
            ..GraphSubject::default()
        },
    };
    if let Some(title) = title {
        title.clone_into(&mut subject.name);
    }
    subject
}

/// The period is empty: says when there is something.
fn nothing(
    history: &dyn History,
    line: &Line,
    period: &Period,
    now: WallTime,
) -> Result<UserError, UserError> {
    let told = |at| date_time(at, &period.zone);
    let message = format!(
        "target \"{}\": nothing was stored of it from {} to {} ({})",
        printable(&line.slug),
        told(period.from),
        told(period.to),
        zone_name(period.to, &period.zone)
    );
    let mut ends: Option<(WallTime, WallTime)> = None;
    for &target in &line.series {
        let all = SeriesQuery {
            target,
            from: now.minus(Duration::from_secs(ALL_HOURS as u64 * 3600)),
            to: now,
            points: ALL_HOURS,
        };
        let series = history.series(all).map_err(unread)?;
        for point in &series.points {
            let end = point.at.plus(series.bucket).min(now);
            let (first, last) = ends.unwrap_or((point.at, end));
            ends = Some((first.min(point.at), last.max(end)));
        }
    }
    let help = match ends {
        Some((first, last)) => format!(
            "by the hour there is something from {} to {}",
            told(first),
            told(last)
        ),
        None => "there is nothing at any time: let `linewatch serve` measure first".to_owned(),
    };
    Ok(UserError::failed(message).help(help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn written(out: &str, format: Option<Format>) -> Option<(Out, Format)> {
        output((!out.is_empty()).then(|| Path::new(out)), format).ok()
    }

    #[test]
    fn the_format_is_the_files_ending_unless_it_is_said() {
        let file = |name: &str| Out::File(PathBuf::from(name));
        assert_eq!(written("", None), Some((file("latency_graph.png"), Format::Png)));
        assert_eq!(
            written("", Some(Format::Svg)),
            Some((file("latency_graph.svg"), Format::Svg))
        );
        assert_eq!(written("a/b.SVG", None), Some((file("a/b.SVG"), Format::Svg)));
        assert_eq!(
            written("b.dat", Some(Format::Png)),
            Some((file("b.dat"), Format::Png))
        );
        assert_eq!(written("b.dat", None), None);
        assert_eq!(written("png", None), None);
    }
}
