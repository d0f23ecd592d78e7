//! Claims about short texts of people: what is read can be written and read again, what is not is refused in
//! words that hurt no terminal.

use linewatch::config::units::{
    UnitError, duration_text, keep_text, parse_duration, parse_keep, parse_size, size_text,
};
use linewatch_core::limits;
use linewatch_core::spec::{TargetSpec, is_id, parse_host, parse_port, slug};
use linewatch_core::target::{Host, Method};
use linewatch_sim::scenario::Scenario;

/// An error quotes the user's text and adds a sentence of ours.
const SENTENCE_BYTES: usize = 400;

/// `250ms`, `2GiB`, `forever`.
pub(crate) fn units(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    check_unit(parse_duration(&text), parse_duration, |length| {
        duration_text(*length)
    });
    check_unit(parse_keep(&text), parse_keep, |keep| keep_text(*keep));
    check_unit(parse_size(&text), parse_size, |bytes| size_text(*bytes));
}

fn check_unit<T: PartialEq + std::fmt::Debug>(
    read: Result<T, UnitError>,
    parse: impl Fn(&str) -> Result<T, UnitError>,
    write: impl Fn(&T) -> String,
) {
    match read {
        Ok(value) => assert_eq!(
            parse(&write(&value)),
            Ok(value),
            "what is written is read as the same"
        ),
        Err(error) => crate::check_sentence(&error.to_string(), SENTENCE_BYTES),
    }
}

/// `NAME=tcp://HOST:PORT`, also as host, port and id alone.
pub(crate) fn target(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    assert!(is_id(&slug(&text)), "{:?} is no id", slug(&text));
    match TargetSpec::parse(&text) {
        Ok(spec) => {
            let again = spec_text(&spec);
            assert_eq!(TargetSpec::parse(&again).as_ref(), Ok(&spec), "{again:?}");
        }
        Err(error) => {
            crate::check_sentence(&error.to_string(), text.len() + SENTENCE_BYTES);
            crate::check_sentence(&error.help(), text.len() + SENTENCE_BYTES);
        }
    }
    if let Ok(host) = parse_host(&text) {
        assert_eq!(parse_host(&host_text(&host)).as_ref(), Ok(&host));
    }
    if let Ok(port) = parse_port(&text) {
        assert_eq!(parse_port(&port.to_string()), Ok(port));
    }
}

fn spec_text(spec: &TargetSpec) -> String {
    let name = spec
        .name
        .as_ref()
        .map_or_else(String::new, |name| format!("{name}="));
    let host = match &spec.host {
        Host::Literal { ip, .. } if ip.is_ipv6() => format!("[{}]", host_text(&spec.host)),
        host => host_text(host),
    };
    let address = match spec.method {
        None => host,
        Some(Method::IcmpEcho) => format!("icmp://{host}"),
        Some(Method::TcpConnect { port }) => format!("tcp://{host}:{port}"),
        Some(Method::Udp { port, .. }) => format!("udp://{host}:{port}"),
    };
    name + &address
}

fn host_text(host: &Host) -> String {
    match host {
        Host::Name(name) => name.clone(),
        Host::Literal { ip, zone: None } => ip.to_string(),
        Host::Literal { ip, zone: Some(zone) } => format!("{ip}%{zone}"),
    }
}

/// A story, and the network it describes.
pub(crate) fn scenario(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match Scenario::parse(&text) {
        Ok(story) => {
            assert!(story.targets.len() <= limits::TARGETS);
            assert!(
                story.acts.is_sorted_by_key(|act| act.at),
                "acts are in the order of time"
            );
            for target in story.first_targets() {
                assert_eq!(story.target(target.id), Some(&target));
            }
            assert_eq!(
                Scenario::parse(&text).as_ref(),
                Ok(&story),
                "the same text is the same story"
            );
            drop(story.network(false));
        }
        Err(error) => {
            assert!(
                (1..=text.lines().count().max(1)).contains(&(error.line as usize)),
                "{error}"
            );
            // Escaping makes up to ten characters of one; every character is at least a byte.
            crate::check_sentence(&error.to_string(), 10 * text.len() + SENTENCE_BYTES);
        }
    }
}
