//! Targets, views and probes to show.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use linewatch_core::event::{Event, EventId, EventKind, RunId, Severity};
use linewatch_core::record::{Cause, Class, Counts, Loss, Outcome, ProbeRecord, RecordBatch};
use linewatch_core::target::{Host, Method, Origin, Origins, Target, TargetId};
use linewatch_core::time::{Anchor, MonoTime, Rtt, WallTime};
use linewatch_core::view::{
    Concern, Grade, Interpretation, LastProbe, OpenOutage, RttStats, State, TargetError, TargetView,
    WindowView,
};

use crate::CatalogEntry;

pub(crate) fn entry(key: u32, slug: &str) -> CatalogEntry {
    let ip: IpAddr = [192, 0, 2, 1].into();
    CatalogEntry {
        target: Target {
            slug: slug.to_owned(),
            name: format!("Name of {slug}"),
            method: Method::TcpConnect { port: 443 },
            country: "DE".to_owned(),
            group: "Europe".to_owned(),
            labels: vec![("site".to_owned(), "fra1".to_owned())],
            ..Target::plain(TargetId(key), Host::Literal { ip, zone: None })
        },
        ip: Some(ip),
        origins: Origins::from_iter([("interval".to_owned(), Origin::Default)]),
        is_built_in: false,
        tcp_answers: None,
        version: 3,
    }
}

/// Probed every `millis`.
pub(crate) fn entry_every(key: u32, slug: &str, millis: u64) -> CatalogEntry {
    let mut entry = entry(key, slug);
    entry.target.plan.interval = Duration::from_millis(millis);
    entry
}

/// A view with every field that can be filled filled.
pub(crate) fn view(key: u32, state: State, grade: Option<Grade>, p95_ms: u64) -> TargetView {
    let ms = |ms: u64| Rtt::from_nanos(ms * 1_000_000);
    let at = WallTime::from_nanos(super::START_MS * 1_000_000);
    let last = LastProbe {
        seq: 9,
        at,
        outcome: Outcome::Reply,
        rtt: Some(ms(20)),
        host_rtt: Some(ms(21)),
        class: Class::K,
    };
    let rtt = RttStats {
        min: ms(10),
        avg: ms(20),
        p50: ms(20),
        p95: ms(p95_ms),
        p99: ms(p95_ms),
        max: ms(p95_ms),
        mdev: ms(2),
    };
    TargetView {
        id: TargetId(key),
        at,
        state,
        state_since: at,
        state_reasons: vec!["rtt"],
        error: Some(TargetError::Dns("no such name".to_owned())),
        grade,
        grade_since: at,
        last: Some(last),
        last_answer: Some(last),
        window: WindowView {
            probes: 60,
            span: Duration::from_secs(60),
            loss: Loss {
                failed: 1,
                finished: 60,
            },
            rto: 1,
            rtt: Some(rtt),
            jitter: Some(Rtt::from_nanos(1_234_567)),
            jitter_last: Some(ms(1)),
            jitter_rfc3550: Some(ms(1)),
            process_p50: Some(ms(1)),
            process_p99: Some(ms(2)),
            lateness_p50: Some(Duration::from_micros(10)),
            lateness_p99: Some(Duration::from_micros(20)),
            lateness_max: Some(Duration::from_micros(30)),
            ..WindowView::default()
        },
        totals: Counts::default(),
        outage: Some(OpenOutage {
            since: at,
            duration: Duration::from_secs(3),
            sent: 3,
            lost: 3,
        }),
        outages: 1,
        measured: Duration::from_secs(3),
        down: Duration::from_secs(1),
        concerns: vec![Concern::Loss],
        interpretations: vec![Interpretation::Unstable],
        signs: linewatch_core::advice::Signs::default(),
    }
}

/// A probe that was answered after `rtt_us`.
pub(crate) fn reply(key: u32, seq: u64, sent_at: MonoTime, rtt_us: u64) -> ProbeRecord {
    ProbeRecord {
        target: TargetId(key),
        seq,
        due_at: sent_at,
        sent_at,
        outcome: Outcome::Reply,
        rtt: Some(Rtt::from_nanos(rtt_us * 1_000)),
        host_rtt: Some(Rtt::from_nanos(rtt_us * 1_000 + 50_000)),
        class: Class::K,
        cause: Cause::None,
        is_reordered: false,
    }
}

pub(crate) fn batch(anchor: Anchor, records: Vec<ProbeRecord>) -> Arc<RecordBatch> {
    Arc::new(RecordBatch {
        records,
        ..RecordBatch::new(anchor)
    })
}

pub(crate) fn event(seq: u64, target: Option<u32>) -> Event {
    let at = WallTime::from_nanos(super::START_MS * 1_000_000);
    Event {
        id: EventId { run: RunId(5), seq },
        kind: EventKind::Outage,
        severity: Severity::Critical,
        target: target.map(TargetId),
        at,
        until: Some(at),
        count: 3,
        excess: None,
        message: "down, 3 in a row lost".to_owned(),
    }
}
