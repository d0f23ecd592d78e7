//! Counts what things cost: CPU time of threads and processes, memory, sockets left behind.
//!
//! All figures are the kernel's own (`/proc`, `getrusage`); nothing here is estimated.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::sys::resource::{UsageWho, getrusage};

/// CPU time of this process's threads whose name begins with `prefix`, to the nanosecond.
pub(crate) fn threads_cpu(prefix: &str) -> Result<Duration> {
    tasks_cpu("/proc/self/task", prefix)
}

fn tasks_cpu(tasks: &str, prefix: &str) -> Result<Duration> {
    let mut total_ns = 0;
    for task in fs::read_dir(tasks)? {
        let task = task?.path();
        // A thread may end between the listing and the reading: it then costs nothing any more.
        let Ok(name) = fs::read_to_string(task.join("comm")) else {
            continue;
        };
        if !name.starts_with(prefix) {
            continue;
        }
        let text = fs::read_to_string(task.join("schedstat"))
            .context("read schedstat: this kernel does not account CPU time by nanoseconds")?;
        let spent = text.split(' ').next().context("an empty schedstat")?;
        total_ns += spent.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(total_ns))
}

/// Before a process is looked at: its start, calibration, the first writing of files.
pub(crate) const WARM: Duration = Duration::from_secs(4);

/// CPU time of a process in a span, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// How long it was.
    pub length_s: f64,
    /// Of all threads.
    pub whole_s: f64,
    /// Of the engine's.
    pub engine_s: f64,
}

/// Waits [`WARM`], and then sees what a running process spends in so many seconds.
#[expect(
    clippy::disallowed_methods,
    reason = "the span is what is measured; the process does its work meanwhile"
)]
pub(crate) fn spent(pid: u32, seconds: u64) -> Result<Span> {
    let cpu = || -> Result<(f64, f64)> {
        let tasks = format!("/proc/{pid}/task");
        let [engine, whole] = ["probe-", ""].map(|prefix| tasks_cpu(&tasks, prefix));
        Ok((engine?.as_secs_f64(), whole?.as_secs_f64()))
    };
    std::thread::sleep(WARM);
    let ((engine, whole), begun) = (cpu()?, Instant::now());
    std::thread::sleep(Duration::from_secs(seconds));
    let ((engine_then, whole_then), length_s) = (cpu()?, begun.elapsed().as_secs_f64());
    Ok(Span {
        length_s,
        whole_s: whole_then - whole,
        engine_s: engine_then - engine,
    })
}

/// User and system time of this process.
pub(crate) fn own_cpu() -> Result<Duration> {
    cpu_of(UsageWho::RUSAGE_SELF)
}

/// User and system time of the children that have ended.
pub(crate) fn children_cpu() -> Result<Duration> {
    cpu_of(UsageWho::RUSAGE_CHILDREN)
}

fn cpu_of(who: UsageWho) -> Result<Duration> {
    let usage = getrusage(who).context("getrusage")?;
    let micros = |time: nix::sys::time::TimeVal| time.tv_sec() * 1_000_000 + time.tv_usec();
    let total_us = micros(usage.user_time()) + micros(usage.system_time());
    Ok(Duration::from_micros(u64::try_from(total_us)?))
}

/// Bytes of this process in memory.
pub(crate) fn resident_bytes() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("no VmRSS in /proc/self/status")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1024)
}

/// TCP connections of this namespace in the state TIME_WAIT.
pub(crate) fn time_wait() -> Result<u64> {
    const TIME_WAIT: &str = "06";
    let table = fs::read_to_string("/proc/self/net/tcp")?;
    let states = table.lines().skip(1).map(|line| line.split_whitespace().nth(3));
    Ok(states.filter(|state| *state == Some(TIME_WAIT)).count() as u64)
}
