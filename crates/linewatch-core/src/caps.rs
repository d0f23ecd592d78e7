//! Says what may be probed and how often, so that no mistake becomes a flood (REQUIREMENTS X9, SAFETY T6).
//!
//! Input: one target after the other. Output: nothing, or a [`Refusal`] that a person can act on. An address is
//! judged by the IPv4 address it really leads to, also inside IPv6. Not here: broadcast addresses of subnets
//! (only the kernel knows them) and a plan's own limits (the configuration checks them).

mod admitted;

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::limits::{
    CORE_SHARE_MAX_PERCENT, IN_FLIGHT_PER_TARGET, PROBE_MBIT_PER_S, PROBES_PER_S, PUBLIC_PREFIX_PROBES_PER_S,
    PUBLIC_PROBES_PER_S, TARGETS,
};
use crate::target::{Address, Host, Method, ProbePlan, Target, TargetId};
use crate::time::nanos_of;

use admitted::{Admitted, Neighbourhood};

/// Rates are added in millionths of a probe per second: what is added can be subtracted again exactly.
const MICRO: u64 = 1_000_000;

/// A megabit per second in millionths of a byte per second.
const MBIT: u64 = 1_000_000 / 8 * MICRO;

/// What the caps need to know of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapEntry {
    /// Which.
    pub id: TargetId,
    /// Where.
    pub address: Address,
    /// How.
    pub method: Method,
    /// How often.
    pub plan: ProbePlan,
    /// The operator permits high rates to it.
    pub allow_high_rate: bool,
}

impl CapEntry {
    /// What the caps need to know of `target` at `address`, under the number `id`.
    pub fn of(id: TargetId, target: &Target, address: Address) -> Self {
        Self {
            id,
            address,
            method: target.method,
            plan: target.plan,
            allow_high_rate: target.allow_high_rate,
        }
    }

    /// The same where the settings alone tell the address: nothing of a target that is stopped, or known by a name.
    pub fn of_literal(id: TargetId, target: &Target) -> Option<Self> {
        match target.host {
            Host::Literal { ip, .. } if target.is_enabled => Some(Self::of(id, target, Address::from(ip))),
            _ => None,
        }
    }
}

/// Processor time that one probe costs the engine's thread on this computer, in nanoseconds, with everything
/// the kernel does for it in our name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Costs {
    /// An ICMP or UDP probe and its reply.
    pub packet_ns: u64,
    /// A TCP handshake.
    pub handshake_ns: u64,
}

/// What a slow computer needs, for when nothing could be measured: a start without any usable socket.
impl Default for Costs {
    fn default() -> Self {
        Self {
            packet_ns: 6_000,
            handshake_ns: 25_000,
        }
    }
}

impl Costs {
    /// No more than this can be meant: a measurement disturbed so badly says nothing.
    const MAX_NS: u64 = 1_000_000;

    /// Share of one processor core that a target of this kind takes.
    pub fn core_share(self, method: Method, plan: &ProbePlan) -> f64 {
        self.of(method) as f64 / 1e9 * plan.rate_per_s()
    }

    fn of(self, method: Method) -> u64 {
        let cost_ns = match method {
            Method::IcmpEcho | Method::Udp { .. } => self.packet_ns,
            Method::TcpConnect { .. } => self.handshake_ns,
        };
        cost_ns.min(Self::MAX_NS)
    }
}

/// A whole core, in the unit that loads are added in: millionths of a probe per second, times nanoseconds.
const CORE: u64 = MICRO * 1_000_000_000;

/// Why a target is not probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `0.0.0.0` or `::`.
    Unspecified(IpAddr),
    /// `255.255.255.255`.
    Broadcast(IpAddr),
    /// A group.
    Multicast(IpAddr),
    /// Too often for a public address.
    TargetRate {
        /// The address.
        ip: IpAddr,
        /// Asked, in millionths of a probe per second.
        micro_per_s: u64,
    },
    /// Too often for its neighbourhood.
    PrefixRate {
        /// First address of the neighbourhood.
        prefix: IpAddr,
        /// Its length.
        prefix_bits: u8,
        /// Sum with the new target, in millionths of a probe per second.
        micro_per_s: u64,
    },
    /// Too much for this process.
    TotalRate {
        /// Sum with the new target, in millionths of a probe per second.
        micro_per_s: u64,
        /// Targets with the new one.
        targets: usize,
    },
    /// Too much for a line, whatever it is asked of.
    Bandwidth {
        /// Megabits per second of what would be sent, with the new target, rounded up.
        mbit_per_s: u64,
    },
    /// More than this computer can do in time.
    Load {
        /// Per cent of one processor core with the new target.
        percent: u64,
        /// Sum with the new target, in millionths of a probe per second.
        micro_per_s: u64,
        /// Processor time of one probe like the new one, in nanoseconds.
        cost_ns: u64,
    },
    /// More in flight than can be told apart.
    InFlight {
        /// Probes in flight when nobody answers.
        probes: u64,
    },
    /// Too many targets.
    TooMany,
}

