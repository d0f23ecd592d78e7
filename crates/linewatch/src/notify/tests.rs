//! Every event is accepted at least once, in order, whatever the mail server does; time is moved by hand.

mod hooks;
mod nudges;
mod peer;
mod reports;
mod restart;

use std::sync::atomic::{AtomicU64, Ordering};

use linewatch_core::alert::{Item, Kind, Telling};
use linewatch_core::time::MonoTime;
use linewatch_render::message::Language;
use linewatch_store::{Fate, LetterState, StartOptions, Store};

use super::*;
use crate::config::alerts::Tls;
use peer::{Behaviour, Cover, Peer};

/// As long as a silent server is borne in these tests.
const STEP: Duration = Duration::from_millis(250);
const PASSWORD: &str = "hunter2-hunter2";

/// Both clocks begin at the same moment and are moved by hand.
#[derive(Default)]
struct HandClock(AtomicU64);

impl Clock for HandClock {
    fn mono(&self) -> MonoTime {
        MonoTime::from_nanos(self.0.load(Ordering::SeqCst))
    }
    fn wall(&self) -> WallTime {
        WallTime::from_nanos(1_795_255_200_000_000_000 + self.0.load(Ordering::SeqCst) as i64)
    }
    fn asleep(&self) -> Duration {
        Duration::ZERO
    }
}

/// A store, a peer, and the worker between them.
struct Bench {
    clock: Arc<HandClock>,
    shared: Arc<Shared>,
    worker: Worker,
    said: Arc<Mutex<Vec<String>>>,
    notify: Notify,
    files: tempfile::TempDir,
    serial: u64,
}

/// `to`: whom, beside the sender. The account logs in unless `tls` is `None`.
fn bench(peer: &Peer, tls: Tls, to: &[&str]) -> Bench {
    let files = tempfile::tempdir().expect("a directory");
    let password = files.path().join("password");
    std::fs::write(&password, PASSWORD).expect("written");
    let mut alerts = Alerts::default();
    alerts.email.server = "localhost".to_owned();
    alerts.email.port = peer.address.port();
    alerts.email.tls = tls;
    alerts.email.from = "linewatch@example.com".to_owned();
    alerts.email.to = to.iter().map(|&to| to.to_owned()).collect();
    if tls != Tls::None {
        alerts.email.password_file = password.to_string_lossy().into_owned();
    }
    let root = (peer.certificate.clone(), true);
    bench_with(files, alerts, root)
}

fn bench_with(files: tempfile::TempDir, alerts: Alerts, root: (String, bool)) -> Bench {
    bench_at(Arc::default(), files, alerts, root)
}

/// As [`bench_with`], at a moment after others have been here.
fn bench_at(
    clock: Arc<HandClock>,
    files: tempfile::TempDir,
    alerts: Alerts,
    (root, is_trusted): (String, bool),
) -> Bench {
    let opened = open(files.path(), clock.wall());
    let run = opened.run;
    let (store, _reader) = opened
        .store
        .start(StartOptions {
            queue: 64,
            flush_interval: Duration::from_secs(1),
            clock: Arc::<HandClock>::clone(&clock),
        })
        .expect("a thread");
    let said = Arc::<Mutex<Vec<String>>>::default();
    let hears = Arc::clone(&said);
    let options = NotifyOptions {
        clock: Arc::<HandClock>::clone(&clock),
        store,
        vantage: "ab12".to_owned(),
        run,
        graph: Box::new(|_, _| Some(b"\x89PNG".to_vec())),
        report: Box::new(reports::a_report),
        targets: Vec::new(),
        on_trouble: Box::new(move |_, sentence| hears.lock().expect("whole").push(sentence)),
        is_alive: Arc::new(|| true),
    };
    let head = Letterhead {
        vantage: "jkt".to_owned(),
        version: "1".to_owned(),
        page: String::new(),
        zone: jiff::tz::TimeZone::UTC,
        language: Language::English,
    };
    let carriers: Carriers = Box::new(move |way, alerts| match Carrier::of(way, alerts)? {
        Carrier::Mail(mailer) => Some(Carrier::Mail(
            mailer.impatient(STEP, is_trusted.then_some(root.as_str())),
        )),
        Carrier::Webhook(hook) => Some(Carrier::Webhook(Box::new(hook.impatient(STEP)))),
    });
    let dead_man = DeadMan::start(Arc::clone(&options.clock), Arc::clone(&options.is_alive));
    let shared = Arc::new(Shared::new(options, &alerts, head, carriers));
    let way = shared.routes().ways().remove(0);
    Bench {
        worker: Worker::new(Arc::clone(&shared), way),
        // Without threads of its own: each test turns the worker by hand.
        notify: Notify {
            shared: Arc::clone(&shared),
            ways: Arc::default(),
            dead_man: Arc::new(dead_man.expect("a thread")),
        },
        clock,
        shared,
        said,
        files,
        serial: 0,
    }
}

