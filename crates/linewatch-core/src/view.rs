//! Shows a target at one moment: its state, its grade, and the figures of the live window.
//!
//! Written by `monitor` once a second and read by the page, the API and the terminal. A view is a copy:
//! nobody can change the measurement through it. Not here: how the figures come about (`stats`, `state`).

use std::time::Duration;

use crate::advice::Signs;
use crate::record::{Class, Counts, Loss, Outcome};
use crate::target::TargetId;
use crate::time::{Rtt, WallTime};

/// The first axis of MEASURING.md "Thresholds": is it well?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// A person stopped it.
    Paused,
    /// It cannot be probed.
    Error,
    /// No finished probe yet.
    Waiting,
    /// No finished probe for too long.
    Stale,
    /// An outage is open.
    Down,
    /// Within S4's limits.
    Ok,
    /// Above OK's.
    Warn,
    /// Above WARN's.
    Bad,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Paused,
        Self::Error,
        Self::Waiting,
        Self::Stale,
        Self::Down,
        Self::Ok,
        Self::Warn,
        Self::Bad,
    ];

    /// The word of the API: lower case.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Error => "error",
            Self::Waiting => "waiting",
            Self::Stale => "stale",
            Self::Down => "down",
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// The second axis: how quick is it?
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grade {
    /// Up to 50 ms by default.
    Excellent,
    /// Up to 100 ms.
    Good,
    /// Up to 150 ms.
    Fair,
    /// Up to 300 ms.
    Poor,
    /// Above.
    Critical,
}

impl Grade {
    /// The word used in every interface.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Excellent => "excellent",
            Self::Good => "good",
            Self::Fair => "fair",
            Self::Poor => "poor",
            Self::Critical => "critical",
        }
    }
}

/// Why a target cannot be probed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TargetError {
    /// The name has no address. The text is the resolver's.
    Dns(String),
    /// The system does not let us probe this way. The text is the cure.
    Permission(String),
    /// No route to it from here: every probe is `unsent`. The text is [`TargetError::no_route`]'s.
    NoRoute(String),
    /// Not an address to probe: broadcast, multicast, unspecified, or over a cap. The text says which.
    Refused(String),
}

impl TargetError {
    /// `dns`, `permission`, `no_route`, `refused`.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Dns(_) => "dns",
            Self::Permission(_) => "permission",
            Self::NoRoute(_) => "no_route",
            Self::Refused(_) => "refused",
        }
    }

    /// What a person should know beside the word.
    pub fn text(&self) -> &str {
        match self {
            Self::Dns(text) | Self::Permission(text) | Self::NoRoute(text) | Self::Refused(text) => text,
        }
    }

    /// No route to this address, as a person writes it.
    pub fn no_route(address: &str) -> Self {
        Self::NoRoute(format!(
            "no route to {address} from this computer: its own link is down, or it has no gateway for that network; \
             check the cable or the Wi-Fi, then `ip route`"
        ))
    }
}

/// S1's concerns (MEASURING.md "Concerns").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Concern {
    /// mdev above 50 ms.
    Jitter,
    /// Loss above 1 %.
    Loss,
    /// Average above the poor limit.
    HighLatency,
    /// Average above the last limit.
    VeryHighLatency,
    /// No data.
    Stale,
}

/// What the figures say in plain words (MEASURING.md "Interpretation"). Several may hold; the page shows the
/// first, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interpretation {
    /// RTT low, process latency high.
    DelayHere,
    /// RTT high, process latency not.
    DelayOnPath,
    /// Loss above 1 %.
    Unstable,
    /// Jitter above 30 ms.
    MicroStutter,
}

impl Interpretation {
    /// The key of the catalogue: `delay_here`, `delay_on_path`, `unstable`, `micro_stutter`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::DelayHere => "delay_here",
            Self::DelayOnPath => "delay_on_path",
            Self::Unstable => "unstable",
            Self::MicroStutter => "micro_stutter",
        }
    }
}

