//! Writes stored history for other programs: CSV, JSON, NDJSON and Influx lines, portion by portion in bounded memory.
//!
//! Input: the door [`History`], asked for a portion at a time, so that no transaction lasts. Output: bytes into any
//! writer. Times are UTC (RFC 3339), lengths carry their unit in the name, a gap is a row of its own kind.
//! Not here: choosing what is exported (the command line, the page), files and sockets.

mod csv_rows;
mod influx;
mod objects;
mod portion;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use linewatch_core::port::{History, HistoryError, StoredSample};
use linewatch_core::record::Gap;
use linewatch_core::rollup::{Resolution, Rollup};
use linewatch_core::target::TargetId;
use linewatch_core::time::WallTime;

pub(crate) use csv_rows::inert;
use portion::Reading;
pub use portion::samples_of;

/// How history is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180, with a header; text cells that a spreadsheet would take for a formula begin with an apostrophe.
    Csv,
    /// One array of objects.
    Json,
    /// One object a line.
    Ndjson,
    /// InfluxDB line protocol, times in nanoseconds.
    Influx,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Csv, Self::Json, Self::Ndjson, Self::Influx];

    /// The word used in every interface.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Influx => "influx",
        }
    }

    /// The format with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.word() == word)
    }

    /// Its media type (RFC 4180, RFC 8259; the other two have none registered).
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Influx => "text/plain; charset=utf-8",
        }
    }

    /// How names of such files end, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            // As `influx write` and Telegraf's file input name them.
            Self::Influx => "lp",
        }
    }
}

/// How fine history is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// Every single probe.
    Raw,
    /// Buckets of this length.
    Buckets(Resolution),
}

impl Grain {
    /// Every grain, finest first.
    pub const ALL: [Self; 5] = [
        Self::Raw,
        Self::Buckets(Resolution::Second),
        Self::Buckets(Resolution::Minute),
        Self::Buckets(Resolution::TenMinutes),
        Self::Buckets(Resolution::Hour),
    ];

    /// The word used in every interface.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Buckets(resolution) => resolution.word(),
        }
    }

    /// The grain with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grain| grain.word() == word)
    }
}

/// A target as it is exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its lasting id: the `target` of every row.
    pub slug: String,
    /// Its newest name.
    pub name: String,
    /// Every series of it: a new address began a new one.
    pub series: Vec<TargetId>,
}

/// What is exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// In this order.
    pub sources: Vec<Source>,
    /// Begin; of buckets, that of the bucket which holds it.
    pub from: WallTime,
    /// End; of buckets, that of the bucket which holds it.
    pub to: WallTime,
    /// How fine.
    pub grain: Grain,
    /// How.
    pub format: Format,
    /// Samples of one portion at most, some 300 bytes of memory each: what bounds both a transaction and the memory.
    pub portion_samples: usize,
}

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Row {
    /// A probe, or an answer beside it.
    Sample(StoredSample),
    /// What the probes of one span became.
    Bucket(WallTime, Resolution, Rollup),
    /// A hole in the measurement.
    Gap(Gap),
}

impl Row {
    fn at(&self) -> WallTime {
        match self {
            Self::Sample(sample) => sample.at,
            Self::Bucket(at, ..) => *at,
            Self::Gap(gap) => gap.from,
        }
    }
}

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The history cannot be read.
    #[error("{0}")]
    History(#[from] HistoryError),
    /// The bytes cannot be written.
    #[error("{0}")]
    Write(#[from] io::Error),
}

/// An export under way.
#[derive(Debug)]
pub struct Export {
    request: Request,
    reading: Reading,
    is_begun: bool,
    rows: u64,
}

impl Export {
    /// Begins before the first row.
    pub fn new(request: Request) -> Self {
        Self {
            reading: Reading::new(&request),
            request,
            is_begun: false,
            rows: 0,
        }
    }

    /// Asks for the next portion and writes it; `false` when that was the last, and the text is whole.
    ///
    /// # Errors
    ///
    /// [`ExportError`]: the history cannot be read, or `out` takes no more.
    pub fn step(&mut self, history: &dyn History, out: &mut impl Write) -> Result<bool, ExportError> {
        let portion = self.reading.next(history, &self.request)?;
        if !std::mem::replace(&mut self.is_begun, true) {
            match self.request.format {
                Format::Csv => csv_rows::header(out, self.request.grain)?,
                Format::Json => out.write_all(b"[")?,
                Format::Ndjson | Format::Influx => {}
            }
        }
        let Some((source, rows)) = portion else {
            if self.request.format == Format::Json {
                out.write_all(if self.rows == 0 { b"]\n" } else { b"\n]\n" })?;
            }
            return Ok(false);
        };
        let source = &self.request.sources[source];
        match self.request.format {
            Format::Csv => csv_rows::write(out, self.request.grain, source, &rows)?,
            Format::Json => {
                for (index, row) in (self.rows..).zip(&rows) {
                    out.write_all(if index == 0 { b"\n" } else { b",\n" })?;
                    out.write_all(objects::line_of(source, row).as_bytes())?;
                }
            }
            Format::Ndjson => {
                for row in &rows {
                    out.write_all(objects::line_of(source, row).as_bytes())?;
                    out.write_all(b"\n")?;
                }
            }
            Format::Influx => rows.iter().try_for_each(|row| influx::write(out, source, row))?,
        }
        self.rows += rows.len() as u64;
        Ok(true)
    }

    /// Rows written so far.
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// How much of the asked time has been written, 0 to 1.
    pub fn done_ratio(&self) -> f64 {
        self.reading.done_ratio(&self.request)
    }
}

/// Milliseconds with every digit that is not zero: `12.345`, `0.000001`, `7`.
pub(crate) fn ms_text(nanos: u64) -> String {
    let (whole, rest) = (nanos / 1_000_000, nanos % 1_000_000);
    if rest == 0 {
        return whole.to_string();
    }
    format!("{whole}.{rest:06}").trim_end_matches('0').to_owned()
}
