//! The laws of rollups, and their figures against the plain ones.

use proptest::prelude::*;

use super::*;
use crate::limits::IN_FLIGHT_PER_TARGET;
use crate::stats::jitter::AdjacentPairs;
use crate::stats::{percentile, rtt_stats};

const SECOND_NS: i64 = 1_000_000_000;

/// What became of the probe of this number: its send time in milliseconds, outcome, RTT.
type Probe = (u64, i64, Outcome, Option<Rtt>);

fn probes() -> impl Strategy<Value = Vec<Probe>> {
    let one = (
        0_u8..6,
        0_i64..50,
        (0_u32..36).prop_flat_map(|octave| (1_u64 << octave)..=(2_u64 << octave)),
    );
    prop::collection::vec(one, 1..300).prop_map(|list| {
        list.into_iter()
            .zip(0_u64..)
            .map(|((outcome, jitter_ms, nanos), seq)| {
                // Half of all are replies: otherwise there would be hardly a pair.
                let outcome = Outcome::from_u8(outcome.saturating_sub(2)).unwrap_or(Outcome::Reply);
                let rtt = outcome.is_answer().then_some(Rtt::from_nanos(nanos));
                (seq, seq as i64 * 300 + jitter_ms, outcome, rtt)
            })
            .collect()
    })
}

fn fold(probes: &[Probe], step: Duration) -> Buckets {
    let (mut neighbours, mut buckets) = (Neighbours::default(), Buckets::new(step));
    for &(seq, at_ms, outcome, rtt) in probes {
        let at = WallTime::from_nanos(at_ms * 1_000_000);
        let pairs = neighbours.add(seq, at, rtt);
        buckets.add(at, (outcome, rtt, seq % 7 == 0), pairs);
    }
    buckets
}

fn merged<'a>(rollups: impl Iterator<Item = &'a Rollup>) -> Rollup {
    rollups.fold(Rollup::default(), |mut sum, one| {
        sum.merge(one);
        sum
    })
}

fn rollup(rtts_ms: &[u64]) -> Rollup {
    let probes: Vec<Probe> = rtts_ms
        .iter()
        .zip(0_u64..)
        .map(|(&ms, seq)| {
            (
                seq,
                seq as i64,
                Outcome::Reply,
                Some(Rtt::from_nanos(ms * 1_000_000)),
            )
        })
        .collect();
    merged(
        fold(&probes, Duration::from_secs(3600))
            .iter()
            .map(|(_, rollup)| rollup),
    )
}

#[test]
fn the_reference_vector_has_its_figures() {
    let rollup = rollup(&[10, 12, 11, 15, 10]);
    assert_eq!(rollup.jitter(), Some(Rtt::from_nanos(3_000_000)));
    assert_eq!(rollup.sd(), Some(Rtt::from_nanos(1_854_724)));
    assert_eq!(rollup.avg(), Some(Rtt::from_nanos(11_600_000)));
    assert_eq!(
        (rollup.min(), rollup.max()),
        (
            Some(Rtt::from_nanos(10_000_000)),
            Some(Rtt::from_nanos(15_000_000))
        )
    );
}

#[test]
fn nothing_has_no_figures() {
    let empty = Rollup::default();
    assert!(empty.is_empty());
    assert_eq!((empty.min(), empty.avg(), empty.jitter()), (None, None, None));
    assert_eq!(empty.quantiles(SMOKE_SHARES), [None; 9]);
}

#[test]
fn the_outermost_quantiles_are_exact() {
    let quantiles = rollup(&[10, 12, 11, 15, 10]).quantiles(SMOKE_SHARES);
    assert_eq!(quantiles[0], Some(Rtt::from_nanos(10_000_000)));
    assert_eq!(quantiles[8], Some(Rtt::from_nanos(15_000_000)));
}

#[track_caller]
fn check_floor(resolution: Resolution, at_s: i64, expected_s: i64) {
    let found = resolution.floor(WallTime::from_nanos(at_s * SECOND_NS + 1));
    assert_eq!(
        found,
        WallTime::from_nanos(expected_s * SECOND_NS),
        "{resolution:?}"
    );
}

#[test]
fn buckets_begin_at_whole_multiples_before_1970_too() {
    check_floor(Resolution::Minute, 119, 60);
    check_floor(Resolution::TenMinutes, 1199, 600);
    check_floor(Resolution::Hour, -1, -3600);
    check_floor(Resolution::Second, -1, -1);
    let first = floor(WallTime::from_nanos(i64::MIN), Duration::from_secs(3600));
    assert!(first <= WallTime::from_nanos(i64::MIN + 3600 * SECOND_NS));
}

#[test]
fn the_coarsest_tier_within_a_step_is_taken() {
    let within = |seconds: f64| Resolution::within(Duration::from_secs_f64(seconds));
    assert_eq!(within(0.9), None);
    assert_eq!(within(1.0), Some(Resolution::Second));
    assert_eq!(within(599.0), Some(Resolution::Minute));
    assert_eq!(within(2592.0), Some(Resolution::TenMinutes));
    assert_eq!(within(1e9), Some(Resolution::Hour));
}

