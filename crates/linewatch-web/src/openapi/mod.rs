//! Writes the OpenAPI 3.1 document of the interface: paths and roles from the one route table, shapes from the types that
//! are sent, and per route a line of [`operations`] that says what it is for.
//!
//! Nothing is told twice, so nothing can drift: the tests compare lines and table both ways, the parameters with those the
//! handlers read, and the shapes with real answers. Not here: the words of the WebSocket (`docs/websocket.md`).

mod bodies;
mod operations;
mod parameters;

use schemars::generate::{Contract, SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};

use self::operations::{OPERATIONS, Operation, Reply};
use self::parameters::Parameter;
use crate::api::{ApiError, LoginError, ToolError};
use crate::guard::Role;
use crate::respond::Form;
use crate::routes::{Action, ROUTES, Route};

/// What [`parameters`] do not say of an address: the names in its braces.
const PATH_PARAMETERS: [(&str, &str); 3] = [
    ("id", "the id of the thing, as lists give it"),
    ("hash", "the version of the page's files, as the page names it"),
    ("path", "a file of the page"),
];

/// The document, for a page below `base` (empty at the root).
pub(crate) fn document(base: &str) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
        settings.contract = Contract::Serialize;
        settings.definitions_path = "/components/schemas".into();
    });
    let mut shapes = settings.into_generator();
    let mut paths = Map::new();
    for route in &ROUTES {
        let Some(operation) = operation(route) else {
            continue;
        };
        let path = route.pattern.replace("{*", "{");
        let methods = paths.entry(path).or_insert_with(|| json!({}));
        methods[route.method.as_str().to_ascii_lowercase()] = told(route, operation, &mut shapes);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "linewatch",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "A monitor of network latency and loss",
            "description": "Instants are milliseconds since 1970 (UTC) where nothing else is said; `null` means that \
                nothing is known, never 0. Every refusal names the field at fault. Changes need a body of \
                `application/json`, or none.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": if base.is_empty() { "/" } else { base }}],
        "paths": paths,
        "components": {
            "schemas": shapes.take_definitions(true),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "made by `linewatch admin token create`; a browser signs in and has a cookie instead",
                },
            },
        },
    })
}

/// The line about a route.
fn operation(route: &Route) -> Option<&'static Operation> {
    OPERATIONS
        .iter()
        .find(|operation| route.method == operation.method && route.pattern == operation.pattern)
}

fn told(route: &Route, operation: &Operation, shapes: &mut SchemaGenerator) -> Value {
    let mut told = json!({
        "summary": operation.summary,
        "operationId": operation_id(route),
        "x-role": route.role.word(),
        "security": security(route.role),
        "parameters": parameters(route, operation),
        "responses": responses(route, operation, shapes),
    });
    if let Some(body) = operation.body {
        let content = json!({"application/json": {"schema": body(shapes)}});
        told["requestBody"] = json!({"required": true, "content": content});
    }
    told
}

/// `get_api_v1_targets_id`: what generated clients call their function.
fn operation_id(route: &Route) -> String {
    let words = route
        .pattern
        .split(|sign: char| !sign.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let method = route.method.as_str().to_ascii_lowercase();
    std::iter::once(method.as_str())
        .chain(words)
        .collect::<Vec<_>>()
        .join("_")
}

/// On loopback nobody is asked, and `public_read` lets everybody look.
fn security(role: Role) -> Value {
    match role {
        Role::Public => json!([]),
        Role::Viewer | Role::Operator | Role::Admin => json!([{}, {"token": []}]),
    }
}

fn parameters(route: &Route, operation: &Operation) -> Vec<Value> {
    let in_braces = PATH_PARAMETERS.iter().filter(|(name, _)| {
        route.pattern.contains(&format!("{{{name}}}")) || route.pattern.contains(&format!("{{*{name}}}"))
    });
    let mut all: Vec<Value> = in_braces
        .map(|(name, about)| {
            json!({
                "name": name,
                "in": "path",
                "required": true,
                "description": about,
                "schema": {"type": "string", "minLength": 1},
            })
        })
        .collect();
    all.extend(operation.query.iter().map(Parameter::told));
    if operation.is_versioned {
        all.push(json!({
            "name": "If-Match",
            "in": "header",
            "required": false,
            "description": "the ETag as it was given: 409 if somebody else was faster",
            "schema": {"type": "string", "pattern": "^(\\*|\"[0-9a-f]{1,16}\")$"},
        }));
    }
    all
}

fn responses(route: &Route, operation: &Operation, shapes: &mut SchemaGenerator) -> Value {
    let (status, about, content) = match operation.reply {
        Reply::Json(status, shape) => (
            status,
            "as asked",
            json!({"application/json": {"schema": shape(shapes)}}),
        ),
        Reply::File(kinds) => {
            let kinds = kinds.iter().map(|kind| ((*kind).to_owned(), json!({})));
            (200, "the document", Value::Object(kinds.collect()))
        }
        Reply::WebSocket => (101, "a WebSocket with the subprotocol linewatch.v1", json!({})),
    };
    let mut responses = json!({
        status.to_string(): {"description": about, "content": content},
        "4XX": refusal("what is wrong with the question, or who may not ask it", route, shapes),
        "503": refusal("not now: try again in a few seconds", route, shapes),
    });
    if operation.pattern == "/api/v1/alerts/test" {
        responses["502"] = refusal("the other server refused; its words", route, shapes);
    }
    if route.action != Action::Read {
        responses["500"] = refusal("it could not be written down", route, shapes);
    }
    responses
}

/// A refusal in the shape of its address.
fn refusal(about: &str, route: &Route, shapes: &mut SchemaGenerator) -> Value {
    let shape = match Form::of(route.pattern) {
        Form::Api if route.pattern == "/api/v1/login" => json!({"anyOf": [
            shapes.subschema_for::<LoginError>(),
            shapes.subschema_for::<ApiError>(),
        ]}),
        Form::Api => shapes.subschema_for::<ApiError>().into(),
        Form::Tool => shapes.subschema_for::<ToolError>().into(),
        Form::Text | Form::Page => return json!({"description": about}),
    };
    json!({"description": about, "content": {"application/json": {"schema": shape}}})
}

/// How many routes something is said about.
#[cfg(test)]
pub(crate) fn lines() -> usize {
    OPERATIONS.len()
}
