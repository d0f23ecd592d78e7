//! What people read, word for word.

use std::time::Duration;

use linewatch_core::event::{EventId, RunId, Severity};
use linewatch_core::target::TargetId;
use linewatch_core::time::Rtt;

use super::*;
use crate::report::{DigestRow, DigestSpan};

fn head(language: Language) -> Letterhead {
    Letterhead {
        vantage: "jkt-office".to_owned(),
        version: "0.4.0".to_owned(),
        page: "http://127.0.0.1:5000".to_owned(),
        zone: TimeZone::fixed(jiff::tz::offset(7)),
        language,
    }
}

fn at(seconds: i64) -> WallTime {
    WallTime::from_nanos((1_795_250_000 + seconds) * 1_000_000_000)
}

fn item(kind: Kind, telling: Telling, until: Option<i64>) -> Item {
    Item {
        target: Some(TargetId(1)),
        slug: "gw".to_owned(),
        name: "Gateway".to_owned(),
        address: "192.0.2.1".to_owned(),
        kind,
        telling,
        since: at(0),
        until: until.map(at),
        duration_ns: until.unwrap_or(15).unsigned_abs() * 1_000_000_000,
        sent: 20,
        lost: 19,
        outages: 1,
        value: None,
        limit: None,
        event: None,
    }
}

fn notification(items: Vec<Item>) -> Notification {
    Notification {
        serial: 1,
        at: at(15),
        to: Vec::new(),
        severity: Severity::Critical,
        causes: Vec::new(),
        items,
        more: 0,
    }
}

#[track_caller]
fn check(items: Vec<Item>, subject_is: &str, line: &str) {
    let notifications = [notification(items)];
    let matter = Matter::Alerts(&notifications);
    let head = head(Language::English);
    assert_eq!(subject(&head, &matter), subject_is);
    let text = text(&head, &matter);
    assert!(text.lines().any(|each| each == line), "{text}");
}

#[test]
fn the_subject_carries_the_fact_and_the_text_its_dates_with_their_zone() {
    check(
        vec![item(Kind::Outage, Telling::Began, None)],
        "✖ Gateway is down since 15:33:20",
        "DOWN: Gateway (192.0.2.1) since 2026-11-21 15:33:20 +07:00. 19 of 20 probes lost.",
    );
    check(
        vec![item(Kind::Outage, Telling::Ended, Some(112))],
        "✔ Gateway is up after 1 m 52 s",
        "UP: Gateway (192.0.2.1) after 1 m 52 s, from 2026-11-21 15:33:20 +07:00 to 2026-11-21 15:35:12 +07:00. 19 of 20 probes lost.",
    );
    let mut slow = item(Kind::Latency, Telling::Began, None);
    (slow.value, slow.limit) = (Some(212.0), Some(150.0));
    check(
        vec![slow],
        "▲ Gateway: round trip 212 ms, above 150 ms since 15:33:20",
        "ALERT: Gateway (192.0.2.1): round trip 212 ms, above 150 ms since 2026-11-21 15:33:20 +07:00.",
    );
}

#[test]
fn what_waited_goes_out_merged_with_the_begin_before_the_end() {
    let waited = [
        notification(vec![item(Kind::Outage, Telling::Began, None)]),
        notification(vec![item(Kind::Outage, Telling::Ended, Some(120))]),
    ];
    let matter = Matter::Alerts(&waited);
    let head = head(Language::English);
    assert_eq!(subject(&head, &matter), "✔ Gateway is up after 2 m 00 s");
    let text = text(&head, &matter);
    let (down, up) = (text.find("DOWN: "), text.find("UP: "));
    assert!(down.is_some() && down < up, "{text}");
}

#[test]
fn one_cause_is_said_once_with_the_names_of_those_it_concerns() {
    let mut down = item(Kind::Outage, Telling::Began, None);
    down.outages = 4;
    let mut message = notification(vec![down]);
    message.causes.push(Cause {
        kind: CauseKind::Behind(TargetId(1)),
        name: "Gateway".to_owned(),
        targets: 3,
        names: vec!["A".to_owned(), "B".to_owned()],
    });
    let messages = [message];
    let matter = Matter::Alerts(&messages);
    let head = head(Language::English);
    assert_eq!(
        subject(&head, &matter),
        "✖ Gateway is down, and with it 3 targets behind it"
    );
    assert!(text(&head, &matter).contains("Concerned: A, B, (+1 more)."));
}

