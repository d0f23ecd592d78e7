//! Finds what many outages have in common, so that one message tells of it and one of its end.
//!
//! Two causes are known: the target they are all reached through is down, or every target is, except this computer.
//! Those concerned are recorded under their cause and not told one by one. When the cause is over, one message says so;
//! what is still down then stands for itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::EventId;
use crate::limits;
use crate::target::TargetId;
use crate::time::{Anchor, MonoTime, WallTime, nanos_of};

use super::notification::{Cause, CauseKind, Item, Telling};
use super::policy::{Kind, Rule};
use super::state::{Alerts, Incident, Key, Stage};

/// Causes that last, by the rule that would have told of each outage.
#[derive(Debug, Default)]
pub(super) struct Groups(BTreeMap<(String, CauseKind), Group>);

#[derive(Clone, Debug)]
struct Group {
    since: WallTime,
    from: MonoTime,
    /// Down because of it, still.
    members: BTreeSet<TargetId>,
    /// Of everybody it ever had.
    names: Vec<String>,
    total: u64,
    /// The one they are behind was among them.
    has_root: bool,
    /// The last that is back was so then.
    back: Option<(MonoTime, WallTime)>,
    sent: u64,
    lost: u64,
    event: Option<EventId>,
    is_over_a_break: bool,
    /// False: the target they are behind was told by itself, and its recovery will be.
    is_told: bool,
    is_acknowledged: bool,
    escalate_at: Option<MonoTime>,
    /// Some of them are back: the others have until then.
    settle_at: Option<MonoTime>,
}

impl Groups {
    pub(super) fn deadline(&self) -> Option<MonoTime> {
        self.0
            .values()
            .filter_map(|group| [group.settle_at, group.escalate_at].into_iter().flatten().min())
            .min()
    }
}

impl Alerts {
    /// Puts what is ready under its cause, where it has one.
    pub(super) fn find_causes(&mut self, ready: &[Key], now: Anchor) {
        for key in ready {
            let Some(id) = key.target else { continue };
            if key.kind == Kind::Flapping && self.has_flapping_ancestor(id) {
                self.silence(key);
            }
            if key.kind == Kind::Outage
                && let Some(root) = self.root_of(id)
            {
                self.put_under(key, CauseKind::Behind(root), now);
            }
        }
        if !self.is_every_target_down() {
            return;
        }
        for key in ready.iter().filter(|key| key.kind == Kind::Outage) {
            // The first has brought along the others.
            if !self.is_pending(key) {
                continue;
            }
            let pending = self.incidents.iter().filter(|(other, incident)| {
                other.rule == key.rule && other.kind == key.kind && incident.stage == Stage::Pending
            });
            if pending.count() >= limits::ALERT_EVERY_TARGET_MIN
                || self
                    .groups
                    .0
                    .contains_key(&(key.rule.clone(), CauseKind::EveryTarget))
            {
                self.put_under(key, CauseKind::EveryTarget, now);
            }
        }
    }

    /// The incident is told as part of this cause. The first one brings along everybody else of the same rule that is
    /// down for the same reason, whether or not its `for` is over.
    fn put_under(&mut self, key: &Key, cause: CauseKind, now: Anchor) {
        if !self.is_pending(key) {
            return;
        }
        let is_new = !self.groups.0.contains_key(&(key.rule.clone(), cause));
        let mut keys = vec![key.clone()];
        if is_new {
            keys.extend(self.companions(key, cause));
        }
        for key in &keys {
            if let Some(incident) = self.incidents.get_mut(key) {
                incident.stage = Stage::Under(cause);
                let incident = incident.clone();
                self.join(key, cause, &incident, now);
            }
            let cooled_at = now.mono.plus(self.policy.cooldown);
            self.cooling.insert(key.clone(), cooled_at);
        }
        if is_new {
            self.begin_group(key, cause, now);
        }
    }

    /// Pending outages of the same rule with the same cause.
    fn companions(&self, key: &Key, cause: CauseKind) -> Vec<Key> {
        let same = self.incidents.iter().filter(|(other, incident)| {
            other.rule == key.rule
                && other.kind == Kind::Outage
                && *other != key
                && incident.stage == Stage::Pending
                && other.target.is_some_and(|id| match cause {
                    CauseKind::Behind(root) => id == root || self.root_of(id) == Some(root),
                    CauseKind::EveryTarget => true,
                })
        });
        same.map(|(key, _)| key.clone()).collect()
    }

