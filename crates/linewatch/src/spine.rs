//! The thread between the engine and everyone: folds batches into the monitor and hands on what follows.
//!
//! In: record batches, and words from `control`. Out: the same batches and the monitor's effects to store and page. It
//! waits for nobody: a full store queue or a slow browser loses its own data and is told. Not here: any decision.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::thread::{self, JoinHandle};

use linewatch_core::event::{Event, EventId, EventKind, RunId, Severity};
use linewatch_core::limits;
use linewatch_core::monitor::{Effect, Monitor};
use linewatch_core::port::Clock;
use linewatch_core::record::RecordBatch;
use linewatch_core::target::{Target, TargetId};
use linewatch_core::view::TargetError;
use linewatch_store::{StoreHandle, StoreMessage};
use linewatch_web::Hub;

use crate::tally::Tally;

/// A word from `control` to the monitor.
#[derive(Debug)]
pub(crate) enum Word {
    /// Watch this, or watch it otherwise.
    SetTarget(Box<Target>),
    /// Watch it no longer.
    RemoveTarget(TargetId),
    /// It cannot be probed, or it can again.
    SetError(TargetId, Option<TargetError>),
    /// Something happened outside.
    Note(EventKind, Severity, Option<TargetId>, String),
    /// The engine has stopped: take what is left and end.
    Finish,
}

/// Where the spine's words and batches come from and go to.
pub(crate) struct Ends<C> {
    /// Tells the time.
    pub clock: C,
    /// This start.
    pub run: RunId,
    /// Remembers.
    pub store: StoreHandle,
    /// Shows.
    pub hub: Hub,
    /// Counts.
    pub tally: Tally,
    /// Hears of each target that is in an outage: when it begins, now and then while it lasts, and when it ends.
    pub on_outage: Box<dyn Fn(TargetId) + Send>,
}

/// The way to the spine.
#[derive(Clone)]
pub(crate) struct Spine {
    words: Sender<Word>,
    batches: SyncSender<Arc<RecordBatch>>,
}

impl Spine {
    /// Starts the thread "monitor". The sender of batches is for the engine.
    pub(crate) fn start<C: Clock + 'static>(
        ends: Ends<C>,
    ) -> io::Result<(Self, SyncSender<Arc<RecordBatch>>, JoinHandle<()>)> {
        let (words, heard) = mpsc::channel();
        let (batches, come) = mpsc::sync_channel(limits::BATCH_QUEUE);
        let spine = Self {
            words,
            batches: batches.clone(),
        };
        let thread = thread::Builder::new()
            .name("monitor".to_owned())
            .spawn(move || turn_until_finished(ends, &heard, &come))?;
        Ok((spine, batches, thread))
    }

    /// Says something to the monitor, and wakes it.
    pub(crate) fn say(&self, word: Word, clock: &impl Clock) {
        // The thread lives as long as `app` does; after its end there is nobody to tell and nothing to lose.
        let _ = self.words.send(word);
        // An empty batch is the knock at the door. A full queue needs none: the thread is about to turn anyway.
        let _ = self.batches.try_send(Arc::new(RecordBatch::new(clock.anchor())));
    }
}

fn turn_until_finished<C: Clock>(
    ends: Ends<C>,
    words: &Receiver<Word>,
    batches: &Receiver<Arc<RecordBatch>>,
) {
    let mut monitor = Monitor::new(ends.run, ends.clock.anchor());
    let mut effects = Vec::new();
    let mut going_on = BTreeSet::new();
    let mut tick_at = ends.clock.mono().plus(limits::EVALUATE_EVERY);
    loop {
        match batches.recv_timeout(tick_at.since(ends.clock.mono())) {
            Ok(batch) => fold(&mut monitor, &batch, &ends, &mut effects),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        let mut is_finished = false;
        while let Ok(word) = words.try_recv() {
            is_finished |= hear(&mut monitor, word, &ends, &mut effects);
        }
        if is_finished {
            while let Ok(batch) = batches.try_recv() {
                fold(&mut monitor, &batch, &ends, &mut effects);
            }
            break;
        }
        if ends.clock.mono() >= tick_at {
            monitor.tick_by_parts(ends.clock.anchor(), &mut effects, |part| {
                hand_on(part, &ends, &mut going_on);
            });
            // After a stall the missed evaluations are not made up for: they would all see the same window.
            tick_at = tick_at.plus(limits::EVALUATE_EVERY).max(ends.clock.mono());
        }
        hand_on(&mut effects, &ends, &mut going_on);
    }
    // A last look, for the summary.
    monitor.tick_by_parts(ends.clock.anchor(), &mut effects, |part| {
        hand_on(part, &ends, &mut going_on);
    });
    hand_on(&mut effects, &ends, &mut going_on);
    monitor.finish(ends.clock.anchor(), &mut effects);
    hand_on(&mut effects, &ends, &mut going_on);
}

fn fold<C: Clock>(
    monitor: &mut Monitor,
    batch: &Arc<RecordBatch>,
    ends: &Ends<C>,
    effects: &mut Vec<Effect>,
) {
    if batch.is_empty() {
        return;
    }
    monitor.ingest(batch, effects);
    // What does not fit is counted by the store and becomes a stored gap (`overrun`).
    ends.store.try_send(StoreMessage::Batch(Arc::clone(batch)));
    ends.hub.batch(batch);
    ends.tally.batch(batch);
}

/// True when the word was the last one.
fn hear<C: Clock>(monitor: &mut Monitor, word: Word, ends: &Ends<C>, effects: &mut Vec<Effect>) -> bool {
    let now = ends.clock.mono();
    match word {
        Word::SetTarget(target) => {
            ends.tally.name(&target);
            monitor.set_target(&target, now, effects);
        }
        Word::RemoveTarget(id) => {
            ends.tally.forget(id);
            monitor.remove_target(id, effects);
        }
        Word::SetError(id, error) => monitor.set_error(id, error, now, effects),
        Word::Note(kind, severity, target, message) => {
            monitor.note(kind, severity, target, message, ends.clock.wall(), effects);
        }
        Word::Finish => return true,
    }
    false
}

/// A line for the log: troubles are warnings (REQUIREMENTS S1-2). An episode is told when it begins and when it ends, and
/// not each time it has grown.
fn log(event: &Event, tally: &Tally, going_on: &mut BTreeSet<EventId>) {
    let is_news = match event.until {
        None => going_on.insert(event.id) || !event.kind.is_episode(),
        Some(_) => {
            going_on.remove(&event.id);
            true
        }
    };
    if !is_news {
        return;
    }
    let name = event.target.and_then(|id| tally.name_of(id));
    let (kind, id, about) = (event.kind.word(), event.id, name.as_deref());
    match event.severity {
        Severity::Info => tracing::info!(kind, %id, about, "{}", event.message),
        Severity::Warning | Severity::Critical => tracing::warn!(kind, %id, about, "{}", event.message),
    }
}

fn hand_on<C>(effects: &mut Vec<Effect>, ends: &Ends<C>, going_on: &mut BTreeSet<EventId>) {
    for effect in effects.drain(..) {
        match effect {
            Effect::Views(views) => {
                ends.tally.views(&views);
                ends.hub.views(views);
            }
            Effect::Event(event) => {
                log(&event, &ends.tally, going_on);
                ends.store.try_send(StoreMessage::Event(event.clone()));
                ends.hub.event(event);
            }
            Effect::Outage(row) => {
                (ends.on_outage)(row.target);
                ends.store.try_send(StoreMessage::Outage(row));
            }
            Effect::Break(_) => {}
        }
    }
}
