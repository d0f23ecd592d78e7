//! The project's own chores: `cargo xtask test` is the command of README and CI, the others are its parts.
//!
//! Everything here runs tools; nothing here is part of the program. Not here: what a test asserts.

mod advisories;
mod api;
mod bench;
mod browser;
mod docs;
mod fuzz;
mod kernel;
mod options;
mod package;
mod platforms;
mod powercut;
mod purity;
mod run;
mod swarm;
mod tidy;

use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
cargo xtask <chore>

  test      everything below, in this order: the gate
  check     format, clippy, purity of the core, tidiness, library floors, licences, TypeScript's opinion of the page
  unit      unit, property and scenario tests
  kernel    the real kernel: network namespaces and a TUN responder (needs root)
  browser   the page in headless Chromium: a first `serve` on loopback alone, then `linewatch demo` (needs node and chromium)
  platforms [static] [aarch64] [windows] [macos]   as far as the tools here go: run, compiled or checked (no part of `test`)
  docs [--check]                            docs/reference from the code: written, or compared
  package deb|tar [--target T] [--profile P]   what people install, into target/packaging (deb needs cargo-deb)

  swarm [--seeds A..B] [--seconds N]        random stories, judged by the oracle; says the seed that fails
  fuzz [--target T] [--seconds N] [--keep]  every parser of strangers' bytes; --keep replaces the kept inputs (needs g++)
  api [--requests N] [--raw N] [--seed S]   the interface by its OpenAPI document, and requests no client should send (needs schemathesis)
  bench engine [--row N] [--quick]   speed and memory beside the installed fping (needs root; some minutes)
  bench store [--row N] [--quick] [--year-dir DIR]   disk, writing and reading of history beside plain rows (some minutes)
  bench record [--row N] [--quick]   sessions at a thousand a second: rate, CPU, memory over a day (needs root; some minutes)
  seed-history --data-dir DIR [--targets N] [--days D] [--interval 1s] [--seed S]   a large history, quickly
  faults powercut [--cuts N]         the store's recorded writes, replayed up to N power cuts (needs strace; a minute)
  proof engine [--show N]            counts against the kernel's own (needs root, nft)
  proof forged [--packets N]         a million forged and malformed replies: none is an answer (needs root)
  proof record [--kills N] [--seed S]   sessions killed at random, 50 of them; every file must be whole (needs root)
  faults [--show kill9|io|full|locked|clock|suspend|stop|fd] [--cycles N] [--minutes N] [--seconds N] [--lock-seconds N]
                                     what the program stands on fails: does it keep its promises (needs root, strace, cc)
  soak [--minutes N] [--targets N] [--clients N] [--requests N]   a crowd for a while: lateness, slots, memory (needs root)

LINEWATCH_REQUIRE_ALL=1 makes a missing tool or privilege a failure instead of a skip.
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match go(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            run::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn go(words: &[String]) -> Result<()> {
    let (chore, rest) = words
        .split_first()
        .map_or(("", words), |(first, rest)| (first.as_str(), rest));
    match (chore, rest.first().map(String::as_str)) {
        ("bench", Some("engine")) => return bench::run("engine", &rest[1..]),
        ("bench", Some("store")) => return bench::store(&rest[1..]),
        ("bench", Some("record")) => return bench::record(&rest[1..]),
        ("seed-history", _) => return bench::seed(rest),
        ("faults", Some("powercut")) => return powercut::run(&rest[1..]),
        ("proof", Some("engine")) => return bench::run("proof", &rest[1..]),
        ("proof", Some("forged")) => return bench::run("forged", &rest[1..]),
        ("bench", _) => {
            bail!("`cargo xtask bench engine`, `bench store` and `bench record` are what there is\n{HELP}")
        }
        ("faults" | "soak", _) => return bench::proof_of_program(chore, rest),
        ("proof", Some("record")) => return bench::killed(&rest[1..]),
        ("proof", _) => {
            bail!("`cargo xtask proof engine`, `proof forged` and `proof record` are what there is\n{HELP}")
        }
        _ => {}
    }
    match chore {
        "test" => {
            check()?;
            unit()?;
            docs::run(&["--check".to_owned()])?;
            kernel::run()?;
            browser::run()
        }
        "check" => check(),
        "unit" => unit(),
        "kernel" => kernel::run(),
        "browser" => browser::run(),
        "swarm" => swarm::run(rest),
        "fuzz" => fuzz::run(rest),
        "api" => api::run(rest),
        "platforms" => platforms::run(rest),
        "docs" => docs::run(rest),
        "package" => package::run(rest),
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
    advisories::check()?;
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
