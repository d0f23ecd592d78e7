//! Runs the page's own tests: types, pure modules under node, and the whole page in headless Chromium.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use anyhow::{Context as _, Result};

use crate::run;

fn dir() -> PathBuf {
    run::root().join("e2e/browser")
}

/// Whether node and its packages are there; installs the packages from the lock file when they are not.
fn has_node() -> Result<bool> {
    if !run::require(
        run::has("node") && run::has("npm"),
        "node with npm",
        "the page's own tests",
    )? {
        return Ok(false);
    }
    if !dir().join("node_modules/playwright-core").exists() {
        let mut command = run::tool("npm", &dir());
        command.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]);
        run::run(command)?;
    }
    Ok(true)
}

/// TypeScript's opinion of the page, and the node tests of its pure modules.
pub(crate) fn check_types() -> Result<()> {
    if !has_node()? {
        return Ok(());
    }
    for script in ["types", "unit"] {
        let mut command = run::tool("npm", &dir());
        command.args(["run", "--silent", script]);
        run::run(command)?;
    }
    Ok(())
}

/// The whole page against the built binary.
pub(crate) fn run() -> Result<()> {
    if !has_node()? {
        return Ok(());
    }
    let chromium = ["chromium", "chromium-browser", "google-chrome"]
        .iter()
        .any(|name| run::has(name));
    if !run::require(chromium, "chromium", "the browser suite")? {
        return Ok(());
    }
    run::cargo(&["build", "--package", "linewatch", "--locked"])?;
    first_run()?;
    let demo = Demo::start()?;
    let mut command = run::tool("npm", &dir());
    command
        .args(["run", "--silent", "browser"])
        .env("LINEWATCH_URL", &demo.url);
    run::run(command)?;
    drop(demo);
    let mut command = run::tool("node", &dir());
    command.arg("acceptance.mjs").arg(binary());
    run::run(command)
}

/// A fresh `serve`, then one that others reach, and the browser in a network namespace with nothing but loopback. Bounded: a hung browser ends the chore.
fn first_run() -> Result<()> {
    let can = run::is_root()? && run::has("unshare") && run::has("ip");
    if !run::require(
        can,
        "root with `unshare` and `ip`",
        "the first start in a browser",
    )? {
        return Ok(());
    }
    let mut command = run::tool("timeout", &dir());
    command
        .args(["--kill-after=5", "180", "unshare", "--net", "--", "sh", "-c"])
        .arg("ip link set lo up && node first-run.mjs \"$0\" && exec node login.mjs \"$0\"")
        .arg(binary());
    run::run(command)
}

/// The program as just built.
fn binary() -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| run::root().join("target"), PathBuf::from);
    target.join("debug/linewatch")
}

/// A running `linewatch demo` on a port of its own; ends with this value.
struct Demo {
    process: Child,
    url: String,
}

impl Demo {
    fn start() -> Result<Self> {
        let binary = binary();
        let mut command = run::tool(&binary.to_string_lossy(), &run::root());
        command
            .args(["demo", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = command
            .spawn()
            .with_context(|| format!("cannot run {}", binary.display()))?;
        let output = process.stdout.take().context("the demo has no output")?;
        let mut lines = BufReader::new(output).lines();
        let url = loop {
            let line = lines.next().context("the demo ended before it was ready")??;
            if let Some(url) = line.strip_prefix("Running on ") {
                break url.to_owned();
            }
        };
        // Read on, so that the demo never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self { process, url })
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // In order, so that its directory among the temporary files leaves with it.
        let mut stop = run::tool("kill", &run::root());
        stop.args(["-TERM", &self.process.id().to_string()]);
        let _ = stop.status();
        let _ = self.process.wait();
    }
}
