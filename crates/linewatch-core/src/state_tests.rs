//! Shows every limit of state, grade, concerns and interpretation, and how steady they are held.

use super::*;
use crate::record::Loss;
use crate::view::RttStats;

fn ms(millis: u64) -> Rtt {
    Rtt::from_nanos(millis * 1_000_000)
}

/// A window of 100 probes that count, all with this RTT but for the lost ones.
fn window(lost: u64, jitter_ms: u64, rtt_ms: u64) -> WindowView {
    let rtt = ms(rtt_ms);
    WindowView {
        probes: 100,
        loss: Loss {
            failed: lost,
            finished: 100,
        },
        rtt: (lost < 100).then_some(RttStats {
            min: rtt,
            avg: rtt,
            p50: rtt,
            p95: rtt,
            p99: rtt,
            max: rtt,
            mdev: ms(0),
        }),
        jitter: (lost < 100).then_some(ms(jitter_ms)),
        ..WindowView::default()
    }
}

#[track_caller]
fn check_health(lost: u64, jitter_ms: u64, rtt_ms: u64, expected: Health, words: &[&str]) {
    let (window, thresholds) = (window(lost, jitter_ms, rtt_ms), Thresholds::default());
    assert_eq!(
        health(&window, &thresholds),
        Some(expected),
        "{lost} % {jitter_ms} ms {rtt_ms} ms"
    );
    assert_eq!(reasons(expected.state(), &window, &thresholds), words);
}

#[test]
fn every_limit_is_exclusive() {
    check_health(0, 9, 79, Health::Ok, &[]);
    check_health(1, 9, 79, Health::Warn, &["loss"]);
    check_health(0, 10, 79, Health::Warn, &["jitter"]);
    check_health(0, 9, 80, Health::Warn, &["rtt"]);
    check_health(4, 29, 199, Health::Warn, &["loss", "jitter", "rtt"]);
    check_health(5, 0, 0, Health::Bad, &["loss"]);
    check_health(0, 30, 0, Health::Bad, &["jitter"]);
    check_health(0, 0, 200, Health::Bad, &["rtt"]);
}

#[test]
fn a_window_that_is_all_lost_is_bad_and_has_no_grade() {
    check_health(100, 0, 0, Health::Bad, &["loss"]);
    assert_eq!(grade(&window(100, 0, 0), &Thresholds::default().grades), None);
}

#[test]
fn a_window_without_a_probe_that_counts_is_not_judged() {
    assert_eq!(health(&WindowView::default(), &Thresholds::default()), None);
}

#[track_caller]
fn check_grade(rtt_ms: u64, expected: Grade, expected_concerns: &[Concern]) {
    let (window, limits) = (window(0, 0, rtt_ms), Thresholds::default().grades);
    assert_eq!(grade(&window, &limits), Some(expected), "{rtt_ms} ms");
    assert_eq!(concerns(State::Ok, &window, &limits), expected_concerns);
}

#[test]
fn upper_bounds_of_grades_are_inclusive() {
    check_grade(50, Grade::Excellent, &[]);
    check_grade(51, Grade::Good, &[]);
    check_grade(100, Grade::Good, &[]);
    check_grade(150, Grade::Fair, &[]);
    check_grade(300, Grade::Poor, &[]);
    check_grade(301, Grade::Critical, &[Concern::HighLatency]);
    check_grade(500, Grade::Critical, &[Concern::HighLatency]);
    check_grade(501, Grade::Critical, &[Concern::VeryHighLatency]);
}

#[test]
fn loss_jitter_and_silence_are_concerns() {
    let limits = Thresholds::default().grades;
    let mut shaky = window(2, 0, 10);
    shaky.rtt = shaky.rtt.map(|rtt| RttStats { mdev: ms(51), ..rtt });
    assert_eq!(
        concerns(State::Stale, &shaky, &limits),
        [Concern::Jitter, Concern::Loss, Concern::Stale]
    );
    assert_eq!(concerns(State::Paused, &shaky, &limits), []);
}

#[track_caller]
fn check_said(rtt_ms: u64, process_ms: u64, expected: &[Interpretation]) {
    let window = WindowView {
        process_p50: Some(ms(process_ms)),
        ..window(0, 0, rtt_ms)
    };
    let said = interpretations(State::Ok, &window, &Thresholds::default());
    assert_eq!(said, expected, "{rtt_ms} ms and {process_ms} ms in this machine");
}

#[test]
fn delay_is_here_when_the_rtt_is_low_and_the_process_latency_high() {
    check_said(4, 5, &[]);
    check_said(4, 6, &[Interpretation::DelayHere]);
    check_said(40, 20, &[]);
    check_said(40, 21, &[Interpretation::DelayHere]);
}

#[test]
fn delay_is_on_the_path_when_only_the_rtt_is_high() {
    check_said(79, 0, &[]);
    check_said(80, 0, &[Interpretation::DelayOnPath]);
    check_said(80, 41, &[]);
}

#[test]
fn loss_and_jitter_are_put_into_words() {
    let said = interpretations(State::Bad, &window(2, 31, 10), &Thresholds::default());
    assert_eq!(said, [Interpretation::Unstable, Interpretation::MicroStutter]);
}

#[test]
fn nothing_is_said_on_fewer_than_twenty_samples() {
    let few = WindowView {
        loss: Loss {
            failed: 0,
            finished: 19,
        },
        ..window(0, 99, 99)
    };
    assert_eq!(interpretations(State::Bad, &few, &Thresholds::default()), []);
}

#[test]
fn stale_is_three_intervals_or_interval_timeout_and_two_seconds() {
    let plan = ProbePlan {
        interval: Duration::from_secs(10),
        ..ProbePlan::default()
    };
    assert_eq!(stale_after(&plan), Duration::from_secs(30));
    let plan = ProbePlan {
        interval: Duration::from_millis(1),
        ..plan
    };
    assert_eq!(stale_after(&plan), Duration::from_millis(4001));
}

/// Judgements as letters: `o` ok, `w` warn, `b` bad; what is shown after each.
#[track_caller]
fn check_steady(judged: &str, expected: &str) {
    let mut steady = Steady::default();
    let shown: String = judged
        .chars()
        .map(|letter| match letter {
            'o' => Health::Ok,
            'w' => Health::Warn,
            _ => Health::Bad,
        })
        .map(|health| match steady.judge(health) {
            Health::Ok => 'o',
            Health::Warn => 'w',
            Health::Bad => 'b',
        })
        .collect();
    assert_eq!(shown, expected, "{judged}");
}

#[test]
fn the_first_judgement_is_shown_at_once() {
    check_steady("b", "b");
}

#[test]
fn a_judgement_worsens_after_three_and_recovers_after_six() {
    check_steady("obbb", "ooob");
    check_steady("boooooo", "bbbbbbo");
    check_steady("obbobbo", "ooooooo");
}

#[test]
fn a_change_goes_only_as_far_as_every_evaluation_on_the_way() {
    check_steady("obbwbbb", "ooowwwb");
    check_steady("bwooooo", "bbbbbbw");
}
