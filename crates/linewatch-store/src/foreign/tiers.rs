//! Writes rollups of other tools into the tiers, so that doing it twice changes nothing.
//!
//! Input: rollups of one series by tier and time, roughly in order. Output: rows of the minute tier and coarser, under the run of
//! that tool. Per bucket the fuller one stays: what is there, or what comes; so a source that has grown adds what is new, and one
//! that was shortened takes nothing away. Not here: what a source means (`servers`, `round_robin`).

use std::collections::BTreeMap;
use std::time::Duration;

use linewatch_core::rollup::{Buckets, Resolution, Rollup};
use linewatch_core::target::TargetId;
use linewatch_core::time::WallTime;
use rusqlite::Connection;

use crate::retain::Retention;
use crate::sqlite::rollups::{RollupKey, delete_bucket, insert, visit};
use crate::sqlite::rows::from_sql;

/// Rows may be so much out of order: more than two zones differ, and two days of minutes are 1 MB.
const DISORDER: Duration = Duration::from_secs(48 * 3600);
const EARLIEST: WallTime = WallTime::from_nanos(i64::MIN);
const LATEST: WallTime = WallTime::from_nanos(i64::MAX);

/// Where rows of the tiers go.
#[derive(Debug)]
pub(super) struct TierWriter<'a> {
    connection: &'a Connection,
    run: u64,
    next_id: i64,
    minutes_from: WallTime,
    ten_minutes_from: WallTime,
    /// Rows that were not there before.
    written: u64,
}

impl<'a> TierWriter<'a> {
    /// Rows get ids from `next_id`; what `retention` would delete at once is not written. Hours are always written.
    pub(super) fn new(
        connection: &'a Connection,
        (run, next_id): (u64, i64),
        retention: &Retention,
        now: WallTime,
    ) -> Self {
        let from = |kept: Option<Duration>| kept.map_or(EARLIEST, |kept| now.minus(kept));
        Self {
            connection,
            run,
            next_id,
            minutes_from: from(retention.minutes),
            ten_minutes_from: from(retention.ten_minutes),
            written: 0,
        }
    }

    /// Begins a series.
    pub(super) const fn series(&mut self, target: TargetId) -> SeriesTiers<'_, 'a> {
        SeriesTiers {
            writer: self,
            target,
            open: Tiers::new(),
            closed_to: EARLIEST,
            newest: EARLIEST,
        }
    }

    /// The next id, and how many rows were written.
    pub(super) const fn finish(self) -> (i64, u64) {
        (self.next_id, self.written)
    }

    const fn kept_from(&self, resolution: Resolution) -> WallTime {
        match resolution {
            Resolution::Second | Resolution::Minute => self.minutes_from,
            Resolution::TenMinutes => self.ten_minutes_from,
            Resolution::Hour => EARLIEST,
        }
    }

    /// Writes those of `new` that are fuller than what is there; all that is there then, of this hour.
    fn settle(
        &mut self,
        (resolution, target): (Resolution, TargetId),
        hour: WallTime,
        new: &BTreeMap<WallTime, Rollup>,
    ) -> rusqlite::Result<BTreeMap<WallTime, Rollup>> {
        let mut there = BTreeMap::<WallTime, Rollup>::new();
        let span = (hour, hour.plus(Resolution::Hour.length()));
        visit(self.connection, resolution, target, span, |run, from, rollup| {
            if from_sql(run) == self.run {
                there.entry(from).or_default().merge(rollup);
            }
        })?;
        for (&from, rollup) in new {
            match there.get(&from) {
                Some(known) if !is_fuller(rollup, known) => continue,
                Some(_) => {
                    delete_bucket(self.connection, (resolution, target), self.run as i64, from)?;
                }
                None => {}
            }
            if from >= self.kept_from(resolution) {
                let key = RollupKey {
                    resolution,
                    target,
                    from,
                    run: self.run,
                    id: self.next_id,
                };
                insert(self.connection, key, rollup)?;
                self.next_id += 1;
                self.written += 1;
            }
            there.insert(from, rollup.clone());
        }
        Ok(there)
    }
}

