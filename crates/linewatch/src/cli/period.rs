//! Reads the period of a command that tells history: `--range`, `--from`, `--to`, and the zone they are meant in.
//!
//! A day without a time is that whole day: as `--from` its first moment, as `--to` its last. Without an end the period
//! ends now. Not here: what the command does where its period holds nothing.

use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use linewatch_core::limits::{DATE_FIRST, DATE_LAST};
use linewatch_core::time::WallTime;
use linewatch_render::text::printable;
use linewatch_render::when::{date_time, fixed_offset};

use crate::config::{nearest, units};
use crate::exit::UserError;

/// How an instant is written, for errors.
const FORMS: &str = "2026-11-21, \"2026-11-21 16:56\", 2026-11-21T16:56:02Z or now";

/// The period's options; every command that tells history flattens them in.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct PeriodArgs {
    /// Length of the period: 1h, 6h, 24h, 7d, 30d, 1y or any other; it ends now, or at --to, or begins at --from
    #[arg(long, value_name = "TIME", help_heading = "Period")]
    range: Option<String>,
    /// Begin: 2026-11-21 (that day's begin), "2026-11-21 16:56", or with its own offset 2026-11-21T16:56:02+07:00
    #[arg(long, value_name = "WHEN", help_heading = "Period")]
    from: Option<String>,
    /// End, in the same forms; a day alone is included. Without it the period ends now
    #[arg(long, value_name = "WHEN", help_heading = "Period")]
    to: Option<String>,
    /// Zone of the dates given and printed, like Asia/Jakarta, UTC or +07:00 [default: this computer's]
    #[arg(long, value_name = "ZONE", help_heading = "Period")]
    tz: Option<String>,
}

/// A span of the calendar, begin before end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Period {
    /// Begin.
    pub(super) from: WallTime,
    /// End; may lie in the future.
    pub(super) to: WallTime,
    /// The zone it was given in and is printed in.
    pub(super) zone: TimeZone,
}

impl PeriodArgs {
    /// Another period in the same zone, in one word: `FROM..TO`, `FROM..`, `..TO`, a day, or a length until now.
    pub(super) fn of_words(&self, text: &str) -> Self {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let (range, from, to) = match text.split_once("..") {
            Some((from, to)) => (None, given(from), given(to)),
            None if text.parse::<Date>().is_ok() => (None, given(text), given(text)),
            None => (Some(text.to_owned()), None, None),
        };
        let tz = self.tz.clone();
        Self { range, from, to, tz }
    }

    /// The period meant at `now`; with neither range nor begin it is `default` long.
    ///
    /// # Errors
    ///
    /// An unreadable time or zone, a begin that is not before the end or lies in the future, or all three of range,
    /// begin and end.
    pub(super) fn resolve(&self, now: WallTime, default: Duration) -> Result<Period, UserError> {
        let zone = match &self.tz {
            Some(name) => zone(name)?,
            None => TimeZone::system(),
        };
        let instant = |option: &str, text: &Option<String>, edge| match text {
            Some(text) => instant(option, text, &zone, now, edge).map(Some),
            None => Ok(None),
        };
        let (begin, end) = (
            instant("--from", &self.from, Edge::Begin)?,
            instant("--to", &self.to, Edge::End)?,
        );
        let length = self.range.as_deref().map(range).transpose()?;
        let (from, to) = match (begin, end, length) {
            (Some(_), Some(_), Some(_)) => {
                return Err(
                    UserError::usage("--range with both --from and --to: the period is said twice")
                        .help("leave one of the three out"),
                );
            }
            (Some(begin), Some(end), None) => (begin, end),
            (Some(begin), None, None) => (begin, now),
            (Some(begin), None, Some(length)) => (begin, begin.plus(length)),
            (None, end, length) => {
                let end = end.unwrap_or(now);
                (end.minus(length.unwrap_or(default)), end)
            }
        };
        check(from, to, now, &zone)?;
        Ok(Period { from, to, zone })
    }
}

fn check(from: WallTime, to: WallTime, now: WallTime, zone: &TimeZone) -> Result<(), UserError> {
    for (which, at) in [("begin", from), ("end", to)] {
        if !(DATE_FIRST..=DATE_LAST).contains(&at) {
            let at = date_time(at, zone);
            return Err(UserError::usage(format!(
                "the period's {which}, {at}, is not between 2000 and 2100"
            ))
            .help("give a shorter --range, or --from and --to within these years"));
        }
    }
    if from >= now {
        let (from, now) = (date_time(from, zone), date_time(now, zone));
        return Err(UserError::usage(format!(
            "the period begins at {from}, in the future: it is {now} now"
        ))
        .help("give an earlier --from"));
    }
    if from >= to {
        let (from, to) = (date_time(from, zone), date_time(to, zone));
        return Err(UserError::usage(format!(
            "the period begins at {from} and ends at {to}: not before its end"
        ))
        .help("exchange --from and --to, or give a --range instead of one of them"));
    }
    Ok(())
}

fn range(text: &str) -> Result<Duration, UserError> {
    let refused = |why: String| {
        UserError::usage(format!("--range \"{}\" {why}", printable(text)))
            .help("give a length like 1h, 6h, 24h, 7d, 30d or 1y")
    };
    let length = units::parse_duration(text).map_err(|error| refused(error.to_string()))?;
    if length < Duration::from_secs(1) {
        return Err(refused("is shorter than a second".to_owned()));
    }
    Ok(length)
}

