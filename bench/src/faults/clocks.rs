//! Steps the calendar under the monitor, and stops the monitor itself for a while.
//!
//! The calendar is that of one process: `calendar.c` before the C library's own clock adds an offset, which this changes. The
//! kernel's stamps keep the true calendar, so that the two disagree for good, which is worse than a real step.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use anyhow::{Context as _, Result};
use linewatch_e2e::namespace;
use linewatch_e2e::serving::{Serving, now};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::data::Look;
use super::rig::{PROBES_PER_S, Rig, TARGETS, echoes, pause, rate_over};
use super::{Amount, Finding, missing};

/// Loaded before the C library.
const CALENDAR: &str = include_str!("calendar.c");
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;
/// Offsets from the true calendar, one after the other: steps of -1 h to +10 y, and all the ways back.
const OFFSETS_S: [i64; 30] = [
    -HOUR,
    0,
    HOUR,
    0,
    -1,
    1,
    -2,
    60,
    -60,
    0,
    DAY,
    0,
    -DAY,
    31 * DAY,
    0,
    YEAR,
    0,
    -HOUR,
    10 * YEAR,
    9 * YEAR,
    10 * YEAR,
    0,
    HOUR,
    2 * HOUR,
    HOUR,
    10 * YEAR,
    -HOUR,
    7 * DAY,
    -7 * DAY,
    0,
];
/// Some flushes.
const BETWEEN: Duration = Duration::from_millis(2_500);
/// How often it is stopped.
const SUSPENSIONS: u64 = 20;
/// Between two suspensions.
const AWAKE: Duration = Duration::from_secs(3);
/// A burst would be seen in the first moments.
const FIRST: Duration = Duration::from_millis(500);
/// Above the usual, in the first moments: nothing is made up for, but the moments of the two looks are not exact.
const BURST_MAX: f64 = 0.05 * (TARGETS * PROBES_PER_S) as f64;
const END_MAX: Duration = Duration::from_secs(10);

pub(super) fn clock(_: &Amount) -> Result<Vec<Finding>> {
    if let Some(missing) = missing("cc", "--version") {
        return Ok(vec![missing]);
    }
    let rig = Rig::new("")?;
    let (source, library) = (rig.path().join("calendar.c"), rig.path().join("calendar.so"));
    fs::write(&source, CALENDAR)?;
    let (from, to) = (source.display().to_string(), library.display().to_string());
    namespace::tool("cc", &["-shared", "-fPIC", "-O1", "-o", &to, &from])?;
    let path = rig.path().join("offset");
    fs::write(&path, 0_i64.to_ne_bytes())?;
    // Written in place: the program has these very bytes in its memory.
    let offset = fs::File::options().write(true).open(&path)?;
    let mut command = rig.command();
    command
        .env("LD_PRELOAD", &library)
        .env("LINEWATCH_CALENDAR", &path);
    let mut serving = rig.start_as(command)?;
    pause(BETWEEN);
    let mut deleted = 0;
    let mut seen = 0;
    for seconds in OFFSETS_S {
        offset.write_all_at(&(seconds * 1_000_000_000).to_ne_bytes(), 0)?;
        pause(BETWEEN);
        let look = rig.data().beside()?;
        let samples = look.samples()?;
        deleted += i64::from(samples < seen);
        seen = samples;
    }
    let steps = told_steps(&serving)?;
    let events = serving.read("/api/v1/events?limit=500")?;
    let negative = negative_lengths(&events) + negative_lengths(&serving.read("/api/v1/overview?limit=100")?);
    serving.signal(Signal::SIGTERM)?;
    serving.wait(END_MAX)?;
    let look = rig.data().beside()?;
    // They are numbered without a hole.
    let forgotten = look.number("SELECT max(seq) + 1 - count(*) FROM events")?;
    let (durations, alerts) = (negative_durations(&look)?, false_alerts(&look)?);
    Ok(vec![
        Finding::new(
            format!(
                "{} steps of the calendar, -1 h to +10 y: what was told of them",
                OFFSETS_S.len()
            ),
            "an event of each, all still there",
            format!("{steps} events, {forgotten} of all events deleted"),
            steps == OFFSETS_S.len() && forgotten == 0,
        ),
        Finding::new(
            "negative durations (stored, shown)",
            "0, 0",
            format!("{durations}, {negative}"),
            durations == 0 && negative == 0,
        ),
        Finding::new(
            "false outages, losses and alerts",
            "none",
            if alerts.is_empty() {
                "none".to_owned()
            } else {
                alerts.join("; ")
            },
            alerts.is_empty(),
        ),
        Finding::new(
            "looks that found fewer samples than the one before",
            "0",
            format!("{deleted}, {seen} samples at the end"),
            deleted == 0 && seen > 0,
        ),
    ])
}

