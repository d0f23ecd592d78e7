//! Carries probes between the pure machines and the doors: one thread's loop, without the thread.
//!
//! A [`Shard::turn`] sends what is due, takes what came, ends what timed out and hands on what is finished.
//! All decisions are in `linewatch_core`; time and network come through [`Clock`] and [`Wire`], so a simulation
//! drives the same code. Not here: threads, channels, caps (`engine`).

mod clocks;
mod outbox;
mod places;
mod receiving;
mod sending;
#[cfg(test)]
mod tests;

use std::time::Duration;

use linewatch_core::inflight::{FlowSpec, InFlight};
use linewatch_core::limits::{EVALUATE_EVERY, PAYLOAD_BYTES_MAX, PAYLOAD_BYTES_MIN};
use linewatch_core::packet::cookie::CookieKey;
use linewatch_core::port::{Clock, Incoming, Outgoing, SendResult, Wire};
use linewatch_core::record::{Class, Gap, GapKind, Progress};
use linewatch_core::schedule::{Due, Missed, Schedule};
use linewatch_core::target::{Address, Egress, EgressIndex, Method, ProbePlan, TargetId};
use linewatch_core::time::{MonoTime, WallTime};

use clocks::Clocks;
use outbox::Outbox;
pub use outbox::Sink;
use places::{Placed, Places};

/// Between a stamp and the moment when its packet can be read lies the kernel's own work; a time-out is taken
/// for passed only after it.
const DRAIN_SLACK: Duration = Duration::from_millis(1);
/// Nobody waits for a time-out: those of so long (half a batch's age) are ended in one wake-up. Without it every probe
/// would wake the engine a second time, also an answered one.
const EXPIRE_EVERY: Duration = Duration::from_millis(10);
/// How often the clocks are compared when nothing else happens.
const LOOK_EVERY: Duration = EVALUATE_EVERY;

/// A target as the engine sees it: an address, and how to probe it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineTarget {
    /// Its series.
    pub id: TargetId,
    /// Where.
    pub address: Address,
    /// How.
    pub method: Method,
    /// How often.
    pub plan: ProbePlan,
    /// How its packets leave ([`crate::engine::Engine::egress`]).
    pub egress: EgressIndex,
    /// The operator permits high rates to it.
    pub allow_high_rate: bool,
    /// Probed this often and no more; `None`: until somebody says stop. Counts from when it is added.
    pub slots: Option<u64>,
}

/// A change from outside, applied between turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Adds a target or changes its plan. What is in flight keeps its time-out, and the numbers go on.
    Set(EngineTarget),
    /// Ends a target; what is in flight becomes unmeasured (`stopped`).
    Remove(TargetId),
    /// Sends no more; what is in flight is awaited.
    Pause(TargetId),
    /// Sends again; the pause becomes a gap without slots.
    Resume(TargetId),
    /// Adds the next entry to the table of egresses; its index is one more than that of the entry before.
    Egress(Egress),
    /// Gives it another ICMP identifier or local UDP port, as after an outage: a stateful firewall may remember the old one.
    RotateId(TargetId),
}

/// See the module.
#[derive(Debug)]
pub struct Shard<W, C> {
    wire: W,
    clocks: Clocks<C>,
    schedule: Schedule,
    in_flight: InFlight,
    places: Places,
    ids: Ids,
    outbox: Outbox,
    is_stopping: bool,
    /// When the next turn should come at the latest.
    awaited_at: MonoTime,
    sent: u64,
    due: Vec<Due>,
    missed: Vec<Missed>,
    outgoing: Outgoing,
    /// The slots behind the shots of `outgoing`.
    shots: Vec<Due>,
    results: Vec<SendResult>,
    incoming: Incoming,
}

/// Random ICMP identifiers (SplitMix64): unpredictable to others as far as the seed is, reproducible in tests.
#[derive(Debug)]
struct Ids(u64);

impl Ids {
    fn next(&mut self) -> u16 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (value >> 48) as u16
    }
}

impl<W: Wire, C: Clock> Shard<W, C> {
    /// A shard without targets. The same seed gives the same phases and identifiers.
    pub fn new(wire: W, clock: C, key: CookieKey, seed: u64) -> Self {
        let clocks = Clocks::new(clock);
        Self {
            wire,
            schedule: Schedule::new(seed),
            in_flight: InFlight::new(key),
            places: Places::default(),
            ids: Ids(!seed),
            outbox: Outbox::new(clocks.anchor),
            is_stopping: false,
            awaited_at: clocks.anchor.mono,
            clocks,
            sent: 0,
            due: Vec::new(),
            missed: Vec::new(),
            outgoing: Outgoing::default(),
            shots: Vec::new(),
            results: Vec::new(),
            incoming: Incoming::default(),
        }
    }

