//! Watches the clocks against each other: suspension, a calendar that was set, a turn that came too late.
//!
//! Not here: what follows from that.

use std::time::Duration;

use linewatch_core::limits::STALL_AFTER;
use linewatch_core::port::Clock;
use linewatch_core::time::{Anchor, MonoTime, WallTime, nanos_of};

/// A calendar difference up to this is reading noise and no step ...
const STEP_MIN: Duration = Duration::from_millis(1);
/// ... plus this share of the time since the last look, which is what slewing can do (500 ppm, doubled).
const SLEW_DIVISOR: u64 = 1000;
/// A sleep shorter than this is the noise of two clock reads.
const SLEEP_MIN: Duration = Duration::from_millis(10);
/// A reading between whose halves the thread was displaced looks like a step; it does not look so twice.
const READINGS_MAX: u32 = 3;

/// What happened to the clocks since the last look.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Upheaval {
    /// This thread did not run when it should have.
    pub(super) has_stalled: bool,
    /// The computer was suspended for so long.
    pub(super) slept: Option<Duration>,
    /// The calendar was set: what it would be, and what it is.
    pub(super) step: Option<(WallTime, WallTime)>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Clocks<C> {
    pub(super) clock: C,
    pub(super) anchor: Anchor,
    asleep: Duration,
}

impl<C: Clock> Clocks<C> {
    pub(super) fn new(clock: C) -> Self {
        let (anchor, asleep) = (clock.anchor(), clock.asleep());
        Self {
            clock,
            anchor,
            asleep,
        }
    }

    /// Looks at all clocks; the thread expected to look at `expected_at` at the latest.
    pub(super) fn look(&mut self, expected_at: MonoTime) -> Upheaval {
        let asleep = self.clock.asleep();
        let slept = asleep.saturating_sub(self.asleep);
        let mut seen = self.clock.anchor();
        let mut step = self.step(seen, slept);
        for _ in 1..READINGS_MAX {
            if step.is_none() {
                break;
            }
            seen = self.clock.anchor();
            step = self.step(seen, slept);
        }
        self.anchor = seen;
        let slept = (slept >= SLEEP_MIN).then_some(slept);
        if slept.is_some() {
            self.asleep = asleep;
        }
        Upheaval {
            has_stalled: seen.mono.since(expected_at) > STALL_AFTER,
            slept,
            step,
        }
    }

    fn step(&self, seen: Anchor, slept: Duration) -> Option<(WallTime, WallTime)> {
        let expected = self.anchor.wall_at(seen.mono).plus(slept);
        let noise_ns = nanos_of(STEP_MIN) + nanos_of(seen.mono.since(self.anchor.mono)) / SLEW_DIVISOR;
        let is_step = seen.wall.nanos_after(expected).unsigned_abs() > noise_ns;
        is_step.then_some((expected, seen.wall))
    }
}
