//! Reads what comes with a packet on a Darwin ping socket: IP header, quoted packet, receive stamp.
//!
//! Pure: bytes in, values out; everything came from a stranger or from a kernel of another version, so nothing is
//! indexed that was not asked for.

use std::net::Ipv4Addr;

/// Protocol number of ICMP (IANA).
const PROTOCOL_ICMP: u8 = 1;
const IPV4_HEADER_BYTES_MIN: usize = 20;
const ICMP_HEADER_BYTES: usize = 8;
/// Destination unreachable, time exceeded, parameter problem (RFC 792).
const ERRORS_V4: [u8; 3] = [3, 11, 12];

/// How a system lays out its control messages (`cmsghdr`) and a `timeval` in them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// Bytes of the length field, which comes first; level and type follow, four each.
    pub(super) length_bytes: usize,
    /// Messages begin at multiples of this.
    pub(super) align: usize,
    /// SOL_SOCKET.
    pub(super) level: i32,
    /// SCM_TIMESTAMP.
    pub(super) kind: i32,
}

impl Layout {
    /// xnu `bsd/sys/socket.h`: a 32-bit length, aligned to 32 bits.
    pub(super) const DARWIN: Self = Self {
        length_bytes: 4,
        align: 4,
        level: 0xffff,
        kind: 2,
    };
    /// The one of the running kernel.
    #[cfg(target_vendor = "apple")]
    pub(super) const HERE: Self = Self::DARWIN;
    /// The one of the running kernel: Linux, in tests.
    #[cfg(not(target_vendor = "apple"))]
    pub(super) const HERE: Self = Self {
        length_bytes: size_of::<usize>(),
        align: size_of::<usize>(),
        level: libc::SOL_SOCKET,
        kind: libc::SCM_TIMESTAMP,
    };

    const fn header_bytes(&self) -> usize {
        (self.length_bytes + 8).next_multiple_of(self.align)
    }
}

/// An ICMP error about a packet of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Error<'a> {
    pub(super) kind: u8,
    pub(super) code: u8,
    /// Where the quoted packet was going.
    pub(super) to: Ipv4Addr,
    /// The quoted ICMP message.
    pub(super) quoted: &'a [u8],
}

/// The ICMP message in a packet. Over IPv4 an IP header stands before it on Darwin and does not on Linux; no ICMP type
/// begins like one. A header without its message is an empty message.
pub(super) fn icmp_of(is_v6: bool, packet: &[u8]) -> &[u8] {
    match packet.first() {
        Some(first) if !is_v6 && first >> 4 == 4 => packet.get(header_bytes(*first)..).unwrap_or_default(),
        _ => packet,
    }
}

/// Takes an ICMPv4 error apart; `None` if the message is none, or is not about an ICMP packet.
pub(super) fn error_v4(icmp: &[u8]) -> Option<Error<'_>> {
    let (kind, code) = (*icmp.first()?, *icmp.get(1)?);
    let packet = icmp.get(ICMP_HEADER_BYTES..)?;
    let header = packet.get(..IPV4_HEADER_BYTES_MIN)?;
    if !ERRORS_V4.contains(&kind) || header[0] >> 4 != 4 || header[9] != PROTOCOL_ICMP {
        return None;
    }
    let to: [u8; 4] = header[16..20].try_into().ok()?;
    Some(Error {
        kind,
        code,
        to: Ipv4Addr::from(to),
        quoted: packet.get(header_bytes(header[0])..)?,
    })
}

/// The receive stamp among control messages, in nanoseconds of the calendar clock.
pub(super) fn stamp(mut control: &[u8], layout: &Layout) -> Option<i64> {
    loop {
        let length = number(control, 0, layout.length_bytes)?;
        let length = usize::try_from(length).ok()?;
        let level = number(control, layout.length_bytes, 4)?;
        let kind = number(control, layout.length_bytes + 4, 4)?;
        let data = control.get(layout.header_bytes()..length)?;
        if (level, kind) == (i64::from(layout.level), i64::from(layout.kind)) {
            let (seconds, micros) = (number(data, 0, 8)?, number(data, 8, 4)?);
            return seconds.checked_mul(1_000_000_000)?.checked_add(micros * 1000);
        }
        control = control.get(length.next_multiple_of(layout.align)..)?;
    }
}

/// Bytes of an IPv4 header by its first byte; never below the least there is.
const fn header_bytes(first: u8) -> usize {
    let bytes = (first & 0x0f) as usize * 4;
    if bytes < IPV4_HEADER_BYTES_MIN {
        IPV4_HEADER_BYTES_MIN
    } else {
        bytes
    }
}

