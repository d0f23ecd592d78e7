//! Gives up for good what is no longer needed once everything is open (SAFETY T15).
//!
//! Before it: sockets, priority, limits, threads. After it no thread has a capability, none can get one, no program can be
//! started; a service also loses system calls and files it never uses. What is there afterwards is read back from the kernel:
//! a promise that does not hold is an error. Not here: which files a monitor needs (its caller knows).

use std::os::fd::AsFd as _;

use super::Places;
use super::{filter, places};
use crate::sys::linux::everywhere;

/// How much is given up.
#[derive(Clone, Copy, Debug)]
pub enum Depth<'a> {
    /// Capabilities and other programs: for a command that writes where its user tells it.
    Command,
    /// Also every system call and every file that a monitor does not need.
    Service(&'a Places),
}

/// Why a process is not confined. It must end: half of its threads may be.
#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    /// Where a process finds its threads.
    #[error("cannot give up privileges: there is no /proc")]
    NoProc,
    /// Capabilities or files.
    #[error("cannot give up privileges: {0}")]
    GiveUp(#[source] std::io::Error),
    /// Landlock.
    #[error("cannot limit which files can be opened (Landlock): {0}")]
    Files(#[source] landlock::RulesetError),
    /// seccomp.
    #[error("cannot limit which system calls can be made (seccomp): {0}")]
    Calls(#[source] seccompiler::Error),
    /// The kernel said yes and did not.
    #[error("a thread has kept a privilege: {0}")]
    Kept(String),
}

/// Confines every thread of this process, now and for good. Returns the sentence for a person: what holds now.
///
/// # Errors
///
/// When something that this kernel offers does not take effect.
pub fn confine(depth: Depth<'_>) -> Result<String, ConfineError> {
    if !std::path::Path::new("/proc/self/task").exists() {
        return Err(ConfineError::NoProc);
    }
    let filters = filter::filters();
    let ruleset = match depth {
        Depth::Command => None,
        Depth::Service(places) => places::ruleset(places).map_err(ConfineError::Files)?,
    };
    let strangers =
        everywhere::give_up(ruleset.as_ref().map(|fd| fd.as_fd())).map_err(ConfineError::GiveUp)?;
    let mut held = vec!["no capability"];
    // An old processor or a kernel without seccomp: the rest holds all the same.
    if let Ok(filters) = filters
        && seccompiler::apply_filter_all_threads(&filters.no_program).is_ok()
    {
        held.push("no other program");
        if let Depth::Service(_) = depth {
            // The list of what is known last: it does not hold the call that applies filters.
            for calls in [&filters.no_clone3, &filters.known] {
                seccompiler::apply_filter_all_threads(calls).map_err(ConfineError::Calls)?;
            }
            held.push("known system calls only");
        }
    }
    verify(&strangers)?;
    if ruleset.is_some() {
        held.push("own files only");
    }
    Ok(held.join(", "))
}

/// Does `look` in a thread that has no capability: what this process could do if it were confined already.
///
/// # Errors
///
/// When there is no thread to be had.
pub fn without_capabilities<T: Send>(look: impl FnOnce() -> T + Send) -> std::io::Result<T> {
    std::thread::scope(|scope| {
        let looking = std::thread::Builder::new()
            .name("look".to_owned())
            .spawn_scoped(scope, || {
                everywhere::capability_free();
                look()
            })?;
        looking.join().or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Reads back what every thread has. `strangers` were asked for nothing but to have no capability.
fn verify(strangers: &[i32]) -> Result<(), ConfineError> {
    let unread = |error: std::io::Error| ConfineError::Kept(format!("/proc/self/task: {error}"));
    for thread in std::fs::read_dir("/proc/self/task").map_err(unread)? {
        let thread = thread.map_err(unread)?;
        let number = thread.file_name().to_str().and_then(|name| name.parse().ok());
        let is_stranger = number.is_some_and(|number| strangers.contains(&number));
        let path = thread.path().join("status");
        // A thread that has ended meanwhile keeps nothing.
        let Ok(status) = std::fs::read_to_string(&path) else {
            continue;
        };
        if let Some(line) = kept(&status, is_stranger) {
            return Err(ConfineError::Kept(format!("{}: {line}", path.display())));
        }
    }
    Ok(())
}

/// The line of a thread's status that shows a privilege.
fn kept(status: &str, is_stranger: bool) -> Option<&str> {
    let is_harmless = |line: &str| {
        let Some((name, value)) = line.split_once(':') else {
            return true;
        };
        match name {
            "CapInh" | "CapPrm" | "CapEff" | "CapAmb" => value.trim().bytes().all(|digit| digit == b'0'),
            "NoNewPrivs" => is_stranger || value.trim() == "1",
            _ => true,
        }
    };
    status.lines().find(|line| !is_harmless(line))
}

#[cfg(test)]
mod tests;
