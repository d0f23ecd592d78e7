//! TCP handshakes: starts them, hears how they end, and leaves nothing behind.
//!
//! The RTT is the kernel's own (`tcpi_rtt`). Every socket is closed by a reset (`SO_LINGER` 0), because a TIME_WAIT
//! of 60 s per probe uses up the local ports of one target in half a minute at 1,000 probes a second.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::Duration;

use linewatch_core::port::{Arrival, Clock as _, SendResult, TcpEnd, Token};
use linewatch_core::target::{Address, Egress};
use linewatch_core::time::{MonoTime, Rtt};
use socket2::{Domain, Protocol, Socket, Type};

use super::batch::ReceiveBatch;
use super::egress;
use super::haul::Haul;
use super::options::{self, errno_of, take_error};
use super::wait::Waiter;
use crate::clock::SystemClock;

/// Tags of TCP sockets have this bit; below it lie a generation (31 bits) and a slot (32 bits).
pub(super) const TAG: u64 = 1 << 62;
/// Generations are cut to this, so that no tag reaches the waiter's own.
const GENERATIONS: u32 = 1 << 29;
/// `tcpi_state` of a handshake that is complete, and of one under way (net/tcp_states.h).
const ESTABLISHED: u8 = 1;
const SYN_SENT: u8 = 2;
/// The kernel repeats a SYN after a second (RFC 6298) and sends a third one after two at the earliest: who gives up
/// by now need not limit the number.
const ONE_REPEAT: Duration = Duration::from_secs(1);
/// Where in `struct tcp_info` (linux/tcp.h) the fields lie; they never move.
const INFO_STATE: usize = 0;
const INFO_RTT_US: usize = 68;
const INFO_TOTAL_RETRANS: usize = 100;
const INFO_BYTES: usize = 104;

struct Attempt {
    socket: Socket,
    token: Token,
}

#[derive(Default)]
struct Slot {
    /// Tells this tenant from the ones before.
    generation: u32,
    attempt: Option<Attempt>,
}

/// All handshakes under way.
#[derive(Default)]
pub(super) struct TcpProber {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// When each is given up, soonest first; entries of ended ones stay until their time.
    deadlines: BinaryHeap<Reverse<(MonoTime, u32, u32)>>,
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

impl TcpProber {
    /// Sends the SYN. `Err` if this computer refused.
    pub(super) fn start(
        &mut self,
        clock: SystemClock,
        waiter: &Waiter,
        room: &mut ReceiveBatch,
        haul: &mut Haul,
        what: Handshake,
    ) -> SendResult {
        let prepared = prepare(what);
        let sent_at = clock.mono();
        let begun = prepared.and_then(|socket| {
            let mut end = connect(&socket, what)?;
            // Within this computer SYN, SYN-ACK and ACK have gone their way inside the call: to look costs less
            // than to be told, and makes the host RTT that of this handshake alone, not of all of its batch.
            if end.is_none() && what.to.ip.is_loopback() {
                end = how_ended(socket.as_fd(), room);
            }
            Ok((socket, end))
        });
        let result = match begun {
            Ok((_closed, Some(end))) => {
                haul.others.push(Arrival::Tcp {
                    token: what.token,
                    end,
                    at: clock.mono(),
                });
                Ok(())
            }
            Ok((socket, None)) => self.keep(waiter, socket, what, sent_at),
            Err(errno) => Err(errno),
        };
        SendResult { sent_at, result }
    }

    /// When the next one is given up.
    pub(super) fn next_deadline(&mut self) -> Option<MonoTime> {
        while let Some(Reverse((at, slot, generation))) = self.deadlines.peek().copied() {
            if self.is_live(slot, generation) {
                return Some(at);
            }
            self.deadlines.pop();
        }
        None
    }

    /// Closes what is overdue at `now`, a moment before the sockets were last asked for events: whatever had
    /// arrived by its deadline has then been heard.
    pub(super) fn expire(&mut self, now: MonoTime) {
        while self.next_deadline().is_some_and(|at| at <= now) {
            if let Some(Reverse((_, slot, _))) = self.deadlines.pop() {
                self.release(slot);
            }
        }
    }

    /// The socket with this tag is ready: hears how its handshake ended.
    pub(super) fn on_ready(
        &mut self,
        tag: u64,
        clock: SystemClock,
        room: &mut ReceiveBatch,
        haul: &mut Haul,
    ) {
        let (slot, generation) = (tag as u32, ((tag & !TAG) >> 32) as u32);
        if !self.is_live(slot, generation) {
            return;
        }
        let Some(attempt) = &self.slots[slot as usize].attempt else {
            return;
        };
        let at = clock.mono();
        let Some(end) = how_ended(attempt.socket.as_fd(), room) else {
            return;
        };
        haul.others.push(Arrival::Tcp {
            token: attempt.token,
            end,
            at,
        });
        self.release(slot);
    }

    fn is_live(&self, slot: u32, generation: u32) -> bool {
        let slot = self.slots.get(slot as usize);
        slot.is_some_and(|slot| slot.generation == generation && slot.attempt.is_some())
    }

