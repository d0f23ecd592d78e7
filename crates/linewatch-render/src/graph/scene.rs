//! Lists the shapes of a picture, in the order of painting: what the SVG writer and the rasteriser have in common.
//!
//! Lengths are CSS pixels from the upper left corner. Rectangles of one colour go together, which keeps SVG small.

use super::font::{Fonts, Weight};
use super::palette::{Paint, Palette};
use super::words::Words;

/// An upright rectangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rect {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Rect {
    pub(super) const fn new(x: f64, y: f64, width: f64, height: f64) -> Self {
        Self { x, y, width, height }
    }

    pub(super) fn right(&self) -> f64 {
        self.x + self.width
    }

    pub(super) fn bottom(&self) -> f64 {
        self.y + self.height
    }
}

/// Which point of a line of text its place names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A piece of a line of text in one look.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) text: String,
    pub(super) weight: Weight,
    pub(super) paint: Paint,
}

/// One line of text; `x`, `y` are on its base line.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) size: f64,
    pub(super) anchor: Anchor,
    /// Reads upward instead of to the right.
    pub(super) is_upward: bool,
    pub(super) spans: Vec<Span>,
}

/// One thing to paint.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// Filled rectangles with hard edges.
    Rects { paint: Paint, rects: Vec<Rect> },
    /// Straight strokes from (x, y) to (x, y), smooth edges.
    Strokes {
        paint: Paint,
        width: f64,
        lines: Vec<[f64; 4]>,
    },
    /// Filled triangles, smooth edges.
    Triangles { paint: Paint, corners: Vec<[f64; 6]> },
    /// One line of text.
    Text(Text),
}

/// A picture in the making, with what every part of it is drawn with.
pub(super) struct Scene<'a> {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Device pixels per CSS pixel.
    pub(super) scale: u32,
    pub(super) palette: Palette,
    pub(super) fonts: &'a Fonts,
    pub(super) words: &'static Words,
    /// One line that names the picture.
    pub(super) title: String,
    /// One sentence that says what is to be seen, for those who cannot.
    pub(super) description: String,
    pub(super) shapes: Vec<Shape>,
}

impl Scene<'_> {
    /// `position` moved down to a whole device pixel: columns neither overlap nor leave seams.
    pub(super) fn snap(&self, position: f64) -> f64 {
        let scale = f64::from(self.scale);
        (position * scale).floor() / scale
    }

    pub(super) fn rects(&mut self, paint: Paint, rects: Vec<Rect>) {
        if !rects.is_empty() {
            self.shapes.push(Shape::Rects { paint, rects });
        }
    }

    pub(super) fn rect(&mut self, paint: Paint, rect: Rect) {
        self.rects(paint, vec![rect]);
    }

    /// A line of text in one look.
    pub(super) fn text(&mut self, at: (f64, f64), anchor: Anchor, size: f64, span: Span) {
        let (x, y) = at;
        self.shapes.push(Shape::Text(Text {
            x,
            y,
            size,
            anchor,
            is_upward: false,
            spans: vec![span],
        }));
    }
}
