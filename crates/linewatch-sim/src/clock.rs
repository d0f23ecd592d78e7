//! Makes time: a clock that moves only when told, and a pace that follows a real clock.
//!
//! Both are a [`Pace`]: what the simulated network asks for time, for waiting, and for the moment at which a
//! packet reaches a computer that may be asleep. Nothing here reads a real clock except through [`Clock`].

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use linewatch_core::port::Clock;
use linewatch_core::time::{Anchor, MonoTime, WallTime, WireTime, nanos_of};

/// What the clocks and the process do during a scenario. Instants are monotonic; lists may be in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClockScript {
    /// The calendar is set by so many nanoseconds (negative: back).
    pub steps: Vec<(MonoTime, i64)>,
    /// The computer sleeps for so long: the monotonic clock stands, the calendar goes on.
    pub sleeps: Vec<(MonoTime, Duration)>,
    /// The process does not run for so long: every clock goes on and nothing returns.
    pub stalls: Vec<(MonoTime, Duration)>,
}

impl ClockScript {
    fn asleep_at(&self, at: MonoTime) -> Duration {
        self.sleeps
            .iter()
            .filter(|(from, _)| *from <= at)
            .map(|(_, length)| *length)
            .sum()
    }

    fn stepped_at(&self, at: MonoTime) -> i64 {
        self.steps
            .iter()
            .filter(|(from, _)| *from <= at)
            .map(|(_, by)| *by)
            .sum()
    }

    /// When a process that would wake at `at` really runs again.
    fn awake_after(&self, at: MonoTime) -> MonoTime {
        let ends = self
            .stalls
            .iter()
            .filter(|(from, length)| *from <= at && at < from.plus(*length));
        ends.map(|(from, length)| from.plus(*length)).max().unwrap_or(at)
    }

    /// Arrival of a packet after `delay` of true time; `None` if the computer slept then.
    fn arrival(&self, sent_at: MonoTime, delay: Duration) -> Option<MonoTime> {
        let mut sleeps: Vec<_> = self.sleeps.iter().filter(|(from, _)| *from > sent_at).collect();
        sleeps.sort();
        let mut left = delay;
        let mut at = sent_at;
        for (from, length) in sleeps {
            let until_sleep = from.since(at);
            if left < until_sleep {
                break;
            }
            left -= until_sleep;
            if left < *length {
                return None;
            }
            left -= *length;
            at = *from;
        }
        Some(at.plus(left))
    }
}

