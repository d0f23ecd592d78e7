//! Reads blocks of version 1, which are no longer written: every column at the block's unit.

use linewatch_core::target::TargetId;

use super::sections::{read_column, read_exceptions, read_seqs, unpack_strays};
use super::{BlockError, Head};
use crate::row::Row;
use crate::varint::Cursor;

/// Everything behind the version byte.
pub(super) fn unpack(cursor: &mut Cursor<'_>, target: TargetId) -> Result<Vec<Row>, BlockError> {
    let Head {
        unit,
        class,
        count,
        first_seq,
    } = Head::read(cursor)?;
    let (first_due, step) = (cursor.signed()?, cursor.signed()?);
    let seqs = read_seqs(cursor.section()?, first_seq, count)?;
    let residuals: Vec<i64> = read_column(cursor.section()?, count)?;
    let lateness: Vec<u64> = read_column(cursor.section()?, count)?;
    let kinds = read_exceptions(cursor.section()?, class, count)?;
    let rtts: Vec<u64> = read_column(
        cursor.section()?,
        kinds.iter().filter(|(kind, _)| kind.has_rtt).count(),
    )?;
    let process: Vec<u64> = read_column(
        cursor.section()?,
        kinds.iter().filter(|(kind, _)| kind.has_host_rtt).count(),
    )?;

    let (mut rtts, mut process) = (rtts.into_iter(), process.into_iter());
    let mut rows = Vec::with_capacity(count);
    for (index, (kind, cause)) in kinds.into_iter().enumerate() {
        let (seq, late) = (seqs[index], lateness[index]);
        let due = residuals[index].wrapping_add(on_grid(first_due, step, first_seq, seq));
        let rtt = if kind.has_rtt { rtts.next() } else { None };
        let added = if kind.has_host_rtt { process.next() } else { None };
        rows.push(Row {
            target,
            seq,
            at: unit.to_wall(due.wrapping_add(late as i64)),
            outcome: kind.outcome,
            rtt: rtt.map(|rtt| unit.to_rtt(rtt)),
            host_rtt: added.map(|added| unit.to_rtt(added.saturating_add(rtt.unwrap_or(0)))),
            lateness_ns: late.saturating_mul(unit.nanos()),
            class: kind.class,
            cause,
            is_reordered: kind.is_reordered,
            stray: None,
        });
    }
    let wall = |since: i64| unit.to_wall(since.wrapping_add(first_due));
    unpack_strays(cursor.section()?, (target, unit), wall, &mut rows)?;
    Ok(rows)
}

/// Where the grid has this probe. Wrapping, so that nonsense comes back as the same nonsense.
const fn on_grid(first_due: i64, step: i64, first_seq: u64, seq: u64) -> i64 {
    first_due.wrapping_add(step.wrapping_mul(seq.wrapping_sub(first_seq) as i64))
}
