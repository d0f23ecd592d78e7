//! Folds everything the engine finds out into states, figures and events.
//!
//! Input: record batches, settings, a tick a second. Output: [`Effect`]s, appended to the caller's list.
//! Pure: every instant comes from a batch or a tick. Bounded: per target a window, its newest outages and
//! what is in flight. Not here: who is told (`alert`), what is kept (`store`), how it looks (`render`).

mod calendar;
mod context;
mod episode;
mod hole;
mod lean;
mod message;
mod order;
mod outages;
mod signs;
mod target;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::time::Duration;

use crate::event::{Event, EventKind, OutageRow, RunId, Severity};
use crate::limits;
use crate::record::{Counts, GapKind, RecordBatch};
use crate::table;
use crate::target::{Target, TargetId};
use crate::time::{Anchor, MonoTime, WallTime};
use crate::view::{TargetError, TargetView};
use crate::window::Scratch;
use calendar::Calendar;
use context::{Context, EventNumbers};
use hole::Hole;
use lean::Rules;
use target::Watched;

/// Distinct rules looked through when a target is set: who has more of them has them apart.
const SHARED_RULES: usize = 16;

/// What the monitor wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Views that changed since they were told last: of every target at its first tick, of one whose settings
    /// or error changed at once.
    Views(Vec<TargetView>),
    /// An event to keep and show; one with an id seen before replaces that one.
    Event(Event),
    /// An outage to keep; one with an id seen before replaces that one.
    Outage(OutageRow),
    /// Nobody watches this target for a while, so the outage whose closing row follows was not closed by answers.
    Break(TargetId),
}

/// Every target, and what concerns them all.
#[derive(Debug)]
pub struct Monitor {
    numbers: EventNumbers,
    /// The newest moment the monitor was told.
    anchor: Anchor,
    /// Dates the moments before it.
    calendar: Calendar,
    /// When the newest batch left the engine: what was decided earlier is known.
    flushed_at: MonoTime,
    /// The newest evaluation.
    ticked_at: MonoTime,
    targets: Vec<Watched>,
    /// Where each target stands in `targets`.
    places: HashMap<TargetId, u32, BuildHasherDefault<IdHasher>>,
    suspended: Hole,
    clock_stepped: Hole,
    local_outage: Option<LocalOutage>,
    scratch: Scratch,
    /// Rules that targets share, each once.
    rules: Vec<Arc<Rules>>,
}

/// No route or link: one event for the whole computer.
#[derive(Debug)]
struct LocalOutage {
    event: Event,
    since: MonoTime,
    /// Most targets at a time.
    targets: u64,
}

impl Monitor {
    /// A monitor without targets.
    pub fn new(run: RunId, anchor: Anchor) -> Self {
        Self {
            numbers: EventNumbers::new(run),
            anchor,
            calendar: Calendar::new(anchor),
            flushed_at: anchor.mono,
            ticked_at: anchor.mono,
            targets: Vec::new(),
            places: HashMap::default(),
            suspended: Hole::new(GapKind::Suspended, EventKind::Suspended, message::suspended),
            clock_stepped: Hole::new(
                GapKind::ClockStepped,
                EventKind::ClockStepped,
                message::clock_stepped,
            ),
            local_outage: None,
            scratch: Scratch::default(),
            rules: Vec::new(),
        }
    }

    /// Adds a target or changes its settings; stops it if it is no longer enabled. No event by itself, but
    /// stopping ends an open outage. A change is to be seen at once, so its view does not wait for the tick.
    pub fn set_target(&mut self, target: &Target, now: MonoTime, effects: &mut Vec<Effect>) {
        let anchor = self.anchor_at(now);
        let rules = self.shared_rules(target);
        if let Some(&place) = self.places.get(&target.id) {
            let mut context = Context {
                anchor,
                calendar: &self.calendar,
                numbers: &mut self.numbers,
                effects,
            };
            self.targets[place as usize].change(target, rules, &mut context);
        } else {
            self.places.insert(target.id, self.targets.len() as u32);
            let rows = self.targets.len() + 1;
            table::make_room(&mut self.targets, rows);
            self.targets.push(Watched::new(target, rules, anchor));
        }
    }

