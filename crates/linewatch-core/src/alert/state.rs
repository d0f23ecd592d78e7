//! Keeps what is wrong with whom, and how far it has been told.
//!
//! A fault becomes an incident per rule that is about it; an incident waits for its `for`, is told, and ends with a
//! recovery. What would take the place of many messages by one (a common cause, flapping) is in `causes` and
//! `flapping`; what faults are seen from a view is in `conditions`; how items become messages is in `queue`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use crate::event::{EventId, OutageRow};
use crate::target::TargetId;
use crate::time::{Anchor, MonoTime, WallTime};
use crate::view::{State, TargetView};

use super::causes::Groups;
use super::flapping::Flaps;
use super::notification::{CauseKind, Item, Notification, Telling};
use super::policy::{Kind, Policy, Rule, Silence, Subject};
use super::queue::Queue;

/// Views in a row whose newest probe was answered, before an outage from before a break is believed to be over.
pub(super) const ANSWERS_TO_BELIEVE: u32 = 3;

/// One fault under one rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    /// [`Rule::key`].
    pub rule: String,
    /// `None`: the monitor itself.
    pub target: Option<TargetId>,
    /// The rule's kind, or flapping instead of outages.
    pub kind: Kind,
}

/// How far it has been told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stage {
    /// Not yet.
    Pending,
    /// Then.
    Told(WallTime),
    /// As part of this.
    Under(CauseKind),
    /// Not at all: something else says it.
    Silent,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Incident {
    pub since: WallTime,
    pub from: MonoTime,
    /// Its `for` is over.
    pub ready_at: MonoTime,
    pub stage: Stage,
    /// Its true length, once it is over: the moment of learning it is later.
    pub length: Option<Duration>,
    pub escalate_at: Option<MonoTime>,
    pub is_acknowledged: bool,
    pub is_escalated: bool,
    /// Above 0: nobody knows since a break (a restart, a suspension) whether it lasts.
    pub answers_wanted: u32,
    /// Its length is known from the calendar only.
    pub is_over_a_break: bool,
    /// The fault is gone since then, perhaps not for good.
    pub clear_since: Option<MonoTime>,
    pub sent: u64,
    pub lost: u64,
    pub value: Option<f64>,
    pub event: Option<EventId>,
}

/// Everything alerts know. See the module `alert`.
#[derive(Debug, Default)]
pub struct Alerts {
    pub(super) policy: Policy,
    pub(super) silences: Vec<Silence>,
    pub(super) subjects: HashMap<TargetId, Subject>,
    pub(super) by_slug: HashMap<String, TargetId>,
    pub(super) incidents: BTreeMap<Key, Incident>,
    /// Whose outage is open, whatever rules say.
    pub(super) down: HashSet<TargetId>,
    /// When the newest outage was over, as long as views may still count its losses.
    pub(super) up_at: HashMap<TargetId, MonoTime>,
    /// Whose views began a fault; perhaps it is over already.
    pub(super) faulty: HashSet<TargetId>,
    /// Whose outage may be over since a break.
    pub(super) unsure: HashSet<TargetId>,
    pub(super) flaps: HashMap<TargetId, Flaps>,
    pub(super) groups: Groups,
    /// Until when a rule has said enough about a target.
    pub(super) cooling: BTreeMap<Key, MonoTime>,
    pub(super) queue: Queue,
}

