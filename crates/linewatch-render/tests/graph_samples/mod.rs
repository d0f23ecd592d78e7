//! Invented days for the graph tests: always the same numbers, made by arithmetic.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::time::Duration;

use jiff::tz::TimeZone;
use linewatch_core::record::GapKind;
use linewatch_core::time::{Rtt, WallTime};
use linewatch_render::graph::{GraphBucket, GraphGap, GraphInput, GraphOutage, GraphThreshold, GraphTotals};

/// 2026-11-21T09:56:00Z, the end of every sample.
pub(crate) const END_S: i64 = 1_795_254_960;
const DAY_S: i64 = 86_400;
/// Seconds of a bucket.
const BUCKET_S: i64 = 300;

/// Numbers that look like noise: a linear congruential generator (Knuth's MMIX constants).
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 to 1.
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

pub(crate) fn at(second: i64) -> WallTime {
    WallTime::from_nanos(second * 1_000_000_000)
}

pub(crate) fn ms(value: f64) -> Rtt {
    Rtt::from_nanos((value * 1e6) as u64)
}

/// A zone with a name that needs no zone database.
pub(crate) fn jakarta() -> TimeZone {
    TimeZone::posix("WIB-7").expect("a POSIX zone")
}

/// A day without any bucket.
pub(crate) fn empty() -> GraphInput {
    GraphInput {
        name: "Tokyo gateway".to_owned(),
        address: "nrt.gw.example (203.0.113.42)".to_owned(),
        note: "ICMP every 1 s · from jkt-office".to_owned(),
        from: at(END_S - DAY_S),
        to: at(END_S),
        now: at(END_S),
        zone: jakarta(),
        bucket_length: Duration::from_secs(BUCKET_S as u64),
        buckets: Vec::new(),
        gaps: Vec::new(),
        outages: Vec::new(),
        thresholds: Vec::new(),
        totals: GraphTotals::default(),
    }
}

/// `count` buckets that end at [`END_S`], around `base_ms`, busier in the evening.
pub(crate) fn buckets(count: i64, bucket_s: i64, base_ms: f64) -> Vec<GraphBucket> {
    let mut noise = Noise::new(7);
    let bucket = |index: i64| {
        let second = END_S - (count - index) * bucket_s;
        let hour = ((second + 7 * 3600) % DAY_S) as f64 / 3600.0;
        let busy = (1.0 + ((hour - 20.0) / 24.0 * std::f64::consts::TAU).cos()) / 2.0;
        let spread = base_ms * (0.015 + 0.07 * busy * busy) * (0.7 + 0.6 * noise.next());
        let median = base_ms * (1.0 + 0.04 * busy) + spread * 0.25 * (noise.next() - 0.5);
        let steps = [
            -1.3,
            -0.8,
            -0.45,
            -0.15,
            0.0,
            0.2,
            0.6,
            1.5,
            2.6 + 2.0 * noise.next(),
        ];
        GraphBucket {
            from: at(second),
            sent: bucket_s as u64,
            lost: u64::from(noise.next() > 0.93),
            quantiles: Some(steps.map(|step| ms(median + step * spread))),
        }
    };
    (0..count).map(bucket).collect()
}

/// Totals that fit `input` well enough for a picture.
fn totals(input: &mut GraphInput) {
    let all = || input.buckets.iter().filter_map(|bucket| bucket.quantiles);
    let mut medians: Vec<Rtt> = all().map(|quantiles| quantiles[4]).collect();
    medians.sort_unstable();
    let (sent, lost) = input.buckets.iter().fold((0, 0), |(sent, lost), bucket| {
        (sent + bucket.sent, lost + bucket.lost)
    });
    let high = |index: usize| all().map(|quantiles| quantiles[index]).max();
    input.totals = GraphTotals {
        sent,
        lost,
        min: all().map(|quantiles| quantiles[0]).min(),
        p50: medians.get(medians.len() / 2).copied(),
        p95: medians.last().copied(),
        p99: high(7),
        max: high(8),
        jitter: Some(ms(2.84)),
        availability_ppm: Some(998_140),
        measured: Duration::from_secs(84_900),
        coverage_ppm: Some(982_638),
    };
}

pub(crate) fn calm() -> GraphInput {
    let mut input = empty();
    input.buckets = buckets(288, BUCKET_S, 87.0);
    totals(&mut input);
    input.thresholds = vec![GraphThreshold {
        at: ms(150.0),
        label: "latency".to_owned(),
    }];
    input
}

/// A day with a suspension, a clock step, a restart and two outages.
pub(crate) fn troubled() -> GraphInput {
    let mut input = calm();
    let span = |from: i64, to: i64, kind: GapKind| GraphGap {
        from: at(from),
        to: at(to),
        kind,
    };
    let slept = END_S - 67_800;
    input.gaps = vec![
        span(slept, slept + 5_520, GapKind::Suspended),
        span(END_S - 43_000, END_S - 43_000, GapKind::ClockStepped),
        span(END_S - 30_000, END_S - 29_993, GapKind::Stopped),
        span(END_S - 12_000, END_S - 10_200, GapKind::Crashed),
    ];
    for gap in input.gaps.clone() {
        input.buckets.retain(|bucket| {
            let end = WallTime::from_nanos(bucket.from.as_nanos() + BUCKET_S * 1_000_000_000);
            bucket.from < gap.from || end > gap.to
        });
    }
    let down = |from: i64, to: i64| GraphOutage {
        from: at(from),
        to: Some(at(to)),
    };
    input.outages = vec![
        down(END_S - 20_000, END_S - 17_300),
        down(END_S - 50_000, END_S - 49_888),
    ];
    for outage in &input.outages {
        let end = outage.to.expect("both have ended");
        for bucket in &mut input.buckets {
            let to = bucket.from.as_nanos() + BUCKET_S * 1_000_000_000;
            let overlap = to.min(end.as_nanos()) - bucket.from.max(outage.from).as_nanos();
            bucket.lost = bucket.lost.max((overlap.max(0) / 1_000_000_000) as u64);
            if bucket.lost >= bucket.sent {
                bucket.quantiles = None;
            }
        }
    }
    totals(&mut input);
    input
}

pub(crate) fn lossy() -> GraphInput {
    let mut input = calm();
    let mut noise = Noise::new(3);
    for (index, bucket) in input.buckets.iter_mut().enumerate() {
        let share = match index {
            0..40 => 0.004,
            40..90 => 0.03,
            90..150 => 0.12,
            150..180 => 0.7,
            180..186 => 1.0,
            _ => 0.02,
        };
        bucket.lost = (bucket.sent as f64 * share * (0.5 + noise.next())).min(bucket.sent as f64) as u64;
        if share >= 1.0 {
            bucket.lost = bucket.sent;
            bucket.quantiles = None;
        }
    }
    input.outages = vec![GraphOutage {
        from: at(END_S - 32_400),
        to: Some(at(END_S - 30_600)),
    }];
    totals(&mut input);
    input
}

pub(crate) fn spiked() -> GraphInput {
    let mut input = empty();
    input.buckets = buckets(288, BUCKET_S, 20.0);
    if let Some(quantiles) = &mut input.buckets[200].quantiles {
        quantiles[8] = ms(3_012.0);
    }
    totals(&mut input);
    input
}
