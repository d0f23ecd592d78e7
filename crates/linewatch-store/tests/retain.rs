//! What is deleted by itself, and what never is.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::*;
use linewatch_core::event::{Event, EventId, EventKind, RunId, Severity};
use linewatch_core::port::{History, StorageState};
use linewatch_core::target::TargetId;
use linewatch_store::{Keeping, Reader, Retention, StoreHandle, StoreMessage};

const HOUR: u64 = 3600;
const NO_LIMIT: u64 = 1 << 40;

fn keeping(max_size_bytes: u64, raw_hours: u64, minutes_hours: u64) -> Keeping {
    let hours = |hours: u64| Some(Duration::from_secs(hours * HOUR));
    Keeping {
        max_size_bytes,
        retention: Retention {
            raw: hours(raw_hours),
            minutes: hours(minutes_hours),
            events: hours(raw_hours),
            ..Retention::default()
        },
    }
}

struct Bench {
    dir: tempfile::TempDir,
    clock: Arc<HandClock>,
    handle: StoreHandle,
    reader: Reader,
    targets: Vec<TargetId>,
}

impl Bench {
    fn new(targets: u32) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let clock = Arc::new(HandClock::default());
        let mut store = open(dir.path(), 0).store;
        let targets = (1..=targets)
            .map(|number| {
                let key = key(&format!("t{number}"), "192.0.2.1");
                store.register(&key, "T", wall(0)).expect("a number")
            })
            .collect();
        let (handle, reader) = start(store, &clock);
        Self {
            dir,
            clock,
            handle,
            reader,
            targets,
        }
    }

    /// Measures every target once a minute for some hours, a flush each minute.
    fn measure(&self, hours: std::ops::Range<u64>) {
        for minute in hours.start * 60..hours.end * 60 {
            let records = self.targets.iter().map(|id| reply(*id, minute, 60 * SECOND));
            send(&self.handle, batch(records.collect()));
            self.clock.advance(Duration::from_secs(60));
            self.handle.flush().expect("flushed");
        }
    }

    /// Rows of a table, as hours since the begin: the oldest, and how many.
    fn rows(&self, table: &str, column: &str, per_hour: i64) -> (i64, i64) {
        let begin = if column == "from_s" {
            START_NS / SECOND as i64
        } else {
            START_NS
        };
        let oldest = sql_number(
            self.dir.path(),
            &format!("SELECT coalesce(min({column}), 0) - {begin} FROM {table}"),
        );
        let count = sql_number(self.dir.path(), &format!("SELECT count(*) FROM {table}"));
        (oldest / per_hour, count)
    }

    /// The whole hour in which the oldest block ends.
    fn oldest_block(&self) -> i64 {
        self.rows("samples", "to_ns", HOUR as i64 * SECOND as i64).0
    }

    fn oldest_minute(&self) -> i64 {
        self.rows("rollup_1m", "from_s", HOUR as i64).0
    }
}

fn event(seq: u64, at_hour: i64, is_over: bool) -> Event {
    Event {
        id: EventId { run: RunId(1), seq },
        kind: EventKind::PacketLoss,
        severity: Severity::Warning,
        target: Some(TargetId(1)),
        at: wall(at_hour * HOUR as i64),
        until: is_over.then_some(wall(at_hour * HOUR as i64)),
        count: 1,
        excess: None,
        message: "lost".to_owned(),
    }
}

#[test]
fn each_kind_is_kept_for_its_own_time() {
    let bench = Bench::new(3);
    bench.handle.keep(keeping(NO_LIMIT, 4, 8));
    for (seq, is_over) in [(0, true), (1, false)] {
        bench.handle.try_send(StoreMessage::Event(event(seq, 0, is_over)));
    }
    bench.measure(0..12);
    // A sweep every ten minutes: what is older than its time by more than that is gone.
    assert_eq!((bench.oldest_block(), bench.oldest_minute()), (7, 3));
    let (oldest_hour, hours) = bench.rows("rollup_1h", "from_s", HOUR as i64);
    assert_eq!(
        (oldest_hour, hours >= 3 * 10),
        (0, true),
        "hours are kept for ever"
    );
    let left = bench.reader.events(&all_rows()).expect("history");
    assert_eq!(
        left.iter().map(|event| event.id.seq).collect::<Vec<_>>(),
        [1],
        "what goes on stays"
    );
    let oldest = bench.handle.storage().oldest;
    let hour_of = |kind: &str| {
        let found = oldest.iter().find(|(word, _)| *word == kind);
        found.map(|(_, at)| at.nanos_after(wall(0)) / (HOUR as i64 * SECOND as i64))
    };
    assert_eq!(
        (hour_of("raw"), hour_of("minutes"), hour_of("hours")),
        (Some(7), Some(3), Some(0))
    );
}

#[test]
fn forever_deletes_nothing() {
    let bench = Bench::new(1);
    bench.handle.keep(Keeping {
        max_size_bytes: NO_LIMIT,
        retention: Retention::default(),
    });
    bench.measure(0..30);
    assert_eq!((bench.oldest_block(), bench.oldest_minute()), (0, 0));
}

