//! Takes the state of alerts out as plain values, and puts it back after a restart.
//!
//! Only the calendar survives a restart, so dates are of the calendar here. What was open is unsure until the network
//! has answered for it: nothing is told twice, nothing is forgotten.

use std::time::Duration;

use crate::event::EventId;
use crate::target::TargetId;
use crate::time::{Anchor, WallTime};

use super::conditions::is_seen_in_views;
use super::notification::{Cause, CauseKind, Item};
use super::policy::Kind;
use super::state::{ANSWERS_TO_BELIEVE, Alerts, Incident, Key, Stage};

/// One open fault as kept over a restart.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedIncident {
    /// [`super::Rule::key`].
    pub rule: String,
    /// Whose.
    pub target: Option<TargetId>,
    /// What.
    pub kind: Kind,
    /// When it began.
    pub since: WallTime,
    /// When it was told; `None`: not yet.
    pub told_at: Option<WallTime>,
    /// Told as part of this.
    pub cause: Option<CauseKind>,
    /// Somebody has taken notice.
    pub is_acknowledged: bool,
    /// Those of the escalation know.
    pub is_escalated: bool,
    /// See [`super::Item::sent`].
    pub sent: u64,
    /// See [`super::Item::lost`].
    pub lost: u64,
    /// See [`super::Item::value`].
    pub value: Option<f64>,
    /// See [`super::Item::event`].
    pub event: Option<EventId>,
    /// The target's name, for a target that is gone at the next start.
    pub name: String,
}

/// One message that was decided and has not left: it waits for company, or the cap of messages an hour holds it back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SavedMessage {
    /// See [`super::Notification::to`].
    pub to: Vec<String>,
    /// See [`super::Notification::items`].
    pub items: Vec<Item>,
    /// See [`super::Notification::causes`].
    pub causes: Vec<Cause>,
    /// See [`super::Notification::more`].
    pub more: u64,
}

/// Everything that a restart must not forget.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The next [`super::Notification::serial`] is above this.
    pub serial: u64,
    /// What is open.
    pub incidents: Vec<SavedIncident>,
    /// Until when a rule has said enough about a target.
    pub cooling: Vec<(String, Option<TargetId>, Kind, WallTime)>,
    /// What was decided and has not left.
    pub waiting: Vec<SavedMessage>,
    /// When messages left within the hour, by destinations: a restart gives nobody another hour's worth.
    pub sent: Vec<(Vec<String>, Vec<WallTime>)>,
}

impl Alerts {
    /// Everything that a restart must not forget. What is in no message yet counts as not told.
    pub fn snapshot(&self, now: Anchor) -> Snapshot {
        let mut incidents: Vec<_> = self
            .incidents
            .iter()
            .filter(|(key, _)| key.kind != Kind::Flapping)
            .map(|(key, incident)| saved(key, incident, self))
            .collect();
        incidents.sort_by(|a, b| (&a.rule, a.target, a.kind).cmp(&(&b.rule, b.target, b.kind)));
        let cooling = self
            .cooling
            .iter()
            .map(|(key, &until)| (key.rule.clone(), key.target, key.kind, now.wall_at(until)))
            .collect();
        Snapshot {
            serial: self.queue.serial(),
            incidents,
            cooling,
            waiting: self.queue.waiting(),
            sent: self.queue.sent(now),
        }
    }

    /// Takes up what was open. The policy and the targets must be set before: what no rule is about any more is
    /// dropped, what was told of a target that is gone is withdrawn.
    pub fn restore(&mut self, snapshot: Snapshot, now: Anchor) {
        self.queue.continue_after(snapshot.serial);
        self.queue.restore(snapshot.waiting, snapshot.sent, now);
        for (rule, target, kind, until) in snapshot.cooling {
            let left = length_from(now.wall, until).min(self.policy.cooldown);
            self.cooling
                .insert(Key { rule, target, kind }, now.mono.plus(left));
        }
        for saved in snapshot.incidents {
            let key = Key {
                rule: saved.rule.clone(),
                target: saved.target,
                kind: saved.kind,
            };
            let Some(rule) = self.rule(&key) else { continue };
            let stage = match (saved.cause, saved.told_at) {
                (Some(cause), Some(_)) => Stage::Under(cause),
                (_, Some(at)) => Stage::Told(at),
                (_, None) => Stage::Pending,
            };
            let escalate_at = match (&rule.escalation, saved.told_at) {
                (Some(escalation), Some(at)) if !saved.is_escalated => {
                    let left = escalation.after.saturating_sub(length_from(at, now.wall));
                    Some(now.mono.plus(left))
                }
                _ => None,
            };
            let held = length_from(saved.since, now.wall);
            let incident = Incident {
                since: saved.since,
                from: now.mono,
                ready_at: now.mono.plus(rule.hold.saturating_sub(held)),
                stage,
                length: None,
                escalate_at,
                is_acknowledged: saved.is_acknowledged,
                is_escalated: saved.is_escalated,
                // A fault seen from views goes on or is over with the next view.
                answers_wanted: if saved.kind == Kind::Outage {
                    ANSWERS_TO_BELIEVE
                } else {
                    0
                },
                is_over_a_break: true,
                clear_since: None,
                sent: saved.sent,
                lost: saved.lost,
                value: saved.value,
                event: saved.event,
            };
            if let Stage::Under(cause) = stage {
                self.join(&key, cause, &incident, now);
            }
            self.unsure.extend(key.target);
            self.faulty
                .extend(key.target.filter(|_| is_seen_in_views(key.kind)));
            let is_gone = key.target.is_some_and(|id| !self.subjects.contains_key(&id));
            self.incidents.insert(key.clone(), incident);
            if is_gone {
                self.withdraw_incident(&key, &saved.name, now);
            }
        }
    }
}

fn saved(key: &Key, incident: &Incident, alerts: &Alerts) -> SavedIncident {
    let (told_at, cause) = match incident.stage {
        Stage::Pending | Stage::Silent => (None, None),
        Stage::Told(at) => (Some(at), None),
        Stage::Under(cause) => (Some(incident.since), Some(cause)),
    };
    SavedIncident {
        rule: key.rule.clone(),
        target: key.target,
        kind: key.kind,
        since: incident.since,
        told_at,
        cause,
        is_acknowledged: incident.is_acknowledged,
        is_escalated: incident.is_escalated,
        sent: incident.sent,
        lost: incident.lost,
        value: incident.value,
        event: incident.event,
        name: key
            .target
            .and_then(|id| alerts.subjects.get(&id))
            .map_or_else(String::new, |subject| subject.name.clone()),
    }
}

/// From one date to a later one; zero if it is earlier, because the clock was set back.
pub(super) fn length_from(from: WallTime, to: WallTime) -> Duration {
    Duration::from_nanos(u64::try_from(to.nanos_after(from)).unwrap_or(0))
}
