//! Outages, silence, pauses, local outages and sleep: which events come of them, and which states.

use super::*;
use crate::event::EventId;

#[track_caller]
fn check_event(event: &Event, kind: EventKind, span_ms: (i64, Option<i64>), message: &str) {
    assert_eq!((event.kind, event.message.as_str()), (kind, message));
    assert_eq!((story_ms(event.at), event.until.map(story_ms)), span_ms);
}

#[test]
fn an_outage_is_one_event_and_one_row_under_one_number() {
    let story = told(1000, 2000, fates(".....xxxxx....."));
    let events = story.events();
    assert_eq!(events.len(), 1);
    check_event(
        &events[0],
        EventKind::Outage,
        (5000, Some(10_000)),
        "down for 5 s: 5 probes lost of 5",
    );
    assert_eq!(events[0].severity, Severity::Critical);
    let rows: Vec<_> = story.monitor.outage_rows(TargetId(1)).collect();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (rows[0].id, events[0].id),
        (
            EventId {
                run: RunId(7),
                seq: 1
            },
            rows[0].id
        )
    );
    assert_eq!(
        (rows[0].duration_ns, rows[0].sent, rows[0].lost),
        (5_000_000_000, 5, 5)
    );
    assert_eq!(rows[0].uncertainty_ns, 1_000_000_000);
    let told_rows = story.effects.iter().filter_map(|effect| match effect {
        Effect::Outage(row) => Some((row.id, row.to.is_some())),
        _ => None,
    });
    let told_rows: Vec<_> = told_rows.collect();
    assert!(told_rows.iter().all(|(id, _)| *id == rows[0].id));
    let closed = told_rows.iter().position(|(_, is_closed)| *is_closed);
    assert_eq!(closed, Some(told_rows.len() - 1), "the end is the last word");
}

#[test]
fn down_is_known_when_the_third_loss_has_timed_out() {
    let mut story = Story::new(vec![Line::new(1, 1000, 2000, fates("..xxxxxx"))]);
    story.play(5980);
    assert_eq!(story.events(), []);
    story.play(6000);
    check_event(
        &story.events()[0],
        EventKind::Outage,
        (2000, None),
        "down: 3 probes in a row lost",
    );
    let view = story.view(1);
    assert_eq!((view.state, story_ms(view.state_since)), (State::Down, 2000));
    assert_eq!(
        view.outage.map(|open| (open.duration, open.lost)),
        Some((Duration::from_secs(4), 3))
    );
}

#[test]
fn down_ends_with_the_outage_and_the_figures_take_over() {
    let mut story = Story::new(vec![Line::new(1, 1000, 900, fates("..xxx......."))]);
    story.play(6980);
    assert_eq!(story.view(1).state, State::Down);
    story.play(8000);
    let view = story.view(1);
    assert_eq!(
        (view.state, view.state_reasons, view.outage),
        (State::Bad, vec!["loss"], None)
    );
    assert_eq!(
        (view.measured, view.down),
        (Duration::from_secs(8), Duration::from_secs(3))
    );
}

#[test]
fn a_micro_outage_at_a_millisecond_has_its_length() {
    let mut line_fates = vec![Fate::Reply(1); 2000];
    line_fates[1000..1005].fill(Fate::Lost);
    let story = told(1, 25, line_fates);
    let events = story.events();
    assert_eq!(events.len(), 1);
    check_event(
        &events[0],
        EventKind::Outage,
        (1000, Some(1005)),
        "down for 5 ms: 5 probes lost of 5",
    );
}

#[test]
fn local_trouble_is_no_downtime_and_no_measured_time() {
    let view = told(1000, 500, fates("....---...xxx---xxx....")).view(1);
    assert_eq!(
        (view.measured, view.down),
        (Duration::from_secs(17), Duration::from_secs(6))
    );
}

