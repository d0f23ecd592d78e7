//! Claims about `schedule`: every slot once, on its own grid, whatever happens around it.

use super::*;
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

fn at(millis: u64) -> MonoTime {
    MonoTime::from_nanos(millis * 1_000_000)
}

fn due(schedule: &mut Schedule, now: MonoTime) -> (Vec<Due>, Vec<Missed>) {
    let (mut due, mut missed) = (Vec::new(), Vec::new());
    while schedule.due(now, 100, &mut due, &mut missed) {}
    (due, missed)
}

/// Wakes exactly for every slot until `end`.
fn run(schedule: &mut Schedule, end: MonoTime) -> Vec<Due> {
    let mut all = Vec::new();
    while let Some(next) = schedule.next_deadline().filter(|next| *next < end) {
        let (slots, missed) = due(schedule, next);
        assert!(missed.is_empty(), "{missed:?}");
        all.extend(slots);
    }
    all
}

#[test]
fn a_thousand_targets_are_spread_evenly_over_the_interval() {
    let mut schedule = Schedule::new(7);
    (0..1000).for_each(|index| schedule.add(index, SECOND, at(0), 0));
    let slots = run(&mut schedule, at(1000));
    assert_eq!(slots.len(), 1000);
    for tenth in 0..10 {
        let within = slots
            .iter()
            .filter(|slot| slot.due_at.as_nanos() / 100_000_000 == tenth)
            .count();
        assert!((95..=105).contains(&within), "{within} of 1000 in tenth {tenth}");
    }
}

#[test]
fn another_seed_gives_other_phases() {
    let first = |seed| {
        let mut schedule = Schedule::new(seed);
        schedule.add(0, SECOND, at(0), 0);
        schedule.next_deadline()
    };
    assert_eq!(first(1), first(1));
    assert_ne!(first(1), first(2));
}

#[test]
fn an_hourly_target_has_its_first_slot_within_seconds() {
    let mut schedule = Schedule::new(3);
    schedule.add(0, Duration::from_secs(3600), at(5000), 0);
    assert!(schedule.next_deadline().expect("running") <= at(15_000));
}

#[test]
fn coming_and_going_leaves_the_grids_of_others_alone() {
    let mut quiet = Schedule::new(7);
    let mut busy = Schedule::new(7);
    for schedule in [&mut quiet, &mut busy] {
        (0..5).for_each(|index| schedule.add(index, 20 * MS, at(0), 0));
    }
    let mut expected = run(&mut quiet, at(400));
    expected.retain(|slot| slot.index == 0);
    let mut found = run(&mut busy, at(100));
    busy.remove(1);
    busy.change(2, 3 * MS, at(100));
    busy.pause(3);
    busy.add(9, MS, at(100), 0);
    found.extend(run(&mut busy, at(250)));
    busy.resume(3, at(250));
    busy.remove(9);
    found.extend(run(&mut busy, at(400)));
    found.retain(|slot| slot.index == 0);
    assert_eq!(found, expected);
}

#[test]
fn a_late_slot_is_handed_out_once_with_its_own_time() {
    let mut schedule = Schedule::new(7);
    schedule.add(0, 10 * MS, at(0), 0);
    let first = schedule.next_deadline().expect("running");
    let (slots, missed) = due(&mut schedule, first.plus(25 * MS));
    let expected: Vec<Due> = (0..3)
        .map(|seq| Due {
            index: 0,
            seq,
            due_at: first.plus(10 * MS * seq as u32),
            is_refused: false,
        })
        .collect();
    assert_eq!((slots, missed), (expected, vec![]));
    assert_eq!(schedule.next_deadline(), Some(first.plus(30 * MS)));
}

#[test]
fn slots_over_a_second_late_are_one_missed_span() {
    let mut schedule = Schedule::new(7);
    schedule.add(0, SECOND, at(0), 40);
    let first = schedule.next_deadline().expect("running");
    let (slots, missed) = due(&mut schedule, first.plus(5 * SECOND + 500 * MS));
    // Late by 5.5, 4.5, 3.5, 2.5, 1.5 s: missed. Late by 0.5 s: sent.
    assert_eq!(
        missed,
        [Missed {
            index: 0,
            first_seq: 40,
            slots: 5,
            from: first,
            to: first.plus(5 * SECOND)
        }]
    );
    assert_eq!(
        slots,
        [Due {
            index: 0,
            seq: 45,
            due_at: first.plus(5 * SECOND),
            is_refused: false,
        }]
    );
}

#[test]
fn a_slot_exactly_one_second_late_is_still_sent() {
    let mut schedule = Schedule::new(7);
    schedule.add(0, SECOND, at(0), 0);
    let first = schedule.next_deadline().expect("running");
    let (slots, missed) = due(&mut schedule, first.plus(SECOND));
    assert_eq!((slots.len(), missed.len()), (2, 0));
}

