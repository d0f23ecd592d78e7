//! Finds out whether a target that ICMP does not reach answers by TCP, so that the page can advise the switch.
//!
//! Of each silent target three ports are tried at most once in [`ADVICE_KNOCK_EVERY`], one handshake a second for all
//! targets together, within the caps of public addresses. Not asked: a target with a source, interface or DSCP of its
//! own, because a handshake from elsewhere would say nothing about its way.

use std::collections::{BTreeMap, BTreeSet};

use linewatch_core::caps::{CapEntry, Ledger, is_public};
use linewatch_core::limits::{ADVICE_KNOCK_EVERY, ADVICE_KNOCK_TIME};
use linewatch_core::port::Clock;
use linewatch_core::target::{Address, Egress, Method, ProbePlan, TargetId};
use linewatch_core::time::MonoTime;

use super::{Control, Line, STATUS_EVERY};
use crate::knock::Knocked;
use crate::method::FALLBACK_PORT;

/// Tried in this order: web servers and routers, then name servers. One that accepts is preferred to one that refuses.
const PORTS: [u16; 3] = [FALLBACK_PORT, 80, 53];

/// Whom to ask, who was asked, and who is being asked.
#[derive(Debug, Default)]
pub(super) struct Knocks {
    /// In an outage, as far as was told.
    suspects: BTreeSet<TargetId>,
    /// When each was asked last; forgotten when it may be asked again.
    asked: BTreeMap<TargetId, MonoTime>,
    round: Option<Round>,
    /// Who answered.
    answered: BTreeSet<TargetId>,
}

/// One target being asked.
#[derive(Debug)]
struct Round {
    id: TargetId,
    address: Address,
    /// Which of [`PORTS`] is next, or under way.
    at: usize,
    is_under_way: bool,
    refused: Option<u16>,
}

impl Knocks {
    /// Whom to ask next, if anybody is silent who has not been asked lately. `over` gets those whose answered port is no news
    /// any more, because they answer ICMP again; `is_silent`: `None` for a target that is well.
    fn next(
        &mut self,
        now: MonoTime,
        is_silent: impl Fn(TargetId) -> Option<bool>,
        over: &mut Vec<TargetId>,
    ) -> Option<TargetId> {
        self.asked
            .retain(|_, asked_at| now.since(*asked_at) < ADVICE_KNOCK_EVERY);
        if self.round.is_some() {
            return None;
        }
        for id in self.suspects.clone() {
            match is_silent(id) {
                None => {
                    self.suspects.remove(&id);
                    if self.answered.remove(&id) {
                        over.push(id);
                    }
                }
                Some(true) if !self.asked.contains_key(&id) => {
                    self.asked.insert(id, now);
                    return Some(id);
                }
                Some(_) => {}
            }
        }
        None
    }

    /// This one is asked from now on, port by port.
    fn begin(&mut self, id: TargetId, address: Address) {
        self.round = Some(Round {
            id,
            address,
            at: 0,
            is_under_way: false,
            refused: None,
        });
    }

    /// Asks for the next handshake of the round if none is under way; `ask` says whether it was taken.
    fn go_on(&mut self, ask: impl FnOnce(Address, u16) -> bool) {
        if let Some(round) = self.round.as_mut().filter(|round| !round.is_under_way) {
            round.is_under_way = ask(round.address, PORTS[round.at]);
        }
    }

    /// The handshake under way has come to this; at the end of a round, who was asked and which port answered.
    fn heard(&mut self, answer: Knocked) -> Option<(TargetId, Option<u16>)> {
        let round = self.round.as_mut()?;
        let port = PORTS[round.at];
        round.is_under_way = false;
        round.at += 1;
        if answer == Knocked::Refused {
            round.refused = round.refused.or(Some(port));
        }
        let accepted = (answer == Knocked::Accepted).then_some(port);
        if accepted.is_none() && round.at < PORTS.len() {
            return None;
        }
        let (id, port) = (round.id, accepted.or(round.refused));
        self.round = None;
        match port {
            Some(_) => self.answered.insert(id),
            None => self.answered.remove(&id),
        };
        Some((id, port))
    }
}

impl<C: Clock> Control<C> {
    /// This target is in an outage, or was until now.
    pub(super) fn suspect(&mut self, id: TargetId) {
        if self.to.knocker.is_some() {
            self.knocks.suspects.insert(id);
        }
    }

    /// Once a second: one handshake at most.
    pub(super) fn knock_due(&mut self, now: MonoTime) {
        let mut over = Vec::new();
        let hub = &self.to.hub;
        // Looking one up among 100,000 lines takes its time: one a second.
        let next = self.knocks.next(now, |id| hub.is_silent(id), &mut over);
        for id in over {
            self.found_port(id, None);
        }
        if let Some((id, address)) = next.and_then(|id| Some((id, self.may_be_asked(id)?))) {
            self.knocks.begin(id, address);
        }
        if let Some(knocker) = &self.to.knocker {
            self.knocks.go_on(|address, port| knocker.ask(address, port));
        }
    }

    /// The handshake under way has come to this.
    pub(super) fn knocked(&mut self, answer: Knocked) {
        if let Some((id, port)) = self.knocks.heard(answer) {
            self.found_port(id, port);
        }
    }

    fn found_port(&mut self, id: TargetId, port: Option<u16>) {
        let line = self.lines.values_mut().find(|line| line.id() == id);
        if let Some(line) = line.filter(|line| line.tcp_answers != port) {
            line.tcp_answers = port;
            self.is_unpublished = true;
        }
    }

