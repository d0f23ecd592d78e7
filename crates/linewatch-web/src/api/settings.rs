//! Shapes of the settings, of the checks of `doctor`, and of the preview of thresholds.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::settings::{CheckInfo, ConfigInfo, DoctorInfo};

/// Answer of `GET` and `PUT /api/v1/config`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ConfigAnswer {
    config: Value,
    origins: BTreeMap<String, String>,
    file: Option<Value>,
    file_origins: BTreeMap<String, String>,
    config_path: Option<String>,
    web_path: String,
    data_dir: String,
    restart: Vec<String>,
    destinations: Vec<String>,
    password_from: Option<String>,
}

/// Answer of `GET` and `PUT /api/v1/preferences`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PreferencesAnswer {
    pub(crate) preferences: Map<String, Value>,
}

/// Answer of `GET /api/v1/doctor`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct DoctorAnswer {
    at: i64,
    checks: Vec<CheckRow>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct CheckRow {
    name: String,
    verdict: String,
    sentence: String,
    command: Option<String>,
}

/// Answer of `GET /api/v1/preview`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PreviewAnswer {
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) probes: u64,
    pub(crate) is_truncated: bool,
    pub(crate) now: PreviewPast,
    pub(crate) then: PreviewPast,
}

/// What the past would have been by one set of numbers.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct PreviewPast {
    pub(crate) outages: Vec<PreviewOutage>,
    pub(crate) outage_alerts: u64,
    pub(crate) grades: BTreeMap<&'static str, u64>,
}

/// One outage.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct PreviewOutage {
    pub(crate) from: i64,
    pub(crate) to: Option<i64>,
    pub(crate) sent: u64,
    pub(crate) lost: u64,
}

impl From<ConfigInfo> for ConfigAnswer {
    fn from(info: ConfigInfo) -> Self {
        Self {
            config: info.config,
            origins: info.origins,
            file: info.file,
            file_origins: info.file_origins,
            config_path: info.config_path,
            web_path: info.web_path,
            data_dir: info.data_dir,
            restart: info.restart,
            destinations: info.destinations,
            password_from: info.password_from,
        }
    }
}

impl From<DoctorInfo> for DoctorAnswer {
    fn from(info: DoctorInfo) -> Self {
        Self {
            at: info.at.as_millis(),
            checks: info.checks.into_iter().map(CheckRow::from).collect(),
        }
    }
}

impl From<CheckInfo> for CheckRow {
    fn from(check: CheckInfo) -> Self {
        Self {
            name: check.name,
            verdict: check.verdict,
            sentence: check.sentence,
            command: check.command,
        }
    }
}
