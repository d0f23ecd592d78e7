//! Draws the figures of the chosen target: a column beside the chart, or one line below it.

use linewatch_core::time::Rtt;
use linewatch_render::format;
use ratatui::layout::Rect;

use super::layout::Scene;
use super::model::Row;
use super::paint::{Canvas, columns};
use super::table::{last_text, loss_ink, number};
use super::theme::{Ink, Look, badge_ink, status_ink};

/// One figure: its name, its value, the ink of the value.
type Figure = (String, String, Ink);

/// Names at the left, values at the right; as many as there are rows.
pub(super) fn column(canvas: &mut Canvas<'_>, area: Rect, scene: Scene<'_>) {
    let Some(row) = chosen(scene) else { return };
    let look = scene.look;
    let figures = figures(row, scene);
    let named = figures
        .iter()
        .map(|(name, ..)| columns(name))
        .max()
        .unwrap_or(0)
        .max(9);
    // A line of air above, where there is room.
    let top = area.y + u16::from(usize::from(area.height) > figures.len());
    for ((name, value, ink), y) in figures.iter().zip(top..area.bottom()) {
        canvas.put_right(area.x + named, y, named, name, look.style(Ink::Muted));
        let x = area.x + named + 2;
        canvas.put(x, y, area.right().saturating_sub(x), value, look.style(*ink));
    }
}

/// `RTT 88.2  process 88.9  loss 1.7%  jitter 2.84  RTO 1  ○ Good WARN`.
pub(super) fn line(canvas: &mut Canvas<'_>, y: u16, scene: Scene<'_>) {
    let Some(row) = chosen(scene) else { return };
    let look = scene.look;
    let words = &look.words;
    let width = canvas.area().width;
    let (last, ink) = last_text(row, look);
    let process = row.last.and_then(|last| last.host_rtt);
    let badge = row.badge();
    let status = row.status();
    let parts = [
        ("RTT", last, ink),
        (words.process, number(process), Ink::Process),
        (
            words.loss,
            format::loss_ppm(row.loss_ppm).to_string(),
            loss_ink(row),
        ),
        (words.jitter, number(row.jitter), Ink::Text),
        ("RTO", row.rto.to_string(), Ink::Text),
        (look.glyph(badge), look.word(badge).to_owned(), badge_ink(badge)),
        ("", look.status(status).to_owned(), status_ink(status)),
    ];
    if let Some(error) = &row.error {
        let x = canvas.put(2, y, width - 4, look.word(badge), look.style(Ink::Critical));
        canvas.put(
            x,
            y,
            width.saturating_sub(x + 2),
            &format!(": {error}"),
            look.style(Ink::Text),
        );
        return;
    }
    let mut x = 2;
    for (name, value, ink) in parts {
        let needed = columns(name) + 1 + columns(&value);
        if x + needed + 1 > width {
            break;
        }
        if !name.is_empty() {
            x = canvas.put(x, y, width, name, look.style(Ink::Muted)) + 1;
        }
        x = canvas.put(x, y, width, &value, look.style(ink)) + if name.is_empty() { 1 } else { 2 };
    }
}

fn chosen<'a>(scene: Scene<'a>) -> Option<&'a Row> {
    scene.ui.chosen().and_then(|key| scene.fleet.row(key))
}

/// Every figure of a target, the most telling first.
pub(super) fn figures(row: &Row, scene: Scene<'_>) -> Vec<Figure> {
    let look = scene.look;
    let words = &look.words;
    let mut figures = Vec::with_capacity(12);
    let mut add = |name: &str, value: String, ink: Ink| figures.push((name.to_owned(), value, ink));
    let ms = |rtt: Option<Rtt>| format::rtt_ms(rtt.map(Rtt::as_millis_f64)).to_string();
    let (last, ink) = last_text(row, look);
    let is_answer = row.last.is_some_and(|last| last.outcome.is_answer());
    let last = if is_answer {
        ms(row.last.and_then(|last| last.rtt))
    } else {
        last
    };
    add("RTT", last, if ink == Ink::Text { Ink::Accent } else { ink });
    let host = row.last.and_then(|last| last.host_rtt);
    add(words.process, ms(host), Ink::Process);
    if let Some((host, rtt)) = host.zip(row.last.and_then(|last| last.rtt)) {
        let added = Rtt::from_nanos(host.as_nanos().saturating_sub(rtt.as_nanos()));
        add(
            "",
            format!("+{} {}", number(Some(added)), words.added_here),
            Ink::Muted,
        );
    }
    let mut loss = format::loss_ppm(row.loss_ppm).to_string();
    if let Some((failed, finished)) = row.failed_of {
        loss.push_str(&format!(" ({failed} {} {finished})", words.of));
    }
    add(words.loss, loss, loss_ink(row));
    add(words.jitter, ms(row.jitter), Ink::Text);
    add("RTO", row.rto.to_string(), Ink::Text);
    add(
        "p50 p95",
        format!("{}  {}", number(row.p50), ms(row.p95)),
        Ink::Text,
    );
    let badge = row.badge();
    let mut standing = format!("{} {}", look.glyph(badge), look.word(badge));
    if let Some(since) = row.since {
        let ns = scene.fleet.now.nanos_after(since).max(0);
        standing.push_str(&format!(", {}", format::duration_ms(Some(ns as u64 / 1_000_000))));
    }
    add(&words.grade.to_lowercase(), standing, badge_ink(badge));
    if let Some(state) = row.status() {
        add(
            &words.state.to_lowercase(),
            look.status(Some(state)).to_owned(),
            status_ink(Some(state)),
        );
    }
    if !row.reasons.is_empty() {
        add("", reasons(row, look), Ink::Muted);
    }
    if let Some(error) = &row.error {
        add("", error.clone(), Ink::Text);
    }
    figures
}

/// Which limits do not hold, in the words of the figures.
fn reasons(row: &Row, look: &Look) -> String {
    let words: Vec<&str> = row
        .reasons
        .iter()
        .map(|reason| match reason.as_str() {
            "loss" => look.words.loss,
            "jitter" => look.words.jitter,
            "rtt" => "RTT",
            other => other,
        })
        .collect();
    words.join(", ")
}
