//! Says who is due when.
//!
//! Input: targets as small indices, intervals, and now. Output: [`Due`] slots on each target's own absolute grid
//! `s_0 + i * interval`, and [`Missed`] spans. A slot is never skipped: it is handed out once, with the lateness
//! it then has, or it is inside a missed span; either way it consumes a sequence number. What is more than
//! [`STALL_AFTER`] late is missed, and with it all that was due while everything stood still; late slots of one target
//! beyond one batch are to be refused: catching up in a burst would measure the burst (SAFETY T6). Not here: sending, and what a missed span is called.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::limits::{SEND_BATCH, STALL_AFTER};
use crate::time::{MonoTime, nanos_of};
use crate::wheel::Wheel;

/// First slots are spread over one interval, and over no more than this: a person who adds a target that is
/// probed once an hour sees it alive now.
const SPREAD_MAX: Duration = Duration::from_secs(10);
/// Above this many probes per second one wake-up per probe costs more than the probes.
const EXACT_WAKE_PER_S: u64 = 10_000;
/// Wake-ups are then rounded up to this grid: no slot waits longer for others than this.
const COARSE_WAKE_NS: u64 = 125_000;
/// Where nobody is probed more often than every [`SLOW_NS`], wake-ups are shared from this many probes per second on ...
const EXACT_WAKE_SLOW_PER_S: u64 = 2_000;
/// ... on this grid: none is later than a two-hundredth of its interval.
const COARSE_WAKE_SLOW_NS: u64 = 250_000;
/// An interval of so many nanoseconds is a slow one.
const SLOW_NS: u64 = 50_000_000;
/// Phases of slow intervals lie on this grid, so that those who share a wake-up are all punctual: 25 slots at 100,000/s,
/// less than a batch. To sleep and to wake costs as much as some ten probes.
const PHASE_NS: u64 = 250_000;
/// The first targets, as long as all of them together are probed no more often than this, share a wider grid ...
const SPARSE_PER_S: u64 = 8_000;
/// ... of up to eight slots, whose interval is at least fifty times as long.
const SPARSE_PHASE_NS: u64 = 1_000_000;

// Who is on a grid is woken for at once.
const _: () = assert!(
    PHASE_NS.is_multiple_of(COARSE_WAKE_NS)
        && PHASE_NS.is_multiple_of(COARSE_WAKE_SLOW_NS)
        && SPARSE_PHASE_NS.is_multiple_of(PHASE_NS)
);

/// Rates are summed in millionths of a probe per second, so that adding and removing leaves nothing behind.
const MICRO_PER_S: u64 = 1_000_000;

/// A slot whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Whose.
    pub index: u32,
    /// Its number.
    pub seq: u64,
    /// The slot.
    pub due_at: MonoTime,
    /// Late, and more of this target are than leave at once: to be refused, not sent.
    pub is_refused: bool,
}

/// Slots that nobody will be handed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// Whose.
    pub index: u32,
    /// Number of the first.
    pub first_seq: u64,
    /// How many.
    pub slots: u64,
    /// The first slot.
    pub from: MonoTime,
    /// The first slot after them.
    pub to: MonoTime,
}

/// See the module.
#[derive(Debug)]
pub struct Schedule {
    wheel: Wheel,
    grids: Vec<Grid>,
    /// Of the few grids that end by themselves: the first number that is not to be scheduled any more.
    ends: BTreeMap<u32, u64>,
    /// Where the even spread begins; differs between installations, so that they do not probe in step.
    spread_offset: u64,
    /// Of the targets that run.
    rate_micro_per_s: u64,
    /// Running grids that are not slow.
    fast: u32,
    taken: Vec<u32>,
}

/// One target's slots. Kept when it pauses, so that it resumes on its grid. It runs when it is in the wheel.
/// 24 bytes: there are 100,000 of them.
#[derive(Clone, Copy, Debug, Default)]
struct Grid {
    /// The next slot; in the past while paused.
    next_at: MonoTime,
    /// 0: no target here.
    interval_ns: u64,
    next_seq: u64,
}

