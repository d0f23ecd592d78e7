//! Keeps the writer within its room: retention and budget turn by turn, and what is done when a write is refused.
//!
//! Refused: the reserve is given up, the oldest goes, the write is tried again. Refused still: what is small (events,
//! outages, gaps, rollups) is written without samples; these wait in memory, and when that is full too they live on
//! in the rollups only. Nothing here waits: the next flush tries everything again.

use linewatch_core::event::{EventKind, Severity};
use linewatch_core::port::StorageState;
use linewatch_core::time::{MonoTime, WallTime};

use super::{Samples, Writer};
use crate::budget::{Budget, Keeping, Pages, Room, pages, vacuum_some};
use crate::error::StoreError;
use crate::examine::free_bytes;
use crate::health::News;
use crate::retain::Pressure;

/// Turns of deleting after a write was refused; each gives up a sixteenth.
const NEED_TURNS: usize = 16;
/// Free pages that are enough to go on with: 1 MB, or a sixteenth of a small database.
const NEED_PAGES: u64 = 256;
const NEED_PART: u64 = 16;
/// What a sample takes as a row, generously; and a page.
const ROW_BYTES: u64 = 160;
const PAGE_BYTES: u64 = 4096;
/// Of the budget's pages: above this many sixteenths the oldest goes, down to so many.
const PRESSED_ABOVE: u64 = 15;
const PRESSED_DOWN_TO: u64 = 14;
const PRESSED_PARTS: u64 = 16;
/// Free pages are given back to the disk when they are an eighth, and 4 MB.
const SLACK_PART: u64 = 8;
const SLACK_PAGES: u64 = 1024;
/// Pages given back at a time, and the time for that in one turn.
const VACUUM_PAGES: u64 = 64;
const VACUUM_TURN: std::time::Duration = std::time::Duration::from_millis(20);
/// Should the clock stand still.
const VACUUM_STEPS: usize = 16;

impl Writer {
    /// From now on so much is kept.
    pub(super) fn keep(&mut self, keeping: Keeping) {
        self.retainer.set_retention(keeping.retention);
        self.shared.set_budget(keeping.max_size_bytes);
        self.fit(keeping.max_size_bytes);
    }

    /// Divides this budget, and the disk as it is now.
    fn fit(&mut self, bytes: u64) {
        let free_bytes = self.shared.path.parent().and_then(free_bytes);
        let own_bytes = self.shared.size_bytes();
        let budget = Budget {
            bytes,
            disk_bytes: free_bytes.map_or(u64::MAX, |free| free.saturating_add(own_bytes)),
        };
        self.budget = Some(budget);
        self.reserve.fit(budget);
        // A connection that is not there is bound when it is opened.
        if let Some(connection) = &self.connection {
            match budget.bind(connection, Room::Ordinary) {
                Ok(pages) => self.pages_max = pages,
                Err(error) => _ = self.note_failure(&error),
            }
        }
    }

    /// One turn of retention: looks, deletes a little, gives a little back to the disk.
    pub(super) fn tend(&mut self) {
        let Some(budget) = self.budget.filter(|_| self.is_recovered) else {
            self.is_pressed = false;
            return;
        };
        if let Err(error) = self.try_tend(budget) {
            // The next flush fails likewise and says so; a lock passes, and the next turn tries again.
            tracing::debug!(target: "store", %error, "retention failed");
            let _ = self.note_failure(&error);
        }
    }

    fn try_tend(&mut self, budget: Budget) -> rusqlite::Result<()> {
        let Some(connection) = self.connection.as_mut() else {
            return Ok(());
        };
        let used = pages(connection)?;
        self.is_pressed = is_pressed(used, self.pages_max, self.is_pressed);
        let pressure = if self.is_pressed {
            Pressure::Any
        } else {
            Pressure::None
        };
        let turn = self.retainer.turn(connection, self.clock.as_ref(), pressure)?;
        if turn.has_looked {
            self.shared.health().oldest = self.retainer.oldest();
        }
        if let Some(message) = turn.held {
            tracing::warn!(target: "store", "{message}");
            self.shared.health().tell(News {
                kind: EventKind::StorageDegraded,
                severity: Severity::Warning,
                message,
            });
        }
        let is_larger = used.all > self.pages_max;
        if turn.deleted == 0 && has_slack(used, is_larger, self.is_pressed) {
            let end_at = self.clock.mono().plus(VACUUM_TURN);
            self.give_back(end_at)?;
            if is_larger && let Some(connection) = &self.connection {
                self.pages_max = budget.bind(connection, Room::Ordinary)?;
            }
        }
        if !self.reserve.is_whole() {
            self.reserve.grow();
        }
        if turn.deleted > 0 {
            // Deletions make the log longer, too; that it is too long is told after the next flush.
            let _ = self.checkpoint_if_due();
        }
        Ok(())
    }

    fn give_back(&self, end_at: MonoTime) -> rusqlite::Result<()> {
        let Some(connection) = &self.connection else {
            return Ok(());
        };
        for _ in 0..VACUUM_STEPS {
            vacuum_some(connection, VACUUM_PAGES)?;
            if self.clock.mono() >= end_at {
                break;
            }
        }
        Ok(())
    }