#[test]
fn nobody_catches_up_by_more_than_one_batch() {
    let mut schedule = Schedule::new(7);
    schedule.add(0, MS, at(0), 0);
    let first = schedule.next_deadline().expect("running");
    let (slots, missed) = due(&mut schedule, first.plus(200 * MS));
    assert_eq!(missed, [], "none is a second late");
    let numbers: Vec<u64> = slots.iter().map(|slot| slot.seq).collect();
    assert_eq!(numbers, (0..=200).collect::<Vec<_>>());
    let sent: Vec<_> = slots.iter().filter(|slot| !slot.is_refused).collect();
    assert_eq!(sent.len(), SEND_BATCH);
    assert_eq!(sent.last().expect("a batch").due_at, first.plus(200 * MS));
}

#[test]
fn a_pause_consumes_no_numbers_and_the_grid_is_kept() {
    let mut schedule = Schedule::new(7);
    schedule.add(0, SECOND, at(0), 0);
    let first = schedule.next_deadline().expect("running");
    due(&mut schedule, first);
    schedule.pause(0);
    assert_eq!(schedule.next_deadline(), None);
    schedule.resume(0, first.plus(3 * SECOND + 200 * MS));
    assert_eq!(schedule.next_deadline(), Some(first.plus(4 * SECOND)));
    assert_eq!(due(&mut schedule, first.plus(4 * SECOND)).0[0].seq, 1);
}

#[test]
fn after_everything_stood_still_each_goes_on_with_its_next_slot() {
    let mut schedule = Schedule::new(7);
    // Between two moments of the grid: each has thirty slots in thirty seconds.
    let half = Duration::from_micros(500);
    let (begin, stalled) = (at(1_000).plus(half), at(31_000).plus(half));
    for index in 0..1_000 {
        schedule.add(index, SECOND, begin, 0);
    }
    let (mut due, mut missed) = (Vec::new(), Vec::new());
    schedule.stood_still(stalled, &mut missed);
    assert_eq!(missed.iter().map(|gap| gap.slots).sum::<u64>(), 30_000);
    assert!(missed.iter().all(|gap| gap.from < stalled && gap.to > stalled));
    assert!(!schedule.due(stalled, usize::MAX, &mut due, &mut missed));
    assert_eq!(due, [], "nobody is due at once");
    schedule.due(stalled.plus(100 * MS), usize::MAX, &mut due, &mut missed);
    assert!((90..=110).contains(&due.len()), "{}", due.len());
    assert!(due.iter().all(|slot| slot.seq == 30 && slot.due_at > stalled));
}

#[test]
fn sleep_consumes_what_passed_and_no_burst_follows() {
    let mut schedule = Schedule::new(7);
    schedule.add(0, SECOND, at(0), 0);
    let first = schedule.next_deadline().expect("running");
    due(&mut schedule, first);
    let (woken, mut missed) = (first.plus(300 * MS), Vec::new());
    schedule.slept(30 * SECOND, woken, &mut missed);
    assert_eq!(
        missed,
        [Missed {
            index: 0,
            first_seq: 1,
            slots: 30,
            from: woken,
            to: woken
        }]
    );
    assert_eq!(due(&mut schedule, woken).0, []);
    // 30 s is a whole number of intervals: the same phase, also in real time.
    assert_eq!(schedule.next_deadline(), Some(first.plus(SECOND)));
    assert_eq!(schedule.scheduled(0), 31);
}

#[test]
fn sleep_keeps_the_phase_in_real_time() {
    let mut schedule = Schedule::new(7);
    schedule.add(0, SECOND, at(0), 0);
    let first = schedule.next_deadline().expect("running");
    due(&mut schedule, first);
    let mut missed = Vec::new();
    schedule.slept(2 * SECOND + 400 * MS, first.plus(100 * MS), &mut missed);
    // Real time is 2.5 s after the slot: two passed, the next is half a second away.
    assert_eq!(
        (missed[0].slots, schedule.next_deadline()),
        (2, Some(first.plus(600 * MS)))
    );
}

#[test]
fn a_short_sleep_between_two_slots_misses_none() {
    let mut schedule = Schedule::new(7);
    schedule.add(0, 60 * SECOND, at(0), 0);
    let first = schedule.next_deadline().expect("running");
    due(&mut schedule, first);
    let mut missed = Vec::new();
    schedule.slept(10 * SECOND, first.plus(SECOND), &mut missed);
    assert_eq!(
        (missed[0].slots, schedule.next_deadline()),
        (0, Some(first.plus(50 * SECOND)))
    );
}

#[test]
fn many_probes_share_a_wake_up() {
    let mut schedule = Schedule::new(7);
    (0..20).for_each(|index| schedule.add(index, MS, at(0), 0));
    let next = schedule.next_deadline().expect("running");
    assert_eq!(next.as_nanos() % COARSE_WAKE_NS, 0);
}

/// Advances from wake-up to wake-up for a while: how many slots each served, and the greatest lateness.
fn wake_ups(targets: u32, interval: Duration, span: Duration) -> (Vec<usize>, Duration) {
    let mut schedule = Schedule::new(7);
    (0..targets).for_each(|index| schedule.add(index, interval, at(0), 0));
    let (mut served, mut late) = (Vec::new(), Duration::ZERO);
    while let Some(now) = schedule.next_deadline()
        && now < at(0).plus(span)
    {
        let (slots, _) = due(&mut schedule, now);
        late = slots
            .iter()
            .fold(late, |late, slot| late.max(now.since(slot.due_at)));
        served.push(slots.len());
    }
    (served, late)
}

