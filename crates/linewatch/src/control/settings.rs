//! What the Settings page asks: values with their origins, other values, what `doctor` finds, what a past would have been told of.
//!
//! A change is an edit of `web.toml` like any other (`change`). What names a file of this computer cannot be set from the page:
//! whoever reaches the page could otherwise have it read or overwritten. Not here: the text of `web.toml` (`config::web_toml`).

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use linewatch_core::alert::Policy;
use linewatch_core::event::OutageRow;
use linewatch_core::monitor::Effect;
use linewatch_core::port::Clock;
use linewatch_core::time::{MonoTime, WallTime};
use linewatch_render::words::origin_texts;
use linewatch_web::{
    ChangeDone, ChangeError, CheckInfo, ConfigInfo, DoctorInfo, Edit, SettingsAnswer, SettingsAsk,
};
use serde_json::{Map, Value};
use tokio::sync::oneshot::Sender;

use super::Control;
use super::change::{edits_of, invalid};
use crate::alerting::{self, Replay};
use crate::cli::doctor;
use crate::config::{self, Settings, web_toml};
use crate::notify;

/// What was found is not looked for again within so long.
const LOOKED_FOR: Duration = Duration::from_secs(60);
/// Not even for who asks to look again: everybody may ask.
const LOOKED_AGAIN: Duration = Duration::from_secs(5);
/// Beside `web.toml`.
const PREFERENCES: &str = "preferences.json";
/// Stands for a secret that was not shown.
const STARS: &str = "***";
/// In an element of a list: the place it had, by which its secrets are found again.
const WAS: &str = "was";
/// Beside the stars of a webhook's address: its host alone, by which a person knows it.
const HOST: &str = "host";
/// Keys that name files of this computer.
const FILES: [&str; 6] = [
    "server.tls_cert",
    "server.tls_key",
    "storage.data_dir",
    "alerts.graph_file",
    "alerts.email.password_file",
    "rrd.dir",
];
/// The same in the elements of `alerts.webhooks`.
const WEBHOOK_FILES: [&str; 2] = ["secret_file", "template_file"];

/// How many may wait for one look: more are told to come again.
const WAITING_MAX: usize = 64;

/// Where an answer goes.
type Answer = Sender<Result<ChangeDone, ChangeError>>;

/// Shared with the thread that looks. Locked for moments only.
pub(super) type Looked = Arc<Mutex<Look>>;

/// What `doctor` found, and who waits for what it finds now.
#[derive(Default)]
pub(super) struct Look {
    found: Option<(MonoTime, DoctorInfo)>,
    /// `Some` while a thread looks: one at a time, two would disturb each other's measuring.
    waiting: Option<Vec<Answer>>,
}

/// Ends the look when its thread ends, however it ends: who still waits is told by the dropped sender.
struct Looking(Looked);

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).waiting = None;
    }
}

impl<C: Clock> Control<C> {
    /// Answers at once.
    pub(super) fn ask_settings(&mut self, asked: SettingsAsk) -> Result<ChangeDone, ChangeError> {
        let answer = match asked {
            SettingsAsk::Config => SettingsAnswer::Config(Box::new(self.config_info())),
            SettingsAsk::Target { id } => SettingsAnswer::Config(Box::new(self.target_info(&id)?)),
            SettingsAsk::Set { edits, if_match } => {
                self.set_values(edits, if_match.as_deref())?;
                SettingsAnswer::Config(Box::new(self.config_info()))
            }
            SettingsAsk::Preferences => SettingsAnswer::Preferences(self.preferences()?),
            SettingsAsk::SetPreferences(wanted) => SettingsAnswer::Preferences(self.set_preferences(wanted)?),
            SettingsAsk::Replay { id, from, to, pasts } => {
                let counts = pasts.iter().map(|past| self.told_of(&id, from, to, past));
                SettingsAnswer::Replay(counts.collect::<Result<_, _>>()?)
            }
            // Answered by a thread of its own.
            SettingsAsk::Doctor { .. } => return Err(ChangeError::NotFound),
        };
        Ok(ChangeDone {
            settings: Some(answer),
            ..ChangeDone::default()
        })
    }

    /// The settings as they would be without `web.toml`, if they are any.
    fn without_page(&self) -> Option<Settings> {
        (self.reload)(Some(String::new()))
            .ok()
            .map(|loaded| loaded.settings)
    }

    fn config_info(&self) -> ConfigInfo {
        let settings = &self.loaded.settings;
        let file = self.without_page();
        let restart = config::needs_restart(&self.began_with, settings);
        let destinations = self.to.notify.as_ref().map(|notify| notify.destinations());
        ConfigInfo {
            version: config::settings_version(&self.loaded),
            config: with_hosts(config::settings_json(settings), settings),
            origins: origin_texts(&settings.origins),
            file: file.as_ref().map(config::settings_json),
            file_origins: file.map(|file| origin_texts(&file.origins)).unwrap_or_default(),
            restart: restart.into_iter().map(str::to_owned).collect(),
            destinations: destinations.unwrap_or_default(),
            password_from: notify::password_from(&settings.alerts.email),
            ..self.places()
        }
    }

