//! Builds the benchmark with optimisation and runs it: the figures and proofs themselves are `linewatch-bench`'s.

use anyhow::Result;

use crate::run;

/// `cargo xtask bench engine …` and `cargo xtask proof engine …`: the rest of the words go to the program.
pub(crate) fn run(role: &str, rest: &[String]) -> Result<()> {
    let is_root = run::output(run::tool("id", &run::root()))?.starts_with("uid=0");
    if !run::require(is_root, "root (for a network namespace)", role)? {
        return Ok(());
    }
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
