//! Writes the lines below the plot: the totals of the period, and the key of the colours.
//!
//! Both flow: on a wide picture they share one line, on a narrow one they take several, and what finds no room is left out
//! from the end (the key is ordered by what is least obvious without it).

use linewatch_core::time::Rtt;

use super::font::{Fonts, Weight};
use super::input::{GraphInput, GraphTotals};
use super::overlay::{hatch, short_duration};
use super::palette::{LOSS_WORDS, Paint, SMOKE_ALPHAS};
use super::scene::{Anchor, Rect, Scene, Shape, Span, Text};
use crate::format::{Quantity, availability_ppm, count, loss_ppm, rtt_ms};

const SIZE: f64 = 12.0;
pub(super) const LINE_HEIGHT: f64 = 19.0;
/// Free space between two entries.
const GAP: f64 = 12.0;
/// Width of a picture in the key and the space behind it.
const SWATCH: f64 = 14.0;

/// What stands before a word of the key.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Swatch {
    None,
    Loss(usize),
    Down,
    Gap,
    Smoke,
}

/// Words that stay together.
#[derive(Clone, Debug)]
struct Entry {
    swatch: Swatch,
    spans: Vec<Span>,
    width: f64,
}

/// The lines, laid out; the caller decides where.
#[derive(Clone, Debug)]
pub(super) struct Legend {
    totals: Vec<Vec<Entry>>,
    key: Vec<Vec<Entry>>,
    /// Totals and key share one line.
    is_shared: bool,
}

/// Facts of the period that the totals do not carry.
pub(super) struct Facts {
    pub(super) outages: usize,
    pub(super) down_nanos: u64,
    pub(super) has_gaps: bool,
}

impl Legend {
    /// At most `most` lines of `width`.
    pub(super) fn new(input: &GraphInput, facts: &Facts, scene: &Scene<'_>, width: f64, most: usize) -> Self {
        let totals = totals(&input.totals, facts, scene);
        let key = key(facts, scene);
        let length = |entries: &[Entry]| entries.iter().map(|entry| entry.width + GAP).sum::<f64>();
        let essential = key.len() - 1;
        if length(&totals) + length(&key[..essential]) + GAP <= width {
            let room = width - length(&totals) - GAP;
            let key = wrapped(key, room).into_iter().take(1).collect();
            return Self {
                totals: vec![totals],
                key,
                is_shared: true,
            };
        }
        let mut totals = wrapped(totals, width);
        let mut key = wrapped(key, width);
        totals.truncate(most);
        key.truncate((most - totals.len()).min(1));
        Self {
            totals,
            key,
            is_shared: false,
        }
    }

    /// Lines taken.
    pub(super) fn lines(&self) -> usize {
        if self.is_shared {
            1
        } else {
            self.totals.len() + self.key.len()
        }
    }

    /// Writes the lines from base line `y` on, between `left` and `right`.
    pub(super) fn draw(&self, scene: &mut Scene<'_>, (left, right): (f64, f64), y: f64) {
        for (index, line) in self.totals.iter().enumerate() {
            draw_totals(scene, line, left, y + index as f64 * LINE_HEIGHT);
        }
        for (index, line) in self.key.iter().enumerate() {
            let width: f64 = line.iter().map(|entry| entry.width + GAP).sum::<f64>() - GAP;
            let (x, row) = if self.is_shared {
                (right - width, 0)
            } else {
                (left, self.totals.len() + index)
            };
            draw_key(scene, line, x, y + row as f64 * LINE_HEIGHT);
        }
    }
}

fn totals(totals: &GraphTotals, facts: &Facts, scene: &Scene<'_>) -> Vec<Entry> {
    let (words, palette) = (scene.words, &scene.palette);
    let ms = |rtt: Option<Rtt>| rtt_ms(rtt.map(Rtt::as_millis_f64));
    let lost = totals.lost.min(totals.sent);
    let ppm = (totals.sent > 0).then(|| {
        let exact = u128::from(lost) * 1_000_000 / u128::from(totals.sent.max(1));
        // Neither rounds to nothing nor to everything: some lost is not 0 %, some answered is not 100 %.
        let least = u128::from(lost > 0);
        exact.clamp(least, 1_000_000 - u128::from(lost < totals.sent)) as u32
    });
    let counted = |number: u64| count(i64::try_from(number).ok());
    let of = if totals.sent > 0 {
        format!(" ({} {} {})", counted(lost), words.of, counted(totals.sent))
    } else {
        String::new()
    };
    let down = if facts.outages > 0 {
        format!(", {}", short_duration(facts.down_nanos))
    } else {
        String::new()
    };
    let measured_nanos = u64::try_from(totals.measured.as_nanos()).unwrap_or(u64::MAX);
    let measured = format!(" ({})", short_duration(measured_nanos));
    let (min, max) = (ms(totals.min), ms(totals.max));
    let range = if min.unit == max.unit {
        format!("{}–{max}", min.value)
    } else {
        format!("{min} – {max}")
    };
    let range = if totals.max.is_none() {
        crate::format::NONE.to_owned()
    } else {
        range
    };
    let facts = [
        ("p50 ", brief(ms(totals.p50)), String::new()),
        ("p95 ", brief(ms(totals.p95)), String::new()),
        ("p99 ", brief(ms(totals.p99)), String::new()),
        (words.range, range, String::new()),
        (words.jitter, ms(totals.jitter).to_string(), String::new()),
        (words.loss, loss_ppm(ppm).to_string(), of),
        (
            words.outages,
            format!("{}{down}", counted(facts.outages as u64)),
            String::new(),
        ),
        (
            words.availability,
            availability_ppm(totals.availability_ppm).to_string(),
            String::new(),
        ),
        (
            words.measured,
            availability_ppm(totals.coverage_ppm).to_string(),
            measured,
        ),
    ];
    let span = |text: &str, weight: Weight, paint: Paint| Span {
        text: text.to_owned(),
        weight,
        paint,
    };
    let entries = facts.into_iter().map(|(name, value, rest)| {
        let mut spans = vec![
            span(name, Weight::Regular, palette.muted),
            span(&value, Weight::SemiBold, palette.text),
        ];
        if !rest.is_empty() {
            spans.push(span(&rest, Weight::Regular, palette.muted));
        }
        Entry::new(Swatch::None, spans, scene.fonts)
    });
    entries.collect()
}

