//! Takes over the archives of a round-robin database: means over spans, the finest archive that covers a time.
//!
//! Each primary step with a known mean counts as one answered probe with that time: how many there were is not in such a file.
//! A span that is not known is a gap, not loss: whether nobody answered or nobody asked, such a file does not tell.

use std::time::Duration;

use linewatch_core::rollup::{Resolution, floor};
use linewatch_core::time::WallTime;

use super::cycle::{CYCLE_PROBES_MAX, Cycle, Times};
use super::tiers::{SeriesTiers, TierWriter};
use super::{ForeignError, Import, Seen};

/// One row of an archive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// When it begins.
    pub from: WallTime,
    /// Mean of its time in milliseconds; `None`: not known.
    pub avg_ms: Option<f64>,
    /// Smallest, where there is an archive of it.
    pub min_ms: Option<f64>,
    /// Largest, as above.
    pub max_ms: Option<f64>,
}

/// Means of one length, by time.
#[derive(Clone, Debug, PartialEq)]
pub struct Archive {
    /// Length of a span.
    pub length: Duration,
    /// Primary steps in one, at least 1.
    pub steps: u64,
    /// Oldest first.
    pub spans: Vec<Span>,
}

/// Writes the spans.
pub(super) fn write(
    mut archives: Vec<Archive>,
    seen: &Seen,
    import: &mut Import<'_, '_>,
) -> Result<(), ForeignError> {
    archives.sort_by_key(|archive| archive.length);
    let mut spans: Vec<(Span, Duration, u64)> = Vec::new();
    let mut covered_from: Option<WallTime> = None;
    for archive in &archives {
        let of_use = archive.spans.iter().filter(|span| {
            let is_uncovered = covered_from.is_none_or(|from| span.from.plus(archive.length) <= from);
            is_uncovered && span.avg_ms.is_some()
        });
        spans.extend(of_use.map(|span| (*span, archive.length, archive.steps)));
        let first = archive.spans.first().map(|span| span.from);
        covered_from = match (covered_from, first) {
            (Some(covered), Some(first)) => Some(covered.min(first)),
            (covered, first) => covered.or(first),
        };
    }
    spans.sort_by_key(|(span, ..)| span.from);
    let target = import.target(seen)?;
    let (now, retention) = (import.options.now, import.options.retention);
    let ids = (import.run, import.next_rollup);
    let mut writer = TierWriter::new(import.connection, ids, &retention, now);
    let mut series = writer.series(target);
    for (span, length, steps) in spans {
        import.count_row();
        match add(&mut series, &span, length, steps)? {
            Some(probes) => {
                import.done.sent += probes;
                import.done.replied += probes;
            }
            None => import.done.unreadable += 1,
        }
    }
    series.finish()?;
    (import.next_rollup, import.done.new_rollups) = writer.finish();
    Ok(())
}

/// Puts a span into the finest tier whose buckets are as long; one that is longer than an hour is divided. How many steps it was,
/// `None` if it is none.
fn add(
    series: &mut SeriesTiers<'_, '_>,
    span: &Span,
    length: Duration,
    steps: u64,
) -> Result<Option<u64>, ForeignError> {
    let avg = span.avg_ms.unwrap_or(f64::NAN);
    let (min, max) = (span.min_ms.unwrap_or(avg), span.max_ms.unwrap_or(avg));
    let Some(times) = Times::known(min.min(avg), avg, max.max(avg), None) else {
        return Ok(None);
    };
    if steps > CYCLE_PROBES_MAX {
        return Ok(None);
    }
    let resolution = [Resolution::Minute, Resolution::TenMinutes]
        .into_iter()
        .find(|tier| length <= tier.length())
        .unwrap_or(Resolution::Hour);
    let hour = Resolution::Hour.length();
    let parts = u64::try_from(length.as_nanos().div_ceil(hour.as_nanos()))
        .unwrap_or(1)
        .max(1);
    for part in 0..parts {
        let replied = steps * (part + 1) / parts - steps * part / parts;
        let at = span
            .from
            .plus(hour.saturating_mul(u32::try_from(part).unwrap_or(u32::MAX)));
        let cycle = Cycle {
            replied,
            lost: 0,
            duplicate: 0,
            times: Some(times),
        };
        if replied > 0 && !series.add(resolution, floor(at, resolution.length()), cycle.rollup())? {
            return Ok(None);
        }
    }
    Ok(Some(steps))
}
