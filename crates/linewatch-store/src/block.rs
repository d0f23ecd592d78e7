//! Packs the samples of one series into a sealed block, and unpacks it: columns by `pco`, all else sparse.
//!
//! Input: rows of one (target, run), any order. Output: bytes as docs/on-disk-format.md "Block, version 2".
//! The surprising rule: a block keeps RTTs in microseconds, or nanoseconds where the wire RTT is a LAN's (class K,
//! median below 1 ms), and what this computer added only as finely as it means something (`noise`). What is as its
//! grid foretells costs nothing. Not here: when to seal (`seal`).

mod noise;
mod sections;
mod v1;

use linewatch_core::limits::BLOCK_SAMPLES;
use linewatch_core::record::Class;
use linewatch_core::target::TargetId;
use linewatch_core::time::{Rtt, WallTime};

use sections::{
    exceptions, pack_strays, put_column, put_section, read_column, read_exceptions, read_seqs, seq_skips,
    unpack_strays,
};

use crate::row::{Row, class_from_u8};
use crate::varint::{Cursor, Malformed, put, put_signed};

/// The version written. Older ones stay readable for ever.
const VERSION: u8 = 2;
/// Below this median, a class K wire RTT is worth its nanoseconds (+1.25 B each): a LAN moves by microseconds.
const LAN_RTT_NS: u64 = 1_000_000;
/// A send time as near as this to its grid is kept as the grid's: below it are the anchors' own reading errors.
const GRID_TOLERANCE_NS: u64 = 1_000;
const NANOS_PER_S: i64 = 1_000_000_000;

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

/// What every version begins with.
#[derive(Clone, Copy, Debug)]
struct Head {
    unit: Unit,
    class: Class,
    /// Probes; strays are behind them.
    count: usize,
    first_seq: u64,
}

impl Head {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, BlockError> {
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
        Ok(Self {
            unit,
            class,
            count,
            first_seq,
        })
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.extend([u8::from(self.unit == Unit::Nano), self.class as u8]);
        put(out, self.count as u64);
        put(out, self.first_seq);
    }
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
    let head = Head {
        unit: choose_unit(probes, class),
        class,
        count: probes.len(),
        first_seq: probes.first().map_or(0, |row| row.seq),
    };
    let lateness: Vec<u64> = probes.iter().map(|row| noise::place(row.lateness_ns)).collect();
    let slots = Slots::of(probes, &lateness);
    let first_ns = if probes.is_empty() {
        strays.first().map_or(0, |row| row.at.as_nanos())
    } else {
        slots.first_ns
    };
    let unit = |nanos: u64| head.unit.length(nanos);

    let mut out = vec![VERSION];
    head.put(&mut out);
    put_signed(&mut out, first_ns);
    put_signed(&mut out, slots.step_ns);
    put_section(&mut out, &seq_skips(probes));
    put_column(&mut out, &slots.jumps_ns)?;
    put_column(&mut out, &lateness)?;
    put_section(&mut out, &exceptions(probes, class));
    let rtts = probes.iter().filter_map(|row| row.rtt);
    let rtts: Vec<u64> = rtts.map(|rtt| unit(rtt.as_nanos())).collect();
    put_column(&mut out, &rtts)?;
    put_column(&mut out, &process_latencies(probes))?;
    let alone = probes.iter().filter(|row| row.rtt.is_none());
    let alone: Vec<u64> = alone
        .filter_map(|row| Some(unit(row.host_rtt?.as_nanos())))
        .collect();
    put_column(&mut out, &alone)?;
    put_section(&mut out, &pack_strays(strays, head.unit, first_ns));
    let checksum = crc32c::crc32c(&out);
    out.extend(checksum.to_le_bytes());

    let kept = || slots.kept.iter().copied().chain(strays.iter().map(|row| row.at));
    Ok(Packed {
        from: kept().min().unwrap_or_default(),
        to: kept().max().unwrap_or_default(),
        bytes: out,
    })
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
    let rows = match cursor.byte()? {
        1 => v1::unpack(&mut cursor, target)?,
        VERSION => unpack_newest(&mut cursor, target)?,
        later => return Err(BlockError::Version(later)),
    };
    if cursor.is_at_end() {
        Ok(rows)
    } else {
        Err(BlockError::Malformed)
    }
}

