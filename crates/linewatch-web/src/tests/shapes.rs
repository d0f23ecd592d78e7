//! Compares every JSON shape with `web/app/types.d.ts`, both ways: each field written stands there, each
//! field there is written.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use linewatch_core::event::{EventId, RunId, Severity};
use linewatch_core::event::{LogRow, OutageRow};
use linewatch_core::outage::OpenedBy;
use linewatch_core::port::Clock;
use linewatch_core::record::{Gap, GapKind, RecordBatch};
use linewatch_core::target::TargetId;
use linewatch_core::view::{Grade, State};
use serde_json::Value;

use super::TestServer;
use super::data::{entry, entry_every, event, reply, view};
use super::evidence::evidence;
use crate::{ChangeDone, Notice, TargetPatch};

/// Names and bodies of the declarations.
pub(super) struct Types(BTreeMap<String, String>);

/// One field: name, whether it may be absent, its type.
type Field = (String, bool, String);

impl Types {
    pub(super) fn read() -> Self {
        let source = include_str!("../../web/app/types.d.ts");
        let code: String = source
            .lines()
            .map(|line| line.split("//").next().unwrap_or_default())
            .collect::<Vec<_>>()
            .join("\n");
        let mut types = BTreeMap::new();
        for part in code.split("export ").skip(1) {
            let (head, body) = match part.strip_prefix("interface ") {
                Some(rest) => rest.split_at(rest.find('{').expect("a body")),
                None => part
                    .strip_prefix("type ")
                    .and_then(|rest| rest.split_once('='))
                    .expect("a type"),
            };
            let name = head.split(['<', ' ']).next().expect("a name").to_owned();
            types.insert(name, strip_comments(body).trim().trim_end_matches(';').to_owned());
        }
        Self(types)
    }

    /// Every field of `value` is declared, and every field that must be is there; all the way down.
    #[track_caller]
    pub(super) fn check(&self, place: &str, declared: &str, value: &Value) {
        let declared = declared.trim();
        let options = split(declared, '|');
        if options.len() > 1 {
            return self.check_options(place, &options, value);
        }
        if let Some(inner) = declared.strip_suffix("[]") {
            let list = value
                .as_array()
                .unwrap_or_else(|| panic!("{place}: no list: {value}"));
            return list.iter().for_each(|one| self.check(place, inner, one));
        }
        if let Some(inner) = declared.strip_prefix('(') {
            return self.check(place, inner.trim_end_matches(')'), value);
        }
        if let Some(body) = declared.strip_prefix('{') {
            return self.check_fields(place, &fields(body.trim_end().trim_end_matches('}')), value);
        }
        if let Some(body) = declared.strip_prefix('[') {
            let parts = split(body.trim_end_matches(']').trim().trim_end_matches(','), ',');
            let list = value
                .as_array()
                .unwrap_or_else(|| panic!("{place}: no tuple: {value}"));
            assert_eq!(list.len(), parts.len(), "{place}: {value}");
            return parts
                .iter()
                .zip(list)
                .for_each(|(part, one)| self.check(place, part, one));
        }
        if let Some(inner) = declared.strip_prefix("Page<") {
            let body = self.0["Page"].replace("T[]", &format!("{}[]", inner.trim_end_matches('>')));
            return self.check(place, &body, value);
        }
        self.check_word(place, declared, value);
    }

    fn check_word(&self, place: &str, declared: &str, value: &Value) {
        let fits = match declared {
            "number" => value.is_number(),
            "string" => value.is_string(),
            "boolean" | "true" => value.is_boolean(),
            "null" => value.is_null(),
            // The tables of the file: the configuration has its own tests.
            "unknown" => true,
            _ if declared.starts_with("Record<") => value.is_object(),
            _ if declared.starts_with('"') => value.as_str() == Some(declared.trim_matches('"')),
            _ if declared.parse::<u64>().is_ok() => value.as_u64() == declared.parse().ok(),
            name => {
                let body = self
                    .0
                    .get(name)
                    .unwrap_or_else(|| panic!("{place}: unknown type {name}"));
                return self.check(&format!("{place}/{name}"), body, value);
            }
        };
        assert!(fits, "{place}: {value} is no {declared}");
    }

