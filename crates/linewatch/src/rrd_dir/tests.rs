//! Claims about `rrd_dir`, over a real store and a clock that stands where the test puts it.

use std::sync::atomic::{AtomicU64, Ordering};

use linewatch_core::record::{Cause, Class, Outcome, ProbeRecord, RecordBatch};
use linewatch_core::time::{Anchor, Rtt, WallTime};
use linewatch_probe::clock::SystemClock;
use linewatch_store::{SeriesKey, StartOptions, Store, StoreHandle, StoreMessage};

use super::*;

/// 2026-11-21T02:00:00Z.
const START: WallTime = WallTime::from_nanos(1_795_226_400_000_000_000);
const SETTLING: Duration = Duration::from_secs(4);

/// Seconds since [`START`], moved by the test.
#[derive(Clone, Default)]
struct Hand(Arc<AtomicU64>);

impl Hand {
    fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn mono(&self) -> MonoTime {
        MonoTime::ZERO
    }
    fn wall(&self) -> WallTime {
        START.plus(Duration::from_secs(self.0.load(Ordering::SeqCst)))
    }
    fn asleep(&self) -> Duration {
        Duration::ZERO
    }
}

/// A store of two targets, and a keeper over it.
struct Rig {
    dir: tempfile::TempDir,
    store: StoreHandle,
    targets: [TargetId; 2],
    clock: Hand,
    keeper: Keeper<Hand>,
    bell: SyncSender<()>,
    rung: Receiver<()>,
}

impl Rig {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let mut opened = Store::open(&dir.path().join("data"), "test", START).expect("a store");
        let targets = ["gw", "isp"].map(|slug| {
            let key = SeriesKey {
                slug: slug.to_owned(),
                address: "192.0.2.1".to_owned(),
                method: "icmp".to_owned(),
                port: None,
            };
            opened.store.register(&key, slug, START).expect("a series")
        });
        let options = StartOptions {
            queue: 64,
            flush_interval: Duration::from_secs(1),
            clock: Arc::new(SystemClock::start()),
        };
        let (store, reader) = opened.store.start(options).expect("a thread");
        let clock = Hand::default();
        let (bell, rung) = sync_channel(1);
        let keeper = Keeper {
            history: Arc::new(reader),
            clock: clock.clone(),
            files: HashMap::new(),
            troubles: HashMap::new(),
        };
        Self {
            dir,
            store,
            targets,
            clock,
            keeper,
            bell,
            rung,
        }
    }

    /// Both targets answer once a second.
    fn measure(&self, seconds: std::ops::Range<u64>) {
        let anchor = Anchor {
            mono: MonoTime::ZERO,
            wall: START,
        };
        let mut batch = RecordBatch::new(anchor);
        for (target, seq) in self
            .targets
            .iter()
            .flat_map(|target| seconds.clone().map(move |seq| (*target, seq)))
        {
            let sent_at = MonoTime::from_nanos(seq * 1_000_000_000 + 250_000_000);
            batch.records.push(ProbeRecord {
                target,
                seq,
                due_at: sent_at,
                sent_at,
                outcome: Outcome::Reply,
                rtt: Some(Rtt::from_nanos(10_000_000 + seq % 7 * 100_000)),
                host_rtt: None,
                class: Class::K,
                cause: Cause::None,
                is_reordered: false,
            });
        }
        assert!(self.store.try_send(StoreMessage::Batch(Arc::new(batch))), "room");
        self.store.flush().expect("written");
    }

    fn wanted(&self, slugs: &[&str]) -> Wanted {
        Wanted {
            dir: self.dir.path().join("rrd"),
            targets: slugs.iter().map(|slug| ((*slug).to_owned(), SETTLING)).collect(),
        }
    }

    fn round(&mut self, slugs: &[&str]) {
        let wanted = self.wanted(slugs);
        assert_eq!(self.keeper.round(&wanted, &self.rung), Waited::Over);
    }

    /// Name and content of every file.
    fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = fs::read_dir(self.dir.path().join("rrd"))
            .expect("a directory")
            .map(|entry| entry.expect("an entry"))
            .map(|entry| {
                let name = entry.file_name().to_string_lossy().into_owned();
                (name, fs::read(entry.path()).expect("readable"))
            })
            .collect();
        files.sort();
        files
    }
}

