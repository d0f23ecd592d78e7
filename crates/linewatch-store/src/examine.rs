//! Looks at a data directory without changing anything in it: for `doctor`.
//!
//! Input: the directory. Output: room, permission, who has it, and whether the database is sound. Nothing is
//! created; the database is read as a file that nobody writes, and only if that is so. Not here: what is enough.

use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use crate::files::{DAMAGED, DATABASE, LOCK, beside, holder, private_options, sqlite_words};
use crate::sqlite::migrate::{MigrateError, inspect};
use crate::sqlite::schema::MIGRATIONS;

/// Larger databases are not read through: at 500 MB/s from a good disk this is half a second.
const CHECKED_BYTES_MAX: u64 = 256 << 20;

/// What a data directory is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// The directory that would be written to: the data directory itself, or the nearest above it that exists.
    pub standing: PathBuf,
    /// The data directory exists.
    pub exists: bool,
    /// What keeps us from writing, if anything does.
    pub obstacle: Option<Obstacle>,
    /// Bytes an ordinary user can still write there; `None` where the file system does not tell.
    pub free_bytes: Option<u64>,
    /// Bytes of the database and its log.
    pub used_bytes: u64,
    /// Who has the directory: `pid 123, since 2026-11-21T02:03:04Z`.
    pub holder: Option<String>,
    /// The database in it.
    pub database: Soundness,
}

/// Why nothing can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The file system is mounted read-only.
    ReadOnly,
    /// This user may not write there; the path that refuses.
    Permission(PathBuf),
    /// It is not a directory.
    NotDirectory,
    /// The system's other words.
    Other(String),
}

/// Whether a database is sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Soundness {
    /// There is none yet.
    Absent,
    /// It was read through and is whole.
    Sound,
    /// It is in use: checking it is its holder's business.
    InUse,
    /// Its last holder did not close it; its log holds what is missing. The next start takes that in.
    Unclosed,
    /// Reading it through would take long.
    Large,
    /// It is damaged, or not ours, or cannot be read; the sentence.
    Bad(String),
}

/// Looks.
pub fn examine(dir: &Path) -> Disk {
    let standing = standing(dir);
    let exists = dir.exists();
    let database = dir.join(DATABASE);
    let used_bytes = ["", "-wal"]
        .iter()
        .filter_map(|suffix| beside(&database, suffix).metadata().ok())
        .map(|metadata| metadata.len())
        .sum();
    let holder = if exists { holder_of(dir) } else { None };
    Disk {
        obstacle: obstacle(&standing, &database),
        free_bytes: free_bytes(&standing),
        used_bytes,
        database: soundness(&database, holder.is_some()),
        standing,
        exists,
        holder,
    }
}

/// The directory itself, or the nearest above it that exists.
fn standing(dir: &Path) -> PathBuf {
    let above = dir.ancestors().find(|path| path.exists());
    match above {
        Some(path) if !path.as_os_str().is_empty() => path.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(unix)]
fn obstacle(standing: &Path, database: &Path) -> Option<Obstacle> {
    use nix::errno::Errno;
    use nix::unistd::{AccessFlags, access};

    if !standing.is_dir() {
        return Some(Obstacle::NotDirectory);
    }
    let all = AccessFlags::R_OK | AccessFlags::W_OK;
    let asked = [(standing, all | AccessFlags::X_OK), (database, all)];
    for (path, wanted) in asked {
        match access(path, wanted) {
            // A database that is not there yet will be made.
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(Errno::EROFS) => return Some(Obstacle::ReadOnly),
            Err(Errno::EACCES) => return Some(Obstacle::Permission(path.to_owned())),
            Err(errno) => return Some(Obstacle::Other(errno.desc().to_lowercase())),
        }
    }
    None
}

/// Windows tells by trying only, and nothing is tried here: what it will refuse is seen at the start.
#[cfg(windows)]
fn obstacle(standing: &Path, database: &Path) -> Option<Obstacle> {
    if !standing.is_dir() {
        return Some(Obstacle::NotDirectory);
    }
    let is_read_only = database
        .metadata()
        .is_ok_and(|found| found.permissions().readonly());
    is_read_only.then(|| Obstacle::Permission(database.to_owned()))
}

/// Bytes an ordinary user can still write on the file system of this path; `None` where it does not tell.
#[cfg(unix)]
pub(crate) fn free_bytes(path: &Path) -> Option<u64> {
    let room = nix::sys::statvfs::statvfs(path).ok()?;
    // Both are narrower than 64 bits on some systems.
    #[allow(clippy::useless_conversion, reason = "only here they are not")]
    let (blocks, bytes) = (
        u64::from(room.blocks_available()),
        u64::from(room.fragment_size()),
    );
    blocks.checked_mul(bytes)
}

/// Not asked on Windows: the call has no safe wrapper here.
#[cfg(windows)]
pub(crate) fn free_bytes(_: &Path) -> Option<u64> {
    None
}

/// Who has the data directory, if anybody: `pid 123, since 2026-11-21T02:03:04Z`.
///
/// Asks for the lock as one more reader and gives it back at once: a linewatch that starts in the very same
/// microseconds would be told that the directory is in use.
pub fn holder_of(dir: &Path) -> Option<String> {
    let file: File = private_options().read(true).open(dir.join(LOCK)).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(holder(&file)),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

fn soundness(database: &Path, is_held: bool) -> Soundness {
    let Ok(metadata) = database.metadata() else {
        return Soundness::Absent;
    };
    let log_bytes = beside(database, "-wal").metadata().map_or(0, |log| log.len());
    if is_held {
        Soundness::InUse
    } else if beside(database, DAMAGED).exists() {
        Soundness::Bad("it was found damaged while it was written".to_owned())
    } else if log_bytes > 0 {
        Soundness::Unclosed
    } else if metadata.len() > CHECKED_BYTES_MAX {
        Soundness::Large
    } else {
        read_through(database)
    }
}

fn read_through(database: &Path) -> Soundness {
    let checked = open_unchanged(database)
        .map_err(MigrateError::Sqlite)
        .and_then(|connection| {
            inspect(&connection, database, MIGRATIONS)?;
            Ok(connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))?)
        });
    match checked {
        Ok(word) if word == "ok" => Soundness::Sound,
        Ok(complaint) => Soundness::Bad(complaint),
        Err(MigrateError::Refused(refused)) => {
            // The help behind it is the caller's to give.
            let text = refused.to_string();
            Soundness::Bad(text.lines().next().unwrap_or_default().to_owned())
        }
        Err(MigrateError::Sqlite(error)) => Soundness::Bad(sqlite_words(&error)),
    }
}

