//! Packs the probes of a slow target's window into about nine bytes each, exactly.
//!
//! Slots lie on a grid, so a probe's send time is what the two before it foretell plus its lateness, and costs nothing;
//! each delay takes the bytes it needs. 61 probes of a target at 1/s are some 550 bytes, where plain entries are 2 KB:
//! with 100,000 targets, 140 MB. Read from the front only. Not here: which form a window has, and what leaves it (`window`).

use super::{Entry, NO_PROCESS, NO_RTT};
use crate::record::Outcome;
use crate::table;
use crate::time::MonoTime;

/// Two bytes before an entry: the outcome, the bytes of each of its delays, and whether it is where it was expected.
const RTT_SHIFT: u32 = 3;
const PROCESS_SHIFT: u32 = 6;
const LATENESS_SHIFT: u32 = 9;
/// Its place follows: it is not the next number, or not on the grid of the two before it.
const IS_ELSEWHERE: u16 = 1 << 12;
/// The bits of an outcome, and of a number of bytes.
const THREE_BITS: u16 = 7;
/// Instead, one byte before the usual entry: a reply where it was expected, whose delays need these numbers of bytes:
/// 1 to 4 for the first two, 0 to 3 for the lateness, in two bits each.
const IS_USUAL: u8 = 1 << 7;
const USUAL_PROCESS_SHIFT: u32 = 2;
const USUAL_LATENESS_SHIFT: u32 = 4;
/// The longest delay that seven bytes hold: 833 days, where a time-out is half a minute at most.
const LONGEST_NS: u64 = (1 << 56) - 1;

/// Where an entry stands, and how far it is from one slot to the next.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    /// Send time less lateness: the slot.
    slot_ns: u64,
    step_ns: u64,
    seq: u32,
}

impl Mark {
    const fn of(entry: &Entry) -> Self {
        Self {
            slot_ns: entry.sent_at.as_nanos().wrapping_sub(entry.lateness_ns as u64),
            step_ns: 0,
            seq: entry.seq,
        }
    }

