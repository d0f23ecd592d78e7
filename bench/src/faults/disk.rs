//! Fails what the database stands on: calls that report an error, a disk without room, a lock of somebody else's.

use std::fs::File;
use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use linewatch_e2e::namespace;
use linewatch_e2e::serving::{Serving, now, tool, until};
use nix::sys::signal::Signal;

use super::rig::{PROBES_PER_S, Rig, TARGETS, echoes, pause, rate_over};
use super::{Amount, Finding, missing};

/// With the smallest budget the log begins anew every few seconds, and its file is cut back to what it may keep each time.
const SMALL: &str = "[storage]\nmax_size = \"16MiB\"\n";
/// Failing calls: which, how, and every which of them in each thread; and what is configured for that. An error instead of the
/// call, never a false success.
const INJECTIONS: [(&str, &str, &str); 7] = [
    ("fdatasync,fsync", "error=EIO:when=3+7", ""),
    ("pwrite64", "error=ENOSPC:when=40+60", ""),
    ("pwrite64", "error=EIO:when=20+90", ""),
    ("pwrite64", "error=EINTR:when=3+5", ""),
    ("openat,unlink", "error=EMFILE:when=2+3", ""),
    ("ftruncate", "error=EIO:when=1+2", SMALL),
    ("ftruncate", "error=EINTR:when=1+3", SMALL),
];
/// Each is watched for so long.
const WATCHED: Duration = Duration::from_secs(15);
/// Until calibration and the first commits are over.
const SETTLE: Duration = Duration::from_secs(2);
/// Probing goes on as fast as without the fault.
const RATE_OFF_MAX: f64 = 0.01;
/// An end in order.
const END_MAX: Duration = Duration::from_secs(15);
/// After room is there again.
const NORMAL_AFTER_MAX: Duration = Duration::from_secs(5);
/// Of the small disk: what waits for it in so many minutes must have room there at last.
const DISK_MB_PER_MINUTE: u64 = 16;
/// A full disk is noticed when the log has used up the room it has: an eighth of the disk, at some 0.7 MB/s.
const NOTICED_MAX: Duration = Duration::from_secs(120);

pub(super) fn io(_: &Amount) -> Result<Vec<Finding>> {
    if let Some(missing) = missing("strace", "-V") {
        return Ok(vec![missing]);
    }
    INJECTIONS
        .iter()
        .map(|(calls, how, more)| {
            let with = injected(calls, how, more)?;
            let off = (with.rate - with.before) / with.before;
            Ok(Finding::new(
                format!("{calls} {how}"),
                "no crash, integrity ok, rate within 1 %",
                format!(
                    "{} calls failed: {}, integrity ok: {}, {:.1}/s after {:.1}/s ({:+.2} %)",
                    with.failed,
                    with.end,
                    with.is_whole,
                    with.rate,
                    with.before,
                    off * 100.0
                ),
                with.failed > 0 && with.is_ordered && with.is_whole && off.abs() <= RATE_OFF_MAX,
            ))
        })
        .collect()
}

/// How a monitor fared whose calls failed.
struct Fared {
    /// Probes per second before the fault.
    before: f64,
    /// The same with it, and with the tool that makes it.
    rate: f64,
    failed: usize,
    end: String,
    is_ordered: bool,
    is_whole: bool,
}

fn injected(calls: &str, how: &str, more: &str) -> Result<Fared> {
    let rig = Rig::new(more)?;
    let trace = rig.path().join("trace.txt");
    let mut serving = rig.start()?;
    pause(SETTLE);
    let before = rate_over(WATCHED)?;
    let pid = serving.pid().to_string();
    let inject = format!("inject={calls}:{how}");
    let mut tracer = tool("strace")
        .args([
            "-f",
            "-qqq",
            "-p",
            &pid,
            "-e",
            &format!("trace={calls}"),
            "-e",
            &inject,
            "-o",
        ])
        .arg(&trace)
        .spawn()?;
    pause(SETTLE);
    let rate = rate_over(WATCHED)?;
    let ended = serving.ended()?;
    if ended.is_none() {
        serving.signal(Signal::SIGTERM)?;
    }
    let status = match ended {
        Some(status) => status,
        None => serving.wait(END_MAX)?.0,
    };
    // It ends with whom it looks at.
    tracer.wait()?;
    let text = std::fs::read_to_string(&trace)?;
    let failed = text.lines().filter(|line| line.contains("(INJECTED)")).count();
    Ok(Fared {
        before,
        rate,
        failed,
        end: match ended {
            Some(_) => format!("ended by itself: {status}: {}", rig.said().trim()),
            None => format!("at the end {status}"),
        },
        // 1: it says that not everything was written, which is true.
        is_ordered: ended.is_none() && matches!(status.code(), Some(0 | 1)),
        is_whole: rig.data().copy()?.is_whole()?,
    })
}

