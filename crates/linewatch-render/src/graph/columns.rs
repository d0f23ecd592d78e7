//! Turns buckets into columns of whole pixels, and instants into places.
//!
//! Surprising rule: buckets narrower than a CSS pixel are merged into one column: counts add up, the extremes stay
//! exact, the quantiles between are averaged by replies. No lost probe gets out of sight that way.

use std::time::Duration;

use linewatch_core::time::{Rtt, WallTime};

use super::input::{GraphBucket, GraphInput};
use super::scene::{Rect, Scene};

/// The horizontal axis: a period over a range of pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeScale {
    pub(super) from: WallTime,
    pub(super) to: WallTime,
    pub(super) left: f64,
    pub(super) width: f64,
}

impl TimeScale {
    /// The period of `input` over the width of `area`.
    pub(super) fn over(input: &GraphInput, area: &Rect) -> Self {
        let to = input.to.max(input.from.plus(Duration::from_secs(1)));
        Self {
            from: input.from,
            to,
            left: area.x,
            width: area.width,
        }
    }

    /// Where `at` lies; outside the period on the nearest edge.
    pub(super) fn x(&self, at: WallTime) -> f64 {
        // In 128 bits: the difference of two calendar instants may exceed 64.
        let since = |end: WallTime| (i128::from(end.as_nanos()) - i128::from(self.from.as_nanos())) as f64;
        let share = since(at) / since(self.to).max(1.0);
        self.left + share.clamp(0.0, 1.0) * self.width
    }

    pub(super) fn right(&self) -> f64 {
        self.left + self.width
    }
}

/// What became of the probes within some whole pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Column {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) sent: u64,
    pub(super) lost: u64,
    /// The nine quantiles in milliseconds, never falling.
    pub(super) quantiles: Option<[f64; 9]>,
}

impl Column {
    fn of(bucket: &GraphBucket, left: f64, right: f64) -> Self {
        let lost = bucket.lost.min(bucket.sent);
        let quantiles = bucket.quantiles.filter(|_| bucket.sent > lost).map(rising);
        Self {
            left,
            right,
            sent: bucket.sent,
            lost,
            quantiles,
        }
    }

    /// Lost by sent; `None` where nothing was sent.
    pub(super) fn loss_ratio(&self) -> Option<f64> {
        (self.sent > 0).then(|| self.lost as f64 / self.sent as f64)
    }

    pub(super) fn width(&self) -> f64 {
        self.right - self.left
    }

    pub(super) fn centre(&self) -> f64 {
        (self.left + self.right) / 2.0
    }

    fn absorb(&mut self, other: &Self) {
        let weights = ((self.sent - self.lost) as f64, (other.sent - other.lost) as f64);
        self.quantiles = match (self.quantiles, other.quantiles) {
            (Some(mine), Some(theirs)) => Some(merged(mine, theirs, weights)),
            (mine, theirs) => mine.or(theirs),
        };
        self.right = self.right.max(other.right);
        self.sent = self.sent.saturating_add(other.sent);
        self.lost = self.lost.saturating_add(other.lost);
    }
}

/// The columns of `input`, from left to right, without overlap.
pub(super) fn columns(input: &GraphInput, time: &TimeScale, scene: &Scene<'_>) -> Vec<Column> {
    let mut buckets: Vec<&GraphBucket> = input.buckets.iter().filter(|bucket| bucket.sent > 0).collect();
    buckets.sort_by_key(|bucket| bucket.from);
    let mut columns: Vec<Column> = Vec::new();
    for bucket in buckets {
        let end = bucket.from.plus(input.bucket_length);
        if end <= time.from || bucket.from >= time.to {
            continue;
        }
        let column = Column::of(bucket, scene.snap(time.x(bucket.from)), scene.snap(time.x(end)));
        match columns.last_mut() {
            Some(last) if column.left < last.right || is_too_narrow(last, &column) => last.absorb(&column),
            _ => columns.push(column),
        }
    }
    widen(&mut columns, time.right());
    columns
}

/// Whether `last` is not a pixel wide yet and `next` follows within that pixel.
fn is_too_narrow(last: &Column, next: &Column) -> bool {
    last.width() < 1.0 && next.left < last.left + 1.0
}

/// What is left of less than a pixel gets one, so that it can be seen.
fn widen(columns: &mut [Column], limit: f64) {
    let mut next_left = limit;
    for column in columns.iter_mut().rev() {
        if column.width() < 1.0 {
            column.right = (column.left + 1.0).min(next_left.max(column.left));
            column.left = column.left.min(column.right - 1.0);
        }
        next_left = column.left;
    }
}

fn rising(quantiles: [Rtt; 9]) -> [f64; 9] {
    let mut least = 0.0_f64;
    quantiles.map(|rtt| {
        least = least.max(rtt.as_millis_f64());
        least
    })
}

fn merged(mine: [f64; 9], theirs: [f64; 9], (my_weight, their_weight): (f64, f64)) -> [f64; 9] {
    let total = (my_weight + their_weight).max(1.0);
    std::array::from_fn(|index| match index {
        0 => mine[0].min(theirs[0]),
        8 => mine[8].max(theirs[8]),
        _ => (mine[index] * my_weight + theirs[index] * their_weight) / total,
    })
}
