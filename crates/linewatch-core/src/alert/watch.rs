//! Feeds alerts with what the monitor says: the one way for the program, for stories and for replays.
//!
//! In: targets, the monitor's effects, next hops, a second's tick. Out: notifications. It knows which target is this
//! computer's way out, and takes up what an earlier start left once its targets are there again. Pure.
//! Not here: deciding what is told (`state`, `telling`), keeping and sending it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::event::{Event, EventId, EventKind};
use crate::limits;
use crate::monitor::Effect;
use crate::target::{Host, Target, TargetId};
use crate::time::{Anchor, MonoTime, WallTime, nanos_of};
use crate::view::TargetView;

use super::notification::Notification;
use super::policy::{Kind, Policy, Silence, Subject};
use super::snapshot::Snapshot;
use super::state::Alerts;

/// [`Alerts`] beside a monitor. See the module.
#[derive(Debug, Default)]
pub struct Watch {
    alerts: Alerts,
    targets: BTreeMap<TargetId, Target>,
    /// The next hops of this computer's default routes.
    next_hops: Vec<IpAddr>,
    /// The newest answer of each target in this run.
    answered_at: BTreeMap<TargetId, WallTime>,
    /// The targets that are believed to be the way out: at most one per family.
    ways: Vec<TargetId>,
    /// What an earlier start left, and when it is taken up at the latest.
    kept: Option<(Snapshot, MonoTime)>,
    /// Faults of the monitor itself that last.
    faults: Vec<Kind>,
    /// By then such a fault of an earlier start has been seen again, or is over.
    settle_faults_at: Option<MonoTime>,
    due_at: Option<MonoTime>,
}

impl Watch {
    /// Nothing is watched yet.
    pub fn new(policy: Policy) -> Self {
        Self {
            alerts: Alerts::new(policy),
            ..Self::default()
        }
    }

    /// See [`Alerts::set_policy`].
    pub fn set_policy(&mut self, policy: Policy) {
        self.alerts.set_policy(policy);
        self.plan();
    }

    /// See [`Alerts::set_silences`].
    pub fn set_silences(&mut self, silences: Vec<Silence>) {
        self.alerts.set_silences(silences);
    }

    /// See [`Alerts::acknowledge`].
    pub fn acknowledge(&mut self, event: EventId) -> bool {
        self.alerts.acknowledge(event)
    }

    /// The default routes of this computer lead there now.
    pub fn set_next_hops(&mut self, next_hops: Vec<IpAddr>, now: Anchor) {
        self.next_hops = next_hops;
        self.find_ways(now);
    }

    /// A target is watched, or watched otherwise.
    pub fn set_target(&mut self, target: &Target, now: Anchor) {
        self.targets.insert(target.id, target.clone());
        self.set_subject(target, now);
        self.find_ways(now);
        self.plan();
    }

    /// A target is watched no longer.
    pub fn remove_target(&mut self, id: TargetId, now: Anchor) {
        self.targets.remove(&id);
        self.answered_at.remove(&id);
        self.alerts.remove_subject(id, now);
        self.find_ways(now);
        self.plan();
    }

    /// Takes up what an earlier start left as soon as every target of it is watched again. A name has its series
    /// only when it has its address, so that may take a moment; after [`limits::ALERT_RETURN`] those that are not there are
    /// gone. Nothing is told before.
    pub fn keep(&mut self, snapshot: Snapshot, now: Anchor) {
        self.kept = Some((snapshot, now.mono.plus(limits::ALERT_RETURN)));
        self.take_up(now);
    }

    /// Hears what the monitor wants done.
    pub fn hear(&mut self, effects: &[Effect], now: Anchor) {
        let mut is_news = false;
        for effect in effects {
            match effect {
                Effect::Views(views) => {
                    views.iter().for_each(|view| self.on_view(view, now));
                    self.find_ways(now);
                }
                Effect::Outage(row) => self.alerts.on_outage(row, now),
                Effect::Break(id) => self.alerts.on_break(*id),
                Effect::Event(event) => self.on_event(event, now),
            }
            is_news = true;
        }
        if is_news {
            self.plan();
        }
    }

    /// When [`Watch::turn`] may have something to say before the next tick.
    pub fn due_at(&self) -> Option<MonoTime> {
        self.due_at
    }

    /// To be called once a second: also the calendar is looked at. Appends what is to be told.
    pub fn tick(&mut self, now: Anchor, out: &mut Vec<Notification>) {
        self.take_up(now);
        if self.kept.is_some() {
            return;
        }
        self.settle_faults(now);
        self.alerts.on_deadline(now, out);
        self.plan();
        // What is due and still not told waits for the calendar (a silence), hence for the next tick.
        self.due_at = self.due_at.filter(|&at| at > now.mono);
    }

    /// As [`Watch::tick`], if something is due.
    pub fn turn(&mut self, now: Anchor, out: &mut Vec<Notification>) {
        if self.due_at.is_some_and(|at| at <= now.mono) {
            self.tick(now, out);
        }
    }

