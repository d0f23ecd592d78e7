//! Holds one probe in 32 bytes for the live view, and folds fast ones into bins.
//!
//! Instants are whole microseconds of the calendar, rounded down, so that the same probe has the same number
//! whether it comes live or from the store.

use linewatch_core::limits::LIVE_BIN;
use linewatch_core::port::StoredSample;
use linewatch_core::record::{Gap, Outcome, ProbeRecord, Stray, StrayKind};
use linewatch_core::time::{Anchor, Rtt, WallTime};

use crate::api::{BinRow, GapRow, ProbeRow, micros};

/// "No delay" in a [`Row`]; a real one is at most 30 s.
const NONE: u32 = u32::MAX;
/// A late reply: a second row of its probe.
const FLAG_LATE: u8 = 2;
/// A second reply: a second row of its probe.
const FLAG_DUPLICATE: u8 = 4;
/// The reply came out of order.
const FLAG_REORDERED: u8 = 8;
/// Microseconds of a bin.
const BIN_US: i64 = LIVE_BIN.as_micros() as i64;

/// One probe, or one answer beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) at_us: i64,
    pub(crate) seq: u64,
    pub(crate) key: u32,
    rtt_us: u32,
    host_us: u32,
    outcome: u8,
    flags: u8,
}

impl Row {
    /// A finished probe.
    pub(crate) fn of_record(record: &ProbeRecord, anchor: Anchor) -> Self {
        Self {
            at_us: wall_us(anchor.wall_at(record.sent_at)),
            seq: record.seq,
            key: record.target.0,
            rtt_us: pack(record.rtt),
            host_us: pack(record.host_rtt),
            outcome: record.outcome as u8,
            flags: if record.is_reordered { FLAG_REORDERED } else { 0 },
        }
    }

    /// A late or second answer; a forged one belongs to no probe and has no row.
    pub(crate) fn of_stray(stray: &Stray, anchor: Anchor) -> Option<Self> {
        Some(Self {
            at_us: wall_us(anchor.wall_at(stray.sent_at)),
            seq: stray.seq,
            key: stray.target.0,
            rtt_us: pack(stray.delay),
            host_us: NONE,
            outcome: Outcome::Reply as u8,
            flags: stray_flag(stray.kind)?,
        })
    }

    /// A probe from the store; `None` for what has no row.
    pub(crate) fn of_sample(key: u32, sample: &StoredSample) -> Option<Self> {
        let (outcome, flags) = match sample.stray {
            Some(kind) => (Outcome::Reply, stray_flag(kind)?),
            None => (
                sample.outcome,
                if sample.is_reordered { FLAG_REORDERED } else { 0 },
            ),
        };
        Some(Self {
            at_us: wall_us(sample.at),
            seq: sample.seq,
            key,
            rtt_us: pack(sample.rtt),
            host_us: pack(sample.host_rtt),
            outcome: outcome as u8,
            flags,
        })
    }

    /// What tells this row from every other of its target and run.
    pub(crate) const fn identity(&self) -> (u64, u8) {
        (self.seq, self.flags & (FLAG_LATE | FLAG_DUPLICATE))
    }

    /// An answer beside the records.
    pub(crate) const fn is_stray(&self) -> bool {
        self.flags & (FLAG_LATE | FLAG_DUPLICATE) != 0
    }

    /// The shape of the wire, with the send counted from `base_ms`.
    pub(crate) fn to_wire(self, base_ms: i64) -> ProbeRow {
        let dt_us = self.at_us - base_ms * 1_000;
        (
            self.key,
            self.seq,
            dt_us,
            self.outcome,
            unpack(self.rtt_us),
            unpack(self.host_us),
            self.flags,
        )
    }

    /// The bin this probe falls into.
    pub(crate) const fn bin_index(&self) -> i64 {
        self.at_us.div_euclid(BIN_US)
    }
}

/// A row told from the one before it of the same target: 16 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stride {
    /// How much later it was sent, and the outcome in the lowest three bits.
    at_us_outcome: i32,
    /// How many probes further, and the flags, which are even, in the lowest three bits.
    seq_flags: i32,
    rtt_us: u32,
    host_us: u32,
}

impl Stride {
    /// From `before` to `row`; `None` where they lie over four minutes apart, or over 268 million probes.
    pub(super) fn between(before: &Row, row: &Row) -> Option<Self> {
        let seq = i64::try_from(row.seq).ok()? - i64::try_from(before.seq).ok()?;
        Some(Self {
            at_us_outcome: beside(row.at_us.checked_sub(before.at_us)?, row.outcome)?,
            seq_flags: beside(seq, row.flags >> 1)?,
            rtt_us: row.rtt_us,
            host_us: row.host_us,
        })
    }