fn unpack_newest(cursor: &mut Cursor<'_>, target: TargetId) -> Result<Vec<Row>, BlockError> {
    let Head {
        unit,
        class,
        count,
        first_seq,
    } = Head::read(cursor)?;
    let (first_ns, step_ns) = (cursor.signed()?, cursor.signed()?);
    let seqs = read_seqs(cursor.section()?, first_seq, count)?;
    let jumps: Vec<i64> = read_column(cursor.section()?, count)?;
    let lateness: Vec<u64> = read_column(cursor.section()?, count)?;
    let kinds = read_exceptions(cursor.section()?, class, count)?;
    let count_of = |has: fn(bool, bool) -> bool| {
        kinds
            .iter()
            .filter(|(kind, _)| has(kind.has_rtt, kind.has_host_rtt))
            .count()
    };
    let rtts: Vec<u64> = read_column(cursor.section()?, count_of(|rtt, _| rtt))?;
    let process: Vec<u64> = read_column(cursor.section()?, count_of(|rtt, host| rtt && host))?;
    let alone: Vec<u64> = read_column(cursor.section()?, count_of(|rtt, host| !rtt && host))?;

    let (mut rtts, mut process, mut alone) = (rtts.into_iter(), process.into_iter(), alone.into_iter());
    let mut slot = (first_seq, first_ns);
    let mut rows = Vec::with_capacity(count);
    for (index, (kind, cause)) in kinds.into_iter().enumerate() {
        let seq = seqs[index];
        slot = (seq, next_slot(slot, seq, step_ns).wrapping_add(jumps[index]));
        let lateness_ns = noise::length(lateness[index]);
        let rtt = if kind.has_rtt { rtts.next() } else { None }.map(|count| unit.to_rtt(count));
        let host_rtt = match rtt {
            _ if !kind.has_host_rtt => None,
            Some(rtt) => process
                .next()
                .map(|place| Rtt::from_nanos(rtt.as_nanos().saturating_add(noise::length(place)))),
            None => alone.next().map(|count| unit.to_rtt(count)),
        };
        rows.push(Row {
            target,
            seq,
            at: sent_at(slot.1, lateness_ns),
            outcome: kind.outcome,
            rtt,
            host_rtt,
            lateness_ns,
            class: kind.class,
            cause,
            is_reordered: kind.is_reordered,
            stray: None,
        });
    }
    let wall = |since: i64| WallTime::from_nanos(since.wrapping_add(first_ns));
    unpack_strays(cursor.section()?, (target, unit), wall, &mut rows)?;
    Ok(rows)
}

/// The slots of a block as they are kept: an even grid, and where it jumps.
struct Slots {
    first_ns: i64,
    step_ns: i64,
    /// By how much each slot is beside where the one before foretells it: 0 almost always.
    jumps_ns: Vec<i64>,
    /// Send times as they come back.
    kept: Vec<WallTime>,
}

impl Slots {
    /// Of probes, and the places of their lateness. Every send time stays in its own second, so that no sample
    /// changes its bucket by being sealed.
    fn of(probes: &[Row], lateness: &[u64]) -> Self {
        let late_ns = |index: usize| noise::length(lateness[index]);
        let step_ns = grid_step(probes);
        let first_ns = probes.first().map_or(0, due_ns);
        let mut slots = Self {
            first_ns,
            step_ns,
            jumps_ns: Vec::with_capacity(probes.len()),
            kept: Vec::with_capacity(probes.len()),
        };
        let mut slot = (probes.first().map_or(0, |row| row.seq), first_ns);
        for (index, row) in probes.iter().enumerate() {
            let foretold = next_slot(slot, row.seq, step_ns);
            let kept = sent_at(foretold, late_ns(index));
            let second = |at: WallTime| at.as_nanos().div_euclid(NANOS_PER_S);
            let is_near = due_ns(row).abs_diff(foretold) <= GRID_TOLERANCE_NS;
            let jump = if is_near && second(kept) == second(row.at) {
                0
            } else {
                row.at.as_nanos().wrapping_sub(kept.as_nanos())
            };
            slot = (row.seq, foretold.wrapping_add(jump));
            slots.jumps_ns.push(jump);
            slots.kept.push(sent_at(slot.1, late_ns(index)));
        }
        slots
    }
}

/// Where the grid has the slot of `seq`, from the one before. Wrapping, so that nonsense comes back as the same.
const fn next_slot((seq_before, before_ns): (u64, i64), seq: u64, step_ns: i64) -> i64 {
    before_ns.wrapping_add(step_ns.wrapping_mul(seq.wrapping_sub(seq_before) as i64))
}

const fn sent_at(slot_ns: i64, lateness_ns: u64) -> WallTime {
    WallTime::from_nanos(slot_ns.wrapping_add(lateness_ns as i64))
}

fn due_ns(row: &Row) -> i64 {
    row.at.as_nanos().wrapping_sub(row.lateness_ns as i64)
}

/// Nanoseconds from one sequence number to the next: the mean of those near the middle one, so that a suspension does not
/// bend it and reading errors of the anchors cancel.
fn grid_step(probes: &[Row]) -> i64 {
    let neighbours = probes
        .windows(2)
        .filter(|pair| pair[1].seq.wrapping_sub(pair[0].seq) == 1);
    let mut steps: Vec<i64> = neighbours
        .map(|pair| due_ns(&pair[1]).wrapping_sub(due_ns(&pair[0])))
        .collect();
    if steps.is_empty() {
        return 0;
    }
    let middle = steps.len() / 2;
    let middle = *steps.select_nth_unstable(middle).1;
    let aside = steps
        .iter()
        .map(|step| step.wrapping_sub(middle))
        .filter(|aside| aside.unsigned_abs() <= 2 * GRID_TOLERANCE_NS);
    let (sum, count) = aside.fold((0, 0), |(sum, count), aside| (sum + aside, count + 1));
    middle.wrapping_add(sum.div_euclid(count.max(1)))
}

/// Host RTT minus wire RTT where there are both, as places of `noise`.
fn process_latencies(probes: &[Row]) -> Vec<u64> {
    let added = |row: &Row| {
        let (host, wire) = (row.host_rtt?.as_nanos(), row.rtt?.as_nanos());
        Some(noise::place(host.saturating_sub(wire)))
    };
    probes.iter().filter_map(added).collect()
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

#[cfg(test)]
mod tests;
