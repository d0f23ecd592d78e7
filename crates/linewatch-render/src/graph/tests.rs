//! Claims about the parts: axes, ticks, room for words.

use jiff::tz::TimeZone;
use linewatch_core::time::WallTime;

use super::axis::ValueScale;
use super::columns::Column;
use super::font::{Fonts, Weight};
use super::input::ValueAxis;
use super::palette::loss_step;
use super::timeline::{period, ticks, zone_words};
use super::words::Words;
use crate::message::Language;

fn at(rfc3339: &str) -> WallTime {
    let at: jiff::Timestamp = rfc3339.parse().expect("an instant");
    WallTime::from_nanos(at.as_nanosecond() as i64)
}

fn berlin() -> TimeZone {
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a POSIX zone")
}

/// The labels from `from` to `to`, of which there may be about `most`.
fn labels(from: &str, to: &str, zone: &TimeZone, most: usize) -> String {
    let ticks = ticks((at(from), at(to)), zone, most, Words::of(Language::English));
    ticks
        .into_iter()
        .map(|tick| tick.label)
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn time_ticks_are_round_on_the_wall_clock_of_the_zone() {
    let kathmandu = TimeZone::posix("<+0545>-5:45").expect("a POSIX zone");
    assert_eq!(
        labels("2026-11-20T09:56:00Z", "2026-11-21T09:56:00Z", &kathmandu, 5),
        "18:00 21 Nov 06:00 12:00"
    );
    assert_eq!(
        labels("2026-11-20T09:56:03Z", "2026-11-20T09:56:13Z", &TimeZone::UTC, 5),
        "09:56:05 09:56:10"
    );
    assert_eq!(
        labels("2026-11-14T00:00:00Z", "2026-11-17T00:00:00Z", &TimeZone::UTC, 5),
        "14 Nov 15 Nov 16 Nov 17 Nov"
    );
    assert_eq!(
        labels("2025-11-14T00:00:00Z", "2026-11-17T00:00:00Z", &TimeZone::UTC, 5),
        "2026 Apr Jul Oct"
    );
}

#[test]
fn the_hour_that_comes_twice_is_told_apart_and_the_one_that_does_not_exist_is_left_out() {
    let autumn = labels("2026-10-24T23:00:00Z", "2026-10-25T03:00:00Z", &berlin(), 6);
    assert_eq!(autumn, "01:00 02:00 02:00 +01:00 03:00 04:00");
    let spring = labels("2026-03-29T00:00:00Z", "2026-03-29T03:00:00Z", &berlin(), 6);
    assert!(!spring.contains("02:"), "{spring}");
    // Every two hours of a spring night: 02:00 does not exist.
    let night = labels("2026-03-28T21:00:00Z", "2026-03-29T07:00:00Z", &berlin(), 6);
    assert_eq!(night, "22:00 29 Mar 04:00 06:00 08:00");
}

#[test]
fn the_period_names_the_day_once_and_both_offsets_where_there_are_two() {
    let zone = berlin();
    let (from, to) = (at("2026-10-24T10:00:00Z"), at("2026-10-25T10:00:00Z"));
    assert_eq!(
        period(from, to, &zone, Words::of(Language::English)),
        "24 Oct 12:00 – 25 Oct 2026 11:00"
    );
    assert_eq!(zone_words(from, to, &zone), "CEST → CET, UTC+02:00 → UTC+01:00");
    let later = at("2026-10-24T10:05:00Z");
    assert_eq!(
        period(from, later, &zone, Words::of(Language::English)),
        "24 Oct 2026 12:00:00 – 12:05:00"
    );
    assert_eq!(zone_words(from, later, &TimeZone::UTC), "UTC");
    assert_eq!(
        zone_words(from, later, &TimeZone::fixed(jiff::tz::offset(7))),
        "UTC+07:00"
    );
}

fn column(quantiles: [f64; 9]) -> Column {
    Column {
        left: 0.0,
        right: 3.0,
        sent: 10,
        lost: 0,
        quantiles: Some(quantiles),
    }
}

/// 99 calm columns around 20 ms and `odd`.
fn fitted(odd: [f64; 9], kind: ValueAxis) -> ValueScale {
    let calm = [19.0, 19.5, 19.8, 19.9, 20.0, 20.1, 20.5, 21.0, 24.0];
    let mut columns = vec![column(calm); 99];
    columns.push(column(odd));
    ValueScale::fit(&columns, &[], kind, (0.0, 100.0)).expect("there are replies")
}

#[test]
fn the_linear_axis_is_fitted_to_what_is_usual_and_the_log_axis_to_everything() {
    let spike = [19.0, 19.5, 19.8, 19.9, 20.0, 20.1, 20.5, 21.0, 3000.0];
    assert!(fitted(spike, ValueAxis::Linear).high < 26.0);
    assert!(fitted(spike, ValueAxis::Log).high > 3000.0);
    // A column that is slow as a whole, alone among a hundred, does not press the others flat either.
    assert!(fitted([2990.0; 9], ValueAxis::Linear).high < 26.0);
}

#[test]
fn equal_round_trips_get_an_axis_and_round_numbers() {
    let scale = ValueScale::fit(&[column([12.0; 9])], &[], ValueAxis::Linear, (0.0, 100.0)).expect("a scale");
    assert!(scale.low < 12.0 && scale.high > 12.0);
    let labels: Vec<String> = scale.ticks(34.0).into_iter().map(|(_, label)| label).collect();
    assert_eq!(labels, ["11.5 ms", "12 ms", "12.5 ms"]);
}

#[test]
fn only_no_loss_at_all_has_the_colour_of_no_loss() {
    assert_eq!(
        [0.0, 1e-9, 0.01, 0.011, 0.05, 0.25, 0.26, 1.0].map(loss_step),
        [0, 1, 1, 2, 2, 3, 4, 4]
    );
}

#[test]
fn the_embedded_faces_have_every_sign_that_a_graph_writes() {
    let fonts = Fonts::embedded();
    for weight in [Weight::Regular, Weight::SemiBold] {
        for sign in "0123456789≤>%–—−·…→↑µ\u{a0}ÄßéčğłșЖΩạ".chars() {
            assert!(fonts.has(sign, weight), "{sign}");
        }
        assert!(!fonts.has('测', weight));
    }
}

#[test]
fn text_is_cut_where_it_is_too_wide_and_nowhere_else() {
    let fonts = Fonts::embedded();
    let width = fonts.width("Tokyo", 16.0, Weight::SemiBold);
    assert_eq!(fonts.fitted("Tokyo", 16.0, Weight::SemiBold, width), "Tokyo");
    let cut = fonts.fitted("Tokyo gateway", 16.0, Weight::SemiBold, width);
    assert!(
        cut.ends_with('…') && fonts.width(&cut, 16.0, Weight::SemiBold) <= width,
        "{cut}"
    );
}
