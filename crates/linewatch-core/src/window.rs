//! Holds the live window of one target: its last 20 probes or last 60 s, whichever spans more probes.
//!
//! Input: finished probes in any order; they are kept in send order, because a lost probe is decided after
//! later replies. Output: the figures, once a second. A probe in flight is not in here, hence in no ratio.
//! Slots that passed in a gap without a record of their own are no probes and do not fill the window. Of slow targets,
//! which may be many, the probes are packed (`packed`).

use crate::limits;
use crate::record::{Loss, Outcome, ProbeRecord};
use crate::stats::jitter::Differences;
use crate::stats::{percentile, rtt_stats};
use crate::time::{MonoTime, Rtt, nanos_of};
use crate::view::WindowView;
use packed::Packed;
use std::collections::VecDeque;
use std::time::Duration;

mod packed;

/// More entries than this are kept plain: one that comes out of order has all packed ones written anew, which then
/// takes 5 us, and a target has so many in a window only above 4/s.
const PACKED_ENTRIES: usize = 256;

/// "No RTT": longer than any time-out.
const NO_RTT: u64 = u64::MAX;
/// "No process latency"; one of over 4.29 s is kept as just below that.
const NO_PROCESS: u32 = u32::MAX;

/// One probe in 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    sent_at: MonoTime,
    rtt_ns: u64,
    /// Low bits of the sequence number: a window never spans 2^31 of them.
    seq: u32,
    process_ns: u32,
    /// Saturates at 4.29 s; a probe over 1 s late is not even sent.
    lateness_ns: u32,
    outcome: Outcome,
}

impl Entry {
    fn new(record: &ProbeRecord) -> Self {
        let clamped = |nanos: u64| u32::try_from(nanos).unwrap_or(u32::MAX).min(NO_PROCESS - 1);
        Self {
            sent_at: record.sent_at,
            rtt_ns: record.rtt.map_or(NO_RTT, Rtt::as_nanos),
            seq: record.seq as u32,
            process_ns: record
                .process_latency()
                .map_or(NO_PROCESS, |latency| clamped(latency.as_nanos())),
            lateness_ns: clamped(nanos_of(record.lateness())),
            outcome: record.outcome,
        }
    }

    fn is_before(&self, seq: u32) -> bool {
        (self.seq.wrapping_sub(seq) as i32) < 0
    }

    /// Both answered with an RTT, one directly after the other.
    fn is_pair(&self, next: &Self) -> bool {
        next.seq == self.seq.wrapping_add(1) && self.rtt_ns != NO_RTT && next.rtt_ns != NO_RTT
    }
}

/// Memory for one evaluation, shared by all windows: none of them allocates in steady state.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    rtts: Vec<u64>,
    process: Vec<u64>,
    lateness: Vec<u64>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Window {
    entries: Entries,
}

/// By sequence number.
#[derive(Debug)]
enum Entries {
    /// Up to [`PACKED_ENTRIES`].
    Packed(Packed),
    /// Of a fast target.
    Plain(VecDeque<Entry>),
}

impl Default for Entries {
    fn default() -> Self {
        Self::Packed(Packed::default())
    }
}

impl Entries {
    #[cfg(test)]
    fn len(&self) -> usize {
        match self {
            Self::Packed(packed) => packed.len(),
            Self::Plain(plain) => plain.len(),
        }
    }

    fn add(&mut self, entry: Entry) {
        match self {
            Self::Packed(packed) => {
                let is_newest = packed.last_seq().is_none_or(|newest| !entry.is_before(newest));
                if is_newest && packed.len() < PACKED_ENTRIES {
                    packed.push(&entry);
                    return;
                }
                let mut plain = packed.iter().collect();
                insert(&mut plain, entry);
                *self = if plain.len() <= PACKED_ENTRIES {
                    Self::Packed(Packed::of(plain.into_iter()))
                } else {
                    Self::Plain(plain)
                };
            }
            Self::Plain(plain) => {
                insert(plain, entry);
                if plain.len() > limits::WINDOW_ENTRIES {
                    plain.pop_front();
                }
            }
        }
    }

    /// Drops what was sent before `since`, but for the newest [`limits::WINDOW_PROBES`].
    fn drop_before(&mut self, since: MonoTime) {
        match self {
            Self::Packed(packed) => packed.drop_before(since, limits::WINDOW_PROBES),
            Self::Plain(plain) => {
                let first = first_of_plain(plain, since);
                plain.drain(..first);
                // Half, so that a target at the border does not change its form each second.
                if plain.len() <= PACKED_ENTRIES / 2 {
                    *self = Self::Packed(Packed::of(plain.drain(..)));
                }
            }
        }
    }

