//! Remembers for many small integers when each of them wants attention: a hashed timing wheel.
//!
//! One entry per index, set, moved and cleared in constant time, without allocation once the tables have their
//! size. Instants are exact: the buckets only narrow the search. Not here: what an entry means.

use crate::time::MonoTime;

/// 131 us to a bucket: 13 entries in each at 100,000 probes per second.
const TICK_SHIFT: u32 = 17;
/// Buckets of one revolution (1.07 s), so that a target probed once a second is met once a revolution.
const BUCKETS: u64 = 8192;
/// End of a bucket's list.
const END: u32 = u32::MAX;
/// In no list.
const UNLINKED: u32 = u32::MAX - 1;

/// See the module.
#[derive(Debug)]
pub(crate) struct Wheel {
    entries: Vec<Entry>,
    /// First entry of each bucket.
    heads: Vec<u32>,
    /// One bit per bucket that is not empty.
    occupied: Vec<u64>,
    /// No entry lies in a tick before this one.
    cursor: u64,
}

/// 16 bytes per index.
#[derive(Clone, Copy, Debug)]
struct Entry {
    at: MonoTime,
    next: u32,
    previous: u32,
}

impl Wheel {
    pub(crate) fn new() -> Self {
        Self {
            entries: Vec::new(),
            heads: vec![END; BUCKETS as usize],
            occupied: vec![0; BUCKETS as usize / 64],
            cursor: 0,
        }
    }

    /// Wants attention for `index` at `at`, instead of any earlier wish.
    pub(crate) fn set(&mut self, index: u32, at: MonoTime) {
        let place = index as usize;
        if place >= self.entries.len() {
            let vacant = Entry {
                at: MonoTime::ZERO,
                next: UNLINKED,
                previous: END,
            };
            crate::table::make_room(&mut self.entries, place + 1);
            self.entries.resize(place + 1, vacant);
        }
        self.clear(index);
        let (tick, bucket) = (tick_of(at), bucket_of(tick_of(at)));
        let next = self.heads[bucket];
        if next != END {
            self.entries[next as usize].previous = index;
        }
        self.entries[place] = Entry {
            at,
            next,
            previous: END,
        };
        self.heads[bucket] = index;
        self.occupied[bucket / 64] |= 1 << (bucket % 64);
        self.cursor = self.cursor.min(tick);
    }

    /// Forgets `index`.
    pub(crate) fn clear(&mut self, index: u32) {
        let Some(&Entry { at, next, previous }) = self.entries.get(index as usize) else {
            return;
        };
        if next == UNLINKED {
            return;
        }
        if next != END {
            self.entries[next as usize].previous = previous;
        }
        if previous == END {
            let bucket = bucket_of(tick_of(at));
            self.heads[bucket] = next;
            if next == END {
                self.occupied[bucket / 64] &= !(1 << (bucket % 64));
            }
        } else {
            self.entries[previous as usize].next = next;
        }
        self.entries[index as usize].next = UNLINKED;
    }

    /// When `index` wants attention, if it does.
    pub(crate) fn at(&self, index: u32) -> Option<MonoTime> {
        self.entries
            .get(index as usize)
            .filter(|entry| entry.next != UNLINKED)
            .map(|entry| entry.at)
    }

    /// Takes out entries that are due, bucket by bucket, until `limit` is reached or none is left; more are due
    /// when `out` holds `limit` or more afterwards.
    pub(crate) fn take_due(&mut self, now: MonoTime, limit: usize, out: &mut Vec<u32>) {
        let last = tick_of(now);
        // After a long silence one revolution meets everything.
        let mut tick = self.cursor;
        let end = last.min(tick.saturating_add(BUCKETS - 1));
        while let Some(found) = self.next_occupied(tick, end) {
            if out.len() >= limit {
                self.cursor = found;
                return;
            }
            let mut index = self.heads[bucket_of(found)];
            while index != END {
                let Entry { at, next, .. } = self.entries[index as usize];
                if at <= now {
                    self.clear(index);
                    out.push(index);
                }
                index = next;
            }
            tick = found + 1;
        }
        self.cursor = self.cursor.max(last);
    }

    /// The earliest instant that any entry wants.
    pub(crate) fn next(&self) -> Option<MonoTime> {
        let mut later: Option<MonoTime> = None;
        let (mut tick, end) = (self.cursor, self.cursor.saturating_add(BUCKETS - 1));
        while let Some(found) = self.next_occupied(tick, end) {
            let mut soonest: Option<MonoTime> = None;
            let mut index = self.heads[bucket_of(found)];
            while index != END {
                let Entry { at, next, .. } = self.entries[index as usize];
                // A bucket also holds entries of later revolutions.
                let best = if tick_of(at) <= found {
                    &mut soonest
                } else {
                    &mut later
                };
                *best = Some(best.map_or(at, |best| best.min(at)));
                index = next;
            }
            if soonest.is_some() {
                return soonest;
            }
            tick = found + 1;
        }
        later
    }

    /// The first tick from `tick` to `end`, both included, whose bucket is not empty.
    fn next_occupied(&self, mut tick: u64, end: u64) -> Option<u64> {
        while tick <= end {
            let bucket = bucket_of(tick);
            let rest = self.occupied[bucket / 64] >> (bucket % 64);
            if rest != 0 {
                let found = tick + u64::from(rest.trailing_zeros());
                return (found <= end).then_some(found);
            }
            tick += 64 - (bucket as u64 % 64);
        }
        None
    }
}

const fn tick_of(at: MonoTime) -> u64 {
    at.as_nanos() >> TICK_SHIFT
}

const fn bucket_of(tick: u64) -> usize {
    (tick % BUCKETS) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Set(u32, u64),
        Clear(u32),
        Due(u64, usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        // From the same bucket to several revolutions ahead.
        let ahead = prop_oneof![0..200_000_u64, 0..2_000_000_000_u64, 0..20_000_000_000_u64];
        prop_oneof![
            (0..40_u32, ahead.clone()).prop_map(|(index, ahead)| Step::Set(index, ahead)),
            (0..40_u32).prop_map(Step::Clear),
            (ahead, 1..5_usize).prop_map(|(ahead, limit)| Step::Due(ahead, limit)),
        ]
    }

    proptest! {
        #[test]
        fn the_wheel_agrees_with_a_sorted_map(steps in prop::collection::vec(step(), 1..120)) {
            let (mut wheel, mut model, mut now) = (Wheel::new(), BTreeMap::new(), 0_u64);
            for step in steps {
                match step {
                    Step::Set(index, ahead) => {
                        wheel.set(index, MonoTime::from_nanos(now + ahead));
                        model.insert(index, now + ahead);
                    }
                    Step::Clear(index) => {
                        wheel.clear(index);
                        model.remove(&index);
                    }
                    Step::Due(ahead, limit) => {
                        now += ahead;
                        let mut found = Vec::new();
                        loop {
                            let before = found.len();
                            wheel.take_due(MonoTime::from_nanos(now), before + limit, &mut found);
                            if found.len() < before + limit { break; }
                        }
                        found.sort_unstable();
                        let expected: Vec<u32> = model.iter().filter(|(_, at)| **at <= now).map(|(index, _)| *index).collect();
                        prop_assert_eq!(found, expected);
                        model.retain(|_, at| *at > now);
                    }
                }
                prop_assert_eq!(wheel.next().map(MonoTime::as_nanos), model.values().min().copied());
            }
        }
    }
}
