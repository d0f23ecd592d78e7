//! Writes each closed minute with its whole distribution as a line of JSON, and reads it back, so that two sessions can be
//! compared by their percentiles and not by averages of averages.
//!
//! `minutes.ndjson` is of linewatch's own; S3 knows no such file. Buckets are those of the core's histogram.

use linewatch_core::record::Counts;
use linewatch_core::rollup::{Rollup, RollupParts};
use linewatch_core::stats::histogram::Histogram;
use linewatch_core::time::WallTime;
use serde::{Deserialize, Serialize};

use crate::json::line as json_line;
use crate::when::rfc3339_us;

/// One minute of a session, read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionMinute {
    /// Its begin, in minutes since 1970.
    pub number: i64,
    /// Its probes.
    pub rollup: Rollup,
    /// S3 outages that began in it.
    pub outages: u64,
}

#[derive(Deserialize, Serialize)]
struct Line {
    /// Begin, RFC 3339: for people.
    time: String,
    minute: i64,
    replied: u64,
    refused: u64,
    unreachable: u64,
    lost: u64,
    unsent: u64,
    unmeasured: u64,
    reordered: u64,
    slow: u64,
    outages: u64,
    rtt_sum_ns: u128,
    rtt_squares: u128,
    rtt_min_ns: Option<u64>,
    rtt_max_ns: Option<u64>,
    pairs: u64,
    differences_ns: u128,
    zeros: u64,
    /// Index and count of each bucket.
    buckets: Vec<(u16, u64)>,
}

/// One line, with its end.
pub(super) fn line(number: i64, rollup: &Rollup, outages: u64) -> String {
    let parts = rollup.to_parts();
    let counts = parts.counts;
    let text = json_line(&Line {
        time: rfc3339_us(WallTime::from_nanos(number.saturating_mul(60_000_000_000))),
        minute: number,
        replied: counts.replied,
        refused: counts.refused,
        unreachable: counts.unreachable,
        lost: counts.lost,
        unsent: counts.unsent,
        unmeasured: counts.unmeasured,
        reordered: counts.reordered,
        slow: counts.slow,
        outages,
        rtt_sum_ns: parts.sum_ns,
        rtt_squares: parts.sum_of_squares,
        rtt_min_ns: parts.range_ns.map(|(min, _)| min),
        rtt_max_ns: parts.range_ns.map(|(_, max)| max),
        pairs: parts.pairs,
        differences_ns: parts.differences_ns,
        zeros: parts.rtts.zeros(),
        buckets: parts.rtts.buckets().to_vec(),
    });
    text + "\n"
}

/// Reads one line; `None` when it is not one of these.
pub fn parse_minute(text: &str) -> Option<SessionMinute> {
    let line: Line = serde_json::from_str(text).ok()?;
    let rollup = Rollup::from_parts(RollupParts {
        counts: Counts {
            replied: line.replied,
            refused: line.refused,
            unreachable: line.unreachable,
            lost: line.lost,
            unsent: line.unsent,
            unmeasured: line.unmeasured,
            reordered: line.reordered,
            slow: line.slow,
            ..Counts::default()
        },
        sum_ns: line.rtt_sum_ns,
        sum_of_squares: line.rtt_squares,
        range_ns: line.rtt_min_ns.zip(line.rtt_max_ns),
        pairs: line.pairs,
        differences_ns: line.differences_ns,
        rtts: Histogram::from_parts(line.zeros, line.buckets)?,
    })?;
    Some(SessionMinute {
        number: line.minute,
        rollup,
        outages: line.outages,
    })
}
