//! Draws a fleet and the person's choice into a buffer of any size: which panes there are, and where.
//!
//! 100x28 and more: table, chart with its figures, events. Below: table and chart, then the table alone. Under 60 columns: the
//! HUD of the chosen target. Under 30x6: one line of it. Drawing never fails and never panics, at any size.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::keys::{Pane, Sort, Ui};
use super::model::Fleet;
use super::paint::{Canvas, columns};
use super::theme::{Ink, Look};
use super::{chart, events, figures, foot, hud, table};

/// Columns of the figures beside the chart.
const FIGURES_COLUMNS: u16 = 30;
/// Events are seen from this many rows on, and where there are this many columns.
const WIDE: (u16, u16) = (100, 28);
/// Below either, one line.
const SMALL: (u16, u16) = (30, 6);
/// Below, the HUD.
const HUD_COLUMNS: u16 = 60;
/// Rows that a chart takes at least, without its labels.
const CHART_ROWS: u16 = 4;

/// What everything that draws needs.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub fleet: &'a Fleet,
    pub ui: &'a Ui,
    pub look: &'a Look,
}

/// Draws everything.
pub(crate) fn draw(fleet: &Fleet, ui: &Ui, look: &Look, buffer: &mut Buffer) {
    let mut canvas = Canvas::new(buffer);
    let area = canvas.area();
    let scene = Scene { fleet, ui, look };
    if area.width < SMALL.0 || area.height < SMALL.1 {
        hud::line(&mut canvas, scene);
    } else if area.width < HUD_COLUMNS || ui.pane == Pane::Hud {
        hud::panel(&mut canvas, scene);
    } else {
        panes(&mut canvas, scene);
    }
    if ui.is_help {
        foot::help(&mut canvas, scene);
    }
    canvas.simplify(look.charset);
}

/// How many rows each part has, without their borders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub table: u16,
    pub chart: u16,
    pub events: u16,
}

/// Shares `rows` out: `targets` rows are wanted for the table.
pub(super) fn share(area: Rect, targets: u16, has_table: bool) -> Parts {
    let is_wide = area.width >= WIDE.0 && area.height >= WIDE.1;
    // Head, top border and foot; the table's heading; border and labels of the chart; border of the events, or the line of figures
    // with its own.
    let fixed = 3 + u16::from(has_table) + 2 + if is_wide { 1 } else { 2 };
    let Some(rows) = area
        .height
        .checked_sub(fixed)
        .filter(|rows| *rows >= CHART_ROWS + 2)
    else {
        return Parts {
            table: area.height.saturating_sub(4),
            chart: 0,
            events: 0,
        };
    };
    let events = if is_wide { (rows / 5).clamp(3, 8) } else { 0 };
    let rest = rows - events;
    let chart_least = (rest * 2 / 5).max(CHART_ROWS);
    let table = if has_table {
        targets.clamp(1, rest - chart_least)
    } else {
        0
    };
    Parts {
        table,
        chart: rest - table,
        events,
    }
}

fn panes(canvas: &mut Canvas<'_>, scene: Scene<'_>) {
    let Scene { ui, look, .. } = scene;
    let area = canvas.area();
    let has_table = ui.pane == Pane::Table;
    let wanted = u16::try_from(ui.order().len()).unwrap_or(u16::MAX);
    let parts = share(area, wanted, has_table);
    foot::head(canvas, scene);
    let mut y = 1;
    if has_table || parts.chart == 0 {
        let shown = table::Shown::of(ui, usize::from(parts.table));
        let order = match ui.sort {
            Sort::Worst => look.words.worst_first,
            Sort::Name => look.words.by_name,
            Sort::Rtt => look.words.by_rtt,
            Sort::Loss => look.words.by_loss,
        };
        let title = format!("{} ({order})", look.words.targets);
        border(canvas, y, ["┌", "┐"], &title, &shown.caption(scene), look);
        table::draw(
            canvas,
            Rect::new(1, y + 1, area.width - 2, parts.table + 1),
            &shown,
            scene,
        );
        y += parts.table + 2;
    }
    if parts.chart > 0 {
        let corners = if y == 1 { ["┌", "┐"] } else { ["├", "┤"] };
        border(
            canvas,
            y,
            corners,
            &chart::title(scene),
            &chart::legend(scene),
            look,
        );
        y = chart_and_figures(canvas, y + 1, parts, scene);
    }
    if parts.events > 0 {
        border(canvas, y, ["├", "┤"], look.words.events, "", look);
        events::draw(
            canvas,
            Rect::new(2, y + 1, area.width.saturating_sub(4), parts.events),
            scene,
        );
    }
    frame_sides(canvas, look);
    foot::keys(canvas, scene);
}

/// The chart with its figures at its side where there is room, else below; gives the row behind.
fn chart_and_figures(canvas: &mut Canvas<'_>, y: u16, parts: Parts, scene: Scene<'_>) -> u16 {
    let area = canvas.area();
    let rows = parts.chart + 1;
    if area.width >= WIDE.0 {
        let width = area.width - FIGURES_COLUMNS - 2;
        chart::draw(canvas, Rect::new(1, y, width, rows), scene);
        let beside = Rect::new(area.width - FIGURES_COLUMNS, y, FIGURES_COLUMNS - 1, rows);
        figures::column(canvas, beside, scene);
    } else {
        chart::draw(canvas, Rect::new(1, y, area.width - 2, rows), scene);
    }
    if parts.events > 0 {
        return y + rows;
    }
    border(canvas, y + rows, ["├", "┤"], "", "", scene.look);
    figures::line(canvas, y + rows + 1, scene);
    y + rows + 2
}

/// A horizontal line with a title at its left and a caption at its right.
fn border(canvas: &mut Canvas<'_>, y: u16, corners: [&str; 2], title: &str, caption: &str, look: &Look) {
    let width = canvas.area().width;
    let style = look.style(Ink::Muted);
    canvas.put(0, y, 1, corners[0], style);
    canvas.line(1, width - 1, y, "─", style);
    canvas.put(width - 1, y, 1, corners[1], style);
    let room = width.saturating_sub(6);
    if !title.is_empty() {
        let title = format!(" {title} ");
        canvas.put(
            2,
            y,
            room,
            &title,
            look.style(Ink::Text).add_modifier(Modifier::BOLD),
        );
    }
    let left = room.saturating_sub(columns(title) + 2);
    if !caption.is_empty() && columns(caption) + 2 <= left {
        canvas.put_right(width - 2, y, left, &format!(" {caption} "), style);
    }
}

/// The sides, wherever nothing else stands; the foot has its own corners.
fn frame_sides(canvas: &mut Canvas<'_>, look: &Look) {
    let area = canvas.area();
    for y in 1..area.height - 1 {
        for x in [0, area.width - 1] {
            if canvas.is_free(x, y) {
                canvas.put(x, y, 1, "│", look.style(Ink::Muted));
            }
        }
    }
}

/// The heading of the fleet and its table, as high as the buffer.
pub(super) fn table_only(fleet: &Fleet, ui: &Ui, look: &Look, buffer: &mut Buffer) {
    let mut canvas = Canvas::new(buffer);
    let area = canvas.area();
    let scene = Scene { fleet, ui, look };
    foot::head(&mut canvas, scene);
    let shown = table::Shown::of(ui, usize::from(area.height.saturating_sub(2)));
    table::draw(
        &mut canvas,
        Rect::new(0, 1, area.width, area.height.saturating_sub(1)),
        &shown,
        scene,
    );
    canvas.simplify(look.charset);
}
