//! What the person chose to see, and how keys change it: pure transitions.
//!
//! Input: a key and the fleet. Output: the changed choice, and an [`Action`] where something outside is asked for. The order of
//! the table is made anew at most every 5 s, so that rows do not jump away from under the eyes.

use std::time::Duration;

use linewatch_core::time::WallTime;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::model::{Fleet, Row};

/// Rows are put into a new order at most this often (UI.md 4, fleet table).
const REORDER_EVERY: Duration = Duration::from_secs(5);
/// How long a note stays at the foot.
const NOTE_STAYS: Duration = Duration::from_secs(10);
/// What keys 1 to 5 show.
pub(super) const RANGES: [Duration; 5] = [
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(300),
    Duration::from_secs(900),
    Duration::from_secs(3600),
];
/// Rows of PgUp and PgDn.
const PAGE_ROWS: isize = 10;
/// Letters of a typed answer: longer than any host name with its port.
const ANSWER_CHARS: usize = 300;

/// What is asked for outside the view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Stop in order.
    Quit,
    /// Into the background.
    Suspend,
    /// Start or stop this target.
    Toggle(u32),
    /// Watch one more target.
    Add(String),
    /// Watch another target instead of this one.
    Replace(u32, String),
}

/// Order of the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sort {
    #[default]
    Worst,
    Name,
    Rtt,
    Loss,
}

/// What fills the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pane {
    #[default]
    Table,
    Detail,
    Hud,
}

/// What is being typed at the foot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Prompt {
    Filter,
    Add(String),
    Replace(u32, String),
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Ui {
    /// `None`: the first of the order.
    selected: Option<u32>,
    pub(super) filter: String,
    pub(super) country: Option<String>,
    pub(super) sort: Sort,
    /// Of [`RANGES`].
    range: usize,
    pub(super) is_overlay: bool,
    pub(super) is_log: bool,
    marked: Vec<u32>,
    pub(super) pane: Pane,
    pub(super) prompt: Option<Prompt>,
    pub(super) is_help: bool,
    note: Option<(String, WallTime)>,
    order: Vec<u32>,
    ordered_at: Option<WallTime>,
}

impl Ui {
    /// The choice at the start: the table, or the HUD; one target, or several in one chart.
    pub(crate) fn new(is_hud: bool, is_overlay: bool) -> Self {
        Self {
            selected: None,
            filter: String::new(),
            country: None,
            sort: Sort::default(),
            range: 1,
            is_overlay,
            is_log: false,
            marked: Vec::new(),
            pane: if is_hud { Pane::Hud } else { Pane::Table },
            prompt: None,
            is_help: false,
            note: None,
            order: Vec::new(),
            ordered_at: None,
        }
    }

    /// Says something at the foot for a while.
    pub(crate) fn say(&mut self, text: String, now: WallTime) {
        self.note = Some((text, now));
    }

    /// What is to be said now.
    pub(super) fn note(&self, now: WallTime) -> Option<&str> {
        let (text, since) = self.note.as_ref()?;
        (now < since.plus(NOTE_STAYS)).then_some(text)
    }

    /// How far back charts reach.
    pub(super) const fn range(&self) -> Duration {
        RANGES[self.range]
    }

    /// The targets to show, in order, as of [`Ui::arrange`].
    pub(super) fn order(&self) -> &[u32] {
        &self.order
    }

    /// The chosen target, else the first.
    pub(super) fn chosen(&self) -> Option<u32> {
        self.selected
            .filter(|key| self.order.contains(key))
            .or_else(|| self.order.first().copied())
    }

    /// Those of an overlay: the marked ones, else the first of the order; at most `most`.
    pub(super) fn overlaid(&self, most: usize) -> Vec<u32> {
        let marked = self.order.iter().filter(|key| self.marked.contains(key));
        let marked: Vec<u32> = marked.copied().take(most).collect();
        if marked.is_empty() {
            self.order.iter().copied().take(most).collect()
        } else {
            marked
        }
    }

