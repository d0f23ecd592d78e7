//! Makes round-robin databases of stored history: once for the command, minute by minute for `[rrd] dir`.
//!
//! Input: the history of a target. Output: a database that may grow, and its file: whole or not at all, or what changed of it
//! as `rrdtool update` would. What a row is made of is decided by `linewatch_render::rrd`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::Duration;

use linewatch_core::port::{History, HistoryError, SampleQuery, SeriesQuery};
use linewatch_core::record::Gap;
use linewatch_core::rollup::Buckets;
use linewatch_core::target::TargetId;
use linewatch_core::time::WallTime;
use linewatch_render::export::samples_of;
use linewatch_render::rrd::{Bucket, Database, Gather, Layout, Part, YEAR_ROW_S, spans};

use crate::cli::write_whole;

/// Samples of one question to the store: 100,000 of some 100 B are 10 MB.
const SAMPLES_PER_QUESTION: usize = 100_000;
/// Rollups of one question: 10,000 of some 1 KB are 10 MB.
const ROLLUPS_PER_QUESTION: i64 = 10_000;
/// Gaps of one question and series, 48 B each.
const GAPS_PER_QUESTION: usize = 100_000;

/// A database that can be continued with what was measured since.
pub(crate) struct Growing {
    layout: Layout,
    gather: Gather,
    database: Option<Database>,
    /// Everything sent before is in it.
    next: WallTime,
    /// End of the newest span that was made of rollups.
    filled_s: Option<i64>,
}

impl Growing {
    /// Empty; it will reach back a year from `end`.
    pub(crate) fn new(layout: Layout, end: WallTime) -> Self {
        let gather = Gather::new(layout.step_s(), seconds(end));
        Self {
            next: gather.begin(),
            layout,
            gather,
            database: None,
            filled_s: None,
        }
    }

    /// Adds everything before `end` that is not in it yet, oldest first: of rollups where a span is whole minutes, else of
    /// samples. After an error it is to be thrown away.
    ///
    /// # Errors
    ///
    /// When the history cannot be read.
    pub(crate) fn grow(
        &mut self,
        history: &dyn History,
        series: &[TargetId],
        end: WallTime,
    ) -> Result<(), HistoryError> {
        self.gather.go_on(seconds(end));
        for part in self.gather.parts() {
            if part.width_s % MINUTE_S == 0 {
                self.add_rollups(history, series, part)?;
            } else {
                self.add_samples(history, series, wall(part.until_s))?;
            }
        }
        Ok(())
    }

    fn add_samples(
        &mut self,
        history: &dyn History,
        series: &[TargetId],
        to: WallTime,
    ) -> Result<(), HistoryError> {
        while self.next < to {
            let (samples, next) = samples_of(history, series, (self.next, to), SAMPLES_PER_QUESTION)?;
            for sample in &samples {
                if let Some(bucket) = self.gather.add(sample) {
                    self.take(&bucket);
                }
            }
            self.next = next;
        }
        if let Some(bucket) = self.gather.finish() {
            self.take(&bucket);
        }
        Ok(())
    }

    fn add_rollups(
        &mut self,
        history: &dyn History,
        series: &[TargetId],
        part: Part,
    ) -> Result<(), HistoryError> {
        while self.next < wall(part.until_s) {
            // What of the first span is in the database already stays as it is.
            let from_s = floor(seconds(self.next), part.width_s);
            let until_s = (from_s + ROLLUPS_PER_QUESTION * part.width_s).min(part.until_s);
            let (buckets, gaps) = sums_of(history, series, (from_s, until_s), part.width_s)?;
            // Of what is older than its minutes are kept there are hours.
            let oldest_s = buckets.iter().next().map_or(until_s, |(at, _)| seconds(at));
            let hours = (floor(from_s, YEAR_ROW_S), floor(oldest_s, YEAR_ROW_S));
            if part.width_s < YEAR_ROW_S && hours.0 < hours.1 {
                let (buckets, gaps) = sums_of(history, series, hours, YEAR_ROW_S)?;
                self.take_all(&buckets, &gaps, YEAR_ROW_S);
            }
            self.take_all(&buckets, &gaps, part.width_s);
            self.next = wall(until_s);
        }
        Ok(())
    }

    fn take_all(&mut self, buckets: &Buckets, gaps: &[Gap], width_s: i64) {
        for bucket in spans(buckets, gaps, width_s, &mut self.filled_s) {
            self.take(&bucket);
        }
    }

