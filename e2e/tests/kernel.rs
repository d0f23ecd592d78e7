//! The wire against the real kernel: stamps, keys, errors and sockets, through a TUN device.

#![expect(clippy::print_stdout, reason = "what was measured is worth reading")]

mod rig;

use std::time::Duration;

use anyhow::{Context as _, ensure};
use linewatch_core::port::{Arrival, Clock as _, Incoming, TcpEnd, Token, Wire as _};
use linewatch_core::time::MonoTime;
use linewatch_e2e::namespace;
use linewatch_e2e::packet::{Answer, echo_request};
use linewatch_e2e::responder::{DEVICE, Responder};
use linewatch_probe::clock::SystemClock;
use linewatch_probe::sys::{IcmpMode, LinuxWire, StampKeys, WireOptions};

use self::rig::{FAR_V4, FAR_V6, Rig, ms};

const ENETUNREACH: i32 = 101;
const EHOSTUNREACH: i32 = 113;
const EPERM: i32 = 1;

/// Kernel stamps lie this close to the tap's, which is a few function calls away.
const STAMP_ERROR_NS: i64 = 50_000;

/// Probes `far` 50 times through one kind of socket and compares every RTT to the tap's truth.
fn check_stamps(name: &'static str, icmp: IcmpMode, far: &'static str) {
    namespace::run(name, move || {
        let line = Responder::start(|_, _| vec![(ms(20), Answer::Right)])?;
        let mut rig = Rig::open(WireOptions {
            icmp,
            ..WireOptions::default()
        })?;
        for seq in 0..50 {
            ensure!(rig.echo(far, seq)?.is_ok(), "send {seq} failed");
            rig.receive_for(ms(5));
        }
        rig.receive_for(ms(60));
        let truth = line.exchanges()?;
        ensure!(truth.len() == 50, "{} requests on the line", truth.len());
        let mut errors = Vec::new();
        for (seq, exchange) in truth.iter().enumerate() {
            let rtt_ns = rig.rtt_ns(seq as u16)?;
            errors.push((rtt_ns - exchange.delay_ns().context("unanswered")?).abs());
        }
        errors.sort_unstable();
        println!(
            "{name}: error median {} ns, p90 {} ns, max {} ns",
            errors[25], errors[45], errors[49]
        );
        ensure!(errors[45] <= STAMP_ERROR_NS, "RTT errors of {errors:?} ns");
        Ok(())
    });
}

#[test]
fn raw_v4_stamps_are_the_truth() {
    check_stamps("raw v4", IcmpMode::Raw, FAR_V4);
}

#[test]
fn raw_v6_stamps_are_the_truth() {
    check_stamps("raw v6", IcmpMode::Raw, FAR_V6);
}

#[test]
fn ping_v4_stamps_are_the_truth() {
    check_stamps("ping v4", IcmpMode::Ping, FAR_V4);
}

#[test]
fn ping_v6_stamps_are_the_truth() {
    check_stamps("ping v6", IcmpMode::Ping, FAR_V6);
}

/// Sends good probes with failing ones in between, of both sorts: refused by routing, before the kernel counts
/// the packet, and by the firewall, after. Every stamp must still be its own probe's.
fn check_keys(name: &'static str, icmp: IcmpMode, stamp_keys: StampKeys) {
    namespace::run(name, move || {
        let line = Responder::start(|_, _| vec![(ms(3), Answer::Right)])?;
        namespace::tool("nft", &["add table inet t"])?;
        namespace::tool(
            "nft",
            &["add chain inet t out { type filter hook output priority 0; }"],
        )?;
        namespace::tool("nft", &["add rule inet t out ip daddr 10.9.0.66 drop"])?;
        let mut rig = Rig::open(WireOptions { icmp, stamp_keys })?;
        let has_keys = rig
            .report
            .icmp_v4
            .as_ref()
            .is_ok_and(|report| report.has_explicit_keys);
        ensure!(
            !(has_keys && stamp_keys == StampKeys::Counted),
            "counted keys were asked for"
        );
        let mut good = Vec::new();
        for round in 0..20 {
            let tos = [FAR_V4, "192.0.2.1", FAR_V4, "10.9.0.66", "10.9.0.66", FAR_V4];
            let results = rig.echoes(&tos, round * 6)?;
            let errors: Vec<i32> = results.iter().filter_map(|result| result.err()).collect();
            ensure!(
                errors == [ENETUNREACH, EPERM, EPERM],
                "round {round}: {results:?}"
            );
            good.extend([round * 6, round * 6 + 2, round * 6 + 5]);
            rig.receive_for(ms(5));
        }
        rig.receive_for(ms(20));
        let truth = line.exchanges()?;
        ensure!(truth.len() == good.len(), "{} requests on the line", truth.len());
        for (seq, exchange) in good.iter().zip(&truth) {
            ensure!(
                exchange.key.seq == *seq,
                "the line saw {:?} where {seq} was sent",
                exchange.key
            );
            let error_ns = rig.stamp_ns(*seq).context("no stamp")? - exchange.asked_at_ns;
            // A wrong credit would be off by at least one packet; those of one batch are microseconds apart.
            ensure!(
                (0..STAMP_ERROR_NS).contains(&error_ns),
                "probe {seq}: stamp {error_ns} ns off"
            );
            rig.rtt_ns(*seq)?;
        }
        Ok(())
    });
}

