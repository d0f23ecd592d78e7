//! Reads the control messages that come with a packet (stamps, drops, errors), and writes single ones. Pure: bytes and
//! values.

use linewatch_core::target::Address;
use linewatch_core::time::WireTime;

use super::address;

/// Bytes of a control message header (`cmsghdr`): length (a word), level, type.
pub(super) const HEADER: usize = size_of::<usize>() + 8;
/// Messages are padded to words.
const WORD: usize = size_of::<usize>();
/// Bytes of `sock_extended_err`.
const EXTENDED_ERROR: usize = 16;

/// `sock_extended_err`: why the kernel put something on the error queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ExtendedError {
    pub(super) errno: i32,
    /// `SO_EE_ORIGIN_*`.
    pub(super) origin: u8,
    /// ICMP type.
    pub(super) kind: u8,
    /// ICMP code.
    pub(super) code: u8,
    /// For stamps: which moment (`SCM_TSTAMP_*`).
    pub(super) info: u32,
    /// For stamps: the key.
    pub(super) data: u32,
    /// Who reported it.
    pub(super) offender: Option<Address>,
}

/// Everything we ask for that can come with one packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Control {
    /// The software stamp.
    pub(super) stamp: Option<WireTime>,
    /// Packets dropped on this socket since it was opened, modulo 2^32.
    pub(super) dropped_total: Option<u32>,
    /// Present on the error queue.
    pub(super) error: Option<ExtendedError>,
}

/// Writes one control message at `at` and returns where the next one begins.
///
/// # Panics
///
/// When there is no room: the caller's buffer is as large as everything it can write.
pub(super) fn write(
    bytes: &mut [u8],
    at: usize,
    level: libc::c_int,
    kind: libc::c_int,
    data: &[u8],
) -> usize {
    let len = HEADER + data.len();
    let message = &mut bytes[at..at + len];
    message[..WORD].copy_from_slice(&len.to_ne_bytes());
    message[WORD..WORD + 4].copy_from_slice(&level.to_ne_bytes());
    message[WORD + 4..HEADER].copy_from_slice(&kind.to_ne_bytes());
    message[HEADER..].copy_from_slice(data);
    at + len.next_multiple_of(WORD)
}

/// Reads all control messages; what is unknown or cut short is passed over.
pub(super) fn read(mut bytes: &[u8]) -> Control {
    let mut control = Control::default();
    while let Some((level, kind, data, rest)) = split_first(bytes) {
        match (level, kind) {
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPING) => control.stamp = read_stamp(data),
            (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => control.dropped_total = read_u32(data, 0),
            (libc::SOL_IP, libc::IP_RECVERR) | (libc::SOL_IPV6, libc::IPV6_RECVERR) => {
                control.error = read_error(data);
            }
            _ => {}
        }
        bytes = rest;
    }
    control
}

/// The first message as level, type and data, and what is behind it.
fn split_first(bytes: &[u8]) -> Option<(i32, i32, &[u8], &[u8])> {
    let len = usize::from_ne_bytes(bytes.get(..WORD)?.try_into().ok()?);
    let level = read_i32(bytes, WORD)?;
    let kind = read_i32(bytes, WORD + 4)?;
    let data = bytes.get(HEADER..len)?;
    let rest = bytes.get(len.next_multiple_of(WORD)..).unwrap_or_default();
    Some((level, kind, data, rest))
}

/// `scm_timestamping`: three timespecs, of which the first is the software stamp; zero if there is none.
fn read_stamp(data: &[u8]) -> Option<WireTime> {
    let word = |at: usize| -> Option<i64> {
        let bytes = data.get(at..at + size_of::<libc::c_long>())?;
        Some(libc::c_long::from_ne_bytes(bytes.try_into().ok()?) as i64)
    };
    let nanos = word(0)?
        .checked_mul(1_000_000_000)?
        .checked_add(word(size_of::<libc::c_long>())?)?;
    (nanos != 0).then(|| WireTime::from_nanos(nanos))
}

fn read_error(data: &[u8]) -> Option<ExtendedError> {
    Some(ExtendedError {
        errno: read_i32(data, 0)?,
        origin: *data.get(4)?,
        kind: *data.get(5)?,
        code: *data.get(6)?,
        info: read_u32(data, 8)?,
        data: read_u32(data, 12)?,
        offender: data.get(EXTENDED_ERROR..).and_then(address::read),
    })
}

fn read_u32(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(data.get(at..at + 4)?.try_into().ok()?))
}

fn read_i32(data: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_ne_bytes(data.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(level: i32, kind: i32, data: &[u8]) -> Vec<u8> {
        let mut bytes = (HEADER + data.len()).to_ne_bytes().to_vec();
        bytes.extend(level.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(WORD), 0);
        bytes
    }

    fn stamp(seconds: i64, nanos: i64) -> Vec<u8> {
        let words = [seconds, nanos, 0, 0, 0, 0];
        words
            .iter()
            .flat_map(|word| (*word as libc::c_long).to_ne_bytes())
            .collect()
    }

    #[test]
    fn stamp_and_drops_are_found_behind_unknown_messages() {
        let mut bytes = message(libc::SOL_SOCKET, 999, &[1, 2, 3]);
        bytes.extend(message(libc::SOL_SOCKET, libc::SO_RXQ_OVFL, &7u32.to_ne_bytes()));
        bytes.extend(message(libc::SOL_SOCKET, libc::SCM_TIMESTAMPING, &stamp(2, 5)));
        let control = read(&bytes);
        assert_eq!(control.dropped_total, Some(7));
        assert_eq!(control.stamp, Some(WireTime::from_nanos(2_000_000_005)));
    }

    #[test]
    fn a_stamp_of_zero_is_no_stamp() {
        let bytes = message(libc::SOL_SOCKET, libc::SCM_TIMESTAMPING, &stamp(0, 0));
        assert_eq!(read(&bytes).stamp, None);
    }

    #[test]
    fn an_error_names_its_reporter() {
        let mut data = 113i32.to_ne_bytes().to_vec();
        data.extend([libc::SO_EE_ORIGIN_ICMP, 3, 1, 0]);
        data.extend([0; 4]);
        data.extend(9u32.to_ne_bytes());
        data.extend((libc::AF_INET as u16).to_ne_bytes());
        data.extend([0, 0, 192, 0, 2, 9, 0, 0, 0, 0, 0, 0, 0, 0]);
        let error = read(&message(libc::SOL_IP, libc::IP_RECVERR, &data))
            .error
            .expect("an error");
        assert_eq!((error.errno, error.kind, error.code, error.data), (113, 3, 1, 9));
        let reporter = error.offender.expect("a reporter");
        assert_eq!(reporter.ip.to_string(), "192.0.2.9");
    }

    #[test]
    fn a_message_cut_short_is_passed_over() {
        let whole = message(libc::SOL_SOCKET, libc::SCM_TIMESTAMPING, &stamp(2, 5));
        for len in 0..HEADER + size_of::<libc::c_long>() {
            assert_eq!(read(&whole[..len]), Control::default(), "{len} bytes");
        }
        // A length of zero must not loop for ever.
        assert_eq!(read(&[0; 64]), Control::default());
    }
}
