//! Runs the built program in the caller's namespace and reads what it prints.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// A hung program ends a test after so long.
const SECONDS_MAX: &str = "60";

/// One run of `watch --json`.
#[derive(Clone, Debug)]
pub struct Watched {
    /// One object per finished probe.
    pub probes: Vec<Value>,
    /// The last object, by target.
    pub summary: Value,
}

/// The program to test: `LINEWATCH_BIN`, else the one beside this test in the target directory.
///
/// # Errors
///
/// With what is missing, for [`crate::namespace::skip`].
pub fn find() -> Result<PathBuf, String> {
    let path = match std::env::var_os("LINEWATCH_BIN") {
        Some(path) => PathBuf::from(path),
        None => beside_tests().ok_or("the target directory was not found")?,
    };
    let help = command(&path, &["watch", "--help"])
        .output()
        .map_err(|error| error.to_string())?;
    if help.status.success() && String::from_utf8_lossy(&help.stdout).contains("--json") {
        Ok(path)
    } else {
        Err(format!(
            "{} is not built, or has no `watch --json`",
            path.display()
        ))
    }
}

/// Runs `watch --json` with these arguments to its end.
///
/// # Errors
///
/// When it fails or prints something that is not as INTERFACE describes.
pub fn watch(program: &Path, arguments: &[&str]) -> anyhow::Result<Watched> {
    let data = tempfile::tempdir()?;
    let data = data
        .path()
        .to_str()
        .context("a temporary directory with a strange name")?;
    let arguments = [&["--data-dir", data, "watch", "--json"], arguments].concat();
    let output = command(program, &arguments).output().context("run the program")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{} {}: {complaint}",
        output.status,
        arguments.join(" ")
    );
    let text = String::from_utf8(output.stdout).context("what it prints is not UTF-8")?;
    let objects = text
        .lines()
        .map(serde_json::from_str::<Value>)
        .collect::<Result<Vec<_>, _>>();
    let mut probes = objects.with_context(|| format!("not one JSON object per line: {text}"))?;
    let mut last = probes.pop().context("it printed nothing")?;
    let summary = last
        .get_mut("summary")
        .context("the last object is not the summary")?
        .take();
    Ok(Watched { probes, summary })
}

/// Runs `watch` with these arguments to its end, however that is.
///
/// # Errors
///
/// When it cannot be run.
pub fn watch_plainly(program: &Path, arguments: &[&str]) -> anyhow::Result<Output> {
    let arguments = [&["watch"], arguments].concat();
    command(program, &arguments).output().context("run the program")
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test is about the program as a process"
)]
fn command(program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("timeout");
    command
        .args(["--kill-after=5", SECONDS_MAX])
        .arg(program)
        .args(arguments);
    command
}

/// Tests lie in `target/PROFILE/deps`, the program in `target/PROFILE`.
fn beside_tests() -> Option<PathBuf> {
    let test = std::env::current_exe().ok()?;
    Some(test.parent()?.parent()?.join("linewatch"))
}
