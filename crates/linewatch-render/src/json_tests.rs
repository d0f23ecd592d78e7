//! Claims about `json`: the documented keys, in their order, with `null` for what is not known.

use linewatch_core::record::{Cause, Class, Outcome};
use linewatch_core::target::TargetId;
use linewatch_core::time::MonoTime;

use super::*;

/// 2026-11-21T02:03:04Z at monotonic second 100.
const ANCHOR: Anchor = Anchor {
    mono: MonoTime::from_nanos(100_000_000_000),
    wall: WallTime::from_nanos(1_795_226_584_000_000_000),
};

fn reply() -> ProbeRecord {
    ProbeRecord {
        target: TargetId(1),
        seq: 17,
        due_at: MonoTime::from_nanos(100_123_400_000),
        sent_at: MonoTime::from_nanos(100_123_456_000),
        outcome: Outcome::Reply,
        rtt: Some(Rtt::from_nanos(12_345_678)),
        host_rtt: Some(Rtt::from_nanos(12_400_000)),
        class: Class::K,
        cause: Cause::None,
        is_reordered: false,
    }
}

fn quiet() -> SummaryInput {
    SummaryInput {
        target: "gw".to_owned(),
        duration: Duration::from_secs(3),
        counts: Counts::default(),
        rtt: None,
        jitter: None,
        jitter_rfc3550: None,
        process: None,
        lateness: None,
        achieved_per_s: None,
        outages: Vec::new(),
    }
}

#[test]
fn a_reply_is_the_documented_object() {
    assert_eq!(
        probe_line(&reply(), "gw", ANCHOR, None),
        concat!(
            r#"{"time":"2026-11-21T02:03:04.123456Z","target":"gw","seq":17,"outcome":"reply","rtt_ns":12345678,"#,
            r#""host_rtt_ns":12400000,"process_latency_ns":54322,"lateness_ns":56000,"class":"K","cause":null}"#
        )
    );
}

#[test]
fn an_unsent_probe_has_its_cause_and_no_round_trip() {
    let record = ProbeRecord {
        outcome: Outcome::Unsent,
        rtt: None,
        host_rtt: None,
        cause: Cause::Errno(101),
        sent_at: reply().due_at,
        ..reply()
    };
    assert_eq!(
        probe_line(&record, "gw", ANCHOR, Some(3)),
        concat!(
            r#"{"time":"2026-11-21T02:03:04.123400Z","target":"gw","seq":17,"outcome":"unsent","rtt_ns":null,"#,
            r#""host_rtt_ns":null,"process_latency_ns":null,"lateness_ns":0,"class":"K","cause":"ENETUNREACH","run":3}"#
        )
    );
}

#[test]
fn a_summary_without_data_has_nulls_and_no_zeros_for_them() {
    assert_eq!(
        summary_line(&[quiet()]),
        concat!(
            r#"{"summary":{"gw":{"scheduled":0,"sent":0,"replied":0,"refused":0,"unreachable":0,"lost":0,"unsent":0,"#,
            r#""unmeasured":0,"in_flight":0,"late":0,"slow":0,"duplicate":0,"reordered":0,"forged":0,"loss_ratio":null,"#,
            r#""rtt_ns":null,"jitter_ns":null,"jitter_rfc3550_ns":null,"process_latency_ns":null,"lateness_ns":null,"#,
            r#""achieved_per_s":null,"outages":[]}}}"#
        )
    );
}

#[test]
fn a_full_summary_is_the_documented_object() {
    let ns = Rtt::from_nanos;
    let input = SummaryInput {
        counts: Counts {
            scheduled: 10,
            replied: 6,
            lost: 2,
            unsent: 1,
            unmeasured: 1,
            late: 1,
            ..Counts::default()
        },
        rtt: Some(RttStats {
            min: ns(1),
            avg: ns(2),
            p50: ns(3),
            p95: ns(4),
            p99: ns(5),
            max: ns(6),
            mdev: ns(7),
        }),
        jitter: Some(ns(8)),
        jitter_rfc3550: Some(ns(9)),
        process: Some((ns(10), ns(11))),
        lateness: Some((
            Duration::from_nanos(12),
            Duration::from_nanos(13),
            Duration::from_nanos(14),
        )),
        achieved_per_s: Some(99.5),
        outages: vec![OutageInput {
            from: ANCHOR.wall,
            to: None,
            duration: Duration::from_micros(2_500_900),
            sent: 3,
            lost: 2,
        }],
        ..quiet()
    };
    let line = summary_line(&[input]);
    assert_eq!(
        line.split_once(r#""loss_ratio""#).map(|(_, rest)| rest),
        Some(concat!(
            r#":0.25,"rtt_ns":{"min":1,"avg":2,"p50":3,"p95":4,"p99":5,"max":6,"mdev":7},"jitter_ns":8,"#,
            r#""jitter_rfc3550_ns":9,"process_latency_ns":{"p50":10,"p99":11},"lateness_ns":{"p50":12,"p99":13,"max":14},"#,
            r#""achieved_per_s":99.5,"outages":[{"from":"2026-11-21T02:03:04.000000Z","to":null,"duration_ms":2500,"#,
            r#""sent":3,"lost":2}]}}}"#
        ))
    );
    assert!(line.contains(r#""sent":8,"replied":6"#), "{line}");
}

#[test]
fn targets_stay_in_the_order_of_the_command_line() {
    let zulu = SummaryInput {
        target: "zulu".to_owned(),
        ..quiet()
    };
    let line = summary_line(&[zulu, quiet()]);
    assert!(line.find("zulu") < line.find("\"gw\""), "{line}");
}
