//! Writes: one transaction per flush, and the few small ones around a run (begin, register, stop).

use std::time::Duration;

use linewatch_core::event::{Event, OutageRow};
use linewatch_core::limits::RECENT;
use linewatch_core::outage::OpenedBy;
use linewatch_core::record::{Gap, GapKind};
use linewatch_core::target::TargetId;
use linewatch_core::time::{Rtt, WallTime};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::error::StoreError;
use crate::open::Closed;
use crate::pending::{Description, Pending};
use crate::seal::SealedBlock;
use crate::sqlite::outbox;
use crate::sqlite::rollups::{self, RollupKey};
use crate::sqlite::rows::{from_sql, to_sql};
use crate::sqlite::stage::{self, Place, Pulse, settle_pulse};

/// Rows of `recent` that one flush may delete at least; more when more came in.
const DELETE_ROWS: usize = 5_000;

/// Rows of `recent` may be older than two hours by so much.
const DELETE_EVERY: Duration = Duration::from_secs(300);

/// Rows that `recent` keeps of those that are in blocks: 80 MB. Below 140 samples/s two hours are less.
const RECENT_ROWS: i64 = 1_000_000;

/// Key of `meta`: commits of all runs, as of the end of the run before ([`stage::pulse`]).
pub(crate) const FLUSHES: &str = "flushes";
/// Key of `meta`: the id of the next sample, as above.
pub(crate) const NEXT_ROW: &str = "next_row";
/// Key of `meta`: the newest commit's time, as above.
pub(crate) const ALIVE_NS: &str = "alive_ns";
/// Key of `meta`: every bucket that begins earlier is whole in all tiers; the greatest number after an orderly end.
pub(crate) const ROLLED_UP_TO: &str = "rolled_up_to_ns";
/// Key of `meta`: the next id of a row of the rollup tables.
pub(crate) const NEXT_ROLLUP: &str = "next_rollup";

/// Which series it is: the same slug, address and method is the same series for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesKey {
    /// The target's name in addresses of pages.
    pub slug: String,
    /// The IP address (or the name, while there is no address).
    pub address: String,
    /// `icmp`, `tcp`.
    pub method: String,
    /// The port, where the method has one.
    pub port: Option<u16>,
}

/// One commit.
#[derive(Debug)]
pub(crate) struct Flush<'a> {
    pub(crate) run: u64,
    /// Counts commits of all runs: tells after a failed commit whether it happened all the same.
    pub(crate) number: u64,
    pub(crate) now: WallTime,
    pub(crate) pending: &'a Pending,
    /// The id of the first pending row.
    pub(crate) first_row: i64,
    /// Where they go.
    pub(crate) place: Place,
    pub(crate) blocks: &'a [SealedBlock],
    pub(crate) closed: &'a [Closed],
    /// The id of the first of them.
    pub(crate) first_rollup: i64,
    pub(crate) rolled_up_to: WallTime,
    /// Rows below this id are in blocks once this is committed.
    pub(crate) sealed_below: i64,
}

/// Reads a number of `meta`.
pub(crate) fn meta_number(connection: &Connection, key: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))
        .optional()
}

/// Reads a text of `meta`.
pub(crate) fn meta_text(connection: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    connection
        .query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))
        .optional()
}

/// Writes a value of `meta`. One that is so already is not: no page is written for it.
pub(crate) fn set_meta(
    connection: &Connection,
    key: &str,
    value: impl rusqlite::ToSql,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO meta (key, value) VALUES (?1, ?2) \
             ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE value IS NOT excluded.value",
        )?
        .execute(params![key, value])?;
    Ok(())
}

/// Where a flush failed.
#[derive(Debug)]
pub(crate) enum FlushError {
    /// Before the commit: nothing of it was written.
    Write(rusqlite::Error),
    /// In the commit: only the reopened database knows whether it was written.
    Commit(rusqlite::Error),
}

/// Writes one flush: all of it or nothing.
pub(crate) fn write_flush(connection: &mut Connection, flush: &Flush<'_>) -> Result<(), FlushError> {
    let transaction = fill_transaction(connection, flush).map_err(FlushError::Write)?;
    transaction.commit().map_err(FlushError::Commit)
}