/// `immutable`: SQLite makes neither log nor shared memory beside it. True only while nobody writes it.
fn open_unchanged(database: &Path) -> rusqlite::Result<Connection> {
    // A path of Windows begins with its drive, before which a URI has a slash (sqlite.org/uri.html).
    let root = if cfg!(windows) { "/" } else { "" };
    let uri = format!("file:{root}{}?immutable=1", escaped(database.as_os_str()));
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(uri, flags)
}

/// A path as it may stand in a URI (RFC 3986): everything but the plainest characters by its number.
fn escaped(path: &OsStr) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                uri.push(char::from(*byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use linewatch_core::time::WallTime;

    use super::*;
    use crate::store::Store;

    /// Names in the directory, sorted.
    fn names(dir: &Path) -> Vec<String> {
        let entries = dir.read_dir().expect("a directory");
        let mut names: Vec<String> = entries
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_directory_that_is_not_there_yet_is_looked_for_above() {
        let dir = tempfile::tempdir().expect("a directory");
        let disk = examine(&dir.path().join("a/b"));
        assert_eq!(
            (disk.standing.as_path(), disk.exists, disk.obstacle, disk.database),
            (dir.path(), false, None, Soundness::Absent)
        );
        assert!(names(dir.path()).is_empty(), "nothing was made");
    }

    #[test]
    fn a_database_in_use_names_its_holder_and_is_left_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let opened = Store::open(dir.path(), "test", WallTime::default()).expect("opens");
        let disk = examine(dir.path());
        assert_eq!(disk.database, Soundness::InUse);
        let holder = disk.holder.expect("named");
        assert!(
            holder.contains(&format!("pid {}", std::process::id())),
            "{holder}"
        );
        drop(opened);
        assert_eq!(examine(dir.path()).holder, None);
    }

    #[test]
    fn a_whole_database_is_sound_and_looking_makes_no_file() {
        let dir = tempfile::tempdir_in(std::env::temp_dir()).expect("a directory");
        // Characters that mean something in a URI.
        let dir = dir.path().join("50% of #1?");
        drop(Store::open(&dir, "test", WallTime::default()).expect("opens"));
        let before = names(&dir);
        let disk = examine(&dir);
        assert_eq!(disk.database, Soundness::Sound);
        assert!(disk.used_bytes > 0 && disk.free_bytes.is_some());
        assert_eq!(names(&dir), before);
    }

    #[test]
    fn a_damaged_database_is_told() {
        let dir = tempfile::tempdir().expect("a directory");
        drop(Store::open(dir.path(), "test", WallTime::default()).expect("opens"));
        let path = dir.path().join(DATABASE);
        let mut bytes = std::fs::read(&path).expect("read");
        // The first page stays: it is what tells our database from others.
        bytes[4096..].fill(0xa5);
        std::fs::write(&path, bytes).expect("written");
        let found = examine(dir.path()).database;
        assert!(matches!(found, Soundness::Bad(_)), "{found:?}");
    }

    #[test]
    fn a_file_in_place_of_the_directory_is_told() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("file");
        std::fs::write(&file, "x").expect("written");
        assert_eq!(examine(&file).obstacle, Some(Obstacle::NotDirectory));
    }
}
