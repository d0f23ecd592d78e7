//! One target's outages: outcomes in any order in, outage rows and their events out.
//!
//! [`SendOrder`] brings the outcomes into send order, [`OutageDetector`] judges them, and this file dates, numbers
//! and keeps what comes of it. An outage is one event and one row under one number; closing replaces both.
//! A pause ends an outage at its own moment, but only when everything sent before it is decided: what was in flight
//! then belongs to the time before. Each end has the date of its own moment, so over a clock that was set back the
//! end may have the earlier date; the length is monotonic.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::event::{Event, EventKind, Excess, OutageRow, Severity};
use crate::limits;
use crate::outage::{OutageChange, OutageDetector};
use crate::target::{ProbePlan, TargetId};
use crate::time::{MonoTime, Rtt, nanos_of};
use crate::view::OpenOutage;

use super::episode::{Sign, Track};
use super::lean::Rules;
use super::order::{SendOrder, Settled};
use super::{Context, Effect, message};

/// See the module.
#[derive(Debug)]
pub(super) struct Outages {
    order: SendOrder,
    detector: OutageDetector,
    /// Runs of failed probes.
    losses: Track,
    /// Episodes above `latency`.
    slow: Track,
    /// An RTT strictly above it is too much.
    latency: Rtt,
    /// Of this run.
    total: u64,
    /// Time in outages that are over.
    down_ns: u64,
    /// Apart, because most targets have none of it.
    past: Option<Box<Past>>,
}

/// What a target has that was down or stopped.
#[derive(Debug, Default)]
struct Past {
    /// The event of the open outage; its row is the last of `rows`.
    open: Option<Event>,
    /// The newest of this run, oldest first, bounded.
    rows: VecDeque<OutageRow>,
    /// Oldest first: the stretches nobody watches, until a probe from behind them is judged.
    pauses: VecDeque<Pause>,
}

/// A stretch nobody watches.
#[derive(Clone, Copy, Debug)]
struct Pause {
    /// Probes sent earlier are judged as before it.
    at: MonoTime,
    /// Probes sent from then on are judged again; `None` while it lasts.
    until: Option<MonoTime>,
    /// How an outage ended by it: "until it was stopped".
    why: &'static str,
    /// Everything before it is judged, and what was open is closed.
    is_settled: bool,
}

impl Outages {
    pub(super) fn new(rules: &Rules) -> Self {
        Self {
            order: SendOrder::default(),
            detector: OutageDetector::new(Arc::clone(&rules.outage)),
            losses: Track::new(EventKind::PacketLoss),
            slow: Track::new(EventKind::ThresholdExceeded),
            latency: rules.thresholds.latency,
            total: 0,
            down_ns: 0,
            past: None,
        }
    }

    pub(super) fn set_rules(&mut self, rules: &Rules) {
        self.detector.set_policy(Arc::clone(&rules.outage));
        self.latency = rules.thresholds.latency;
    }

    fn past(&mut self) -> &mut Past {
        self.past.get_or_insert_default()
    }

    fn first_pause(&self) -> Option<Pause> {
        self.pauses().next().copied()
    }

    fn pauses(&self) -> impl Iterator<Item = &Pause> {
        self.past.iter().flat_map(|past| &past.pauses)
    }

    /// The target was removed and came back: its numbers begin here.
    pub(super) fn begin_at(&mut self, first_seq: u64) {
        self.order.begin_at(first_seq);
    }

    /// Stops waiting for records that must have come by now.
    pub(super) fn give_up(&mut self, sent_before: MonoTime) {
        self.order.give_up(sent_before);
    }

    /// Nobody watches from `at` on; what was sent earlier still counts, also when it is decided later.
    pub(super) fn pause(&mut self, at: MonoTime, why: &'static str) {
        let pauses = &mut self.past().pauses;
        if pauses.len() == limits::PENDING_PAUSES
            && let Some(newest) = pauses.back_mut()
        {
            newest.until = None;
            return;
        }
        pauses.push_back(Pause {
            at,
            until: None,
            why,
            is_settled: false,
        });
    }

    /// Somebody watches again from `at` on.
    pub(super) fn resume(&mut self, at: MonoTime) {
        if let Some(pause) = self.past.as_mut().and_then(|past| past.pauses.back_mut()) {
            pause.until = Some(at);
        }
    }

    /// Everything sent before `decided_until` has been told: pauses begun by then end what is open.
    pub(super) fn settle_pauses(
        &mut self,
        decided_until: MonoTime,
        plan: &ProbePlan,
        context: &mut Context<'_>,
    ) {
        while let Some(past) = &mut self.past
            && let Some(pause) = past.pauses.iter_mut().find(|pause| !pause.is_settled)
            && pause.at <= decided_until
        {
            pause.is_settled = true;
            let Pause { at, why, .. } = *pause;
            self.cut_off(at, why, plan, context);
        }
    }

    /// Takes what has `come` and judges everything whose turn it is; true if an outage opened or closed.
    pub(super) fn settle(
        &mut self,
        come: Option<Settled>,
        (target, plan, window): (TargetId, &ProbePlan, Duration),
        context: &mut Context<'_>,
    ) -> bool {
        let mut is_changed = false;
        let mut first = come.and_then(|settled| self.order.pass(settled));
        while let Some(settled) = first.take().or_else(|| self.order.next()) {
            let Some(outcome) = settled.outcome else {
                self.detector.cut();
                continue;
            };
            if !self.is_watched(settled.sent_at, plan, context) {
                continue;
            }
            self.watch_episodes(target, &settled, context);
            match self.detector.on_outcome(settled.sent_at, outcome) {
                Some(OutageChange::Opened { since, .. }) => self.opened(target, since, plan, window, context),
                Some(closed @ OutageChange::Closed { .. }) => self.closed(closed, None, plan, context),
                None => continue,
            }
            is_changed = true;
        }
        is_changed
    }

