//! What a month costs to read. Prints; asserts nothing but that the answer is whole.

use std::time::Duration;

use linewatch_core::limits::SERIES_POINTS;
use linewatch_core::record::Outcome;
use linewatch_core::rollup::Buckets;
use linewatch_core::time::Rtt;

use super::*;
use crate::sqlite::rollups::{RollupKey, insert};
use crate::sqlite::schema::MIGRATIONS;

const DAYS: i64 = 30;
const TARGETS: u32 = 20;
/// 2026-10-01T00:00:00Z.
const START_S: i64 = 1_790_812_800;

/// Deterministic noise (splitmix64), 0 to 1.
fn noise(seed: u64) -> f64 {
    let mut x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ x >> 31) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Log-normal with a median of 12 ms and sigma 0.15, whole microseconds: by the sum of twelve uniform numbers.
fn rtt(seed: u64) -> Rtt {
    let normal: f64 = (0..12).map(|part| noise(seed * 12 + part)).sum::<f64>() - 6.0;
    Rtt::from_nanos((12_000.0 * (0.15 * normal).exp()) as u64 * 1000)
}

/// A connection with the tiers of `DAYS` of `TARGETS` at 1/s.
fn seeded() -> Connection {
    let connection = Connection::open_in_memory().expect("memory");
    MIGRATIONS
        .iter()
        .try_for_each(|step| connection.execute_batch(step))
        .expect("schema");
    connection.execute_batch("BEGIN").expect("begun");
    let mut id = 0;
    for target in 1..=TARGETS {
        let mut ten = Buckets::new(Duration::from_secs(600));
        let mut hours = Buckets::new(Duration::from_secs(3600));
        for second in 0..DAYS * 86_400 {
            let at = WallTime::from_nanos((START_S + second) * 1_000_000_000);
            // A day of noise of its own a target is enough: over and over.
            let seed = u64::from(target) * 86_400 + (second % 86_400) as u64;
            let rtt = rtt(seed);
            ten.at(at).add(Outcome::Reply, Some(rtt), false);
        }
        for (at, rollup) in ten.iter() {
            hours.at(at).merge(rollup);
        }
        for (resolution, tier) in [(Resolution::TenMinutes, &ten), (Resolution::Hour, &hours)] {
            for (from, rollup) in tier.iter() {
                id += 1;
                let key = RollupKey {
                    resolution,
                    target: TargetId(target),
                    from,
                    run: 1,
                    id,
                };
                insert(&connection, key, rollup).expect("written");
            }
        }
    }
    connection.execute_batch("COMMIT").expect("committed");
    connection
}

#[test]
#[ignore = "a figure, not a test: 52 million samples, with --release"]
#[expect(clippy::print_stdout, reason = "the figure")]
#[expect(clippy::disallowed_methods, reason = "a stopwatch")]
fn a_month_of_20_targets_in_a_thousand_points() {
    let connection = seeded();
    let (from, to) = (
        WallTime::from_nanos(START_S * 1_000_000_000),
        WallTime::from_nanos((START_S + DAYS * 86_400) * 1_000_000_000),
    );
    let seam = Seam::of_memory(OpenBuckets::default());
    for points in [1000, SERIES_POINTS] {
        let mut best = Duration::MAX;
        let mut told = 0;
        for _ in 0..5 {
            let begun = std::time::Instant::now();
            told = 0;
            for target in (1..=TARGETS).map(TargetId) {
                let query = SeriesQuery {
                    target,
                    from,
                    to,
                    points,
                };
                let series = series(&connection, query, &seam, &Rest::Stored).expect("a series");
                let sent: u64 = series
                    .points
                    .iter()
                    .map(|point| point.rollup.counts().replied)
                    .sum();
                assert_eq!(sent, (DAYS * 86_400) as u64);
                for point in &series.points {
                    let figures = point.rollup.quantiles([0.5, 0.95, 0.99]);
                    told += usize::from(figures[0].is_some() && point.rollup.avg().is_some());
                }
            }
            best = best.min(begun.elapsed());
        }
        println!(
            "{points} points asked, {told} told: {:.1} ms",
            best.as_secs_f64() * 1e3
        );
    }
}
