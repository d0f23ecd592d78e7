//! Keeps the probes whose fate is open, and decides it: match, expire, late, duplicate, reordered, forged.
//!
//! Input: what was sent and what arrived, in order of reading. Output: exactly one record per probe, and strays,
//! appended to a [`RecordBatch`]. A reply whose stamps say that it came within the time-out is a reply however
//! late we read it, so sockets are drained before [`InFlight::expire`]. A probe whose reply we may have missed
//! ends unmeasured, never lost. Not here: sending, schedules, decoding.

mod close;
mod datagram;
mod decide;
mod flow;
mod forgotten;
mod ring;
mod sources;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::time::Duration;

use crate::errno;
use crate::limits::LATE_MEMORY;
use crate::packet::cookie::{Cookie, CookieKey};
use crate::packet::icmp::{Echo, PathError};
use crate::port::{TcpEnd, Token};
use crate::record::{Cause, Class, GapKind, Outcome, RecordBatch};
use crate::target::{Address, TargetId};
use crate::time::{Anchor, MonoTime, Rtt, WireTime};
use crate::wheel::Wheel;
use decide::{Doubt, Sleep};
use flow::Flow;
use forgotten::Forgotten;
use ring::{Entry, Fate};
use sources::Sources;

/// Bits of a [`Handle`] that are the index; the other twelve count the targets that had it before.
const INDEX_BITS: u32 = 20;

const _: () = assert!(crate::limits::TARGETS <= 1 << INDEX_BITS);

/// A target's place in the engine's tables, with a generation: an answer meant for a removed target cannot
/// hit the one that has its place now. It travels in every cookie and every [`Token`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Handle(u32);

impl Handle {
    /// The place `index` for the `generation`th time.
    pub const fn new(index: u32, generation: u32) -> Self {
        Self(generation << INDEX_BITS | (index & ((1 << INDEX_BITS) - 1)))
    }

    /// The place.
    pub const fn index(self) -> u32 {
        self.0 & ((1 << INDEX_BITS) - 1)
    }

    /// The same place for the next target.
    pub const fn next_generation(self) -> Self {
        Self(self.0.wrapping_add(1 << INDEX_BITS))
    }

    /// As it stands in a cookie.
    pub const fn as_u32(self) -> u32 {
        self.0
    }

    /// The name of one of its probes on the wire.
    pub const fn token(self, seq: u64) -> Token {
        Token((self.0 as u64) << 32 | seq & 0xffff_ffff)
    }
}

/// A target as far as matching needs it.
#[derive(Clone, Copy, Debug)]
pub struct FlowSpec {
    /// Where its answers are looked up.
    pub handle: Handle,
    /// Whom the records belong to.
    pub target: TargetId,
    /// The only source of valid answers.
    pub address: Address,
    /// ICMP identifier.
    pub id: u16,
    /// Of records without an RTT.
    pub class: Class,
    /// Number of its first probe.
    pub first_seq: u64,
}

/// A probe about to leave.
#[derive(Clone, Copy, Debug)]
pub struct Launch {
    /// Whose.
    pub handle: Handle,
    /// Its number: greater than that of the probe before.
    pub seq: u64,
    /// Its slot.
    pub due_at: MonoTime,
    /// Now; [`InFlight::left`] corrects it.
    pub at: MonoTime,
    /// How long it may be in flight.
    pub timeout: Duration,
}

/// When an answer came.
#[derive(Clone, Copy, Debug)]
pub struct Stamps {
    /// The kernel's receive stamp.
    pub received: Option<WireTime>,
    /// User stamp.
    pub at: MonoTime,
    /// Relates the two clocks now.
    pub anchor: Anchor,
}

/// See the module.
#[derive(Debug)]
pub struct InFlight {
    key: CookieKey,
    flows: Vec<Option<Flow>>,
    /// Earliest deadline of each target that has open probes, or before it.
    deadlines: Wheel,
    /// For answers that say nothing about themselves but where they come from.
    sources: Sources,
    forgotten: Forgotten,
    doubt: Option<Doubt>,
    slept: Option<Sleep>,
    /// Stamps before this moment cannot be compared with those after it.
    clock_stepped_at: Option<MonoTime>,
    impossible_stamps: u64,
    open: u64,
    touched: Vec<u32>,
    expired: Vec<u32>,
}

impl InFlight {
    /// Nothing in flight.
    pub fn new(key: CookieKey) -> Self {
        Self {
            key,
            flows: Vec::new(),
            deadlines: Wheel::new(),
            sources: Sources::default(),
            forgotten: Forgotten::default(),
            doubt: None,
            slept: None,
            clock_stepped_at: None,
            impossible_stamps: 0,
            open: 0,
            touched: Vec::new(),
            expired: Vec::new(),
        }
    }

