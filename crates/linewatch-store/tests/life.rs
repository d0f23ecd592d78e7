//! A store from opening to stopping: runs, locks, series, damage, and trouble that passes.

mod common;

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use common::*;
use linewatch_core::event::{Event, EventId, EventKind, LogRow, OutageRow, RunId, Severity};
use linewatch_core::outage::OpenedBy;
use linewatch_core::port::{History, RowQuery};
use linewatch_core::record::GapKind;
use linewatch_core::target::TargetId;
use linewatch_store::{OpenError, Store, StoreMessage};

#[test]
fn the_first_run_is_1_and_an_orderly_stop_leaves_a_gap_of_its_kind() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let mut first = open(dir.path(), 0);
    assert_eq!(
        (first.run, first.interrupted, first.stopped_at),
        (RunId(1), None, None)
    );
    let id = first
        .store
        .register(&key("gw", "192.0.2.1"), "Gateway", wall(0))
        .expect("a number");
    let (handle, _reader) = start(first.store, &clock);
    handle.try_send(StoreMessage::Active(vec![(id, plan(SECOND))]));
    feed(&handle, &clock, id, 0..10, SECOND, 10);
    handle.stop("SIGTERM").expect("stopped");

    let second = open(dir.path(), 100);
    assert_eq!(
        (second.run, second.interrupted, second.stopped_at),
        (RunId(2), None, Some(wall(10)))
    );
    assert_eq!(second.vantage, first.vantage);
    assert_eq!(second.vantage.len(), 32);
    let (_handle, reader) = start(second.store, &clock);
    let gaps = gaps(&reader, id);
    assert_eq!(
        gaps.iter()
            .map(|gap| (gap.kind, gap.from, gap.to, gap.slots))
            .collect::<Vec<_>>(),
        [(GapKind::Stopped, wall(10), wall(100), 0)]
    );
}

#[test]
fn a_run_without_a_stop_is_an_interruption_and_ends_what_was_going_on() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let mut first = open(dir.path(), 0).store;
    let id = first
        .register(&key("gw", "192.0.2.1"), "Gateway", wall(0))
        .expect("a number");
    let idle = first
        .register(&key("idle", "192.0.2.2"), "Idle", wall(0))
        .expect("a number");
    let (handle, reader) = start(first, &clock);
    handle.try_send(StoreMessage::Active(vec![(id, plan(SECOND))]));
    handle.try_send(StoreMessage::Event(event(4, "is down")));
    handle.try_send(StoreMessage::Outage(OutageRow {
        id: EventId {
            run: RunId(1),
            seq: 4,
        },
        target: id,
        from: wall(4),
        to: None,
        duration_ns: SECOND,
        opened_by: OpenedBy::Run,
        sent: 3,
        lost: 3,
        uncertainty_ns: SECOND,
    }));
    feed(&handle, &clock, id, 0..10, SECOND, 10);
    assert_eq!(reader.events(&all_rows()).expect("events")[0].until, None);
    let copy = tempfile::tempdir().expect("a directory");
    for name in ["linewatch.db", "linewatch.db-wal"] {
        std::fs::copy(dir.path().join(name), copy.path().join(name)).expect("as a power cut leaves it");
    }

    let opened = open(copy.path(), 60);
    assert_eq!(
        opened.interrupted.map(|interrupted| interrupted.from),
        Some(wall(10))
    );
    let (_second, reader) = start(opened.store, &clock);
    let crashed: Vec<_> = gaps(&reader, id)
        .iter()
        .map(|gap| (gap.kind, gap.from, gap.to))
        .collect();
    assert_eq!(crashed, [(GapKind::Crashed, wall(10), wall(60))]);
    assert_eq!(gaps(&reader, idle), []);
    let outage = reader.outages(&all_rows()).expect("outages").remove(0);
    assert_eq!((outage.to, outage.duration_ns), (Some(wall(10)), 6 * SECOND));
    assert_eq!(
        reader.events(&all_rows()).expect("events")[0].until,
        Some(wall(10))
    );
    handle.stop("test").expect("stopped");
}

