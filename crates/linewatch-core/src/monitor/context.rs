//! What every part of the monitor needs to say something: the time, the numbers of events, the way out.

use crate::event::{Event, EventId, EventKind, RunId, Severity};
use crate::target::TargetId;
use crate::time::{Anchor, MonoTime, WallTime};

use super::Effect;
use super::calendar::Calendar;

/// Numbers the events of one run, from 0.
#[derive(Debug)]
pub(super) struct EventNumbers {
    run: RunId,
    next_seq: u64,
}

impl EventNumbers {
    pub(super) const fn new(run: RunId) -> Self {
        Self { run, next_seq: 0 }
    }

    fn next(&mut self) -> EventId {
        let id = EventId {
            run: self.run,
            seq: self.next_seq,
        };
        self.next_seq += 1;
        id
    }
}

/// One call of the monitor.
#[derive(Debug)]
pub(super) struct Context<'a> {
    /// Now, and its place on the calendar.
    pub(super) anchor: Anchor,
    /// Dates moments before now.
    pub(super) calendar: &'a Calendar,
    pub(super) numbers: &'a mut EventNumbers,
    pub(super) effects: &'a mut Vec<Effect>,
}

impl Context<'_> {
    pub(super) const fn now(&self) -> MonoTime {
        self.anchor.mono
    }

    /// What the calendar showed at a moment, before or after a suspension or a step.
    pub(super) fn wall_at(&self, at: MonoTime) -> WallTime {
        self.calendar.wall_at(at)
    }

    /// An event that begins at `at`. It is not handed on yet: see [`Context::publish`].
    pub(super) fn begin(
        &mut self,
        kind: EventKind,
        severity: Severity,
        target: Option<TargetId>,
        at: WallTime,
        message: String,
    ) -> Event {
        Event {
            id: self.numbers.next(),
            kind,
            severity,
            target,
            at,
            until: None,
            count: 1,
            excess: None,
            message,
        }
    }

    /// Hands the event on as it stands; the caller keeps it, to replace it when it ends.
    pub(super) fn publish(&mut self, event: &Event) {
        self.effects.push(Effect::Event(event.clone()));
    }
}
