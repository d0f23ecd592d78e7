//! Keeps everything one start of the program found out, and checks at once what must hold at every moment.

use std::collections::{BTreeMap, HashMap};

use linewatch_core::alert::Snapshot;
use linewatch_core::event::{Event, EventId, OutageRow};
use linewatch_core::monitor::{Effect, Monitor};
use linewatch_core::record::{Counts, Gap, ProbeRecord, RecordBatch, Stray};
use linewatch_core::target::TargetId;
use linewatch_core::time::MonoTime;
use linewatch_core::view::State;

/// Complaints about single moments: the first few tell.
const COMPLAINTS: usize = 5;

/// What was found about one target.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) records: Vec<ProbeRecord>,
    pub(crate) strays: Vec<Stray>,
    pub(crate) gaps: Vec<Gap>,
    /// As displayed, second by second.
    pub(crate) states: Vec<(MonoTime, State)>,
    /// Displayed losses, as a share.
    pub(crate) losses: Vec<f64>,
    /// The newest counts of the monitor.
    pub(crate) counts: Counts,
}

/// One start of the program.
#[derive(Debug)]
pub(crate) struct Log {
    /// Which wire of the network it used.
    pub(crate) wire: usize,
    pub(crate) targets: HashMap<TargetId, Findings>,
    pub(crate) events: BTreeMap<EventId, Event>,
    pub(crate) outages: BTreeMap<EventId, OutageRow>,
    /// What was told, and when.
    pub(crate) mails: Vec<(MonoTime, String)>,
    /// What the next start takes up.
    pub(crate) left: Snapshot,
    /// When it was stopped.
    pub(crate) to: MonoTime,
    pub(crate) complaints: Vec<String>,
}

impl Log {
    pub(crate) fn new(wire: usize) -> Self {
        Self {
            wire,
            targets: HashMap::new(),
            events: BTreeMap::new(),
            outages: BTreeMap::new(),
            mails: Vec::new(),
            left: Snapshot::default(),
            to: MonoTime::MAX,
            complaints: Vec::new(),
        }
    }

    /// Takes a batch that the monitor has just folded.
    pub(crate) fn batch(&mut self, batch: &RecordBatch, monitor: &Monitor) {
        for record in &batch.records {
            self.of(record.target).records.push(*record);
        }
        for stray in &batch.strays {
            self.of(stray.target).strays.push(*stray);
            self.look(stray.target, monitor, batch.flushed_at);
        }
        for gap in &batch.gaps {
            self.of(gap.target).gaps.push(*gap);
        }
        for progress in &batch.progress {
            self.look(progress.target, monitor, batch.flushed_at);
        }
    }

    /// Takes what the monitor wants done at `now`.
    pub(crate) fn effects(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Views(_) => {}
                Effect::Event(event) => drop(self.events.insert(event.id, event)),
                Effect::Outage(row) => drop(self.outages.insert(row.id, row)),
                Effect::Break(_) => {}
            }
        }
    }

    /// Looks at what a person sees of a target now.
    pub(crate) fn glance(&mut self, id: TargetId, monitor: &Monitor, now: MonoTime) {
        self.look(id, monitor, now);
        let Some(view) = monitor.view(id) else { return };
        let findings = self.of(id);
        findings.states.push((now, view.state));
        findings.losses.extend(view.window.loss.ratio());
    }

    /// Conservation, at every moment there is to look.
    fn look(&mut self, id: TargetId, monitor: &Monitor, now: MonoTime) {
        let Some(counts) = monitor.counts(id) else { return };
        self.of(id).counts = counts;
        if !counts.is_conserved() && self.complaints.len() < COMPLAINTS {
            self.complaints.push(format!(
                "{id:?} at {now:?}: scheduled is not the sum of the rest: {counts:?}"
            ));
        }
    }

    fn of(&mut self, id: TargetId) -> &mut Findings {
        self.targets.entry(id).or_default()
    }
}
