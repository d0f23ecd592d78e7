//! Holds the rollup buckets of this run that are not over yet, and says which are.
//!
//! Input: committed rows. Output: buckets to write, each once its time is over by the target's time-out. Every
//! committed probe is at any commit in exactly one place of a tier: a row of it, or a bucket here of that tier or a
//! finer one. A bucket is never reopened: what comes too late is a second row of the same time.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use linewatch_core::limits::{ROLLUP_WAIT, SECONDS_INTERVAL_MAX, TIMEOUT_MAX};
use linewatch_core::rollup::{Buckets, Neighbours, Resolution, Rollup};
use linewatch_core::target::{ProbePlan, TargetId};
use linewatch_core::time::{Rtt, WallTime};

use crate::row::Row;
use crate::sketch;

/// Buckets written in one flush: at the end of a minute 100,000 targets have one each, and 20,000 rows take about
/// 0.2 s of the writer.
const CLOSE_ROWS: usize = 20_000;
/// A bucket so far ahead of the calendar is from before it was set back: it is written and not waited for.
const STRANDED: Duration = Duration::from_secs(2 * 3600);

/// A bucket that is over.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Closed {
    pub(crate) target: TargetId,
    pub(crate) resolution: Resolution,
    pub(crate) from: WallTime,
    pub(crate) rollup: Rollup,
}

/// A copy of what is open of one series, as it is kept: a reader unpacks one bucket after the other. Of 10,000 series that is
/// 2 MB, and unpacked all at once it would be 60.
#[derive(Debug, Default)]
pub(crate) struct OpenBuckets(Vec<Bucket>);

impl OpenBuckets {
    /// These buckets of one tier.
    pub(crate) fn of_tier(resolution: Resolution, buckets: &Buckets) -> Self {
        let bucket = |(from, rollup): (WallTime, &Rollup)| Bucket {
            from,
            resolution,
            rollup: Kept::Packed(sketch::pack(rollup).into()),
        };
        Self(buckets.iter().map(bucket).collect())
    }

    /// The buckets of these tiers that begin in a span.
    pub(crate) fn within(
        &self,
        tiers: RangeInclusive<Resolution>,
        (from, to): (WallTime, WallTime),
    ) -> impl Iterator<Item = (WallTime, Rollup)> {
        self.0
            .iter()
            .filter(move |bucket| {
                tiers.contains(&bucket.resolution) && from <= bucket.from && bucket.from < to
            })
            .map(|bucket| (bucket.from, bucket.rollup.rollup()))
    }
}

/// What is open of one series.
#[derive(Debug, Default)]
struct Series {
    neighbours: Neighbours,
    /// By tier, finest first, and time: at 1/s one or two minutes, ten minutes, and an hour.
    buckets: Vec<Bucket>,
    /// `None`: nobody told.
    pace: Option<Pace>,
}

#[derive(Clone, Debug)]
struct Bucket {
    from: WallTime,
    resolution: Resolution,
    rollup: Kept,
}

impl Bucket {
    const fn place(&self) -> (Resolution, WallTime) {
        (self.resolution, self.from)
    }
}

/// A rollup takes 300 bytes and more, packed some 50, and one packing about 0.4 us. So those stay as they are that get
/// more than eight probes a second.
#[derive(Clone, Debug)]
enum Kept {
    Plain(Box<Rollup>),
    /// By `sketch`, which is exact.
    Packed(Box<[u8]>),
}

impl Kept {
    fn new(is_plain: bool) -> Self {
        if is_plain {
            Self::Plain(Box::default())
        } else {
            Self::Packed(Box::default())
        }
    }

    fn rollup(&self) -> Rollup {
        match self {
            Self::Plain(rollup) => (**rollup).clone(),
            // Nothing was counted yet; and what this very process packed can be unpacked.
            Self::Packed(bytes) => sketch::unpack(bytes).unwrap_or_default(),
        }
    }

    fn change(&mut self, change: impl FnOnce(&mut Rollup)) {
        match self {
            Self::Plain(rollup) => change(rollup),
            Self::Packed(_) => {
                let mut rollup = self.rollup();
                change(&mut rollup);
                *self = Self::Packed(sketch::pack(&rollup).into());
            }
        }
    }
}

/// How a series is probed, as far as it matters here.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// From the end of a bucket until nothing more is expected for it, in microseconds: of half a minute, four bytes.
    wait_us: u32,
    has_seconds: bool,
}

impl Pace {
    const fn new(timeout: Duration, has_seconds: bool) -> Self {
        let wait_us = timeout.saturating_add(ROLLUP_WAIT).as_micros() + 1;
        Self {
            wait_us: if wait_us > u32::MAX as u128 {
                u32::MAX
            } else {
                wait_us as u32
            },
            has_seconds,
        }
    }

    const fn wait(self) -> Duration {
        Duration::from_micros(self.wait_us as u64)
    }
}

