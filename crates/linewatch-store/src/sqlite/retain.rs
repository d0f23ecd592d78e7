//! Deletes what is too old, a few rows at a time, and says how old the oldest is. The SQL of `retain`.
//!
//! Each call is bounded, whatever is in the database: by rows, and by an index that leads to them. Blocks go whole.
//! Not here: what is too old, and in which order room is made (`retain`).

use linewatch_core::rollup::Resolution;
use linewatch_core::time::WallTime;
use rusqlite::{Connection, OptionalExtension, params};

use crate::sqlite::rollups;

/// Blocks of samples deleted by one call: 16 of up to 70 KB are some 300 pages, a few milliseconds.
const BLOCKS: i64 = 16;
/// Rows of other tables deleted by one call: some 2 ms.
const ROWS: i64 = 500;
/// Rows of `recent` deleted by one call; they lie side by side.
const RECENT_ROWS: i64 = 2_000;
const NANOS_PER_S: i64 = 1_000_000_000;

/// What is kept for a time of its own, in the order in which it is given up when there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Sealed samples.
    Raw,
    /// A tier of rollups.
    Tier(Resolution),
    /// Holes, for as long as anything they could be drawn beside.
    Gaps,
    /// Log lines.
    Logs,
    /// Events.
    Events,
    /// Outages.
    Outages,
}

impl Kind {
    /// Every kind: what there is most of and what loses its worth soonest first.
    pub(crate) const ALL: [Self; 9] = [
        Self::Raw,
        Self::Tier(Resolution::Second),
        Self::Logs,
        Self::Tier(Resolution::Minute),
        Self::Tier(Resolution::TenMinutes),
        Self::Tier(Resolution::Hour),
        Self::Gaps,
        Self::Events,
        Self::Outages,
    ];

    /// The word of the configuration.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Tier(Resolution::Second) => "seconds",
            Self::Tier(Resolution::Minute) => "minutes",
            Self::Tier(Resolution::TenMinutes) => "ten_minutes",
            Self::Tier(Resolution::Hour) => "hours",
            Self::Gaps => "gaps",
            Self::Logs => "logs",
            Self::Events => "events",
            Self::Outages => "outages",
        }
    }

    /// It is looked through series by series, not as a whole.
    pub(crate) const fn is_by_series(self) -> bool {
        matches!(self, Self::Raw | Self::Tier(_) | Self::Gaps)
    }
}

/// The series behind this number.
pub(crate) fn next_series(connection: &Connection, after: i64) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM targets WHERE id > ?1 ORDER BY id LIMIT 1")?
        .query_row([after], |row| row.get(0))
        .optional()
}

