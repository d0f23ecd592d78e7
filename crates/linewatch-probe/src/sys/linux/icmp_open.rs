//! Opens the ICMP socket of one family as well as this computer permits, or says how to permit it.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd as _, BorrowedFd};

use linewatch_core::record::Class;
use linewatch_core::target::{Address, Egress};
use socket2::{Domain, Protocol, Socket, Type};

use super::batch::{self, Departing};
use super::drops::DropCounter;
use super::keys::StampBook;
use super::options;
use super::socket::{ProbeSocket, Speech};
use crate::privilege;
use crate::sys::{IcmpMode, IcmpReport, StampKeys, WireOptions};

/// Replies the kernel keeps for us: 32 MB hold a second of 25,000 replies. The default of 208 KB loses
/// three quarters of a burst of 1,000.
const RECEIVE_BUFFER_BYTES: libc::c_int = 32 << 20;
/// Packets of ours in device queues, at 768 bytes each: 5,461.
const SEND_BUFFER_BYTES: libc::c_int = 4 << 20;

/// Kernel software stamps on receipt.
const STAMP_RECEIVE: libc::c_uint = libc::SOF_TIMESTAMPING_RX_SOFTWARE | libc::SOF_TIMESTAMPING_SOFTWARE;
/// And on transmission, on the error queue without the packet itself.
const STAMP_BOTH: libc::c_uint =
    STAMP_RECEIVE | libc::SOF_TIMESTAMPING_TX_SOFTWARE | libc::SOF_TIMESTAMPING_OPT_TSONLY;
/// And with a key each.
const STAMP_KEYED: libc::c_uint = STAMP_BOTH | libc::SOF_TIMESTAMPING_OPT_ID;

/// `ICMP_FILTER` and `ICMPV6_FILTER` (linux/icmp.h, linux/icmpv6.h): a bit set keeps that type away from us.
const SOL_RAW: libc::c_int = 255;
const SOL_ICMPV6: libc::c_int = 58;
const FILTER: libc::c_int = 1;
/// Echo reply, destination unreachable, time exceeded, parameter problem (RFC 792). Without our own requests,
/// which loopback would deliver too.
const PASS_V4: [u32; 4] = [0, 3, 11, 12];
/// Destination unreachable, packet too big, time exceeded, parameter problem, echo reply (RFC 4443).
const PASS_V6: [u32; 5] = [1, 2, 3, 4, 129];

/// `MSG_PROBE`: the kernel checks everything about a send and does not send.
const MSG_PROBE: libc::c_int = 0x10;

/// Opens it, or says in a sentence with its cures why not.
pub(super) fn open(is_v6: bool, wanted: WireOptions) -> Result<ProbeSocket, String> {
    let raw = || create(is_v6, true, wanted.stamp_keys);
    let ping = || create(is_v6, false, wanted.stamp_keys);
    match wanted.icmp {
        IcmpMode::None => Err("ICMP is switched off for this run".to_owned()),
        IcmpMode::Raw => raw().map_err(|error| privilege::icmp_sentence(is_v6, &error)),
        IcmpMode::Ping => ping().map_err(|error| privilege::icmp_sentence(is_v6, &error)),
        IcmpMode::Auto => raw().or_else(|error| ping().map_err(|_| privilege::icmp_sentence(is_v6, &error))),
    }
}

/// What was opened, for the report.
pub(super) fn report(socket: &ProbeSocket) -> IcmpReport {
    IcmpReport {
        is_raw: socket.is_raw(),
        class: socket.class,
        has_explicit_keys: socket.book.is_explicit(),
        receive_buffer_bytes: socket.drops.buffer_bytes,
    }
}

/// Makes the kernel's counter of stamp keys begin again at zero.
pub(super) fn restart_keys(fd: BorrowedFd<'_>) -> io::Result<()> {
    options::set(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPING, &STAMP_BOTH)?;
    options::set(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPING, &STAMP_KEYED)
}

fn create(is_v6: bool, is_raw: bool, keys: StampKeys) -> io::Result<ProbeSocket> {
    let (domain, protocol) = if is_v6 {
        (Domain::IPV6, Protocol::ICMPV6)
    } else {
        (Domain::IPV4, Protocol::ICMPV4)
    };
    let kind = if is_raw { Type::RAW } else { Type::DGRAM };
    let socket = Socket::new(domain, kind, Some(protocol))?;
    socket.set_nonblocking(true)?;
    let fd = socket.as_fd();
    if is_raw {
        filter(fd, is_v6)?;
    } else {
        hear_errors(fd, is_v6)?;
    }
    let speech = if is_raw { Speech::Raw } else { Speech::Ping };
    equip(socket, is_v6, speech, keys)
}

