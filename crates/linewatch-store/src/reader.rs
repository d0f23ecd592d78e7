//! Tells history: the store's side of the door [`History`], from any thread, by read-only connections.
//!
//! Each answer is one read transaction, so sealed blocks and unsealed rows are seen as of one moment: nothing is
//! missing or double while the writer seals.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use linewatch_core::event::{Event, LogRow, OutageRow};
use linewatch_core::port::{
    History, HistoryError, RowQuery, SampleQuery, StorageView, StoredSample, StoredTarget,
};
use linewatch_core::record::Gap;
use rusqlite::Connection;

use crate::error::OpenError;
use crate::files::{DATABASE, sqlite_words};
use crate::handle::Shared;
use crate::sqlite::migrate::{MigrateError, inspect};
use crate::sqlite::schema::MIGRATIONS;
use crate::sqlite::{open_reader, read};

/// Connections kept open between answers; more readers at once open their own for the moment.
const IDLE_CONNECTIONS: usize = 4;

/// Reads the store while the writer writes it.
#[derive(Debug)]
pub struct Reader {
    shared: Arc<Shared>,
    idle: Mutex<Vec<Connection>>,
}

impl Reader {
    /// Reads the store of a data directory beside the linewatch that may be writing it: takes no lock, begins no run,
    /// changes nothing.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: there is no database, or it cannot be read, or it is newer than this program or not ours.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let path = dir.join(DATABASE);
        if !path.exists() {
            return Err(OpenError::File {
                path,
                why: "nothing has been stored there yet".to_owned(),
            });
        }
        let connection = open_reader(&path).map_err(MigrateError::from);
        match connection.and_then(|connection| inspect(&connection, &path, MIGRATIONS)) {
            Ok(_) => Ok(Self::new(Arc::new(Shared::new(path)))),
            Err(MigrateError::Refused(error)) => Err(error),
            Err(MigrateError::Sqlite(error)) => Err(OpenError::Database {
                why: sqlite_words(&error),
                path,
            }),
        }
    }

    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            idle: Mutex::default(),
        }
    }

    fn answer<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, HistoryError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = idle.map_or_else(|| open_reader(&self.shared.path), Ok);
        let connection = connection.map_err(|error| told(&error))?;
        let transaction = connection.unchecked_transaction().map_err(|error| told(&error))?;
        // A connection that failed is not used again.
        let answer = read(&transaction).map_err(|error| told(&error))?;
        transaction.finish().map_err(|error| told(&error))?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_CONNECTIONS {
            idle.push(connection);
        }
        Ok(answer)
    }
}

fn told(error: &rusqlite::Error) -> HistoryError {
    HistoryError(format!("cannot read the database: {error}"))
}

impl History for Reader {
    fn samples(&self, query: SampleQuery) -> Result<Vec<StoredSample>, HistoryError> {
        self.answer(|connection| read::samples(connection, query))
    }

    fn gaps(&self, query: SampleQuery) -> Result<Vec<Gap>, HistoryError> {
        self.answer(|connection| read::gaps(connection, query))
    }

    fn events(&self, query: &RowQuery) -> Result<Vec<Event>, HistoryError> {
        self.answer(|connection| read::events(connection, query))
    }

    fn outages(&self, query: &RowQuery) -> Result<Vec<OutageRow>, HistoryError> {
        self.answer(|connection| read::outages(connection, query))
    }

    fn logs(&self, query: &RowQuery) -> Result<Vec<LogRow>, HistoryError> {
        self.answer(|connection| read::logs(connection, query))
    }

    fn targets(&self) -> Result<Vec<StoredTarget>, HistoryError> {
        self.answer(read::targets)
    }

    fn storage(&self) -> StorageView {
        self.shared.view()
    }
}
