//! What must hold whatever happens: conservation, sane figures, views that are told once.

use proptest::prelude::*;

use super::*;
use crate::record::Gap;

fn views(effects: &[Effect]) -> usize {
    effects
        .iter()
        .map(|effect| {
            if let Effect::Views(views) = effect {
                views.len()
            } else {
                0
            }
        })
        .sum()
}

#[test]
fn every_view_is_told_at_first_and_then_only_when_it_changed() {
    let lines = (1..=3).map(|id| Line::new(id, 1000, 900, fates(if id == 2 { "........" } else { "" })));
    let mut story = Story::new(lines.collect());
    story.play(1000);
    assert_eq!(views(&story.effects), 3);
    story.effects.clear();
    story.play(3000);
    assert_eq!(
        views(&story.effects),
        2,
        "only the target that is probed, once a second"
    );
}

#[test]
fn a_removed_target_is_forgotten_and_others_keep_their_place() {
    let lines = (1..=3)
        .map(|id| Line::new(id, 1000, 900, fates(".......")))
        .collect();
    let mut story = Story::new(lines);
    story.play(3000);
    story.monitor.remove_target(TargetId(1), &mut story.effects);
    story.play(8000);
    assert_eq!(story.monitor.view(TargetId(1)), None);
    for id in [2, 3] {
        assert_eq!(
            (story.view(id).id, story.view(id).totals.replied),
            (TargetId(id), 7)
        );
    }
}

#[test]
fn a_target_added_again_counts_from_its_return() {
    let mut story = Story::new(vec![Line::new(1, 1000, 900, fates("........xxx...."))]);
    story.play(4000);
    story.monitor.remove_target(TargetId(1), &mut story.effects);
    story
        .monitor
        .set_target(&story.lines[0].target, ms(4000), &mut story.effects);
    story.play(20_000);
    let totals = story.view(1).totals;
    assert!(totals.is_conserved());
    assert_eq!(
        (totals.scheduled, totals.replied, totals.lost),
        (11, 8, 3),
        "one was in flight when it left"
    );
    assert_eq!(
        story.view(1).outages,
        1,
        "the order starts in the midst of the numbers"
    );
}

fn any_fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => (0_u64..300).prop_map(Fate::Reply),
        1 => (0_u64..300).prop_map(Fate::Refused),
        1 => (0_u64..300).prop_map(Fate::Unreachable),
        3 => Just(Fate::Lost),
        1 => (301_u64..900).prop_map(Fate::Late),
        1 => Just(Fate::Unsent(errno::ENETUNREACH)),
        1 => Just(Fate::Unmeasured),
    ]
}

fn assert_sane(view: &TargetView) {
    let totals = view.totals;
    assert!(totals.is_conserved(), "{totals:?}");
    let window = view.window;
    assert!(window.loss.failed <= window.loss.finished && window.loss.finished <= window.probes);
    assert!(window.loss.ratio().is_none_or(|loss| (0.0..=1.0).contains(&loss)));
    assert!(view.down <= view.measured, "{view:?}");
    assert!(window.rtt.is_some() || window.jitter.is_none());
    if let Some(rtt) = window.rtt {
        assert!(rtt.min <= rtt.p50 && rtt.p50 <= rtt.p95 && rtt.p99 <= rtt.max);
        assert!(
            rtt.max <= Rtt::from_nanos(300 * MS),
            "an RTT of a probe that had none"
        );
    }
    if let Some(open) = view.outage {
        assert!(open.lost <= open.sent && open.sent <= totals.finished());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn counts_conserve_and_figures_are_sane_at_every_instant(
        line_fates in prop::collection::vec(any_fate(), 1..150),
        interval_ms in prop::sample::select(vec![20_u64, 100, 500]),
    ) {
        let end_ms = line_fates.len() as u64 * interval_ms + 1000;
        let expected_outages = outages_of(&line_fates, interval_ms);
        let mut story = Story::new(vec![Line::new(1, interval_ms, 300, line_fates)]);
        story.play_watched(end_ms, |monitor, _| assert_sane(&monitor.view(TargetId(1)).unwrap()));
        prop_assert_eq!(story.view(1).outages, expected_outages, "out of order is judged as in order");
    }

    #[test]
    fn a_gap_anywhere_leaves_no_probe_behind(gap_at in 0_u64..20, slots in 1_u64..1_000_000) {
        let mut story = Story::new(vec![Line::new(1, 1000, 900, Vec::new())]);
        let mut batch = RecordBatch::new(anchor(100_000));
        let line = Line::new(1, 1000, 900, vec![Fate::Lost; 23]);
        batch.records = (0..23).map(|seq| {
            let mut record = line.record(seq);
            record.seq += if record.seq >= gap_at { slots } else { 0 };
            record
        }).collect();
        let (from, to, target) = (EPOCH, EPOCH, TargetId(1));
        batch.gaps.push(Gap { target, kind: GapKind::Overrun, from, to, first_seq: gap_at, slots });
        batch.progress.push(Progress { target, scheduled: 23 + slots, in_flight: 0 });
        story.monitor.ingest(&batch, &mut story.effects);
        let view = story.view(1);
        prop_assert_eq!((view.totals.lost, view.totals.unmeasured), (23, slots));
        prop_assert_eq!(view.outage.map(|open| open.lost), Some(23));
    }
}

/// How many outages the same fates make when they are told in send order.
fn outages_of(line_fates: &[Fate], interval_ms: u64) -> u64 {
    let line = Line::new(1, interval_ms, 300, line_fates.to_vec());
    let mut detector = crate::outage::OutageDetector::new(line.target.thresholds.outage.into());
    let opened = (0..line_fates.len()).filter(|&seq| {
        let record = line.record(seq);
        let change = detector.on_outcome(record.sent_at, record.outcome);
        matches!(change, Some(crate::outage::OutageChange::Opened { .. }))
    });
    opened.count() as u64
}
