//! Stored history for other programs, streamed: the same rows as `linewatch export`.
//!
//! Each portion is one question to the history, asked when the one before has gone out: a slow reader holds neither
//! memory nor a place among the questions. A failure on the way breaks the connection off, so that nobody takes a part
//! for the whole.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use futures_util::stream;
use linewatch_core::port::{HistoryError, StoredTarget};
use linewatch_core::target::TargetId;
use linewatch_core::time::WallTime;
use linewatch_render::export::{Export, ExportError, Format, Grain, Request, Source};

use super::{App, Call, targets};
use crate::query::{Params, possible};
use crate::respond::{Answer, Refusal, answer};

/// The span if nothing else is asked for.
const RANGE_DEFAULT: Duration = Duration::from_secs(86_400);
/// Samples of one portion: 5,000 of some 600 B, rows and text, are 3 MB for each reader.
const PORTION_SAMPLES: usize = 5_000;
/// Longer than any bucket, and than a calendar that was put right is wrong as a rule.
const SPARE: Duration = Duration::from_secs(86_400);
/// Targets of one export.
const TARGETS_MAX: usize = 1_000;

/// The rows of some targets, or of all that were ever stored.
pub(super) async fn get(call: Call) -> Result<Answer, Refusal> {
    let params = Params::of(&call.parts.uri)?;
    let (from, to) = span(&params, call.app.clock.wall())?;
    let grain = params.word("resolution", Grain::from_word)?.unwrap_or(Grain::Raw);
    let format = params.word("format", Format::from_word)?.unwrap_or(Format::Csv);
    let wanted = params.all("target");
    if wanted.is_empty() && params.one("all") != Some("1") {
        let message = "`target` is missing: ids with commas between, or all=1 for every target";
        return Err(Refusal::field("target", message));
    }
    let asking = call
        .app
        .ask_history(|history| Ok((history.targets()?, history.storage())));
    let (stored, storage) = asking.await?;
    let oldest = storage.oldest.into_iter().map(|(_, at)| at).min();
    let (from, to) = within(from, to, oldest, call.app.clock.wall());
    let request = Request {
        sources: sources(&stored, &wanted)?,
        from,
        to,
        grain,
        format,
        portion_samples: PORTION_SAMPLES,
    };
    let name = file_name(&request);
    let export = Export::new(request);
    let body = Body::from_stream(stream::unfold((call.app, Some(export)), portion));
    let mut answer = answer(StatusCode::OK, format.media_type(), "no-store", body);
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        answer.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(answer)
}

type Under = (Arc<App>, Option<Export>);

/// The next bytes, and what is left to do.
async fn portion((app, export): Under) -> Option<(io::Result<Bytes>, Under)> {
    let mut export = export?;
    let asked = app.ask_history(move |history| {
        let mut bytes = Vec::new();
        let more = match export.step(history, &mut bytes) {
            Ok(more) => more,
            Err(ExportError::History(error)) => return Err(error),
            Err(ExportError::Write(error)) => return Err(HistoryError(error.to_string())),
        };
        Ok((bytes, more.then_some(export)))
    });
    match asked.await {
        Ok((bytes, left)) => Some((Ok(Bytes::from(bytes)), (app, left))),
        Err(refusal) => {
            tracing::warn!("export broken off: {refusal}");
            Some((Err(io::Error::other(refusal.message)), (app, None)))
        }
    }
}

/// The part of a span in which something can be stored, with a day to spare. Nothing is looked for elsewhere: a century of
/// seconds is 1.5 million questions to the history, and anybody who may look may ask for it.
fn within(from: WallTime, to: WallTime, oldest: Option<WallTime>, now: WallTime) -> (WallTime, WallTime) {
    let to = to.min(now.plus(SPARE));
    let from = oldest.map_or(from, |oldest| from.max(oldest.minus(SPARE)));
    (from.min(to), to)
}

/// From and to; either and a range; or a range before now.
fn span(params: &Params, now: WallTime) -> Result<(WallTime, WallTime), Refusal> {
    let (from, to) = (params.instant("from")?, params.instant("to")?);
    let range = params.length("range")?;
    if from.is_some() && to.is_some() && range.is_some() {
        let message = "`range` with both `from` and `to`: the period is said twice";
        return Err(Refusal::field("range", message));
    }
    let length = range.unwrap_or(RANGE_DEFAULT);
    let (begin, end) = match (from, to) {
        (Some(from), Some(to)) => (from, to),
        (Some(from), None) => (from, range.map_or(now, |range| from.plus(range))),
        (None, to) => {
            let to = to.unwrap_or(now);
            (to.minus(length), to)
        }
    };
    possible("from", begin)?;
    possible("to", end)?;
    if begin >= end {
        return Err(Refusal::field("to", "`to` must be after `from`"));
    }
    Ok((begin, end))
}

/// The targets with these ids, or all, with every series each of them had.
fn sources(stored: &[StoredTarget], wanted: &[String]) -> Result<Vec<Source>, Refusal> {
    if wanted.len() > TARGETS_MAX {
        let message = format!("`target` has more than {TARGETS_MAX} ids; all=1 means every target");
        return Err(Refusal::field("target", message));
    }
    let mut sources: Vec<Source> = Vec::new();
    for StoredTarget { id, slug, name, .. } in stored {
        if !wanted.is_empty() && !wanted.contains(slug) {
            continue;
        }
        match sources.iter_mut().find(|source| source.slug == *slug) {
            Some(source) => {
                source.name.clone_from(name);
                source.series.push(*id);
            }
            None => sources.push(Source {
                slug: slug.clone(),
                name: name.clone(),
                series: Vec::<TargetId>::from([*id]),
            }),
        }
    }
    let missing = wanted
        .iter()
        .find(|wanted| sources.iter().all(|source| source.slug != **wanted));
    match missing {
        Some(missing) => Err(targets::unknown_target(missing)),
        None => Ok(sources),
    }
}

/// `linewatch-gw-1m.csv`. Ids have letters, digits, dots, dashes and underscores only; anything else is left out.
fn file_name(request: &Request) -> String {
    let which = match request.sources.as_slice() {
        [one] => one.slug.as_str(),
        _ => "targets",
    };
    let which: String = which
        .chars()
        .filter(|character| character.is_ascii_alphanumeric() || "-_.".contains(*character))
        .collect();
    let (grain, ending) = (request.grain.word(), request.format.extension());
    format!("linewatch-{which}-{grain}.{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_century_is_searched_only_where_something_can_be() {
        let day = |day: i64| WallTime::from_nanos(day * 86_400_000_000_000);
        let century = (day(11_000), day(47_000));
        assert_eq!(
            within(century.0, century.1, Some(day(20_000)), day(20_400)),
            (day(19_999), day(20_401))
        );
        // What lies inside stays as it was asked, and what lies outside is empty.
        assert_eq!(
            within(day(20_100), day(20_101), Some(day(20_000)), day(20_400)),
            (day(20_100), day(20_101))
        );
        let (from, to) = within(day(11_000), day(12_000), Some(day(20_000)), day(20_400));
        assert_eq!(from, to);
        assert_eq!(
            within(century.0, century.1, None, day(20_400)),
            (century.0, day(20_401))
        );
    }
}
