//! Draws what is said about the measurements: gaps, time without data, outages, thresholds, cut-off spikes.
//!
//! Surprising rule: a gap too narrow for its own pixels is a dashed line beside the data instead of a plate over it, so
//! that it never hides a lost probe.

use linewatch_core::time::WallTime;

use super::axis::ValueScale;
use super::columns::{Column, TimeScale};
use super::font::Weight;
use super::input::{GraphInput, GraphOutage};
use super::labels::{Lane, words};
use super::scene::{Anchor, Rect, Scene, Shape, Span, Text};
use crate::format::{duration_ms, rtt_ms};
use crate::text::printable;

/// Gaps at least this wide are plates.
const PLATE_WIDTH: f64 = 4.0;
/// Distance of the hatching's strokes.
const HATCH_STEP: f64 = 6.0;
/// Size of the words on a plate.
const PLATE_WORDS: f64 = 11.0;
/// Spikes closer than this share one arrow: that of the highest.
const ARROW_WIDTH: f64 = 8.0;
/// Arrows with a number; more would be a row of numbers that nobody reads.
const SPIKE_LABELS: usize = 6;
/// Thresholds drawn at most: one per grade and one for alerts.
const THRESHOLDS: usize = 8;

/// A gap in pixels.
#[derive(Clone, Debug)]
pub(super) struct GapArea {
    left: f64,
    right: f64,
    words: String,
}

impl GapArea {
    fn is_plate(&self) -> bool {
        self.right - self.left >= PLATE_WIDTH
    }
}

/// The gaps within the period, from left to right. Of narrow ones in the same pixel the first stands for all.
pub(super) fn gap_areas(input: &GraphInput, time: &TimeScale, scene: &Scene<'_>) -> Vec<GapArea> {
    let mut gaps: Vec<_> = input
        .gaps
        .iter()
        .filter(|gap| gap.to >= time.from && gap.from <= time.to)
        .collect();
    gaps.sort_by_key(|gap| (gap.from, gap.to));
    let mut areas: Vec<GapArea> = Vec::new();
    for gap in gaps {
        let (left, right) = (scene.snap(time.x(gap.from)), scene.snap(time.x(gap.to)));
        let mut words = scene.words.gap(gap.kind).to_owned();
        // A step of the clock has no length.
        if gap.to > gap.from {
            words = format!("{words} {}", length_words(gap.from, gap.to));
        }
        let area = GapArea { left, right, words };
        let is_hidden = areas
            .last()
            .is_some_and(|last| !area.is_plate() && right <= last.right.max(last.left + 1.0));
        if !is_hidden {
            areas.push(area);
        }
    }
    areas
}

/// Tints the time that is neither measured nor a known gap.
pub(super) fn no_data(
    scene: &mut Scene<'_>,
    input: &GraphInput,
    time: &TimeScale,
    area: &Rect,
    columns: &[Column],
    gaps: &[GapArea],
) {
    let palette = scene.palette;
    let mut known: Vec<(f64, f64)> = columns.iter().map(|column| (column.left, column.right)).collect();
    known.extend(gaps.iter().map(|gap| (gap.left, gap.right)));
    known.sort_by(|one, other| one.0.total_cmp(&other.0));
    let end = time.x(input.now);
    // Shorter than a bucket is the rest of a bucket that is not full yet.
    let bucket =
        time.width * input.bucket_length.as_nanos() as f64 / (time.to.nanos_after(time.from) as f64).max(1.0);
    let mut holes = Vec::new();
    let mut seen = time.left;
    for (left, right) in known.into_iter().chain([(end, end)]) {
        if left.min(end) - seen > bucket.max(1.0) * 1.01 {
            holes.push(Rect::new(seen, area.y, left.min(end) - seen, area.height));
        }
        seen = seen.max(right);
    }
    scene.rects(palette.no_data.at(0.18), holes);
}