#[test]
fn a_refused_send_shifts_no_explicit_key_of_a_raw_socket() {
    check_keys("explicit raw", IcmpMode::Raw, StampKeys::Auto);
}

#[test]
fn a_refused_send_shifts_no_explicit_key_of_a_ping_socket() {
    check_keys("explicit ping", IcmpMode::Ping, StampKeys::Auto);
}

#[test]
fn a_refused_send_shifts_no_counted_key_of_a_raw_socket() {
    check_keys("counted raw", IcmpMode::Raw, StampKeys::Counted);
}

#[test]
fn a_refused_send_shifts_no_counted_key_of_a_ping_socket() {
    check_keys("counted ping", IcmpMode::Ping, StampKeys::Counted);
}

/// Probe 0 is answered by an ICMP error, which is then pending on the socket when probe 1 is sent elsewhere.
fn check_pending(name: &'static str, dead: &'static str, far: &'static str, kind: u8, code: u8) {
    namespace::run(name, move || {
        let is_v6 = far.contains(':');
        let line = Responder::start(move |_, packet| {
            let is_dead = packet.to.to_string() == dead;
            let answer = if is_dead {
                Answer::Error { kind, code }
            } else {
                Answer::Right
            };
            vec![(ms(1), answer)]
        })?;
        let mut rig = Rig::open(WireOptions {
            icmp: IcmpMode::Ping,
            ..WireOptions::default()
        })?;
        ensure!(rig.echo(dead, 0)?.is_ok(), "the first send failed");
        line.wait_until(|seen| seen.first().is_some_and(|first| !first.answers.is_empty()))?;
        let result = rig.echo(far, 1)?;
        ensure!(
            result.is_ok(),
            "the send to {far} failed with {result:?} of the probe to {dead}"
        );
        rig.receive_for(ms(30));
        rig.rtt_ns(1)?;
        let (to, found_kind, found_code, quoted) = rig.icmp_error().context("the error was swallowed")?;
        ensure!(
            to == dead && (found_kind, found_code) == (kind, code),
            "{to} {found_kind} {found_code}"
        );
        let sent = echo_request(is_v6, 0, 0, &[]);
        ensure!(
            quoted[0] == sent[0] && quoted[6..8] == [0, 0],
            "not our message: {quoted:?}"
        );
        Ok(())
    });
}

#[test]
fn a_pending_v4_error_is_not_booked_on_the_next_send() {
    check_pending("pending v4", "10.9.0.3", FAR_V4, 3, 1);
}

#[test]
fn a_pending_v6_error_is_not_booked_on_the_next_send() {
    check_pending("pending v6", "2001:db8:9::3", FAR_V6, 1, 3);
}

#[test]
fn a_raw_socket_hands_on_the_error_of_a_router() {
    namespace::run("raw error", || {
        let _line = Responder::start(|_, _| vec![(ms(1), Answer::Error { kind: 3, code: 13 })])?;
        let mut rig = Rig::open(WireOptions {
            icmp: IcmpMode::Raw,
            ..WireOptions::default()
        })?;
        ensure!(rig.echo(FAR_V4, 7)?.is_ok(), "send failed");
        rig.receive_for(ms(20));
        let (from, message) = rig.icmp_messages().pop().context("nothing came")?;
        ensure!(
            from == "10.9.0.254" && message[..2] == [3, 13],
            "{from}: {message:?}"
        );
        ensure!(
            message[8 + 20 + 6..8 + 20 + 8] == [0, 7],
            "the quote is not ours: {message:?}"
        );
        Ok(())
    });
}

