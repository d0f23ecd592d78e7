//! The portable wire on this computer's loopback: what it runs on macOS and Windows is run here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Duration;

use linewatch_core::port::{
    Arrival, Clock as _, Incoming, Outgoing, SendResult, Shot, ShotBody, TcpEnd, Wire,
};
use linewatch_core::record::Class;
use linewatch_core::target::{Address, Egress, EgressIndex, Method, UdpPayload};
use linewatch_core::time::{MonoTime, Rtt, WireTime};
use socket2::{Domain, Socket, Type};

use super::PortableWire;
use crate::clock::SystemClock;
use crate::sys::fallback::NoEcho;
use crate::sys::macos::Pings;
use crate::sys::{IcmpMode, WireOptions};

/// Longer than anything on loopback takes.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn open() -> (SystemClock, PortableWire<NoEcho>) {
    let clock = SystemClock::start();
    let (wire, _) = PortableWire::open(clock, WireOptions::default()).expect("opens anywhere");
    (clock, wire)
}

fn tcp(token: u64, to: SocketAddr, timeout: Duration) -> Shot {
    Shot {
        token: linewatch_core::port::Token(token),
        to: Address::from(to.ip()),
        egress: EgressIndex::default(),
        body: ShotBody::Tcp {
            port: to.port(),
            timeout,
        },
    }
}

fn send<W: Wire>(wire: &mut W, shots: &[Shot]) -> Vec<SendResult> {
    let outgoing = Outgoing {
        shots: shots.to_vec(),
        ..Outgoing::default()
    };
    let mut results = Vec::new();
    wire.send(&outgoing, &mut results);
    assert_eq!(results.len(), shots.len());
    results
}

/// Everything that comes until there are `count` arrivals.
fn hear<W: Wire>(wire: &mut W, clock: SystemClock, count: usize) -> Incoming {
    let (mut incoming, end_at) = (Incoming::default(), clock.mono().plus(PATIENCE));
    while incoming.arrivals.len() < count && clock.mono() < end_at {
        wire.receive(end_at, &mut incoming);
    }
    incoming
}

/// How each token's handshake ended.
fn ends(incoming: &Incoming) -> Vec<(u64, TcpEnd)> {
    let end = |arrival: &Arrival| match arrival {
        Arrival::Tcp { token, end, .. } => Some((token.0, *end)),
        _ => None,
    };
    let mut ends: Vec<_> = incoming.arrivals.iter().filter_map(end).collect();
    ends.sort_by_key(|(token, _)| *token);
    ends
}

#[test]
fn an_open_port_connects_and_a_closed_one_refuses() {
    let (clock, mut wire) = open();
    let listener = TcpListener::bind((LOOPBACK, 0)).expect("a port");
    // Bound, but not listened on: it surely refuses, and nobody else gets it.
    let closed = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    closed
        .bind(&SocketAddr::from((LOOPBACK, 0)).into())
        .expect("bound");
    let open_port = listener.local_addr().expect("an address");
    let closed_port = closed
        .local_addr()
        .expect("an address")
        .as_socket()
        .expect("of IP");
    let shots =
        [(1, open_port), (2, closed_port), (3, open_port)].map(|(token, to)| tcp(token, to, PATIENCE));
    assert!(send(&mut wire, &shots).iter().all(|sent| sent.result.is_ok()));
    let connected = TcpEnd::Connected { rtt: None };
    assert_eq!(
        ends(&hear(&mut wire, clock, 3)),
        [(1, connected), (2, TcpEnd::Refused), (3, connected)]
    );
}