/// The wide gaps: hatched plates with their kind and length on them.
pub(super) fn gap_plates(scene: &mut Scene<'_>, area: &Rect, gaps: &[GapArea]) {
    let palette = scene.palette;
    for gap in gaps.iter().filter(|gap| gap.is_plate()) {
        let plate = Rect::new(gap.left, area.y, gap.right - gap.left, area.height);
        scene.rect(palette.ground, plate);
        hatch(scene, &plate);
        plate_words(scene, &plate, &gap.words);
    }
}

/// A tinted, hatched rectangle: "not measured" everywhere in linewatch.
pub(super) fn hatch(scene: &mut Scene<'_>, plate: &Rect) {
    let palette = scene.palette;
    scene.rect(palette.no_data.at(0.11), *plate);
    let mut lines = Vec::new();
    // The strokes rise to the right; each is cut to the plate by hand, so that no clipping is needed.
    let mut foot = plate.x - plate.height;
    while foot < plate.right() {
        let (left, right) = (foot.max(plate.x), (foot + plate.height).min(plate.right()));
        if right > left {
            lines.push([
                left,
                plate.bottom() - (left - foot),
                right,
                plate.bottom() - (right - foot),
            ]);
        }
        foot += HATCH_STEP;
    }
    scene.shapes.push(Shape::Strokes {
        paint: palette.no_data.at(0.6),
        width: 1.0,
        lines,
    });
}

fn plate_words(scene: &mut Scene<'_>, plate: &Rect, text: &str) {
    let palette = scene.palette;
    let fonts = scene.fonts;
    let width = fonts.width(text, PLATE_WORDS, Weight::Regular);
    let (middle_x, middle_y) = (plate.x + plate.width / 2.0, plate.y + plate.height / 2.0);
    let Some(is_upward) = is_upward(plate, width) else {
        return;
    };
    let (half_width, half_height) = (width / 2.0 + 5.0, PLATE_WORDS * 0.7);
    let under = match is_upward {
        true => Rect::new(
            middle_x - half_height,
            middle_y - half_width,
            2.0 * half_height,
            2.0 * half_width,
        ),
        false => Rect::new(
            middle_x - half_width,
            middle_y - half_height,
            2.0 * half_width,
            2.0 * half_height,
        ),
    };
    scene.rect(palette.ground, under);
    let drop = PLATE_WORDS * 0.36;
    let (x, y) = if is_upward {
        (middle_x + drop, middle_y)
    } else {
        (middle_x, middle_y + drop)
    };
    scene.shapes.push(Shape::Text(Text {
        x,
        y,
        size: PLATE_WORDS,
        anchor: Anchor::Middle,
        is_upward,
        spans: vec![words(text.to_owned(), Weight::Regular, palette.muted)],
    }));
}

/// Whether words of this width stand upward on a plate; `None` where they do not fit on it at all.
fn is_upward(plate: &Rect, width: f64) -> Option<bool> {
    let is_upward = plate.width < width + 12.0;
    let fits = !is_upward || (plate.width >= PLATE_WORDS + 5.0 && plate.height >= width + 12.0);
    fits.then_some(is_upward)
}

/// The narrow gaps: dashed lines.
pub(super) fn gap_lines(scene: &mut Scene<'_>, area: &Rect, gaps: &[GapArea]) {
    let palette = scene.palette;
    let mut dashes = Vec::new();
    for gap in gaps.iter().filter(|gap| !gap.is_plate()) {
        let mut y = area.y;
        while y < area.bottom() {
            dashes.push(Rect::new(gap.left, y, 1.0, 3.0_f64.min(area.bottom() - y)));
            y += 6.0;
        }
    }
    scene.rects(palette.muted.at(0.75), dashes);
}

