//! The table of history: what samples cost on disk, in writing and in reading, beside plain SQLite rows.
//!
//! Everything is measured in one run on one machine. Plain rows come in two layouts: as the five tools keep them, and
//! the best there is for rows (`plain`). Where they would take hours they are measured on a part, and the row says so.

mod figures;
mod plain;
mod read;
mod write;

pub(crate) use write::take_samples;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::machine::{self, Busy};
use crate::table::{self, Line, say};

/// Numbers of the rows.
const ROWS: std::ops::RangeInclusive<u8> = 1..=7;

/// How thoroughly, and where.
#[derive(Clone, Debug)]
struct Effort {
    /// Runs of what is short.
    runs: usize,
    /// Length of the history that is read.
    days: u32,
    /// A history of a year and 100 targets that is there already.
    year_dir: Option<PathBuf>,
}

/// Reads the words behind `store` and measures.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let mut effort = Effort {
        runs: 5,
        days: 30,
        year_dir: None,
    };
    let mut only: Option<u8> = None;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} needs a value"));
        match word.as_str() {
            "--quick" => (effort.runs, effort.days) = (3, 3),
            "--row" => only = Some(value()?.parse().context("--row needs a number")?),
            "--year-dir" => effort.year_dir = Some(PathBuf::from(value()?)),
            _ => bail!("there are --row N, --quick and --year-dir DIR, not \"{word}\""),
        }
    }
    say(&machine::line()?);
    say(&format!("plain rows by SQLite {}", rusqlite::version()));
    if cfg!(debug_assertions) {
        say("this is a debug build: its figures mean nothing");
    }
    let idle = Busy::now()?;
    let mut lines = Vec::new();
    for row in ROWS.filter(|row| only.is_none_or(|only| only == *row)) {
        say(&format!("row {row} ..."));
        match measure(row, &effort) {
            Ok(measured) => lines.extend(measured),
            Err(error) => lines.push(Line::not_measured(row, &format!("{error:#}"))),
        }
    }
    if lines.is_empty() {
        bail!("there are rows {ROWS:?}");
    }
    say(&format!(
        "\nall cores were {:.0} % busy meanwhile, by this and by others\n",
        idle.since()? * 100.0
    ));
    say(&table::draw(&lines));
    Ok(())
}

fn measure(row: u8, effort: &Effort) -> Result<Vec<Line>> {
    match row {
        1 => read::month(effort),
        2 => write::disk(),
        3 => write::written(),
        4 => write::ingest(),
        5 => figures::percentiles(),
        6 => read::round_robin(effort),
        _ => read::year(effort),
    }
}
