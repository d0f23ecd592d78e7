//! Plain rows: one per sample, in the layout of the five tools and in the best one.

use std::path::Path;

use anyhow::Result;
use rusqlite::{Connection, params};

/// How rows lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// As S1 of the five tools does, column by column, with an index on (server, time).
    Tools,
    /// As small and as quick as rows get: integers, and the index on (target, time) is the table.
    Best,
}

/// One sample as a row has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub target: u32,
    /// Since 1970.
    pub at_ms: i64,
    pub rtt_us: Option<u64>,
}

/// A database of rows.
#[derive(Debug)]
pub(super) struct Plain {
    pub layout: Layout,
    pub connection: Connection,
}

impl Plain {
    /// An empty one, with the settings of our own store, so that only the layout differs.
    pub(super) fn new(dir: &Path, layout: Layout) -> Result<Self> {
        let connection = Connection::open(dir.join(format!("{layout:?}.db")))?;
        connection.execute_batch(
            "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0",
        )?;
        connection.execute_batch(match layout {
            Layout::Tools => {
                "CREATE TABLE ping_results (id INTEGER PRIMARY KEY AUTOINCREMENT, server_ip TEXT, country TEXT, partner TEXT, \
                 dn_ext TEXT, timestamp TEXT, packets_transmitted INTEGER, packets_received INTEGER, packets_lost INTEGER, \
                 loss_percentage REAL, min_time REAL, avg_time REAL, max_time REAL, mdev_time REAL, is_high_latency INTEGER, \
                 success INTEGER, concerns TEXT); \
                 CREATE INDEX by_time ON ping_results (server_ip, timestamp)"
            }
            Layout::Best => {
                "CREATE TABLE ping (target INTEGER, at_ms INTEGER, rtt_us INTEGER, PRIMARY KEY (target, at_ms)) WITHOUT ROWID"
            }
        })?;
        Ok(Self { layout, connection })
    }

    /// Adds rows in one transaction.
    pub(super) fn add(&mut self, samples: impl Iterator<Item = Sample>) -> Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(match self.layout {
                Layout::Tools => {
                    "INSERT INTO ping_results (server_ip, country, partner, dn_ext, timestamp, packets_transmitted, packets_received, \
                     packets_lost, loss_percentage, min_time, avg_time, max_time, mdev_time, is_high_latency, success, concerns) \
                     VALUES (?1, 'Germany', 'Partner', '', strftime('%Y-%m-%d %H:%M:%f', ?4 / 1000.0, 'unixepoch'), 1, \
                     ?2 IS NOT NULL, ?2 IS NULL, ?3, ?2, ?2, ?2, 0.0, 0, ?2 IS NOT NULL, '')"
                }
                Layout::Best => "INSERT INTO ping (target, at_ms, rtt_us) VALUES (?1, ?2, ?3)",
            })?;
            for Sample {
                target,
                at_ms,
                rtt_us,
            } in samples
            {
                let rtt_us = rtt_us.map(|rtt| rtt as i64);
                match self.layout {
                    Layout::Tools => insert.execute(params![
                        server(target),
                        rtt_us.map(|rtt| rtt as f64 / 1e3),
                        if rtt_us.is_some() { 0.0 } else { 100.0 },
                        at_ms
                    ])?,
                    Layout::Best => insert.execute(params![target, at_ms, rtt_us])?,
                };
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// Moves the log into the database.
    pub(super) fn checkpoint(&self) -> Result<()> {
        Ok(self
            .connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?)
    }

    /// Bytes of the database's pages.
    pub(super) fn bytes(&self) -> Result<f64> {
        let pages: i64 = self
            .connection
            .query_row("PRAGMA page_count", [], |row| row.get(0))?;
        Ok(pages as f64 * 4096.0)
    }

    /// One target's span in even buckets: count, min, mean, max and losses of each, without percentiles. How many there are.
    pub(super) fn series(&self, target: u32, from_ms: i64, to_ms: i64, step_s: i64) -> Result<usize> {
        let mut statement = self.connection.prepare_cached(match self.layout {
            Layout::Tools => {
                "SELECT CAST(strftime('%s', timestamp) AS INTEGER) / ?4 AS bucket, count(*), min(min_time), avg(avg_time), \
                 max(max_time), avg(loss_percentage) FROM ping_results WHERE server_ip = ?1 \
                 AND timestamp >= strftime('%Y-%m-%d %H:%M:%f', ?2 / 1000.0, 'unixepoch') \
                 AND timestamp < strftime('%Y-%m-%d %H:%M:%f', ?3 / 1000.0, 'unixepoch') GROUP BY bucket"
            }
            Layout::Best => {
                "SELECT at_ms / (?4 * 1000) AS bucket, count(*), min(rtt_us), avg(rtt_us), max(rtt_us), count(rtt_us) \
                 FROM ping WHERE target = ?1 AND at_ms >= ?2 AND at_ms < ?3 GROUP BY bucket"
            }
        })?;
        let mut rows = match self.layout {
            Layout::Tools => statement.query(params![server(target), from_ms, to_ms, step_s])?,
            Layout::Best => statement.query(params![target, from_ms, to_ms, step_s])?,
        };
        let mut points = 0;
        while let Some(row) = rows.next()? {
            points += usize::from(row.get::<_, i64>(1)? > 0);
        }
        Ok(points)
    }
}

fn server(target: u32) -> String {
    std::net::Ipv4Addr::from_bits(0xc633_6400 + target).to_string()
}
