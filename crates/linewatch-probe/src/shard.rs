//! Carries probes between the pure machines and the doors: one thread's loop, without the thread.
//!
//! A [`Shard::turn`] sends what is due, takes what came, ends what timed out and hands on what is finished.
//! All decisions are in `linewatch_core`; time and network come through [`Clock`] and [`Wire`], so a simulation
//! drives the same code. Not here: threads, channels, caps (`engine`).

mod clocks;
mod outbox;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use linewatch_core::errno;
use linewatch_core::inflight::{FlowSpec, Handle, InFlight, Sent, Stamps};
use linewatch_core::limits::{
    BATCH_RECORDS, EVALUATE_EVERY, PAYLOAD_BYTES_MAX, PAYLOAD_BYTES_MIN, SEND_BATCH, TARGETS,
};
use linewatch_core::packet::cookie::CookieKey;
use linewatch_core::packet::icmp::{self, Message, PathError};
use linewatch_core::port::{Arrival, Clock, Incoming, Outgoing, SendResult, Shot, ShotBody, Wire};
use linewatch_core::record::{Cause, Class, Gap, GapKind, Outcome, ProbeRecord, Progress};
use linewatch_core::schedule::{Due, Missed, Schedule};
use linewatch_core::target::{Address, Method, ProbePlan, TargetId};
use linewatch_core::time::{MonoTime, WallTime};

use clocks::{Clocks, Upheaval};
use outbox::Outbox;
pub use outbox::Sink;

/// Between a stamp and the moment when its packet can be read lies the kernel's own work; a time-out is taken
/// for passed only after it.
const DRAIN_SLACK: Duration = Duration::from_millis(1);
/// Targets taken from the schedule before the sockets are looked at again: eight batches.
const DUE_LIMIT: usize = 8 * SEND_BATCH;
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
    /// The operator permits high rates to it.
    pub allow_high_rate: bool,
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
    /// Gives it another ICMP identifier, as after an outage: a stateful firewall may remember the old one.
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

/// Where targets are: dense places that are used again, with a generation each.
#[derive(Debug, Default)]
struct Places {
    targets: Vec<Option<Placed>>,
    by_id: HashMap<TargetId, u32>,
    /// Longest free first, so that generations last.
    free: VecDeque<u32>,
    generations: Vec<u32>,
    /// Next number of each target that was removed: it may come back, and no number is used twice in a run.
    retired: HashMap<TargetId, u64>,
}