    fn begin_group(&mut self, key: &Key, cause: CauseKind, now: Anchor) {
        let root_key = match cause {
            CauseKind::Behind(root) => Some(Key {
                target: Some(root),
                ..key.clone()
            }),
            CauseKind::EveryTarget => None,
        };
        let is_root_told = root_key
            .and_then(|key| self.incidents.get(&key))
            .is_some_and(|incident| matches!(incident.stage, Stage::Told(_)));
        let Some(rule) = self.rule(key).cloned() else {
            return;
        };
        let Some(group) = self.groups.0.get_mut(&(key.rule.clone(), cause)) else {
            return;
        };
        group.is_told = !is_root_told;
        if is_root_told {
            return;
        }
        group.escalate_at = rule.escalation.map(|escalation| now.mono.plus(escalation.after));
        let group = group.clone();
        self.say_group(&rule.to, cause, &group, (Telling::Began, None), now);
    }

    /// One more is down because of this.
    pub(super) fn join(&mut self, key: &Key, cause: CauseKind, incident: &Incident, now: Anchor) {
        let Some(id) = key.target else { return };
        let name = self.subjects.get(&id).map(|subject| subject.name.clone());
        let group = self
            .groups
            .0
            .entry((key.rule.clone(), cause))
            .or_insert_with(|| Group {
                since: incident.since,
                from: now.mono,
                members: BTreeSet::new(),
                names: Vec::new(),
                total: 0,
                has_root: false,
                back: None,
                sent: 0,
                lost: 0,
                event: incident.event,
                is_over_a_break: incident.is_over_a_break,
                is_told: true,
                is_acknowledged: incident.is_acknowledged,
                escalate_at: None,
                settle_at: None,
            });
        group.since = group.since.min(incident.since);
        group.from = group.from.min(incident.from);
        if group.members.insert(id) {
            group.total += 1;
        }
        if cause == CauseKind::Behind(id) {
            group.has_root = true;
            group.event = incident.event;
        } else if group.names.len() < limits::ALERT_NAMES {
            group.names.extend(name);
        }
    }

    /// One of them is back, or is watched no longer.
    pub(super) fn leave(
        &mut self,
        key: &Key,
        cause: CauseKind,
        incident: &Incident,
        until: Option<WallTime>,
        now: Anchor,
    ) {
        let wait = self.policy.group_wait.max(limits::ALERT_SETTLE);
        let is_root_down = self.is_root_down(cause);
        let Some(group) = self.groups.0.get_mut(&(key.rule.clone(), cause)) else {
            return;
        };
        if let Some(id) = key.target {
            group.members.remove(&id);
        }
        let back_at = incident
            .length
            .map_or(now.mono, |length| incident.from.plus(length));
        if group.back.is_none_or(|(latest, _)| latest < back_at) {
            group.back = Some((back_at, until.unwrap_or(now.wall)));
        }
        group.sent += incident.sent;
        group.lost += incident.lost;
        group.is_over_a_break |= incident.is_over_a_break;
        group.is_acknowledged |= incident.is_acknowledged;
        if group.members.is_empty() {
            group.settle_at = Some(now.mono);
        } else if !is_root_down {
            group.settle_at.get_or_insert(now.mono.plus(wait));
        }
    }

    /// Ends the causes that are over, and escalates those that are not.
    pub(super) fn settle_groups(&mut self, now: Anchor) {
        let keys: Vec<_> = self.groups.0.keys().cloned().collect();
        for (rule, cause) in keys {
            self.escalate_group(&rule, cause, now);
            self.settle_group(rule, cause, now);
        }
    }

    fn settle_group(&mut self, rule: String, cause: CauseKind, now: Anchor) {
        let id = (rule, cause);
        let is_root_down = self.is_root_down(cause);
        let Some(group) = self.groups.0.get_mut(&id) else {
            return;
        };
        if group.settle_at.is_none_or(|at| at > now.mono) {
            return;
        }
        if is_root_down && !group.members.is_empty() {
            group.settle_at = None;
            return;
        }
        let Some(group) = self.groups.0.remove(&id) else {
            return;
        };
        for member in &group.members {
            let key = Key {
                rule: id.0.clone(),
                target: Some(*member),
                kind: Kind::Outage,
            };
            // Its cause is over and it is down still: news, and no repetition.
            self.cooling.remove(&key);
            if let Some(incident) = self.incidents.get_mut(&key) {
                incident.stage = Stage::Pending;
                incident.ready_at = now.mono;
            }
        }
        if group.is_told {
            let to = self
                .outage_rule(&id.0)
                .map(|rule| rule.to.clone())
                .unwrap_or_default();
            let until = group.back.map_or(now.wall, |(_, wall)| wall);
            self.say_group(&to, cause, &group, (Telling::Ended, Some(until)), now);
        }
    }

