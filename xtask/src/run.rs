//! Runs a tool and says what it ran; finds out whether a tool is there.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Prints a line, whoever reads.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// The root of the checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default()
}

/// A tool, to be run in `dir`.
#[expect(
    clippy::disallowed_methods,
    reason = "chores run tools; the program itself never does"
)]
pub(crate) fn tool(name: &str, dir: &Path) -> Command {
    let mut command = Command::new(name);
    command.current_dir(dir);
    command
}

/// Whether a program of this name is on the PATH.
pub(crate) fn has(name: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(name).is_file()))
}

/// Whether we may make network namespaces.
pub(crate) fn is_root() -> Result<bool> {
    Ok(output(tool("id", &root()))?.starts_with("uid=0"))
}

/// Runs it to its end, with its output to ours.
pub(crate) fn run(mut command: Command) -> Result<()> {
    let line = format!("{command:?}");
    say(&format!("+ {}", line.replace('"', "")));
    let status = command.status().with_context(|| format!("cannot run {line}"))?;
    if !status.success() {
        bail!("{line} failed: {status}");
    }
    Ok(())
}

/// Runs it and gives what it printed.
pub(crate) fn output(mut command: Command) -> Result<String> {
    let line = format!("{command:?}");
    let output = command.output().with_context(|| format!("cannot run {line}"))?;
    if !output.status.success() {
        bail!(
            "{line} failed: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    String::from_utf8(output.stdout).with_context(|| format!("{line} printed no text"))
}

/// The cargo that runs us.
pub(crate) fn cargo_name() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

/// Where cargo builds to.
pub(crate) fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The platform we run on, as rustc names it.
pub(crate) fn host() -> Result<String> {
    let mut command = tool("rustc", &root());
    command.arg("-vV");
    let said = output(command)?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc -vV names no host")
}

/// Runs cargo with these arguments.
pub(crate) fn cargo(args: &[&str]) -> Result<()> {
    let mut command = tool(&cargo_name(), &root());
    command.args(args);
    run(command)
}

/// `Ok(true)`: go on. `Ok(false)`: said what is skipped. An error where everything is required.
pub(crate) fn require(is_there: bool, what: &str, skipped: &str) -> Result<bool> {
    if is_there {
        return Ok(true);
    }
    if std::env::var_os("LINEWATCH_REQUIRE_ALL").is_some_and(|value| value == "1") {
        bail!("{skipped} cannot run: {what} is missing, and LINEWATCH_REQUIRE_ALL=1");
    }
    say(&format!("SKIPPED: {skipped}: {what} is missing"));
    Ok(false)
}
