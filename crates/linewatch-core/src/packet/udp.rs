//! Writes what a UDP echo probe carries and tells what came back over UDP: an echo (RFC 862), a DNS response, or neither.
//!
//! Input and output are the bytes behind the UDP header. An echo is whole or it is none: it begins with the cookie and
//! its own length, and goes on in a fixed pattern, so that a cut or changed one is found out without remembering
//! what was sent. Not here: whether a cookie is genuine and whose it is (`inflight`); DNS messages (`dns`).

use std::net::IpAddr;

use super::cookie::{COOKIE_BYTES, Cookie};
use super::{Malformed, array, dns};
use crate::target::UdpPayload;

/// Bytes of the shortest echo: the cookie and the length.
pub const ECHO_BYTES_MIN: u16 = COOKIE_BYTES as u16 + 2;

/// An ICMP error about one of our datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatagramError {
    /// ICMP type.
    pub kind: u8,
    /// ICMP code.
    pub code: u8,
    /// Where the quoted datagram was going.
    pub to: IpAddr,
    /// The cookie in the quoted datagram; `None` if the quote ends before it does.
    pub cookie: Option<Cookie>,
}

impl DatagramError {
    /// Nobody listens at that port (RFC 792, RFC 4443): an answer of the target, not a failure of the path.
    pub const fn is_port_unreachable(&self) -> bool {
        let is_v6 = self.to.is_ipv6();
        matches!((is_v6, self.kind, self.code), (false, 3, 3) | (true, 1, 4))
    }
}

/// Appends an echo of `payload_bytes` (never less than [`ECHO_BYTES_MIN`]) to `bytes`.
pub fn encode_echo(cookie: Cookie, payload_bytes: u16, bytes: &mut Vec<u8>) {
    let len = payload_bytes.max(ECHO_BYTES_MIN);
    bytes.extend_from_slice(&cookie.encode());
    bytes.extend_from_slice(&len.to_be_bytes());
    bytes.extend((usize::from(ECHO_BYTES_MIN)..usize::from(len)).map(pattern));
}

/// Reads an answer: its cookie, and which payload it answers.
///
/// # Errors
///
/// [`Malformed`] when it is neither a whole echo nor a response to a question of ours.
pub fn decode(bytes: &[u8]) -> Result<(Cookie, UdpPayload), Malformed> {
    // Never both: where an echo has its length (18 to 1,452), a response has two characters of the name (48 and up, 48).
    match decode_echo(bytes) {
        Ok(cookie) => Ok((cookie, UdpPayload::Echo)),
        Err(no_echo) => match dns::decode_response(bytes) {
            Ok(cookie) => Ok((cookie, UdpPayload::Dns)),
            Err(_) => Err(no_echo),
        },
    }
}

/// The cookie of our own datagram as an error quotes it, of either payload; `None` when it was cut off.
pub fn decode_quoted(bytes: &[u8]) -> Option<Cookie> {
    match dns::decode_query(bytes) {
        Ok(cookie) => Some(cookie),
        Err(Malformed::TooShort { .. }) => None,
        Err(_) => Cookie::decode(bytes).ok(),
    }
}

fn decode_echo(bytes: &[u8]) -> Result<Cookie, Malformed> {
    let cookie = Cookie::decode(bytes)?;
    let need = usize::from(u16::from_be_bytes(array(bytes, COOKIE_BYTES)?));
    if bytes.len() < need {
        return Err(Malformed::TooShort {
            got: bytes.len(),
            need,
        });
    }
    let start = usize::from(ECHO_BYTES_MIN);
    let rest = bytes.get(start..).unwrap_or_default();
    let is_whole = bytes.len() == need && rest.iter().zip(start..).all(|(byte, at)| *byte == pattern(at));
    if is_whole {
        Ok(cookie)
    } else {
        Err(Malformed::Altered)
    }
}

/// The byte at `position` behind the length: a fixed pattern, as `ping` has.
const fn pattern(position: usize) -> u8 {
    position as u8
}

#[cfg(test)]
#[path = "udp_tests.rs"]
mod tests;