#[derive(Clone, Copy, Debug)]
struct Placed {
    target: EngineTarget,
    handle: Handle,
    class: Class,
    /// Begin of the pause that goes on.
    paused_at: Option<WallTime>,
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
                if let Some(placed) = self
                    .places
                    .get_mut(id)
                    .filter(|placed| placed.paused_at.is_none())
                {
                    placed.paused_at = Some(now.wall);
                    let index = placed.handle.index();
                    self.schedule.pause(index);
                }
            }
            Command::Resume(id) => {
                self.end_pause(id, now.wall);
                if let Some(placed) = self.places.get_mut(id)
                    && !self.is_stopping
                {
                    let index = placed.handle.index();
                    self.schedule.resume(index, now.mono);
                }
            }
            Command::RotateId(id) => {
                if let Some(handle) = self.places.get_mut(id).map(|placed| placed.handle) {
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

    /// Sends nothing from now on; turns still take what comes.
    pub fn stop_sending(&mut self) {
        self.is_stopping = true;
        for placed in self.places.targets.iter().flatten() {
            self.schedule.pause(placed.handle.index());
        }
    }

    /// Ends everything that is open (`unmeasured (stopped)`) and hands on what is left.
    pub fn finish(&mut self, sink: Sink<'_>) {
        self.stop_sending();
        let wall = self.clocks.clock.wall();
        for index in 0..self.places.targets.len() {
            let Some(placed) = self.places.targets[index] else {
                continue;
            };
            self.end_pause(placed.target.id, wall);
            self.in_flight
                .abandon(placed.handle, GapKind::Stopped, &mut self.outbox.batch);
        }
        self.flush(sink);
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
        let Some(placed) = self.places.get_mut(target.id) else {
            return self.add(target, now, None);
        };
        let old = std::mem::replace(&mut placed.target, target);
        let (handle, paused_at) = (placed.handle, placed.paused_at);
        if old.address == target.address && old.method == target.method {
            self.schedule.change(handle.index(), target.plan.interval, now);
            return;
        }
        // Another place under the same number: what is in flight to the old one cannot be matched any more.
        self.in_flight
            .remove(handle, GapKind::Reconfigured, &mut self.outbox.batch);
        let next_seq = self.schedule.remove(handle.index()).unwrap_or(0);
        self.places.free(target.id, next_seq);
        self.add(target, now, paused_at);
    }

    fn add(&mut self, target: EngineTarget, now: MonoTime, paused_at: Option<WallTime>) {
        let class = self
            .wire
            .ability(target.method, target.address.ip.is_ipv6())
            .unwrap_or(Class::U);
        let (handle, first_seq) = self.places.take(target, class, paused_at);
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
        if paused_at.is_some() || self.is_stopping {
            self.schedule.pause(handle.index());
        }
    }

    fn remove(&mut self, id: TargetId, wall: WallTime) {
        self.end_pause(id, wall);
        let Some(handle) = self.places.get_mut(id).map(|placed| placed.handle) else {
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
        let Some(placed) = self.places.get_mut(id) else {
            return;
        };
        let Some(from) = placed.paused_at.take() else {
            return;
        };
        let first_seq = self.schedule.scheduled(placed.handle.index());
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

    fn send_due(&mut self, now: MonoTime, sink: Sink<'_>) {
        loop {
            self.due.clear();
            let has_more = self.schedule.due(now, DUE_LIMIT, &mut self.due, &mut self.missed);
            self.push_missed(GapKind::Stalled, None);
            let due = std::mem::take(&mut self.due);
            for batch in due.chunks(SEND_BATCH) {
                self.send(batch, now);
            }
            self.due = due;
            if self.outbox.is_full() {
                self.flush(sink);
            }
            if !has_more {
                return;
            }
            // Replies to what was just sent must not overflow the socket while the rest is sent.
            self.collect(now, sink);
        }
    }

    fn send(&mut self, due: &[Due], now: MonoTime) {
        self.outgoing.clear();
        self.results.clear();
        self.shots.clear();
        for slot in due {
            self.aim(slot, now);
        }
        self.wire.send(&self.outgoing, &mut self.results);
        // A wire that answers for fewer shots than it got would lose probes silently.
        assert_eq!(self.results.len(), self.shots.len(), "one result per shot");
        for place in 0..self.shots.len() {
            let (slot, result) = (self.shots[place], self.results[place]);
            let Some(placed) = self.places.at(slot.index) else {
                continue;
            };
            match result.result {
                Ok(()) => {
                    self.sent += 1;
                    self.in_flight.sent(Sent {
                        handle: placed.handle,
                        seq: slot.seq,
                        due_at: slot.due_at,
                        sent_at: result.sent_at,
                        timeout: placed.target.plan.timeout,
                    });
                }
                Err(errno) => {
                    let (outcome, cause) = errno::classify(errno);
                    let is_unsent = outcome == Outcome::Unsent;
                    let sent_at = if is_unsent { slot.due_at } else { result.sent_at };
                    self.not_sent(&slot, sent_at, outcome, cause);
                }
            }
        }
    }

    /// Puts one shot into `outgoing`, or refuses it.
    fn aim(&mut self, slot: &Due, now: MonoTime) {
        let Some(Placed { target, handle, .. }) = self.places.at(slot.index) else {
            return;
        };
        let is_known = self.in_flight.make_room(handle, slot.seq, now);
        let Some((cookie, id, sequence)) = self.in_flight.stamp(handle, slot.seq).filter(|_| is_known) else {
            return self.not_sent(slot, slot.due_at, Outcome::Unsent, Cause::Overload);
        };
        let body = match target.method {
            Method::IcmpEcho => {
                let bytes = &mut self.outgoing.bytes;
                let start = bytes.len();
                let is_v6 = target.address.ip.is_ipv6();
                icmp::encode_request(is_v6, id, sequence, cookie, target.plan.payload_bytes, bytes);
                ShotBody::Icmp {
                    start: start as u32,
                    len: (bytes.len() - start) as u16,
                }
            }
            Method::TcpConnect { port } => ShotBody::Tcp {
                port,
                timeout: target.plan.timeout,
            },
        };
        self.outgoing.shots.push(Shot {
            token: handle.token(slot.seq),
            to: target.address,
            body,
        });
        self.shots.push(*slot);
    }

    fn not_sent(&mut self, slot: &Due, sent_at: MonoTime, outcome: Outcome, cause: Cause) {
        let Some(Placed { target, class, .. }) = self.places.at(slot.index) else {
            return;
        };
        self.in_flight.touch(slot.index);
        self.outbox.batch.records.push(ProbeRecord {
            target: target.id,
            seq: slot.seq,
            due_at: slot.due_at,
            sent_at,
            outcome,
            rtt: None,
            host_rtt: None,
            class,
            cause,
            is_reordered: false,
        });
    }

    fn next_deadline(&self, now: MonoTime) -> MonoTime {
        let expiry = self
            .in_flight
            .next_deadline()
            .map(|deadline| deadline.plus(DRAIN_SLACK));
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

    /// Takes what came, waiting until `until`, and ends what timed out.
    fn collect(&mut self, until: MonoTime, sink: Sink<'_>) {
        // What arrived before this moment will have been read: receiving drains every socket after it.
        let drained_at = self.clocks.clock.mono();
        self.incoming.clear();
        self.wire.receive(until, &mut self.incoming);
        self.on_upheaval(until.max(drained_at));
        let incoming = std::mem::take(&mut self.incoming);
        for arrival in &incoming.arrivals {
            self.settle(arrival, &incoming.bytes);
            if self.outbox.is_full() {
                self.flush(sink);
            }
        }
        self.incoming = incoming;
        while self.in_flight.expire(
            drained_at.minus(DRAIN_SLACK),
            BATCH_RECORDS,
            &mut self.outbox.batch,
        ) {
            self.flush(sink);
        }
    }

    /// Looks at the clocks and does what follows.
    fn on_upheaval(&mut self, expected_at: MonoTime) {
        let Upheaval {
            has_stalled,
            slept,
            step,
        } = self.clocks.look(expected_at);
        let anchor = self.clocks.anchor;
        if has_stalled {
            self.in_flight.doubt(GapKind::Stalled, anchor.mono);
        }
        if let Some(slept) = slept {
            self.in_flight.doubt(GapKind::Suspended, anchor.mono);
            self.schedule.slept(slept, anchor.mono, &mut self.missed);
            self.push_missed(GapKind::Suspended, Some((anchor.wall.minus(slept), anchor.wall)));
        }
        if let Some((from, to)) = step {
            self.in_flight.clock_stepped(anchor.mono);
            let sum_ns = self
                .outbox
                .batch
                .clock_step_ns
                .unwrap_or(0)
                .saturating_add(to.nanos_after(from));
            self.outbox.batch.clock_step_ns = Some(sum_ns);
            for placed in self
                .places
                .targets
                .iter()
                .flatten()
                .filter(|placed| placed.paused_at.is_none())
            {
                let first_seq = self.schedule.scheduled(placed.handle.index());
                let (target, kind) = (placed.target.id, GapKind::ClockStepped);
                self.outbox.batch.gaps.push(Gap {
                    target,
                    kind,
                    from,
                    to,
                    first_seq,
                    slots: 0,
                });
            }
        }
    }

    /// Turns missed slots into gaps; `span` is theirs on the calendar where the monotonic clock does not know it.
    fn push_missed(&mut self, kind: GapKind, span: Option<(WallTime, WallTime)>) {
        for missed in self.missed.drain(..) {
            let Some(Placed { target, .. }) = self.places.at(missed.index) else {
                continue;
            };
            let anchor = self.clocks.anchor;
            let (from, to) = span.unwrap_or((anchor.wall_at(missed.from), anchor.wall_at(missed.to)));
            self.in_flight.touch(missed.index);
            let (first_seq, slots) = (missed.first_seq, missed.slots);
            self.outbox.batch.gaps.push(Gap {
                target: target.id,
                kind,
                from,
                to,
                first_seq,
                slots,
            });
        }
    }

    fn settle(&mut self, arrival: &Arrival, bytes: &[u8]) {
        let batch = &mut self.outbox.batch;
        match *arrival {
            Arrival::Transmitted { token, stamp } => self.in_flight.on_transmitted(token, stamp),
            Arrival::Icmp {
                from,
                start,
                len,
                stamp,
                at,
                is_id_checked,
            } => {
                // Bytes that are no message of ours are ordinary traffic of this computer.
                match icmp::decode(from.ip.is_ipv6(), slice(bytes, start, len)) {
                    Ok(Message::Reply(echo)) => {
                        let stamps = Stamps {
                            received: stamp,
                            at,
                            anchor: self.clocks.anchor,
                        };
                        self.in_flight.on_reply(from, &echo, is_id_checked, stamps, batch);
                    }
                    Ok(Message::Error(error)) => self.in_flight.on_path_error(&error, is_id_checked, batch),
                    Err(_) => (),
                }
            }
            Arrival::IcmpError {
                to,
                kind,
                code,
                start,
                len,
                is_id_checked,
                ..
            } => {
                if let Ok(quoted) = icmp::decode_quoted(to.ip.is_ipv6(), slice(bytes, start, len)) {
                    let error = PathError {
                        kind,
                        code,
                        to: to.ip,
                        quoted,
                    };
                    self.in_flight.on_path_error(&error, is_id_checked, batch);
                }
            }
            Arrival::Tcp { token, end, at } => self.in_flight.on_tcp(token, end, at, batch),
            Arrival::Overflow { .. } => self.in_flight.doubt(GapKind::RxOverflow, self.clocks.anchor.mono),
        }
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
                match self.places.by_id.get(&id) {
                    Some(index) => self.in_flight.touch(*index),
                    None => {
                        let scheduled = self.places.retired.get(&id).copied().unwrap_or(0);
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

impl Places {
    fn at(&self, index: u32) -> Option<Placed> {
        self.targets.get(index as usize).copied().flatten()
    }

    fn get_mut(&mut self, id: TargetId) -> Option<&mut Placed> {
        let index = *self.by_id.get(&id)?;
        self.targets.get_mut(index as usize)?.as_mut()
    }

    /// Gives `target` a place; the answer is its name there and the number of its next probe.
    fn take(&mut self, target: EngineTarget, class: Class, paused_at: Option<WallTime>) -> (Handle, u64) {
        let index = self.free.pop_front().unwrap_or_else(|| {
            self.targets.push(None);
            self.generations.push(0);
            self.targets.len() as u32 - 1
        });
        assert!(
            (index as usize) < TARGETS,
            "the caps let in more targets than there are places"
        );
        let handle = Handle::new(index, self.generations[index as usize]);
        self.targets[index as usize] = Some(Placed {
            target,
            handle,
            class,
            paused_at,
        });
        self.by_id.insert(target.id, index);
        (handle, self.retired.remove(&target.id).unwrap_or(0))
    }

    fn free(&mut self, id: TargetId, next_seq: u64) {
        let Some(index) = self.by_id.remove(&id) else {
            return;
        };
        self.targets[index as usize] = None;
        self.generations[index as usize] = self.generations[index as usize].wrapping_add(1);
        self.free.push_back(index);
        self.retired.insert(id, next_seq);
    }
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

fn slice(bytes: &[u8], start: u32, len: u16) -> &[u8] {
    let start = start as usize;
    bytes.get(start..start + usize::from(len)).unwrap_or_default()
}
