//! Reads: samples out of blocks and unsealed rows, and the rows of everything else, newest first.

use linewatch_core::event::{Event, EventId, EventKind, Excess, LogRow, OutageRow, RunId, Severity};
use linewatch_core::outage::OpenedBy;
use linewatch_core::port::{RowQuery, SampleQuery, StoredSample, StoredTarget};
use linewatch_core::record::Gap;
use linewatch_core::target::TargetId;
use linewatch_core::time::{Rtt, WallTime};
use rusqlite::{Connection, params};

use crate::block;
use crate::row::gap_kind_from_word;
use crate::sqlite::rows::{Rest, from_sql, to_sql};
use crate::sqlite::write::opened_by_word;

/// The samples asked for, by send time, run and seq; a stray directly behind its probe.
pub(crate) fn samples(
    connection: &Connection,
    query: SampleQuery,
    rest: &Rest,
) -> rusqlite::Result<Vec<StoredSample>> {
    let mut found = Vec::new();
    if query.limit == 0 {
        return Ok(found);
    }
    rest.visit(connection, query.target, |run, rows| {
        let wanted = rows.iter().filter(|row| is_in(&query, row.at));
        found.extend(wanted.map(|row| row.sample(run)));
    })?;
    let mut blocks = connection.prepare_cached(
        "SELECT id, run, from_ns, block FROM samples WHERE target = ?1 AND to_ns >= ?2 AND from_ns < ?3 ORDER BY from_ns",
    )?;
    let span = params![query.target.0, query.from.as_nanos(), query.to.as_nanos()];
    let mut rows = blocks.query(span)?;
    while let Some(row) = rows.next()? {
        if found.len() >= query.limit {
            // Enough, unless this block begins before the last of them.
            keep_oldest(&mut found, query.limit);
            let from: i64 = row.get(2)?;
            if found.last().is_some_and(|last| from > last.at.as_nanos()) {
                break;
            }
        }
        let (id, run): (i64, i64) = (row.get(0)?, row.get(1)?);
        match block::unpack(row.get_ref(3)?.as_blob()?, query.target) {
            Ok(samples) => {
                let wanted = samples.iter().filter(|sample| is_in(&query, sample.at));
                found.extend(wanted.map(|sample| sample.sample(from_sql(run))));
            }
            // One damaged block must not hide the others; it is named, and its span stays empty.
            Err(error) => tracing::warn!(target: "store", block = id, %error, "block could not be read"),
        }
    }
    keep_oldest(&mut found, query.limit);
    Ok(found)
}

fn is_in(query: &SampleQuery, at: WallTime) -> bool {
    query.from <= at && at < query.to
}

fn keep_oldest(samples: &mut Vec<StoredSample>, limit: usize) {
    samples.sort_by_key(|sample| (sample.at, sample.run, sample.seq, sample.stray.is_some()));
    samples.truncate(limit);
}

/// Gaps that touch the span, oldest first.
pub(crate) fn gaps(connection: &Connection, query: SampleQuery) -> rusqlite::Result<Vec<Gap>> {
    let mut statement = connection.prepare_cached(
        "SELECT kind, from_ns, to_ns, first_seq, slots FROM gaps \
         WHERE target = ?1 AND to_ns >= ?2 AND from_ns < ?3 ORDER BY from_ns, id LIMIT ?4",
    )?;
    let span = params![
        query.target.0,
        query.from.as_nanos(),
        query.to.as_nanos(),
        to_sql(query.limit as u64)
    ];
    let rows = statement.query_map(span, |row| {
        let kind: String = row.get(0)?;
        Ok(gap_kind_from_word(&kind).map(|kind| Gap {
            target: query.target,
            kind,
            from: WallTime::from_nanos(row.get(1).unwrap_or_default()),
            to: WallTime::from_nanos(row.get(2).unwrap_or_default()),
            first_seq: from_sql(row.get(3).unwrap_or_default()),
            slots: from_sql(row.get(4).unwrap_or_default()),
        }))
    })?;
    rows.filter_map(Result::transpose).collect()
}

/// The filters that events and outages share; `?1` to `?6` of [`filter`].
const WHERE: &str = "(?1 IS NULL OR target IN (SELECT value FROM json_each(?1))) AND (?2 IS NULL OR {begin} >= ?2) AND (?3 IS NULL OR {begin} < ?3) \
     AND (?4 IS NULL OR (run, seq) < (?4, ?5))";