/// Interrupts a wait from another thread.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    is_rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    /// Ends the wait that goes on, or the next one.
    pub(crate) fn ring(&self) {
        *self.is_rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// Whether it was rung since it was last asked.
    pub(crate) fn take(&self) -> bool {
        std::mem::take(&mut *self.is_rung.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until it is rung or `length` is over; leaves it rung.
    fn wait(&self, length: Duration) {
        let guard = self.is_rung.lock().unwrap_or_else(PoisonError::into_inner);
        // A poisoned bell has still been rung or not; a spurious return is a short wait, and the caller looks again.
        drop(
            self.changed
                .wait_timeout_while(guard, length, |is_rung| !*is_rung),
        );
    }
}

mod sealed {
    /// What only the network may ask of a pace.
    pub trait Waiting {
        /// Lets time pass until `at`, or less.
        fn pass(&self, at: super::MonoTime, bell: &super::Interrupt<'_>);
        /// Arrival of a packet after `delay` of true time; `None` if the computer slept then.
        fn arrival(&self, sent_at: super::MonoTime, delay: super::Duration) -> Option<super::MonoTime>;
        /// What the kernel's stamp of this moment says.
        fn stamp(&self, at: super::MonoTime) -> super::WireTime;
        /// Where the story is at this moment: script time.
        fn story(&self, at: super::MonoTime) -> super::MonoTime;
        /// Whether time stands still between waits, so that nobody's deadline may be passed over.
        fn is_simulated(&self) -> bool;
    }
}

/// Hands a [`Bell`] to a pace without making the bell public.
pub struct Interrupt<'a>(pub(crate) &'a Bell);

/// Time as the simulated network needs it: [`SimClock`] or [`Paced`].
pub trait Pace: Clock + sealed::Waiting {}

impl<P: Clock + sealed::Waiting> Pace for P {}

/// A clock that stands still until the network or a test moves it. Clones show the same time.
#[derive(Clone, Debug)]
pub struct SimClock {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    now_ns: AtomicU64,
    begin: WallTime,
    script: ClockScript,
}

impl SimClock {
    /// A clock at its origin, where the calendar says `begin`.
    pub fn new(begin: WallTime, script: ClockScript) -> Self {
        Self {
            shared: Arc::new(Shared {
                now_ns: AtomicU64::new(0),
                begin,
                script,
            }),
        }
    }

    /// Moves on to `at`, or to the end of a scripted stall that covers it. Never moves back.
    pub fn advance_to(&self, at: MonoTime) {
        let at = self.shared.script.awake_after(at);
        self.shared.now_ns.fetch_max(at.as_nanos(), Ordering::SeqCst);
    }

    /// What the calendar shows at a monotonic instant, steps and sleeps included.
    pub fn wall_at(&self, at: MonoTime) -> WallTime {
        let script = &self.shared.script;
        let passed = self
            .shared
            .begin
            .plus(Duration::from_nanos(at.as_nanos()))
            .plus(script.asleep_at(at));
        WallTime::from_nanos(passed.as_nanos().saturating_add(script.stepped_at(at)))
    }
}

impl Clock for SimClock {
    fn mono(&self) -> MonoTime {
        MonoTime::from_nanos(self.shared.now_ns.load(Ordering::SeqCst))
    }

    fn wall(&self) -> WallTime {
        self.wall_at(self.mono())
    }

    fn asleep(&self) -> Duration {
        self.shared.script.asleep_at(self.mono())
    }

    fn anchor(&self) -> Anchor {
        let mono = self.mono();
        Anchor {
            mono,
            wall: self.wall_at(mono),
        }
    }
}

impl sealed::Waiting for SimClock {
    fn pass(&self, at: MonoTime, _bell: &Interrupt<'_>) {
        self.advance_to(at);
    }

    fn arrival(&self, sent_at: MonoTime, delay: Duration) -> Option<MonoTime> {
        self.shared.script.arrival(sent_at, delay)
    }

    fn stamp(&self, at: MonoTime) -> WireTime {
        WireTime::from_nanos(self.wall_at(at).as_nanos())
    }

    fn story(&self, at: MonoTime) -> MonoTime {
        at
    }

    fn is_simulated(&self) -> bool {
        true
    }
}

/// A real clock under the simulated network: waits really, and tells the story at a speed of its own.
///
/// The speed concerns the script only (an outage every 90 s comes every 9 s at speed 10); delays of packets
/// and the program's own seconds stay as they are, so that every time shown is true.
#[derive(Clone, Debug)]
pub struct Paced<C> {
    clock: C,
    begun_at: MonoTime,
    speed: f64,
}

impl<C: Clock> Paced<C> {
    /// Begins the story now. `speed` is brought into 0.01 to 1000.
    pub fn new(clock: C, speed: f64) -> Self {
        let begun_at = clock.mono();
        let speed = if speed.is_finite() {
            speed.clamp(0.01, 1000.0)
        } else {
            1.0
        };
        Self {
            clock,
            begun_at,
            speed,
        }
    }
}

impl<C: Clock> Clock for Paced<C> {
    fn mono(&self) -> MonoTime {
        self.clock.mono()
    }

    fn wall(&self) -> WallTime {
        self.clock.wall()
    }

    fn asleep(&self) -> Duration {
        self.clock.asleep()
    }

    fn anchor(&self) -> Anchor {
        self.clock.anchor()
    }
}

impl<C: Clock> sealed::Waiting for Paced<C> {
    fn pass(&self, at: MonoTime, bell: &Interrupt<'_>) {
        let left = at.since(self.clock.mono());
        if !left.is_zero() {
            bell.0.wait(left);
        }
    }

    fn arrival(&self, sent_at: MonoTime, delay: Duration) -> Option<MonoTime> {
        Some(sent_at.plus(delay))
    }

    fn stamp(&self, at: MonoTime) -> WireTime {
        WireTime::from_nanos(self.clock.anchor().wall_at(at).as_nanos())
    }

    fn story(&self, at: MonoTime) -> MonoTime {
        MonoTime::from_nanos((nanos_of(at.since(self.begun_at)) as f64 * self.speed) as u64)
    }

    fn is_simulated(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::sealed::Waiting;
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u64) -> MonoTime {
        MonoTime::ZERO.plus(SECOND * seconds as u32)
    }

    fn clock(script: ClockScript) -> SimClock {
        SimClock::new(WallTime::from_nanos(0), script)
    }

    #[test]
    fn a_step_moves_the_calendar_and_nothing_else() {
        let clock = clock(ClockScript {
            steps: vec![(at(10), -3_000_000_000)],
            ..ClockScript::default()
        });
        clock.advance_to(at(10));
        assert_eq!(
            (clock.mono(), clock.wall(), clock.asleep()),
            (at(10), WallTime::from_nanos(7_000_000_000), Duration::ZERO)
        );
    }

    #[test]
    fn sleep_stands_on_the_monotonic_clock_and_passes_on_the_calendar() {
        let clock = clock(ClockScript {
            sleeps: vec![(at(5), SECOND * 100)],
            ..ClockScript::default()
        });
        clock.advance_to(at(6));
        assert_eq!(
            (clock.asleep(), clock.wall().as_nanos()),
            (SECOND * 100, 106_000_000_000)
        );
    }

    #[test]
    fn a_packet_that_comes_during_sleep_is_missed_and_one_after_it_is_not() {
        let clock = clock(ClockScript {
            sleeps: vec![(at(5), SECOND * 10)],
            ..ClockScript::default()
        });
        assert_eq!(clock.arrival(at(3), SECOND), Some(at(4)));
        assert_eq!(clock.arrival(at(3), SECOND * 2), None);
        assert_eq!(clock.arrival(at(3), SECOND * 11), None);
        assert_eq!(clock.arrival(at(3), SECOND * 13), Some(at(6)));
    }

    #[test]
    fn nothing_returns_during_a_stall() {
        let clock = clock(ClockScript {
            stalls: vec![(at(5), SECOND * 3)],
            ..ClockScript::default()
        });
        clock.advance_to(at(4));
        assert_eq!(clock.mono(), at(4));
        clock.advance_to(at(6));
        assert_eq!(clock.mono(), at(8));
    }

    #[test]
    fn the_story_runs_faster_than_the_clock_that_carries_it() {
        let clock = clock(ClockScript::default());
        clock.advance_to(at(5));
        let paced = Paced::new(clock.clone(), 10.0);
        clock.advance_to(at(7));
        assert_eq!((paced.mono(), paced.story(paced.mono())), (at(7), at(20)));
    }
}
