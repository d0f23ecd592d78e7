//! Judges whether ICMP is permitted, how well it measures, and whether there is IPv6 at all.

use linewatch_core::record::{Cause, Class, Outcome};
use linewatch_probe::examine::kernel::Permission;
use linewatch_probe::sys::{IcmpReport, WireReport};
use linewatch_render::doctor::{Finding, Verdict};

use super::probes::Heard;

/// The name of the first check.
pub(super) const PERMISSION: &str = "permission";
/// EPERM: a rule of a firewall on this computer refused the packet.
const EPERM: i32 = 1;

/// May we send ICMP at all?
pub(super) fn permission(report: &WireReport, found: &Permission, program: &str) -> Finding {
    let say = |verdict, sentence: String| Finding::new(PERMISSION, verdict, sentence);
    match report.icmp_v4.as_ref().or(report.icmp_v6.as_ref()) {
        Ok(icmp) if icmp.is_raw => say(
            Verdict::Ok,
            "raw ICMP sockets are permitted (CAP_NET_RAW)".to_owned(),
        ),
        Ok(_) => say(
            Verdict::Ok,
            format!(
                "ping sockets are permitted ({}): they measure as well as raw ones",
                range_text(found)
            ),
        ),
        Err(sentence) if found.has_net_raw || found.is_in_ping_groups => {
            // Permitted by all rules we know, and refused all the same: the system's own words.
            let first = sentence.lines().next().unwrap_or_default();
            say(Verdict::Fault, first.to_owned()).cure("linewatch watch 127.0.0.1 --count 1")
        }
        Err(_) => {
            let sentence = format!(
                "ICMP is not permitted: this process lacks CAP_NET_RAW, and {} lets none of its groups open ping \
                 sockets; targets without a port are measured by TCP instead",
                range_text(found)
            );
            let command = if found.can_gain_net_raw {
                format!("sudo setcap cap_net_raw,cap_sys_nice+p {program}")
            } else {
                // A capability on the file cannot be taken up here.
                "sudo sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"".to_owned()
            };
            say(Verdict::Fault, sentence).cure(command)
        }
    }
}

fn range_text(found: &Permission) -> String {
    match found.ping_groups {
        Some((first, last)) => format!("net.ipv4.ping_group_range = \"{first} {last}\""),
        None => "the kernel".to_owned(),
    }
}

/// How well ICMP of one family measures, shown on loopback.
pub(super) fn method(
    name: &'static str,
    icmp: Result<&IcmpReport, &String>,
    heard: Option<Heard>,
    ignores_echo: bool,
) -> Finding {
    let address = if name == "icmp6" { "::1" } else { "127.0.0.1" };
    let say = |verdict, sentence: String| Finding::new(name, verdict, sentence);
    let (Ok(icmp), Some(heard)) = (icmp, heard) else {
        return say(Verdict::Note, "not measured: ICMP is not permitted".to_owned());
    };
    let socket = if icmp.is_raw { "raw socket" } else { "ping socket" };
    match (heard.outcome, heard.rtt) {
        (outcome, Some(rtt)) if outcome.is_answer() => {
            let (verdict, stamps) = match heard.class {
                Class::K => (Verdict::Ok, "kernel time stamps both ways (class K)"),
                Class::H => (
                    Verdict::Warning,
                    "a kernel stamp on receipt only (class H): this computer's sending delay is in every round trip",
                ),
                Class::U => (
                    Verdict::Warning,
                    "no kernel stamps (class U): this computer's own delays are in every round trip",
                ),
            };
            let finding = say(
                verdict,
                format!("{address} answers in {rtt} by {socket}, with {stamps}"),
            );
            if verdict == Verdict::Ok {
                finding
            } else {
                finding.cure("ethtool -T lo")
            }
        }
        _ if ignores_echo => say(
            Verdict::Note,
            format!(
                "{address} answers no echo request because this kernel was told so; others can be measured"
            ),
        ),
        (Outcome::Unsent, _) if heard.cause == Cause::Errno(EPERM) => say(
            Verdict::Fault,
            format!(
                "a firewall on this computer refuses our own packets to {address} (EPERM): probes are unsent"
            ),
        )
        .cure("sudo nft list ruleset"),
        (Outcome::Unsent, _) => {
            let cause = heard.cause.name().unwrap_or_default();
            say(Verdict::Fault, format!("cannot send to {address}: {cause}")).cure("sudo ip link set lo up")
        }
        _ => say(
            Verdict::Fault,
            format!("{address} does not answer: something on this computer drops ICMP on its way in"),
        )
        .cure("sudo nft list ruleset"),
    }
}

