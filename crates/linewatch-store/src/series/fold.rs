//! Folds samples of one series into even buckets: quickly when they come by time, rightly however they come.
//!
//! Input: samples of spans, run by run. Output: buckets. The surprising rule: the bucket the newest sample fell into is kept
//! apart and merged when another begins, so that of a day at 1/s no tree is searched for each of 86,400 samples.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use linewatch_core::rollup::{Buckets, Neighbours, Rollup, floor};
use linewatch_core::time::{Rtt, WallTime};

use super::PAIR_REACH;
use crate::row::Row;

/// Samples becoming buckets.
#[derive(Debug)]
pub(super) struct Fold<'a> {
    spans: &'a [Range<WallTime>],
    step: Duration,
    /// By run.
    neighbours: BTreeMap<u64, Neighbours>,
    /// All but `here`.
    buckets: Buckets,
    here: Range<WallTime>,
    rollup: Rollup,
}

impl<'a> Fold<'a> {
    /// Of what lies in `spans`; outside of them buckets are not whole.
    pub(super) fn new(spans: &'a [Range<WallTime>], step: Duration) -> Self {
        let nowhere = WallTime::from_nanos(0);
        Self {
            spans,
            step,
            neighbours: BTreeMap::new(),
            buckets: Buckets::new(step),
            here: nowhere..nowhere,
            rollup: Rollup::default(),
        }
    }

    /// Counts samples of one run.
    pub(super) fn add(&mut self, run: u64, rows: &[Row]) {
        let spans = self.spans;
        let is_near = |row: &&Row| {
            let mut spans = spans.iter();
            spans.any(|span| span.start.minus(PAIR_REACH) <= row.at && row.at < span.end)
        };
        // Apart for as long as rows are counted: the tree is searched once for all of them.
        let mut neighbours = self.neighbours.remove(&run).unwrap_or_default();
        for row in rows.iter().filter(is_near) {
            if let Some(kind) = row.stray {
                self.at(row.at).add_stray(kind);
                continue;
            }
            let pairs = neighbours.add(row.seq, row.at, row.rtt);
            self.at(row.at).add(row.outcome, row.rtt, row.is_reordered);
            pairs.into_iter().flatten().for_each(|pair| self.add_pair(pair));
        }
        self.neighbours.insert(run, neighbours);
    }

    /// A pair counts where its later probe was sent, which is mostly here and else just one bucket off.
    fn add_pair(&mut self, (at, difference): (WallTime, Rtt)) {
        if self.here.contains(&at) {
            self.rollup.add_difference(difference);
        } else {
            self.buckets.at(at).add_difference(difference);
        }
    }

    /// The bucket that holds `at`, which is here from now on.
    fn at(&mut self, at: WallTime) -> &mut Rollup {
        if !self.here.contains(&at) {
            self.put_away();
            let from = floor(at, self.step);
            self.here = from..from.plus(self.step);
        }
        &mut self.rollup
    }

    fn put_away(&mut self) {
        let rollup = std::mem::take(&mut self.rollup);
        if !rollup.is_empty() {
            self.buckets.merge(self.here.start, rollup);
        }
    }

    /// All of them.
    pub(super) fn into_buckets(mut self) -> Buckets {
        self.put_away();
        self.buckets
    }
}
