//! Gives a target its address and source, hands it to the engine, and keeps both true while it runs.
//!
//! A name is asked for again when its TTL is over. While that fails the last good address goes on being probed; an
//! address that is another one now is an event and begins a new series. A source that is not there is looked for again.
//! Not here: DNS itself (`linewatch_probe::resolve`).

use linewatch_core::event::{EventKind, Severity};
use linewatch_core::limits::{EVALUATE_EVERY, SOURCE_LOOK};
use linewatch_core::port::Clock;
use linewatch_core::target::{Address, Family, Host, Source};
use linewatch_core::time::MonoTime;
use linewatch_core::view::TargetError;
use linewatch_probe::engine::EngineTarget;
use linewatch_probe::resolve::{Answer, Found, Said};
use linewatch_probe::route;

use super::Control;
use super::line::Line;
use crate::config::TargetSettings;
use crate::spine::Word;

/// How the event of a name in trouble ends when its address goes on being measured.
pub(crate) const STILL_PROBED: &str = "is still probed";

/// What is known about a target's name beside its address.
#[derive(Debug, Default)]
pub(super) struct NameState {
    /// When to ask again; `None` while a question is under way, or without a name.
    ask_at: Option<MonoTime>,
    /// Answers in a row that were none.
    failures: u32,
    /// Why the last question failed, while an earlier address is still probed.
    pub(super) trouble: Option<String>,
}

impl<C: Clock> Control<C> {
    /// Finds the address and hands the target to the engine; a stopped one waits until it is started.
    pub(super) fn begin(&mut self, slug: &str) {
        let Some(line) = self.lines.get(slug) else {
            return;
        };
        let is_hopeless = line.is_unnumbered || matches!(line.error, Some(TargetError::Permission(_)));
        if !line.target.is_enabled || is_hopeless {
            return;
        }
        match (line.target.host.clone(), line.address) {
            (Host::Name(_), Some(address)) => {
                self.probe(slug, address);
                self.ask(slug);
            }
            (Host::Name(_), None) => self.ask(slug),
            (Host::Literal { ip, zone: None }, _) => self.probe(slug, Address::from(ip)),
            (Host::Literal { ip, zone: Some(zone) }, _) => match route::interface_index(&zone) {
                Some(scope) => self.probe(slug, Address { ip, scope }),
                None => {
                    let sentence = format!("this computer has no interface \"{zone}\"");
                    self.fail(slug, TargetError::Refused(sentence));
                    self.look_later(slug);
                }
            },
        }
    }

    /// Asks for the address of a name. An answer comes later, or never: what is probed goes on meanwhile.
    fn ask(&mut self, slug: &str) {
        let now = self.now();
        let Some(line) = self.lines.get_mut(slug) else {
            return;
        };
        let Host::Name(name) = &line.target.host else {
            return;
        };
        let Some(resolver) = &self.to.resolver else {
            let text = format!("Cannot find an address for `{name}`: there is no resolver here");
            self.not_found(slug, text);
            return;
        };
        let is_asked = resolver.resolve(slug, name, asked_family(&line.settings));
        line.name.ask_at = (!is_asked).then(|| now.plus(EVALUATE_EVERY));
    }

    /// The resolver speaks.
    pub(super) fn hear(&mut self, said: Said) {
        match said {
            Said::Answer(answer) => self.answered(answer),
            Said::SourcesChanged => {
                tracing::info!("resolv.conf or hosts changed: every name is asked for again");
                let now = self.now();
                for line in self.lines.values_mut() {
                    // What is under way was asked the old way; its next try comes soon.
                    line.name.failures = 0;
                    line.name.ask_at = line.name.ask_at.map(|_| now);
                }
                self.look_again(now);
            }
        }
    }

    fn answered(&mut self, answer: Answer) {
        let (slug, now) = (answer.asker, self.now());
        let Some(line) = self.lines.get_mut(&slug) else {
            return;
        };
        let is_current = matches!(&line.target.host, Host::Name(name) if *name == answer.name)
            && asked_family(&line.settings) == answer.family;
        if !is_current || !line.target.is_enabled {
            return;
        }
        line.name.failures = match answer.result {
            Ok(_) => 0,
            Err(_) => line.name.failures.saturating_add(1),
        };
        if let Some(resolver) = &self.to.resolver {
            let wait = resolver.wait_after(&slug, &answer.result, line.name.failures);
            line.name.ask_at = Some(now.plus(wait));
        }
        match answer.result {
            Ok(found) => self.found(&slug, &found),
            Err(sentence) => self.not_found(&slug, sentence),
        }
    }

