//! Tells short troubles as events: runs of failed probes, episodes above the latency threshold, jitter.
//!
//! Input: what happened to the probes, in send order. Output: one event per run, told when it begins and replaced when it
//! ends. A storm is folded: where the rows of an hour are used up ([`ROWS_AT_ONCE`]), further runs are added to the
//! newest row, so that neither disk nor browser drowns. Not here: outages (`outages`), alerts.

use std::time::Duration;

use crate::event::{Event, EventKind, Excess, Severity};
use crate::target::TargetId;
use crate::time::MonoTime;

use super::{Context, message};

/// Rows a track may begin in quick succession ...
const ROWS_AT_ONCE: u64 = 20;
/// ... and how often it may begin one more: 20 and 40 an hour are the 60 of MEASURING.md.
const ROW_EVERY: Duration = Duration::from_secs(90);

/// What is wrong in one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sign {
    /// When: the send time of the probe.
    pub(super) at: MonoTime,
    /// What was measured and what it exceeds; `None` where nothing is measured, as of a lost probe.
    pub(super) excess: Option<Excess>,
}

/// The episodes of one kind of one target.
#[derive(Debug)]
pub(super) struct Track {
    kind: EventKind,
    /// Apart: most targets never had one.
    past: Option<Box<Past>>,
}

#[derive(Debug)]
struct Past {
    rows_left: u64,
    /// Rows were granted up to here.
    granted_at: MonoTime,
    is_inside: bool,
    /// The newest row.
    row: Option<Row>,
}

/// One event and how it came to be.
#[derive(Debug)]
struct Row {
    event: Event,
    since: MonoTime,
    /// End of the newest run.
    ended_at: MonoTime,
    runs: u64,
    /// The count as told last.
    told: u64,
    /// Further runs are added: it ends when a row may begin again.
    is_folding: bool,
}

impl Track {
    pub(super) const fn new(kind: EventKind) -> Self {
        Self { kind, past: None }
    }

    /// Something is wrong: begins an episode, or goes on with it.
    pub(super) fn bad(&mut self, target: TargetId, sign: Sign, context: &mut Context<'_>) {
        let past = self.past.get_or_insert_with(|| Box::new(Past::new()));
        past.bad((self.kind, target), sign, context);
    }

    /// It is over, as of `at`.
    pub(super) fn good(&mut self, at: MonoTime, context: &mut Context<'_>) {
        if let Some(past) = &mut self.past {
            past.good(at, context);
        }
    }

    /// Tells what has grown, and ends a storm that a new row may follow. Once a second.
    pub(super) fn tick(&mut self, context: &mut Context<'_>) {
        if let Some(past) = &mut self.past {
            past.tick(context);
        }
    }

    /// Nobody watches any longer.
    pub(super) fn stop(&mut self, at: MonoTime, context: &mut Context<'_>) {
        if let Some(past) = &mut self.past {
            past.stop(at, context);
        }
    }
}

impl Past {
    const fn new() -> Self {
        Self {
            rows_left: ROWS_AT_ONCE,
            granted_at: MonoTime::ZERO,
            is_inside: false,
            row: None,
        }
    }

    fn bad(&mut self, (kind, target): (EventKind, TargetId), sign: Sign, context: &mut Context<'_>) {
        if self.is_inside {
            if let Some(row) = &mut self.row {
                row.add(sign);
            }
            return;
        }
        self.is_inside = true;
        self.grant(context.now());
        match &mut self.row {
            Some(row) if row.is_folding || self.rows_left == 0 => row.reopen(sign),
            row => {
                self.rows_left = self.rows_left.saturating_sub(1);
                let at = context.wall_at(sign.at);
                let event = context.begin(kind, Severity::Warning, Some(target), at, String::new());
                let begun = row.insert(Row {
                    event: Event { count: 0, ..event },
                    since: sign.at,
                    ended_at: sign.at,
                    runs: 1,
                    told: 0,
                    is_folding: false,
                });
                begun.add(sign);
                begun.publish(context);
            }
        }
    }

    fn good(&mut self, at: MonoTime, context: &mut Context<'_>) {
        if !std::mem::take(&mut self.is_inside) {
            return;
        }
        self.grant(context.now());
        if let Some(row) = &mut self.row {
            row.ended_at = at;
            if !row.is_folding || self.rows_left > 0 {
                row.close(context);
            }
        }
    }

    fn tick(&mut self, context: &mut Context<'_>) {
        if self.row.as_ref().is_none_or(|row| row.event.until.is_some()) {
            return;
        }
        self.grant(context.now());
        let Some(row) = &mut self.row else { return };
        if row.is_folding && !self.is_inside && self.rows_left > 0 {
            row.close(context);
        } else if row.has_grown() {
            row.publish(context);
        }
    }

    fn stop(&mut self, at: MonoTime, context: &mut Context<'_>) {
        self.good(at, context);
        if let Some(row) = self.row.as_mut().filter(|row| row.event.until.is_none()) {
            row.close(context);
        }
    }

    fn grant(&mut self, now: MonoTime) {
        let periods = now.since(self.granted_at).as_secs() / ROW_EVERY.as_secs();
        self.rows_left = self.rows_left.saturating_add(periods).min(ROWS_AT_ONCE);
        self.granted_at = self
            .granted_at
            .plus(Duration::from_secs(periods * ROW_EVERY.as_secs()));
    }
}

impl Row {
    /// By a quarter: a long run is told often enough to be known after a crash, and seldom enough.
    const fn has_grown(&self) -> bool {
        self.event.count > self.told && self.event.count - self.event.count / 5 >= self.told
    }

    fn add(&mut self, sign: Sign) {
        self.event.count += 1;
        if let Some(seen) = sign.excess {
            let peak = self.event.excess.map_or(seen.peak, |known| known.peak);
            self.event.excess = Some(Excess {
                peak: peak.max(seen.peak),
                ..seen
            });
        }
    }

    fn reopen(&mut self, sign: Sign) {
        self.is_folding = true;
        self.runs += 1;
        self.event.until = None;
        self.add(sign);
    }

    fn close(&mut self, context: &mut Context<'_>) {
        self.is_folding = false;
        self.event.until = Some(context.wall_at(self.ended_at));
        self.publish(context);
    }

    fn publish(&mut self, context: &mut Context<'_>) {
        self.told = self.event.count;
        let length = self.event.until.map(|_| self.ended_at.since(self.since));
        self.event.message = message::episode(&self.event, self.runs, length);
        context.publish(&self.event);
    }
}
