//! Spells the samples of one flush as text that SQLite takes apart itself: the rows behind the view `recent`.
//!
//! A JSON array of arrays, to the nanosecond. A person's `sqlite3` sees each sample as soon as it is committed, and it is
//! written once: some 40 B, where a row of its own takes 80. Times and sequence numbers count from the first sample of the
//! batch. Not here: above 2,000 samples/s, where text is too much work (`hot`).

use std::fmt;

use linewatch_core::record::{Class, Outcome};
use linewatch_core::target::TargetId;
use linewatch_core::time::{Rtt, WallTime};
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde::{Deserialize, Deserializer};

use crate::row::{
    Row, cause_from_text, cause_text, class_from_letter, outcome_from_word, stray_from_word, stray_word,
};
use crate::varint::Malformed;

/// Samples of one batch: 80 KB, a second's worth of the fastest rate that is spelled so.
pub(crate) const BATCH_ROWS: usize = 2_000;

/// What a batch counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct From {
    /// Send times.
    pub(crate) at: WallTime,
    /// Sequence numbers, of whatever target: those measured together have similar ones.
    pub(crate) seq: i64,
}

/// Spells up to [`BATCH_ROWS`] rows, in their order: what they count from, and the text.
pub(crate) fn spell(rows: &[Row]) -> serde_json::Result<(From, String)> {
    let from = From {
        at: rows.first().map_or(WallTime::from_nanos(0), |row| row.at),
        seq: rows.first().map_or(0, |row| signed(row.seq)),
    };
    let spelled: Vec<_> = rows.iter().map(|row| Spelled { from, row }).collect();
    Ok((from, serde_json::to_string(&spelled)?))
}

/// Reads a batch; `None` for a row with words that are none of ours (a person's edit).
///
/// # Errors
///
/// [`Malformed`], whatever the text.
pub(crate) fn read(from: From, text: &str) -> Result<Vec<Option<Row>>, Malformed> {
    let samples: Vec<Read> = serde_json::from_str(text).map_err(|_| Malformed)?;
    Ok(samples.into_iter().map(|sample| sample.row(from)).collect())
}

/// SQLite's integers are signed: numbers of ours above 2^63 (there are none in 292 years of nanoseconds) saturate.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A row on its way out.
struct Spelled<'a> {
    from: From,
    row: &'a Row,
}

impl Serialize for Spelled<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let row = self.row;
        let rtt = row.rtt.map(|rtt| signed(rtt.as_nanos()));
        let numbers = (
            row.target.0,
            signed(row.seq).wrapping_sub(self.from.seq),
            row.at.as_nanos().wrapping_sub(self.from.at.as_nanos()),
            rtt,
            row.host_rtt
                .map(|host| signed(host.as_nanos()) - rtt.unwrap_or(0)),
            signed(row.lateness_ns),
        );
        let cause = cause_text(row.cause);
        let is_plain = (row.outcome, row.class, row.is_reordered) == (Outcome::Reply, Class::K, false)
            && cause.is_none()
            && row.stray.is_none();
        if is_plain {
            return numbers.serialize(serializer);
        }
        let (target, seq, after, rtt, added, lateness) = numbers;
        let words = (row.outcome.word(), row.class.letter(), cause);
        let marks = (u8::from(row.is_reordered), row.stray.map(stray_word));
        (
            target, seq, after, rtt, added, lateness, words.0, words.1, words.2, marks.0, marks.1,
        )
            .serialize(serializer)
    }
}

/// A row on its way in: what is missing behind the numbers is that of a plain one.
struct Read {
    target: u32,
    seq: i64,
    after_ns: i64,
    rtt_ns: Option<i64>,
    added_ns: Option<i64>,
    lateness_ns: u64,
    outcome: Option<String>,
    class: Option<String>,
    cause: Option<String>,
    is_reordered: u8,
    stray: Option<String>,
}

impl Read {
    fn row(self, from: From) -> Option<Row> {
        let rtt = |nanos: i64| Rtt::from_nanos(u64::try_from(nanos).unwrap_or(0));
        let host_ns = self
            .added_ns
            .map(|added| self.rtt_ns.unwrap_or(0).saturating_add(added));
        Some(Row {
            target: TargetId(self.target),
            seq: u64::try_from(from.seq.wrapping_add(self.seq)).unwrap_or(0),
            at: WallTime::from_nanos(from.at.as_nanos().wrapping_add(self.after_ns)),
            outcome: self
                .outcome
                .as_deref()
                .map_or(Some(Outcome::Reply), outcome_from_word)?,
            rtt: self.rtt_ns.map(rtt),
            host_rtt: host_ns.map(rtt),
            lateness_ns: self.lateness_ns,
            class: self.class.as_deref().map_or(Some(Class::K), class_from_letter)?,
            cause: cause_from_text(self.cause.as_deref())?,
            is_reordered: self.is_reordered != 0,
            stray: match self.stray.as_deref() {
                None => None,
                Some(word) => Some(stray_from_word(word)?),
            },
        })
    }
}

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Columns)
    }
}

struct Columns;

impl<'de> Visitor<'de> for Columns {
    type Value = Read;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of 6 to 11 columns")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut columns: A) -> Result<Read, A::Error> {
        let missing = || A::Error::custom("a number is missing");
        let read = Read {
            target: columns.next_element()?.ok_or_else(missing)?,
            seq: columns.next_element()?.ok_or_else(missing)?,
            after_ns: columns.next_element()?.ok_or_else(missing)?,
            rtt_ns: columns.next_element()?.ok_or_else(missing)?,
            added_ns: columns.next_element()?.ok_or_else(missing)?,
            lateness_ns: columns.next_element()?.ok_or_else(missing)?,
            outcome: columns.next_element()?.flatten(),
            class: columns.next_element()?.flatten(),
            cause: columns.next_element()?.flatten(),
            is_reordered: columns.next_element()?.unwrap_or(0),
            stray: columns.next_element()?.flatten(),
        };
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use linewatch_core::record::StrayKind;
    use proptest::prelude::*;

    use super::*;
    use crate::row::strategies;

    proptest! {
        #[test]
        fn any_rows_come_back_to_the_nanosecond(
            mut rows in proptest::collection::vec((0_u32..5).prop_flat_map(strategies::row), 0..50),
            stray_index in 0_usize..50,
        ) {
            if let Some(row) = rows.get_mut(stray_index) {
                *row = Row::stray(row.target, 9, row.at, StrayKind::Duplicate, row.rtt);
            }
            let (from, text) = spell(&rows).expect("text");
            prop_assert_eq!(read(from, &text), Ok(rows.into_iter().map(Some).collect()));
        }

        #[test]
        fn any_text_is_rows_or_an_error(text in "\\PC{0,80}|(\\[|\\]|,|[0-9]|null|\"reply\"){0,40}") {
            let from = From { at: WallTime::from_nanos(0), seq: 0 };
            let _ = read(from, &text);
        }
    }
}
