//! Judges the way out: the neighbour table, routes and gateways, and, if asked, the targets themselves.

use std::collections::BTreeSet;
use std::net::IpAddr;

use linewatch_core::record::{Cause, Outcome};
use linewatch_probe::examine::kernel::Neighbours;
use linewatch_probe::route::Gateways;
use linewatch_render::doctor::{Finding, Verdict};

use super::probes::{Answers, Heard};
use super::situation::Askable;

/// The kernel's limits where it does not show them (Documentation/networking/ip-sysctl.rst).
const DEFAULT_LIMITS: Neighbours = Neighbours {
    gc_thresh1: 128,
    gc_thresh2: 512,
    gc_thresh3: 1024,
};
/// Silent targets that are named; the rest is counted.
const NAMED: usize = 5;

/// The networks this computer is on, where every address is a neighbour of its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Links {
    networks: Vec<(IpAddr, IpAddr)>,
    /// Some interface beside loopback is up.
    has_interface: bool,
}

impl Links {
    /// Those of this computer, as its interfaces have addresses.
    #[cfg(unix)]
    pub(super) fn of_this_computer() -> Self {
        use nix::net::if_::InterfaceFlags;
        let mut links = Self::default();
        // A system that does not tell has none: then nothing is judged by them.
        for interface in nix::ifaddrs::getifaddrs().into_iter().flatten() {
            let flags = interface.flags;
            if !flags.contains(InterfaceFlags::IFF_UP) || flags.contains(InterfaceFlags::IFF_LOOPBACK) {
                continue;
            }
            links.has_interface = true;
            let ip = |address: Option<nix::sys::socket::SockaddrStorage>| {
                let address = address?;
                let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
                v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
            };
            // A point-to-point line resolves no neighbours.
            let has_neighbours =
                !flags.intersects(InterfaceFlags::IFF_NOARP | InterfaceFlags::IFF_POINTOPOINT);
            if let (true, Some(address), Some(mask)) =
                (has_neighbours, ip(interface.address), ip(interface.netmask))
            {
                links.networks.push((address, mask));
            }
        }
        links
    }

    /// Not asked on Windows: no neighbours are counted, and that there is an interface is taken for granted.
    #[cfg(windows)]
    pub(super) fn of_this_computer() -> Self {
        Self {
            networks: Vec::new(),
            has_interface: true,
        }
    }

    fn contain(&self, ip: IpAddr) -> bool {
        self.networks
            .iter()
            .any(|(address, mask)| match (ip, *address, *mask) {
                (IpAddr::V4(ip), IpAddr::V4(address), IpAddr::V4(mask)) => ip & mask == address & mask,
                (IpAddr::V6(ip), IpAddr::V6(address), IpAddr::V6(mask)) => ip & mask == address & mask,
                _ => false,
            })
    }
}

/// What the configuration wants to reach.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// Targets that are written as addresses.
    pub(super) literals: Vec<IpAddr>,
    /// Some target is a name.
    pub(super) has_names: bool,
}

/// Is there room for every neighbour we probe? `limits` of IPv4 and IPv6, where the kernel shows them.
pub(super) fn neighbours(
    links: &Links,
    wanted: &Wanted,
    routes: Gateways,
    limits: [Option<Neighbours>; 2],
) -> Finding {
    let gateways = [routes.v4, routes.v6]
        .into_iter()
        .flatten()
        .map(|address| address.ip);
    let near: BTreeSet<IpAddr> = wanted
        .literals
        .iter()
        .copied()
        .chain(gateways)
        .filter(|ip| links.contain(*ip))
        .collect();
    let needed_v6 = near.iter().filter(|ip| ip.is_ipv6()).count() as u64;
    let needed = [near.len() as u64 - needed_v6, needed_v6];
    let findings = [0, 1].map(|index| table_of(index == 1, needed[index], limits[index]));
    let [v4, v6] = findings;
    if v6.verdict > v4.verdict { v6 } else { v4 }
}

