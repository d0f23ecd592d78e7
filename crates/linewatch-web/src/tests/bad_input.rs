//! What cannot be asked is refused with its field and its reason, on every route that reads history: never a 5xx.

use serde_json::Value;

use super::data::entry;
use super::{START_MS, TestServer};
use crate::ToolSettings;

fn server() -> TestServer {
    let server = TestServer::start();
    server.hub.catalog(vec![entry(1, "fra")]);
    server.hub.tools(ToolSettings {
        target: Some("fra".to_owned()),
        ..ToolSettings::default()
    });
    server
}

/// What an address takes, with values that are right.
struct Reads {
    path: &'static str,
    good: &'static str,
    /// Takes `from` and `to`.
    has_span: bool,
    limit: Option<&'static str>,
    has_target: bool,
}

const fn reads(
    path: &'static str,
    good: &'static str,
    has_span: bool,
    limit: Option<&'static str>,
    has_target: bool,
) -> Reads {
    Reads {
        path,
        good,
        has_span,
        limit,
        has_target,
    }
}

const ROUTES: [Reads; 13] = [
    reads("/api/v1/series", "target=fra", true, Some("points"), true),
    reads("/api/v1/samples", "target=fra", true, None, true),
    reads("/api/v1/outages", "", true, Some("limit"), true),
    reads("/api/v1/events", "", true, Some("limit"), true),
    reads("/api/v1/logs", "", true, Some("limit"), false),
    reads("/api/v1/overview", "", false, Some("limit"), false),
    reads("/api/config", "", false, None, false),
    reads("/api/events", "", false, Some("limit"), false),
    reads("/api/stats", "", false, None, false),
    reads("/api/ping-data", "", false, None, false),
    reads("/api/servers/status", "", false, None, false),
    reads("/api/logs", "", false, Some("limit"), false),
    reads("/api/v1/overview", "offset=1", false, Some("offset"), false),
];

/// Asks, and checks the refusal: a 4xx that names the field and gives a reason, in the form of its route.
async fn check(server: &TestServer, path: &str, query: &str, field: &str) {
    let answer = server.get(&format!("{path}?{query}")).await;
    let text = format!("{path}?{query}: {} {}", answer.status, answer.text());
    assert!((400..500).contains(&answer.status), "{text}");
    let error = answer.json()["error"].clone();
    let message = if path.starts_with("/api/v1/") {
        assert_eq!(error["field"], field, "{text}");
        error["message"].clone()
    } else {
        error
    };
    let Value::String(message) = message else {
        panic!("no reason: {text}")
    };
    assert!(message.len() > 10, "{text}");
    assert!(
        field == "query" || message.contains(field) || field == "target",
        "{text}"
    );
}

#[tokio::test]
async fn the_good_values_of_the_table_are_good() {
    let server = server();
    for route in &ROUTES {
        let answer = server.get(&format!("{}?{}", route.path, route.good)).await;
        assert_eq!(answer.status, 200, "{}: {}", route.path, answer.text());
    }
}

#[tokio::test]
async fn an_impossible_time_is_refused() {
    let server = server();
    let now = START_MS.to_string();
    for route in ROUTES.iter().filter(|route| route.has_span) {
        let good = route.good;
        for (field, bad) in [
            ("from", "1970-01-01T00:00:00Z"),
            ("from", "0"),
            ("to", "2200-01-01T00:00:00Z"),
            ("to", "7258118400000"),
            ("from", "-9223372036854775808"),
            ("from", "9999999999999999999999"),
            ("from", "yesterday"),
            ("from", "NaN"),
            ("to", "1e99"),
            ("from", "2026-11-21"),
            ("to", "2026-02-30T00:00:00Z"),
            ("to", "2026-11-21T00:00:00"),
            ("from", "2026-11-21T00:00:00%2B99:99"),
            ("from", "2026-11-21T00:00:00Z[Mars/Olympus]"),
        ] {
            check(&server, route.path, &format!("{good}&{field}={bad}"), field).await;
        }
        for (from, to) in [("1795254971000", "1795254970000"), (&*now, &*now)] {
            check(&server, route.path, &format!("{good}&from={from}&to={to}"), "to").await;
        }
    }
}