    /// Moves on by so many numbers, to a slot so far from where it was expected.
    fn advance(&mut self, numbers: u32, off_ns: i64) {
        let steps_ns = self.step_ns.wrapping_mul(u64::from(numbers));
        let way_ns = steps_ns.wrapping_add_signed(off_ns);
        self.slot_ns = self.slot_ns.wrapping_add(way_ns);
        self.seq = self.seq.wrapping_add(numbers);
        if off_ns != 0 && numbers > 0 {
            self.step_ns = way_ns / u64::from(numbers);
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Packed {
    bytes: Vec<u8>,
    /// What the first entry is told from.
    before: Mark,
    /// Of the last entry.
    last: Mark,
    entries: u32,
}

impl Packed {
    pub(super) fn of(entries: impl Iterator<Item = Entry>) -> Self {
        let mut packed = Self::default();
        entries.for_each(|entry| packed.push(&entry));
        packed
    }

    pub(super) const fn len(&self) -> usize {
        self.entries as usize
    }

    /// Number of the last entry.
    pub(super) fn last_seq(&self) -> Option<u32> {
        (self.entries > 0).then_some(self.last.seq)
    }

    /// Puts an entry behind all others.
    pub(super) fn push(&mut self, entry: &Entry) {
        let mut here = Mark::of(entry);
        if self.entries == 0 {
            here.seq = here.seq.wrapping_sub(1);
            (self.before, self.last) = (here, here);
        }
        let numbers = entry.seq.wrapping_sub(self.last.seq);
        let expected_ns = self
            .last
            .slot_ns
            .wrapping_add(self.last.step_ns.wrapping_mul(u64::from(numbers)));
        let off_ns = here.slot_ns.wrapping_sub(expected_ns) as i64;
        let is_elsewhere = numbers != 1 || off_ns != 0;
        self.last.advance(numbers, off_ns);
        self.entries += 1;
        self.write(entry, is_elsewhere.then_some((numbers, off_ns)));
    }

    fn write(&mut self, entry: &Entry, elsewhere: Option<(u32, i64)>) {
        // An answer within no time at all still has one byte: none at all is no answer.
        let rtt = (entry.rtt_ns != NO_RTT).then(|| entry.rtt_ns.min(LONGEST_NS));
        let process = (entry.process_ns != NO_PROCESS).then_some(u64::from(entry.process_ns));
        let lateness_ns = u64::from(entry.lateness_ns);
        let rtt_bytes = rtt.map_or(0, |ns| bytes_of(ns).max(1));
        let process_bytes = process.map_or(0, |ns| bytes_of(ns).max(1));
        let lateness_bytes = bytes_of(lateness_ns);
        let place_bytes = if elsewhere.is_some() { 12 } else { 0 };
        let room = self.bytes.len() + 2 + rtt_bytes + process_bytes + lateness_bytes + place_bytes;
        table::make_room(&mut self.bytes, room);
        let is_usual = entry.outcome == Outcome::Reply
            && elsewhere.is_none()
            && (1..=4).contains(&rtt_bytes)
            && process_bytes > 0
            && lateness_bytes < 4;
        if is_usual {
            self.bytes.push(
                IS_USUAL
                    | (rtt_bytes - 1) as u8
                    | ((process_bytes - 1) as u8) << USUAL_PROCESS_SHIFT
                    | (lateness_bytes as u8) << USUAL_LATENESS_SHIFT,
            );
        } else {
            let head = entry.outcome as u16
                | (rtt_bytes as u16) << RTT_SHIFT
                | (process_bytes as u16) << PROCESS_SHIFT
                | (lateness_bytes as u16) << LATENESS_SHIFT
                | if elsewhere.is_some() { IS_ELSEWHERE } else { 0 };
            // The high byte first: it has no bit of `IS_USUAL`.
            self.bytes.extend(head.to_be_bytes());
        }
        for (number, length) in [
            (rtt.unwrap_or(0), rtt_bytes),
            (process.unwrap_or(0), process_bytes),
            (lateness_ns, lateness_bytes),
        ] {
            self.bytes.extend_from_slice(&number.to_le_bytes()[..length]);
        }
        if let Some((numbers, off_ns)) = elsewhere {
            self.bytes.extend(numbers.to_le_bytes());
            self.bytes.extend(off_ns.to_le_bytes());
        }
    }

    /// Drops entries sent before `since` from the front, down to `kept` of them.
    pub(super) fn drop_before(&mut self, since: MonoTime, kept: usize) {
        let mut reader = self.iter();
        let (mut dropped, mut at, mut before) = (0, 0, self.before);
        while self.len() - dropped > kept
            && let Some(entry) = reader.next()
            && entry.sent_at < since
        {
            dropped += 1;
            (at, before) = (reader.at, reader.mark);
        }
        self.bytes.drain(..at);
        self.before = before;
        self.entries -= dropped as u32;
    }

    pub(super) const fn iter(&self) -> Reader<'_> {
        Reader {
            bytes: self.bytes.as_slice(),
            at: 0,
            mark: self.before,
        }
    }
}

/// Bytes that a number needs: none for zero.
const fn bytes_of(number: u64) -> usize {
    (u64::BITS - number.leading_zeros()).div_ceil(8) as usize
}

/// Entries from the front.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    mark: Mark,
}

impl Reader<'_> {
    /// The head as two bytes have it, and the bytes of the three delays.
    fn head(&mut self) -> (u16, [usize; 3]) {
        let first = self.number(1) as u8;
        if first & IS_USUAL != 0 {
            let length = |shift: u32| usize::from(first >> shift & 3);
            let lengths = [
                length(0) + 1,
                length(USUAL_PROCESS_SHIFT) + 1,
                length(USUAL_LATENESS_SHIFT),
            ];
            return (Outcome::Reply as u16, lengths);
        }
        let head = u16::from_be_bytes([first, self.number(1) as u8]);
        let lengths =
            [RTT_SHIFT, PROCESS_SHIFT, LATENESS_SHIFT].map(|shift| usize::from(head >> shift & THREE_BITS));
        (head, lengths)
    }

    /// A number of up to eight bytes. Ours alone are read: there are as many as their head says.
    fn number(&mut self, length: usize) -> u64 {
        let from = &self.bytes[self.at..];
        self.at += length;
        match from.first_chunk::<8>() {
            Some(eight) if length < 8 => u64::from_le_bytes(*eight) & ((1 << (8 * length)) - 1),
            _ => from[..length]
                .iter()
                .rev()
                .fold(0, |number, &byte| number << 8 | u64::from(byte)),
        }
    }
}