pub(super) fn full(amount: &Amount) -> Result<Vec<Finding>> {
    let rig = Rig::new("")?;
    let disk = rig.data_dir();
    std::fs::create_dir(&disk)?;
    let path = disk.display().to_string();
    let size = format!("size={}m", DISK_MB_PER_MINUTE * amount.minutes);
    namespace::tool("mount", &["-t", "tmpfs", "-o", &size, "none", &path])?;
    let mut serving = rig.start()?;
    pause(SETTLE);
    let plain = rate_over(WATCHED)?;
    let findings: Result<Vec<_>> = ["first", "second"]
        .iter()
        .map(|time| full_once(&rig, &mut serving, time, amount.minutes, plain))
        .collect();
    let ended = serving
        .signal(Signal::SIGTERM)
        .and_then(|()| serving.wait(END_MAX));
    let is_whole = rig.data().copy().and_then(|look| look.is_whole());
    drop(serving);
    namespace::tool("umount", &[&path])?;
    let mut findings = findings?;
    let (status, _) = ended?;
    findings.push(Finding::new(
        "after both",
        "ends in order, integrity ok",
        format!(
            "{status}, integrity ok: {}",
            is_whole.as_ref().is_ok_and(|ok| *ok)
        ),
        status.success() && is_whole?,
    ));
    Ok(findings)
}

fn full_once(rig: &Rig, serving: &mut Serving, time: &str, minutes: u64, plain: f64) -> Result<Finding> {
    let others = rig.data_dir().join("somebody-elses");
    let mut file = File::create(&others)?;
    until("that the disk is full is told", NOTICED_MAX, || {
        // To the last byte, and again what the program gave up meanwhile.
        for bytes in [1 << 20, 64 << 10, 4 << 10, 512] {
            while file.write_all(&vec![7; bytes]).is_ok() {}
        }
        Ok((storage(serving)? != "ok").then_some(()))
    })?;
    let rate = rate_over(Duration::from_secs(minutes * 60))?;
    let state = storage(serving)?;
    let is_alive = serving.ended()?.is_none();
    drop(file);
    std::fs::remove_file(&others)?;
    let begun = now();
    let normal = until("storage is normal again", 6 * NORMAL_AFTER_MAX, || {
        Ok((storage(serving)? == "ok").then(|| begun.elapsed()))
    })?;
    let off = (rate - plain) / plain;
    Ok(Finding::new(
        format!(
            "a disk of {} MB full for {minutes} min, the {time} time",
            DISK_MB_PER_MINUTE * minutes
        ),
        "no crash, rate within 1 %, normal <= 5 s after there is room",
        format!(
            "alive: {is_alive}, storage \"{state}\", {:+.2} %, normal after {} ms",
            off * 100.0,
            normal.as_millis()
        ),
        is_alive && state != "ok" && off.abs() <= RATE_OFF_MAX && normal <= NORMAL_AFTER_MAX,
    ))
}

fn storage(serving: &Serving) -> Result<String> {
    let status = serving.read("/api/v1/status")?;
    let state = status["storage"]["state"].as_str();
    Ok(state.context("no state of storage")?.to_owned())
}

pub(super) fn locked(amount: &Amount) -> Result<Vec<Finding>> {
    let rig = Rig::new("")?;
    let mut serving = rig.start()?;
    pause(SETTLE);
    let (begun, before) = (now(), echoes()?);
    let lock = rig.data().lock()?;
    pause(Duration::from_secs(amount.lock_seconds));
    drop(lock);
    until("what waited is written", END_MAX, || {
        let status = serving.read("/api/v1/status")?;
        let age = status["storage"]["commit_age_ms"].as_i64();
        Ok((status["storage"]["state"] == "ok" && age.is_some_and(|age| age < 2_000)).then_some(()))
    })?;
    let probes = echoes()? - before;
    let expected = begun.elapsed().as_secs_f64() * (TARGETS * PROBES_PER_S) as f64;
    serving.signal(Signal::SIGTERM)?;
    let (status, _) = serving.wait(END_MAX)?;
    ensure!(status.success(), "{status}: {}", rig.said());
    let look = rig.data().beside()?;
    let run = look.run()?;
    let (holes, unmeasured) = (look.holes(run)?, look.outcomes(run, "unmeasured")?);
    // Every echo request of this namespace was ours: all must be stored, those of calibration and before the lock besides.
    let stored = look.samples()?;
    Ok(vec![Finding::new(
        format!("the database locked for {} s", amount.lock_seconds),
        "0 samples missing, 0 unmeasured, rate within 1 %",
        format!(
            "{holes} missing of {stored}, {unmeasured} unmeasured, {probes} probes of {expected:.0} meanwhile"
        ),
        holes == 0
            && unmeasured == 0
            && stored as u64 >= probes
            && (probes as f64 - expected).abs() <= expected * RATE_OFF_MAX,
    )])
}
