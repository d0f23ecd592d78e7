//! Who somebody is, over a real socket: this computer, sessions, tokens, tries, and TLS.

use std::net::Ipv4Addr;
use std::time::Duration;

use linewatch_core::limits::{SESSION_IDLE, SESSION_KEPT_AGE};
use linewatch_core::port::Clock as _;
use serde_json::json;

use super::data::{batch, entry, reply};
use super::{TestAnswer, TestServer};
use crate::TokenRole;
use crate::control::Change;
use crate::live::tests::Client;

pub(super) const JSON: (&str, &str) = ("content-type", "application/json");
pub(super) const PASSWORD: &str = "correct horse battery";
pub(super) const UPGRADE: [(&str, &str); 4] = [
    ("upgrade", "websocket"),
    ("connection", "upgrade"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// A server that other computers reach too; its password is [`PASSWORD`].
pub(super) fn open_server(is_public_read: bool) -> TestServer {
    let server = TestServer::with(|options| {
        let everywhere = std::net::TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a free port");
        options.listeners = vec![everywhere];
        options.rule.is_public_read = is_public_read;
    });
    server.admin.set_password(PASSWORD).expect("written");
    server.hub.catalog(vec![entry(1, "fra")]);
    server
}

pub(super) fn token(server: &TestServer, role: TokenRole) -> String {
    let made = server
        .admin
        .create_token("a test", role, server.clock.wall())
        .expect("made");
    format!("Bearer {}", made.secret)
}

pub(super) async fn log_in(server: &TestServer, password: &str, stay: bool) -> TestAnswer {
    let body = json!({"password": password, "stay": stay}).to_string();
    server.send("POST", "/api/v1/login", &[JSON], &body).await
}

/// `name=value` of a cookie that was set.
pub(super) fn cookie(answer: &TestAnswer) -> String {
    let set = answer.header("set-cookie").expect("a cookie");
    set.split(';').next().expect("its value").to_owned()
}

async fn change(server: &TestServer, headers: &[(&str, &str)]) -> u16 {
    let headers = [&[JSON], headers].concat();
    server
        .send("POST", "/api/v1/targets/fra/stop", &headers, "{}")
        .await
        .status
}

#[tokio::test]
async fn this_computer_needs_no_password_but_a_proxy_on_it_does() {
    let server = TestServer::start();
    server.hub.catalog(vec![entry(1, "fra")]);
    assert_eq!(change(&server, &[]).await, 200);
    assert_eq!(change(&server, &[("host", "localhost:5000")]).await, 200);
    for sign in [
        ("x-forwarded-for", "127.0.0.1"),
        ("forwarded", "for=127.0.0.1"),
        ("via", "1.1 proxy"),
        ("x-real-ip", "127.0.0.1"),
        ("host", "monitor.example"),
        ("host", "192.0.2.1:5000"),
    ] {
        assert_eq!(change(&server, &[sign]).await, 401, "{sign:?}");
    }
    let old = "POST /api/v1/targets/fra/stop HTTP/1.0\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    assert_eq!(
        server.send_raw(old.as_bytes()).await.status,
        401,
        "nginx speaks HTTP/1.0 unless told otherwise"
    );
    let proxied = TestServer::with(|options| options.rule.is_proxied = true);
    assert_eq!(
        change(&proxied, &[]).await,
        401,
        "a configured proxy may leave no sign at all"
    );
    let everywhere = open_server(true);
    assert_eq!(
        change(&everywhere, &[]).await,
        401,
        "a door for others is closed to loopback too"
    );
    let off = TestServer::with(|options| {
        options.listeners =
            vec![std::net::TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a free port")];
        options.rule.is_off = true;
    });
    assert_eq!(change(&off, &[]).await, 200, "written by hand");
    assert_eq!(
        change(&off, &[("origin", "http://evil.example")]).await,
        403,
        "even then"
    );
}

#[tokio::test]
async fn a_session_is_a_cookie_of_ours_alone_and_ends_with_log_out() {
    let server = open_server(true);
    let answer = log_in(&server, PASSWORD, false).await;
    assert_eq!(
        (answer.status, answer.json()["role"].as_str()),
        (200, Some("admin"))
    );
    let set = answer.header("set-cookie").expect("a cookie");
    for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/"] {
        assert!(set.contains(part), "{set}");
    }
    assert!(!set.contains("Secure") && !set.contains("Max-Age"), "{set}");
    let mine = cookie(&answer);
    assert_eq!(change(&server, &[("cookie", &mine)]).await, 200);
    assert_eq!(
        change(&server, &[("cookie", &format!("a=b; {mine}; c=d"))]).await,
        200
    );
    let forged = mine.replace('=', "=x");
    let elsewhere = mine.replacen("session_", "session_1", 1);
    for wrong in [&*forged, &*elsewhere, "linewatch_session=", "x"] {
        assert_eq!(change(&server, &[("cookie", wrong)]).await, 401, "{wrong}");
    }
    let foreign = [("cookie", mine.as_str()), ("origin", "http://evil.example")];
    assert_eq!(
        change(&server, &foreign).await,
        403,
        "a cookie is no reason to trust another site"
    );
    let gone = server
        .send("POST", "/api/v1/logout", &[("cookie", &mine), JSON], "{}")
        .await;
    assert!(gone.header("set-cookie").expect("cleared").contains("Max-Age=0"));
    assert_eq!(
        change(&server, &[("cookie", &mine)]).await,
        401,
        "the server has forgotten it too"
    );
}

#[tokio::test]
async fn a_new_password_beside_the_running_server_ends_every_session() {
    let server = open_server(true);
    let session = cookie(&log_in(&server, PASSWORD, false).await);
    let kept = cookie(&log_in(&server, PASSWORD, true).await);
    for one in [&session, &kept] {
        assert_eq!(change(&server, &[("cookie", one)]).await, 200);
    }
    let fresh = server.admin.reset_password().expect("written");
    server.clock.advance(Duration::from_secs(1));
    for one in [&session, &kept] {
        assert_eq!(change(&server, &[("cookie", one)]).await, 401);
    }
    assert_eq!(log_in(&server, PASSWORD, false).await.status, 401);
    assert_eq!(log_in(&server, &fresh, false).await.status, 200);
}

#[tokio::test]
async fn who_stays_signed_in_does_so_across_a_restart_for_thirty_days() {
    let server = open_server(true);
    let answer = log_in(&server, PASSWORD, true).await;
    let age = format!("Max-Age={}", SESSION_KEPT_AGE.as_secs());
    assert!(answer.header("set-cookie").expect("a cookie").contains(&age));
    let kept = cookie(&answer);
    server.clock.advance(SESSION_IDLE * 2);
    assert_eq!(change(&server, &[("cookie", &kept)]).await, 200);
    // What a restart leaves is the file alone.
    let text = std::fs::read_to_string(server.admin.path()).expect("readable");
    let value = kept.split_once('=').expect("a value").1;
    assert!(
        text.contains("\nsession ") && !text.contains(value),
        "a digest, not the cookie"
    );
    server.clock.advance(SESSION_KEPT_AGE);
    assert_eq!(change(&server, &[("cookie", &kept)]).await, 401);
}

#[tokio::test]
async fn a_token_is_worth_its_role_until_it_is_revoked() {
    let server = open_server(false);
    let viewer = token(&server, TokenRole::Viewer);
    let look = |token: String| {
        let server = &server;
        async move {
            server
                .send("GET", "/api/v1/overview", &[("authorization", &token)], "")
                .await
                .status
        }
    };
    assert_eq!(look(viewer.clone()).await, 200);
    assert_eq!(look(format!("{viewer}x")).await, 401);
    assert_eq!(look("Bearer ".to_owned()).await, 401);
    assert_eq!(
        look("Basic YTpi".to_owned()).await,
        401,
        "a proxy's own password is none of ours: nobody"
    );
    let secret = viewer.trim_start_matches("Bearer ");
    let protocols = format!("linewatch.v1, linewatch.token.{secret}");
    let mut upgrade = UPGRADE.to_vec();
    upgrade.push(("sec-websocket-protocol", &protocols));
    let live = server.send("GET", "/api/v1/live", &upgrade, "").await;
    assert_ne!(live.status, 401, "as a subprotocol too");
    let id = server.admin.tokens().expect("read")[0].id.clone();
    server.admin.revoke_token(&id).expect("written");
    server.clock.advance(Duration::from_secs(1));
    assert_eq!(look(viewer).await, 401);
}

#[tokio::test]
async fn who_is_signed_out_is_told_nothing_more() {
    let server = open_server(false);
    let viewer = token(&server, TokenRole::Viewer);
    // What there is to tell of the catalogue is told before.
    server.hub.cut(server.clock.anchor());
    let mut client = Client::connect_as(&server, viewer.trim_start_matches("Bearer ")).await;
    let sub = json!({"targets": "*", "detail": [], "events": true});
    client.hello(json!({"t": "hello", "v": 1, "sub": sub})).await;
    assert_eq!(client.next().await["t"], "welcome");
    let id = server.admin.tokens().expect("read")[0].id.clone();
    server.admin.revoke_token(&id).expect("written");
    let now = server.clock.advance(Duration::from_secs(1));
    server.hub.batch(&batch(now, vec![reply(1, 0, now.mono, 40)]));
    server.hub.cut(now);
    assert_eq!(client.next().await, json!({"closed": 1008}));
}

#[tokio::test]
async fn what_is_no_handshake_is_told_what_it_lacks() {
    let server = TestServer::start();
    let whole = [
        "upgrade: websocket",
        "connection: upgrade, close",
        "sec-websocket-version: 13",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
        "sec-websocket-protocol: linewatch.v1",
    ];
    let with = |lines: Vec<&str>| {
        let head = format!("GET /api/v1/live HTTP/1.1\r\nhost: {}", server.address);
        let lines = lines.into_iter().map(|line| format!("\r\n{line}"));
        head + &lines.collect::<String>() + "\r\n\r\n"
    };
    let check = async |lacking: usize, instead: &'static str, code: &str| {
        let mut lines = whole.to_vec();
        lines[lacking] = instead;
        let answer = server.send_raw(with(lines).as_bytes()).await;
        assert_eq!(answer.status, 400, "{instead}");
        assert_eq!(answer.json()["error"]["code"], code, "{instead}");
    };
    check(0, "x: y", "not_a_websocket").await;
    check(0, "upgrade: h2c", "not_a_websocket").await;
    check(1, "connection: close", "not_a_websocket").await;
    check(2, "sec-websocket-version: 8", "not_a_websocket").await;
    check(3, "x: y", "not_a_websocket").await;
    check(4, "x: y", "subprotocol").await;
    check(4, "sec-websocket-protocol: linewatch.v2", "subprotocol").await;
}