fn table_of(is_v6: bool, needed: u64, shown: Option<Neighbours>) -> Finding {
    let say = |verdict, sentence: String| Finding::new("neighbours", verdict, sentence);
    let (family, path) = if is_v6 { ("IPv6", "ipv6") } else { ("IPv4", "ipv4") };
    let limits = shown.unwrap_or(DEFAULT_LIMITS);
    let hidden = if shown.is_some() {
        ""
    } else {
        " (the kernel's default; the real limit is not shown in this network namespace)"
    };
    if needed == 0 {
        return say(
            Verdict::Ok,
            format!("no {family} target is on this computer's own networks"),
        );
    }
    let addresses = if needed == 1 {
        "address is"
    } else {
        "addresses are"
    };
    let most = limits.gc_thresh3;
    let begin = format!(
        "{needed} {family} {addresses} on this computer's own networks, and its neighbour table holds {most}{hidden}"
    );
    let (verdict, end) = if needed > limits.gc_thresh3 {
        (
            Verdict::Fault,
            ": probes of the rest are unsent (gc_thresh3 is too low)",
        )
    } else if needed > limits.gc_thresh2 {
        (
            Verdict::Warning,
            ": above gc_thresh2 neighbours are forgotten and asked for again",
        )
    } else {
        return say(Verdict::Ok, begin);
    };
    // Twice as many as needed: other programs have neighbours too.
    let enough = (needed * 2).next_power_of_two().max(DEFAULT_LIMITS.gc_thresh3);
    let key = format!("net.{path}.neigh.default.gc_thresh");
    say(verdict, format!("{begin}{end}"))
        .cure(format!("sudo sysctl -w {key}3={enough} {key}2={}", enough / 2))
}

/// Is there a way out, and is its first step there?
pub(super) fn route(links: &Links, wanted: &Wanted, routes: Gateways, heard: &Answers) -> Finding {
    let say = |verdict, sentence: String| Finding::new("route", verdict, sentence);
    let is_far = |ip: &&IpAddr| !links.contain(**ip) && !ip.is_loopback();
    let far = || wanted.literals.iter().filter(is_far);
    let far_v6 = far().filter(|ip| ip.is_ipv6()).count();
    let far_v4 = far().count() - far_v6;
    if !routes.has_v4_route && !routes.has_v6_route {
        // A name may be anywhere; without any target somebody will want one.
        if far_v4 + far_v6 == 0 && !wanted.has_names && !wanted.literals.is_empty() {
            let sentence = "there is no default route, and no target needs one";
            return say(Verdict::Note, sentence.to_owned());
        }
        if !links.has_interface {
            let sentence =
                "no network interface beside loopback is up: nothing but this computer can be reached";
            return say(Verdict::Fault, sentence.to_owned()).cure("ip link");
        }
        let sentence = "there is no default route: nothing beyond this computer's own networks can be reached until \
                        DHCP or `ip route add default via GATEWAY` gives one";
        return say(Verdict::Fault, sentence.to_owned()).cure("ip route show table all");
    }
    let v4 = (routes.has_v4_route, routes.v4, heard.gateway_v4, "IPv4", far_v4);
    let v6 = (routes.has_v6_route, routes.v6, heard.gateway_v6, "IPv6", far_v6);
    let [v4, v6] = [v4, v6].map(|(has_route, gateway, heard, family, far)| {
        if has_route {
            first_step(family, gateway.map(|address| address.ip), heard)
        } else if far > 0 {
            let targets = if far == 1 { "target needs" } else { "targets need" };
            let sentence = format!("no {family} default route, and {far} {targets} one");
            (
                Verdict::Warning,
                sentence,
                Some("ip -6 route; ip -4 route".to_owned()),
            )
        } else {
            (Verdict::Ok, format!("no {family} default route"), None)
        }
    });
    let worst = if v6.0 > v4.0 { v6.2.or(v4.2) } else { v4.2.or(v6.2) };
    let finding = say(v4.0.max(v6.0), format!("{}; {}", v4.1, v6.1));
    match worst {
        Some(command) => finding.cure(command),
        None => finding,
    }
}