#[test]
fn a_thousand_handshakes_leave_no_time_wait() {
    let (clock, mut wire) = open();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let to = listener.local_addr().expect("an address");
    for round in 0..40 {
        let shots: Vec<Shot> = (0..25)
            .map(|index| tcp(round * 25 + index, to, PATIENCE))
            .collect();
        send(&mut wire, &shots);
        let ends = ends(&hear(&mut wire, clock, 25));
        assert!(
            ends.len() == 25
                && ends
                    .iter()
                    .all(|(_, end)| matches!(end, TcpEnd::Connected { .. }))
        );
        for _ in 0..25 {
            listener.accept().expect("our own handshake");
        }
    }
    // State 06 of /proc/net/tcp is TIME_WAIT; the far port is the third field's second half.
    let table = std::fs::read_to_string("/proc/thread-self/net/tcp").expect("a table");
    let port = format!(":{:04X}", to.port());
    let waiting = table
        .lines()
        .filter(|line| line.contains(&port) && line.contains(" 06 "));
    assert_eq!(waiting.count(), 0);
    assert_eq!(wire.tcp.slots(), (25, 0), "slots are let again");
}

#[test]
fn a_handshake_that_nobody_answers_is_given_up_in_silence() {
    let (clock, mut wire) = open();
    // A full backlog drops further SYNs on loopback.
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    listener
        .bind(&SocketAddr::from((LOOPBACK, 0)).into())
        .expect("bound");
    listener.listen(0).expect("listens");
    let to = listener
        .local_addr()
        .expect("an address")
        .as_socket()
        .expect("of IP");
    let fill: Vec<Shot> = (0..4).map(|token| tcp(token, to, PATIENCE)).collect();
    // Taken by the backlog, and kept open by not being closed: std's sockets do not reset.
    let _held: Vec<_> = (0..2)
        .map(|_| std::net::TcpStream::connect_timeout(&to, Duration::from_millis(200)))
        .collect();
    let timeout = Duration::from_millis(60);
    let shots: Vec<Shot> = fill.iter().map(|shot| tcp(shot.token.0, to, timeout)).collect();
    let sent = send(&mut wire, &shots);
    assert!(sent.iter().all(|sent| sent.result.is_ok()));
    let deadline = sent[3].sent_at.plus(timeout);
    let mut incoming = Incoming::default();
    while clock.mono() <= deadline {
        wire.receive(deadline.plus(Duration::from_millis(1)), &mut incoming);
    }
    wire.receive(MonoTime::ZERO, &mut incoming);
    assert_eq!(ends(&incoming), [], "silence is the caller's to judge");
    assert_eq!(wire.tcp.slots().1, 0, "and its socket is closed");
}

#[test]
fn an_address_without_a_route_is_our_own_trouble() {
    let (_, mut wire) = open();
    // 240.0.0.0/4 and an unspecified IPv6 scope cannot be connected to from anywhere: nothing is sent.
    let nowhere = SocketAddr::from((Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1), 9));
    let errno = send(&mut wire, &[tcp(1, nowhere, PATIENCE)])[0]
        .result
        .expect_err("no scope, no way");
    assert_eq!(
        linewatch_core::errno::classify(errno).0,
        linewatch_core::record::Outcome::Unsent
    );
}

#[test]
fn a_handshake_leaves_from_the_source_asked_for_or_not_at_all() {
    let (clock, mut wire) = open();
    let listener = TcpListener::bind((LOOPBACK, 0)).expect("a port");
    let to = listener.local_addr().expect("an address");
    let mut shots = [1, 2].map(|token| tcp(token, to, PATIENCE));
    shots[0].egress = EgressIndex(1);
    shots[1].egress = EgressIndex(2);
    let source: IpAddr = [127, 0, 0, 9].into();
    let outgoing = Outgoing {
        shots: shots.to_vec(),
        egresses: vec![
            Egress {
                source: Some(source),
                ..Egress::default()
            },
            Egress {
                interface: 1,
                ..Egress::default()
            },
        ],
        ..Outgoing::default()
    };
    let mut results = Vec::new();
    wire.send(&outgoing, &mut results);
    // An interface cannot be chosen by the portable wire on Linux, where only tests run it.
    assert_eq!(
        [results[0].result, results[1].result],
        [Ok(()), Err(libc::EOPNOTSUPP)]
    );
    hear(&mut wire, clock, 1);
    assert_eq!(listener.accept().expect("our own handshake").1.ip(), source);
}

