//! Samples between rows and blocks: nothing lost, nothing double, whatever happens in between.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::*;
use linewatch_core::port::{History, SampleQuery, SeriesQuery};
use linewatch_core::record::{Cause, Outcome, StrayKind};
use linewatch_core::target::TargetId;
use linewatch_store::Reader;

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_flushed_sample_is_history_to_the_nanosecond() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (handle, reader) = start(open(dir.path(), 0).store, &clock);
    let mut unreachable = reply(TargetId(1), 3, SECOND);
    unreachable.outcome = Outcome::Unreachable;
    (unreachable.rtt, unreachable.host_rtt) = (None, None);
    unreachable.cause = Cause::Icmp {
        kind: 3,
        code: 1,
        is_v6: false,
    };
    let mut batch = batch(vec![unreachable]);
    batch.strays = vec![late(TargetId(1), 3, SECOND)];
    send(&handle, batch);
    assert_eq!(samples(&reader, TargetId(1)), [], "nothing before its commit");
    handle.flush().expect("flushed");
    let found = samples(&reader, TargetId(1));
    assert_eq!(found.len(), 2);
    assert_eq!(
        (found[0].outcome, found[0].cause, found[0].stray),
        (Outcome::Unreachable, unreachable.cause, None)
    );
    assert_eq!(
        (found[0].at, found[0].lateness_ns),
        (wall(3).plus(Duration::from_micros(64)), 64_000)
    );
    assert_eq!((found[1].seq, found[1].stray), (3, Some(StrayKind::Late)));
}

#[test]
fn samples_stay_the_same_when_their_hour_is_sealed_and_when_their_rows_are_deleted() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (handle, reader) = start(open(dir.path(), 0).store, &clock);
    feed(&handle, &clock, TargetId(1), 0..3590, SECOND, 600);
    let before = samples(&reader, TargetId(1));
    assert_eq!(seqs(&before), (0..3590).collect::<Vec<_>>());
    assert_eq!(sql_number(dir.path(), "SELECT count(*) FROM samples"), 0);

    clock.advance(Duration::from_secs(20));
    handle.flush().expect("sealed");
    assert_eq!(sql_number(dir.path(), "SELECT count(*) FROM samples"), 1);
    assert_eq!(
        sql_number(dir.path(), "SELECT count(*) FROM recent"),
        3590,
        "still there for a person to see"
    );
    assert_eq!(samples(&reader, TargetId(1)), before, "and not double");

    clock.advance(HOUR * 3);
    feed(&handle, &clock, TargetId(2), 20_000..20_001, SECOND, 1);
    assert_eq!(
        sql_number(dir.path(), "SELECT count(*) FROM recent"),
        1,
        "after two hours they are gone"
    );
    assert_eq!(samples(&reader, TargetId(1)), before);
}

#[test]
fn samples_are_told_oldest_first_within_span_and_limit_over_blocks_and_rows() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (handle, reader) = start(open(dir.path(), 0).store, &clock);
    feed(&handle, &clock, TargetId(1), 0..9000, SECOND, 500);
    assert_eq!(sql_number(dir.path(), "SELECT count(*) FROM samples"), 2);
    let ask = |from, to, limit| {
        let query = SampleQuery {
            target: TargetId(1),
            from: wall(from),
            to: wall(to),
            limit,
        };
        seqs(&reader.samples(query).expect("history"))
    };
    assert_eq!(ask(3500, 3700, 1000), (3500..3700).collect::<Vec<_>>());
    assert_eq!(ask(7000, 9000, 500), (7000..7500).collect::<Vec<_>>());
    assert_eq!(ask(0, 9000, 10), (0..10).collect::<Vec<_>>());
    assert_eq!(ask(100, 100, 10), Vec::<u64>::new());
}

