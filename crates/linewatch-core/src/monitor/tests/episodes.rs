//! Runs of lost probes, episodes above the threshold, jitter: one event each, folded in a storm.

use super::*;
use crate::event::Excess;

/// Count, span and peak of each episode of this kind.
fn spans(story: &Story, kind: EventKind) -> Vec<(u64, i64, Option<i64>)> {
    let of_kind = story.episodes().into_iter().filter(|event| event.kind == kind);
    of_kind
        .map(|event| (event.count, story_ms(event.at), event.until.map(story_ms)))
        .collect()
}

/// `.` 10 ms, `!` exactly at the threshold of 150 ms, `^` 200 ms, `x` lost, `-` unsent, `?` unmeasured.
fn script(script: &str) -> Vec<Fate> {
    script
        .chars()
        .map(|picture| match picture {
            '.' => Fate::Reply(10),
            '!' => Fate::Reply(150),
            '^' => Fate::Reply(200),
            'x' => Fate::Lost,
            '-' => Fate::Unsent(errno::ENETUNREACH),
            _ => Fate::Unmeasured,
        })
        .collect()
}

#[test]
fn every_run_of_failed_probes_is_an_event_be_it_of_one_probe() {
    let story = told(1000, 900, script("..x...xx..xxxx....."));
    assert_eq!(
        spans(&story, EventKind::PacketLoss),
        [
            (1, 2000, Some(3000)),
            (2, 6000, Some(8000)),
            (4, 10_000, Some(14_000))
        ]
    );
    let texts: Vec<_> = story.episodes().into_iter().map(|event| event.message).collect();
    assert_eq!(
        texts,
        ["1 probe lost", "2 probes in a row lost", "4 probes in a row lost"]
    );
    assert_eq!(story.events().len(), 1, "the last one is an outage too");
}

#[test]
fn only_what_is_strictly_above_the_threshold_is_an_episode_and_its_peak_is_kept() {
    let mut fates = script("..!..^^^!..^");
    fates[6] = Fate::Reply(321);
    let story = told(1000, 900, fates);
    assert_eq!(
        spans(&story, EventKind::ThresholdExceeded),
        [(3, 5000, Some(8000)), (1, 11_000, None)]
    );
    // Such delays are jitter as well, which is another episode.
    let episodes = story.episodes();
    let first = episodes
        .iter()
        .find(|event| event.kind == EventKind::ThresholdExceeded)
        .expect("an episode");
    let ms = |millis: u64| Rtt::from_nanos(millis * MS);
    let excess = Excess {
        peak: ms(321),
        limit: ms(150),
    };
    assert_eq!((first.excess, first.severity), (Some(excess), Severity::Warning));
    assert_eq!(
        first.message,
        "3 probes above the latency threshold within 3 s: highest 321.0 ms, limit 150 ms"
    );
}

#[test]
fn a_loss_ends_an_episode_of_slowness_and_our_own_trouble_ends_nothing() {
    let story = told(1000, 900, script(".^-?^x--x?.^^."));
    assert_eq!(
        spans(&story, EventKind::ThresholdExceeded),
        [(2, 1000, Some(5000)), (2, 11_000, Some(13_000))]
    );
    assert_eq!(spans(&story, EventKind::PacketLoss), [(2, 5000, Some(10_000))]);
}

#[test]
fn a_storm_is_folded_to_sixty_rows_an_hour_and_no_probe_is_forgotten() {
    // A quarter of an hour, every second probe lost: 20 rows at once and 10 by and by, as 60 are an hour's.
    let fates: Vec<Fate> = (0..900)
        .map(|seq| if seq % 2 == 1 { Fate::Lost } else { Fate::Reply(10) })
        .collect();
    let mut story = told(1000, 900, fates);
    story.monitor.finish(anchor(910_000), &mut story.effects);
    let rows = spans(&story, EventKind::PacketLoss);
    assert!((25..=30).contains(&rows.len()), "{} rows", rows.len());
    let lost: u64 = rows.iter().map(|(count, ..)| count).sum();
    assert_eq!(lost, 450);
    let is_told =
        |effect: &&Effect| matches!(effect, Effect::Event(event) if event.kind == EventKind::PacketLoss);
    let told = story.effects.iter().filter(is_told).count();
    assert!(
        told < 30 * 16,
        "a row is told when it has grown by a quarter: {told}"
    );
    assert!(
        story
            .episodes()
            .iter()
            .any(|event| event.message.contains("episodes"))
    );
}

#[test]
fn stopping_ends_an_episode() {
    let mut story = Story::new(vec![Line::new(1, 1000, 900, script("..^^^^^^"))]);
    story.play(5500);
    let mut stopped = story.lines[0].target.clone();
    stopped.is_enabled = false;
    story.monitor.set_target(&stopped, ms(5500), &mut story.effects);
    story.play(9000);
    assert_eq!(
        spans(&story, EventKind::ThresholdExceeded),
        [(4, 2000, Some(5500))]
    );
}

#[test]
fn jitter_is_an_event_while_the_deviation_is_above_its_limit() {
    let fates = (0..20).map(|seq| Fate::Reply(if seq % 2 == 0 { 10 } else { 140 }));
    let mut story = Story::new(vec![Line::new(1, 1000, 900, fates.collect())]);
    story.lines[0].fates.extend(script(&".".repeat(100)));
    story.play(110_000);
    let rows = spans(&story, EventKind::Jitter);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(rows[0].2.is_some(), "over");
}
