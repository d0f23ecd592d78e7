//! Shows the outage rules by pictures, and against an oracle that looks back over whole scripts.

use super::*;

const SECOND_NS: u64 = 1_000_000_000;

/// Outcomes as pictures: `.` reply, `r` refused, `x` lost, `u` unreachable, `-` unsent, `?` unmeasured; `|` is no
/// probe but a gap before the next one, of no length on the monotonic clock.
fn outcome(picture: char) -> Outcome {
    match picture {
        '.' => Outcome::Reply,
        'r' => Outcome::Refused,
        'x' => Outcome::Lost,
        'u' => Outcome::Unreachable,
        '-' => Outcome::Unsent,
        '?' => Outcome::Unmeasured,
        other => panic!("no outcome looks like {other}"),
    }
}

/// Runs a script of probes `interval_ns` apart; tells changes as `run@2 up@5(3/3)` by index of the probe.
fn run(policy: OutagePolicy, interval_ns: u64, script: &str) -> String {
    let mut detector = OutageDetector::new(policy.into());
    let mut told = Vec::new();
    let mut index = 0;
    for picture in script.chars() {
        if picture == '|' {
            detector.cut();
            continue;
        }
        let sent_at = MonoTime::from_nanos(index as u64 * interval_ns);
        match detector.on_outcome(sent_at, outcome(picture)) {
            Some(OutageChange::Opened {
                since,
                by: OpenedBy::Run,
            }) => {
                told.push(format!("run@{}", since.as_nanos() / interval_ns));
            }
            Some(OutageChange::Opened {
                since,
                by: OpenedBy::WindowLoss,
            }) => {
                told.push(format!("window@{}", since.as_nanos() / interval_ns));
            }
            Some(OutageChange::Closed {
                until, sent, lost, ..
            }) => {
                told.push(format!("up@{}({lost}/{sent})", until.as_nanos() / interval_ns));
            }
            None => {}
        }
        index += 1;
    }
    told.join(" ")
}

/// One probe a second under the default policy.
#[track_caller]
fn check(script: &str, expected: &str) {
    assert_eq!(
        run(OutagePolicy::default(), SECOND_NS, script),
        expected,
        "{script}"
    );
}

/// As `check`, without the window rule.
#[track_caller]
fn check_runs(script: &str, expected: &str) {
    let policy = OutagePolicy {
        loss_ratio: 1.0,
        ..OutagePolicy::default()
    };
    assert_eq!(run(policy, SECOND_NS, script), expected, "{script}");
}

#[test]
fn outage_is_dated_from_its_first_lost_probe_to_its_first_reply() {
    check("..xxx...", "run@2 up@5(3/3)");
    check("xxxxx....", "run@0 up@5(5/5)");
}

#[test]
fn two_losses_in_a_row_are_not_an_outage() {
    check(".........xx.........xx........", "");
}

#[test]
fn two_replies_do_not_end_an_outage_and_stay_inside_it() {
    check_runs("xxx..x...", "run@0 up@6(4/6)");
    check("xxx..xxxx", "run@0");
}

#[test]
fn unreachable_counts_as_lost_and_refused_as_a_reply() {
    check("..xux.r.", "run@2 up@5(3/3)");
    check("rrrrrrrrr", "");
}

#[test]
fn unsent_and_unmeasured_are_skipped_and_counted_nowhere() {
    check("..x-x?x-.?.-.", "run@2 up@8(3/3)");
    check("-----?????-----", "");
}

#[test]
fn window_loss_strictly_above_the_threshold_opens() {
    // 3 of 10 is exactly 30 %: not above. The fourth of ten is.
    check("..........x..x..x...", "");
    check("..........x..x..x.x", "window@10");
}

#[test]
fn an_outage_by_window_loss_closes_only_when_the_window_is_well_again() {
    // Five replies in a row, but four of the last ten lost: the outage stays open ...
    check("..........xx.xx.....", "window@10");
    // ... until the loss at 10 has left the window; it then ends at the first reply of that row.
    check("..........xx.xx......", "window@10 up@15(4/5)");
    check("..........x..x..x.x...", "window@10 up@19(4/9)");
}