#[test]
fn no_route_is_the_answer_of_the_send() {
    namespace::run("no route", || {
        for icmp in [IcmpMode::Raw, IcmpMode::Ping] {
            let mut rig = Rig::open(WireOptions {
                icmp,
                ..WireOptions::default()
            })?;
            for far in ["192.0.2.1", "2001:db8::1"] {
                let result = rig.echo(far, 0)?;
                ensure!(result == Err(ENETUNREACH), "{icmp:?} to {far}: {result:?}");
                let result = rig.connect(far, 443, ms(100), 1)?;
                ensure!(result == Err(ENETUNREACH), "TCP to {far}: {result:?}");
            }
        }
        Ok(())
    });
}

#[test]
fn without_permission_there_is_no_icmp_but_a_sentence() {
    namespace::run("no icmp", || {
        let rig = Rig::open(WireOptions {
            icmp: IcmpMode::None,
            ..WireOptions::default()
        })?;
        ensure!(
            rig.report.icmp_v4.is_err() && rig.report.icmp_v6.is_err(),
            "{:?}",
            rig.report
        );
        namespace::sysctl("net.ipv4.ping_group_range", "1 0")?;
        let wire = linewatch_probe::sys::LinuxWire::open(
            linewatch_probe::clock::SystemClock::start(),
            WireOptions {
                icmp: IcmpMode::Ping,
                ..WireOptions::default()
            },
        )?;
        let sentence = wire.1.icmp_v4.err().context("a ping socket without permission")?;
        ensure!(
            sentence.contains("permission denied") && sentence.contains("setcap"),
            "{sentence}"
        );
        Ok(())
    });
}

/// A neighbour that is not there: this computer says so itself, by ICMP from its own address.
#[test]
fn a_silent_neighbour_is_reported_for_every_kind_of_probe() {
    namespace::run("neighbour", || {
        namespace::ip("link add near0 type veth peer name near1")?;
        for device in ["near0", "near1"] {
            namespace::ip(&format!("link set {device} up"))?;
        }
        namespace::ip("address add 10.8.0.1/24 dev near0")?;
        // Three questions 50 ms apart instead of a second.
        namespace::sysctl("net.ipv4.neigh.near0.retrans_time_ms", "50")?;
        let mut raw = Rig::open(WireOptions {
            icmp: IcmpMode::Raw,
            ..WireOptions::default()
        })?;
        let mut ping = Rig::open(WireOptions {
            icmp: IcmpMode::Ping,
            ..WireOptions::default()
        })?;
        let sent = [raw.echo("10.8.0.2", 1)?, ping.echo("10.8.0.2", 2)?];
        ensure!(sent == [Ok(()), Ok(())], "{sent:?}");
        ensure!(
            raw.connect("10.8.0.2", 443, ms(2000), 3)? == Ok(()),
            "connect failed"
        );
        raw.receive_tcp(1)?;
        raw.receive_for(ms(20));
        ping.receive_for(ms(20));
        let failed = |arrival: &Arrival| {
            matches!(
                arrival,
                Arrival::Tcp {
                    token: Token(3),
                    end: TcpEnd::Failed { errno: EHOSTUNREACH },
                    ..
                }
            )
        };
        ensure!(raw.arrivals.iter().any(failed), "TCP: {:?}", raw.arrivals);
        let quotes_probe_1 = |(from, message): &(String, &[u8])| {
            from == "10.8.0.1"
                && message[..2] == [3, 1]
                && message.get(28..36).is_some_and(|echo| echo[7] == 1)
        };
        ensure!(
            raw.icmp_messages().iter().any(quotes_probe_1),
            "raw: {:?}",
            raw.icmp_messages()
        );
        let (to, kind, code, quoted) = ping.icmp_error().context("nothing on the error queue")?;
        ensure!(
            to == "10.8.0.2" && (kind, code) == (3, 1) && quoted[7] == 2,
            "ping: {to} {kind} {code}"
        );
        Ok(())
    });
}

/// The one state that could freeze the whole computer.
#[test]
fn a_realtime_thread_that_never_pauses_is_made_ordinary() {
    namespace::run("watchdog", || {
        let scheduling = linewatch_probe::privilege::realtime();
        ensure!(
            scheduling.is_realtime,
            "root may not be real-time: {}",
            scheduling.text
        );
        ensure!(rig::scheduling_policy()? == rig::SCHED_FIFO, "not SCHED_FIFO");
        let clock = SystemClock::start();
        while !linewatch_probe::privilege::was_demoted() {
            ensure!(
                clock.mono() < MonoTime::ZERO.plus(ms(5000)),
                "it ran for 5 s without a pause"
            );
        }
        ensure!(rig::scheduling_policy()? == rig::SCHED_OTHER, "still real-time");
        Ok(())
    });
}

