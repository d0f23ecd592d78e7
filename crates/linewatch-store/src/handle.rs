//! Hands things to the thread "store", and shows how it is doing. Nothing here waits for a disk unless it says so.

use std::cmp::Ordering as Order;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use linewatch_core::port::StorageView;
use linewatch_core::target::TargetId;
use linewatch_core::time::WallTime;
use rusqlite::Connection;

use crate::budget::{Keeping, RESERVE};
use crate::error::StoreError;
use crate::files::beside;
use crate::health::{Health, News};
use crate::open::{Open, OpenBuckets};
use crate::pending::{Overrun, StoreMessage};
use crate::rows::PackedRows;
use crate::seal::Unsealed;
use crate::sqlite::write::SeriesKey;
use crate::writer::EVENTS_AT_ONCE;

/// What the writer is asked.
#[derive(Debug)]
pub(crate) enum Command {
    Message(StoreMessage),
    Register {
        key: SeriesKey,
        name: String,
        now: WallTime,
        reply: SyncSender<Result<TargetId, StoreError>>,
    },
    Keep(Keeping),
    DeleteEvents {
        before: WallTime,
        reply: SyncSender<Result<usize, StoreError>>,
    },
    Flush {
        reply: SyncSender<Result<(), StoreError>>,
    },
    With(Job),
    Stop {
        reason: String,
        reply: SyncSender<Result<(), StoreError>>,
    },
}

/// Something small to be done with the connection that writes, after everything that waits was committed. It answers by itself.
type Work = Box<dyn FnOnce(Result<&mut Connection, StoreError>) + Send>;

/// See [`Work`].
pub(crate) struct Job(pub(crate) Work);

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Job")
    }
}

/// Times that a request to delete comes back to the writer: a million rows of [`EVENTS_AT_ONCE`].
const DELETE_TURNS: usize = 200;

/// A reader waits so long for the open buckets of a commit; only a commit in doubt takes longer.
const OPEN_WAIT: Duration = Duration::from_secs(1);

/// What writer, handles and readers share. Every lock is held for moments only.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) path: PathBuf,
    queued: AtomicU64,
    overrun_rows: AtomicU64,
    /// `i64::MIN`: nothing yet.
    flushed_ns: AtomicI64,
    /// Samples that wait in the writer.
    waiting: AtomicU64,
    /// 0: none was set.
    budget_bytes: AtomicU64,
    /// Turns of the writer, times two; odd while it works, which is mostly waiting for the disk.
    turns: AtomicU64,
    health: Mutex<Health>,
    overrun: Mutex<Overrun>,
    open: Mutex<OpenAt>,
    /// Told whenever `open` is that of the next commit.
    opened: Condvar,
}

/// What is not in its last place yet, as of one commit: readers need not look for it among everybody's rows.
#[derive(Debug, Default)]
pub(crate) struct OpenAt {
    pub(crate) buckets: Open,
    /// The samples that are in no block.
    pub(crate) unsealed: Unsealed,
    /// Those of earlier runs are among them.
    pub(crate) is_whole: bool,
    /// The number of that commit.
    pub(crate) flushes: u64,
}

/// How the open buckets stand to the commit a reader sees.
#[derive(Debug)]
pub(crate) enum OpenView {
    /// Of that commit: a copy, of each series asked for.
    Same(Vec<OpenBuckets>),
    /// Of a later one: look at the database again.
    Later,
    /// Of an earlier one, for too long.
    Missing,
}

