//! Converts single values of the file to what they mean, or says what is wrong with them.
//!
//! Each [`Mistake`] here goes on a sentence that began with the key: `timeout 60s is longer than …`.

use std::net::SocketAddr;
use std::time::Duration;

use linewatch_core::limits;
use linewatch_core::spec::is_disruptive;
use linewatch_core::time::Rtt;
use toml::de::DeValue;

use super::error::{Mistake, nearest};
use super::settings::Network;
use super::units::{Keep, UnitError, duration_text, parse_duration, parse_keep, parse_size};

type Converted<T> = Result<T, Mistake>;

/// The value as written, for messages; shortened, because a whole table helps nobody.
fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => quoted(text),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(datetime) => datetime.to_string(),
        DeValue::Array(_) => "(a list)".to_owned(),
        DeValue::Table(_) => "(a table)".to_owned(),
    }
}

fn quoted(text: &str) -> String {
    // 60 characters are enough to recognise it.
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("\"{}…\"", &text[..end]),
        None => format!("\"{text}\""),
    }
}

pub(super) fn string(value: &DeValue<'_>) -> Converted<String> {
    match value {
        DeValue::String(text) if text.chars().any(is_disruptive) => Err(Mistake::new(
            format!("{} has a control character in it", quoted(text)),
            "write it on one line, without control or direction characters",
        )),
        DeValue::String(text) => Ok(text.clone().into_owned()),
        other => Err(Mistake::new(
            format!("{} is not a text", shown(other)),
            "put it in double quotes",
        )),
    }
}

/// A text of at most `chars` characters.
pub(super) fn short(chars: usize) -> impl Fn(&DeValue<'_>) -> Converted<String> {
    move |value| {
        let text = string(value)?;
        if text.chars().count() > chars {
            return Err(Mistake::new(
                format!("{} is longer than the limit of {chars} characters", quoted(&text)),
                "shorten it",
            ));
        }
        Ok(text)
    }
}

pub(super) fn strings(value: &DeValue<'_>) -> Converted<Vec<String>> {
    list(value, string)
}

