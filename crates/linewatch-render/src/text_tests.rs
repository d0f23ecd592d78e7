//! Claims about `text`: the columns of the table, the summary, and that nobody can colour the terminal.

use std::time::Duration;

use linewatch_core::record::Counts;

use super::*;

/// 2026-11-21T16:56:00Z.
const MINUTE: i64 = 1_795_280_160_000_000_000;

fn at(second: i64) -> WallTime {
    WallTime::from_nanos(MINUTE + second * 1_000_000_000)
}

fn row(target: &str) -> PlainRow<'_> {
    PlainRow {
        target,
        from: at(2),
        to: at(11),
        sent: 285,
        received: 285,
        avg_rtt: Some(Rtt::from_nanos(12_450_000)),
        failed: 0,
        loss: Loss {
            failed: 0,
            finished: 285,
        },
        is_outage: false,
    }
}

fn summary(counts: Counts) -> SummaryInput {
    SummaryInput {
        target: "gw".to_owned(),
        duration: Duration::from_secs(932),
        counts,
        rtt: None,
        jitter: None,
        jitter_rfc3550: None,
        process: None,
        lateness: None,
        achieved_per_s: None,
        outages: Vec::new(),
    }
}

#[test]
fn the_table_is_the_one_of_the_manual() {
    let mut table = PlainTable::new(10, &["gw"], false, TimeZone::UTC, Language::English);
    let mut lines = table.row(&row("gw"));
    lines.extend(table.row(&PlainRow {
        from: at(22),
        to: at(31),
        sent: 287,
        received: 142,
        avg_rtt: Some(Rtt::from_nanos(45_670_000)),
        failed: 145,
        loss: Loss {
            failed: 145,
            finished: 287,
        },
        is_outage: true,
        ..row("gw")
    }));
    assert_eq!(
        lines,
        [
            "Time range (10s)                          Sent    Received  Avg RTT (ms)   Success   Failed   Loss     Outage",
            "2026-11-21 16:56:02 - 16:56:11             285         285         12.45       285        0   0.0%     No",
            "2026-11-21 16:56:22 - 16:56:31             287         142         45.67       142      145  50.5%     Yes",
        ]
    );
}

#[test]
fn several_targets_get_a_column_before_the_others() {
    let mut table = PlainTable::new(
        1,
        &["gw", "Frankfurt edge, the second one"],
        false,
        TimeZone::UTC,
        Language::English,
    );
    let lines = table.row(&row("Frankfurt edge, the second one"));
    assert!(
        lines[0].starts_with("Target                    Time range (1s) "),
        "{}",
        lines[0]
    );
    assert!(
        lines[1].starts_with("Frankfurt edge, the sec…  2026-11-21 16:56:02"),
        "{}",
        lines[1]
    );
}

#[test]
fn the_header_comes_again_every_20_rows_on_a_terminal_only() {
    let headers = |repeats| {
        let mut table = PlainTable::new(10, &["gw"], repeats, TimeZone::UTC, Language::English);
        let lines: Vec<_> = (0..41).flat_map(|_| table.row(&row("gw"))).collect();
        lines.iter().filter(|line| line.starts_with("Time range")).count()
    };
    assert_eq!((headers(true), headers(false)), (3, 1));
}

#[test]
fn a_span_without_answers_has_no_average_and_one_without_probes_no_loss() {
    let mut table = PlainTable::new(10, &["gw"], false, TimeZone::UTC, Language::English);
    let none = PlainRow {
        sent: 0,
        received: 0,
        avg_rtt: None,
        loss: Loss::default(),
        ..row("gw")
    };
    let lines = table.row(&none);
    assert!(
        lines[1].ends_with("0           0             -         0        0      -     No"),
        "{}",
        lines[1]
    );
}

#[test]
fn rounding_never_hides_a_loss_nor_a_reply() {
    let shown = |failed, finished| loss_percent(Loss { failed, finished });
    assert_eq!(shown(1, 100_000), "0.1%");
    assert_eq!(shown(99_999, 100_000), "99.9%");
    assert_eq!(
        (shown(0, 5), shown(5, 5), shown(0, 0)),
        ("0.0%".into(), "100.0%".into(), "-".into())
    );
}

#[test]
fn the_summary_is_that_of_s3() {
    let mut input = summary(Counts {
        scheduled: 929,
        replied: 920,
        refused: 7,
        lost: 2,
        ..Counts::default()
    });
    input.rtt = Some(linewatch_core::view::RttStats {
        min: Rtt::from_nanos(1),
        avg: Rtt::from_nanos(12_340_000),
        p50: Rtt::from_nanos(1),
        p95: Rtt::from_nanos(1),
        p99: Rtt::from_nanos(1),
        max: Rtt::from_nanos(1),
        mdev: Rtt::from_nanos(1),
    });
    assert_eq!(
        summary_block(&input, Language::English),
        [
            "TOTAL STATISTICS: gw",
            "----------------------------------------",
            "Duration: 0:15:32",
            "Sent: 929 packets",
            "Received: 927 packets",
            "Lost: 2 packets (0.22%)",
            "Average RTT: 12.34 ms",
            "Packet loss outages: 0",
        ]
    );
}

#[test]
fn our_own_trouble_stands_on_lines_of_its_own() {
    let lines = summary_block(
        &summary(Counts {
            scheduled: 9,
            unsent: 5,
            unmeasured: 4,
            ..Counts::default()
        }),
        Language::English,
    );
    assert_eq!(
        lines[3..8],
        [
            "Sent: 0 packets",
            "Received: 0 packets",
            "Lost: 0 packets (-)",
            "Not sent by this computer: 5 packets",
            "Not measured: 4 packets",
        ]
    );
}

#[test]
fn indonesian_has_its_own_words_and_decimal_sign_in_the_same_columns() {
    let mut table = PlainTable::new(10, &["gw"], false, TimeZone::UTC, Language::Indonesian);
    let lossy = PlainRow {
        failed: 1,
        loss: Loss {
            failed: 1,
            finished: 285,
        },
        is_outage: true,
        ..row("gw")
    };
    assert_eq!(
        table.row(&lossy),
        [
            "Rentang waktu (10s)                   Terkirim    Diterima   Rerata (ms)  Berhasil    Gagal Hilang     Gangguan",
            "2026-11-21 16:56:02 - 16:56:11             285         285         12,45       285        1   0,4%     Ya",
        ]
    );
    assert_eq!(
        zone_line(at(0), &TimeZone::UTC, Language::Indonesian),
        "Zona waktu: UTC (+00:00)"
    );
    let block = summary_block(
        &summary(Counts {
            scheduled: 929,
            replied: 927,
            lost: 2,
            ..Counts::default()
        }),
        Language::Indonesian,
    );
    assert_eq!(
        block[2..],
        [
            "Lama: 0:15:32",
            "Terkirim: 929 paket",
            "Diterima: 927 paket",
            "Hilang: 2 paket (0,22%)",
            "RTT rata-rata: -",
            "Gangguan kehilangan paket: 0",
        ]
    );
}

#[test]
fn nothing_from_outside_can_steer_the_terminal() {
    assert_eq!(
        printable("a\u{1b}[2J\nb\u{202e}c\u{9b}"),
        r"a\u{1b}[2J\nb\u{202e}c\u{9b}"
    );
    assert_eq!(printable("Größe 東京 — ok"), "Größe 東京 — ok");
}

#[test]
fn the_zone_is_said_once() {
    assert_eq!(
        zone_line(at(0), &TimeZone::UTC, Language::English),
        "Time zone: UTC (+00:00)"
    );
}
