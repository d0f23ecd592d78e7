//! Reads the events of Latency Monitor: losses and exceeded thresholds of the target it had at that time.
//!
//! They are events and no samples: how many probes there were between them, that tool did not keep.

use std::collections::HashSet;

use linewatch_core::event::{Event, EventId, EventKind, Excess, RunId, Severity};
use linewatch_core::target::TargetId;
use linewatch_core::time::{Rtt, WallTime};
use rusqlite::{Row, params};

use super::cycle::Times;
use super::source::{ForeignDatabase, columns, number, text};
use super::{ForeignError, Import, Seen, line_of};
use crate::sqlite::rows::{from_sql, to_sql};
use crate::sqlite::write::insert_event;

const COLUMNS: [&str; 6] = [
    "timestamp",
    "event_type",
    "latency_ms",
    "threshold_ms",
    "destination_ip",
    "message",
];
const NANOS_PER_MS: f64 = 1e6;

/// Takes over all events that are not here yet.
pub(super) fn read(source: &ForeignDatabase, import: &mut Import<'_, '_>) -> Result<(), ForeignError> {
    let unread = |error: rusqlite::Error| source.unread(&error);
    let columns = columns(&source.connection, "events", &COLUMNS).map_err(unread)?;
    let sql = format!("SELECT {columns} FROM events ORDER BY replace(substr(timestamp, 1, 26), 'T', ' ')");
    let next = "SELECT coalesce(max(seq) + 1, 0) FROM events WHERE run = ?1";
    let run = to_sql(import.run);
    let mut seq = from_sql(import.connection.query_row(next, [run], |row| row.get(0))?);
    // Of this import: what it wrote itself was not here before, even where two rows say the same.
    let first_seq = seq;
    let mut matched = Matched::default();
    let mut statement = source.connection.prepare(&sql).map_err(unread)?;
    let mut rows = statement.query([]).map_err(unread)?;
    while let Some(row) = rows.next().map_err(unread)? {
        import.count_row();
        let Some((seen, mut event)) = event(row, import.options.read_time).map_err(unread)? else {
            import.done.unreadable += 1;
            continue;
        };
        import.done.lines += 1;
        let target = import.target(&seen)?;
        event.target = Some(target);
        if matched.is_here(import, &event, target, first_seq)? {
            continue;
        }
        event.id = EventId {
            run: RunId(import.run),
            seq,
        };
        insert_event(import.connection, &event)?;
        seq += 1;
        import.done.new_lines += 1;
    }
    Ok(())
}

/// The events of one moment that have been found again: two that say the same are two.
#[derive(Default)]
struct Matched {
    at: Option<WallTime>,
    seqs: HashSet<i64>,
}

impl Matched {
    fn is_here(
        &mut self,
        import: &Import<'_, '_>,
        event: &Event,
        target: TargetId,
        first_seq: u64,
    ) -> rusqlite::Result<bool> {
        if self.at != Some(event.at) {
            self.at = Some(event.at);
            self.seqs.clear();
        }
        let mut statement = import.connection.prepare_cached(
            "SELECT seq FROM events WHERE at_ns = ?1 AND run = ?2 AND seq < ?3 AND kind = ?4 AND target = ?5 AND message = ?6",
        )?;
        let mut same = statement.query(params![
            event.at.as_nanos(),
            to_sql(import.run),
            to_sql(first_seq),
            event.kind.word(),
            target.0,
            event.message
        ])?;
        while let Some(row) = same.next()? {
            if self.seqs.insert(row.get(0)?) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// `None`: it has no date, no address, or is of a kind that is not known.
fn event(
    row: &Row<'_>,
    read_time: &dyn Fn(&str) -> Option<WallTime>,
) -> rusqlite::Result<Option<(Seen, Event)>> {
    let at = read_time(&text(row.get_ref(0)?));
    let kind = match text(row.get_ref(1)?).trim() {
        "packet_loss" => Some(EventKind::PacketLoss),
        "threshold_exceeded" => Some(EventKind::ThresholdExceeded),
        _ => None,
    };
    let address = line_of(&text(row.get_ref(4)?));
    let (Some(at), Some(kind), false) = (at, kind, address.is_empty()) else {
        return Ok(None);
    };
    let time = |column: usize| {
        let ms = number(row.get_ref(column)?).unwrap_or(0.0);
        let is_time = Times::known(ms, ms, ms, None).is_some();
        Ok::<_, rusqlite::Error>(is_time.then(|| Rtt::from_nanos((ms * NANOS_PER_MS).round() as u64)))
    };
    let (peak, limit) = (time(2)?, time(3)?);
    let excess = match kind {
        EventKind::ThresholdExceeded => peak.zip(limit).map(|(peak, limit)| Excess { peak, limit }),
        _ => None,
    };
    let message = match (line_of(&text(row.get_ref(5)?)), excess) {
        (message, _) if !message.is_empty() => message,
        (_, Some(excess)) => format!(
            "answered after {} ms, above {} ms",
            excess.peak.as_nanos() as f64 / NANOS_PER_MS,
            excess.limit.as_nanos() as f64 / NANOS_PER_MS
        ),
        (_, None) => "a probe was lost".to_owned(),
    };
    let event = Event {
        // Given by the caller.
        id: EventId {
            run: RunId(0),
            seq: 0,
        },
        kind,
        severity: Severity::Warning,
        target: None,
        at,
        until: Some(at),
        count: 1,
        excess,
        message,
    };
    let seen = Seen {
        address,
        ..Seen::default()
    };
    Ok(Some((seen, event)))
}
