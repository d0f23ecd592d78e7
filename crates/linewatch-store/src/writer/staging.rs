//! Says when samples that wait in `hot` become rows of `recent`: a minute at a time, where each second would write five
//! times as many pages. Very many samples never do.

use std::time::Duration;

use linewatch_core::time::MonoTime;

use super::{Samples, Writer};
use crate::sqlite::stage::Place;

/// Above this rate a row per sample would be most of the work (DESIGN section 8).
const HOT_SAMPLES_PER_S: u64 = 2_000;
/// So long a sample waits before it can be read by hand.
const WAIT: Duration = Duration::from_secs(60);
/// Samples that wait at most: as rows they take 5 ms and 50 pages of one commit.
const ROWS: usize = 2_000;

/// What waits, of this run. What an earlier run left waiting stays where it is until it is sealed.
#[derive(Debug, Default)]
pub(super) struct Staging {
    first_row: Option<i64>,
    rows: usize,
    /// The last time that samples went to `recent`; `None`: never.
    moved_at: Option<MonoTime>,
}

impl Staging {
    /// The id of the first row that waits.
    pub(super) const fn waiting_from(&self) -> Option<i64> {
        self.first_row
    }

    /// It is time, or too many would wait with `more`.
    pub(super) fn is_due(&self, more: usize, now: MonoTime) -> bool {
        self.rows + more > ROWS || self.moved_at.is_none_or(|moved_at| now.since(moved_at) >= WAIT)
    }

    /// Samples went there: `rows` from the id `first_row` on.
    pub(super) fn settle(&mut self, place: Place, first_row: i64, rows: usize, now: MonoTime) {
        match place {
            Place::Nowhere => {}
            Place::Waiting => {
                if rows > 0 {
                    self.first_row.get_or_insert(first_row);
                    self.rows += rows;
                }
            }
            // Nothing to move is no move: the next sample has waited for long.
            Place::Recent | Place::Hot if rows + self.rows == 0 => {}
            Place::Recent | Place::Hot => {
                *self = Self {
                    first_row: None,
                    rows: 0,
                    moved_at: Some(now),
                };
            }
        }
    }
}

impl Writer {
    /// Where the samples of a flush go; `is_round` when nothing may wait on.
    pub(super) fn place(&self, samples: Samples, is_round: bool) -> Place {
        let now = self.clock.mono();
        let elapsed = now.since(self.committed_at).max(self.flush_interval);
        match samples {
            Samples::SummedUp => Place::Nowhere,
            Samples::Written
                if self.pending.rows.len() as f64 > HOT_SAMPLES_PER_S as f64 * elapsed.as_secs_f64() =>
            {
                Place::Hot
            }
            // Nothing is written twice while there is little room.
            Samples::Written if self.is_pressed => Place::Hot,
            Samples::Written if is_round || self.staging.is_due(self.pending.rows.len(), now) => {
                Place::Recent
            }
            Samples::Written => Place::Waiting,
        }
    }
}
