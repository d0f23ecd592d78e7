//! Gathers committed rows by series until they are worth a block, and says which series are.
//!
//! Input: rows with their row ids, after their commit. Output: sealed blocks and the id up to which each series
//! is sealed. A series is always sealed whole, so one id per series tells history which rows are in blocks.
//! Bounded: when too much is unsealed, the oldest series are sealed early and compress a little less.

use std::collections::{BTreeMap, BTreeSet};

use linewatch_core::limits::BLOCK_SAMPLES;
use linewatch_core::target::TargetId;
use linewatch_core::time::WallTime;

use crate::block::{BlockError, pack};
use crate::row::Row;
use crate::rows::PackedRows;

/// Unsealed rows in memory: 600,000 of some 20 B are 12 MB, and of 100,000 series another 12 MB; an hour of 160
/// targets at 1/s. Above it blocks become shorter than an hour.
const UNSEALED_ROWS: usize = 600_000;
/// Rows sealed in one flush: packing takes about 0.5 us a row, so this is 0.1 s of the writer.
const SEAL_ROWS: usize = 200_000;
/// A block of fewer is mostly its own frame, and not worth it even when there is no room.
const PRESSED_ROWS: usize = 512;
const HOUR_NS: i64 = 3_600_000_000_000;

/// A series within one start: its rows make one row of blocks.
pub(crate) type SeriesRun = (TargetId, u64);

/// A block ready to be written.
#[derive(Debug)]
pub(crate) struct SealedBlock {
    pub(crate) target: TargetId,
    pub(crate) run: u64,
    pub(crate) from: WallTime,
    pub(crate) to: WallTime,
    pub(crate) samples: usize,
    /// Every row of this series up to this id is in a block.
    pub(crate) last_row: i64,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Debug)]
struct Series {
    rows: PackedRows,
    first_row: i64,
    last_row: i64,
    /// The end of the hour of its first commit. Not of its first probe: one sent before the hour and decided
    /// after it would be sealed alone.
    seal_at: WallTime,
    /// Rows of its last flush: so many come in the next one too, probably.
    added: u32,
    /// The number of that flush.
    flush: u32,
}

/// Every committed row that is in no block yet.
#[derive(Debug, Default)]
pub(crate) struct Unsealed {
    run: u64,
    /// Apart from the tree, whose nodes are half empty when numbers ascend.
    series: BTreeMap<SeriesRun, Box<Series>>,
    rows: usize,
    /// Counts what was added, to tell one time from the next; goes round.
    flush: u32,
    scratch: Vec<u8>,
}

impl Unsealed {
    /// Empty; series of runs other than `run` are sealed as soon as possible: they are over.
    pub(crate) fn new(run: u64) -> Self {
        Self {
            run,
            series: BTreeMap::new(),
            rows: 0,
            flush: 0,
            scratch: Vec::new(),
        }
    }

    /// Takes rows of one commit at `now`, whose ids are `first_row..=last_row`.
    pub(crate) fn add(&mut self, run: u64, rows: &[Row], first_row: i64, last_row: i64, now: WallTime) {
        self.flush = self.flush.wrapping_add(1);
        for row in rows {
            let series = self.series.entry((row.target, run)).or_insert_with(|| {
                Box::new(Series {
                    rows: PackedRows::default(),
                    first_row,
                    last_row,
                    seal_at: end_of_hour(now),
                    added: 0,
                    flush: self.flush,
                })
            });
            if series.flush != self.flush {
                (series.flush, series.added) = (self.flush, 0);
            }
            series.added += 1;
            series.rows.push(row, &mut self.scratch);
            // Read back from two tables, the ids do not come in order.
            series.first_row = series.first_row.min(first_row);
            series.last_row = series.last_row.max(last_row);
        }
        self.rows += rows.len();
    }

    /// The rows of one series, by run.
    pub(crate) fn of(&self, target: TargetId) -> impl Iterator<Item = (u64, Vec<Row>)> {
        let runs = self.series.range((target, 0)..=(target, u64::MAX));
        // What this very process packed can be unpacked.
        runs.map(move |((_, run), series)| (*run, series.rows.unpack(target).unwrap_or_default()))
    }

    /// A copy of the rows of one series, by run.
    pub(crate) fn packed(&self, target: TargetId) -> Vec<(u64, PackedRows)> {
        let runs = self.series.range((target, 0)..=(target, u64::MAX));
        runs.map(|((_, run), series)| (*run, series.rows.clone()))
            .collect()
    }

    /// The first row id that is in no block once `sealed` are; `None` when all rows are.
    pub(crate) fn oldest_row_without(&self, sealed: &[SeriesRun]) -> Option<i64> {
        let sealed: BTreeSet<&SeriesRun> = sealed.iter().collect();
        let left = self.series.iter().filter(|(key, _)| !sealed.contains(key));
        left.map(|(_, series)| series.first_row).min()
    }

    /// The series to seal now, oldest first, no more than one flush can carry. When pressed for room
    /// even those that would wait for their hour: a row in a block takes a thirtieth of the room.
    pub(crate) fn due(&self, now: WallTime, is_pressed: bool) -> Vec<SeriesRun> {
        let mut excess = if self.rows > UNSEALED_ROWS {
            self.rows - UNSEALED_ROWS / 4 * 3
        } else {
            0
        };
        let mut by_age: Vec<_> = self.series.iter().collect();
        by_age.sort_by_key(|(_, series)| series.first_row);
        let mut room = SEAL_ROWS;
        let mut due = Vec::new();
        for (key, series) in by_age {
            let count = series.rows.len();
            let is_early = is_pressed && count >= PRESSED_ROWS;
            if !(excess > 0 || is_early || key.1 != self.run || series.is_due(now)) {
                continue;
            }
            due.push(*key);
            excess = excess.saturating_sub(count);
            room = room.saturating_sub(count);
            if room == 0 {
                break;
            }
        }
        due
    }