#[tokio::test]
async fn tokens_are_made_listed_and_revoked_on_the_page_and_shown_once() {
    let server = open_server(true);
    let session = cookie(&log_in(&server, PASSWORD, false).await);
    let who = [("cookie", session.as_str()), JSON];
    let body = r#"{"name":"widget","role":"operator"}"#;
    let made = server.send("POST", "/api/v1/tokens", &who, body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let secret = format!("Bearer {}", made["secret"].as_str().expect("shown"));
    assert_eq!(change(&server, &[("authorization", &secret)]).await, 200);
    let list = server.send("GET", "/api/v1/tokens", &who, "").await;
    assert!(!list.text().contains("lw_"), "{}", list.text());
    assert_eq!(list.json()["tokens"][0]["name"], "widget");
    let id = made["token"]["id"].as_str().expect("an id");
    let left = server
        .send("DELETE", &format!("/api/v1/tokens/{id}"), &who, "")
        .await;
    assert_eq!(left.json()["tokens"], json!([]));
    assert_eq!(change(&server, &[("authorization", &secret)]).await, 401);
    for body in [r#"{"role":"root"}"#, r#"{"name":1,"role":"admin"}"#, "{}"] {
        assert_eq!(
            server.send("POST", "/api/v1/tokens", &who, body).await.status,
            400,
            "{body}"
        );
    }
}

/// Waits until so many events were told: they are with the frames, four times a second of real time.
async fn told(server: &TestServer, events: usize) {
    let count = || {
        let changes = server.changes.lock().expect("changes");
        changes
            .iter()
            .filter(|change| matches!(change, Change::LoginFailed(_)))
            .count()
    };
    let waiting = async {
        while count() < events {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .expect("told");
    assert_eq!(count(), events);
}

#[tokio::test]
async fn ten_tries_a_minute_then_a_wait_and_one_event() {
    let server = open_server(true);
    for left in (1..10).rev() {
        let answer = log_in(&server, "wrong", false).await;
        assert_eq!(
            (answer.status, answer.json()["error"]["tries_left"].as_u64()),
            (401, Some(left))
        );
        if left == 9 {
            told(&server, 1).await;
        }
    }
    let tenth = log_in(&server, "wrong", false).await;
    assert_eq!((tenth.status, tenth.header("retry-after")), (401, Some("60")));
    let barred = log_in(&server, PASSWORD, false).await;
    assert_eq!(
        (barred.status, barred.header("retry-after")),
        (429, Some("60")),
        "even the right one"
    );
    assert_eq!(barred.json()["error"]["code"], "wait");
    server.clock.advance(Duration::from_secs(60));
    assert_eq!(log_in(&server, PASSWORD, false).await.status, 200);
    told(&server, 2).await;
    let text = format!("{:?}", server.changes.lock().expect("changes"));
    assert!(
        !text.contains("wrong\"") && text.contains("from 127.0.0.1"),
        "{text}"
    );
}

#[tokio::test]
async fn nobody_signs_in_without_a_password_or_with_a_spoilt_file() {
    let server = open_server(true);
    std::fs::remove_file(server.admin.path()).expect("removed");
    let answer = log_in(&server, "", false).await;
    assert_eq!(answer.status, 409);
    assert!(
        answer.text().contains("admin reset-password"),
        "{}",
        answer.text()
    );
    std::fs::write(server.admin.path(), "password \nx\n").expect("written");
    server.clock.advance(Duration::from_secs(1));
    let answer = log_in(&server, "", false).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(change(&server, &[]).await, 401);
}

#[tokio::test]
async fn the_door_says_who_one_is_and_nothing_to_strangers() {
    let server = open_server(false);
    let nobody = server.get("/api/v1/session").await.json();
    let expected = json!({"role": "public", "by": "nobody", "public_read": false, "has_password": true,
        "is_encrypted": false, "vantage": "", "version": ""});
    assert_eq!(nobody, expected);
    let secure = server
        .send(
            "POST",
            "/api/v1/login",
            &[JSON, ("x-forwarded-proto", "https")],
            &json!({"password": PASSWORD}).to_string(),
        )
        .await;
    assert!(
        secure
            .header("set-cookie")
            .expect("a cookie")
            .contains("; Secure")
    );
    for body in [
        "{}",
        "[]",
        r#"{"password":1}"#,
        r#"{"password":"x","stay":"yes"}"#,
        r#"{"pasword":"x"}"#,
    ] {
        assert_eq!(
            server.send("POST", "/api/v1/login", &[JSON], body).await.status,
            400,
            "{body}"
        );
    }
    let broken = server
        .send("POST", "/api/v1/login", &[JSON], r#"{"password":"hunter2"#)
        .await;
    assert!(!broken.text().contains("hunter2"), "{}", broken.text());
}

#[tokio::test]
async fn a_browser_at_a_name_that_is_not_ours_gets_a_page_with_the_line_to_add() {
    let server = open_server(true);
    let asked = [
        ("host", "nas.home:5000"),
        ("accept", "text/html,application/xhtml+xml"),
    ];
    let answer = server.send("GET", "/", &asked, "").await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (421, Some("text/html; charset=utf-8"))
    );
    let text = answer.text();
    assert!(
        text.contains("allowed_hosts = [&quot;nas.home&quot;]") && !text.contains("<script"),
        "{text}"
    );
    assert!(answer.header("content-security-policy").is_some());
}

#[tokio::test]
async fn with_a_certificate_we_speak_tls_and_say_so() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let folder = tempfile::tempdir().expect("a folder");
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("made");
    let (cert, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
    std::fs::write(&cert, made.cert.pem()).expect("written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    let tls = crate::Tls::load(&cert, &key).expect("a pair");
    let server = TestServer::with(|options| options.tls = Some(tls));
    server.admin.set_password(PASSWORD).expect("written");

    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("trusted");
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let name = rustls::pki_types::ServerName::try_from("localhost").expect("a name");
    let stream = tokio::net::TcpStream::connect(server.address)
        .await
        .expect("accepted");
    let mut stream = connector.connect(name, stream).await.expect("a handshake");
    let body = json!({"password": PASSWORD}).to_string();
    let request = format!(
        "POST /api/v1/login HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut bytes = Vec::new();
    // An end without close_notify is the server's connection: close.
    let _ = stream.read_to_end(&mut bytes).await;
    let answer = TestAnswer::parse(&bytes);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(
        answer
            .header("set-cookie")
            .expect("a cookie")
            .contains("; Secure")
    );
    assert_eq!(
        answer.header("strict-transport-security"),
        Some("max-age=15552000")
    );
    assert_eq!(answer.json()["is_encrypted"], true);

    let plain = server.get("/").await;
    assert_eq!(plain.status, 400);
    assert!(plain.text().contains("https://"), "{}", plain.text());
    assert_eq!(
        plain.header("content-length"),
        Some(&*plain.body.len().to_string())
    );
}