fn told_steps(serving: &Serving) -> Result<usize> {
    let answer = serving.read("/api/v1/events?limit=500")?;
    let rows = answer["rows"].as_array().context("no events")?;
    Ok(rows.iter().filter(|row| row["type"] == "clock_stepped").count())
}

/// Lengths below zero anywhere in an answer: keys that end in a unit of time.
fn negative_lengths(value: &Value) -> usize {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| {
                let is_length = ["_ms", "_us", "_ns", "_s"].iter().any(|unit| key.ends_with(unit));
                let is_negative = value.as_f64().is_some_and(|number| number < 0.0);
                usize::from(is_length && is_negative) + negative_lengths(value)
            })
            .sum(),
        Value::Array(values) => values.iter().map(negative_lengths).sum(),
        _ => 0,
    }
}

fn negative_durations(look: &Look) -> Result<i64> {
    look.number(
        "SELECT (SELECT count(*) FROM recent WHERE rtt_ns < 0 OR host_rtt_ns < 0 OR lateness_ns < 0) + \
         (SELECT count(*) FROM outages WHERE duration_ns < 0)",
    )
}

/// Sentences about what never was: nothing was lost here, and nobody was slow.
fn false_alerts(look: &Look) -> Result<Vec<String>> {
    let mut found = look.words(
        "SELECT kind || ': ' || message FROM events WHERE kind IN ('outage', 'packet_loss', 'threshold_exceeded', 'jitter', 'stale', 'local_outage') OR \
         severity = 'critical'",
    )?;
    let lost = look.lost()?;
    let outages = look.number("SELECT count(*) FROM outages")?;
    let letters = look.number("SELECT count(*) FROM outbox")?;
    for (what, count) in [("lost", lost), ("outages", outages), ("letters", letters)] {
        if count > 0 {
            found.push(format!("{count} {what}"));
        }
    }
    Ok(found)
}

pub(super) fn suspend(amount: &Amount) -> Result<Vec<Finding>> {
    let rig = Rig::new("")?;
    let mut serving = rig.start()?;
    pause(AWAKE);
    let plain = rate_over(AWAKE)?;
    let mut burst = 0.0_f64;
    for _ in 0..SUSPENSIONS {
        serving.signal(Signal::SIGSTOP)?;
        pause(Duration::from_secs(amount.seconds));
        let (begun, before) = (now(), echoes()?);
        serving.signal(Signal::SIGCONT)?;
        pause(FIRST);
        let usual = plain * begun.elapsed().as_secs_f64();
        burst = burst.max((echoes()? - before) as f64 - usual);
        pause(AWAKE);
    }
    serving.signal(Signal::SIGTERM)?;
    serving.wait(END_MAX)?;
    let look = rig.data().beside()?;
    let lost = look.lost()?;
    let unmeasured = look.number("SELECT sum(slots) FROM gaps")?;
    let owed = SUSPENSIONS * amount.seconds * TARGETS * PROBES_PER_S;
    let outages = look.number("SELECT count(*) FROM outages")?;
    let what = format!("{SUSPENSIONS} suspensions of {} s", amount.seconds);
    Ok(vec![
        Finding::new(
            format!("{what}: booked as lost, outages"),
            "0, 0",
            format!("{lost}, {outages}; {unmeasured} unmeasured of {owed} due meanwhile"),
            lost == 0 && outages == 0,
        ),
        Finding::new(
            format!(
                "{what}: probes above the usual in the first {} ms after",
                FIRST.as_millis()
            ),
            format!("<= 50 ms of them, {BURST_MAX:.0}"),
            format!("at most {burst:.0}"),
            burst <= BURST_MAX,
        ),
    ])
}
