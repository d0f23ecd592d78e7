//! Reports by mail: once for each period, whatever happens in between, and in nobody's way; and what no webhook took, by mail.

use linewatch_render::report::{Digest, DigestRow};

use super::*;
use crate::config::alerts::Reports;

const HOUR: Duration = Duration::from_secs(3_600);
/// From the first moment of the clock, Saturday 10:00, to Monday 07:00.
const TO_MONDAY: Duration = Duration::from_secs(45 * 3_600);

/// Of one line and one page; on a computer called "nowhere" there is none.
pub(super) fn a_report(order: &Order, _: &[Target], head: &Letterhead) -> Result<Made, String> {
    if head.vantage == "nowhere" {
        return Err("the history cannot be read".to_owned());
    }
    let row = DigestRow {
        slug: "gw".to_owned(),
        name: "Gateway".to_owned(),
        availability_ppm: Some(999_000),
        loss_ppm: Some(100),
        p50: None,
        p95: None,
        outages: 1,
        down: Duration::from_secs(60),
    };
    Ok(Made {
        digest: Digest {
            span: order.span,
            from: order.from,
            to: order.to,
            rows: vec![row],
            fleet_lines: 0,
            pages: 1,
        },
        pages: vec![Page {
            file_name: "report-gw-20261116.html".to_owned(),
            html: "<!doctype html><title>gw</title>".to_owned(),
        }],
    })
}

/// A bench whose worker is that of reports.
fn reporting(peer: &Peer, reports: Reports) -> Bench {
    let mut bench = bench(peer, Tls::None, &[]);
    bench.shared.plan().alerts.email.report = reports;
    bench.worker = Worker::new(Arc::clone(&bench.shared), route::REPORT.to_owned());
    bench
}

fn mark(bench: &Bench) -> Option<String> {
    bench.shared.store.report_mark().expect("read")
}

#[test]
fn a_week_is_reported_on_monday_once_with_its_page_attached() {
    let peer = Peer::start(&[Behaviour::Good], Cover::Plain, "localhost");
    let mut bench = reporting(&peer, Reports::Weekly);
    bench.worker.turn();
    assert_eq!(
        mark(&bench).as_deref(),
        Some("weekly 2026-11-16"),
        "switched on today"
    );
    bench.advance(TO_MONDAY - Duration::from_secs(1));
    bench.worker.turn();
    assert!(peer.ids().is_empty(), "one second too early");
    bench.advance(Duration::from_secs(1));
    for _ in 0..3 {
        bench.worker.turn();
        bench.advance(HOUR);
    }
    let ids = peer.ids();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert!(ids[0].starts_with("<report-weekly-2026-11-23."), "{ids:?}");
    let mail = peer.heard().accepted[0].clone();
    for part in [
        "Subject: Weekly report 16 Nov",
        "multipart/mixed",
        "multipart/alternative",
        "Content-Disposition: attachment; filename=\"report-gw-20261116.html\"",
        "Gateway",
    ] {
        assert!(mail.contains(part), "{part}: {mail}");
    }
    bench.advance(7 * 24 * HOUR);
    bench.worker.turn();
    assert_eq!(peer.ids().len(), 2);
}

#[test]
fn a_kill_after_it_was_put_in_neither_loses_nor_repeats_it() {
    let peer = Peer::start(&[Behaviour::Good], Cover::Plain, "localhost");
    let mut bench = reporting(&peer, Reports::Monthly);
    let mut keeper = crate::notify::reports::Keeper::default();
    keeper.look(&bench.shared, true).expect("looked");
    // To the first of December, past seven.
    bench.advance(10 * 24 * HOUR);
    keeper.look(&bench.shared, true).expect("looked");
    assert_eq!(mark(&bench).as_deref(), Some("monthly 2026-12-01"));
    assert_eq!(bench.waiting().len(), 1, "put in and not sent");
    // The next start knows what the store knows.
    bench.worker = Worker::new(Arc::clone(&bench.shared), route::REPORT.to_owned());
    bench.until_empty();
    bench.worker = Worker::new(Arc::clone(&bench.shared), route::REPORT.to_owned());
    bench.advance(HOUR);
    bench.worker.turn();
    assert_eq!(peer.ids().len(), 1, "{:?}", peer.ids());
}

