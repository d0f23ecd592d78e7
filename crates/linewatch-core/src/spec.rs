//! Reads a target as a person types it: on the command line, in the page's field, and the address of a file.
//!
//! Input: `HOST`, `HOST:PORT`, `tcp://HOST:PORT`, `udp://HOST:PORT`, `icmp://HOST`, `[::1]:53`, `fe80::1%eth0`, `NAME=TARGET`.
//! Output: [`TargetSpec`], or a [`SpecError`] that says what to write instead. Never panics, resolves nothing.
//! Not here: whether an address may be probed (`caps`), and settings beside the address (configuration).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::limits::{ID_CHARS, NAME_CHARS};
use crate::target::{Host, Method, UdpPayload};

/// Longest host name in text form (RFC 1035 2.3.4: 255 octets on the wire).
const HOST_CHARS: usize = 253;
/// Longest label of a host name (RFC 1035 2.3.4).
const LABEL_CHARS: usize = 63;
/// Longest interface name (Linux IFNAMSIZ 16, with its final zero).
const ZONE_CHARS: usize = 15;

/// What was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetSpec {
    /// The part before `=`.
    pub name: Option<String>,
    /// Where.
    pub host: Host,
    /// How; `None` if only a host was written, which means ICMP unless something else says otherwise.
    pub method: Option<Method>,
}

/// Why a text is no target. `Display` is one sentence; [`SpecError::help`] says what to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpecError {
    /// Nothing there.
    Empty,
    /// A control or bidirectional character.
    Unprintable,
    /// The name before `=` is empty or too long.
    Name,
    /// A scheme that is none of ours; holds it.
    Scheme(String),
    /// `tcp://` without a port; holds the host.
    PortMissing(String),
    /// `udp://` without a port; holds the host.
    UdpPortMissing(String),
    /// `icmp://` with a port; holds the host.
    PortOnIcmp(String),
    /// Not 1 to 65535; holds what was written.
    Port(String),
    /// `[` without `]`, or something else than `:PORT` behind it.
    Brackets,
    /// Looks like an IPv6 address and is none; holds it.
    Ipv6(String),
    /// An IPv4 address in a form that systems read differently; holds it.
    Ipv4Form(String),
    /// A link-local address without its interface; holds it.
    ZoneMissing(String),
    /// An interface behind an address that takes none, or no interface name; holds the text.
    Zone(String),
    /// A host name with characters beyond ASCII; holds it.
    Idn(String),
    /// Not a host name; holds it.
    HostName(String),
    /// A path or user behind or before the host; holds the text.
    Url(String),
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the address is empty"),
            Self::Unprintable => f.write_str("the text has a control character in it"),
            Self::Name => write!(f, "the name before `=` is not 1 to {NAME_CHARS} characters long"),
            Self::Scheme(scheme) => write!(f, "`{scheme}://` is not a way to probe"),
            Self::PortMissing(host) => write!(f, "tcp needs a port: `{host}` has none"),
            Self::UdpPortMissing(host) => write!(f, "udp needs a port: `{host}` has none"),
            Self::PortOnIcmp(host) => write!(f, "icmp has no ports, but `{host}` has one"),
            Self::Port(port) => write!(f, "port `{port}` is not a number from 1 to 65535"),
            Self::Brackets => {
                f.write_str("the brackets around the IPv6 address do not close, or more than a port follows")
            }
            Self::Ipv6(text) => write!(f, "`{text}` is not an IPv6 address"),
            Self::Ipv4Form(text) => write!(f, "`{text}` is not four decimal numbers from 0 to 255"),
            Self::ZoneMissing(text) => write!(f, "the link-local address `{text}` needs its interface"),
            Self::Zone(text) => write!(f, "`{text}` names an interface that it cannot have"),
            Self::Idn(text) => write!(f, "the host name `{text}` has letters beyond a-z"),
            Self::HostName(text) => write!(f, "`{text}` is not a host name"),
            Self::Url(text) => write!(f, "`{text}` is more than a host and a port"),
        }
    }
}

impl std::error::Error for SpecError {}

