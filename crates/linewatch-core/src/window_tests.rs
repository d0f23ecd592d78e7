//! Shows what the live window holds, and its figures.

use super::*;
use crate::record::{Cause, Class};
use crate::target::TargetId;

const MS: u64 = 1_000_000;

/// A probe due and sent at `seq` intervals; answered after `rtt_ms`, else with `outcome`.
fn probe(seq: u64, interval_ms: u64, rtt_ms: Option<u64>, outcome: Outcome) -> ProbeRecord {
    let at = MonoTime::from_nanos(seq * interval_ms * MS);
    let rtt = rtt_ms.map(|millis| Rtt::from_nanos(millis * MS));
    ProbeRecord {
        target: TargetId(1),
        seq,
        due_at: at,
        sent_at: at,
        outcome,
        rtt,
        host_rtt: rtt.map(|rtt| Rtt::from_nanos(rtt.as_nanos() + MS / 2)),
        class: Class::K,
        cause: Cause::None,
        is_reordered: false,
    }
}

fn reply(seq: u64, interval_ms: u64, rtt_ms: u64) -> ProbeRecord {
    probe(seq, interval_ms, Some(rtt_ms), Outcome::Reply)
}

fn figures(records: &[ProbeRecord], now_ms: u64) -> WindowView {
    let mut window = Window::default();
    records.iter().for_each(|record| window.add(record));
    window.figures(MonoTime::from_nanos(now_ms * MS), &mut Scratch::default())
}

#[test]
fn reference_vector_has_its_figures() {
    let rtts = [10, 12, 11, 15, 10];
    let records: Vec<_> = rtts
        .iter()
        .enumerate()
        .map(|(seq, &rtt)| reply(seq as u64, 1000, rtt))
        .collect();
    let view = figures(&records, 5000);
    let rtt = view.rtt.unwrap();
    assert_eq!(view.jitter, Some(Rtt::from_nanos(3 * MS)));
    assert_eq!(view.jitter_last, Some(Rtt::from_nanos(5 * MS)));
    assert_eq!(
        (rtt.mdev.as_nanos(), rtt.max.as_nanos() - rtt.min.as_nanos()),
        (1_854_724, 5 * MS)
    );
    assert_eq!(view.process_p50, Some(Rtt::from_nanos(MS / 2)));
    assert_eq!(view.span, Duration::from_secs(5));
}

#[test]
fn a_loss_decided_after_later_replies_takes_its_place_among_them() {
    let lost = probe(1, 1000, None, Outcome::Lost);
    let (late, in_order) = (
        figures(
            &[reply(0, 1000, 10), reply(2, 1000, 50), reply(3, 1000, 51), lost],
            4000,
        ),
        figures(
            &[reply(0, 1000, 10), lost, reply(2, 1000, 50), reply(3, 1000, 51)],
            4000,
        ),
    );
    assert_eq!(late, in_order);
    assert_eq!(late.jitter, Some(Rtt::from_nanos(MS)), "0 and 2 are not adjacent");
    assert_eq!(
        (late.rto, late.loss),
        (
            1,
            Loss {
                failed: 1,
                finished: 4
            }
        )
    );
}

#[test]
fn a_reply_that_was_overtaken_keeps_its_neighbours() {
    let (overtaken, in_order) = (
        figures(
            &[
                reply(0, 1000, 10),
                reply(2, 1000, 14),
                reply(1, 1000, 11),
                reply(3, 1000, 20),
            ],
            4000,
        ),
        figures(
            &[
                reply(0, 1000, 10),
                reply(1, 1000, 11),
                reply(2, 1000, 14),
                reply(3, 1000, 20),
            ],
            4000,
        ),
    );
    assert_eq!(overtaken, in_order);
    assert_eq!(overtaken.jitter, Some(Rtt::from_nanos(10 * MS / 3)));
}

