//! Reads the single values of a target: each either means something or is a mistake with a help line.
//!
//! Not here: which keys there are and how they belong together (`targets`).

use std::net::IpAddr;

use linewatch_core::limits;
use linewatch_core::spec::{SpecError, TargetSpec, is_id};
use linewatch_core::target::Source;
use toml::de::DeValue;

use super::convert;
use super::error::Mistake;
use super::targets::Probe;

pub(super) fn identity(value: &DeValue<'_>) -> Result<String, Mistake> {
    let text = convert::string(value)?;
    if is_id(&text) {
        return Ok(text);
    }
    let help = format!(
        "use 1 to {} lower-case letters, digits and inner hyphens",
        limits::ID_CHARS
    );
    Err(Mistake::new(format!("\"{text}\" is not an id"), help))
}

pub(super) fn name(value: &DeValue<'_>) -> Result<String, Mistake> {
    let text = convert::short(limits::NAME_CHARS)(value)?;
    if text.trim().is_empty() {
        return Err(Mistake::new(
            "is empty",
            "give it a name, or leave the key away to use the address",
        ));
    }
    Ok(text.trim().to_owned())
}

pub(super) fn address(value: &DeValue<'_>) -> Result<TargetSpec, Mistake> {
    let text = convert::string(value)?;
    if text.contains('=') {
        return Err(Mistake::new(
            format!("\"{text}\" is not an address"),
            "write the name in the key `name`",
        ));
    }
    TargetSpec::parse(&text)
        .map_err(|error: SpecError| Mistake::new(format!("\"{text}\" cannot be used: {error}"), error.help()))
}

/// Bytes of an interface's name (IFNAMSIZ of linux/if.h, without its final zero).
const INTERFACE_BYTES: usize = 15;

/// Whether this computer has such an address or interface now is the running monitor's to say: both come and go.
pub(super) fn source(value: &DeValue<'_>) -> Result<Source, Mistake> {
    let text = convert::string(value)?;
    if text.is_empty() {
        return Ok(Source::Any);
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        if ip.is_unspecified() || ip.is_multicast() {
            return Err(Mistake::new(
                format!("\"{text}\" is no address to send from"),
                "write an address of this computer, or leave the key away",
            ));
        }
        return Ok(Source::Address(ip));
    }
    let is_name = text.len() <= INTERFACE_BYTES
        && !matches!(text.as_str(), "." | "..")
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
    if !is_name {
        return Err(Mistake::new(
            format!("\"{text}\" is neither an IP address nor the name of an interface"),
            "write an address of this computer as \"192.0.2.1\", or an interface as \"eth0\" (`ip address` lists both)",
        ));
    }
    Ok(Source::Interface(text))
}

pub(super) fn probe(value: &DeValue<'_>) -> Result<Probe, Mistake> {
    convert::word(&[("icmp", Probe::Icmp), ("tcp", Probe::Tcp), ("udp", Probe::Udp)])(value)
}

pub(super) fn country(value: &DeValue<'_>) -> Result<String, Mistake> {
    let text = convert::string(value)?.to_ascii_uppercase();
    let is_code = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    if text.is_empty() || is_code || text == "LAN" || text == "ANY" {
        return Ok(text);
    }
    Err(Mistake::new(
        format!("\"{text}\" is not a country"),
        "write its two letters as \"DE\", or \"LAN\", or \"ANY\"",
    ))
}

pub(super) fn labels(value: &DeValue<'_>) -> Result<Vec<(String, String)>, Mistake> {
    let pairs = convert::pairs(value)?;
    if pairs.len() > limits::LABELS {
        let message = format!(
            "has {} labels, more than the limit of {}",
            pairs.len(),
            limits::LABELS
        );
        return Err(Mistake::new(message, "leave some away"));
    }
    let long = pairs
        .iter()
        .flat_map(|(key, value)| [key, value])
        .find(|text| text.chars().count() > limits::NAME_CHARS);
    match long {
        Some(text) => Err(Mistake::new(
            format!(
                "\"{text}\" is longer than the limit of {} characters",
                limits::NAME_CHARS
            ),
            "shorten it",
        )),
        None => Ok(pairs),
    }
}