#[test]
fn one_lost_probe_of_one_is_not_an_outage() {
    check("x", "");
    check("xx", "");
    check("x.x", "");
}

#[test]
fn three_losses_of_five_open_before_the_window_is_full() {
    check("x.x.x", "window@0");
}

#[test]
fn an_answer_never_opens_an_outage() {
    // Unsent probes let the window run empty of replies while its losses stay: loss rises without a failure.
    check("...xx.-------.", "");
}

#[test]
fn losses_before_the_end_of_an_outage_do_not_open_the_next() {
    // After the outage the window still holds eight losses of ten.
    check("xxxxxxxxxxx...x...........", "run@0 up@11(11/11)");
}

#[test]
fn losses_on_both_sides_of_a_gap_are_in_no_window_together() {
    check("..........x..x..x.x", "window@10");
    check("..........x..x..x.|x", "");
    check("..........x..x..|x.x.x", "window@16");
}

#[test]
fn a_row_and_an_open_outage_go_on_over_a_gap() {
    check("..........xx|x....", "run@10 up@13(3/3)");
    check("..........xxx|x...", "run@10 up@14(4/4)");
}

#[test]
fn a_gap_takes_away_what_kept_an_outage_by_window_loss_open() {
    check("..........xx.xx......", "window@10 up@15(4/5)");
    check("..........xx.xx|...", "window@10 up@15(4/5)");
}

#[test]
fn losses_of_the_same_moment_as_the_first_reply_are_before_it() {
    // A stall lets several probes leave at once: the last two losses have the send time of the replies.
    let mut detector = OutageDetector::new(Arc::default());
    let mut tell = |second: u64, script: &str| {
        let sent_at = MonoTime::from_nanos(second * SECOND_NS);
        script
            .chars()
            .filter_map(|picture| detector.on_outcome(sent_at, outcome(picture)))
            .count()
    };
    assert_eq!(tell(0, "xxx"), 1);
    assert_eq!(tell(1, "xx..."), 1, "closed");
    assert_eq!(tell(2, "x"), 0, "three of six, had the old losses stayed");
}

#[test]
fn a_micro_outage_of_five_milliseconds_is_seen_at_a_millisecond() {
    let script = format!("{}xxxxx{}", ".".repeat(1000), ".".repeat(10));
    assert_eq!(
        run(OutagePolicy::default(), 1_000_000, &script),
        "run@1000 up@1005(5/5)"
    );
}

#[test]
fn an_interrupted_outage_ends_there_and_is_forgotten() {
    let mut detector = OutageDetector::new(Arc::default());
    for second in 0..3 {
        detector.on_outcome(MonoTime::from_nanos(second), Outcome::Lost);
    }
    let (since, until) = (MonoTime::ZERO, MonoTime::from_nanos(9));
    assert_eq!(
        detector.interrupt(until),
        Some(OutageChange::Closed {
            since,
            until,
            sent: 3,
            lost: 3
        })
    );
    assert_eq!(detector.interrupt(until), None);
    assert_eq!(detector.on_outcome(MonoTime::from_nanos(10), Outcome::Lost), None);
}

#[test]
fn the_loss_window_is_bounded() {
    let policy = OutagePolicy {
        window: Duration::from_secs(3600),
        ..OutagePolicy::default()
    };
    let mut detector = OutageDetector::new(policy.into());
    for probe in 0..limits::OUTAGE_WINDOW_ENTRIES as u64 + 100 {
        detector.on_outcome(MonoTime::from_nanos(probe), Outcome::Reply);
    }
    assert_eq!(
        detector.window_loss().finished,
        limits::OUTAGE_WINDOW_ENTRIES as u64
    );
}

