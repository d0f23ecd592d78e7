//! Writes calendar instants: RFC 3339 in UTC for data, local time of a given zone for people.
//!
//! Not here: choosing the zone (the command line) and reading a clock (probe).

use jiff::Timestamp;
use jiff::tz::TimeZone;
use linewatch_core::time::WallTime;

/// `2026-11-21T02:03:04.123456Z`: microseconds, the resolution of the API.
pub fn rfc3339_us(at: WallTime) -> String {
    timestamp(at).strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// `2026-11-21 16:56:02` in `zone`.
pub fn date_time(at: WallTime, zone: &TimeZone) -> String {
    timestamp(at)
        .to_zoned(zone.clone())
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}

/// `16:56:02` in `zone`.
pub fn clock_time(at: WallTime, zone: &TimeZone) -> String {
    timestamp(at)
        .to_zoned(zone.clone())
        .strftime("%H:%M:%S")
        .to_string()
}

/// `Asia/Jakarta (+07:00)`: the zone and its offset at that moment.
pub fn zone_name(at: WallTime, zone: &TimeZone) -> String {
    let offset = timestamp(at).to_zoned(zone.clone()).strftime("%:z").to_string();
    match zone.iana_name() {
        Some(name) => format!("{name} ({offset})"),
        None => offset,
    }
}

/// Every `i64` of nanoseconds (1677 to 2262) is a `Timestamp`, so the fallback is never taken.
fn timestamp(at: WallTime) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(at.as_nanos())).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_utc_with_microseconds() {
        let at = WallTime::from_nanos(1_795_226_584_123_456_789);
        assert_eq!(rfc3339_us(at), "2026-11-21T02:03:04.123456Z");
        assert_eq!(rfc3339_us(WallTime::from_nanos(0)), "1970-01-01T00:00:00.000000Z");
        assert_eq!(
            rfc3339_us(WallTime::from_nanos(i64::MAX)),
            "2262-04-11T23:47:16.854775Z"
        );
    }

    #[test]
    fn people_read_their_own_zone_and_its_offset() {
        let at = WallTime::from_nanos(1_795_226_584_000_000_000);
        let zone = TimeZone::fixed(jiff::tz::offset(7));
        assert_eq!(date_time(at, &zone), "2026-11-21 09:03:04");
        assert_eq!(clock_time(at, &zone), "09:03:04");
        assert_eq!(zone_name(at, &zone), "+07:00");
        assert_eq!(zone_name(at, &TimeZone::UTC), "UTC (+00:00)");
    }
}
