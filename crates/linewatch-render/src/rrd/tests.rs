//! Claims about the spans and the file; that rrdtool agrees is proved with rrdtool itself, by the real-kernel suite.

use linewatch_core::port::StoredSample;
use linewatch_core::record::{Cause, Class, Loss, Outcome, StrayKind};
use linewatch_core::time::{Rtt, WallTime};

use super::*;

/// 2026-11-21T02:00:00Z: a whole hour.
const HOUR_S: i64 = 1_795_226_400;

fn sample(at_ms: i64, seq: u64, outcome: Outcome, rtt_ms: Option<u64>) -> StoredSample {
    StoredSample {
        run: 1,
        seq,
        at: WallTime::from_nanos((HOUR_S * 1000 + at_ms) * 1_000_000),
        outcome,
        rtt: rtt_ms.map(|ms| Rtt::from_nanos(ms * 1_000_000)),
        host_rtt: None,
        lateness_ns: 0,
        class: Class::K,
        cause: Cause::None,
        is_reordered: false,
        stray: None,
    }
}

fn gathered(step_s: i64, samples: &[StoredSample]) -> Vec<Bucket> {
    let mut gather = Gather::new(step_s, HOUR_S + 3600);
    let mut buckets: Vec<_> = samples.iter().filter_map(|sample| gather.add(sample)).collect();
    buckets.extend(gather.finish());
    buckets
}

/// Spans as (from, until, mean of latency in ms, loss), seconds after the hour.
#[track_caller]
fn check_spans(step_s: i64, samples: &[StoredSample], expected: &[(i64, i64, Option<f64>, Option<f64>)]) {
    let known = |value: Value| (!value.average.is_nan()).then_some(value.average);
    let got: Vec<_> = gathered(step_s, samples)
        .iter()
        .map(|bucket| {
            let [latency, loss, ..] = bucket.values();
            (
                bucket.from_s - HOUR_S,
                bucket.until_s - HOUR_S,
                known(latency),
                known(loss),
            )
        })
        .collect();
    assert_eq!(got, expected);
}

#[test]
fn a_lost_probe_is_loss_without_a_latency() {
    check_spans(
        1,
        &[
            sample(500, 0, Outcome::Reply, Some(10)),
            sample(1500, 1, Outcome::Lost, None),
            sample(2500, 2, Outcome::Refused, Some(12)),
            sample(3500, 3, Outcome::Unreachable, None),
        ],
        &[
            (0, 1, Some(10.0), Some(0.0)),
            (1, 2, None, Some(1.0)),
            (2, 3, Some(12.0), Some(0.0)),
            (3, 4, None, Some(1.0)),
        ],
    );
}

#[test]
fn what_was_not_sent_or_not_seen_is_unknown_and_not_loss() {
    check_spans(
        1,
        &[
            sample(500, 0, Outcome::Unsent, None),
            sample(1500, 1, Outcome::Unmeasured, None),
        ],
        &[(0, 1, None, None), (1, 2, None, None)],
    );
}

#[test]
fn a_probe_every_five_seconds_leaves_no_hole_but_a_missing_one_does() {
    check_spans(
        1,
        &[
            sample(0, 0, Outcome::Reply, Some(10)),
            sample(5000, 1, Outcome::Reply, Some(11)),
            sample(20_000, 4, Outcome::Reply, Some(12)),
        ],
        &[
            (0, 1, Some(10.0), Some(0.0)),
            (1, 6, Some(11.0), Some(0.0)),
            (20, 21, Some(12.0), Some(0.0)),
        ],
    );
}

#[test]
fn a_late_answer_changes_nothing() {
    let late = StoredSample {
        stray: Some(StrayKind::Late),
        ..sample(500, 0, Outcome::Reply, Some(2500))
    };
    check_spans(
        1,
        &[sample(500, 0, Outcome::Lost, None), late],
        &[(0, 1, None, Some(1.0))],
    );
}

#[test]
fn a_step_of_many_probes_keeps_its_extremes_beside_the_mean() {
    let rtts = [10, 30, 20];
    let samples: Vec<_> = (0..)
        .zip(rtts)
        .map(|(seq, rtt)| sample(seq as i64 * 100, seq, Outcome::Reply, Some(rtt)))
        .collect();
    let [bucket] = gathered(1, &samples)[..] else {
        panic!("one span")
    };
    let [latency, ..] = bucket.values();
    assert_eq!((latency.average, latency.min, latency.max), (20.0, 10.0, 30.0));
    assert_eq!(bucket.jitter, Some(Rtt::from_nanos(15_000_000)));
}

