//! Reads targets: those of the file, what the page changed about them, those of the page and the command line.
//!
//! A target begins as a draft with the defaults; each layer is read over it; only the whole is checked, because
//! half of it may stand in one file and half in another. Identity: `id`, else the slug of the name.

use std::collections::{BTreeMap, BTreeSet};

use linewatch_core::limits;
use linewatch_core::spec::{TargetSpec, slug, unique_slug};
use linewatch_core::target::{Family, Host, Method, Origin, Source};

use super::convert;
use super::error::{Mistake, Place};
use super::reader::{Node, Reader, Spot, Spots};
use super::sections::{PLAN, plan, thresholds};
use super::settings::{Defaults, Payload};
use super::show::host_text;
use super::source::Layer;
use super::target_values::{address, country, identity, labels, name, probe, source};

/// Keys of a target beside those of `[defaults]`.
pub(super) const TARGET: &[&str] = &[
    "id",
    "name",
    "address",
    "probe",
    "port",
    "payload",
    "family",
    "source",
    "dscp",
    "behind",
    "country",
    "partner",
    "group",
    "labels",
    "enabled",
    "allow_high_rate",
];
/// In `web.toml` only: the page removed a target that stands elsewhere.
pub(super) const REMOVED: &str = "removed";
/// In `web.toml` only: what was changed about a target of the command line, which means nothing without it.
pub(super) const TYPED: &str = "typed";

/// The word of `probe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    Icmp,
    Tcp,
    Udp,
}

/// A target before it is checked.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) host: Option<Host>,
    pub(super) probe: Probe,
    pub(super) port: Option<u16>,
    pub(super) family: Family,
    pub(super) settings: Defaults,
    pub(super) payload: Payload,
    pub(super) source: Source,
    pub(super) dscp: u8,
    pub(super) behind: String,
    pub(super) country: String,
    pub(super) partner: String,
    pub(super) group: String,
    pub(super) labels: Vec<(String, String)>,
    pub(super) is_enabled: bool,
    pub(super) allow_high_rate: bool,
    pub(super) is_removed: bool,
    pub(super) is_built_in: bool,
    pub(super) is_command_line: bool,
    /// It is a change of such a target, and no target by itself.
    pub(super) is_about_typed: bool,
    /// Where its values stand.
    pub(super) spots: Spots,
    /// Where it begins.
    pub(super) place: Place,
    /// Its address is there, but wrong, which has been said.
    pub(super) is_faulty: bool,
}

impl Draft {
    /// A target of which nothing is known yet.
    pub(super) fn new(defaults: Defaults, place: Place) -> Self {
        Self {
            id: String::new(),
            name: String::new(),
            host: None,
            probe: Probe::Icmp,
            port: None,
            family: Family::Auto,
            settings: defaults,
            payload: Payload::ByPort,
            source: Source::Any,
            dscp: 0,
            behind: String::new(),
            country: String::new(),
            partner: String::new(),
            group: String::new(),
            labels: Vec::new(),
            is_enabled: true,
            allow_high_rate: false,
            is_removed: false,
            is_built_in: false,
            is_command_line: false,
            is_about_typed: false,
            spots: Spots::new(),
            place,
            is_faulty: false,
        }
    }

    /// The target as typed on the command line.
    pub(super) fn typed(spec: &TargetSpec, defaults: Defaults) -> Self {
        let place = Place {
            path: "command line".to_owned(),
            at: None,
        };
        let mut draft = Self::new(defaults, place.clone());
        draft.is_command_line = true;
        draft.name = spec.name.clone().unwrap_or_default();
        draft.take_address(spec);
        // A bare host leaves the best permitted way: only a written one is asked for.
        let method: &[&str] = if spec.method.is_some() {
            &["probe", "port"]
        } else {
            &[]
        };
        for key in ["id", "name", "address"].iter().chain(method) {
            draft.spots.insert(
                (*key).to_owned(),
                Spot {
                    place: place.clone(),
                    origin: Origin::CommandLine,
                },
            );
        }
        draft
    }

    /// Host, and the method where one was written with it.
    pub(super) fn take_address(&mut self, spec: &TargetSpec) {
        self.host = Some(spec.host.clone());
        if let Some(method) = spec.method {
            self.port = method.port();
            self.probe = match method {
                Method::IcmpEcho => Probe::Icmp,
                Method::TcpConnect { .. } => Probe::Tcp,
                Method::Udp { .. } => Probe::Udp,
            };
        }
    }

    /// The place of one of its values, else its own.
    pub(super) fn place_of(&self, key: &str) -> Place {
        self.spots
            .get(key)
            .map_or_else(|| self.place.clone(), |spot| spot.place.clone())
    }

