//! Claims about ICMP: what is decoded is what stands there, and what we send comes back out of any quotation.

use std::net::IpAddr;

use linewatch_core::packet::checksum;
use linewatch_core::packet::cookie::{COOKIE_BYTES, Cookie, CookieKey};
use linewatch_core::packet::icmp::{self, HEADER_BYTES, Message};

const KEY: CookieKey = CookieKey::new([0x5a; 16]);
/// Largest payload that is worth a case; the pattern behind the cookie is the same for more.
const PAYLOAD_BYTES: u16 = 64;

/// A received message. Bits of the first byte: 0 the family, 1 the checksum is made right, so that what is behind
/// it is reached.
pub(crate) fn icmp(bytes: &[u8]) {
    let Some((choice, rest)) = bytes.split_first() else {
        return;
    };
    let is_v6 = choice & 1 != 0;
    let mut message = rest.to_vec();
    if choice & 2 != 0 && message.len() >= HEADER_BYTES {
        message[2..4].fill(0);
        let sum = checksum::of(&message).to_be_bytes();
        message[2..4].copy_from_slice(&sum);
    }
    match icmp::decode(is_v6, &message) {
        Ok(Message::Reply(echo)) => {
            let again = [
                &echo.id.to_be_bytes()[..],
                &echo.sequence.to_be_bytes(),
                echo.payload,
            ]
            .concat();
            assert_eq!(again, message[4..], "a reply is its bytes");
            check_cookie(echo.payload);
        }
        Ok(Message::Error(error)) => {
            assert_eq!([error.kind, error.code], message[..2]);
            assert_eq!(error.to.is_ipv6(), is_v6);
            let quoted = &error.quoted;
            let again = [
                &quoted.id.to_be_bytes()[..],
                &quoted.sequence.to_be_bytes(),
                quoted.payload,
            ]
            .concat();
            assert!(message.ends_with(&again), "a quotation is a part of the message");
            check_cookie(quoted.payload);
        }
        Err(_) => {}
    }
}

fn check_cookie(payload: &[u8]) {
    match Cookie::decode(payload) {
        Ok(cookie) => assert_eq!(cookie.encode(), payload[..COOKIE_BYTES]),
        Err(_) => assert!(payload.len() < COOKIE_BYTES, "a cookie that stands there is read"),
    }
}

/// A request of ours: handle, slot, identifier, size, family, and where a router cuts its quotation.
pub(crate) fn request(bytes: &[u8]) {
    let Some(&[a, b, c, d, id_high, id_low, size, cut, family]) = bytes.first_chunk::<9>() else {
        return;
    };
    let is_v6 = family & 1 != 0;
    let to: IpAddr = if is_v6 {
        IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(d)])
    } else {
        IpAddr::from([192, 0, 2, d])
    };
    let (handle, slot) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([d, c, b, a]));
    let id = u16::from_be_bytes([id_high, id_low]);
    let cookie = Cookie::new(&KEY, handle, slot, to, id);
    let mut request = Vec::new();
    let payload_bytes = u16::from(size) % PAYLOAD_BYTES;
    icmp::encode_request(is_v6, id, slot as u16, cookie, payload_bytes, &mut request);
    assert_eq!(
        request.len(),
        HEADER_BYTES + COOKIE_BYTES.max(payload_bytes.into())
    );

    let cut = HEADER_BYTES + usize::from(cut) % (request.len() - HEADER_BYTES + 1);
    let error = error_about(to, &request[..cut]);
    let Ok(Message::Error(error)) = icmp::decode(is_v6, &error) else {
        panic!("an error about our own request is not read: {error:?}");
    };
    assert_eq!(
        (error.to, error.quoted.id, error.quoted.sequence),
        (to, id, slot as u16)
    );
    assert_eq!(error.quoted.payload, &request[HEADER_BYTES..cut]);
    match Cookie::decode(error.quoted.payload) {
        Ok(read) => assert!(read == cookie && read.is_genuine(&KEY, to, id)),
        Err(_) => assert!(cut < HEADER_BYTES + COOKIE_BYTES),
    }
    let reply = reply_to(is_v6, &request);
    let Ok(Message::Reply(echo)) = icmp::decode(is_v6, &reply) else {
        panic!("a reply to our own request is not read: {reply:?}");
    };
    assert_eq!(
        (echo.id, echo.sequence, echo.payload),
        (id, slot as u16, &request[HEADER_BYTES..])
    );
}

/// Destination unreachable, quoting this packet behind a plain IP header (RFC 792, RFC 4443 3.1).
fn error_about(to: IpAddr, quoted: &[u8]) -> Vec<u8> {
    let mut message = vec![if to.is_ipv6() { 1 } else { 3 }, 1, 0, 0, 0, 0, 0, 0];
    match to {
        IpAddr::V4(to) => {
            message.extend([0x45, 0, 0, 0, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 1]);
            message.extend(to.octets());
        }
        IpAddr::V6(to) => {
            message.extend([0x60, 0, 0, 0, 0, 0, 58, 64]);
            message.extend([0; 16]);
            message.extend(to.octets());
        }
    }
    message.extend(quoted);
    with_checksum(to.is_ipv6(), message)
}

fn reply_to(is_v6: bool, request: &[u8]) -> Vec<u8> {
    let mut reply = request.to_vec();
    reply[0] = if is_v6 { 129 } else { 0 };
    reply[2..4].fill(0);
    with_checksum(is_v6, reply)
}

/// The one of ICMPv6 is the kernel's.
fn with_checksum(is_v6: bool, mut message: Vec<u8>) -> Vec<u8> {
    if !is_v6 {
        let sum = checksum::of(&message).to_be_bytes();
        message[2..4].copy_from_slice(&sum);
    }
    message
}
