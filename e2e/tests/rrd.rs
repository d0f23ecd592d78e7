//! The installed `rrdtool` judges the round-robin database that linewatch writes: it must read it, draw it, go on updating
//! it, and have made the same one itself from the same values.
//!
//! Skipped, with words, where there is no rrdtool; nothing here needs a network.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use linewatch_e2e::namespace;
use linewatch_render::rrd::{Database, Layout, SOURCES, Value};

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
