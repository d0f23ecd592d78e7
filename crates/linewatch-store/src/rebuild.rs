//! Makes the rollups of earlier runs whole: after a crash, and of a database older than rollups.
//!
//! Input: the samples of those runs. Every bucket whose rows do not count all its samples is written anew, minutes
//! from samples and coarser tiers from minutes; what is right stays as it is. Seconds are not made again: where
//! they are missing, a series is read from the samples.

use std::collections::BTreeMap;

use linewatch_core::rollup::{Buckets, Neighbours, Resolution, Rollup};
use linewatch_core::target::TargetId;
use linewatch_core::time::WallTime;
use rusqlite::{Connection, params};

use crate::block;
use crate::open::add_row;
use crate::row::Row;
use crate::seal::Unsealed;
use crate::sqlite::rollups::{RollupKey, delete_bucket, insert, visit};
use crate::sqlite::rows::from_sql;

const END: WallTime = WallTime::from_nanos(i64::MAX);

/// Makes every bucket that begins at or after `since` whole, of runs before `run`. Ids are given from `next_id`; the
/// next one after those.
///
/// # Errors
///
/// SQLite's; the caller's transaction is then to be given up.
pub(crate) fn rebuild(
    connection: &Connection,
    unsealed: &Unsealed,
    run: u64,
    since: WallTime,
    next_id: i64,
) -> rusqlite::Result<i64> {
    let since = Resolution::Hour.floor(since);
    let mut statement = connection.prepare("SELECT id FROM targets ORDER BY id")?;
    let targets: Vec<u32> = statement
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut maker = Maker {
        connection,
        since,
        next_id,
    };
    for target in targets.into_iter().map(TargetId) {
        maker.minutes(target, unsealed, run)?;
        for finer in [Resolution::Minute, Resolution::TenMinutes] {
            maker.coarser(target, finer, run)?;
        }
    }
    Ok(maker.next_id)
}

struct Maker<'a> {
    connection: &'a Connection,
    since: WallTime,
    next_id: i64,
}

/// One run of a series being folded.
struct Fold {
    neighbours: Neighbours,
    minutes: Buckets,
}

impl Maker<'_> {
    fn minutes(&mut self, target: TargetId, unsealed: &Unsealed, run: u64) -> rusqlite::Result<()> {
        let mut folds = BTreeMap::<u64, Fold>::new();
        let mut blocks = self.connection.prepare_cached(
            "SELECT run, block FROM samples WHERE target = ?1 AND to_ns >= ?2 AND run < ?3 ORDER BY run, from_ns",
        )?;
        let span = params![target.0, self.since.as_nanos(), run as i64];
        let mut rows = blocks.query(span)?;
        while let Some(row) = rows.next()? {
            // A block that cannot be read is named where samples are read; here its span stays as it is.
            if let Ok(samples) = block::unpack(row.get_ref(1)?.as_blob()?, target) {
                let of = from_sql(row.get(0)?);
                let fold = folds.entry(of).or_insert_with(Fold::new);
                fold.add(&samples);
                // Blocks come by time: what is an hour older than this one is over. Memory stays that of an hour.
                let newest = samples.iter().map(|row| row.at).max().unwrap_or(self.since);
                let over = fold
                    .minutes
                    .take_before(Resolution::Hour.floor(newest).minus(Resolution::Hour.length()));
                for (from, rollup) in over {
                    self.settle((Resolution::Minute, target), of, from, &rollup)?;
                }
            }
        }
        for (of, rows) in unsealed.of(target).filter(|(of, _)| *of < run) {
            folds.entry(of).or_insert_with(Fold::new).add(&rows);
        }
        for (of, mut fold) in folds {
            for (from, rollup) in fold.minutes.take_before(END) {
                self.settle((Resolution::Minute, target), of, from, &rollup)?;
            }
        }
        Ok(())
    }

    fn coarser(&mut self, target: TargetId, finer: Resolution, run: u64) -> rusqlite::Result<()> {
        let Some(resolution) = finer.coarser() else {
            return Ok(());
        };
        let mut merged = BTreeMap::<(u64, WallTime), Rollup>::new();
        visit(
            self.connection,
            finer,
            target,
            (self.since, END),
            |of, from, rollup| {
                let key = (from_sql(of), resolution.floor(from));
                if key.0 < run {
                    merged.entry(key).or_default().merge(rollup);
                }
            },
        )?;
        for ((of, from), rollup) in merged {
            self.settle((resolution, target), of, from, &rollup)?;
        }
        Ok(())
    }

    /// Writes a bucket anew unless its rows already say the same.
    fn settle(
        &mut self,
        (resolution, target): (Resolution, TargetId),
        run: u64,
        from: WallTime,
        rollup: &Rollup,
    ) -> rusqlite::Result<()> {
        if from < self.since {
            return Ok(());
        }
        let mut found = Rollup::default();
        let bucket = (from, from.plus(resolution.length()));
        visit(self.connection, resolution, target, bucket, |of, _, row| {
            if from_sql(of) == run {
                found.merge(row);
            }
        })?;
        // Sums of sealed samples are those of microseconds: what counts the same samples is the same. What counts more
        // is of samples that are gone (there was no room for them) or of finer rows that are too old.
        if found.counts().scheduled >= rollup.counts().scheduled && found.rtt_count() >= rollup.rtt_count() {
            return Ok(());
        }
        delete_bucket(self.connection, (resolution, target), run as i64, from)?;
        let key = RollupKey {
            resolution,
            target,
            from,
            run,
            id: self.next_id,
        };
        self.next_id += 1;
        insert(self.connection, key, rollup)
    }
}

impl Fold {
    fn new() -> Self {
        Self {
            neighbours: Neighbours::default(),
            minutes: Buckets::new(Resolution::Minute.length()),
        }
    }

    fn add(&mut self, rows: &[Row]) {
        for row in rows {
            add_row(&mut self.neighbours, row, [Some(&mut self.minutes)]);
        }
    }
}
