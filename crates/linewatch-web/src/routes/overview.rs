//! The fleet, worst first: live, or over a period of its history.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use linewatch_core::limits::{LIVE_TRAIL, OVERVIEW_ROWS};
use linewatch_core::past::SeriesSum;

use super::Call;
use crate::api::{Overview, Spark};
use crate::fleet::FleetQuery;
use crate::past::{self, Past, Period};
use crate::query::Params;
use crate::respond::{Answer, Refusal, json};
use crate::selection::{Asked, selected};

/// Targets of one answer if nothing else is asked for (UI.md section 5).
const ROWS_DEFAULT: usize = 200;
/// The live answer is the page's first paint: it does not wait longer for the day's history, which comes behind it.
const FIRST_PAINT: Duration = Duration::from_millis(300);

/// One page of the fleet, with counts and figures of all of it.
pub(super) async fn get(call: Call) -> Result<Answer, Refusal> {
    let params = Params::of(&call.parts.uri)?;
    let query = FleetQuery {
        countries: params.all("country"),
        partners: params.all("partner"),
        groups: params.all("group"),
        status: params
            .all("status")
            .into_iter()
            .map(|word| word.to_lowercase())
            .collect(),
        text: params.one("q").unwrap_or_default().to_owned(),
        limit: params.number("limit", ROWS_DEFAULT, 1, OVERVIEW_ROWS)?,
        offset: params.number("offset", 0, 0, linewatch_core::limits::TARGETS)?,
    };
    let has_spark = params.number("spark", 1, 0, 1)? == 1;
    let history = match period(&call, &params)? {
        Some(period) => {
            let past = past::ask(Arc::clone(&call.app), period).await?;
            let day = match period {
                Period::DAY => Some(Arc::clone(&past)),
                Period::Last { .. } | Period::Custom { .. } => day(&call).await,
            };
            Told {
                span: Some((period.word(), past)),
                day,
            }
        }
        None => Told {
            span: None,
            day: day(&call).await,
        },
    };
    let overview = overview(&call, &query, has_spark, &history);
    Ok(json(StatusCode::OK, &overview))
}

/// The period asked for; `None`: live.
fn period(call: &Call, params: &Params) -> Result<Option<Period>, Refusal> {
    match params.one("range") {
        None | Some("live") => Ok(None),
        Some("custom") => custom(call, params).map(Some),
        Some(word) => Period::from_word(word).map(Some).ok_or_else(|| {
            let message = format!("`range` must be live, 24h, 7d, 30d or custom, not \"{word}\"");
            Refusal::field("range", message)
        }),
    }
}

fn custom(call: &Call, params: &Params) -> Result<Period, Refusal> {
    let missing = |name: &str| {
        Refusal::field(
            name,
            format!("`{name}` is missing: `range=custom` needs both ends"),
        )
    };
    let from = params.instant("from")?.ok_or_else(|| missing("from"))?;
    let to = params.instant("to")?.ok_or_else(|| missing("to"))?;
    if from >= to {
        return Err(Refusal::field("to", "`to` must be after `from`"));
    }
    if from >= call.app.clock.wall() {
        return Err(Refusal::field(
            "from",
            "`from` lies in the future: nothing is measured there yet",
        ));
    }
    Ok(Period::Custom { from, to })
}

/// The last 24 hours, if they are told soon; if not, they are there for who asks next.
async fn day(call: &Call) -> Option<Arc<Past>> {
    let asking = tokio::spawn(past::ask(Arc::clone(&call.app), Period::DAY));
    // Live figures are right without it: a store that cannot answer is told by its notice.
    tokio::time::timeout(FIRST_PAINT, asking).await.ok()?.ok()?.ok()
}

/// The history an answer is told with.
struct Told {
    /// The word of the period and what it says; `None`: live.
    span: Option<(&'static str, Arc<Past>)>,
    day: Option<Arc<Past>>,
}

fn overview(call: &Call, query: &FleetQuery, has_spark: bool, told: &Told) -> Overview {
    let hub = &call.app.hub;
    let now = call.app.clock.anchor();
    let mut state = hub.state();
    let span = told.span.as_ref().map(|(_, past)| past);
    let fleet = selected(&mut state, Asked::new(query, span, told.day.as_ref()));
    let page = fleet.keys.iter().skip(query.offset).take(query.limit);
    let page = page.filter_map(|key| state.member_of(*key));
    let standing = hub.standing(&state, now);
    let (range, from, to) = match &told.span {
        Some((word, past)) => (*word, past.from, past.to),
        None => ("live", now.wall.minus(LIVE_TRAIL), now.wall),
    };
    Overview {
        now: standing.now,
        epoch: standing.epoch,
        run: standing.run,
        seq: standing.seq,
        range,
        from: from.as_millis(),
        to: to.as_millis(),
        total: fleet.keys.len(),
        all: fleet.all,
        is_first_run: fleet.is_first_run,
        kpi: fleet.kpi.clone(),
        notices: state.notices.clone(),
        started_at: hub.options().started_at.as_millis(),
        icmp: state.status.icmp_v4.clone(),
        targets: page
            .map(|member| {
                let mut row = hub.row(&state, member, now);
                if !has_spark {
                    row.spark = Spark::default();
                }
                let slug = &member.entry.target.slug;
                if let Some(day) = &told.day {
                    let sum = day.sums.get(slug);
                    row.availability_24h_ppm = sum.and_then(SeriesSum::availability_ppm);
                    row.strip_24h = Some(day.strips.get(slug).map_or_else(Vec::new, |cells| cells.to_vec()));
                }
                if let Some((_, past)) = &told.span {
                    row.tell(past.sums.get(slug), past.length());
                }
                row
            })
            .collect(),
        badges: fleet.badges.clone(),
        countries: fleet.countries.clone(),
    }
}