/// A zone by its name in the zone database, or a fixed offset.
///
/// # Errors
///
/// There is no such zone.
pub(super) fn zone(name: &str) -> Result<TimeZone, UserError> {
    let found = fixed_offset(name).or_else(|| TimeZone::get(name).ok());
    found.ok_or_else(|| {
        let known: Vec<String> = jiff::tz::db()
            .available()
            .map(|zone| zone.as_str().to_owned())
            .collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let examples = "a name of the zone database like Asia/Jakarta, UTC, or an offset like +07:00";
        UserError::usage(format!("--tz \"{}\": there is no such zone", printable(name))).help(
            match nearest(name, &known) {
                Some(meant) => format!("did you mean {meant}? ({examples})"),
                None => format!("give {examples}"),
            },
        )
    })
}

/// Which end of a day a date without a time means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edge {
    Begin,
    End,
}

fn instant(
    option: &str,
    text: &str,
    zone: &TimeZone,
    now: WallTime,
    edge: Edge,
) -> Result<WallTime, UserError> {
    if text == "now" {
        return Ok(now);
    }
    read(text, zone, edge).ok_or_else(|| {
        UserError::usage(format!("{option} \"{}\" is no date or time", printable(text)))
            .help(format!("write it like {FORMS}"))
    })
}

/// With an offset of its own as it stands; else on the clock of `zone`, of a time that comes twice the first.
fn read(text: &str, zone: &TimeZone, edge: Edge) -> Option<WallTime> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return wall(at);
    }
    // Jiff reads a date in front of a time as that date: the time is looked for first.
    let has_time = text.contains([':', 'T', 't']);
    let local = if has_time {
        text.parse::<DateTime>().ok()?
    } else {
        let date: Date = text.parse().ok()?;
        let day = match edge {
            Edge::Begin => date,
            Edge::End => date.checked_add(1.day()).ok()?,
        };
        day.at(0, 0, 0, 0)
    };
    wall(zone.to_zoned(local).ok()?.timestamp())
}

fn wall(at: Timestamp) -> Option<WallTime> {
    i64::try_from(at.as_nanosecond()).ok().map(WallTime::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21 16:56:02 in Jakarta.
    const NOW: WallTime = WallTime::from_nanos(1_795_254_962_000_000_000);

    fn period(options: &str) -> Result<Period, UserError> {
        let mut args = PeriodArgs {
            tz: Some("+07:00".to_owned()),
            ..PeriodArgs::default()
        };
        for option in options.split(';').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').expect("name=value");
            let place = match name {
                "range" => &mut args.range,
                "from" => &mut args.from,
                "to" => &mut args.to,
                "tz" => &mut args.tz,
                _ => panic!("{name}"),
            };
            *place = Some(value.to_owned());
        }
        args.resolve(NOW, Duration::from_secs(86_400))
    }

    #[track_caller]
    fn check_span(options: &str, from: &str, to: &str) {
        let period = period(options).unwrap_or_else(|error| panic!("{options}: {error}"));
        let told = |at| date_time(at, &period.zone);
        assert_eq!(
            (told(period.from).as_str(), told(period.to).as_str()),
            (from, to),
            "{options}"
        );
    }

    #[track_caller]
    fn refused(options: &str, words: &str) {
        let error = period(options).expect_err(options);
        assert!(error.to_string().contains(words), "{options}: {error}");
        assert!(error.help.is_some(), "{options}: what to do");
        assert_eq!(error.exit, crate::exit::Exit::Usage, "{options}");
    }

    #[test]
    fn a_period_ends_now_unless_it_is_said_otherwise() {
        check_span("", "2026-11-20 16:56:02", "2026-11-21 16:56:02");
        check_span("range=1h", "2026-11-21 15:56:02", "2026-11-21 16:56:02");
        check_span("from=2026-11-01", "2026-11-01 00:00:00", "2026-11-21 16:56:02");
        check_span(
            "to=2026-11-20 12:00;range=1h",
            "2026-11-20 11:00:00",
            "2026-11-20 12:00:00",
        );
        check_span(
            "from=2026-11-20T12:00;range=1h",
            "2026-11-20 12:00:00",
            "2026-11-20 13:00:00",
        );
        check_span(
            "from=2026-11-20T12:00:00Z;to=now",
            "2026-11-20 19:00:00",
            "2026-11-21 16:56:02",
        );
    }

    #[test]
    fn a_day_alone_is_the_whole_day_also_where_it_has_25_hours() {
        check_span(
            "from=2026-11-20;to=2026-11-20",
            "2026-11-20 00:00:00",
            "2026-11-21 00:00:00",
        );
        let long = period("from=2026-10-25;to=2026-10-25;tz=Europe/Berlin").expect("a day");
        assert_eq!(long.to.nanos_after(long.from), 25 * 3_600 * 1_000_000_000);
    }

    #[test]
    fn what_cannot_be_a_period_is_refused_with_the_reason() {
        refused("from=2026-11-20;to=2026-11-19", "not before its end");
        refused("from=2026-11-20;to=2026-11-20;range=1h", "said twice");
        refused("from=1970-01-01", "not between 2000 and 2100");
        refused("from=2026-11-20;to=2200-01-01", "not between 2000 and 2100");
        refused("from=2026-11-22", "in the future");
        refused("range=99y", "not between 2000 and 2100");
        for text in ["24", "-1h", "0.5s", "1e99s", "NaN", ""] {
            refused(&format!("range={text}"), "--range");
        }
        for text in [
            "yesterday",
            "2026-13-01",
            "21.11.2026",
            "12:00",
            "1e99",
            "2026-11-21 25:00",
        ] {
            refused(&format!("from={text}"), "is no date or time");
        }
        refused("tz=Mars/Olympus", "there is no such zone");
        refused("tz=Asia/Jakata", "did you mean Asia/Jakarta?");
    }
}
