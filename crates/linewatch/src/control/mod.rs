//! Owns the settings while the monitor runs: the one place where targets are added, changed, started, stopped.
//!
//! In: changes from the page, a changed file, resolver answers, signals. Out: commands to engine, monitor, store, page. A change
//! on the page is an edit of `web.toml` followed by the reload that any changed file causes, so there is one way
//! only. Not here: what a configuration means (`config`), what a target is worth (`linewatch_core`).

mod alerts;
mod change;
mod knocks;
mod line;
mod names;
mod reload;
mod settings;
mod storage;
mod tools;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use linewatch_core::caps::Costs;
use linewatch_core::event::{EventKind, Severity};
use linewatch_core::limits::ROTATE_EVERY;
use linewatch_core::port::Clock;
use linewatch_core::target::{Method, TargetId};
use linewatch_core::time::MonoTime;
use linewatch_probe::engine::Engine;
use linewatch_probe::examine::kernel;
use linewatch_probe::resolve::{Resolver, Said};
use linewatch_store::{StoreHandle, StoreMessage};
use linewatch_web::{Change, ControlRequest, Hub, Notice, SettingsAsk, StatusInfo};

use crate::config::{self, Loaded, Settings, TargetChange};
use crate::evidence::EvidenceThread;
use crate::knock::{Knocked, Knocker};
use crate::notify::Notify;
use crate::rrd_dir::RrdDir;
use crate::signals::Order;
use crate::spine::{Spine, Word};
use crate::supervise::Manager;
use crate::tally::Tally;
use crate::{cure, logging, notice, say};
use knocks::Knocks;
use line::Line;
pub(crate) use reload::{Reload, reload_with};
use storage::StorageTrouble;

pub(crate) use names::STILL_PROBED;

/// The status page is refreshed this often.
const STATUS_EVERY: Duration = Duration::from_secs(1);

/// Something for the control thread.
pub(crate) enum Input {
    /// A signal.
    Order(Order),
    /// The page.
    Change(Box<ControlRequest>),
    /// The resolver.
    Resolver(Said),
    /// The configuration file is another one now.
    FileChanged,
    /// This target is in an outage, or was until now.
    Outage(TargetId),
    /// A handshake beside the probes has come to this.
    Knocked(Knocked),
    /// Something that was to be told cannot be delivered.
    Undelivered(Severity, String),
}

/// What the sockets of the engine can do; asked once, because the wire lives on the engine's thread afterwards.
#[derive(Clone, Debug)]
pub(crate) struct Abilities {
    /// ICMP over IPv4, or the sentence with the cure.
    pub icmp_v4: Result<(), String>,
    /// ICMPv6.
    pub icmp_v6: Result<(), String>,
    /// For the status page and the foot line.
    pub icmp_v4_text: String,
    /// See `icmp_v4_text`.
    pub icmp_v6_text: String,
    /// What a probe costs here.
    pub costs: Costs,
}

impl Abilities {
    fn of(&self, method: Method, is_v6: bool) -> Result<(), String> {
        match (method, is_v6) {
            (Method::IcmpEcho, false) => self.icmp_v4.clone(),
            (Method::IcmpEcho, true) => self.icmp_v6.clone(),
            // UDP needs no permission either; a family that is off is the engine's to tell.
            (Method::TcpConnect { .. } | Method::Udp { .. }, _) => Ok(()),
        }
    }
}

/// Everything the control thread commands.
pub(crate) struct Commanded<C> {
    /// Tells the time.
    pub clock: C,
    /// Probes.
    pub engine: Engine,
    /// Decides.
    pub spine: Spine,
    /// Remembers.
    pub store: StoreHandle,
    /// Shows.
    pub hub: Hub,
    /// Counts.
    pub tally: Tally,
    /// Finds addresses; none in the demo.
    pub resolver: Option<Resolver>,
    /// Delivers what is told; nobody is told in the demo and in tests.
    pub notify: Option<Notify>,
    /// Keeps `[rrd] dir`; none in tests.
    pub rrd: Option<RrdDir>,
    /// Keeps the evidence of outages; none in tests.
    pub evidence: Option<EvidenceThread>,
    /// Asks silent targets by TCP; none in the demo and in tests.
    pub knocker: Option<Knocker>,
    /// The service manager, told of reloads and of how it goes.
    pub manager: Arc<Manager>,
}

/// What the control thread begins with.
pub(crate) struct Start {
    /// What the engine's sockets can do.
    pub abilities: Abilities,
    /// Reads the configuration again.
    pub reload: Reload,
    /// The checked configuration.
    pub loaded: Loaded,
    /// What does not change while we run.
    pub status: StatusInfo,
    /// What the page shows above everything else for as long as we run.
    pub notices: Vec<Notice>,
    /// What was wrong with the database when it was opened.
    pub storage_trouble: Vec<String>,
}

