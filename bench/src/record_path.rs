//! The parts behind the rows about records: a made-up stream of finished probes carried through monitor and store.
//!
//! The stream is what an engine would hand on, faster than any network gives it: in order of time, full batches, replies
//! of about 12 ms. Monitor and store are the program's own, the store's file is real.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use anyhow::{Context as _, Result};
use linewatch_core::event::RunId;
use linewatch_core::limits::{BATCH_QUEUE, BATCH_RECORDS, STORE_QUEUE, WINDOW};
use linewatch_core::monitor::{Effect, Monitor};
use linewatch_core::port::Clock as _;
use linewatch_core::record::{Cause, Class as Accuracy, Outcome, ProbeRecord, Progress, RecordBatch};
use linewatch_core::target::{Host, ProbePlan, Target, TargetId};
use linewatch_core::time::{Anchor, MonoTime, Rtt, WallTime};
use linewatch_probe::clock::SystemClock;
use linewatch_store::{SeriesKey, StartOptions, Store, StoreHandle, StoreMessage};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use crate::account;
use crate::load::{self, Prober, allocated_bytes};
use crate::part::{Class, Load};
use crate::tally::Tally;

/// On the way to the disk one transaction holds so many: what comes in a second at the goal's rate, below what the store lets wait.
const RECORDS_PER_COMMIT: u64 = 500_000;
const SECOND_NS: u64 = 1_000_000_000;
/// Of the stream whose memory is measured, so much goes to the store.
const STORED_S: u64 = 70;

/// What came of carrying records.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Carried {
    /// Records committed.
    pub records: u64,
    /// Real time from the first to the last commit.
    pub span_s: f64,
    /// Records for which there was no room.
    pub lost: u64,
}

/// What a whole process needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Whole {
    /// Greatest resident size.
    pub resident_bytes: u64,
    /// Allocated by the engine.
    pub engine_bytes: u64,
    /// Allocated by the monitor with full windows.
    pub monitor_bytes: u64,
    /// Allocated by the store beside them.
    pub store_bytes: u64,
    /// Length of the stream.
    pub simulated_s: u64,
}

/// A stream of replies.
struct Feed {
    targets: u32,
    interval_ns: u64,
    /// Calendar of the stream's origin.
    begin: WallTime,
    /// Number of the next record, over all targets.
    next: u64,
}

impl Feed {
    fn batch(&mut self) -> RecordBatch {
        let targets = u64::from(self.targets);
        let mut records = Vec::with_capacity(BATCH_RECORDS);
        let mut progress = Vec::new();
        for number in self.next..self.next + BATCH_RECORDS as u64 {
            let (target, seq) = (TargetId((number % targets) as u32 + 1), number / targets);
            let due_at = self.at(number);
            // A multiplicative hash: values as scattered as those of a real line, the same in each run.
            let scatter_ns = (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44) & 0xf_ffff;
            let rtt_ns = 12_000_000 + scatter_ns;
            records.push(ProbeRecord {
                target,
                seq,
                due_at,
                sent_at: due_at.plus(Duration::from_micros(20)),
                outcome: Outcome::Reply,
                rtt: Some(Rtt::from_nanos(rtt_ns)),
                host_rtt: Some(Rtt::from_nanos(rtt_ns + 30_000)),
                class: Accuracy::K,
                cause: Cause::None,
                is_reordered: false,
            });
            // The newest word on each target of the batch.
            if number + targets >= self.next + BATCH_RECORDS as u64 {
                progress.push(Progress {
                    target,
                    scheduled: seq + 1,
                    in_flight: 0,
                });
            }
        }
        self.next += BATCH_RECORDS as u64;
        let mut batch = RecordBatch::new(self.anchor());
        batch.records = records;
        batch.progress = progress;
        batch
    }

    fn at(&self, number: u64) -> MonoTime {
        let per_target = u128::from(number) * u128::from(self.interval_ns) / u128::from(self.targets);
        MonoTime::from_nanos(per_target as u64)
    }

    /// When the newest record was decided.
    fn anchor(&self) -> Anchor {
        let mono = self.at(self.next).plus(Duration::from_millis(20));
        Anchor {
            mono,
            wall: self.begin.plus(Duration::from_nanos(mono.as_nanos())),
        }
    }
}

/// Monitor and store as the program ties them together.
struct Spine {
    monitor: Monitor,
    effects: Vec<Effect>,
    tick_at_ns: u64,
    store: Option<StoreHandle>,
    uncommitted: u64,
    records_per_commit: u64,
    lost: u64,
}

impl Spine {
    fn new(run: RunId, feed: &Feed) -> Self {
        let mut monitor = Monitor::new(run, feed.anchor());
        let mut effects = Vec::new();
        for index in 0..feed.targets {
            monitor.set_target(&target(index + 1, feed.interval_ns), MonoTime::ZERO, &mut effects);
        }
        Self {
            monitor,
            effects,
            tick_at_ns: SECOND_NS,
            store: None,
            uncommitted: 0,
            records_per_commit: RECORDS_PER_COMMIT,
            lost: 0,
        }
    }

