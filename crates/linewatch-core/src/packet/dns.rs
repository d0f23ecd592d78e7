//! Writes the one DNS query that a probe is and reads the header and question of what comes back (RFC 1035 4.1).
//!
//! The name asked for is the cookie in 32 hexadecimal digits under `invalid.` (RFC 6761 6.4): a resolver answers it at once
//! with NXDOMAIN instead of asking others, so the resolver itself is measured, and no cache has it. Any response to
//! that question is an answer, whatever its code: the server was there. A response without the question is
//! nobody's. Not here: answers, names of others, EDNS, compression: nothing behind the question is looked at.

use super::cookie::{COOKIE_BYTES, Cookie};
use super::{Malformed, array, part};

/// Bytes of a header.
const HEADER_BYTES: usize = 12;
/// Digits of the cookie.
const LABEL_BYTES: usize = 2 * COOKIE_BYTES;
/// What follows the label: `invalid`, the root, type A, class IN.
const TAIL: &[u8; 13] = b"\x07invalid\0\0\x01\0\x01";
/// Bytes of a query.
pub const QUERY_BYTES: usize = HEADER_BYTES + 1 + LABEL_BYTES + TAIL.len();

/// Flags of our query: a standard query that asks for recursion, as a resolver expects it.
const QUERY_FLAGS: [u8; 2] = [0x01, 0x00];
/// QR, and the four bits of the opcode, in the first byte of the flags.
const IS_RESPONSE: u8 = 0x80;
const OPCODE: u8 = 0x78;

/// Appends the query of a probe to `bytes`.
///
/// Its id is a part of the cookie's keyed tag: as random as that to everybody else, and nothing to remember.
pub fn encode_query(cookie: Cookie, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&cookie.nonce().to_be_bytes());
    bytes.extend_from_slice(&QUERY_FLAGS);
    bytes.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0, 0]);
    bytes.push(LABEL_BYTES as u8);
    let digits = cookie.encode().map(|byte| [digit(byte >> 4), digit(byte & 0x0f)]);
    bytes.extend_from_slice(digits.as_flattened());
    bytes.extend_from_slice(TAIL);
}

/// The cookie of the question that this message responds to.
///
/// # Errors
///
/// [`Malformed`] when it is no response, or not to a question of ours.
pub fn decode_response(message: &[u8]) -> Result<Cookie, Malformed> {
    let [flags] = array(message, 2)?;
    if flags & IS_RESPONSE == 0 || flags & OPCODE != 0 || array(message, 4)? != [0, 1] {
        return Err(Malformed::NotOurs);
    }
    decode_question(message)
}

/// The cookie of a query of ours, as an ICMP error quotes it.
///
/// # Errors
///
/// [`Malformed::TooShort`] when it begins as one and is cut before its name ends, [`Malformed::NotOurs`] when it is none.
pub fn decode_query(message: &[u8]) -> Result<Cookie, Malformed> {
    if array(message, 2)? != [QUERY_FLAGS[0], QUERY_FLAGS[1], 0, 1, 0, 0, 0, 0, 0, 0] {
        return Err(Malformed::NotOurs);
    }
    let label = array(message, HEADER_BYTES)?;
    let cookie = decode_label(&label)?;
    is_nonce_of(message, cookie)
}

/// Name, type and class, upper and lower case alike (RFC 4343), and the id.
fn decode_question(message: &[u8]) -> Result<Cookie, Malformed> {
    let cookie = decode_label(&array(message, HEADER_BYTES)?)?;
    let tail = part(message, HEADER_BYTES + 1 + LABEL_BYTES, TAIL.len())?;
    if !tail.eq_ignore_ascii_case(TAIL) {
        return Err(Malformed::NotOurs);
    }
    is_nonce_of(message, cookie)
}

fn is_nonce_of(message: &[u8], cookie: Cookie) -> Result<Cookie, Malformed> {
    let id = u16::from_be_bytes(array(message, 0)?);
    if id == cookie.nonce() {
        Ok(cookie)
    } else {
        Err(Malformed::NotOurs)
    }
}

fn decode_label(label: &[u8; 1 + LABEL_BYTES]) -> Result<Cookie, Malformed> {
    let [len, digits @ ..] = label;
    if usize::from(*len) != LABEL_BYTES {
        return Err(Malformed::NotOurs);
    }
    let mut bytes = [0; COOKIE_BYTES];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
        let [high, low] = pair.map(value);
        *byte = high.ok_or(Malformed::NotOurs)? << 4 | low.ok_or(Malformed::NotOurs)?;
    }
    Cookie::decode(&bytes)
}

const fn digit(value: u8) -> u8 {
    if value < 10 {
        b'0' + value
    } else {
        b'a' + value - 10
    }
}

const fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
#[path = "dns_tests.rs"]
mod tests;