    /// The index of the oldest that was sent at `since` or later, or is among the newest [`limits::WINDOW_PROBES`].
    fn first_since(&self, since: MonoTime) -> usize {
        match self {
            Self::Packed(packed) => {
                let most = packed.len().saturating_sub(limits::WINDOW_PROBES);
                packed
                    .iter()
                    .take(most)
                    .take_while(|entry| entry.sent_at < since)
                    .count()
            }
            Self::Plain(plain) => first_of_plain(plain, since),
        }
    }
}

fn first_of_plain(plain: &VecDeque<Entry>, since: MonoTime) -> usize {
    let aged = plain.partition_point(|entry| entry.sent_at < since);
    aged.min(plain.len().saturating_sub(limits::WINDOW_PROBES))
}

fn insert(plain: &mut VecDeque<Entry>, entry: Entry) {
    match plain.back() {
        Some(newest) if entry.is_before(newest.seq) => {
            let at = plain.partition_point(|other| other.is_before(entry.seq));
            plain.insert(at, entry);
        }
        _ => plain.push_back(entry),
    }
}

impl Window {
    /// Takes a finished probe.
    pub(crate) fn add(&mut self, record: &ProbeRecord) {
        self.entries.add(Entry::new(record));
    }

    /// Forgets all probes: what follows has nothing to do with them.
    pub(crate) fn clear(&mut self) {
        self.entries = Entries::default();
    }

    /// Drops what is no longer in the window.
    pub(crate) fn advance(&mut self, now: MonoTime) {
        self.entries.drop_before(now.minus(limits::WINDOW));
    }

    /// The figures as of `now`, but for `jitter_rfc3550`, which is the run's.
    pub(crate) fn figures(&self, now: MonoTime, scratch: &mut Scratch) -> WindowView {
        let first = self.entries.first_since(now.minus(limits::WINDOW));
        match &self.entries {
            Entries::Packed(packed) => figures_of(packed.iter().skip(first), now, scratch),
            Entries::Plain(plain) => figures_of(plain.range(first..).copied(), now, scratch),
        }
    }
}

fn figures_of(entries: impl Iterator<Item = Entry>, now: MonoTime, scratch: &mut Scratch) -> WindowView {
    let mut view = WindowView::default();
    scratch.rtts.clear();
    scratch.process.clear();
    scratch.lateness.clear();
    let mut differences = Differences::default();
    let mut previous: Option<Entry> = None;
    for entry in entries {
        if view.probes == 0 {
            view.span = now.since(entry.sent_at);
        }
        view.probes += 1;
        count(&entry, &mut view);
        if let Some(previous) = previous.filter(|previous| previous.is_pair(&entry)) {
            differences.add(previous.rtt_ns, entry.rtt_ns);
        }
        scratch.collect(&entry);
        previous = Some(entry);
    }
    view.jitter = differences.mean();
    view.jitter_last = differences.last();
    scratch.summarise(&mut view);
    view
}

impl Scratch {
    fn collect(&mut self, entry: &Entry) {
        if entry.rtt_ns != NO_RTT {
            self.rtts.push(entry.rtt_ns);
        }
        if entry.process_ns != NO_PROCESS {
            self.process.push(u64::from(entry.process_ns));
        }
        // Of an unsent or unmeasured probe there is no send to be late.
        if entry.outcome.is_answer() || entry.outcome.is_failure() {
            self.lateness.push(u64::from(entry.lateness_ns));
        }
    }

    fn summarise(&mut self, view: &mut WindowView) {
        view.rtt = rtt_stats(&mut self.rtts);
        view.process_p50 = percentile(&mut self.process, 0.5).map(Rtt::from_nanos);
        view.process_p99 = percentile(&mut self.process, 0.99).map(Rtt::from_nanos);
        view.lateness_p50 = percentile(&mut self.lateness, 0.5).map(Duration::from_nanos);
        view.lateness_p99 = percentile(&mut self.lateness, 0.99).map(Duration::from_nanos);
        view.lateness_max = self.lateness.iter().max().copied().map(Duration::from_nanos);
    }
}

fn count(entry: &Entry, view: &mut WindowView) {
    match entry.outcome {
        Outcome::Reply | Outcome::Refused => {
            let is_slow = entry.rtt_ns != NO_RTT && u128::from(entry.rtt_ns) > limits::SLOW_REPLY.as_nanos();
            view.slow += u64::from(is_slow);
        }
        Outcome::Lost => view.rto += 1,
        Outcome::Unreachable => {}
        Outcome::Unsent => view.unsent += 1,
        Outcome::Unmeasured => view.unmeasured += 1,
    }
    let Loss { failed, finished } = &mut view.loss;
    *failed += u64::from(entry.outcome.is_failure());
    *finished += u64::from(entry.outcome.is_answer() || entry.outcome.is_failure());
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
