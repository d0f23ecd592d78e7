//! Claims about sample blocks: what goes in comes out, exactly at the block's unit, and damage is noticed.

use proptest::prelude::*;

use super::*;
use linewatch_core::record::{Cause, Outcome, StrayKind};

use crate::row::strategies;

/// A row that came back is the one that went in, as finely as docs/on-disk-format.md says.
#[track_caller]
fn expect_kept(got: &Row, row: &Row, unit: Unit) {
    let at_unit = |rtt: Rtt| unit.to_rtt(unit.length(rtt.as_nanos()));
    assert_eq!(got.rtt, row.rtt.map(at_unit));
    let is_near = |kept_ns: u64, ns: u64| kept_ns.abs_diff(ns) <= 500 + (ns / 16).min(16_000);
    assert!(is_near(got.lateness_ns, row.lateness_ns), "{got:?} for {row:?}");
    match (row.rtt, row.host_rtt) {
        (Some(wire), Some(host)) => {
            let added = |host: Rtt, wire: Rtt| host.as_nanos().saturating_sub(wire.as_nanos());
            let kept = added(got.host_rtt.unwrap(), got.rtt.unwrap());
            assert!(is_near(kept, added(host, wire)), "{got:?} for {row:?}");
        }
        (_, host) => assert_eq!(got.host_rtt, host.map(at_unit)),
    }
    let second = |at: WallTime| at.as_nanos().div_euclid(NANOS_PER_S);
    assert_eq!(second(got.at), second(row.at), "{got:?} for {row:?}");
    let off_ns = got.at.as_nanos().abs_diff(row.at.as_nanos());
    assert!(
        off_ns <= GRID_TOLERANCE_NS + got.lateness_ns.abs_diff(row.lateness_ns),
        "{got:?} for {row:?}"
    );
    let rest = Row {
        at: row.at,
        rtt: row.rtt,
        host_rtt: row.host_rtt,
        lateness_ns: row.lateness_ns,
        ..*got
    };
    assert_eq!(rest, *row);
}

#[track_caller]
fn check_round_trip(mut rows: Vec<Row>) {
    let packed = pack(&mut rows).expect("packs");
    let unit = if packed.bytes[1] == 1 {
        Unit::Nano
    } else {
        Unit::Micro
    };
    let unpacked = unpack(&packed.bytes, TargetId(7)).expect("unpacks");
    assert_eq!(unpacked.len(), rows.len());
    for (got, row) in unpacked.iter().zip(&rows) {
        expect_kept(got, row, unit);
    }
    assert_eq!(Some(packed.from), unpacked.iter().map(|row| row.at).min());
    assert_eq!(Some(packed.to), unpacked.iter().map(|row| row.at).max());
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
    fn bytes_with_a_right_checksum_but_no_sense_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), version in 1..=VERSION) {
        bytes.splice(0..0, [version, 0, 0]);
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

/// Bytes that the columns behind the RTT take of a block of regular rows, with these send times.
fn size_of(rows: &mut [Row]) -> usize {
    pack(rows).expect("packs").bytes.len()
}

#[test]
fn what_is_as_foretold_costs_nothing() {
    let mut rows = regular(3600, 20_000_000);
    for row in &mut rows {
        row.at = WallTime::from_nanos(row.at.as_nanos() + row.seq as i64 % 700); // An anchor's reading error.
        (row.rtt, row.host_rtt, row.lateness_ns) = (Some(Rtt::from_nanos(20_000_000)), row.rtt, 0);
        row.host_rtt = row.rtt;
    }
    assert!(size_of(&mut rows) < 100, "{}", size_of(&mut rows));
}

#[test]
fn a_suspension_costs_one_jump_and_bends_no_other_slot() {
    let mut rows = regular(3600, 20_000_000);
    let even = size_of(&mut rows);
    for row in &mut rows[1800..] {
        row.at = row.at.plus(std::time::Duration::from_secs(900));
    }
    check_round_trip(rows.clone());
    assert!(size_of(&mut rows) < even + 200, "{even} {}", size_of(&mut rows));
}

#[test]
fn a_block_of_version_1_is_read_as_it_was_written() {
    // Three replies at 1/s and a lost one between, written by hand after docs/on-disk-format.md.
    let mut bytes = vec![1, 0, 0];
    put(&mut bytes, 4);
    put(&mut bytes, 10);
    put_signed(&mut bytes, 1_795_000_000_000_000);
    put_signed(&mut bytes, 1_000_000);
    put_section(&mut bytes, &[]);
    put_column_v1(&mut bytes, &[0_i64, 0, 5, 0]);
    put_column_v1(&mut bytes, &[50_u64, 51, 52, 53]);
    put_section(&mut bytes, &[2, 1, Outcome::Lost as u8, 0]);
    put_column_v1(&mut bytes, &[12_000_u64, 12_001, 12_002]);
    put_column_v1(&mut bytes, &[30_u64, 31, 32]);
    put_section(&mut bytes, &[0, 11, 0, 8]);
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend(checksum.to_le_bytes());
    let rows = unpack(&bytes, TargetId(7)).expect("unpacks");
    let found: Vec<_> = rows
        .iter()
        .map(|row| {
            let us = |rtt: Option<Rtt>| rtt.map(|rtt| rtt.as_nanos() / 1000);
            (
                row.seq,
                row.at.as_nanos() / 1000 - 1_795_000_000_000_000,
                us(row.rtt),
                us(row.host_rtt),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (10, 50, Some(12_000), Some(12_030)),
            (11, 1_000_051, Some(12_001), Some(12_032)),
            (12, 2_000_057, None, None),
            (13, 3_000_053, Some(12_002), Some(12_034)),
            (11, 0, Some(7), None),
        ]
    );
}

/// As version 1 wrote them.
fn put_column_v1<T: pco::data_types::Number>(out: &mut Vec<u8>, column: &[T]) {
    let column = pco::standalone::simple_compress(column, &pco::ChunkConfig::default()).expect("compresses");
    put_section(out, &column);
}

#[test]
#[ignore = "a figure, not a test"]
#[expect(clippy::print_stdout, reason = "the figure")]
fn bytes_of_a_log_normal_hour() {
    let mut state = 1_u64;
    let mut uniform = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut rows = regular(3600, 0);
    for row in &mut rows {
        let normal = (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
        let us = (12_000.0 * (0.15 * normal).exp()) as u64;
        row.rtt = Some(Rtt::from_nanos(us * 1000));
        row.host_rtt = row.rtt;
        row.lateness_ns = 0;
    }
    let rtt = size_of(&mut rows);
    for row in &mut rows {
        let queueing = -(1.0 - uniform()).ln() * 10_000.0;
        row.host_rtt = row
            .rtt
            .map(|rtt| Rtt::from_nanos(rtt.as_nanos() + 15_000 + queueing as u64));
    }
    let process = size_of(&mut rows);
    for row in &mut rows {
        let due = row.at;
        row.lateness_ns = 55_000 + (-(1.0 - uniform()).ln() * 20_000.0) as u64;
        row.at = WallTime::from_nanos(due.as_nanos() + row.lateness_ns as i64);
    }
    let all = size_of(&mut rows);
    let per = |bytes: usize| bytes as f64 / 3600.0;
    println!(
        "RTT {:.3} B, process latency {:.3} B, lateness {:.3} B, all {:.3} B",
        per(rtt),
        per(process - rtt),
        per(all - process),
        per(all)
    );
}
