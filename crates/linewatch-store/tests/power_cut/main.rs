//! The power is cut while the store writes: every disk that may be left of it opens, is whole, and holds all that was acknowledged.
//!
//! A child writes under `strace`; its writes and syncs are replayed up to some moment, and of what no sync had caught by then
//! a part is left, thrown by seeded dice (`disk`). `LINEWATCH_TEST_POWER_CUTS=600` throws more than the ordinary run;
//! `cargo xtask faults powercut` does. Without strace it prints what it skips, and fails where `LINEWATCH_REQUIRE_ALL=1` is set.

#[path = "../common/mod.rs"]
mod common;
mod disk;
mod record;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use common::*;
use disk::{Dice, Disk};
use linewatch_core::event::RunId;
use linewatch_core::target::TargetId;
use linewatch_store::{Keeping, Retention, Store, StoreMessage};
use record::{Happened, Record};

/// Set for the child: where it writes.
const DIR: &str = "LINEWATCH_TEST_POWER_CUT_DIR";
/// Disks that are looked at; more for a proof, of which each takes some 50 ms: LINEWATCH_TEST_POWER_CUTS=600.
const CUTS: usize = 40;
const TARGETS: u32 = 3;
/// Commits of each run. The first outlasts a checkpoint beside the writer, its log's new beginning, and an hour.
const FLUSHES: [u64; 2] = [340, 30];
/// Of each target in each flush.
const SAMPLES: u64 = 12;
/// So small that the log is moved into the database several times.
const MAX_SIZE_BYTES: u64 = 24 << 20;

/// While the database is made.
const FIRST_EVENTS: u64 = 60;

/// Seqs of each target that were acknowledged, by run.
type Acknowledged = BTreeMap<u64, u64>;

/// Not a test of its own: the process whose writes are recorded.
#[test]
#[expect(clippy::print_stdout, reason = "strace sees what was said, and when")]
fn child_that_writes_while_it_is_watched() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let clock = Arc::new(HandClock::default());
    let mut seq = 0;
    for flushes in FLUSHES {
        let mut opened = Store::open(Path::new(&dir), "test", wall(seq as i64)).expect("the store opens");
        for target in 1..=TARGETS {
            let key = key(&format!("t{target}"), "192.0.2.1");
            let id = opened.store.register(&key, "T", wall(0));
            assert_eq!(id.expect("a number"), TargetId(target));
        }
        let RunId(run) = opened.run;
        let (handle, _reader) = start(opened.store, &clock);
        handle.keep(Keeping {
            max_size_bytes: MAX_SIZE_BYTES,
            retention: Retention::default(),
        });
        let active = (1..=TARGETS).map(|id| (TargetId(id), plan(SECOND)));
        handle.try_send(StoreMessage::Active(active.collect()));
        for flush in 1..=flushes {
            for target in (1..=TARGETS).map(TargetId) {
                let records = (seq..seq + SAMPLES).map(|seq| reply(target, seq, SECOND));
                send(&handle, batch(records.collect()));
            }
            seq += SAMPLES;
            clock.advance(Duration::from_secs(SAMPLES));
            handle.flush().expect("flushed");
            println!("acknowledged {run} {}", flush * SAMPLES);
        }
        handle.stop("test").expect("stopped");
    }
}

