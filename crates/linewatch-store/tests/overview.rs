//! The overview's sums: any span, at any moment, every committed probe once; time and outages as they were.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::*;
use linewatch_core::event::{EventId, OutageRow, RunId};
use linewatch_core::outage::OpenedBy;
use linewatch_core::past::{SeriesSum, SumQuery};
use linewatch_core::port::History;
use linewatch_core::record::{Gap, GapKind};
use linewatch_core::rollup::Rollup;
use linewatch_core::target::TargetId;
use linewatch_store::{Reader, StoreMessage};

const ONE: TargetId = TargetId(1);
const OTHER: TargetId = TargetId(2);

fn sums(reader: &Reader, from: i64, to: i64) -> Vec<(TargetId, SeriesSum)> {
    let query = SumQuery {
        targets: vec![ONE, OTHER],
        from: wall(from),
        to: wall(to),
    };
    reader.sums(&query).expect("sums")
}

fn sum(reader: &Reader, from: i64, to: i64) -> SeriesSum {
    sums(reader, from, to).swap_remove(0).1
}

#[test]
fn at_every_moment_a_span_counts_what_the_samples_in_it_say() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (handle, reader) = start(open(dir.path(), 0).store, &clock);
    handle.try_send(StoreMessage::Active(vec![(ONE, plan(SECOND))]));
    let mut seen = 0;
    for step in [1, 58, 3, 67, 400, 73, 597, 1201, 4790, 13, 71, 650] {
        feed(&handle, &clock, ONE, seen..seen + step, SECOND, 17);
        seen += step;
        // Ends on and off the edges of every tier.
        for (from, to) in [(0, 7200), (60, 600), (120, 7260), (0, 86_400), (1800, 5460)] {
            let expected = (from..to).filter(|second| *second < seen as i64).count() as u64;
            let found = sum(&reader, from, to);
            assert_eq!(
                found.rollup.counts().scheduled,
                expected,
                "{from} to {to} after {seen}"
            );
            let beside = Reader::open(dir.path()).expect("a reader");
            assert_eq!(sum(&beside, from, to), found, "{from} to {to} after {seen}");
        }
    }
    assert_eq!(sums(&reader, 0, 7200)[1], (OTHER, SeriesSum::default()));
    let whole = samples(&reader, ONE)
        .iter()
        .fold(Rollup::default(), |mut sum, sample| {
            sum.add(sample.outcome, sample.rtt, sample.is_reordered);
            sum
        });
    let found = sum(&reader, 0, 86_400).rollup;
    assert_eq!(
        (found.min(), found.max(), found.avg()),
        (whole.min(), whole.max(), whole.avg())
    );
    assert_eq!(found.quantile(0.95), whole.quantile(0.95));
}

#[test]
fn time_in_which_nobody_measured_is_no_measured_time_and_an_outage_counts_inside_the_span_only() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(HandClock::default());
    let (handle, reader) = start(open(dir.path(), 0).store, &clock);
    handle.try_send(StoreMessage::Active(vec![(ONE, plan(SECOND))]));
    feed(&handle, &clock, ONE, 0..600, SECOND, 100);
    handle.try_send(StoreMessage::Gap(Gap {
        target: ONE,
        kind: GapKind::Paused,
        from: wall(600),
        to: wall(900),
        first_seq: 600,
        slots: 0,
    }));
    clock.advance(Duration::from_secs(300));
    feed(&handle, &clock, ONE, 900..1200, SECOND, 100);
    for (seq, from, to) in [(0, 100, 110), (1, 1000, 1100)] {
        handle.try_send(StoreMessage::Outage(OutageRow {
            id: EventId { run: RunId(1), seq },
            target: ONE,
            from: wall(from),
            to: Some(wall(to)),
            duration_ns: (to - from) as u64 * SECOND,
            opened_by: OpenedBy::Run,
            sent: (to - from) as u64,
            lost: (to - from) as u64,
            uncertainty_ns: SECOND,
        }));
    }
    handle.flush().expect("flushed");
    let found = sum(&reader, 0, 1200);
    assert_eq!(
        (found.measured, found.down),
        (Duration::from_secs(900), Duration::from_secs(110))
    );
    assert_eq!(found.outages, 2);
    assert_eq!(found.availability_ppm(), Some(877_777));
    assert_eq!(found.coverage_ppm(Duration::from_secs(1200)), Some(750_000));
    // Half of the second outage.
    let found = sum(&reader, 1050, 1200);
    assert_eq!((found.outages, found.down), (1, Duration::from_secs(50)));
    handle.stop("test").expect("stops");
}