/// Gives a fresh socket its buffers, its stamps and its books.
pub(super) fn equip(socket: Socket, is_v6: bool, speech: Speech, keys: StampKeys) -> io::Result<ProbeSocket> {
    let fd = socket.as_fd();
    grow_buffers(fd);
    // Without it an overflow would look like loss; it exists since Linux 2.6.33.
    options::enable(fd, libc::SOL_SOCKET, libc::SO_RXQ_OVFL)?;
    let class = stamp(fd);
    let is_explicit = class == Class::K && keys == StampKeys::Auto && has_explicit_keys(speech);
    let buffer_bytes = socket.recv_buffer_size()?;
    Ok(ProbeSocket {
        socket,
        is_v6,
        speech,
        class,
        book: StampBook::new(is_explicit),
        is_fresh: false,
        drops: DropCounter::new(buffer_bytes),
        is_unnumbered: false,
    })
}

/// Has the kernel put ICMP errors about what this socket sent on its error queue, with what they quote.
pub(super) fn hear_errors(fd: BorrowedFd<'_>, is_v6: bool) -> io::Result<()> {
    if is_v6 {
        options::enable(fd, libc::SOL_IPV6, libc::IPV6_RECVERR)
    } else {
        options::enable(fd, libc::SOL_IP, libc::IP_RECVERR)
    }
}

fn filter(fd: BorrowedFd<'_>, is_v6: bool) -> io::Result<()> {
    if !is_v6 {
        let blocked = PASS_V4.iter().fold(u32::MAX, |mask, kind| mask & !(1 << kind));
        return options::set(fd, SOL_RAW, FILTER, &blocked);
    }
    let mut blocked = [u32::MAX; 8];
    for kind in PASS_V6 {
        blocked[kind as usize / 32] &= !(1 << (kind % 32));
    }
    options::set(fd, SOL_ICMPV6, FILTER, &blocked)
}

/// As large as permitted: beyond the system's limit with `CAP_NET_ADMIN`, else up to it.
fn grow_buffers(fd: BorrowedFd<'_>) {
    let sizes = [
        (libc::SO_RCVBUFFORCE, libc::SO_RCVBUF, RECEIVE_BUFFER_BYTES),
        (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF, SEND_BUFFER_BYTES),
    ];
    for (forced, ordinary, bytes) in sizes {
        if options::set(fd, libc::SOL_SOCKET, forced, &bytes).is_err() {
            // The kernel cuts this down to its limit instead of refusing. What came of it is in the report.
            let _refused = options::set(fd, libc::SOL_SOCKET, ordinary, &bytes);
        }
    }
}

/// The best stamps the kernel has.
fn stamp(fd: BorrowedFd<'_>) -> Class {
    let set = |flags: &libc::c_uint| options::set(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPING, flags);
    if set(&STAMP_KEYED).is_ok() {
        Class::K
    } else if set(&STAMP_RECEIVE).is_ok() {
        Class::H
    } else {
        Class::U
    }
}

/// Whether packets may carry their own key: asked by a send to ourselves that is checked but not carried out.
/// An unknown control message is EINVAL; anything else comes after it was understood.
///
/// On a socket of its own, and of IPv4: an IPv6 ping socket ignores `MSG_PROBE` and really sends, and the stamp of
/// that packet would be taken for the first probe's.
fn has_explicit_keys(speech: Speech) -> bool {
    let (kind, protocol) = match speech {
        Speech::Raw => (Type::RAW, Protocol::ICMPV4),
        Speech::Ping => (Type::DGRAM, Protocol::ICMPV4),
        Speech::Udp => (Type::DGRAM, Protocol::UDP),
    };
    let Ok(socket) = Socket::new(Domain::IPV4, kind, Some(protocol)) else {
        return false;
    };
    if stamp(socket.as_fd()) != Class::K {
        return false;
    }
    let echo = [8, 0, 0, 0, 0, 0, 0, 0];
    let packet = |_| Departing {
        to: Address::from(IpAddr::from(Ipv4Addr::LOCALHOST)),
        // UDP takes none but real ports; "discard" is one.
        port: if speech == Speech::Udp { 9 } else { 0 },
        bytes: &echo,
        key: Some(0),
        egress: Egress::default(),
    };
    batch::send(socket.as_fd(), 1, packet, MSG_PROBE | libc::MSG_DONTWAIT) != Err(libc::EINVAL)
}