/// The lock of a writer that was dropped is free as soon as its thread has ended.
fn open(dir: &std::path::Path, now: WallTime) -> linewatch_store::Opened {
    loop {
        match Store::open(dir, "test", now) {
            Err(linewatch_store::OpenError::Locked { .. }) => thread::yield_now(),
            opened => return opened.expect("a store"),
        }
    }
}

impl Bench {
    /// Gateway goes down or comes up.
    fn tell(&mut self, telling: Telling) {
        self.serial += 1;
        let at = self.clock.wall();
        let item = Item {
            target: Some(TargetId(1)),
            slug: "gw".to_owned(),
            name: format!("Gateway {}", self.serial),
            address: "192.0.2.1".to_owned(),
            kind: Kind::Outage,
            telling,
            since: at,
            until: (telling == Telling::Ended).then_some(at),
            duration_ns: 7_000_000_000,
            sent: 9,
            lost: 9,
            outages: 1,
            value: None,
            limit: None,
            event: None,
        };
        let notification = Notification {
            serial: self.serial,
            at,
            to: Vec::new(),
            severity: Severity::Critical,
            causes: Vec::new(),
            items: vec![item],
            more: 0,
        };
        let told = self.notify.told(&notification, &Snapshot::default());
        assert!(self.shared.store.try_send(told), "there is room");
    }

    /// Turns the worker whenever something is due, until nothing waits.
    fn until_empty(&mut self) {
        for _ in 0..100 {
            let next = self.worker.turn();
            if self.waiting().is_empty() {
                return;
            }
            let wait = next.expect("an attempt to come").since(self.clock.mono());
            self.advance(wait);
        }
        panic!("still waiting: {:?}", self.waiting());
    }

    fn advance(&self, length: Duration) {
        self.clock.0.fetch_add(length.as_nanos() as u64, Ordering::SeqCst);
    }

    fn waiting(&self) -> Vec<linewatch_store::Letter> {
        let waiting = self.shared.store.letters(LetterState::Waiting, 100);
        waiting.expect("read")
    }

    fn dead(&self) -> Vec<String> {
        let dead = self.shared.store.letters(LetterState::Dead, 100).expect("read");
        dead.into_iter().filter_map(|letter| letter.last_error).collect()
    }
}

/// DOWN and UP are told, and both arrive once, after as many connections as it takes.
#[track_caller]
fn arrives_once(script: &[Behaviour], connections: usize) {
    let peer = Peer::start(script, Cover::Plain, "localhost");
    let mut bench = bench(&peer, Tls::None, &[]);
    bench.tell(Telling::Began);
    bench.until_empty();
    bench.tell(Telling::Ended);
    bench.until_empty();
    assert_eq!(peer.ids().len(), 2, "{:?}", peer.ids());
    assert_ne!(peer.ids()[0], peer.ids()[1]);
    assert_eq!(peer.heard().connections, connections);
    assert!(bench.dead().is_empty(), "{:?}", bench.dead());
}

