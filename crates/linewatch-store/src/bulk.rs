//! Writes years of one target's history at a time, past the writer: for measuring what large histories cost.
//!
//! Input: finished probes of one series after the other, each in the order of its sequence numbers. Output: the same sealed
//! blocks and rows of the tiers that the writer makes of the same probes, as far as their retention keeps them.
//! Not here: rows of `recent`, which two hours later are gone anyway. Only with the feature `bulk`; no product has it.

use linewatch_core::event::{Event, OutageRow};
use linewatch_core::limits::BLOCK_SAMPLES;
use linewatch_core::record::{Gap, ProbeRecord};
use linewatch_core::rollup::{Buckets, Resolution, Rollup};
use linewatch_core::target::TargetId;
use linewatch_core::time::{Anchor, Rtt, WallTime};

use crate::block::pack;
use crate::error::StoreError;
use crate::row::Row;
use crate::seal::SealedBlock;
use crate::sqlite::rollups::{RollupKey, insert};
use crate::sqlite::write::{
    NEXT_ROLLUP, end_run, insert_blocks, insert_event, insert_gap, insert_outage, set_meta,
};
use crate::store::Store;

const LATEST: WallTime = WallTime::from_nanos(i64::MAX);

/// From when on history is kept; what is older was deleted long ago.
#[derive(Clone, Copy, Debug)]
pub struct KeptFrom {
    /// Samples.
    pub raw: WallTime,
    /// Minutes.
    pub minutes: WallTime,
    /// Ten minutes.
    pub ten_minutes: WallTime,
}

/// A store that is being filled.
#[derive(Debug)]
pub struct Bulk {
    store: Store,
    next_rollup: i64,
}

impl Bulk {
    /// Fills this store; its series are registered already.
    pub const fn new(store: Store) -> Self {
        let next_rollup = store.begun.next_rollup;
        Self { store, next_rollup }
    }

    /// Begins a series; its probes are dated by `anchor`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written.
    pub fn series(
        &mut self,
        target: TargetId,
        anchor: Anchor,
        kept: KeptFrom,
    ) -> Result<BulkSeries<'_>, StoreError> {
        self.store.connection.execute_batch("BEGIN IMMEDIATE")?;
        Ok(BulkSeries {
            bulk: self,
            target,
            anchor,
            kept,
            rows: Vec::new(),
            minute: (WallTime::from_nanos(i64::MIN), Rollup::default()),
            minutes: Buckets::new(Resolution::Minute.length()),
            hour_end: WallTime::from_nanos(i64::MIN),
            before: None,
        })
    }

    /// Writes what is beside the samples, in one transaction.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written.
    pub fn others(
        &mut self,
        gaps: &[Gap],
        events: &[Event],
        outages: &[OutageRow],
    ) -> Result<(), StoreError> {
        let run = self.store.begun.run;
        let transaction = self.store.connection.transaction()?;
        gaps.iter()
            .try_for_each(|gap| insert_gap(&transaction, run, gap))?;
        events
            .iter()
            .try_for_each(|event| insert_event(&transaction, event))?;
        outages
            .iter()
            .try_for_each(|outage| insert_outage(&transaction, outage))?;
        transaction.commit()?;
        Ok(())
    }

    /// Ends the run in order, at `now`, with the log moved into the database.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written.
    pub fn finish(mut self, now: WallTime) -> Result<(), StoreError> {
        set_meta(&self.store.connection, NEXT_ROLLUP, self.next_rollup)?;
        end_run(&mut self.store.connection, "filled", now)?;
        self.checkpoint()
    }

    fn checkpoint(&self) -> Result<(), StoreError> {
        let truncate = "PRAGMA wal_checkpoint(TRUNCATE)";
        Ok(self.store.connection.query_row(truncate, [], |_| Ok(()))?)
    }
}

