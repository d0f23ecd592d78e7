//! Packs the rows of one series in memory: some 20 bytes each instead of 80.
//!
//! They wait here for their block, up to an hour, and 600,000 of them may. To the nanosecond, like the hot batches whose
//! spelling of a row's fate this shares. Not here: bytes on disk, which are free to differ (`hot`, `block`).

use linewatch_core::target::TargetId;
use linewatch_core::time::WallTime;

use crate::hot::{put_fate, read_row};
use crate::row::Row;
use crate::varint::{Cursor, Malformed, put_signed};

/// Bytes that are taken at once; the heap adds eight. All series take and give back pieces of one size, so that what one leaves another can use:
/// vectors that grew from nothing to a kilobyte left 40 MB of holes in the heap, with 10,000 series and after five minutes.
const PIECE_BYTES: usize = 104;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct PackedRows {
    /// All full but the last.
    #[expect(clippy::vec_box, reason = "pieces of one size are the point")]
    pieces: Vec<Box<[u8; PIECE_BYTES]>>,
    /// Of all pieces.
    len_bytes: u32,
    rows: u32,
    /// Of the newest row.
    place: Place,
}

/// What the next row is told from.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    at_ns: i64,
    seq: u64,
}

impl PackedRows {
    pub(crate) const fn len(&self) -> usize {
        self.rows as usize
    }

    /// Adds a row of this series. `scratch` is memory for any use, so that nothing is allocated but what stays.
    pub(crate) fn push(&mut self, row: &Row, scratch: &mut Vec<u8>) {
        scratch.clear();
        let Place { at_ns, seq } = self.place;
        put_signed(scratch, row.at.as_nanos().wrapping_sub(at_ns));
        put_signed(scratch, row.seq.wrapping_sub(seq) as i64);
        put_fate(scratch, row);
        self.put(scratch);
        self.rows += 1;
        self.place = Place {
            at_ns: row.at.as_nanos(),
            seq: row.seq,
        };
    }

    fn put(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let begin = self.len_bytes as usize % PIECE_BYTES;
            if begin == 0 {
                self.pieces.push(Box::new([0; PIECE_BYTES]));
            }
            let Some(piece) = self.pieces.last_mut() else {
                return;
            };
            let (now, later) = bytes.split_at(bytes.len().min(PIECE_BYTES - begin));
            piece[begin..begin + now.len()].copy_from_slice(now);
            self.len_bytes += now.len() as u32;
            bytes = later;
        }
    }

    /// The rows, which are of `target`, as they came.
    ///
    /// # Errors
    ///
    /// [`Malformed`] for other bytes than [`PackedRows::push`] makes: never.
    pub(crate) fn unpack(&self, target: TargetId) -> Result<Vec<Row>, Malformed> {
        let mut bytes = Vec::with_capacity(self.pieces.len() * PIECE_BYTES);
        for piece in &self.pieces {
            bytes.extend_from_slice(piece.as_slice());
        }
        let mut cursor = Cursor::new(&bytes[..self.len_bytes as usize]);
        let mut place = Place::default();
        let mut rows = Vec::with_capacity(self.len());
        while !cursor.is_at_end() {
            place.at_ns = place.at_ns.wrapping_add(cursor.signed()?);
            place.seq = place.seq.wrapping_add_signed(cursor.signed()?);
            rows.push(read_row(
                &mut cursor,
                target,
                WallTime::from_nanos(place.at_ns),
                place.seq,
            )?);
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use linewatch_core::record::StrayKind;
    use proptest::prelude::*;

    use super::*;
    use crate::row::strategies;

    fn packed(rows: &[Row]) -> PackedRows {
        let (mut packed, mut scratch) = (PackedRows::default(), Vec::new());
        rows.iter().for_each(|row| packed.push(row, &mut scratch));
        packed
    }

    proptest! {
        #[test]
        fn any_rows_come_back_to_the_nanosecond(
            mut rows in proptest::collection::vec(strategies::row(7), 0..200),
            stray_index in 0_usize..200,
        ) {
            if let Some(row) = rows.get_mut(stray_index) {
                *row = Row::stray(row.target, u64::MAX, row.at, StrayKind::Late, row.rtt);
            }
            let packed = packed(&rows);
            prop_assert_eq!(packed.len(), rows.len());
            prop_assert_eq!(packed.unpack(TargetId(7)), Ok(rows));
        }
    }
}