    /// What messages begin with.
    pub(super) fn subject(&self) -> String {
        format!(
            "target \"{}\": ",
            if self.id.is_empty() { &self.name } else { &self.id }
        )
    }
}

/// Reads the targets of the operator's file.
pub(super) fn read_operator(reader: &mut Reader<'_>, top: Node<'_>, defaults: Defaults) -> Vec<Draft> {
    let mut drafts = Vec::new();
    reader.tables(top, "targets", |reader, node| {
        let mut draft = Draft::new(defaults, reader.source.place(node.offset));
        read_one(reader, node, &mut draft);
        drafts.push(draft);
    });
    drafts
}

/// Reads `web.toml` over the drafts of the file, of the command line and the built-in ones, and adds the page's own targets.
/// Gives back whether there are any of those.
pub(super) fn read_web(
    reader: &mut Reader<'_>,
    top: Node<'_>,
    defaults: Defaults,
    drafts: &mut Vec<Draft>,
    is_built_in_id: impl Fn(&str) -> bool,
) {
    let mut by_id: BTreeMap<String, usize> = drafts
        .iter()
        .enumerate()
        .map(|(at, it)| (it.id.clone(), at))
        .collect();
    reader.tables(top, "targets", |reader, node| {
        let mut id = String::new();
        reader.set(node, "id", &mut id, identity);
        let place = reader.source.place(node.offset);
        if id.is_empty() {
            if !reader.has(node, "id") {
                let mistake = Mistake::new(
                    "a target of web.toml has no id",
                    "add id = \"…\", or remove the target",
                );
                reader.mistake(place, "id", mistake);
            }
            return;
        }
        if let Some(draft) = by_id.get(&id).and_then(|at| drafts.get_mut(*at)) {
            read_one(reader, node, draft);
            return;
        }
        let mut draft = Draft::new(defaults, place.clone());
        draft.id.clone_from(&id);
        let is_own = reader.has(node, "address");
        read_one(reader, node, &mut draft);
        if draft.is_about_typed {
            // It waits until the target is typed again.
        } else if is_own {
            by_id.insert(id, drafts.len());
            drafts.push(draft);
        } else if !draft.is_removed && !is_built_in_id(&id) {
            let message =
                format!("target \"{id}\" is no longer in the file; what was changed on the page is not used");
            let help = "remove it from web.toml, or give it an address";
            reader.report.warning(place, "id", Mistake::new(message, help));
        }
    });
}

fn known(layer: Layer) -> Vec<&'static str> {
    let mut keys = [TARGET, PLAN].concat();
    if layer == Layer::Web {
        keys.extend([REMOVED, TYPED]);
    }
    keys
}

fn read_one(reader: &mut Reader<'_>, node: Node<'_>, draft: &mut Draft) {
    let node_name = node.path.trim_end_matches('.').to_owned();
    let outer = std::mem::take(&mut reader.spots);
    let node = node.alone();
    // Until it has a name it is known by its place in the list.
    reader.subject = format!("{node_name}: ");
    reader.set(node, "id", &mut draft.id, identity);
    reader.set(node, "name", &mut draft.name, name);
    if !(draft.id.is_empty() && draft.name.is_empty()) {
        reader.subject = draft.subject();
    }
    reader.known(node, &known(reader.layer()));
    method(reader, node, draft);
    plan(reader, node, &mut draft.settings.plan);
    thresholds(reader, node, &mut draft.settings.thresholds);
    rest(reader, node, draft);
    reader.subject.clear();
    let spots = std::mem::replace(&mut reader.spots, outer);
    draft.spots.extend(spots);
}

/// `address`, `probe` and `port`, which may say the same thing twice but not two things.
fn method(reader: &mut Reader<'_>, node: Node<'_>, draft: &mut Draft) {
    let has_address = reader.has(node, "address");
    let spec = reader.get(node, "address", address);
    draft.is_faulty |= has_address && spec.is_none();
    if let Some(spec) = &spec {
        draft.take_address(spec);
    }
    let written = spec.and_then(|spec| spec.method);
    let probe = reader.get(node, "probe", probe);
    draft.is_faulty |= reader.has(node, "probe") && probe.is_none();
    let port = reader.get(node, "port", |value| {
        convert::whole(1, 65_535)(value).map(|port| port as u16)
    });
    draft.is_faulty |= reader.has(node, "port") && port.is_none();
    let is_twice = probe.is_some_and(|probe| written.is_some() && probe != draft.probe)
        || port.is_some_and(|port| {
            written
                .and_then(Method::port)
                .is_some_and(|written| written != port)
        });
    if is_twice {
        let place = reader
            .spots
            .get("address")
            .map_or_else(|| draft.place.clone(), |spot| spot.place.clone());
        let mistake = Mistake::new(
            "address says another way to probe than probe and port do",
            "write the host alone as address, and the way in probe and port",
        );
        reader.mistake(place, "address", mistake);
        draft.is_faulty = true;
        return;
    }
    if probe.is_none()
        && written.is_some()
        && let Some(spot) = reader.spots.get("address").cloned()
    {
        // `icmp://HOST` asks for ICMP as `probe = "icmp"` does.
        reader.spots.insert("probe".to_owned(), spot);
    }
    draft.probe = probe.unwrap_or(draft.probe);
    draft.port = port.or(draft.port);
}

