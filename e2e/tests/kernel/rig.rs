//! A wire with its hands free: sends single probes, keeps everything that arrives, answers questions about it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use linewatch_core::port::{Arrival, Clock as _, Incoming, Outgoing, Shot, ShotBody, Token, Wire as _};
use linewatch_core::target::{Address, Egress, EgressIndex};
use linewatch_core::time::{MonoTime, Rtt, WireTime};
use linewatch_e2e::namespace;
use linewatch_e2e::packet::echo_request;
use linewatch_probe::clock::SystemClock;
use linewatch_probe::sys::{LinuxWire, WireOptions, WireReport};

/// An address behind the line.
pub(crate) const FAR_V4: &str = "10.9.0.2";
/// The same over IPv6.
pub(crate) const FAR_V6: &str = "2001:db8:9::2";
/// Nobody at that address answers.
pub(crate) const EHOSTUNREACH: i32 = 113;
/// What probes carry.
const PAYLOAD: &[u8] = b"linewatch-kernel-test-payload-of-48-bytes-0123456";

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) struct Rig {
    clock: SystemClock,
    wire: LinuxWire,
    pub(crate) report: WireReport,
    /// How the next probes leave.
    pub(crate) egress: Egress,
    pub(crate) arrivals: Vec<Arrival>,
    bytes: Vec<u8>,
    stamps: HashMap<u64, WireTime>,
}

/// What one `receive` was like.
pub(crate) struct Drain {
    pub(crate) has_more: bool,
    pub(crate) arrivals: usize,
}

impl Rig {
    /// Opens a wire; ping sockets are permitted to everyone in this namespace.
    pub(crate) fn open(options: WireOptions) -> anyhow::Result<Self> {
        namespace::sysctl("net.ipv4.ping_group_range", "0 2147483647")?;
        let clock = SystemClock::start();
        let (wire, report) = LinuxWire::open(clock, options)?;
        let (arrivals, bytes, stamps) = (Vec::new(), Vec::new(), HashMap::new());
        Ok(Self {
            clock,
            wire,
            report,
            egress: Egress::default(),
            arrivals,
            bytes,
            stamps,
        })
    }

    /// Sends one echo request; its token is its sequence number.
    pub(crate) fn echo(&mut self, to: &str, seq: u16) -> anyhow::Result<Result<(), i32>> {
        Ok(self.echoes(&[to], seq)?[0])
    }

    /// Sends echo requests in one call, numbered from `first`.
    pub(crate) fn echoes(&mut self, tos: &[&str], first: u16) -> anyhow::Result<Vec<Result<(), i32>>> {
        let mut outgoing = Outgoing {
            egresses: vec![self.egress],
            ..Outgoing::default()
        };
        for (seq, to) in (first..).zip(tos) {
            let to = address(to)?;
            let message = echo_request(to.ip.is_ipv6(), 0x4242, seq, PAYLOAD);
            let start = outgoing.bytes.len() as u32;
            outgoing.bytes.extend(&message);
            let body = ShotBody::Icmp {
                start,
                len: message.len() as u16,
            };
            outgoing.shots.push(Shot {
                token: Token(u64::from(seq)),
                to,
                egress: EgressIndex(1),
                body,
            });
        }
        self.send(&outgoing)
    }

    /// Starts one handshake.
    pub(crate) fn connect(
        &mut self,
        to: &str,
        port: u16,
        timeout: Duration,
        token: u64,
    ) -> anyhow::Result<Result<(), i32>> {
        let shot = Shot {
            token: Token(token),
            to: address(to)?,
            egress: EgressIndex(1),
            body: ShotBody::Tcp { port, timeout },
        };
        Ok(self.send(&Outgoing {
            shots: vec![shot],
            bytes: Vec::new(),
            egresses: vec![self.egress],
        })?[0])
    }

    fn send(&mut self, outgoing: &Outgoing) -> anyhow::Result<Vec<Result<(), i32>>> {
        let mut results = Vec::new();
        let before = self.clock.mono();
        self.wire.send(outgoing, &mut results);
        let after = self.clock.mono();
        ensure!(results.len() == outgoing.shots.len(), "{} results", results.len());
        let is_inside = results
            .iter()
            .all(|result| before <= result.sent_at && result.sent_at <= after);
        ensure!(is_inside, "a user stamp outside of its call");
        Ok(results.iter().map(|result| result.result).collect())
    }

    /// The time by the wire's clock.
    pub(crate) fn now(&self) -> MonoTime {
        self.clock.mono()
    }

    /// Receives for this long, however often that returns.
    pub(crate) fn receive_for(&mut self, length: Duration) {
        let until = self.clock.mono().plus(length);
        // Each time it wakes: a loop that only looked at the clock would take the processor from the far end.
        while self.receive(until).has_more || self.clock.mono() < until {}
    }

    /// Receives until this many TCP attempts have ended in all.
    pub(crate) fn receive_tcp(&mut self, count: usize) -> anyhow::Result<()> {
        let deadline = self.clock.mono().plus(ms(5000));
        while self
            .arrivals
            .iter()
            .filter(|arrival| matches!(arrival, Arrival::Tcp { .. }))
            .count()
            < count
        {
            ensure!(self.clock.mono() < deadline, "fewer than {count} attempts ended");
            self.receive(deadline);
        }
        Ok(())
    }

