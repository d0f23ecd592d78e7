//! Series: at every moment and every zoom the same probes as the samples, once each.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::*;
use linewatch_core::port::{History, Series, SeriesQuery, SeriesSource};
use linewatch_core::record::{Gap, GapKind, Outcome, ProbeRecord};
use linewatch_core::rollup::{Resolution, Rollup};
use linewatch_core::target::TargetId;
use linewatch_core::time::Rtt;
use linewatch_store::{Reader, StoreHandle, StoreMessage};

const TARGET: TargetId = TargetId(1);
const FAST_NS: u64 = SECOND / 20;

fn series(reader: &Reader, from: i64, to: i64, points: usize) -> Series {
    let query = SeriesQuery {
        target: TARGET,
        from: wall(from),
        to: wall(to),
        points,
    };
    reader.series(query).expect("a series")
}

fn whole(series: &Series) -> Rollup {
    series.points.iter().fold(Rollup::default(), |mut sum, point| {
        sum.merge(&point.rollup);
        sum
    })
}

/// Every tenth probe is lost, every 50th answer is slow: every figure has something to count.
fn probe(seq: u64, interval_ns: u64) -> ProbeRecord {
    let mut record = reply(TARGET, seq, interval_ns);
    if seq % 10 == 9 {
        (record.outcome, record.rtt, record.host_rtt) = (Outcome::Lost, None, None);
    } else if seq.is_multiple_of(50) {
        record.rtt = Some(Rtt::from_nanos(250_000_000 + seq * 1000));
        record.host_rtt = record.rtt;
    }
    record
}

/// Sends these probes a flush of `per_flush` at a time.
fn probe_all(
    handle: &StoreHandle,
    clock: &HandClock,
    seqs: std::ops::Range<u64>,
    interval_ns: u64,
    per_flush: usize,
) {
    let seqs: Vec<u64> = seqs.collect();
    for chunk in seqs.chunks(per_flush) {
        send(
            handle,
            batch(chunk.iter().map(|seq| probe(*seq, interval_ns)).collect()),
        );
        clock.advance(Duration::from_nanos(interval_ns * chunk.len() as u64));
        handle.flush().expect("flushed");
    }
}

fn expected(seqs: std::ops::Range<u64>, interval_ns: u64) -> Rollup {
    let (mut rollup, mut before) = (Rollup::default(), None);
    for seq in seqs {
        let record = probe(seq, interval_ns);
        rollup.add(record.outcome, record.rtt, record.is_reordered);
        if let (Some(one), Some(other)) = (record.rtt, before) {
            let (one, other): (Rtt, Rtt) = (one, other);
            rollup.add_difference(Rtt::from_nanos(one.as_nanos().abs_diff(other.as_nanos())));
        }
        before = record.rtt;
    }
    rollup
}

#[test]
fn every_tier_holds_every_committed_probe_at_every_moment() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (handle, reader) = start(open(dir.path(), 0).store, &clock);
    handle.try_send(StoreMessage::Active(vec![(TARGET, plan(SECOND))]));
    let mut seen = 0;
    // Odd steps, so that the looks fall anywhere: before, within and after the closing of each tier.
    for step in [1, 58, 3, 67, 400, 73, 597, 1201, 1190, 13, 71, 650] {
        probe_all(&handle, &clock, seen..seen + step, SECOND, 17);
        seen += step;
        let expected = expected(0..seen, SECOND);
        for (points, resolution) in [
            (120, Resolution::Minute),
            (12, Resolution::TenMinutes),
            (2, Resolution::Hour),
        ] {
            let found = series(&reader, 0, 7200, points);
            assert_eq!(found.source, SeriesSource::Tier(resolution));
            assert_eq!(whole(&found), expected, "{resolution:?} after {seen}");
            // Another process, which has only the file, sees the same (these RTTs are whole microseconds, as blocks are).
            let beside = Reader::open(dir.path()).expect("a reader");
            assert_eq!(
                series(&beside, 0, 7200, points),
                found,
                "{resolution:?} after {seen}"
            );
        }
    }
    assert!(sql_number(dir.path(), "SELECT count(*) FROM rollup_1m") > 60);
    assert!(sql_number(dir.path(), "SELECT count(*) FROM rollup_1h") == 1);
    assert_eq!(sql_number(dir.path(), "SELECT count(*) FROM rollup_1s"), 0);
}

#[test]
fn a_zoom_below_a_minute_is_read_from_the_samples() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (handle, reader) = start(open(dir.path(), 0).store, &clock);
    handle.try_send(StoreMessage::Active(vec![(TARGET, plan(SECOND))]));
    probe_all(&handle, &clock, 0..400, SECOND, 50);
    let found = series(&reader, 0, 400, 200);
    assert_eq!(
        (found.source, found.bucket),
        (SeriesSource::Raw, Duration::from_secs(2))
    );
    assert_eq!(found.points.len(), 200);
    assert_eq!(whole(&found), expected(0..400, SECOND));
}

