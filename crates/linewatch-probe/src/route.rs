//! Where packets leave this network: the default gateways, and which families have a way out at all.
//!
//! Reads the kernel's route tables (`/proc/net`). The parsers are pure; a line that cannot be read is passed over.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

use linewatch_core::target::{Address, Egress, Source};

/// RTF_UP, RTF_GATEWAY, RTF_REJECT of linux/route.h.
const UP: u32 = 0x1;
const GATEWAY: u32 = 0x2;
const REJECT: u32 = 0x200;

/// The way out of this network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gateways {
    /// The IPv4 default gateway; `None` where the default route has none (a point-to-point line).
    pub v4: Option<Address>,
    /// The IPv6 default gateway, as a rule link-local with its interface.
    pub v6: Option<Address>,
    /// There is a default route for IPv4.
    pub has_v4_route: bool,
    /// There is a default route for IPv6.
    pub has_v6_route: bool,
}

/// One default route.
#[derive(Clone, Debug, PartialEq, Eq)]
struct DefaultRoute {
    interface: String,
    gateway: Option<IpAddr>,
    metric: u32,
}

/// The default gateways as the kernel knows them now. A table that cannot be read has no route.
pub fn default_gateways() -> Gateways {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let v4 = best(read("/proc/thread-self/net/route").lines().filter_map(parse_v4));
    let v6 = best(
        read("/proc/thread-self/net/ipv6_route")
            .lines()
            .filter_map(parse_v6),
    );
    Gateways {
        v4: v4.as_ref().and_then(address),
        v6: v6.as_ref().and_then(address),
        has_v4_route: v4.is_some(),
        has_v6_route: v6.is_some(),
    }
}

/// The number of the interface with this name: the scope of a link-local address (`fe80::1%eth0`).
pub fn interface_index(name: &str) -> Option<u32> {
    #[cfg(target_os = "linux")]
    let index = crate::sys::linux::interface::index(name);
    #[cfg(not(target_os = "linux"))]
    let index = name.parse().ok();
    index
}

/// How packets leave from `source` with this DSCP, or the sentence that says why they cannot, as things are now.
///
/// # Errors
///
/// When this computer has no such address or interface.
pub fn egress(source: &Source, dscp: u8) -> Result<Egress, String> {
    let mut egress = Egress {
        dscp,
        ..Egress::default()
    };
    match source {
        Source::Any => {}
        Source::Address(ip) => {
            // Bound and let go: the kernel's own word on whether packets may leave from it.
            UdpSocket::bind((*ip, 0)).map_err(|error| {
                format!(
                    "Cannot send from `source` {ip}: {}; `ip address` lists this computer's addresses",
                    match error.kind() {
                        std::io::ErrorKind::AddrNotAvailable =>
                            "this computer has no such address".to_owned(),
                        _ => error.to_string(),
                    }
                )
            })?;
            egress.source = Some(*ip);
        }
        Source::Interface(name) => {
            egress.interface = interface_index(name).ok_or_else(|| {
                format!(
                    "Cannot send through `source` \"{name}\": this computer has no such interface; `ip link` lists them"
                )
            })?;
        }
    }
    Ok(egress)
}

/// The kernel takes the smallest metric, of equal ones the first.
fn best(routes: impl Iterator<Item = DefaultRoute>) -> Option<DefaultRoute> {
    routes.min_by_key(|route| route.metric)
}

/// A link-local gateway is of no use without its interface.
fn address(route: &DefaultRoute) -> Option<Address> {
    let ip = route.gateway?;
    let is_local = matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
    let scope = if is_local {
        interface_index(&route.interface)?
    } else {
        0
    };
    Some(Address { ip, scope })
}

/// A line of `/proc/net/route`:
/// `Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT`, addresses as hexadecimal machine words.
fn parse_v4(line: &str) -> Option<DefaultRoute> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let &[interface, destination, gateway, flags, _, _, metric, mask, ..] = fields.as_slice() else {
        return None;
    };
    let flags = u32::from_str_radix(flags, 16).ok()?;
    let is_default = u32::from_str_radix(destination, 16) == Ok(0) && u32::from_str_radix(mask, 16) == Ok(0);
    if !is_default || flags & UP == 0 || flags & REJECT != 0 {
        return None;
    }
    // The word is the address in network order as this machine reads a word.
    let gateway = Ipv4Addr::from(u32::from_str_radix(gateway, 16).ok()?.to_ne_bytes());
    Some(DefaultRoute {
        interface: interface.to_owned(),
        gateway: (flags & GATEWAY != 0).then_some(gateway.into()),
        metric: metric.parse().ok()?,
    })
}

