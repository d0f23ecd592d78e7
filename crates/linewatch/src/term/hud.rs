//! Draws one target large (S4's head-up display), and one target in one line.

use linewatch_core::record::Outcome;
use linewatch_core::time::Rtt;
use linewatch_render::format;
use linewatch_render::when::clock_time;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::foot;
use super::layout::Scene;
use super::model::{Badge, Row};
use super::paint::{Canvas, columns, fit};
use super::table::{Scale, last_text, loss_ink, newest_seconds};
use super::theme::{Ink, badge_ink, status_ink};
use super::trail::Bin;

/// Eighths of a cell, from below.
const EIGHTHS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// Seconds of the bars at most: as far as single seconds are kept.
const BARS_MOST: u16 = 300;

/// The chosen target: seven figures, and a bar a second.
pub(super) fn panel(canvas: &mut Canvas<'_>, scene: Scene<'_>) {
    let Scene { fleet, look, .. } = scene;
    let area = canvas.area();
    let clock = clock_time(fleet.now, &look.zone);
    let Some(row) = chosen(scene) else {
        canvas.put(1, 0, area.width, look.words.no_target, look.style(Ink::Text));
        foot_line(canvas, scene);
        return;
    };
    let badge = row.badge();
    let x = canvas.put(0, 0, 1, look.glyph(badge), look.style(badge_ink(badge)));
    let room = area.width.saturating_sub(columns(&clock) + 4);
    let bold = look.style(Ink::Text).add_modifier(Modifier::BOLD);
    canvas.put(x + 1, 0, room, &row.name, bold);
    canvas.put_right(area.width, 0, 8, &clock, look.style(Ink::Muted));
    let cells = cells(row, scene);
    // Two figures a row where the height is short.
    let per_row: u16 = if area.height < 12 && area.width >= 40 {
        2
    } else {
        1
    };
    let cell_width = area.width / per_row;
    for ((index, (name, value, ink)), _) in cells.iter().enumerate().zip(0..area.height * per_row) {
        let (column, line) = (index as u16 % per_row, index as u16 / per_row);
        let (x, y) = (column * cell_width, 1 + line);
        if y + 1 >= area.height {
            break;
        }
        canvas.put_right(x + 9, y, 9, name, look.style(Ink::Muted));
        canvas.put(x + 10, y, cell_width.saturating_sub(10), value, look.style(*ink));
    }
    let top = 1 + (cells.len() as u16).div_ceil(per_row);
    if area.height > top + 2 {
        bars(
            canvas,
            Rect::new(0, top, area.width, area.height - top - 1),
            row,
            scene,
        );
    }
    foot_line(canvas, scene);
}

/// What is typed, else what runs and the most needed keys.
fn foot_line(canvas: &mut Canvas<'_>, scene: Scene<'_>) {
    let look = scene.look;
    let area = canvas.area();
    let y = area.height - 1;
    if let Some(text) = foot::typed(scene) {
        canvas.put(0, y, area.width, &text, look.style(Ink::Text));
        return;
    }
    if let Some(note) = scene.ui.note(scene.fleet.now) {
        canvas.put(0, y, area.width, note, look.style(Ink::Text));
        return;
    }
    let (glyph, word, ink) = foot::link(scene);
    let x = canvas.put(0, y, area.width, &format!("{glyph} {word}"), look.style(ink));
    let keys = &look.words.keys;
    let text = format!(
        "q {}  {} {}  ? {}",
        keys.quit, keys.space, keys.start_stop, keys.help
    );
    canvas.put(
        x + 2,
        y,
        area.width.saturating_sub(x + 2),
        &text,
        look.style(Ink::Muted),
    );
}

