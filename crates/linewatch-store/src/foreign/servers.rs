//! Reads the history of Network Monitoring System: `ping_results`, a row for each cycle and server, and `logs`.
//!
//! The surprising rule: a server that did not answer stands there as nothing sent and 0 ms. It was probed all the same: such a
//! cycle becomes as many lost probes as the other cycles have.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use linewatch_core::event::LogRow;
use linewatch_core::rollup::{Resolution, Rollup};
use linewatch_core::time::WallTime;
use rusqlite::{OptionalExtension as _, Row, params};

use super::cycle::{CYCLE_PROBES_MAX, Cycle, Times};
use super::source::{ForeignDatabase, columns, number, text};
use super::tiers::TierWriter;
use super::{ForeignError, Import, Seen, line_of};

/// Probes of a cycle, where no row says.
const CYCLE_PROBES: u64 = 4;
const COLUMNS: [&str; 11] = [
    "server_ip",
    "partner",
    "country",
    "dn_ext",
    "timestamp",
    "packets_transmitted",
    "packets_received",
    "min_time",
    "avg_time",
    "max_time",
    "mdev_time",
];

/// Takes over cycles and log lines.
pub(super) fn read(source: &ForeignDatabase, import: &mut Import<'_, '_>) -> Result<(), ForeignError> {
    cycles(source, import)?;
    logs(source, import)
}

/// One row of `ping_results`.
struct Found {
    at: WallTime,
    cycle: Cycle,
    sent: u64,
    replied: u64,
    is_unreachable: bool,
}

fn cycles(source: &ForeignDatabase, import: &mut Import<'_, '_>) -> Result<(), ForeignError> {
    let unread = |error: rusqlite::Error| source.unread(&error);
    let probes = probes_of_a_cycle(source).map_err(unread)?;
    let columns = columns(&source.connection, "ping_results", &COLUMNS).map_err(unread)?;
    // Series after series, each by time, in whichever of its two forms that is written: sorted by SQLite, on disk if it is much.
    let sql = format!(
        "SELECT {columns} FROM ping_results ORDER BY 1, 2, 3, 4, replace(substr(timestamp, 1, 19), 'T', ' ')"
    );
    let mut statement = source.connection.prepare(&sql).map_err(unread)?;
    let mut rows = statement.query([]).map_err(unread)?;
    let (now, retention) = (import.options.now, import.options.retention);
    let mut writer = TierWriter::new(
        import.connection,
        (import.run, import.next_rollup),
        &retention,
        now,
    );
    let mut next = rows.next().map_err(unread)?;
    while let Some(first) = next {
        let seen = seen(first).map_err(unread)?;
        let target = import.target(&seen)?;
        let mut series = writer.series(target);
        let mut row = first;
        next = loop {
            import.count_row();
            match found(row, probes, import.options.read_time).map_err(unread)? {
                Some(found) => {
                    let rollup: Rollup = found.cycle.rollup();
                    if series.add(Resolution::Minute, found.at, rollup)? {
                        count(import, &found);
                    } else {
                        import.done.unreadable += 1;
                    }
                }
                None => import.done.unreadable += 1,
            }
            match rows.next().map_err(unread)? {
                Some(other) if self::seen(other).map_err(unread)? == seen => row = other,
                other => break other,
            }
        };
        series.finish()?;
    }
    (import.next_rollup, import.done.new_rollups) = writer.finish();
    Ok(())
}

fn count(import: &mut Import<'_, '_>, found: &Found) {
    import.done.sent += found.sent;
    import.done.replied += found.replied;
    if found.is_unreachable {
        import.done.unreachable_cycles += 1;
        import.done.unreachable_probes += found.cycle.lost;
    }
}

/// The most common number of probes that were sent at a time.
fn probes_of_a_cycle(source: &ForeignDatabase) -> rusqlite::Result<u64> {
    let sql = "SELECT CAST(packets_transmitted AS INTEGER) AS sent FROM ping_results WHERE sent BETWEEN 1 AND ?1 \
               GROUP BY sent ORDER BY count(*) DESC, sent LIMIT 1";
    let common: Option<u32> = source
        .connection
        .query_row(sql, [CYCLE_PROBES_MAX as i64], |row| row.get(0))
        .optional()?;
    Ok(common.map_or(CYCLE_PROBES, u64::from))
}

fn seen(row: &Row<'_>) -> rusqlite::Result<Seen> {
    Ok(Seen {
        address: line_of(&text(row.get_ref(0)?)),
        partner: line_of(&text(row.get_ref(1)?)),
        country: line_of(&text(row.get_ref(2)?)),
        extension: line_of(&text(row.get_ref(3)?)),
    })
}

