//! kill -9 of a real writing process: the database is whole, and only the flush in progress is missing.

mod common;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use common::*;
use linewatch_core::record::GapKind;
use linewatch_core::target::TargetId;
use linewatch_store::StoreMessage;

/// Set for the child: where to write.
const DIR: &str = "LINEWATCH_TEST_KILL_DIR";
/// Kills of one test; more for a proof, whose children write some seconds each: LINEWATCH_TEST_KILLS=60.
const ROUNDS: u64 = 10;
/// The most flushes a child may write before it is killed.
const FLUSHES_MAX: u64 = 40;
const TARGETS: u32 = 4;

/// Not a test of its own: the process that is killed. Says `acknowledged N` after each commit, until it dies.
#[test]
fn child_that_writes_until_it_is_killed() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let clock = Arc::new(HandClock::default());
    let opened = open(std::path::Path::new(&dir), 0);
    let (handle, _reader) = start(opened.store, &clock);
    handle.try_send(StoreMessage::Active(
        (1..=TARGETS)
            .map(|id| (TargetId(id), plan(SECOND / 50)))
            .collect(),
    ));
    for flush in 0..1_000_000_u64 {
        for target in 1..=TARGETS {
            let records = (0..50)
                .map(|n| reply(TargetId(target), flush * 50 + n, SECOND / 50))
                .collect();
            assert!(handle.try_send(StoreMessage::Batch(Arc::new(batch(records)))));
        }
        clock.advance(Duration::from_secs(1));
        handle.flush().expect("flushed");
        acknowledge((flush + 1) * 50);
    }
}

#[expect(clippy::print_stdout, reason = "the pipe to the parent")]
fn acknowledge(samples: u64) {
    println!("acknowledged {samples}");
}

/// Runs the child until it has acknowledged `commits` commits, and kills it. Acknowledged samples per target.
fn run_and_kill(dir: &std::path::Path, commits: usize) -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "the process to be killed is this test binary itself"
    )]
    let mut child = Command::new(std::env::current_exe().expect("this binary"))
        .args(["child_that_writes_until_it_is_killed", "--exact", "--nocapture"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child");
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut acknowledged = lines.map_while(Result::ok).filter_map(|line| {
        // The test harness writes its own words before ours, on the first line.
        line.split("acknowledged ").nth(1)?.parse::<u64>().ok()
    });
    let mut last = acknowledged.by_ref().nth(commits - 1).expect("it commits");
    child.kill().expect("killed");
    child.wait().expect("gone");
    // What it had still written to the pipe was acknowledged too.
    last = acknowledged.last().unwrap_or(last);
    last
}

#[test]
fn kill_9_loses_at_most_the_flush_in_progress_and_never_the_database() {
    let dir = tempfile::tempdir().expect("a directory");
    let kills = std::env::var("LINEWATCH_TEST_KILLS").map_or(ROUNDS, |text| text.parse().expect("a number"));
    let mut expected = Vec::new();
    for round in 1..=kills {
        if round == 1 {
            let mut store = open(dir.path(), 0).store;
            for target in 1..=TARGETS {
                let id = store
                    .register(&key(&format!("t{target}"), "192.0.2.1"), "T", wall(0))
                    .expect("a number");
                assert_eq!(id, TargetId(target));
            }
        }
        let acknowledged = run_and_kill(dir.path(), 2 + (round * 3 % FLUSHES_MAX) as usize);
        let check = rusqlite::Connection::open(dir.path().join("linewatch.db")).expect("opens");
        let integrity: String = check
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .expect("checked");
        assert_eq!(integrity, "ok", "round {round}");
        drop(check);
        expected.push(acknowledged);
    }
    let opened = open(dir.path(), 100_000);
    assert!(opened.interrupted.is_some());
    let (handle, reader) = start(opened.store, &Arc::default());
    handle.flush().expect("flushed");
    for target in (1..=TARGETS).map(TargetId) {
        let found = samples(&reader, target);
        for (run, acknowledged) in (2..).zip(&expected) {
            let mut seqs: Vec<u64> = found
                .iter()
                .filter(|sample| sample.run == run)
                .map(|sample| sample.seq)
                .collect();
            seqs.sort_unstable();
            assert!(
                seqs.iter().copied().eq(0..seqs.len() as u64),
                "run {run}: nothing double, no hole"
            );
            let missing_or_more = *acknowledged..=acknowledged + 50;
            assert!(
                missing_or_more.contains(&(seqs.len() as u64)),
                "run {run}: {} of {acknowledged}",
                seqs.len()
            );
        }
        let crashed = gaps(&reader, target)
            .iter()
            .filter(|gap| gap.kind == GapKind::Crashed)
            .count();
        assert_eq!(crashed as u64, kills, "each kill left its gap");
    }
}
