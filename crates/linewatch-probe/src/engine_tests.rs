//! Claims about the thread: refusals are answers, changes arrive, an end is an end. The wire is a mirror inside
//! the process; the clock is the real one, because a real thread waits by it.

use std::net::IpAddr;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Condvar, Mutex};

use linewatch_core::port::{Arrival, Incoming, Outgoing, SendResult, ShotBody, Sleepers, TcpEnd};
use linewatch_core::record::{Cause, GapKind, Outcome, ProbeRecord};
use linewatch_core::target::ProbePlan;
use linewatch_core::time::MonoTime;

use super::*;
use crate::clock::SystemClock;
use crate::privilege;

/// Connects every handshake at once if `answers`; swallows echoes, which it says it cannot send over IPv6.
struct Mirror {
    clock: SystemClock,
    answers: bool,
    arrived: Vec<Arrival>,
    bell: Arc<Bell>,
    /// There is a second thread, and the first never wakes by itself.
    is_first_starved: bool,
}

/// Rung by a waker, silenced by the sleep that it ends.
#[derive(Default)]
struct Bell(Mutex<bool>, Condvar);

impl Bell {
    fn sleep(&self, length: Duration) {
        let rung = self.0.lock().expect("nobody panics with it");
        let waited = self
            .1
            .wait_timeout_while(rung, length, |is_rung| !*is_rung)
            .expect("nobody panics with it");
        let (mut rung, _) = waited;
        *rung = false;
    }

    fn waker(self: &Arc<Self>) -> Waker {
        let bell = Arc::clone(self);
        Arc::new(move || {
            *bell.0.lock().expect("nobody panics with it") = true;
            bell.1.notify_all();
        })
    }
}

impl Wire for Mirror {
    fn send(&mut self, outgoing: &Outgoing, results: &mut Vec<SendResult>) {
        for shot in &outgoing.shots {
            let sent_at = self.clock.mono();
            results.push(SendResult {
                sent_at,
                result: Ok(()),
            });
            if self.answers && matches!(shot.body, ShotBody::Tcp { .. }) {
                let end = TcpEnd::Connected { rtt: None };
                self.arrived.push(Arrival::Tcp {
                    token: shot.token,
                    end,
                    at: self.clock.mono(),
                });
            }
        }
    }

    fn receive(&mut self, until: MonoTime, incoming: &mut Incoming) {
        incoming.arrivals.append(&mut self.arrived);
        let length = until.since(self.clock.mono());
        if !length.is_zero() {
            self.bell.sleep(length);
        }
    }

    fn ability(&self, method: Method, is_v6: bool) -> Result<Class, String> {
        match method {
            Method::IcmpEcho if is_v6 => Err("no ICMPv6 here".to_owned()),
            _ => Ok(Class::K),
        }
    }

    fn waker(&self) -> Waker {
        self.bell.waker()
    }

    fn sleepers(&self) -> Option<Sleepers> {
        let (clock, bell, time_bell) = (self.clock, Arc::clone(&self.bell), Arc::new(Bell::default()));
        let time_waker = time_bell.waker();
        self.is_first_starved.then(|| Sleepers {
            by_wire: Box::new(move |_| bell.sleep(Duration::from_secs(3600))),
            by_time: Box::new(move |until: MonoTime| time_bell.sleep(until.since(clock.mono()))),
            time_waker,
        })
    }
}

fn start(answers: bool) -> (Engine, Receiver<Arc<RecordBatch>>) {
    start_starved(answers, false)
}

fn start_starved(answers: bool, is_first_starved: bool) -> (Engine, Receiver<Arc<RecordBatch>>) {
    let clock = SystemClock::start();
    let wire = Mirror {
        clock,
        answers,
        arrived: Vec::new(),
        bell: Arc::default(),
        is_first_starved,
    };
    let setup = Box::new(|| Scheduling {
        is_realtime: false,
        text: "as it comes".to_owned(),
    });
    let options = EngineOptions {
        key: CookieKey::new([1; 16]),
        seed: 1,
        costs: Costs::default(),
        setup,
    };
    let (sender, receiver) = sync_channel(64);
    (
        Engine::start(wire, clock, options, sender).expect("a thread"),
        receiver,
    )
}

