//! What the terminal view shows at one moment: targets with their figures and trails, and the newest events.
//!
//! `watch` fills it from the monitor's views and batches, `attach` from the API. Texts are made printable when they enter. Not
//! here: what the person chose to see (`keys`), how it looks.

use std::collections::VecDeque;
use std::time::Duration;

use linewatch_core::event::{EventKind, Severity};
use linewatch_core::record::Outcome;
use linewatch_core::time::{Rtt, WallTime};
use linewatch_core::view::{Grade, State};
use linewatch_render::text::printable;

use super::trail::{Sample, Trail};

/// Newest events kept: a few screens of them.
const EVENTS_KEPT: usize = 200;

/// How what is shown comes here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Link {
    /// It does.
    #[default]
    Live,
    /// It ends in order; the last probes are awaited.
    Stopping,
    /// The monitor does not answer; why.
    Broken(String),
}

/// Everything that can be shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fleet {
    /// As of.
    pub now: WallTime,
    /// How it comes here.
    pub link: Link,
    /// In no order.
    pub rows: Vec<Row>,
    events: VecDeque<EventLine>,
}

/// One target.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Tells it from all others while the view is open.
    pub key: u32,
    /// Its id at the API; its name otherwise.
    pub id: String,
    /// Printable.
    pub name: String,
    /// As it was written; printable.
    pub address: String,
    /// Two letters, or whatever was written; printable.
    pub country: String,
    /// `ICMP 1 s`.
    pub method: String,
    /// Slot to slot: a chart joins no points further apart than two and a half.
    pub interval: Duration,
    /// First axis.
    pub state: State,
    /// Which limits do not hold: `loss`, `jitter`, `rtt`.
    pub reasons: Vec<String>,
    /// Why it cannot be probed; printable.
    pub error: Option<String>,
    /// Second axis.
    pub grade: Option<Grade>,
    /// Since when it has the badge it has.
    pub since: Option<WallTime>,
    /// Newest finished probe.
    pub last: Option<LastProbe>,
    /// Median of the live window.
    pub p50: Option<Rtt>,
    /// 95th percentile of it.
    pub p95: Option<Rtt>,
    /// Mean absolute difference of adjacent replies in it.
    pub jitter: Option<Rtt>,
    /// Loss in it.
    pub loss_ppm: Option<u32>,
    /// Failed of finished probes in it, where both are known.
    pub failed_of: Option<(u64, u64)>,
    /// Lost probes in it.
    pub rto: u64,
    /// The last hour.
    pub trail: Trail,
}

/// The newest finished probe of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LastProbe {
    /// Send.
    pub at: WallTime,
    /// What became of it.
    pub outcome: Outcome,
    /// Wire RTT.
    pub rtt: Option<Rtt>,
    /// Host RTT.
    pub host_rtt: Option<Rtt>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventLine {
    /// One with a known id replaces that one.
    pub id: String,
    /// Begin.
    pub at: WallTime,
    /// What.
    pub kind: EventKind,
    /// How bad.
    pub severity: Severity,
    /// It is over.
    pub is_over: bool,
    /// Whom it concerns; printable.
    pub target: Option<String>,
    /// The core's sentence; printable.
    pub message: String,
}

/// What stands first in a row: the state where it takes the grade's place, else the grade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Badge {
    Excellent,
    Good,
    Fair,
    Poor,
    Critical,
    Down,
    Stale,
    Error,
    Waiting,
    Paused,
}

impl Badge {
    /// How early it stands in the order "worst first" (UI.md 4.2).
    pub(crate) const fn weight(self) -> u8 {
        match self {
            Self::Error => 0,
            Self::Down => 1,
            Self::Critical => 2,
            Self::Stale => 3,
            Self::Poor => 4,
            Self::Fair => 5,
            Self::Good => 6,
            Self::Excellent => 7,
            Self::Waiting => 8,
            Self::Paused => 9,
        }
    }
}

impl Row {
    /// A target nothing is known of yet.
    pub(crate) fn new(key: u32, id: &str, name: &str, address: &str) -> Self {
        Self {
            key,
            id: id.to_owned(),
            name: printable(name),
            address: printable(address),
            country: String::new(),
            method: String::new(),
            interval: Duration::from_secs(1),
            state: State::Waiting,
            reasons: Vec::new(),
            error: None,
            grade: None,
            since: None,
            last: None,
            p50: None,
            p95: None,
            jitter: None,
            loss_ppm: None,
            failed_of: None,
            rto: 0,
            trail: Trail::default(),
        }
    }

    /// See [`Badge`].
    pub(crate) const fn badge(&self) -> Badge {
        match (self.state, self.grade) {
            (State::Paused, _) => Badge::Paused,
            (State::Error, _) => Badge::Error,
            (State::Waiting, _) => Badge::Waiting,
            (State::Stale, _) => Badge::Stale,
            (State::Down, _) => Badge::Down,
            (_, Some(Grade::Excellent)) => Badge::Excellent,
            (_, Some(Grade::Good)) => Badge::Good,
            (_, Some(Grade::Fair)) => Badge::Fair,
            (_, Some(Grade::Poor)) => Badge::Poor,
            (_, Some(Grade::Critical)) => Badge::Critical,
            // No answer in the window and yet no outage: nothing can be said of its speed.
            (State::Ok | State::Warn | State::Bad, None) => Badge::Waiting,
        }
    }

    /// OK, WARN or BAD; nothing where the state is the badge.
    pub(crate) const fn status(&self) -> Option<State> {
        match self.state {
            State::Ok | State::Warn | State::Bad => Some(self.state),
            State::Paused | State::Error | State::Waiting | State::Stale | State::Down => None,
        }
    }

    /// A finished probe, or a bin of them: the newest becomes the last one.
    pub(crate) fn add(&mut self, last: LastProbe, sample: &Sample) {
        if self.last.is_none_or(|known| known.at <= last.at) {
            self.last = Some(last);
        }
        self.trail.add(sample);
    }
}

impl Fleet {
    /// These targets and no events.
    #[cfg(test)]
    pub(crate) fn of(now: WallTime, rows: Vec<Row>) -> Self {
        Self {
            now,
            rows,
            ..Self::default()
        }
    }

    /// The target with this key.
    pub(crate) fn row(&self, key: u32) -> Option<&Row> {
        self.rows.iter().find(|row| row.key == key)
    }

    /// The same, to be changed.
    pub(crate) fn row_mut(&mut self, key: u32) -> Option<&mut Row> {
        // Keys are given from 1 on in the order of the rows, mostly.
        let place = (key as usize).wrapping_sub(1);
        let is_there = self.rows.get(place).is_some_and(|row| row.key == key);
        let found = || self.rows.iter().position(|row| row.key == key);
        let place = if is_there { Some(place) } else { found() };
        place.and_then(|place| self.rows.get_mut(place))
    }

    /// Notes an event.
    pub(crate) fn note(&mut self, event: EventLine) {
        if let Some(known) = self.events.iter_mut().find(|known| known.id == event.id) {
            *known = event;
            return;
        }
        let place = self.events.partition_point(|known| known.at > event.at);
        self.events.insert(place, event);
        self.events.truncate(EVENTS_KEPT);
    }

    /// Newest first.
    pub(crate) fn events(&self) -> impl Iterator<Item = &EventLine> {
        self.events.iter()
    }
}
