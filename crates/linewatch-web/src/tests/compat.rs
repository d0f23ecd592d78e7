//! The tools' own routes: their shapes, and their bugs left out.

use std::time::Duration;

use linewatch_core::event::{Event, EventId, EventKind, Excess, LogRow, RunId, Severity};
use linewatch_core::port::StoredTarget;
use linewatch_core::record::Outcome;
use linewatch_core::rollup::Rollup;
use linewatch_core::target::{Host, Method, TargetId};
use linewatch_core::time::{Rtt, WallTime};
use linewatch_core::view::{State, TargetView};
use serde_json::{Value, json};

use super::data::{entry, view};
use super::{START_MS, TestServer};
use crate::{CatalogEntry, Change, ChangeDone, ChangeError, TargetPatch, ToolPatch, ToolSettings};

const JSON: (&str, &str) = ("content-type", "application/json");

/// `8.8.8.8`, pinged.
fn s0_entry() -> CatalogEntry {
    let mut entry = entry(1, "google");
    entry.target.method = Method::IcmpEcho;
    entry.target.host = Host::Literal {
        ip: [8, 8, 8, 8].into(),
        zone: None,
    };
    entry
}

fn s0_server() -> TestServer {
    let server = TestServer::start();
    server.hub.catalog(vec![s0_entry(), entry(2, "other")]);
    server.hub.tools(ToolSettings {
        target: Some("google".to_owned()),
        live_points: 60,
        event_retention: Some(Duration::from_secs(30 * 86_400)),
    });
    let stored = |id, slug: &str, address: &str| StoredTarget {
        id: TargetId(id),
        slug: slug.to_owned(),
        name: slug.to_owned(),
        address: address.to_owned(),
    };
    *server.history.targets.lock().expect("targets") =
        vec![stored(1, "google", "8.8.8.8"), stored(2, "other", "192.0.2.1")];
    server
}

fn event_of(seq: u64, kind: EventKind, target: u32, excess: Option<Excess>) -> Event {
    let at = WallTime::from_nanos(START_MS * 1_000_000);
    Event {
        id: EventId { run: RunId(5), seq },
        kind,
        severity: Severity::Warning,
        target: Some(TargetId(target)),
        at,
        until: Some(at),
        count: 1,
        excess,
        message: format!("event {seq}"),
    }
}

#[tokio::test]
async fn s0_reads_its_five_settings() {
    let answer = s0_server().get("/api/config").await;
    let expected = json!({
        "destination_ip": "8.8.8.8", "latency_threshold_ms": 150, "ping_interval_seconds": 1,
        "max_graph_points": 60, "event_retention_days": 30,
    });
    assert_eq!((answer.status, answer.json()), (200, expected));
}

#[tokio::test]
async fn s0s_form_becomes_a_change_of_what_is_other_than_it_was() {
    let server = s0_server();
    let body = json!({
        "destination_ip": "192.0.2.7", "latency_threshold_ms": 5, "ping_interval_seconds": "0.5",
        "max_graph_points": 120, "event_retention_days": 30,
    });
    let answer = server
        .send("POST", "/api/config", &[JSON], &body.to_string())
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["success"], true);
    let expected = Change::Tool(ToolPatch {
        target: TargetPatch {
            address: Some("192.0.2.7".to_owned()),
            interval: Some("500ms".to_owned()),
            latency_threshold_ms: Some(5.0),
            ..TargetPatch::default()
        },
        live_points: Some(120),
        event_retention_days: None,
    });
    assert_eq!(*server.changes.lock().expect("changes"), [expected]);
}

#[tokio::test]
async fn what_s0_reads_it_may_send_back_and_nothing_changes() {
    let server = s0_server();
    let read = server.get("/api/config").await.text();
    let answer = server.send("POST", "/api/config", &[JSON], &read).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        *server.changes.lock().expect("changes"),
        [Change::Tool(ToolPatch::default())]
    );
}

