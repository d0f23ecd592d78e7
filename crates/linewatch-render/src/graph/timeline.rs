//! Puts round times of a zone on the horizontal axis, and writes the period and the zone.
//!
//! Times are round on the wall clock of the zone, also across a change of its offset: a time that does not exist is left
//! out, and one that comes twice carries its offset the second time.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};
use linewatch_core::time::WallTime;

use super::words::Words;

/// A round time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TimeTick {
    pub(super) at: WallTime,
    pub(super) label: String,
    /// Begins a day (on an axis of hours), month or year: printed stronger.
    pub(super) is_major: bool,
}

/// Distances between ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Seconds(i64),
    Hours(i8),
    Days(i64),
    Months(i8),
    Years(i16),
}

impl Step {
    const ALL: [Self; 31] = [
        Self::Seconds(1),
        Self::Seconds(2),
        Self::Seconds(5),
        Self::Seconds(10),
        Self::Seconds(15),
        Self::Seconds(30),
        Self::Seconds(60),
        Self::Seconds(120),
        Self::Seconds(300),
        Self::Seconds(600),
        Self::Seconds(900),
        Self::Seconds(1_800),
        Self::Seconds(3_600),
        Self::Hours(2),
        Self::Hours(3),
        Self::Hours(6),
        Self::Hours(12),
        Self::Days(1),
        Self::Days(2),
        Self::Days(7),
        Self::Days(14),
        Self::Months(1),
        Self::Months(2),
        Self::Months(3),
        Self::Months(6),
        Self::Years(1),
        Self::Years(2),
        Self::Years(5),
        Self::Years(10),
        Self::Years(50),
        Self::Years(100),
    ];

    /// About how long it is.
    const fn seconds(self) -> i64 {
        match self {
            Self::Seconds(seconds) => seconds,
            Self::Hours(hours) => hours as i64 * 3_600,
            Self::Days(days) => days * 86_400,
            Self::Months(months) => months as i64 * 30 * 86_400,
            Self::Years(years) => years as i64 * 365 * 86_400,
        }
    }

    /// How a tick of this distance is labelled, and whether it stands out.
    fn label(self, at: &Zoned, words: &Words) -> (String, bool) {
        let is_midnight = at.hour() == 0 && at.minute() == 0 && at.second() == 0;
        let write = |format: &str| written(at, format, words);
        match self {
            Self::Seconds(_) | Self::Hours(_) if is_midnight => (write("%-d %b"), true),
            Self::Seconds(0..60) => (write("%H:%M:%S"), false),
            Self::Seconds(_) | Self::Hours(_) => (write("%H:%M"), false),
            Self::Days(_) => (write("%-d %b"), at.day() == 1),
            Self::Months(_) if at.month() == 1 => (write("%Y"), true),
            Self::Months(_) => (write("%b"), false),
            Self::Years(_) => (write("%Y"), false),
        }
    }
}

/// Round times from `from` to `to`, about `most` of them.
pub(super) fn ticks(
    (from, to): (WallTime, WallTime),
    zone: &TimeZone,
    most: usize,
    words: &Words,
) -> Vec<TimeTick> {
    let length_s = i128::from(to.as_nanos()) - i128::from(from.as_nanos());
    let least_s = length_s / 1_000_000_000 / most.max(1) as i128;
    let step = Step::ALL
        .into_iter()
        .find(|step| i128::from(step.seconds()) > least_s);
    let step = step.unwrap_or(Step::Years(100));
    let first = zoned(from, zone);
    // Twice as many as asked for is more than any rounding of the step can give.
    let candidates: Vec<Zoned> = match step {
        Step::Seconds(seconds) => every_seconds(&first, seconds).take(2 * most + 2).collect(),
        Step::Hours(hours) => every_hours(&first, hours, zone).take(2 * most + 26).collect(),
        Step::Days(days) => dates(zone, days_from(first.date(), days))
            .take(2 * most + 2)
            .collect(),
        Step::Months(months) => dates(zone, months_from(first.date(), months))
            .take(2 * most + 2)
            .collect(),
        Step::Years(years) => dates(zone, years_from(first.date(), years))
            .take(2 * most + 2)
            .collect(),
    };
    let mut ticks: Vec<TimeTick> = Vec::new();
    let mut before: Option<DateTime> = None;
    for at in candidates {
        let wall = wall_time(&at);
        if wall < from || wall > to {
            continue;
        }
        let (mut label, is_major) = step.label(&at, words);
        if before.is_some_and(|before| at.datetime() <= before) {
            label.push_str(&at.strftime(" %:z").to_string());
        }
        before = Some(at.datetime());
        ticks.push(TimeTick {
            at: wall,
            label,
            is_major,
        });
    }
    ticks
}

/// Equal distances, the first on a round time of the zone's clock.
fn every_seconds(first: &Zoned, seconds: i64) -> impl Iterator<Item = Zoned> {
    let offset = i64::from(first.offset().seconds());
    let local = first.timestamp().as_second() + offset;
    let begin = local.div_euclid(seconds) * seconds - offset;
    let zone = first.time_zone().clone();
    (0..).map_while(move |index: i64| {
        let at = Timestamp::from_second(begin + index * seconds).ok()?;
        Some(at.to_zoned(zone.clone()))
    })
}