    /// The end of the run: appends what was decided and waits for company, and gives what the next start takes up.
    /// `last` is what [`crate::monitor::Monitor::finish`] said: it closes what is open because nobody looks any more,
    /// which is no recovery.
    pub fn finish(&mut self, last: &[Effect], now: Anchor, out: &mut Vec<Notification>) -> Snapshot {
        if self.kept.is_none() {
            self.alerts.flush(now, out);
        }
        for effect in last {
            match effect {
                Effect::Break(id) => self.alerts.on_break(*id),
                Effect::Outage(row) => self.alerts.on_outage(row, now),
                Effect::Views(_) | Effect::Event(_) => {}
            }
        }
        self.snapshot(now)
    }

    /// See [`Alerts::snapshot`]. What an earlier start left and is not taken up yet is left to the next one.
    pub fn snapshot(&self, now: Anchor) -> Snapshot {
        match &self.kept {
            Some((snapshot, _)) => snapshot.clone(),
            None => self.alerts.snapshot(now),
        }
    }

    fn plan(&mut self) {
        self.due_at = if self.kept.is_some() {
            None
        } else {
            self.alerts.next_deadline()
        };
    }

    fn take_up(&mut self, now: Anchor) {
        let Some((snapshot, latest)) = self.kept.take() else {
            return;
        };
        let is_there = |id: TargetId| self.targets.contains_key(&id);
        let is_complete = snapshot
            .incidents
            .iter()
            .all(|incident| incident.target.is_none_or(is_there));
        if is_complete || latest <= now.mono {
            self.alerts.restore(snapshot, now);
            self.settle_faults_at = Some(now.mono.plus(limits::ALERT_RETURN));
            self.plan();
        } else {
            self.kept = Some((snapshot, latest));
        }
    }

    fn on_view(&mut self, view: &TargetView, now: Anchor) {
        if let Some(answer) = view.last_answer {
            self.answered_at.insert(view.id, answer.at);
        }
        self.alerts.on_view(view, now);
    }

    fn on_event(&mut self, event: &Event, now: Anchor) {
        let kind = match event.kind {
            EventKind::LocalOutage => Kind::Local,
            EventKind::StorageDegraded | EventKind::StorageFull => Kind::Storage,
            _ => return,
        };
        let is_on = event.until.is_none();
        self.faults.retain(|other| *other != kind);
        self.faults.extend(is_on.then_some(kind));
        self.alerts.on_fault(kind, is_on, Some(event.id), now);
    }

    fn settle_faults(&mut self, now: Anchor) {
        if self.settle_faults_at.is_none_or(|at| at > now.mono) {
            return;
        }
        self.settle_faults_at = None;
        for kind in [Kind::Local, Kind::Storage] {
            if !self.faults.contains(&kind) {
                self.alerts.on_fault(kind, false, None, now);
            }
        }
    }

    fn set_subject(&mut self, target: &Target, now: Anchor) {
        let way = self.way_of(target).and_then(|id| self.targets.get(&id));
        let subject = Subject::of(target, way.map(|way| way.slug.as_str()));
        self.alerts.set_subject(subject, now);
    }

    /// The target this one is reached through without anybody having said so. A name goes the first way there is.
    fn way_of(&self, target: &Target) -> Option<TargetId> {
        let mut ways = self.ways.iter().copied();
        let Some(ip) = literal(target) else {
            return ways.next();
        };
        ways.find(|id| {
            let way = self.targets.get(id).and_then(literal);
            way.is_some_and(|way| way.is_ipv4() == ip.is_ipv4())
        })
    }

    fn find_ways(&mut self, now: Anchor) {
        let ways: Vec<TargetId> = self
            .next_hops
            .iter()
            .filter_map(|hop| {
                let mut targets = self.targets.values();
                let at_hop = targets.find(|target| target.is_enabled && literal(target) == Some(*hop))?;
                self.is_way(at_hop).then_some(at_hop.id)
            })
            .collect();
        if ways == self.ways {
            return;
        }
        self.ways = ways;
        for target in self.targets.clone().values() {
            self.set_subject(target, now);
        }
    }

    /// Many routers answer no ping: one that never did says nothing about what is behind it, nor does one that has stopped
    /// while others beyond it go on.
    fn is_way(&self, hop: &Target) -> bool {
        let Some(answered_at) = self.answered_at.get(&hop.id) else {
            return false;
        };
        let patience = nanos_of(limits::ALERT_WAY.max(hop.plan.interval.saturating_mul(3)));
        let is_beyond = |target: &&Target| target.id != hop.id && !is_here(target);
        self.targets
            .values()
            .filter(is_beyond)
            .filter_map(|target| self.answered_at.get(&target.id))
            .all(|at| at.nanos_after(*answered_at) <= i64::try_from(patience).unwrap_or(i64::MAX))
    }
}

fn literal(target: &Target) -> Option<IpAddr> {
    match &target.host {
        Host::Literal { ip, .. } => Some(*ip),
        Host::Name(_) => None,
    }
}

fn is_here(target: &Target) -> bool {
    literal(target).is_some_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests;
