//! Packs what is kept around an outage into bytes and back, and hands it to the writer.
//!
//! Format: docs/on-disk-format.md "Evidence, version 1". The samples are blocks as everywhere; a checksum closes the
//! whole. Not here: collecting it (`sqlite::evidence`) and what it means (`linewatch_core::evidence`).

use linewatch_core::event::EventId;
use linewatch_core::evidence::{Evidence, Fault, Line, Part, Second, Span};
use linewatch_core::limits::BLOCK_SAMPLES;
use linewatch_core::port::StoredSample;
use linewatch_core::record::GapKind;
use linewatch_core::target::TargetId;
use linewatch_core::time::{Rtt, WallTime};

use crate::block::{self, BlockError};
use crate::error::StoreError;
use crate::handle::StoreHandle;
use crate::row::Row;
use crate::sqlite::evidence;
use crate::varint::{Cursor, Malformed, put, put_signed};

/// The version written.
const VERSION: u8 = 1;
/// In place of a kind of gap: the link or the route was gone.
const LINK: u8 = u8::MAX;
/// Microseconds keep a median well enough.
const NANOS_PER_US: u64 = 1_000;

impl StoreHandle {
    /// Keeps what was measured around an outage, in place of an earlier copy. Waits for the writer. Nothing is kept of
    /// an outage that is no longer there.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be written now.
    pub fn keep_evidence(&self, kept: &Evidence) -> Result<(), StoreError> {
        let (outage, target, part) = (kept.outage, kept.target, kept.span.part);
        // Packed here: the writer has other things to do.
        let bytes = pack(kept).map_err(|error| StoreError::Database(error.to_string()))?;
        self.with(move |connection| evidence::insert(connection, outage, target, part, &bytes))
    }
}

fn pack(kept: &Evidence) -> Result<Vec<u8>, BlockError> {
    let mut out = vec![VERSION];
    put_signed(&mut out, kept.span.from.as_nanos());
    put_signed(&mut out, kept.span.to.as_nanos());
    put_samples(&mut out, kept.target, &kept.samples)?;
    match kept.gateway {
        None => out.push(0),
        Some(gateway) => {
            out.push(1);
            put(&mut out, u64::from(gateway.0));
            put_samples(&mut out, gateway, &kept.gateway_samples)?;
        }
    }
    put(&mut out, kept.lines.len() as u64);
    kept.lines.iter().for_each(|line| put_line(&mut out, line));
    put(&mut out, u64::from(kept.left_out));
    put(&mut out, kept.faults.len() as u64);
    for fault in &kept.faults {
        out.push(fault.gap.map_or(LINK, |kind| kind as u8));
        put_signed(&mut out, fault.from.as_nanos());
        put_signed(&mut out, fault.to.as_nanos());
        put(&mut out, fault.count);
    }
    let checksum = crc32c::crc32c(&out);
    out.extend(checksum.to_le_bytes());
    Ok(out)
}

/// Blocks hold one start of the monitor each, and only so many samples.
fn put_samples(out: &mut Vec<u8>, target: TargetId, samples: &[StoredSample]) -> Result<(), BlockError> {
    let runs = samples.chunk_by(|a, b| a.run == b.run);
    let blocks: Vec<&[StoredSample]> = runs.flat_map(|run| run.chunks(BLOCK_SAMPLES)).collect();
    put(out, blocks.len() as u64);
    for samples in blocks {
        let mut rows: Vec<Row> = samples
            .iter()
            .map(|sample| Row::of_sample(target, sample))
            .collect();
        let packed = block::pack(&mut rows)?;
        put(out, samples.first().map_or(0, |sample| sample.run));
        put(out, packed.bytes.len() as u64);
        out.extend(packed.bytes);
    }
    Ok(())
}

fn put_line(out: &mut Vec<u8>, line: &Line) {
    put(out, u64::from(line.target.0));
    put(out, line.seconds.len() as u64);
    let mut before_s = 0;
    for second in &line.seconds {
        put_signed(out, second.at_s.wrapping_sub(before_s));
        put(out, u64::from(second.sent));
        put(out, u64::from(second.lost));
        put(out, second.p50.map_or(0, |rtt| rtt.as_nanos() / NANOS_PER_US + 1));
        before_s = second.at_s;
    }
}

/// The opposite of `pack`.
///
/// # Errors
///
/// [`BlockError`] for bytes that are not of this version or damaged; never panics, whatever they are.
pub(crate) fn unpack(
    bytes: &[u8],
    outage: EventId,
    target: TargetId,
    part: Part,
) -> Result<Evidence, BlockError> {
    let (content, checksum) = bytes.split_last_chunk::<4>().ok_or(BlockError::Checksum)?;
    if crc32c::crc32c(content) != u32::from_le_bytes(*checksum) {
        return Err(BlockError::Checksum);
    }
    let mut cursor = Cursor::new(content);
    match cursor.byte()? {
        VERSION => {}
        later => return Err(BlockError::Version(later)),
    }
    let span = Span {
        part,
        from: WallTime::from_nanos(cursor.signed()?),
        to: WallTime::from_nanos(cursor.signed()?),
    };
    let samples = read_samples(&mut cursor, target)?;
    let (gateway, gateway_samples) = match cursor.byte()? {
        0 => (None, Vec::new()),
        _ => {
            let gateway = read_target(&mut cursor)?;
            (Some(gateway), read_samples(&mut cursor, gateway)?)
        }
    };
    let lines = read_many(&mut cursor, read_line)?;
    let left_out = u32::try_from(cursor.unsigned()?).map_err(|_| Malformed)?;
    let faults = read_many(&mut cursor, read_fault)?;
    Ok(Evidence {
        outage,
        target,
        span,
        samples,
        gateway,
        gateway_samples,
        lines,
        left_out,
        faults,
    })
}

