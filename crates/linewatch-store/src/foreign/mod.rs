//! Takes over the histories of other tools: their databases, read only, into rollups, events and log lines of ours.
//!
//! Input: a foreign SQLite file, or spans of a round-robin archive; who is meant and in which zone the dates are is the caller's to
//! say. Output: one transaction; done twice it changes nothing. Each tool has a run of its own, the one in which it was first
//! imported, so that what came from elsewhere can be told from what was measured here. Not here: XML, names, words (`linewatch`).

mod cycle;
mod round_robin;
mod servers;
mod single;
mod source;
mod tiers;

use std::collections::HashMap;

use linewatch_core::target::TargetId;
use linewatch_core::time::WallTime;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use crate::error::StoreError;
use crate::retain::Retention;
use crate::sqlite::rows::{from_sql, to_sql};
use crate::sqlite::write::{NEXT_ROLLUP, SeriesKey, meta_number, register, set_meta};
use crate::store::Store;

pub use round_robin::{Archive, Span};
pub use source::{ForeignDatabase, ForeignError, ForeignTool};

/// Rows between two words about the progress.
const PROGRESS_ROWS: u64 = 1_000;

/// What a source says of one of its targets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seen {
    /// Its address, as written there.
    pub address: String,
    /// Free text; empty where the tool knows none.
    pub partner: String,
    /// Free text.
    pub country: String,
    /// Free text.
    pub extension: String,
}

/// Which series of ours that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The series.
    pub key: SeriesKey,
    /// What a person calls it.
    pub name: String,
    /// ISO code where it is known; told only of a series that says nothing yet.
    pub country: String,
    /// Free text, as above.
    pub partner: String,
    /// The host as it was written, or what the tool had in its place, as above.
    pub host: String,
}

/// What the caller of an import decides.
pub struct ImportOptions<'a> {
    /// Now.
    pub now: WallTime,
    /// What is older is not written in that tier.
    pub retention: Retention,
    /// Which series a target of the source is; asked once for each.
    pub identify: &'a mut dyn FnMut(&Seen) -> Identity,
    /// Reads a date of the source; `None`: it is none.
    pub read_time: &'a dyn Fn(&str) -> Option<WallTime>,
    /// Told how many rows of the source have been read.
    pub progress: &'a mut dyn FnMut(u64),
}

/// What an import came to. All are counts of the source unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Cycles, spans or events.
    pub rows: u64,
    /// Of them those whose date, or figures, cannot be read.
    pub unreadable: u64,
    /// Targets.
    pub targets: u64,
    /// Probes the source says were sent.
    pub sent: u64,
    /// Probes the source says were answered.
    pub replied: u64,
    /// Cycles that the source stored as nothing sent and 0 ms, because nothing answered.
    pub unreachable_cycles: u64,
    /// Lost probes that were counted for them, which the source does not have.
    pub unreachable_probes: u64,
    /// Events or log lines of the source, and those of them that were not here before.
    pub lines: u64,
    /// As said above.
    pub new_lines: u64,
    /// Rows of the tiers that were not here before, or are fuller now.
    pub new_rollups: u64,
    /// Ours: probes that the hours of this tool's run now hold, of all its imports.
    pub stored_sent: u64,
    /// Ours: answers among them.
    pub stored_replied: u64,
}

impl Store {
    /// Takes over everything of a foreign database, or nothing.
    ///
    /// # Errors
    ///
    /// [`ForeignError`]; nothing was changed then.
    pub fn import(
        &mut self,
        source: &ForeignDatabase,
        options: ImportOptions<'_>,
    ) -> Result<Imported, ForeignError> {
        self.import_with(source.tool(), options, |import| match source.tool() {
            ForeignTool::NetworkMonitoringSystem => servers::read(source, import),
            ForeignTool::LatencyMonitor => single::read(source, import),
            // No database is of this kind.
            ForeignTool::RoundRobin => Ok(()),
        })
    }

    /// Takes over the archives of a round-robin database, or nothing of it. `seen` is whom it measured.
    ///
    /// # Errors
    ///
    /// [`ForeignError`]; nothing was changed then.
    pub fn import_archives(
        &mut self,
        archives: Vec<Archive>,
        seen: &Seen,
        options: ImportOptions<'_>,
    ) -> Result<Imported, ForeignError> {
        self.import_with(ForeignTool::RoundRobin, options, |import| {
            round_robin::write(archives, seen, import)
        })
    }

