//! Turns the stamps of one answer into an RTT and its accuracy class.
//!
//! Kernel stamps are of the calendar clock, which may be set in between: they are believed only inside the
//! bracket of our own monotonic stamps, else those are the RTT. Nothing is ever clamped.

use std::time::Duration;

use super::{Handle, InFlight, Stamps, delay};
use crate::record::{Class, GapKind};
use crate::time::{MonoTime, Rtt, WireTime, nanos_of};

/// A calendar clock that is being slewed runs up to this much faster than the monotonic one (500 ppm by the
/// kernel's discipline; twice that for margin), and two clock reads are never quite at once.
const SLEW_PER_MILLE: u64 = 1;
const READ_SKEW: Duration = Duration::from_micros(20);

/// Everything in flight at `at` may have been answered unseen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doubt {
    pub(super) kind: GapKind,
    pub(super) at: MonoTime,
}

/// What the stamps of an answer say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judgement {
    pub(super) rtt: Rtt,
    pub(super) host_rtt: Rtt,
    pub(super) class: Class,
    pub(super) is_in_time: bool,
}

impl InFlight {
    /// Judges an ICMP reply to a probe that is still in its ring.
    pub(super) fn judge(&mut self, handle: Handle, seq: u64, stamps: Stamps) -> Option<Judgement> {
        let entry = self.entry(handle, seq)?;
        let is_comparable = self
            .clock_stepped_at
            .is_none_or(|stepped_at| entry.sent_at > stepped_at);
        let kernel = stamps.received.filter(|_| is_comparable).map(|received| {
            let sent_by_us = stamps.anchor.wall_at(entry.sent_at).as_nanos();
            match entry.transmitted_at() {
                Some(transmitted) => (Rtt::between(transmitted, received), Class::K),
                None => (Rtt::between(WireTime::from_nanos(sent_by_us), received), Class::H),
            }
        });
        let host_rtt = delay(entry.sent_at, stamps.at);
        let believed = match kernel {
            Some((Ok(rtt), class)) if is_inside(rtt, host_rtt) => Some((rtt, class)),
            Some(_) => {
                self.impossible_stamps += 1;
                None
            }
            None => None,
        };
        Some(judgement(believed, host_rtt, entry.timeout()))
    }

    /// Judges the end of a TCP handshake; `rtt` is the kernel's own, on the monotonic clock.
    pub(super) fn judge_tcp(
        &mut self,
        handle: Handle,
        seq: u64,
        rtt: Option<Rtt>,
        at: MonoTime,
    ) -> Option<Judgement> {
        let entry = self.entry(handle, seq)?;
        let host_rtt = delay(entry.sent_at, at);
        let believed = rtt
            .filter(|rtt| is_inside(*rtt, host_rtt))
            .map(|rtt| (rtt, Class::K));
        Some(judgement(believed, host_rtt, entry.timeout()))
    }
}

/// A wire RTT cannot be longer than the host RTT around it.
fn is_inside(rtt: Rtt, host_rtt: Rtt) -> bool {
    let host_ns = host_rtt.as_nanos();
    rtt.as_nanos() <= host_ns + host_ns / 1000 * SLEW_PER_MILLE + nanos_of(READ_SKEW)
}

fn judgement(believed: Option<(Rtt, Class)>, host_rtt: Rtt, timeout: Duration) -> Judgement {
    let (rtt, class) = believed.unwrap_or((host_rtt, Class::U));
    let is_in_time = rtt.as_nanos() <= nanos_of(timeout);
    // Within the tolerance the host RTT gives way: it is the one that is never below the other.
    Judgement {
        rtt,
        host_rtt: host_rtt.max(rtt),
        class,
        is_in_time,
    }
}
