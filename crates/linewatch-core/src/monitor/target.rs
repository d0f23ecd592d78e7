//! One target as the monitor knows it: counts, window, outages, and the two axes of its state.
//!
//! Records are folded as they come; state and grade are judged once a second. The facts of the state axis
//! (PAUSED, ERROR, WAITING, STALE, DOWN) hold at once, what is judged from figures is held steady by `state`.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use crate::event::{Event, EventKind, Severity};
use crate::limits;
use crate::record::{Counts, Gap, GapKind, ProbeRecord, Progress, Stray};
use crate::state::{self, Health, Steady};
use crate::stats::jitter::Gauge;
use crate::target::{Target, TargetId};
use crate::time::{Anchor, MonoTime, WallTime, nanos_of};
use crate::view::{Grade, LastProbe, State, TargetError, TargetView, WindowView};
use crate::window::{Scratch, Window};

use super::episode::{Sign, Track};
use super::lean::{LeanCounts, LocalRun, Rules, digest};
use super::order::Settled;
use super::outages::Outages;
use super::signs::SignKeeper;
use super::{Context, message};

/// See the module. Some 350 bytes: there are 100,000 of them.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) id: TargetId,
    rules: Arc<Rules>,
    is_enabled: bool,
    /// As a person writes it.
    address: Box<str>,
    /// Told from outside: dns, permission, refused.
    error: Option<Box<TargetError>>,
    no_route: LocalRun,
    totals: LeanCounts,
    /// One more than the slots scheduled before the monitor knew this target: it was removed and added again in one run.
    scheduled_before: Option<NonZeroU64>,
    window: Window,
    gauge: Gauge,
    pub(super) outages: Outages,
    /// Probes with a fate the path decided, each worth one interval.
    measured_ns: u64,
    last: Option<LastProbe>,
    /// When `last` is no answer.
    last_answer: Option<Box<LastProbe>>,
    /// A probe was finished since the target was added or started.
    has_finished: bool,
    /// From here its silence is counted: the newest finished probe, or a change that explains the silence.
    heard_at: MonoTime,
    stale: Option<Box<(Event, MonoTime)>>,
    health: Steady<Health>,
    steady_grade: Steady<Grade>,
    steady_jitter: Steady<bool>,
    jitter: Track,
    signs: SignKeeper,
    state: State,
    state_since: WallTime,
    grade: Option<Grade>,
    grade_since: WallTime,
    /// [`digest`] of the view as it was told last.
    told: Option<NonZeroU64>,
}

impl Watched {
    pub(super) fn new(target: &Target, rules: Arc<Rules>, anchor: Anchor) -> Self {
        let state = if target.is_enabled {
            State::Waiting
        } else {
            State::Paused
        };
        let mut outages = Outages::new(&rules);
        if !target.is_enabled {
            outages.pause(anchor.mono, "until it was stopped");
        }
        Self {
            id: target.id,
            rules,
            is_enabled: target.is_enabled,
            address: target.address_text().into(),
            error: None,
            no_route: LocalRun::default(),
            totals: LeanCounts::default(),
            scheduled_before: None,
            window: Window::default(),
            gauge: Gauge::default(),
            outages,
            measured_ns: 0,
            last: None,
            last_answer: None,
            has_finished: false,
            heard_at: anchor.mono,
            stale: None,
            health: Steady::default(),
            steady_grade: Steady::default(),
            steady_jitter: Steady::default(),
            jitter: Track::new(EventKind::Jitter),
            signs: SignKeeper::default(),
            state,
            state_since: anchor.wall,
            grade: None,
            grade_since: anchor.wall,
            told: None,
        }
    }

    /// Takes over changed settings.
    pub(super) fn change(&mut self, target: &Target, rules: Arc<Rules>, context: &mut Context<'_>) {
        if self.rules.plan != target.plan {
            self.heard_at = context.now();
            self.signs.clear();
        }
        self.outages.set_rules(&rules);
        self.rules = rules;
        if self.is_enabled && !target.is_enabled {
            self.outages.pause(context.now(), "until it was stopped");
            self.rest(context);
        }
        if !self.is_enabled && target.is_enabled {
            // What was seen before the pause is not the present.
            self.outages.resume(context.now());
            self.window.clear();
            self.has_finished = false;
            self.heard_at = context.now();
        }
        self.is_enabled = target.is_enabled;
        self.apply_fact(context.anchor);
    }