    /// In the overlay by choice.
    pub(super) fn is_marked(&self, key: u32) -> bool {
        self.marked.contains(&key)
    }

    /// Puts the targets in order, if it is time or something changed.
    pub(crate) fn arrange(&mut self, fleet: &Fleet) {
        let is_due = self
            .ordered_at
            .is_none_or(|at| fleet.now >= at.plus(REORDER_EVERY) || fleet.now < at);
        let is_same =
            self.order.len() == fleet.rows.len() && self.order.iter().all(|key| fleet.row(*key).is_some());
        if is_due || !(is_same || self.is_filtered()) {
            self.order_anew(fleet);
        }
    }

    const fn is_filtered(&self) -> bool {
        !self.filter.is_empty() || self.country.is_some()
    }

    fn order_anew(&mut self, fleet: &Fleet) {
        let needle = self.filter.to_lowercase();
        let is_shown = |row: &&Row| {
            let has = |text: &str| text.to_lowercase().contains(&needle);
            self.country
                .as_ref()
                .is_none_or(|country| *country == row.country)
                && (has(&row.name) || has(&row.address) || has(&row.country))
        };
        let mut rows: Vec<&Row> = fleet.rows.iter().filter(is_shown).collect();
        let slowest_first = |row: &Row| std::cmp::Reverse(row.p95);
        let loss_first = |row: &Row| std::cmp::Reverse(row.loss_ppm);
        match self.sort {
            Sort::Worst => rows.sort_by(|one, other| {
                let rank = |row: &Row| (row.badge().weight(), loss_first(row), slowest_first(row));
                rank(one)
                    .cmp(&rank(other))
                    .then_with(|| one.name.cmp(&other.name))
            }),
            Sort::Name => rows.sort_by(|one, other| one.name.cmp(&other.name)),
            Sort::Rtt => rows.sort_by_key(|row| std::cmp::Reverse(row.last.and_then(|last| last.rtt))),
            Sort::Loss => rows.sort_by_key(|row| (loss_first(row), slowest_first(row))),
        }
        self.order = rows.iter().map(|row| row.key).collect();
        self.ordered_at = Some(fleet.now);
    }

