//! Writes rows as InfluxDB line protocol: `measurement,tags fields nanoseconds`.
//!
//! Input: a row. Output: one line. A point is (measurement, tags, time): a late answer has the time of its probe, so it
//! is a measurement of its own, else it would replace the probe.

use std::fmt::Write as _;
use std::io::{self, Write};

use linewatch_core::port::StoredSample;
use linewatch_core::rollup::{Resolution, Rollup};
use linewatch_core::time::Rtt;

use super::objects::stats;
use super::{Row, Source};
use crate::json::process_latency;

/// One line, with its end.
pub(super) fn write(out: &mut impl Write, source: &Source, row: &Row) -> io::Result<()> {
    let target = tag(&source.slug);
    let (head, fields) = match row {
        Row::Sample(sample) => of_sample(sample, &target),
        Row::Bucket(_, resolution, rollup) => of_bucket(*resolution, rollup, &target),
        Row::Gap(gap) => {
            let mut fields = Fields::default();
            fields.number("slots", gap.slots);
            fields.number("first_seq", gap.first_seq);
            // Signed: a clock that was set back ends a gap before its begin.
            fields.raw("length_ns", &format!("{}i", gap.to.nanos_after(gap.from)));
            (
                format!("linewatch_gap,target={target},kind={}", gap.kind.word()),
                fields,
            )
        }
    };
    writeln!(out, "{head} {} {}", fields.0, row.at().as_nanos())
}

fn of_sample(sample: &StoredSample, target: &str) -> (String, Fields) {
    let mut fields = Fields::default();
    fields.number("run", sample.run);
    fields.number("seq", sample.seq);
    if let Some(kind) = sample.stray {
        fields.nanos("delay_ns", sample.rtt);
        return (
            format!("linewatch_stray,target={target},kind={}", kind.word()),
            fields,
        );
    }
    fields.nanos("rtt_ns", sample.rtt);
    fields.nanos("host_rtt_ns", sample.host_rtt);
    fields.nanos("process_latency_ns", process_latency(sample));
    fields.number("lateness_ns", sample.lateness_ns);
    if let Some(cause) = sample.cause.name() {
        fields.raw("cause", &text(&cause));
    }
    let head = format!(
        "linewatch_probe,target={target},class={},outcome={}",
        sample.class.letter(),
        sample.outcome.word()
    );
    (head, fields)
}

fn of_bucket(resolution: Resolution, rollup: &Rollup, target: &str) -> (String, Fields) {
    let counts = rollup.counts();
    let mut fields = Fields::default();
    for (name, count) in [
        ("scheduled", counts.scheduled),
        ("sent", counts.sent()),
        ("replied", counts.replied),
        ("refused", counts.refused),
        ("unreachable", counts.unreachable),
        ("lost", counts.lost),
        ("unsent", counts.unsent),
        ("unmeasured", counts.unmeasured),
        ("late", counts.late),
        ("slow", counts.slow),
        ("duplicate", counts.duplicate),
        ("reordered", counts.reordered),
        ("forged", counts.forged),
    ] {
        fields.number(name, count);
    }
    if let Some(ratio) = counts.loss().ratio() {
        fields.raw("loss_ratio", &ratio.to_string());
    }
    if let Some(stats) = stats(rollup) {
        for (name, rtt) in [
            ("rtt_min_ns", stats.min),
            ("rtt_avg_ns", stats.avg),
            ("rtt_p50_ns", stats.p50),
            ("rtt_p95_ns", stats.p95),
            ("rtt_p99_ns", stats.p99),
            ("rtt_max_ns", stats.max),
            ("rtt_sd_ns", stats.mdev),
        ] {
            fields.number(name, rtt.as_nanos());
        }
    }
    fields.nanos("jitter_ns", rollup.jitter());
    (format!("linewatch_{},target={target}", resolution.word()), fields)
}

/// The fields of a line, with commas between.
#[derive(Default)]
struct Fields(String);

impl Fields {
    fn raw(&mut self, name: &str, value: &str) {
        let comma = if self.0.is_empty() { "" } else { "," };
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{comma}{name}={value}");
    }

    /// Whole numbers of the protocol have 63 bits and a sign.
    fn number(&mut self, name: &str, number: u64) {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        self.raw(name, &format!("{number}i"));
    }

    fn nanos(&mut self, name: &str, delay: Option<Rtt>) {
        if let Some(delay) = delay {
            self.number(name, delay.as_nanos());
        }
    }
}

/// A tag's value. Line ends cannot be escaped, and a backslash at the end would swallow the comma behind it.
pub(super) fn tag(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            ',' | '=' | ' ' | '\\' => escaped.extend(['\\', character]),
            control if control.is_control() => escaped.push('\u{fffd}'),
            plain => escaped.push(plain),
        }
    }
    escaped
}

/// A field's text.
pub(super) fn text(value: &str) -> String {
    let mut escaped = String::from("\"");
    for character in value.chars() {
        match character {
            '"' | '\\' => escaped.extend(['\\', character]),
            control if control.is_control() => escaped.push('\u{fffd}'),
            plain => escaped.push(plain),
        }
    }
    escaped.push('"');
    escaped
}