/// The targets that were let in, and their sums.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    entries: HashMap<TargetId, Admitted>,
    /// Of public targets without permission.
    prefixes: HashMap<Neighbourhood, u64>,
    costs: Costs,
    total_micro_per_s: u64,
    /// Millionths of a byte per second.
    total_micro_bytes_per_s: u64,
    /// Of [`CORE`].
    load: u64,
}

impl Ledger {
    /// An empty one for a computer with these costs.
    pub fn new(costs: Costs) -> Self {
        Self {
            costs,
            ..Self::default()
        }
    }

    /// Whether `entry` may come in, or take the place of the one with its id.
    ///
    /// # Errors
    ///
    /// The first rule that it breaks.
    pub fn check(&self, entry: &CapEntry) -> Result<(), Refusal> {
        let ip = unwrap(entry.address.ip);
        check_address(ip)?;
        let interval_ns = nanos_of(entry.plan.interval).max(1);
        let probes = nanos_of(entry.plan.timeout).div_ceil(interval_ns);
        if probes > IN_FLIGHT_PER_TARGET as u64 {
            return Err(Refusal::InFlight { probes });
        }
        let old = self.entries.get(&entry.id);
        let targets = self.entries.len() + usize::from(old.is_none());
        if targets > TARGETS {
            return Err(Refusal::TooMany);
        }
        let rate = rate_micro_per_s(entry);
        let micro_per_s = self.total_micro_per_s - old.map_or(0, Admitted::rate_micro_per_s) + rate;
        if micro_per_s > PROBES_PER_S * MICRO {
            return Err(Refusal::TotalRate { micro_per_s, targets });
        }
        let new = Admitted::new(entry, rate);
        let old_bytes = old.map_or(0, Admitted::micro_bytes_per_s);
        let bytes = self.total_micro_bytes_per_s - old_bytes + new.micro_bytes_per_s();
        if bytes > PROBE_MBIT_PER_S * MBIT {
            return Err(Refusal::Bandwidth {
                mbit_per_s: bytes.div_ceil(MBIT),
            });
        }
        let load = self.load - old.map_or(0, |old| self.load_of(old)) + self.load_of(&new);
        if load > CORE / 100 * CORE_SHARE_MAX_PERCENT {
            return Err(Refusal::Load {
                percent: load.div_ceil(CORE / 100),
                micro_per_s,
                cost_ns: self.costs.of(entry.method),
            });
        }
        let Some(key) = new.neighbourhood else {
            return Ok(());
        };
        if rate > PUBLIC_PROBES_PER_S * MICRO {
            return Err(Refusal::TargetRate {
                ip: entry.address.ip,
                micro_per_s: rate,
            });
        }
        let replaced = old
            .filter(|old| old.neighbourhood == Some(key))
            .map_or(0, Admitted::rate_micro_per_s);
        let micro_per_s = self.prefixes.get(&key).copied().unwrap_or(0) - replaced + rate;
        if micro_per_s > PUBLIC_PREFIX_PROBES_PER_S * MICRO {
            let (prefix, prefix_bits) = key.prefix();
            return Err(Refusal::PrefixRate {
                prefix,
                prefix_bits,
                micro_per_s,
            });
        }
        Ok(())
    }

    /// Lets `entry` in, in place of the one with its id.
    ///
    /// # Errors
    ///
    /// As [`Ledger::check`]; nothing is changed then.
    pub fn admit(&mut self, entry: CapEntry) -> Result<(), Refusal> {
        self.check(&entry)?;
        self.remove(entry.id);
        let rate = rate_micro_per_s(&entry);
        let admitted = Admitted::new(&entry, rate);
        self.total_micro_per_s += rate;
        self.total_micro_bytes_per_s += admitted.micro_bytes_per_s();
        self.load += self.load_of(&admitted);
        if let Some(key) = admitted.neighbourhood {
            *self.prefixes.entry(key).or_default() += rate;
        }
        self.entries.insert(entry.id, admitted);
        Ok(())
    }