type Filter = (
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    i64,
);

fn filter(query: &RowQuery) -> Filter {
    (
        query.targets.as_deref().map(json_list),
        query.from.map(WallTime::as_nanos),
        query.to.map(WallTime::as_nanos),
        query.before.map(|id| to_sql(id.run.0)),
        query.before.map(|id| to_sql(id.seq)),
        to_sql(query.limit as u64),
    )
}

/// The list as SQLite's `json_each` reads it.
fn json_list(targets: &[TargetId]) -> String {
    let numbers: Vec<String> = targets.iter().map(|target| target.0.to_string()).collect();
    format!("[{}]", numbers.join(","))
}

/// Every series, by number.
pub(crate) fn targets(connection: &Connection) -> rusqlite::Result<Vec<StoredTarget>> {
    let mut statement =
        connection.prepare_cached("SELECT id, slug, name, address FROM targets ORDER BY id")?;
    let rows = statement.query_map([], |row| {
        Ok(StoredTarget {
            id: TargetId(row.get(0)?),
            slug: row.get(1)?,
            name: row.get(2)?,
            address: row.get(3)?,
        })
    })?;
    rows.collect()
}

/// Events, newest first.
pub(crate) fn events(connection: &Connection, query: &RowQuery) -> rusqlite::Result<Vec<Event>> {
    let sql = format!(
        "SELECT run, seq, kind, severity, target, at_ns, until_ns, count, message, {} FROM events WHERE {} \
         AND (?7 IS NULL OR kind = ?7) \
         AND CASE severity WHEN 'critical' THEN 2 WHEN 'warning' THEN 1 ELSE 0 END >= ?8 \
         ORDER BY run DESC, seq DESC LIMIT ?6",
        excess_columns(connection)?,
        WHERE.replace("{begin}", "at_ns")
    );
    let (target, from, to, run, seq, limit) = filter(query);
    let kind = query.kind.map(EventKind::word);
    let severity = query.severity.unwrap_or(Severity::Info) as u8;
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(
        params![target, from, to, run, seq, limit, kind, severity],
        event_row,
    )?;
    rows.filter_map(Result::transpose).collect()
}

/// Events that have not ended, newest first.
pub(crate) fn open_events(connection: &Connection, limit: usize) -> rusqlite::Result<Vec<Event>> {
    let sql = format!(
        "SELECT run, seq, kind, severity, target, at_ns, until_ns, count, message, {} FROM events \
         WHERE until_ns IS NULL ORDER BY run DESC, seq DESC LIMIT ?1",
        excess_columns(connection)?
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([to_sql(limit as u64)], event_row)?;
    rows.filter_map(Result::transpose).collect()
}

/// One event; `None` for words that are none of ours (a person's edit).
fn event_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<Event>> {
    let (kind, severity): (String, String) = (row.get(2)?, row.get(3)?);
    let (Some(kind), Some(severity)) = (EventKind::from_word(&kind), Severity::from_word(&severity)) else {
        return Ok(None);
    };
    Ok(Some(Event {
        id: EventId {
            run: RunId(from_sql(row.get(0)?)),
            seq: from_sql(row.get(1)?),
        },
        kind,
        severity,
        target: row.get::<_, Option<u32>>(4)?.map(TargetId),
        at: WallTime::from_nanos(row.get(5)?),
        until: row.get::<_, Option<i64>>(6)?.map(WallTime::from_nanos),
        count: from_sql(row.get(7)?),
        message: row.get(8)?,
        excess: excess(row.get(9)?, row.get(10)?),
    }))
}

/// The database of an older linewatch that still runs does not have them.
fn excess_columns(connection: &Connection) -> rusqlite::Result<&'static str> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(if version < 3 {
        "NULL, NULL"
    } else {
        "peak_ns, limit_ns"
    })
}

fn excess(peak_ns: Option<i64>, limit_ns: Option<i64>) -> Option<Excess> {
    let rtt = |nanos| Rtt::from_nanos(from_sql(nanos));
    Some(Excess {
        peak: rtt(peak_ns?),
        limit: rtt(limit_ns?),
    })
}