/// The settings in force and the targets as they run.
pub(crate) struct Control<C> {
    to: Commanded<C>,
    abilities: Abilities,
    reload: Reload,
    loaded: Loaded,
    /// Each in a box: nodes of the tree are half empty when names ascend.
    lines: BTreeMap<String, Box<Line>>,
    /// Why the store gave no number in this round.
    store_trouble: Option<String>,
    versions: u64,
    /// Identifiers were rotated up to this second of the monotonic clock.
    rotated_until: u64,
    knocks: Knocks,
    storage: StorageTrouble,
    /// Grants real-time priority.
    realtime_cure: Option<String>,
    /// When to look for the next hops again.
    hops_at: MonoTime,
    /// Lines have changed since the page was told.
    is_unpublished: bool,
    status: StatusInfo,
    notices: Vec<Notice>,
    /// What the program began with: some keys take effect at the next start only.
    began_with: Settings,
    /// What `doctor` found a moment ago.
    looked: settings::Looked,
}

impl<C: Clock> Control<C> {
    /// Begins with a checked configuration: every enabled target is probed when this returns.
    pub(crate) fn new(to: Commanded<C>, start: Start) -> Self {
        let Start {
            abilities,
            reload,
            loaded,
            status,
            notices,
            storage_trouble,
        } = start;
        let mut control = Self {
            to,
            abilities,
            reload,
            loaded,
            lines: BTreeMap::new(),
            store_trouble: None,
            versions: 0,
            rotated_until: 0,
            knocks: Knocks::default(),
            storage: StorageTrouble::default(),
            realtime_cure: realtime_cure(),
            hops_at: MonoTime::ZERO,
            is_unpublished: false,
            status,
            notices,
            began_with: Settings::default(),
            looked: settings::Looked::default(),
        };
        control.began_with = Settings {
            targets: Vec::new(),
            ..control.loaded.settings.clone()
        };
        control.to.hub.notices(control.standing());
        control.apply(
            config::diff(&Settings::default(), &control.loaded.settings),
            false,
        );
        control.begin_alerts();
        control.tell_storage_trouble(storage_trouble);
        control
    }