#[test]
fn above_two_thousand_a_second_batches_replace_rows_and_history_is_the_same() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (handle, reader) = start(open(dir.path(), 0).store, &clock);
    feed(&handle, &clock, TargetId(1), 0..10_000, 200_000, 5_000);
    assert_eq!(sql_number(dir.path(), "SELECT count(*) FROM recent"), 0);
    assert_eq!(sql_number(dir.path(), "SELECT sum(samples) FROM hot"), 10_000);
    assert_eq!(
        seqs(&samples(&reader, TargetId(1))),
        (0..10_000).collect::<Vec<_>>()
    );

    feed(&handle, &clock, TargetId(1), 10_000..30_000, 200_000, 5_000);
    assert!(
        sql_number(dir.path(), "SELECT count(*) FROM samples") > 0,
        "a fast series does not wait for the hour"
    );
    assert_eq!(
        seqs(&samples(&reader, TargetId(1))),
        (0..30_000).collect::<Vec<_>>()
    );
    clock.advance(HOUR);
    handle.flush().expect("sealed");
    assert_eq!(
        sql_number(dir.path(), "SELECT count(*) FROM hot WHERE samples > 0"),
        0,
        "sealed batches are of no use to anybody"
    );
    assert_eq!(
        seqs(&samples(&reader, TargetId(1))),
        (0..30_000).collect::<Vec<_>>()
    );
}

#[test]
fn what_the_writer_holds_is_what_the_database_says_at_every_commit() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (handle, reader) = start(open(dir.path(), 0).store, &clock);
    let check = |when: &str| {
        let beside = Reader::open(dir.path()).expect("opens");
        for target in [TargetId(1), TargetId(2), TargetId(3)] {
            assert_eq!(samples(&reader, target), samples(&beside, target), "{when}");
        }
    };
    for second in 0..4 {
        feed(
            &handle,
            &clock,
            TargetId(1),
            second * 5_000..(second + 1) * 5_000,
            200_000,
            5_000,
        );
        check("a batch of many");
        feed(&handle, &clock, TargetId(2), second..second + 1, SECOND, 1);
        check("a sample by itself");
    }
    clock.advance(HOUR);
    handle.flush().expect("sealed");
    check("all in blocks");
    handle.stop("test").expect("stopped");

    let (handle, reader) = start(open(dir.path(), 4000).store, &clock);
    let beside = Reader::open(dir.path()).expect("opens");
    assert_eq!(
        samples(&reader, TargetId(2)),
        samples(&beside, TargetId(2)),
        "not read back yet"
    );
    feed(&handle, &clock, TargetId(2), 0..5, SECOND, 5);
    assert_eq!(
        samples(&reader, TargetId(2)),
        samples(&beside, TargetId(2)),
        "two runs"
    );
}

#[test]
fn a_question_for_one_target_unpacks_no_batch_of_everybody() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (handle, reader) = start(open(dir.path(), 0).store, &clock);
    feed(&handle, &clock, TargetId(1), 0..5_000, 200_000, 5_000);
    // Whoever reads the batch finds nothing in it: only the writer still knows.
    let file = rusqlite::Connection::open(dir.path().join("linewatch.db")).expect("opens");
    file.execute("UPDATE hot SET batch = x'00' WHERE samples > 0", [])
        .expect("spoiled");
    let beside = Reader::open(dir.path()).expect("opens");
    assert_eq!(samples(&beside, TargetId(1)).len(), 0);
    assert_eq!(samples(&reader, TargetId(1)).len(), 5_000);
    let minute = SeriesQuery {
        target: TargetId(1),
        from: wall(0),
        to: wall(60),
        points: 600,
    };
    let told = reader.series(minute).expect("history");
    let counted: u64 = told
        .points
        .iter()
        .map(|point| point.rollup.counts().scheduled)
        .sum();
    assert_eq!(counted, 5_000);
}

