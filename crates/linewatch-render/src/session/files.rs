//! Writes S3's text files: the session's head and totals, tables of averages, outages, the log of attempts.
//!
//! Columns are padded to 20/12/12/18/12/12/10 with a space between them (S3-34: a row of 103 bytes). Always English: other
//! programs read them. What S3 does not know stands on lines of its own behind S3's.

use linewatch_core::record::{Cause, Counts, Outcome};
use linewatch_core::time::{Rtt, WallTime};

use super::row::{Row, SecondOutage};
use super::{Facts, console};
use crate::text::{clock_length, percent, printable};
use crate::when::{date_time, date_time_ms, zone_name};

/// `Time zone: Asia/Jakarta (+07:00)`.
pub(super) fn zone_line(facts: &Facts) -> String {
    format!("Time zone: {}\n", zone_name(facts.started, &facts.zone))
}

/// What stands above the rows of a table.
pub(super) fn table_head(facts: &Facts, span: &str) -> String {
    let first = format!("Time range ({span})");
    let header = cells(&[
        &first,
        "Sent",
        "Received",
        "Avg RTT (ms)",
        "Success",
        "Failed",
        "Outage",
    ]);
    format!(
        "{}{}\n{header}{}\n",
        zone_line(facts),
        "=".repeat(100),
        "-".repeat(100)
    )
}

/// One row, with its end.
pub(super) fn table_row(row: &Row, facts: &Facts) -> String {
    let [sent, received, failed] = [row.sent, row.received, row.failed].map(|count| count.to_string());
    cells(&[
        &date_time(row.from, &facts.zone),
        &sent,
        &received,
        &avg_text(row.avg()),
        &received,
        &failed,
        if row.is_outage { "Yes" } else { "No" },
    ])
}

fn cells(texts: &[&str; 7]) -> String {
    let [time, sent, received, avg, success, failed, outage] = texts;
    format!("{time:<20} {sent:<12} {received:<12} {avg:<18} {success:<12} {failed:<12} {outage:<10}\n")
}

/// `12.34`, or `-` without an answer.
pub(super) fn avg_text(avg: Option<Rtt>) -> String {
    avg.map_or_else(|| "-".to_owned(), |avg| format!("{:.2}", avg.as_millis_f64()))
}

/// `packetloss.txt`.
pub(super) fn packetloss(outages: &[SecondOutage], facts: &Facts) -> String {
    let mut text = format!(
        "Packet loss outages - {}\n{}\n{}",
        counted(outages.len() as u64, "outage"),
        "=".repeat(100),
        zone_line(facts)
    );
    for (index, outage) in outages.iter().enumerate() {
        let loss = outage.loss();
        let ratio = loss.ratio().unwrap_or_default();
        text.push_str(&format!(
            "Outage #{}:\n  From: {}\n  To: {}\n  Duration: {}\n  Sent: {} | Received: {} | Loss: {}%\n{}\n",
            index + 1,
            date_time(outage.from, &facts.zone),
            date_time(outage.to, &facts.zone),
            counted(outage.seconds(), "second"),
            outage.sent,
            outage.received,
            percent(ratio, loss, 1),
            "-".repeat(100)
        ));
    }
    text
}

/// `1 second`, `3 seconds`.
fn counted(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

/// What one attempt left behind, until its second is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) at: WallTime,
    pub(super) seq: u64,
    pub(super) outcome: Outcome,
    pub(super) rtt: Option<Rtt>,
    pub(super) cause: Cause,
}

