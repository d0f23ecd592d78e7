//! Turns runs into medians and rows into a table that anybody can read.

use std::io::Write as _;

/// Prints a line, whoever reads.
pub(crate) fn say(text: &str) {
    let mut out = std::io::stdout();
    // A reader that went away is no reason to fail.
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// The same quantity of several runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs(Vec<f64>);

impl Runs {
    /// One more.
    pub(crate) fn add(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The middle one; the lower of two.
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
            .get(sorted.len().saturating_sub(1) / 2)
            .copied()
            .unwrap_or(f64::NAN)
    }

    fn least(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The greatest of all.
    pub(crate) fn greatest(&self) -> f64 {
        self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    /// Whether the middle half of the runs lies within a factor of two: their median then says something.
    pub(crate) fn is_steady(&self) -> bool {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        at(last - last / 4) <= 2.0 * at(last / 4)
    }

    /// `1.2–1.5`
    pub(crate) fn spread(&self) -> String {
        format!("{}–{}", short(self.least()), short(self.greatest()))
    }
}

/// Three significant digits, as far as they mean something.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        size if !size.is_finite() => "-".to_owned(),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// Whether a goal is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Yes.
    Met,
    /// No, and it is said.
    Missed,
    /// It could not be measured here.
    NotMeasured,
}

impl Verdict {
    /// Met or missed.
    pub(crate) fn of(is_met: bool) -> Self {
        if is_met { Self::Met } else { Self::Missed }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "MISSED",
            Self::NotMeasured => "not measured",
        }
    }
}

/// One row of the table.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Number in the list of goals.
    pub row: u8,
    /// What was measured, with its unit.
    pub what: String,
    /// Our median.
    pub ours: String,
    /// The other's median.
    pub peer: String,
    /// Ours to the other's.
    pub ratio: String,
    /// What it should be.
    pub goal: String,
    /// Whether it is.
    pub verdict: Verdict,
    /// How the engine's thread was scheduled.
    pub class: String,
    /// Least and greatest of the runs.
    pub noise: String,
}

impl Line {
    /// A row without a result, and why.
    pub(crate) fn not_measured(row: u8, why: &str) -> Self {
        Self {
            row,
            what: "-".to_owned(),
            ours: "-".to_owned(),
            peer: "-".to_owned(),
            ratio: "-".to_owned(),
            goal: "-".to_owned(),
            verdict: Verdict::NotMeasured,
            class: "-".to_owned(),
            noise: why.to_owned(),
        }
    }

    fn cells(&self) -> [String; 9] {
        [
            self.row.to_string(),
            self.what.clone(),
            self.ours.clone(),
            self.peer.clone(),
            self.ratio.clone(),
            self.goal.clone(),
            self.verdict.word().to_owned(),
            self.class.clone(),
            self.noise.clone(),
        ]
    }
}

/// The table, columns aligned.
pub(crate) fn draw(lines: &[Line]) -> String {
    const HEAD: [&str; 9] = [
        "#",
        "what",
        "linewatch",
        "peer",
        "ratio",
        "goal",
        "goal is",
        "scheduling",
        "noise (min–max)",
    ];
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(lines.iter().map(Line::cells));
    let widths: [usize; 9] =
        std::array::from_fn(|at| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0));
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
        if number == 0 {
            let rules = widths.map(|width| "-".repeat(width));
            text.push_str(&format!("| {} |\n", rules.join(" | ")));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_a_run_that_happened() {
        let mut runs = Runs::default();
        for value in [5.0, 1.0, 9.0, 2.0] {
            runs.add(value);
        }
        assert!((runs.median() - 2.0).abs() < f64::EPSILON);
        assert_eq!(runs.spread(), "1.00–9.00");
    }

    #[test]
    fn runs_are_steady_when_all_but_the_outliers_agree() {
        let of = |values: &[f64]| Runs(values.to_vec()).is_steady();
        assert!(of(&[10.0, 11.0, 12.0, 13.0, 500.0]));
        assert!(!of(&[10.0, 11.0, 30.0, 40.0, 500.0]));
        assert!(!of(&[]));
    }
}
