//! Says what one probe became: the record, its outcome, and the gaps where nothing could be measured.
//!
//! The conservation law of MEASURING.md is written in these types: every scheduled probe ends as exactly
//! one [`Outcome`] or is still in flight. A record is never edited, only folded.
//! Not here: how replies are matched (`inflight`), what outcomes mean (`outage`, `stats`).

mod counts;

pub use counts::{Counts, Loss};

use crate::target::TargetId;
use crate::time::{Anchor, MonoTime, Rtt, WallTime};

/// What one probe became. Exactly one of these, once, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Outcome {
    /// The target answered within the time-out.
    Reply = 0,
    /// The target answered that the port is closed: the path works.
    Refused = 1,
    /// The path said that it cannot deliver this probe (RFC 792): a failure with a known cause.
    Unreachable = 2,
    /// No answer within the time-out.
    Lost = 3,
    /// This computer did not get the probe out. Never packet loss.
    Unsent = 4,
    /// Our own gap: whatever the network did, we could not have seen it. Never packet loss.
    Unmeasured = 5,
}

impl Outcome {
    /// Every outcome, in the order of its wire number.
    pub const ALL: [Self; 6] = [
        Self::Reply,
        Self::Refused,
        Self::Unreachable,
        Self::Lost,
        Self::Unsent,
        Self::Unmeasured,
    ];

    /// The outcome with this number, if there is one.
    pub const fn from_u8(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Reply),
            1 => Some(Self::Refused),
            2 => Some(Self::Unreachable),
            3 => Some(Self::Lost),
            4 => Some(Self::Unsent),
            5 => Some(Self::Unmeasured),
            _ => None,
        }
    }

    /// The word used in every interface.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reply => "reply",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Lost => "lost",
            Self::Unsent => "unsent",
            Self::Unmeasured => "unmeasured",
        }
    }

    /// The target or its port answered.
    pub const fn is_answer(self) -> bool {
        matches!(self, Self::Reply | Self::Refused)
    }

    /// Counts in the numerator of loss.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Lost | Self::Unreachable)
    }
}

/// How good the stamps behind an RTT are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Class {
    /// Kernel transmit and receive stamps, or the kernel's own TCP round-trip time.
    K = 0,
    /// Kernel receive stamp, user transmit stamp.
    H = 1,
    /// User stamps only.
    U = 2,
}

impl Class {
    /// The letter used in every interface.
    pub const fn letter(self) -> &'static str {
        match self {
            Self::K => "K",
            Self::H => "H",
            Self::U => "U",
        }
    }
}

/// Why a probe did not end in a reply, where that is known. `None` for a plain reply or a plain loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Nothing more is known than the outcome.
    #[default]
    None,
    /// The operating system refused with this errno (`Unsent`, or `Unreachable` by the neighbour).
    Errno(i32),
    /// An ICMP error with this type and code (v4 numbers for v4, v6 numbers for v6) quoted the probe.
    Icmp {
        /// ICMP type.
        kind: u8,
        /// ICMP code.
        code: u8,
        /// Over IPv6.
        is_v6: bool,
    },
    /// The kernel had to send the SYN again; its RTT is ambiguous and discarded (Karn).
    Retransmitted,
    /// We refused the slot for want of capacity or by the rate cap.
    Overload,
    /// The gap that swallowed the probe.
    Gap(GapKind),
}

impl Cause {
    /// The name used in every interface, `None` when there is nothing to say.
    /// An errno is written by its symbol where the symbol is known.
    pub fn name(self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Errno(number) => {
                Some(errno_name(number).map_or_else(|| format!("errno {number}"), str::to_owned))
            }
            Self::Icmp { kind, code, is_v6 } => Some(icmp_name(kind, code, is_v6)),
            Self::Retransmitted => Some("retransmitted".to_owned()),
            Self::Overload => Some("overload".to_owned()),
            Self::Gap(kind) => Some(kind.word().to_owned()),
        }
    }
}

