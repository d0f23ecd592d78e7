//! A clock that stands still until it is told, and batches of plain samples.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use linewatch_core::event::{Event, EventId, EventKind, RunId, Severity};
use linewatch_core::port::{Clock, History, RowQuery, SampleQuery, StoredSample};
use linewatch_core::record::{Cause, Class, Gap, Outcome, ProbeRecord, RecordBatch, Stray, StrayKind};
use linewatch_core::target::{ProbePlan, TargetId};
use linewatch_core::time::{Anchor, MonoTime, Rtt, WallTime};
use linewatch_store::{Opened, Reader, SeriesKey, StartOptions, Store, StoreHandle, StoreMessage};

/// 2026-11-21T10:00:00Z.
pub(crate) const START_NS: i64 = 1_795_255_200_000_000_000;
pub(crate) const SECOND: u64 = 1_000_000_000;

/// Both clocks begin at the same moment and are moved by hand.
#[derive(Debug, Default)]
pub(crate) struct HandClock {
    nanos: AtomicU64,
    /// The calendar was set by so much.
    set_by_ns: AtomicI64,
}

impl HandClock {
    pub(crate) fn advance(&self, length: Duration) {
        self.nanos.fetch_add(length.as_nanos() as u64, Ordering::SeqCst);
    }

    /// Sets the calendar forward, or back.
    pub(crate) fn set_by(&self, seconds: i64) {
        self.set_by_ns
            .fetch_add(seconds * SECOND as i64, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn mono(&self) -> MonoTime {
        MonoTime::from_nanos(self.nanos.load(Ordering::SeqCst))
    }
    fn wall(&self) -> WallTime {
        let nanos = self.nanos.load(Ordering::SeqCst) as i64;
        WallTime::from_nanos(START_NS + nanos + self.set_by_ns.load(Ordering::SeqCst))
    }
    fn asleep(&self) -> Duration {
        Duration::ZERO
    }
}

pub(crate) fn wall(seconds: i64) -> WallTime {
    WallTime::from_nanos(START_NS + seconds * SECOND as i64)
}

pub(crate) fn open(dir: &Path, at: i64) -> Opened {
    Store::open(dir, "test", wall(at)).expect("the store opens")
}

/// Starts with a flush interval that never comes by itself: tests flush.
pub(crate) fn start(store: Store, clock: &Arc<HandClock>) -> (StoreHandle, Reader) {
    start_with(store, clock, 1024)
}

pub(crate) fn start_with(store: Store, clock: &Arc<HandClock>, queue: usize) -> (StoreHandle, Reader) {
    let clock = Arc::<HandClock>::clone(clock);
    store
        .start(StartOptions {
            queue,
            flush_interval: Duration::from_secs(1),
            clock,
        })
        .expect("a thread")
}

pub(crate) fn key(slug: &str, address: &str) -> SeriesKey {
    SeriesKey {
        slug: slug.to_owned(),
        address: address.to_owned(),
        method: "icmp".to_owned(),
        port: None,
    }
}

/// Registers the target "gw" and starts, as above.
pub(crate) fn start_with_gw(dir: &Path, clock: &Arc<HandClock>) -> (TargetId, StoreHandle, Reader) {
    let mut store = open(dir, 0).store;
    let id = store
        .register(&key("gw", "192.0.2.1"), "Gateway", wall(0))
        .expect("a number");
    let (handle, reader) = start(store, clock);
    (id, handle, reader)
}

/// An outage of target 1 that goes on.
pub(crate) fn event(seq: u64, message: &str) -> Event {
    Event {
        id: EventId { run: RunId(1), seq },
        kind: EventKind::Outage,
        severity: Severity::Critical,
        target: Some(TargetId(1)),
        at: wall(seq as i64),
        until: None,
        count: 1,
        excess: None,
        message: message.to_owned(),
    }
}

/// The reply to probe `seq` of a target probed every `interval_ns` from the clocks' origin on: an RTT of a
/// microsecond's precision that tells the seq, and a lateness and a process latency that a block keeps exactly.
pub(crate) fn reply(target: TargetId, seq: u64, interval_ns: u64) -> ProbeRecord {
    let due_at = MonoTime::from_nanos(seq * interval_ns);
    ProbeRecord {
        target,
        seq,
        due_at,
        sent_at: due_at.plus(Duration::from_micros(40 + seq % 4 * 8)),
        outcome: Outcome::Reply,
        rtt: Some(Rtt::from_nanos(20_000_000 + (seq * 7919 % 3000) * 1000)),
        host_rtt: Some(Rtt::from_nanos(20_048_000 + (seq * 7919 % 3000) * 1000)),
        class: Class::K,
        cause: Cause::None,
        is_reordered: false,
    }
}

pub(crate) fn late(target: TargetId, seq: u64, interval_ns: u64) -> Stray {
    let sent_at = reply(target, seq, interval_ns).sent_at;
    Stray {
        target,
        seq,
        kind: StrayKind::Late,
        sent_at,
        delay: Some(Rtt::from_nanos(2_500_000_000)),
    }
}

pub(crate) fn batch(records: Vec<ProbeRecord>) -> RecordBatch {
    let mut batch = RecordBatch::new(Anchor {
        mono: MonoTime::ZERO,
        wall: wall(0),
    });
    batch.records = records;
    batch
}

pub(crate) fn send(handle: &StoreHandle, batch: RecordBatch) {
    assert!(
        handle.try_send(StoreMessage::Batch(Arc::new(batch))),
        "the queue has room"
    );
}

/// Probed so often, with a time-out of 2 s.
pub(crate) fn plan(interval_ns: u64) -> ProbePlan {
    ProbePlan {
        interval: Duration::from_nanos(interval_ns),
        timeout: Duration::from_secs(2),
        payload_bytes: 56,
    }
}

/// Sends the replies `seqs` of one target, a batch a second's worth, and flushes after each `per_flush`.
pub(crate) fn feed(
    handle: &StoreHandle,
    clock: &HandClock,
    target: TargetId,
    seqs: std::ops::Range<u64>,
    interval_ns: u64,
    per_flush: usize,
) {
    let seqs: Vec<u64> = seqs.collect();
    for chunk in seqs.chunks(per_flush) {
        send(
            handle,
            batch(chunk.iter().map(|seq| reply(target, *seq, interval_ns)).collect()),
        );
        clock.advance(Duration::from_nanos(interval_ns * chunk.len() as u64));
        handle.flush().expect("flushed");
    }
}

pub(crate) fn samples(reader: &Reader, target: TargetId) -> Vec<StoredSample> {
    reader.samples(everything(target)).expect("history")
}

pub(crate) fn gaps(reader: &Reader, target: TargetId) -> Vec<Gap> {
    reader.gaps(everything(target)).expect("history")
}

pub(crate) fn everything(target: TargetId) -> SampleQuery {
    let (from, to) = (WallTime::from_nanos(i64::MIN), WallTime::from_nanos(i64::MAX));
    SampleQuery {
        target,
        from,
        to,
        limit: usize::MAX,
    }
}

pub(crate) fn seqs(samples: &[StoredSample]) -> Vec<u64> {
    samples.iter().map(|sample| sample.seq).collect()
}

pub(crate) fn all_rows() -> RowQuery {
    RowQuery {
        targets: None,
        kind: None,
        severity: None,
        level: None,
        from: None,
        to: None,
        before: None,
        limit: 100,
    }
}

/// A read-only look at the file itself.
pub(crate) fn sql_number(dir: &Path, sql: &str) -> i64 {
    let connection = rusqlite::Connection::open(dir.join("linewatch.db")).expect("opens");
    connection.query_row(sql, [], |row| row.get(0)).expect("a number")
}

pub(crate) fn sql_text(dir: &Path, sql: &str) -> String {
    let connection = rusqlite::Connection::open(dir.join("linewatch.db")).expect("opens");
    connection.query_row(sql, [], |row| row.get(0)).expect("a text")
}
