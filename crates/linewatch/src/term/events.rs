//! Draws the newest events: when, how bad, whom, what.

use linewatch_core::event::Severity;
use linewatch_render::terminal_words::event_text;
use linewatch_render::when::clock_time;
use ratatui::layout::Rect;

use super::keys::Pane;
use super::layout::Scene;
use super::model::Badge;
use super::paint::Canvas;
use super::theme::Ink;

/// One event a row, newest first; in the detail of a target only what concerns it or everybody.
pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, scene: Scene<'_>) {
    let Scene { fleet, ui, look } = scene;
    let only = (ui.pane == Pane::Detail)
        .then(|| ui.chosen().and_then(|key| fleet.row(key)))
        .flatten();
    let mut events = fleet
        .events()
        .filter(|event| only.is_none_or(|row| event.target.as_ref().is_none_or(|target| *target == row.name)))
        .peekable();
    if events.peek().is_none() {
        canvas.put(
            area.x,
            area.y,
            area.width,
            look.words.no_events,
            look.style(Ink::Muted),
        );
    }
    for (event, y) in events.zip(area.top()..area.bottom()) {
        let (glyph, ink) = if event.is_over {
            (look.glyph(Badge::Excellent), Ink::Excellent)
        } else {
            match event.severity {
                Severity::Critical => (look.glyph(Badge::Down), Ink::Critical),
                Severity::Warning => (look.glyph(Badge::Fair), Ink::Fair),
                Severity::Info => ("·", Ink::Muted),
            }
        };
        let at = clock_time(event.at, &look.zone);
        let x = canvas.put(area.x, y, area.width, &at, look.style(Ink::Muted));
        canvas.put(x + 1, y, 1, glyph, look.style(ink));
        let said = event_text(event.kind, &event.message, look.language);
        let text = match &event.target {
            Some(target) => format!("{target}: {said}"),
            None => said,
        };
        let room = area.right().saturating_sub(x + 3);
        canvas.put(x + 3, y, room, &text, look.style(Ink::Text));
    }
}
