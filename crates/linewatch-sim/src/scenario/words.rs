//! Reads one line of a scenario word by word.
//!
//! Every reader takes the next word or says, with the line and the word, what should have been there.

use std::net::IpAddr;
use std::time::Duration;

use linewatch_core::time::MonoTime;

use super::ScenarioError;

/// The words of one line that have not been read yet.
#[derive(Debug)]
pub(super) struct Words {
    line: u32,
    words: Vec<String>,
    next: usize,
}

impl Words {
    /// Splits a line at blanks and commas; `"…"` is one word, `#` begins a comment.
    pub(super) fn of(line: u32, text: &str) -> Result<Self, ScenarioError> {
        let mut words = Vec::new();
        let is_between = |c: char| c.is_whitespace() || c == ',';
        let mut rest = text.trim_start_matches(is_between);
        while !rest.is_empty() && !rest.starts_with('#') {
            let (word, after) = if let Some(quoted) = rest.strip_prefix('"') {
                quoted.split_once('"').ok_or_else(|| ScenarioError {
                    line,
                    word: rest.to_owned(),
                    problem: "a quotation mark without its partner".to_owned(),
                })?
            } else {
                rest.split_at(rest.find(is_between).unwrap_or(rest.len()))
            };
            words.push(word.to_owned());
            rest = after.trim_start_matches(is_between);
        }
        Ok(Self { line, words, next: 0 })
    }

    pub(super) const fn line(&self) -> u32 {
        self.line
    }

    pub(super) fn is_empty(&self) -> bool {
        self.next >= self.words.len()
    }

    pub(super) fn peek(&self) -> Option<&str> {
        self.words.get(self.next).map(String::as_str)
    }

    /// Takes the next word if it is this one.
    pub(super) fn take(&mut self, word: &str) -> bool {
        let is_it = self.peek() == Some(word);
        self.next += usize::from(is_it);
        is_it
    }

    /// Takes the next word; `expected` says what it should be if there is none.
    pub(super) fn any(&mut self, expected: &str) -> Result<String, ScenarioError> {
        let word = self.words.get(self.next).cloned();
        self.next += 1;
        word.ok_or_else(|| self.wrong_word("", &format!("the line ends where {expected} should be")))
    }

    /// Takes the next word, which must be this one.
    pub(super) fn need(&mut self, word: &str) -> Result<(), ScenarioError> {
        let found = self.any(&format!("{word:?}"))?;
        if found == word {
            Ok(())
        } else {
            Err(self.wrong_word(&found, &format!("expected {word:?}")))
        }
    }

    /// Nothing may be left.
    pub(super) fn end(&self) -> Result<(), ScenarioError> {
        match self.peek() {
            None => Ok(()),
            Some(word) => Err(self.wrong_word(word, "not understood here")),
        }
    }

    /// Complains about a word of this line.
    pub(super) fn wrong_word(&self, word: &str, problem: &str) -> ScenarioError {
        ScenarioError {
            line: self.line,
            word: word.to_owned(),
            problem: problem.to_owned(),
        }
    }

    /// Takes a word that `read` understands.
    fn read<T>(&mut self, expected: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T, ScenarioError> {
        let word = self.any(expected)?;
        read(&word).ok_or_else(|| self.wrong_word(&word, &format!("expected {expected}")))
    }

    pub(super) fn duration(&mut self) -> Result<Duration, ScenarioError> {
        self.read("a duration such as 250ms or 1.5s", duration)
    }

    pub(super) fn instant(&mut self) -> Result<MonoTime, ScenarioError> {
        Ok(MonoTime::ZERO.plus(self.duration()?))
    }

    /// `+-3ms`.
    pub(super) fn plus_minus(&mut self) -> Result<Duration, ScenarioError> {
        self.read("a spread such as +-3ms", |word| {
            duration(word.strip_prefix("+-")?)
        })
    }

    /// `+1h` or `-30s`, in nanoseconds.
    pub(super) fn signed_nanos(&mut self) -> Result<i64, ScenarioError> {
        self.read("a step such as +1h or -30s", |word| {
            let (sign, length) = match word.strip_prefix('-') {
                Some(length) => (-1, length),
                None => (1, word.strip_prefix('+')?),
            };
            i64::try_from(duration(length)?.as_nanos())
                .ok()?
                .checked_mul(sign)
        })
    }

    /// `1%`, as a share of 1.
    pub(super) fn share(&mut self) -> Result<f64, ScenarioError> {
        self.read("a share from 0% to 100%", share)
    }

    pub(super) fn number(&mut self) -> Result<f64, ScenarioError> {
        self.read("a number such as 150 or 0.05", |word| {
            word.parse().ok().filter(|number: &f64| number.is_finite())
        })
    }

    pub(super) fn count(&mut self) -> Result<u64, ScenarioError> {
        self.read("a whole number", |word| word.parse().ok())
    }

    pub(super) fn address(&mut self) -> Result<IpAddr, ScenarioError> {
        self.read("an IP address of the documentation ranges", |word| {
            word.parse().ok().filter(is_for_documentation)
        })
    }
}

/// Scenarios name nobody's real address: RFC 5737, RFC 3849, and the private ranges of RFC 1918.
fn is_for_documentation(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_documentation() || v4.is_private(),
        IpAddr::V6(v6) => v6.segments()[..2] == [0x2001, 0xdb8],
    }
}

/// `12ms`, `1.5s`, `250us`, `8h`: exact, hence read as digits and not as a float.
pub(super) fn duration(word: &str) -> Option<Duration> {
    let unit_at = word.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (digits, unit) = word.split_at(unit_at);
    let unit_ns: u128 = match unit {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || part.len() > 9 || part.contains('.') {
        return None;
    }
    let part_ns = if part.is_empty() {
        0
    } else {
        part.parse::<u128>().ok()? * unit_ns / 10_u128.pow(part.len() as u32)
    };
    let nanos = whole.parse::<u64>().ok().map(u128::from)? * unit_ns + part_ns;
    u64::try_from(nanos).ok().map(Duration::from_nanos)
}

/// `0.97%`, as a share of 1.
pub(super) fn share(word: &str) -> Option<f64> {
    let percent: f64 = word.strip_suffix('%')?.parse().ok()?;
    (0.0..=100.0).contains(&percent).then_some(percent / 100.0)
}
