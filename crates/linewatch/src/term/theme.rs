//! Chooses glyphs and colours by what the terminal can show.
//!
//! Everything is drawn in Unicode and in [`Ink`]s; what a terminal cannot show is put into plainer signs cell by cell
//! ([`plainer`]). The background is the terminal's own. Where it is unknown, colours are taken that stand out from black and
//! from white alike; a test computes their contrast. Not here: where anything stands.

use jiff::tz::TimeZone;
use linewatch_core::view::State;
use linewatch_render::message::Language;
use linewatch_render::terminal_words::TerminalWords;
use ratatui::style::{Color, Modifier, Style};

use super::model::Badge;

/// What a terminal's font has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charset {
    /// Everything.
    Braille,
    /// Block elements and box drawing, but no braille and few symbols: the console of Linux.
    Blocks,
    /// Nothing beyond ASCII.
    Ascii,
}

/// How many colours there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// None.
    None,
    /// The terminal's own palette.
    Ansi,
    /// xterm's 256.
    Indexed,
    /// Any.
    True,
}

/// What colour the text stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    Dark,
    Light,
    Unknown,
}

/// What something is drawn for; never the only sign of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// The terminal's own text.
    Text,
    /// Beside the point.
    Muted,
    /// The program, and the RTT line.
    Accent,
    /// The process line.
    Process,
    Excellent,
    Good,
    Fair,
    Poor,
    Critical,
}

/// What a terminal says of itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terminal {
    /// `--color never` or `always`.
    pub color: Option<bool>,
    /// `--ascii`.
    pub ascii: bool,
    /// The variables NO_COLOR, TERM, COLORTERM, COLORFGBG; empty where unset.
    pub no_color: String,
    pub term: String,
    pub colorterm: String,
    pub colorfgbg: String,
    /// The locale of characters: the first of LC_ALL, LC_CTYPE, LANG that is set.
    pub locale: String,
}

/// How to draw.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub charset: Charset,
    pub depth: Depth,
    pub ground: Ground,
    pub language: Language,
    pub words: TerminalWords,
    pub zone: TimeZone,
}

impl Terminal {
    /// This process's.
    pub(crate) fn of_environment(color: Option<bool>, ascii: bool) -> Self {
        let variable = |name: &str| std::env::var(name).unwrap_or_default();
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(variable);
        Self {
            color,
            ascii,
            no_color: variable("NO_COLOR"),
            term: variable("TERM"),
            colorterm: variable("COLORTERM"),
            colorfgbg: variable("COLORFGBG"),
            locale: locale
                .into_iter()
                .find(|value| !value.is_empty())
                .unwrap_or_default(),
        }
    }

    /// It moves no cursor: nothing can be drawn on it, only written.
    pub(crate) fn is_dumb(&self) -> bool {
        self.term == "dumb"
    }

    fn charset(&self) -> Charset {
        let locale = self.locale.to_ascii_lowercase();
        if self.ascii || self.is_dumb() || !(locale.contains("utf-8") || locale.contains("utf8")) {
            Charset::Ascii
        } else if self.term == "linux" {
            Charset::Blocks
        } else {
            Charset::Braille
        }
    }

    fn depth(&self) -> Depth {
        let is_forced = self.color == Some(true);
        if self.color == Some(false) || (!is_forced && (!self.no_color.is_empty() || self.is_dumb())) {
            Depth::None
        } else if matches!(&*self.colorterm, "truecolor" | "24bit") || self.term.contains("direct") {
            Depth::True
        } else if self.term.contains("256color") {
            Depth::Indexed
        } else {
            Depth::Ansi
        }
    }

    /// `15;0`: rxvt, Konsole and others say foreground and background as numbers of their palette.
    fn ground(&self) -> Ground {
        match self
            .colorfgbg
            .rsplit(';')
            .next()
            .and_then(|number| number.parse().ok())
        {
            Some(7 | 15) => Ground::Light,
            Some(0..=15_u8) => Ground::Dark,
            _ => Ground::Unknown,
        }
    }
}

impl Look {
    /// What suits this terminal.
    pub(crate) fn new(terminal: &Terminal, language: Language, zone: TimeZone) -> Self {
        Self {
            charset: terminal.charset(),
            depth: terminal.depth(),
            ground: terminal.ground(),
            language,
            words: TerminalWords::of(language),
            zone,
        }
    }

    /// The style of an ink.
    pub(crate) fn style(&self, ink: Ink) -> Style {
        if ink == Ink::Text {
            return Style::new();
        }
        match self.depth {
            Depth::None => Style::new(),
            Depth::Ansi if ink == Ink::Muted => Style::new().add_modifier(Modifier::DIM),
            Depth::Ansi => Style::new().fg(ansi(ink)),
            Depth::Indexed => {
                let (red, green, blue) = rgb(ink, self.ground);
                Style::new().fg(Color::Indexed(nearest_indexed(red, green, blue)))
            }
            Depth::True => {
                let (red, green, blue) = rgb(ink, self.ground);
                Style::new().fg(Color::Rgb(red, green, blue))
            }
        }
    }