/// A dashed line with its name for each threshold; one above the axis is named at the top edge.
pub(super) fn thresholds(
    scene: &mut Scene<'_>,
    plot: &Rect,
    scale: &ValueScale,
    input: &GraphInput,
    lane: &mut Lane,
) {
    let palette = scene.palette;
    let fonts = scene.fonts;
    for threshold in input.thresholds.iter().take(THRESHOLDS) {
        let ms = threshold.at.as_millis_f64();
        let label: String = threshold.label.chars().take(40).collect();
        let text = format!("{} {}", printable(&label), rtt_ms(Some(ms)));
        if ms > scale.high {
            let span = words(format!("{text} ↑"), Weight::Regular, palette.threshold);
            let is_placed = lane.place(scene, (plot.right() - 2.0, plot.right() + 2.0), span.clone());
            if !is_placed {
                lane.place(scene, (plot.x - 4.0, plot.x), span);
            }
            continue;
        }
        if ms < scale.low {
            continue;
        }
        let y = scene.snap(scale.y(ms));
        let dashes = (0..)
            .map(|index| plot.x + 8.0 * f64::from(index))
            .take_while(|x| *x < plot.right());
        let dashes = dashes
            .map(|x| Rect::new(x, y, 5.0_f64.min(plot.right() - x), 1.0))
            .collect();
        scene.rects(palette.threshold.at(0.85), dashes);
        let width = fonts.width(&text, PLATE_WORDS, Weight::Regular);
        // Above its line; under it where the line is close to the top.
        let base = if y - plot.y < 17.0 { y + 12.0 } else { y - 4.0 };
        let plate = Rect::new(plot.right() - width - 8.0, base - 10.5, width + 6.0, 13.5);
        scene.rect(palette.ground.at(0.78), plate);
        if base < plot.y + 24.0 {
            lane.reserve(plate.x, plate.right());
        }
        let span = words(text, Weight::Regular, palette.threshold);
        scene.text((plot.right() - 5.0, base), Anchor::End, PLATE_WORDS, span);
    }
}

/// Marks every outage above the plot and tints its time; names them, the longest first.
pub(super) fn outages(
    scene: &mut Scene<'_>,
    plot: &Rect,
    input: &GraphInput,
    time: &TimeScale,
    lane: &mut Lane,
) {
    let palette = scene.palette;
    let mut outages = within(input, time);
    outages.sort_by_key(|outage| std::cmp::Reverse(end_of(outage, input).nanos_after(outage.from)));
    let mut marks = Vec::new();
    let mut washes = Vec::new();
    let mut named = Vec::new();
    for outage in outages {
        let end = end_of(&outage, input);
        let (left, right) = (scene.snap(time.x(outage.from)), scene.snap(time.x(end)));
        let width = (right - left).max(2.0);
        let left = left.min(plot.right() - width);
        marks.push(Rect::new(left, plot.y - 5.0, width, 5.0));
        washes.push(Rect::new(left, plot.y, width, plot.height));
        let mut text = format!("{} {}", scene.words.down, length_words(outage.from, end));
        if outage.to.is_none() {
            text = format!("{text}, {}", scene.words.lasting);
        }
        named.push((left, left + width, text));
    }
    scene.rects(palette.down.at(0.12), washes);
    scene.rects(palette.down, marks);
    for (left, right, text) in named {
        lane.place(scene, (left, right), words(text, Weight::SemiBold, palette.text));
    }
}

/// The outages that touch the period.
pub(super) fn within(input: &GraphInput, time: &TimeScale) -> Vec<GraphOutage> {
    let touches = |outage: &&GraphOutage| outage.from <= time.to && end_of(outage, input) >= time.from;
    input.outages.iter().filter(touches).copied().collect()
}

/// The end of an outage; now, while it lasts.
pub(super) fn end_of(outage: &GraphOutage, input: &GraphInput) -> WallTime {
    outage.to.unwrap_or(input.now).max(outage.from)
}

/// Names the narrow gaps, and the plates that have no room for their words.
pub(super) fn gap_words(scene: &mut Scene<'_>, area: &Rect, gaps: &[GapArea], lane: &mut Lane) {
    let palette = scene.palette;
    for gap in gaps {
        let right = if gap.is_plate() {
            let plate = Rect::new(gap.left, area.y, gap.right - gap.left, area.height);
            let width = scene.fonts.width(&gap.words, PLATE_WORDS, Weight::Regular);
            if is_upward(&plate, width).is_some() {
                continue;
            }
            gap.right
        } else {
            gap.left + 1.0
        };
        let span = words(gap.words.clone(), Weight::Regular, palette.muted);
        lane.place(scene, (gap.left, right), span);
    }
}

