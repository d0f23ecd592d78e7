//! Real disks that fail below the store: writes that the kernel takes and loses, a file system that goes read-only, no room at the start.
//!
//! Needs root, `unshare` and loop devices; without them the test prints what it skips, and fails where
//! `LINEWATCH_REQUIRE_ALL=1` is set.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use common::*;
use linewatch_core::port::StorageState;
use linewatch_core::target::TargetId;
use linewatch_store::{Keeping, Retention, Store, StoreHandle};

/// Set for the child: where it works.
const PLACE: &str = "LINEWATCH_TEST_PLACE";
const TARGETS: u32 = 20;
/// A bound for each loop; the clock stands in between, so nothing waits.
const SECONDS_MAX: u64 = 3_000;
/// A file system in a file with holes, on a small disk: when that is full, the kernel has taken what it cannot write. A page at
/// a time: of a longer write of which the small disk took a part, the loop device (Linux 6.18) says that it was whole, and then
/// the fsync succeeds too. The second child reads what the disk really holds, then what it held whenever the power was cut.
const FAILING: &str = "mount -t tmpfs -o size=24m none \"$1\" && cd \"$1\" && mkdir disk && truncate -s 64M image && \
     $3 image >&2 && mount -o loop,$4 image disk && loop=$(findmnt -n -o SOURCE -M \"$1/disk\") && \
     echo 4 > /sys/block/${loop##*/}/queue/max_sectors_kb || exit 77; \"$2\" $5 --exact --nocapture >&2 || exit 1; \
     read_disk() { umount disk && mount -o loop \"$1\" disk && \"$2\" child_reads_what_is_on_the_disk --exact --nocapture >&2; }; \
     read_disk image \"$2\" || exit 1; for cut in ../cut/*/; do [ -e $cut/image ] || exit 0; \
     cp $cut/measured . && { e2fsck -fy $cut/image >&2; read_disk $cut/image \"$2\"; } || exit 1; done";
const SMALL: &str =
    "mount -t tmpfs -o size=8m none \"$1\" || exit 77; exec \"$2\" $3 --exact --nocapture >&2";

#[expect(
    clippy::disallowed_methods,
    reason = "the disk is mounted for a process of its own"
)]
#[expect(clippy::print_stderr, reason = "the test runner shows what is skipped")]
fn in_a_place_of_its_own(script: &str, arguments: &[&str]) {
    let dir = tempfile::tempdir().expect("a directory");
    let place = dir.path().join("place");
    ["place", "cut"]
        .iter()
        .for_each(|name| std::fs::create_dir(dir.path().join(name)).expect("made"));
    let output = Command::new("unshare")
        .args(["-m", "sh", "-c", script, "sh"])
        .arg(&place)
        .arg(std::env::current_exe().expect("this binary"))
        .args(arguments)
        .env(PLACE, &place)
        .output();
    let missing = match &output {
        Ok(output) if output.status.success() => return,
        Ok(output) => {
            let words = String::from_utf8_lossy(&output.stderr).into_owned();
            let is_refused = output.status.code() == Some(77) || words.starts_with("unshare");
            assert!(is_refused, "{words}");
            words
        }
        Err(error) => error.to_string(),
    };
    let is_required = std::env::var_os("LINEWATCH_REQUIRE_ALL").is_some_and(|value| value == "1");
    assert!(!is_required, "a disk that fails must be tested, but: {missing}");
    eprintln!("SKIPPED a disk that fails: {missing}");
}

#[test]
fn what_a_failing_disk_lost_is_written_again_and_not_believed() {
    let make = "mkfs.ext2 -q -b 4096";
    in_a_place_of_its_own(FAILING, &[make, "errors=continue", "child_on_a_failing_disk"]);
}

#[test]
fn a_file_system_that_goes_read_only_is_told_and_survived() {
    let make = "mkfs.ext4 -q -b 4096";
    in_a_place_of_its_own(
        FAILING,
        &[make, "errors=remount-ro", "child_on_a_disk_that_goes_read_only"],
    );
}