impl Alerts {
    /// Nothing is wrong yet.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            ..Self::default()
        }
    }

    /// Other rules from now on. What was told by a rule that is gone has no recovery any more.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
        let incidents = std::mem::take(&mut self.incidents);
        self.incidents = incidents
            .into_iter()
            .filter(|(key, _)| self.rule(key).is_some())
            .collect();
    }

    /// The silences that hold, all of them.
    pub fn set_silences(&mut self, silences: Vec<Silence>) {
        self.silences = silences;
    }

    /// A target is watched, or is called otherwise. One that is stopped is withdrawn from what is told of it.
    pub fn set_subject(&mut self, subject: Subject, now: Anchor) {
        if !subject.is_enabled {
            self.withdraw(subject.id, now);
        }
        self.forget_slug(subject.id);
        self.by_slug.insert(subject.slug.clone(), subject.id);
        self.subjects.insert(subject.id, subject);
    }

    /// A target is reached through this one, or through nobody knows what.
    pub(super) fn set_behind(&mut self, id: TargetId, way: Option<TargetId>) {
        let slug = way.and_then(|way| self.slug_of(way)).map(ToOwned::to_owned);
        if let Some(subject) = self.subjects.get_mut(&id) {
            subject.behind = slug;
        }
    }

    pub(super) fn slug_of(&self, id: TargetId) -> Option<&str> {
        self.subjects.get(&id).map(|subject| subject.slug.as_str())
    }

    /// A target is watched no longer.
    pub fn remove_subject(&mut self, id: TargetId, now: Anchor) {
        self.withdraw(id, now);
        self.flaps.remove(&id);
        self.up_at.remove(&id);
        self.forget_slug(id);
        self.subjects.remove(&id);
    }

    /// A target whose name has another address now has another series, which has taken the slug already.
    fn forget_slug(&mut self, id: TargetId) {
        if let Some(old) = self.subjects.get(&id)
            && self.by_slug.get(&old.slug) == Some(&id)
        {
            self.by_slug.remove(&old.slug);
        }
    }

    /// An outage opened, grew or closed. One closed by a break must be announced by [`Alerts::on_break`] before.
    pub fn on_outage(&mut self, row: &OutageRow, now: Anchor) {
        let length = Duration::from_nanos(row.duration_ns);
        if let Some(to) = row.to {
            if self.down.remove(&row.target) {
                self.flaps.entry(row.target).or_default().came_up(length);
                self.up_at.insert(row.target, now.mono);
                self.close_outages(row, to, now);
            }
            return;
        }
        let from = now.mono.minus(length);
        self.outage_says_it_all(row.target);
        if self.down.insert(row.target) && self.flaps.entry(row.target).or_default().went_down(from, now) {
            self.begin_flapping(row.target, now);
        }
        for rule in self.rules_of(Kind::Outage, Some(row.target)) {
            let incident = self.begin(&rule, Some(row.target), (row.from, from));
            // After a break the target is down still: the same fault, told or not.
            incident.answers_wanted = 0;
            (incident.sent, incident.lost) = (row.sent, row.lost);
            incident.event = Some(row.id);
        }
    }

    /// What its first losses began, and nobody knows of yet, is the outage.
    fn outage_says_it_all(&mut self, id: TargetId) {
        for key in self.open_of(id).filter(|key| key.kind == Kind::Loss) {
            if self.is_pending(&key) {
                self.incidents.remove(&key);
            }
        }
    }

    /// Nobody watched a target for a while (a suspension, a stop of the monitor): whether its outage lasts is unknown until
    /// it is seen again. Its row that closes then is no recovery.
    pub fn on_break(&mut self, id: TargetId) {
        self.down.remove(&id);
        self.unsure.insert(id);
        for key in self.open_of(id).filter(|key| key.kind == Kind::Outage) {
            if let Some(incident) = self.incidents.get_mut(&key) {
                incident.answers_wanted = ANSWERS_TO_BELIEVE;
                incident.is_over_a_break = true;
            }
            if self.is_pending(&key) {
                self.incidents.remove(&key);
            }
        }
    }

    /// A fault of the monitor itself (`local`, `storage`) began or is over.
    pub fn on_fault(&mut self, kind: Kind, is_on: bool, event: Option<EventId>, now: Anchor) {
        debug_assert!(!kind.is_of_a_target());
        for rule in self.rules_of(kind, None) {
            if is_on {
                let incident = self.begin(&rule, None, (now.wall, now.mono));
                incident.event = event.or(incident.event);
                incident.clear_since = None;
            } else {
                let key = Key::of(&rule, None);
                self.end(&key, now.wall, now);
            }
        }
    }

    /// Somebody has taken notice of the fault behind this event: it is not escalated, and its recovery is still told.
    /// False if nothing is open under it.
    pub fn acknowledge(&mut self, event: EventId) -> bool {
        let mut is_known = false;
        for incident in self.incidents.values_mut() {
            if incident.event == Some(event) {
                incident.is_acknowledged = true;
                is_known = true;
            }
        }
        is_known
    }

    /// When [`Alerts::on_deadline`] may have something to say; the calendar's part (silences, maintenance) is looked at
    /// whenever it is called, so once a second is a good habit.
    pub fn next_deadline(&self) -> Option<MonoTime> {
        let pending = self.incidents.iter().filter_map(|(key, incident)| {
            let cleared = incident
                .clear_since
                .map(|since| since.plus(crate::limits::ALERT_CLEAR));
            let ready = (incident.stage == Stage::Pending).then(|| {
                let cooled = self.cooling.get(key).copied().unwrap_or(MonoTime::ZERO);
                incident.ready_at.max(cooled)
            });
            [cleared, ready, incident.escalate_at].into_iter().flatten().min()
        });
        pending
            .chain(self.flaps.values().filter_map(Flaps::deadline))
            .chain(self.groups.deadline())
            .chain(self.queue.deadline())
            .min()
    }

    /// Decides what is due, and hands out the messages that are ready to go.
    pub fn on_deadline(&mut self, now: Anchor, out: &mut Vec<Notification>) {
        self.end_cleared(now);
        self.settle_flapping(now);
        self.settle_groups(now);
        self.escalate(now);
        self.cooling.retain(|_, until| *until > now.mono);
        let ready = self.ready(now);
        if !ready.is_empty() {
            self.queue.wait(now.mono.plus(self.policy.group_wait));
        }
        if self.queue.is_due(now.mono) {
            self.tell(&ready, now);
            self.queue.flush(now, out);
        }
    }

    /// Whether a message is held back that no snapshot was taken of since this was asked before.
    pub fn take_unsaved(&mut self) -> bool {
        self.queue.take_unsaved()
    }

    /// Hands out everything that was decided, without waiting for company: nobody will be there later.
    pub fn flush(&mut self, now: Anchor, out: &mut Vec<Notification>) {
        self.queue.flush_all(now, out);
    }

    pub(super) fn rule(&self, key: &Key) -> Option<&Rule> {
        self.policy.rules.iter().find(|rule| {
            rule.key == key.rule
                && (rule.kind == key.kind || (key.kind == Kind::Flapping && rule.kind == Kind::Outage))
        })
    }

    /// The rules of a kind that are about this target.
    pub(super) fn rules_of(&self, kind: Kind, target: Option<TargetId>) -> Vec<Rule> {
        let subject = target.and_then(|id| self.subjects.get(&id));
        if target.is_some() && subject.is_none() {
            return Vec::new();
        }
        let rules = self.policy.rules.iter().filter(|rule| rule.kind == kind);
        rules
            .filter(|rule| rule.matcher.matches(subject))
            .cloned()
            .collect()
    }

    /// The incident of this rule and target, begun if there is none.
    pub(super) fn begin(
        &mut self,
        rule: &Rule,
        target: Option<TargetId>,
        (since, from): (WallTime, MonoTime),
    ) -> &mut Incident {
        self.incidents.entry(Key::of(rule, target)).or_insert(Incident {
            since,
            from,
            ready_at: from.plus(rule.hold),
            stage: Stage::Pending,
            length: None,
            escalate_at: None,
            is_acknowledged: false,
            is_escalated: false,
            answers_wanted: 0,
            is_over_a_break: false,
            clear_since: None,
            sent: 0,
            lost: 0,
            value: None,
            event: None,
        })
    }

    /// The fault is over since `until`: a recovery if it was told, nothing if it was not.
    pub(super) fn end(&mut self, key: &Key, until: WallTime, now: Anchor) {
        self.finish(key, Telling::Ended, Some(until), now);
    }

    fn finish(&mut self, key: &Key, telling: Telling, until: Option<WallTime>, now: Anchor) {
        let Some(incident) = self.incidents.remove(key) else {
            return;
        };
        match incident.stage {
            Stage::Pending | Stage::Silent => {}
            Stage::Told(_) => {
                let item = self.item(key, &incident, telling, until, now);
                self.say(key, item, now);
            }
            Stage::Under(cause) => self.leave(key, cause, &incident, until, now),
        }
    }

    /// Puts an item where the rule's destinations will find it.
    pub(super) fn say(&mut self, key: &Key, item: Item, now: Anchor) {
        let to = self.rule(key).map(|rule| rule.to.clone()).unwrap_or_default();
        self.queue.add(to, item, now.mono.plus(self.policy.group_wait));
    }

    fn close_outages(&mut self, row: &OutageRow, to: WallTime, now: Anchor) {
        for rule in self.rules_of(Kind::Outage, Some(row.target)) {
            let key = Key::of(&rule, Some(row.target));
            if let Some(incident) = self.incidents.get_mut(&key) {
                (incident.sent, incident.lost) = (row.sent, row.lost);
                if !incident.is_over_a_break {
                    incident.length = Some(Duration::from_nanos(row.duration_ns));
                }
            }
            self.end(&key, to, now);
        }
    }

    fn withdraw(&mut self, id: TargetId, now: Anchor) {
        self.down.remove(&id);
        for key in self.open_of(id) {
            self.withdraw_incident(&key, "", now);
        }
    }

    /// What is open of this target. Looked for by its rules: of 100,000 open faults a few are of one target.
    pub(super) fn open_of(&self, id: TargetId) -> std::vec::IntoIter<Key> {
        let mut keys = Vec::new();
        for rule in &self.policy.rules {
            let key = Key::of(rule, Some(id));
            if rule.kind == Kind::Outage {
                keys.push(Key {
                    kind: Kind::Flapping,
                    ..key.clone()
                });
            }
            keys.push(key);
        }
        keys.retain(|key| self.incidents.contains_key(key));
        keys.into_iter()
    }

    pub(super) fn is_pending(&self, key: &Key) -> bool {
        let incident = self.incidents.get(key);
        incident.is_some_and(|incident| incident.stage == Stage::Pending)
    }

    /// `name`: what the target was called, if nobody knows it any more.
    pub(super) fn withdraw_incident(&mut self, key: &Key, name: &str, now: Anchor) {
        let Some(incident) = self.incidents.remove(key) else {
            return;
        };
        match incident.stage {
            Stage::Pending | Stage::Silent => {}
            Stage::Under(cause) => self.leave(key, cause, &incident, None, now),
            Stage::Told(_) => {
                let mut item = self.item(key, &incident, Telling::Withdrawn, None, now);
                if item.name.is_empty() {
                    name.clone_into(&mut item.name);
                }
                self.say(key, item, now);
            }
        }
    }

    /// An outage from before a break is over once the target has answered for a while.
    pub(super) fn believe(&mut self, view: &TargetView, now: Anchor) {
        if !self.unsure.contains(&view.id) {
            return;
        }
        let has_answer = view.last.is_some_and(|last| last.outcome.is_answer());
        if view.state == State::Down || self.down.contains(&view.id) {
            return;
        }
        let mut over = Vec::new();
        let mut is_unsure = false;
        for key in self.open_of(view.id) {
            let Some(incident) = self.incidents.get_mut(&key) else {
                continue;
            };
            if incident.answers_wanted == 0 {
                continue;
            }
            incident.answers_wanted = if has_answer {
                incident.answers_wanted - 1
            } else {
                ANSWERS_TO_BELIEVE
            };
            if incident.answers_wanted == 0 {
                over.push(key);
            } else {
                is_unsure = true;
            }
        }
        if !is_unsure {
            self.unsure.remove(&view.id);
        }
        for key in over {
            self.end(&key, now.wall, now);
        }
    }

    fn end_cleared(&mut self, now: Anchor) {
        let cleared: Vec<(Key, MonoTime)> = self
            .incidents
            .iter()
            .filter_map(|(key, incident)| Some((key.clone(), incident.clear_since?)))
            .filter(|&(_, since)| now.mono.since(since) >= crate::limits::ALERT_CLEAR)
            .collect();
        for (key, since) in cleared {
            self.end(&key, now.wall_at(since), now);
        }
    }
}

impl Key {
    pub(super) fn of(rule: &Rule, target: Option<TargetId>) -> Self {
        Self {
            rule: rule.key.clone(),
            target,
            kind: rule.kind,
        }
    }
}
