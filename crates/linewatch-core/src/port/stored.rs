//! Names what history is asked and what it tells: series, samples, buckets.

use std::time::Duration;

use crate::event::{EventId, EventKind, OutageRow};
use crate::evidence::{Part, Span};
use crate::record::{Class, Gap, Outcome, StrayKind};
use crate::rollup::{Resolution, Rollup};
use crate::target::TargetId;
use crate::time::{Rtt, WallTime};

/// One series that was ever stored: a target at one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTarget {
    /// Its series.
    pub id: TargetId,
    /// The target's lasting id.
    pub slug: String,
    /// Its newest name.
    pub name: String,
    /// What was probed: an IP address, or a name that had none.
    pub address: String,
}

/// One stored probe or stray, as `/api/v1/samples` and exports show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredSample {
    /// Which start.
    pub run: u64,
    /// Its number in that run.
    pub seq: u64,
    /// When it was sent (its slot if it never was).
    pub at: WallTime,
    /// What became of it.
    pub outcome: Outcome,
    /// Wire RTT.
    pub rtt: Option<Rtt>,
    /// Host RTT.
    pub host_rtt: Option<Rtt>,
    /// Lateness in nanoseconds.
    pub lateness_ns: u64,
    /// Accuracy.
    pub class: Class,
    /// A name of [`crate::record::Cause::name`], as an index would be: `None` when nothing is known.
    pub cause: crate::record::Cause,
    /// Out of order.
    pub is_reordered: bool,
    /// Present for a late or duplicate answer: a second row of the same probe.
    pub stray: Option<StrayKind>,
}

/// Which rows of events, outages or logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowQuery {
    /// Only these series; `None`: all.
    pub targets: Option<Vec<TargetId>>,
    /// Only this kind of event.
    pub kind: Option<EventKind>,
    /// At least this severity.
    pub severity: Option<crate::event::Severity>,
    /// At least this log level: `debug`, `info`, `warn`, `error`.
    pub level: Option<String>,
    /// Begun at or after.
    pub from: Option<WallTime>,
    /// Begun before.
    pub to: Option<WallTime>,
    /// Only rows older than this one (paging).
    pub before: Option<EventId>,
    /// At most this many, newest first.
    pub limit: usize,
}

/// Which samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleQuery {
    /// The series.
    pub target: TargetId,
    /// Sent at or after.
    pub from: WallTime,
    /// Sent before.
    pub to: WallTime,
    /// At most this many, oldest first.
    pub limit: usize,
}

/// An outage that is not wholly proved yet, and what is kept of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unproved {
    /// Which.
    pub outage: OutageRow,
    /// The parts that are kept.
    pub kept: Vec<Part>,
}

/// What is to be collected around an outage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceQuery {
    /// Of which outage.
    pub outage: EventId,
    /// Whose.
    pub target: TargetId,
    /// Of which time.
    pub span: Span,
    /// Series of its gateway, the likeliest first: the first that was measured in the span is it.
    pub gateways: Vec<TargetId>,
}

/// Which rollups, and how fine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesQuery {
    /// The series.
    pub target: TargetId,
    /// Begin; rounded down to a whole bucket.
    pub from: WallTime,
    /// End, after `from`; rounded up to a whole bucket.
    pub to: WallTime,
    /// At most this many buckets, at least 1: the caller bounds it ([`crate::limits::SERIES_POINTS`] for a screen).
    pub points: usize,
}

/// What a series was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeriesSource {
    /// The single samples.
    Raw,
    /// Rollups of this tier, and for the newest time the finer ones that are not in it yet.
    Tier(Resolution),
}

impl SeriesSource {
    /// The word used in every interface.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Tier(resolution) => resolution.word(),
        }
    }
}

/// One bucket of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesPoint {
    /// Its begin.
    pub at: WallTime,
    /// What the probes sent in it became.
    pub rollup: Rollup,
}

/// A span of one series in even buckets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Begin of the first bucket.
    pub from: WallTime,
    /// End of the last.
    pub to: WallTime,
    /// Length of each: a whole multiple of the source's. Begins are whole multiples of it since 1970.
    pub bucket: Duration,
    /// What it was read from.
    pub source: SeriesSource,
    /// By time; a bucket in which no probe finished is left out.
    pub points: Vec<SeriesPoint>,
    /// Holes that touch the span, by begin; those of one kind closer than a bucket are one.
    pub gaps: Vec<Gap>,
}
