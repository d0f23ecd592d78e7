//! Moves the database's log into the database, on a thread and a connection of its own.
//!
//! A checkpoint inside a commit stalled the writer by 44 ms; a passive one beside it stalls nobody: it moves what
//! it can and never waits for readers or the writer.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

use crate::sqlite::open_checkpointer;

/// A log longer than this is moved: 1,000 pages, SQLite's own habit.
const LOG_BYTES: u64 = 4 * 1024 * 1024;

/// The thread "store-wal"; ends when dropped.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    /// `None` only while being dropped.
    pokes: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts the thread.
    pub(crate) fn spawn(path: PathBuf) -> std::io::Result<Self> {
        // One waiting poke is as good as many.
        let (pokes, poked) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("store-wal".to_owned())
            .spawn(move || run(&path, &poked))?;
        Ok(Self {
            pokes: Some(pokes),
            thread: Some(thread),
        })
    }

    /// Asks for a checkpoint if the log has this many bytes and that is long.
    pub(crate) fn poke(&self, log_bytes: u64) {
        if let Some(pokes) = self.pokes.as_ref().filter(|_| log_bytes > LOG_BYTES) {
            let _ = pokes.try_send(()); // Full: one is asked for already. Closed: we are ending.
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.pokes = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // It has nothing to report but its end.
        }
    }
}

fn run(path: &std::path::Path, poked: &Receiver<()>) {
    let mut connection: Option<Connection> = None;
    while poked.recv().is_ok() {
        let result = match connection.take() {
            Some(connection) => Ok(connection),
            None => open_checkpointer(path),
        }
        .and_then(|connection| {
            connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
            Ok(connection)
        });
        match result {
            Ok(open) => connection = Some(open),
            // The log stays as it is and grows; the writer sees that and says so.
            Err(error) => tracing::debug!(target: "store", %error, "checkpoint failed"),
        }
    }
}
