//! Shapes of `/api/v1/overview`: the fleet, worst first, with its sparklines.

use std::collections::BTreeMap;
use std::time::Duration;

use linewatch_core::past::SeriesSum;
use linewatch_core::target::{StatusLimit, Thresholds, UdpPayload};
use linewatch_core::view::{OpenOutage, TargetError, TargetView};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    AdviceInfo, BinRow, GapRow, Notice, OpenOutageInfo, ProbeRow, SumMore, TargetErrorInfo, rtt_ms, whole_ms,
};
use crate::catalog::CatalogEntry;

/// The whole answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Overview {
    pub(crate) now: i64,
    pub(crate) epoch: String,
    pub(crate) run: u64,
    pub(crate) seq: u64,
    pub(crate) range: &'static str,
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) total: usize,
    pub(crate) all: usize,
    pub(crate) is_first_run: bool,
    pub(crate) badges: BTreeMap<&'static str, usize>,
    pub(crate) countries: BTreeMap<String, usize>,
    pub(crate) kpi: Kpi,
    pub(crate) notices: Vec<Notice>,
    pub(crate) started_at: i64,
    pub(crate) icmp: String,
    pub(crate) targets: Vec<OverviewRow>,
}

/// Figures of the filtered fleet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Kpi {
    pub(crate) median_rtt_ms: Option<f64>,
    pub(crate) p95_rtt_ms: Option<f64>,
    pub(crate) loss_ppm: Option<u32>,
    pub(crate) jitter_ms: Option<f64>,
    pub(crate) measured: usize,
    pub(crate) outages: u64,
    pub(crate) availability_ppm: Option<u32>,
    pub(crate) coverage_ppm: Option<u32>,
    pub(crate) outages_open: usize,
    pub(crate) outages_run: u64,
    pub(crate) outages_24h: Option<u64>,
    pub(crate) availability_24h_ppm: Option<u32>,
}

/// One line of the fleet table.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct OverviewRow {
    pub(crate) key: u32,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) ip: Option<String>,
    pub(crate) probe: &'static str,
    pub(crate) port: Option<u16>,
    pub(crate) interval_ms: f64,
    pub(crate) timeout_ms: f64,
    pub(crate) payload: Option<&'static str>,
    pub(crate) payload_bytes: u16,
    pub(crate) country: String,
    pub(crate) partner: String,
    pub(crate) group: String,
    pub(crate) is_built_in: bool,
    pub(crate) state: &'static str,
    pub(crate) state_since: i64,
    pub(crate) reasons: Vec<&'static str>,
    pub(crate) error: Option<TargetErrorInfo>,
    pub(crate) outage: Option<OpenOutageInfo>,
    pub(crate) advice: Option<AdviceInfo>,
    pub(crate) grade: Option<&'static str>,
    pub(crate) grade_since: i64,
    pub(crate) last: Option<LastProbeInfo>,
    pub(crate) last_answer_at: Option<i64>,
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p95_ms: Option<f64>,
    pub(crate) jitter_ms: Option<f64>,
    pub(crate) loss_ppm: Option<u32>,
    pub(crate) finished: u64,
    pub(crate) failed: u64,
    pub(crate) rto: u64,
    pub(crate) process_ms: Option<f64>,
    pub(crate) outages: u64,
    pub(crate) availability_ppm: Option<u32>,
    pub(crate) coverage_ppm: Option<u32>,
    pub(crate) availability_24h_ppm: Option<u32>,
    pub(crate) availability_run_ppm: Option<u32>,
    pub(crate) measured_ms: u64,
    pub(crate) spark: Spark,
    pub(crate) strip_24h: Option<Vec<u8>>,
    pub(crate) thresholds: ThresholdsInfo,
}

/// The last 60 s.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Spark {
    pub(crate) base: i64,
    pub(crate) d: Vec<ProbeRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) m: Vec<BinRow>,
    pub(crate) g: Vec<GapRow>,
}

