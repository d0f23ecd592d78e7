//! Collects what was measured around an outage, writes it, and reads it back. The SQL of `evidence`.
//!
//! The rows of a span lie in blocks and in the unsealed rest; the latter is read once for all targets. Of the target and
//! its gateway every sample is kept, of all others a count a second.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use linewatch_core::event::{EventId, EventKind, OutageRow};
use linewatch_core::evidence::{Evidence, Fault, Line, Part, Second};
use linewatch_core::limits::{EVIDENCE_LINES, EVIDENCE_WHOLE_SAMPLES};
use linewatch_core::port::{EvidenceQuery, RowQuery, SampleQuery, StoredSample, Unproved};
use linewatch_core::target::TargetId;
use linewatch_core::time::{Rtt, WallTime};
use rusqlite::{Connection, params};

use crate::block;
use crate::evidence::unpack;
use crate::row::Row;
use crate::sqlite::read::{self, OUTAGE_COLUMNS, outage_row};
use crate::sqlite::rows::{from_sql, to_sql, visit_unsealed};

/// The schema with the table.
const SINCE_VERSION: i64 = 4;
/// A local outage may have begun so long before the span that it touches.
const LINK_BEFORE: std::time::Duration = std::time::Duration::from_secs(24 * 3600);
/// Gaps and local outages kept with one part.
const FAULTS: usize = 200;
const NANOS_PER_S: i64 = 1_000_000_000;

/// Writes one part in place of an earlier copy, if its outage is still there.
pub(crate) fn insert(
    connection: &Connection,
    outage: EventId,
    target: TargetId,
    part: Part,
    bytes: &[u8],
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO evidence (run, seq, target, kind, blob) SELECT run, seq, ?3, ?4, ?5 FROM outages \
             WHERE run = ?1 AND seq = ?2",
        )?
        .execute(params![to_sql(outage.run.0), to_sql(outage.seq), target.0, part.word(), bytes])?;
    Ok(())
}

/// Outages from this one on that are not kept whole or at their end, oldest first.
pub(crate) fn unproved(
    connection: &Connection,
    from: EventId,
    limit: usize,
) -> rusqlite::Result<Vec<Unproved>> {
    let sql = format!(
        "SELECT {OUTAGE_COLUMNS}, (SELECT group_concat(kind) FROM evidence \
         WHERE evidence.run = outages.run AND evidence.seq = outages.seq) AS kinds FROM outages \
         WHERE (run, seq) >= (?1, ?2) AND (kinds IS NULL OR kinds = 'begin') ORDER BY run, seq LIMIT ?3"
    );
    let mut select = connection.prepare_cached(&sql)?;
    let from = params![to_sql(from.run.0), to_sql(from.seq), to_sql(limit as u64)];
    let rows = select.query_map(from, |row| {
        let kinds: Option<String> = row.get("kinds")?;
        let kept = kinds
            .iter()
            .flat_map(|kinds| kinds.split(','))
            .filter_map(Part::from_word);
        Ok(outage_row(row)?.map(|outage| Unproved {
            outage,
            kept: kept.collect(),
        }))
    })?;
    rows.filter_map(Result::transpose).collect()
}

/// An outage and what is kept of it, by time.
pub(crate) fn of_outage(
    connection: &Connection,
    id: EventId,
) -> rusqlite::Result<Option<(OutageRow, Vec<Evidence>)>> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT {OUTAGE_COLUMNS} FROM outages WHERE run = ?1 AND seq = ?2"
    ))?;
    let key = params![to_sql(id.run.0), to_sql(id.seq)];
    let mut outages = select.query_map(key, outage_row)?;
    let Some(outage) = outages.next().transpose()?.flatten() else {
        return Ok(None);
    };
    let mut parts = Vec::new();
    // The database of an older linewatch that still runs does not have them.
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version >= SINCE_VERSION {
        let mut select = connection
            .prepare_cached("SELECT target, kind, blob FROM evidence WHERE run = ?1 AND seq = ?2")?;
        let mut rows = select.query(key)?;
        while let Some(row) = rows.next()? {
            let (target, kind): (u32, String) = (row.get(0)?, row.get(1)?);
            let Some(part) = Part::from_word(&kind) else {
                continue;
            };
            match unpack(row.get_ref(2)?.as_blob()?, id, TargetId(target), part) {
                Ok(evidence) => parts.push(evidence),
                // As with a damaged block: what is left is shown, and this is named.
                Err(error) => {
                    tracing::warn!(target: "store", outage = %id, part = kind, %error, "evidence could not be read")
                }
            }
        }
    }
    parts.sort_by_key(|evidence| evidence.span.part);
    Ok(Some((outage, parts)))
}

