//! Makes round-robin databases of stored history: once for the command, minute by minute for `[rrd] dir`.
//!
//! Input: the history of a target. Output: a database that may grow, and its file, whole or not at all. What a row is made
//! of is decided by `linewatch_render::rrd`.

use std::io::{self, Write as _};
use std::path::Path;

use linewatch_core::port::{History, HistoryError};
use linewatch_core::target::TargetId;
use linewatch_core::time::WallTime;
use linewatch_render::export::samples_of;
use linewatch_render::rrd::{Bucket, Database, Gather, Layout};

use crate::cli::write_whole;

/// Samples of one question to the store: 100,000 of some 100 B are 10 MB.
const SAMPLES_PER_QUESTION: usize = 100_000;

/// A database that can be continued with what was measured since.
pub(crate) struct Growing {
    layout: Layout,
    gather: Gather,
    database: Option<Database>,
    /// Everything sent before is in it.
    next: WallTime,
}

impl Growing {
    /// Empty; it will reach back a year from `end`.
    pub(crate) fn new(layout: Layout, end: WallTime) -> Self {
        let gather = Gather::new(layout.step_s(), end.as_nanos().div_euclid(1_000_000_000));
        Self {
            next: gather.begin(),
            layout,
            gather,
            database: None,
        }
    }

    /// Reads everything before `end` that is not in it yet, oldest first. After an error it is to be thrown away.
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
        self.gather.go_on(end.as_nanos().div_euclid(1_000_000_000));
        let to = self.gather.end();
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

    fn take(&mut self, bucket: &Bucket) {
        let begin = || Database::new(self.layout.clone(), bucket.from_s);
        self.database.get_or_insert_with(begin).add(bucket);
    }

    /// What it is so far; `None` when nothing was measured.
    pub(crate) const fn database(&self) -> Option<&Database> {
        self.database.as_ref()
    }
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
