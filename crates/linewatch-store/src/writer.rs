//! Owns the thread "store" and the only connection that writes: gathers, commits, and goes on when it cannot.
//!
//! Everything that waits stays in memory until its commit is certain; a commit that failed is looked up in the
//! reopened database before it is repeated (after a failed fsync nothing else can be believed). Trouble is told in
//! one sentence and ends by itself. Not here: what is written (`sqlite::write`), when to seal (`seal`).

use std::fs::File;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use linewatch_core::port::{Clock, StorageState};
use linewatch_core::rollup::Resolution;
use linewatch_core::time::{MonoTime, WallTime};
use rusqlite::{Connection, TransactionBehavior};

use crate::budget::{Budget, LOG_BYTES, Reserve, Room};
use crate::checkpoint::Checkpointer;
use crate::error::StoreError;
use crate::files::{beside, mark_damaged, sqlite_words};
use crate::handle::{Command, Shared, StoreHandle};
use crate::open::Closed;
use crate::pending::{Pending, StoreMessage};
use crate::rebuild::rebuild;
use crate::retain::{Retainer, Retention};
use crate::seal::{SeriesRun, Unsealed};
use crate::sqlite::rows::visit_unsealed;
use crate::sqlite::stage::{Place, flushes};
use crate::sqlite::write::{
    Flush, FlushError, NEXT_ROLLUP, ROLLED_UP_TO, delete_events, end_run, meta_number, register, set_meta,
    write_flush,
};
use crate::sqlite::{is_damage, is_full, is_io, is_read_only, open_writer};
use crate::store::{StartOptions, Store};
use crate::writer::pace::{next_flush, period};
use crate::writer::room::restart_log;

mod due;
mod pace;
mod place;
mod room;

/// While something is measured but nothing comes (an interval of an hour), "alive" is still written this often:
/// a crash gap is dated to within it.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Even with nothing to do the thread turns this often: who looks after it sees that it lives.
const TURN: Duration = Duration::from_secs(5);
/// Tries to write the rest at the end; each waits for a lock 1 s at most, and an orderly stop has 5 s.
const STOP_TRIES: usize = 3;
/// Events deleted in one transaction: some 10 ms.
pub(crate) const EVENTS_AT_ONCE: usize = 5_000;
/// A log this long means that somebody keeps reading and no checkpoint gets through.
const WAL_ALARM_BYTES: u64 = 256 * 1024 * 1024;

/// Starts the thread.
pub(crate) fn spawn(
    store: Store,
    options: StartOptions,
    shared: Arc<Shared>,
) -> std::io::Result<StoreHandle> {
    let (handle, receiver) = StoreHandle::new(options.queue, Arc::clone(&shared));
    let checkpointer = Checkpointer::spawn(store.path)?;
    let writer = Writer {
        connection: Some(store.connection),
        _lock: store.lock,
        run: store.begun.run,
        flushes: store.begun.flushes,
        next_row: store.begun.next_row,
        next_rollup: store.begun.next_rollup,
        pending: Pending::default(),
        doubtful: None,
        is_recovered: false,
        is_measuring: false,
        is_stopping: false,
        budget: None,
        pages_max: u64::MAX,
        reserve: Reserve::new(shared.path.parent().map(Into::into).unwrap_or_default()),
        retainer: Retainer::new(Retention::default()),
        is_pressed: false,
        lacks_room: false,
        is_short: false,
        committed_at: options.clock.mono(),
        clock: options.clock,
        flush_interval: options.flush_interval,
        shared,
        checkpointer,
    };
    let thread = std::thread::Builder::new()
        .name("store".to_owned())
        .spawn(move || writer.run(&receiver))?;
    handle.owns(thread);
    Ok(handle)
}

/// What becomes of samples in a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Samples {
    /// They are written.
    Written,
    /// There is no room for them: they live on in the rollups only.
    SummedUp,
}

/// A commit that failed, but may have happened all the same.
struct Doubtful {
    place: Place,
    pending: Pending,
    sealed: Vec<SeriesRun>,
    closed: Vec<Closed>,
}

