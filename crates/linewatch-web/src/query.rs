//! Reads the query of an address: lists, numbers, instants. What cannot be read is refused by name.

use std::str::FromStr;
use std::time::Duration;

use axum::extract::Query;
use axum::http::Uri;
use jiff::tz::TimeZone;
use linewatch_core::event::{EventId, RunId};
use linewatch_core::time::WallTime;
use linewatch_render::when::fixed_offset;
use linewatch_render::words::TIME_UNITS;

use crate::respond::Refusal;

/// The parameters of a request.
#[derive(Debug)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Parses; unknown names are nobody's business here.
    pub(crate) fn of(uri: &Uri) -> Result<Self, Refusal> {
        Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map(|Query(pairs)| Self(pairs))
            .map_err(|error| Refusal::field("query", format!("the query cannot be read: {error}")))
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
        instant(text).map(Some).ok_or_else(|| {
            let shapes = "milliseconds since 1970, or like 2026-11-21T02:03:04Z";
            Refusal::field(
                name,
                format!("`{name}` must be an instant ({shapes}), not \"{text}\""),
            )
        })
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

fn instant(text: &str) -> Option<WallTime> {
    if let Ok(millis) = i64::from_str(text) {
        return millis.checked_mul(1_000_000).map(WallTime::from_nanos);
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
        assert_eq!(read("from=1970-01-01T01:00:00%2B01:00"), Some(Some(0)));
        assert_eq!(read("from=1970-01-01T01:00:00+01:00"), Some(Some(0)));
        assert_eq!(read(""), Some(None));
        for bad in [
            "yesterday",
            "1e9",
            "2026-13-01T00:00:00Z",
            "9223372036854775807",
            "9999-12-30T00:00:00Z",
            "NaN",
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
}
