//! S1's routes: curves, state and log of all servers (REQUIREMENTS S1-12 to S1-14, S1-18, S1-19).
//!
//! Two servers of one country stay two, nothing that did not reply has a latency, the level filter keeps what it
//! names, and a fleet that is all stale is an answer and no error. All times are UTC.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use axum::http::StatusCode;
use linewatch_core::limits::{API_ROWS, SERIES_POINTS};
use linewatch_core::port::{Series, SeriesQuery};
use linewatch_core::record::Outcome;
use linewatch_core::target::TargetId;
use linewatch_core::time::WallTime;
use linewatch_core::view::{LastProbe, State as Health};

use super::super::Call;
use super::utc;
use crate::api::{S1Log, S1Points, S1Status, rtt_ms};
use crate::fleet::Member;
use crate::live::State;
use crate::query::{Params, in_order};
use crate::respond::{Answer, Refusal, json};

/// Lines of the log if nothing else is asked for, as in S1.
const LOG_ROWS: usize = 10;
/// S1: no newer check than this is stale.
const STALE_AFTER: Duration = Duration::from_secs(300);
/// Servers of one answer: each is a query of some milliseconds, and an answer has 10 s.
const SERVERS: usize = 500;
/// Points of one answer over all servers: about 30 bytes each, so 6 MB.
const POINTS: usize = 200_000;
/// Python's words for our levels, which are the store's.
const LEVELS: [(&str, &str); 4] = [
    ("DEBUG", "debug"),
    ("INFO", "info"),
    ("WARNING", "warn"),
    ("ERROR", "error"),
];
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// `GET /api/ping-data`: the mean RTT over time of each server.
pub(in crate::routes) async fn ping_data(call: Call) -> Result<Answer, Refusal> {
    let params = Params::of(&call.parts.uri)?;
    let (from, to) = span(&params, call.app.clock.wall())?;
    let countries = params.all("country");
    let servers: Vec<(String, TargetId)> = {
        let state = call.app.hub.state();
        let names = names(&state);
        let members = state.members().filter(|member| {
            let country = &member.entry.target.country;
            countries.is_empty() || countries.iter().any(|wish| wish.eq_ignore_ascii_case(country))
        });
        let named = members.filter_map(|member| {
            let id = member.entry.target.id;
            Some((names.get(&id)?.clone(), id))
        });
        named.collect()
    };
    if servers.len() > SERVERS {
        let message = format!(
            "{} servers are more than the {SERVERS} of one answer: choose with `country`",
            servers.len()
        );
        return Err(Refusal::field("country", message));
    }
    let points = points(from, to, servers.len());
    let answer = call.app.ask_history(move |history| {
        let curve = |(name, target)| {
            let series = history.series(SeriesQuery {
                target,
                from,
                to,
                points,
            })?;
            Ok((name, curve(&series)))
        };
        servers
            .into_iter()
            .map(curve)
            .collect::<Result<BTreeMap<_, _>, _>>()
    });
    Ok(json(StatusCode::OK, &answer.await?))
}

/// The span of `range`, which counts back from `now`; `custom` has `start` and `end`.
fn span(params: &Params, now: WallTime) -> Result<(WallTime, WallTime), Refusal> {
    let back = match params.one("range").unwrap_or("24h") {
        "24h" => DAY,
        "7d" => 7 * DAY,
        "30d" => 30 * DAY,
        "custom" => {
            let missing = |name: &str| {
                let message =
                    format!("`{name}` is missing: range=custom needs start and end, like 2026-11-21");
                Refusal::field(name, message)
            };
            let from = params.date("start", false)?.ok_or_else(|| missing("start"))?;
            let to = params.date("end", true)?.ok_or_else(|| missing("end"))?;
            in_order(Some(from), Some(to))
                .map_err(|_| Refusal::field("end", "`end` must be after `start`"))?;
            return Ok((from, to));
        }
        other => {
            let message = format!("`range` must be 24h, 7d, 30d or custom, not \"{other}\"");
            return Err(Refusal::field("range", message));
        }
    };
    Ok((now.minus(back), now))
}

/// Points of each server: a minute, ten minutes, an hour each, as far as there is room for all of them.
fn points(from: WallTime, to: WallTime, servers: usize) -> usize {
    let length = Duration::from_nanos(u64::try_from(to.nanos_after(from)).unwrap_or(0));
    let bucket = match length {
        _ if length <= DAY => HOUR / 60,
        _ if length <= 7 * DAY => HOUR / 6,
        _ => HOUR,
    };
    // Both ends are rounded outwards.
    let wanted = usize::try_from(length.as_secs() / bucket.as_secs()).unwrap_or(SERIES_POINTS) + 2;
    wanted.min(SERIES_POINTS).min(POINTS / servers.max(1))
}

