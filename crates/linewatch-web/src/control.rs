//! Carries changes from the page to the thread that owns the settings, and its answer back.
//!
//! Reads the JSON of a change strictly: an unknown or mistyped field is refused by name. What a value *means*
//! (is it an address? a duration?) is the configuration's to say. Not here: who may change anything (`guard`).

use std::time::Duration;

use linewatch_core::alert::{Matcher, Silence};
use linewatch_core::event::EventId;
use linewatch_core::time::WallTime;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::api::Notice;
use crate::catalog::CatalogEntry;
use crate::settings::{Edit, SettingsAnswer, SettingsAsk};

/// Where changes go.
pub type ControlSender = tokio::sync::mpsc::Sender<ControlRequest>;

/// One change that waits for its answer.
#[derive(Debug)]
pub struct ControlRequest {
    /// What is asked.
    pub change: Change,
    /// The answer; the asker may have gone.
    pub reply: tokio::sync::oneshot::Sender<Result<ChangeDone, ChangeError>>,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A new target.
    Add(TargetPatch),
    /// Other settings of a target.
    Patch {
        /// Its slug.
        id: String,
        /// What changes.
        patch: TargetPatch,
        /// The version the asker saw; another one now is a [`ChangeError::Conflict`].
        if_match: Option<u64>,
    },
    /// Away with it; its history stays.
    Remove {
        /// Its slug.
        id: String,
    },
    /// Probe it.
    Start {
        /// Its slug.
        id: String,
    },
    /// Do not probe it.
    Stop {
        /// Its slug.
        id: String,
    },
    /// S0's form: its target, and what else it shows.
    Tool(ToolPatch),
    /// Away with the events that are older than they are to be kept.
    CleanUpEvents,
    /// Something about alerts.
    Alerts(AlertAsk),
    /// Wrong passwords were tried: a sentence for an event.
    LoginFailed(String),
    /// Something about everything else that is configured.
    Settings(SettingsAsk),
}

/// What people do about alerts, and ask.
#[derive(Clone, Debug, PartialEq)]
pub enum AlertAsk {
    /// Somebody has taken notice of the fault behind this event.
    Acknowledge {
        /// Which.
        event: EventId,
        /// Who.
        who: String,
        /// What they say about it.
        note: String,
    },
    /// Which silences hold.
    Silences,
    /// Tell nothing about these.
    Silence {
        /// Which targets.
        matcher: Matcher,
        /// From now on, for so long.
        length: Duration,
        /// Why.
        comment: String,
    },
    /// Tell of them again.
    EndSilence {
        /// Its number.
        id: u64,
    },
    /// Send a test and wait for the server's words.
    Test {
        /// `email`, an address, `webhook:1`, or a webhook's host.
        destination: String,
    },
    /// What waits, and what was given up.
    Outbox,
    /// Who took notice of what, and which events somebody was told of.
    Notices,
    /// Try again what was given up.
    Retry {
        /// Its number.
        id: i64,
    },
    /// Send by mail what a webhook did not take and was given up.
    MailInstead {
        /// Its number.
        id: i64,
    },
    /// Away with what was given up.
    Discard {
        /// Its number.
        id: i64,
    },
}

/// What comes of an [`AlertAsk`].
#[derive(Clone, Debug, PartialEq)]
pub enum AlertAnswer {
    /// It is done.
    Done,
    /// Those that hold.
    Silences(Vec<Silence>),
    /// The server's.
    Words(String),
    /// The outbox.
    Outbox(OutboxInfo),
    /// Of the newest events.
    Notices(NoticesInfo),
}

/// What became of events among people, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoticesInfo {
    /// Who took notice.
    pub acks: Vec<AckInfo>,
    /// Who was told.
    pub told: Vec<ToldInfo>,
}

/// Somebody took notice of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AckInfo {
    /// Which.
    pub event: EventId,
    /// When.
    pub at: WallTime,
    /// Who; may be empty.
    pub who: String,
    /// What they say about it; may be empty.
    pub note: String,
}

