//! Draws the history of one target as a picture, for a mail, a file or a page without a browser.
//!
//! Input: plain data ([`GraphInput`]) and a look ([`GraphStyle`]). Output: SVG text or PNG bytes, the same for the same
//! input on every computer. Both come from one list of shapes, so they cannot differ. Surprising rule: the typeface is
//! compiled in (`fonts/`); SVG names it and lets the reader's own stand in. [`ask`] makes the input from a history.

mod axis;
mod columns;
mod font;
mod frame;
mod history;
mod input;
mod labels;
mod legend;
mod overlay;
mod palette;
mod plot;
mod png;
mod scene;
mod svg;
mod timeline;
mod words;

pub use history::{GraphPeriod, GraphSubject, ask};
pub(crate) use history::{outage_end, outage_rows};
pub use input::{
    GraphBucket, GraphError, GraphGap, GraphInput, GraphOutage, GraphStyle, GraphThreshold, GraphTotals,
    Theme, ValueAxis,
};

/// The graph as an SVG document of [`GraphStyle`]'s size in CSS pixels; every text in it is escaped.
pub fn svg(input: &GraphInput, style: &GraphStyle) -> String {
    svg::write(&frame::compose(input, style, &font::Fonts::embedded()))
}

/// The graph as an opaque 8-bit RGB PNG of [`GraphStyle`]'s size times its scale.
///
/// # Errors
/// [`GraphError::Encode`] if memory for the picture cannot be had or the encoder fails.
pub fn png(input: &GraphInput, style: &GraphStyle) -> Result<Vec<u8>, GraphError> {
    let fonts = font::Fonts::embedded();
    png::write(&frame::compose(input, style, &fonts))
}

/// As [`png`], of the loss alone: bars over the whole height.
///
/// # Errors
/// As [`png`].
pub fn loss_png(input: &GraphInput, style: &GraphStyle) -> Result<Vec<u8>, GraphError> {
    let fonts = font::Fonts::embedded();
    png::write(&frame::compose_loss(input, style, &fonts))
}

#[cfg(test)]
mod tests;
