//! Keeps the evidence of each outage: once half a minute has passed after it, or after a restart, or while a long one goes on.
//!
//! Input: the settings, whenever they change, and the stored history. Output: rows of the store. It works on a thread of its
//! own at the lowest priority, and nobody waits for it. What is still to be kept is asked of the database, so neither a
//! crash nor a stop in between loses any. Not here: what is collected (the store) and what it means (`core::evidence`).

use std::collections::HashMap;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use linewatch_core::event::{EventId, RunId};
use linewatch_core::evidence::spans;
use linewatch_core::limits::ROLLUP_WAIT;
use linewatch_core::port::{Clock, EvidenceQuery, History, StoredTarget, Unproved};
use linewatch_core::target::TargetId;
use linewatch_probe::privilege;
use linewatch_store::StoreHandle;

use crate::config::GATEWAY_ID;
use crate::config::Settings;

/// The database is asked this often what is still to be kept.
const EVERY: Duration = Duration::from_secs(5);
/// After each outage the thread rests so many times as long as it took: a tenth of a core at most.
const REST: u32 = 9;
/// And no longer than this.
const REST_MAX: Duration = Duration::from_secs(10);
/// Outages looked at in one round: of every target at once, and more than a day of flapping has.
const AT_ONCE: usize = 20_000;
/// What ended longer ago and was never kept is given up: it is of before a history had evidence.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);

/// What the settings say about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Known {
    /// By id of a target: the target it is behind.
    behind: HashMap<String, String>,
    /// A probe of so long ago has its fate in the store.
    settling: Duration,
}

/// The thread, and the way to tell it what changed.
pub(crate) struct EvidenceThread {
    known: Arc<Mutex<Known>>,
    bell: SyncSender<()>,
    thread: JoinHandle<()>,
}

impl EvidenceThread {
    /// Starts the thread "evidence". It does nothing before it is told the settings.
    ///
    /// # Errors
    ///
    /// When the operating system gives no thread.
    pub(crate) fn start<C: Clock + 'static>(
        history: Arc<dyn History>,
        store: StoreHandle,
        clock: C,
    ) -> io::Result<Self> {
        let known = Arc::<Mutex<Known>>::default();
        let (bell, rung) = sync_channel(1);
        let mut keeper = Keeper::new(history, store, clock);
        let told = Arc::clone(&known);
        let thread = thread::Builder::new()
            .name("evidence".to_owned())
            .spawn(move || {
                privilege::background();
                while wait(&rung, EVERY) {
                    let known = told.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    if known != Known::default() && !keeper.round(&known, &rung) {
                        return;
                    }
                }
            })?;
        Ok(Self { known, bell, thread })
    }

    /// From now on as these settings say. Waits for nothing.
    pub(crate) fn follow(&self, settings: &Settings) {
        let targets = settings.targets.iter().map(|target| &target.target);
        let timeout = targets.clone().map(|target| target.plan.timeout).max();
        let behind = targets.filter_map(|target| Some((target.slug.clone(), target.behind.clone()?)));
        let known = Known {
            behind: behind.collect(),
            settling: timeout.unwrap_or_default() + 2 * settings.storage.flush_interval + ROLLUP_WAIT,
        };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }

    /// Ends after the outage at hand. What is still to be kept, the next start finds.
    pub(crate) fn stop(self) {
        drop(self.bell);
        // A thread that panicked has already said so.
        let _ = self.thread.join();
    }
}

/// Does the work.
struct Keeper<C> {
    history: Arc<dyn History>,
    store: StoreHandle,
    clock: C,
    /// Every earlier outage is kept or given up.
    from: EventId,
    /// What was said last.
    trouble: Option<String>,
}

impl<C: Clock> Keeper<C> {
    fn new(history: Arc<dyn History>, store: StoreHandle, clock: C) -> Self {
        Self {
            history,
            store,
            clock,
            from: EventId {
                run: RunId(0),
                seq: 0,
            },
            trouble: None,
        }
    }