impl Schedule {
    /// Nobody is due. The same seed gives the same phases.
    pub fn new(seed: u64) -> Self {
        Self {
            wheel: Wheel::new(),
            grids: Vec::new(),
            ends: BTreeMap::new(),
            spread_offset: mix(seed),
            rate_micro_per_s: 0,
            fast: 0,
            taken: Vec::new(),
        }
    }

    /// Begins a grid for `index` with the first slot at or after `now`, numbered `first_seq`.
    pub fn add(&mut self, index: u32, interval: Duration, now: MonoTime, first_seq: u64) {
        self.remove(index);
        let place = index as usize;
        if place >= self.grids.len() {
            crate::table::make_room(&mut self.grids, place + 1);
            self.grids.resize(place + 1, Grid::default());
        }
        let interval_ns = nanos_of(interval).max(1);
        let next_at = self.first_slot(index, interval_ns, now);
        self.grids[place] = Grid {
            next_at,
            interval_ns,
            next_seq: first_seq,
        };
        self.run(index);
    }

    /// Lets the grid of `index` end by itself after `slots` more slots, exactly.
    pub fn end_after(&mut self, index: u32, slots: u64) {
        if let Some(grid) = self.grid(index) {
            self.ends.insert(index, grid.next_seq.saturating_add(slots));
        }
    }

    /// Ends a grid. The answer is the next unused sequence number, if there was one.
    pub fn remove(&mut self, index: u32) -> Option<u64> {
        self.pause(index);
        self.ends.remove(&index);
        let grid = self
            .grids
            .get_mut(index as usize)
            .filter(|grid| grid.interval_ns > 0)?;
        Some(std::mem::take(grid).next_seq)
    }

    /// Begins a new grid with another interval; the numbers go on. The same interval changes nothing.
    pub fn change(&mut self, index: u32, interval: Duration, now: MonoTime) {
        let Some(&Grid {
            interval_ns,
            next_seq,
            ..
        }) = self.grid(index)
        else {
            return;
        };
        if interval_ns == nanos_of(interval) {
            return;
        }
        let (is_running, end) = (self.is_running(index), self.ends.get(&index).copied());
        self.add(index, interval, now, next_seq);
        if let Some(end) = end {
            self.ends.insert(index, end);
        }
        if !is_running {
            self.pause(index);
        }
    }

    /// No slots until [`Schedule::resume`]; time that passes meanwhile consumes no numbers.
    pub fn pause(&mut self, index: u32) {
        if self.is_running(index) {
            self.wheel.clear(index);
            self.rest(index);
        }
    }

    /// Goes on with the first slot of the old grid at or after `now`.
    pub fn resume(&mut self, index: u32, now: MonoTime) {
        if self.is_running(index) {
            return;
        }
        let Some(grid) = self
            .grids
            .get_mut(index as usize)
            .filter(|grid| grid.interval_ns > 0)
        else {
            return;
        };
        let behind_ns = nanos_of(now.since(grid.next_at));
        grid.next_at = grid.slot(behind_ns.div_ceil(grid.interval_ns));
        self.run(index);
    }

    /// Slots of `index` so far: its next sequence number.
    pub fn scheduled(&self, index: u32) -> u64 {
        self.grid(index).map_or(0, |grid| grid.next_seq)
    }

    /// When somebody is due next.
    pub fn next_deadline(&self) -> Option<MonoTime> {
        let next = self.wheel.next()?;
        let per_s = self.rate_micro_per_s / MICRO_PER_S;
        let grid_ns = if per_s > EXACT_WAKE_PER_S {
            COARSE_WAKE_NS
        } else if per_s > EXACT_WAKE_SLOW_PER_S && self.fast == 0 {
            COARSE_WAKE_SLOW_NS
        } else {
            1
        };
        let wake_ns = next.as_nanos().div_ceil(grid_ns).saturating_mul(grid_ns);
        Some(MonoTime::from_nanos(wake_ns))
    }

