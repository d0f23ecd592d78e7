//! Holds the rollup buckets of this run that are not over yet, and says which are.
//!
//! Input: committed rows. Output: buckets to write, each once its time is over by the target's time-out. Every
//! committed probe is at any commit in exactly one place of a tier: a row of it, or a bucket here of that tier or a
//! finer one. A bucket is never reopened: what comes too late is a second row of the same time.

use std::collections::BTreeMap;
use std::time::Duration;

use linewatch_core::limits::{ROLLUP_WAIT, SECONDS_INTERVAL_MAX, TIMEOUT_MAX};
use linewatch_core::rollup::{Buckets, Neighbours, Resolution, Rollup};
use linewatch_core::target::{ProbePlan, TargetId};
use linewatch_core::time::WallTime;

use crate::row::Row;

/// Buckets written in one flush: at the end of a minute 100,000 targets have one each, and 20,000 rows take about
/// 0.2 s of the writer.
const CLOSE_ROWS: usize = 20_000;
/// A bucket so far ahead of the calendar is from before it was set back: it is written and not waited for.
const STRANDED: Duration = Duration::from_secs(2 * 3600);
const TIERS: usize = Resolution::ALL.len();

/// A bucket that is over.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Closed {
    pub(crate) target: TargetId,
    pub(crate) resolution: Resolution,
    pub(crate) from: WallTime,
    pub(crate) rollup: Rollup,
}

/// The open buckets of one series, finest first.
pub(crate) type OpenTiers = [Buckets; TIERS];

#[derive(Debug)]
struct Series {
    neighbours: Neighbours,
    tiers: OpenTiers,
}

/// How a series is probed, as far as it matters here.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// From the end of a bucket until nothing more is expected for it.
    wait: Duration,
    has_seconds: bool,
}

/// Of a series nobody told about.
const UNKNOWN: Pace = Pace {
    wait: TIMEOUT_MAX.saturating_add(ROLLUP_WAIT),
    has_seconds: false,
};

/// Every open bucket of this run.
#[derive(Debug)]
pub(crate) struct Open {
    series: BTreeMap<TargetId, Series>,
    paces: BTreeMap<TargetId, Pace>,
    /// No bucket is due earlier.
    next_due: WallTime,
    /// The begin of the oldest bucket, or earlier; and of the newest, or later.
    oldest: WallTime,
    newest: WallTime,
}

impl Default for Open {
    fn default() -> Self {
        Self {
            series: BTreeMap::new(),
            paces: BTreeMap::new(),
            next_due: LATEST,
            oldest: LATEST,
            newest: EARLIEST,
        }
    }
}

const EARLIEST: WallTime = WallTime::from_nanos(i64::MIN);
const LATEST: WallTime = WallTime::from_nanos(i64::MAX);

impl Open {
    /// What is probed from now on, and how.
    pub(crate) fn set_plans(&mut self, plans: &[(TargetId, ProbePlan)]) {
        let pace = |plan: &ProbePlan| Pace {
            wait: plan.timeout + ROLLUP_WAIT,
            has_seconds: plan.interval <= SECONDS_INTERVAL_MAX,
        };
        self.paces = plans.iter().map(|(target, plan)| (*target, pace(plan))).collect();
    }

    /// Takes committed rows of this run.
    pub(crate) fn add(&mut self, rows: &[Row]) {
        for row in rows {
            let pace = self.paces.get(&row.target).copied().unwrap_or(UNKNOWN);
            let series = self.series.entry(row.target).or_insert_with(Series::new);
            series.add(row, pace.has_seconds);
            let finest = if pace.has_seconds {
                Resolution::Second
            } else {
                Resolution::Minute
            };
            let from = finest.floor(row.at);
            self.next_due = self.next_due.min(from.plus(finest.length()).plus(pace.wait));
            self.oldest = self.oldest.min(Resolution::Minute.floor(row.at));
            self.newest = self.newest.max(from);
        }
    }

    /// Something may be due.
    pub(crate) fn is_due(&self, now: WallTime) -> bool {
        now >= self.next_due || self.newest > now.plus(STRANDED)
    }

