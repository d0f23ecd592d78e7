//! Rounds lengths that tell about this computer (lateness, process latency) to the resolution a block keeps of them.
//!
//! Input: nanoseconds. Output: a small number, the place on a scale whose steps are a microsecond below 16 us, then an
//! eighth of the power of two below the value, and 32 us from 256 us on: right within 6.3 % and 16 us. They judge the
//! measurement and are not it; kept to the nanosecond they would outweigh the RTT three times.

/// Below this a step is a microsecond.
const FINE_US: u64 = 16;
/// Steps of one power of two.
const STEPS: u64 = FINE_US / 2;
/// From here on every step is [`COARSE_US`].
const COARSE_FROM_US: u64 = 256;
const COARSE_US: u64 = COARSE_FROM_US / STEPS;
/// Place of [`COARSE_FROM_US`]: 16 single ones, and 8 of each of the four powers of two.
const COARSE_FROM: u64 = FINE_US + 4 * STEPS;
const NANOS_PER_US: u64 = 1000;

/// The place nearest to this length.
pub(super) fn place(nanos: u64) -> u64 {
    let us = nanos.saturating_add(NANOS_PER_US / 2) / NANOS_PER_US;
    if us < FINE_US {
        return us;
    }
    // Rounded to the step at its own size; what reaches the next power of two by that has its place there.
    let step = step_at(us);
    let rounded = us.saturating_add(step / 2) / step * step;
    if rounded >= COARSE_FROM_US {
        return COARSE_FROM + (rounded - COARSE_FROM_US) / COARSE_US;
    }
    let octave = u64::from(rounded.ilog2() - FINE_US.ilog2());
    FINE_US + octave * STEPS + (rounded / step_at(rounded) - STEPS)
}

/// The length at a place, nanoseconds. Places nobody writes saturate.
pub(super) fn length(place: u64) -> u64 {
    let us = if place < FINE_US {
        place
    } else if place < COARSE_FROM {
        let (octave, step) = ((place - FINE_US) / STEPS, (place - FINE_US) % STEPS);
        (STEPS + step) << (octave + 1)
    } else {
        COARSE_FROM_US.saturating_add((place - COARSE_FROM).saturating_mul(COARSE_US))
    };
    us.saturating_mul(NANOS_PER_US)
}

/// Step of the scale at a length of at least [`FINE_US`].
const fn step_at(us: u64) -> u64 {
    if us >= COARSE_FROM_US {
        COARSE_US
    } else {
        1 << (us.ilog2() - STEPS.ilog2())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_length_is_kept_within_its_stated_error(
            nanos in prop_oneof![0_u64..2_000_000, 0_u64..10_000_000_000_000],
        ) {
            let kept = length(place(nanos));
            let allowed = 500 + (nanos / 16).min(16_000);
            prop_assert!(kept.abs_diff(nanos) <= allowed, "{kept} for {nanos}");
            prop_assert_eq!(place(kept), place(nanos), "what was kept is kept as it is");
        }
    }

    #[test]
    fn every_place_is_a_length_of_its_own_in_order() {
        let lengths: Vec<u64> = (0..300).map(length).collect();
        assert!(lengths.windows(2).all(|pair| pair[0] < pair[1]));
        assert!((0..300).all(|at| place(length(at)) == at));
    }

    #[test]
    fn the_greatest_length_does_not_overflow() {
        assert!(length(place(u64::MAX)) > u64::MAX / 2 && length(u64::MAX) == u64::MAX);
    }
}
