//! Gives tests a real store of measured targets, and a clock that stands where the test puts it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use linewatch_core::port::Clock;
use linewatch_core::record::{Cause, Class, Outcome, ProbeRecord, RecordBatch};
use linewatch_core::target::TargetId;
use linewatch_core::time::{Anchor, MonoTime, Rtt, WallTime};
use linewatch_probe::clock::SystemClock;
use linewatch_store::{Reader, SeriesKey, StartOptions, Store, StoreHandle, StoreMessage};

/// 2026-11-21T02:00:00Z.
pub(crate) const START: WallTime = WallTime::from_nanos(1_795_226_400_000_000_000);

/// So many seconds after [`START`].
pub(crate) fn at(seconds: u64) -> WallTime {
    START.plus(Duration::from_secs(seconds))
}

/// Seconds since [`START`], moved by the test.
#[derive(Clone, Default)]
pub(crate) struct Hand(Arc<AtomicU64>);

impl Hand {
    /// Puts it so many seconds after [`START`].
    pub(crate) fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn mono(&self) -> MonoTime {
        MonoTime::ZERO
    }
    fn wall(&self) -> WallTime {
        at(self.0.load(Ordering::SeqCst))
    }
    fn asleep(&self) -> Duration {
        Duration::ZERO
    }
}

/// A store in `dir` with a series for each of these targets. It writes when it is flushed.
pub(crate) fn store_of<const N: usize>(dir: &Path, slugs: [&str; N]) -> (StoreHandle, Reader, [TargetId; N]) {
    let mut opened = Store::open(dir, "test", START).expect("a store");
    let targets = slugs.map(|slug| {
        let key = SeriesKey {
            slug: slug.to_owned(),
            address: "192.0.2.1".to_owned(),
            method: "icmp".to_owned(),
            port: None,
        };
        opened.store.register(&key, slug, START).expect("a series")
    });
    let options = StartOptions {
        queue: 64,
        flush_interval: Duration::from_secs(1),
        clock: Arc::new(SystemClock::start()),
    };
    let (store, reader) = opened.store.start(options).expect("a thread");
    (store, reader, targets)
}

/// The probe of a second after [`START`], a quarter into it; without an RTT it is lost.
pub(crate) fn probe(target: TargetId, second: u64, rtt: Option<Rtt>) -> ProbeRecord {
    let sent_at = MonoTime::from_nanos(second * 1_000_000_000 + 250_000_000);
    ProbeRecord {
        target,
        seq: second,
        due_at: sent_at,
        sent_at,
        outcome: rtt.map_or(Outcome::Lost, |_| Outcome::Reply),
        rtt,
        host_rtt: rtt,
        class: Class::K,
        cause: Cause::None,
        is_reordered: false,
    }
}

/// Writes probes.
pub(crate) fn keep(store: &StoreHandle, probes: impl IntoIterator<Item = ProbeRecord>) {
    let mut batch = RecordBatch::new(Anchor {
        mono: MonoTime::ZERO,
        wall: START,
    });
    batch.records.extend(probes);
    assert!(store.try_send(StoreMessage::Batch(Arc::new(batch))), "room");
    store.flush().expect("written");
}