    /// The row that lies so far behind `before`.
    pub(super) fn after(self, before: &Row) -> Row {
        Row {
            at_us: before.at_us + i64::from(self.at_us_outcome >> 3),
            seq: before.seq.wrapping_add_signed(i64::from(self.seq_flags >> 3)),
            key: before.key,
            rtt_us: self.rtt_us,
            host_us: self.host_us,
            outcome: (self.at_us_outcome & 7) as u8,
            flags: ((self.seq_flags & 7) << 1) as u8,
        }
    }
}

/// A number and three bits below it; `None` if it has more than 29.
fn beside(number: i64, bits: u8) -> Option<i32> {
    let number = i32::try_from(number.checked_mul(8)?).ok()?;
    Some(number | i32::from(bits & 7))
}

/// Some probes of one target sent within the same 100 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bin {
    pub(crate) at_us: i64,
    pub(crate) key: u32,
    answered_or_lost: u32,
    lost: u32,
    /// Smallest, median, largest; [`NONE`] without an answer.
    rtt_us: [u32; 3],
}

impl Bin {
    /// The shape of the wire.
    pub(crate) fn to_wire(self, base_ms: i64) -> BinRow {
        let [min, p50, max] = self.rtt_us.map(unpack);
        (
            self.key,
            self.at_us - base_ms * 1_000,
            self.answered_or_lost,
            self.lost,
            min,
            p50,
            max,
        )
    }

    /// The bin this one is, in the numbering of [`Row::bin_index`].
    pub(crate) const fn index(&self) -> i64 {
        self.at_us.div_euclid(BIN_US)
    }

    /// Puts two parts of the same bin together; the median is that of the part with more answers.
    pub(crate) fn join(self, other: Self) -> Self {
        let answers = |bin: &Self| bin.answered_or_lost - bin.lost;
        let p50 = if answers(&self) >= answers(&other) {
            self.rtt_us[1]
        } else {
            other.rtt_us[1]
        };
        let largest = |bin: &Self| unpack(bin.rtt_us[2]);
        Self {
            answered_or_lost: self.answered_or_lost + other.answered_or_lost,
            lost: self.lost + other.lost,
            rtt_us: [
                self.rtt_us[0].min(other.rtt_us[0]),
                p50,
                largest(&self).max(largest(&other)).unwrap_or(NONE),
            ],
            ..self
        }
    }
}

/// A bin that still fills.
#[derive(Clone, Debug, Default)]
pub(crate) struct BinBuilder {
    rtts_us: Vec<u32>,
    answered_or_lost: u32,
    lost: u32,
}

impl BinBuilder {
    /// Adds a probe. Own trouble and second answers are in no ratio.
    pub(crate) fn add(&mut self, row: &Row) {
        let Some(outcome) = Outcome::from_u8(row.outcome).filter(|_| !row.is_stray()) else {
            return;
        };
        if outcome.is_answer() || outcome.is_failure() {
            self.answered_or_lost += 1;
            self.lost += u32::from(outcome.is_failure());
        }
        if row.rtt_us != NONE {
            self.rtts_us.push(row.rtt_us);
        }
    }

    /// The bin; `None` if nothing counted.
    pub(crate) fn finish(mut self, key: u32, index: i64) -> Option<Bin> {
        if self.answered_or_lost == 0 {
            return None;
        }
        self.rtts_us.sort_unstable();
        let at_rank = |rank: usize| self.rtts_us.get(rank).copied().unwrap_or(NONE);
        let count = self.rtts_us.len();
        let rtt_us = [
            at_rank(0),
            at_rank(count.div_ceil(2).max(1) - 1),
            at_rank(count.max(1) - 1),
        ];
        Some(Bin {
            at_us: index * BIN_US,
            key,
            answered_or_lost: self.answered_or_lost,
            lost: self.lost,
            rtt_us,
        })
    }
}

/// Calendar microseconds, rounded down.
pub(crate) const fn wall_us(at: WallTime) -> i64 {
    at.as_nanos().div_euclid(1_000)
}

/// The bin that holds this instant.
pub(crate) const fn bin_index_at(at: WallTime) -> i64 {
    wall_us(at).div_euclid(BIN_US)
}

/// The shape of a hole.
pub(crate) fn gap_row(gap: &Gap) -> GapRow {
    (
        gap.target.0,
        gap.kind.word(),
        gap.from.as_millis(),
        gap.to.as_millis(),
        gap.slots,
    )
}

