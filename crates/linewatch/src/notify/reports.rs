//! Puts the report of a week or a month into the outbox when it is due: once for each period, whatever happens in between.
//!
//! The letter and the memory of it are one transaction of the store. It lives in the thread of the way of reports, which looks at the
//! calendar once a minute, so that a suspension or a clock that is set is noticed soon. Not here: when that is (`calendar`), making it.

use std::time::Duration;

use linewatch_core::time::{MonoTime, WallTime};
use linewatch_render::report::DigestSpan;
use linewatch_store::StoreError;

use super::calendar::{self, Due, Mark};
use super::shape::{Content, Order};
use super::{Shared, route};
use crate::config::alerts::Reports;

/// Pauses between two looks at the calendar.
const EVERY: Duration = Duration::from_secs(60);
/// A clock that has gone right for so long is believed also where it says less than it said before.
const BELIEVED_AFTER: Duration = Duration::from_secs(3_600);
/// Two clocks that differ by more since the last look: one of them was set, or this computer was suspended.
const STEP: Duration = Duration::from_secs(30);

/// What was told, and since when the clock goes right.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    /// As in the store; outside: not read yet.
    told: Option<Option<Mark>>,
    /// Both clocks at the first look since the last step.
    steady: Option<(MonoTime, WallTime)>,
}

impl Keeper {
    /// Puts in what is due; when to look again. `has_mail`: somebody can be told.
    pub(super) fn look(&mut self, shared: &Shared, has_mail: bool) -> Result<MonoTime, StoreError> {
        let (mono, now) = (shared.clock.mono(), shared.clock.wall());
        let is_believed = self.is_believed(mono, now);
        let (reports, zone) = {
            let plan = shared.plan();
            (plan.alerts.email.report, plan.head.zone.clone())
        };
        // Without a way the periods go by untold: who sets one later begins then.
        let reports = if has_mail { reports } else { Reports::Off };
        let told = match self.told {
            Some(told) => told,
            None => shared.store.report_mark()?.as_deref().and_then(Mark::from_text),
        };
        self.told = Some(told);
        match calendar::due(reports, told, now, &zone) {
            Due::Nothing => {}
            Due::Forget => self.remember(shared, None)?,
            Due::Begin(mark) => self.remember(shared, Some(mark))?,
            Due::Ahead(mark) if is_believed => self.remember(shared, Some(mark))?,
            Due::Ahead(_) => {}
            Due::Skip { mark, missed } => {
                tracing::warn!(
                    target: "notify",
                    missed,
                    "no report of the period until {} is sent: the monitor was off when it was due, too long ago",
                    mark.until
                );
                self.remember(shared, Some(mark))?;
            }
            Due::Send {
                from,
                to,
                mark,
                missed,
            } => {
                if missed > 0 {
                    tracing::warn!(target: "notify", missed, "older reports are skipped: the monitor was off");
                }
                let made = now;
                self.put(
                    shared,
                    Order {
                        span: span(reports),
                        from,
                        to,
                        made,
                    },
                    mark,
                )?;
            }
        }
        Ok(mono.plus(EVERY))
    }

    fn put(&mut self, shared: &Shared, order: Order, mark: Mark) -> Result<(), StoreError> {
        let name = format!("report-{}-{}", mark.reports.word(), mark.until);
        let letter = shared.letter(route::REPORT, &name, order.made, &Content::Report(order));
        shared.store.tell_report(vec![letter], Some(mark.text()))?;
        tracing::info!(target: "notify", "report put into the outbox: {name}");
        self.told = Some(Some(mark));
        Ok(())
    }

    fn remember(&mut self, shared: &Shared, mark: Option<Mark>) -> Result<(), StoreError> {
        shared.store.tell_report(Vec::new(), mark.map(Mark::text))?;
        self.told = Some(mark);
        Ok(())
    }

    /// Whether the clock has gone right for long enough.
    fn is_believed(&mut self, mono: MonoTime, now: WallTime) -> bool {
        let (since, then) = *self.steady.get_or_insert((mono, now));
        let passed = mono.since(since);
        let expected = then.plus(passed);
        if now.nanos_after(expected).unsigned_abs() > STEP.as_nanos() as u64 {
            self.steady = Some((mono, now));
            return false;
        }
        passed >= BELIEVED_AFTER
    }
}

/// How long the periods of this kind are.
pub(super) const fn span(reports: Reports) -> DigestSpan {
    match reports {
        Reports::Weekly => DigestSpan::Week,
        Reports::Monthly => DigestSpan::Month,
        Reports::Off => DigestSpan::Days,
    }
}