/// A number of four or eight bytes. Macs have been little-endian since 2006, and so are the systems of the tests.
fn number(bytes: &[u8], start: usize, len: usize) -> Option<i64> {
    let bytes = bytes.get(start..start + len)?;
    match *bytes {
        [a, b, c, d] => Some(i64::from(i32::from_le_bytes([a, b, c, d]))),
        _ => Some(i64::from_le_bytes(bytes.try_into().ok()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Darwin control message: length, level, type, data.
    fn darwin(level: i32, kind: i32, data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(((12 + data.len()) as u32).to_le_bytes());
        bytes.extend(level.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    /// Its `timeval`: 64-bit seconds, 32-bit microseconds, padding.
    fn timeval(seconds: i64, micros: i32) -> Vec<u8> {
        [&seconds.to_le_bytes()[..], &micros.to_le_bytes(), &[0; 4]].concat()
    }

    /// An IPv4 header with options of `option_bytes`, from 192.0.2.7 to 192.0.2.1.
    fn header(protocol: u8, option_bytes: usize) -> Vec<u8> {
        let mut bytes = vec![0; 20 + option_bytes];
        bytes[0] = 0x40 | (5 + option_bytes / 4) as u8;
        bytes[9] = protocol;
        bytes[12..16].copy_from_slice(&[192, 0, 2, 7]);
        bytes[16..20].copy_from_slice(&[192, 0, 2, 1]);
        bytes
    }

    #[test]
    fn a_darwin_stamp_is_found_behind_other_messages() {
        let other = darwin(0xffff, 9, &[1, 2, 3, 4, 5]);
        let stamped = darwin(0xffff, 2, &timeval(1_795_226_584, 104_250));
        let expected = Some(1_795_226_584_104_250_000);
        assert_eq!(stamp(&[other, stamped].concat(), &Layout::DARWIN), expected);
    }

    #[test]
    fn control_messages_cut_anywhere_have_no_stamp_and_end() {
        let whole = [darwin(0xffff, 9, &[7; 5]), darwin(0xffff, 2, &timeval(1, 2))].concat();
        for len in 0..whole.len() {
            // The last four bytes are padding of the timeval: without them its length is a lie.
            assert_eq!(stamp(&whole[..len], &Layout::DARWIN), None, "{len}");
        }
        for length in [0_u32, 1, 11, u32::MAX] {
            let mut lying = whole.clone();
            lying[..4].copy_from_slice(&length.to_le_bytes());
            assert_eq!(stamp(&lying, &Layout::DARWIN), None, "{length}");
        }
    }

    #[test]
    fn the_ip_header_is_taken_off_where_there_is_one() {
        let reply = [0, 0, 1, 2, 3, 4, 5, 6, 7];
        for option_bytes in [0, 4, 40] {
            let packet = [&header(1, option_bytes)[..], &reply].concat();
            assert_eq!(icmp_of(false, &packet), reply);
        }
        assert_eq!(icmp_of(false, &reply), reply, "Linux takes it off itself");
        assert_eq!(icmp_of(true, &[0x45; 60]), [0x45; 60], "never over IPv6");
        assert_eq!(icmp_of(false, &[0x4f; 30]), [0; 0]);
    }

    #[test]
    fn an_error_quotes_the_request_and_where_it_was_going() {
        let request = [8, 0, 9, 9, 0x12, 0x34, 0, 7];
        let error = [&[11, 0, 0, 0, 0, 0, 0, 0][..], &header(1, 4), &request].concat();
        let to = Ipv4Addr::new(192, 0, 2, 1);
        let expected = Error {
            kind: 11,
            code: 0,
            to,
            quoted: &request,
        };
        assert_eq!(error_v4(&error), Some(expected));
        for len in 0..32 {
            assert_eq!(error_v4(&error[..len]), None, "{len}");
        }
    }

    #[test]
    fn a_reply_and_an_error_about_another_protocol_are_no_errors_of_ours() {
        let about = |kind: u8, protocol: u8| {
            [&[kind, 0, 0, 0, 0, 0, 0, 0][..], &header(protocol, 0), &[0; 8]].concat()
        };
        assert!(error_v4(&about(3, 1)).is_some());
        assert_eq!(error_v4(&about(3, 17)), None);
        assert_eq!(error_v4(&about(0, 1)), None);
    }
}