#[test]
fn a_calendar_that_jumps_deletes_nothing_until_it_has_gone_on_normally() {
    let bench = Bench::new(2);
    bench.handle.keep(keeping(NO_LIMIT, 48, 48));
    bench.measure(0..12);
    assert!(bench.handle.news().is_empty());
    // A year ahead, as a computer whose clock battery is empty and whose time server lies.
    bench.clock.set_by(365 * 24 * HOUR as i64);
    for _ in 0..30 {
        bench.clock.advance(Duration::from_secs(60));
        bench.handle.flush().expect("flushed");
    }
    assert_eq!((bench.oldest_block(), bench.oldest_minute()), (0, 0));
    let told = bench.handle.news();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].message.contains("raw, minutes") && told[0].message.contains("an hour"),
        "{}",
        told[0].message
    );
    // Set right again: nothing was lost.
    bench.clock.set_by(-365 * 24 * HOUR as i64);
    for _ in 0..120 {
        bench.clock.advance(Duration::from_secs(60));
        bench.handle.flush().expect("flushed");
    }
    assert_eq!((bench.oldest_block(), bench.oldest_minute()), (0, 0));
    // Another year, and this time it stays: after an hour it is believed.
    bench.clock.set_by(365 * 24 * HOUR as i64);
    for _ in 0..80 {
        bench.clock.advance(Duration::from_secs(60));
        bench.handle.flush().expect("flushed");
    }
    let blocks = sql_number(
        bench.dir.path(),
        &format!("SELECT count(*) FROM samples WHERE to_ns < {START_NS} + 9 * 3600 * 1000000000"),
    );
    assert_eq!(blocks, 0, "confirmed by time that passed normally");
}

#[test]
fn a_row_from_ten_years_ahead_does_not_make_the_others_a_small_part() {
    let bench = Bench::new(1);
    let years = |years: u64| Some(Duration::from_secs(years * 365 * 24 * HOUR));
    bench.handle.keep(Keeping {
        max_size_bytes: NO_LIMIT,
        retention: Retention {
            events: years(10),
            ..Retention::default()
        },
    });
    bench.handle.try_send(StoreMessage::Event(event(0, 0, true)));
    bench.measure(0..2);
    // What is written then stretches the span of all events; the real ones are a moment of it.
    bench.clock.set_by(10 * 365 * 24 * HOUR as i64);
    let ahead = event(1, 10 * 365 * 24 + 2, true);
    bench.handle.try_send(StoreMessage::Event(ahead));
    for _ in 0..30 {
        bench.clock.advance(Duration::from_secs(60));
        bench.handle.flush().expect("flushed");
    }
    assert_eq!(bench.rows("events", "at_ns", 1), (0, 2));
}

#[test]
fn a_budget_gives_up_the_oldest_samples_first_and_keeps_what_they_sum_up_to() {
    let bench = Bench::new(3);
    let budget = 3 << 20;
    bench.handle.keep(Keeping {
        max_size_bytes: budget,
        retention: Retention::default(),
    });
    bench.handle.try_send(StoreMessage::Event(event(0, 0, true)));
    // 50 probes/s each, 2 hours in flushes of 4 s: 3 MB of blocks in a database of 2 MB.
    let mut largest = 0;
    for turn in 0..1800_u64 {
        for id in &bench.targets {
            let seqs = turn * 200..(turn + 1) * 200;
            send(
                &bench.handle,
                batch(seqs.map(|seq| reply(*id, seq, SECOND / 50)).collect()),
            );
        }
        bench.clock.advance(Duration::from_secs(4));
        bench.handle.flush().expect("flushed");
        if turn % 10 == 0 {
            largest = largest.max(bench.handle.storage().size_bytes);
        }
    }
    let storage = bench.handle.storage();
    // The log may be longer for a moment (two checkpoints that meet make one of them wait): little beside the 16 MB of
    // the smallest budget there is.
    assert!(largest <= budget + (2 << 20), "{largest} of {budget}");
    assert_eq!((storage.state, storage.trouble), (StorageState::Ok, None));
    let oldest_second = bench.rows("samples", "to_ns", SECOND as i64).0;
    assert!(oldest_second > 600, "samples went: {oldest_second}");
    assert_eq!(bench.oldest_minute(), 0, "minutes are worth more");
    assert_eq!(bench.reader.events(&all_rows()).expect("history").len(), 1);
    let sent = sql_number(
        bench.dir.path(),
        "SELECT sum(sent) FROM rollup_1h WHERE target = 1",
    );
    assert!(sent >= 3600 * 50, "every probe is still counted: {sent}");
    assert_eq!(sql_text(bench.dir.path(), "PRAGMA integrity_check"), "ok");
}

#[test]
fn a_smaller_budget_shrinks_a_database_that_is_too_large() {
    let bench = Bench::new(4);
    for turn in 0..240_u64 {
        for id in &bench.targets {
            let seqs = turn * 1000..(turn + 1) * 1000;
            send(
                &bench.handle,
                batch(seqs.map(|seq| reply(*id, seq, SECOND / 50)).collect()),
            );
        }
        bench.clock.advance(Duration::from_secs(20));
        bench.handle.flush().expect("flushed");
    }
    let database = || {
        let connection = rusqlite::Connection::open(bench.dir.path().join("linewatch.db")).expect("opens");
        let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        number("page_count").expect("pages") * 4096
    };
    let before = database();
    let budget = 2 << 20;
    assert!(before > budget, "{before}");
    bench.handle.keep(Keeping {
        max_size_bytes: budget as u64,
        retention: Retention::default(),
    });
    for _ in 0..600 {
        bench.clock.advance(Duration::from_secs(1));
        bench.handle.flush().expect("flushed");
    }
    let after = database();
    assert!(after <= budget / 4 * 3, "{before} became {after}");
    assert_eq!(bench.handle.storage().state, StorageState::Ok);
}