    /// Takes a key.
    pub(crate) fn press(&mut self, key: KeyEvent, fleet: &Fleet) -> Option<Action> {
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c' | 'C') if is_control => return Some(Action::Quit),
            KeyCode::Char('z' | 'Z') if is_control => return Some(Action::Suspend),
            _ if is_control || key.modifiers.contains(KeyModifiers::ALT) => return None,
            _ => {}
        }
        if self.prompt.is_some() {
            return self.type_in(key.code, fleet);
        }
        if self.is_help {
            self.is_help = false;
            return (key.code == KeyCode::Char('q')).then_some(Action::Quit);
        }
        match key.code {
            KeyCode::Char('q') => return Some(Action::Quit),
            KeyCode::Char(' ') => return self.chosen().map(Action::Toggle),
            KeyCode::Char('a') => self.prompt = Some(Prompt::Add(String::new())),
            KeyCode::Char('t') => {
                self.prompt = self.chosen().map(|key| Prompt::Replace(key, String::new()));
            }
            KeyCode::Esc => self.go_back(fleet),
            code => self.look_at(code, fleet),
        }
        None
    }

    /// Keys that only change what is seen.
    fn look_at(&mut self, code: KeyCode, fleet: &Fleet) {
        match code {
            KeyCode::Up | KeyCode::Char('k') => self.walk(-1),
            KeyCode::Down | KeyCode::Char('j') => self.walk(1),
            KeyCode::PageUp => self.walk(-PAGE_ROWS),
            KeyCode::PageDown => self.walk(PAGE_ROWS),
            KeyCode::Home => self.walk(isize::MIN / 2),
            KeyCode::End => self.walk(isize::MAX / 2),
            KeyCode::Enter if self.pane == Pane::Detail => self.pane = Pane::Table,
            KeyCode::Enter => self.pane = Pane::Detail,
            KeyCode::Char('h') if self.pane == Pane::Hud => self.pane = Pane::Table,
            KeyCode::Char('h') => self.pane = Pane::Hud,
            KeyCode::Char('/') => self.prompt = Some(Prompt::Filter),
            KeyCode::Char('?') => self.is_help = true,
            KeyCode::Char('o') => self.is_overlay = !self.is_overlay,
            KeyCode::Char('l') => self.is_log = !self.is_log,
            KeyCode::Char('x') => self.mark(),
            KeyCode::Char('s') => {
                self.sort = match self.sort {
                    Sort::Worst => Sort::Name,
                    Sort::Name => Sort::Rtt,
                    Sort::Rtt => Sort::Loss,
                    Sort::Loss => Sort::Worst,
                };
                self.order_anew(fleet);
            }
            KeyCode::Char('c') => self.next_country(fleet),
            KeyCode::Char(digit @ '1'..='5') => self.range = digit as usize - '1' as usize,
            _ => {}
        }
    }

    /// One step back: out of a pane, else the filter, else the overlay.
    fn go_back(&mut self, fleet: &Fleet) {
        if self.pane != Pane::Table {
            self.pane = Pane::Table;
        } else if self.is_filtered() {
            self.filter.clear();
            self.country = None;
            self.order_anew(fleet);
        } else {
            self.is_overlay = false;
            self.marked.clear();
        }
    }

    fn walk(&mut self, rows: isize) {
        let Some(last) = self.order.len().checked_sub(1) else {
            return;
        };
        let chosen = self.chosen();
        let place = self
            .order
            .iter()
            .position(|key| Some(*key) == chosen)
            .unwrap_or(0);
        let place = place.saturating_add_signed(rows).min(last);
        self.selected = Some(self.order[place]);
    }

    fn mark(&mut self) {
        let Some(chosen) = self.chosen() else { return };
        if let Some(place) = self.marked.iter().position(|key| *key == chosen) {
            self.marked.remove(place);
        } else {
            self.marked.push(chosen);
            self.is_overlay = true;
        }
    }

    /// All, then each country there is, in the order of the alphabet.
    fn next_country(&mut self, fleet: &Fleet) {
        let mut countries: Vec<&String> = fleet.rows.iter().map(|row| &row.country).collect();
        countries.retain(|country| !country.is_empty());
        countries.sort_unstable();
        let next = match &self.country {
            None => countries.first(),
            Some(known) => countries.iter().find(|country| **country > known),
        };
        self.country = next.map(|country| (*country).clone());
        self.order_anew(fleet);
    }

    fn type_in(&mut self, code: KeyCode, fleet: &Fleet) -> Option<Action> {
        let prompt = self.prompt.take()?;
        let is_filter = prompt == Prompt::Filter;
        let mut prompt = prompt;
        let text = match &mut prompt {
            Prompt::Filter => &mut self.filter,
            Prompt::Add(text) | Prompt::Replace(_, text) => text,
        };
        match code {
            KeyCode::Esc => {
                if is_filter {
                    self.filter.clear();
                    self.order_anew(fleet);
                }
                return None;
            }
            KeyCode::Enter => {
                let typed = text.trim().to_owned();
                return match prompt {
                    Prompt::Add(_) if !typed.is_empty() => Some(Action::Add(typed)),
                    Prompt::Replace(key, _) if !typed.is_empty() => Some(Action::Replace(key, typed)),
                    Prompt::Filter | Prompt::Add(_) | Prompt::Replace(..) => None,
                };
            }
            KeyCode::Backspace => {
                text.pop();
            }
            KeyCode::Char(letter)
                if text.chars().count() < ANSWER_CHARS && !linewatch_core::spec::is_disruptive(letter) =>
            {
                text.push(letter);
            }
            _ => {}
        }
        if is_filter {
            self.order_anew(fleet);
        }
        self.prompt = Some(prompt);
        None
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
