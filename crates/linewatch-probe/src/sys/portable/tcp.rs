//! TCP handshakes with what every system offers: a non-blocking connect, an event, our own clock.
//!
//! No kernel says here how long a handshake took or whether it sent the SYN twice: the RTT is the user clock's
//! (class U), and an answer as late as a second SYN is lost, because it may belong to that one (Karn). Every
//! socket is closed by a reset (`SO_LINGER` 0), so that no TIME_WAIT uses up the local ports.
//! An ICMP port unreachable cannot be told from a reset here.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::Duration;

use linewatch_core::port::{Arrival, Clock as _, SendResult, TcpEnd, Token};
use linewatch_core::target::{Address, Egress};
use linewatch_core::time::MonoTime;
use mio::net::TcpStream;
use mio::{Interest, Registry};
use socket2::{Domain, Protocol, Socket, Type};

use super::errno;
use crate::clock::SystemClock;

/// When a second SYN may have been sent: RFC 6298 2.1, which macOS, Windows and Linux keep.
const SECOND_SYN_AFTER: Duration = Duration::from_secs(1);

struct Attempt {
    stream: TcpStream,
    token: Token,
    sent_at: MonoTime,
    /// Tells this tenant of its slot from the ones before.
    serial: u64,
}

/// One handshake to start.
#[derive(Clone, Copy)]
pub(super) struct Handshake {
    pub(super) token: Token,
    pub(super) to: Address,
    pub(super) egress: Egress,
    pub(super) port: u16,
    pub(super) timeout: Duration,
}

/// All handshakes under way.
#[derive(Default)]
pub(super) struct TcpProber {
    slots: Vec<Option<Attempt>>,
    free: Vec<usize>,
    started: u64,
    /// When each is given up, soonest first; entries of ended ones stay until their time.
    deadlines: BinaryHeap<Reverse<(MonoTime, usize, u64)>>,
    /// Ended within the call that started them.
    at_once: Vec<Arrival>,
}

impl TcpProber {
    /// Sends the SYN. `Err` if this computer refused. Events of slot `n` come under the token `first + n`.
    pub(super) fn start(
        &mut self,
        clock: SystemClock,
        registry: &Registry,
        first: usize,
        what: Handshake,
    ) -> SendResult {
        let prepared = prepare(what);
        let sent_at = clock.mono();
        let begun = prepared.and_then(|socket| connect(&socket, what).map(|end| (socket, end)));
        let result = match begun {
            Ok((_closed, Some(end))) => {
                self.at_once.push(Arrival::Tcp {
                    token: what.token,
                    end,
                    at: clock.mono(),
                });
                Ok(())
            }
            Ok((socket, None)) => self.keep(registry, first, socket, what, sent_at),
            Err(errno) => Err(errno),
        };
        SendResult { sent_at, result }
    }

    /// Hands over what ended at once; true if there was anything.
    pub(super) fn deliver(&mut self, arrivals: &mut Vec<Arrival>) -> bool {
        let had_any = !self.at_once.is_empty();
        arrivals.append(&mut self.at_once);
        had_any
    }

    /// When the next one is given up.
    pub(super) fn next_deadline(&mut self) -> Option<MonoTime> {
        while let Some(Reverse((at, slot, serial))) = self.deadlines.peek().copied() {
            if self.is_live(slot, serial) {
                return Some(at);
            }
            self.deadlines.pop();
        }
        None
    }

    /// Closes what is overdue at `now`, a moment before the sockets were last asked for events.
    pub(super) fn expire(&mut self, now: MonoTime, registry: &Registry) {
        while self.next_deadline().is_some_and(|at| at <= now) {
            if let Some(Reverse((_, slot, _))) = self.deadlines.pop() {
                self.release(slot, registry);
            }
        }
    }

