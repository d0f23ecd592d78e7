//! Writes and reads the rows of the rollup tiers.

use linewatch_core::record::Loss;
use linewatch_core::rollup::{Resolution, Rollup};
use linewatch_core::target::TargetId;
use linewatch_core::time::{Rtt, WallTime};
use rusqlite::{Connection, params};

use crate::sketch;
use crate::sqlite::rows::{from_sql, to_sql};

const NANOS_PER_S: i64 = 1_000_000_000;

/// The statement for [`insert`].
macro_rules! insert_into {
    ($table:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " (target, from_s, id, run, sent, lost, min_us, avg_us, max_us, sd_us, jitter_us, p50_us, p95_us, p99_us, \
             sketch) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
        )
    };
}

/// The table of a tier.
pub(crate) const fn table(resolution: Resolution) -> &'static str {
    match resolution {
        Resolution::Second => "rollup_1s",
        Resolution::Minute => "rollup_1m",
        Resolution::TenMinutes => "rollup_10m",
        Resolution::Hour => "rollup_1h",
    }
}

/// Whose bucket, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RollupKey {
    pub(crate) resolution: Resolution,
    pub(crate) target: TargetId,
    pub(crate) from: WallTime,
    pub(crate) run: u64,
    /// Given once, over all tiers.
    pub(crate) id: i64,
}

/// Writes one row: the sketch is the truth, the other columns are it for people.
pub(crate) fn insert(connection: &Connection, key: RollupKey, rollup: &Rollup) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(match key.resolution {
        Resolution::Second => insert_into!("rollup_1s"),
        Resolution::Minute => insert_into!("rollup_1m"),
        Resolution::TenMinutes => insert_into!("rollup_10m"),
        Resolution::Hour => insert_into!("rollup_1h"),
    })?;
    let loss = rollup.counts().loss();
    let us = |rtt: Option<Rtt>| rtt.map(|rtt| to_sql(rtt.as_nanos().saturating_add(500) / 1000));
    let [p50, p95, p99] = rollup.quantiles([0.5, 0.95, 0.99]);
    insert.execute(params![
        key.target.0,
        key.from.as_nanos().div_euclid(NANOS_PER_S),
        key.id,
        to_sql(key.run),
        to_sql(loss.finished),
        to_sql(loss.failed),
        us(rollup.min()),
        us(rollup.avg()),
        us(rollup.max()),
        us(rollup.sd()),
        us(rollup.jitter()),
        us(p50),
        us(p95),
        us(p99),
        sketch::pack(rollup),
    ])?;
    Ok(())
}

/// Gives `visit` every row of a tier whose bucket begins in the span: run, begin, rollup (it may be taken); by time.
pub(crate) fn visit(
    connection: &Connection,
    resolution: Resolution,
    target: TargetId,
    (from, to): (WallTime, WallTime),
    mut visit: impl FnMut(i64, WallTime, &mut Rollup),
) -> rusqlite::Result<()> {
    let table = table(resolution);
    let mut statement = connection.prepare_cached(&format!(
        "SELECT from_s, run, sketch FROM {table} WHERE target = ?1 AND from_s >= ?2 AND from_s < ?3 ORDER BY from_s"
    ))?;
    // A span within a second holds no begin of a bucket but its own.
    let up = |at: WallTime| -(-i128::from(at.as_nanos())).div_euclid(i128::from(NANOS_PER_S)) as i64;
    let mut rows = statement.query(params![target.0, up(from), up(to)])?;
    let mut spare = Vec::new();
    while let Some(row) = rows.next()? {
        let from_s: i64 = row.get(0)?;
        match sketch::unpack_into(row.get_ref(2)?.as_blob()?, std::mem::take(&mut spare)) {
            Ok(mut rollup) => {
                let from = WallTime::from_nanos(from_s.saturating_mul(NANOS_PER_S));
                visit(row.get(1)?, from, &mut rollup);
                spare = rollup.into_spare();
            }
            // One damaged row must not hide the others; it is named, and its bucket stays empty.
            Err(_) => {
                tracing::warn!(target: "store", table, target = target.0, from_s, "rollup could not be read")
            }
        }
    }
    Ok(())
}

/// Gives `visit` begin, mean and loss of every row of a tier whose bucket begins in the span, without a histogram.
pub(crate) fn visit_figures(
    connection: &Connection,
    resolution: Resolution,
    target: TargetId,
    (from, to): (WallTime, WallTime),
    mut visit: impl FnMut(WallTime, Option<Rtt>, Loss),
) -> rusqlite::Result<()> {
    let table = table(resolution);
    let mut statement = connection.prepare_cached(&format!(
        "SELECT from_s, sent, lost, avg_us FROM {table} WHERE target = ?1 AND from_s >= ?2 AND from_s < ?3"
    ))?;
    let seconds = |at: WallTime| at.as_nanos().div_euclid(NANOS_PER_S);
    let mut rows = statement.query(params![target.0, seconds(from), seconds(to)])?;
    while let Some(row) = rows.next()? {
        let from_s: i64 = row.get(0)?;
        let avg_us: Option<i64> = row.get(3)?;
        let loss = Loss {
            failed: from_sql(row.get(2)?),
            finished: from_sql(row.get(1)?),
        };
        let avg = avg_us.map(|us| Rtt::from_nanos(from_sql(us).saturating_mul(1000)));
        visit(
            WallTime::from_nanos(from_s.saturating_mul(NANOS_PER_S)),
            avg,
            loss,
        );
    }
    Ok(())
}

/// Removes the rows of one bucket of one run: they are about to be written anew.
pub(crate) fn delete_bucket(
    connection: &Connection,
    (resolution, target): (Resolution, TargetId),
    run: i64,
    from: WallTime,
) -> rusqlite::Result<()> {
    let table = table(resolution);
    let sql = format!("DELETE FROM {table} WHERE target = ?1 AND from_s = ?2 AND run = ?3");
    let from_s = from.as_nanos().div_euclid(NANOS_PER_S);
    connection
        .prepare_cached(&sql)?
        .execute(params![target.0, from_s, run])?;
    Ok(())
}
