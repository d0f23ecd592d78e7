//! Holds one probe or stray answer as the store sees it, and spells its cause in bytes and in words.
//!
//! A [`Row`] is the same thing in `recent`, in a hot batch and in a sealed block. Calendar time only: the
//! monotonic clock ends at the engine. Forged answers have no row: anybody can make a million of them, and
//! they are counted where they arrive.

use linewatch_core::port::StoredSample;
use linewatch_core::record::{Cause, Class, GapKind, Outcome, ProbeRecord, RecordBatch, Stray, StrayKind};
use linewatch_core::target::TargetId;
use linewatch_core::time::{Anchor, Rtt, WallTime};

use crate::varint::{Cursor, Malformed, put_signed};

/// One probe, or one late or second answer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) target: TargetId,
    pub(crate) seq: u64,
    pub(crate) at: WallTime,
    pub(crate) outcome: Outcome,
    pub(crate) rtt: Option<Rtt>,
    pub(crate) host_rtt: Option<Rtt>,
    pub(crate) lateness_ns: u64,
    pub(crate) class: Class,
    pub(crate) cause: Cause,
    pub(crate) is_reordered: bool,
    pub(crate) stray: Option<StrayKind>,
}

impl Row {
    /// A finished probe.
    pub(crate) fn of_record(record: &ProbeRecord, anchor: Anchor) -> Self {
        Self {
            target: record.target,
            seq: record.seq,
            at: anchor.wall_at(record.sent_at),
            outcome: record.outcome,
            rtt: record.rtt,
            host_rtt: record.host_rtt,
            lateness_ns: linewatch_core::time::nanos_of(record.lateness()),
            class: record.class,
            cause: record.cause,
            is_reordered: record.is_reordered,
            stray: None,
        }
    }

    /// A late or second answer; `None` for a forged one. Its `rtt` is the delay of that answer.
    pub(crate) fn of_stray(stray: &Stray, anchor: Anchor) -> Option<Self> {
        (stray.kind != StrayKind::Forged).then(|| {
            Self::stray(
                stray.target,
                stray.seq,
                anchor.wall_at(stray.sent_at),
                stray.kind,
                stray.delay,
            )
        })
    }

    /// A stray from its parts. What a stray has no word for is `reply`, class U.
    pub(crate) fn stray(
        target: TargetId,
        seq: u64,
        at: WallTime,
        kind: StrayKind,
        delay: Option<Rtt>,
    ) -> Self {
        Self {
            target,
            seq,
            at,
            outcome: Outcome::Reply,
            rtt: delay,
            host_rtt: None,
            lateness_ns: 0,
            class: Class::U,
            cause: Cause::None,
            is_reordered: false,
            stray: Some(kind),
        }
    }

    /// A row of what history shows.
    pub(crate) const fn of_sample(target: TargetId, sample: &StoredSample) -> Self {
        Self {
            target,
            seq: sample.seq,
            at: sample.at,
            outcome: sample.outcome,
            rtt: sample.rtt,
            host_rtt: sample.host_rtt,
            lateness_ns: sample.lateness_ns,
            class: sample.class,
            cause: sample.cause,
            is_reordered: sample.is_reordered,
            stray: sample.stray,
        }
    }

    /// Every row of a batch.
    pub(crate) fn of_batch(batch: &RecordBatch) -> impl Iterator<Item = Self> {
        let records = batch
            .records
            .iter()
            .map(|record| Self::of_record(record, batch.anchor));
        records.chain(
            batch
                .strays
                .iter()
                .filter_map(|stray| Self::of_stray(stray, batch.anchor)),
        )
    }

    /// As history shows it.
    pub(crate) fn sample(&self, run: u64) -> StoredSample {
        StoredSample {
            run,
            seq: self.seq,
            at: self.at,
            outcome: self.outcome,
            rtt: self.rtt,
            host_rtt: self.host_rtt,
            lateness_ns: self.lateness_ns,
            class: self.class,
            cause: self.cause,
            is_reordered: self.is_reordered,
            stray: self.stray,
        }
    }

    /// Everything but numbers, in one byte (docs/on-disk-format.md "Kind byte").
    pub(crate) fn kind_byte(&self) -> u8 {
        self.outcome as u8
            | (self.class as u8) << 3
            | u8::from(self.is_reordered) << 5
            | u8::from(self.rtt.is_some()) << 6
            | u8::from(self.host_rtt.is_some()) << 7
    }
}

/// A kind byte taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) outcome: Outcome,
    pub(crate) class: Class,
    pub(crate) is_reordered: bool,
    pub(crate) has_rtt: bool,
    pub(crate) has_host_rtt: bool,
}

impl Kind {
    /// The opposite of [`Row::kind_byte`].
    pub(crate) fn from_byte(byte: u8) -> Result<Self, Malformed> {
        Ok(Self {
            outcome: Outcome::from_u8(byte & 7).ok_or(Malformed)?,
            class: class_from_u8(byte >> 3 & 3)?,
            is_reordered: byte & 1 << 5 != 0,
            has_rtt: byte & 1 << 6 != 0,
            has_host_rtt: byte & 1 << 7 != 0,
        })
    }
}

/// The class with this number.
pub(crate) fn class_from_u8(number: u8) -> Result<Class, Malformed> {
    [Class::K, Class::H, Class::U]
        .into_iter()
        .find(|class| *class as u8 == number)
        .ok_or(Malformed)
}

/// The class with this letter.
pub(crate) fn class_from_letter(letter: &str) -> Option<Class> {
    [Class::K, Class::H, Class::U]
        .into_iter()
        .find(|class| class.letter() == letter)
}

/// The outcome with this word.
pub(crate) fn outcome_from_word(word: &str) -> Option<Outcome> {
    Outcome::ALL.into_iter().find(|outcome| outcome.word() == word)
}

