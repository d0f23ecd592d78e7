//! kill -9 between any two steps of an outage: monitor, rules and store as in the program, on one database after another start.
//!
//! The network is made up, time is moved by hand; what is checked is the outbox.

use std::collections::BTreeMap;

use linewatch_core::alert::{Matcher, Policy, Rule};
use linewatch_core::monitor::{Effect, Monitor};
use linewatch_core::record::{Cause, Class, Outcome, ProbeRecord, Progress, RecordBatch};
use linewatch_core::target::Host;
use linewatch_core::time::{Anchor, Rtt};

use super::*;
use crate::alerting::{Teller, delivery};

/// Always there, so that the others have no cause in common.
const WELL: u32 = 9;
const ALL: [u32; 7] = [WELL, 1, 2, 3, 4, 5, 6];
/// The last three are set when the first three may be down already.
const FIRST: [u32; 4] = [WELL, 1, 2, 3];
const LAST: [u32; 3] = [4, 5, 6];
/// Longer than an outage takes to open, to close, or to be believed over.
const A_WHILE: u64 = 8;

/// Where the monitor is killed, as seen from an outage that opens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rules {
    Hear,
    /// The row is committed, and the kill comes before the rules put anything.
    AreKilledFirst,
}

/// One start.
struct Start {
    bench: Bench,
    teller: Teller,
    monitor: Monitor,
    /// Probes so far of whom.
    probed: BTreeMap<u32, u64>,
}

fn policy() -> Policy {
    Policy {
        rules: vec![Rule {
            key: "outage".to_owned(),
            matcher: Matcher::default(),
            kind: Kind::Outage,
            above: None,
            hold: Duration::ZERO,
            to: Vec::new(),
            escalation: None,
        }],
        cooldown: Duration::ZERO,
        group_wait: Duration::ZERO,
        maintenance: Vec::new(),
    }
}

fn target(id: u32) -> Target {
    Target {
        slug: format!("t{id}"),
        name: format!("T{id}"),
        ..Target::plain(
            TargetId(id),
            Host::Literal {
                ip: std::net::IpAddr::from([192, 0, 2, id as u8]),
                zone: None,
            },
        )
    }
}

impl Start {
    fn new(files: tempfile::TempDir, clock: Arc<HandClock>) -> Self {
        let mut alerts = Alerts::default();
        // No worker turns here: nothing is connected to.
        alerts.email.server = "localhost".to_owned();
        alerts.email.from = "linewatch@example.com".to_owned();
        let bench = bench_at(clock, files, alerts, (String::new(), false));
        let store = &bench.shared.store;
        let way = delivery::way(Some(&bench.notify), store, Arc::default());
        Self {
            teller: Teller::new(policy(), delivery::left(store), way),
            monitor: Monitor::new(bench.shared.run, anchor(&bench.clock)),
            bench,
            probed: BTreeMap::new(),
        }
    }

    /// A first start, with everything up for a while.
    fn well() -> Self {
        let mut start = Self::new(tempfile::tempdir().expect("a directory"), Arc::default());
        start.set(&ALL);
        start.teller.watch.begin(anchor(&start.bench.clock));
        start.pass(A_WHILE, &[], Rules::Hear);
        start
    }

    /// kill -9, and the next start; no target is set yet.
    fn killed(self) -> Self {
        let (files, clock) = self.remains();
        Self::new(files, clock)
    }

    /// Whatever else there is writes no more, and lets go of the database, when this returns.
    fn remains(self) -> (tempfile::TempDir, Arc<HandClock>) {
        let Bench { files, clock, .. } = self.bench;
        (files, clock)
    }

    /// As the control thread: one after the other.
    fn set(&mut self, ids: &[u32]) {
        let now = anchor(&self.bench.clock);
        for &id in ids {
            self.teller.watch.set_target(&target(id), now);
            let mut effects = Vec::new();
            self.monitor.set_target(&target(id), now.mono, &mut effects);
            self.hand_on(&effects, Rules::Hear);
            self.probed.insert(id, 0);
        }
    }

