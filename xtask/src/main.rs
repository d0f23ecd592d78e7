//! The project's own chores: `cargo xtask test` is the command of README and CI, the others are its parts.
//!
//! Everything here runs tools; nothing here is part of the program. Not here: what a test asserts.

mod browser;
mod kernel;
mod platforms;
mod purity;
mod run;
mod tidy;

use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
cargo xtask <chore>

  test      everything below, in this order: the gate
  check     format, clippy, purity of the core, tidiness, TypeScript's opinion of the page
  unit      unit, property and scenario tests
  kernel    the real kernel: network namespaces and a TUN responder (needs root)
  browser   the page in headless Chromium against `linewatch demo` (needs node and chromium)
  platforms Windows and macOS, each as far as the tools here go: run, compiled or checked (no part of `test`)

LINEWATCH_REQUIRE_ALL=1 makes a missing tool or privilege a failure instead of a skip.
";

fn main() -> ExitCode {
    let chore = std::env::args().nth(1).unwrap_or_default();
    match go(&chore) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            run::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn go(chore: &str) -> Result<()> {
    match chore {
        "test" => {
            check()?;
            unit()?;
            kernel::run()?;
            browser::run()
        }
        "check" => check(),
        "unit" => unit(),
        "kernel" => kernel::run(),
        "browser" => browser::run(),
        "platforms" => platforms::run(),
        "" | "help" | "-h" | "--help" => {
            run::say(HELP);
            Ok(())
        }
        other => bail!("there is no chore \"{other}\"\n{HELP}"),
    }
}

fn check() -> Result<()> {
    purity::check()?;
    tidy::check()?;
    run::cargo(&["fmt", "--all", "--check"])?;
    run::cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ])?;
    browser::check_types()
}

/// nextest where it is installed, else cargo's own runner: the same tests either way.
fn unit() -> Result<()> {
    let packages = ["--workspace", "--exclude", "linewatch-e2e", "--locked"];
    let nextest = run::has("cargo-nextest");
    let mut args = if nextest {
        vec!["nextest", "run"]
    } else {
        vec!["test"]
    };
    args.extend(packages);
    run::cargo(&args)
}
