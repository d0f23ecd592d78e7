//! Histories of other tools, in real files as those tools make them, and what becomes of them here.

mod common;

use std::path::{Path, PathBuf};
use std::time::Duration;

use linewatch_core::event::EventKind;
use linewatch_core::port::History;
use linewatch_core::time::WallTime;
use linewatch_store::{
    Archive, ForeignDatabase, ForeignError, Identity, ImportOptions, Imported, Retention, Seen, SeriesKey,
    Span, Store, StoreMessage,
};
use rusqlite::{Connection, params};

use common::{HandClock, START_NS, all_rows, open, plan, start, wall};

const SERVERS: &str = "CREATE TABLE ping_results (id INTEGER PRIMARY KEY AUTOINCREMENT, server_ip TEXT, country TEXT, partner TEXT, \
    dn_ext TEXT, timestamp TEXT, packets_transmitted INTEGER, packets_received INTEGER, packets_lost INTEGER, \
    loss_percentage REAL, min_time REAL, avg_time REAL, max_time REAL, mdev_time REAL, is_high_latency INTEGER, \
    success INTEGER, concerns TEXT); \
    CREATE TABLE logs (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT, level TEXT, message TEXT, module TEXT, traceback TEXT);";
const EVENTS: &str = "CREATE TABLE events (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT, event_type TEXT, latency_ms REAL, \
    threshold_ms REAL, destination_ip TEXT, message TEXT);";

/// Dates of these tests are seconds after the common start.
fn read_time(text: &str) -> Option<WallTime> {
    text.parse().ok().map(wall)
}

fn identify(seen: &Seen) -> Identity {
    Identity {
        key: SeriesKey {
            slug: seen.address.replace('.', "-"),
            address: seen.address.clone(),
            method: "icmp".to_owned(),
            port: None,
        },
        name: seen.partner.clone(),
        country: seen.country.clone(),
        partner: seen.partner.clone(),
        host: seen.extension.clone(),
    }
}

fn with_options<T>(import: impl FnOnce(ImportOptions<'_>) -> T) -> T {
    import(ImportOptions {
        now: wall(100_000),
        retention: Retention::default(),
        identify: &mut identify,
        read_time: &read_time,
        progress: &mut |_| {},
    })
}

/// Imports a file in a run of its own.
fn import(dir: &Path, source: &Path) -> Result<Imported, ForeignError> {
    let source = ForeignDatabase::open(source)?;
    let mut store = open(dir, 200_000).store;
    let done = with_options(|options| store.import(&source, options))?;
    stop(store);
    Ok(done)
}

fn stop(store: Store) {
    let (handle, _) = start(store, &std::sync::Arc::new(HandClock::default()));
    handle.stop("imported").expect("stopped");
}

fn source(dir: &Path, schema: &str) -> (PathBuf, Connection) {
    let path = dir.join("source.db");
    let connection = Connection::open(&path).expect("a database");
    connection.execute_batch(schema).expect("tables");
    (path, connection)
}

/// A cycle: server, second, sent, received, min, avg, max, mdev.
type CycleRow<'a> = (&'a str, i64, i64, i64, f64, f64, f64, f64);

fn cycle(connection: &Connection, (ip, at, sent, received, min, avg, max, mdev): CycleRow<'_>) {
    connection
        .prepare_cached(
            "INSERT INTO ping_results (server_ip, country, partner, dn_ext, timestamp, packets_transmitted, packets_received, \
             packets_lost, min_time, avg_time, max_time, mdev_time) VALUES (?1, 'Indonesia', 'Telco', '101', ?2, ?3, ?4, ?3 - ?4, \
             ?5, ?6, ?7, ?8)",
        )
        .and_then(|mut insert| insert.execute(params![ip, at.to_string(), sent, received, min, avg, max, mdev]))
        .expect("a row");
}

/// Everything that an import may change.
fn content(dir: &Path) -> Vec<String> {
    let connection = Connection::open(dir.join("linewatch.db")).expect("a database");
    let tables = [
        "SELECT target, from_s, id, run, sent, lost, hex(sketch), 0 FROM rollup_1m ORDER BY target, from_s, id",
        "SELECT target, from_s, id, run, sent, lost, hex(sketch), 0 FROM rollup_10m ORDER BY target, from_s, id",
        "SELECT target, from_s, id, run, sent, lost, hex(sketch), 0 FROM rollup_1h ORDER BY target, from_s, id",
        "SELECT run, seq, kind, target, at_ns, message, peak_ns, limit_ns FROM events ORDER BY run, seq",
        "SELECT id, at_ns, level, module, message, 0, 0, 0 FROM logs ORDER BY id",
        "SELECT id, slug, name, address, method, port, country, partner FROM targets ORDER BY id",
    ];
    let read = |sql: &&str| {
        let mut statement = connection.prepare(sql).expect("a table");
        let row = |row: &rusqlite::Row<'_>| {
            let values: Result<Vec<rusqlite::types::Value>, _> =
                (0..8).map(|column| row.get(column)).collect();
            values.map(|values| format!("{values:?}"))
        };
        let rows = statement.query_map([], row).expect("rows");
        rows.collect::<Result<Vec<_>, _>>().expect("rows")
    };
    tables.iter().flat_map(read).collect()
}