#[tokio::test]
async fn s0_judges_its_form_and_says_error_as_text() {
    let server = s0_server();
    for (body, about) in [
        (r#"{"latency_threshold_ms":0}"#, "latency_threshold_ms"),
        (r#"{"latency_threshold_ms":-1}"#, "latency_threshold_ms"),
        (r#"{"latency_threshold_ms":"NaN"}"#, "latency_threshold_ms"),
        (r#"{"latency_threshold_ms":1e999}"#, "JSON"),
        (r#"{"ping_interval_seconds":0.05}"#, "ping_interval_seconds"),
        (r#"{"ping_interval_seconds":1e99}"#, "ping_interval_seconds"),
        (r#"{"ping_interval_seconds":null}"#, "ping_interval_seconds"),
        (r#"{"destination_ip":""}"#, "destination_ip"),
        (r#"{"destination_ip":"  "}"#, "destination_ip"),
        (r#"{"destination_ip":8}"#, "destination_ip"),
        (r#"{"max_graph_points":-1}"#, "max_graph_points"),
        (r#"{"event_retention_days":0}"#, "event_retention_days"),
        (r#"{"event_retention_days":1.5}"#, "event_retention_days"),
        (r#"{"secret_key":"x"}"#, "secret_key"),
        ("{}", "nothing to change"),
        ("[]", "JSON"),
        ("", "JSON"),
    ] {
        let answer = server.send("POST", "/api/config", &[JSON], body).await;
        let json = answer.json();
        let error = json["error"].as_str().unwrap_or_default();
        assert_eq!(answer.status, 400, "{body}: {json}");
        assert!(error.contains(about), "{body}: {json}");
        assert_eq!(json.as_object().map(serde_json::Map::len), Some(1), "{json}");
    }
    assert_eq!(*server.changes.lock().expect("changes"), []);
    *server.word.lock().expect("word") = Err(ChangeError::Invalid {
        field: Some("address".to_owned()),
        message: "no such host".to_owned(),
    });
    let answer = server
        .send("POST", "/api/config", &[JSON], r#"{"destination_ip":"x y"}"#)
        .await;
    assert_eq!(
        (answer.status, answer.json()),
        (400, json!({"error": "no such host"}))
    );
}

#[tokio::test]
async fn s0s_events_are_its_targets_in_its_two_words() {
    let server = s0_server();
    let ms = |ms: f64| Rtt::from_nanos((ms * 1e6) as u64);
    let excess = Excess {
        peak: ms(212.4),
        limit: ms(150.0),
    };
    // The fake answers the same rows to each question; one row is enough to see its shape.
    *server.history.events.lock().expect("events") =
        vec![event_of(3, EventKind::ThresholdExceeded, 1, Some(excess))];
    let answer = server.get("/api/events?limit=1").await;
    let expected = json!([{
        "id": (5_u64 << 32) + 3, "timestamp": "2026-11-21T09:56:11.000Z", "event_type": "threshold_exceeded",
        "latency_ms": 212.4, "threshold_ms": 150.0, "destination_ip": "8.8.8.8", "message": "event 3",
    }]);
    assert_eq!((answer.status, answer.json()), (200, expected));
    let asked = server.history.asked.lock().expect("asked").clone();
    let kinds: Vec<_> = asked.iter().filter_map(|query| query.kind).collect();
    assert_eq!(
        kinds,
        [
            EventKind::PacketLoss,
            EventKind::Outage,
            EventKind::ThresholdExceeded
        ]
    );
    assert!(asked.iter().all(|query| query.targets == Some(vec![TargetId(1)])));
    for kind in [EventKind::Outage, EventKind::PacketLoss] {
        *server.history.events.lock().expect("events") = vec![event_of(4, kind, 1, None)];
        let json = server.get("/api/events").await.json();
        assert_eq!(json[0]["event_type"], "packet_loss");
        assert_eq!(json[0]["latency_ms"], Value::Null);
    }
}

#[tokio::test]
async fn s0s_counts_are_of_its_own_events() {
    let server = s0_server();
    *server.history.events.lock().expect("events") = vec![
        event_of(1, EventKind::PacketLoss, 1, None),
        event_of(2, EventKind::Outage, 1, None),
        event_of(3, EventKind::Stale, 1, None),
        event_of(4, EventKind::PacketLoss, 2, None),
    ];
    let json = server.get("/api/stats").await.json();
    assert_eq!(
        (&json["total_events"], &json["monitor_running"]),
        (&json!(2), &json!(true))
    );
    assert_eq!(json["current_config"]["destination_ip"], "8.8.8.8");
}

#[tokio::test]
async fn s0s_own_curl_cleans_up_and_no_other_page_can() {
    let server = s0_server();
    *server.word.lock().expect("word") = Ok(ChangeDone {
        deleted: 7,
        ..ChangeDone::default()
    });
    // What `curl -X POST http://127.0.0.1:5000/api/events/cleanup` sends, byte for byte.
    let request = format!(
        "POST /api/events/cleanup HTTP/1.1\r\nHost: {}\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\nConnection: close\r\n\r\n",
        server.address
    );
    let answer = server.send_raw(request.as_bytes()).await;
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({"success": true, "deleted_count": 7}))
    );
    let own = format!("http://{}", server.address);
    let clean_up = async |headers: &[(&str, &str)]| {
        let answer = server.send("POST", "/api/events/cleanup", headers, "").await;
        answer.status
    };
    assert_eq!(
        clean_up(&[("origin", &own), ("sec-fetch-site", "same-origin")]).await,
        200
    );
    for headers in [
        [("origin", "http://evil.example")].as_slice(),
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "none")],
    ] {
        assert_eq!(clean_up(headers).await, 403, "{headers:?}");
    }
    assert_eq!(clean_up(&[("content-type", "text/plain")]).await, 415);
    assert_eq!(
        *server.changes.lock().expect("changes"),
        [Change::CleanUpEvents, Change::CleanUpEvents]
    );
}

#[tokio::test]
async fn without_any_target_s0_is_told_what_to_do() {
    let server = TestServer::start();
    for path in ["/api/config", "/api/events", "/api/stats"] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        let error = answer.json()["error"].as_str().expect("a text").to_owned();
        assert!(error.contains("POST /api/config"), "{error}");
    }
    let answer = server
        .send(
            "POST",
            "/api/config",
            &[JSON],
            r#"{"destination_ip":"192.0.2.1"}"#,
        )
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// Two servers in DE, one in ID, one nowhere.
fn s1_server() -> TestServer {
    let server = TestServer::start();
    let mut entries: Vec<CatalogEntry> = (1..)
        .zip(["fra", "muc", "jkt", "lan"])
        .map(|(key, slug)| entry(key, slug))
        .collect();
    entries[2].target.country = "ID".to_owned();
    entries[3].target.country = String::new();
    server.hub.catalog(entries);
    server
}

fn rollup(replied: &[u64], lost: u64) -> Rollup {
    let mut rollup = Rollup::default();
    for millis in replied {
        rollup.add(Outcome::Reply, Some(Rtt::from_nanos(millis * 1_000_000)), false);
    }
    for _ in 0..lost {
        rollup.add(Outcome::Lost, None, false);
    }
    rollup
}

/// MEASURING.md, B15.
#[tokio::test]
async fn b15_two_servers_of_one_country_stay_two() {
    let server = s1_server();
    *server.history.rollups.lock().expect("rollups") = vec![rollup(&[10, 20], 1), rollup(&[], 3)];
    let json = server.get("/api/ping-data").await.json();
    let names: Vec<_> = json.as_object().expect("an object").keys().cloned().collect();
    assert_eq!(
        names,
        ["(Name of lan)", "DE (Name of fra)", "DE (Name of muc)", "ID"]
    );
    // Nothing replied in the second minute: no latency, and not 0.
    assert_eq!(
        json["ID"],
        json!({"timestamps": ["1970-01-01 00:00", "1970-01-01 00:01"], "latency": [15.0, null]})
    );
    let some = server.get("/api/ping-data?country=DE&country=id").await.json();
    assert_eq!(some.as_object().map(serde_json::Map::len), Some(3));
    assert_eq!(server.get("/api/ping-data?country=XX").await.json(), json!({}));
    let rows = server.get("/api/servers/status").await.json();
    let german = rows
        .as_array()
        .expect("rows")
        .iter()
        .filter(|row| row["country"] == "DE");
    assert_eq!(german.count(), 2);
}

#[tokio::test]
async fn two_servers_of_one_country_and_one_name_stay_two() {
    let server = TestServer::start();
    let mut entries = vec![entry(1, "a"), entry(2, "b")];
    for entry in &mut entries {
        entry.target.name = "Edge".to_owned();
    }
    server.hub.catalog(entries);
    let json = server.get("/api/ping-data").await.json();
    let names: Vec<_> = json.as_object().expect("an object").keys().cloned().collect();
    assert_eq!(names, ["DE (Edge, a)", "DE (Edge, b)"]);
}

/// MEASURING.md, B15.
#[tokio::test]
async fn b15_the_level_filter_keeps_what_it_names() {
    let server = TestServer::start();
    let line = |level: &str| LogRow {
        at: WallTime::from_nanos(START_MS * 1_000_000),
        level: level.to_owned(),
        module: "store".to_owned(),
        message: format!("a {level}"),
    };
    *server.history.logs.lock().expect("logs") = vec![line("warn"), line("info"), line("error")];
    let json = server.get("/api/logs?level=WARNING").await.json();
    let expected = json!([{
        "id": 1, "timestamp": "2026-11-21 09:56:11", "level": "WARNING", "message": "a warn", "module": "store",
        "traceback": null,
    }]);
    assert_eq!(json, expected);
    assert_eq!(
        server.get("/api/logs?level=info").await.json()[0]["message"],
        "a info"
    );
    assert_eq!(
        server.get("/api/logs").await.json().as_array().map(Vec::len),
        Some(3)
    );
    assert_eq!(
        server
            .get("/api/logs?limit=2")
            .await
            .json()
            .as_array()
            .map(Vec::len),
        Some(2)
    );
}

#[tokio::test]
async fn the_status_of_a_server_is_what_it_is_and_all_stale_is_an_answer() {
    let server = s1_server();
    let mut slow = view(1, State::Warn, None, 30);
    let rtt = slow.window.rtt.as_mut().expect("figures");
    rtt.avg = Rtt::from_nanos(150_100_000);
    let down = view(2, State::Down, None, 30);
    let never = TargetView {
        last: None,
        last_answer: None,
        ..view(3, State::Waiting, None, 30)
    };
    server.hub.views(vec![slow, down, never]);
    let row = |rows: &Value, at: usize| -> Vec<Value> {
        ["latency", "status", "lastCheck", "warning", "stale"]
            .map(|key| rows[at][key].clone())
            .to_vec()
    };
    let rows = server.get("/api/servers/status").await.json();
    let seen = json!("2026-11-21 09:56:11");
    assert_eq!(
        row(&rows, 0),
        [
            json!(150.1),
            json!("Active"),
            seen.clone(),
            json!(true),
            json!(false)
        ]
    );
    assert_eq!(
        row(&rows, 1),
        [
            Value::Null,
            json!("Inactive"),
            seen.clone(),
            json!(false),
            json!(false)
        ]
    );
    assert_eq!(
        row(&rows, 2),
        [
            Value::Null,
            json!("Inactive"),
            Value::Null,
            json!(false),
            json!(true)
        ]
    );
    server.clock.advance(Duration::from_secs(299));
    assert_eq!(server.get("/api/servers/status").await.json()[0]["stale"], false);
    server.clock.advance(Duration::from_secs(1));
    let answer = server.get("/api/servers/status").await;
    assert_eq!(answer.status, 200);
    let rows = answer.json();
    assert!(
        rows.as_array()
            .expect("rows")
            .iter()
            .all(|row| row["stale"] == true)
    );
}

#[tokio::test]
async fn s1s_ranges_ask_for_bounded_points() {
    let server = s1_server();
    for (query, hours, points) in [
        ("", 24, 1442),
        ("range=7d", 7 * 24, 1010),
        ("range=30d", 30 * 24, 722),
        ("range=custom&start=2026-11-20&end=2026-11-20", 24, 1442),
        ("range=custom&start=2020-01-01&end=2025-12-31", 52_608, 2000),
    ] {
        server.history.asked_series.lock().expect("asked").clear();
        let answer = server.get(&format!("/api/ping-data?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        let asked = server.history.asked_series.lock().expect("asked").clone();
        let asked = asked[0];
        assert_eq!(
            (asked.to.nanos_after(asked.from) / 3_600_000_000_000, asked.points),
            (hours, points),
            "{query}"
        );
    }
}
