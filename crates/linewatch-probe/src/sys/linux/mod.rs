//! The wire on Linux: one ICMP socket per family, one to four UDP sockets, TCP handshakes, one place to sleep.
//!
//! Everything is drained to empty before `receive` returns, or [`Incoming::has_more`] says that it was not. Of one
//! socket the replies are read first, the stamps after them, and the stamps handed over first: a reply never
//! comes without the stamp of its probe if the kernel made one.

mod address;
mod batch;
pub(crate) mod capability;
pub(crate) mod clocks;
mod control;
mod drops;
mod egress;
pub(crate) mod everywhere;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod haul;
pub(crate) mod heap;
mod icmp_open;
pub(crate) mod interface;
mod keys;
mod options;
pub(crate) mod scheduling;
mod socket;
mod tcp;
mod udp;
mod wait;

use std::time::Duration;

use linewatch_core::port::{
    Clock as _, Incoming, Outgoing, SendResult, Shot, ShotBody, Sleepers, Waker, Wire,
};
use linewatch_core::record::Class;
use linewatch_core::target::Method;
use linewatch_core::time::MonoTime;
use socket2::{Domain, Protocol, Socket, Type};

use self::batch::ReceiveBatch;
use self::haul::Haul;
use self::socket::{Outlet, ProbeSocket};
use self::tcp::{Handshake, TcpProber};
use self::udp::UdpSockets;
use self::wait::Waiter;
use super::{WireError, WireOptions, WireReport};
use crate::clock::SystemClock;

/// Replies taken in one `receive`. A flood then delays the caller by milliseconds, not for ever.
const DRAIN_MAX: usize = 4096;

/// What came waits for what is about to come if that is no further away: a turn of the caller costs more than a packet.
/// Every packet has its stamps by then, so this changes no figure.
const LINGER: Duration = Duration::from_micros(500);

/// The network as the kernel offers it.
pub struct LinuxWire {
    clock: SystemClock,
    waiter: Waiter,
    /// IPv4 and IPv6, or the sentence that says why not.
    icmp: [Result<ProbeSocket, String>; 2],
    udp: UdpSockets,
    has_tcp_v6: bool,
    tcp: TcpProber,
    room: ReceiveBatch,
    /// Read while sending, or in this `receive`, and not handed over yet.
    haul: Haul,
}

impl LinuxWire {
    /// Opens whatever is permitted. Missing permission is told by the report and by [`Wire::ability`], never an error.
    ///
    /// # Errors
    ///
    /// When the kernel gives no epoll, timer or eventfd: out of descriptors or memory.
    pub fn open(clock: SystemClock, options: WireOptions) -> Result<(Self, WireReport), WireError> {
        capability::take_up();
        let mut waiter = Waiter::new()?;
        let icmp = [icmp_open::open(false, options), icmp_open::open(true, options)];
        for (index, socket) in icmp.iter().enumerate() {
            let Ok(socket) = socket else { continue };
            waiter.poll(socket.fd(), index as u64)?;
        }
        let udp = UdpSockets::open(&waiter, options)?;
        let report_of = |index: usize| icmp[index].as_ref().map(icmp_open::report).map_err(Clone::clone);
        let report = WireReport {
            icmp_v4: report_of(0),
            icmp_v6: report_of(1),
        };
        let has_tcp_v6 = Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP)).is_ok();
        let (tcp, room, haul) = (TcpProber::default(), ReceiveBatch::new(), Haul::default());
        Ok((
            Self {
                clock,
                waiter,
                icmp,
                udp,
                has_tcp_v6,
                tcp,
                room,
                haul,
            },
            report,
        ))
    }

    /// Sends consecutive shots of one socket, or one handshake; returns how many of `shots` those were.
    fn send_run(&mut self, shots: &[Shot], outgoing: &Outgoing, results: &mut Vec<SendResult>) -> usize {
        if let ShotBody::Tcp { port, timeout } = shots[0].body {
            let what = Handshake {
                token: shots[0].token,
                to: shots[0].to,
                egress: outgoing.egress(shots[0].egress),
                port,
                timeout,
            };
            let (room, haul) = (&mut self.room, &mut self.haul);
            results.push(self.tcp.start(self.clock, &self.waiter, room, haul, what));
            return 1;
        }
        let way = way_of(&shots[0]);
        let count = shots.iter().take_while(|shot| way_of(shot) == way).count();
        let (clock, room, haul) = (self.clock, &mut self.room, &mut self.haul);
        let socket = match way.udp_source {
            Some(source) => self.udp.get(way.is_v6, source, &self.waiter),
            // Asked for all the same: `ability` had said no.
            None => self.icmp[usize::from(way.is_v6)]
                .as_mut()
                .map_err(|_| libc::EACCES),
        };
        match socket {
            Ok(socket) => socket.send(
                &mut Outlet {
                    clock,
                    outgoing,
                    results,
                    room,
                    haul,
                },
                &shots[..count],
            ),
            Err(errno) => {
                let refused = SendResult {
                    sent_at: clock.mono(),
                    result: Err(errno),
                };
                results.extend(std::iter::repeat_n(refused, count));
            }
        }
        count
    }

    /// Handles `count` events; true if every socket they name is empty now.
    fn handle_ready(&mut self, count: usize, budget: &mut usize) -> bool {
        let mut is_drained = true;
        for index in 0..count {
            let Some(ready) = self.waiter.ready(index) else {
                continue;
            };
            if ready.tag & tcp::TAG != 0 {
                self.tcp
                    .on_ready(ready.tag, self.clock, &mut self.room, &mut self.haul);
                continue;
            }
            let socket = match self.icmp.get_mut(ready.tag as usize) {
                Some(socket) => socket.as_mut().ok(),
                None => self.udp.by_tag(ready.tag),
            };
            let Some(socket) = socket else { continue };
            if ready.is_readable {
                is_drained &= socket.drain_replies(&mut self.room, self.clock, &mut self.haul, budget);
            }
            socket.drain_errors(&mut self.room, self.clock, &mut self.haul);
        }
        is_drained
    }
}

