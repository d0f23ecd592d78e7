//! Packs the samples of one flush, of all series, into one opaque row of the table `hot`.
//!
//! Above about 2,000 samples/s a row each would be most of the work; a batch costs some 20 B a sample and one
//! insert. Nanoseconds, lossless; short-lived (until its series are sealed), hence plain varints and no columns.

use linewatch_core::record::StrayKind;
use linewatch_core::target::TargetId;
use linewatch_core::time::{Rtt, WallTime};

use crate::row::{Kind, Row, get_cause, put_cause};
use crate::varint::{Cursor, Malformed, put, put_signed};

/// The version written.
const VERSION: u8 = 1;
/// Samples of one batch: 16,384 of some 20 B are 330 KB, far under SQLite's and our own comfort.
pub(crate) const BATCH_ROWS: usize = 16_384;

/// Packs up to [`BATCH_ROWS`] rows, in their order.
pub(crate) fn pack(rows: &[Row]) -> Vec<u8> {
    let mut out = vec![VERSION];
    put(&mut out, rows.len() as u64);
    let (mut target, mut at) = (0_i64, 0_i64);
    for row in rows {
        put_signed(&mut out, i64::from(row.target.0) - target);
        put_signed(&mut out, row.at.as_nanos().wrapping_sub(at));
        (target, at) = (i64::from(row.target.0), row.at.as_nanos());
        put(&mut out, row.seq);
        put_fate(&mut out, row);
    }
    let checksum = crc32c::crc32c(&out);
    out.extend(checksum.to_le_bytes());
    out
}

/// Appends what became of a probe: all of a row but whose it is, its number and when it was sent.
pub(crate) fn put_fate(out: &mut Vec<u8>, row: &Row) {
    out.push(row.kind_byte());
    // One more byte only for the few rows that are not plain: stray kind, then cause.
    out.push(match row.stray {
        None => 0,
        Some(StrayKind::Late) => 1,
        Some(_) => 2,
    });
    put_cause(out, row.cause);
    put(out, row.lateness_ns);
    row.rtt
        .into_iter()
        .chain(row.host_rtt)
        .for_each(|rtt| put(out, rtt.as_nanos()));
}

/// Unpacks a batch.
///
/// # Errors
///
/// [`Malformed`], whatever the bytes.
pub(crate) fn unpack(bytes: &[u8]) -> Result<Vec<Row>, Malformed> {
    let (content, checksum) = bytes.split_last_chunk::<4>().ok_or(Malformed)?;
    let mut cursor = Cursor::new(content);
    if crc32c::crc32c(content) != u32::from_le_bytes(*checksum) || cursor.byte()? != VERSION {
        return Err(Malformed);
    }
    let count = usize::try_from(cursor.unsigned()?)
        .ok()
        .filter(|count| *count <= BATCH_ROWS)
        .ok_or(Malformed)?;
    let (mut target, mut at) = (0_i64, 0_i64);
    let mut rows = Vec::with_capacity(count);
    for _ in 0..count {
        target = target.checked_add(cursor.signed()?).ok_or(Malformed)?;
        at = at.wrapping_add(cursor.signed()?);
        let target = TargetId(u32::try_from(target).map_err(|_| Malformed)?);
        let seq = cursor.unsigned()?;
        rows.push(read_row(&mut cursor, target, WallTime::from_nanos(at), seq)?);
    }
    if cursor.is_at_end() {
        Ok(rows)
    } else {
        Err(Malformed)
    }
}

/// The row of this place, whose fate comes next.
pub(crate) fn read_row(
    cursor: &mut Cursor<'_>,
    target: TargetId,
    at: WallTime,
    seq: u64,
) -> Result<Row, Malformed> {
    let kind = Kind::from_byte(cursor.byte()?)?;
    let stray = match cursor.byte()? {
        0 => None,
        1 => Some(StrayKind::Late),
        2 => Some(StrayKind::Duplicate),
        _ => return Err(Malformed),
    };
    let cause = get_cause(cursor)?;
    let lateness_ns = cursor.unsigned()?;
    let rtt = if kind.has_rtt {
        Some(Rtt::from_nanos(cursor.unsigned()?))
    } else {
        None
    };
    let host_rtt = if kind.has_host_rtt {
        Some(Rtt::from_nanos(cursor.unsigned()?))
    } else {
        None
    };
    Ok(Row {
        target,
        seq,
        at,
        outcome: kind.outcome,
        rtt,
        host_rtt,
        lateness_ns,
        class: kind.class,
        cause,
        is_reordered: kind.is_reordered,
        stray,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::row::strategies;

    proptest! {
        #[test]
        fn any_rows_come_back_to_the_nanosecond(
            mut rows in proptest::collection::vec((0_u32..5).prop_flat_map(strategies::row), 0..200),
            stray_index in 0_usize..200,
        ) {
            if let Some(row) = rows.get_mut(stray_index) {
                *row = Row::stray(row.target, 9, row.at, StrayKind::Duplicate, row.rtt);
            }
            let bytes = pack(&rows);
            prop_assert_eq!(unpack(&bytes), Ok(rows));
            prop_assert_eq!(unpack(&bytes[..bytes.len() - 1]), Err(Malformed));
        }
    }
}
