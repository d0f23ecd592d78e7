//! Checks what no single value shows: whether a target is whole, and whether all of them together are too much.
//!
//! What the engine would refuse is refused here, where it has a line and a column.

use std::collections::BTreeMap;
use std::sync::Arc;

use linewatch_core::caps::{CapEntry, Costs, Ledger, Refusal};
use linewatch_core::limits;
use linewatch_core::target::{Family, Host, Method, Origin, ProbePlan, Source, Target, TargetId, UdpPayload};

use super::error::{Mistake, Place, Report};
use super::settings::{Payload, TargetSettings};
use super::targets::{Draft, Probe};
use super::units::duration_text;

/// The target a draft stands for; `None` when a mistake was reported now or before.
pub(super) fn finish(draft: Draft, report: &mut Report) -> Option<Finished> {
    let subject = draft.subject();
    let mut wrong = |key: &str, text: String, help: &str| {
        report.error(
            draft.place_of(key),
            key,
            Mistake::new(format!("{subject}{text}"), help),
        );
    };
    let Some(host) = draft.host.clone() else {
        if !draft.is_faulty {
            wrong(
                "address",
                "address is missing".to_owned(),
                "add address = \"HOST\"",
            );
        }
        return None;
    };
    let method = match (draft.probe, draft.port) {
        (Probe::Icmp, None) => Method::IcmpEcho,
        (Probe::Icmp, Some(_)) if draft.spots.contains_key("probe") => Method::IcmpEcho,
        (Probe::Icmp, Some(_)) => {
            wrong(
                "port",
                "a port without a way to probe it".to_owned(),
                "add probe = \"tcp\", or remove the port",
            );
            return None;
        }
        (Probe::Tcp, Some(port)) => Method::TcpConnect { port },
        (Probe::Tcp, None) => {
            if !draft.is_faulty {
                wrong(
                    "probe",
                    "probe \"tcp\" needs a port".to_owned(),
                    "add port = 443, or probe = \"icmp\" for a ping",
                );
            }
            return None;
        }
        (Probe::Udp, Some(port)) => Method::Udp {
            port,
            payload: match draft.payload {
                Payload::ByPort => UdpPayload::of_port(port),
                Payload::Echo => UdpPayload::Echo,
                Payload::Dns => UdpPayload::Dns,
            },
        },
        (Probe::Udp, None) => {
            if !draft.is_faulty {
                wrong(
                    "probe",
                    "probe \"udp\" needs a port".to_owned(),
                    "add port = 53 for a name server, or port = 7 for an echo service",
                );
            }
            return None;
        }
    };
    if let (Host::Literal { ip, .. }, Family::V4 | Family::V6) = (&host, draft.family)
        && ip.is_ipv4() != (draft.family == Family::V4)
    {
        let text = format!("family does not fit the address {ip}");
        wrong("family", text, "remove `family`: an address has its own");
    }
    if let Some(text) = source_mismatch(&draft, &host) {
        let help = "write a source of the same family, or the name of an interface";
        wrong("source", text, help);
    }
    let plan = draft.settings.plan;
    if in_flight(&plan) > limits::IN_FLIGHT_PER_TARGET as u64 {
        let (timeout, interval) = (duration_text(plan.timeout), duration_text(plan.interval));
        let text = format!(
            "timeout {timeout} at an interval of {interval} keeps {} probes in flight",
            in_flight(&plan)
        );
        let help = format!(
            "lower `timeout`, or probe less often (limit: {} probes in flight per target)",
            limits::IN_FLIGHT_PER_TARGET
        );
        wrong("timeout", text, &help);
    }
    let (address_at, interval_at) = (draft.place_of("address"), draft.place_of("interval"));
    (!draft.is_faulty).then(|| Finished {
        settings: settings(draft, host, method),
        address_at,
        interval_at,
    })
}

