//! Reads the body of S0's `POST /api/config`: only its five keys, each judged as S0 judges it and by name.

use std::time::Duration;

use linewatch_render::words::duration_text;
use serde_json::{Map, Value};

use crate::api::S0Config;
use crate::control::{TargetPatch, ToolPatch};
use crate::respond::Refusal;

const KEYS: &str =
    "destination_ip, latency_threshold_ms, ping_interval_seconds, max_graph_points, event_retention_days";
/// Longer than any interval there may be (the configuration judges it); keeps the arithmetic exact.
const INTERVAL_MAX_S: f64 = 1e6;

/// What is to be changed, seen from the settings as they are `now`: what is the same is no change.
pub(super) fn read(body: &[u8], now: Option<&S0Config>) -> Result<ToolPatch, Refusal> {
    let map: Map<String, Value> = serde_json::from_slice(body).map_err(|error| {
        let message = format!("the body is not a JSON object: {error}; it may have the keys {KEYS}");
        Refusal::field("body", message)
    })?;
    if map.is_empty() {
        return Err(Refusal::field(
            "body",
            format!("nothing to change: send one of {KEYS}"),
        ));
    }
    let known = now
        .map(serde_json::to_value)
        .and_then(Result::ok)
        .unwrap_or_default();
    let mut patch = ToolPatch::default();
    for (key, value) in &map {
        let is_same = known.get(key).is_some_and(|known| is_same(known, value));
        set(&mut patch, key, value, is_same)?;
    }
    Ok(patch)
}

/// `1` and `1.0` are the same number.
fn is_same(known: &Value, value: &Value) -> bool {
    known == value || known.is_number() && known.as_f64() == value.as_f64()
}

fn set(patch: &mut ToolPatch, key: &str, value: &Value, is_same: bool) -> Result<(), Refusal> {
    let target: &mut TargetPatch = &mut patch.target;
    match key {
        "destination_ip" => {
            let address = value.as_str().map(str::trim).filter(|text| !text.is_empty());
            let address = address.ok_or_else(|| wrong(key, "an address or a host name, and not empty"))?;
            target.address = (!is_same).then(|| address.to_owned());
        }
        "latency_threshold_ms" => {
            let millis = number(value).filter(|millis| *millis > 0.0);
            let millis = millis.ok_or_else(|| wrong(key, "a number above 0 (milliseconds)"))?;
            target.latency_threshold_ms = (!is_same).then_some(millis);
        }
        "ping_interval_seconds" => {
            let seconds = number(value).filter(|seconds| (0.1..=INTERVAL_MAX_S).contains(seconds));
            let seconds = seconds.ok_or_else(|| wrong(key, "a number from 0.1 up (seconds)"))?;
            target.interval = (!is_same).then(|| duration_text(Duration::from_secs_f64(seconds)));
        }
        "max_graph_points" => {
            let points = value.as_u64().and_then(|points| u32::try_from(points).ok());
            let points = points.ok_or_else(|| wrong(key, "a whole number"))?;
            patch.live_points = (!is_same).then_some(points);
        }
        // As it is read when events are kept for ever.
        "event_retention_days" if is_same => {}
        "event_retention_days" => {
            let days = value.as_u64().and_then(|days| u32::try_from(days).ok());
            let days = days.filter(|days| *days > 0);
            patch.event_retention_days =
                Some(days.ok_or_else(|| wrong(key, "a whole number of days from 1 up"))?);
        }
        _ => {
            let message = format!("unknown key `{key}`; known are {KEYS}");
            return Err(Refusal::field(key, message));
        }
    }
    Ok(())
}

/// A finite number; forms send it as text too.
fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        _ => value.as_f64(),
    };
    number.filter(|number: &f64| number.is_finite())
}

fn wrong(key: &str, expected: &str) -> Refusal {
    Refusal::field(key, format!("{key} must be {expected}"))
}
