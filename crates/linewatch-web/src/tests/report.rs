//! The route of reports: one document under a policy of its own, and refusals by field.

use linewatch_core::record::Outcome;
use linewatch_core::rollup::Rollup;
use linewatch_core::time::Rtt;

use super::TestServer;
use super::data::entry;

fn server() -> TestServer {
    let server = TestServer::start();
    server.hub.catalog(vec![entry(1, "fra"), entry(2, "gw")]);
    let mut answered = Rollup::default();
    answered.add(Outcome::Reply, Some(Rtt::from_nanos(11_000_000)), false);
    *server.history.rollups.lock().expect("rollups") = vec![answered];
    server
}

#[tokio::test]
async fn a_report_is_a_document_that_may_use_its_own_style_and_nothing_else() {
    let server = server();
    let answer = server
        .get("/api/v1/report?target=fra&range=24h&tz=Asia/Jakarta")
        .await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    let policy = answer
        .header("content-security-policy")
        .expect("a policy")
        .to_owned();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert!(
        policy.contains("frame-ancestors 'self'") && policy.contains("sandbox "),
        "{policy}"
    );
    assert!(
        !policy.contains("unsafe") && !policy.contains("allow-scripts"),
        "{policy}"
    );
    assert_eq!(answer.header("x-frame-options"), Some("SAMEORIGIN"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let page = answer.text();
    assert!(
        page.starts_with("<!doctype html>") && page.contains("UTC+07:00"),
        "{page}"
    );
    assert!(
        page.contains("href=\"/api/v1/export?target=fra&amp;from="),
        "{page}"
    );
}

#[tokio::test]
async fn the_page_may_frame_our_own_documents_and_is_framed_by_nobody() {
    let answer = server().get("/").await;
    let policy = answer
        .header("content-security-policy")
        .expect("a policy")
        .to_owned();
    assert!(
        policy.contains("frame-src 'self'") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert_eq!(answer.header("x-frame-options"), Some("DENY"));
}

#[tokio::test]
async fn a_file_of_it_has_a_name_and_leads_nowhere() {
    let answer = server()
        .get("/api/v1/report?target=fleet&lang=id&download=1")
        .await;
    assert_eq!(
        answer.header("content-disposition"),
        Some("attachment; filename=\"report-fleet.html\"")
    );
    let page = answer.text();
    assert!(
        page.contains("<html lang=\"id\">") && page.contains("Semua target"),
        "{page}"
    );
    assert!(!page.contains("href="), "{page}");
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_field() {
    let server = server();
    for (query, status, field) in [
        ("", 400, "target"),
        ("target=nobody", 404, "target"),
        ("target=fra&range=soon", 400, "range"),
        ("target=fra&tz=Mars/Olympus", 400, "tz"),
        ("target=fra&lang=tlh", 400, "lang"),
        ("target=fra&paper=a3", 400, "paper"),
        ("target=fra&include=verdict,gossip", 400, "include"),
        (
            "target=fra&from=2026-11-20T00:00:00Z&to=2026-11-19T00:00:00Z",
            400,
            "to",
        ),
        ("target=fra&target=gw", 400, "target"),
    ] {
        let answer = server.get(&format!("/api/v1/report?{query}")).await;
        assert_eq!(answer.status, status, "{query}: {}", answer.text());
        let body = answer.json();
        assert_eq!(body["error"]["field"], field, "{query}");
    }
}

#[tokio::test]
async fn a_history_that_cannot_be_read_is_told_in_words() {
    let server = server();
    server
        .history
        .is_broken
        .store(true, std::sync::atomic::Ordering::SeqCst);
    let answer = server.get("/api/v1/report?target=fra").await;
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("disk I/O error"), "{}", answer.text());
}