    fn carry(&mut self, batch: RecordBatch) -> Result<()> {
        let (anchor, records) = (batch.anchor, batch.records.len() as u64);
        let batch = Arc::new(batch);
        self.monitor.ingest(&batch, &mut self.effects);
        self.send(StoreMessage::Batch(batch), records);
        while anchor.mono.as_nanos() >= self.tick_at_ns {
            let mut kept = Vec::new();
            self.monitor.tick_by_parts(anchor, &mut self.effects, |part| {
                // Views are the page's.
                let told = part
                    .drain(..)
                    .filter(|effect| !matches!(effect, Effect::Views(_)));
                kept.extend(told);
            });
            self.effects.extend(kept);
            self.tick_at_ns += SECOND_NS;
        }
        for effect in std::mem::take(&mut self.effects) {
            match effect {
                Effect::Views(_) | Effect::Break(_) => {}
                Effect::Event(event) => self.send(StoreMessage::Event(event), 0),
                Effect::Outage(row) => self.send(StoreMessage::Outage(row), 0),
            }
        }
        self.uncommitted += records;
        if self.uncommitted + BATCH_RECORDS as u64 > self.records_per_commit {
            self.commit()?;
        }
        Ok(())
    }

    fn send(&mut self, message: StoreMessage, records: u64) {
        if let Some(store) = &self.store
            && !store.try_send(message)
        {
            self.lost += records;
        }
    }

    fn commit(&mut self) -> Result<()> {
        self.uncommitted = 0;
        match &self.store {
            Some(store) => store.flush().context("commit"),
            None => Ok(()),
        }
    }
}

fn target(id: u32, interval_ns: u64) -> Target {
    Target {
        slug: format!("target-{id}"),
        name: format!("target {id}"),
        plan: ProbePlan {
            interval: Duration::from_nanos(interval_ns),
            ..ProbePlan::default()
        },
        ..Target::plain(
            TargetId(id),
            Host::Literal {
                ip: std::net::Ipv4Addr::from_bits(0x7f01_0000 + id).into(),
                zone: None,
            },
        )
    }
}

/// A store in `dir` whose first `series` numbers are taken.
fn open_store(dir: &Path, clock: SystemClock, series: u32) -> Result<(StoreHandle, RunId)> {
    let opened = Store::open(dir, "bench", clock.wall())?;
    let mut store = opened.store;
    for id in 1..=series {
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
        flush_interval: Duration::from_secs(1),
        clock: Arc::new(clock),
    };
    let (handle, _) = store.start(options)?;
    Ok((handle, opened.run))
}

/// Carries `records` on one core and tells how long it took.
pub(crate) fn carry(records: u64) -> Result<Carried> {
    let mut one = CpuSet::new();
    one.set(0)?;
    // Before any other thread exists: they inherit it.
    sched_setaffinity(Pid::from_raw(0), &one).context("stay on one core")?;
    let clock = SystemClock::start();
    let dir = tempfile::tempdir()?;
    let mut feed = Feed {
        targets: 1000,
        interval_ns: SECOND_NS / 100,
        begin: clock.wall(),
        next: 0,
    };
    let (store, run) = open_store(dir.path(), clock, feed.targets)?;
    let mut path = Spine::new(run, &feed);
    path.store = Some(store.clone());
    let begin_at = clock.mono();
    while feed.next < records {
        let batch = feed.batch();
        path.carry(batch)?;
    }
    path.commit()?;
    let span = clock.mono().since(begin_at);
    let lost = path.lost + store.storage().overrun;
    store.stop("measured").context("end the store")?;
    Ok(Carried {
        records: feed.next,
        span_s: span.as_secs_f64(),
        lost,
    })
}

/// Runs a full engine beside a full monitor and a store, and tells how large that is.
pub(crate) fn whole() -> Result<Whole> {
    let clock = SystemClock::start();
    let order = Load::loopback(100_000, SECOND_NS / 1000, 0);
    let start_bytes = allocated_bytes();
    let (records, received) = sync_channel(BATCH_QUEUE);
    let prober = Prober::start(clock, Class::Realtime, order.seed, records)?;
    load::add_targets(&prober, &order, &received, &mut Tally::new(&order))?;
    // Two rounds: its tables have their size then.
    let settled_at = clock.mono().plus(2 * Duration::from_secs(1));
    while let Ok(batch) = received.recv_timeout(settled_at.since(clock.mono())) {
        drop(batch);
    }
    let engine_bytes = allocated_bytes().saturating_sub(start_bytes);
    let _drain = std::thread::Builder::new()
        .name("drain".to_owned())
        .spawn(move || received.iter().for_each(drop))?;
    let mut feed = Feed {
        targets: order.targets,
        interval_ns: SECOND_NS,
        begin: clock.wall(),
        next: 0,
    };
    let monitor_begin = allocated_bytes();
    let mut path = Spine::new(RunId(1), &feed);
    let simulated_s = WINDOW.as_secs() + 5;
    let mut largest = 0;
    while feed.next < u64::from(feed.targets) * simulated_s {
        let batch = feed.batch();
        path.carry(batch)?;
    }
    let monitor_bytes = allocated_bytes().saturating_sub(monitor_begin);
    let dir = tempfile::tempdir()?;
    let (store, _) = open_store(dir.path(), clock, 0)?;
    path.store = Some(store.clone());
    // As the program does: once a second of the stream.
    path.records_per_commit = u64::from(feed.targets);
    // A whole minute: minutes are open then, and ten minutes begun.
    let end_s = simulated_s + STORED_S;
    let store_begin = allocated_bytes();
    let mut store_bytes = 0;
    while feed.next < u64::from(feed.targets) * end_s {
        let batch = feed.batch();
        path.carry(batch)?;
        // At the stream's own pace the store has taken each batch before the next one comes.
        while store.storage().queued > 0 {
            std::thread::park_timeout(Duration::from_micros(200));
        }
        largest = largest.max(account::resident_bytes()?);
        store_bytes = store_bytes.max(allocated_bytes().saturating_sub(store_begin));
    }
    prober.stop(Duration::ZERO);
    store.stop("measured").context("end the store")?;
    Ok(Whole {
        resident_bytes: largest,
        engine_bytes,
        monitor_bytes,
        store_bytes,
        simulated_s,
    })
}
