//! ICMP sockets of both kinds and families.

use anyhow::{Context as _, ensure};
use linewatch_core::port::{Arrival, TcpEnd, Token};
use linewatch_e2e::namespace;
use linewatch_e2e::packet::{Answer, echo_request};
use linewatch_e2e::responder::Responder;
use linewatch_probe::clock::SystemClock;
use linewatch_probe::sys::{IcmpMode, LinuxWire, StampKeys, WireOptions};

use crate::rig::{EHOSTUNREACH, FAR_V4, FAR_V6, Rig, ms};

const ENETUNREACH: i32 = 101;
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
            // The tap sees a packet before the kernel stamps it: an earlier stamp is another packet's.
            let stamp_ns = rig
                .stamp_ns(seq as u16)
                .with_context(|| format!("no stamp of probe {seq}"))?;
            ensure!(
                stamp_ns >= exchange.asked_at_ns,
                "probe {seq} was stamped before it was sent: {exchange:?}"
            );
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
        for (index, (seq, exchange)) in good.iter().zip(&truth).enumerate() {
            ensure!(
                exchange.key.seq == *seq,
                "the line saw {:?} where {seq} was sent",
                exchange.key
            );
            let stamp_ns = rig
                .stamp_ns(*seq)
                .with_context(|| format!("no stamp of probe {seq}"))?;
            // The kernel stamps a packet after the tap has seen it and before the tap sees the next one. That holds
            // for its own stamp alone, however busy the computer is.
            let next_ns = truth.get(index + 1).map_or(i64::MAX, |next| next.asked_at_ns);
            let is_own = exchange.asked_at_ns <= stamp_ns && stamp_ns <= next_ns;
            ensure!(
                is_own,
                "probe {seq} has the stamp of another: {stamp_ns} for {exchange:?}"
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
        let options = WireOptions {
            icmp: IcmpMode::Ping,
            ..WireOptions::default()
        };
        let (_wire, report) = LinuxWire::open(SystemClock::start(), options)?;
        let sentence = report.icmp_v4.err().context("a ping socket without permission")?;
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
