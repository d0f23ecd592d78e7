//! A network of one's own for one test: a thread in a fresh network namespace with loopback up.
//!
//! Needs root. Without it a test prints what it skips; with `LINEWATCH_REQUIRE_ALL=1` it fails instead.

use std::process::Command;

use anyhow::{Context as _, ensure};
use nix::sched::{CloneFlags, unshare};

/// Runs `test` in a fresh namespace; a panic or error in it fails the caller. Threads and processes started inside
/// live in the namespace too.
///
/// # Panics
///
/// When `test` fails, or when it cannot be run and `LINEWATCH_REQUIRE_ALL=1` is set.
#[track_caller]
pub fn run(name: &str, test: impl FnOnce() -> anyhow::Result<()> + Send + 'static) {
    if let Err(missing) = requirements() {
        return skip(name, &missing);
    }
    let body = move || -> anyhow::Result<()> {
        enter()?;
        test()
    };
    let thread = std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .expect("a thread");
    match thread.join() {
        Ok(Ok(())) => {}
        Ok(Err(error)) => panic!("{name}: {error:?}"),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Moves the calling thread, and whatever it starts from now on, into a fresh namespace with loopback up.
///
/// # Errors
///
/// Without root.
pub fn enter() -> anyhow::Result<()> {
    unshare(CloneFlags::CLONE_NEWNET).context("make a network namespace (needs root)")?;
    ip("link set lo up")
}

/// Says that a test was not run.
///
/// # Panics
///
/// When `LINEWATCH_REQUIRE_ALL=1` is set.
#[expect(clippy::print_stderr, reason = "the test runner shows it")]
#[track_caller]
pub fn skip(name: &str, missing: &str) {
    let is_required = std::env::var_os("LINEWATCH_REQUIRE_ALL").is_some_and(|value| value == "1");
    assert!(!is_required, "{name} must not be skipped, but {missing}");
    eprintln!("SKIPPED {name}: {missing}");
}

/// Runs `ip` with these arguments, split at spaces.
///
/// # Errors
///
/// With what it printed.
pub fn ip(arguments: &str) -> anyhow::Result<()> {
    tool("ip", &arguments.split(' ').collect::<Vec<_>>())
}

/// Runs a tool of the system that must succeed.
///
/// # Errors
///
/// With what it printed.
#[expect(
    clippy::disallowed_methods,
    reason = "tests prepare a network with the system's tools"
)]
pub fn tool(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| format!("run {program}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{program} {}: {complaint}",
        arguments.join(" ")
    );
    Ok(())
}

/// Sets a kernel parameter of this namespace.
///
/// # Errors
///
/// When the kernel refuses.
pub fn sysctl(name: &str, value: &str) -> anyhow::Result<()> {
    let path = format!("/proc/sys/{}", name.replace('.', "/"));
    std::fs::write(&path, value).with_context(|| format!("write {value} to {path}"))
}

fn requirements() -> Result<(), String> {
    if !nix::unistd::geteuid().is_root() {
        return Err("a network namespace needs root".to_owned());
    }
    let tun = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/net/tun");
    tun.map(drop)
        .map_err(|error| format!("/dev/net/tun cannot be opened: {error}"))
}
