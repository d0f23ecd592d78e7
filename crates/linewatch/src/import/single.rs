//! `config.json` of Latency Monitor: one target and its threshold.

use serde_json::{Map, Value};

use super::ImportError;
use super::sheet::{Sheet, plain, seconds};

type Keys = Map<String, Value>;

pub(super) fn write(keys: &Keys, sheet: &mut Sheet) -> Result<(), ImportError> {
    let address = text(keys, "destination_ip")?.unwrap_or_else(|| "8.8.8.8".to_owned());
    if let Some(points) = number(keys, "max_graph_points")? {
        sheet.table("web");
        sheet.set("live_points", points as i64, "max_graph_points");
    }
    if let Some(days) = number(keys, "event_retention_days")? {
        sheet.table("storage");
        let mut retention = toml_edit::InlineTable::new();
        retention.insert("events", format!("{}d", days as i64).into());
        sheet.set("retention", retention, "event_retention_days");
    }
    sheet.table("defaults");
    if let Some(interval) = number(keys, "ping_interval_seconds")? {
        let interval = seconds("ping_interval_seconds", interval)?;
        sheet.seconds("interval", interval, "ping_interval_seconds");
    }
    if let Some(threshold) = number(keys, "latency_threshold_ms")? {
        let why = "latency_threshold_ms: above it there is an event; linewatch itself would say 150";
        sheet.set("latency_threshold_ms", plain(threshold), why);
    }
    sheet.table("[targets]");
    sheet.set("name", address.as_str(), "");
    sheet.set("address", address.as_str(), "destination_ip");
    rest(
        keys,
        &[
            "destination_ip",
            "max_graph_points",
            "event_retention_days",
            "ping_interval_seconds",
            "latency_threshold_ms",
        ],
        sheet,
    );
    Ok(())
}

/// What no key of ours stands for.
pub(super) fn rest(keys: &Keys, known: &[&str], sheet: &mut Sheet) {
    for (key, value) in keys.iter().filter(|(key, _)| !known.contains(&key.as_str())) {
        sheet.without(key, &value.to_string(), "linewatch has nothing of this kind");
    }
}

/// A number; the tools also took one in quotes.
pub(super) fn number(keys: &Keys, key: &str) -> Result<Option<f64>, ImportError> {
    let read = |value: &Value| match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    match keys.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match read(value).filter(|number| number.is_finite()) {
            Some(number) => Ok(Some(number)),
            None => Err(wrong(key, value, "a number")),
        },
    }
}

/// A text.
pub(super) fn text(keys: &Keys, key: &str) -> Result<Option<String>, ImportError> {
    match keys.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim().to_owned())),
        Some(value) => Err(wrong(key, value, "a text")),
    }
}

fn wrong(key: &str, value: &Value, wanted: &str) -> ImportError {
    ImportError {
        message: format!("\"{key}\" is {value}, not {wanted}"),
        help: "mend it in the file that is imported",
    }
}
