//! Remembers what the network really did to each probe: the judge's evidence.
//!
//! Written by the network at the moment of sending, read by the oracle. Nobody else sees it.

use std::time::Duration;

use linewatch_core::target::Address;
use linewatch_core::time::MonoTime;

/// One probe as the network saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truth {
    /// Which engine sent it (index of the wire).
    pub wire: usize,
    /// Where to.
    pub to: Address,
    /// When it was handed over.
    pub sent_at: MonoTime,
    /// What became of it.
    pub fate: Fate,
    /// Further copies of the answer that came.
    pub duplicates: u32,
}

/// What the network did to a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Answered after `delay` of true time, `arrived_at` on the monotonic clock.
    Answered {
        /// RTT on the wire.
        delay: Duration,
        /// When the kernel had it.
        arrived_at: MonoTime,
    },
    /// Answered that the port is closed.
    Refused {
        /// RTT on the wire.
        delay: Duration,
        /// When the kernel had it.
        arrived_at: MonoTime,
    },
    /// A router refused it.
    Unreachable {
        /// When the kernel had the word of it.
        arrived_at: MonoTime,
    },
    /// Nothing came back.
    Silent,
    /// The answer came to a sleeping computer.
    Slept,
    /// The answer came, and the kernel dropped it unread.
    Dropped {
        /// When.
        at: MonoTime,
    },
    /// It never left.
    Unsent {
        /// The error of the send call.
        errno: i32,
    },
}

/// When the kernel said that it had dropped answers: from the first unreported drop to the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverflowReport {
    /// Which engine was told.
    pub wire: usize,
    /// The first drop.
    pub from: MonoTime,
    /// When it was told.
    pub to: MonoTime,
}
