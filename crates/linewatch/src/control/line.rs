//! Runs one target: from its settings to probes, through its name's address, its permission and its caps.
//!
//! Every way in which a target can fail to be probed ends as a [`TargetError`] with a sentence, and never as loss.

use linewatch_core::event::{EventKind, Severity};
use linewatch_core::port::Clock;
use linewatch_core::target::{Address, Host, Method, Target, TargetId};
use linewatch_core::time::MonoTime;
use linewatch_core::view::TargetError;
use linewatch_probe::engine::EngineTarget;
use linewatch_probe::resolve::Resolved;
use linewatch_store::SeriesKey;
use linewatch_web::{CatalogEntry, Notice};
use std::time::Duration;

use super::Control;
use crate::config::{TargetSettings, host_text};
use crate::method;
use crate::notice;
use crate::spine::Word;

/// A name without an address is asked for again after this time (UI.md 4.3: "Next try in 30 s").
const ASK_AGAIN: Duration = Duration::from_secs(30);

/// One target as it runs.
#[derive(Debug)]
pub(super) struct Line {
    /// As configured.
    settings: TargetSettings,
    /// With its series and the method really used.
    target: Target,
    address: Option<Address>,
    error: Option<TargetError>,
    /// When to ask the resolver again.
    ask_at: Option<MonoTime>,
    version: u64,
}

impl Line {
    pub(super) fn id(&self) -> TargetId {
        self.target.id
    }

    /// Probes leave for it.
    pub(super) fn is_probed(&self) -> bool {
        self.target.is_enabled && self.address.is_some() && self.error.is_none()
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn settings(&self) -> &TargetSettings {
        &self.settings
    }

    /// For the page.
    pub(super) fn entry(&self) -> CatalogEntry {
        CatalogEntry {
            target: self.target.clone(),
            ip: self.address.map(|address| address.ip),
            origins: self
                .settings
                .origins
                .iter()
                .map(|(key, origin)| (key.clone(), origin.clone()))
                .collect(),
            is_built_in: self.settings.is_built_in,
            version: self.version,
        }
    }

    /// What a person who just changed this line should know at once.
    pub(super) fn note(&self) -> Option<Notice> {
        match (&self.error, self.settings.asked_method(), self.target.method) {
            (Some(error), ..) => Some(notice::not_probed(error)),
            (None, None, Method::TcpConnect { port }) => Some(notice::tcp_instead(port)),
            (None, ..) => None,
        }
    }

    /// What is measured is the same; where its values stand may have changed.
    pub(super) fn stands_now(&mut self, wanted: &TargetSettings) {
        self.settings.origins.clone_from(&wanted.origins);
    }

    /// For SIGUSR1.
    pub(super) fn sentence(&self) -> String {
        let state = match (&self.error, self.target.is_enabled) {
            (_, false) => "paused".to_owned(),
            (Some(error), true) => format!("error: {}", error.text()),
            (None, true) => "probed".to_owned(),
        };
        format!(
            "{}: {} every {:?}: {state}",
            self.target.name,
            self.target.address_text(),
            self.target.plan.interval
        )
    }
}

impl<C: Clock> Control<C> {
    /// Changes one target. One for which the store had no number is none yet.
    pub(super) fn set(&mut self, wanted: &TargetSettings) {
        let slug = &wanted.target.slug;
        let Some(line) = self.lines.get(slug) else {
            return;
        };
        let (method, _) = self.method_of(wanted);
        let before = line.target.clone();
        if before.method == method
            && before.host == wanted.target.host
            && before.family == wanted.target.family
        {
            self.change_line(wanted);
            return;
        }
        // A new address or method is a new series (docs/on-disk-format.md): the old one keeps its history.
        self.to.engine.remove(before.id);
        self.to.spine.say(Word::RemoveTarget(before.id), &self.to.clock);
        self.lines.remove(slug);
        self.add(wanted, false);
        if let Some(line) = self.lines.get(slug) {
            let message = new_series(&before, &line.target);
            self.note(EventKind::TargetChanged, Severity::Info, Some(line.id()), message);
        }
    }

