//! Draws the table of targets: as many columns as the width has room for, the figures in one order everywhere.

use std::time::Duration;

use linewatch_core::record::Outcome;
use linewatch_core::time::{Rtt, WallTime};
use linewatch_render::format;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::keys::Ui;
use super::layout::Scene;
use super::model::{Badge, Row};
use super::paint::{Canvas, columns};
use super::theme::{Ink, Look, badge_ink, status_ink};
use super::trail::Bin;

/// Bars, lowest first.
const BARS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
/// A name has at least so many columns before another figure gets room.
const NAME_COLUMNS: u16 = 16;
const SECOND_NS: i64 = 1_000_000_000;

/// Which part of the order is seen: the chosen target always is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    first: usize,
    rows: usize,
    all: usize,
}

impl Shown {
    pub(super) fn of(ui: &Ui, rows: usize) -> Self {
        let all = ui.order().len();
        let chosen = ui.chosen();
        let place = ui
            .order()
            .iter()
            .position(|key| Some(*key) == chosen)
            .unwrap_or(0);
        // In the middle where possible, so that one sees what comes on both sides.
        let first = place.saturating_sub(rows / 2).min(all.saturating_sub(rows));
        Self { first, rows, all }
    }

    /// `9 of 15  PgDn more`.
    pub(super) fn caption(self, scene: Scene<'_>) -> String {
        let words = &scene.look.words;
        let shown = self.rows.min(self.all - self.first);
        let total = scene.fleet.rows.len();
        let mut caption = format!("{shown} {} {total}", words.of);
        if let Some(country) = &scene.ui.country {
            caption = format!("{country}  {caption}");
        }
        if !scene.ui.filter.is_empty() {
            caption = format!("/{}  {caption}", scene.ui.filter);
        }
        if shown < self.all {
            caption.push_str(&format!("  PgDn {}", words.more));
        }
        caption
    }
}

/// One column beside sign, grade, state and name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Country,
    Rtt,
    P50,
    P95,
    Jitter,
    Loss,
    Rto,
    /// So many seconds.
    Trail(u16),
}

impl Column {
    const fn width(self) -> u16 {
        match self {
            Self::Country => 5,
            Self::Rtt => 8,
            Self::P50 | Self::P95 => 7,
            Self::Jitter | Self::Loss => 7,
            Self::Rto => 5,
            Self::Trail(seconds) => seconds + 2,
        }
    }
}

/// The columns in the order they are shown, and the width of the name.
fn columns_of(width: u16, grade: u16, state: u16) -> (Vec<Column>, u16) {
    let order = [
        Column::Country,
        Column::Rtt,
        Column::P50,
        Column::P95,
        Column::Jitter,
        Column::Loss,
        Column::Rto,
        Column::Trail(24),
        Column::Trail(12),
    ];
    // Marker, sign, grade, state.
    let lead = 3 + grade + 1 + state + 1;
    // The last column is air.
    let mut left = width.saturating_sub(1 + lead + Column::Rtt.width() + Column::Loss.width());
    let mut taken = vec![Column::Rtt, Column::Loss];
    // The most telling first.
    for column in [
        Column::P50,
        Column::Rto,
        Column::Trail(12),
        Column::P95,
        Column::Jitter,
        Column::Country,
    ] {
        if left >= NAME_COLUMNS + column.width() {
            left -= column.width();
            taken.push(column);
        }
    }
    if taken.contains(&Column::Trail(12)) && left >= NAME_COLUMNS + 12 {
        left -= 12;
        taken.retain(|column| *column != Column::Trail(12));
        taken.push(Column::Trail(24));
    }
    let shown = order
        .into_iter()
        .filter(|column| taken.contains(column))
        .collect();
    (shown, left)
}

