//! What was: samples, outages, events, log lines.

use std::collections::HashSet;
use std::sync::Arc;

use axum::http::StatusCode;
use linewatch_core::event::{Event, EventKind, OutageRow, Severity};
use linewatch_core::limits::{API_ROWS, LIVE_TRAIL};
use linewatch_core::port::{RowQuery, SampleQuery, StoredTarget};
use linewatch_core::target::TargetId;
use linewatch_core::time::WallTime;

use super::{Call, targets};
use crate::api::{EventRow, GapRow, LogInfo, OutageInfo, Page, SampleSegment, Samples};
use crate::live::{Row, State, gap_row};
use crate::query::{Params, event_id, in_order};
use crate::respond::{Answer, Refusal, json};

/// Rows of one page if nothing else is asked for.
const ROWS_DEFAULT: usize = 100;
/// Events that go on: a few per target at most, of the limit of targets; more are no list that anybody reads.
const OPEN_EVENTS: usize = 10_000;
/// Log levels, from the least.
const LEVELS: [&str; 4] = ["debug", "info", "warn", "error"];

/// Single probes: the stored ones, and those the store has not committed yet, each once.
pub(super) async fn samples(call: Call) -> Result<Answer, Refusal> {
    let query = sample_query(&call)?;
    let stored = call.app.ask_history(move |history| {
        let query = SampleQuery {
            limit: API_ROWS + 1,
            ..query
        };
        Ok((history.samples(query)?, history.gaps(query)?))
    });
    let (mut samples, gaps) = stored.await?;
    let mut is_truncated = samples.len() > API_ROWS;
    samples.truncate(API_ROWS);

    let key = query.target.0;
    let run = call.app.hub.options().run.0;
    let mut rows: Vec<(u64, Row)> = samples
        .iter()
        .filter_map(|sample| Some((sample.run, Row::of_sample(key, sample)?)))
        .collect();
    let mut gaps: Vec<GapRow> = gaps.iter().map(gap_row).collect();
    // Asked after the store, so that what is committed in between is in both, and in neither never.
    // A truncated answer ends before the newest rows; they belong to the next one.
    if !is_truncated {
        let stored: HashSet<_> = rows
            .iter()
            .filter(|(of, _)| *of == run)
            .map(|(_, row)| row.identity())
            .collect();
        let newest = samples
            .iter()
            .filter(|sample| sample.run == run)
            .map(|sample| sample.seq)
            .max();
        let state = call.app.hub.state();
        if let Some(trail) = state.trail(key) {
            // The live view keeps seconds of a fast target, and the disk may be a minute behind.
            is_truncated = trail.has_hole_after(newest, query.from);
        }
        if let Some(trail) = state.trail(key).filter(|_| !is_truncated) {
            let fresh = trail
                .rows_between(query.from, query.to)
                .filter(|row| !stored.contains(&row.identity()));
            rows.extend(fresh.map(|row| (run, row)));
            let known: HashSet<GapRow> = gaps.iter().copied().collect();
            gaps.extend(
                trail
                    .gaps_between(query.from, query.to)
                    .filter(|gap| !known.contains(gap)),
            );
        }
    }
    rows.sort_by_key(|(run, row)| (row.at_us, *run, row.identity()));
    gaps.sort_by_key(|gap| gap.2);
    Ok(json(
        StatusCode::OK,
        &Samples {
            target: key,
            segments: segments(&rows),
            gaps,
            is_truncated,
        },
    ))
}

/// The target, and a span: by default the last 60 s.
fn sample_query(call: &Call) -> Result<SampleQuery, Refusal> {
    let params = Params::of(&call.parts.uri)?;
    let target = target_of(call, &params)?
        .ok_or_else(|| Refusal::field("target", "`target` is missing: the id of the target"))?;
    let to = params.instant("to")?.unwrap_or_else(|| call.app.clock.wall());
    let from = params.instant("from")?.unwrap_or_else(|| to.minus(LIVE_TRAIL));
    in_order(Some(from), Some(to))?;
    Ok(SampleQuery {
        target,
        from,
        to,
        limit: API_ROWS,
    })
}

/// Rows in order, cut where the start of the monitor changes.
pub(super) fn segments(rows: &[(u64, Row)]) -> Vec<SampleSegment> {
    let cut = rows.chunk_by(|(a, _), (b, _)| a == b);
    let segment = |rows: &[(u64, Row)]| {
        let (run, first) = rows.first().copied()?;
        let base = first.at_us.div_euclid(1_000);
        Some(SampleSegment {
            run,
            base,
            d: rows.iter().map(|(_, row)| row.to_wire(base)).collect(),
        })
    };
    cut.filter_map(segment).collect()
}

/// Outages, newest first.
pub(super) async fn outages(call: Call) -> Result<Answer, Refusal> {
    let (query, stored) = row_query(&call).await?;
    let limit = query.limit;
    let rows = call
        .app
        .ask_history(move |history| history.outages(&query))
        .await?;
    let next = (rows.len() >= limit)
        .then(|| rows.last().map(|row| row.id.to_string()))
        .flatten();
    let now = call.app.clock.wall();
    let state = call.app.hub.state();
    let rows = rows
        .iter()
        .map(|row| OutageInfo::new(&as_of_now(row, &state, now), named(&state, &stored, row.target)))
        .collect();
    Ok(json(StatusCode::OK, &Page { rows, next }))
}

