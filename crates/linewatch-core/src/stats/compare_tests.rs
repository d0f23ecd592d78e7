//! Claims about `compare`: known p values, real differences found, and equal lines left in peace.

use super::*;
use crate::record::Outcome;

/// Uniform numbers of a fixed seed for simulated lines.
struct Dice(Sequence);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(Sequence(seed))
    }

    fn share(&mut self) -> f64 {
        self.0.below(1 << 30) as f64 / f64::from(1 << 30)
    }

    /// Mean 0, deviation 1: the sum of twelve (Irwin and Hall), near enough to the bell.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.share()).sum::<f64>() - 6.0
    }
}

/// A minute of `probes` with these chances.
fn minute(number: i64, probes: usize, mean_ms: f64, loss: f64, dice: &mut Dice) -> Minute {
    let mut rollup = Rollup::default();
    let mut before: Option<Rtt> = None;
    for _ in 0..probes {
        if dice.share() < loss {
            rollup.add(Outcome::Lost, None, false);
            before = None;
            continue;
        }
        let nanos = mean_ms * 1e6 * (0.1 * dice.normal()).exp();
        let rtt = Rtt::from_nanos(nanos as u64);
        rollup.add(Outcome::Reply, Some(rtt), false);
        if let Some(before) = before.replace(rtt) {
            rollup.add_difference(Rtt::from_nanos(rtt.as_nanos().abs_diff(before.as_nanos())));
        }
    }
    Minute {
        number,
        rollup,
        outages: 0,
    }
}

/// A line whose delay and loss drift: each minute is `memory` of the one before and else its own.
fn line(minutes: i64, memory: f64, mean_ms: f64, loss: f64, dice: &mut Dice) -> Vec<Minute> {
    let mut drift = dice.normal();
    (0..minutes)
        .map(|number| {
            drift = memory * drift + (1.0 - memory * memory).sqrt() * dice.normal();
            let (mean_ms, loss) = (mean_ms * (0.2 * drift).exp(), loss * (0.5 * drift).exp());
            let mut minute = minute(number, 20, mean_ms, loss, dice);
            minute.outages = u64::from(dice.share() < 0.02);
            minute
        })
        .collect()
}

fn verdicts(comparison: &Comparison) -> [Verdict; 6] {
    comparison.figures.map(|figure| figure.verdict)
}

/// How often each figure is called different of equal lines.
fn false_alarms(comparisons: u64, minutes: i64, memory: f64) -> [u32; 6] {
    let mut alarms = [0; 6];
    for seed in 0..comparisons {
        let mut dice = Dice::new(seed * 7919 + 1);
        let [a, b] = [(); 2].map(|()| line(minutes, memory, 12.0, 0.02, &mut dice));
        for (alarms, verdict) in alarms.iter_mut().zip(verdicts(&compare(&a, &b, 1))) {
            *alarms += u32::from(verdict == Verdict::Exceeds);
        }
    }
    alarms
}

/// Of 100 comparisons at one in a hundred, 5 or fewer with a probability of 99.95 %.
const ALARMS_MAX: u32 = 5;

#[test]
fn equal_lines_are_called_different_no_more_often_than_said() {
    let alarms = false_alarms(100, 60, 0.0);
    assert!(alarms.iter().all(|alarms| *alarms <= ALARMS_MAX), "{alarms:?}");
}

#[test]
fn equal_lines_with_a_memory_of_many_minutes_are_not_either() {
    for memory in [0.5, 0.9] {
        let alarms = false_alarms(100, 600, memory);
        assert!(
            alarms.iter().all(|alarms| *alarms <= ALARMS_MAX),
            "{memory}: {alarms:?}"
        );
    }
}

#[test]
fn a_line_that_became_worse_is_found_out() {
    let mut dice = Dice::new(5);
    let a = line(120, 0.0, 12.0, 0.02, &mut dice);
    let b = line(120, 0.0, 18.0, 0.10, &mut dice);
    let comparison = compare(&a, &b, 1);
    assert_eq!(verdicts(&comparison)[..5], [Verdict::Exceeds; 5]);
    assert_eq!(comparison.figures[5].verdict, Verdict::Chance);
    let p50 = comparison.figures[1];
    assert!(
        p50.difference.is_some_and(|nanos| (4e6..8e6).contains(&nanos)),
        "{p50:?}"
    );
    // And the other way round it is the same with another sign.
    let back = compare(&b, &a, 1);
    assert_eq!(back.figures[1].difference, p50.difference.map(|nanos| -nanos));
    assert_eq!(back.figures[1].verdict, Verdict::Exceeds);
}