/// One message that tells of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldInfo {
    /// Which events it tells of.
    pub events: Vec<EventId>,
    /// By a webhook; else by mail. The address itself is nobody's business who may only look.
    pub is_webhook: bool,
    /// When it was accepted, or else decided.
    pub at: WallTime,
    /// `sent`, `waiting`, `dead`.
    pub state: &'static str,
}

/// What waits to be delivered, and what was given up, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboxInfo {
    /// Where messages go: `email`, `webhook:1`.
    pub destinations: Vec<String>,
    /// Is tried again.
    pub waiting: Vec<LetterInfo>,
    /// Was given up.
    pub dead: Vec<LetterInfo>,
}

/// One message to one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterInfo {
    /// Its number.
    pub id: i64,
    /// Whom.
    pub destination: String,
    /// When it was decided.
    pub made: WallTime,
    /// When it is tried next.
    pub due: WallTime,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
}

/// New values of S0's `config.json`; absent fields stay as they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolPatch {
    /// Settings of S0's target, which is made if there is none.
    pub target: TargetPatch,
    /// `web.live_points`.
    pub live_points: Option<u32>,
    /// `storage.retention.events`, in days.
    pub event_retention_days: Option<u32>,
}

/// A change that was made.
#[derive(Clone, Debug, Default)]
pub struct ChangeDone {
    /// The target as it is now; `None` after a removal.
    pub target: Option<CatalogEntry>,
    /// Built-in lines that left because the first own target came.
    pub removed: Vec<CatalogEntry>,
    /// Worth showing at once.
    pub notes: Vec<Notice>,
    /// Rows that a clean-up deleted.
    pub deleted: u64,
    /// What came of an [`AlertAsk`].
    pub alerts: Option<AlertAnswer>,
    /// What came of a [`SettingsAsk`].
    pub settings: Option<SettingsAnswer>,
}

/// A change that was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeError {
    /// A value cannot be.
    Invalid {
        /// Which.
        field: Option<String>,
        /// Why, and what would do.
        message: String,
    },
    /// There is no such target.
    NotFound,
    /// Somebody else was first, or the name is taken.
    Conflict(String),
    /// It could not be saved.
    Failed(String),
    /// The far end did not take it, in its words where it had any.
    Undelivered(String),
}

/// Settings as typed on the page; absent fields stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct TargetPatch {
    /// Slug.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What a person calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `HOST`, `HOST:PORT`, `tcp://HOST:PORT`, `udp://HOST:PORT`, `icmp://HOST`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// `icmp` or `tcp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<String>,
    /// 1 to 65535.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// `auto`, `4`, `6`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// A length with its unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// A length with its unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// ICMP payload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_bytes: Option<u16>,
    /// ISO code, `LAN` or `ANY`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner: Option<String>,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// A `threshold_exceeded` episode is above it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_threshold_ms: Option<f64>,
    /// Probed at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Every other key, and those that go back to the file (`null`).
    #[serde(skip)]
    pub edits: Vec<Edit>,
}

/// Why a body is no patch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PatchError {
    /// The field at fault; `None`: the body itself.
    pub(crate) field: Option<String>,
    /// A sentence.
    pub(crate) message: String,
}

const FIELDS: &str = "id, name, address, probe, port, family, interval, timeout, payload_bytes, country, partner, group, latency_threshold_ms, enabled";

impl TargetPatch {
    /// Keys whose value the configuration reads itself; those of tables also with points (`outage.window`).
    pub(crate) const MORE: [&str; 8] = [
        "payload",
        "source",
        "dscp",
        "behind",
        "labels",
        "grades_ms",
        "status",
        "outage",
    ];

    /// Reads the body of a change. By hand instead of by derive, so that every error names its field.
    pub(crate) fn from_json(body: &[u8]) -> Result<Self, PatchError> {
        let map: Map<String, Value> = serde_json::from_slice(body).map_err(|error| PatchError {
            field: None,
            message: format!("the body is not a JSON object: {error}"),
        })?;
        let mut patch = Self::default();
        for (key, value) in &map {
            patch.set(key, value)?;
        }
        Ok(patch)
    }

