//! Claims about stamps, doubt and room.

use super::*;

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
    bench.in_flight.slept(anchor(), ms(10));
    bench.reply(0, 40);
    assert_eq!(bench.outcomes(), [(0, Outcome::Unmeasured)]);
}

/// Sent at 0 without a transmit stamp, then an hour of sleep; `received` is the kernel's stamp in the calendar of
/// before it, read at 40 ms.
#[track_caller]
fn check_over_a_sleep(sleeps: u32, received: Duration, expected: Outcome) {
    let mut bench = Bench::new(1000);
    bench.send(0, 0);
    let mut calendar = anchor();
    for _ in 0..sleeps {
        bench.in_flight.slept(calendar, ms(10));
        calendar.wall = calendar.wall.plus(Duration::from_secs(3600));
    }
    let received = wire(MonoTime::ZERO.plus(received));
    bench.reply_read(0, Some(received), ms(40), calendar);
    assert_eq!(bench.outcomes(), [(0, expected)]);
}

#[test]
fn a_reply_that_came_before_a_sleep_is_a_reply_by_its_stamp() {
    check_over_a_sleep(1, Duration::from_millis(5), Outcome::Reply);
    check_over_a_sleep(1, Duration::from_secs(3600), Outcome::Unmeasured);
    // With a second sleep the calendar of the first is forgotten, and nothing is guessed.
    check_over_a_sleep(2, Duration::from_millis(5), Outcome::Unmeasured);
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
