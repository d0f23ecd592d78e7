//! The fleet, worst first.

use axum::http::StatusCode;
use linewatch_core::limits::OVERVIEW_ROWS;

use super::Call;
use crate::api::Overview;
use crate::fleet::{self, FleetQuery};
use crate::query::Params;
use crate::respond::{Answer, Refusal, json};

/// Targets of one answer if nothing else is asked for (UI.md section 5).
const ROWS_DEFAULT: usize = 200;

/// One page of the fleet, with counts and figures of all of it.
pub(super) async fn get(call: Call) -> Result<Answer, Refusal> {
    let params = Params::of(&call.parts.uri)?;
    if params.one("range").is_some_and(|range| range != "live") {
        return Err(Refusal::field(
            "range",
            "`range` can only be \"live\" in this version",
        ));
    }
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
    let overview = overview(&call, &query);
    Ok(json(StatusCode::OK, &overview))
}

fn overview(call: &Call, query: &FleetQuery) -> Overview {
    let hub = &call.app.hub;
    let now = call.app.clock.anchor();
    let state = hub.state();
    let fleet = fleet::select(state.members(), query);
    let page = fleet.members.iter().skip(query.offset).take(query.limit);
    let standing = hub.standing(&state, now);
    Overview {
        now: standing.now,
        epoch: standing.epoch,
        run: standing.run,
        seq: standing.seq,
        range: "live",
        total: fleet.members.len(),
        all: fleet.all,
        is_first_run: fleet.is_first_run,
        kpi: fleet::kpi(&fleet.members),
        notices: state.notices.clone(),
        started_at: hub.options().started_at.as_millis(),
        icmp: state.status.icmp_v4.clone(),
        targets: page.map(|member| hub.row(&state, *member, now)).collect(),
        badges: fleet.badges,
        countries: fleet.countries,
    }
}