    fn set(&mut self, key: &str, value: &Value) -> Result<(), PatchError> {
        let first = key.split('.').next().unwrap_or_default();
        let is_more = Self::MORE.contains(&first);
        if is_more || (value.is_null() && FIELDS.split(", ").any(|field| field == key)) {
            self.edits.push(Edit {
                key: key.to_owned(),
                value: (!value.is_null()).then(|| value.clone()),
            });
            return Ok(());
        }
        match key {
            "id" => self.id = Some(text(key, value)?),
            "name" => self.name = Some(text(key, value)?),
            "address" => self.address = Some(text(key, value)?),
            "probe" => self.probe = Some(text(key, value)?),
            "port" => self.port = Some(number(key, value)?),
            "family" => self.family = Some(text(key, value)?),
            "interval" => self.interval = Some(text(key, value)?),
            "timeout" => self.timeout = Some(text(key, value)?),
            "payload_bytes" => self.payload_bytes = Some(number(key, value)?),
            "country" => self.country = Some(text(key, value)?),
            "partner" => self.partner = Some(text(key, value)?),
            "group" => self.group = Some(text(key, value)?),
            "latency_threshold_ms" => {
                self.latency_threshold_ms = Some(value.as_f64().ok_or_else(|| wrong(key, "a number"))?);
            }
            "enabled" => self.enabled = Some(value.as_bool().ok_or_else(|| wrong(key, "true or false"))?),
            _ => {
                return Err(PatchError {
                    field: Some(key.to_owned()),
                    message: format!(
                        "unknown field `{key}`; known are {FIELDS}, {}",
                        Self::MORE.join(", ")
                    ),
                });
            }
        }
        Ok(())
    }
}

fn text(key: &str, value: &Value) -> Result<String, PatchError> {
    value
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| wrong(key, "a text"))
}

fn number(key: &str, value: &Value) -> Result<u16, PatchError> {
    value
        .as_u64()
        .and_then(|number| u16::try_from(number).ok())
        .ok_or_else(|| wrong(key, "a whole number from 0 to 65535"))
}

fn wrong(key: &str, expected: &str) -> PatchError {
    PatchError {
        field: Some(key.to_owned()),
        message: format!("`{key}` must be {expected}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(body: &str, field: Option<&str>) {
        let error = TargetPatch::from_json(body.as_bytes()).expect_err(body);
        assert_eq!(error.field.as_deref(), field, "{body}: {}", error.message);
    }

    #[test]
    fn a_patch_holds_what_was_typed() {
        let patch = TargetPatch::from_json(br#"{"address":"example.org:443","port":443,"enabled":false}"#);
        let expected = TargetPatch {
            address: Some("example.org:443".to_owned()),
            port: Some(443),
            enabled: Some(false),
            ..TargetPatch::default()
        };
        assert_eq!(patch, Ok(expected));
    }

    #[test]
    fn null_goes_back_to_the_file_and_tables_are_handed_on_as_they_are() {
        let patch = TargetPatch::from_json(br#"{"name":null,"outage.window":"5s","labels":{"site":"a"}}"#);
        let edit = |key: &str, value| Edit {
            key: key.to_owned(),
            value,
        };
        let mut edits = patch.expect("right").edits;
        edits.sort_by(|one, other| one.key.cmp(&other.key));
        let expected = [
            edit("labels", Some(serde_json::json!({"site": "a"}))),
            edit("name", None),
            edit("outage.window", Some(Value::from("5s"))),
        ];
        assert_eq!(edits, expected);
    }

    #[test]
    fn every_refusal_names_its_field() {
        check_refused(r#"{"adress":"x"}"#, Some("adress"));
        check_refused(r#"{"port":"443"}"#, Some("port"));
        check_refused(r#"{"port":65536}"#, Some("port"));
        check_refused(r#"{"port":-1}"#, Some("port"));
        check_refused(r#"{"nam":null}"#, Some("nam"));
        check_refused(r#"{"outag.window":"1s"}"#, Some("outag.window"));
        check_refused(r#"{"enabled":1}"#, Some("enabled"));
        check_refused("[]", None);
        check_refused("{", None);
    }

    #[test]
    fn json_nested_without_end_is_refused_and_not_followed() {
        check_refused(&"[".repeat(100_000), None);
        check_refused(&format!("{{\"name\":{}", "[".repeat(100_000)), None);
    }
}
