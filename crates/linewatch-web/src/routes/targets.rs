//! The targets: their settings, and the changes to them.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use linewatch_core::limits::ANSWER_TIME;
use tokio::sync::oneshot;

use super::{App, Call};
use crate::api::{ChangeAnswer, TargetAnswer, TargetDetail, TargetInfo, TargetList};
use crate::control::{Change, ChangeDone, ChangeError, ControlRequest, PatchError, TargetPatch};
use crate::respond::{Answer, Refusal, json};

/// All settings.
pub(super) async fn list(call: Call) -> Result<Answer, Refusal> {
    let targets = call
        .app
        .hub
        .state()
        .members()
        .map(|member| TargetInfo::from(member.entry))
        .collect();
    Ok(json(StatusCode::OK, &TargetList { targets }))
}

/// Settings and figures of one target; its version is the ETag.
pub(super) async fn get(call: Call) -> Result<Answer, Refusal> {
    let hub = &call.app.hub;
    let now = call.app.clock.anchor();
    let (answer, version) = {
        let state = hub.state();
        let member = state.member(call.id()).ok_or_else(|| unknown(call.id()))?;
        let answer = TargetAnswer {
            target: TargetInfo::from(member.entry),
            detail: member.view.map(TargetDetail::from),
            overview: hub.row(&state, member, now),
        };
        (answer, member.entry.version)
    };
    Ok(with_etag(json(StatusCode::OK, &answer), version))
}

/// A new target.
pub(super) async fn add(call: Call) -> Result<Answer, Refusal> {
    let patch = TargetPatch::from_json(&call.body)?;
    change(&call.app, Change::Add(patch), StatusCode::CREATED).await
}

/// Other settings.
pub(super) async fn patch(call: Call) -> Result<Answer, Refusal> {
    let patch = TargetPatch::from_json(&call.body)?;
    let if_match = if_match(&call.parts.headers)?;
    change(
        &call.app,
        Change::Patch {
            id: call.id().to_owned(),
            patch,
            if_match,
        },
        StatusCode::OK,
    )
    .await
}

/// Away with it.
pub(super) async fn remove(call: Call) -> Result<Answer, Refusal> {
    change(
        &call.app,
        Change::Remove {
            id: call.id().to_owned(),
        },
        StatusCode::OK,
    )
    .await
}

/// Probe it.
pub(super) async fn start(call: Call) -> Result<Answer, Refusal> {
    change(
        &call.app,
        Change::Start {
            id: call.id().to_owned(),
        },
        StatusCode::OK,
    )
    .await
}

/// Do not probe it.
pub(super) async fn stop(call: Call) -> Result<Answer, Refusal> {
    change(
        &call.app,
        Change::Stop {
            id: call.id().to_owned(),
        },
        StatusCode::OK,
    )
    .await
}

/// Hands a change to the thread that owns the settings and waits for its word.
pub(super) async fn ask(app: &App, change: Change) -> Result<ChangeDone, Refusal> {
    ask_within(app, change, ANSWER_TIME).await
}

/// As [`ask`], for what takes longer.
pub(super) async fn ask_within(app: &App, change: Change, limit: Duration) -> Result<ChangeDone, Refusal> {
    let busy =
        || Refusal::unavailable("the settings are busy; look whether the change was made, then try again");
    let (reply, word) = oneshot::channel();
    let request = ControlRequest { change, reply };
    tokio::time::timeout(ANSWER_TIME, app.control.send(request))
        .await
        .ok()
        .and_then(Result::ok)
        .ok_or_else(busy)?;
    let word = tokio::time::timeout(limit, word)
        .await
        .ok()
        .and_then(Result::ok)
        .ok_or_else(busy)?;
    Ok(word?)
}

/// Makes a change and tells what came of it.
async fn change(app: &App, change: Change, status: StatusCode) -> Result<Answer, Refusal> {
    let ChangeDone {
        target,
        removed,
        notes,
        deleted: _,
        alerts: _,
        settings: _,
    } = ask(app, change).await?;
    let answer = ChangeAnswer {
        target: target.as_ref().map(TargetInfo::from),
        removed: removed.iter().map(TargetInfo::from).collect(),
        notes,
    };
    let version = target.map(|target| target.version);
    let answer = json(status, &answer);
    Ok(match version {
        Some(version) => with_etag(answer, version),
        None => answer,
    })
}

/// The version the asker saw.
fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Refusal> {
    let Some(value) = headers.get(header::IF_MATCH) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let version = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .and_then(|text| text.parse().ok());
    let wrong = || {
        Refusal::field(
            "if-match",
            "If-Match must be the ETag of this target, as it was given",
        )
    };
    version.map(Some).ok_or_else(wrong)
}

fn with_etag(mut answer: Answer, version: u64) -> Answer {
    if let Ok(value) = HeaderValue::from_str(&format!("\"{version}\"")) {
        answer.headers_mut().insert(header::ETAG, value);
    }
    answer
}

/// There is no such target.
pub(super) fn unknown(id: &str) -> Refusal {
    Refusal::not_found(format!("there is no target \"{id}\""))
}

/// There is no such target, as the parameter `target` has it.
pub(super) fn unknown_target(id: &str) -> Refusal {
    Refusal {
        field: Some("target".to_owned()),
        ..unknown(id)
    }
}

impl From<PatchError> for Refusal {
    fn from(error: PatchError) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: "bad_body",
            message: error.message,
            field: error.field,
        }
    }
}

impl From<ChangeError> for Refusal {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Invalid { field, message } => Self {
                status: StatusCode::UNPROCESSABLE_ENTITY,
                code: "invalid",
                message,
                field,
            },
            ChangeError::NotFound => Self::not_found("there is no such target any more"),
            ChangeError::Conflict(message) => Self::new(StatusCode::CONFLICT, "conflict", message),
            ChangeError::Undelivered(message) => Self::new(StatusCode::BAD_GATEWAY, "undelivered", message),
            ChangeError::Failed(message) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", message),
        }
    }
}
