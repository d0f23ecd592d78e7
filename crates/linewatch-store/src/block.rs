//! Packs the samples of one series into a sealed block, and unpacks it: columns by `pco`, all else sparse.
//!
//! Input: rows of one (target, run), any order. Output: bytes as docs/on-disk-format.md "Block, version 1".
//! The surprising rule: a block keeps microseconds, or nanoseconds where the wire RTT is a LAN's (class K, median
//! below 1 ms), so a sealed sample equals its row rounded to that unit. Not here: when to seal (`seal`).

use linewatch_core::limits::BLOCK_SAMPLES;
use linewatch_core::record::{Cause, Class, Outcome, StrayKind};
use linewatch_core::target::TargetId;
use linewatch_core::time::{Rtt, WallTime};
use pco::standalone::{simple_compress, simple_decompress_into};
use pco::{ChunkConfig, DeltaSpec, ModeSpec};

use crate::row::{Kind, Row, class_from_u8, get_cause, put_cause};
use crate::varint::{Cursor, Malformed, put, put_signed};

/// The version written. Older ones stay readable for ever.
const VERSION: u8 = 1;
/// Below this median, a class K wire RTT is worth its nanoseconds (+1.25 B each): a LAN moves by microseconds.
const LAN_RTT_NS: u64 = 1_000_000;
/// Strays of one block; an answer cannot come for more probes than there are, and each can come twice.
const STRAYS_MAX: u64 = 2 * BLOCK_SAMPLES as u64;

/// Why a block cannot be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BlockError {
    /// The bytes are not what was written.
    #[error("its checksum does not match")]
    Checksum,
    /// Written by a later linewatch.
    #[error("it has version {0}; this linewatch knows version {VERSION}")]
    Version(u8),
    /// The checksum is right but the content makes no sense.
    #[error("its content is malformed")]
    Malformed,
    /// More rows than a block may hold.
    #[error("it has {0} rows; the limit is {BLOCK_SAMPLES}")]
    TooMany(usize),
}

impl From<Malformed> for BlockError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// What one count in a block means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Micro,
    Nano,
}

impl Unit {
    const fn nanos(self) -> u64 {
        match self {
            Self::Micro => 1000,
            Self::Nano => 1,
        }
    }

    /// A length in this unit, to the nearest.
    const fn length(self, nanos: u64) -> u64 {
        nanos.saturating_add(self.nanos() / 2) / self.nanos()
    }

    /// An instant in this unit, rounded down as time stamps are.
    const fn instant(self, at: WallTime) -> i64 {
        at.as_nanos().div_euclid(self.nanos() as i64)
    }

    const fn to_wall(self, count: i64) -> WallTime {
        WallTime::from_nanos(count.saturating_mul(self.nanos() as i64))
    }

    const fn to_rtt(self, count: u64) -> Rtt {
        Rtt::from_nanos(count.saturating_mul(self.nanos()))
    }
}

/// A packed block and the span of send times in it, at its unit.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    pub(crate) bytes: Vec<u8>,
    pub(crate) from: WallTime,
    pub(crate) to: WallTime,
}

