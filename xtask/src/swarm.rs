//! Plays random stories by the thousand: simulated networks, the real engine and monitor, and an oracle as judge.
//!
//! Seeds are played in chunks, one process per core; the first story that is judged wrong ends the run and is
//! printed, with the command that plays it again. Not here: the stories and their judge (`linewatch-sim`).

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::options::Options;
use crate::run;

/// The test that plays the seeds of `LINEWATCH_SWARM`.
const TEST: &str = "whatever_the_network_does_the_oracle_agrees";
/// Seeds of one process: about a second of work, so that a run by time ends in time.
const CHUNK: u64 = 250;
const SECONDS_DEFAULT: u64 = 30;
/// How often the progress is said.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// Which chunks are left, and what became of the others.
struct Swarm {
    program: PathBuf,
    next: AtomicU64,
    end: u64,
    until: Option<Instant>,
    played: AtomicU64,
    is_over: AtomicBool,
    failure: Mutex<Option<String>>,
}

/// `--seeds A..B`, or `--seconds N` from seed 0, or from the beginning of `--seeds` if both are given.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let options = Options::read(args, &["--seeds", "--seconds"], &[])?;
    let seeds = options.text("--seeds").map(seeds).transpose()?;
    let seconds = match (options.number("--seconds")?, &seeds) {
        (None, None) => Some(SECONDS_DEFAULT),
        (given, _) => given,
    };
    let program = build()?;
    let started_at = now();
    let range = seeds.unwrap_or(0..u64::MAX);
    let swarm = Swarm {
        program,
        next: AtomicU64::new(range.start),
        end: range.end,
        until: seconds.map(|seconds| started_at + Duration::from_secs(seconds)),
        played: AtomicU64::new(0),
        is_over: AtomicBool::new(false),
        failure: Mutex::new(None),
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let players: Vec<_> = (0..cores).map(|_| scope.spawn(|| swarm.play())).collect();
        let mut said_at = now();
        while !players.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            std::thread::park_timeout(Duration::from_millis(100));
            if said_at.elapsed() >= SAY_EVERY {
                said_at = now();
                swarm.say_progress(started_at);
            }
        }
        players.into_iter().try_for_each(|player| match player.join() {
            Ok(result) => result,
            Err(_) => bail!("a thread of the swarm panicked"),
        })
    })?;
    swarm.say_progress(started_at);
    match swarm.failure.into_inner() {
        Ok(None) => Ok(()),
        Ok(Some(story)) => bail!("{story}"),
        Err(_) => bail!("a thread of the swarm panicked"),
    }
}

#[expect(clippy::disallowed_methods, reason = "a chore says how long it took")]
fn now() -> Instant {
    Instant::now()
}

fn seeds(text: &str) -> Result<Range<u64>> {
    let read = |text: &str| text.parse::<u64>().ok();
    match text.split_once("..").map(|(from, to)| (read(from), read(to))) {
        Some((Some(from), Some(to))) if from < to => Ok(from..to),
        _ => bail!("--seeds must be like 0..60000, not \"{text}\""),
    }
}

/// Builds the stories with optimisations and gives the path of the program.
fn build() -> Result<PathBuf> {
    let mut command = run::tool(&run::cargo_name(), &run::root());
    command.args([
        "test",
        "--release",
        "--locked",
        "--package",
        "linewatch-sim",
        "--test",
        "scenarios",
    ]);
    command.arg("--no-run");
    let output = command.output().context("cannot run cargo")?;
    let said = String::from_utf8_lossy(&output.stderr);
    // "  Executable tests/scenarios.rs (target/release/deps/scenarios-0123456789abcdef)"
    let path = said
        .lines()
        .find(|line| line.trim_start().starts_with("Executable"))
        .and_then(|line| line.split_once('(')?.1.strip_suffix(')'));
    match path {
        Some(path) if output.status.success() => Ok(run::root().join(Path::new(path))),
        _ => bail!("cannot build the stories:\n{said}"),
    }
}

impl Swarm {
    fn play(&self) -> Result<()> {
        loop {
            let from = self.next.fetch_add(CHUNK, Ordering::SeqCst);
            let is_late = self.until.is_some_and(|until| now() >= until);
            if is_late || from >= self.end || self.is_over.load(Ordering::SeqCst) {
                return Ok(());
            }
            self.play_chunk(from, self.end.min(from.saturating_add(CHUNK)))?;
        }
    }

    fn play_chunk(&self, from: u64, to: u64) -> Result<()> {
        let mut command = run::tool(&self.program.to_string_lossy(), &run::root());
        command
            .args(["--exact", TEST])
            .env("LINEWATCH_SWARM", format!("{from}..{to}"))
            .env("RUST_BACKTRACE", "0");
        let output = command.output().context("cannot run the stories")?;
        if output.status.success() {
            self.played.fetch_add(to - from, Ordering::SeqCst);
            return Ok(());
        }
        self.is_over.store(true, Ordering::SeqCst);
        let said = String::from_utf8_lossy(&output.stdout);
        let again = seed_in(&said).map_or_else(
            || format!("again with: cargo xtask swarm --seeds {from}..{to}"),
            |seed| format!("again with: cargo xtask swarm --seeds {seed}..{}", seed + 1),
        );
        if let Ok(mut failure) = self.failure.lock() {
            failure.get_or_insert(format!("{said}\n{again}"));
        }
        Ok(())
    }

    fn say_progress(&self, started_at: Instant) {
        let played = self.played.load(Ordering::SeqCst);
        let seconds = started_at.elapsed().as_secs_f64();
        run::say(&format!(
            "{played} seeds in {seconds:.0} s, {:.0} per second, next {}",
            played as f64 / seconds.max(1e-9),
            self.next.load(Ordering::SeqCst).min(self.end)
        ));
    }
}

/// The seed that the story was made of.
fn seed_in(said: &str) -> Option<u64> {
    said.lines()
        .find_map(|line| line.strip_prefix("seed ")?.trim_end_matches(':').parse().ok())
}