/// Reads what was measured around an outage.
pub(crate) fn collect(connection: &Connection, query: &EvidenceQuery) -> rusqlite::Result<Evidence> {
    let others = other_series(connection, query)?;
    let mut found = Found::default();
    // So many lines can be kept from the start; of more, those that lost most are found first.
    let (chosen, left_out) = if others.len() <= EVIDENCE_LINES {
        (others, 0)
    } else {
        let mut lost: Vec<(TargetId, u64)> = counts(connection, query, &others)?.into_iter().collect();
        lost.sort_by_key(|(target, lost)| (std::cmp::Reverse(*lost), *target));
        let left_out = lost.len().saturating_sub(EVIDENCE_LINES);
        lost.truncate(EVIDENCE_LINES);
        (lost.into_iter().map(|(target, _)| target).collect(), left_out)
    };
    let own: HashSet<TargetId> = query.gateways.iter().copied().chain([query.target]).collect();
    let folded: HashSet<TargetId> = chosen.into_iter().collect();
    let wanted: Vec<TargetId> = own.iter().chain(&folded).copied().collect();
    visit(connection, query, &wanted, |run, row| {
        if own.contains(&row.target) {
            found.own.entry(row.target).or_default().push(row.sample(run));
        } else if folded.contains(&row.target) {
            found.count(&row);
        }
    })?;
    let gateway = query
        .gateways
        .iter()
        .copied()
        .find(|id| found.own.contains_key(id));
    Ok(Evidence {
        outage: query.outage,
        target: query.target,
        span: query.span,
        samples: found.samples(query.target),
        gateway,
        gateway_samples: gateway.map(|id| found.samples(id)).unwrap_or_default(),
        lines: found.lines(),
        left_out: u32::try_from(left_out).unwrap_or(u32::MAX),
        faults: faults(connection, query)?,
    })
}

/// Every series but the target's, its gateway's, and those that never leave this computer.
fn other_series(connection: &Connection, query: &EvidenceQuery) -> rusqlite::Result<Vec<TargetId>> {
    let is_local = |address: &str| address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    let stored = read::targets(connection)?;
    let own = stored.iter().find(|stored| stored.id == query.target);
    let slug = own.map(|own| own.slug.as_str());
    let others = stored.iter().filter(|other| {
        Some(other.slug.as_str()) != slug && !query.gateways.contains(&other.id) && !is_local(&other.address)
    });
    Ok(others.map(|other| other.id).collect())
}

/// Failed probes in the span of each that was measured in it.
fn counts(
    connection: &Connection,
    query: &EvidenceQuery,
    others: &[TargetId],
) -> rusqlite::Result<BTreeMap<TargetId, u64>> {
    let wanted: HashSet<TargetId> = others.iter().copied().collect();
    let mut counts = BTreeMap::new();
    visit(connection, query, others, |_, row| {
        if is_finished(&row) && wanted.contains(&row.target) {
            *counts.entry(row.target).or_default() += u64::from(row.outcome.is_failure());
        }
    })?;
    Ok(counts)
}

/// Every row of the span: those of `wanted` from blocks, of any series from the unsealed rest.
fn visit(
    connection: &Connection,
    query: &EvidenceQuery,
    wanted: &[TargetId],
    mut see: impl FnMut(u64, Row),
) -> rusqlite::Result<()> {
    let span = query.span;
    let is_in = |at: WallTime| span.from <= at && at < span.to;
    let mut blocks = connection.prepare_cached(
        "SELECT run, block FROM samples WHERE target = ?1 AND to_ns >= ?2 AND from_ns < ?3",
    )?;
    for target in wanted {
        let mut rows = blocks.query(params![target.0, span.from.as_nanos(), span.to.as_nanos()])?;
        while let Some(row) = rows.next()? {
            let run: i64 = row.get(0)?;
            match block::unpack(row.get_ref(1)?.as_blob()?, *target) {
                Ok(rows) => rows
                    .into_iter()
                    .filter(|row| is_in(row.at))
                    .for_each(|row| see(from_sql(run), row)),
                Err(error) => {
                    tracing::warn!(target: "store", series = target.0, %error, "block could not be read")
                }
            }
        }
    }
    visit_unsealed(connection, None, |_, run, row| {
        if is_in(row.at) {
            see(run, row);
        }
    })?;
    Ok(())
}

