//! Claims about `rrd_dir`, over a real store and a clock that stands where the test puts it.

use linewatch_core::time::Rtt;
use linewatch_store::StoreHandle;

use super::*;
use crate::measured::{Hand, keep, probe, store_of};

const SETTLING: Duration = Duration::from_secs(4);

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
        let (store, reader, targets) = store_of(&dir.path().join("data"), ["gw", "isp"]);
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
        let probes = self.targets.iter().flat_map(|target| {
            let rtt = |second: u64| Rtt::from_nanos(10_000_000 + second % 7 * 100_000);
            seconds
                .clone()
                .map(move |second| probe(*target, second, Some(rtt(second))))
        });
        keep(&self.store, probes);
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
