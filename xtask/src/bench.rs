//! Builds the benchmark with optimisation and runs it: the figures and proofs themselves are `linewatch-bench`'s.

use anyhow::Result;

use crate::run;

/// `cargo xtask bench engine …` and `cargo xtask proof engine …`: the rest of the words go to the program.
pub(crate) fn run(role: &str, rest: &[String]) -> Result<()> {
    let is_root = run::output(run::tool("id", &run::root()))?.starts_with("uid=0");
    if !run::require(is_root, "root (for a network namespace)", role)? {
        return Ok(());
    }
    program(role, rest)
}

/// `cargo xtask bench record …`: the table of sessions, by the program itself.
pub(crate) fn record(rest: &[String]) -> Result<()> {
    proof_of_program("record", rest)
}

/// `cargo xtask faults …` and `cargo xtask soak …`: the built program, and what breaks or crowds it.
pub(crate) fn proof_of_program(role: &str, rest: &[String]) -> Result<()> {
    run::cargo(&["build", "--release", "--locked", "--package", "linewatch"])?;
    self::run(role, rest)
}

/// `cargo xtask bench store …`: the table, and the round-robin database beside rrdtool's own, picture and all.
pub(crate) fn store(rest: &[String]) -> Result<()> {
    // One of the rows runs it.
    run::cargo(&["build", "--release", "--locked", "--package", "linewatch"])?;
    program("store", rest)?;
    if !run::require(
        run::has("rrdtool"),
        "rrdtool",
        "the same file and picture by rrdtool",
    )? {
        return Ok(());
    }
    let same = [
        "test",
        "--release",
        "--locked",
        "--package",
        "linewatch-e2e",
        "--test",
        "rrd",
    ];
    run::cargo(&same)
}

/// `cargo xtask seed-history …`.
pub(crate) fn seed(rest: &[String]) -> Result<()> {
    program("seed-history", rest)
}

fn program(role: &str, rest: &[String]) -> Result<()> {
    let mut args = vec![
        "run",
        "--release",
        "--locked",
        "--package",
        "linewatch-bench",
        "--",
        role,
    ];
    args.extend(rest.iter().map(String::as_str));
    run::cargo(&args)
}
