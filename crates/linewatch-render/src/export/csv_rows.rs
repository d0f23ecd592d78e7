//! Writes rows as CSV (RFC 4180): one header, one kind of columns for a resolution, gaps in the same columns.
//!
//! Text that came from outside and that a spreadsheet would run as a formula gets an apostrophe in front (SAFETY T11).

use std::borrow::Cow;
use std::io::{self, Write};

use linewatch_core::port::StoredSample;
use linewatch_core::record::{Gap, StrayKind};
use linewatch_core::rollup::{Resolution, Rollup};
use linewatch_core::time::{Rtt, WallTime};

use super::objects::stats;
use super::{Grain, Row, Source, ms_text};
use crate::json::process_latency;
use crate::when::rfc3339_us;

/// Columns of single probes.
const RAW: [&str; 17] = [
    "time",
    "target",
    "name",
    "kind",
    "run",
    "seq",
    "outcome",
    "rtt_ms",
    "host_rtt_ms",
    "process_latency_ms",
    "lateness_ms",
    "class",
    "cause",
    "reordered",
    "delay_ms",
    "until",
    "slots",
];

/// Columns of buckets.
const BUCKETS: [&str; 29] = [
    "time",
    "until",
    "target",
    "name",
    "kind",
    "scheduled",
    "sent",
    "replied",
    "refused",
    "unreachable",
    "lost",
    "unsent",
    "unmeasured",
    "late",
    "slow",
    "duplicate",
    "reordered",
    "forged",
    "loss_ratio",
    "rtt_min_ms",
    "rtt_avg_ms",
    "rtt_p50_ms",
    "rtt_p95_ms",
    "rtt_p99_ms",
    "rtt_max_ms",
    "rtt_sd_ms",
    "jitter_ms",
    "cause",
    "slots",
];

/// The first line.
pub(super) fn header(out: &mut impl Write, grain: Grain) -> io::Result<()> {
    let mut csv = writer(out);
    match grain {
        Grain::Raw => csv.write_record(RAW),
        Grain::Buckets(_) => csv.write_record(BUCKETS),
    }
    .map_err(plain)?;
    csv.flush()
}

/// The rows of one portion.
pub(super) fn write(out: &mut impl Write, grain: Grain, source: &Source, rows: &[Row]) -> io::Result<()> {
    let (target, name) = (inert(&source.slug), inert(&source.name));
    let mut csv = writer(out);
    for row in rows {
        let ends = [rfc3339_us(row.at()), until(row)];
        let written = match row {
            Row::Sample(sample) => csv.write_record(of_sample(sample, ends, [&target, &name])),
            Row::Bucket(_, _, rollup) => csv.write_record(of_bucket(rollup, ends, [&target, &name])),
            Row::Gap(gap) => match grain {
                Grain::Raw => csv.write_record(raw_gap(gap, ends, [&target, &name])),
                Grain::Buckets(_) => csv.write_record(bucket_gap(gap, ends, [&target, &name])),
            },
        };
        written.map_err(plain)?;
    }
    csv.flush()
}

fn writer<W: Write>(out: &mut W) -> csv::Writer<&mut W> {
    csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(out)
}

/// The error of the writer below, with its kind: a pipe that nobody reads any more is no failure.
fn plain(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// Spreadsheets take a cell that begins like this for a formula.
pub(crate) fn inert(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

fn until(row: &Row) -> String {
    match row {
        Row::Sample(_) => String::new(),
        Row::Bucket(at, resolution, _) => rfc3339_us(end_of(*at, *resolution)),
        Row::Gap(gap) => rfc3339_us(gap.to),
    }
}

fn end_of(at: WallTime, resolution: Resolution) -> WallTime {
    at.plus(resolution.length())
}

fn ms(delay: Option<Rtt>) -> String {
    delay.map(|delay| ms_text(delay.as_nanos())).unwrap_or_default()
}

type Ends = [String; 2];

fn of_sample(sample: &StoredSample, [time, _]: Ends, [target, name]: [&str; 2]) -> [String; RAW.len()] {
    let is_probe = sample.stray.is_none();
    let if_probe = |text: String| if is_probe { text } else { String::new() };
    let cause = sample.cause.name().unwrap_or_default();
    [
        time,
        target.to_owned(),
        name.to_owned(),
        sample.stray.map_or("probe", StrayKind::word).to_owned(),
        sample.run.to_string(),
        sample.seq.to_string(),
        if_probe(sample.outcome.word().to_owned()),
        if_probe(ms(sample.rtt)),
        if_probe(ms(sample.host_rtt)),
        if_probe(ms(process_latency(sample))),
        if_probe(ms_text(sample.lateness_ns)),
        if_probe(sample.class.letter().to_owned()),
        inert(&cause).into_owned(),
        if_probe(u8::from(sample.is_reordered).to_string()),
        if is_probe { String::new() } else { ms(sample.rtt) },
        String::new(),
        String::new(),
    ]
}

fn raw_gap(gap: &Gap, [time, until]: Ends, [target, name]: [&str; 2]) -> [String; RAW.len()] {
    let mut cells = RAW.map(|_| String::new());
    for (column, text) in [
        ("time", time),
        ("target", target.to_owned()),
        ("name", name.to_owned()),
        ("kind", "gap".to_owned()),
        ("seq", gap.first_seq.to_string()),
        ("cause", gap.kind.word().to_owned()),
        ("until", until),
        ("slots", gap.slots.to_string()),
    ] {
        place(&RAW, &mut cells, column, text);
    }
    cells
}

fn of_bucket(rollup: &Rollup, [time, until]: Ends, [target, name]: [&str; 2]) -> [String; BUCKETS.len()] {
    let counts = rollup.counts();
    let stats = stats(rollup);
    let rtt = |figure: fn(&linewatch_core::view::RttStats) -> Rtt| ms(stats.as_ref().map(figure));
    [
        time,
        until,
        target.to_owned(),
        name.to_owned(),
        "bucket".to_owned(),
        counts.scheduled.to_string(),
        counts.sent().to_string(),
        counts.replied.to_string(),
        counts.refused.to_string(),
        counts.unreachable.to_string(),
        counts.lost.to_string(),
        counts.unsent.to_string(),
        counts.unmeasured.to_string(),
        counts.late.to_string(),
        counts.slow.to_string(),
        counts.duplicate.to_string(),
        counts.reordered.to_string(),
        counts.forged.to_string(),
        counts
            .loss()
            .ratio()
            .map(|ratio| ratio.to_string())
            .unwrap_or_default(),
        rtt(|stats| stats.min),
        rtt(|stats| stats.avg),
        rtt(|stats| stats.p50),
        rtt(|stats| stats.p95),
        rtt(|stats| stats.p99),
        rtt(|stats| stats.max),
        rtt(|stats| stats.mdev),
        ms(rollup.jitter()),
        String::new(),
        String::new(),
    ]
}

fn bucket_gap(gap: &Gap, [time, until]: Ends, [target, name]: [&str; 2]) -> [String; BUCKETS.len()] {
    let mut cells = BUCKETS.map(|_| String::new());
    for (column, text) in [
        ("time", time),
        ("until", until),
        ("target", target.to_owned()),
        ("name", name.to_owned()),
        ("kind", "gap".to_owned()),
        ("cause", gap.kind.word().to_owned()),
        ("slots", gap.slots.to_string()),
    ] {
        place(&BUCKETS, &mut cells, column, text);
    }
    cells
}

fn place(columns: &[&str], cells: &mut [String], column: &str, text: String) {
    if let Some(index) = columns.iter().position(|known| *known == column) {
        cells[index] = text;
    }
}
