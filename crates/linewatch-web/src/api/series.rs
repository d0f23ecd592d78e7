//! Shape of a series: columns, one entry a bucket.

use linewatch_core::port::Series;
use linewatch_core::rollup::{Rollup, SMOKE_SHARES};
use linewatch_core::target::TargetId;
use linewatch_core::time::Rtt;
use schemars::JsonSchema;
use serde::Serialize;

use super::{GapRow, rtt_ms};
use crate::live::gap_row;

/// Answer of `GET /api/v1/series`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SeriesAnswer {
    pub(crate) target: String,
    pub(crate) key: u32,
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) bucket_seconds: f64,
    pub(crate) source: &'static str,
    pub(crate) t: Vec<i64>,
    pub(crate) sent: Vec<u64>,
    pub(crate) lost: Vec<u64>,
    pub(crate) min: Vec<Option<f64>>,
    pub(crate) avg: Vec<Option<f64>>,
    pub(crate) max: Vec<Option<f64>>,
    pub(crate) sd: Vec<Option<f64>>,
    pub(crate) jitter: Vec<Option<f64>>,
    pub(crate) p50: Vec<Option<f64>>,
    pub(crate) p95: Vec<Option<f64>>,
    pub(crate) p99: Vec<Option<f64>>,
    /// One list for each of [`SMOKE_SHARES`].
    pub(crate) smoke: [Vec<Option<f64>>; SMOKE_SHARES.len()],
    pub(crate) gaps: Vec<GapRow>,
    pub(crate) marks: Vec<MarkRow>,
}

/// What changed the line: instant, kind, words.
pub(crate) type MarkRow = (i64, &'static str, String);

impl SeriesAnswer {
    /// The answer for a series of the target with this id.
    pub(crate) fn new(id: &str, target: TargetId, series: &Series, marks: Vec<MarkRow>) -> Self {
        let rollups = || series.points.iter().map(|point| &point.rollup);
        let column = |figure: fn(&Rollup) -> Option<Rtt>| rollups().map(|one| rtt_ms(figure(one))).collect();
        let mut smoke: [Vec<Option<f64>>; SMOKE_SHARES.len()] = Default::default();
        let [mut p95, mut p99] = [Vec::new(), Vec::new()];
        for rollup in rollups() {
            let bands = rollup.quantiles(SMOKE_SHARES);
            for (list, rtt) in smoke.iter_mut().zip(bands) {
                list.push(rtt_ms(rtt));
            }
            let [rtt_95, rtt_99] = rollup.quantiles([0.95, 0.99]);
            p95.push(rtt_ms(rtt_95));
            p99.push(rtt_ms(rtt_99));
        }
        Self {
            target: id.to_owned(),
            key: target.0,
            from: series.from.as_millis(),
            to: series.to.as_millis(),
            bucket_seconds: series.bucket.as_secs_f64(),
            source: series.source.word(),
            t: series.points.iter().map(|point| point.at.as_millis()).collect(),
            sent: rollups().map(|one| one.counts().loss().finished).collect(),
            lost: rollups().map(|one| one.counts().loss().failed).collect(),
            min: column(Rollup::min),
            avg: column(Rollup::avg),
            max: column(Rollup::max),
            sd: column(Rollup::sd),
            jitter: column(Rollup::jitter),
            // The median is the fifth band.
            p50: smoke[4].clone(),
            p95,
            p99,
            smoke,
            gaps: series.gaps.iter().map(gap_row).collect(),
            marks,
        }
    }
}