/// A gateway that does not answer pings may forward them all the same; one that is not on the line cannot.
fn first_step(
    family: &str,
    gateway: Option<IpAddr>,
    heard: Option<Heard>,
) -> (Verdict, String, Option<String>) {
    let Some(gateway) = gateway else {
        return (Verdict::Ok, format!("{family} by a line without a gateway"), None);
    };
    let by = format!("{family} by {gateway}");
    let Some(heard) = heard else {
        return (
            Verdict::Ok,
            format!("{by} (not asked: ICMP is not permitted)"),
            None,
        );
    };
    match (heard.outcome, heard.rtt) {
        (Outcome::Reply | Outcome::Refused, Some(rtt)) => {
            (Verdict::Ok, format!("{by}, which answers in {rtt}"), None)
        }
        // Only the neighbour's silence has an errno; a router's word has a type and code.
        (Outcome::Unreachable, _) if matches!(heard.cause, Cause::Errno(_)) => (
            Verdict::Fault,
            format!("{by}, which is not on the line: it does not even tell its hardware address"),
            Some(format!("ip neighbour show {gateway}")),
        ),
        (Outcome::Unsent, _) => {
            let cause = heard.cause.name().unwrap_or_default();
            (
                Verdict::Fault,
                format!("{by}, to which nothing can be sent ({cause})"),
                Some(format!("ip route get {gateway}")),
            )
        }
        _ => (
            Verdict::Note,
            format!("{by}, which answers no pings (some routers never do)"),
            None,
        ),
    }
}

/// Do the targets answer? Only for `--targets`.
pub(super) fn targets(asked: &[Askable], heard: &[Option<Heard>]) -> Finding {
    let say = |verdict, sentence: String| Finding::new("targets", verdict, sentence);
    let answers = |heard: &Option<Heard>| heard.is_some_and(|heard| heard.outcome.is_answer());
    let silent: Vec<&str> = asked
        .iter()
        .zip(heard)
        .filter(|(_, heard)| !answers(heard))
        .map(|(target, _)| target.name.as_str())
        .collect();
    let there = asked.len() - silent.len();
    let begin = format!(
        "{there} of {} targets with a permitted method and a written address answer",
        asked.len()
    );
    if silent.is_empty() {
        return say(Verdict::Ok, begin);
    }
    let more = match silent.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named = silent.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    say(Verdict::Warning, format!("{begin}; not {named}{more}")).cure("linewatch serve")
}

#[cfg(test)]
mod tests {
    use linewatch_core::record::Class;
    use linewatch_core::time::Rtt;

    use super::*;

    fn links() -> Links {
        let pair = |address: &str, mask: &str| {
            let parse = |text: &str| text.parse::<IpAddr>().expect("literal");
            (parse(address), parse(mask))
        };
        Links {
            networks: vec![
                pair("192.0.2.17", "255.255.255.0"),
                pair("2001:db8::1", "ffff:ffff:ffff:ffff::"),
            ],
            has_interface: true,
        }
    }

    fn wanted(texts: &[&str]) -> Wanted {
        let literals = texts.iter().map(|text| text.parse().expect("literal"));
        Wanted {
            literals: literals.collect(),
            has_names: false,
        }
    }

    fn nothing_heard() -> Answers {
        Answers {
            loopback_v4: None,
            loopback_v6: None,
            gateway_v4: None,
            gateway_v6: None,
            servers: Vec::new(),
            targets: Vec::new(),
        }
    }

    fn gateway(ip: &str) -> Gateways {
        Gateways {
            v4: Some(ip.parse::<IpAddr>().expect("literal").into()),
            has_v4_route: true,
            ..Gateways::default()
        }
    }

