//! Claims about UDP and DNS: what is taken for an answer is one byte for byte, and what we send is known when it comes
//! back or is quoted.

use linewatch_core::packet::cookie::{COOKIE_BYTES, Cookie};
use linewatch_core::packet::{dns, udp};
use linewatch_core::target::UdpPayload;

/// Largest echo that is worth a case; the pattern behind the cookie is the same for more.
const ECHO_BYTES: u16 = 128;
/// Where a DNS message says what it is: the id before it and the counts behind it are compared apart.
const FLAGS_AT: usize = 2;
const QUESTION_AT: usize = 12;

/// A received datagram; and, when it begins with enough bytes for a cookie, our own probes with that cookie.
pub(crate) fn udp(bytes: &[u8]) {
    let mut again = Vec::new();
    match udp::decode(bytes) {
        Ok((cookie, UdpPayload::Echo)) => {
            udp::encode_echo(cookie, bytes.len() as u16, &mut again);
            assert_eq!(again, bytes, "an echo is its bytes");
        }
        Ok((cookie, UdpPayload::Dns)) => {
            dns::encode_query(cookie, &mut again);
            assert_eq!(
                again[..FLAGS_AT],
                bytes[..FLAGS_AT],
                "a response has the id of its query"
            );
            let question = &bytes[QUESTION_AT..again.len()];
            assert!(
                question.eq_ignore_ascii_case(&again[QUESTION_AT..]),
                "a response has our question"
            );
            assert_eq!(dns::decode_response(bytes), Ok(cookie));
        }
        Err(_) => {}
    }
    if let Some(cookie) = udp::decode_quoted(bytes) {
        again.clear();
        dns::encode_query(cookie, &mut again);
        let is_query = bytes.len() >= again.len() - 13 && bytes[..QUESTION_AT] == again[..QUESTION_AT];
        assert!(
            is_query || bytes.starts_with(&cookie.encode()),
            "a quotation holds its cookie"
        );
    }
    if let (Ok(cookie), Some(size)) = (Cookie::decode(bytes), bytes.get(COOKIE_BYTES)) {
        check_ours(cookie, u16::from(*size) % ECHO_BYTES);
    }
}

fn check_ours(cookie: Cookie, payload_bytes: u16) {
    let mut echo = Vec::new();
    udp::encode_echo(cookie, payload_bytes, &mut echo);
    assert_eq!(udp::decode(&echo), Ok((cookie, UdpPayload::Echo)));
    // Quoted, it is known too, unless the cookie reads as the beginning of a query, which one in 2^80 does.
    let is_like_query = echo[FLAGS_AT..QUESTION_AT] == [1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    assert!(is_like_query || udp::decode_quoted(&echo) == Some(cookie));
    assert!(
        udp::decode(&echo[..echo.len() - 1]).is_err(),
        "a cut echo is none"
    );

    let mut query = Vec::new();
    dns::encode_query(cookie, &mut query);
    assert_eq!(query.len(), dns::QUERY_BYTES);
    assert_eq!(udp::decode_quoted(&query), Some(cookie));
    assert!(udp::decode(&query).is_err(), "a query is no answer");
    query[FLAGS_AT] |= 0x80;
    assert_eq!(udp::decode(&query), Ok((cookie, UdpPayload::Dns)));
}