    /// Applies a change.
    pub fn apply(&mut self, command: Command) {
        let now = self.clocks.clock.anchor();
        match command {
            Command::Set(target) => self.set(target, now.mono),
            Command::Remove(id) => self.remove(id, now.wall),
            Command::Pause(id) => {
                if self.places.pause(id, now.wall)
                    && let Some(index) = self.places.index_of(id)
                {
                    self.schedule.pause(index);
                }
            }
            Command::Resume(id) => {
                self.end_pause(id, now.wall);
                if let Some(index) = self.places.index_of(id)
                    && !self.is_stopping
                {
                    self.schedule.resume(index, now.mono);
                }
            }
            Command::Egress(egress) => self.outgoing.egresses.push(egress),
            Command::RotateId(id) => {
                if let Some(handle) = self.places.rotate(id) {
                    self.in_flight.rotate_id(handle, self.ids.next());
                }
            }
        }
        self.outbox.note(now.mono, false);
    }

    /// One turn: waits for the next thing to happen, but no longer than a second.
    pub fn turn(&mut self, sink: Sink<'_>) {
        self.turn_before(MonoTime::MAX, sink);
    }

    /// One turn that waits no longer than until `end_at`.
    pub(crate) fn turn_before(&mut self, end_at: MonoTime, sink: Sink<'_>) {
        let now = self.clocks.clock.mono();
        self.on_upheaval(self.awaited_at);
        self.send_due(now, sink);
        let until = self.next_deadline(now).min(end_at);
        self.collect(until, sink);
        let now = self.clocks.anchor.mono;
        self.awaited_at = now;
        self.outbox.note(now, self.in_flight.has_touched());
        if self.outbox.is_full() || self.outbox.flush_at.is_some_and(|flush_at| flush_at <= now) {
            self.flush(sink);
        }
    }

    /// One turn that does not wait; returns when the next one should come, however the caller waits for it.
    pub(crate) fn turn_now(&mut self, sink: Sink<'_>) -> MonoTime {
        self.turn_before(MonoTime::ZERO, sink);
        self.awaited_at = self.next_deadline(self.awaited_at);
        self.awaited_at
    }

    /// When the next slot is due, as far as known.
    pub(crate) fn next_slot(&self) -> Option<MonoTime> {
        self.schedule.next_deadline()
    }

    /// Sends nothing from now on; turns still take what comes.
    pub fn stop_sending(&mut self) {
        self.is_stopping = true;
        for placed in self.places.iter() {
            self.schedule.pause(placed.handle.index());
        }
    }

    /// Ends everything that is open (`unmeasured (stopped)`) and hands on what is left.
    pub fn finish(&mut self, sink: Sink<'_>) {
        self.stop_sending();
        let wall = self.clocks.clock.wall();
        for index in 0..self.places.len() {
            let Some(&placed) = self.places.at(index) else {
                continue;
            };
            self.end_pause(placed.id, wall);
            self.in_flight
                .abandon(placed.handle, GapKind::Stopped, &mut self.outbox.batch);
        }
        self.flush(sink);
    }

    /// Ends it without a word and gives the wire back.
    pub(crate) fn into_wire(self) -> W {
        self.wire
    }

    /// Probes in flight.
    pub fn in_flight(&self) -> u64 {
        self.in_flight.open()
    }

    /// Nothing is open and everything was handed on.
    pub fn is_settled(&self) -> bool {
        self.in_flight.open() == 0 && self.outbox.is_empty() && !self.in_flight.has_touched()
    }

    /// The time by this shard's clock.
    pub(crate) fn now(&self) -> MonoTime {
        self.clocks.clock.mono()
    }

    /// Probes handed to the kernel since the start.
    pub const fn sent(&self) -> u64 {
        self.sent
    }

    /// Kernel stamps since the start that could not be true.
    pub const fn impossible_stamps(&self) -> u64 {
        self.in_flight.impossible_stamps()
    }

    /// Waits for something to come, at most for `length`; for when a sink is full and everything is over.
    pub(crate) fn wait(&mut self, length: Duration) {
        self.incoming.clear();
        self.wire
            .receive(self.clocks.clock.mono().plus(length), &mut self.incoming);
    }

