//! Collects what one call to the wire brings in and hands it over with the stamps first.

use linewatch_core::port::{Arrival, Incoming};

/// What was read and not handed over yet.
#[derive(Debug, Default)]
pub(super) struct Haul {
    /// `Transmitted` only.
    pub(super) stamps: Vec<Arrival>,
    /// Everything else, in order of reading.
    pub(super) others: Vec<Arrival>,
    /// The messages of `others`.
    pub(super) bytes: Vec<u8>,
}

impl Haul {
    /// Keeps a message; returns where it lies.
    pub(super) fn keep(&mut self, message: &[u8]) -> (u32, u16) {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(message);
        // Messages are at most 2,048 bytes (`batch::RECEIVE_BYTES`).
        (start, message.len() as u16)
    }

    /// Hands everything over.
    pub(super) fn deliver(&mut self, incoming: &mut Incoming) {
        let offset = incoming.bytes.len() as u32;
        if offset == 0 {
            std::mem::swap(&mut incoming.bytes, &mut self.bytes);
        } else {
            incoming.bytes.append(&mut self.bytes);
        }
        incoming.arrivals.append(&mut self.stamps);
        incoming.arrivals.extend(self.others.drain(..).map(|mut arrival| {
            if let Arrival::Icmp { start, .. }
            | Arrival::IcmpError { start, .. }
            | Arrival::Udp { start, .. }
            | Arrival::UdpError { start, .. } = &mut arrival
            {
                *start += offset;
            }
            arrival
        }));
    }
}
