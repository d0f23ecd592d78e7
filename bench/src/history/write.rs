//! What history costs to write: bytes kept, bytes written on the way, samples a core takes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use linewatch_core::limits::STORE_QUEUE;
use linewatch_core::port::Clock;
use linewatch_core::record::RecordBatch;
use linewatch_core::target::{ProbePlan, TargetId};
use linewatch_core::time::{Anchor, MonoTime, WallTime};
use linewatch_probe::clock::SystemClock;
use linewatch_store::{SeriesKey, StartOptions, Store, StoreHandle, StoreMessage};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::plain::{Layout, Plain, Sample};
use crate::part;
use crate::seed::{Dice, Noise, database, reply};
use crate::table::{Line, Verdict, short};

const SECOND_NS: u64 = 1_000_000_000;
/// 2026-10-01T00:00:00Z.
const BEGIN_S: i64 = 1_790_812_800;
const TARGETS: u32 = 20;

/// A calendar moved by hand: a day passes in seconds.
#[derive(Debug, Default)]
struct HandClock(AtomicU64);

impl HandClock {
    fn advance(&self, length: Duration) {
        self.0.fetch_add(length.as_nanos() as u64, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn mono(&self) -> MonoTime {
        MonoTime::from_nanos(self.0.load(Ordering::SeqCst))
    }
    fn wall(&self) -> WallTime {
        WallTime::from_nanos(BEGIN_S * SECOND_NS as i64 + self.0.load(Ordering::SeqCst) as i64)
    }
    fn asleep(&self) -> Duration {
        Duration::ZERO
    }
}

/// The program's own store, fed as fast as it takes.
struct Fed {
    handle: StoreHandle,
    clock: Arc<HandClock>,
    noise: Noise,
    dice: Dice,
    targets: u32,
    interval_ns: u64,
    seq: u64,
}

impl Fed {
    fn new(dir: &Path, targets: u32, interval_ns: u64) -> Result<Self> {
        let clock = Arc::<HandClock>::default();
        let mut store = Store::open(dir, "bench", clock.wall())?.store;
        for id in 1..=targets {
            let key = SeriesKey {
                slug: format!("target-{id}"),
                address: std::net::Ipv4Addr::from_bits(0x7f01_0000 + id).to_string(),
                method: "icmp".to_owned(),
                port: None,
            };
            store.register(&key, &key.slug, clock.wall())?;
        }
        let options = StartOptions {
            queue: STORE_QUEUE,
            // Everything is flushed by hand.
            flush_interval: Duration::from_secs(1),
            clock: Arc::<HandClock>::clone(&clock),
        };
        let (handle, _) = store.start(options)?;
        let plan = ProbePlan {
            interval: Duration::from_nanos(interval_ns),
            ..ProbePlan::default()
        };
        let active = (1..=targets).map(|id| (TargetId(id), plan)).collect();
        handle.try_send(StoreMessage::Active(active));
        Ok(Self {
            handle,
            clock,
            noise: Noise::new(1),
            dice: Dice(1),
            targets,
            interval_ns,
            seq: 0,
        })
    }

    /// One probe of every target for each of `slots`.
    fn batch(&mut self, slots: u64) -> Arc<RecordBatch> {
        let mut batch = RecordBatch::new(Anchor {
            mono: MonoTime::ZERO,
            wall: WallTime::from_nanos(BEGIN_S * SECOND_NS as i64),
        });
        for seq in self.seq..self.seq + slots {
            let due_at = MonoTime::from_nanos(seq * self.interval_ns);
            for id in 1..=self.targets {
                // Phases are spread over the interval.
                let phase =
                    Duration::from_nanos(self.interval_ns / u64::from(self.targets) * u64::from(id - 1));
                let roll = self.dice.roll();
                batch
                    .records
                    .push(reply(TargetId(id), seq, due_at.plus(phase), &self.noise, roll));
            }
        }
        self.seq += slots;
        Arc::new(batch)
    }

    fn commit(&mut self, batches: Vec<Arc<RecordBatch>>, length: Duration) -> Result<()> {
        for batch in batches {
            ensure!(
                self.handle.try_send(StoreMessage::Batch(batch)),
                "the store's queue is full"
            );
        }
        self.clock.advance(length);
        Ok(self.handle.flush()?)
    }

    /// So many seconds of probes, committed together.
    fn seconds(&mut self, seconds: u64) -> Result<()> {
        let batch = self.batch(seconds * SECOND_NS / self.interval_ns);
        self.commit(vec![batch], Duration::from_secs(seconds))
    }
}

/// Row 2: a day of the program's own writer, and the same day as rows.
pub(super) fn disk() -> Result<Vec<Line>> {
    let dir = tempfile::tempdir()?;
    let mut fed = Fed::new(dir.path(), TARGETS, SECOND_NS)?;
    // A commit a minute, not a second: the same blocks and rows of the tiers in a sixtieth of the time.
    for _ in 0..24 * 60 {
        fed.seconds(60)?;
    }
    fed.clock.advance(Duration::from_secs(3 * 3600));
    fed.handle.flush()?;
    fed.handle.stop("measured")?;
    let connection = Connection::open(database(dir.path()))?;
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, f64>(0));
    let samples = number("SELECT CAST(sum(samples) AS REAL) FROM samples")?;
    let blocks = number("SELECT CAST(sum(length(block)) AS REAL) FROM samples")?;
    let pages = |names: &str| {
        number(&format!(
            "SELECT CAST(coalesce(sum(pgsize), 0) AS REAL) FROM dbstat WHERE aggregate = TRUE AND name {names}"
        ))
    };
    let (raw, tiers) = (pages("LIKE 'samples%'")?, pages("LIKE 'rollup%'")?);
    let mut lines = vec![rtt_alone()?];
    let all = (raw + tiers) / samples;
    lines.push(Line {
        row: 2,
        what: "disk per sample, all columns and tiers, 20 targets at 1/s for a day, B of pages".to_owned(),
        ours: short(all),
        peer: "-".to_owned(),
        ratio: "-".to_owned(),
        goal: "<= 4.5 B".to_owned(),
        verdict: Verdict::of(all <= 4.5),
        class: "-".to_owned(),
        noise: format!(
            "blocks {} B, their pages {}, tiers {}",
            short(blocks / samples),
            short(raw / samples),
            short(tiers / samples)
        ),
    });
    for layout in [Layout::Tools, Layout::Best] {
        let mut plain = Plain::new(dir.path(), layout)?;
        let count = 3600 * 6;
        for minute in 0..count / 60 {
            plain.add(plain_seconds(minute * 60, 60))?;
        }
        let each = plain.bytes()? / (count * u64::from(TARGETS)) as f64;
        lines.push(Line {
            row: 2,
            what: format!("the same beside plain rows ({layout:?})"),
            ours: short(all),
            peer: short(each),
            ratio: format!("{:.1}x", each / all),
            goal: if layout == Layout::Tools { ">= 30x" } else { "-" }.to_owned(),
            verdict: Verdict::of(layout == Layout::Best || each / all >= 30.0),
            class: "-".to_owned(),
            noise: "rows: 6 h".to_owned(),
        });
    }
    Ok(lines)
}

/// A block that holds RTTs and nothing else to speak of: no lateness, no process latency.
fn rtt_alone() -> Result<Line> {
    let dir = tempfile::tempdir()?;
    let mut fed = Fed::new(dir.path(), 1, SECOND_NS)?;
    for _ in 0..6 * 60 {
        let mut batch = fed.batch(60);
        let records = Arc::get_mut(&mut batch).context("a batch of our own")?;
        for record in &mut records.records {
            record.sent_at = record.due_at;
            record.host_rtt = record.rtt;
        }
        fed.commit(vec![batch], Duration::from_secs(60))?;
    }
    fed.clock.advance(Duration::from_secs(3 * 3600));
    fed.handle.flush()?;
    fed.handle.stop("measured")?;
    let connection = Connection::open(database(dir.path()))?;
    let each: f64 = connection.query_row(
        "SELECT CAST(sum(length(block)) AS REAL) / sum(samples) FROM samples",
        [],
        |row| row.get(0),
    )?;
    Ok(Line {
        row: 2,
        what: "disk per RTT, raw: log-normal, median 12 ms, sigma 0.15, whole us (entropy 1.61 B)".to_owned(),
        ours: short(each),
        peer: "-".to_owned(),
        ratio: "-".to_owned(),
        goal: "<= 1.7 B".to_owned(),
        verdict: Verdict::of(each <= 1.7),
        class: "-".to_owned(),
        noise: "blocks of an hour, head and checksum included".to_owned(),
    })
}

fn plain_seconds(from_s: u64, seconds: u64) -> impl Iterator<Item = Sample> {
    let mut dice = Dice(from_s);
    (from_s..from_s + seconds).flat_map(move |second| {
        let roll = dice.roll();
        (1..=TARGETS).map(move |target| Sample {
            target,
            at_ms: (BEGIN_S + second as i64) * 1000,
            rtt_us: Some(9_000 + (roll >> target & 0x1fff)),
        })
    })
}

/// Bytes this process has handed to the system to write.
fn bytes_written() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/self/io")?;
    let line = text.lines().find_map(|line| line.strip_prefix("wchar: "));
    Ok(line.context("no wchar in /proc/self/io")?.parse()?)
}

