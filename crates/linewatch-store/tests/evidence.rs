//! What is kept of an outage outlives the samples it was taken from, and goes with the outage.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::*;
use linewatch_core::event::{EventId, OutageRow, RunId};
use linewatch_core::evidence::{Evidence, Part, Verdict, conclude, spans};
use linewatch_core::outage::OpenedBy;
use linewatch_core::port::{EvidenceQuery, History};
use linewatch_core::record::{Outcome, ProbeRecord};
use linewatch_core::target::TargetId;
use linewatch_store::{Keeping, Reader, Retention, StoreHandle, StoreMessage};

const HOUR: u64 = 3600;
/// Everything is silent in these seconds.
const SILENT: std::ops::Range<u64> = 60..75;

fn probe(target: TargetId, seq: u64) -> ProbeRecord {
    let answered = reply(target, seq, SECOND);
    if !SILENT.contains(&seq) {
        return answered;
    }
    ProbeRecord {
        outcome: Outcome::Lost,
        rtt: None,
        host_rtt: None,
        ..answered
    }
}

fn outage(target: TargetId) -> OutageRow {
    OutageRow {
        id: EventId {
            run: RunId(1),
            seq: 5,
        },
        target,
        from: wall(SILENT.start as i64),
        to: Some(wall(SILENT.end as i64)),
        duration_ns: 15 * SECOND,
        opened_by: OpenedBy::Run,
        sent: 15,
        lost: 15,
        uncertainty_ns: SECOND,
    }
}

/// A target, its gateway and another one, two minutes once a second, with an outage of all.
struct Story {
    clock: Arc<HandClock>,
    handle: StoreHandle,
    reader: Reader,
    targets: Vec<TargetId>,
}

impl Story {
    fn tell(dir: &std::path::Path) -> Self {
        let clock = Arc::new(HandClock::default());
        let mut store = open(dir, 0).store;
        let mut register = |slug: &str, address: &str| {
            store
                .register(&key(slug, address), slug, wall(0))
                .expect("a number")
        };
        let targets = vec![
            register("far", "192.0.2.1"),
            register("gateway", "192.0.2.254"),
            register("other", "198.51.100.1"),
            register("this-computer", "127.0.0.1"),
        ];
        let (handle, reader) = start(store, &clock);
        for seq in 0..120 {
            let mut records: Vec<_> = targets[..3].iter().map(|id| probe(*id, seq)).collect();
            records.push(reply(targets[3], seq, SECOND));
            send(&handle, batch(records));
            clock.advance(Duration::from_secs(1));
        }
        assert!(handle.try_send(StoreMessage::Outage(outage(targets[0]))));
        handle.flush().expect("flushed");
        Self {
            clock,
            handle,
            reader,
            targets,
        }
    }

    fn collect(&self) -> Evidence {
        let outage = outage(self.targets[0]);
        let span = spans(&outage, wall(120))[0];
        self.reader
            .collect_evidence(&EvidenceQuery {
                outage: outage.id,
                target: outage.target,
                span,
                gateways: vec![self.targets[1]],
            })
            .expect("collected")
    }

    fn kept(&self) -> Vec<Evidence> {
        let (_, kept) = self
            .reader
            .evidence(outage(self.targets[0]).id)
            .expect("read")
            .expect("an outage");
        kept
    }
}

#[test]
fn the_target_its_gateway_and_all_others_are_kept_from_30_s_before_to_30_s_after() {
    let dir = tempfile::tempdir().expect("a directory");
    let story = Story::tell(dir.path());
    let evidence = story.collect();
    assert_eq!(seqs(&evidence.samples), (30..105).collect::<Vec<_>>());
    assert_eq!(evidence.gateway, Some(story.targets[1]));
    assert_eq!(seqs(&evidence.gateway_samples), seqs(&evidence.samples));
    // Neither the gateway again nor what never leaves this computer.
    let lines: Vec<_> = evidence.lines.iter().map(|line| line.target).collect();
    assert_eq!(lines, [story.targets[2]]);
    let lost: u32 = evidence.lines[0].seconds.iter().map(|second| second.lost).sum();
    assert_eq!((evidence.lines[0].seconds.len(), lost), (75, 15));
    let (verdict, figures) = conclude(&outage(story.targets[0]), &[evidence]);
    assert_eq!(
        (verdict, figures.others_failing, figures.others),
        (Verdict::Near, 1, 1)
    );
}

