//! Names what happened, for the log of events: kinds, severities, and the rows that are kept.
//!
//! Everything is addressed by (vantage, run, seq): the vantage is the database's, the run counts starts.
//! Not here: deciding that something happened (`monitor`), telling anybody (`alert`).

use crate::outage::OpenedBy;
use crate::target::TargetId;
use crate::time::{Rtt, WallTime};

/// Which start of the monitor: 1 for the first with this database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub u64);

/// One event or outage of one vantage: unique for ever, written `run-seq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// The start it belongs to.
    pub run: RunId,
    /// From 0 per run; events and outages share the count.
    pub seq: u64,
}

impl std::fmt::Display for EventId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.run.0, self.seq)
    }
}

/// What happened (INTERFACE.md "Event types").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A target went down or came back.
    Outage,
    /// A run of failed probes.
    PacketLoss,
    /// An episode above the latency threshold.
    ThresholdExceeded,
    /// Jitter above its limit.
    Jitter,
    /// No finished probe for too long.
    Stale,
    /// No route or no link: ours.
    LocalOutage,
    /// A name has no address.
    DnsFailed,
    /// A name has another address: a new series.
    AddressChanged,
    /// A target was added.
    TargetAdded,
    /// Its settings were changed, it was started or stopped.
    TargetChanged,
    /// It was removed; its history stays.
    TargetRemoved,
    /// The monitor began.
    Started,
    /// It ended in order.
    Stopped,
    /// It had been killed; found at the next start.
    Interrupted,
    /// The calendar clock was set.
    ClockStepped,
    /// The computer slept.
    Suspended,
    /// The disk is trouble; live view goes on.
    StorageDegraded,
    /// The disk is full.
    StorageFull,
    /// An alert could not be delivered.
    AlertFailed,
    /// Somebody tried a password.
    LoginFailed,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 20] = [
        Self::Outage,
        Self::PacketLoss,
        Self::ThresholdExceeded,
        Self::Jitter,
        Self::Stale,
        Self::LocalOutage,
        Self::DnsFailed,
        Self::AddressChanged,
        Self::TargetAdded,
        Self::TargetChanged,
        Self::TargetRemoved,
        Self::Started,
        Self::Stopped,
        Self::Interrupted,
        Self::ClockStepped,
        Self::Suspended,
        Self::StorageDegraded,
        Self::StorageFull,
        Self::AlertFailed,
        Self::LoginFailed,
    ];

    /// The word used in every interface and in the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Outage => "outage",
            Self::PacketLoss => "packet_loss",
            Self::ThresholdExceeded => "threshold_exceeded",
            Self::Jitter => "jitter",
            Self::Stale => "stale",
            Self::LocalOutage => "local_outage",
            Self::DnsFailed => "dns_failed",
            Self::AddressChanged => "address_changed",
            Self::TargetAdded => "target_added",
            Self::TargetChanged => "target_changed",
            Self::TargetRemoved => "target_removed",
            Self::Started => "started",
            Self::Stopped => "stopped",
            Self::Interrupted => "interrupted",
            Self::ClockStepped => "clock_stepped",
            Self::Suspended => "suspended",
            Self::StorageDegraded => "storage_degraded",
            Self::StorageFull => "storage_full",
            Self::AlertFailed => "alert_failed",
            Self::LoginFailed => "login_failed",
        }
    }

    /// What the count of such an event counts, as a word for every interface: a number without its unit misleads.
    pub const fn counted(self) -> &'static str {
        match self {
            Self::Outage | Self::PacketLoss => "lost_probes",
            Self::Suspended | Self::ClockStepped => "unmeasured_probes",
            Self::LocalOutage => "targets",
            Self::ThresholdExceeded
            | Self::Jitter
            | Self::Stale
            | Self::DnsFailed
            | Self::AddressChanged
            | Self::TargetAdded
            | Self::TargetChanged
            | Self::TargetRemoved
            | Self::Started
            | Self::Stopped
            | Self::Interrupted
            | Self::StorageDegraded
            | Self::StorageFull
            | Self::AlertFailed
            | Self::LoginFailed => "times",
        }
    }

    /// A short trouble that is told again while it goes on: as often as every few seconds.
    pub const fn is_episode(self) -> bool {
        matches!(self, Self::PacketLoss | Self::ThresholdExceeded | Self::Jitter)
    }

    /// The kind with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Severity {
    /// Good to know.
    Info = 0,
    /// Worth a look.
    Warning = 1,
    /// Something is down.
    Critical = 2,
}

impl Severity {
    /// The word used in every interface.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// The severity with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Info, Self::Warning, Self::Critical]
            .into_iter()
            .find(|severity| severity.word() == word)
    }
}

/// By how much something was above its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excess {
    /// The greatest that was measured.
    pub peak: Rtt,
    /// The limit as it was then.
    pub limit: Rtt,
}

/// One row of the event log. An event with the id of an earlier one replaces it (an outage that closed).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its address.
    pub id: EventId,
    /// What.
    pub kind: EventKind,
    /// How bad.
    pub severity: Severity,
    /// Whom it concerns; `None`: the monitor itself.
    pub target: Option<TargetId>,
    /// When it began.
    pub at: WallTime,
    /// When it ended, by the calendar as it was then; `None` while it goes on, equal to `at` for a moment, and before
    /// `at` if the clock was set back meanwhile.
    pub until: Option<WallTime>,
    /// How many of what [`EventKind::counted`] says.
    pub count: u64,
    /// What was measured, of an event that is about a limit.
    pub excess: Option<Excess>,
    /// One English sentence, without the target's name and without markup; other languages are made
    /// from the other fields.
    pub message: String,
}

/// One outage as kept for ever.
///
/// Its length is monotonic: neither a set clock nor a suspension makes it longer or shorter. Each end has the date
/// the calendar showed at its own moment. Over a suspension `to - from` is therefore longer than the length, over a
/// clock set forward as well, and over one set back `to` may lie before `from`: never take the difference for the length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutageRow {
    /// Its address; also that of its event.
    pub id: EventId,
    /// Whose.
    pub target: TargetId,
    /// Send time of the first lost probe, by the calendar as it was then.
    pub from: WallTime,
    /// Send time of the first reply that closed it, or when it was stopped, by the calendar as it was then; `None`
    /// while it goes on.
    pub to: Option<WallTime>,
    /// Length on the monotonic clock, in nanoseconds; so far while it goes on.
    pub duration_ns: u64,
    /// Which rule opened it.
    pub opened_by: OpenedBy,
    /// Finished probes sent inside.
    pub sent: u64,
    /// Failures among them.
    pub lost: u64,
    /// Uncertainty of each end: one interval.
    pub uncertainty_ns: u64,
}

/// One line of the system log as kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRow {
    /// When.
    pub at: WallTime,
    /// `debug`, `info`, `warn`, `error`.
    pub level: String,
    /// Which part of the program.
    pub module: String,
    /// One line.
    pub message: String,
}