    /// Where to ask, if that is allowed and says something.
    fn may_be_asked(&self, id: TargetId) -> Option<Address> {
        let line = self.lines.values().find(|line| line.id() == id)?;
        let address = line.address?;
        let is_asked =
            line.is_probed() && line.target.method == Method::IcmpEcho && line.egress == Egress::default();
        (is_asked && self.is_within_caps(line, address)).then_some(address)
    }

    /// One handshake a second more than all probes there.
    fn is_within_caps(&self, silent: &Line, address: Address) -> bool {
        if !is_public(address.ip) {
            return true;
        }
        let mut ledger = Ledger::new(self.abilities.costs);
        for line in self.lines.values().filter(|line| line.is_probed()) {
            if let Some(address) = line.address {
                // What is probed was let in by the engine; if it does not fit here, nothing more does.
                let Ok(()) = ledger.admit(CapEntry::of(line.id(), &line.target, address)) else {
                    return false;
                };
            }
        }
        let handshake = CapEntry {
            id: TargetId(u32::MAX),
            address,
            method: Method::TcpConnect { port: FALLBACK_PORT },
            plan: ProbePlan {
                interval: STATUS_EVERY,
                timeout: ADVICE_KNOCK_TIME,
                ..silent.target.plan
            },
            allow_high_rate: silent.target.allow_high_rate,
        };
        ledger.check(&handshake).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use super::*;

    const ONE: TargetId = TargetId(1);
    const TWO: TargetId = TargetId(2);

    fn at(second: u64) -> MonoTime {
        MonoTime::from_nanos(second * 1_000_000_000)
    }

    fn suspects(ids: &[TargetId]) -> Knocks {
        Knocks {
            suspects: ids.iter().copied().collect(),
            ..Knocks::default()
        }
    }

    /// Whom it asks next when everybody is silent.
    fn next(knocks: &mut Knocks, now: MonoTime) -> Option<TargetId> {
        knocks.next(now, |_| Some(true), &mut Vec::new())
    }

    /// A round against a target whose ports answer so; the ports in the order they were tried, and what came of it.
    fn round(answers: &[Knocked]) -> (Vec<u16>, Option<(TargetId, Option<u16>)>) {
        let mut knocks = suspects(&[ONE]);
        knocks.begin(ONE, IpAddr::from([192, 0, 2, 1]).into());
        let mut ports = Vec::new();
        for &answer in answers {
            knocks.go_on(|_, port| {
                ports.push(port);
                true
            });
            // A second later the handshake is still under way: no second one.
            knocks.go_on(|_, _| panic!("two at a time"));
            if let Some(end) = knocks.heard(answer) {
                assert!(knocks.round.is_none(), "the round is over");
                return (ports, Some(end));
            }
        }
        (ports, None)
    }

    #[test]
    fn the_three_ports_are_tried_in_their_order_and_a_silent_target_has_none() {
        let silent = [Knocked::Silent; 3];
        assert_eq!(round(&silent), (vec![443, 80, 53], Some((ONE, None))));
    }

    #[test]
    fn the_first_port_that_accepts_ends_the_round() {
        let answers = [Knocked::Silent, Knocked::Accepted];
        assert_eq!(round(&answers), (vec![443, 80], Some((ONE, Some(80)))));
    }

    #[test]
    fn a_port_that_accepts_is_preferred_to_one_that_refuses() {
        let accepted_later = [Knocked::Refused, Knocked::Silent, Knocked::Accepted];
        assert_eq!(round(&accepted_later).1, Some((ONE, Some(53))));
        let refused_only = [Knocked::Silent, Knocked::Refused, Knocked::Refused];
        assert_eq!(round(&refused_only).1, Some((ONE, Some(80))), "the first of them");
    }

    #[test]
    fn a_target_is_asked_once_in_its_time_and_another_one_meanwhile() {
        let mut knocks = suspects(&[ONE, TWO]);
        assert_eq!(next(&mut knocks, at(0)), Some(ONE));
        assert_eq!(next(&mut knocks, at(1)), Some(TWO));
        assert_eq!(next(&mut knocks, at(2)), None);
        let again = at(ADVICE_KNOCK_EVERY.as_secs());
        assert_eq!(next(&mut knocks, again), Some(ONE));
        assert_eq!(next(&mut knocks, again), None, "the other a second later");
        assert_eq!(next(&mut knocks, again.plus(Duration::from_secs(1))), Some(TWO));
    }

    #[test]
    fn during_a_round_nobody_else_is_asked() {
        let mut knocks = suspects(&[ONE, TWO]);
        assert_eq!(next(&mut knocks, at(0)), Some(ONE));
        knocks.begin(ONE, IpAddr::from([192, 0, 2, 1]).into());
        assert_eq!(next(&mut knocks, at(1)), None);
    }

    #[test]
    fn a_target_that_answers_again_is_no_suspect_and_its_port_no_advice() {
        let mut knocks = suspects(&[ONE, TWO]);
        knocks.begin(ONE, IpAddr::from([192, 0, 2, 1]).into());
        assert_eq!(knocks.heard(Knocked::Accepted), Some((ONE, Some(443))));
        let mut over = Vec::new();
        assert_eq!(knocks.next(at(9), |_| None, &mut over), None);
        assert_eq!(over, [ONE], "only what was told is taken back");
        assert!(knocks.suspects.is_empty());
    }

    #[test]
    fn a_target_that_loses_only_some_probes_is_not_asked() {
        let mut knocks = suspects(&[ONE]);
        assert_eq!(knocks.next(at(0), |_| Some(false), &mut Vec::new()), None);
        assert!(knocks.suspects.contains(&ONE), "it may fall silent yet");
    }
}