#[test]
fn a_start_on_a_full_disk_says_so_or_makes_room_by_itself() {
    in_a_place_of_its_own(SMALL, &["child_starts_on_a_full_disk"]);
}

struct Bench {
    clock: Arc<HandClock>,
    handle: StoreHandle,
    second: u64,
}

impl Bench {
    fn new(dir: &Path, at: i64) -> Self {
        let clock = Arc::new(HandClock::default());
        clock.advance(Duration::from_secs(at.unsigned_abs()));
        let (handle, _) = start(open(dir, at).store, &clock);
        handle.keep(Keeping {
            max_size_bytes: 2 << 30,
            retention: Retention::default(),
        });
        Self {
            clock,
            handle,
            second: at.unsigned_abs(),
        }
    }

    fn measure(&mut self) -> bool {
        let records = (1..=TARGETS).map(|id| reply(TargetId(id), self.second, SECOND));
        send(&self.handle, batch(records.collect()));
        self.second += 1;
        self.clock.advance(Duration::from_secs(1));
        self.handle.flush().is_ok()
    }

    #[track_caller]
    fn until(&mut self, is_so: impl Fn(StorageState) -> bool) {
        let begin = self.second;
        while !is_so(self.handle.storage().state) {
            self.measure();
            assert!(self.second < begin + SECONDS_MAX, "{:?}", self.handle.storage());
        }
    }
}

/// Takes all the room there is left.
fn fill(dir: &Path) -> PathBuf {
    let path = dir.join("somebody-elses");
    let mut file = std::fs::File::create(&path).expect("made");
    for bytes in [64 << 10, 4 << 10, 512] {
        while std::io::Write::write_all(&mut file, &vec![7; bytes]).is_ok() {}
    }
    path
}

/// How many seconds were measured, for the second child.
fn note(place: &Path, seconds: u64) {
    std::fs::write(place.join("measured"), seconds.to_string()).expect("noted");
}

#[expect(clippy::disallowed_methods, reason = "what an operator would try")]
fn run(program: &str, arguments: &[&str], place: &Path) -> bool {
    let output = Command::new(program).args(arguments).arg(place).output();
    output.is_ok_and(|output| output.status.success())
}

/// Keeps the disk as it is, and how much of it the store says is safe there: what only the kernel's memory shows is lost then.
fn cut_the_power(place: &Path, bench: &Bench) {
    let cut = place.with_file_name("cut").join(bench.second.to_string());
    std::fs::create_dir(&cut).expect("made");
    std::fs::copy(place.join("image"), cut.join("image")).expect("copied");
    let waiting = bench.handle.storage().waiting / u64::from(TARGETS);
    note(&cut, bench.second - waiting);
}

fn place() -> Option<PathBuf> {
    std::env::var_os(PLACE).map(PathBuf::from)
}

/// Not a test of its own, like those below: runs where the disk is.
#[test]
fn child_on_a_failing_disk() {
    let Some(place) = place() else { return };
    let mut bench = Bench::new(&place.join("disk/data"), 0);
    (0..100).for_each(|_| assert!(bench.measure(), "there is room"));
    for _ in 0..2 {
        let filler = fill(&place);
        bench.until(|state| state == StorageState::Degraded);
        let trouble = bench.handle.storage().trouble.expect("said");
        assert!(trouble.contains("disk I/O error"), "{trouble}");
        (0..300).for_each(|_| _ = bench.measure());
        cut_the_power(&place, &bench);
        std::fs::remove_file(filler).expect("the disk works again");
        bench.until(|state| state == StorageState::Ok);
        (0..30).for_each(|_| assert!(bench.measure(), "{:?}", bench.handle.storage()));
        cut_the_power(&place, &bench);
    }
    let storage = bench.handle.storage();
    assert_eq!((storage.waiting, storage.overrun), (0, 0));
    bench.handle.stop("test").expect("stopped");
    note(&place, bench.second);
}

