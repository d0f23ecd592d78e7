//! Changes come through as typed, and every refusal is a sentence with a fitting status.

use super::TestServer;
use super::data::entry;
use crate::{Change, ChangeDone, ChangeError, TargetPatch};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn a_change_reaches_the_settings_with_the_version_the_page_saw() {
    let server = TestServer::start();
    *server.word.lock().expect("word") = Ok(ChangeDone {
        target: Some(entry(1, "fra")),
        ..ChangeDone::default()
    });
    let answer = server
        .send(
            "PATCH",
            "/api/v1/targets/fra",
            &[JSON, ("if-match", "\"3\"")],
            r#"{"timeout":"3s"}"#,
        )
        .await;
    assert_eq!(
        (answer.status, answer.header("etag")),
        (200, Some("\"3\"")),
        "{}",
        answer.text()
    );
    assert_eq!(answer.json()["target"]["id"], "fra");
    let patch = TargetPatch {
        timeout: Some("3s".to_owned()),
        ..TargetPatch::default()
    };
    let expected = Change::Patch {
        id: "fra".to_owned(),
        patch,
        if_match: Some(3),
    };
    assert_eq!(*server.changes.lock().expect("changes"), [expected]);
}

#[tokio::test]
async fn our_own_page_may_stop_a_target() {
    let server = TestServer::start();
    let origin = format!("http://{}", server.address);
    let headers = [("origin", origin.as_str()), ("sec-fetch-site", "same-origin")];
    assert_eq!(
        server
            .send("POST", "/api/v1/targets/fra/stop", &headers, "")
            .await
            .status,
        200
    );
    assert_eq!(
        *server.changes.lock().expect("changes"),
        [Change::Stop { id: "fra".to_owned() }]
    );
}

#[tokio::test]
async fn refusals_of_the_settings_keep_their_meaning() {
    let server = TestServer::start();
    let field = Some("interval".to_owned());
    for (error, status) in [
        (
            ChangeError::Invalid {
                field,
                message: "too short".to_owned(),
            },
            422,
        ),
        (ChangeError::NotFound, 404),
        (ChangeError::Conflict("somebody was first".to_owned()), 409),
    ] {
        *server.word.lock().expect("word") = Err(error);
        let answer = server.send("PATCH", "/api/v1/targets/fra", &[JSON], "{}").await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(answer.json()["error"]["message"].is_string());
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_before_the_settings_see_it() {
    let server = TestServer::start();
    let deep = "[".repeat(50_000);
    for body in [r#"{"nam":"x"}"#, r#"{"port":"x"}"#, "[]", "{", "\u{0}", &deep] {
        let answer = server.send("POST", "/api/v1/targets", &[JSON], body).await;
        assert_eq!(
            (answer.status, answer.json()["error"]["code"].as_str()),
            (400, Some("bad_body")),
            "{body:.20}"
        );
    }
    let answer = server
        .send("PATCH", "/api/v1/targets/fra", &[JSON, ("if-match", "3")], "{}")
        .await;
    assert_eq!(answer.status, 400);
    assert!(server.changes.lock().expect("changes").is_empty());
}
