//! Writes the findings of `doctor`: a table for people, one JSON object for programs.
//!
//! Input: what each check found. Output: text with its line ends inside and none at its end. A finding is one
//! sentence, and one command where there is a cure. Not here: looking, judging, the exit code.

use serde::Serialize;

use crate::text::printable;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Worth knowing; nothing to do.
    Note,
    /// Measurements are worse, or will fail under load.
    Warning,
    /// Something that was asked for cannot work.
    Fault,
}

impl Verdict {
    /// The word used in every interface.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Fault => "fault",
        }
    }

    /// Its SGR code: green, dim, yellow, bold red.
    const fn colour(self) -> &'static str {
        match self {
            Self::Ok => "32",
            Self::Note => "2",
            Self::Warning => "33",
            Self::Fault => "1;31",
        }
    }
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at: `permission`, `dns`.
    pub name: &'static str,
    /// How bad it is.
    pub verdict: Verdict,
    /// One sentence, lower case, without a full stop.
    pub sentence: String,
    /// To be copied into a shell; `None` where there is nothing to do.
    pub command: Option<String>,
}

impl Finding {
    /// A finding that asks for nothing.
    pub fn new(name: &'static str, verdict: Verdict, sentence: impl Into<String>) -> Self {
        Self {
            name,
            verdict,
            sentence: sentence.into(),
            command: None,
        }
    }

    /// Adds the cure.
    #[must_use]
    pub fn cure(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }
}

#[derive(Serialize)]
struct Object<'a> {
    checks: Vec<Row<'a>>,
    faults: usize,
    warnings: usize,
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    verdict: &'static str,
    sentence: &'a str,
    command: Option<&'a str>,
}

/// The table: verdict, name and sentence in columns, the command on a line of its own, a summary at the end.
pub fn table(findings: &[Finding], is_coloured: bool) -> String {
    let widest = findings
        .iter()
        .map(|finding| finding.name.len())
        .max()
        .unwrap_or(0);
    let mut lines = Vec::with_capacity(findings.len() + 2);
    for finding in findings {
        let word = finding.verdict.word();
        // Padded before it is coloured: escapes have no width.
        let padded = format!("{word:<7}");
        let shown = if is_coloured {
            format!("\u{1b}[{}m{padded}\u{1b}[0m", finding.verdict.colour())
        } else {
            padded
        };
        lines.push(format!(
            "{shown}  {:<widest$}  {}",
            finding.name,
            printable(&finding.sentence)
        ));
        if let Some(command) = &finding.command {
            lines.push(format!("{:7}  {:widest$}    run: {}", "", "", printable(command)));
        }
    }
    lines.push(String::new());
    lines.push(summary(findings));
    lines.join("\n")
}

/// One JSON object: `checks` in order, and how many are faults and warnings.
pub fn json(findings: &[Finding]) -> String {
    let object = Object {
        checks: findings
            .iter()
            .map(|finding| Row {
                name: finding.name,
                verdict: finding.verdict.word(),
                sentence: &finding.sentence,
                command: finding.command.as_deref(),
            })
            .collect(),
        faults: count(findings, Verdict::Fault),
        warnings: count(findings, Verdict::Warning),
    };
    // Strings and numbers only: nothing in it can fail to be JSON.
    serde_json::to_string(&object).unwrap_or_default()
}

fn summary(findings: &[Finding]) -> String {
    let plural = |number: usize, word: &str| match number {
        0 => format!("no {word}s"),
        1 => format!("1 {word}"),
        _ => format!("{number} {word}s"),
    };
    format!(
        "{} checks: {}, {}",
        findings.len(),
        plural(count(findings, Verdict::Fault), "fault"),
        plural(count(findings, Verdict::Warning), "warning")
    )
}

fn count(findings: &[Finding], verdict: Verdict) -> usize {
    findings
        .iter()
        .filter(|finding| finding.verdict == verdict)
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings() -> [Finding; 2] {
        [
            Finding::new("clock", Verdict::Ok, "tsc"),
            Finding::new("permission", Verdict::Fault, "ICMP is not permitted: \u{1b}[2J").cure("sudo x"),
        ]
    }

    #[test]
    fn the_command_stands_below_its_sentence_and_nothing_moves_the_cursor() {
        let text = "ok       clock       tsc\n\
                    fault    permission  ICMP is not permitted: \\u{1b}[2J\n\
                    \x20                      run: sudo x\n\
                    \n\
                    2 checks: 1 fault, no warnings";
        assert_eq!(table(&findings(), false), text);
    }

    #[test]
    fn colour_changes_no_column() {
        let plain = table(&findings(), false);
        let coloured = table(&findings(), true);
        assert!(coloured.contains("\u{1b}[1;31mfault  \u{1b}[0m"), "{coloured}");
        let stripped = ["\u{1b}[1;31m", "\u{1b}[32m", "\u{1b}[0m"]
            .iter()
            .fold(coloured, |text, escape| text.replace(escape, ""));
        assert_eq!(stripped, plain);
    }

    #[test]
    fn programs_get_the_same_with_null_for_no_command() {
        assert_eq!(
            json(&findings()),
            "{\"checks\":[{\"name\":\"clock\",\"verdict\":\"ok\",\"sentence\":\"tsc\",\"command\":null},\
             {\"name\":\"permission\",\"verdict\":\"fault\",\"sentence\":\"ICMP is not permitted: \\u001b[2J\",\
             \"command\":\"sudo x\"}],\"faults\":1,\"warnings\":0}"
        );
    }
}
