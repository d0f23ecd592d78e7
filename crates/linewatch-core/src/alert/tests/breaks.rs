//! Stories of restarts, suspensions, silences and people.

use super::*;

#[test]
fn a_restart_in_an_outage_neither_repeats_nor_forgets() {
    let mut story = Story::of(2);
    story.down(1).pass(20);
    assert_eq!(story.heard(), ["+t1 outage 15s"]);
    let subjects = vec![subject(1, None), subject(2, None)];

    let mut still_down = story.restarted(30, subjects.clone());
    still_down.view(1, State::Waiting, None).pass(3).down(1).pass(60);
    assert_eq!(
        still_down.heard(),
        Vec::<String>::new(),
        "told before the restart"
    );
    still_down.up(1, 1047).pass(10);
    assert_eq!(still_down.heard(), ["-t1 outage 116s"], "from its true begin");
    assert!(still_down.told.iter().all(|message| message.serial > 1));

    let mut back = story.restarted(30, subjects);
    for _ in 0..3 {
        back.pass(1).view(1, State::Bad, Some(20));
    }
    back.pass(6);
    assert_eq!(back.heard(), ["-t1 outage 56s"]);
}

#[test]
fn the_losses_of_an_outage_are_not_told_again_as_loss() {
    let mut policy = policy();
    policy.rules.push(rule(Kind::Loss, Some(0.05)));
    let mut story = Story::with(policy, vec![subject(1, None), subject(2, None)]);
    let lossy = |story: &mut Story, state: State, span: u64, lost: u64| {
        let now = story.now();
        let mut figures = view(1, state, Some(20), now.wall);
        figures.window.span = s(span);
        figures.window.loss = Loss {
            failed: lost,
            finished: 60,
        };
        story.alerts.on_view(&figures, now);
        story.pass(1);
    };
    // A loss above the limit just before the outage opens, and a minute of a window that still counts the outage.
    lossy(&mut story, State::Bad, 60, 4);
    story.down(1).pass(120);
    story.up(1, 998);
    for second in 0..60 {
        lossy(&mut story, State::Bad, 60, 58 - second.min(57));
    }
    story.pass(10);
    assert_eq!(story.heard(), ["+t1 outage 15s", "-t1 outage 123s"]);
    // What is lost after that is news.
    for _ in 0..20 {
        lossy(&mut story, State::Bad, 60, 9);
    }
    assert_eq!(story.heard(), ["+t1 loss 15s"]);
}

#[test]
fn what_was_told_of_a_target_that_is_gone_after_a_restart_is_withdrawn() {
    let mut story = Story::of(2);
    story.down(1).pass(20).heard();
    let mut next = story.restarted(30, vec![subject(2, None)]);
    next.pass(6);
    assert_eq!(next.told[0].items[0].name, "Target 1");
    assert_eq!(next.heard(), ["~ outage 53s".replace("~ ", "~all ")]);
}

#[test]
fn a_suspension_inside_an_outage_is_neither_a_recovery_nor_a_new_alert() {
    let mut story = Story::of(2);
    story.down(1).pass(20);
    assert_eq!(story.heard().len(), 1);
    story.alerts.on_break(TargetId(1));
    story.up(1, 997).pass(60).down(1).pass(60);
    assert_eq!(story.heard(), Vec::<String>::new());
    story.up(1, 1077).pass(10);
    assert_eq!(story.heard(), ["-t1 outage 143s"]);
}

#[test]
fn in_maintenance_nothing_is_told_and_what_lasts_is_told_at_its_end() {
    let mut policy = policy();
    policy.maintenance.push(Maintenance {
        matcher: Matcher {
            target: "t1".to_owned(),
            ..Matcher::default()
        },
        from: wall(900),
        to: wall(1100),
    });
    let subjects = vec![subject(1, None), subject(2, None)];
    let mut story = Story::with(policy, subjects);
    story.down(1).pass(30).up(1, 997).pass(10);
    assert_eq!(story.heard(), Vec::<String>::new(), "begun and ended inside");
    story.view(1, State::Bad, Some(300)).down(1).pass(50);
    assert_eq!(story.heard(), Vec::<String>::new());
    story.pass(20);
    let heard = story.heard();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(
        heard[0].contains("+t1 outage") && heard[0].contains("+t1 latency"),
        "{heard:?}"
    );
}

#[test]
fn a_silence_holds_for_every_kind_and_ends() {
    let mut story = Story::of(2);
    story.alerts.set_silences(vec![Silence {
        id: 1,
        matcher: Matcher::default(),
        until: wall(1060),
        comment: String::new(),
    }]);
    let now = story.now();
    story.alerts.on_fault(Kind::Local, true, None, now);
    story.down(1).pass(59);
    assert_eq!(story.heard(), Vec::<String>::new());
    story.pass(6);
    assert_eq!(story.heard().len(), 1);
}

#[test]
fn an_alert_nobody_acknowledges_is_escalated_once() {
    let mut policy = policy();
    policy.rules[0].escalation = Some(Escalation {
        after: s(60),
        to: vec!["boss".to_owned()],
    });
    let subjects = vec![subject(1, None), subject(2, None)];
    let mut story = Story::with(policy, subjects);
    story.down(1).down(2).pass(14);
    assert_eq!(story.heard().len(), 1);
    let first = EventId {
        run: RunId(1),
        seq: 1,
    };
    assert!(story.alerts.acknowledge(first));
    story.pass(300);
    assert_eq!(story.told[0].to, ["boss"]);
    let heard = story.heard();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(heard[0].starts_with("!t2"), "{heard:?}");
}

#[test]
fn a_target_stopped_by_hand_is_withdrawn() {
    let mut story = Story::of(2);
    story.down(1).pass(20).heard();
    let mut stopped = subject(1, None);
    stopped.is_enabled = false;
    let now = story.now();
    story.alerts.set_subject(stopped, now);
    story.alerts.on_break(TargetId(1));
    story.up(1, 997).pass(6);
    assert_eq!(story.heard(), ["~t1 outage 23s"]);
}
