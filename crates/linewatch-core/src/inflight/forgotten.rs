//! Unanswered probes that the rings have overwritten, so that an answer after minutes is still known as late.
//!
//! Only failures come here, so the hot path does not. Bounded: the oldest go first.

use std::collections::{BTreeMap, VecDeque};

use crate::limits::LATE_MEMORY_PROBES;
use crate::time::MonoTime;

/// Handle of the target and low half of the number.
pub(super) type Key = (u32, u32);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Forgotten {
    sent_at: BTreeMap<Key, MonoTime>,
    order: VecDeque<Key>,
}

impl Forgotten {
    pub(super) fn remember(&mut self, key: Key, sent_at: MonoTime) {
        if self.order.len() >= LATE_MEMORY_PROBES
            && let Some(oldest) = self.order.pop_front()
        {
            self.sent_at.remove(&oldest);
        }
        self.order.push_back(key);
        self.sent_at.insert(key, sent_at);
    }

    /// When it was sent; the next answer to it is a duplicate.
    pub(super) fn take(&mut self, key: Key) -> Option<MonoTime> {
        self.sent_at.remove(&key)
    }
}
