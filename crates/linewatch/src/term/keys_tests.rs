//! Keys as transitions: what each does, and what it does not.

use linewatch_core::view::{Grade, State};

use super::*;

/// Three targets; the worst is B, then C, then A.
fn fleet() -> Fleet {
    let row = |key, name: &str, country: &str, state, grade| Row {
        country: country.to_owned(),
        state,
        grade,
        ..Row::new(key, name, name, "192.0.2.1")
    };
    Fleet::of(
        WallTime::default(),
        vec![
            row(1, "A", "JP", State::Ok, Some(Grade::Excellent)),
            row(2, "B", "ID", State::Down, None),
            row(3, "C", "JP", State::Warn, Some(Grade::Fair)),
        ],
    )
}

fn ui(fleet: &Fleet) -> Ui {
    let mut ui = Ui::new(false, false);
    ui.arrange(fleet);
    ui
}

/// Letters are keys; `^c` Ctrl+C, `\n` Enter, `\x1b` Esc, `\x08` Backspace, `v` Down.
fn press(ui: &mut Ui, fleet: &Fleet, keys: &str) -> Option<Action> {
    let mut action = None;
    let mut is_control = false;
    for letter in keys.chars() {
        let code = match letter {
            '^' => {
                is_control = true;
                continue;
            }
            '\n' => KeyCode::Enter,
            '\x1b' => KeyCode::Esc,
            '\x08' => KeyCode::Backspace,
            letter => KeyCode::Char(letter),
        };
        let modifiers = if std::mem::take(&mut is_control) {
            KeyModifiers::CONTROL
        } else {
            KeyModifiers::NONE
        };
        action = ui.press(KeyEvent::new(code, modifiers), fleet);
    }
    action
}

#[test]
fn the_worst_stands_first_and_is_chosen() {
    let fleet = fleet();
    let ui = ui(&fleet);
    assert_eq!(ui.order(), [2, 3, 1]);
    assert_eq!(ui.chosen(), Some(2));
}

#[test]
fn q_and_ctrl_c_quit_from_everywhere() {
    let fleet = fleet();
    assert_eq!(press(&mut ui(&fleet), &fleet, "q"), Some(Action::Quit));
    for before in ["", "?", "/", "a", "t", "\n", "h"] {
        let keys = format!("{before}^c");
        assert_eq!(
            press(&mut ui(&fleet), &fleet, &keys),
            Some(Action::Quit),
            "{before}"
        );
    }
    assert_eq!(press(&mut ui(&fleet), &fleet, "aq"), None, "typed into a name");
}

#[test]
fn the_choice_walks_and_stops_at_the_ends() {
    let fleet = fleet();
    let mut ui = ui(&fleet);
    press(&mut ui, &fleet, "jjjj");
    assert_eq!(ui.chosen(), Some(1));
    press(&mut ui, &fleet, "k");
    assert_eq!(press(&mut ui, &fleet, " "), Some(Action::Toggle(3)));
}

#[test]
fn the_choice_stays_with_its_target_when_the_order_changes() {
    let mut fleet = fleet();
    let mut ui = ui(&fleet);
    press(&mut ui, &fleet, "j");
    fleet.rows[0].state = State::Error;
    fleet.now = fleet.now.plus(Duration::from_secs(1));
    ui.arrange(&fleet);
    assert_eq!(ui.order(), [2, 3, 1], "not within 5 s");
    fleet.now = fleet.now.plus(Duration::from_secs(5));
    ui.arrange(&fleet);
    assert_eq!(ui.order(), [1, 2, 3]);
    assert_eq!(ui.chosen(), Some(3));
}

#[test]
fn a_filter_narrows_while_it_is_typed_and_esc_clears_it() {
    let fleet = fleet();
    let mut ui = ui(&fleet);
    press(&mut ui, &fleet, "/jp");
    assert_eq!(ui.order(), [3, 1]);
    press(&mut ui, &fleet, "x");
    assert!(ui.order().is_empty());
    assert_eq!(ui.chosen(), None);
    press(&mut ui, &fleet, "\x08\n");
    assert_eq!((ui.order(), &ui.prompt), ([3, 1].as_slice(), &None));
    press(&mut ui, &fleet, "\x1b");
    assert_eq!(ui.order(), [2, 3, 1]);
}

