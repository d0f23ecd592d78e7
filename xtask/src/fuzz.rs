//! Runs the fuzzer: builds libFuzzer around the targets once, gives each its seconds, and says what came of it.
//!
//! Stable Rust: the coverage counters are LLVM's own pass, switched on by flags. New inputs go to `target/fuzz`, what
//! breaks a claim too; only `--keep` touches the corpora of the repository. Not here: what a target claims (`fuzz/`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::options::Options;
use crate::run;

/// LLVM's SanitizerCoverage without a sanitizer, as libFuzzer reads it: counters, their places, and compares.
const COVERAGE_FLAGS: [&str; 5] = [
    "passes=sancov-module",
    "llvm-args=-sanitizer-coverage-level=4",
    "llvm-args=-sanitizer-coverage-inline-8bit-counters",
    "llvm-args=-sanitizer-coverage-pc-table",
    "llvm-args=-sanitizer-coverage-trace-compares",
];
/// Longest input, in bytes. Everything a parser can do, it can do in 4 KB; longer ones only make it slower.
const INPUT_BYTES: u32 = 4096;
/// Memory at which libFuzzer calls it a leak or a bomb. The largest honest need is a block, 3 MB.
const MEMORY_MB: u32 = 1024;
/// Seconds for one input. The slowest honest one takes milliseconds.
const INPUT_TIME_S: u32 = 10;
/// Files of a corpus that `--keep` leaves, shortest first; `fuzz/tests/corpus.rs` allows as many.
const KEPT_FILES: usize = 64;
/// Bytes of what `--keep` leaves of one corpus beside the named inputs: the repository is no place for more.
const KEPT_BYTES: u64 = 8 * 1024;
const SECONDS_DEFAULT: u64 = 30;

/// One line of the table.
struct Row {
    target: String,
    executions: String,
    per_s: String,
    /// Coverage counters reached: with all inputs known before, and at the end.
    covered: (String, String),
    /// Inputs known at the end.
    inputs: String,
    crashes: usize,
}

/// `--target T`, `--seconds N`, `--keep`.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let options = Options::read(args, &["--target", "--seconds"], &["--keep"])?;
    if !run::require(run::has("c++"), "a C++ compiler (package g++)", "the fuzzer")? {
        return Ok(());
    }
    let seconds = options.number("--seconds")?.unwrap_or(SECONDS_DEFAULT);
    let known = targets()?;
    let chosen = match options.text("--target") {
        None => known,
        Some(name) if known.iter().any(|target| target == name) => vec![name.to_owned()],
        Some(name) => bail!(
            "there is no target \"{name}\"; the targets are {}",
            known.join(", ")
        ),
    };
    let engine = build()?;
    let mut rows = Vec::new();
    for target in chosen {
        let row = fuzz(&engine, &target, seconds)?;
        if options.has("--keep") && row.crashes == 0 {
            keep(&engine, &target)?;
        }
        rows.push(row);
    }
    report(&rows)
}

