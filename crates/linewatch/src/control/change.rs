//! Carries out what a person asked for on the page: judged as a whole configuration, then written, then taken over.
//!
//! Nothing is written that could not be loaded again, and nothing is done that was not written: after a power cut the
//! monitor comes back as the page showed it. Not here: the text of `web.toml` (`config::web_toml`).

use linewatch_core::caps::{CapEntry, Costs, Ledger};
use linewatch_core::event::{EventKind, Severity};
use linewatch_core::port::Clock;
use linewatch_core::spec::{TargetSpec, unique_slug};
use linewatch_core::target::TargetId;
use linewatch_web::{Change, ChangeDone, ChangeError, Edit, TargetPatch};

use super::Control;
use super::line::Line;
use crate::config::web_toml::{self, TargetChanges, WebTomlError};
use crate::config::{ConfigErrors, Loaded, Settings};

impl<C: Clock> Control<C> {
    /// Does it, or says why not.
    pub(super) fn change(&mut self, change: Change) -> Result<ChangeDone, ChangeError> {
        match change {
            Change::Add(patch) => self.add_asked(&patch),
            Change::Patch { id, patch, if_match } => self.patch_asked(&id, &patch, if_match),
            Change::Remove { id } => self.remove_asked(&id),
            Change::Start { id } => self.enable(&id, true),
            Change::Stop { id } => self.enable(&id, false),
            Change::Tool(patch) => self.tool_asked(&patch),
            Change::CleanUpEvents => self.clean_up_events(),
            Change::LoginFailed(message) => {
                self.note(EventKind::LoginFailed, Severity::Warning, None, message);
                Ok(ChangeDone::default())
            }
            Change::Settings(asked) => self.ask_settings(asked),
            Change::Alerts(asked) => Ok(ChangeDone {
                alerts: Some(self.ask_alerts(asked)?),
                ..ChangeDone::default()
            }),
        }
    }

    fn add_asked(&mut self, patch: &TargetPatch) -> Result<ChangeDone, ChangeError> {
        let Some(address) = &patch.address else {
            return Err(invalid(
                "address",
                "a target needs an address: HOST, HOST:PORT, tcp://HOST:PORT or udp://HOST:PORT",
            ));
        };
        let spec = TargetSpec::parse(address).map_err(|error| {
            let message = format!("address \"{address}\" cannot be used: {error}: {}", error.help());
            invalid("address", &message)
        })?;
        let mut changes = changes_of(patch);
        if changes.name.is_none() {
            changes.name = spec.name;
        }
        let is_taken = |id: &str| self.lines.contains_key(id);
        let id = match &patch.id {
            Some(id) if is_taken(id) => {
                return Err(ChangeError::Conflict(format!(
                    "there is a target with the id \"{id}\" already"
                )));
            }
            Some(id) => id.clone(),
            None => unique_slug(changes.name.as_deref().unwrap_or(address), is_taken),
        };
        if changes.name.is_none() && patch.name.is_none() {
            changes.name = Some(address.trim().to_owned());
        }
        self.edit(&id, |text| {
            let text = web_toml::set_target(text, &id, &changes)?;
            web_toml::edit_target(&text, &id, &edits_of(&patch.edits))
        })
    }

    fn patch_asked(
        &mut self,
        id: &str,
        patch: &TargetPatch,
        if_match: Option<u64>,
    ) -> Result<ChangeDone, ChangeError> {
        let line = self.lines.get(id).ok_or(ChangeError::NotFound)?;
        if if_match.is_some_and(|version| version != line.version()) {
            return Err(ChangeError::Conflict(
                "somebody changed this target since you opened it: look again, then change".to_owned(),
            ));
        }
        if patch.id.as_ref().is_some_and(|wish| wish != id) {
            return Err(invalid(
                "id",
                "the id of a target cannot be changed: it is in its addresses and its history",
            ));
        }
        let settings = line.settings();
        let has_file = settings.stands_in_file() || settings.is_built_in || settings.is_command_line;
        if !has_file
            && patch
                .edits
                .iter()
                .any(|edit| edit.key == "address" && edit.value.is_none())
        {
            return Err(invalid(
                "address",
                "this target stands nowhere but here: without its address there would be none",
            ));
        }
        let changes = TargetChanges {
            is_about_typed: settings.is_command_line,
            ..changes_of(patch)
        };
        self.edit(id, |text| {
            let text = web_toml::set_target(text, id, &changes)?;
            web_toml::edit_target(&text, id, &edits_of(&patch.edits))
        })
    }

    fn enable(&mut self, id: &str, is_enabled: bool) -> Result<ChangeDone, ChangeError> {
        let line = self.lines.get(id).ok_or(ChangeError::NotFound)?;
        let changes = TargetChanges {
            is_enabled: Some(is_enabled),
            is_about_typed: line.settings().is_command_line,
            ..TargetChanges::default()
        };
        self.edit(id, |text| web_toml::set_target(text, id, &changes))
    }

    fn remove_asked(&mut self, id: &str) -> Result<ChangeDone, ChangeError> {
        let line = self.lines.get(id).ok_or(ChangeError::NotFound)?;
        if line.settings().is_command_line {
            return Err(ChangeError::Conflict(
                "this target was typed at start: it leaves with this run; STOP it meanwhile".to_owned(),
            ));
        }
        let stands_elsewhere = line.settings().is_built_in || line.settings().stands_in_file();
        self.edit(id, |text| web_toml::remove_target(text, id, stands_elsewhere))
    }