    /// Appends the slots that are due at `now` in the order of their time. Stops between targets once about
    /// `limit` have been handed out; the answer is whether more may be due.
    pub fn due(&mut self, now: MonoTime, limit: usize, due: &mut Vec<Due>, missed: &mut Vec<Missed>) -> bool {
        let (begin, mut taken) = (due.len(), std::mem::take(&mut self.taken));
        taken.clear();
        self.wheel.take_due(now, limit, &mut taken);
        for &index in &taken {
            self.hand_out(index, now, due, missed);
        }
        due[begin..].sort_unstable_by_key(|slot| (slot.due_at, slot.index));
        let has_more = taken.len() >= limit;
        self.taken = taken;
        has_more
    }

    /// The computer slept for `slept` up to `now`, unseen by the monotonic clock: every running grid keeps its
    /// place in real time, and the slots that passed meanwhile are missed. Each running target gets an entry,
    /// also one that missed no slot.
    pub fn slept(&mut self, slept: Duration, now: MonoTime, missed: &mut Vec<Missed>) {
        for index in 0..self.grids.len() as u32 {
            if !self.is_running(index) {
                continue;
            }
            let end_seq = self.end_seq(index);
            let grid = &mut self.grids[index as usize];
            // In sleepless time the next slot was `ahead` after now; the sleep used up `slept` of that.
            let ahead_ns = i128::from(grid.next_at.as_nanos()) - i128::from(now.as_nanos());
            let over_ns = i128::from(nanos_of(slept)) - ahead_ns;
            let interval = i128::from(grid.interval_ns);
            let slots = if over_ns < 0 { 0 } else { over_ns / interval + 1 };
            let slots = slots.min(i128::from(end_seq - grid.next_seq));
            let next_ns = i128::from(now.as_nanos()) - over_ns + slots * interval;
            missed.push(Missed {
                index,
                first_seq: grid.next_seq,
                slots: slots as u64,
                from: now,
                to: now,
            });
            grid.next_seq += slots as u64;
            grid.next_at = MonoTime::from_nanos(next_ns as u64);
            self.wheel.set(index, grid.next_at);
        }
    }

    /// Nobody was looked after for over [`STALL_AFTER`] up to `now`: all that was due meanwhile is missed, also what is not yet
    /// that late. It would leave in one burst (SAFETY T20), and tell more about that than about the second it was meant for.
    pub fn stood_still(&mut self, now: MonoTime, missed: &mut Vec<Missed>) {
        for index in 0..self.grids.len() as u32 {
            if self.wheel.at(index).is_none_or(|at| at > now) {
                continue;
            }
            let end_seq = self.end_seq(index);
            let grid = &mut self.grids[index as usize];
            let late_ns = nanos_of(now.since(grid.next_at));
            let slots = (late_ns / grid.interval_ns + 1).min(end_seq - grid.next_seq);
            if slots == 0 {
                // It has ended in a sleep, and leaves the wheel when it is due.
                continue;
            }
            let (from, to) = (grid.next_at, grid.slot(slots));
            missed.push(Missed {
                index,
                first_seq: grid.next_seq,
                slots,
                from,
                to,
            });
            grid.next_seq += slots;
            grid.next_at = to;
            self.wheel.set(index, to);
        }
    }

    fn grid(&self, index: u32) -> Option<&Grid> {
        self.grids.get(index as usize).filter(|grid| grid.interval_ns > 0)
    }

    fn is_running(&self, index: u32) -> bool {
        self.wheel.at(index).is_some()
    }

    /// `u64::MAX` for a grid without end.
    fn end_seq(&self, index: u32) -> u64 {
        if self.ends.is_empty() {
            return u64::MAX;
        }
        self.ends.get(&index).copied().unwrap_or(u64::MAX)
    }

    fn run(&mut self, index: u32) {
        let grid = &self.grids[index as usize];
        self.rate_micro_per_s += grid.rate_micro_per_s();
        self.fast += u32::from(grid.is_fast());
        self.wheel.set(index, grid.next_at);
    }