#[test]
fn seconds_of_a_fast_target_are_whole_and_samples_fill_what_they_lack() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (handle, reader) = start(open(dir.path(), 0).store, &clock);
    // Nobody says how fast it is at first: the first minute and a half have no seconds.
    probe_all(&handle, &clock, 0..1800, FAST_NS, 100);
    assert_eq!(series(&reader, 0, 90, 90).source, SeriesSource::Raw);
    handle.try_send(StoreMessage::Active(vec![(TARGET, plan(FAST_NS))]));
    probe_all(&handle, &clock, 1800..6000, FAST_NS, 100);
    let found = series(&reader, 0, 300, 300);
    assert_eq!(found.source, SeriesSource::Tier(Resolution::Second));
    assert_eq!(found.points.len(), 300);
    assert_eq!(whole(&found), expected(0..6000, FAST_NS));
    assert!(sql_number(dir.path(), "SELECT count(*) FROM rollup_1s") >= 200);
}

#[test]
fn a_crash_costs_no_tier_a_probe() {
    let mut dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    for (run, seqs) in [0..700, 700..2000, 2000..2001].into_iter().enumerate() {
        let mut store = open(dir.path(), 10_000).store;
        store
            .register(&key("gw", "192.0.2.1"), "Gateway", wall(0))
            .expect("a number");
        let (handle, reader) = start(store, &clock);
        handle.try_send(StoreMessage::Active(vec![(TARGET, plan(SECOND))]));
        handle.flush().expect("made whole");
        for points in [120, 12, 2] {
            let found = whole(&series(&reader, 0, 7200, points));
            assert_eq!(found.counts().scheduled, seqs.start, "run {run}, {points} points");
        }
        probe_all(&handle, &clock, seqs, SECOND, 100);
        // Killed here: what is on disk is all there is.
        let image = tempfile::tempdir().expect("a directory");
        for file in ["linewatch.db", "linewatch.db-wal"] {
            std::fs::copy(dir.path().join(file), image.path().join(file)).expect("copied");
        }
        handle.stop("test").expect("stopped");
        dir = image;
    }
}

#[test]
fn an_orderly_stop_writes_what_is_open() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (handle, _reader) = start(open(dir.path(), 0).store, &clock);
    handle.try_send(StoreMessage::Active(vec![(TARGET, plan(SECOND))]));
    probe_all(&handle, &clock, 0..100, SECOND, 100);
    handle.stop("test").expect("stopped");
    for table in ["rollup_1m", "rollup_10m", "rollup_1h"] {
        let sql = format!("SELECT sum(sent) FROM {table}");
        assert_eq!(sql_number(dir.path(), &sql), 100, "{table}");
    }
    let (handle, reader) = start(open(dir.path(), 200).store, &clock);
    handle.flush().expect("flushed");
    assert_eq!(whole(&series(&reader, 0, 3600, 60)), expected(0..100, SECOND));
}

#[test]
fn what_comes_after_its_bucket_is_a_second_row_and_counts_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (handle, reader) = start(open(dir.path(), 0).store, &clock);
    handle.try_send(StoreMessage::Active(vec![(TARGET, plan(SECOND))]));
    probe_all(&handle, &clock, 0..4000, SECOND, 100);
    let mut straggler = batch(vec![probe(4000, SECOND)]);
    straggler.records[0].sent_at = probe(30, SECOND).sent_at;
    straggler.strays = vec![late(TARGET, 0, SECOND)];
    send(&handle, straggler);
    handle.flush().expect("flushed");
    for moment in 0..5 {
        for points in [120, 12, 2] {
            let counts = *whole(&series(&reader, 0, 7200, points)).counts();
            assert_eq!((counts.scheduled, counts.late), (4001, 1), "{moment} {points}");
        }
        clock.advance(Duration::from_secs(3700));
        handle.flush().expect("flushed");
    }
    let first = "SELECT count(*) FROM rollup_1h WHERE from_s = (SELECT min(from_s) FROM rollup_1h)";
    assert_eq!(sql_number(dir.path(), first), 2);
}

#[test]
fn a_series_has_its_gaps_by_kind_and_near_ones_are_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (handle, reader) = start(open(dir.path(), 0).store, &clock);
    let gap = |kind, from, to| Gap {
        target: TARGET,
        kind,
        from: wall(from),
        to: wall(to),
        first_seq: 0,
        slots: 5,
    };
    for gap in [
        gap(GapKind::Stalled, 100, 105),
        gap(GapKind::Suspended, 110, 400),
        gap(GapKind::Stalled, 120, 125),
        gap(GapKind::Stalled, 3000, 3005),
        gap(GapKind::Paused, 90_000, 90_001),
    ] {
        handle.try_send(StoreMessage::Gap(gap));
    }
    handle.flush().expect("flushed");
    let found: Vec<_> = series(&reader, 0, 3600, 60)
        .gaps
        .iter()
        .map(|gap| (gap.kind, gap.from, gap.to, gap.slots))
        .collect();
    assert_eq!(
        found,
        [
            (GapKind::Stalled, wall(100), wall(125), 10),
            (GapKind::Suspended, wall(110), wall(400), 5),
            (GapKind::Stalled, wall(3000), wall(3005), 5)
        ]
    );
}

#[test]
fn a_person_reads_the_minutes_in_human_units() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (_, handle, _reader) = start_with_gw(dir.path(), &clock);
    probe_all(&handle, &clock, 0..200, SECOND, 100);
    let row = sql_text(
        dir.path(),
        "SELECT time || ' ' || target || ' ' || sent || ' ' || lost || ' ' || loss_percent || ' ' || max_ms FROM v_minute",
    );
    assert_eq!(row, "2026-11-21T10:00:00Z Gateway 60 6 10.0 250.05");
}
