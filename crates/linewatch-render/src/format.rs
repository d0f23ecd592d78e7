//! Writes numbers as people read them: round trips, loss, availability, durations, counts (UI.md section 10).
//!
//! Twin of the page's `format.js`; both are held to `vectors.json`. Everything is rounded from integers and
//! half up, because binary fractions round differently in the two languages. No data is `—` and never 0.

/// What stands where there is no data.
pub const NONE: &str = "—";
/// A true minus sign.
const MINUS: &str = "−";

/// A number with its unit apart, because the page sets the unit smaller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantity {
    /// The number, or [`NONE`].
    pub value: String,
    /// `ms`, `s`, `%`; empty when there is no data.
    pub unit: &'static str,
}

impl Quantity {
    fn new(value: impl Into<String>, unit: &'static str) -> Self {
        Self {
            value: value.into(),
            unit,
        }
    }

    fn none() -> Self {
        Self::new(NONE, "")
    }
}

impl std::fmt::Display for Quantity {
    /// `88.2 ms`, `1.7%`, `—`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let gap = if self.unit.is_empty() || self.unit == "%" {
            ""
        } else {
            " "
        };
        write!(f, "{}{gap}{}", self.value, self.unit)
    }
}

/// A round trip: two decimals under 10 ms, one under 100, none above, seconds from 10,000 ms.
pub fn rtt_ms(ms: Option<f64>) -> Quantity {
    let Some(ms) = ms.filter(|ms| ms.is_finite() && *ms >= 0.0) else {
        return Quantity::none();
    };
    let us = (ms * 1000.0 + 0.5).floor() as u64;
    // The limits are where rounding would otherwise show one digit too many: 9.995 is "10.0", not "10.00".
    match us {
        _ if ms > 0.0 && us < 5 => Quantity::new("<0.01", "ms"),
        0..9_995 => Quantity::new(decimal(us, 1000, 2), "ms"),
        9_995..99_950 => Quantity::new(decimal(us, 1000, 1), "ms"),
        99_950..9_999_500 => Quantity::new(decimal(us, 1000, 0), "ms"),
        _ => Quantity::new(decimal(us, 1_000_000, 1), "s"),
    }
}

/// Loss in parts per million. 0 only if nothing was lost, 100 only if everything was; one decimal under 10 %,
/// two where one would show nothing.
pub fn loss_ppm(ppm: Option<u32>) -> Quantity {
    let Some(ppm) = ppm else {
        return Quantity::none();
    };
    let value = match ppm {
        0 => "0".to_owned(),
        1..100 => "<0.01".to_owned(),
        100..950 => decimal(u64::from(ppm), 10_000, 2),
        950..99_500 => decimal(u64::from(ppm), 10_000, 1),
        99_500..1_000_000 => ((ppm + 5_000) / 10_000).min(99).to_string(),
        1_000_000.. => "100".to_owned(),
    };
    Quantity::new(value, "%")
}

/// Availability in parts per million: two decimals, always rounded down.
pub fn availability_ppm(ppm: Option<u32>) -> Quantity {
    match ppm.map(|ppm| ppm / 100) {
        None => Quantity::none(),
        Some(hundredths) => Quantity::new(format!("{}.{:02}", hundredths / 100, hundredths % 100), "%"),
    }
}

/// A length of time, rounded down: `340 ms`, `34 s`, `1 m 52 s`, `3 h 12 m`, `2 d 4 h`.
pub fn duration_ms(ms: Option<u64>) -> String {
    let Some(ms) = ms else {
        return NONE.to_owned();
    };
    let seconds = ms / 1000;
    match seconds {
        0 => format!("{ms} ms"),
        1..60 => format!("{seconds} s"),
        60..3_600 => format!("{} m {:02} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {:02} m", seconds / 3_600, seconds / 60 % 60),
        86_400.. => format!("{} d {} h", group(seconds / 86_400), seconds / 3_600 % 24),
    }
}

/// A count with grouping.
pub fn count(number: Option<i64>) -> String {
    match number {
        None => NONE.to_owned(),
        Some(number) if number < 0 => format!("{MINUS}{}", group(number.unsigned_abs())),
        Some(number) => group(number.unsigned_abs()),
    }
}

/// `number / divisor` with `digits` decimals, half up.
fn decimal(number: u64, divisor: u64, digits: u32) -> String {
    let scale = 10_u128.pow(digits);
    let divisor = u128::from(divisor);
    let units = (u128::from(number) * scale * 2 + divisor) / (divisor * 2);
    let whole = group((units / scale) as u64);
    if digits == 0 {
        return whole;
    }
    format!("{whole}.{:0width$}", units % scale, width = digits as usize)
}

fn group(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Every row of one list of `vectors.json`.
    fn vectors(list: &str) -> Vec<Vec<Value>> {
        let all: Value = serde_json::from_str(include_str!("../vectors.json")).expect("vectors.json is JSON");
        let rows = all[list].as_array().unwrap_or_else(|| panic!("no list {list}"));
        rows.iter()
            .map(|row| row.as_array().expect("a row is a list").clone())
            .collect()
    }

    #[track_caller]
    fn check_quantities(list: &str, write: impl Fn(&Value) -> Quantity) {
        for row in vectors(list) {
            let written = write(&row[0]);
            let expected = (row[1].as_str().expect("value"), row[2].as_str().expect("unit"));
            assert_eq!(
                (written.value.as_str(), written.unit),
                expected,
                "{list} {}",
                row[0]
            );
        }
    }

    #[test]
    fn round_trips_are_written_as_on_the_page() {
        check_quantities("rtt_ms", |input| rtt_ms(input.as_f64()));
    }

    #[test]
    fn loss_is_written_as_on_the_page() {
        check_quantities("loss_ppm", |input| loss_ppm(input.as_u64().map(|ppm| ppm as u32)));
    }

    #[test]
    fn availability_is_written_as_on_the_page() {
        check_quantities("availability_ppm", |input| {
            availability_ppm(input.as_u64().map(|ppm| ppm as u32))
        });
    }

    #[test]
    fn durations_are_written_as_on_the_page() {
        for row in vectors("duration_ms") {
            assert_eq!(
                Some(duration_ms(row[0].as_u64()).as_str()),
                row[1].as_str(),
                "{}",
                row[0]
            );
        }
    }

    #[test]
    fn counts_are_written_as_on_the_page() {
        for row in vectors("count") {
            assert_eq!(
                Some(count(row[0].as_i64()).as_str()),
                row[1].as_str(),
                "{}",
                row[0]
            );
        }
    }

    #[test]
    fn what_is_no_number_is_no_data() {
        assert_eq!(
            [f64::NAN, f64::INFINITY, -1.0].map(|ms| rtt_ms(Some(ms)).value),
            [NONE; 3]
        );
    }

    #[test]
    fn a_quantity_reads_with_its_unit() {
        assert_eq!(rtt_ms(Some(88.2)).to_string(), "88.2 ms");
        assert_eq!(loss_ppm(Some(17_000)).to_string(), "1.7%");
        assert_eq!(loss_ppm(None).to_string(), "—");
    }
}
