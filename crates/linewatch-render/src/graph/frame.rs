//! Composes the picture: divides the room, then has every part drawn in the order of painting.
//!
//! Input: the data and the look. Output: a [`Scene`]. The order is the meaning: a plate covers smoke, but loss is drawn
//! after it; words come last.

use super::axis::ValueScale;
use super::columns::{Column, TimeScale, columns};
use super::font::{Fonts, Weight};
use super::input::{GraphInput, GraphStyle};
use super::labels::Lane;
use super::legend::{Facts, LINE_HEIGHT, Legend};
use super::overlay::{self, GapArea};
use super::palette::Palette;
use super::plot;
use super::scene::{Anchor, Rect, Scene, Span};
use super::timeline;
use super::words::Words;
use crate::format::{count, rtt_ms};
use crate::text::printable;

/// Space left and right of everything.
const SIDE: f64 = 20.0;
/// Height of the two head lines.
const HEAD: f64 = 58.0;
/// Height of the words below the time axis.
const TIME_WORDS: f64 = 24.0;
/// Free space between the plot and the loss bars: room for their axes' words.
const BETWEEN: f64 = 16.0;
/// About one time label per so many pixels.
const TIME_SPACING: f64 = 66.0;
/// Characters of a name that are looked at: more than any picture has room for.
const NAME_CHARS: usize = 400;

/// Where the parts are.
struct Room {
    plot: Rect,
    loss: Rect,
    /// Plot, loss and what is between.
    all: Rect,
}

/// The picture of `input` in the look of `style`.
pub(super) fn compose<'a>(input: &GraphInput, style: &GraphStyle, fonts: &'a Fonts) -> Scene<'a> {
    let palette = Palette::of(style.theme());
    let mut scene = Scene {
        width: style.width(),
        height: style.height(),
        scale: style.scale(),
        palette,
        fonts,
        words: Words::of(style.language()),
        title: shown(&input.name),
        description: String::new(),
        shapes: Vec::new(),
    };
    let (width, height) = (f64::from(style.width()), f64::from(style.height()));
    // The time scale needs the left edge and the edge the widest label; both come from a first guess of the room.
    let guess = room(width, height, 58.0, 2);
    let time = TimeScale::over(input, &guess.plot);
    let down = overlay::within(input, &time);
    let facts = Facts {
        outages: down.len(),
        down_nanos: down.iter().map(|outage| down_nanos(outage, input, &time)).sum(),
        has_gaps: !overlay::gap_areas(input, &time, &scene).is_empty(),
    };
    let most_lines = if height < 220.0 {
        1
    } else if height < 300.0 {
        2
    } else {
        3
    };
    let legend = Legend::new(input, &facts, &scene, width - 2.0 * SIDE, most_lines);
    let columns_guess = columns(input, &time, &scene);
    let guess = room(width, height, 58.0, legend.lines());
    let left = left_edge(fonts, fit(input, style, &columns_guess, &guess.plot).as_ref());
    let room = room(width, height, left, legend.lines());
    let time = TimeScale::over(input, &room.plot);
    let columns = columns(input, &time, &scene);
    let scale = fit(input, style, &columns, &room.plot);
    scene.description = description(input, &facts, &scene);

    head(&mut scene, input, width);
    let gaps = overlay::gap_areas(input, &time, &scene);
    measurements(
        &mut scene,
        input,
        (&room, &time),
        (&columns, scale.as_ref()),
        &gaps,
    );
    remarks(
        &mut scene,
        input,
        (&room, &time),
        (&columns, scale.as_ref()),
        &gaps,
    );
    let base = height - 14.0 - (legend.lines() as f64 - 1.0) * LINE_HEIGHT;
    legend.draw(&mut scene, (SIDE, width - SIDE), base);
    scene
}