/// What the child did, or why it could not be watched.
#[expect(
    clippy::disallowed_methods,
    reason = "the process that is watched is this binary itself"
)]
fn recorded() -> Result<Vec<Happened>, String> {
    let dir = tempfile::tempdir().expect("a directory");
    let root = dir.path().canonicalize().expect("a path");
    let (data, lines) = (root.join("data"), root.join("strace"));
    let output = Command::new("strace")
        .args(["-f", "--seccomp-bpf", "-qq", "-xx", "-s", "2000000", "-e", "signal=none"])
        .args(["-e", "trace=openat,close,pwrite64,write,ftruncate,fsync,fdatasync,unlink,unlinkat,rename,pwritev,writev,fallocate"])
        .arg("-o")
        .arg(&lines)
        .arg(std::env::current_exe().expect("this binary"))
        .args(["child_that_writes_while_it_is_watched", "--exact", "--nocapture"])
        .env(DIR, &data)
        .output()
        .map_err(|error| format!("strace: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let mut record = Record::new(data.to_str().expect("UTF-8"));
    let file = std::fs::File::open(&lines).expect("recorded");
    for line in BufReader::new(file).lines() {
        record.line(&line.expect("text"));
    }
    Ok(record.events)
}

/// `None`: said why, and skipped.
#[expect(clippy::print_stderr, reason = "the test runner shows what is skipped")]
fn recorded_or_skipped() -> Option<Vec<Happened>> {
    match recorded() {
        Ok(events) => Some(events),
        Err(missing) => {
            let is_required = std::env::var_os("LINEWATCH_REQUIRE_ALL").is_some_and(|value| value == "1");
            assert!(!is_required, "power cuts must be tested, but: {missing}");
            eprintln!("SKIPPED power cuts: {missing}");
            None
        }
    }
}

fn acknowledge(acknowledged: &mut Acknowledged, event: &Happened) {
    let Happened::Said(line) = event else { return };
    // The test harness writes its own words before ours, on the first line.
    let Some((_, words)) = line.split_once("acknowledged ") else {
        return;
    };
    let (run, seqs) = words.split_once(' ').expect("a run and a count");
    acknowledged.insert(run.parse().expect("a run"), seqs.parse().expect("a count"));
}

/// Indexes of events before which the power is cut: a quarter at a sync, when the most is on its way, and one in the first start.
fn moments(events: &[Happened], cuts: usize, dice: &mut Dice) -> Vec<usize> {
    let is_sync = |event: &Happened| matches!(event, Happened::Synced { .. } | Happened::SyncedNames { .. });
    let syncs: Vec<usize> = (0..events.len())
        .filter(|index| is_sync(&events[*index]))
        .collect();
    let mut moments: Vec<usize> = (0..cuts)
        .map(|cut| match cut % 4 {
            0 => dice.below(FIRST_EVENTS) as usize,
            1 if !syncs.is_empty() => syncs[dice.below(syncs.len() as u64) as usize],
            _ => dice.below(events.len() as u64 + 1) as usize,
        })
        .collect();
    moments.sort_unstable();
    moments
}

/// What is wrong with a disk, each in a sentence.
fn replay(events: &[Happened], cuts: usize) -> Vec<String> {
    let mut dice = Dice(1);
    let mut disk = Disk::new(events);
    let mut acknowledged = Acknowledged::new();
    let mut wrong = Vec::new();
    let mut taken = 0;
    for moment in moments(events, cuts, &mut dice) {
        disk.go_on(moment);
        events[taken..moment]
            .iter()
            .for_each(|event| acknowledge(&mut acknowledged, event));
        taken = moment;
        let dir = tempfile::tempdir().expect("a directory");
        disk.cut(&mut dice, dir.path());
        if let Err(why) = judge(dir.path(), &acknowledged) {
            wrong.push(format!("cut before event {moment} of {}: {why}", events.len()));
        }
    }
    wrong
}

/// Opens what is left as the program would, and looks for everything acknowledged.
fn judge(dir: &Path, acknowledged: &Acknowledged) -> Result<(), String> {
    let later = 10 * (FLUSHES[0] + FLUSHES[1]) * SAMPLES;
    let opened =
        Store::open(dir, "test", wall(later as i64)).map_err(|error| format!("does not open: {error}"))?;
    if !opened.trouble.is_empty() {
        return Err(format!("opens with trouble: {}", opened.trouble.join("; ")));
    }
    let (handle, reader) = start(opened.store, &Arc::default());
    handle
        .flush()
        .map_err(|error| format!("cannot be written: {error}"))?;
    for target in (1..=TARGETS).map(TargetId) {
        let mut found: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for sample in samples(&reader, target) {
            found.entry(sample.run).or_default().push(sample.seq);
        }
        let mut first = 0;
        for (run, count) in acknowledged {
            let mut seqs = found.remove(run).unwrap_or_default();
            seqs.sort_unstable();
            let end = first + seqs.len() as u64;
            if !seqs.iter().copied().eq(first..end) {
                return Err(format!("run {run} of {target:?}: a hole, or something twice"));
            }
            if !(*count..=count + SAMPLES).contains(&(end - first)) {
                return Err(format!(
                    "run {run} of {target:?}: {} samples, of which {count} were acknowledged",
                    end - first
                ));
            }
            first = end;
        }
    }
    handle
        .stop("test")
        .map_err(|error| format!("does not stop: {error}"))?;
    match sql_text(dir, "PRAGMA integrity_check").as_str() {
        "ok" => Ok(()),
        damage => Err(format!("is damaged: {damage}")),
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "a chore shows the count")]
fn a_power_cut_loses_nothing_acknowledged_and_never_the_database() {
    let Some(events) = recorded_or_skipped() else {
        return;
    };
    let cuts =
        std::env::var("LINEWATCH_TEST_POWER_CUTS").map_or(CUTS, |text| text.parse().expect("a number"));
    let wrong = replay(&events, cuts);
    let (writes, syncs) = events.iter().fold((0, 0), |(writes, syncs), event| match event {
        Happened::Wrote { .. } | Happened::Cut { .. } => (writes + 1, syncs),
        Happened::Synced { .. } | Happened::SyncedNames { .. } => (writes, syncs + 1),
        _ => (writes, syncs),
    });
    println!(
        "{cuts} power cuts among {writes} writes and {syncs} syncs: {} wrong",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The judge itself: of a record whose syncs did not happen (`synchronous=OFF`), it must find fault.
#[test]
fn a_store_that_never_syncs_would_be_found_out() {
    let Some(mut events) = recorded_or_skipped() else {
        return;
    };
    let is_sync = |event: &Happened| matches!(event, Happened::Synced { .. });
    assert!(events.iter().filter(|event| is_sync(event)).count() as u64 > FLUSHES[0]);
    for event in &mut events {
        if let Happened::Synced { before, .. } = event {
            *before = 0;
        }
    }
    let wrong = replay(&events, CUTS);
    assert!(wrong.len() > CUTS / 2, "{}", wrong.join("\n"));
    assert!(
        wrong.iter().any(|why| why.contains("were acknowledged")),
        "{}",
        wrong.join("\n")
    );
}