/// Packets of one family cannot leave from an address of the other.
fn source_mismatch(draft: &Draft, host: &Host) -> Option<String> {
    let Source::Address(source) = draft.source else {
        return None;
    };
    let (to, is_v4) = match (host, draft.family) {
        (Host::Literal { ip, .. }, _) => (format!("the address {ip}"), ip.is_ipv4()),
        (Host::Name(_), Family::V4) => ("family \"4\"".to_owned(), true),
        (Host::Name(_), Family::V6) => ("family \"6\"".to_owned(), false),
        (Host::Name(_), Family::Auto) => return None,
    };
    (source.is_ipv4() != is_v4).then(|| format!("source {source} does not fit {to}"))
}

fn in_flight(plan: &ProbePlan) -> u64 {
    let interval = plan.interval.as_nanos().max(1);
    u64::try_from(plan.timeout.as_nanos().div_ceil(interval)).unwrap_or(u64::MAX)
}

fn settings(draft: Draft, host: Host, method: Method) -> TargetSettings {
    // The operator's permission is for the address beside it: one typed on the page is somebody else's (REQUIREMENTS X9).
    let is_address_of_page = draft
        .spots
        .get("address")
        .is_some_and(|spot| spot.origin == Origin::Web);
    let allow_high_rate = draft.allow_high_rate && !is_address_of_page;
    let origins = draft
        .spots
        .into_iter()
        .map(|(key, spot)| (key, spot.origin))
        .collect();
    TargetSettings {
        target: Target {
            id: TargetId(0),
            slug: draft.id,
            name: draft.name,
            host,
            family: draft.family,
            method,
            plan: draft.settings.plan,
            thresholds: draft.settings.thresholds,
            behind: (!draft.behind.is_empty()).then_some(draft.behind),
            country: draft.country,
            partner: draft.partner,
            group: draft.group,
            labels: draft.labels,
            is_enabled: draft.is_enabled,
            allow_high_rate,
        },
        source: draft.source,
        dscp: draft.dscp,
        origins,
        is_built_in: draft.is_built_in,
        is_command_line: draft.is_command_line,
    }
}

/// Two targets with one id or one name, and chains of `behind` that lead nowhere or round.
pub(super) fn cross(drafts: &[Draft], report: &mut Report) {
    let mut ids: BTreeMap<&str, &Draft> = BTreeMap::new();
    let mut names: BTreeMap<&str, &Draft> = BTreeMap::new();
    for draft in drafts {
        let same_id = ids.insert(&draft.id, draft);
        if let Some(first) = same_id {
            same_identity(report, draft, first);
        }
        // A name made from the address may be there twice: two plans for one host are no mistake.
        if !draft.spots.contains_key("name") {
            continue;
        }
        match names.insert(&draft.name, draft) {
            Some(first) if same_id.is_none() => {
                twice(report, draft, "name", &draft.name, first.place_of("name"))
            }
            _ => {}
        }
    }
    for draft in drafts.iter().filter(|draft| !draft.behind.is_empty()) {
        let mistake = match chain(draft, &ids) {
            Chain::Ends => continue,
            Chain::Unknown => Mistake::new(
                format!("{}behind names no target: \"{}\"", draft.subject(), draft.behind),
                "write the id of the target it is reached through",
            ),
            Chain::Round => Mistake::new(
                format!(
                    "{}behind \"{}\" leads back to itself",
                    draft.subject(),
                    draft.behind
                ),
                "remove `behind` from one of them",
            ),
        };
        report.error(draft.place_of("behind"), "behind", mistake);
    }
}

/// An id that was made is told by the name it was made of.
fn same_identity(report: &mut Report, draft: &Draft, first: &Draft) {
    let is_made = |draft: &Draft| !draft.spots.contains_key("id");
    let place = |draft: &Draft| draft.place_of(if is_made(draft) { "name" } else { "id" });
    if !is_made(draft) && !is_made(first) {
        twice(report, draft, "id", &draft.id, first.place_of("id"));
        return;
    }
    let message = format!(
        "two targets have the id \"{}\": without `id` it is made of the name, here \"{}\" and \"{}\"",
        draft.id, first.name, draft.name
    );
    let help = format!("the other is at {}: give each an `id` of its own", place(first));
    report.error(place(draft), "id", Mistake::new(message, help));
}

