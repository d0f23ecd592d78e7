//! Shape of the evidence of an outage.

use linewatch_core::evidence::{Count, Fault, Figures};
use linewatch_core::record::GapKind;
use schemars::JsonSchema;
use serde::Serialize;

use super::{OutageInfo, SampleSegment, rtt_ms};

/// Answer of `GET /api/v1/outages/{id}/evidence`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct EvidenceAnswer {
    pub(crate) outage: OutageInfo,
    pub(crate) key: u32,
    pub(crate) verdict: VerdictInfo,
    pub(crate) parts: Vec<EvidencePart>,
}

/// Whose fault it likely was.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct VerdictInfo {
    pub(crate) code: &'static str,
    pub(crate) figures: VerdictFigures,
}

/// What the verdict rests on; the counts are of probes sent inside the outage.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct VerdictFigures {
    pub(crate) sent: u64,
    pub(crate) lost: u64,
    pub(crate) unsent: u64,
    pub(crate) unmeasured: u64,
    pub(crate) late: u64,
    pub(crate) late_min_ms: Option<f64>,
    pub(crate) late_max_ms: Option<f64>,
    pub(crate) gateway: Option<VerdictCount>,
    pub(crate) others: u32,
    pub(crate) others_failing: u32,
    pub(crate) is_link_lost: bool,
    pub(crate) process_p95_ms: Option<f64>,
    pub(crate) lateness_p95_ms: Option<f64>,
}

/// Probes of one line.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct VerdictCount {
    pub(crate) sent: u64,
    pub(crate) lost: u64,
}

/// All of an outage, or one edge of a long one.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct EvidencePart {
    pub(crate) part: &'static str,
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) segments: Vec<SampleSegment>,
    /// The gateway first.
    pub(crate) lines: Vec<LineInfo>,
    pub(crate) left_out: u32,
    pub(crate) faults: Vec<FaultRow>,
}

/// Another target in the same span.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct LineInfo {
    pub(crate) target: String,
    pub(crate) target_name: String,
    pub(crate) is_gateway: bool,
    pub(crate) sent: u64,
    pub(crate) lost: u64,
    pub(crate) d: Vec<SecondRow>,
}

/// Second since 1970, finished probes, failed ones, median in microseconds.
pub(crate) type SecondRow = (i64, u64, u64, Option<u64>);

/// Our own trouble: kind, begin, end, count.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct FaultRow(&'static str, i64, i64, u64);

impl From<&Fault> for FaultRow {
    fn from(fault: &Fault) -> Self {
        let kind = fault.gap.map_or("local_outage", GapKind::word);
        Self(kind, fault.from.as_millis(), fault.to.as_millis(), fault.count)
    }
}

impl From<Count> for VerdictCount {
    fn from(count: Count) -> Self {
        Self {
            sent: count.sent,
            lost: count.lost,
        }
    }
}

impl From<Figures> for VerdictFigures {
    fn from(figures: Figures) -> Self {
        Self {
            sent: figures.target.sent,
            lost: figures.target.lost,
            unsent: figures.unsent,
            unmeasured: figures.unmeasured,
            late: figures.late,
            late_min_ms: rtt_ms(figures.late_min),
            late_max_ms: rtt_ms(figures.late_max),
            gateway: figures.gateway.map(VerdictCount::from),
            others: figures.others,
            others_failing: figures.others_failing,
            is_link_lost: figures.is_link_lost,
            process_p95_ms: rtt_ms(figures.process),
            lateness_p95_ms: rtt_ms(figures.lateness),
        }
    }
}