/// Of a series nobody told about.
const UNKNOWN: Pace = Pace::new(TIMEOUT_MAX, false);

/// Every open bucket of this run.
#[derive(Debug)]
pub(crate) struct Open {
    /// Apart from the tree, whose nodes are half empty when numbers ascend.
    series: BTreeMap<TargetId, Box<Series>>,
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
        self.series.values_mut().for_each(|series| series.pace = None);
        for (target, plan) in plans {
            let has_seconds = plan.interval <= SECONDS_INTERVAL_MAX;
            self.series.entry(*target).or_default().pace = Some(Pace::new(plan.timeout, has_seconds));
        }
        self.series.retain(|_, series| series.is_of_use());
    }

    /// Takes committed rows of this run.
    pub(crate) fn add(&mut self, rows: &[Row]) {
        for row in rows {
            let series = self.series.entry(row.target).or_default();
            let pace = series.pace.unwrap_or(UNKNOWN);
            series.add(row, pace.has_seconds);
            let finest = if pace.has_seconds {
                Resolution::Second
            } else {
                Resolution::Minute
            };
            let from = finest.floor(row.at);
            self.next_due = self.next_due.min(from.plus(finest.length()).plus(pace.wait()));
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
            let wait = series.pace.unwrap_or(UNKNOWN).wait();
            for bucket in &series.buckets {
                let (resolution, from) = bucket.place();
                self.oldest = self.oldest.min(from);
                self.newest = self.newest.max(from);
                let over = from.plus(resolution.length()).plus(wait);
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
                        rollup: bucket.rollup.rollup(),
                    });
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
            series.remove(one.resolution, one.from);
            if let Some(coarser) = one.resolution.coarser() {
                series.change(coarser, one.from, false, |rollup| rollup.merge(&one.rollup));
                self.oldest = self.oldest.min(coarser.floor(one.from));
            } else if !series.is_of_use() {
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
        self.series.values().all(|series| series.buckets.is_empty())
    }

    /// A copy of what one series has open.
    pub(crate) fn of(&self, target: TargetId) -> OpenBuckets {
        let series = self.series.get(&target);
        OpenBuckets(series.map(|series| series.buckets.clone()).unwrap_or_default())
    }
}

impl Series {
    /// It is probed, or has something open.
    fn is_of_use(&self) -> bool {
        self.pace.is_some() || !self.buckets.is_empty()
    }

    fn add(&mut self, row: &Row, has_seconds: bool) {
        let pairs = match row.stray {
            Some(_) => [None, None],
            None => self.neighbours.add(row.seq, row.at, row.rtt),
        };
        let seconds = has_seconds.then_some(Resolution::Second);
        for tier in [Some(Resolution::Minute), seconds].into_iter().flatten() {
            let from = tier.floor(row.at);
            // Nearly always in the same bucket, which is then changed once.
            let is_here = |(at, _): &(WallTime, Rtt)| tier.floor(*at) == from;
            self.change(tier, from, has_seconds, |rollup| {
                match row.stray {
                    Some(kind) => rollup.add_stray(kind),
                    None => rollup.add(row.outcome, row.rtt, row.is_reordered),
                }
                for (_, difference) in pairs.into_iter().flatten().filter(is_here) {
                    rollup.add_difference(difference);
                }
            });
            for (at, difference) in pairs.into_iter().flatten().filter(|pair| !is_here(pair)) {
                self.change(tier, at, has_seconds, |rollup| rollup.add_difference(difference));
            }
        }
    }

    /// Changes the bucket that holds `at`; a new one is kept as it is if `is_plain`.
    fn change(
        &mut self,
        resolution: Resolution,
        at: WallTime,
        is_plain: bool,
        change: impl FnOnce(&mut Rollup),
    ) {
        let place = (resolution, resolution.floor(at));
        let index = self.buckets.partition_point(|bucket| bucket.place() < place);
        if self
            .buckets
            .get(index)
            .is_none_or(|bucket| bucket.place() != place)
        {
            // One more and not twice as many: there are three or four of each of 100,000 series.
            self.buckets.reserve_exact(1);
            let bucket = Bucket {
                from: place.1,
                resolution,
                rollup: Kept::new(is_plain),
            };
            self.buckets.insert(index, bucket);
        }
        self.buckets[index].rollup.change(change);
    }

    fn remove(&mut self, resolution: Resolution, from: WallTime) {
        self.buckets.retain(|bucket| bucket.place() != (resolution, from));
    }

    /// A finer bucket inside this one is still open. Seconds are part of no other tier.
    fn has_finer(&self, resolution: Resolution, from: WallTime) -> bool {
        let is_part = |finer: Resolution| finer.coarser().is_some_and(|coarser| coarser <= resolution);
        self.buckets
            .iter()
            .any(|bucket| is_part(bucket.resolution) && resolution.floor(bucket.from) == from)
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