fn target(id: u32, ip: &str, method: Method) -> EngineTarget {
    let plan = ProbePlan {
        interval: Duration::from_millis(5),
        timeout: Duration::from_secs(20),
        payload_bytes: 56,
    };
    let ip: IpAddr = ip.parse().expect("address");
    EngineTarget {
        id: TargetId(id),
        address: ip.into(),
        method,
        plan,
        allow_high_rate: false,
        egress: EgressIndex::default(),
        slots: None,
    }
}

const TCP: Method = Method::TcpConnect { port: 443 };

/// Records of batches until `enough` is content.
fn records_until(
    receiver: &Receiver<Arc<RecordBatch>>,
    enough: impl Fn(&[ProbeRecord]) -> bool,
) -> Vec<ProbeRecord> {
    let mut records = Vec::new();
    while !enough(&records) {
        let batch = receiver
            .recv_timeout(Duration::from_secs(20))
            .expect("the engine goes on");
        records.extend_from_slice(&batch.records);
    }
    records
}

/// In flight shows in the progress of a batch without records.
fn wait_for_in_flight(receiver: &Receiver<Arc<RecordBatch>>, at_least: u64) {
    while !receiver
        .recv()
        .expect("the engine goes on")
        .progress
        .iter()
        .any(|progress| progress.in_flight >= at_least)
    {}
}

#[test]
fn what_may_not_be_probed_is_refused_in_words() {
    let (engine, _receiver) = start(true);
    let refusal = |target| engine.set(target).expect_err("refused").to_string();
    assert!(refusal(target(1, "255.255.255.255", TCP)).contains("broadcast"));
    assert!(refusal(target(1, "8.8.8.8", TCP)).contains("limit of 10/s"));
    assert_eq!(refusal(target(1, "::1", Method::IcmpEcho)), "no ICMPv6 here");
    assert_eq!(
        engine.set(target(1, "::ffff:127.0.0.1", Method::IcmpEcho)),
        Ok(())
    );
    engine.stop(Duration::ZERO);
}

/// Whatever door a setting came through, it comes to the engine by [`Engine::set`] alone.
#[test]
fn the_engine_itself_caps_a_target_a_neighbourhood_and_the_sum_of_megabits() {
    let (engine, _receiver) = start(false);
    let every = |id: u32, ip: &str, millis: u64, payload_bytes: u16| {
        let mut target = target(id, ip, TCP);
        target.plan.interval = Duration::from_millis(millis);
        target.plan.payload_bytes = payload_bytes;
        target
    };
    for ip in ["0.0.0.0", "224.0.0.1", "255.255.255.255", "::ffff:224.0.0.1"] {
        assert!(engine.set(every(1, ip, 1000, 56)).is_err(), "{ip}");
    }
    let refusal = engine.set(every(1, "8.8.8.8", 99, 56)).expect_err("above 10/s");
    assert!(refusal.to_string().contains("limit of 10/s"), "{refusal}");
    for id in 1..=10 {
        assert_eq!(engine.set(every(id, &format!("8.8.8.{id}"), 100, 56)), Ok(()));
        engine.pause(TargetId(id));
    }
    let refusal = engine.set(every(11, "8.8.8.11", 1000, 56)).expect_err("101/s");
    assert!(refusal.to_string().contains("8.8.8.0/24"), "{refusal}");
    // A faster plan for one that is there is a new question.
    assert!(engine.set(every(10, "8.8.8.10", 50, 56)).is_err());
    engine.remove(TargetId(10));
    assert_eq!(engine.set(every(11, "8.8.8.11", 1000, 56)), Ok(()));
    let big = |id: u32| EngineTarget {
        method: Method::IcmpEcho,
        slots: Some(0),
        ..every(id, "127.0.0.1", 1, 1452)
    };
    for id in 20..30 {
        assert_eq!(engine.set(big(id)), Ok(()));
        engine.pause(TargetId(id));
    }
    let refusal = engine.set(big(30)).expect_err("132 Mbit/s");
    assert!(refusal.to_string().contains("limit of 125 Mbit/s"), "{refusal}");
    engine.stop(Duration::ZERO);
}

