//! Writes a session for other programs: `session.csv`, a row a second, and `session.json`, the whole.
//!
//! Times are UTC. The object `summary` is the one of `watch --json` (INTERFACE.md); `outages` are S3's, by the second;
//! `seconds` are those still in memory.

use linewatch_core::time::{Anchor, Rtt};
use serde::Serialize;

use super::row::{Row, SecondOutage};
use super::{Facts, Session};
use crate::export::inert;
use crate::json::{self, OutageInput};
use crate::when::rfc3339_us;

/// Columns of `session.csv`.
const COLUMNS: [&str; 10] = [
    "time",
    "target",
    "sent",
    "received",
    "failed",
    "loss_ratio",
    "rtt_avg_ms",
    "unsent",
    "unmeasured",
    "outage",
];

/// The first line, with its end.
pub(super) fn csv_head() -> String {
    record(&COLUMNS.map(str::to_owned))
}

/// One second, with its end.
pub(super) fn csv_row(row: &Row, facts: &Facts) -> String {
    let loss = row.loss().ratio();
    record(&[
        rfc3339_us(row.from),
        inert(&facts.target).into_owned(),
        row.sent.to_string(),
        row.received.to_string(),
        row.failed.to_string(),
        loss.map(|ratio| ratio.to_string()).unwrap_or_default(),
        row.avg()
            .map(|avg| format!("{:.3}", avg.as_millis_f64()))
            .unwrap_or_default(),
        row.unsent.to_string(),
        row.unmeasured.to_string(),
        row.is_outage.to_string(),
    ])
}

/// RFC 4180; a string takes everything that is written to it.
fn record(cells: &[String; 10]) -> String {
    let mut csv = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    let written = csv.write_record(cells).ok().and_then(|()| csv.into_inner().ok());
    String::from_utf8(written.unwrap_or_default()).unwrap_or_default()
}

#[derive(Serialize)]
struct Document<'a, S: Serialize> {
    session: Head<'a>,
    summary: S,
    outages: Vec<OutageObject>,
    seconds: Vec<SecondObject>,
}

#[derive(Serialize)]
struct Head<'a> {
    started: String,
    /// When this was written.
    until: String,
    has_ended: bool,
    target: &'a str,
    host: &'a str,
    port: Option<u16>,
    protocol: &'a str,
    interval_s: f64,
    timeout_s: f64,
    loss_threshold: f64,
    max_seconds: usize,
}

#[derive(Serialize)]
struct OutageObject {
    from: String,
    to: String,
    seconds: u64,
    sent: u64,
    received: u64,
    loss_ratio: Option<f64>,
}

#[derive(Serialize)]
struct SecondObject {
    time: String,
    sent: u64,
    received: u64,
    failed: u64,
    unsent: u64,
    unmeasured: u64,
    rtt_avg_ns: Option<u64>,
    outage: bool,
}

/// `session.json`, as of `now`. `episodes`: outages as the monitor dates them, to the probe.
pub fn json_document(session: &Session, now: Anchor, has_ended: bool, episodes: Vec<OutageInput>) -> String {
    let facts = session.facts();
    let summary = [session.summary(now, episodes)];
    json::line(&Document {
        session: Head {
            started: rfc3339_us(facts.started),
            until: rfc3339_us(now.wall),
            has_ended,
            target: &facts.target,
            host: &facts.host,
            port: facts.port,
            protocol: &facts.protocol,
            interval_s: facts.interval.as_secs_f64(),
            timeout_s: facts.timeout.as_secs_f64(),
            loss_threshold: facts.loss_threshold,
            max_seconds: facts.max_seconds,
        },
        summary: json::summaries(&summary),
        outages: session.outages().iter().map(outage).collect(),
        seconds: session.kept().iter().map(second).collect(),
    }) + "\n"
}

fn outage(outage: &SecondOutage) -> OutageObject {
    OutageObject {
        from: rfc3339_us(outage.from),
        to: rfc3339_us(outage.to),
        seconds: outage.seconds(),
        sent: outage.sent,
        received: outage.received,
        loss_ratio: outage.loss().ratio(),
    }
}

fn second(row: &Row) -> SecondObject {
    SecondObject {
        time: rfc3339_us(row.from),
        sent: row.sent,
        received: row.received,
        failed: row.failed,
        unsent: row.unsent,
        unmeasured: row.unmeasured,
        rtt_avg_ns: row.avg().map(Rtt::as_nanos),
        outage: row.is_outage,
    }
}
