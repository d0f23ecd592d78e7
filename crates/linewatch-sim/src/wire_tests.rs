//! The network through its door, as the engine sees it.

use std::time::Duration;

use linewatch_core::port::{Arrival, Clock, Shot, TcpEnd, Token};
use linewatch_core::target::{Address, EgressIndex};
use linewatch_core::time::{Anchor, Rtt, WallTime};

use super::*;
use crate::clock::{Paced, SimClock};
use crate::scenario::{Scenario, address_of};

const REQUEST: [u8; 12] = [8, 0, 0, 0, 0x12, 0x34, 0, 7, b'w', b'o', b'r', b'd'];
const MS: Duration = Duration::from_millis(1);

fn story(net: &str) -> Scenario {
    let text = format!("target gw 192.0.2.1 icmp every 1s timeout 1s\n{net}");
    Scenario::parse(&text).expect("a right story")
}

fn address(story: &Scenario) -> Address {
    address_of(&story.targets[0]).expect("a literal address")
}

fn echo(to: Address) -> Outgoing {
    let body = ShotBody::Icmp {
        start: 0,
        len: REQUEST.len() as u16,
    };
    Outgoing {
        shots: vec![Shot {
            token: Token(9),
            to,
            egress: EgressIndex::default(),
            body,
        }],
        bytes: REQUEST.to_vec(),
        egresses: Vec::new(),
    }
}

fn tcp(to: Address, timeout: Duration) -> Outgoing {
    let body = ShotBody::Tcp { port: 443, timeout };
    Outgoing {
        shots: vec![Shot {
            token: Token(9),
            to,
            egress: EgressIndex::default(),
            body,
        }],
        bytes: Vec::new(),
        egresses: Vec::new(),
    }
}

fn at(length: Duration) -> MonoTime {
    MonoTime::ZERO.plus(length)
}

/// Sends one probe at 0 and tells what has come until `until`, and what time it was then.
fn run(
    net: &str,
    shot: impl Fn(Address) -> Outgoing,
    until: Duration,
) -> (Incoming, MonoTime, Result<(), i32>) {
    let story = story(net);
    let clock = SimClock::new(WallTime::from_nanos(1_000_000_000), story.clock.clone());
    let mut wire = SimWire::open(&story.network(true), clock.clone());
    let (mut results, mut incoming) = (Vec::new(), Incoming::default());
    wire.send(&shot(address(&story)), &mut results);
    wire.receive(at(until), &mut incoming);
    (incoming, clock.mono(), results[0].result)
}

#[test]
fn a_reply_moves_the_clock_to_its_arrival_and_carries_both_stamps() {
    let (incoming, now, _) = run("net rtt 12ms", echo, MS * 500);
    assert_eq!(now, at(MS * 12));
    let [
        Arrival::Transmitted {
            token: Token(9),
            stamp: sent,
        },
        Arrival::Icmp {
            stamp: Some(received),
            len: 12,
            ..
        },
    ] = incoming.arrivals[..]
    else {
        panic!("{incoming:?}")
    };
    assert_eq!(Rtt::between(sent, received), Ok(Rtt::from_nanos(12_000_000)));
}

#[test]
fn silence_moves_the_clock_to_the_end_of_the_wait() {
    let (incoming, now, _) = run("stamps none\nnet down", echo, MS * 500);
    assert_eq!((incoming.arrivals.len(), now), (0, at(MS * 500)));
}

#[test]
fn a_busy_computer_reads_later_than_its_kernel() {
    let (incoming, now, _) = run("stamps receive\nnet rtt 10ms host 3ms", echo, MS * 500);
    let [
        Arrival::Icmp {
            stamp: Some(stamp),
            at: read_at,
            ..
        },
    ] = incoming.arrivals[..]
    else {
        panic!("{incoming:?}")
    };
    assert_eq!(
        (stamp.as_nanos(), read_at, now),
        (1_010_000_000, at(MS * 13), at(MS * 13))
    );
}

#[test]
fn a_stall_returns_late_with_everything_that_came_meanwhile() {
    let (incoming, now, _) = run("net rtt 10ms\nat 5ms stall 3s", echo, MS * 500);
    assert_eq!((incoming.arrivals.len(), now), (2, at(MS * 3005)));
}

#[test]
fn an_error_of_the_path_quotes_our_message() {
    let (incoming, ..) = run("net unreachable host from 192.0.2.254", echo, MS * 500);
    let Some(Arrival::IcmpError {
        kind: 3,
        code: 1,
        start,
        len,
        reporter,
        ..
    }) = incoming.arrivals.last().copied()
    else {
        panic!("{incoming:?}")
    };
    assert_eq!(incoming.bytes[start as usize..][..usize::from(len)], REQUEST);
    assert_eq!(
        reporter.map(|reporter| reporter.ip.to_string()).as_deref(),
        Some("192.0.2.254")
    );
}

#[test]
fn a_refused_send_gives_its_errno_and_nothing_comes() {
    let (incoming, _, result) = run("net error ENOBUFS", echo, MS * 500);
    assert_eq!((result, incoming.arrivals.len()), (Err(105), 0));
}

