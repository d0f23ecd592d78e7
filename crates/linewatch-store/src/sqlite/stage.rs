//! Puts the samples of a flush where they belong, and says in the same page which flush it was.
//!
//! A row each, every second, wrote five pages a commit; a batch each is one row in the newest page, which is the only one
//! that most commits write. The surprising rule: the last row of `recent_batches` is no batch but the [`Pulse`], so that
//! a commit needs no page of `meta` either.

use linewatch_core::time::WallTime;
use rusqlite::{Connection, OptionalExtension, params};

use crate::hot;
use crate::pending::Pending;
use crate::recent;
use crate::sqlite::rows::{from_sql, to_sql};
use crate::sqlite::write::{ALIVE_NS, FLUSHES, NEXT_ROW, meta_number, set_meta};

/// The id of the pulse: behind all batches, and so in the page of the newest one.
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

/// Writes the samples of a flush.
pub(crate) fn put_samples(
    connection: &Connection,
    (run, first_row): (u64, i64),
    pending: &Pending,
    place: Place,
) -> rusqlite::Result<()> {
    match place {
        Place::Nowhere => Ok(()),
        Place::Recent => insert_recent(connection, (run, first_row), pending),
        Place::Hot => insert_hot(connection, (run, first_row), pending),
    }
}

fn insert_recent(
    connection: &Connection,
    (run, first_row): (u64, i64),
    pending: &Pending,
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO recent_batches (id, run, at_ns, samples, content) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let mut id = first_row - 1;
    for rows in pending.rows.chunks(recent::BATCH_ROWS) {
        // A batch has the id of its last sample.
        id += rows.len() as i64;
        let (from, text) =
            recent::spell(rows).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        insert.execute(params![id, to_sql(run), from.as_nanos(), rows.len() as i64, text])?;
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

/// The database has batches; below schema 5 `recent` is a table, and the pulse lies in `hot`.
pub(crate) fn has_batches(connection: &Connection) -> rusqlite::Result<bool> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(version >= 5)
}

/// Writes what this commit is.
pub(crate) fn beat(connection: &Connection, run: u64, pulse: &Pulse) -> rusqlite::Result<()> {
    let numbers = [to_sql(pulse.flushes), pulse.next_row, pulse.alive_at.as_nanos()];
    let bytes = numbers.map(i64::to_le_bytes).concat();
    connection
        .prepare_cached("INSERT OR REPLACE INTO recent_batches (id, run, at_ns, samples, content) VALUES (?1, ?2, 0, 0, ?3)")?
        .execute(params![PULSE_ID, to_sql(run), bytes])?;
    Ok(())
}

/// What the newest commit of the run was that goes on or broke off; `None` before its first one.
pub(crate) fn pulse(connection: &Connection) -> rusqlite::Result<Option<Pulse>> {
    let mut select = connection.prepare_cached(if has_batches(connection)? {
        "SELECT content FROM recent_batches WHERE id = ?1"
    } else {
        "SELECT batch FROM hot WHERE id = ?1"
    })?;
    let bytes: Option<Vec<u8>> = select.query_row([PULSE_ID], |row| row.get(0)).optional()?;
    let number = |index: usize| {
        let eight = bytes.as_ref()?.get(index * 8..index * 8 + 8)?;
        Some(i64::from_le_bytes(eight.try_into().ok()?))
    };
    let (Some(flushes), Some(next_row), Some(alive_ns)) = (number(0), number(1), number(2)) else {
        return Ok(None);
    };
    Ok(Some(Pulse {
        flushes: from_sql(flushes),
        next_row,
        alive_at: WallTime::from_nanos(alive_ns),
    }))
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
    connection
        .prepare_cached("DELETE FROM recent_batches WHERE id = ?1")?
        .execute([PULSE_ID])?;
    Ok(())
}

impl Pulse {
    /// Writes it to `meta`.
    pub(crate) fn to_meta(self, connection: &Connection) -> rusqlite::Result<()> {
        set_meta(connection, FLUSHES, to_sql(self.flushes))?;
        set_meta(connection, NEXT_ROW, self.next_row)?;
        set_meta(connection, ALIVE_NS, self.alive_at.as_nanos())
    }
}
