//! Tells the kernel how packets leave: source address, interface, DSCP.
//!
//! The shared ICMP and UDP sockets are told with each packet, by control messages that need no privilege; a TCP socket is told
//! once, before its handshake. The default says nothing and costs nothing. Not here: whether the address or interface
//! exists (`route::egress`).

use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd as _;

use linewatch_core::target::{Address, Egress};
use socket2::Socket;

use super::control;
use super::options::{self, errno_of};

/// Room for the longest: `in6_pktinfo` and a traffic class, each with its header.
pub(super) const BYTES: usize =
    (control::HEADER + PKTINFO_V6).next_multiple_of(8) + (control::HEADER + 4).next_multiple_of(8);
/// `in_pktinfo`: interface, source address, and one that only matters on receipt.
const PKTINFO_V4: usize = 12;
/// `in6_pktinfo`: source address, interface (RFC 3542 section 6).
const PKTINFO_V6: usize = 20;
/// `SO_BINDTOIFINDEX` (Linux 5.0; without privilege since 5.7). Not in libc for all systems yet.
const SO_BINDTOIFINDEX: libc::c_int = 62;

/// Writes the control messages of `egress` at `at`; returns where they end.
pub(super) fn write(bytes: &mut [u8], at: usize, egress: Egress, is_v6: bool) -> usize {
    let mut end = at;
    if egress.source.is_some() || egress.interface != 0 {
        let interface = egress.interface.to_ne_bytes();
        if is_v6 {
            let mut info = [0; PKTINFO_V6];
            if let Some(IpAddr::V6(source)) = egress.source {
                info[..16].copy_from_slice(&source.octets());
            }
            info[16..].copy_from_slice(&interface);
            end = control::write(bytes, end, libc::SOL_IPV6, libc::IPV6_PKTINFO, &info);
        } else {
            let mut info = [0; PKTINFO_V4];
            info[..4].copy_from_slice(&interface);
            if let Some(IpAddr::V4(source)) = egress.source {
                info[4..8].copy_from_slice(&source.octets());
            }
            end = control::write(bytes, end, libc::SOL_IP, libc::IP_PKTINFO, &info);
        }
    }
    if egress.dscp != 0 {
        let (level, kind) = traffic_class(is_v6);
        end = control::write(bytes, end, level, kind, &octet_of(egress.dscp).to_ne_bytes());
    }
    end
}

/// Prepares a TCP socket that goes to `to`.
pub(super) fn apply(socket: &Socket, egress: Egress, to: Address) -> Result<(), i32> {
    let applied = || {
        let (fd, is_v6) = (socket.as_fd(), to.ip.is_ipv6());
        if egress.dscp != 0 {
            let (level, kind) = traffic_class(is_v6);
            options::set(fd, level, kind, &octet_of(egress.dscp))?;
        }
        if egress.interface != 0 {
            options::set(
                fd,
                libc::SOL_SOCKET,
                SO_BINDTOIFINDEX,
                &(egress.interface as libc::c_int),
            )?;
        }
        if let Some(source) = egress.source {
            // The port is chosen at the handshake, when the far end is known: many more are free then.
            options::enable(fd, libc::SOL_IP, libc::IP_BIND_ADDRESS_NO_PORT)?;
            let mut from = SocketAddr::new(source, 0);
            if let SocketAddr::V6(from) = &mut from {
                from.set_scope_id(to.scope);
            }
            socket.bind(&from.into())?;
        }
        Ok(())
    };
    applied().map_err(|error: std::io::Error| errno_of(&error))
}

const fn traffic_class(is_v6: bool) -> (libc::c_int, libc::c_int) {
    if is_v6 {
        (libc::SOL_IPV6, libc::IPV6_TCLASS)
    } else {
        (libc::SOL_IP, libc::IP_TOS)
    }
}

/// The octet in the IP header: DSCP in its upper six bits, the lower two are ECN's (RFC 3168).
const fn octet_of(dscp: u8) -> libc::c_int {
    (dscp as libc::c_int & 0x3f) << 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_says_nothing_and_the_longest_fits() {
        let mut bytes = [0; BYTES];
        for is_v6 in [false, true] {
            assert_eq!(write(&mut bytes, 0, Egress::default(), is_v6), 0);
            let source = if is_v6 { "2001:db8::1" } else { "192.0.2.1" };
            let all = Egress {
                source: source.parse().ok(),
                interface: u32::MAX,
                dscp: 63,
            };
            let len = write(&mut bytes, 0, all, is_v6);
            assert!(len > 0 && len <= BYTES, "{len} bytes");
        }
    }
}
