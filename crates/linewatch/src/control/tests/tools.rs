//! S0's form and clean-up through the real page, settings and store.

use super::*;

impl Rig {
    /// Status and body of a request to a tool's own route.
    fn tool(&self, request: &str, body: Option<&Value>) -> (u16, Value) {
        let (method, path) = request.split_once(' ').expect("METHOD PATH");
        // `ask` puts the path below /api/v1/ and always sends a type.
        let body = body.map(ToString::to_string).unwrap_or_default();
        let more = if body.is_empty() {
            String::new()
        } else {
            format!(
                "content-type: application/json\r\ncontent-length: {}\r\n",
                body.len()
            )
        };
        let mut stream = TcpStream::connect(self.page).expect("the page");
        stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
        write!(
            stream,
            "{method} /api/{path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{more}\r\n{body}",
            self.page
        )
        .expect("send");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head[9..12].parse().expect("a status");
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }
}

#[test]
fn s0s_form_changes_the_first_target_like_the_page() {
    let rig = Rig::start(true);
    rig.wait_for("gw", "ok");
    let (status, before) = rig.tool("GET config", None);
    assert_eq!(
        (status, &before),
        (
            200,
            &json!({
                "destination_ip": "192.168.1.1", "latency_threshold_ms": 150, "ping_interval_seconds": 0.05,
                "max_graph_points": 60, "event_retention_days": 30,
            })
        )
    );
    let form = json!({
        "destination_ip": "192.168.1.7", "latency_threshold_ms": 1, "ping_interval_seconds": 0.1,
        "max_graph_points": 90, "event_retention_days": 7,
    });
    let (status, done) = rig.tool("POST config", Some(&form));
    assert_eq!((status, &done["config"]), (200, &form), "{done}");
    assert_eq!(rig.tool("GET config", None), (200, form));
    let text = rig.web_toml();
    for line in [
        "address = \"192.168.1.7\"",
        "latency_threshold_ms = 1\n",
        "interval = \"100ms\"",
        "live_points = 90",
        "events = \"7d\"",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    // Everything answers after 2 ms, above the threshold of 1 ms.
    rig.wait_for("gw", "ok");
    rig.wait_for_probes("gw", 3);
    let kinds: Vec<_> = rig.end().into_iter().map(|(kind, _)| kind).collect();
    assert!(kinds.contains(&EventKind::ThresholdExceeded), "{kinds:?}");
}

#[test]
fn what_the_configuration_refuses_is_not_written() {
    let rig = Rig::start(true);
    for bad in [
        json!({"destination_ip": "not an address"}),
        json!({"destination_ip": "224.0.0.1"}),
        json!({"latency_threshold_ms": 1e6}),
        json!({"ping_interval_seconds": 1e6}),
        json!({"max_graph_points": 1_000_000_000}),
    ] {
        let (status, answer) = rig.tool("POST config", Some(&bad));
        assert_eq!(status, 400, "{bad}: {answer}");
        assert!(answer["error"].is_string(), "{answer}");
    }
    assert_eq!(rig.web_toml(), "");
}

#[test]
fn the_clean_up_deletes_events_older_than_they_are_kept() {
    use linewatch_core::event::{Event, EventId};
    let rig = Rig::start(true);
    rig.wait_for("gw", "ok");
    for (seq, days) in [(1_000_001, 31), (1_000_002, 29)] {
        let at = rig.clock.wall().minus(Duration::from_secs(days * 86_400));
        rig.store.try_send(StoreMessage::Event(Event {
            id: EventId { run: RunId(0), seq },
            kind: EventKind::PacketLoss,
            severity: Severity::Warning,
            target: Some(TargetId(1)),
            at,
            until: Some(at),
            count: 1,
            excess: None,
            message: "old".to_owned(),
        }));
    }
    let (status, answer) = rig.tool("POST events/cleanup", None);
    assert_eq!(
        (status, answer),
        (200, json!({"success": true, "deleted_count": 1}))
    );
    let (_, answer) = rig.tool("POST events/cleanup", None);
    assert_eq!(answer["deleted_count"], 0);
    let old = rig.end().into_iter().filter(|(_, message)| message == "old");
    assert_eq!(old.count(), 1);
}