    /// Packs these series; they stay until [`Unsealed::forget`] says that the blocks are committed.
    pub(crate) fn pack(&self, keys: &[SeriesRun]) -> Result<Vec<SealedBlock>, BlockError> {
        let mut blocks = Vec::new();
        for key in keys {
            let Some(series) = self.series.get(key) else {
                continue;
            };
            let mut rows = series.rows.unpack(key.0)?;
            // Evenly, so that no block is a crumb.
            let parts = rows.len().div_ceil(BLOCK_SAMPLES).max(1);
            let part_rows = rows.len().div_ceil(parts).max(1);
            for rows in rows.chunks_mut(part_rows) {
                let packed = pack(rows)?;
                blocks.push(SealedBlock {
                    target: key.0,
                    run: key.1,
                    from: packed.from,
                    to: packed.to,
                    samples: rows.len(),
                    last_row: series.last_row,
                    bytes: packed.bytes,
                });
            }
        }
        Ok(blocks)
    }

    /// The blocks of these series are on disk.
    pub(crate) fn forget(&mut self, keys: &[SeriesRun]) {
        for key in keys {
            if let Some(series) = self.series.remove(key) {
                self.rows -= series.rows.len();
            }
        }
    }
}

impl Series {
    fn is_due(&self, now: WallTime) -> bool {
        // After a step back of the calendar the hour's end may be far away: two hours are too far.
        let is_stranded = self.seal_at.nanos_after(now) > 2 * HOUR_NS;
        now >= self.seal_at || is_stranded || self.rows.len() + self.added as usize > BLOCK_SAMPLES
    }
}

fn end_of_hour(at: WallTime) -> WallTime {
    WallTime::from_nanos((at.as_nanos().div_euclid(HOUR_NS) + 1).saturating_mul(HOUR_NS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(target: u32, first_seq: u64, count: u64) -> Vec<Row> {
        let at = |seq: u64| WallTime::from_nanos(HOUR_NS * 400_000 + seq as i64 * 1_000_000_000);
        let row = |seq| {
            Row::stray(
                TargetId(target),
                seq,
                at(seq),
                linewatch_core::record::StrayKind::Late,
                None,
            )
        };
        (first_seq..first_seq + count)
            .map(row)
            .map(|row| Row { stray: None, ..row })
            .collect()
    }

    fn at(seconds: i64) -> WallTime {
        WallTime::from_nanos(HOUR_NS * 400_000 + seconds * 1_000_000_000)
    }

    #[test]
    fn a_series_is_sealed_at_the_end_of_its_hour() {
        let mut unsealed = Unsealed::new(1);
        unsealed.add(1, &rows(1, 0, 100), 1, 100, at(0));
        assert_eq!(
            (unsealed.due(at(3599), false), unsealed.due(at(3600), false)),
            (vec![], vec![(TargetId(1), 1)])
        );
    }

    #[test]
    fn a_fast_series_is_sealed_before_it_outgrows_a_block() {
        let mut unsealed = Unsealed::new(1);
        unsealed.add(1, &rows(1, 0, 16_000), 1, 16_000, at(0));
        assert_eq!(unsealed.due(at(1), false), [(TargetId(1), 1)]);
        let blocks = unsealed.pack(&[(TargetId(1), 1)]).expect("packs");
        assert_eq!(
            blocks
                .iter()
                .map(|block| (block.samples, block.last_row))
                .collect::<Vec<_>>(),
            [(16_000, 16_000)]
        );
    }

    #[test]
    fn a_run_that_is_over_is_sealed_at_once_and_then_gone() {
        let mut unsealed = Unsealed::new(2);
        unsealed.add(1, &rows(1, 0, 10), 5, 14, at(0));
        assert_eq!(unsealed.oldest_row_without(&[]), Some(5));
        let due = unsealed.due(at(0), false);
        unsealed.forget(&due);
        assert_eq!(
            (due, unsealed.oldest_row_without(&[]), unsealed.rows),
            (vec![(TargetId(1), 1)], None, 0)
        );
    }

    #[test]
    fn too_much_in_memory_is_sealed_early_oldest_first() {
        let mut unsealed = Unsealed::new(1);
        for target in 0..100 {
            unsealed.add(
                1,
                &rows(target, 0, 7_000),
                i64::from(target) * 7_000,
                i64::from(target) * 7_000 + 6_999,
                at(0),
            );
        }
        let due = unsealed.due(at(1), false);
        assert_eq!(due.first(), Some(&(TargetId(0), 1)));
        assert!(due.len() * 7_000 <= SEAL_ROWS + 7_000, "{}", due.len());
        unsealed.forget(&due);
        let next = unsealed.due(at(1), false);
        assert!(
            unsealed.rows <= UNSEALED_ROWS && next.is_empty(),
            "{} {}",
            unsealed.rows,
            next.len()
        );
    }

    #[test]
    fn a_step_back_of_the_calendar_does_not_leave_a_series_unsealed() {
        let mut unsealed = Unsealed::new(1);
        unsealed.add(1, &rows(1, 0, 10), 1, 10, at(0));
        assert_eq!(unsealed.due(at(-86_400), false), [(TargetId(1), 1)]);
    }
}
