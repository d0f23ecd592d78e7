//! Claims about `inflight`: the pictures first, then the law for anything that can happen.

mod law;

use super::*;
use crate::record::{ProbeRecord, StrayKind};
use crate::time::WallTime;

const KEY: CookieKey = CookieKey::new([9; 16]);
const ID: u16 = 0x4242;

/// Wall clock minus monotonic clock in these tests.
const WALL_NS: i64 = 1_700_000_000_000_000_000;

pub(super) fn ms(millis: u64) -> MonoTime {
    MonoTime::from_nanos(millis * 1_000_000)
}

fn anchor() -> Anchor {
    Anchor {
        mono: MonoTime::ZERO,
        wall: WallTime::from_nanos(WALL_NS),
    }
}

fn wire(at: MonoTime) -> WireTime {
    WireTime::from_nanos(WALL_NS + at.as_nanos() as i64)
}

/// A network of targets 192.0.2.x, and what was decided about them.
pub(super) struct Bench {
    pub(super) in_flight: InFlight,
    pub(super) batch: RecordBatch,
    pub(super) timeout: Duration,
}

impl Bench {
    pub(super) fn new(timeout_ms: u64) -> Self {
        let mut bench = Self {
            in_flight: InFlight::new(KEY),
            batch: RecordBatch::new(anchor()),
            timeout: Duration::from_millis(timeout_ms),
        };
        bench.add(0, 0, 0);
        bench
    }

    pub(super) fn add(&mut self, index: u32, generation: u32, first_seq: u64) {
        self.in_flight.add(FlowSpec {
            handle: Handle::new(index, generation),
            target: TargetId(index),
            address: address(index),
            id: ID,
            class: Class::K,
            first_seq,
        });
    }

    /// Sends number `seq` of target 0 at `at_ms`.
    fn send(&mut self, seq: u64, at_ms: u64) {
        self.send_at(Handle::new(0, 0), seq, ms(at_ms));
    }

    pub(super) fn send_at(&mut self, handle: Handle, seq: u64, at: MonoTime) {
        assert!(self.launch(handle, seq, at));
        self.in_flight.left(handle, seq, at);
    }

    fn launch(&mut self, handle: Handle, seq: u64, at: MonoTime) -> bool {
        let timeout = self.timeout;
        self.in_flight.launch(Launch {
            handle,
            seq,
            due_at: at,
            at,
            timeout,
        })
    }

    /// The reply to `seq` comes at `at_ms` and is read at once, without kernel stamps.
    fn reply(&mut self, seq: u64, at_ms: u64) {
        self.reply_at(Handle::new(0, 0), seq, None, ms(at_ms));
    }

    pub(super) fn reply_at(&mut self, handle: Handle, seq: u64, received: Option<WireTime>, at: MonoTime) {
        let (cookie, id, sequence) = self.in_flight.stamp(handle, seq).expect("known");
        let payload = cookie.encode();
        let echo = Echo {
            id,
            sequence,
            payload: &payload,
        };
        self.echo(address(handle.index()), &echo, received, at);
    }

    fn echo(&mut self, from: Address, echo: &Echo<'_>, received: Option<WireTime>, at: MonoTime) {
        let stamps = Stamps {
            received,
            at,
            anchor: anchor(),
        };
        self.in_flight
            .on_reply(from, echo, false, stamps, &mut self.batch);
    }

    fn expire(&mut self, at_ms: u64) {
        while self.in_flight.expire(ms(at_ms), 10, &mut self.batch) {}
    }

    fn records(&mut self) -> Vec<ProbeRecord> {
        std::mem::take(&mut self.batch.records)
    }

    fn outcomes(&mut self) -> Vec<(u64, Outcome)> {
        self.records()
            .iter()
            .map(|record| (record.seq, record.outcome))
            .collect()
    }

    fn strays(&mut self) -> Vec<(u64, StrayKind, Option<u64>)> {
        let strays = std::mem::take(&mut self.batch.strays);
        let millis = |rtt: Rtt| rtt.as_nanos() / 1_000_000;
        strays
            .iter()
            .map(|stray| (stray.seq, stray.kind, stray.delay.map(millis)))
            .collect()
    }
}

pub(super) fn address(index: u32) -> Address {
    IpAddr::from([192, 0, 2, index as u8]).into()
}

