//! Gives a shard its turns: one thread with real-time priority, else two of which the first to wake sends.
//!
//! An ordinary thread that should wake while all processors are busy waits for the scheduler, often for
//! milliseconds. Two threads pinned to two processors rarely wait both, so a second one sleeps until the next slot
//! and takes the turn if the first has not. Beside the wire, time and a lock they share nothing.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use linewatch_core::limits::{BATCH_AGE, EVALUATE_EVERY};
use linewatch_core::port::{Clock, Sleeper, Sleepers, Waker, Wire};
use linewatch_core::record::RecordBatch;
use linewatch_core::time::MonoTime;

use super::Shared;
use crate::privilege::{self, Scheduling};
use crate::shard::{Command, Shard};

/// Commands applied between two turns, so that adding 100,000 targets does not stop the measuring of others.
const COMMANDS_PER_TURN: usize = 256;
/// The achieved rate is measured over this.
const RATE_OVER: Duration = Duration::from_secs(1);
/// After the last turn, full queues are offered the rest for this long.
const HAND_OVER: Duration = Duration::from_secs(1);
/// Above so many probes per second the first thread hardly sleeps, and a second one would only disturb it.
const PAIR_PER_S_MAX: u64 = 10_000;

/// Runs the engine on the calling thread until it is stopped.
pub(super) fn run<W: Wire + 'static, C: Clock + 'static>(
    shard: Shard<W, C>,
    sleepers: Option<Sleepers>,
    setup: Box<dyn FnOnce() -> Scheduling + Send>,
    commands: Receiver<Command>,
    records: SyncSender<Arc<RecordBatch>>,
    shared: Arc<Shared>,
) {
    let scheduling = setup();
    let desk = Arc::new(Desk {
        shard: Mutex::new(shard),
        next_slot_ns: AtomicU64::new(MonoTime::MAX.as_nanos()),
        records,
        shared,
    });
    let pair = sleepers
        .filter(|_| !scheduling.is_realtime)
        .and_then(|sleepers| Pair::start(&desk, sleepers));
    let text = match &pair {
        Some(pair) => format!("{} on {}", pair.text, scheduling.text),
        None => scheduling.text,
    };
    // Nobody else sets it.
    let _ = desk.shared.scheduling.set(text);
    Loop {
        desk,
        pair,
        commands,
        left: VecDeque::new(),
    }
    .run();
}

/// What both threads work at.
struct Desk<W, C> {
    shard: Mutex<Shard<W, C>>,
    /// When the second thread has to look, by the shard's clock.
    next_slot_ns: AtomicU64,
    records: SyncSender<Arc<RecordBatch>>,
    shared: Arc<Shared>,
}

impl<W: Wire, C: Clock> Desk<W, C> {
    fn shard(&self) -> MutexGuard<'_, Shard<W, C>> {
        // A thread that panicked with it takes the program down when it is joined.
        self.shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A turn without waiting; returns when the next one should come.
    fn turn_now(&self, shard: &mut Shard<W, C>) -> MonoTime {
        let next_at = shard.turn_now(&mut |batch| offer(&self.records, batch));
        let is_slow = self.shared.asked_per_s.load(Ordering::Relaxed) <= PAIR_PER_S_MAX;
        let next_slot = shard.next_slot().filter(|_| is_slow).unwrap_or(MonoTime::MAX);
        self.next_slot_ns.store(next_slot.as_nanos(), Ordering::Release);
        next_at
    }
}

/// The second thread, and how the first one sleeps beside it.
struct Pair {
    by_wire: Sleeper,
    time_waker: Waker,
    second: JoinHandle<()>,
    text: String,
}

impl Pair {
    /// `None` where there is only one processor, or no second thread: one alone does as well then.
    fn start<W: Wire + 'static, C: Clock + 'static>(
        desk: &Arc<Desk<W, C>>,
        sleepers: Sleepers,
    ) -> Option<Self> {
        let [first, second] = privilege::two_processors()?;
        let Sleepers {
            by_wire,
            by_time,
            time_waker,
        } = sleepers;
        let theirs = Arc::clone(desk);
        let thread = std::thread::Builder::new()
            .name("probe-0b".to_owned())
            .spawn(move || {
                privilege::pin(second);
                watch(&theirs, by_time);
            })
            .ok()?;
        privilege::pin(first);
        Some(Self {
            by_wire,
            time_waker,
            second: thread,
            text: format!("two threads (processors {first} and {second})"),
        })
    }