    /// Every target is set, and the alerts begin.
    fn begun(mut self) -> Self {
        self.set(&ALL);
        self.teller.watch.begin(anchor(&self.bench.clock));
        self
    }

    /// Each target that is set is probed once a second; `down` do not answer.
    fn pass(&mut self, seconds: u64, down: &[u32], rules: Rules) {
        for _ in 0..seconds {
            self.bench.advance(Duration::from_secs(1));
            let now = anchor(&self.bench.clock);
            let mut batch = RecordBatch::new(now);
            for (&id, probes) in &mut self.probed {
                batch
                    .records
                    .push(record(id, *probes, now.mono, !down.contains(&id)));
                *probes += 1;
                batch.progress.push(Progress {
                    target: TargetId(id),
                    scheduled: *probes,
                    in_flight: 0,
                });
            }
            let mut effects = Vec::new();
            self.monitor.ingest(&batch, &mut effects);
            self.monitor.tick(now, &mut effects);
            self.hand_on(&effects, rules);
            if rules == Rules::Hear {
                self.teller.tick(now);
            }
        }
    }

    fn hand_on(&mut self, effects: &[Effect], rules: Rules) {
        if rules == Rules::Hear {
            self.teller.hear(effects, anchor(&self.bench.clock));
        }
        for effect in effects {
            if let Effect::Outage(row) = effect {
                let is_taken = self
                    .bench
                    .shared
                    .store
                    .try_send(StoreMessage::Outage(row.clone()));
                assert!(is_taken, "there is room");
            }
        }
    }

    /// What stands in the outbox, in order: `+T1` it is down, `-T1` it is up.
    fn letters(&self) -> Vec<String> {
        let mut letters = self.bench.waiting();
        letters.sort_by_key(|letter| letter.id);
        let contents = letters
            .iter()
            .map(|letter| shape::read_content(&letter.notification).expect("ours"));
        contents
            .flat_map(|content| match content {
                Content::Alerts(notification) => notification.items,
                other => panic!("nobody said this: {other:?}"),
            })
            .map(|item| match item.telling {
                Telling::Began => format!("+{}", item.name),
                Telling::Ended => format!("-{}", item.name),
                other => panic!("nobody said this: {other:?}"),
            })
            .collect()
    }

    #[track_caller]
    fn has_told(&self, expected: &[&str]) {
        let mut letters = self.letters();
        // Of one moment the order is nobody's.
        letters
            .chunk_by_mut(|a, b| a[..1] == b[..1])
            .for_each(<[_]>::sort);
        assert_eq!(letters.join(" "), expected.join(" "));
    }
}

const DOWN: &str = "+T1 +T2 +T3 +T4 +T5 +T6";
const UP: &str = "-T1 -T2 -T3 -T4 -T5 -T6";
/// Everything but what is always there.
const CUT: [u32; 6] = [1, 2, 3, 4, 5, 6];

fn anchor(clock: &HandClock) -> Anchor {
    Anchor {
        mono: clock.mono(),
        wall: clock.wall(),
    }
}

fn record(id: u32, seq: u64, now: MonoTime, is_answered: bool) -> ProbeRecord {
    let sent_at = now.minus(Duration::from_millis(900));
    let rtt = is_answered.then_some(Rtt::from_nanos(2_000_000));
    ProbeRecord {
        target: TargetId(id),
        seq,
        due_at: sent_at,
        sent_at,
        outcome: if is_answered {
            Outcome::Reply
        } else {
            Outcome::Lost
        },
        rtt,
        host_rtt: rtt,
        class: Class::K,
        cause: Cause::None,
        is_reordered: false,
    }
}

/// Everything is down, told, and the letters are committed; then the kill.
fn killed_after_the_letters() -> Start {
    let mut start = Start::well();
    start.pass(A_WHILE, &CUT, Rules::Hear);
    start.has_told(&[DOWN]);
    start.killed()
}

