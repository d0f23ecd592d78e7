//! Writes what a session prints: S3's preamble, its table of ten-second rows, and how well this computer kept the pace.
//!
//! Words come from the catalogue of the console. Columns: the files' widths behind a wider time range. Not here: when a row
//! is complete (`tally`), and the summary (`text`).

use std::time::Duration;

use jiff::tz::TimeZone;

use super::files::avg_text;
use super::row::Row;
use super::{CONSOLE_S, Facts};
use crate::console_words::ConsoleWords;
use crate::message::Language;
use crate::text::{HEADER_EVERY_ROWS, TARGET_CHARS_MAX, fitted, printable, zone_line};
use crate::when::{clock_time, date_time};
use crate::words::duration_text;

/// What the preamble tells beside the facts.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// Where the files are.
    pub folder: &'a str,
    /// How often they are written.
    pub write_interval: Duration,
}

/// S3-23, and the zone of the times below.
pub fn preamble(facts: &Facts, start: Start<'_>, language: Language) -> Vec<String> {
    let words = ConsoleWords::of(language).session;
    let write_s = start.write_interval.as_secs();
    let threshold = (facts.loss_threshold * 1000.0).round() / 10.0;
    let fill = |pattern: &str, value: &str| pattern.replace("{}", value);
    let mut lines = vec![
        words.started.to_owned(),
        fill(words.threshold, &threshold.to_string()),
        fill(words.folder, &printable(start.folder)),
        fill(words.update, &CONSOLE_S.to_string()),
        fill(words.memory, &facts.max_seconds.to_string()),
    ];
    if write_s != CONSOLE_S {
        lines.push(fill(words.writes, &write_s.to_string()));
    }
    lines.push(zone_line(facts.started, &facts.zone, language));
    lines.push("-".repeat(120));
    lines
}

/// The table: knows its columns and when the header is due.
#[derive(Clone, Debug)]
pub struct ConsoleTable {
    /// `None` with one target.
    target_chars: Option<usize>,
    /// On a terminal.
    repeats_header: bool,
    rows: usize,
    zone: TimeZone,
    words: ConsoleWords,
}

impl ConsoleTable {
    /// A table; with a column for the target if there are several.
    pub fn new(targets: &[&str], repeats_header: bool, zone: TimeZone, language: Language) -> Self {
        let words = ConsoleWords::of(language);
        let widest = targets.iter().map(|target| target.chars().count()).max();
        let narrowest = words.target.chars().count();
        let target_chars =
            (targets.len() > 1).then(|| widest.unwrap_or(0).clamp(narrowest, TARGET_CHARS_MAX));
        Self {
            target_chars,
            repeats_header,
            rows: 0,
            zone,
            words,
        }
    }

    /// The lines of one row: the header before it where one is due.
    pub fn row(&mut self, target: &str, row: &Row) -> Vec<String> {
        let mut lines = Vec::with_capacity(2);
        if self.rows == 0 || (self.repeats_header && self.rows.is_multiple_of(HEADER_EVERY_ROWS)) {
            let [sent, received, avg, success, failed, _] = self.words.columns;
            let span = format!("{} ({CONSOLE_S}s)", self.words.time_range);
            let cells = [&span, sent, received, avg, success, failed, self.words.outage];
            lines.push(self.line(self.words.target, cells));
        }
        self.rows += 1;
        let last = row.from.plus(Duration::from_secs(CONSOLE_S - 1));
        let span = format!(
            "{} - {}",
            date_time(row.from, &self.zone),
            clock_time(last, &self.zone)
        );
        let [sent, received, failed] = [row.sent, row.received, row.failed].map(|count| count.to_string());
        let avg = self.words.number(&avg_text(row.avg()));
        let outage = if row.is_outage {
            self.words.yes
        } else {
            self.words.no
        };
        let cells = [&span, &*sent, &*received, &*avg, &*received, &*failed, outage];
        lines.push(self.line(target, cells));
        lines
    }

    fn line(&self, target: &str, cells: [&str; 7]) -> String {
        let target = match self.target_chars {
            Some(width) => format!("{:<width$}  ", fitted(&printable(target), width)),
            None => String::new(),
        };
        let [span, sent, received, avg, success, failed, outage] = cells;
        format!("{target}{span:<33} {sent:<12} {received:<12} {avg:<18} {success:<12} {failed:<12} {outage}")
    }
}

/// How often this computer really sent, and how late: nobody has to believe the interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Achieved {
    /// By the interval.
    pub asked_per_s: f64,
    /// From the first to the last probe that left.
    pub achieved_per_s: f64,
    /// Median lateness.
    pub p50: Duration,
    /// 99th percentile of it.
    pub p99: Duration,
    /// Greatest.
    pub max: Duration,
}

impl Achieved {
    /// Two lines for a person.
    pub fn lines(&self, language: Language) -> [String; 2] {
        let words = ConsoleWords::of(language);
        let [before, of, behind] = words.session.achieved;
        let ms = |length: Duration| format!("{:.2} ms", length.as_secs_f64() * 1000.0);
        let rate = format!(
            "{before}{:.2}{of}{:.2}{behind}",
            self.achieved_per_s, self.asked_per_s
        );
        let lateness = format!("p50 {}, p99 {}, max {}", ms(self.p50), ms(self.p99), ms(self.max));
        let lateness = words.number(&lateness);
        [
            words.number(&rate),
            format!("{}: {lateness}", words.session.lateness),
        ]
    }

    pub(super) fn file_line(&self) -> String {
        self.lines(Language::English).join("\n") + "\n"
    }
}

/// A sentence about answers that came after the time-out; `None` without any.
pub fn late_line(late: u64, facts: &Facts, language: Language) -> Option<String> {
    let [before, middle, behind] = ConsoleWords::of(language).session.late;
    (late > 0).then(|| format!("{before}{late}{middle}{}{behind}", duration_text(facts.timeout)))
}