#[test]
fn a_start_within_the_grace_sends_what_was_due_and_a_later_one_skips_it() {
    let peer = Peer::start(&[Behaviour::Good], Cover::Plain, "localhost");
    let mut bench = reporting(&peer, Reports::Weekly);
    bench.worker.turn();
    // Off from Saturday to Thursday 06:00, and from then to the Friday of the week after.
    for (off, sent) in [(TO_MONDAY + 71 * HOUR, 1), (8 * 24 * HOUR, 1)] {
        bench.advance(off);
        bench.worker = Worker::new(Arc::clone(&bench.shared), route::REPORT.to_owned());
        bench.worker.turn();
        assert_eq!(peer.ids().len(), sent, "after {off:?}");
    }
    assert_eq!(
        mark(&bench).as_deref(),
        Some("weekly 2026-11-30"),
        "remembered as skipped"
    );
}

#[test]
fn a_report_that_no_server_takes_holds_no_alert_up() {
    let script = [
        Behaviour::Content("452 4.3.1 no room for so much"),
        Behaviour::Good,
    ];
    let peer = Peer::start(&script, Cover::Plain, "localhost");
    let mut bench = reporting(&peer, Reports::Weekly);
    bench.worker.turn();
    bench.advance(TO_MONDAY);
    bench.worker.turn();
    assert!(peer.ids().is_empty(), "refused for now");
    let mut alerts = Worker::new(Arc::clone(&bench.shared), route::EMAIL.to_owned());
    bench.tell(Telling::Began);
    alerts.turn();
    assert_eq!(peer.ids().len(), 1, "the alert went past it");
    bench.until_empty();
    assert_eq!(peer.ids().len(), 2, "and the report followed");
}

#[test]
fn a_report_that_cannot_be_made_now_is_made_later() {
    let peer = Peer::start(&[Behaviour::Good], Cover::Plain, "localhost");
    let mut bench = reporting(&peer, Reports::Weekly);
    bench.worker.turn();
    bench.shared.plan().head.vantage = "nowhere".to_owned();
    bench.advance(TO_MONDAY);
    bench.worker.turn();
    let said = bench.said.lock().expect("whole").join("\n");
    assert!(said.contains("the history cannot be read"), "{said}");
    assert_eq!(peer.heard().connections, 0);
    bench.shared.plan().head.vantage = "jkt".to_owned();
    bench.until_empty();
    assert_eq!(peer.ids().len(), 1);
}

#[test]
fn reports_that_are_switched_off_are_forgotten_and_begin_anew() {
    let peer = Peer::start(&[Behaviour::Good], Cover::Plain, "localhost");
    let mut bench = reporting(&peer, Reports::Weekly);
    bench.worker.turn();
    bench.shared.plan().alerts.email.report = Reports::Off;
    bench.worker.turn();
    assert_eq!(mark(&bench), None);
    bench.advance(TO_MONDAY + HOUR);
    bench.shared.plan().alerts.email.report = Reports::Weekly;
    bench.worker.turn();
    bench.advance(HOUR);
    bench.worker.turn();
    assert_eq!(mark(&bench).as_deref(), Some("weekly 2026-11-23"));
    assert!(peer.ids().is_empty(), "the week was over before");
}