#[test]
fn answers_in_order_leave_a_single_half_waiting() {
    let mut neighbours = Neighbours::default();
    for seq in 0..100_000 {
        // The answer to every tenth probe never comes; that is known five probes later.
        if seq % 10 != 9 {
            neighbours.add(seq, WallTime::from_nanos(0), Some(Rtt::from_nanos(seq)));
        }
        if seq % 10 == 4 && seq > 10 {
            neighbours.add(seq - 5, WallTime::from_nanos(0), None);
        }
    }
    assert!(neighbours.waiting() <= 4, "{}", neighbours.waiting());
}

#[test]
fn halves_that_are_never_met_are_forgotten() {
    let mut neighbours = Neighbours::default();
    for seq in (0..1_000_000).step_by(2) {
        neighbours.add(seq, WallTime::from_nanos(0), Some(Rtt::from_nanos(1)));
    }
    assert!(neighbours.waiting() <= IN_FLIGHT_PER_TARGET);
}

#[test]
fn a_pair_counts_where_its_later_probe_was_sent() {
    let at = |second: i64| WallTime::from_nanos(second * SECOND_NS);
    let mut neighbours = Neighbours::default();
    let early = neighbours.add(8, at(60), Some(Rtt::from_nanos(30)));
    let late = neighbours.add(7, at(59), Some(Rtt::from_nanos(10)));
    assert_eq!(early, [None, None]);
    assert_eq!(late, [None, Some((at(60), Rtt::from_nanos(20)))]);
}

proptest! {
    #[test]
    fn figures_are_those_of_the_whole_set_however_it_was_cut(probes in probes(), step_ms in 1_u64..20_000) {
        let buckets = fold(&probes, Duration::from_millis(step_ms));
        let whole = merged(buckets.iter().map(|(_, rollup)| rollup));
        let mut rtts: Vec<u64> = probes.iter().filter_map(|probe| probe.3).map(Rtt::as_nanos).collect();
        let mut pairs = AdjacentPairs::new();
        for probe in &probes {
            if let Some(rtt) = probe.3 {
                pairs.add(probe.0, rtt);
            }
        }
        prop_assert_eq!(whole.jitter(), pairs.differences().mean());
        prop_assert!(whole.counts().is_conserved());
        prop_assert_eq!(whole.counts().scheduled, probes.len() as u64);
        let Some(exact) = rtt_stats(&mut rtts) else {
            prop_assert_eq!(whole.avg(), None);
            return Ok(());
        };
        prop_assert_eq!(
            (whole.min(), whole.avg(), whole.max(), whole.sd()),
            (Some(exact.min), Some(exact.avg), Some(exact.max), Some(exact.mdev))
        );
        let shares = [0.0, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.95, 0.99, 1.0];
        for (share, found) in shares.into_iter().zip(whole.quantiles(shares)) {
            let exact = percentile(&mut rtts, share).unwrap() as f64;
            let found = found.unwrap().as_nanos() as f64;
            prop_assert!((found - exact).abs() <= exact * Histogram::RELATIVE_ERROR + 0.5, "{} for {}", found, exact);
        }
    }

    #[test]
    fn any_order_of_probes_and_of_merges_gives_the_same(
        (probes, shuffled) in probes().prop_flat_map(|probes| (Just(probes.clone()), Just(probes).prop_shuffle())),
        cut in 0_usize..300,
    ) {
        let step = Duration::from_secs(5);
        let (one, other) = (fold(&probes, step), fold(&shuffled, step));
        prop_assert_eq!(&one.rollups, &other.rollups);
        let list: Vec<&Rollup> = one.rollups.values().collect();
        let (front, back) = list.split_at(cut.min(list.len()));
        let whole = merged(list.iter().copied());
        let (mut left, mut right) = (merged(front.iter().copied()), merged(back.iter().rev().copied()));
        let before = left.clone();
        left.merge(&right);
        right.merge(&before);
        prop_assert_eq!(&left, &whole);
        prop_assert_eq!(&right, &whole);
    }

    #[test]
    fn a_rollup_comes_back_from_its_parts(probes in probes()) {
        for (_, rollup) in fold(&probes, Duration::from_secs(5)).iter() {
            let back = Rollup::from_parts(rollup.to_parts());
            prop_assert_eq!(back.as_ref(), Some(rollup));
        }
    }
}

#[test]
fn parts_that_contradict_each_other_are_refused() {
    let good = rollup(&[10, 12]).to_parts();
    assert!(Rollup::from_parts(good.clone()).is_some());
    let no_range = RollupParts {
        range_ns: None,
        ..good.clone()
    };
    let turned = RollupParts {
        range_ns: Some((5, 4)),
        ..good.clone()
    };
    let unanswered = RollupParts {
        counts: Counts::default(),
        ..good
    };
    for parts in [no_range, turned, unanswered] {
        assert_eq!(Rollup::from_parts(parts), None);
    }
}
