//! Settings, preferences, checks and previews: what is asked is handed on as typed, and the answers have the declared shape.

use std::time::Duration;

use linewatch_core::port::{Clock as _, StoredSample};
use linewatch_core::record::{Cause, Class, Outcome};
use linewatch_core::time::Rtt;
use serde_json::{Value, json};

use super::TestServer;
use super::data::entry;
use super::shapes::Types;
use crate::{Change, ChangeDone, CheckInfo, ConfigInfo, DoctorInfo, Edit, SettingsAnswer, SettingsAsk};

const JSON: (&str, &str) = ("content-type", "application/json");

fn answering(server: &TestServer, answer: SettingsAnswer) {
    *server.word.lock().expect("word") = Ok(ChangeDone {
        settings: Some(answer),
        ..ChangeDone::default()
    });
}

fn asked(server: &TestServer) -> SettingsAsk {
    match server.changes.lock().expect("changes").pop() {
        Some(Change::Settings(asked)) => asked,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_change_of_settings_names_its_keys_and_the_version_the_page_saw() {
    let server = TestServer::start();
    let info = ConfigInfo {
        version: "ab12".to_owned(),
        config: json!({"web": {"live_points": 60}}),
        ..ConfigInfo::default()
    };
    answering(&server, SettingsAnswer::Config(Box::new(info)));
    let body = r#"{"set":{"web.live_points":90},"reset":["logging.level"]}"#;
    let answer = server
        .send("PUT", "/api/v1/config", &[JSON, ("if-match", "\"ab12\"")], body)
        .await;
    assert_eq!(
        (answer.status, answer.header("etag")),
        (200, Some("\"ab12\"")),
        "{}",
        answer.text()
    );
    Types::read().check("config", "ConfigAnswer", &answer.json());
    let edit = |key: &str, value| Edit {
        key: key.to_owned(),
        value,
    };
    let SettingsAsk::Set { mut edits, if_match } = asked(&server) else {
        panic!("another question");
    };
    edits.sort_by(|one, other| one.key.cmp(&other.key));
    assert_eq!(
        edits,
        [
            edit("logging.level", None),
            edit("web.live_points", Some(json!(90)))
        ]
    );
    assert_eq!(if_match.as_deref(), Some("ab12"));
}

#[tokio::test]
async fn a_body_that_is_no_change_is_refused_before_the_settings_see_it() {
    let server = TestServer::start();
    for body in [
        "[]",
        "{",
        r#"{"sett":{}}"#,
        r#"{"set":[]}"#,
        r#"{"reset":[1]}"#,
        r#"{"reset":{}}"#,
    ] {
        let answer = server.send("PUT", "/api/v1/config", &[JSON], body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
    }
    for body in [r#"{"theme":null}"#, r#"{"Theme":"x"}"#, r#"{"theme":{}}"#, "[]"] {
        let answer = server.send("PUT", "/api/v1/preferences", &[JSON], body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
    }
    assert!(server.changes.lock().expect("changes").is_empty());
}

#[tokio::test]
async fn checks_and_preferences_have_the_declared_shape() {
    let (types, server) = (Types::read(), TestServer::start());
    let check = CheckInfo {
        name: "buffer".to_owned(),
        verdict: "fault".to_owned(),
        sentence: "small".to_owned(),
        command: Some("sysctl".to_owned()),
    };
    let info = DoctorInfo {
        at: server.clock.wall(),
        checks: vec![check],
    };
    answering(&server, SettingsAnswer::Doctor(Box::new(info)));
    types.check(
        "doctor",
        "DoctorAnswer",
        &server.get("/api/v1/doctor?fresh=1").await.json(),
    );
    assert_eq!(asked(&server), SettingsAsk::Doctor { is_forced: true });
    let kept = [("theme".to_owned(), Value::from("dark"))].into_iter().collect();
    answering(&server, SettingsAnswer::Preferences(kept));
    types.check(
        "preferences",
        "PreferencesAnswer",
        &server.get("/api/v1/preferences").await.json(),
    );
}

/// One probe a second: `.` is answered in 20 ms, `x` is lost.
fn story(server: &TestServer, picture: &str) {
    let begin = server.clock.wall().minus(Duration::from_secs(3600));
    let sample = |(second, fate): (usize, char)| StoredSample {
        run: 1,
        seq: second as u64,
        at: begin.plus(Duration::from_secs(second as u64)),
        outcome: if fate == 'x' {
            Outcome::Lost
        } else {
            Outcome::Reply
        },
        rtt: (fate == '.').then(|| Rtt::from_nanos(20_000_000)),
        host_rtt: None,
        lateness_ns: 0,
        class: Class::K,
        cause: Cause::default(),
        is_reordered: false,
        stray: None,
    };
    *server.history.samples.lock().expect("samples") = picture.chars().enumerate().map(sample).collect();
}

#[tokio::test]
async fn a_stricter_rule_finds_the_outage_that_a_looser_one_lets_pass() {
    let server = TestServer::start();
    server.hub.catalog(vec![entry(1, "fra")]);
    story(&server, "..........xxx..........xxxxxx..........");
    answering(&server, SettingsAnswer::Replay(vec![2, 1]));
    let path = "/api/v1/preview?target=fra&lost_to_open=4&loss_ratio=1&excellent=10&good=30";
    let answer = server.get(path).await.json();
    Types::read().check("preview", "PreviewAnswer", &answer);
    let lost = |past: &str| -> Vec<u64> {
        let outages = answer[past]["outages"].as_array().expect("outages");
        outages
            .iter()
            .filter_map(|outage| outage["lost"].as_u64())
            .collect()
    };
    assert_eq!((lost("now"), lost("then")), (vec![3, 6], vec![6]));
    assert_eq!(
        (&answer["now"]["outage_alerts"], &answer["then"]["outage_alerts"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(answer["then"]["grades"], json!({"good": 1}));
    assert_eq!(answer["probes"], 39);
    let SettingsAsk::Replay { pasts, .. } = asked(&server) else {
        panic!("another question");
    };
    assert_eq!(pasts.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
}

#[tokio::test]
async fn a_preview_with_a_number_that_cannot_be_is_refused_by_name() {
    let server = TestServer::start();
    server.hub.catalog(vec![entry(1, "fra")]);
    for (query, field) in [
        ("loss_ratio=2", "loss_ratio"),
        ("lost_to_open=0", "lost_to_open"),
        ("good=x", "good"),
        ("good=NaN", "good"),
    ] {
        let answer = server.get(&format!("/api/v1/preview?target=fra&{query}")).await;
        assert_eq!(
            (answer.status, answer.json()["error"]["field"].as_str()),
            (400, Some(field)),
            "{query}"
        );
    }
    assert_eq!(server.get("/api/v1/preview?target=nobody").await.status, 404);
}
