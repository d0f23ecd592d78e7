//! S0's routes: settings, events and counts of the one target it knows (REQUIREMENTS S0-15, S0-16, S0-25, X12).
//!
//! Outages and runs of losses are its `packet_loss`, slow episodes its `threshold_exceeded`. A change is the page's: it
//! goes to `web.toml` and is judged there once more.

use std::collections::HashMap;
use std::time::Duration;

use axum::http::StatusCode;
use linewatch_core::event::{Event, EventKind};
use linewatch_core::limits::API_ROWS;
use linewatch_core::port::{RowQuery, StoredTarget};
use linewatch_core::target::TargetId;
use serde_json::Number;

use super::super::{Call, history, targets};
use super::{s0_patch, utc};
use crate::api::{S0Config, S0Done, S0Event, S0Stats, rtt_ms};
use crate::catalog::CatalogEntry;
use crate::control::{Change, ChangeDone};
use crate::live::State;
use crate::query::Params;
use crate::respond::{Answer, Refusal, json};

/// Rows if nothing else is asked for, as in S0.
const ROWS_DEFAULT: usize = 100;
/// The kinds S0 knows, in its two words.
const KINDS: [EventKind; 3] = [
    EventKind::PacketLoss,
    EventKind::Outage,
    EventKind::ThresholdExceeded,
];
const DAY: Duration = Duration::from_secs(86_400);

/// `GET /api/config`.
pub(in crate::routes) async fn config(call: Call) -> Result<Answer, Refusal> {
    Params::of(&call.parts.uri)?;
    let config = {
        let state = call.app.hub.state();
        config_of(&state, entry(&state)?)
    };
    Ok(json(StatusCode::OK, &config))
}

/// `POST /api/config`.
pub(in crate::routes) async fn set_config(call: Call) -> Result<Answer, Refusal> {
    Params::of(&call.parts.uri)?;
    let patch = {
        let state = call.app.hub.state();
        let now = entry(&state).ok().map(|entry| config_of(&state, entry));
        s0_patch::read(&call.body, now.as_ref())?
    };
    targets::ask(&call.app, Change::Tool(patch))
        .await
        .map_err(as_s0)?;
    let config = {
        let state = call.app.hub.state();
        entry(&state).ok().map(|entry| config_of(&state, entry))
    };
    let done = S0Done {
        success: true,
        config,
        deleted_count: None,
    };
    Ok(json(StatusCode::OK, &done))
}

/// S0 knows one status for a value that cannot be.
fn as_s0(refusal: Refusal) -> Refusal {
    match refusal.status {
        StatusCode::UNPROCESSABLE_ENTITY => Refusal {
            status: StatusCode::BAD_REQUEST,
            ..refusal
        },
        _ => refusal,
    }
}

/// `GET /api/events?limit=100`: newest first.
pub(in crate::routes) async fn events(call: Call) -> Result<Answer, Refusal> {
    let limit = Params::of(&call.parts.uri)?.number("limit", ROWS_DEFAULT, 1, API_ROWS)?;
    let (series, stored) = series(&call).await?;
    let asked = series.clone();
    let found = call.app.ask_history(move |history| {
        let mut events = Vec::new();
        for kind in KINDS {
            events.extend(history.events(&RowQuery {
                targets: Some(asked.clone()),
                kind: Some(kind),
                severity: None,
                level: None,
                from: None,
                to: None,
                before: None,
                limit,
            })?);
        }
        Ok(events)
    });
    let mut events = found.await?;
    events.sort_by_key(|event| std::cmp::Reverse(event.id));
    events.truncate(limit);
    let addresses: HashMap<TargetId, &str> = stored
        .iter()
        .map(|target| (target.id, target.address.as_str()))
        .collect();
    let address = |event: &Event| event.target.and_then(|id| addresses.get(&id).copied());
    let rows: Vec<S0Event> = events
        .iter()
        .map(|event| row(event, address(event).unwrap_or_default()))
        .collect();
    Ok(json(StatusCode::OK, &rows))
}

fn row(event: &Event, address: &str) -> S0Event {
    S0Event {
        // One number of two: run and seq, the greater the newer; exact in a browser up to run 2 million.
        id: event.id.run.0 << 32 | event.id.seq,
        timestamp: utc(event.at, "%Y-%m-%dT%H:%M:%S%.3fZ"),
        event_type: match event.kind {
            EventKind::ThresholdExceeded => "threshold_exceeded",
            _ => "packet_loss",
        },
        latency_ms: rtt_ms(event.excess.map(|excess| excess.peak)),
        threshold_ms: rtt_ms(event.excess.map(|excess| excess.limit)),
        destination_ip: address.to_owned(),
        message: event.message.clone(),
    }
}

/// `POST /api/events/cleanup`, without a body.
pub(in crate::routes) async fn clean_up(call: Call) -> Result<Answer, Refusal> {
    Params::of(&call.parts.uri)?;
    let ChangeDone { deleted, .. } = targets::ask(&call.app, Change::CleanUpEvents).await?;
    let done = S0Done {
        success: true,
        config: None,
        deleted_count: Some(deleted),
    };
    Ok(json(StatusCode::OK, &done))
}

/// `GET /api/stats`.
pub(in crate::routes) async fn stats(call: Call) -> Result<Answer, Refusal> {
    Params::of(&call.parts.uri)?;
    let (series, _) = series(&call).await?;
    let total_events = call
        .app
        .ask_history(move |history| history.count_events(&series, &KINDS))
        .await?;
    let state = call.app.hub.state();
    let entry = entry(&state)?;
    let stats = S0Stats {
        total_events,
        monitor_running: entry.target.is_enabled,
        current_config: config_of(&state, entry),
    };
    Ok(json(StatusCode::OK, &stats))
}

/// S0's one target.
fn entry(state: &State) -> Result<&CatalogEntry, Refusal> {
    let slug = state.tools.target.as_deref();
    slug.and_then(|slug| state.member(slug))
        .map(|member| member.entry)
        .ok_or_else(|| {
            Refusal::not_found(
                "no target is configured: send a destination_ip to POST /api/config, or add one on the page",
            )
        })
}

/// Every series S0's target has or had, and what is stored of all.
async fn series(call: &Call) -> Result<(Vec<TargetId>, Vec<StoredTarget>), Refusal> {
    let slug = entry(&call.app.hub.state())?.target.slug.clone();
    let stored = call.app.ask_history(|history| history.targets()).await?;
    Ok((history::series_named(call, &slug, &stored), stored))
}

fn config_of(state: &State, entry: &CatalogEntry) -> S0Config {
    let target = &entry.target;
    let tools = &state.tools;
    S0Config {
        destination_ip: target.address_text(),
        latency_threshold_ms: number(target.thresholds.latency.as_millis_f64()),
        ping_interval_seconds: number(target.plan.interval.as_secs_f64()),
        max_graph_points: tools.live_points,
        event_retention_days: tools
            .event_retention
            .and_then(|kept| number(kept.as_secs_f64() / DAY.as_secs_f64())),
    }
}

/// A whole number without a point, as S0 has it.
fn number(value: f64) -> Option<Number> {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        Some(Number::from(value as i64))
    } else {
        Number::from_f64(value)
    }
}
