//! Asks the monitor to end: once, twice, and while a mail server keeps it waiting.

use std::net::TcpListener;
use std::time::Duration;

use anyhow::Result;
use linewatch_e2e::serving::Serving;
use nix::sys::signal::Signal;

use super::rig::{Rig, pause};
use super::{Amount, Finding};

/// Of each way to end.
const TIMES: u32 = 5;
const CLEAN_MAX: Duration = Duration::from_secs(5);
const DEAD_SERVER_MAX: Duration = Duration::from_secs(10);
const SECOND_MAX: Duration = Duration::from_millis(200);
/// A second Ctrl+C by somebody who is impatient; two that come before the kernel has run the program at all are one to everybody.
const IMPATIENCE: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_millis(1_500),
    Duration::from_millis(4_000),
];
/// What Ctrl+C a second time exits with.
const SECOND_CODE: i32 = 130;
/// Until it measures.
const SETTLE: Duration = Duration::from_millis(1_500);
/// Longer than any end.
const WAIT_MAX: Duration = Duration::from_secs(30);

pub(super) fn stop(_: &Amount) -> Result<Vec<Finding>> {
    let mut findings = vec![term("SIGTERM, all well", CLEAN_MAX, &Rig::new("")?)?];
    // Accepts, as the kernel does for who listens, and never says a word.
    let dead = TcpListener::bind("127.0.0.1:0")?;
    let mail = format!(
        "[alerts.email]\nserver = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nfrom = \"linewatch@example.com\"\nto = [\"noc@example.com\"]\n",
        dead.local_addr()?.port()
    );
    let rig = Rig::new(&mail)?;
    findings.push(term(
        "SIGTERM, a mail server that never answers",
        DEAD_SERVER_MAX,
        &rig,
    )?);
    findings.push(second("second SIGINT, a mail server that never answers", &rig)?);
    Ok(findings)
}

fn started(rig: &Rig) -> Result<Serving> {
    let serving = rig.start()?;
    pause(SETTLE);
    Ok(serving)
}

fn term(what: &str, limit: Duration, rig: &Rig) -> Result<Finding> {
    let mut longest = Duration::ZERO;
    let mut is_clean = true;
    let mut is_whole = true;
    for _ in 0..TIMES {
        let mut serving = started(rig)?;
        serving.signal(Signal::SIGTERM)?;
        let (status, after) = serving.wait(WAIT_MAX)?;
        longest = longest.max(after);
        is_clean &= status.success();
        is_whole &= rig.data().copy()?.is_whole()?;
    }
    Ok(Finding::new(
        format!("{what}, {TIMES} times"),
        format!("<= {} s, status 0, integrity ok", limit.as_secs()),
        format!(
            "at most {} ms, status 0: {is_clean}, integrity ok: {is_whole}",
            longest.as_millis()
        ),
        longest <= limit && is_clean && is_whole,
    ))
}

fn second(what: &str, rig: &Rig) -> Result<Finding> {
    let mut longest = Duration::ZERO;
    let mut codes = Vec::new();
    let mut told = Vec::new();
    let mut is_whole = true;
    for impatience in IMPATIENCE {
        let mut serving = started(rig)?;
        serving.signal(Signal::SIGINT)?;
        pause(impatience);
        if serving.ended()?.is_some() {
            // So quick that there was nobody to hear the second.
            continue;
        }
        serving.signal(Signal::SIGINT)?;
        let (status, after) = serving.wait(WAIT_MAX)?;
        longest = longest.max(after);
        codes.push(status.code());
        told.push(format!("{} ms", after.as_millis()));
        is_whole &= rig.data().copy()?.is_whole()?;
    }
    let is_right = !codes.is_empty() && codes.iter().all(|code| *code == Some(SECOND_CODE));
    Ok(Finding::new(
        format!("{what}, {} times", codes.len()),
        "<= 200 ms, status 130, integrity ok",
        format!(
            "{}, status 130: {is_right}, integrity ok: {is_whole}",
            told.join(", ")
        ),
        longest <= SECOND_MAX && is_right && is_whole,
    ))
}
