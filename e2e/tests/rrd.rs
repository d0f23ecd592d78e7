//! The installed `rrdtool` judges the round-robin database that linewatch writes: it must read it, draw it, go on updating
//! it, and have made the same one itself from the same values.
//!
//! Skipped, with words, where there is no rrdtool; nothing here needs a network.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use linewatch_core::port::Clock as _;
use linewatch_core::record::{Cause, Class, Outcome, ProbeRecord, RecordBatch};
use linewatch_core::target::TargetId;
use linewatch_core::time::{Anchor, MonoTime, Rtt, WallTime};
use linewatch_e2e::{binary, namespace};
use linewatch_probe::clock::SystemClock;
use linewatch_render::rrd::{Database, Layout, SOURCES, Value};
use linewatch_store::{SeriesKey, StartOptions, Store, StoreMessage};

/// 2026-11-21T02:00:00Z: a whole hour.
const HOUR_S: i64 = 1_795_226_400;
/// Updates of one call of rrdtool: far below what the system lets a command line hold.
const UPDATES_PER_CALL: usize = 1_000;
/// One update as rrdtool and as linewatch are given it.
type Update = (i64, [f64; SOURCES.len()]);

/// Runs `test` in a directory of its own, or says why not.
#[track_caller]
fn with_rrdtool(name: &str, test: impl FnOnce(&Path) -> anyhow::Result<()>) {
    let dir = tempfile::tempdir().expect("a directory");
    if let Err(error) = rrdtool(dir.path(), &["--version"]) {
        namespace::skip(name, &format!("rrdtool cannot be run: {error:#}"));
        return;
    }
    if let Err(error) = test(dir.path()) {
        panic!("{name}: {error:?}");
    }
}

/// What rrdtool prints, in UTC.
#[expect(
    clippy::disallowed_methods,
    reason = "the test is about the file as rrdtool sees it"
)]
fn rrdtool(dir: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new("rrdtool");
    let output = command
        .args(arguments)
        .current_dir(dir)
        .env("TZ", "UTC")
        .env("LC_ALL", "C")
        .output()
        .context("run rrdtool")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "rrdtool {}: {complaint}",
        arguments.first().copied().unwrap_or_default()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Gives rrdtool these updates of `file`.
fn update(dir: &Path, file: &str, updates: &[Update]) -> anyhow::Result<()> {
    for some in updates.chunks(UPDATES_PER_CALL) {
        let texts: Vec<String> = some
            .iter()
            .map(|(at_s, values)| {
                values.iter().fold(at_s.to_string(), |mut text, value| {
                    let _ = if value.is_nan() {
                        write!(text, ":U")
                    } else {
                        write!(text, ":{value}")
                    };
                    text
                })
            })
            .collect();
        let mut arguments = vec!["update", file];
        arguments.extend(texts.iter().map(String::as_str));
        rrdtool(dir, &arguments)?;
    }
    Ok(())
}

/// Makes `theirs.rrd` with rrdtool and `ours.rrd` with linewatch from the same updates.
fn both(dir: &Path, step_s: i64, start_s: i64, updates: &[Update]) -> anyhow::Result<Database> {
    let layout = Layout::new(step_s).context("a step")?;
    let start = start_s.to_string();
    let arguments = layout.create_arguments();
    let mut create = vec!["create", "theirs.rrd", "--start", start.as_str()];
    create.extend(arguments.iter().map(String::as_str));
    rrdtool(dir, &create)?;
    update(dir, "theirs.rrd", updates)?;
    let mut ours = Database::new(layout, start_s);
    for (at_s, values) in updates {
        ours.update(*at_s, &values.map(Value::plain));
    }
    std::fs::write(dir.join("ours.rrd"), ours.to_bytes())?;
    Ok(ours)
}

/// Everything in a file, the scratch areas too; which row of a ring is the first is rrdtool's dice.
#[track_caller]
fn expect_same(dir: &Path, one: &str, other: &str) -> anyhow::Result<()> {
    let [one_text, other_text] = [rrdtool(dir, &["dump", one])?, rrdtool(dir, &["dump", other])?];
    let mut differences = one_text
        .lines()
        .zip(other_text.lines())
        .filter(|(one, other)| one != other);
    if let Some((one_line, other_line)) = differences.next() {
        let more = differences.count();
        anyhow::bail!("{one}: {one_line}\n{other}: {other_line}\nand {more} more lines");
    }
    ensure!(one_text.len() == other_text.len(), "one is shorter");
    Ok(())
}

/// Draws with MINSTD (Park and Miller 1988): the same ones on every computer.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0 * 48_271 % 2_147_483_647;
        self.0 % end
    }

    /// Latency in ms, loss as 0, 1 or a share, and the others; sometimes unknown or out of range.
    fn values(&mut self) -> [f64; SOURCES.len()] {
        [0, 1, 2, 3, 4].map(|index| match (index, self.below(20)) {
            (_, 0 | 1) => f64::NAN,
            (_, 2) => -1.0,
            (1, 3) => 1.5,
            (1, _) => self.exactly(1.0),
            _ => self.exactly(200.0),
        })
    }

    /// A multiple of 1/64 up to `most`. RRDtool's own reading of decimal fractions is off by a last bit in one number of
    /// four; these it reads exactly, so that everything behind the reading can be compared to the last bit.
    fn exactly(&mut self, most: f64) -> f64 {
        self.below((most * 64.0) as u64 + 1) as f64 / 64.0
    }
}

