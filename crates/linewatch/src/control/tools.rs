//! What the tools' own routes ask of the settings: which target is S0's, its form, and the clean-up of old events.
//!
//! A change is an edit of `web.toml` like any other (`change`). Not here: the routes and their shapes (`linewatch_web`).

use linewatch_core::port::Clock;
use linewatch_core::spec::unique_slug;
use linewatch_store::{Description, StoreMessage};
use linewatch_web::{ChangeDone, ChangeError, ToolPatch, ToolSettings};

use super::change::changes_of;
use super::{Control, Line};
use crate::config::units::Keep;
use crate::config::web_toml::{self, TargetChanges};
use crate::config::{Settings, host_text};

/// The one of the built-in targets that S0 would probe (REQUIREMENTS X12).
const S0_DEFAULT: &str = "8.8.8.8";

/// S0's one target: the first that somebody wrote down (an imported one is the first of its file), else 8.8.8.8 of the
/// built-in ones, else whichever is there.
fn s0_target(settings: &Settings) -> Option<&str> {
    let targets = &settings.targets;
    let own = targets.iter().find(|target| !target.is_built_in);
    let usual = || {
        targets
            .iter()
            .find(|target| target.target.address_text() == S0_DEFAULT)
    };
    own.or_else(usual)
        .or_else(|| targets.first())
        .map(|target| target.target.slug.as_str())
}

impl<C: Clock> Control<C> {
    /// Tells page and store what the tools' routes and S1's columns show.
    pub(super) fn publish_tools(&self) {
        let settings = &self.loaded.settings;
        self.to.hub.tools(ToolSettings {
            target: s0_target(settings).map(str::to_owned),
            live_points: settings.web.live_points,
            event_retention: match settings.storage.retention.events {
                Keep::For(length) => Some(length),
                Keep::Forever => None,
            },
        });
        let numbered = self.lines.values().filter(|line| !line.is_unnumbered);
        let described = numbered.map(|line| description(line)).collect();
        self.to.store.try_send(StoreMessage::Described(described));
    }

    /// S0's form. Without any target it makes one.
    pub(super) fn tool_asked(&mut self, patch: &ToolPatch) -> Result<ChangeDone, ChangeError> {
        let mut changes = changes_of(&patch.target);
        let id = match (s0_target(&self.loaded.settings), &patch.target.address) {
            (Some(id), _) => {
                let line = self.lines.get(id);
                changes.is_about_typed = line.is_some_and(|line| line.settings().is_command_line)
                    && changes != TargetChanges::default();
                id.to_owned()
            }
            (None, Some(address)) => unique_slug(address, |id| self.lines.contains_key(id)),
            (None, None) => {
                return Err(ChangeError::Invalid {
                    field: Some("destination_ip".to_owned()),
                    message: "there is no target yet: send a destination_ip".to_owned(),
                });
            }
        };
        self.edit(&id, |text| {
            let mut text = text.to_owned();
            if changes != TargetChanges::default() {
                text = web_toml::set_target(&text, &id, &changes)?;
            }
            if let Some(points) = patch.live_points {
                text = web_toml::set_value(&text, &["web"], "live_points", i64::from(points))?;
            }
            if let Some(days) = patch.event_retention_days {
                text = web_toml::set_value(&text, &["storage", "retention"], "events", format!("{days}d"))?;
            }
            Ok(text)
        })
    }

    /// Deletes the events that are older than they are to be kept.
    pub(super) fn clean_up_events(&mut self) -> Result<ChangeDone, ChangeError> {
        let deleted = match self.loaded.settings.storage.retention.events {
            Keep::Forever => 0,
            Keep::For(length) => self
                .to
                .store
                .delete_events(self.to.clock.wall().minus(length))
                .map_err(|error| ChangeError::Failed(format!("the events were not all deleted: {error}")))?,
        };
        Ok(ChangeDone {
            deleted,
            ..ChangeDone::default()
        })
    }
}

fn description(line: &Line) -> Description {
    let target = &line.target;
    Description {
        target: target.id,
        country: target.country.clone(),
        partner: target.partner.clone(),
        host: host_text(&target.host),
        grades: target.thresholds.grades,
    }
}