#[test]
fn silence_is_stale_until_a_probe_is_finished() {
    let mut story = Story::new(vec![Line::new(1, 1000, 2000, fates("..."))]);
    story.play(8000);
    let view = story.view(1);
    // The last of three was heard at 2.02 s; 5 s later it is stale: interval, timeout and two seconds.
    assert_eq!((view.state, view.grade), (State::Stale, None));
    let text = "no finished probe for 5 s";
    check_event(&story.events()[0], EventKind::Stale, (2020, None), text);
    story.lines[0].fates.extend(fates("........"));
    story.lines[0].told_until_ms = 2020;
    story.play(9000);
    let events = story.events();
    assert_eq!((events.len(), story.view(1).state), (1, State::Ok));
    assert!(events[0].until.is_some());
}

#[test]
fn nobody_is_stale_because_this_process_stood_still() {
    let mut story = Story::new(vec![Line::new(1, 1000, 2000, fates("..."))]);
    story.play(3000);
    // Ten seconds without an evaluation; the first one after comes before anything is read.
    story.now_ms = 13_000;
    story.monitor.tick(anchor(13_000), &mut story.effects);
    assert_eq!(story.view(1).state, State::Ok);
    for second in 14..=18 {
        story.monitor.tick(anchor(second * 1000), &mut story.effects);
    }
    assert_eq!(story.view(1).state, State::Stale, "silent by then");
}

#[test]
fn a_stopped_target_is_paused_at_once_and_its_outage_ends_there() {
    let mut story = Story::new(vec![Line::new(1, 1000, 900, fates("..xxxxxxxx"))]);
    story.play(6000);
    let mut stopped = story.lines[0].target.clone();
    stopped.is_enabled = false;
    story.monitor.set_target(&stopped, ms(6000), &mut story.effects);
    assert_eq!(story.view(1).state, State::Paused);
    story.play(12_000);
    let events = story.events();
    assert_eq!(events.len(), 1);
    let text = "down for 4 s until it was stopped: 4 probes lost of 4";
    check_event(&events[0], EventKind::Outage, (2000, Some(6000)), text);
    assert_eq!((story.view(1).state, story.view(1).outages), (State::Paused, 1));
}

#[test]
fn a_started_target_waits_and_does_not_remember_its_old_window() {
    let mut story = told(1000, 900, fates("....."));
    let mut target = story.lines[0].target.clone();
    target.is_enabled = false;
    story
        .monitor
        .set_target(&target, ms(story.now_ms), &mut story.effects);
    target.is_enabled = true;
    story
        .monitor
        .set_target(&target, ms(story.now_ms + 3_600_000), &mut story.effects);
    let view = story.view(1);
    assert_eq!(
        (view.state, view.window.probes, view.totals.replied),
        (State::Waiting, 0, 5)
    );
}

#[test]
fn no_route_is_an_error_of_every_target_and_one_event_of_the_monitor() {
    let lines = (1..=3)
        .map(|id| Line::new(id, 1000, 900, fates("...----.....")))
        .collect();
    let mut story = Story::new(lines);
    story.play(6000);
    assert_eq!(story.view(2).error, Some(TargetError::no_route("127.0.0.1")));
    check_event(
        &story.events()[0],
        EventKind::LocalOutage,
        (3000, None),
        "no route or no link on this computer: 3 targets cannot be probed",
    );
    story.play(8000);
    let events = story.events();
    assert_eq!((events.len(), events[0].target), (1, None));
    assert_eq!(events[0].until.map(story_ms), Some(8000));
    assert_eq!((story.view(2).state, story.view(2).error), (State::Ok, None));
}

#[test]
fn one_suspension_is_one_event_whatever_the_number_of_targets() {
    let lines = (1..=5).map(|id| Line::new(id, 1000, 900, fates("..."))).collect();
    let mut story = Story::new(lines);
    story.play(5000);
    for part in [1..=3, 4..=5] {
        let mut batch = RecordBatch::new(anchor(5020));
        batch.gaps.extend(part.map(|id| crate::record::Gap {
            target: TargetId(id),
            kind: GapKind::Suspended,
            from: anchor(5000).wall,
            to: anchor(65_000 + u64::from(id)).wall,
            first_seq: 3,
            slots: 60,
        }));
        story.monitor.ingest(&batch, &mut story.effects);
    }
    let events = story.events();
    assert_eq!((events.len(), events[0].count), (1, 300));
    check_event(
        &events[0],
        EventKind::Suspended,
        (5000, Some(65_005)),
        "this computer slept for 1 min",
    );
}