#[test]
fn a_server_that_is_well_gets_each_message_once() {
    arrives_once(&[Behaviour::Good], 2);
}

#[test]
fn a_server_that_hangs_up_for_a_minute_gets_it_afterwards() {
    // 30 s and 60 s, a quarter more or less: a minute is over by the third attempt.
    arrives_once(&[Behaviour::HangUp, Behaviour::HangUp, Behaviour::Good], 4);
}

#[test]
fn a_server_that_closes_for_now_gets_it_later() {
    arrives_once(
        &[
            Behaviour::Banner("421 4.3.2 closing for repairs"),
            Behaviour::Good,
        ],
        3,
    );
}

#[test]
fn a_server_that_greylists_twenty_times_gets_it_at_the_twenty_first() {
    let mut script = vec![Behaviour::Rcpt(0, "451 4.7.1 greylisted"); 20];
    script.push(Behaviour::Good);
    arrives_once(&script, 22);
}

#[test]
fn a_server_that_is_silent_from_the_start_gets_it_later() {
    arrives_once(&[Behaviour::SilentBanner, Behaviour::Good], 3);
}

#[test]
fn a_server_that_is_silent_after_the_content_gets_the_same_message_again() {
    arrives_once(&[Behaviour::SilentData, Behaviour::Good], 3);
}

#[test]
fn a_message_of_unknown_end_is_repeated_as_it_was_and_what_is_new_follows() {
    let script = [Behaviour::ResetAfterDot, Behaviour::HangUp, Behaviour::Good];
    let peer = Peer::start(&script, Cover::Plain, "localhost");
    let mut bench = bench(&peer, Tls::None, &[]);
    bench.tell(Telling::Began);
    bench.worker.turn();
    bench.tell(Telling::Ended);
    bench.until_empty();
    let ids = peer.ids();
    assert_eq!(ids.len(), 3, "{ids:?}");
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[1], ids[2]);
    assert!(peer.heard().accepted[2].contains("Gateway 2"));
    assert!(!peer.heard().accepted[1].contains("Gateway 2"));
}

#[test]
fn a_restart_in_the_middle_of_an_attempt_repeats_the_same_message() {
    let peer = Peer::start(&[Behaviour::Good], Cover::Plain, "localhost");
    let mut bench = bench(&peer, Tls::None, &[]);
    bench.tell(Telling::Began);
    let first = bench.waiting().remove(0);
    // kill -9 between the note that an attempt begins and the note of its end.
    let trying = Fate::Trying { with: first.id };
    bench.shared.store.note_fate(&[first.id], trying).expect("noted");
    bench.tell(Telling::Ended);
    bench.until_empty();
    assert_eq!(peer.ids()[0], format!("<{}>", first.message_id));
    assert_eq!(peer.ids().len(), 2);
}

#[test]
fn what_waited_travels_as_one_message_with_true_times_down_before_up() {
    let peer = Peer::start(&[Behaviour::HangUp, Behaviour::Good], Cover::Plain, "localhost");
    let mut bench = bench(&peer, Tls::None, &[]);
    bench.tell(Telling::Began);
    bench.worker.turn();
    bench.advance(Duration::from_secs(7));
    bench.tell(Telling::Ended);
    bench.until_empty();
    let heard = peer.heard();
    assert_eq!(heard.accepted.len(), 1);
    let mail = &heard.accepted[0];
    let place = |what: &str| mail.find(what).unwrap_or_else(|| panic!("no {what} in {mail}"));
    assert!(place("10:00:00") < place("10:00:07"));
    assert!(place("DOWN: Gateway 1") < place("Gateway 2 (192.0.2.1)"));
}