    /// Judges the edited text as a whole configuration; only then writes it and takes it over.
    pub(super) fn edit(
        &mut self,
        id: &str,
        edit: impl FnOnce(&str) -> Result<String, WebTomlError>,
    ) -> Result<ChangeDone, ChangeError> {
        let failed = |error: WebTomlError| ChangeError::Failed(error.to_string());
        let path = self.loaded.web_path.clone();
        let text = edit(&web_toml::read(&path).map_err(failed)?).map_err(failed)?;
        let loaded = (self.reload)(Some(text.clone())).map_err(|errors| first_of(&errors))?;
        within_caps(&loaded.settings, id, self.abilities.costs)?;
        web_toml::write(&path, &text).map_err(failed)?;
        Ok(self.take_over(loaded, id))
    }

    fn take_over(&mut self, loaded: Loaded, id: &str) -> ChangeDone {
        let built_in: Vec<_> = self
            .lines
            .values()
            .filter(|line| line.settings().is_built_in)
            .map(|line| line.entry())
            .collect();
        self.take(loaded);
        let removed: Vec<_> = built_in
            .into_iter()
            .filter(|entry| entry.target.slug != id && !self.lines.contains_key(&entry.target.slug))
            .collect();
        let line = self.lines.get(id).map(Box::as_ref);
        let notes = line.and_then(Line::note).into_iter().collect();
        ChangeDone {
            target: line.map(Line::entry),
            removed,
            notes,
            ..ChangeDone::default()
        }
    }
}

/// Keys and values as `web_toml` takes them.
pub(super) fn edits_of(edits: &[Edit]) -> Vec<(&str, Option<&serde_json::Value>)> {
    edits
        .iter()
        .map(|edit| (edit.key.as_str(), edit.value.as_ref()))
        .collect()
}

pub(super) fn invalid(field: &str, message: &str) -> ChangeError {
    ChangeError::Invalid {
        field: Some(field.to_owned()),
        message: message.to_owned(),
    }
}

/// What was typed, as the file would have it; what is wrong with it, the file's reader says.
pub(super) fn changes_of(patch: &TargetPatch) -> TargetChanges {
    TargetChanges {
        name: patch.name.clone(),
        address: patch.address.clone(),
        probe: patch.probe.clone(),
        port: patch.port,
        family: patch.family.clone(),
        interval: patch.interval.clone(),
        timeout: patch.timeout.clone(),
        payload_bytes: patch.payload_bytes,
        country: patch.country.clone(),
        partner: patch.partner.clone(),
        group: patch.group.clone(),
        latency_threshold_ms: patch.latency_threshold_ms,
        is_enabled: patch.enabled,
        is_about_typed: false,
    }
}

/// The first mistake, with the field it is about.
fn first_of(errors: &ConfigErrors) -> ChangeError {
    let Some(first) = errors.0.first() else {
        return ChangeError::Failed("the change cannot be loaded".to_owned());
    };
    // Keys of a target stand alone; a key that names its place in the list is the same key.
    let key = first
        .key
        .strip_prefix("targets[")
        .and_then(|key| key.split_once("]."));
    let key = key.map_or(first.key.as_str(), |(_, key)| key);
    let field = (!key.is_empty() && key != "targets").then(|| key.to_owned());
    let help = first
        .help
        .as_ref()
        .map(|help| format!(": {help}"))
        .unwrap_or_default();
    ChangeError::Invalid {
        field,
        message: format!("{}{help}", first.message),
    }
}

/// Refuses a change that the engine would refuse, before it is written. Names are judged once they have an address.
fn within_caps(settings: &Settings, changed: &str, costs: Costs) -> Result<(), ChangeError> {
    let mut ledger = Ledger::new(costs);
    let mut last = None;
    for (index, wanted) in settings.targets.iter().enumerate() {
        let target = &wanted.target;
        let Some(entry) = CapEntry::of_literal(TargetId(index as u32), target) else {
            continue;
        };
        // The changed one is judged last: it is the one that is too much.
        if target.slug == changed {
            last = Some(entry);
        } else {
            // What runs already is not this change's fault.
            let _ = ledger.admit(entry);
        }
    }
    match last.map(|entry| ledger.admit(entry)) {
        Some(Err(refusal)) => Err(ChangeError::Invalid {
            field: Some("address".to_owned()),
            message: refusal.to_string(),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigError, Place};

    #[test]
    fn a_mistake_of_the_page_names_its_field_and_says_what_to_do() {
        let error = ConfigError {
            place: Place {
                path: "web.toml".to_owned(),
                at: Some((7, 12)),
            },
            key: "interval".to_owned(),
            message: "target \"gw\": interval \"0\" has no unit".to_owned(),
            help: Some("write \"1s\"".to_owned()),
        };
        let expected = invalid(
            "interval",
            "target \"gw\": interval \"0\" has no unit: write \"1s\"",
        );
        assert_eq!(first_of(&ConfigErrors(vec![error])), expected);
    }

    #[test]
    fn a_taken_id_gets_a_number() {
        assert_eq!(unique_slug("gw", |id| ["gw", "gw-2"].contains(&id)), "gw-3");
        assert_eq!(unique_slug("gw", |_| false), "gw");
    }
}