    #[test]
    fn only_addresses_of_our_own_networks_are_neighbours() {
        let links = links();
        for (ip, expected) in [
            ("192.0.2.99", true),
            ("192.0.3.99", false),
            ("2001:db8::99", true),
            ("2001:db8:1::99", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(links.contain(ip.parse().expect("literal")), expected, "{ip}");
        }
    }

    #[track_caller]
    fn check_neighbours(targets: u8, gc_thresh3: u64, expected: Verdict) -> Finding {
        let literals = (1..=targets).map(|last| IpAddr::from([192, 0, 2, last]));
        let wanted = Wanted {
            literals: literals.collect(),
            has_names: false,
        };
        let limits = Neighbours {
            gc_thresh1: 1,
            gc_thresh2: gc_thresh3 / 2,
            gc_thresh3,
        };
        let finding = neighbours(&links(), &wanted, Gateways::default(), [Some(limits), None]);
        assert_eq!(finding.verdict, expected, "{}", finding.sentence);
        finding
    }

    #[test]
    fn a_full_neighbour_table_is_a_fault_and_a_crowded_one_a_warning() {
        check_neighbours(4, 8, Verdict::Ok);
        check_neighbours(5, 8, Verdict::Warning);
        check_neighbours(8, 8, Verdict::Warning);
        let finding = check_neighbours(9, 8, Verdict::Fault);
        assert_eq!(
            finding.command.as_deref(),
            Some(
                "sudo sysctl -w net.ipv4.neigh.default.gc_thresh3=1024 net.ipv4.neigh.default.gc_thresh2=512"
            )
        );
    }

    #[test]
    fn one_address_of_many_targets_is_one_neighbour() {
        let wanted = wanted(&["192.0.2.1"; 20]);
        let limits = Some(Neighbours {
            gc_thresh1: 1,
            gc_thresh2: 4,
            gc_thresh3: 8,
        });
        let finding = neighbours(&links(), &wanted, gateway("192.0.2.1"), [limits, limits]);
        assert!(
            finding.sentence.starts_with("1 IPv4 address is"),
            "{}",
            finding.sentence
        );
    }

    #[test]
    fn no_default_route_is_a_fault_unless_every_target_is_near() {
        let none = Gateways::default();
        let far = route(&links(), &wanted(&["198.51.100.1"]), none, &nothing_heard());
        assert_eq!(far.verdict, Verdict::Fault);
        assert!(
            far.sentence.starts_with("there is no default route"),
            "{}",
            far.sentence
        );
        let near = route(&links(), &wanted(&["192.0.2.1", "::1"]), none, &nothing_heard());
        assert_eq!(near.verdict, Verdict::Note);
        let unknown = route(&links(), &Wanted::default(), none, &nothing_heard());
        assert_eq!(unknown.verdict, Verdict::Fault, "somebody will want one");
    }

    #[test]
    fn a_name_may_be_anywhere() {
        let named = Wanted {
            has_names: true,
            ..wanted(&["192.0.2.1"])
        };
        let finding = route(&links(), &named, Gateways::default(), &nothing_heard());
        assert_eq!(finding.verdict, Verdict::Fault);
    }

    #[test]
    fn a_gateway_may_ignore_pings_but_must_be_on_the_line() {
        let heard = |outcome, cause| Answers {
            gateway_v4: Some(Heard {
                outcome,
                rtt: (outcome == Outcome::Reply).then_some(Rtt::from_nanos(300_000)),
                class: Class::K,
                cause,
            }),
            ..nothing_heard()
        };
        for (outcome, cause, expected) in [
            (Outcome::Reply, Cause::None, Verdict::Ok),
            (Outcome::Lost, Cause::None, Verdict::Note),
            (
                Outcome::Unreachable,
                Cause::Errno(linewatch_core::errno::EHOSTUNREACH),
                Verdict::Fault,
            ),
        ] {
            let finding = route(
                &links(),
                &Wanted::default(),
                gateway("192.0.2.1"),
                &heard(outcome, cause),
            );
            assert_eq!(finding.verdict, expected, "{}", finding.sentence);
            assert!(finding.sentence.contains("192.0.2.1"));
        }
    }

    #[test]
    fn targets_of_a_family_without_a_route_are_counted() {
        let wanted = wanted(&["2001:db8:ffff::1", "192.0.2.1"]);
        let finding = route(&links(), &wanted, gateway("192.0.2.1"), &nothing_heard());
        assert_eq!(finding.verdict, Verdict::Warning);
        assert!(
            finding.sentence.contains("1 target needs one"),
            "{}",
            finding.sentence
        );
    }
}
