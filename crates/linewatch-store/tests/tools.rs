//! What the tools' routes and S1's own SQL read: `ping_results`, counts of events, log lines by level, the clean-up.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::*;
use linewatch_core::event::{Event, EventId, EventKind, Excess, LogRow, RunId, Severity};
use linewatch_core::port::History;
use linewatch_core::target::{TargetId, Thresholds};
use linewatch_core::time::Rtt;
use linewatch_store::{Description, StoreMessage};

/// Address, country, host, timestamp, sent, mean, success, concerns.
type ResultRow = (String, String, String, String, i64, f64, bool, String);

fn event(seq: u64, kind: EventKind, target: u32) -> Event {
    Event {
        id: EventId { run: RunId(1), seq },
        kind,
        severity: Severity::Warning,
        target: Some(TargetId(target)),
        at: wall(seq as i64),
        until: Some(wall(seq as i64 + 1)),
        count: 1,
        excess: None,
        message: "x".to_owned(),
    }
}

#[test]
fn ping_results_has_the_columns_and_units_of_s1() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (id, handle, _reader) = start_with_gw(dir.path(), &clock);
    handle.try_send(StoreMessage::Active(vec![(id, plan(SECOND))]));
    handle.try_send(StoreMessage::Described(vec![Description {
        target: id,
        country: "DE".to_owned(),
        partner: "Example".to_owned(),
        host: "gw.example".to_owned(),
        grades: Thresholds::default().grades,
    }]));
    feed(&handle, &clock, id, 0..180, SECOND, 60);
    handle.stop("test").expect("stopped");
    let connection = rusqlite::Connection::open(dir.path().join("linewatch.db")).expect("opened");
    let mut statement = connection
        .prepare("SELECT * FROM ping_results ORDER BY timestamp")
        .expect("a view");
    assert_eq!(
        statement.column_names().collect::<Vec<_>>(),
        [
            "server_ip",
            "country",
            "partner",
            "dn_ext",
            "timestamp",
            "packets_transmitted",
            "packets_received",
            "packets_lost",
            "loss_percentage",
            "min_time",
            "avg_time",
            "max_time",
            "mdev_time",
            "is_high_latency",
            "success",
            "concerns"
        ]
    );
    let rows: Vec<ResultRow> = statement
        .query_map([], |row| {
            Ok((
                row.get("server_ip")?,
                row.get("country")?,
                row.get("dn_ext")?,
                row.get("timestamp")?,
                row.get("packets_transmitted")?,
                row.get("avg_time")?,
                row.get("success")?,
                row.get("concerns")?,
            ))
        })
        .and_then(Iterator::collect)
        .expect("rows");
    assert_eq!(rows.iter().map(|row| row.4).sum::<i64>(), 180);
    let first = &rows[0];
    assert_eq!(
        (
            first.0.as_str(),
            first.1.as_str(),
            first.2.as_str(),
            first.6,
            first.7.as_str()
        ),
        ("192.0.2.1", "DE", "gw.example", true, "")
    );
    assert!(first.3.len() == 19 && first.3.ends_with(":00"), "{}", first.3);
    assert!((0.001..1000.0).contains(&first.5), "milliseconds: {}", first.5);
}

#[test]
fn a_minute_without_a_reply_has_no_latency_and_is_no_success() {
    let dir = tempfile::tempdir().expect("a directory");
    let (handle, _reader) = start(open(dir.path(), 0).store, &Arc::default());
    handle.stop("test").expect("stopped");
    let connection = rusqlite::Connection::open(dir.path().join("linewatch.db")).expect("opened");
    connection
        .execute_batch(
            "INSERT INTO targets (slug, name, address, method, port, created_ns) VALUES ('a', 'A', '192.0.2.1', 'icmp', 0, 0);
             INSERT INTO rollup_1m VALUES (1, 60, 1, 1, 60, 60, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, x'');
             INSERT INTO rollup_1m VALUES (1, 120, 2, 1, 60, 1, 1, 600000, 2, 50001, 3, 4, 5, 6, x'');",
        )
        .expect("rows");
    let rows: Vec<(Option<f64>, bool, bool, String)> = connection
        .prepare("SELECT avg_time, is_high_latency, success, concerns FROM ping_results ORDER BY timestamp")
        .expect("a view")
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .and_then(Iterator::collect)
        .expect("rows");
    assert_eq!(
        rows,
        [
            (None, false, false, "loss".to_owned()),
            (
                Some(600.0),
                true,
                true,
                "jitter, very_high_latency, loss".to_owned()
            )
        ]
    );
}

#[test]
fn the_clean_up_deletes_what_was_over_before_and_nothing_else() {
    let dir = tempfile::tempdir().expect("a directory");
    let (handle, reader) = start(open(dir.path(), 0).store, &Arc::default());
    for seq in 0..12_000 {
        handle.try_send(StoreMessage::Event(event(seq, EventKind::PacketLoss, 1)));
        if seq % 1000 == 0 {
            handle.flush().expect("flushed");
        }
    }
    let open_event = Event {
        until: None,
        ..event(5, EventKind::PacketLoss, 1)
    };
    handle.try_send(StoreMessage::Event(open_event));
    assert_eq!(handle.delete_events(wall(11_000)), Ok(10_998));
    assert_eq!(handle.delete_events(wall(11_000)), Ok(0));
    let kinds = [EventKind::PacketLoss, EventKind::Outage];
    assert_eq!(reader.count_events(&[TargetId(1)], &kinds), Ok(1_002));
    assert_eq!(reader.count_events(&[TargetId(2)], &kinds), Ok(0));
    assert_eq!(reader.count_events(&[TargetId(1)], &kinds[1..]), Ok(0));
}

#[test]
fn an_event_keeps_by_how_much_it_was_above_its_limit() {
    let dir = tempfile::tempdir().expect("a directory");
    let (handle, reader) = start(open(dir.path(), 0).store, &Arc::default());
    let slow = Event {
        excess: Some(Excess {
            peak: Rtt::from_nanos(212_400_000),
            limit: Rtt::from_nanos(150_000_000),
        }),
        ..event(1, EventKind::ThresholdExceeded, 1)
    };
    handle.try_send(StoreMessage::Event(slow.clone()));
    handle.flush().expect("flushed");
    assert_eq!(reader.events(&all_rows()), Ok(vec![slow]));
}

#[test]
fn numbered_log_lines_are_of_the_level_that_was_asked_for() {
    let dir = tempfile::tempdir().expect("a directory");
    let (handle, reader) = start(open(dir.path(), 0).store, &Arc::default());
    for (second, level) in (0..).zip(["info", "warn", "error", "warn"]) {
        handle.try_send(StoreMessage::Log(LogRow {
            at: wall(0).plus(Duration::from_secs(second)),
            level: level.to_owned(),
            module: "store".to_owned(),
            message: format!("line {second}"),
        }));
    }
    handle.flush().expect("flushed");
    let ask = |level, limit| -> Vec<(i64, String)> {
        let rows = reader.numbered_logs(level, limit).expect("lines");
        rows.into_iter().map(|(id, row)| (id, row.message)).collect()
    };
    assert_eq!(
        ask(Some("warn"), 9),
        [(4, "line 3".to_owned()), (2, "line 1".to_owned())]
    );
    assert_eq!(ask(None, 1), [(4, "line 3".to_owned())]);
}