    fn escalate_group(&mut self, rule: &str, cause: CauseKind, now: Anchor) {
        let Some(group) = self.groups.0.get_mut(&(rule.to_owned(), cause)) else {
            return;
        };
        if group.escalate_at.is_none_or(|at| at > now.mono) {
            return;
        }
        group.escalate_at = None;
        let group = group.clone();
        let is_acknowledged = group.is_acknowledged
            || self.incidents.iter().any(|(key, incident)| {
                key.rule == rule && incident.stage == Stage::Under(cause) && incident.is_acknowledged
            });
        let escalation = self.outage_rule(rule).and_then(|rule| rule.escalation.clone());
        if let Some(escalation) = escalation.filter(|_| !is_acknowledged) {
            self.say_group(&escalation.to, cause, &group, (Telling::Escalated, None), now);
        }
    }

    /// The rule for outages with this key.
    fn outage_rule(&self, key: &str) -> Option<&Rule> {
        let mut rules = self.policy.rules.iter();
        rules.find(|rule| rule.key == key && rule.kind == Kind::Outage)
    }

    fn is_root_down(&self, cause: CauseKind) -> bool {
        matches!(cause, CauseKind::Behind(root) if self.down.contains(&root))
    }

    fn say_group(
        &mut self,
        to: &[String],
        cause: CauseKind,
        group: &Group,
        (telling, until): (Telling, Option<WallTime>),
        now: Anchor,
    ) {
        let root = match cause {
            CauseKind::Behind(root) => self.subjects.get(&root),
            CauseKind::EveryTarget => None,
        };
        let by_calendar = u64::try_from(until.unwrap_or(now.wall).nanos_after(group.since)).unwrap_or(0);
        let end = group
            .back
            .filter(|_| until.is_some())
            .map_or(now.mono, |(mono, _)| mono);
        let item = Item {
            target: root.map(|root| root.id),
            slug: root.map_or_else(String::new, |root| root.slug.clone()),
            name: root.map_or_else(String::new, |root| root.name.clone()),
            address: root.map_or_else(String::new, |root| root.address.clone()),
            kind: Kind::Outage,
            telling,
            since: group.since,
            until,
            duration_ns: if group.is_over_a_break {
                by_calendar
            } else {
                nanos_of(end.since(group.from))
            },
            sent: group.sent,
            lost: group.lost,
            outages: group.total,
            value: None,
            limit: None,
            event: group.event,
        };
        let cause = Cause {
            kind: cause,
            name: item.name.clone(),
            targets: group.total - u64::from(group.has_root && group.total > 0),
            names: group.names.clone(),
        };
        self.queue.add_cause(to.to_vec(), cause);
        self.queue
            .add(to.to_vec(), item, now.mono.plus(self.policy.group_wait));
    }

    /// The topmost target that is down among those this one is reached through.
    fn root_of(&self, id: TargetId) -> Option<TargetId> {
        self.ancestors(id)
            .into_iter()
            .rev()
            .find(|id| self.down.contains(id))
    }

    fn has_flapping_ancestor(&self, id: TargetId) -> bool {
        self.ancestors(id)
            .into_iter()
            .any(|ancestor| self.is_flapping(Some(ancestor)))
    }

    /// Nearest first. A ring of targets behind each other ends where it began.
    fn ancestors(&self, id: TargetId) -> Vec<TargetId> {
        let mut ancestors = Vec::new();
        let mut at = id;
        while let Some(next) = self
            .subjects
            .get(&at)
            .and_then(|subject| subject.behind.as_ref())
            .and_then(|slug| self.by_slug.get(slug))
        {
            if *next == id || ancestors.contains(next) {
                break;
            }
            ancestors.push(*next);
            at = *next;
        }
        ancestors
    }

    /// Two can fail at once by chance.
    fn is_every_target_down(&self) -> bool {
        self.down.len() >= limits::ALERT_EVERY_TARGET_MIN && self.is_cut_off()
    }

    /// Whether every target that is watched is down, this computer apart.
    pub(super) fn is_cut_off(&self) -> bool {
        let mut watched = self
            .subjects
            .values()
            .filter(|subject| subject.is_enabled && !subject.is_here)
            .map(|subject| self.down.contains(&subject.id));
        // Mostly the first says no.
        watched.next() == Some(true) && watched.all(|is_down| is_down)
    }

    fn silence(&mut self, key: &Key) {
        if let Some(incident) = self.incidents.get_mut(key) {
            incident.stage = Stage::Silent;
        }
    }
}
