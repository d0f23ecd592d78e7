//! The picture routes: what they answer, what they refuse by field and reason, and that nothing is drawn twice.

use linewatch_core::record::Outcome;
use linewatch_core::rollup::Rollup;
use linewatch_core::time::Rtt;

use super::data::entry;
use super::{START_MS, TestServer};

fn server() -> TestServer {
    let server = TestServer::start();
    server.hub.catalog(vec![entry(1, "fra")]);
    let mut answered = Rollup::default();
    for ms in [10, 12, 11] {
        answered.add(Outcome::Reply, Some(Rtt::from_nanos(ms * 1_000_000)), false);
    }
    *server.history.rollups.lock().expect("rollups") = vec![answered];
    server
}

fn questions(server: &TestServer) -> usize {
    server.history.asked_series.lock().expect("asked").len()
}

#[tokio::test]
async fn a_picture_has_its_size_its_type_and_the_headers_of_every_answer() {
    let server = server();
    let answer = server
        .get("/api/v1/graph.png?target=fra&size=640x240&scale=2")
        .await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("image/png"))
    );
    assert_eq!(&answer.body[..8], b"\x89PNG\r\n\x1a\n");
    let number = |at: usize| u32::from_be_bytes(answer.body[at..at + 4].try_into().expect("4 bytes"));
    assert_eq!((number(16), number(20)), (1280, 480));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert!(
        answer
            .header("content-security-policy")
            .is_some_and(|csp| csp.contains("default-src 'none'"))
    );
    assert_eq!(answer.header("cache-control"), Some("private, max-age=10"));
    let svg = server
        .get("/api/v1/graph.svg?target=fra&theme=dark&tz=Asia/Jakarta")
        .await;
    assert_eq!(
        (svg.status, svg.header("content-type")),
        (200, Some("image/svg+xml"))
    );
    let text = svg.text();
    assert!(text.contains("UTC+07:00"), "{text}");
}

#[tokio::test]
async fn the_same_picture_is_drawn_once_in_ten_seconds() {
    let server = server();
    let ask = "/api/v1/graph.png?target=fra&range=6h";
    let first = server.get(ask).await.body;
    let asked = questions(&server);
    assert!(server.get(ask).await.body == first);
    assert_eq!(questions(&server), asked, "the second came from memory");
    server.get("/api/v1/graph.png?target=fra&range=7d").await;
    assert!(questions(&server) > asked, "another period is another picture");
    let asked = questions(&server);
    server.clock.advance(std::time::Duration::from_secs(10));
    server.get(ask).await;
    assert!(questions(&server) > asked, "ten seconds later it is drawn anew");
}

#[tokio::test]
async fn what_cannot_be_drawn_is_refused_by_field_and_reason() {
    let server = server();
    let future = START_MS + 60_000;
    for (query, status, field) in [
        ("".to_owned(), 400, "target"),
        ("target=never".to_owned(), 404, "target"),
        ("target=fra&range=24".to_owned(), 400, "range"),
        ("target=fra&range=-1h".to_owned(), 400, "range"),
        ("target=fra&range=1e99".to_owned(), 400, "range"),
        ("target=fra&range=99999999999999999999y".to_owned(), 400, "range"),
        ("target=fra&range=500y".to_owned(), 400, "range"),
        ("target=fra&range=custom".to_owned(), 400, "from"),
        (
            "target=fra&range=1h&from=2026-11-20T00:00:00Z&to=2026-11-21T00:00:00Z".to_owned(),
            400,
            "range",
        ),
        ("target=fra&from=0".to_owned(), 400, "from"),
        ("target=fra&to=2200-01-01T00:00:00Z".to_owned(), 400, "to"),
        (
            "target=fra&from=2026-11-21T00:00:00Z&to=2026-11-20T00:00:00Z".to_owned(),
            400,
            "to",
        ),
        (format!("target=fra&from={future}&range=1h"), 400, "from"),
        ("target=fra&tz=Mars/Olympus".to_owned(), 400, "tz"),
        ("target=fra&tz=../../etc/passwd".to_owned(), 400, "tz"),
        ("target=fra&size=100000x100000".to_owned(), 400, "size"),
        ("target=fra&size=4000x2000&scale=2".to_owned(), 400, "size"),
        ("target=fra&size=10x10".to_owned(), 400, "size"),
        ("target=fra&size=big".to_owned(), 400, "size"),
        ("target=fra&scale=0".to_owned(), 400, "scale"),
        ("target=fra&theme=pink".to_owned(), 400, "theme"),
    ] {
        let answer = server.get(&format!("/api/v1/graph.png?{query}")).await;
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
    assert_eq!(questions(&server), 0, "nothing was read for any of them");
}

#[tokio::test]
async fn an_empty_period_is_a_picture_that_says_so() {
    let server = server();
    server.history.rollups.lock().expect("rollups").clear();
    let answer = server.get("/api/v1/graph.svg?target=fra").await;
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("No data in this period"));
}
