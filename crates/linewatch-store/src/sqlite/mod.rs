//! The only place with SQL: connections and their settings.

pub(crate) mod evidence;
mod log;
pub(crate) mod migrate;
pub(crate) mod outbox;
pub(crate) mod read;
pub(crate) mod retain;
pub(crate) mod rollups;
pub(crate) mod rows;
pub(crate) mod schema;
pub(crate) mod stage;
pub(crate) mod write;

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

/// How long one statement waits for somebody else's lock. Short: what waits is safe in memory and tried again
/// at the next flush, and no wait inside a turn may reach the watchdog's 5 s.
pub(crate) const BUSY: Duration = Duration::from_secs(1);

/// A connection that may write to a file that exists, and through no link; with no settings of ours yet.
pub(crate) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    Connection::open_with_flags(path, flags)
}

/// The one connection that writes. The file must exist; SQLite gives its log the same permissions.
pub(crate) fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path)?;
    connection.busy_timeout(BUSY)?;
    log::rewrite_log(&connection, path)?;
    // Both only take effect before the first table. 8192 would waste 57 % of a page on blobs of 5 KB.
    connection.pragma_update(None, "page_size", 4096)?;
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // FULL: 2,000 replayed power cuts lost nothing acknowledged; NORMAL lost up to 35 rows.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Checkpoints come from another connection: inside a commit they stalled it by 44 ms.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", 16 * 1024 * 1024, |_| Ok(()))?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// A connection that moves the log into the database while the writer goes on.
pub(crate) fn open_checkpointer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// A connection that cannot write.
pub(crate) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// The file itself is damaged: nothing but another file helps.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

/// The system failed below SQLite: nothing this connection believes can be trusted any more.
pub(crate) fn is_io(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen)
    )
}

/// A connection that found the file read-only stays so, even when the file no longer is.
pub(crate) fn is_read_only(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ReadOnly)
}

/// There is no room: on the disk, or below the bound on pages.
pub(crate) fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
}