/// `None`: the row has no date, no server or no count.
fn found(
    row: &Row<'_>,
    probes: u64,
    read_time: &dyn Fn(&str) -> Option<WallTime>,
) -> rusqlite::Result<Option<Found>> {
    let whole = |column: usize| {
        let value = number(row.get_ref(column)?).unwrap_or(0.0);
        let is_count = (0.0..=CYCLE_PROBES_MAX as f64).contains(&value) && value.fract() == 0.0;
        Ok::<_, rusqlite::Error>(is_count.then_some(value as u64))
    };
    let (Some(at), Some(sent), Some(received)) = (read_time(&text(row.get_ref(4)?)), whole(5)?, whole(6)?)
    else {
        return Ok(None);
    };
    if text(row.get_ref(0)?).trim().is_empty() {
        return Ok(None);
    }
    let ms = |column: usize| Ok::<_, rusqlite::Error>(number(row.get_ref(column)?).unwrap_or(0.0));
    let is_unreachable = sent == 0 && received == 0;
    // More answers than were sent: the rest came twice. Answers to nothing: as many were sent.
    let replied = if sent == 0 { received } else { received.min(sent) };
    let cycle = Cycle {
        replied,
        lost: if is_unreachable {
            probes
        } else {
            sent.saturating_sub(replied)
        },
        duplicate: received - replied,
        times: Times::known(ms(7)?, ms(8)?, ms(9)?, number(row.get_ref(10)?)),
    };
    Ok(Some(Found {
        at,
        cycle,
        sent,
        replied: received,
        is_unreachable,
    }))
}

/// Log lines get numbers below those of our own, so that the newest stay ours and the oldest go first.
fn logs(source: &ForeignDatabase, import: &mut Import<'_, '_>) -> Result<(), ForeignError> {
    let unread = |error: rusqlite::Error| source.unread(&error);
    let wanted = ["timestamp", "level", "module", "message", "traceback"];
    let columns = columns(&source.connection, "logs", &wanted).map_err(unread)?;
    let table = source.connection.table_exists(None, "logs").map_err(unread)?;
    if !table {
        return Ok(());
    }
    let mut here = imported_logs(import)?;
    let count = "SELECT count(*) FROM logs";
    let lines: i64 = source
        .connection
        .query_row(count, [], |row| row.get(0))
        .map_err(unread)?;
    let lowest = "SELECT min(coalesce(min(id), 1), 1) FROM logs";
    let lowest: i64 = import.connection.query_row(lowest, [], |row| row.get(0))?;
    let mut id = lowest.saturating_sub(lines);
    let sql = format!("SELECT {columns} FROM logs ORDER BY replace(substr(timestamp, 1, 19), 'T', ' ')");
    let mut statement = source.connection.prepare(&sql).map_err(unread)?;
    let mut rows = statement.query([]).map_err(unread)?;
    while let Some(row) = rows.next().map_err(unread)? {
        import.done.lines += 1;
        let Some(line) = log_line(row, import.options.read_time).map_err(unread)? else {
            import.done.unreadable += 1;
            continue;
        };
        if let Some(left) = here.get_mut(&digest(&line)).filter(|left| **left > 0) {
            *left -= 1;
            continue;
        }
        import
            .connection
            .prepare_cached(
                "INSERT INTO logs (id, at_ns, level, module, message) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                id,
                line.at.as_nanos(),
                line.level,
                line.module,
                line.message
            ])?;
        id += 1;
        import.done.new_lines += 1;
    }
    Ok(())
}

/// How often each line that was imported before is here; in 16 bytes each, whatever its length.
fn imported_logs(import: &Import<'_, '_>) -> rusqlite::Result<HashMap<u64, u32>> {
    let mut here = HashMap::new();
    let mut statement = import
        .connection
        .prepare("SELECT at_ns, level, module, message FROM logs WHERE id < 1")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let line = LogRow {
            at: WallTime::from_nanos(row.get(0)?),
            level: row.get(1)?,
            module: row.get(2)?,
            message: row.get(3)?,
        };
        *here.entry(digest(&line)).or_insert(0) += 1;
    }
    Ok(here)
}

fn digest(line: &LogRow) -> u64 {
    let mut hasher = DefaultHasher::new();
    (line.at.as_nanos(), &line.level, &line.module, &line.message).hash(&mut hasher);
    hasher.finish()
}

fn log_line(row: &Row<'_>, read_time: &dyn Fn(&str) -> Option<WallTime>) -> rusqlite::Result<Option<LogRow>> {
    let Some(at) = read_time(&text(row.get_ref(0)?)) else {
        return Ok(None);
    };
    let level = match text(row.get_ref(1)?).trim().to_lowercase().as_str() {
        "debug" => "debug",
        "warning" | "warn" => "warn",
        "error" | "critical" | "fatal" => "error",
        _ => "info",
    };
    let (message, traceback) = (text(row.get_ref(3)?), text(row.get_ref(4)?));
    let message = match traceback.trim() {
        "" | "None" => message,
        traceback => format!("{message}: {traceback}"),
    };
    Ok(Some(LogRow {
        at,
        level: level.to_owned(),
        module: line_of(&text(row.get_ref(2)?)),
        message: line_of(&message),
    }))
}
