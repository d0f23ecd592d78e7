//! Claims about what a picture asks of a history, over a history of single probes held in memory.

mod graph_samples;

use std::time::Duration;

use graph_samples::{END_S, at, ms};
use linewatch_core::event::{Event, EventId, EventKind, LogRow, OutageRow, RunId};
use linewatch_core::outage::OpenedBy;
use linewatch_core::port::{
    History, HistoryError, RowQuery, SampleQuery, Series, SeriesPoint, SeriesQuery, SeriesSource,
    StorageView, StoredSample, StoredTarget,
};
use linewatch_core::record::{Gap, GapKind, Outcome};
use linewatch_core::rollup::{Buckets, floor};
use linewatch_core::target::TargetId;
use linewatch_core::time::WallTime;
use linewatch_render::graph::{self, GraphInput, GraphPeriod, GraphStyle, GraphSubject, Theme, ValueAxis};

/// Answers from lists; buckets as short as asked for, never below a second.
#[derive(Default)]
struct Memory {
    probes: Vec<(TargetId, WallTime, Outcome)>,
    gaps: Vec<Gap>,
    outages: Vec<OutageRow>,
}

impl History for Memory {
    fn samples(&self, _query: SampleQuery) -> Result<Vec<StoredSample>, HistoryError> {
        Ok(Vec::new())
    }
    fn series(&self, query: SeriesQuery) -> Result<Series, HistoryError> {
        let span_s = (query.to.nanos_after(query.from) as u64).div_ceil(1_000_000_000);
        let bucket = Duration::from_secs(span_s.div_ceil(query.points as u64));
        let mut buckets = Buckets::new(bucket);
        let from = floor(query.from, bucket);
        for (target, at, outcome) in &self.probes {
            if *target == query.target && *at >= from && *at < query.to {
                let rtt = outcome.is_answer().then(|| ms(20.0));
                buckets.at(*at).add(*outcome, rtt, false);
            }
        }
        let points = buckets.into_rollups().into_iter();
        Ok(Series {
            from,
            to: query.to,
            bucket,
            source: SeriesSource::Raw,
            points: points.map(|(at, rollup)| SeriesPoint { at, rollup }).collect(),
            gaps: self
                .gaps
                .iter()
                .filter(|gap| gap.target == query.target)
                .copied()
                .collect(),
        })
    }
    fn gaps(&self, _query: SampleQuery) -> Result<Vec<Gap>, HistoryError> {
        Ok(Vec::new())
    }
    fn events(&self, _query: &RowQuery) -> Result<Vec<Event>, HistoryError> {
        Ok(Vec::new())
    }
    fn outages(&self, query: &RowQuery) -> Result<Vec<OutageRow>, HistoryError> {
        let is_meant = |row: &&OutageRow| {
            query.from.is_none_or(|from| row.from >= from) && query.to.is_none_or(|to| row.from < to)
        };
        Ok(self
            .outages
            .iter()
            .rev()
            .filter(is_meant)
            .take(query.limit)
            .cloned()
            .collect())
    }
    fn logs(&self, _query: &RowQuery) -> Result<Vec<LogRow>, HistoryError> {
        Ok(Vec::new())
    }
    fn count_events(&self, _targets: &[TargetId], _kinds: &[EventKind]) -> Result<u64, HistoryError> {
        Ok(0)
    }
    fn numbered_logs(&self, _level: Option<&str>, _limit: usize) -> Result<Vec<(i64, LogRow)>, HistoryError> {
        Ok(Vec::new())
    }
    fn targets(&self) -> Result<Vec<StoredTarget>, HistoryError> {
        Ok(Vec::new())
    }
    fn storage(&self) -> StorageView {
        StorageView::default()
    }
}

impl Memory {
    /// A probe every `every_s` seconds in these, all answered.
    fn probed(&mut self, target: u32, seconds: std::ops::Range<i64>, every_s: usize) {
        let probe = |second| (TargetId(target), at(second), Outcome::Reply);
        self.probes.extend(seconds.step_by(every_s).map(probe));
    }

    fn down(&mut self, from: i64, to: Option<i64>, so_far_s: u64) {
        self.outages.push(OutageRow {
            id: EventId {
                run: RunId(1),
                seq: self.outages.len() as u64,
            },
            target: TargetId(1),
            from: at(from),
            to: to.map(at),
            duration_ns: so_far_s * 1_000_000_000,
            opened_by: OpenedBy::Run,
            sent: 0,
            lost: 0,
            uncertainty_ns: 0,
        });
    }