    /// The buckets that are over, oldest tier last; they stay until [`Open::forget`] says that they are committed.
    /// With `is_end` all of the finest tier that has any: asked again and again, everything comes.
    pub(crate) fn due(&mut self, now: WallTime, is_end: bool) -> Vec<Closed> {
        let mut due = Vec::new();
        if !is_end && !self.is_due(now) {
            return due;
        }
        (self.next_due, self.oldest, self.newest) = (LATEST, LATEST, EARLIEST);
        for (target, series) in &self.series {
            let pace = self.paces.get(target).copied().unwrap_or(UNKNOWN);
            for resolution in Resolution::ALL {
                for (from, rollup) in series.tiers[resolution as usize].iter() {
                    self.oldest = self.oldest.min(from);
                    self.newest = self.newest.max(from);
                    let over = from.plus(resolution.length()).plus(pace.wait);
                    let is_over = is_end || now >= over || from > now.plus(STRANDED);
                    if !is_over {
                        self.next_due = self.next_due.min(over);
                    } else if due.len() >= CLOSE_ROWS || series.has_finer(resolution, from) {
                        self.next_due = now;
                    } else {
                        // Written now, or again at the next flush if that fails; the coarser tier then.
                        self.next_due = now;
                        due.push(Closed {
                            target: *target,
                            resolution,
                            from,
                            rollup: rollup.clone(),
                        });
                    }
                }
            }
        }
        due
    }

    /// These buckets are on disk: from now on they are part of the coarser tier.
    pub(crate) fn forget(&mut self, closed: &[Closed]) {
        for one in closed {
            let Some(series) = self.series.get_mut(&one.target) else {
                continue;
            };
            series.tiers[one.resolution as usize].remove(one.from);
            if let Some(coarser) = one.resolution.coarser() {
                series.tiers[coarser as usize].at(one.from).merge(&one.rollup);
                self.oldest = self.oldest.min(coarser.floor(one.from));
            } else if series.tiers.iter().all(Buckets::is_empty) && !self.paces.contains_key(&one.target) {
                self.series.remove(&one.target);
            }
        }
    }

    /// No open bucket begins earlier; `None` when there is none.
    pub(crate) fn oldest(&self) -> Option<WallTime> {
        (self.oldest != LATEST).then_some(self.oldest)
    }

    /// Nothing is open.
    pub(crate) fn is_empty(&self) -> bool {
        let has_none = |series: &Series| series.tiers.iter().all(Buckets::is_empty);
        self.series.values().all(has_none)
    }

    /// A copy of what one series has open.
    pub(crate) fn of(&self, target: TargetId) -> OpenTiers {
        self.series
            .get(&target)
            .map_or_else(no_tiers, |series| series.tiers.clone())
    }
}

/// Nothing is open.
pub(crate) fn no_tiers() -> OpenTiers {
    Resolution::ALL.map(|resolution| Buckets::new(resolution.length()))
}

impl Series {
    fn new() -> Self {
        Self {
            neighbours: Neighbours::default(),
            tiers: no_tiers(),
        }
    }

    fn add(&mut self, row: &Row, has_seconds: bool) {
        let [seconds, minutes, ..] = &mut self.tiers;
        let seconds = has_seconds.then_some(seconds);
        add_row(&mut self.neighbours, row, [Some(minutes), seconds]);
    }

    /// A finer bucket inside this one is still open. Seconds are part of no other tier.
    fn has_finer(&self, resolution: Resolution, from: WallTime) -> bool {
        let finer = Resolution::ALL
            .into_iter()
            .filter(|finer| finer.coarser().is_some_and(|coarser| coarser <= resolution));
        let is_inside = |(begin, _): (WallTime, &Rollup)| resolution.floor(begin) == from;
        finer
            .into_iter()
            .any(|finer| self.tiers[finer as usize].iter().any(is_inside))
    }
}

/// Counts one row, and the pairs of answers it completes, in the bucket of each tier it belongs to.
pub(crate) fn add_row<const N: usize>(
    neighbours: &mut Neighbours,
    row: &Row,
    tiers: [Option<&mut Buckets>; N],
) {
    let tiers = tiers.into_iter().flatten();
    if let Some(kind) = row.stray {
        tiers.for_each(|buckets| buckets.at(row.at).add_stray(kind));
        return;
    }
    let pairs = neighbours.add(row.seq, row.at, row.rtt);
    tiers.for_each(|buckets| buckets.add(row.at, (row.outcome, row.rtt, row.is_reordered), pairs));
}