#[test]
fn every_committed_sample_is_shown_to_a_person_at_once_and_after_a_kill() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (handle, reader) = start(open(dir.path(), 0).store, &clock);
    let shown = |dir: &std::path::Path| sql_number(dir, "SELECT count(*) FROM v_ping");
    for second in 0..70 {
        feed(&handle, &clock, TargetId(1), second..second + 1, SECOND, 1);
        assert_eq!(shown(dir.path()), second as i64 + 1);
    }
    let sum = "SELECT sum(rtt_ns + host_rtt_ns + lateness_ns + at_ns % 1000000007 + seq * id) FROM recent";
    let expected = samples(&reader, TargetId(1)).into_iter().map(|sample| {
        let host = sample.host_rtt.expect("a reply").as_nanos() + sample.rtt.expect("a reply").as_nanos();
        (host + sample.lateness_ns + sample.seq * (sample.seq + 1)) as i64
            + sample.at.as_nanos() % 1_000_000_007
    });
    assert_eq!(
        sql_number(dir.path(), sum),
        expected.sum::<i64>(),
        "to the nanosecond"
    );
    assert_eq!(
        sql_number(dir.path(), "SELECT count(*) FROM hot"),
        0,
        "written once"
    );

    // What a kill leaves: the files as they are while the writer goes on.
    let killed = tempfile::tempdir().expect("a directory");
    for name in ["linewatch.db", "linewatch.db-wal"] {
        std::fs::copy(dir.path().join(name), killed.path().join(name)).expect("copied");
    }
    let opened = open(killed.path(), 100);
    assert!(opened.interrupted.is_some());
    assert_eq!(shown(killed.path()), 70);
    let (handle, _reader) = start(opened.store, &clock);
    handle.flush().expect("sealed");
    assert_eq!(shown(killed.path()), 70, "in blocks, and still to be seen");
}

#[test]
fn the_unsealed_rest_of_a_run_is_sealed_by_the_next_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (handle, reader) = start(open(dir.path(), 0).store, &clock);
    feed(&handle, &clock, TargetId(1), 0..6_000, 200_000, 5_000); // A hot batch, then rows.
    feed(&handle, &clock, TargetId(2), 0..50, SECOND, 10);
    let before = [samples(&reader, TargetId(1)), samples(&reader, TargetId(2))];
    assert_eq!([before[0].len(), before[1].len()], [6_000, 50]);
    handle.stop("test").expect("stopped");

    let (handle, reader) = start(open(dir.path(), 100).store, &clock);
    handle.flush().expect("flushed");
    assert_eq!(sql_number(dir.path(), "SELECT sum(samples) FROM samples"), 6_050);
    assert_eq!(
        [samples(&reader, TargetId(1)), samples(&reader, TargetId(2))],
        before
    );
    feed(&handle, &clock, TargetId(2), 0..5, SECOND, 5);
    let runs: Vec<u64> = samples(&reader, TargetId(2))
        .iter()
        .map(|sample| sample.run)
        .collect();
    assert_eq!(
        (runs.len(), runs.iter().filter(|run| **run == 2).count()),
        (55, 5)
    );
}

#[test]
fn a_crash_between_sealing_and_commit_loses_and_doubles_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (handle, reader) = start(open(dir.path(), 0).store, &clock);
    feed(&handle, &clock, TargetId(1), 0..100, SECOND, 50);
    let before = samples(&reader, TargetId(1));
    // The transaction that seals cannot commit, and the process ends: to the file it never happened.
    let blocker = rusqlite::Connection::open(dir.path().join("linewatch.db")).expect("opens");
    blocker.execute_batch("BEGIN IMMEDIATE").expect("locked");
    clock.advance(HOUR);
    assert!(handle.flush().is_err());
    assert!(
        handle.stop("test").is_err(),
        "nothing could be written to the end"
    );
    drop((handle, blocker));

    let opened = open(dir.path(), 4000);
    assert!(opened.interrupted.is_some());
    let (handle, reader_after) = start(opened.store, &clock);
    assert_eq!(samples(&reader_after, TargetId(1)), before);
    handle.flush().expect("sealed now");
    assert_eq!(sql_number(dir.path(), "SELECT sum(samples) FROM samples"), 100);
    assert_eq!(samples(&reader_after, TargetId(1)), before);
    drop(reader);
}

#[test]
fn a_person_reads_the_recent_samples_in_human_units() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (id, handle, _reader) = start_with_gw(dir.path(), &clock);
    feed(&handle, &clock, id, 61..62, SECOND, 1);
    let text = "SELECT time || ' ' || target || ' ' || address || ' ' || outcome || ' ' || rtt_ms || ' ' || accuracy FROM v_ping";
    assert_eq!(
        sql_text(dir.path(), text),
        "2026-11-21T10:01:01.000Z Gateway 192.0.2.1 reply 20.059 K"
    );
}
