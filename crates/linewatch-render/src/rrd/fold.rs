//! Folds updates into steps, and steps into the rows of every archive, with RRDtool's arithmetic.
//!
//! An update at t speaks for the time since the update before it (GAUGE), for at most the heartbeat. A step of which
//! more than half is unknown is unknown; a row, when more than the archive's share of its steps is. The operations
//! keep RRDtool's order, so that sums round alike. Whole seconds only: every span of ours begins and ends at one.

use std::collections::VecDeque;

use super::{
    Archive, Bucket, Consolidation, HEARTBEAT_S, Layout, SOURCES, UNKNOWN_SHARE_MAX, Value, source_max,
};

/// The consolidation functions, as indexes of what each step is kept in.
const PARTS: [Consolidation; 3] = [Consolidation::Average, Consolidation::Min, Consolidation::Max];

/// A step that is not full yet, of one data source.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenStep {
    /// Value of the last update; NaN: unknown.
    pub(super) last: f64,
    pub(super) unknown_s: i64,
    /// Sums of value x seconds since the step began, by [`PARTS`]; NaN: nothing known yet.
    pub(super) sums: [f64; PARTS.len()],
}

/// A row that is not full yet, of one data source in one archive.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenRow {
    /// Sum or extreme of the known steps so far.
    pub(super) value: f64,
    pub(super) unknown_steps: u64,
    /// Written to the first row that an update completes ...
    pub(super) primary: f64,
    /// ... and to those after it.
    pub(super) secondary: f64,
}

/// The rows of one archive, and those that are not full yet.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    pub(super) archive: Archive,
    pub(super) open: [OpenRow; SOURCES.len()],
    /// Oldest first; the first may reach further back than the archive does.
    runs: VecDeque<Run>,
    /// Rows of all runs.
    held: u64,
}

/// Rows that are the same: an hour of the year is 3600 of them in the day's archives, and nobody will ever see them.
#[derive(Clone, Copy, Debug)]
struct Run {
    rows: u64,
    values: Row,
}

/// One value per data source.
pub(super) type Row = [f64; SOURCES.len()];

/// Where an update stands between the steps.
#[derive(Clone, Copy, Debug)]
struct Passage {
    /// Seconds since the update before.
    interval: f64,
    /// Seconds of them in steps that are now full.
    before: f64,
    /// Seconds in the step that has begun.
    after: f64,
    /// Steps that are now full.
    steps: u64,
    /// Number of the step that was open, counted from 1970.
    first_step: u64,
}

/// A round-robin database in memory.
#[derive(Clone, Debug)]
pub struct Database {
    pub(super) layout: Layout,
    pub(super) updated_s: i64,
    pub(super) sources: [OpenStep; SOURCES.len()],
    pub(super) rings: Vec<Ring>,
}

impl Database {
    /// An empty one that can be updated after `start_s`, a second since 1970.
    pub fn new(layout: Layout, start_s: i64) -> Self {
        let start_s = start_s.max(0);
        let unknown_s = start_s % layout.step_s;
        let open_step = OpenStep {
            last: f64::NAN,
            unknown_s,
            sums: [f64::NAN; PARTS.len()],
        };
        let rings = layout.archives.iter().map(|archive| {
            let step = ((start_s - unknown_s) / layout.step_s).unsigned_abs();
            let open = OpenRow {
                value: f64::NAN,
                unknown_steps: step % archive.steps,
                primary: 0.0,
                secondary: 0.0,
            };
            Ring {
                archive: *archive,
                open: [open; SOURCES.len()],
                runs: VecDeque::new(),
                held: 0,
            }
        });
        Self {
            updated_s: start_s,
            sources: [open_step; SOURCES.len()],
            rings: rings.collect(),
            layout,
        }
    }

    /// The moment of the last update, in seconds since 1970.
    pub const fn updated_s(&self) -> i64 {
        self.updated_s
    }

    /// Takes a span of measurement; the time between it and what was there before becomes unknown. What is not
    /// after the last update is left out: an archive cannot be changed in hindsight.
    pub fn add(&mut self, bucket: &Bucket) {
        if bucket.from_s > self.updated_s {
            self.update(bucket.from_s, &[Value::UNKNOWN; SOURCES.len()]);
        }
        let values = bucket.values();
        // No update may speak for more than the heartbeat; whole steps, so that none is torn.
        let piece_s = HEARTBEAT_S - HEARTBEAT_S % self.layout.step_s;
        while self.updated_s < bucket.until_s {
            self.update(bucket.until_s.min(self.updated_s + piece_s), &values);
        }
    }

