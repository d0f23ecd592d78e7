//! Opens the database of another tool, to read it and nothing else, and finds out whose it is.

use std::path::{Path, PathBuf};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use crate::error::StoreError;
use crate::sqlite::BUSY;
use crate::sqlite::rows::from_sql;
use crate::sqlite::schema::APPLICATION_ID;

/// Tables named in a refusal.
const TABLES_LISTED: usize = 10;

/// Whose history it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignTool {
    /// Many servers: `ping_results` and `logs`.
    NetworkMonitoringSystem,
    /// One target: `events`.
    LatencyMonitor,
    /// A round-robin database of whomever.
    RoundRobin,
}

impl ForeignTool {
    /// As in keys of `meta`.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::NetworkMonitoringSystem => "network_monitoring_system",
            Self::LatencyMonitor => "latency_monitor",
            Self::RoundRobin => "round_robin",
        }
    }
}

/// Why a history was not taken over. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ForeignError {
    /// The source cannot be read.
    #[error("cannot read {}: {why}", path.display())]
    Source {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// It is ours.
    #[error("{} is a database of linewatch itself", .0.display())]
    Ours(PathBuf),
    /// It is of no tool that is known.
    #[error("{} is a database of another program: it has {tables}, and neither ping_results nor events of a tool that linewatch knows", path.display())]
    Unknown {
        /// Which.
        path: PathBuf,
        /// What it has.
        tables: String,
    },
    /// Our own database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for ForeignError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Another tool's database, open for reading.
#[derive(Debug)]
pub struct ForeignDatabase {
    pub(super) connection: Connection,
    path: PathBuf,
    tool: ForeignTool,
    rows: u64,
}

impl ForeignDatabase {
    /// Opens it; nothing in it is ever changed.
    ///
    /// # Errors
    ///
    /// [`ForeignError`]: it cannot be read, is no database, or of no tool that is known.
    pub fn open(path: &Path) -> Result<Self, ForeignError> {
        let unread = |error: rusqlite::Error| ForeignError::Source {
            path: path.to_owned(),
            why: error.to_string(),
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(unread)?;
        let tool = recognise(&connection, path).map_err(|error| match error {
            Refused::Sqlite(error) => unread(error),
            Refused::Known(error) => error,
        })?;
        let table = match tool {
            ForeignTool::NetworkMonitoringSystem => "ping_results",
            ForeignTool::LatencyMonitor | ForeignTool::RoundRobin => "events",
        };
        let count = format!("SELECT count(*) FROM {table}");
        let rows = connection
            .query_row(&count, [], |row| Ok(from_sql(row.get(0)?)))
            .map_err(unread)?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            tool,
            rows,
        })
    }

    /// Whose it is.
    pub const fn tool(&self) -> ForeignTool {
        self.tool
    }

    /// Rows to be read.
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// An error of reading it.
    pub(super) fn unread(&self, error: &rusqlite::Error) -> ForeignError {
        ForeignError::Source {
            path: self.path.clone(),
            why: error.to_string(),
        }
    }
}

enum Refused {
    Sqlite(rusqlite::Error),
    Known(ForeignError),
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

fn recognise(connection: &Connection, path: &Path) -> Result<ForeignTool, Refused> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "query_only", true)?;
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application == APPLICATION_ID {
        return Err(Refused::Known(ForeignError::Ours(path.to_owned())));
    }
    let has = |table: &str, columns: &[&str]| {
        let found: Vec<String> = connection
            .prepare("SELECT name FROM pragma_table_info(?1)")?
            .query_map([table], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        Ok::<_, rusqlite::Error>(
            columns
                .iter()
                .all(|column| found.iter().any(|name| name == column)),
        )
    };
    let cycle = [
        "server_ip",
        "timestamp",
        "packets_transmitted",
        "packets_received",
    ];
    if has("ping_results", &cycle)? && has("ping_results", &["min_time", "avg_time", "max_time"])? {
        return Ok(ForeignTool::NetworkMonitoringSystem);
    }
    if has("events", &["timestamp", "event_type", "destination_ip"])? {
        return Ok(ForeignTool::LatencyMonitor);
    }
    let mut tables: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name LIMIT ?1")?
        .query_map([TABLES_LISTED as i64], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    if tables.is_empty() {
        tables.push("no table".to_owned());
    }
    let tables = super::line_of(&tables.join(", "));
    let path = path.to_owned();
    Err(Refused::Known(ForeignError::Unknown { path, tables }))
}

/// The columns of a table, those missing as NULL: what a tool's older version did not have.
pub(super) fn columns(connection: &Connection, table: &str, wanted: &[&str]) -> rusqlite::Result<String> {
    let found: Vec<String> = connection
        .prepare("SELECT name FROM pragma_table_info(?1)")?
        .query_map([table], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let column = |name: &&str| match found.iter().any(|known| known == name) {
        true => (*name).to_owned(),
        false => format!("NULL AS {name}"),
    };
    Ok(wanted.iter().map(column).collect::<Vec<_>>().join(", "))
}

/// A value as text; numbers as they are written, nothing as nothing.
pub(super) fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// A value as a number; the tools also stored one as text.
pub(super) fn number(value: ValueRef<'_>) -> Option<f64> {
    match value {
        ValueRef::Integer(number) => Some(number as f64),
        ValueRef::Real(number) => Some(number),
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok()?.trim().parse().ok(),
        ValueRef::Null | ValueRef::Blob(_) => None,
    }
}
