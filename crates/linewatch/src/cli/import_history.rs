//! `linewatch import --history`: the history of another tool into this one's database.
//!
//! The store reads databases and writes; here are who is meant, which zone the dates are in, the progress and the words. The
//! monitor must not be running: there is one writer.

use std::fs::File;
use std::io::{self, BufReader, IsTerminal as _, Read as _, Seek as _};
use std::path::{Path, PathBuf};

use anyhow::Result;
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::tz::TimeZone;
use linewatch_core::port::{Clock as _, History as _};
use linewatch_core::time::WallTime;
use linewatch_probe::clock::SystemClock;
use linewatch_render::text::printable;
use linewatch_store::{
    Archive, ForeignDatabase, ForeignError, ForeignTool, ImportOptions, Imported, OpenError, Reader, Seen,
    Store, holder_of,
};

use super::{Global, load_options, mistakes, period};
use crate::app;
use crate::config::{self, Loaded};
use crate::exit::{Exit, UserError};
use crate::import::{Known, Wanted, host_text, read_archives, read_date};
use crate::say;

/// The look of the progress bar.
const PROGRESS: &str = "{bar:40} {percent:>3}%  {human_pos} of {human_len} rows  {eta} left";

/// Options of `linewatch import --history`.
#[derive(Debug, clap::Args)]
pub(super) struct HistoryArgs {
    /// Bring a history along: the SQLite file of Network Monitoring System or of Latency Monitor, or what `rrdtool dump` printed
    #[arg(long, value_name = "FILE")]
    pub(super) history: Option<PathBuf>,
    /// Configuration that knows the targets, ours or the tool's own config.json [default: the one that `serve` would take]
    #[arg(long, value_name = "FILE", requires = "history")]
    config: Option<PathBuf>,
    /// Zone of the dates in FILE, like Asia/Jakarta, UTC or +07:00 [default: this computer's]
    #[arg(long, value_name = "ZONE", requires = "history")]
    tz: Option<String>,
    /// Whom a round-robin database measured: an address, or a target's id
    #[arg(long, value_name = "TARGET", requires = "history")]
    target: Option<String>,
    /// The data source of a round-robin database that has several
    #[arg(long, value_name = "NAME", requires = "history")]
    ds: Option<String>,
    /// What the numbers of a round-robin database are
    #[arg(long, value_name = "UNIT", default_value = "ms", value_parser = ["ms", "s"], requires = "history")]
    unit: String,
}

/// What is to be read.
enum Source {
    Database(ForeignDatabase),
    Archives(Vec<Archive>, Seen),
}

/// Takes the history over, and says what came of it.
///
/// # Errors
///
/// A file that is of no known tool, a running monitor, or a database that cannot be written: nothing was changed then.
pub(super) fn run(global: &Global, args: &HistoryArgs, path: &Path) -> Result<Exit> {
    let loaded = config::load(&load_options(global, args.config.clone())?).map_err(mistakes)?;
    let zone = match &args.tz {
        Some(name) => period::zone(name)?,
        None => TimeZone::system(),
    };
    let source = open(path, args, &loaded)?;
    if let Some(holder) = holder_of(&loaded.data_dir) {
        let path = loaded.data_dir;
        return Err(busy(&OpenError::Locked { path, holder }).into());
    }
    let clock = SystemClock::start();
    let opened = Store::open(&loaded.data_dir, &app::host_name(), clock.wall());
    let mut store = opened.map_err(|error| busy(&error))?.store;
    let imported =
        import(&mut store, &source, (&loaded, &zone, clock.wall())).map_err(|error| refused(&error))?;
    // The rest of a run: what one before it left unfinished is made whole.
    app::end_run(store, &loaded, clock, "history imported")?;
    tell(path, &source, &imported, &loaded.data_dir);
    Ok(Exit::Ok)
}

fn busy(error: &OpenError) -> UserError {
    let refused = UserError::failed(error.to_string());
    match error {
        OpenError::Locked { path, holder } => UserError::failed(format!(
            "a monitor is using {}: {holder}; a history is imported while none runs",
            path.display()
        ))
        .help(
            "stop it, import, and start it again; or import into a directory of its own with  --data-dir DIR",
        ),
        _ => refused,
    }
}

fn refused(error: &ForeignError) -> UserError {
    let refused = UserError::failed(error.to_string());
    match error {
        ForeignError::Ours(_) => {
            refused.help("to go back to a copy, put it in the place of linewatch.db while no monitor runs")
        }
        ForeignError::Unknown { .. } | ForeignError::Source { .. } => refused.help(FORMATS),
        ForeignError::Store(_) => refused,
    }
}

const FORMATS: &str = "known are the SQLite files of Network Monitoring System (ping_results) and Latency Monitor (events), and the XML \
                       that  rrdtool dump FILE.rrd  prints";

