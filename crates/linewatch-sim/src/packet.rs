//! Makes answers out of requests: what a target, or somebody who pretends to be one, sends back.
//!
//! Works on the bytes the real encoder wrote, so that the real decoder and its cookie are exercised. Knows of
//! ICMP only what an echo target must (RFC 792, RFC 4443), of UDP what an echo service and a name server must (RFC 862,
//! RFC 1035 4.1.1); never reads the payload.

use crate::path::Forgery;

/// Bytes before the payload of an echo message.
const HEADER_BYTES: usize = 8;

/// What a request speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    IcmpV4,
    IcmpV6,
    Udp,
}

/// The answer to `request`; `None` if this asks for none.
pub(crate) fn reply(request: &[u8], protocol: Protocol) -> Option<Vec<u8>> {
    let (asks, answers) = match protocol {
        Protocol::IcmpV4 => (8, 0),
        Protocol::IcmpV6 => (128, 129),
        Protocol::Udp => return Some(datagram(request)),
    };
    if request.len() < HEADER_BYTES || request[0] != asks || request[1] != 0 {
        return None;
    }
    let mut reply = request.to_vec();
    reply[0] = answers;
    seal(&mut reply, protocol);
    Some(reply)
}

/// A DNS query becomes a response that the name does not exist; everything else is an echo.
fn datagram(request: &[u8]) -> Vec<u8> {
    let mut reply = request.to_vec();
    if request.get(2..12) == Some(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]) {
        reply[2..4].copy_from_slice(&[0x81, 0x83]);
    }
    reply
}

/// A reply to `request` that is not true; `None` where there is nothing to falsify.
pub(crate) fn forged(request: &[u8], protocol: Protocol, forgery: Forgery) -> Option<Vec<u8>> {
    let mut reply = reply(request, protocol)?;
    match forgery {
        // The bytes are right; the wire gives them another source.
        Forgery::Source => {}
        Forgery::Payload => reply.iter_mut().skip(HEADER_BYTES).for_each(|byte| *byte ^= 0xA5),
        Forgery::Identifier => reply[4] ^= 0x5A,
        Forgery::Sequence => reply[7] ^= 0x01,
        Forgery::Truncated => reply.truncate(HEADER_BYTES),
        // The kernel throws such an ICMPv6 message or datagram away; that of ICMPv4 is ours to see through.
        Forgery::Checksum if protocol != Protocol::IcmpV4 => return None,
        Forgery::Checksum => {
            reply[2] ^= 0xFF;
            return Some(reply);
        }
    }
    seal(&mut reply, protocol);
    Some(reply)
}

/// Writes the checksum of an ICMPv4 message. Those of ICMPv6 and UDP cover the addresses too; the kernel makes and
/// checks them, so nobody above it sees them.
fn seal(message: &mut [u8], protocol: Protocol) {
    if protocol != Protocol::IcmpV4 {
        return;
    }
    message[2..4].fill(0);
    let sum = ones_complement(message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
}

/// The Internet checksum (RFC 1071), here a second time and independent of the one under test.
fn ones_complement(bytes: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    }
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: [u8; 12] = [8, 0, 0, 0, 0x12, 0x34, 0, 7, b'w', b'o', b'r', b'd'];

    #[test]
    fn a_reply_is_the_request_with_another_type_and_a_right_checksum() {
        let reply = reply(&REQUEST, Protocol::IcmpV4).expect("an echo request");
        assert_eq!((reply[0], &reply[4..]), (0, &REQUEST[4..]));
        assert_eq!(
            ones_complement(&reply),
            0,
            "a message with its checksum sums to zero"
        );
    }

    #[test]
    fn what_is_no_echo_request_gets_no_reply() {
        assert_eq!(reply(&[13, 0, 0, 0, 0, 0, 0, 0], Protocol::IcmpV4), None);
        assert_eq!(reply(&REQUEST, Protocol::IcmpV6), None);
        assert_eq!(reply(&REQUEST[..7], Protocol::IcmpV4), None);
    }

    #[test]
    fn each_forgery_differs_from_the_truth_in_its_own_place() {
        let truth = reply(&REQUEST, Protocol::IcmpV4).expect("an echo request");
        for forgery in [
            Forgery::Payload,
            Forgery::Sequence,
            Forgery::Identifier,
            Forgery::Truncated,
        ] {
            let fake = forged(&REQUEST, Protocol::IcmpV4, forgery).expect("an echo request");
            assert!(fake != truth && ones_complement(&fake) == 0, "{forgery:?}");
        }
        let broken = forged(&REQUEST, Protocol::IcmpV4, Forgery::Checksum).expect("an echo request");
        assert_ne!(ones_complement(&broken), 0);
        assert_eq!(forged(&REQUEST, Protocol::IcmpV4, Forgery::Source), Some(truth));
    }
}