/// A hole in the measurement that is ours. Hatched on charts, in no ratio (MEASURING.md "Unmeasured").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum GapKind {
    /// The computer slept.
    Suspended = 0,
    /// The calendar clock was set.
    ClockStepped = 1,
    /// We were more than a second late for a slot.
    Stalled = 2,
    /// A person stopped this target.
    Paused = 3,
    /// The monitor ended in order.
    Stopped = 4,
    /// The monitor was killed or the power failed.
    Crashed = 5,
    /// The target's plan was changed while probes were in flight.
    Reconfigured = 6,
    /// Our own record or writer queue was full.
    Overrun = 7,
    /// The kernel dropped packets before we read them.
    RxOverflow = 8,
}

impl GapKind {
    /// Every kind, in the order of its number.
    pub const ALL: [Self; 9] = [
        Self::Suspended,
        Self::ClockStepped,
        Self::Stalled,
        Self::Paused,
        Self::Stopped,
        Self::Crashed,
        Self::Reconfigured,
        Self::Overrun,
        Self::RxOverflow,
    ];

    /// The kind with this number, if there is one.
    pub fn from_u8(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The word used in every interface.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Suspended => "suspended",
            Self::ClockStepped => "clock_stepped",
            Self::Stalled => "stalled",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Crashed => "crashed",
            Self::Reconfigured => "reconfigured",
            Self::Overrun => "overrun",
            Self::RxOverflow => "rx_overflow",
        }
    }
}

/// One finished probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeRecord {
    /// The series it belongs to.
    pub target: TargetId,
    /// Its number in this run, from 0, without holes over records and gaps together.
    pub seq: u64,
    /// The slot: when it should have been sent.
    pub due_at: MonoTime,
    /// When it was really handed to the kernel; the slot itself for `Unsent` and never-sent `Unmeasured`.
    pub sent_at: MonoTime,
    /// What became of it.
    pub outcome: Outcome,
    /// Wire RTT; present for `Reply`, and for `Refused` by TCP reset.
    pub rtt: Option<Rtt>,
    /// Host RTT: from the send call to the reply in our hands. Never below `rtt`.
    pub host_rtt: Option<Rtt>,
    /// How good the stamps are; of the method in use when there is no RTT.
    pub class: Class,
    /// Why, where known.
    pub cause: Cause,
    /// The reply was older than the newest one already seen (RFC 4737); it is a reply all the same.
    pub is_reordered: bool,
}

impl ProbeRecord {
    /// How late this computer was in sending.
    pub fn lateness(&self) -> std::time::Duration {
        self.sent_at.since(self.due_at)
    }

    /// What this computer added to the RTT: host minus wire.
    pub fn process_latency(&self) -> Option<Rtt> {
        let (host, wire) = (self.host_rtt?, self.rtt?);
        Some(Rtt::from_nanos(host.as_nanos().saturating_sub(wire.as_nanos())))
    }
}

/// What an answer was that came for a probe whose record is already closed, or that is nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StrayKind {
    /// A valid reply after its time-out; the loss stands.
    Late,
    /// A second valid reply (RFC 5560).
    Duplicate,
    /// No valid cookie, or from the wrong source: somebody made it up.
    Forged,
}

impl StrayKind {
    /// The word used in every interface.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Duplicate => "duplicate",
            Self::Forged => "forged",
        }
    }
}

/// An answer beside the records: counted and shown, never an RTT of the statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stray {
    /// Whom it claims to answer.
    pub target: TargetId,
    /// The probe it answers (for `Forged`: 0).
    pub seq: u64,
    /// Which kind.
    pub kind: StrayKind,
    /// When that probe was sent (for `Forged`: when it arrived).
    pub sent_at: MonoTime,
    /// How long after the send it arrived; `None` for `Forged`, and for a `Duplicate` so old that its probe is
    /// forgotten (`sent_at` is then when it arrived).
    pub delay: Option<Rtt>,
}

/// A span in which slots of one target passed without a probe of their own record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The series with the hole.
    pub target: TargetId,
    /// Whose fault.
    pub kind: GapKind,
    /// Begin, on the calendar, because suspension does not exist on the monotonic clock.
    pub from: WallTime,
    /// End.
    pub to: WallTime,
    /// The first sequence number inside.
    pub first_seq: u64,
    /// Slots inside: each counts as scheduled and as unmeasured. 0 where nothing was scheduled (paused).
    pub slots: u64,
}

