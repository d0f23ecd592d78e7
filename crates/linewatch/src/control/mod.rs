//! Owns the settings while the monitor runs: the one place where targets are added, changed, started, stopped.
//!
//! In: changes from the page, a changed file, resolver answers, signals. Out: commands to engine, monitor, store, page. A change
//! on the page is an edit of `web.toml` followed by the reload that any changed file causes, so there is one way
//! only. Not here: what a configuration means (`config`), what a target is worth (`linewatch_core`).

mod change;
mod line;

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use linewatch_core::caps::Costs;
use linewatch_core::event::{EventKind, Severity};
use linewatch_core::port::Clock;
use linewatch_core::target::{Method, TargetId};
use linewatch_core::time::MonoTime;
use linewatch_probe::engine::Engine;
use linewatch_probe::resolve::{Resolved, Resolver};
use linewatch_store::{StoreHandle, StoreMessage};
use linewatch_web::{CatalogEntry, ControlRequest, Hub, StatusInfo};

use crate::config::{ConfigErrors, Loaded, Settings};
use crate::signals::Order;
use crate::spine::{Spine, Word};
use crate::tally::Tally;
use line::Line;

/// The status page is refreshed this often.
const STATUS_EVERY: Duration = Duration::from_secs(1);

/// Something for the control thread.
pub(crate) enum Input {
    /// A signal.
    Order(Order),
    /// The page.
    Change(Box<ControlRequest>),
    /// The resolver.
    Resolved(Resolved),
    /// The configuration file is another one now.
    FileChanged,
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

/// Reads the configuration again: file, page, command line; with a text, as if that were `web.toml`.
pub(crate) type Reload = Box<dyn Fn(Option<String>) -> Result<Loaded, ConfigErrors> + Send>;

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
}

/// The settings in force and the targets as they run.
pub(crate) struct Control<C> {
    to: Commanded<C>,
    abilities: Abilities,
    reload: Reload,
    loaded: Loaded,
    lines: BTreeMap<String, Line>,
    /// In the order of the configuration.
    order: Vec<String>,
    versions: u64,
    /// What does not change while we run.
    status: StatusInfo,
}

impl<C: Clock> Control<C> {
    /// Begins with a checked configuration: every enabled target is probed when this returns.
    pub(crate) fn new(
        to: Commanded<C>,
        abilities: Abilities,
        reload: Reload,
        loaded: Loaded,
        status: StatusInfo,
    ) -> Self {
        let settings = loaded.settings.clone();
        let mut control = Self {
            to,
            abilities,
            reload,
            loaded,
            lines: BTreeMap::new(),
            order: Vec::new(),
            versions: 0,
            status,
        };
        control.apply(&settings, false);
        control
    }

    /// Works until a signal says stop. Gives back what has to be ended in order.
    pub(crate) fn run(mut self, inputs: &Receiver<Input>, is_terminal: bool) -> Commanded<C> {
        let mut status_at = self.to.clock.mono();
        loop {
            let now = self.to.clock.mono();
            if now >= status_at {
                self.tell_status();
                self.ask_again(now);
                status_at = now.plus(STATUS_EVERY);
            }
            match inputs.recv_timeout(status_at.since(now)) {
                Ok(Input::Order(Order::Stop)) | Err(RecvTimeoutError::Disconnected) => break,
                // With a terminal a hang-up means that the person has gone (MEASURING "Signals and exit").
                Ok(Input::Order(Order::Hangup)) if is_terminal => break,
                Ok(Input::Order(Order::Hangup) | Input::FileChanged) => self.reload_and_say(),
                Ok(Input::Order(Order::Statistics)) => self.print_statistics(),
                Ok(Input::Change(request)) => {
                    let answer = self.change(request.change);
                    // The asker may have gone; the change stands.
                    let _ = request.reply.send(answer);
                }
                Ok(Input::Resolved(answer)) => self.resolved(answer),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        self.to
    }

    fn reload_and_say(&mut self) {
        match (self.reload)(None) {
            Ok(loaded) => {
                let settings = loaded.settings.clone();
                for key in crate::config::needs_restart(&self.loaded.settings, &settings) {
                    tracing::warn!("{key} was changed: it takes effect at the next start");
                }
                self.loaded = loaded;
                self.apply(&settings, true);
                tracing::info!("configuration reloaded targets={}", self.order.len());
            }
            Err(errors) => {
                tracing::warn!(
                    "configuration not reloaded, still running the one before: {} error(s): run `linewatch check-config`",
                    errors.0.len()
                );
                for error in &errors.0 {
                    tracing::warn!("{error}");
                }
            }
        }
    }

    /// Makes what runs what the settings say. With `is_told` every difference is an event.
    fn apply(&mut self, settings: &Settings, is_told: bool) {
        let gone: Vec<String> = self
            .order
            .iter()
            .filter(|slug| settings.target(slug).is_none())
            .cloned()
            .collect();
        for slug in gone {
            self.remove(&slug);
        }
        self.order = settings
            .targets
            .iter()
            .map(|target| target.target.slug.clone())
            .collect();
        for wanted in &settings.targets {
            self.set(wanted, is_told);
        }
        let active = self
            .lines
            .values()
            .filter(|line| line.is_probed())
            .map(Line::id)
            .collect();
        self.to.store.try_send(StoreMessage::Active(active));
        self.publish();
    }

    /// Tells the page which targets there are.
    fn publish(&self) {
        let entries = self
            .order
            .iter()
            .filter_map(|slug| self.lines.get(slug))
            .map(Line::entry)
            .collect::<Vec<CatalogEntry>>();
        self.to.hub.catalog(entries);
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
        self.status.scheduling = report.scheduling;
        self.to.tally.tell(&mut self.status);
        self.to.hub.status(self.status.clone());
    }

    fn print_statistics(&self) {
        for line in self.order.iter().filter_map(|slug| self.lines.get(slug)) {
            crate::say::to_stderr(&line.sentence());
        }
    }

    fn next_version(&mut self) -> u64 {
        self.versions += 1;
        self.versions
    }

    fn now(&self) -> MonoTime {
        self.to.clock.mono()
    }
}
