//! The half of a turn that comes in: arrivals, what the clocks did, and what timed out.

use linewatch_core::inflight::Stamps;
use linewatch_core::limits::BATCH_RECORDS;
use linewatch_core::packet::icmp::{self, Message, PathError};
use linewatch_core::packet::udp::{self, DatagramError};
use linewatch_core::port::{Arrival, Clock, Wire};
use linewatch_core::record::{Gap, GapKind};
use linewatch_core::time::{MonoTime, WallTime};

use super::clocks::Upheaval;
use super::places::Placed;
use super::{DRAIN_SLACK, Shard, Sink};

impl<W: Wire, C: Clock> Shard<W, C> {
    /// Takes what came, waiting until `until`, and ends what timed out.
    pub(super) fn collect(&mut self, until: MonoTime, sink: Sink<'_>) {
        // What arrived before this moment will have been read: receiving drains every socket after it.
        let drained_at = self.clocks.clock.mono();
        let looked_at = self.clocks.anchor.mono;
        self.incoming.clear();
        self.wire.receive(until, &mut self.incoming);
        // Counted from the look before, not from here: most stops of a process begin at the end of a system call, and what
        // is called between the two is the sending.
        self.on_upheaval(until.max(looked_at));
        let incoming = std::mem::take(&mut self.incoming);
        for arrival in &incoming.arrivals {
            self.settle(arrival, &incoming.bytes);
            if self.outbox.is_full() {
                self.flush(sink);
            }
        }
        self.incoming = incoming;
        if self.incoming.has_more {
            // A reply may still wait in a socket: judged by the stamps it may be in time, so nothing expires yet.
            return;
        }
        while self.in_flight.expire(
            drained_at.minus(DRAIN_SLACK),
            BATCH_RECORDS,
            &mut self.outbox.batch,
        ) {
            self.flush(sink);
        }
    }

    /// Looks at the clocks and does what follows.
    pub(super) fn on_upheaval(&mut self, expected_at: MonoTime) {
        let before = self.clocks.anchor;
        let Upheaval {
            has_stalled,
            slept,
            step,
        } = self.clocks.look(expected_at);
        let anchor = self.clocks.anchor;
        if has_stalled {
            self.in_flight.doubt(GapKind::Stalled, anchor.mono);
        }
        if slept.is_some() || step.is_some() {
            self.outbox.break_calendar(anchor);
        }
        if let Some(slept) = slept {
            self.in_flight.slept(before, anchor.mono);
            self.schedule.slept(slept, anchor.mono, &mut self.missed);
            self.push_missed(GapKind::Suspended, Some((anchor.wall.minus(slept), anchor.wall)));
        }
        if has_stalled {
            self.schedule.stood_still(anchor.mono, &mut self.missed);
            self.push_missed(GapKind::Stalled, None);
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
                .iter()
                .filter(|placed| !self.places.is_paused(placed.id))
            {
                let first_seq = self.schedule.scheduled(placed.handle.index());
                let (target, kind) = (placed.id, GapKind::ClockStepped);
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
    pub(super) fn push_missed(&mut self, kind: GapKind, span: Option<(WallTime, WallTime)>) {
        for missed in self.missed.drain(..) {
            let Some(&Placed { id: target, .. }) = self.places.at(missed.index) else {
                continue;
            };
            let anchor = self.clocks.anchor;
            let (from, to) = span.unwrap_or((anchor.wall_at(missed.from), anchor.wall_at(missed.to)));
            self.in_flight.touch(missed.index);
            let (first_seq, slots) = (missed.first_seq, missed.slots);
            self.outbox.batch.gaps.push(Gap {
                target,
                kind,
                from,
                to,
                first_seq,
                slots,
            });
        }
    }

    pub(super) fn settle(&mut self, arrival: &Arrival, bytes: &[u8]) {
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
            Arrival::Udp {
                from,
                port,
                start,
                len,
                stamp,
                at,
            } => {
                let (cookie, payload) = udp::decode(slice(bytes, start, len)).ok().unzip();
                let is_meant = |handle| self.places.speaks_udp(handle, port, payload);
                let stamps = Stamps {
                    received: stamp,
                    at,
                    anchor: self.clocks.anchor,
                };
                self.in_flight.on_datagram(from, cookie, is_meant, stamps, batch);
            }
            Arrival::UdpError {
                to,
                port,
                kind,
                code,
                start,
                len,
                stamp,
                at,
            } => {
                let error = DatagramError {
                    kind,
                    code,
                    to: to.ip,
                    cookie: udp::decode_quoted(slice(bytes, start, len)),
                };
                let is_meant = |handle| self.places.speaks_udp(handle, port, None);
                let stamps = Stamps {
                    received: stamp,
                    at,
                    anchor: self.clocks.anchor,
                };
                self.in_flight.on_datagram_error(&error, is_meant, stamps, batch);
            }
            Arrival::Tcp { token, end, at } => self.in_flight.on_tcp(token, end, at, batch),
            Arrival::Overflow { .. } => self.in_flight.doubt(GapKind::RxOverflow, self.clocks.anchor.mono),
        }
    }
}

fn slice(bytes: &[u8], start: u32, len: u16) -> &[u8] {
    let start = start as usize;
    bytes.get(start..start + usize::from(len)).unwrap_or_default()
}