fn fill_transaction<'c>(
    connection: &'c mut Connection,
    flush: &Flush<'_>,
) -> rusqlite::Result<Transaction<'c>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let pulse = Pulse {
        flushes: flush.number,
        next_row: flush.first_row + flush.pending.rows.len() as i64,
        alive_at: flush.now,
    };
    stage::put_samples(
        &transaction,
        (flush.run, flush.first_row),
        flush.pending,
        (flush.place, &pulse),
    )?;
    insert_blocks(&transaction, flush.blocks)?;
    insert_rollups(&transaction, flush)?;
    for gap in &flush.pending.gaps {
        insert_gap(&transaction, flush.run, gap)?;
    }
    flush
        .pending
        .events
        .iter()
        .try_for_each(|event| insert_event(&transaction, event))?;
    flush
        .pending
        .outages
        .iter()
        .try_for_each(|outage| insert_outage(&transaction, outage))?;
    insert_logs(&transaction, flush.pending)?;
    for told in &flush.pending.told {
        outbox::insert(&transaction, told)?;
    }
    if let Some(active) = &flush.pending.active {
        set_active(&transaction, active)?;
    }
    if let Some(described) = &flush.pending.described {
        describe(&transaction, described)?;
    }
    delete_sealed(&transaction, flush)?;
    set_meta(&transaction, "sealed_below", flush.sealed_below)?;
    set_meta(
        &transaction,
        NEXT_ROLLUP,
        flush.first_rollup + flush.closed.len() as i64,
    )?;
    set_meta(&transaction, ROLLED_UP_TO, flush.rolled_up_to.as_nanos())?;
    Ok(transaction)
}

/// Writes sealed blocks.
pub(crate) fn insert_blocks(connection: &Connection, blocks: &[SealedBlock]) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO samples (target, run, from_ns, to_ns, samples, last_row, block) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for block in blocks {
        insert.execute(params![
            block.target.0,
            to_sql(block.run),
            block.from.as_nanos(),
            block.to.as_nanos(),
            block.samples as i64,
            block.last_row,
            block.bytes,
        ])?;
    }
    Ok(())
}

fn insert_rollups(connection: &Connection, flush: &Flush<'_>) -> rusqlite::Result<()> {
    for (id, closed) in (flush.first_rollup..).zip(flush.closed) {
        let key = RollupKey {
            resolution: closed.resolution,
            target: closed.target,
            from: closed.from,
            run: flush.run,
            id,
        };
        rollups::insert(connection, key, &closed.rollup)?;
    }
    Ok(())
}

/// Deletes what is in blocks: hot batches at once (nobody can read them by hand), those of `recent` after two hours.
fn delete_sealed(connection: &Connection, flush: &Flush<'_>) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM hot WHERE id < ?1")?
        .execute([flush.sealed_below])?;
    // Five minutes' worth at a time: each deletion writes pages beside its rows.
    let first = "SELECT id, at_ns FROM recent_batches WHERE samples > 0 ORDER BY id LIMIT 1";
    let first: Option<(i64, i64)> = connection
        .prepare_cached(first)?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((first_id, first_ns)) = first else {
        return Ok(());
    };
    let kept_from = flush.now.minus(RECENT + DELETE_EVERY).as_nanos();
    let is_due = !(kept_from..=flush.now.plus(RECENT).as_nanos()).contains(&first_ns);
    let is_long = first_id < flush.first_row - RECENT_ROWS;
    if !is_long && !is_due {
        return Ok(());
    }
    // The oldest by id only: bounded work, whatever the calendar did. Those of a future that a wrong clock made go
    // too; they are in blocks. Never the last one, which has the pulse.
    let mut delete = connection.prepare_cached(
        "DELETE FROM recent_batches WHERE id < min(?1, (SELECT max(id) FROM recent_batches)) \
         AND (at_ns < ?2 OR at_ns > ?3 OR id < ?4)",
    )?;
    let rows = DELETE_ROWS.max(2 * flush.pending.rows.len()) as i64;
    let (oldest, newest) = (
        flush.now.minus(RECENT).as_nanos(),
        flush.now.plus(RECENT).as_nanos(),
    );
    delete.execute(params![
        flush.sealed_below.min(first_id + rows),
        oldest,
        newest,
        flush.first_row - RECENT_ROWS
    ])?;
    Ok(())
}

