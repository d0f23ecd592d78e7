//! Says what goes to its last place with the next commit: whole series into blocks, buckets into their tiers.

use linewatch_core::time::WallTime;

use super::Writer;
use crate::error::StoreError;
use crate::open::Closed;
use crate::seal::{SealedBlock, SeriesRun};

/// See the module. All of it stays open until the commit is certain.
pub(super) struct Due {
    pub(super) sealed: Vec<SeriesRun>,
    /// The samples of `sealed`.
    pub(super) blocks: Vec<SealedBlock>,
    pub(super) closed: Vec<Closed>,
    /// The begin of the oldest bucket that stays open, or earlier.
    pub(super) oldest_open: Option<WallTime>,
    /// The first row that stays in no block.
    pub(super) oldest_unsealed: Option<i64>,
}

impl Writer {
    /// What is due at `now`; with `is_end` every bucket of the finest tier.
    pub(super) fn due(&self, now: WallTime, is_end: bool) -> Result<Due, StoreError> {
        let mut open = self.shared.open();
        let sealed = open.unsealed.due(now, self.is_pressed);
        // Readers wait for this: a tenth of a second at most, when the hour is over.
        let blocks = open.unsealed.pack(&sealed);
        Ok(Due {
            blocks: blocks.map_err(|error| StoreError::Database(error.to_string()))?,
            closed: open.buckets.due(now, is_end),
            oldest_open: open.buckets.oldest(),
            oldest_unsealed: open.unsealed.oldest_row_without(&sealed),
            sealed,
        })
    }
}
