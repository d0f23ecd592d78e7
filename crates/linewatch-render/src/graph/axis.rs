//! Fits the vertical axes to the data and puts round numbers on them.
//!
//! Surprising rule of the linear axis: it is fitted to what is usual, so that one spike does not press everything else
//! flat. What is above is cut off, marked and labelled by `overlay`.

use super::columns::Column;
use super::input::ValueAxis;
use crate::format::count;

/// Share of the columns whose 90th percentile always fits: half an hour of a day may be worse than the axis shows.
const USUAL_SHARE: f64 = 0.98;
/// How much of the axis spikes may take: the usual part keeps at least 1/2.5 of the height.
const SPIKE_ROOM: f64 = 2.5;
/// Free space above and below, as a share of the span (UI.md section 4.1).
const PAD: f64 = 0.06;
/// A threshold this far above the data still belongs on the axis; further up it would press the data flat.
const THRESHOLD_ROOM: f64 = 1.25;
/// The smallest span in milliseconds: the width of measuring noise on a LAN.
const LEAST_SPAN_MS: f64 = 0.05;
/// The least value a logarithmic axis shows, in milliseconds: 10 us.
const LEAST_LOG_MS: f64 = 0.01;

/// The vertical axis of round trips, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ValueScale {
    pub(super) low: f64,
    pub(super) high: f64,
    kind: ValueAxis,
    top: f64,
    bottom: f64,
}

impl ValueScale {
    /// An axis from `bottom` up to `top` that fits `columns`; `None` if nothing replied.
    pub(super) fn fit(
        columns: &[Column],
        thresholds_ms: &[f64],
        kind: ValueAxis,
        (top, bottom): (f64, f64),
    ) -> Option<Self> {
        let quantiles: Vec<[f64; 9]> = columns.iter().filter_map(|column| column.quantiles).collect();
        if quantiles.is_empty() {
            return None;
        }
        let (low, high) = match kind {
            ValueAxis::Linear => linear_limits(&quantiles, thresholds_ms),
            ValueAxis::Log => log_limits(&quantiles),
        };
        Some(Self {
            low,
            high,
            kind,
            top,
            bottom,
        })
    }

    /// Where `ms` lies; beyond the limits on the nearest edge.
    pub(super) fn y(&self, ms: f64) -> f64 {
        let share = match self.kind {
            ValueAxis::Linear => (ms - self.low) / (self.high - self.low),
            ValueAxis::Log => (ms.max(LEAST_LOG_MS) / self.low).ln() / (self.high / self.low).ln(),
        };
        self.bottom - share.clamp(0.0, 1.0) * (self.bottom - self.top)
    }

    /// Round values with their labels, about one per `spacing` pixels at most.
    pub(super) fn ticks(&self, spacing: f64) -> Vec<(f64, String)> {
        let most = ((self.bottom - self.top) / spacing).max(2.0);
        let values = match self.kind {
            ValueAxis::Linear => linear_values(self.low, self.high, most),
            ValueAxis::Log => log_values(self.low, self.high, most),
        };
        let is_seconds = self.high >= 10_000.0;
        values
            .into_iter()
            .map(|value| (value, value_label(value, is_seconds)))
            .collect()
    }
}

fn linear_limits(quantiles: &[[f64; 9]], thresholds_ms: &[f64]) -> (f64, f64) {
    let sorted = |index: usize| {
        let mut values: Vec<f64> = quantiles.iter().map(|column| column[index]).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let low = quantiles
        .iter()
        .map(|column| column[0])
        .fold(f64::INFINITY, f64::min);
    let bodies = sorted(7);
    let usual = bodies[((bodies.len() - 1) as f64 * USUAL_SHARE).round() as usize];
    let reach = (usual - low).max(usual * 0.02).max(LEAST_SPAN_MS);
    let limit = low + SPIKE_ROOM * reach;
    let highest = sorted(8).into_iter().rev().find(|value| *value <= limit);
    let high = highest.unwrap_or(usual).max(usual);
    let span = (high - low).max(high * 0.08).max(LEAST_SPAN_MS);
    // What is flatter than the least span lies in its middle.
    let margin = (span - (high - low)) / 2.0 + PAD * span;
    let (mut low, mut high) = (low - margin, high + margin);
    // Zero is worth its room where it is near: then heights can be compared.
    if low < 0.35 * high {
        low = 0.0;
    }
    let room = low + THRESHOLD_ROOM * (high - low);
    for threshold in thresholds_ms.iter().filter(|threshold| **threshold <= room) {
        high = high.max(threshold + 0.03 * (threshold - low));
    }
    (low, high)
}

fn log_limits(quantiles: &[[f64; 9]]) -> (f64, f64) {
    let low = quantiles
        .iter()
        .map(|column| column[0])
        .fold(f64::INFINITY, f64::min)
        .max(LEAST_LOG_MS);
    let high = quantiles.iter().map(|column| column[8]).fold(low, f64::max);
    (low / 1.1, (high * 1.1).max(low * 2.0))
}

fn linear_values(low: f64, high: f64, most: f64) -> Vec<f64> {
    let step = round_step((high - low) / most);
    let first = (low / step).ceil() as i64;
    // The bound is for a step that rounding made too small; an axis never has that many.
    (first..)
        .take(64)
        .map(|index| index as f64 * step)
        .take_while(|value| *value <= high)
        .collect()
}

/// The smallest of 1, 2, 2.5, 5 times a power of ten that is not below `least`.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.max(1e-6).log10().floor());
    let found = [1.0, 2.0, 2.5, 5.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= least * 0.999);
    found.unwrap_or(10.0 * power)
}

fn log_values(low: f64, high: f64, most: f64) -> Vec<f64> {
    let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let values = |factors: &'static [f64]| -> Vec<f64> {
        let all = decades
            .clone()
            .flat_map(|power| factors.iter().map(move |factor| factor * 10_f64.powi(power)));
        all.filter(|value| (low..=high).contains(value)).collect()
    };
    let candidates: [&'static [f64]; 3] = [&[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]];
    let fitting = candidates
        .into_iter()
        .map(values)
        .find(|values| values.len() as f64 <= most);
    fitting.unwrap_or_else(|| values(&[1.0]))
}

/// `120 ms`, `0.25 ms`, `12 s`: as many decimals as the value needs.
fn value_label(ms: f64, is_seconds: bool) -> String {
    let (value, unit) = if is_seconds {
        (ms / 1000.0, "s")
    } else {
        (ms, "ms")
    };
    format!("{} {unit}", plain(value))
}

/// A round number without trailing zeros.
pub(super) fn plain(value: f64) -> String {
    if value >= 1000.0 {
        return count(Some(value.round() as i64));
    }
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The top of the loss axis, as a ratio: the next round share above the worst column.
pub(super) fn loss_top(columns: &[Column]) -> f64 {
    let worst = columns.iter().filter_map(Column::loss_ratio).fold(0.0, f64::max);
    let steps = [0.02, 0.05, 0.1, 0.2, 0.5];
    steps.into_iter().find(|step| worst <= *step).unwrap_or(1.0)
}
