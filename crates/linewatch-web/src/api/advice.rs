//! Shape of an advice: what was counted, and the patch that the page's one button sends.

use std::collections::BTreeMap;
use std::time::Duration;

use linewatch_core::advice::{Advice, advise};
use linewatch_core::time::nanos_of;
use linewatch_core::view::TargetView;
use linewatch_render::words::duration_text;
use schemars::JsonSchema;
use serde::Serialize;

use super::micros;
use crate::catalog::CatalogEntry;

/// One thing worth changing about a target.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct AdviceInfo {
    /// The page words it by this (`advice.CODE`).
    pub(crate) code: &'static str,
    /// What was counted, by name.
    pub(crate) figures: BTreeMap<&'static str, f64>,
    pub(crate) action: AdviceAction,
    /// What to type instead, exactly.
    pub(crate) command: Option<String>,
}

/// What to send to `PATCH /api/v1/targets/{id}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct AdviceAction {
    pub(crate) patch: AdvicePatch,
}

/// The keys of a `TargetPatch` that an advice changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct AdvicePatch {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) probe: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) interval: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timeout: Option<String>,
}

impl AdviceInfo {
    /// What is advised for this target now. `realtime_cure` grants real-time priority, where that is lacking.
    pub(crate) fn of(entry: &CatalogEntry, view: &TargetView, realtime_cure: Option<&str>) -> Option<Self> {
        let advice = advise(&entry.target, view, entry.tcp_answers)?;
        let mut patch = AdvicePatch::default();
        let mut command = None;
        let figures = match advice {
            Advice::RaiseTimeout { share, from, to } => {
                patch.timeout = Some(duration_text(to));
                let share_ppm = u64::from(share.came) * 1_000_000 / u64::from(share.lost.max(1));
                [
                    ("share_ppm", share_ppm as f64),
                    ("lost", f64::from(share.lost)),
                    ("late", f64::from(share.late)),
                    ("within_ms", millis(share.within)),
                    ("from_ms", millis(from)),
                    ("to_ms", millis(to)),
                ]
                .into()
            }
            Advice::UseTcp { probes, silent, port } => {
                (patch.probe, patch.port) = (Some("tcp"), Some(port));
                [
                    ("probes", probes as f64),
                    ("silent_ms", millis(silent)),
                    ("port", f64::from(port)),
                ]
                .into()
            }
            Advice::RaiseInterval { p99, from, to } => {
                patch.interval = Some(duration_text(to));
                command = realtime_cure.map(str::to_owned);
                [
                    ("p99_ms", millis(p99)),
                    ("from_ms", millis(from)),
                    ("to_ms", millis(to)),
                ]
                .into()
            }
        };
        Some(Self {
            code: advice.word(),
            figures,
            action: AdviceAction { patch },
            command,
        })
    }
}

fn millis(length: Duration) -> f64 {
    micros(nanos_of(length)) as f64 / 1_000.0
}