/// How far one target's schedule has come: closes the conservation law at the moment of the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The series.
    pub target: TargetId,
    /// Slots scheduled since the run began, gaps included.
    pub scheduled: u64,
    /// Sent and still undecided.
    pub in_flight: u64,
}

/// What the engine hands on at once: everything that finished since the batch before.
///
/// Within one target the records are in the order in which they were decided, not in send order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordBatch {
    /// Maps this batch's monotonic instants to the calendar.
    pub anchor: Anchor,
    /// When the batch left the engine.
    pub flushed_at: MonoTime,
    /// Finished probes.
    pub records: Vec<ProbeRecord>,
    /// Answers beside them.
    pub strays: Vec<Stray>,
    /// Holes.
    pub gaps: Vec<Gap>,
    /// Every target whose counts moved since the batch before.
    pub progress: Vec<Progress>,
    /// How far the calendar clock was set since the batch before (negative: back), if it was.
    pub clock_step_ns: Option<i64>,
    /// The first look at the clocks after each suspension or step since the batch before, oldest first: what was
    /// sent earlier belongs to the calendar as it was until then. At most [`crate::limits::CALENDAR_ERAS`].
    pub calendar_breaks: Vec<Anchor>,
}

impl RecordBatch {
    /// An empty batch as of `anchor`.
    pub fn new(anchor: Anchor) -> Self {
        Self {
            anchor,
            flushed_at: anchor.mono,
            records: Vec::new(),
            strays: Vec::new(),
            gaps: Vec::new(),
            progress: Vec::new(),
            clock_step_ns: None,
            calendar_breaks: Vec::new(),
        }
    }

    /// Nothing happened.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
            && self.strays.is_empty()
            && self.gaps.is_empty()
            && self.progress.is_empty()
            && self.clock_step_ns.is_none()
            && self.calendar_breaks.is_empty()
    }
}

/// Linux numbers of the errnos a probe can meet (asm-generic). Other systems map to these in `sys`.
fn errno_name(number: i32) -> Option<&'static str> {
    Some(match number {
        1 => "EPERM",
        11 => "EAGAIN",
        12 => "ENOMEM",
        13 => "EACCES",
        22 => "EINVAL",
        23 => "ENFILE",
        24 => "EMFILE",
        64 => "ENONET",
        90 => "EMSGSIZE",
        97 => "EAFNOSUPPORT",
        98 => "EADDRINUSE",
        99 => "EADDRNOTAVAIL",
        100 => "ENETDOWN",
        101 => "ENETUNREACH",
        105 => "ENOBUFS",
        104 => "ECONNRESET",
        110 => "ETIMEDOUT",
        111 => "ECONNREFUSED",
        112 => "EHOSTDOWN",
        113 => "EHOSTUNREACH",
        _ => return None,
    })
}

/// Words for the ICMP errors a path sends (RFC 792, RFC 1812, RFC 4443).
fn icmp_name(kind: u8, code: u8, is_v6: bool) -> String {
    let word = match (is_v6, kind, code) {
        (false, 3, 0) | (true, 1, 0) => "net_unreachable",
        (false, 3, 1) | (true, 1, 3) => "host_unreachable",
        (false, 3, 2) => "protocol_unreachable",
        (false, 3, 3) | (true, 1, 4) => "port_unreachable",
        (false, 3, 4) | (true, 2, _) => "packet_too_big",
        (false, 3, 9 | 10 | 13) | (true, 1, 1 | 5 | 6) => "prohibited",
        (false, 11, _) | (true, 3, _) => "time_exceeded",
        _ => return format!("icmp{} type {kind} code {code}", if is_v6 { "6" } else { "" }),
    };
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_on_the_wire_and_on_disk_come_back_as_themselves() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::from_u8(outcome as u8), Some(outcome));
        }
        for kind in GapKind::ALL {
            assert_eq!(GapKind::from_u8(kind as u8), Some(kind));
        }
        assert_eq!((Outcome::from_u8(6), GapKind::from_u8(9)), (None, None));
    }
}
