//! Turns the stamps of one answer into an RTT and its accuracy class.
//!
//! Kernel stamps are of the calendar clock, which may be set in between: they are believed only inside the
//! bracket of our own monotonic stamps, else those are the RTT. Nothing is ever clamped.

use std::time::Duration;

use super::ring::Entry;
use super::{Handle, InFlight, Stamps, delay};
use crate::record::{Class, GapKind};
use crate::time::{Anchor, MonoTime, Rtt, WireTime, nanos_of};

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

/// The monotonic clock stood still just before `at`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sleep {
    /// The calendar of a probe that was sent before the sleep.
    pub(super) before: Anchor,
    pub(super) at: MonoTime,
    /// The sleep before this one: of probes from before it nobody knows the calendar any more.
    pub(super) earlier_at: Option<MonoTime>,
}

/// Whether an answer came within the time-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timing {
    InTime,
    TooLate,
    /// Nobody can say: only our own clock saw it, and we or that clock stood still meanwhile.
    Unknown,
}

/// What the stamps of an answer say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judgement {
    pub(super) rtt: Rtt,
    pub(super) host_rtt: Rtt,
    pub(super) class: Class,
    pub(super) timing: Timing,
}

impl InFlight {
    /// Judges an ICMP reply to a probe that is still in its ring.
    pub(super) fn judge(&mut self, handle: Handle, seq: u64, stamps: Stamps) -> Option<Judgement> {
        let entry = self.entry(handle, seq)?;
        let is_comparable = self
            .clock_stepped_at
            .is_none_or(|stepped_at| entry.sent_at > stepped_at);
        let kernel =
            stamps
                .received
                .filter(|_| is_comparable)
                .and_then(|received| match entry.transmitted_at() {
                    Some(transmitted) => Some((Rtt::between(transmitted, received), Class::K)),
                    None => {
                        let sent_by_us = self.calendar_of(&entry, stamps.anchor)?.wall_at(entry.sent_at);
                        let sent_by_us = WireTime::from_nanos(sent_by_us.as_nanos());
                        Some((Rtt::between(sent_by_us, received), Class::H))
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
        Some(self.judgement(believed, host_rtt, &entry))
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
        Some(self.judgement(believed, host_rtt, &entry))
    }
}

impl InFlight {
    /// What relates a probe's send time to the calendar: an anchor from after a sleep does not.
    fn calendar_of(&self, entry: &Entry, now: Anchor) -> Option<Anchor> {
        match self.slept.filter(|sleep| entry.sent_at <= sleep.at) {
            None => Some(now),
            Some(sleep) => sleep
                .earlier_at
                .is_none_or(|earlier_at| entry.sent_at > earlier_at)
                .then_some(sleep.before),
        }
    }

    fn judgement(&self, believed: Option<(Rtt, Class)>, host_rtt: Rtt, entry: &Entry) -> Judgement {
        let (rtt, class) = believed.unwrap_or((host_rtt, Class::U));
        let is_short = rtt.as_nanos() <= nanos_of(entry.timeout());
        let has_slept = self.slept.is_some_and(|sleep| entry.sent_at <= sleep.at);
        let is_doubtful = self.doubt.is_some_and(|doubt| entry.sent_at <= doubt.at);
        let timing = match (class, is_short) {
            // The monotonic clock did not count the sleep.
            (Class::U, _) if has_slept => Timing::Unknown,
            (Class::U, false) if is_doubtful => Timing::Unknown,
            (_, true) => Timing::InTime,
            (_, false) => Timing::TooLate,
        };
        // Within the tolerance the host RTT gives way: it is the one that is never below the other.
        Judgement {
            rtt,
            host_rtt: host_rtt.max(rtt),
            class,
            timing,
        }
    }
}

/// A wire RTT cannot be longer than the host RTT around it.
fn is_inside(rtt: Rtt, host_rtt: Rtt) -> bool {
    let host_ns = host_rtt.as_nanos();
    rtt.as_nanos() <= host_ns + host_ns / 1000 * SLEW_PER_MILLE + nanos_of(READ_SKEW)
}
