//! Stories of the way out and of a start that takes up what an earlier one left.

use std::time::Duration;

use super::*;
use crate::alert::{CauseKind, Matcher, Rule, Telling};
use crate::event::{OutageRow, RunId};
use crate::outage::OpenedBy;
use crate::record::{Class, Outcome};
use crate::view::{LastProbe, State, TargetView};

const GATEWAY: u32 = 1;

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
        cooldown: Duration::from_secs(300),
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
                ip: IpAddr::from([192, 0, 2, id as u8]),
                zone: None,
            },
        )
    }
}

/// Its newest probe was answered at that second.
fn answered(id: u32, second: u64) -> Effect {
    let probe = LastProbe {
        seq: second,
        at: wall(second),
        outcome: Outcome::Reply,
        rtt: None,
        host_rtt: None,
        class: Class::K,
    };
    Effect::Views(vec![TargetView {
        last: Some(probe),
        last_answer: Some(probe),
        ..crate::alert::tests::view(id, State::Ok, None, wall(second))
    }])
}

fn down(id: u32, since: u64) -> Effect {
    Effect::Outage(OutageRow {
        id: EventId {
            run: RunId(1),
            seq: u64::from(id),
        },
        target: TargetId(id),
        from: wall(since),
        to: None,
        duration_ns: 3_000_000_000,
        opened_by: OpenedBy::Run,
        sent: 3,
        lost: 3,
        uncertainty_ns: 0,
    })
}

/// Four targets; the first is the next hop.
fn watch() -> Watch {
    let mut watch = Watch::new(policy());
    watch.set_next_hops(vec![IpAddr::from([192, 0, 2, GATEWAY as u8])]);
    (1..=4).for_each(|id| watch.set_target(&target(id), at(0)));
    watch
}

fn ticks(watch: &mut Watch, seconds: std::ops::RangeInclusive<u64>) -> Vec<Notification> {
    let mut told = Vec::new();
    seconds.for_each(|second| watch.tick(at(second), &mut told));
    told
}

#[test]
fn what_fails_with_the_next_hop_is_told_as_one() {
    let mut watch = watch();
    (1..=4).for_each(|id| watch.hear(&[answered(id, 10)], at(10)));
    (1..=3).for_each(|id| watch.hear(&[down(id, 11)], at(14)));
    let told = ticks(&mut watch, 14..=60);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].causes[0].kind, CauseKind::Behind(TargetId(GATEWAY)));
    assert_eq!(told[0].causes[0].targets, 2);
}

#[test]
fn a_next_hop_that_answers_no_pings_hides_nobody() {
    let mut watch = watch();
    watch.hear(&[down(GATEWAY, 1)], at(4));
    let told = ticks(&mut watch, 4..=30);
    assert_eq!(told.len(), 1, "its own outage");
    (2..=4).for_each(|id| watch.hear(&[answered(id, 30)], at(30)));
    watch.hear(&[down(2, 31)], at(34));
    let told = ticks(&mut watch, 34..=60);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].items[0].slug.as_str(), told[0].causes.len()), ("t2", 0));
}

#[test]
fn a_next_hop_that_stopped_answering_while_others_go_on_hides_nobody() {
    let mut watch = watch();
    (1..=4).for_each(|id| watch.hear(&[answered(id, 10)], at(10)));
    watch.hear(&[down(GATEWAY, 11)], at(14));
    assert_eq!(ticks(&mut watch, 14..=40).len(), 1);
    (2..=4).for_each(|id| watch.hear(&[answered(id, 60)], at(60)));
    watch.hear(&[down(2, 61)], at(64));
    let told = ticks(&mut watch, 64..=90);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].causes.is_empty());
}

/// What a start leaves that has told the outage of target 2.
fn left_by_one_that_told() -> Snapshot {
    let mut before = watch();
    before.hear(&[down(2, 1)], at(4));
    assert_eq!(ticks(&mut before, 4..=30).len(), 1);
    before.snapshot(at(30))
}

#[test]
fn a_target_that_comes_a_moment_after_the_start_is_not_withdrawn() {
    let snapshot = left_by_one_that_told();

    let mut after = Watch::new(policy());
    after.keep(snapshot.clone());
    after.begin(at(40));
    assert_eq!(
        ticks(&mut after, 41..=50),
        Vec::new(),
        "its name is still asked for"
    );
    assert_eq!(
        after.snapshot(at(50)),
        snapshot,
        "another restart would find it too"
    );
    after.set_target(&target(2), at(51));
    after.hear(&[down(2, 51)], at(54));
    assert_eq!(ticks(&mut after, 52..=90), Vec::new(), "told before the restart");

    let mut without = Watch::new(policy());
    without.keep(snapshot);
    without.begin(at(40));
    let told = ticks(&mut without, 41..=80);
    assert_eq!(told[0].items[0].telling, Telling::Withdrawn, "gone for good");
}

