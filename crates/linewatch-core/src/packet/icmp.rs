//! Writes echo requests and reads what a network answers to them (RFC 792, RFC 4443).
//!
//! Input and output are slices of ICMP messages without their IP header; the two families differ by
//! [`Numbers`]. Not here: whether an answer is genuine (`cookie`, `inflight`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::cookie::Cookie;
use super::{Malformed, array, checksum, part};

/// Bytes of an echo header.
pub const HEADER_BYTES: usize = 8;
/// Protocol numbers of the quoted packet (IANA).
const PROTOCOL_ICMP: u8 = 1;
const PROTOCOL_ICMP6: u8 = 58;
const IPV4_HEADER_BYTES_MIN: usize = 20;
const IPV6_HEADER_BYTES: usize = 40;

/// What differs between the families.
struct Numbers {
    echo_request: u8,
    echo_reply: u8,
    /// Types of error messages that quote the packet they are about.
    errors: &'static [u8],
}

/// Destination unreachable, time exceeded, parameter problem.
const V4: Numbers = Numbers {
    echo_request: 8,
    echo_reply: 0,
    errors: &[3, 11, 12],
};
/// Destination unreachable, packet too big, time exceeded, parameter problem.
const V6: Numbers = Numbers {
    echo_request: 128,
    echo_reply: 129,
    errors: &[1, 2, 3, 4],
};

const fn numbers(is_v6: bool) -> &'static Numbers {
    if is_v6 { &V6 } else { &V4 }
}

/// An echo request or reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo<'a> {
    /// Identifier.
    pub id: u16,
    /// The 16-bit sequence of the wire.
    pub sequence: u16,
    /// Everything behind the header, as far as it is there.
    pub payload: &'a [u8],
}

/// An ICMP error about one of our requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathError<'a> {
    /// ICMP type.
    pub kind: u8,
    /// ICMP code.
    pub code: u8,
    /// Where the quoted request was going.
    pub to: IpAddr,
    /// The quoted request; its payload may be cut anywhere, also to nothing.
    pub quoted: Echo<'a>,
}

/// A message that concerns a prober.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Somebody answered.
    Reply(Echo<'a>),
    /// Somebody on the path refused.
    Error(PathError<'a>),
}

/// Appends an echo request of `payload_bytes` (never less than the cookie) to `bytes`.
///
/// The checksum is written for IPv4; for IPv6 it needs the source address and is the kernel's.
pub fn encode_request(
    is_v6: bool,
    id: u16,
    sequence: u16,
    cookie: Cookie,
    payload_bytes: u16,
    bytes: &mut Vec<u8>,
) {
    let start = bytes.len();
    bytes.extend_from_slice(&[numbers(is_v6).echo_request, 0, 0, 0]);
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes.extend_from_slice(&sequence.to_be_bytes());
    let cookie = cookie.encode();
    bytes.extend_from_slice(&cookie);
    // A fixed pattern, as `ping` has: a reply that differs was changed on its way.
    bytes.extend((cookie.len()..usize::from(payload_bytes)).map(|position| position as u8));
    if !is_v6 {
        let checksum = checksum::of(&bytes[start..]).to_be_bytes();
        bytes[start + 2..start + 4].copy_from_slice(&checksum);
    }
}

/// Reads a received ICMP message.
///
/// # Errors
///
/// [`Malformed`]; [`Malformed::Kind`] and [`Malformed::NotOurs`] are ordinary traffic of other programs.
pub fn decode(is_v6: bool, bytes: &[u8]) -> Result<Message<'_>, Malformed> {
    let [kind, code, ..] = array::<HEADER_BYTES>(bytes, 0)?;
    let numbers = numbers(is_v6);
    if kind == numbers.echo_reply {
        // The kernel has checked ICMPv6, whose pseudo header we do not have.
        if !is_v6 && !checksum::is_valid(bytes) {
            return Err(Malformed::Checksum);
        }
        return Ok(Message::Reply(echo(bytes)?));
    }
    if !numbers.errors.contains(&kind) {
        return Err(Malformed::Kind(kind));
    }
    if !is_v6 && !checksum::is_valid(bytes) {
        return Err(Malformed::Checksum);
    }
    let packet = part(bytes, HEADER_BYTES, bytes.len() - HEADER_BYTES)?;
    let (to, message) = if is_v6 {
        quoted_v6(packet)?
    } else {
        quoted_v4(packet)?
    };
    Ok(Message::Error(PathError {
        kind,
        code,
        to,
        quoted: decode_quoted(is_v6, message)?,
    }))
}

/// Reads our own request as an error quotes it: the form of an error queue, and of what is behind a quoted
/// IP header.
///
/// # Errors
///
/// [`Malformed::TooShort`] below eight bytes, [`Malformed::NotOurs`] when it is no echo request.
pub fn decode_quoted(is_v6: bool, bytes: &[u8]) -> Result<Echo<'_>, Malformed> {
    let echo = echo(bytes)?;
    if bytes.first() != Some(&numbers(is_v6).echo_request) {
        return Err(Malformed::NotOurs);
    }
    Ok(echo)
}

fn echo(bytes: &[u8]) -> Result<Echo<'_>, Malformed> {
    Ok(Echo {
        id: u16::from_be_bytes(array(bytes, 4)?),
        sequence: u16::from_be_bytes(array(bytes, 6)?),
        payload: part(bytes, HEADER_BYTES, bytes.len() - HEADER_BYTES)?,
    })
}

/// Destination and payload of a quoted IPv4 packet. Only the first fragment can hold our header.
fn quoted_v4(packet: &[u8]) -> Result<(IpAddr, &[u8]), Malformed> {
    let header = part(packet, 0, IPV4_HEADER_BYTES_MIN)?;
    let header_bytes = usize::from(header[0] & 0x0f) * 4;
    let fragment_offset = u16::from_be_bytes([header[6], header[7]]) & 0x1fff;
    if header[0] >> 4 != 4
        || header_bytes < IPV4_HEADER_BYTES_MIN
        || header[9] != PROTOCOL_ICMP
        || fragment_offset != 0
    {
        return Err(Malformed::NotOurs);
    }
    let to = Ipv4Addr::from(array::<4>(packet, 16)?);
    let message = part(packet, header_bytes, HEADER_BYTES)?;
    let rest = packet.get(header_bytes..).unwrap_or(message);
    Ok((to.into(), rest))
}

/// Destination and payload of a quoted IPv6 packet. We send no extension headers, so none is looked through.
fn quoted_v6(packet: &[u8]) -> Result<(IpAddr, &[u8]), Malformed> {
    let header = part(packet, 0, IPV6_HEADER_BYTES)?;
    if header[0] >> 4 != 6 || header[6] != PROTOCOL_ICMP6 {
        return Err(Malformed::NotOurs);
    }
    let to = Ipv6Addr::from(array::<16>(packet, 24)?);
    let message = part(packet, IPV6_HEADER_BYTES, HEADER_BYTES)?;
    let rest = packet.get(IPV6_HEADER_BYTES..).unwrap_or(message);
    Ok((to.into(), rest))
}

#[cfg(test)]
#[path = "icmp_tests.rs"]
mod tests;
