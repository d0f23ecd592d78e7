//! Addresses as the kernel writes them, from and to bytes. Pure: no pointer, no cast of a struct.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use linewatch_core::target::Address;

/// Bytes of the largest address we meet: `sockaddr_in6`.
pub(super) const LEN: usize = 28;
/// Bytes of `sockaddr_in`.
const LEN_V4: usize = 16;

/// A socket address, aligned as the kernel wants it.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(8))]
pub(super) struct RawAddress(pub(super) [u8; 32]);

impl RawAddress {
    /// Nothing.
    pub(super) const EMPTY: Self = Self([0; 32]);

    /// Writes `address` with `port` and returns its length.
    pub(super) fn write(&mut self, address: Address, port: u16) -> usize {
        let bytes = &mut self.0;
        bytes.fill(0);
        bytes[2..4].copy_from_slice(&port.to_be_bytes());
        match address.ip {
            IpAddr::V4(ip) => {
                bytes[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
                bytes[4..8].copy_from_slice(&ip.octets());
                LEN_V4
            }
            IpAddr::V6(ip) => {
                bytes[..2].copy_from_slice(&(libc::AF_INET6 as u16).to_ne_bytes());
                bytes[8..24].copy_from_slice(&ip.octets());
                bytes[24..28].copy_from_slice(&address.scope.to_ne_bytes());
                LEN
            }
        }
    }
}

/// Reads a `sockaddr`; `None` for a family that is not IP (or for the kernel's "unknown", AF_UNSPEC).
pub(super) fn read(bytes: &[u8]) -> Option<Address> {
    let family = i32::from(u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?));
    if family == libc::AF_INET {
        let octets: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
        return Some(Address::from(IpAddr::V4(Ipv4Addr::from(octets))));
    }
    if family == libc::AF_INET6 {
        let octets: [u8; 16] = bytes.get(8..24)?.try_into().ok()?;
        let scope = u32::from_ne_bytes(bytes.get(24..28)?.try_into().ok()?);
        return Some(Address {
            ip: IpAddr::V6(Ipv6Addr::from(octets)),
            scope,
        });
    }
    None
}

/// Reads the port of a `sockaddr` that [`read`] accepts.
pub(super) fn read_port(bytes: &[u8]) -> u16 {
    let port = bytes.get(2..4).and_then(|port| port.try_into().ok());
    port.map_or(0, u16::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ip: &str, scope: u32, len: usize) {
        let address = Address {
            ip: ip.parse().expect("a literal"),
            scope,
        };
        let mut raw = RawAddress::EMPTY;
        assert_eq!(raw.write(address, 7), len);
        assert_eq!(read(&raw.0[..len]), Some(address));
        assert_eq!(raw.0[2..4], [0, 7], "the port is in network order");
        assert_eq!(read_port(&raw.0[..len]), 7);
        assert_eq!(read(&raw.0[..7]), None, "a short address is none");
    }

    #[test]
    fn addresses_come_back_as_themselves() {
        check("192.0.2.1", 0, 16);
        check("2001:db8::1", 0, 28);
        check("fe80::1", 3, 28);
    }

    #[test]
    fn another_family_is_no_address() {
        assert_eq!(read(&[0; 28]), None);
    }
}
