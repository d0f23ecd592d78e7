//! Asks the history for one portion after the other, so that neither memory nor a transaction grows with the period.
//!
//! A portion ends where its number of samples does; the next begins at the same moment, which is asked for again, so
//! that nothing is left out between two. Gaps belong to the portion in which they begin.

use std::time::Duration;

use linewatch_core::limits::{API_ROWS, SERIES_POINTS};
use linewatch_core::port::{History, HistoryError, SampleQuery, SeriesQuery, StoredSample};
use linewatch_core::record::Gap;
use linewatch_core::rollup::{Buckets, Resolution};
use linewatch_core::target::TargetId;
use linewatch_core::time::WallTime;

use super::{Grain, Request, Row};

/// Where an export has come to.
#[derive(Debug)]
pub(super) struct Reading {
    source: usize,
    at: WallTime,
    /// Buckets of one question: fewer where seconds are so full that the store would tell minutes instead.
    points: usize,
}

impl Reading {
    pub(super) fn new(request: &Request) -> Self {
        Self {
            source: 0,
            at: begin(request),
            points: SERIES_POINTS,
        }
    }

    /// Which source, and its next rows, by time; `None` after the last. May be empty.
    pub(super) fn next(
        &mut self,
        history: &dyn History,
        request: &Request,
    ) -> Result<Option<(usize, Vec<Row>)>, HistoryError> {
        let Some(source) = request.sources.get(self.source) else {
            return Ok(None);
        };
        let from = self.at;
        let (mut rows, end) = match request.grain {
            Grain::Raw => {
                let (samples, end) = samples_of(
                    history,
                    &source.series,
                    (from, request.to),
                    request.portion_samples,
                )?;
                (samples.into_iter().map(Row::Sample).collect(), end)
            }
            Grain::Buckets(resolution) => self.buckets(history, &source.series, resolution, request.to)?,
        };
        let (gaps, end) = gaps_of(history, &source.series, (from, end), request)?;
        rows.retain(|row: &Row| row.at() < end);
        rows.extend(gaps.into_iter().map(Row::Gap));
        // Stable: of one moment, the order of the history, and a gap behind the probes.
        rows.sort_by_key(Row::at);
        let which = self.source;
        if end >= request.to {
            (self.source, self.at) = (self.source + 1, begin(request));
        } else {
            self.at = end;
        }
        Ok(Some((which, rows)))
    }

    /// Buckets of exactly this length, as many as fit into one question.
    fn buckets(
        &mut self,
        history: &dyn History,
        series: &[TargetId],
        resolution: Resolution,
        to: WallTime,
    ) -> Result<(Vec<Row>, WallTime), HistoryError> {
        let length = resolution.length();
        loop {
            let end = self.at.plus(length.saturating_mul(self.points as u32));
            let mut merged = Buckets::new(length);
            let mut is_as_asked = true;
            for &target in series {
                let answer = history.series(SeriesQuery {
                    target,
                    from: self.at,
                    to: end,
                    points: self.points,
                })?;
                is_as_asked &= answer.bucket == length;
                for point in answer.points {
                    merged.merge(point.at, point.rollup);
                }
            }
            if is_as_asked || self.points == 1 {
                let rows = merged.into_rollups().into_iter();
                let rows = rows.filter(|(at, _)| (self.at..end.min(to)).contains(at));
                return Ok((
                    rows.map(|(at, rollup)| Row::Bucket(at, resolution, rollup))
                        .collect(),
                    end,
                ));
            }
            self.points = (self.points / 4).max(1);
        }
    }

    pub(super) fn done_ratio(&self, request: &Request) -> f64 {
        let span = request.to.nanos_after(request.from).max(1) as f64;
        let of_this = self.at.nanos_after(request.from).max(0) as f64 / span;
        ((self.source as f64 + of_this) / request.sources.len().max(1) as f64).min(1.0)
    }
}

/// Where the first row can be.
fn begin(request: &Request) -> WallTime {
    match request.grain {
        Grain::Raw => request.from,
        Grain::Buckets(resolution) => resolution.floor(request.from),
    }
}

/// The oldest samples of all series from `from` on, by send time, at most `limit` of each; and where to go on.
///
/// # Errors
///
/// When the database cannot be read.
pub fn samples_of(
    history: &dyn History,
    series: &[TargetId],
    (from, to): (WallTime, WallTime),
    limit: usize,
) -> Result<(Vec<StoredSample>, WallTime), HistoryError> {
    let (mut all, mut next) = (Vec::new(), to);
    for &target in series {
        let samples = history.samples(SampleQuery {
            target,
            from,
            to,
            limit,
        })?;
        if let Some(last) = samples.last().filter(|_| samples.len() >= limit) {
            // Others of the same moment may have been left out: it is asked for again.
            next = next.min(last.at).max(from.plus(Duration::from_nanos(1)));
        }
        all.extend(samples);
    }
    all.retain(|sample| sample.at < next);
    all.sort_by_key(|sample| (sample.at, sample.run, sample.seq, sample.stray.is_some()));
    Ok((all, next))
}

/// The gaps of all series that begin in the span, those that began before the whole export with its first portion;
/// and the end of the portion, earlier where there are too many.
fn gaps_of(
    history: &dyn History,
    series: &[TargetId],
    (from, to): (WallTime, WallTime),
    request: &Request,
) -> Result<(Vec<Gap>, WallTime), HistoryError> {
    let is_first = from == begin(request);
    let (mut all, mut end) = (Vec::new(), to);
    for &target in series {
        let gaps = history.gaps(SampleQuery {
            target,
            from,
            to: to.min(request.to),
            limit: API_ROWS,
        })?;
        if let Some(last) = gaps.last().filter(|_| gaps.len() >= API_ROWS) {
            let cut = match request.grain {
                Grain::Raw => last.from,
                Grain::Buckets(resolution) => resolution.floor(last.from),
            };
            end = if cut > from { end.min(cut) } else { end };
        }
        all.extend(gaps.into_iter().filter(|gap| is_first || gap.from >= from));
    }
    all.retain(|gap| gap.from < end);
    Ok((all, end))
}