#[test]
fn a_second_opener_is_refused_and_told_who_holds_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let first = open(dir.path(), 0);
    let error = Store::open(dir.path(), "test", wall(1)).expect_err("refused");
    let holder = format!("pid {}, since 2026-11-21T10:00:00Z", std::process::id());
    assert!(
        matches!(&error, OpenError::Locked { holder: found, .. } if *found == holder),
        "{error}"
    );
    assert!(error.to_string().contains(&holder), "{error}");
    drop(first);
    open(dir.path(), 2);
}

#[test]
fn a_series_keeps_its_number_and_no_number_is_given_twice() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut store = open(dir.path(), 0).store;
    let mut number = |slug, address, name| {
        store
            .register(&key(slug, address), name, wall(0))
            .expect("a number")
    };
    let first = number("gw", "192.0.2.1", "Gateway");
    assert_eq!(number("gw", "192.0.2.1", "Renamed"), first);
    let moved = number("gw", "192.0.2.9", "Gateway");
    assert!(moved > first, "another address is another series");
    rusqlite::Connection::open(dir.path().join("linewatch.db"))
        .and_then(|connection| connection.execute("DELETE FROM targets", []))
        .expect("a person removes them by hand");
    assert!(number("gw", "192.0.2.1", "Gateway") > moved);
    drop(store);
    let (handle, _reader) = start(open(dir.path(), 1).store, &Arc::default());
    assert_eq!(
        handle.register(&key("gw", "192.0.2.1"), "Gateway", wall(1)),
        Ok(TargetId(moved.0 + 1))
    );
}

#[test]
fn everything_of_the_store_is_closed_to_others() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("deep").join("data");
    let clock = Arc::new(HandClock::default());
    let (handle, reader) = start(open(&data, 0).store, &clock);
    feed(&handle, &clock, TargetId(1), 0..10, SECOND, 10);
    let mode = |path: &std::path::Path| path.metadata().expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    let files: Vec<_> = std::fs::read_dir(&data)
        .expect("listed")
        .map(|entry| entry.expect("entry").path())
        .collect();
    assert_eq!(files.len(), 4, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    assert_eq!(samples(&reader, TargetId(1)).len(), 10);
}

#[test]
fn a_damaged_database_is_set_aside_and_a_new_one_begun() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(
        dir.path().join("linewatch.db"),
        "this was a database once".repeat(1000),
    )
    .expect("written");
    let opened = open(dir.path(), 0);
    assert_eq!(opened.run, RunId(1));
    let aside = dir
        .path()
        .canonicalize()
        .expect("path")
        .join("linewatch.db.corrupt-20261121T100000Z");
    assert!(
        opened.trouble[0].contains(&aside.display().to_string()),
        "{:?}",
        opened.trouble
    );
    assert!(
        std::fs::read_to_string(aside)
            .expect("kept")
            .starts_with("this was")
    );
}

#[test]
fn damage_met_while_writing_is_told_and_cured_by_the_next_start() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (handle, _reader) = start(open(dir.path(), 0).store, &clock);
    feed(&handle, &clock, TargetId(1), 0..5000, SECOND, 1000);
    handle.stop("test").expect("stopped");
    let path = dir.path().join("linewatch.db");
    let root = sql_number(
        dir.path(),
        "SELECT rootpage FROM sqlite_schema WHERE name = 'gaps_by_time'",
    );
    let mut bytes = std::fs::read(&path).expect("read");
    bytes[(root as usize - 1) * 4096..root as usize * 4096].fill(0x55);
    std::fs::write(&path, bytes).expect("a disk went bad");

    let (handle, _reader) = start(open(dir.path(), 9000).store, &clock);
    let gap = linewatch_core::record::Gap {
        target: TargetId(1),
        kind: GapKind::Paused,
        from: wall(1),
        to: wall(2),
        first_seq: 0,
        slots: 0,
    };
    handle.try_send(StoreMessage::Gap(gap));
    assert!(handle.flush().is_err());
    assert!(
        handle
            .storage()
            .trouble
            .is_some_and(|trouble| trouble.contains("damaged"))
    );
    let _ = handle.stop("test");
    drop(handle);
    let opened = open(dir.path(), 9001);
    assert!(
        opened.trouble[0].contains("linewatch.db.corrupt-"),
        "{:?}",
        opened.trouble
    );
    assert_eq!(opened.run, RunId(3), "its numbers go on");
}