#[test]
fn a_full_engine_wakes_once_a_batch_and_nobody_waits_for_others() {
    let (served, late) = wake_ups(100_000, SECOND, 100 * MS);
    assert_eq!(late, Duration::ZERO);
    assert!(served.len() <= 400, "{} wake-ups in 100 ms", served.len());
    let most = served.iter().max().copied().unwrap_or(0);
    assert!(most <= SEND_BATCH + SEND_BATCH / 4, "{most} at once");
}

#[test]
fn six_thousand_targets_wake_once_a_millisecond_and_nobody_waits_for_others() {
    let (served, late) = wake_ups(6000, SECOND, 100 * MS);
    assert_eq!(late, Duration::ZERO);
    assert!(served.len() <= 100, "{} wake-ups in 100 ms", served.len());
    let most = served.iter().max().copied().unwrap_or(0);
    assert!((6..=12).contains(&most), "{most} at once");
}

#[test]
fn an_interval_off_every_grid_waits_no_longer_than_a_coarse_wake_up() {
    let (_, late) = wake_ups(20_000, Duration::from_nanos(100_000_007), SECOND);
    assert!(
        late <= Duration::from_nanos(COARSE_WAKE_NS),
        "{late:?} late by rounding"
    );
}

#[test]
fn slow_targets_share_a_wake_up_early_and_a_fast_one_among_them_ends_that() {
    let mut schedule = Schedule::new(7);
    // Off the grid of phases, so that it is the waking that is seen here.
    let interval = SECOND + Duration::from_nanos(7);
    (0..3000).for_each(|index| schedule.add(index, interval, at(0), 0));
    let grid_ns =
        |schedule: &Schedule| schedule.next_deadline().expect("running").as_nanos() % COARSE_WAKE_SLOW_NS;
    assert_eq!(grid_ns(&schedule), 0);
    schedule.add(3000, MS * 49, at(0), 0);
    assert_ne!(grid_ns(&schedule), 0);
    schedule.pause(3000);
    assert_eq!(grid_ns(&schedule), 0);
    schedule.resume(3000, at(0));
    assert_ne!(grid_ns(&schedule), 0);
}

proptest! {
    #[test]
    fn every_number_is_used_exactly_once(
        intervals_ms in prop::collection::vec(1_u64..3000, 1..6),
        steps in prop::collection::vec((0_u64..4000, 0_u8..6, 0_u32..6, 1_u64..500), 1..40),
    ) {
        let mut schedule = Schedule::new(11);
        for (index, interval_ms) in intervals_ms.iter().enumerate() {
            schedule.add(index as u32, MS * *interval_ms as u32, at(0), 0);
        }
        let (mut now, mut used) = (at(0), vec![0_u64; intervals_ms.len()]);
        for (ahead_ms, what, index, value) in steps {
            now = now.plus(MS * ahead_ms as u32);
            let (slots, mut missed) = due(&mut schedule, now);
            match what {
                0 => schedule.pause(index),
                1 => schedule.resume(index, now),
                2 => schedule.change(index, MS * value as u32, now),
                3 => schedule.slept(MS * value as u32, now, &mut missed),
                _ => (),
            }
            let mut spans: Vec<(u32, u64, u64)> = missed.iter().map(|gap| (gap.index, gap.first_seq, gap.slots)).collect();
            spans.extend(slots.iter().map(|slot| (slot.index, slot.seq, 1)));
            spans.sort_unstable();
            for (index, first, count) in spans {
                prop_assert_eq!(first, used[index as usize]);
                used[index as usize] += count;
            }
            for slot in &slots {
                prop_assert!(slot.due_at <= now && now.since(slot.due_at) <= STALL_AFTER);
            }
            for (index, used) in used.iter().enumerate() {
                prop_assert_eq!(*used, schedule.scheduled(index as u32));
            }
        }
    }
}

#[test]
fn a_grid_with_an_end_gives_exactly_its_slots() {
    let mut schedule = Schedule::new(3);
    schedule.add(0, 10 * MS, at(0), 5);
    schedule.end_after(0, 7);
    let slots = run(&mut schedule, at(1000));
    assert_eq!(
        slots.iter().map(|slot| slot.seq).collect::<Vec<_>>(),
        (5..12).collect::<Vec<_>>()
    );
    assert_eq!(schedule.next_deadline(), None);
}

#[test]
fn sleep_does_not_count_slots_beyond_the_end() {
    let mut schedule = Schedule::new(3);
    schedule.add(0, 10 * MS, at(0), 0);
    schedule.end_after(0, 7);
    let mut missed = Vec::new();
    schedule.slept(10 * SECOND, at(1), &mut missed);
    assert_eq!((missed[0].slots, schedule.scheduled(0)), (7, 7));
}
