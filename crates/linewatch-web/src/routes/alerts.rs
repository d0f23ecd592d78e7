//! What people do about alerts: take notice, be silent for a while, send a test, look after what could not be delivered.
//!
//! Everything is asked of the control thread, which asks store and delivery. Not here: what a rule is, who may (`routes`).

use std::time::Duration;

use axum::http::StatusCode;
use linewatch_core::alert::Matcher;
use linewatch_core::limits::{ANSWER_TIME, FREE_TEXT_CHARS};
use serde_json::{Map, Value};

use super::targets::{ask, ask_within};
use super::{Call, known_only};
use crate::api::{NoticesAnswer, OutboxAnswer, SilenceInfo, SilenceList, TestAnswer};
use crate::control::{AlertAnswer, AlertAsk, Change};
use crate::query;
use crate::respond::{Answer, Refusal, json};

/// A server may take a minute for a mail, and its name may have to be asked for.
const TEST_TIME: Duration = Duration::from_secs(90);
/// A silence is no way to switch alerts off: for longer there is `[[alerts.maintenance]]`.
const SILENCE_MAX: Duration = Duration::from_secs(30 * 86_400);

/// Somebody has taken notice of the fault behind an event: `{"who", "note"}`, both optional.
pub(super) async fn acknowledge(call: Call) -> Result<Answer, Refusal> {
    let unknown = || Refusal::not_found(format!("\"{}\" is no event: its id is RUN-NUMBER", call.id()));
    let event = query::event_id(call.id()).ok_or_else(unknown)?;
    let body = Body::of(&call.body, &["who", "note"])?;
    let asked = AlertAsk::Acknowledge {
        event,
        who: body.text("who")?,
        note: body.text("note")?,
    };
    tell(&call, asked).await?;
    Ok(json(StatusCode::OK, &Map::new()))
}

/// The silences that hold.
pub(super) async fn silences(call: Call) -> Result<Answer, Refusal> {
    list(&call, AlertAsk::Silences, StatusCode::OK).await
}

/// `{"target", "group", "country", "partner", "label", "minutes", "comment"}`; without a condition it is about every target.
pub(super) async fn silence(call: Call) -> Result<Answer, Refusal> {
    let known = [
        "target", "group", "country", "partner", "label", "minutes", "comment",
    ];
    let body = Body::of(&call.body, &known)?;
    let asked = AlertAsk::Silence {
        matcher: Matcher {
            target: body.text("target")?,
            group: body.text("group")?,
            country: body.text("country")?,
            partner: body.text("partner")?,
            label: body.text("label")?,
        },
        length: body.minutes()?,
        comment: body.text("comment")?,
    };
    list(&call, asked, StatusCode::CREATED).await
}

/// Away with one.
pub(super) async fn end_silence(call: Call) -> Result<Answer, Refusal> {
    let id = number(&call, "silence")?;
    tell(&call, AlertAsk::EndSilence { id }).await?;
    list(&call, AlertAsk::Silences, StatusCode::OK).await
}

/// `{"destination"}`: sends a test there and answers with the server's words.
pub(super) async fn test(call: Call) -> Result<Answer, Refusal> {
    let body = Body::of(&call.body, &["destination"])?;
    let destination = body.text("destination")?;
    if destination.is_empty() {
        return Err(Refusal::field(
            "destination",
            "a test needs a destination: email, an address, webhook:1, or a webhook's host",
        ));
    }
    let change = Change::Alerts(AlertAsk::Test { destination });
    match ask_within(&call.app, change, TEST_TIME).await?.alerts {
        Some(AlertAnswer::Words(words)) => Ok(json(StatusCode::OK, &TestAnswer { words })),
        _ => Err(unanswered()),
    }
}

/// Where messages go, what waits, and what was given up.
pub(super) async fn outbox(call: Call) -> Result<Answer, Refusal> {
    match tell(&call, AlertAsk::Outbox).await? {
        AlertAnswer::Outbox(info) => Ok(json(StatusCode::OK, &OutboxAnswer::from(info))),
        _ => Err(unanswered()),
    }
}

/// Who took notice of the newest events, and which of them somebody was told of.
pub(super) async fn notices(call: Call) -> Result<Answer, Refusal> {
    match tell(&call, AlertAsk::Notices).await? {
        AlertAnswer::Notices(info) => Ok(json(StatusCode::OK, &NoticesAnswer::from(info))),
        _ => Err(unanswered()),
    }
}

/// What was given up is tried again.
pub(super) async fn retry(call: Call) -> Result<Answer, Refusal> {
    let id = number(&call, "message")?;
    tell(&call, AlertAsk::Retry { id }).await?;
    outbox(call).await
}

/// Away with what was given up.
pub(super) async fn discard(call: Call) -> Result<Answer, Refusal> {
    let id = number(&call, "message")?;
    tell(&call, AlertAsk::Discard { id }).await?;
    outbox(call).await
}

async fn list(call: &Call, asked: AlertAsk, status: StatusCode) -> Result<Answer, Refusal> {
    match tell(call, asked).await? {
        AlertAnswer::Silences(silences) => {
            let silences = silences.into_iter().map(SilenceInfo::from).collect();
            Ok(json(status, &SilenceList { silences }))
        }
        _ => Err(unanswered()),
    }
}

async fn tell(call: &Call, asked: AlertAsk) -> Result<AlertAnswer, Refusal> {
    let done = ask(&call.app, Change::Alerts(asked)).await?;
    done.alerts.ok_or_else(unanswered)
}

fn unanswered() -> Refusal {
    let seconds = ANSWER_TIME.as_secs();
    Refusal::unavailable(format!("alerts did not answer within {seconds} s; try again"))
}

fn number<T: std::str::FromStr>(call: &Call, what: &str) -> Result<T, Refusal> {
    let nothing = || Refusal::not_found(format!("there is no {what} \"{}\"", call.id()));
    call.id().parse().map_err(|_| nothing())
}

/// The body of a request, read strictly.
struct Body(Map<String, Value>);

impl Body {
    fn of(bytes: &[u8], known: &[&str]) -> Result<Self, Refusal> {
        if bytes.is_empty() {
            return Ok(Self(Map::new()));
        }
        let map: Map<String, Value> = serde_json::from_slice(bytes).map_err(|error| {
            let message = format!("the body is not a JSON object: {error}");
            Refusal::new(StatusCode::BAD_REQUEST, "bad_body", message)
        })?;
        known_only(map, known).map(Self)
    }

    /// A text of one line; empty if it is not there.
    fn text(&self, key: &str) -> Result<String, Refusal> {
        let Some(value) = self.0.get(key) else {
            return Ok(String::new());
        };
        let text = value
            .as_str()
            .filter(|text| text.chars().count() <= FREE_TEXT_CHARS && !text.contains(char::is_control));
        text.map(ToOwned::to_owned).ok_or_else(|| {
            let message = format!("`{key}` must be one line of at most {FREE_TEXT_CHARS} characters");
            Refusal::field(key, message)
        })
    }

    fn minutes(&self) -> Result<Duration, Refusal> {
        let minutes = self.0.get("minutes").and_then(Value::as_u64);
        let length = minutes.map(|minutes| Duration::from_secs(minutes.saturating_mul(60)));
        length
            .filter(|length| !length.is_zero() && *length <= SILENCE_MAX)
            .ok_or_else(|| {
                let most = SILENCE_MAX.as_secs() / 60;
                let message = format!("`minutes` must be a whole number from 1 to {most} (30 days)");
                Refusal::field("minutes", message)
            })
    }
}