#[test]
fn a_drop_is_reported_with_the_next_packet_that_fits() {
    let story = story("stamps none\nnet rtt 1ms overflow 100%\nat 10ms net overflow 0%");
    let clock = SimClock::new(WallTime::from_nanos(0), story.clock.clone());
    let network = story.network(true);
    let mut wire = SimWire::open(&network, clock.clone());
    let (mut results, mut incoming) = (Vec::new(), Incoming::default());
    wire.send(&echo(address(&story)), &mut results);
    wire.receive(at(MS * 20), &mut incoming);
    assert_eq!(incoming.arrivals, []);
    wire.send(&echo(address(&story)), &mut results);
    wire.receive(at(MS * 40), &mut incoming);
    assert!(
        matches!(
            incoming.arrivals[..],
            [Arrival::Overflow { dropped: 1 }, Arrival::Icmp { .. }]
        ),
        "{incoming:?}"
    );
    assert_eq!(network.overflow_reports()[0].to, at(MS * 21));
}

#[track_caller]
fn check_tcp(net: &str, timeout: Duration, expected: Option<TcpEnd>) {
    let (incoming, ..) = run(net, |to| tcp(to, timeout), MS * 5_000);
    let end = incoming.arrivals.first().map(|arrival| match arrival {
        Arrival::Tcp { end, .. } => *end,
        other => panic!("{other:?}"),
    });
    assert_eq!(end, expected, "{net}");
}

#[test]
fn tcp_ends_as_the_kernel_would_end_it() {
    let rtt = Some(Rtt::from_nanos(7_000_000));
    check_tcp("net rtt 7ms", MS * 900, Some(TcpEnd::Connected { rtt }));
    check_tcp(
        "stamps none\nnet rtt 7ms",
        MS * 900,
        Some(TcpEnd::Connected { rtt: None }),
    );
    check_tcp("net refused", MS * 900, Some(TcpEnd::Refused));
    check_tcp(
        "net unreachable prohibited",
        MS * 900,
        Some(TcpEnd::Failed { errno: 113 }),
    );
    check_tcp("net down", MS * 900, None);
    check_tcp("net rtt 950ms", MS * 900, None);
}

#[test]
fn a_raw_socket_hears_the_replies_to_its_neighbour() {
    let story = story("stamps none\nnet rtt 5ms");
    let clock = SimClock::new(WallTime::from_nanos(0), story.clock.clone());
    let network = story.network(true);
    let (mut one, mut other) = (
        SimWire::open(&network, clock.clone()),
        SimWire::open(&network, clock.clone()),
    );
    let (mut results, mut incoming) = (Vec::new(), Incoming::default());
    one.send(&echo(address(&story)), &mut results);
    one.receive(at(MS * 50), &mut incoming);
    assert_eq!(
        clock.mono(),
        MonoTime::ZERO,
        "the other has not said how long it can wait"
    );
    other.receive(at(MS * 3), &mut incoming);
    one.receive(at(MS * 50), &mut incoming);
    assert_eq!(
        (clock.mono(), incoming.arrivals.len()),
        (at(MS * 3), 0),
        "nobody's deadline is passed over"
    );
    other.receive(at(MS * 50), &mut incoming);
    assert_eq!((clock.mono(), incoming.arrivals.len()), (at(MS * 5), 1));
}

#[test]
fn a_wire_that_is_gone_holds_nobody_up() {
    let story = story("stamps none\nnet rtt 5ms");
    let clock = SimClock::new(WallTime::from_nanos(0), story.clock.clone());
    let network = story.network(true);
    let (mut one, other) = (
        SimWire::open(&network, clock.clone()),
        SimWire::open(&network, clock.clone()),
    );
    drop(other);
    let (mut results, mut incoming) = (Vec::new(), Incoming::default());
    one.send(&echo(address(&story)), &mut results);
    one.receive(at(MS * 50), &mut incoming);
    one.receive(at(MS * 50), &mut incoming);
    assert_eq!((clock.mono(), incoming.arrivals.len()), (at(MS * 50), 1));
}

/// A clock that really runs.
struct Real(std::time::Instant);

impl Clock for Real {
    fn mono(&self) -> MonoTime {
        MonoTime::ZERO.plus(self.0.elapsed())
    }

    fn wall(&self) -> WallTime {
        WallTime::from_nanos(self.mono().as_nanos() as i64)
    }

    fn asleep(&self) -> Duration {
        Duration::ZERO
    }

    fn anchor(&self) -> Anchor {
        let mono = self.mono();
        Anchor {
            mono,
            wall: WallTime::from_nanos(mono.as_nanos() as i64),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the paced network is tested with a clock that really runs"
)]
fn real_clock() -> Real {
    Real(std::time::Instant::now())
}

#[test]
fn a_paced_network_waits_really_until_the_reply_is_there() {
    let story = story("stamps none\nnet rtt 4ms");
    let mut wire = SimWire::open(&story.network(false), Paced::new(real_clock(), 1.0));
    let (mut results, mut incoming) = (Vec::new(), Incoming::default());
    wire.send(&echo(address(&story)), &mut results);
    wire.receive(results[0].sent_at.plus(Duration::from_secs(60)), &mut incoming);
    let [Arrival::Icmp { at: read_at, .. }] = incoming.arrivals[..] else {
        panic!("{incoming:?}")
    };
    let delay = read_at.since(results[0].sent_at);
    assert!(delay >= MS * 4 && delay < Duration::from_secs(30), "{delay:?}");
}

#[test]
fn a_paced_wait_ends_when_another_thread_calls() {
    let story = story("net down");
    let mut wire = SimWire::open(&story.network(false), Paced::new(real_clock(), 1.0));
    let waker = wire.waker();
    let caller = std::thread::spawn(move || waker());
    wire.receive(MonoTime::MAX, &mut Incoming::default());
    caller.join().expect("the caller only calls");
}