    /// A write was refused for lack of room.
    pub(super) fn flush_in_need(&mut self, now: WallTime, is_end: bool) -> Result<(), StoreError> {
        // Until the next turn of retention looks: what can be sealed early is.
        self.is_pressed = true;
        self.make_room(Pressure::Samples);
        let refused = match self.try_flush(now, is_end, Samples::Written) {
            Err(refused) if self.lacks_room => refused,
            result => return result,
        };
        let rest = self.flush_the_rest(now, is_end);
        if rest.is_ok() {
            // Rows that are in blocks now can go; then the blocks; and what they sum up to last.
            for pressure in [Pressure::Samples, Pressure::Any] {
                self.make_room(pressure);
                match self.try_flush(now, is_end, Samples::Written) {
                    Err(_) if self.lacks_room => {}
                    result => return result,
                }
            }
        }
        if self.is_stopping || self.pending.is_nearly_full() {
            return self.try_flush(now, is_end, Samples::SummedUp);
        }
        self.lacks_room = true;
        rest.and(Err(refused))
    }

    /// Writes everything but the new samples, which go on waiting: events, outages, gaps, blocks and rollups are small.
    fn flush_the_rest(&mut self, now: WallTime, is_end: bool) -> Result<(), StoreError> {
        // A commit in doubt must be decided first: what it held is among what waits then.
        self.connected()?;
        self.rebind(Room::All);
        let mut held = std::mem::take(&mut self.pending.rows);
        let rest = self.try_flush(now, is_end, Samples::Written);
        self.rebind(Room::Ordinary);
        held.append(&mut self.pending.rows);
        self.pending.rows = held;
        rest
    }

    fn rebind(&self, room: Room) {
        if let (Some(budget), Some(connection)) = (self.budget, &self.connection)
            && let Err(error) = budget.bind(connection, room)
        {
            // What it is for fails then, and says so.
            tracing::debug!(target: "store", %error, "the size could not be bound");
        }
    }

    /// Gives up the reserve, then the oldest, until there is some room in the database itself.
    fn make_room(&mut self, pressure: Pressure) {
        self.is_short = true;
        let waiting_pages = (self.waiting() as u64).saturating_mul(ROW_BYTES) / PAGE_BYTES;
        for _ in 0..NEED_TURNS {
            let used = self.connected().and_then(|connection| Ok(pages(connection)?));
            let is_within_budget = used.is_ok_and(|used| used.all + waiting_pages < self.pages_max);
            // Refused by the disk, not by the budget.
            if is_within_budget || self.reserve.is_disk_short() {
                self.reserve.release();
            }
            let Some(connection) = self.connection.as_mut() else {
                continue;
            };
            // The log must begin anew before it can take the deletions, and after them before it can take the rest.
            restart_log(connection);
            let deleted = self.retainer.turn(connection, self.clock.as_ref(), pressure);
            restart_log(connection);
            let has_room = pages(connection).is_ok_and(|used| {
                let wanted = NEED_PAGES.min(used.all / NEED_PART).max(waiting_pages);
                used.free >= wanted.min(used.all / 2)
            });
            match deleted {
                Ok(_) if has_room => return,
                // A whole sweep found nothing to give up.
                Ok(turn) if turn.has_looked && turn.deleted == 0 && pressure == Pressure::Samples => return,
                Ok(_) => {}
                Err(error) => _ = self.note_failure(&error),
            }
        }
    }

    /// After a commit: whether all is well again, and the sentence if not.
    pub(super) fn room_after_commit(&mut self, trouble: Option<String>) -> (StorageState, Option<String>) {
        if self.is_short && self.reserve.is_whole() && !self.reserve.is_disk_short() {
            self.is_short = false;
            // Somebody may have made more room than there was at the last division.
            if let Some(budget) = self.budget {
                self.fit(budget.bytes);
            }
        }
        if !self.is_short {
            let state = if trouble.is_some() {
                StorageState::Degraded
            } else {
                StorageState::Ok
            };
            return (state, trouble);
        }
        // No room for a longer log: it begins anew with each commit.
        if let Some(connection) = &self.connection {
            restart_log(connection);
        }
        let words = "the disk is full: the oldest samples are deleted so that new ones can be written; make room on that \
                     disk, or lower storage.max_size";
        (StorageState::Full, Some(words.to_owned()))
    }
}

/// Moves the log into the database and begins it anew. What cannot be moved now stays in it and is not lost.
pub(super) fn restart_log(connection: &rusqlite::Connection) {
    let result = connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()));
    if let Err(error) = result {
        tracing::debug!(target: "store", %error, "checkpoint failed");
    }
}

/// With a little play, or it would be so every other second.
fn is_pressed(used: Pages, pages_max: u64, was_pressed: bool) -> bool {
    let parts = if was_pressed {
        PRESSED_DOWN_TO
    } else {
        PRESSED_ABOVE
    };
    used.all - used.free > pages_max / PRESSED_PARTS * parts
}

/// More free pages than the next rows will take soon.
fn has_slack(used: Pages, is_larger: bool, is_pressed: bool) -> bool {
    let has_many = used.free > SLACK_PAGES && used.free > used.all / SLACK_PART;
    used.free > 0 && (is_larger || has_many && !is_pressed)
}