    fn found(&mut self, slug: &str, found: &Found) {
        let Some(line) = self.lines.get_mut(slug) else {
            return;
        };
        if line.name.trouble.take().is_some() {
            tracing::info!("{slug}: its name has an address again");
        }
        match (line.address, choose(line.address, found)) {
            (Some(address), chosen) if chosen == Some(address) => {}
            (_, Some(address)) => self.move_to(slug, address),
            (_, None) => {}
        }
    }

    /// With an address from before only the name is in trouble, and the measuring goes on.
    fn not_found(&mut self, slug: &str, sentence: String) {
        let Some(line) = self.lines.get_mut(slug) else {
            return;
        };
        let Some(address) = line.address else {
            self.fail(slug, TargetError::Dns(sentence));
            return;
        };
        let id = line.id();
        if line.name.trouble.replace(sentence.clone()).is_none() {
            let message = format!("{sentence}; its last good address {} {STILL_PROBED}", address.ip);
            self.note(EventKind::DnsFailed, Severity::Warning, Some(id), message);
        }
    }

    /// A new address is a new series (DESIGN 8): the old one keeps its history.
    fn move_to(&mut self, slug: &str, address: Address) {
        let version = self.next_version();
        let now = self.now();
        let Some(target) = self.lines.get(slug).map(|line| line.target.clone()) else {
            return;
        };
        let new = self.series_of(&target, address.ip.to_string());
        let Some(line) = self.lines.get_mut(slug) else {
            return;
        };
        let Ok(new) = new else {
            // The store is busy or full: what is probed goes on, and the name is asked for again in the next round.
            line.name.ask_at = Some(now.plus(EVALUATE_EVERY));
            return;
        };
        let (old, before) = (line.id(), line.address.replace(address));
        line.target.id = new;
        line.error = None;
        line.version = version;
        let target = line.target.clone();
        self.is_unpublished = true;
        // The old one leaves first, so that the caps do not count both; the new one is known before its first record.
        self.to
            .spine
            .say(Word::SetTarget(Box::new(target)), &self.to.clock);
        if old != new {
            self.to.engine.remove(old);
        }
        self.probe(slug, address);
        if old != new {
            self.to.spine.say(Word::RemoveTarget(old), &self.to.clock);
        }
        if let (Some(before), Some(line)) = (before, self.lines.get(slug)) {
            let message = format!(
                "{} is {} now, was {}: a new series begins",
                line.target.address_text(),
                address.ip,
                before.ip
            );
            self.note(EventKind::AddressChanged, Severity::Warning, Some(new), message);
        }
    }

    fn probe(&mut self, slug: &str, address: Address) {
        let Some(line) = self.lines.get(slug) else {
            return;
        };
        if let Err(sentence) = self.abilities.of(line.target.method, address.ip.is_ipv6()) {
            self.fail(slug, TargetError::Permission(sentence));
            return;
        }
        let handed = self.hand_over(line, address);
        let has_source = line.settings.source != Source::Any;
        match handed {
            Ok(egress) => {
                let Some(line) = self.lines.get_mut(slug) else {
                    return;
                };
                line.address = Some(address);
                line.egress = egress;
                self.is_unpublished = true;
                if line.error.take().is_some() {
                    let id = line.id();
                    self.to.spine.say(Word::SetError(id, None), &self.to.clock);
                }
            }
            Err(sentence) => self.fail(slug, TargetError::Refused(sentence)),
        }
        if has_source {
            self.look_later(slug);
        }
    }

    /// Gives the target to the engine.
    fn hand_over(&self, line: &Line, address: Address) -> Result<linewatch_core::target::Egress, String> {
        let (target, settings) = (&line.target, &line.settings);
        let egress = route::egress(&settings.source, settings.dscp)?;
        let index = self
            .to
            .engine
            .egress(egress)
            .map_err(|refusal| refusal.to_string())?;
        let wanted = EngineTarget {
            id: target.id,
            address,
            method: target.method,
            plan: target.plan,
            egress: index,
            allow_high_rate: target.allow_high_rate,
            slots: None,
        };
        self.to
            .engine
            .set(wanted)
            .map(|()| egress)
            .map_err(|refusal| refusal.to_string())
    }