/// Every element of a list.
pub(super) fn list<T>(
    value: &DeValue<'_>,
    convert: impl Fn(&DeValue<'_>) -> Converted<T>,
) -> Converted<Vec<T>> {
    match value {
        DeValue::Array(list) => list.iter().map(|element| convert(element.get_ref())).collect(),
        other => Err(Mistake::new(
            format!("{} is not a list", shown(other)),
            "put it in square brackets, as [\"a\", \"b\"]",
        )),
    }
}

/// Pairs of texts, in the order of the keys.
pub(super) fn pairs(value: &DeValue<'_>) -> Converted<Vec<(String, String)>> {
    let DeValue::Table(table) = value else {
        return Err(Mistake::new(
            format!("{} is not a table", shown(value)),
            "write { key = \"value\" }",
        ));
    };
    let pair = |(key, value): (
        &toml::Spanned<toml::de::DeString<'_>>,
        &toml::Spanned<DeValue<'_>>,
    )| {
        let key: &str = key.get_ref();
        if key.chars().any(is_disruptive) {
            return Err(Mistake::new(
                format!("key {} has a control character in it", quoted(key)),
                "rename the key",
            ));
        }
        Ok((key.to_owned(), string(value.get_ref())?))
    };
    table.iter().map(pair).collect()
}

pub(super) fn flag(value: &DeValue<'_>) -> Converted<bool> {
    match value {
        DeValue::Boolean(flag) => Ok(*flag),
        other => Err(Mistake::new(
            format!("{} is neither true nor false", shown(other)),
            "write true or false, without quotes",
        )),
    }
}

/// One of some words.
pub(super) fn word<T: Copy>(words: &[(&'static str, T)]) -> impl Fn(&DeValue<'_>) -> Converted<T> {
    move |value| {
        let text = string(value)?;
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == text) {
            return Ok(*meaning);
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let choice = known
            .iter()
            .map(|word| format!("\"{word}\""))
            .collect::<Vec<_>>()
            .join(", ");
        let help = match nearest(&text, &known) {
            Some(meant) => format!("did you mean \"{meant}\"? (one of {choice})"),
            None => format!("write one of {choice}"),
        };
        Err(Mistake::new(format!("{} is not known", quoted(&text)), help))
    }
}

/// A whole number in a range.
pub(super) fn whole(from: u64, to: u64) -> impl Fn(&DeValue<'_>) -> Converted<u64> {
    move |value| {
        let number = match value {
            DeValue::Integer(integer) => {
                i128::from_str_radix(&integer.as_str().replace('_', ""), integer.radix()).ok()
            }
            _ => None,
        };
        match number.and_then(|number| u64::try_from(number).ok()) {
            Some(number) if (from..=to).contains(&number) => Ok(number),
            _ => Err(Mistake::new(
                format!("{} is not a whole number from {from} to {to}", shown(value)),
                format!("write a number from {from} to {to}, without quotes"),
            )),
        }
    }
}

/// A number in a range, whole or not.
pub(super) fn number(from: f64, to: f64) -> impl Fn(&DeValue<'_>) -> Converted<f64> {
    move |value| {
        let written = match value {
            DeValue::Integer(integer) => integer.as_str(),
            DeValue::Float(float) => float.as_str(),
            _ => "",
        };
        match written.replace('_', "").parse::<f64>() {
            Ok(number) if number.is_finite() && (from..=to).contains(&number) => Ok(number),
            _ => Err(Mistake::new(
                format!("{} is not a number from {from} to {to}", shown(value)),
                format!("write a number from {from} to {to}, without quotes"),
            )),
        }
    }
}

/// A ratio, 0 to 1.
pub(super) fn ratio(value: &DeValue<'_>) -> Converted<f64> {
    number(0.0, 1.0)(value).map_err(|mistake| Mistake {
        help: Some("write a ratio: 0.01 is one percent".to_owned()),
        ..mistake
    })
}

/// Milliseconds as a delay, up to the longest time-out: no delay can be longer.
pub(super) fn delay_ms(value: &DeValue<'_>) -> Converted<Rtt> {
    let most = limits::TIMEOUT_MAX.as_millis() as f64;
    number(0.0, most)(value).map(|ms| Rtt::from_nanos((ms * 1e6).round() as u64))
}

/// A length of time within limits. `lower` and `raise` say what to do beyond them.
pub(super) fn duration(from: Duration, to: Duration) -> impl Fn(&DeValue<'_>) -> Converted<Duration> {
    move |value| {
        let (text, length) = written_length(value)?;
        let (least, most) = (duration_text(from), duration_text(to));
        if length < from {
            return Err(Mistake::new(
                format!("{text} is shorter than the limit of {least}"),
                format!("write a length of time from {least} to {most}"),
            ));
        }
        if length > to {
            return Err(Mistake::new(
                format!("{text} is longer than the limit of {most}"),
                format!("write a length of time from {least} to {most}"),
            ));
        }
        Ok(length)
    }
}

fn written_length(value: &DeValue<'_>) -> Converted<(String, Duration)> {
    let DeValue::String(text) = value else {
        return Err(Mistake::new(
            format!("{} is not a length of time with its unit", shown(value)),
            "write it as \"1s\", \"250ms\" or \"15m\"",
        ));
    };
    parse_duration(text)
        .map(|length| (text.clone().into_owned(), length))
        .map_err(|error| unit_mistake(text, error, TIME_HELP))
}

const TIME_HELP: &str = "write a number and its unit: \"250ms\", \"1s\", \"15m\", \"12h\", \"90d\", \"1y\"";
const SIZE_HELP: &str = "write a number and its unit: \"500MB\", \"2GiB\"";

fn unit_mistake(text: &str, error: UnitError, help: &str) -> Mistake {
    Mistake::new(format!("{} {error}", quoted(text)), help)
}

/// A length of time of at least a minute, or `forever`.
pub(super) fn keep(value: &DeValue<'_>) -> Converted<Keep> {
    let text = string(value)?;
    match parse_keep(&text) {
        // Less than a minute would delete what the page still shows.
        Ok(Keep::For(length)) if length < Duration::from_secs(60) => Err(Mistake::new(
            format!("{text} is shorter than the limit of 1m"),
            "write \"1h\", \"30d\", \"1y\" or \"forever\"",
        )),
        Ok(keep) => Ok(keep),
        Err(error) => Err(unit_mistake(
            &text,
            error,
            "write \"1h\", \"30d\", \"1y\" or \"forever\"",
        )),
    }
}

/// Bytes, at least `from`.
pub(super) fn size(from: u64) -> impl Fn(&DeValue<'_>) -> Converted<u64> {
    move |value| {
        let text = string(value)?;
        match parse_size(&text) {
            Ok(bytes) if bytes >= from => Ok(bytes),
            Ok(_) => Err(Mistake::new(
                format!(
                    "{text} is smaller than the limit of {}",
                    super::units::size_text(from)
                ),
                SIZE_HELP,
            )),
            Err(error) => Err(unit_mistake(&text, error, SIZE_HELP)),
        }
    }
}

/// `ADDR:PORT`, port 0 allowed: the system chooses.
pub(super) fn listen(text: &str) -> Converted<SocketAddr> {
    text.parse().map_err(|_| {
        let help =
            "write IP:PORT, for example 127.0.0.1:5000, [::1]:5000 or 0.0.0.0:5000 for every IPv4 address";
        Mistake::new(format!("{} is not an IP address and port", quoted(text)), help)
    })
}

/// `192.0.2.0/24`.
pub(super) fn network(value: &DeValue<'_>) -> Converted<Network> {
    let text = string(value)?;
    let parsed = text.split_once('/').and_then(|(ip, prefix)| {
        let (ip, prefix): (std::net::IpAddr, u8) = (ip.parse().ok()?, prefix.parse().ok()?);
        (prefix <= if ip.is_ipv4() { 32 } else { 128 }).then_some(Network { ip, prefix })
    });
    parsed.ok_or_else(|| {
        Mistake::new(
            format!("{} is not a network", quoted(&text)),
            "write 192.0.2.0/24 or 2001:db8::/32",
        )
    })
}

/// Empty, or an http(s) address.
pub(super) fn url(value: &DeValue<'_>) -> Converted<String> {
    let text = string(value)?;
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let is_right = rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with('/') && !rest.contains(char::is_whitespace)
    });
    if text.is_empty() || is_right {
        return Ok(text);
    }
    // The text may be a token: it is not repeated.
    Err(Mistake::new(
        "is not an http:// or https:// address",
        "write https://HOST/PATH, or \"\" for none",
    ))
}

/// Empty, or an instant with its offset.
pub(super) fn instant(value: &DeValue<'_>) -> Converted<String> {
    let (text, datetime) = match value {
        DeValue::Datetime(datetime) => (datetime.to_string(), Ok(*datetime)),
        other => {
            let text = string(other)?;
            let datetime = text.parse::<toml::value::Datetime>().map_err(|_| ());
            (text, datetime)
        }
    };
    let is_whole = datetime.is_ok_and(|it| it.date.is_some() && it.time.is_some() && it.offset.is_some());
    if text.is_empty() || is_whole {
        return Ok(text);
    }
    Err(Mistake::new(
        format!("{} is not a date and time with its offset", quoted(&text)),
        "write 2026-11-21T02:00:00+07:00",
    ))
}
