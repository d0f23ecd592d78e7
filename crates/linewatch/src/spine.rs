//! The thread between the engine and everyone: folds batches into the monitor and hands on what follows.
//!
//! In: record batches, and words from `control`. Out: the same batches and the monitor's effects to store, page and
//! rules. It waits for nobody: a full store queue or a slow browser loses its own data and is told. Not here: any decision.

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::thread::{self, JoinHandle};

use linewatch_core::alert::{Policy, Silence, Snapshot};
use linewatch_core::event::{Event, EventId, EventKind, RunId, Severity};
use linewatch_core::limits;
use linewatch_core::monitor::{Effect, Monitor};
use linewatch_core::port::Clock;
use linewatch_core::record::RecordBatch;
use linewatch_core::target::{Target, TargetId};
use linewatch_core::view::TargetError;
use linewatch_store::{StoreHandle, StoreMessage};
use linewatch_web::Hub;

use crate::alerting::{Teller, Way};
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
    /// Tell by these rules from now on.
    SetPolicy(Box<Policy>),
    /// These silences hold, and no others.
    SetSilences(Vec<Silence>),
    /// The next hops of this computer's default routes.
    SetNextHops(Vec<IpAddr>),
    /// Every target is set: what an earlier start left is taken up, and nothing is told before.
    BeginAlerts,
    /// Somebody has taken notice.
    Acknowledge(EventId),
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
    /// The rules at start.
    pub policy: Policy,
    /// What the rules remembered when the last start ended.
    pub left: Snapshot,
}

/// The way to the spine.
#[derive(Clone)]
pub(crate) struct Spine {
    words: Sender<Word>,
    batches: SyncSender<Arc<RecordBatch>>,
}

impl Spine {
    /// Starts the thread "monitor"; what is told goes the `way`. The sender of batches is for the engine.
    pub(crate) fn start<C: Clock + 'static>(
        ends: Ends<C>,
        way: Way,
    ) -> io::Result<(Self, SyncSender<Arc<RecordBatch>>, JoinHandle<()>)> {
        let (words, heard) = mpsc::channel();
        let (batches, come) = mpsc::sync_channel(limits::BATCH_QUEUE);
        let spine = Self {
            words,
            batches: batches.clone(),
        };
        let thread = thread::Builder::new()
            .name("monitor".to_owned())
            .spawn(move || turn_until_finished(ends, way, &heard, &come))?;
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

/// What the thread holds between two turns.
struct Turning {
    effects: Vec<Effect>,
    /// Events that were told to begin.
    going_on: BTreeSet<EventId>,
    teller: Teller,
}

fn turn_until_finished<C: Clock>(
    mut ends: Ends<C>,
    way: Way,
    words: &Receiver<Word>,
    batches: &Receiver<Arc<RecordBatch>>,
) {
    let mut monitor = Monitor::new(ends.run, ends.clock.anchor());
    let mut turning = Turning {
        effects: Vec::new(),
        going_on: BTreeSet::new(),
        teller: Teller::new(
            std::mem::take(&mut ends.policy),
            std::mem::take(&mut ends.left),
            way,
        ),
    };
    let mut tick_at = ends.clock.mono().plus(limits::EVALUATE_EVERY);
    loop {
        let wake_at = tick_at.min(turning.teller.due_at());
        match batches.recv_timeout(wake_at.since(ends.clock.mono())) {
            Ok(batch) => fold(&mut monitor, &batch, &ends, &mut turning.effects),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        let mut is_finished = false;
        while let Ok(word) = words.try_recv() {
            is_finished |= hear(&mut monitor, word, &ends, &mut turning);
        }
        if is_finished {
            while let Ok(batch) = batches.try_recv() {
                fold(&mut monitor, &batch, &ends, &mut turning.effects);
            }
            break;
        }
        if ends.clock.mono() >= tick_at {
            tick(&mut monitor, &ends, &mut turning);
            // After a stall the missed evaluations are not made up for: they would all see the same window.
            tick_at = tick_at.plus(limits::EVALUATE_EVERY).max(ends.clock.mono());
        }
        hand_on(&ends, &mut turning);
        turning.teller.turn(ends.clock.anchor());
    }
    // A last look, for the summary.
    tick(&mut monitor, &ends, &mut turning);
    monitor.finish(ends.clock.anchor(), &mut turning.effects);
    turning.teller.finish(&turning.effects, ends.clock.anchor());
    keep_and_show(&mut turning.effects, &ends, &mut turning.going_on);
}

/// The monitor's second, and that of the rules.
fn tick<C: Clock>(monitor: &mut Monitor, ends: &Ends<C>, turning: &mut Turning) {
    let Turning {
        effects,
        going_on,
        teller,
    } = turning;
    monitor.tick_by_parts(ends.clock.anchor(), effects, |part| {
        teller.hear(part, ends.clock.anchor());
        keep_and_show(part, ends, going_on);
    });
    hand_on(ends, turning);
    turning.teller.tick(ends.clock.anchor());
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
fn hear<C: Clock>(monitor: &mut Monitor, word: Word, ends: &Ends<C>, turning: &mut Turning) -> bool {
    let anchor = ends.clock.anchor();
    let now = anchor.mono;
    let Turning { effects, teller, .. } = turning;
    match word {
        Word::SetTarget(target) => {
            ends.tally.name(&target);
            teller.watch.set_target(&target, anchor);
            monitor.set_target(&target, now, effects);
        }
        Word::RemoveTarget(id) => {
            ends.tally.forget(id);
            teller.watch.remove_target(id, anchor);
            monitor.remove_target(id, effects);
        }
        Word::SetError(id, error) => monitor.set_error(id, error, now, effects),
        Word::Note(kind, severity, target, message) => {
            monitor.note(kind, severity, target, message, anchor.wall, effects);
        }
        Word::SetPolicy(policy) => teller.watch.set_policy(*policy),
        Word::SetSilences(silences) => teller.watch.set_silences(silences),
        Word::SetNextHops(next_hops) => teller.watch.set_next_hops(next_hops),
        Word::BeginAlerts => teller.watch.begin(anchor),
        Word::Acknowledge(event) => {
            if teller.watch.acknowledge(event) {
                teller.remember(anchor);
            }
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

/// To the rules, which only look, then to store and page, which take.
fn hand_on<C: Clock>(ends: &Ends<C>, turning: &mut Turning) {
    if turning.effects.is_empty() {
        return;
    }
    turning.teller.hear(&turning.effects, ends.clock.anchor());
    keep_and_show(&mut turning.effects, ends, &mut turning.going_on);
}

fn keep_and_show<C>(effects: &mut Vec<Effect>, ends: &Ends<C>, going_on: &mut BTreeSet<EventId>) {
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
