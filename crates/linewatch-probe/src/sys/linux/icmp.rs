//! One ICMP socket of one family: sends batches, reads replies, stamps and refusals.
//!
//! Raw where permitted, else a ping socket. A raw socket sees every ICMP message of the computer (the kernel
//! filters by type) and no pending errors; a ping socket sees only its own, and learns of refusals by its error
//! queue. Not here: whether a message is ours (the decoder's cookie decides) and opening (`icmp_open`).

use std::os::fd::{AsFd as _, BorrowedFd};

use linewatch_core::limits::{RECEIVE_BATCH, SEND_BATCH};
use linewatch_core::port::{Arrival, Clock as _, Outgoing, SendResult, Shot, ShotBody};
use linewatch_core::record::Class;
use linewatch_core::time::MonoTime;
use socket2::Socket;

use super::batch::{self, Arrived, Departing, ReceiveBatch};
use super::drops::DropCounter;
use super::haul::Haul;
use super::icmp_open;
use super::keys::StampBook;
use super::options::take_error;
use crate::clock::SystemClock;

/// `SCM_TSTAMP_SND`: the stamp of the hand-over to the device.
const TSTAMP_SND: u32 = 0;
/// A ping socket may report an old refusal at a send. So often in a row one is read away and the send tried
/// again; then the error is this packet's own. Each try needs a new refusal to arrive within a microsecond.
const SEND_TRIES: usize = 4;
/// Errors in a row after which a read is given up until the next event.
const READ_TRIES: usize = 16;

/// See the module.
pub(super) struct IcmpSocket {
    pub(super) socket: Socket,
    pub(super) is_v6: bool,
    pub(super) is_raw: bool,
    pub(super) class: Class,
    pub(super) book: StampBook,
    /// Something was sent and not looked after since.
    pub(super) is_fresh: bool,
    pub(super) drops: DropCounter,
}

impl IcmpSocket {
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Sends `shots`, all of them ICMP of this family, and pushes a result for each.
    pub(super) fn send(&mut self, outlet: &mut Outlet<'_>, shots: &[Shot]) {
        let (mut first, mut tries) = (0, 0);
        self.is_fresh = true;
        while first < shots.len() {
            let batch = &shots[first..shots.len().min(first + SEND_BATCH)];
            let sent_at = outlet.clock.mono();
            match self.send_once(batch, outlet.outgoing) {
                Ok(count) => {
                    for shot in &batch[..count] {
                        self.book.sent(shot.token);
                        outlet.results.push(SendResult {
                            sent_at,
                            result: Ok(()),
                        });
                    }
                    if count < batch.len() {
                        // The kernel stopped at a failure it does not tell; its counter may have moved.
                        self.resynchronise(outlet);
                    }
                    (first, tries) = (first + count, 0);
                }
                Err(errno) => {
                    self.resynchronise(outlet);
                    tries += 1;
                    if self.is_raw || tries == SEND_TRIES {
                        outlet.results.push(SendResult {
                            sent_at,
                            result: Err(errno),
                        });
                        (first, tries) = (first + 1, 0);
                    }
                }
            }
        }
    }

    /// One `sendmmsg`. An ICMP socket takes anything as long as it is an echo request; a shot without bytes
    /// cannot be, and the kernel says so.
    fn send_once(&self, shots: &[Shot], outgoing: &Outgoing) -> Result<usize, i32> {
        let packet = |index: usize| Departing {
            to: shots[index].to,
            bytes: message(&shots[index], &outgoing.bytes),
            key: self.book.is_explicit().then(|| self.book.key_ahead(index)),
            egress: outgoing.egress(shots[index].egress),
        };
        batch::send(self.fd(), shots.len(), packet, libc::MSG_DONTWAIT)
    }

    /// After a refused send: takes off the socket what belongs to earlier probes, and counts keys anew if they are
    /// counted.
    fn resynchronise(&mut self, outlet: &mut Outlet<'_>) {
        if !self.is_raw || !self.book.is_explicit() {
            self.drain_errors(outlet.room, outlet.clock, outlet.haul);
        }
        if !self.is_raw {
            take_error(self.fd());
        }
        if self.book.failed() {
            // If the kernel refuses what it granted at the start, stamps stop coming; nothing is credited wrongly
            // because the book has forgotten every key it gave.
            let _refused = icmp_open::restart_keys(self.fd());
            self.book.restarted();
        }
    }

