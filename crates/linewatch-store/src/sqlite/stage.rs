//! Puts the samples of a flush where they belong, and says in the same page which flush it was.
//!
//! A row each, every second, wrote five pages a commit; a batch each is one row in the newest page, which is the only one
//! that most commits write. The surprising rule: the last row of `recent_batches` carries the [`Pulse`], so that a commit
//! needs no page of `meta` either. Nothing is ever put behind that row but the next one: only so pages are filled.

use linewatch_core::time::WallTime;
use rusqlite::{Connection, OptionalExtension, params};

use crate::hot;
use crate::pending::Pending;
use crate::recent;
use crate::sqlite::rows::{from_sql, to_sql};
use crate::sqlite::write::{ALIVE_NS, FLUSHES, NEXT_ROW, meta_number, set_meta};

/// In schema 4, the id of the pulse: a row of `hot` behind all batches.
pub(crate) const PULSE_ID: i64 = i64::MAX;

/// Where the samples of a flush go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// There is room for what they sum up to only.
    Nowhere,
    /// To `recent`.
    Recent,
    /// To `hot`: too many to be spelled.
    Hot,
}

/// What the newest commit of a run was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pulse {
    /// Commits of all runs so far.
    pub(crate) flushes: u64,
    /// The id of the next sample.
    pub(crate) next_row: i64,
    /// When it was.
    pub(crate) alive_at: WallTime,
}

/// Writes the samples of a flush, and what the commit is.
pub(crate) fn put_samples(
    connection: &Connection,
    (run, first_row): (u64, i64),
    pending: &Pending,
    (place, pulse): (Place, &Pulse),
) -> rusqlite::Result<()> {
    match place {
        Place::Recent if !pending.rows.is_empty() => {
            return insert_recent(connection, (run, first_row), pending, pulse);
        }
        Place::Nowhere | Place::Recent => {}
        Place::Hot => insert_hot(connection, (run, first_row), pending)?,
    }
    beat(connection, run, pulse)
}

fn insert_recent(
    connection: &Connection,
    (run, first_row): (u64, i64),
    pending: &Pending,
    pulse: &Pulse,
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO recent_batches (id, run, at_ns, first_seq, samples, content, flushes, next_row, alive_ns) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    let mut id = first_row - 1;
    for rows in pending.rows.chunks(recent::BATCH_ROWS) {
        // A batch has the id of its last sample.
        id += rows.len() as i64;
        let (from, text) =
            recent::spell(rows).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        let [flushes, next_row, alive_ns] = pulse.numbers();
        insert.execute(params![
            id,
            to_sql(run),
            from.at.as_nanos(),
            from.seq,
            rows.len() as i64,
            text,
            flushes,
            next_row,
            alive_ns
        ])?;
    }
    Ok(())
}

/// Says what a commit without a batch is: in the last row, or in an empty one where that would mean to write a large
/// batch again and again.
fn beat(connection: &Connection, run: u64, pulse: &Pulse) -> rusqlite::Result<()> {
    let [flushes, next_row, alive_ns] = pulse.numbers();
    let mut update = connection.prepare_cached(
        "UPDATE recent_batches SET flushes = ?1, next_row = ?2, alive_ns = ?3 \
         WHERE id = (SELECT max(id) FROM recent_batches) AND (samples = 0 OR id >= ?2 - 1)",
    )?;
    if update.execute(params![flushes, next_row, alive_ns])? == 0 {
        // The id of the newest sample, which is in `hot`: no batch has it.
        connection
            .prepare_cached(
                "INSERT INTO recent_batches (id, run, at_ns, samples, content, flushes, next_row, alive_ns) \
                 VALUES (?3 - 1, ?1, 0, 0, '[]', ?2, ?3, ?4)",
            )?
            .execute(params![to_sql(run), flushes, next_row, alive_ns])?;
    }
    Ok(())
}

