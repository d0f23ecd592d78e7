//! One target's outages: outcomes in any order in, outage rows and their events out.
//!
//! [`SendOrder`] brings the outcomes into send order, [`OutageDetector`] judges them, and this file dates, numbers
//! and keeps what comes of it. An outage is one event and one row under one number; closing replaces both.

use std::collections::VecDeque;
use std::time::Duration;

use crate::event::{Event, EventKind, OutageRow, Severity};
use crate::limits;
use crate::outage::{OutageChange, OutageDetector};
use crate::target::{ProbePlan, TargetId, Thresholds};
use crate::time::{MonoTime, nanos_of};
use crate::view::OpenOutage;

use super::order::{SendOrder, Settled};
use super::{Context, Effect, message};

/// See the module.
#[derive(Debug)]
pub(super) struct Outages {
    order: SendOrder,
    detector: OutageDetector,
    /// The event of the open outage; its row is the last of `rows`.
    open: Option<Event>,
    /// The newest of this run, oldest first, bounded.
    rows: VecDeque<OutageRow>,
    /// Of this run.
    total: u64,
    /// Time in outages that are over.
    down_ns: u64,
}

impl Outages {
    pub(super) fn new(thresholds: &Thresholds) -> Self {
        Self {
            order: SendOrder::default(),
            detector: OutageDetector::new(thresholds.outage),
            open: None,
            rows: VecDeque::new(),
            total: 0,
            down_ns: 0,
        }
    }

    pub(super) fn set_thresholds(&mut self, thresholds: &Thresholds) {
        self.detector.set_policy(thresholds.outage);
    }

    pub(super) fn add(&mut self, settled: Settled) {
        self.order.add(settled);
    }

    /// Stops waiting for records that must have come by now.
    pub(super) fn give_up(&mut self, sent_before: MonoTime) {
        self.order.give_up(sent_before);
    }

    /// Judges everything whose turn has come. `target` is `None` while it is stopped: probes that were in
    /// flight then still end, but a line nobody watches cannot go down.
    pub(super) fn settle(
        &mut self,
        target: Option<TargetId>,
        plan: &ProbePlan,
        window: Duration,
        context: &mut Context<'_>,
    ) -> bool {
        let mut is_changed = false;
        while let Some(settled) = self.order.next() {
            let Some(target) = target else { continue };
            match self.detector.on_outcome(settled.sent_at, settled.outcome) {
                Some(OutageChange::Opened { since, .. }) => self.opened(target, since, plan, window, context),
                Some(closed @ OutageChange::Closed { .. }) => self.closed(closed, None, plan, context),
                None => continue,
            }
            is_changed = true;
        }
        is_changed
    }

    /// Ends an open outage without replies and forgets what was seen. `why`: "until it was stopped".
    pub(super) fn interrupt(&mut self, why: &str, plan: &ProbePlan, context: &mut Context<'_>) {
        if let Some(closed) = self.detector.interrupt(context.now()) {
            self.closed(closed, Some(why), plan, context);
        }
    }

    /// When the open outage began on the calendar, and what it is by now.
    pub(super) fn open(&self, now: MonoTime) -> Option<OpenOutage> {
        let so_far = self.detector.open()?;
        Some(OpenOutage {
            since: self.open.as_ref()?.at,
            duration: now.since(so_far.since),
            sent: so_far.sent,
            lost: so_far.lost,
        })
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn rows(&self) -> &VecDeque<OutageRow> {
        &self.rows
    }

    /// Time in outages: each finished probe inside stands for one interval, as it does in the measured time,
    /// so that gaps, pauses and local outages are in neither.
    pub(super) fn down_ns(&self, plan: &ProbePlan) -> u64 {
        let open_probes = self.detector.open().map_or(0, |open| open.sent);
        self.down_ns
            .saturating_add(open_probes.saturating_mul(nanos_of(plan.interval)))
    }

    fn opened(
        &mut self,
        target: TargetId,
        since: MonoTime,
        plan: &ProbePlan,
        window: Duration,
        context: &mut Context<'_>,
    ) {
        let Some(so_far) = self.detector.open() else {
            return;
        };
        let from = context.anchor.wall_at(since);
        let text = message::down(&so_far, window);
        let mut event = context.begin(EventKind::Outage, Severity::Critical, Some(target), from, text);
        event.count = so_far.lost;
        let row = OutageRow {
            id: event.id,
            target,
            from,
            to: None,
            duration_ns: nanos_of(context.now().since(since)),
            opened_by: so_far.opened_by,
            sent: so_far.sent,
            lost: so_far.lost,
            uncertainty_ns: nanos_of(plan.interval),
        };
        context.publish(&event);
        context.effects.push(Effect::Outage(row.clone()));
        self.total += 1;
        self.open = Some(event);
        if self.rows.len() == limits::OUTAGE_ROWS {
            self.rows.pop_front();
        }
        self.rows.push_back(row);
    }

    fn closed(
        &mut self,
        change: OutageChange,
        why: Option<&str>,
        plan: &ProbePlan,
        context: &mut Context<'_>,
    ) {
        let OutageChange::Closed {
            since,
            until,
            sent,
            lost,
        } = change
        else {
            return;
        };
        let (Some(mut event), Some(row)) = (self.open.take(), self.rows.back_mut()) else {
            return;
        };
        let length = until.since(since);
        // From the begin as it was told, not mapped anew: a clock set meanwhile must not move it, nor make
        // the outage end before it began.
        let to = context.anchor.wall_at(until).max(event.at);
        row.to = Some(to);
        row.duration_ns = nanos_of(length);
        row.sent = sent;
        row.lost = lost;
        event.until = Some(to);
        event.count = lost;
        event.message = message::was_down(length, sent, lost, why);
        context.publish(&event);
        context.effects.push(Effect::Outage(row.clone()));
        self.down_ns = self
            .down_ns
            .saturating_add(sent.saturating_mul(nanos_of(plan.interval)));
    }
}
