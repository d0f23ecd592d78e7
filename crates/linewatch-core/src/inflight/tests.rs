//! Claims about `inflight`: the pictures first, then the law for anything that can happen.

mod datagram;
mod identity;
mod law;
mod stamps;

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

    /// As [`Bench::reply_at`] of target 0, read under this calendar.
    fn reply_read(&mut self, seq: u64, received: Option<WireTime>, at: MonoTime, anchor: Anchor) {
        let (cookie, id, sequence) = self.in_flight.stamp(Handle::new(0, 0), seq).expect("known");
        let payload = cookie.encode();
        let echo = Echo {
            id,
            sequence,
            payload: &payload,
        };
        let stamps = Stamps { received, at, anchor };
        self.in_flight
            .on_reply(address(0), &echo, false, stamps, &mut self.batch);
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