fn is_finished(row: &Row) -> bool {
    row.stray.is_none() && (row.outcome.is_answer() || row.outcome.is_failure())
}

/// Rows of a span, as they come.
#[derive(Debug, Default)]
struct Found {
    own: BTreeMap<TargetId, Vec<StoredSample>>,
    lines: BTreeMap<TargetId, BTreeMap<i64, Tally>>,
}

/// One second of a line.
#[derive(Debug, Default)]
struct Tally {
    sent: u32,
    lost: u32,
    rtts: Vec<Rtt>,
}

impl Found {
    fn count(&mut self, row: &Row) {
        if !is_finished(row) {
            return;
        }
        let at_s = row.at.as_nanos().div_euclid(NANOS_PER_S);
        let tally = self.lines.entry(row.target).or_default().entry(at_s).or_default();
        tally.sent += 1;
        tally.lost += u32::from(row.outcome.is_failure());
        tally.rtts.extend(row.rtt);
    }

    /// By send time; bounded, because a rate may have been raised within the span.
    fn samples(&mut self, target: TargetId) -> Vec<StoredSample> {
        let mut samples = self.own.remove(&target).unwrap_or_default();
        samples.sort_by_key(|sample| (sample.at, sample.run, sample.seq, sample.stray.is_some()));
        samples.truncate(EVIDENCE_WHOLE_SAMPLES);
        samples
    }

    /// Those that lost most first.
    fn lines(&mut self) -> Vec<Line> {
        let lines = std::mem::take(&mut self.lines).into_iter();
        let mut lines: Vec<Line> = lines
            .map(|(target, seconds)| Line {
                target,
                seconds: seconds
                    .into_iter()
                    .map(|(at_s, tally)| tally.second(at_s))
                    .collect(),
            })
            .collect();
        let lost = |line: &Line| {
            line.seconds
                .iter()
                .map(|second| u64::from(second.lost))
                .sum::<u64>()
        };
        lines.sort_by_key(|line| (std::cmp::Reverse(lost(line)), line.target));
        lines
    }
}

impl Tally {
    fn second(mut self, at_s: i64) -> Second {
        self.rtts.sort_unstable();
        let rank = self.rtts.len().div_ceil(2).max(1) - 1;
        Second {
            at_s,
            sent: self.sent,
            lost: self.lost,
            p50: self.rtts.get(rank).copied(),
        }
    }
}

/// Our own trouble: holes in the target's line, and times without a link.
fn faults(connection: &Connection, query: &EvidenceQuery) -> rusqlite::Result<Vec<Fault>> {
    let span = query.span;
    let gaps = SampleQuery {
        target: query.target,
        from: span.from,
        to: span.to,
        limit: FAULTS,
    };
    let mut faults: Vec<Fault> = read::gaps(connection, gaps)?
        .into_iter()
        .map(|gap| Fault {
            gap: Some(gap.kind),
            from: gap.from,
            to: gap.to,
            count: gap.slots,
        })
        .collect();
    let links = RowQuery {
        targets: None,
        kind: Some(EventKind::LocalOutage),
        severity: None,
        level: None,
        from: Some(span.from.minus(LINK_BEFORE)),
        to: Some(span.to),
        before: None,
        limit: FAULTS,
    };
    let links = read::events(connection, &links)?.into_iter().map(|event| Fault {
        gap: None,
        from: event.at,
        to: event.until.unwrap_or(span.to),
        count: event.count,
    });
    faults.extend(links.filter(|fault| fault.to >= span.from));
    faults.sort_by_key(|fault| fault.from);
    Ok(faults)
}