/// A day of one update a second, with a lost probe now and then and an hour in which nothing was measured.
fn day(start_s: i64) -> Vec<Update> {
    let mut dice = Dice(7);
    (1..=86_400)
        .filter(|second| !(40_000..43_600).contains(second) || *second == 43_599)
        .map(|second| {
            let ms = 12.0 + dice.exactly(3.0);
            let at_s = start_s + second;
            match (second == 43_599, dice.below(50) == 0) {
                (true, _) => (at_s, [f64::NAN; 5]),
                (false, true) => (at_s, [f64::NAN, 1.0, 0.5, ms, ms + 1.0]),
                (false, false) => (at_s, [ms, 0.0, 0.5, ms, ms + 1.0]),
            }
        })
        .collect()
}

#[test]
fn any_updates_give_the_dump_that_rrdtool_gives_scratch_areas_included() {
    with_rrdtool("rrd arithmetic", |dir| {
        for (seed, step_s, start_s) in [
            (1, 1, HOUR_S),
            (2, 10, HOUR_S + 7),
            (3, 300, HOUR_S - 1),
            (4, 60, HOUR_S + 59),
        ] {
            let mut dice = Dice(seed);
            let mut at_s = start_s;
            let updates: Vec<Update> = (0..3000)
                .map(|_| {
                    at_s += match dice.below(100) {
                        0 => 1 + dice.below(40_000) as i64,
                        1..=10 => 1 + dice.below(700) as i64,
                        11..=60 => 1 + dice.below(30) as i64,
                        _ => 1,
                    };
                    (at_s, dice.values())
                })
                .collect();
            both(dir, step_s, start_s, &updates)?;
            expect_same(dir, "ours.rrd", "theirs.rrd")
                .with_context(|| format!("seed {seed}, step {step_s}"))?;
            std::fs::remove_file(dir.join("theirs.rrd"))?;
        }
        Ok(())
    });
}

#[test]
fn a_day_gives_the_same_rows_and_the_same_picture_and_rrdtool_goes_on_from_there() {
    with_rrdtool("rrd day", |dir| {
        let updates = day(HOUR_S);
        both(dir, 1, HOUR_S, &updates)?;
        expect_same(dir, "ours.rrd", "theirs.rrd")?;
        let pictures = ["ours", "theirs"].map(|name| draw(dir, name, HOUR_S + 86_400));
        let [ours, theirs] = pictures.map(|picture| picture.map_err(|error| format!("{error:#}")));
        ensure!(
            ours.is_ok() && ours == theirs,
            "the pictures differ, or one failed: {:?}",
            ours.err()
        );

        let mut dice = Dice(11);
        let more: Vec<Update> = (1..2_000)
            .map(|n| (HOUR_S + 86_400 + n * 3, dice.values()))
            .collect();
        update(dir, "ours.rrd", &more)?;
        update(dir, "theirs.rrd", &more)?;
        expect_same(dir, "ours.rrd", "theirs.rrd")
    });
}

/// The picture of the 24 hours before `end_s`; its bytes.
fn draw(dir: &Path, name: &str, end_s: i64) -> anyhow::Result<Vec<u8>> {
    let (start, end) = ((end_s - 86_400).to_string(), end_s.to_string());
    let [average, max] = ["AVERAGE", "MAX"].map(|kind| format!("DEF:{kind}={name}.rrd:latency:{kind}"));
    let picture = format!("{name}.png");
    let arguments = [
        "graph",
        &picture,
        "--start",
        &start,
        "--end",
        &end,
        "--width",
        "600",
        "--height",
        "200",
        "--title",
        "Latency of 24 hours",
        "--vertical-label",
        "ms",
        &average,
        &max,
        "AREA:MAX#cccccc:slowest",
        "LINE1:AVERAGE#0000ff:average",
        "GPRINT:AVERAGE:AVERAGE:%.3lf ms",
    ];
    rrdtool(dir, &arguments)?;
    let path: PathBuf = dir.join(picture);
    std::fs::read(&path).with_context(|| path.display().to_string())
}