    /// Ends what is open: nothing more will be told. Says why, for the outage.
    pub(super) fn stop(&mut self, why: &'static str, context: &mut Context<'_>) {
        self.outages.interrupt(why, &self.rules.plan, context);
        self.rest(context);
    }

    /// Nobody waits for probes from here on.
    fn rest(&mut self, context: &mut Context<'_>) {
        self.no_route = LocalRun::default();
        self.end_stale(context);
        self.steady_jitter.reset();
        self.jitter.stop(context.now(), context);
    }

    pub(super) fn set_error(&mut self, error: Option<TargetError>, anchor: Anchor) {
        if error.is_none() && self.error.is_some() {
            self.heard_at = anchor.mono;
        }
        self.error = error.map(Box::new);
        self.apply_fact(anchor);
    }

    pub(super) fn on_record(
        &mut self,
        record: &ProbeRecord,
        flushed_at: MonoTime,
        context: &mut Context<'_>,
    ) {
        self.totals.add(record);
        self.window.add(record);
        self.signs.on_record(record);
        self.no_route.add(record);
        if let Some(rtt) = record.rtt {
            self.gauge.add(rtt);
        }
        if record.outcome.is_answer() || record.outcome.is_failure() {
            self.measured_ns = self
                .measured_ns
                .saturating_add(nanos_of(self.rules.plan.interval));
            self.has_finished = true;
            self.heard_at = self.heard_at.max(flushed_at);
        }
        self.remember(record, context);
        let ProbeRecord {
            seq,
            sent_at,
            outcome,
            rtt,
            ..
        } = *record;
        let settled = Settled {
            seq,
            slots: 1,
            sent_at,
            outcome: Some(outcome),
            rtt,
        };
        self.settle(Some(settled), context);
    }

    pub(super) fn on_stray(&mut self, stray: &Stray) {
        self.totals.rest().add_stray(stray);
        self.signs.on_stray(stray);
    }

    pub(super) fn on_gap(&mut self, gap: &Gap, flushed_at: MonoTime, context: &mut Context<'_>) {
        self.totals.rest().unmeasured += gap.slots;
        if gap.kind == GapKind::ClockStepped {
            // No time passed and no slot: what lies on both sides of it belongs together.
            return;
        }
        let (seq, slots) = (gap.first_seq, gap.slots);
        let settled = Settled {
            seq,
            slots,
            sent_at: flushed_at,
            outcome: None,
            rtt: None,
        };
        self.settle(Some(settled), context);
    }

    /// Closes the counts of a batch: its records and gaps are in.
    pub(super) fn on_progress(
        &mut self,
        progress: &Progress,
        flushed_at: MonoTime,
        context: &mut Context<'_>,
    ) {
        let known = self.totals.counts().finished() + progress.in_flight;
        let before = match self.scheduled_before {
            Some(before) => before.get() - 1,
            None => {
                let before = progress.scheduled.saturating_sub(known);
                self.outages.begin_at(before);
                self.settle(None, context);
                self.scheduled_before = NonZeroU64::new(before + 1);
                before
            }
        };
        self.totals.scheduled = progress.scheduled.saturating_sub(before);
        self.totals.in_flight = progress.in_flight;
        debug_assert!(
            self.totals.counts().is_conserved(),
            "{:?}: {:?} after {progress:?}",
            self.id,
            self.totals
        );
        if progress.in_flight == 0 {
            self.outages.settle_pauses(flushed_at, &self.rules.plan, context);
        }
    }

    /// Looks at the target once a second; its view, unless it is what was told last but for the passing of time.
    pub(super) fn tick(
        &mut self,
        flushed_at: MonoTime,
        scratch: &mut Scratch,
        context: &mut Context<'_>,
    ) -> Option<TargetView> {
        // The engine settles a time-out at its next turn, and is at most this late before it calls it a stall.
        let patience = self.rules.plan.timeout + limits::STALL_AFTER;
        let decided_until = flushed_at.minus(patience);
        self.outages.give_up(decided_until);
        self.settle(None, context);
        self.outages
            .settle_pauses(decided_until, &self.rules.plan, context);
        self.outages.refresh(context);
        self.window.advance(context.now());
        let figures = self.figures(context.now(), scratch);
        self.judge(&figures, context.anchor);
        self.watch_jitter(&figures, context);
        self.watch_silence(context);
        self.signs.tick(&figures, self.rules.plan.interval, context.now());
        let view = self.view_with(context.anchor, figures);
        self.untold(view)
    }

