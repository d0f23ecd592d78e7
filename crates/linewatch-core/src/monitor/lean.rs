//! What a watched target shares with others, or has only when something happens: 100,000 of them are kept small by it.
//!
//! Not here: the target itself (`target`), and its window, which is packed by itself.

use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use siphasher::sip::SipHasher13;

use crate::errno;
use crate::limits;
use crate::outage::OutagePolicy;
use crate::record::{Cause, Counts, Outcome, ProbeRecord};
use crate::target::{ProbePlan, Target, Thresholds};
use crate::time::{MonoTime, Rtt, nanos_of};
use crate::view::{TargetView, WindowView};

/// How a target is probed and judged; usually as all the others are.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) plan: ProbePlan,
    pub(super) thresholds: Thresholds,
    /// As in `thresholds`, for the detector.
    pub(super) outage: Arc<OutagePolicy>,
}

impl Rules {
    pub(super) fn of(target: &Target) -> Self {
        Self {
            plan: target.plan,
            thresholds: target.thresholds,
            outage: Arc::new(target.thresholds.outage),
        }
    }

    pub(super) fn are_of(&self, target: &Target) -> bool {
        self.plan == target.plan && self.thresholds == target.thresholds
    }
}

/// From here a reply is counted as slow, too.
const SLOW_REPLY: Rtt = Rtt::from_nanos(nanos_of(limits::SLOW_REPLY));

/// [`Counts`] without the nine that stay zero while all is well, until one does not.
#[derive(Debug, Default)]
pub(super) struct LeanCounts {
    pub(super) scheduled: u64,
    pub(super) in_flight: u64,
    /// Those of plain replies.
    replied: u64,
    /// Of everything else that happened.
    rest: Option<Box<Counts>>,
}

impl LeanCounts {
    pub(super) fn add(&mut self, record: &ProbeRecord) {
        let is_slow = || record.rtt.is_some_and(|rtt| rtt > SLOW_REPLY);
        if record.outcome == Outcome::Reply && !record.is_reordered && !is_slow() {
            self.replied += 1;
        } else {
            self.rest().add(record);
        }
    }

    pub(super) fn rest(&mut self) -> &mut Counts {
        self.rest.get_or_insert_default()
    }

    pub(super) fn counts(&self) -> Counts {
        let mut counts = self.rest.as_deref().copied().unwrap_or_default();
        counts.scheduled = self.scheduled;
        counts.in_flight = self.in_flight;
        counts.replied += self.replied;
        counts
    }
}

/// Probes in a row that could not leave for want of a route or a link.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LocalRun {
    pub(super) probes: u64,
    /// Slot of the first of them.
    pub(super) since: MonoTime,
}

impl LocalRun {
    pub(super) fn add(&mut self, record: &ProbeRecord) {
        let is_local = record.outcome == Outcome::Unsent
            && matches!(record.cause, Cause::Errno(number) if errno::is_local_outage(number));
        if is_local {
            if self.probes == 0 {
                self.since = record.due_at;
            }
            self.probes += 1;
        } else if record.outcome != Outcome::Unmeasured && record.due_at >= self.since {
            // A probe from before the run may be decided in the midst of it and says nothing about now.
            self.probes = 0;
        }
    }
}

/// What a view says but for the passing of time, in eight bytes instead of a second view of each target. Of two views
/// that differ, one in 2^64 is missed, for a second.
pub(super) fn digest(view: &TargetView) -> u64 {
    let TargetView {
        id,
        at: _,
        state,
        state_since,
        state_reasons,
        error,
        grade,
        grade_since,
        last,
        last_answer,
        window,
        totals,
        outage,
        outages,
        measured,
        down,
        concerns,
        interpretations,
        signs,
    } = view;
    let window = WindowView {
        span: Duration::ZERO,
        ..*window
    };
    let outage = outage.as_ref().map(|open| (open.since, open.sent, open.lost));
    let mut hasher = SipHasher13::new();
    (id, state, state_since, state_reasons, error, grade, grade_since).hash(&mut hasher);
    (last, last_answer, window, totals, outage, outages).hash(&mut hasher);
    (measured, down, concerns, interpretations, signs).hash(&mut hasher);
    hasher.finish()
}