#[test]
fn c_goes_through_the_countries_and_back_to_all() {
    let fleet = fleet();
    let mut ui = ui(&fleet);
    let orders = [[2].as_slice(), &[3, 1], &[2, 3, 1]];
    for order in orders {
        press(&mut ui, &fleet, "c");
        assert_eq!(ui.order(), order);
    }
}

#[test]
fn s_goes_through_the_orders_and_back() {
    let fleet = fleet();
    let mut ui = ui(&fleet);
    press(&mut ui, &fleet, "s");
    assert_eq!((ui.sort, ui.order()), (Sort::Name, [1, 2, 3].as_slice()));
    press(&mut ui, &fleet, "sss");
    assert_eq!((ui.sort, ui.order()), (Sort::Worst, [2, 3, 1].as_slice()));
}

#[test]
fn digits_choose_the_range() {
    let fleet = fleet();
    let mut ui = ui(&fleet);
    let ranges: Vec<u64> = ["1", "2", "3", "4", "5", "6"]
        .iter()
        .map(|digit| {
            press(&mut ui, &fleet, digit);
            ui.range().as_secs()
        })
        .collect();
    assert_eq!(ranges, [30, 60, 300, 900, 3600, 3600]);
}

#[test]
fn a_target_is_added_or_put_in_the_place_of_another_once_something_was_typed() {
    let fleet = fleet();
    let mut ui = ui(&fleet);
    assert_eq!(press(&mut ui, &fleet, "a\n"), None);
    assert_eq!(
        press(&mut ui, &fleet, "a 192.0.2.9 \n"),
        Some(Action::Add("192.0.2.9".to_owned()))
    );
    assert_eq!(
        press(&mut ui, &fleet, "tgw\n"),
        Some(Action::Replace(2, "gw".to_owned()))
    );
    assert_eq!(press(&mut ui, &fleet, "tgw\x1b\n"), None);
    assert_eq!(ui.pane, Pane::Detail, "Enter meant the row again");
}

#[test]
fn panes_open_and_close() {
    let fleet = fleet();
    let mut ui = ui(&fleet);
    for (keys, pane) in [
        ("\n", Pane::Detail),
        ("\n", Pane::Table),
        ("h", Pane::Hud),
        ("\x1b", Pane::Table),
    ] {
        press(&mut ui, &fleet, keys);
        assert_eq!(ui.pane, pane, "{keys:?}");
    }
    press(&mut ui, &fleet, "?");
    assert!(ui.is_help);
    press(&mut ui, &fleet, "s");
    assert_eq!((ui.is_help, ui.sort), (false, Sort::Worst));
}

#[test]
fn an_overlay_has_the_marked_targets_or_the_worst() {
    let fleet = fleet();
    let mut ui = ui(&fleet);
    press(&mut ui, &fleet, "o");
    assert_eq!(ui.overlaid(2), [2, 3]);
    press(&mut ui, &fleet, "jjx");
    assert_eq!(ui.overlaid(2), [1]);
    press(&mut ui, &fleet, "x");
    assert_eq!(ui.overlaid(2), [2, 3]);
    press(&mut ui, &fleet, "\x1b");
    assert!(!ui.is_overlay);
}

#[test]
fn ctrl_z_asks_for_the_background_and_alt_for_nothing() {
    let fleet = fleet();
    let mut ui = ui(&fleet);
    assert_eq!(press(&mut ui, &fleet, "^z"), Some(Action::Suspend));
    let alt = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::ALT);
    assert_eq!(ui.press(alt, &fleet), None);
}

#[test]
fn l_changes_the_scale_and_back() {
    let fleet = fleet();
    let mut ui = ui(&fleet);
    press(&mut ui, &fleet, "l");
    assert!(ui.is_log);
    press(&mut ui, &fleet, "l");
    assert!(!ui.is_log);
}