    /// One update, as `rrdtool update` would do it at `at_s`, a second since 1970; without effect unless that is
    /// after the last one.
    pub fn update(&mut self, at_s: i64, values: &[Value; SOURCES.len()]) {
        if at_s <= self.updated_s {
            return;
        }
        let interval_s = at_s - self.updated_s;
        let believed = std::array::from_fn(|index| believed(values[index], index, interval_s));
        // A step that had begun is closed by itself: what came before has no say in the whole steps behind it.
        let step_s = self.layout.step_s;
        let border_s = self.updated_s - self.updated_s % step_s + step_s;
        if self.updated_s % step_s != 0 && border_s < at_s {
            self.pass(border_s, &believed);
        }
        self.pass(at_s, &believed);
        for (source, value) in self.sources.iter_mut().zip(values) {
            source.last = value.average;
        }
    }

    /// Moves on to `at_s` with these values since the last update.
    fn pass(&mut self, at_s: i64, values: &[Value; SOURCES.len()]) {
        let passage = Passage::new(self.updated_s, at_s, self.layout.step_s);
        let mut steps = [Value::UNKNOWN; SOURCES.len()];
        for ((source, value), step) in self.sources.iter_mut().zip(values).zip(&mut steps) {
            if passage.steps == 0 {
                source.extend(*value, &passage);
            } else {
                *step = source.close(*value, &passage, self.layout.step_s);
            }
        }
        if passage.steps > 0 {
            for ring in &mut self.rings {
                ring.add(&steps, &passage);
            }
        }
        self.updated_s = at_s;
    }
}

/// A value out of its range, or for more than the heartbeat, is unknown.
fn believed(value: Value, index: usize, interval_s: i64) -> Value {
    let is_out = value.average < 0.0 || value.average > source_max(index);
    if is_out || interval_s > HEARTBEAT_S {
        Value::UNKNOWN
    } else {
        value
    }
}

impl Passage {
    fn new(from_s: i64, to_s: i64, step_s: i64) -> Self {
        let (first, last) = (from_s / step_s, to_s / step_s);
        let interval = (to_s - from_s) as f64;
        let (before, after) = if last > first {
            ((last * step_s - from_s) as f64, (to_s % step_s) as f64)
        } else {
            (interval, 0.0)
        };
        Self {
            interval,
            before,
            after,
            steps: (last - first).unsigned_abs(),
            first_step: first.unsigned_abs(),
        }
    }
}

impl OpenStep {
    /// The update ends inside the step.
    fn extend(&mut self, value: Value, passage: &Passage) {
        if value.average.is_nan() {
            self.unknown_s += passage.interval as i64;
            return;
        }
        for (sum, part) in self.sums.iter_mut().zip(PARTS) {
            let more = part.part(value) * passage.interval;
            *sum = if sum.is_nan() { more } else { *sum + more };
        }
    }

    /// The update fills the step, and perhaps more behind it: all of them get this value.
    fn close(&mut self, value: Value, passage: &Passage, step_s: i64) -> Value {
        let is_unknown = value.average.is_nan();
        let span_s = passage.steps as f64 * step_s as f64;
        let known_s = span_s - self.unknown_s as f64 - if is_unknown { passage.before } else { 0.0 };
        let is_enough =
            passage.interval <= HEARTBEAT_S as f64 && self.unknown_s as f64 <= step_s as f64 / 2.0;
        let mut closed = [f64::NAN; PARTS.len()];
        for ((closed, sum), part) in closed.iter_mut().zip(&mut self.sums).zip(PARTS) {
            // Divided and multiplied again as RRDtool does: only so it rounds alike.
            let rate = part.part(value) * passage.interval / passage.interval;
            let full = match (is_unknown, sum.is_nan()) {
                (true, _) => *sum,
                (false, true) => rate * passage.before,
                (false, false) => *sum + rate * passage.before,
            };
            if is_enough {
                *closed = full / known_s;
            }
            *sum = rate * passage.after;
        }
        let [average, min, max] = closed;
        self.unknown_s = if is_unknown { passage.after as i64 } else { 0 };
        Value { average, min, max }
    }
}

