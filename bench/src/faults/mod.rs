//! Breaks what the program stands on, and looks whether it keeps its promises: `cargo xtask faults`.
//!
//! The built program, as a process of its own, in a network and with mounts of its own: nothing outside is touched, and nothing
//! leaves the machine. Each part prints a line: what was done, what must come of it, what came. Not here: power cuts, forged
//! packets, parsers.

mod clocks;
mod data;
mod disk;
mod doors;
mod ending;
mod killing;
pub(crate) mod rig;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use linewatch_e2e::{namespace, serving};
use nix::sched::{CloneFlags, unshare};

use crate::table::say;

/// How much is done of each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amount {
    /// Kills.
    cycles: u64,
    /// Minutes of a full disk, twice.
    minutes: u64,
    /// Seconds of a suspension.
    seconds: u64,
    /// Seconds of a locked database.
    lock_seconds: u64,
}

/// What came of one thing that was done.
#[derive(Clone, Debug)]
struct Finding {
    what: String,
    goal: String,
    figure: String,
    holds: bool,
}

impl Finding {
    fn new(what: impl Into<String>, goal: impl Into<String>, figure: impl Into<String>, holds: bool) -> Self {
        Self {
            what: what.into(),
            goal: goal.into(),
            figure: figure.into(),
            holds,
        }
    }
}

type Part = fn(&Amount) -> Result<Vec<Finding>>;

const PARTS: [(&str, Part); 8] = [
    ("kill9", killing::kill9),
    ("io", disk::io),
    ("full", disk::full),
    ("locked", disk::locked),
    ("clock", clocks::clock),
    ("suspend", clocks::suspend),
    ("stop", ending::stop),
    ("fd", doors::fd),
];

/// Does all parts, or the one that is named. False: something does not hold.
pub(crate) fn run(words: &[String]) -> Result<bool> {
    let amount = Amount {
        cycles: number(words, "--cycles", 200)?,
        minutes: number(words, "--minutes", 1)?,
        seconds: number(words, "--seconds", 3)?,
        lock_seconds: number(words, "--lock-seconds", 60)?,
    };
    let shown = value(words, "--show")?;
    let chosen: Vec<_> = PARTS
        .iter()
        .filter(|(name, _)| shown.is_none_or(|shown| shown == *name))
        .collect();
    if chosen.is_empty() {
        let names: Vec<_> = PARTS.iter().map(|(name, _)| *name).collect();
        bail!(
            "there is no part \"{}\"; there are {}",
            shown.unwrap_or(""),
            names.join(", ")
        );
    }
    enter()?;
    let mut holds = true;
    for (name, part) in chosen {
        // A part that cannot be done to its end proves nothing, and the others are done all the same.
        let findings = part(&amount).unwrap_or_else(|error| {
            vec![Finding::new(
                "the whole part",
                "is done to its end",
                format!("{error:#}"),
                false,
            )]
        });
        for Finding {
            what,
            goal,
            figure,
            holds: is_so,
        } in findings
        {
            let verdict = if is_so { "holds" } else { "MISSED" };
            say(&format!("{name} | {what} | {goal} | {figure} | {verdict}"));
            holds &= is_so;
        }
    }
    Ok(holds)
}

/// A network and mounts of one's own, for this thread and all it starts.
pub(crate) fn enter() -> Result<()> {
    namespace::enter()?;
    unshare(CloneFlags::CLONE_NEWNS).context("make a mount namespace (needs root)")?;
    namespace::tool("mount", &["--make-rprivate", "/"])
}

/// The program beside this one, where `LINEWATCH_BIN` names no other: cargo builds both into one directory.
pub(crate) fn program() -> Result<PathBuf> {
    let path = match std::env::var_os("LINEWATCH_BIN") {
        Some(path) => PathBuf::from(path),
        None => std::env::current_exe()?.with_file_name("linewatch"),
    };
    ensure!(path.is_file(), "{} is not built", path.display());
    Ok(path)
}

/// The whole number behind an option.
pub(crate) fn number(words: &[String], name: &str, default: u64) -> Result<u64> {
    match value(words, name)? {
        None => Ok(default),
        Some(text) => text
            .parse()
            .ok()
            .filter(|number| *number > 0)
            .with_context(|| format!("{name} {text}: not a whole number above zero")),
    }
}

fn value<'a>(words: &'a [String], name: &str) -> Result<Option<&'a str>> {
    let Some(at) = words.iter().position(|word| word == name) else {
        return Ok(None);
    };
    let value = words
        .get(at + 1)
        .with_context(|| format!("{name} needs a value"))?;
    Ok(Some(value))
}

/// Whether a tool is there; a finding that says so if it is not.
fn missing(tool: &str, option: &str) -> Option<Finding> {
    let is_there = serving::tool(tool)
        .arg(option)
        .output()
        .is_ok_and(|output| output.status.success());
    (!is_there).then(|| Finding::new(format!("needs {tool}"), "is installed", "is not there", false))
}