fn twice(report: &mut Report, draft: &Draft, key: &str, value: &str, first: Place) {
    let mistake = Mistake::new(
        format!("two targets have the {key} \"{value}\""),
        format!("the other is at {first}: change the {key} of one"),
    );
    report.error(draft.place_of(key), key, mistake);
}

enum Chain {
    Ends,
    Unknown,
    Round,
}

fn chain(draft: &Draft, ids: &BTreeMap<&str, &Draft>) -> Chain {
    let mut at = draft;
    // A chain longer than all targets has met one of them twice.
    for step in 0..=ids.len() {
        if at.behind.is_empty() {
            return Chain::Ends;
        }
        match ids.get(at.behind.as_str()) {
            Some(next) => at = next,
            None if step == 0 => return Chain::Unknown,
            // The broken link is reported where it stands.
            None => return Chain::Ends,
        }
    }
    Chain::Round
}

/// A target that is right by itself, and where its values stand.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) settings: TargetSettings,
    address_at: Place,
    interval_at: Place,
}

/// What the engine would refuse (`linewatch_core::caps`), said where it is written. Names are judged by the engine once
/// they have an address.
pub(super) fn caps(targets: &[Finished], report: &mut Report) {
    // What a probe costs is known to the running program alone; the other sums are told by `sums`.
    let mut ledger = Ledger::new(Costs {
        packet_ns: 0,
        handshake_ns: 0,
    });
    for (index, finished) in targets.iter().enumerate() {
        let target = &finished.settings.target;
        let Some(entry) = CapEntry::of_literal(TargetId(index as u32), target) else {
            continue;
        };
        let Err(refusal) = ledger.admit(entry) else {
            continue;
        };
        let (key, place) = match refusal {
            Refusal::Unspecified(_) | Refusal::Broadcast(_) | Refusal::Multicast(_) => {
                ("address", &finished.address_at)
            }
            Refusal::TargetRate { .. } | Refusal::PrefixRate { .. } => ("interval", &finished.interval_at),
            Refusal::Bandwidth { .. } => ("interval", &finished.interval_at),
            Refusal::TotalRate { .. }
            | Refusal::Load { .. }
            | Refusal::InFlight { .. }
            | Refusal::TooMany => continue,
        };
        let sentence = refusal.to_string();
        let (message, help) = sentence
            .split_once("; ")
            .unwrap_or((&sentence, "write the address of one host"));
        let message = format!("target \"{}\": {message}", target.slug);
        report.error(place.clone(), key, Mistake::new(message, help));
    }
}

/// More targets or probes than one process does.
pub(super) fn sums(targets: &[Arc<TargetSettings>], place: Place, report: &mut Report) {
    if targets.len() > limits::TARGETS {
        let text = format!(
            "{} targets are more than the limit of {}",
            targets.len(),
            limits::TARGETS
        );
        report.error(
            place.clone(),
            "targets",
            Mistake::new(text, "split them over several monitors"),
        );
    }
    let asked = asked_per_s(targets);
    if asked > limits::PROBES_PER_S as f64 {
        let text = format!(
            "{} targets ask for {} probes/s together, more than the limit of {}",
            targets.iter().filter(|target| target.target.is_enabled).count(),
            rate_text(asked),
            rate_text(limits::PROBES_PER_S as f64)
        );
        let help = "raise `interval`, or split the targets over several monitors";
        report.error(place, "targets", Mistake::new(text, help));
    }
}

/// Probes per second of all enabled targets.
pub fn asked_per_s(targets: &[Arc<TargetSettings>]) -> f64 {
    let enabled = targets.iter().filter(|target| target.target.is_enabled);
    enabled.map(|target| target.target.plan.rate_per_s()).sum()
}

/// `100,000`, `0.5`: grouped, up to two decimals where it has any.
pub(super) fn rate_text(per_s: f64) -> String {
    if per_s.fract().abs() < 0.005 || per_s >= 1000.0 {
        return linewatch_render::format::count(Some(per_s.round() as i64));
    }
    format!("{per_s:.2}").trim_end_matches('0').to_owned()
}