    /// This slot's socket is ready: hears how its handshake ended.
    pub(super) fn on_ready(
        &mut self,
        slot: usize,
        clock: SystemClock,
        registry: &Registry,
        arrivals: &mut Vec<Arrival>,
    ) {
        // An event of a tenant that ended before, in the same batch of events: slots are let again after it only.
        let Some(Some(attempt)) = self.slots.get(slot) else {
            return;
        };
        let at = clock.mono();
        let Some(end) = attempt.end(at) else { return };
        arrivals.push(Arrival::Tcp {
            token: attempt.token,
            end,
            at,
        });
        self.release(slot, registry);
    }

    /// Slots there are, and how many of them hold a socket.
    #[cfg(test)]
    pub(super) fn slots(&self) -> (usize, usize) {
        (self.slots.len(), self.slots.iter().flatten().count())
    }

    fn is_live(&self, slot: usize, serial: u64) -> bool {
        let attempt = self.slots.get(slot).and_then(Option::as_ref);
        attempt.is_some_and(|attempt| attempt.serial == serial)
    }

    fn keep(
        &mut self,
        registry: &Registry,
        first: usize,
        socket: Socket,
        what: Handshake,
        sent_at: MonoTime,
    ) -> Result<(), i32> {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        let mut stream = TcpStream::from_std(socket.into());
        // Connected and failed are both "writable"; mio reports an error or a reset under the same interest.
        if let Err(error) = registry.register(&mut stream, mio::Token(first + slot), Interest::WRITABLE) {
            self.free.push(slot);
            return Err(errno::of(&error));
        }
        self.started += 1;
        self.deadlines
            .push(Reverse((sent_at.plus(what.timeout), slot, self.started)));
        self.slots[slot] = Some(Attempt {
            stream,
            token: what.token,
            sent_at,
            serial: self.started,
        });
        Ok(())
    }

    fn release(&mut self, slot: usize, registry: &Registry) {
        if let Some(mut attempt) = self.slots[slot].take() {
            // It is closed next: whatever this says, no event of it comes any more.
            let _ = registry.deregister(&mut attempt.stream);
            self.free.push(slot);
        }
    }
}

impl Attempt {
    /// How it ended; `None` if it has not.
    fn end(&self, at: MonoTime) -> Option<TcpEnd> {
        let trouble = match self.stream.take_error() {
            // No error and no peer is a handshake under way.
            Ok(None) => self.stream.peer_addr().err(),
            Ok(Some(error)) | Err(error) => Some(error),
        };
        end_of(trouble.as_ref().map(errno::of), at.since(self.sent_at))
    }
}

/// What an event means: `trouble` is the socket's error in Linux numbers, `None` when it is connected.
fn end_of(trouble: Option<i32>, delay: Duration) -> Option<TcpEnd> {
    let is_ambiguous = delay >= SECOND_SYN_AFTER;
    match trouble {
        Some(errno::EAGAIN | errno::EINPROGRESS | errno::ENOTCONN) => None,
        // Reset after the SYN-ACK, before we looked: the handshake was complete all the same.
        None | Some(errno::ECONNREFUSED | errno::ECONNRESET) if is_ambiguous => Some(TcpEnd::Retransmitted),
        None | Some(errno::ECONNRESET) => Some(TcpEnd::Connected { rtt: None }),
        Some(errno::ECONNREFUSED) => Some(TcpEnd::Refused),
        Some(errno) => Some(TcpEnd::Failed { errno }),
    }
}

fn prepare(what: Handshake) -> Result<Socket, i32> {
    let is_v6 = what.to.ip.is_ipv6();
    let domain = if is_v6 { Domain::IPV6 } else { Domain::IPV4 };
    let prepared = Socket::new(domain, Type::STREAM, Some(Protocol::TCP)).and_then(|socket| {
        socket.set_nonblocking(true)?;
        socket.set_linger(Some(Duration::ZERO))?;
        // Without it Windows asks a port that refused three times, and reports that after two seconds. A system that
        // does not know it (before Windows 8) makes refusals lost, by the rule of the second SYN.
        #[cfg(windows)]
        let _best_effort = crate::sys::windows::send_one_syn(&socket);
        Ok(socket)
    });
    let socket = prepared.map_err(|error| errno::of(&error))?;
    set_egress(&socket, what.egress, is_v6)?;
    Ok(socket)
}