/// The corpora, which the tests hold to be exactly the targets.
fn targets() -> Result<Vec<String>> {
    let folder = run::root().join("fuzz/corpus");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn work_dir() -> PathBuf {
    run::target_dir().join("fuzz")
}

fn build() -> Result<PathBuf> {
    let flags: Vec<_> = COVERAGE_FLAGS.iter().flat_map(|flag| ["-C", flag]).collect();
    let host = run::host()?;
    let engine = run::root().join("fuzz/engine");
    // The versions of the workspace, to which cargo adds the engine's own few: a second lock file would only drift.
    fs::copy(run::root().join("Cargo.lock"), engine.join("Cargo.lock")).context("cannot copy Cargo.lock")?;
    let mut command = run::tool(&run::cargo_name(), &engine);
    // With a target named, build scripts and macros stay without counters.
    command
        .args(["build", "--release", "--target", &host])
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .env("CARGO_TARGET_DIR", work_dir().join("build"));
    run::run(command)?;
    Ok(work_dir()
        .join("build")
        .join(host)
        .join("release/linewatch-fuzz-engine"))
}

fn corpus(target: &str) -> PathBuf {
    run::root().join("fuzz/corpus").join(target)
}

fn engine_on(engine: &Path, target: &str) -> Command {
    let mut command = run::tool(&engine.to_string_lossy(), &run::root());
    command.env("LINEWATCH_FUZZ_TARGET", target);
    command
}

fn fuzz(engine: &Path, target: &str, seconds: u64) -> Result<Row> {
    let (found, broken) = (
        work_dir().join("found").join(target),
        work_dir().join("broken").join(target),
    );
    fs::create_dir_all(&found)?;
    fs::create_dir_all(&broken)?;
    run::say(&format!("fuzz {target}: {seconds} s"));
    let mut command = engine_on(engine, target);
    command
        .args([&found, &corpus(target)])
        .arg(format!("-artifact_prefix={}/", broken.display()))
        .args([
            format!("-max_total_time={seconds}"),
            format!("-max_len={INPUT_BYTES}"),
            format!("-rss_limit_mb={MEMORY_MB}"),
            format!("-timeout={INPUT_TIME_S}"),
            "-use_value_profile=1".to_owned(),
            "-print_final_stats=1".to_owned(),
        ]);
    let output = command
        .output()
        .with_context(|| format!("cannot run {}", engine.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let inputs = fs::read_dir(&broken)?.collect::<std::io::Result<Vec<_>>>()?;
    if !output.status.success() {
        let end: Vec<_> = said.lines().rev().take(40).collect();
        run::say(&end.into_iter().rev().collect::<Vec<_>>().join("\n"));
        for input in &inputs {
            run::say(&format!(
                "again with: LINEWATCH_FUZZ_TARGET={target} {} {}",
                engine.display(),
                input.path().display()
            ));
        }
    }
    Ok(Row {
        target: target.to_owned(),
        executions: stat(&said, "stat::number_of_executed_units:"),
        per_s: stat(&said, "stat::average_exec_per_sec:"),
        covered: (covered(&said, "INITED"), covered(&said, "DONE")),
        inputs: word_after(last_line(&said, "DONE"), "corp:"),
        crashes: inputs.len().max(usize::from(!output.status.success())),
    })
}

fn stat(said: &str, name: &str) -> String {
    word_after(last_line(said, name), name)
}

fn covered(said: &str, event: &str) -> String {
    word_after(last_line(said, event), "cov:")
}

fn last_line<'a>(said: &'a str, part: &str) -> &'a str {
    said.lines()
        .rev()
        .find(|line| line.contains(part))
        .unwrap_or_default()
}

/// The word behind this one; `-` where a run ended too early to say it.
fn word_after(line: &str, word: &str) -> String {
    let mut words = line.split_whitespace().skip_while(|candidate| *candidate != word);
    words.nth(1).unwrap_or("-").to_owned()
}

/// Replaces what the fuzzer made up by the smallest set of inputs that covers what all of them cover, shortest first.
fn keep(engine: &Path, target: &str) -> Result<()> {
    let merged = work_dir().join("merged").join(target);
    let _ = fs::remove_dir_all(&merged);
    fs::create_dir_all(&merged)?;
    let mut command = engine_on(engine, target);
    command
        .args(["-set_cover_merge=1", &format!("-max_len={INPUT_BYTES}")])
        .args([&merged, &corpus(target), &work_dir().join("found").join(target)]);
    run::output(command)?;
    let mut files = Vec::new();
    for entry in fs::read_dir(&merged)? {
        let entry = entry?;
        files.push((entry.metadata()?.len(), entry.path()));
    }
    files.sort();
    let (mut count, mut bytes) = (0, 0);
    for entry in fs::read_dir(corpus(target))? {
        let entry = entry?;
        if is_made_up(&entry.path()) {
            fs::remove_file(entry.path())?;
        } else {
            count += 1;
        }
    }
    for (len, path) in files {
        bytes += len;
        if count == KEPT_FILES || bytes > KEPT_BYTES {
            break;
        }
        fs::copy(&path, corpus(target).join(path.file_name().unwrap_or_default()))?;
        count += 1;
    }
    run::say(&format!("{target} keeps {count} inputs"));
    Ok(())
}

/// libFuzzer names an input by its SHA-1. What a person named is a seed, or once broke a claim, and stays.
fn is_made_up(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn report(rows: &[Row]) -> Result<()> {
    run::say("target          executions  per second  coverage: start, end  inputs  crashes");
    for row in rows {
        let (start, end) = &row.covered;
        run::say(&format!(
            "{:<15} {:>10}  {:>10}  {start:>15} {end:>6}  {:>6}  {:>7}",
            row.target, row.executions, row.per_s, row.inputs, row.crashes
        ));
    }
    let crashes: usize = rows.iter().map(|row| row.crashes).sum();
    if crashes > 0 {
        bail!(
            "{crashes} input(s) break a claim; they are in {}",
            work_dir().join("broken").display()
        );
    }
    Ok(())
}
