//! Claims about `udp`: an echo is whole or none, an answer is of one payload only, and no bytes can hurt.

use super::*;
use crate::limits::PAYLOAD_BYTES_MAX;
use crate::packet::cookie::CookieKey;
use proptest::prelude::*;

const KEY: CookieKey = CookieKey::new([3; 16]);
const TO: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

fn cookie(slot: u32) -> Cookie {
    Cookie::new(&KEY, 7, slot, TO, 0x1234)
}

fn sent(slot: u32, payload_bytes: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_echo(cookie(slot), payload_bytes, &mut bytes);
    bytes
}

#[test]
fn an_echo_comes_back_as_itself_at_every_length() {
    for payload_bytes in 0..=PAYLOAD_BYTES_MAX {
        let bytes = sent(9, payload_bytes);
        assert_eq!(bytes.len(), usize::from(payload_bytes.max(ECHO_BYTES_MIN)));
        assert_eq!(
            decode(&bytes),
            Ok((cookie(9), UdpPayload::Echo)),
            "{payload_bytes} bytes"
        );
        assert_eq!(decode_quoted(&bytes), Some(cookie(9)));
    }
}

#[test]
fn a_cut_echo_is_none_wherever_it_is_cut() {
    let bytes = sent(9, 56);
    for len in 0..56 {
        assert!(
            matches!(decode(&bytes[..len]), Err(Malformed::TooShort { got, .. }) if got == len),
            "{len} bytes"
        );
    }
    let longer = [bytes.as_slice(), b"x"].concat();
    assert_eq!(decode(&longer), Err(Malformed::Altered));
}

#[test]
fn an_echo_changed_behind_its_cookie_is_none() {
    for position in COOKIE_BYTES..56 {
        let mut bytes = sent(9, 56);
        bytes[position] ^= 1;
        assert!(decode(&bytes).is_err(), "byte {position}");
    }
}

#[test]
fn a_query_that_only_comes_back_is_no_answer() {
    let mut bytes = Vec::new();
    dns::encode_query(cookie(9), &mut bytes);
    assert!(decode(&bytes).is_err());
    bytes[2] |= 0x80;
    assert_eq!(decode(&bytes), Ok((cookie(9), UdpPayload::Dns)));
}

#[test]
fn a_quote_names_its_probe_while_the_cookie_is_whole() {
    let mut query = Vec::new();
    dns::encode_query(cookie(9), &mut query);
    for (whole, needed) in [(sent(9, 56), COOKIE_BYTES), (query, 45)] {
        for len in 0..whole.len() {
            let expected = (len >= needed).then_some(cookie(9));
            assert_eq!(decode_quoted(&whole[..len]), expected, "{len} bytes");
        }
    }
}

#[test]
fn only_a_closed_port_is_an_answer() {
    let error = |to: IpAddr, kind, code| DatagramError {
        kind,
        code,
        to,
        cookie: None,
    };
    let v6 = "2001:db8::1".parse().expect("an address");
    assert!(error(TO, 3, 3).is_port_unreachable() && error(v6, 1, 4).is_port_unreachable());
    for (to, kind, code) in [
        (TO, 3, 1),
        (TO, 3, 13),
        (TO, 11, 0),
        (TO, 1, 4),
        (v6, 3, 3),
        (v6, 1, 3),
    ] {
        assert!(!error(to, kind, code).is_port_unreachable(), "{to} {kind} {code}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes);
        let _ = decode_quoted(&bytes);
    }

    /// Whatever is accepted carries a cookie that somebody wrote; only ours has a genuine one.
    #[test]
    fn changed_bytes_are_refused_or_not_genuine(
        slot: u32,
        payload_bytes in 18u16..200,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..4),
    ) {
        let whole = sent(slot, payload_bytes);
        let mut bytes = whole.clone();
        for (at, change) in changes {
            let at = at.index(bytes.len());
            bytes[at] ^= change;
        }
        prop_assume!(bytes != whole);
        if let Ok((cookie, _)) = decode(&bytes) {
            prop_assert!(!cookie.is_genuine(&KEY, TO, 0x1234));
        }
    }
}