fn sums(dir: &Path, table: &str) -> (i64, i64) {
    let connection = Connection::open(dir.join("linewatch.db")).expect("a database");
    let sql = format!("SELECT sum(sent), sum(sent - lost) FROM {table}");
    connection
        .query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("sums")
}

#[test]
fn cycles_become_minutes_with_the_counts_of_the_source() {
    let dir = tempfile::tempdir().expect("a directory");
    let (path, connection) = source(dir.path(), SERVERS);
    for minute in 0..300 {
        for ip in ["192.0.2.1", "192.0.2.2"] {
            cycle(
                &connection,
                (ip, minute * 61, 4, 4 - minute % 3, 10.0, 12.5, 20.0, 4.0),
            );
        }
    }
    let data = dir.path().join("data");
    let done = import(&data, &path).expect("imported");
    assert_eq!(
        (done.rows, done.targets, done.sent, done.replied),
        (600, 2, 2_400, 1_800)
    );
    for table in ["rollup_1m", "rollup_10m", "rollup_1h"] {
        assert_eq!(sums(&data, table), (2_400, 1_800), "{table}");
    }
    assert_eq!((done.stored_sent, done.stored_replied), (2_400, 1_800));
    let figures: (f64, f64, f64, f64, String) = Connection::open(data.join("linewatch.db"))
        .expect("a database")
        .query_row(
            "SELECT min_time, avg_time, max_time, mdev_time, dn_ext FROM ping_results LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)),
        )
        .expect("a row");
    assert_eq!(figures, (10.0, 12.5, 20.0, 4.0, "101".to_owned()));
}

#[test]
fn a_server_that_did_not_answer_lost_its_probes_and_never_took_0_ms() {
    let dir = tempfile::tempdir().expect("a directory");
    let (path, connection) = source(dir.path(), SERVERS);
    cycle(&connection, ("192.0.2.1", 0, 5, 5, 10.0, 12.0, 20.0, 4.0));
    cycle(&connection, ("192.0.2.1", 60, 0, 0, 0.0, 0.0, 0.0, 0.0));
    let data = dir.path().join("data");
    let done = import(&data, &path).expect("imported");
    assert_eq!(
        (done.sent, done.unreachable_cycles, done.unreachable_probes),
        (5, 1, 5)
    );
    assert_eq!(sums(&data, "rollup_1m"), (10, 5));
    let (lost, avg): (i64, Option<f64>) = Connection::open(data.join("linewatch.db"))
        .expect("a database")
        .query_row(
            "SELECT lost, avg_us FROM rollup_1m ORDER BY from_s DESC LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .expect("a row");
    assert_eq!((lost, avg), (5, None));
}

#[test]
fn importing_twice_changes_nothing_and_a_grown_source_adds_what_is_new() {
    let dir = tempfile::tempdir().expect("a directory");
    let (path, connection) = source(dir.path(), SERVERS);
    let data = dir.path().join("data");
    for second in 0..500 {
        cycle(
            &connection,
            ("192.0.2.1", second * 30, 4, 3, 10.0, 12.0, 20.0, 4.0),
        );
    }
    for line in ["one", "two", "two"] {
        let insert =
            "INSERT INTO logs (timestamp, level, message, module) VALUES ('7', 'WARNING', ?1, 'pinger')";
        connection.execute(insert, [line]).expect("a line");
    }
    let first = import(&data, &path).expect("imported");
    assert_eq!((first.lines, first.new_lines), (3, 3));
    let before = content(&data);
    let second = import(&data, &path).expect("imported");
    assert_eq!((second.new_rollups, second.new_lines), (0, 0));
    assert_eq!(content(&data), before);
    assert_eq!(sums(&data, "rollup_1h"), (2_000, 1_500));

    for second in 500..505 {
        cycle(
            &connection,
            ("192.0.2.1", second * 30, 4, 4, 10.0, 12.0, 20.0, 4.0),
        );
    }
    // What the tool cleaned up stays here.
    connection
        .execute(
            "DELETE FROM ping_results WHERE CAST(timestamp AS INTEGER) < 5000",
            [],
        )
        .expect("deleted");
    import(&data, &path).expect("imported");
    for table in ["rollup_1m", "rollup_10m", "rollup_1h"] {
        assert_eq!(sums(&data, table), (2_020, 1_520), "{table}");
    }
}

#[test]
fn events_of_one_target_become_ours_each_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let (path, connection) = source(dir.path(), EVENTS);
    for (at, kind, latency, message) in [
        ("5", "threshold_exceeded", Some(7.25), ""),
        ("5", "packet_loss", None, "lost"),
        ("6", "packet_loss", None, "lost"),
        ("6", "packet_loss", None, "lost"),
        ("never", "packet_loss", None, ""),
    ] {
        let insert = "INSERT INTO events (timestamp, event_type, latency_ms, threshold_ms, destination_ip, message) \
                      VALUES (?1, ?2, ?3, 5, '192.0.2.9', ?4)";
        connection
            .execute(insert, params![at, kind, latency, message])
            .expect("an event");
    }
    let data = dir.path().join("data");
    let done = import(&data, &path).expect("imported");
    assert_eq!(
        (done.rows, done.lines, done.new_lines, done.unreadable),
        (5, 4, 4, 1)
    );
    let again = import(&data, &path).expect("imported");
    assert_eq!((again.lines, again.new_lines), (4, 0));
    let reader = linewatch_store::Reader::open(&data).expect("a reader");
    let events = reader.events(&all_rows()).expect("events");
    let exceeded = events
        .iter()
        .find(|event| event.kind == EventKind::ThresholdExceeded)
        .expect("the first");
    assert_eq!(events.len(), 4);
    assert_eq!((exceeded.at, exceeded.until), (wall(5), Some(wall(5))));
    assert_eq!(exceeded.message, "answered after 7.25 ms, above 5 ms");
    assert_eq!(
        exceeded.excess.map(|excess| excess.limit.as_nanos()),
        Some(5_000_000)
    );
}