/// An outage that goes on is stored now and then; the live view knows what it is at this moment.
pub(super) fn as_of_now(row: &OutageRow, state: &State, now: WallTime) -> OutageRow {
    let mut row = row.clone();
    if row.to.is_none()
        && let Some(open) = state.open_outage(row.target)
    {
        row.duration_ns = u64::try_from(now.nanos_after(open.since)).unwrap_or(row.duration_ns);
        (row.sent, row.lost) = (open.sent, open.lost);
    }
    row
}

/// Events, newest first; with `state=open` those that have not ended, in one page, whatever else is asked.
pub(super) async fn events(call: Call) -> Result<Answer, Refusal> {
    let is_open = Params::of(&call.parts.uri)?.word("state", |word| (word == "open").then_some(()))?;
    if is_open.is_some() {
        return open_events(&call).await;
    }
    let (query, stored) = row_query(&call).await?;
    let limit = query.limit;
    let rows = call
        .app
        .ask_history(move |history| history.events(&query))
        .await?;
    let next = (rows.len() >= limit)
        .then(|| rows.last().map(|row| row.id.to_string()))
        .flatten();
    let rows = event_rows(&call, &rows, &stored);
    Ok(json(StatusCode::OK, &Page { rows, next }))
}

async fn open_events(call: &Call) -> Result<Answer, Refusal> {
    let stored = call.app.stored().await?;
    let rows = call
        .app
        .ask_history(|history| history.open_events(OPEN_EVENTS))
        .await?;
    let rows = event_rows(call, &rows, &stored);
    Ok(json(StatusCode::OK, &Page { rows, next: None }))
}

fn event_rows(call: &Call, rows: &[Event], stored: &[StoredTarget]) -> Vec<EventRow> {
    let state = call.app.hub.state();
    let row = |row: &Event| EventRow::new(row, row.target.and_then(|target| named(&state, stored, target)));
    rows.iter().map(row).collect()
}

/// Log lines, newest first. They have no number: pages go by instant, in nanoseconds.
pub(super) async fn logs(call: Call) -> Result<Answer, Refusal> {
    let params = Params::of(&call.parts.uri)?;
    let older_than = params.word("before", |text| text.parse().ok().map(WallTime::from_nanos))?;
    let query = RowQuery {
        targets: None,
        kind: None,
        severity: None,
        level: params.word("level", |word| LEVELS.contains(&word).then(|| word.to_owned()))?,
        from: params.instant("from")?,
        to: [params.instant("to")?, older_than].into_iter().flatten().min(),
        before: None,
        limit: params.number("limit", ROWS_DEFAULT, 1, API_ROWS)?,
    };
    in_order(query.from, query.to)?;
    let limit = query.limit;
    let rows = call.app.ask_history(move |history| history.logs(&query)).await?;
    let next = (rows.len() >= limit)
        .then(|| rows.last().map(|row| row.at.as_nanos().to_string()))
        .flatten();
    let rows: Vec<LogInfo> = rows.into_iter().map(LogInfo::from).collect();
    Ok(json(StatusCode::OK, &Page { rows, next }))
}

/// What is asked for, and every series that was ever stored: one of them may be meant, and they name the answer's rows.
async fn row_query(call: &Call) -> Result<(RowQuery, Arc<[StoredTarget]>), Refusal> {
    let params = Params::of(&call.parts.uri)?;
    let mut query = RowQuery {
        targets: None,
        kind: params.word("type", EventKind::from_word)?,
        severity: params.word("severity", Severity::from_word)?,
        level: None,
        from: params.instant("from")?,
        to: params.instant("to")?,
        before: params.word("before", event_id)?,
        limit: params.number("limit", ROWS_DEFAULT, 1, API_ROWS)?,
    };
    in_order(query.from, query.to)?;
    let stored = call.app.stored().await?;
    query.targets = series_of(call, &params, &stored)?;
    Ok((query, stored))
}

/// Slug and name of a series: as it is called now, else as it was called last.
pub(super) fn named(state: &State, stored: &[StoredTarget], id: TargetId) -> Option<(String, String)> {
    state.named(id).or_else(|| {
        let target = stored.iter().find(|target| target.id == id)?;
        Some((target.slug.clone(), target.name.clone()))
    })
}

/// Every series that the target in the address has or had: its address may have changed, and it may be gone.
pub(super) fn series_of(
    call: &Call,
    params: &Params,
    stored: &[StoredTarget],
) -> Result<Option<Vec<TargetId>>, Refusal> {
    let Some(id) = params.single("target")? else {
        return Ok(None);
    };
    let series = series_named(call, id, stored);
    if series.is_empty() {
        return Err(targets::unknown_target(id));
    }
    Ok(Some(series))
}

/// See [`series_of`]; none for an unknown id.
pub(super) fn series_named(call: &Call, id: &str, stored: &[StoredTarget]) -> Vec<TargetId> {
    let mut series: Vec<TargetId> = call.app.hub.state().key(id).map(TargetId).into_iter().collect();
    let old = stored
        .iter()
        .filter(|target| target.slug == id)
        .map(|target| target.id);
    series.extend(old.filter(|old| !series.contains(old)).collect::<Vec<_>>());
    series
}

fn target_of(call: &Call, params: &Params) -> Result<Option<TargetId>, Refusal> {
    let Some(id) = params.single("target")? else {
        return Ok(None);
    };
    let key = call
        .app
        .hub
        .state()
        .key(id)
        .ok_or_else(|| targets::unknown_target(id))?;
    Ok(Some(TargetId(key)))
}
