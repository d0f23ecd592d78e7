//! Drawn views as literal text, at every size there is a rule for.

use std::time::Duration;

use jiff::tz::TimeZone;
use linewatch_core::event::{EventKind, Severity};
use linewatch_core::record::Outcome;
use linewatch_core::time::{Rtt, WallTime};
use linewatch_core::view::{Grade, State};
use linewatch_render::message::Language;
use ratatui::Terminal as Drawing;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use ratatui::style::Color;

use super::layout::draw;
use super::theme::{Charset, Depth, Ground};
use super::{EventLine, Fleet, LastProbe, Link, Look, Row, Sample, Terminal, Ui, text_of};

/// 2026-11-21 16:56:11 in Jakarta.
const NOW_MS: i64 = 1_795_254_971_000;

fn at(seconds_ago: i64) -> WallTime {
    WallTime::from_nanos((NOW_MS - seconds_ago * 1_000) * 1_000_000)
}

fn ms(ms: f64) -> Rtt {
    Rtt::from_nanos((ms * 1e6) as u64)
}

/// A target with an answer a second for the last minute, but for the seconds `lost`.
fn row(
    key: u32,
    name: &str,
    country: &str,
    state: State,
    grade: Option<Grade>,
    rtt_ms: f64,
    lost: &[i64],
) -> Row {
    let mut row = Row::new(key, name, name, "192.0.2.1");
    row.country = country.to_owned();
    row.method = "ICMP 1 s".to_owned();
    (row.state, row.grade) = (state, grade);
    row.since = Some(at(909));
    for second in (1..=60).rev() {
        let is_lost = lost.contains(&second);
        let wave = if second % 20 == 7 { 1.5 } else { 1.0 };
        let rtt = (!is_lost).then(|| ms(rtt_ms * wave));
        let host = rtt.map(|rtt| Rtt::from_nanos(rtt.as_nanos() + 700_000));
        let outcome = if is_lost { Outcome::Lost } else { Outcome::Reply };
        let last = LastProbe {
            at: at(second),
            outcome,
            rtt,
            host_rtt: host,
        };
        row.add(last, &Sample::of_probe(last.at, outcome, rtt, host));
    }
    row.p50 = Some(ms(rtt_ms));
    row.p95 = Some(ms(rtt_ms * 1.03));
    row.jitter = Some(ms(2.84));
    row.loss_ppm = Some((lost.len() * 1_000_000 / 60) as u32);
    row.failed_of = Some((lost.len() as u64, 60));
    row.rto = lost.len() as u64;
    row
}

fn fleet() -> Fleet {
    let mut error = Row::new(5, "va", "Virginia API", "iad.api.exmaple.com");
    error.state = State::Error;
    error.error = Some("cannot find an address for iad.api.exmaple.com".to_owned());
    let down: Vec<i64> = (1..=34).collect();
    let mut tokyo = row(
        2,
        "Tokyo gateway",
        "JP",
        State::Warn,
        Some(Grade::Good),
        88.2,
        &[16],
    );
    tokyo.reasons = vec!["loss".to_owned(), "rtt".to_owned()];
    let mut fleet = Fleet::of(
        at(0),
        vec![
            row(
                1,
                "Home router",
                "LAN",
                State::Ok,
                Some(Grade::Excellent),
                0.81,
                &[],
            ),
            tokyo,
            row(3, "SIP trunk Jakarta", "ID", State::Down, None, 42.4, &down),
            row(
                4,
                "Frankfurt edge",
                "DE",
                State::Bad,
                Some(Grade::Critical),
                532.0,
                &[3, 40],
            ),
            error,
            Row::new(6, "kl", "Kuala Lumpur", "192.0.2.6"),
        ],
    );
    fleet.note(EventLine {
        id: "1-1".to_owned(),
        at: at(34),
        kind: EventKind::Outage,
        severity: Severity::Critical,
        is_over: false,
        target: Some("SIP trunk Jakarta".to_owned()),
        message: "down: 3 probes in a row lost".to_owned(),
    });
    fleet
}

fn look() -> Look {
    let terminal = Terminal {
        locale: "C.UTF-8".to_owned(),
        term: "xterm".to_owned(),
        ..Terminal::default()
    };
    Look::new(&terminal, Language::English, TimeZone::fixed(jiff::tz::offset(7)))
}

fn ui(fleet: &Fleet, keys: &str) -> Ui {
    let mut ui = Ui::new(false, false);
    ui.arrange(fleet);
    for letter in keys.chars() {
        let code = if letter == '\n' {
            KeyCode::Enter
        } else {
            KeyCode::Char(letter)
        };
        ui.press(KeyEvent::new(code, KeyModifiers::NONE), fleet);
    }
    ui
}

