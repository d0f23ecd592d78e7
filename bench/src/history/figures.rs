//! Whether figures are right: percentiles after any merges, and the same buckets whatever the order of merging.

use anyhow::{Context as _, Result};
use linewatch_core::record::Outcome;
use linewatch_core::rollup::Rollup;
use linewatch_core::stats::histogram::Histogram;
use linewatch_core::time::Rtt;

use crate::seed::Dice;
use crate::table::{Line, Verdict};

/// Parts that are merged, of so many RTTs each.
const PARTS: usize = 1000;
const PART_RTTS: usize = 600;
const SHARES: [f64; 5] = [0.01, 0.5, 0.9, 0.95, 0.99];

/// Row 5.
pub(super) fn percentiles() -> Result<Vec<Line>> {
    let mut dice = Dice(5);
    let (mut worst, mut differing) = (0.0_f64, 0_usize);
    // From a LAN to a satellite, narrow and wide, and one of two paths.
    for (median_ns, sigma) in [
        (80_000.0, 0.05),
        (12_000_000.0, 0.15),
        (12_000_000.0, 1.0),
        (600_000_000.0, 0.4),
    ] {
        let mut all = Vec::with_capacity(PARTS * PART_RTTS);
        let parts: Vec<Rollup> = (0..PARTS)
            .map(|number| {
                let mut rollup = Rollup::default();
                for _ in 0..PART_RTTS {
                    let normal = (0..12)
                        .map(|_| (dice.roll() >> 11) as f64 / (1_u64 << 53) as f64)
                        .sum::<f64>()
                        - 6.0;
                    let detour = if number % 7 == 0 { 3.0 } else { 1.0 };
                    let nanos = (median_ns * detour * (sigma * normal).exp()) as u64;
                    all.push(nanos);
                    rollup.add(Outcome::Reply, Some(Rtt::from_nanos(nanos)), false);
                }
                rollup
            })
            .collect();
        all.sort_unstable();
        let merged = in_order(parts.iter());
        let mut shuffled: Vec<&Rollup> = parts.iter().collect();
        for at in (1..shuffled.len()).rev() {
            shuffled.swap(at, dice.roll() as usize % (at + 1));
        }
        let tree = shuffled.chunks(31).map(|chunk| in_order(chunk.iter().copied()));
        let others = [
            in_order(parts.iter().rev()),
            in_order(shuffled.iter().copied()),
            tree.fold(Rollup::default(), |mut sum, part| {
                sum.merge(&part);
                sum
            }),
        ];
        differing += others.iter().filter(|other| **other != merged).count();
        for (share, found) in SHARES.into_iter().zip(merged.quantiles(SHARES)) {
            let exact = all[((share * all.len() as f64).ceil() as usize).clamp(1, all.len()) - 1] as f64;
            let found = found.context("a percentile")?.as_nanos() as f64;
            worst = worst.max((found - exact).abs() / exact);
        }
    }
    Ok(vec![Line {
        row: 5,
        what: format!(
            "percentile error after {PARTS} merges, %; sums that differ by order of merging: {differing} of 12"
        ),
        ours: format!("{:.2}", worst * 100.0),
        peer: "-".to_owned(),
        ratio: "-".to_owned(),
        goal: "<= 1.1 %; none".to_owned(),
        verdict: Verdict::of(worst <= 0.011 && differing == 0),
        class: "-".to_owned(),
        noise: format!("bound {:.3} %", Histogram::RELATIVE_ERROR * 100.0),
    }])
}

fn in_order<'a>(parts: impl Iterator<Item = &'a Rollup>) -> Rollup {
    parts.fold(Rollup::default(), |mut sum, part| {
        sum.merge(part);
        sum
    })
}