#[test]
fn a_wait_ends_at_its_moment_or_by_a_call() {
    namespace::run("wait", || {
        let clock = SystemClock::start();
        let (mut wire, _) = LinuxWire::open(clock, WireOptions::default())?;
        let mut incoming = Incoming::default();
        let mut late_ns: Vec<u128> = Vec::new();
        for _ in 0..100 {
            let until = clock.mono().plus(ms(2));
            wire.receive(until, &mut incoming);
            let now = clock.mono();
            ensure!(now >= until, "{:?} early", until.since(now));
            late_ns.push(now.since(until).as_nanos());
        }
        late_ns.sort_unstable();
        println!(
            "wait: late by {} ns at the median, {} ns at p90",
            late_ns[50], late_ns[90]
        );
        // Ordinary priority on a shared computer: the median tells a sharp timer from one with slack (>= 1 ms).
        ensure!(late_ns[50] < 1_000_000, "{late_ns:?}");
        let waker = wire.waker();
        std::thread::spawn(move || waker());
        wire.receive(MonoTime::MAX, &mut incoming);
        ensure!(incoming.arrivals.is_empty() && !incoming.has_more, "{incoming:?}");
        Ok(())
    });
}

#[test]
fn the_gateways_are_those_of_the_route_table() {
    namespace::run("gateways", || {
        let none = linewatch_probe::route::default_gateways();
        ensure!(none == linewatch_probe::route::Gateways::default(), "{none:?}");
        let _line = Responder::start(|_, _| vec![])?;
        namespace::ip("route add default via 10.9.0.254")?;
        namespace::ip(&format!("-6 route add default via fe80::1 dev {DEVICE}"))?;
        let found = linewatch_probe::route::default_gateways();
        ensure!(found.has_v4_route && found.has_v6_route, "{found:?}");
        ensure!(
            found
                .v4
                .is_some_and(|gateway| gateway.ip.to_string() == "10.9.0.254"),
            "{found:?}"
        );
        let scope = linewatch_probe::route::interface_index(DEVICE).context("no index")?;
        let v6 = found.v6.context("no IPv6 gateway")?;
        ensure!(
            v6.ip.to_string() == "fe80::1" && v6.scope == scope,
            "{v6:?} on interface {scope}"
        );
        Ok(())
    });
}

/// Connects to `far` where the line answers a SYN by the script; gives how the attempt ended.
fn connect_once(
    far: &str,
    timeout: Duration,
    script: impl FnMut(u64, &linewatch_e2e::packet::Packet) -> Vec<(Duration, Answer)> + Send + 'static,
) -> anyhow::Result<(Option<TcpEnd>, Vec<linewatch_e2e::responder::Exchange>)> {
    let line = Responder::start(script)?;
    let mut rig = Rig::open(WireOptions::default())?;
    let result = rig.connect(far, 443, timeout, 5)?;
    ensure!(result.is_ok(), "{result:?}");
    rig.receive_for(timeout + ms(20));
    let ends = rig.arrivals.iter().filter_map(|arrival| match *arrival {
        Arrival::Tcp {
            token: Token(5), end, ..
        } => Some(end),
        _ => None,
    });
    let ends: Vec<TcpEnd> = ends.collect();
    ensure!(
        ends.len() <= 1,
        "one attempt ended {} times: {ends:?}",
        ends.len()
    );
    Ok((ends.first().copied(), line.exchanges()?))
}

#[test]
fn the_rtt_of_a_handshake_is_the_truth() {
    for far in [FAR_V4, FAR_V6] {
        namespace::run("tcp", move || {
            let (end, truth) = connect_once(far, ms(200), |_, _| vec![(ms(20), Answer::Right)])?;
            let Some(TcpEnd::Connected { rtt: Some(rtt) }) = end else {
                anyhow::bail!("{far}: {end:?}");
            };
            let truth_ns = truth[0].delay_ns().context("unanswered")?;
            let error_ns = rtt.as_nanos() as i64 - truth_ns;
            println!("tcp {far}: error {error_ns} ns");
            ensure!(
                error_ns.abs() < 200_000,
                "{far}: {error_ns} ns beside {truth_ns} ns"
            );
            Ok(())
        });
    }
}

#[test]
fn a_reset_is_a_refusal_and_a_firewall_is_not() {
    namespace::run("refused", || {
        let (end, _) = connect_once(FAR_V4, ms(200), |_, _| vec![(ms(5), Answer::Reset)])?;
        ensure!(end == Some(TcpEnd::Refused), "{end:?}");
        Ok(())
    });
    for (far, kind, code) in [
        (FAR_V4, 3, 3),
        (FAR_V4, 3, 13),
        (FAR_V4, 3, 0),
        (FAR_V6, 1, 4),
        (FAR_V6, 1, 0),
    ] {
        namespace::run("rejected", move || {
            let (end, _) = connect_once(far, ms(200), move |_, _| {
                vec![(ms(5), Answer::Error { kind, code })]
            })?;
            let expected = Some(TcpEnd::Failed { errno: EHOSTUNREACH });
            ensure!(end == expected, "{far}, ICMP type {kind} code {code}: {end:?}");
            Ok(())
        });
    }
}

