//! Claims about the files of a session, held against their text letter by letter.

use std::time::Duration;

use jiff::tz::TimeZone;
use linewatch_core::record::{Cause, Class, Outcome, ProbeRecord};
use linewatch_core::target::TargetId;
use linewatch_core::time::{Anchor, MonoTime, Rtt, WallTime};

use super::*;
use crate::message::Language;

/// 2026-11-21 16:56:02 in Jakarta.
const BEGIN_S: i64 = 1_795_254_962;

fn anchor(after_ms: u64) -> Anchor {
    Anchor {
        mono: MonoTime::from_nanos(1_000_000_000 + after_ms * 1_000_000),
        wall: WallTime::from_nanos(BEGIN_S * 1_000_000_000 + after_ms as i64 * 1_000_000),
    }
}

fn facts() -> Facts {
    Facts {
        target: "1.1.1.1:53".to_owned(),
        host: "1.1.1.1".to_owned(),
        port: Some(53),
        protocol: "TCP".to_owned(),
        interval: Duration::from_millis(100),
        timeout: Duration::from_millis(25),
        has_log: true,
        has_csv: true,
        loss_threshold: 0.3,
        max_seconds: 3600,
        zone: TimeZone::fixed(jiff::tz::offset(7)),
        started: anchor(0).wall,
    }
}

fn probe(seq: u64, at_ms: u64, outcome: Outcome) -> ProbeRecord {
    let rtt = outcome.is_answer().then(|| Rtt::from_nanos(12_340_000));
    ProbeRecord {
        target: TargetId(1),
        seq,
        due_at: anchor(at_ms).mono,
        sent_at: anchor(at_ms).mono,
        outcome,
        rtt,
        host_rtt: rtt,
        class: Class::K,
        cause: Cause::None,
        is_reordered: false,
    }
}

/// Ten probes a second from the start; each letter is a second: `.` answered, `x` lost, `h` four of ten lost, `q` three of
/// ten, `u` unsent, ` ` not measured at all.
fn session_of(facts: Facts, seconds: &str) -> Session {
    let mut session = Session::new(facts, anchor(0));
    let mut seq = 0;
    for (second, letter) in (0..).zip(seconds.chars()) {
        for tenth in 0..10 {
            let outcome = match letter {
                'x' => Outcome::Lost,
                'h' if tenth < 4 => Outcome::Lost,
                'q' if tenth < 3 => Outcome::Unreachable,
                'u' => Outcome::Unsent,
                ' ' => continue,
                _ => Outcome::Reply,
            };
            session.add(
                &probe(seq, second * 1000 + tenth * 100, outcome),
                anchor(second * 1000),
            );
            seq += 1;
        }
        session.close(anchor((second + 1) * 1000 + 300));
    }
    session.close_all();
    session
}

fn pages_of(seconds: &str) -> Pages {
    session_of(facts(), seconds).pages(anchor(932_400), true)
}

#[test]
fn the_sessions_file_is_s3s() {
    let expected = format!(
        "Session started: 2026-11-21 16:56:02.000\nHost: 1.1.1.1\nPort: 53\nInterval: 0.1 seconds\n\
         Connection log: Enabled\nPacket loss threshold: 30.0%\nMax seconds in memory: 3600\n\
         Time zone: +07:00\nProtocol: TCP\nTimeout: 0.025 seconds\n{}\n\
         Session ended: 2026-11-21 17:11:34.400\nTOTAL STATISTICS:\n{}\nDuration: 0:15:32\nSent: 30 packets\n\
         Received: 26 packets\nLost: 4 packets (13.33%)\nAverage RTT: 12.34 ms\nPacket loss outages: 1\n\
         Not sent by this computer: 10 packets\n\
         Achieved rate: 7.44 of 10.00 per second\nSend lateness: p50 0.00 ms, p99 0.00 ms, max 0.00 ms\n",
        "=".repeat(80),
        "-".repeat(40)
    );
    assert_eq!(pages_of("..uh").session, expected);
}