/// The heading and the rows.
pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, shown: &Shown, scene: Scene<'_>) {
    let Scene { fleet, ui, look } = scene;
    let words = &look.words;
    let grade = words.badges.iter().map(|word| columns(word)).max().unwrap_or(0);
    let states = words.statuses.iter().chain([&words.state]);
    let state = states.map(|word| columns(word)).max().unwrap_or(0);
    let (figures, name) = columns_of(area.width, grade, state);
    let head = look.style(Ink::Muted);
    let x = area.x + 3;
    canvas.put(x, area.y, grade, words.grade, head);
    canvas.put(x + grade + 1, area.y, state, words.state, head);
    let name_x = x + grade + 1 + state + 1;
    canvas.put(name_x, area.y, name, words.target, head);
    let mut right = name_x + name;
    for column in &figures {
        right += column.width();
        let text = match column {
            Column::Country => "CC".to_owned(),
            Column::Rtt => "RTT".to_owned(),
            Column::P50 => "p50".to_owned(),
            Column::P95 => "p95".to_owned(),
            Column::Jitter => words.jitter_short.to_owned(),
            Column::Loss => capital(words.loss),
            Column::Rto => "RTO".to_owned(),
            Column::Trail(seconds) => {
                let text = format!("{} {seconds} s", words.last);
                // The column has a cell a second; where the word has no room in it, as below the chart.
                if columns(&text) > *seconds {
                    format!("-{seconds} s")
                } else {
                    text
                }
            }
        };
        match column {
            Column::Country => {
                canvas.put(right - column.width() + 1, area.y, 4, &text, head);
            }
            Column::Trail(seconds) => {
                canvas.put(right - seconds, area.y, *seconds, &text, head);
            }
            _ => canvas.put_right(right, area.y, column.width(), &text, head),
        }
    }
    if ui.order().is_empty() {
        canvas.put(
            area.x + 1,
            area.y + 1,
            area.width - 1,
            words.no_target,
            Style::new(),
        );
    }
    let rows = ui.order().iter().skip(shown.first).take(shown.rows);
    for (key, y) in rows.zip(area.y + 1..area.bottom()) {
        if let Some(row) = fleet.row(*key) {
            let place = Place {
                y,
                x: area.x,
                grade,
                state,
                name,
            };
            draw_row(canvas, place, row, &figures, scene);
        }
    }
}

/// Where a row is drawn.
#[derive(Clone, Copy)]
struct Place {
    x: u16,
    y: u16,
    grade: u16,
    state: u16,
    name: u16,
}

fn draw_row(canvas: &mut Canvas<'_>, place: Place, row: &Row, figures: &[Column], scene: Scene<'_>) {
    let Scene { ui, look, .. } = scene;
    let Place {
        x,
        y,
        grade,
        state,
        name,
    } = place;
    let is_chosen = ui.chosen() == Some(row.key);
    let base = if is_chosen {
        Style::new().add_modifier(Modifier::BOLD)
    } else {
        Style::new()
    };
    if is_chosen {
        canvas.put(x, y, 1, ">", base);
    } else if ui.is_marked(row.key) {
        canvas.put(x, y, 1, "+", base);
    }
    let badge = row.badge();
    let quiet = if matches!(badge, Badge::Stale | Badge::Paused) {
        look.style(Ink::Muted)
    } else {
        Style::new()
    };
    canvas.put(x + 1, y, 1, look.glyph(badge), look.style(badge_ink(badge)));
    canvas.put(x + 3, y, grade, look.word(badge), base);
    let status = row.status();
    let style = base.patch(look.style(status_ink(status)));
    canvas.put(x + 4 + grade, y, state, look.status(status), style);
    let name_x = x + 5 + grade + state;
    canvas.put(name_x, y, name, &row.name, base.patch(quiet));
    let mut right = name_x + name;
    for column in figures {
        right += column.width();
        match column {
            Column::Country => {
                canvas.put(
                    right - column.width() + 1,
                    y,
                    4,
                    &row.country,
                    look.style(Ink::Muted),
                );
            }
            Column::Trail(seconds) => {
                trail(canvas, right - seconds, y, *seconds, row, scene);
            }
            figure => {
                let (text, style) = cell(row, *figure, look);
                canvas.put_right(right, y, column.width() - 1, &text, base.patch(style));
            }
        }
    }
}

fn cell(row: &Row, column: Column, look: &Look) -> (String, Style) {
    let muted = look.style(Ink::Muted);
    match column {
        Column::Rtt => {
            let (text, ink) = last_text(row, look);
            (text, look.style(ink))
        }
        Column::P50 => (number(row.p50), muted),
        Column::P95 => (number(row.p95), muted),
        Column::Jitter => (number(row.jitter), muted),
        Column::Loss => (
            format::loss_ppm(row.loss_ppm).to_string(),
            look.style(loss_ink(row)),
        ),
        Column::Rto => (row.rto.to_string(), Style::new()),
        Column::Country | Column::Trail(_) => (String::new(), muted),
    }
}