/// Writes a gap of this run.
pub(crate) fn insert_gap(connection: &Connection, run: u64, gap: &Gap) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO gaps (target, run, kind, from_ns, to_ns, first_seq, slots) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    insert.execute(params![
        gap.target.0,
        to_sql(run),
        gap.kind.word(),
        gap.from.as_nanos(),
        gap.to.as_nanos(),
        to_sql(gap.first_seq),
        to_sql(gap.slots),
    ])?;
    Ok(())
}

/// Writes an event, in place of the one with its address.
pub(crate) fn insert_event(connection: &Connection, event: &Event) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO events (run, seq, kind, severity, target, at_ns, until_ns, count, message, peak_ns, limit_ns) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    insert.execute(params![
        to_sql(event.id.run.0),
        to_sql(event.id.seq),
        event.kind.word(),
        event.severity.word(),
        event.target.map(|target| target.0),
        event.at.as_nanos(),
        event.until.map(WallTime::as_nanos),
        to_sql(event.count),
        event.message,
        event.excess.map(|excess| to_sql(excess.peak.as_nanos())),
        event.excess.map(|excess| to_sql(excess.limit.as_nanos())),
    ])?;
    Ok(())
}

/// Writes an outage, in place of the one with its address.
pub(crate) fn insert_outage(connection: &Connection, outage: &OutageRow) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO outages (run, seq, target, from_ns, to_ns, duration_ns, opened_by, sent, lost, uncertainty_ns) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    insert.execute(params![
        to_sql(outage.id.run.0),
        to_sql(outage.id.seq),
        outage.target.0,
        outage.from.as_nanos(),
        outage.to.map(WallTime::as_nanos),
        to_sql(outage.duration_ns),
        opened_by_word(outage.opened_by),
        to_sql(outage.sent),
        to_sql(outage.lost),
        to_sql(outage.uncertainty_ns),
    ])?;
    Ok(())
}

/// The word of the rule that opened an outage.
pub(crate) const fn opened_by_word(opened_by: OpenedBy) -> &'static str {
    match opened_by {
        OpenedBy::Run => "run",
        OpenedBy::WindowLoss => "window_loss",
    }
}

fn insert_logs(connection: &Connection, pending: &Pending) -> rusqlite::Result<()> {
    let mut insert = connection
        .prepare_cached("INSERT INTO logs (at_ns, level, module, message) VALUES (?1, ?2, ?3, ?4)")?;
    for log in &pending.logs {
        insert.execute(params![log.at.as_nanos(), log.level, log.module, log.message])?;
    }
    Ok(())
}

fn set_active(connection: &Connection, active: &[TargetId]) -> rusqlite::Result<()> {
    connection.execute("UPDATE targets SET is_active = 0 WHERE is_active <> 0", [])?;
    let mut set = connection.prepare_cached("UPDATE targets SET is_active = 1 WHERE id = ?1")?;
    for target in active {
        set.execute([target.0])?;
    }
    Ok(())
}

/// Whole microseconds, for people.
fn to_us(limit: Rtt) -> i64 {
    to_sql(limit.as_nanos() / 1_000)
}

fn describe(connection: &Connection, described: &[Description]) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached(
        "UPDATE targets SET country = ?2, partner = ?3, host = ?4, fair_us = ?5, poor_us = ?6, critical_us = ?7 \
         WHERE id = ?1 AND (country, partner, host, fair_us, poor_us, critical_us) IS NOT (?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for of in described {
        let (fair, poor, critical) = (
            to_us(of.grades.fair),
            to_us(of.grades.poor),
            to_us(of.grades.very_high),
        );
        update.execute(params![
            of.target.0,
            of.country,
            of.partner,
            of.host,
            fair,
            poor,
            critical
        ])?;
    }
    Ok(())
}

/// Deletes some of the events that ended before `before`, the oldest first; how many. What goes on is kept.
pub(crate) fn delete_events(
    connection: &Connection,
    before: WallTime,
    limit: usize,
) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "DELETE FROM events WHERE (run, seq) IN (SELECT run, seq FROM events \
             WHERE at_ns < ?1 AND until_ns < ?1 ORDER BY at_ns LIMIT ?2)",
        )?
        .execute(params![before.as_nanos(), to_sql(limit as u64)])
}

