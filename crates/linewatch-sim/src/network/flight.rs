//! Carries one probe through the network: from the send call to whatever comes back of it.
//!
//! Input: the path at this moment and the dice of this probe. Output: its fate, and parcels for the inboxes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use linewatch_core::port::{Shot, ShotBody, TcpEnd};
use linewatch_core::record::Class;
use linewatch_core::target::Address;
use linewatch_core::time::{MonoTime, Rtt, nanos_of};

use super::{Content, State};
use crate::clock::Pace;
use crate::dice::Dice;
use crate::packet::{self, Protocol};
use crate::path::{Forgery, Path};
use crate::truth::Fate;

/// When Linux sends a SYN again that nobody answered (RFC 6298: the first RTO is one second).
const SYN_AGAIN: Duration = Duration::from_secs(1);
/// How long after the first a copy of an answer comes.
const COPY_AFTER: Duration = Duration::from_micros(300);
/// Port unreachable (RFC 792, RFC 4443).
const CLOSED_V4: (u8, u8) = (3, 3);
const CLOSED_V6: (u8, u8) = (1, 4);
/// How long before the true answer a made-up one comes: a forger wants to be first.
const FORGED_SHARE: u32 = 2;

/// One probe on its way through the network.
pub(super) struct Flight<'a, P> {
    pub(super) state: &'a mut State,
    pub(super) wire: usize,
    pub(super) shot: &'a Shot,
    pub(super) now: MonoTime,
    pub(super) pace: &'a P,
    pub(super) path: &'a Path,
    pub(super) dice: &'a Dice,
    pub(super) copies: u32,
}