#[test]
fn nothing_is_told_before_every_target_is_set() {
    let left = left_by_one_that_told();

    let mut after = Watch::new(policy());
    after.keep(left.clone());
    (1..=3).for_each(|id| after.set_target(&target(id), at(40)));
    after.hear(&[down(2, 41), down(3, 41)], at(44));
    assert_eq!(ticks(&mut after, 44..=200), Vec::new(), "a slow start");
    assert_eq!(after.snapshot(at(200)), left, "a kill now loses nothing");
    after.set_target(&target(4), at(200));
    after.begin(at(200));
    let told = ticks(&mut after, 200..=230);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].items.len(), 1, "the other was told before");
    assert_eq!(told[0].items[0].slug, "t3");
}

#[test]
fn what_is_acknowledged_before_every_target_is_set_stays_so() {
    let left = left_by_one_that_told();
    let event = left.incidents[0].event.expect("an outage has its event");

    let mut after = Watch::new(policy());
    after.keep(left);
    assert!(after.acknowledge(event), "known from the start before");
    assert!(after.snapshot(at(40)).incidents[0].is_acknowledged);
    (1..=4).for_each(|id| after.set_target(&target(id), at(40)));
    after.hear(&[down(2, 41)], at(44));
    after.begin(at(45));
    ticks(&mut after, 45..=60);
    assert!(after.snapshot(at(60)).incidents[0].is_acknowledged);
    let another = EventId {
        seq: event.seq + 1,
        ..event
    };
    assert!(!after.acknowledge(another));
}

#[test]
fn what_waits_for_company_leaves_at_the_end() {
    let mut watch = watch();
    watch.hear(&[down(2, 1)], at(4));
    ticks(&mut watch, 4..=30);
    let mut row = down(2, 1);
    if let Effect::Outage(row) = &mut row {
        row.to = Some(wall(31));
    }
    watch.hear(&[row], at(31));
    let mut told = Vec::new();
    let left = watch.finish(&[], at(31), &mut told);
    assert_eq!(told[0].items[0].telling, Telling::Ended);
    assert!(left.incidents.is_empty());
}

#[test]
fn a_target_that_moved_to_another_series_keeps_its_place_in_the_order() {
    let mut watch = Watch::new(policy());
    let mut gateway = target(GATEWAY);
    watch.set_target(&gateway, at(0));
    (gateway.id, gateway.behind) = (TargetId(9), None);
    watch.set_target(&gateway, at(1));
    watch.remove_target(TargetId(GATEWAY), at(1));
    for id in 2..=3 {
        let mut child = target(id);
        child.behind = Some(gateway.slug.clone());
        watch.set_target(&child, at(1));
        watch.hear(&[down(id, 2)], at(5));
    }
    watch.hear(&[down(9, 2)], at(5));
    let told = ticks(&mut watch, 5..=30);
    assert_eq!(told[0].causes[0].kind, CauseKind::Behind(TargetId(9)), "{told:?}");
}

#[test]
fn a_fault_of_this_computer_that_is_over_after_a_restart_is_told_to_be() {
    let mut policy = policy();
    policy.rules[0].kind = Kind::Local;
    let mut before = Watch::new(policy.clone());
    before.hear(&[Effect::Event(local_outage(None))], at(4));
    assert_eq!(ticks(&mut before, 4..=30).len(), 1);
    let over = Effect::Event(local_outage(Some(wall(31))));
    let left = before.finish(&[over], at(31), &mut Vec::new());

    let mut well = Watch::new(policy.clone());
    well.keep(left.clone());
    well.begin(at(40));
    let told = ticks(&mut well, 40..=90);
    assert_eq!(told[0].items[0].telling, Telling::Ended, "{told:?}");

    let mut still = Watch::new(policy);
    still.keep(left);
    still.begin(at(40));
    still.hear(&[Effect::Event(local_outage(None))], at(42));
    assert_eq!(ticks(&mut still, 42..=90), Vec::new());
}

fn local_outage(until: Option<WallTime>) -> Event {
    Event {
        id: EventId {
            run: RunId(1),
            seq: 77,
        },
        kind: EventKind::LocalOutage,
        severity: crate::event::Severity::Warning,
        target: None,
        at: wall(1),
        until,
        count: 1,
        excess: None,
        message: String::new(),
    }
}