#[test]
fn a_clock_that_was_years_ahead_stops_no_reports_once_it_has_gone_right_for_an_hour() {
    let peer = Peer::start(&[Behaviour::Good], Cover::Plain, "localhost");
    let mut bench = reporting(&peer, Reports::Weekly);
    let ahead = Some("weekly 2031-01-06".to_owned());
    bench.shared.store.tell_report(Vec::new(), ahead).expect("kept");
    bench.worker.turn();
    assert_eq!(
        mark(&bench).as_deref(),
        Some("weekly 2031-01-06"),
        "not believed at once"
    );
    bench.advance(HOUR);
    bench.worker.turn();
    assert_eq!(mark(&bench).as_deref(), Some("weekly 2026-11-16"));
    bench.advance(TO_MONDAY);
    bench.until_empty();
    assert_eq!(peer.ids().len(), 1);
}

#[test]
fn a_person_gets_the_report_of_the_last_days_at_once() {
    let peer = Peer::start(&[Behaviour::Good], Cover::Plain, "localhost");
    let bench = reporting(&peer, Reports::Off);
    let words = bench.notify.test("report").expect("sent");
    assert!(words.contains("queued"), "{words}");
    let mail = peer.heard().accepted[0].clone();
    assert!(mail.contains("Subject: Report 14 Nov"), "{mail}");
    assert_eq!(mark(&bench), None, "no period counts as told by that");
}

#[test]
fn what_no_webhook_took_goes_by_mail_instead_once() {
    let peer = Peer::start(&[Behaviour::Good], Cover::Plain, "localhost");
    let mut bench = bench(&peer, Tls::None, &[]);
    let letter = NewLetter {
        destination: "webhook:1".to_owned(),
        made: bench.clock.wall(),
        message_id: "alert-9.hook.ab12@example.com".to_owned(),
        notification: shape::write_content(&Content::Interrupted {
            from: bench.clock.wall(),
            to: bench.clock.wall(),
        }),
    };
    let told = Told {
        letters: vec![letter],
        snapshot: None,
    };
    bench.shared.store.tell(told).expect("kept");
    let id = bench.waiting()[0].id;
    assert!(
        matches!(bench.notify.mail_instead(id), Err(Unsent::Unknown)),
        "it waits"
    );
    let dead = Fate::Dead {
        why: "404 Not Found".to_owned(),
    };
    bench.shared.store.note_fate(&[id], dead).expect("noted");
    bench.notify.mail_instead(id).expect("redirected");
    assert!(
        matches!(bench.notify.mail_instead(id), Err(Unsent::Unknown)),
        "once"
    );
    bench.until_empty();
    assert_eq!(peer.ids().len(), 1);
    assert!(peer.ids()[0].starts_with("<instead-"), "{:?}", peer.ids());
    assert!(bench.dead().is_empty());
}

#[test]
fn nothing_goes_by_mail_where_none_is_configured_nor_a_mail_by_mail_again() {
    let peer = Peer::start(&[Behaviour::Good], Cover::Plain, "localhost");
    let mut bench = bench(&peer, Tls::None, &[]);
    bench.tell(Telling::Began);
    let id = bench.waiting()[0].id;
    let why = "550 no".to_owned();
    bench
        .shared
        .store
        .note_fate(&[id], Fate::Dead { why })
        .expect("noted");
    let refused = |bench: &Bench| match bench.notify.mail_instead(id) {
        Err(Unsent::Refused(words)) => words,
        other => panic!("{other:?}"),
    };
    assert!(refused(&bench).contains("was a mail"));
    let to = linewatch_store::Redirect {
        destination: "webhook:1".to_owned(),
        message_id: "other".to_owned(),
    };
    assert!(
        bench
            .shared
            .store
            .redirect_letter(id, to, bench.clock.wall())
            .expect("changed")
    );
    let why = "404".to_owned();
    bench
        .shared
        .store
        .note_fate(&[id], Fate::Dead { why })
        .expect("noted");
    bench.shared.plan().alerts.email.from = String::new();
    assert!(refused(&bench).contains("[alerts.email]"));
    assert_eq!(bench.dead().len(), 1, "nothing has changed");
}
