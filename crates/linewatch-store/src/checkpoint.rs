//! Moves the database's log into the database, on a thread and a connection of its own.
//!
//! A checkpoint inside a commit stalled the writer by 44 ms; a passive one beside it stalls nobody: it moves what
//! it can and never waits for readers or the writer.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

use crate::sqlite::open_checkpointer;

/// Commits between checkpoints: five minutes of them. Each writes a page once, however often the log holds it, and the newest
/// page of each target changes every minute. At 20 samples/s the log then holds some 4 MB; above 1,000/s its bound comes first.
const COMMITS: u32 = 300;

/// The thread "store-wal"; ends when dropped.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    /// `None` only while being dropped.
    pokes: Option<SyncSender<()>>,
    commits: u32,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts the thread, while the writer's connection is open: so ours is never the one that finds out what is in a log whose
    /// writer failed, and moves commits that are not on the disk. What the log's index lists was synced.
    pub(crate) fn spawn(path: PathBuf) -> std::io::Result<Self> {
        // Not now: then with the first checkpoint, the careful way.
        let connection = open_checkpointer(&path, false).ok();
        // One waiting poke is as good as many.
        let (pokes, poked) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("store-wal".to_owned())
            .spawn(move || run(&path, &poked, connection))?;
        Ok(Self {
            pokes: Some(pokes),
            commits: 0,
            thread: Some(thread),
        })
    }

    /// Notes a commit that left the log this long, and asks for a checkpoint when it is time. A log as long as its
    /// bound does not wait so long. (Its file does not shrink with a checkpoint but with the commit after it,
    /// to less than the bound: or its size would ask for one every second for ever.)
    pub(crate) fn committed(&mut self, log_bytes: u64, bound_bytes: u64) {
        self.commits += 1;
        if self.commits < COMMITS && log_bytes < bound_bytes {
            return;
        }
        self.commits = 0;
        if let Some(pokes) = &self.pokes {
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

fn run(path: &std::path::Path, poked: &Receiver<()>, mut connection: Option<Connection>) {
    while poked.recv().is_ok() {
        let result = match connection.take() {
            Some(connection) => Ok(connection),
            None => open_checkpointer(path, true),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_five_minutes_of_commits_the_database_holds_what_its_log_held() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("linewatch.db");
        crate::files::open_private(&path).expect("made");
        let writer = crate::sqlite::open_writer(&path).expect("opened");
        writer
            .execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (7)")
            .expect("in the log");
        let alone = |name: &str| {
            let copy = dir.path().join(name);
            std::fs::copy(&path, &copy).expect("copied without its log");
            Connection::open(copy)
                .expect("opened")
                .query_row("SELECT x FROM t", [], |row| row.get::<_, i64>(0))
                .ok()
        };
        let mut checkpointer = Checkpointer::spawn(path.clone()).expect("a thread");
        (1..COMMITS).for_each(|_| checkpointer.committed(0, 1));
        assert_eq!(alone("before"), None);
        checkpointer.committed(0, 1);
        drop(checkpointer); // Waits for what was asked.
        assert_eq!(alone("after"), Some(7));
    }
}