#[test]
fn a_reply_within_the_time_out_is_a_reply_however_late_it_is_read() {
    let mut bench = Bench::new(100);
    bench.send(0, 0);
    bench
        .in_flight
        .on_transmitted(Handle::new(0, 0).token(0), wire(ms(1)));
    bench.reply_at(Handle::new(0, 0), 0, Some(wire(ms(91))), ms(5000));
    bench.expire(5000);
    let [record] = bench.records()[..] else {
        panic!("one record")
    };
    assert_eq!((record.outcome, record.class), (Outcome::Reply, Class::K));
    assert_eq!(record.rtt, Some(Rtt::from_nanos(90_000_000)));
    assert_eq!(record.host_rtt, Some(Rtt::from_nanos(5_000_000_000)));
}

#[test]
fn exactly_the_time_out_is_in_time_and_a_nanosecond_more_is_lost() {
    let mut bench = Bench::new(100);
    bench.send(0, 0);
    bench.send(1, 0);
    bench.reply(0, 100);
    bench.reply_at(Handle::new(0, 0), 1, None, MonoTime::from_nanos(100_000_001));
    assert_eq!(bench.outcomes(), [(0, Outcome::Reply), (1, Outcome::Lost)]);
    assert_eq!(bench.strays(), [(1, StrayKind::Late, Some(100))]);
}

#[test]
fn b1_a_probe_in_flight_is_on_neither_side() {
    // Period 20 ms, RTT 77 ms, time-out 100 ms.
    let mut bench = Bench::new(100);
    for millis in 0..2000 {
        if millis % 20 == 0 {
            bench.send(millis / 20, millis);
        }
        if millis >= 77 && (millis - 77) % 20 == 0 {
            bench.reply((millis - 77) / 20, millis);
        }
        bench.expire(millis);
        assert!(
            bench
                .outcomes()
                .iter()
                .all(|(_, outcome)| *outcome == Outcome::Reply),
            "at {millis} ms"
        );
        assert!(bench.in_flight.open() <= 4);
    }
}

#[test]
fn b2_replies_slower_than_half_the_period_are_all_received() {
    let mut bench = Bench::new(3000);
    let delays_ms = [500, 501, 1000, 1501, 2000, 500, 1501, 2000];
    let mut events: Vec<(u64, bool, u64)> = Vec::new();
    for (seq, delay_ms) in (0..).zip(delays_ms) {
        events.push((seq * 1000, false, seq));
        events.push((seq * 1000 + delay_ms, true, seq));
    }
    events.sort_unstable();
    for (at_ms, is_reply, seq) in events {
        if is_reply {
            bench.reply(seq, at_ms)
        } else {
            bench.send(seq, at_ms)
        }
        bench.expire(at_ms);
    }
    bench.expire(60_000);
    let mut records = bench.records();
    records.sort_by_key(|record| record.seq);
    let rtts: Vec<_> = records
        .iter()
        .map(|record| record.rtt.map(|rtt| rtt.as_nanos() / 1_000_000))
        .collect();
    assert_eq!(rtts, delays_ms.map(Some));
}

#[test]
fn b3_a_late_reply_is_credited_to_its_own_probe() {
    let mut bench = Bench::new(1000);
    for (seq, at_ms) in [(0, 0), (1, 1000), (2, 2000)] {
        bench.expire(at_ms);
        bench.send(seq, at_ms);
        if seq == 1 {
            bench.reply(1, 1020);
            bench.reply(0, 1500);
        }
    }
    bench.reply(2, 2020);
    assert_eq!(
        bench.outcomes(),
        [(0, Outcome::Lost), (1, Outcome::Reply), (2, Outcome::Reply)]
    );
    assert_eq!(bench.strays(), [(0, StrayKind::Late, Some(1500))]);
}

#[test]
fn b4_the_wire_sequence_wraps_and_nothing_notices() {
    let mut bench = Bench::new(25);
    for seq in 0..200_000 {
        bench.send(seq, seq);
        if seq >= 20 {
            bench.reply(seq - 20, seq);
        }
        bench.expire(seq);
    }
    let records = bench.records();
    assert_eq!(records.len(), 199_980);
    assert!(
        records
            .iter()
            .all(|record| record.rtt == Some(Rtt::from_nanos(20_000_000)))
    );
    assert!(bench.strays().is_empty());
}

