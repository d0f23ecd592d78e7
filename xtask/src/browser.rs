//! Runs the page's own tests: types, pure modules under node, and the whole page in headless Chromium.

use std::path::PathBuf;

use anyhow::Result;

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
    let mut command = run::tool("npm", &dir());
    command.args(["run", "--silent", "browser"]);
    run::run(command)
}
