//! Every story of `tests/scenarios`, each a test of its own.
//!
//! The name of a test is the claim; the file says what is done and what must be found.

mod runner;

use runner::{check, check_text, complaints, folder, swarm};

macro_rules! stories {
    ($($claim:ident: $file:literal,)*) => {
        $(#[test] fn $claim() { check($file); })*

        /// Stories that have a test.
        const TOLD: &[&str] = &[$($file),*];
    };
}

stories! {
    seven_silent_seconds_are_one_outage: "short-outage",
    b1_probes_in_flight_are_never_shown_as_lost: "in-flight-is-not-lost",
    b2_replies_slower_than_half_the_period_are_replies: "slower-than-half-the-period",
    b3_a_late_reply_is_late_and_its_neighbours_are_right: "one-late-reply",
    b4_counting_goes_on_beyond_16_bits: "more-than-16-bits",
    b5_every_probe_has_one_end_whatever_happens: "everything-at-once",
    b6_a_name_without_an_address_harms_nobody_else: "a-name-without-an-address",
    b7_five_failures_are_five_things_and_never_an_rtt: "five-failures",
    b8_a_suspended_computer_is_no_outage: "suspend-is-no-outage",
    b8_a_stalled_process_is_no_outage: "stall-is-no-outage",
    b10_random_loss_is_measured_and_makes_only_chance_outages: "one-percent-loss",
    b10_random_loss_makes_no_outage_under_a_strict_rule: "one-percent-loss-strict",
    b13_a_thousand_targets_are_spread_and_nobody_is_inflated: "a-thousand-targets",
    b14_two_engines_never_take_each_others_replies: "two-engines",
    b16_an_outage_of_two_hours_ago_is_still_counted: "old-outages-stay",
    b18_nobody_who_never_answers_is_shown_as_well: "all-dead",
    a_brown_out_is_bad_and_not_down: "brown-out",
    forged_answers_are_nobodys_rtt: "forged-storm",
    clock_steps_change_no_rtt_and_no_duration: "clock-steps",
    a_clock_set_back_an_hour_is_no_outage_and_no_length: "clock-set-back-an-hour",
    a_clock_set_ahead_a_day_is_no_outage_and_no_length: "clock-set-ahead-a-day",
    a_clock_set_ahead_ten_years_is_no_outage_and_no_length: "clock-set-ahead-ten-years",
    an_outage_over_a_sleep_has_both_its_dates: "outage-over-a-sleep",
    an_answer_from_before_a_sleep_is_a_reply: "answered-before-a-sleep",
    losses_on_both_sides_of_a_sleep_are_no_outage: "losses-before-and-after-a-sleep",
    what_was_in_flight_at_a_pause_belongs_before_it: "in-flight-at-a-pause",
    answers_dropped_by_our_kernel_are_not_lost: "receive-overflow",
    a_local_outage_is_no_packet_loss: "local-outage",
    a_link_that_goes_and_comes_is_its_targets_error_only: "link-down-and-up",
    our_own_overload_is_unsent_and_never_lost: "own-overload",
    targets_come_and_go_without_holes_in_others: "come-and-go",
    datagrams_are_matched_as_strictly_as_pings: "udp",
    a_closed_port_answers: "tcp-refused",
    a_repeated_syn_is_a_lost_probe: "karn",
    copies_and_reordering_are_counted_apart: "twice-and-out-of-order",
    user_stamps_hold_what_this_computer_adds: "without-kernel-stamps",
    kernel_stamps_leave_out_what_this_computer_adds: "busy-computer",
    a_receive_stamp_alone_leaves_it_out_too: "receive-stamps-only",
    a_restart_loses_nobodys_probe: "restart",
    one_lost_packet_is_no_outage_and_no_mail: "one-lost-packet-is-no-outage",
    three_losses_are_an_outage_dated_from_the_first: "three-losses-are-an-outage",
    an_outage_is_one_mail_and_one_recovery: "one-mail-not-ten",
    flapping_is_one_alert_and_a_digest: "flapping",
    a_clock_step_and_a_sleep_are_told_to_nobody: "clock-step-and-sleep-tell-nothing",
    a_restart_in_an_outage_neither_repeats_nor_forgets: "restart-in-an-outage",
    an_outage_that_ended_over_a_restart_is_told_to_be_over: "restart-after-an-outage",
    fifty_behind_one_gateway_are_one_mail_and_one_recovery: "fifty-behind-one-gateway",
    holes_of_milliseconds_are_found_and_measured: "micro-outages",
    a_million_clean_probes_make_no_outage: "a-million-clean-probes",
    a_flood_of_every_target_down_is_one_mail: "everything-is-down",
}

/// A network for people to look at, not to judge.
const SHOWN: &[&str] = &["demo"];

#[test]
fn every_story_in_the_folder_is_told() {
    let mut files: Vec<_> = std::fs::read_dir(folder())
        .expect("the folder of the stories")
        .filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.strip_suffix(".scn")?.to_owned()))
        .collect();
    let mut told: Vec<_> = TOLD.iter().chain(SHOWN).map(|name| (*name).to_owned()).collect();
    files.sort();
    told.sort();
    assert_eq!(files, told);
}

#[test]
fn the_demo_runs_for_an_hour_without_a_contradiction() {
    check_text(&format!("{}\nrun 1h\n", linewatch_sim::scenario::DEMO));
}

/// What the runner says of a story whose expectation is wrong.
#[track_caller]
fn check_complaint(story: &str, expected: &str) {
    let said = complaints(story).join("\n");
    assert!(said.contains(expected), "{said:?} does not contain {expected:?}");
}

#[test]
fn a_wrong_expectation_is_found_out() {
    let plain = "target gw 192.0.2.1 icmp every 1s timeout 1s\nrun 5s\n";
    check_complaint(&format!("{plain}expect replied gw 4"), "line 3: gw: 5 replied");
    check_complaint(
        &format!("{plain}expect state gw never ok"),
        "line 3: gw: state Ok",
    );
    check_complaint(&format!("{plain}expect rtt gw 11ms"), "line 3: gw: 10ms RTT");
    check_complaint(
        &format!("{plain}expect outage gw from 1s to 2s within 1s"),
        "line 3: gw: no outage",
    );
}

#[test]
fn a_mail_that_should_not_be_and_one_that_is_missing_are_found_out() {
    let outage = "target gw 192.0.2.1 icmp every 100ms timeout 1s\nat 10s net down\nalert for 2s group_wait 0s\nrun 20s\n";
    check_complaint(&format!("{outage}expect mails none"), "12.0");
    check_complaint(
        &format!("{outage}expect mails 12s \"gw is down\" 15s \"gw is up after 3.0 s\""),
        "line 5: mails were: 12.0",
    );
}

/// Random stories, the same every time. `LINEWATCH_SWARM=1000..2000` tries others.
#[test]
fn whatever_the_network_does_the_oracle_agrees() {
    let seeds = std::env::var("LINEWATCH_SWARM").unwrap_or_default();
    let (from, to) = seeds
        .split_once("..")
        .and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)))
        .unwrap_or((0, 60));
    for seed in from..to {
        let story = swarm::story(seed);
        let said = complaints(&story);
        assert!(said.is_empty(), "seed {seed}:\n{story}\n{}", said.join("\n"));
    }
}