/// The loss of `input` alone, over the whole height, with the totals of both below.
pub(super) fn compose_loss<'a>(input: &GraphInput, style: &GraphStyle, fonts: &'a Fonts) -> Scene<'a> {
    let palette = Palette::of(style.theme());
    let mut scene = Scene {
        width: style.width(),
        height: style.height(),
        scale: style.scale(),
        palette,
        fonts,
        words: Words::of(style.language()),
        title: shown(&input.name),
        description: String::new(),
        shapes: Vec::new(),
    };
    let (width, height) = (f64::from(style.width()), f64::from(style.height()));
    // Wide enough for "100%".
    let left = left_edge(fonts, None) + 12.0;
    let bottom = height - 12.0 - LINE_HEIGHT - TIME_WORDS;
    let loss = Rect::new(left, HEAD, width - SIDE - left, (bottom - HEAD).max(24.0));
    let room = Room {
        plot: Rect::new(left, HEAD, loss.width, 0.0),
        loss,
        all: loss,
    };
    let time = TimeScale::over(input, &room.loss);
    let columns = columns(input, &time, &scene);
    let down = overlay::within(input, &time);
    let gaps = overlay::gap_areas(input, &time, &scene);
    let facts = Facts {
        outages: down.len(),
        down_nanos: down.iter().map(|outage| down_nanos(outage, input, &time)).sum(),
        has_gaps: !gaps.is_empty(),
    };
    scene.description = description(input, &facts, &scene);
    head(&mut scene, input, width);
    measurements(&mut scene, input, (&room, &time), (&columns, None), &gaps);
    let legend = Legend::new(input, &facts, &scene, width - 2.0 * SIDE, 1);
    legend.draw(&mut scene, (SIDE, width - SIDE), height - 14.0);
    scene
}

fn room(width: f64, height: f64, left: f64, legend_lines: usize) -> Room {
    let foot = 12.0 + legend_lines as f64 * LINE_HEIGHT;
    let loss_height = (height * 0.13).clamp(20.0, 60.0).round();
    let loss_top = height - foot - TIME_WORDS - loss_height;
    let plot = Rect::new(
        left,
        HEAD,
        width - SIDE - left,
        (loss_top - BETWEEN - HEAD).max(24.0),
    );
    let loss = Rect::new(left, loss_top, plot.width, loss_height);
    let all = Rect::new(left, plot.y, plot.width, loss.bottom() - plot.y);
    Room { plot, loss, all }
}

fn fit(input: &GraphInput, style: &GraphStyle, columns: &[Column], plot: &Rect) -> Option<ValueScale> {
    let thresholds: Vec<f64> = input
        .thresholds
        .iter()
        .map(|threshold| threshold.at.as_millis_f64())
        .collect();
    ValueScale::fit(columns, &thresholds, style.axis(), (plot.y, plot.bottom()))
}

/// As far right as the widest axis label needs, on a whole pixel.
fn left_edge(fonts: &Fonts, scale: Option<&ValueScale>) -> f64 {
    let ticks = scale
        .map(|scale| scale.ticks(plot::VALUE_SPACING))
        .unwrap_or_default();
    let widths = ticks
        .iter()
        .map(|(_, label)| fonts.width(label, plot::AXIS_SIZE, Weight::Regular));
    (widths.fold(32.0, f64::max) + SIDE + 9.0).ceil()
}

/// Name and address on the left, period and zone on the right; the left gives way.
fn head(scene: &mut Scene<'_>, input: &GraphInput, width: f64) {
    let palette = scene.palette;
    let fonts = scene.fonts;
    let right_edge = width - SIDE;
    let period = timeline::period(input.from, input.to, &input.zone, scene.words);
    let bucket = overlay::bucket_words(input.bucket_length);
    let zone = format!(
        "{} · {}",
        timeline::zone_words(input.from, input.to, &input.zone),
        scene.words.buckets(&bucket)
    );
    let address = [shown(&input.address), shown(&input.note)]
        .into_iter()
        .filter(|text| !text.is_empty());
    let address = address.collect::<Vec<_>>().join(" · ");
    // On a narrow picture the period takes the second line and the zone and address go.
    let is_narrow = width < 520.0;
    let (first_right, second_right) = if is_narrow {
        (String::new(), period.clone())
    } else {
        (period, zone)
    };
    let address = if is_narrow { String::new() } else { address };
    let rows = [
        (
            26.0,
            16.0,
            Weight::SemiBold,
            palette.text,
            shown(&input.name),
            first_right,
        ),
        (45.0, 12.5, Weight::Regular, palette.muted, address, second_right),
    ];
    for (y, size, weight, paint, left, right) in rows {
        let taken = if right.is_empty() {
            0.0
        } else {
            fonts.width(&right, 12.5, weight) + 24.0
        };
        let text = fonts.fitted(&left, size, weight, right_edge - SIDE - taken);
        scene.text((SIDE, y), Anchor::Start, size, Span { text, weight, paint });
        if !right.is_empty() {
            scene.text(
                (right_edge, y),
                Anchor::End,
                12.5,
                Span {
                    text: right,
                    weight,
                    paint,
                },
            );
        }
    }
}

