//! Writes what the configuration, the terminal and the page must word alike: exact lengths of time, origins of values.
//!
//! Input: values of the core. Output: the text that a configuration file takes, or a person reads beside a value.
//! Not here: lengths rounded for reading (`format`), reading a length back (the configuration's).

use std::collections::BTreeMap;
use std::time::Duration;

use linewatch_core::target::{Origin, Origins};
use linewatch_core::time::nanos_of;

use crate::text::printable;

/// Nanoseconds of each unit, largest first, so that writing finds the shortest form. A year is 365 days.
pub const TIME_UNITS: [(&str, u64); 8] = [
    ("y", 31_536_000_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// The shortest exact form, as a configuration file has it: `1s`, `250ms`, `90d`, `1m30s`.
pub fn duration_text(length: Duration) -> String {
    let mut rest = nanos_of(length);
    if rest == 0 {
        return "0s".to_owned();
    }
    // One unit where one is exact (90m, not 1h30m): that is how people wrote it.
    let single = TIME_UNITS.iter().find(|(_, nanos)| rest.is_multiple_of(*nanos));
    if let Some((unit, nanos)) = single.filter(|(_, nanos)| rest / nanos < 1000) {
        return format!("{}{unit}", rest / nanos);
    }
    let mut text = String::new();
    for (unit, nanos) in TIME_UNITS {
        if rest >= nanos {
            text.push_str(&format!("{}{unit}", rest / nanos));
            rest %= nanos;
        }
    }
    text
}

/// Where a value comes from: `default`, `linewatch.toml, line 14`, `changed here`.
pub fn origin_text(origin: &Origin) -> String {
    match origin {
        Origin::Default => "default".to_owned(),
        Origin::BuiltIn => "built-in".to_owned(),
        Origin::File { path, line } => {
            let name = path.rsplit('/').next().unwrap_or(path);
            format!("{}, line {line}", printable(name))
        }
        Origin::Web => "changed here".to_owned(),
        Origin::CommandLine => "command line".to_owned(),
        Origin::Environment(name) => format!("${name}"),
    }
}

/// The same of every key that has another value than its default.
pub fn origin_texts(origins: &Origins) -> BTreeMap<String, String> {
    origins
        .iter()
        .map(|(key, origin)| (key.to_owned(), origin_text(origin)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_written_exactly_and_in_one_unit_where_one_does() {
        let written = [250, 1_000, 90_000, 5_400_000].map(|ms| duration_text(Duration::from_millis(ms)));
        assert_eq!(written, ["250ms", "1s", "90s", "90m"]);
        assert_eq!(duration_text(Duration::from_micros(1_500)), "1ms500us");
    }

    #[test]
    fn an_origin_names_file_and_line_without_the_directory() {
        let file = Origin::File {
            path: "/etc/linewatch/linewatch.toml".to_owned(),
            line: 14,
        };
        assert_eq!(origin_text(&file), "linewatch.toml, line 14");
        assert_eq!(origin_text(&Origin::Environment("HOST".to_owned())), "$HOST");
    }
}
