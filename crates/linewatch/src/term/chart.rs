//! Draws one target's RTT and process latency over time, or the RTT of several targets in one chart.
//!
//! RTT is a solid line, process latency a dashed one in a second colour. A lost probe is a `×` under the chart and a dashed
//! vertical line above it, and no line is joined over it, nor over a time without data. Not here: the figures beside it.

use std::time::Duration;

use linewatch_core::time::{Rtt, WallTime, nanos_of};
use linewatch_render::format;
use ratatui::layout::Rect;

use super::axis::{Axis, Extent};
use super::dots::Dots;
use super::layout::Scene;
use super::model::Row;
use super::paint::{Canvas, columns};
use super::theme::{Ink, Look};
use super::trail::{Bin, Trail};

/// Columns of the numbers at the left, with their tick.
const AXIS_COLUMNS: u16 = 8;
/// Lines of an overlay: as many as there are inks that can be told apart.
const OVERLAY_MOST: usize = 6;
/// Their inks, in order; each line also ends in its letter.
const OVERLAY_INKS: [Ink; OVERLAY_MOST] = [
    Ink::Accent,
    Ink::Process,
    Ink::Excellent,
    Ink::Fair,
    Ink::Critical,
    Ink::Good,
];
/// Those letters.
const LETTERS: [&str; OVERLAY_MOST] = ["A", "B", "C", "D", "E", "F"];

/// `Tokyo gateway · ICMP 1 s`, or the names of an overlay with their letters.
pub(super) fn title(scene: Scene<'_>) -> String {
    let shown = shown(scene);
    if scene.ui.is_overlay {
        let names = shown.iter().zip(LETTERS);
        let named: Vec<String> = names
            .map(|(row, letter)| format!("{letter} {}", row.name))
            .collect();
        return named.join("  ");
    }
    shown.first().map_or_else(String::new, |row| {
        if row.method.is_empty() {
            row.name.clone()
        } else {
            format!("{} · {}", row.name, row.method)
        }
    })
}

/// What the lines mean.
pub(super) fn legend(scene: Scene<'_>) -> String {
    let words = &scene.look.words;
    if scene.ui.is_overlay {
        format!("RTT  {} ×", words.lost)
    } else {
        format!("RTT ─  {} ┄  {} ×", words.process, words.lost)
    }
}

/// The targets whose lines are drawn.
fn shown<'a>(scene: Scene<'a>) -> Vec<&'a Row> {
    let Scene { fleet, ui, .. } = scene;
    if ui.is_overlay {
        let keys = ui.overlaid(OVERLAY_MOST);
        return keys.into_iter().filter_map(|key| fleet.row(key)).collect();
    }
    ui.chosen().and_then(|key| fleet.row(key)).into_iter().collect()
}

/// The chart; the last row of `area` has the labels of time.
pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, scene: Scene<'_>) {
    let Scene { fleet, ui, look } = scene;
    if area.width < AXIS_COLUMNS + 10 || area.height < 3 {
        return;
    }
    let plot = Rect::new(
        area.x + AXIS_COLUMNS,
        area.y,
        area.width - AXIS_COLUMNS - 2,
        area.height - 1,
    );
    let mut dots = Dots::new(plot, look.charset);
    let span = ui.range();
    let until = aligned(fleet.now, span, dots.columns());
    let rows = shown(scene);
    let series: Vec<Vec<Bin>> = rows
        .iter()
        .map(|row| row.trail.columns(until, span, dots.columns()))
        .collect();
    let Some(axis) = Extent::of(&series, !ui.is_overlay).map(|extent| Axis::of(extent, ui.is_log)) else {
        let x = plot.x + (plot.width / 2).saturating_sub(columns(look.words.no_data) / 2);
        canvas.put(
            x,
            plot.y + plot.height / 2,
            plot.width,
            look.words.no_data,
            look.style(Ink::Muted),
        );
        times(canvas, plot, span, look);
        return;
    };
    axis.draw(canvas, (AXIS_COLUMNS, plot), look);
    let inks: Vec<Ink> = if ui.is_overlay {
        OVERLAY_INKS[..rows.len()].to_vec()
    } else {
        vec![Ink::Accent]
    };
    // The later layer stands behind the earlier one.
    for ((row, bins), ink) in rows.iter().zip(&series).zip(&inks) {
        let reach = reach(row, span, dots.columns());
        dots.layer(*ink, false);
        trace(&mut dots, bins, reach, axis, |bin| bin.rtt);
    }
    if !ui.is_overlay
        && let (Some(row), Some(bins)) = (rows.first(), series.first())
    {
        dots.layer(Ink::Process, true);
        let reach = reach(row, span, dots.columns());
        trace(&mut dots, bins, reach, axis, |bin| {
            bin.host_rtt.map(|host| (host, host))
        });
    }
    losses(canvas, plot, &series, !ui.is_overlay, look);
    times(canvas, plot, span, look);
    dots.paint(canvas, plot, look);
    if ui.is_overlay {
        letters(canvas, plot, &series, axis, look);
    }
}

