//! Everything comes back as it was, and what another version wrote is refused.

use super::*;

fn id(seq: u64) -> Option<EventId> {
    Some(event((3, seq)))
}

pub(in crate::notify) fn full() -> Notification {
    Notification {
        serial: 7,
        at: WallTime::from_nanos(1_795_250_000_123_456_789),
        to: vec!["ops@example.com".to_owned()],
        severity: Severity::Critical,
        causes: vec![
            Cause {
                kind: CauseKind::Behind(TargetId(1)),
                name: "Gateway \"1\"".to_owned(),
                targets: 2,
                names: vec!["é\u{1f600}".to_owned()],
            },
            Cause {
                kind: CauseKind::EveryTarget,
                name: String::new(),
                targets: 3,
                names: Vec::new(),
            },
        ],
        items: Telling::ALL
            .into_iter()
            .zip(Kind::OF_RULES)
            .map(|(telling, kind)| Item {
                target: kind.is_of_a_target().then_some(TargetId(u32::MAX)),
                slug: "gw".to_owned(),
                name: "Gateway".to_owned(),
                address: "192.0.2.1".to_owned(),
                kind,
                telling,
                since: WallTime::from_nanos(-5),
                until: (telling == Telling::Ended).then_some(WallTime::from_nanos(i64::MAX)),
                duration_ns: u64::MAX,
                sent: 20,
                lost: 19,
                outages: 1,
                value: Some(0.1),
                limit: None,
                event: id(9),
            })
            .collect(),
        more: 4,
    }
}

#[test]
fn every_content_comes_back_as_it_was() {
    let at = WallTime::from_nanos(12);
    for content in [
        Content::Alerts(Box::new(full())),
        Content::Stopped {
            at,
            why: "SIGTERM".to_owned(),
        },
        Content::Interrupted { from: at, to: at },
    ] {
        assert_eq!(read_content(&write_content(&content)), Ok(content));
    }
}

#[test]
fn a_snapshot_comes_back_as_it_was() {
    let incident = |cause, told_at| SavedIncident {
        rule: "outage".to_owned(),
        target: Some(TargetId(2)),
        kind: Kind::Outage,
        since: WallTime::from_nanos(5),
        told_at,
        cause,
        is_acknowledged: true,
        is_escalated: false,
        sent: 4,
        lost: 3,
        value: Some(151.25),
        event: id(1),
        name: "b".to_owned(),
    };
    let at = Some(WallTime::from_nanos(6));
    let snapshot = Snapshot {
        serial: 9,
        incidents: vec![
            incident(None, None),
            incident(Some(CauseKind::EveryTarget), at),
            incident(Some(CauseKind::Behind(TargetId(1))), at),
        ],
        cooling: vec![("r".to_owned(), None, Kind::Storage, WallTime::from_nanos(8))],
        waiting: vec![SavedMessage {
            to: full().to,
            items: full().items,
            causes: full().causes,
            more: 2,
        }],
        sent: vec![(
            Vec::new(),
            vec![WallTime::from_nanos(9), WallTime::from_nanos(10)],
        )],
    };
    assert_eq!(read_snapshot(&write_snapshot(&snapshot)), Ok(snapshot));
}

#[test]
fn a_snapshot_from_before_messages_waited_in_it_is_read() {
    let text = r#"{"version":1,"serial":9,"incidents":[],"cooling":[]}"#;
    let snapshot = Snapshot {
        serial: 9,
        ..Snapshot::default()
    };
    assert_eq!(read_snapshot(text), Ok(snapshot));
}

#[test]
fn an_order_of_a_report_comes_back_as_it_was() {
    use linewatch_render::report::DigestSpan;
    for span in [DigestSpan::Week, DigestSpan::Month, DigestSpan::Days] {
        let order = Content::Report(Order {
            span,
            from: WallTime::from_nanos(1),
            to: WallTime::from_nanos(2),
            made: WallTime::from_nanos(3),
        });
        assert_eq!(read_content(&write_content(&order)), Ok(order));
    }
}

#[test]
fn a_matcher_comes_back_as_it_was() {
    let matcher = Matcher {
        group: "Europe".to_owned(),
        label: "site=fra1".to_owned(),
        ..Matcher::default()
    };
    assert_eq!(read_matcher(&write_matcher(&matcher)), Ok(matcher));
}

#[test]
fn a_later_version_is_refused_and_not_guessed_at() {
    let text = write_content(&Content::Alerts(Box::new(full()))).replace("\"version\":1", "\"version\":2");
    let refused = read_content(&text).expect_err("refused");
    assert!(refused.contains("version 2"), "{refused}");
    assert!(read_content("{\"version\":1}").is_err());
    assert!(read_content("").is_err());
}