/// RTT statistics of a set of answers. Exact, never from buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RttStats {
    /// Smallest.
    pub min: Rtt,
    /// Mean.
    pub avg: Rtt,
    /// Median.
    pub p50: Rtt,
    /// 95th percentile.
    pub p95: Rtt,
    /// 99th percentile.
    pub p99: Rtt,
    /// Largest.
    pub max: Rtt,
    /// Population standard deviation (iputils' mdev).
    pub mdev: Rtt,
}

/// The live window: the last 20 probes or the last 60 s, whichever spans more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct WindowView {
    /// Probes in it, of every outcome.
    pub probes: u64,
    /// From the oldest to now.
    pub span: Duration,
    /// Loss over the probes that count.
    pub loss: Loss,
    /// Lost probes (S4's RTO).
    pub rto: u64,
    /// Answers slower than [`crate::limits::SLOW_REPLY`].
    pub slow: u64,
    /// Unsent probes.
    pub unsent: u64,
    /// Unmeasured probes.
    pub unmeasured: u64,
    /// RTT of the answers that have one.
    pub rtt: Option<RttStats>,
    /// Mean absolute difference of adjacent replies.
    pub jitter: Option<Rtt>,
    /// Last absolute difference.
    pub jitter_last: Option<Rtt>,
    /// RFC 3550's gauge, over the run.
    pub jitter_rfc3550: Option<Rtt>,
    /// Process latency: median and 99th percentile.
    pub process_p50: Option<Rtt>,
    /// See `process_p50`.
    pub process_p99: Option<Rtt>,
    /// Lateness: median, 99th percentile, maximum.
    pub lateness_p50: Option<Duration>,
    /// See `lateness_p50`.
    pub lateness_p99: Option<Duration>,
    /// See `lateness_p50`.
    pub lateness_max: Option<Duration>,
}

/// The newest finished probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LastProbe {
    /// Its number.
    pub seq: u64,
    /// When it was sent.
    pub at: WallTime,
    /// What became of it.
    pub outcome: Outcome,
    /// Wire RTT.
    pub rtt: Option<Rtt>,
    /// Host RTT.
    pub host_rtt: Option<Rtt>,
    /// Accuracy.
    pub class: Class,
}

/// An outage that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOutage {
    /// Send time of the first lost probe.
    pub since: WallTime,
    /// So far, on the monotonic clock.
    pub duration: Duration,
    /// Finished probes inside.
    pub sent: u64,
    /// Failures among them.
    pub lost: u64,
}

/// One target at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetView {
    /// Which.
    pub id: TargetId,
    /// As of.
    pub at: WallTime,
    /// First axis.
    pub state: State,
    /// Since when.
    pub state_since: WallTime,
    /// Which rules of OK or WARN do not hold, in words of the catalogue: `loss`, `jitter`, `rtt`.
    pub state_reasons: Vec<&'static str>,
    /// Present when `state` is `Error`; kept for a `Waiting` one that may become it.
    pub error: Option<TargetError>,
    /// Second axis; `None` while nothing replied in the window.
    pub grade: Option<Grade>,
    /// Since when.
    pub grade_since: WallTime,
    /// Newest finished probe.
    pub last: Option<LastProbe>,
    /// Newest answered probe.
    pub last_answer: Option<LastProbe>,
    /// The live window.
    pub window: WindowView,
    /// Since this run began.
    pub totals: Counts,
    /// An outage, if one is open.
    pub outage: Option<OpenOutage>,
    /// Outages of this run, the open one included.
    pub outages: u64,
    /// Time of this run in which outcomes were known, and the part of it in outages.
    pub measured: Duration,
    /// See `measured`.
    pub down: Duration,
    /// S1's concerns.
    pub concerns: Vec<Concern>,
    /// What it means.
    pub interpretations: Vec<Interpretation>,
    /// What could be advised.
    pub signs: Signs,
}