impl Ring {
    fn add(&mut self, steps: &[Value; SOURCES.len()], passage: &Passage) {
        let archive = self.archive;
        // Steps until the open row is full.
        let missing = archive.steps - passage.first_step % archive.steps;
        let rows = match passage.steps.checked_sub(missing) {
            Some(beyond) => beyond / archive.steps + 1,
            None => 0,
        };
        for (open, step) in self.open.iter_mut().zip(steps) {
            let step = archive.consolidation.part(*step);
            if archive.steps == 1 {
                open.primary = step;
                if passage.steps > 1 {
                    open.secondary = step;
                }
            } else if rows > 0 {
                open.close(step, archive, missing, passage.steps);
            } else {
                open.extend(step, archive.consolidation, passage.steps);
            }
        }
        // The first row gets what was completed, those after it what fills them.
        if rows > 0 {
            self.push(1, |open| open.primary);
            self.push(rows - 1, |open| open.secondary);
        }
    }

    fn push(&mut self, rows: u64, value: impl Fn(&OpenRow) -> f64) {
        if rows > 0 {
            let values = std::array::from_fn(|index| value(&self.open[index]));
            self.runs.push_back(Run { rows, values });
            self.held += rows;
        }
        while let Some(oldest) = self
            .runs
            .front()
            .filter(|run| self.held - run.rows >= self.archive.rows)
        {
            self.held -= oldest.rows;
            self.runs.pop_front();
        }
    }

    /// Every row, oldest first; unknown before the first update.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        const UNKNOWN: &Row = &[f64::NAN; SOURCES.len()];
        let missing = self.archive.rows.saturating_sub(self.held);
        let beyond = self.held.saturating_sub(self.archive.rows);
        let known = self
            .runs
            .iter()
            .flat_map(|run| std::iter::repeat_n(&run.values, run.rows as usize));
        std::iter::repeat_n(UNKNOWN, missing as usize).chain(known.skip(beyond as usize))
    }
}

impl OpenRow {
    /// `steps` of the same value that do not fill the row.
    fn extend(&mut self, step: f64, consolidation: Consolidation, steps: u64) {
        if step.is_nan() {
            self.unknown_steps += steps;
            return;
        }
        let more = match consolidation {
            Consolidation::Average => step * steps as f64,
            Consolidation::Min | Consolidation::Max => step,
        };
        self.value = if self.value.is_nan() {
            more
        } else {
            joined(consolidation, self.value, more)
        };
    }

    /// `steps` of the same value, of which `missing` fill the row and the others reach behind it.
    fn close(&mut self, step: f64, archive: Archive, missing: u64, steps: u64) {
        let consolidation = archive.consolidation;
        let is_unknown = step.is_nan();
        self.secondary = step;
        if is_unknown {
            self.unknown_steps += missing;
        }
        self.primary = if self.unknown_steps as f64 > archive.steps as f64 * UNKNOWN_SHARE_MAX {
            f64::NAN
        } else {
            let nothing = nothing(consolidation);
            let so_far = if self.value.is_nan() { nothing } else { self.value };
            let step = if is_unknown { nothing } else { step };
            match consolidation {
                Consolidation::Average => {
                    (so_far + step * missing as f64) / (archive.steps - self.unknown_steps) as f64
                }
                Consolidation::Min | Consolidation::Max => joined(consolidation, so_far, step),
            }
        };
        let carried = (steps - missing) % archive.steps;
        self.value = match (is_unknown || carried == 0, consolidation) {
            (true, _) => nothing(consolidation),
            (false, Consolidation::Average) => step * carried as f64,
            (false, Consolidation::Min | Consolidation::Max) => step,
        };
        self.unknown_steps = if is_unknown { carried } else { 0 };
    }
}

/// What changes nothing when it is joined.
const fn nothing(consolidation: Consolidation) -> f64 {
    match consolidation {
        Consolidation::Average => 0.0,
        Consolidation::Min => f64::INFINITY,
        Consolidation::Max => f64::NEG_INFINITY,
    }
}

fn joined(consolidation: Consolidation, one: f64, other: f64) -> f64 {
    match consolidation {
        Consolidation::Average => one + other,
        Consolidation::Min => one.min(other),
        Consolidation::Max => one.max(other),
    }
}
