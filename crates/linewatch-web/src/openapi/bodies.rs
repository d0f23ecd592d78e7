//! The bodies that are read by hand, key by key, so that every refusal names its field: their keys, told once more.
//!
//! A test asks every handler with one unknown key and compares the keys it says it knows with these.

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use crate::control::TargetPatch;

/// A body that may be empty or have any of these keys, and no other.
fn object(required: &[&str], properties: Value) -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    })
}

fn line() -> Value {
    json!({"type": "string", "maxLength": 200, "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"})
}

pub(super) fn log_in(_: &mut SchemaGenerator) -> Value {
    object(
        &["password"],
        json!({"password": {"type": "string"}, "stay": {"type": "boolean"}}),
    )
}

pub(super) fn token(_: &mut SchemaGenerator) -> Value {
    let properties = json!({"name": line(), "role": {"enum": ["viewer", "operator", "admin"]}});
    object(&["role"], properties)
}

pub(super) fn acknowledgement(_: &mut SchemaGenerator) -> Value {
    object(&[], json!({"who": line(), "note": line()}))
}

pub(super) fn silence(_: &mut SchemaGenerator) -> Value {
    let properties = json!({
        "target": line(), "group": line(), "country": line(), "partner": line(), "label": line(), "comment": line(),
        "minutes": {"type": "integer", "minimum": 1, "maximum": 43_200},
    });
    object(&["minutes"], properties)
}

pub(super) fn alert_test(_: &mut SchemaGenerator) -> Value {
    object(&["destination"], json!({"destination": line()}))
}

/// Keys as the file has them, with points; what their values mean is the configuration's to say.
pub(super) fn config(_: &mut SchemaGenerator) -> Value {
    let keys = json!({"type": "array", "items": {"type": "string"}, "maxItems": 200});
    object(
        &[],
        json!({"set": {"type": "object", "maxProperties": 200}, "reset": keys}),
    )
}

pub(super) fn preferences(_: &mut SchemaGenerator) -> Value {
    json!({
        "type": "object",
        "maxProperties": 64,
        "propertyNames": {"pattern": "^[a-z_]{1,40}$"},
        "additionalProperties": {"anyOf": [{"type": "boolean"}, {"type": "number"}, line()]},
    })
}

/// Absent keys stay as they are, `null` goes back to the file; tables may be named with points (`outage.window`).
pub(super) fn target(shapes: &mut SchemaGenerator) -> Value {
    let mut shape: Value = shapes.root_schema_for::<TargetPatch>().into();
    if let Some(properties) = shape["properties"].as_object_mut() {
        let more = TargetPatch::MORE.map(|key| (key.to_owned(), json!(true)));
        properties.extend(more.into_iter().collect::<Map<_, _>>());
    }
    if let Some(shape) = shape.as_object_mut() {
        // The shape of what is sent; what it is called elsewhere does not matter here.
        shape.retain(|key, _| !matches!(key.as_str(), "$schema" | "$defs" | "title" | "components"));
    }
    shape
}

pub(super) fn s0_config(_: &mut SchemaGenerator) -> Value {
    json!({
        "type": "object",
        "minProperties": 1,
        "additionalProperties": false,
        "properties": {
            "destination_ip": {"type": "string", "minLength": 1},
            "latency_threshold_ms": {"type": "number", "exclusiveMinimum": 0},
            "ping_interval_seconds": {"type": "number", "minimum": 0.1},
            "max_graph_points": {"type": "integer", "minimum": 0},
            "event_retention_days": {"type": "integer", "minimum": 1},
        },
    })
}
