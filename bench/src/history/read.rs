//! What history costs to read: a month of 20 targets, a year of 100, and as a round-robin database.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use linewatch_core::port::{Clock as _, History as _, SampleQuery, SeriesQuery};
use linewatch_core::target::TargetId;
use linewatch_core::time::WallTime;
use linewatch_probe::clock::SystemClock;
use linewatch_store::Reader;

use super::Effort;
use super::plain::{Layout, Plain, Sample};
use crate::account;
use crate::part;
use crate::seed::{self, Order, database};
use crate::table::{Line, Runs, Verdict, short};

const TARGETS: u32 = 20;
const POINTS: usize = 1000;
/// Rows are read of so many days, and told for as many as ours: they are read one after the other.
const PLAIN_DAYS: u32 = 3;
const DAY: Duration = Duration::from_secs(86_400);

fn history(dir: &Path, days: u32) -> Result<Order> {
    let order = Order {
        targets: TARGETS,
        days,
        interval: Duration::from_secs(1),
        dir: dir.to_owned(),
        seed: 1,
        end: SystemClock::start().wall(),
    };
    seed::make(&order, false)?;
    Ok(order)
}

/// Row 1.
pub(super) fn month(effort: &Effort) -> Result<Vec<Line>> {
    let dir = tempfile::tempdir()?;
    let order = history(dir.path(), effort.days)?;
    let reader = Reader::open(dir.path())?;
    let from = order.end.minus(DAY * order.days);
    let mut ours = Runs::default();
    // Once before, so that both sides find their pages in the system's memory.
    for run in 0..=effort.runs {
        let begin = account::own_cpu()?;
        for target in (1..=TARGETS).map(TargetId) {
            told(&reader, target, from, order.end, POINTS)?;
        }
        let spent = account::own_cpu()?.saturating_sub(begin);
        if run > 0 {
            ours.add(spent.as_secs_f64() * 1e3);
        }
    }
    let mut lines = Vec::new();
    for layout in [Layout::Tools, Layout::Best] {
        let days = PLAIN_DAYS.min(order.days);
        let plain = copied(dir.path(), &reader, &order, layout, days)?;
        let span_s = i64::from(order.days) * 86_400;
        let (to_ms, from_ms) = (order.end.as_millis(), order.end.minus(DAY * days).as_millis());
        let begin = account::own_cpu()?;
        for target in 1..=TARGETS {
            plain.series(target, from_ms, to_ms, span_s / POINTS as i64)?;
        }
        let spent = account::own_cpu()?.saturating_sub(begin);
        let plain_ms = spent.as_secs_f64() * 1e3 * f64::from(order.days) / f64::from(days);
        let ratio = plain_ms / ours.median();
        let (name, goal, is_met) = match layout {
            Layout::Tools => (
                "rows of the five tools",
                "<= 50 ms; >= 500x",
                ours.median() <= 50.0 && ratio >= 500.0,
            ),
            Layout::Best => ("best rows", "<= 50 ms", ours.median() <= 50.0),
        };
        lines.push(Line {
            row: 1,
            what: format!(
                "{} days x {TARGETS} targets at 1/s, {POINTS} points, ms CPU, ours with percentiles; {name}",
                order.days
            ),
            ours: short(ours.median()),
            peer: short(plain_ms),
            ratio: format!("{ratio:.0}x"),
            goal: goal.to_owned(),
            verdict: Verdict::of(is_met),
            class: "-".to_owned(),
            noise: format!("{}; rows: {days} days, told for {}", ours.spread(), order.days),
        });
    }
    Ok(lines)
}

/// Reads a span as a graph needs it, every figure of every point; how many points.
fn told(reader: &Reader, target: TargetId, from: WallTime, to: WallTime, points: usize) -> Result<usize> {
    let query = SeriesQuery {
        target,
        from,
        to,
        points,
    };
    let series = reader.series(query)?;
    let mut told = 0;
    for point in &series.points {
        let rollup = &point.rollup;
        let quantiles = rollup.quantiles([0.5, 0.95, 0.99]);
        let figures = [
            rollup.min(),
            rollup.avg(),
            rollup.max(),
            quantiles[0],
            quantiles[1],
            quantiles[2],
        ];
        told += usize::from(figures.iter().all(Option::is_some) || rollup.counts().loss().failed > 0);
    }
    Ok(told)
}

/// The newest days of a history as plain rows.
fn copied(dir: &Path, reader: &Reader, order: &Order, layout: Layout, days: u32) -> Result<Plain> {
    let mut plain = Plain::new(dir, layout)?;
    for target in 1..=TARGETS {
        for day in (0..days).rev() {
            let query = SampleQuery {
                target: TargetId(target),
                from: order.end.minus(DAY * (day + 1)),
                to: order.end.minus(DAY * day),
                limit: usize::MAX,
            };
            let samples = reader.samples(query)?;
            plain.add(samples.iter().map(|sample| Sample {
                target,
                at_ms: sample.at.as_millis(),
                rtt_us: sample.rtt.map(|rtt| rtt.as_nanos() / 1000),
            }))?;
        }
        plain.checkpoint()?;
    }
    Ok(plain)
}

