//! Tells history: the store's side of the door [`History`], from any thread, by read-only connections.
//!
//! Each answer is one read transaction, so sealed blocks and unsealed rows are seen as of one moment: nothing is
//! missing or double while the writer seals.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use linewatch_core::event::{Event, EventId, EventKind, LogRow, OutageRow};
use linewatch_core::evidence::Evidence;
use linewatch_core::past::{SeriesSum, Stretch, SumQuery};
use linewatch_core::port::{
    BackupCopy, EvidenceQuery, History, HistoryError, RowQuery, SampleQuery, Series, SeriesQuery,
    StorageView, StoredSample, StoredTarget, Unproved,
};
use linewatch_core::record::Gap;
use linewatch_core::target::TargetId;
use rusqlite::Connection;

use crate::backup::copy_in_pieces;
use crate::error::OpenError;
use crate::files::{DATABASE, sqlite_words};
use crate::handle::{OpenView, Shared};
use crate::overview;
use crate::series::{Seam, series};
use crate::sqlite::migrate::{MigrateError, inspect};
use crate::sqlite::rows::Rest;
use crate::sqlite::schema::MIGRATIONS;
use crate::sqlite::stage::flushes;
use crate::sqlite::{evidence, open_reader, read};

/// Connections kept open between answers; more readers at once open their own for the moment.
const IDLE_CONNECTIONS: usize = 4;

/// A reader that is overtaken by commits so often (a second apart each) reads the newest samples instead.
const SEAM_TRIES: usize = 3;

/// Reads the store while the writer writes it.
#[derive(Debug)]
pub struct Reader {
    shared: Arc<Shared>,
    /// The writer is of this process: what it has open is at hand.
    has_writer: bool,
    idle: Mutex<Vec<Connection>>,
    /// Copies made so far: each has a name of its own.
    copies: AtomicU64,
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
            Ok(_) => Ok(Self {
                has_writer: false,
                ..Self::new(Arc::new(Shared::new(path)))
            }),
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
            has_writer: true,
            idle: Mutex::default(),
            copies: AtomicU64::new(0),
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

impl Reader {
    /// Where the samples of a series are that no block holds at the commit that is read.
    fn rest(&self, connection: &Connection, target: TargetId) -> rusqlite::Result<Rest> {
        if !self.has_writer {
            return Ok(Rest::Stored);
        }
        let held = self.shared.unsealed_at(target, flushes(connection)?);
        Ok(held.map_or(Rest::Stored, Rest::Held))
    }

    /// Reads rows and what is open of these series (one seam each, in their order) as of one commit.
    fn with_seams<T>(
        &self,
        targets: &[TargetId],
        read: impl Fn(&Connection, &[Seam]) -> rusqlite::Result<T>,
    ) -> Result<T, HistoryError> {
        let of_database = |connection: &Connection| {
            let seams = targets
                .iter()
                .map(|target| Seam::of_database(connection, *target));
            read(connection, &seams.collect::<rusqlite::Result<Vec<_>>>()?)
        };
        let tries = if self.has_writer { SEAM_TRIES } else { 0 };
        for _ in 0..tries {
            let answer = self.answer(|connection| {
                // The first read fixes which commit this transaction sees.
                let flushes = flushes(connection)?;
                match self.shared.open_at(targets, flushes) {
                    OpenView::Same(open) => {
                        let seams: Vec<_> = open.into_iter().map(Seam::of_memory).collect();
                        read(connection, &seams).map(Some)
                    }
                    OpenView::Later => Ok(None),
                    OpenView::Missing => of_database(connection).map(Some),
                }
            })?;
            if let Some(answer) = answer {
                return Ok(answer);
            }
        }
        self.answer(of_database)
    }
}

fn told(error: &rusqlite::Error) -> HistoryError {
    HistoryError(format!("cannot read the database: {error}"))
}

impl History for Reader {
    fn samples(&self, query: SampleQuery) -> Result<Vec<StoredSample>, HistoryError> {
        self.answer(|connection| {
            let rest = self.rest(connection, query.target)?;
            read::samples(connection, query, &rest)
        })
    }

    fn series(&self, query: SeriesQuery) -> Result<Series, HistoryError> {
        self.with_seams(&[query.target], |connection, seams| {
            let seam = seams.first().ok_or(rusqlite::Error::QueryReturnedNoRows)?;
            series(connection, query, seam, &self.rest(connection, query.target)?)
        })
    }

    fn sums(&self, query: &SumQuery) -> Result<Vec<(TargetId, SeriesSum)>, HistoryError> {
        self.with_seams(&query.targets, |connection, seams| {
            overview::sums(connection, query, seams)
        })
    }

    fn stretches(&self, query: &SumQuery) -> Result<Vec<Stretch>, HistoryError> {
        self.with_seams(&query.targets, |connection, seams| {
            overview::stretches(connection, query, seams)
        })
    }

    fn gaps(&self, query: SampleQuery) -> Result<Vec<Gap>, HistoryError> {
        self.answer(|connection| read::gaps(connection, query))
    }

    fn events(&self, query: &RowQuery) -> Result<Vec<Event>, HistoryError> {
        self.answer(|connection| read::events(connection, query))
    }

    fn open_events(&self, limit: usize) -> Result<Vec<Event>, HistoryError> {
        self.answer(|connection| read::open_events(connection, limit))
    }

    fn outages(&self, query: &RowQuery) -> Result<Vec<OutageRow>, HistoryError> {
        self.answer(|connection| read::outages(connection, query))
    }

    fn logs(&self, query: &RowQuery) -> Result<Vec<LogRow>, HistoryError> {
        self.answer(|connection| read::logs(connection, query))
    }

    fn count_events(&self, targets: &[TargetId], kinds: &[EventKind]) -> Result<u64, HistoryError> {
        self.answer(|connection| read::count_events(connection, targets, kinds))
    }

    fn numbered_logs(&self, level: Option<&str>, limit: usize) -> Result<Vec<(i64, LogRow)>, HistoryError> {
        self.answer(|connection| read::numbered_logs(connection, level, limit))
    }

    fn targets(&self) -> Result<Vec<StoredTarget>, HistoryError> {
        self.answer(read::targets)
    }

    fn unproved(&self, from: EventId, limit: usize) -> Result<Vec<Unproved>, HistoryError> {
        self.answer(|connection| evidence::unproved(connection, from, limit))
    }

    fn collect_evidence(&self, query: &EvidenceQuery) -> Result<Evidence, HistoryError> {
        self.answer(|connection| evidence::collect(connection, query))
    }

    fn evidence(&self, outage: EventId) -> Result<Option<(OutageRow, Vec<Evidence>)>, HistoryError> {
        self.answer(|connection| evidence::of_outage(connection, outage))
    }

    fn storage(&self) -> StorageView {
        self.shared.view()
    }

    fn backup(&self) -> Result<BackupCopy, HistoryError> {
        copy_in_pieces(&self.shared.path, self.copies.fetch_add(1, Ordering::Relaxed))
    }
}