    fn stop(self) {
        (self.time_waker)();
        if let Err(panic) = self.second.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

/// The second thread: takes the turn of a slot that the first has not taken.
fn watch<W: Wire, C: Clock>(desk: &Desk<W, C>, mut sleep: Sleeper) {
    let mut look_at = MonoTime::ZERO;
    while !desk.shared.is_stopping.load(Ordering::Acquire) {
        let next_slot = MonoTime::from_nanos(desk.next_slot_ns.load(Ordering::Acquire));
        // A slot that came to be while this thread slept is found after a second at the latest.
        sleep(next_slot.min(look_at));
        // Waits for a first thread that is at it, instead of asking again and again whether it is done.
        let mut shard = desk.shard();
        let now = shard.now();
        look_at = now.plus(EVALUATE_EVERY);
        let is_due = desk.next_slot_ns.load(Ordering::Acquire) <= now.as_nanos();
        if is_due && !desk.shared.is_stopping.load(Ordering::Acquire) {
            desk.turn_now(&mut shard);
        }
    }
}

/// The first thread.
struct Loop<W, C> {
    desk: Arc<Desk<W, C>>,
    pair: Option<Pair>,
    commands: Receiver<Command>,
    /// Refused at the very end.
    left: VecDeque<Arc<RecordBatch>>,
}

impl<W: Wire, C: Clock> Loop<W, C> {
    fn run(mut self) {
        let mut rate = (self.desk.shard().now(), 0);
        while !self.desk.shared.is_stopping.load(Ordering::Acquire)
            && let Some(commands) = self.apply_commands()
        {
            self.turn(commands > 0);
            rate = self.publish(rate);
        }
        self.end();
    }

    /// How many there were; `None`: the engine was dropped without being stopped.
    fn apply_commands(&mut self) -> Option<usize> {
        for count in 0..COMMANDS_PER_TURN {
            match self.commands.try_recv() {
                Ok(command) => self.desk.shard().apply(command),
                Err(TryRecvError::Empty) => return Some(count),
                Err(TryRecvError::Disconnected) => return None,
            }
        }
        Some(COMMANDS_PER_TURN)
    }

    fn turn(&mut self, has_changed: bool) {
        let desk = &self.desk;
        match &mut self.pair {
            Some(pair) => {
                let next_at = desk.turn_now(&mut desk.shard());
                if has_changed {
                    // The next slot may now be before the one that the second thread sleeps for.
                    (pair.time_waker)();
                }
                (pair.by_wire)(next_at);
            }
            None => desk.shard().turn(&mut |batch| offer(&desk.records, batch)),
        }
    }

    fn publish(&self, (since, sent_then): (MonoTime, u64)) -> (MonoTime, u64) {
        let shard = self.desk.shard();
        let shared = &self.desk.shared;
        let (now, sent) = (shard.now(), shard.sent());
        shared.sent.store(sent, Ordering::Relaxed);
        shared.turns.fetch_add(1, Ordering::Relaxed);
        shared
            .impossible_stamps
            .store(shard.impossible_stamps(), Ordering::Relaxed);
        let span = now.since(since);
        if span < RATE_OVER {
            return (since, sent_then);
        }
        let milli_per_s = (sent - sent_then) as f64 * 1000.0 / span.as_secs_f64();
        shared
            .achieved_milli_per_s
            .store(milli_per_s as u64, Ordering::Relaxed);
        (now, sent)
    }

    fn end(mut self) {
        if let Some(pair) = self.pair.take() {
            // Also where the engine was dropped instead of being stopped.
            self.desk.shared.is_stopping.store(true, Ordering::Release);
            pair.stop();
        }
        let desk = &self.desk;
        let mut shard = desk.shard();
        shard.stop_sending();
        let grace = Duration::from_nanos(desk.shared.grace_ns.load(Ordering::Relaxed));
        let end_at = shard.now().plus(grace);
        while shard.in_flight() > 0 && shard.now() < end_at {
            shard.turn_before(end_at, &mut |batch| offer(&desk.records, batch));
        }
        let left = &mut self.left;
        shard.finish(&mut |batch| {
            left.extend(offer(&desk.records, batch).map(Arc::new));
            None
        });
        let give_up_at = shard.now().plus(HAND_OVER);
        while let Some(batch) = left.pop_front() {
            if let Err(TrySendError::Full(batch)) = desk.records.try_send(batch)
                && shard.now() < give_up_at
            {
                left.push_front(batch);
                shard.wait(BATCH_AGE);
            }
        }
    }
}

/// Gives a batch to the channel, or back. Nobody there to read is nobody to tell: the batch is gone.
fn offer(records: &SyncSender<Arc<RecordBatch>>, batch: RecordBatch) -> Option<RecordBatch> {
    match records.try_send(Arc::new(batch)) {
        Ok(()) | Err(TrySendError::Disconnected(_)) => None,
        Err(TrySendError::Full(batch)) => Some(Arc::unwrap_or_clone(batch)),
    }
}
