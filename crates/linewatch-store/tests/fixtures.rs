//! A database of every schema version there ever was still opens, and still says the same.

mod common;

use std::sync::Arc;

use common::*;
use linewatch_core::event::{Event, EventId, EventKind, RunId, Severity};
use linewatch_core::port::{History, SeriesQuery, SeriesSource};
use linewatch_core::rollup::Resolution;
use linewatch_core::target::TargetId;
use linewatch_store::{Reader, StoreMessage};

/// Two runs of one target at 1/s: 3,700 samples of which an hour is sealed, then 20 after a restart.
fn write_fixture(dir: &std::path::Path) {
    let clock = Arc::new(HandClock::default());
    let mut store = open(dir, 0).store;
    let id = store
        .register(&key("gw", "192.0.2.1"), "Gateway", wall(0))
        .expect("a number");
    let (handle, _reader) = start(store, &clock);
    handle.try_send(StoreMessage::Active(vec![(id, plan(SECOND))]));
    feed(&handle, &clock, id, 0..3700, SECOND, 100);
    handle.try_send(StoreMessage::Event(Event {
        id: EventId {
            run: RunId(1),
            seq: 0,
        },
        kind: EventKind::Started,
        severity: Severity::Info,
        target: None,
        at: wall(0),
        until: Some(wall(0)),
        count: 1,
        excess: None,
        message: "linewatch started".to_owned(),
    }));
    handle.stop("test").expect("stopped");
    let (handle, _reader) = start(open(dir, 4000).store, &clock);
    feed(&handle, &clock, id, 0..20, SECOND, 20);
    handle.stop("test").expect("stopped");
}

/// Writes the fixture of the newest schema anew: only when a schema is new, never for one that was released.
#[test]
#[ignore = "makes tests/fixtures/schema-vN.db"]
fn make_the_fixture() {
    let dir = tempfile::tempdir().expect("a directory");
    write_fixture(dir.path());
    let version = sql_number(dir.path(), "PRAGMA user_version");
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let fixture = fixtures.join(format!("schema-v{version}.db"));
    if fixture.exists() {
        return; // It stays what it was when its schema was new.
    }
    let database = dir.path().join("linewatch.db");
    rusqlite::Connection::open(&database)
        .and_then(|connection| connection.execute_batch("DELETE FROM recent_batches WHERE id < 3600; VACUUM"))
        .expect("made small");
    std::fs::copy(database, fixture).expect("copied");
}

#[test]
fn a_database_of_schema_1_still_opens_and_says_the_same() {
    check("schema-v1.db", 1);
}

#[test]
fn a_database_of_schema_2_still_opens_and_says_the_same() {
    check("schema-v2.db", 2);
}

#[test]
fn a_database_of_schema_3_still_opens_and_says_the_same() {
    check("schema-v3.db", 3);
}

#[test]
fn a_database_of_schema_4_still_opens_and_says_the_same() {
    check("schema-v4.db", 4);
}

#[test]
fn a_database_of_schema_5_still_opens_and_says_the_same() {
    check("schema-v5.db", 5);
}

#[test]
fn a_database_of_schema_6_still_opens_and_says_the_same() {
    check("schema-v6.db", 6);
}

#[track_caller]
fn check(fixture: &str, version: i64) {
    let dir = tempfile::tempdir().expect("a directory");
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    std::fs::copy(fixtures.join(fixture), dir.path().join("linewatch.db")).expect("copied");
    let shown = "SELECT count(*) || ' ' || sum(id + at_ns % 1000003 + target + run * seq + rtt_ns + host_rtt_ns + lateness_ns) \
                 || group_concat(DISTINCT outcome || class || is_reordered || coalesce(cause, '') || coalesce(stray, '')) FROM recent";
    let before = sql_text(dir.path(), shown);
    // As it is, beside the older linewatch that may still write it.
    let reader = Reader::open(dir.path()).expect("readable");
    assert_eq!(samples(&reader, TargetId(1)).len(), 3720);
    drop(reader);
    let opened = open(dir.path(), 5000);
    assert_eq!(sql_text(dir.path(), shown), before, "a person sees the same");
    assert_eq!((opened.run, opened.trouble), (RunId(3), vec![]));
    let (handle, reader) = start(opened.store, &Arc::default());
    handle.flush().expect("flushed");
    let newest = sql_number(dir.path(), "PRAGMA user_version");
    let copy = dir.path().join(format!("linewatch.db.v{version}.bak"));
    assert_eq!(copy.exists(), version < newest);
    // An hour a bucket, from rollups that were made of the samples where there were none.
    let sums = reader
        .series(SeriesQuery {
            target: TargetId(1),
            from: wall(0),
            to: wall(7200),
            points: 2,
        })
        .expect("a series");
    let sent: Vec<u64> = sums
        .points
        .iter()
        .map(|point| point.rollup.counts().replied)
        .collect();
    assert_eq!(
        (sums.source, sent),
        (SeriesSource::Tier(Resolution::Hour), vec![3620, 100])
    );
    let found = samples(&reader, TargetId(1));
    assert_eq!(
        found
            .iter()
            .filter(|sample| sample.run == 1)
            .map(|sample| sample.seq)
            .collect::<Vec<_>>(),
        (0..3700).collect::<Vec<_>>()
    );
    assert_eq!(found.iter().filter(|sample| sample.run == 2).count(), 20);
    for sample in &found[..3700] {
        let expected = reply(TargetId(1), sample.seq, SECOND);
        assert_eq!(sample.rtt, expected.rtt);
        // What is sealed today is kept as blocks keep it: in steps of 4 us here, of 8 from 64 us on.
        let added_ns = sample.host_rtt.expect("a reply").as_nanos() - sample.rtt.expect("a reply").as_nanos();
        assert!(added_ns.abs_diff(50_000) <= 2000, "{sample:?}");
        // The fixtures up to schema 3 were made of other probes than the tests have by now.
        let lateness_ns = if version < 4 {
            1000 * (40 + sample.seq % 30)
        } else {
            expected.sent_at.since(expected.due_at).as_nanos() as u64
        };
        assert!(sample.lateness_ns.abs_diff(lateness_ns) <= 4000, "{sample:?}");
    }
    assert_eq!(
        reader.events(&all_rows()).expect("events")[0].message,
        "linewatch started"
    );
}
