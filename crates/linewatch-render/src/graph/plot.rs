//! Draws the measurements: grid, smoke, median, loss.
//!
//! Rules of UI.md section 4.1: four nested bands per column, the median coloured by loss, a wash where loss is above 5 %,
//! a full column where nothing came back. Nothing is joined across columns, so nothing is invented between them.

use super::axis::{ValueScale, loss_top, plain};
use super::columns::Column;
use super::font::Weight;
use super::palette::{SMOKE_ALPHAS, loss_step};
use super::scene::{Anchor, Rect, Scene, Span};
use super::timeline::TimeTick;

/// Size of the words along the axes.
pub(super) const AXIS_SIZE: f64 = 12.0;
/// At most one label of the value axis per so many pixels.
pub(super) const VALUE_SPACING: f64 = 28.0;
/// Height of the median's dash: thick enough to show its colour.
const MEDIAN_HEIGHT: f64 = 2.4;
/// Loss is never drawn smaller than this, in both directions.
const LEAST_LOSS: f64 = 2.0;
/// From this share on, loss tints its whole column.
const WASH_FROM: f64 = 0.05;

/// The lines and words of the two vertical axes.
pub(super) fn value_grid(
    scene: &mut Scene<'_>,
    areas: (&Rect, &Rect),
    scale: Option<&ValueScale>,
    columns: &[Column],
) {
    let (plot, loss) = areas;
    for (value, label) in scale.map(|scale| scale.ticks(VALUE_SPACING)).unwrap_or_default() {
        let y = scale.map_or(plot.y, |scale| scale.y(value));
        rule(scene, plot, y);
        axis_label(scene, plot, y, label);
    }
    let top = loss_top(columns);
    let shares: &[f64] = if loss.height >= 34.0 {
        &[0.0, 0.5, 1.0]
    } else {
        &[0.0, 1.0]
    };
    for share in shares {
        let y = loss.bottom() - share * loss.height;
        rule(scene, loss, y);
        axis_label(scene, loss, y, format!("{}%", plain(top * share * 100.0)));
    }
}

fn rule(scene: &mut Scene<'_>, area: &Rect, y: f64) {
    let palette = scene.palette;
    let thin = 1.0 / f64::from(scene.scale);
    let line = Rect::new(area.x, scene.snap(y), area.width, thin.max(0.5));
    scene.rect(palette.grid, line);
}

fn axis_label(scene: &mut Scene<'_>, area: &Rect, y: f64, text: String) {
    let palette = scene.palette;
    let span = Span {
        text,
        weight: Weight::Regular,
        paint: palette.muted,
    };
    scene.text((area.x - 9.0, y + AXIS_SIZE * 0.35), Anchor::End, AXIS_SIZE, span);
}

/// The lines and words of the time axis. A word that would touch its neighbour or the edge is left out, its line stays.
pub(super) fn time_grid(scene: &mut Scene<'_>, areas: (&Rect, &Rect), ticks: &[(f64, TimeTick)]) {
    let palette = scene.palette;
    let fonts = scene.fonts;
    let (plot, loss) = areas;
    let thin = (1.0 / f64::from(scene.scale)).max(0.5);
    let lines = ticks
        .iter()
        .map(|(x, _)| Rect::new(scene.snap(*x), plot.y, thin, loss.bottom() - plot.y))
        .collect();
    scene.rects(palette.grid, lines);
    let mut free_from = plot.x - 24.0;
    for (x, tick) in ticks {
        let weight = if tick.is_major {
            Weight::SemiBold
        } else {
            Weight::Regular
        };
        let half = fonts.width(&tick.label, AXIS_SIZE, weight) / 2.0;
        if x - half < free_from || x + half > f64::from(scene.width) - 4.0 {
            continue;
        }
        free_from = x + half + 8.0;
        let paint = if tick.is_major {
            palette.text
        } else {
            palette.muted
        };
        let span = Span {
            text: tick.label.clone(),
            weight,
            paint,
        };
        scene.text((*x, loss.bottom() + 17.0), Anchor::Middle, AXIS_SIZE, span);
    }
}

/// The four nested bands of every column, then the washes of heavy loss.
pub(super) fn smoke(scene: &mut Scene<'_>, plot: &Rect, scale: Option<&ValueScale>, columns: &[Column]) {
    let palette = scene.palette;
    if let Some(scale) = scale {
        for (band, alpha) in SMOKE_ALPHAS.into_iter().enumerate() {
            let rects = columns.iter().filter_map(|column| {
                let quantiles = column.quantiles?;
                let (top, bottom) = (scale.y(quantiles[8 - band]), scale.y(quantiles[band]));
                let top = scene.snap(top);
                let height = (scene.snap(bottom) - top).max(1.0 / f64::from(scene.scale));
                Some(Rect::new(column.left, top, column.width(), height))
            });
            let rects = rects.collect();
            scene.rects(palette.smoke.at(alpha), rects);
        }
    }
    for column in columns {
        let Some(ratio) = column.loss_ratio().filter(|ratio| *ratio > WASH_FROM) else {
            continue;
        };
        let paint = palette.loss(loss_step(ratio));
        let full = Rect::new(column.left, plot.y, column.width(), plot.height);
        if column.lost < column.sent {
            scene.rect(paint.at(0.13), full);
            continue;
        }
        scene.rect(paint.at(0.35), full);
        let notch = Rect::new(
            column.left,
            scene.snap(plot.y + 0.38 * plot.height),
            column.width(),
            1.6,
        );
        scene.rect(paint, notch);
    }
}

/// One dash per column at its median, in the colour of its loss.
pub(super) fn medians(scene: &mut Scene<'_>, plot: &Rect, scale: Option<&ValueScale>, columns: &[Column]) {
    let palette = scene.palette;
    let Some(scale) = scale else {
        return;
    };
    let mut steps: [Vec<Rect>; 5] = Default::default();
    for column in columns {
        let (Some(quantiles), Some(ratio)) = (column.quantiles, column.loss_ratio()) else {
            continue;
        };
        let y = scene
            .snap(scale.y(quantiles[4]) - MEDIAN_HEIGHT / 2.0)
            .clamp(plot.y, plot.bottom() - MEDIAN_HEIGHT);
        steps[loss_step(ratio)].push(Rect::new(column.left, y, column.width(), MEDIAN_HEIGHT));
    }
    for (step, rects) in steps.into_iter().enumerate() {
        scene.rects(palette.loss(step), rects);
    }
}

/// The bars of the loss axis, each at least [`LEAST_LOSS`] wide and high.
pub(super) fn loss_bars(scene: &mut Scene<'_>, area: &Rect, columns: &[Column]) {
    let palette = scene.palette;
    let top = loss_top(columns);
    let mut steps: [Vec<Rect>; 5] = Default::default();
    for column in columns {
        let Some(ratio) = column.loss_ratio().filter(|ratio| *ratio > 0.0) else {
            continue;
        };
        let height = (ratio / top * area.height).max(LEAST_LOSS);
        let width = column.width().max(LEAST_LOSS);
        let left = column.left.min(area.right() - width);
        let y = scene.snap(area.bottom() - height);
        steps[loss_step(ratio)].push(Rect::new(left, y, width, area.bottom() - y));
    }
    for (step, rects) in steps.into_iter().enumerate() {
        scene.rects(palette.loss(step), rects);
    }
}