/// Every `hours` hours of each day, without those that the zone leaves out.
fn every_hours(first: &Zoned, hours: i8, zone: &TimeZone) -> impl Iterator<Item = Zoned> {
    let zone = zone.clone();
    days_from(first.date(), 1)
        .flat_map(move |date| (0..24 / hours).map(move |index| date.at(index * hours, 0, 0, 0)))
        .filter_map(move |local| existing(&zone, local))
}

/// `local` in `zone`, if the zone's clock shows it at all.
fn existing(zone: &TimeZone, local: DateTime) -> Option<Zoned> {
    zone.to_zoned(local).ok().filter(|at| at.datetime() == local)
}

/// The begin of each of `days`; where the zone skips midnight, the first moment of the day.
fn dates(zone: &TimeZone, days: impl Iterator<Item = Date>) -> impl Iterator<Item = Zoned> {
    days.filter_map(|date| zone.to_zoned(date.at(0, 0, 0, 0)).ok())
}

/// Every `step` days; weeks begin on Monday.
fn days_from(first: Date, step: i64) -> impl Iterator<Item = Date> {
    // 1970-01-05 was a Monday.
    let since_monday = i64::from(
        first
            .since(jiff::civil::date(1970, 1, 5))
            .map_or(0, |span| span.get_days()),
    );
    let back = since_monday.rem_euclid(step);
    (0..).map_while(move |index: i64| first.checked_add((index * step - back).days()).ok())
}

fn months_from(first: Date, step: i8) -> impl Iterator<Item = Date> {
    let month = (first.month() - 1) / step * step + 1;
    let begin = jiff::civil::date(first.year(), month, 1);
    (0..).map_while(move |index: i64| begin.checked_add((index * i64::from(step)).months()).ok())
}

fn years_from(first: Date, step: i16) -> impl Iterator<Item = Date> {
    let begin = jiff::civil::date(first.year().div_euclid(step) * step, 1, 1);
    (0..).map_while(move |index: i64| begin.checked_add((index * i64::from(step)).years()).ok())
}

/// `20 Nov 16:56 – 21 Nov 2026 16:56`; the day once where it is one, seconds where the period is short.
pub(super) fn period(from: WallTime, to: WallTime, zone: &TimeZone, words: &Words) -> String {
    let (begin, end) = (zoned(from, zone), zoned(to, zone));
    let is_short = to.as_nanos().saturating_sub(from.as_nanos()) < 600_000_000_000;
    let clock = if is_short { "%H:%M:%S" } else { "%H:%M" };
    let write = |at: &Zoned, format: &str| written(at, format, words);
    let end_text = write(&end, clock);
    if begin.date() == end.date() {
        return format!("{} – {end_text}", write(&begin, &format!("%-d %b %Y {clock}")));
    }
    let year = if begin.year() == end.year() { "" } else { " %Y" };
    let begin_text = write(&begin, &format!("%-d %b{year} {clock}"));
    format!("{begin_text} – {} {end_text}", write(&end, "%-d %b %Y"))
}

/// `WIB, UTC+07:00`; both offsets where the period has a change of clocks.
pub(super) fn zone_words(from: WallTime, to: WallTime, zone: &TimeZone) -> String {
    let (begin, end) = (zoned(from, zone), zoned(to, zone));
    let offset = |at: &Zoned| match at.offset().seconds() {
        0 => "UTC".to_owned(),
        _ => format!("UTC{}", at.strftime("%:z")),
    };
    let name = |at: &Zoned| at.strftime("%Z").to_string();
    let offsets = if begin.offset() == end.offset() {
        offset(&end)
    } else {
        format!("{} → {}", offset(&begin), offset(&end))
    };
    // Zones without a name of their own abbreviate to their offset, which stands there already.
    let names: Vec<String> = if name(&begin) == name(&end) {
        vec![name(&end)]
    } else {
        vec![name(&begin), name(&end)]
    };
    if names
        .iter()
        .any(|name| name.starts_with(['+', '-']) || name == "UTC")
    {
        return offsets;
    }
    format!("{}, {offsets}", names.join(" → "))
}

/// As `strftime`, with the months of this language: the library knows the English ones.
fn written(at: &Zoned, format: &str, words: &Words) -> String {
    at.strftime(&format.replace("%b", words.month(at.month())))
        .to_string()
}

/// Every `i64` of nanoseconds (1677 to 2262) is a `Timestamp`, so the fallback is never taken.
fn zoned(at: WallTime, zone: &TimeZone) -> Zoned {
    let at = Timestamp::from_nanosecond(i128::from(at.as_nanos())).unwrap_or(Timestamp::UNIX_EPOCH);
    at.to_zoned(zone.clone())
}

fn wall_time(at: &Zoned) -> WallTime {
    let nanos = at.timestamp().as_nanosecond();
    WallTime::from_nanos(nanos.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
}