/// The number of this series: the one it has, or a new one that was never given out before.
///
/// # Errors
///
/// [`StoreError`]; nothing is changed then.
pub(crate) fn register(
    connection: &Connection,
    key: &SeriesKey,
    name: &str,
    now: WallTime,
) -> Result<TargetId, StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO targets (slug, name, address, method, port, created_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT (slug, address, method, port) DO UPDATE SET name = excluded.name RETURNING id",
    )?;
    let port = key.port.unwrap_or(0);
    let id: i64 = insert.query_row(
        params![key.slug, name, key.address, key.method, port, now.as_nanos()],
        |row| row.get(0),
    )?;
    u32::try_from(id).map(TargetId).map_err(|_| StoreError::NoIdLeft)
}

/// What the run before left behind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    pub(crate) run: u64,
    pub(crate) is_first: bool,
    /// The newest commit of the run before.
    pub(crate) alive_at: WallTime,
    /// Its orderly end, if it had one.
    pub(crate) stopped_at: Option<WallTime>,
    pub(crate) flushes: u64,
    pub(crate) next_row: i64,
    pub(crate) next_rollup: i64,
}

/// Begins a run: counts it, and writes down what is missing since the one before. One transaction: a crash in here
/// begins the same run again.
pub(crate) fn begin_run(connection: &mut Connection, name: &str, now: WallTime) -> rusqlite::Result<Begun> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    settle_pulse(&transaction)?;
    let before = meta_number(&transaction, "run")?;
    let wall =
        |key: &str| Ok::<_, rusqlite::Error>(meta_number(&transaction, key)?.map(WallTime::from_nanos));
    let begun = Begun {
        run: from_sql(before.unwrap_or(0)) + 1,
        is_first: before.is_none(),
        alive_at: wall(ALIVE_NS)?.unwrap_or(now),
        stopped_at: wall("stopped_ns")?,
        flushes: from_sql(meta_number(&transaction, FLUSHES)?.unwrap_or(0)),
        next_row: meta_number(&transaction, NEXT_ROW)?.unwrap_or(1),
        next_rollup: meta_number(&transaction, NEXT_ROLLUP)?.unwrap_or(1),
    };
    if !begun.is_first {
        close_run(&transaction, &begun, now)?;
    }
    set_meta(&transaction, "run", to_sql(begun.run))?;
    set_meta(&transaction, "vantage_name", name)?;
    set_meta(&transaction, "started_ns", now.as_nanos())?;
    set_meta(&transaction, ALIVE_NS, now.as_nanos())?;
    transaction.execute("DELETE FROM meta WHERE key IN ('stopped_ns', 'stop_reason')", [])?;
    transaction.commit()?;
    Ok(begun)
}

/// The gap of every series that was being measured, and an end for what was still going on when nobody looked.
fn close_run(connection: &Connection, begun: &Begun, now: WallTime) -> rusqlite::Result<()> {
    let (kind, from) = match begun.stopped_at {
        Some(stopped_at) => (GapKind::Stopped, stopped_at),
        None => (GapKind::Crashed, begun.alive_at),
    };
    let mut active = connection.prepare("SELECT id FROM targets WHERE is_active <> 0")?;
    let targets: Vec<u32> = active
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for target in targets {
        // Nothing was scheduled, hence no slots. A calendar set back in between makes an empty gap, not a negative one.
        let gap = Gap {
            target: TargetId(target),
            kind,
            from,
            to: now.max(from),
            first_seq: 0,
            slots: 0,
        };
        insert_gap(connection, begun.run - 1, &gap)?;
    }
    connection.execute("UPDATE targets SET is_active = 0 WHERE is_active <> 0", [])?;
    connection.execute(
        "UPDATE events SET until_ns = max(at_ns, ?1) WHERE until_ns IS NULL",
        [from.as_nanos()],
    )?;
    connection.execute(
        "UPDATE outages SET to_ns = max(from_ns, ?1), duration_ns = max(duration_ns, ?1 - from_ns) WHERE to_ns IS NULL",
        [from.as_nanos()],
    )?;
    Ok(())
}

/// Marks an orderly end.
pub(crate) fn end_run(connection: &mut Connection, reason: &str, now: WallTime) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    settle_pulse(&transaction)?;
    set_meta(&transaction, "stopped_ns", now.as_nanos())?;
    set_meta(&transaction, "stop_reason", reason)?;
    // Every bucket was written before, whole or not.
    set_meta(&transaction, ROLLED_UP_TO, i64::MAX)?;
    set_meta(&transaction, ALIVE_NS, now.as_nanos())?;
    transaction.commit()
}