#[test]
fn what_is_kept_outlives_its_samples_and_goes_with_its_outage() {
    let dir = tempfile::tempdir().expect("a directory");
    let story = Story::tell(dir.path());
    let collected = story.collect();
    story.handle.keep_evidence(&collected).expect("kept");
    assert!(
        story
            .reader
            .unproved(outage(TargetId(0)).id, 10)
            .expect("read")
            .is_empty()
    );
    let keep = |outages: u64| {
        story.handle.keep(Keeping {
            max_size_bytes: 1 << 40,
            retention: Retention {
                raw: Some(Duration::from_secs(HOUR)),
                outages: Some(Duration::from_secs(outages)),
                ..Retention::default()
            },
        });
    };
    // Hours later the samples are sealed and then deleted.
    let pass = |hours: std::ops::Range<u64>| {
        for minute in hours.start * 60..hours.end * 60 {
            send(
                &story.handle,
                batch(vec![reply(story.targets[0], 120 + minute * 60, SECOND)]),
            );
            story.clock.advance(Duration::from_secs(60));
            story.handle.flush().expect("flushed");
        }
    };
    keep(1_000 * HOUR);
    pass(0..5);
    let span = collected.span;
    let raw = samples(&story.reader, story.targets[0]);
    assert!(
        raw.iter().all(|sample| sample.at >= span.to),
        "the samples are gone"
    );
    let kept = story.kept();
    assert_eq!(seqs(&kept[0].samples), seqs(&collected.samples));
    assert_eq!((kept[0].span, &kept[0].lines), (span, &collected.lines));

    keep(2 * HOUR);
    pass(5..8);
    assert!(
        story
            .reader
            .evidence(outage(story.targets[0]).id)
            .expect("read")
            .is_none()
    );
    assert_eq!(sql_number(dir.path(), "SELECT count(*) FROM evidence"), 0);
}

#[test]
fn an_outage_that_was_not_copied_before_a_crash_is_found_and_copied_after_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let story = Story::tell(dir.path());
    let far = story.targets[0];
    // A copy of the files as they lie there is what a crash leaves.
    let crashed = tempfile::tempdir().expect("a directory");
    for name in ["linewatch.db", "linewatch.db-wal"] {
        std::fs::copy(dir.path().join(name), crashed.path().join(name)).expect("copied");
    }
    let clock = Arc::<HandClock>::default();
    clock.advance(Duration::from_secs(500));
    let (handle, reader) = start(open(crashed.path(), 500).store, &clock);
    let beginning = EventId {
        run: RunId(0),
        seq: 0,
    };
    let unproved = reader.unproved(beginning, 10).expect("read");
    assert_eq!(unproved.len(), 1);
    assert_eq!(
        (&unproved[0].outage, unproved[0].kept.is_empty()),
        (&outage(far), true)
    );
    let query = EvidenceQuery {
        outage: unproved[0].outage.id,
        target: far,
        span: spans(&unproved[0].outage, wall(500))[0],
        gateways: Vec::new(),
    };
    let evidence = reader.collect_evidence(&query).expect("collected");
    assert_eq!((evidence.samples.len(), evidence.lines.len()), (75, 2));
    handle.keep_evidence(&evidence).expect("kept");
    assert!(reader.unproved(beginning, 10).expect("read").is_empty());
}

#[test]
fn a_long_outage_is_unproved_until_its_end_is_kept() {
    let dir = tempfile::tempdir().expect("a directory");
    let story = Story::tell(dir.path());
    let long = OutageRow {
        to: Some(wall(SILENT.start as i64 + 600)),
        ..outage(story.targets[0])
    };
    assert!(story.handle.try_send(StoreMessage::Outage(long.clone())));
    story.handle.flush().expect("flushed");
    for (span, left) in spans(&long, wall(10_000)).into_iter().zip([1, 0]) {
        let query = EvidenceQuery {
            outage: long.id,
            target: long.target,
            span,
            gateways: Vec::new(),
        };
        let evidence = story.reader.collect_evidence(&query).expect("collected");
        story.handle.keep_evidence(&evidence).expect("kept");
        let unproved = story.reader.unproved(long.id, 10).expect("read");
        assert_eq!(unproved.len(), left, "{span:?}");
        assert!(unproved.iter().all(|one| one.kept == [Part::Begin]));
    }
    let parts: Vec<Part> = story.kept().iter().map(|kept| kept.span.part).collect();
    assert_eq!(parts, [Part::Begin, Part::End]);
}
