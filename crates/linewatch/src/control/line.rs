//! Runs one target: from its settings to probes, through its name's address, its permission and its caps.
//!
//! Every way in which a target can fail to be probed ends as a [`TargetError`] with a sentence, and never as loss. Not
//! here: how it gets its address and keeps it (`names`).

use std::sync::Arc;

use linewatch_core::event::{EventKind, Severity};
use linewatch_core::port::Clock;
use linewatch_core::target::{Address, Egress, Host, Method, Target, TargetId};
use linewatch_core::time::MonoTime;
use linewatch_core::view::TargetError;
use linewatch_store::SeriesKey;
use linewatch_web::{CatalogEntry, Notice};

use super::Control;
use super::names::NameState;
use crate::config::{TargetSettings, host_text};
use crate::method;
use crate::notice;
use crate::spine::Word;

/// So many numbers at the far end are never reached by series: a store that gave one a second would need a century.
const UNNUMBERED: u64 = 1_000_000;

/// One target as it runs.
#[derive(Debug)]
pub(super) struct Line {
    /// As configured.
    pub(super) settings: Arc<TargetSettings>,
    /// With its series and the method really used.
    pub(super) target: Target,
    pub(super) address: Option<Address>,
    pub(super) error: Option<TargetError>,
    /// The state of its name; of no meaning for a literal.
    pub(super) name: NameState,
    /// How its probes leave.
    pub(super) egress: Egress,
    /// When to look again whether its source is there and the same.
    pub(super) source_at: Option<MonoTime>,
    /// The store has given it no number yet: it cannot be probed, for nothing of it could be kept under its series.
    pub(super) is_unnumbered: bool,
    /// A port that answered by TCP while ICMP was silent.
    pub(super) tcp_answers: Option<u16>,
    pub(super) version: u64,
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
            origins: self.settings.origins.clone(),
            is_built_in: self.settings.is_built_in,
            tcp_answers: self.tcp_answers,
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
    pub(super) fn stands_now(&mut self, wanted: &Arc<TargetSettings>) {
        self.settings = Arc::clone(wanted);
    }
}

impl<C: Clock> Control<C> {
    /// Changes one target. One for which the store had no number is none yet.
    pub(super) fn set(&mut self, wanted: &Arc<TargetSettings>) {
        let slug = &wanted.target.slug;
        let Some(line) = self.lines.get(slug) else {
            return;
        };
        if line.is_unnumbered {
            self.drop_line(slug);
            self.add(wanted, false);
            return;
        }
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

    fn change_line(&mut self, wanted: &Arc<TargetSettings>) {
        let version = self.next_version();
        let Some(line) = self.lines.get_mut(&wanted.target.slug) else {
            return;
        };
        let (id, method) = (line.target.id, line.target.method);
        let was_enabled = line.target.is_enabled;
        line.settings = Arc::clone(wanted);
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

    pub(super) fn add(&mut self, wanted: &Arc<TargetSettings>, is_told: bool) {
        let mut target = wanted.target.clone();
        let (method, error) = self.method_of(wanted);
        let is_fallback = method != target.method;
        target.method = method;
        let version = self.next_version();
        // A name has a series of its own until it has an address.
        let number = self.series_of(&target, host_text(&target.host));
        // Unnumbered ones are numbered from the other end, for the page alone.
        let id = *number
            .as_ref()
            .unwrap_or(&TargetId(u32::MAX - (version % UNNUMBERED) as u32));
        target.id = id;
        let line = Line {
            settings: Arc::clone(wanted),
            target: target.clone(),
            address: None,
            error: None,
            name: NameState::default(),
            egress: Egress::default(),
            source_at: None,
            is_unnumbered: number.is_err(),
            tcp_answers: None,
            version,
        };
        self.lines.insert(target.slug.clone(), Box::new(line));
        self.to
            .spine
            .say(Word::SetTarget(Box::new(target.clone())), &self.to.clock);
        if let Err(trouble) = number {
            let text = format!("not measured yet: {trouble}; it is tried again every second");
            self.fail(&target.slug, TargetError::Refused(text));
            return;
        }
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

    /// The number of the series of a target at an address. Without it nothing could ever be stored under the right series.
    /// Once the store has refused, nobody waits for it again before the next round.
    pub(super) fn series_of(&mut self, target: &Target, address: String) -> Result<TargetId, String> {
        if let Some(trouble) = &self.store_trouble {
            return Err(trouble.clone());
        }
        let key = SeriesKey {
            slug: target.slug.clone(),
            address,
            method: target.method.word().to_owned(),
            port: target.method.port(),
        };
        let given = self
            .to
            .store
            .register(&key, &target.name, self.to.clock.wall())
            .map_err(|error| error.to_string());
        self.store_trouble = given.as_ref().err().cloned();
        given
    }

    /// Asks the store again for the numbers it could not give.
    pub(super) fn number_again(&mut self) {
        self.store_trouble = None;
        let unnumbered: Vec<(Arc<TargetSettings>, Target)> = self
            .lines
            .values()
            .filter(|line| line.is_unnumbered)
            .map(|line| (Arc::clone(&line.settings), line.target.clone()))
            .collect();
        for (wanted, target) in unnumbered {
            if self.series_of(&target, host_text(&target.host)).is_err() {
                // The others would wait for the same database.
                return;
            }
            self.drop_line(&target.slug);
            self.add(&wanted, true);
            self.is_unpublished = true;
        }
    }

    /// Takes a line away that was never measured.
    fn drop_line(&mut self, slug: &str) {
        if let Some(line) = self.lines.remove(slug) {
            self.to.spine.say(Word::RemoveTarget(line.id()), &self.to.clock);
        }
    }

    pub(super) fn remove(&mut self, slug: &str) {
        if self.lines.get(slug).is_some_and(|line| line.is_unnumbered) {
            self.drop_line(slug);
            return;
        }
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
