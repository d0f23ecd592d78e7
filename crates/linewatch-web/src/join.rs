//! Joins the series a target had at its several addresses to the one line a person expects.
//!
//! Input: the history and the series. Output: one series in even buckets, and where one address took over from another.
//! A series may be answered in coarser buckets than asked for (too many samples): then all are told so coarsely.

use linewatch_core::port::{History, HistoryError, Series, SeriesPoint, SeriesQuery};
use linewatch_core::rollup::Buckets;
use linewatch_core::target::TargetId;
use linewatch_core::time::{WallTime, nanos_of};

/// So often the others are asked again for buckets as coarse as the coarsest; then what is finer is summed up.
const ROUNDS: usize = 3;

/// One line of several series.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) series: Series,
    /// The first bucket of each series but the first.
    pub(crate) seams: Vec<WallTime>,
}

/// The line of all `targets` over the span of `query`, whose own target counts only when there is no other.
pub(crate) fn line(
    history: &dyn History,
    targets: &[TargetId],
    query: SeriesQuery,
) -> Result<Line, HistoryError> {
    let ask = |target: TargetId, points: usize| {
        history.series(SeriesQuery {
            target,
            points,
            ..query
        })
    };
    let mut all = Vec::new();
    for target in targets {
        all.push((*target, ask(*target, query.points)?));
    }
    // An address without a sample in the span has no say in how coarse it is told.
    all.retain(|(_, series)| !(series.points.is_empty() && series.gaps.is_empty()));
    for _ in 0..ROUNDS {
        let Some(coarsest) = all.iter().map(|(_, series)| series.bucket).max() else {
            break;
        };
        let span_ns = u64::try_from(query.to.nanos_after(query.from)).unwrap_or(1);
        let points = usize::try_from(span_ns / nanos_of(coarsest).max(1)).unwrap_or(1);
        for (target, series) in all.iter_mut().filter(|(_, series)| series.bucket < coarsest) {
            *series = ask(*target, points.max(1))?;
        }
    }
    all.sort_by_key(|(_, series)| series.points.first().map(|point| point.at));
    let mut series = all.into_iter().map(|(_, series)| series);
    let Some(first) = series.next() else {
        let series = ask(query.target, query.points)?;
        return Ok(Line {
            series,
            seams: Vec::new(),
        });
    };
    Ok(series.fold(
        Line {
            series: first,
            seams: Vec::new(),
        },
        joined,
    ))
}

fn joined(mut line: Line, next: Series) -> Line {
    if let Some(point) = next.points.first().filter(|_| !line.series.points.is_empty()) {
        line.seams.push(point.at);
    }
    let one = line.series;
    let (coarser, finer) = if one.bucket >= next.bucket {
        (one, next)
    } else {
        (next, one)
    };
    let mut sums = Buckets::new(coarser.bucket);
    for point in coarser.points.into_iter().chain(finer.points) {
        sums.merge(point.at, point.rollup);
    }
    let mut gaps = coarser.gaps;
    gaps.extend(finer.gaps);
    gaps.sort_by_key(|gap| gap.from);
    line.series = Series {
        from: coarser.from.min(finer.from),
        to: coarser.to.max(finer.to),
        bucket: coarser.bucket,
        source: coarser.source,
        points: sums
            .into_rollups()
            .into_iter()
            .map(|(at, rollup)| SeriesPoint { at, rollup })
            .collect(),
        gaps,
    };
    line
}
