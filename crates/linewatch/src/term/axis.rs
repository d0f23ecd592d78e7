//! Puts delays at heights: round numbers around everything that is drawn, in equal steps or in equal ratios.
//!
//! In equal ratios (key `l`) one spike of 3 s leaves a base of 20 ms readable; there nothing is below 0.01 ms.

use linewatch_core::time::Rtt;
use ratatui::layout::Rect;

use super::paint::Canvas;
use super::table::number;
use super::theme::{Charset, Ink, Look};
use super::trail::Bin;

/// The smallest number of an axis of ratios: the last digit that is written.
const LEAST_LOG_MS: f64 = 0.01;
/// Rows from one number of an axis to the next, at least.
const ROWS_APART: u16 = 2;

/// Smallest and largest delay that is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Extent {
    least_ms: f64,
    most_ms: f64,
}

impl Extent {
    /// Of these series; `None` if there is nothing in them.
    pub(super) fn of(series: &[Vec<Bin>], has_process: bool) -> Option<Self> {
        let mut least_ms = f64::INFINITY;
        let mut most_ms = f64::NEG_INFINITY;
        for bin in series.iter().flatten() {
            if let Some((low, high)) = bin.rtt {
                least_ms = least_ms.min(low.as_millis_f64());
                most_ms = most_ms.max(high.as_millis_f64());
            }
            if let Some(host) = bin.host_rtt.filter(|_| has_process) {
                most_ms = most_ms.max(host.as_millis_f64());
            }
        }
        least_ms.is_finite().then_some(Self { least_ms, most_ms })
    }
}

/// From one number of the axis to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scale {
    /// As much more.
    Linear { step_ms: f64 },
    /// As many times as much: 1, 2, 5, 10.
    Logarithmic,
}

/// Which delay stands at which height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    low_ms: f64,
    high_ms: f64,
    scale: Scale,
}

impl Axis {
    /// Round numbers around everything.
    pub(super) fn of(extent: Extent, is_log: bool) -> Self {
        if is_log {
            Self::logarithmic(extent)
        } else {
            Self::linear(extent)
        }
    }

    fn linear(extent: Extent) -> Self {
        let Extent { least_ms, most_ms } = extent;
        // A quiet line is drawn quiet: the axis spans a fifth of the value at least, and 0.05 ms.
        let middle = f64::midpoint(least_ms, most_ms);
        let half = ((most_ms - least_ms) / 2.0).max(middle * 0.1).max(0.025);
        let step_ms = round_up(half / 1.5);
        Self {
            low_ms: ((middle - half) / step_ms).floor().max(0.0) * step_ms,
            high_ms: ((middle + half) / step_ms).ceil() * step_ms,
            scale: Scale::Linear { step_ms },
        }
    }

    fn logarithmic(extent: Extent) -> Self {
        let high_ms = round_up(extent.most_ms.max(2.0 * LEAST_LOG_MS));
        // The number below one that is no number of the axis: half of the one above it, or less.
        let above = round_up(extent.least_ms.max(LEAST_LOG_MS)).min(high_ms);
        let low_ms = if above > extent.least_ms.max(LEAST_LOG_MS) || above >= high_ms {
            before(above)
        } else {
            above
        };
        Self {
            low_ms,
            high_ms,
            scale: Scale::Logarithmic,
        }
    }

    /// 0 at the top to `rows` - 1.
    pub(super) fn row(self, rtt: Rtt, rows: usize) -> usize {
        self.row_of(rtt.as_millis_f64(), rows)
    }

    fn row_of(self, ms: f64, rows: usize) -> usize {
        let share = match self.scale {
            Scale::Linear { .. } => (self.high_ms - ms) / (self.high_ms - self.low_ms),
            Scale::Logarithmic => {
                (self.high_ms / ms.max(self.low_ms)).ln() / (self.high_ms / self.low_ms).ln()
            }
        };
        let last = rows.saturating_sub(1);
        ((share * last as f64).round().max(0.0) as usize).min(last)
    }

    /// The numbers of the axis from below, as many as have room in so many rows.
    fn numbers(self, rows: u16) -> Vec<f64> {
        match self.scale {
            Scale::Linear { step_ms } => {
                let ticks = ((self.high_ms - self.low_ms) / step_ms).round() as u16;
                let every = (ticks / (rows / ROWS_APART).max(1)).max(1);
                let number = |tick: u16| self.low_ms + f64::from(tick) * step_ms;
                (0..=ticks).step_by(usize::from(every)).map(number).collect()
            }
            Scale::Logarithmic => {
                let after = |ms: &f64| Some(round_up(ms * 1.5));
                let all = std::iter::successors(Some(self.low_ms), after);
                let mut free = usize::MAX;
                all.take_while(|ms| *ms <= self.high_ms * 1.000_001)
                    .filter(|ms| {
                        let row = self.row_of(*ms, usize::from(rows));
                        let is_free = free == usize::MAX || row + usize::from(ROWS_APART) <= free;
                        if is_free {
                            free = row;
                        }
                        is_free
                    })
                    .collect()
            }
        }
    }