#[test]
fn what_is_down_again_before_the_last_target_is_set_is_told_to_be_up_once() {
    let mut next = killed_after_the_letters();
    next.set(&FIRST);
    next.pass(A_WHILE, &CUT, Rules::Hear);
    next.has_told(&[DOWN]);
    next.set(&LAST);
    next.teller.watch.begin(anchor(&next.bench.clock));
    next.pass(A_WHILE, &CUT, Rules::Hear);
    next.pass(A_WHILE, &[], Rules::Hear);
    next.has_told(&[DOWN, UP]);
}

#[test]
fn a_line_that_came_back_while_the_monitor_was_off_is_told_to_be_up() {
    let mut next = killed_after_the_letters().begun();
    next.pass(A_WHILE, &[], Rules::Hear);
    next.has_told(&[DOWN, UP]);
}

#[test]
fn a_line_that_comes_back_before_the_last_target_is_set_is_told_to_be_up() {
    let mut next = killed_after_the_letters();
    next.set(&FIRST);
    next.pass(A_WHILE, &CUT, Rules::Hear);
    next.pass(A_WHILE, &[], Rules::Hear);
    next.set(&LAST);
    next.teller.watch.begin(anchor(&next.bench.clock));
    next.pass(A_WHILE, &[], Rules::Hear);
    next.has_told(&[DOWN, UP]);
}

#[test]
fn a_second_kill_in_the_middle_of_the_start_forgets_nothing() {
    let mut next = killed_after_the_letters();
    next.set(&FIRST);
    next.pass(A_WHILE, &CUT, Rules::Hear);
    let mut third = next.killed().begun();
    third.pass(A_WHILE, &[], Rules::Hear);
    third.has_told(&[DOWN, UP]);
}

#[test]
fn an_outage_that_lasts_over_a_kill_before_its_letter_is_told_once_and_so_is_its_end() {
    let mut start = Start::well();
    start.pass(A_WHILE, &CUT, Rules::AreKilledFirst);
    start.has_told(&[""; 0]);
    let mut next = start.killed().begun();
    next.pass(A_WHILE, &CUT, Rules::Hear);
    next.has_told(&[DOWN]);
    next.pass(A_WHILE, &[], Rules::Hear);
    next.has_told(&[DOWN, UP]);
}

#[test]
fn an_outage_nobody_was_told_of_has_no_end_to_tell() {
    let mut start = Start::well();
    start.pass(A_WHILE, &CUT, Rules::AreKilledFirst);
    let mut next = start.killed().begun();
    next.pass(A_WHILE, &[], Rules::Hear);
    next.has_told(&[""; 0]);
}

#[test]
fn a_kill_after_the_recoveries_tells_nothing_again() {
    let mut start = Start::well();
    start.pass(A_WHILE, &CUT, Rules::Hear);
    start.pass(A_WHILE, &[], Rules::Hear);
    start.has_told(&[DOWN, UP]);
    let mut next = start.killed().begun();
    next.pass(A_WHILE, &[], Rules::Hear);
    next.has_told(&[DOWN, UP]);
}

#[test]
fn where_what_the_rules_remembered_is_lost_no_letter_is_taken_for_an_older_one() {
    let mut start = Start::well();
    start.pass(A_WHILE, &CUT, Rules::Hear);
    start.pass(A_WHILE, &[], Rules::Hear);
    let damage = Told {
        letters: Vec::new(),
        snapshot: Some("not what it was".to_owned()),
    };
    start.bench.shared.store.tell(damage).expect("written");
    let mut next = start.killed().begun();
    next.pass(A_WHILE, &[], Rules::Hear);
    next.pass(A_WHILE, &CUT, Rules::Hear);
    next.pass(A_WHILE, &[], Rules::Hear);
    next.has_told(&[DOWN, UP, DOWN, UP]);
}
