//! Writes the lines of a `linewatch.toml`, values quoted as TOML wants them, remarks as comments of one line each.

use std::fmt::Write as _;
use std::time::Duration;

use linewatch_render::text::printable;
use linewatch_render::words::duration_text;
use toml_edit::Value;

use super::{ImportError, Tool};

/// A configuration being written.
#[derive(Debug)]
pub(super) struct Sheet(String);

impl Sheet {
    /// With a heading that says where it comes from.
    pub(super) fn new(tool: Tool, name: &str) -> Self {
        let mut sheet = Self(String::new());
        sheet.note(&format!("Imported from {name} of {tool}."));
        sheet
    }

    /// A remark of its own.
    pub(super) fn note(&mut self, text: &str) {
        let _ = writeln!(self.0, "# {}", printable(text));
    }

    /// Begins a table: `[head]`, or `[[head]]` with its brackets given.
    pub(super) fn table(&mut self, head: &str) {
        let _ = writeln!(self.0, "\n[{head}]");
    }

    /// A value, and why it is so if that is worth a word.
    pub(super) fn set(&mut self, key: &str, value: impl Into<Value>, why: &str) {
        let value: Value = value.into();
        let _ = write!(self.0, "{key} = {value}");
        if !why.is_empty() {
            let _ = write!(self.0, "  # {}", printable(why));
        }
        self.0.push('\n');
    }

    /// A length of time given in seconds.
    pub(super) fn seconds(&mut self, key: &str, length: Duration, why: &str) {
        self.set(key, duration_text(length), why);
    }

    /// A key without a counterpart.
    pub(super) fn without(&mut self, key: &str, value: &str, why: &str) {
        let value = shortened(value);
        self.note(&format!("{key} = {value}: {why}"));
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// A foreign value in a comment is there to be recognised, not to be kept.
fn shortened(value: &str) -> String {
    const CHARS: usize = 60;
    if value.chars().count() <= CHARS {
        return value.to_owned();
    }
    value.chars().take(CHARS).chain("...".chars()).collect()
}

/// A positive number of seconds as a length of time.
pub(super) fn seconds(key: &str, seconds: f64) -> Result<Duration, ImportError> {
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|length| !length.is_zero())
        // What the tools wrote as 0.001 is a millisecond, not what binary fractions make of it.
        .map(|length| Duration::from_micros(((length.as_nanos() + 500) / 1000) as u64))
        .ok_or_else(|| ImportError {
            message: format!("{key} = {seconds} is no length of time in seconds"),
            help: "write a number above 0",
        })
}

/// A whole number as one.
pub(super) fn plain(number: f64) -> Value {
    if number.fract() == 0.0 {
        (number as i64).into()
    } else {
        number.into()
    }
}
