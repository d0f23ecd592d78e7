//! Draws the first line, the last line, and the list of keys.

use linewatch_core::view::State;
use linewatch_render::terminal_words::HELP_KEYS;
use linewatch_render::when::{clock_time, zone_short};
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::keys::{Pane, Prompt};
use super::layout::Scene;
use super::model::{Badge, Link};
use super::paint::{Canvas, columns};
use super::theme::{Ink, Look, badge_ink, status_ink};

/// Program, counts by state, clock, and how what is shown comes here.
pub(super) fn head(canvas: &mut Canvas<'_>, scene: Scene<'_>) {
    let Scene { fleet, look, .. } = scene;
    let width = canvas.area().width;
    let clock = format!(
        "{} {}",
        clock_time(fleet.now, &look.zone),
        zone_short(fleet.now, &look.zone)
    );
    let (glyph, word, ink) = link(scene);
    let right = columns(&clock) + columns(word) + 5;
    let mut x = canvas.put(1, 0, width, "linewatch", look.style(Ink::Accent));
    for (glyph, ink, count, word) in counts(scene) {
        let text = format!(" {count} {word}");
        if x + 4 + columns(&text) + right > width {
            break;
        }
        x = canvas.put(x + 2, 0, 2, glyph, look.style(ink));
        x = canvas.put(x, 0, width, &text, look.style(Ink::Text));
    }
    let start = (width.saturating_sub(right)).max(x + 1);
    let x = canvas.put(start, 0, width, &clock, look.style(Ink::Text));
    let x = canvas.put(x + 2, 0, 1, glyph, look.style(ink));
    canvas.put(x + 1, 0, width, word, look.style(ink));
}

/// Sign, word and ink of what runs.
pub(super) fn link<'a>(scene: Scene<'a>) -> (&'static str, &'a str, Ink) {
    let words = &scene.look.words;
    let is_all_stopped =
        !scene.fleet.rows.is_empty() && scene.fleet.rows.iter().all(|row| row.state == State::Paused);
    match &scene.fleet.link {
        Link::Live if is_all_stopped => ("‖", words.stopped, Ink::Muted),
        Link::Live => ("▶", words.running, Ink::Excellent),
        Link::Stopping => ("‖", words.stopping, Ink::Text),
        Link::Broken(_) => ("!", words.reconnecting, Ink::Critical),
    }
}

/// What there is of each state: sign, ink, number, word.
fn counts(scene: Scene<'_>) -> Vec<(&'static str, Ink, usize, String)> {
    let Scene { fleet, look, .. } = scene;
    let mut counts = Vec::new();
    for (state, glyph_of) in [
        (State::Ok, Badge::Excellent),
        (State::Warn, Badge::Fair),
        (State::Bad, Badge::Critical),
    ] {
        let count = fleet.rows.iter().filter(|row| row.state == state).count();
        let ink = if state == State::Ok {
            Ink::Excellent
        } else {
            status_ink(Some(state))
        };
        counts.push((
            look.glyph(glyph_of),
            ink,
            count,
            look.status(Some(state)).to_owned(),
        ));
    }
    for (state, badge) in [
        (State::Down, Badge::Down),
        (State::Error, Badge::Error),
        (State::Stale, Badge::Stale),
        (State::Waiting, Badge::Waiting),
        (State::Paused, Badge::Paused),
    ] {
        let count = fleet.rows.iter().filter(|row| row.state == state).count();
        let word = look.word(badge).to_uppercase();
        counts.push((look.glyph(badge), badge_ink(badge), count, word));
    }
    counts.retain(|(_, _, count, _)| *count > 0);
    counts
}

