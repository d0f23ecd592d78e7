//! Claims about sample blocks: what goes in comes out, exactly at the block's unit, and damage is noticed.

use proptest::prelude::*;

use super::*;
use crate::row::strategies;

/// The row as its block has it: rounded to the block's unit.
fn rounded(row: &Row, unit: Unit) -> Row {
    let nanos = |ns: u64| unit.to_rtt(unit.length(ns)).as_nanos();
    Row {
        at: unit.to_wall(unit.instant(row.at)),
        rtt: row.rtt.map(|rtt| Rtt::from_nanos(nanos(rtt.as_nanos()))),
        host_rtt: row.host_rtt.map(|rtt| Rtt::from_nanos(nanos(rtt.as_nanos()))),
        lateness_ns: nanos(row.lateness_ns),
        ..*row
    }
}

#[track_caller]
fn check_round_trip(mut rows: Vec<Row>) {
    let packed = pack(&mut rows).expect("packs");
    let unit = if packed.bytes[1] == 1 {
        Unit::Nano
    } else {
        Unit::Micro
    };
    let expected: Vec<Row> = rows.iter().map(|row| rounded(row, unit)).collect();
    let unpacked = unpack(&packed.bytes, TargetId(7)).expect("unpacks");
    assert_eq!(unpacked.len(), expected.len());
    for (got, wanted) in unpacked.iter().zip(&expected) {
        assert_eq!(got, wanted);
    }
    assert_eq!(Some(packed.from), expected.iter().map(|row| row.at).min());
    assert_eq!(Some(packed.to), expected.iter().map(|row| row.at).max());
}

fn regular(count: u64, rtt_ns: u64) -> Vec<Row> {
    let row = |seq: u64| Row {
        target: TargetId(7),
        seq,
        at: WallTime::from_nanos(1_795_000_000_000_000_000 + seq as i64 * 1_000_000_000 + 1234),
        outcome: Outcome::Reply,
        rtt: Some(Rtt::from_nanos(rtt_ns + seq * 7 % 5000)),
        host_rtt: Some(Rtt::from_nanos(rtt_ns + 20_000 + seq % 999)),
        lateness_ns: 50_000 + seq * 31 % 4000,
        class: Class::K,
        cause: Cause::None,
        is_reordered: false,
        stray: None,
    };
    (0..count).map(row).collect()
}

proptest! {
    // 400 blocks of up to 500 random rows: about 100,000 samples.
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn any_rows_come_back_exactly_at_the_unit_of_their_block(
        rows in proptest::collection::vec((strategies::row(7), 1_u64..1000, 0_u8..20), 1..500),
    ) {
        let mut seq = 0;
        let rows = rows.into_iter().map(|(mut row, more, kind)| {
            seq += if more < 900 { 1 } else { more };
            row.seq = seq;
            match kind {
                0 => Row::stray(row.target, seq, row.at, StrayKind::Late, row.rtt),
                1 => Row::stray(row.target, seq, row.at, StrayKind::Duplicate, row.rtt),
                _ => row,
            }
        });
        check_round_trip(rows.collect());
    }

    #[test]
    fn a_damaged_block_is_an_error_and_never_a_sample(at in 0_usize..10_000, flip in 1_u8..=255, cut in 0_usize..200) {
        let packed = pack(&mut regular(300, 20_000_000)).expect("packs").bytes;
        let mut damaged = packed.clone();
        let at = at % damaged.len();
        damaged[at] ^= flip;
        prop_assert_eq!(unpack(&damaged, TargetId(7)), Err(BlockError::Checksum));
        let short = &packed[..packed.len() - 1 - cut];
        prop_assert_eq!(unpack(short, TargetId(7)), Err(BlockError::Checksum));
    }

    #[test]
    fn bytes_with_a_right_checksum_but_no_sense_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        bytes.splice(0..0, [VERSION, 0, 0]);
        let checksum = crc32c::crc32c(&bytes);
        bytes.extend(checksum.to_le_bytes());
        let _ = unpack(&bytes, TargetId(7)); // Ok or Err: both are fine, a panic is not.
    }
}

#[test]
fn a_lan_keeps_its_nanoseconds_and_a_distant_target_microseconds() {
    let unit = |rtt_ns| pack(&mut regular(100, rtt_ns)).expect("packs").bytes[1];
    assert_eq!((unit(200_000), unit(20_000_000)), (1, 0));
}

#[test]
fn an_hour_of_outage_costs_no_more_than_an_hour_of_replies() {
    let mut lost = regular(3600, 20_000_000);
    for row in &mut lost {
        (row.outcome, row.rtt, row.host_rtt) = (Outcome::Lost, None, None);
    }
    let lost = pack(&mut lost).expect("packs").bytes.len();
    let answered = pack(&mut regular(3600, 20_000_000)).expect("packs").bytes.len();
    assert!(lost < answered, "{lost} B lost, {answered} B answered");
}

#[test]
fn a_block_of_only_strays_comes_back() {
    let at = WallTime::from_nanos(1_795_000_000_000_001_000);
    check_round_trip(vec![Row::stray(
        TargetId(7),
        3,
        at,
        StrayKind::Late,
        Some(Rtt::from_nanos(5_000)),
    )]);
}

#[test]
fn more_than_a_block_holds_is_refused() {
    let mut rows = regular(BLOCK_SAMPLES as u64 + 1, 20_000_000);
    assert_eq!(
        pack(&mut rows).map(|packed| packed.from),
        Err(BlockError::TooMany(BLOCK_SAMPLES + 1))
    );
}

#[test]
fn a_later_version_is_named() {
    let mut bytes = vec![9, 0, 0];
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend(checksum.to_le_bytes());
    assert_eq!(unpack(&bytes, TargetId(7)), Err(BlockError::Version(9)));
}
