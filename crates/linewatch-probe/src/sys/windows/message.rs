//! Reads what Windows says of an echo request (`ipexport.h`), and writes it as the ICMP message it stands for.
//!
//! Windows makes the ICMP header itself and never shows one: what comes back is a status, an address and the payload.
//! Pure: bytes and numbers in, values out, so that it is tested everywhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use linewatch_core::packet::checksum;
use linewatch_core::target::Address;

/// ENETDOWN, ENOBUFS, EINVAL and EIO of Linux, whose numbers records carry everywhere.
const ENETDOWN: i32 = 100;
const ENOBUFS: i32 = 105;
const EINVAL: i32 = 22;
const EIO: i32 = 5;

/// Types of an echo reply (RFC 792, RFC 4443).
const ECHO_REPLY_V4: u8 = 0;
const ECHO_REPLY_V6: u8 = 129;
/// Where in an ICMP header the checksum lies, and where identifier and sequence.
const CHECKSUM: Range<usize> = 2..4;
const HEADER_BYTES: usize = 8;

/// `ICMP_ECHO_REPLY`: address, status, RTT in milliseconds (32 bits each), data length, count (16 each), then a pointer.
const V4_DATA_LENGTH: usize = 12;
const V4_DATA_POINTER: usize = 16;
/// `ICMPV6_ECHO_REPLY`: `IPV6_ADDRESS_EX` (packed: port, flow, address, scope), padding, status, RTT; then the data.
const V6_ADDRESS: usize = 6;
const V6_SCOPE: usize = 22;
const V6_STATUS: usize = 28;
const V6_DATA: usize = 36;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was answered.
    Reply,
    /// Nobody answered in time.
    Silence,
    /// The path refused it, by an ICMP error of this type and code.
    Path {
        /// ICMP type.
        kind: u8,
        /// ICMP code.
        code: u8,
    },
    /// This computer did not get it out: an errno of Linux.
    Local(i32),
}

/// One answer in a reply buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Who answered.
    pub(super) from: Address,
    /// Its `IP_STATUS`.
    pub(super) status: u32,
    /// Where in the buffer the payload lies.
    pub(super) payload: Range<usize>,
}

/// What an `IP_STATUS` means. Windows gives a router's word and the error type it came as; the code that goes
/// with it is the one the word stands for in RFC 792 or RFC 4443.
pub(super) const fn verdict(status: u32, is_v6: bool) -> Verdict {
    let (v4, v6) = match status {
        0 => return Verdict::Reply,
        11010 => return Verdict::Silence,         // IP_REQ_TIMED_OUT
        11006 => return Verdict::Local(ENOBUFS),  // IP_NO_RESOURCES
        11050 => return Verdict::Local(ENETDOWN), // IP_GENERAL_FAILURE: no route, no link
        11001 | 11007 | 11011 | 11012 | 11017 | 11018 => return Verdict::Local(EINVAL),
        11002 => ((3, 0), (1, 0)),          // net unreachable, no route
        11003 | 11040 => ((3, 1), (1, 3)),  // host unreachable
        11004 => ((3, 2), (1, 1)), // protocol unreachable; over IPv6 the same number means prohibited
        11005 => ((3, 3), (1, 4)), // port unreachable
        11009 => ((3, 4), (2, 0)), // packet too big
        11013 | 11041 => ((11, 0), (3, 0)), // hop limit exceeded
        11014 => ((11, 1), (3, 1)), // reassembly time exceeded
        11015 | 11042 => ((12, 0), (4, 0)), // parameter problem
        11043 => ((12, 0), (4, 1)), // unrecognised next header
        11045 => ((3, 1), (1, 2)), // scope mismatch
        _ => return Verdict::Local(EIO),
    };
    let (kind, code) = if is_v6 { v6 } else { v4 };
    Verdict::Path { kind, code }
}

/// Reads the `ICMP_ECHO_REPLY` at the begin of a buffer that lies at `base`. A pointer that leads out of the buffer is
/// no payload.
pub(super) fn answer_v4(buffer: &[u8], base: usize) -> Option<Answer> {
    let ip: [u8; 4] = buffer.get(..4)?.try_into().ok()?;
    let length: [u8; 2] = buffer.get(V4_DATA_LENGTH..V4_DATA_LENGTH + 2)?.try_into().ok()?;
    let pointer = buffer.get(V4_DATA_POINTER..V4_DATA_POINTER + size_of::<usize>())?;
    let start = usize::from_ne_bytes(pointer.try_into().ok()?).wrapping_sub(base);
    let payload = start..start.saturating_add(usize::from(u16::from_ne_bytes(length)));
    Some(Answer {
        from: Address::from(IpAddr::V4(Ipv4Addr::from(ip))),
        status: word(buffer, 4)?,
        payload: if buffer.get(payload.clone()).is_some() {
            payload
        } else {
            0..0
        },
    })
}

/// Reads the `ICMPV6_ECHO_REPLY` at the begin of a buffer. It does not say how much was echoed: as much as was sent.
pub(super) fn answer_v6(buffer: &[u8], sent_bytes: usize) -> Option<Answer> {
    let mut octets: [u8; 16] = buffer.get(V6_ADDRESS..V6_SCOPE)?.try_into().ok()?;
    // Eight words, each already in network order.
    let ip = Ipv6Addr::from(std::mem::take(&mut octets));
    let payload = V6_DATA..V6_DATA + sent_bytes;
    buffer.get(payload.clone())?;
    Some(Answer {
        from: Address {
            ip: IpAddr::V6(ip),
            scope: word(buffer, V6_SCOPE)?,
        },
        status: word(buffer, V6_STATUS)?,
        payload,
    })
}

