//! The terminal itself: opened, drawn at most four times a second, and always given back.
//!
//! It is given back when a [`Screen`] is dropped, when the process panics or ends by a second Ctrl+C ([`restore`]), and while it is
//! in the background: SIGTSTP restores, SIGCONT opens again. Not here: what is drawn (`layout`), what keys mean (`keys`).

use std::io::{self, BufWriter, IsTerminal as _, Stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use linewatch_core::port::Clock as _;
use linewatch_core::time::{MonoTime, WallTime};
use linewatch_probe::clock::SystemClock;
use linewatch_render::terminal_words::TerminalWords;
use ratatui::Terminal as Drawing;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use ratatui::crossterm::style::force_color_output;
use ratatui::crossterm::terminal::{
    self, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{cursor, execute};
use ratatui::layout::Rect;

use super::keys::{Action, Ui};
use super::layout;
use super::model::Fleet;
use super::sixteen::Sixteen;
use super::theme::{Depth, Look, Terminal};

/// At most four frames a second (UI.md section 11): more cannot be read.
const FRAME_EVERY: Duration = Duration::from_millis(250);
/// Keys that wait to be looked at: a pasted line.
const KEY_QUEUE: usize = 256;
/// A frame of 200 x 60 cells with colours is less.
const FRAME_BYTES: usize = 64 * 1024;
/// Columns of the table where no terminal limits it; more would only move the figures away from the names.
const TEXT_COLUMNS: u16 = 120;
/// With fewer not even the first letters of a name have room: such a terminal wraps the lines.
const TEXT_COLUMNS_MIN: u16 = 48;

/// The terminal is ours.
static IS_OPEN: AtomicBool = AtomicBool::new(false);
/// We were in the background: everything is to be opened and drawn anew.
static IS_BACK: AtomicBool = AtomicBool::new(false);

/// Whether the view can be shown at all: on a terminal that moves its cursor.
pub(crate) fn suits_a_screen(terminal: &Terminal) -> bool {
    io::stdout().is_terminal() && !terminal.is_dumb()
}

/// Gives the terminal back as it was, if it is ours; from any thread, any number of times.
pub(crate) fn restore() {
    if IS_OPEN.swap(false, Ordering::AcqRel) {
        // A terminal that has gone needs nothing any more.
        let _ = execute!(io::stdout(), LeaveAlternateScreen, cursor::Show);
        let _ = disable_raw_mode();
    }
}

/// An open terminal.
pub(crate) struct Screen {
    drawing: Drawing<CrosstermBackend<BufWriter<Sixteen<Stdout>>>>,
    keys: Receiver<Event>,
    clock: SystemClock,
    look: Look,
    /// What the person chose.
    pub ui: Ui,
    drawn_at: Option<MonoTime>,
    /// Of the newest frame: the clock at the head changes once a second.
    drawn_second: i64,
    is_dirty: bool,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    ///
    /// When it cannot be switched, or its size is not known.
    pub(crate) fn open(clock: SystemClock, look: Look, ui: Ui) -> io::Result<Self> {
        #[cfg(unix)]
        watch_background()?;
        // crossterm has its own opinion of NO_COLOR; ours knows what `--color` says.
        force_color_output(look.depth != Depth::None);
        enter()?;
        let terminal = Sixteen::new(io::stdout(), look.depth == Depth::Ansi);
        let backend = CrosstermBackend::new(BufWriter::with_capacity(FRAME_BYTES, terminal));
        let drawing = Drawing::new(backend).inspect_err(|_| restore())?;
        let (tell, keys) = sync_channel(KEY_QUEUE);
        std::thread::Builder::new()
            .name("keys".to_owned())
            .spawn(move || read_keys(&tell))
            .inspect_err(|_| restore())?;
        Ok(Self {
            drawing,
            keys,
            clock,
            look,
            ui,
            drawn_at: None,
            drawn_second: i64::MIN,
            is_dirty: true,
        })
    }

    /// What is shown has changed.
    pub(crate) const fn touch(&mut self) {
        self.is_dirty = true;
    }

    /// Waits for keys for up to `wait`, draws if something changed and a frame is due, and tells what the person asks for.
    ///
    /// # Errors
    ///
    /// When the terminal has gone.
    pub(crate) fn turn(&mut self, fleet: &Fleet, wait: Duration) -> io::Result<Vec<Action>> {
        self.ui.arrange(fleet);
        let mut actions = Vec::new();
        let mut wait = wait;
        loop {
            match self.keys.recv_timeout(wait) {
                Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => {
                    actions.extend(self.ui.press(key, fleet));
                    self.is_dirty = true;
                }
                Ok(Event::Resize(..)) => self.is_dirty = true,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "no keys come any more",
                    ));
                }
            }
            wait = Duration::ZERO;
        }
        if actions.contains(&Action::Suspend) {
            suspend()?;
            actions.retain(|action| *action != Action::Suspend);
        }
        if IS_BACK.swap(false, Ordering::AcqRel) {
            enter()?;
            // Not `clear`: it asks the terminal where the cursor is, and the answer would come among the keys.
            let size = self.drawing.size()?;
            self.drawing
                .resize(Rect::from((ratatui::layout::Position::ORIGIN, size)))?;
            self.is_dirty = true;
        }
        self.draw_if_due(fleet)?;
        Ok(actions)
    }

    fn draw_if_due(&mut self, fleet: &Fleet) -> io::Result<()> {
        let now = self.clock.mono();
        let second = fleet.now.as_millis().div_euclid(1_000);
        let is_due = self
            .drawn_at
            .is_none_or(|drawn_at| now.since(drawn_at) >= FRAME_EVERY);
        if !is_due || !(self.is_dirty || second != self.drawn_second) {
            return Ok(());
        }
        self.drawing
            .draw(|frame| layout::draw(fleet, &self.ui, &self.look, frame.buffer_mut()))?;
        self.drawn_at = Some(now);
        self.drawn_second = second;
        self.is_dirty = false;
        Ok(())
    }

    /// The words of its language.
    pub(crate) const fn words(&self) -> &TerminalWords {
        &self.look.words
    }

    /// Gives the terminal back, and how things were drawn on it.
    pub(crate) fn into_look(self) -> Look {
        self.look.clone()
    }

    /// The calendar, for what is said at the foot.
    pub(crate) fn now(&self) -> WallTime {
        self.clock.anchor().wall
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Columns that [`text_of`] may take: those of the terminal that standard output is, if it is one.
pub(crate) fn text_columns() -> u16 {
    if !io::stdout().is_terminal() {
        return TEXT_COLUMNS;
    }
    // Where the system does not tell, crossterm's other function for it would start a program.
    #[cfg(unix)]
    let columns = terminal::window_size().map(|size| size.columns);
    #[cfg(not(unix))]
    let columns = terminal::size().map(|(columns, _)| columns);
    match columns {
        // Zero: a line without a size.
        Ok(columns @ 1..) => columns.clamp(TEXT_COLUMNS_MIN, TEXT_COLUMNS),
        _ => TEXT_COLUMNS,
    }
}

/// The table as lines of at most `columns`: no escape codes, at most `rows_max` targets, the worst first.
pub(crate) fn text_of(fleet: &Fleet, look: &Look, columns: u16, rows_max: usize) -> String {
    let mut ui = Ui::new(false, false);
    ui.arrange(fleet);
    let rows = u16::try_from(fleet.rows.len().min(rows_max)).unwrap_or(u16::MAX - 2);
    let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows.saturating_add(2)));
    layout::table_only(fleet, &ui, look, &mut buffer);
    let lines = buffer.content.chunks(usize::from(columns.max(1))).map(|cells| {
        let line: String = cells.iter().map(ratatui::buffer::Cell::symbol).collect();
        line.trim_end().to_owned()
    });
    let mut lines: Vec<_> = lines.collect();
    let more = fleet.rows.len().saturating_sub(usize::from(rows));
    if more > 0 {
        lines.push(format!("  … {more} {}", look.words.more));
    }
    lines.join("\n")
}