#[test]
fn a_session_that_was_killed_does_not_say_that_it_ended() {
    let text = session_of(facts(), ".").pages(anchor(2000), false).session;
    assert!(
        text.contains("\nSession not ended, last update: 2026-11-21 16:56:04.000\nTOTAL"),
        "{text}"
    );
}

#[test]
fn a_table_has_s3s_columns() {
    let heads = Heads::of(&facts());
    let expected = format!(
        "Time zone: +07:00\n{}\n{}\n{}\n",
        "=".repeat(100),
        "Time range (1s)      Sent         Received     Avg RTT (ms)       Success      Failed       Outage    ",
        "-".repeat(100)
    );
    assert_eq!(heads.seconds, expected);
    assert_eq!(
        pages_of(".h").seconds,
        "2026-11-21 16:56:02  10           10           12.34              10           0            No        \n\
         2026-11-21 16:56:03  10           6            12.34              6            4            Yes       \n"
    );
}

#[test]
fn a_second_without_an_answer_has_no_average() {
    assert_eq!(
        pages_of("x").seconds,
        "2026-11-21 16:56:02  10           0            -                  0            10           Yes       \n"
    );
}

#[test]
fn outages_are_s3s() {
    let expected = format!(
        "Packet loss outages - 2 outages\n{0}\nTime zone: +07:00\n\
         Outage #1:\n  From: 2026-11-21 16:56:03\n  To: 2026-11-21 16:56:05\n  Duration: 3 seconds\n  \
         Sent: 30 | Received: 6 | Loss: 80.0%\n{1}\n\
         Outage #2:\n  From: 2026-11-21 16:56:07\n  To: 2026-11-21 16:56:07\n  Duration: 1 second\n  \
         Sent: 10 | Received: 0 | Loss: 100.0%\n{1}\n",
        "=".repeat(100),
        "-".repeat(100)
    );
    assert_eq!(pages_of(".xxhqx.").packetloss, expected);
}

#[track_caller]
fn check_outages(seconds: &str, expected: &[(i64, u64)]) {
    let session = session_of(facts(), seconds);
    let outages: Vec<(i64, u64)> = session
        .outages()
        .iter()
        .map(|outage| {
            let after_ns = outage.from.nanos_after(anchor(0).wall);
            (after_ns / 1_000_000_000, outage.seconds())
        })
        .collect();
    assert_eq!(outages, expected, "{seconds:?}");
}

#[test]
fn loss_must_be_strictly_above_the_threshold() {
    check_outages(".q.", &[]);
    check_outages(".h.", &[(1, 1)]);
}

#[test]
fn our_own_trouble_is_no_outage_and_seconds_must_be_neighbours() {
    check_outages("uuu", &[]);
    check_outages("xx.xx", &[(0, 2), (3, 2)]);
    check_outages("xx xx", &[(0, 2), (3, 2)]);
}

#[test]
fn a_slow_target_has_one_long_outage_and_not_many_short_ones() {
    let mut slow = facts();
    slow.interval = Duration::from_secs(5);
    let mut session = Session::new(slow, anchor(0));
    for seq in 0..6 {
        let outcome = if seq == 5 { Outcome::Reply } else { Outcome::Lost };
        session.add(&probe(seq, seq * 5000, outcome), anchor(seq * 5000));
    }
    session.close_all();
    assert_eq!(session.outages().len(), 1);
    assert_eq!(session.outages()[0].seconds(), 21);
}

#[test]
fn a_line_of_the_log_is_s3s_and_says_what_s3_does_not_know() {
    let mut session = Session::new(facts(), anchor(0));
    let mut refused = probe(2, 203, Outcome::Refused);
    refused.rtt = None;
    let mut unsent = probe(3, 304, Outcome::Unsent);
    unsent.cause = Cause::Errno(101);
    // By the moment they were sent, in whatever order they were decided.
    for record in [
        unsent,
        probe(1, 102, Outcome::Lost),
        refused,
        probe(0, 1, Outcome::Reply),
    ] {
        session.add(&record, anchor(0));
    }
    session.close_all();
    assert_eq!(
        session.pages(anchor(1000), true).log,
        "2026-11-21 16:56:02.001 - Sent: 1, Received: 1, RTT: 12.34 ms, Success: True\n\
         2026-11-21 16:56:02.102 - Sent: 1, Received: 0, RTT: -, Success: False\n\
         2026-11-21 16:56:02.203 - Sent: 1, Received: 1, RTT: -, Success: True (refused)\n\
         2026-11-21 16:56:02.304 - Sent: 0, Received: 0, RTT: -, Success: False (unsent: ENETUNREACH)\n"
    );
}

