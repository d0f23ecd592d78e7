//! Runs a scenario with the real engine and the real monitor, in one thread, over simulated time.
//!
//! The clock moves only inside `Wire::receive`; the runner holds it at its own appointments (a tick every
//! second, what people do) and looks at everything that comes out.

mod engine;
mod judge;
mod log;
mod mails;
mod rig;
pub(crate) mod swarm;

use std::path::{Path, PathBuf};
use std::time::Duration;

use linewatch_core::limits;
use linewatch_core::port::Clock;
use linewatch_core::time::{MonoTime, WallTime};
use linewatch_sim::clock::SimClock;
use linewatch_sim::network::SimNetwork;
use linewatch_sim::scenario::{ActKind, Scenario};

use rig::Rig;

/// The calendar at the beginning of every story: 2026-11-21T00:00:00Z.
const BEGIN: WallTime = WallTime::from_nanos(1_795_219_200_000_000_000);
/// Turns without a step of the clock after which a story is stuck. A burst of a thousand targets needs far fewer.
const TURNS_AT_ONE_MOMENT: u32 = 10_000;
/// How long a stopped engine may take for what is in flight.
const GRACE: Duration = Duration::from_secs(40);

/// Where the stories are.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios")
}

/// Runs the story of this name and complains about everything that is not as it must be.
#[track_caller]
pub(crate) fn check(name: &str) {
    let path = folder().join(format!("{name}.scn"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    check_text(&text);
}

/// As [`check`], with the story itself.
#[track_caller]
pub(crate) fn check_text(text: &str) {
    let complaints = complaints(text);
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// What is not as it must be.
pub(crate) fn complaints(text: &str) -> Vec<String> {
    let story = Scenario::parse(text).unwrap_or_else(|error| panic!("{error}"));
    let mut run = Run::new(story);
    run.play();
    judge::judge(&run)
}

/// One story as it is played.
pub(crate) struct Run {
    story: Scenario,
    clock: SimClock,
    network: SimNetwork,
    rigs: Vec<Rig>,
    /// Earlier starts of the program: what they found.
    past: Vec<log::Log>,
}

impl Run {
    fn new(story: Scenario) -> Self {
        let clock = SimClock::new(BEGIN, story.clock.clone());
        let network = story.network(true);
        let rigs = (0..story.engines as u64)
            .map(|number| Rig::start(&network, &clock, number, &story.policy))
            .collect();
        Self {
            story,
            clock,
            network,
            rigs,
            past: Vec::new(),
        }
    }

    fn play(&mut self) {
        let end = MonoTime::ZERO.plus(self.story.length);
        let acts = self.story.acts.clone();
        let mut acts = acts.iter().peekable();
        let mut tick_at = MonoTime::ZERO;
        loop {
            let now = self.clock.mono();
            while let Some(act) = acts.next_if(|act| act.at <= now) {
                self.act(act.kind);
            }
            if now >= tick_at {
                self.rigs.iter_mut().for_each(|rig| rig.tick());
                tick_at = now.plus(limits::EVALUATE_EVERY);
            }
            self.rigs.iter_mut().for_each(Rig::look);
            if now >= end {
                break;
            }
            let act_at = acts.peek().map_or(MonoTime::MAX, |act| act.at);
            let due_at = self.rigs.iter().filter_map(Rig::due_at).min();
            self.run_until(end.min(tick_at).min(act_at).min(due_at.unwrap_or(end)));
        }
        self.stop();
    }

    fn run_until(&mut self, at: MonoTime) {
        self.network.hold_at(at);
        let mut turns = 0;
        while self.clock.mono() < at {
            let before = self.clock.mono();
            self.rigs.iter_mut().for_each(Rig::turn);
            turns = if self.clock.mono() > before { 0 } else { turns + 1 };
            assert!(turns < TURNS_AT_ONE_MOMENT, "the story is stuck at {before:?}");
        }
    }

    fn act(&mut self, kind: ActKind) {
        if kind == ActKind::Restart {
            let targets = self.rigs.first().map_or(Vec::new(), Rig::targets);
            self.stop();
            let number = self.past.len() as u64;
            let mut rig = Rig::start(&self.network, &self.clock, number, &self.story.policy);
            targets.iter().for_each(|target| rig.add(target));
            if let Some(before) = self.past.last() {
                rig.keep(before.left.clone());
            }
            self.rigs = vec![rig];
            return;
        }
        for rig in &mut self.rigs {
            rig.act(&self.story, kind);
        }
    }

    /// Stops every program in order and keeps what it found.
    fn stop(&mut self) {
        let latest = self.clock.mono().plus(GRACE);
        for rig in &mut self.rigs {
            rig.stop_sending();
        }
        while self.rigs.iter().any(|rig| !rig.is_settled()) && self.clock.mono() < latest {
            let next = self.clock.mono().plus(limits::EVALUATE_EVERY).min(latest);
            self.run_until(next);
        }
        self.past.extend(self.rigs.drain(..).map(Rig::finish));
    }
}
