//! One target in flight: its address, its identifiers, its ring, and the numbers around it.

use std::net::{IpAddr, Ipv6Addr};

use super::ring::{Fate, Ring};
use super::{FlowSpec, Handle};
use crate::record::Class;
use crate::target::{Address, TargetId};

/// 112 bytes beside the ring's own boxes: there are 100,000 of them.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) target: TargetId,
    pub(super) handle: Handle,
    /// IPv4 as `::ffff:a.b.c.d`.
    octets: [u8; 16],
    scope: u32,
    /// See `sources`.
    pub(super) next_of_chain: u32,
    pub(super) ring: Ring,
    /// One past the newest sent.
    pub(super) end_seq: u64,
    /// No probe before this one is open.
    pub(super) oldest_open: u64,
    /// One past the newest that was answered in time.
    pub(super) newest_answered: u64,
    /// Probes before this one may have other time-outs than those after it.
    pub(super) uniform_from: u64,
    /// Of the newest probe.
    pub(super) timeout_us: u32,
    /// At most [`crate::limits::IN_FLIGHT_PER_TARGET`].
    pub(super) open: u16,
    pub(super) id: u16,
    /// Probes in flight at a rotation still carry it.
    pub(super) previous_id: u16,
    pub(super) class: Class,
    pub(super) is_touched: bool,
}

impl Flow {
    pub(super) fn new(spec: FlowSpec) -> Self {
        Self {
            target: spec.target,
            handle: spec.handle,
            octets: octets(spec.address.ip),
            scope: spec.address.scope,
            next_of_chain: super::sources::END,
            ring: Ring::new(),
            end_seq: spec.first_seq,
            oldest_open: spec.first_seq,
            newest_answered: 0,
            uniform_from: 0,
            timeout_us: 0,
            open: 0,
            id: spec.id,
            previous_id: spec.id,
            class: spec.class,
            is_touched: false,
        }
    }

    /// The only source of valid answers.
    pub(super) fn ip(&self) -> IpAddr {
        IpAddr::V6(Ipv6Addr::from(self.octets)).to_canonical()
    }

    pub(super) fn address(&self) -> Address {
        Address {
            ip: self.ip(),
            scope: self.scope,
        }
    }

    /// The 64-bit number of a sent probe with this low half; an attempt to name the future is `None`.
    pub(super) fn seq_of(&self, low: u32) -> Option<u64> {
        let newest = self.end_seq.checked_sub(1)?;
        newest.checked_sub(u64::from((newest as u32).wrapping_sub(low)))
    }

    /// The first open probe at or after `from`.
    pub(super) fn next_open(&self, from: u64) -> Option<u64> {
        let is_open = |seq: &u64| {
            self.ring
                .get(*seq)
                .is_some_and(|entry| entry.fate() == Fate::Open)
        };
        if self.open == 0 {
            return None;
        }
        if self.end_seq - from.min(self.end_seq) <= self.ring.capacity() {
            return (from..self.end_seq).find(is_open);
        }
        // A gap of more numbers than the ring holds lies between: look at what is there instead.
        self.ring
            .iter()
            .filter_map(|entry| self.seq_of(entry.seq_low()))
            .filter(|seq| *seq >= from)
            .filter(is_open)
            .min()
    }

    /// The open probe with this wire sequence, the newest if there were two.
    pub(super) fn open_with(&self, sequence: u16) -> Option<u64> {
        let newest = self.end_seq.checked_sub(1)?;
        let seq = newest.checked_sub(u64::from((newest as u16).wrapping_sub(sequence)))?;
        self.ring
            .get(seq)
            .filter(|entry| entry.fate() == Fate::Open)
            .map(|_| seq)
    }

    pub(super) fn has_id(&self, id: u16) -> bool {
        self.id == id || self.previous_id == id
    }

    /// A scope counts only where both sides name one.
    pub(super) fn is_from(&self, from: Address) -> bool {
        let is_same_scope = self.scope == 0 || from.scope == 0 || self.scope == from.scope;
        self.octets == octets(from.ip) && is_same_scope
    }
}

const _: () = assert!(size_of::<Option<Flow>>() <= 120);
const _: () = assert!(crate::limits::IN_FLIGHT_PER_TARGET <= u16::MAX as usize);

const fn octets(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}
