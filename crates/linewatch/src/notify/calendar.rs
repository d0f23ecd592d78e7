//! Says when a report is due and of which days: the last whole week or month, from seven in the morning of the day after it.
//!
//! Counts in days of the calendar, so that neither a month's length, nor a change of the clocks, nor a journey to another zone sends a
//! period twice. Pure: what was sent, the moment and the zone are arguments. Not here: keeping what was sent (`reports`).

use std::time::Duration;

use jiff::civil::{Date, Time, time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use linewatch_core::time::WallTime;

use crate::config::alerts::Reports;

/// Early enough to be there when people come to work, late enough for a monitor that is switched on in the morning.
const AT: Time = time(7, 0, 0, 0);
/// A monitor that was off when a report was due still sends it so much later: over a long weekend.
const GRACE_OF_WEEK: Duration = Duration::from_secs(3 * 86_400);
/// The same of a month: over the holidays.
const GRACE_OF_MONTH: Duration = Duration::from_secs(10 * 86_400);
/// Periods that are counted to be told as skipped; a clock may be wrong by any number.
const COUNTED: usize = 1_000;

/// Up to where reports of a kind were told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// Of which kind; of [`Reports::Off`] there is none.
    pub reports: Reports,
    /// The day after the last period.
    pub until: Date,
}

impl Mark {
    /// `weekly 2026-11-23`.
    pub(super) fn text(self) -> String {
        format!("{} {}", self.reports.word(), self.until)
    }

    /// The opposite; `None` of a text that nobody here wrote.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let (word, until) = text.split_once(' ')?;
        let reports = Reports::ALL.into_iter().find(|reports| reports.word() == word)?;
        Some(Self {
            reports,
            until: until.parse().ok()?,
        })
    }
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing: it is told, or not yet over.
    Nothing,
    /// Reports were switched on, or to another kind: what is over already counts as told.
    Begin(Mark),
    /// Reports were switched off.
    Forget,
    /// Tell of this period, after which the mark is this one. So many before it were missed.
    Send {
        /// Begin.
        from: WallTime,
        /// End.
        to: WallTime,
        /// To be remembered with it.
        mark: Mark,
        /// Periods between the last one told and this one.
        missed: usize,
    },
    /// Too late for the newest one as well: so many were missed.
    Skip {
        /// To be remembered.
        mark: Mark,
        /// The newest and those before it.
        missed: usize,
    },
    /// What was told lies days in the future: the clock was wrong then, or is now. This would be the newest.
    Ahead(Mark),
}

/// What is due at `now` in this zone, after what the mark says was told.
pub(super) fn due(reports: Reports, mark: Option<Mark>, now: WallTime, zone: &TimeZone) -> Due {
    let Some(newest) = newest(reports, now, zone) else {
        return if mark.is_some() { Due::Forget } else { Due::Nothing };
    };
    let told = Mark {
        reports,
        until: newest,
    };
    let Some(before) = mark.filter(|mark| mark.reports == reports) else {
        return Due::Begin(told);
    };
    if before.until >= newest {
        // A journey westwards begins a day once more; further ahead is what only a wrong clock says.
        let limit = stamp(now).to_zoned(zone.clone()).date().checked_add(2.days());
        let is_ahead = limit.is_ok_and(|limit| before.until > limit);
        return if is_ahead { Due::Ahead(told) } else { Due::Nothing };
    }
    let periods = |date: &Date| begin_of(reports, *date);
    let all = std::iter::successors(Some(newest), periods);
    let missed = all
        .take(COUNTED)
        .take_while(|until| *until > before.until)
        .count();
    let grace = if reports == Reports::Monthly {
        GRACE_OF_MONTH
    } else {
        GRACE_OF_WEEK
    };
    let span = begin_of(reports, newest).and_then(|from| {
        Some((
            midnight(from, zone)?,
            midnight(newest, zone)?,
            moment(newest, AT, zone)?,
        ))
    });
    match span {
        Some((from, to, due)) if now <= due.plus(grace) => Due::Send {
            from,
            to,
            mark: told,
            missed: missed - 1,
        },
        _ => Due::Skip { mark: told, missed },
    }
}

/// The newest day after a period whose report is due; `None` where there are none.
fn newest(reports: Reports, now: WallTime, zone: &TimeZone) -> Option<Date> {
    let today = stamp(now).to_zoned(zone.clone()).date();
    let day = match reports {
        Reports::Off => return None,
        Reports::Weekly => {
            let since_monday = today.weekday().to_monday_zero_offset();
            today.checked_sub(i64::from(since_monday).days()).ok()?
        }
        Reports::Monthly => today.first_of_month(),
    };
    let is_due = moment(day, AT, zone).is_some_and(|due| due <= now);
    if is_due { Some(day) } else { begin_of(reports, day) }
}

