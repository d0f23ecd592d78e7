//! Claims about whose answer it is: forgeries, rotations, successors, and errors from the path.

use super::*;

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
