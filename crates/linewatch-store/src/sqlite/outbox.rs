//! Writes and reads what is to be told: letters, what the rules remember, silences, acknowledgements.

use linewatch_core::time::WallTime;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::letter::{
    Acknowledged, Fate, Letter, LetterState, NewLetter, NewSilence, Redirect, StoredSilence, Told, event_id,
};
use crate::sqlite::rows::{from_sql, to_sql};
use crate::sqlite::write::{meta_text, set_meta};

/// Letters that were sent are kept for people, this many of them; so are those that were given up.
const KEPT: i64 = 1_000;
/// Acknowledgements are kept as long, by count: 10,000 of some 100 B.
const KEPT_ACKS: i64 = 10_000;

/// Key of `meta`: up to where reports were told, as text of the caller.
const REPORT_TOLD: &str = "report_told";

const COLUMNS: &str = "id, destination, made_ns, due_ns, attempts, state, message_id, notification, tried_with, last_error, sent_ns";

/// Writes one decision. What has been put in before stays as it is.
pub(crate) fn insert(connection: &Connection, told: &Told) -> rusqlite::Result<()> {
    told.letters
        .iter()
        .try_for_each(|letter| insert_letter(connection, letter))?;
    if let Some(snapshot) = &told.snapshot {
        connection
            .prepare_cached("INSERT OR REPLACE INTO alert_state (id, snapshot) VALUES (1, ?1)")?
            .execute([snapshot])?;
    }
    Ok(())
}

fn insert_letter(connection: &Connection, letter: &NewLetter) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT OR IGNORE INTO outbox (destination, made_ns, due_ns, message_id, notification) \
         VALUES (?1, ?2, ?2, ?3, ?4)",
    )?;
    insert.execute(params![
        letter.destination,
        letter.made.as_nanos(),
        letter.message_id,
        letter.notification
    ])?;
    Ok(())
}

/// Puts the letters of one report in, and remembers that it was told; `None` forgets what was remembered.
pub(crate) fn insert_report(
    connection: &Connection,
    letters: &[NewLetter],
    mark: Option<&str>,
) -> rusqlite::Result<()> {
    letters
        .iter()
        .try_for_each(|letter| insert_letter(connection, letter))?;
    match mark {
        Some(mark) => set_meta(connection, REPORT_TOLD, mark),
        None => connection
            .execute("DELETE FROM meta WHERE key = ?1", [REPORT_TOLD])
            .map(drop),
    }
}

pub(crate) fn report_mark(connection: &Connection) -> rusqlite::Result<Option<String>> {
    meta_text(connection, REPORT_TOLD)
}

pub(crate) fn waiting(
    connection: &Connection,
    destination: &str,
    limit: usize,
) -> rusqlite::Result<Vec<Letter>> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM outbox WHERE state = 'waiting' AND destination = ?1 ORDER BY id LIMIT ?2"
    ))?;
    let rows = select.query_map(params![destination, limit as i64], letter)?;
    rows.collect()
}

pub(crate) fn destinations(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut select = connection
        .prepare_cached("SELECT DISTINCT destination FROM outbox WHERE state = 'waiting' ORDER BY 1")?;
    let rows = select.query_map([], |row| row.get(0))?;
    rows.collect()
}

pub(crate) fn newest(
    connection: &Connection,
    state: LetterState,
    limit: usize,
) -> rusqlite::Result<Vec<Letter>> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM outbox WHERE state = ?1 ORDER BY id DESC LIMIT ?2"
    ))?;
    let rows = select.query_map(params![state.word(), limit as i64], letter)?;
    rows.collect()
}

fn letter(row: &Row<'_>) -> rusqlite::Result<Letter> {
    let state: String = row.get(5)?;
    Ok(Letter {
        id: row.get(0)?,
        destination: row.get(1)?,
        made: WallTime::from_nanos(row.get(2)?),
        due: WallTime::from_nanos(row.get(3)?),
        attempts: row.get(4)?,
        // A word of a later version is nothing we may send.
        state: LetterState::ALL
            .into_iter()
            .find(|known| known.word() == state)
            .unwrap_or(LetterState::Dead),
        message_id: row.get(6)?,
        notification: row.get(7)?,
        tried_with: row.get(8)?,
        last_error: row.get(9)?,
        sent: row.get::<_, Option<i64>>(10)?.map(WallTime::from_nanos),
    })
}

pub(crate) fn note_fate(connection: &mut Connection, letters: &[i64], fate: &Fate) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for id in letters {
        let row = "WHERE id = ?1 AND state = 'waiting'";
        match fate {
            Fate::Trying { with } => transaction
                .prepare_cached(&format!(
                    "UPDATE outbox SET tried_with = ?2, attempts = attempts + 1 {row}"
                ))?
                .execute(params![id, with])?,
            Fate::Sent { at, note, .. } => transaction
                .prepare_cached(&format!(
                    "UPDATE outbox SET state = 'sent', sent_ns = ?2, last_error = ?3, tried_with = NULL {row}"
                ))?
                .execute(params![id, at.as_nanos(), note])?,
            Fate::Failed { due, why, is_unknown } => transaction
                .prepare_cached(&format!(
                    "UPDATE outbox SET due_ns = ?2, last_error = ?3, tried_with = iif(?4, tried_with, NULL) {row}"
                ))?
                .execute(params![id, due.as_nanos(), why, is_unknown])?,
            Fate::Dead { why } => transaction
                .prepare_cached(&format!(
                    "UPDATE outbox SET state = 'dead', last_error = ?2, tried_with = NULL {row}"
                ))?
                .execute(params![id, why])?,
        };
    }
    if let Fate::Sent { also, .. } = fate {
        also.iter()
            .try_for_each(|letter| insert_letter(&transaction, letter))?;
    }
    if matches!(fate, Fate::Sent { .. } | Fate::Dead { .. }) {
        forget_old(&transaction)?;
    }
    transaction.commit()
}

