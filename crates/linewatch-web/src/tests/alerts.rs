//! What people ask about alerts comes through as typed, and answers have the declared shapes.

use std::time::Duration;

use linewatch_core::alert::{Matcher, Silence};
use linewatch_core::event::{EventId, RunId};
use linewatch_core::time::WallTime;

use super::TestServer;
use crate::{
    AckInfo, AlertAnswer, AlertAsk, Change, ChangeDone, ChangeError, LetterInfo, NoticesInfo, OutboxInfo,
    ToldInfo,
};

const JSON: (&str, &str) = ("content-type", "application/json");

fn answers(server: &TestServer, answer: AlertAnswer) {
    *server.word.lock().expect("word") = Ok(ChangeDone {
        alerts: Some(answer),
        ..ChangeDone::default()
    });
}

fn asked(server: &TestServer) -> Change {
    server.changes.lock().expect("changes").pop().expect("a change")
}

#[tokio::test]
async fn an_event_is_acknowledged_by_its_id() {
    let server = TestServer::start();
    answers(&server, AlertAnswer::Done);
    let body = r#"{"who":"ops","note":"on it"}"#;
    let answer = server
        .send("POST", "/api/v1/events/3-17/ack", &[JSON], body)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let expected = AlertAsk::Acknowledge {
        event: EventId {
            run: RunId(3),
            seq: 17,
        },
        who: "ops".to_owned(),
        note: "on it".to_owned(),
    };
    assert_eq!(asked(&server), Change::Alerts(expected));
    let answer = server.send("POST", "/api/v1/events/x/ack", &[JSON], "").await;
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn a_silence_is_made_for_so_many_minutes_and_shown() {
    let server = TestServer::start();
    let matcher = Matcher {
        group: "shops".to_owned(),
        ..Matcher::default()
    };
    answers(
        &server,
        AlertAnswer::Silences(vec![Silence {
            id: 7,
            matcher: matcher.clone(),
            until: WallTime::from_nanos(5_000_000),
            comment: "works".to_owned(),
        }]),
    );
    let body = r#"{"group":"shops","minutes":90,"comment":"works"}"#;
    let answer = server.send("POST", "/api/v1/silences", &[JSON], body).await;
    assert_eq!(
        (answer.status, answer.json()["silences"][0]["until"].as_i64()),
        (201, Some(5))
    );
    let expected = AlertAsk::Silence {
        matcher,
        length: Duration::from_secs(5400),
        comment: "works".to_owned(),
    };
    assert_eq!(asked(&server), Change::Alerts(expected));
    for wrong in [
        r#"{"minutes":0}"#,
        r#"{"minutes":43201}"#,
        r#"{"minutes":5,"grup":"x"}"#,
        "{}",
    ] {
        let answer = server.send("POST", "/api/v1/silences", &[JSON], wrong).await;
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.text());
    }
    let answer = server.send("DELETE", "/api/v1/silences/7", &[], "").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn a_test_answers_in_the_servers_words() {
    let server = TestServer::start();
    answers(&server, AlertAnswer::Words("250 OK".to_owned()));
    let body = r#"{"destination":"email"}"#;
    let answer = server.send("POST", "/api/v1/alerts/test", &[JSON], body).await;
    assert_eq!(
        (answer.status, answer.json()["words"].as_str()),
        (200, Some("250 OK"))
    );
    *server.word.lock().expect("word") = Err(ChangeError::Undelivered("535 no such user".to_owned()));
    let answer = server.send("POST", "/api/v1/alerts/test", &[JSON], body).await;
    let message = answer.json()["error"]["message"].as_str().map(str::to_owned);
    assert_eq!(
        (answer.status, message.as_deref()),
        (502, Some("535 no such user"))
    );
}

#[tokio::test]
async fn what_was_given_up_is_seen_tried_again_and_discarded() {
    let server = TestServer::start();
    let letter = LetterInfo {
        id: 4,
        destination: "email".to_owned(),
        made: WallTime::from_nanos(1_000_000),
        due: WallTime::from_nanos(2_000_000),
        attempts: 3,
        last_error: Some("550 no".to_owned()),
    };
    answers(
        &server,
        AlertAnswer::Outbox(OutboxInfo {
            destinations: vec!["email".to_owned()],
            waiting: Vec::new(),
            dead: vec![letter],
        }),
    );
    let answer = server.get("/api/v1/alerts/outbox").await;
    assert_eq!(answer.json()["dead"][0]["last_error"], "550 no");
    for (method, path, expected) in [
        ("POST", "/api/v1/alerts/outbox/4/retry", AlertAsk::Retry { id: 4 }),
        (
            "POST",
            "/api/v1/alerts/outbox/4/mail",
            AlertAsk::MailInstead { id: 4 },
        ),
        ("DELETE", "/api/v1/alerts/outbox/4", AlertAsk::Discard { id: 4 }),
    ] {
        server.changes.lock().expect("changes").clear();
        let answer = server.send(method, path, &[], "").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let first = server.changes.lock().expect("changes")[0].clone();
        assert_eq!(first, Change::Alerts(expected));
    }
}

#[tokio::test]
async fn who_took_notice_and_who_was_told_is_for_everybody_who_may_look() {
    let server = TestServer::start();
    let event = EventId {
        run: RunId(3),
        seq: 17,
    };
    answers(
        &server,
        AlertAnswer::Notices(NoticesInfo {
            acks: vec![AckInfo {
                event,
                at: WallTime::from_nanos(1_000_000),
                who: "ops".to_owned(),
                note: "on it".to_owned(),
            }],
            told: vec![ToldInfo {
                events: vec![event],
                is_webhook: true,
                at: WallTime::from_nanos(2_000_000),
                state: "sent",
            }],
        }),
    );
    let answer = server.get("/api/v1/alerts/notices").await;
    let expected = serde_json::json!({
        "acks": [{"event": "3-17", "at": 1, "who": "ops", "note": "on it"}],
        "told": [{"events": ["3-17"], "via": "webhook", "at": 2, "state": "sent"}],
    });
    assert_eq!((answer.status, answer.json()), (200, expected));
    assert_eq!(asked(&server), Change::Alerts(AlertAsk::Notices));
}

#[tokio::test]
async fn what_goes_on_is_asked_for_alone() {
    let server = TestServer::start();
    *server.history.events.lock().expect("events") = vec![
        super::data::event(2, Some(1)),
        linewatch_core::event::Event {
            until: None,
            ..super::data::event(1, Some(1))
        },
    ];
    let rows = server.get("/api/v1/events?state=open").await.json();
    let ids: Vec<_> = rows["rows"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| (&row["id"], row["until"].is_null()))
        .collect();
    assert!(
        !ids.is_empty() && ids.iter().all(|(_, is_open)| *is_open),
        "{rows}"
    );
    let answer = server.get("/api/v1/events?state=ajar").await;
    assert_eq!(answer.status, 400, "{}", answer.text());
}
