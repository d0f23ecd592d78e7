//! Turns probes into bytes and bytes into values.
//!
//! Everything that is decoded came from a stranger: nothing is indexed, everything is asked for, and no input
//! panics. IPv4 and IPv6 differ by numbers, not by files. Not here: whose reply it is (`inflight`).

pub mod checksum;
pub mod cookie;
pub mod dns;
pub mod icmp;
pub mod udp;

/// Why bytes are not the message they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// The message ends before its fields do.
    TooShort {
        /// Bytes there are.
        got: usize,
        /// Bytes there should be.
        need: usize,
    },
    /// The checksum is wrong.
    Checksum,
    /// A type of message that no probe causes.
    Kind(u8),
    /// No answer to a probe of ours, or an ICMP error that quotes something else than one.
    NotOurs,
    /// An echo that is not what was sent.
    Altered,
}

/// The first `need` bytes at `start`.
fn part(bytes: &[u8], start: usize, need: usize) -> Result<&[u8], Malformed> {
    let end = start.saturating_add(need);
    bytes.get(start..end).ok_or(Malformed::TooShort {
        got: bytes.len(),
        need: end,
    })
}

/// The bytes at `start` as an array, for `from_be_bytes`.
fn array<const N: usize>(bytes: &[u8], start: usize) -> Result<[u8; N], Malformed> {
    let found = part(bytes, start, N)?;
    found.try_into().map_err(|_| Malformed::TooShort {
        got: found.len(),
        need: N,
    })
}
