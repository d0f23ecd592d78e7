//! Reads the clocks of this computer. The only file that does.
//!
//! [`SystemClock`] is what [`linewatch_core::port::Clock`] means outside of tests: monotonic nanoseconds since
//! the program started, the calendar, and how long the computer has slept in between.
//! Not here: what a jump of any of them means (core) and the kernel's stamps on packets (`sys`).

use std::time::Duration;

use linewatch_core::port::Clock;
use linewatch_core::time::{Anchor, MonoTime, WallTime};

/// Brackets taken for one [`Clock::anchor`] at most; the tightest wins. That all three are interrupted does not happen
/// on a computer that can measure anything.
const ANCHOR_BRACKETS: usize = 3;
/// A bracket as tight as this was not interrupted (two clock reads take 100 ns), and no other is taken: the engine
/// asks twice a turn.
const ANCHOR_TIGHT_NS: u64 = 500;

/// How long it is until `instant`; zero if it has passed. For libraries that speak in instants of their own.
#[expect(clippy::disallowed_methods, reason = "this is the file that reads clocks")]
pub(crate) fn time_until(instant: std::time::Instant) -> Duration {
    instant.saturating_duration_since(std::time::Instant::now())
}

/// The clocks of the operating system. Copies share their origin.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    origin: os::Origin,
}

impl SystemClock {
    /// A clock whose [`MonoTime::ZERO`] is now.
    pub fn start() -> Self {
        Self {
            origin: os::Origin::now(),
        }
    }

    /// The calendar between two monotonic reads: how far those lie apart in nanoseconds, and their middle.
    fn bracket(self) -> (u64, Anchor) {
        let before_ns = self.origin.elapsed_ns();
        let wall = self.wall();
        let width_ns = self.origin.elapsed_ns().saturating_sub(before_ns);
        let mono = MonoTime::from_nanos(before_ns + width_ns / 2);
        (width_ns, Anchor { mono, wall })
    }

    /// Processor time the calling thread has had, the kernel's work for it included; zero where that is not known.
    pub fn thread_cpu(self) -> Duration {
        #[cfg(target_os = "linux")]
        let cpu_ns = crate::sys::linux::clocks::thread_cpu_ns();
        #[cfg(target_os = "macos")]
        let cpu_ns = crate::sys::macos::clocks::thread_cpu_ns();
        #[cfg(not(any(target_os = "linux", target_os = "macos")))]
        let cpu_ns = 0;
        Duration::from_nanos(cpu_ns)
    }

    /// The same instant on `CLOCK_MONOTONIC`, in nanoseconds: for absolute waits in the kernel.
    #[cfg(target_os = "linux")]
    pub(crate) fn to_kernel(self, at: MonoTime) -> u64 {
        self.origin.to_kernel(at)
    }
}

impl Clock for SystemClock {
    fn mono(&self) -> MonoTime {
        MonoTime::from_nanos(self.origin.elapsed_ns())
    }

    fn wall(&self) -> WallTime {
        WallTime::from_nanos(os::wall_ns())
    }

    fn asleep(&self) -> Duration {
        self.origin.asleep()
    }

    /// A tight bracket: the calendar is read between two monotonic reads and belongs to their middle.
    fn anchor(&self) -> Anchor {
        let mut best = self.bracket();
        for _ in 1..ANCHOR_BRACKETS {
            if best.0 <= ANCHOR_TIGHT_NS {
                break;
            }
            let other = self.bracket();
            if other.0 < best.0 {
                best = other;
            }
        }
        best.1
    }
}

#[cfg(target_os = "linux")]
mod os {
    use std::time::Duration;

    use linewatch_core::time::MonoTime;

    use crate::sys::linux::clocks;

    /// Where this process's time begins.
    #[derive(Clone, Copy, Debug)]
    pub(super) struct Origin {
        monotonic_ns: u64,
        /// Boot clock minus monotonic clock: what the computer had slept before.
        asleep_ns: u64,
    }

    impl Origin {
        pub(super) fn now() -> Self {
            Self {
                monotonic_ns: clocks::monotonic_ns(),
                asleep_ns: asleep_since_boot_ns(),
            }
        }

        pub(super) fn elapsed_ns(self) -> u64 {
            clocks::monotonic_ns().saturating_sub(self.monotonic_ns)
        }

        pub(super) fn asleep(self) -> Duration {
            Duration::from_nanos(asleep_since_boot_ns().saturating_sub(self.asleep_ns))
        }

        pub(super) fn to_kernel(self, at: MonoTime) -> u64 {
            self.monotonic_ns.saturating_add(at.as_nanos())
        }
    }

    pub(super) fn wall_ns() -> i64 {
        clocks::realtime_ns()
    }

    /// The boot clock is read first, so that the time between the two reads cannot look like sleep.
    fn asleep_since_boot_ns() -> u64 {
        let boot_ns = clocks::boottime_ns();
        boot_ns.saturating_sub(clocks::monotonic_ns())
    }
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::disallowed_methods, reason = "this file is the one that reads clocks")]
mod os {
    use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

    /// Where this process's time begins.
    #[derive(Clone, Copy, Debug)]
    pub(super) struct Origin {
        at: Instant,
        /// A clock that goes on in suspension, at that moment; zero where there is none.
        boot_ns: u64,
    }

    impl Origin {
        /// The boot clock is read last, here and first below: the time between two reads must not look like sleep.
        pub(super) fn now() -> Self {
            let at = Instant::now();
            Self {
                at,
                boot_ns: boot_ns(),
            }
        }

        pub(super) fn elapsed_ns(self) -> u64 {
            u64::try_from(self.at.elapsed().as_nanos()).unwrap_or(u64::MAX)
        }

        /// Zero on Windows, whose monotonic clock goes on in suspension: waking up is then a stall, which is a gap
        /// as well and no loss either.
        pub(super) fn asleep(self) -> Duration {
            let boot_ns = boot_ns().saturating_sub(self.boot_ns);
            Duration::from_nanos(boot_ns.saturating_sub(self.elapsed_ns()))
        }
    }

    /// A clock that goes on while the computer is suspended.
    fn boot_ns() -> u64 {
        #[cfg(target_os = "macos")]
        let boot_ns = crate::sys::macos::clocks::continuous_ns();
        #[cfg(not(target_os = "macos"))]
        let boot_ns = 0;
        boot_ns
    }

    pub(super) fn wall_ns() -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_tell_the_same_time_and_it_only_grows() {
        let clock = SystemClock::start();
        let copy = clock;
        let (first, second, third) = (clock.mono(), copy.mono(), clock.mono());
        assert!(first <= second && second <= third);
    }

    #[test]
    fn an_anchor_lies_between_reads_around_it_on_both_clocks() {
        let clock = SystemClock::start();
        let (mono_before, wall_before) = (clock.mono(), clock.wall());
        let anchor = clock.anchor();
        let (mono_after, wall_after) = (clock.mono(), clock.wall());
        assert!(mono_before <= anchor.mono && anchor.mono <= mono_after);
        assert!(wall_before <= anchor.wall && anchor.wall <= wall_after);
    }

    #[test]
    fn a_computer_that_stays_awake_has_not_slept() {
        let clock = SystemClock::start();
        // The two clocks are read one after the other: an interruption between them is all that may show.
        assert!(clock.asleep() < Duration::from_millis(100));
    }
}
