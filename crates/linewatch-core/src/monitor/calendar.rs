//! Dates moments of the monotonic clock by the calendar as it was then.
//!
//! A suspension or a set clock breaks the line between the two: what was sent before the break belongs to the
//! calendar before it, however late its fate is known. Between two breaks (an era) the newest anchor is kept, so that
//! slewing does not add up. Bounded: the oldest era goes first. Not here: lengths, which know no calendar.

use std::collections::VecDeque;
use std::time::Duration;

use crate::limits;
use crate::time::{Anchor, MonoTime, WallTime, nanos_of};

/// Two anchors that differ by no more than this are on one line: the noise of reading two clocks ...
const NOISE: Duration = Duration::from_millis(1);
/// ... plus this share of the time between them, which is what slewing can do (500 ppm, doubled).
const SLEW_DIVISOR: u64 = 1000;

/// The calendars of one run, oldest first; never empty.
#[derive(Debug)]
pub(super) struct Calendar {
    eras: VecDeque<Era>,
}

#[derive(Clone, Copy, Debug)]
struct Era {
    /// The first moment known to be in it; the first era of all reaches back without end.
    begins_at: MonoTime,
    /// The newest anchor of this era.
    anchor: Anchor,
}

impl Era {
    /// Whether the calendar went on unbroken between this era's anchor and the other.
    fn has(&self, other: Anchor) -> bool {
        let apart = other.mono.since(self.anchor.mono) + self.anchor.mono.since(other.mono);
        let noise_ns = nanos_of(NOISE) + nanos_of(apart) / SLEW_DIVISOR;
        let off_ns = other.wall.nanos_after(self.anchor.wall_at(other.mono));
        off_ns.unsigned_abs() <= noise_ns
    }
}

impl Calendar {
    pub(super) fn new(anchor: Anchor) -> Self {
        let begins_at = anchor.mono;
        Self {
            eras: VecDeque::from([Era { begins_at, anchor }]),
        }
    }

    /// Takes an anchor. They come from two threads, so one from before a break may come after one from behind it;
    /// of a break, the earliest anchor behind it tells the moment.
    pub(super) fn note(&mut self, anchor: Anchor) {
        let place = self.eras.partition_point(|era| era.begins_at <= anchor.mono);
        if let Some(era) = place.checked_sub(1).and_then(|own| self.eras.get_mut(own))
            && era.has(anchor)
        {
            if anchor.mono > era.anchor.mono {
                era.anchor = anchor;
            }
            return;
        }
        match self.eras.get_mut(place) {
            Some(next) if next.has(anchor) => next.begins_at = anchor.mono,
            _ => {
                let begins_at = anchor.mono;
                self.eras.insert(place, Era { begins_at, anchor });
            }
        }
        if self.eras.len() > limits::CALENDAR_ERAS {
            self.eras.pop_front();
        }
    }

    /// What the calendar showed at this moment.
    pub(super) fn wall_at(&self, at: MonoTime) -> WallTime {
        // From the back: nearly every date asked for is in the newest era.
        let era = self.eras.iter().rev().find(|era| era.begins_at <= at);
        let era = era.or(self.eras.front());
        era.map_or(WallTime::default(), |era| era.anchor.wall_at(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    /// The moment `seconds` after the origin, when the calendar is `ahead` seconds ahead of it.
    fn anchor(seconds: i64, ahead: i64) -> Anchor {
        Anchor {
            mono: MonoTime::from_nanos((seconds * SECOND).unsigned_abs()),
            wall: WallTime::from_nanos((seconds + ahead) * SECOND),
        }
    }

    /// Notes anchors `(second, ahead)` in this order; tells how far ahead the calendar was at each second asked for.
    #[track_caller]
    fn check(noted: &[(i64, i64)], asked: &[(i64, i64)]) {
        let mut calendar = Calendar::new(anchor(0, 0));
        noted
            .iter()
            .for_each(|(second, ahead)| calendar.note(anchor(*second, *ahead)));
        for (second, ahead) in asked {
            let expected = anchor(*second, *ahead);
            assert_eq!(
                calendar.wall_at(expected.mono),
                expected.wall,
                "at {second} s after {noted:?}"
            );
        }
    }

    #[test]
    fn what_was_before_a_step_keeps_its_date() {
        check(
            &[(10, 0), (20, -3600)],
            &[(5, 0), (19, 0), (20, -3600), (99, -3600)],
        );
    }

    #[test]
    fn an_anchor_from_before_a_step_may_come_after_it() {
        check(
            &[(10, 0), (20, 86_400), (15, 0)],
            &[(19, 0), (20, 86_400), (21, 86_400)],
        );
    }

    #[test]
    fn the_earliest_anchor_behind_a_step_tells_its_moment() {
        check(
            &[(10, 0), (20, 86_400), (15, 86_400)],
            &[(14, 0), (15, 86_400), (30, 86_400)],
        );
    }

    #[test]
    fn two_steps_are_three_calendars() {
        check(&[(10, 5), (20, -5)], &[(9, 0), (10, 5), (19, 5), (20, -5)]);
    }

    #[test]
    fn slewing_is_followed_and_is_no_step() {
        let mut calendar = Calendar::new(anchor(0, 0));
        // 500 ppm for an hour: 1.8 s by then, half a millisecond at a time.
        for second in 1..=3600 {
            let mut seen = anchor(second, 0);
            seen.wall = seen.wall.plus(Duration::from_micros(500) * second as u32);
            calendar.note(seen);
        }
        assert_eq!(calendar.eras.len(), 1);
        let hour = anchor(3600, 0);
        let ahead_ns = calendar.wall_at(hour.mono).nanos_after(hour.wall);
        assert_eq!(ahead_ns, 1_800_000_000);
    }

    #[test]
    fn a_clock_that_is_set_for_ever_costs_no_memory() {
        let mut calendar = Calendar::new(anchor(0, 0));
        (1..1000).for_each(|second| calendar.note(anchor(second, 10 * second)));
        assert_eq!(calendar.eras.len(), limits::CALENDAR_ERAS);
    }
}
