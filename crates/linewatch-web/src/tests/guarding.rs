//! Walks the whole route table: no address escapes the Host, Origin, type and spelling checks.

use super::TestServer;
use super::data::entry;
use crate::control::{AlertAsk, Change};
use crate::guard::Role;
use crate::routes::{Action, ROUTES};
use crate::settings::SettingsAsk;

const JSON: (&str, &str) = ("content-type", "application/json");
const UPGRADE: [(&str, &str); 5] = [
    ("upgrade", "websocket"),
    ("connection", "upgrade"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("sec-websocket-protocol", "linewatch.v1"),
];

/// Every route as a request: method, address, what it does.
fn requests() -> impl Iterator<Item = (&'static str, String, Action, Role)> {
    ROUTES.iter().map(|route| {
        let path = route
            .pattern
            .replace("{id}", "fra")
            .replace("{hash}", "dev")
            .replace("{*path}", "x.js");
        (route.method.as_str(), path, route.action, route.role)
    })
}

/// Asked of whoever owns what holds, on the way that changes take.
fn is_question(change: &Change) -> bool {
    matches!(
        change,
        Change::Alerts(AlertAsk::Silences | AlertAsk::Notices)
            | Change::Settings(SettingsAsk::Preferences | SettingsAsk::Doctor { .. })
    )
}

fn server() -> TestServer {
    let server = TestServer::start();
    server.hub.catalog(vec![entry(1, "fra")]);
    server
}

#[tokio::test]
async fn every_route_refuses_a_foreign_host_and_says_what_to_add() {
    let server = server();
    for (method, path, ..) in requests() {
        let answer = server.send(method, &path, &[("host", "evil.example")], "").await;
        assert_eq!(answer.status, 421, "{method} {path}");
        assert!(
            answer.text().contains("allowed_hosts"),
            "{method} {path}: {}",
            answer.text()
        );
        let configured = server
            .send(method, &path, &[("host", "monitor.example:5000")], "")
            .await;
        assert_ne!(configured.status, 421, "{method} {path}");
    }
    assert!(
        server.changes.lock().expect("changes").iter().all(is_question),
        "under a name a proxy may stand between: nothing is changed without the password"
    );
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let server = server();
    let mut answers = vec![
        server.get("/nothing/here").await,
        server.send("GET", "/", &[("host", "x")], "").await,
    ];
    for (method, path, ..) in requests() {
        answers.push(server.send(method, &path, &[], "").await);
    }
    for answer in answers {
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'; img-src"),
            "{policy}"
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
    }
}

#[tokio::test]
async fn no_change_and_no_upgrade_comes_from_another_site() {
    let server = server();
    for (method, path, action, _) in requests().filter(|(.., action, _)| *action != Action::Read) {
        for foreign in [
            ("origin", "http://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
        ] {
            let mut headers = vec![foreign, JSON];
            if action == Action::Upgrade {
                headers.extend(UPGRADE);
            }
            for body in ["", "{}"] {
                let answer = server.send(method, &path, &headers, body).await;
                assert_eq!(answer.status, 403, "{method} {path} {foreign:?} {body}");
            }
        }
    }
    assert!(server.changes.lock().expect("changes").is_empty());
}

#[tokio::test]
async fn a_form_changes_nothing() {
    let server = server();
    for (method, path, ..) in requests().filter(|(.., action, _)| *action == Action::Change) {
        for media in ["text/plain", "application/x-www-form-urlencoded"] {
            let answer = server.send(method, &path, &[("content-type", media)], "{}").await;
            assert_eq!(answer.status, 415, "{method} {path} {media}");
        }
    }
    assert!(server.changes.lock().expect("changes").is_empty());
}

#[tokio::test]
async fn who_comes_through_a_proxy_may_look_and_change_nothing() {
    let server = server();
    for (method, path, _, role) in requests() {
        let answer = server
            .send(method, &path, &[("x-forwarded-for", "192.0.2.9"), JSON], "{}")
            .await;
        let is_refused = answer.status == 401;
        assert_eq!(
            is_refused,
            // The whole database, and servers' words in the outbox, are for who may change something.
            role > Role::Viewer,
            "{method} {path}: {}",
            answer.status
        );
    }
    // What holds is asked of whoever owns it, on the way that changes take.
    let changes = server.changes.lock().expect("changes");
    assert!(changes.iter().all(is_question), "{changes:?}");
}

#[tokio::test]
async fn with_public_read_off_others_see_only_files_and_the_sign_of_life() {
    let server = TestServer::with(|options| options.rule.is_public_read = false);
    for (method, path, _, role) in requests() {
        let answer = server
            .send(method, &path, &[("forwarded", "for=192.0.2.9"), JSON], "{}")
            .await;
        assert_eq!(
            answer.status == 401,
            role > Role::Public,
            "{method} {path}: {}",
            answer.status
        );
    }
}

#[tokio::test]
async fn an_odd_spelling_reaches_no_handler() {
    let server = server();
    for (method, path, ..) in requests().filter(|(_, path, ..)| path != "/") {
        let escaped = format!("/%{:02x}{}", path.as_bytes()[1], &path[2..]);
        let odd = [
            format!("/{path}"),
            format!("/x/..{path}"),
            format!("/.{path}"),
            format!("{path}/"),
            escaped,
        ];
        for odd in odd {
            let answer = server.send(method, &odd, &[JSON], "{}").await;
            assert_eq!(answer.status, 404, "{method} {odd}");
        }
    }
    assert!(server.changes.lock().expect("changes").is_empty());
}

#[tokio::test]
async fn other_methods_are_answered_with_those_that_exist() {
    let server = server();
    for method in ["TRACE", "OPTIONS", "PUT", "BREW"] {
        let answer = server.send(method, "/api/v1/targets", &[], "").await;
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some("GET, POST")),
            "{method}"
        );
    }
    let head = server.send("HEAD", "/api/v1/overview", &[], "").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[tokio::test]
async fn huge_heads_and_bodies_are_refused() {
    let server = server();
    let huge = "x".repeat(20_000);
    assert_eq!(server.send("GET", "/", &[("x-big", &huge)], "").await.status, 431);
    let length = format!("{}", 2 * 1024 * 1024);
    let request = format!(
        "POST /api/v1/targets HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    assert_eq!(server.send_raw(request.as_bytes()).await.status, 413);
    assert!(server.changes.lock().expect("changes").is_empty());
}

#[tokio::test]
async fn below_a_base_path_only_that_path_is_served() {
    let server = TestServer::with(|options| options.base_path = "/line".to_owned());
    assert_eq!(server.get("/line/").await.status, 200);
    assert_eq!(server.get("/line/api/v1/overview").await.status, 200);
    assert_eq!(server.get("/api/v1/overview").await.status, 404);
    assert_eq!(server.get("/linex/").await.status, 404);
}

#[tokio::test]
async fn the_shell_is_asked_for_again_and_files_on_disk_are_fresh() {
    let server = server();
    let first = server.get("/t/fra").await;
    assert_eq!(
        (first.status, first.header("cache-control")),
        (200, Some("no-cache"))
    );
    let etag = first.header("etag").expect("an etag").to_owned();
    let again = server.send("GET", "/", &[("if-none-match", &etag)], "").await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    let packed = server
        .send("GET", "/", &[("accept-encoding", "br, gzip;q=0.5")], "")
        .await;
    assert!(packed.body.len() < first.body.len() || packed.header("content-encoding").is_none());

    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("app")).expect("a folder");
    std::fs::write(
        folder.path().join("index.html"),
        "<script src=\"/a/dev/app/main.js\">",
    )
    .expect("written");
    std::fs::write(folder.path().join("app/main.js"), "let x;").expect("written");
    let path = folder.path().to_owned();
    let server = TestServer::with(|options| options.web_dir = Some(path));
    let script = server.get("/a/dev/app/main.js").await;
    assert_eq!((script.status, script.text().as_str()), (200, "let x;"));
    assert_eq!(
        script.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    assert_eq!(server.get("/a/other/app/main.js").await.status, 404);
    assert_eq!(server.get("/a/dev/../index.html").await.status, 404);
}
