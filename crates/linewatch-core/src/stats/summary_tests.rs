//! Shows the summary of a run: reference vector, counts, and what a very long run keeps exact.

use proptest::prelude::*;

use super::*;
use crate::record::{Cause, Class, GapKind, Outcome, StrayKind};
use crate::target::TargetId;
use crate::time::WallTime;

const MS: u64 = 1_000_000;

fn probe(seq: u64, rtt_ns: Option<u64>, outcome: Outcome) -> ProbeRecord {
    let due_at = MonoTime::from_nanos(seq * 10 * MS);
    let rtt = rtt_ns.map(Rtt::from_nanos);
    ProbeRecord {
        target: TargetId(1),
        seq,
        due_at,
        sent_at: MonoTime::from_nanos(due_at.as_nanos() + 1000 * (seq % 4)),
        outcome,
        rtt,
        host_rtt: rtt.map(|rtt| Rtt::from_nanos(rtt.as_nanos() + 700_000)),
        class: Class::K,
        cause: Cause::None,
        is_reordered: false,
    }
}

#[test]
fn reference_vector_has_its_summary() {
    let mut summary = Summary::new();
    for (seq, millis) in [10, 12, 11, 15, 10].into_iter().enumerate() {
        summary.add(&probe(seq as u64, Some(millis * MS), Outcome::Reply));
    }
    let view = summary.view();
    let rtt = view.rtt.unwrap();
    assert_eq!(
        (view.jitter, view.jitter_rfc3550),
        (Some(Rtt::from_nanos(3 * MS)), Some(Rtt::from_nanos(704_803)))
    );
    assert_eq!((rtt.avg.as_nanos(), rtt.mdev.as_nanos()), (11_600_000, 1_854_724));
    assert_eq!(
        (view.process_p50, view.lateness_max),
        (Some(Rtt::from_nanos(700_000)), Some(Duration::from_nanos(3000)))
    );
    assert!((view.achieved_per_s.unwrap() - 100.0).abs() < 0.01);
}

#[test]
fn a_run_without_probes_has_counts_and_nothing_else() {
    let view = Summary::new().view();
    assert_eq!(view.counts, Counts::default());
    assert_eq!(
        (view.rtt, view.jitter, view.lateness_max, view.achieved_per_s),
        (None, None, None, None)
    );
}

#[test]
fn counts_close_with_gaps_and_progress() {
    let target = TargetId(1);
    let mut summary = Summary::new();
    summary.add(&probe(0, Some(MS), Outcome::Reply));
    summary.add(&probe(1, None, Outcome::Lost));
    summary.add_stray(&Stray {
        target,
        seq: 1,
        kind: StrayKind::Late,
        sent_at: MonoTime::ZERO,
        delay: None,
    });
    let (from, to) = (WallTime::from_nanos(0), WallTime::from_nanos(1));
    summary.add_gap(&Gap {
        target,
        kind: GapKind::Stalled,
        from,
        to,
        first_seq: 2,
        slots: 7,
    });
    summary.set_progress(&Progress {
        target,
        scheduled: 10,
        in_flight: 1,
    });
    let counts = summary.view().counts;
    assert!(counts.is_conserved(), "{counts:?}");
    assert_eq!(
        (counts.unmeasured, counts.late, counts.loss().ratio()),
        (7, 1, Some(0.5))
    );
}

#[test]
fn percentiles_of_a_very_long_run_stay_within_the_error_of_the_histogram() {
    let count = limits::SUMMARY_EXACT_SAMPLES as u64 + 1000;
    let mut delays = Delays::default();
    (0..count).for_each(|step| delays.add(MS + step));
    let stats = delays.stats().unwrap();
    assert!(
        delays.exact.is_empty(),
        "single values are kept beyond their bound"
    );
    for (found, share) in [(stats.p50, 0.5), (stats.p95, 0.95), (stats.p99, 0.99)] {
        let exact = (MS as f64) + share * count as f64;
        let error = (found.as_nanos() as f64 - exact).abs() / exact;
        assert!(error <= Histogram::RELATIVE_ERROR, "p{share}: {error}");
    }
    assert_eq!((stats.min.as_nanos(), stats.max.as_nanos()), (MS, MS + count - 1));
    assert_eq!(stats.avg.as_nanos(), MS + count / 2);
}

proptest! {
    #[test]
    fn figures_are_ordered_and_finite_whatever_comes(
        outcomes in prop::collection::vec((0_u8..6, 0_u64..40_000 * MS), 0..100),
    ) {
        let mut summary = Summary::new();
        for (seq, &(number, rtt)) in outcomes.iter().enumerate() {
            let outcome = Outcome::from_u8(number).unwrap();
            summary.add(&probe(seq as u64, outcome.is_answer().then_some(rtt), outcome));
        }
        let view = summary.view();
        let count = outcomes.len() as u64;
        prop_assert_eq!(view.counts.finished(), count);
        prop_assert!(view.counts.loss().ratio().is_none_or(|loss| (0.0..=1.0).contains(&loss)));
        prop_assert!(view.achieved_per_s.is_none_or(f64::is_finite));
        if let Some(rtt) = view.rtt {
            prop_assert!(rtt.min <= rtt.p50 && rtt.p50 <= rtt.p99 && rtt.p99 <= rtt.max);
            prop_assert!(view.jitter.is_none_or(|jitter| jitter.as_nanos() <= rtt.max.as_nanos() - rtt.min.as_nanos()));
        }
    }
}
