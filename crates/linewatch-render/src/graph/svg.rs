//! Writes a scene as an SVG document.
//!
//! Input: a [`Scene`]. Output: text that can stand in a file or inside HTML: no script, no style sheet, no id, no link.
//! Every text is escaped here and nowhere else.

use std::fmt::Write as _;

use super::font::{Fonts, Weight};
use super::palette::Paint;
use super::scene::{Anchor, Rect, Scene, Shape, Span, Text};

/// The document.
pub(super) fn write(scene: &Scene<'_>) -> String {
    let (width, height) = (scene.width, scene.height);
    let mut out = String::with_capacity(64 * 1024);
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" aria-label=\"{description}\" font-family=\"Inter,system-ui,sans-serif\">\n<title>{title}</title>",
        description = escaped(&scene.description),
        title = escaped(&scene.title),
    );
    let ground = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
    rects(&mut out, scene.palette.ground, &[ground]);
    for shape in &scene.shapes {
        match shape {
            Shape::Rects { paint, rects: list } => rects(&mut out, *paint, list),
            Shape::Strokes { paint, width, lines } => strokes(&mut out, *paint, *width, lines),
            Shape::Triangles { paint, corners } => triangles(&mut out, *paint, corners),
            Shape::Text(line) => text(&mut out, line, scene.fonts),
        }
    }
    out.push_str("</svg>\n");
    out
}

fn rects(out: &mut String, paint: Paint, list: &[Rect]) {
    out.push_str("<path shape-rendering=\"crispEdges\"");
    colour(out, "fill", paint);
    out.push_str(" d=\"");
    for rect in list {
        let (x, y, w, h) = (
            number(rect.x),
            number(rect.y),
            number(rect.width),
            number(rect.height),
        );
        let _ = write!(out, "M{x} {y}h{w}v{h}h-{w}z");
    }
    out.push_str("\"/>\n");
}

fn strokes(out: &mut String, paint: Paint, width: f64, lines: &[[f64; 4]]) {
    let _ = write!(out, "<path fill=\"none\" stroke-width=\"{}\"", number(width));
    colour(out, "stroke", paint);
    out.push_str(" d=\"");
    for [x1, y1, x2, y2] in lines {
        let _ = write!(
            out,
            "M{} {}L{} {}",
            number(*x1),
            number(*y1),
            number(*x2),
            number(*y2)
        );
    }
    out.push_str("\"/>\n");
}

fn triangles(out: &mut String, paint: Paint, corners: &[[f64; 6]]) {
    out.push_str("<path");
    colour(out, "fill", paint);
    out.push_str(" d=\"");
    for corner in corners {
        let [x1, y1, x2, y2, x3, y3] = corner.map(number);
        let _ = write!(out, "M{x1} {y1}L{x2} {y2}L{x3} {y3}z");
    }
    out.push_str("\"/>\n");
}

/// Pieces follow each other as `tspan`s, so that a stand-in font of another width moves them instead of overlapping.
fn text(out: &mut String, line: &Text, fonts: &Fonts) {
    let (x, y) = (number(line.x), number(line.y));
    let _ = write!(
        out,
        "<text x=\"{x}\" y=\"{y}\" font-size=\"{}\"",
        number(line.size)
    );
    match line.anchor {
        Anchor::Start => {}
        Anchor::Middle => out.push_str(" text-anchor=\"middle\""),
        Anchor::End => out.push_str(" text-anchor=\"end\""),
    }
    // The width the layout counted on: a stand-in font is pressed into it instead of running over its neighbours. Not
    // where a sign is unknown here, because then that width is a guess.
    let is_known = |span: &Span| span.text.chars().all(|sign| fonts.has(sign, span.weight));
    if line.spans.iter().all(is_known) {
        let widths = line
            .spans
            .iter()
            .map(|span| fonts.width(&span.text, line.size, span.weight));
        let length = number(widths.sum());
        let _ = write!(out, " textLength=\"{length}\" lengthAdjust=\"spacingAndGlyphs\"");
    }
    if line.is_upward {
        let _ = write!(out, " transform=\"rotate(-90 {x} {y})\"");
    }
    // `pre`: the spaces between pieces are part of the layout. The direction is ours, whatever a name begins with.
    out.push_str(" xml:space=\"preserve\" direction=\"ltr\" unicode-bidi=\"isolate\"");
    if let [only] = line.spans.as_slice() {
        look(out, only);
        let _ = write!(out, ">{}", escaped(&only.text));
    } else {
        out.push('>');
        for span in &line.spans {
            out.push_str("<tspan");
            look(out, span);
            let _ = write!(out, ">{}</tspan>", escaped(&span.text));
        }
    }
    out.push_str("</text>\n");
}

fn look(out: &mut String, span: &Span) {
    match span.weight {
        Weight::Regular => {}
        Weight::SemiBold => out.push_str(" font-weight=\"600\""),
    }
    colour(out, "fill", span.paint);
}

fn colour(out: &mut String, attribute: &str, paint: Paint) {
    let [red, green, blue] = paint.rgb;
    let _ = write!(out, " {attribute}=\"#{red:02x}{green:02x}{blue:02x}\"");
    if paint.alpha < 1.0 {
        let _ = write!(out, " {attribute}-opacity=\"{}\"", number(paint.alpha));
    }
}

/// At most two decimals, without trailing zeros: a hundredth of a pixel is not seen.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    if short == "-0" {
        "0".to_owned()
    } else {
        short.to_owned()
    }
}

/// Text as XML may hold it: the five signs of markup by name, and what XML 1.0 forbids as the replacement character.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            character if character.is_control() => safe.push('\u{fffd}'),
            character => safe.push(character),
        }
    }
    safe
}
