//! The wire of every system but Linux: TCP handshakes everywhere, ICMP where the system lets a program send it, no UDP yet.
//!
//! mio hides how each system says that something is ready. What sends ICMP is an [`Echo`]: `macos`, `windows`, or
//! `fallback`, which sends none; it leaves by the default way only. Nothing here promises kernel transmit stamps, so no figure is of class K.

pub(super) mod errno;
mod tcp;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use linewatch_core::port::{Clock as _, Incoming, Outgoing, SendResult, Shot, ShotBody, Waker, Wire};
use linewatch_core::record::Class;
use linewatch_core::target::{Egress, Method};
use linewatch_core::time::MonoTime;
use mio::{Events, Poll, Registry, Token};
use socket2::{Domain, Protocol, Socket, Type};

use self::tcp::{Handshake, TcpProber};
use super::{WireError, WireOptions, WireReport};
use crate::clock::SystemClock;

/// Events taken from the system at a time.
const EVENTS: usize = 256;
/// Replies taken in one `receive`. A flood then delays the caller by milliseconds, not for ever.
const DRAIN_MAX: usize = 4096;
/// Somebody called for attention.
const BELL: Token = Token(0);
/// The token of the first TCP slot; those between are free for an [`Echo`]'s own sockets.
const FIRST_SLOT: usize = 3;

/// How a system sends ICMP echo requests and hears of their replies.
pub trait Echo: Send + Sized {
    /// Opens whatever is permitted. `bell` ends the wait of a `receive`, and may be rung from any thread.
    fn open(registry: &Registry, bell: &Arc<mio::Waker>, clock: SystemClock, options: WireOptions) -> Self;
    /// What was opened.
    fn report(&self) -> WireReport;
    /// Sends one message: a whole ICMP message, as [`ShotBody::Icmp`] has it.
    fn send(&mut self, shot: &Shot, message: &[u8]) -> SendResult;
    /// Takes what came, at most `budget` messages; true when nothing is left.
    fn collect(&mut self, incoming: &mut Incoming, budget: &mut usize) -> bool;
}

/// The network as every system offers it.
pub struct PortableWire<E> {
    clock: SystemClock,
    poll: Poll,
    events: Events,
    bell: Arc<mio::Waker>,
    /// Set by whoever rings for attention; the bell alone may ring for a reply.
    is_called: Arc<AtomicBool>,
    echo: E,
    abilities: [Result<Class, String>; 2],
    has_tcp_v6: bool,
    tcp: TcpProber,
}

impl<E: Echo> PortableWire<E> {
    /// Opens whatever is permitted. Missing permission is told by the report and by [`Wire::ability`], never an error.
    ///
    /// # Errors
    ///
    /// When the system gives nothing to wait with: out of descriptors or memory.
    pub fn open(clock: SystemClock, options: WireOptions) -> Result<(Self, WireReport), WireError> {
        let failed = |doing| move |source| WireError { doing, source };
        let poll = Poll::new().map_err(failed("watch sockets"))?;
        let bell = mio::Waker::new(poll.registry(), BELL).map_err(failed("make a wake-up call"))?;
        let bell = Arc::new(bell);
        let echo = E::open(poll.registry(), &bell, clock, options);
        let report = echo.report();
        let class_of = |icmp: &Result<super::IcmpReport, String>| {
            icmp.as_ref().map(|icmp| icmp.class).map_err(Clone::clone)
        };
        let wire = Self {
            clock,
            poll,
            events: Events::with_capacity(EVENTS),
            bell,
            is_called: Arc::default(),
            abilities: [class_of(&report.icmp_v4), class_of(&report.icmp_v6)],
            echo,
            has_tcp_v6: Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP)).is_ok(),
            tcp: TcpProber::default(),
        };
        Ok((wire, report))
    }

    /// Waits for events and hands over what they bring; true if there may be more of them.
    fn take_events(&mut self, wait: Duration, incoming: &mut Incoming) -> bool {
        if self.poll.poll(&mut self.events, Some(wait)).is_err() {
            // A signal interrupted the wait, which then was shorter: as good as nothing came.
            self.events.clear();
        }
        let mut count = 0;
        for event in &self.events {
            count += 1;
            if let Some(slot) = event.token().0.checked_sub(FIRST_SLOT) {
                self.tcp
                    .on_ready(slot, self.clock, self.poll.registry(), &mut incoming.arrivals);
            }
        }
        count == EVENTS
    }
}

impl<E: Echo> Wire for PortableWire<E> {
    fn send(&mut self, outgoing: &Outgoing, results: &mut Vec<SendResult>) {
        for shot in &outgoing.shots {
            results.push(match shot.body {
                // Asked for all the same: `ability` had said no.
                ShotBody::Udp { .. } => SendResult {
                    sent_at: self.clock.mono(),
                    result: Err(errno::EOPNOTSUPP),
                },
                // Another way out than the one asked for would measure another line.
                ShotBody::Icmp { .. } if outgoing.egress(shot.egress) != Egress::default() => SendResult {
                    sent_at: self.clock.mono(),
                    result: Err(errno::EOPNOTSUPP),
                },
                ShotBody::Icmp { start, len } => {
                    let start = start as usize;
                    let message = &outgoing.bytes[start..start + usize::from(len)];
                    self.echo.send(shot, message)
                }
                ShotBody::Tcp { port, timeout } => {
                    let what = Handshake {
                        token: shot.token,
                        to: shot.to,
                        egress: outgoing.egress(shot.egress),
                        port,
                        timeout,
                    };
                    self.tcp.start(self.clock, self.poll.registry(), FIRST_SLOT, what)
                }
            });
        }
    }

    fn receive(&mut self, until: MonoTime, incoming: &mut Incoming) {
        let mut budget = DRAIN_MAX;
        loop {
            // Read before the sockets are asked: what is overdue at `now` has been heard after this round.
            let now = self.clock.mono();
            let had_news = self.tcp.deliver(&mut incoming.arrivals) || !incoming.arrivals.is_empty();
            let wake_at = self
                .tcp
                .next_deadline()
                .map_or(until, |deadline| deadline.min(until));
            let wait = if had_news {
                Duration::ZERO
            } else {
                wake_at.since(now)
            };
            let has_more_events = self.take_events(wait, incoming);
            // Cleared only after the wait it ended, so that no call is missed.
            let is_called = self.is_called.swap(false, Ordering::Acquire);
            if !self.echo.collect(incoming, &mut budget) {
                incoming.has_more = true;
                return;
            }
            if has_more_events {
                continue;
            }
            self.tcp.expire(now, self.poll.registry());
            if is_called || !incoming.arrivals.is_empty() || self.clock.mono() >= until {
                return;
            }
        }
    }

    fn ability(&self, method: Method, is_v6: bool) -> Result<Class, String> {
        match method {
            Method::IcmpEcho => self.abilities[usize::from(is_v6)].clone(),
            Method::TcpConnect { .. } if is_v6 && !self.has_tcp_v6 => {
                Err(crate::privilege::NO_TCP_V6.to_owned())
            }
            Method::TcpConnect { .. } => Ok(Class::U),
            Method::Udp { .. } => Err(format!(
                "cannot send UDP probes: they are not built for {} yet\n  help: probe a TCP port",
                std::env::consts::OS
            )),
        }
    }

    fn waker(&self) -> Waker {
        let (bell, is_called) = (Arc::clone(&self.bell), Arc::clone(&self.is_called));
        Arc::new(move || {
            is_called.store(true, Ordering::Release);
            // It can fail only when the wire is gone, and then nobody waits.
            let _ = bell.wake();
        })
    }
}
