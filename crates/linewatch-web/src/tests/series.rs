//! The series route: what it asks, what it shows, and what it refuses by field and reason.

use linewatch_core::port::StoredTarget;
use linewatch_core::record::Outcome;
use linewatch_core::rollup::Rollup;
use linewatch_core::target::TargetId;
use linewatch_core::time::Rtt;
use serde_json::json;

use super::data::entry;
use super::{START_MS, TestServer};

fn server() -> TestServer {
    let server = TestServer::start();
    server.hub.catalog(vec![entry(1, "fra")]);
    let mut answered = Rollup::default();
    for ms in [10, 12, 11] {
        answered.add(Outcome::Reply, Some(Rtt::from_nanos(ms * 1_000_000)), false);
    }
    answered.add(Outcome::Unreachable, None, false);
    let mut silent = Rollup::default();
    silent.add(Outcome::Lost, None, false);
    *server.history.rollups.lock().expect("rollups") = vec![answered, silent];
    server
}

#[tokio::test]
async fn a_bucket_without_an_answer_has_loss_and_no_delay() {
    let server = server();
    let json = server.get("/api/v1/series?target=fra&points=2000").await.json();
    assert_eq!((&json["sent"], &json["lost"]), (&json!([4, 1]), &json!([1, 1])));
    assert_eq!(json["t"], json!([0, 60_000]));
    assert_eq!(json["avg"], json!([11.0, null]));
    assert_eq!(json["smoke"][0], json!([10.0, null]));
    assert_eq!(json["smoke"][8], json!([12.0, null]));
    assert_eq!(json["smoke"].as_array().map(Vec::len), Some(9));
    assert_eq!(
        (&json["bucket_seconds"], &json["source"]),
        (&json!(60.0), &json!("1m"))
    );
    assert_eq!(json["gaps"][0][1], "suspended");
    let asked = server
        .history
        .asked_series
        .lock()
        .expect("asked")
        .pop()
        .expect("a query");
    assert_eq!(
        (asked.target, asked.points, asked.to.as_millis()),
        (TargetId(1), 2000, START_MS)
    );
    assert_eq!(asked.from.as_millis(), START_MS - 3_600_000);
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_field_and_reason() {
    let server = server();
    for (query, status, field) in [
        ("", 400, "target"),
        ("target=never", 404, "target"),
        ("target=fra&points=0", 400, "points"),
        ("target=fra&points=-1", 400, "points"),
        ("target=fra&points=2001", 400, "points"),
        ("target=fra&points=NaN", 400, "points"),
        ("target=fra&points=1e99", 400, "points"),
        ("target=fra&from=0", 400, "from"),
        ("target=fra&from=1970-01-01T00:00:00Z", 400, "from"),
        ("target=fra&to=2200-01-01T00:00:00Z", 400, "to"),
        (
            "target=fra&from=2026-11-21T00:00:00%5BMars/Olympus%5D",
            400,
            "from",
        ),
        ("target=fra&to=1e99", 400, "to"),
        (
            "target=fra&from=2026-11-21T00:00:00Z&to=2026-11-20T00:00:00Z",
            400,
            "to",
        ),
        (
            "target=fra&from=2026-11-21T00:00:00Z&to=2026-11-21T00:00:00Z",
            400,
            "to",
        ),
    ] {
        let answer = server.get(&format!("/api/v1/series?{query}")).await;
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, error["field"].as_str()),
            (status, Some(field)),
            "{query}"
        );
        assert!(
            error["message"].as_str().is_some_and(|text| text.len() > 15),
            "{query}"
        );
    }
    assert!(server.history.asked_series.lock().expect("asked").is_empty());
}

#[tokio::test]
async fn a_removed_target_still_has_its_last_series() {
    let server = server();
    *server.history.targets.lock().expect("targets") = [(7, "gone"), (8, "gone"), (9, "other")]
        .map(|(id, slug)| StoredTarget {
            id: TargetId(id),
            slug: slug.to_owned(),
            name: slug.to_owned(),
            address: "192.0.2.1".to_owned(),
        })
        .to_vec();
    assert_eq!(server.get("/api/v1/series?target=gone").await.json()["key"], 8);
}
