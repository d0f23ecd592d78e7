//! Tells browsers what happens while it happens (docs/websocket.md).
//!
//! The monitor thread only ever puts things into an inbox; a task cuts frames from it every 250 ms, and each
//! browser reads the frames at its own pace. A slow browser loses its own detail and is told so; it never
//! holds up the monitor.

mod encode;
mod ring;
mod row;
pub(crate) mod session;
pub(crate) mod socket;
mod state;
mod sum;
mod trail;

#[cfg(test)]
pub(crate) mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use linewatch_core::event::{Event, RunId};
use linewatch_core::limits::LIVE_INBOX;
use linewatch_core::record::RecordBatch;
use linewatch_core::target::TargetId;
use linewatch_core::time::{Anchor, WallTime};
use linewatch_core::view::TargetView;
use tokio::sync::watch;

use crate::api::{Notice, OverviewRow, Selection, Spark, Standing, StatusLive};
use crate::catalog::{CatalogEntry, StatusInfo, ToolSettings};
use crate::fleet::Member;
pub(crate) use row::{Row, gap_row};
use state::Input;
pub(crate) use state::State;

/// Which start this is.
#[derive(Clone, Debug)]
pub struct HubOptions {
    /// A random word: browsers tell a restart by it.
    pub epoch: String,
    /// The start's number with this database.
    pub run: RunId,
    /// When it began.
    pub started_at: WallTime,
}

/// Where the monitor puts what it knows, and where browsers and the API get it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Hub {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: HubOptions,
    /// Held for the length of a push or a swap, never longer: the monitor thread waits for it.
    inbox: Mutex<Inbox>,
    /// Locked before `inbox`, never the other way round.
    state: Mutex<State>,
    newest_seq: watch::Sender<u64>,
    counters: Counters,
}

#[derive(Debug, Default)]
struct Inbox {
    inputs: Vec<Input>,
    weight: usize,
}

/// Counted for the status page.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) clients: AtomicU64,
    pub(crate) merged: AtomicU64,
    pub(crate) reset: AtomicU64,
}

impl Hub {
    /// A hub that knows nothing yet.
    pub fn new(options: HubOptions) -> Self {
        let shared = Shared {
            options,
            inbox: Mutex::default(),
            state: Mutex::default(),
            newest_seq: watch::Sender::new(0),
            counters: Counters::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Takes finished probes. Never waits for a browser.
    pub fn batch(&self, batch: &Arc<RecordBatch>) {
        let weight = batch.records.len() + batch.strays.len() + batch.gaps.len();
        if weight > 0 {
            self.push(Input::Batch(Arc::clone(batch)), weight);
        }
    }

    /// Takes the newest views of some targets. Never waits for a browser.
    pub fn views(&self, views: Vec<TargetView>) {
        let weight = views.len();
        self.push(Input::Views(views), weight);
    }

    /// Takes an event. Never waits for a browser.
    pub fn event(&self, event: Event) {
        self.push(Input::Event(event), 1);
    }

    /// Takes all targets as they are now configured. Browsers are told to look again.
    pub fn catalog(&self, entries: Vec<CatalogEntry>) {
        let weight = entries.len();
        self.push(Input::Catalog(entries), weight);
    }

    /// Takes everything a person should know now; replaces what was.
    pub fn notices(&self, notices: Vec<Notice>) {
        self.push(Input::Notices(notices), 1);
    }

    /// Takes what the program knows of itself.
    pub fn status(&self, status: StatusInfo) {
        self.push(Input::Status(Box::new(status)), 1);
    }

    /// Takes the settings that the tools' own routes show.
    pub fn tools(&self, tools: ToolSettings) {
        self.push(Input::Tools(tools), 1);
    }

    fn push(&self, input: Input, weight: usize) {
        let is_full = {
            let mut inbox = unpoisoned(&self.shared.inbox);
            inbox.inputs.push(input);
            inbox.weight += weight + 1;
            inbox.weight > LIVE_INBOX
        };
        // Only when nobody cuts frames: then the caller sorts them in itself, and nothing grows.
        if is_full {
            drop(self.state());
        }
    }

    /// Whether nothing has answered for so long that another way is worth a try ([`linewatch_core::advice`]); `None` for a
    /// target without an open outage.
    pub fn is_silent(&self, id: TargetId) -> Option<bool> {
        self.state().is_silent(id)
    }

    /// Everything as of now.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        let mut state = unpoisoned(&self.shared.state);
        let inputs = {
            let mut inbox = unpoisoned(&self.shared.inbox);
            inbox.weight = 0;
            std::mem::take(&mut inbox.inputs)
        };
        inputs.into_iter().for_each(|input| state.apply(input));
        state
    }

    /// Cuts the frames that are due and wakes the browsers.
    pub(crate) fn cut(&self, now: Anchor) {
        let newest_seq = {
            let mut state = self.state();
            state.cut(now);
            state.ring.newest_seq()
        };
        self.shared
            .newest_seq
            .send_if_modified(|seq| std::mem::replace(seq, newest_seq) != newest_seq);
    }

    /// Wakes when there is a newer frame.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.shared.newest_seq.subscribe()
    }

    pub(crate) fn options(&self) -> &HubOptions {
        &self.shared.options
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// The live part of the status.
    pub(crate) fn live_status(&self) -> StatusLive {
        let counters = self.counters();
        StatusLive {
            clients: counters.clients.load(Ordering::Relaxed),
            ring_bytes: self.state().ring.size_bytes(),
            merged: counters.merged.load(Ordering::Relaxed),
            reset: counters.reset.load(Ordering::Relaxed),
        }
    }

    /// How far everything is told, as of `now`.
    pub(crate) fn standing(&self, state: &State, now: Anchor) -> Standing {
        let options = self.options();
        Standing {
            epoch: options.epoch.clone(),
            run: options.run.0,
            seq: state.ring.newest_seq(),
            now: now.wall.as_millis(),
        }
    }

    /// The overview's row of one target.
    pub(crate) fn row(&self, state: &State, member: Member<'_>, now: Anchor) -> OverviewRow {
        let spark: Spark = state.spark(member.entry.target.id.0, now);
        OverviewRow::new(
            member.entry,
            member.view,
            spark,
            self.options().started_at.as_millis(),
            state.status.realtime_cure.as_deref(),
        )
    }
}

/// Which targets one browser wants, ascending by key; `None`: all.
pub(crate) fn keys_of(state: &State, selection: &Selection) -> Option<Vec<u32>> {
    match selection {
        Selection::All => None,
        Selection::Some(ids) => {
            let mut keys: Vec<u32> = ids.iter().filter_map(|id| state.key(id)).collect();
            keys.sort_unstable();
            keys.dedup();
            Some(keys)
        }
    }
}

/// A panic elsewhere must not silence the live view: every change under these locks is complete in itself.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