fn forget_old(connection: &Connection) -> rusqlite::Result<()> {
    let mut delete = connection.prepare_cached(
        "DELETE FROM outbox WHERE state = ?1 AND id <= \
         (SELECT id FROM outbox WHERE state = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
    )?;
    for state in [LetterState::Sent, LetterState::Dead] {
        delete.execute(params![state.word(), KEPT])?;
    }
    Ok(())
}

pub(crate) fn retry(connection: &Connection, id: i64, now: WallTime) -> rusqlite::Result<bool> {
    // Its age counts anew: it would be given up again at once.
    let changed = connection.execute(
        "UPDATE outbox SET state = 'waiting', attempts = 0, due_ns = ?2, made_ns = ?2 WHERE id = ?1 AND state = 'dead'",
        params![id, now.as_nanos()],
    )?;
    Ok(changed > 0)
}

/// In place: the same letter, for somebody else, who is told of it after what was decided before it.
pub(crate) fn redirect(
    connection: &Connection,
    id: i64,
    to: &Redirect,
    now: WallTime,
) -> rusqlite::Result<bool> {
    let changed = connection.execute(
        // Its age counts anew, as for one that is tried again.
        "UPDATE outbox SET destination = ?2, message_id = ?3, state = 'waiting', attempts = 0, due_ns = ?4, made_ns = ?4, \
         last_error = NULL, tried_with = NULL WHERE id = ?1 AND state = 'dead'",
        params![id, to.destination, to.message_id, now.as_nanos()],
    )?;
    Ok(changed > 0)
}

pub(crate) fn dead(connection: &Connection, id: i64) -> rusqlite::Result<Option<Letter>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM outbox WHERE id = ?1 AND state = 'dead'"
        ))?
        .query_row([id], letter)
        .optional()
}

pub(crate) fn discard(connection: &Connection, id: i64) -> rusqlite::Result<bool> {
    let changed = connection.execute("DELETE FROM outbox WHERE id = ?1 AND state = 'dead'", [id])?;
    Ok(changed > 0)
}

pub(crate) fn alert_state(connection: &Connection) -> rusqlite::Result<Option<String>> {
    connection
        .query_row("SELECT snapshot FROM alert_state", [], |row| row.get(0))
        .optional()
}

pub(crate) fn silences(connection: &Connection, now: WallTime) -> rusqlite::Result<Vec<StoredSilence>> {
    connection.execute("DELETE FROM silences WHERE until_ns <= ?1", [now.as_nanos()])?;
    let mut select = connection
        .prepare_cached("SELECT id, matcher, until_ns, comment, made_ns FROM silences ORDER BY id")?;
    let rows = select.query_map([], |row| {
        Ok(StoredSilence {
            id: from_sql(row.get(0)?),
            silence: NewSilence {
                matcher: row.get(1)?,
                until: WallTime::from_nanos(row.get(2)?),
                comment: row.get(3)?,
                made: WallTime::from_nanos(row.get(4)?),
            },
        })
    })?;
    rows.collect()
}

pub(crate) fn add_silence(connection: &Connection, silence: &NewSilence) -> rusqlite::Result<u64> {
    connection.execute(
        "INSERT INTO silences (matcher, until_ns, comment, made_ns) VALUES (?1, ?2, ?3, ?4)",
        params![
            silence.matcher,
            silence.until.as_nanos(),
            silence.comment,
            silence.made.as_nanos()
        ],
    )?;
    Ok(from_sql(connection.last_insert_rowid()))
}

pub(crate) fn remove_silence(connection: &Connection, id: u64) -> rusqlite::Result<bool> {
    Ok(connection.execute("DELETE FROM silences WHERE id = ?1", [to_sql(id)])? > 0)
}

pub(crate) fn acknowledge(connection: &Connection, acknowledged: &Acknowledged) -> rusqlite::Result<()> {
    connection.execute(
        // The first one counts; a note may still be written, or written anew.
        "INSERT INTO acks (run, seq, at_ns, who, note) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (run, seq) DO UPDATE SET note = excluded.note, \
         who = iif(acks.who = '', excluded.who, acks.who) WHERE excluded.note <> ''",
        params![
            to_sql(acknowledged.event.run.0),
            to_sql(acknowledged.event.seq),
            acknowledged.at.as_nanos(),
            acknowledged.who,
            acknowledged.note
        ],
    )?;
    connection.execute(
        "DELETE FROM acks WHERE (run, seq) IN (SELECT run, seq FROM acks ORDER BY run DESC, seq DESC LIMIT -1 OFFSET ?1)",
        [KEPT_ACKS],
    )?;
    Ok(())
}

pub(crate) fn acknowledgements(connection: &Connection, limit: usize) -> rusqlite::Result<Vec<Acknowledged>> {
    let mut select = connection
        .prepare_cached("SELECT run, seq, at_ns, who, note FROM acks ORDER BY run DESC, seq DESC LIMIT ?1")?;
    let rows = select.query_map([limit as i64], |row| {
        Ok(Acknowledged {
            event: event_id(from_sql(row.get(0)?), from_sql(row.get(1)?)),
            at: WallTime::from_nanos(row.get(2)?),
            who: row.get(3)?,
            note: row.get(4)?,
        })
    })?;
    rows.collect()
}
