//! Shapes of what was: samples, events, outages, logs; and of the monitor's own status.

use std::collections::BTreeMap;

use linewatch_core::event::{Event, LogRow, OutageRow};
use linewatch_core::outage::OpenedBy;
use schemars::JsonSchema;
use serde::Serialize;

use super::{GapRow, ProbeRow};

/// Answer of `GET /api/v1/samples`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Samples {
    pub(crate) target: u32,
    pub(crate) segments: Vec<SampleSegment>,
    pub(crate) gaps: Vec<GapRow>,
    pub(crate) is_truncated: bool,
}

/// The probes of one start.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SampleSegment {
    pub(crate) run: u64,
    pub(crate) base: i64,
    pub(crate) d: Vec<ProbeRow>,
}

/// One line of the event log.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct EventRow {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) severity: &'static str,
    pub(crate) target: Option<String>,
    pub(crate) target_name: Option<String>,
    pub(crate) at: i64,
    pub(crate) until: Option<i64>,
    pub(crate) count: u64,
    pub(crate) count_of: &'static str,
    pub(crate) message: String,
}

impl EventRow {
    /// The row of an event; `named` is the target's slug and name, where they are known.
    pub(crate) fn new(event: &Event, named: Option<(String, String)>) -> Self {
        let (target, target_name) = named.unzip();
        Self {
            id: event.id.to_string(),
            kind: event.kind.word(),
            severity: event.severity.word(),
            target,
            target_name,
            at: event.at.as_millis(),
            until: event.until.map(|until| until.as_millis()),
            count: event.count,
            count_of: event.kind.counted(),
            message: event.message.clone(),
        }
    }
}

/// One outage.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct OutageInfo {
    pub(crate) id: String,
    pub(crate) target: String,
    pub(crate) target_name: String,
    pub(crate) from: i64,
    pub(crate) to: Option<i64>,
    pub(crate) duration_ms: u64,
    pub(crate) opened_by: &'static str,
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) lost: u64,
    pub(crate) uncertainty_ms: u64,
}

impl OutageInfo {
    /// The row of an outage; a target that no longer exists is named by its number.
    pub(crate) fn new(row: &OutageRow, named: Option<(String, String)>) -> Self {
        let (target, target_name) = named.unwrap_or_else(|| {
            let number = format!("#{}", row.target.0);
            (number.clone(), number)
        });
        Self {
            id: row.id.to_string(),
            target,
            target_name,
            from: row.from.as_millis(),
            to: row.to.map(|to| to.as_millis()),
            duration_ms: row.duration_ns / 1_000_000,
            opened_by: match row.opened_by {
                OpenedBy::Run => "run",
                OpenedBy::WindowLoss => "window_loss",
            },
            sent: row.sent,
            received: row.sent.saturating_sub(row.lost),
            lost: row.lost,
            uncertainty_ms: row.uncertainty_ns / 1_000_000,
        }
    }
}

/// One line of the system log.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct LogInfo {
    at: i64,
    level: String,
    module: String,
    message: String,
}

impl From<LogRow> for LogInfo {
    fn from(row: LogRow) -> Self {
        Self {
            at: row.at.as_millis(),
            level: row.level,
            module: row.module,
            message: row.message,
        }
    }
}

/// Rows, newest first, and the word that asks for the next ones.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PageOf{T}")]
pub(crate) struct Page<T> {
    pub(crate) rows: Vec<T>,
    pub(crate) next: Option<String>,
}

/// Answer of `GET /api/v1/status`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Status {
    pub(crate) version: String,
    pub(crate) started_at: i64,
    pub(crate) uptime_s: u64,
    pub(crate) now: i64,
    pub(crate) vantage: String,
    pub(crate) run: u64,
    pub(crate) epoch: String,
    pub(crate) targets: usize,
    pub(crate) asked_per_s: f64,
    pub(crate) achieved_per_s: f64,
    pub(crate) lateness_p99_ms: Option<f64>,
    pub(crate) lateness_max_ms: Option<f64>,
    pub(crate) icmp: StatusIcmp,
    pub(crate) scheduling: String,
    pub(crate) unmeasured: BTreeMap<String, u64>,
    pub(crate) unsent: BTreeMap<String, u64>,
    pub(crate) storage: StatusStorage,
    pub(crate) live: StatusLive,
}

/// Method and class of ICMP per family, or why there is none.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct StatusIcmp {
    pub(crate) v4: String,
    pub(crate) v6: String,
}

/// The store.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct StatusStorage {
    pub(crate) path: String,
    pub(crate) size_bytes: u64,
    pub(crate) budget_bytes: Option<u64>,
    pub(crate) state: &'static str,
    /// Of each kind that is kept.
    pub(crate) oldest: BTreeMap<&'static str, i64>,
    pub(crate) waiting_samples: u64,
    pub(crate) commit_age_ms: Option<i64>,
    pub(crate) last_error: Option<StatusStorageError>,
    pub(crate) queued: u64,
    pub(crate) overrun: u64,
    pub(crate) flushed_at: Option<i64>,
    pub(crate) trouble: Option<String>,
}

/// What went wrong last, though it may be over.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct StatusStorageError {
    pub(crate) at: i64,
    pub(crate) message: String,
}

/// The live view.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct StatusLive {
    pub(crate) clients: u64,
    pub(crate) ring_bytes: usize,
    pub(crate) merged: u64,
    pub(crate) reset: u64,
}
