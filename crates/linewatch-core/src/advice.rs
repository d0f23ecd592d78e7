//! Says what to change about a target whose figures are worse than its line: at most one thing, with its numbers.
//!
//! In: a target, its view with the [`Signs`] counted by the monitor, and whether a TCP port of it answers. Out: one
//! [`Advice`], gone as soon as it no longer holds. Pure. Not here: how signs are counted (`monitor`), who asks by TCP,
//! and the words.

use std::time::Duration;

use crate::limits;
use crate::target::{Method, Target};
use crate::view::{State, TargetView};

/// What time-outs people write. The largest is [`limits::TIMEOUT_MAX`].
const TIMEOUTS_MS: [u64; 10] = [25, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000];
/// What intervals people write, up to where nothing is late by a tenth of them any more.
const INTERVALS_MS: [u64; 13] = [
    10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000,
];

/// What the monitor counts of a target for advice alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Signs {
    /// Lost probes whose reply came after all; nothing while none did.
    pub late: Option<LateShare>,
    /// Lateness of the sends, 99th percentile of the live window, once it has been too much for
    /// [`limits::ADVICE_LATENESS_TIME`].
    pub lateness_p99: Option<Duration>,
}

/// The newest lost probes ([`limits::ADVICE_LOSSES`], of the last [`limits::ADVICE_AGE`]) and what came late of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LateShare {
    /// Lost probes.
    pub lost: u32,
    /// Those of them that were answered late.
    pub late: u32,
    /// Those of them whose reply came within `within`.
    pub came: u32,
    /// Their 95th percentile delay, rounded up to two digits.
    pub within: Duration,
    /// The same exactly.
    pub p95: Duration,
}

/// One thing worth changing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Advice {
    /// Most lost replies come a little later than anybody waits for them.
    RaiseTimeout {
        /// What was counted.
        share: LateShare,
        /// Time-out now.
        from: Duration,
        /// Time-out that would have seen 95 % of the late replies.
        to: Duration,
    },
    /// Nothing answers by ICMP and a TCP port does: somebody drops ICMP on the way.
    UseTcp {
        /// Probes without an answer, in a row.
        probes: u64,
        /// For so long.
        silent: Duration,
        /// The port that answers.
        port: u16,
    },
    /// Probes leave later than a tenth of their interval.
    RaiseInterval {
        /// Lateness, 99th percentile.
        p99: Duration,
        /// Interval now.
        from: Duration,
        /// Interval of which that lateness is a tenth at most.
        to: Duration,
    },
}

impl Advice {
    /// The key of the catalogue and of the API: `raise_timeout`, `use_tcp`, `raise_interval`.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::RaiseTimeout { .. } => "raise_timeout",
            Self::UseTcp { .. } => "use_tcp",
            Self::RaiseInterval { .. } => "raise_interval",
        }
    }
}

/// The one thing to change about this target. `tcp_port` is a port that answered a handshake while ICMP was silent.
pub fn advise(target: &Target, view: &TargetView, tcp_port: Option<u16>) -> Option<Advice> {
    if !target.is_enabled || view.state == State::Error {
        return None;
    }
    // What is lost to a short time-out first: while it is, nothing else the figures say is of the line.
    let timeout = target.plan.timeout;
    (view.signs.late.and_then(|share| longer_timeout(share, timeout)))
        .or_else(|| other_method(target.method, view, tcp_port))
        .or_else(|| longer_interval(view.signs.lateness_p99?, target.plan.interval))
}

/// Nothing has answered for so long, in so many probes, that another way is worth a try; what answers late is not silent.
pub fn is_silent(view: &TargetView) -> bool {
    view.signs.late.is_none()
        && view.outage.is_some_and(|outage| {
            outage.lost == outage.sent
                && outage.sent >= limits::ADVICE_SILENT_PROBES
                && outage.duration >= limits::ADVICE_SILENT_TIME
        })
}

/// Lateness from which on a target probed so often measures something else than its grid.
pub(crate) fn lateness_limit(interval: Duration) -> Duration {
    limits::ADVICE_LATENESS_MIN.max(interval / 10)
}

fn longer_timeout(share: LateShare, from: Duration) -> Option<Advice> {
    let is_worth_it = u64::from(share.lost) >= limits::ADVICE_LOST_MIN && share.late * 2 >= share.lost;
    let to = of(&TIMEOUTS_MS).find(|&timeout| timeout > share.p95 && timeout > from)?;
    is_worth_it.then_some(Advice::RaiseTimeout { share, from, to })
}

fn other_method(method: Method, view: &TargetView, tcp_port: Option<u16>) -> Option<Advice> {
    let (port, outage) = (tcp_port?, view.outage?);
    (method == Method::IcmpEcho && is_silent(view)).then_some(Advice::UseTcp {
        probes: outage.sent,
        silent: outage.duration,
        port,
    })
}

fn longer_interval(p99: Duration, from: Duration) -> Option<Advice> {
    if p99 <= lateness_limit(from) {
        return None;
    }
    let to = of(&INTERVALS_MS).find(|&interval| interval >= p99 * 10 && interval > from)?;
    Some(Advice::RaiseInterval { p99, from, to })
}

fn of(list: &[u64]) -> impl Iterator<Item = Duration> {
    list.iter().copied().map(Duration::from_millis)
}

#[cfg(test)]
#[path = "advice_tests.rs"]
mod tests;
