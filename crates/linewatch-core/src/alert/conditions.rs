//! Sees faults in a target's view (too slow, too lossy, unsteady, stale, without an address) and in its flapping.
//!
//! Not knowing is not being well: a figure that is missing neither begins nor ends anything.

use std::time::Duration;

use crate::limits;
use crate::target::TargetId;
use crate::time::Anchor;
use crate::view::{State, TargetError, TargetView};

use super::notification::Telling;
use super::policy::{Kind, Rule};
use super::state::{Alerts, Key, Stage};

impl Alerts {
    /// A target's newest figures.
    pub fn on_view(&mut self, view: &TargetView, now: Anchor) {
        let is_of_an_outage = self.counts_an_outage(view, now);
        if let Some(subject) = self.subjects.get(&view.id) {
            let judged = self.policy.rules.iter().filter_map(|rule| {
                let is_about = is_seen_in_views(rule.kind)
                    && !(rule.kind == Kind::Loss && is_of_an_outage)
                    && rule.matcher.matches(Some(subject));
                let (holds, value) = judge(rule, rule.above.or(subject.limits.of(rule.kind)), view);
                // Mostly all is well, and there is nothing to end either.
                let is_news = holds == Some(true) || (holds == Some(false) && self.faulty.contains(&view.id));
                (is_about && is_news).then(|| (rule.clone(), holds == Some(true), value))
            });
            let judged: Vec<_> = judged.collect();
            for (rule, holds, value) in &judged {
                self.on_condition(rule, view.id, (*holds, *value), now);
            }
            if !judged.is_empty() {
                self.note_faulty(view.id);
            }
        }
        self.believe(view, now);
    }

    /// The window still reaches back into an outage that is over: its losses were told of.
    fn counts_an_outage(&mut self, view: &TargetView, now: Anchor) -> bool {
        let Some(&up_at) = self.up_at.get(&view.id) else {
            return false;
        };
        let counts = now.mono.since(up_at) <= view.window.span;
        if !counts {
            self.up_at.remove(&view.id);
        }
        counts
    }

    fn note_faulty(&mut self, id: TargetId) {
        if self.open_of(id).any(|key| is_seen_in_views(key.kind)) {
            self.faulty.insert(id);
        } else {
            self.faulty.remove(&id);
        }
    }

    fn on_condition(&mut self, rule: &Rule, id: TargetId, (holds, value): (bool, Option<f64>), now: Anchor) {
        if holds {
            let incident = self.begin(rule, Some(id), (now.wall, now.mono));
            incident.clear_since = None;
            incident.value = match (incident.value, value) {
                (Some(worst), Some(value)) => Some(worst.max(value)),
                (worst, value) => value.or(worst),
            };
            return;
        }
        let key = Key::of(rule, Some(id));
        let Some(incident) = self.incidents.get_mut(&key) else {
            return;
        };
        if incident.stage == Stage::Pending {
            self.incidents.remove(&key);
        } else {
            incident.clear_since.get_or_insert(now.mono);
        }
    }

    /// What the rule holds the target to.
    pub(super) fn limit(&self, rule: &Rule, target: Option<TargetId>) -> Option<f64> {
        rule.above
            .or_else(|| self.subjects.get(&target?)?.limits.of(rule.kind))
    }

    pub(super) fn is_flapping(&self, target: Option<TargetId>) -> bool {
        target
            .and_then(|id| self.flaps.get(&id))
            .is_some_and(super::flapping::Flaps::is_flapping)
    }

    /// One alert of its own from now on instead of one for each outage; it needs no `for`.
    pub(super) fn begin_flapping(&mut self, id: TargetId, now: Anchor) {
        let Some(flapped) = self.flaps.get(&id).and_then(super::flapping::Flaps::so_far) else {
            return;
        };
        let length = u64::try_from(now.wall.nanos_after(flapped.since)).unwrap_or(0);
        let from = now.mono.minus(Duration::from_nanos(length));
        for mut rule in self.rules_of(Kind::Outage, Some(id)) {
            (rule.kind, rule.hold) = (Kind::Flapping, Duration::ZERO);
            self.begin(&rule, Some(id), (flapped.since, from));
        }
    }

    /// Ends what flaps no longer, with a digest of it. An outage that is still open then stands for itself again.
    pub(super) fn settle_flapping(&mut self, now: Anchor) {
        let ids: Vec<TargetId> = self.flaps.keys().copied().collect();
        for id in ids {
            let Some(flaps) = self.flaps.get_mut(&id) else {
                continue;
            };
            if let Some(flapped) = flaps.settle(now.mono) {
                self.digest(id, flapped, now);
            }
        }
        self.flaps.retain(|_, flaps| !flaps.is_idle());
    }

    fn digest(&mut self, id: TargetId, flapped: super::flapping::Flapped, now: Anchor) {
        for rule in self.rules_of(Kind::Outage, Some(id)) {
            let key = Key {
                kind: Kind::Flapping,
                ..Key::of(&rule, Some(id))
            };
            let Some(incident) = self.incidents.remove(&key) else {
                continue;
            };
            if matches!(incident.stage, Stage::Told(_)) {
                let mut item = self.item(&key, &incident, Telling::Ended, Some(now.wall), now);
                item.outages = flapped.outages;
                // The time it was down: the time it flapped is between the two dates.
                item.duration_ns = crate::time::nanos_of(flapped.down);
                self.say(&key, item, now);
            }
        }
    }
}

pub(super) const fn is_seen_in_views(kind: Kind) -> bool {
    match kind {
        Kind::Latency | Kind::Loss | Kind::Jitter | Kind::Stale | Kind::Dns => true,
        Kind::Outage | Kind::Local | Kind::Storage | Kind::Flapping => false,
    }
}

/// Whether the rule's fault holds, as far as is known, and the value that says so.
fn judge(rule: &Rule, limit: Option<f64>, view: &TargetView) -> (Option<bool>, Option<f64>) {
    let is_known = !matches!(view.state, State::Waiting | State::Paused);
    let with_limit = |value: Option<f64>| {
        // While it is down the outage says it all.
        let value = value.filter(|_| is_known && view.state != State::Down);
        let holds = limit.and_then(|above| Some(value? > above));
        (holds, value)
    };
    match rule.kind {
        Kind::Latency => with_limit(view.window.rtt.map(|rtt| rtt.p50.as_millis_f64())),
        Kind::Jitter => with_limit(view.window.jitter.map(crate::time::Rtt::as_millis_f64)),
        Kind::Loss => {
            let is_enough = view.window.probes >= limits::INTERPRET_PROBES as u64;
            with_limit(view.window.loss.ratio().filter(|_| is_enough))
        }
        Kind::Stale => (is_known.then_some(view.state == State::Stale), None),
        Kind::Dns => {
            let has_no_address =
                matches!(view.error, Some(TargetError::Dns(_))) && view.state == State::Error;
            (is_known.then_some(has_no_address), None)
        }
        Kind::Outage | Kind::Local | Kind::Storage | Kind::Flapping => (None, None),
    }
}
