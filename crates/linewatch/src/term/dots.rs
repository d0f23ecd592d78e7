//! A grid of dots finer than cells: 2 x 4 a cell in braille, 1 x 2 in blocks, 1 x 1 in ASCII, in layers of one ink each.

use ratatui::layout::Rect;

use super::paint::Canvas;
use super::theme::{Charset, Ink, Look};

/// Bits of a braille cell by column and row (Unicode, "Braille Patterns").
const BRAILLE: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/// See the module.
pub(super) struct Dots {
    charset: Charset,
    width: usize,
    height: usize,
    layers: Vec<Layer>,
}

struct Layer {
    ink: Ink,
    is_dashed: bool,
    /// By row, then column.
    dots: Vec<bool>,
}

impl Dots {
    /// An empty grid over these cells.
    pub(super) fn new(plot: Rect, charset: Charset) -> Self {
        let (across, down) = per_cell(charset);
        Self {
            charset,
            width: usize::from(plot.width) * across,
            height: usize::from(plot.height) * down,
            layers: Vec::new(),
        }
    }

    /// Columns of dots.
    pub(super) const fn columns(&self) -> usize {
        self.width
    }

    /// Rows of dots.
    pub(super) const fn rows(&self) -> usize {
        self.height
    }

    /// From now on dots are of this ink, behind those of earlier ones.
    pub(super) fn layer(&mut self, ink: Ink, is_dashed: bool) {
        self.layers.push(Layer {
            ink,
            is_dashed,
            dots: vec![false; self.width * self.height],
        });
    }

    /// A vertical line.
    pub(super) fn upright(&mut self, x: usize, top: usize, bottom: usize) {
        (top..=bottom).for_each(|y| self.set(x, y));
    }

    /// A straight line between two points, which are set themselves.
    pub(super) fn join(&mut self, from: (usize, usize), to: (usize, usize)) {
        let (dx, dy) = (to.0.abs_diff(from.0), to.1.abs_diff(from.1));
        let steps = dx.max(dy).max(1);
        for step in 0..=steps {
            let between = |from: usize, to: usize| {
                let share = step as f64 / steps as f64;
                (from as f64 + (to as f64 - from as f64) * share).round() as usize
            };
            self.set(between(from.0, to.0), between(from.1, to.1));
        }
    }

    fn set(&mut self, x: usize, y: usize) {
        let Some(layer) = self.layers.last_mut() else {
            return;
        };
        // Two dots of three columns, so that it is dashed at any slope.
        let is_hole = layer.is_dashed && self.charset == Charset::Braille && x % 3 == 2;
        if x < self.width && y < self.height && !is_hole {
            layer.dots[y * self.width + x] = true;
        }
    }

    /// Puts the dots into their cells.
    pub(super) fn paint(&self, canvas: &mut Canvas<'_>, plot: Rect, look: &Look) {
        for row in 0..plot.height {
            for column in 0..plot.width {
                if let Some((sign, ink)) = self.sign(usize::from(column), usize::from(row)) {
                    let mut bytes = [0; 4];
                    let sign = sign.encode_utf8(&mut bytes);
                    canvas.put(plot.x + column, plot.y + row, 1, sign, look.style(ink));
                }
            }
        }
    }

    /// What stands in a cell: the ink of the foremost layer, and in braille the dots of all.
    fn sign(&self, column: usize, row: usize) -> Option<(char, Ink)> {
        let front = self
            .layers
            .iter()
            .find(|layer| self.bits(layer, column, row) != 0)?;
        let sign = match self.charset {
            Charset::Braille => {
                let bits = self
                    .layers
                    .iter()
                    .fold(0, |bits, layer| bits | self.bits(layer, column, row));
                char::from_u32(0x2800 + u32::from(bits))?
            }
            Charset::Blocks | Charset::Ascii if front.is_dashed => ':',
            Charset::Blocks => match self.bits(front, column, row) {
                1 => '▀',
                2 => '▄',
                _ => '█',
            },
            Charset::Ascii => '*',
        };
        Some((sign, front.ink))
    }

    fn bits(&self, layer: &Layer, column: usize, row: usize) -> u8 {
        let (across, down) = per_cell(self.charset);
        let mut bits = 0;
        for (x, braille) in BRAILLE.iter().enumerate().take(across) {
            for (y, braille) in braille.iter().enumerate().take(down) {
                if layer.dots[(row * down + y) * self.width + column * across + x] {
                    bits |= match self.charset {
                        Charset::Braille => *braille,
                        Charset::Blocks | Charset::Ascii => 1 << y,
                    };
                }
            }
        }
        bits
    }
}

/// Dots of a cell, across and down.
const fn per_cell(charset: Charset) -> (usize, usize) {
    match charset {
        Charset::Braille => (2, 4),
        Charset::Blocks => (1, 2),
        Charset::Ascii => (1, 1),
    }
}
