//! What is kept and when the line counts as back, by the effects of a monitor.

use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use linewatch_core::alert::{Kind, Matcher, Rule};
use linewatch_core::event::{Event, EventId, OutageRow, RunId, Severity};
use linewatch_core::limits;
use linewatch_core::outage::OpenedBy;
use linewatch_core::target::{Host, Target, TargetId};
use linewatch_core::time::WallTime;

use super::*;

fn at(second: u64) -> Anchor {
    Anchor {
        mono: MonoTime::from_nanos(second * 1_000_000_000),
        wall: wall(second),
    }
}

fn wall(second: u64) -> WallTime {
    WallTime::from_nanos(1_795_219_200_000_000_000).plus(Duration::from_secs(second))
}

fn policy() -> Policy {
    Policy {
        rules: vec![Rule {
            key: "outage".to_owned(),
            matcher: Matcher::default(),
            kind: Kind::Outage,
            above: None,
            hold: Duration::from_secs(10),
            to: Vec::new(),
            escalation: None,
        }],
        cooldown: Duration::from_secs(1),
        group_wait: Duration::from_secs(5),
        maintenance: Vec::new(),
    }
}

fn target(id: u32) -> Target {
    Target {
        slug: format!("t{id}"),
        name: format!("Target {id}"),
        ..Target::plain(
            TargetId(id),
            Host::Literal {
                ip: std::net::IpAddr::from([192, 0, 2, id as u8]),
                zone: None,
            },
        )
    }
}

fn outage(id: u32, since: u64, to: Option<u64>) -> Effect {
    Effect::Outage(OutageRow {
        id: EventId {
            run: RunId(1),
            seq: since,
        },
        target: TargetId(id),
        from: wall(since),
        to: to.map(wall),
        duration_ns: (to.unwrap_or(since + 3) - since) * 1_000_000_000,
        opened_by: OpenedBy::Run,
        sent: 3,
        lost: 3,
        uncertainty_ns: 0,
    })
}

/// What was put into the store, and how often the line was said to be back.
#[derive(Default)]
struct Kept {
    told: Vec<Notification>,
    /// The newest.
    snapshot: Snapshot,
    puts: usize,
}

struct Rig {
    teller: Teller,
    kept: Arc<Mutex<Kept>>,
    nudges: Arc<AtomicUsize>,
}

impl Rig {
    fn start() -> Self {
        Self::start_with(Snapshot::default(), at(0))
    }

    fn start_with(left: Snapshot, now: Anchor) -> Self {
        let (kept, nudges) = (Arc::<Mutex<Kept>>::default(), Arc::<AtomicUsize>::default());
        let (puts, nudged) = (Arc::clone(&kept), Arc::clone(&nudges));
        let way = Way {
            put: Box::new(move |told, snapshot| {
                let mut kept = puts.lock().expect("whole");
                kept.told.extend_from_slice(told);
                kept.snapshot = snapshot.clone();
                kept.puts += 1;
            }),
            line_is_back: Box::new(move || {
                nudged.fetch_add(1, Ordering::SeqCst);
            }),
            turned_at: Arc::default(),
        };
        let mut teller = Teller::new(policy(), left, way);
        (1..=3).for_each(|id| teller.watch.set_target(&target(id), now));
        teller.watch.begin(now);
        Self { teller, kept, nudges }
    }

    fn hear(&mut self, effect: Effect, second: u64) {
        self.teller.hear(&[effect], at(second));
    }

    fn ticks(&mut self, seconds: std::ops::RangeInclusive<u64>) {
        seconds.for_each(|second| self.teller.tick(at(second)));
    }

    fn nudges(&self) -> usize {
        self.nudges.load(Ordering::SeqCst)
    }

    /// Items of every message so far.
    fn items(&self) -> usize {
        let kept = self.kept.lock().expect("whole");
        kept.told.iter().map(|message| message.items.len()).sum()
    }
}

#[test]
fn what_the_cap_holds_back_survives_a_kill() {
    let mut rig = Rig::start();
    let mut second = 10;
    let mut outages = 0;
    // Each begin and end is a message until the cap; 110 s apart they are no flapping.
    while rig.kept.lock().expect("whole").told.len() < limits::ALERTS_PER_HOUR {
        rig.hear(outage(1, second - 3, None), second);
        rig.ticks(second..=second + 30);
        rig.hear(outage(1, second - 3, Some(second + 31)), second + 31);
        rig.ticks(second + 31..=second + 109);
        (second, outages) = (second + 110, outages + 1);
    }
    rig.hear(outage(1, second - 3, None), second);
    rig.ticks(second..=second + 30);
    rig.hear(outage(1, second - 3, Some(second + 31)), second + 31);
    rig.ticks(second + 31..=second + 60);
    assert_eq!(rig.items(), 2 * outages, "the last begin and end wait");

    // kill -9: the next start has the newest snapshot and another clock.
    let left = rig.kept.lock().expect("whole").snapshot.clone();
    let begins = |second: u64| Anchor {
        mono: at(second).mono,
        wall: wall(1300 + second),
    };
    let mut next = Rig::start_with(left, begins(1));
    (1..=60).for_each(|second| next.teller.tick(begins(second)));
    assert_eq!(next.items(), 0, "a restart gives nobody another hour's worth");
    (61..=700).for_each(|second| next.teller.tick(begins(second)));
    assert_eq!(next.items(), 2, "a begin and an end, once each");
    let kept = next.kept.lock().expect("whole");
    assert_eq!(kept.told.len(), 1, "as one digest");
    assert_eq!(
        kept.told[0].items[1].until,
        Some(wall(second + 31)),
        "its true end"
    );
    assert!(kept.snapshot.waiting.is_empty());
}

#[test]
fn while_nothing_is_held_back_nothing_is_kept_again_and_again() {
    let mut rig = Rig::start();
    rig.hear(outage(1, 7, None), 10);
    rig.ticks(10..=600);
    assert_eq!(rig.kept.lock().expect("whole").puts, 1);
}

#[test]
fn the_end_of_a_local_outage_is_the_line_that_is_back() {
    let mut rig = Rig::start();
    let mut event = Event {
        id: EventId {
            run: RunId(1),
            seq: 1,
        },
        kind: EventKind::LocalOutage,
        severity: Severity::Warning,
        target: None,
        at: wall(1),
        until: None,
        count: 3,
        excess: None,
        message: String::new(),
    };
    rig.hear(Effect::Event(event.clone()), 2);
    assert_eq!(rig.nudges(), 0);
    event.until = Some(wall(9));
    rig.hear(Effect::Event(event), 9);
    assert_eq!(rig.nudges(), 1);
}

#[test]
fn the_first_target_that_is_back_after_all_were_down_is_the_line_that_is_back() {
    let mut rig = Rig::start();
    rig.hear(outage(1, 7, None), 10);
    rig.hear(outage(1, 7, Some(11)), 11);
    assert_eq!(rig.nudges(), 0, "the others were there all the time");
    (1..=3).for_each(|id| rig.hear(outage(id, 20, None), 23));
    rig.hear(outage(2, 20, Some(40)), 40);
    assert_eq!(rig.nudges(), 1);
    rig.hear(outage(3, 20, Some(40)), 40);
    assert_eq!(rig.nudges(), 1, "the first says it");
}