    /// Keeps what can be kept by now. False: it is to end.
    fn round(&mut self, known: &Known, rung: &Receiver<()>) -> bool {
        let asked = self.history.unproved(self.from, AT_ONCE);
        let asked = asked.and_then(|found| Ok((self.history.targets()?, found)));
        let (stored, found) = match asked {
            Ok(answer) => answer,
            Err(error) => {
                self.tell(Err(error.to_string()));
                return true;
            }
        };
        let newest = found.last().map(|one| one.outage.id);
        let mut first_left = None;
        for one in &found {
            let began_at = self.clock.mono();
            match self.prove(one, known, &stored) {
                Ok(Progress::Done) => {}
                Ok(Progress::Nothing) => {
                    first_left.get_or_insert(one.outage.id);
                    continue;
                }
                Ok(Progress::Part) => {
                    first_left.get_or_insert(one.outage.id);
                }
                Err(why) => {
                    // Tried again in the next round, from this one on.
                    self.tell(Err(why));
                    first_left.get_or_insert(one.outage.id);
                    break;
                }
            }
            self.tell(Ok(()));
            let rest = (self.clock.mono().since(began_at) * REST).min(REST_MAX);
            if !wait(rung, rest) {
                return false;
            }
        }
        self.from = first_left.or(newest).unwrap_or(self.from);
        true
    }

    /// Keeps the parts of one outage whose time has passed.
    fn prove(&self, one: &Unproved, known: &Known, stored: &[StoredTarget]) -> Result<Progress, String> {
        let now = self.clock.wall();
        let outage = &one.outage;
        let wanted = spans(outage, now);
        let is_closed = outage.to.is_some();
        if is_closed && wanted.iter().all(|span| span.to < now.minus(GIVEN_UP_AFTER)) {
            return Ok(Progress::Done);
        }
        let mut progress = if is_closed {
            Progress::Done
        } else {
            Progress::Nothing
        };
        for span in wanted.into_iter().filter(|span| !one.kept.contains(&span.part)) {
            if now < span.to.plus(known.settling) {
                return Ok(Progress::Nothing);
            }
            let query = EvidenceQuery {
                outage: outage.id,
                target: outage.target,
                span,
                gateways: gateways(outage.target, known, stored),
            };
            let collected = self
                .history
                .collect_evidence(&query)
                .map_err(|error| error.to_string())?;
            self.store
                .keep_evidence(&collected)
                .map_err(|error| error.to_string())?;
            if !is_closed {
                progress = Progress::Part;
            }
        }
        Ok(progress)
    }

    /// Says what is wrong when it begins, changes or ends, and not every round.
    fn tell(&mut self, result: Result<(), String>) {
        match result {
            Ok(()) => {
                if self.trouble.take().is_some() {
                    tracing::info!("evidence of outages is kept again");
                }
            }
            Err(why) => {
                if self.trouble.as_ref() != Some(&why) {
                    tracing::warn!("evidence of an outage not kept yet: {why}; it is tried again");
                    self.trouble = Some(why);
                }
            }
        }
    }
}

/// How far an outage has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// Nothing could be kept yet.
    Nothing,
    /// Its begin is kept; it goes on.
    Part,
    /// Nothing is left to be kept.
    Done,
}

/// The series of what this target is behind, else of the default gateway, the newest first. None for the gateway itself.
fn gateways(target: TargetId, known: &Known, stored: &[StoredTarget]) -> Vec<TargetId> {
    let Some(own) = stored.iter().find(|stored| stored.id == target) else {
        return Vec::new();
    };
    let slug = known.behind.get(&own.slug).map_or(GATEWAY_ID, String::as_str);
    let series = stored
        .iter()
        .rev()
        .filter(|other| other.slug == slug && other.slug != own.slug);
    series.map(|other| other.id).collect()
}

/// Until the time is over. False: it is to end.
fn wait(rung: &Receiver<()>, length: Duration) -> bool {
    match rung.recv_timeout(length) {
        Ok(()) | Err(RecvTimeoutError::Timeout) => true,
        Err(RecvTimeoutError::Disconnected) => false,
    }
}

#[cfg(test)]
mod tests;
