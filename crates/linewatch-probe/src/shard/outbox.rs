//! Collects what leaves the engine, and never loses count when nobody takes it.
//!
//! A batch goes when it is full or old. One that is refused is kept and grows; when it is full and still
//! refused, its probes become one `overrun` gap per target, so that memory is bounded and no slot vanishes.
//! Not here: what is in a batch.

use std::collections::BTreeMap;

use linewatch_core::limits::{BATCH_AGE, BATCH_RECORDS, CALENDAR_ERAS};
use linewatch_core::record::{Gap, GapKind, RecordBatch};
use linewatch_core::target::TargetId;
use linewatch_core::time::{Anchor, MonoTime, WallTime};

/// Takes a batch, or gives it back when it has no room.
pub type Sink<'a> = &'a mut dyn FnMut(RecordBatch) -> Option<RecordBatch>;

/// See the module.
#[derive(Debug)]
pub(super) struct Outbox {
    pub(super) batch: RecordBatch,
    /// When the oldest thing in the batch has waited long enough, or the next try after a refusal.
    pub(super) flush_at: Option<MonoTime>,
    overrun: BTreeMap<TargetId, Gap>,
}

impl Outbox {
    pub(super) fn new(anchor: Anchor) -> Self {
        Self {
            batch: RecordBatch::new(anchor),
            flush_at: None,
            overrun: BTreeMap::new(),
        }
    }

    /// Starts the clock for what was put in since the last time.
    pub(super) fn note(&mut self, now: MonoTime, has_touched: bool) {
        if self.flush_at.is_none() && (has_touched || !self.is_empty()) {
            self.flush_at = Some(now.plus(BATCH_AGE));
        }
    }

    /// The calendar left the line it was on; this is the first look after it.
    pub(super) fn break_calendar(&mut self, seen: Anchor) {
        let breaks = &mut self.batch.calendar_breaks;
        if breaks.len() == CALENDAR_ERAS {
            breaks.remove(0);
        }
        breaks.push(seen);
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows() >= BATCH_RECORDS
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty() && self.overrun.is_empty()
    }

    /// Hands the batch, with its progress filled in, to the sink. When that refuses, the batch is kept and the
    /// error names the targets whose progress has to be told again.
    pub(super) fn flush(&mut self, anchor: Anchor, sink: Sink<'_>) -> Result<(), Vec<TargetId>> {
        self.flush_at = None;
        self.batch
            .gaps
            .extend(std::mem::take(&mut self.overrun).into_values());
        self.batch.anchor = anchor;
        self.batch.flushed_at = anchor.mono;
        if self.batch.is_empty() {
            return Ok(());
        }
        let Some(refused) = sink(std::mem::replace(&mut self.batch, RecordBatch::new(anchor))) else {
            return Ok(());
        };
        self.batch = refused;
        self.flush_at = Some(anchor.mono.plus(BATCH_AGE));
        let touched = self
            .batch
            .progress
            .drain(..)
            .map(|progress| progress.target)
            .collect();
        if self.is_full() {
            self.give_up(anchor);
        }
        Err(touched)
    }

    fn rows(&self) -> usize {
        self.batch.records.len() + self.batch.strays.len() + self.batch.gaps.len()
    }

    /// Turns everything in the batch into gaps. Strays go uncounted: they are beside the law.
    fn give_up(&mut self, anchor: Anchor) {
        let batch = std::mem::replace(&mut self.batch, RecordBatch::new(anchor));
        self.batch.clock_step_ns = batch.clock_step_ns;
        self.batch.calendar_breaks = batch.calendar_breaks;
        for record in &batch.records {
            let at = batch.anchor.wall_at(record.due_at);
            self.swallow(record.target, record.seq, 1, (at, at));
        }
        for gap in &batch.gaps {
            self.swallow(gap.target, gap.first_seq, gap.slots, (gap.from, gap.to));
        }
    }

    fn swallow(&mut self, target: TargetId, first_seq: u64, slots: u64, (from, to): (WallTime, WallTime)) {
        let kind = GapKind::Overrun;
        let gap = self.overrun.entry(target).or_insert(Gap {
            target,
            kind,
            from,
            to,
            first_seq,
            slots: 0,
        });
        gap.from = gap.from.min(from);
        gap.to = gap.to.max(to);
        gap.first_seq = gap.first_seq.min(first_seq);
        gap.slots += slots;
    }
}
