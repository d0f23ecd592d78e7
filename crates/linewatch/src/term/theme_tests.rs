//! What a terminal says of itself, and what is drawn on it.

use super::*;

fn terminal(term: &str) -> Terminal {
    Terminal {
        term: term.to_owned(),
        locale: "en_GB.UTF-8".to_owned(),
        ..Terminal::default()
    }
}

#[test]
fn a_terminal_gets_the_colours_it_has() {
    assert_eq!(terminal("xterm").depth(), Depth::Ansi);
    assert_eq!(terminal("tmux-256color").depth(), Depth::Indexed);
    assert_eq!(terminal("dumb").depth(), Depth::None);
    let many = Terminal {
        colorterm: "truecolor".to_owned(),
        ..terminal("xterm-256color")
    };
    assert_eq!(many.depth(), Depth::True);
}

#[test]
fn no_color_is_obeyed_unless_colour_is_asked_for() {
    let mut quiet = terminal("xterm");
    quiet.no_color = "1".to_owned();
    assert_eq!(quiet.depth(), Depth::None);
    quiet.color = Some(true);
    assert_eq!(quiet.depth(), Depth::Ansi);
    let mut never = terminal("xterm-256color");
    never.color = Some(false);
    assert_eq!(never.depth(), Depth::None);
}

#[test]
fn a_font_without_braille_gets_blocks_and_one_without_unicode_ascii() {
    assert_eq!(terminal("xterm").charset(), Charset::Braille);
    assert_eq!(terminal("linux").charset(), Charset::Blocks);
    for locale in ["", "C", "POSIX", "en_GB.ISO-8859-1"] {
        let mut old = terminal("xterm");
        old.locale = locale.to_owned();
        assert_eq!(old.charset(), Charset::Ascii, "{locale}");
    }
    let mut asked = terminal("xterm");
    asked.ascii = true;
    assert_eq!(asked.charset(), Charset::Ascii);
}

#[test]
fn a_light_terminal_is_known_by_its_variable() {
    let ground = |variable: &str| {
        Terminal {
            colorfgbg: variable.to_owned(),
            ..terminal("xterm")
        }
        .ground()
    };
    assert_eq!(ground("0;15"), Ground::Light);
    assert_eq!(ground("15;default;0"), Ground::Dark);
    assert_eq!(ground("15;default"), Ground::Unknown);
    assert_eq!(ground(""), Ground::Unknown);
}

const INKS: [Ink; 8] = [
    Ink::Muted,
    Ink::Accent,
    Ink::Process,
    Ink::Excellent,
    Ink::Good,
    Ink::Fair,
    Ink::Poor,
    Ink::Critical,
];

/// Relative luminance (WCAG 2.2).
fn luminance((red, green, blue): (u8, u8, u8)) -> f64 {
    let part = |value: u8| {
        let value = f64::from(value) / 255.0;
        if value <= 0.040_45 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue)
}

#[test]
fn every_colour_stands_out_from_the_ground_it_may_stand_on() {
    let contrast = |one: f64, other: f64| (one.max(other) + 0.05) / (one.min(other) + 0.05);
    let (black, white) = (0.0, 1.0);
    for ink in INKS {
        for (ground, papers) in [
            (Ground::Dark, vec![black]),
            (Ground::Light, vec![white]),
            (Ground::Unknown, vec![black, white]),
        ] {
            for paper in papers {
                // 3:1 is what WCAG asks of glyphs and large text; words beside them are in the terminal's own colour.
                let found = contrast(luminance(rgb(ink, ground)), paper);
                assert!(found >= 3.0, "{ink:?} on {ground:?}: {found:.2}");
            }
        }
    }
}

#[test]
fn the_nearest_of_256_is_near() {
    assert_eq!(nearest_indexed(255, 0, 0), 196);
    assert_eq!(nearest_indexed(128, 128, 128), 244);
    assert_eq!(nearest_indexed(0x2a, 0xd4, 0xb5), 43);
}

#[test]
fn badges_are_told_apart_without_colour_in_every_charset() {
    let look = Look::new(&terminal("xterm"), Language::English, TimeZone::UTC);
    let badges = [
        Badge::Excellent,
        Badge::Good,
        Badge::Fair,
        Badge::Poor,
        Badge::Critical,
        Badge::Down,
        Badge::Stale,
        Badge::Error,
        Badge::Waiting,
        Badge::Paused,
    ];
    for charset in [Charset::Braille, Charset::Blocks, Charset::Ascii] {
        let mut signs: Vec<&str> = badges
            .iter()
            .map(|badge| look.glyph(*badge))
            .map(|glyph| plainer(glyph, charset).unwrap_or(glyph))
            .collect();
        signs.sort_unstable();
        signs.dedup();
        assert_eq!(signs.len(), badges.len(), "{charset:?}");
    }
}
