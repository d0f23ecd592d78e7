//! Makes the body of a webhook's request: our JSON, what Slack, Discord, Telegram and ntfy want, or the user's own template.

use std::fs;

use linewatch_core::alert::{Cause, CauseKind, Item, Kind, Notification, Telling};
use linewatch_core::event::Severity;
use linewatch_render::message::{self, Matter};
use linewatch_render::when::rfc3339_us;
use minijinja::value::Serde;
use minijinja::{Environment, Value as Context};
use serde_json::{Value, json};

use crate::config::alerts::Webhook;

use super::carrier::Parcel;

const JSON: &str = "application/json";
/// Discord refuses longer contents, in characters.
const DISCORD_CHARS: usize = 2_000;
/// Telegram and ntfy do (4,096 bytes at ntfy, hence room for letters of two bytes).
const CHAT_CHARS: usize = 2_000;
/// Steps of a template: a page of text needs some thousand.
const FUEL: u64 = 1_000_000;
/// A template longer than this is another file.
const TEMPLATE_BYTES: u64 = 256 * 1024;

/// One request.
#[derive(Debug)]
pub(super) struct Body {
    /// Where to.
    pub url: String,
    /// Content type.
    pub kind: &'static str,
    pub bytes: Vec<u8>,
}

/// The request for this message.
///
/// # Errors
///
/// What is wrong with url or template.
pub(super) fn body(webhook: &Webhook, parcel: &Parcel<'_>) -> Result<Body, String> {
    let url = webhook.url.reveal().clone();
    let text = message::text(&parcel.head, &parcel.matter);
    let of = |url: String, value: &Value| Body {
        url,
        kind: JSON,
        bytes: value.to_string().into_bytes(),
    };
    Ok(match webhook.format.as_str() {
        "slack" => of(url, &json!({ "text": slack_text(&text) })),
        "discord" => {
            // Nobody is rung by what a target is called.
            let mentions = json!({ "parse": [] });
            let content = cut(&text, DISCORD_CHARS);
            of(url, &json!({ "content": content, "allowed_mentions": mentions }))
        }
        "telegram" => telegram(url, &text)?,
        "ntfy" => ntfy(&url, parcel, &text)?,
        "template" => templated(url, &webhook.template_file, parcel)?,
        _ => of(url, &own(parcel)),
    })
}

/// Slack reads `<...>` as links and mentions.
fn slack_text(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn telegram(url: String, text: &str) -> Result<Body, String> {
    let (address, query) = url.split_once('?').unwrap_or((&url, ""));
    let chat = query.split('&').find_map(|pair| pair.strip_prefix("chat_id="));
    let chat = chat.ok_or("its url names no chat: write ...?chat_id=NUMBER at its end")?;
    let body = json!({ "chat_id": chat, "text": cut(text, CHAT_CHARS), "disable_web_page_preview": true });
    Ok(Body {
        url: address.to_owned(),
        kind: JSON,
        bytes: body.to_string().into_bytes(),
    })
}

/// ntfy takes JSON at its root, which needs no coding of letters in headers.
fn ntfy(url: &str, parcel: &Parcel<'_>, text: &str) -> Result<Body, String> {
    let plain = url.split(['?', '#']).next().unwrap_or(url).trim_end_matches('/');
    let (root, topic) = plain
        .rsplit_once('/')
        .filter(|(root, topic)| root.len() > "https://".len() && !topic.is_empty())
        .ok_or("its url names no topic: write https://ntfy.example.com/TOPIC")?;
    let (priority, tag) = match (is_over(&parcel.matter), severity(&parcel.matter)) {
        (true, _) => (3, "white_check_mark"),
        (false, Severity::Critical) => (5, "rotating_light"),
        (false, Severity::Warning) => (4, "warning"),
        (false, Severity::Info) => (3, "information_source"),
    };
    let mut body = json!({
        "topic": topic, "title": message::subject(&parcel.head, &parcel.matter),
        "message": cut(text, CHAT_CHARS), "priority": priority, "tags": [tag],
    });
    if !parcel.head.page.is_empty() {
        body["click"] = json!(parcel.head.page);
    }
    Ok(Body {
        url: format!("{root}/"),
        kind: JSON,
        bytes: body.to_string().into_bytes(),
    })
}

fn templated(url: String, path: &str, parcel: &Parcel<'_>) -> Result<Body, String> {
    if path.is_empty() {
        return Err("format \"template\" needs a template_file".to_owned());
    }
    let size = fs::metadata(path).map(|metadata| metadata.len());
    let size = size.map_err(|error| format!("cannot read {path}: {error}"))?;
    if size > TEMPLATE_BYTES {
        return Err(format!("{path} is no template: it has {size} bytes"));
    }
    let template = fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}"))?;
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    let bytes = environment
        .render_str(&template, Context::from(Serde(own(parcel))))
        .map_err(|error| format!("{path}: {error}"))?
        .into_bytes();
    let is_json = serde_json::from_slice::<Value>(&bytes).is_ok();
    Ok(Body {
        url,
        kind: if is_json {
            JSON
        } else {
            "text/plain; charset=utf-8"
        },
        bytes,
    })
}

