//! Finds when a target had no measurement or no address: views knew it, no sum keeps it, and the log of events says when.
//!
//! In: a target's events and what its minutes came to. Out: the same minutes, with the states they were in. Pure.

use linewatch_core::event::{Event, EventKind};
use linewatch_core::target::ProbePlan;
use linewatch_core::time::WallTime;
use linewatch_core::view::{State, TargetError, TargetView};

use crate::control::STILL_PROBED;

/// What the live window would have shown at the end of a stretch of sums.
pub(super) struct Level {
    /// Of the stretch.
    pub begin: WallTime,
    /// At its end.
    pub view: TargetView,
}

impl Level {
    /// Something was measured in it.
    fn is_measured(&self) -> bool {
        self.view.window.probes > 0 || self.view.last.is_some()
    }
}

/// A stretch in which a target was not measured.
struct Trouble {
    from: WallTime,
    /// `None`: it lasts until the end of the period.
    to: Option<WallTime>,
    state: State,
    error: Option<TargetError>,
}

/// Levels, and the begins and ends of troubles among them, in no order. `bare` makes a view of a moment with nothing in it.
pub(super) fn with_troubles(
    mut levels: Vec<Level>,
    events: &[Event],
    plan: &ProbePlan,
    bare: impl Fn(WallTime) -> TargetView,
) -> Vec<TargetView> {
    let troubles: Vec<Trouble> = events
        .iter()
        .filter_map(|event| trouble(event, &levels, plan))
        .filter(|trouble| trouble.to.is_none_or(|to| to > trouble.from))
        .collect();
    for level in &mut levels {
        let at = level.view.at;
        let same = |trouble: &&Trouble| trouble.from <= at && trouble.to.is_none_or(|to| at < to);
        if let Some(trouble) = troubles.iter().find(same) {
            level.view.state = trouble.state;
            level.view.error.clone_from(&trouble.error);
        }
    }
    let mut views: Vec<TargetView> = levels.into_iter().map(|level| level.view).collect();
    for trouble in troubles {
        views.push(TargetView {
            state: trouble.state,
            error: trouble.error,
            ..bare(trouble.from)
        });
        views.extend(trouble.to.map(|to| TargetView {
            state: State::Ok,
            ..bare(to)
        }));
    }
    views
}

fn trouble(event: &Event, levels: &[Level], plan: &ProbePlan) -> Option<Trouble> {
    match event.kind {
        // The event is dated from the last finished probe, the state from when that was too long ago.
        EventKind::Stale => Some(Trouble {
            from: event.at.plus(plan.stale_after()),
            to: event.until,
            state: State::Stale,
            error: None,
        }),
        // A moment; it is over with the first minute in which something was measured.
        EventKind::DnsFailed if !event.message.ends_with(STILL_PROBED) => Some(Trouble {
            from: event.at,
            to: levels
                .iter()
                .filter(|level| level.begin >= event.at && level.is_measured())
                .map(|level| level.begin)
                .min(),
            state: State::Error,
            error: Some(TargetError::Dns(event.message.clone())),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use linewatch_core::alert::{Kind, Matcher, Policy, Rule, Telling};
    use linewatch_core::event::{EventId, RunId, Severity};
    use linewatch_core::monitor::Effect;
    use linewatch_core::target::{Host, Target, TargetId};

    use super::super::bare_view;
    use super::*;
    use crate::alerting::Replay;

    const ID: TargetId = TargetId(1);

    fn at(second: u64) -> WallTime {
        WallTime::from_nanos(1_795_219_200_000_000_000).plus(Duration::from_secs(second))
    }

    fn target() -> Target {
        Target {
            slug: "gw".to_owned(),
            name: "Gateway".to_owned(),
            ..Target::plain(ID, Host::Name("gw.example".to_owned()))
        }
    }

    /// Minute `n` was measured.
    fn minute(n: u64) -> Level {
        let mut view = TargetView {
            state: State::Ok,
            ..bare_view(ID, at(60 * n + 60))
        };
        view.window.probes = 60;
        Level {
            begin: at(60 * n),
            view,
        }
    }

    fn event(kind: EventKind, from: u64, until: Option<u64>, message: &str) -> Event {
        Event {
            id: EventId {
                run: RunId(1),
                seq: 1,
            },
            kind,
            severity: Severity::Warning,
            target: Some(ID),
            at: at(from),
            until: until.map(at),
            count: 1,
            excess: None,
            message: message.to_owned(),
        }
    }

    /// What a rule of this kind would have told until second 900: second and telling.
    fn told(kind: Kind, minutes: &[u64], event: Event) -> Vec<(i64, Telling)> {
        let policy = Policy {
            rules: vec![Rule {
                key: "rule".to_owned(),
                matcher: Matcher::default(),
                kind,
                above: None,
                hold: Duration::from_secs(10),
                to: Vec::new(),
                escalation: None,
            }],
            cooldown: Duration::from_secs(300),
            group_wait: Duration::from_secs(5),
            maintenance: Vec::new(),
        };
        let target = target();
        let levels = minutes.iter().copied().map(minute).collect();
        let mut views = with_troubles(levels, &[event], &target.plan, |at| bare_view(ID, at));
        views.sort_by_key(|view| view.at);
        let mut replay = Replay::new(policy, &[target], at(0));
        for view in views {
            replay.hear(view.at, Effect::Views(vec![view]));
        }
        let told = replay.end(at(900));
        let said = told.iter().map(|message| {
            let second = message.at.nanos_after(at(0)) / 1_000_000_000;
            (second, message.items[0].telling)
        });
        said.collect()
    }

    #[test]
    fn a_silence_is_told_from_when_it_was_stale_and_ends_with_the_next_measurement() {
        // The last probe finished in the middle of minute 1, the next one in minute 5.
        let silence = event(EventKind::Stale, 90, Some(330), "no measurement");
        let stale_after = ProbePlan::default().stale_after().as_secs() as i64;
        let said = told(Kind::Stale, &[0, 1, 5, 6, 7], silence);
        assert_eq!(
            said[0],
            (90 + stale_after + 15, Telling::Began),
            "for, then group_wait"
        );
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(
            (336..=342).contains(&said[1].0) && said[1].1 == Telling::Ended,
            "{said:?}"
        );
    }

    #[test]
    fn a_name_without_an_address_is_told_until_something_is_measured() {
        let failed = event(EventKind::DnsFailed, 30, Some(30), "gw.example: no such name");
        let said = told(Kind::Dns, &[4, 5, 6], failed);
        assert_eq!(said[0], (45, Telling::Began));
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(
            (246..=252).contains(&said[1].0) && said[1].1 == Telling::Ended,
            "{said:?}"
        );
    }

    #[test]
    fn a_name_that_fails_while_its_address_is_still_probed_is_no_fault() {
        let text = format!("gw.example: timed out; its last good address 192.0.2.1 {STILL_PROBED}");
        let failed = event(EventKind::DnsFailed, 30, Some(30), &text);
        assert_eq!(told(Kind::Dns, &[0, 1, 2], failed), []);
    }
}
