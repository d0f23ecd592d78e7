//! Claims about stored bytes, for the fuzzer and its corpus: whatever is read is written and read as the same.
//!
//! The checksum is appended here, so that what is behind it is reached.

use linewatch_core::limits::BLOCK_SAMPLES;
use linewatch_core::target::TargetId;

use crate::{block, hot};

fn with_checksum(bytes: &[u8]) -> Vec<u8> {
    [bytes, &crc32c::crc32c(bytes).to_le_bytes()].concat()
}

/// A sealed block.
///
/// # Panics
///
/// If a claim is broken.
pub fn block(bytes: &[u8]) {
    assert!(block::unpack(bytes, TargetId(7)).is_err() || bytes.len() > 4);
    let Ok(mut rows) = block::unpack(&with_checksum(bytes), TargetId(7)) else {
        return;
    };
    assert!(rows.len() <= 3 * BLOCK_SAMPLES, "{} rows", rows.len());
    let Ok(packed) = block::pack(&mut rows) else {
        assert!(rows.len() > BLOCK_SAMPLES, "what was read can be written");
        return;
    };
    let mut again = block::unpack(&packed.bytes, TargetId(7)).expect("our own block");
    assert_eq!(again.len(), rows.len());
    let numbers =
        |rows: &[crate::row::Row]| -> Vec<_> { rows.iter().map(|row| (row.seq, row.stray)).collect() };
    assert_eq!(numbers(&again), numbers(&rows));
    // The first packing may round and cap what no calendar holds; from then on only the grid is told a little better.
    let second = block::pack(&mut again).expect("rows of our own block");
    let third = block::unpack(&second.bytes, TargetId(7)).expect("our own block");
    for (one, other) in third.iter().zip(&again) {
        assert!(
            one.at.as_nanos().abs_diff(other.at.as_nanos()) <= 1000,
            "{one:?} {other:?}"
        );
        assert_eq!(crate::row::Row { at: other.at, ..*one }, *other);
    }
}

/// A batch of rows that are not sealed yet.
///
/// # Panics
///
/// If a claim is broken.
pub fn hot_batch(bytes: &[u8]) {
    let Ok(rows) = hot::unpack(&with_checksum(bytes)) else {
        return;
    };
    assert!(rows.len() <= hot::BATCH_ROWS);
    assert_eq!(hot::unpack(&hot::pack(&rows)), Ok(rows));
}