/// Which socket a shot leaves by; that of TCP is its own.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Way {
    is_tcp: bool,
    is_v6: bool,
    udp_source: Option<u8>,
}

fn way_of(shot: &Shot) -> Way {
    Way {
        is_tcp: matches!(shot.body, ShotBody::Tcp { .. }),
        is_v6: shot.to.ip.is_ipv6(),
        udp_source: match shot.body {
            ShotBody::Udp { source, .. } => Some(source),
            ShotBody::Icmp { .. } | ShotBody::Tcp { .. } => None,
        },
    }
}

impl LinuxWire {
    /// Looks after the sockets that were sent on without asking whether there is anything: there is, its transmit
    /// stamp at least, and that alone would end a sleep at once. True if they are empty now.
    fn look_after_sent(&mut self, budget: &mut usize) -> bool {
        let mut is_drained = true;
        let sockets = self.icmp.iter_mut().flatten().chain(self.udp.opened());
        for socket in sockets {
            if !std::mem::take(&mut socket.is_fresh) {
                continue;
            }
            is_drained &= socket.drain_replies(&mut self.room, self.clock, &mut self.haul, budget);
            socket.drain_errors(&mut self.room, self.clock, &mut self.haul);
        }
        is_drained
    }
}

impl Wire for LinuxWire {
    fn send(&mut self, outgoing: &Outgoing, results: &mut Vec<SendResult>) {
        let mut rest = outgoing.shots.as_slice();
        while !rest.is_empty() {
            let count = self.send_run(rest, outgoing, results);
            rest = &rest[count..];
        }
    }

    fn receive(&mut self, until: MonoTime, incoming: &mut Incoming) {
        let (mut budget, mut is_called) = (DRAIN_MAX, false);
        if !self.look_after_sent(&mut budget) {
            incoming.has_more = true;
            return self.haul.deliver(incoming);
        }
        loop {
            // Read before the sockets are asked: what is overdue at `now` has been heard after this round.
            let now = self.clock.mono();
            let wake_at = self
                .tcp
                .next_deadline()
                .map_or(until, |deadline| deadline.min(until));
            let is_idle =
                !is_called && wake_at > now && (self.haul.others.is_empty() || until.since(now) <= LINGER);
            let woken = self
                .waiter
                .wait(is_idle.then(|| (self.clock.to_kernel(wake_at), wake_at.since(now))));
            is_called |= woken.is_called;
            let is_drained = self.handle_ready(woken.count, &mut budget);
            if !is_drained || budget == 0 {
                incoming.has_more = true;
                break;
            }
            if woken.has_more {
                continue; // More events are waiting than fit.
            }
            self.tcp.expire(now);
            // A stamp alone is no reason to wake the caller: it is of use when its reply comes.
            let now = self.clock.mono();
            if is_called || now >= until || !self.haul.others.is_empty() && until.since(now) > LINGER {
                break;
            }
        }
        self.haul.deliver(incoming);
    }

    fn ability(&self, method: Method, is_v6: bool) -> Result<Class, String> {
        match method {
            Method::IcmpEcho => match &self.icmp[usize::from(is_v6)] {
                Ok(socket) => Ok(socket.class),
                Err(sentence) => Err(sentence.clone()),
            },
            Method::TcpConnect { .. } if is_v6 && !self.has_tcp_v6 => {
                Err(crate::privilege::NO_TCP_V6.to_owned())
            }
            Method::TcpConnect { .. } => Ok(Class::K),
            Method::Udp { .. } => self.udp.ability(is_v6),
        }
    }

    fn waker(&self) -> Waker {
        self.waiter.waker()
    }

    /// `None` when there are no descriptors left for it.
    fn sleepers(&self) -> Option<Sleepers> {
        let clock = self.clock;
        let mut by_wire = self.waiter.sleeper().ok()?;
        let mut timer = Waiter::new().ok()?;
        let time_waker = timer.waker();
        Some(Sleepers {
            by_wire: Box::new(move |until| by_wire(clock.to_kernel(until))),
            by_time: Box::new(move |until| {
                timer.wait(Some((clock.to_kernel(until), until.since(clock.mono()))));
            }),
            time_waker,
        })
    }
}