fn lines(buffer: &Buffer) -> Vec<String> {
    let width = usize::from(buffer.area().width).max(1);
    let rows = buffer.content.chunks(width);
    let text = |cells: &[Cell]| cells.iter().map(Cell::symbol).collect::<String>();
    rows.map(|cells| text(cells).trim_end().to_owned()).collect()
}

/// The view of [`fleet`] at a size, after these keys.
fn drawn(width: u16, height: u16, keys: &str) -> Vec<String> {
    let fleet = fleet();
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    draw(&fleet, &ui(&fleet, keys), &look(), &mut buffer);
    lines(&buffer)
}

/// A view as it is kept beside this file.
fn view(name: &str) -> String {
    let path = format!("{}/src/term/views/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[track_caller]
fn check(found: &[String], expected: &str) {
    let mut expected: Vec<&str> = expected.lines().collect();
    // Empty rows at the end need not be written.
    expected.resize(found.len(), "");
    assert!(found == expected, "drawn:\n{}\nend of view\n", found.join("\n"));
}

#[test]
fn a_wide_terminal_shows_table_chart_and_events() {
    check(&drawn(120, 40, "jjj"), &view("120x40"));
}

#[test]
fn the_usual_terminal_shows_table_and_chart() {
    check(&drawn(80, 24, "jjj"), &view("80x24"));
}

#[test]
fn a_low_terminal_keeps_both() {
    check(&drawn(60, 20, "jjj"), &view("60x20"));
}

#[test]
fn a_narrow_terminal_shows_one_target_large() {
    check(&drawn(50, 20, "jjj"), &view("50x20"));
}

#[test]
fn a_tiny_terminal_is_one_line() {
    check(&drawn(30, 5, "jjj"), "Tokyo gatew… 88.2 ms 1.7% WARN");
    check(
        &drawn(29, 3, ""),
        "Virginia API\nError: cannot find an address\nfor iad.api.exmaple.com",
    );
    check(&drawn(10, 3, "jjj"), "Tokyo gat…\n88.2 ms\n1.7% WARN");
}

#[test]
fn no_size_panics() {
    let widths = [
        0, 1, 2, 3, 5, 8, 10, 20, 29, 30, 31, 45, 59, 60, 61, 80, 99, 100, 101, 130,
    ];
    let heights = (0..=13).chain([16, 20, 23, 24, 27, 28, 29, 40, 60]);
    let fleet = fleet();
    for height in heights {
        for width in widths {
            for keys in ["", "\n", "h", "?", "/x", "o"] {
                let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
                draw(&fleet, &ui(&fleet, keys), &look(), &mut buffer);
            }
        }
    }
}

#[test]
fn ascii_is_ascii_and_nothing_is_told_by_colour() {
    let fleet = fleet();
    let mut plain = look();
    (plain.charset, plain.depth) = (Charset::Ascii, Depth::None);
    let mut buffer = Buffer::empty(Rect::new(0, 0, 120, 40));
    draw(&fleet, &ui(&fleet, "jjj"), &plain, &mut buffer);
    check(&lines(&buffer), &view("120x40-ascii"));
    assert!(buffer.content.iter().all(|cell| cell.symbol().is_ascii()));
    let has_colour = |cell: &Cell| cell.fg != Color::Reset || cell.bg != Color::Reset;
    assert!(!buffer.content.iter().any(has_colour));
}

#[test]
fn the_background_stays_that_of_the_terminal() {
    let fleet = fleet();
    for depth in [Depth::Ansi, Depth::Indexed, Depth::True] {
        for ground in [Ground::Dark, Ground::Light, Ground::Unknown] {
            let mut look = look();
            (look.depth, look.ground) = (depth, ground);
            let mut buffer = Buffer::empty(Rect::new(0, 0, 120, 40));
            draw(&fleet, &ui(&fleet, ""), &look, &mut buffer);
            assert!(buffer.content.iter().all(|cell| cell.bg == Color::Reset));
            assert!(buffer.content.iter().any(|cell| cell.fg != Color::Reset));
        }
    }
}

#[test]
fn a_font_without_braille_draws_blocks() {
    let fleet = fleet();
    let mut look = look();
    look.charset = Charset::Blocks;
    let mut buffer = Buffer::empty(Rect::new(0, 0, 80, 24));
    draw(&fleet, &ui(&fleet, "jjj"), &look, &mut buffer);
    let text = lines(&buffer).join("\n");
    assert!(text.contains('▄') || text.contains('▀'), "{text}");
    let is_braille = |letter: char| ('\u{2800}'..='\u{28ff}').contains(&letter);
    assert!(!text.contains(is_braille), "{text}");
}

#[test]
fn a_line_is_not_joined_over_a_loss() {
    let fleet = fleet();
    let mut buffer = Buffer::empty(Rect::new(0, 0, 120, 40));
    draw(&fleet, &ui(&fleet, "jjj"), &look(), &mut buffer);
    let rows = lines(&buffer);
    let labels = rows
        .iter()
        .position(|row| row.contains("-60 s"))
        .expect("labels of time");
    let loss = rows[labels].chars().position(|sign| sign == '×').expect("a loss");
    let column = |y: usize| buffer[(loss as u16, y as u16)].symbol().to_owned();
    let chart = rows
        .iter()
        .position(|row| row.contains("process ┄"))
        .expect("chart")
        + 1;
    let line = (chart..labels).map(column);
    assert!(
        line.clone().all(|sign| sign == "┊"),
        "{:?}",
        line.collect::<Vec<_>>()
    );
}

#[test]
fn indonesian_is_spoken() {
    let fleet = fleet();
    let mut look = look();
    look = Look {
        language: Language::Indonesian,
        words: linewatch_render::terminal_words::TerminalWords::of(Language::Indonesian),
        ..look
    };
    let mut buffer = Buffer::empty(Rect::new(0, 0, 120, 40));
    draw(&fleet, &ui(&fleet, "jjj"), &look, &mut buffer);
    let text = lines(&buffer).join("\n");
    for word in [
        "AWAS",
        "Baik",
        "terburuk dulu",
        "Peristiwa",
        "SIP trunk Jakarta: mati",
        "keluar",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn the_same_view_is_not_written_twice() {
    let fleet = fleet();
    let ui = ui(&fleet, "");
    let mut drawing = Drawing::new(TestBackend::new(120, 40)).expect("a test terminal");
    let mut first = None;
    for _ in 0..2 {
        let frame = drawing
            .draw(|frame| draw(&fleet, &ui, &look(), frame.buffer_mut()))
            .expect("drawn");
        let buffer = frame.buffer.clone();
        if let Some(first) = &first {
            let first: &Buffer = first;
            assert!(first.diff(&buffer).is_empty());
        }
        first = Some(buffer);
    }
}

#[test]
fn an_overlay_names_each_line_by_a_letter() {
    let rows = drawn(120, 40, "o");
    let text = rows.join("\n");
    assert!(text.contains("B SIP trunk Jakarta  C Frankfurt edge"), "{text}");
}

#[test]
fn the_detail_has_the_events_of_its_target_only() {
    let text = drawn(120, 40, "jjj\n").join("\n");
    assert!(
        text.contains("Nothing happened yet") && !text.contains("worst first"),
        "{text}"
    );
    let text = drawn(120, 40, "j\n").join("\n");
    assert!(text.contains("SIP trunk Jakarta: down: 3 probes"), "{text}");
}

#[test]
fn help_lists_the_keys_and_a_prompt_shows_what_is_typed() {
    let text = drawn(80, 24, "?").join("\n");
    assert!(
        text.contains("1 2 3 4 5   30 s, 60 s, 5, 15, 60 minutes"),
        "{text}"
    );
    let rows = drawn(80, 24, "/tok");
    assert!(rows[23].contains("filter: tok_"), "{}", rows[23]);
    assert!(rows[1].contains("/tok  1 of 6"), "{}", rows[1]);
}

#[test]
fn into_a_pipe_goes_the_table_alone() {
    let text = text_of(&fleet(), &look(), 120, usize::MAX);
    assert_eq!(text.lines().count(), 8);
    assert!(!text.contains('\u{1b}'));
    assert!(
        text.lines().nth(2).is_some_and(|line| line.contains("! Error")),
        "{text}"
    );
}

#[test]
fn the_table_left_behind_has_no_more_columns_than_the_terminal() {
    for columns in [48, 60, 80, 100, 120] {
        let text = text_of(&fleet(), &look(), columns, usize::MAX);
        let widest = text.lines().map(super::paint::columns).max();
        assert!(widest <= Some(columns), "{widest:?} of {columns}:\n{text}");
        let down = text.lines().nth(2).unwrap_or_default();
        assert!(down.contains("! Error"), "{columns}: {down}");
    }
}

#[test]
fn of_a_large_fleet_the_worst_rows_are_left_behind_and_the_rest_is_counted() {
    let text = text_of(&fleet(), &look(), 120, 2);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    assert!(lines[2].contains("! Error") && lines[4] == "  … 4 more", "{text}");
}

#[test]
fn a_broken_connection_says_why_and_what_was_seen_stays() {
    let mut fleet = fleet();
    fleet.link = Link::Broken("connection refused".to_owned());
    fleet.now = fleet.now.plus(Duration::from_secs(1));
    let mut buffer = Buffer::empty(Rect::new(0, 0, 80, 24));
    draw(&fleet, &ui(&fleet, ""), &look(), &mut buffer);
    let rows = lines(&buffer);
    assert!(rows[0].ends_with("! reconnecting"), "{}", rows[0]);
    assert!(rows[23].contains("connection refused"), "{}", rows[23]);
    assert!(rows.iter().any(|row| row.contains("Tokyo")));
}
