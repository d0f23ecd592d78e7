//! What the caps remember of each target that was let in, in 12 bytes.
//!
//! Input: an entry and its rate. Output: what it adds to each sum, to be taken off again. Not here: the caps.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{CapEntry, MICRO, is_public, unwrap};
use crate::limits::{PAYLOAD_BYTES_MAX, PROBES_PER_S};
use crate::target::{Method, TargetId, UdpPayload};

/// What a target that was let in takes of the sums: 12 bytes, because there are 100,000 of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Admitted {
    /// Its rate, low byte first, above it the class of its size in two bits, and the kind of its probes in the highest bit:
    /// what all targets together may ask for ([`PROBES_PER_S`]) has 37 bits.
    rate_and_kind: [u8; 5],
    pub(super) neighbourhood: Option<Neighbourhood>,
}

const _: () = assert!(size_of::<(TargetId, Admitted)>() == 16);
const IS_HANDSHAKE: u64 = 1 << 39;
const SIZE_SHIFT: u32 = 37;
const RATE_MAX: u64 = (1 << SIZE_SHIFT) - 1;
const _: () = assert!(PROBES_PER_S * MICRO <= RATE_MAX);

/// Bytes that a probe counts as on the wire, IP header included: the next of these, because there are two bits for it. The
/// first holds the usual payload of 56 bytes under either IP, a DNS query, and a handshake's SYN and RST.
const SIZE_CLASSES: [u64; 4] = [128, 384, 768, 1500];
const _: () = assert!(PAYLOAD_BYTES_MAX as u64 + 48 <= SIZE_CLASSES[3]);

impl Admitted {
    /// A rate that the sum refuses anyhow is only here to be refused, and is kept as the greatest there is.
    pub(super) fn new(entry: &CapEntry, rate_micro_per_s: u64) -> Self {
        let is_handshake = matches!(entry.method, Method::TcpConnect { .. });
        let kind = if is_handshake { IS_HANDSHAKE } else { 0 };
        let size = size_class(entry) << SIZE_SHIFT;
        let [rate_and_kind @ .., _, _, _] = (rate_micro_per_s.min(RATE_MAX) | size | kind).to_le_bytes();
        Self {
            rate_and_kind,
            neighbourhood: Neighbourhood::capped(entry),
        }
    }

    fn number(&self) -> u64 {
        let [a, b, c, d, e] = self.rate_and_kind;
        u64::from_le_bytes([a, b, c, d, e, 0, 0, 0])
    }

    pub(super) fn rate_micro_per_s(&self) -> u64 {
        self.number() & RATE_MAX
    }

    /// Bytes it sends, in millionths of a byte per second.
    pub(super) fn micro_bytes_per_s(&self) -> u64 {
        let class = self.number() >> SIZE_SHIFT & 0b11;
        self.rate_micro_per_s() * SIZE_CLASSES[class as usize]
    }

    pub(super) fn is_handshake(&self) -> bool {
        self.number() & IS_HANDSHAKE != 0
    }
}

/// Which of [`SIZE_CLASSES`] a probe to this target is of.
fn size_class(entry: &CapEntry) -> u64 {
    let payload_bytes = match entry.method {
        Method::IcmpEcho => u64::from(entry.plan.payload_bytes),
        // An echo is padded to it, a DNS query is smaller; both headers are as long as that of ICMP.
        Method::Udp { payload, .. } => match payload {
            UdpPayload::Echo => u64::from(entry.plan.payload_bytes),
            UdpPayload::Dns => 0,
        },
        Method::TcpConnect { .. } => 0,
    };
    let headers_bytes = if unwrap(entry.address.ip).is_ipv4() {
        28
    } else {
        48
    };
    let bytes = payload_bytes + headers_bytes;
    SIZE_CLASSES
        .iter()
        .take(3)
        .filter(|class| **class < bytes)
        .count() as u64
}

/// A public network whose targets share a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Neighbourhood {
    /// A /24.
    V4([u8; 3]),
    /// A /48.
    V6([u8; 6]),
}

impl Neighbourhood {
    /// The one that a target's rate counts in, if it counts in one.
    fn capped(entry: &CapEntry) -> Option<Self> {
        if entry.allow_high_rate || !is_public(entry.address.ip) {
            return None;
        }
        Some(match unwrap(entry.address.ip) {
            IpAddr::V4(ip) => {
                let [first @ .., _] = ip.octets();
                Self::V4(first)
            }
            IpAddr::V6(ip) => {
                let [a, b, c, d, e, f, ..] = ip.octets();
                Self::V6([a, b, c, d, e, f])
            }
        })
    }

    /// Its first address and the length of its prefix.
    pub(super) fn prefix(self) -> (IpAddr, u8) {
        match self {
            Self::V4([a, b, c]) => (Ipv4Addr::new(a, b, c, 0).into(), 24),
            Self::V6(first) => {
                let mut octets = [0; 16];
                octets[..first.len()].copy_from_slice(&first);
                (Ipv6Addr::from(octets).into(), 48)
            }
        }
    }
}