/// The end of the last column: a whole number of columns since 1970, so that what is drawn moves in whole steps.
fn aligned(now: WallTime, span: Duration, columns: usize) -> WallTime {
    let step_ns = (nanos_of(span) as i64 / columns.max(1) as i64).max(1);
    WallTime::from_nanos((now.as_nanos().div_euclid(step_ns) + 1) * step_ns)
}

/// How many columns may lie between two points that are joined: two and a half intervals.
fn reach(row: &Row, span: Duration, columns: usize) -> usize {
    let interval_ns = nanos_of(row.interval) as f64;
    let column_ns = (nanos_of(span) as f64 / columns.max(1) as f64).max(1.0);
    let bin_ns = nanos_of(Trail::step_of(span)) as f64;
    (2.5 * interval_ns.max(bin_ns) / column_ns).ceil() as usize + 1
}

/// One line: points joined where neither a loss nor a hole lies between them.
fn trace(
    dots: &mut Dots,
    bins: &[Bin],
    reach: usize,
    axis: Axis,
    value: impl Fn(&Bin) -> Option<(Rtt, Rtt)>,
) {
    let mut before: Option<(usize, usize)> = None;
    for (x, bin) in bins.iter().enumerate() {
        if let Some((low, high)) = value(bin) {
            let (top, bottom) = (axis.row(high, dots.rows()), axis.row(low, dots.rows()));
            // From where it came: the nearer end of this column's span.
            if let Some((from_x, from_y)) = before.filter(|(from_x, _)| x - from_x <= reach) {
                let near = from_y.clamp(top, bottom);
                dots.join((from_x, from_y), (x, near));
            }
            dots.upright(x, top, bottom);
            before = Some((x, bottom));
        }
        if bin.failures > 0 {
            before = None;
        }
    }
}

/// `×` below the chart where probes were lost; with one target also a line above it.
fn losses(canvas: &mut Canvas<'_>, plot: Rect, series: &[Vec<Bin>], has_lines: bool, look: &Look) {
    let style = look.style(Ink::Critical);
    for bins in series {
        let per_cell = (bins.len() / usize::from(plot.width)).max(1);
        for (x, _) in bins.iter().enumerate().filter(|(_, bin)| bin.failures > 0) {
            let x = plot.x + (x / per_cell) as u16;
            canvas.put(x, plot.bottom(), 1, "×", style);
            for y in plot.top()..plot.bottom() {
                if has_lines {
                    canvas.put(x, y, 1, "┊", style);
                }
            }
        }
    }
}

/// `-60 s`, the middle, `now`.
fn times(canvas: &mut Canvas<'_>, plot: Rect, span: Duration, look: &Look) {
    let y = plot.bottom();
    let style = look.style(Ink::Muted);
    let text = |length: Duration| {
        let ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        let written = if ms >= 60_000 && ms.is_multiple_of(60_000) {
            format!("{} m", ms / 60_000)
        } else {
            format::duration_ms(Some(ms))
        };
        format!("-{written}")
    };
    // 60 s is said in seconds, as its name is.
    let whole = if span == Duration::from_secs(60) {
        "-60 s".to_owned()
    } else {
        text(span)
    };
    let half = text(span / 2);
    let now = look.words.now;
    let middle = plot.x + (plot.width / 2).saturating_sub(columns(&half) / 2);
    for (x, label) in [
        (plot.x, whole.as_str()),
        (middle, half.as_str()),
        (plot.right().saturating_sub(columns(now)), now),
    ] {
        // A loss is more than a label.
        if (x..x + columns(label)).all(|x| canvas.is_free(x, y)) {
            canvas.put(x, y, plot.width, label, style);
        }
    }
}

/// The letter of each line where it ends.
fn letters(canvas: &mut Canvas<'_>, plot: Rect, series: &[Vec<Bin>], axis: Axis, look: &Look) {
    for ((bins, letter), ink) in series.iter().zip(LETTERS).zip(OVERLAY_INKS) {
        let newest = bins.iter().rev().find_map(|bin| bin.rtt);
        if let Some((low, _)) = newest {
            let y = plot.y + axis.row(low, usize::from(plot.height)) as u16;
            canvas.put(plot.right(), y, 1, letter, look.style(ink));
        }
    }
}
