//! Two simulated hours with a minute of memory: totals and outages of the session are those of every single probe.
//!
//! The real engine measures a simulated network; the session is the one of `record`. The truth is recounted here from the
//! records, second by second, without any of the session's code.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use linewatch_core::limits;
use linewatch_core::packet::cookie::CookieKey;
use linewatch_core::port::Clock as _;
use linewatch_core::record::RecordBatch;
use linewatch_core::target::EgressIndex;
use linewatch_core::time::{MonoTime, WallTime};
use linewatch_probe::shard::{Command, EngineTarget, Shard};
use linewatch_render::session::{Facts, Session};
use linewatch_sim::clock::SimClock;
use linewatch_sim::scenario::{Scenario, address_of};
use linewatch_sim::wire::SimWire;

/// The first outage is forgotten by the memory a hundred minutes before the end.
const STORY: &str = "
target gw 192.0.2.1 icmp every 20ms timeout 200ms
net    rtt 20ms +-4ms bell loss 0.1%
at 10m       net down for 5s
at 1h        net down for 30s
at 119m      net down for 3s
run    2h
";
/// 2025-11-21T00:00:00.3Z: not on a second, as in life.
const BEGIN: WallTime = WallTime::from_nanos(1_763_683_200_300_000_000);

/// What one second came to: finished probes and failures among them.
type Seconds = BTreeMap<i64, (u64, u64)>;

/// Runs the story; gives the session at its end, the truth, and every file's text put together.
fn play() -> (Session, Seconds, [String; 2]) {
    let story = Scenario::parse(STORY).unwrap_or_else(|error| panic!("{error}"));
    let (network, clock) = (story.network(false), SimClock::new(BEGIN, story.clock.clone()));
    let target = story.first_targets().pop().expect("one target");
    let wire = SimWire::open(&network, clock.clone());
    let mut shard = Shard::new(wire, clock.clone(), CookieKey::new([7; 16]), 7);
    shard.apply(Command::Set(EngineTarget {
        id: target.id,
        address: address_of(&target).expect("a literal"),
        method: target.method,
        plan: target.plan,
        allow_high_rate: false,
        egress: EgressIndex::default(),
        slots: None,
    }));
    let facts = Facts {
        target: "gw".to_owned(),
        host: "192.0.2.1".to_owned(),
        port: None,
        protocol: "ICMP".to_owned(),
        interval: target.plan.interval,
        timeout: target.plan.timeout,
        has_log: false,
        has_csv: false,
        loss_threshold: 0.3,
        max_seconds: 60,
        zone: TimeZone::UTC,
        started: BEGIN,
    };
    let mut session = Session::new(facts, clock.anchor());
    let mut truth = Seconds::new();
    let mut seconds = String::new();
    let end = MonoTime::ZERO.plus(story.length);
    let mut fold = |session: &mut Session, batches: Vec<RecordBatch>| {
        for batch in batches {
            session.hear(&batch);
            for record in &batch.records {
                session.add(record, batch.anchor);
                let at = batch.anchor.wall_at(record.sent_at).as_nanos();
                let second = truth.entry(at.div_euclid(1_000_000_000)).or_default();
                second.0 += u64::from(record.outcome.is_answer() || record.outcome.is_failure());
                second.1 += u64::from(record.outcome.is_failure());
            }
        }
    };
    let mut is_stopped = false;
    while !(is_stopped && shard.is_settled()) {
        if clock.mono() >= end && !is_stopped {
            shard.stop_sending();
            is_stopped = true;
        }
        let next = clock.mono().plus(limits::EVALUATE_EVERY);
        network.hold_at(next);
        while clock.mono() < next {
            let mut batches = Vec::new();
            shard.turn(&mut |batch| {
                batches.push(batch);
                None
            });
            fold(&mut session, batches);
        }
        session.close(clock.anchor());
        assert!(session.kept().len() <= 60, "a minute of memory");
        if next.as_nanos() / 1_000_000_000 % 10 == 0 {
            seconds.push_str(&session.pages(clock.anchor(), false).seconds);
        }
    }
    let mut batches = Vec::new();
    shard.finish(&mut |batch| {
        batches.push(batch);
        None
    });
    fold(&mut session, batches);
    session.close_all();
    let pages = session.pages(clock.anchor(), true);
    seconds.push_str(&pages.seconds);
    (session, truth, [seconds, pages.packetloss])
}

/// Runs of neighbouring seconds with more than 30 % loss: first second, number of seconds, finished, failed.
fn outages_of(truth: &Seconds) -> Vec<(i64, i64, u64, u64)> {
    let mut outages: Vec<(i64, i64, u64, u64)> = Vec::new();
    for (second, (finished, failed)) in truth {
        if *failed * 10 <= *finished * 3 {
            continue;
        }
        match outages.last_mut() {
            Some(last) if last.0 + last.1 == *second => {
                *last = (last.0, last.1 + 1, last.2 + finished, last.3 + failed);
            }
            _ => outages.push((*second, 1, *finished, *failed)),
        }
    }
    outages
}

#[test]
fn two_hours_with_a_minute_of_memory_forget_nothing() {
    let (session, truth, [seconds, packetloss]) = play();
    let (finished, failed) = truth
        .values()
        .fold((0, 0), |sum, second| (sum.0 + second.0, sum.1 + second.1));
    let counts = session.counts();
    assert_eq!((counts.loss().finished, counts.loss().failed), (finished, failed));
    assert!((359_900..=360_100).contains(&finished), "{finished} probes");
    let expected = outages_of(&truth);
    let found: Vec<_> = session
        .outages()
        .iter()
        .map(|outage| {
            let second = outage.from.as_nanos() / 1_000_000_000;
            let loss = outage.loss();
            (second, outage.seconds() as i64, loss.finished, loss.failed)
        })
        .collect();
    assert_eq!(found, expected);
    assert_eq!(expected.len(), 3, "{expected:?}");
    assert!(
        packetloss.starts_with("Packet loss outages - 3 outages\n"),
        "{packetloss}"
    );
    assert!(
        packetloss.contains("Outage #1:\n  From: 2025-11-21 00:10:0"),
        "{packetloss}"
    );
    assert_eq!(
        seconds.lines().count(),
        truth.len(),
        "every second is in the file"
    );
    let sent: u64 = seconds
        .lines()
        .map(|row| row[21..34].trim().parse::<u64>().expect("a number"))
        .sum();
    assert_eq!(sent, finished, "and the rows add up");
    assert!(
        session.totals().avg().expect("answers").as_nanos() > Duration::from_millis(15).as_nanos() as u64
    );
}
