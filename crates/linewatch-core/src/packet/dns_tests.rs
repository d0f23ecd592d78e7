//! Claims about `dns`: the query is a right one, any response to it is recognised, and no bytes can hurt.

use std::net::IpAddr;

use super::*;
use crate::packet::cookie::CookieKey;
use proptest::prelude::*;

const KEY: CookieKey = CookieKey::new([3; 16]);
const TO: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

fn cookie(slot: u32) -> Cookie {
    Cookie::new(&KEY, 7, slot, TO, 0x1234)
}

fn query(slot: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_query(cookie(slot), &mut bytes);
    bytes
}

/// What a server makes of the query: the same question, QR and a code set, and whatever it likes behind it.
fn response(slot: u32, code: u8) -> Vec<u8> {
    let mut bytes = query(slot);
    bytes[2] |= 0x80;
    bytes[3] = 0x80 | code;
    bytes
}

#[test]
fn a_query_is_what_the_standard_says() {
    let bytes = query(9);
    assert_eq!(bytes.len(), QUERY_BYTES);
    assert_eq!(
        bytes[2..12],
        [0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0],
        "RD, one question"
    );
    assert_eq!(bytes[12], 32);
    assert!(bytes[13..45].iter().all(u8::is_ascii_hexdigit));
    assert_eq!(bytes[45..], *b"\x07invalid\0\0\x01\0\x01");
}

#[test]
fn ids_and_names_of_neighbours_have_nothing_in_common() {
    let ids: std::collections::BTreeSet<[u8; 2]> =
        (0..1000).map(|slot| [query(slot)[0], query(slot)[1]]).collect();
    // Of 1,000 draws of 65,536 about 7.6 meet.
    assert!(ids.len() > 960, "{} ids", ids.len());
    assert_ne!(query(1)[13..45], query(2)[13..45]);
}

#[test]
fn every_code_of_a_server_is_an_answer() {
    for code in 0..16 {
        assert_eq!(decode_response(&response(9, code)), Ok(cookie(9)), "code {code}");
    }
    let mut truncated = response(9, 0);
    truncated[2] |= 0x02;
    assert_eq!(decode_response(&truncated), Ok(cookie(9)), "TC");
}

#[test]
fn what_follows_the_question_is_not_looked_at() {
    let longer = [response(9, 3).as_slice(), &[0xc0, 0xff, 0, 6]].concat();
    assert_eq!(decode_response(&longer), Ok(cookie(9)));
}

#[test]
fn a_forwarder_may_change_the_case_of_a_name() {
    let mut bytes = response(9, 3);
    bytes[13..53].make_ascii_uppercase();
    assert_eq!(decode_response(&bytes), Ok(cookie(9)));
}

#[test]
fn another_id_another_name_or_no_question_is_no_answer() {
    let changes: [(usize, u8); 8] = [
        (0, 1),
        (1, 1),
        (2, 0x80),
        (2, 0x08),
        (5, 1),
        (12, 1),
        (46, 1),
        (57, 1),
    ];
    for (position, change) in changes {
        let mut bytes = response(9, 3);
        bytes[position] ^= change;
        assert!(decode_response(&bytes).is_err(), "byte {position}");
    }
    for len in 0..QUERY_BYTES {
        assert!(decode_response(&response(9, 3)[..len]).is_err(), "{len} bytes");
    }
}

#[test]
fn a_changed_name_is_another_cookie() {
    for position in 13..45 {
        let mut bytes = response(9, 3);
        bytes[position] = if bytes[position] == b'0' { b'1' } else { b'0' };
        let is_believed = decode_response(&bytes).is_ok_and(|cookie| cookie.is_genuine(&KEY, TO, 0x1234));
        assert!(!is_believed, "byte {position}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _ = decode_response(&bytes);
        let _ = decode_query(&bytes);
    }

    #[test]
    fn nothing_but_the_question_is_believed(
        slot: u32,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let mut bytes = response(slot, 0);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(found) = decode_response(&bytes) {
            prop_assert!(found == cookie(slot) || !found.is_genuine(&KEY, TO, 0x1234));
        }
    }
}