fn rest(reader: &mut Reader<'_>, node: Node<'_>, draft: &mut Draft) {
    let payloads = [("echo", Payload::Echo), ("dns", Payload::Dns)];
    reader.set(node, "payload", &mut draft.payload, convert::word(&payloads));
    let families = [("auto", Family::Auto), ("4", Family::V4), ("6", Family::V6)];
    reader.set(node, "family", &mut draft.family, convert::word(&families));
    reader.set(node, "source", &mut draft.source, source);
    reader.set(node, "dscp", &mut draft.dscp, |value| {
        convert::whole(0, 63)(value).map(|dscp| dscp as u8)
    });
    reader.set(node, "behind", &mut draft.behind, convert::string);
    reader.set(node, "country", &mut draft.country, country);
    let text = || convert::short(limits::NAME_CHARS);
    reader.set(node, "partner", &mut draft.partner, text());
    reader.set(node, "group", &mut draft.group, text());
    reader.set(node, "labels", &mut draft.labels, labels);
    reader.set(node, "enabled", &mut draft.is_enabled, convert::flag);
    let web = reader.layer() == Layer::Web;
    reader.set(node, "allow_high_rate", &mut draft.allow_high_rate, |value| {
        let allow = convert::flag(value)?;
        if web && allow {
            // REQUIREMENTS X9: never settable over the web.
            return Err(Mistake::new(
                "cannot be set from the page",
                "write it in the operator's file",
            ));
        }
        Ok(allow)
    });
    if web {
        reader.set(node, REMOVED, &mut draft.is_removed, convert::flag);
        reader.set(node, TYPED, &mut draft.is_about_typed, convert::flag);
    }
}

/// Gives every draft its name and id: the name is the address if there is none, the id the slug of the name. Two that
/// come out alike are a mistake ([`super::check::cross`]): numbered by their order, they would swap histories and what
/// the page changed when the file is reordered.
pub(super) fn identify(drafts: &mut [Draft]) {
    for draft in drafts {
        if draft.name.is_empty() {
            draft.name = address_name(draft);
        }
        if draft.id.is_empty() {
            draft.id = slug(&draft.name);
        }
    }
}

/// The targets of the command line beside `drafts`. Nothing is kept for them that a number could mix up, so they give
/// way: to the file's targets and to the page's own, whose ids are `taken`.
pub(super) fn add_typed(
    drafts: &mut Vec<Draft>,
    specs: &[TargetSpec],
    defaults: Defaults,
    mut taken: BTreeSet<String>,
) {
    taken.extend(drafts.iter().map(|draft| draft.id.clone()));
    for spec in specs {
        let mut draft = Draft::typed(spec, defaults);
        if draft.name.is_empty() {
            draft.name = address_name(&draft);
        }
        draft.id = unique_slug(&draft.name, |slug| taken.contains(slug));
        taken.insert(draft.id.clone());
        drafts.push(draft);
    }
}

/// Ids of the targets that stand in `web.toml` alone.
pub(super) fn own_ids(top: Node<'_>) -> BTreeSet<String> {
    top.tables_of("targets")
        .filter(|node| node.has("address") && !node.has(TYPED))
        .filter_map(|node| node.text("id").map(str::to_owned))
        .collect()
}

/// With the port, because a ping and a handshake to one host are two targets.
fn address_name(draft: &Draft) -> String {
    let host = draft.host.as_ref().map_or_else(|| draft.id.clone(), host_text);
    let name = match (draft.probe, draft.port, &draft.host) {
        (Probe::Icmp, _, _) | (Probe::Tcp | Probe::Udp, None, _) => host,
        (Probe::Tcp | Probe::Udp, Some(port), Some(Host::Literal { ip, .. })) if ip.is_ipv6() => {
            format!("[{host}]:{port}")
        }
        (Probe::Tcp | Probe::Udp, Some(port), _) => format!("{host}:{port}"),
    };
    // A host name may be longer than a name; the page cuts names, so cutting here loses nothing.
    name.chars().take(limits::NAME_CHARS).collect()
}
