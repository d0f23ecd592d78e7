//! `linewatch import`: the settings of another tool as a configuration, on standard output or in a file; with `--history` see
//! `import_history`.
//!
//! What comes of it is checked as any configuration is, so that what is printed can be run. A file that is there is not replaced.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Result;
use linewatch_core::limits::CONFIG_BYTES;

use super::import_history::{self, HistoryArgs};
use super::stored::write_whole;
use super::{Global, load_options, mistakes};
use crate::config::{self, LoadOptions, Operator};
use crate::exit::{Exit, UserError};
use crate::import::{Imported, convert};
use crate::say;

/// Options of `linewatch import`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// config.json, .env, a script with its constants, or a line with its options; - reads standard input
    #[arg(
        value_name = "FILE",
        required_unless_present = "history",
        conflicts_with = "history"
    )]
    file: Option<PathBuf>,
    /// Write the configuration into this file, once it is known to be right [default: standard output]
    #[arg(long, value_name = "FILE", conflicts_with = "history")]
    out: Option<PathBuf>,
    /// Replace the file of --out if it is there
    #[arg(long, requires = "out")]
    force: bool,
    #[command(flatten)]
    history: HistoryArgs,
}

/// Prints or writes the configuration, and says what to do with it.
///
/// # Errors
///
/// A file that cannot be read or is of no known tool; values that linewatch does not take; a configuration that is there already.
pub(super) fn run(global: &Global, args: &Args) -> Result<Exit> {
    if let Some(history) = &args.history.history {
        return import_history::run(global, &args.history, history);
    }
    // Without a history clap has asked for it.
    let file = args.file.as_deref().unwrap_or(Path::new("-"));
    let name = file.display().to_string();
    if let Some(out) = &args.out {
        refuse_existing(out, args.force)?;
    }
    let text = read(file)?;
    let Imported { tool, toml } = convert(&name, &text)
        .map_err(|error| UserError::usage(format!("{name}: {error}")).help(error.help))?;
    if args.out.is_none() {
        // Before it is judged: where a value is wrong, the line that the mistake names can be looked at.
        say::to_stdout(toml.trim_end());
    }
    let shown = args
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from("linewatch.toml"));
    let options = LoadOptions {
        operator: Operator::AsRead(Some((shown, toml.clone()))),
        web_text: Some(String::new()),
        ..load_options(global, None)?
    };
    let loaded = config::load(&options).map_err(mistakes)?;
    for warning in &loaded.warnings {
        say::to_stderr(&warning.to_string());
    }
    let targets = loaded.settings.targets.len();
    let plural = if targets == 1 { "" } else { "s" };
    let to_run = match &args.out {
        Some(out) => {
            write_whole(out, |file| file.write_all(toml.as_bytes())).map_err(|error| {
                UserError::failed(format!("cannot write {}: {error}", out.display()))
                    .help("give another place with  --out FILE")
            })?;
            format!("linewatch serve --config {}", out.display())
        }
        None => format!("linewatch import {name} --out linewatch.toml && linewatch"),
    };
    say::to_stderr(&format!(
        "{name} of {tool}: {targets} target{plural}; to run it: {to_run}"
    ));
    Ok(Exit::Ok)
}

/// A configuration somebody wrote is not lost to a word too few.
fn refuse_existing(out: &Path, is_forced: bool) -> Result<(), UserError> {
    if is_forced || out.symlink_metadata().is_err() {
        return Ok(());
    }
    Err(
        UserError::failed(format!("{} is there already, and was not changed", out.display()))
            .help("give another name, or replace it with  --force"),
    )
}

fn read(path: &Path) -> Result<String, UserError> {
    let refused = |error: io::Error| {
        UserError::usage(format!("cannot read {}: {error}", path.display())).help("name the file to import")
    };
    let mut bytes = Vec::new();
    let limited = CONFIG_BYTES + 1;
    if path.as_os_str() == "-" {
        io::stdin()
            .lock()
            .take(limited)
            .read_to_end(&mut bytes)
            .map_err(refused)?;
    } else {
        let file = File::open(path).map_err(refused)?;
        file.take(limited).read_to_end(&mut bytes).map_err(refused)?;
    }
    if bytes.len() as u64 > CONFIG_BYTES {
        return Err(refused(io::Error::other("it is longer than 8 MB")));
    }
    String::from_utf8(bytes).map_err(|_| refused(io::Error::other("it is not text in UTF-8")))
}