    /// One call without waiting.
    pub(crate) fn receive_once(&mut self) -> Drain {
        self.receive(MonoTime::ZERO)
    }

    fn receive(&mut self, until: MonoTime) -> Drain {
        let mut incoming = Incoming::default();
        self.wire.receive(until, &mut incoming);
        let offset = self.bytes.len() as u32;
        self.bytes.extend(&incoming.bytes);
        let drain = Drain {
            has_more: incoming.has_more,
            arrivals: incoming.arrivals.len(),
        };
        for mut arrival in incoming.arrivals {
            match &mut arrival {
                Arrival::Transmitted { token, stamp } => {
                    let earlier = self.stamps.insert(token.0, *stamp);
                    // The overflow test sends one number many times; everyone else may see a stamp once.
                    assert!(
                        earlier.is_none() || token.0 < 100,
                        "two stamps of probe {}",
                        token.0
                    );
                    continue;
                }
                Arrival::Icmp { start, .. }
                | Arrival::IcmpError { start, .. }
                | Arrival::Udp { start, .. }
                | Arrival::UdpError { start, .. } => *start += offset,
                Arrival::Tcp { .. } | Arrival::Overflow { .. } => {}
            }
            self.arrivals.push(arrival);
        }
        drain
    }

    /// The transmit stamp of a probe.
    pub(crate) fn stamp_ns(&self, seq: u16) -> Option<i64> {
        self.stamps.get(&u64::from(seq)).map(|stamp| stamp.as_nanos())
    }

    /// The wire RTT of a probe, from the two kernel stamps.
    pub(crate) fn rtt_ns(&self, seq: u16) -> anyhow::Result<i64> {
        let sent = self
            .stamps
            .get(&u64::from(seq))
            .with_context(|| format!("probe {seq} has no TX stamp"))?;
        let received = self.arrivals.iter().find_map(|arrival| match *arrival {
            Arrival::Icmp {
                start, len, stamp, ..
            } => {
                let message = self.message(start, len);
                let is_reply = matches!(message[0], 0 | 129) && message[6..8] == seq.to_be_bytes();
                (is_reply && message[8..] == *PAYLOAD).then_some(stamp)
            }
            _ => None,
        });
        let received = received.with_context(|| format!("probe {seq} has no reply"))?;
        let received = received.with_context(|| format!("the reply to {seq} has no stamp"))?;
        let rtt = Rtt::between(*sent, received).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        Ok(rtt.as_nanos() as i64)
    }

    /// Every ICMP message that came: from whom, and its bytes.
    pub(crate) fn icmp_messages(&self) -> Vec<(String, &[u8])> {
        let messages = self.arrivals.iter().filter_map(|arrival| match *arrival {
            Arrival::Icmp { from, start, len, .. } => Some((from.ip.to_string(), self.message(start, len))),
            _ => None,
        });
        messages.collect()
    }

    /// The first refusal off an error queue: target, type, code, quoted message.
    pub(crate) fn icmp_error(&self) -> Option<(String, u8, u8, &[u8])> {
        self.arrivals.iter().find_map(|arrival| match *arrival {
            Arrival::IcmpError {
                to,
                kind,
                code,
                start,
                len,
                ..
            } => Some((to.ip.to_string(), kind, code, self.message(start, len))),
            _ => None,
        })
    }

    /// Packets reported as dropped.
    pub(crate) fn dropped(&self) -> u32 {
        let drops = self.arrivals.iter().filter_map(|arrival| match *arrival {
            Arrival::Overflow { dropped } => Some(dropped),
            _ => None,
        });
        drops.sum()
    }

    fn message(&self, start: u32, len: u16) -> &[u8] {
        &self.bytes[start as usize..start as usize + usize::from(len)]
    }
}

fn address(text: &str) -> anyhow::Result<Address> {
    Ok(Address::from(text.parse::<IpAddr>()?))
}

/// File descriptors of this process that are sockets.
pub(crate) fn open_sockets() -> anyhow::Result<usize> {
    let mut count = 0;
    for entry in std::fs::read_dir("/proc/self/fd")? {
        // The descriptor of this listing itself is gone by now.
        let link = std::fs::read_link(entry?.path());
        count += usize::from(link.is_ok_and(|link| link.to_string_lossy().starts_with("socket:")));
    }
    Ok(count)
}

/// Sockets of this namespace that wait in TIME_WAIT.
pub(crate) fn time_waits() -> anyhow::Result<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/net/sockstat")?;
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    let at = fields
        .iter()
        .position(|field| *field == "tw")
        .context("no tw in sockstat")?;
    Ok(fields[at + 1].parse()?)
}

/// `SCHED_OTHER`.
pub(crate) const SCHED_OTHER: u32 = 0;
/// `SCHED_FIFO`.
pub(crate) const SCHED_FIFO: u32 = 1;

/// How the calling thread is scheduled: the field `policy` of its `stat` (proc(5)).
pub(crate) fn scheduling_policy() -> anyhow::Result<u32> {
    let text = std::fs::read_to_string("/proc/thread-self/stat")?;
    // The second field is a name in brackets that may hold anything; what is behind it is plain.
    let (_, fields) = text.rsplit_once(") ").context("no name in stat")?;
    let policy = fields.split(' ').nth(41 - 3).context("no policy in stat")?;
    Ok(policy.parse()?)
}