/// Our own shape, version 1; `event`, `host`, `timestamp` and `stats` as S3's webhooks have them.
fn own(parcel: &Parcel<'_>) -> Value {
    let Parcel { head, matter, .. } = parcel;
    let first = Parcel::first_item(matter);
    let (event, at) = match matter {
        Matter::Alerts(_) => (first.map_or("alert", event_word), None),
        Matter::Stopped { at, .. } => ("monitor_stopped", Some(*at)),
        Matter::Interrupted { to, .. } => ("monitor_interrupted", Some(*to)),
        Matter::Report(digest) => ("report", Some(digest.to)),
        Matter::Test { at } => ("test", Some(*at)),
    };
    let timestamp = at.or_else(|| first.map(|item| item.until.unwrap_or(item.since)));
    let alerts: Vec<Value> = match matter {
        Matter::Alerts(notifications) => notifications.iter().map(alert).collect(),
        Matter::Stopped { .. } | Matter::Interrupted { .. } | Matter::Report(_) | Matter::Test { .. } => {
            Vec::new()
        }
    };
    json!({
        "version": 1,
        "id": parcel.message_id,
        "event": event,
        "host": first.map(|item| &item.address),
        "timestamp": rfc3339_us(timestamp.unwrap_or(parcel.at)),
        "stats": first.map(|item| json!({
            "sent": item.sent, "lost": item.lost, "duration_ms": duration_ms(item),
        })),
        "severity": severity(matter).word(),
        "vantage": head.vantage,
        "subject": message::subject(head, matter),
        "text": message::text(head, matter),
        "page": head.page,
        "alerts": alerts,
    })
}

const fn event_word(item: &Item) -> &'static str {
    match (item.kind, item.telling) {
        (Kind::Outage, Telling::Began) => "outage_detected",
        (Kind::Outage, Telling::Ended) => "outage_ended",
        (_, Telling::Began) => "alert_began",
        (_, Telling::Ended) => "alert_ended",
        (_, Telling::Withdrawn) => "alert_withdrawn",
        (_, Telling::Escalated) => "alert_escalated",
    }
}

fn alert(notification: &Notification) -> Value {
    json!({
        "serial": notification.serial,
        "at": rfc3339_us(notification.at),
        "severity": notification.severity.word(),
        "causes": notification.causes.iter().map(cause).collect::<Vec<_>>(),
        "items": notification.items.iter().map(item).collect::<Vec<_>>(),
        "more": notification.more,
    })
}

fn cause(cause: &Cause) -> Value {
    let kind = match cause.kind {
        CauseKind::Behind(_) => "behind",
        CauseKind::EveryTarget => "every_target",
    };
    json!({ "kind": kind, "name": cause.name, "targets": cause.targets, "names": cause.names })
}

fn item(item: &Item) -> Value {
    json!({
        "target": item.slug,
        "name": item.name,
        "address": item.address,
        "kind": item.kind.word(),
        "telling": item.telling.word(),
        "since": rfc3339_us(item.since),
        "until": item.until.map(rfc3339_us),
        "duration_ms": duration_ms(item),
        "sent": item.sent,
        "lost": item.lost,
        "outages": item.outages,
        "value": item.value,
        "limit": item.limit,
        "event": item.event.map(|id| id.to_string()),
    })
}

fn duration_ms(item: &Item) -> f64 {
    item.duration_ns as f64 / 1e6
}

fn severity(matter: &Matter<'_>) -> Severity {
    match matter {
        Matter::Alerts(notifications) => notifications
            .iter()
            .map(|notification| notification.severity)
            .max()
            .unwrap_or(Severity::Info),
        Matter::Stopped { .. } | Matter::Interrupted { .. } => Severity::Warning,
        Matter::Report(_) | Matter::Test { .. } => Severity::Info,
    }
}

/// The last thing that is told is an end.
fn is_over(matter: &Matter<'_>) -> bool {
    let Matter::Alerts(notifications) = matter else {
        return false;
    };
    let last = notifications
        .last()
        .and_then(|notification| notification.items.last());
    last.is_some_and(|item| matches!(item.telling, Telling::Ended | Telling::Withdrawn))
}

fn cut(text: &str, chars: usize) -> String {
    if text.chars().count() <= chars {
        return text.to_owned();
    }
    let head: String = text.chars().take(chars - 1).collect();
    head + "…"
}
