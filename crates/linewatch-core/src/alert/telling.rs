//! Tells: what may be told now, what is escalated, and what a message says of an incident.

use crate::time::{Anchor, WallTime, nanos_of};

use super::notification::{Item, Telling};
use super::policy::{Kind, Subject};
use super::state::{Alerts, Incident, Key, Stage};

impl Alerts {
    pub(super) fn escalate(&mut self, now: Anchor) {
        let due: Vec<Key> = self
            .incidents
            .iter()
            .filter(|(_, incident)| incident.escalate_at.is_some_and(|at| at <= now.mono))
            .map(|(key, _)| key.clone())
            .collect();
        for key in due {
            let to = self.rule(&key).and_then(|rule| rule.escalation.clone());
            let Some(incident) = self.incidents.get_mut(&key) else {
                continue;
            };
            incident.escalate_at = None;
            if incident.is_acknowledged || incident.answers_wanted > 0 {
                continue;
            }
            incident.is_escalated = true;
            let incident = incident.clone();
            if let Some(escalation) = to {
                let item = self.item(&key, &incident, Telling::Escalated, None, now);
                self.queue
                    .add(escalation.to, item, now.mono.plus(self.policy.group_wait));
            }
        }
    }

    /// What may be told now, the oldest first.
    pub(super) fn ready(&self, now: Anchor) -> Vec<Key> {
        let ready = self.incidents.iter().filter(|(key, incident)| {
            incident.stage == Stage::Pending
                && incident.ready_at <= now.mono
                && incident.answers_wanted == 0
                && incident.clear_since.is_none()
                && !self.cooling.contains_key(key)
                && !self.is_silent(key, now.wall)
                && !(key.kind == Kind::Outage && self.is_flapping(key.target))
        });
        let mut ready: Vec<_> = ready
            .map(|(key, incident)| (incident.since, key.clone()))
            .collect();
        ready.sort();
        ready.into_iter().map(|(_, key)| key).collect()
    }

    fn is_silent(&self, key: &Key, now: WallTime) -> bool {
        let subject = key.target.and_then(|id| self.subjects.get(&id));
        let in_maintenance = self
            .policy
            .maintenance
            .iter()
            .any(|stretch| stretch.from <= now && now < stretch.to && stretch.matcher.matches(subject));
        in_maintenance
            || self
                .silences
                .iter()
                .any(|silence| now < silence.until && silence.matcher.matches(subject))
    }

    /// Tells what is ready: by its cause where it has one.
    pub(super) fn tell(&mut self, ready: &[Key], now: Anchor) {
        self.find_causes(ready, now);
        for key in ready {
            let cooled_at = now.mono.plus(self.policy.cooldown);
            let after = self
                .rule(key)
                .and_then(|rule| rule.escalation.as_ref())
                .map(|escalation| escalation.after);
            let Some(incident) = self.incidents.get_mut(key) else {
                continue;
            };
            if matches!(incident.stage, Stage::Silent) {
                continue;
            }
            self.cooling.insert(key.clone(), cooled_at);
            if incident.stage != Stage::Pending {
                continue;
            }
            incident.stage = Stage::Told(now.wall);
            incident.escalate_at = after.map(|after| now.mono.plus(after));
            let incident = incident.clone();
            let item = self.item(key, &incident, Telling::Began, None, now);
            self.say(key, item, now);
        }
    }

    /// What a message says of an incident.
    pub(super) fn item(
        &self,
        key: &Key,
        incident: &Incident,
        telling: Telling,
        until: Option<WallTime>,
        now: Anchor,
    ) -> Item {
        let subject = key.target.and_then(|id| self.subjects.get(&id));
        let text =
            |pick: fn(&Subject) -> &String| subject.map_or_else(String::new, |subject| pick(subject).clone());
        let end = until.unwrap_or(now.wall);
        let by_calendar = || u64::try_from(end.nanos_after(incident.since)).unwrap_or(0);
        let flapped = key
            .target
            .filter(|_| key.kind == Kind::Flapping)
            .and_then(|id| self.flaps.get(&id)?.so_far());
        Item {
            target: key.target,
            slug: text(|subject| &subject.slug),
            name: text(|subject| &subject.name),
            address: text(|subject| &subject.address),
            kind: key.kind,
            telling,
            since: incident.since,
            until,
            duration_ns: if incident.is_over_a_break {
                by_calendar()
            } else {
                nanos_of(incident.length.unwrap_or_else(|| now.mono.since(incident.from)))
            },
            sent: incident.sent,
            lost: incident.lost,
            outages: flapped.map_or(1, |flapped| flapped.outages),
            value: incident.value,
            limit: self.rule(key).and_then(|rule| self.limit(rule, key.target)),
            event: incident.event,
        }
    }
}