/// The last line: what is typed, what is to be said, or the keys.
pub(super) fn keys(canvas: &mut Canvas<'_>, scene: Scene<'_>) {
    let Scene { fleet, ui, look } = scene;
    let area = canvas.area();
    let (y, width) = (area.height - 1, area.width);
    let muted = look.style(Ink::Muted);
    canvas.put(0, y, 1, "└", muted);
    canvas.line(1, width - 1, y, "─", muted);
    canvas.put(width - 1, y, 1, "┘", muted);
    let room = width.saturating_sub(4);
    if let Some(text) = typed(scene) {
        // The end is what is being typed: it is seen.
        let cut = columns(&text).saturating_sub(room);
        let shown: String = text.chars().skip(usize::from(cut)).collect();
        canvas.put(1, y, room, &format!(" {shown} "), look.style(Ink::Text));
        return;
    }
    let said = match &fleet.link {
        Link::Broken(why) => Some(why.as_str()),
        Link::Live | Link::Stopping => ui.note(fleet.now),
    };
    if let Some(said) = said {
        canvas.put(1, y, room, &format!(" {said} "), look.style(Ink::Text));
        return;
    }
    let mut x = 2;
    for (key, does) in foot_keys(look, ui.pane) {
        if x + columns(key) + columns(does) + 3 > width {
            break;
        }
        x = canvas.put(x - 1, y, 1, " ", muted);
        x = canvas.put(
            x,
            y,
            room,
            key,
            look.style(Ink::Text).add_modifier(Modifier::BOLD),
        );
        x = canvas.put(x, y, 1, " ", muted);
        x = canvas.put(x, y, room, does, muted);
        x = canvas.put(x, y, 1, " ", muted) + 1;
    }
}

/// The answer being typed, and what it answers.
pub(super) fn typed(scene: Scene<'_>) -> Option<String> {
    let words = &scene.look.words;
    let (question, answer) = match scene.ui.prompt.as_ref()? {
        Prompt::Filter => (words.ask_filter, &scene.ui.filter),
        Prompt::Add(text) => (words.ask_add, text),
        Prompt::Replace(_, text) => (words.ask_replace, text),
    };
    Some(format!("{question}: {answer}_"))
}

/// The most useful ones first: how many fit depends on the width.
fn foot_keys(look: &Look, pane: Pane) -> [(&'static str, &'static str); 10] {
    let keys = &look.words.keys;
    let enter = if pane == Pane::Table {
        keys.detail
    } else {
        keys.back
    };
    [
        ("q", keys.quit),
        (keys.space, keys.start_stop),
        ("a", keys.add),
        ("t", keys.target),
        ("enter", enter),
        ("/", keys.filter),
        ("?", keys.help),
        ("s", keys.sort),
        ("1-5", keys.range),
        ("c", keys.country),
    ]
}

/// The list of keys, over everything.
pub(super) fn help(canvas: &mut Canvas<'_>, scene: Scene<'_>) {
    let look = scene.look;
    let area = canvas.area();
    let lines = HELP_KEYS.iter().zip(look.words.help);
    let width = lines
        .clone()
        .map(|(_, does)| columns(does) + 16)
        .max()
        .unwrap_or(0);
    let width = width.min(area.width);
    let height = (HELP_KEYS.len() as u16 + 3).min(area.height);
    let place = Rect::new(
        (area.width - width) / 2,
        (area.height - height) / 2,
        width,
        height,
    );
    canvas.clear(place);
    let muted = look.style(Ink::Muted);
    for (y, left, right) in [
        (place.top(), "┌", "┐"),
        (place.bottom().saturating_sub(1), "└", "┘"),
    ] {
        canvas.line(place.left(), place.right(), y, "─", muted);
        canvas.put(place.left(), y, 1, left, muted);
        canvas.put(place.right().saturating_sub(1), y, 1, right, muted);
    }
    let title = format!(" {} ", look.words.help_title);
    canvas.put(
        place.left() + 2,
        place.top(),
        width.saturating_sub(4),
        &title,
        look.style(Ink::Text),
    );
    for y in place.top() + 1..place.bottom().saturating_sub(1) {
        canvas.put(place.left(), y, 1, "│", muted);
        canvas.put(place.right().saturating_sub(1), y, 1, "│", muted);
    }
    for ((key, does), y) in lines.zip(place.top() + 1..place.bottom().saturating_sub(1)) {
        canvas.put(
            place.left() + 2,
            y,
            11,
            key,
            look.style(Ink::Text).add_modifier(Modifier::BOLD),
        );
        canvas.put(
            place.left() + 14,
            y,
            width.saturating_sub(16),
            does,
            look.style(Ink::Text),
        );
    }
}
