//! Plays short stories to a monitor: what became of each probe, told as an engine tells it.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::*;
use crate::errno;
use crate::record::{Cause, Class, Outcome, ProbeRecord, Progress, Stray, StrayKind};
use crate::target::{Host, ProbePlan};
use crate::time::Rtt;
use crate::view::State;

mod bugs;
mod episodes;
mod events;
mod laws;

const MS: u64 = 1_000_000;
/// 2026-11-21T02:03:04Z, the calendar at the monotonic origin.
const EPOCH: WallTime = WallTime::from_nanos(1_795_226_584_000_000_000);

/// What becomes of a probe; times in milliseconds after its slot.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Reply(u64),
    Refused(u64),
    Unreachable(u64),
    Lost,
    /// Lost, and a reply comes after this time all the same.
    Late(u64),
    Unsent(i32),
    Unmeasured,
}

/// One target whose probes' fates are known, and how far its story has been told.
struct Line {
    target: Target,
    fates: Vec<Fate>,
    /// Added at this moment of the run: the slot of probe 0.
    begins_ms: u64,
    told_until_ms: u64,
}

impl Line {
    fn new(id: u32, interval_ms: u64, timeout_ms: u64, fates: Vec<Fate>) -> Self {
        let plan = ProbePlan {
            interval: Duration::from_millis(interval_ms),
            timeout: Duration::from_millis(timeout_ms),
            ..ProbePlan::default()
        };
        Self {
            target: target(id, plan),
            fates,
            begins_ms: 0,
            told_until_ms: 0,
        }
    }

    fn interval_ms(&self) -> u64 {
        self.target.plan.interval.as_millis() as u64
    }

    fn slot_ms(&self, seq: usize) -> u64 {
        self.begins_ms + seq as u64 * self.interval_ms()
    }

    /// When the fate of probe `seq` is known.
    fn decided_ms(&self, seq: usize) -> u64 {
        let timeout_ms = self.target.plan.timeout.as_millis() as u64;
        self.slot_ms(seq)
            + match self.fates[seq] {
                Fate::Reply(after) | Fate::Refused(after) | Fate::Unreachable(after) => after,
                Fate::Lost | Fate::Late(_) => timeout_ms,
                Fate::Unsent(_) | Fate::Unmeasured => 0,
            }
    }

    fn record(&self, seq: usize) -> ProbeRecord {
        let at = ms(self.slot_ms(seq));
        let (outcome, rtt_ms, cause) = match self.fates[seq] {
            Fate::Reply(after) => (Outcome::Reply, Some(after), Cause::None),
            Fate::Refused(after) => (Outcome::Refused, Some(after), Cause::None),
            Fate::Unreachable(_) => (
                Outcome::Unreachable,
                None,
                Cause::Icmp {
                    kind: 3,
                    code: 1,
                    is_v6: false,
                },
            ),
            Fate::Lost | Fate::Late(_) => (Outcome::Lost, None, Cause::None),
            Fate::Unsent(number) => (Outcome::Unsent, None, Cause::Errno(number)),
            Fate::Unmeasured => (Outcome::Unmeasured, None, Cause::Gap(GapKind::RxOverflow)),
        };
        let rtt = rtt_ms.map(|millis| Rtt::from_nanos(millis * MS));
        ProbeRecord {
            target: self.target.id,
            seq: seq as u64,
            due_at: at,
            sent_at: at,
            outcome,
            rtt,
            host_rtt: rtt,
            class: Class::K,
            cause,
            is_reordered: false,
        }
    }

    /// Adds what happened to this line up to `until_ms` to the batch.
    fn tell(&mut self, until_ms: u64, batch: &mut RecordBatch) {
        let is_new = |at: u64| at <= until_ms && (at > self.told_until_ms || self.told_until_ms == 0);
        let scheduled = (0..self.fates.len())
            .filter(|&seq| self.slot_ms(seq) <= until_ms)
            .count();
        let mut decided: Vec<_> = (0..scheduled)
            .filter(|&seq| is_new(self.decided_ms(seq)))
            .collect();
        decided.sort_by_key(|&seq| self.decided_ms(seq));
        batch
            .records
            .extend(decided.into_iter().map(|seq| self.record(seq)));
        for seq in 0..scheduled {
            if let Fate::Late(after) = self.fates[seq]
                && is_new(self.slot_ms(seq) + after)
            {
                let (target, sent_at) = (self.target.id, ms(self.slot_ms(seq)));
                let delay = Some(Rtt::from_nanos(after * MS));
                batch.strays.push(Stray {
                    target,
                    seq: seq as u64,
                    kind: StrayKind::Late,
                    sent_at,
                    delay,
                });
            }
        }
        let in_flight = (0..scheduled)
            .filter(|&seq| self.decided_ms(seq) > until_ms)
            .count() as u64;
        batch.progress.push(Progress {
            target: self.target.id,
            scheduled: scheduled as u64,
            in_flight,
        });
        self.told_until_ms = until_ms;
    }
}

