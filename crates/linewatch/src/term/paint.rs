//! Puts text into cells: fitted to a width, never outside the buffer, in signs the terminal has.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::theme::{Charset, plainer};

/// Where drawing goes.
pub(super) struct Canvas<'a> {
    buffer: &'a mut Buffer,
    area: Rect,
}

impl<'a> Canvas<'a> {
    /// The whole of a buffer.
    pub(super) fn new(buffer: &'a mut Buffer) -> Self {
        let area = *buffer.area();
        Self { buffer, area }
    }

    /// Columns and rows.
    pub(super) const fn area(&self) -> Rect {
        self.area
    }

    /// Writes `text` from (x, y) on, at most `width` columns of it; gives the column behind it. What does not fit ends in `…`.
    pub(super) fn put(&mut self, x: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
        if y >= self.area.bottom() || x >= self.area.right() {
            return x;
        }
        let width = width.min(self.area.right() - x);
        let (end, _) =
            self.buffer
                .set_stringn(x, y, fit(text, usize::from(width)), usize::from(width), style);
        end
    }

    /// The same, ending at column `right` (exclusive).
    pub(super) fn put_right(&mut self, right: u16, y: u16, width: u16, text: &str, style: Style) {
        let text = fit(text, usize::from(width));
        let x = right.saturating_sub(columns(&text));
        self.put(x, y, width, &text, style);
    }

    /// `sign` in every column from `x` to `right` (exclusive).
    pub(super) fn line(&mut self, x: u16, right: u16, y: u16, sign: &str, style: Style) {
        for x in x..right.min(self.area.right()) {
            self.put(x, y, 1, sign, style);
        }
    }

    /// Whether nothing stands in a cell.
    pub(super) fn is_free(&self, x: u16, y: u16) -> bool {
        self.buffer.cell((x, y)).is_some_and(|cell| cell.symbol() == " ")
    }

    /// Empties a part.
    pub(super) fn clear(&mut self, part: Rect) {
        for y in part.top()..part.bottom() {
            self.line(part.left(), part.right(), y, " ", Style::reset());
        }
    }

    /// Signs the terminal does not have become plainer ones.
    pub(super) fn simplify(self, charset: Charset) {
        for cell in &mut self.buffer.content {
            if let Some(sign) = plainer(cell.symbol(), charset) {
                cell.set_symbol(sign);
            }
        }
    }
}

/// Columns of a text.
pub(super) fn columns(text: &str) -> u16 {
    u16::try_from(text.width()).unwrap_or(u16::MAX)
}

/// `text` in at most `width` columns.
pub(super) fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(1);
    let mut fitted = String::new();
    for letter in text.chars() {
        let columns = letter.width().unwrap_or(0);
        if columns > left {
            break;
        }
        left -= columns;
        fitted.push(letter);
    }
    if width > 0 {
        fitted.push('…');
    }
    fitted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_by_columns_and_not_by_letters() {
        assert_eq!(fit("Tokyo", 5), "Tokyo");
        assert_eq!(fit("Tokyo", 4), "Tok…");
        assert_eq!(fit("東京都", 4), "東…");
        assert_eq!(fit("Tokyo", 1), "…");
        assert_eq!(fit("Tokyo", 0), "");
    }

    #[test]
    fn nothing_is_drawn_outside() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 1));
        let mut canvas = Canvas::new(&mut buffer);
        canvas.put(9, 0, 9, "far", Style::new());
        canvas.put(0, 9, 9, "low", Style::new());
        canvas.put(2, 0, 9, "wide", Style::new());
        assert_eq!(buffer, Buffer::with_lines(["  w…"]));
    }
}