    /// Works until a signal says stop. Gives back what has to be ended in order, and what asked for it.
    pub(crate) fn run(
        mut self,
        inputs: &Receiver<Input>,
        has_terminal: bool,
    ) -> (Commanded<C>, &'static str) {
        let mut status_at = self.to.clock.mono();
        let why = loop {
            let now = self.to.clock.mono();
            if now >= status_at {
                self.tell_status();
                self.number_again();
                self.look_again(now);
                self.rotate_due(now);
                self.knock_due(now);
                self.look_for_hops(now);
                status_at = now.plus(STATUS_EVERY);
            }
            // A thousand answers in a row are one change of the catalogue, not a thousand.
            let input = match inputs.try_recv() {
                Ok(input) => Ok(input),
                Err(_) => {
                    self.publish_if_stale();
                    inputs.recv_timeout(status_at.since(now))
                }
            };
            match input {
                Ok(Input::Order(Order::Stop(why))) => break why,
                Err(RecvTimeoutError::Disconnected) => break "its own end",
                // With a terminal a hang-up means that the person has gone (MEASURING "Signals and exit").
                Ok(Input::Order(Order::Hangup)) if has_terminal => break "the end of its terminal",
                Ok(Input::Order(Order::Hangup) | Input::FileChanged) => self.reload_and_say(),
                Ok(Input::Order(Order::Statistics)) => {
                    self.to
                        .tally
                        .statistics()
                        .iter()
                        .for_each(|line| say::to_stderr(line));
                }
                Ok(Input::Change(request)) => self.answer(*request),
                Ok(Input::Resolver(said)) => self.hear(said),
                // A stateful firewall may have shut this one flow: another identifier is another flow (B12).
                Ok(Input::Outage(id)) => {
                    self.to.engine.rotate_id(id);
                    self.suspect(id);
                }
                Ok(Input::Knocked(answer)) => self.knocked(answer),
                Ok(Input::Undelivered(severity, message)) => {
                    self.note(EventKind::AlertFailed, severity, None, message);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        };
        (self.to, why)
    }

    fn answer(&mut self, request: ControlRequest) {
        if let Change::Alerts(asked) = request.change {
            self.answer_alerts(asked, request.reply);
            return;
        }
        if let Change::Settings(SettingsAsk::Doctor { is_forced }) = request.change {
            self.look(is_forced, request.reply);
            return;
        }
        let answer = self.change(request.change);
        // The asker may have gone; the change stands.
        let _ = request.reply.send(answer);
    }

    /// Gives each target another ICMP identifier once in [`ROTATE_EVERY`], each in a second of its own.
    fn rotate_due(&mut self, now: MonoTime) {
        let seconds = ROTATE_EVERY.as_secs();
        let until = now.as_nanos() / 1_000_000_000;
        let due = self.rotated_until..until;
        self.rotated_until = until;
        for line in self.lines.values() {
            let its_second = u64::from(line.id().0) % seconds;
            if due
                .clone()
                .take(ROTATE_EVERY.as_secs() as usize)
                .any(|second| second % seconds == its_second)
            {
                self.to.engine.rotate_id(line.id());
            }
        }
    }

    fn reload_and_say(&mut self) {
        self.to.manager.reloading();
        match (self.reload)(None) {
            Ok(loaded) => {
                for key in config::needs_restart(&self.loaded.settings, &loaded.settings) {
                    tracing::warn!("{key} was changed: it takes effect at the next start");
                }
                self.take(loaded);
                tracing::info!(
                    "configuration reloaded targets={}",
                    self.loaded.settings.targets.len()
                );
            }
            Err(errors) => {
                tracing::warn!(
                    "configuration not reloaded, still running the one before: {} error(s): run `linewatch check-config`",
                    errors.0.len()
                );
                errors.0.iter().for_each(logging::warn_of);
                let mut told = self.standing();
                told.push(notice::not_reloaded(&errors));
                self.to.hub.notices(told);
            }
        }
        // Also after a refusal: it runs on, by the configuration before.
        self.to.manager.ready();
    }

    /// From now on this configuration is in force.
    fn take(&mut self, loaded: Loaded) {
        let changes = config::diff(&self.loaded.settings, &loaded.settings);
        let before = self.loaded.settings.storage.keeping();
        let is_told_otherwise = alerts::are_told_otherwise(&self.loaded.settings, &loaded.settings);
        self.loaded = loaded;
        if is_told_otherwise {
            self.tell_otherwise();
        }
        let keeping = self.loaded.settings.storage.keeping();
        if keeping != before {
            self.to.store.keep(keeping);
        }
        // Whatever was wrong with the file, it is right now.
        self.to.hub.notices(self.standing());
        self.apply(changes, true);
    }

    /// What the page shows above everything else while the settings are these.
    fn standing(&self) -> Vec<Notice> {
        let no_icmp = self
            .abilities
            .icmp_v4
            .as_ref()
            .err()
            .and_then(|sentence| notice::no_icmp(sentence, &self.loaded.settings.targets));
        no_icmp.into_iter().chain(self.notices.clone()).collect()
    }

    /// Makes what runs what the settings say. With `is_told` every difference is an event.
    fn apply(&mut self, changes: Vec<TargetChange>, is_told: bool) {
        for change in changes {
            match change {
                TargetChange::Removed(slug) => self.remove(&slug),
                TargetChange::Changed(wanted) => self.set(&wanted),
                // Has no line yet: below.
                TargetChange::Added(_) => {}
            }
        }
        for wanted in self.loaded.settings.targets.clone() {
            match self.lines.get_mut(&wanted.target.slug) {
                Some(line) => line.stands_now(&wanted),
                None => self.add(&wanted, is_told),
            }
        }
        self.publish();
        if let Some(rrd) = &self.to.rrd {
            rrd.follow(&self.loaded.settings);
        }
        if let Some(evidence) = &self.to.evidence {
            evidence.follow(&self.loaded.settings);
        }
        if let Some(notify) = &self.to.notify {
            let targets = self.loaded.settings.targets.iter();
            notify.follow_targets(targets.map(|target| target.target.clone()).collect());
        }
    }

    fn publish_if_stale(&mut self) {
        if self.is_unpublished {
            self.publish();
        }
    }

    /// Tells the store what is probed, and the page which targets there are.
    fn publish(&mut self) {
        self.is_unpublished = false;
        let active = self
            .lines
            .values()
            .filter(|line| line.is_probed())
            .map(|line| (line.id(), line.target.plan))
            .collect();
        self.to.store.try_send(StoreMessage::Active(active));
        self.to.hub.catalog(self.in_order().map(Line::entry).collect());
        self.publish_tools();
    }

    /// The lines in the order of the configuration.
    fn in_order(&self) -> impl Iterator<Item = &Line> {
        let targets = self.loaded.settings.targets.iter();
        targets.filter_map(|wanted| self.lines.get(&wanted.target.slug).map(Box::as_ref))
    }

    fn note(&self, kind: EventKind, severity: Severity, target: Option<TargetId>, message: String) {
        self.to
            .spine
            .say(Word::Note(kind, severity, target, message), &self.to.clock);
    }

    fn tell_status(&mut self) {
        let report = self.to.engine.report();
        self.status.asked_per_s = report.asked_per_s;
        self.status.achieved_per_s = report.achieved_per_s;
        let is_ordinary = !report.scheduling.starts_with("real-time");
        self.status.realtime_cure = self.realtime_cure.clone().filter(|_| is_ordinary);
        self.status.scheduling = report.scheduling;
        self.to.tally.tell(&mut self.status);
        self.to.hub.status(self.status.clone());
        self.to.manager.status(format!(
            "{} targets, {:.1} probes/s",
            self.lines.len(),
            report.asked_per_s
        ));
        self.tell_storage();
    }

    fn next_version(&mut self) -> u64 {
        self.versions += 1;
        self.versions
    }

    fn now(&self) -> MonoTime {
        self.to.clock.mono()
    }
}

/// The command that grants real-time priority on this system, if there is one.
fn realtime_cure() -> Option<String> {
    cfg!(target_os = "linux").then(|| cure::realtime(&kernel::permission(), &cure::program()))
}

#[cfg(test)]
mod tests;
