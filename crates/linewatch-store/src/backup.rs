//! Copies a database that is in use, by SQLite's own backup: one moment of it, checked, in one file.
//!
//! The copy is made under another name beside its place and renamed when it is whole and on disk. A read transaction
//! holds the moment: without it each commit of the writer would begin the copy anew. Not here: where it goes (`cli`).

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use linewatch_core::port::{BackupCopy, HistoryError};
use rusqlite::backup::{Backup, StepResult};

use crate::error::OpenError;
use crate::examine::free_bytes;
use crate::files::{DATABASE, beside, open_private, plain, sqlite_words};
use crate::sqlite::migrate::{MigrateError, inspect};
use crate::sqlite::rows::from_sql;
use crate::sqlite::schema::MIGRATIONS;
use crate::sqlite::{connect, open_reader};

/// Pages copied between two words about the progress: 4 MB.
const STEP_PAGES: std::ffi::c_int = 1024;
/// Bytes of one piece of a copy that is read out.
const PIECE_BYTES: usize = 256 << 10;
/// Room that a copy leaves on the disk.
const ROOM_LEFT_BYTES: u64 = 16 << 20;

/// How far a copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupProgress {
    /// So many bytes of so many are copied.
    Copied {
        /// So far.
        bytes: u64,
        /// In all.
        of_bytes: u64,
    },
    /// All are; they are being checked.
    Checking,
}

/// Why there is no copy. Nothing is left behind, and what was at its place is still there.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database cannot be used.
    #[error(transparent)]
    Source(#[from] OpenError),
    /// Something is at the place of the copy.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// The disk has no room for it.
    #[error("{}: the copy needs {need_bytes} bytes, and the disk has {free_bytes}", path.display())]
    NoRoom {
        /// Of the copy.
        path: PathBuf,
        /// What it needs.
        need_bytes: u64,
        /// What there is.
        free_bytes: u64,
    },
    /// A file of the copy cannot be made.
    #[error("cannot write {}: {why}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The system's words.
        why: String,
    },
    /// SQLite failed.
    #[error("cannot copy the database: {0}")]
    Database(String),
    /// The copy is not whole: the database itself may be damaged.
    #[error("the copy is damaged ({0}): so is probably the database; `linewatch doctor` looks at it")]
    Unsound(String),
}

impl From<rusqlite::Error> for BackupError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(sqlite_words(&error))
    }
}

/// Copies the database of a data directory to a file, beside the linewatch that may be writing it. Bytes of the copy.
///
/// # Errors
///
/// [`BackupError`]; a file at the place of the copy is one unless `is_forced`.
pub fn backup(
    dir: &Path,
    to: &Path,
    is_forced: bool,
    mut progress: impl FnMut(BackupProgress),
) -> Result<u64, BackupError> {
    let source = dir.join(DATABASE);
    if !source.exists() {
        return Err(BackupError::Source(OpenError::File {
            path: source,
            why: "nothing has been stored there yet".to_owned(),
        }));
    }
    // A link that leads nowhere is something, too.
    if !is_forced && to.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let copy = Temporary(beside(to, &format!(".{}.tmp", std::process::id())));
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error: std::io::Error| BackupError::File {
            path,
            why: plain(&error),
        }
    };
    copy_checked(&source, &copy.0, &mut progress)?;
    let file = File::open(&copy.0).map_err(failed(&copy.0))?;
    file.sync_all().map_err(failed(&copy.0))?;
    let bytes = file.metadata().map_err(failed(&copy.0))?.len();
    std::fs::rename(&copy.0, to).map_err(failed(to))?;
    sync_directory(to).map_err(failed(to))?;
    Ok(bytes)
}

