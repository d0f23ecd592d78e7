//! Crowds a monitor of many lines for some minutes: browsers, some of which never read, and programs that ask: `cargo xtask soak`.
//!
//! What is looked at: how late probes were sent, by the stored samples; whether each slot was used, by the kernel's count; memory and
//! processor time of the program, by the kernel. The crowd runs on the same cores, and is told with its own cost.

mod crowd;

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use linewatch_core::port::{History as _, SampleQuery};
use linewatch_core::record::Outcome;
use linewatch_core::target::TargetId;
use linewatch_core::time::WallTime;
use linewatch_e2e::serving::{Serving, now};
use linewatch_store::Reader;
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::account::own_cpu;
use crate::faults::rig::{Rig, echoes, pause, wall_ns};
use crate::faults::{enter, number};
use crate::machine;
use crate::table::say;
use crowd::Crowd;

/// Every so many targets one is looked at closely: every probe of it.
const LOOKED_AT_STEP: u64 = 50;
/// Of send lateness.
const LATENESS_P99_MAX_MS: f64 = 10.0;
/// Requests that may be missing: the last second is not over.
const RATE_OFF_MAX: f64 = 0.01;
/// Of one target: more than a soak of a week has.
const SAMPLES_MAX: usize = 1_000_000;
/// Of the program.
const RSS_MAX_MB: u64 = 256;
/// Flat: what memory may grow by between the first look and the last.
const GROWTH_MAX: f64 = 0.05;
/// Start, calibration, all connections, and what fills once: the minute of samples that live view and store hold in memory,
/// the first closed minutes, and an answer of each kind that is kept.
const SETTLE: Duration = Duration::from_secs(150);
/// An end in order.
const END_MAX: Duration = Duration::from_secs(30);

/// What the kernel says of the program.
struct Held {
    rss_mb: u64,
    cpu: Duration,
}

/// What was seen from outside.
struct Seen {
    seconds: f64,
    first: Held,
    last: Held,
    /// Of the crowd, in processor time.
    crowd: Duration,
    /// Echo requests, by the kernel.
    asked: u64,
    answered: u64,
    failures: u64,
    unmeasured: u64,
    from_ns: i64,
    to_ns: i64,
}

/// What was stored of the targets that are looked at.
#[derive(Default)]
struct Stored {
    late_ns: Vec<u64>,
    holes: u64,
    lost: u64,
}

/// Crowds it, and prints what came. False: a goal is missed.
pub(crate) fn run(words: &[String]) -> Result<bool> {
    let minutes = number(words, "--minutes", 3)?;
    let targets = number(words, "--targets", 10_000)?;
    let clients = number(words, "--clients", 500)?;
    let requests = number(words, "--requests", 200)?;
    enter()?;
    say(&machine::line()?);
    let rig = Rig::of(targets, "1s", "")?;
    let mut serving = rig.start()?;
    let crowd = Crowd::start(serving.socket()?, targets, clients, requests)?;
    let seen = watch(&serving, &crowd, minutes)?;
    crowd.stop();
    // What is in flight is written by the end.
    pause(Duration::from_secs(3));
    serving.signal(Signal::SIGTERM)?;
    let (ended, _) = serving.wait(END_MAX)?;
    ensure!(ended.success(), "{ended}: {}", rig.said());
    let stored = stored(&rig, targets, seen.from_ns, seen.to_ns)?;
    say(&format!(
        "soak | {targets} targets x 1/s, {clients} browsers (a tenth never reads), {requests} requests/s, {minutes} min"
    ));
    let mut holds = true;
    for (name, goal, figure, is_so) in findings(&seen, &stored, (targets, requests)) {
        let verdict = if is_so { "holds" } else { "MISSED" };
        say(&format!("soak | {name} | {goal} | {figure} | {verdict}"));
        holds &= is_so;
    }
    Ok(holds)
}

/// Looks on for so many minutes, after all have come.
fn watch(serving: &Serving, crowd: &Crowd, minutes: u64) -> Result<Seen> {
    pause(SETTLE);
    let (from_ns, begun, before) = (wall_ns()?, now(), echoes()?);
    let (first, crowd_before) = (held(serving)?, own_cpu()?);
    let (answers, failures) = (crowd.answers(), crowd.failures());
    let unmeasured_before = sum(&serving.read("/api/v1/status")?["unmeasured"]);
    let mut unmeasured = 0;
    for minute in 1..=minutes {
        pause(Duration::from_secs(60));
        let (status, held) = (serving.read("/api/v1/status")?, held(serving)?);
        unmeasured = sum(&status["unmeasured"]) - unmeasured_before;
        say(&format!(
            "  minute {minute}: RSS {} MB, {} browsers ({} came again), unmeasured {}, unsent {}, storage {}",
            held.rss_mb,
            status["live"]["clients"],
            crowd.again(),
            status["unmeasured"],
            status["unsent"],
            status["storage"]["state"],
        ));
    }
    Ok(Seen {
        seconds: begun.elapsed().as_secs_f64(),
        first,
        last: held(serving)?,
        crowd: own_cpu()? - crowd_before,
        asked: echoes()? - before,
        answered: crowd.answers() - answers,
        failures: crowd.failures() - failures,
        unmeasured,
        from_ns,
        to_ns: wall_ns()?,
    })
}