#[tokio::test]
async fn an_impossible_number_is_refused() {
    let server = server();
    for route in &ROUTES {
        let Some(limit) = route.limit else { continue };
        for bad in [
            "-1",
            "1e99",
            "NaN",
            "1.5",
            "inf",
            "0x10",
            "18446744073709551616",
            "100000000",
            "%00",
            "+5",
            "ten",
        ] {
            let query = format!(
                "{}&{limit}={bad}",
                if limit == "offset" { "" } else { route.good }
            );
            check(&server, route.path, &query, limit).await;
        }
    }
    check(&server, "/api/v1/series", "target=fra&points=2001", "points").await;
    check(&server, "/api/v1/series", "target=fra&points=0", "points").await;
    check(&server, "/api/events", "limit=0", "limit").await;
}

#[tokio::test]
async fn an_unknown_target_is_refused() {
    let server = server();
    for route in ROUTES.iter().filter(|route| route.has_target) {
        for id in ["gone", "fra%20", "%27%3B--", "..%2f", &"x".repeat(5000)] {
            check(&server, route.path, &format!("target={id}"), "target").await;
        }
        check(&server, route.path, "target=fra&target=fra", "target").await;
    }
    check(&server, "/api/v1/series", "", "target").await;
    check(&server, "/api/v1/samples", "target=", "target").await;
}

#[tokio::test]
async fn what_is_garbled_or_given_twice_is_refused_everywhere() {
    let server = server();
    for route in &ROUTES {
        let good = route.good;
        check(&server, route.path, &format!("{good}&q=%zz"), "query").await;
        check(&server, route.path, &format!("{good}&q=%"), "query").await;
        check(&server, route.path, &format!("{good}&%4"), "query").await;
        check(&server, route.path, &format!("{good}&name=%ff%fe"), "name").await;
        check(&server, route.path, &format!("{good}&limit=1&limit=1"), "limit").await;
        check(&server, route.path, &format!("{good}&from=1&from=2"), "from").await;
        let many = "&x=1".repeat(2_000);
        check(&server, route.path, &format!("{good}{many}"), "x").await;
    }
}

#[tokio::test]
async fn an_unknown_word_is_refused() {
    let server = server();
    for (path, query, field) in [
        ("/api/v1/events", "type=earthquake", "type"),
        ("/api/v1/events", "severity=5", "severity"),
        ("/api/v1/events", "before=x", "before"),
        ("/api/v1/outages", "before=1-", "before"),
        ("/api/v1/logs", "level=loud", "level"),
        ("/api/v1/logs", "before=NaN", "before"),
        ("/api/v1/overview", "range=forever", "range"),
        ("/api/logs", "level=NOT%20LIKE", "level"),
        ("/api/ping-data", "range=1y", "range"),
        ("/api/ping-data", "range=custom", "start"),
        ("/api/ping-data", "range=custom&start=2026-11-01", "end"),
        ("/api/ping-data", "range=custom&end=2026-11-01", "start"),
        (
            "/api/ping-data",
            "range=custom&start=2026-11-02&end=2026-11-01",
            "end",
        ),
        (
            "/api/ping-data",
            "range=custom&start=1970-01-01&end=2026-11-01",
            "start",
        ),
        (
            "/api/ping-data",
            "range=custom&start=2026-11-01&end=2200-01-01",
            "end",
        ),
        ("/api/ping-data", "range=custom&start=x&end=y", "start"),
        (
            "/api/ping-data",
            "range=custom&start=2026-11-01T00:00[Mars/Olympus]&end=2026-11-02",
            "start",
        ),
        ("/api/ping-data", "range=24h&range=7d", "range"),
    ] {
        check(&server, path, query, field).await;
    }
}
