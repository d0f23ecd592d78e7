//! Claims about the keeping of evidence, over a real store and a clock that stands where the test puts it.

use linewatch_core::event::OutageRow;
use linewatch_core::evidence::{Part, Verdict, conclude};
use linewatch_core::outage::OpenedBy;
use linewatch_core::time::Rtt;
use linewatch_store::StoreMessage;

use super::*;
use crate::measured::{Hand, at, keep, probe, store_of};

const ID: EventId = EventId {
    run: RunId(1),
    seq: 4,
};
/// The target and all behind the router are silent in these seconds.
const SILENT: std::ops::Range<u64> = 40..50;

/// A store of a target behind a router, another one, and a keeper over it.
struct Rig {
    _dir: tempfile::TempDir,
    targets: [TargetId; 3],
    clock: Hand,
    keeper: Keeper<Hand>,
    known: Known,
    _bell: SyncSender<()>,
    rung: Receiver<()>,
}

impl Rig {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let (store, reader, targets) = store_of(dir.path(), ["far", "router", "other"]);
        let clock = Hand::default();
        let (bell, rung) = sync_channel(1);
        Self {
            _dir: dir,
            targets,
            keeper: Keeper::new(Arc::new(reader), store, clock.clone()),
            clock,
            known: Known {
                behind: HashMap::from([("far".to_owned(), "router".to_owned())]),
                settling: Duration::from_secs(4),
            },
            _bell: bell,
            rung,
        }
    }

    /// Everybody is asked once a second for two minutes; `is_silent` says whose answers of [`SILENT`] are missing.
    fn measure(&self, is_silent: [bool; 3]) {
        let probes = self
            .targets
            .iter()
            .zip(is_silent)
            .flat_map(|(target, is_silent)| {
                (0..120).map(move |second| {
                    let is_lost = is_silent && SILENT.contains(&second);
                    probe(*target, second, (!is_lost).then(|| Rtt::from_nanos(10_000_000)))
                })
            });
        keep(&self.keeper.store, probes);
        self.outage(Some(SILENT.end));
    }

    fn outage(&self, end: Option<u64>) {
        let row = OutageRow {
            id: ID,
            target: self.targets[0],
            from: at(SILENT.start),
            to: end.map(at),
            duration_ns: 0,
            opened_by: OpenedBy::Run,
            sent: 10,
            lost: 10,
            uncertainty_ns: 0,
        };
        assert!(self.keeper.store.try_send(StoreMessage::Outage(row)), "room");
        self.keeper.store.flush().expect("written");
    }

    fn round_at(&mut self, seconds: u64) -> Vec<Part> {
        self.clock.set(seconds);
        assert!(self.keeper.round(&self.known, &self.rung), "nobody ended it");
        let (_, parts) = self
            .keeper
            .history
            .evidence(ID)
            .expect("read")
            .expect("an outage");
        parts.iter().map(|part| part.span.part).collect()
    }

    fn verdict(&self) -> Verdict {
        let (outage, parts) = self
            .keeper
            .history
            .evidence(ID)
            .expect("read")
            .expect("an outage");
        conclude(&outage, &parts).0
    }
}

#[test]
fn evidence_is_kept_half_a_minute_after_the_end_and_once() {
    let mut rig = Rig::new();
    rig.measure([true, true, true]);
    assert_eq!(rig.round_at(83), []);
    assert_eq!(rig.round_at(84), [Part::Whole]);
    assert!(rig.keeper.history.unproved(ID, 10).expect("read").is_empty());
}

#[test]
fn a_router_that_fails_too_is_near_and_one_that_answers_points_beyond_it() {
    for (is_silent, expected) in [
        ([true, true, true], Verdict::Near),
        ([true, false, false], Verdict::Them),
        ([true, false, true], Verdict::Shared),
    ] {
        let mut rig = Rig::new();
        rig.measure(is_silent);
        rig.round_at(100);
        assert_eq!(rig.verdict(), expected, "{is_silent:?}");
    }
}

#[test]
fn the_begin_of_a_long_outage_is_kept_while_it_goes_on_and_its_end_later() {
    let mut rig = Rig::new();
    rig.measure([true, true, true]);
    rig.outage(None);
    assert_eq!(rig.round_at(200), []);
    assert_eq!(rig.round_at(400), [Part::Begin]);
    rig.outage(Some(1_000));
    assert_eq!(rig.round_at(1_010), [Part::Begin]);
    assert_eq!(rig.round_at(1_040), [Part::Begin, Part::End]);
}

#[test]
fn what_ended_long_ago_and_was_never_kept_is_given_up() {
    let mut rig = Rig::new();
    rig.measure([true, true, true]);
    assert_eq!(rig.round_at(30 * 24 * 3600), []);
    assert_eq!(rig.keeper.from, ID);
}
