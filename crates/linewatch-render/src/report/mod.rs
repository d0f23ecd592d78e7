//! Writes what a period of a line, or of all lines, was: one HTML document to print, to send and to keep.
//!
//! Input: measurements as [`ask`] collects them ([`Report`]) and a look ([`ReportStyle`]). Output: a document that needs
//! nothing else: no script, no picture of its own address, no font, no request; light, because it is paper. Every figure
//! is of [`Report`], counted once: the rows of days add up to the whole. Not here: which period is meant, and sending.

mod ask;
mod css;
mod digest;
mod lanes;
mod page;
mod rows;
mod tables;
mod verdict;
mod words;

use std::collections::HashMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use linewatch_core::event::{Event, OutageRow};
use linewatch_core::evidence::{Evidence, Figures, Verdict};
use linewatch_core::record::GapKind;
use linewatch_core::rollup::Rollup;
use linewatch_core::target::{Target, TargetId};
use linewatch_core::time::WallTime;

use crate::graph::GraphInput;
use crate::message::Language;

pub use ask::{ReportAsk, ReportSubject, ask};
pub(crate) use digest::Told as DigestTold;
pub use digest::{Digest, DigestRow, DigestSpan, digest_rows};

/// The word that means all targets instead of the id of one.
pub const FLEET: &str = "fleet";

/// The sheet it is printed on; on a screen both look alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paper {
    /// 210 x 297 mm.
    #[default]
    A4,
    /// 8.5 x 11 in.
    Letter,
}

impl Paper {
    /// The paper with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "a4" => Some(Self::A4),
            "letter" => Some(Self::Letter),
            _ => None,
        }
    }
}

/// A part that may be left out. Cover, periods left out and the sum are never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// What it comes to, in words.
    Verdict,
    /// Figures of the whole and of each day.
    Tables,
    /// Round trips and loss over time.
    Chart,
    /// Every outage.
    Outages,
    /// What happened elsewhere during the longest outage.
    Evidence,
    /// How it was measured.
    Method,
    /// Every event.
    Events,
}

impl Section {
    /// Every part, in the order of the document.
    pub const ALL: [Self; 7] = [
        Self::Verdict,
        Self::Tables,
        Self::Chart,
        Self::Outages,
        Self::Evidence,
        Self::Method,
        Self::Events,
    ];
    /// What is in it if nothing else is asked for: all but the events, of which there may be thousands.
    pub const USUAL: [Self; 6] = [
        Self::Verdict,
        Self::Tables,
        Self::Chart,
        Self::Outages,
        Self::Evidence,
        Self::Method,
    ];

    /// The word of addresses and of the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Verdict => "verdict",
            Self::Tables => "tables",
            Self::Chart => "chart",
            Self::Outages => "outages",
            Self::Evidence => "evidence",
            Self::Method => "method",
            Self::Events => "events",
        }
    }

    /// The part with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|section| section.word() == word)
    }
}

/// The look of a report.
#[derive(Clone, Debug)]
pub struct ReportStyle {
    /// For words.
    pub language: Language,
    /// For print.
    pub paper: Paper,
    /// What is in it.
    pub sections: Vec<Section>,
    /// Where the rows behind it can be had as CSV; `None` in a file, which leads nowhere.
    pub csv: Option<String>,
}

/// A document.
#[derive(Clone, Debug)]
pub struct Document {
    /// All of it.
    pub html: String,
    /// What stands in its only `style` element, for a content security policy that allows nothing else.
    pub style: String,
}

/// What was measured in a period.
#[derive(Clone, Debug)]
pub struct Report {
    /// Of all targets, or of one.
    pub is_fleet: bool,
    /// Begin; a whole multiple of [`Report::step`].
    pub from: WallTime,
    /// End; a whole multiple of the step too unless it is the moment of making.
    pub to: WallTime,
    /// The moment of making.
    pub made_at: WallTime,
    /// The zone of every printed time and of the days.
    pub zone: TimeZone,
    /// Which computer measured.
    pub vantage: String,
    /// The program's version.
    pub version: String,
    /// What figures are counted in: an outage is taken out in whole ones of these.
    pub step: Duration,
    /// Worst first; one, unless it is of all targets.
    pub lines: Vec<LineReport>,
    /// Newest first; only if asked for.
    pub events: Vec<Event>,
    /// What series are called.
    pub names: HashMap<TargetId, String>,
}

/// What one target was in the period.
#[derive(Clone, Debug)]
pub struct LineReport {
    /// Its id.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Its address as a person knows it; empty for nothing.
    pub address: String,
    /// How it is measured now; `None` of a target that was removed.
    pub target: Option<Target>,
    /// Everything.
    pub whole: Rollup,
    /// The same without every step that an outage touched.
    pub calm: Rollup,
    /// The same by the days (of a long period: months) of the zone.
    pub days: Vec<Day>,
    /// Spans that were not measured, by begin.
    pub gaps: Vec<GapSpan>,
    /// By begin.
    pub outages: Vec<OutageReport>,
    /// Time in which outcomes were known.
    pub measured: Duration,
    /// Share of that without outages, parts per million.
    pub availability_ppm: Option<u32>,
    /// Share of the period that was measured, parts per million.
    pub coverage_ppm: Option<u32>,
    /// For the picture.
    pub chart: Option<GraphInput>,
}

/// A day, or the part of it inside the period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    /// Begin.
    pub from: WallTime,
    /// End.
    pub to: WallTime,
    /// Of a whole month or a part of one.
    pub is_month: bool,
    /// Everything in it.
    pub rollup: Rollup,
}

/// A span inside the period in which this computer did not measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GapSpan {
    /// Begin.
    pub from: WallTime,
    /// End.
    pub to: WallTime,
    /// Why.
    pub kind: GapKind,
    /// Probes that were due in it.
    pub slots: u64,
}

/// One outage.
#[derive(Clone, Debug)]
pub struct OutageReport {
    /// As stored.
    pub row: OutageRow,
    /// Its end as far as it can be known; `None` while it goes on.
    pub to: Option<WallTime>,
    /// What is kept around it says.
    pub proof: Option<(Verdict, Figures)>,
    /// What is kept around it, of the longest outage only.
    pub kept: Vec<Evidence>,
}

impl OutageReport {
    /// How much of it lies inside the period.
    pub(crate) fn inside(&self, report: &Report) -> Duration {
        let end = self.to.unwrap_or(report.to).min(report.to);
        length(self.row.from.max(report.from), end)
    }
}

impl LineReport {
    /// Probes that were due and did not leave a record of their own.
    pub(crate) fn gap_slots(&self) -> u64 {
        self.gaps.iter().map(|gap| gap.slots).sum()
    }
}

/// The document of a report.
pub fn html(report: &Report, style: &ReportStyle) -> Document {
    page::document(report, style)
}

/// 0 where `to` is not after `from`.
pub(crate) fn length(from: WallTime, to: WallTime) -> Duration {
    Duration::from_nanos(u64::try_from(to.nanos_after(from)).unwrap_or(0))
}

#[cfg(test)]
mod tests;