#[test]
fn a_probe_every_millisecond_with_25_ms_of_patience_is_judged_by_its_own_25_ms() {
    let mut bench = Bench::new(25);
    for seq in 0..1000_u64 {
        bench.expire(seq);
        bench.send(seq, seq);
        assert!(bench.in_flight.open() <= 25);
        // Every tenth probe is lost, every seventh answered after 30 ms, the others after 5.
        if let Some(old) = seq.checked_sub(5).filter(|old| old % 10 != 0 && old % 7 != 0) {
            bench.reply(old, seq);
        }
        if let Some(old) = seq.checked_sub(30).filter(|old| old % 10 != 0 && old % 7 == 0) {
            bench.reply(old, seq);
        }
    }
    bench.expire(2000);
    let outcomes = bench.outcomes();
    let lost = outcomes.iter().filter(|(_, outcome)| *outcome == Outcome::Lost);
    assert!(
        lost.clone()
            .all(|(seq, _)| seq % 10 == 0 || seq % 7 == 0 || *seq >= 995)
    );
    assert_eq!(outcomes.len(), 1000);
    assert!(
        bench
            .strays()
            .iter()
            .all(|(_, kind, delay)| *kind == StrayKind::Late && *delay == Some(30))
    );
}

#[test]
fn a_second_reply_is_a_duplicate_and_an_older_one_is_reordered() {
    let mut bench = Bench::new(1000);
    (0..3).for_each(|seq| bench.send(seq, seq));
    bench.reply(2, 50);
    bench.reply(0, 60);
    bench.reply(2, 70);
    bench.reply(1, 80);
    let records = bench.records();
    let reordered: Vec<_> = records
        .iter()
        .map(|record| (record.seq, record.is_reordered))
        .collect();
    assert_eq!(reordered, [(2, false), (0, true), (1, true)]);
    assert_eq!(bench.strays(), [(2, StrayKind::Duplicate, Some(68))]);
}

#[test]
fn a_second_late_reply_is_a_duplicate() {
    let mut bench = Bench::new(10);
    bench.send(0, 0);
    bench.expire(10);
    bench.reply(0, 20);
    bench.reply(0, 30);
    assert_eq!(
        bench.strays(),
        [
            (0, StrayKind::Late, Some(20)),
            (0, StrayKind::Duplicate, Some(30))
        ]
    );
}

#[test]
fn a_lost_probe_is_remembered_when_its_place_is_taken_and_an_answered_one_is_not() {
    let mut bench = Bench::new(100);
    for seq in 0..100 {
        bench.send(seq, seq * 1000);
        if seq != 3 {
            bench.reply(seq, seq * 1000 + 10);
        }
        bench.expire(seq * 1000 + 500);
    }
    bench.reply(3, 100_000);
    bench.reply(3, 100_001);
    bench.reply(4, 100_002);
    let expected = [
        (3, StrayKind::Late, Some(97_000)),
        (3, StrayKind::Duplicate, None),
        (4, StrayKind::Duplicate, None),
    ];
    assert_eq!(bench.strays(), expected);
}

#[test]
fn nothing_made_up_is_an_answer() {
    let mut bench = Bench::new(1000);
    bench.send(7, 0);
    let (cookie, id, sequence) = bench.in_flight.stamp(Handle::new(0, 0), 7).expect("known");
    let genuine = cookie.encode();
    let mut forged_tag = genuine;
    forged_tag[15] ^= 1;
    let at = ms(5);
    bench.echo(
        address(0),
        &Echo {
            id,
            sequence,
            payload: &forged_tag,
        },
        None,
        at,
    );
    bench.echo(
        address(0),
        &Echo {
            id,
            sequence,
            payload: &[],
        },
        None,
        at,
    );
    bench.echo(
        address(0),
        &Echo {
            id,
            sequence: sequence ^ 1,
            payload: &genuine,
        },
        None,
        at,
    );
    bench.echo(
        address(9),
        &Echo {
            id,
            sequence,
            payload: &genuine,
        },
        None,
        at,
    );
    // Never sent: the number is from the future.
    let (future, ..) = bench.in_flight.stamp(Handle::new(0, 0), 8).expect("known");
    bench.echo(
        address(0),
        &Echo {
            id,
            sequence: 8,
            payload: &future.encode(),
        },
        None,
        at,
    );
    assert_eq!(bench.strays(), [(0, StrayKind::Forged, None); 5]);
    assert_eq!((bench.records(), bench.in_flight.open()), (vec![], 1));
}

