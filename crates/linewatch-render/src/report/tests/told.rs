//! A history made of literal probes, gaps and outages, for the tests of reports.

use super::*;

/// Probes once a second since [`BEGIN_S`], gaps, outages, and what is kept of each outage.
#[derive(Default)]
pub(super) struct Told {
    pub(super) probes: Vec<(i64, Outcome, u64)>,
    pub(super) gaps: Vec<Gap>,
    pub(super) outages: Vec<OutageRow>,
    pub(super) kept: Vec<Evidence>,
    pub(super) measured: Duration,
    pub(super) down: Duration,
}

impl Told {
    pub(super) fn answered(seconds: i64) -> Self {
        let probes = (0..seconds).map(|second| (second, Outcome::Reply, 20)).collect();
        Self {
            probes,
            measured: Duration::from_secs(seconds as u64),
            ..Self::default()
        }
    }

    pub(super) fn lose(mut self, seconds: std::ops::Range<i64>) -> Self {
        for (second, outcome, _) in &mut self.probes {
            if seconds.contains(second) {
                *outcome = Outcome::Lost;
            }
        }
        let lost = (seconds.end - seconds.start) as u64;
        self.outages.push(OutageRow {
            id: EventId {
                run: RunId(1),
                seq: self.outages.len() as u64,
            },
            target: TARGET,
            from: at(seconds.start),
            to: Some(at(seconds.end)),
            duration_ns: lost * 1_000_000_000,
            opened_by: OpenedBy::Run,
            sent: lost,
            lost,
            uncertainty_ns: 1_000_000_000,
        });
        self.down += Duration::from_secs(lost);
        self
    }

    pub(super) fn gap(mut self, from: i64, to: i64, kind: GapKind, slots: u64) -> Self {
        self.gaps.push(Gap {
            target: TARGET,
            kind,
            from: at(from),
            to: at(to),
            first_seq: 0,
            slots,
        });
        self
    }
}

impl History for Told {
    fn samples(&self, _: SampleQuery) -> Result<Vec<StoredSample>, HistoryError> {
        Ok(Vec::new())
    }
    fn series(&self, query: SeriesQuery) -> Result<Series, HistoryError> {
        let mut buckets = Buckets::new(Duration::from_secs(60));
        for (second, outcome, ms) in &self.probes {
            let is_inside = at(*second) >= query.from && at(*second) < query.to;
            if is_inside && query.target == TARGET {
                let rtt = outcome.is_answer().then(|| Rtt::from_nanos(ms * 1_000_000));
                buckets.add(at(*second), (*outcome, rtt, false), [None, None]);
            }
        }
        let points = buckets.into_rollups().into_iter();
        Ok(Series {
            from: query.from,
            to: query.to,
            bucket: Duration::from_secs(60),
            source: SeriesSource::Tier(Resolution::Minute),
            points: points.map(|(at, rollup)| SeriesPoint { at, rollup }).collect(),
            gaps: self.gaps.clone(),
        })
    }
    fn sums(&self, query: &SumQuery) -> Result<Vec<(TargetId, SeriesSum)>, HistoryError> {
        let sum = SeriesSum {
            measured: self.measured,
            down: self.down,
            outages: self.outages.len() as u64,
            ..SeriesSum::default()
        };
        Ok(query
            .targets
            .iter()
            .map(|target| (*target, sum.clone()))
            .collect())
    }
    fn stretches(&self, _: &SumQuery) -> Result<Vec<Stretch>, HistoryError> {
        Ok(Vec::new())
    }
    fn gaps(&self, query: SampleQuery) -> Result<Vec<Gap>, HistoryError> {
        let touching = self
            .gaps
            .iter()
            .filter(|gap| gap.to >= query.from && gap.from < query.to);
        Ok(touching.copied().collect())
    }
    fn events(&self, _: &RowQuery) -> Result<Vec<Event>, HistoryError> {
        Ok(vec![Event {
            id: EventId {
                run: RunId(1),
                seq: 9,
            },
            kind: EventKind::PacketLoss,
            severity: linewatch_core::event::Severity::Warning,
            target: Some(TARGET),
            at: at(1),
            until: None,
            count: 1,
            excess: None,
            message: HOSTILE.to_owned(),
        }])
    }
    fn outages(&self, query: &RowQuery) -> Result<Vec<OutageRow>, HistoryError> {
        let is_meant = |row: &&OutageRow| {
            query.from.is_none_or(|from| row.from >= from) && query.to.is_none_or(|to| row.from < to)
        };
        Ok(self
            .outages
            .iter()
            .filter(is_meant)
            .take(query.limit)
            .cloned()
            .collect())
    }
    fn logs(&self, _: &RowQuery) -> Result<Vec<LogRow>, HistoryError> {
        Ok(Vec::new())
    }
    fn count_events(&self, _: &[TargetId], _: &[EventKind]) -> Result<u64, HistoryError> {
        Ok(0)
    }
    fn numbered_logs(&self, _: Option<&str>, _: usize) -> Result<Vec<(i64, LogRow)>, HistoryError> {
        Ok(Vec::new())
    }
    fn targets(&self) -> Result<Vec<StoredTarget>, HistoryError> {
        Ok(vec![StoredTarget {
            id: TARGET,
            slug: "gw".to_owned(),
            name: HOSTILE.to_owned(),
            address: String::new(),
        }])
    }
    fn storage(&self) -> StorageView {
        StorageView::default()
    }
    fn evidence(&self, outage: EventId) -> Result<Option<(OutageRow, Vec<Evidence>)>, HistoryError> {
        let row = self.outages.iter().find(|row| row.id == outage);
        Ok(row.map(|row| {
            let kept = self.kept.iter().filter(|kept| kept.outage == outage);
            (row.clone(), kept.cloned().collect())
        }))
    }
}