/// A small generator with a literal seed (SplitMix64): the test is the same every time.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// The rules of MEASURING.md once more, by looking back over the whole script at every probe: one probe a
/// second, so 10 s are ten probes. `(first lost, first reply)` by index.
fn oracle(script: &[bool], policy: OutagePolicy) -> Vec<(usize, Option<usize>)> {
    let mut outages: Vec<(usize, Option<usize>)> = Vec::new();
    let mut open_by_window: Option<bool> = None;
    let mut evidence_from = 0;
    for now in 0..script.len() {
        let window = &script[now.saturating_sub(9).max(evidence_from)..=now];
        let lost = window.iter().filter(|&&is_lost| is_lost).count();
        let is_above = lost as f64 / window.len() as f64 > policy.loss_ratio;
        let streak = script[evidence_from..=now]
            .iter()
            .rev()
            .take_while(|&&it| it == script[now])
            .count();
        match open_by_window {
            None if script[now] && streak >= policy.lost_to_open as usize => {
                outages.push((now + 1 - streak, None));
                open_by_window = Some(false);
            }
            None if script[now] && is_above && lost >= policy.lost_to_open as usize => {
                let first = (0..=now).rev().take(window.len()).filter(|&it| script[it]).last();
                outages.push((first.unwrap(), None));
                open_by_window = Some(true);
            }
            Some(by_window)
                if !script[now]
                    && streak >= policy.replies_to_close as usize
                    && (!by_window || !is_above) =>
            {
                evidence_from = now + 1 - streak;
                outages.last_mut().unwrap().1 = Some(evidence_from);
                open_by_window = None;
            }
            _ => {}
        }
    }
    outages
}

fn outages_found(script: &[bool], policy: OutagePolicy) -> Vec<(usize, Option<usize>)> {
    let index = |at: MonoTime| (at.as_nanos() / SECOND_NS) as usize;
    let mut detector = OutageDetector::new(policy.into());
    let mut found: Vec<(usize, Option<usize>)> = Vec::new();
    for (probe, &is_lost) in script.iter().enumerate() {
        let sent_at = MonoTime::from_nanos(probe as u64 * SECOND_NS);
        let outcome = if is_lost { Outcome::Lost } else { Outcome::Reply };
        match detector.on_outcome(sent_at, outcome) {
            Some(OutageChange::Opened { since, .. }) => found.push((index(since), None)),
            Some(OutageChange::Closed { until, .. }) => found.last_mut().unwrap().1 = Some(index(until)),
            None => {}
        }
    }
    found
}

fn random_losses(probes: usize, per_mille: u64, mut seed: u64) -> Vec<bool> {
    (0..probes)
        .map(|_| random(&mut seed) % 1000 < per_mille)
        .collect()
}

#[test]
fn b10_one_percent_random_loss_gives_the_outages_of_the_script_and_no_others() {
    let script = random_losses(1_000_000, 10, 1);
    let policy = OutagePolicy::default();
    let found = outages_found(&script, policy);
    assert_eq!(found, oracle(&script, policy));
    assert!(
        found.len() < 10,
        "{} outages from one lost packet in a hundred",
        found.len()
    );
    let lost = script.iter().filter(|&&is_lost| is_lost).count();
    assert!(
        lost.abs_diff(10_000) <= 300,
        "{lost} lost of 1,000,000: the script is not 1.00 +- 0.03 %"
    );
}

#[test]
fn b10_with_five_in_a_row_and_no_window_there_is_no_outage_at_all() {
    let policy = OutagePolicy {
        lost_to_open: 5,
        loss_ratio: 1.0,
        ..OutagePolicy::default()
    };
    assert_eq!(outages_found(&random_losses(1_000_000, 10, 1), policy), []);
}

#[test]
fn heavy_loss_gives_the_outages_of_the_script_too() {
    for (seed, per_mille) in [(1, 100), (2, 200), (3, 300), (4, 400), (5, 600)] {
        let script = random_losses(20_000, per_mille, seed);
        let policy = OutagePolicy::default();
        let found = outages_found(&script, policy);
        assert!(!found.is_empty());
        assert_eq!(found, oracle(&script, policy), "at {per_mille} per mille");
    }
}