#[test]
fn percentiles_of_a_slow_target_are_those_of_its_last_minute() {
    let samples: Vec<_> = (0..100)
        .map(|seq| sample(seq * 1000, seq as u64, Outcome::Reply, Some(seq as u64)))
        .collect();
    let last = gathered(1, &samples).pop().expect("spans");
    // The 60 answers 40 to 99: the 30th and the 57th of them.
    assert_eq!(last.p50, Some(Rtt::from_nanos(69_000_000)));
    assert_eq!(last.p95, Some(Rtt::from_nanos(96_000_000)));
}

#[test]
fn what_is_older_than_a_day_comes_in_spans_of_five_minutes_and_of_an_hour() {
    let day_ms = 86_400_000;
    let samples = [-40, -2, 0].map(|day| sample(day * day_ms, (day + 100) as u64, Outcome::Reply, Some(1)));
    let widths: Vec<_> = gathered(1, &samples)
        .iter()
        .map(|bucket| bucket.until_s - bucket.from_s)
        .collect();
    assert_eq!(widths, [3600, 300, 1]);
}

fn database(step_s: i64, buckets: &[Bucket]) -> Database {
    let mut database = Database::new(Layout::new(step_s).expect("a step"), HOUR_S - 10);
    buckets.iter().for_each(|bucket| database.add(bucket));
    database
}

fn bucket(from_s: i64, until_s: i64, rtt_ms: u64) -> Bucket {
    let rtt = Rtt::from_nanos(rtt_ms * 1_000_000);
    Bucket {
        from_s: HOUR_S + from_s,
        until_s: HOUR_S + until_s,
        answers: Some(Answers {
            count: 1,
            sum_ns: u128::from(rtt.as_nanos()),
            min: rtt,
            max: rtt,
        }),
        loss: Loss {
            failed: 0,
            finished: 1,
        },
        jitter: None,
        p50: Some(rtt),
        p95: Some(rtt),
    }
}

#[test]
fn the_file_has_the_parts_of_format_0003_at_their_places() {
    let bytes = database(1, &[bucket(0, 1, 10)]).to_bytes();
    let head = 128 + 5 * 120 + 9 * 120 + 16 + 5 * 112 + 45 * 80 + 9 * 8;
    let rows = 3 * (86_400 + 8_928 + 8_784);
    assert_eq!(bytes.len(), head + rows * 5 * 8);
    assert_eq!(&bytes[..9], b"RRD\x000003\x00");
    assert_eq!(&bytes[16..24], &[0x2f, 0x25, 0xc0, 0xc7, 0x43, 0x2b, 0x1f, 0x5b]);
    assert_eq!(&bytes[128..136], b"latency\0");
}

#[test]
fn what_lies_before_the_last_update_is_left_out() {
    let ahead = database(1, &[bucket(5, 6, 10)]);
    let again = database(1, &[bucket(5, 6, 10), bucket(2, 3, 99), bucket(5, 6, 99)]);
    assert_eq!(again.to_bytes(), ahead.to_bytes());
}

#[test]
fn a_span_of_an_hour_is_believed_although_the_heartbeat_is_ten_minutes() {
    let database = database(1, &[bucket(0, 3600, 10)]);
    let year = database
        .rings
        .iter()
        .find(|ring| ring.archive.steps == 3600)
        .expect("a year");
    assert_eq!(year.rows().last().map(|row| row[0]), Some(10.0));
}

#[test]
fn a_step_that_does_not_divide_five_minutes_is_refused() {
    let steps = [0, -1, 7, 600].map(Layout::new);
    assert!(steps.iter().all(Option::is_none), "{steps:?}");
}

/// A figure, not a law: `cargo test --release -p linewatch-render a_year -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement: means something in release only"]
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "measures real time, and says it"
)]
fn a_year_in_memory_becomes_a_file_within_a_fifth_of_a_second() {
    let mut buckets = Vec::new();
    for (width_s, age_s, until_age_s) in [
        (YEAR_ROW_S, YEAR_S, MONTH_S),
        (MONTH_ROW_S, MONTH_S, DAY_S),
        (1, DAY_S, 0),
    ] {
        let begins = (-age_s..-until_age_s).step_by(width_s as usize);
        buckets.extend(begins.map(|from_s| bucket(from_s, from_s + width_s, from_s.unsigned_abs() % 50 + 1)));
    }
    let mut best = std::time::Duration::MAX;
    for _ in 0..5 {
        let begin = std::time::Instant::now();
        let mut database = Database::new(Layout::new(1).expect("a step"), HOUR_S - YEAR_S);
        buckets.iter().for_each(|bucket| database.add(bucket));
        let bytes = database.to_bytes().len();
        best = best.min(begin.elapsed());
        println!(
            "{} spans to {bytes} bytes in {:?}",
            buckets.len(),
            begin.elapsed()
        );
    }
    assert!(best.as_millis() <= 200, "{best:?}");
}
