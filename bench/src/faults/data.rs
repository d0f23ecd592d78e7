//! Looks into the database of a monitor that runs, or of one that was killed.
//!
//! A killed one is looked at in a copy: a reader that opened the files themselves would repair them, and that is the program's
//! own task.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

/// The directory of a monitor.
pub(super) struct Data {
    directory: PathBuf,
}

/// A database that can be asked.
pub(super) struct Look {
    connection: Connection,
    /// Its files, if they are a copy.
    _copy: Option<TempDir>,
}

impl Data {
    pub(super) fn of(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }

    fn file(&self) -> PathBuf {
        self.directory.join("linewatch.db")
    }

    /// A reader beside the program that runs.
    pub(super) fn beside(&self) -> Result<Look> {
        let connection = Connection::open_with_flags(self.file(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        Ok(Look {
            connection,
            _copy: None,
        })
    }

    /// A copy of what there is, as another program may find it.
    pub(super) fn copy(&self) -> Result<Look> {
        let copy = tempfile::tempdir()?;
        for name in ["linewatch.db", "linewatch.db-wal"] {
            let from = self.directory.join(name);
            if from.is_file() {
                fs::copy(&from, copy.path().join(name))
                    .with_context(|| format!("copy {}", from.display()))?;
            }
        }
        let connection = Connection::open(copy.path().join("linewatch.db"))?;
        Ok(Look {
            connection,
            _copy: Some(copy),
        })
    }

    /// Holds the only right to write until it is dropped.
    pub(super) fn lock(&self) -> Result<Connection> {
        let connection = Connection::open(self.file())?;
        connection.busy_timeout(std::time::Duration::from_secs(10))?;
        connection.execute_batch("BEGIN EXCLUSIVE")?;
        Ok(connection)
    }
}

impl Look {
    /// One number.
    pub(super) fn number(&self, sql: &str) -> Result<i64> {
        self.connection
            .query_row(sql, [], |row| row.get::<_, Option<i64>>(0))
            .map(Option::unwrap_or_default)
            .with_context(|| sql.to_owned())
    }

    /// One column of words.
    pub(super) fn words(&self, sql: &str) -> Result<Vec<String>> {
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub(super) fn is_whole(&self) -> Result<bool> {
        Ok(self.words("PRAGMA integrity_check")? == ["ok"])
    }

    pub(super) fn run(&self) -> Result<i64> {
        self.number("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'run'")
    }

    /// Of one run: sequence numbers that are not there, below the newest of their target. Only for runs of minutes, which are
    /// still in `recent`.
    pub(super) fn holes(&self, run: i64) -> Result<i64> {
        self.number(&format!(
            "SELECT sum(top + 1 - have) FROM (SELECT max(seq) AS top, count(DISTINCT seq) AS have FROM recent \
             WHERE run = {run} AND stray IS NULL GROUP BY target)"
        ))
    }

    /// Of one run: samples with this outcome.
    pub(super) fn outcomes(&self, run: i64, outcome: &str) -> Result<i64> {
        self.number(&format!(
            "SELECT count(*) FROM recent WHERE run = {run} AND stray IS NULL AND outcome = '{outcome}'"
        ))
    }

    /// Probes that are booked as failed, of all runs; after an orderly end, which sums all up.
    pub(super) fn lost(&self) -> Result<i64> {
        self.number("SELECT sum(lost) FROM rollup_1m")
    }

    /// Of one run: when its newest sample was sent, in nanoseconds since 1970.
    pub(super) fn newest_ns(&self, run: i64) -> Result<i64> {
        self.number(&format!("SELECT max(at_ns) FROM recent WHERE run = {run}"))
    }

    /// All samples there are, wherever they lie.
    pub(super) fn samples(&self) -> Result<i64> {
        self.number(
            "SELECT (SELECT coalesce(sum(samples), 0) FROM samples) + (SELECT count(*) FROM recent_batches AS b, json_each(b.content) AS s \
             WHERE b.samples > 0 AND b.id - b.samples + 1 + s.key > coalesce((SELECT max(last_row) FROM samples WHERE target = \
             json_extract(s.value, '$[0]') AND run = b.run), 0))",
        )
    }
}
