//! What the rules cost at the largest number of targets: `cargo test --release -p linewatch alerting::cost -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use linewatch_core::alert::{Kind, Matcher, Notification, Policy, Rule, Watch};
use linewatch_core::event::{EventId, OutageRow, RunId};
use linewatch_core::monitor::Effect;
use linewatch_core::outage::OpenedBy;
use linewatch_core::record::{Class, Counts, Loss, Outcome};
use linewatch_core::target::{Host, Target, TargetId};
use linewatch_core::time::{Anchor, MonoTime, Rtt, WallTime};
use linewatch_core::view::{LastProbe, RttStats, State, TargetView, WindowView};

use crate::notify::shape;

const TARGETS: u32 = 100_000;

fn at(second: u64) -> Anchor {
    Anchor {
        mono: MonoTime::from_nanos(second * 1_000_000_000),
        wall: WallTime::from_nanos(1_795_219_200_000_000_000).plus(Duration::from_secs(second)),
    }
}

fn policy() -> Policy {
    let kinds = [Kind::Outage, Kind::Latency, Kind::Loss, Kind::Jitter, Kind::Stale];
    let rules = kinds.map(|kind| Rule {
        key: kind.word().to_owned(),
        matcher: Matcher::default(),
        kind,
        above: None,
        hold: Duration::from_secs(10),
        to: Vec::new(),
        escalation: None,
    });
    Policy {
        rules: rules.to_vec(),
        cooldown: Duration::from_secs(300),
        group_wait: Duration::from_secs(5),
        maintenance: Vec::new(),
    }
}

fn target(id: u32) -> Target {
    let [_, a, b, c] = id.to_be_bytes();
    Target {
        slug: format!("t{id}"),
        name: format!("Target {id}"),
        ..Target::plain(
            TargetId(id),
            Host::Literal {
                ip: std::net::IpAddr::from([10, a, b, c]),
                zone: None,
            },
        )
    }
}

fn views(second: u64, state: State, rtt_ms: u64) -> Vec<Effect> {
    let rtt = Rtt::from_nanos(rtt_ms * 1_000_000);
    let now = at(second).wall;
    let last = LastProbe {
        seq: second,
        at: now,
        outcome: Outcome::Reply,
        rtt: Some(rtt),
        host_rtt: None,
        class: Class::K,
    };
    let of = |id| TargetView {
        id: TargetId(id),
        at: now,
        state,
        state_since: now,
        state_reasons: Vec::new(),
        error: None,
        grade: None,
        grade_since: now,
        last: Some(last),
        last_answer: Some(last),
        window: WindowView {
            probes: 60,
            loss: Loss::default(),
            rtt: Some(RttStats {
                min: rtt,
                avg: rtt,
                p50: rtt,
                p95: rtt,
                p99: rtt,
                max: rtt,
                mdev: Rtt::from_nanos(0),
            }),
            ..WindowView::default()
        },
        totals: Counts::default(),
        outage: None,
        outages: 0,
        measured: Duration::ZERO,
        down: Duration::ZERO,
        concerns: Vec::new(),
        interpretations: Vec::new(),
        signs: linewatch_core::advice::Signs::default(),
    };
    vec![Effect::Views((1..=TARGETS).map(of).collect())]
}

fn outages(since: u64, to: Option<u64>, ids: impl Iterator<Item = u32>) -> Vec<Effect> {
    let of = |id| {
        Effect::Outage(OutageRow {
            id: EventId {
                run: RunId(1),
                seq: u64::from(id),
            },
            target: TargetId(id),
            from: at(since).wall,
            to: to.map(|to| at(to).wall),
            duration_ns: (to.unwrap_or(since + 3) - since) * 1_000_000_000,
            opened_by: OpenedBy::Run,
            sent: 3,
            lost: 3,
            uncertainty_ns: 0,
        })
    };
    ids.map(of).collect()
}

/// Prints how long it took.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measurement, run by hand"
)]
fn measured<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    let result = work();
    println!("{what:<58} {:>9.2} ms", begin.elapsed().as_secs_f64() * 1e3);
    result
}

fn ticks(watch: &mut Watch, seconds: std::ops::RangeInclusive<u64>) -> Vec<Notification> {
    let mut told = Vec::new();
    seconds.for_each(|second| watch.tick(at(second), &mut told));
    told
}

#[test]
#[ignore = "a measurement of 100,000 targets, run by hand"]
fn of_a_hundred_thousand_targets() {
    let mut watch = Watch::new(policy());
    watch.set_next_hops(vec![std::net::IpAddr::from([10, 0, 0, 1])]);
    measured("100,000 targets set", || {
        (1..=TARGETS).for_each(|id| watch.set_target(&target(id), at(0)));
    });
    let well = views(1, State::Ok, 10);
    measured("their views, all well, nothing open", || watch.hear(&well, at(1)));
    measured("a tick with nothing open", || ticks(&mut watch, 1..=1));
    watch.hear(&outages(2, None, 7..=7), at(5));
    measured("their views, all well, one outage open", || {
        watch.hear(&well, at(6))
    });
    measured("a tick with one outage open", || ticks(&mut watch, 7..=7));
    ticks(&mut watch, 8..=60);

    let down = outages(60, None, 1..=TARGETS);
    measured("100,000 outages begin", || watch.hear(&down, at(63)));
    measured("a tick while they wait for their `for`", || {
        ticks(&mut watch, 64..=64)
    });
    ticks(&mut watch, 65..=72);
    let told = measured("the tick that becomes ready, and the one that tells", || {
        ticks(&mut watch, 73..=80)
    });
    assert_eq!(told.len(), 1, "one message of one cause");
    measured("a tick while they last", || ticks(&mut watch, 81..=81));
    let snapshot = measured("the snapshot", || watch.snapshot(at(82)));
    let text = measured("the snapshot as JSON", || shape::write_snapshot(&snapshot));
    measured(&format!("reading it ({:.1} MB)", text.len() as f64 / 1e6), || {
        shape::read_snapshot(&text)
    })
    .expect("read");

    let mut next = Watch::new(policy());
    (1..=TARGETS).for_each(|id| next.set_target(&target(id), at(100)));
    measured("a restart takes them up", || {
        next.keep(snapshot);
        next.begin(at(100));
    });
    measured("the first views after the restart, all unsure", || {
        next.hear(&well, at(101))
    });

    let up = outages(60, Some(120), 1..=TARGETS);
    measured("100,000 outages end", || watch.hear(&up, at(123)));
    let told = measured("ten ticks that tell of the end", || ticks(&mut watch, 124..=133));
    assert_eq!(told.len(), 1);

    let slow = views(140, State::Bad, 400);
    measured("their views, all too slow", || watch.hear(&slow, at(140)));
    measured("their views, all too slow still", || watch.hear(&slow, at(141)));
    measured("a tick with 100,000 slow", || ticks(&mut watch, 142..=142));
    measured("twenty ticks in which all are told", || {
        ticks(&mut watch, 143..=162)
    });
    measured("their views, all well again", || watch.hear(&well, at(163)));
    measured("ten ticks in which all end", || ticks(&mut watch, 164..=173));
    let mut last = Vec::new();
    watch.hear(&outages(180, None, 1..=TARGETS), at(183));
    let breaks: Vec<Effect> = (1..=TARGETS).map(|id| Effect::Break(TargetId(id))).collect();
    measured("an end of the run with all of them down", || {
        watch.finish(&breaks, at(184), &mut last)
    });
}
