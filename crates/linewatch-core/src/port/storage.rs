//! Says how the store is doing, and what a copy of it is. Values only; they are made by the store.

use super::HistoryError;
use crate::time::WallTime;

/// How well the store can do its work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StorageState {
    /// Everything is written.
    #[default]
    Ok,
    /// It cannot write, or not all; what waits is in memory.
    Degraded,
    /// The disk, or the size it may have, is used up.
    Full,
}

impl StorageState {
    /// The word used in every interface.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Full => "full",
        }
    }
}

/// A whole copy of the database, a piece at a time.
pub struct BackupCopy {
    /// Bytes of all pieces.
    pub size_bytes: u64,
    /// In order. The copy is gone when this is dropped.
    pub pieces: Box<dyn Iterator<Item = Result<Vec<u8>, HistoryError>> + Send>,
}

/// How the store is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StorageView {
    /// Path of the database.
    pub path: String,
    /// Bytes of the database and its log.
    pub size_bytes: u64,
    /// Bytes that database, log and reserve may have; `None`: any number.
    pub budget_bytes: Option<u64>,
    /// How well it goes.
    pub state: StorageState,
    /// The oldest of each kind that is kept (`raw`, `minutes`, …), as last looked; kinds without any are left out.
    pub oldest: Vec<(&'static str, WallTime)>,
    /// Samples in memory that are not committed yet.
    pub waiting: u64,
    /// The last thing that went wrong since the start, and when, in one sentence.
    pub last_error: Option<(WallTime, String)>,
    /// Messages waiting for the writer.
    pub queued: u64,
    /// Rows lost to a full queue since start.
    pub overrun: u64,
    /// The newest committed moment.
    pub flushed_at: Option<WallTime>,
    /// What is wrong, in one sentence; `None` when nothing is.
    pub trouble: Option<String>,
}