    /// A failed probe begins or continues a run of losses, an answer ends it; an answer above the limit begins or
    /// continues an episode, a finished probe that is not above it ends it. What says nothing about the path changes
    /// neither, and no more does an answer without an RTT end an episode.
    fn watch_episodes(&mut self, target: TargetId, settled: &Settled, context: &mut Context<'_>) {
        let Some(outcome) = settled.outcome else { return };
        let at = settled.sent_at;
        if outcome.is_failure() {
            self.losses.bad(target, Sign { at, excess: None }, context);
            self.slow.good(at, context);
        } else if outcome.is_answer() {
            self.losses.good(at, context);
            match settled.rtt {
                Some(peak) if peak > self.latency => {
                    let limit = self.latency;
                    let excess = Some(Excess { peak, limit });
                    self.slow.bad(target, Sign { at, excess }, context);
                }
                Some(_) => self.slow.good(at, context),
                None => {}
            }
        }
    }

    /// Ends an open outage without replies and forgets what was seen: nothing more will be told. `why`: "until it
    /// was removed".
    pub(super) fn interrupt(&mut self, why: &'static str, plan: &ProbePlan, context: &mut Context<'_>) {
        self.settle_pauses(MonoTime::MAX, plan, context);
        if let Some(past) = &mut self.past {
            past.pauses.clear();
        }
        self.cut_off(context.now(), why, plan, context);
    }

    /// Whether a probe sent then counts. One from behind the begin of a pause shows that everything before it is
    /// judged; probes are asked for in send order, so a pause behind which one counts is done with.
    fn is_watched(&mut self, sent_at: MonoTime, plan: &ProbePlan, context: &mut Context<'_>) -> bool {
        while let Some(Pause {
            at,
            until,
            is_settled,
            ..
        }) = self.first_pause()
        {
            if sent_at < at && !is_settled {
                return true;
            }
            self.settle_pauses(at, plan, context);
            if until.is_none_or(|until| sent_at < until) {
                return false;
            }
            self.past().pauses.pop_front();
        }
        true
    }

    fn cut_off(&mut self, at: MonoTime, why: &str, plan: &ProbePlan, context: &mut Context<'_>) {
        self.losses.stop(at, context);
        self.slow.stop(at, context);
        if let Some(closed) = self.detector.interrupt(at) {
            self.closed(closed, Some(why), plan, context);
        }
    }

    /// The pause that ends the open outage once everything before it is judged.
    fn ending(&self) -> Option<&Pause> {
        self.pauses().find(|pause| !pause.is_settled)
    }

    /// When the open outage began on the calendar, and what it is by now. None that a pause ends.
    pub(super) fn open(&self, now: MonoTime) -> Option<OpenOutage> {
        let so_far = self.detector.open().filter(|_| self.ending().is_none())?;
        Some(OpenOutage {
            since: self.past.as_ref()?.open.as_ref()?.at,
            duration: now.since(so_far.since),
            sent: so_far.sent,
            lost: so_far.lost,
        })
    }

    /// Tells what the open outage is by now whenever it has grown by a quarter: after a crash that is what is known.
    pub(super) fn refresh(&mut self, context: &mut Context<'_>) {
        self.losses.tick(context);
        self.slow.tick(context);
        let Some(so_far) = self.open(context.now()) else {
            return;
        };
        let Some(row) = self.past().rows.back_mut() else {
            return;
        };
        let duration_ns = nanos_of(so_far.duration);
        if duration_ns - duration_ns / 5 >= row.duration_ns {
            (row.duration_ns, row.sent, row.lost) = (duration_ns, so_far.sent, so_far.lost);
            context.effects.push(Effect::Outage(row.clone()));
        }
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &OutageRow> {
        self.past.iter().flat_map(|past| &past.rows)
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
        let from = context.wall_at(since);
        let until = self.ending().map_or(context.now(), |pause| pause.at);
        let text = message::down(&so_far, window);
        let mut event = context.begin(EventKind::Outage, Severity::Critical, Some(target), from, text);
        event.count = so_far.lost;
        let row = OutageRow {
            id: event.id,
            target,
            from,
            to: None,
            duration_ns: nanos_of(until.since(since)),
            opened_by: so_far.opened_by,
            sent: so_far.sent,
            lost: so_far.lost,
            uncertainty_ns: nanos_of(plan.interval),
        };
        context.publish(&event);
        context.effects.push(Effect::Outage(row.clone()));
        self.total += 1;
        let past = self.past();
        past.open = Some(event);
        if past.rows.len() == limits::OUTAGE_ROWS {
            past.rows.pop_front();
        }
        past.rows.push_back(row);
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
        let past = self.past();
        let (Some(mut event), Some(row)) = (past.open.take(), past.rows.back_mut()) else {
            return;
        };
        let length = until.since(since);
        // As the calendar was at that moment: of a clock set back meanwhile, before the begin.
        let to = context.wall_at(until);
        row.to = Some(to);
        row.duration_ns = nanos_of(length);
        row.sent = sent;
        row.lost = lost;
        event.until = Some(to);
        event.count = lost;
        event.message = message::was_down(length, sent, lost, why);
        context.publish(&event);
        if why.is_some() {
            context.effects.push(Effect::Break(row.target));
        }
        context.effects.push(Effect::Outage(row.clone()));
        self.down_ns = self
            .down_ns
            .saturating_add(sent.saturating_mul(nanos_of(plan.interval)));
    }
}
