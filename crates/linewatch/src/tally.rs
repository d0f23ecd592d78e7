//! Counts for the status page what the views do not say: failures of our own by cause, and how late we are over all targets.
//!
//! Written by the spine, read by `control` once a second.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use linewatch_core::record::{Outcome, RecordBatch};
use linewatch_core::target::TargetId;
use linewatch_core::view::TargetView;
use linewatch_web::StatusInfo;

/// The counts; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(Arc<Mutex<Counted>>);

#[derive(Debug, Default)]
struct Counted {
    unsent: BTreeMap<String, u64>,
    unmeasured: BTreeMap<String, u64>,
    /// 99th percentile and maximum of each target's window.
    lateness: BTreeMap<TargetId, (Duration, Duration)>,
}

impl Tally {
    /// Counts the probes of a batch that say something about this computer.
    pub(crate) fn batch(&self, batch: &RecordBatch) {
        let is_ours = |outcome| matches!(outcome, Outcome::Unsent | Outcome::Unmeasured);
        if batch.gaps.is_empty() && !batch.records.iter().any(|record| is_ours(record.outcome)) {
            return;
        }
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for record in batch.records.iter().filter(|record| is_ours(record.outcome)) {
            let cause = record.cause.name().unwrap_or_else(|| "unknown".to_owned());
            let counts = if record.outcome == Outcome::Unsent {
                &mut counted.unsent
            } else {
                &mut counted.unmeasured
            };
            *counts.entry(cause).or_default() += 1;
        }
        for gap in batch.gaps.iter().filter(|gap| gap.slots > 0) {
            *counted.unmeasured.entry(gap.kind.word().to_owned()).or_default() += gap.slots;
        }
    }

    /// Notes how late the probes of these targets were.
    pub(crate) fn views(&self, views: &[TargetView]) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for view in views {
            match (view.window.lateness_p99, view.window.lateness_max) {
                (Some(p99), Some(max)) => counted.lateness.insert(view.id, (p99, max)),
                _ => counted.lateness.remove(&view.id),
            };
        }
    }

    /// A target that is gone is late no more.
    pub(crate) fn forget(&self, id: TargetId) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .lateness
            .remove(&id);
    }

    /// Fills in what is known. The lateness is that of the worst target: an average would hide it.
    pub(crate) fn tell(&self, status: &mut StatusInfo) {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        status.unsent.clone_from(&counted.unsent);
        status.unmeasured.clone_from(&counted.unmeasured);
        status.lateness_p99 = counted.lateness.values().map(|(p99, _)| *p99).max();
        status.lateness_max = counted.lateness.values().map(|(_, max)| *max).max();
    }
}