/// A count, then so many of them. Each takes a byte at least: a count beyond the bytes ends as malformed.
fn read_many<T>(
    cursor: &mut Cursor<'_>,
    read: impl Fn(&mut Cursor<'_>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let count = cursor.unsigned()?;
    (0..count).map(|_| read(cursor)).collect()
}

fn read_target(cursor: &mut Cursor<'_>) -> Result<TargetId, Malformed> {
    Ok(TargetId(
        u32::try_from(cursor.unsigned()?).map_err(|_| Malformed)?,
    ))
}

fn read_samples(cursor: &mut Cursor<'_>, target: TargetId) -> Result<Vec<StoredSample>, BlockError> {
    let mut samples = Vec::new();
    for _ in 0..cursor.unsigned()? {
        let run = cursor.unsigned()?;
        let rows = block::unpack(cursor.section()?, target)?;
        samples.extend(rows.iter().map(|row| row.sample(run)));
    }
    samples.sort_by_key(|sample| (sample.at, sample.run, sample.seq, sample.stray.is_some()));
    Ok(samples)
}

fn read_line(cursor: &mut Cursor<'_>) -> Result<Line, Malformed> {
    let target = read_target(cursor)?;
    let mut at_s = 0_i64;
    let mut seconds = Vec::new();
    for _ in 0..cursor.unsigned()? {
        at_s = at_s.wrapping_add(cursor.signed()?);
        let small = |number: u64| u32::try_from(number).map_err(|_| Malformed);
        let (sent, lost) = (small(cursor.unsigned()?)?, small(cursor.unsigned()?)?);
        let p50_us = cursor.unsigned()?.checked_sub(1);
        seconds.push(Second {
            at_s,
            sent,
            lost,
            p50: p50_us.map(|us| Rtt::from_nanos(us.saturating_mul(NANOS_PER_US))),
        });
    }
    Ok(Line { target, seconds })
}

fn read_fault(cursor: &mut Cursor<'_>) -> Result<Fault, Malformed> {
    let gap = match cursor.byte()? {
        LINK => None,
        number => Some(GapKind::from_u8(number).ok_or(Malformed)?),
    };
    Ok(Fault {
        gap,
        from: WallTime::from_nanos(cursor.signed()?),
        to: WallTime::from_nanos(cursor.signed()?),
        count: cursor.unsigned()?,
    })
}

#[cfg(test)]
mod tests {
    use linewatch_core::event::RunId;
    use proptest::prelude::*;

    use super::*;
    use crate::row::strategies;

    const OUTAGE: EventId = EventId {
        run: RunId(3),
        seq: 9,
    };

    fn kept(rows: &[Row], seconds: Vec<Second>) -> Evidence {
        let samples: Vec<StoredSample> = (0..)
            .zip(rows)
            .map(|(seq, row)| Row { seq, ..*row }.sample(3))
            .collect();
        let at = WallTime::from_nanos;
        Evidence {
            outage: OUTAGE,
            target: TargetId(7),
            span: Span {
                part: Part::Whole,
                from: at(-5),
                to: at(1 << 60),
            },
            gateway: Some(TargetId(8)),
            gateway_samples: samples.clone(),
            samples,
            lines: vec![Line {
                target: TargetId(9),
                seconds,
            }],
            left_out: 4,
            faults: vec![
                Fault {
                    gap: Some(GapKind::Stalled),
                    from: at(5),
                    to: at(6),
                    count: 2,
                },
                Fault {
                    gap: None,
                    from: at(7),
                    to: at(8),
                    count: 3,
                },
            ],
        }
    }

    proptest! {
        #[test]
        fn what_is_kept_comes_back(
            rows in proptest::collection::vec(strategies::row(7), 0..50),
            seconds in proptest::collection::vec((any::<i32>(), any::<u32>(), any::<u32>(), proptest::option::of(0_u64..90_000_000)), 0..50),
        ) {
            let seconds = seconds.into_iter().map(|(at_s, sent, lost, p50_us)| Second {
                at_s: i64::from(at_s),
                sent,
                lost,
                p50: p50_us.map(|us| Rtt::from_nanos(us * NANOS_PER_US)),
            });
            let kept = kept(&rows, seconds.collect());
            let back = unpack(&pack(&kept).expect("packs"), OUTAGE, TargetId(7), Part::Whole).expect("unpacks");
            // The precision of samples is the blocks' own matter.
            prop_assert_eq!(back.samples.len(), kept.samples.len());
            prop_assert_eq!(back.gateway_samples.len(), kept.gateway_samples.len());
            let plain = |evidence: Evidence| Evidence { samples: Vec::new(), gateway_samples: Vec::new(), ..evidence };
            prop_assert_eq!(plain(back), plain(kept));
        }

        #[test]
        fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let checksum = crc32c::crc32c(&bytes);
            bytes.extend(checksum.to_le_bytes());
            let _ = unpack(&bytes, OUTAGE, TargetId(7), Part::Whole);
        }
    }
}
