//! Measures how well this computer kept the pace: how often it really sent, and how late, in bounded memory.

use std::time::Duration;

use linewatch_core::record::ProbeRecord;
use linewatch_core::stats::histogram::Histogram;
use linewatch_core::time::{MonoTime, Rtt, nanos_of};

/// How late and how often this computer really sent.
#[derive(Default)]
pub(super) struct Pace {
    lateness: Histogram,
    lateness_max: Duration,
    sent: Option<(MonoTime, MonoTime, u64)>,
}

impl Pace {
    pub(super) fn add(&mut self, record: &ProbeRecord) {
        if !(record.outcome.is_answer() || record.outcome.is_failure()) {
            return;
        }
        let lateness = record.lateness();
        self.lateness.add(Rtt::from_nanos(nanos_of(lateness)));
        self.lateness_max = self.lateness_max.max(lateness);
        let (first, last, count) = self.sent.unwrap_or((record.sent_at, record.sent_at, 0));
        self.sent = Some((first.min(record.sent_at), last.max(record.sent_at), count + 1));
    }

    /// Probes per second that really left, first to last; `None` below two of them.
    pub(super) fn achieved_per_s(&self) -> Option<f64> {
        let (first, last, count) = self.sent?;
        let span_s = last.since(first).as_secs_f64();
        (count > 1 && span_s > 0.0).then(|| (count - 1) as f64 / span_s)
    }

    /// Median, 99th percentile, maximum.
    pub(super) fn lateness(&self) -> Option<(Duration, Duration, Duration)> {
        let [p50, p99] = self.lateness.quantiles([0.5, 0.99]);
        let length = |rtt: Rtt| Duration::from_nanos(rtt.as_nanos()).min(self.lateness_max);
        Some((length(p50?), length(p99?), self.lateness_max))
    }
}
