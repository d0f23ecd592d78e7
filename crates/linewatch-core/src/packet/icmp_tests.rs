//! Claims about `icmp`: what comes back is what went out, and nothing a stranger sends can hurt.

use super::*;
use crate::packet::cookie::{COOKIE_BYTES, CookieKey};
use proptest::prelude::*;

const KEY: CookieKey = CookieKey::new([1; 16]);

fn target(is_v6: bool) -> IpAddr {
    if is_v6 {
        "2001:db8::9".parse().expect("v6")
    } else {
        "192.0.2.9".parse().expect("v4")
    }
}

fn request(is_v6: bool, payload_bytes: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    let cookie = Cookie::new(&KEY, 5, 70_000, target(is_v6), 0xabcd);
    encode_request(
        is_v6,
        0xabcd,
        70_000_u32 as u16,
        cookie,
        payload_bytes,
        &mut bytes,
    );
    bytes
}

/// The reply a target makes of a request: another type, another checksum.
fn reply(is_v6: bool, payload_bytes: u16) -> Vec<u8> {
    let mut bytes = request(is_v6, payload_bytes);
    bytes[0] = numbers(is_v6).echo_reply;
    seal(is_v6, &mut bytes);
    bytes
}

fn seal(is_v6: bool, bytes: &mut [u8]) {
    if !is_v6 {
        bytes[2..4].fill(0);
        let checksum = checksum::of(bytes).to_be_bytes();
        bytes[2..4].copy_from_slice(&checksum);
    }
}

/// An ICMP error that quotes `quoted` bytes of our request behind its IP header with `options` words.
fn error(is_v6: bool, kind: u8, code: u8, options: u8, quoted: usize) -> Vec<u8> {
    let mut bytes = vec![kind, code, 0, 0, 0, 0, 0, 0];
    match target(is_v6) {
        IpAddr::V4(to) => {
            let mut header = vec![0; usize::from(5 + options) * 4];
            header[0] = 0x40 | (5 + options);
            header[9] = PROTOCOL_ICMP;
            header[16..20].copy_from_slice(&to.octets());
            bytes.extend(header);
        }
        IpAddr::V6(to) => {
            let mut header = vec![0; IPV6_HEADER_BYTES];
            header[0] = 0x60;
            header[6] = PROTOCOL_ICMP6;
            header[24..].copy_from_slice(&to.octets());
            bytes.extend(header);
        }
    }
    bytes.extend(request(is_v6, 56).into_iter().take(quoted));
    seal(is_v6, &mut bytes);
    bytes
}

#[test]
fn a_reply_carries_identifier_sequence_and_cookie_of_its_request() {
    for is_v6 in [false, true] {
        let bytes = reply(is_v6, 56);
        let Ok(Message::Reply(echo)) = decode(is_v6, &bytes) else {
            panic!("no reply: v6 {is_v6}")
        };
        assert_eq!((echo.id, echo.sequence, echo.payload.len()), (0xabcd, 4464, 56));
        assert!(
            Cookie::decode(echo.payload)
                .expect("cookie")
                .is_genuine(&KEY, target(is_v6), 0xabcd)
        );
    }
}

#[test]
fn a_v4_request_is_sealed_and_the_seal_of_v6_is_left_to_the_kernel() {
    assert!(checksum::is_valid(&request(false, 57)));
    assert_eq!(request(true, 57)[2..4], [0, 0]);
}

#[test]
fn a_payload_is_never_smaller_than_its_cookie() {
    assert_eq!(request(false, 0).len(), HEADER_BYTES + COOKIE_BYTES);
}

#[test]
fn a_flipped_bit_in_a_v4_reply_is_seen() {
    let mut bytes = reply(false, 56);
    bytes[40] ^= 0x10;
    assert_eq!(decode(false, &bytes), Err(Malformed::Checksum));
}

#[test]
fn an_error_names_the_request_even_when_it_quotes_only_eight_bytes() {
    for (is_v6, kind, code, options, quoted) in [
        (false, 3, 1, 0, 8),
        (false, 11, 0, 3, 64),
        (false, 12, 0, 10, 24),
        (true, 1, 3, 0, 8),
        (true, 2, 0, 0, 64),
    ] {
        let bytes = error(is_v6, kind, code, options, quoted);
        let Ok(Message::Error(found)) = decode(is_v6, &bytes) else {
            panic!("{kind}/{code}: {bytes:?}")
        };
        assert_eq!((found.kind, found.code, found.to), (kind, code, target(is_v6)));
        assert_eq!((found.quoted.id, found.quoted.sequence), (0xabcd, 4464));
        assert_eq!(found.quoted.payload.len(), quoted - 8);
    }
}

#[track_caller]
fn check_refused(is_v6: bool, mut bytes: Vec<u8>, expected: Malformed) {
    seal(is_v6, &mut bytes);
    assert_eq!(decode(is_v6, &bytes), Err(expected));
}

#[test]
fn a_short_quote_says_how_much_is_missing() {
    check_refused(
        false,
        error(false, 3, 1, 0, 7),
        Malformed::TooShort { got: 27, need: 28 },
    );
    check_refused(
        true,
        error(true, 1, 0, 0, 3),
        Malformed::TooShort { got: 43, need: 48 },
    );
    assert_eq!(
        decode(false, &[0; 7]),
        Err(Malformed::TooShort { got: 7, need: 8 })
    );
}

#[test]
fn an_error_about_somebody_elses_packet_is_not_ours() {
    let mut tcp = error(false, 3, 3, 0, 8);
    tcp[8 + 9] = 6;
    check_refused(false, tcp, Malformed::NotOurs);
    let mut second_fragment = error(false, 11, 1, 0, 8);
    second_fragment[8 + 7] = 1;
    check_refused(false, second_fragment, Malformed::NotOurs);
    let mut header_of_four_words = error(false, 3, 1, 0, 8);
    header_of_four_words[8] = 0x44;
    check_refused(false, header_of_four_words, Malformed::NotOurs);
    let mut quoted_reply = error(true, 1, 0, 0, 8);
    quoted_reply[8 + 40] = 129;
    check_refused(true, quoted_reply, Malformed::NotOurs);
}

#[test]
fn requests_and_neighbour_discovery_concern_no_prober() {
    assert_eq!(decode(false, &request(false, 56)), Err(Malformed::Kind(8)));
    assert_eq!(decode(true, &[135; 32]), Err(Malformed::Kind(135)));
}

proptest! {
    #[test]
    fn no_bytes_panic(is_v6: bool, bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let _ = decode(is_v6, &bytes);
        let _ = decode_quoted(is_v6, &bytes);
        let _ = Cookie::decode(&bytes);
    }

    #[test]
    fn no_damage_to_an_error_panics_or_invents_a_destination(
        is_v6: bool, options in 0_u8..11, quoted in 0_usize..65, at in 0_usize..130, value: u8, cut in 0_usize..130,
    ) {
        let mut bytes = error(is_v6, if is_v6 { 1 } else { 3 }, 1, options, quoted);
        if let Some(byte) = bytes.get_mut(at) {
            *byte = value;
        }
        bytes.truncate(bytes.len().min(cut.max(8)));
        seal(is_v6, &mut bytes);
        if let Ok(Message::Error(found)) = decode(is_v6, &bytes) {
            prop_assert_eq!(found.to.is_ipv6(), is_v6);
        }
    }
}