    /// The view as of `anchor`, unless it is what was told last, but for the passing of time.
    pub(super) fn changed_view(&mut self, anchor: Anchor, scratch: &mut Scratch) -> Option<TargetView> {
        let view = self.view(anchor, scratch);
        self.untold(view)
    }

    /// The view if it says something new, which is then told.
    fn untold(&mut self, view: TargetView) -> Option<TargetView> {
        let digest = NonZeroU64::new(digest(&view).max(1));
        (std::mem::replace(&mut self.told, digest) != digest).then_some(view)
    }

    /// The view with figures as of `anchor`; state and grade as they were judged last.
    pub(super) fn view(&self, anchor: Anchor, scratch: &mut Scratch) -> TargetView {
        self.view_with(anchor, self.figures(anchor.mono, scratch))
    }

    /// Not kept: at one probe a second and more there are new ones each time they are asked for.
    fn figures(&self, now: MonoTime, scratch: &mut Scratch) -> WindowView {
        let mut figures = self.window.figures(now, scratch);
        figures.jitter_rfc3550 = self.gauge.value();
        figures
    }

    pub(super) fn totals(&self) -> Counts {
        self.totals.counts()
    }

    /// Since when nothing can leave this computer towards the target, if that is so.
    pub(super) fn no_route_since(&self) -> Option<MonoTime> {
        // As many as make an outage: one refused send may be a route that is just being changed.
        let is_certain = self.no_route.probes >= u64::from(self.rules.thresholds.outage.lost_to_open.max(1));
        (is_certain && self.is_enabled).then_some(self.no_route.since)
    }

    fn settle(&mut self, come: Option<Settled>, context: &mut Context<'_>) {
        let window = self.rules.thresholds.outage.window;
        if self
            .outages
            .settle(come, (self.id, &self.rules.plan, window), context)
        {
            self.apply_fact(context.anchor);
        }
    }

    fn remember(&mut self, record: &ProbeRecord, context: &Context<'_>) {
        let ProbeRecord {
            seq,
            outcome,
            rtt,
            host_rtt,
            class,
            ..
        } = *record;
        let is_newest = self.last.is_none_or(|last| last.seq <= seq);
        let is_newest_answer = outcome.is_answer() && self.last_answer().is_none_or(|last| last.seq <= seq);
        if !is_newest_answer && !is_newest {
            return;
        }
        let probe = LastProbe {
            seq,
            at: context.wall_at(record.sent_at),
            outcome,
            rtt,
            host_rtt,
            class,
        };
        // An answer that is also the newest probe needs no memory of its own.
        self.last_answer = match (is_newest, is_newest_answer) {
            (true, true) => None,
            (true, false) => self.last_answer().map(Box::new),
            (false, _) => Some(Box::new(probe)),
        };
        if is_newest {
            self.last = Some(probe);
        }
    }

    fn last_answer(&self) -> Option<LastProbe> {
        let answered = self.last.filter(|last| last.outcome.is_answer());
        self.last_answer.as_deref().copied().or(answered)
    }

    /// Nobody listened for so long until now: that is no silence of the target.
    pub(super) fn pass_over(&mut self, length: Duration, now: MonoTime) {
        self.heard_at = self.heard_at.plus(length).min(now);
    }

    /// The first of the facts that holds (MEASURING.md "State"); `None`: the figures decide.
    fn fact(&self, now: MonoTime) -> Option<State> {
        if !self.is_enabled {
            Some(State::Paused)
        } else if self.shown_error().is_some() {
            Some(State::Error)
        } else if !self.has_finished {
            Some(State::Waiting)
        } else if now.since(self.heard_at) > state::stale_after(&self.rules.plan) {
            Some(State::Stale)
        } else {
            self.outages.open(now).map(|_| State::Down)
        }
    }