/// The oldest and the newest of one kind: of a series, or of all where there are no series.
pub(crate) fn ends(
    connection: &Connection,
    kind: Kind,
    series: i64,
) -> rusqlite::Result<Option<(WallTime, WallTime)>> {
    let (sql, unit) = match kind {
        Kind::Raw => (ends_of("samples", "to_ns"), 1),
        Kind::Gaps => (ends_of("gaps", "to_ns"), 1),
        Kind::Tier(resolution) => (ends_of(rollups::table(resolution), "from_s"), NANOS_PER_S),
        Kind::Logs => (by_number("logs", "id", "at_ns"), 1),
        Kind::Events => (by_number("events", "run {}, seq", "at_ns"), 1),
        Kind::Outages => (by_number("outages", "run {}, seq", "from_ns"), 1),
    };
    let mut statement = connection.prepare_cached(&sql)?;
    let found: (Option<i64>, Option<i64>) =
        statement.query_row([series], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let wall = |number: i64| WallTime::from_nanos(number.saturating_mul(unit));
    Ok(found
        .0
        .zip(found.1)
        .map(|(oldest, newest)| (wall(oldest), wall(newest))))
}

/// Two steps along the index of series and time.
fn ends_of(table: &str, column: &str) -> String {
    format!(
        "SELECT (SELECT {column} FROM {table} WHERE target = ?1 ORDER BY {column} LIMIT 1), \
         (SELECT {column} FROM {table} WHERE target = ?1 ORDER BY {column} DESC LIMIT 1)"
    )
}

/// The first and the last as numbered: these have no index by time, and come in its order.
fn by_number(table: &str, number: &str, column: &str) -> String {
    let order = |direction: &str| format!("{} {direction}", number.replace("{}", direction));
    format!(
        "SELECT (SELECT {column} FROM {table} ORDER BY {} LIMIT 1), (SELECT {column} FROM {table} ORDER BY {} LIMIT 1), ?1",
        order("ASC"),
        order("DESC")
    )
}

/// Deletes some that ended before a moment, of a series or of all where there are no series; how many. 0: there are
/// none, or none among the oldest where there is no index by time.
///
/// Blocks whose last row is at or above `sealed_below` stay: they tell which rows are in blocks.
pub(crate) fn delete_some(
    connection: &Connection,
    kind: Kind,
    series: i64,
    before: WallTime,
    sealed_below: i64,
) -> rusqlite::Result<usize> {
    let before_ns = before.as_nanos();
    match kind {
        Kind::Raw => connection
            .prepare_cached(
                "DELETE FROM samples WHERE id IN (SELECT id FROM samples WHERE target = ?1 AND to_ns < ?2 \
                 AND last_row < ?3 ORDER BY to_ns LIMIT ?4)",
            )?
            .execute(params![series, before_ns, sealed_below, BLOCKS]),
        Kind::Gaps => connection
            .prepare_cached(
                "DELETE FROM gaps WHERE id IN (SELECT id FROM gaps WHERE target = ?1 AND to_ns < ?2 ORDER BY to_ns LIMIT ?3)",
            )?
            .execute(params![series, before_ns, ROWS]),
        Kind::Tier(resolution) => {
            let table = rollups::table(resolution);
            // The row so many behind the oldest is the bound; fewer rows than that have none.
            let sql = format!(
                "DELETE FROM {table} WHERE target = ?1 AND from_s < min(?2, coalesce((SELECT from_s FROM {table} \
                 WHERE target = ?1 ORDER BY from_s LIMIT 1 OFFSET ?3), ?2))"
            );
            connection
                .prepare_cached(&sql)?
                .execute(params![series, before_ns.div_euclid(NANOS_PER_S), ROWS])
        }
        Kind::Logs => connection
            .prepare_cached(
                "DELETE FROM logs WHERE id IN (SELECT id FROM logs ORDER BY id LIMIT ?2) AND at_ns < ?1",
            )?
            .execute(params![before_ns, ROWS]),
        // What goes on has no end yet and stays.
        Kind::Events => connection
            .prepare_cached(
                "DELETE FROM events WHERE (run, seq) IN (SELECT run, seq FROM events ORDER BY run, seq LIMIT ?2) \
                 AND until_ns IS NOT NULL AND at_ns < ?1",
            )?
            .execute(params![before_ns, ROWS]),
        Kind::Outages => delete_outages(connection, before_ns),
    }
}

/// Deletes old outages, and first the evidence of them: it is never kept without its outage.
fn delete_outages(connection: &Connection, before_ns: i64) -> rusqlite::Result<usize> {
    let old = "SELECT run, seq FROM (SELECT run, seq, from_ns, to_ns FROM outages ORDER BY run, seq LIMIT ?2) \
               WHERE to_ns IS NOT NULL AND from_ns < ?1";
    let delete = |table: &str| {
        let sql = format!("DELETE FROM {table} WHERE (run, seq) IN ({old})");
        connection.prepare_cached(&sql)?.execute(params![before_ns, ROWS])
    };
    delete("evidence")?;
    delete("outages")
}

/// Deletes batches of `recent` that are in blocks too; how many. Nothing is lost but their being readable by hand.
pub(crate) fn delete_doubles(connection: &Connection, sealed_below: i64) -> rusqlite::Result<usize> {
    // A batch has the id of its last row, so this is so many rows, and at least one batch. The last one has the pulse.
    connection
        .prepare_cached(
            "DELETE FROM recent_batches WHERE id < min(?1, ?2 + (SELECT min(id) FROM recent_batches), \
             (SELECT max(id) FROM recent_batches))",
        )?
        .execute(params![sealed_below, RECENT_ROWS])
}
