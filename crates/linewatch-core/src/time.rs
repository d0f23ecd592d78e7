//! Keeps three clocks apart: monotonic, calendar and wire.
//!
//! A duration only ever comes from two instants of the same clock; the types make anything else a
//! compile error. `MonoTime` and `WallTime` meet in an [`Anchor`] and nowhere else.
//! Not here: reading a clock (that is `linewatch_probe::clock`) and time zones (render and the browser).

use std::fmt;
use std::time::Duration;

/// An instant of the monotonic clock, in nanoseconds since this process chose its origin.
///
/// It does not advance while the computer is suspended and never steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonoTime(u64);

/// A calendar instant: nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted (POSIX time).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(i64);

/// A stamp the kernel put on a packet (`CLOCK_REALTIME`, nanoseconds since 1970).
///
/// Good for the difference of two stamps of one packet pair and for nothing else: the clock behind it may step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WireTime(i64);

/// A round-trip delay in nanoseconds (RFC 2681).
///
/// A lost probe has no `Rtt`. Loss is [`crate::record::Outcome::Lost`]: never zero, never infinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rtt(u64);

/// Why two wire stamps gave no delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StampError {
    /// The receive stamp is before the transmit stamp: the wall clock was stepped in flight.
    Backwards,
}

/// One moment seen by both clocks; maps monotonic instants to the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The moment on the monotonic clock.
    pub mono: MonoTime,
    /// The same moment on the calendar.
    pub wall: WallTime,
}

impl MonoTime {
    /// The origin: the moment the process chose.
    pub const ZERO: Self = Self(0);
    /// Later than everything.
    pub const MAX: Self = Self(u64::MAX);

    /// An instant `nanos` after the origin.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// `self + length`, stopping at [`MonoTime::MAX`].
    pub const fn plus(self, length: Duration) -> Self {
        Self(self.0.saturating_add(nanos_of(length)))
    }

    /// `self - length`, stopping at the origin.
    pub const fn minus(self, length: Duration) -> Self {
        Self(self.0.saturating_sub(nanos_of(length)))
    }

    /// The time from `earlier` to `self`; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl WallTime {
    /// The instant `nanos` after 1970 (negative: before).
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since 1970.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since 1970, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// `self + length`, saturating.
    pub const fn plus(self, length: Duration) -> Self {
        let nanos = nanos_of(length);
        Self(self.0.saturating_add_unsigned(nanos))
    }

    /// `self - length`, saturating.
    pub const fn minus(self, length: Duration) -> Self {
        Self(self.0.saturating_sub_unsigned(nanos_of(length)))
    }

    /// `self - other` in nanoseconds, negative when `other` is later.
    pub const fn nanos_after(self, other: Self) -> i64 {
        self.0.saturating_sub(other.0)
    }
}

impl WireTime {
    /// A kernel stamp of `nanos` since 1970.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since 1970.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }
}

impl Rtt {
    /// A delay of `nanos` nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The delay in nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The delay in milliseconds, for display and for thresholds only.
    pub fn as_millis_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// The delay between two stamps of the same packet pair.
    ///
    /// # Errors
    ///
    /// [`StampError::Backwards`] if the wall clock was stepped in flight. The caller then uses its
    /// monotonic stamps instead and counts the event; it never clamps to zero.
    pub const fn between(sent: WireTime, received: WireTime) -> Result<Self, StampError> {
        match received.0.checked_sub(sent.0) {
            Some(nanos) if nanos >= 0 => Ok(Self(nanos.unsigned_abs())),
            _ => Err(StampError::Backwards),
        }
    }
}

impl Anchor {
    /// The calendar time of a monotonic instant, before or after the anchor.
    pub const fn wall_at(self, at: MonoTime) -> WallTime {
        if at.0 >= self.mono.0 {
            WallTime(self.wall.0.saturating_add_unsigned(at.0 - self.mono.0))
        } else {
            WallTime(self.wall.0.saturating_sub_unsigned(self.mono.0 - at.0))
        }
    }

    /// The monotonic instant of a calendar time, if it is not before the origin.
    pub const fn mono_at(self, wall: WallTime) -> Option<MonoTime> {
        let ahead = wall.0.saturating_sub(self.wall.0);
        match self.mono.0.checked_add_signed(ahead) {
            Some(nanos) => Some(MonoTime(nanos)),
            None => None,
        }
    }
}

impl fmt::Display for Rtt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} ms", self.as_millis_f64())
    }
}

/// Nanoseconds of a length, saturating at 584 years.
pub const fn nanos_of(length: Duration) -> u64 {
    let nanos = length.as_nanos();
    if nanos > u64::MAX as u128 {
        u64::MAX
    } else {
        nanos as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backwards_step_is_an_error_and_never_zero() {
        let (sent, received) = (WireTime::from_nanos(2_000), WireTime::from_nanos(1_999));
        assert_eq!(Rtt::between(sent, received), Err(StampError::Backwards));
        assert_eq!(Rtt::between(received, sent), Ok(Rtt::from_nanos(1)));
    }

    #[test]
    fn an_anchor_maps_both_ways_and_before_itself() {
        let anchor = Anchor {
            mono: MonoTime::from_nanos(500),
            wall: WallTime::from_nanos(10_000),
        };
        assert_eq!(
            anchor.wall_at(MonoTime::from_nanos(400)),
            WallTime::from_nanos(9_900)
        );
        assert_eq!(
            anchor.mono_at(WallTime::from_nanos(10_100)),
            Some(MonoTime::from_nanos(600))
        );
        assert_eq!(anchor.mono_at(WallTime::from_nanos(9_000)), None);
    }
}