    /// How it is probed here, or how it ought to be and why it cannot.
    fn method_of(&self, wanted: &TargetSettings) -> (Method, Option<TargetError>) {
        let is_v6 = matches!(wanted.target.host, Host::Literal { ip, .. } if ip.is_ipv6());
        match method::choose(wanted.asked_method(), |method| self.abilities.of(method, is_v6)) {
            Ok(chosen) => (chosen.method, None),
            Err(sentence) => (wanted.target.method, Some(TargetError::Permission(sentence))),
        }
    }

    fn change_line(&mut self, wanted: &TargetSettings) {
        let version = self.next_version();
        let Some(line) = self.lines.get_mut(&wanted.target.slug) else {
            return;
        };
        let (id, method) = (line.target.id, line.target.method);
        let was_enabled = line.target.is_enabled;
        line.settings = wanted.clone();
        line.target = Target {
            id,
            method,
            ..wanted.target.clone()
        };
        line.version = version;
        let (target, is_enabled) = (line.target.clone(), line.target.is_enabled);
        self.to
            .spine
            .say(Word::SetTarget(Box::new(target)), &self.to.clock);
        let message = match (was_enabled, is_enabled) {
            (true, false) => {
                self.to.engine.pause(id);
                "stopped: it is not probed until it is started again"
            }
            (false, true) => {
                self.begin(&wanted.target.slug);
                self.to.engine.resume(id);
                "started"
            }
            (true, true) => {
                self.begin(&wanted.target.slug);
                "settings changed"
            }
            (false, false) => "settings changed",
        };
        self.note(
            EventKind::TargetChanged,
            Severity::Info,
            Some(id),
            message.to_owned(),
        );
    }

    pub(super) fn add(&mut self, wanted: &TargetSettings, is_told: bool) {
        let mut target = wanted.target.clone();
        let (method, error) = self.method_of(wanted);
        let is_fallback = method != target.method;
        target.method = method;
        let key = SeriesKey {
            slug: target.slug.clone(),
            address: host_text(&target.host),
            method: target.method.word().to_owned(),
            port: target.method.port(),
        };
        target.id = match self.to.store.register(&key, &target.name, self.to.clock.wall()) {
            Ok(id) => id,
            Err(trouble) => {
                // Without a number nothing of it could ever be stored under the right series.
                tracing::error!("{}: not probed: {trouble}", target.name);
                return;
            }
        };
        let id = target.id;
        let line = Line {
            settings: wanted.clone(),
            target: target.clone(),
            address: None,
            error: None,
            ask_at: None,
            version: self.next_version(),
        };
        self.lines.insert(target.slug.clone(), line);
        self.to
            .spine
            .say(Word::SetTarget(Box::new(target.clone())), &self.to.clock);
        if is_told {
            self.note(
                EventKind::TargetAdded,
                Severity::Info,
                Some(id),
                format!(
                    "added: {} every {:?}",
                    target.address_text(),
                    target.plan.interval
                ),
            );
        }
        if is_fallback {
            self.note(
                EventKind::TargetChanged,
                Severity::Warning,
                Some(id),
                fallback(method),
            );
        }
        match error {
            Some(error) => self.fail(&target.slug, error),
            None => self.begin(&target.slug),
        }
    }

    pub(super) fn remove(&mut self, slug: &str) {
        let Some(line) = self.lines.remove(slug) else {
            return;
        };
        self.to.engine.remove(line.id());
        self.note(
            EventKind::TargetRemoved,
            Severity::Info,
            Some(line.id()),
            format!("removed: {}; its history stays", line.target.name),
        );
        self.to.spine.say(Word::RemoveTarget(line.id()), &self.to.clock);
    }