/// RTT, process latency, loss, jitter, RTO, state.
fn cells(row: &Row, scene: Scene<'_>) -> Vec<(String, String, Ink)> {
    let look = scene.look;
    let words = &look.words;
    let ms = |rtt: Option<Rtt>| format::rtt_ms(rtt.map(Rtt::as_millis_f64)).to_string();
    let (text, ink) = last_text(row, look);
    let is_time = row
        .last
        .is_some_and(|last| matches!(last.outcome, Outcome::Reply | Outcome::Refused));
    let rtt = if is_time && ink == Ink::Text && text != format::NONE {
        ms(row.last.and_then(|last| last.rtt))
    } else {
        text
    };
    let badge = row.badge();
    let mut standing = look.word(badge).to_owned();
    if let Some(state) = row.status() {
        standing = format!("{} ({standing})", look.status(Some(state)));
    }
    if let Some(error) = &row.error {
        standing = format!("{standing}: {error}");
    }
    let ink_of_state = row
        .status()
        .map_or(badge_ink(badge), |state| status_ink(Some(state)));
    let process = ms(row.last.and_then(|last| last.host_rtt));
    let loss = format::loss_ppm(row.loss_ppm).to_string();
    vec![
        ("RTT".to_owned(), rtt, ink),
        (words.process.to_owned(), process, Ink::Process),
        (words.loss.to_owned(), loss, loss_ink(row)),
        (words.jitter.to_owned(), ms(row.jitter), Ink::Text),
        ("RTO".to_owned(), row.rto.to_string(), Ink::Text),
        (words.state.to_lowercase(), standing, ink_of_state),
    ]
}

/// One bar a second over several rows; a loss is a `×` at the foot and a line above it.
fn bars(canvas: &mut Canvas<'_>, area: Rect, row: &Row, scene: Scene<'_>) {
    let look = scene.look;
    let width = area.width.min(BARS_MOST);
    let area = Rect::new(area.right() - width, area.y, width, area.height);
    let bins = newest_seconds(row, scene.fleet.now, width);
    let scale = Scale::of(row, &bins);
    let levels = usize::from(area.height) * EIGHTHS.len();
    let ink = badge_ink(row.badge());
    for (bin, x) in bins.iter().zip(area.x..) {
        let last = area.bottom() - 1;
        match bin {
            bin if bin.failures > 0 => {
                let style = look.style(Ink::Critical);
                (area.y..last).for_each(|y| {
                    canvas.put(x, y, 1, "┊", style);
                });
                canvas.put(x, last, 1, "×", style);
            }
            Bin {
                rtt: Some((_, high)), ..
            } => {
                let height = scale.level(*high, levels) + 1;
                for cell in 0..height.div_ceil(EIGHTHS.len()) {
                    let filled = (height - cell * EIGHTHS.len()).min(EIGHTHS.len());
                    canvas.put(x, last - cell as u16, 1, EIGHTHS[filled - 1], look.style(ink));
                }
            }
            bin if bin.answers > 0 => {
                canvas.put(x, last, 1, EIGHTHS[0], look.style(ink));
            }
            _ => {
                canvas.put(x, last, 1, "·", look.style(Ink::Muted));
            }
        }
    }
}

/// `Tokyo 88.2 ms 1.7% WARN`; in words over several rows where one is too narrow.
pub(super) fn line(canvas: &mut Canvas<'_>, scene: Scene<'_>) {
    let look = scene.look;
    let area = canvas.area();
    let width = usize::from(area.width);
    let style = look.style(Ink::Text);
    let Some(row) = chosen(scene) else {
        canvas.put(0, 0, area.width, look.words.no_target, style);
        return;
    };
    let badge = row.badge();
    let state = match row.status() {
        Some(state) => look.status(Some(state)).to_owned(),
        None => look.word(badge).to_owned(),
    };
    let rest = match (&row.error, badge) {
        (Some(error), Badge::Error) => format!("{state}: {error}"),
        _ => {
            let (rtt, _) = last_text(row, look);
            let is_time = rtt.starts_with(|first: char| first.is_ascii_digit()) && !rtt.ends_with('s');
            let unit = if is_time { " ms" } else { "" };
            format!("{rtt}{unit} {} {state}", format::loss_ppm(row.loss_ppm))
        }
    };
    let rest_columns = usize::from(columns(&rest));
    // The name gives way first, but not entirely.
    let name_columns = width.saturating_sub(rest_columns + 1);
    if name_columns >= usize::from(columns(&row.name)).min(6) {
        let text = format!("{} {rest}", fit(&row.name, name_columns));
        canvas.put(0, 0, area.width, &text, style);
        return;
    }
    canvas.put(0, 0, area.width, &row.name, style);
    let mut y = 1;
    let mut line = String::new();
    for word in rest.split(' ') {
        if !line.is_empty() && usize::from(columns(&line) + columns(word)) + 1 > width {
            canvas.put(0, y, area.width, &line, style);
            line.clear();
            y += 1;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    canvas.put(0, y, area.width, &line, style);
}

fn chosen<'a>(scene: Scene<'a>) -> Option<&'a Row> {
    scene.ui.chosen().and_then(|key| scene.fleet.row(key))
}
