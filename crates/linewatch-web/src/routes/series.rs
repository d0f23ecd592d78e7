//! One target's history in even buckets, at any zoom.

use std::time::Duration;

use axum::http::StatusCode;
use linewatch_core::event::EventKind;
use linewatch_core::limits::SERIES_POINTS;
use linewatch_core::port::{History, HistoryError, RowQuery, SeriesQuery};
use linewatch_core::target::TargetId;
use linewatch_core::time::WallTime;

use super::history::series_named;
use super::{Call, targets};
use crate::api::{MarkRow, SeriesAnswer};
use crate::join;
use crate::query::{Params, in_order};
use crate::respond::{Answer, Refusal, json};

/// Buckets if nothing else is asked for: about a screen's.
const POINTS_DEFAULT: usize = 1000;
/// The span if nothing else is asked for.
const SPAN_DEFAULT: Duration = Duration::from_secs(3600);
/// Edits of settings shown in one picture: more would hide it.
const MARKS: usize = 50;

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
    let ids = series_of(&call, id).await?;
    let Some(newest) = ids.iter().copied().max() else {
        return Err(targets::unknown_target(id));
    };
    let key = call.app.hub.state().key(id).map_or(newest, TargetId);
    let query = SeriesQuery {
        target: key,
        from,
        to,
        points,
    };
    let told = call.app.ask_history(move |history| {
        let line = join::line(history, &ids, query)?;
        let marks = marks(history, &ids, &line, (from, to))?;
        Ok((line, marks))
    });
    let (line, marks) = told.await?;
    Ok(json(
        StatusCode::OK,
        &SeriesAnswer::new(id, key, &line.series, marks),
    ))
}

/// What changed the line: other addresses, and the settings that were edited.
fn marks(
    history: &dyn History,
    ids: &[TargetId],
    line: &join::Line,
    (from, to): (WallTime, WallTime),
) -> Result<Vec<MarkRow>, HistoryError> {
    let changed = history.events(&RowQuery {
        targets: Some(ids.to_vec()),
        kind: Some(EventKind::TargetChanged),
        severity: None,
        level: None,
        from: Some(from),
        to: Some(to),
        before: None,
        limit: MARKS,
    })?;
    let changed = changed
        .into_iter()
        .map(|event| (event.at.as_millis(), event.kind.word(), event.message));
    let address = EventKind::AddressChanged.word();
    let seams = line
        .seams
        .iter()
        .map(|at| (at.as_millis(), address, String::new()));
    let mut marks: Vec<MarkRow> = changed.chain(seams).collect();
    marks.sort_by_key(|mark| mark.0);
    Ok(marks)
}

/// Every series that the target has or had: another address began another one, and a person sees one line.
async fn series_of(call: &Call, id: &str) -> Result<Vec<TargetId>, Refusal> {
    let stored = call.app.stored().await?;
    let mut ids = series_named(call, id, &stored);
    ids.sort_unstable();
    Ok(ids)
}
