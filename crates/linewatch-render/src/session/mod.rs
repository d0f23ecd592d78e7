//! Folds one target's run of `linewatch record` into seconds, minutes and hours, and writes S3's files from them.
//!
//! In: finished probes with the anchor of their batch. Out: the text of every file, whole or as the lines to append
//! ([`Pages`]), rows for the console, and outages as they begin and end. Surprising rule: a probe belongs to the calendar
//! second in which it was *sent*, and a second is closed for ever once its time-outs have passed. Memory follows
//! `max_seconds`; totals and outages are sums over the closed seconds and therefore never forget. No I/O, no clock.

mod chart;
mod console;
mod export;
mod files;
mod minutes;
mod pace;
mod row;
mod tally;

use std::time::Duration;

use jiff::tz::TimeZone;
use linewatch_core::time::WallTime;

pub use chart::picture;
pub use console::{Achieved, ConsoleTable, Start, late_line, preamble};
pub use export::json_document;
pub use minutes::{SessionMinute, parse_minute};
pub use row::{Row, SecondOutage};
pub use tally::{News, Session};

use crate::when;

/// One row of the console covers this many seconds (S3-24).
pub const CONSOLE_S: u64 = 10;

/// What a session of one target was asked for: the head of its file.
#[derive(Clone, Debug)]
pub struct Facts {
    /// What a person calls the target.
    pub target: String,
    /// Host as written.
    pub host: String,
    /// Port; `None` with ICMP.
    pub port: Option<u16>,
    /// `TCP`, `UDP`, `ICMP`.
    pub protocol: String,
    /// Between two probes.
    pub interval: Duration,
    /// How long a probe may take.
    pub timeout: Duration,
    /// Each attempt is written down.
    pub has_log: bool,
    /// Seconds are written as CSV, too.
    pub has_csv: bool,
    /// A second is an outage when its loss is strictly above this ratio, 0 to 1.
    pub loss_threshold: f64,
    /// Seconds kept in memory.
    pub max_seconds: usize,
    /// Zone of every local time.
    pub zone: TimeZone,
    /// When it began.
    pub started: WallTime,
}

/// What the files of a session shall hold now: documents replace a file, lines go to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pages {
    /// `session_*.txt`.
    pub session: String,
    /// `packetloss.txt`.
    pub packetloss: String,
    /// Lines for `averages_per_second.txt`.
    pub seconds: String,
    /// `averages_per_minute.txt`.
    pub minutes: Growing,
    /// `averages_per_hour.txt`.
    pub hours: Growing,
    /// Lines for `minutes.ndjson`.
    pub histograms: String,
    /// Lines for `connection_log.txt`; empty without one.
    pub log: String,
    /// Lines for `session.csv`; empty without one.
    pub csv: String,
}

/// What is added to a table whose last row still changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Growing {
    /// Rows that are final.
    pub closed: String,
    /// The row of the span that goes on; replaced by the next.
    pub open: String,
}

/// What stands at the top of each file that grows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heads {
    /// Of `averages_per_second.txt`.
    pub seconds: String,
    /// Of `averages_per_minute.txt`.
    pub minutes: String,
    /// Of `averages_per_hour.txt`.
    pub hours: String,
    /// Of `connection_log.txt`.
    pub log: String,
    /// Of `session.csv`.
    pub csv: String,
}

impl Heads {
    /// For these facts.
    pub fn of(facts: &Facts) -> Self {
        Self {
            seconds: files::table_head(facts, "1s"),
            minutes: files::table_head(facts, "1m"),
            hours: files::table_head(facts, "1h"),
            log: files::zone_line(facts),
            csv: export::csv_head(),
        }
    }
}

/// `session_20261121_165602`: folder and file of a session that begins then.
pub fn stem(started: WallTime, zone: &TimeZone) -> String {
    format!("session_{}", when::compact(started, zone))
}

#[cfg(test)]
mod tests;
