//! The checks of `linewatch doctor` that ask nobody but this computer, each fault with its cure.

use std::time::Duration;

use axum::http::StatusCode;

use super::Call;
use super::config::unanswered;
use super::targets::ask_within;
use crate::api::DoctorAnswer;
use crate::control::Change;
use crate::query::Params;
use crate::respond::{Answer, Refusal, json};
use crate::settings::{SettingsAnswer, SettingsAsk};

/// It measures for a second how punctual this computer is, and waits for its own answers over loopback.
const LOOKING_TIME: Duration = Duration::from_secs(30);

/// What was found, at most a minute ago; `?fresh=1` looks again.
pub(super) async fn get(call: Call) -> Result<Answer, Refusal> {
    let is_forced = Params::of(&call.parts.uri)?.single("fresh")? == Some("1");
    let change = Change::Settings(SettingsAsk::Doctor { is_forced });
    match ask_within(&call.app, change, LOOKING_TIME).await?.settings {
        Some(SettingsAnswer::Doctor(info)) => Ok(json(StatusCode::OK, &DoctorAnswer::from(*info))),
        _ => Err(unanswered()),
    }
}