#[test]
fn the_xml_restores_to_the_same_file() {
    with_rrdtool("rrd xml", |dir| {
        let mut updates = day(HOUR_S);
        updates.truncate(3_001);
        let ours = both(dir, 10, HOUR_S, &updates)?;
        let mut xml = Vec::new();
        ours.write_xml(&mut xml)?;
        std::fs::write(dir.join("ours.xml"), xml)?;
        rrdtool(dir, &["restore", "ours.xml", "restored.rrd"])?;
        expect_same(dir, "restored.rrd", "theirs.rrd")
    });
}

/// Seconds of the history that the program is given: 23 hours, all of them younger than a day.
const HISTORY_S: u64 = 23 * 3600;

/// What became of the probe of each second: its RTT in eighths of a ms (the store keeps whole microseconds), or that it
/// was lost.
fn fates() -> Vec<Option<u64>> {
    let mut dice = Dice(23);
    (0..HISTORY_S)
        .map(|second| {
            let is_down = (30_000..30_400).contains(&second) || dice.below(100) == 0;
            (!is_down).then(|| 80 + dice.below(25))
        })
        .collect()
}

/// A data directory with these fates, a probe a second from `start_s` on.
fn store(dir: &Path, start_s: i64, fates: &[Option<u64>]) -> anyhow::Result<()> {
    let start = WallTime::from_nanos(start_s * 1_000_000_000);
    let mut opened = Store::open(dir, "test", start)?;
    let key = SeriesKey {
        slug: "gw".to_owned(),
        address: "192.0.2.1".to_owned(),
        method: "icmp".to_owned(),
        port: None,
    };
    let target = opened.store.register(&key, "Gateway", start)?;
    let options = StartOptions {
        queue: 64,
        flush_interval: Duration::from_secs(1),
        clock: Arc::new(SystemClock::start()),
    };
    let (handle, _) = opened.store.start(options)?;
    let anchor = Anchor {
        mono: MonoTime::ZERO,
        wall: start,
    };
    for (hour, fates) in (0..).zip(fates.chunks(3600)) {
        let mut batch = RecordBatch::new(anchor);
        let records = (hour * 3600..)
            .zip(fates)
            .map(|(seq, fate)| record(target, seq, *fate));
        batch.records = records.collect();
        ensure!(
            handle.try_send(StoreMessage::Batch(Arc::new(batch))),
            "the queue is full"
        );
        handle.flush()?;
    }
    Ok(handle.stop("the test has what it wants")?)
}

fn record(target: TargetId, seq: u64, fate: Option<u64>) -> ProbeRecord {
    let sent_at = MonoTime::from_nanos(seq * 1_000_000_000 + 250_000_000);
    let rtt = fate.map(|parts| Rtt::from_nanos(parts * 125_000));
    ProbeRecord {
        target,
        seq,
        due_at: sent_at,
        sent_at,
        outcome: if fate.is_some() {
            Outcome::Reply
        } else {
            Outcome::Lost
        },
        rtt,
        host_rtt: rtt,
        class: Class::K,
        cause: Cause::None,
        is_reordered: false,
    }
}

/// The same as somebody would give it to rrdtool second by second; percentiles and jitter of the last minute.
fn told(start_s: i64, fates: &[Option<u64>]) -> Vec<Update> {
    let ms = |parts: u64| parts as f64 / 8.0;
    (0..fates.len())
        .map(|second| {
            let at_s = start_s + second as i64 + 1;
            let Some(parts) = fates[second] else {
                return (at_s, [f64::NAN, 1.0, f64::NAN, f64::NAN, f64::NAN]);
            };
            let first = (second + 1).saturating_sub(60);
            let changes: Vec<u64> = (first.max(1)..=second)
                .filter_map(|index| Some(fates[index]?.abs_diff(fates[index - 1]?)))
                .collect();
            let sum_ns = changes.iter().sum::<u64>() as f64 * 125_000.0;
            let jitter = (sum_ns / changes.len() as f64).round() / 1e6;
            let mut sorted: Vec<u64> = fates[first..=second].iter().copied().flatten().collect();
            sorted.sort_unstable();
            let [p50, p95] = [50, 95].map(|percent| sorted[(sorted.len() * percent).div_ceil(100) - 1]);
            (at_s, [ms(parts), 0.0, jitter, ms(p50), ms(p95)])
        })
        .collect()
}

