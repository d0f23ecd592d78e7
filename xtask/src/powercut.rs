//! Runs the replay of power cuts over recorded writes with many more of them than the ordinary tests: `cargo xtask faults powercut`.
//!
//! Not here: what is recorded, cut and asserted (`crates/linewatch-store/tests/power_cut`).

use anyhow::Result;

use crate::options::Options;
use crate::run;

/// Disks that are looked at unless told otherwise: about a minute.
const CUTS: u64 = 600;

/// Replays the cuts.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let cuts = Options::read(args, &["--cuts"], &[])?
        .number("--cuts")?
        .unwrap_or(CUTS);
    if !run::require(run::has("strace"), "strace", "the replay of power cuts")? {
        return Ok(());
    }
    let mut command = run::tool(&run::cargo_name(), &run::root());
    command
        .args([
            "test",
            "--package",
            "linewatch-store",
            "--locked",
            "--test",
            "power_cut",
        ])
        .args(["--", "--nocapture", "--test-threads", "1"])
        .env("LINEWATCH_TEST_POWER_CUTS", cuts.to_string())
        .env("LINEWATCH_REQUIRE_ALL", "1");
    run::run(command)
}
