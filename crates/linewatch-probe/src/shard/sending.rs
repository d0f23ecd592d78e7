//! The half of a turn that goes out.

use linewatch_core::inflight::Launch;
use linewatch_core::limits::SEND_BATCH;
use linewatch_core::packet::{dns, icmp, udp};
use linewatch_core::port::{Clock, Shot, ShotBody, Wire};
use linewatch_core::record::{Cause, GapKind, Outcome, ProbeRecord};
use linewatch_core::schedule::Due;
use linewatch_core::target::{Method, UdpPayload};
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

    fn send(&mut self, due: &[Due], now: MonoTime) {
        self.outgoing.clear();
        self.results.clear();
        self.shots.clear();
        self.fetch_ahead(due);
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
            let (handle, sent_at) = (placed.handle, result.sent_at);
            match result.result {
                Ok(()) => {
                    self.sent += 1;
                    self.in_flight.left(handle, slot.seq, sent_at);
                }
                Err(errno) => {
                    self.in_flight
                        .failed(handle, slot.seq, sent_at, errno, &mut self.outbox.batch);
                }
            }
        }
    }

    /// Touches what the batch will need. Of many targets it lies in slow memory, which answers ten questions at once in the
    /// time of one if nothing is done between them.
    fn fetch_ahead(&self, due: &[Due]) {
        let mut sum = 0;
        for slot in due {
            if let Some(placed) = self.places.at(slot.index) {
                sum ^= u64::from(placed.payload_bytes) ^ self.in_flight.touch_memory(placed.handle);
            }
        }
        std::hint::black_box(sum);
    }

    /// Puts one shot into `outgoing`, or refuses it.
    fn aim(&mut self, slot: &Due, now: MonoTime) {
        if slot.is_refused {
            return self.refuse(slot);
        }
        let Some(&placed) = self.places.at(slot.index) else {
            return;
        };
        let (seq, due_at, handle, timeout) = (slot.seq, slot.due_at, placed.handle, placed.timeout());
        let has_room = self.in_flight.launch(Launch {
            handle,
            seq,
            due_at,
            at: now,
            timeout,
        });
        let stamp = self.in_flight.stamp(handle, seq).filter(|_| has_room);
        let (Some((cookie, id, sequence)), Some(to)) = (stamp, self.in_flight.address(handle)) else {
            return self.refuse(slot);
        };
        let body = match placed.method {
            Method::IcmpEcho => {
                let bytes = &mut self.outgoing.bytes;
                let start = bytes.len();
                let is_v6 = to.ip.is_ipv6();
                icmp::encode_request(is_v6, id, sequence, cookie, placed.payload_bytes, bytes);
                ShotBody::Icmp {
                    start: start as u32,
                    len: (bytes.len() - start) as u16,
                }
            }
            Method::TcpConnect { port } => ShotBody::Tcp { port, timeout },
            Method::Udp { port, payload } => {
                let bytes = &mut self.outgoing.bytes;
                let start = bytes.len();
                match payload {
                    UdpPayload::Echo => udp::encode_echo(cookie, placed.payload_bytes, bytes),
                    UdpPayload::Dns => dns::encode_query(cookie, bytes),
                }
                ShotBody::Udp {
                    port,
                    source: placed.source,
                    start: start as u32,
                    len: (bytes.len() - start) as u16,
                }
            }
        };
        self.outgoing.shots.push(Shot {
            token: handle.token(slot.seq),
            to,
            egress: placed.egress,
            body,
        });
        self.shots.push(*slot);
    }

    /// More are in flight than can be told apart, or more are late than may leave in a burst.
    fn refuse(&mut self, slot: &Due) {
        let Some(&Placed {
            id: target, class, ..
        }) = self.places.at(slot.index)
        else {
            return;
        };
        self.in_flight.touch(slot.index);
        self.outbox.batch.records.push(ProbeRecord {
            target,
            seq: slot.seq,
            due_at: slot.due_at,
            sent_at: slot.due_at,
            outcome: Outcome::Unsent,
            rtt: None,
            host_rtt: None,
            class,
            cause: Cause::Overload,
            is_reordered: false,
        });
    }
}
