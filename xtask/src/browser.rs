//! Runs the page's own tests: types, pure modules under node, and the whole page in headless Chromium.

use std::path::PathBuf;

use anyhow::Result;

use crate::run;

/// No suite takes half of this on a busy computer.
const SUITE_SECONDS_MAX: &str = "1800";

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

/// The whole page against the built binary, where possible in network namespaces with nothing but loopback.
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
    let can_part = run::is_root()? && run::has("unshare") && run::has("ip");
    let is_apart = run::require(
        can_part,
        "root with `unshare` and `ip`",
        "the first start and a real outage in a browser",
    )?;
    if is_apart {
        suite("first-run.mjs", true)?;
        suite("login.mjs", true)?;
    }
    // These watch simulated networks: apart they only prove it, and acceptance.mjs skips its restart elsewhere.
    suite("run.mjs", is_apart)?;
    suite("acceptance.mjs", is_apart)?;
    let can_cut = run::has("nft") && run::has("nsenter");
    if is_apart && run::require(can_cut, "`nft` and `nsenter`", "a real outage in a browser")? {
        suite("outage.mjs", true)?;
    }
    Ok(())
}

/// One suite with the built program; apart, no probe finds a way out. Bounded: a hung browser ends the chore.
fn suite(script: &str, is_apart: bool) -> Result<()> {
    let mut command = run::tool("timeout", &dir());
    command.args(["--kill-after=5", SUITE_SECONDS_MAX]);
    if is_apart {
        command.args(["unshare", "--net", "--", "sh", "-c"]);
        command.arg("ip link set lo up && exec node \"$0\" \"$1\"");
    } else {
        command.arg("node");
    }
    command.arg(script).arg(binary());
    run::run(command)
}

/// The program as just built.
fn binary() -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| run::root().join("target"), PathBuf::from);
    target.join("debug/linewatch")
}
