//! The settings outside the targets: values with their origins, and the changes to them.
//!
//! `PUT {"set": {key: value}, "reset": [key]}` changes what it names and nothing else; keys are those of the file, with
//! points. What a value means is the configuration's to say. Secrets go in and are read back as three stars.

use axum::http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value};

use super::Call;
use super::targets::ask;
use crate::api::ConfigAnswer;
use crate::control::Change;
use crate::query::Params;
use crate::respond::{Answer, Refusal, json};
use crate::settings::{ConfigInfo, Edit, SettingsAnswer, SettingsAsk};

/// Every key at once is fewer.
const EDITS_MAX: usize = 200;

/// Everything but the targets; with `?target=` that target.
pub(super) async fn get(call: Call) -> Result<Answer, Refusal> {
    let params = Params::of(&call.parts.uri)?;
    let asked = match params.single("target")? {
        Some(id) => SettingsAsk::Target { id: id.to_owned() },
        None => SettingsAsk::Config,
    };
    answer(ask_settings(&call, asked).await?)
}

/// Other values.
pub(super) async fn put(call: Call) -> Result<Answer, Refusal> {
    let asked = SettingsAsk::Set {
        edits: edits(&call.body)?,
        if_match: if_match(&call),
    };
    answer(ask_settings(&call, asked).await?)
}

fn answer(answer: SettingsAnswer) -> Result<Answer, Refusal> {
    let SettingsAnswer::Config(info) = answer else {
        return Err(unanswered());
    };
    let ConfigInfo { version, .. } = &*info;
    let tag = HeaderValue::from_str(&format!("\"{version}\""));
    let mut answer = json(StatusCode::OK, &ConfigAnswer::from(*info));
    if let Ok(tag) = tag {
        answer.headers_mut().insert(header::ETAG, tag);
    }
    Ok(answer)
}

/// Asks whoever owns the settings.
pub(super) async fn ask_settings(call: &Call, asked: SettingsAsk) -> Result<SettingsAnswer, Refusal> {
    let done = ask(&call.app, Change::Settings(asked)).await?;
    done.settings.ok_or_else(unanswered)
}

pub(super) fn unanswered() -> Refusal {
    Refusal::unavailable("the settings gave no answer; try again")
}

/// The version the asker saw, without its quotes; an asterisk is any.
fn if_match(call: &Call) -> Option<String> {
    let text = call.parts.headers.get(header::IF_MATCH)?.to_str().ok()?;
    let text = text.trim().trim_matches('"');
    (text != "*").then(|| text.to_owned())
}

fn edits(body: &[u8]) -> Result<Vec<Edit>, Refusal> {
    let bad = |message: String| Refusal::new(StatusCode::BAD_REQUEST, "bad_body", message);
    let map: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|error| bad(format!("the body is not a JSON object: {error}")))?;
    let mut edits = Vec::new();
    for (key, value) in map {
        match (key.as_str(), value) {
            ("set", Value::Object(values)) => edits.extend(values.into_iter().map(|(key, value)| Edit {
                key,
                value: Some(value),
            })),
            ("reset", Value::Array(keys)) => {
                for key in keys {
                    let Value::String(key) = key else {
                        return Err(bad("`reset` must be a list of keys".to_owned()));
                    };
                    edits.push(Edit { key, value: None });
                }
            }
            ("set", _) => return Err(bad("`set` must be an object of keys and values".to_owned())),
            ("reset", _) => return Err(bad("`reset` must be a list of keys".to_owned())),
            (other, _) => return Err(bad(format!("unknown field `{other}`; known are set, reset"))),
        }
    }
    if edits.len() > EDITS_MAX {
        return Err(bad(format!(
            "{} changes at once; the limit is {EDITS_MAX}",
            edits.len()
        )));
    }
    Ok(edits)
}
