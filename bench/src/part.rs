//! Says what a part (a process of its own, so that its CPU time and memory are its own) shall do, and what came of it.
//!
//! The same program runs in every role; a part gets its order as JSON in its arguments and answers with one line of
//! JSON. Parts inherit the network namespace of whoever starts them.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A part that hangs is ended after so long: the longest takes 80 s on a busy computer.
const SECONDS_MAX: &str = "200";

/// How punctual the engine may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Class {
    /// Whatever `privilege::realtime` gets: SCHED_FIFO for root.
    Realtime,
    /// The same program without CAP_SYS_NICE: what an unprivileged user gets.
    Ordinary,
    /// One ordinary thread that does nothing but turn the shard: what others do.
    SingleThread,
    /// The same with real-time priority: a flood needs most of a core, whoever else wants it.
    SingleRealtime,
}

impl Class {
    /// Runs without CAP_SYS_NICE.
    fn is_unprivileged(self) -> bool {
        matches!(self, Self::Ordinary | Self::SingleThread)
    }
}

/// What is to be probed, for how long.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Load {
    /// Address of the first target.
    pub first: Ipv4Addr,
    /// This many, at consecutive addresses.
    pub targets: u32,
    /// Slot to slot.
    pub interval_us: u64,
    /// Patience.
    pub timeout_ms: u64,
    /// TCP handshakes with this port; else ICMP.
    pub tcp_port: Option<u16>,
    /// Probes to each target; else as long as it takes.
    pub slots: Option<u64>,
    /// Before anything is counted.
    pub warm_ms: u64,
    /// What is counted. 0 with `slots`: until all are decided.
    pub measure_ms: u64,
    /// How punctual.
    pub class: Class,
    /// Phases and identifiers.
    pub seed: u64,
    /// Keep each record's lateness and RTTs, and tell their percentiles.
    pub has_samples: bool,
    /// Tell every RTT.
    pub has_rtts: bool,
}

impl Load {
    /// ICMP to `targets` loopback addresses, each so often; a second of warming, patience of a second.
    pub(crate) fn loopback(targets: u32, interval_us: u64, measure_ms: u64) -> Self {
        Self {
            first: Ipv4Addr::new(127, 1, 0, 1),
            targets,
            interval_us,
            timeout_ms: 1000,
            tcp_port: None,
            slots: None,
            warm_ms: 1000,
            measure_ms,
            class: Class::Realtime,
            seed: 1,
            has_samples: false,
            has_rtts: false,
        }
    }
}

/// What came of a [`Load`]. Counts are of the whole run, costs and percentiles of the measured span.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Loaded {
    /// What the engine says about its thread.
    pub scheduling: String,
    /// Length of the measured span.
    pub span_s: f64,
    /// Probes handed to the kernel in it.
    pub sent: u64,
    /// CPU time of the engine's threads in it.
    pub engine_cpu_s: f64,
    /// CPU time of the whole process in it, the thread that counts records included.
    pub process_cpu_s: f64,
    /// The law's terms.
    pub counts: Fates,
    /// Why probes were not sent or not measured, and how many each time.
    pub own_causes: BTreeMap<String, u64>,
    /// By the engine's own records.
    pub lateness_ns: Percentiles,
    /// Wire RTT.
    pub rtt_ns: Percentiles,
    /// Host RTT minus wire RTT.
    pub process_latency_ns: Percentiles,
    /// RTT of every reply: (target, its number, nanoseconds).
    pub rtts: Vec<(u32, u64, u64)>,
    /// Allocated bytes more than before the first target was added, when the span ended.
    pub allocated_bytes: u64,
    /// Resident bytes more than then.
    pub resident_bytes: u64,
}

/// Counts of all targets together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fates {
    /// Slots.
    pub scheduled: u64,
    /// Answered.
    pub replied: u64,
    /// Port closed.
    pub refused: u64,
    /// The path said no.
    pub unreachable: u64,
    /// Silence.
    pub lost: u64,
    /// Not sent.
    pub unsent: u64,
    /// Not seen, without those the end of the run cut off.
    pub unmeasured: u64,
    /// Cut off by the end of the run.
    pub stopped: u64,
    /// Second answers.
    pub duplicate: u64,
    /// Answers too late.
    pub late: u64,
    /// Made up by somebody.
    pub forged: u64,
}

