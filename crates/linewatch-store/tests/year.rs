//! MEASURING B11 at a smaller scale: a year of several targets is drawn from no more points than asked, and from no more rows
//! than the coarsest tier that fits has. Counted by rows, not by time: the same on every machine.

mod common;

use std::time::Duration;

use common::*;
use linewatch_core::limits::SERIES_POINTS;
use linewatch_core::port::{History, SeriesQuery, SeriesSource};
use linewatch_core::rollup::Resolution;
use linewatch_core::target::TargetId;
use linewatch_core::time::{Anchor, MonoTime, WallTime};
use linewatch_store::Reader;
use linewatch_store::bulk::{Bulk, KeptFrom};

const DAYS: u32 = 365;
const TARGETS: u32 = 3;
/// One probe a minute, so that the year is made in a moment; every tier has all its buckets all the same.
const INTERVAL_NS: u64 = 60 * SECOND;
const DAY: Duration = Duration::from_secs(86_400);

fn seeded(dir: &std::path::Path) -> WallTime {
    let mut store = open(dir, 0).store;
    for target in 1..=TARGETS {
        let address = format!("192.0.2.{target}");
        let id = store.register(&key(&address, &address), &address, wall(0));
        assert_eq!(id.expect("a number"), TargetId(target));
    }
    let mut bulk = Bulk::new(store);
    let end = wall(0).plus(DAY * DAYS);
    let kept = KeptFrom {
        raw: end.minus(DAY * 30),
        minutes: end.minus(DAY * 90),
        ten_minutes: wall(0),
    };
    let anchor = Anchor {
        mono: MonoTime::ZERO,
        wall: wall(0),
    };
    for target in (1..=TARGETS).map(TargetId) {
        let mut series = bulk.series(target, anchor, kept).expect("begun");
        for seq in 0..u64::from(DAYS) * 1440 {
            series.add(&reply(target, seq, INTERVAL_NS)).expect("written");
        }
        series.finish().expect("written");
    }
    bulk.finish(end).expect("finished");
    end
}

#[test]
fn any_range_of_a_year_is_drawn_from_few_points_out_of_the_coarsest_tier_that_fits() {
    let dir = tempfile::tempdir().expect("a directory");
    let end = seeded(dir.path());
    let reader = Reader::open(dir.path()).expect("a reader");
    for (days, tier, table) in [
        (365, Resolution::Hour, "rollup_1h"),
        (90, Resolution::Hour, "rollup_1h"),
        (30, Resolution::TenMinutes, "rollup_10m"),
        (14, Resolution::TenMinutes, "rollup_10m"),
        (7, Resolution::Minute, "rollup_1m"),
        (2, Resolution::Minute, "rollup_1m"),
    ] {
        let from = end.minus(DAY * days);
        for target in (1..=TARGETS).map(TargetId) {
            let query = SeriesQuery {
                target,
                from,
                to: end,
                points: SERIES_POINTS.min(2000),
            };
            let series = reader.series(query).expect("a series");
            assert_eq!(series.source, SeriesSource::Tier(tier), "{days} days");
            assert!(
                series.points.len() <= 2000,
                "{days} days: {} points",
                series.points.len()
            );
            let counted: u64 = series
                .points
                .iter()
                .map(|point| point.rollup.counts().replied)
                .sum();
            // The ends are rounded outwards to whole points.
            let asked = u64::from(days) * 1440;
            let more = 2 * series.bucket.as_secs() / 60;
            assert!(
                (asked..=asked + more).contains(&counted),
                "{days} days: {counted}"
            );
            // What lies in the span of this answer in that tier is all it can have read: 10 rows a point at most.
            let (from_s, to_s) = (
                series.from.as_nanos() / 1_000_000_000,
                series.to.as_nanos() / 1_000_000_000,
            );
            let rows = sql_number(
                dir.path(),
                &format!(
                    "SELECT count(*) FROM {table} WHERE target = {} AND from_s >= {from_s} AND from_s < {to_s}",
                    target.0
                ),
            );
            assert!(rows <= 20_000, "{days} days: {rows} rows of {table}");
        }
    }
}

#[test]
fn a_year_keeps_of_each_tier_what_its_retention_keeps() {
    let dir = tempfile::tempdir().expect("a directory");
    seeded(dir.path());
    let count = |what: &str| sql_number(dir.path(), &format!("SELECT {what}"));
    let per_day = i64::from(TARGETS) * 24;
    assert_eq!(count("count(*) FROM rollup_1h"), per_day * 365);
    assert_eq!(count("count(*) FROM rollup_10m"), per_day * 6 * 365);
    assert_eq!(count("count(*) FROM rollup_1m"), per_day * 60 * 90);
    assert_eq!(count("sum(samples) FROM samples"), per_day * 60 * 30);
    assert_eq!(
        count("sum(sent) FROM rollup_1h"),
        per_day * 60 * 365,
        "no probe is counted twice"
    );
}