    fn take(&mut self, bucket: &Bucket) {
        let begin = || Database::new(self.layout.clone(), bucket.from_s);
        self.database.get_or_insert_with(begin).add(bucket);
    }

    /// What it is so far; `None` when nothing was measured.
    pub(crate) const fn database(&self) -> Option<&Database> {
        self.database.as_ref()
    }
}

const MINUTE_S: i64 = 60;

fn seconds(at: WallTime) -> i64 {
    at.as_nanos().div_euclid(1_000_000_000)
}

/// The last whole multiple of `width_s`.
const fn floor(at_s: i64, width_s: i64) -> i64 {
    at_s - at_s.rem_euclid(width_s)
}

fn wall(seconds: i64) -> WallTime {
    WallTime::from_nanos(seconds.saturating_mul(1_000_000_000))
}

/// The rollups of all series in buckets of `width_s`, and their gaps. Both ends are whole multiples of the width.
fn sums_of(
    history: &dyn History,
    series: &[TargetId],
    (from_s, until_s): (i64, i64),
    width_s: i64,
) -> Result<(Buckets, Vec<Gap>), HistoryError> {
    let (from, to) = (wall(from_s), wall(until_s));
    let mut sums = Buckets::new(Duration::from_secs(width_s.unsigned_abs()));
    let mut gaps = Vec::new();
    for &target in series {
        // So many points that each is as long as a span.
        let points = ((until_s - from_s) / width_s).unsigned_abs() as usize;
        let query = SeriesQuery {
            target,
            from,
            to,
            points,
        };
        for point in history.series(query)?.points {
            sums.merge(point.at, point.rollup);
        }
        // Not those of the series: there, gaps of one kind that are near each other are one.
        gaps.extend(history.gaps(SampleQuery {
            target,
            from,
            to,
            limit: GAPS_PER_QUESTION,
        })?);
    }
    Ok((sums, gaps))
}

/// Writes the file; a name that ends in `.xml` gives XML for `rrdtool restore`.
///
/// # Errors
///
/// What the file system says; an old file is then as it was.
pub(crate) fn write(path: &Path, database: &Database) -> io::Result<()> {
    let is_xml = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("xml"));
    write_whole(path, |file| {
        if is_xml {
            database.write_xml(file)
        } else {
            file.write_all(&database.to_bytes())
        }
    })
}

/// Bytes that differ this near each other are written together.
const NEAR_BYTES: usize = 64;

/// Brings a file up to date: of one of the same shape only what changed is written, rows first. What a crash tears is
/// whole again the next time, because what is there is compared and not remembered. How many bytes were written.
///
/// # Errors
///
/// What the file system says.
pub(crate) fn refresh(path: &Path, database: &Database) -> io::Result<usize> {
    let bytes = database.to_bytes();
    let is_plain = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
    if is_plain && let Some(written) = update_in_place(path, &bytes, database.head_bytes())? {
        return Ok(written);
    }
    write_whole(path, |file| file.write_all(&bytes))?;
    Ok(bytes.len())
}

/// `None` when the file is of another shape, or not to be written.
fn update_in_place(path: &Path, bytes: &[u8], head_bytes: usize) -> io::Result<Option<usize>> {
    // One that may not be written can still be replaced.
    let Ok(mut file) = OpenOptions::new().read(true).write(true).open(path) else {
        return Ok(None);
    };
    let mut found = Vec::with_capacity(bytes.len());
    // One byte more would be another shape.
    io::Read::by_ref(&mut file)
        .take(bytes.len() as u64 + 1)
        .read_to_end(&mut found)?;
    if found.len() != bytes.len() {
        return Ok(None);
    }
    let ranges = |from: usize, to: usize| {
        let mut ranges = Vec::<(usize, usize)>::new();
        for at in (from..to).filter(|at| found[*at] != bytes[*at]) {
            match ranges.last_mut() {
                Some((_, end)) if at < *end + NEAR_BYTES => *end = at + 1,
                _ => ranges.push((at, at + 1)),
            }
        }
        ranges
    };
    let put = |file: &mut File, ranges: &[(usize, usize)]| -> io::Result<usize> {
        let mut written = 0;
        for &(from, to) in ranges {
            file.seek(SeekFrom::Start(from as u64))?;
            file.write_all(&bytes[from..to])?;
            written += to - from;
        }
        Ok(written)
    };
    let rows = put(&mut file, &ranges(head_bytes, bytes.len()))?;
    // The head tells which row is the newest: never before that row is there.
    file.sync_data()?;
    Ok(Some(rows + put(&mut file, &ranges(0, head_bytes))?))
}