    fn target_info(&self, id: &str) -> Result<ConfigInfo, ChangeError> {
        let line = self.lines.get(id).ok_or(ChangeError::NotFound)?;
        let target = self.loaded.settings.target(id).ok_or(ChangeError::NotFound)?;
        let without = self.without_page();
        let file = without.as_ref().and_then(|settings| settings.target(id));
        Ok(ConfigInfo {
            version: line.version().to_string(),
            config: config::target_json(target),
            origins: origin_texts(&target.origins),
            file: file.map(config::target_json),
            file_origins: file.map(|file| origin_texts(&file.origins)).unwrap_or_default(),
            ..self.places()
        })
    }

    fn places(&self) -> ConfigInfo {
        let loaded = &self.loaded;
        ConfigInfo {
            config_path: loaded.config_path.as_ref().map(|path| path.display().to_string()),
            web_path: loaded.web_path.display().to_string(),
            data_dir: loaded.data_dir.display().to_string(),
            ..ConfigInfo::default()
        }
    }

    fn set_values(&mut self, edits: Vec<Edit>, if_match: Option<&str>) -> Result<(), ChangeError> {
        if if_match.is_some_and(|version| version != config::settings_version(&self.loaded)) {
            return Err(ChangeError::Conflict(
                "somebody changed these settings since you opened them: look again, then change".to_owned(),
            ));
        }
        let mut wanted = Vec::with_capacity(edits.len());
        for edit in edits {
            wanted.extend(self.permitted(edit)?);
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let keys: Vec<&str> = wanted.iter().map(|edit| edit.key.as_str()).collect();
        let keys = keys.join(", ");
        self.edit("", |text| web_toml::edit_values(text, &edits_of(&wanted)))?;
        tracing::info!("settings changed on the page keys={keys}");
        Ok(())
    }

    /// What of an edit may be done; `None`: nothing is to be done, a secret stays as it is.
    fn permitted(&self, mut edit: Edit) -> Result<Option<Edit>, ChangeError> {
        let is_target = edit.key.split(['.', '[']).next() == Some("targets");
        if is_target {
            return Err(invalid(&edit.key, "targets are changed one by one, by their id"));
        }
        if FILES.contains(&edit.key.as_str()) && edit.value.is_some() {
            return Err(names_a_file(&edit.key));
        }
        if edit.value == Some(Value::from(STARS)) {
            return Ok(None);
        }
        match &mut edit.value {
            Some(Value::Array(hooks)) if edit.key == "alerts.webhooks" => {
                for hook in hooks.iter_mut().filter_map(Value::as_object_mut) {
                    self.keep_secrets(hook)?;
                }
            }
            Some(Value::Object(_)) => {
                // Key by key, so that each says for itself where it comes from, and none slips by inside another.
                return Err(invalid(
                    &edit.key,
                    "a table is changed key by key: write them with points",
                ));
            }
            Some(Value::Array(list)) => {
                list.iter_mut()
                    .filter_map(Value::as_object_mut)
                    .for_each(|element| {
                        element.remove(WAS);
                    })
            }
            _ => {}
        }
        Ok(Some(edit))
    }

    /// Puts back what was shown as stars.
    fn keep_secrets(&self, hook: &mut Map<String, Value>) -> Result<(), ChangeError> {
        hook.remove(HOST);
        let was = hook.remove(WAS).and_then(|place| place.as_u64());
        let known = was.and_then(|place| {
            self.loaded
                .settings
                .alerts
                .webhooks
                .get(usize::try_from(place).ok()?)
        });
        for key in WEBHOOK_FILES {
            let before = known.map_or("", |known| {
                if key == "secret_file" {
                    &known.secret_file
                } else {
                    &known.template_file
                }
            });
            if hook.get(key).and_then(Value::as_str).unwrap_or_default() != before {
                return Err(names_a_file(&format!("alerts.webhooks.{key}")));
            }
        }
        let Some(known) = known else { return Ok(()) };
        if hook.get("url").is_some_and(|url| *url == STARS) {
            hook.insert("url".to_owned(), Value::from(known.url.reveal().as_str()));
        }
        if let Some(headers) = hook.get_mut("headers").and_then(Value::as_object_mut) {
            for (name, secret) in &known.headers {
                if headers.get(name).is_some_and(|shown| *shown == STARS) {
                    headers.insert(name.clone(), Value::from(secret.reveal().as_str()));
                }
            }
        }
        Ok(())
    }

    fn preferences(&self) -> Result<Map<String, Value>, ChangeError> {
        let path = self.loaded.data_dir.join(PREFERENCES);
        let text = web_toml::read(&path).map_err(|error| ChangeError::Failed(error.to_string()))?;
        // Somebody's own edit of the file is no reason for a page without a look.
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    fn set_preferences(&self, wanted: Map<String, Value>) -> Result<Map<String, Value>, ChangeError> {
        let path = self.loaded.data_dir.join(PREFERENCES);
        let text = Value::Object(wanted.clone()).to_string();
        web_toml::write(&path, &text).map_err(|error| ChangeError::Failed(error.to_string()))?;
        Ok(wanted)
    }

    /// How many messages these outages of one target would have been, by the rules about outages.
    fn told_of(
        &self,
        id: &str,
        from: WallTime,
        to: WallTime,
        past: &[OutageRow],
    ) -> Result<u64, ChangeError> {
        let line = self.lines.get(id).ok_or(ChangeError::NotFound)?;
        let policy = Policy {
            // What was silenced then was no fault of the thresholds.
            maintenance: Vec::new(),
            ..alerting::policy(&self.loaded.settings.alerts)
        };
        let mut facts: Vec<(WallTime, Effect)> = Vec::new();
        for row in past {
            let so_far = OutageRow {
                to: None,
                ..row.clone()
            };
            facts.push((row.from, Effect::Outage(so_far)));
            facts.extend(row.to.map(|at| (at, Effect::Outage(row.clone()))));
        }
        facts.sort_by_key(|(at, _)| *at);
        let mut replay = Replay::new(policy, std::slice::from_ref(&line.target), from);
        for (at, effect) in facts {
            replay.hear(at, effect);
        }
        Ok(replay.end(to).len() as u64)
    }

    /// Looks at this computer on a thread of its own: it takes seconds. Who asks meanwhile gets the same answer.
    pub(super) fn look(&self, is_forced: bool, reply: Answer) {
        let (now, at) = (self.now(), self.to.clock.wall());
        let mut look = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let length = if is_forced { LOOKED_AGAIN } else { LOOKED_FOR };
        if let Some((_, info)) = look.found.as_ref().filter(|(then, _)| now.since(*then) < length) {
            // The asker may have gone.
            let _ = reply.send(Ok(found(info.clone())));
            return;
        }
        match &mut look.waiting {
            Some(waiting) if waiting.len() < WAITING_MAX => return waiting.push(reply),
            Some(_) => {
                let busy = "this computer is being looked at: ask again in a few seconds".to_owned();
                let _ = reply.send(Err(ChangeError::Conflict(busy)));
                return;
            }
            none => *none = Some(vec![reply]),
        }
        let (looked, loaded) = (Arc::clone(&self.looked), self.loaded.clone());
        let run = move || {
            let looking = Looking(looked);
            let answer = doctor::of_this_computer(loaded).map(|findings| DoctorInfo {
                at,
                checks: findings.into_iter().map(check).collect(),
            });
            let mut look = looking.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Ok(info) = &answer {
                look.found = Some((now, info.clone()));
            }
            for reply in look.waiting.take().unwrap_or_default() {
                let _ = reply.send(match &answer {
                    Ok(info) => Ok(found(info.clone())),
                    Err(error) => Err(ChangeError::Failed(format!("{error:#}"))),
                });
            }
            drop(look);
        };
        // A thread that cannot be had drops the reply, which the asker is told of.
        if let Err(error) = thread::Builder::new().name("doctor".to_owned()).spawn(run) {
            look.waiting = None;
            tracing::warn!("nobody looks at this computer: {error}");
        }
    }
}

fn found(info: DoctorInfo) -> ChangeDone {
    ChangeDone {
        settings: Some(SettingsAnswer::Doctor(Box::new(info))),
        ..ChangeDone::default()
    }
}

fn check(finding: linewatch_render::doctor::Finding) -> CheckInfo {
    CheckInfo {
        name: finding.name.to_owned(),
        verdict: finding.verdict.word().to_owned(),
        sentence: finding.sentence,
        command: finding.command,
    }
}

/// The hosts of the webhooks: their addresses hold tokens and are not shown.
fn with_hosts(mut shown: Value, settings: &Settings) -> Value {
    let hooks = shown
        .pointer_mut("/alerts/webhooks")
        .and_then(Value::as_array_mut);
    for (shown, hook) in hooks.into_iter().flatten().zip(&settings.alerts.webhooks) {
        let url = hook.url.reveal();
        let rest = url.split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        if let Some(shown) = shown.as_object_mut() {
            shown.insert(HOST.to_owned(), Value::from(host));
        }
    }
    shown
}

fn names_a_file(key: &str) -> ChangeError {
    invalid(
        key,
        "cannot be set from the page, because it names a file of this computer: write it in the operator's file",
    )
}