#[test]
fn the_end_of_a_cause_is_worded_as_a_recovery_in_both_languages() {
    let behind = Cause {
        kind: CauseKind::Behind(TargetId(1)),
        name: "Gateway".to_owned(),
        targets: 3,
        names: vec!["A".to_owned(), "B".to_owned(), "C".to_owned()],
    };
    let every = Cause {
        kind: CauseKind::EveryTarget,
        name: String::new(),
        targets: 4,
        names: Vec::new(),
    };
    let mut of_all = item(Kind::Outage, Telling::Ended, Some(120));
    (of_all.target, of_all.name, of_all.slug) = (None, String::new(), String::new());
    for (cause, item, words) in [
        (
            &behind,
            item(Kind::Outage, Telling::Ended, Some(120)),
            [
                "✔ Gateway is up after 2 m 00 s, and with it 3 targets behind it",
                "Over: Gateway was down, and with it 3 targets behind it",
                "✔ Gateway pulih setelah 2 m 00 s, bersama 3 target di belakangnya",
                "Selesai: Gateway sempat mati, bersama 3 target di belakangnya",
            ],
        ),
        (
            &every,
            of_all,
            [
                "✔ every target is up after 2 m 00 s",
                "Over: all 4 targets were down at once; the fault was likely near this computer",
                "✔ semua target pulih setelah 2 m 00 s",
                "Selesai: semua 4 target sempat mati serentak; gangguan mungkin dekat komputer ini",
            ],
        ),
    ] {
        let mut message = notification(vec![item]);
        message.causes.push(cause.clone());
        let messages = [message];
        let matter = Matter::Alerts(&messages);
        for (language, words) in [Language::English, Language::Indonesian]
            .into_iter()
            .zip(words.chunks(2))
        {
            let head = head(language);
            assert_eq!(subject(&head, &matter), words[0]);
            let text = text(&head, &matter);
            assert!(text.lines().any(|line| line == words[1]), "{text}");
            assert!(!text.contains("is down"), "{text}");
        }
    }
}

#[test]
fn a_name_of_a_stranger_is_text_in_html_and_one_line_in_the_subject() {
    let mut evil = item(Kind::Outage, Telling::Began, None);
    evil.name = "<img src=x onerror=alert(1)>\r\nBcc: all@example.com".to_owned();
    let messages = [notification(vec![evil])];
    let matter = Matter::Alerts(&messages);
    let head = head(Language::English);
    let html = html(&head, &matter, None);
    assert!(html.contains("&lt;img") && !html.contains("<img"), "{html}");
    assert!(!subject(&head, &matter).contains(['\r', '\n']));
}

#[test]
fn in_indonesian_no_english_is_left() {
    let messages = [notification(vec![
        item(Kind::Outage, Telling::Ended, Some(30)),
        item(Kind::Stale, Telling::Began, None),
        item(Kind::Flapping, Telling::Began, None),
    ])];
    let head = head(Language::Indonesian);
    let text = text(&head, &Matter::Alerts(&messages));
    for english in ["since", "after", "probes", "down", "Sent by", "more)"] {
        assert!(!text.contains(english), "{english}: {text}");
    }
}

#[test]
fn the_link_of_an_outage_opens_what_is_kept_of_it() {
    let id = EventId {
        run: RunId(7),
        seq: 12,
    };
    let mut down = item(Kind::Outage, Telling::Began, None);
    down.event = Some(id);
    let mut slow = item(Kind::Latency, Telling::Began, None);
    slow.event = Some(id);
    let messages = [notification(vec![down, slow])];
    let (head, matter) = (head(Language::English), Matter::Alerts(&messages));
    let links = [
        "http://127.0.0.1:5000/t/gw?outage=7-12",
        "http://127.0.0.1:5000/t/gw",
    ];
    assert_eq!(
        links.map(|link| text(&head, &matter).lines().any(|line| line == link)),
        [true; 2]
    );
    assert!(html(&head, &matter, None).contains(&format!("href=\"{}\"", links[0])));
}