    /// The one copy of this target's rules.
    fn shared_rules(&mut self, target: &Target) -> Arc<Rules> {
        if let Some(known) = self.rules.iter().find(|known| known.are_of(target)) {
            return Arc::clone(known);
        }
        let new = Arc::new(Rules::of(target));
        self.rules.retain(|known| Arc::strong_count(known) > 1);
        if self.rules.len() < SHARED_RULES {
            self.rules.push(Arc::clone(&new));
        }
        new
    }

    /// Forgets a target; ends its open outage.
    pub fn remove_target(&mut self, id: TargetId, effects: &mut Vec<Effect>) {
        let Some(place) = self.places.remove(&id) else {
            return;
        };
        let mut removed = self.targets.swap_remove(place as usize);
        if let Some(moved) = self.targets.get(place as usize) {
            self.places.insert(moved.id, place);
        }
        let mut context = Context {
            anchor: self.anchor,
            calendar: &self.calendar,
            numbers: &mut self.numbers,
            effects,
        };
        removed.stop("until it was removed", &mut context);
    }

    /// Says why a target cannot be probed, or that it can again. That there is no route the monitor finds
    /// out itself.
    pub fn set_error(
        &mut self,
        id: TargetId,
        error: Option<TargetError>,
        now: MonoTime,
        effects: &mut Vec<Effect>,
    ) {
        let anchor = self.anchor_at(now);
        if let Some(&place) = self.places.get(&id) {
            let target = &mut self.targets[place as usize];
            target.set_error(error, anchor);
            let view = target.changed_view(anchor, &mut self.scratch);
            effects.extend(view.map(|view| Effect::Views(vec![view])));
        }
    }

    /// Numbers and hands on an event of a moment that was found out elsewhere.
    pub fn note(
        &mut self,
        kind: EventKind,
        severity: Severity,
        target: Option<TargetId>,
        message: String,
        wall: WallTime,
        effects: &mut Vec<Effect>,
    ) {
        let mut context = Context {
            anchor: self.anchor,
            calendar: &self.calendar,
            numbers: &mut self.numbers,
            effects,
        };
        let mut event = context.begin(kind, severity, target, wall, message);
        event.until = Some(wall);
        context.publish(&event);
    }

    /// Folds what the engine found out. Records of targets that were removed are passed over.
    pub fn ingest(&mut self, batch: &RecordBatch, effects: &mut Vec<Effect>) {
        for &seen in &batch.calendar_breaks {
            self.calendar.note(seen);
        }
        self.advance_to(batch.anchor);
        self.flushed_at = self.flushed_at.max(batch.flushed_at);
        let mut context = Context {
            anchor: batch.anchor,
            calendar: &self.calendar,
            numbers: &mut self.numbers,
            effects,
        };
        let (places, targets) = (&self.places, &mut self.targets);
        // A gap without slots stands before the probe of its number, so gaps are told first.
        for gap in &batch.gaps {
            if let Some(&place) = places.get(&gap.target) {
                targets[place as usize].on_gap(gap, batch.flushed_at, &mut context);
                self.suspended.add(gap, &mut context);
                self.clock_stepped.add(gap, &mut context);
            }
        }
        for record in &batch.records {
            if let Some(&place) = places.get(&record.target) {
                targets[place as usize].on_record(record, batch.flushed_at, &mut context);
            }
        }
        for stray in &batch.strays {
            if let Some(&place) = places.get(&stray.target) {
                targets[place as usize].on_stray(stray);
            }
        }
        for progress in &batch.progress {
            if let Some(&place) = places.get(&progress.target) {
                targets[place as usize].on_progress(progress, batch.flushed_at, &mut context);
            }
        }
        self.suspended.publish(&mut context);
        self.clock_stepped.publish(&mut context);
    }

    /// Evaluates every target; to be called once a second ([`crate::limits::EVALUATE_EVERY`]).
    pub fn tick(&mut self, anchor: Anchor, effects: &mut Vec<Effect>) {
        self.tick_by_parts(anchor, effects, |_| ());
    }

