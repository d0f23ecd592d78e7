//! A database that is damaged: what can still be read of it goes on in the new one.

mod common;

use std::sync::Arc;

use common::*;
use linewatch_core::event::RunId;
use linewatch_core::port::History;
use linewatch_store::StoreMessage;

#[test]
fn a_damaged_database_gives_its_events_and_rollups_to_the_new_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let mut first = open(dir.path(), 0);
    let (vantage, path) = (first.vantage.clone(), dir.path().join("linewatch.db"));
    let id = first
        .store
        .register(&key("gw", "192.0.2.1"), "Gateway", wall(0))
        .expect("a number");
    let (handle, reader) = start(first.store, &clock);
    handle.try_send(StoreMessage::Event(event(0, "is down")));
    feed(&handle, &clock, id, 0..40_000, SECOND, 1_000);
    handle.stop("SIGTERM").expect("stopped");
    let count = |table: &str| sql_number(dir.path(), &format!("SELECT count(*) FROM {table}"));
    let before = ["rollup_1h", "rollup_10m", "rollup_1m"].map(count);
    drop(reader);
    // Every page of the blocks is overwritten with nonsense, and one in the middle of the minutes.
    let pages = |name: &str| -> Vec<i64> {
        let connection = rusqlite::Connection::open(&path).expect("opens");
        let mut statement = connection
            .prepare("SELECT pageno FROM dbstat WHERE name = ?1 AND pagetype = 'leaf' ORDER BY path")
            .expect("dbstat");
        let rows = statement.query_map([name], |row| row.get(0)).expect("pages");
        rows.collect::<Result<_, _>>().expect("pages")
    };
    let (root, minutes) = (
        sql_number(
            dir.path(),
            "SELECT rootpage FROM sqlite_schema WHERE name = 'samples'",
        ),
        pages("rollup_1m"),
    );
    let mut bytes = std::fs::read(&path).expect("read");
    for page in [root, minutes[minutes.len() / 2]] {
        bytes[(page as usize - 1) * 4096..page as usize * 4096].fill(0xa5);
    }
    std::fs::write(&path, bytes).expect("written");

    let second = open(dir.path(), 50_000);
    let sentence = second.trouble.first().expect("told").clone();
    assert!(
        sentence.contains(".corrupt-") && sentence.contains("1 events") && sentence.contains("1 series"),
        "{sentence}"
    );
    assert_eq!(
        (second.vantage, second.run),
        (vantage, RunId(2)),
        "nothing changes its name"
    );
    let after = ["rollup_1h", "rollup_10m", "rollup_1m"].map(count);
    assert_eq!(after[..2], before[..2]);
    assert!(
        after[2] < before[2] && after[2] > before[2] / 2,
        "all minutes but those of one page: {} of {}",
        after[2],
        before[2]
    );
    let mut store = second.store;
    let again = store.register(&key("gw", "192.0.2.1"), "Gateway", wall(50_000));
    assert_eq!(again.expect("a number"), id);
    let (handle, reader) = start(store, &clock);
    feed(&handle, &clock, id, 0..10, SECOND, 10);
    assert_eq!(samples(&reader, id).len(), 10);
    assert_eq!(reader.events(&all_rows()).expect("history")[0].message, "is down");
}