/// Row 6: `linewatch rrd` of one target with a year behind it, by the program beside this one.
pub(super) fn round_robin(effort: &Effort) -> Result<Vec<Line>> {
    let program = std::env::current_exe()?.with_file_name("linewatch");
    ensure!(
        program.exists(),
        "{} is not built: cargo build --release -p linewatch",
        program.display()
    );
    let dir = tempfile::tempdir()?;
    let order = Order {
        targets: 1,
        days: 365,
        interval: Duration::from_secs(1),
        dir: dir.path().join("data"),
        seed: 1,
        end: SystemClock::start().wall(),
    };
    std::fs::create_dir(&order.dir)?;
    seed::make(&order, false)?;
    let config = dir.path().join("linewatch.toml");
    std::fs::write(&config, format!("[storage]\ndata_dir = {:?}\n", order.dir))?;
    let out = dir.path().join("latency.rrd");
    let clock = SystemClock::start();
    let (mut wall, mut cpu) = (Runs::default(), Runs::default());
    for _ in 0..effort.runs {
        let (begin, begin_cpu) = (clock.mono(), account::children_cpu()?);
        let output = part::command(program.to_str().context("a path that is text")?)
            .args(["rrd", "seed-1", "--config"])
            .arg(&config)
            .arg("--out")
            .arg(&out)
            .output()?;
        ensure!(
            output.status.success(),
            "linewatch rrd: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        wall.add(clock.mono().since(begin).as_secs_f64());
        cpu.add(account::children_cpu()?.saturating_sub(begin_cpu).as_secs_f64());
    }
    Ok(vec![Line {
        row: 6,
        what: "`linewatch rrd`, day + month + year of a target at 1/s, s".to_owned(),
        ours: short(wall.median()),
        peer: "-".to_owned(),
        ratio: "-".to_owned(),
        goal: "<= 0.2 s".to_owned(),
        verdict: Verdict::of(wall.median() <= 0.2),
        class: "-".to_owned(),
        noise: format!("{}; {} s CPU", wall.spread(), short(cpu.median())),
    }])
}

/// Row 7: every range of a year of 100 targets, the slowest one.
pub(super) fn year(effort: &Effort) -> Result<Vec<Line>> {
    let made = tempfile::tempdir()?;
    let (dir, targets) = match &effort.year_dir {
        Some(dir) => (dir.clone(), 100),
        None => {
            let order = Order {
                targets: 100,
                days: 365,
                interval: Duration::from_secs(1),
                dir: made.path().to_owned(),
                seed: 1,
                end: SystemClock::start().wall(),
            };
            seed::make(&order, true)?;
            (order.dir, 100)
        }
    };
    let reader = Reader::open(&dir)?;
    let clock = SystemClock::start();
    let end = clock.wall();
    let mut slowest = (0.0_f64, String::new());
    for (name, hours) in [
        ("1 h", 1),
        ("6 h", 6),
        ("24 h", 24),
        ("33 h", 33),
        ("7 d", 168),
        ("13 d", 312),
        ("30 d", 720),
        ("90 d", 2160),
        ("1 y", 8760),
    ] {
        let mut runs = Runs::default();
        for target in 1..=targets {
            let begin = clock.mono();
            told(
                &reader,
                TargetId(target),
                end.minus(Duration::from_secs(hours * 3600)),
                end,
                2000,
            )?;
            runs.add(clock.mono().since(begin).as_secs_f64() * 1e3);
        }
        crate::table::say(&format!("  {name}: {} ms", runs.spread()));
        if runs.median() > slowest.0 {
            slowest = (runs.median(), format!("{name}: {}", runs.spread()));
        }
    }
    let bytes = database(&dir).metadata()?.len() as f64;
    Ok(vec![
        Line {
            row: 7,
            what: "1 year x 100 targets, 2,000 points of any range of one target, slowest range, ms"
                .to_owned(),
            ours: short(slowest.0),
            peer: "-".to_owned(),
            ratio: "-".to_owned(),
            goal: "<= 100 ms".to_owned(),
            verdict: Verdict::of(slowest.0 <= 100.0),
            class: "-".to_owned(),
            noise: slowest.1,
        },
        Line {
            row: 7,
            what: "the same at the default retention, GiB of the database".to_owned(),
            ours: short(bytes / (1 << 30) as f64),
            peer: "-".to_owned(),
            ratio: "-".to_owned(),
            goal: "<= 4 GiB".to_owned(),
            verdict: Verdict::of(bytes <= (4_u64 << 30) as f64),
            class: "-".to_owned(),
            noise: "retention as it would leave it, not the budget at work".to_owned(),
        },
    ])
}