#[test]
fn an_exit_says_how_to_begin_again_and_an_interruption_from_when_to_when() {
    let head = head(Language::English);
    let stopped = Matter::Stopped {
        at: at(0),
        why: "SIGTERM",
    };
    assert_eq!(subject(&head, &stopped), "■ linewatch on jkt-office has stopped");
    assert!(text(&head, &stopped).contains("linewatch serve"));
    let interrupted = Matter::Interrupted {
        from: at(0),
        to: at(60),
    };
    assert!(
        text(&head, &interrupted).contains("from 2026-11-21 15:33:20 +07:00 to 2026-11-21 15:34:20 +07:00")
    );
}

fn digest(outages: &[u64]) -> Digest {
    let row = |(number, outages): (usize, &u64)| DigestRow {
        slug: format!("t{number}"),
        name: format!("Target <b>{number}</b>\u{202e}"),
        availability_ppm: Some(999_990),
        loss_ppm: Some(200),
        p50: Some(Rtt::from_nanos(12_300_000)),
        p95: Some(Rtt::from_nanos(45_600_000)),
        outages: *outages,
        down: Duration::from_secs(60 * outages),
    };
    // 00:00 on Monday, 16 November 2026, in Jakarta.
    let from = WallTime::from_nanos(1_794_762_000_000_000_000);
    Digest {
        span: DigestSpan::Week,
        from,
        to: from.plus(Duration::from_secs(7 * 86_400)),
        rows: outages.iter().enumerate().map(row).collect(),
        fleet_lines: outages.len(),
        pages: outages.len(),
    }
}

#[test]
fn a_report_says_in_its_subject_how_the_week_was_and_in_its_table_who_had_trouble() {
    let digest = digest(&[3, 0]);
    let matter = Matter::Report(&digest);
    let told = |language| (subject(&head(language), &matter), text(&head(language), &matter));
    let (fact, words) = told(Language::English);
    assert_eq!(
        fact,
        "Weekly report 16 Nov – 22 Nov 2026: 1 of 2 targets had outages"
    );
    for line in [
        "From 16 Nov 2026, 00:00:00 to 23 Nov 2026, 00:00:00, times in UTC+07:00.",
        "3 outages, 3 m 00 s in all; 1 of 2 targets had none.",
        "Attached: the report of all targets and one report for each target; each opens in any browser without a network.",
    ] {
        assert!(words.lines().any(|each| each == line), "{line}: {words}");
    }
    let table: Vec<&str> = words.lines().filter(|line| line.contains("12.3 ms")).collect();
    assert!(
        table.len() == 2 && table[0].ends_with("3  3 m 00 s") && table[1].ends_with("0         —"),
        "{table:?}"
    );

    let (fact, words) = told(Language::Indonesian);
    assert_eq!(
        fact,
        "Laporan mingguan 16 Nov – 22 Nov 2026: 1 dari 2 target mengalami gangguan"
    );
    for english in ["outage", "report", "Attached", "targets", " to ", "Availability"] {
        assert!(
            !words.replace("/report/", "").contains(english),
            "{english}: {words}"
        );
    }
}

#[test]
fn a_report_in_html_has_a_row_for_each_target_and_no_markup_of_strangers() {
    let digest = digest(&[1, 0]);
    let page = html(&head(Language::English), &Matter::Report(&digest), None);
    assert_eq!(page.matches("<tr><td class=\"text line\"").count(), 2);
    assert!(
        !page.contains("<b>") && page.contains("&lt;b&gt;0&lt;/b&gt;"),
        "{page}"
    );
    assert!(!page.contains('\u{202e}'));
    assert!(
        page.contains("/report/fleet?from=2026-11-15T17:00:00.000000Z&amp;to=2026-11-22T17:00:00.000000Z")
    );
}

#[test]
fn a_month_is_called_by_its_name_and_a_calm_one_is_good_news() {
    let month = Digest {
        span: DigestSpan::Month,
        ..digest(&[0, 0])
    };
    let matter = Matter::Report(&month);
    assert_eq!(
        subject(&head(Language::English), &matter),
        "Monthly report Nov 2026: no outage, 2 targets"
    );
    assert!(html(&head(Language::English), &matter, None).contains("paper good"));
}