#[test]
fn another_program_that_pings_the_same_target_is_no_forger() {
    let mut bench = Bench::new(1000);
    bench.send(0, 0);
    bench.echo(
        address(0),
        &Echo {
            id: ID ^ 1,
            sequence: 0,
            payload: &[0xff; 56],
        },
        None,
        ms(5),
    );
    assert_eq!(bench.strays(), []);
}

#[test]
fn a_ping_socket_may_have_rewritten_the_identifier() {
    let mut bench = Bench::new(1000);
    bench.send(0, 0);
    let (cookie, _, sequence) = bench.in_flight.stamp(Handle::new(0, 0), 0).expect("known");
    let echo = Echo {
        id: 1,
        sequence,
        payload: &cookie.encode(),
    };
    let stamps = Stamps {
        received: None,
        at: ms(5),
        anchor: anchor(),
    };
    bench
        .in_flight
        .on_reply(address(0), &echo, true, stamps, &mut bench.batch);
    assert_eq!(bench.outcomes(), [(0, Outcome::Reply)]);
}

#[test]
fn a_rotation_loses_nobody_in_flight() {
    let mut bench = Bench::new(1000);
    bench.send(0, 0);
    let (old, id, sequence) = bench.in_flight.stamp(Handle::new(0, 0), 0).expect("known");
    bench.in_flight.rotate_id(Handle::new(0, 0), 77);
    bench.send(1, 1);
    assert_eq!(bench.in_flight.stamp(Handle::new(0, 0), 1).expect("known").1, 77);
    bench.reply(1, 20);
    bench.echo(
        address(0),
        &Echo {
            id,
            sequence,
            payload: &old.encode(),
        },
        None,
        ms(21),
    );
    assert_eq!(bench.outcomes(), [(1, Outcome::Reply), (0, Outcome::Reply)]);
}

#[test]
fn a_reply_to_a_removed_target_cannot_hit_the_one_in_its_place() {
    let mut bench = Bench::new(1000);
    bench.send(0, 0);
    let (old, id, sequence) = bench.in_flight.stamp(Handle::new(0, 0), 0).expect("known");
    bench
        .in_flight
        .remove(Handle::new(0, 0), GapKind::Stopped, &mut bench.batch);
    assert_eq!(bench.records()[0].cause, Cause::Gap(GapKind::Stopped));
    bench.add(0, 1, 0);
    bench.send_at(Handle::new(0, 1), 0, ms(1));
    bench.echo(
        address(0),
        &Echo {
            id,
            sequence,
            payload: &old.encode(),
        },
        None,
        ms(5),
    );
    assert_eq!(
        (bench.outcomes(), bench.strays(), bench.in_flight.open()),
        (vec![], vec![], 1)
    );
}

#[track_caller]
fn check_stamps(transmitted: Option<i64>, received: Option<i64>, expected: (Class, u64, u64)) {
    let mut bench = Bench::new(1000);
    bench.send(0, 100);
    let stamp = |after_us: i64| WireTime::from_nanos(wire(ms(100)).as_nanos() + after_us * 1000);
    if let Some(after_us) = transmitted {
        bench
            .in_flight
            .on_transmitted(Handle::new(0, 0).token(0), stamp(after_us));
    }
    bench.reply_at(Handle::new(0, 0), 0, received.map(stamp), ms(150));
    let record = bench.records()[0];
    let rtt_us = record.rtt.expect("a reply").as_nanos() / 1000;
    assert_eq!(
        (record.class, rtt_us, bench.in_flight.impossible_stamps()),
        expected
    );
    assert!(record.host_rtt >= record.rtt);
}

#[test]
fn the_class_says_whose_stamps_the_rtt_is_made_of() {
    check_stamps(Some(10), Some(40_010), (Class::K, 40_000, 0));
    check_stamps(None, Some(40_010), (Class::H, 40_010, 0));
    check_stamps(Some(10), None, (Class::U, 50_000, 0));
    check_stamps(None, None, (Class::U, 50_000, 0));
}

#[test]
fn stamps_that_cannot_be_true_are_counted_and_never_clamped() {
    check_stamps(Some(10), Some(-5), (Class::U, 50_000, 1));
    check_stamps(Some(10), Some(3_600_000_000), (Class::U, 50_000, 1));
    check_stamps(None, Some(-1), (Class::U, 50_000, 1));
    // Two clocks read one after the other: a little over the bracket is no step.
    check_stamps(Some(0), Some(50_015), (Class::K, 50_015, 0));
}

