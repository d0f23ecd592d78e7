//! Keeps the data directory: its permissions, the lock that lets one linewatch in, and where files go aside.
//!
//! Directory 0700, files 0600, never through a symbolic link (SAFETY T16). The lock is the kernel's: it ends with
//! the process, however that ends, and the text in the file only says whose it is.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use linewatch_core::time::WallTime;

use crate::error::OpenError;

mod private;

pub(crate) use private::open as open_private;
pub use private::{directory as private_directory, options as private_options};

/// The database's name in the data directory.
pub(crate) const DATABASE: &str = "linewatch.db";
/// Behind the database's name: it was found damaged while it was in use.
pub(crate) const DAMAGED: &str = ".damaged";
/// The lock's.
pub(crate) const LOCK: &str = "linewatch.lock";
/// Bytes of the lock file that are read: a pid and a time need 60.
const LOCK_BYTES: u64 = 200;

/// Makes the directory, or checks the one that is there; its path without symbolic links.
///
/// # Errors
///
/// [`OpenError::Directory`].
pub(crate) fn prepare_directory(dir: &Path) -> Result<PathBuf, OpenError> {
    let failed = |error: std::io::Error| OpenError::Directory {
        path: dir.to_owned(),
        why: plain(&error),
    };
    private::make_directory(dir).map_err(failed)?;
    let dir = dir.canonicalize().map_err(failed)?;
    // A directory of ours is closed to others; one that holds other things is not ours to close.
    if private::is_open_to_others(&dir).map_err(failed)? && is_ours(&dir).map_err(failed)? {
        private::close_directory(&dir).map_err(failed)?;
    }
    Ok(dir)
}

/// Empty, or already with our database or lock in it.
fn is_ours(dir: &Path) -> std::io::Result<bool> {
    Ok(dir.join(DATABASE).exists() || dir.join(LOCK).exists() || dir.read_dir()?.next().is_none())
}

/// Takes the lock of the directory; it is held as long as the file is open.
///
/// # Errors
///
/// [`OpenError::Locked`] at once when another process has it.
pub(crate) fn lock(dir: &Path, now: WallTime) -> Result<File, OpenError> {
    let path = dir.join(LOCK);
    let failed = |error: std::io::Error| OpenError::File {
        path: path.clone(),
        why: plain(&error),
    };
    let mut file = open_private(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(OpenError::Locked {
                path: dir.to_owned(),
                holder: holder(&file),
            });
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    file.set_len(0).map_err(failed)?;
    file.rewind().map_err(failed)?;
    writeln!(file, "pid {}, since {}", std::process::id(), utc_text(now)).map_err(failed)?;
    Ok(file)
}

/// Who wrote the lock file.
pub(crate) fn holder(file: &File) -> String {
    let mut text = String::new();
    let is_read = file.take(LOCK_BYTES).read_to_string(&mut text).is_ok();
    match text.trim() {
        "" => "another linewatch that is just starting".to_owned(),
        _ if !is_read => "another process".to_owned(),
        text => text.chars().filter(|c| !c.is_control()).collect(),
    }
}

/// Sets a damaged database aside with its log, and says where it is now.
///
/// # Errors
///
/// [`OpenError::File`] when it cannot be renamed.
pub(crate) fn quarantine(database: &Path, now: WallTime) -> Result<PathBuf, OpenError> {
    let stamp = utc_text(now).replace([':', '-'], "");
    let mut aside = beside(database, &format!(".corrupt-{stamp}"));
    // A second one within a second keeps its own name: no evidence is overwritten.
    for number in 2..100 {
        if !aside.exists() {
            break;
        }
        aside = beside(database, &format!(".corrupt-{stamp}-{number}"));
    }
    for suffix in ["", "-wal", "-shm"] {
        let (from, to) = (beside(database, suffix), beside(&aside, suffix));
        match std::fs::rename(&from, &to) {
            // A database that was closed in order has no log.
            Err(error) if error.kind() != std::io::ErrorKind::NotFound || suffix.is_empty() => {
                return Err(OpenError::File {
                    path: from,
                    why: plain(&error),
                });
            }
            _ => {}
        }
    }
    Ok(aside)
}

/// Remembers over the end of this process that the database is damaged.
pub(crate) fn mark_damaged(database: &Path) {
    // A disk that cannot even take this leaves the damage to be found again: nothing is worse for it.
    let _ = open_private(&beside(database, DAMAGED));
}

/// Whether [`mark_damaged`] was called; the mark is gone afterwards.
pub(crate) fn take_damage_mark(database: &Path) -> bool {
    std::fs::remove_file(beside(database, DAMAGED)).is_ok() && database.exists()
}

/// `path` with `suffix` behind its name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The system's words without Rust's `(os error 13)`.
pub(crate) fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    let words = text.split(" (os error").next().unwrap_or(&text);
    words.chars().next().map_or_else(String::new, |c| {
        c.to_lowercase().chain(words.chars().skip(1)).collect()
    })
}

