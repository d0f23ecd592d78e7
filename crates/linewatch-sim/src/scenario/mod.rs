//! Tells a story: who is watched, what the network does to them, and what must be found.
//!
//! Made by [`Scenario::parse`] from the language of `tests/scenarios/README.md`; turned into a network by
//! [`Scenario::network`]. Instants are the story's, from 0; a restart does not begin them anew.
//! Not here: running it (the tests and `linewatch demo` do) and judging it ([`crate::oracle`]).

mod alerts;
mod directives;
mod expects;
mod words;

use std::collections::HashMap;
use std::time::Duration;

use linewatch_core::alert::Policy;
use linewatch_core::record::Class;
use linewatch_core::target::{Address, Host, ProbePlan, Target, TargetId};
use linewatch_core::time::MonoTime;

use crate::clock::ClockScript;
use crate::network::{NetScript, SimNetwork};
use crate::path::Spell;

pub use expects::{CountName, Expect, ExpectKind, Range};

/// The story of `linewatch demo` when none is given: it never ends and needs no simulated clock.
pub const DEMO: &str = include_str!("../../../../tests/scenarios/demo.scn");

/// A whole story.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Seed of the network's dice.
    pub seed: u64,
    /// Which stamps the simulated kernel puts on packets.
    pub class: Class,
    /// How many engines watch the same targets over the same network.
    pub engines: usize,
    /// How long it runs.
    pub length: Duration,
    /// Everybody who is watched at some time; ids count from 1.
    pub targets: Vec<Target>,
    /// What the network does, in the order of the script.
    pub spells: Vec<(Whose, Spell)>,
    /// What the clocks do.
    pub clock: ClockScript,
    /// What people do, in the order of time. Targets that are there from the start are added at 0.
    pub acts: Vec<Act>,
    /// What is told, and how; without rules nothing is.
    pub policy: Policy,
    /// What must be found.
    pub expects: Vec<Expect>,
}

/// Whom a spell concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Every address, also those nobody named.
    All,
    /// The address of this target.
    One(TargetId),
}

/// Something a person does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Act {
    /// When.
    pub at: MonoTime,
    /// What.
    pub kind: ActKind,
}

/// See [`Act`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActKind {
    /// A target is added.
    Add(TargetId),
    /// It is removed; its history stays.
    Remove(TargetId),
    /// It is stopped.
    Pause(TargetId),
    /// It is started again.
    Resume(TargetId),
    /// It is probed otherwise.
    Plan(TargetId, ProbePlan),
    /// Its name turns out to have no address: it cannot be probed.
    Unresolved(TargetId),
    /// The program is stopped in order and started again.
    Restart,
}

/// Why a scenario cannot be read. Names the line and the word.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("scenario line {line}: {word:?}: {problem}")]
pub struct ScenarioError {
    /// Counted from 1.
    pub line: u32,
    /// The word that does not fit; empty where one is missing.
    pub word: String,
    /// What is wrong with it, and what would be right.
    pub problem: String,
}

impl Scenario {
    /// Reads a story.
    ///
    /// # Errors
    ///
    /// The first line that cannot be understood, with the word in it.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        directives::parse(text)
    }

    /// The network of this story. A recording one keeps the truth about every probe, for [`crate::oracle`].
    pub fn network(&self, is_recording: bool) -> SimNetwork {
        let mut lines: HashMap<Address, Vec<Spell>> = HashMap::new();
        for target in &self.targets {
            let Some(address) = address_of(target) else {
                continue;
            };
            let concerns = |whose: Whose| match whose {
                Whose::All => true,
                // Two targets of one address share its line, whichever of them the script names.
                Whose::One(id) => self.target(id).and_then(address_of) == Some(address),
            };
            lines.entry(address).or_insert_with(|| {
                let spells = self.spells.iter().filter(|(whose, _)| concerns(*whose));
                spells.map(|(_, spell)| spell.clone()).collect()
            });
        }
        let others = self.spells.iter().filter(|(whose, _)| *whose == Whose::All);
        let others = others.map(|(_, spell)| spell.clone()).collect();
        SimNetwork::new(NetScript {
            seed: self.seed,
            class: self.class,
            lines,
            others,
            is_recording,
        })
    }

    /// The target with this id.
    pub fn target(&self, id: TargetId) -> Option<&Target> {
        self.targets.get((id.0 as usize).checked_sub(1)?)
    }

    /// The targets that are watched from the beginning.
    pub fn first_targets(&self) -> Vec<Target> {
        let added = self.acts.iter().filter(|act| act.at == MonoTime::ZERO);
        let ids = added.filter_map(|act| {
            if let ActKind::Add(id) = act.kind {
                Some(id)
            } else {
                None
            }
        });
        ids.filter_map(|id| self.target(id)).cloned().collect()
    }

    /// The first thing in this story that only simulated clocks and a scripted hand can do, for people who
    /// would run it in real time; `None` if it can be run so.
    pub fn needs_simulated_time(&self) -> Option<&'static str> {
        let clock = &self.clock;
        let is_scripted = |act: &Act| act.at > MonoTime::ZERO;
        [
            (!clock.steps.is_empty(), "a clock step"),
            (!clock.sleeps.is_empty(), "a suspension"),
            (!clock.stalls.is_empty(), "a stall"),
            (
                self.acts.iter().any(is_scripted),
                "an act by hand (add, remove, pause, resume, plan, unresolved, restart)",
            ),
            (self.engines > 1, "a second engine"),
        ]
        .into_iter()
        .find_map(|(is_there, what)| is_there.then_some(what))
    }
}

/// Where a scenario's target is: scenarios name addresses only, never names to resolve.
pub fn address_of(target: &Target) -> Option<Address> {
    match &target.host {
        Host::Literal { ip, .. } => Some(Address::from(*ip)),
        Host::Name(_) => None,
    }
}

#[cfg(test)]
mod tests;
