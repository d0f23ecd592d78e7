//! Tells how many packets the kernel dropped because we read too slowly.
//!
//! The kernel counts drops per socket (`SO_RXQ_OVFL`) but mixes in packets it threw away for a wrong checksum, which
//! anyone can send, and may count one packet twice: the number says that, not how many. A queue can only have overflowed if it was full: fewer packets than fill the buffer prove
//! that it did not, and the growth is then passed over.

use std::os::fd::BorrowedFd;

use super::options;

/// The most memory one packet can take up in the kernel: 64 KB and as much again for its bookkeeping.
const PACKET_MEMORY_MAX: usize = 128 * 1024;
/// A burst from which on the counter itself is asked: if everything behind an overflow is silence, no later
/// packet would tell.
const BURST: usize = 64;
/// `SO_MEMINFO` and the place of the drop counter in it (linux/sock_diag.h).
const SO_MEMINFO: libc::c_int = 55;
const MEMINFO_DROPS: usize = 8;

/// See the module.
#[derive(Debug)]
pub(super) struct DropCounter {
    /// Bytes of the receive buffer.
    pub(super) buffer_bytes: usize,
    total: u32,
    /// Packets read since the queue was last seen empty.
    packets: usize,
}

impl DropCounter {
    pub(super) const fn new(buffer_bytes: usize) -> Self {
        Self {
            buffer_bytes,
            total: 0,
            packets: 0,
        }
    }

    /// A packet was read that carries this total; the drops to report.
    pub(super) fn on_packet(&mut self, total: Option<u32>) -> Option<u32> {
        self.packets += 1;
        self.advance(total?)
    }

    /// A read has ended.
    pub(super) fn on_drained(&mut self, fd: BorrowedFd<'_>, is_empty: bool) -> Option<u32> {
        let mut words = [0u8; (MEMINFO_DROPS + 1) * 4];
        let is_asked = self.packets >= BURST
            && options::get(fd, libc::SOL_SOCKET, SO_MEMINFO, &mut words).is_ok_and(|len| len == words.len());
        let total = is_asked.then(|| {
            let last = [words[32], words[33], words[34], words[35]];
            u32::from_ne_bytes(last)
        });
        let dropped = total.and_then(|total| self.advance(total));
        if is_empty {
            self.packets = 0;
        }
        dropped
    }

    fn advance(&mut self, total: u32) -> Option<u32> {
        let grown = total.wrapping_sub(self.total);
        // A total read from a packet may be older than one asked for: the difference is then negative.
        if grown == 0 || grown > u32::MAX / 2 {
            return None;
        }
        self.total = total;
        (self.packets * PACKET_MEMORY_MAX >= self.buffer_bytes).then_some(grown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_of_a_full_queue_are_reported_once() {
        let mut counter = DropCounter::new(PACKET_MEMORY_MAX);
        assert_eq!(counter.on_packet(None), None);
        assert_eq!(counter.on_packet(Some(3)), Some(3));
        assert_eq!(counter.on_packet(Some(3)), None);
        assert_eq!(counter.on_packet(Some(5)), Some(2));
        assert_eq!(counter.on_packet(Some(4)), None, "an older total");
    }

    #[test]
    fn bad_checksums_are_no_overflow() {
        let mut counter = DropCounter::new(10 * PACKET_MEMORY_MAX);
        for total in 1..10 {
            assert_eq!(
                counter.on_packet(Some(total)),
                None,
                "packet {total} of 10 that fill the buffer"
            );
        }
        assert_eq!(
            counter.on_packet(Some(12)),
            Some(3),
            "the buffer may have been full"
        );
    }
}
