//! Opens the store of a data directory and begins a run with it.
//!
//! One process per directory; a damaged database is set aside and a new one begun; what the run before left
//! unfinished becomes gaps. Not here: the thread that writes from then on (`writer`).

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use linewatch_core::event::RunId;
use linewatch_core::port::Clock;
use linewatch_core::target::TargetId;
use linewatch_core::time::WallTime;
use rusqlite::Connection;

use crate::budget::Reserve;
use crate::error::{OpenError, StoreError};
use crate::files::{
    DATABASE, beside, lock, open_private, plain, prepare_directory, quarantine, sqlite_words,
    take_damage_mark, utc_text,
};
use crate::handle::{Shared, StoreHandle};
use crate::reader::Reader;
use crate::salvage::salvage;
use crate::sqlite::migrate::{MigrateError, inspect, migrate};
use crate::sqlite::schema::MIGRATIONS;
use crate::sqlite::write::{Begun, SeriesKey, begin_run, meta_text, register, set_meta};
use crate::sqlite::{connect, is_damage, is_full, is_io, open_reader, open_writer};
use crate::writer::spawn;

/// The run before was killed or lost its power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted {
    /// The newest moment that was committed.
    pub from: WallTime,
}

/// What [`Store::open`] found and made.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// This database's own random id, 32 hex digits: with run and seq it names anything of anybody's for ever.
    pub vantage: String,
    /// What the operator calls this monitor.
    pub vantage_name: String,
    /// This start.
    pub run: RunId,
    /// The run before did not end in order.
    pub interrupted: Option<Interrupted>,
    /// The run before ended in order, then.
    pub stopped_at: Option<WallTime>,
    /// What the operator should know, a sentence each.
    pub trouble: Vec<String>,
}

/// How the writer works.
pub struct StartOptions {
    /// Messages that may wait for the writer.
    pub queue: usize,
    /// Time between commits: what a kill -9 can cost.
    pub flush_interval: Duration,
    /// Tells when to flush, and which moment was committed.
    pub clock: Arc<dyn Clock + Sync>,
}

/// A store that is open and belongs to this process.
#[derive(Debug)]
pub struct Store {
    pub(crate) path: PathBuf,
    pub(crate) connection: Connection,
    pub(crate) begun: Begun,
    /// Held until the writer has ended.
    pub(crate) lock: File,
}

impl Store {
    /// Opens or makes the store in `dir` and begins a run.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: the directory or a file cannot be used, another linewatch has it, or the database is newer
    /// than this program or not ours. A damaged database is no error: it is set aside, and `trouble` says so.
    pub fn open(dir: &Path, vantage_name: &str, now: WallTime) -> Result<Opened, OpenError> {
        let dir = prepare_directory(dir)?;
        let lock = lock(&dir, now)?;
        let path = dir.join(DATABASE);
        let mut trouble = Vec::new();
        let open = |found: Found<'_>| open_database(&path, vantage_name, now, found);
        let damage = take_damage_mark(&path).then(|| "found while it was written".to_owned());
        let mut opened = match damage {
            Some(why) => begin_anew(&path, &why, now, open, &mut trouble)?,
            None => open(Found::Here),
        };
        let mut reserve = Reserve::new(dir.clone());
        if let Err(MigrateError::Sqlite(error)) = &opened
            && (is_full(error) || is_io(error) && reserve.is_disk_short())
        {
            // The rest of the way is the writer's: it makes room.
            reserve.release();
            opened = open(Found::Here);
        }
        if let Err(MigrateError::Sqlite(error)) = &opened
            && is_damage(error)
        {
            let why = error.to_string();
            opened = begin_anew(&path, &why, now, open, &mut trouble)?;
        }
        let (connection, vantage, begun) = opened.map_err(|error| explain(error, &path))?;
        Ok(Opened {
            vantage,
            vantage_name: vantage_name.to_owned(),
            run: RunId(begun.run),
            interrupted: (!begun.is_first && begun.stopped_at.is_none())
                .then_some(Interrupted { from: begun.alive_at }),
            stopped_at: begun.stopped_at,
            trouble,
            store: Self {
                path,
                connection,
                begun,
                lock,
            },
        })
    }

    /// The number of a series: the one it always had, or a new one.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be written.
    pub fn register(&mut self, key: &SeriesKey, name: &str, now: WallTime) -> Result<TargetId, StoreError> {
        register(&self.connection, key, name, now)
    }

