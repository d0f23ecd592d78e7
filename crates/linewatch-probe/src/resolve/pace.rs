//! Says how long to wait before a name is asked for again. Pure: the same seed and asker give the same waits.

use std::time::Duration;

use linewatch_core::limits::{DNS_RETRY_FIRST, DNS_RETRY_MAX, DNS_TTL_MAX, DNS_TTL_MIN};

/// A wait is lengthened by up to this part of itself: names that were asked for together come apart.
const SPREAD: u32 = 8;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    seed: u64,
}

impl Pace {
    pub(super) const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The TTL within its limits, never shorter than it is: before it ends the cache would answer with itself.
    pub(super) fn after_answer(self, asker: &str, valid_for: Duration) -> Duration {
        let wait = valid_for.clamp(DNS_TTL_MIN, DNS_TTL_MAX);
        wait + self.share(asker, 0, wait / SPREAD)
    }

    /// Twice as long after every further failure, from the first (1) on.
    pub(super) fn after_failure(self, asker: &str, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        let wait = (DNS_RETRY_FIRST * (1 << doublings)).min(DNS_RETRY_MAX);
        // Half of it is drawn: when a name server dies, all its names fail in the same second.
        wait / 2 + self.share(asker, failures, wait / 2)
    }

    /// A part of `length`, drawn for this asker and this try.
    fn share(self, asker: &str, round: u32, length: Duration) -> Duration {
        // FNV-1a, finished by SplitMix64: spread, not secrecy.
        let mut value = self.seed ^ 0xcbf2_9ce4_8422_2325;
        for byte in asker.bytes().chain(round.to_le_bytes()) {
            value = (value ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let percent = ((value ^ (value >> 31)) % 101) as u32;
        length * percent / 100
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_ttl_is_kept_within_its_limits_and_never_cut_short() {
        let pace = Pace::new(7);
        for (ttl, from, to) in [
            (Duration::ZERO, DNS_TTL_MIN, 34 * SECOND),
            (300 * SECOND, 300 * SECOND, 338 * SECOND),
            (86_400 * SECOND, DNS_TTL_MAX, 4050 * SECOND),
        ] {
            let wait = pace.after_answer("fra", ttl);
            assert!(from <= wait && wait <= to, "{ttl:?} became {wait:?}");
        }
    }

    #[test]
    fn failures_are_followed_by_longer_waits_up_to_a_minute() {
        let pace = Pace::new(7);
        for (failures, most) in [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (u32::MAX, 60)] {
            let wait = pace.after_failure("fra", failures);
            let most = most * SECOND;
            assert!(most / 2 <= wait && wait <= most, "after {failures}: {wait:?}");
        }
    }

    #[test]
    fn names_that_fail_together_are_asked_for_apart_and_the_seed_repeats_it() {
        let waits = |seed| -> Vec<Duration> {
            let pace = Pace::new(seed);
            (0..100)
                .map(|index| pace.after_failure(&format!("target-{index}"), 4))
                .collect()
        };
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
        let early = waits(1).iter().filter(|wait| **wait < 30 * SECOND).count();
        assert!((30..70).contains(&early), "{early} of 100 in the first half");
    }
}
