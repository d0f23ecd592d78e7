//! Paints a scene and packs it as PNG.
//!
//! Input: a [`Scene`]. Output: bytes, the same for the same scene. Rectangles are filled without smoothing:
//! they lie on whole device pixels already.

use png::{BitDepth, ColorType, Compression, Encoder, PixelDimensions, Unit};
use tiny_skia::{FillRule, Pixmap, Rect as PixelRect, Stroke, Transform};

use super::font::Fonts;
use super::input::GraphError;
use super::palette::Paint;
use super::scene::{Anchor, Rect, Scene, Shape, Text};

/// Pixels per metre of a screen of 96 dots per inch, on which one CSS pixel is one device pixel.
const CSS_PIXELS_PER_METRE: u32 = 3780;

/// The file.
pub(super) fn write(scene: &Scene<'_>) -> Result<Vec<u8>, GraphError> {
    let (width, height) = (scene.width * scene.scale, scene.height * scene.scale);
    let mut canvas = Pixmap::new(width, height)
        .ok_or_else(|| GraphError::Encode(format!("no memory for {width}x{height} pixels")))?;
    let ground = Rect::new(0.0, 0.0, f64::from(scene.width), f64::from(scene.height));
    let scale = f64::from(scene.scale);
    rects(&mut canvas, scene.palette.ground, &[ground], scale);
    for shape in &scene.shapes {
        match shape {
            Shape::Rects { paint, rects: list } => rects(&mut canvas, *paint, list, scale),
            Shape::Strokes { paint, width, lines } => strokes(&mut canvas, *paint, *width, lines, scale),
            Shape::Triangles { paint, corners } => triangles(&mut canvas, *paint, corners, scale),
            Shape::Text(line) => text(&mut canvas, line, scene.fonts, scale),
        }
    }
    encode(&canvas, scene.scale)
}

fn encode(canvas: &Pixmap, scale: u32) -> Result<Vec<u8>, GraphError> {
    // The ground is opaque, so every pixel is, and the fourth byte says nothing.
    let rgb: Vec<u8> = canvas
        .data()
        .chunks_exact(4)
        .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]])
        .collect();
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, canvas.width(), canvas.height());
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Balanced);
    // Programs that honour it show the sharp picture at its CSS size.
    let per_metre = CSS_PIXELS_PER_METRE * scale;
    encoder.set_pixel_dims(Some(PixelDimensions {
        xppu: per_metre,
        yppu: per_metre,
        unit: Unit::Meter,
    }));
    let failed = |error: png::EncodingError| GraphError::Encode(error.to_string());
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&rgb).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(file)
}

fn rects(canvas: &mut Pixmap, paint: Paint, list: &[Rect], scale: f64) {
    let paint = fill(paint, false);
    for rect in list {
        let edge = |position: f64| (position * scale).round() as f32;
        let pixels = PixelRect::from_ltrb(
            edge(rect.x),
            edge(rect.y),
            edge(rect.right()),
            edge(rect.bottom()),
        );
        if let Some(pixels) = pixels {
            canvas.fill_rect(pixels, &paint, Transform::identity(), None);
        }
    }
}

fn strokes(canvas: &mut Pixmap, paint: Paint, width: f64, lines: &[[f64; 4]], scale: f64) {
    let mut path = tiny_skia::PathBuilder::new();
    for line in lines {
        let [x1, y1, x2, y2] = line.map(|length| length as f32);
        path.move_to(x1, y1);
        path.line_to(x2, y2);
    }
    let stroke = Stroke {
        width: width as f32,
        ..Stroke::default()
    };
    if let Some(path) = path.finish() {
        canvas.stroke_path(&path, &fill(paint, true), &stroke, scaled(scale), None);
    }
}

fn triangles(canvas: &mut Pixmap, paint: Paint, corners: &[[f64; 6]], scale: f64) {
    let mut path = tiny_skia::PathBuilder::new();
    for corner in corners {
        let [x1, y1, x2, y2, x3, y3] = corner.map(|length| length as f32);
        path.move_to(x1, y1);
        path.line_to(x2, y2);
        path.line_to(x3, y3);
        path.close();
    }
    if let Some(path) = path.finish() {
        canvas.fill_path(&path, &fill(paint, true), FillRule::Winding, scaled(scale), None);
    }
}

fn text(canvas: &mut Pixmap, line: &Text, fonts: &Fonts, scale: f64) {
    let widths: Vec<f64> = line
        .spans
        .iter()
        .map(|span| fonts.width(&span.text, line.size, span.weight))
        .collect();
    let before = match line.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => widths.iter().sum::<f64>() / 2.0,
        Anchor::End => widths.iter().sum::<f64>(),
    };
    let mut transform = scaled(scale);
    if line.is_upward {
        transform = transform.pre_concat(Transform::from_rotate_at(-90.0, line.x as f32, line.y as f32));
    }
    let mut x = line.x - before;
    for (span, width) in line.spans.iter().zip(widths) {
        if let Some(path) = fonts.outline(&span.text, line.size, span.weight, x, line.y) {
            canvas.fill_path(&path, &fill(span.paint, true), FillRule::Winding, transform, None);
        }
        x += width;
    }
}

fn scaled(scale: f64) -> Transform {
    Transform::from_scale(scale as f32, scale as f32)
}

fn fill(paint: Paint, is_smooth: bool) -> tiny_skia::Paint<'static> {
    let [red, green, blue] = paint.rgb;
    let mut fill = tiny_skia::Paint {
        anti_alias: is_smooth,
        ..tiny_skia::Paint::default()
    };
    fill.set_color_rgba8(red, green, blue, (paint.alpha * 255.0).round() as u8);
    fill
}