/// Packs rows of one series. Sorts them: probes by seq, then strays by seq.
///
/// # Errors
///
/// [`BlockError::TooMany`] above [`BLOCK_SAMPLES`]; [`BlockError::Malformed`] if `pco` refuses, which it has no
/// reason for.
pub(crate) fn pack(rows: &mut [Row]) -> Result<Packed, BlockError> {
    if rows.len() > BLOCK_SAMPLES {
        return Err(BlockError::TooMany(rows.len()));
    }
    rows.sort_by_key(|row| (row.stray.is_some(), row.seq));
    let (probes, strays) = rows.split_at(rows.partition_point(|row| row.stray.is_none()));
    let class = dominant_class(probes);
    let unit = choose_unit(probes, class);
    let dues: Vec<i64> = probes.iter().map(|row| due(row, unit)).collect();
    let first_seq = probes.first().map_or(0, |row| row.seq);
    let first_due = dues
        .first()
        .copied()
        .or_else(|| Some(unit.instant(strays.first()?.at)))
        .unwrap_or(0);
    let step = grid_step(probes, &dues);

    let mut out = vec![VERSION, u8::from(unit == Unit::Nano), class as u8];
    put(&mut out, probes.len() as u64);
    put(&mut out, first_seq);
    put_signed(&mut out, first_due);
    put_signed(&mut out, step);
    put_section(&mut out, &seq_skips(probes));
    put_column(
        &mut out,
        &residuals(probes, &dues, first_due, step),
        DeltaSpec::TryConsecutive(1),
    )?;
    let lateness: Vec<u64> = probes.iter().map(|row| unit.length(row.lateness_ns)).collect();
    put_column(&mut out, &lateness, DeltaSpec::NoOp)?;
    put_section(&mut out, &exceptions(probes, class));
    // RTT noise has no trend from one probe to the next: delta coding would only add the noise twice.
    let rtts: Vec<u64> = probes
        .iter()
        .filter_map(|row| row.rtt)
        .map(|rtt| unit.length(rtt.as_nanos()))
        .collect();
    put_column(&mut out, &rtts, DeltaSpec::NoOp)?;
    put_column(&mut out, &process_latencies(probes, unit), DeltaSpec::NoOp)?;
    put_section(&mut out, &pack_strays(strays, unit, first_due));
    let checksum = crc32c::crc32c(&out);
    out.extend(checksum.to_le_bytes());

    let at = |row: &Row| unit.to_wall(unit.instant(row.at));
    let from = rows.iter().map(at).min().unwrap_or_default();
    let to = rows.iter().map(at).max().unwrap_or_default();
    Ok(Packed { bytes: out, from, to })
}

/// Unpacks a block: probes by seq, then strays by seq.
///
/// # Errors
///
/// Any [`BlockError`] but `TooMany`; never panics, whatever the bytes.
pub(crate) fn unpack(bytes: &[u8], target: TargetId) -> Result<Vec<Row>, BlockError> {
    let (content, checksum) = bytes.split_last_chunk::<4>().ok_or(BlockError::Checksum)?;
    if crc32c::crc32c(content) != u32::from_le_bytes(*checksum) {
        return Err(BlockError::Checksum);
    }
    let mut cursor = Cursor::new(content);
    let version = cursor.byte()?;
    if version != VERSION {
        return Err(BlockError::Version(version));
    }
    let unit = match cursor.byte()? {
        0 => Unit::Micro,
        1 => Unit::Nano,
        _ => return Err(BlockError::Malformed),
    };
    let class = class_from_u8(cursor.byte()?)?;
    let count = usize::try_from(cursor.unsigned()?).unwrap_or(usize::MAX);
    if count > BLOCK_SAMPLES {
        return Err(BlockError::Malformed);
    }
    let first_seq = cursor.unsigned()?;
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
    unpack_strays(cursor.section()?, target, unit, first_due, &mut rows)?;
    if cursor.is_at_end() {
        Ok(rows)
    } else {
        Err(BlockError::Malformed)
    }
}

/// The class most probes have; the others are exceptions.
fn dominant_class(probes: &[Row]) -> Class {
    let count = |class: Class| probes.iter().filter(|row| row.class == class).count();
    [Class::K, Class::H, Class::U]
        .into_iter()
        .max_by_key(|class| count(*class))
        .unwrap_or(Class::K)
}

fn choose_unit(probes: &[Row], class: Class) -> Unit {
    let mut rtts: Vec<u64> = probes
        .iter()
        .filter_map(|row| row.rtt)
        .map(Rtt::as_nanos)
        .collect();
    let middle = rtts.len() / 2;
    let is_lan = class == Class::K && !rtts.is_empty() && *rtts.select_nth_unstable(middle).1 < LAN_RTT_NS;
    if is_lan { Unit::Nano } else { Unit::Micro }
}

/// The slot in units: from the rounded parts, so that both the send time and the lateness come back exactly.
fn due(row: &Row, unit: Unit) -> i64 {
    unit.instant(row.at)
        .wrapping_sub(unit.length(row.lateness_ns) as i64)
}

/// Units from one sequence number to the next, as the whole block has it.
fn grid_step(probes: &[Row], dues: &[i64]) -> i64 {
    let (Some(first), Some(last)) = (probes.first(), probes.last()) else {
        return 0;
    };
    let slots = i64::try_from(last.seq - first.seq).unwrap_or(i64::MAX);
    if slots == 0 {
        0
    } else {
        dues[dues.len() - 1].wrapping_sub(dues[0]) / slots
    }
}

