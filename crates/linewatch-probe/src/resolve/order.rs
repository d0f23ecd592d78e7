//! Puts the addresses of one name in the order in which a person would want them tried (RFC 6724, as far as it matters).
//!
//! An address that cannot be reached from here comes last; then one that would be reached from a private IPv6 prefix
//! only; then IPv6 before IPv4. Among equals the name server's order stands.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use linewatch_core::target::Address;

/// Orders `addresses`; `source_towards` tells from which address packets would leave, if they can.
pub(super) fn prefer(addresses: &mut [Address], source_towards: impl Fn(Address) -> Option<IpAddr>) {
    if addresses.len() > 1 {
        addresses.sort_by_cached_key(|address| {
            let source = source_towards(*address);
            let is_mismatch =
                source.is_some_and(|source| is_unique_local(source) && !is_unique_local(address.ip));
            (source.is_none(), is_mismatch, address.ip.is_ipv4())
        });
    }
}

/// Which address of this computer the kernel would choose towards `to`. Nothing is sent: connecting a UDP socket only
/// asks the routing table.
pub(super) fn source_towards(to: Address) -> Option<IpAddr> {
    let any: IpAddr = if to.ip.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    // Any port will do; this is the one of "discard".
    socket.connect(SocketAddr::new(to.ip, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// fc00::/7 (RFC 4193): such a source cannot be answered from the world outside.
fn is_unique_local(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.is_unique_local())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Orders addresses, given from where IPv4 and IPv6 would leave.
    #[track_caller]
    fn check(before: &str, v4: Option<&str>, v6: Option<&str>, after: &str) {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        let mut addresses: Vec<Address> = before.split(' ').map(|text| ip(text).into()).collect();
        prefer(&mut addresses, |to| {
            if to.ip.is_ipv4() { v4.map(ip) } else { v6.map(ip) }
        });
        let shown: Vec<String> = addresses.iter().map(|address| address.ip.to_string()).collect();
        assert_eq!(shown.join(" "), after);
    }

    #[test]
    fn ipv6_comes_first_where_it_leads_somewhere() {
        let (v4, v6) = (Some("192.0.2.9"), Some("2001:db8::9"));
        check("192.0.2.1 2001:db8::1", v4, v6, "2001:db8::1 192.0.2.1");
        check("192.0.2.1 2001:db8::1", v4, None, "192.0.2.1 2001:db8::1");
        check(
            "2001:db8::1 192.0.2.1",
            v4,
            Some("fd00::9"),
            "192.0.2.1 2001:db8::1",
        );
        check("192.0.2.1 fd00::1", v4, Some("fd00::9"), "fd00::1 192.0.2.1");
    }

    #[test]
    fn among_equals_the_name_servers_order_stands() {
        check(
            "192.0.2.7 192.0.2.1",
            Some("192.0.2.9"),
            None,
            "192.0.2.7 192.0.2.1",
        );
        check("192.0.2.7 192.0.2.1", None, None, "192.0.2.7 192.0.2.1");
    }

    #[test]
    fn loopback_is_reached_from_itself() {
        let to = Address::from(IpAddr::from(Ipv4Addr::LOCALHOST));
        assert_eq!(source_towards(to), Some(to.ip));
    }
}
