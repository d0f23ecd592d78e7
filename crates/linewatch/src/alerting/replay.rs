//! Sends what is stored through the rules: what would have been told.
//!
//! In: facts of the past in the order of their dates. Out: the notifications, as [`Watch`] decides them. The calendar of the
//! history is the clock here, so an outage over a clock step has the length the calendar gives it. Not here: reading and printing.

use std::collections::BTreeSet;

use linewatch_core::alert::{Notification, Policy, Watch};
use linewatch_core::limits::EVALUATE_EVERY;
use linewatch_core::monitor::Effect;
use linewatch_core::target::{Target, TargetId};
use linewatch_core::time::{Anchor, MonoTime, WallTime};
use linewatch_core::view::State;

/// The past, moment by moment.
pub(crate) struct Replay {
    watch: Watch,
    from: WallTime,
    ticked_at: WallTime,
    down: BTreeSet<TargetId>,
    told: Vec<Notification>,
}

impl Replay {
    /// Begins at `from`, with nothing open.
    pub(crate) fn new(policy: Policy, targets: &[Target], from: WallTime) -> Self {
        let mut replay = Self {
            watch: Watch::new(policy),
            from,
            ticked_at: from,
            down: BTreeSet::new(),
            told: Vec::new(),
        };
        let now = replay.anchor(from);
        for target in targets {
            replay.watch.set_target(target, now);
        }
        replay
    }

    /// Something became known at `at`; not before what was heard last.
    pub(crate) fn hear(&mut self, at: WallTime, effect: Effect) {
        self.advance(at);
        let effect = self.as_it_was(effect);
        let now = self.anchor(at);
        self.watch.hear(&[effect], now);
    }

    /// The end of the period: what would have been told.
    pub(crate) fn end(mut self, at: WallTime) -> Vec<Notification> {
        self.advance(at);
        self.told
    }

    /// Sums of a minute do not say that a target was down then: its outages do.
    fn as_it_was(&mut self, mut effect: Effect) -> Effect {
        match &mut effect {
            Effect::Outage(row) if row.to.is_none() => drop(self.down.insert(row.target)),
            Effect::Outage(row) => drop(self.down.remove(&row.target)),
            Effect::Views(views) => views
                .iter_mut()
                .filter(|view| self.down.contains(&view.id))
                .for_each(|view| view.state = State::Down),
            Effect::Break(_) | Effect::Event(_) => {}
        }
        effect
    }

    /// A look a second, as in the running monitor; where nothing is open there is nothing to look at.
    fn advance(&mut self, to: WallTime) {
        while self.ticked_at < to {
            if self.watch.is_idle() {
                self.ticked_at = to;
            } else {
                self.ticked_at = self.ticked_at.plus(EVALUATE_EVERY).min(to);
            }
            let now = self.anchor(self.ticked_at);
            self.watch.tick(now, &mut self.told);
        }
    }

    fn anchor(&self, wall: WallTime) -> Anchor {
        Anchor {
            // An hour of room: what was open at the beginning began before it.
            mono: MonoTime::from_nanos(
                u64::try_from(wall.nanos_after(self.from)).unwrap_or(0) + 3_600_000_000_000,
            ),
            wall,
        }
    }
}
