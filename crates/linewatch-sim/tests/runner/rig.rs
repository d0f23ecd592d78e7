//! One start of the program: an engine, a monitor, and a log of everything that came out of them.

use linewatch_core::alert::{Notification, Policy, Snapshot, Watch};
use linewatch_core::event::RunId;
use linewatch_core::monitor::{Effect, Monitor};
use linewatch_core::port::Clock;
use linewatch_core::record::RecordBatch;
use linewatch_core::target::{Target, TargetId};
use linewatch_core::time::MonoTime;
use linewatch_core::view::TargetError;
use linewatch_sim::clock::SimClock;
use linewatch_sim::network::SimNetwork;
use linewatch_sim::scenario::{ActKind, Scenario};
use linewatch_sim::wire::SimWire;

use super::engine::Engine;
use super::log::Log;
use super::mails;

/// See the module.
pub(crate) struct Rig {
    engine: Engine,
    monitor: Monitor,
    /// Beside the monitor, as in the program's spine.
    watch: Watch,
    clock: SimClock,
    log: Log,
    /// Who is watched, as set last.
    targets: Vec<Target>,
    /// Removed from the engine. The monitor forgets them a second later, when their last records are in.
    leaving: Vec<TargetId>,
    left: Vec<TargetId>,
    batches: Vec<RecordBatch>,
}

impl Rig {
    /// Starts the program; `number` makes its keys and its phases differ from those of others.
    pub(crate) fn start(network: &SimNetwork, clock: &SimClock, number: u64, policy: &Policy) -> Self {
        let wire = SimWire::open(network, clock.clone());
        let log = Log::new(wire.index());
        Self {
            engine: Engine::new(wire, clock.clone(), number),
            monitor: Monitor::new(RunId(number + 1), clock.anchor()),
            watch: Watch::new(policy.clone()),
            clock: clock.clone(),
            log,
            targets: Vec::new(),
            leaving: Vec::new(),
            left: Vec::new(),
            batches: Vec::new(),
        }
    }

    /// Who is watched now.
    pub(crate) fn targets(&self) -> Vec<Target> {
        self.targets.clone()
    }

    /// One turn of the engine, and what the monitor makes of it.
    pub(crate) fn turn(&mut self) {
        self.engine.turn(&mut self.batches);
        self.fold();
    }

    fn fold(&mut self) {
        let mut effects = Vec::new();
        for batch in self.batches.drain(..) {
            self.monitor.ingest(&batch, &mut effects);
            self.log.batch(&batch, &self.monitor);
        }
        self.hand_on(effects);
    }

    /// The monitor's wishes go to the alerts first, then into the log.
    fn hand_on(&mut self, effects: Vec<Effect>) {
        self.watch.hear(&effects, self.clock.anchor());
        self.log.effects(effects);
        self.look();
    }

    /// Tells what is due.
    pub(crate) fn look(&mut self) {
        let mut told = Vec::new();
        self.watch.turn(self.clock.anchor(), &mut told);
        self.mail(&told);
    }

    fn mail(&mut self, told: &[Notification]) {
        let now = self.clock.mono();
        self.log
            .mails
            .extend(told.iter().map(|told| (now, mails::words(told))));
    }

    /// When there is something to look at.
    pub(crate) fn due_at(&self) -> Option<MonoTime> {
        self.watch.due_at()
    }

    /// Takes up what an earlier start left, once its targets are there.
    pub(crate) fn keep(&mut self, left: Snapshot) {
        self.watch.keep(left);
        self.watch.begin(self.clock.anchor());
    }

    /// The monitor's second.
    pub(crate) fn tick(&mut self) {
        let mut effects = Vec::new();
        self.monitor.tick(self.clock.anchor(), &mut effects);
        for target in &self.targets {
            self.log.glance(target.id, &self.monitor, self.clock.mono());
        }
        for id in self.left.drain(..) {
            self.monitor.remove_target(id, &mut effects);
        }
        self.left.append(&mut self.leaving);
        self.watch.hear(&effects, self.clock.anchor());
        self.log.effects(effects);
        let mut told = Vec::new();
        self.watch.tick(self.clock.anchor(), &mut told);
        self.mail(&told);
    }

    /// Adds a target.
    pub(crate) fn add(&mut self, target: &Target) {
        self.engine.set(target);
        self.targets.push(target.clone());
        self.tell(target.id);
    }

    /// Does what a person did.
    pub(crate) fn act(&mut self, story: &Scenario, kind: ActKind) {
        match kind {
            ActKind::Add(id) => {
                let target = story.target(id).expect("the parser gave this id out");
                self.add(target);
            }
            ActKind::Remove(id) => {
                self.engine.remove(id);
                self.watch.remove_target(id, self.clock.anchor());
                self.targets.retain(|target| target.id != id);
                self.leaving.push(id);
            }
            ActKind::Pause(id) => {
                self.engine.pause(id);
                self.change(id, |target| target.is_enabled = false);
            }
            ActKind::Resume(id) => {
                self.engine.resume(id);
                self.change(id, |target| target.is_enabled = true);
            }
            ActKind::Plan(id, plan) => {
                self.change(id, |target| target.plan = plan);
                let changed = self.targets.iter().find(|target| target.id == id);
                self.engine.set(changed.expect("a target that is watched"));
            }
            ActKind::Unresolved(id) => {
                self.engine.remove(id);
                let mut effects = Vec::new();
                let error = TargetError::Dns("no such name".to_owned());
                self.monitor
                    .set_error(id, Some(error), self.clock.mono(), &mut effects);
                self.hand_on(effects);
            }
            ActKind::Restart => {} // The runner's: it needs a new rig.
        }
    }

    fn change(&mut self, id: TargetId, how: impl Fn(&mut Target)) {
        self.targets
            .iter_mut()
            .filter(|target| target.id == id)
            .for_each(how);
        self.tell(id);
    }

    fn tell(&mut self, id: TargetId) {
        let mut effects = Vec::new();
        for target in self.targets.iter().filter(|target| target.id == id) {
            self.watch.set_target(target, self.clock.anchor());
            self.monitor.set_target(target, self.clock.mono(), &mut effects);
        }
        self.hand_on(effects);
    }

    /// Sends nothing more.
    pub(crate) fn stop_sending(&mut self) {
        self.log.to = self.clock.mono();
        self.engine.stop();
    }

    /// Everything is decided and handed on.
    pub(crate) fn is_settled(&self) -> bool {
        self.engine.is_settled()
    }

    /// Ends the program; what it found stays.
    pub(crate) fn finish(mut self) -> Log {
        self.engine.finish(&mut self.batches);
        self.fold();
        let mut effects = Vec::new();
        self.monitor.finish(self.clock.anchor(), &mut effects);
        let mut told = Vec::new();
        self.log.left = self.watch.finish(&effects, self.clock.anchor(), &mut told);
        self.mail(&told);
        self.log.effects(effects);
        self.log
    }
}