    /// Takes a grid that runs no more out of the sums.
    fn rest(&mut self, index: u32) {
        let grid = &self.grids[index as usize];
        self.rate_micro_per_s -= grid.rate_micro_per_s();
        self.fast -= u32::from(grid.is_fast());
    }

    /// Hands out what is due of one target and puts it back in the wheel.
    fn hand_out(&mut self, index: u32, now: MonoTime, due: &mut Vec<Due>, missed: &mut Vec<Missed>) {
        let end_seq = self.end_seq(index);
        let grid = &mut self.grids[index as usize];
        let late_ns = nanos_of(now.since(grid.next_at));
        let slots = (late_ns / grid.interval_ns + 1).min(end_seq - grid.next_seq);
        // Slot i is `late - i * interval` late: those above the limit come first.
        let stalled = late_ns
            .saturating_sub(nanos_of(STALL_AFTER))
            .div_ceil(grid.interval_ns)
            .min(slots);
        if stalled > 0 {
            let (from, to) = (grid.next_at, grid.slot(stalled));
            missed.push(Missed {
                index,
                first_seq: grid.next_seq,
                slots: stalled,
                from,
                to,
            });
        }
        let first_sent = slots.saturating_sub(SEND_BATCH as u64);
        due.extend((stalled..slots).map(|slot| Due {
            index,
            seq: grid.next_seq + slot,
            due_at: grid.slot(slot),
            is_refused: slot < first_sent,
        }));
        grid.next_seq += slots;
        grid.next_at = grid.slot(slots);
        if grid.next_seq == end_seq {
            // Out of the wheel already.
            self.rest(index);
        } else {
            let next_at = grid.next_at;
            self.wheel.set(index, next_at);
        }
    }

    /// The first instant at or after `now` in the phase of `index`.
    ///
    /// Phases are multiples of the golden ratio (Fibonacci hashing): however many targets there are, they lie
    /// more evenly than chance would place them. Those of slow intervals are rounded to a grid that all share.
    fn first_slot(&self, index: u32, interval_ns: u64, now: MonoTime) -> MonoTime {
        let window_ns = interval_ns.min(nanos_of(SPREAD_MAX));
        let share = u64::from(index)
            .wrapping_mul(GOLDEN)
            .wrapping_add(self.spread_offset);
        let phase_ns = ((u128::from(share) * u128::from(window_ns)) >> 64) as u64;
        let phase_ns = phase_ns - phase_ns % phase_grid_ns(index, interval_ns);
        let wait_ns = (phase_ns + window_ns - now.as_nanos() % window_ns) % window_ns;
        now.plus(Duration::from_nanos(wait_ns))
    }
}

/// The grid on which the phase of `index` lies; the number of targets is taken for `index`, and all of them for alike.
const fn phase_grid_ns(index: u32, interval_ns: u64) -> u64 {
    let per_s = (index as u64 + 1) * 1_000_000_000 / interval_ns;
    if interval_ns < SLOW_NS || !interval_ns.is_multiple_of(PHASE_NS) {
        1
    } else if per_s <= SPARSE_PER_S && interval_ns.is_multiple_of(SPARSE_PHASE_NS) {
        SPARSE_PHASE_NS
    } else {
        PHASE_NS
    }
}

impl Grid {
    /// The slot `count` after the next one.
    fn slot(&self, count: u64) -> MonoTime {
        self.next_at
            .plus(Duration::from_nanos(count.saturating_mul(self.interval_ns)))
    }

    fn is_fast(&self) -> bool {
        self.interval_ns < SLOW_NS
    }

    fn rate_micro_per_s(&self) -> u64 {
        MICRO_PER_S * 1_000_000_000 / self.interval_ns
    }
}

/// 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64's finisher: neighbouring seeds give unrelated numbers.
const fn mix(seed: u64) -> u64 {
    let mut value = seed.wrapping_add(GOLDEN);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