fn findings(
    seen: &Seen,
    stored: &Stored,
    (targets, requests): (u64, u64),
) -> [(&'static str, String, String, bool); 5] {
    let at_ms = |percent: usize| {
        let index = (stored.late_ns.len() * percent / 100).min(stored.late_ns.len().saturating_sub(1));
        stored.late_ns.get(index).map_or(f64::NAN, |ns| *ns as f64 / 1e6)
    };
    let expected = targets as f64 * seen.seconds;
    let of_core = |time: Duration| time.as_secs_f64() / seen.seconds * 100.0;
    let (first_mb, last_mb) = (seen.first.rss_mb, seen.last.rss_mb);
    let per_second = seen.answered as f64 / seen.seconds;
    [
        (
            "send lateness p99",
            "<= 10 ms".to_owned(),
            format!(
                "{:.3} ms (p50 {:.3}, max {:.3}; {} probes of every {LOOKED_AT_STEP}th target)",
                at_ms(99),
                at_ms(50),
                at_ms(100),
                stored.late_ns.len()
            ),
            at_ms(99) <= LATENESS_P99_MAX_MS,
        ),
        (
            "slots skipped",
            "0 holes, 0 unmeasured".to_owned(),
            format!(
                "{} holes, {} unmeasured, {} lost; the kernel counted {} of {expected:.0}",
                stored.holes, seen.unmeasured, stored.lost, seen.asked
            ),
            stored.holes == 0 && seen.unmeasured == 0,
        ),
        (
            "memory",
            format!("<= {RSS_MAX_MB} MB, flat"),
            format!("{first_mb} MB at first, {last_mb} MB at last"),
            last_mb <= RSS_MAX_MB && last_mb as f64 <= first_mb as f64 * (1.0 + GROWTH_MAX),
        ),
        (
            "requests answered",
            format!("{requests}/s"),
            format!("{per_second:.1}/s, {} failed", seen.failures),
            seen.failures == 0 && per_second >= requests as f64 * (1.0 - RATE_OFF_MAX),
        ),
        (
            "processor",
            "-".to_owned(),
            format!(
                "{:.0} % of a core, the crowd {:.0} %",
                of_core(seen.last.cpu - seen.first.cpu),
                of_core(seen.crowd)
            ),
            true,
        ),
    ]
}

/// Every probe of every so many targets, of the time that was looked at.
fn stored(rig: &Rig, targets: u64, from_ns: i64, to_ns: i64) -> Result<Stored> {
    let reader = Reader::open(&rig.data_dir())?;
    let mut stored = Stored::default();
    for target in (1..=targets).step_by(usize::try_from(LOOKED_AT_STEP)?) {
        let samples = reader.samples(SampleQuery {
            target: TargetId(u32::try_from(target)?),
            from: WallTime::from_nanos(from_ns),
            to: WallTime::from_nanos(to_ns),
            limit: SAMPLES_MAX,
        })?;
        let probes: Vec<_> = samples.iter().filter(|sample| sample.stray.is_none()).collect();
        stored
            .late_ns
            .extend(probes.iter().map(|sample| sample.lateness_ns));
        stored.lost += probes
            .iter()
            .filter(|sample| sample.outcome != Outcome::Reply)
            .count() as u64;
        let seqs: BTreeSet<u64> = probes.iter().map(|sample| sample.seq).collect();
        let (Some(first), Some(last)) = (seqs.first(), seqs.last()) else {
            bail!("nothing stored of target {target}");
        };
        stored.holes += last - first + 1 - seqs.len() as u64;
    }
    stored.late_ns.sort_unstable();
    Ok(stored)
}

/// All causes together.
fn sum(causes: &Value) -> u64 {
    causes
        .as_object()
        .map_or(0, |causes| causes.values().filter_map(Value::as_u64).sum())
}

fn held(serving: &Serving) -> Result<Held> {
    let pid = serving.pid();
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let rss_kib: u64 = rss.context("no VmRSS")?.trim().trim_end_matches(" kB").parse()?;
    let mut cpu_ns = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
        cpu_ns += text
            .split(' ')
            .next()
            .and_then(|spent| spent.parse().ok())
            .unwrap_or(0);
    }
    Ok(Held {
        rss_mb: rss_kib / 1024,
        cpu: Duration::from_nanos(cpu_ns),
    })
}