/// `2026-11-21 16:56:02.123 - Sent: 1, Received: 1, RTT: 12.34 ms, Success: True`. `second` is that text up to the dot: a
/// second has up to a thousand lines.
pub(super) fn log_line(attempt: &Attempt, second: &str) -> String {
    let is_answer = attempt.outcome.is_answer();
    let is_sent = is_answer || attempt.outcome.is_failure();
    let rtt = attempt
        .rtt
        .map_or_else(|| "-".to_owned(), |rtt| format!("{:.2} ms", rtt.as_millis_f64()));
    let success = if is_answer { "True" } else { "False" };
    let note = match (attempt.outcome, attempt.cause.name()) {
        (Outcome::Reply | Outcome::Lost, None) => String::new(),
        (outcome, None) => format!(" ({})", outcome.word()),
        (outcome, Some(cause)) => format!(" ({}: {cause})", outcome.word()),
    };
    format!(
        "{second}.{:03} - Sent: {}, Received: {}, RTT: {rtt}, Success: {success}{note}\n",
        attempt.at.as_millis().rem_euclid(1000),
        u8::from(is_sent),
        u8::from(is_answer),
    )
}

/// Totals of a session, as its file tells them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Totals<'a> {
    pub(super) counts: Counts,
    pub(super) avg: Option<Rtt>,
    pub(super) outages: usize,
    pub(super) duration_s: u64,
    /// When it was written, or ended.
    pub(super) at: WallTime,
    pub(super) has_ended: bool,
    pub(super) achieved: Option<&'a console::Achieved>,
}

/// `session_*.txt`.
pub(super) fn session(facts: &Facts, totals: &Totals<'_>) -> String {
    format!("{}{}", session_head(facts), session_totals(facts, totals))
}

fn session_head(facts: &Facts) -> String {
    let port = facts.port.map_or_else(|| "-".to_owned(), |port| port.to_string());
    let log = if facts.has_log { "Enabled" } else { "Disabled" };
    format!(
        "Session started: {}\nHost: {}\nPort: {port}\nInterval: {} seconds\nConnection log: {log}\n\
         Packet loss threshold: {:.1}%\nMax seconds in memory: {}\n{}Protocol: {}\nTimeout: {} seconds\n{}\n",
        date_time_ms(facts.started, &facts.zone),
        printable(&facts.host),
        seconds_text(facts.interval.as_secs_f64()),
        facts.loss_threshold * 100.0,
        facts.max_seconds,
        zone_line(facts),
        facts.protocol,
        seconds_text(facts.timeout.as_secs_f64()),
        "=".repeat(80),
    )
}

/// `0.001`, `1.0`: as Python writes a float, which S3's readers know.
fn seconds_text(seconds: f64) -> String {
    format!("{seconds:?}")
}

fn session_totals(facts: &Facts, totals: &Totals<'_>) -> String {
    let counts = &totals.counts;
    let loss = counts.loss();
    let lost = match loss.ratio() {
        Some(ratio) => format!("{}%", percent(ratio, loss, 2)),
        None => "-".to_owned(),
    };
    let avg = totals
        .avg
        .map_or_else(|| "-".to_owned(), |avg| format!("{:.2} ms", avg.as_millis_f64()));
    let state = if totals.has_ended {
        "Session ended"
    } else {
        // A killed session keeps this line: it did not end in order.
        "Session not ended, last update"
    };
    let mut text = format!(
        "{state}: {}\nTOTAL STATISTICS:\n{}\nDuration: {}\nSent: {} packets\nReceived: {} packets\n\
         Lost: {} packets ({lost})\nAverage RTT: {avg}\nPacket loss outages: {}\n",
        date_time_ms(totals.at, &facts.zone),
        "-".repeat(40),
        clock_length(totals.duration_s),
        counts.sent(),
        counts.replied + counts.refused,
        loss.failed,
        totals.outages,
    );
    for (number, name) in [
        (counts.unsent, "Not sent by this computer"),
        (counts.unmeasured, "Not measured"),
        (counts.refused, "Refused (an answer)"),
        (counts.late, "Answers after the time-out"),
    ] {
        if number > 0 {
            text.push_str(&format!("{name}: {number} packets\n"));
        }
    }
    if let Some(achieved) = totals.achieved {
        text.push_str(&achieved.file_line());
    }
    text
}
