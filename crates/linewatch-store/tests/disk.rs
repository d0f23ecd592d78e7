//! A real small disk that fills up: the store stays alive, says so, and recovers by itself when there is room again.
//!
//! Needs root and `unshare` for a tmpfs of its own; without them the test prints what it skips, and fails where
//! `LINEWATCH_REQUIRE_ALL=1` is set.

mod common;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use common::*;
use linewatch_core::event::{Event, EventId, EventKind, RunId, Severity};
use linewatch_core::port::{History, StorageState};
use linewatch_core::target::TargetId;
use linewatch_store::{Keeping, News, Retention, StoreHandle, StoreMessage};

/// Set for the child: the mounted disk.
const DISK: &str = "LINEWATCH_TEST_DISK";
/// Of the disk, in megabytes.
const DISK_MB: u32 = 8;
const TARGETS: u32 = 20;
/// A bound for each loop; the clock stands in between, so nothing waits.
const SECONDS_MAX: u64 = 3_000;

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the disk is mounted for a process of its own"
)]
#[expect(clippy::print_stderr, reason = "the test runner shows what is skipped")]
fn a_disk_that_fills_is_told_survived_and_recovered_from_twice() {
    let dir = tempfile::tempdir().expect("a directory");
    let binary = std::env::current_exe().expect("this binary");
    let script = format!(
        "mount -t tmpfs -o size={DISK_MB}m none \"$1\" || exit 77; exec \"$2\" child_on_a_small_disk --exact --nocapture"
    );
    let output = Command::new("unshare")
        .args(["-m", "sh", "-c", &script, "sh"])
        .args([dir.path(), &binary])
        .env(DISK, dir.path())
        .output();
    let missing = match &output {
        Ok(output) if output.status.success() => return,
        Ok(output) => {
            let words = String::from_utf8_lossy(&output.stderr).into_owned();
            let is_refused = output.status.code() == Some(77) || words.contains("unshare");
            assert!(is_refused, "{}\n{words}", String::from_utf8_lossy(&output.stdout));
            words
        }
        Err(error) => error.to_string(),
    };
    let is_required = std::env::var_os("LINEWATCH_REQUIRE_ALL").is_some_and(|value| value == "1");
    assert!(!is_required, "a disk that fills must be tested, but: {missing}");
    eprintln!("SKIPPED a disk that fills: {missing}");
}

/// The store on the small disk, and how far it has measured.
struct Bench {
    dir: PathBuf,
    clock: Arc<HandClock>,
    handle: StoreHandle,
    second: u64,
}

impl Bench {
    /// Measures for a second. Whether it could be written.
    fn measure(&mut self) -> bool {
        let records = (1..=TARGETS).map(|id| reply(TargetId(id), self.second, SECOND));
        send(&self.handle, batch(records.collect()));
        self.second += 1;
        self.clock.advance(Duration::from_secs(1));
        self.handle.flush().is_ok()
    }

    fn until(&mut self, state: StorageState) {
        let begin = self.second;
        while self.handle.storage().state != state {
            self.measure();
            assert!(self.second < begin + SECONDS_MAX, "{:?}", self.handle.storage());
        }
    }

    /// Takes all the room there is left.
    fn fill(&self) -> PathBuf {
        let path = self.dir.join("somebody-elses");
        let mut file = std::fs::File::create(&path).expect("made");
        for bytes in [64 << 10, 4 << 10, 512] {
            while file.write_all(&vec![7; bytes]).is_ok() {}
        }
        path
    }
}

fn kinds(news: &[News]) -> Vec<(EventKind, Severity)> {
    news.iter().map(|news| (news.kind, news.severity)).collect()
}

/// Not a test of its own: runs where the small disk is.
#[test]
fn child_on_a_small_disk() {
    let Ok(dir) = std::env::var(DISK) else { return };
    let dir = Path::new(&dir);
    let clock = Arc::new(HandClock::default());
    let mut store = open(dir, 0).store;
    for number in 1..=TARGETS {
        let id = store
            .register(&key(&format!("t{number}"), "192.0.2.1"), "T", wall(0))
            .expect("a number");
        assert_eq!(id, TargetId(number));
    }
    let (handle, reader) = start(store, &clock);
    handle.keep(Keeping {
        max_size_bytes: 2 << 30,
        retention: Retention::default(),
    });
    let mut bench = Bench {
        dir: dir.to_owned(),
        clock,
        handle,
        second: 0,
    };
    (0..600).for_each(|_| assert!(bench.measure(), "there is room"));
    let reserve = dir.join("linewatch.reserve");
    assert!(reserve.exists(), "room for the day there is none");
    for round in 0..2 {
        let filler = bench.fill();
        bench.until(StorageState::Full);
        assert!(!reserve.exists(), "given up");
        let full = EventKind::StorageFull;
        assert_eq!(kinds(&bench.handle.news()), [(full, Severity::Critical)]);
        let storage = bench.handle.storage();
        assert!(storage.trouble.is_some_and(|words| words.contains("full")));
        // Ten minutes without room: an event comes through, nobody waits, nothing is lost.
        bench.handle.try_send(StoreMessage::Event(Event {
            id: EventId {
                run: RunId(1),
                seq: round,
            },
            kind: full,
            severity: Severity::Critical,
            target: None,
            at: wall(bench.second as i64),
            until: None,
            count: 1,
            excess: None,
            message: "full".to_owned(),
        }));
        (0..600).for_each(|_| _ = bench.measure());
        assert_eq!(
            bench.handle.storage().state,
            StorageState::Full,
            "still, and says so"
        );
        std::fs::remove_file(&filler).expect("somebody makes room");
        bench.until(StorageState::Ok);
        assert!(reserve.exists(), "and the next time it is there again");
        assert_eq!(kinds(&bench.handle.news()), [(full, Severity::Info)]);
    }
    let storage = bench.handle.storage();
    assert_eq!((storage.waiting, storage.overrun), (0, 0));
    let events = reader.events(&all_rows()).expect("history");
    assert_eq!(events.len(), 2);
    let newest = samples(&reader, TargetId(1)).last().map(|sample| sample.seq);
    assert_eq!(newest, Some(bench.second - 1));
    bench.handle.stop("test").expect("stopped");
    assert_eq!(sql_text(dir, "PRAGMA integrity_check"), "ok");
    // Samples go before anything they sum up to, and here these were enough.
    assert!(sql_number(dir, "SELECT min(from_s) FROM rollup_1m") * 1_000_000_000 <= START_NS);
    // What the oldest samples were is kept as what they sum up to: each probe once.
    let sent = sql_number(dir, "SELECT sum(sent) FROM rollup_1h");
    assert_eq!(sent as u64, bench.second * u64::from(TARGETS));
}
