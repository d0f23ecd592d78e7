//! Keeps what was told for 10 minutes or 32 MB, so that a browser can come back without a gap.
//!
//! It is also every browser's queue: a browser is a place in this ring, and costs no memory of its own.

use std::collections::VecDeque;
use std::sync::Arc;

use linewatch_core::limits::{LIVE_CLIENT_BACKLOG, LIVE_CLIENT_RESET, LIVE_REPLAY, LIVE_REPLAY_BYTES};
use linewatch_core::time::MonoTime;

use super::row::{Bin, Row};
use super::sum::Sum;
use crate::api::{EventRow, GapRow};

/// Frames handed out at once: 2 s of probes and sums, so that a lag is noticed in between.
const STEP: usize = 12;

/// One message to everybody, before anybody's filter.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) seq: u64,
    pub(crate) at: MonoTime,
    pub(crate) body: Body,
}

/// What a frame says.
#[derive(Debug)]
pub(crate) enum Body {
    Probes {
        base_ms: i64,
        /// By key; those of one target in the order of their decision.
        rows: Box<[Row]>,
        bins: Box<[Bin]>,
        gaps: Box<[GapRow]>,
    },
    /// By key.
    Sums(Box<[Sum]>),
    Event(EventRow),
    Config,
}

impl Body {
    /// About how much memory it takes.
    fn size_bytes(&self) -> usize {
        let inside = match self {
            Self::Probes { rows, bins, gaps, .. } => {
                size_of_val::<[Row]>(rows) + size_of_val::<[Bin]>(bins) + size_of_val::<[GapRow]>(gaps)
            }
            Self::Sums(rows) => rows.iter().map(Sum::size_bytes).sum(),
            Self::Event(event) => event.message.len(),
            Self::Config => 0,
        };
        inside + size_of::<Frame>()
    }
}

/// What a browser gets next.
#[derive(Debug)]
pub(crate) enum Step {
    /// It has everything.
    Idle,
    /// These, as they are.
    Frames(Vec<Arc<Frame>>),
    /// These, folded into one: it is more than 2 s behind.
    Merged(Vec<Arc<Frame>>),
    /// Begin anew: it is more than 30 s behind, or what it misses is gone.
    Reset,
}

/// The frames still known, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    frames: VecDeque<Arc<Frame>>,
    bytes: usize,
    newest_seq: u64,
}

impl Ring {
    /// Number of the newest frame; 0 before the first.
    pub(crate) const fn newest_seq(&self) -> u64 {
        self.newest_seq
    }

    /// Memory in use.
    pub(crate) const fn size_bytes(&self) -> usize {
        self.bytes
    }

    /// Numbers and keeps a frame; forgets the ones too old or too many.
    pub(crate) fn push(&mut self, at: MonoTime, body: Body) {
        self.newest_seq += 1;
        self.bytes += body.size_bytes();
        self.frames.push_back(Arc::new(Frame {
            seq: self.newest_seq,
            at,
            body,
        }));
        let oldest_at = at.minus(LIVE_REPLAY);
        while self.bytes > LIVE_REPLAY_BYTES || self.frames.front().is_some_and(|frame| frame.at < oldest_at)
        {
            let Some(frame) = self.frames.pop_front() else {
                break;
            };
            self.bytes -= frame.body.size_bytes();
        }
    }

    /// Whether everything after `seq` is still here.
    pub(crate) fn reaches_back_to(&self, seq: u64) -> bool {
        seq <= self.newest_seq && seq + self.frames.len() as u64 >= self.newest_seq
    }

    /// What comes after `seq`. One that `is_catching_up` was away on purpose or is resuming: it gets everything.
    pub(crate) fn step(&self, seq: u64, is_catching_up: bool) -> Step {
        if seq == self.newest_seq {
            return Step::Idle;
        }
        if !self.reaches_back_to(seq) {
            return Step::Reset;
        }
        let behind = (self.newest_seq - seq) as usize;
        let missing = self.frames.range(self.frames.len() - behind..);
        let lag = match (missing.clone().next(), self.frames.back()) {
            (Some(first), Some(newest)) => newest.at.since(first.at),
            _ => return Step::Idle,
        };
        if !is_catching_up && lag > LIVE_CLIENT_RESET {
            Step::Reset
        } else if !is_catching_up && lag > LIVE_CLIENT_BACKLOG {
            Step::Merged(missing.cloned().collect())
        } else {
            Step::Frames(missing.take(STEP).cloned().collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ring with one frame each 250 ms over `seconds`.
    fn ring(seconds: u64) -> Ring {
        let mut ring = Ring::default();
        (0..seconds * 4).for_each(|turn| ring.push(MonoTime::from_nanos(turn * 250_000_000), Body::Config));
        ring
    }

    #[test]
    fn a_browser_slightly_behind_gets_every_frame_once() {
        let ring = ring(1);
        let Step::Frames(frames) = ring.step(1, false) else {
            panic!("frames expected")
        };
        assert_eq!(
            frames.iter().map(|frame| frame.seq).collect::<Vec<_>>(),
            [2, 3, 4]
        );
        assert!(matches!(ring.step(4, false), Step::Idle));
    }

    #[test]
    fn two_seconds_behind_is_merged_and_thirty_is_reset() {
        let ring = ring(60);
        let newest = ring.newest_seq();
        assert!(
            matches!(ring.step(newest - 9, false), Step::Frames(_)),
            "lag is exactly 2 s"
        );
        assert!(matches!(ring.step(newest - 10, false), Step::Merged(frames) if frames.len() == 10));
        assert!(matches!(ring.step(newest - 122, false), Step::Reset));
        assert!(
            matches!(ring.step(newest - 122, true), Step::Frames(_)),
            "who resumes gets everything"
        );
    }

    #[test]
    fn ten_minutes_are_kept_and_no_more() {
        let ring = ring(700);
        assert!(ring.reaches_back_to(ring.newest_seq() - 2_400));
        assert!(!ring.reaches_back_to(ring.newest_seq() - 2_402));
        assert!(matches!(ring.step(1, true), Step::Reset));
        assert!(
            matches!(ring.step(ring.newest_seq() + 1, true), Step::Reset),
            "a number never given out"
        );
    }

    #[test]
    fn memory_is_bounded_by_bytes_too() {
        let mut ring = Ring::default();
        let message = "x".repeat(1024 * 1024);
        for _ in 0..100 {
            let event = EventRow {
                id: String::new(),
                kind: "outage",
                severity: "info",
                target: None,
                target_name: None,
                at: 0,
                until: None,
                count: 1,
                count_of: "times",
                message: message.clone(),
            };
            ring.push(MonoTime::ZERO, Body::Event(event));
        }
        assert!(ring.size_bytes() <= LIVE_REPLAY_BYTES, "{}", ring.size_bytes());
        assert!(ring.frames.len() >= 30);
    }
}
