//! Says why the store could not be opened or could not do as asked, in sentences for the person at the screen.

use std::path::PathBuf;

/// Why there is no store. Each is the operator's to mend; the sentence says how.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data directory cannot be made or used.
    #[error("cannot use the data directory {}: {why}\n  help: give another with  --data-dir DIR  or `storage.data_dir`", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// The system's words.
        why: String,
    },
    /// A file of the store cannot be made or used.
    #[error("cannot use {}: {why}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The system's words.
        why: String,
    },
    /// Another linewatch has this directory.
    #[error("the data directory {} is in use by {holder}\n  help: stop that one, or give this one its own with  --data-dir DIR", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
        /// `pid 123, since 2026-11-21T02:03:04Z`, as the holder wrote it.
        holder: String,
    },
    /// The database is from a later linewatch.
    #[error(
        "{} has schema {found}, written by a newer linewatch; this one knows schemas up to {known}\n  help: run the newer linewatch, \
         or move the file away and put the kept {}.v{known}.bak in its place (what was stored since is then not seen)",
        path.display(), path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// Our newest.
        known: i64,
    },
    /// A good SQLite file, but not ours.
    #[error("{} is the database of another program\n  help: move it away, or give another directory with  --data-dir DIR", path.display())]
    Foreign {
        /// The database.
        path: PathBuf,
    },
    /// Anything else SQLite refuses.
    #[error("cannot open {}: {why}", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// SQLite's words.
        why: String,
    },
}

/// Why a request to the running store failed. Measuring and the live view go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// SQLite refused; what waits is kept in memory and tried again.
    #[error("cannot write to the database: {0}")]
    Database(String),
    /// The store has been stopped.
    #[error("the store is stopped")]
    Stopped,
    /// 2^32 series have been given out.
    #[error("no series numbers are left in this database")]
    NoIdLeft,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.to_string())
    }
}
