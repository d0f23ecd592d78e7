//! Measures and outlines text in the embedded typeface.
//!
//! Input: text without control characters. Output: widths and paths. A character the subset lacks (CJK, Arabic, emoji)
//! is drawn as a box of its likely width: an installed font would make the picture depend on the computer.

use tiny_skia::{Path, PathBuilder};
use ttf_parser::{Face, GlyphId, OutlineBuilder};

const REGULAR: &[u8] = include_bytes!("../../fonts/Inter-Regular.subset.otf");
const SEMI_BOLD: &[u8] = include_bytes!("../../fonts/Inter-SemiBold.subset.otf");

/// The two weights there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    SemiBold,
}

/// Both faces.
pub(super) struct Fonts {
    regular: Face<'static>,
    semi_bold: Face<'static>,
}

impl Fonts {
    /// The compiled-in faces. Reading their table of contents is all that happens here.
    pub(super) fn embedded() -> Self {
        let face = |bytes| Face::parse(bytes, 0).expect("the embedded faces are checked by every test");
        Self {
            regular: face(REGULAR),
            semi_bold: face(SEMI_BOLD),
        }
    }

    /// Width of `text` at `size`, both in CSS pixels.
    pub(super) fn width(&self, text: &str, size: f64, weight: Weight) -> f64 {
        let face = self.face(weight);
        text.chars()
            .map(|character| advance_em(face, character))
            .sum::<f64>()
            * size
    }

    /// `text`, cut with an ellipsis where it is wider than `width`.
    pub(super) fn fitted(&self, text: &str, size: f64, weight: Weight, width: f64) -> String {
        if self.width(text, size, weight) <= width {
            return text.to_owned();
        }
        let face = self.face(weight);
        let mut left_em = width / size - advance_em(face, '…');
        let mut kept = String::new();
        for character in text.chars() {
            left_em -= advance_em(face, character);
            if left_em < 0.0 {
                break;
            }
            kept.push(character);
        }
        format!("{}…", kept.trim_end())
    }

    /// The outline of `text` with its base line beginning at (`x`, `y`); `None` if there is nothing to fill.
    pub(super) fn outline(&self, text: &str, size: f64, weight: Weight, x: f64, y: f64) -> Option<Path> {
        let face = self.face(weight);
        let mut pen = Pen {
            path: PathBuilder::new(),
            x,
            y,
            unit: size / f64::from(face.units_per_em()),
        };
        for character in text.chars() {
            match face.glyph_index(character) {
                Some(glyph) => {
                    // `None` is a blank glyph: a space has no outline.
                    let _blank = face.outline_glyph(glyph, &mut pen);
                }
                None => missing_box(&mut pen, advance_em(face, character) * size, size),
            }
            pen.x += advance_em(face, character) * size;
        }
        pen.path.finish()
    }

    /// Whether the subset has `character`.
    pub(super) fn has(&self, character: char, weight: Weight) -> bool {
        self.face(weight).glyph_index(character).is_some()
    }

    fn face(&self, weight: Weight) -> &Face<'static> {
        match weight {
            Weight::Regular => &self.regular,
            Weight::SemiBold => &self.semi_bold,
        }
    }
}

/// Width of one character in parts of the type size.
fn advance_em(face: &Face<'_>, character: char) -> f64 {
    let glyph: Option<GlyphId> = face.glyph_index(character);
    match glyph.and_then(|glyph| face.glyph_hor_advance(glyph)) {
        Some(units) => f64::from(units) / f64::from(face.units_per_em()),
        None => missing_em(character),
    }
}

/// Likely width of a character that another font will draw in SVG: nothing for marks that join the one before, a full
/// square for East Asian scripts and emoji.
fn missing_em(character: char) -> f64 {
    match character {
        '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{64b}'..='\u{65f}' | '\u{fe00}'..='\u{fe0f}' => {
            0.0
        }
        '\u{1100}'..='\u{11ff}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}' => 1.0,
        '\u{fe30}'..='\u{fe4f}' | '\u{ff00}'..='\u{ff60}' | '\u{1f000}'.. => 1.0,
        _ => 0.62,
    }
}

/// A hollow box of cap height in place of a character.
fn missing_box(pen: &mut Pen, width: f64, size: f64) {
    let stroke = size / 14.0;
    let (left, right) = (pen.x + stroke, pen.x + width - stroke);
    let (top, bottom) = (pen.y - 0.72 * size, pen.y);
    if right - left <= 2.0 * stroke {
        return;
    }
    let corner = |path: &mut PathBuilder, x: f64, y: f64| path.line_to(x as f32, y as f32);
    pen.path.move_to(left as f32, top as f32);
    corner(&mut pen.path, right, top);
    corner(&mut pen.path, right, bottom);
    corner(&mut pen.path, left, bottom);
    pen.path.close();
    // The inner ring turns the other way, so that the winding rule leaves it empty.
    pen.path.move_to((left + stroke) as f32, (top + stroke) as f32);
    corner(&mut pen.path, left + stroke, bottom - stroke);
    corner(&mut pen.path, right - stroke, bottom - stroke);
    corner(&mut pen.path, right - stroke, top + stroke);
    pen.path.close();
}

/// Turns font units (upward) into CSS pixels (downward) at a place.
struct Pen {
    path: PathBuilder,
    x: f64,
    y: f64,
    unit: f64,
}

impl Pen {
    fn place(&self, x: f32, y: f32) -> (f32, f32) {
        let right = self.x + f64::from(x) * self.unit;
        let down = self.y - f64::from(y) * self.unit;
        (right as f32, down as f32)
    }
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.place(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.place(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.place(x1, y1), self.place(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.place(x1, y1), self.place(x2, y2), self.place(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}