/// Ten probes a minute of which this many are lost.
fn lossy(number: i64, lost: usize) -> Minute {
    let mut rollup = Rollup::default();
    for probe in 0..10 {
        if probe < lost {
            rollup.add(Outcome::Lost, None, false);
        } else {
            rollup.add(Outcome::Reply, Some(Rtt::from_nanos(1_000_000)), false);
        }
    }
    Minute {
        number,
        rollup,
        outages: 0,
    }
}

#[test]
fn the_p_value_is_the_share_of_divisions_that_are_as_unequal() {
    // Six minutes without loss against six with: of 924 divisions 2 are as unequal, hence p = 2/924 = 0.0022.
    let [a, b] = [0, 5].map(|lost| (0..6).map(|number| lossy(number, lost)).collect::<Vec<_>>());
    let comparison = compare(&a, &b, 1);
    let loss = comparison.figures[0];
    assert_eq!(
        (loss.a, loss.b, loss.difference),
        (Some(0.0), Some(0.5), Some(0.5))
    );
    assert!(
        loss.p.is_some_and(|p| (p - 2.0 / 924.0).abs() < 0.003),
        "{loss:?}"
    );
    assert_eq!(loss.verdict, Verdict::Exceeds);
    // The delays are equal to the last bit: nothing can exceed chance less.
    assert_eq!(
        (comparison.figures[1].difference, comparison.figures[1].p),
        (Some(0.0), Some(1.0))
    );
    assert_eq!((comparison.block_minutes, comparison.blocks), (1, [6, 6]));
}

#[test]
fn half_of_the_blocks_exchanged_is_a_p_value_of_a_half() {
    // One lossy minute: it is on one side or the other, always as unequal.
    let a: Vec<_> = (0..6)
        .map(|number| lossy(number, usize::from(number == 3)))
        .collect();
    let b: Vec<_> = (0..6).map(|number| lossy(number, 0)).collect();
    assert_eq!(compare(&a, &b, 1).figures[0].p, Some(1.0));
}

#[test]
fn too_little_is_said_and_not_judged() {
    let minutes: Vec<_> = (0..5).map(|number| lossy(number, 0)).collect();
    let worse: Vec<_> = (0..50).map(|number| lossy(number, 9)).collect();
    let comparison = compare(&minutes, &worse, 1);
    assert!(
        verdicts(&comparison)
            .iter()
            .all(|verdict| *verdict == Verdict::TooLittle)
    );
    assert_eq!(comparison.figures[0].difference, Some(0.9));
    let nothing = compare(&[], &[], 1);
    assert_eq!(
        nothing.figures[0],
        Figure {
            metric: Metric::Loss,
            a: None,
            b: None,
            difference: None,
            p: None,
            verdict: Verdict::TooLittle,
        }
    );
}

#[test]
fn figures_are_those_of_the_merged_rollups() {
    let mut dice = Dice::new(11);
    let a = line(90, 0.9, 12.0, 0.02, &mut dice);
    let mut merged = Rollup::default();
    a.iter().for_each(|minute| merged.merge(&minute.rollup));
    let comparison = compare(&a, &a, 1);
    let nanos = |rtt: Option<Rtt>| rtt.map(|rtt| rtt.as_nanos() as f64);
    assert_eq!(comparison.figures[1].a, nanos(merged.quantile(0.5)));
    assert_eq!(comparison.figures[3].b, nanos(merged.quantile(0.99)));
    assert_eq!(comparison.figures[4].a, nanos(merged.jitter()));
    assert_eq!(comparison.figures[0].a, merged.counts().loss().ratio());
    assert!(comparison.block_minutes > 1, "{comparison:?}");
    assert!(
        comparison
            .figures
            .iter()
            .all(|figure| figure.verdict != Verdict::Exceeds)
    );
}