#[test]
fn a_directory_that_cannot_be_used_is_a_clear_error() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("file");
    std::fs::write(&file, "").expect("written");
    let error = Store::open(&file.join("data"), "test", wall(0)).expect_err("refused");
    assert!(
        matches!(error, OpenError::Directory { .. }) && error.to_string().contains("--data-dir"),
        "{error}"
    );
    std::fs::create_dir(dir.path().join("linewatch.db")).expect("a directory in its place");
    let error = Store::open(dir.path(), "test", wall(0)).expect_err("refused");
    assert!(
        error.to_string().contains("linewatch.db: is a directory"),
        "{error}"
    );
}

#[test]
fn a_locked_database_loses_nothing_and_trouble_passes() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (handle, reader) = start(open(dir.path(), 0).store, &clock);
    feed(&handle, &clock, TargetId(1), 0..10, SECOND, 10);
    let blocker = rusqlite::Connection::open(dir.path().join("linewatch.db")).expect("opens");
    blocker.execute_batch("BEGIN EXCLUSIVE").expect("locked");
    for second in 0..60 {
        send(
            &handle,
            batch(
                (0..20)
                    .map(|n| reply(TargetId(1), 10 + second * 20 + n, SECOND / 20))
                    .collect(),
            ),
        );
    }
    assert!(handle.flush().is_err());
    assert!(
        reader
            .storage()
            .trouble
            .is_some_and(|trouble| trouble.contains("locked"))
    );
    assert_eq!(samples(&reader, TargetId(1)).len(), 10, "history is still told");
    blocker.execute_batch("ROLLBACK").expect("unlocked");
    handle.flush().expect("flushed");
    let view = reader.storage();
    assert_eq!((view.trouble, view.overrun, view.queued), (None, 0, 0));
    let mut found = seqs(&samples(&reader, TargetId(1)));
    found.sort_unstable();
    assert_eq!(found, (0..1210).collect::<Vec<_>>());
}

#[test]
fn a_full_queue_is_a_stored_gap_and_loses_no_event() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (handle, reader) = start_with(open(dir.path(), 0).store, &clock, 2);
    let blocker = rusqlite::Connection::open(dir.path().join("linewatch.db")).expect("opens");
    blocker.execute_batch("BEGIN EXCLUSIVE").expect("locked");
    // Soon the writer waits for the lock, and the queue has room for two.
    let waiting = std::thread::spawn({
        let handle = handle.clone();
        move || handle.flush()
    });
    let (mut sent, mut refused) = (0, 0);
    while refused < 100 {
        let message = StoreMessage::Batch(Arc::new(batch(vec![reply(TargetId(1), sent, SECOND)])));
        refused += u64::from(!handle.try_send(message));
        handle.try_send(StoreMessage::Event(event(sent, "kept")));
        sent += 1;
    }
    blocker.execute_batch("ROLLBACK").expect("unlocked");
    let _ = waiting.join().expect("joined"); // Whether the lock was let go in time for it does not matter.
    handle.flush().expect("flushed");
    handle.flush().expect("and what waited beside the queue");
    let gaps = gaps(&reader, TargetId(1));
    let slots: u64 = gaps.iter().map(|gap| gap.slots).sum();
    assert!(gaps.iter().all(|gap| gap.kind == GapKind::Overrun), "{gaps:?}");
    assert_eq!((slots, reader.storage().overrun), (refused, refused));
    assert_eq!(samples(&reader, TargetId(1)).len() as u64 + slots, sent);
    assert_eq!(sql_number(dir.path(), "SELECT count(*) FROM events") as u64, sent);
}

