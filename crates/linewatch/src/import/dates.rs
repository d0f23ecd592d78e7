//! Reads dates as other tools stored them: with an offset as they stand, without one on the clock of a zone, and numbers as
//! seconds since 1970.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use linewatch_core::limits::{DATE_FIRST, DATE_LAST};
use linewatch_core::time::WallTime;

/// `None` for what is no date between 2000 and 2100. Of a time that comes twice a year, the first.
pub(crate) fn read(text: &str, zone: &TimeZone) -> Option<WallTime> {
    let text = text.trim();
    let at = if let Ok(at) = text.parse::<Timestamp>() {
        at
    } else if let Ok(seconds) = text.parse::<f64>() {
        Timestamp::from_nanosecond((seconds * 1e9).round() as i128).ok()?
    } else {
        zone.to_zoned(text.parse::<DateTime>().ok()?).ok()?.timestamp()
    };
    let at = WallTime::from_nanos(i64::try_from(at.as_nanosecond()).ok()?);
    (DATE_FIRST..=DATE_LAST).contains(&at).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_other_tools_are_read_in_their_zone() {
        let zone = TimeZone::get("Asia/Jakarta").expect("a zone");
        let seconds = |text: &str| read(text, &zone).map(|at| at.as_nanos() / 1_000_000_000);
        for text in [
            "2026-11-21 16:56:02",
            "2026-11-21T16:56:02.000001",
            "2026-11-21T09:56:02Z",
            "2026-11-21 10:56:02+01:00",
            "1795254962",
            "1795254962.25",
        ] {
            assert_eq!(seconds(text), Some(1_795_254_962), "{text}");
        }
        for text in ["", "yesterday", "nan", "1e300", "12", "2026-13-01 00:00:00"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
