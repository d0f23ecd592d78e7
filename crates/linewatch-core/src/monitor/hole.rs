//! Makes one event of a suspension or a clock step, although every target reports its own gap.

use std::time::Duration;

use crate::event::{Event, EventKind, Severity};
use crate::record::{Gap, GapKind};
use crate::time::WallTime;

use super::Context;

/// Gaps of one kind whose ends are nearer than this are one happening: an engine looks at its clocks at least once
/// a second. Both ends, because the spans of two steps may overlap.
const SAME_WITHIN: Duration = Duration::from_secs(2);

/// The newest happening of one kind.
#[derive(Debug)]
pub(super) struct Hole {
    gap_kind: GapKind,
    event_kind: EventKind,
    wording: fn(Duration) -> String,
    event: Option<Event>,
    /// The event is not yet handed on as it stands.
    is_changed: bool,
}

impl Hole {
    pub(super) fn new(gap_kind: GapKind, event_kind: EventKind, wording: fn(Duration) -> String) -> Self {
        Self {
            gap_kind,
            event_kind,
            wording,
            event: None,
            is_changed: false,
        }
    }

    /// Takes a gap of any kind; those of another are not its business.
    pub(super) fn add(&mut self, gap: &Gap, context: &mut Context<'_>) {
        if gap.kind != self.gap_kind {
            return;
        }
        // A clock set back makes a gap that ends before it began.
        let (from, to) = (gap.from.min(gap.to), gap.from.max(gap.to));
        match self.event.as_mut().filter(|event| is_same(event, from, to)) {
            Some(event) => {
                event.at = event.at.min(from);
                event.until = event.until.max(Some(to));
                event.count += gap.slots;
            }
            None => {
                self.publish(context);
                let mut event = context.begin(self.event_kind, Severity::Info, None, from, String::new());
                event.until = Some(to);
                event.count = gap.slots;
                self.event = Some(event);
            }
        }
        self.is_changed = true;
    }

    /// Hands the event on, once for all gaps since the last call.
    pub(super) fn publish(&mut self, context: &mut Context<'_>) {
        if !std::mem::take(&mut self.is_changed) {
            return;
        }
        if let Some(event) = &mut self.event {
            let length_ns = event.until.unwrap_or(event.at).nanos_after(event.at);
            event.message = (self.wording)(Duration::from_nanos(length_ns.unsigned_abs()));
            context.publish(event);
        }
    }
}

fn is_same(event: &Event, from: WallTime, to: WallTime) -> bool {
    let until = event.until.unwrap_or(event.at);
    let is_near = |a: WallTime, b: WallTime| a <= b.plus(SAME_WITHIN) && b <= a.plus(SAME_WITHIN);
    is_near(event.at, from) && is_near(until, to)
}
