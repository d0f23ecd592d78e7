//! Carries what is to be told: numbers and dates, no words. Bounded, whatever happens to a thousand targets at once.

use crate::event::{EventId, Severity};
use crate::target::TargetId;
use crate::time::WallTime;

use super::Kind;

/// What is new about a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Telling {
    /// It began.
    Began,
    /// It is over.
    Ended,
    /// Nobody watches its target any more, because a person stopped or removed it; what became of it is unknown.
    Withdrawn,
    /// It lasts, and nobody acknowledged it.
    Escalated,
}

impl Telling {
    /// Every telling.
    pub const ALL: [Self; 4] = [Self::Began, Self::Ended, Self::Withdrawn, Self::Escalated];

    /// The word in the stored and the sent JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Began => "began",
            Self::Ended => "ended",
            Self::Withdrawn => "withdrawn",
            Self::Escalated => "escalated",
        }
    }

    /// The telling with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|telling| telling.word() == word)
    }
}

/// One fault of one target, as far as it is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Whose; `None`: the monitor's own.
    pub target: Option<TargetId>,
    /// The target's name in addresses of pages, then; empty for the monitor.
    pub slug: String,
    /// What a person called the target then.
    pub name: String,
    /// Its address then.
    pub address: String,
    /// What.
    pub kind: Kind,
    /// What is new about it.
    pub telling: Telling,
    /// When it began, by the calendar as it was then.
    pub since: WallTime,
    /// When it ended; `None` while it lasts.
    pub until: Option<WallTime>,
    /// Its length so far, in nanoseconds: monotonic, except over a restart of the monitor.
    pub duration_ns: u64,
    /// Finished probes inside an outage.
    pub sent: u64,
    /// Failures among them.
    pub lost: u64,
    /// Outages: 1, or how many while it was flapping.
    pub outages: u64,
    /// The worst value of a fault with a limit: ms, or a ratio.
    pub value: Option<f64>,
    /// That limit.
    pub limit: Option<f64>,
    /// The event that stands for it in the log of events.
    pub event: Option<EventId>,
}

/// Why several targets failed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CauseKind {
    /// All of them are reached through this one, which is down itself.
    Behind(TargetId),
    /// Every target failed: the fault is likely near this computer.
    EveryTarget,
}

/// One cause of several faults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Which.
    pub kind: CauseKind,
    /// The name of the target they are behind; empty if that is not the cause.
    pub name: String,
    /// Targets it concerns, the one they are behind not counted.
    pub targets: u64,
    /// Names of the first of them ([`crate::limits::ALERT_NAMES`]).
    pub names: Vec<String>,
}

/// One message, before it is worded.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    /// From 1, never given twice by one vantage.
    pub serial: u64,
    /// When it was decided.
    pub at: WallTime,
    /// Destinations; empty: everybody.
    pub to: Vec<String>,
    /// Of its worst item.
    pub severity: Severity,
    /// What several faults have in common.
    pub causes: Vec<Cause>,
    /// At least one, in the order they became known; at most [`crate::limits::ALERT_ITEMS`].
    pub items: Vec<Item>,
    /// Items there was no room for.
    pub more: u64,
}
