//! Finds room for the small words at the top of the plot, so that none covers another.
//!
//! First come, first served: the caller asks in the order of importance. What finds no room is left out; its mark stays,
//! and the totals below count it.

use super::font::Weight;
use super::palette::Paint;
use super::scene::{Anchor, Rect, Scene, Span};

const SIZE: f64 = 11.0;
const ROW_HEIGHT: f64 = 15.0;
/// Rows below each other; more would cover the data.
const ROWS: usize = 2;
/// Free space between a mark and its words, and between words.
const MARGIN: f64 = 5.0;

/// The rows of words under the top edge of the plot.
pub(super) struct Lane {
    left: f64,
    right: f64,
    top: f64,
    taken: [Vec<(f64, f64)>; ROWS],
}

impl Lane {
    pub(super) fn along(plot: &Rect) -> Self {
        Self {
            left: plot.x,
            right: plot.right(),
            top: plot.y,
            taken: Default::default(),
        }
    }

    /// Keeps words out of `from` to `to`.
    pub(super) fn reserve(&mut self, from: f64, to: f64) {
        for row in &mut self.taken {
            row.push((from, to));
        }
    }

    /// Writes `span` beside the mark that reaches from `left` to `right`: behind it, else before it, else not at all.
    /// Says whether there was room.
    pub(super) fn place(&mut self, scene: &mut Scene<'_>, (left, right): (f64, f64), span: Span) -> bool {
        let fonts = scene.fonts;
        let width = fonts.width(&span.text, SIZE, span.weight);
        for row in 0..ROWS {
            for start in [right + MARGIN, left - MARGIN - width] {
                if self.is_free(row, start, start + width) {
                    self.taken[row].push((start, start + width));
                    self.write(scene, row, start, width, span);
                    return true;
                }
            }
        }
        false
    }

    fn is_free(&self, row: usize, from: f64, to: f64) -> bool {
        let clear = |(begin, end): &(f64, f64)| to + MARGIN <= *begin || from >= *end + MARGIN;
        from >= self.left && to <= self.right && self.taken[row].iter().all(clear)
    }

    /// The plate keeps the words legible over the smoke.
    fn write(&self, scene: &mut Scene<'_>, row: usize, x: f64, width: f64, span: Span) {
        let base = self.top + 6.0 + SIZE * 0.9 + row as f64 * ROW_HEIGHT;
        let plate = Rect::new(x - 2.0, base - SIZE * 0.95, width + 4.0, SIZE * 1.25);
        scene.rect(scene.palette.ground.at(0.78), plate);
        scene.text((x, base), Anchor::Start, SIZE, span);
    }
}

/// Words in the look of the lane.
pub(super) fn words(text: String, weight: Weight, paint: Paint) -> Span {
    Span { text, weight, paint }
}