/// Hands on what is typed until nobody takes it, or the terminal has gone.
fn read_keys(tell: &SyncSender<Event>) {
    while let Ok(event) = event::read() {
        if tell.send(event).is_err() {
            return;
        }
    }
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    IS_OPEN.store(true, Ordering::Release);
    execute!(io::stdout(), EnterAlternateScreen, cursor::Hide).inspect_err(|_| restore())
}

/// Ctrl+Z, which a raw terminal hands to us as a key.
#[cfg(unix)]
fn suspend() -> io::Result<()> {
    signal_hook::low_level::raise(signal_hook::consts::SIGTSTP)
}

/// Windows has no background.
#[cfg(windows)]
fn suspend() -> io::Result<()> {
    Ok(())
}

/// Restores the terminal before this process is stopped, and has it opened again after it goes on.
#[cfg(unix)]
fn watch_background() -> io::Result<()> {
    use signal_hook::consts::{SIGCONT, SIGTSTP};

    let mut signals = signal_hook::iterator::Signals::new([SIGTSTP, SIGCONT])?;
    std::thread::Builder::new()
        .name("background".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                if signal == SIGTSTP {
                    restore();
                    // Stops this process; what is behind it runs after SIGCONT.
                    let _ = signal_hook::low_level::emulate_default_handler(SIGTSTP);
                }
                IS_BACK.store(true, Ordering::Release);
            }
        })?;
    Ok(())
}
