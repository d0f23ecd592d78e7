//! The figures of a report as rows of text, and the sum that proves that no probe is hidden. Nothing here is escaped yet.

use linewatch_core::record::Counts;
use linewatch_core::rollup::Rollup;
use linewatch_core::time::{Rtt, nanos_of};

use super::words::{Words, grouped, minute};
use super::{Day, LineReport, Report, length};
use crate::format::{NONE, loss_ppm, rtt_ms};

/// The figures of one span: sent, received, lost, loss, min, average, p50, p95, p99, max, jitter.
pub(super) fn figures(rollup: &Rollup) -> [String; 11] {
    let loss = rollup.counts().loss();
    let [p50, p95, p99] = rollup.quantiles([0.5, 0.95, 0.99]);
    [
        grouped(loss.finished),
        grouped(loss.finished - loss.failed),
        grouped(loss.failed),
        loss_ppm(loss.ppm()).to_string(),
        millis(rollup.min()),
        millis(rollup.avg()),
        millis(p50),
        millis(p95),
        millis(p99),
        millis(rollup.max()),
        millis(rollup.jitter()),
    ]
}

/// Milliseconds without their unit, which the table says once; a longer time says its own.
pub(super) fn millis(rtt: Option<Rtt>) -> String {
    let written = rtt_ms(rtt.map(Rtt::as_millis_f64));
    if written.unit == "ms" || written.unit.is_empty() {
        written.value
    } else {
        written.to_string()
    }
}

/// `20 Nov, 16:56–24:00`, `21 Nov`, `Nov 2026`.
pub(super) fn day_name(words: &Words, report: &Report, day: &Day) -> String {
    let zone = &report.zone;
    if day.is_month {
        return words.month_year(day.from, zone);
    }
    let name = words.day(day.from, zone);
    let (begin, end) = (minute(day.from, zone), minute(day.to, zone));
    let is_last = day.to == report.to;
    match (begin.as_str(), end.as_str()) {
        ("00:00", "00:00") => name,
        // The end of a day is its midnight, which is the next day's.
        (_, "00:00") if !is_last || day.to > day.from => format!("{name}, {begin}–24:00"),
        _ => format!("{name}, {begin}–{end}"),
    }
}

/// What became of every probe that was due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    /// As recorded; `unmeasured` with those of the gaps, `scheduled` with them too.
    pub(super) counts: Counts,
    /// Probes of the gaps among the unmeasured.
    pub(super) in_gaps: u64,
    /// How many the interval of today lets expect in the period, where it is known of every line.
    pub(super) expected: Option<u64>,
}

/// The account of all lines together.
pub(super) fn account(report: &Report) -> Account {
    let mut account = Account {
        expected: Some(0),
        ..Account::default()
    };
    for line in &report.lines {
        let slots = line.gap_slots();
        account.counts.merge(line.whole.counts());
        account.counts.scheduled += slots;
        account.counts.unmeasured += slots;
        account.in_gaps += slots;
        account.expected = account
            .expected
            .zip(expected(report, line))
            .map(|(one, other)| one + other);
    }
    account
}

fn expected(report: &Report, line: &LineReport) -> Option<u64> {
    let interval_ns = nanos_of(line.target.as_ref()?.plan.interval);
    let span_ns = nanos_of(length(report.from, report.to));
    (interval_ns > 0).then(|| span_ns / interval_ns)
}

impl Account {
    /// The sum as a person checks it.
    pub(super) fn sentence(&self, words: &Words) -> String {
        let counts = &self.counts;
        let parts = [
            (words.replied, counts.replied),
            (words.refused, counts.refused),
            (words.lost, counts.lost),
            (words.unreachable, counts.unreachable),
            (words.unsent, counts.unsent),
            (words.unmeasured, counts.unmeasured),
        ];
        let told: Vec<String> = parts
            .iter()
            .map(|(name, number)| format!("{} {}", name.to_lowercase(), grouped(*number)))
            .collect();
        format!(
            "{} {} = {}.",
            words.scheduled,
            grouped(counts.scheduled),
            told.join(" + ")
        )
    }

    /// How the sum compares to what the interval lets expect; empty where that is unknown.
    pub(super) fn expectation(&self, words: &Words) -> String {
        let Some(expected) = self.expected.filter(|expected| *expected > 0) else {
            return String::new();
        };
        let missing = expected.saturating_sub(self.counts.scheduled);
        let all = grouped(expected);
        // Both ends of the period cut an interval, and the last probes are still in flight.
        if missing <= expected / 1_000 + 2 {
            return words.pick(
                format!("At today's interval the period holds about {all}."),
                format!("Dengan interval hari ini periode memuat sekitar {all}."),
            );
        }
        let missing = grouped(missing);
        words.pick(
            format!(
                "At today's interval the period holds about {all}: {missing} were never scheduled, because the monitor did \
                 not run, the target was new, paused or had another interval."
            ),
            format!(
                "Dengan interval hari ini periode memuat sekitar {all}: {missing} tidak pernah dijadwalkan, karena pemantau \
                 tidak berjalan, atau target masih baru, dijeda, atau berinterval lain."
            ),
        )
    }
}

/// Share of another line's probes that were lost.
pub(super) fn share(lost: u64, sent: u64) -> String {
    let loss = linewatch_core::record::Loss {
        failed: lost,
        finished: sent,
    };
    loss.ppm()
        .map_or_else(|| NONE.to_owned(), |ppm| loss_ppm(Some(ppm)).to_string())
}