impl Iterator for Reader<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let (head, [rtt_bytes, process_bytes, lateness_bytes]) = self.head();
        let rtt_ns = self.number(rtt_bytes);
        let process_ns = self.number(process_bytes) as u32;
        let lateness_ns = self.number(lateness_bytes) as u32;
        if head & IS_ELSEWHERE == 0 {
            self.mark.advance(1, 0);
        } else {
            let numbers = self.number(4) as u32;
            let off_ns = self.number(8) as i64;
            self.mark.advance(numbers, off_ns);
        }
        Some(Entry {
            sent_at: MonoTime::from_nanos(self.mark.slot_ns.wrapping_add(u64::from(lateness_ns))),
            rtt_ns: if rtt_bytes > 0 { rtt_ns } else { NO_RTT },
            seq: self.mark.seq,
            process_ns: if process_bytes > 0 { process_ns } else { NO_PROCESS },
            lateness_ns,
            outcome: Outcome::from_u8((head & THREE_BITS) as u8)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry() -> impl Strategy<Value = (Entry, u32)> {
        let delay = |longest: u64| (0..=64_u32).prop_flat_map(move |bits| 0..=longest >> bits.min(63));
        let nanos = prop_oneof![4 => Just(1_000_000_000_u64), 1 => any::<u64>()];
        let ahead = prop_oneof![4 => Just(1_u32), 1 => 0..1000_u32];
        let clamped = u64::from(NO_PROCESS - 1);
        (
            nanos,
            ahead,
            delay(LONGEST_NS),
            delay(clamped),
            delay(clamped),
            0..6_u8,
            any::<bool>(),
        )
            .prop_map(|(at, ahead, rtt_ns, process_ns, lateness_ns, outcome, has_rtt)| {
                let entry = Entry {
                    sent_at: MonoTime::from_nanos(at),
                    rtt_ns: if has_rtt { rtt_ns } else { NO_RTT },
                    seq: 0,
                    process_ns: if has_rtt { process_ns as u32 } else { NO_PROCESS },
                    lateness_ns: lateness_ns as u32,
                    outcome: Outcome::from_u8(outcome).expect("one of six"),
                };
                (entry, ahead)
            })
    }

    /// Entries one after the other; the instant drawn is the way from the one before.
    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let placed = |drawn: Vec<(Entry, u32)>| {
            let (mut seq, mut slot_ns) = (u32::MAX - 3, 0_u64);
            let place = |(mut entry, ahead): (Entry, u32)| {
                seq = seq.wrapping_add(ahead);
                slot_ns = slot_ns.wrapping_add(entry.sent_at.as_nanos());
                entry.sent_at = MonoTime::from_nanos(slot_ns.wrapping_add(u64::from(entry.lateness_ns)));
                entry.seq = seq;
                entry
            };
            drawn.into_iter().map(place).collect()
        };
        prop::collection::vec(entry(), 0..100).prop_map(placed)
    }

    proptest! {
        #[test]
        fn whatever_was_packed_comes_out_to_the_nanosecond(entries in entries(), kept in 0..100_usize) {
            let mut packed = Packed::of(entries.iter().copied());
            prop_assert_eq!(packed.iter().collect::<Vec<_>>(), entries.clone());
            packed.drop_before(MonoTime::MAX, kept);
            let left = &entries[entries.len() - packed.len()..];
            prop_assert!(left.len() >= kept.min(entries.len()));
            prop_assert_eq!(packed.iter().collect::<Vec<_>>(), left);
        }
    }

    #[test]
    fn a_minute_at_one_a_second_takes_nine_bytes_a_probe() {
        let entry = |seq: u32| Entry {
            sent_at: MonoTime::from_nanos(u64::from(seq) * 1_000_000_000 + 80_000 + u64::from(seq)),
            rtt_ns: 12_345_678 + u64::from(seq) * 100_000,
            seq,
            process_ns: 30_000 + seq,
            lateness_ns: 80_000 + seq,
            outcome: Outcome::Reply,
        };
        let mut packed = Packed::default();
        (0..2000).for_each(|seq| {
            packed.push(&entry(seq));
            packed.drop_before(MonoTime::MAX, 61);
        });
        let size_bytes = packed.bytes.capacity();
        assert!(size_bytes <= 61 * 11, "{size_bytes}");
    }
}