/// A checked copy in pieces, for somebody far away. It lies beside the database until it is read.
pub(crate) fn copy_in_pieces(database: &Path, number: u64) -> Result<BackupCopy, HistoryError> {
    let copy = Temporary(beside(
        database,
        &format!(".copy-{}-{number}.tmp", std::process::id()),
    ));
    copy_checked(database, &copy.0, &mut |_| {}).map_err(|error| HistoryError(error.to_string()))?;
    let unread = |error: std::io::Error| HistoryError(format!("cannot read the copy: {}", plain(&error)));
    let mut file = File::open(&copy.0).map_err(unread)?;
    let size_bytes = file.metadata().map_err(unread)?.len();
    let pieces = std::iter::from_fn(move || {
        // Removed when the last piece is read, or when nobody wants more.
        let _copy = &copy;
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        match file.by_ref().take(PIECE_BYTES as u64).read_to_end(&mut piece) {
            Ok(0) => None,
            Ok(_) => Some(Ok(piece)),
            Err(error) => Some(Err(unread(error))),
        }
    });
    Ok(BackupCopy {
        size_bytes,
        pieces: Box::new(pieces),
    })
}

/// A file that is gone when this is dropped, unless it was renamed.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            // Most of them never were, and the copy itself has another name now if all went well.
            let _ = std::fs::remove_file(beside(&self.0, suffix));
        }
    }
}

fn copy_checked(
    source: &Path,
    copy: &Path,
    progress: &mut impl FnMut(BackupProgress),
) -> Result<(), BackupError> {
    let from = open_reader(source)?;
    match inspect(&from, source, MIGRATIONS) {
        Ok(_) => {}
        Err(MigrateError::Refused(refused)) => return Err(refused.into()),
        Err(MigrateError::Sqlite(error)) => return Err(error.into()),
    }
    let moment = from.unchecked_transaction()?;
    let number = |name: &str| moment.pragma_query_value(None, name, |row| row.get(0));
    let (page_bytes, pages) = (from_sql(number("page_size")?), from_sql(number("page_count")?));
    check_room(copy, page_bytes * pages)?;
    // Made by us first, so that the copy is as private as the original.
    open_private(copy).map_err(|error| BackupError::File {
        path: copy.to_owned(),
        why: plain(&error),
    })?;
    let mut into = connect(copy)?;
    let steps = Backup::new(&moment, &mut into)?;
    loop {
        let step = steps.step(STEP_PAGES)?;
        let done = steps.progress();
        let pages = |count: std::ffi::c_int| u64::try_from(count).unwrap_or(0) * page_bytes;
        progress(BackupProgress::Copied {
            bytes: pages(done.pagecount - done.remaining),
            of_bytes: pages(done.pagecount),
        });
        match step {
            StepResult::Done => break,
            StepResult::More => {}
            // Nobody else knows the copy, and the source is held by our own transaction.
            _ => return Err(BackupError::Database("it is locked".to_owned())),
        }
    }
    drop(steps);
    moment.finish()?;
    progress(BackupProgress::Checking);
    // One file, complete in itself: the next linewatch that opens it sets its own mode again.
    into.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    let word: String = into.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if word != "ok" {
        return Err(BackupError::Unsound(word));
    }
    Ok(())
}

fn check_room(copy: &Path, need_bytes: u64) -> Result<(), BackupError> {
    let dir = copy.parent().filter(|dir| !dir.as_os_str().is_empty());
    let free = free_bytes(dir.unwrap_or(Path::new(".")));
    match free {
        Some(free_bytes) if free_bytes < need_bytes.saturating_add(ROOM_LEFT_BYTES) => {
            Err(BackupError::NoRoom {
                path: copy.to_owned(),
                need_bytes: need_bytes.saturating_add(ROOM_LEFT_BYTES),
                free_bytes,
            })
        }
        _ => Ok(()),
    }
}

/// A new name is on disk when its directory is. Windows has no such call; there the rename is enough.
fn sync_directory(of: &Path) -> std::io::Result<()> {
    if cfg!(windows) {
        return Ok(());
    }
    let dir = of.parent().filter(|dir| !dir.as_os_str().is_empty());
    File::open(dir.unwrap_or(Path::new(".")))?.sync_all()
}