struct Writer {
    /// `None` after a failure below SQLite, until it is reopened.
    connection: Option<Connection>,
    /// Held for as long as the writer is.
    _lock: File,
    run: u64,
    /// Commits so far, over all runs.
    flushes: u64,
    next_row: i64,
    /// The next id of a row of the rollup tables, which share one count.
    next_rollup: i64,
    pending: Pending,
    doubtful: Option<Doubtful>,
    /// The unsealed rest of earlier runs is read back; before that, nothing may be deleted.
    is_recovered: bool,
    is_measuring: bool,
    is_stopping: bool,
    /// `None`: everything is kept.
    budget: Option<Budget>,
    /// Pages the database should have at most.
    pages_max: u64,
    reserve: Reserve,
    retainer: Retainer,
    /// The budget is nearly used up.
    is_pressed: bool,
    /// The last thing that failed did so for lack of room.
    lacks_room: bool,
    /// There was no room, and the reserve is not whole again.
    is_short: bool,
    committed_at: MonoTime,
    clock: Arc<dyn Clock + Sync>,
    flush_interval: Duration,
    shared: Arc<Shared>,
    checkpointer: Checkpointer,
}

impl Writer {
    fn run(mut self, commands: &Receiver<Command>) {
        let period = period(self.flush_interval);
        let mut flush_at = self.clock.mono().plus(period);
        loop {
            let pause = flush_at.since(self.clock.mono()).min(TURN);
            let heard = commands.recv_timeout(pause);
            self.shared.turned();
            match heard {
                Ok(Command::Message(message)) => {
                    self.shared.dequeued();
                    self.accept(message);
                }
                Ok(Command::Register {
                    key,
                    name,
                    now,
                    reply,
                }) => {
                    let answer = self
                        .connected()
                        .and_then(|connection| register(connection, &key, &name, now));
                    let _ = reply.send(answer); // Who asked may have gone; the number stays given.
                }
                Ok(Command::Keep(keeping)) => self.keep(keeping),
                Ok(Command::DeleteEvents { before, reply }) => {
                    let _ = reply.send(self.delete_events(before)); // As above.
                }
                Ok(Command::Flush { reply }) => {
                    let result = self.flush();
                    self.tend();
                    let _ = reply.send(result); // As above.
                }
                Ok(Command::With(job)) => {
                    let ready = self.flush().and_then(|()| {
                        self.connected()?;
                        self.connection.as_mut().ok_or(StoreError::Stopped)
                    });
                    (job.0)(ready);
                }
                Ok(Command::Stop { reason, reply }) => {
                    let result = self.stop(&reason);
                    drop(self);
                    let _ = reply.send(result); // As above.
                    return;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    let _ = self.flush(); // Its trouble is told already; nobody is left to ask.
                    return;
                }
            }
            if self.clock.mono() >= flush_at {
                let _ = self.flush(); // Its trouble is told; what waits is kept and tried again.
                self.tend();
                flush_at = next_flush(flush_at, self.clock.mono(), period);
            }
            self.shared.turned();
        }
    }

    fn accept(&mut self, message: StoreMessage) {
        if let StoreMessage::Active(active) = &message {
            self.is_measuring = !active.is_empty();
            self.shared.open().buckets.set_plans(active);
        }
        if let Err(back) = self.pending.accept(message) {
            self.shared.book(back);
        }
    }

    /// Deletes a part of the old events. What waits is written first: it may be among them.
    fn delete_events(&mut self, before: WallTime) -> Result<usize, StoreError> {
        self.flush()?;
        let deleted = delete_events(self.connected()?, before, EVENTS_AT_ONCE);
        deleted.map_err(|error| self.note_failure(&error))
    }

    /// Commits everything that waits, if anything does.
    fn flush(&mut self) -> Result<(), StoreError> {
        let is_queue_empty = self.shared.is_queue_empty();
        self.shared
            .overrun()
            .drain_into(&mut self.pending, is_queue_empty);
        let now = self.clock.wall();
        let is_heartbeat = self.is_measuring && self.clock.mono().since(self.committed_at) >= HEARTBEAT;
        let is_idle = self.pending.is_empty() && self.doubtful.is_none() && self.is_recovered;
        let has_due = {
            let open = self.shared.open();
            !open.unsealed.due(now, self.is_pressed).is_empty() || open.buckets.is_due(now)
        };
        if is_idle && !is_heartbeat && !has_due {
            return Ok(());
        }
        self.told_flush(now, false)
    }

