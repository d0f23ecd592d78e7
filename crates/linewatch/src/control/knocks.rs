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

impl<C: Clock> Control<C> {
    /// This target is in an outage, or was until now.
    pub(super) fn suspect(&mut self, id: TargetId) {
        if self.to.knocker.is_some() {
            self.knocks.suspects.insert(id);
        }
    }

    /// Once a second: one handshake at most.
    pub(super) fn knock_due(&mut self, now: MonoTime) {
        let knocks = &mut self.knocks;
        knocks
            .asked
            .retain(|_, asked_at| now.since(*asked_at) < ADVICE_KNOCK_EVERY);
        if knocks.round.is_none() && !knocks.suspects.is_empty() {
            self.begin_round(now);
        }
        let (Some(knocker), Some(round)) = (&self.to.knocker, &mut self.knocks.round) else {
            return;
        };
        if !round.is_under_way {
            round.is_under_way = knocker.ask(round.address, PORTS[round.at]);
        }
    }

    /// Looks for the next one to ask, and forgets whoever answers again.
    fn begin_round(&mut self, now: MonoTime) {
        for id in self.knocks.suspects.clone() {
            match self.to.hub.is_silent(id) {
                None => {
                    self.knocks.suspects.remove(&id);
                    if self.knocks.answered.remove(&id) {
                        self.found_port(id, None);
                    }
                }
                Some(true) if !self.knocks.asked.contains_key(&id) => {
                    self.knocks.asked.insert(id, now);
                    self.knocks.round = self.may_be_asked(id).map(|address| Round {
                        id,
                        address,
                        at: 0,
                        is_under_way: false,
                        refused: None,
                    });
                    // Looking one up among 100,000 lines takes its time: one a second.
                    return;
                }
                Some(_) => {}
            }
        }
    }

    /// The handshake under way has come to this.
    pub(super) fn knocked(&mut self, answer: Knocked) {
        let Some(round) = &mut self.knocks.round else {
            return;
        };
        let port = PORTS[round.at];
        round.is_under_way = false;
        round.at += 1;
        if answer == Knocked::Refused {
            round.refused = round.refused.or(Some(port));
        }
        let accepted = (answer == Knocked::Accepted).then_some(port);
        if accepted.is_some() || round.at == PORTS.len() {
            let (id, port) = (round.id, accepted.or(round.refused));
            self.knocks.round = None;
            match port {
                Some(_) => self.knocks.answered.insert(id),
                None => self.knocks.answered.remove(&id),
            };
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