#[test]
fn a_handshake_whose_syn_was_sent_twice_has_no_rtt() {
    namespace::run("retransmitted", || {
        let answer_second = |index, _: &_| {
            if index == 0 {
                vec![]
            } else {
                vec![(ms(5), Answer::Right)]
            }
        };
        let (end, truth) = connect_once(FAR_V4, ms(2500), answer_second)?;
        ensure!(
            end == Some(TcpEnd::Retransmitted),
            "{end:?} after {} SYNs",
            truth.len()
        );
        Ok(())
    });
}

#[test]
fn silence_is_not_reported_and_its_socket_is_closed() {
    namespace::run("silence", || {
        let before = rig::open_sockets()?;
        let line = Responder::start(|_, _| vec![])?;
        let with_line = rig::open_sockets()?;
        let mut rig = Rig::open(WireOptions::default())?;
        let idle = rig::open_sockets()?;
        for token in 0..20 {
            ensure!(
                rig.connect(FAR_V4, 443, ms(50), token)?.is_ok(),
                "connect {token} failed"
            );
        }
        ensure!(
            rig::open_sockets()? == idle + 20,
            "{} sockets",
            rig::open_sockets()?
        );
        rig.receive_for(ms(80));
        ensure!(rig.arrivals.is_empty(), "{:?}", rig.arrivals);
        ensure!(
            rig::open_sockets()? == idle,
            "{} sockets stay open",
            rig::open_sockets()? - idle
        );
        drop(rig);
        ensure!(rig::open_sockets()? == with_line, "a closed wire leaves sockets");
        drop(line);
        ensure!(rig::open_sockets()? == before, "a closed line leaves sockets");
        Ok(())
    });
}

#[test]
fn two_thousand_handshakes_leave_nothing_behind() {
    namespace::run("time-wait", || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        listener.set_nonblocking(true)?;
        let mut rig = Rig::open(WireOptions::default())?;
        let idle = rig::open_sockets()?;
        for batch in 0..40 {
            for index in 0..50 {
                let result = rig.connect("127.0.0.1", port, ms(1000), batch * 50 + index)?;
                ensure!(result.is_ok(), "connect {batch}.{index}: {result:?}");
            }
            rig.receive_tcp(50 * (batch as usize + 1))?;
            while listener.accept().is_ok() {}
        }
        let connected = |arrival: &&Arrival| {
            matches!(
                arrival,
                Arrival::Tcp {
                    end: TcpEnd::Connected { .. },
                    ..
                }
            )
        };
        let count = rig.arrivals.iter().filter(connected).count();
        ensure!(count == 2000, "{count} of 2000 connected");
        ensure!(
            rig::open_sockets()? == idle,
            "{} sockets stay open",
            rig::open_sockets()? - idle
        );
        let waiting = rig::time_waits()?;
        ensure!(waiting == 0, "{waiting} sockets in TIME_WAIT");
        Ok(())
    });
}

#[test]
fn an_overflow_is_reported_and_a_long_drain_says_so() {
    namespace::run("overflow", || {
        let mut rig = Rig::open(WireOptions {
            icmp: IcmpMode::Raw,
            ..WireOptions::default()
        })?;
        let buffer_bytes = rig
            .report
            .icmp_v4
            .as_ref()
            .map_or(0, |report| report.receive_buffer_bytes);
        // A small packet takes at least 768 bytes of kernel memory: this many do not fit.
        let count = buffer_bytes / 768 + 10_000;
        let tos = ["127.0.0.1"; 100];
        for _ in 0..count / tos.len() {
            let results = rig.echoes(&tos, 0)?;
            ensure!(results.iter().all(Result::is_ok), "{results:?}");
        }
        let first = rig.receive_once();
        ensure!(
            first.has_more,
            "a first drain of {} arrivals was the last",
            first.arrivals
        );
        rig.receive_for(ms(50));
        let replies = rig.icmp_messages().len();
        let dropped: u32 = rig.dropped();
        let sent = count / tos.len() * tos.len();
        ensure!(replies < sent, "nothing was dropped of {sent}");
        // The kernel may count a packet twice, but it forgets none.
        ensure!(
            replies + dropped as usize >= sent,
            "{replies} read + {dropped} dropped of {sent}"
        );
        Ok(())
    });
}
