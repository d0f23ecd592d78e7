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

/// `2026-11-21 16:56:02.123` in `zone`, rounded down.
pub fn date_time_ms(at: WallTime, zone: &TimeZone) -> String {
    timestamp(at)
        .to_zoned(zone.clone())
        .strftime("%Y-%m-%d %H:%M:%S.%3f")
        .to_string()
}

/// `20261121_165602` in `zone`: a part of a file's name.
pub fn compact(at: WallTime, zone: &TimeZone) -> String {
    timestamp(at)
        .to_zoned(zone.clone())
        .strftime("%Y%m%d_%H%M%S")
        .to_string()
}

/// How far `zone` is ahead of UTC then, in seconds.
pub fn offset_seconds(at: WallTime, zone: &TimeZone) -> i32 {
    zone.to_offset(timestamp(at)).seconds()
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

/// `WIB`: the zone's short name at that moment, as people say it; its offset where it has none.
pub fn zone_short(at: WallTime, zone: &TimeZone) -> String {
    timestamp(at).to_zoned(zone.clone()).strftime("%Z").to_string()
}

/// The zone of a fixed offset as people write it (`+07:00`, `-0330`, `+7`); `None` for anything else.
pub fn fixed_offset(text: &str) -> Option<TimeZone> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let (hours, minutes) = match (rest.split_once(':'), rest.len()) {
        (Some((hours, minutes)), _) if minutes.len() == 2 => (hours, minutes),
        (None, 4) => rest.split_at_checked(2)?,
        (None, 1 | 2) => (rest, "0"),
        _ => return None,
    };
    let number = |text: &str| -> Option<i32> {
        let is_digits = matches!(text.len(), 1 | 2) && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_digits { text.parse().ok() } else { None }
    };
    let (hours, minutes) = (number(hours)?, number(minutes).filter(|minutes| *minutes < 60)?);
    let offset = jiff::tz::Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok()?;
    Some(TimeZone::fixed(offset))
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
    fn offsets_are_read_as_people_write_them() {
        let seconds = |text: &str| {
            let zone = fixed_offset(text)?;
            Some(zone.to_offset(Timestamp::UNIX_EPOCH).seconds())
        };
        assert_eq!(seconds("+07:00"), Some(25_200));
        assert_eq!(seconds("-0330"), Some(-12_600));
        assert_eq!(seconds("+7"), Some(25_200));
        for text in [
            "", "07:00", "+", "+07:0", "+7:60", "+99:00", "+:00", "+1:+1", "+é0", "+ééé",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn people_read_their_own_zone_and_its_offset() {
        let at = WallTime::from_nanos(1_795_226_584_000_000_000);
        let zone = TimeZone::fixed(jiff::tz::offset(7));
        assert_eq!(date_time(at, &zone), "2026-11-21 09:03:04");
        assert_eq!(clock_time(at, &zone), "09:03:04");
        assert_eq!(zone_name(at, &zone), "+07:00");
        assert_eq!(zone_name(at, &TimeZone::UTC), "UTC (+00:00)");
        assert_eq!(zone_short(at, &TimeZone::UTC), "UTC");
        assert_eq!(zone_short(at, &zone), "+07");
    }
}
