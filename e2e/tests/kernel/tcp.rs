//! TCP handshakes: how they end, what they leave behind.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use linewatch_core::port::{Arrival, TcpEnd, Token};
use linewatch_e2e::namespace;
use linewatch_e2e::packet::{Answer, Packet};
use linewatch_e2e::responder::{Exchange, Responder};
use linewatch_probe::sys::WireOptions;

use crate::rig::{self, EHOSTUNREACH, FAR_V4, FAR_V6, Rig, ms};

/// Connects to `far` where the line answers a SYN by the script; gives how the attempt ended.
fn connect_once(
    far: &str,
    timeout: Duration,
    script: impl FnMut(u64, &Packet) -> Vec<(Duration, Answer)> + Send + 'static,
) -> anyhow::Result<(Option<TcpEnd>, Vec<Exchange>)> {
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
                error_ns.abs() < 500_000,
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
fn a_handshake_within_this_computer_is_dated_by_its_own_end() {
    namespace::run("inline", || {
        for host in ["127.0.0.1", "::1"] {
            let listener = std::net::TcpListener::bind((host, 0))?;
            let port = listener.local_addr()?.port();
            let mut rig = Rig::open(WireOptions::default())?;
            let mut after = Vec::new();
            for token in 0..20 {
                ensure!(rig.connect(host, port, ms(1000), token)?.is_ok());
                after.push(rig.now());
            }
            rig.receive_tcp(20)?;
            let in_time = |arrival: &&Arrival| match arrival {
                Arrival::Tcp { token, at, end } => {
                    matches!(end, TcpEnd::Connected { rtt: Some(_) }) && *at <= after[token.0 as usize]
                }
                _ => false,
            };
            let count = rig.arrivals.iter().filter(in_time).count();
            // Now and then the kernel leaves a packet to its own thread, which has not run when we look.
            ensure!(count >= 10, "{host}: {count} of 20 were dated by their own end");
            let waiting = rig::time_waits()?;
            ensure!(waiting == 0, "{host}: {waiting} sockets in TIME_WAIT");
        }
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