    /// Commits, and tells how that went. With `is_end` the buckets of the finest tier are written that are not over.
    fn told_flush(&mut self, now: WallTime, is_end: bool) -> Result<(), StoreError> {
        let result = match self.try_flush(now, is_end, Samples::Written) {
            Err(_) if self.lacks_room => self.flush_in_need(now, is_end),
            result => result,
        };
        let (state, trouble) = match &result {
            Ok(()) => {
                self.committed_at = self.clock.mono();
                self.shared.committed(now);
                let trouble = self.checkpoint_if_due();
                self.room_after_commit(trouble)
            }
            Err(error) => {
                let state = if self.lacks_room {
                    StorageState::Full
                } else {
                    StorageState::Degraded
                };
                let words = format!("{error}; measuring goes on, what waits is kept in memory");
                (state, Some(words))
            }
        };
        self.shared.set_waiting(self.waiting());
        self.shared.health().set(state, trouble, now);
        result
    }

    /// Samples that are not certainly on disk.
    fn waiting(&self) -> usize {
        let doubtful = self
            .doubtful
            .as_ref()
            .map_or(0, |doubtful| doubtful.pending.rows.len());
        self.pending.rows.len() + doubtful
    }

    fn try_flush(&mut self, now: WallTime, is_end: bool, samples: Samples) -> Result<(), StoreError> {
        self.lacks_room = false;
        self.connected()?;
        self.recover()?;
        let due = self.due(now, is_end)?;
        let place = self.place(samples);
        let flush = Flush {
            run: self.run,
            number: self.flushes + 1,
            now,
            pending: &self.pending,
            first_row: self.next_row,
            place,
            blocks: &due.blocks,
            closed: &due.closed,
            first_rollup: self.next_rollup,
            rolled_up_to: self.rolled_up_to(now, due.oldest_open),
            sealed_below: due.oldest_unsealed.unwrap_or(self.next_row),
        };
        let connection = self.connection.as_mut().ok_or(StoreError::Stopped)?;
        match write_flush(connection, &flush) {
            Ok(()) => {
                let pending = std::mem::take(&mut self.pending);
                self.settle(&pending, place, &due.sealed, &due.closed);
                Ok(())
            }
            Err(FlushError::Write(error)) => Err(self.note_failure(&error)),
            Err(FlushError::Commit(error)) => {
                let pending = std::mem::take(&mut self.pending);
                self.doubtful = Some(Doubtful {
                    place,
                    pending,
                    sealed: due.sealed,
                    closed: due.closed,
                });
                self.connection = None;
                Err(self.note_failure(&error))
            }
        }
    }

    /// A commit is certain: what it held is history now.
    fn settle(&mut self, pending: &Pending, place: Place, sealed: &[SeriesRun], closed: &[Closed]) {
        let rows = pending.rows.len() as i64;
        let mut open = self.shared.open();
        open.unsealed.forget(sealed);
        if place != Place::Nowhere {
            open.unsealed.add(
                self.run,
                &pending.rows,
                self.next_row,
                self.next_row + rows - 1,
                self.clock.wall(),
            );
        }
        self.next_row += rows;
        self.next_rollup += closed.len() as i64;
        self.flushes += 1;
        open.buckets.forget(closed);
        open.buckets.add(&pending.rows);
        self.shared.set_open(open, self.flushes);
    }

    /// Every bucket that begins earlier is in all tiers, should this commit be the last one.
    fn rolled_up_to(&self, now: WallTime, oldest_open: Option<WallTime>) -> WallTime {
        let oldest_row = self.pending.rows.iter().map(|row| row.at).min();
        let oldest = oldest_row.into_iter().chain(oldest_open).chain([now]).min();
        Resolution::Hour.floor(oldest.unwrap_or(now))
    }

    fn note_failure(&mut self, error: &rusqlite::Error) -> StoreError {
        self.lacks_room = is_full(error) || is_io(error) && self.reserve.is_disk_short();
        if is_io(error) || is_read_only(error) {
            self.connection = None;
        }
        if is_damage(error) {
            mark_damaged(&self.shared.path);
            return StoreError::Database(format!(
                "{error}: the database is damaged and will be set aside at the next start"
            ));
        }
        StoreError::Database(sqlite_words(error))
    }

    /// The connection, reopened if need be, and any doubt about the last commit resolved.
    fn connected(&mut self) -> Result<&Connection, StoreError> {
        if self.connection.is_none() {
            let (connection, flushes) = self.reopened().map_err(|error| self.note_failure(&error))?;
            self.connection = Some(connection);
            self.resolve(flushes);
        }
        self.connection.as_ref().ok_or(StoreError::Stopped)
    }

