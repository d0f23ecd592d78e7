//! Describes what is watched: a target, how it is probed, and by which numbers it is judged.
//!
//! Values here are *meant*: checked, with units. As-written text, defaults and origins are the
//! configuration's (`linewatch::config`); reading `HOST:PORT` from a command line is [`crate::spec`]'s.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::outage::OutagePolicy;
use crate::time::Rtt;
use crate::view::Grade;

/// One series of measurements: given out by the store, never reused. A rename keeps it, a new address
/// or method is a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetId(pub u32);

/// What a probe is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// ICMP or ICMPv6 echo.
    IcmpEcho,
    /// A TCP handshake, closed at once.
    TcpConnect {
        /// 1 to 65535.
        port: u16,
    },
    /// A datagram and its answer.
    Udp {
        /// 1 to 65535.
        port: u16,
        /// What it carries.
        payload: UdpPayload,
    },
}

/// What a UDP probe carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UdpPayload {
    /// Our cookie, which the far side sends back unchanged (RFC 862).
    Echo,
    /// A DNS query for a name that nobody has asked for yet; any response to it is an answer.
    Dns,
}

/// The port of DNS, which no echo service has.
const DNS_PORT: u16 = 53;

impl UdpPayload {
    /// What is meant where nothing was said: `dns` on port 53, else `echo`.
    pub const fn of_port(port: u16) -> Self {
        if port == DNS_PORT { Self::Dns } else { Self::Echo }
    }

    /// The word of the configuration: `echo`, `dns`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Dns => "dns",
        }
    }
}

impl Method {
    /// The word of the configuration: `icmp`, `tcp`, `udp`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::IcmpEcho => "icmp",
            Self::TcpConnect { .. } => "tcp",
            Self::Udp { .. } => "udp",
        }
    }

    /// The port, where the method has one.
    pub const fn port(self) -> Option<u16> {
        match self {
            Self::IcmpEcho => None,
            Self::TcpConnect { port } | Self::Udp { port, .. } => Some(port),
        }
    }

    /// What it carries, where that is a choice.
    pub const fn payload(self) -> Option<UdpPayload> {
        match self {
            Self::IcmpEcho | Self::TcpConnect { .. } => None,
            Self::Udp { payload, .. } => Some(payload),
        }
    }
}

/// Which address family to take when a name has both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// The first the resolver gives.
    #[default]
    Auto,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

/// Where probes go: an IP address with its IPv6 scope (interface index, 0 = none).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// Interface index of a link-local IPv6 address, else 0.
    pub scope: u32,
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        Self { ip, scope: 0 }
    }
}

/// From where probes of a target leave, as written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Source {
    /// Wherever the routing table says.
    #[default]
    Any,
    /// An address of this computer.
    Address(IpAddr),
    /// The name of an interface of this computer.
    Interface(String),
}

impl Source {
    /// As a person writes it; empty for [`Source::Any`].
    pub fn text(&self) -> String {
        match self {
            Self::Any => String::new(),
            Self::Address(ip) => ip.to_string(),
            Self::Interface(name) => name.clone(),
        }
    }
}

/// How packets to a target leave: what the kernel is told beside their destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Egress {
    /// Source address; `None`: the kernel's choice. Of the family of the destination.
    pub source: Option<IpAddr>,
    /// Index of the interface to leave by; 0: the routing table's choice.
    pub interface: u32,
    /// Differentiated services code point (RFC 2474), 0 to 63.
    pub dscp: u8,
}

/// Names an [`Egress`] in the engine's table of distinct ones, so that a target carries two bytes. 0 is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct EgressIndex(pub u16);

/// What was written as the address of a target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// An IP literal; `zone` is the interface name behind `%`.
    Literal {
        /// The address.
        ip: IpAddr,
        /// Interface name of a scoped IPv6 address.
        zone: Option<String>,
    },
    /// A name for the resolver, lower case, without a final dot.
    Name(String),
}

/// How often and how patiently a target is probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbePlan {
    /// Slot to slot.
    pub interval: Duration,
    /// How long a probe may be in flight; independent of the interval.
    pub timeout: Duration,
    /// ICMP payload, and that of a UDP echo.
    pub payload_bytes: u16,
}

impl ProbePlan {
    /// Probes per second.
    pub fn rate_per_s(&self) -> f64 {
        1.0 / self.interval.as_secs_f64()
    }

    /// So long after its last finished probe a target is stale (MEASURING.md "Stale").
    pub fn stale_after(&self) -> Duration {
        crate::state::stale_after(self)
    }
}

/// Upper bounds of the five grades, inclusive (REQUIREMENTS S1-9). `critical` has no upper bound: above
/// this last number the concern `very_high_latency` is raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GradeLimits {
    /// Up to here: excellent.
    pub excellent: Rtt,
    /// Up to here: good.
    pub good: Rtt,
    /// Up to here: fair.
    pub fair: Rtt,
    /// Up to here: poor; above: critical.
    pub poor: Rtt,
    /// Above here: the concern `very_high_latency`.
    pub very_high: Rtt,
}

impl GradeLimits {
    /// The grade of an average RTT.
    pub fn grade(&self, average: Rtt) -> Grade {
        match average {
            _ if average <= self.excellent => Grade::Excellent,
            _ if average <= self.good => Grade::Good,
            _ if average <= self.fair => Grade::Fair,
            _ if average <= self.poor => Grade::Poor,
            _ => Grade::Critical,
        }
    }
}