    fn set(&mut self, target: EngineTarget, now: MonoTime) {
        let target = canonical(target);
        let Some(&Placed { handle, method, .. }) = self.places.get(target.id) else {
            return self.add(&target, now);
        };
        if self.in_flight.address(handle) == Some(target.address) && method == target.method {
            self.places.replan(&target);
            self.schedule.change(handle.index(), target.plan.interval, now);
            return;
        }
        // Another place under the same number: what is in flight to the old one cannot be matched any more.
        self.in_flight
            .remove(handle, GapKind::Reconfigured, &mut self.outbox.batch);
        let next_seq = self.schedule.remove(handle.index()).unwrap_or(0);
        self.places.free(target.id, next_seq);
        self.add(&target, now);
    }

    fn add(&mut self, target: &EngineTarget, now: MonoTime) {
        let class = self
            .wire
            .ability(target.method, target.address.ip.is_ipv6())
            .unwrap_or(Class::U);
        let (handle, first_seq) = self.places.take(target, class);
        let id = self.ids.next();
        self.in_flight.add(FlowSpec {
            handle,
            target: target.id,
            address: target.address,
            id,
            class,
            first_seq,
        });
        self.schedule
            .add(handle.index(), target.plan.interval, now, first_seq);
        if let Some(slots) = target.slots {
            self.schedule.end_after(handle.index(), slots);
        }
        if self.places.is_paused(target.id) || self.is_stopping {
            self.schedule.pause(handle.index());
        }
    }

    fn remove(&mut self, id: TargetId, wall: WallTime) {
        self.end_pause(id, wall);
        let Some(handle) = self.places.get(id).map(|placed| placed.handle) else {
            return;
        };
        self.in_flight
            .abandon(handle, GapKind::Stopped, &mut self.outbox.batch);
        // Its last progress: after this nobody can ask.
        let scheduled = self.schedule.scheduled(handle.index());
        self.outbox.batch.progress.push(Progress {
            target: id,
            scheduled,
            in_flight: 0,
        });
        self.in_flight
            .remove(handle, GapKind::Stopped, &mut self.outbox.batch);
        self.schedule.remove(handle.index());
        self.places.free(id, scheduled);
    }

    fn end_pause(&mut self, id: TargetId, wall: WallTime) {
        let (Some(from), Some(index)) = (self.places.unpause(id), self.places.index_of(id)) else {
            return;
        };
        let first_seq = self.schedule.scheduled(index);
        let kind = GapKind::Paused;
        self.outbox.batch.gaps.push(Gap {
            target: id,
            kind,
            from,
            to: wall,
            first_seq,
            slots: 0,
        });
    }

    fn next_deadline(&self, now: MonoTime) -> MonoTime {
        let expiry = self
            .in_flight
            .next_deadline()
            .map(|deadline| rounded_up(deadline.plus(DRAIN_SLACK), EXPIRE_EVERY));
        let wishes = [self.schedule.next_deadline(), expiry, self.outbox.flush_at];
        let flush = self
            .in_flight
            .has_touched()
            .then(|| now.plus(linewatch_core::limits::BATCH_AGE));
        wishes
            .into_iter()
            .chain([flush])
            .flatten()
            .fold(now.plus(LOOK_EVERY), MonoTime::min)
    }

    fn flush(&mut self, sink: Sink<'_>) {
        let (schedule, progress) = (&self.schedule, &mut self.outbox.batch.progress);
        self.in_flight.drain_touched(|index, target, in_flight| {
            progress.push(Progress {
                target,
                scheduled: schedule.scheduled(index),
                in_flight,
            });
        });
        if let Err(refused) = self.outbox.flush(self.clocks.anchor, sink) {
            for id in refused {
                match self.places.index_of(id) {
                    Some(index) => self.in_flight.touch(index),
                    None => {
                        let scheduled = self.places.retired(id);
                        let last = Progress {
                            target: id,
                            scheduled,
                            in_flight: 0,
                        };
                        self.outbox.batch.progress.push(last);
                    }
                }
            }
        }
    }
}

/// The first multiple of `grid` at or after `at`.
fn rounded_up(at: MonoTime, grid: Duration) -> MonoTime {
    let grid_ns = linewatch_core::time::nanos_of(grid);
    MonoTime::from_nanos(at.as_nanos().div_ceil(grid_ns).saturating_mul(grid_ns))
}

/// `::ffff:192.0.2.1` is an IPv4 target, and payloads have the size that fits.
fn canonical(mut target: EngineTarget) -> EngineTarget {
    target.address.ip = target.address.ip.to_canonical();
    target.plan.payload_bytes = target
        .plan
        .payload_bytes
        .clamp(PAYLOAD_BYTES_MIN, PAYLOAD_BYTES_MAX);
    target
}