    fn check_options(&self, place: &str, options: &[String], value: &Value) {
        let fits = |option: &String| match option.trim() {
            "null" => value.is_null(),
            "string" => value.is_string(),
            "number" => value.is_number(),
            option if option.starts_with('"') => value.as_str() == Some(option.trim_matches('"')),
            // A message: told apart by its `t`.
            option if option.starts_with('{') => value["t"]
                .as_str()
                .is_some_and(|tag| option.contains(&format!("t: \"{tag}\""))),
            _ => value.is_object() || value.is_array() || value.is_string(),
        };
        let option = options
            .iter()
            .filter(|option| !option.trim().is_empty())
            .find(|option| fits(option));
        let option = option.unwrap_or_else(|| panic!("{place}: {value} is none of {options:?}"));
        if option.trim() != "null" {
            self.check(place, option, value);
        }
    }

    fn check_fields(&self, place: &str, fields: &[Field], value: &Value) {
        let object = value
            .as_object()
            .unwrap_or_else(|| panic!("{place}: no object: {value}"));
        for key in object.keys() {
            assert!(
                fields.iter().any(|(name, ..)| name == key),
                "{place}: `{key}` is not declared"
            );
        }
        for (name, is_optional, declared) in fields {
            match object.get(name) {
                Some(value) => self.check(&format!("{place}.{name}"), declared, value),
                None => assert!(is_optional, "{place}: `{name}` is not written"),
            }
        }
    }
}

fn strip_comments(text: &str) -> String {
    let mut parts = text.split("/*");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + part.split_once("*/").map_or("", |(_, rest)| rest)
    })
}

/// Splits at `at` outside brackets.
fn split(text: &str, at: char) -> Vec<String> {
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for letter in text.chars() {
        depth += i32::from("{[<(".contains(letter)) - i32::from("}]>)".contains(letter));
        if letter == at && depth == 0 {
            parts.push(String::new());
        } else if let Some(last) = parts.last_mut() {
            last.push(letter);
        }
    }
    parts
}

fn fields(body: &str) -> Vec<Field> {
    let parts = split(body, ';')
        .into_iter()
        .filter(|part| !part.trim().is_empty());
    parts
        .map(|part| {
            let (name, declared) = part.split_once(':').unwrap_or_else(|| panic!("no field: {part}"));
            (
                name.trim().trim_end_matches('?').to_owned(),
                name.trim().ends_with('?'),
                declared.trim().to_owned(),
            )
        })
        .collect()
}

fn notice() -> Notice {
    Notice {
        code: "tcp_instead",
        severity: Severity::Info,
        params: [("port", "443".to_owned())].into(),
        text: "text".to_owned(),
        command: Some("command".to_owned()),
    }
}

/// A server with something in every field.
fn server() -> TestServer {
    let server = TestServer::start();
    let hub = &server.hub;
    hub.catalog(vec![entry(1, "fra"), entry_every(2, "fast", 10)]);
    hub.views(vec![
        view(1, State::Bad, Some(Grade::Good), 90),
        view(2, State::Down, None, 0),
    ]);
    hub.notices(vec![notice()]);
    let sent_at = server.clock.mono();
    let anchor = server.clock.advance(Duration::from_secs(1));
    let gap = Gap {
        target: TargetId(1),
        kind: GapKind::Paused,
        from: anchor.wall,
        to: anchor.wall,
        first_seq: 0,
        slots: 0,
    };
    let records = vec![reply(1, 0, sent_at, 5), reply(2, 0, sent_at, 5)];
    hub.batch(&Arc::new(RecordBatch {
        records,
        gaps: vec![gap],
        ..RecordBatch::new(anchor)
    }));
    hub.cut(server.clock.advance(Duration::from_secs(1)));
    server
}