#[test]
fn the_end_of_the_run_closes_what_is_open() {
    let mut story = Story::new(vec![Line::new(1, 1000, 900, fates("..xxxxx"))]);
    story.play(6000);
    story.monitor.finish(anchor(6500), &mut story.effects);
    let text = "down for 4 s until the monitor stopped: 4 probes lost of 4";
    check_event(&story.events()[0], EventKind::Outage, (2000, Some(6500)), text);
    assert!(story.monitor.outage_rows(TargetId(1)).all(|row| row.to.is_some()));
}

#[test]
fn an_event_from_outside_is_numbered_with_the_others() {
    let mut story = told(1000, 900, fates("..xxx....."));
    let (kind, severity) = (EventKind::TargetAdded, Severity::Info);
    let text = "added".to_owned();
    story
        .monitor
        .note(kind, severity, Some(TargetId(1)), text, EPOCH, &mut story.effects);
    let events = story.events();
    assert_eq!((events[1].id.seq, events[1].until), (2, Some(EPOCH)));
}

#[test]
fn after_down_the_first_judgement_is_shown_at_once() {
    let script = format!("{}xxxxx{}", ".".repeat(10), ".".repeat(10));
    let mut story = Story::new(vec![Line::new(1, 100, 90, fates(&script))]);
    story.play(1000);
    assert_eq!(story.view(1).state, State::Ok);
    story.play(2000);
    assert_eq!((story.view(1).state, story.view(1).outages), (State::Bad, 1));
}

#[test]
fn a_loss_from_before_the_link_went_down_does_not_hide_it() {
    let mut story = Story::new(vec![Line::new(1, 1000, 2000, fates(".x-----"))]);
    story.play(4020);
    assert_eq!(story.view(1).error, Some(TargetError::no_route("127.0.0.1")));
}

/// An outage from 2 s to 5 s, told at the ninth second all at once; meanwhile the calendar was set by so much.
#[track_caller]
fn check_step(step: (u64, i64), expected_ms: (i64, Option<i64>)) {
    let (step_ms, by_ms) = step;
    let mut story = Story::new(vec![Line::new(1, 1000, 900, fates("..xxx......"))]);
    story.play(1000);
    let set = |mut seen: Anchor| {
        seen.wall = WallTime::from_nanos(seen.wall.as_nanos() + by_ms * MS as i64);
        seen
    };
    let mut batch = RecordBatch::new(set(anchor(9000)));
    batch.calendar_breaks = vec![set(anchor(step_ms))];
    story.lines[0].tell(9000, &mut batch);
    story.monitor.ingest(&batch, &mut story.effects);
    let row = story.monitor.outage_rows(TargetId(1)).next().unwrap();
    let span_ms = (story_ms(row.from), row.to.map(story_ms));
    assert_eq!(span_ms, expected_ms, "set by {by_ms} ms at {step_ms} ms");
    assert_eq!(row.duration_ns, 3_000_000_000, "the length knows no calendar");
    let event = &story.events()[0];
    assert_eq!((event.at, event.until), (row.from, row.to));
}

#[test]
fn each_end_of_an_outage_has_the_date_of_its_own_moment() {
    const HOUR_MS: i64 = 3_600_000;
    check_step((1500, -HOUR_MS), (2000 - HOUR_MS, Some(5000 - HOUR_MS)));
    check_step((3500, -HOUR_MS), (2000, Some(5000 - HOUR_MS)));
    check_step((3500, 24 * HOUR_MS), (2000, Some(5000 + 24 * HOUR_MS)));
    check_step((6000, -HOUR_MS), (2000, Some(5000)));
}