    /// A new connection, and how many commits the database has seen.
    fn reopened(&mut self) -> rusqlite::Result<(Connection, u64)> {
        let connection = open_writer(&self.shared.path)?;
        if let Some(budget) = self.budget {
            self.pages_max = budget.bind(&connection, Room::Ordinary)?;
        }
        // What it shows is on the disk: the log was written there once more.
        let flushes = flushes(&connection)?;
        Ok((connection, flushes))
    }

    fn resolve(&mut self, flushes: u64) {
        let Some(mut doubtful) = self.doubtful.take() else {
            return;
        };
        if flushes == self.flushes + 1 {
            self.settle(
                &doubtful.pending,
                doubtful.place,
                &doubtful.sealed,
                &doubtful.closed,
            );
        } else {
            doubtful.pending.append(std::mem::take(&mut self.pending));
            self.pending = doubtful.pending;
        }
    }

    /// Reads back what earlier runs left unsealed, once.
    fn recover(&mut self) -> Result<(), StoreError> {
        if self.is_recovered {
            return Ok(());
        }
        let unsealed = self.recovered().map_err(|error| self.note_failure(&error))?;
        let mut open = self.shared.open();
        (open.unsealed, open.is_whole) = (unsealed, true);
        drop(open);
        self.is_recovered = true;
        Ok(())
    }

    fn recovered(&mut self) -> rusqlite::Result<Unsealed> {
        let mut unsealed = Unsealed::new(self.run);
        let Some(connection) = self.connection.as_ref() else {
            return Ok(unsealed);
        };
        let now = self.clock.wall();
        let unreadable = visit_unsealed(connection, None, |id, run, row| {
            if run != self.run {
                unsealed.add(run, &[row], id, id, now);
            }
        })?;
        if unreadable > 0 {
            tracing::warn!(target: "store", unreadable, "samples of the run before could not be read");
        }
        self.make_rollups_whole(&unsealed)?;
        Ok(unsealed)
    }

    /// Writes the rollups that earlier runs could not. One transaction: broken off, it begins anew.
    fn make_rollups_whole(&mut self, unsealed: &Unsealed) -> rusqlite::Result<()> {
        let Some(connection) = self.connection.as_mut() else {
            return Ok(());
        };
        let since = meta_number(connection, ROLLED_UP_TO)?.unwrap_or(i64::MIN);
        if since == i64::MAX {
            return Ok(());
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let since = WallTime::from_nanos(since);
        self.next_rollup = rebuild(&transaction, unsealed, self.run, since, self.next_rollup)?;
        set_meta(&transaction, NEXT_ROLLUP, self.next_rollup)?;
        set_meta(&transaction, ROLLED_UP_TO, i64::MAX)?;
        transaction.commit()
    }

    /// Asks for a checkpoint when it is time; the sentence of trouble when it has grown far too long.
    fn checkpoint_if_due(&mut self) -> Option<String> {
        let bytes = beside(&self.shared.path, "-wal")
            .metadata()
            .map_or(0, |metadata| metadata.len());
        let bound = self.budget.map_or(LOG_BYTES, Budget::log_bytes);
        // At half of it a checkpoint beside us is asked for; where that does not get through, it is made here.
        self.checkpointer.committed(bytes, bound / 2);
        if bytes >= bound
            && let Some(connection) = &self.connection
        {
            restart_log(connection);
        }
        (bytes > WAL_ALARM_BYTES).then(|| {
            format!(
                "the database's log has grown to {} MB: another program keeps reading the database",
                bytes >> 20
            )
        })
    }

    fn stop(&mut self, reason: &str) -> Result<(), StoreError> {
        self.is_stopping = true;
        let mut result = self.flush();
        for _ in 1..STOP_TRIES {
            if result.is_ok() {
                break;
            }
            result = self.flush();
        }
        result?;
        let now = self.clock.wall();
        // A tier at a time: each is part of the next one once it is written.
        while !self.shared.open().buckets.is_empty() {
            self.told_flush(now, true)?;
        }
        let connection = self.connection.as_mut().ok_or(StoreError::Stopped)?;
        end_run(connection, reason, now)?;
        self.shared.committed(now);
        Ok(())
    }
}