/// The word of a stray in the database.
pub(crate) const fn stray_word(kind: StrayKind) -> &'static str {
    kind.word()
}

/// The stray with this word.
pub(crate) fn stray_from_word(word: &str) -> Option<StrayKind> {
    [StrayKind::Late, StrayKind::Duplicate, StrayKind::Forged]
        .into_iter()
        .find(|kind| stray_word(*kind) == word)
}

/// Appends a cause: a tag, then what the tag needs.
pub(crate) fn put_cause(out: &mut Vec<u8>, cause: Cause) {
    match cause {
        Cause::None => out.push(0),
        Cause::Errno(number) => {
            out.push(1);
            put_signed(out, i64::from(number));
        }
        Cause::Icmp { kind, code, is_v6 } => out.extend([if is_v6 { 3 } else { 2 }, kind, code]),
        Cause::Retransmitted => out.push(4),
        Cause::Overload => out.push(5),
        Cause::Gap(kind) => out.extend([6, kind as u8]),
    }
}

/// The opposite of [`put_cause`].
pub(crate) fn get_cause(cursor: &mut Cursor<'_>) -> Result<Cause, Malformed> {
    Ok(match cursor.byte()? {
        0 => Cause::None,
        1 => Cause::Errno(i32::try_from(cursor.signed()?).map_err(|_| Malformed)?),
        tag @ (2 | 3) => Cause::Icmp {
            kind: cursor.byte()?,
            code: cursor.byte()?,
            is_v6: tag == 3,
        },
        4 => Cause::Retransmitted,
        5 => Cause::Overload,
        6 => Cause::Gap(GapKind::from_u8(cursor.byte()?).ok_or(Malformed)?),
        _ => return Err(Malformed),
    })
}

/// A cause as `recent` spells it: readable, and readable back (an errno's symbol would not be).
pub(crate) fn cause_text(cause: Cause) -> Option<String> {
    match cause {
        Cause::None => None,
        Cause::Errno(number) => Some(format!("errno {number}")),
        Cause::Icmp { kind, code, is_v6 } => Some(format!("icmp{} {kind} {code}", if is_v6 { 6 } else { 4 })),
        Cause::Retransmitted => Some("retransmitted".to_owned()),
        Cause::Overload => Some("overload".to_owned()),
        Cause::Gap(kind) => Some(format!("gap {}", kind.word())),
    }
}

/// The opposite of [`cause_text`]; `None` for words that are none of ours.
pub(crate) fn cause_from_text(text: Option<&str>) -> Option<Cause> {
    let Some(text) = text else {
        return Some(Cause::None);
    };
    let mut words = text.split(' ');
    let cause = match (words.next()?, words.next(), words.next()) {
        ("errno", Some(number), None) => Cause::Errno(number.parse().ok()?),
        (family @ ("icmp4" | "icmp6"), Some(kind), Some(code)) => Cause::Icmp {
            kind: kind.parse().ok()?,
            code: code.parse().ok()?,
            is_v6: family == "icmp6",
        },
        ("retransmitted", None, None) => Cause::Retransmitted,
        ("overload", None, None) => Cause::Overload,
        ("gap", Some(word), None) => Cause::Gap(gap_kind_from_word(word)?),
        _ => return None,
    };
    Some(cause)
}

/// The kind of gap with this word.
pub(crate) fn gap_kind_from_word(word: &str) -> Option<GapKind> {
    GapKind::ALL.into_iter().find(|kind| kind.word() == word)
}

#[cfg(test)]
pub(crate) mod strategies {
    //! Random rows for the properties of blocks, hot batches and the whole store.
    use proptest::prelude::*;

    use super::*;

    fn cause() -> impl Strategy<Value = Cause> {
        prop_oneof![
            Just(Cause::None),
            any::<i32>().prop_map(Cause::Errno),
            any::<(u8, u8, bool)>().prop_map(|(kind, code, is_v6)| Cause::Icmp { kind, code, is_v6 }),
            Just(Cause::Retransmitted),
            Just(Cause::Overload),
            (0_u8..9)
                .prop_filter_map("a kind", GapKind::from_u8)
                .prop_map(Cause::Gap),
        ]
    }

    prop_compose! {
        /// Any row but its seq and its being a stray.
        pub(crate) fn row(target: u32)(
            outcome in 0_u8..6,
            at_ns in 1_700_000_000_000_000_000_i64..1_800_000_000_000_000_000,
            rtt_ns in proptest::option::of(0_u64..40_000_000_000),
            host_more_ns in proptest::option::of(0_u64..1_000_000_000),
            lateness_ns in 0_u64..2_000_000_000,
            class in 0_u8..3,
            cause in cause(),
            is_reordered: bool,
        ) -> Row {
            Row {
                target: TargetId(target),
                seq: 0,
                at: WallTime::from_nanos(at_ns),
                outcome: Outcome::from_u8(outcome).expect("0 to 5"),
                rtt: rtt_ns.map(Rtt::from_nanos),
                host_rtt: host_more_ns.map(|more| Rtt::from_nanos(rtt_ns.unwrap_or(0) + more)),
                lateness_ns,
                class: class_from_u8(class).expect("0 to 2"),
                cause,
                is_reordered,
                stray: None,
            }
        }
    }

    proptest! {
        #[test]
        fn a_cause_comes_back_from_bytes_and_from_words(cause in cause()) {
            let mut bytes = Vec::new();
            put_cause(&mut bytes, cause);
            prop_assert_eq!(get_cause(&mut Cursor::new(&bytes)), Ok(cause));
            prop_assert_eq!(cause_from_text(cause_text(cause).as_deref()), Some(cause));
        }
    }
}
