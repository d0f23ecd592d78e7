//! Folds what the monitor says into frames, trails and the newest views.
//!
//! Input in the order of its making; output: the [`Ring`] and the [`Trail`]s. Time is an argument.
//! Not here: sockets, and any waiting.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use linewatch_core::advice::is_silent;
use linewatch_core::event::Event;
use linewatch_core::limits::{BATCH_RECORDS, EVALUATE_EVERY, LIVE_FRAME};
use linewatch_core::record::RecordBatch;
use linewatch_core::target::TargetId;
use linewatch_core::time::{Anchor, MonoTime};
use linewatch_core::view::{OpenOutage, TargetView};

use super::ring::{Body, Ring};
use super::row::{BinBuilder, Row, bin_index_at, gap_row};
use super::sum::Sum;
use super::trail::Trail;
use crate::api::{AdviceInfo, EventRow, GapRow, Notice, Spark};
use crate::catalog::{CatalogEntry, StatusInfo, ToolSettings};
use crate::fleet::Member;
use crate::selection::Selections;

/// Something the monitor said.
#[derive(Debug)]
pub(super) enum Input {
    Batch(Arc<RecordBatch>),
    Views(Vec<TargetView>),
    Event(Event),
    Catalog(Vec<CatalogEntry>),
    Notices(Vec<Notice>),
    Status(Box<StatusInfo>),
    Tools(ToolSettings),
}

/// Everything the page can be told now.
#[derive(Debug, Default)]
pub(crate) struct State {
    catalog: BTreeMap<u32, CatalogEntry>,
    keys: HashMap<String, u32>,
    /// Slug and name of every target of this run, the removed ones too: their events still name them.
    names: HashMap<u32, (String, String)>,
    /// Each in a box: a map keeps up to twice the room it needs.
    views: HashMap<u32, Box<TargetView>>,
    trails: HashMap<u32, Trail>,
    pending: Pending,
    sums: Sums,
    pub(crate) ring: Ring,
    pub(crate) selections: Selections,
    pub(crate) notices: Vec<Notice>,
    pub(crate) status: StatusInfo,
    pub(crate) tools: ToolSettings,
}

/// What goes into the next frames.
#[derive(Debug, Default)]
struct Pending {
    rows: Vec<Row>,
    /// By begin and target.
    bins: BTreeMap<(i64, u32), BinBuilder>,
    gaps: Vec<GapRow>,
    events: Vec<EventRow>,
    is_config_changed: bool,
}

/// Which rows of the fleet table moved, and what was told last.
#[derive(Debug, Default)]
struct Sums {
    changed: BTreeSet<u32>,
    told: HashMap<u32, (Sum, i64)>,
    told_at: Option<MonoTime>,
}

impl State {
    /// Takes one input.
    pub(super) fn apply(&mut self, input: Input) {
        match input {
            Input::Batch(batch) => self.apply_batch(&batch),
            Input::Views(views) => {
                self.selections.clear();
                for view in views {
                    self.sums.changed.insert(view.id.0);
                    match self.views.get_mut(&view.id.0) {
                        Some(known) => **known = view,
                        None => drop(self.views.insert(view.id.0, Box::new(view))),
                    }
                }
            }
            Input::Event(event) => {
                let named = event.target.and_then(|id| self.named(id));
                self.pending.events.push(EventRow::new(&event, named));
            }
            Input::Catalog(entries) => self.apply_catalog(entries),
            Input::Notices(notices) => {
                self.pending.is_config_changed |= self.notices != notices;
                self.notices = notices;
            }
            Input::Status(status) => self.status = *status,
            Input::Tools(tools) => self.tools = tools,
        }
    }

    fn apply_batch(&mut self, batch: &RecordBatch) {
        let strays = batch
            .strays
            .iter()
            .filter_map(|stray| Row::of_stray(stray, batch.anchor));
        for row in batch
            .records
            .iter()
            .map(|record| Row::of_record(record, batch.anchor))
            .chain(strays)
        {
            let trail = self.trails.entry(row.key).or_default();
            trail.push(row);
            if trail.is_fast {
                self.pending
                    .bins
                    .entry((row.bin_index(), row.key))
                    .or_default()
                    .add(&row);
            } else {
                self.pending.rows.push(row);
            }
        }
        for row in batch.gaps.iter().map(gap_row) {
            self.trails.entry(row.0).or_default().push_gap(row);
            self.pending.gaps.push(row);
        }
        // Normally a frame is cut every 250 ms; without a server, or with it starved, what waits stays bounded.
        if self.pending.rows.len() + self.pending.bins.len() > 16 * BATCH_RECORDS {
            self.cut(batch.anchor);
        }
    }

    fn apply_catalog(&mut self, entries: Vec<CatalogEntry>) {
        self.selections.clear();
        self.catalog = entries
            .into_iter()
            .map(|entry| (entry.target.id.0, entry))
            .collect();
        self.keys = self
            .catalog
            .values()
            .map(|entry| (entry.target.slug.clone(), entry.target.id.0))
            .collect();
        let catalog = &self.catalog;
        self.trails.retain(|key, _| catalog.contains_key(key));
        self.views.retain(|key, _| catalog.contains_key(key));
        self.sums.told.retain(|key, _| catalog.contains_key(key));
        for (key, entry) in &self.catalog {
            self.names.insert(*key, entry.named());
            self.trails.entry(*key).or_default().is_fast = entry.is_fast();
        }
        self.pending.is_config_changed = true;
    }