/// The newest finished probe.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct LastProbeInfo {
    pub(crate) seq: u64,
    pub(crate) at: i64,
    pub(crate) outcome: &'static str,
    pub(crate) rtt_ms: Option<f64>,
    pub(crate) host_rtt_ms: Option<f64>,
    pub(crate) class: &'static str,
}

/// The numbers by which a target is judged.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct ThresholdsInfo {
    grades_ms: GradesInfo,
    ok: StatusLimitInfo,
    warn: StatusLimitInfo,
    latency_ms: f64,
    outage: OutagePolicyInfo,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
struct GradesInfo {
    excellent: f64,
    good: f64,
    fair: f64,
    poor: f64,
    critical: f64,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
struct StatusLimitInfo {
    loss: f64,
    jitter_ms: f64,
    rtt_ms: f64,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
struct OutagePolicyInfo {
    lost_to_open: u32,
    replies_to_close: u32,
    loss_ratio: f64,
    window_ms: u64,
}

impl From<&Thresholds> for ThresholdsInfo {
    fn from(from: &Thresholds) -> Self {
        let limit = |limit: &StatusLimit| StatusLimitInfo {
            loss: limit.loss,
            jitter_ms: limit.jitter.as_millis_f64(),
            rtt_ms: limit.rtt.as_millis_f64(),
        };
        let grades = &from.grades;
        Self {
            grades_ms: GradesInfo {
                excellent: grades.excellent.as_millis_f64(),
                good: grades.good.as_millis_f64(),
                fair: grades.fair.as_millis_f64(),
                poor: grades.poor.as_millis_f64(),
                critical: grades.very_high.as_millis_f64(),
            },
            ok: limit(&from.ok),
            warn: limit(&from.warn),
            latency_ms: from.latency.as_millis_f64(),
            outage: OutagePolicyInfo {
                lost_to_open: from.outage.lost_to_open,
                replies_to_close: from.outage.replies_to_close,
                loss_ratio: from.outage.loss_ratio,
                window_ms: whole_ms(from.outage.window),
            },
        }
    }
}

impl From<&TargetError> for TargetErrorInfo {
    fn from(error: &TargetError) -> Self {
        Self {
            kind: error.word(),
            text: error.text().to_owned(),
        }
    }
}

impl From<&OpenOutage> for OpenOutageInfo {
    fn from(outage: &OpenOutage) -> Self {
        Self {
            since: outage.since.as_millis(),
            duration_ms: whole_ms(outage.duration),
            sent: outage.sent,
            lost: outage.lost,
        }
    }
}

impl From<&linewatch_core::view::LastProbe> for LastProbeInfo {
    fn from(last: &linewatch_core::view::LastProbe) -> Self {
        Self {
            seq: last.seq,
            at: last.at.as_millis(),
            outcome: last.outcome.word(),
            rtt_ms: rtt_ms(last.rtt),
            host_rtt_ms: rtt_ms(last.host_rtt),
            class: last.class.letter(),
        }
    }
}

/// Share of the measured time of this run outside outages, rounded down; `None` before any.
pub(crate) fn availability_run_ppm(view: &TargetView) -> Option<u32> {
    let measured = view.measured.as_nanos();
    let up = measured.checked_sub(view.down.as_nanos())?;
    (measured > 0).then(|| u32::try_from(up * 1_000_000 / measured).unwrap_or(1_000_000))
}

impl OverviewRow {
    /// The row of one target; without a view it is waiting, or paused if it is switched off.
    pub(crate) fn new(
        entry: &CatalogEntry,
        view: Option<&TargetView>,
        spark: Spark,
        started_at: i64,
        realtime_cure: Option<&str>,
    ) -> Self {
        let target = &entry.target;
        let window = view.map(|view| &view.window);
        let rtt = window.and_then(|window| window.rtt);
        Self {
            key: target.id.0,
            id: target.slug.clone(),
            name: target.name.clone(),
            address: target.address_text(),
            ip: entry.ip.map(|ip| ip.to_string()),
            probe: target.method.word(),
            port: target.method.port(),
            interval_ms: target.plan.interval.as_secs_f64() * 1e3,
            timeout_ms: target.plan.timeout.as_secs_f64() * 1e3,
            payload: target.method.payload().map(UdpPayload::word),
            payload_bytes: target.plan.payload_bytes,
            country: target.country.clone(),
            partner: target.partner.clone(),
            group: target.group.clone(),
            is_built_in: entry.is_built_in,
            state: entry.state(view).word(),
            state_since: view.map_or(started_at, |view| view.state_since.as_millis()),
            reasons: view.map(|view| view.state_reasons.clone()).unwrap_or_default(),
            error: view
                .and_then(|view| view.error.as_ref())
                .map(TargetErrorInfo::from),
            outage: view
                .and_then(|view| view.outage.as_ref())
                .map(OpenOutageInfo::from),
            advice: view.and_then(|view| AdviceInfo::of(entry, view, realtime_cure)),
            grade: view
                .and_then(|view| view.grade)
                .map(linewatch_core::view::Grade::word),
            grade_since: view.map_or(started_at, |view| view.grade_since.as_millis()),
            last: view.and_then(|view| view.last.as_ref()).map(LastProbeInfo::from),
            last_answer_at: view
                .and_then(|view| view.last_answer)
                .map(|last| last.at.as_millis()),
            p50_ms: rtt_ms(rtt.map(|rtt| rtt.p50)),
            p95_ms: rtt_ms(rtt.map(|rtt| rtt.p95)),
            jitter_ms: rtt_ms(window.and_then(|window| window.jitter)),
            loss_ppm: window.and_then(|window| window.loss.ppm()),
            finished: window.map_or(0, |window| window.loss.finished),
            failed: window.map_or(0, |window| window.loss.failed),
            rto: window.map_or(0, |window| window.rto),
            process_ms: rtt_ms(window.and_then(|window| window.process_p50)),
            outages: view.map_or(0, |view| view.outages),
            availability_ppm: view.and_then(availability_run_ppm),
            coverage_ppm: None,
            availability_24h_ppm: None,
            availability_run_ppm: view.and_then(availability_run_ppm),
            measured_ms: view.map_or(0, |view| whole_ms(view.measured)),
            spark,
            strip_24h: None,
            thresholds: ThresholdsInfo::from(&target.thresholds),
        }
    }

