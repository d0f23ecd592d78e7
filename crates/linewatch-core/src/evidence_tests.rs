//! Whose fault it was, as a table; and what is kept of long and short outages.

use super::*;
use crate::event::RunId;
use crate::outage::OpenedBy;
use crate::record::{Cause, Class};

const BEGIN_S: i64 = 1_000_000;
const LENGTH_S: i64 = 20;

fn wall(seconds: i64) -> WallTime {
    WallTime::from_nanos(seconds * NANOS_PER_S)
}

fn outage(length_s: Option<i64>) -> OutageRow {
    OutageRow {
        id: EventId {
            run: RunId(1),
            seq: 7,
        },
        target: TargetId(1),
        from: wall(BEGIN_S),
        to: length_s.map(|length_s| wall(BEGIN_S + length_s)),
        duration_ns: 0,
        opened_by: OpenedBy::Run,
        sent: length_s.unwrap_or(0).unsigned_abs(),
        lost: 0,
        uncertainty_ns: 0,
    }
}

fn sample(at_s: i64, outcome: Outcome) -> StoredSample {
    let rtt = outcome.is_answer().then(|| Rtt::from_nanos(20_000_000));
    StoredSample {
        run: 1,
        seq: at_s.unsigned_abs(),
        at: wall(at_s),
        outcome,
        rtt,
        host_rtt: rtt,
        lateness_ns: 0,
        class: Class::K,
        cause: Cause::None,
        is_reordered: false,
        stray: None,
    }
}

/// Answers outside, `inside` for every second of the outage.
fn samples(inside: Outcome) -> Vec<StoredSample> {
    let is_inside = |at_s: &i64| (BEGIN_S..BEGIN_S + LENGTH_S).contains(at_s);
    (BEGIN_S - 30..BEGIN_S + LENGTH_S + 30)
        .map(|at_s| sample(at_s, if is_inside(&at_s) { inside } else { Outcome::Reply }))
        .collect()
}

fn line(target: u32, lost: u32) -> Line {
    let second = |at_s| Second {
        at_s,
        sent: 1,
        lost: u32::from(at_s < BEGIN_S + i64::from(lost)),
        p50: None,
    };
    Line {
        target: TargetId(target),
        seconds: (BEGIN_S..BEGIN_S + LENGTH_S).map(second).collect(),
    }
}

fn evidence(target: Outcome, gateway: Option<Outcome>, others_lost: &[u32]) -> Evidence {
    Evidence {
        outage: EventId {
            run: RunId(1),
            seq: 7,
        },
        target: TargetId(1),
        span: Span {
            part: Part::Whole,
            from: wall(BEGIN_S - 30),
            to: wall(BEGIN_S + LENGTH_S + 30),
        },
        samples: samples(target),
        gateway: gateway.map(|_| TargetId(2)),
        gateway_samples: gateway.map(samples).unwrap_or_default(),
        lines: (3..).zip(others_lost).map(|(id, lost)| line(id, *lost)).collect(),
        left_out: 0,
        faults: Vec::new(),
    }
}

fn judged(evidence: Evidence) -> Verdict {
    conclude(&outage(Some(LENGTH_S)), &[evidence]).0
}

#[test]
fn the_verdict_follows_from_who_else_failed() {
    use Outcome::{Lost, Reply, Unsent};
    for (target, gateway, others, expected) in [
        (Lost, Some(Reply), &[0, 0, 0][..], Verdict::Them),
        (Lost, Some(Lost), &[20, 20, 20], Verdict::Near),
        (Lost, Some(Lost), &[0, 0], Verdict::Near),
        (Lost, Some(Reply), &[20, 18, 20], Verdict::Line),
        (Lost, Some(Reply), &[20, 0, 0], Verdict::Shared),
        (Lost, Some(Reply), &[20], Verdict::Shared),
        (Lost, Some(Reply), &[], Verdict::Them),
        (Lost, None, &[20, 20, 20], Verdict::Near),
        (Lost, None, &[0, 0], Verdict::Them),
        // One lost probe of twenty is chance.
        (Lost, Some(Reply), &[1, 1, 1], Verdict::Them),
        (Lost, None, &[], Verdict::Unknown),
        (Reply, Some(Lost), &[20], Verdict::Unknown),
        (Unsent, Some(Lost), &[20], Verdict::ThisComputer),
    ] {
        assert_eq!(
            judged(evidence(target, gateway, others)),
            expected,
            "{target:?} {gateway:?} {others:?}"
        );
    }
}

