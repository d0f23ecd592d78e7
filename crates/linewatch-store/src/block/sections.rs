//! Writes and reads the parts that every version of a block shares: columns by `pco`, and what is sparse.
//!
//! Reading never panics and never makes more rows than the block says it has, whatever the bytes.

use linewatch_core::limits::BLOCK_SAMPLES;
use linewatch_core::record::{Cause, Class, Outcome, StrayKind};
use linewatch_core::target::TargetId;
use linewatch_core::time::WallTime;
use pco::standalone::{simple_compress, simple_decompress_into};
use pco::{ChunkConfig, DeltaSpec, ModeSpec};

use super::{BlockError, Unit};
use crate::row::{Kind, Row, get_cause, put_cause};
use crate::varint::{Cursor, put, put_signed};

/// Strays of one block; an answer cannot come for more probes than there are, and each can come twice.
const STRAYS_MAX: u64 = 2 * BLOCK_SAMPLES as u64;

/// Where sequence numbers do not go up by one: rows since the skip before, and how far beyond one.
/// A second row of one number (which no engine makes) would be a skip of -1, hence signed.
pub(super) fn seq_skips(probes: &[Row]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut since = 0_u64;
    for pair in probes.windows(2) {
        since += 1;
        let skip = pair[1].seq.wrapping_sub(pair[0].seq).wrapping_sub(1) as i64;
        if skip != 0 {
            put(&mut out, since);
            put_signed(&mut out, skip);
            since = 0;
        }
    }
    out
}

pub(super) fn read_seqs(section: &[u8], first_seq: u64, count: usize) -> Result<Vec<u64>, BlockError> {
    let mut cursor = Cursor::new(section);
    let mut seqs = Vec::with_capacity(count);
    let mut seq = first_seq;
    while !cursor.is_at_end() {
        let (since, skip) = (cursor.unsigned()?, cursor.signed()?);
        if since > (count - seqs.len()) as u64 {
            return Err(BlockError::Malformed);
        }
        for _ in 0..since {
            seqs.push(seq);
            seq = seq.wrapping_add(1);
        }
        seq = seq.wrapping_add_signed(skip);
    }
    while seqs.len() < count {
        seqs.push(seq);
        seq = seq.wrapping_add(1);
    }
    Ok(seqs)
}

/// What most probes are: answered, with both RTTs, for no reason.
const fn normal_kind(class: Class) -> u8 {
    Outcome::Reply as u8 | (class as u8) << 3 | 1 << 6 | 1 << 7
}

/// Runs of probes that are not normal: rows since the run before, length, kind byte, cause.
/// Runs, because an outage of an hour is 3,600 times the same.
pub(super) fn exceptions(probes: &[Row], class: Class) -> Vec<u8> {
    let mut out = Vec::new();
    let mut since = 0_u64;
    for run in probes.chunk_by(|a, b| (a.kind_byte(), a.cause) == (b.kind_byte(), b.cause)) {
        let (kind, cause) = (run[0].kind_byte(), run[0].cause);
        if kind == normal_kind(class) && cause == Cause::None {
            since += run.len() as u64;
            continue;
        }
        put(&mut out, since);
        put(&mut out, run.len() as u64);
        out.push(kind);
        put_cause(&mut out, cause);
        since = 0;
    }
    out
}

pub(super) fn read_exceptions(
    section: &[u8],
    class: Class,
    count: usize,
) -> Result<Vec<(Kind, Cause)>, BlockError> {
    let normal = (Kind::from_byte(normal_kind(class))?, Cause::None);
    let mut cursor = Cursor::new(section);
    let mut kinds = Vec::with_capacity(count);
    while !cursor.is_at_end() {
        let (since, length) = (cursor.unsigned()?, cursor.unsigned()?);
        let kind = (Kind::from_byte(cursor.byte()?)?, get_cause(&mut cursor)?);
        let left = (count - kinds.len()) as u64;
        if since > left || length > left - since {
            return Err(BlockError::Malformed);
        }
        kinds.resize(kinds.len() + since as usize, normal);
        kinds.resize(kinds.len() + length as usize, kind);
    }
    kinds.resize(count, normal);
    Ok(kinds)
}

/// Each stray: kind, seq, send time since `origin_ns`, delay.
pub(super) fn pack_strays(strays: &[Row], unit: Unit, origin_ns: i64) -> Vec<u8> {
    let mut out = Vec::new();
    for row in strays {
        out.push(u8::from(row.stray == Some(StrayKind::Duplicate)));
        put(&mut out, row.seq);
        put_signed(&mut out, row.at.as_nanos().wrapping_sub(origin_ns));
        put(
            &mut out,
            row.rtt
                .map_or(0, |rtt| unit.length(rtt.as_nanos()).saturating_add(1)),
        );
    }
    out
}

/// Appends the strays to `rows`; `wall` makes an instant of what is written as their time.
pub(super) fn unpack_strays(
    section: &[u8],
    (target, unit): (TargetId, Unit),
    wall: impl Fn(i64) -> WallTime,
    rows: &mut Vec<Row>,
) -> Result<(), BlockError> {
    let mut cursor = Cursor::new(section);
    let mut seen = 0;
    while !cursor.is_at_end() {
        let kind = match cursor.byte()? {
            0 => StrayKind::Late,
            1 => StrayKind::Duplicate,
            _ => return Err(BlockError::Malformed),
        };
        let (seq, at) = (cursor.unsigned()?, wall(cursor.signed()?));
        let delay = cursor.unsigned()?.checked_sub(1).map(|count| unit.to_rtt(count));
        rows.push(Row::stray(target, seq, at, kind, delay));
        seen += 1;
        if seen > STRAYS_MAX {
            return Err(BlockError::Malformed);
        }
    }
    Ok(())
}

pub(super) fn put_section(out: &mut Vec<u8>, section: &[u8]) {
    put(out, section.len() as u64);
    out.extend_from_slice(section);
}

/// Writes a column; one of zeros alone costs its length byte. Not delta-coded: noise has no trend from one probe to the
/// next, and its differences would carry it twice.
pub(super) fn put_column<T: pco::data_types::Number + Default>(
    out: &mut Vec<u8>,
    column: &[T],
) -> Result<(), BlockError> {
    if column.iter().all(|value| *value == T::default()) {
        put_section(out, &[]);
        return Ok(());
    }
    let config = ChunkConfig::default()
        .with_mode_spec(ModeSpec::Classic)
        .with_delta_spec(DeltaSpec::NoOp);
    put_section(
        out,
        &simple_compress(column, &config).map_err(|_| BlockError::Malformed)?,
    );
    Ok(())
}

/// Reads a column of `count` numbers; an empty section is that many zeros.
pub(super) fn read_column<T: pco::data_types::Number + Default>(
    section: &[u8],
    count: usize,
) -> Result<Vec<T>, BlockError> {
    let mut column = vec![T::default(); count];
    if section.is_empty() {
        return Ok(column);
    }
    if count == 0 {
        return Err(BlockError::Malformed);
    }
    let progress = simple_decompress_into(section, &mut column).map_err(|_| BlockError::Malformed)?;
    if progress.n_processed == count && progress.finished {
        Ok(column)
    } else {
        Err(BlockError::Malformed)
    }
}
