//! Writes the log of an earlier connection to the disk once more, before anything in it is believed.
//!
//! After a failed fsync the system shows what it could not write as if it were on the disk, and a second fsync succeeds
//! without a write; so does the first one of a process that was started after that. A log is recovered by reading it: commits
//! would be believed, and later ones appended, behind a hole that only a power cut shows. Writing the same bytes again closes it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use rusqlite::Connection;
use rusqlite::ffi;

use crate::files::{beside, private_options};

/// Bytes written at a time.
const PART_BYTES: usize = 256 * 1024;

/// Writes the whole log again and waits until the disk has it; nothing to do without one. Nobody writes meanwhile: the
/// write lock is held. To be called before the connection's first own write.
///
/// # Errors
///
/// SQLite's: somebody holds the write lock, or the disk still fails.
pub(super) fn rewrite_log(connection: &Connection, database: &Path) -> rusqlite::Result<()> {
    let log = beside(database, "-wal");
    if log.metadata().map_or(0, |metadata| metadata.len()) == 0 {
        return Ok(());
    }
    connection.execute_batch("BEGIN IMMEDIATE")?;
    // It may be gone by now: then a last connection has closed it in order.
    let result = match private_options().read(true).write(true).open(&log) {
        Ok(mut file) => rewrite(&mut file),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    connection.execute_batch("ROLLBACK")?;
    result.map_err(|error| {
        tracing::debug!(target: "store", %error, "the log could not be written again");
        let code = match error.kind() {
            std::io::ErrorKind::ReadOnlyFilesystem => ffi::SQLITE_READONLY,
            _ => ffi::SQLITE_IOERR_FSYNC,
        };
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
    })
}

fn rewrite(file: &mut File) -> std::io::Result<()> {
    let mut part = vec![0; PART_BYTES];
    let mut offset = 0;
    loop {
        let read = file.read(&mut part)?;
        if read == 0 {
            return file.sync_data();
        }
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(&part[..read])?;
        offset += read as u64;
    }
}
