//! Shapes of silences, tests and the outbox.

use linewatch_core::alert::Silence;
use schemars::JsonSchema;
use serde::Serialize;

use crate::control::{AckInfo, LetterInfo, NoticesInfo, OutboxInfo, ToldInfo};

/// Answer of `GET` and `POST /api/v1/silences`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SilenceList {
    pub(crate) silences: Vec<SilenceInfo>,
}

/// One silence.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SilenceInfo {
    id: u64,
    target: String,
    group: String,
    country: String,
    partner: String,
    label: String,
    until: i64,
    comment: String,
}

impl From<Silence> for SilenceInfo {
    fn from(silence: Silence) -> Self {
        Self {
            id: silence.id,
            target: silence.matcher.target,
            group: silence.matcher.group,
            country: silence.matcher.country,
            partner: silence.matcher.partner,
            label: silence.matcher.label,
            until: silence.until.as_millis(),
            comment: silence.comment,
        }
    }
}

/// Answer of `POST /api/v1/alerts/test`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TestAnswer {
    pub(crate) words: String,
}

/// Answer of `GET /api/v1/alerts/outbox`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct OutboxAnswer {
    destinations: Vec<String>,
    waiting: Vec<LetterRow>,
    dead: Vec<LetterRow>,
}

/// One message to one destination.
#[derive(Debug, Serialize, JsonSchema)]
struct LetterRow {
    id: i64,
    destination: String,
    made: i64,
    due: i64,
    attempts: u32,
    last_error: Option<String>,
}

impl From<OutboxInfo> for OutboxAnswer {
    fn from(info: OutboxInfo) -> Self {
        let rows = |letters: Vec<LetterInfo>| letters.into_iter().map(LetterRow::from).collect();
        Self {
            destinations: info.destinations,
            waiting: rows(info.waiting),
            dead: rows(info.dead),
        }
    }
}

impl From<LetterInfo> for LetterRow {
    fn from(letter: LetterInfo) -> Self {
        Self {
            id: letter.id,
            destination: letter.destination,
            made: letter.made.as_millis(),
            due: letter.due.as_millis(),
            attempts: letter.attempts,
            last_error: letter.last_error,
        }
    }
}

/// Answer of `GET /api/v1/alerts/notices`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct NoticesAnswer {
    acks: Vec<AckRow>,
    told: Vec<ToldRow>,
}

/// Somebody took notice.
#[derive(Debug, Serialize, JsonSchema)]
struct AckRow {
    event: String,
    at: i64,
    who: String,
    note: String,
}

/// One message and the events it tells of.
#[derive(Debug, Serialize, JsonSchema)]
struct ToldRow {
    events: Vec<String>,
    via: &'static str,
    at: i64,
    state: &'static str,
}

impl From<NoticesInfo> for NoticesAnswer {
    fn from(info: NoticesInfo) -> Self {
        Self {
            acks: info.acks.into_iter().map(AckRow::from).collect(),
            told: info.told.into_iter().map(ToldRow::from).collect(),
        }
    }
}

impl From<AckInfo> for AckRow {
    fn from(ack: AckInfo) -> Self {
        Self {
            event: ack.event.to_string(),
            at: ack.at.as_millis(),
            who: ack.who,
            note: ack.note,
        }
    }
}

impl From<ToldInfo> for ToldRow {
    fn from(told: ToldInfo) -> Self {
        Self {
            events: told.events.iter().map(ToString::to_string).collect(),
            via: if told.is_webhook { "webhook" } else { "mail" },
            at: told.at.as_millis(),
            state: told.state,
        }
    }
}