    /// Turns what waits into frames, as of `now`.
    pub(crate) fn cut(&mut self, now: Anchor) {
        let body = self.take_probes(now);
        if let Some(body) = body {
            self.ring.push(now.mono, body);
        }
        if let Some(rows) = self.sums.take(
            (&self.views, &self.catalog),
            self.status.realtime_cure.as_deref(),
            now.mono,
        ) {
            self.ring.push(now.mono, Body::Sums(rows));
        }
        for event in std::mem::take(&mut self.pending.events) {
            self.ring.push(now.mono, Body::Event(event));
        }
        if std::mem::take(&mut self.pending.is_config_changed) {
            self.ring.push(now.mono, Body::Config);
        }
    }

    fn take_probes(&mut self, now: Anchor) -> Option<Body> {
        // The bin of this moment still fills; one from a future the clock was set back from would wait for ever.
        let current = bin_index_at(now.wall);
        let mut bins = Vec::new();
        for ((index, key), builder) in std::mem::take(&mut self.pending.bins) {
            if index == current {
                self.pending.bins.insert((index, key), builder);
            } else if let Some(bin) = builder.finish(key, index) {
                self.trails.entry(key).or_default().push_bin(bin);
                bins.push(bin);
            }
        }
        let pending = &mut self.pending;
        if pending.rows.is_empty() && bins.is_empty() && pending.gaps.is_empty() {
            return None;
        }
        let mut rows = std::mem::take(&mut pending.rows);
        // Each browser finds its own few by their keys.
        rows.sort_by_key(|row| row.key);
        Some(Body::Probes {
            base_ms: now.wall.as_millis(),
            rows: rows.into_boxed_slice(),
            bins: bins.into_boxed_slice(),
            gaps: std::mem::take(&mut pending.gaps).into_boxed_slice(),
        })
    }

    /// The targets with their views.
    pub(crate) fn members(&self) -> impl Iterator<Item = Member<'_>> {
        self.catalog.iter().map(|(key, entry)| Member {
            entry,
            view: self.views.get(key).map(Box::as_ref),
        })
    }

    /// The target with this slug.
    pub(crate) fn member(&self, slug: &str) -> Option<Member<'_>> {
        self.member_of(*self.keys.get(slug)?)
    }

    /// The target with this key.
    pub(crate) fn member_of(&self, key: u32) -> Option<Member<'_>> {
        Some(Member {
            entry: self.catalog.get(&key)?,
            view: self.views.get(&key).map(Box::as_ref),
        })
    }

    /// How many targets there are.
    pub(crate) fn targets(&self) -> usize {
        self.catalog.len()
    }

    /// The key of a slug.
    pub(crate) fn key(&self, slug: &str) -> Option<u32> {
        self.keys.get(slug).copied()
    }

    /// Nothing has answered for long; `None` without an open outage.
    pub(super) fn is_silent(&self, id: TargetId) -> Option<bool> {
        let view = self.views.get(&id.0).filter(|view| view.outage.is_some())?;
        Some(is_silent(view.as_ref()))
    }

    /// The outage that a target is in.
    pub(crate) fn open_outage(&self, id: TargetId) -> Option<OpenOutage> {
        self.views.get(&id.0)?.outage
    }

    /// Slug and name of a target of this run.
    pub(crate) fn named(&self, id: TargetId) -> Option<(String, String)> {
        self.names.get(&id.0).cloned()
    }

    /// The last seconds of a target.
    pub(crate) fn trail(&self, key: u32) -> Option<&Trail> {
        self.trails.get(&key)
    }

    /// The sparkline of a target.
    pub(crate) fn spark(&self, key: u32, now: Anchor) -> Spark {
        self.trails
            .get(&key)
            .map(|trail| trail.spark(now.wall))
            .unwrap_or_default()
    }
}

impl Sums {
    /// The changed rows, once a second.
    fn take(
        &mut self,
        (views, catalog): (&HashMap<u32, Box<TargetView>>, &BTreeMap<u32, CatalogEntry>),
        realtime_cure: Option<&str>,
        now: MonoTime,
    ) -> Option<Box<[Sum]>> {
        if self
            .told_at
            .is_some_and(|told_at| now.since(told_at) < about_a_second())
        {
            return None;
        }
        let mut rows = Vec::new();
        for key in std::mem::take(&mut self.changed) {
            let Some(view) = views.get(&key) else { continue };
            let told = self.told.get(&key);
            let advice = catalog
                .get(&key)
                .and_then(|entry| AdviceInfo::of(entry, view, realtime_cure));
            let row = Sum::of(view, told.map(|(_, since)| *since), advice);
            if told.is_none_or(|(told, _)| *told != row) {
                self.told.insert(key, (row.clone(), view.state_since.as_millis()));
                rows.push(row);
            }
        }
        if rows.is_empty() {
            return None;
        }
        self.told_at = Some(now);
        Some(rows.into_boxed_slice())
    }
}

/// The pause between two tellings of figures: a second, less half a frame of tolerance, because the fourth
/// frame may come a hair before the second is over.
pub(super) fn about_a_second() -> Duration {
    EVALUATE_EVERY.saturating_sub(LIVE_FRAME / 2)
}
