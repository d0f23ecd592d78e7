//! How the page looks where a browser has no choice of its own: theme, density, keys. Kept by this monitor for every browser.
//!
//! The page alone knows what a preference means; here it is a word with a plain value. `PUT` replaces them all.

use axum::http::StatusCode;
use linewatch_core::limits::FREE_TEXT_CHARS;
use serde_json::{Map, Value};

use super::Call;
use super::config::{ask_settings, unanswered};
use crate::api::PreferencesAnswer;
use crate::respond::{Answer, Refusal, json};
use crate::settings::{SettingsAnswer, SettingsAsk};

/// A page has about ten.
const PREFERENCES_MAX: usize = 64;
/// The longest word that names one.
const NAME_CHARS_MAX: usize = 40;

/// As they are kept.
pub(super) async fn get(call: Call) -> Result<Answer, Refusal> {
    answer(ask_settings(&call, SettingsAsk::Preferences).await?)
}

/// Others, all at once.
pub(super) async fn put(call: Call) -> Result<Answer, Refusal> {
    let wanted = read(&call.body)?;
    answer(ask_settings(&call, SettingsAsk::SetPreferences(wanted)).await?)
}

fn answer(answer: SettingsAnswer) -> Result<Answer, Refusal> {
    match answer {
        SettingsAnswer::Preferences(preferences) => {
            Ok(json(StatusCode::OK, &PreferencesAnswer { preferences }))
        }
        SettingsAnswer::Config(_) | SettingsAnswer::Doctor(_) | SettingsAnswer::Replay(_) => {
            Err(unanswered())
        }
    }
}

fn read(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let bad = |message: String| Refusal::new(StatusCode::BAD_REQUEST, "bad_body", message);
    let map: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|error| bad(format!("the body is not a JSON object: {error}")))?;
    if map.len() > PREFERENCES_MAX {
        return Err(bad(format!(
            "{} preferences; the limit is {PREFERENCES_MAX}",
            map.len()
        )));
    }
    let is_word = |name: &str| {
        (1..=NAME_CHARS_MAX).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    let is_plain = |value: &Value| match value {
        Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => text.chars().count() <= FREE_TEXT_CHARS && !text.contains(char::is_control),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    };
    match map
        .iter()
        .find(|(name, value)| !is_word(name) || !is_plain(value))
    {
        None => Ok(map),
        Some((name, _)) => Err(Refusal::field(
            name,
            format!(
                "\"{name}\" is no preference: a name of small letters, and a text of at most {FREE_TEXT_CHARS} characters, a number, true or false"
            ),
        )),
    }
}
