//! Draws the network's dice: a small generator that gives the same numbers for the same seed, for ever.
//!
//! Every probe gets a generator of its own, made from (seed, line, number of the probe), so what happens to
//! one probe never depends on how the probes of other lines were interleaved with it.
//! Not for secrets: SplitMix64 (Steele, Lea, Flood 2014) is quick and predictable.

use std::time::Duration;

/// A stream of pseudo-random numbers.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// The stream that belongs to all of `parts` together.
    pub(crate) fn of(parts: &[u64]) -> Self {
        let mut random = Self { state: 0 };
        for part in parts {
            random.state ^= *part;
            random.state = random.next();
        }
        random
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        // Constants of SplitMix64: the golden ratio and its two mixing factors.
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Evenly spread over 0 (included) to 1 (excluded).
    pub(crate) fn unit(&mut self) -> f64 {
        // 53 bits are what an f64 holds exactly.
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True in `share` of all draws. Always takes one number, so that later draws stay where they are.
    pub(crate) fn happens(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// Evenly spread over -1 to 1.
    pub(crate) fn signed(&mut self) -> f64 {
        self.unit() * 2.0 - 1.0
    }

    /// Bell-shaped over -1 to 1: the mean of four even draws (Irwin-Hall).
    pub(crate) fn bell(&mut self) -> f64 {
        (self.signed() + self.signed() + self.signed() + self.signed()) / 4.0
    }

    /// Exponential with mean 1, cut at 20.
    pub(crate) fn tail(&mut self) -> f64 {
        (-(1.0 - self.unit()).ln()).min(20.0)
    }
}

/// `length` times `factor`; nothing below zero.
pub(crate) fn scaled(length: Duration, factor: f64) -> Duration {
    Duration::from_nanos((length.as_nanos() as f64 * factor).max(0.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_parts_give_the_same_stream_and_others_another() {
        let (mut a, mut b, mut c) = (
            Random::of(&[1, 2, 3]),
            Random::of(&[1, 2, 3]),
            Random::of(&[1, 2, 4]),
        );
        let first = a.next();
        assert_eq!(first, b.next());
        assert_ne!(first, c.next());
    }

    #[test]
    fn one_percent_is_one_percent() {
        let hits = (0..1_000_000_u64)
            .filter(|n| Random::of(&[7, *n]).happens(0.01))
            .count();
        assert!((9_700..10_300).contains(&hits), "{hits} of 1,000,000");
    }

    #[test]
    fn shapes_stay_inside_their_bounds() {
        let mut random = Random::of(&[1]);
        for _ in 0..10_000 {
            assert!((0.0..1.0).contains(&random.unit()));
            assert!((-1.0..1.0).contains(&random.bell()));
            assert!((0.0..=20.0).contains(&random.tail()));
        }
    }
}