/// Row 3: a commit a second for half an hour, with `recent` as long as it gets and everything that is due in between.
pub(super) fn written() -> Result<Vec<Line>> {
    const SECONDS: u64 = 1800;
    let dir = tempfile::tempdir()?;
    let mut fed = Fed::new(dir.path(), TARGETS, SECOND_NS)?;
    // Two hours and more, so that rows of `recent` go as others come; then the half hour around a full hour.
    for _ in 0..165 {
        fed.seconds(60)?;
    }
    let begin = bytes_written()?;
    for _ in 0..SECONDS {
        fed.seconds(1)?;
    }
    let ours = (bytes_written()? - begin) / (SECONDS * u64::from(TARGETS)) as f64;
    fed.handle.stop("measured")?;
    let mut lines = Vec::new();
    for layout in [Layout::Best, Layout::Tools] {
        let mut plain = Plain::new(dir.path(), layout)?;
        for minute in 0..165 {
            plain.add(plain_seconds(minute * 60, 60))?;
        }
        plain.checkpoint()?;
        let begin = bytes_written()?;
        for second in 0..SECONDS {
            plain.add(plain_seconds(165 * 60 + second, 1))?;
            // As our own store does.
            if second % 300 == 299 {
                plain.checkpoint()?;
            }
        }
        plain.checkpoint()?;
        let theirs = (bytes_written()? - begin) / (SECONDS * u64::from(TARGETS)) as f64;
        lines.push(Line {
            row: 3,
            what: format!(
                "bytes written per sample, 20 targets at 1/s, a commit a second; rows ({layout:?})"
            ),
            ours: short(ours),
            peer: short(theirs),
            ratio: format!("{:.1}x", theirs / ours),
            goal: ">= 7x less".to_owned(),
            verdict: Verdict::of(theirs / ours >= 7.0),
            class: "-".to_owned(),
            noise: "log and checkpoints; half an hour with its sealing".to_owned(),
        });
    }
    Ok(lines)
}

