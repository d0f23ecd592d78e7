//! A monitor of a few lines of loopback, and the kernel's own count of what it asked of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use linewatch_e2e::serving::{Serving, now, tool};
use tempfile::TempDir;

use super::data::Data;

/// As the figures of SAFETY.md want it.
pub(crate) const TARGETS: u64 = 20;
/// Of one target.
pub(crate) const PROBES_PER_S: u64 = 50;

/// Where one monitor lives, however often it is started.
pub(crate) struct Rig {
    directory: TempDir,
    program: PathBuf,
    configuration: String,
}

impl Rig {
    /// Twenty targets on loopback, fifty times a second each; `more` goes before them.
    pub(crate) fn new(more: &str) -> Result<Self> {
        Self::of(TARGETS, "20ms", more)
    }

    /// `count` targets on loopback.
    pub(crate) fn of(count: u64, interval: &str, more: &str) -> Result<Self> {
        let targets = (1..=count).map(|number| {
            let (high, low) = (number / 250, number % 250 + 1);
            format!("[[targets]]\nid = \"t{number}\"\naddress = \"127.1.{high}.{low}\"\nprobe = \"icmp\"\n")
        });
        let defaults = format!("[defaults]\ninterval = \"{interval}\"\ntimeout = \"1s\"\n");
        Ok(Self {
            directory: tempfile::tempdir()?,
            program: super::program()?,
            configuration: format!("{more}\n{defaults}\n{}", targets.collect::<String>()),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The directory of the data.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.path().join("data")
    }

    pub(super) fn data(&self) -> Data {
        Data::of(&self.data_dir())
    }

    pub(crate) fn start(&self) -> Result<Serving> {
        Serving::start(&self.program, self.path(), &self.configuration)
    }

    /// Starts it by a tool that becomes the program, with these words before it.
    pub(crate) fn start_by(&self, name: &str, words: &[&str]) -> Result<Serving> {
        let mut command = tool(name);
        command.args(words).arg(&self.program);
        Serving::start_under(command, self.path(), &self.configuration)
    }

    /// The program as it is, to be given an environment.
    pub(crate) fn command(&self) -> Command {
        tool(&self.program.display().to_string())
    }

    /// Starts what `command` says.
    pub(crate) fn start_as(&self, command: Command) -> Result<Serving> {
        Serving::start_under(command, self.path(), &self.configuration)
    }

    /// What the last one said on standard error.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(linewatch_e2e::serving::said(self.path())).unwrap_or_default()
    }
}

/// Echo requests that the kernel of this namespace has seen arrive: every probe of ours, by another's count.
pub(crate) fn echoes() -> Result<u64> {
    let text = fs::read_to_string("/proc/thread-self/net/snmp")?;
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Icmp: "));
    let names = lines.next().context("no Icmp in /proc/net/snmp")?;
    let at = names.split(' ').position(|name| name == "InEchos");
    let counts = lines.next().context("no counts of Icmp")?;
    let count = counts.split(' ').nth(at.context("no InEchos")?);
    Ok(count.context("no count")?.parse()?)
}

/// Echo requests per second over so long a time.
pub(crate) fn rate_over(time: Duration) -> Result<f64> {
    let (begun, before) = (now(), echoes()?);
    pause(time);
    let count = echoes()? - before;
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

/// Lets time pass: what is measured here takes its time.
#[expect(
    clippy::disallowed_methods,
    reason = "a fault lasts so long, and the program must live through it"
)]
pub(crate) fn pause(time: Duration) {
    thread::sleep(time);
}

/// The calendar in nanoseconds since 1970, as samples are dated.
#[expect(
    clippy::disallowed_methods,
    reason = "the moment of a fault is compared with what was stored"
)]
pub(crate) fn wall_ns() -> Result<i64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(i64::try_from(since.as_nanos())?)
}