    pub(super) fn fail(&mut self, slug: &str, error: TargetError) {
        let Some(line) = self.lines.get_mut(slug) else {
            return;
        };
        let (id, is_new) = (line.id(), line.error.as_ref() != Some(&error));
        if !is_new {
            return;
        }
        line.error = Some(error.clone());
        self.is_unpublished = true;
        // Its probes would leave some other way, or for an address that is not its own any more.
        self.to.engine.remove(id);
        match &error {
            TargetError::Dns(text) => {
                self.note(EventKind::DnsFailed, Severity::Warning, Some(id), text.clone());
            }
            error => {
                let (text, help) = crate::logging::in_one_line(error.text());
                tracing::warn!(help, "{slug}: not probed: {text}");
            }
        }
        self.to.spine.say(Word::SetError(id, Some(error)), &self.to.clock);
    }

    fn look_later(&mut self, slug: &str) {
        let at = self.now().plus(SOURCE_LOOK);
        if let Some(line) = self.lines.get_mut(slug) {
            line.source_at = Some(at);
        }
    }

    /// Asks for names and looks at sources whose time has come.
    pub(super) fn look_again(&mut self, now: MonoTime) {
        let is_due = |at: Option<MonoTime>| at.is_some_and(|at| now >= at);
        let mut ask: Vec<String> = Vec::new();
        let mut look: Vec<String> = Vec::new();
        for (slug, line) in self.lines.iter().filter(|(_, line)| line.target.is_enabled) {
            if is_due(line.name.ask_at) {
                ask.push(slug.clone());
            }
            if is_due(line.source_at) {
                look.push(slug.clone());
            }
        }
        for slug in ask {
            self.ask(&slug);
        }
        for slug in look {
            self.look_at_source(&slug);
        }
    }

    /// An interface that was taken away and came back has another number; one that is gone is an error.
    fn look_at_source(&mut self, slug: &str) {
        let Some(line) = self.lines.get_mut(slug) else {
            return;
        };
        line.source_at = None;
        let now_it_is = route::egress(&line.settings.source, line.settings.dscp);
        if line.error.is_none() && now_it_is.as_ref() == Ok(&line.egress) {
            self.look_later(slug);
        } else if let (Host::Name(_), Some(address)) = (&line.target.host, line.address) {
            self.probe(slug, address);
        } else {
            self.begin(slug);
        }
    }
}

/// What to ask for: a source address leaves only its own family.
fn asked_family(settings: &TargetSettings) -> Family {
    match (settings.target.family, &settings.source) {
        (Family::Auto, Source::Address(source)) if source.is_ipv4() => Family::V4,
        (Family::Auto, Source::Address(_)) => Family::V6,
        (family, _) => family,
    }
}

/// The address to probe: the one that is probed as long as the name has it, so that a name with several, given in
/// turn, is one series; also while half of the answer is missing. Else the first.
fn choose(current: Option<Address>, found: &Found) -> Option<Address> {
    let stays = |address: &Address| found.addresses.contains(address) || !found.is_complete;
    current.filter(stays).or_else(|| found.addresses.first().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;
    use std::time::Duration;

    #[track_caller]
    fn check(current: &str, found: &str, is_complete: bool, expected: &str) {
        let address = |text: &str| Address::from(text.parse::<IpAddr>().expect("an address"));
        let found = Found {
            addresses: found.split(' ').map(address).collect(),
            valid_for: Duration::ZERO,
            is_complete,
        };
        let current = (current != "-").then(|| address(current));
        assert_eq!(choose(current, &found), Some(address(expected)));
    }

    #[test]
    fn a_name_that_gives_its_addresses_in_turn_is_one_series() {
        check("-", "192.0.2.1 192.0.2.2", true, "192.0.2.1");
        check("192.0.2.1", "192.0.2.2 192.0.2.1", true, "192.0.2.1");
        check("192.0.2.1", "192.0.2.2 192.0.2.3", true, "192.0.2.2");
    }

    #[test]
    fn half_an_answer_moves_nothing() {
        check("2001:db8::1", "192.0.2.1", false, "2001:db8::1");
        check("2001:db8::1", "192.0.2.1", true, "192.0.2.1");
        check("-", "192.0.2.1", false, "192.0.2.1");
    }
}