/// One series being written: one transaction. Dropped without [`BulkSeries::finish`], nothing of it is promised.
#[derive(Debug)]
pub struct BulkSeries<'a> {
    bulk: &'a mut Bulk,
    target: TargetId,
    anchor: Anchor,
    kept: KeptFrom,
    /// Of the hour that is open, as far as they are kept.
    rows: Vec<Row>,
    /// The minute that is open. Not in `minutes`: a look-up for each probe would be most of the work.
    minute: (WallTime, Rollup),
    minutes: Buckets,
    hour_end: WallTime,
    /// Seq and RTT of the answer before.
    before: Option<(u64, Rtt)>,
}

impl BulkSeries<'_> {
    /// Takes the next probe.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written.
    pub fn add(&mut self, record: &ProbeRecord) -> Result<(), StoreError> {
        let row = Row::of_record(record, self.anchor);
        if row.at.nanos_after(self.minute.0) >= Resolution::Minute.length().as_nanos() as i64 {
            self.close_minute();
            self.minute.0 = Resolution::Minute.floor(row.at);
            if row.at >= self.hour_end {
                self.close_hour()?;
                self.hour_end = Resolution::Hour.floor(row.at).plus(Resolution::Hour.length());
            }
        }
        let minute = &mut self.minute.1;
        minute.add(row.outcome, row.rtt, row.is_reordered);
        if let (Some((seq, before)), Some(rtt)) = (self.before, row.rtt)
            && seq + 1 == row.seq
        {
            minute.add_difference(Rtt::from_nanos(rtt.as_nanos().abs_diff(before.as_nanos())));
        }
        self.before = row.rtt.map(|rtt| (row.seq, rtt));
        if row.at >= self.kept.raw {
            self.rows.push(row);
        }
        Ok(())
    }

    /// Everything was added.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be written.
    pub fn finish(mut self) -> Result<(), StoreError> {
        self.close_minute();
        self.close_hour()?;
        self.bulk.store.connection.execute_batch("COMMIT")?;
        self.bulk.checkpoint()
    }

    fn close_minute(&mut self) {
        let (from, rollup) = std::mem::take(&mut self.minute);
        if !rollup.is_empty() {
            self.minutes.merge(from, rollup);
        }
    }

    fn close_hour(&mut self) -> Result<(), StoreError> {
        self.write_blocks()?;
        let mut tier = std::mem::replace(&mut self.minutes, Buckets::new(Resolution::Minute.length()));
        let mut resolution = Some(Resolution::Minute);
        while let Some(this) = resolution {
            resolution = this.coarser();
            let mut coarser = Buckets::new(resolution.unwrap_or(this).length());
            for (from, rollup) in tier.take_before(LATEST) {
                self.write_rollup(this, from, &rollup)?;
                coarser.merge(from, rollup);
            }
            tier = coarser;
        }
        Ok(())
    }

    fn write_blocks(&mut self) -> Result<(), StoreError> {
        let mut rows = std::mem::take(&mut self.rows);
        for part in rows.chunks_mut(BLOCK_SAMPLES) {
            let packed = pack(part).map_err(|error| StoreError::Database(error.to_string()))?;
            let block = SealedBlock {
                target: self.target,
                run: self.bulk.store.begun.run,
                from: packed.from,
                to: packed.to,
                samples: part.len(),
                // No row of `recent` ever was of this series.
                last_row: 0,
                bytes: packed.bytes,
            };
            insert_blocks(&self.bulk.store.connection, &[block])?;
        }
        rows.clear();
        self.rows = rows;
        Ok(())
    }

    fn write_rollup(
        &mut self,
        resolution: Resolution,
        from: WallTime,
        rollup: &Rollup,
    ) -> Result<(), StoreError> {
        let kept = match resolution {
            Resolution::Second | Resolution::Minute => self.kept.minutes,
            Resolution::TenMinutes => self.kept.ten_minutes,
            Resolution::Hour => WallTime::from_nanos(i64::MIN),
        };
        if from < kept {
            return Ok(());
        }
        let key = RollupKey {
            resolution,
            target: self.target,
            from,
            run: self.bulk.store.begun.run,
            id: self.bulk.next_rollup,
        };
        self.bulk.next_rollup += 1;
        Ok(insert(&self.bulk.store.connection, key, rollup)?)
    }
}
