//! Stories of who is told what, each as a few lines of facts and the messages that come of them.

mod breaks;

use std::time::Duration;

use super::*;
use crate::event::{EventId, OutageRow, RunId};
use crate::outage::OpenedBy;
use crate::record::{Class, Counts, Loss, Outcome};
use crate::target::TargetId;
use crate::time::{Anchor, MonoTime, Rtt, WallTime};
use crate::view::{LastProbe, RttStats, State, TargetView, WindowView};

const DAY: i64 = 86_400_000_000_000;

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn wall(seconds: u64) -> WallTime {
    WallTime::from_nanos(20_000 * DAY).plus(s(seconds))
}

fn rule(kind: Kind, above: Option<f64>) -> Rule {
    Rule {
        key: kind.word().to_owned(),
        matcher: Matcher::default(),
        kind,
        above,
        hold: s(10),
        to: Vec::new(),
        escalation: None,
    }
}

fn policy() -> Policy {
    Policy {
        rules: vec![
            rule(Kind::Outage, None),
            rule(Kind::Latency, Some(150.0)),
            rule(Kind::Local, None),
        ],
        cooldown: s(300),
        group_wait: s(5),
        maintenance: Vec::new(),
    }
}

fn subject(id: u32, behind: Option<&str>) -> Subject {
    Subject {
        id: TargetId(id),
        slug: format!("t{id}"),
        name: format!("Target {id}"),
        address: format!("192.0.2.{id}"),
        country: String::new(),
        partner: String::new(),
        group: String::new(),
        labels: Vec::new(),
        behind: behind.map(ToOwned::to_owned),
        is_here: false,
        is_enabled: true,
        limits: Limits::default(),
    }
}

/// Alerts, and a clock that starts at second 1000 of a day.
struct Story {
    alerts: Alerts,
    second: u64,
    /// Where the monotonic clock began: another run has another one.
    mono_zero: u64,
    told: Vec<Notification>,
    outages: u64,
}

impl Story {
    fn of(targets: u32) -> Self {
        Self::with(policy(), (1..=targets).map(|id| subject(id, None)).collect())
    }

    fn with(policy: Policy, subjects: Vec<Subject>) -> Self {
        let mut story = Self {
            alerts: Alerts::new(policy),
            second: 1000,
            mono_zero: 0,
            told: Vec::new(),
            outages: 0,
        };
        for subject in subjects {
            story.alerts.set_subject(subject, story.now());
        }
        story
    }

    fn now(&self) -> Anchor {
        Anchor {
            mono: MonoTime::from_nanos((self.second - self.mono_zero) * 1_000_000_000),
            wall: wall(self.second),
        }
    }

    /// Lets the time pass, looking once a second.
    fn pass(&mut self, seconds: u64) -> &mut Self {
        for _ in 0..seconds {
            self.second += 1;
            let now = self.now();
            self.alerts.on_deadline(now, &mut self.told);
        }
        self
    }

    fn row(&self, id: u32, since: u64, to: Option<u64>) -> OutageRow {
        let length = to.unwrap_or(self.second) - since;
        OutageRow {
            id: EventId {
                run: RunId(1),
                seq: self.outages,
            },
            target: TargetId(id),
            from: wall(since),
            to: to.map(wall),
            duration_ns: length * 1_000_000_000,
            opened_by: OpenedBy::Run,
            sent: length,
            lost: length,
            uncertainty_ns: 0,
        }
    }

    /// Its first probe was lost three seconds ago.
    fn down(&mut self, id: u32) -> &mut Self {
        self.outages += 1;
        let row = self.row(id, self.second - 3, None);
        let now = self.now();
        self.alerts.on_outage(&row, now);
        self
    }

    fn up(&mut self, id: u32, since: u64) -> &mut Self {
        let row = self.row(id, since, Some(self.second));
        let now = self.now();
        self.alerts.on_outage(&row, now);
        self
    }

    fn view(&mut self, id: u32, state: State, p50_ms: Option<u64>) -> &mut Self {
        let now = self.now();
        self.alerts.on_view(&view(id, state, p50_ms, now.wall), now);
        self
    }

    /// `+` began, `-` ended, `!` escalated, `~` withdrawn; a message a word.
    fn heard(&mut self) -> Vec<String> {
        let told = std::mem::take(&mut self.told);
        told.iter().map(said).collect()
    }