impl<P: Pace> Flight<'_, P> {
    /// An ICMP message or a datagram.
    pub(super) fn packet(&mut self, message: &[u8]) -> Fate {
        if self.state.script.class == Class::K {
            let stamp = self.pace.stamp(self.now);
            self.state.inboxes[self.wire]
                .transmitted
                .push((self.shot.token, stamp));
        }
        self.forge(message);
        let Some(reply) = packet::reply(message, self.protocol()) else {
            return Fate::Silent;
        };
        if self.path.is_down || self.dice.is_lost {
            return Fate::Silent;
        }
        let delay = self.dice.delay;
        let Some(arrived_at) = self.pace.arrival(self.now, delay) else {
            return Fate::Slept;
        };
        if self.path.unreachable.is_some() {
            self.reject(message, arrived_at);
            return Fate::Unreachable { arrived_at };
        }
        if self.path.is_refused && self.udp_port().is_some() {
            let is_v6 = self.shot.to.ip.is_ipv6();
            let code = if is_v6 { CLOSED_V6 } else { CLOSED_V4 };
            self.report(message, code, Some(self.shot.to), arrived_at);
            return Fate::Refused { delay, arrived_at };
        }
        if self.dice.is_dropped {
            self.state
                .post(self.wire, arrived_at, self.path.host, Content::Dropped);
            return Fate::Dropped { at: arrived_at };
        }
        if let Some(again_at) = self
            .pace
            .arrival(self.now, delay + COPY_AFTER)
            .filter(|_| self.dice.is_doubled)
        {
            self.broadcast(again_at, &self.answer(self.shot.to, reply.clone()));
            self.copies = 1;
        }
        self.broadcast(arrived_at, &self.answer(self.shot.to, reply));
        Fate::Answered { delay, arrived_at }
    }

    fn reject(&mut self, message: &[u8], arrived_at: MonoTime) {
        let Some((rejection, reporter, is_short)) = self.path.unreachable else {
            return;
        };
        let (kind, code) = rejection.code(self.shot.to.ip.is_ipv6());
        let quoted = if is_short {
            // Eight bytes behind the IP header: of a datagram that is the UDP header, and nothing of ours.
            if self.udp_port().is_some() {
                0
            } else {
                message.len().min(8)
            }
        } else {
            message.len()
        };
        self.report(&message[..quoted], (kind, code), reporter, arrived_at);
    }

    fn report(&mut self, quoted: &[u8], (kind, code): (u8, u8), reporter: Option<Address>, at: MonoTime) {
        let error = Content::Error {
            reporter,
            to: self.shot.to,
            port: self.udp_port(),
            kind,
            code,
            bytes: quoted.to_vec(),
        };
        self.broadcast(at, &error);
    }

    fn udp_port(&self) -> Option<u16> {
        match self.shot.body {
            ShotBody::Udp { port, .. } => Some(port),
            ShotBody::Icmp { .. } | ShotBody::Tcp { .. } => None,
        }
    }

    fn protocol(&self) -> Protocol {
        match (self.udp_port(), self.shot.to.ip.is_ipv6()) {
            (Some(_), _) => Protocol::Udp,
            (None, false) => Protocol::IcmpV4,
            (None, true) => Protocol::IcmpV6,
        }
    }

    fn answer(&self, from: Address, bytes: Vec<u8>) -> Content {
        match self.udp_port() {
            Some(port) => Content::Udp { from, port, bytes },
            None => Content::Icmp { from, bytes },
        }
    }

    fn forge(&mut self, message: &[u8]) {
        let Some((forgery, _)) = self.path.forge.filter(|_| self.dice.is_forged) else {
            return;
        };
        let Some(bytes) = packet::forged(message, self.protocol(), forgery) else {
            return;
        };
        let from = if forgery == Forgery::Source {
            stranger(self.shot.to)
        } else {
            self.shot.to
        };
        if let Some(at) = self.pace.arrival(self.now, self.dice.delay / FORGED_SHARE) {
            self.broadcast(at, &self.answer(from, bytes));
        }
    }

    /// A raw socket hears what belongs to its neighbours, too; a port is one's own.
    fn broadcast(&mut self, at: MonoTime, content: &Content) {
        if self.udp_port().is_some() {
            return self.state.post(self.wire, at, self.path.host, content.clone());
        }
        for wire in 0..self.state.inboxes.len() {
            self.state.post(wire, at, self.path.host, content.clone());
        }
    }

    pub(super) fn tcp(&mut self, timeout: Duration) -> Fate {
        if self.path.is_down {
            return Fate::Silent;
        }
        if self.dice.is_lost {
            if !self.dice.is_lost_again {
                self.end_tcp(SYN_AGAIN + self.dice.delay, timeout, TcpEnd::Retransmitted);
            }
            return Fate::Silent;
        }
        let delay = self.dice.delay;
        let Some(arrived_at) = self.pace.arrival(self.now, delay) else {
            return Fate::Slept;
        };
        if let Some((rejection, ..)) = self.path.unreachable {
            self.end_tcp(
                delay,
                timeout,
                TcpEnd::Failed {
                    errno: rejection.errno(),
                },
            );
            return Fate::Unreachable { arrived_at };
        }
        if self.path.is_refused {
            self.end_tcp(delay, timeout, TcpEnd::Refused);
            return Fate::Refused { delay, arrived_at };
        }
        let rtt = (self.state.script.class == Class::K).then(|| Rtt::from_nanos(nanos_of(delay)));
        self.end_tcp(delay, timeout, TcpEnd::Connected { rtt });
        Fate::Answered { delay, arrived_at }
    }

    /// The attempt ends after `delay`, unless its socket is closed by then.
    fn end_tcp(&mut self, delay: Duration, timeout: Duration, end: TcpEnd) {
        let Some(at) = self.pace.arrival(self.now, delay) else {
            return;
        };
        if at <= self.now.plus(timeout) {
            self.state.post(
                self.wire,
                at,
                self.path.host,
                Content::Tcp {
                    token: self.shot.token,
                    end,
                },
            );
        }
    }
}

/// An address of the same family that nobody asked (RFC 5737, RFC 3849).
fn stranger(asked: Address) -> Address {
    let ip = match asked.ip {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::new(203, 0, 113, 66)),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xbad, 0, 0, 0, 0, 0x66)),
    };
    Address::from(ip)
}