    /// Reads replies until none is left or `budget` is used up; true if none is left.
    pub(super) fn drain_replies(
        &mut self,
        room: &mut ReceiveBatch,
        clock: SystemClock,
        haul: &mut Haul,
        budget: &mut usize,
    ) -> bool {
        let mut errors = 0;
        while *budget > 0 {
            let count = match room.receive(self.fd(), 0) {
                Ok(count) => count,
                Err(libc::EAGAIN) => break,
                // A pending error of an earlier probe, reported in full by the error queue.
                Err(_) if errors < READ_TRIES => {
                    errors += 1;
                    continue;
                }
                Err(_) => break,
            };
            let at = clock.mono();
            for index in 0..count {
                self.keep_reply(&room.packet(index), at, haul);
            }
            *budget = budget.saturating_sub(count);
            if count < RECEIVE_BATCH {
                break;
            }
        }
        let is_drained = *budget > 0;
        let dropped = self.drops.on_drained(self.socket.as_fd(), is_drained);
        push_overflow(dropped, haul);
        is_drained
    }

    fn keep_reply(&mut self, packet: &Arrived<'_>, at: MonoTime, haul: &mut Haul) {
        let dropped = self.drops.on_packet(packet.control.dropped_total);
        push_overflow(dropped, haul);
        let Some(from) = packet.name else { return };
        let message = if self.is_raw && !self.is_v6 {
            without_ip_header(packet.bytes)
        } else {
            packet.bytes
        };
        let (start, len) = haul.keep(message);
        haul.others.push(Arrival::Icmp {
            from,
            start,
            len,
            stamp: packet.control.stamp,
            at,
            is_id_checked: !self.is_raw,
        });
    }

    /// Reads the error queue to its end: transmit stamps, and refusals of ping sockets.
    pub(super) fn drain_errors(&mut self, room: &mut ReceiveBatch, clock: SystemClock, haul: &mut Haul) {
        let mut is_empty = true;
        // An empty queue answers EAGAIN. It ends: only our own sends and their refusals fill it.
        while let Ok(count) = room.receive(self.fd(), libc::MSG_ERRQUEUE) {
            is_empty = false;
            let at = clock.mono();
            for index in 0..count {
                self.keep_error(&room.packet(index), at, haul);
            }
            if count < RECEIVE_BATCH {
                break;
            }
        }
        if is_empty {
            // An error without its report (the queue had no room for it) would wake us for ever.
            take_error(self.fd());
        }
    }

    fn keep_error(&mut self, packet: &Arrived<'_>, at: MonoTime, haul: &mut Haul) {
        let Some(error) = packet.control.error else { return };
        match error.origin {
            libc::SO_EE_ORIGIN_TIMESTAMPING if error.info == TSTAMP_SND => {
                let token = self.book.take(error.data);
                if let (Some(token), Some(stamp)) = (token, packet.control.stamp) {
                    haul.stamps.push(Arrival::Transmitted { token, stamp });
                }
            }
            libc::SO_EE_ORIGIN_ICMP | libc::SO_EE_ORIGIN_ICMP6 => {
                let Some(to) = packet.name else { return };
                let (start, len) = haul.keep(packet.bytes);
                haul.others.push(Arrival::IcmpError {
                    reporter: error.offender,
                    to,
                    kind: error.kind,
                    code: error.code,
                    start,
                    len,
                    at,
                    is_id_checked: !self.is_raw,
                });
            }
            // Local errors (EMSGSIZE) were the answer of the send call already.
            _ => {}
        }
    }
}

/// What a send needs besides the socket.
pub(super) struct Outlet<'a> {
    pub(super) clock: SystemClock,
    /// What all shots share.
    pub(super) outgoing: &'a Outgoing,
    pub(super) results: &'a mut Vec<SendResult>,
    pub(super) room: &'a mut ReceiveBatch,
    pub(super) haul: &'a mut Haul,
}

/// The bytes of an ICMP shot; empty if it points outside.
fn message<'a>(shot: &Shot, bytes: &'a [u8]) -> &'a [u8] {
    match shot.body {
        ShotBody::Icmp { start, len } => {
            let start = start as usize;
            bytes.get(start..start + usize::from(len)).unwrap_or_default()
        }
        ShotBody::Tcp { .. } => &[],
    }
}

/// The ICMP message behind an IPv4 header with its options; empty if the header is not one.
fn without_ip_header(packet: &[u8]) -> &[u8] {
    let words = packet.first().map_or(0, |first| usize::from(first & 0x0f));
    packet.get(words * 4..).filter(|_| words >= 5).unwrap_or_default()
}

fn push_overflow(dropped: Option<u32>, haul: &mut Haul) {
    haul.others
        .extend(dropped.map(|dropped| Arrival::Overflow { dropped }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ip_options_are_stripped_and_nonsense_is_empty() {
        let mut packet = [0u8; 40];
        packet[0] = 0x46;
        packet[24] = 9;
        assert_eq!(without_ip_header(&packet)[0], 9);
        packet[0] = 0x44;
        assert!(
            without_ip_header(&packet).is_empty(),
            "a header of 16 bytes is none"
        );
        packet[0] = 0x4f;
        assert!(
            without_ip_header(&packet[..20]).is_empty(),
            "a header longer than the packet"
        );
        assert!(without_ip_header(&[]).is_empty());
    }
}