/// How many events of these kinds and series there are.
pub(crate) fn count_events(
    connection: &Connection,
    targets: &[TargetId],
    kinds: &[EventKind],
) -> rusqlite::Result<u64> {
    // Words of ours: nothing in them is to be escaped.
    let kinds: Vec<String> = kinds.iter().map(|kind| format!("\"{}\"", kind.word())).collect();
    let mut statement = connection.prepare_cached(
        "SELECT count(*) FROM events WHERE target IN (SELECT value FROM json_each(?1)) \
         AND kind IN (SELECT value FROM json_each(?2))",
    )?;
    let list = params![json_list(targets), format!("[{}]", kinds.join(","))];
    statement.query_row(list, |row| row.get(0)).map(from_sql)
}

/// Outages, newest first.
pub(crate) fn outages(connection: &Connection, query: &RowQuery) -> rusqlite::Result<Vec<OutageRow>> {
    let sql = format!(
        "SELECT {OUTAGE_COLUMNS} FROM outages \
         WHERE {} ORDER BY run DESC, seq DESC LIMIT ?6",
        WHERE.replace("{begin}", "from_ns")
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(filter(query), outage_row)?;
    rows.filter_map(Result::transpose).collect()
}

/// The columns [`outage_row`] reads, in its order.
pub(crate) const OUTAGE_COLUMNS: &str =
    "run, seq, target, from_ns, to_ns, duration_ns, opened_by, sent, lost, uncertainty_ns";

/// One outage; `None` for words that are none of ours (a person's edit).
pub(crate) fn outage_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<OutageRow>> {
    let opened_by: String = row.get(6)?;
    let Some(opened_by) = opened_by_from_word(&opened_by) else {
        return Ok(None);
    };
    Ok(Some(OutageRow {
        id: EventId {
            run: RunId(from_sql(row.get(0)?)),
            seq: from_sql(row.get(1)?),
        },
        target: TargetId(row.get(2)?),
        from: WallTime::from_nanos(row.get(3)?),
        to: row.get::<_, Option<i64>>(4)?.map(WallTime::from_nanos),
        duration_ns: from_sql(row.get(5)?),
        opened_by,
        sent: from_sql(row.get(7)?),
        lost: from_sql(row.get(8)?),
        uncertainty_ns: from_sql(row.get(9)?),
    }))
}

fn opened_by_from_word(word: &str) -> Option<OpenedBy> {
    [OpenedBy::Run, OpenedBy::WindowLoss]
        .into_iter()
        .find(|opened_by| opened_by_word(*opened_by) == word)
}

/// Log lines, newest first. They have no address of their own: paging is by `to`.
pub(crate) fn logs(connection: &Connection, query: &RowQuery) -> rusqlite::Result<Vec<LogRow>> {
    let rank = |column: &str| {
        format!("CASE {column} WHEN 'error' THEN 3 WHEN 'warn' THEN 2 WHEN 'info' THEN 1 ELSE 0 END")
    };
    let sql = format!(
        "SELECT at_ns, level, module, message FROM logs WHERE (?1 IS NULL OR at_ns >= ?1) \
         AND (?2 IS NULL OR at_ns < ?2) AND (?3 IS NULL OR {} >= {}) ORDER BY id DESC LIMIT ?4",
        rank("level"),
        rank("?3")
    );
    let (from, to) = (
        query.from.map(WallTime::as_nanos),
        query.to.map(WallTime::as_nanos),
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(
        params![from, to, query.level, to_sql(query.limit as u64)],
        |row| {
            Ok(LogRow {
                at: WallTime::from_nanos(row.get(0)?),
                level: row.get(1)?,
                module: row.get(2)?,
                message: row.get(3)?,
            })
        },
    )?;
    rows.collect()
}

/// The newest log lines with their row numbers; with a level, of exactly this one.
pub(crate) fn numbered_logs(
    connection: &Connection,
    level: Option<&str>,
    limit: usize,
) -> rusqlite::Result<Vec<(i64, LogRow)>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, at_ns, level, module, message FROM logs WHERE (?1 IS NULL OR level = ?1) ORDER BY id DESC LIMIT ?2",
    )?;
    let rows = statement.query_map(params![level, to_sql(limit as u64)], |row| {
        let line = LogRow {
            at: WallTime::from_nanos(row.get(1)?),
            level: row.get(2)?,
            module: row.get(3)?,
            message: row.get(4)?,
        };
        Ok((row.get(0)?, line))
    })?;
    rows.collect()
}