/// Limits of one status, all exclusive (S4).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StatusLimit {
    /// Loss ratio, 0 to 1.
    pub loss: f64,
    /// Mean absolute difference.
    pub jitter: Rtt,
    /// Median RTT.
    pub rtt: Rtt,
}

/// The numbers by which a target is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// The five grades.
    pub grades: GradeLimits,
    /// Below all of these: OK.
    pub ok: StatusLimit,
    /// Below all of these: WARN; else BAD.
    pub warn: StatusLimit,
    /// When an outage opens and closes.
    pub outage: OutagePolicy,
    /// S0's threshold: an RTT strictly above it begins a `threshold_exceeded` episode.
    pub latency: Rtt,
}

const fn ms(millis: u64) -> Rtt {
    Rtt::from_nanos(millis * 1_000_000)
}

impl Default for Thresholds {
    /// The numbers of S1 (grades) and S4 (status), as in MEASURING.md.
    fn default() -> Self {
        Self {
            grades: GradeLimits {
                excellent: ms(50),
                good: ms(100),
                fair: ms(150),
                poor: ms(300),
                very_high: ms(500),
            },
            ok: StatusLimit {
                loss: 0.01,
                jitter: ms(10),
                rtt: ms(80),
            },
            warn: StatusLimit {
                loss: 0.05,
                jitter: ms(30),
                rtt: ms(200),
            },
            outage: OutagePolicy::default(),
            latency: ms(150),
        }
    }
}

impl Default for ProbePlan {
    /// Once a second, two seconds of patience, 56 bytes as `ping` has.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(2),
            payload_bytes: 56,
        }
    }
}

/// Everything that is known about one target.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Its series.
    pub id: TargetId,
    /// Its name in addresses of pages and in `web.toml`: the configured `id`, else made from the name.
    pub slug: String,
    /// What a person calls it.
    pub name: String,
    /// Where it is, as written.
    pub host: Host,
    /// Family for names with both.
    pub family: Family,
    /// What a probe is.
    pub method: Method,
    /// How often.
    pub plan: ProbePlan,
    /// Judged by.
    pub thresholds: Thresholds,
    /// Slug of the target this one is reached through.
    pub behind: Option<String>,
    /// ISO country, `LAN` or `ANY`; empty if unknown.
    pub country: String,
    /// Free text.
    pub partner: String,
    /// Free text.
    pub group: String,
    /// Free pairs.
    pub labels: Vec<(String, String)>,
    /// Probed at all; false after STOP.
    pub is_enabled: bool,
    /// The operator allows more than [`crate::limits::PUBLIC_PROBES_PER_S`] to a public address.
    pub allow_high_rate: bool,
}

impl Target {
    /// One of which nothing is said but where it is: pinged and judged by the defaults, and without a name yet.
    pub fn plain(id: TargetId, host: Host) -> Self {
        Self {
            id,
            slug: String::new(),
            name: String::new(),
            host,
            family: Family::Auto,
            method: Method::IcmpEcho,
            plan: ProbePlan::default(),
            thresholds: Thresholds::default(),
            behind: None,
            country: String::new(),
            partner: String::new(),
            group: String::new(),
            labels: Vec::new(),
            is_enabled: true,
            allow_high_rate: false,
        }
    }

    /// `192.0.2.1`, `[2001:db8::1]:443`, `name:443`: the address as a person writes it.
    pub fn address_text(&self) -> String {
        let host = match &self.host {
            Host::Literal { ip, zone } => match zone {
                Some(zone) => format!("{ip}%{zone}"),
                None => ip.to_string(),
            },
            Host::Name(name) => name.clone(),
        };
        match (self.method.port(), &self.host) {
            (None, _) => host,
            (
                Some(port),
                Host::Literal {
                    ip: IpAddr::V6(_), ..
                },
            ) => format!("[{host}]:{port}"),
            (Some(port), _) => format!("{host}:{port}"),
        }
    }
}

/// Where a configured value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The program's own default.
    Default,
    /// A target or value the program adds by itself (the four default lines).
    BuiltIn,
    /// The operator's file.
    File {
        /// Path as given.
        path: String,
        /// Line, from 1.
        line: u32,
    },
    /// `web.toml`: changed on the page.
    Web,
    /// Typed at start; never saved.
    CommandLine,
    /// From an environment variable of this name.
    Environment(String),
}

/// Where configured values come from, by key (`interval`, `status.ok.loss`), in its order; defaults are not in it.
///
/// Shared by its copies: every target is held where it is configured and where it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Arc<[(String, Origin)]>);

impl Origins {
    /// Of the value of this key; `None` if it has its default.
    pub fn get(&self, key: &str) -> Option<&Origin> {
        let index = self
            .0
            .binary_search_by(|(known, _)| known.as_str().cmp(key))
            .ok()?;
        Some(&self.0[index].1)
    }

    /// Every key that has another value than its default.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Origin)> {
        self.0.iter().map(|(key, origin)| (key.as_str(), origin))
    }
}

impl FromIterator<(String, Origin)> for Origins {
    fn from_iter<T: IntoIterator<Item = (String, Origin)>>(origins: T) -> Self {
        Self(
            origins
                .into_iter()
                .collect::<BTreeMap<_, _>>()
                .into_iter()
                .collect(),
        )
    }
}