    /// Takes a target out.
    pub fn remove(&mut self, id: TargetId) {
        let Some(entry) = self.entries.remove(&id) else {
            return;
        };
        let rate = entry.rate_micro_per_s();
        self.total_micro_per_s -= rate;
        self.total_micro_bytes_per_s -= entry.micro_bytes_per_s();
        self.load -= self.load_of(&entry);
        if let Some(key) = entry.neighbourhood
            && let Some(sum) = self.prefixes.get_mut(&key)
        {
            *sum -= rate;
            if *sum == 0 {
                self.prefixes.remove(&key);
            }
        }
    }

    /// Probes per second of all targets that were let in.
    pub fn rate_per_s(&self) -> f64 {
        self.total_micro_per_s as f64 / MICRO as f64
    }

    /// Share of one processor core that their probes take.
    #[cfg(test)]
    fn core_share(&self) -> f64 {
        self.load as f64 / CORE as f64
    }

    /// The rate times the cost; both are bounded, so that 100,000 of them are far from the end of the number.
    fn load_of(&self, entry: &Admitted) -> u64 {
        let cost_ns = if entry.is_handshake() {
            self.costs.handshake_ns
        } else {
            self.costs.packet_ns
        };
        entry.rate_micro_per_s() * cost_ns.min(Costs::MAX_NS)
    }
}

/// Whether an address is globally reachable by the IANA registries of special-purpose addresses, so that
/// probes to it meet strangers. When in doubt it is.
pub fn is_public(ip: IpAddr) -> bool {
    match unwrap(ip) {
        IpAddr::V4(ip) => !is_listed(ip.to_bits().into(), 32, &SPECIAL_V4),
        IpAddr::V6(ip) => !is_listed(ip.to_bits(), 128, &SPECIAL_V6),
    }
}

/// First bits, their number, and whether they are globally reachable; the longest match counts, and the
/// longer ones stand first.
type Block = (u128, u32, bool);

/// iana-ipv4-special-registry, and multicast, which is refused anyhow.
const SPECIAL_V4: [Block; 17] = [
    (0xc000_0009, 32, true),  // 192.0.0.9 Port Control Protocol anycast
    (0xc000_000a, 32, true),  // 192.0.0.10 TURN anycast
    (0xc000_0000, 24, false), // 192.0.0.0/24 IETF protocol assignments
    (0xc000_0200, 24, false), // 192.0.2.0/24 documentation
    (0xc633_6400, 24, false), // 198.51.100.0/24 documentation
    (0xcb00_7100, 24, false), // 203.0.113.0/24 documentation
    (0xc0a8_0000, 16, false), // 192.168.0.0/16 private
    (0xa9fe_0000, 16, false), // 169.254.0.0/16 link local
    (0xc612_0000, 15, false), // 198.18.0.0/15 benchmarking
    (0xac10_0000, 12, false), // 172.16.0.0/12 private
    (0x6440_0000, 10, false), // 100.64.0.0/10 shared by carriers
    (0x0000_0000, 8, false),  // 0.0.0.0/8 this network
    (0x0a00_0000, 8, false),  // 10.0.0.0/8 private
    (0x7f00_0000, 8, false),  // 127.0.0.0/8 loopback
    (0xe000_0000, 4, false),  // 224.0.0.0/4 multicast
    (0xf000_0000, 4, false),  // 240.0.0.0/4 reserved
    (0, 0, true),
];

/// iana-ipv6-special-registry, likewise. What leads to an IPv4 address is judged by that ([`unwrap`]).
const SPECIAL_V6: [Block; 23] = [
    (0, 128, false),                                        // :: unspecified
    (1, 128, false),                                        // ::1 loopback
    (0x2001_0001_0000_0000_0000_0000_0000_0001, 128, true), // 2001:1::1 Port Control Protocol anycast
    (0x2001_0001_0000_0000_0000_0000_0000_0002, 128, true), // 2001:1::2 TURN anycast
    (0x2001_0001_0000_0000_0000_0000_0000_0003, 128, true), // 2001:1::3 DNS-SD anycast
    (0x0100 << 112, 64, false),                             // 100::/64 discard only
    (0x0100_0000_0000_0001 << 64, 64, false),               // 100:0:0:1::/64 dummy prefix
    (0x0064_ff9b_0001 << 80, 48, false),                    // 64:ff9b:1::/48 local translation
    (0x2001_0002_0000 << 80, 48, false),                    // 2001:2::/48 benchmarking
    (0x2001_0004_0112 << 80, 48, true),                     // 2001:4:112::/48 AS112
    (0x2001_0000 << 96, 32, true),                          // 2001::/32 Teredo: leads to strangers
    (0x2001_0003 << 96, 32, true),                          // 2001:3::/32 AMT
    (0x2001_0db8 << 96, 32, false),                         // 2001:db8::/32 documentation
    (0x2001_0020 << 96, 28, true),                          // 2001:20::/28 ORCHIDv2
    (0x2001_0030 << 96, 28, true),                          // 2001:30::/28 drone remote identification
    (0x2001_0000 << 96, 23, false),                         // 2001::/23 IETF protocol assignments
    (0x3fff << 112, 20, false),                             // 3fff::/20 documentation
    (0x5f00 << 112, 16, false),                             // 5f00::/16 segment identifiers
    (0xfe80 << 112, 10, false),                             // fe80::/10 link local
    (0xfec0 << 112, 10, false),                             // fec0::/10 site local, deprecated (RFC 3879)
    (0xff00 << 112, 8, false),                              // ff00::/8 multicast
    (0xfc00 << 112, 7, false),                              // fc00::/7 unique local
    (0, 0, true),
];