#[track_caller]
fn check_probes(interval_ms: u64, expected: u64) {
    let records: Vec<_> = (0..200).map(|seq| reply(seq, interval_ms, 10)).collect();
    assert_eq!(
        figures(&records, 199 * interval_ms).probes,
        expected,
        "every {interval_ms} ms"
    );
}

#[test]
fn the_window_is_twenty_probes_or_sixty_seconds_whichever_spans_more() {
    check_probes(1000, 61); // 60 s ago is inside.
    check_probes(10_000, 20);
    check_probes(500, 121);
    check_probes(3_600_000, 20);
}

#[test]
fn what_has_left_the_window_is_dropped() {
    let mut window = Window::default();
    (0..100).for_each(|seq| window.add(&reply(seq, 1000, 10)));
    let at = |second: u64| MonoTime::from_nanos(second * 1000 * MS);
    window.advance(at(99));
    assert_eq!(window.entries.len(), 61);
    window.advance(at(100));
    assert_eq!(window.entries.len(), 60);
}

/// Tells the same probes to two windows, one of which holds them packed and the other plain.
#[test]
fn packed_or_plain_the_figures_are_the_same() {
    let lost = |seq: u64| probe(seq, 100, None, Outcome::Lost);
    // Every seventh probe is lost, which is known twenty probes later.
    let decided = |seq: u64| {
        let answered = (!seq.is_multiple_of(7)).then(|| reply(seq, 100, 10 + seq % 13));
        let given_up = seq
            .checked_sub(20)
            .filter(|before| before.is_multiple_of(7))
            .map(lost);
        answered.into_iter().chain(given_up)
    };
    let (mut packed, mut plain) = (Window::default(), Window::default());
    plain.entries = Entries::Plain(VecDeque::new());
    let scratch = &mut Scratch::default();
    for record in (0..PACKED_ENTRIES as u64).flat_map(decided) {
        packed.add(&record);
        plain.add(&record);
        assert!(matches!(packed.entries, Entries::Packed(_)));
        let now = record.sent_at.plus(Duration::from_secs(45));
        assert_eq!(packed.figures(now, scratch), plain.figures(now, scratch));
    }
}

#[test]
fn a_target_that_becomes_fast_and_slow_again_keeps_its_probes() {
    let mut window = Window::default();
    (0..2000).for_each(|seq| window.add(&reply(seq, 10, 10)));
    assert!(matches!(window.entries, Entries::Plain(_)));
    let at = |millis: u64| MonoTime::from_nanos(millis * MS);
    window.advance(at(79_500));
    assert!(matches!(window.entries, Entries::Packed(_)));
    assert_eq!(
        window.figures(at(79_500), &mut Scratch::default()).probes,
        50,
        "from 19.5 s to 19.99 s"
    );
}

#[test]
fn the_window_is_bounded() {
    let mut window = Window::default();
    (0..limits::WINDOW_ENTRIES as u64 + 10).for_each(|seq| window.add(&reply(seq, 0, 10)));
    assert_eq!(window.entries.len(), limits::WINDOW_ENTRIES);
}

#[test]
fn our_own_trouble_is_counted_apart_and_never_loss() {
    let records = [
        reply(0, 1000, 201),
        probe(1, 1000, None, Outcome::Unsent),
        probe(2, 1000, None, Outcome::Unmeasured),
        probe(3, 1000, Some(1), Outcome::Refused),
        probe(4, 1000, None, Outcome::Unreachable),
    ];
    let view = figures(&records, 5000);
    assert_eq!(
        view.loss,
        Loss {
            failed: 1,
            finished: 3
        }
    );
    assert_eq!(
        (view.probes, view.unsent, view.unmeasured, view.rto, view.slow),
        (5, 1, 1, 0, 1)
    );
}

#[test]
fn an_entry_stays_within_the_bytes_its_limit_counts_with() {
    assert_eq!(size_of::<Entry>(), 32);
}