    fn ask(&self, from: i64, to: i64) -> GraphInput {
        let period = GraphPeriod {
            from: at(from),
            to: at(to),
            now: at(END_S),
            zone: jiff::tz::TimeZone::UTC,
        };
        let style = GraphStyle::new(1200, 400, 1, Theme::Light, ValueAxis::Linear).expect("a legal size");
        let series = [TargetId(1), TargetId(2)];
        graph::ask(self, &series, GraphSubject::default(), &period, &style).expect("an answer")
    }
}

#[test]
fn buckets_are_at_least_three_pixels_wide_and_round() {
    let lengths = [
        60,
        3_600,
        6 * 3_600,
        86_400,
        7 * 86_400,
        30 * 86_400,
        365 * 86_400,
    ]
    .map(|span_s| {
        let memory = Memory::default();
        memory.ask(END_S - span_s, END_S).bucket_length.as_secs()
    });
    assert_eq!(lengths, [1, 10, 60, 300, 1_800, 7_200, 86_400]);
}

#[test]
fn the_totals_are_of_the_period_and_not_of_its_outer_buckets() {
    let mut memory = Memory::default();
    memory.probed(1, END_S - 200_000..END_S, 1);
    // Both ends lie within a bucket of five minutes, and the period ends in the past.
    let input = memory.ask(END_S - 100_003, END_S - 13_603);
    assert_eq!(input.bucket_length.as_secs(), 300);
    assert!(input.buckets[0].from < input.from);
    assert!(input.totals.sent.abs_diff(86_400) <= 10, "{}", input.totals.sent);
    assert_eq!(input.totals.coverage_ppm, Some(1_000_000));
    assert_eq!(input.totals.measured, Duration::from_secs(86_400));
}

#[test]
fn a_slow_target_gets_buckets_that_hold_a_probe_each() {
    let mut memory = Memory::default();
    memory.probed(1, END_S - 3_600..END_S, 60);
    let input = memory.ask(END_S - 3_600, END_S);
    assert_eq!(input.bucket_length.as_secs(), 60);
    assert_eq!(input.buckets.len(), 60);
    // Every 7 s: no grid of ours fits, so each bucket holds one or two.
    let mut memory = Memory::default();
    memory.probed(1, END_S - 600..END_S, 7);
    let input = memory.ask(END_S - 600, END_S);
    assert_eq!(input.bucket_length.as_secs(), 10);
}

#[test]
fn an_hour_in_a_year_is_an_hour_measured_and_a_slow_target_is_measured_between_its_probes() {
    let mut memory = Memory::default();
    memory.probed(1, END_S - 7_200..END_S - 3_600, 5);
    let input = memory.ask(END_S - 365 * 86_400, END_S);
    assert_eq!(input.bucket_length.as_secs(), 86_400);
    let measured_s = input.totals.measured.as_secs();
    assert!((3_590..=3_602).contains(&measured_s), "{measured_s} s");
    let close = memory.ask(END_S - 7_200, END_S - 6_900);
    assert!(close.totals.coverage_ppm >= Some(950_000), "{:?}", close.totals);
}

#[test]
fn a_line_is_all_its_addresses_and_a_gap_of_both_is_one() {
    let mut memory = Memory::default();
    memory.probed(1, END_S - 86_400..END_S - 40_000, 1);
    memory.probed(2, END_S - 39_000..END_S, 1);
    for target in [TargetId(1), TargetId(2)] {
        memory.gaps.push(Gap {
            target,
            kind: GapKind::Stopped,
            from: at(END_S - 40_000),
            to: at(END_S - 39_000),
            first_seq: 0,
            slots: 0,
        });
    }
    let input = memory.ask(END_S - 86_400, END_S);
    assert_eq!(input.totals.sent, 85_400);
    assert_eq!(input.gaps.len(), 1);
    assert_eq!(input.totals.measured, Duration::from_secs(85_400));
}

#[test]
fn an_outage_from_before_the_period_is_in_it_and_one_left_open_by_a_dead_monitor_ends() {
    let mut memory = Memory::default();
    memory.probed(1, END_S - 86_400..END_S, 1);
    memory.down(END_S - 90_000, Some(END_S - 85_400), 4_600);
    memory.down(END_S - 50_000, None, 600);
    memory.down(END_S - 400, None, 390);
    let input = memory.ask(END_S - 86_400, END_S);
    let ends: Vec<_> = input.outages.iter().map(|outage| outage.to).collect();
    assert_eq!(ends, [Some(at(END_S - 85_400)), Some(at(END_S - 49_400)), None]);
    // 1,000 + 600 + 400 of 86,400 seconds.
    assert_eq!(input.totals.availability_ppm, Some(976_851));
}