fn curve(series: &Series) -> S1Points {
    let mut curve = S1Points::default();
    for point in &series.points {
        curve.timestamps.push(utc(point.at, "%Y-%m-%d %H:%M"));
        curve.latency.push(rtt_ms(point.rollup.avg()));
    }
    curve
}

/// What S1 calls each server: its country where that is enough, else `COUNTRY (NAME)`; two of one name have their ids.
fn names(state: &State) -> HashMap<TargetId, String> {
    let mut countries: HashMap<&str, usize> = HashMap::new();
    let mut pairs: HashMap<(&str, &str), usize> = HashMap::new();
    for Member { entry, .. } in state.members() {
        let (country, name) = (entry.target.country.as_str(), entry.target.name.as_str());
        *countries.entry(country).or_default() += 1;
        *pairs.entry((country, name)).or_default() += 1;
    }
    let name = |member: Member<'_>| {
        let target = &member.entry.target;
        let (country, name) = (target.country.as_str(), target.name.as_str());
        let is_only = |count: Option<&usize>| count == Some(&1);
        let called = match (
            is_only(countries.get(country)),
            is_only(pairs.get(&(country, name))),
        ) {
            (true, _) if !country.is_empty() => country.to_owned(),
            (_, true) => format!("{country} ({name})").trim_start().to_owned(),
            (_, false) => format!("{country} ({name}, {})", target.slug)
                .trim_start()
                .to_owned(),
        };
        (target.id, called)
    };
    state.members().map(name).collect()
}

/// `GET /api/servers/status`: every server, in the order of their numbers.
pub(in crate::routes) async fn status(call: Call) -> Result<Answer, Refusal> {
    Params::of(&call.parts.uri)?;
    let now = call.app.clock.wall();
    let state = call.app.hub.state();
    let rows: Vec<S1Status> = state.members().map(|member| server(member, now)).collect();
    drop(state);
    Ok(json(StatusCode::OK, &rows))
}

fn server(member: Member<'_>, now: WallTime) -> S1Status {
    let target = &member.entry.target;
    let is_live = matches!(
        member.entry.state(member.view),
        Health::Ok | Health::Warn | Health::Bad
    );
    let average = member
        .view
        .filter(|_| is_live)
        .and_then(|view| view.window.rtt)
        .map(|rtt| rtt.avg);
    let checked = member
        .view
        .and_then(|view| view.last.filter(is_check).or(view.last_answer));
    S1Status {
        country: target.country.clone(),
        partner: target.partner.clone(),
        name: target.name.clone(),
        latency: rtt_ms(average),
        status: if average.is_some() { "Active" } else { "Inactive" },
        last_check: checked.map(|last| utc(last.at, "%Y-%m-%d %H:%M:%S")),
        warning: average.is_some_and(|average| average > target.thresholds.grades.fair),
        stale: checked.is_none_or(|last| now.minus(STALE_AFTER) >= last.at),
    }
}

/// A probe that told something about the server, be it that it does not answer.
fn is_check(last: &LastProbe) -> bool {
    !matches!(last.outcome, Outcome::Unsent | Outcome::Unmeasured)
}

/// `GET /api/logs?limit=10&level=`: newest first; with a level, the lines of this level.
pub(in crate::routes) async fn logs(call: Call) -> Result<Answer, Refusal> {
    let params = Params::of(&call.parts.uri)?;
    let limit = params.number("limit", LOG_ROWS, 1, API_ROWS)?;
    let level = params.one("level").map(level).transpose()?;
    let rows = call
        .app
        .ask_history(move |history| history.numbered_logs(level, limit))
        .await?;
    let rows: Vec<S1Log> = rows
        .into_iter()
        .map(|(id, row)| S1Log {
            id,
            timestamp: utc(row.at, "%Y-%m-%d %H:%M:%S"),
            level: LEVELS
                .iter()
                .find(|(_, ours)| *ours == row.level)
                .map_or("INFO", |(theirs, _)| theirs),
            message: row.message,
            module: row.module,
            traceback: None,
        })
        .collect();
    Ok(json(StatusCode::OK, &rows))
}

/// The store's word for a level, in S1's words or in ours.
fn level(word: &str) -> Result<&'static str, Refusal> {
    let found = LEVELS
        .iter()
        .find(|(theirs, ours)| word.eq_ignore_ascii_case(theirs) || word.eq_ignore_ascii_case(ours));
    found.map(|(_, ours)| *ours).ok_or_else(|| {
        let message = format!("`level` must be DEBUG, INFO, WARNING or ERROR, not \"{word}\"");
        Refusal::field("level", message)
    })
}
