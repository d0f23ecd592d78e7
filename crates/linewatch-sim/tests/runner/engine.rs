//! THROWAWAY stand-in.
use std::collections::HashMap;
use std::time::Duration;

use linewatch_core::errno;
use linewatch_core::port::*;
use linewatch_core::record::*;
use linewatch_core::target::*;
use linewatch_core::time::*;
use linewatch_sim::clock::SimClock;
use linewatch_sim::scenario::address_of;
use linewatch_sim::wire::SimWire;

struct Sent { seq: u64, due: MonoTime, at: MonoTime, timeout: Duration, tx: Option<WireTime> }
struct Line { target: Target, to: Address, next: MonoTime, seq: u64, flight: Vec<Sent>, done: HashMap<u64, (MonoTime, bool)>, newest: u64, paused: Option<(MonoTime, WallTime)> }
pub(crate) struct Engine { wire: SimWire<SimClock>, clock: SimClock, id: u16, lines: Vec<Line>, out: RecordBatch, stopped: bool, token: u64, tokens: HashMap<u64, (usize, u64)> }

impl Engine {
    pub(crate) fn new(wire: SimWire<SimClock>, clock: SimClock, number: u64) -> Self {
        let out = RecordBatch::new(clock.anchor());
        Self { wire, clock, id: 100 + number as u16, lines: vec![], out, stopped: false, token: 0, tokens: HashMap::new() }
    }
    pub(crate) fn set(&mut self, target: &Target) {
        if let Some(line) = self.lines.iter_mut().find(|l| l.target.id == target.id) { line.target = target.clone(); return; }
        let phase = (u64::from(target.id.0).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11) as u128 * target.plan.interval.as_nanos() >> 53;
        let next = self.clock.mono().plus(Duration::from_nanos(phase as u64));
        self.lines.push(Line { target: target.clone(), to: address_of(target).unwrap(), next, seq: 0, flight: vec![], done: HashMap::new(), newest: 0, paused: None });
    }
    pub(crate) fn remove(&mut self, id: TargetId) {
        if let Some(i) = self.lines.iter().position(|l| l.target.id == id) {
            let fl = std::mem::take(&mut self.lines[i].flight);
            for s in fl { self.finish(i, &s, Outcome::Unmeasured, None, None, Cause::Gap(GapKind::Stopped), Class::K, false); }
            self.lines[i].next = MonoTime::MAX;
        }
    }
    pub(crate) fn pause(&mut self, id: TargetId) {
        let anchor = self.clock.anchor();
        for l in self.lines.iter_mut().filter(|l| l.target.id == id) { l.paused = Some((l.next, anchor.wall)); l.next = MonoTime::MAX; }
    }
    pub(crate) fn resume(&mut self, id: TargetId) {
        let now = self.clock.anchor();
        for l in self.lines.iter_mut().filter(|l| l.target.id == id) {
            let (_, from) = l.paused.take().unwrap();
            l.next = now.mono;
            self.out.gaps.push(Gap { target: id, kind: GapKind::Paused, from, to: now.wall, first_seq: l.seq, slots: 0 });
        }
    }
    pub(crate) fn stop(&mut self) { self.stopped = true; }
    pub(crate) fn is_settled(&self) -> bool { self.out.is_empty() && self.lines.iter().all(|l| l.flight.is_empty()) }
    fn finish(&mut self, i: usize, s: &Sent, outcome: Outcome, rtt: Option<Rtt>, host: Option<Rtt>, cause: Cause, class: Class, is_reordered: bool) {
        self.lines[i].done.insert(s.seq, (s.at, true));
        let target = self.lines[i].target.id;
        self.out.records.push(ProbeRecord { target, seq: s.seq, due_at: s.due, sent_at: s.at, outcome, rtt, host_rtt: host, class, cause, is_reordered });
    }
    pub(crate) fn turn(&mut self, batches: &mut Vec<RecordBatch>) {
        let now = self.clock.mono();
        let mut o = Outgoing::default();
        let mut who = vec![];
        for i in 0..self.lines.len() {
            while !self.stopped && self.lines[i].next <= now {
                let l = &mut self.lines[i];
                let due = l.next;
                l.next = l.next.plus(l.target.plan.interval);
                let seq = l.seq; l.seq += 1;
                if now.since(due) > Duration::from_secs(1) {
                    let a = self.clock.anchor();
                    match self.out.gaps.last_mut() { Some(g) if g.target == l.target.id && g.kind == GapKind::Stalled => { g.slots += 1; g.to = a.wall_at(due); }
                      _ => self.out.gaps.push(Gap { target: l.target.id, kind: GapKind::Stalled, from: a.wall_at(due), to: a.wall_at(due), first_seq: seq, slots: 1 }) }
                    continue;
                }
                self.token += 1;
                self.tokens.insert(self.token, (i, seq));
                let timeout = l.target.plan.timeout;
                let body = match l.target.method {
                    Method::IcmpEcho => {
                        let start = o.bytes.len() as u32;
                        let v6 = l.to.ip.is_ipv6();
                        let mut b = vec![if v6 {128} else {8}, 0, 0, 0];
                        b.extend(self.id.to_be_bytes()); b.extend((seq as u16).to_be_bytes());
                        b.extend(l.target.id.0.to_be_bytes()); b.extend(seq.to_be_bytes()); b.extend([7; 4]);
                        o.bytes.extend(&b);
                        ShotBody::Icmp { start, len: b.len() as u16 }
                    }
                    Method::TcpConnect { port } => ShotBody::Tcp { port, timeout },
                };
                o.shots.push(Shot { token: Token(self.token), to: l.to, body });
                who.push((i, seq, due, timeout));
            }
        }
        let mut res = vec![];
        self.wire.send(&o, &mut res);
        for ((i, seq, due, timeout), r) in who.into_iter().zip(res) {
            let s = Sent { seq, due, at: r.sent_at, timeout, tx: None };
            match r.result { Ok(()) => self.lines[i].flight.push(s), Err(e) => { let (outc, c) = errno::classify(e); let s = Sent { at: due, ..s }; self.finish(i, &s, outc, None, None, c, Class::K, false); } }
        }
        let mut until = MonoTime::MAX;
        for l in &self.lines { if !self.stopped { until = until.min(l.next); } for s in &l.flight { until = until.min(s.at.plus(s.timeout).plus(Duration::from_nanos(1))); } }
        if !self.out.is_empty() { until = until.min(now.plus(Duration::from_millis(20))); }
        let mut inc = Incoming::default();
        self.wire.receive(until, &mut inc);
        for a in &inc.arrivals { self.arrival(a, &inc.bytes); }
        let now = self.clock.mono();
        for i in 0..self.lines.len() {
            let mut k = 0;
            while k < self.lines[i].flight.len() {
                let s = &self.lines[i].flight[k];
                if now > s.at.plus(s.timeout) { let s = self.lines[i].flight.remove(k); self.finish(i, &s, Outcome::Lost, None, None, Cause::None, Class::K, false); } else { k += 1; }
            }
        }
        if !self.out.is_empty() {
            for l in &self.lines { self.out.progress.push(Progress { target: l.target.id, scheduled: l.seq, in_flight: l.flight.len() as u64 }); }
            self.out.anchor = self.clock.anchor(); self.out.flushed_at = now;
            batches.push(std::mem::replace(&mut self.out, RecordBatch::new(self.clock.anchor())));
        }
    }
    fn arrival(&mut self, a: &Arrival, bytes: &[u8]) {
        match *a {
            Arrival::Transmitted { token, stamp } => { let (i, seq) = self.tokens[&token.0]; if let Some(s) = self.lines[i].flight.iter_mut().find(|s| s.seq == seq) { s.tx = Some(stamp); } }
            Arrival::Icmp { from, start, len, stamp, at, .. } => {
                let b = &bytes[start as usize..][..len as usize];
                if b.len() < 20 { return; }
                if u16::from_be_bytes([b[4], b[5]]) != self.id { return; }
                let id = u32::from_be_bytes(b[8..12].try_into().unwrap()); let seq = u64::from_be_bytes(b[12..20].try_into().unwrap());
                let Some(i) = self.lines.iter().position(|l| l.to == from) else { return };
                let forged = self.lines[i].target.id.0 != id || seq as u16 != u16::from_be_bytes([b[6], b[7]]);
                if forged { let t = self.lines[i].target.id; self.out.strays.push(Stray { target: t, seq: 0, kind: StrayKind::Forged, sent_at: at, delay: None }); return; }
                let Some(k) = self.lines[i].flight.iter().position(|s| s.seq == seq) else {
                    let (sent, was_reply) = self.lines[i].done[&seq];
                    let lost = !was_reply || self.out.records.iter().any(|r| r.seq == seq && r.outcome == Outcome::Lost);
                    let kind = if at.since(sent) > self.lines[i].target.plan.timeout || lost { StrayKind::Late } else { StrayKind::Duplicate };
                    let t = self.lines[i].target.id;
                    self.out.strays.push(Stray { target: t, seq, kind, sent_at: sent, delay: Some(Rtt::from_nanos(nanos_of(at.since(sent)))) }); return; };
                let s = self.lines[i].flight.remove(k);
                let host = Rtt::from_nanos(nanos_of(at.since(s.at)));
                let (rtt, class) = match (s.tx, stamp) { (Some(t), Some(r)) => match Rtt::between(t, r) { Ok(x) if x <= host => (x, Class::K), _ => (host, Class::U) },
                   (None, Some(r)) => { let tx = WireTime::from_nanos(self.clock.wall_at(s.at).as_nanos()); (Rtt::between(tx, r).unwrap(), Class::H) } _ => (host, Class::U) };
                if rtt.as_nanos() > nanos_of(s.timeout) { self.finish(i, &s, Outcome::Lost, None, None, Cause::None, class, false); return; }
                let re = seq < self.lines[i].newest; self.lines[i].newest = self.lines[i].newest.max(seq);
                self.finish(i, &s, Outcome::Reply, Some(rtt), Some(host), Cause::None, class, re);
            }
            Arrival::IcmpError { to, kind, code, start, len, .. } => {
                let b = &bytes[start as usize..][..len as usize];
                let seq16 = u16::from_be_bytes([b[6], b[7]]);
                let Some(i) = self.lines.iter().position(|l| l.to == to) else { return };
                if let Some(k) = self.lines[i].flight.iter().position(|s| s.seq as u16 == seq16) { let s = self.lines[i].flight.remove(k); self.finish(i, &s, Outcome::Unreachable, None, None, Cause::Icmp { kind, code, is_v6: false }, Class::K, false); }
            }
            Arrival::Tcp { token, end, at } => {
                let (i, seq) = self.tokens[&token.0];
                let Some(k) = self.lines[i].flight.iter().position(|s| s.seq == seq) else { return };
                let s = self.lines[i].flight.remove(k);
                let host = Rtt::from_nanos(nanos_of(at.since(s.at)));
                match end { TcpEnd::Connected { rtt } => self.finish(i, &s, Outcome::Reply, Some(rtt.unwrap_or(host)), Some(host), Cause::None, if rtt.is_some() { Class::K } else { Class::U }, false),
                    TcpEnd::Refused => self.finish(i, &s, Outcome::Refused, Some(host), Some(host), Cause::None, Class::U, false),
                    TcpEnd::Retransmitted => self.finish(i, &s, Outcome::Lost, None, None, Cause::Retransmitted, Class::K, false),
                    TcpEnd::Failed { errno } => { let (o, c) = errno::classify(errno); self.finish(i, &s, o, None, None, c, Class::K, false); } }
            }
            Arrival::Overflow { .. } => {}
        }
    }
}