    /// Numbers and ticks at the left of `plot`, in `columns` columns.
    pub(super) fn draw(self, canvas: &mut Canvas<'_>, (columns, plot): (u16, Rect), look: &Look) {
        let style = look.style(Ink::Muted);
        for ms in self.numbers(plot.height) {
            let rtt = Rtt::from_nanos((ms * 1e6).round() as u64);
            let y = plot.y + self.row(rtt, usize::from(plot.height)) as u16;
            let text = if ms == 0.0 {
                "0".to_owned()
            } else {
                number(Some(rtt))
            };
            canvas.put_right(plot.x - 2, y, columns - 2, &text, style);
            canvas.put(plot.x - 1, y, 1, "┤", style);
            if look.charset == Charset::Braille {
                canvas.line(plot.x, plot.right(), y, "┈", style);
            }
        }
    }
}

/// 1, 2 or 5 times a power of ten, not below `least`.
fn round_up(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|step| step * power)
        .find(|step| *step >= least * 0.999_999)
        .unwrap_or(power * 10.0)
}

/// The round number below a round number.
fn before(round: f64) -> f64 {
    // From 5 it is 2, else the half.
    round_up(round / 2.5 * 0.999)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Rtt {
        Rtt::from_nanos(ms * 1_000_000)
    }

    fn extent(least_ms: f64, most_ms: f64) -> Extent {
        Extent { least_ms, most_ms }
    }

    #[track_caller]
    fn check_close(found: f64, wanted: f64) {
        assert!((found - wanted).abs() < wanted * 1e-9, "{found} is not {wanted}");
    }

    #[test]
    fn the_steps_of_an_axis_are_round() {
        for (least, step) in [(0.3, 0.5), (1.0, 1.0), (1.1, 2.0), (23.0, 50.0), (60.0, 100.0)] {
            check_close(round_up(least), step);
        }
        for (round, below) in [(1.0, 0.5), (2.0, 1.0), (5.0, 2.0), (100.0, 50.0)] {
            check_close(before(round), below);
        }
    }

    #[test]
    fn an_axis_holds_everything_and_begins_no_lower_than_nothing() {
        let bin = Bin {
            answers: 2,
            failures: 0,
            rtt: Some((ms(1), ms(140))),
            host_rtt: Some(ms(150)),
        };
        let extent = Extent::of(&[vec![bin]], true).expect("data");
        let axis = Axis::of(extent, false);
        assert!(axis.low_ms == 0.0 && axis.high_ms >= 150.0, "{axis:?}");
        assert!(axis.row(ms(150), 11) < axis.row(ms(140), 11));
        assert_eq!(Extent::of(&[vec![Bin::default()]], true), None);
    }

    #[test]
    fn with_ratios_a_spike_of_three_seconds_leaves_a_base_of_twenty_milliseconds_readable() {
        let axis = Axis::of(extent(20.0, 3000.0), true);
        check_close(axis.low_ms, 20.0);
        check_close(axis.high_ms, 5000.0);
        let apart = |is_log| {
            let axis = Axis::of(extent(20.0, 3000.0), is_log);
            axis.row(ms(20), 40) - axis.row(ms(30), 40)
        };
        assert_eq!(apart(false), 0);
        assert!(apart(true) >= 2, "{}", apart(true));
    }

    #[test]
    fn the_numbers_of_ratios_are_round_and_have_room() {
        let axis = Axis::of(extent(20.0, 3000.0), true);
        for (found, wanted) in axis
            .numbers(40)
            .into_iter()
            .zip([20.0, 50.0, 100.0, 200.0, 500.0])
        {
            check_close(found, wanted);
        }
        assert!(axis.numbers(6).len() <= 3, "{:?}", axis.numbers(6));
    }

    #[test]
    fn one_value_or_nothing_measurable_still_makes_an_axis_of_ratios() {
        for value in [0.0, 0.01, 1.0, 20.0, 23.0] {
            let axis = Axis::of(extent(value, value), true);
            assert!(
                axis.low_ms > 0.0 && axis.low_ms < axis.high_ms,
                "{value}: {axis:?}"
            );
            assert!(axis.low_ms <= value.max(LEAST_LOG_MS), "{value}: {axis:?}");
        }
    }
}
