//! Each rule as a table: figures in, one sentence's worth of advice out.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::*;
use crate::event::RunId;
use crate::monitor::Monitor;
use crate::target::{Host, ProbePlan, TargetId};
use crate::time::{Anchor, MonoTime, WallTime};
use crate::view::OpenOutage;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn target(interval: Duration, timeout: Duration) -> Target {
    Target {
        slug: "far".to_owned(),
        name: "far".to_owned(),
        plan: ProbePlan {
            interval,
            timeout,
            ..ProbePlan::default()
        },
        ..Target::plain(
            TargetId(1),
            Host::Literal {
                ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
                zone: None,
            },
        )
    }
}

/// A target's view before anything was measured.
fn view(target: &Target) -> TargetView {
    let anchor = Anchor {
        mono: MonoTime::ZERO,
        wall: WallTime::from_nanos(0),
    };
    let mut monitor = Monitor::new(RunId(1), anchor);
    monitor.set_target(target, MonoTime::ZERO, &mut Vec::new());
    monitor.view(target.id).expect("just added")
}

#[test]
fn a_longer_timeout_is_advised_when_half_of_what_was_lost_came_a_little_later() {
    let check = |lost: u32, late: u32, p95_ms: u64, timeout_ms: u64, expected: Option<u64>| {
        let target = target(ms(1_000), ms(timeout_ms));
        let mut view = view(&target);
        view.signs.late = Some(LateShare {
            lost,
            late,
            came: late,
            within: ms(p95_ms),
            p95: ms(p95_ms),
        });
        let to = match advise(&target, &view, None) {
            Some(Advice::RaiseTimeout { from, to, .. }) => {
                assert_eq!(from, ms(timeout_ms));
                Some(to)
            }
            None => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            to,
            expected.map(ms),
            "{late} of {lost} within {p95_ms} ms at {timeout_ms} ms"
        );
    };
    check(24, 17, 80, 25, Some(100));
    check(20, 10, 80, 25, Some(100));
    check(20, 9, 80, 25, None);
    check(19, 19, 80, 25, None);
    // A time-out that is just the 95th percentile would see it by chance only.
    check(20, 20, 100, 25, Some(200));
    check(20, 20, 1_400, 1_000, Some(2_000));
    check(20, 20, 29_999, 10_000, Some(30_000));
    check(20, 20, 30_000, 10_000, None);
}

#[test]
fn another_method_is_advised_when_icmp_is_silent_and_a_port_answers() {
    let check = |sent: u64, lost: u64, seconds: u64, port: Option<u16>, expected: bool| {
        let target = target(ms(1_000), ms(1_000));
        let mut view = view(&target);
        view.outage = Some(OpenOutage {
            since: WallTime::from_nanos(0),
            duration: Duration::from_secs(seconds),
            sent,
            lost,
        });
        let wanted = expected.then_some(Advice::UseTcp {
            probes: sent,
            silent: Duration::from_secs(seconds),
            port: 443,
        });
        assert_eq!(
            advise(&target, &view, port),
            wanted,
            "{lost} of {sent} lost in {seconds} s"
        );
    };
    check(30, 30, 30, Some(443), true);
    check(30, 30, 30, None, false);
    check(30, 29, 30, Some(443), false);
    check(19, 19, 60, Some(443), false);
    check(300, 300, 29, Some(443), false);
}

#[test]
fn what_answers_late_is_not_silent() {
    let target = target(ms(100), ms(25));
    let mut view = view(&target);
    view.outage = Some(OpenOutage {
        since: WallTime::from_nanos(0),
        duration: Duration::from_secs(60),
        sent: 600,
        lost: 600,
    });
    assert!(is_silent(&view));
    view.signs.late = Some(LateShare {
        lost: 64,
        late: 64,
        came: 64,
        within: ms(80),
        p95: ms(80),
    });
    assert!(!is_silent(&view));
    let advice = advise(&target, &view, Some(443)).expect("an advice");
    assert_eq!(advice.word(), "raise_timeout");
}

#[test]
fn a_longer_interval_is_advised_of_which_the_lateness_is_a_tenth_at_most() {
    let check = |p99_ms: u64, interval_ms: u64, expected: Option<u64>| {
        let target = target(ms(interval_ms), ms(1_000));
        let mut view = view(&target);
        view.signs.lateness_p99 = Some(ms(p99_ms));
        let to = advise(&target, &view, None).map(|advice| match advice {
            Advice::RaiseInterval { to, .. } => to,
            other => panic!("{other:?}"),
        });
        assert_eq!(to, expected.map(ms), "{p99_ms} ms late of {interval_ms} ms");
    };
    check(8, 10, Some(100));
    check(5, 10, None);
    check(8, 1_000, None);
    check(100, 1_000, None);
    check(101, 1_000, Some(2_000));
    check(20, 200, None);
    check(6, 1, Some(100));
}

#[test]
fn a_stopped_target_is_left_alone() {
    let mut target = target(ms(10), ms(1_000));
    target.is_enabled = false;
    let mut view = view(&target);
    view.signs.lateness_p99 = Some(ms(8));
    assert_eq!(advise(&target, &view, None), None);
}