fn is_listed(address: u128, width: u32, blocks: &[Block]) -> bool {
    let found = blocks.iter().find(|(first, bits, _)| {
        let shift = width - bits;
        *bits == 0 || address >> shift == first >> shift
    });
    found.is_some_and(|(_, _, is_reachable)| !is_reachable)
}

/// The IPv4 address behind an IPv6 one: mapped (RFC 4291), NAT64 (RFC 6052) or 6to4 (RFC 3056).
fn unwrap(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let s = v6.segments();
    let v4 = |high: u16, low: u16| IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match s {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        [0x2002, high, low, ..] => v4(high, low),
        _ => ip,
    }
}

fn check_address(ip: IpAddr) -> Result<(), Refusal> {
    if ip.is_unspecified() {
        return Err(Refusal::Unspecified(ip));
    }
    if ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
        return Err(Refusal::Broadcast(ip));
    }
    if ip.is_multicast() {
        return Err(Refusal::Multicast(ip));
    }
    Ok(())
}

fn rate_micro_per_s(entry: &CapEntry) -> u64 {
    MICRO * 1_000_000_000 / nanos_of(entry.plan.interval).max(1)
}

/// `12.5/s` from millionths.
fn per_s(micro_per_s: u64) -> String {
    format!("{}/s", micro_per_s as f64 / MICRO as f64)
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unspecified(ip) => write!(f, "{ip} is no address of a target: name the host to probe"),
            Self::Broadcast(ip) => write!(
                f,
                "{ip} is a broadcast address: one probe would be answered by many"
            ),
            Self::Multicast(ip) => write!(
                f,
                "{ip} is a multicast address: one probe would be answered by many"
            ),
            Self::TargetRate { ip, micro_per_s } => write!(
                f,
                "{} to the public address {ip} is above the limit of {PUBLIC_PROBES_PER_S}/s; \
                 use an `interval` of at least {:?}, or `allow_high_rate = true` in the configuration file",
                per_s(micro_per_s),
                Duration::from_secs(1) / PUBLIC_PROBES_PER_S as u32,
            ),
            Self::PrefixRate {
                prefix,
                prefix_bits,
                micro_per_s,
            } => write!(
                f,
                "{} in sum to the public network {prefix}/{prefix_bits} is above the limit of \
                 {PUBLIC_PREFIX_PROBES_PER_S}/s; probe it less often, or use `allow_high_rate = true` in the \
                 configuration file",
                per_s(micro_per_s),
            ),
            Self::TotalRate { micro_per_s, targets } => write!(
                f,
                "{} in sum over {targets} targets is above the limit of {PROBES_PER_S}/s; use longer intervals",
                per_s(micro_per_s),
            ),
            Self::Bandwidth { mbit_per_s } => write!(
                f,
                "{mbit_per_s} Mbit/s of probes in sum is above the limit of {PROBE_MBIT_PER_S} Mbit/s; use longer \
                 intervals, or a smaller `payload_bytes`",
            ),
            Self::Load {
                percent,
                micro_per_s,
                cost_ns,
            } => write!(
                f,
                "{} in sum would take {percent} % of a processor core (a probe like this costs {:.1} us here, \
                 measured at start), above the limit of {CORE_SHARE_MAX_PERCENT} %; use longer intervals, or \
                 a second monitor on another computer",
                per_s(micro_per_s),
                cost_ns as f64 / 1000.0,
            ),
            Self::InFlight { probes } => write!(
                f,
                "`timeout` divided by `interval` allows {probes} probes in flight, more than the limit of \
                 {IN_FLIGHT_PER_TARGET} per target; lower `timeout`, or probe less often",
            ),
            Self::TooMany => write!(
                f,
                "more than {TARGETS} targets; remove some, or run a second monitor"
            ),
        }
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
#[path = "caps_tests.rs"]
mod tests;