    /// The sign of a badge.
    pub(crate) const fn glyph(&self, badge: Badge) -> &'static str {
        match badge {
            Badge::Excellent => "●",
            Badge::Good => "○",
            Badge::Fair => "◆",
            Badge::Poor => "▲",
            Badge::Critical => "⬢",
            Badge::Down => "✖",
            Badge::Stale => "┄",
            Badge::Error => "!",
            Badge::Waiting => "◌",
            Badge::Paused => "‖",
        }
    }

    /// Its word.
    pub(crate) const fn word(&self, badge: Badge) -> &'static str {
        self.words.badges[badge as usize]
    }

    /// `OK`, `WARN`, `BAD` as this language says them; empty for other states.
    pub(crate) const fn status(&self, state: Option<State>) -> &'static str {
        match state {
            Some(State::Ok) => self.words.statuses[0],
            Some(State::Warn) => self.words.statuses[1],
            Some(State::Bad) => self.words.statuses[2],
            _ => "",
        }
    }
}

/// The ink of a badge.
pub(crate) const fn badge_ink(badge: Badge) -> Ink {
    match badge {
        Badge::Excellent => Ink::Excellent,
        Badge::Good => Ink::Good,
        Badge::Fair => Ink::Fair,
        Badge::Poor => Ink::Poor,
        Badge::Critical | Badge::Down | Badge::Error => Ink::Critical,
        Badge::Stale | Badge::Waiting | Badge::Paused => Ink::Muted,
    }
}

/// The ink of OK, WARN, BAD.
pub(crate) const fn status_ink(state: Option<State>) -> Ink {
    match state {
        Some(State::Warn) => Ink::Fair,
        Some(State::Bad) => Ink::Critical,
        _ => Ink::Text,
    }
}

const fn ansi(ink: Ink) -> Color {
    match ink {
        Ink::Text | Ink::Muted => Color::Reset,
        Ink::Accent => Color::Blue,
        Ink::Process => Color::Magenta,
        Ink::Excellent => Color::Green,
        Ink::Good => Color::Cyan,
        Ink::Fair | Ink::Poor => Color::Yellow,
        Ink::Critical => Color::Red,
    }
}

/// The tokens of UI.md section 6, and between the two what stands out from both grounds.
const fn rgb(ink: Ink, ground: Ground) -> (u8, u8, u8) {
    let [dark, light, between] = match ink {
        Ink::Text | Ink::Muted => [0xa0_a9_b8, 0x51_5c_6c, 0x7a_85_94],
        Ink::Accent => [0x8e_a6_ff, 0x34_51_c6, 0x62_7d_ea],
        Ink::Process => [0xf4_c9_a8, 0x9a_5b_2e, 0xb8_73_3f],
        Ink::Excellent => [0x2a_d4_b5, 0x17_95_7a, 0x17_95_7a],
        Ink::Good => [0x4f_97_d8, 0x2b_5f_b4, 0x3f_85_c6],
        Ink::Fair => [0xff_e1_4d, 0xad_81_00, 0xad_81_00],
        Ink::Poor => [0xe5_8f_47, 0xad_4a_1c, 0xc8_66_28],
        Ink::Critical => [0xf5_2f_78, 0x8f_00_39, 0xe6_1f_66],
    };
    let number: u32 = match ground {
        Ground::Dark => dark,
        Ground::Light => light,
        Ground::Unknown => between,
    };
    ((number >> 16) as u8, (number >> 8) as u8, number as u8)
}

/// The nearest of xterm's cube of 6 x 6 x 6 colours, whose steps are 0, 95, 135, 175, 215, 255, or of its 24 greys.
fn nearest_indexed(red: u8, green: u8, blue: u8) -> u8 {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let distance = |candidate: (u8, u8, u8)| {
        let part = |one: u8, other: u8| u32::from(one.abs_diff(other)).pow(2);
        part(candidate.0, red) + part(candidate.1, green) + part(candidate.2, blue)
    };
    let colour = |index: u8| match index {
        232.. => {
            let grey = 8 + 10 * (index - 232);
            (grey, grey, grey)
        }
        _ => {
            let cube = usize::from(index - 16);
            (STEPS[cube / 36], STEPS[cube / 6 % 6], STEPS[cube % 6])
        }
    };
    (16..=255)
        .min_by_key(|index| distance(colour(*index)))
        .unwrap_or(u8::MAX)
}

/// What stands for a sign that the terminal's font does not have; `None`: it has it.
pub(crate) fn plainer(symbol: &str, charset: Charset) -> Option<&'static str> {
    if symbol.is_ascii() || charset == Charset::Braille {
        return None;
    }
    let is_in_blocks = matches!(
        symbol,
        "─" | "│"
            | "┌"
            | "┐"
            | "└"
            | "┘"
            | "├"
            | "┤"
            | "█"
            | "▀"
            | "▄"
            | "×"
            | "·"
            | "≥"
            | "●"
            | "▲"
    );
    if charset == Charset::Blocks && (is_in_blocks || symbol.chars().all(|letter| letter < '\u{0180}')) {
        return None;
    }
    Some(match symbol {
        "●" => "*",
        "○" => "o",
        "◆" => "+",
        "▲" => "^",
        "⬢" => "#",
        "✖" | "×" => "x",
        "◌" => "?",
        "‖" => "=",
        "▶" => ">",
        "│" | "┊" | "┆" => "|",
        "┌" | "┐" | "└" | "┘" | "├" | "┤" => "+",
        "─" | "┄" | "┈" | "—" | "–" | "−" => "-",
        "▁" => "_",
        "▂" => ",",
        "▃" => "-",
        "▄" => "~",
        "▅" => "=",
        "▆" => "+",
        "▇" => "*",
        "█" | "▀" => "#",
        "·" | "…" => ".",
        "↑" => "^",
        "↓" => "v",
        "≥" => ">",
        _ => "?",
    })
}

#[cfg(test)]
#[path = "theme_tests.rs"]
mod tests;