/// Lets a socket leave as asked for. What a system cannot do is refused: it would measure another line.
fn set_egress(socket: &Socket, egress: Egress, is_v6: bool) -> Result<(), i32> {
    let said = |result: std::io::Result<()>| result.map_err(|error| errno::of(&error));
    if let Some(source) = egress.source {
        said(socket.bind(&SocketAddr::new(source, 0).into()))?;
    }
    if let Some(index) = std::num::NonZeroU32::new(egress.interface) {
        said(by_interface(socket, index, is_v6))?;
    }
    if egress.dscp != 0 {
        // The two low bits of the byte are ECN's.
        said(mark(socket, u32::from(egress.dscp) << 2, is_v6))?;
    }
    Ok(())
}

#[cfg(target_os = "macos")]
fn by_interface(socket: &Socket, index: std::num::NonZeroU32, is_v6: bool) -> std::io::Result<()> {
    if is_v6 {
        socket.bind_device_by_index_v6(Some(index))
    } else {
        socket.bind_device_by_index_v4(Some(index))
    }
}

/// No safe call of a kept library does it here.
#[cfg(not(target_os = "macos"))]
fn by_interface(_: &Socket, _: std::num::NonZeroU32, _: bool) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(unix)]
fn mark(socket: &Socket, byte: u32, is_v6: bool) -> std::io::Result<()> {
    if is_v6 {
        socket.set_tclass_v6(byte)
    } else {
        socket.set_tos_v4(byte)
    }
}

/// Windows takes the option and ignores it.
#[cfg(windows)]
fn mark(_: &Socket, _: u32, _: bool) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// Starts the handshake; `Some` if it ended at once, as it can on loopback.
fn connect(socket: &Socket, what: Handshake) -> Result<Option<TcpEnd>, i32> {
    let mut to = SocketAddr::new(what.to.ip, what.port);
    if let SocketAddr::V6(to) = &mut to {
        to.set_scope_id(what.to.scope);
    }
    match socket.connect(&to.into()).map_err(|error| errno::of(&error)) {
        Ok(()) | Err(errno::EINPROGRESS | errno::EAGAIN) => Ok(None),
        Err(errno::ECONNREFUSED) => Ok(Some(TcpEnd::Refused)),
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_without_an_end_leaves_the_handshake_under_way() {
        for number in [errno::EAGAIN, errno::EINPROGRESS, errno::ENOTCONN] {
            assert_eq!(end_of(Some(number), Duration::ZERO), None);
        }
    }

    #[test]
    fn an_answer_as_late_as_a_second_syn_is_lost() {
        let (soon, late) = (SECOND_SYN_AFTER - Duration::from_nanos(1), SECOND_SYN_AFTER);
        for answer in [None, Some(errno::ECONNREFUSED), Some(errno::ECONNRESET)] {
            assert_ne!(end_of(answer, soon), Some(TcpEnd::Retransmitted));
            assert_eq!(end_of(answer, late), Some(TcpEnd::Retransmitted));
        }
    }

    #[test]
    fn an_answer_is_told_from_a_refusal_and_from_trouble() {
        let end = |trouble| end_of(trouble, Duration::ZERO);
        assert_eq!(end(None), Some(TcpEnd::Connected { rtt: None }));
        assert_eq!(
            end(Some(errno::ECONNRESET)),
            Some(TcpEnd::Connected { rtt: None })
        );
        assert_eq!(end(Some(errno::ECONNREFUSED)), Some(TcpEnd::Refused));
        assert_eq!(end(Some(113)), Some(TcpEnd::Failed { errno: 113 }));
    }
}