#[test]
fn minutes_and_hours_close_and_the_open_one_is_shown() {
    let pages = pages_of(&".".repeat(70));
    let rows = |text: &str| text.lines().map(|line| line[..34].to_owned()).collect::<Vec<_>>();
    // The session begins at second 2 of its minute.
    assert_eq!(
        rows(&pages.minutes.closed),
        ["2026-11-21 16:56:00  580          "]
    );
    assert_eq!(rows(&pages.minutes.open), ["2026-11-21 16:57:00  120          "]);
    assert_eq!(rows(&pages.hours.closed), Vec::<String>::new());
    assert_eq!(rows(&pages.hours.open), ["2026-11-21 16:00:00  700          "]);
}

#[test]
fn memory_forgets_seconds_and_totals_and_outages_do_not() {
    let mut small = facts();
    small.max_seconds = 60;
    let mut session = session_of(small, &format!("xx{}", ".".repeat(200)));
    assert_eq!(session.kept().len(), 60);
    assert_eq!(session.outages().len(), 1);
    let pages = session.pages(anchor(202_000), true);
    assert!(
        pages
            .session
            .contains("Sent: 2020 packets\nReceived: 2000 packets\nLost: 20 packets")
    );
    assert!(pages.packetloss.starts_with("Packet loss outages - 1 outage\n"));
    assert_eq!(pages.seconds.lines().count(), 202, "the file has them all");
}

#[test]
fn two_hours_with_a_minute_in_memory_keep_every_total_and_outage() {
    let mut small = facts();
    small.max_seconds = 60;
    // Three seconds of silence at the beginning of every ten minutes.
    let ten_minutes = format!("xxx{}", ".".repeat(597));
    let mut session = session_of(small, &ten_minutes.repeat(12));
    assert_eq!(session.kept().len(), 60);
    let pages = session.pages(anchor(7_200_000), true);
    let totals =
        "Duration: 2:00:00\nSent: 72000 packets\nReceived: 71640 packets\nLost: 360 packets (0.50%)\n";
    assert!(pages.session.contains(totals), "{}", pages.session);
    assert!(pages.session.contains("Packet loss outages: 12\n"));
    assert!(pages.packetloss.starts_with("Packet loss outages - 12 outages\n"));
    let silent = "  Duration: 3 seconds\n  Sent: 30 | Received: 0 | Loss: 100.0%\n";
    assert_eq!(pages.packetloss.matches(silent).count(), 12);
    assert_eq!(pages.seconds.lines().count(), 7200);
}

#[test]
fn pages_are_told_once() {
    let mut session = session_of(facts(), "..");
    assert_eq!(session.pages(anchor(2000), false).seconds.lines().count(), 2);
    assert_eq!(session.pages(anchor(3000), false).seconds, "");
}

#[test]
fn a_calendar_that_is_set_back_makes_rows_of_the_same_name_and_loses_nothing() {
    let mut session = Session::new(facts(), anchor(0));
    session.add(&probe(0, 5_000, Outcome::Reply), anchor(5_000));
    session.close(anchor(7_000));
    let mut batch = linewatch_core::record::RecordBatch::new(anchor(7_000));
    batch.clock_step_ns = Some(-3_000_000_000);
    session.hear(&batch);
    let back = Anchor {
        mono: anchor(8_000).mono,
        wall: anchor(5_000).wall,
    };
    session.add(&probe(1, 8_000, Outcome::Reply), back);
    session.close_all();
    let seconds = session.pages(back, true).seconds;
    let times: Vec<&str> = seconds.lines().map(|line| &line[..19]).collect();
    assert_eq!(times, ["2026-11-21 16:56:07", "2026-11-21 16:56:07"]);
}

