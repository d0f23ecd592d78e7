//! Writes the objects of `watch --json` and of raw exports (INTERFACE.md): one per probe, and the summary.
//!
//! Input: core values. Output: one line of JSON each, keys in the documented order, `null` where nothing is
//! known. Instants are UTC with microseconds, lengths integers of nanoseconds.

use std::time::Duration;

use linewatch_core::port::StoredSample;
use linewatch_core::record::{Counts, ProbeRecord};
use linewatch_core::time::{Anchor, Rtt, WallTime, nanos_of};
use linewatch_core::view::RttStats;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::when::rfc3339_us;

/// The figures of one target over a whole run.
#[derive(Clone, Debug, PartialEq)]
pub struct SummaryInput {
    /// Its label in the output.
    pub target: String,
    /// From start to end, on the monotonic clock.
    pub duration: Duration,
    /// What became of its probes.
    pub counts: Counts,
    /// Over its answers.
    pub rtt: Option<RttStats>,
    /// Mean absolute difference.
    pub jitter: Option<Rtt>,
    /// RFC 3550's gauge at the end.
    pub jitter_rfc3550: Option<Rtt>,
    /// What this computer added: median and 99th percentile.
    pub process: Option<(Rtt, Rtt)>,
    /// How late this computer sent: median, 99th percentile, maximum.
    pub lateness: Option<(Duration, Duration, Duration)>,
    /// Probes really sent per second.
    pub achieved_per_s: Option<f64>,
    /// Oldest first.
    pub outages: Vec<OutageInput>,
}

/// One outage of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutageInput {
    /// Send time of the first lost probe.
    pub from: WallTime,
    /// Send time of the first reply that closed it; `None` while it goes on.
    pub to: Option<WallTime>,
    /// On the monotonic clock; so far while it goes on.
    pub duration: Duration,
    /// Finished probes inside.
    pub sent: u64,
    /// Failures among them.
    pub lost: u64,
}

#[derive(Serialize)]
struct ProbeObject<'a> {
    time: String,
    target: &'a str,
    seq: u64,
    outcome: &'static str,
    rtt_ns: Option<u64>,
    host_rtt_ns: Option<u64>,
    process_latency_ns: Option<u64>,
    lateness_ns: u64,
    class: &'static str,
    cause: Option<String>,
    /// Only in exports.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<u64>,
}

/// One finished probe as one line, without the line's end. `run` is given in exports only.
pub fn probe_line(record: &ProbeRecord, target: &str, anchor: Anchor, run: Option<u64>) -> String {
    line(&ProbeObject {
        time: rfc3339_us(anchor.wall_at(record.sent_at)),
        target,
        seq: record.seq,
        outcome: record.outcome.word(),
        rtt_ns: record.rtt.map(Rtt::as_nanos),
        host_rtt_ns: record.host_rtt.map(Rtt::as_nanos),
        process_latency_ns: record.process_latency().map(Rtt::as_nanos),
        lateness_ns: nanos_of(record.lateness()),
        class: record.class.letter(),
        cause: record.cause.name(),
        run,
    })
}

/// One stored probe as one line of an export, without the line's end: the same object, with its run.
pub fn sample_line(sample: &StoredSample, target: &str) -> String {
    line(&ProbeObject {
        time: rfc3339_us(sample.at),
        target,
        seq: sample.seq,
        outcome: sample.outcome.word(),
        rtt_ns: sample.rtt.map(Rtt::as_nanos),
        host_rtt_ns: sample.host_rtt.map(Rtt::as_nanos),
        process_latency_ns: process_latency(sample).map(Rtt::as_nanos),
        lateness_ns: sample.lateness_ns,
        class: sample.class.letter(),
        cause: sample.cause.name(),
        run: Some(sample.run),
    })
}

/// What this computer added to the RTT: host minus wire.
pub(crate) fn process_latency(sample: &StoredSample) -> Option<Rtt> {
    let (host, wire) = (sample.host_rtt?, sample.rtt?);
    Some(Rtt::from_nanos(host.as_nanos().saturating_sub(wire.as_nanos())))
}

/// The last object of `watch --json`, as one line without its end.
pub fn summary_line(targets: &[SummaryInput]) -> String {
    line(&SummaryObject {
        summary: Targets(targets),
    })
}

/// These shapes have string keys only and finite numbers or `null`: nothing of them can fail to be written.
pub(crate) fn line<T: Serialize>(object: &T) -> String {
    serde_json::to_string(object).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"))
}

