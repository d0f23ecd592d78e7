//! Every JSON shape of the API and the WebSocket: the Rust twin of `web/app/types.d.ts`.
//!
//! The only serde of the interface. Field names, order and units are those of `types.d.ts`; a test compares
//! the two in both directions. Milliseconds have at most 3 decimals, `_us` are whole microseconds, `None` is
//! `null` and means "no data", never 0. Not here: deciding anything.

mod access;
mod advice;
mod alerts;
mod compat;
mod evidence;
mod history;
mod live;
mod overview;
mod series;
mod settings;
mod target;

use std::collections::BTreeMap;
use std::time::Duration;

use linewatch_core::event::Severity;
use linewatch_core::time::Rtt;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

pub(crate) use access::{LoginError, LoginErrorBody, SessionInfo, TokenList, TokenMade, TokenRow};
pub(crate) use advice::AdviceInfo;
pub(crate) use alerts::{NoticesAnswer, OutboxAnswer, SilenceInfo, SilenceList, TestAnswer};
pub(crate) use compat::{S0Config, S0Done, S0Event, S0Stats, S1Log, S1Points, S1Status, ToolError};
pub(crate) use evidence::{
    EvidenceAnswer, EvidencePart, FaultRow, LineInfo, SecondRow, VerdictFigures, VerdictInfo,
};
pub(crate) use history::{
    EventRow, LogInfo, OutageInfo, Page, SampleSegment, Samples, Status, StatusIcmp, StatusLive,
    StatusStorage, StatusStorageError,
};
pub(crate) use live::{
    BatchMessage, ClientMessage, DetailMessage, EventMessage, HeartbeatMessage, MarkMessage, Resume,
    Selection, Standing, Subscription, SumMessage, WelcomeMessage,
};
pub(crate) use overview::{Kpi, Overview, OverviewRow, Spark, availability_run_ppm, sum_more};
pub(crate) use series::{MarkRow, SeriesAnswer};
pub(crate) use settings::{
    ConfigAnswer, DoctorAnswer, PreferencesAnswer, PreviewAnswer, PreviewOutage, PreviewPast,
};
pub(crate) use target::{ChangeAnswer, TargetAnswer, TargetDetail, TargetInfo, TargetList};

/// One probe: key, seq, dt_us, outcome, rtt_us, host_us, flags.
pub(crate) type ProbeRow = (u32, u64, i64, u8, Option<u32>, Option<u32>, u8);
/// Probes of 100 ms: key, dt_us, n, lost, min_us, p50_us, max_us.
pub(crate) type BinRow = (u32, i64, u32, u32, Option<u32>, Option<u32>, Option<u32>);
/// A hole: key, kind, from_ms, to_ms, slots.
pub(crate) type GapRow = (u32, &'static str, i64, i64, u64);
/// Key, state, grade, p50_us, p95_us, jitter_us, loss_ppm, rto, up_ppm, more.
pub(crate) type SumRow<'a> = (
    u32,
    &'static str,
    Option<&'static str>,
    Option<u32>,
    Option<u32>,
    Option<u32>,
    Option<u32>,
    u32,
    Option<u32>,
    Option<&'a SumMore>,
);

/// What is unusual about a row of `sum`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct SumMore {
    pub(crate) state_since: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) reasons: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<TargetErrorInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) outage: Option<OpenOutageInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) advice: Option<AdviceInfo>,
}

impl SumMore {
    /// About how much memory it takes.
    pub(crate) fn size_bytes(&self) -> usize {
        let texts = self.error.as_ref().map_or(0, |error| error.text.len());
        let words = size_of_val(self.reasons.as_slice());
        // A map of a few figures, and a command.
        let advice = self.advice.as_ref().map_or(0, |_| 512);
        size_of::<Self>() + texts + words + advice
    }
}

/// Why a target cannot be probed.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct TargetErrorInfo {
    pub(crate) kind: &'static str,
    pub(crate) text: String,
}

/// An outage that goes on.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct OpenOutageInfo {
    pub(crate) since: i64,
    pub(crate) duration_ms: u64,
    pub(crate) sent: u64,
    pub(crate) lost: u64,
}

/// Something the person at the page should know, with its cure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Notice {
    /// The page's catalogue words it by this (`notice.text.CODE`).
    pub code: &'static str,
    /// How much it matters.
    #[serde(serialize_with = "severity_word")]
    #[schemars(with = "String")]
    pub severity: Severity,
    /// Values for the page's words.
    pub params: BTreeMap<&'static str, String>,
    /// The same in English, for whom has no words of its own for the code.
    pub text: String,
    /// What to type, exactly.
    pub command: Option<String>,
}

/// `{"error":{"code","message","field"}}`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct ApiError {
    pub(crate) error: ApiErrorBody,
}

/// The inside of [`ApiError`].
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct ApiErrorBody {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) field: Option<String>,
}

/// Answer of `/healthz`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Health {
    pub(crate) status: &'static str,
}

fn severity_word<S: Serializer>(severity: &Severity, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(severity.word())
}

/// Nanoseconds to the nearest microsecond.
pub(crate) const fn micros(nanos: u64) -> u64 {
    nanos.saturating_add(500) / 1_000
}

/// A delay in microseconds.
pub(crate) fn rtt_us(rtt: Option<Rtt>) -> Option<u64> {
    rtt.map(|rtt| micros(rtt.as_nanos()))
}

/// A delay in milliseconds with at most 3 decimals.
pub(crate) fn rtt_ms(rtt: Option<Rtt>) -> Option<f64> {
    rtt_us(rtt).map(|us| us as f64 / 1_000.0)
}

/// A length in milliseconds with at most 3 decimals.
pub(crate) fn duration_ms(length: Option<Duration>) -> Option<f64> {
    length.map(|length| micros(linewatch_core::time::nanos_of(length)) as f64 / 1_000.0)
}

/// A length in whole milliseconds, saturating.
pub(crate) fn whole_ms(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}