/// The first day of the period that ends before `until`.
fn begin_of(reports: Reports, until: Date) -> Option<Date> {
    match reports {
        Reports::Off => None,
        Reports::Weekly => until.checked_sub(7.days()).ok(),
        Reports::Monthly => until.checked_sub(1.month()).ok(),
    }
}

/// The last so many days up to `now`, for who wants to see a report at once.
pub(super) fn latest(reports: Reports, now: WallTime) -> (WallTime, WallTime) {
    let days = if reports == Reports::Monthly { 30 } else { 7 };
    (now.minus(Duration::from_secs(days * 86_400)), now)
}

fn midnight(date: Date, zone: &TimeZone) -> Option<WallTime> {
    moment(date, Time::midnight(), zone)
}

/// The moment of this time of this day; one that a change of the clocks leaves out is as much later.
fn moment(date: Date, time: Time, zone: &TimeZone) -> Option<WallTime> {
    let zoned = date.to_datetime(time).to_zoned(zone.clone()).ok()?;
    i64::try_from(zoned.timestamp().as_nanosecond())
        .ok()
        .map(WallTime::from_nanos)
}

/// Every `i64` of nanoseconds (1677 to 2262) is a `Timestamp`, so the fallback is never taken.
fn stamp(at: WallTime) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(at.as_nanos())).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).expect("a zone of the database")
    }

    fn at(text: &str, zone: &str) -> WallTime {
        let local: jiff::civil::DateTime = text.parse().expect("a time");
        moment(local.date(), local.time(), &self::zone(zone)).expect("a moment")
    }

    fn mark(text: &str) -> Option<Mark> {
        Some(Mark::from_text(text).expect("a mark"))
    }

    /// What is sent at a local time: begin and end as local times of that zone, and what was missed before.
    #[track_caller]
    fn sends(reports: Reports, told: &str, now: &str, place: &str, expected: &str) {
        let zone = zone(place);
        let found = match due(reports, mark(told), at(now, place), &zone) {
            Due::Send {
                from,
                to,
                mark,
                missed,
            } => {
                let local = |at: WallTime| stamp(at).to_zoned(zone.clone()).datetime().to_string();
                format!("{} {} {} +{missed}", local(from), local(to), mark.until)
            }
            Due::Skip { mark, missed } => format!("skip {missed} until {}", mark.until),
            other => format!("{other:?}"),
        };
        assert_eq!(found, expected, "{now} in {place}");
    }

    #[test]
    fn a_week_is_told_on_monday_at_seven_and_once() {
        let (told, place) = ("weekly 2026-11-16", "Asia/Jakarta");
        sends(Reports::Weekly, told, "2026-11-23T06:59:59", place, "Nothing");
        let week = "2026-11-16T00:00:00 2026-11-23T00:00:00 2026-11-23 +0";
        sends(Reports::Weekly, told, "2026-11-23T07:00:00", place, week);
        sends(Reports::Weekly, told, "2026-11-26T06:59:00", place, week);
        for now in [
            "2026-11-23T07:00:01",
            "2026-11-29T23:59:59",
            "2026-11-30T06:59:59",
        ] {
            sends(Reports::Weekly, "weekly 2026-11-23", now, place, "Nothing");
        }
    }

    #[test]
    fn a_month_is_as_long_as_it_is() {
        let check = |told: &str, now: &str, expected: &str| {
            sends(Reports::Monthly, told, now, "Asia/Jakarta", expected);
        };
        check("monthly 2028-02-01", "2028-02-29T23:59:59", "Nothing");
        check(
            "monthly 2028-02-01",
            "2028-03-01T07:00:00",
            "2028-02-01T00:00:00 2028-03-01T00:00:00 2028-03-01 +0",
        );
        check(
            "monthly 2026-12-01",
            "2027-01-01T07:00:00",
            "2026-12-01T00:00:00 2027-01-01T00:00:00 2027-01-01 +0",
        );
        check("monthly 2027-03-01", "2027-03-31T12:00:00", "Nothing");
    }

    #[test]
    fn a_week_in_which_the_clocks_change_begins_and_ends_at_midnight_there() {
        // The last Sunday of March has 23 hours in Berlin, that of October 25.
        let length = |told: &str, now: &str| {
            let place = "Europe/Berlin";
            let Due::Send { from, to, .. } = due(Reports::Weekly, mark(told), at(now, place), &zone(place))
            else {
                panic!("a report is due at {now}");
            };
            to.nanos_after(from) / 3_600_000_000_000
        };
        assert_eq!(length("weekly 2026-03-23", "2026-03-30T07:00:00"), 7 * 24 - 1);
        assert_eq!(length("weekly 2026-10-19", "2026-10-26T07:00:00"), 7 * 24 + 1);
        let week = "2026-10-19T00:00:00 2026-10-26T00:00:00 2026-10-26 +0";
        sends(
            Reports::Weekly,
            "weekly 2026-10-19",
            "2026-10-26T07:00:00",
            "Europe/Berlin",
            week,
        );
        sends(
            Reports::Weekly,
            "weekly 2026-10-19",
            "2026-10-26T06:59:59",
            "Europe/Berlin",
            "Nothing",
        );
        // In Cairo and in Beirut midnight itself is left out when summer begins.
        sends(
            Reports::Monthly,
            "monthly 2026-04-01",
            "2026-05-01T07:00:00",
            "Africa/Cairo",
            "2026-04-01T00:00:00 2026-05-01T00:00:00 2026-05-01 +0",
        );
    }

    #[test]
    fn a_monitor_that_was_off_sends_the_newest_within_the_grace_and_skips_the_rest() {
        let place = "UTC";
        sends(
            Reports::Weekly,
            "weekly 2026-11-02",
            "2026-11-25T09:00:00",
            place,
            "2026-11-16T00:00:00 2026-11-23T00:00:00 2026-11-23 +2",
        );
        sends(
            Reports::Weekly,
            "weekly 2026-11-16",
            "2026-11-26T07:00:01",
            place,
            "skip 1 until 2026-11-23",
        );
        sends(
            Reports::Monthly,
            "monthly 2026-10-01",
            "2026-11-11T07:00:00",
            place,
            "2026-10-01T00:00:00 2026-11-01T00:00:00 2026-11-01 +0",
        );
        sends(
            Reports::Monthly,
            "monthly 2026-10-01",
            "2026-11-11T07:00:01",
            place,
            "skip 1 until 2026-11-01",
        );
    }

    #[test]
    fn what_is_switched_on_begins_with_the_period_that_is_not_over() {
        let now = at("2026-11-24T12:00:00", "UTC");
        let begin = |mark| due(Reports::Weekly, mark, now, &TimeZone::UTC);
        let told = Mark::from_text("weekly 2026-11-23").expect("a mark");
        assert_eq!(begin(None), Due::Begin(told));
        assert_eq!(begin(mark("monthly 2026-11-01")), Due::Begin(told));
        assert_eq!(due(Reports::Off, Some(told), now, &TimeZone::UTC), Due::Forget);
        assert_eq!(due(Reports::Off, None, now, &TimeZone::UTC), Due::Nothing);
    }

    #[test]
    fn a_journey_to_another_zone_sends_no_week_twice() {
        // Monday noon in Jakarta is Sunday evening in Honolulu.
        let now = at("2026-11-23T12:00:00", "Asia/Jakarta");
        let found = due(
            Reports::Weekly,
            mark("weekly 2026-11-23"),
            now,
            &zone("Pacific/Honolulu"),
        );
        assert_eq!(found, Due::Nothing);
        sends(
            Reports::Weekly,
            "weekly 2026-11-23",
            "2026-11-23T08:00:00",
            "Pacific/Honolulu",
            "Nothing",
        );
    }

    #[test]
    fn a_period_that_was_told_in_the_future_is_told_apart() {
        let now = at("2026-11-24T12:00:00", "UTC");
        let newest = Mark::from_text("weekly 2026-11-23").expect("a mark");
        let found = due(Reports::Weekly, mark("weekly 2027-11-22"), now, &TimeZone::UTC);
        assert_eq!(found, Due::Ahead(newest));
    }

    #[test]
    fn marks_are_read_as_written_and_nothing_else_is() {
        let told = Mark::from_text("monthly 2026-12-01").expect("a mark");
        assert_eq!(told.text(), "monthly 2026-12-01");
        for text in ["", "weekly", "daily 2026-12-01", "weekly 2026-13-01", "weekly x"] {
            assert_eq!(Mark::from_text(text), None, "{text}");
        }
    }
}
