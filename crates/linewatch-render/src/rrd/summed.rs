//! Makes spans of rollups: what is gathered by whole minutes needs no sample.
//!
//! Input: the rollups of a target's series in even buckets, and their gaps. Output: the same spans `gather` makes of the
//! samples; mean, extremes, loss and jitter exactly, percentiles within the error of a rollup's histogram. As there, a span
//! reaches back to the one before it when no probe is missing between them, so that a slow target has no holes.

use linewatch_core::limits::INTERVAL_MAX;
use linewatch_core::record::Gap;
use linewatch_core::rollup::{Buckets, Rollup};
use linewatch_core::time::WallTime;

use super::{Answers, Bucket};

const SECOND_NS: i64 = 1_000_000_000;

/// Makes spans of buckets of `width_s` seconds; `gaps` are those between and around them. `filled_s`, the end of the span
/// before, moves on.
pub fn spans(buckets: &Buckets, gaps: &[Gap], width_s: i64, filled_s: &mut Option<i64>) -> Vec<Bucket> {
    let made = buckets.iter().map(|(at, rollup)| {
        let own_s = at.as_nanos().div_euclid(SECOND_NS);
        let from_s = filled_s.filter(|filled_s| is_going_on(*filled_s, own_s, gaps));
        let until_s = own_s + width_s;
        *filled_s = Some(until_s);
        span(rollup, from_s.unwrap_or(own_s), until_s)
    });
    made.collect()
}

/// Nothing but the pace of the target lies between: no longer than that can be, and no gap.
fn is_going_on(filled_s: i64, own_s: i64, gaps: &[Gap]) -> bool {
    let hole_s = own_s - filled_s;
    let at = |seconds: i64| WallTime::from_nanos(seconds.saturating_mul(SECOND_NS));
    (0..=INTERVAL_MAX.as_secs() as i64).contains(&hole_s)
        && (hole_s == 0
            || !gaps
                .iter()
                .any(|gap| gap.to > at(filled_s) && gap.from < at(own_s)))
}

fn span(rollup: &Rollup, from_s: i64, until_s: i64) -> Bucket {
    let [p50, p95] = rollup.quantiles([0.5, 0.95]);
    let range = rollup.min().zip(rollup.max());
    Bucket {
        from_s,
        until_s,
        answers: range.map(|(min, max)| Answers {
            count: rollup.rtt_count(),
            sum_ns: rollup.sum_ns(),
            min,
            max,
        }),
        loss: rollup.counts().loss(),
        jitter: rollup.jitter(),
        p50,
        p95,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use linewatch_core::record::{GapKind, Outcome};
    use linewatch_core::target::TargetId;
    use linewatch_core::time::Rtt;

    use super::*;

    const FIVE_MINUTES_S: i64 = 300;

    fn at(seconds: i64) -> WallTime {
        WallTime::from_nanos(seconds * SECOND_NS)
    }

    fn buckets(begins_s: &[i64]) -> Buckets {
        let mut buckets = Buckets::new(Duration::from_secs(300));
        for begin_s in begins_s {
            let rtt = Some(Rtt::from_nanos(10_000_000));
            buckets.at(at(*begin_s)).add(Outcome::Reply, rtt, false);
        }
        buckets
    }

    #[track_caller]
    fn check(begins_s: &[i64], gaps: &[Gap], expected: &[(i64, i64)]) {
        let spans = spans(&buckets(begins_s), gaps, FIVE_MINUTES_S, &mut None);
        let got: Vec<_> = spans.iter().map(|span| (span.from_s, span.until_s)).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn a_target_slower_than_the_span_leaves_no_hole() {
        check(&[0, 900, 1800], &[], &[(0, 300), (300, 1200), (1200, 2100)]);
    }

    #[test]
    fn a_gap_stays_a_hole_and_so_does_a_silence_longer_than_any_interval() {
        let gap = Gap {
            target: TargetId(1),
            kind: GapKind::Paused,
            from: at(400),
            to: at(800),
            first_seq: 0,
            slots: 4,
        };
        check(&[0, 900, 7200], &[gap], &[(0, 300), (900, 1200), (7200, 7500)]);
    }

    #[test]
    fn a_span_says_what_its_rollup_says() {
        let mut buckets = Buckets::new(Duration::from_secs(300));
        for (outcome, ms) in [
            (Outcome::Reply, Some(10)),
            (Outcome::Lost, None),
            (Outcome::Reply, Some(30)),
            (Outcome::Refused, Some(20)),
        ] {
            let rtt = ms.map(|ms: u64| Rtt::from_nanos(ms * 1_000_000));
            buckets.at(at(0)).add(outcome, rtt, false);
        }
        let [bucket] = spans(&buckets, &[], FIVE_MINUTES_S, &mut None)[..] else {
            panic!("one span")
        };
        let [latency, loss, jitter, ..] = bucket.values();
        assert_eq!((latency.average, latency.min, latency.max), (20.0, 10.0, 30.0));
        assert_eq!(loss.average, 0.25);
        assert!(jitter.average.is_nan(), "no pair was counted");
    }
}
