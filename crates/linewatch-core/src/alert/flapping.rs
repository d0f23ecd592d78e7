//! Counts how often a target goes down, and says when that is flapping: [`limits::FLAPPING_OUTAGES`] within
//! [`limits::FLAPPING_WINDOW`] (MEASURING.md "Hysteresis").

use std::collections::VecDeque;
use std::time::Duration;

use crate::limits;
use crate::time::{Anchor, MonoTime, WallTime};

/// One target's recent outages.
#[derive(Clone, Debug, Default)]
pub(super) struct Flaps {
    /// When the newest began, oldest first; at most one more than makes it flapping is of interest.
    starts: VecDeque<(MonoTime, WallTime)>,
    /// Since when it flaps.
    since: Option<WallTime>,
    /// Outages since then.
    outages: u64,
    /// Their length together.
    down: Duration,
}

/// What a stretch of flapping was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flapped {
    pub since: WallTime,
    pub outages: u64,
    pub down: Duration,
}

impl Flaps {
    /// An outage began; true when it is the one that makes it flapping.
    pub(super) fn went_down(&mut self, from: MonoTime, now: Anchor) -> bool {
        self.starts.push_back((from, now.wall_at(from)));
        self.forget(now.mono);
        if self.since.is_some() {
            self.outages += 1;
            return false;
        }
        if self.starts.len() < limits::FLAPPING_OUTAGES {
            return false;
        }
        self.since = self.starts.front().map(|&(_, wall)| wall);
        self.outages = self.starts.len() as u64;
        true
    }

    /// An outage is over.
    pub(super) fn came_up(&mut self, length: Duration) {
        self.down = self.down.saturating_add(length);
    }

    pub(super) fn is_flapping(&self) -> bool {
        self.since.is_some()
    }

    /// So far; `None` if it does not flap.
    pub(super) fn so_far(&self) -> Option<Flapped> {
        Some(Flapped {
            since: self.since?,
            outages: self.outages,
            down: self.down,
        })
    }

    /// When [`Flaps::settle`] may have something to say.
    pub(super) fn deadline(&self) -> Option<MonoTime> {
        let &(oldest, _) = self.starts.front()?;
        Some(oldest.plus(limits::FLAPPING_WINDOW))
    }

    /// What it was, if it is over by now.
    pub(super) fn settle(&mut self, now: MonoTime) -> Option<Flapped> {
        self.forget(now);
        if self.starts.len() >= limits::FLAPPING_OUTAGES {
            return None;
        }
        let flapped = self.so_far();
        if self.starts.is_empty() || flapped.is_some() {
            (self.since, self.outages, self.down) = (None, 0, Duration::ZERO);
        }
        flapped
    }

    /// Neither flapping nor about to.
    pub(super) fn is_idle(&self) -> bool {
        self.starts.is_empty() && self.since.is_none()
    }

    fn forget(&mut self, now: MonoTime) {
        while self
            .starts
            .front()
            .is_some_and(|&(at, _)| now.since(at) >= limits::FLAPPING_WINDOW)
            || self.starts.len() > limits::FLAPPING_KEPT
        {
            self.starts.pop_front();
        }
    }
}