    /// Makes a target known. Its place must be free.
    pub fn add(&mut self, spec: FlowSpec) {
        let place = spec.handle.index() as usize;
        if place >= self.flows.len() {
            crate::table::make_room(&mut self.flows, place + 1);
            self.flows.resize_with(place + 1, || None);
        }
        self.flows[place] = Some(Flow::new(spec));
        self.sources.insert(spec.handle.index(), &mut self.flows);
    }

    /// Forgets a target; its open probes end unmeasured for this reason.
    pub fn remove(&mut self, handle: Handle, kind: GapKind, batch: &mut RecordBatch) {
        self.abandon(handle, kind, batch);
        if self.flow(handle).is_none() {
            return;
        }
        self.sources.remove(handle.index(), &mut self.flows);
        self.flows[handle.index() as usize] = None;
    }

    /// Ends the open probes of a target unmeasured.
    pub fn abandon(&mut self, handle: Handle, kind: GapKind, batch: &mut RecordBatch) {
        let mut from = self.flow(handle).map_or(0, |flow| flow.oldest_open);
        while let Some((seq, _)) = self.next_open(handle, from) {
            self.close(handle, seq, Outcome::Unmeasured, Cause::Gap(kind), batch);
            from = seq + 1;
        }
        self.deadlines.clear(handle.index());
    }

    /// Gives later probes another ICMP identifier: one that a stateful firewall has not seen yet.
    pub fn rotate_id(&mut self, handle: Handle, id: u16) {
        if let Some(flow) = self.flow_mut(handle) {
            flow.previous_id = flow.id;
            flow.id = id;
        }
    }

    /// Where the probes of a target go.
    pub fn address(&self, handle: Handle) -> Option<Address> {
        self.flow(handle).map(Flow::address)
    }

    /// The cookie, identifier and wire sequence of a probe about to be sent.
    pub fn stamp(&self, handle: Handle, seq: u64) -> Option<(Cookie, u16, u16)> {
        let flow = self.flow(handle)?;
        Some((
            Cookie::new(&self.key, handle.0, seq as u32, flow.ip(), flow.id),
            flow.id,
            seq as u16,
        ))
    }

    /// Reads a little of what a launch needs of a target, so that it is near when it is needed. The answer means nothing;
    /// of many targets in a row the reads overlap.
    pub fn touch_memory(&self, handle: Handle) -> u64 {
        let deadline = self.deadlines.at(handle.index());
        let flow = self.flow(handle).map_or(0, |flow| {
            flow.end_seq ^ u64::from(flow.id) ^ u64::from(flow.is_touched)
        });
        deadline.map_or(0, MonoTime::as_nanos) ^ flow
    }

    /// Takes a probe about to leave; [`InFlight::left`] or [`InFlight::failed`] follows. False: as many are in
    /// flight as can be told apart.
    pub fn launch(&mut self, launch: Launch) -> bool {
        let Launch {
            handle,
            seq,
            due_at,
            at,
            timeout,
        } = launch;
        let Some(flow) = self.flow_mut(handle) else {
            return false;
        };
        if !flow
            .ring
            .make_room(seq, at.minus(timeout.saturating_add(LATE_MEMORY)))
        {
            return false;
        }
        let entry = Entry::open(seq, due_at, at, timeout);
        if flow.open == 0 {
            flow.oldest_open = seq;
            flow.uniform_from = seq;
        } else if flow.timeout_us != entry.timeout_us() {
            flow.uniform_from = seq;
        }
        flow.timeout_us = entry.timeout_us();
        flow.end_seq = seq + 1;
        flow.open += 1;
        let (deadline, old) = (entry.deadline(), flow.ring.put(entry));
        if old.fate() == Fate::Unanswered {
            self.forgotten.remember((handle.0, old.seq_low()), old.sent_at);
        }
        self.open += 1;
        self.touch(handle.index());
        if self.deadlines.at(handle.index()).is_none_or(|at| deadline < at) {
            self.deadlines.set(handle.index(), deadline);
        }
        true
    }

    /// The probe left at `sent_at`, not before its launch.
    pub fn left(&mut self, handle: Handle, seq: u64, sent_at: MonoTime) {
        if let Some(entry) = self.flow_mut(handle).and_then(|flow| flow.ring.get_mut(seq)) {
            entry.sent_at = sent_at;
        }
    }