#[test]
fn of_archives_the_finest_counts_and_what_is_unknown_is_a_gap() {
    let span = |at: i64, avg_ms: Option<f64>| Span {
        from: wall(at),
        avg_ms,
        min_ms: None,
        max_ms: None,
    };
    let archives = || {
        vec![
            Archive {
                length: Duration::from_secs(300),
                steps: 30,
                spans: vec![span(0, Some(20.0)), span(300, None), span(600, Some(11.0))],
            },
            Archive {
                length: Duration::from_secs(10),
                steps: 1,
                spans: vec![span(600, Some(10.0)), span(610, None), span(620, Some(14.0))],
            },
        ]
    };
    let dir = tempfile::tempdir().expect("a directory");
    let seen = Seen {
        address: "192.0.2.5".to_owned(),
        ..Seen::default()
    };
    let import = || {
        let mut store = open(dir.path(), 200_000).store;
        let done =
            with_options(|options| store.import_archives(archives(), &seen, options)).expect("imported");
        stop(store);
        done
    };
    assert_eq!((import().sent, import().new_rollups), (32, 0));
    assert_eq!(sums(dir.path(), "rollup_1m"), (2, 2));
    assert_eq!(sums(dir.path(), "rollup_10m"), (32, 32));
    assert_eq!(sums(dir.path(), "rollup_1h"), (32, 32));
}

#[test]
fn a_source_is_only_read_and_others_are_refused_by_name() {
    let dir = tempfile::tempdir().expect("a directory");
    let (path, connection) = source(dir.path(), SERVERS);
    cycle(&connection, ("192.0.2.1", 0, 4, 4, 1.0, 2.0, 3.0, 1.0));
    drop(connection);
    let before = std::fs::read(&path).expect("the file");
    let data = dir.path().join("data");
    import(&data, &path).expect("imported");
    assert_eq!(std::fs::read(&path).expect("the file"), before);

    let error = ForeignDatabase::open(&data.join("linewatch.db")).expect_err("ours");
    assert!(matches!(error, ForeignError::Ours(_)), "{error}");
    let other = dir.path().join("other.db");
    Connection::open(&other)
        .and_then(|connection| connection.execute_batch("CREATE TABLE songs (title TEXT)"))
        .expect("a database");
    let error = ForeignDatabase::open(&other).expect_err("another program's");
    assert!(error.to_string().contains("songs"), "{error}");
    std::fs::write(&other, "no database").expect("written");
    assert!(matches!(
        ForeignDatabase::open(&other),
        Err(ForeignError::Source { .. })
    ));
}

#[test]
fn an_import_between_two_runs_leaves_one_gap_and_not_a_hole() {
    let dir = tempfile::tempdir().expect("a directory");
    let (path, _) = source(dir.path(), EVENTS);
    let data = dir.path().join("data");
    let mut opened = open(&data, 0);
    let target = opened
        .store
        .register(&common::key("gw", "192.0.2.1"), "gw", wall(0))
        .expect("a series");
    let (handle, _) = start(opened.store, &std::sync::Arc::new(HandClock::default()));
    let active = StoreMessage::Active(vec![(target, plan(1_000_000_000))]);
    assert!(handle.try_send(active), "the queue has room");
    handle.stop("test").expect("stopped");
    import(&data, &path).expect("imported");
    let (handle, reader) = start(
        open(&data, 300_000).store,
        &std::sync::Arc::new(HandClock::default()),
    );
    let gaps = common::gaps(&reader, target);
    handle.stop("test").expect("stopped");
    let end = gaps.iter().map(|gap| gap.to).max();
    assert_eq!((gaps.len(), end), (2, Some(wall(300_000))));
    assert!(gaps.iter().any(|gap| gap.from.as_nanos() <= START_NS));
}