impl SpecError {
    /// What to write instead.
    pub fn help(&self) -> String {
        match self {
            Self::Empty | Self::Unprintable => {
                "write HOST, HOST:PORT, tcp://HOST:PORT, udp://HOST:PORT or icmp://HOST, for example 192.0.2.1".to_owned()
            }
            Self::Name => "write NAME=TARGET, for example office=192.0.2.1".to_owned(),
            Self::Scheme(_) => "write tcp://HOST:PORT, udp://HOST:PORT or icmp://HOST".to_owned(),
            Self::PortMissing(host) => format!("write tcp://{host}:443, or icmp://{host} for a ping"),
            Self::UdpPortMissing(host) => {
                format!("write udp://{host}:53 for a name server, or udp://{host}:7 for an echo service")
            }
            Self::PortOnIcmp(_) => "leave the port away, or write tcp://HOST:PORT".to_owned(),
            Self::Port(_) => "write HOST:PORT, for example 192.0.2.1:443".to_owned(),
            Self::Brackets => "write [2001:db8::1]:443".to_owned(),
            Self::Ipv6(_) => "write 2001:db8::1, or [2001:db8::1]:443 with a port".to_owned(),
            Self::Ipv4Form(_) => {
                "write 192.0.2.1; octal, hexadecimal and short forms mean different addresses to different systems"
                    .to_owned()
            }
            Self::ZoneMissing(text) => format!("write {text}%eth0 with the name of the interface it is behind"),
            Self::Zone(_) => "write fe80::1%eth0; only link-local IPv6 addresses have an interface".to_owned(),
            Self::Idn(_) => "write its ASCII form, which begins with xn--".to_owned(),
            Self::HostName(_) => {
                "a host name has letters, digits and hyphens, at most 63 between dots and 253 in all".to_owned()
            }
            Self::Url(_) => "leave away what is not HOST or HOST:PORT, as a path or a user".to_owned(),
        }
    }
}

impl TargetSpec {
    /// Reads one target.
    ///
    /// # Errors
    ///
    /// [`SpecError`]: what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        if text.chars().any(is_disruptive) {
            return Err(SpecError::Unprintable);
        }
        let (name, address) = match text.split_once('=') {
            Some((name, address)) => (Some(check_name(name)?), address),
            None => (None, text),
        };
        let (host, method) = parse_address(address.trim())?;
        Ok(Self { name, host, method })
    }

    /// The method: what was written, else ICMP.
    pub fn method_or_icmp(&self) -> Method {
        self.method.unwrap_or(Method::IcmpEcho)
    }
}

fn check_name(name: &str) -> Result<String, SpecError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS {
        return Err(SpecError::Name);
    }
    Ok(name.to_owned())
}

fn parse_address(text: &str) -> Result<(Host, Option<Method>), SpecError> {
    if text.is_empty() {
        return Err(SpecError::Empty);
    }
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
        None => (None, text),
    };
    let (host_text, port_text) = split_port(rest)?;
    let host = parse_host(host_text)?;
    let port = port_text.map(parse_port).transpose()?;
    let method = match (scheme.as_deref(), port) {
        (None | Some("tcp"), Some(port)) => Some(Method::TcpConnect { port }),
        (None, None) => None,
        (Some("tcp"), None) => return Err(SpecError::PortMissing(host_text.to_owned())),
        (Some("udp"), Some(port)) => Some(Method::Udp {
            port,
            payload: UdpPayload::of_port(port),
        }),
        (Some("udp"), None) => return Err(SpecError::UdpPortMissing(host_text.to_owned())),
        (Some("icmp"), None) => Some(Method::IcmpEcho),
        (Some("icmp"), Some(_)) => return Err(SpecError::PortOnIcmp(rest.to_owned())),
        (Some(other), _) => return Err(SpecError::Scheme(other.to_owned())),
    };
    Ok((host, method))
}

/// Host text and port text. An IPv6 address without brackets takes all colons for itself.
fn split_port(text: &str) -> Result<(&str, Option<&str>), SpecError> {
    if let Some(inside) = text.strip_prefix('[') {
        let (host, rest) = inside.split_once(']').ok_or(SpecError::Brackets)?;
        if !host.contains(':') {
            return Err(SpecError::Ipv6(host.to_owned()));
        }
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(SpecError::Brackets),
        };
    }
    match text.split_once(':') {
        Some((_, rest)) if rest.contains(':') => Ok((text, None)),
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((text, None)),
    }
}

/// Reads a port.
///
/// # Errors
///
/// [`SpecError::Port`] unless it is 1 to 65535 in digits.
pub fn parse_port(text: &str) -> Result<u16, SpecError> {
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u16>() {
        Ok(port) if port > 0 && is_digits => Ok(port),
        _ => Err(SpecError::Port(text.to_owned())),
    }
}

