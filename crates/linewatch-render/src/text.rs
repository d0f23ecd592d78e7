//! Writes plain lines for a terminal, a pipe or a file: S3's table with a Loss column, and S3's summary.
//!
//! Input: figures of one span and one target per row. Output: lines without their ends, in stable columns.
//! Received = replied + refused, failed = lost + unreachable; unsent and unmeasured are in neither.
//! Nothing that came from outside reaches the terminal unescaped ([`printable`]).

use jiff::tz::TimeZone;
use linewatch_core::record::Loss;
use linewatch_core::spec::is_disruptive;
use linewatch_core::time::{Rtt, WallTime};

use crate::console_words::ConsoleWords;
use crate::json::SummaryInput;
use crate::message::Language;
use crate::when::{clock_time, date_time, zone_name};

/// The header comes again after this many rows on a terminal: about one screen.
pub const HEADER_EVERY_ROWS: usize = 20;
/// Widest Target column; longer names end in `…`.
pub(crate) const TARGET_CHARS_MAX: usize = 24;

/// One row: one target over one span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlainRow<'a> {
    /// Label; shown only in a table with a Target column.
    pub target: &'a str,
    /// First second.
    pub from: WallTime,
    /// Last second, inclusive.
    pub to: WallTime,
    /// Handed to the kernel.
    pub sent: u64,
    /// Answered.
    pub received: u64,
    /// Mean over the answers.
    pub avg_rtt: Option<Rtt>,
    /// Lost and unreachable.
    pub failed: u64,
    /// Over the finished probes of the span.
    pub loss: Loss,
    /// An outage was open in it.
    pub is_outage: bool,
}

/// The table: knows its columns and when the header is due.
#[derive(Clone, Debug)]
pub struct PlainTable {
    every_s: u64,
    /// `None` with one target.
    target_chars: Option<usize>,
    /// On a terminal.
    repeats_header: bool,
    rows: usize,
    zone: TimeZone,
    words: ConsoleWords,
}

impl PlainTable {
    /// A table with one row per `every_s` seconds; a Target column if there are several targets.
    pub fn new(
        every_s: u64,
        targets: &[&str],
        repeats_header: bool,
        zone: TimeZone,
        language: Language,
    ) -> Self {
        let widest = targets
            .iter()
            .map(|target| target.chars().count())
            .max()
            .unwrap_or(0);
        let target_chars = (targets.len() > 1).then(|| widest.clamp("Target".len(), TARGET_CHARS_MAX));
        Self {
            every_s,
            target_chars,
            repeats_header,
            rows: 0,
            zone,
            words: ConsoleWords::of(language),
        }
    }

    /// The lines of one row: the header before it where one is due.
    pub fn row(&mut self, row: &PlainRow<'_>) -> Vec<String> {
        let mut lines = Vec::with_capacity(2);
        if self.rows == 0 || (self.repeats_header && self.rows.is_multiple_of(HEADER_EVERY_ROWS)) {
            lines.push(self.header());
        }
        self.rows += 1;
        let span = format!(
            "{} - {}",
            date_time(row.from, &self.zone),
            clock_time(row.to, &self.zone)
        );
        let avg = row
            .avg_rtt
            .map_or_else(|| "-".to_owned(), |rtt| format!("{:.2}", rtt.as_millis_f64()));
        let avg = self.words.number(&avg);
        let loss = self.words.number(&loss_percent(row.loss));
        let outage = if row.is_outage {
            self.words.yes
        } else {
            self.words.no
        };
        let cells = [&row.sent, &row.received].map(ToString::to_string);
        let cells = [
            &cells[0],
            &cells[1],
            &avg,
            &cells[1],
            &row.failed.to_string(),
            &loss,
        ];
        lines.push(self.line(row.target, &span, cells.map(String::as_str), outage));
        lines
    }

    fn header(&self) -> String {
        let span = format!("{} ({}s)", self.words.time_range, self.every_s);
        self.line(self.words.target, &span, self.words.columns, self.words.outage)
    }

    fn line(&self, target: &str, span: &str, cells: [&str; 6], outage: &str) -> String {
        let target = match self.target_chars {
            Some(width) => format!("{:<width$}  ", fitted(&printable(target), width)),
            None => String::new(),
        };
        let [sent, received, avg, success, failed, loss] = cells;
        format!(
            "{target}{span:<34}{sent:>12}{received:>12}{avg:>14}{success:>10}{failed:>9}{loss:>7}     {outage}"
        )
    }
}

/// `Time zone: Asia/Jakarta (+07:00)`: once, above a table.
pub fn zone_line(at: WallTime, zone: &TimeZone, language: Language) -> String {
    format!(
        "{}: {}",
        ConsoleWords::of(language).time_zone,
        zone_name(at, zone)
    )
}

/// The block at the end of a run, one per target (S3-17).
pub fn summary_block(input: &SummaryInput, language: Language) -> Vec<String> {
    let words = ConsoleWords::of(language);
    let packets = words.packets;
    let counts = input.counts;
    let loss = counts.loss();
    let percent = loss
        .ratio()
        .map_or_else(|| "-".to_owned(), |ratio| format!("{}%", percent(ratio, loss, 2)));
    let avg = input.rtt.map_or_else(
        || "-".to_owned(),
        |rtt| format!("{:.2} ms", rtt.avg.as_millis_f64()),
    );
    let (percent, avg) = (words.number(&percent), words.number(&avg));
    let mut lines = vec![
        format!("{}: {}", words.title, printable(&input.target)),
        "-".repeat(40),
        format!("{}: {}", words.duration, clock_length(input.duration.as_secs())),
        format!("{}: {} {packets}", words.sent, counts.sent()),
        format!(
            "{}: {} {packets}",
            words.received,
            counts.replied + counts.refused
        ),
        format!("{}: {} {packets} ({percent})", words.lost, loss.failed),
    ];
    if counts.unsent > 0 {
        lines.push(format!("{}: {} {packets}", words.unsent, counts.unsent));
    }
    if counts.unmeasured > 0 {
        lines.push(format!("{}: {} {packets}", words.unmeasured, counts.unmeasured));
    }
    lines.push(format!("{}: {avg}", words.average));
    lines.push(format!("{}: {}", words.outages, input.outages.len()));
    lines
}

/// `0:15:32`, `26:00:01`: hours do not become days, as in S3.
pub(crate) fn clock_length(seconds: u64) -> String {
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn loss_percent(loss: Loss) -> String {
    loss.ratio()
        .map_or_else(|| "-".to_owned(), |ratio| format!("{}%", percent(ratio, loss, 1)))
}

/// A fixed number of decimals, but all zeros only if nothing was lost and 100 only if all was.
pub(crate) fn percent(ratio: f64, loss: Loss, digits: usize) -> String {
    let smallest = 0.1_f64.powi(digits as i32);
    let shown = if loss.failed == 0 || loss.failed == loss.finished {
        ratio * 100.0
    } else {
        (ratio * 100.0).clamp(smallest, 100.0 - smallest)
    };
    format!("{shown:.digits$}")
}

/// `text` with everything escaped that could move a cursor, break a line or turn the reading direction
/// (SAFETY T11): `\u{1b}` stands as those six letters.
pub fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if is_disruptive(character) {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    safe
}

pub(crate) fn fitted(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width - 1).chain(['…']).collect()
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
