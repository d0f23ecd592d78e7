//! Says what is wrong with a configuration: what, where, what to do (STYLE "Words for users").
//!
//! All errors are collected, because a person would rather mend five lines at once than start five times.

use std::fmt;

use linewatch_render::text::printable;

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Path as given, or the name of an option or environment variable.
    pub path: String,
    /// Line and column, from 1; the column counts characters. `None` outside files.
    pub at: Option<(u32, u32)>,
}

/// One mistake, or one thing worth a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Where.
    pub place: Place,
    /// The key as in the file, `server.listen` or `timeout` of a target; empty when it is about no single key.
    pub key: String,
    /// What is wrong, one lower-case sentence with the user's own words quoted.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.path))?;
        match self.at {
            Some((line, column)) => write!(f, ":{line}:{column}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for ConfigError {
    /// The message, the place and the help on lines of their own; `error: ` before it is the caller's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  --> {}", printable(&self.message), self.place)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {}", printable(help)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigError {}

/// Everything that is wrong, in the order of the file. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    /// One block per error, each beginning with `error: `, with an empty line between.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n\n" };
            write!(f, "{gap}error: {error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// Errors and warnings while they are collected.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) errors: Vec<ConfigError>,
    pub(super) warnings: Vec<ConfigError>,
}

impl Report {
    pub(super) fn error(&mut self, place: Place, key: &str, mistake: Mistake) {
        self.errors.push(ConfigError {
            place,
            key: key.to_owned(),
            message: mistake.message,
            help: mistake.help,
        });
    }

    pub(super) fn warning(&mut self, place: Place, key: &str, mistake: Mistake) {
        self.warnings.push(ConfigError {
            place,
            key: key.to_owned(),
            message: mistake.message,
            help: mistake.help,
        });
    }
}

/// What is wrong with one value; where it stands is known to the reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Mistake {
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: Some(help.into()),
        }
    }
}

/// The known word nearest to `word`, if it is near enough to be meant: at most a third of its letters differ.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    // Longer than any key of ours: comparing it would only cost time.
    if word.len() > 64 {
        return None;
    }
    let far = (word.chars().count() / 3).max(1);
    known
        .iter()
        .map(|candidate| (distance(word, candidate), *candidate))
        .filter(|(distance, _)| *distance <= far)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Optimal string alignment: insertions, deletions, substitutions and swapped neighbours count one each.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut rows = vec![vec![0; right.len() + 1]; left.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=right.len()).collect();
    for i in 1..=left.len() {
        for j in 1..=right.len() {
            let differs = usize::from(left[i - 1] != right[j - 1]);
            let mut best = (rows[i - 1][j] + 1)
                .min(rows[i][j - 1] + 1)
                .min(rows[i - 1][j - 1] + differs);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_fingers_finds_the_word_that_was_meant() {
        let known = ["interval", "timeout", "payload_bytes", "id"];
        assert_eq!(nearest("intervall", &known), Some("interval"));
        assert_eq!(nearest("itnerval", &known), Some("interval"));
        assert_eq!(nearest("time_out", &known), Some("timeout"));
        assert_eq!(nearest("di", &known), Some("id"));
        assert_eq!(nearest("colour", &known), None);
        assert_eq!(nearest(&"x".repeat(100_000), &known), None);
    }

    #[test]
    fn an_error_is_one_line_each_for_what_where_and_what_to_do() {
        let error = ConfigError {
            place: Place {
                path: "a\nb.toml".into(),
                at: Some((14, 11)),
            },
            key: "timeout".into(),
            message: "timeout \"\u{1b}[2J\" is no length of time".into(),
            help: Some("write \"1s\"".into()),
        };
        let text =
            "timeout \"\\u{1b}[2J\" is no length of time\n  --> a\\nb.toml:14:11\n  help: write \"1s\"";
        assert_eq!(error.to_string(), text);
        assert_eq!(
            ConfigErrors(vec![error.clone(), error]).to_string(),
            format!("error: {text}\n\nerror: {text}")
        );
    }
}