/// Reads a host alone: an IP literal, scoped where it must be, or a name.
///
/// # Errors
///
/// [`SpecError`]: what is wrong with the text.
pub fn parse_host(text: &str) -> Result<Host, SpecError> {
    if text.is_empty() {
        return Err(SpecError::Empty);
    }
    if text.chars().any(is_disruptive) {
        return Err(SpecError::Unprintable);
    }
    if text.contains(['/', '@', '?', '#']) && !text.contains('%') {
        return Err(SpecError::Url(text.to_owned()));
    }
    if text.contains(':') {
        return parse_ipv6(text);
    }
    if text.contains('%') {
        return Err(SpecError::Zone(text.to_owned()));
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    if ends_in_number(name) {
        return match text.parse::<Ipv4Addr>() {
            Ok(ip) => Ok(Host::Literal {
                ip: IpAddr::V4(ip),
                zone: None,
            }),
            Err(_) => Err(SpecError::Ipv4Form(text.to_owned())),
        };
    }
    check_host_name(name)?;
    Ok(Host::Name(name.to_ascii_lowercase()))
}

fn parse_ipv6(text: &str) -> Result<Host, SpecError> {
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (text, None),
    };
    let ip: Ipv6Addr = address.parse().map_err(|_| SpecError::Ipv6(text.to_owned()))?;
    match zone {
        None if ip.is_unicast_link_local() => return Err(SpecError::ZoneMissing(text.to_owned())),
        Some(zone) if !ip.is_unicast_link_local() || !is_zone(zone) => {
            return Err(SpecError::Zone(text.to_owned()));
        }
        None | Some(_) => {}
    }
    // ::ffff:192.0.2.1 travels as IPv4; calling it IPv6 would look for a route that is not used.
    let ip = ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4);
    Ok(Host::Literal {
        ip,
        zone: zone.map(str::to_owned),
    })
}

/// A bracket in it could not be told from the one behind the address.
fn is_zone(zone: &str) -> bool {
    (1..=ZONE_CHARS).contains(&zone.len())
        && zone
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"/[]".contains(&byte))
}

/// As the URL standard has it: a host whose last label is a number is meant as IPv4, however it is written.
fn ends_in_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    let is_digits = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    let is_hex = last
        .strip_prefix("0x")
        .or_else(|| last.strip_prefix("0X"))
        .is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    is_digits || is_hex
}

/// RFC 1123 2.1, and the underscore that container networks use in names.
fn check_host_name(name: &str) -> Result<(), SpecError> {
    if !name.is_ascii() {
        return Err(SpecError::Idn(name.to_owned()));
    }
    let is_label = |label: &str| {
        (1..=LABEL_CHARS).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    if name.len() > HOST_CHARS || !name.split('.').all(is_label) {
        return Err(SpecError::HostName(name.to_owned()));
    }
    Ok(())
}

/// Characters that would break a line, a terminal or the reading direction (SAFETY T11): controls, line and
/// paragraph separators, bidirectional marks, zero-width and byte-order marks.
pub fn is_disruptive(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
        )
}

/// Whether a text can be an id: lower-case letters, digits and inner hyphens, 1 to [`ID_CHARS`] of them.
pub fn is_id(text: &str) -> bool {
    (1..=ID_CHARS).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// The id made from a name: lower-case ASCII letters and digits, everything else one `-`; `target` if nothing
/// is left.
pub fn slug(name: &str) -> String {
    let mut slug = String::with_capacity(name.len().min(ID_CHARS));
    for character in name.chars().map(|character| character.to_ascii_lowercase()) {
        if slug.len() == ID_CHARS {
            break;
        }
        if character.is_ascii_lowercase() || character.is_ascii_digit() {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let kept = slug.trim_end_matches('-').len();
    slug.truncate(kept);
    if slug.is_empty() {
        "target".to_owned()
    } else {
        slug
    }
}

/// The slug of a name that is not taken yet: the second gets `-2`, the third `-3`.
pub fn unique_slug(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let base = slug(name);
    if !is_taken(&base) {
        return base;
    }
    let mut number = 2_u64;
    loop {
        let suffix = format!("-{number}");
        let kept = base.len().min(ID_CHARS - suffix.len());
        let candidate = format!("{}{suffix}", base[..kept].trim_end_matches('-'));
        if !is_taken(&candidate) {
            return candidate;
        }
        number += 1;
    }
}

#[cfg(test)]
#[path = "spec_tests.rs"]
mod tests;
