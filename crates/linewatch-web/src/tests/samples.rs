//! Samples: what is stored and what is not yet, each once; and the rows of the logs.

use std::sync::atomic::Ordering;
use std::time::Duration;

use linewatch_core::port::{Clock, StoredSample, StoredTarget};
use linewatch_core::record::{Cause, ProbeRecord};
use linewatch_core::target::TargetId;
use serde_json::Value;

use super::data::{batch, entry, entry_every, event, reply};
use super::{START_MS, TestServer};

fn stored(record: &ProbeRecord, run: u64, server: &TestServer) -> StoredSample {
    StoredSample {
        run,
        seq: record.seq,
        at: server.clock.anchor().wall_at(record.sent_at),
        outcome: record.outcome,
        rtt: record.rtt,
        host_rtt: record.host_rtt,
        lateness_ns: 0,
        class: record.class,
        cause: Cause::None,
        is_reordered: false,
        stray: None,
    }
}

/// Probes 0 to 9, a second apart; the store has those `..committed`.
async fn sampled(server: &TestServer, committed: usize) -> Value {
    let mut records = Vec::new();
    for seq in 0..10 {
        let anchor = server.clock.advance(Duration::from_secs(1));
        records.push(reply(1, seq, anchor.mono, 1_000 + seq));
        server.hub.batch(&batch(anchor, vec![records[seq as usize]]));
    }
    let samples = records[..committed]
        .iter()
        .map(|record| stored(record, 5, server))
        .collect();
    *server.history.samples.lock().expect("samples") = samples;
    let to = START_MS + 60_000;
    let answer = server
        .get(&format!("/api/v1/samples?target=fra&from={START_MS}&to={to}"))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn stored_and_fresh_rows_are_told_once_and_alike() {
    let server = TestServer::start();
    server.hub.catalog(vec![entry(1, "fra")]);
    let mixed = sampled(&server, 6).await;
    let rows = mixed["segments"][0]["d"].as_array().expect("rows");
    assert_eq!(
        rows.iter().map(|row| row[1].as_u64()).collect::<Vec<_>>(),
        (0..10).map(Some).collect::<Vec<_>>()
    );
    assert_eq!(rows[0], serde_json::json!([1, 0, 0, 0, 1_000, 1_050, 0]));
    assert_eq!(rows[9], serde_json::json!([1, 9, 9_000_000, 0, 1_009, 1_059, 0]));
}

#[tokio::test]
async fn of_a_fast_target_the_newest_seconds_are_single_probes_too() {
    let server = TestServer::start();
    server.hub.catalog(vec![entry_every(1, "fra", 10)]);
    let mixed = sampled(&server, 8).await;
    assert_eq!(mixed["segments"][0]["d"].as_array().expect("rows").len(), 10);
}

#[tokio::test]
async fn an_answer_ends_where_a_slow_disk_has_left_a_hole() {
    let server = TestServer::start();
    server.hub.catalog(vec![entry_every(1, "fra", 10)]);
    // Of ten seconds the live view keeps three.
    let mixed = sampled(&server, 4).await;
    assert_eq!(mixed["is_truncated"], true);
    assert_eq!(mixed["segments"][0]["d"].as_array().expect("rows").len(), 4);
}

#[tokio::test]
async fn a_removed_target_keeps_its_name_and_is_found_by_it() {
    let server = TestServer::start();
    *server.history.targets.lock().expect("targets") = [(7, "gone"), (8, "gone"), (9, "other")]
        .map(|(id, slug)| StoredTarget {
            id: TargetId(id),
            slug: slug.to_owned(),
            name: format!("Name of {slug}"),
            address: "192.0.2.1".to_owned(),
        })
        .to_vec();
    *server.history.events.lock().expect("events") = vec![event(1, Some(8))];
    let json = server.get("/api/v1/events?target=gone").await.json();
    assert_eq!(json["rows"][0]["target"], "gone");
    assert_eq!(json["rows"][0]["target_name"], "Name of gone");
    let asked = server
        .history
        .asked
        .lock()
        .expect("asked")
        .pop()
        .expect("a query");
    assert_eq!(asked.targets, Some(vec![TargetId(7), TargetId(8)]));
    assert_eq!(server.get("/api/v1/events?target=never").await.status, 404);
}

#[tokio::test]
async fn an_earlier_start_is_a_segment_of_its_own() {
    let server = TestServer::start();
    server.hub.catalog(vec![entry(1, "fra")]);
    let old = reply(1, 7, server.clock.mono(), 5);
    let fresh = reply(1, 7, server.clock.advance(Duration::from_secs(1)).mono, 6);
    *server.history.samples.lock().expect("samples") = vec![stored(&old, 4, &server)];
    server.hub.batch(&batch(server.clock.anchor(), vec![fresh]));
    server.clock.advance(Duration::from_secs(1));
    let json = server.get("/api/v1/samples?target=fra").await.json();
    let runs: Vec<_> = json["segments"]
        .as_array()
        .expect("segments")
        .iter()
        .map(|one| one["run"].as_u64())
        .collect();
    assert_eq!(runs, [Some(4), Some(5)]);
}

#[tokio::test]
async fn a_page_of_events_says_how_to_get_the_next() {
    let server = TestServer::start();
    server.hub.catalog(vec![entry(1, "fra")]);
    *server.history.events.lock().expect("events") = (0..3).rev().map(|seq| event(seq, Some(1))).collect();
    let json = server
        .get("/api/v1/events?limit=2&target=fra&before=5-9")
        .await
        .json();
    assert_eq!(json["next"], "5-1");
    assert_eq!(json["rows"][0]["target_name"], "Name of fra");
    let asked = server
        .history
        .asked
        .lock()
        .expect("asked")
        .pop()
        .expect("a query");
    assert_eq!(asked.before.map(|id| id.to_string()).as_deref(), Some("5-9"));
    assert!(server.get("/api/v1/events").await.json()["next"].is_null());
}

#[tokio::test]
async fn a_broken_store_is_said_and_the_rest_goes_on() {
    let server = TestServer::start();
    server.history.is_broken.store(true, Ordering::SeqCst);
    let answer = server.get("/api/v1/logs").await;
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("disk I/O error"));
    assert_eq!(server.get("/api/v1/overview").await.status, 200);
    assert_eq!(server.get("/healthz").await.json()["status"], "ok");
}

#[tokio::test]
async fn a_backup_is_a_file_for_those_who_may_change_everything() {
    let server = TestServer::start();
    let answer = server.get("/api/v1/backup").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "SQLite format 3"));
    assert_eq!(answer.header("content-length"), Some("15"));
    assert!(
        answer.header("content-disposition").is_some_and(|name| name
            .starts_with("attachment; filename=\"linewatch-")
            && name.ends_with(".db\""))
    );
    server.history.is_broken.store(true, Ordering::SeqCst);
    assert_eq!(server.get("/api/v1/backup").await.status, 503);
}

#[tokio::test]
async fn the_status_tells_how_the_store_is_doing() {
    let server = TestServer::start();
    let storage = &server.get("/api/v1/status").await.json()["storage"];
    assert_eq!(storage["state"], "ok");
    for key in [
        "budget_bytes",
        "oldest",
        "waiting_samples",
        "commit_age_ms",
        "last_error",
    ] {
        assert!(storage.as_object().expect("an object").contains_key(key), "{key}");
    }
}