    /// As [`Monitor::tick`], but what a part of the targets ([`crate::limits::TICK_VIEWS`]) brought about is handed to
    /// `take` before the next part is looked at: the views of 100,000 targets at once are 100 MB.
    pub fn tick_by_parts(
        &mut self,
        anchor: Anchor,
        effects: &mut Vec<Effect>,
        mut take: impl FnMut(&mut Vec<Effect>),
    ) {
        self.advance_to(anchor);
        // An evaluation that comes late means that this process stood still: nobody was silent meanwhile, nobody listened.
        let missed = anchor
            .mono
            .since(self.ticked_at)
            .saturating_sub(limits::EVALUATE_EVERY);
        let missed = if missed > limits::STALL_AFTER {
            missed
        } else {
            Duration::ZERO
        };
        self.ticked_at = self.ticked_at.max(anchor.mono);
        for part in self.targets.chunks_mut(limits::TICK_VIEWS) {
            let mut context = Context {
                anchor,
                calendar: &self.calendar,
                numbers: &mut self.numbers,
                effects,
            };
            let mut views = Vec::new();
            for target in part {
                target.pass_over(missed, anchor.mono);
                views.extend(target.tick(self.flushed_at, &mut self.scratch, &mut context));
            }
            if !views.is_empty() {
                effects.push(Effect::Views(views));
                take(effects);
            }
        }
        self.watch_local_outage(anchor, effects);
    }

    /// Ends the run: what is open is closed as far as it was seen.
    pub fn finish(&mut self, anchor: Anchor, effects: &mut Vec<Effect>) {
        self.advance_to(anchor);
        let mut context = Context {
            anchor,
            calendar: &self.calendar,
            numbers: &mut self.numbers,
            effects,
        };
        for target in &mut self.targets {
            target.stop("until the monitor stopped", &mut context);
        }
        // Stopped targets lack no route.
        self.watch_local_outage(anchor, effects);
    }

    /// The target now; state and grade as they were evaluated last.
    pub fn view(&self, id: TargetId) -> Option<TargetView> {
        self.find(id)
            .map(|target| target.view(self.anchor, &mut Scratch::default()))
    }

    /// Counts of the run, as of the newest batch.
    pub fn counts(&self, id: TargetId) -> Option<Counts> {
        self.find(id).map(Watched::totals)
    }

    /// The newest outages of this run ([`crate::limits::OUTAGE_ROWS`]), oldest first; nothing for an unknown
    /// target. An open one is as it was when it opened.
    pub fn outage_rows(&self, id: TargetId) -> impl Iterator<Item = &OutageRow> {
        self.find(id).into_iter().flat_map(|target| target.outages.rows())
    }

    fn find(&self, id: TargetId) -> Option<&Watched> {
        self.places.get(&id).map(|&place| &self.targets[place as usize])
    }

    fn anchor_at(&self, now: MonoTime) -> Anchor {
        Anchor {
            mono: now,
            wall: self.calendar.wall_at(now),
        }
    }

    /// Batches and ticks come from two threads; an older anchor never takes the place of a newer one.
    fn advance_to(&mut self, anchor: Anchor) {
        self.calendar.note(anchor);
        if anchor.mono >= self.anchor.mono {
            self.anchor = anchor;
        }
    }

    fn watch_local_outage(&mut self, anchor: Anchor, effects: &mut Vec<Effect>) {
        let mut context = Context {
            anchor,
            calendar: &self.calendar,
            numbers: &mut self.numbers,
            effects,
        };
        let cut_off = self.targets.iter().filter_map(Watched::no_route_since);
        let (targets, first) = cut_off.fold((0, MonoTime::MAX), |(targets, first), since| {
            (targets + 1, first.min(since))
        });
        match &mut self.local_outage {
            None if targets > 0 => {
                let at = context.wall_at(first);
                let text = message::local_outage(targets);
                let mut event = context.begin(EventKind::LocalOutage, Severity::Warning, None, at, text);
                event.count = targets;
                context.publish(&event);
                self.local_outage = Some(LocalOutage {
                    event,
                    since: first,
                    targets,
                });
            }
            Some(open) if targets > open.targets => {
                // A host without IPv6 has one cut-off target for ever; more of them are news all the same.
                open.targets = targets;
                open.event.count = targets;
                open.event.message = message::local_outage(targets);
                context.publish(&open.event);
            }
            Some(open) if targets == 0 => {
                open.event.until = Some(anchor.wall);
                open.event.message = message::local_outage_over(anchor.mono.since(open.since), open.targets);
                context.publish(&open.event);
                self.local_outage = None;
            }
            Some(_) | None => {}
        }
    }
}

/// Spreads target ids, which are small numbers in a row, over a table: one multiplication instead of
/// SipHash, because this runs once per record and nobody outside chooses an id.
#[derive(Debug, Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u32(u32::from(byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        // Fibonacci hashing: 2^64 divided by the golden ratio; ids in a row differ in the low and the high bits.
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

#[cfg(test)]
mod tests;