/// What came of taking samples as fast as possible.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Taken {
    ours_per_s: f64,
    best_per_s: f64,
    tools_per_s: f64,
}

/// Row 4, in a process of its own: it stays on one core.
pub(super) fn ingest() -> Result<Vec<Line>> {
    let taken: Taken = part::ask("take", "")?;
    let line = |name: &str, plain_per_s: f64| {
        let ratio = taken.ours_per_s / plain_per_s;
        Line {
            row: 4,
            what: format!(
                "samples/s on one core, 1000 targets at 50/s, sealing and all tiers; rows ({name})"
            ),
            ours: short(taken.ours_per_s),
            peer: short(plain_per_s),
            ratio: format!("{ratio:.1}x"),
            goal: ">= 400000; >= 5x".to_owned(),
            verdict: Verdict::of(taken.ours_per_s >= 400_000.0 && ratio >= 5.0),
            class: "-".to_owned(),
            noise: "rows: commits of 50,000 samples, as ours".to_owned(),
        }
    };
    Ok(vec![
        line("Tools", taken.tools_per_s),
        line("Best", taken.best_per_s),
    ])
}

/// The part behind row 4.
pub(crate) fn take_samples() -> Result<Taken> {
    const TARGETS: u32 = 1000;
    const SECONDS: u64 = 80;
    let mut one = CpuSet::new();
    one.set(0)?;
    // Before any other thread exists: they inherit it.
    sched_setaffinity(Pid::from_raw(0), &one).context("stay on one core")?;
    let clock = SystemClock::start();
    let dir = tempfile::tempdir()?;
    let mut fed = Fed::new(dir.path(), TARGETS, SECOND_NS / 50)?;
    let mut spent = Duration::ZERO;
    for _ in 0..SECONDS {
        let batches = (0..50).map(|_| fed.batch(1)).collect();
        let begin = clock.mono();
        fed.commit(batches, Duration::from_secs(1))?;
        spent += clock.mono().since(begin);
    }
    fed.handle.stop("measured")?;
    let per_s =
        |seconds: u64, spent: Duration| (seconds * 50 * u64::from(TARGETS)) as f64 / spent.as_secs_f64();
    let plain_per_s = |layout| -> Result<f64> {
        const SECONDS: u64 = 20;
        let mut plain = Plain::new(dir.path(), layout)?;
        let mut spent = Duration::ZERO;
        for second in 0..SECONDS {
            let samples: Vec<Sample> = (0..50_u32)
                .flat_map(|slot| {
                    (1..=TARGETS).map(move |target| Sample {
                        target,
                        at_ms: (BEGIN_S + second as i64) * 1000 + i64::from(slot) * 20,
                        rtt_us: Some(12_000 + u64::from(target ^ slot)),
                    })
                })
                .collect();
            let begin = clock.mono();
            plain.add(samples.into_iter())?;
            if second % 10 == 9 {
                plain.checkpoint()?;
            }
            spent += clock.mono().since(begin);
        }
        Ok(per_s(SECONDS, spent))
    };
    Ok(Taken {
        ours_per_s: per_s(SECONDS, spent),
        best_per_s: plain_per_s(Layout::Best)?,
        tools_per_s: plain_per_s(Layout::Tools)?,
    })
}