fn names(files: &[(String, Vec<u8>)]) -> Vec<&str> {
    files.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn each_target_has_a_file_by_its_id_and_keeps_it_when_it_is_removed() {
    let mut rig = Rig::new();
    rig.measure(0..600);
    rig.clock.set(600);
    rig.round(&["gw", "isp", "never-measured"]);
    let first = rig.files();
    assert_eq!(names(&first), ["gw.rrd", "isp.rrd"]);
    assert_eq!(&first[0].1[..8], b"RRD\x000003");
    rig.measure(600..700);
    rig.clock.set(700);
    rig.round(&["gw"]);
    let second = rig.files();
    assert_eq!(names(&second), ["gw.rrd", "isp.rrd"]);
    assert!(second[0].1 != first[0].1, "anew");
    assert!(second[1].1 == first[1].1, "left as it was");
}

#[test]
fn minute_by_minute_gives_the_file_that_is_made_at_once() {
    let mut rig = Rig::new();
    for minute in 0..20 {
        rig.measure(minute * 60..(minute + 1) * 60);
        rig.clock.set((minute + 1) * 60 + 5);
        rig.round(&["gw"]);
    }
    let grown = rig.files();
    rig.keeper.files.clear();
    fs::remove_file(rig.dir.path().join("rrd/gw.rrd")).expect("removed");
    rig.round(&["gw"]);
    assert!(rig.files() == grown, "the two differ");
}

#[test]
fn a_minute_writes_a_few_rows_and_what_a_crash_tore_is_mended() {
    let mut rig = Rig::new();
    rig.measure(0..600);
    rig.clock.set(605);
    rig.round(&["gw"]);
    let path = rig.dir.path().join("rrd/gw.rrd");
    let database = |rig: &Rig| {
        let kept = rig.keeper.files.get(&path).expect("kept");
        kept.growing.database().expect("measured").clone()
    };
    rig.measure(600..660);
    rig.clock.set(665);
    let before = fs::read(&path).expect("readable");
    rig.round(&["gw"]);
    let after = fs::read(&path).expect("readable");
    let changed = before
        .iter()
        .zip(&after)
        .filter(|(one, other)| one != other)
        .count();
    assert!((1..4_000).contains(&changed), "{changed} of {}", after.len());
    assert!(refresh(&path, &database(&rig)).expect("nothing to do") == 0);
    let mut torn = after.clone();
    torn[database(&rig).head_bytes()..].fill(7);
    fs::write(&path, &torn).expect("torn");
    refresh(&path, &database(&rig)).expect("mended");
    assert!(fs::read(&path).expect("readable") == after);
    fs::write(&path, b"something else").expect("another shape");
    refresh(&path, &database(&rig)).expect("made anew");
    assert!(fs::read(&path).expect("readable") == after);
}

#[test]
fn a_directory_that_cannot_be_is_said_once_and_work_goes_on_when_it_can() {
    let mut rig = Rig::new();
    rig.measure(0..600);
    rig.clock.set(600);
    let in_the_way = rig.dir.path().join("rrd");
    fs::write(&in_the_way, b"a file").expect("written");
    rig.round(&["gw"]);
    rig.round(&["gw"]);
    assert_eq!(rig.keeper.troubles.keys().collect::<Vec<_>>(), [&in_the_way]);
    fs::remove_file(&in_the_way).expect("removed");
    rig.round(&["gw"]);
    assert_eq!(names(&rig.files()), ["gw.rrd"]);
}

#[test]
fn a_stop_is_heard_between_two_files() {
    let mut rig = Rig::new();
    rig.measure(0..600);
    rig.clock.set(600);
    let wanted = rig.wanted(&["gw", "isp"]);
    drop(rig.bell);
    assert_eq!(rig.keeper.round(&wanted, &rig.rung), Waited::Stopped);
    assert!(!wanted.dir.join("isp.rrd").exists());
}
