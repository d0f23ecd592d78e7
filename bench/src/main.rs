//! Measures the engine beside others and proves its counts against the kernel's: `cargo xtask bench engine`, `cargo xtask proof engine`.
//!
//! Everything happens in a network namespace of its own; nothing leaves the machine. What is measured runs in processes
//! of its own (`part`). A goal that is missed is said to be missed, a tool that is missing is said to be missing.

mod account;
mod faults;
mod forged;
mod fping;
mod history;
mod load;
mod machine;
mod part;
mod proof;
mod record;
mod record_path;
mod record_view;
mod rows;
mod seed;
mod soak;
mod table;
mod tally;

use std::process::ExitCode;
use std::str::FromStr;

use anyhow::{Context as _, Result, bail};
use serde::Serialize;

use crate::machine::Busy;
use crate::rows::Effort;
use crate::table::{Line, say};

const HELP: &str = "\
linewatch-bench engine [--row N] [--quick]   the table of speed and memory, or one row of it:
   1 sustained rate   2 flood   3 steady pace   4 send lateness   5 lateness at the full rate
   6 RTT error   7 process latency   8 memory   9 TCP connects   10 record path
linewatch-bench store [--row N] [--quick] [--year-dir DIR]   the table of history:
   1 reading a month   2 disk   3 bytes written   4 ingest   5 percentiles   6 round-robin   7 reading a year
linewatch-bench record [--row N] [--quick]   the table of sessions (needs the program beside it):
   1 a millisecond, time-out 25 ms   2 the same, 200 ms   3 CPU with every file   4 memory over a day
   5 the terminal view of 100 targets
linewatch-bench seed-history --data-dir DIR [--targets N] [--days D] [--interval 1s] [--seed S]
                                             a large history in a directory of its own
linewatch-bench faults [--show NAME] [--cycles N] [--minutes N] [--seconds N] [--lock-seconds N]
                                             kills, failing calls, full and locked disks, clocks, ends, doors
linewatch-bench soak [--minutes N] [--targets N] [--clients N] [--requests N]   a crowd, for a while
linewatch-bench proof [--show N]             counts against the kernel's; all, or one of
   2 a millisecond on a long line   3 sequence wrap, two processes   4 conservation against nft
linewatch-bench forged [--packets N]         a storm of forged and malformed replies, a million of them: none is an answer
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--help" || word == "-h") {
        say(HELP.trim_end());
        return ExitCode::SUCCESS;
    }
    match go(&words) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// False: something that must be so is not.
fn go(words: &[String]) -> Result<bool> {
    match words.first().map(String::as_str) {
        Some("engine") => {
            machine::enter()?;
            let row = option(words, "--row")?;
            engine(row, words.iter().any(|word| word == "--quick")).map(|()| true)
        }
        Some("proof") => {
            machine::enter()?;
            proof::run(option(words, "--show")?)
        }
        Some("forged") => {
            machine::enter()?;
            forged::run(option(words, "--packets")?)
        }
        Some("faults") => faults::run(&words[1..]),
        Some("soak") => soak::run(&words[1..]),
        Some("record") => {
            machine::enter()?;
            let is_quick = words.iter().any(|word| word == "--quick");
            say(&machine::line()?);
            record::run(option(words, "--row")?, is_quick).map(|()| true)
        }
        Some("store") => history::run(&words[1..]).map(|()| true),
        Some("seed-history") => seed::run(&words[1..]).map(|()| true),
        Some("part") => {
            let (role, order) = (words.get(1), words.get(2));
            part_of(role.map_or("", String::as_str), order.map_or("", String::as_str)).map(|()| true)
        }
        _ => {
            say(HELP);
            Ok(true)
        }
    }
}

fn option<T: FromStr>(words: &[String], name: &str) -> Result<Option<T>> {
    let Some(at) = words.iter().position(|word| word == name) else {
        return Ok(None);
    };
    let value = words
        .get(at + 1)
        .with_context(|| format!("{name} needs a number"))?;
    match value.parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => bail!("{name} {value}: not a number that fits"),
    }
}

/// Measures, and prints the table.
fn engine(row: Option<u8>, is_quick: bool) -> Result<()> {
    let effort = Effort::new(is_quick);
    say(&machine::line()?);
    say("every fping runs as it comes (SCHED_OTHER), in the same network namespace");
    if !machine::has("ping") {
        say("ping (package iputils-ping) is not installed: no row needs it, every comparison is with fping");
    }
    if cfg!(debug_assertions) {
        say("this is a debug build: its figures mean nothing");
    }
    let idle = Busy::now()?;
    let mut lines: Vec<Line> = Vec::new();
    for number in rows::ROWS {
        let is_done = lines.iter().any(|line| line.row == number);
        if is_done || row.is_some_and(|row| row != number) {
            continue;
        }
        say(&format!("row {number} ..."));
        match rows::measure(number, effort) {
            Ok(measured) => lines.extend(measured),
            Err(error) => lines.push(Line::not_measured(number, &format!("{error:#}"))),
        }
    }
    lines.retain(|line| row.is_none_or(|row| line.row == row));
    if lines.is_empty() {
        bail!("there are rows {:?}", rows::ROWS);
    }
    lines.sort_by_key(|line| line.row);
    say(&format!(
        "\nmedians of {} alternating runs; all cores were {:.0} % busy meanwhile, by this and by others\n",
        effort.runs,
        idle.since()? * 100.0
    ));
    say(&table::draw(&lines));
    Ok(())
}

/// What this process does for another of the same program.
fn part_of(role: &str, order: &str) -> Result<()> {
    match role {
        "load" => answer(&load::run(&serde_json::from_str(order)?)?),
        "carry" => answer(&record_path::carry(order.parse()?)?),
        "take" => answer(&history::take_samples()?),
        "whole" => answer(&record_path::whole()?),
        "burn" => load::burn(),
        "accept" => load::accept(),
        _ => bail!("there is no part \"{role}\""),
    }
}

fn answer(what: &impl Serialize) -> Result<()> {
    say(&serde_json::to_string(what)?);
    Ok(())
}