    fn restarted(&self, after: u64, subjects: Vec<Subject>) -> Self {
        let snapshot = self.alerts.snapshot(self.now());
        let mut next = Self::with(self.alerts.policy.clone(), Vec::new());
        next.second = self.second + after;
        next.mono_zero = next.second;
        next.outages = 100;
        for subject in subjects {
            next.alerts.set_subject(subject, next.now());
        }
        next.alerts.restore(snapshot, next.now());
        next
    }
}

fn said(message: &Notification) -> String {
    let items = message.items.iter().map(|item| {
        let sign = match item.telling {
            Telling::Began => '+',
            Telling::Ended => '-',
            Telling::Withdrawn => '~',
            Telling::Escalated => '!',
        };
        let name = if item.slug.is_empty() { "all" } else { &item.slug };
        let seconds = item.duration_ns / 1_000_000_000;
        let outages = if item.outages > 1 {
            format!(" x{}", item.outages)
        } else {
            String::new()
        };
        format!("{sign}{name} {} {seconds}s{outages}", item.kind.word())
    });
    items.collect::<Vec<_>>().join(", ")
}

/// A view with these figures.
pub(super) fn view(id: u32, state: State, p50_ms: Option<u64>, at: WallTime) -> TargetView {
    let rtt = p50_ms.map(|ms| {
        let rtt = Rtt::from_nanos(ms * 1_000_000);
        RttStats {
            min: rtt,
            avg: rtt,
            p50: rtt,
            p95: rtt,
            p99: rtt,
            max: rtt,
            mdev: Rtt::from_nanos(0),
        }
    });
    let outcome = if p50_ms.is_some() {
        Outcome::Reply
    } else {
        Outcome::Lost
    };
    let last = LastProbe {
        seq: 1,
        at,
        outcome,
        rtt: rtt.map(|rtt| rtt.p50),
        host_rtt: None,
        class: Class::K,
    };
    TargetView {
        id: TargetId(id),
        at,
        state,
        state_since: at,
        state_reasons: Vec::new(),
        error: None,
        grade: None,
        grade_since: at,
        last: Some(last),
        last_answer: None,
        window: WindowView {
            probes: 60,
            loss: Loss::default(),
            rtt,
            ..WindowView::default()
        },
        totals: Counts::default(),
        outage: None,
        outages: 0,
        measured: Duration::ZERO,
        down: Duration::ZERO,
        concerns: Vec::new(),
        interpretations: Vec::new(),
        signs: crate::advice::Signs::default(),
    }
}

#[test]
fn an_outage_is_told_after_its_for_and_its_end_with_its_length() {
    let mut story = Story::of(2);
    story.down(1).pass(6);
    assert_eq!(story.heard(), Vec::<String>::new(), "9 s are not 10");
    // `for` at 7 s, group_wait 5 s.
    story.pass(6);
    assert_eq!(story.heard(), ["+t1 outage 15s"]);
    story.pass(18).up(1, 997).pass(5);
    assert_eq!(
        story.heard(),
        ["-t1 outage 33s"],
        "30 s after it was told, and its length is its own"
    );
    story.pass(600);
    assert_eq!(story.heard(), Vec::<String>::new());
}

#[test]
fn an_outage_shorter_than_for_is_not_told() {
    let mut story = Story::of(1);
    story.down(1).pass(5).up(1, 997).pass(600);
    assert_eq!(story.heard(), Vec::<String>::new());
}

#[test]
fn a_second_outage_waits_for_the_cooldown_and_both_recoveries_are_told() {
    let mut story = Story::of(1);
    story.down(1).pass(20).up(1, 997).pass(10);
    assert_eq!(story.heard(), ["+t1 outage 15s", "-t1 outage 23s"]);
    story.down(1).pass(100);
    assert_eq!(story.heard(), Vec::<String>::new(), "cooling");
    story.pass(200);
    let heard = story.heard();
    assert_eq!(heard.len(), 1, "told when the cooldown is over: {heard:?}");
    story.up(1, 1027).pass(10);
    assert_eq!(story.heard().len(), 1);
}

#[test]
fn fifty_behind_one_gateway_make_one_message_and_one_recovery() {
    let mut subjects: Vec<_> = (2..=51).map(|id| subject(id, Some("t1"))).collect();
    subjects.push(subject(1, None));
    subjects.push(subject(60, None));
    let mut story = Story::with(policy(), subjects);
    for id in 2..=51 {
        story.down(id);
    }
    story.pass(2).down(1).pass(30);
    let told = std::mem::take(&mut story.told);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(said(&told[0]), "+t1 outage 15s x51");
    assert_eq!(told[0].causes[0].kind, CauseKind::Behind(TargetId(1)));
    assert_eq!(
        (told[0].causes[0].targets, told[0].causes[0].names.len()),
        (50, 50)
    );
    for id in (1..=51).rev() {
        story.up(id, 997);
    }
    story.pass(30);
    assert_eq!(story.told[0].causes[0].targets, 50, "as many as were told of");
    assert_eq!(story.heard(), ["-t1 outage 37s x51"]);
}