/// The newest answer's RTT without its unit, or what came instead.
pub(super) fn last_text(row: &Row, look: &Look) -> (String, Ink) {
    let words = &look.words;
    let last = match row.badge() {
        Badge::Paused | Badge::Error => None,
        _ => row.last,
    };
    match last {
        None => (format::NONE.to_owned(), Ink::Text),
        Some(last) => match last.outcome {
            Outcome::Reply | Outcome::Refused => (number(last.rtt), Ink::Text),
            Outcome::Lost => (words.timeout.to_owned(), Ink::Critical),
            Outcome::Unreachable => (words.unreachable.to_owned(), Ink::Critical),
            Outcome::Unsent => (words.unsent.to_owned(), Ink::Muted),
            Outcome::Unmeasured => (words.unmeasured.to_owned(), Ink::Muted),
        },
    }
}

/// Milliseconds without their unit; seconds with it.
pub(super) fn number(rtt: Option<Rtt>) -> String {
    let quantity = format::rtt_ms(rtt.map(Rtt::as_millis_f64));
    if quantity.unit == "s" {
        format!("{}s", quantity.value)
    } else {
        quantity.value
    }
}

/// Loss has its own colour: of the state it alone would make.
pub(super) fn loss_ink(row: &Row) -> Ink {
    match row.loss_ppm {
        None | Some(0) => Ink::Muted,
        // S4's limits: 1 % and 5 %.
        Some(..10_000) => Ink::Text,
        Some(10_000..50_000) => Ink::Fair,
        Some(50_000..) => Ink::Critical,
    }
}

/// One cell a second, oldest first: height is the RTT, `×` a loss, `·` no data.
fn trail(canvas: &mut Canvas<'_>, x: u16, y: u16, seconds: u16, row: &Row, scene: Scene<'_>) {
    let look = scene.look;
    let bins = newest_seconds(row, scene.fleet.now, seconds);
    let scale = Scale::of(row, &bins);
    let ink = badge_ink(row.badge());
    for (bin, x) in bins.iter().zip(x..) {
        let (sign, ink) = match bin {
            bin if bin.failures > 0 => ("×", Ink::Critical),
            Bin {
                rtt: Some((_, high)), ..
            } => (BARS[scale.level(*high, BARS.len())], ink),
            // Refused without a time, or nothing at all.
            bin if bin.answers > 0 => (BARS[0], ink),
            _ => ("·", Ink::Muted),
        };
        canvas.put(x, y, 1, sign, look.style(ink));
    }
}

/// Whole seconds of the calendar, so that a bar keeps its place while it ages. The second that has begun is shown once there
/// is something in it.
pub(super) fn newest_seconds(row: &Row, now: WallTime, seconds: u16) -> Vec<Bin> {
    let second = now.as_nanos().div_euclid(SECOND_NS);
    let has_begun = row
        .last
        .is_some_and(|last| last.at.as_nanos().div_euclid(SECOND_NS) >= second);
    let until = WallTime::from_nanos((second + i64::from(has_begun)) * SECOND_NS);
    let span = Duration::from_secs(u64::from(seconds));
    row.trail.columns(until, span, usize::from(seconds))
}

/// How high an RTT is drawn: from min(min, 0.55 median) to max(max, 1.6 median), so that a quiet line is quiet (UI.md 4).
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    low_ns: f64,
    high_ns: f64,
}

impl Scale {
    pub(super) fn of(row: &Row, bins: &[Bin]) -> Self {
        let rtts = || bins.iter().filter_map(|bin| bin.rtt);
        let least = rtts().map(|(low, _)| low.as_nanos()).min().unwrap_or(0) as f64;
        let most = rtts().map(|(_, high)| high.as_nanos()).max().unwrap_or(1) as f64;
        let median = row
            .p50
            .map_or(f64::midpoint(least, most), |p50| p50.as_nanos() as f64);
        Self {
            low_ns: least.min(0.55 * median),
            high_ns: most.max(1.6 * median),
        }
    }

    /// 0 to `levels` - 1.
    pub(super) fn level(self, rtt: Rtt, levels: usize) -> usize {
        let span_ns = (self.high_ns - self.low_ns).max(1.0);
        let share = (rtt.as_nanos() as f64 - self.low_ns) / span_ns;
        ((share * levels as f64) as usize).min(levels - 1)
    }
}

/// With a capital, as a heading.
fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