#[test]
fn records_come_out_and_the_report_knows() {
    let (engine, receiver) = start(true);
    engine.set(target(1, "127.0.0.1", TCP)).expect("permitted");
    let records = records_until(&receiver, |records| records.len() >= 3);
    assert!(
        records
            .iter()
            .all(|record| record.outcome == Outcome::Reply && record.class == Class::U)
    );
    let report = engine.report();
    assert_eq!(
        (report.scheduling.as_str(), report.asked_per_s),
        ("as it comes", 200.0)
    );
    assert!(report.sent >= 3 && report.turns > 0, "{report:?}");
    engine.stop(Duration::from_secs(1));
}

#[test]
fn an_end_leaves_nothing_open() {
    let (engine, receiver) = start(false);
    engine
        .set(target(1, "127.0.0.1", Method::IcmpEcho))
        .expect("permitted");
    wait_for_in_flight(&receiver, 3);
    engine.stop(Duration::from_millis(10));
    let batches: Vec<_> = receiver.iter().collect();
    let cause = Cause::Gap(GapKind::Stopped);
    assert!(
        batches
            .iter()
            .flat_map(|batch| &batch.records)
            .all(|record| record.cause == cause)
    );
    let last = batches
        .iter()
        .rev()
        .flat_map(|batch| &batch.progress)
        .next()
        .expect("a last word");
    assert_eq!(last.in_flight, 0);
}

#[test]
fn who_is_removed_is_ended_and_may_come_back() {
    let (engine, receiver) = start(false);
    engine
        .set(target(1, "127.0.0.1", Method::IcmpEcho))
        .expect("permitted");
    wait_for_in_flight(&receiver, 1);
    engine.remove(TargetId(1));
    let records = records_until(&receiver, |records| !records.is_empty());
    assert!(
        records
            .iter()
            .all(|record| record.cause == Cause::Gap(GapKind::Stopped))
    );
    assert_eq!(engine.report().asked_per_s, 0.0);
    engine.set(target(1, "127.0.0.1", TCP)).expect("permitted again");
    engine.stop(Duration::ZERO);
}

#[test]
fn an_engine_whose_records_nobody_reads_still_ends() {
    let (engine, receiver) = start(true);
    drop(receiver);
    engine.set(target(1, "127.0.0.1", TCP)).expect("permitted");
    engine.stop(Duration::from_secs(1));
}

#[test]
fn a_priority_that_was_taken_away_is_not_claimed() {
    let had = "real-time priority".to_owned();
    assert_eq!(scheduling_text(Some(&had), false), had);
    assert!(scheduling_text(Some(&had), true).starts_with("ordinary priority"));
    assert_eq!(scheduling_text(None, true), "");
}

#[test]
fn a_second_thread_sends_what_the_first_sleeps_through() {
    if privilege::two_processors().is_none() {
        // One processor has no place for a second thread, and the engine does without.
        return;
    }
    let (engine, receiver) = start_starved(true, true);
    engine.set(target(1, "127.0.0.1", TCP)).expect("permitted");
    let records = records_until(&receiver, |records| records.len() >= 20);
    assert!(records.iter().all(|record| record.outcome == Outcome::Reply));
    let numbers: Vec<_> = records.iter().map(|record| record.seq).collect();
    assert!(numbers.is_sorted() && numbers[0] == 0, "{numbers:?}");
    assert!(engine.report().scheduling.contains("two threads"));
    engine.stop(Duration::from_secs(1));
}