    /// The system refused the probe at `sent_at` with this errno: whether that is ours or the path's is
    /// [`errno::classify`]'s.
    pub fn failed(
        &mut self,
        handle: Handle,
        seq: u64,
        sent_at: MonoTime,
        errno: i32,
        batch: &mut RecordBatch,
    ) {
        self.left(handle, seq, sent_at);
        let (outcome, cause) = errno::classify(errno);
        self.close(handle, seq, outcome, cause, batch);
        if let Some(entry) = self.flow_mut(handle).and_then(|flow| flow.ring.get_mut(seq)) {
            // Nothing left, so nothing can be late.
            entry.set_fate(Fate::Vacant);
        }
    }

    /// The kernel's transmit stamp of a probe.
    pub fn on_transmitted(&mut self, token: Token, stamp: WireTime) {
        let (handle, low) = split(token);
        let Some(flow) = self.flow_mut(handle) else { return };
        let Some(seq) = flow.seq_of(low) else { return };
        if let Some(entry) = flow.ring.get_mut(seq).filter(|entry| entry.fate() == Fate::Open) {
            entry.set_transmitted(stamp);
        }
    }

    /// An echo reply from `from`. `is_id_checked`: the kernel delivers only our identifier and may have
    /// rewritten it, so that only the cookie counts.
    pub fn on_reply(
        &mut self,
        from: Address,
        echo: &Echo<'_>,
        is_id_checked: bool,
        stamps: Stamps,
        batch: &mut RecordBatch,
    ) {
        match self.matching(echo, is_id_checked) {
            Some((handle, seq)) if self.flow(handle).is_some_and(|flow| flow.is_from(from)) => {
                let judgement = self.judge(handle, seq, stamps);
                self.answered(handle, seq, Outcome::Reply, judgement, stamps.at, batch);
            }
            Some((handle, _)) => self.forged(handle, stamps.at, batch),
            None if self.is_of_removed(echo) => (),
            // Other programs ping too: only what claims to be ours by source and identifier is a forgery.
            None => {
                if let Some(handle) = self.at_address(from.ip, |flow| is_id_checked || flow.has_id(echo.id)) {
                    self.forged(handle, stamps.at, batch);
                }
            }
        }
    }

    /// An ICMP error that quotes one of our probes. Routers may quote eight bytes only: then the destination,
    /// the identifier and the wire sequence have to do.
    pub fn on_path_error(&mut self, error: &PathError<'_>, is_id_checked: bool, batch: &mut RecordBatch) {
        let found = if Cookie::decode(error.quoted.payload).is_ok() {
            self.matching(&error.quoted, is_id_checked)
        } else {
            let quoted = &error.quoted;
            self.at_address(error.to, |flow| {
                (is_id_checked || flow.has_id(quoted.id)) && flow.open_with(quoted.sequence).is_some()
            })
            .and_then(|handle| Some((handle, self.flow(handle)?.open_with(quoted.sequence)?)))
        };
        let Some((handle, seq)) = found else { return };
        let is_v6 = error.to.is_ipv6();
        if self.flow(handle).is_some_and(|flow| flow.ip() == error.to) {
            let cause = Cause::Icmp {
                kind: error.kind,
                code: error.code,
                is_v6,
            };
            self.close(handle, seq, Outcome::Unreachable, cause, batch);
        }
    }

    /// A TCP attempt ended.
    pub fn on_tcp(&mut self, token: Token, end: TcpEnd, at: MonoTime, batch: &mut RecordBatch) {
        let (handle, low) = split(token);
        let Some(seq) = self.flow(handle).and_then(|flow| flow.seq_of(low)) else {
            return;
        };
        match end {
            TcpEnd::Connected { rtt } => {
                let judgement = self.judge_tcp(handle, seq, rtt, at);
                self.answered(handle, seq, Outcome::Reply, judgement, at, batch);
            }
            TcpEnd::Refused => {
                let judgement = self.judge_tcp(handle, seq, None, at);
                self.answered(handle, seq, Outcome::Refused, judgement, at, batch);
            }
            TcpEnd::Retransmitted => self.close(handle, seq, Outcome::Lost, Cause::Retransmitted, batch),
            TcpEnd::Failed { errno } => {
                let (outcome, cause) = errno::classify_connect(errno);
                self.close(handle, seq, outcome, cause, batch);
            }
        }
    }

    /// Whatever is in flight at `at` and gets no answer was perhaps answered unseen: unmeasured, not lost.
    pub fn doubt(&mut self, kind: GapKind, at: MonoTime) {
        self.doubt = Some(Doubt { kind, at });
    }