/// Milliseconds without their unit, which stands behind the largest of them; any other unit stays.
fn brief(quantity: Quantity) -> String {
    if quantity.unit == "ms" {
        quantity.value
    } else {
        quantity.to_string()
    }
}

fn key(facts: &Facts, scene: &Scene<'_>) -> Vec<Entry> {
    let words = scene.words;
    let entry = |swatch: Swatch, text: &str| {
        let span = Span {
            text: text.to_owned(),
            weight: Weight::Regular,
            paint: scene.palette.muted,
        };
        Entry::new(swatch, vec![span], scene.fonts)
    };
    let mut entries = vec![entry(Swatch::None, words.key_loss)];
    entries.extend(
        LOSS_WORDS
            .iter()
            .enumerate()
            .map(|(step, text)| entry(Swatch::Loss(step), text)),
    );
    if facts.has_gaps {
        entries.push(entry(Swatch::Gap, words.not_measured));
    }
    if facts.outages > 0 {
        entries.push(entry(Swatch::Down, words.down));
    }
    entries.push(entry(Swatch::Smoke, words.smoke));
    entries
}

impl Entry {
    fn new(swatch: Swatch, spans: Vec<Span>, fonts: &Fonts) -> Self {
        let words: f64 = spans
            .iter()
            .map(|span| fonts.width(&span.text, SIZE, span.weight))
            .sum();
        let before = if swatch == Swatch::None { 0.0 } else { SWATCH + 5.0 };
        Self {
            swatch,
            spans,
            width: before + words,
        }
    }
}

/// The entries in lines of `width`; one that is wider stands alone.
fn wrapped(entries: Vec<Entry>, width: f64) -> Vec<Vec<Entry>> {
    let mut lines: Vec<Vec<Entry>> = Vec::new();
    let mut used = 0.0;
    for entry in entries {
        let needed = entry.width + GAP;
        match lines.last_mut() {
            Some(line) if used + entry.width <= width => line.push(entry),
            _ => {
                lines.push(vec![entry]);
                used = 0.0;
            }
        }
        used += needed;
    }
    lines
}

/// One text, so that SVG readers with another font do not print one number over the next.
fn draw_totals(scene: &mut Scene<'_>, line: &[Entry], x: f64, y: f64) {
    let palette = scene.palette;
    let mut spans = Vec::new();
    for entry in line {
        if !spans.is_empty() {
            // Three spaces of 0.28 em are the entries' distance.
            spans.push(Span {
                text: "\u{a0}\u{a0}\u{a0}".to_owned(),
                weight: Weight::Regular,
                paint: palette.muted,
            });
        }
        spans.extend(entry.spans.iter().cloned());
    }
    scene.shapes.push(Shape::Text(Text {
        x,
        y,
        size: SIZE,
        anchor: Anchor::Start,
        is_upward: false,
        spans,
    }));
}

fn draw_key(scene: &mut Scene<'_>, line: &[Entry], mut x: f64, y: f64) {
    for entry in line {
        draw_swatch(scene, entry.swatch, x, y);
        let before = if entry.swatch == Swatch::None {
            0.0
        } else {
            SWATCH + 5.0
        };
        for span in &entry.spans {
            scene.text((x + before, y), Anchor::Start, SIZE, span.clone());
        }
        x += entry.width + GAP;
    }
}

fn draw_swatch(scene: &mut Scene<'_>, swatch: Swatch, x: f64, y: f64) {
    let palette = scene.palette;
    let (x, y) = (scene.snap(x), scene.snap(y));
    let picture = Rect::new(x, y - 10.0, SWATCH, 12.0);
    match swatch {
        Swatch::None => {}
        Swatch::Loss(step) => scene.rect(palette.loss(step), Rect::new(x, y - 6.0, SWATCH, 4.0)),
        Swatch::Down => {
            scene.rect(palette.down.at(0.12), picture);
            scene.rect(palette.down, Rect::new(x, y - 10.0, SWATCH, 5.0));
        }
        Swatch::Gap => hatch(scene, &picture),
        Swatch::Smoke => {
            for (band, alpha) in SMOKE_ALPHAS.into_iter().enumerate() {
                let inset = 1.5 * band as f64;
                let rect = Rect::new(x, picture.y + inset, SWATCH, picture.height - 2.0 * inset);
                scene.rect(palette.smoke.at(alpha), rect);
            }
        }
    }
}