/// A line of `/proc/net/ipv6_route`:
/// `destination length source length nexthop metric refcnt use flags interface`, all hexadecimal.
fn parse_v6(line: &str) -> Option<DefaultRoute> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let &[
        destination,
        length,
        _,
        source_length,
        nexthop,
        metric,
        _,
        _,
        flags,
        interface,
    ] = fields.as_slice()
    else {
        return None;
    };
    let flags = u32::from_str_radix(flags, 16).ok()?;
    let is_default = u128::from_str_radix(destination, 16) == Ok(0)
        && u8::from_str_radix(length, 16) == Ok(0)
        && u8::from_str_radix(source_length, 16) == Ok(0);
    // Every computer has an unreachable default route on `lo`; it leads nowhere.
    if !is_default || flags & UP == 0 || flags & REJECT != 0 || interface == "lo" {
        return None;
    }
    let nexthop = Ipv6Addr::from(u128::from_str_radix(nexthop, 16).ok()?);
    Some(DefaultRoute {
        interface: interface.to_owned(),
        gateway: (flags & GATEWAY != 0 && !nexthop.is_unspecified()).then_some(nexthop.into()),
        metric: u32::from_str_radix(metric, 16).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `interface gateway metric` of a default route, `-` for a line that is none.
    fn shown(route: Option<DefaultRoute>) -> String {
        route.map_or_else(
            || "-".to_owned(),
            |route| {
                let gateway = route
                    .gateway
                    .map_or_else(|| "direct".to_owned(), |ip| ip.to_string());
                format!("{} {gateway} {}", route.interface, route.metric)
            },
        )
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn default_routes_of_ipv4_are_found() {
        for (line, expected) in [
            (
                "eth0\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0",
                "eth0 192.168.2.1 100",
            ),
            (
                "ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0",
                "ppp0 direct 0",
            ),
            (
                "eth0\t0002A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0",
                "-",
            ),
            (
                "eth0\t00000000\t0102A8C0\t0002\t0\t0\t100\t00000000\t0\t0\t0",
                "-",
            ),
            ("*\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0", "-"),
            ("tun0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000080\t0\t0\t0", "-"),
            (
                "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
                "-",
            ),
            ("", "-"),
        ] {
            assert_eq!(shown(parse_v4(line)), expected, "{line}");
        }
    }

    #[test]
    fn default_routes_of_ipv6_are_found() {
        let zero = "00000000000000000000000000000000";
        let router = "fe800000000000000000000000000001";
        let subnet = "20010db8000000000000000000000000";
        for (line, expected) in [
            (
                format!("{zero} 00 {zero} 00 {router} 00000400 1 0 00000003 eth0"),
                "eth0 fe80::1 1024",
            ),
            (
                format!("{zero} 00 {zero} 00 {zero} 00000001 1 0 00000001 tun0"),
                "tun0 direct 1",
            ),
            (
                format!("{zero} 00 {zero} 00 {zero} ffffffff 1 0 00200200 lo"),
                "-",
            ),
            (
                format!("{subnet} 40 {zero} 00 {zero} 00000100 1 0 00000001 eth0"),
                "-",
            ),
            (
                format!("{zero} 00 {subnet} 40 {router} 00000400 1 0 00000003 eth0"),
                "-",
            ),
            ("nonsense".to_owned(), "-"),
        ] {
            assert_eq!(shown(parse_v6(&line)), expected, "{line}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_source_that_is_not_here_is_a_sentence() {
        let address = |text: &str| Source::Address(text.parse().expect("an address"));
        let interface = |name: &str| Source::Interface(name.to_owned());
        assert_eq!(
            egress(&address("127.0.0.1"), 46).map(|egress| (egress.source, egress.dscp)),
            Ok(("127.0.0.1".parse().ok(), 46))
        );
        assert_eq!(egress(&interface("lo"), 0).map(|egress| egress.interface), Ok(1));
        let sentence = egress(&address("192.0.2.77"), 0).expect_err("a documentation address");
        assert!(
            sentence.contains("192.0.2.77: this computer has no such address"),
            "{sentence}"
        );
        let sentence = egress(&interface("nope0"), 0).expect_err("no such interface");
        assert!(sentence.contains("no such interface"), "{sentence}");
    }

    #[test]
    fn the_smallest_metric_wins_and_of_equal_ones_the_first() {
        let route = |interface: &str, metric| DefaultRoute {
            interface: interface.to_owned(),
            gateway: None,
            metric,
        };
        let routes = [route("b", 200), route("a", 100), route("c", 100)];
        assert_eq!(shown(best(routes.into_iter())), "a direct 100");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn loopback_has_an_index_and_a_missing_interface_has_none() {
        assert_eq!(interface_index("lo"), Some(1));
        assert_eq!(interface_index("no such interface"), None);
        assert_eq!(interface_index("zero\0inside"), None);
    }
}