#[test]
fn child_on_a_disk_that_goes_read_only() {
    let Some(place) = place() else { return };
    let mut bench = Bench::new(&place.join("disk/data"), 0);
    (0..100).for_each(|_| assert!(bench.measure(), "there is room"));
    let acknowledged = bench.second;
    let filler = fill(&place);
    let is_read_only = || std::fs::File::create(place.join("disk/probe")).is_err();
    while !is_read_only() {
        bench.measure();
        assert!(bench.second < SECONDS_MAX, "{:?}", bench.handle.storage());
    }
    (0..300).for_each(|_| _ = bench.measure());
    let storage = bench.handle.storage();
    assert_eq!(storage.state, StorageState::Degraded, "{storage:?}");
    assert!(storage.waiting >= 300 * u64::from(TARGETS), "{storage:?}");
    assert_eq!(storage.overrun, 0);
    // What gave up stays so for as long as anybody holds a file in it, and we hold the lock: the way back is a new start.
    let trouble = storage.trouble.expect("said");
    assert!(trouble.contains("mount that disk again"), "{trouble}");
    let disk = place.join("disk");
    assert!(!run("mount", &["-o", "remount,rw"], &disk), "the kernel refuses");
    assert!(!run("umount", &[], &disk), "it is busy");
    assert!(bench.handle.stop("test").is_err(), "nothing can be written");
    std::fs::remove_file(filler).expect("the disk works again");
    note(&place, acknowledged);
}

#[test]
fn child_reads_what_is_on_the_disk() {
    let Some(place) = place() else { return };
    let dir = place.join("disk/data");
    let measured: i64 = std::fs::read_to_string(place.join("measured"))
        .expect("noted")
        .parse()
        .expect("a number");
    // Whatever a kill left, the next run makes whole.
    let (handle, reader) = start(open(&dir, measured + 10).store, &Arc::default());
    handle.flush().expect("flushed");
    for id in 1..=TARGETS {
        let found = seqs(&samples(&reader, TargetId(id)));
        assert!(found.len() as i64 >= measured, "{id}: {}", found.len());
        assert_eq!(
            found,
            (0..found.len() as u64).collect::<Vec<_>>(),
            "none missing, none twice"
        );
    }
    handle.stop("test").expect("stopped");
    assert_eq!(sql_text(&dir, "PRAGMA integrity_check"), "ok");
}

#[test]
fn child_starts_on_a_full_disk() {
    let Some(place) = place() else { return };
    let dir = place.join("data");
    // Nothing is there yet: it cannot begin, says why, and leaves nothing that is in the way later.
    let filler = fill(&place);
    let error = Store::open(&dir, "test", wall(0)).expect_err("no room");
    let words = error.to_string();
    assert!(
        words.contains("no space left") || words.contains("make room"),
        "{words}"
    );
    std::fs::remove_file(&filler).expect("somebody makes room");
    let mut bench = Bench::new(&dir, 0);
    (0..600).for_each(|_| assert!(bench.measure(), "there is room"));
    assert!(dir.join("linewatch.reserve").exists());
    bench.handle.stop("test").expect("stopped");

    // With a history it gives up its reserve and goes on.
    let filler = fill(&place);
    let mut bench = Bench::new(&dir, 700);
    (0..300).for_each(|_| _ = bench.measure());
    assert_eq!(bench.handle.storage().overrun, 0);
    std::fs::remove_file(&filler).expect("somebody makes room");
    bench.until(|state| state == StorageState::Ok);
    assert_eq!(bench.handle.storage().waiting, 0);
    bench.handle.stop("test").expect("stopped");
    assert_eq!(sql_text(&dir, "PRAGMA integrity_check"), "ok");
    let sent = sql_number(
        &dir,
        "SELECT count(DISTINCT seq) FROM recent WHERE target = 1 AND run = 2",
    );
    assert_eq!(sent as u64, bench.second - 700);
}
