//! The overview over a range, and the line of a target that had several addresses.

use std::time::Duration;

use linewatch_core::past::{SeriesSum, Stretch};
use linewatch_core::port::StoredTarget;
use linewatch_core::record::{Loss, Outcome};
use linewatch_core::rollup::Rollup;
use linewatch_core::target::TargetId;
use linewatch_core::time::{Rtt, WallTime};
use linewatch_core::view::{Grade, State};
use serde_json::json;

use super::data::{entry, view};
use super::{START_MS, TestServer};

const DAY_MS: i64 = 24 * 3_600_000;

fn sum(ms: u64, lost: u64, measured: Duration, down: Duration, outages: u64) -> SeriesSum {
    let mut rollup = Rollup::default();
    for _ in 0..100 - lost {
        rollup.add(Outcome::Reply, Some(Rtt::from_nanos(ms * 1_000_000)), false);
    }
    (0..lost).for_each(|_| rollup.add(Outcome::Lost, None, false));
    SeriesSum {
        rollup,
        measured,
        down,
        outages,
    }
}

/// `a` was measured at two addresses; `b` was half the day away; `c` has no history.
fn server() -> TestServer {
    let server = TestServer::start();
    let mut entries = vec![entry(1, "a"), entry(2, "b"), entry(3, "c")];
    entries[1].target.country = "ID".to_owned();
    server.hub.catalog(entries);
    server.hub.views(vec![
        view(1, State::Ok, Some(Grade::Good), 20),
        view(2, State::Ok, Some(Grade::Good), 20),
    ]);
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    *server.history.sums.lock().expect("sums") = [
        (TargetId(1), sum(30, 0, hours(18), Duration::ZERO, 0)),
        (TargetId(7), sum(30, 10, hours(6), Duration::from_secs(1), 1)),
        (TargetId(2), sum(90, 0, hours(12), hours(3), 2)),
    ]
    .into();
    *server.history.targets.lock().expect("targets") = [(1, "a"), (7, "a"), (2, "b"), (9, "gone")]
        .map(|(id, slug)| StoredTarget {
            id: TargetId(id),
            slug: slug.to_owned(),
            name: slug.to_owned(),
            address: String::new(),
        })
        .to_vec();
    server
}

fn row<'a>(json: &'a serde_json::Value, id: &str) -> &'a serde_json::Value {
    let rows = json["targets"].as_array().expect("rows");
    rows.iter().find(|row| row["id"] == id).expect("a row")
}

#[tokio::test]
async fn the_figures_of_a_range_are_of_all_addresses_and_availability_is_rounded_down() {
    let json = server().get("/api/v1/overview?range=24h").await.json();
    assert_eq!(json["range"], "24h");
    assert_eq!(json["to"], json!(START_MS));
    assert_eq!(json["from"], json!(START_MS - DAY_MS));
    let a = row(&json, "a");
    assert_eq!((&a["finished"], &a["failed"]), (&json!(200), &json!(10)));
    assert_eq!((&a["loss_ppm"], &a["rto"]), (&json!(50_000), &json!(10)));
    // 1 s of 86,400 s is 11.57 ppm: 999,988.4 rounded down.
    assert_eq!(a["availability_ppm"], 999_988);
    assert_eq!(a["availability_24h_ppm"], 999_988);
    assert_eq!(
        (&a["coverage_ppm"], &a["outages"]),
        (&json!(1_000_000), &json!(1))
    );
    assert_eq!(a["measured_ms"], json!(DAY_MS));
    assert!(a["process_ms"].is_null());
    assert_eq!(row(&json, "b")["coverage_ppm"], 500_000);
    let c = row(&json, "c");
    for field in ["p50_ms", "p95_ms", "loss_ppm", "availability_ppm"] {
        assert!(c[field].is_null(), "{field}: {}", c[field]);
    }
    assert_eq!(c["strip_24h"], json!([]));
}

#[tokio::test]
async fn the_figures_above_the_table_are_of_the_range_and_of_the_filtered_targets() {
    let server = server();
    let kpi = server.get("/api/v1/overview?range=7d").await.json()["kpi"].clone();
    // Of 36 h measured, 3 h and 1 s were outages.
    assert_eq!(kpi["availability_ppm"], 916_658);
    assert_eq!((&kpi["outages"], &kpi["measured"]), (&json!(3), &json!(2)));
    let kpi = server.get("/api/v1/overview?range=7d&country=ID").await.json()["kpi"].clone();
    assert_eq!(
        (&kpi["availability_ppm"], &kpi["outages"]),
        (&json!(750_000), &json!(2))
    );
    assert!(
        kpi["median_rtt_ms"]
            .as_f64()
            .is_some_and(|ms| (89.0..91.0).contains(&ms))
    );
}