#[test]
fn a_lost_link_is_this_computer_whoever_else_failed() {
    let mut cut = evidence(Outcome::Lost, Some(Outcome::Lost), &[20, 20]);
    cut.faults.push(Fault {
        gap: None,
        from: wall(BEGIN_S + 1),
        to: wall(BEGIN_S + 2),
        count: 3,
    });
    assert_eq!(judged(cut.clone()), Verdict::ThisComputer);
    // Before the outage it says nothing about it.
    cut.faults[0].from = wall(BEGIN_S - 20);
    cut.faults[0].to = wall(BEGIN_S - 10);
    assert_eq!(judged(cut), Verdict::Near);
}

#[test]
fn what_a_busy_computer_lost_is_doubtful() {
    let mut busy = evidence(Outcome::Lost, Some(Outcome::Reply), &[0]);
    for sample in &mut busy.samples {
        sample.host_rtt = sample.rtt.map(|rtt| Rtt::from_nanos(rtt.as_nanos() + 60_000_000));
    }
    let (verdict, figures) = conclude(&outage(Some(LENGTH_S)), &[busy]);
    assert_eq!(
        (verdict, figures.process),
        (Verdict::Busy, Some(Rtt::from_nanos(60_000_000)))
    );
}

#[test]
fn the_figures_are_of_the_outage_and_not_of_what_lies_around_it() {
    let mut kept = evidence(Outcome::Lost, Some(Outcome::Lost), &[20, 0]);
    for (at_s, delay_ms) in [(BEGIN_S + 1, 1_050), (BEGIN_S + 3, 1_900), (BEGIN_S - 5, 9_000)] {
        kept.samples.push(StoredSample {
            stray: Some(StrayKind::Late),
            rtt: Some(Rtt::from_nanos(delay_ms * 1_000_000)),
            ..sample(at_s, Outcome::Reply)
        });
    }
    let figures = conclude(&outage(Some(LENGTH_S)), &[kept]).1;
    let twenty = Count { sent: 20, lost: 20 };
    assert_eq!((figures.target, figures.gateway), (twenty, Some(twenty)));
    assert_eq!((figures.others, figures.others_failing, figures.late), (2, 1, 2));
    assert_eq!(figures.late_min, Some(Rtt::from_nanos(1_050_000_000)));
    assert_eq!(figures.late_max, Some(Rtt::from_nanos(1_900_000_000)));
}

#[test]
fn a_gateway_that_was_not_asked_inside_acquits_nobody() {
    let mut kept = evidence(Outcome::Lost, Some(Outcome::Reply), &[]);
    kept.gateway_samples.retain(|sample| sample.at < wall(BEGIN_S));
    assert_eq!(judged(kept), Verdict::Unknown);
}

#[test]
fn a_short_outage_is_kept_whole_and_a_long_one_at_its_edges() {
    let now = wall(BEGIN_S + 3600);
    let parts = |outage: &OutageRow, now| -> Vec<(Part, i64, i64)> {
        let seconds = |at: WallTime| at.as_nanos() / NANOS_PER_S - BEGIN_S;
        let spans = spans(outage, now).into_iter();
        spans
            .map(|span| (span.part, seconds(span.from), seconds(span.to)))
            .collect()
    };
    assert_eq!(parts(&outage(Some(20)), now), [(Part::Whole, -30, 50)]);
    let edges = [(Part::Begin, -30, 30), (Part::End, 1970, 2030)];
    assert_eq!(parts(&outage(Some(2000)), now), edges);
    assert_eq!(parts(&outage(None), wall(BEGIN_S + 100)), []);
    assert_eq!(parts(&outage(None), now), edges[..1]);
    // At 1 ms two minutes are more samples than one part holds.
    let dense = OutageRow {
        sent: 120_000,
        ..outage(Some(120))
    };
    assert_eq!(parts(&dense, now).len(), 2);
    // The calendar was set back meanwhile.
    assert_eq!(parts(&outage(Some(-500)), now), [(Part::Whole, -30, 30)]);
}