#[tokio::test]
async fn every_answer_has_the_declared_shape() {
    let (types, server) = (Types::read(), server());
    let at = server.clock.wall();
    *server.history.events.lock().expect("events") = vec![event(1, Some(1)), event(0, None)];
    let id = EventId {
        run: RunId(5),
        seq: 1,
    };
    *server.history.outages.lock().expect("outages") = vec![OutageRow {
        id,
        target: TargetId(1),
        from: at,
        to: Some(at),
        duration_ns: 1,
        opened_by: OpenedBy::WindowLoss,
        sent: 2,
        lost: 1,
        uncertainty_ns: 3,
    }];
    *server.history.evidence.lock().expect("evidence") = vec![evidence(id, 1)];
    let line = |text: &str| text.to_owned();
    *server.history.logs.lock().expect("logs") = vec![LogRow {
        at,
        level: line("info"),
        module: line("web"),
        message: line("m"),
    }];
    for (path, declared) in [
        ("overview", "Overview"),
        ("targets", "TargetList"),
        ("targets/fra", "TargetAnswer"),
        ("targets/fast", "TargetAnswer"),
        ("samples?target=fra", "Samples"),
        ("series?target=fra", "SeriesAnswer"),
        ("events", "Page<EventRow>"),
        ("outages", "Page<OutageInfo>"),
        ("outages/5-1/evidence", "EvidenceAnswer"),
        ("logs", "Page<LogInfo>"),
        ("status", "Status"),
        ("nothing", "ApiError"),
    ] {
        let answer = server.get(&format!("/api/v1/{path}")).await;
        types.check(path, declared, &answer.json());
    }
    let done = ChangeDone {
        target: Some(entry(1, "fra")),
        removed: vec![entry(2, "x")],
        notes: vec![notice()],
        ..ChangeDone::default()
    };
    *server.word.lock().expect("word") = Ok(done);
    let answer = server.send("DELETE", "/api/v1/targets/fra", &[], "").await;
    types.check("change", "ChangeAnswer", &answer.json());
}

#[tokio::test]
async fn the_answers_of_the_door_have_the_declared_shape() {
    let (types, server) = (Types::read(), server());
    server.admin.reset_password().expect("written");
    types.check(
        "session",
        "SessionInfo",
        &server.get("/api/v1/session").await.json(),
    );
    let json = [("content-type", "application/json")];
    let refused = server
        .send("POST", "/api/v1/login", &json, r#"{"password":"x"}"#)
        .await;
    types.check("login", "LoginError", &refused.json());
    let made = server
        .send("POST", "/api/v1/tokens", &json, r#"{"role":"viewer"}"#)
        .await;
    types.check("made", "TokenMade", &made.json());
    types.check("tokens", "TokenList", &server.get("/api/v1/tokens").await.json());
}

#[tokio::test]
async fn the_sparkline_of_each_kind_of_target_is_filled() {
    let json = server().get("/api/v1/overview").await.json();
    let row = |id: &str| {
        json["targets"]
            .as_array()
            .and_then(|rows| rows.iter().find(|row| row["id"] == id))
            .cloned()
    };
    let (slow, fast) = (row("fra").expect("fra"), row("fast").expect("fast"));
    assert_eq!(slow["spark"]["d"].as_array().map(Vec::len), Some(1));
    assert_eq!(slow["spark"]["g"].as_array().map(Vec::len), Some(1));
    assert_eq!(fast["spark"]["d"].as_array().map(Vec::len), Some(0));
    assert_eq!(fast["spark"]["m"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn every_live_message_has_the_declared_shape() {
    let (types, server) = (Types::read(), server());
    let mut client = crate::live::tests::Client::connect(&server).await;
    client
        .hello(serde_json::json!({
            "t": "hello", "v": 1, "resume": {"epoch": super::EPOCH, "seq": 0},
            "sub": {"targets": "*", "detail": ["fra"], "events": true},
        }))
        .await;
    server.hub.event(event(0, Some(1)));
    server.hub.cut(server.clock.advance(Duration::from_secs(1)));
    let mut seen = std::collections::BTreeSet::new();
    while !["welcome", "b", "sum", "det", "ev", "cfg"]
        .iter()
        .all(|tag| seen.contains(*tag))
    {
        let message = client.next().await;
        types.check("live", "ServerMessage", &message);
        seen.insert(message["t"].as_str().expect("a tag").to_owned());
    }
}

#[test]
fn the_page_can_set_exactly_the_fields_of_a_patch() {
    let types = Types::read();
    let text = || Some("x".to_owned());
    let patch = TargetPatch {
        id: text(),
        name: text(),
        address: text(),
        probe: Some("tcp".to_owned()),
        port: Some(1),
        family: text(),
        interval: text(),
        timeout: text(),
        payload_bytes: Some(56),
        country: text(),
        partner: text(),
        group: text(),
        latency_threshold_ms: Some(150.0),
        enabled: Some(true),
        edits: Vec::new(),
    };
    let json = serde_json::to_value(&patch).expect("JSON");
    types.check("patch", "TargetPatch", &json);
    let declared = fields(
        types.0["TargetPatch"]
            .trim_start_matches('{')
            .trim_end_matches('}'),
    );
    assert_eq!(json.as_object().map(serde_json::Map::len), Some(declared.len()));
    let back = TargetPatch::from_json(json.to_string().as_bytes());
    assert_eq!(back, Ok(patch));
}
