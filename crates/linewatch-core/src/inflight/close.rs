//! Ends probes: by an answer, by silence, by us. Exactly one record each; what comes afterwards is a stray.

use super::decide::{Judgement, Timing};
use super::ring::{Entry, Fate};
use super::{Handle, InFlight, delay};
use crate::record::{Cause, GapKind, Outcome, ProbeRecord, RecordBatch, Stray, StrayKind};
use crate::time::MonoTime;

impl InFlight {
    pub(super) fn expire_flow(&mut self, index: u32, drained_at: MonoTime, batch: &mut RecordBatch) {
        let Some(Some(flow)) = self.flows.get(index as usize) else {
            return;
        };
        let (handle, uniform_from, end) = (flow.handle, flow.uniform_from, flow.end_seq);
        let (mut from, mut oldest_open) = (flow.oldest_open, end);
        let mut earliest: Option<MonoTime> = None;
        while let Some((seq, entry)) = self.next_open(handle, from) {
            from = seq + 1;
            let deadline = entry.deadline();
            if deadline <= drained_at {
                let (outcome, cause) = self.verdict_of_silence(&entry);
                self.close(handle, seq, outcome, cause, batch);
                continue;
            }
            oldest_open = oldest_open.min(seq);
            earliest = Some(earliest.map_or(deadline, |earliest| earliest.min(deadline)));
            if seq >= uniform_from {
                break;
            }
        }
        if let Some(at) = earliest {
            self.deadlines.set(index, at);
        }
        if let Some(flow) = self.flow_mut(handle) {
            flow.oldest_open = oldest_open;
        }
    }

    pub(super) fn next_open(&self, handle: Handle, from: u64) -> Option<(u64, Entry)> {
        let flow = self.flow(handle)?;
        let seq = flow.next_open(from)?;
        Some((seq, *flow.ring.get(seq)?))
    }

    /// Lost, or unmeasured when an answer may have come unseen.
    pub(super) fn verdict_of_silence(&self, entry: &Entry) -> (Outcome, Cause) {
        match self.doubt.filter(|doubt| entry.sent_at <= doubt.at) {
            Some(doubt) => (Outcome::Unmeasured, Cause::Gap(doubt.kind)),
            None => (Outcome::Lost, Cause::None),
        }
    }

    /// Takes an answer to a probe that may be open or closed, here or forgotten.
    pub(super) fn answered(
        &mut self,
        handle: Handle,
        seq: u64,
        outcome: Outcome,
        judgement: Option<Judgement>,
        at: MonoTime,
        batch: &mut RecordBatch,
    ) {
        let fate = self.entry(handle, seq).map_or(Fate::Vacant, |entry| entry.fate());
        match (fate, judgement.map(|judgement| (judgement, judgement.timing))) {
            (Fate::Open, Some((judgement, Timing::InTime))) => {
                self.close_answered(handle, seq, outcome, judgement, batch);
            }
            (Fate::Open, Some((_, Timing::TooLate))) => {
                // The stamps say so, though nobody has expired it yet.
                self.close(handle, seq, Outcome::Lost, Cause::None, batch);
                self.stray(handle, seq, StrayKind::Late, at, batch);
            }
            (Fate::Open, Some((_, Timing::Unknown))) => {
                let kind = self.doubt.map_or(GapKind::Stalled, |doubt| doubt.kind);
                self.close(handle, seq, Outcome::Unmeasured, Cause::Gap(kind), batch);
                self.set_answered(handle, seq);
            }
            (Fate::Unanswered, _) => self.stray(handle, seq, StrayKind::Late, at, batch),
            (Fate::Answered | Fate::Open, _) => self.stray(handle, seq, StrayKind::Duplicate, at, batch),
            (Fate::Vacant, _) => self.on_forgotten(handle, seq, at, batch),
        }
    }

    pub(super) fn set_answered(&mut self, handle: Handle, seq: u64) {
        if let Some(entry) = self.flow_mut(handle).and_then(|flow| flow.ring.get_mut(seq)) {
            entry.set_fate(Fate::Answered);
        }
    }