/// Keeps other words off the plates of wide gaps.
pub(super) fn reserve_plates(gaps: &[GapArea], lane: &mut Lane) {
    for gap in gaps.iter().filter(|gap| gap.is_plate()) {
        lane.reserve(gap.left, gap.right);
    }
}

/// An arrow at the top edge for every column that is cut off, the true value beside the highest ones.
pub(super) fn spikes(
    scene: &mut Scene<'_>,
    plot: &Rect,
    scale: &ValueScale,
    columns: &[Column],
    lane: &mut Lane,
) {
    let palette = scene.palette;
    let mut arrows: Vec<(f64, f64)> = Vec::new();
    for column in columns {
        let Some(highest) = column
            .quantiles
            .map(|quantiles| quantiles[8])
            .filter(|ms| *ms > scale.high)
        else {
            continue;
        };
        match arrows.last_mut() {
            Some(last) if column.centre() - last.0 < ARROW_WIDTH => {
                if highest > last.1 {
                    *last = (column.centre(), highest);
                }
            }
            _ => arrows.push((column.centre(), highest)),
        }
    }
    let corners = arrows
        .iter()
        .map(|(x, _)| [x - 4.0, plot.y + 7.0, x + 4.0, plot.y + 7.0, *x, plot.y])
        .collect();
    if !arrows.is_empty() {
        scene.shapes.push(Shape::Triangles {
            paint: palette.muted,
            corners,
        });
    }
    arrows.sort_by(|one, other| other.1.total_cmp(&one.1));
    for (x, ms) in arrows.into_iter().take(SPIKE_LABELS) {
        let span = words(rtt_ms(Some(ms)).to_string(), Weight::Regular, palette.muted);
        lane.place(scene, (x - 4.0, x + 4.0), span);
    }
}

/// A line at the present where the period reaches beyond it.
pub(super) fn present(scene: &mut Scene<'_>, input: &GraphInput, time: &TimeScale, area: &Rect) {
    let palette = scene.palette;
    if input.now > time.from && input.now < time.to {
        let line = Rect::new(scene.snap(time.x(input.now)), area.y, 1.0, area.height);
        scene.rect(palette.muted.at(0.6), line);
    }
}

/// One sentence in the middle of a plot without anything in it.
pub(super) fn nothing(scene: &mut Scene<'_>, plot: &Rect, text: &str) {
    let palette = scene.palette;
    let at = (plot.x + plot.width / 2.0, plot.y + plot.height / 2.0 + 5.0);
    let span = Span {
        text: text.to_owned(),
        weight: Weight::Regular,
        paint: palette.muted,
    };
    scene.text(at, Anchor::Middle, 14.0, span);
}

/// `25 m`, `1 m 52 s`: the length of a span without a zero at its end.
fn length_words(from: WallTime, to: WallTime) -> String {
    short_duration(u64::try_from(to.nanos_after(from)).unwrap_or(0))
}

/// The length of a bucket: `5 min`, because `5 m` beside a distance of time could be a distance.
pub(super) fn bucket_words(length: std::time::Duration) -> String {
    let nanos = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
    let text = short_duration(nanos);
    text.strip_suffix(" m")
        .map_or(text.clone(), |minutes| format!("{minutes} min"))
}

/// A length of `nanos` nanoseconds in words, without a zero at its end.
pub(super) fn short_duration(nanos: u64) -> String {
    let text = duration_ms(Some(nanos / 1_000_000));
    let endings = [" 00 s", " 00 m", " 0 h"];
    let short = endings
        .into_iter()
        .find_map(|ending| text.strip_suffix(ending))
        .map(str::to_owned);
    short.unwrap_or(text)
}
