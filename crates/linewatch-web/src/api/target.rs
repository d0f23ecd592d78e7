//! Shapes of one target: its settings with their origins, and its detailed figures.

use std::collections::BTreeMap;

use linewatch_core::target::{Family, UdpPayload};
use linewatch_core::time::Rtt;
use linewatch_core::view::{Concern, TargetView, WindowView};
use linewatch_render::json::CountsObject;
use linewatch_render::words::{duration_text, origin_texts};
use schemars::JsonSchema;
use serde::Serialize;

use super::overview::ThresholdsInfo;
use super::{Notice, OverviewRow, duration_ms, rtt_ms, whole_ms};
use crate::catalog::CatalogEntry;

/// Settings of one target.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TargetInfo {
    id: String,
    key: u32,
    name: String,
    address: String,
    ip: Option<String>,
    probe: &'static str,
    port: Option<u16>,
    family: &'static str,
    interval: String,
    timeout: String,
    payload: Option<&'static str>,
    payload_bytes: u16,
    thresholds: ThresholdsInfo,
    behind: Option<String>,
    country: String,
    partner: String,
    group: String,
    labels: BTreeMap<String, String>,
    enabled: bool,
    allow_high_rate: bool,
    is_built_in: bool,
    origins: BTreeMap<String, String>,
}

/// Answer of `GET /api/v1/targets`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TargetList {
    pub(crate) targets: Vec<TargetInfo>,
}

/// Answer of `GET /api/v1/targets/{id}`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TargetAnswer {
    pub(crate) target: TargetInfo,
    pub(crate) detail: Option<TargetDetail>,
    pub(crate) overview: OverviewRow,
}

/// Answer of every change.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ChangeAnswer {
    pub(crate) target: Option<TargetInfo>,
    pub(crate) removed: Vec<TargetInfo>,
    pub(crate) notes: Vec<Notice>,
}

/// All figures of one target.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TargetDetail {
    key: u32,
    at: i64,
    window: WindowInfo,
    #[schemars(with = "BTreeMap<String, u64>")]
    totals: CountsObject,
    outages_run: u64,
    measured_ms: u64,
    down_ms: u64,
    concerns: Vec<&'static str>,
    interpretations: Vec<&'static str>,
    class: Option<&'static str>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct WindowInfo {
    probes: u64,
    span_ms: u64,
    finished: u64,
    failed: u64,
    rto: u64,
    slow: u64,
    unsent: u64,
    unmeasured: u64,
    min_ms: Option<f64>,
    avg_ms: Option<f64>,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
    max_ms: Option<f64>,
    mdev_ms: Option<f64>,
    jitter_ms: Option<f64>,
    jitter_last_ms: Option<f64>,
    jitter_rfc3550_ms: Option<f64>,
    pdv_p99_ms: Option<f64>,
    process_p50_ms: Option<f64>,
    process_p99_ms: Option<f64>,
    lateness_p50_ms: Option<f64>,
    lateness_p99_ms: Option<f64>,
    lateness_max_ms: Option<f64>,
}

impl From<&WindowView> for WindowInfo {
    fn from(window: &WindowView) -> Self {
        let rtt = window.rtt;
        // RFC 5481's packet delay variation: the 99th percentile above the minimum.
        let pdv_p99 = rtt.map(|rtt| Rtt::from_nanos(rtt.p99.as_nanos().saturating_sub(rtt.min.as_nanos())));
        Self {
            probes: window.probes,
            span_ms: whole_ms(window.span),
            finished: window.loss.finished,
            failed: window.loss.failed,
            rto: window.rto,
            slow: window.slow,
            unsent: window.unsent,
            unmeasured: window.unmeasured,
            min_ms: rtt_ms(rtt.map(|rtt| rtt.min)),
            avg_ms: rtt_ms(rtt.map(|rtt| rtt.avg)),
            p50_ms: rtt_ms(rtt.map(|rtt| rtt.p50)),
            p95_ms: rtt_ms(rtt.map(|rtt| rtt.p95)),
            p99_ms: rtt_ms(rtt.map(|rtt| rtt.p99)),
            max_ms: rtt_ms(rtt.map(|rtt| rtt.max)),
            mdev_ms: rtt_ms(rtt.map(|rtt| rtt.mdev)),
            jitter_ms: rtt_ms(window.jitter),
            jitter_last_ms: rtt_ms(window.jitter_last),
            jitter_rfc3550_ms: rtt_ms(window.jitter_rfc3550),
            pdv_p99_ms: rtt_ms(pdv_p99),
            process_p50_ms: rtt_ms(window.process_p50),
            process_p99_ms: rtt_ms(window.process_p99),
            lateness_p50_ms: duration_ms(window.lateness_p50),
            lateness_p99_ms: duration_ms(window.lateness_p99),
            lateness_max_ms: duration_ms(window.lateness_max),
        }
    }
}

impl From<&TargetView> for TargetDetail {
    fn from(view: &TargetView) -> Self {
        Self {
            key: view.id.0,
            at: view.at.as_millis(),
            window: WindowInfo::from(&view.window),
            totals: CountsObject::from(&view.totals),
            outages_run: view.outages,
            measured_ms: whole_ms(view.measured),
            down_ms: whole_ms(view.down),
            concerns: view.concerns.iter().copied().map(concern_word).collect(),
            interpretations: view
                .interpretations
                .iter()
                .map(|meaning| meaning.word())
                .collect(),
            class: view.last.map(|last| last.class.letter()),
        }
    }
}

/// S1's keys.
const fn concern_word(concern: Concern) -> &'static str {
    match concern {
        Concern::Jitter => "jitter",
        Concern::Loss => "loss",
        Concern::HighLatency => "high_latency",
        Concern::VeryHighLatency => "very_high_latency",
        Concern::Stale => "stale",
    }
}

impl From<&CatalogEntry> for TargetInfo {
    fn from(entry: &CatalogEntry) -> Self {
        let target = &entry.target;
        Self {
            id: target.slug.clone(),
            key: target.id.0,
            name: target.name.clone(),
            address: target.address_text(),
            ip: entry.ip.map(|ip| ip.to_string()),
            probe: target.method.word(),
            port: target.method.port(),
            family: match target.family {
                Family::Auto => "auto",
                Family::V4 => "4",
                Family::V6 => "6",
            },
            interval: duration_text(target.plan.interval),
            timeout: duration_text(target.plan.timeout),
            payload: target.method.payload().map(UdpPayload::word),
            payload_bytes: target.plan.payload_bytes,
            thresholds: ThresholdsInfo::from(&target.thresholds),
            behind: target.behind.clone(),
            country: target.country.clone(),
            partner: target.partner.clone(),
            group: target.group.clone(),
            labels: target.labels.iter().cloned().collect(),
            enabled: target.is_enabled,
            allow_high_rate: target.allow_high_rate,
            is_built_in: entry.is_built_in,
            origins: origin_texts(&entry.origins),
        }
    }
}
