//! Makes the pictures of a session from the seconds in memory.

use std::time::Duration;

use linewatch_core::time::{Anchor, WallTime};

use super::Session;
use crate::graph::{GraphBucket, GraphInput, GraphOutage, GraphTotals};
use crate::words::duration_text;

const SECOND: Duration = Duration::from_secs(1);

/// What a picture of the seconds in memory shows; `None` before there is one. The numbers below it are of the whole run.
pub fn picture(session: &Session, now: Anchor) -> Option<GraphInput> {
    let facts = session.facts();
    let (first, last) = (session.kept().front()?, session.kept().back()?);
    let totals = session.totals();
    let [p50, p95, p99] = totals.quantiles([0.5, 0.95, 0.99]);
    let loss = totals.counts().loss();
    let (from, to) = (first.from, last.from.plus(SECOND));
    let begin_to_end_ns = to.nanos_after(from).max(0).unsigned_abs();
    let measured = SECOND * u32::try_from(session.kept().len()).unwrap_or(u32::MAX);
    let shares = |part: u128, whole: u128| {
        let ppm = (part * 1_000_000).checked_div(whole)?;
        u32::try_from(ppm.min(1_000_000)).ok()
    };
    let seconds = session.kept().len() as u128;
    let down = session.kept().iter().filter(|row| row.is_outage).count() as u128;
    let outages = session.outages().iter().filter(|outage| outage.to >= from);
    Some(GraphInput {
        name: facts.target.clone(),
        address: facts.host.clone(),
        note: format!("{} every {}", facts.protocol, duration_text(facts.interval)),
        from,
        to,
        now: now.wall,
        zone: facts.zone.clone(),
        bucket_length: bucket_length(facts.interval),
        buckets: session
            .kept()
            .iter()
            .map(|row| GraphBucket {
                from: row.from,
                sent: row.sent,
                lost: row.failed,
                quantiles: row.quantiles,
            })
            .collect(),
        gaps: Vec::new(),
        outages: outages
            .map(|outage| GraphOutage {
                from: WallTime::max(outage.from, from),
                to: Some(outage.to.plus(SECOND)),
            })
            .collect(),
        thresholds: Vec::new(),
        totals: GraphTotals {
            sent: loss.finished,
            lost: loss.failed,
            min: totals.min(),
            p50,
            p95,
            p99,
            max: totals.max(),
            jitter: totals.jitter(),
            availability_ppm: shares(seconds - down, seconds),
            measured,
            coverage_ppm: shares(measured.as_nanos(), u128::from(begin_to_end_ns)),
        },
    })
}

/// Of a slow target every second probe's second would look unmeasured.
fn bucket_length(interval: Duration) -> Duration {
    Duration::from_secs(interval.as_secs() + u64::from(interval.subsec_nanos() > 0)).max(SECOND)
}