    /// The computer slept between `before`, the calendar as it was until then, and `at`: a [`InFlight::doubt`], and
    /// our own clock does not know the age of what is in flight.
    pub fn slept(&mut self, before: Anchor, at: MonoTime) {
        self.doubt(GapKind::Suspended, at);
        let earlier_at = self.slept.map(|sleep| sleep.at);
        self.slept = Some(Sleep {
            before,
            at,
            earlier_at,
        });
    }

    /// The calendar was set: kernel stamps of what is in flight at `at` cannot be subtracted.
    pub fn clock_stepped(&mut self, at: MonoTime) {
        self.clock_stepped_at = Some(at);
    }

    /// Ends probes whose time-out passed at or before `drained_at`: everything that arrived until then must
    /// have been taken. About `limit` at a time; the answer is whether more may have expired.
    pub fn expire(&mut self, drained_at: MonoTime, limit: usize, batch: &mut RecordBatch) -> bool {
        let mut expired = std::mem::take(&mut self.expired);
        expired.clear();
        self.deadlines.take_due(drained_at, limit, &mut expired);
        for &index in &expired {
            self.expire_flow(index, drained_at, batch);
        }
        let has_more = expired.len() >= limit;
        self.expired = expired;
        has_more
    }

    /// When a probe in flight may time out next; never after it does.
    pub fn next_deadline(&self) -> Option<MonoTime> {
        self.deadlines.next()
    }

    /// Probes in flight of all targets.
    pub const fn open(&self) -> u64 {
        self.open
    }

    /// Kernel stamps that cannot be true since the start: before the send or after the reading of the reply.
    pub const fn impossible_stamps(&self) -> u64 {
        self.impossible_stamps
    }

    /// Marks a target whose counts moved.
    pub fn touch(&mut self, index: u32) {
        if let Some(Some(flow)) = self.flows.get_mut(index as usize)
            && !flow.is_touched
        {
            flow.is_touched = true;
            self.touched.push(index);
        }
    }

    /// Whether counts moved since they were last handed out.
    pub const fn has_touched(&self) -> bool {
        !self.touched.is_empty()
    }

    /// Hands out each target touched since the last time, with its probes in flight.
    pub fn drain_touched(&mut self, mut each: impl FnMut(u32, TargetId, u64)) {
        for index in self.touched.drain(..) {
            if let Some(Some(flow)) = self.flows.get_mut(index as usize) {
                flow.is_touched = false;
                each(index, flow.target, u64::from(flow.open));
            }
        }
    }

    /// The probe that a message with a genuine cookie of ours is about.
    fn matching(&self, echo: &Echo<'_>, is_id_checked: bool) -> Option<(Handle, u64)> {
        let cookie = Cookie::decode(echo.payload).ok()?;
        let flow = self.flow(Handle(cookie.handle))?;
        let is_ours = [flow.id, flow.previous_id]
            .into_iter()
            .any(|id| (is_id_checked || id == echo.id) && cookie.is_genuine(&self.key, flow.ip(), id));
        if !is_ours || cookie.slot as u16 != echo.sequence {
            return None;
        }
        Some((flow.handle, flow.seq_of(cookie.slot)?))
    }

    /// Whether this names a place whose target has changed since.
    fn is_of_removed(&self, echo: &Echo<'_>) -> bool {
        let Ok(cookie) = Cookie::decode(echo.payload) else {
            return false;
        };
        let handle = Handle(cookie.handle);
        (handle.index() as usize) < self.flows.len() && self.flow(handle).is_none()
    }

    fn at_address(&self, ip: IpAddr, is_meant: impl Fn(&Flow) -> bool) -> Option<Handle> {
        self.sources
            .at(ip, &self.flows)
            .filter(|flow| is_meant(flow))
            .map(|flow| flow.handle)
            .min_by_key(|handle| handle.index())
    }

    fn entry(&self, handle: Handle, seq: u64) -> Option<Entry> {
        self.flow(handle)?.ring.get(seq).copied()
    }

    fn flow(&self, handle: Handle) -> Option<&Flow> {
        self.flows
            .get(handle.index() as usize)?
            .as_ref()
            .filter(|flow| flow.handle == handle)
    }

    fn flow_mut(&mut self, handle: Handle) -> Option<&mut Flow> {
        self.flows
            .get_mut(handle.index() as usize)?
            .as_mut()
            .filter(|flow| flow.handle == handle)
    }
}

fn split(token: Token) -> (Handle, u32) {
    (Handle((token.0 >> 32) as u32), token.0 as u32)
}

fn delay(sent_at: MonoTime, at: MonoTime) -> Rtt {
    Rtt::from_nanos(crate::time::nanos_of(at.since(sent_at)))
}