/// Where the grid has this probe. Wrapping, so that nonsense comes back as the same nonsense.
const fn on_grid(first_due: i64, step: i64, first_seq: u64, seq: u64) -> i64 {
    first_due.wrapping_add(step.wrapping_mul(seq.wrapping_sub(first_seq) as i64))
}

fn residuals(probes: &[Row], dues: &[i64], first_due: i64, step: i64) -> Vec<i64> {
    let first_seq = probes.first().map_or(0, |row| row.seq);
    probes
        .iter()
        .zip(dues)
        .map(|(row, due)| due.wrapping_sub(on_grid(first_due, step, first_seq, row.seq)))
        .collect()
}

/// Host RTT minus wire RTT, both rounded first: the host RTT comes back exactly.
fn process_latencies(probes: &[Row], unit: Unit) -> Vec<u64> {
    let added = |row: &Row| {
        let host = unit.length(row.host_rtt?.as_nanos());
        Some(host.saturating_sub(row.rtt.map_or(0, |rtt| unit.length(rtt.as_nanos()))))
    };
    probes.iter().filter_map(added).collect()
}

/// Where sequence numbers do not go up by one: rows since the skip before, and how far beyond one.
/// A second row of one number (which no engine makes) would be a skip of -1, hence signed.
fn seq_skips(probes: &[Row]) -> Vec<u8> {
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

fn read_seqs(section: &[u8], first_seq: u64, count: usize) -> Result<Vec<u64>, BlockError> {
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
fn exceptions(probes: &[Row], class: Class) -> Vec<u8> {
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

fn read_exceptions(section: &[u8], class: Class, count: usize) -> Result<Vec<(Kind, Cause)>, BlockError> {
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

fn pack_strays(strays: &[Row], unit: Unit, first_due: i64) -> Vec<u8> {
    let mut out = Vec::new();
    for row in strays {
        out.push(u8::from(row.stray == Some(StrayKind::Duplicate)));
        put(&mut out, row.seq);
        put_signed(&mut out, unit.instant(row.at).wrapping_sub(first_due));
        put(
            &mut out,
            row.rtt
                .map_or(0, |rtt| unit.length(rtt.as_nanos()).saturating_add(1)),
        );
    }
    out
}

fn unpack_strays(
    section: &[u8],
    target: TargetId,
    unit: Unit,
    first_due: i64,
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
        let (seq, at) = (cursor.unsigned()?, cursor.signed()?.wrapping_add(first_due));
        let delay = cursor.unsigned()?.checked_sub(1).map(|count| unit.to_rtt(count));
        rows.push(Row::stray(target, seq, unit.to_wall(at), kind, delay));
        seen += 1;
        if seen > STRAYS_MAX {
            return Err(BlockError::Malformed);
        }
    }
    Ok(())
}

fn put_section(out: &mut Vec<u8>, section: &[u8]) {
    put(out, section.len() as u64);
    out.extend_from_slice(section);
}

fn put_column<T: pco::data_types::Number>(
    out: &mut Vec<u8>,
    column: &[T],
    delta: DeltaSpec,
) -> Result<(), BlockError> {
    if column.is_empty() {
        put_section(out, &[]);
        return Ok(());
    }
    let config = ChunkConfig::default()
        .with_mode_spec(ModeSpec::Classic)
        .with_delta_spec(delta);
    put_section(
        out,
        &simple_compress(column, &config).map_err(|_| BlockError::Malformed)?,
    );
    Ok(())
}

fn read_column<T: pco::data_types::Number + Default>(
    section: &[u8],
    count: usize,
) -> Result<Vec<T>, BlockError> {
    let mut column = vec![T::default(); count];
    if count == 0 {
        return if section.is_empty() {
            Ok(column)
        } else {
            Err(BlockError::Malformed)
        };
    }
    let progress = simple_decompress_into(section, &mut column).map_err(|_| BlockError::Malformed)?;
    if progress.n_processed == count && progress.finished {
        Ok(column)
    } else {
        Err(BlockError::Malformed)
    }
}

#[cfg(test)]
mod tests;
