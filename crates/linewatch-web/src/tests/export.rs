//! The export route: rows in the answer's body, however many, and refusals by field and reason.

use linewatch_core::port::{StoredSample, StoredTarget};
use linewatch_core::record::{Cause, Class, Outcome};
use linewatch_core::target::TargetId;
use linewatch_core::time::{Rtt, WallTime};

use super::{START_MS, TestAnswer, TestServer};

/// Two portions and a bit.
const SAMPLES: u64 = 12_345;

fn server() -> TestServer {
    let server = TestServer::start();
    *server.history.targets.lock().expect("targets") = vec![StoredTarget {
        id: TargetId(1),
        slug: "fra".to_owned(),
        name: "Frankfurt".to_owned(),
        address: String::new(),
    }];
    let begin_ms = START_MS - 3_600_000;
    *server.history.samples.lock().expect("samples") = (0..SAMPLES)
        .map(|seq| StoredSample {
            run: 5,
            seq,
            at: WallTime::from_nanos((begin_ms + seq as i64 * 100) * 1_000_000),
            outcome: Outcome::Reply,
            rtt: Some(Rtt::from_nanos(12_345_000)),
            host_rtt: None,
            lateness_ns: 0,
            class: Class::K,
            cause: Cause::None,
            is_reordered: false,
            stray: None,
        })
        .collect();
    server
}

/// The body of a chunked answer.
fn unchunked(answer: &TestAnswer) -> String {
    assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
    let (mut rest, mut text) = (answer.text(), String::new());
    loop {
        let (length, after) = rest.split_once("\r\n").expect("a length");
        let length = usize::from_str_radix(length, 16).expect("a length in hex");
        if length == 0 {
            return text;
        }
        text.push_str(&after[..length]);
        rest = after[length + 2..].to_owned();
    }
}

#[tokio::test]
async fn every_row_is_in_the_answer_once() {
    let server = server();
    let answer = server
        .get("/api/v1/export?target=fra&range=2h&format=ndjson")
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("content-disposition"),
        Some("attachment; filename=\"linewatch-fra-raw.ndjson\"")
    );
    let text = unchunked(&answer);
    let seqs: Vec<u64> = text
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("JSON")["seq"]
                .as_u64()
                .expect("seq")
        })
        .collect();
    assert_eq!(seqs, (0..SAMPLES).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_csv_says_that_it_is_one() {
    let answer = server().get("/api/v1/export?all=1&range=2h").await;
    assert_eq!(
        answer.header("content-type"),
        Some("text/csv; charset=utf-8; header=present")
    );
    let text = unchunked(&answer);
    assert!(text.starts_with("time,target,name,kind,"), "{}", &text[..100]);
    assert_eq!(text.lines().count() as u64, SAMPLES + 1);
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_field_and_reason() {
    let server = server();
    for (query, status, field) in [
        ("", 400, "target"),
        ("target=never", 404, "target"),
        ("target=fra,never", 404, "target"),
        ("target=fra&resolution=2m", 400, "resolution"),
        ("target=fra&format=xlsx", 400, "format"),
        ("target=fra&range=week", 400, "range"),
        ("target=fra&range=0s", 400, "range"),
        ("target=fra&range=1e99d", 400, "range"),
        ("target=fra&range=-1d", 400, "range"),
        ("target=fra&range=99999999999999999999y", 400, "range"),
        ("target=fra&range=99y", 400, "from"),
        ("target=fra&from=0", 400, "from"),
        ("target=fra&to=NaN", 400, "to"),
        (
            "target=fra&from=2026-11-21T00:00:00Z&to=2200-01-01T00:00:00Z",
            400,
            "to",
        ),
        (
            "target=fra&from=2026-11-21T00:00:00Z&to=2026-11-20T00:00:00Z",
            400,
            "to",
        ),
        (
            "target=fra&from=2026-11-20T00:00:00Z&to=2026-11-21T00:00:00Z&range=1d",
            400,
            "range",
        ),
    ] {
        let answer = server.get(&format!("/api/v1/export?{query}")).await;
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
}
