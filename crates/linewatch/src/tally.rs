//! Counts for the status page what the views do not say: failures of our own by cause, and how late we are over all targets;
//! and keeps what the newest view of each target says for whoever asks the process itself (SIGUSR1, the end).
//!
//! Written by the spine, read by `control` once a second.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use linewatch_core::record::{Counts, Outcome, RecordBatch};
use linewatch_core::target::{Target, TargetId};
use linewatch_core::time::Rtt;
use linewatch_core::view::{State, TargetError, TargetView};
use linewatch_render::format;
use linewatch_render::text::printable;
use linewatch_web::StatusInfo;

use crate::logging::in_one_line;

/// More lines than this are read by nobody, and would hold up the end.
const STATISTICS_LINES: usize = 200;

/// The counts; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(Arc<Mutex<Counted>>);

#[derive(Debug, Default)]
struct Counted {
    unsent: BTreeMap<String, u64>,
    unmeasured: BTreeMap<String, u64>,
    /// What is known of each target.
    told: BTreeMap<TargetId, Told>,
}

#[derive(Debug, Default)]
struct Told {
    /// `Gateway 192.0.2.1`.
    name: String,
    /// As of the newest view; none before its first second.
    seen: Option<Seen>,
}

/// What is told of a view, which is four times as large.
#[derive(Debug)]
struct Seen {
    state: State,
    totals: Counts,
    outages: u64,
    /// Of the live window.
    p50: Option<Rtt>,
    lateness_p99: Option<Duration>,
    lateness_max: Option<Duration>,
    error: Option<TargetError>,
}

impl From<&TargetView> for Seen {
    fn from(view: &TargetView) -> Self {
        Self {
            state: view.state,
            totals: view.totals,
            outages: view.outages,
            p50: view.window.rtt.map(|rtt| rtt.p50),
            lateness_p99: view.window.lateness_p99,
            lateness_max: view.window.lateness_max,
            error: view.error.clone(),
        }
    }
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
            counted.told.entry(view.id).or_default().seen = Some(view.into());
        }
    }

    /// A target is there, or is called otherwise.
    pub(crate) fn name(&self, target: &Target) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let address = target.address_text();
        counted.told.entry(target.id).or_default().name = if target.name == address {
            address
        } else {
            format!("{} {address}", target.name)
        };
    }

    /// What a person calls it, with its address.
    pub(crate) fn name_of(&self, id: TargetId) -> Option<String> {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.told.get(&id).map(|told| told.name.clone())
    }

    /// The statistics of the run, a line for each target.
    pub(crate) fn statistics(&self) -> Vec<String> {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = counted.told.values().take(STATISTICS_LINES).map(line);
        let mut lines: Vec<String> = shown.collect();
        let rest = counted.told.len().saturating_sub(STATISTICS_LINES);
        if rest > 0 {
            lines.push(format!("and {rest} more: the page and the API have them all"));
        }
        lines
    }

    /// A target that is gone is late no more.
    pub(crate) fn forget(&self, id: TargetId) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .told
            .remove(&id);
    }

    /// Fills in what is known. The lateness is that of the worst target: an average would hide it.
    pub(crate) fn tell(&self, status: &mut StatusInfo) {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        status.unsent.clone_from(&counted.unsent);
        status.unmeasured.clone_from(&counted.unmeasured);
        let seen = || counted.told.values().filter_map(|told| told.seen.as_ref());
        status.lateness_p99 = seen().filter_map(|seen| seen.lateness_p99).max();
        status.lateness_max = seen().filter_map(|seen| seen.lateness_max).max();
    }
}

/// `gw 192.0.2.1: ok, sent 3,600, lost 12 (0.33 %), p50 12.3 ms (last minute), 1 outage`.
fn line(told: &Told) -> String {
    let Some(seen) = &told.seen else {
        return format!("{}: waiting", printable(&told.name));
    };
    let count = |number: u64| format::count(i64::try_from(number).ok());
    let counts = &seen.totals;
    let loss = counts.loss();
    let mut text = format!(
        "{}: {}, sent {}, lost {} ({})",
        printable(&told.name),
        seen.state.word(),
        count(counts.sent()),
        count(loss.failed),
        format::loss_ppm(loss.ppm()),
    );
    for (number, word) in [(counts.unsent, "unsent"), (counts.unmeasured, "unmeasured")] {
        if number > 0 {
            let _ = write!(text, ", {} {word}", count(number));
        }
    }
    if let Some(p50) = seen.p50 {
        let p50 = format::rtt_ms(Some(p50.as_millis_f64()));
        let _ = write!(text, ", p50 {p50} (last minute)");
    }
    let plural = if seen.outages == 1 { "" } else { "s" };
    let _ = write!(text, ", {} outage{plural}", count(seen.outages));
    if let Some(error) = &seen.error {
        let _ = write!(text, ", error: {}", printable(in_one_line(error.text()).0));
    }
    text
}