    fn import_with(
        &mut self,
        tool: ForeignTool,
        options: ImportOptions<'_>,
        fill: impl FnOnce(&mut Import<'_, '_>) -> Result<(), ForeignError>,
    ) -> Result<Imported, ForeignError> {
        let behavior = TransactionBehavior::Immediate;
        let transaction = self.connection.transaction_with_behavior(behavior)?;
        let key = format!("run_of_{}", tool.word());
        let run = meta_number(&transaction, &key)?.map_or(self.begun.run, from_sql);
        set_meta(&transaction, &key, to_sql(run))?;
        let mut import = Import {
            connection: &transaction,
            run,
            next_rollup: self.begun.next_rollup,
            options,
            known: HashMap::new(),
            done: Imported::default(),
        };
        fill(&mut import)?;
        import.done.targets = import.known.len() as u64;
        let (done, next_rollup) = (import.stored()?, import.next_rollup);
        set_meta(&transaction, NEXT_ROLLUP, next_rollup)?;
        continue_gaps(&transaction, self.begun.run)?;
        transaction.commit()?;
        self.begun.next_rollup = next_rollup;
        Ok(done)
    }
}

/// Beginning this run has ended what was being measured with a gap up to now; nobody measures yet: the next start goes on with it.
fn continue_gaps(connection: &Connection, run: u64) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE targets SET is_active = 1 WHERE id IN (SELECT target FROM gaps WHERE run = ?1 AND kind IN ('stopped', 'crashed') \
         AND first_seq = 0 AND slots = 0)",
        [to_sql(run.saturating_sub(1))],
    )?;
    Ok(())
}

/// One import under way.
struct Import<'a, 'o> {
    connection: &'a Connection,
    /// Of this tool.
    run: u64,
    next_rollup: i64,
    options: ImportOptions<'o>,
    known: HashMap<Seen, TargetId>,
    done: Imported,
}

impl Import<'_, '_> {
    /// The series of a target of the source.
    fn target(&mut self, seen: &Seen) -> Result<TargetId, ForeignError> {
        if let Some(known) = self.known.get(seen) {
            return Ok(*known);
        }
        let identity = (self.options.identify)(seen);
        let target = register_once(self.connection, &identity, self.options.now)?;
        self.connection.execute(
            "UPDATE targets SET country = ?2, partner = ?3, host = ?4 WHERE id = ?1 AND country = '' AND partner = '' AND host = ''",
            params![target.0, identity.country, identity.partner, identity.host],
        )?;
        self.known.insert(seen.clone(), target);
        Ok(target)
    }

    /// One more row of the source was read.
    fn count_row(&mut self) {
        self.done.rows += 1;
        if self.done.rows.is_multiple_of(PROGRESS_ROWS) {
            (self.options.progress)(self.done.rows);
        }
    }

    /// What was done, with what is stored now.
    fn stored(&self) -> rusqlite::Result<Imported> {
        let mut done = self.done.clone();
        (done.stored_sent, done.stored_replied) = self.connection.query_row(
            "SELECT coalesce(sum(sent), 0), coalesce(sum(sent - lost), 0) FROM rollup_1h WHERE run = ?1",
            [to_sql(self.run)],
            |row| Ok((from_sql(row.get(0)?), from_sql(row.get(1)?))),
        )?;
        Ok(done)
    }
}

/// As [`register`], but a series that is there keeps its name.
fn register_once(
    connection: &Connection,
    identity: &Identity,
    now: WallTime,
) -> Result<TargetId, StoreError> {
    let key = &identity.key;
    let known: Option<u32> = connection
        .query_row(
            "SELECT id FROM targets WHERE slug = ?1 AND address = ?2 AND method = ?3 AND port = ?4",
            params![key.slug, key.address, key.method, key.port.unwrap_or(0)],
            |row| row.get(0),
        )
        .optional()?;
    match known {
        Some(known) => Ok(TargetId(known)),
        None => register(connection, key, &identity.name, now),
    }
}

/// One line of somebody's text: no control characters, and not longer than a person reads.
fn line_of(text: &str) -> String {
    const LINE_CHARS: usize = 2_000;
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let line: String = text.trim().chars().map(plain).take(LINE_CHARS).collect();
    line.trim_end().to_owned()
}