/// As [`expect_same`], but numbers may differ in the last digit of ten that a dump prints.
fn expect_close(dir: &Path, one: &str, other: &str) -> anyhow::Result<()> {
    let [one, other] = [rrdtool(dir, &["dump", one])?, rrdtool(dir, &["dump", other])?];
    let words =
        |text: &str| -> Vec<String> { text.split(['<', '>', ' ', '\n']).map(str::to_owned).collect() };
    let (one, other) = (words(&one), words(&other));
    ensure!(
        one.len() == other.len(),
        "{} words and {}",
        one.len(),
        other.len()
    );
    for (place, (one, other)) in one.iter().zip(&other).enumerate() {
        let is_close = match (one.parse::<f64>(), other.parse::<f64>()) {
            (Ok(one), Ok(other)) => (one - other).abs() <= 1e-9 * other.abs(),
            _ => false,
        };
        ensure!(one == other || is_close, "word {place}: {one} and {other}");
    }
    Ok(())
}

/// Runs the built program; what it prints.
#[expect(
    clippy::disallowed_methods,
    reason = "the test is about the program as a process"
)]
fn linewatch(program: &Path, dir: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("timeout")
        .args(["--kill-after=5", "60"])
        .arg(program)
        .args(["--data-dir", "data"])
        .args(arguments)
        .current_dir(dir)
        .env("HOME", dir)
        .output()?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {complaint}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

#[test]
fn the_command_writes_what_rrdtool_reads_draws_and_updates_from_the_stored_history() {
    let program = match binary::find() {
        Ok(program) => program,
        Err(missing) => return namespace::skip("rrd command", &missing),
    };
    with_rrdtool("rrd command", |dir| {
        let now_s = SystemClock::start().wall().as_nanos() / 1_000_000_000;
        let start_s = now_s - now_s % 3600 - HISTORY_S as i64 - 60;
        let end_s = start_s + HISTORY_S as i64;
        let fates = fates();
        store(&dir.join("data"), start_s, &fates)?;
        linewatch(&program, dir, &["rrd", "gw", "--out", "gw.rrd"])?;
        both(dir, 1, start_s, &told(start_s, &fates))?;
        expect_close(dir, "gw.rrd", "theirs.rrd")?;
        let [gw, theirs] = [draw(dir, "gw", end_s)?, draw(dir, "theirs", end_s)?];
        ensure!(gw == theirs, "the pictures differ");

        let info = rrdtool(dir, &["info", "gw.rrd"])?;
        for line in [
            "rrd_version = \"0003\"",
            "ds[p95].type = \"GAUGE\"",
            "rra[8].cf = \"MAX\"",
        ] {
            ensure!(info.contains(line), "{line} is not in {info}");
        }
        let last = rrdtool(dir, &["lastupdate", "gw.rrd"])?;
        ensure!(last.contains(&format!("{end_s}: ")), "{last}");
        let [start, end] = [end_s - 2, end_s - 1].map(|at_s| at_s.to_string());
        let fetched = rrdtool(
            dir,
            &["fetch", "gw.rrd", "AVERAGE", "--start", &start, "--end", &end],
        )?;
        let newest = fates[fates.len() - 2].context("the last fate but one is a reply")?;
        let line = format!("{end}: {:.10}e+01", newest as f64 / 80.0);
        ensure!(fetched.contains(&line), "{line} is not in {fetched}");
        let more: Vec<Update> = (1..500)
            .map(|n| (end_s + n, [12.5, 0.0, 0.5, 12.5, 13.0]))
            .collect();
        update(dir, "gw.rrd", &more)?;
        update(dir, "theirs.rrd", &more)?;
        expect_close(dir, "gw.rrd", "theirs.rrd")?;

        // Again: the file is replaced, and nothing else is left beside it.
        linewatch(
            &program,
            dir,
            &["rrd", "Gateway", "--out", "gw.rrd", "--step", "10s"],
        )?;
        ensure!(
            rrdtool(dir, &["info", "gw.rrd"])?.contains("\nstep = 10\n"),
            "it was not replaced"
        );
        let left = std::fs::read_dir(dir)?
            .filter_map(Result::ok)
            .map(|entry| entry.file_name());
        let left: Vec<_> = left
            .filter(|name| name.to_string_lossy().contains("tmp"))
            .collect();
        ensure!(left.is_empty(), "left behind: {left:?}");
        Ok(())
    });
}
