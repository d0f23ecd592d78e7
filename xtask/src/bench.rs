//! Builds the benchmark with optimisation and runs it: the figures and proofs themselves are `linewatch-bench`'s.

use anyhow::Result;

use crate::options::Options;
use crate::run;

/// Sessions that `proof record` kills without a word about it: at 3 s each some minutes.
const KILLS: u64 = 50;

/// `cargo xtask bench engine …` and `cargo xtask proof engine …`: the rest of the words go to the program.
pub(crate) fn run(role: &str, rest: &[String]) -> Result<()> {
    if !run::require(run::is_root()?, "root (for a network namespace)", role)? {
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

/// `cargo xtask proof record …`: the test of the real-kernel suite, with as many kills as it takes to believe it.
pub(crate) fn killed(rest: &[String]) -> Result<()> {
    let options = Options::read(rest, &["--kills", "--seed"], &[])?;
    let kills = options.number("--kills")?.unwrap_or(KILLS);
    let seed = options.number("--seed")?.unwrap_or(1);
    if !run::require(
        run::is_root()?,
        "root (for a network namespace)",
        "sessions killed at random",
    )? {
        return Ok(());
    }
    run::cargo(&["build", "--package", "linewatch", "--locked"])?;
    let mut command = run::tool(&run::cargo_name(), &run::root());
    command
        .args([
            "test",
            "--package",
            "linewatch-e2e",
            "--locked",
            "--test",
            "record",
        ])
        .args([
            "--",
            "--exact",
            "--nocapture",
            "a_session_that_is_killed_leaves_whole_files",
        ])
        .env("LINEWATCH_REQUIRE_ALL", "1")
        .env("LINEWATCH_KILLS", kills.to_string())
        .env("LINEWATCH_SEED", seed.to_string());
    run::run(command)
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
