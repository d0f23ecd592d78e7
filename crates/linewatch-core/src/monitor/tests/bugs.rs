//! The bugs of the field that must never be ours (MEASURING.md), as far as the monitor can make them.

use super::*;

#[test]
fn b1_probes_in_flight_are_never_counted_lost() {
    let mut story = Story::new(vec![Line::new(1, 20, 100, vec![Fate::Reply(77); 500])]);
    story.play_watched(11_000, |monitor, now_ms| {
        let view = monitor.view(TargetId(1)).unwrap();
        assert_eq!(view.window.loss.failed, 0, "at {now_ms} ms");
        assert_eq!((view.totals.lost, view.outages), (0, 0), "at {now_ms} ms");
        assert!(view.totals.is_conserved(), "at {now_ms} ms");
    });
    assert_eq!(story.view(1).totals.replied, 500);
}

#[test]
fn b2_replies_slower_than_half_or_two_periods_are_all_received() {
    let delays = [500, 501, 1000, 1501, 2000, 500, 501, 1000];
    let story = told(1000, 2500, delays.map(Fate::Reply).to_vec());
    let view = story.view(1);
    assert_eq!(
        (view.totals.replied, view.totals.lost, view.totals.in_flight),
        (8, 0, 0)
    );
    assert_eq!(view.window.loss.failed, 0);
}

#[test]
fn b3_a_reply_after_its_time_out_is_one_late_and_its_neighbours_stay_correct() {
    let mut story_fates = vec![Fate::Reply(10); 10];
    story_fates[4] = Fate::Late(1500);
    let view = told(1000, 900, story_fates).view(1);
    assert_eq!(
        (view.totals.replied, view.totals.lost, view.totals.late),
        (9, 1, 1)
    );
    let rtt = view.window.rtt.unwrap();
    assert_eq!(
        (rtt.min, rtt.max),
        (Rtt::from_nanos(10 * MS), Rtt::from_nanos(10 * MS))
    );
}

#[test]
fn b4_statistics_go_on_beyond_65535() {
    let mut monitor = Monitor::new(RunId(1), anchor(0));
    let mut effects = Vec::new();
    let line = Line::new(1, 1, 100, vec![Fate::Reply(1); 200_000]);
    monitor.set_target(&line.target, ms(0), &mut effects);
    let mut batch = RecordBatch::new(anchor(0));
    for (chunk, seqs) in (0..200_000_usize).collect::<Vec<_>>().chunks(1000).enumerate() {
        batch.anchor = anchor(chunk as u64 * 1000 + 1001);
        batch.records = seqs.iter().map(|&seq| line.record(seq)).collect();
        batch.progress = vec![Progress {
            target: TargetId(1),
            scheduled: seqs[999] as u64 + 1,
            in_flight: 0,
        }];
        monitor.ingest(&batch, &mut effects);
    }
    assert_eq!(monitor.counts(TargetId(1)).unwrap().replied, 200_000);
    assert_eq!(monitor.view(TargetId(1)).unwrap().last.unwrap().seq, 199_999);
}

#[test]
fn b7_five_ways_to_fail_are_five_states_and_never_an_rtt() {
    let mut lines = vec![
        Line::new(1, 1000, 2000, vec![Fate::Unreachable(3); 10]),
        Line::new(2, 1000, 2000, Vec::new()),
        Line::new(3, 1000, 2000, vec![Fate::Unsent(errno::ENETUNREACH); 10]),
        Line::new(4, 1000, 2000, vec![Fate::Lost; 10]),
        Line::new(5, 1000, 2000, vec![Fate::Unsent(1); 10]),
    ];
    lines[1].target.host = Host::Name("no-such-name.invalid".to_owned());
    let mut story = Story::new(lines);
    let nxdomain = TargetError::Dns("name does not exist".to_owned());
    story
        .monitor
        .set_error(TargetId(2), Some(nxdomain.clone()), ms(0), &mut story.effects);
    story.play(10_000);

    let unreachable = story.view(1);
    assert_eq!(
        (unreachable.state, unreachable.totals.unreachable),
        (State::Down, 10)
    );
    let unknown = story.view(2);
    assert_eq!((unknown.state, unknown.error), (State::Error, Some(nxdomain)));
    let cut_off = story.view(3);
    assert_eq!(
        (cut_off.state, cut_off.error),
        (State::Error, Some(TargetError::no_route("127.0.0.1")))
    );
    let dropped = story.view(4);
    assert_eq!((dropped.state, dropped.totals.unreachable), (State::Down, 0));
    let forbidden = story.view(5);
    assert_eq!(
        (forbidden.state, forbidden.totals.unsent, forbidden.totals.lost),
        (State::Waiting, 10, 0)
    );
    for id in 1..=5 {
        let view = story.view(id);
        assert_eq!(
            (view.window.rtt, view.grade, view.window.jitter),
            (None, None, None),
            "target {id}"
        );
    }
}

#[test]
fn b8_what_was_slept_through_is_unmeasured_and_no_outage() {
    let mut story = told(1000, 2000, fates(".........."));
    let gap = crate::record::Gap {
        target: TargetId(1),
        kind: GapKind::Suspended,
        from: anchor(story.now_ms).wall,
        to: anchor(story.now_ms + 3_600_000).wall,
        first_seq: 10,
        slots: 3600,
    };
    let mut batch = RecordBatch::new(anchor(story.now_ms + 20));
    batch.gaps.push(gap);
    batch.progress.push(Progress {
        target: TargetId(1),
        scheduled: 3610,
        in_flight: 0,
    });
    story.monitor.ingest(&batch, &mut story.effects);
    let view = story.view(1);
    assert_eq!(
        (view.totals.unmeasured, view.totals.lost, view.outages),
        (3600, 0, 0)
    );
    assert_eq!(
        view.measured,
        Duration::from_secs(10),
        "sleep is not measured time"
    );
}

#[test]
fn b10_one_lost_packet_is_not_down() {
    for script in ["x.........", ".....x....", ".........x", "x", "xx"] {
        let story = told(1000, 2000, fates(script));
        assert_eq!(story.view(1).outages, 0, "{script}");
    }
}