/// Is there IPv6?
pub(super) fn ipv6(has_ipv6: bool, is_disabled: bool, v6_targets: usize) -> Finding {
    if has_ipv6 {
        return Finding::new("ipv6", Verdict::Ok, "this computer has IPv6");
    }
    let why = if is_disabled {
        "IPv6 is switched off on this computer (net.ipv6.conf.all.disable_ipv6 = 1)"
    } else {
        "this computer has no IPv6"
    };
    let finding = match v6_targets {
        0 => return Finding::new("ipv6", Verdict::Note, format!("{why}; no target needs it")),
        1 => Finding::new("ipv6", Verdict::Fault, format!("{why}, and 1 target needs it")),
        _ => Finding::new(
            "ipv6",
            Verdict::Fault,
            format!("{why}, and {v6_targets} targets need it"),
        ),
    };
    finding.cure("sudo sysctl -w net.ipv6.conf.all.disable_ipv6=0")
}

#[cfg(test)]
mod tests {
    use linewatch_core::time::Rtt;

    use super::*;

    const RAW: IcmpReport = IcmpReport {
        is_raw: true,
        class: Class::K,
        has_explicit_keys: true,
        receive_buffer_bytes: 1,
    };

    fn refused() -> WireReport {
        let refused = Err("cannot open a raw ICMP socket: operation not permitted\n  help: x".to_owned());
        WireReport {
            icmp_v4: refused.clone(),
            icmp_v6: refused,
        }
    }

    #[test]
    fn a_capability_that_cannot_be_gained_is_not_the_cure() {
        let mut found = Permission {
            ping_groups: Some((1, 0)),
            can_gain_net_raw: true,
            ..Permission::default()
        };
        let finding = permission(&refused(), &found, "/usr/bin/linewatch");
        assert_eq!(finding.verdict, Verdict::Fault);
        assert_eq!(
            finding.command.as_deref(),
            Some("sudo setcap cap_net_raw,cap_sys_nice+p /usr/bin/linewatch")
        );
        found.can_gain_net_raw = false;
        let command = permission(&refused(), &found, "x").command.expect("a cure");
        assert_eq!(
            command,
            "sudo sysctl -w net.ipv4.ping_group_range=\"0 2147483647\""
        );
    }

    #[test]
    fn the_class_decides_how_good_a_method_is() {
        for (class, verdict) in [
            (Class::K, Verdict::Ok),
            (Class::H, Verdict::Warning),
            (Class::U, Verdict::Warning),
        ] {
            let heard = Heard {
                outcome: Outcome::Reply,
                rtt: Some(Rtt::from_nanos(42_000)),
                class,
                cause: Cause::None,
            };
            let finding = method("icmp4", Ok(&RAW), Some(heard), false);
            assert_eq!(finding.verdict, verdict);
            assert!(
                finding.sentence.starts_with("127.0.0.1 answers in 0.042 ms"),
                "{}",
                finding.sentence
            );
        }
    }

    #[test]
    fn a_firewall_that_refuses_our_packets_is_not_silence() {
        let unsent = Heard {
            outcome: Outcome::Unsent,
            rtt: None,
            class: Class::K,
            cause: Cause::Errno(EPERM),
        };
        let finding = method("icmp6", Ok(&RAW), Some(unsent), false);
        assert!(finding.sentence.contains("firewall") && finding.sentence.contains("::1"));
        let silent = Heard {
            outcome: Outcome::Lost,
            cause: Cause::None,
            ..unsent
        };
        assert_eq!(
            method("icmp4", Ok(&RAW), Some(silent), false).verdict,
            Verdict::Fault
        );
        assert_eq!(
            method("icmp4", Ok(&RAW), Some(silent), true).verdict,
            Verdict::Note
        );
    }

    #[test]
    fn missing_ipv6_matters_only_where_a_target_needs_it() {
        assert_eq!(ipv6(true, false, 3).verdict, Verdict::Ok);
        assert_eq!(ipv6(false, true, 0).verdict, Verdict::Note);
        let needed = ipv6(false, true, 1);
        assert!(needed.verdict == Verdict::Fault && needed.sentence.ends_with("1 target needs it"));
    }
}
