//! Puts a sample into a row of `recent` and reads it back; reads the unsealed rest of `recent` and `hot`.

use std::collections::HashMap;

use linewatch_core::target::TargetId;
use linewatch_core::time::{Rtt, WallTime};
use rusqlite::{Connection, OptionalExtension, Statement, params};

use crate::hot;
use crate::row::{
    Row, cause_from_text, cause_text, class_from_letter, outcome_from_word, stray_from_word, stray_word,
};
use crate::sqlite::stage::PULSE_ID;
use crate::sqlite::write::meta_number;

/// The statement for [`insert_recent`].
pub(crate) const INSERT_RECENT: &str = "INSERT INTO recent (id, at_ns, target, run, seq, outcome, rtt_ns, host_rtt_ns, \
     lateness_ns, class, cause, is_reordered, stray) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";

/// The columns [`read_recent`] reads, in its order.
pub(crate) const RECENT_COLUMNS: &str = "id, at_ns, target, run, seq, outcome, rtt_ns, host_rtt_ns, lateness_ns, class, cause, is_reordered, stray";

/// SQLite's integers are signed: numbers of ours above 2^63 (there are none in 292 years of nanoseconds) saturate.
pub(crate) fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The opposite of [`to_sql`]; a negative number, which we never wrote, is 0.
pub(crate) fn from_sql(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Writes one row.
pub(crate) fn insert_recent(
    insert: &mut Statement<'_>,
    id: i64,
    run: u64,
    row: &Row,
) -> rusqlite::Result<()> {
    insert.execute(params![
        id,
        row.at.as_nanos(),
        row.target.0,
        to_sql(run),
        to_sql(row.seq),
        row.outcome.word(),
        row.rtt.map(|rtt| to_sql(rtt.as_nanos())),
        row.host_rtt.map(|rtt| to_sql(rtt.as_nanos())),
        to_sql(row.lateness_ns),
        row.class.letter(),
        cause_text(row.cause),
        row.is_reordered,
        row.stray.map(stray_word),
    ])?;
    Ok(())
}

/// One row as read: its id, its run, and the sample; `None` for words that are none of ours (a person's edit).
pub(crate) fn read_recent(row: &rusqlite::Row<'_>) -> rusqlite::Result<(i64, u64, Option<Row>)> {
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
    let mut unreadable = 0;
    let sql = format!(
        "SELECT {RECENT_COLUMNS} FROM recent WHERE id >= ?1 AND (?2 IS NULL OR target = ?2) ORDER BY id"
    );
    let mut recent = connection.prepare_cached(&sql)?;
    let mut rows = recent.query(params![sealed_below, only.map(|target| target.0)])?;
    while let Some(row) = rows.next()? {
        match read_recent(row)? {
            (id, run, Some(row)) if id > marks.of(connection, row.target, run)? => visit(id, run, row),
            (_, _, Some(_)) => {}
            (_, _, None) => unreadable += 1,
        }
    }
    let mut batches = connection
        .prepare_cached("SELECT id, run, samples, batch FROM hot WHERE id >= ?1 AND id < ?2 ORDER BY id")?;
    let mut rows = batches.query([sealed_below, PULSE_ID])?;
    while let Some(row) = rows.next()? {
        let (id, run): (i64, i64) = (row.get(0)?, row.get(1)?);
        let Ok(samples) = hot::unpack(row.get_ref(3)?.as_blob()?) else {
            unreadable += from_sql(row.get(2)?);
            continue;
        };
        for sample in samples {
            let is_wanted = only.is_none_or(|target| target == sample.target);
            if is_wanted && id > marks.of(connection, sample.target, from_sql(run))? {
                visit(id, from_sql(run), sample);
            }
        }
    }
    Ok(unreadable)
}
