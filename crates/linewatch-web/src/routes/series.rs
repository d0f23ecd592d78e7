//! One target's history in even buckets, at any zoom.

use std::time::Duration;

use axum::http::StatusCode;
use linewatch_core::limits::SERIES_POINTS;
use linewatch_core::port::SeriesQuery;
use linewatch_core::target::TargetId;

use super::{Call, targets};
use crate::api::SeriesAnswer;
use crate::query::{Params, in_order};
use crate::respond::{Answer, Refusal, json};

/// Buckets if nothing else is asked for: about a screen's.
const POINTS_DEFAULT: usize = 1000;
/// The span if nothing else is asked for.
const SPAN_DEFAULT: Duration = Duration::from_secs(3600);

/// The series of one target.
pub(super) async fn get(call: Call) -> Result<Answer, Refusal> {
    let params = Params::of(&call.parts.uri)?;
    let id = params
        .single("target")?
        .ok_or_else(|| Refusal::field("target", "`target` is missing: the id of the target"))?;
    let points = params.number("points", POINTS_DEFAULT, 1, SERIES_POINTS)?;
    let to = params.instant("to")?.unwrap_or_else(|| call.app.clock.wall());
    let from = params.instant("from")?.unwrap_or_else(|| to.minus(SPAN_DEFAULT));
    in_order(Some(from), Some(to))?;
    let query = SeriesQuery {
        target: target_of(&call, id).await?,
        from,
        to,
        points,
    };
    let series = call.app.ask_history(move |history| history.series(query)).await?;
    Ok(json(
        StatusCode::OK,
        &SeriesAnswer::new(id, query.target, &series),
    ))
}

/// The series the target has now; of one that was removed, its last.
async fn target_of(call: &Call, id: &str) -> Result<TargetId, Refusal> {
    if let Some(key) = call.app.hub.state().key(id) {
        return Ok(TargetId(key));
    }
    let stored = call.app.ask_history(|history| history.targets()).await?;
    let last = stored
        .iter()
        .filter(|target| target.slug == id)
        .map(|target| target.id)
        .max();
    last.ok_or_else(|| targets::unknown_target(id))
}