fn insert_hot(
    connection: &Connection,
    (run, first_row): (u64, i64),
    pending: &Pending,
) -> rusqlite::Result<()> {
    let mut insert =
        connection.prepare_cached("INSERT INTO hot (id, run, samples, batch) VALUES (?1, ?2, ?3, ?4)")?;
    let mut id = first_row - 1;
    for rows in pending.rows.chunks(hot::BATCH_ROWS) {
        // A batch has the id of its last sample.
        id += rows.len() as i64;
        insert.execute(params![id, to_sql(run), rows.len() as i64, hot::pack(rows)])?;
    }
    Ok(())
}

/// Which schema the database has, that an older linewatch may still be writing.
pub(crate) fn schema(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// The first schema with batches: below it `recent` is a table, and the pulse lies in `hot`.
pub(crate) const BATCHES_SINCE: i64 = 5;

/// What the newest commit of the run was that goes on or broke off; `None` before its first one.
pub(crate) fn pulse(connection: &Connection) -> rusqlite::Result<Option<Pulse>> {
    if schema(connection)? >= BATCHES_SINCE {
        let mut select = connection.prepare_cached(
            "SELECT flushes, next_row, alive_ns FROM recent_batches WHERE id = (SELECT max(id) FROM recent_batches)",
        )?;
        let numbers = select
            .query_row([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]))
            .optional()?;
        if let Some([Some(flushes), Some(next_row), Some(alive_ns)]) = numbers {
            return Ok(Some(Pulse::of([flushes, next_row, alive_ns])));
        }
    }
    pulse_of_schema_4(connection)
}

/// Of a database that has just been migrated, or still belongs to an older linewatch.
fn pulse_of_schema_4(connection: &Connection) -> rusqlite::Result<Option<Pulse>> {
    let mut select = connection.prepare_cached("SELECT batch FROM hot WHERE id = ?1")?;
    let bytes: Option<Vec<u8>> = select.query_row([PULSE_ID], |row| row.get(0)).optional()?;
    let number = |index: usize| {
        let eight = bytes.as_ref()?.get(index * 8..index * 8 + 8)?;
        Some(i64::from_le_bytes(eight.try_into().ok()?))
    };
    let numbers = [number(0), number(1), number(2)];
    Ok(match numbers {
        [Some(flushes), Some(next_row), Some(alive_ns)] => Some(Pulse::of([flushes, next_row, alive_ns])),
        _ => None,
    })
}

/// Commits of all runs so far.
pub(crate) fn flushes(connection: &Connection) -> rusqlite::Result<u64> {
    match pulse(connection)? {
        Some(pulse) => Ok(pulse.flushes),
        None => Ok(from_sql(meta_number(connection, FLUSHES)?.unwrap_or(0))),
    }
}

/// Moves the pulse to `meta`, where that of a run stays that is over.
pub(crate) fn settle_pulse(connection: &Connection) -> rusqlite::Result<()> {
    if let Some(pulse) = pulse(connection)? {
        pulse.to_meta(connection)?;
    }
    connection.execute(
        "UPDATE recent_batches SET flushes = NULL WHERE id = (SELECT max(id) FROM recent_batches)",
        [],
    )?;
    connection.execute("DELETE FROM hot WHERE id = ?1", [PULSE_ID])?;
    Ok(())
}

impl Pulse {
    fn of([flushes, next_row, alive_ns]: [i64; 3]) -> Self {
        Self {
            flushes: from_sql(flushes),
            next_row,
            alive_at: WallTime::from_nanos(alive_ns),
        }
    }

    fn numbers(&self) -> [i64; 3] {
        [to_sql(self.flushes), self.next_row, self.alive_at.as_nanos()]
    }

    /// Writes it to `meta`.
    pub(crate) fn to_meta(self, connection: &Connection) -> rusqlite::Result<()> {
        set_meta(connection, FLUSHES, to_sql(self.flushes))?;
        set_meta(connection, NEXT_ROW, self.next_row)?;
        set_meta(connection, ALIVE_NS, self.alive_at.as_nanos())
    }
}