/// Appends the echo reply to `request` that `payload` came back in.
pub(super) fn write_reply(is_v6: bool, request: &[u8], payload: &[u8], bytes: &mut Vec<u8>) {
    let start = bytes.len();
    bytes.extend([if is_v6 { ECHO_REPLY_V6 } else { ECHO_REPLY_V4 }, 0, 0, 0]);
    // Windows matched the reply by an identifier and a sequence of its own; these are the ones we know it by.
    bytes.extend(request.get(4..HEADER_BYTES).unwrap_or_default());
    bytes.extend(payload);
    if !is_v6 {
        let sum = checksum::of(&bytes[start..]).to_be_bytes();
        bytes[start..][CHECKSUM].copy_from_slice(&sum);
    }
}

fn word(bytes: &[u8], start: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(start..start + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use linewatch_core::errno::classify;
    use linewatch_core::packet::cookie::{Cookie, CookieKey};
    use linewatch_core::packet::icmp::{Message, decode, encode_request};
    use linewatch_core::record::Outcome;

    use super::*;

    fn request(is_v6: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        let cookie = Cookie::new(
            &CookieKey::new([3; 16]),
            5,
            6,
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            0x1234,
        );
        encode_request(is_v6, 0x1234, 77, cookie, 32, &mut bytes);
        bytes
    }

    /// An `ICMP_ECHO_REPLY` from 192.0.2.1 whose payload begins at `at` of the buffer, which lies at `base`.
    fn buffer_v4(base: usize, at: usize, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 40 + payload.len()];
        bytes[..4].copy_from_slice(&[192, 0, 2, 1]);
        bytes[4..8].copy_from_slice(&11013_u32.to_ne_bytes());
        bytes[12..14].copy_from_slice(&(payload.len() as u16).to_ne_bytes());
        bytes[16..16 + size_of::<usize>()].copy_from_slice(&base.wrapping_add(at).to_ne_bytes());
        bytes[40..].copy_from_slice(payload);
        bytes
    }

    #[test]
    fn a_reply_is_found_by_its_pointer_and_nowhere_else() {
        let buffer = buffer_v4(0x7000, 40, b"payload");
        let answer = answer_v4(&buffer, 0x7000).expect("whole");
        assert_eq!(&buffer[answer.payload], b"payload");
        assert_eq!(
            (answer.from.ip.to_string(), answer.status),
            ("192.0.2.1".to_owned(), 11013)
        );
        for wild in [41, 47, 1000, usize::MAX - 0x7000 - 2, usize::MAX] {
            let answer = answer_v4(&buffer_v4(0x7000, wild, b"payload"), 0x7000).expect("a header");
            assert_eq!(answer.payload, 0..0, "{wild}");
        }
        for len in 0..V4_DATA_POINTER {
            assert_eq!(answer_v4(&buffer[..len], 0x7000), None, "{len}");
        }
    }

    #[test]
    fn an_ipv6_reply_is_read_with_its_scope() {
        let mut buffer = vec![0; 60];
        buffer[6..22].copy_from_slice(&"fe80::7".parse::<Ipv6Addr>().expect("a literal").octets());
        buffer[22..26].copy_from_slice(&4_u32.to_ne_bytes());
        buffer[28..32].copy_from_slice(&0_u32.to_ne_bytes());
        let answer = answer_v6(&buffer, 24).expect("whole");
        assert_eq!(
            (answer.from.ip.to_string(), answer.from.scope),
            ("fe80::7".to_owned(), 4)
        );
        assert_eq!((answer.status, answer.payload), (0, 36..60));
        assert_eq!(answer_v6(&buffer, 25), None, "cut short");
    }

    #[test]
    fn what_windows_says_becomes_the_reply_to_our_request() {
        for is_v6 in [false, true] {
            let request = request(is_v6);
            let mut bytes = vec![9; 3];
            write_reply(is_v6, &request, &request[8..], &mut bytes);
            let Ok(Message::Reply(echo)) = decode(is_v6, &bytes[3..]) else {
                panic!("{bytes:?}");
            };
            assert_eq!(
                (echo.id, echo.sequence, echo.payload),
                (0x1234, 77, &request[8..])
            );
        }
    }

    #[test]
    fn silence_the_path_and_our_own_trouble_are_three_things() {
        assert_eq!(verdict(0, false), Verdict::Reply);
        assert_eq!(verdict(11010, true), Verdict::Silence);
        assert_eq!(verdict(11003, false), Verdict::Path { kind: 3, code: 1 });
        assert_eq!(verdict(11003, true), Verdict::Path { kind: 1, code: 3 });
        assert_eq!(verdict(11013, false), Verdict::Path { kind: 11, code: 0 });
        for status in [11006, 11050, 11018, 1, 99_999] {
            let Verdict::Local(errno) = verdict(status, false) else {
                panic!("{status}");
            };
            assert_eq!(classify(errno).0, Outcome::Unsent, "{status}");
        }
        assert!(linewatch_core::errno::is_local_outage(100));
    }
}
