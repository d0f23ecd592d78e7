//! Holds what has not been committed yet, in bounded memory, and turns what does not fit into gaps.
//!
//! Nothing here blocks or is lost without a word: a batch that finds no room becomes one [`Gap`] of kind
//! `overrun` per series, and a row of any other kind waits beside the queue. Not here: SQL (`sqlite::write`).

use std::collections::BTreeMap;
use std::sync::Arc;

use linewatch_core::event::{Event, LogRow, OutageRow};
use linewatch_core::record::{Gap, GapKind, RecordBatch};
use linewatch_core::target::{GradeLimits, ProbePlan, TargetId};

use crate::letter::Told;
use crate::row::Row;

/// Samples that wait for a disk that does not answer: 600,000 of 80 B are 48 MB, ten minutes at 1,000/s.
const PENDING_ROWS: usize = 600_000;
/// Other rows that wait: 20,000 of some 300 B are 6 MB.
const PENDING_OTHERS: usize = 20_000;

/// What the tables say of a series beside its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Which series.
    pub target: TargetId,
    /// ISO code, `LAN` or `ANY`.
    pub country: String,
    /// Free text.
    pub partner: String,
    /// The host as the operator wrote it: a name, where it is one.
    pub host: String,
    /// By which its averages are judged.
    pub grades: GradeLimits,
}

/// Something to be stored.
#[derive(Clone, Debug)]
pub enum StoreMessage {
    /// Finished probes, strays and gaps.
    Batch(Arc<RecordBatch>),
    /// An event; replaces the one with its id.
    Event(Event),
    /// An outage; replaces the one with its id.
    Outage(OutageRow),
    /// A gap made outside the engine.
    Gap(Gap),
    /// A log line.
    Log(LogRow),
    /// Which series are being measured from now on, and how: a crash or a stop leaves a gap in each of these, and
    /// their buckets are over when their time-out is.
    Active(Vec<(TargetId, ProbePlan)>),
    /// How the series are to be described from now on; those that are not named stay as they are.
    Described(Vec<Description>),
    /// Something is to be told to somebody; what the rules remember from then on comes with it.
    Told(Box<Told>),
}

/// What waits for the next commit.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub(crate) rows: Vec<Row>,
    pub(crate) events: Vec<Event>,
    pub(crate) outages: Vec<OutageRow>,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) logs: Vec<LogRow>,
    pub(crate) active: Option<Vec<TargetId>>,
    pub(crate) described: Option<Vec<Description>>,
    pub(crate) told: Vec<Told>,
}

impl Pending {
    /// Nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.others() == 0 && self.active.is_none() && self.described.is_none()
    }

    /// Takes a message if there is room, else hands it back.
    pub(crate) fn accept(&mut self, message: StoreMessage) -> Result<(), StoreMessage> {
        let has_room = match &message {
            StoreMessage::Batch(batch) => {
                self.rows.len() + batch.records.len() + batch.strays.len() <= PENDING_ROWS
                    && self.others() + batch.gaps.len() <= PENDING_OTHERS
            }
            StoreMessage::Active(_) | StoreMessage::Described(_) => true,
            _ => self.others() < PENDING_OTHERS,
        };
        if !has_room {
            return Err(message);
        }
        match message {
            StoreMessage::Batch(batch) => {
                self.rows.extend(Row::of_batch(&batch));
                self.gaps.extend_from_slice(&batch.gaps);
            }
            StoreMessage::Event(event) => self.events.push(event),
            StoreMessage::Outage(outage) => self.outages.push(outage),
            StoreMessage::Gap(gap) => self.gaps.push(gap),
            StoreMessage::Log(log) => self.logs.push(log),
            StoreMessage::Active(active) => {
                self.active = Some(active.into_iter().map(|(target, _)| target).collect());
            }
            StoreMessage::Described(described) => self.described = Some(described),
            StoreMessage::Told(told) => self.told.push(*told),
        }
        Ok(())
    }

    /// Samples have little room left: should they still not go to the disk, they must go elsewhere.
    pub(crate) fn is_nearly_full(&self) -> bool {
        self.rows.len() > PENDING_ROWS / 16 * 15
    }

    /// Puts `newer` behind what is here.
    pub(crate) fn append(&mut self, newer: Self) {
        self.rows.extend(newer.rows);
        self.events.extend(newer.events);
        self.outages.extend(newer.outages);
        self.gaps.extend(newer.gaps);
        self.logs.extend(newer.logs);
        self.active = newer.active.or(self.active.take());
        self.described = newer.described.or(self.described.take());
        self.told.extend(newer.told);
    }

    fn others(&self) -> usize {
        self.events.len() + self.outages.len() + self.gaps.len() + self.logs.len() + self.told.len()
    }
}

