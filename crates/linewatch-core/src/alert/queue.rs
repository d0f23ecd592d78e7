//! Makes messages of items: what is decided within one `group_wait` travels together, one message per set of
//! destinations. After [`limits::ALERTS_PER_HOUR`] messages an hour they become digests, [`limits::ALERT_DIGEST_EVERY`] apart.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::event::Severity;
use crate::limits;
use crate::time::{Anchor, MonoTime, WallTime};

use super::notification::{Cause, Item, Notification};
use super::snapshot::{SavedMessage, length_from};

const HOUR: Duration = Duration::from_secs(3600);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// The newest message's.
    serial: u64,
    due: Option<MonoTime>,
    waiting: BTreeMap<Vec<String>, Waiting>,
    /// Until when each message that left is of the last hour, by destinations. An end is in every run's clock, a begin is not.
    sent: BTreeMap<Vec<String>, VecDeque<MonoTime>>,
    /// Something is held back that no snapshot was taken of.
    is_unsaved: bool,
}

#[derive(Debug, Default)]
struct Waiting {
    items: Vec<Item>,
    causes: Vec<Cause>,
    more: u64,
}

impl Queue {
    pub(super) fn serial(&self) -> u64 {
        self.serial
    }

    pub(super) fn continue_after(&mut self, serial: u64) {
        self.serial = self.serial.max(serial);
    }

    /// A flush at `at` at the latest.
    pub(super) fn wait(&mut self, at: MonoTime) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    pub(super) fn add(&mut self, to: Vec<String>, item: Item, at: MonoTime) {
        let waiting = self.waiting.entry(to).or_default();
        if waiting.items.len() < limits::ALERT_ITEMS {
            waiting.items.push(item);
        } else {
            waiting.more += 1;
        }
        self.wait(at);
    }

    pub(super) fn add_cause(&mut self, to: Vec<String>, cause: Cause) {
        self.waiting.entry(to).or_default().causes.push(cause);
    }

    pub(super) fn deadline(&self) -> Option<MonoTime> {
        self.due
    }

    pub(super) fn is_due(&self, now: MonoTime) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// Whether something was held back since this was asked before.
    pub(super) fn take_unsaved(&mut self) -> bool {
        std::mem::take(&mut self.is_unsaved)
    }

    /// What waits.
    pub(super) fn waiting(&self) -> Vec<SavedMessage> {
        let waiting = self.waiting.iter().map(|(to, waiting)| SavedMessage {
            to: to.clone(),
            items: waiting.items.clone(),
            causes: waiting.causes.clone(),
            more: waiting.more,
        });
        waiting.collect()
    }

    /// When messages left within the hour, by destinations.
    pub(super) fn sent(&self, now: Anchor) -> Vec<(Vec<String>, Vec<WallTime>)> {
        let sent = self.sent.iter().map(|(to, times)| {
            let times = times.iter().map(|&until| now.wall_at(until).minus(HOUR));
            (to.clone(), times.collect())
        });
        sent.collect()
    }

    /// The opposite of [`Queue::waiting`] and [`Queue::sent`], perhaps by another monotonic clock: what waits may go as soon as the cap lets it.
    pub(super) fn restore(
        &mut self,
        waiting: Vec<SavedMessage>,
        sent: Vec<(Vec<String>, Vec<WallTime>)>,
        now: Anchor,
    ) {
        for (to, times) in sent {
            let ages = times.into_iter().map(|at| length_from(at, now.wall));
            let young = ages
                .filter(|&age| age < HOUR)
                .map(|age| now.mono.plus(HOUR.saturating_sub(age)));
            self.sent.entry(to).or_default().extend(young);
        }
        self.sent.retain(|_, times| !times.is_empty());
        for message in waiting {
            let place = self.waiting.entry(message.to).or_default();
            place.items.extend(message.items);
            place.causes.extend(message.causes);
            place.more += message.more;
            self.wait(now.mono);
        }
    }

    /// Hands out what may go.
    pub(super) fn flush(&mut self, now: Anchor, out: &mut Vec<Notification>) {
        self.due = None;
        self.sent.retain(|_, times| {
            times.retain(|&until| until > now.mono);
            !times.is_empty()
        });
        let all = std::mem::take(&mut self.waiting);
        for (to, waiting) in all {
            if let Some(at) = self.allowed_at(&to).filter(|&at| at > now.mono) {
                self.waiting.insert(to, waiting);
                self.wait(at);
                self.is_unsaved = true;
                continue;
            }
            self.hand_out(to, waiting, now, out);
        }
    }

    /// Hands out everything.
    pub(super) fn flush_all(&mut self, now: Anchor, out: &mut Vec<Notification>) {
        self.due = None;
        for (to, waiting) in std::mem::take(&mut self.waiting) {
            self.hand_out(to, waiting, now, out);
        }
    }

    fn hand_out(&mut self, to: Vec<String>, waiting: Waiting, now: Anchor, out: &mut Vec<Notification>) {
        if waiting.items.is_empty() {
            return;
        }
        self.sent
            .entry(to.clone())
            .or_default()
            .push_back(now.mono.plus(HOUR));
        self.serial += 1;
        out.push(message(self.serial, to, waiting, now));
    }

    /// When the next message to these may leave; `None`: whenever.
    fn allowed_at(&self, to: &[String]) -> Option<MonoTime> {
        let times = self.sent.get(to)?;
        let left_at = times.back()?.minus(HOUR);
        (times.len() >= limits::ALERTS_PER_HOUR).then(|| left_at.plus(limits::ALERT_DIGEST_EVERY))
    }
}

fn message(serial: u64, to: Vec<String>, waiting: Waiting, now: Anchor) -> Notification {
    let Waiting { items, causes, more } = waiting;
    let severity = items.iter().map(|item| item.kind.severity()).max();
    Notification {
        serial,
        at: now.wall,
        to,
        severity: severity.unwrap_or(Severity::Info),
        causes,
        items,
        more,
    }
}
