//! The overview: filters, order, pages, counts.

use linewatch_core::view::{Grade, State};

use super::TestServer;
use super::data::{entry, view};

/// Five targets, one of each kind that matters; `new` has no view yet.
fn server() -> TestServer {
    let server = TestServer::start();
    let mut entries: Vec<_> = ["good", "down", "fair", "new", "off"]
        .iter()
        .zip(1..)
        .map(|(slug, key)| entry(key, slug))
        .collect();
    entries[2].target.country = "ID".to_owned();
    entries[2].target.partner = "Example, Inc".to_owned();
    entries[4].target.is_enabled = false;
    server.hub.catalog(entries);
    server.hub.views(vec![
        view(1, State::Ok, Some(Grade::Good), 90),
        view(2, State::Down, None, 0),
        view(3, State::Warn, Some(Grade::Fair), 140),
        view(5, State::Ok, Some(Grade::Good), 50),
    ]);
    server
}

async fn ids(server: &TestServer, query: &str) -> Vec<String> {
    let answer = server.get(&format!("/api/v1/overview?{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let json = answer.json();
    let rows = json["targets"].as_array().expect("rows").iter();
    rows.map(|row| row["id"].as_str().expect("an id").to_owned())
        .collect()
}

#[tokio::test]
async fn the_worst_comes_first() {
    assert_eq!(ids(&server(), "").await, ["down", "fair", "good", "new", "off"]);
}

#[tokio::test]
async fn filters_narrow_and_status_takes_states_and_grades() {
    let server = server();
    assert_eq!(ids(&server, "country=ID").await, ["fair"]);
    assert_eq!(
        ids(&server, "country=ID&country=DE&limit=2").await,
        ["down", "fair"]
    );
    assert_eq!(
        ids(&server, "country=ID,DE&limit=2&offset=2").await,
        ["good", "new"]
    );
    assert_eq!(ids(&server, "status=good,DOWN").await, ["down", "good"]);
    assert_eq!(ids(&server, "status=warn").await, ["fair"]);
    assert_eq!(ids(&server, "status=paused").await, ["off"]);
    assert_eq!(ids(&server, "group=Asia").await, Vec::<String>::new());
    assert_eq!(ids(&server, "q=NAME%20of%20n").await, ["new"]);
    assert_eq!(ids(&server, "unknown=1&q=").await.len(), 5);
}

#[tokio::test]
async fn counts_are_of_all_and_of_what_a_press_would_show() {
    let json = server().get("/api/v1/overview?status=good").await.json();
    assert_eq!((&json["total"], &json["all"]), (&1.into(), &5.into()));
    assert_eq!(
        json["badges"],
        serde_json::json!({"down": 1, "fair": 1, "good": 1, "paused": 1, "waiting": 1})
    );
    assert_eq!(json["countries"], serde_json::json!({"DE": 4, "ID": 1}));
    assert_eq!(json["kpi"]["loss_ppm"], 16_667);
    assert_eq!(json["is_first_run"], false);
}

#[tokio::test]
async fn no_data_is_null_and_never_zero() {
    let json = server().get("/api/v1/overview?q=new").await.json();
    let row = &json["targets"][0];
    assert_eq!(row["state"], "waiting");
    for field in [
        "p50_ms",
        "p95_ms",
        "jitter_ms",
        "loss_ppm",
        "process_ms",
        "last",
        "grade",
        "availability_run_ppm",
    ] {
        assert!(row[field].is_null(), "{field}: {}", row[field]);
    }
    assert!(json["kpi"]["median_rtt_ms"].is_null());
}

#[tokio::test]
async fn nonsense_is_refused_by_name_and_never_a_server_error() {
    let server = server();
    for (query, field) in [
        ("overview?limit=0", "limit"),
        ("overview?limit=1e3", "limit"),
        ("overview?offset=-1", "offset"),
        ("overview?range=fortnight", "range"),
        ("samples?target=good&from=x", "from"),
        ("samples?target=good&from=5&to=5", "to"),
        ("samples", "target"),
        ("events?type=rain", "type"),
        ("events?severity=9", "severity"),
        ("events?before=1-", "before"),
        ("logs?level=loud", "level"),
        ("outages?limit=100001", "limit"),
    ] {
        let answer = server.get(&format!("/api/v1/{query}")).await;
        assert_eq!(
            (answer.status, answer.json()["error"]["field"].as_str()),
            (400, Some(field)),
            "{query}"
        );
    }
    for path in [
        "targets/nobody",
        "samples?target=nobody",
        "events?target=nobody",
        "nothing",
    ] {
        let answer = server.get(&format!("/api/v1/{path}")).await;
        assert_eq!(
            (answer.status, answer.json()["error"]["code"].as_str()),
            (404, Some("not_found")),
            "{path}"
        );
    }
}