/// Grid, smoke, median, plates and loss.
fn measurements(
    scene: &mut Scene<'_>,
    input: &GraphInput,
    (room, time): (&Room, &TimeScale),
    (columns, scale): (&[Column], Option<&ValueScale>),
    gaps: &[GapArea],
) {
    let areas = (&room.plot, &room.loss);
    let most = (room.plot.width / TIME_SPACING).max(2.0) as usize;
    let ticks = timeline::ticks((time.from, time.to), &input.zone, most, scene.words);
    let ticks: Vec<_> = ticks.into_iter().map(|tick| (time.x(tick.at), tick)).collect();
    plot::value_grid(scene, areas, scale, columns);
    plot::time_grid(scene, areas, &ticks);
    overlay::no_data(scene, input, time, &room.all, columns, gaps);
    plot::smoke(scene, &room.plot, scale, columns);
    plot::medians(scene, &room.plot, scale, columns);
    overlay::gap_plates(scene, &room.all, gaps);
    plot::loss_bars(scene, &room.loss, columns);
    overlay::gap_lines(scene, &room.all, gaps);
    overlay::present(scene, input, time, &room.all);
}

/// Outages, thresholds and spikes with their words, the most important first.
fn remarks(
    scene: &mut Scene<'_>,
    input: &GraphInput,
    (room, time): (&Room, &TimeScale),
    (columns, scale): (&[Column], Option<&ValueScale>),
    gaps: &[GapArea],
) {
    let mut lane = Lane::along(&room.plot);
    overlay::reserve_plates(gaps, &mut lane);
    overlay::outages(scene, &room.plot, input, time, &mut lane);
    overlay::gap_words(scene, &room.all, gaps, &mut lane);
    if let Some(scale) = scale {
        overlay::thresholds(scene, &room.plot, scale, input, &mut lane);
        overlay::spikes(scene, &room.plot, scale, columns, &mut lane);
        return;
    }
    let text = if columns.is_empty() {
        scene.words.no_data
    } else {
        scene.words.no_reply
    };
    overlay::nothing(scene, &room.plot, text);
}

/// How long an outage lasted within the period.
fn down_nanos(outage: &super::input::GraphOutage, input: &GraphInput, time: &TimeScale) -> u64 {
    let end = overlay::end_of(outage, input).min(time.to);
    u64::try_from(end.nanos_after(outage.from.max(time.from))).unwrap_or(0)
}

/// `Tokyo gateway, 20 Nov 16:56 – 21 Nov 2026 16:56: median 87.9 ms, 112 of 84,899 lost, 3 outages`.
fn description(input: &GraphInput, facts: &Facts, scene: &Scene<'_>) -> String {
    let (totals, words, name) = (&input.totals, scene.words, &scene.title);
    let number = |value: u64| count(i64::try_from(value).ok());
    format!(
        "{name}, {}: {} {}, {} {} {} {}, {} {}",
        timeline::period(input.from, input.to, &input.zone, words),
        words.median,
        rtt_ms(totals.p50.map(|rtt| rtt.as_millis_f64())),
        number(totals.lost),
        words.of,
        number(totals.sent),
        words.lost,
        number(facts.outages as u64),
        words.outages_word,
    )
}

/// Text from outside as a picture may show it.
fn shown(text: &str) -> String {
    let is_long = text.chars().nth(NAME_CHARS).is_some();
    let start: String = text.chars().take(NAME_CHARS).collect();
    let mut shown = printable(&start);
    if is_long {
        shown.push('…');
    }
    shown
}