fn open(path: &Path, args: &HistoryArgs, loaded: &Loaded) -> Result<Source, UserError> {
    let unread = |error: io::Error| {
        UserError::failed(format!("cannot read {}: {error}", path.display()))
            .help("name the file with the history")
    };
    let is_file = path.metadata().map_err(unread)?.is_file();
    if !is_file {
        return Err(unread(io::Error::other("it is no file")));
    }
    let mut file = File::open(path).map_err(unread)?;
    let mut head = Vec::new();
    file.by_ref().take(16).read_to_end(&mut head).map_err(unread)?;
    file.rewind().map_err(unread)?;
    let text = head
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(&head)
        .trim_ascii_start();
    if head.starts_with(b"SQLite format 3\0") {
        return Ok(Source::Database(
            ForeignDatabase::open(path).map_err(|error| refused(&error))?,
        ));
    }
    if head.starts_with(b"RRD\0") {
        let xml = path.with_extension("xml");
        return Err(
            UserError::failed(format!("{} is a round-robin database itself", path.display())).help(format!(
                "rrdtool dump {} > {}  and import that",
                path.display(),
                xml.display()
            )),
        );
    }
    if !text.starts_with(b"<") {
        return Err(
            UserError::failed(format!("{} is no history that linewatch knows", path.display())).help(FORMATS),
        );
    }
    let seen = measured(args, loaded)?;
    let wanted = Wanted {
        source: args.ds.as_deref(),
        unit_ms: if args.unit == "s" { 1_000.0 } else { 1.0 },
    };
    let archives = read_archives(BufReader::new(file), &wanted)
        .map_err(|error| UserError::failed(format!("{}: {error}", path.display())).help(error.help))?;
    Ok(Source::Archives(archives, seen))
}

/// Whom a round-robin database measured: it does not say.
fn measured(args: &HistoryArgs, loaded: &Loaded) -> Result<Seen, UserError> {
    let targets = &loaded.settings.targets;
    let address = match (&args.target, targets.as_slice()) {
        (Some(wanted), _) => {
            let named = targets
                .iter()
                .find(|one| one.target.slug == *wanted || one.target.name == *wanted);
            named.map_or_else(|| wanted.trim().to_owned(), |one| host_text(&one.target.host))
        }
        (None, [only]) => host_text(&only.target.host),
        (None, _) => {
            let message = "a round-robin database does not say whom it measured";
            return Err(UserError::usage(message).help("say it with  --target ADDRESS"));
        }
    };
    if address.is_empty() {
        return Err(UserError::usage("--target is empty").help("give an address, or a target's id"));
    }
    Ok(Seen {
        address,
        ..Seen::default()
    })
}

fn import(
    store: &mut Store,
    source: &Source,
    (loaded, zone, now): (&Loaded, &TimeZone, WallTime),
) -> Result<Imported, ForeignError> {
    let stored = Reader::open(&loaded.data_dir)
        .ok()
        .and_then(|reader| reader.targets().ok())
        .unwrap_or_default();
    let mut known = Known::new(&loaded.settings.targets, stored);
    let bar = progress(match source {
        Source::Database(database) => database.rows(),
        Source::Archives(archives, _) => archives.iter().map(|archive| archive.spans.len() as u64).sum(),
    });
    let options = ImportOptions {
        now,
        retention: loaded.settings.storage.keeping().retention,
        identify: &mut |seen| known.identify(seen),
        read_time: &|text| read_date(text, zone),
        progress: &mut |rows| bar.set_position(rows),
    };
    let imported = match source {
        Source::Database(database) => store.import(database, options),
        Source::Archives(archives, seen) => store.import_archives(archives.clone(), seen, options),
    };
    bar.finish_and_clear();
    imported
}

/// Drawn on a terminal only.
fn progress(rows: u64) -> ProgressBar {
    let target = if io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(rows), target);
    match ProgressStyle::with_template(PROGRESS) {
        Ok(style) => bar.with_style(style),
        // A test reads it too.
        Err(_) => bar,
    }
}

/// What was found in the source.
fn found(path: &Path, source: &Source, done: &Imported) -> Vec<String> {
    let name = printable(&path.display().to_string());
    let count = HumanCount;
    let plural = if done.targets == 1 { "" } else { "s" };
    let targets = format!("{} target{plural}", count(done.targets));
    let mut lines = Vec::new();
    match source {
        Source::Database(database) if database.tool() == ForeignTool::LatencyMonitor => {
            lines.push(format!(
                "{name}: {} events of {targets}, {} of them new here",
                count(done.lines),
                count(done.new_lines)
            ));
        }
        Source::Database(_) => {
            lines.push(format!("{name}: {} cycles of {targets}", count(done.rows)));
            lines.push(format!(
                "  sent {}, replied {}, as the source says",
                count(done.sent),
                count(done.replied)
            ));
            if done.unreachable_cycles > 0 {
                lines.push(format!(
                    "  and {} lost in {} cycles without an answer, which it stored as 0 sent and 0 ms",
                    count(done.unreachable_probes),
                    count(done.unreachable_cycles)
                ));
            }
            lines.push(format!(
                "  {} log lines, {} of them new here",
                count(done.lines),
                count(done.new_lines)
            ));
        }
        Source::Archives(..) => {
            lines.push(format!(
                "{name}: {} known means of {} steps; what is not known is a gap",
                count(done.rows),
                count(done.sent)
            ));
        }
    }
    lines
}

/// What was found, and what became of it.
fn tell(path: &Path, source: &Source, done: &Imported, data_dir: &Path) {
    let count = HumanCount;
    let mut lines = found(path, source, done);
    if done.unreadable > 0 {
        lines.push(format!(
            "  {} rows have no date or no figures that can be read: left out",
            count(done.unreadable)
        ));
    }
    let stored = format!(
        "sent {}, replied {}",
        count(done.stored_sent),
        count(done.stored_replied)
    );
    let is_of_events =
        matches!(source, Source::Database(database) if database.tool() == ForeignTool::LatencyMonitor);
    let place = data_dir.display();
    lines.push(match (done.new_rollups, done.new_lines) {
        (0, 0) => format!("Everything was here already, nothing was changed in {place}"),
        (_, events) if is_of_events => format!("{} new events in {place}", count(events)),
        (rollups, _) => format!("{} new rows of history in {place}", count(rollups)),
    });
    if !is_of_events {
        lines.push(format!("  stored in all of this tool: {stored}"));
    }
    for line in &lines {
        say::to_stdout(line);
    }
}
