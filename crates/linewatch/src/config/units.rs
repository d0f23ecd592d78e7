//! Reads and writes lengths of time and sizes as people write them: `250ms`, `1m30s`, `90d`, `forever`, `2GiB`.
//!
//! A number without a unit is refused: a bare `5` has meant seconds, milliseconds and minutes to five tools.

use std::time::Duration;

use linewatch_render::words::TIME_UNITS;
pub use linewatch_render::words::duration_text;

/// How long something is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// This long.
    For(Duration),
    /// Never deleted.
    Forever,
}

impl Keep {
    /// `None`: for ever.
    pub const fn length(self) -> Option<Duration> {
        match self {
            Self::For(length) => Some(length),
            Self::Forever => None,
        }
    }
}

/// Why a text is no length of time or size; `Display` ends a sentence that began with the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitError {
    /// No unit behind the number.
    NoUnit,
    /// Below zero.
    Negative,
    /// Anything else.
    Form,
    /// Beyond 584 years or 16 EiB.
    TooLarge,
}

impl std::fmt::Display for UnitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoUnit => "has no unit",
            Self::Negative => "is below zero",
            Self::Form => "is not a number with a unit",
            Self::TooLarge => "is too large",
        })
    }
}

impl std::error::Error for UnitError {}

/// Bytes of each unit, largest first.
const SIZES: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];

/// Reads `250ms`, `1.5s`, `1m30s`, `90d`.
///
/// # Errors
///
/// [`UnitError`]: what is wrong with the text.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    parse(text, &TIME_UNITS).map(Duration::from_nanos)
}

/// Reads a length of time or `forever`.
///
/// # Errors
///
/// As [`parse_duration`].
pub fn parse_keep(text: &str) -> Result<Keep, UnitError> {
    if text.trim() == "forever" {
        Ok(Keep::Forever)
    } else {
        parse_duration(text).map(Keep::For)
    }
}

/// Reads `2GiB`, `500MB`: bytes.
///
/// # Errors
///
/// [`UnitError`]: what is wrong with the text.
pub fn parse_size(text: &str) -> Result<u64, UnitError> {
    parse(text, &SIZES)
}

/// The form of [`parse_keep`].
pub fn keep_text(keep: Keep) -> String {
    match keep {
        Keep::For(length) => duration_text(length),
        Keep::Forever => "forever".to_owned(),
    }
}

/// The largest unit that is exact.
pub fn size_text(bytes: u64) -> String {
    match SIZES
        .iter()
        .find(|(_, size)| bytes > 0 && bytes.is_multiple_of(*size))
    {
        Some((unit, size)) => format!("{}{unit}", bytes / size),
        None => format!("{bytes}B"),
    }
}

/// A sum of `NUMBER UNIT` parts, exact in integers.
fn parse(text: &str, units: &[(&str, u64)]) -> Result<u64, UnitError> {
    let mut rest = text.trim();
    if rest.starts_with(['-', '−']) {
        return Err(UnitError::Negative);
    }
    if rest.is_empty() {
        return Err(UnitError::Form);
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let number_end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, behind) = rest.split_at(number_end);
        let behind = behind.trim_start();
        let unit_end = behind
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(behind.len());
        let (unit, next) = behind.split_at(unit_end);
        if number.is_empty() {
            return Err(UnitError::Form);
        }
        if unit.is_empty() {
            return Err(if next.is_empty() {
                UnitError::NoUnit
            } else {
                UnitError::Form
            });
        }
        let (_, scale) = units
            .iter()
            .find(|(word, _)| *word == unit)
            .ok_or(UnitError::Form)?;
        total = total
            .checked_add(scaled(number, *scale)?)
            .ok_or(UnitError::TooLarge)?;
        rest = next.trim_start();
    }
    Ok(total)
}

fn scaled(number: &str, scale: u64) -> Result<u64, UnitError> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || number.ends_with('.') {
        return Err(UnitError::Form);
    }
    let whole: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().map_err(|_| UnitError::TooLarge)?
    };
    // 18 decimals reach below a nanosecond of a year; more would be written by no person.
    if fraction.len() > 18 {
        return Err(UnitError::Form);
    }
    let part: u64 = if fraction.is_empty() {
        0
    } else {
        fraction.parse().map_err(|_| UnitError::Form)?
    };
    let part = u128::from(part) * u128::from(scale) / 10_u128.pow(fraction.len() as u32);
    let total = u128::from(whole) * u128::from(scale) + part;
    u64::try_from(total).map_err(|_| UnitError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<u64, UnitError>) {
        assert_eq!(parse_duration(text), expected.map(Duration::from_nanos), "{text}");
    }

    #[test]
    fn lengths_of_time_are_exact() {
        check("1s", Ok(1_000_000_000));
        check("250ms", Ok(250_000_000));
        check("0.001s", Ok(1_000_000));
        check("0.000000001s", Ok(1));
        check(" 1.5 h ", Ok(5_400_000_000_000));
        check("1m30s", Ok(90_000_000_000));
        check("0s", Ok(0));
    }

    #[test]
    fn what_is_no_length_of_time_is_said_to_be_none() {
        check("5", Err(UnitError::NoUnit));
        check("-1s", Err(UnitError::Negative));
        for text in [
            "",
            "s",
            "1e-9s",
            "1..2s",
            ".s",
            "1.s",
            "1 fortnight",
            "1s 5,",
            "NaNs",
        ] {
            check(text, Err(UnitError::Form));
        }
        check("600y", Err(UnitError::TooLarge));
        check("99999999999999999999s", Err(UnitError::TooLarge));
    }

    #[test]
    fn what_is_written_reads_back_as_itself() {
        for text in [
            "1s", "250ms", "15m", "90d", "1y", "30d", "72h", "300s", "0s", "1h30m", "1ns", "1s1ns",
        ] {
            let length = parse_duration(text).expect(text);
            assert_eq!(parse_duration(&duration_text(length)), Ok(length), "{text}");
        }
        assert_eq!(duration_text(Duration::from_secs(90)), "90s");
        assert_eq!(duration_text(Duration::from_secs(5400)), "90m");
        assert_eq!(keep_text(Keep::Forever), "forever");
    }

    #[test]
    fn sizes_know_both_kinds_of_thousand() {
        assert_eq!(parse_size("2GiB"), Ok(2 << 30));
        assert_eq!(parse_size("500MB"), Ok(500_000_000));
        assert_eq!(parse_size("1.5KiB"), Ok(1536));
        assert_eq!(parse_size("2G"), Err(UnitError::Form));
        assert_eq!(parse_size("99999999TiB"), Err(UnitError::TooLarge));
        assert_eq!(
            (size_text(2 << 30), size_text(500_000_000), size_text(0)),
            ("2GiB".into(), "500MB".into(), "0B".into())
        );
    }
}
