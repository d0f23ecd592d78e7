//! One ICMP or UDP socket of one family: sends batches, reads replies, stamps and refusals.
//!
//! ICMP is raw where permitted, else a ping socket. A raw socket sees every ICMP message of the computer (the kernel
//! filters by type) and no pending errors; a ping socket sees only its own, and learns of refusals by its error queue,
//! and so does a UDP socket. Not here: whether a message is ours (the decoder's cookie decides) and opening
//! (`icmp_open`, `udp`).

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
use super::options::{self, take_error};
use crate::clock::SystemClock;

/// `SCM_TSTAMP_SND`: the stamp of the hand-over to the device.
const TSTAMP_SND: u32 = 0;
/// All but raw sockets may report an old refusal at a send. So often in a row one is read away and the send tried
/// again; then the error is this packet's own. Each try needs a new refusal to arrive within a microsecond.
const SEND_TRIES: usize = 4;
/// Errors in a row after which a read is given up until the next event.
const READ_TRIES: usize = 16;
/// A message of this length fits every IPv4 link whole: 576 bytes (RFC 791) less the longest header.
const WHOLE_BYTES: u16 = 576 - 60;

/// What a socket speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speech {
    /// ICMP, all of it.
    Raw,
    /// ICMP echo of its own.
    Ping,
    /// Datagrams.
    Udp,
}

/// See the module.
pub(super) struct ProbeSocket {
    pub(super) socket: Socket,
    pub(super) is_v6: bool,
    pub(super) speech: Speech,
    pub(super) class: Class,
    pub(super) book: StampBook,
    /// Something was sent and not looked after since.
    pub(super) is_fresh: bool,
    pub(super) drops: DropCounter,
    /// Its packets are numbered 0, as whole packets may be.
    pub(super) is_unnumbered: bool,
}

impl ProbeSocket {
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    pub(super) fn is_raw(&self) -> bool {
        self.speech == Speech::Raw
    }

    /// Sends `shots`, all of them of this family and speech, and pushes a result for each.
    pub(super) fn send(&mut self, outlet: &mut Outlet<'_>, shots: &[Shot]) {
        let (mut first, mut tries) = (0, 0);
        self.is_fresh = true;
        self.number(shots);
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
                    if self.is_raw() || tries == SEND_TRIES {
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

    /// Small packets are never fragmented. Sent as such they need no number of their own, whose making costs a tenth of a
    /// send when targets are many; large ones may be fragmented on the way, as those of any program.
    fn number(&mut self, shots: &[Shot]) {
        let is_small = |shot: &Shot| matches!(shot.body, ShotBody::Icmp { len, .. } | ShotBody::Udp { len, .. } if len <= WHOLE_BYTES);
        let is_unnumbered = !self.is_v6 && shots.iter().all(is_small);
        if is_unnumbered == self.is_unnumbered {
            return;
        }
        let mode = if is_unnumbered {
            libc::IP_PMTUDISC_PROBE
        } else {
            libc::IP_PMTUDISC_WANT
        };
        // Refused, it costs a little time and nothing else.
        let _best_effort = options::set(self.fd(), libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, &mode);
        self.is_unnumbered = is_unnumbered;
    }

    /// One `sendmmsg`. An ICMP socket takes anything as long as it is an echo request; a shot without bytes
    /// cannot be, and the kernel says so. A shot of another speech has none.
    fn send_once(&self, shots: &[Shot], outgoing: &Outgoing) -> Result<usize, i32> {
        let packet = |index: usize| {
            let shot = &shots[index];
            let (port, bytes) = message(shot, &outgoing.bytes);
            Departing {
                to: shot.to,
                port,
                bytes,
                key: self.book.is_explicit().then(|| self.book.key_ahead(index)),
                egress: outgoing.egress(shot.egress),
            }
        };
        batch::send(self.fd(), shots.len(), packet, libc::MSG_DONTWAIT)
    }

    /// After a refused send: takes off the socket what belongs to earlier probes, and counts keys anew if they are
    /// counted.
    fn resynchronise(&mut self, outlet: &mut Outlet<'_>) {
        if !self.is_raw() || !self.book.is_explicit() {
            self.drain_errors(outlet.room, outlet.clock, outlet.haul);
        }
        if !self.is_raw() {
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
        let message = if self.is_raw() && !self.is_v6 {
            without_ip_header(packet.bytes)
        } else {
            packet.bytes
        };
        let (start, len) = haul.keep(message);
        let stamp = packet.control.stamp;
        haul.others.push(match self.speech {
            Speech::Raw | Speech::Ping => Arrival::Icmp {
                from,
                start,
                len,
                stamp,
                at,
                is_id_checked: !self.is_raw(),
            },
            Speech::Udp => Arrival::Udp {
                from,
                port: packet.port,
                start,
                len,
                stamp,
                at,
            },
        });
    }

    /// Reads the error queue to its end: transmit stamps, and refusals of all but raw sockets.
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
                let (kind, code) = (error.kind, error.code);
                haul.others.push(match self.speech {
                    Speech::Raw | Speech::Ping => Arrival::IcmpError {
                        reporter: error.offender,
                        to,
                        kind,
                        code,
                        start,
                        len,
                        at,
                        is_id_checked: !self.is_raw(),
                    },
                    Speech::Udp => Arrival::UdpError {
                        to,
                        port: packet.port,
                        kind,
                        code,
                        start,
                        len,
                        stamp: packet.control.stamp,
                        at,
                    },
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

/// The port (0: none) and bytes of a shot; empty if it points outside.
fn message<'a>(shot: &Shot, bytes: &'a [u8]) -> (u16, &'a [u8]) {
    let (port, start, len) = match shot.body {
        ShotBody::Icmp { start, len } => (0, start, len),
        ShotBody::Udp { port, start, len, .. } => (port, start, len),
        ShotBody::Tcp { .. } => (0, 0, 0),
    };
    let start = start as usize;
    (
        port,
        bytes.get(start..start + usize::from(len)).unwrap_or_default(),
    )
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