#[test]
fn a_minute_comes_back_with_its_distribution() {
    let mut session = session_of(facts(), "..x");
    let pages = session.pages(anchor(3000), true);
    let minute = parse_minute(&pages.histograms).expect("a minute");
    assert_eq!(minute.rollup, *session.totals());
    assert_eq!((minute.number, minute.outages), (BEGIN_S / 60, 1));
    assert_eq!(parse_minute("{\"minute\":1}"), None);
}

#[test]
fn the_preamble_is_s3s() {
    let start = Start {
        folder: "session_20261121_165602",
        write_interval: Duration::from_secs(10),
    };
    let dashes = "-".repeat(120);
    assert_eq!(
        preamble(&facts(), start, Language::English),
        [
            "Monitoring started. Press Ctrl+C to stop.",
            "Packet loss threshold: 30%",
            "Session folder: session_20261121_165602",
            "Statistics update every 10 seconds.",
            "RAM management: keeping last 3600 seconds in memory.",
            "Time zone: +07:00",
            &*dashes,
        ]
    );
    assert_eq!(
        preamble(&facts(), start, Language::Indonesian)[0],
        "Pemantauan dimulai. Tekan Ctrl+C untuk berhenti."
    );
}

#[test]
fn the_console_has_a_row_every_ten_seconds() {
    let mut session = session_of(facts(), "...........h");
    let rows = session.take_rows();
    let mut table = ConsoleTable::new(&["gw"], false, facts().zone, Language::English);
    let lines: Vec<String> = rows.iter().flat_map(|row| table.row("gw", row)).collect();
    assert_eq!(
        lines,
        [
            "Time range (10s)                  Sent         Received     Avg RTT (ms)       Success      Failed       Outage",
            "2026-11-21 16:56:02 - 16:56:11    100          100          12.34              100          0            No",
            "2026-11-21 16:56:12 - 16:56:21    20           16           12.34              16           4            Yes",
        ]
    );
}

#[test]
fn several_targets_have_a_column_and_indonesian_its_comma() {
    let session_rows = session_of(facts(), ".").take_rows();
    let mut table = ConsoleTable::new(&["gw", "isp"], false, facts().zone, Language::Indonesian);
    let lines = table.row("isp", &session_rows[0]);
    assert_eq!(
        lines,
        [
            "Target  Rentang waktu (10s)               Terkirim     Diterima     Rerata (ms)        Berhasil     Gagal        Gangguan",
            "isp     2026-11-21 16:56:02 - 16:56:11    10           10           12,34              10           0            Tidak",
        ]
    );
}

#[test]
fn the_csv_has_units_and_an_inert_name() {
    let mut evil = facts();
    evil.target = "=cmd".to_owned();
    let csv = session_of(evil, "h").pages(anchor(1000), true).csv;
    assert_eq!(
        csv,
        "2026-11-21T09:56:02.000000Z,'=cmd,10,6,4,0.4,12.340,0,0,true\r\n"
    );
    assert_eq!(
        Heads::of(&facts()).csv,
        "time,target,sent,received,failed,loss_ratio,rtt_avg_ms,unsent,unmeasured,outage\r\n"
    );
}

#[test]
fn the_json_has_the_summary_of_watch_and_s3s_outages() {
    let session = session_of(facts(), ".x.");
    let text = json_document(&session, anchor(3000), true, Vec::new());
    let object: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(object["summary"]["1.1.1.1:53"]["lost"], 10);
    assert_eq!(object["outages"][0]["seconds"], 1);
    assert_eq!(object["seconds"].as_array().map(Vec::len), Some(3));
    assert_eq!(object["session"]["has_ended"], true);
}

#[test]
fn news_tells_begin_and_end_of_each_outage() {
    let mut session = session_of(facts(), ".xx.");
    let news = session.take_news();
    assert!(
        matches!(news[..], [News::Began(_), News::Ended(over)] if over.seconds() == 2),
        "{news:?}"
    );
    assert_eq!(session.take_news(), []);
}

#[test]
fn folders_are_called_by_local_time() {
    assert_eq!(stem(anchor(0).wall, &facts().zone), "session_20261121_165602");
}
