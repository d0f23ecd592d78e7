//! The evidence of an outage: what is kept is shown with its verdict; what is not there is told in words.

use linewatch_core::event::{EventId, OutageRow, RunId};
use linewatch_core::evidence::{Evidence, Fault, Line, Part, Second, Span};
use linewatch_core::outage::OpenedBy;
use linewatch_core::port::{StoredSample, StoredTarget};
use linewatch_core::record::{Cause, Class, GapKind, Outcome};
use linewatch_core::target::TargetId;
use linewatch_core::time::{Rtt, WallTime};
use serde_json::json;

use super::data::entry;
use super::{START_MS, TestServer};

fn at(seconds: i64) -> WallTime {
    WallTime::from_nanos((START_MS + seconds * 1_000) * 1_000_000)
}

fn sample(second: i64) -> StoredSample {
    let is_lost = (0..10).contains(&second);
    let rtt = (!is_lost).then(|| Rtt::from_nanos(9_000_000));
    StoredSample {
        run: 5,
        seq: second.unsigned_abs(),
        at: at(second),
        outcome: if is_lost { Outcome::Lost } else { Outcome::Reply },
        rtt,
        host_rtt: rtt,
        lateness_ns: 0,
        class: Class::K,
        cause: Cause::None,
        is_reordered: false,
        stray: None,
    }
}

/// Ten seconds in which target `key`, its gateway 2 and target 3 were silent.
pub(super) fn evidence(outage: EventId, key: u32) -> Evidence {
    let samples: Vec<StoredSample> = (-30..40).map(sample).collect();
    let seconds = samples.iter().map(|sample| Second {
        at_s: sample.at.as_millis() / 1_000,
        sent: 1,
        lost: u32::from(sample.outcome == Outcome::Lost),
        p50: sample.rtt,
    });
    Evidence {
        outage,
        target: TargetId(key),
        span: Span {
            part: Part::Whole,
            from: at(-30),
            to: at(40),
        },
        lines: vec![Line {
            target: TargetId(3),
            seconds: seconds.collect(),
        }],
        gateway: Some(TargetId(2)),
        gateway_samples: samples.clone(),
        samples,
        left_out: 4,
        faults: vec![Fault {
            gap: Some(GapKind::Stalled),
            from: at(1),
            to: at(2),
            count: 1,
        }],
    }
}

const ID: EventId = EventId {
    run: RunId(5),
    seq: 1,
};

fn server(end: Option<i64>) -> TestServer {
    let server = TestServer::start();
    server.hub.catalog(vec![entry(1, "far"), entry(2, "router")]);
    *server.history.targets.lock().expect("targets") = vec![StoredTarget {
        id: TargetId(3),
        slug: "gone".to_owned(),
        name: "Gone".to_owned(),
        address: String::new(),
    }];
    *server.history.outages.lock().expect("outages") = vec![OutageRow {
        id: ID,
        target: TargetId(1),
        from: at(0),
        to: end.map(at),
        duration_ns: 10_000_000_000,
        opened_by: OpenedBy::Run,
        sent: 10,
        lost: 10,
        uncertainty_ns: 0,
    }];
    server
}

#[tokio::test]
async fn evidence_has_the_samples_the_gateway_first_and_the_verdict() {
    let server = server(Some(10));
    *server.history.evidence.lock().expect("evidence") = vec![evidence(ID, 1)];
    let answer = server.get("/api/v1/outages/5-1/evidence").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let json = answer.json();
    assert_eq!(json["verdict"]["code"], "near");
    assert_eq!(
        json["verdict"]["figures"]["gateway"],
        json!({"sent": 10, "lost": 10})
    );
    let part = &json["parts"][0];
    let base = part["segments"][0]["base"].as_i64().expect("a base");
    assert_eq!(
        part["segments"][0]["d"][0],
        json!([1, 30, (START_MS - 30_000 - base) * 1_000, 0, 9_000, 9_000, 0])
    );
    let lines = part["lines"].as_array().expect("lines");
    let told: Vec<_> = lines
        .iter()
        .map(|line| (&line["target"], &line["is_gateway"], &line["lost"]))
        .collect();
    assert_eq!(
        told,
        [
            (&json!("router"), &json!(true), &json!(10)),
            (&json!("gone"), &json!(false), &json!(10)),
        ]
    );
    // Both are of the same samples: the gateway's are summed up here, the other's by the store.
    assert_eq!(lines[0]["d"], lines[1]["d"]);
    assert_eq!(
        part["faults"],
        json!([["stalled", START_MS + 1_000, START_MS + 2_000, 1]])
    );
}

#[tokio::test]
async fn what_is_not_kept_yet_is_told_in_words() {
    for (end, words) in [
        (Some(10), "nothing is kept of outage 5-1"),
        (None, "still goes on"),
    ] {
        let answer = server(end).get("/api/v1/outages/5-1/evidence").await;
        assert_eq!(answer.status, 404);
        assert!(answer.text().contains(words), "{}", answer.text());
    }
    for id in ["5-9", "5", "x", "5-1-1"] {
        let answer = server(None).get(&format!("/api/v1/outages/{id}/evidence")).await;
        assert_eq!(answer.status, 404);
        assert!(answer.text().contains("there is no outage"), "{}", answer.text());
    }
}
