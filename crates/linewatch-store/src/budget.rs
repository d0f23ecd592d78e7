//! Keeps the store within its size: the share of each file, and the reserve that is given up when the disk is full.
//!
//! SQLite itself refuses pages beyond the budget; well before that the oldest goes (`retain`). A full disk refuses even
//! deletions, because these too are written to the log first: the reserve is the room for them.

use std::io::Write as _;
use std::path::PathBuf;

use rusqlite::Connection;

use crate::examine::free_bytes;
use crate::files::open_private;
use crate::retain::Retention;
use crate::sqlite::rows::{from_sql, to_sql};

/// The reserve's name in the data directory.
pub(crate) const RESERVE: &str = "linewatch.reserve";
/// Room for the deletions that make room: 8 MB are a minute's log at 2,000 samples/s.
const RESERVE_BYTES: u64 = 8 << 20;
/// Of budget and disk, whichever is less, the reserve takes one part in so many at most.
const RESERVE_PART: u64 = 8;
/// Written in one turn of the writer: the largest is whole again after two, for until then the disk counts as full.
const RESERVE_STEP: u64 = 4 << 20;
/// The log's share of budget and disk, whichever is less: one part in so many, and no more than it ever needs. (By the
/// budget alone the log itself filled a small disk, and kept the room that the reserve waited for.)
const LOG_PART: u64 = 8;
pub(crate) const LOG_BYTES: u64 = 64 << 20;
/// The margin of the database's share: one part in so many.
const MARGIN_PART: u64 = 16;
/// What stays of the log's file between checkpoints.
const LOG_KEPT_BYTES: u64 = 16 << 20;
/// Below so much free room a failure of the system is one of room (a log or its index could not be made).
const SHORT_BYTES: u64 = 1 << 20;

/// What is kept, and in how much room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// Bytes that the database, its log and the reserve may have together.
    pub max_size_bytes: u64,
    /// For how long.
    pub retention: Retention,
}

/// How the pages of the database are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pages {
    pub(crate) all: u64,
    /// Of those; new rows take them first.
    pub(crate) free: u64,
}

/// Which part of the database's share may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// By day.
    Ordinary,
    /// Also the margin, in which rows become blocks when there is no room for rows.
    All,
}

/// The sizes that follow from the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) bytes: u64,
    /// Room on the disk for all our files, those that are there included; `u64::MAX` where the system does not tell.
    pub(crate) disk_bytes: u64,
}

impl Budget {
    /// The log's share: at half of it the log is moved into the database beside the writer, at the whole by it.
    pub(crate) fn log_bytes(self) -> u64 {
        (self.room_bytes() / LOG_PART).min(LOG_BYTES)
    }

    fn reserve_bytes(self) -> u64 {
        (self.room_bytes() / RESERVE_PART).min(RESERVE_BYTES)
    }

    fn room_bytes(self) -> u64 {
        self.bytes.min(self.disk_bytes)
    }

    fn pages(self, page_bytes: u64, room: Room) -> u64 {
        let pages = (self.bytes - self.log_bytes() - self.reserve_bytes()) / page_bytes.max(1);
        match room {
            Room::All => pages,
            Room::Ordinary => pages - pages / MARGIN_PART,
        }
    }

    /// Sets the bounds of a connection (they are its own, and gone with it). A database that is larger already stays
    /// as it is: then this is to be called again when it has shrunk. The pages it should have at most.
    pub(crate) fn bind(self, connection: &Connection, room: Room) -> rusqlite::Result<u64> {
        let page_bytes: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let pages = self.pages(page_bytes.into(), room);
        connection.pragma_update_and_check(None, "max_page_count", to_sql(pages), |_| Ok(()))?;
        let kept = LOG_KEPT_BYTES.min(self.log_bytes() / 4);
        connection.pragma_update_and_check(None, "journal_size_limit", to_sql(kept), |_| Ok(()))?;
        Ok(pages)
    }
}

/// Looks how the pages are used.
pub(crate) fn pages(connection: &Connection) -> rusqlite::Result<Pages> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get(0));
    Ok(Pages {
        all: from_sql(number("page_count")?),
        free: from_sql(number("freelist_count")?),
    })
}

