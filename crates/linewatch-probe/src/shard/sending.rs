//! The half of a turn that goes out.

use linewatch_core::errno;
use linewatch_core::inflight::Sent;
use linewatch_core::limits::SEND_BATCH;
use linewatch_core::packet::icmp;
use linewatch_core::port::{Clock, Shot, ShotBody, Wire};
use linewatch_core::record::{Cause, GapKind, Outcome, ProbeRecord};
use linewatch_core::schedule::Due;
use linewatch_core::target::Method;
use linewatch_core::time::MonoTime;

use super::places::Placed;
use super::{Shard, Sink};

/// Targets taken from the schedule before the sockets are looked at again: eight batches.
const DUE_LIMIT: usize = 8 * SEND_BATCH;

impl<W: Wire, C: Clock> Shard<W, C> {
    pub(super) fn send_due(&mut self, now: MonoTime, sink: Sink<'_>) {
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

    pub(super) fn send(&mut self, due: &[Due], now: MonoTime) {
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
    pub(super) fn aim(&mut self, slot: &Due, now: MonoTime) {
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

    pub(super) fn not_sent(&mut self, slot: &Due, sent_at: MonoTime, outcome: Outcome, cause: Cause) {
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
}