/// The object of [`summary_line`], to stand in another.
pub(crate) fn summaries(targets: &[SummaryInput]) -> impl Serialize + '_ {
    Targets(targets)
}

#[derive(Serialize)]
struct SummaryObject<'a> {
    summary: Targets<'a>,
}

/// In the order of the command line, which a map of serde_json's would lose.
struct Targets<'a>(&'a [SummaryInput]);

impl Serialize for Targets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for input in self.0 {
            map.serialize_entry(&input.target, &TargetSummary::new(input))?;
        }
        map.end()
    }
}

/// What became of the probes of one target, by the words of INTERFACE.md: in the summary and in the API alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CountsObject {
    scheduled: u64,
    sent: u64,
    replied: u64,
    refused: u64,
    unreachable: u64,
    lost: u64,
    unsent: u64,
    unmeasured: u64,
    in_flight: u64,
    late: u64,
    slow: u64,
    duplicate: u64,
    reordered: u64,
    forged: u64,
}

#[derive(Serialize)]
struct TargetSummary {
    #[serde(flatten)]
    counts: CountsObject,
    loss_ratio: Option<f64>,
    rtt_ns: Option<RttObject>,
    jitter_ns: Option<u64>,
    jitter_rfc3550_ns: Option<u64>,
    process_latency_ns: Option<ProcessObject>,
    lateness_ns: Option<LatenessObject>,
    achieved_per_s: Option<f64>,
    outages: Vec<OutageObject>,
}

#[derive(Serialize)]
pub(crate) struct RttObject {
    min: u64,
    avg: u64,
    p50: u64,
    p95: u64,
    p99: u64,
    max: u64,
    mdev: u64,
}

#[derive(Serialize)]
struct ProcessObject {
    p50: u64,
    p99: u64,
}

#[derive(Serialize)]
struct LatenessObject {
    p50: u64,
    p99: u64,
    max: u64,
}

#[derive(Serialize)]
struct OutageObject {
    from: String,
    to: Option<String>,
    duration_ms: u64,
    sent: u64,
    lost: u64,
}

impl TargetSummary {
    fn new(input: &SummaryInput) -> Self {
        let counts = input.counts;
        Self {
            counts: CountsObject::from(&counts),
            loss_ratio: counts.loss().ratio(),
            rtt_ns: input.rtt.map(RttObject::new),
            jitter_ns: input.jitter.map(Rtt::as_nanos),
            jitter_rfc3550_ns: input.jitter_rfc3550.map(Rtt::as_nanos),
            process_latency_ns: input.process.map(|(p50, p99)| ProcessObject {
                p50: p50.as_nanos(),
                p99: p99.as_nanos(),
            }),
            lateness_ns: input.lateness.map(|(p50, p99, max)| LatenessObject {
                p50: nanos_of(p50),
                p99: nanos_of(p99),
                max: nanos_of(max),
            }),
            achieved_per_s: input.achieved_per_s.filter(|rate| rate.is_finite()),
            outages: input.outages.iter().map(OutageObject::new).collect(),
        }
    }
}

impl From<&Counts> for CountsObject {
    fn from(counts: &Counts) -> Self {
        Self {
            scheduled: counts.scheduled,
            sent: counts.sent(),
            replied: counts.replied,
            refused: counts.refused,
            unreachable: counts.unreachable,
            lost: counts.lost,
            unsent: counts.unsent,
            unmeasured: counts.unmeasured,
            in_flight: counts.in_flight,
            late: counts.late,
            slow: counts.slow,
            duplicate: counts.duplicate,
            reordered: counts.reordered,
            forged: counts.forged,
        }
    }
}

impl RttObject {
    pub(crate) fn new(stats: RttStats) -> Self {
        Self {
            min: stats.min.as_nanos(),
            avg: stats.avg.as_nanos(),
            p50: stats.p50.as_nanos(),
            p95: stats.p95.as_nanos(),
            p99: stats.p99.as_nanos(),
            max: stats.max.as_nanos(),
            mdev: stats.mdev.as_nanos(),
        }
    }
}

impl OutageObject {
    fn new(outage: &OutageInput) -> Self {
        Self {
            from: rfc3339_us(outage.from),
            to: outage.to.map(rfc3339_us),
            duration_ms: nanos_of(outage.duration) / 1_000_000,
            sent: outage.sent,
            lost: outage.lost,
        }
    }
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