impl Fates {
    /// Whether every slot has exactly one fate.
    pub(crate) fn is_conserved(&self) -> bool {
        let fates = self.replied + self.refused + self.unreachable + self.lost + self.unsent;
        self.scheduled == fates + self.unmeasured + self.stopped
    }
}

/// Of one quantity.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Percentiles {
    /// How many.
    pub count: u64,
    /// Median.
    pub p50: u64,
    /// 99th.
    pub p99: u64,
    /// Greatest.
    pub max: u64,
}

impl Percentiles {
    /// Smallest x with F(x) >= p (MEASURING "Percentile").
    pub(crate) fn of(mut values: Vec<u64>) -> Self {
        values.sort_unstable();
        let at = |p: f64| {
            let rank = (p * values.len() as f64).ceil() as usize;
            values.get(rank.max(1) - 1).copied().unwrap_or(0)
        };
        Self {
            count: values.len() as u64,
            p50: at(0.5),
            p99: at(0.99),
            max: values.last().copied().unwrap_or(0),
        }
    }
}

/// Runs a load in a process of its own.
pub(crate) fn load(order: &Load) -> Result<Loaded> {
    let started = start_load(order)?;
    finish(started)
}

/// Starts a load; [`finish`] waits for it.
pub(crate) fn start_load(order: &Load) -> Result<Child> {
    start("load", &serde_json::to_string(order)?, order.class)
}

/// Runs a part to its end and reads its answer.
pub(crate) fn ask<T: DeserializeOwned>(role: &str, order: &str) -> Result<T> {
    finish(start(role, order, Class::Realtime)?)
}

/// Starts this program in a role.
pub(crate) fn start(role: &str, order: &str, class: Class) -> Result<Child> {
    let this = std::env::current_exe()?;
    let mut command = command("timeout");
    command.args(["--kill-after=5", SECONDS_MAX]);
    if class.is_unprivileged() {
        command.args(["setpriv", "--bounding-set=-sys_nice", "--"]);
    }
    command.arg(this).args(["part", role, order]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.spawn().context("start a part of the benchmark")
}

/// Waits for the answer of a part.
pub(crate) fn finish<T: DeserializeOwned>(child: Child) -> Result<T> {
    let output = child.wait_with_output()?;
    ensure!(
        output.status.success(),
        "a part of the benchmark failed: {}",
        output.status
    );
    serde_json::from_slice(&output.stdout).context("a part of the benchmark gave no answer")
}

/// The first line a part prints, which then goes on.
pub(crate) fn first_line(child: &mut Child) -> Result<String> {
    let mut line = String::new();
    let stdout = child.stdout.as_mut().context("no output to read")?;
    BufReader::new(stdout).read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

/// Parts that run until this is dropped.
pub(crate) struct Background(Vec<Child>);

impl Background {
    /// Two processes that never sleep: every core is wanted by somebody.
    pub(crate) fn burners() -> Result<Self> {
        let burn = |_| start("burn", "", Class::Realtime);
        (0..2).map(burn).collect::<Result<_>>().map(Self)
    }

    /// One part.
    pub(crate) fn of(child: Child) -> Self {
        Self(vec![child])
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // It ends when its input does. One that is gone already needs no ending.
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

/// A tool, in our namespace.
#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark runs the tools it compares with"
)]
pub(crate) fn command(name: &str) -> Command {
    Command::new(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_smallest_value_that_so_many_do_not_exceed() {
        let of_hundred = Percentiles::of((1..=100).rev().collect());
        assert_eq!((of_hundred.p50, of_hundred.p99, of_hundred.max), (50, 99, 100));
        assert_eq!(Percentiles::of(vec![7]).p99, 7);
        assert_eq!(Percentiles::of(Vec::new()).max, 0);
    }

    #[test]
    fn a_slot_without_a_fate_breaks_the_law() {
        let counts = Fates {
            scheduled: 3,
            replied: 2,
            ..Fates::default()
        };
        assert!(!counts.is_conserved());
        assert!(Fates { lost: 1, ..counts }.is_conserved());
    }
}
