//! Holes of 5, 10, 50 and 250 ms, at a probe every millisecond: each is found, and dated and measured to one interval.
//!
//! The truth is the kernel's stamp of the first request nobody answered, and that of the first one answered again.

use std::path::Path;

use anyhow::{Context as _, ensure};
use linewatch_e2e::binary;
use linewatch_e2e::namespace;
use linewatch_e2e::packet::Answer;
use linewatch_e2e::responder::{Exchange, Responder};
use linewatch_e2e::serving::Serving;
use serde_json::Value;

use crate::rig::ms;

/// First unanswered probe, and how many.
const HOLES: [(u64, u64); 4] = [(2_000, 5), (4_000, 10), (6_000, 50), (8_000, 250)];
/// Where the story ends.
const PROBES: usize = 10_000;
/// One interval, and the millisecond that the page rounds to.
const WITHIN_MS: f64 = 2.0;

fn find_holes(program: &Path) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let line = Responder::start(|number, _| {
        let is_silent = HOLES
            .iter()
            .any(|&(first, probes)| (first..first + probes).contains(&number));
        if is_silent {
            Vec::new()
        } else {
            vec![(ms(1), Answer::Right)]
        }
    })?;
    let serving = Serving::start(
        program,
        directory.path(),
        "[[targets]]\nid = \"far\"\naddress = \"10.9.0.2\"\ninterval = \"1ms\"\ntimeout = \"50ms\"\n",
    )?;
    let seen = line.wait_until(|seen| seen.len() >= PROBES)?;
    let truth: Vec<(f64, f64)> = HOLES.iter().map(|hole| true_hole(&seen, *hole)).collect();
    // The newest probes are in the store a second later; the page tells of the committed ones.
    line.wait_until(|seen| seen.len() >= PROBES + 3_000)?;
    let answer = serving.get("/api/v1/outages?target=far&limit=100")?;
    let (_, body) = answer.split_once("\r\n\r\n").context("no body")?;
    let page: Value = serde_json::from_str(body)?;
    let rows = page["rows"].as_array().context("no rows")?;
    let mut found: Vec<(f64, f64)> = rows
        .iter()
        .filter_map(|row| Some((row["from"].as_f64()?, row["duration_ms"].as_f64()?)))
        .collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    println!("holes as they were (begin ms, length ms): {truth:?}\nholes found: {found:?}");
    ensure!(found.len() == truth.len(), "{} outages", found.len());
    for ((from, length), (true_from, true_length)) in found.iter().zip(&truth) {
        ensure!(
            (from - true_from).abs() <= WITHIN_MS,
            "begin {from} instead of {true_from}"
        );
        ensure!(
            (length - true_length).abs() <= WITHIN_MS,
            "{length} ms instead of {true_length}"
        );
    }
    Ok(())
}

/// Begin by the calendar and length, in milliseconds.
fn true_hole(seen: &[Exchange], (first, probes): (u64, u64)) -> (f64, f64) {
    let at_ms = |index: u64| seen[index as usize].asked_at_ns as f64 / 1e6;
    (at_ms(first), at_ms(first + probes) - at_ms(first))
}

#[test]
fn holes_of_milliseconds_are_found_dated_and_measured() {
    match binary::find() {
        Ok(program) => namespace::run("holes", move || find_holes(&program)),
        Err(missing) => namespace::skip("holes", &missing),
    }
}
