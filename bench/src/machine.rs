//! Says on what machine and beside which tools was measured, and enters a network of its own.

use std::fs;

use anyhow::{Context as _, Result};
use linewatch_e2e::namespace;

use crate::part;

/// Goes into a fresh network namespace for good, and makes it fit for floods. Nothing leaves it.
pub(crate) fn enter() -> Result<()> {
    namespace::enter()?;
    // Half a second of connections that nobody has accepted yet.
    namespace::sysctl("net.core.somaxconn", "65535")?;
    namespace::sysctl("net.ipv4.tcp_max_syn_backlog", "65535")
}

/// Processor, cores, kernel, load: what figures depend on.
pub(crate) fn line() -> Result<String> {
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("processor", |line| line.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism()?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let load = fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or("?");
    Ok(format!(
        "{model}, {cores} cores, Linux {}, load {load}, {}",
        kernel.trim(),
        version("fping", "-v")
    ))
}

/// First line of what a tool says about itself, or that it is not there.
pub(crate) fn version(tool: &str, option: &str) -> String {
    let output = part::command(tool).arg(option).output();
    output.map_or_else(
        |_| format!("{tool}: not installed"),
        |output| {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.lines().next().unwrap_or(tool).trim().to_owned()
        },
    )
}

/// Whether a tool can be run.
pub(crate) fn has(tool: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(tool).is_file()))
}

/// Share of all cores that other processes use now, from one look at `/proc/stat` to the next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Busy {
    idle: u64,
    total: u64,
}

impl Busy {
    /// A look.
    pub(crate) fn now() -> Result<Self> {
        let stat = fs::read_to_string("/proc/stat")?;
        let first = stat.lines().next().context("an empty /proc/stat")?;
        let ticks: Vec<u64> = first
            .split_whitespace()
            .skip(1)
            .filter_map(|word| word.parse().ok())
            .collect();
        Ok(Self {
            idle: ticks.iter().skip(3).take(2).sum(),
            total: ticks.iter().take(8).sum(),
        })
    }

    /// Busy share, 0 to 1, since `self`.
    pub(crate) fn since(self) -> Result<f64> {
        let now = Self::now()?;
        let total = (now.total - self.total).max(1);
        Ok(1.0 - (now.idle - self.idle) as f64 / total as f64)
    }
}
