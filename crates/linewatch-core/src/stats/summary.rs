//! Sums up one target's whole run for `watch`: counts, RTT, jitter, process latency, lateness.
//!
//! Input: the target's records, strays, gaps and progress; output: a [`SummaryView`]. Percentiles are exact up
//! to [`limits::SUMMARY_EXACT_SAMPLES`] and from a histogram above, where p50, p95, p99 carry its error;
//! minimum, maximum, average and deviation are exact always. Not here: outages (`monitor`) and text (render).

use std::time::Duration;

use crate::limits;
use crate::record::{Counts, Gap, ProbeRecord, Progress, Stray};
use crate::stats::histogram::Histogram;
use crate::stats::jitter::{AdjacentPairs, Gauge};
use crate::stats::{Moments, percentile};
use crate::time::{MonoTime, Rtt};
use crate::view::RttStats;

/// One target's run so far, foldable for ever in bounded memory.
#[derive(Clone, Debug)]
pub struct Summary {
    counts: Counts,
    rtt: Delays,
    process: Delays,
    lateness: Delays,
    pairs: AdjacentPairs,
    gauge: Gauge,
    /// Send times of the first and the last probe that left, and how many left.
    sent: Option<(MonoTime, MonoTime, u64)>,
}

/// The figures of INTERFACE.md's summary object; `None` is its `null`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SummaryView {
    /// Every count; its `loss()` gives the loss ratio.
    pub counts: Counts,
    /// RTT of the answers that have one.
    pub rtt: Option<RttStats>,
    /// Mean absolute difference of adjacent answers.
    pub jitter: Option<Rtt>,
    /// RFC 3550's gauge at the end.
    pub jitter_rfc3550: Option<Rtt>,
    /// Median process latency.
    pub process_p50: Option<Rtt>,
    /// 99th percentile of the process latency.
    pub process_p99: Option<Rtt>,
    /// Median lateness of the probes that left.
    pub lateness_p50: Option<Duration>,
    /// 99th percentile of the lateness.
    pub lateness_p99: Option<Duration>,
    /// Greatest lateness.
    pub lateness_max: Option<Duration>,
    /// Probes per second that really left, first to last; `None` below two of them.
    pub achieved_per_s: Option<f64>,
}

impl Default for Summary {
    fn default() -> Self {
        Self::new()
    }
}

impl Summary {
    /// A run without a probe.
    pub fn new() -> Self {
        Self {
            counts: Counts::default(),
            rtt: Delays::default(),
            process: Delays::default(),
            lateness: Delays::default(),
            pairs: AdjacentPairs::new(),
            gauge: Gauge::default(),
            sent: None,
        }
    }

    /// Adds one finished probe.
    pub fn add(&mut self, record: &ProbeRecord) {
        self.counts.add(record);
        if let Some(rtt) = record.rtt {
            self.rtt.add(rtt.as_nanos());
            self.pairs.add(record.seq, rtt);
            self.gauge.add(rtt);
        }
        if let Some(process) = record.process_latency() {
            self.process.add(process.as_nanos());
        }
        // An unmeasured probe may never have left; those that certainly did are enough for lateness and rate.
        if record.outcome.is_answer() || record.outcome.is_failure() {
            self.lateness.add(crate::time::nanos_of(record.lateness()));
            let (first, last, count) = self.sent.unwrap_or((record.sent_at, record.sent_at, 0));
            self.sent = Some((first.min(record.sent_at), last.max(record.sent_at), count + 1));
        }
    }

    /// Adds one answer beside the records.
    pub fn add_stray(&mut self, stray: &Stray) {
        self.counts.add_stray(stray);
    }

    /// Adds a hole: its slots are unmeasured.
    pub fn add_gap(&mut self, gap: &Gap) {
        self.counts.unmeasured += gap.slots;
    }

    /// Takes over how far the schedule has come; of a batch, after its records and gaps.
    pub fn set_progress(&mut self, progress: &Progress) {
        self.counts.scheduled = progress.scheduled;
        self.counts.in_flight = progress.in_flight;
    }

    /// The figures so far.
    pub fn view(&self) -> SummaryView {
        let [process_p50, _, process_p99] = self.process.percentiles();
        let [lateness_p50, _, lateness_p99] = self.lateness.percentiles();
        SummaryView {
            counts: self.counts,
            rtt: self.rtt.stats(),
            jitter: self.pairs.differences().mean(),
            jitter_rfc3550: self.gauge.value(),
            process_p50: process_p50.map(Rtt::from_nanos),
            process_p99: process_p99.map(Rtt::from_nanos),
            lateness_p50: lateness_p50.map(Duration::from_nanos),
            lateness_p99: lateness_p99.map(Duration::from_nanos),
            lateness_max: self.lateness.range.map(|(_, max)| Duration::from_nanos(max)),
            achieved_per_s: self.achieved_per_s(),
        }
    }

    fn achieved_per_s(&self) -> Option<f64> {
        let (first, last, count) = self.sent?;
        let span_s = last.since(first).as_secs_f64();
        (count > 1 && span_s > 0.0).then(|| (count - 1) as f64 / span_s)
    }
}

/// A set of delays that forgets the single values only when there are too many.
#[derive(Clone, Debug, Default)]
struct Delays {
    exact: Vec<u64>,
    /// Present once `exact` overflowed; then `exact` is empty and stays so.
    folded: Option<Histogram>,
    moments: Moments,
    /// Smallest and largest.
    range: Option<(u64, u64)>,
}

impl Delays {
    fn add(&mut self, nanos: u64) {
        self.moments.add(nanos);
        let (min, max) = self.range.unwrap_or((nanos, nanos));
        self.range = Some((min.min(nanos), max.max(nanos)));
        match &mut self.folded {
            Some(histogram) => histogram.add(Rtt::from_nanos(nanos)),
            None => {
                self.exact.push(nanos);
                if self.exact.len() > limits::SUMMARY_EXACT_SAMPLES {
                    self.fold();
                }
            }
        }
    }

    fn fold(&mut self) {
        let mut histogram = Histogram::default();
        for nanos in std::mem::take(&mut self.exact) {
            histogram.add(Rtt::from_nanos(nanos));
        }
        self.folded = Some(histogram);
    }

    /// p50, p95 and p99, in nanoseconds.
    fn percentiles(&self) -> [Option<u64>; 3] {
        const SHARES: [f64; 3] = [0.5, 0.95, 0.99];
        let Some(histogram) = &self.folded else {
            let mut values = self.exact.clone();
            return SHARES.map(|share| percentile(&mut values, share));
        };
        // The middle of an outermost bucket may lie outside of what was seen.
        let (min, max) = self.range.unwrap_or((0, u64::MAX));
        SHARES.map(|share| {
            histogram
                .quantile(share)
                .map(|delay| delay.as_nanos().clamp(min, max))
        })
    }

    fn stats(&self) -> Option<RttStats> {
        let (min, max) = self.range?;
        let [p50, p95, p99] = self.percentiles();
        Some(RttStats {
            min: Rtt::from_nanos(min),
            avg: self.moments.mean()?,
            p50: Rtt::from_nanos(p50?),
            p95: Rtt::from_nanos(p95?),
            p99: Rtt::from_nanos(p99?),
            max: Rtt::from_nanos(max),
            mdev: self.moments.deviation()?,
        })
    }
}

#[cfg(test)]
#[path = "summary_tests.rs"]
mod tests;
