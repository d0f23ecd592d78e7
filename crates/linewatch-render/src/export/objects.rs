//! Writes one row as one JSON object: a probe as `watch --json` has it, the others in the same words.

use linewatch_core::port::StoredSample;
use linewatch_core::record::Gap;
use linewatch_core::rollup::{Resolution, Rollup};
use linewatch_core::time::{Rtt, WallTime};
use linewatch_core::view::RttStats;
use serde::Serialize;

use super::{Row, Source};
use crate::json::{CountsObject, RttObject, line, sample_line};
use crate::when::rfc3339_us;

/// An answer beside the probes. It has no `outcome`: whoever counts outcomes counts probes.
#[derive(Serialize)]
struct StrayObject<'a> {
    time: String,
    target: &'a str,
    seq: u64,
    stray: &'static str,
    delay_ns: Option<u64>,
    run: u64,
}

#[derive(Serialize)]
struct GapObject<'a> {
    time: String,
    until: String,
    target: &'a str,
    gap: &'static str,
    first_seq: u64,
    slots: u64,
}

#[derive(Serialize)]
struct BucketObject<'a> {
    time: String,
    until: String,
    target: &'a str,
    #[serde(flatten)]
    counts: CountsObject,
    loss_ratio: Option<f64>,
    rtt_ns: Option<RttObject>,
    jitter_ns: Option<u64>,
}

/// The row as one line, without its end.
pub(super) fn line_of(source: &Source, row: &Row) -> String {
    match row {
        Row::Sample(sample) => sample_or_stray(sample, &source.slug),
        Row::Bucket(at, resolution, rollup) => bucket(*at, *resolution, rollup, &source.slug),
        Row::Gap(gap) => line(&of_gap(gap, &source.slug)),
    }
}

fn sample_or_stray(sample: &StoredSample, target: &str) -> String {
    match sample.stray {
        None => sample_line(sample, target),
        Some(kind) => line(&StrayObject {
            time: rfc3339_us(sample.at),
            target,
            seq: sample.seq,
            stray: kind.word(),
            delay_ns: sample.rtt.map(Rtt::as_nanos),
            run: sample.run,
        }),
    }
}

fn of_gap<'a>(gap: &Gap, target: &'a str) -> GapObject<'a> {
    GapObject {
        time: rfc3339_us(gap.from),
        until: rfc3339_us(gap.to),
        target,
        gap: gap.kind.word(),
        first_seq: gap.first_seq,
        slots: gap.slots,
    }
}

fn bucket(at: WallTime, resolution: Resolution, rollup: &Rollup, target: &str) -> String {
    line(&BucketObject {
        time: rfc3339_us(at),
        until: rfc3339_us(at.plus(resolution.length())),
        target,
        counts: CountsObject::from(rollup.counts()),
        loss_ratio: rollup.counts().loss().ratio(),
        rtt_ns: stats(rollup).map(RttObject::new),
        jitter_ns: rollup.jitter().map(Rtt::as_nanos),
    })
}

/// The figures over all answers; `None` without one.
pub(super) fn stats(rollup: &Rollup) -> Option<RttStats> {
    let [p50, p95, p99] = rollup.quantiles([0.50, 0.95, 0.99]);
    Some(RttStats {
        min: rollup.min()?,
        avg: rollup.avg()?,
        p50: p50?,
        p95: p95?,
        p99: p99?,
        max: rollup.max()?,
        mdev: rollup.sd()?,
    })
}
