//! The OpenAPI document says what the program does: its routes, the names its handlers read, the shapes it sends.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use linewatch_core::port::StoredTarget;
use linewatch_core::record::Outcome;
use linewatch_core::rollup::Rollup;
use linewatch_core::target::TargetId;
use linewatch_core::time::Rtt;
use linewatch_core::view::{Grade, State};
use serde_json::{Map, Value, json};

use super::TestServer;
use super::access::JSON;
use super::data::{entry, event, view};
use crate::ToolSettings;
use crate::openapi::document;
use crate::routes::ROUTES;

/// How a parameter is read: everything that is handed the name of one first.
const READERS: [&str; 11] = [
    ".one(",
    ".single(",
    ".all(",
    ".number(",
    ".instant(",
    ".date(",
    ".length(",
    ".word(",
    ".zone(",
    " delay(",
    " run(",
];

/// What a route looks like in the document.
fn told<'a>(document: &'a Value, method: &str, pattern: &str) -> &'a Value {
    &document["paths"][pattern.replace("{*", "{")][method.to_ascii_lowercase()]
}

#[test]
fn every_route_is_told_and_everything_told_is_a_route() {
    let document = document("");
    let known: BTreeSet<(String, String)> = ROUTES
        .iter()
        .map(|route| {
            (
                route.pattern.replace("{*", "{"),
                route.method.as_str().to_ascii_lowercase(),
            )
        })
        .collect();
    let paths = document["paths"].as_object().expect("paths");
    let written: BTreeSet<(String, String)> = paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().expect("methods");
            methods.keys().map(move |method| (path.clone(), method.clone()))
        })
        .collect();
    assert_eq!(written, known);
    assert_eq!(
        crate::openapi::lines(),
        ROUTES.len(),
        "a line without a route, or two of one"
    );
}

#[test]
fn every_name_in_braces_is_a_parameter_every_reference_resolves_and_no_two_operations_have_one_name() {
    let document = document("/line");
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["servers"][0]["url"], "/line");
    let mut names = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, told) in methods.as_object().expect("methods") {
            assert!(
                names.insert(told["operationId"].as_str().expect("a name")),
                "{method} {path}"
            );
            let parameters = told["parameters"].as_array().expect("a list");
            let declared: BTreeSet<&str> = parameters
                .iter()
                .filter(|parameter| parameter["in"] == "path")
                .filter_map(|parameter| parameter["name"].as_str())
                .collect();
            let in_path: BTreeSet<&str> = path
                .split('/')
                .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
                .collect();
            assert_eq!(declared, in_path, "{method} {path}");
        }
    }
    let mut references = Vec::new();
    collect_references(&document, &mut references);
    assert!(references.len() > 50, "{}", references.len());
    for reference in references {
        let place = reference.strip_prefix('#').expect("in this document");
        assert!(document.pointer(place).is_some(), "{reference}");
    }
}

fn collect_references(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            into.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|value| collect_references(value, into));
        }
        Value::Array(list) => list.iter().for_each(|value| collect_references(value, into)),
        _ => {}
    }
}

/// The names that a file of handlers reads from the query.
fn names_read(path: &Path) -> BTreeSet<String> {
    let source = fs::read_to_string(path).expect("a file of handlers");
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let mut names = BTreeSet::new();
    for reader in READERS {
        for rest in code.split(reader).skip(1) {
            let name = rest
                .trim_start()
                .strip_prefix('"')
                .and_then(|rest| rest.split('"').next());
            names.extend(name.map(str::to_owned));
        }
    }
    // The one closure of that name (`preview`).
    for rest in code.split(" number(\"").skip(1) {
        names.extend(rest.split('"').next().map(str::to_owned));
    }
    names
}

#[test]
fn every_parameter_a_handler_reads_is_told_and_every_one_told_is_read() {
    let routes = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/routes");
    let table = fs::read_to_string(routes.join("mod.rs")).expect("the table");
    let document = document("");
    // What these read, others ask them for.
    let shared: BTreeSet<String> = ["history.rs", "graph.rs"]
        .iter()
        .flat_map(|file| names_read(&routes.join(file)))
        .collect();
    let mut modules = std::collections::BTreeMap::<String, BTreeSet<String>>::new();
    for line in table
        .lines()
        .filter_map(|line| line.trim().strip_prefix("route!("))
    {
        let mut words = line.trim_end_matches("),").split_whitespace();
        let (method, pattern) = (words.next().expect("a method"), words.next().expect("a pattern"));
        let handler = words.nth(2).expect("a handler");
        let module = handler.rsplit_once("::").expect("a module").0.replace("::", "/");
        let told = told(&document, method, pattern.trim_matches('"'));
        let query = told["parameters"].as_array().expect("a list").iter();
        let names = query
            .filter(|parameter| parameter["in"] == "query")
            .filter_map(|parameter| parameter["name"].as_str().map(str::to_owned));
        modules.entry(module).or_default().extend(names);
    }
    assert!(modules.len() > 15, "{modules:?}");
    for (module, told) in modules {
        let read = names_read(&routes.join(format!("{module}.rs")));
        let untold: Vec<_> = read.difference(&told).collect();
        assert!(
            untold.is_empty(),
            "{module} reads {untold:?}, and the document does not say so"
        );
        let unread: Vec<_> = told
            .difference(&read)
            .filter(|name| !shared.contains(*name))
            .collect();
        assert!(
            unread.is_empty(),
            "the document of {module} has {unread:?}, and nobody reads them"
        );
    }
}