    fn keep(
        &mut self,
        waiter: &Waiter,
        socket: Socket,
        what: Handshake,
        sent_at: MonoTime,
    ) -> Result<(), i32> {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            (self.slots.len() - 1) as u32
        });
        let slot = &mut self.slots[index as usize];
        slot.generation = (slot.generation + 1) % GENERATIONS;
        let tag = TAG | u64::from(slot.generation) << 32 | u64::from(index);
        if let Err(errno) = waiter.watch(socket.as_fd(), tag, libc::EPOLLOUT) {
            self.free.push(index);
            return Err(errno);
        }
        slot.attempt = Some(Attempt {
            socket,
            token: what.token,
        });
        self.deadlines
            .push(Reverse((sent_at.plus(what.timeout), index, slot.generation)));
        Ok(())
    }

    /// Dropping the socket closes it, which takes it out of the waiter too.
    fn release(&mut self, index: u32) {
        self.slots[index as usize].attempt = None;
        self.free.push(index);
    }
}

/// How the handshake of this socket ended; `None` if it has not.
fn how_ended(fd: BorrowedFd<'_>, room: &mut ReceiveBatch) -> Option<TcpEnd> {
    let mut info = [0u8; INFO_BYTES];
    let known = options::get(fd, libc::IPPROTO_TCP, libc::TCP_INFO, &mut info).unwrap_or(0);
    let word = |at: usize| u32::from_ne_bytes([info[at], info[at + 1], info[at + 2], info[at + 3]]);
    let rtt_us = if known == INFO_BYTES { word(INFO_RTT_US) } else { 0 };
    // A connection has no error to tell that would concern its handshake.
    let errno = if info[INFO_STATE] == ESTABLISHED {
        0
    } else {
        take_error(fd)
    };
    match errno {
        0 if info[INFO_STATE] == SYN_SENT => None,
        // Reset after the SYN-ACK, before we looked: the handshake was complete all the same.
        0 | libc::ECONNRESET | libc::EPIPE => Some(if word(INFO_TOTAL_RETRANS) > 0 {
            TcpEnd::Retransmitted
        } else {
            let rtt = (rtt_us > 0).then(|| Rtt::from_nanos(u64::from(rtt_us) * 1000));
            TcpEnd::Connected { rtt }
        }),
        _ if is_by_icmp(fd, room) => Some(TcpEnd::Failed {
            errno: libc::EHOSTUNREACH,
        }),
        libc::ECONNREFUSED => Some(TcpEnd::Refused),
        errno => Some(TcpEnd::Failed { errno }),
    }
}

/// Whether it was a router's or a firewall's ICMP message that ended the handshake. The kernel tells that apart
/// only on the error queue: by errno alone a port closed by ICMP looks like a reset, and a net unreachable
/// far away like a missing route here.
fn is_by_icmp(fd: BorrowedFd<'_>, room: &mut ReceiveBatch) -> bool {
    let count = room.receive(fd, libc::MSG_ERRQUEUE).unwrap_or(0);
    (0..count).any(|index| {
        let origin = room.packet(index).control.error.map(|error| error.origin);
        matches!(origin, Some(libc::SO_EE_ORIGIN_ICMP | libc::SO_EE_ORIGIN_ICMP6))
    })
}

fn prepare(what: Handshake) -> Result<Socket, i32> {
    let is_v6 = what.to.ip.is_ipv6();
    let domain = if is_v6 { Domain::IPV6 } else { Domain::IPV4 };
    let prepared = Socket::new(domain, Type::STREAM.nonblocking(), Some(Protocol::TCP)).and_then(|socket| {
        socket.set_linger(Some(Duration::ZERO))?;
        if what.timeout > ONE_REPEAT {
            // What a repeated SYN brings is not an RTT (Karn), so the fewest are asked for: one. Linux 6.5 and newer
            // add `tcp_syn_linear_timeouts` to it, four by default, a second apart.
            options::set(socket.as_fd(), libc::IPPROTO_TCP, libc::TCP_SYNCNT, &1i32)?;
        }
        if is_v6 {
            options::enable(socket.as_fd(), libc::SOL_IPV6, libc::IPV6_RECVERR)?;
        } else {
            options::enable(socket.as_fd(), libc::SOL_IP, libc::IP_RECVERR)?;
        }
        Ok(socket)
    });
    let socket = prepared.map_err(|error| errno_of(&error))?;
    egress::apply(&socket, what.egress, what.to)?;
    Ok(socket)
}

/// Starts the handshake; `Some` if it ended at once, as it can on loopback.
fn connect(socket: &Socket, what: Handshake) -> Result<Option<TcpEnd>, i32> {
    let mut to = SocketAddr::new(what.to.ip, what.port);
    if let SocketAddr::V6(to) = &mut to {
        to.set_scope_id(what.to.scope);
    }
    match socket.connect(&to.into()).map_err(|error| errno_of(&error)) {
        Ok(()) | Err(libc::EINPROGRESS) => Ok(None),
        Err(libc::ECONNREFUSED) => Ok(Some(TcpEnd::Refused)),
        Err(errno) => Err(errno),
    }
}
