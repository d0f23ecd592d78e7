//! Gives the lines that are there when nothing is configured: this computer, the gateway, two public resolvers.
//!
//! Input: which routes there are and whether ICMP is permitted. IPv6 addresses stand in where only IPv6 has a
//! route; no gateway, no row. Where ICMP is not permitted the same hosts are probed by TCP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use linewatch_core::spec::TargetSpec;
use linewatch_core::target::{Address, Host, Method, Origin};
use linewatch_probe::route::Gateways;

use super::error::Place;
use super::reader::Spot;
use super::settings::Defaults;
use super::targets::Draft;

/// What the built-in lines depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuiltIn {
    /// Routes of this computer.
    pub gateways: Gateways,
    /// ICMP to IPv4 addresses is permitted, by raw or ping socket.
    pub is_icmp_v4_permitted: bool,
    /// As above for IPv6.
    pub is_icmp_v6_permitted: bool,
}

/// Id of the line for the default gateway.
pub const GATEWAY_ID: &str = "gateway";

/// Ids of all built-in lines, whether they are there at the moment or not.
pub(super) const BUILT_IN_IDS: [&str; 4] = [
    "this-computer",
    GATEWAY_ID,
    "resolver-cloudflare",
    "resolver-google",
];

/// Both resolvers answer TCP here, home routers mostly do, and a closed port is an answer too.
const TCP_PORT: u16 = 53;

/// Cloudflare's resolver over IPv6.
const CLOUDFLARE_V6: Ipv6Addr = Ipv6Addr::new(0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1111);
/// Google's resolver over IPv6.
const GOOGLE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8888);

/// The lines as drafts, so that what the page changed about them can be read over them.
pub(super) fn drafts(built_in: &BuiltIn, defaults: Defaults) -> Vec<Draft> {
    let gateways = built_in.gateways;
    let is_v6 = gateways.has_v6_route && !gateways.has_v4_route;
    let choose =
        |v4: Ipv4Addr, v6: Ipv6Addr| Address::from(if is_v6 { IpAddr::V6(v6) } else { IpAddr::V4(v4) });
    let gateway = if is_v6 { gateways.v6 } else { gateways.v4 };
    let [this, router, cloudflare, google] = BUILT_IN_IDS;
    let mut lines = vec![(
        this,
        "This computer".to_owned(),
        choose(Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST),
        "LAN",
    )];
    lines.extend(gateway.map(|address| (router, "Gateway".to_owned(), address, "LAN")));
    for (id, address) in [
        (cloudflare, choose(Ipv4Addr::new(1, 1, 1, 1), CLOUDFLARE_V6)),
        (google, choose(Ipv4Addr::new(8, 8, 8, 8), GOOGLE_V6)),
    ] {
        lines.push((id, format!("Resolver {}", address.ip), address, "ANY"));
    }
    lines
        .into_iter()
        .map(|(id, name, address, country)| draft(built_in, defaults, id, name, address, country))
        .collect()
}

fn draft(
    built_in: &BuiltIn,
    defaults: Defaults,
    id: &str,
    name: String,
    address: Address,
    country: &str,
) -> Draft {
    let place = Place {
        path: "built in".to_owned(),
        at: None,
    };
    let is_permitted = if address.ip.is_ipv4() {
        built_in.is_icmp_v4_permitted
    } else {
        built_in.is_icmp_v6_permitted
    };
    let method = if is_permitted {
        Method::IcmpEcho
    } else {
        Method::TcpConnect { port: TCP_PORT }
    };
    // The interface is known by its index here; the system takes that for a name.
    let zone = (address.scope != 0).then(|| address.scope.to_string());
    let mut draft = Draft::new(defaults, place.clone());
    draft.take_address(&TargetSpec {
        name: None,
        host: Host::Literal { ip: address.ip, zone },
        method: Some(method),
    });
    draft.id = id.to_owned();
    draft.name = name;
    draft.country = country.to_owned();
    draft.is_built_in = true;
    for key in ["id", "name", "address", "probe", "country"] {
        draft.spots.insert(
            key.to_owned(),
            Spot {
                place: place.clone(),
                origin: Origin::BuiltIn,
            },
        );
    }
    draft
}