#[test]
fn a_refused_recipient_is_a_dead_letter_in_the_servers_words_and_holds_nobody_up() {
    let script = [Behaviour::Rcpt(0, "550 5.1.1 no such user here"), Behaviour::Good];
    let peer = Peer::start(&script, Cover::Plain, "localhost");
    let mut bench = bench(&peer, Tls::None, &[]);
    bench.tell(Telling::Began);
    bench.until_empty();
    bench.tell(Telling::Ended);
    bench.until_empty();
    assert_eq!(peer.ids().len(), 1);
    let dead = bench.dead();
    assert_eq!(dead, ["<linewatch@example.com>: 550 5.1.1 no such user here"]);
    let said = bench.said.lock().expect("whole");
    assert!(said[0].contains("550 5.1.1"), "{said:?}");
}

#[test]
fn refused_content_is_a_dead_letter_too() {
    let script = [Behaviour::Content("554 5.7.1 we do not like it")];
    let peer = Peer::start(&script, Cover::Plain, "localhost");
    let mut bench = bench(&peer, Tls::None, &[]);
    bench.tell(Telling::Began);
    bench.until_empty();
    assert_eq!(bench.dead(), ["554 5.7.1 we do not like it"]);
}

#[test]
fn one_of_several_who_is_greylisted_gets_it_later_and_the_others_only_once() {
    let script = [Behaviour::Rcpt(1, "450 4.2.0 later"), Behaviour::Good];
    let peer = Peer::start(&script, Cover::Plain, "localhost");
    let mut bench = bench(&peer, Tls::None, &["a@example.com", "b@example.com"]);
    bench.tell(Telling::Began);
    bench.until_empty();
    let recipients: Vec<String> = peer
        .heard()
        .clear
        .iter()
        .filter_map(|line| line.strip_prefix("RCPT TO:").map(ToOwned::to_owned))
        .collect();
    assert_eq!(
        recipients,
        ["<a@example.com>", "<b@example.com>", "<b@example.com>"]
    );
    assert_eq!(peer.ids().len(), 2);
}

#[test]
fn what_has_waited_too_long_is_given_up_visibly() {
    let peer = Peer::start(&[Behaviour::HangUp], Cover::Plain, "localhost");
    let mut bench = bench(&peer, Tls::None, &[]);
    bench.tell(Telling::Began);
    bench.worker.turn();
    bench.advance(Duration::from_secs(72 * 3600 + 1));
    bench.worker.turn();
    let dead = bench.dead();
    assert!(dead[0].starts_with("given up after 72 h: "), "{dead:?}");
}

/// No message arrives, and no byte of a login has left in the clear.
#[track_caller]
fn nothing_leaves(peer: &Peer, mut bench: Bench, why: &str) {
    bench.tell(Telling::Began);
    bench.worker.turn();
    let waiting = bench.waiting().remove(0);
    let error = waiting.last_error.expect("a reason");
    assert!(error.contains(why), "{error}");
    assert!(!error.contains(PASSWORD));
    let heard = peer.heard();
    assert!(heard.accepted.is_empty());
    let clear = heard.clear.join("\n");
    assert!(!clear.contains("AUTH") && !clear.contains("MAIL"), "{clear}");
}