/// What did not fit: gaps by series, and rows that must not become gaps.
#[derive(Debug, Default)]
pub(crate) struct Overrun {
    gaps: BTreeMap<TargetId, Gap>,
    others: Vec<StoreMessage>,
}

impl Overrun {
    /// Books a message that found no room; how many rows are lost with it.
    pub(crate) fn book(&mut self, message: StoreMessage) -> u64 {
        match message {
            StoreMessage::Batch(batch) => self.book_batch(&batch),
            other if self.others.len() < PENDING_OTHERS => {
                self.others.push(other);
                0
            }
            _ => 1,
        }
    }

    fn book_batch(&mut self, batch: &RecordBatch) -> u64 {
        for row in Row::of_batch(batch).filter(|row| row.stray.is_none()) {
            let gap = self.gaps.entry(row.target).or_insert(Gap {
                target: row.target,
                kind: GapKind::Overrun,
                from: row.at,
                to: row.at,
                first_seq: row.seq,
                slots: 0,
            });
            gap.from = gap.from.min(row.at);
            gap.to = gap.to.max(row.at);
            gap.first_seq = gap.first_seq.min(row.seq);
            gap.slots += 1;
        }
        let room = PENDING_OTHERS.saturating_sub(self.others.len());
        let kept = batch.gaps.iter().take(room).map(|gap| StoreMessage::Gap(*gap));
        self.others.extend(kept);
        (batch.records.len() + batch.strays.len() + batch.gaps.len().saturating_sub(room)) as u64
    }

    /// Rows wait here: newer ones must wait behind them, or an event that ended could be told to go on again.
    pub(crate) fn has_others(&self) -> bool {
        !self.others.is_empty()
    }

    /// Moves what is booked to where it is written from; what finds no room there stays booked. The rows are newer
    /// than any in the queue, so they only follow when that is empty.
    pub(crate) fn drain_into(&mut self, pending: &mut Pending, is_queue_empty: bool) {
        while let Some((target, gap)) = self.gaps.pop_first() {
            if pending.accept(StoreMessage::Gap(gap)).is_err() {
                self.gaps.insert(target, gap);
                break;
            }
        }
        if !is_queue_empty {
            return;
        }
        let mut others = std::mem::take(&mut self.others).into_iter();
        for message in others.by_ref() {
            if let Err(back) = pending.accept(message) {
                self.others.push(back);
                break;
            }
        }
        self.others.extend(others);
    }
}

#[cfg(test)]
mod tests {
    use linewatch_core::record::{Cause, Class, Outcome, ProbeRecord};
    use linewatch_core::time::{Anchor, MonoTime, WallTime};

    use super::*;

    fn batch(first_seq: u64, count: usize) -> Arc<RecordBatch> {
        let anchor = Anchor {
            mono: MonoTime::ZERO,
            wall: WallTime::from_nanos(1_000),
        };
        let mut batch = RecordBatch::new(anchor);
        batch.records = (first_seq..).take(count).map(record).collect();
        Arc::new(batch)
    }

    fn record(seq: u64) -> ProbeRecord {
        ProbeRecord {
            target: TargetId(1),
            seq,
            due_at: MonoTime::from_nanos(seq),
            sent_at: MonoTime::from_nanos(seq),
            outcome: Outcome::Lost,
            rtt: None,
            host_rtt: None,
            class: Class::K,
            cause: Cause::None,
            is_reordered: false,
        }
    }

    #[test]
    fn what_finds_no_room_becomes_one_gap_with_every_slot_counted() {
        let (mut pending, mut overrun) = (Pending::default(), Overrun::default());
        let mut lost = 0;
        for number in 0..4 {
            let message = StoreMessage::Batch(batch(number * 200_000, 200_000));
            if let Err(back) = pending.accept(message) {
                lost += overrun.book(back);
            }
        }
        overrun.drain_into(&mut pending, true);
        let gap = pending.gaps[0];
        assert_eq!((pending.rows.len(), lost), (PENDING_ROWS, 200_000));
        assert_eq!(
            (gap.kind, gap.first_seq, gap.slots),
            (GapKind::Overrun, 600_000, 200_000)
        );
        assert_eq!((gap.from.as_nanos(), gap.to.as_nanos()), (601_000, 800_999));
    }
}