#[test]
fn after_a_clock_step_what_was_in_flight_has_the_user_rtt() {
    let mut bench = Bench::new(1000);
    bench.send(0, 100);
    bench
        .in_flight
        .on_transmitted(Handle::new(0, 0).token(0), wire(ms(100)));
    bench.in_flight.clock_stepped(ms(120));
    // 30 ms back in the middle: the stamps alone would look plausible.
    bench.reply_at(Handle::new(0, 0), 0, Some(wire(ms(120))), ms(150));
    bench.send(1, 200);
    bench.reply_at(Handle::new(0, 0), 1, Some(wire(ms(249))), ms(250));
    let classes: Vec<_> = bench
        .records()
        .iter()
        .map(|record| (record.class, record.rtt))
        .collect();
    let expected = [
        (Class::U, Some(Rtt::from_nanos(50_000_000))),
        (Class::H, Some(Rtt::from_nanos(49_000_000))),
    ];
    assert_eq!(classes, expected);
}

#[test]
fn what_was_in_flight_at_an_overflow_and_gets_no_answer_is_unmeasured() {
    let mut bench = Bench::new(100);
    bench.send(0, 0);
    bench.send(1, 10);
    bench.in_flight.doubt(GapKind::RxOverflow, ms(20));
    bench.send(2, 30);
    bench.reply(1, 50);
    bench.expire(200);
    let cause = Cause::Gap(GapKind::RxOverflow);
    let found: Vec<_> = bench
        .records()
        .iter()
        .map(|record| (record.seq, record.outcome, record.cause))
        .collect();
    let expected = [
        (1, Outcome::Reply, Cause::None),
        (0, Outcome::Unmeasured, cause),
        (2, Outcome::Lost, Cause::None),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_reply_that_only_our_stalled_clock_saw_is_no_loss() {
    let mut bench = Bench::new(100);
    bench.send(0, 0);
    bench.in_flight.doubt(GapKind::Stalled, ms(5000));
    bench.reply(0, 5000);
    assert_eq!(
        (bench.outcomes(), bench.strays()),
        (vec![(0, Outcome::Unmeasured)], vec![])
    );
}

#[test]
fn an_rtt_across_a_sleep_is_nobodys_to_know() {
    let mut bench = Bench::new(1000);
    bench.send(0, 0);
    bench.in_flight.doubt(GapKind::Suspended, ms(10));
    bench.reply(0, 40);
    assert_eq!(bench.outcomes(), [(0, Outcome::Unmeasured)]);
}

#[test]
fn a_shorter_time_out_is_for_the_probes_after_it() {
    let mut bench = Bench::new(1000);
    bench.send(0, 0);
    bench.timeout = Duration::from_millis(50);
    bench.send(1, 10);
    assert_eq!(bench.in_flight.next_deadline(), Some(ms(60)));
    bench.expire(60);
    assert_eq!(bench.outcomes(), [(1, Outcome::Lost)]);
    bench.expire(999);
    assert_eq!(bench.outcomes(), []);
    bench.reply(0, 1000);
    assert_eq!(bench.outcomes(), [(0, Outcome::Reply)]);
}

#[test]
fn a_gap_of_a_million_numbers_strands_nobody() {
    let mut bench = Bench::new(1000);
    bench.send(0, 0);
    bench.send(1_000_001, 10);
    bench.send(1_000_002, 20);
    bench.reply(1_000_002, 30);
    bench.reply(0, 40);
    bench.expire(5000);
    assert_eq!(
        bench.outcomes(),
        [
            (1_000_002, Outcome::Reply),
            (0, Outcome::Reply),
            (1_000_001, Outcome::Lost)
        ]
    );
}

#[test]
fn what_the_system_refuses_was_never_in_flight() {
    let mut bench = Bench::new(1000);
    let handle = Handle::new(0, 0);
    for (seq, errno) in [(0, 105), (1, 113)] {
        assert!(bench.launch(handle, seq, ms(10)));
        bench
            .in_flight
            .failed(handle, seq, ms(11), errno, &mut bench.batch);
    }
    let found: Vec<_> = bench
        .records()
        .iter()
        .map(|record| (record.outcome, record.sent_at))
        .collect();
    assert_eq!(found, [(Outcome::Unsent, ms(10)), (Outcome::Unreachable, ms(11))]);
    assert_eq!(bench.in_flight.open(), 0);
}

#[test]
fn there_is_room_for_half_the_wire_sequence_and_no_more() {
    let mut bench = Bench::new(30_000);
    let handle = Handle::new(0, 0);
    (0..crate::limits::IN_FLIGHT_PER_TARGET as u64).for_each(|seq| bench.send(seq, 0));
    assert!(!bench.launch(handle, crate::limits::IN_FLIGHT_PER_TARGET as u64, ms(1)));
}

fn path_error(bench: &mut Bench, to: Address, id: u16, sequence: u16, payload: &[u8]) {
    let quoted = Echo {
        id,
        sequence,
        payload,
    };
    let error = PathError {
        kind: 3,
        code: 1,
        to: to.ip,
        quoted,
    };
    bench.in_flight.on_path_error(&error, false, &mut bench.batch);
}

#[test]
fn an_error_from_the_path_belongs_to_the_probe_it_quotes() {
    let mut bench = Bench::new(1000);
    (0..3).for_each(|seq| bench.send(seq, seq));
    let (cookie, id, sequence) = bench.in_flight.stamp(Handle::new(0, 0), 1).expect("known");
    path_error(&mut bench, address(0), id, sequence, &cookie.encode());
    path_error(&mut bench, address(0), id, 2, &[]);
    let cause = Cause::Icmp {
        kind: 3,
        code: 1,
        is_v6: false,
    };
    let found: Vec<_> = bench
        .records()
        .iter()
        .map(|record| (record.seq, record.outcome, record.cause))
        .collect();
    assert_eq!(
        found,
        [(1, Outcome::Unreachable, cause), (2, Outcome::Unreachable, cause)]
    );
    assert_eq!(bench.in_flight.open(), 1);
}

#[test]
fn an_error_that_quotes_what_we_did_not_send_is_ignored() {
    let mut bench = Bench::new(1000);
    bench.send(0, 0);
    path_error(&mut bench, address(0), ID ^ 1, 0, &[]);
    path_error(&mut bench, address(0), ID, 1, &[]);
    path_error(&mut bench, address(5), ID, 0, &[]);
    path_error(&mut bench, address(0), ID, 0, &[0; 16]);
    assert_eq!((bench.records(), bench.in_flight.open()), (vec![], 1));
}

#[track_caller]
fn check_tcp(end: TcpEnd, outcome: Outcome, rtt_ms: Option<u64>, class: Class, cause: Cause) {
    let mut bench = Bench::new(1000);
    bench.send(0, 0);
    bench
        .in_flight
        .on_tcp(Handle::new(0, 0).token(0), end, ms(50), &mut bench.batch);
    let record = bench.records()[0];
    assert_eq!(
        (record.outcome, record.class, record.cause),
        (outcome, class, cause)
    );
    assert_eq!(record.rtt.map(|rtt| rtt.as_nanos() / 1_000_000), rtt_ms);
    assert_eq!(bench.in_flight.open(), 0);
}

#[test]
fn every_end_of_a_handshake_has_its_outcome() {
    let rtt = Some(Rtt::from_nanos(40_000_000));
    check_tcp(
        TcpEnd::Connected { rtt },
        Outcome::Reply,
        Some(40),
        Class::K,
        Cause::None,
    );
    check_tcp(
        TcpEnd::Connected { rtt: None },
        Outcome::Reply,
        Some(50),
        Class::U,
        Cause::None,
    );
    check_tcp(TcpEnd::Refused, Outcome::Refused, Some(50), Class::U, Cause::None);
    check_tcp(
        TcpEnd::Retransmitted,
        Outcome::Lost,
        None,
        Class::K,
        Cause::Retransmitted,
    );
    check_tcp(
        TcpEnd::Failed { errno: 113 },
        Outcome::Unreachable,
        None,
        Class::K,
        Cause::Errno(113),
    );
    check_tcp(
        TcpEnd::Failed { errno: 99 },
        Outcome::Unsent,
        None,
        Class::K,
        Cause::Errno(99),
    );
    check_tcp(
        TcpEnd::Failed { errno: 110 },
        Outcome::Lost,
        None,
        Class::K,
        Cause::None,
    );
}