#[test]
fn without_starttls_nothing_leaves() {
    let peer = Peer::start(&[Behaviour::NoStartTls], Cover::StartTls, "localhost");
    let bench = bench(&peer, Tls::StartTls, &[]);
    nothing_leaves(&peer, bench, "offers no STARTTLS");
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused() {
    for (cover, tls) in [(Cover::StartTls, Tls::StartTls), (Cover::Implicit, Tls::Implicit)] {
        let peer = Peer::start(&[Behaviour::Good], cover, "localhost");
        let good = bench(&peer, tls, &[]);
        let alerts = good.shared.plan().alerts.clone();
        let files = tempfile::tempdir().expect("a directory");
        let untrusting = bench_with(files, alerts, (peer.certificate.clone(), false));
        nothing_leaves(&peer, untrusting, "certificate");
    }
}

#[test]
fn a_certificate_of_another_host_is_refused() {
    for (cover, tls) in [(Cover::StartTls, Tls::StartTls), (Cover::Implicit, Tls::Implicit)] {
        let peer = Peer::start(&[Behaviour::Good], cover, "mail.example.org");
        let bench = bench(&peer, tls, &[]);
        nothing_leaves(&peer, bench, "certificate");
    }
}

#[test]
fn a_login_happens_within_tls_only_and_the_mail_has_its_three_parts() {
    for (cover, tls) in [(Cover::StartTls, Tls::StartTls), (Cover::Implicit, Tls::Implicit)] {
        let peer = Peer::start(&[Behaviour::Good], cover, "localhost");
        let mut bench = bench(&peer, tls, &[]);
        bench.tell(Telling::Began);
        bench.until_empty();
        let heard = peer.heard();
        assert!(heard.secret.iter().any(|line| line.starts_with("AUTH PLAIN ")));
        assert!(!heard.clear.iter().any(|line| line.contains("AUTH")));
        let mail = &heard.accepted[0];
        for part in [
            "text/plain",
            "text/html",
            "image/png",
            "cid:graph",
            "Auto-Submitted",
        ] {
            assert!(mail.contains(part), "no {part} in {mail}");
        }
    }
}

#[test]
fn the_graph_is_written_where_it_is_wanted() {
    let peer = Peer::start(&[Behaviour::Good], Cover::Plain, "localhost");
    let mut bench = bench(&peer, Tls::None, &[]);
    let file = bench.files.path().join("latency.png");
    bench.shared.plan().alerts.graph_file = file.to_string_lossy().into_owned();
    bench.tell(Telling::Began);
    bench.until_empty();
    assert_eq!(std::fs::read(file).expect("written"), b"\x89PNG");
}

#[test]
fn a_test_message_brings_back_the_servers_words_and_waits_nowhere() {
    let script = [Behaviour::Good, Behaviour::Rcpt(0, "550 5.1.1 no such user")];
    let peer = Peer::start(&script, Cover::Plain, "localhost");
    let bench = bench(&peer, Tls::None, &[]);
    assert_eq!(bench.notify.test("email").as_deref(), Ok("250 2.0.0 queued as 1"));
    let refused = bench.notify.test("email").expect_err("refused");
    assert!(refused.contains("550 5.1.1 no such user"), "{refused}");
    let unknown = bench.notify.test("pager").expect_err("unknown");
    assert!(unknown.contains("there are: email"), "{unknown}");
    assert!(bench.waiting().is_empty());
}

#[test]
fn the_interruption_and_the_exit_are_told_once_each() {
    let peer = Peer::start(&[Behaviour::Good], Cover::Plain, "localhost");
    let mut bench = bench(&peer, Tls::None, &[]);
    let at = bench.clock.wall();
    for _ in 0..2 {
        bench
            .notify
            .interrupted(at.minus(Duration::from_secs(60)), at)
            .expect("told");
        // No thread follows here: it stays in the outbox, as with a server that is away.
        assert!(!bench.notify.farewell("SIGTERM", Duration::ZERO));
    }
    bench.until_empty();
    let subjects: Vec<String> = peer
        .heard()
        .accepted
        .iter()
        .filter_map(|mail| {
            mail.lines()
                .find(|line| line.starts_with("Subject: "))
                .map(ToOwned::to_owned)
        })
        .collect();
    assert_eq!(subjects.len(), 2, "{subjects:?}");
}

#[test]
fn threads_deliver_what_they_are_woken_for_and_say_farewell_in_time() {
    let peer = Peer::start(&[Behaviour::Good], Cover::Plain, "localhost");
    let bench = bench(&peer, Tls::None, &[]);
    bench.notify.set_ways().expect("threads");
    assert!(bench.notify.farewell("SIGTERM", Duration::from_secs(20)));
    assert_eq!(peer.ids().len(), 1);
}