#[test]
fn what_is_still_down_when_its_cause_is_over_is_told_by_itself() {
    let subjects = vec![
        subject(1, None),
        subject(2, Some("t1")),
        subject(3, Some("t1")),
        subject(9, None),
    ];
    let mut story = Story::with(policy(), subjects);
    story.down(1).down(2).down(3).pass(20);
    assert_eq!(story.heard(), ["+t1 outage 15s x3"]);
    story.up(1, 997).up(2, 997).pass(20);
    assert_eq!(
        story.heard(),
        ["-t1 outage 23s x3, +t3 outage 38s"].map(str::to_owned).to_vec()
    );
    story.up(3, 997).pass(10);
    assert_eq!(story.heard(), ["-t3 outage 43s"]);
}

#[test]
fn every_target_down_is_one_message_although_this_computer_answers() {
    let mut here = subject(9, None);
    here.is_here = true;
    let mut subjects: Vec<_> = (1..=4).map(|id| subject(id, None)).collect();
    subjects.push(here);
    let mut story = Story::with(policy(), subjects);
    for id in 1..=4 {
        story.down(id);
    }
    story.pass(20);
    assert_eq!(story.told[0].causes[0].kind, CauseKind::EveryTarget);
    assert_eq!(story.heard(), ["+all outage 15s x4"]);
    for id in 1..=4 {
        story.up(id, 997);
    }
    story.pass(10);
    assert_eq!(story.heard(), ["-all outage 23s x4"]);
}

#[test]
fn flapping_for_ten_minutes_is_one_alert_and_a_digest() {
    let mut story = Story::of(2);
    for _ in 0..100 {
        let since = story.second - 3;
        story.down(1).pass(3).up(1, since).pass(3);
    }
    story.pass(600);
    let heard = story.heard();
    assert_eq!(heard.len(), 2, "{heard:?}");
    assert!(heard[0].starts_with("+t1 flapping"), "{heard:?}");
    assert_eq!(heard[1], "-t1 flapping 600s x100");
}

#[test]
fn a_long_outage_after_flapping_is_told() {
    let mut story = Story::of(2);
    for _ in 0..4 {
        let since = story.second - 3;
        story.down(1).pass(3).up(1, since).pass(3);
    }
    story.pass(10).heard();
    story.down(1).pass(400);
    let heard = story.heard().join(" / ");
    assert!(
        heard.contains("-t1 flapping") && heard.contains("+t1 outage"),
        "{heard}"
    );
}

#[test]
fn high_latency_is_told_after_its_for_and_its_end_after_six_good_seconds() {
    let mut story = Story::of(1);
    for _ in 0..16 {
        story.view(1, State::Bad, Some(200)).pass(1);
    }
    assert_eq!(story.told[0].items[0].value, Some(200.0));
    assert_eq!(story.heard(), ["+t1 latency 15s"]);
    story.view(1, State::Bad, None).pass(60);
    assert_eq!(story.heard(), Vec::<String>::new(), "no figure is no recovery");
    story
        .view(1, State::Ok, Some(20))
        .pass(3)
        .view(1, State::Bad, Some(180))
        .pass(20);
    assert_eq!(story.heard(), Vec::<String>::new(), "three good seconds are none");
    story.view(1, State::Ok, Some(20)).pass(12);
    assert_eq!(story.heard().len(), 1);
}

#[test]
fn after_many_messages_in_an_hour_they_become_digests_and_nothing_is_missing() {
    let mut policy = policy();
    policy.cooldown = s(1);
    let mut story = Story::with(policy, (1..=2).map(|id| subject(id, None)).collect());
    let mut outages = 0;
    while story.second < 1000 + 3500 {
        let since = story.second - 3;
        outages += 1;
        // 80 s apart: no flapping.
        story.down(1).pass(30).up(1, since).pass(51);
    }
    story.pass(700);
    let told = std::mem::take(&mut story.told);
    let items: usize = told.iter().map(|message| message.items.len()).sum();
    assert_eq!(items, 2 * outages, "each begin and each end");
    assert!(
        told.len() <= crate::limits::ALERTS_PER_HOUR + 8,
        "{} messages",
        told.len()
    );
}
