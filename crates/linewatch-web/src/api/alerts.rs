//! Shapes of silences, tests and the outbox.

use linewatch_core::alert::Silence;
use serde::Serialize;

use crate::control::{LetterInfo, OutboxInfo};

/// Answer of `GET` and `POST /api/v1/silences`.
#[derive(Debug, Serialize)]
pub(crate) struct SilenceList {
    pub(crate) silences: Vec<SilenceInfo>,
}

/// One silence.
#[derive(Debug, Serialize)]
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
#[derive(Debug, Serialize)]
pub(crate) struct TestAnswer {
    pub(crate) words: String,
}

/// Answer of `GET /api/v1/alerts/outbox`.
#[derive(Debug, Serialize)]
pub(crate) struct OutboxAnswer {
    destinations: Vec<String>,
    waiting: Vec<LetterRow>,
    dead: Vec<LetterRow>,
}

/// One message to one destination.
#[derive(Debug, Serialize)]
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