/// Gives some free pages back to the disk.
pub(crate) fn vacuum_some(connection: &Connection, pages: u64) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let mut rows = statement.query([])?;
    // Each step frees a page.
    while rows.next()?.is_some() {}
    Ok(())
}

/// A file whose room is given up when the disk is full.
#[derive(Debug)]
pub(crate) struct Reserve {
    dir: PathBuf,
    /// What it should have.
    wanted: u64,
    has: u64,
}

impl Reserve {
    /// The one that is there; nothing is written yet.
    pub(crate) fn new(dir: PathBuf) -> Self {
        let has = dir.join(RESERVE).metadata().map_or(0, |metadata| metadata.len());
        Self { dir, wanted: 0, has }
    }

    /// Sets its size, by budget and disk: on a small disk it must not be what fills it.
    pub(crate) fn fit(&mut self, budget: Budget) {
        self.wanted = budget.reserve_bytes();
        if self.has > self.wanted {
            self.release();
        }
    }

    /// It has all its room.
    pub(crate) fn is_whole(&self) -> bool {
        self.has >= self.wanted
    }

    /// Gives its room up.
    pub(crate) fn release(&mut self) {
        // One that is not there is released, too; one that cannot be removed is tried again at the next refusal.
        let _ = std::fs::remove_file(self.dir.join(RESERVE));
        self.has = 0;
    }

    /// Takes some room back, if there is twice as much as is still wanted.
    pub(crate) fn grow(&mut self) {
        let wanted = self.wanted.saturating_sub(self.has);
        if wanted == 0 || free_bytes(&self.dir).is_some_and(|free| free < 2 * self.wanted + wanted) {
            return;
        }
        let step = wanted.min(RESERVE_STEP);
        match self.append(step) {
            Ok(()) => self.has += step,
            // Somebody else was quicker: the room is theirs, and a part of a reserve is none.
            Err(error) => {
                tracing::debug!(target: "store", %error, "the reserve could not be written");
                self.release();
            }
        }
    }

    fn append(&self, step: u64) -> std::io::Result<()> {
        // Random: zeros would take no room on a file system that compresses.
        let mut bytes = vec![0; usize::try_from(step).unwrap_or(0)];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        let mut file = open_private(&self.dir.join(RESERVE))?;
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(self.has))?;
        file.write_all(&bytes)
    }

    /// The disk itself has next to nothing left.
    pub(crate) fn is_disk_short(&self) -> bool {
        free_bytes(&self.dir).is_some_and(|free| free < SHORT_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_of_a_budget_add_up_to_it() {
        for bytes in [16 << 20, 500_000_000, 2 << 30, 1 << 40] {
            let budget = Budget {
                bytes,
                disk_bytes: u64::MAX,
            };
            let sum = budget.log_bytes() + budget.reserve_bytes() + budget.pages(4096, Room::All) * 4096;
            assert!(sum <= bytes && sum + 4096 > bytes, "{bytes}: {sum}");
            assert!(
                budget.pages(4096, Room::Ordinary) * 4096 >= bytes / 10 * 7,
                "{bytes}"
            );
        }
    }

    #[test]
    fn on_a_small_disk_log_and_reserve_leave_room_for_the_database() {
        let budget = Budget {
            bytes: 2 << 30,
            disk_bytes: 8 << 20,
        };
        assert_eq!((budget.log_bytes(), budget.reserve_bytes()), (1 << 20, 1 << 20));
    }

    #[test]
    fn a_reserve_grows_to_its_size_and_is_gone_at_once() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut reserve = Reserve::new(dir.path().to_owned());
        reserve.fit(Budget {
            bytes: 256 << 20,
            disk_bytes: u64::MAX,
        });
        let wanted = reserve.wanted;
        assert_eq!((wanted, wanted.div_ceil(RESERVE_STEP)), (RESERVE_BYTES, 2));
        for _ in 0..wanted.div_ceil(RESERVE_STEP) {
            assert!(!reserve.is_whole());
            reserve.grow();
        }
        let file = dir.path().join(RESERVE);
        assert!(reserve.is_whole());
        assert_eq!(file.metadata().expect("there").len(), wanted);
        assert!(
            Reserve::new(dir.path().to_owned()).has == wanted,
            "found by the next start"
        );
        reserve.release();
        assert!(!file.exists() && !reserve.is_whole());
    }
}