#[test]
fn a_wait_ends_when_called_for_attention() {
    let (_, mut wire) = open();
    (wire.waker())();
    wire.receive(MonoTime::MAX, &mut Incoming::default());
    let waker = wire.waker();
    let caller = std::thread::spawn(move || waker());
    wire.receive(MonoTime::MAX, &mut Incoming::default());
    caller.join().expect("no panic");
}

#[test]
fn a_system_without_icmp_still_measures_tcp_and_says_so() {
    let (wire, report) =
        PortableWire::<NoEcho>::open(SystemClock::start(), WireOptions::default()).expect("opens anywhere");
    let answer = wire
        .ability(Method::IcmpEcho, false)
        .expect_err("nothing sends ICMP");
    assert!(answer.contains("help: probe a TCP port"), "{answer}");
    assert_eq!(report.icmp_v4, Err(answer));
    assert_eq!(wire.ability(Method::TcpConnect { port: 1 }, false), Ok(Class::U));
    let udp = Method::Udp {
        port: 53,
        payload: UdpPayload::Dns,
    };
    let answer = wire.ability(udp, false).expect_err("nothing sends UDP");
    assert!(answer.contains("UDP"), "{answer}");
}

/// What macOS runs, on Linux's ping sockets where they are permitted.
#[test]
fn a_ping_over_loopback_comes_back_with_a_stamp_inside_its_bracket() {
    let clock = SystemClock::start();
    let options = WireOptions {
        icmp: IcmpMode::Ping,
        ..WireOptions::default()
    };
    let (mut wire, report) = PortableWire::<Pings>::open(clock, options).expect("opens anywhere");
    if let Err(sentence) = report.icmp_v4 {
        // `net.ipv4.ping_group_range` is the computer's; the sentence is what a person then reads.
        assert!(sentence.contains("ping_group_range"), "{sentence}");
        return;
    }
    assert_eq!(wire.ability(Method::IcmpEcho, false), Ok(Class::H));
    let mut outgoing = Outgoing::default();
    let cookie = linewatch_core::packet::cookie::Cookie::new(
        &linewatch_core::packet::cookie::CookieKey::new([1; 16]),
        7,
        9,
        LOOPBACK,
        0x1234,
    );
    linewatch_core::packet::icmp::encode_request(false, 0x1234, 42, cookie, 56, &mut outgoing.bytes);
    outgoing.shots.push(Shot {
        token: linewatch_core::port::Token(1),
        to: Address::from(LOOPBACK),
        egress: EgressIndex::default(),
        body: ShotBody::Icmp {
            start: 0,
            len: outgoing.bytes.len() as u16,
        },
    });
    let (before, mut results) = (clock.anchor(), Vec::new());
    wire.send(&outgoing, &mut results);
    assert_eq!(results[0].result, Ok(()));
    let incoming = hear(&mut wire, clock, 1);
    let Arrival::Icmp {
        from,
        stamp,
        start,
        len,
        ..
    } = incoming.arrivals[0]
    else {
        panic!("{:?}", incoming.arrivals);
    };
    let reply = &incoming.bytes[start as usize..][..usize::from(len)];
    let decoded = linewatch_core::packet::icmp::decode(false, reply);
    let Ok(linewatch_core::packet::icmp::Message::Reply(echo)) = decoded else {
        panic!("{decoded:?}");
    };
    assert_eq!((from.ip, echo.sequence, echo.payload.len()), (LOOPBACK, 42, 56));
    // Stamps have microseconds: one may seem to lie just before the send.
    let sent = WireTime::from_nanos(before.wall.as_nanos() - 1000);
    let rtt = Rtt::between(sent, stamp.expect("a kernel stamp")).expect("received after it was sent");
    assert!(rtt.as_nanos() < PATIENCE.as_nanos() as u64, "{rtt:?}");
}