#[test]
fn an_event_with_the_id_of_an_earlier_one_replaces_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let (handle, reader) = start(open(dir.path(), 0).store, &Arc::default());
    handle.try_send(StoreMessage::Event(event(1, "is down")));
    handle.flush().expect("flushed");
    assert_eq!(reader.open_events(9), Ok(vec![event(1, "is down")]));
    let closed = Event {
        until: Some(wall(9)),
        count: 8,
        ..event(1, "was down for 8 s")
    };
    handle.try_send(StoreMessage::Event(closed.clone()));
    handle.flush().expect("flushed");
    assert_eq!(reader.events(&all_rows()), Ok(vec![closed]));
    assert_eq!(reader.open_events(9), Ok(Vec::new()), "it has ended");
}

#[test]
fn events_are_told_newest_first_filtered_and_by_pages() {
    let dir = tempfile::tempdir().expect("a directory");
    let (handle, reader) = start(open(dir.path(), 0).store, &Arc::default());
    for seq in 0..10 {
        let mut event = event(seq, "x");
        if seq % 2 == 1 {
            (event.kind, event.severity, event.target) = (EventKind::Started, Severity::Info, None);
        }
        handle.try_send(StoreMessage::Event(event));
    }
    handle.flush().expect("flushed");
    let ask = |query: RowQuery| -> Vec<u64> {
        reader
            .events(&query)
            .expect("events")
            .iter()
            .map(|event| event.id.seq)
            .collect()
    };
    let before = Some(EventId {
        run: RunId(1),
        seq: 7,
    });
    assert_eq!(
        ask(RowQuery {
            limit: 3,
            ..all_rows()
        }),
        [9, 8, 7]
    );
    assert_eq!(
        ask(RowQuery {
            limit: 3,
            before,
            ..all_rows()
        }),
        [6, 5, 4]
    );
    assert_eq!(
        ask(RowQuery {
            targets: Some(vec![TargetId(1)]),
            ..all_rows()
        }),
        [8, 6, 4, 2, 0]
    );
    assert_eq!(
        ask(RowQuery {
            kind: Some(EventKind::Started),
            ..all_rows()
        }),
        [9, 7, 5, 3, 1]
    );
    assert_eq!(
        ask(RowQuery {
            severity: Some(Severity::Warning),
            ..all_rows()
        }),
        [8, 6, 4, 2, 0]
    );
    assert_eq!(
        ask(RowQuery {
            from: Some(wall(3)),
            to: Some(wall(5)),
            ..all_rows()
        }),
        [4, 3]
    );
}

#[test]
fn outages_and_log_lines_come_back_as_they_were() {
    let dir = tempfile::tempdir().expect("a directory");
    let (handle, reader) = start(open(dir.path(), 0).store, &Arc::default());
    let outage = OutageRow {
        id: EventId {
            run: RunId(1),
            seq: 4,
        },
        target: TargetId(1),
        from: wall(4),
        to: Some(wall(9)),
        duration_ns: 5 * SECOND,
        opened_by: OpenedBy::WindowLoss,
        sent: 5,
        lost: 4,
        uncertainty_ns: SECOND,
    };
    handle.try_send(StoreMessage::Outage(outage.clone()));
    let line = |level: &str| LogRow {
        at: wall(1),
        level: level.to_owned(),
        module: "m".to_owned(),
        message: "x".to_owned(),
    };
    for level in ["debug", "info", "warn", "error"] {
        handle.try_send(StoreMessage::Log(line(level)));
    }
    handle.flush().expect("flushed");
    assert_eq!(reader.outages(&all_rows()), Ok(vec![outage]));
    let warn = RowQuery {
        level: Some("warn".to_owned()),
        ..all_rows()
    };
    assert_eq!(reader.logs(&warn), Ok(vec![line("error"), line("warn")]));
}

#[test]
fn what_nobody_measures_costs_no_commit_and_what_is_measured_is_dated() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (handle, reader) = start(open(dir.path(), 0).store, &clock);
    handle.flush().expect("the first one reads back");
    let first = reader.storage().flushed_at;
    clock.advance(Duration::from_secs(60));
    handle.flush().expect("nothing to do");
    assert_eq!(reader.storage().flushed_at, first);
    handle.try_send(StoreMessage::Active(vec![(TargetId(1), plan(SECOND))]));
    handle.flush().expect("flushed");
    clock.advance(Duration::from_secs(60));
    handle.flush().expect("alive");
    assert_eq!(reader.storage().flushed_at, Some(wall(120)));
}