#[tokio::test]
async fn the_keys_of_a_body_are_those_its_handler_says_it_knows() {
    let server = TestServer::start();
    server.hub.catalog(vec![entry(1, "fra")]);
    let document = document("");
    let mut asked = 0;
    for route in ROUTES.iter() {
        let told = told(&document, route.method.as_str(), route.pattern);
        let shape = &told["requestBody"]["content"]["application/json"]["schema"];
        let Some(properties) = shape["properties"].as_object() else {
            continue;
        };
        let path = route
            .pattern
            .replace("/events/{id}", "/events/5-1")
            .replace("{id}", "fra");
        let answer = server
            .send(route.method.as_str(), &path, &[JSON], r#"{"no_such_key":1}"#)
            .await;
        let text = answer.text();
        let known = text.split("known are ").nth(1).expect(&text);
        let known = known.split(['"', '\\', '}']).next().unwrap_or_default();
        let known: BTreeSet<&str> = known.split(", ").map(str::trim).collect();
        let written: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
        assert_eq!(written, known, "{} {}", route.method, route.pattern);
        asked += 1;
    }
    assert_eq!(asked, 9);
}

#[tokio::test]
async fn what_is_answered_has_the_shape_that_is_told() {
    let server = TestServer::start();
    let document = document("");
    fill(&server);
    let mut compared = 0;
    for route in ROUTES.iter().filter(|route| route.method == "GET") {
        let told = told(&document, "get", route.pattern);
        let shape = &told["responses"]["200"]["content"]["application/json"]["schema"];
        if shape.is_null() {
            continue;
        }
        let needs_target = told["parameters"].as_array().is_some_and(|list| {
            list.iter()
                .any(|one| one["name"] == "target" && one["required"] == true)
        });
        let query = if needs_target { "?target=fra" } else { "" };
        let path = format!("{}{query}", route.pattern.replace("{id}", "fra"));
        let answer = server.get(&path).await;
        let (shape, is_right) = match answer.status {
            200 => (shape, true),
            // The settings of these tests answer nothing: the refusal has its shape too.
            404 => (
                &told["responses"]["4XX"]["content"]["application/json"]["schema"],
                false,
            ),
            503 => (
                &told["responses"]["503"]["content"]["application/json"]["schema"],
                false,
            ),
            status => panic!("{path}: {status}"),
        };
        fits(&document, shape, &answer.json(), &path);
        compared += usize::from(is_right);
    }
    assert!(compared >= 19, "only {compared} routes answered");
}

fn fill(server: &TestServer) {
    server.hub.catalog(vec![entry(1, "fra")]);
    server.hub.tools(ToolSettings {
        target: Some("fra".to_owned()),
        ..ToolSettings::default()
    });
    server.hub.views(vec![view(1, State::Ok, Some(Grade::Good), 20)]);
    *server.history.events.lock().expect("events") = vec![event(1, Some(1))];
    let mut rollup = Rollup::default();
    rollup.add(Outcome::Reply, Some(Rtt::from_nanos(10_000_000)), false);
    *server.history.rollups.lock().expect("rollups") = vec![rollup];
    *server.history.targets.lock().expect("targets") = vec![StoredTarget {
        id: TargetId(1),
        slug: "fra".to_owned(),
        name: "Frankfurt".to_owned(),
        address: "192.0.2.1".to_owned(),
    }];
}

/// As much of JSON Schema as the shapes have; a key that is not told is a fault too.
#[track_caller]
fn fits(document: &Value, shape: &Value, value: &Value, place: &str) {
    if let Some(reference) = shape["$ref"].as_str() {
        let shape = document.pointer(&reference[1..]).expect(reference);
        return fits(document, shape, value, place);
    }
    if let Some(options) = shape["anyOf"].as_array() {
        let is_null = |option: &&Value| (option["type"] == "null") == value.is_null();
        let option = options
            .iter()
            .find(is_null)
            .unwrap_or_else(|| panic!("{place}: {value}"));
        return fits(document, option, value, place);
    }
    check_type(shape, value, place);
    if let Some(map) = value.as_object() {
        check_fields(document, shape, map, place);
    }
    for (index, one) in value.as_array().into_iter().flatten().enumerate() {
        let shape = shape["prefixItems"].get(index).unwrap_or(&shape["items"]);
        fits(document, shape, one, &format!("{place}[{index}]"));
    }
}

fn check_type(shape: &Value, value: &Value, place: &str) {
    let name = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let allowed = match &shape["type"] {
        Value::Null => return,
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    };
    let is_allowed =
        allowed.contains(&json!(name)) || name == "integer" && allowed.contains(&json!("number"));
    assert!(is_allowed, "{place}: {value} is no {allowed:?}");
}

fn check_fields(document: &Value, shape: &Value, map: &Map<String, Value>, place: &str) {
    let required = shape["required"].as_array().cloned().unwrap_or_default();
    for name in required.iter().filter_map(Value::as_str) {
        assert!(map.contains_key(name), "{place}: no `{name}`");
    }
    let Some(properties) = shape["properties"].as_object() else {
        return;
    };
    for (name, value) in map {
        let shape = properties
            .get(name)
            .unwrap_or_else(|| panic!("{place}: `{name}` is not told"));
        fits(document, shape, value, &format!("{place}.{name}"));
    }
}
