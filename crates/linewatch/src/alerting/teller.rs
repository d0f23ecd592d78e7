//! Runs the rules beside the monitor: hears its effects, and puts what is to be told into the store.
//!
//! Lives in the monitor's thread and waits for nobody: the store keeps what it has no room for and writes it later. What the rules
//! remember travels with what they tell, in one message, so that one transaction holds both. Not here: rules, delivery.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use linewatch_core::alert::{Notification, Policy, Snapshot, Watch};
use linewatch_core::event::EventKind;
use linewatch_core::monitor::Effect;
use linewatch_core::time::{Anchor, MonoTime};

/// Takes what is told, and what the rules remember from then on.
pub(crate) type Put = Box<dyn Fn(&[Notification], &Snapshot) + Send>;

/// The way of what is told; neither waits for anything.
pub(crate) struct Way {
    /// Keeps what is told, and what the rules remember from then on.
    pub put: Put,
    /// The line is back: whatever could not be delivered may be now.
    pub line_is_back: Box<dyn Fn() + Send>,
    /// When the monitor was last seen turning, in nanoseconds of the monotonic clock.
    pub turned_at: Arc<AtomicU64>,
}

/// The rules at work.
pub(crate) struct Teller {
    /// What is watched and what is wrong with it.
    pub(crate) watch: Watch,
    way: Way,
}

impl Teller {
    /// Watches nothing yet, and tells nothing before [`Watch::begin`]: what an earlier start `left` is still to be taken up.
    pub(crate) fn new(policy: Policy, left: Snapshot, way: Way) -> Self {
        let mut watch = Watch::new(policy);
        watch.keep(left);
        Self { watch, way }
    }

    /// Hears what the monitor wants done.
    pub(crate) fn hear(&mut self, effects: &[Effect], now: Anchor) {
        // Asked only where an outage ends: it looks at every target.
        let was_cut_off = effects.iter().any(is_end_of_an_outage) && self.watch.is_cut_off();
        self.watch.hear(effects, now);
        if effects.iter().any(is_end_of_a_local_outage) || (was_cut_off && !self.watch.is_cut_off()) {
            (self.way.line_is_back)();
        }
    }

    /// When there is something to tell before the next second is over.
    pub(crate) fn due_at(&self) -> MonoTime {
        self.watch.due_at().unwrap_or(MonoTime::MAX)
    }

    /// Tells what is due.
    pub(crate) fn turn(&mut self, now: Anchor) {
        let mut told = Vec::new();
        self.watch.turn(now, &mut told);
        self.put(&told, now);
    }

    /// Once a second: looks at the calendar too.
    pub(crate) fn tick(&mut self, now: Anchor) {
        self.way.turned_at.store(now.mono.as_nanos(), Ordering::Relaxed);
        let mut told = Vec::new();
        self.watch.tick(now, &mut told);
        self.put(&told, now);
    }

    /// What the rules remember has changed although nothing is told: somebody has taken notice.
    pub(crate) fn remember(&self, now: Anchor) {
        (self.way.put)(&[], &self.watch.snapshot(now));
    }

    /// The end, with what the monitor said last.
    pub(crate) fn finish(&mut self, last: &[Effect], now: Anchor) {
        let mut told = Vec::new();
        let snapshot = self.watch.finish(last, now, &mut told);
        (self.way.put)(&told, &snapshot);
    }

    fn put(&mut self, told: &[Notification], now: Anchor) {
        // What the cap of messages an hour holds back is told by nobody if it is lost here.
        if self.watch.take_unsaved() || !told.is_empty() {
            (self.way.put)(told, &self.watch.snapshot(now));
        }
    }
}

fn is_end_of_an_outage(effect: &Effect) -> bool {
    matches!(effect, Effect::Outage(row) if row.to.is_some())
}

fn is_end_of_a_local_outage(effect: &Effect) -> bool {
    matches!(effect, Effect::Event(event) if event.kind == EventKind::LocalOutage && event.until.is_some())
}

#[cfg(test)]
mod tests;
