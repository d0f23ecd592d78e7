//! The newest probes of one target, open and closed: a ring indexed by sequence number.
//!
//! One place lies in the flow itself: all that a target needs whose answers come before the next probe. It grows
//! until every unanswered probe has its place for long enough, and then never allocates again. What it overwrites is
//! handed to the caller; of an answered probe, whose second answer is known even without it, that is soon.

use std::time::Duration;

use crate::limits::IN_FLIGHT_PER_TARGET;
use crate::time::{MonoTime, WireTime};

/// A time-out is at most 30 s: 25 bits of microseconds, which leaves room for the state.
const TIMEOUT_BITS: u32 = 25;
/// Kernel stamps are after 1970; this one is nobody's.
const NO_STAMP: i64 = i64::MIN;

/// What is known of a probe's fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// No probe here.
    Vacant,
    /// In flight.
    Open,
    /// Its answer came; another one is a duplicate.
    Answered,
    /// Closed without an answer; the next one is late.
    Unanswered,
}

/// One probe: 32 bytes, because 100,000 targets have one each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) due_at: MonoTime,
    pub(super) sent_at: MonoTime,
    transmitted_ns: i64,
    /// Low half of its number.
    seq: u32,
    /// Microseconds of the time-out, and the fate above them.
    timeout_and_fate: u32,
}

const _: () = assert!(size_of::<Entry>() == 32);

impl Entry {
    const VACANT: Self = Self {
        due_at: MonoTime::ZERO,
        sent_at: MonoTime::ZERO,
        transmitted_ns: NO_STAMP,
        seq: 0,
        timeout_and_fate: 0,
    };

    pub(super) fn open(seq: u64, due_at: MonoTime, sent_at: MonoTime, timeout: Duration) -> Self {
        let timeout_us = timeout.as_micros().min((1 << TIMEOUT_BITS) - 1) as u32;
        let mut entry = Self {
            due_at,
            sent_at,
            transmitted_ns: NO_STAMP,
            seq: seq as u32,
            timeout_and_fate: timeout_us,
        };
        entry.set_fate(Fate::Open);
        entry
    }

    pub(super) const fn timeout(&self) -> Duration {
        Duration::from_micros(self.timeout_us() as u64)
    }

    pub(super) const fn timeout_us(&self) -> u32 {
        self.timeout_and_fate & ((1 << TIMEOUT_BITS) - 1)
    }

    pub(super) const fn deadline(&self) -> MonoTime {
        self.sent_at.plus(self.timeout())
    }

    pub(super) const fn fate(&self) -> Fate {
        match self.timeout_and_fate >> TIMEOUT_BITS {
            0 => Fate::Vacant,
            1 => Fate::Open,
            2 => Fate::Answered,
            _ => Fate::Unanswered,
        }
    }

    pub(super) fn set_fate(&mut self, fate: Fate) {
        self.timeout_and_fate =
            (self.timeout_and_fate & ((1 << TIMEOUT_BITS) - 1)) | ((fate as u32) << TIMEOUT_BITS);
    }

    pub(super) const fn seq_low(&self) -> u32 {
        self.seq
    }

    pub(super) const fn transmitted_at(&self) -> Option<WireTime> {
        if self.transmitted_ns == NO_STAMP {
            None
        } else {
            Some(WireTime::from_nanos(self.transmitted_ns))
        }
    }

    pub(super) const fn set_transmitted(&mut self, stamp: WireTime) {
        self.transmitted_ns = stamp.as_nanos();
    }
}

/// See the module.
#[derive(Debug)]
pub(super) enum Ring {
    /// In place.
    One(Entry),
    /// A power of two of them.
    Many(Box<[Entry]>),
}

impl Ring {
    pub(super) const fn new() -> Self {
        Self::One(Entry::VACANT)
    }

    pub(super) fn capacity(&self) -> u64 {
        self.entries().len() as u64
    }

    /// The probe with this number, if it is still here.
    pub(super) fn get(&self, seq: u64) -> Option<&Entry> {
        let entry = &self.entries()[self.place(seq)];
        (entry.fate() != Fate::Vacant && entry.seq == seq as u32).then_some(entry)
    }

    pub(super) fn get_mut(&mut self, seq: u64) -> Option<&mut Entry> {
        let place = self.place(seq);
        let entry = &mut self.entries_mut()[place];
        (entry.fate() != Fate::Vacant && entry.seq == seq as u32).then_some(entry)
    }

    /// Makes room for `seq` without losing an open probe, nor an unanswered one sent after `remember_from` while the
    /// ring may still grow. False: there is no room.
    pub(super) fn make_room(&mut self, seq: u64, remember_from: MonoTime) -> bool {
        loop {
            let old = &self.entries()[self.place(seq)];
            let is_needed = match old.fate() {
                Fate::Vacant | Fate::Answered => false,
                Fate::Open => true,
                Fate::Unanswered => old.sent_at > remember_from,
            };
            if !is_needed {
                return true;
            }
            if self.entries().len() >= IN_FLIGHT_PER_TARGET {
                return old.fate() != Fate::Open;
            }
            self.grow();
        }
    }

    /// Puts a probe in its place; the answer is what was there.
    pub(super) fn put(&mut self, entry: Entry) -> Entry {
        let place = self.place(u64::from(entry.seq));
        std::mem::replace(&mut self.entries_mut()[place], entry)
    }

    /// Probes that are here, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries().iter().filter(|entry| entry.fate() != Fate::Vacant)
    }

    /// Twice the size. Two that lay apart still do.
    fn grow(&mut self) {
        let bigger = Self::Many(vec![Entry::VACANT; self.entries().len() * 2].into());
        let old = std::mem::replace(self, bigger);
        for entry in old.iter() {
            self.put(*entry);
        }
    }

    fn entries(&self) -> &[Entry] {
        match self {
            Self::One(entry) => std::slice::from_ref(entry),
            Self::Many(entries) => entries,
        }
    }

    fn entries_mut(&mut self) -> &mut [Entry] {
        match self {
            Self::One(entry) => std::slice::from_mut(entry),
            Self::Many(entries) => entries,
        }
    }

    /// The capacity is a power of two far below 2^32: the low half of a number is enough.
    fn place(&self, seq: u64) -> usize {
        seq as usize & (self.entries().len() - 1)
    }
}