/// SQLite's words, with what to do where we know it.
pub(crate) fn sqlite_words(error: &rusqlite::Error) -> String {
    use rusqlite::ErrorCode as Code;
    let help = match error.sqlite_error_code() {
        Some(Code::DiskFull) => "; make room on that disk",
        Some(Code::DatabaseBusy | Code::DatabaseLocked) => "; another program has it locked: end it",
        // A file system that gave up after an error refuses `mount -o remount,rw`, and is busy while we hold the lock.
        Some(Code::ReadOnly) => {
            "; the file or its disk is read-only: where `dmesg` tells of an error of the disk, stop linewatch, then \
             unmount, check and mount that disk again"
        }
        Some(Code::SystemIoFailure) => "; the disk fails: `dmesg` tells why",
        _ => "",
    };
    format!("{error}{help}")
}

/// `2026-11-21T02:03:04Z`. Gregorian by Hinnant's days-to-civil, counted from 0000-03-01.
pub(crate) fn utc_text(at: WallTime) -> String {
    let seconds = at.as_nanos().div_euclid(1_000_000_000);
    let (days, second) = (seconds.div_euclid(86_400) + 719_468, seconds.rem_euclid(86_400));
    let era_day = days.rem_euclid(146_097);
    let era_year = (era_day - era_day / 1460 + era_day / 36_524 - era_day / 146_096) / 365;
    let year_day = era_day - (365 * era_year + era_year / 4 - era_year / 100);
    let shifted_month = (5 * year_day + 2) / 153;
    let day = year_day - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = era_year + days.div_euclid(146_097) * 400 + i64::from(month <= 2);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z",
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_utc(seconds: i64, expected: &str) {
        assert_eq!(utc_text(WallTime::from_nanos(seconds * 1_000_000_000)), expected);
    }

    #[test]
    fn calendar_text_is_right_at_leap_days_and_before_1970() {
        check_utc(0, "1970-01-01T00:00:00Z");
        check_utc(951_782_400, "2000-02-29T00:00:00Z");
        check_utc(1_795_226_584, "2026-11-21T02:03:04Z");
        check_utc(4_107_542_399, "2100-02-28T23:59:59Z");
        check_utc(-1, "1969-12-31T23:59:59Z");
    }

    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_in_place_of_the_lock_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        std::os::unix::fs::symlink("/dev/null", dir.path().join(LOCK)).expect("a link");
        let error = lock(dir.path(), WallTime::default()).expect_err("refused");
        assert!(matches!(error, OpenError::File { .. }), "{error}");
    }

    #[test]
    fn two_quarantines_in_one_second_keep_both_files() {
        let dir = tempfile::tempdir().expect("a directory");
        let database = dir.path().join(DATABASE);
        let aside = ["one", "two"].map(|text| {
            std::fs::write(&database, text).expect("written");
            quarantine(&database, WallTime::default()).expect("set aside")
        });
        assert_eq!(
            aside.map(|path| std::fs::read_to_string(path).expect("kept")),
            ["one", "two"]
        );
    }
}