    fn shown_error(&self) -> Option<TargetError> {
        self.error.as_deref().cloned().or_else(|| {
            self.no_route_since()
                .map(|_| TargetError::no_route(&self.address))
        })
    }

    fn apply_fact(&mut self, anchor: Anchor) {
        let Some(fact) = self.fact(anchor.mono) else {
            return;
        };
        let since = match (fact, self.outages.open(anchor.mono)) {
            (State::Down, Some(open)) => open.since,
            _ => anchor.wall,
        };
        self.show(fact, since);
        // Whatever follows a fact is a first judgement.
        self.health.reset();
    }

    fn judge(&mut self, figures: &WindowView, anchor: Anchor) {
        self.apply_fact(anchor);
        if self.fact(anchor.mono).is_none()
            && let Some(judged) = state::health(figures, &self.rules.thresholds)
        {
            let health = self.health.judge(judged);
            self.show(health.state(), anchor.wall);
        }
        let is_live = matches!(self.state, State::Down | State::Ok | State::Warn | State::Bad);
        let judged = is_live
            .then(|| state::grade(figures, &self.rules.thresholds.grades))
            .flatten();
        let grade = judged.map(|judged| self.steady_grade.judge(judged));
        if grade.is_none() {
            self.steady_grade.reset();
        }
        if grade != self.grade {
            self.grade = grade;
            self.grade_since = anchor.wall;
        }
    }

    fn show(&mut self, state: State, since: WallTime) {
        if self.state != state {
            self.state = state;
            self.state_since = since;
        }
    }

    /// S1's concern as an event, held steady like a state.
    fn watch_jitter(&mut self, figures: &WindowView, context: &mut Context<'_>) {
        let mdev = figures.rtt.map(|rtt| rtt.mdev);
        let is_live = matches!(self.state, State::Ok | State::Warn | State::Bad);
        let excess = mdev.filter(|_| is_live).and_then(state::jitter_excess);
        let now = context.now();
        if self.steady_jitter.judge(excess.is_some()) {
            if let Some(excess) = excess {
                self.jitter.bad(
                    self.id,
                    Sign {
                        at: now,
                        excess: Some(excess),
                    },
                    context,
                );
            }
        } else {
            self.jitter.good(now, context);
        }
        self.jitter.tick(context);
    }

    fn watch_silence(&mut self, context: &mut Context<'_>) {
        match (self.state == State::Stale, &self.stale) {
            (true, None) => {
                let at = context.wall_at(self.heard_at);
                let text = message::stale(context.now().since(self.heard_at));
                let event = context.begin(EventKind::Stale, Severity::Warning, Some(self.id), at, text);
                context.publish(&event);
                self.stale = Some(Box::new((event, self.heard_at)));
            }
            (false, Some(_)) => self.end_stale(context),
            (true, Some(_)) | (false, None) => {}
        }
    }

    fn end_stale(&mut self, context: &mut Context<'_>) {
        let Some(stale) = self.stale.take() else {
            return;
        };
        let (mut event, since) = *stale;
        let until = if self.heard_at > since {
            self.heard_at
        } else {
            context.now()
        };
        event.until = Some(context.wall_at(until));
        event.message = message::stale(until.since(since));
        context.publish(&event);
    }

    fn view_with(&self, anchor: Anchor, window: WindowView) -> TargetView {
        let measured_ns = self.measured_ns;
        TargetView {
            id: self.id,
            at: anchor.wall,
            state: self.state,
            state_since: self.state_since,
            state_reasons: state::reasons(self.state, &window, &self.rules.thresholds),
            error: self.shown_error(),
            grade: self.grade,
            grade_since: self.grade_since,
            last: self.last,
            last_answer: self.last_answer(),
            window,
            totals: self.totals.counts(),
            outage: self.outages.open(anchor.mono),
            outages: self.outages.total(),
            measured: Duration::from_nanos(measured_ns),
            // An interval changed during an outage must not make more of it than was measured.
            down: Duration::from_nanos(self.outages.down_ns(&self.rules.plan).min(measured_ns)),
            concerns: state::concerns(self.state, &window, &self.rules.thresholds.grades),
            interpretations: state::interpretations(self.state, &window, &self.rules.thresholds),
            signs: self.signs.signs(&window, anchor.mono),
        }
    }
}
