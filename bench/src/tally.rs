//! Counts the records of one load: fates over the whole run, lateness and RTTs over the measured span.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use linewatch_core::record::{Cause, GapKind, Outcome, ProbeRecord, RecordBatch, StrayKind};
use linewatch_core::target::TargetId;
use linewatch_core::time::MonoTime;

use crate::part::{Fates, Load, Loaded, Percentiles};

/// See the module.
#[derive(Debug)]
pub(crate) struct Tally {
    counts: Fates,
    own_causes: BTreeMap<String, u64>,
    /// The newest word on each target.
    scheduled: HashMap<TargetId, u64>,
    begin_at: MonoTime,
    end_at: MonoTime,
    has_samples: bool,
    has_rtts: bool,
    lateness: Vec<u64>,
    rtt: Vec<u64>,
    process_latency: Vec<u64>,
    rtts: Vec<(u32, u64, u64)>,
}

impl Tally {
    /// Nothing yet.
    pub(crate) fn new(load: &Load) -> Self {
        Self {
            counts: Fates::default(),
            own_causes: BTreeMap::new(),
            scheduled: HashMap::with_capacity(load.targets as usize),
            begin_at: MonoTime::MAX,
            end_at: MonoTime::MAX,
            has_samples: load.has_samples,
            has_rtts: load.has_rtts,
            lateness: Vec::new(),
            rtt: Vec::new(),
            process_latency: Vec::new(),
            rtts: Vec::new(),
        }
    }

    /// Samples are those of slots from here on.
    pub(crate) fn begin_measuring(&mut self, at: MonoTime) {
        self.begin_at = at;
    }

    /// And before here.
    pub(crate) fn end_measuring(&mut self, at: MonoTime) {
        self.end_at = at;
    }

    /// Probes with a fate.
    pub(crate) fn decided(&self) -> u64 {
        let Fates {
            replied,
            refused,
            unreachable,
            lost,
            unsent,
            unmeasured,
            ..
        } = self.counts;
        replied + refused + unreachable + lost + unsent + unmeasured
    }

    /// Counts a batch.
    pub(crate) fn add(&mut self, batch: &Arc<RecordBatch>) {
        for record in &batch.records {
            self.add_record(record);
        }
        for gap in &batch.gaps {
            if gap.kind == GapKind::Stopped {
                self.counts.stopped += gap.slots;
            } else {
                self.counts.unmeasured += gap.slots;
                *self.own_causes.entry(gap.kind.word().to_owned()).or_default() += gap.slots;
            }
        }
        for stray in &batch.strays {
            match stray.kind {
                StrayKind::Late => self.counts.late += 1,
                StrayKind::Duplicate => self.counts.duplicate += 1,
                StrayKind::Forged => self.counts.forged += 1,
            }
        }
        for progress in &batch.progress {
            self.scheduled.insert(progress.target, progress.scheduled);
        }
    }

    fn add_record(&mut self, record: &ProbeRecord) {
        let counts = &mut self.counts;
        match record.outcome {
            Outcome::Reply => counts.replied += 1,
            Outcome::Refused => counts.refused += 1,
            Outcome::Unreachable => counts.unreachable += 1,
            Outcome::Lost => counts.lost += 1,
            Outcome::Unsent => counts.unsent += 1,
            Outcome::Unmeasured if record.cause == Cause::Gap(GapKind::Stopped) => counts.stopped += 1,
            Outcome::Unmeasured => counts.unmeasured += 1,
        }
        if matches!(record.outcome, Outcome::Unsent | Outcome::Unmeasured)
            && record.cause != Cause::Gap(GapKind::Stopped)
        {
            let cause = record.cause.name().unwrap_or_else(|| "unknown".to_owned());
            *self.own_causes.entry(cause).or_default() += 1;
        }
        if self.has_rtts
            && let Some(rtt) = record.rtt
        {
            self.rtts.push((record.target.0, record.seq, rtt.as_nanos()));
        }
        if !self.has_samples || record.due_at < self.begin_at || record.due_at >= self.end_at {
            return;
        }
        if !matches!(record.outcome, Outcome::Unsent | Outcome::Unmeasured) {
            self.lateness
                .push(linewatch_core::time::nanos_of(record.lateness()));
        }
        if let (Some(rtt), Some(added)) = (record.rtt, record.process_latency()) {
            self.rtt.push(rtt.as_nanos());
            self.process_latency.push(added.as_nanos());
        }
    }

    /// Fills in what was counted.
    pub(crate) fn tell(self, loaded: &mut Loaded) {
        loaded.counts = Fates {
            scheduled: self.scheduled.values().sum(),
            ..self.counts
        };
        loaded.own_causes = self.own_causes;
        loaded.lateness_ns = Percentiles::of(self.lateness);
        loaded.rtt_ns = Percentiles::of(self.rtt);
        loaded.process_latency_ns = Percentiles::of(self.process_latency);
        loaded.rtts = self.rtts;
    }
}