fn ms(millis: u64) -> MonoTime {
    MonoTime::from_nanos(millis * MS)
}

fn anchor(millis: u64) -> Anchor {
    Anchor {
        mono: ms(millis),
        wall: EPOCH.plus(Duration::from_millis(millis)),
    }
}

/// Milliseconds of the story at which this calendar moment is.
fn story_ms(wall: WallTime) -> i64 {
    wall.nanos_after(EPOCH) / MS as i64
}

fn target(id: u32, plan: ProbePlan) -> Target {
    Target {
        slug: format!("t{id}"),
        name: format!("Target {id}"),
        plan,
        ..Target::plain(
            TargetId(id),
            Host::Literal {
                ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
                zone: None,
            },
        )
    }
}

/// A monitor with its lines, and everything it wanted done.
struct Story {
    monitor: Monitor,
    lines: Vec<Line>,
    effects: Vec<Effect>,
    now_ms: u64,
}

impl Story {
    fn new(lines: Vec<Line>) -> Self {
        let mut monitor = Monitor::new(RunId(7), anchor(0));
        let mut effects = Vec::new();
        for line in &lines {
            monitor.set_target(&line.target, ms(line.begins_ms), &mut effects);
        }
        Self {
            monitor,
            lines,
            effects,
            now_ms: 0,
        }
    }

    /// Tells everything up to `until_ms` in batches of 20 ms and a tick every second.
    fn play(&mut self, until_ms: u64) {
        self.play_watched(until_ms, |_, _| {});
    }

    fn play_watched(&mut self, until_ms: u64, mut look: impl FnMut(&Monitor, u64)) {
        while self.now_ms < until_ms {
            self.now_ms += 20;
            let mut batch = RecordBatch::new(anchor(self.now_ms));
            self.lines
                .iter_mut()
                .for_each(|line| line.tell(self.now_ms, &mut batch));
            self.monitor.ingest(&batch, &mut self.effects);
            if self.now_ms.is_multiple_of(1000) {
                self.monitor.tick(anchor(self.now_ms), &mut self.effects);
            }
            look(&self.monitor, self.now_ms);
        }
    }

    fn view(&self, id: u32) -> TargetView {
        self.monitor.view(TargetId(id)).expect("the target is known")
    }

    /// Every event as it was last told, in order of its number; without the [`Story::episodes`].
    fn events(&self) -> Vec<Event> {
        let mut events = self.all_events();
        events.retain(|event| !event.kind.is_episode());
        events
    }

    /// The events about runs of lost probes, slow answers and jitter.
    fn episodes(&self) -> Vec<Event> {
        let mut events = self.all_events();
        events.retain(|event| event.kind.is_episode());
        events
    }

    fn all_events(&self) -> Vec<Event> {
        let mut events: Vec<Event> = Vec::new();
        for effect in &self.effects {
            let Effect::Event(event) = effect else { continue };
            match events.iter_mut().find(|known| known.id == event.id) {
                Some(known) => known.clone_from(event),
                None => events.push(event.clone()),
            }
        }
        events
    }
}

/// A story of one target (id 1) told until its last probe is decided.
fn told(interval_ms: u64, timeout_ms: u64, fates: Vec<Fate>) -> Story {
    let end_ms = fates.len() as u64 * interval_ms + timeout_ms;
    let mut story = Story::new(vec![Line::new(1, interval_ms, timeout_ms, fates)]);
    story.play(end_ms.next_multiple_of(1000));
    story
}

/// `.` a reply after 10 ms, `x` lost, `-` unsent for want of a route.
fn fates(script: &str) -> Vec<Fate> {
    script
        .chars()
        .map(|picture| match picture {
            '.' => Fate::Reply(10),
            'x' => Fate::Lost,
            '-' => Fate::Unsent(errno::ENETUNREACH),
            other => panic!("no fate looks like {other}"),
        })
        .collect()
}
