//! Shapes of the tools' own routes, with their names and units (REQUIREMENTS S0-25, S1-18). Frozen: they are not ours.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Number;

/// `{"error":"text"}`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ToolError {
    pub(crate) error: String,
}

/// S0's `config.json`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct S0Config {
    pub(crate) destination_ip: String,
    pub(crate) latency_threshold_ms: Option<Number>,
    pub(crate) ping_interval_seconds: Option<Number>,
    pub(crate) max_graph_points: u32,
    /// `None`: for ever.
    pub(crate) event_retention_days: Option<Number>,
}

/// Answer of S0's changes.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct S0Done {
    pub(crate) success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) config: Option<S0Config>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deleted_count: Option<u64>,
}

/// One row of S0's event log.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct S0Event {
    pub(crate) id: u64,
    pub(crate) timestamp: String,
    pub(crate) event_type: &'static str,
    pub(crate) latency_ms: Option<f64>,
    pub(crate) threshold_ms: Option<f64>,
    pub(crate) destination_ip: String,
    pub(crate) message: String,
}

/// Answer of S0's `/api/stats`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct S0Stats {
    pub(crate) total_events: u64,
    pub(crate) monitor_running: bool,
    pub(crate) current_config: S0Config,
}

/// The curve of one server of S1.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct S1Points {
    pub(crate) timestamps: Vec<String>,
    /// Milliseconds; `None` where nothing replied.
    pub(crate) latency: Vec<Option<f64>>,
}

/// One server of S1.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct S1Status {
    pub(crate) country: String,
    pub(crate) partner: String,
    /// Ours: tells two servers of one country and partner apart.
    pub(crate) name: String,
    pub(crate) latency: Option<f64>,
    pub(crate) status: &'static str,
    #[serde(rename = "lastCheck")]
    pub(crate) last_check: Option<String>,
    pub(crate) warning: bool,
    pub(crate) stale: bool,
}

/// One line of S1's log.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct S1Log {
    pub(crate) id: i64,
    pub(crate) timestamp: String,
    pub(crate) level: &'static str,
    pub(crate) message: String,
    pub(crate) module: String,
    /// Always `None`: there is none.
    pub(crate) traceback: Option<String>,
}
