//! What UDP brings: which answers count, and which probe an ICMP error is about.

use super::*;
use crate::packet::udp::DatagramError;

const PORT: u16 = 7;
const CLOSED: (u8, u8) = (3, 3);
const NO_HOST: (u8, u8) = (3, 1);

impl Bench {
    /// The cookie of target 0's probe `seq` comes from `from` and `port`; probes go to [`PORT`].
    fn datagram(&mut self, from: Address, port: u16, cookie: Option<Cookie>, at_ms: u64) {
        let (is_meant, stamps) = (move |_| port == PORT, stamps(at_ms));
        self.in_flight
            .on_datagram(from, cookie, is_meant, stamps, &mut self.batch);
    }

    fn cookie(&self, seq: u64) -> Option<Cookie> {
        self.in_flight
            .stamp(Handle::new(0, 0), seq)
            .map(|(cookie, ..)| cookie)
    }

    /// The network says no; `seq`: what it quotes, if anything.
    fn denied(&mut self, (kind, code): (u8, u8), seq: Option<u64>, at_ms: u64) {
        let error = DatagramError {
            kind,
            code,
            to: address(0).ip,
            cookie: seq.and_then(|seq| self.cookie(seq)),
        };
        self.in_flight
            .on_datagram_error(&error, |_| true, stamps(at_ms), &mut self.batch);
    }
}

fn stamps(at_ms: u64) -> Stamps {
    Stamps {
        received: None,
        at: ms(at_ms),
        anchor: anchor(),
    }
}

#[test]
fn an_answer_from_the_right_port_is_a_reply() {
    let mut bench = Bench::new(100);
    bench.send(0, 0);
    let cookie = bench.cookie(0);
    bench.datagram(address(0), PORT, cookie, 20);
    let records = bench.records();
    assert_eq!(
        (records[0].outcome, records[0].rtt),
        (Outcome::Reply, Some(Rtt::from_nanos(20_000_000)))
    );
}

#[test]
fn an_answer_from_elsewhere_or_without_a_cookie_is_forged_and_the_probe_stays_open() {
    let mut bench = Bench::new(100);
    bench.send(0, 0);
    let cookie = bench.cookie(0);
    bench.datagram(address(0), PORT + 1, cookie, 20);
    bench.datagram(address(9), PORT, cookie, 20);
    bench.datagram(address(0), PORT, None, 20);
    // Not even the port fits: nobody's.
    bench.datagram(address(0), PORT + 1, None, 20);
    assert_eq!(bench.strays(), [(0, StrayKind::Forged, None); 3]);
    bench.datagram(address(0), PORT, cookie, 30);
    assert_eq!(bench.outcomes(), [(0, Outcome::Reply)]);
}

#[test]
fn a_closed_port_is_an_answer_without_an_rtt_and_a_later_report_changes_nothing() {
    let mut bench = Bench::new(100);
    bench.send(0, 0);
    bench.denied(CLOSED, Some(0), 20);
    bench.denied(CLOSED, Some(0), 21);
    let records = bench.records();
    assert_eq!(
        (records[0].outcome, records[0].rtt, records[0].host_rtt),
        (Outcome::Refused, None, None)
    );
    assert_eq!(records[0].cause.name().as_deref(), Some("port_unreachable"));
    assert_eq!((records.len(), bench.strays()), (1, vec![]));
}

#[test]
fn a_closed_port_that_is_told_too_late_is_a_loss_and_a_late_answer() {
    let mut bench = Bench::new(100);
    bench.send(0, 0);
    bench.send(1, 50);
    bench.denied(CLOSED, Some(0), 120);
    bench.expire(200);
    bench.denied(CLOSED, Some(1), 210);
    assert_eq!(bench.outcomes(), [(0, Outcome::Lost), (1, Outcome::Lost)]);
    let late = StrayKind::Late;
    assert_eq!(bench.strays(), [(0, late, Some(120)), (1, late, Some(160))]);
}

#[test]
fn any_other_error_is_the_paths() {
    let mut bench = Bench::new(100);
    bench.send(0, 0);
    bench.denied(NO_HOST, Some(0), 20);
    assert_eq!(bench.outcomes(), [(0, Outcome::Unreachable)]);
}

#[test]
fn an_error_is_about_the_probe_it_quotes() {
    let mut bench = Bench::new(100);
    bench.send(0, 0);
    bench.send(1, 10);
    bench.denied(NO_HOST, Some(0), 20);
    assert_eq!(bench.outcomes(), [(0, Outcome::Unreachable)]);
}

#[test]
fn an_error_that_quotes_too_little_is_believed_only_if_one_probe_can_be_meant() {
    let mut bench = Bench::new(100);
    bench.send(0, 0);
    bench.send(1, 10);
    bench.denied(NO_HOST, None, 20);
    assert_eq!(bench.outcomes(), [], "two are in flight");
    bench.expire(100);
    bench.denied(NO_HOST, None, 105);
    assert_eq!(bench.outcomes(), [(0, Outcome::Lost), (1, Outcome::Unreachable)]);
}

#[test]
fn an_error_that_quotes_a_guess_is_about_nothing() {
    let mut bench = Bench::new(100);
    bench.send(0, 0);
    let guess = Cookie::new(&CookieKey::new([1; 16]), 0, 0, address(0).ip, ID);
    let error = DatagramError {
        kind: 3,
        code: 1,
        to: address(0).ip,
        cookie: Some(guess),
    };
    bench
        .in_flight
        .on_datagram_error(&error, |_| true, stamps(20), &mut bench.batch);
    assert_eq!(bench.outcomes(), []);
}