    /// Finds the address and hands the target to the engine; a stopped one waits until it is started.
    fn begin(&mut self, slug: &str) {
        let Some(line) = self.lines.get_mut(slug) else {
            return;
        };
        if !line.target.is_enabled || matches!(line.error, Some(TargetError::Permission(_))) {
            return;
        }
        line.ask_at = None;
        match (line.target.host.clone(), line.address) {
            (_, Some(address)) => self.probe(slug, address),
            (Host::Literal { ip, zone: None }, None) => self.probe(slug, Address::from(ip)),
            (Host::Literal { ip, zone: Some(zone) }, None) => {
                match linewatch_probe::route::interface_index(&zone) {
                    Some(scope) => self.probe(slug, Address { ip, scope }),
                    None => self.fail(
                        slug,
                        TargetError::Refused(format!("this computer has no interface \"{zone}\"")),
                    ),
                }
            }
            (Host::Name(name), None) => {
                let (id, family) = (line.target.id, line.target.family);
                let why = match &self.to.resolver {
                    Some(resolver) if resolver.resolve(id, &name, family) => return,
                    Some(_) => "too many names are waiting",
                    None => "there is no resolver here",
                };
                self.fail(
                    slug,
                    TargetError::Dns(format!("cannot find an address for \"{name}\": {why}")),
                );
            }
        }
    }

    fn probe(&mut self, slug: &str, address: Address) {
        let Some(line) = self.lines.get_mut(slug) else {
            return;
        };
        let target = &line.target;
        if let Err(sentence) = self.abilities.of(target.method, address.ip.is_ipv6()) {
            self.fail(slug, TargetError::Permission(sentence));
            return;
        }
        let wanted = EngineTarget {
            id: target.id,
            address,
            method: target.method,
            plan: target.plan,
            allow_high_rate: target.allow_high_rate,
            slots: None,
        };
        match self.to.engine.set(wanted) {
            Ok(()) => {
                line.address = Some(address);
                if line.error.take().is_some() {
                    let id = line.target.id;
                    self.to.spine.say(Word::SetError(id, None), &self.to.clock);
                }
            }
            Err(refusal) => self.fail(slug, TargetError::Refused(refusal.to_string())),
        }
    }

    fn fail(&mut self, slug: &str, error: TargetError) {
        let now = self.now();
        let Some(line) = self.lines.get_mut(slug) else {
            return;
        };
        let is_new = line.error.as_ref() != Some(&error);
        let id = line.target.id;
        if let TargetError::Dns(text) = &error {
            line.ask_at = Some(now.plus(ASK_AGAIN));
            if is_new {
                let text = text.clone();
                self.note(EventKind::DnsFailed, Severity::Warning, Some(id), text);
            }
        } else if is_new {
            tracing::warn!("{slug}: not probed: {}", error.text());
        }
        if let Some(line) = self.lines.get_mut(slug) {
            line.error = Some(error.clone());
        }
        self.to.spine.say(Word::SetError(id, Some(error)), &self.to.clock);
    }

    /// The resolver's answer.
    pub(super) fn resolved(&mut self, answer: Resolved) {
        let Some(slug) = self
            .lines
            .values()
            .find(|line| line.id() == answer.target)
            .map(|line| line.target.slug.clone())
        else {
            return;
        };
        match answer.result {
            Ok(addresses) => {
                if let Some(address) = addresses.first() {
                    self.probe(&slug, *address);
                }
            }
            Err(sentence) => self.fail(&slug, TargetError::Dns(sentence)),
        }
        self.publish();
    }

    /// Asks the resolver again for names whose time has come.
    pub(super) fn ask_again(&mut self, now: MonoTime) {
        let due: Vec<String> = self
            .lines
            .values()
            .filter(|line| line.ask_at.is_some_and(|at| now >= at))
            .map(|line| line.target.slug.clone())
            .collect();
        for slug in due {
            self.begin(&slug);
        }
    }
}

/// Why a series ended and another began.
fn new_series(before: &Target, after: &Target) -> String {
    if before.host == after.host && before.family == after.family {
        return format!(
            "now measured by {}: a series of its own, because its times cannot be compared with those by {}, which are kept",
            method::words(after.method),
            method::words(before.method)
        );
    }
    format!(
        "now probes {}: a new series, the old one is kept",
        after.address_text()
    )
}

/// Why a target has two series although nobody changed it.
fn fallback(method: Method) -> String {
    format!(
        "measured by {} because ICMP is not permitted: a series of its own, because its times cannot be compared; \
         once ICMP is permitted, the series by ICMP begins or goes on",
        method::words(method)
    )
}