impl Shared {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            queued: AtomicU64::new(0),
            overrun_rows: AtomicU64::new(0),
            flushed_ns: AtomicI64::new(i64::MIN),
            waiting: AtomicU64::new(0),
            budget_bytes: AtomicU64::new(0),
            turns: AtomicU64::new(0),
            health: Mutex::default(),
            overrun: Mutex::default(),
            open: Mutex::default(),
            opened: Condvar::new(),
        }
    }

    pub(crate) fn open(&self) -> MutexGuard<'_, OpenAt> {
        // A panic of the writer is told elsewhere; what it left here is still what it was committed with.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The open buckets are those of the commit with this number now.
    pub(crate) fn set_open(&self, mut open: MutexGuard<'_, OpenAt>, flushes: u64) {
        open.flushes = flushes;
        drop(open);
        self.opened.notify_all();
    }

    /// What these series had open at the commit with this number. Waits a moment: between a commit and this, the
    /// writer only folds the samples in.
    pub(crate) fn open_at(&self, targets: &[TargetId], flushes: u64) -> OpenView {
        let waited = self
            .opened
            .wait_timeout_while(self.open(), OPEN_WAIT, |open| open.flushes < flushes);
        let (open, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match open.flushes.cmp(&flushes) {
            Order::Equal => {
                let copy = |target: &TargetId| open.buckets.of(*target);
                OpenView::Same(targets.iter().map(copy).collect())
            }
            Order::Greater => OpenView::Later,
            Order::Less => OpenView::Missing,
        }
    }

    /// The samples of a series that were in no block at the commit with this number, by run; `None` when they are not at
    /// hand: another commit, or earlier runs are not read back yet. A copy of some 20 B a sample.
    pub(crate) fn unsealed_at(&self, target: TargetId, flushes: u64) -> Option<Vec<(u64, PackedRows)>> {
        let open = self.open();
        (open.is_whole && open.flushes == flushes).then(|| open.unsealed.packed(target))
    }

    pub(crate) fn dequeued(&self) {
        self.queued.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn is_queue_empty(&self) -> bool {
        self.queued.load(Ordering::Relaxed) == 0
    }

    pub(crate) fn committed(&self, at: WallTime) {
        self.flushed_ns.store(at.as_nanos(), Ordering::Relaxed);
    }

    /// The writer begins or ends a piece of work.
    pub(crate) fn turned(&self) {
        self.turns.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn overrun(&self) -> MutexGuard<'_, Overrun> {
        // Nothing in there can be half done: a panic elsewhere is no reason to stop storing.
        self.overrun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Books a message that found no room.
    pub(crate) fn book(&self, message: StoreMessage) {
        let lost = self.overrun().book(message);
        self.overrun_rows.fetch_add(lost, Ordering::Relaxed);
    }

    /// How it goes; held for moments.
    pub(crate) fn health(&self) -> MutexGuard<'_, Health> {
        // As with the overrun.
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many samples are not committed yet.
    pub(crate) fn set_waiting(&self, samples: usize) {
        self.waiting.store(samples as u64, Ordering::Relaxed);
    }

    /// The store may take so many bytes.
    pub(crate) fn set_budget(&self, bytes: u64) {
        self.budget_bytes.store(bytes, Ordering::Relaxed);
    }

    /// What database, log and reserve take on the disk.
    pub(crate) fn size_bytes(&self) -> u64 {
        let reserve = self.path.with_file_name(RESERVE);
        let files = [beside(&self.path, ""), beside(&self.path, "-wal"), reserve];
        // One that is not there takes nothing.
        files
            .iter()
            .map(|file| file.metadata().map_or(0, |metadata| metadata.len()))
            .sum()
    }

    pub(crate) fn view(&self) -> StorageView {
        let flushed_ns = self.flushed_ns.load(Ordering::Relaxed);
        let budget_bytes = self.budget_bytes.load(Ordering::Relaxed);
        let health = self.health();
        StorageView {
            path: self.path.display().to_string(),
            size_bytes: self.size_bytes(),
            queued: self.queued.load(Ordering::Relaxed),
            overrun: self.overrun_rows.load(Ordering::Relaxed),
            flushed_at: (flushed_ns != i64::MIN).then_some(WallTime::from_nanos(flushed_ns)),
            trouble: health.trouble.clone(),
            state: health.state,
            oldest: health.oldest.clone(),
            last_error: health.last_error.clone(),
            budget_bytes: (budget_bytes > 0).then_some(budget_bytes),
            waiting: self.waiting.load(Ordering::Relaxed),
        }
    }
}

/// How far the writer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turns {
    /// Grows with each piece of work that begins or ends.
    pub begun: u64,
    /// One has begun and not ended.
    pub is_at_work: bool,
}

/// The way to the writer; clones go to the same one.
///
/// When the last handle is dropped without [`StoreHandle::stop`], what waits is written but the run counts as
/// interrupted.
#[derive(Clone, Debug)]
pub struct StoreHandle {
    commands: SyncSender<Command>,
    shared: Arc<Shared>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl StoreHandle {
    /// A handle whose thread is yet to be given by [`StoreHandle::owns`].
    pub(crate) fn new(queue: usize, shared: Arc<Shared>) -> (Self, Receiver<Command>) {
        let (commands, receiver) = sync_channel(queue);
        (
            Self {
                commands,
                shared,
                thread: Arc::default(),
            },
            receiver,
        )
    }

    pub(crate) fn owns(&self, thread: JoinHandle<()>) {
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
    }

    /// Hands over a message without waiting. `false`: there was no room; samples then become a stored gap of kind
    /// `overrun`, every other row follows later.
    pub fn try_send(&self, message: StoreMessage) -> bool {
        let is_batch = matches!(message, StoreMessage::Batch(_));
        if !is_batch && self.shared.overrun().has_others() {
            self.shared.book(message);
            return false;
        }
        // Counted before it is sent: the writer must never take off what has not been added.
        self.shared.queued.fetch_add(1, Ordering::Relaxed);
        match self.commands.try_send(Command::Message(message)) {
            Ok(()) => true,
            Err(TrySendError::Full(command) | TrySendError::Disconnected(command)) => {
                self.shared.dequeued();
                if let Command::Message(message) = command {
                    self.shared.book(message);
                }
                false
            }
        }
    }

    /// The number of a series, as [`crate::Store::register`]. Waits for the writer.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be written now.
    pub fn register(&self, key: &SeriesKey, name: &str, now: WallTime) -> Result<TargetId, StoreError> {
        let (key, name) = (key.clone(), name.to_owned());
        self.ask(|reply| Command::Register {
            key,
            name,
            now,
            reply,
        })
    }

    /// Deletes the events that were over before `before`; how many. Waits for the writer, which does other work in
    /// between. A million of them at most; what is left, the next request finds.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be written now; some may be deleted then.
    pub fn delete_events(&self, before: WallTime) -> Result<u64, StoreError> {
        let mut deleted = 0;
        for _ in 0..DELETE_TURNS {
            let count = self.ask(|reply| Command::DeleteEvents { before, reply })?;
            deleted += count as u64;
            if count < EVENTS_AT_ONCE {
                break;
            }
        }
        Ok(deleted)
    }

    /// Waits until everything sent before is committed.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be written now; it waits in memory and is tried again.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.ask(|reply| Command::Flush { reply })
    }

    /// Writes everything, marks the run as ended in order, closes the database and lets the lock go. Waits for that,
    /// a few seconds at most.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when what waited could not be written; the next start then finds an interrupted run.
    pub fn stop(&self, reason: &str) -> Result<(), StoreError> {
        let result = self.ask(|reply| Command::Stop {
            reason: reason.to_owned(),
            reply,
        });
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            thread.join().map_err(|_| StoreError::Stopped)?;
        }
        result
    }

    /// From now on so much is kept, for so long; until this is called for the first time, everything. Deleting is done
    /// by the writer, a little at a time.
    pub fn keep(&self, keeping: Keeping) {
        // A writer that has ended deletes nothing, and its end has been told.
        let _ = self.commands.send(Command::Keep(keeping));
    }

    /// What happened to the store since this was asked before.
    pub fn news(&self) -> Vec<News> {
        self.shared.health().take_news()
    }

    /// How the store is doing.
    pub fn storage(&self) -> StorageView {
        self.shared.view()
    }

    /// Turns of the writer so far, for a watchdog. One that works may wait for the disk as long as that takes; one that does
    /// not turns every few seconds.
    pub fn turns(&self) -> Turns {
        let halves = self.shared.turns.load(Ordering::Relaxed);
        Turns {
            begun: halves,
            is_at_work: halves % 2 == 1,
        }
    }

    /// Does something with the connection that writes, once everything sent before is committed.
    pub(crate) fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.ask(|reply| {
            Command::With(Job(Box::new(move |connection| {
                let answer = connection.and_then(|connection| work(connection).map_err(StoreError::from));
                let _ = reply.send(answer); // Who asked may have gone; what was done stays done.
            })))
        })
    }

    fn ask<T>(
        &self,
        command: impl FnOnce(SyncSender<Result<T, StoreError>>) -> Command,
    ) -> Result<T, StoreError> {
        let (reply, answer) = sync_channel(1);
        self.commands
            .send(command(reply))
            .map_err(|_| StoreError::Stopped)?;
        answer.recv().map_err(|_| StoreError::Stopped)?
    }
}