    /// Starts the thread "store", which writes from now on.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub fn start(self, options: StartOptions) -> std::io::Result<(StoreHandle, Reader)> {
        let shared = Arc::new(Shared::new(self.path.clone()));
        // Nothing is open yet, as of the newest commit of all runs.
        shared.set_open(shared.open(), self.begun.flushes);
        let reader = Reader::new(Arc::clone(&shared));
        Ok((spawn(self, options, shared)?, reader))
    }
}

/// What a database begins with.
enum Found<'a> {
    /// What is at its place, if anything is.
    Here,
    /// What can be taken over from the damaged one, and where to say how much that was.
    Damaged(&'a Path, &'a mut String),
}

/// A database in use, its vantage, and what the run before left.
type InUse = (Connection, String, Begun);

/// Moves a damaged database away and begins a new one with what can be taken over; says so in `trouble`.
fn begin_anew(
    path: &Path,
    why: &str,
    now: WallTime,
    open: impl Fn(Found<'_>) -> Result<InUse, MigrateError>,
    trouble: &mut Vec<String>,
) -> Result<Result<InUse, MigrateError>, OpenError> {
    let aside = quarantine(path, now)?;
    let mut taken = String::new();
    let opened = open(Found::Damaged(&aside, &mut taken));
    trouble.push(format!(
        "the database was damaged ({why}): it was kept as {} and a new one was begun; {taken}",
        aside.display()
    ));
    Ok(opened)
}

fn open_database(path: &Path, name: &str, now: WallTime, found: Found<'_>) -> Result<InUse, MigrateError> {
    // Made by us: SQLite would let others read it, and its log takes the permissions of the database.
    for suffix in ["", "-wal", "-shm"] {
        let file = beside(path, suffix);
        if suffix.is_empty() || file.exists() {
            let refused = |error| {
                MigrateError::Refused(OpenError::File {
                    path: file.clone(),
                    why: plain(&error),
                })
            };
            open_private(&file).map_err(refused)?;
        }
    }
    // Before the first connection that may write: what is not ours stays as it is.
    match inspect(&open_reader(path)?, path, MIGRATIONS) {
        Err(MigrateError::Sqlite(error)) if is_half_begun(&error) => {
            roll_back(path)?;
            inspect(&open_reader(path)?, path, MIGRATIONS)?;
        }
        found => _ = found?,
    }
    let mut connection = open_writer(path)?;
    migrate(&mut connection, path, MIGRATIONS)?;
    check_readable(&connection)?;
    if let Found::Damaged(aside, taken) = found {
        *taken = salvage(&mut connection, aside)?;
    }
    let vantage = match meta_text(&connection, "vantage")? {
        Some(vantage) => vantage,
        None => {
            let vantage = new_vantage(path)?;
            set_meta(&connection, "vantage", &vantage)?;
            set_meta(&connection, "created", utc_text(now))?;
            vantage
        }
    };
    let begun = begin_run(&mut connection, name, now)?;
    Ok((connection, vantage, begun))
}

/// The power was cut while the file was begun, before it had a log: what a reader may not undo is left of that.
fn is_half_begun(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    code == Some(rusqlite::ffi::SQLITE_READONLY_ROLLBACK)
}

/// Lets SQLite undo what was not finished, as anybody's first look with permission to write would; nothing else is written.
fn roll_back(path: &Path) -> rusqlite::Result<()> {
    connect(path)?.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

/// Touches every table, so that plain damage shows now and not at the first flush.
fn check_readable(connection: &Connection) -> rusqlite::Result<()> {
    for table in [
        "meta",
        "targets",
        "recent_batches",
        "hot",
        "samples",
        "gaps",
        "events",
        "outages",
        "logs",
        "outbox",
        "alert_state",
        "silences",
        "acks",
        "evidence",
        "rollup_1s",
        "rollup_1m",
        "rollup_10m",
        "rollup_1h",
    ] {
        connection.query_row(
            &format!("SELECT count(*) FROM (SELECT * FROM {table} LIMIT 1)"),
            [],
            |_| Ok(()),
        )?;
    }
    Ok(())
}

fn new_vantage(path: &Path) -> Result<String, MigrateError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        let why = format!("no random number for its id: {error}");
        MigrateError::Refused(OpenError::Database {
            path: path.to_owned(),
            why,
        })
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn explain(error: MigrateError, path: &Path) -> OpenError {
    match error {
        MigrateError::Refused(error) => error,
        MigrateError::Sqlite(error) => OpenError::Database {
            path: path.to_owned(),
            why: sqlite_words(&error),
        },
    }
}
