//! Reads the query of an address: lists, numbers, instants. What cannot be read is refused by name.

use std::collections::HashSet;
use std::str::FromStr;
use std::time::Duration;

use axum::extract::Query;
use axum::http::Uri;
use jiff::tz::TimeZone;
use linewatch_core::event::{EventId, RunId};
use linewatch_core::limits::{DATE_FIRST, DATE_LAST};
use linewatch_core::time::WallTime;
use linewatch_render::when::fixed_offset;
use linewatch_render::words::TIME_UNITS;

use crate::respond::Refusal;

/// What may be given several times; `target` by the routes that take several.
const REPEATABLE: [&str; 5] = ["country", "partner", "group", "status", "target"];

/// The parameters of a request.
#[derive(Debug)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Parses; unknown names are nobody's business here. What is garbled or given twice is refused: guessing which
    /// was meant would answer another question.
    pub(crate) fn of(uri: &Uri) -> Result<Self, Refusal> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|error| Refusal::field("query", format!("the query cannot be read: {error}")))?;
        if !is_well_escaped(uri.query().unwrap_or_default()) {
            let message =
                "the query has a `%` without two hexadecimal digits behind it: write `%25` for the sign";
            return Err(Refusal::field("query", message));
        }
        let mut names = HashSet::new();
        for (name, value) in &pairs {
            if [name, value]
                .iter()
                .any(|text| text.contains(char::REPLACEMENT_CHARACTER))
            {
                return Err(Refusal::field(name, format!("`{name}` is not text in UTF-8")));
            }
            if !names.insert(name) && !REPEATABLE.contains(&name.as_str()) {
                return Err(twice(name));
            }
        }
        Ok(Self(pairs))
    }

    /// The one value of a name, also of one that other routes take several of.
    pub(crate) fn single(&self, name: &str) -> Result<Option<&str>, Refusal> {
        if self.0.iter().filter(|(key, _)| key == name).count() > 1 {
            return Err(twice(name));
        }
        Ok(self.one(name))
    }

    /// The first value of a name; an empty one counts as absent.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// All values of a name: repeated, or with commas between.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        let values = self.0.iter().filter(|(key, _)| key == name);
        values
            .flat_map(|(_, value)| value.split(','))
            .map(str::trim)
            .filter(|value| !value.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// A whole number from `min` to `max`.
    pub(crate) fn number(
        &self,
        name: &str,
        default: usize,
        min: usize,
        max: usize,
    ) -> Result<usize, Refusal> {
        let Some(text) = self.one(name) else {
            return Ok(default);
        };
        usize::from_str(text)
            .ok()
            .filter(|number| (min..=max).contains(number))
            .ok_or_else(|| {
                Refusal::field(
                    name,
                    format!("`{name}` must be a whole number from {min} to {max}, not \"{text}\""),
                )
            })
    }

    /// An instant: milliseconds since 1970, or RFC 3339.
    pub(crate) fn instant(&self, name: &str) -> Result<Option<WallTime>, Refusal> {
        let Some(text) = self.one(name) else {
            return Ok(None);
        };
        let at = instant(text).ok_or_else(|| {
            let shapes = "milliseconds since 1970, or like 2026-11-21T02:03:04Z";
            Refusal::field(
                name,
                format!("`{name}` must be an instant ({shapes}), not \"{text}\""),
            )
        })?;
        possible(name, at).map(Some)
    }

    /// A day or an instant as the tools have it, UTC where nothing else is said: `2026-11-21`, `2026-11-21T02:03`. A
    /// day alone is its begin, or with `is_end` its end.
    pub(crate) fn date(&self, name: &str, is_end: bool) -> Result<Option<WallTime>, Refusal> {
        let Some(text) = self.one(name) else {
            return Ok(None);
        };
        let at = date(text, is_end).ok_or_else(|| {
            let shapes = "like 2026-11-21 or 2026-11-21T02:03:04Z";
            Refusal::field(
                name,
                format!("`{name}` must be a date ({shapes}), not \"{text}\""),
            )
        })?;
        possible(name, at).map(Some)
    }

    /// A length of time: a whole number with its unit (`24h`, `7d`, `1y`), at least a second.
    pub(crate) fn length(&self, name: &str) -> Result<Option<Duration>, Refusal> {
        let Some(text) = self.one(name) else {
            return Ok(None);
        };
        let refused = || {
            let message =
                format!("`{name}` must be a length like 1h, 6h, 24h, 7d, 30d or 1y, not \"{text}\"");
            Refusal::field(name, message)
        };
        length(text)
            .filter(|length| *length >= Duration::from_secs(1))
            .map(Some)
            .ok_or_else(refused)
    }

    /// A zone: a name of the zone database, or an offset; without one, this computer's.
    pub(crate) fn zone(&self, name: &str) -> Result<TimeZone, Refusal> {
        let Some(text) = self.one(name) else {
            return Ok(TimeZone::system());
        };
        // An unescaped `+` arrives as a space.
        let zone = fixed_offset(&text.replace(' ', "+")).or_else(|| TimeZone::get(text).ok());
        zone.ok_or_else(|| {
            let message = format!("`{name}` must be a zone like Asia/Jakarta, UTC or +07:00, not \"{text}\"");
            Refusal::field(name, message)
        })
    }

    /// A word of a closed list.
    pub(crate) fn word<T>(&self, name: &str, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Refusal> {
        let Some(text) = self.one(name) else {
            return Ok(None);
        };
        read(text)
            .map(Some)
            .ok_or_else(|| Refusal::field(name, format!("`{name}` has no value \"{text}\"")))
    }
}

fn length(text: &str) -> Option<Duration> {
    let unit_at = text.find(|sign: char| !sign.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let (_, nanos) = TIME_UNITS.iter().find(|(word, _)| *word == unit)?;
    let number = u64::from_str(number).ok()?;
    number.checked_mul(*nanos).map(Duration::from_nanos)
}

/// Refuses a span that is empty or turned round.
pub(crate) fn in_order(from: Option<WallTime>, to: Option<WallTime>) -> Result<(), Refusal> {
    match (from, to) {
        (Some(from), Some(to)) if from >= to => Err(Refusal::field("to", "`to` must be after `from`")),
        _ => Ok(()),
    }
}

fn twice(name: &str) -> Refusal {
    Refusal::field(name, format!("`{name}` is given more than once: give it once"))
}

/// Every `%` has two hexadecimal digits behind it.
fn is_well_escaped(query: &str) -> bool {
    query.split('%').skip(1).all(|rest| {
        rest.get(..2)
            .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    })
}

/// An instant at which something can have been measured.
pub(crate) fn possible(name: &str, at: WallTime) -> Result<WallTime, Refusal> {
    if (DATE_FIRST..=DATE_LAST).contains(&at) {
        return Ok(at);
    }
    let message = format!("`{name}` must lie between 2000-01-01 and 2100-01-01 (UTC)");
    Err(Refusal::field(name, message))
}

fn date(text: &str, is_end: bool) -> Option<WallTime> {
    // Between day and hour a space does as well as a T.
    let text = match text.as_bytes().get(10) {
        Some(b' ') => format!("{}T{}", &text[..10], &text[11..]),
        _ => text.to_owned(),
    };
    if let Some(at) = instant(&text).filter(|_| text.contains('T')) {
        return Some(at);
    }
    let civil = jiff::civil::DateTime::from_str(&text).ok()?;
    // An offset or a zone that could not be read above must not be dropped.
    if text.contains(['[', 'Z', 'z', '+']) || text.matches('-').count() > 2 {
        return None;
    }
    let civil = if is_end && text.len() == 10 {
        civil.checked_add(jiff::Span::new().days(1)).ok()?
    } else {
        civil
    };
    let stamp = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    i64::try_from(stamp.as_nanosecond())
        .ok()
        .map(WallTime::from_nanos)
}

fn instant(text: &str) -> Option<WallTime> {
    if let Ok(millis) = i64::from_str(text) {
        return millis.checked_mul(1_000_000).map(WallTime::from_nanos);
    }
    // The name of a zone would not be looked at, so a wrong one would pass.
    if text.contains('[') {
        return None;
    }
    // An unescaped `+` of an offset arrives as a space.
    let stamp = jiff::Timestamp::from_str(&text.replace(' ', "+")).ok()?;
    i64::try_from(stamp.as_nanosecond())
        .ok()
        .map(WallTime::from_nanos)
}

/// `run-seq`, as events are addressed.
pub(crate) fn event_id(text: &str) -> Option<EventId> {
    let (run, seq) = text.split_once('-')?;
    Some(EventId {
        run: RunId(run.parse().ok()?),
        seq: seq.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(query: &str) -> Params {
        Params::of(&format!("/?{query}").parse().expect("an address")).expect("a query")
    }

    #[test]
    fn a_list_is_repeated_or_has_commas() {
        assert_eq!(
            params("country=ID,DE&country=LAN&country=").all("country"),
            ["ID", "DE", "LAN"]
        );
    }

    #[test]
    fn instants_are_milliseconds_or_rfc_3339() {
        let read = |query: &str| {
            params(query)
                .instant("from")
                .map(|at| at.map(WallTime::as_nanos))
                .ok()
        };
        assert_eq!(read("from=1795254971234"), Some(Some(1_795_254_971_234_000_000)));
        let new_year = Some(Some(1_767_225_600_000_000_000));
        assert_eq!(read("from=2026-01-01T01:00:00%2B01:00"), new_year);
        assert_eq!(read("from=2026-01-01T01:00:00+01:00"), new_year);
        assert_eq!(read(""), Some(None));
        for bad in [
            "yesterday",
            "1e9",
            "2026-13-01T00:00:00Z",
            "9223372036854775807",
            "9999-12-30T00:00:00Z",
            "NaN",
            "0",
            "1970-01-01T00:00:00Z",
            "2200-01-01T00:00:00Z",
            "2026-11-21T00:00:00",
            "2026-11-21T00:00:00Z[Mars/Olympus]",
        ] {
            assert_eq!(read(&format!("from={bad}")), None, "{bad}");
        }
    }

    #[test]
    fn numbers_outside_their_bounds_are_refused_by_name() {
        let error = params("limit=0").number("limit", 200, 1, 1000).expect_err("0");
        assert_eq!(error.field.as_deref(), Some("limit"));
        assert_eq!(params("limit=-1").number("limit", 200, 1, 1000).ok(), None);
        assert_eq!(params("").number("limit", 200, 1, 1000).ok(), Some(200));
    }

    #[test]
    fn a_date_is_a_day_or_an_instant_and_utc_if_nothing_else_is_said() {
        let read = |text: &str, is_end| {
            let at = params(&format!("start={text}"))
                .date("start", is_end)
                .ok()
                .flatten();
            at.map(|at| at.as_nanos() / 1_000_000_000)
        };
        let midnight = 1_795_219_200; // 2026-11-21T00:00:00Z
        assert_eq!(read("2026-11-21", false), Some(midnight));
        assert_eq!(read("2026-11-21", true), Some(midnight + 86_400));
        for text in [
            "2026-11-21T02:00",
            "2026-11-21%2002:00:00",
            "2026-11-21T02:00:00Z",
            "2026-11-21T02:00:00.000Z",
            "2026-11-21T03:00:00%2B01:00",
            "2026-11-21T01:00:00-01:00",
        ] {
            assert_eq!(read(text, true), Some(midnight + 7200), "{text}");
        }
        for text in [
            "",
            "yesterday",
            "1",
            "NaN",
            "2026-13-01",
            "1970-01-01",
            "2200-01-01",
            "2026-11-21T02:00:00%2B99:99",
            "2026-11-21T02:00[Mars/Olympus]",
            "2026-11-21T02:00:00-01:00:xx",
            "%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%20",
        ] {
            assert_eq!(read(text, false), None, "{text}");
        }
    }

    #[test]
    fn what_is_garbled_or_given_twice_is_refused_by_name() {
        let field = |query: &str| {
            let uri = format!("/?{query}").parse().expect("an address");
            Params::of(&uri).err().and_then(|error| error.field)
        };
        assert_eq!(field("limit=1&limit=1").as_deref(), Some("limit"));
        assert_eq!(field("country=DE&country=ID"), None);
        assert_eq!(field("q=100%25&x=%C3%A9"), None);
        for garbled in ["q=%", "q=%4", "q=%zz", "%zz=1"] {
            assert_eq!(field(garbled).as_deref(), Some("query"), "{garbled}");
        }
        assert_eq!(field("q=%ff%fe").as_deref(), Some("q"));
        let twice = params("target=a&target=b");
        assert!(twice.single("target").is_err());
    }
}
