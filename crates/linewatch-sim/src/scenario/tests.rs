//! Claims about the scenario language: every directive, and the line and word of every mistake.

use std::time::Duration;

use linewatch_core::record::Counts;
use linewatch_core::target::TargetId;
use linewatch_core::time::MonoTime;

use super::{ActKind, ExpectKind, Scenario};
use crate::path::Effect;

const STORY: &str = r#"
target gw 192.0.2.1 icmp every 100ms timeout 1s        # the one of the design
label  gw name "The gateway" country JP
net    rtt 12ms +-3ms  loss 0%
at 30s net down for 7s
at 40s pause gw
expect outage gw from 30.0s to 37.0s within 0.1s
expect lost gw 3..5
"#;

/// Reads a story with an error in its last line.
#[track_caller]
fn check_error(last_line: &str, expected: &str) {
    let text = format!("target gw 192.0.2.1 icmp every 100ms timeout 1s\n{last_line}");
    let error = Scenario::parse(&text).expect_err("this line is wrong");
    assert_eq!(error.to_string(), format!("scenario line 2: {expected}"));
}

#[test]
fn a_story_is_read_as_it_is_meant() {
    let story = Scenario::parse(STORY).expect("a right story");
    assert_eq!(
        (story.targets[0].name.as_str(), story.targets[0].country.as_str()),
        ("The gateway", "JP")
    );
    assert_eq!(story.targets[0].plan.interval, Duration::from_millis(100));
    let (_, spell) = &story.spells[2];
    assert_eq!(
        (&spell.effect, spell.lasts),
        (&Effect::Down, Some(Duration::from_secs(7)))
    );
    assert_eq!(story.acts[1].kind, ActKind::Pause(TargetId(1)));
    assert!(
        matches!(story.expects[0].kind, ExpectKind::Outage { to, .. } if to == MonoTime::from_nanos(37_000_000_000))
    );
    let ExpectKind::Count(name, range) = story.expects[1].kind else {
        panic!("{:?}", story.expects[1])
    };
    assert_eq!((name.word(), range.from, range.to), ("lost", 3, 5));
    assert_eq!(
        name.value(&Counts {
            lost: 4,
            ..Counts::default()
        }),
        4
    );
}

#[test]
fn rules_and_mails_are_read_as_the_design_writes_them() {
    let story = "target gw 192.0.2.1 icmp every 100ms timeout 1s\n\
        alert  for 2s, group_wait 0s\n\
        alert latency above 150\n\
        expect mails: 32.0s \"gw is down\", 37.2s \"gw is up, again\" within 1s\n";
    let story = Scenario::parse(story).expect("a right story");
    let [outage, latency] = story.policy.rules.as_slice() else {
        panic!("{:?}", story.policy)
    };
    assert_eq!(
        (outage.hold, story.policy.group_wait),
        (Duration::from_secs(2), Duration::ZERO)
    );
    assert_eq!((latency.kind.word(), latency.above), ("latency", Some(150.0)));
    let ExpectKind::Mails { mails, within } = &story.expects[0].kind else {
        panic!("{:?}", story.expects[0])
    };
    assert_eq!(
        mails[1],
        (MonoTime::from_nanos(37_200_000_000), "gw is up, again".to_owned())
    );
    assert_eq!(*within, Duration::from_secs(1));
    check_error(
        "alert loudly",
        "\"loudly\": expected a kind of alert, above, for, group_wait or cooldown",
    );
    check_error(
        "expect mails",
        "\"\": expected none, or an instant and what the mail says",
    );
}

#[test]
fn an_error_names_the_line_and_the_word() {
    check_error(
        "at 30 net down",
        r#""30": expected a duration such as 250ms or 1.5s"#,
    );
    check_error("net gw loss 101%", r#""101%": expected a share from 0% to 100%"#);
    check_error(
        "at 1s pause gv",
        r#""gv": no target of this name above this line"#,
    );
    check_error(
        "at 1s suspend",
        r#""": the line ends where a duration such as 250ms or 1.5s should be"#,
    );
    check_error("expect state gw well at 3s", r#""well": no such state"#);
    check_error("run 3s 4s", r#""4s": not understood here"#);
    check_error(
        "target gw 192.0.2.2 icmp every 1s timeout 1s",
        r#""gw": this name is taken"#,
    );
}

#[test]
fn an_address_that_could_be_somebodys_is_refused() {
    check_error(
        "target dns 8.8.8.8 icmp every 1s timeout 1s",
        r#""8.8.8.8": expected an IP address of the documentation ranges"#,
    );
}

#[test]
fn what_only_simulated_time_can_do_is_named() {
    let story = Scenario::parse(STORY).expect("a right story");
    assert!(
        story
            .needs_simulated_time()
            .is_some_and(|what| what.starts_with("an act by hand"))
    );
    let plain = "target gw 192.0.2.1 icmp every 1s timeout 1s\nat 9s every 30s net gw down for 5s";
    assert_eq!(
        Scenario::parse(plain)
            .expect("a right story")
            .needs_simulated_time(),
        None
    );
}

#[test]
fn the_demo_can_be_shown_in_real_time() {
    let demo = Scenario::parse(super::DEMO).expect("a right story");
    assert_eq!(demo.needs_simulated_time(), None);
    assert_eq!(demo.first_targets().len(), 11);
}
