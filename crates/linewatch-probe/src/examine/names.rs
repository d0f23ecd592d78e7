//! Reads which name servers the system's resolver asks (`/etc/resolv.conf`).

use std::net::IpAddr;

use linewatch_core::target::Address;

use crate::route::interface_index;

/// The resolver of the system asks the first three and passes over the rest (resolv.conf(5), MAXNS).
const SERVERS_MAX: usize = 3;

/// The name servers in the order in which they are asked; empty where none is written.
pub fn servers() -> Vec<Address> {
    let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    text.lines().filter_map(server).take(SERVERS_MAX).collect()
}

/// A line `nameserver ADDRESS`, the address perhaps with its interface (`fe80::1%eth0`).
fn server(line: &str) -> Option<Address> {
    let mut words = line.split_ascii_whitespace();
    if words.next() != Some("nameserver") {
        return None;
    }
    let address = words.next()?;
    let (ip, zone) = match address.split_once('%') {
        None => (address, None),
        Some((ip, zone)) => (ip, Some(zone)),
    };
    let ip: IpAddr = ip.parse().ok()?;
    let scope = match zone {
        None => 0,
        Some(zone) => interface_index(zone)?,
    };
    Some(Address { ip, scope })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_name_servers_with_an_address_are_found() {
        for (line, expected) in [
            ("nameserver 192.0.2.53", Some("192.0.2.53")),
            ("nameserver\t2001:db8::53  # ours", Some("2001:db8::53")),
            ("# nameserver 192.0.2.53", None),
            ("nameserver", None),
            ("nameserver dns.example", None),
            ("search example", None),
        ] {
            let found = server(line).map(|address| address.ip.to_string());
            assert_eq!(found.as_deref(), expected, "{line}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_link_local_server_keeps_its_interface() {
        let found = server("nameserver fe80::1%lo").expect("lo exists");
        assert_eq!((found.ip.to_string().as_str(), found.scope), ("fe80::1", 1));
        assert_eq!(server("nameserver fe80::1%nothing0"), None);
    }
}
