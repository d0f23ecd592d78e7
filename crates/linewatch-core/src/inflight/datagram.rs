//! Matches what comes over UDP: answers by cookie, address and port together, ICMP errors by the probe they quote.
//!
//! The match is as strong as that of ICMP: 64 bits of keyed tag, in the echo as in the name of a DNS question. A port that
//! nobody listens at is an answer (`refused`) without an RTT, because systems send only about one such report a
//! second and delay the others. Which port and payload a target has is the caller's to know.

use std::net::IpAddr;

use super::decide::Timing;
use super::ring::Fate;
use super::{Handle, InFlight, Stamps};
use crate::packet::cookie::Cookie;
use crate::packet::icmp::Echo;
use crate::packet::udp::DatagramError;
use crate::record::{Cause, GapKind, Outcome, RecordBatch, StrayKind};
use crate::target::Address;

impl InFlight {
    /// A datagram from `from`. `cookie`: what it carries, `None` if that is no answer to any probe. `is_meant`: whether
    /// probes of a target go to the port it came from, with the payload it answers.
    pub fn on_datagram(
        &mut self,
        from: Address,
        cookie: Option<Cookie>,
        is_meant: impl Fn(Handle) -> bool,
        stamps: Stamps,
        batch: &mut RecordBatch,
    ) {
        let payload = cookie.map(Cookie::encode);
        let echo = echo(cookie, payload.as_ref());
        match self.matching(&echo, true) {
            Some((handle, seq))
                if is_meant(handle) && self.flow(handle).is_some_and(|flow| flow.is_from(from)) =>
            {
                let judgement = self.judge(handle, seq, stamps);
                self.answered(handle, seq, Outcome::Reply, judgement, stamps.at, batch);
            }
            Some((handle, _)) => self.forged(handle, stamps.at, batch),
            None if self.is_of_removed(&echo) => (),
            None => {
                if let Some(handle) = self.at_address(from.ip, |flow| is_meant(flow.handle)) {
                    self.forged(handle, stamps.at, batch);
                }
            }
        }
    }

    /// An ICMP error about a datagram of ours. Routers may quote the UDP header only: then it is believed when a single
    /// probe to that address and port is in flight, for of two nobody can tell which is meant.
    pub fn on_datagram_error(
        &mut self,
        error: &DatagramError,
        is_meant: impl Fn(Handle) -> bool,
        stamps: Stamps,
        batch: &mut RecordBatch,
    ) {
        let found = match error.cookie {
            Some(cookie) => self.matching(&echo(Some(cookie), Some(&cookie.encode())), true),
            None => self.single_open(error.to, &is_meant),
        };
        let Some((handle, seq)) = found.filter(|(handle, _)| is_meant(*handle)) else {
            return;
        };
        if self.flow(handle).is_none_or(|flow| flow.ip() != error.to) {
            return;
        }
        let cause = Cause::Icmp {
            kind: error.kind,
            code: error.code,
            is_v6: error.to.is_ipv6(),
        };
        if error.is_port_unreachable() {
            self.refused(handle, seq, cause, stamps, batch);
        } else {
            self.close(handle, seq, Outcome::Unreachable, cause, batch);
        }
    }

    fn refused(&mut self, handle: Handle, seq: u64, cause: Cause, stamps: Stamps, batch: &mut RecordBatch) {
        let fate = self.entry(handle, seq).map_or(Fate::Vacant, |entry| entry.fate());
        let timing = self.judge(handle, seq, stamps).map(|judgement| judgement.timing);
        match (fate, timing) {
            (Fate::Open, Some(Timing::InTime)) => {
                self.close(handle, seq, Outcome::Refused, cause, batch);
                self.set_answered(handle, seq);
            }
            (Fate::Open, Some(Timing::TooLate)) => {
                self.close(handle, seq, Outcome::Lost, Cause::None, batch);
                self.stray(handle, seq, StrayKind::Late, stamps.at, batch);
            }
            (Fate::Open, _) => {
                let kind = self.doubt.map_or(GapKind::Stalled, |doubt| doubt.kind);
                self.close(handle, seq, Outcome::Unmeasured, Cause::Gap(kind), batch);
                self.set_answered(handle, seq);
            }
            (Fate::Unanswered, _) => self.stray(handle, seq, StrayKind::Late, stamps.at, batch),
            // A second report of the same, or one that came after the answer itself.
            (Fate::Answered | Fate::Vacant, _) => (),
        }
    }

    /// The probe in flight to `ip` among the targets meant, if it is the only one.
    fn single_open(&self, ip: IpAddr, is_meant: impl Fn(Handle) -> bool) -> Option<(Handle, u64)> {
        let mut open = self
            .sources
            .at(ip, &self.flows)
            .filter(|flow| flow.open > 0 && is_meant(flow.handle));
        let only = open.next().filter(|flow| flow.open == 1)?;
        let seq = only.next_open(only.oldest_open)?;
        open.next().is_none().then_some((only.handle, seq))
    }
}

/// The cookie in the form in which ICMP brings it; UDP has no identifier and no sequence beside it.
fn echo(cookie: Option<Cookie>, payload: Option<&[u8; crate::packet::cookie::COOKIE_BYTES]>) -> Echo<'_> {
    Echo {
        id: 0,
        sequence: cookie.map_or(0, |cookie| cookie.slot as u16),
        payload: payload.map_or(&[], <[u8; _]>::as_slice),
    }
}