#[tokio::test]
async fn the_live_answer_has_the_strip_of_the_day_and_its_own_figures() {
    let server = server();
    *server.history.stretches.lock().expect("stretches") =
        [(0, 20, 0), (10, 80, 0), (20, 20, 600), (600, 20, 30)]
            .map(|(minutes, ms, failed): (i64, u64, u64)| Stretch {
                target: TargetId(7),
                from: WallTime::from_nanos((START_MS / 1_800_000 * 1_800_000 - minutes * 60_000) * 1_000_000),
                avg: Some(Rtt::from_nanos(ms * 1_000_000)),
                loss: Loss {
                    failed,
                    finished: 600,
                },
            })
            .to_vec();
    let json = server.get("/api/v1/overview").await.json();
    let a = row(&json, "a");
    let strip = a["strip_24h"].as_array().expect("a strip").clone();
    assert_eq!(strip.len(), 48);
    assert_eq!(
        (&strip[47], &strip[46], &strip[27]),
        (&json!(1), &json!(6), &json!(4))
    );
    assert_eq!(a["finished"], 60);
    assert_eq!(json["range"], "live");
}

#[tokio::test]
async fn many_who_ask_at_once_make_one_question_and_seconds_later_another() {
    let server = server();
    let asked = || server.history.asked_sums.lock().expect("asked").len();
    for _ in 0..5 {
        server.get("/api/v1/overview?range=24h").await;
    }
    assert_eq!(asked(), 1);
    server.clock.advance(Duration::from_secs(6));
    server.get("/api/v1/overview?range=24h").await;
    assert_eq!(asked(), 2);
}

#[tokio::test]
async fn a_custom_range_needs_both_ends_in_order_and_ends_now_at_the_latest() {
    let server = server();
    for (query, field) in [
        ("range=custom", "from"),
        ("range=custom&from=2026-11-20T00:00:00Z", "to"),
        ("range=custom&to=2026-11-20T00:00:00Z", "from"),
        (
            "range=custom&from=2026-11-20T00:00:00Z&to=2026-11-19T00:00:00Z",
            "to",
        ),
        (
            "range=custom&from=1970-01-01T00:00:00Z&to=2026-11-19T00:00:00Z",
            "from",
        ),
        (
            "range=custom&from=2026-11-20T00:00:00Z&to=2200-01-01T00:00:00Z",
            "to",
        ),
        (
            "range=custom&from=2026-12-01T00:00:00Z&to=2026-12-02T00:00:00Z",
            "from",
        ),
        ("range=fortnight", "range"),
        ("spark=2", "spark"),
    ] {
        let answer = server.get(&format!("/api/v1/overview?{query}")).await;
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, error["field"].as_str()),
            (400, Some(field)),
            "{query}"
        );
    }
    let query = format!(
        "range=custom&from={}&to={}&spark=0",
        START_MS - 1000,
        START_MS + DAY_MS
    );
    let json = server.get(&format!("/api/v1/overview?{query}")).await.json();
    assert_eq!(json["to"], json!(START_MS));
}

#[tokio::test]
async fn a_store_that_cannot_be_read_takes_the_range_away_and_not_the_live_view() {
    let server = server();
    server
        .history
        .is_broken
        .store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(server.get("/api/v1/overview?range=24h").await.status, 503);
    let answer = server.get("/api/v1/overview").await;
    assert_eq!(answer.status, 200);
    assert!(row(&answer.json(), "a")["strip_24h"].is_null());
}

#[tokio::test]
async fn a_line_is_of_every_address_with_a_mark_where_another_took_over() {
    let server = server();
    let mut rollup = Rollup::default();
    rollup.add(Outcome::Reply, Some(Rtt::from_nanos(5_000_000)), false);
    *server.history.rollups.lock().expect("rollups") = vec![rollup];
    let json = server.get("/api/v1/series?target=a").await.json();
    // The test's store tells the same bucket for each series: both are in it.
    assert_eq!((&json["sent"], &json["key"]), (&json!([2]), &json!(1)));
    assert_eq!(json["marks"], json!([[0, "address_changed", ""]]));
    let asked = server.history.asked_series.lock().expect("asked").clone();
    assert_eq!(
        asked.iter().map(|query| query.target.0).collect::<Vec<_>>(),
        [1, 7]
    );
}