#[test]
fn what_was_in_flight_at_a_pause_is_judged_as_before_it() {
    // Nobody answers from 2 s on, which is known 5 s later: after the pause at 6 s, and after its end at 6.5 s.
    let mut script = fates("..xxxx");
    script.extend(fates("......."));
    let mut story = Story::new(vec![Line::new(1, 1000, 5000, script)]);
    story.play(6000);
    assert_eq!(story.events(), [], "nothing is decided yet");
    let mut target = story.lines[0].target.clone();
    target.is_enabled = false;
    story.monitor.set_target(&target, ms(6000), &mut story.effects);
    target.is_enabled = true;
    story.monitor.set_target(&target, ms(6000), &mut story.effects);
    story.play(9900);
    assert_eq!(story.view(1).outage, None, "the pause has ended it");
    story.play(14_000);
    let text = "down for 4 s until it was stopped: 4 probes lost of 4";
    let events = story.events();
    assert_eq!(events.len(), 1);
    check_event(&events[0], EventKind::Outage, (2000, Some(6000)), text);
}

#[test]
fn losses_on_both_sides_of_a_pause_are_no_outage_together() {
    let mut story = Story::new(vec![Line::new(1, 1000, 5000, fates("....xxx......"))]);
    story.play(5500);
    let mut target = story.lines[0].target.clone();
    target.is_enabled = false;
    story.monitor.set_target(&target, ms(5500), &mut story.effects);
    target.is_enabled = true;
    story.monitor.set_target(&target, ms(5600), &mut story.effects);
    story.play(20_000);
    assert_eq!(story.events(), [], "two before, one after");
}

#[test]
fn a_pause_ends_its_outage_once_nothing_is_in_flight() {
    let mut story = Story::new(vec![Line::new(1, 1000, 900, fates("..xxx"))]);
    story.play(4500);
    let mut stopped = story.lines[0].target.clone();
    stopped.is_enabled = false;
    story.monitor.set_target(&stopped, ms(4500), &mut story.effects);
    story.play(4880);
    assert_eq!(story.events(), []);
    story.play(4900);
    let text = "down for 2 s until it was stopped: 3 probes lost of 3";
    check_event(&story.events()[0], EventKind::Outage, (2000, Some(4500)), text);
}

#[test]
fn two_steps_of_the_clock_are_two_events() {
    let mut story = told(1000, 900, fates("..."));
    for (at_ms, to_ms) in [(5000, 65_000), (30_000, 90_000)] {
        let mut batch = RecordBatch::new(anchor(at_ms));
        batch.gaps.push(crate::record::Gap {
            target: TargetId(1),
            kind: GapKind::ClockStepped,
            from: anchor(at_ms).wall,
            to: anchor(to_ms).wall,
            first_seq: 3,
            slots: 0,
        });
        story.monitor.ingest(&batch, &mut story.effects);
    }
    assert_eq!(story.events().len(), 2, "though their spans overlap");
}

#[test]
fn an_open_outage_is_told_again_as_it_grows_but_not_every_second() {
    let story = told(100, 500, fates(&"x".repeat(1200)));
    let rows: Vec<_> = story
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Outage(row) if row.to.is_none() => Some((row.duration_ns / 1_000_000_000, row.lost)),
            _ => None,
        })
        .collect();
    let (newest_s, lost) = *rows.last().expect("an outage");
    assert!((96..=120).contains(&newest_s) && lost > 950, "{rows:?}");
    assert!((10..40).contains(&rows.len()), "{rows:?}");
}

#[test]
fn a_target_that_comes_back_with_higher_numbers_is_judged_at_once() {
    let mut story = Story::new(vec![Line::new(1, 100, 500, Vec::new())]);
    let line = Line::new(1, 100, 500, fates("xxx"));
    for seq in 0..3 {
        let mut record = line.record(seq);
        record.seq += 60;
        let mut batch = RecordBatch::new(anchor(500 + 100 * seq as u64));
        batch.progress.push(Progress {
            target: TargetId(1),
            scheduled: 61 + seq as u64,
            in_flight: 0,
        });
        batch.records.push(record);
        story.monitor.ingest(&batch, &mut story.effects);
    }
    let outage = story
        .events()
        .into_iter()
        .find(|event| event.kind == EventKind::Outage);
    assert_eq!(outage.map(|event| story_ms(event.at)), Some(0));
}
