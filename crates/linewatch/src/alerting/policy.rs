//! As written -> as meant: the rules in force, and the maintenance windows as instants.

use jiff::Timestamp;
use linewatch_core::alert::{Kind, Maintenance, Matcher, Policy, Rule};
use linewatch_core::time::WallTime;

use crate::config::alerts;

/// What is told when nobody wrote a rule (INTERFACE.md `[[alerts.rules]]`).
const WITHOUT_RULES: [Kind; 5] = [Kind::Outage, Kind::Latency, Kind::Loss, Kind::Jitter, Kind::Stale];

/// The policy of a checked configuration.
pub(crate) fn policy(alerts: &alerts::Alerts) -> Policy {
    let mut rules: Vec<Rule> = alerts.rules.iter().map(|rule| meant(alerts, rule)).collect();
    if rules.is_empty() {
        rules.extend(WITHOUT_RULES.map(|kind| Rule {
            key: kind.word().to_owned(),
            matcher: Matcher::default(),
            kind,
            above: None,
            hold: alerts.hold,
            to: Vec::new(),
            escalation: None,
        }));
    }
    Policy {
        rules,
        cooldown: alerts.cooldown,
        group_wait: alerts.group_wait,
        maintenance: alerts.maintenance.iter().filter_map(window).collect(),
    }
}

fn meant(alerts: &alerts::Alerts, rule: &alerts::Rule) -> Rule {
    Rule {
        key: key(rule),
        matcher: rule.matcher.clone(),
        kind: rule.kind,
        above: rule.above,
        hold: rule.hold.unwrap_or(alerts.hold),
        to: rule.to.clone(),
        escalation: rule.escalate.clone(),
    }
}

/// Stays the same while the rule says the same, wherever in the file it stands.
fn key(rule: &alerts::Rule) -> String {
    if !rule.name.is_empty() {
        return rule.name.clone();
    }
    let matcher = &rule.matcher;
    let parts = [
        &matcher.target,
        &matcher.group,
        &matcher.country,
        &matcher.partner,
        &matcher.label,
    ];
    let mut key = rule.kind.word().to_owned();
    for part in parts {
        key.push('/');
        key.push_str(part);
    }
    format!("{key} to {}", rule.to.join(","))
}

/// An empty end is no end on that side. The dates were checked when the file was read.
fn window(window: &alerts::Maintenance) -> Option<Maintenance> {
    let instant = |text: &str, otherwise: i64| {
        if text.is_empty() {
            return Some(WallTime::from_nanos(otherwise));
        }
        let at: Timestamp = text.parse().ok()?;
        Some(WallTime::from_nanos(i64::try_from(at.as_nanosecond()).ok()?))
    };
    Some(Maintenance {
        matcher: window.matcher.clone(),
        from: instant(&window.from, i64::MIN)?,
        to: instant(&window.to, i64::MAX)?,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn without_a_rule_five_kinds_are_told_about_every_target() {
        let policy = policy(&alerts::Alerts::default());
        let kinds: Vec<_> = policy.rules.iter().map(|rule| rule.kind).collect();
        assert_eq!(kinds, WITHOUT_RULES);
        assert!(
            policy
                .rules
                .iter()
                .all(|rule| rule.hold == Duration::from_secs(10))
        );
    }

    #[test]
    fn a_maintenance_window_means_instants_and_an_empty_side_has_no_end() {
        let mut alerts = alerts::Alerts::default();
        alerts.maintenance.push(alerts::Maintenance {
            matcher: Matcher::default(),
            from: "2026-11-21T02:00:00+07:00".to_owned(),
            to: String::new(),
        });
        let window = policy(&alerts).maintenance.remove(0);
        assert_eq!(window.from.as_nanos(), 1_795_201_200_000_000_000);
        assert_eq!(window.to.as_nanos(), i64::MAX);
    }

    #[test]
    fn the_key_of_a_rule_does_not_depend_on_its_place() {
        let rule = |name: &str, group: &str| alerts::Rule {
            name: name.to_owned(),
            matcher: Matcher {
                group: group.to_owned(),
                ..Matcher::default()
            },
            kind: Kind::Outage,
            above: None,
            hold: None,
            to: Vec::new(),
            escalate: None,
        };
        let alerts = alerts::Alerts {
            rules: vec![rule("", "a"), rule("", "b"), rule("mine", "a")],
            ..alerts::Alerts::default()
        };
        let keys: Vec<_> = policy(&alerts).rules.into_iter().map(|rule| rule.key).collect();
        assert_eq!(keys, ["outage//a/// to ", "outage//b/// to ", "mine"]);
    }
}