    /// Tells the figures of a span of history instead of the live ones; `None`: nothing was measured in it.
    pub(crate) fn tell(&mut self, sum: Option<&SeriesSum>, span: Duration) {
        let nothing = SeriesSum::default();
        let sum = sum.unwrap_or(&nothing);
        let (rollup, loss) = (&sum.rollup, sum.rollup.counts().loss());
        let [p50, p95] = rollup.quantiles([0.5, 0.95]);
        (self.p50_ms, self.p95_ms) = (rtt_ms(p50), rtt_ms(p95));
        self.jitter_ms = rtt_ms(rollup.jitter());
        self.loss_ppm = loss.ppm();
        (self.finished, self.failed) = (loss.finished, loss.failed);
        self.rto = rollup.counts().lost;
        // Kept with the single samples only: no tier has it.
        self.process_ms = None;
        self.outages = sum.outages;
        self.availability_ppm = sum.availability_ppm();
        self.coverage_ppm = sum.coverage_ppm(span);
        self.measured_ms = whole_ms(sum.measured);
    }
}

/// What is unusual about a view. `was_since` is the state's begin as last told: a new one is told once.
pub(crate) fn sum_more(
    view: &TargetView,
    was_since: Option<i64>,
    advice: Option<AdviceInfo>,
) -> Option<SumMore> {
    let state_since = view.state_since.as_millis();
    let is_unusual =
        !view.state_reasons.is_empty() || view.error.is_some() || view.outage.is_some() || advice.is_some();
    (is_unusual || was_since != Some(state_since)).then(|| SumMore {
        state_since,
        reasons: view.state_reasons.clone(),
        error: view.error.as_ref().map(TargetErrorInfo::from),
        outage: view.outage.as_ref().map(OpenOutageInfo::from),
        advice,
    })
}
