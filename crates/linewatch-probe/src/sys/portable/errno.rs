//! Translates this system's error numbers to those of Linux, which records carry everywhere.
//!
//! Pure tables, each compiled where it is needed and in tests. A number that means nothing to a prober becomes EIO:
//! like every number without a meaning of its own it is this computer's trouble, never loss.

use std::io;

pub(in crate::sys) const EIO: i32 = 5;
pub(in crate::sys) const EAGAIN: i32 = 11;
pub(in crate::sys) const EACCES: i32 = 13;
pub(in crate::sys) const ENETDOWN: i32 = 100;
pub(in crate::sys) const ENETUNREACH: i32 = 101;
pub(in crate::sys) const ECONNRESET: i32 = 104;
pub(in crate::sys) const ENOBUFS: i32 = 105;
pub(in crate::sys) const ENOTCONN: i32 = 107;
pub(in crate::sys) const ECONNREFUSED: i32 = 111;
pub(in crate::sys) const EINPROGRESS: i32 = 115;

const EMSGSIZE: i32 = 90;
pub(in crate::sys) const EOPNOTSUPP: i32 = 95;
const EAFNOSUPPORT: i32 = 97;
const EADDRINUSE: i32 = 98;
const EADDRNOTAVAIL: i32 = 99;
const ENETRESET: i32 = 102;
const ECONNABORTED: i32 = 103;
const ETIMEDOUT: i32 = 110;
const EHOSTDOWN: i32 = 112;
const EHOSTUNREACH: i32 = 113;

/// The Linux number of an error of this system.
pub(in crate::sys) fn of(error: &io::Error) -> i32 {
    match error.raw_os_error() {
        Some(number) => native(number),
        None if error.kind() == io::ErrorKind::Unsupported => EOPNOTSUPP,
        None => EIO,
    }
}

/// The Linux number of one of this system.
fn native(number: i32) -> i32 {
    #[cfg(all(unix, not(target_os = "linux")))]
    let number = from_bsd(number);
    #[cfg(windows)]
    let number = from_windows(number);
    number
}

/// xnu `bsd/sys/errno.h`, and what the other BSDs share with it. Up to 34 it agrees with Linux, but for one.
#[cfg(any(all(unix, not(target_os = "linux")), test))]
const fn from_bsd(number: i32) -> i32 {
    match number {
        11 => EIO, // EDEADLK, whose number is EAGAIN's on Linux.
        1..=34 => number,
        35 => EAGAIN,
        36 => EINPROGRESS,
        40 => EMSGSIZE,
        45 | 102 => EOPNOTSUPP,
        47 => EAFNOSUPPORT,
        48 => EADDRINUSE,
        49 => EADDRNOTAVAIL,
        50 => ENETDOWN,
        51 => ENETUNREACH,
        52 => ENETRESET,
        53 => ECONNABORTED,
        54 => ECONNRESET,
        55 => ENOBUFS,
        57 => ENOTCONN,
        60 => ETIMEDOUT,
        61 => ECONNREFUSED,
        64 => EHOSTDOWN,
        65 => EHOSTUNREACH,
        _ => EIO,
    }
}

/// Windows Sockets (`winsock2.h`, 10000 and up) and the system's own (`winerror.h`).
#[cfg(any(windows, test))]
pub(in crate::sys) const fn from_windows(number: i32) -> i32 {
    const EINTR: i32 = 4;
    const ENOMEM: i32 = 12;
    const EINVAL: i32 = 22;
    const EMFILE: i32 = 24;
    match number {
        5 | 10013 => EACCES, // ERROR_ACCESS_DENIED
        8 | 14 => ENOMEM,    // ERROR_NOT_ENOUGH_MEMORY, ERROR_OUTOFMEMORY
        50 => EOPNOTSUPP,    // ERROR_NOT_SUPPORTED
        87 | 10022 => EINVAL,
        1231 | 10051 => ENETUNREACH,  // ERROR_NETWORK_UNREACHABLE
        1232 | 10065 => EHOSTUNREACH, // ERROR_HOST_UNREACHABLE
        1450 | 10055 => ENOBUFS,      // ERROR_NO_SYSTEM_RESOURCES
        10004 => EINTR,
        10024 => EMFILE,
        10035 => EAGAIN,
        10036 => EINPROGRESS,
        10040 => EMSGSIZE,
        10047 => EAFNOSUPPORT,
        10048 => EADDRINUSE,
        10049 => EADDRNOTAVAIL,
        10050 => ENETDOWN,
        10052 => ENETRESET,
        10053 => ECONNABORTED,
        10054 => ECONNRESET,
        10057 => ENOTCONN,
        10060 => ETIMEDOUT,
        10061 => ECONNREFUSED,
        10064 => EHOSTDOWN,
        _ => EIO,
    }
}

#[cfg(test)]
mod tests {
    use linewatch_core::errno::classify;
    use linewatch_core::record::Outcome;

    use super::*;

    /// The same story by the number of each system: Darwin, Windows, Linux.
    #[track_caller]
    fn check(darwin: i32, windows: i32, linux: i32) {
        assert_eq!((from_bsd(darwin), from_windows(windows)), (linux, linux));
    }

    #[test]
    fn one_story_has_one_number_on_every_system() {
        check(13, 10013, libc::EACCES);
        check(24, 10024, libc::EMFILE);
        check(35, 10035, libc::EAGAIN);
        check(36, 10036, libc::EINPROGRESS);
        check(40, 10040, libc::EMSGSIZE);
        check(47, 10047, libc::EAFNOSUPPORT);
        check(48, 10048, libc::EADDRINUSE);
        check(49, 10049, libc::EADDRNOTAVAIL);
        check(50, 10050, libc::ENETDOWN);
        check(51, 10051, libc::ENETUNREACH);
        check(54, 10054, libc::ECONNRESET);
        check(55, 10055, libc::ENOBUFS);
        check(57, 10057, libc::ENOTCONN);
        check(60, 10060, libc::ETIMEDOUT);
        check(61, 10061, libc::ECONNREFUSED);
        check(64, 10064, libc::EHOSTDOWN);
        check(65, 10065, libc::EHOSTUNREACH);
    }

    #[test]
    fn only_a_silent_neighbour_is_evidence_on_any_system() {
        for (darwin, windows) in [(64, 10064), (65, 1232)] {
            assert_eq!(classify(from_bsd(darwin)).0, Outcome::Unreachable);
            assert_eq!(classify(from_windows(windows)).0, Outcome::Unreachable);
        }
        for local in [11, 12, 49, 51, 55, 99, 106, 9999] {
            assert_eq!(classify(from_bsd(local)).0, Outcome::Unsent, "{local}");
        }
        for local in [0, 5, 8, 50, 1231, 1450, 10049, 10051, 10055, 11050] {
            assert_eq!(classify(from_windows(local)).0, Outcome::Unsent, "{local}");
        }
    }

    #[test]
    fn an_error_without_a_number_is_our_own_trouble() {
        assert_eq!(of(&io::Error::other("no number")), EIO);
        assert_eq!(of(&io::ErrorKind::Unsupported.into()), EOPNOTSUPP);
    }
}
