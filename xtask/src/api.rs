//! Drives the interface of the built program with what its OpenAPI document allows, and with what no client should send.
//!
//! The driving itself is `e2e/api/drive.py`: schemathesis is Python's. In a namespace where that is possible, so that no
//! target the document invents is ever reached.

use anyhow::Result;

use crate::options::Options;
use crate::run;

/// `api [--requests N] [--raw N] [--seed S]`.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let options = Options::read(words, &["--requests", "--raw", "--seed"], &[])?;
    let python = std::env::var("LINEWATCH_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut look = run::tool(&python, &run::root());
    look.args(["-c", "import schemathesis"]);
    let has_schemathesis = run::output(look).is_ok();
    let is_driven = run::require(
        has_schemathesis,
        "schemathesis (pip install schemathesis; LINEWATCH_PYTHON names another Python)",
        "the schema-driven requests",
    )?;
    let can_part = run::is_root()? && run::has("unshare") && run::has("ip");
    if !run::require(can_part, "root with `unshare` and `ip`", "driving the interface")? {
        return Ok(());
    }
    run::cargo(&["build", "--package", "linewatch", "--locked"])?;
    let number = |name: &str, default: u64| -> Result<String> {
        Ok(options.number(name)?.unwrap_or(default).to_string())
    };
    let requests = if is_driven {
        number("--requests", 10_000)?
    } else {
        "0".to_owned()
    };
    let mut command = run::tool("unshare", &run::root());
    command.args([
        "--net",
        "--",
        "sh",
        "-c",
        "ip link set lo up && exec \"$@\"",
        "sh",
        &python,
    ]);
    command
        .arg("e2e/api/drive.py")
        .arg(run::target_dir().join("debug/linewatch"));
    command.args(["--requests", &requests, "--raw", &number("--raw", 20_000)?]);
    command.args(["--seed", &number("--seed", 1)?]);
    run::run(command)
}