    pub(super) fn on_forgotten(&mut self, handle: Handle, seq: u64, at: MonoTime, batch: &mut RecordBatch) {
        let Some(target) = self.flow(handle).map(|flow| flow.target) else {
            return;
        };
        // Failures are remembered for long, so the others were answered.
        let stray = match self.forgotten.take((handle.0, seq as u32)) {
            Some(sent_at) => Stray {
                target,
                seq,
                kind: StrayKind::Late,
                sent_at,
                delay: Some(delay(sent_at, at)),
            },
            None => Stray {
                target,
                seq,
                kind: StrayKind::Duplicate,
                sent_at: at,
                delay: None,
            },
        };
        batch.strays.push(stray);
    }

    /// An answer beside the record of a probe that is still in the ring.
    pub(super) fn stray(
        &mut self,
        handle: Handle,
        seq: u64,
        kind: StrayKind,
        at: MonoTime,
        batch: &mut RecordBatch,
    ) {
        let Some(flow) = self.flow_mut(handle) else { return };
        let target = flow.target;
        let Some(entry) = flow.ring.get_mut(seq) else {
            return;
        };
        entry.set_fate(Fate::Answered);
        let delay = Some(delay(entry.sent_at, at));
        batch.strays.push(Stray {
            target,
            seq,
            kind,
            sent_at: entry.sent_at,
            delay,
        });
    }

    pub(super) fn forged(&mut self, handle: Handle, at: MonoTime, batch: &mut RecordBatch) {
        let Some(flow) = self.flow(handle) else { return };
        batch.strays.push(Stray {
            target: flow.target,
            seq: 0,
            kind: StrayKind::Forged,
            sent_at: at,
            delay: None,
        });
    }

    pub(super) fn close_answered(
        &mut self,
        handle: Handle,
        seq: u64,
        outcome: Outcome,
        judgement: Judgement,
        batch: &mut RecordBatch,
    ) {
        let Some(flow) = self.flow_mut(handle) else { return };
        let is_reordered = seq < flow.newest_answered;
        flow.newest_answered = flow.newest_answered.max(seq + 1);
        let Some(mut record) = self.settle(handle, seq, Fate::Answered) else {
            return;
        };
        record.outcome = outcome;
        record.rtt = Some(judgement.rtt);
        record.host_rtt = Some(judgement.host_rtt);
        record.class = judgement.class;
        record.is_reordered = is_reordered;
        batch.records.push(record);
    }

    /// Ends an open probe without an answer; any other is left alone.
    pub(super) fn close(
        &mut self,
        handle: Handle,
        seq: u64,
        outcome: Outcome,
        cause: Cause,
        batch: &mut RecordBatch,
    ) {
        let Some(mut record) = self.settle(handle, seq, Fate::Unanswered) else {
            return;
        };
        record.outcome = outcome;
        record.cause = cause;
        if outcome == Outcome::Unsent {
            record.sent_at = record.due_at;
        }
        batch.records.push(record);
    }

    /// Takes an open probe out of flight: the one place where that happens.
    pub(super) fn settle(&mut self, handle: Handle, seq: u64, fate: Fate) -> Option<ProbeRecord> {
        let flow = self.flow_mut(handle)?;
        let (target, class) = (flow.target, flow.class);
        let entry = flow
            .ring
            .get_mut(seq)
            .filter(|entry| entry.fate() == Fate::Open)?;
        entry.set_fate(fate);
        let (due_at, sent_at) = (entry.due_at, entry.sent_at);
        flow.open -= 1;
        self.open -= 1;
        self.touch(handle.index());
        Some(ProbeRecord {
            target,
            seq,
            due_at,
            sent_at,
            outcome: Outcome::Lost,
            rtt: None,
            host_rtt: None,
            class,
            cause: Cause::None,
            is_reordered: false,
        })
    }
}
