//! Feeds alerts with what the monitor says: the one way for the program, for stories and for replays.
//!
//! In: targets, the monitor's effects, next hops, a second's tick. Out: notifications. It knows which target is this
//! computer's way out, and takes up what an earlier start left once its targets are there again. Pure.
//! Not here: deciding what is told (`state`, `telling`), keeping and sending it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::event::{Event, EventId, EventKind, Severity};
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
    places: BTreeMap<TargetId, Place>,
    /// The next hops of this computer's default routes.
    next_hops: Vec<IpAddr>,
    /// The targets that are believed to be the way out: at most one per family.
    ways: Vec<TargetId>,
    /// What an earlier start left, until it is taken up. As long as it is here nothing is told.
    kept: Option<Kept>,
    /// Faults of the monitor itself that last.
    faults: Vec<Kind>,
    /// By then such a fault of an earlier start has been seen again, or is over.
    settle_faults_at: Option<MonoTime>,
    due_at: Option<MonoTime>,
    /// When it was looked at last.
    looked_at: MonoTime,
}

/// See [`Watch::keep`].
#[derive(Clone, Debug)]
struct Kept {
    snapshot: Snapshot,
    /// Taken up then at the latest; `None` as long as targets are still being set.
    latest: Option<MonoTime>,
}

/// Where a target is, as far as it may be the way to others.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// A name has none.
    ip: Option<IpAddr>,
    interval: Duration,
    is_enabled: bool,
    /// Somebody has said what it is reached through.
    has_behind: bool,
    /// Its newest answer in this run.
    answered_at: Option<WallTime>,
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
    }

    /// See [`Alerts::set_silences`].
    pub fn set_silences(&mut self, silences: Vec<Silence>) {
        self.alerts.set_silences(silences);
    }

    /// See [`Alerts::acknowledge`]; also of what an earlier start left and is not taken up yet.
    pub fn acknowledge(&mut self, event: EventId) -> bool {
        let kept = self.kept.iter_mut().flat_map(|kept| &mut kept.snapshot.incidents);
        let mut is_known = false;
        for incident in kept.filter(|incident| incident.event == Some(event)) {
            incident.is_acknowledged = true;
            is_known = true;
        }
        self.alerts.acknowledge(event) || is_known
    }

    /// The default routes of this computer lead there now.
    pub fn set_next_hops(&mut self, next_hops: Vec<IpAddr>) {
        self.next_hops = next_hops;
    }

    /// A target is watched, or watched otherwise.
    pub fn set_target(&mut self, target: &Target, now: Anchor) {
        let place = Place {
            ip: match &target.host {
                Host::Literal { ip, .. } => Some(*ip),
                Host::Name(_) => None,
            },
            interval: target.plan.interval,
            is_enabled: target.is_enabled,
            has_behind: target.behind.is_some(),
            answered_at: self.places.get(&target.id).and_then(|place| place.answered_at),
        };
        self.places.insert(target.id, place);
        let way = self.way_of(target.id, &place);
        let way = way.and_then(|id| self.alerts.slug_of(id)).map(ToOwned::to_owned);
        self.alerts.set_subject(Subject::of(target, way.as_deref()), now);
    }

    /// A target is watched no longer.
    pub fn remove_target(&mut self, id: TargetId, now: Anchor) {
        self.places.remove(&id);
        self.alerts.remove_subject(id, now);
    }

    /// An earlier start left this. Before anything is heard: nothing is told until it is taken up ([`Watch::begin`]), because what
    /// is told replaces what was left, and the first targets may be down again while the last are still being set.
    pub fn keep(&mut self, snapshot: Snapshot) {
        self.kept = Some(Kept {
            snapshot,
            latest: None,
        });
    }

    /// Every target was set: what was left is taken up as soon as every target of it is watched again. A name has its series
    /// only when it has its address, so that may take a moment; after [`limits::ALERT_RETURN`] those that are not there are
    /// gone.
    pub fn begin(&mut self, now: Anchor) {
        if let Some(kept) = &mut self.kept {
            kept.latest = Some(now.mono.plus(limits::ALERT_RETURN));
        }
        self.take_up(now);
    }

    /// Whether something is held back that no snapshot was taken of since this was asked before.
    pub fn take_unsaved(&mut self) -> bool {
        self.alerts.take_unsaved()
    }

    /// Nobody but this computer answers: every target that is watched is down.
    pub fn is_cut_off(&self) -> bool {
        self.alerts.is_cut_off()
    }

    /// Hears what the monitor wants done.
    pub fn hear(&mut self, effects: &[Effect], now: Anchor) {
        for effect in effects {
            match effect {
                // Limits are looked at once a second.
                Effect::Views(views) => views.iter().for_each(|view| self.on_view(view, now)),
                Effect::Outage(row) => {
                    self.alerts.on_outage(row, now);
                    self.look_soon(now);
                }
                Effect::Break(id) => self.alerts.on_break(*id),
                Effect::Event(event) => self.on_event(event, now),
            }
        }
    }

    /// Nothing is pending: until something new happens, there is nothing to look at.
    pub fn is_idle(&self) -> bool {
        self.kept.is_none() && self.alerts.next_deadline().is_none()
    }

    /// When [`Watch::turn`] may have something to say before the next tick.
    pub fn due_at(&self) -> Option<MonoTime> {
        self.due_at
    }

    /// To be called once a second: also the calendar is looked at. Appends what is to be told.
    pub fn tick(&mut self, now: Anchor, out: &mut Vec<Notification>) {
        self.find_ways();
        self.take_up(now);
        self.look(now, out);
    }

    /// Appends what is to be told if something is due.
    pub fn turn(&mut self, now: Anchor, out: &mut Vec<Notification>) {
        if self.due_at.is_some_and(|at| at <= now.mono) {
            self.look(now, out);
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
            Some(kept) => kept.snapshot.clone(),
            None => self.alerts.snapshot(now),
        }
    }

    fn look(&mut self, now: Anchor, out: &mut Vec<Notification>) {
        self.due_at = None;
        if self.kept.is_some() {
            return;
        }
        self.settle_faults(now);
        self.alerts.on_deadline(now, out);
        self.looked_at = now.mono;
        if self.places.len() <= limits::ALERT_PROMPT {
            // What is due and still not told waits for the calendar (a silence), hence for the next tick.
            self.due_at = self.alerts.next_deadline().filter(|&at| at > now.mono);
        }
    }

    /// Something has happened. A thousand outages in one moment are looked at together.
    fn look_soon(&mut self, now: Anchor) {
        if self.places.len() <= limits::ALERT_PROMPT {
            let soon = now.mono.max(self.looked_at.plus(limits::ALERT_LOOK));
            self.due_at = Some(self.due_at.map_or(soon, |at| at.min(soon)));
        }
    }

    fn take_up(&mut self, now: Anchor) {
        let is_there = |id: TargetId| self.places.contains_key(&id);
        let is_ready = |kept: &mut Kept| {
            let mut incidents = kept.snapshot.incidents.iter();
            kept.latest.is_some_and(|latest| {
                latest <= now.mono || incidents.all(|incident| incident.target.is_none_or(is_there))
            })
        };
        if let Some(kept) = self.kept.take_if(is_ready) {
            self.alerts.restore(kept.snapshot, now);
            self.settle_faults_at = Some(now.mono.plus(limits::ALERT_RETURN));
        }
    }

    fn on_view(&mut self, view: &TargetView, now: Anchor) {
        if let (Some(answer), Some(place)) = (view.last_answer, self.places.get_mut(&view.id)) {
            place.answered_at = Some(answer.at);
        }
        self.alerts.on_view(view, now);
    }

    fn on_event(&mut self, event: &Event, now: Anchor) {
        let (kind, is_on) = match event.kind {
            EventKind::LocalOutage => (Kind::Local, event.until.is_none()),
            // Each is a moment, its end too.
            EventKind::StorageDegraded | EventKind::StorageFull => {
                (Kind::Storage, event.severity != Severity::Info)
            }
            _ => return,
        };
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

    /// The target this one is reached through without anybody having said so. A name goes the first way there is.
    fn way_of(&self, id: TargetId, place: &Place) -> Option<TargetId> {
        if place.has_behind || is_here(place) {
            return None;
        }
        let is_of_its_family = |way: &TargetId| {
            let way = self.places.get(way).and_then(|way| way.ip);
            place
                .ip
                .is_none_or(|ip| way.is_some_and(|way| way.is_ipv4() == ip.is_ipv4()))
        };
        self.ways
            .iter()
            .copied()
            .find(is_of_its_family)
            .filter(|way| *way != id)
    }

    fn find_ways(&mut self) {
        let ways: Vec<TargetId> = self
            .next_hops
            .iter()
            .filter_map(|hop| {
                let mut places = self.places.iter();
                let (id, place) = places.find(|(_, place)| place.is_enabled && place.ip == Some(*hop))?;
                self.is_way(*id, place).then_some(*id)
            })
            .collect();
        if ways == self.ways {
            return;
        }
        self.ways = ways;
        let places: Vec<_> = self
            .places
            .iter()
            .filter(|(_, place)| !place.has_behind)
            .collect();
        let behind: Vec<_> = places
            .into_iter()
            .map(|(id, place)| (*id, self.way_of(*id, place)))
            .collect();
        for (id, way) in behind {
            self.alerts.set_behind(id, way);
        }
    }

    /// Many routers answer no ping: one that never did says nothing about what is behind it, nor does one that has stopped
    /// while others beyond it go on.
    fn is_way(&self, hop: TargetId, place: &Place) -> bool {
        let Some(answered_at) = place.answered_at else {
            return false;
        };
        let patience = nanos_of(limits::ALERT_WAY.max(place.interval.saturating_mul(3)));
        self.places
            .iter()
            .filter(|(id, place)| **id != hop && !is_here(place))
            .filter_map(|(_, place)| place.answered_at)
            .all(|at| at.nanos_after(answered_at) <= i64::try_from(patience).unwrap_or(i64::MAX))
    }
}

fn is_here(place: &Place) -> bool {
    place.ip.is_some_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests;