/// It counts probes or times that the other does not.
fn is_fuller(one: &Rollup, other: &Rollup) -> bool {
    let weight = |rollup: &Rollup| (rollup.counts().finished(), rollup.rtt_count());
    weight(one) > weight(other)
}

/// Buckets of the three tiers that are written.
#[derive(Debug)]
struct Tiers {
    minutes: Buckets,
    ten_minutes: Buckets,
    hours: Buckets,
}

impl Tiers {
    const fn new() -> Self {
        Self {
            minutes: Buckets::new(Resolution::Minute.length()),
            ten_minutes: Buckets::new(Resolution::TenMinutes.length()),
            hours: Buckets::new(Resolution::Hour.length()),
        }
    }

    const fn tier(&mut self, resolution: Resolution) -> &mut Buckets {
        match resolution {
            Resolution::Second | Resolution::Minute => &mut self.minutes,
            Resolution::TenMinutes => &mut self.ten_minutes,
            Resolution::Hour => &mut self.hours,
        }
    }
}

/// One series being written.
#[derive(Debug)]
pub(super) struct SeriesTiers<'w, 'a> {
    writer: &'w mut TierWriter<'a>,
    target: TargetId,
    open: Tiers,
    /// Hours before are written.
    closed_to: WallTime,
    newest: WallTime,
}

impl SeriesTiers<'_, '_> {
    /// Takes a rollup into the bucket of this tier that holds `at`, and so into the coarser ones; false if it is too much out of
    /// order to be counted.
    ///
    /// # Errors
    ///
    /// SQLite's.
    pub(super) fn add(
        &mut self,
        resolution: Resolution,
        at: WallTime,
        rollup: Rollup,
    ) -> rusqlite::Result<bool> {
        if at < self.closed_to {
            return Ok(false);
        }
        self.open.tier(resolution).merge(at, rollup);
        if at > self.newest {
            let is_next_hour = Resolution::Hour.floor(at) > Resolution::Hour.floor(self.newest);
            self.newest = at;
            if is_next_hour {
                self.close_before(Resolution::Hour.floor(at.minus(DISORDER)))?;
            }
        }
        Ok(true)
    }

    /// Everything was added.
    ///
    /// # Errors
    ///
    /// SQLite's.
    pub(super) fn finish(mut self) -> rusqlite::Result<()> {
        self.close_before(LATEST)
    }

    fn close_before(&mut self, end: WallTime) -> rusqlite::Result<()> {
        let mut hours = BTreeMap::<WallTime, Tiers>::new();
        for resolution in [Resolution::Minute, Resolution::TenMinutes, Resolution::Hour] {
            for (from, rollup) in self.open.tier(resolution).take_before(end) {
                let hour = hours
                    .entry(Resolution::Hour.floor(from))
                    .or_insert_with(Tiers::new);
                hour.tier(resolution).merge(from, rollup);
            }
        }
        self.closed_to = self.closed_to.max(end);
        hours
            .into_iter()
            .try_for_each(|(hour, new)| self.write_hour(hour, new))
    }

    /// A coarser bucket is the sum of this source's, or of all finer ones that are there, whichever is fuller: two sources of one
    /// tool may meet inside it.
    fn write_hour(&mut self, hour: WallTime, new: Tiers) -> rusqlite::Result<()> {
        let mut finer = new.minutes.into_rollups();
        let mut there = self
            .writer
            .settle((Resolution::Minute, self.target), hour, &finer)?;
        for (resolution, direct) in [
            (Resolution::TenMinutes, new.ten_minutes),
            (Resolution::Hour, new.hours),
        ] {
            let sum = |mut buckets: Buckets, finer: BTreeMap<WallTime, Rollup>| {
                for (from, rollup) in finer {
                    buckets.merge(from, rollup);
                }
                buckets.into_rollups()
            };
            let mut own = sum(direct, finer);
            for (from, all) in sum(Buckets::new(resolution.length()), there) {
                // A bucket that has nothing of this source stays as it is.
                if let Some(own) = own.get_mut(&from)
                    && is_fuller(&all, own)
                {
                    *own = all;
                }
            }
            there = self.writer.settle((resolution, self.target), hour, &own)?;
            finer = own;
        }
        Ok(())
    }
}