const fn stray_flag(kind: StrayKind) -> Option<u8> {
    match kind {
        StrayKind::Late => Some(FLAG_LATE),
        StrayKind::Duplicate => Some(FLAG_DUPLICATE),
        StrayKind::Forged => None,
    }
}

/// A delay in whole microseconds, or "no delay".
pub(super) fn pack(rtt: Option<Rtt>) -> u32 {
    rtt.map_or(NONE, |rtt| {
        u32::try_from(micros(rtt.as_nanos()))
            .unwrap_or(NONE)
            .min(NONE - 1)
    })
}

/// See [`pack`].
pub(super) const fn unpack(us: u32) -> Option<u32> {
    if us == NONE { None } else { Some(us) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linewatch_core::record::{Cause, Class};
    use linewatch_core::target::TargetId;
    use linewatch_core::time::MonoTime;

    fn record(seq: u64, outcome: Outcome, rtt_us: Option<u64>) -> Row {
        let record = ProbeRecord {
            target: TargetId(7),
            seq,
            due_at: MonoTime::ZERO,
            sent_at: MonoTime::from_nanos(1_999),
            outcome,
            rtt: rtt_us.map(|us| Rtt::from_nanos(us * 1_000)),
            host_rtt: None,
            class: Class::K,
            cause: Cause::None,
            is_reordered: false,
        };
        Row::of_record(
            &record,
            Anchor {
                mono: MonoTime::ZERO,
                wall: WallTime::from_nanos(5_000_000),
            },
        )
    }

    #[test]
    fn an_instant_counts_from_the_base_in_whole_microseconds() {
        let row = record(3, Outcome::Lost, None);
        assert_eq!(row.to_wire(4), (7, 3, 1_001, 3, None, None, 0));
        assert_eq!(row.to_wire(6), (7, 3, -999, 3, None, None, 0));
    }

    #[test]
    fn a_row_comes_back_from_the_one_before_it() {
        let before = record(900, Outcome::Lost, None);
        let same = |row: Row| {
            let step = Stride::between(&before, &row).expect("near enough");
            assert_eq!(step.after(&before), row);
        };
        for outcome in (0..=u8::MAX).map_while(Outcome::from_u8) {
            same(record(901, outcome, Some(29_999_999)));
        }
        for flags in [FLAG_LATE, FLAG_DUPLICATE, FLAG_REORDERED] {
            let late = record(3, Outcome::Reply, Some(3_000_000_000));
            // A process that stood still for an hour reads its reply then.
            same(Row {
                flags,
                host_us: NONE - 1,
                at_us: before.at_us - 30_000_000,
                ..late
            });
        }
        for far_us in [-3_600_000_000, 3_600_000_000] {
            let after_a_step = Row {
                at_us: before.at_us + far_us,
                ..before
            };
            assert!(Stride::between(&before, &after_a_step).is_none());
        }
    }

    #[test]
    fn a_bin_counts_answers_and_losses_and_nothing_of_our_own() {
        let mut builder = BinBuilder::default();
        for (outcome, rtt) in [
            (Outcome::Reply, Some(30)),
            (Outcome::Reply, Some(10)),
            (Outcome::Refused, Some(20)),
            (Outcome::Lost, None),
            (Outcome::Unsent, None),
            (Outcome::Unmeasured, None),
        ] {
            builder.add(&record(0, outcome, rtt));
        }
        let bin = builder.finish(7, 50).map(|bin| bin.to_wire(5_000));
        assert_eq!(bin, Some((7, 0, 4, 1, Some(10), Some(20), Some(30))));
    }

    #[test]
    fn a_bin_of_our_own_trouble_only_is_no_data() {
        let mut builder = BinBuilder::default();
        builder.add(&record(0, Outcome::Unsent, None));
        assert_eq!(builder.finish(7, 0), None);
    }

    #[test]
    fn parts_of_a_bin_join_to_the_whole_counts() {
        let part = |outcomes: &[(Outcome, Option<u64>)]| {
            let mut builder = BinBuilder::default();
            outcomes
                .iter()
                .for_each(|&(outcome, rtt)| builder.add(&record(0, outcome, rtt)));
            builder.finish(7, 0).expect("counts")
        };
        let replies = part(&[(Outcome::Reply, Some(10)), (Outcome::Reply, Some(40))]);
        let losses = part(&[(Outcome::Lost, None)]);
        let joined = (7, 0, 3, 1, Some(10), Some(10), Some(40));
        assert_eq!(replies.join(losses).to_wire(0), joined);
        assert_eq!(losses.join(replies).to_wire(0), joined);
    }
}
