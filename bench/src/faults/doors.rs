//! Crowds the door: no descriptors left, requests that never end, a second monitor on the same data.

use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use linewatch_e2e::serving::{half_a_request, is_open, now, told_at_the_door, until};

use super::rig::{Rig, pause, rate_over};
use super::{Amount, Finding};

/// Above what the monitor itself holds open with twenty targets, and below what comes.
const DESCRIPTORS: &str = "96";
/// More connections than there are descriptors.
const CROWD: usize = 150;
/// How long nobody gets in.
const CROWDED: Duration = Duration::from_secs(5);
/// The longest pause of the door, and a little.
const REFUSED_MAX: Duration = Duration::from_millis(1_500);
/// Seconds, not minutes.
const RECOVERED_MAX: Duration = Duration::from_secs(3);
/// Requests that are begun and never ended.
const SLOW: usize = 200;
/// What others wait for the page meanwhile.
const PAGE_MAX: Duration = Duration::from_millis(500);
/// A request that is not over after 10 s is given up; the look is a second late at most.
const GIVEN_UP_MAX: Duration = Duration::from_secs(12);
const SECOND_EXIT_MAX: Duration = Duration::from_secs(2);
const RATE_OFF_MAX: f64 = 0.01;

pub(super) fn fd(_: &Amount) -> Result<Vec<Finding>> {
    Ok(vec![no_descriptors()?, slow_requests()?, second_instance()?])
}

fn no_descriptors() -> Result<Finding> {
    let rig = Rig::new("")?;
    let limit = format!("--nofile={DESCRIPTORS}:{DESCRIPTORS}");
    let mut serving = rig.start_by("prlimit", &[&limit])?;
    let plain = rate_over(CROWDED)?;
    let address = serving.socket()?;
    let crowd: Vec<_> = (0..CROWD)
        .map(|_| TcpStream::connect(address))
        .collect::<Result<_, _>>()?;
    let rate = rate_over(CROWDED)?;
    let open = std::fs::read_dir(format!("/proc/{}/fd", serving.pid()))?.count();
    let asked = now();
    let answer = told_at_the_door(address)?;
    let refused = answer.split(' ').nth(1).unwrap_or_default();
    let refused_after = asked.elapsed();
    let is_alive = serving.ended()?.is_none();
    drop(crowd);
    let begun = now();
    let recovered = until("the page after the crowd", 10 * RECOVERED_MAX, || {
        Ok(serving
            .ask("GET", "/healthz", "", "")
            .is_ok_and(|reply| reply.status == 200)
            .then(|| begun.elapsed()))
    })?;
    let off = (rate - plain) / plain;
    Ok(Finding::new(
        format!("{CROWD} connections with {DESCRIPTORS} descriptors for {CROWDED:?}"),
        "who comes is refused (503) <= 1.5 s, page back <= 3 s after they are gone, rate within 1 %",
        format!(
            "{open} open, alive: {is_alive}, {refused} after {} ms, page back after {} ms, {:+.2} %",
            refused_after.as_millis(),
            recovered.as_millis(),
            off * 100.0
        ),
        is_alive
            && refused == "503"
            && refused_after <= REFUSED_MAX
            && recovered <= RECOVERED_MAX
            && off.abs() <= RATE_OFF_MAX,
    ))
}

fn slow_requests() -> Result<Finding> {
    let rig = Rig::new("")?;
    let serving = rig.start()?;
    let address = serving.socket()?;
    let begun = now();
    let slow: Vec<_> = (0..SLOW)
        .map(|_| half_a_request(address))
        .collect::<Result<_>>()?;
    let mut longest = Duration::ZERO;
    for _ in 0..20 {
        let asked = now();
        ensure!(serving.ask("GET", "/", "", "")?.status == 200, "no page");
        longest = longest.max(asked.elapsed());
        pause(Duration::from_millis(50));
    }
    let gone = until("that slow requests are given up", 2 * GIVEN_UP_MAX, || {
        let is_any = slow.iter().any(is_open);
        Ok((!is_any).then(|| begun.elapsed()))
    })?;
    Ok(Finding::new(
        format!("{SLOW} requests begun and never ended"),
        "the page for others <= 500 ms, all given up <= 12 s",
        format!(
            "page at most {} ms, given up after {} ms",
            longest.as_millis(),
            gone.as_millis()
        ),
        longest <= PAGE_MAX && gone <= GIVEN_UP_MAX,
    ))
}

fn second_instance() -> Result<Finding> {
    let rig = Rig::new("")?;
    let first = rig.start()?;
    let begun = now();
    let second = rig
        .command()
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(rig.data_dir())
        .arg("127.0.0.1")
        .output()
        .context("start a second one")?;
    let after = begun.elapsed();
    let said = String::from_utf8_lossy(&second.stderr);
    let line = said.lines().find(|line| line.starts_with("error:")).unwrap_or("");
    let is_named = line.contains(&first.pid().to_string());
    Ok(Finding::new(
        "a second instance on one data directory",
        "exits <= 2 s, naming the holder",
        format!(
            "status {:?} after {} ms, named: {is_named}: {line}",
            second.status.code(),
            after.as_millis()
        ),
        second.status.code() == Some(1) && is_named && after <= SECOND_EXIT_MAX,
    ))
}
