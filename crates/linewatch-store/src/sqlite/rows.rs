//! Reads the unsealed rest of `recent` and `hot`.
//!
//! `recent` is batches of text; below schema 5, in the database of an older linewatch that still runs, a table.

use std::collections::HashMap;

use linewatch_core::target::TargetId;
use linewatch_core::time::{Rtt, WallTime};
use rusqlite::{Connection, OptionalExtension, params};

use crate::hot;
use crate::recent;
use crate::row::{Row, cause_from_text, class_from_letter, outcome_from_word, stray_from_word};
use crate::rows::PackedRows;
use crate::sqlite::stage::{BATCHES_SINCE, PULSE_ID, schema};
use crate::sqlite::write::meta_number;

/// The columns [`read_recent`] reads, in its order.
const RECENT_COLUMNS: &str = "id, at_ns, target, run, seq, outcome, rtt_ns, host_rtt_ns, lateness_ns, class, cause, is_reordered, stray";

/// SQLite's integers are signed: numbers of ours above 2^63 (there are none in 292 years of nanoseconds) saturate.
pub(crate) fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The opposite of [`to_sql`]; a negative number, which we never wrote, is 0.
pub(crate) fn from_sql(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// One row as read: its id, its run, and the sample; `None` for words that are none of ours (a person's edit).
fn read_recent(row: &rusqlite::Row<'_>) -> rusqlite::Result<(i64, u64, Option<Row>)> {
    let rtt = |nanos: Option<i64>| nanos.map(|nanos| Rtt::from_nanos(from_sql(nanos)));
    let (outcome, class): (String, String) = (row.get(5)?, row.get(9)?);
    let (cause, stray): (Option<String>, Option<String>) = (row.get(10)?, row.get(12)?);
    let stray = match stray.as_deref() {
        None => Some(None),
        Some(word) => stray_from_word(word).map(Some),
    };
    let words = (
        outcome_from_word(&outcome),
        class_from_letter(&class),
        cause_from_text(cause.as_deref()),
        stray,
    );
    let (Some(outcome), Some(class), Some(cause), Some(stray)) = words else {
        return Ok((row.get(0)?, from_sql(row.get(3)?), None));
    };
    let sample = Row {
        at: WallTime::from_nanos(row.get(1)?),
        target: TargetId(row.get(2)?),
        seq: from_sql(row.get(4)?),
        outcome,
        rtt: rtt(row.get(6)?),
        host_rtt: rtt(row.get(7)?),
        lateness_ns: from_sql(row.get(8)?),
        class,
        cause,
        is_reordered: row.get(11)?,
        stray,
    };
    Ok((row.get(0)?, from_sql(row.get(3)?), Some(sample)))
}

/// Up to which row id each series is in blocks; asked once per series, then remembered.
#[derive(Debug, Default)]
pub(crate) struct Watermarks {
    known: HashMap<(TargetId, u64), i64>,
}

impl Watermarks {
    /// The last row id of this series that is in a block; 0 when there is none.
    pub(crate) fn of(
        &mut self,
        connection: &Connection,
        target: TargetId,
        run: u64,
    ) -> rusqlite::Result<i64> {
        if let Some(row) = self.known.get(&(target, run)) {
            return Ok(*row);
        }
        let mut statement =
            connection.prepare_cached("SELECT max(last_row) FROM samples WHERE target = ?1 AND run = ?2")?;
        let row: Option<i64> = statement
            .query_row(params![target.0, to_sql(run)], |row| row.get(0))
            .optional()?
            .flatten();
        self.known.insert((target, run), row.unwrap_or(0));
        Ok(row.unwrap_or(0))
    }
}

/// Gives `visit` every row of `recent` and `hot` that is in no block: row id, run, row. Of one series only, if
/// asked. Returns how many rows could not be read.
pub(crate) fn visit_unsealed(
    connection: &Connection,
    only: Option<TargetId>,
    mut visit: impl FnMut(i64, u64, Row),
) -> rusqlite::Result<u64> {
    let mut marks = Watermarks::default();
    // Most of `recent` is in blocks already: skipped unread.
    let sealed_below = meta_number(connection, "sealed_below")?.unwrap_or(0);
    let mut add = |id: i64, run: u64, row: Row| {
        if only.is_none_or(|target| target == row.target) && id > marks.of(connection, row.target, run)? {
            visit(id, run, row);
        }
        Ok(())
    };
    let recent = if schema(connection)? >= BATCHES_SINCE {
        visit_batches(connection, sealed_below, &mut add)?
    } else {
        visit_table(connection, sealed_below, only, &mut add)?
    };
    Ok(recent + visit_hot(connection, sealed_below, &mut add)?)
}

/// Where the samples of one series are that are in no block yet.
#[derive(Debug)]
pub(crate) enum Rest {
    /// At hand, by run.
    Held(Vec<(u64, PackedRows)>),
    /// Among those of all series: every one of them is unpacked for it, a tenth of a second at 10,000 targets.
    Stored,
}

impl Rest {
    /// Gives `visit` these samples of `target` with their run, as they came.
    pub(crate) fn visit(
        &self,
        connection: &Connection,
        target: TargetId,
        mut visit: impl FnMut(u64, &[Row]),
    ) -> rusqlite::Result<()> {
        match self {
            Self::Held(runs) => {
                for (run, rows) in runs {
                    // What this very process packed can be unpacked.
                    visit(*run, &rows.unpack(target).unwrap_or_default());
                }
            }
            Self::Stored => {
                // Rows that cannot be read were told when the writer read them back.
                visit_unsealed(connection, Some(target), |_, run, row| visit(run, &[row]))?;
            }
        }
        Ok(())
    }
}

type Add<'a> = dyn FnMut(i64, u64, Row) -> rusqlite::Result<()> + 'a;

fn visit_batches(connection: &Connection, from: i64, add: &mut Add<'_>) -> rusqlite::Result<u64> {
    let mut unreadable = 0;
    // Schema 5 had whole numbers.
    let first_seq = if schema(connection)? > BATCHES_SINCE {
        "first_seq"
    } else {
        "0"
    };
    let mut select = connection.prepare_cached(&format!(
        "SELECT id, run, samples, at_ns, content, {first_seq} FROM recent_batches WHERE id >= ?1 AND samples > 0 ORDER BY id"
    ))?;
    let mut batches = select.query([from])?;
    while let Some(batch) = batches.next()? {
        let (id, run): (i64, i64) = (batch.get(0)?, batch.get(1)?);
        let from = recent::From {
            at: WallTime::from_nanos(batch.get(3)?),
            seq: batch.get(5)?,
        };
        let text = batch.get_ref(4)?.as_str().ok();
        let Some(rows) = text.and_then(|text| recent::read(from, text).ok()) else {
            unreadable += from_sql(batch.get(2)?);
            continue;
        };
        for row in rows {
            match row {
                Some(row) => add(id, from_sql(run), row)?,
                None => unreadable += 1,
            }
        }
    }
    Ok(unreadable)
}

fn visit_table(
    connection: &Connection,
    from: i64,
    only: Option<TargetId>,
    add: &mut Add<'_>,
) -> rusqlite::Result<u64> {
    let mut unreadable = 0;
    let sql = format!(
        "SELECT {RECENT_COLUMNS} FROM recent WHERE id >= ?1 AND (?2 IS NULL OR target = ?2) ORDER BY id"
    );
    let mut recent = connection.prepare_cached(&sql)?;
    let mut rows = recent.query(params![from, only.map(|target| target.0)])?;
    while let Some(row) = rows.next()? {
        match read_recent(row)? {
            (id, run, Some(row)) => add(id, run, row)?,
            (_, _, None) => unreadable += 1,
        }
    }
    Ok(unreadable)
}

fn visit_hot(connection: &Connection, from: i64, add: &mut Add<'_>) -> rusqlite::Result<u64> {
    let mut unreadable = 0;
    let mut select = connection
        .prepare_cached("SELECT id, run, samples, batch FROM hot WHERE id >= ?1 AND id < ?2 ORDER BY id")?;
    let mut batches = select.query([from, PULSE_ID])?;
    while let Some(batch) = batches.next()? {
        let (id, run): (i64, i64) = (batch.get(0)?, batch.get(1)?);
        let Ok(rows) = hot::unpack(batch.get_ref(3)?.as_blob()?) else {
            unreadable += from_sql(batch.get(2)?);
            continue;
        };
        rows.into_iter().try_for_each(|row| add(id, from_sql(run), row))?;
    }
    Ok(unreadable)
}
