//! `linewatch backup`: the whole history as one file, beside a running monitor or without one.
//!
//! The store copies, checks and renames; here are only place, progress and words.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;

use anyhow::Result;
use linewatch_store::{BackupError, BackupProgress, backup};

use super::{Global, load_options, mistakes};
use crate::config;
use crate::exit::{Exit, UserError};
use crate::say;

const MB: f64 = 1_000_000.0;

/// Options of `linewatch backup`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file to write: a database as good as the original. To go back to it, stop linewatch and put it in the place
    /// of linewatch.db (without the -wal and -shm beside that one)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Replace a file that is there
    #[arg(long)]
    force: bool,
    /// Configuration file, for where the data is [default: the one that `serve` would take]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Copies, and says what was copied.
///
/// # Errors
///
/// No history, no room, a file that is there, or a copy that is not whole.
pub(super) fn run(global: &Global, args: &Args) -> Result<Exit> {
    let loaded = config::load(&load_options(global, args.config.clone())?).map_err(mistakes)?;
    let is_terminal = io::stderr().is_terminal();
    let copied = backup(&loaded.data_dir, &args.file, args.force, |progress| {
        if is_terminal {
            show(progress);
        }
    });
    if is_terminal {
        // Over the progress.
        to_terminal("\r\x1b[K");
    }
    let bytes = copied.map_err(|error| {
        let refused = UserError::failed(error.to_string());
        match error {
            BackupError::Exists(_) => refused.help("give another name, or replace it with  --force"),
            BackupError::NoRoom { .. } => refused.help("give a place on another disk"),
            _ => refused,
        }
    })?;
    say::to_stdout(&format!(
        "{}: {:.1} MB, checked",
        args.file.display(),
        bytes as f64 / MB
    ));
    Ok(Exit::Ok)
}

fn show(progress: BackupProgress) {
    to_terminal(&match progress {
        BackupProgress::Copied { bytes, of_bytes } => format!(
            "\r\x1b[Kcopying {:.0} of {:.0} MB",
            bytes as f64 / MB,
            of_bytes as f64 / MB
        ),
        BackupProgress::Checking => "\r\x1b[Kchecking the copy".to_owned(),
    });
}

/// Without an end of line; a terminal that is gone is nobody's business.
fn to_terminal(text: &str) {
    let mut err = io::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}
