//! The doors of the program: the traits behind which the operating system stands.
//!
//! [`Clock`] and [`Wire`] have two implementors each, the kernel's and the simulation's; [`History`] is the
//! store's. No other trait crosses crates.

mod storage;
mod stored;

use std::time::Duration;

use crate::event::{Event, EventId, EventKind, LogRow, OutageRow};
use crate::evidence::Evidence;
pub use crate::past::HistoryError;
use crate::past::{SeriesSum, Stretch, SumQuery};
use crate::record::{Class, Gap};
use crate::target::{Address, Egress, EgressIndex, TargetId};
use crate::time::{Anchor, MonoTime, Rtt, WallTime, WireTime};
pub use storage::{BackupCopy, StorageState, StorageView};
pub use stored::{
    EvidenceQuery, RowQuery, SampleQuery, Series, SeriesPoint, SeriesQuery, SeriesSource, StoredSample,
    StoredTarget, Unproved,
};

/// Tells the time. The only way any of our code learns it.
pub trait Clock: Send {
    /// The monotonic clock. Does not advance while suspended.
    fn mono(&self) -> MonoTime;
    /// The calendar.
    fn wall(&self) -> WallTime;
    /// How long this computer has been suspended since the origin (boot clock minus monotonic clock).
    fn asleep(&self) -> Duration;
    /// Both clocks at one moment.
    fn anchor(&self) -> Anchor {
        Anchor {
            mono: self.mono(),
            wall: self.wall(),
        }
    }
}

/// The caller's name for a probe on the wire; comes back with everything that belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(pub u64);

/// One probe to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shot {
    /// Comes back with results.
    pub token: Token,
    /// Where to.
    pub to: Address,
    /// How it leaves: an entry of [`Outgoing::egresses`].
    pub egress: EgressIndex,
    /// What.
    pub body: ShotBody,
}

/// What a [`Shot`] carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShotBody {
    /// A whole ICMP message, checksum included for IPv4 (the kernel makes the one of ICMPv6):
    /// the bytes `start..start + len` of [`Outgoing::bytes`].
    Icmp {
        /// Offset.
        start: u32,
        /// Length.
        len: u16,
    },
    /// A TCP handshake with this port, given up (and its socket closed) after `timeout`.
    Tcp {
        /// 1 to 65535.
        port: u16,
        /// How long to wait.
        timeout: Duration,
    },
    /// A datagram to this port: the bytes `start..start + len` of [`Outgoing::bytes`].
    Udp {
        /// 1 to 65535.
        port: u16,
        /// Which of our own ports it leaves from; taken modulo [`crate::limits::UDP_SOURCES`].
        source: u8,
        /// Offset.
        start: u32,
        /// Length.
        len: u16,
    },
}

/// Probes that leave together; reused, so that sending allocates nothing.
#[derive(Clone, Debug, Default)]
pub struct Outgoing {
    /// In send order.
    pub shots: Vec<Shot>,
    /// The messages of all ICMP and UDP shots.
    pub bytes: Vec<u8>,
    /// The egress of index 1, of index 2, …; index 0 is the default. Grows only, and outlives [`Outgoing::clear`].
    pub egresses: Vec<Egress>,
}

impl Outgoing {
    /// Empties it of shots, keeping its memory.
    pub fn clear(&mut self) {
        self.shots.clear();
        self.bytes.clear();
    }

    /// What an index stands for.
    ///
    /// # Panics
    ///
    /// When it was never given out: another source than the one asked for would measure another line.
    pub fn egress(&self, index: EgressIndex) -> Egress {
        index
            .0
            .checked_sub(1)
            .map_or_else(Egress::default, |place| self.egresses[usize::from(place)])
    }
}

/// What happened to one shot at the send call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendResult {
    /// User stamp: just before the call that carried it.
    pub sent_at: MonoTime,
    /// `Err` holds the errno. Which ones are `Unsent` and which `Unreachable` is [`crate::errno::classify`]'s.
    pub result: Result<(), i32>,
}

/// Something came from the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The kernel's transmit stamp of a shot. Pushed before any reply to the same shot.
    Transmitted {
        /// Which.
        token: Token,
        /// When it left.
        stamp: WireTime,
    },
    /// An ICMP message, IP header stripped: the bytes `start..start + len` of [`Incoming::bytes`].
    Icmp {
        /// Source address.
        from: Address,
        /// Offset.
        start: u32,
        /// Length.
        len: u16,
        /// Kernel receive stamp.
        stamp: Option<WireTime>,
        /// User stamp: when it was in our hands.
        at: MonoTime,
        /// The kernel itself delivers only our identifier here (ping socket) and may have rewritten it.
        is_id_checked: bool,
    },
    /// The path refused a probe; comes from an error queue whose report names no token.
    /// The bytes are the ICMP message we sent, as far as it was quoted.
    IcmpError {
        /// Who says so.
        reporter: Option<Address>,
        /// Where the probe was going.
        to: Address,
        /// ICMP type.
        kind: u8,
        /// ICMP code.
        code: u8,
        /// Offset of the quoted message.
        start: u32,
        /// Its length.
        len: u16,
        /// User stamp.
        at: MonoTime,
        /// As in `Icmp`.
        is_id_checked: bool,
    },
    /// A datagram: the bytes `start..start + len` of [`Incoming::bytes`].
    Udp {
        /// Source address.
        from: Address,
        /// Source port.
        port: u16,
        /// Offset.
        start: u32,
        /// Length.
        len: u16,
        /// Kernel receive stamp.
        stamp: Option<WireTime>,
        /// User stamp.
        at: MonoTime,
    },
    /// The path or the target refused a datagram. The bytes are what it carried, as far as it was quoted.
    UdpError {
        /// Where the probe was going.
        to: Address,
        /// To which port.
        port: u16,
        /// ICMP type.
        kind: u8,
        /// ICMP code.
        code: u8,
        /// Offset of what was quoted.
        start: u32,
        /// Its length.
        len: u16,
        /// Kernel receive stamp of the report.
        stamp: Option<WireTime>,
        /// User stamp.
        at: MonoTime,
    },
    /// A TCP attempt ended.
    Tcp {
        /// Which.
        token: Token,
        /// How.
        end: TcpEnd,
        /// User stamp.
        at: MonoTime,
    },
    /// The kernel dropped this many packets of ours before we read them (SO_RXQ_OVFL grew).
    Overflow {
        /// How many.
        dropped: u32,
    },
}

/// How a TCP attempt ended. A plain time-out is not reported: it is the caller's to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpEnd {
    /// SYN-ACK. The kernel's own RTT (`tcpi_rtt`, class K) where it gives one.
    Connected {
        /// SYN to SYN-ACK.
        rtt: Option<Rtt>,
    },
    /// RST: the path works, the port is closed.
    Refused,
    /// SYN-ACK after the kernel had sent the SYN again: lost (Karn).
    Retransmitted,
    /// Any other errno.
    Failed {
        /// Which.
        errno: i32,
    },
}

/// What came; reused, so that receiving allocates nothing.
#[derive(Clone, Debug, Default)]
pub struct Incoming {
    /// In order of reading, stamps before replies.
    pub arrivals: Vec<Arrival>,
    /// The messages of all ICMP and UDP arrivals.
    pub bytes: Vec<u8>,
    /// One `receive` takes only so much: more is waiting, so nothing may expire yet and `receive` is to be
    /// called again at once.
    pub has_more: bool,
}

impl Incoming {
    /// Empties it, keeping its memory.
    pub fn clear(&mut self) {
        self.arrivals.clear();
        self.bytes.clear();
        self.has_more = false;
    }
}

/// The network as the engine sees it: packets out, packets in, each with its stamp.
pub trait Wire: Send {
    /// Sends in order; pushes exactly one result per shot. A refusal is local, hence `Unsent`.
    fn send(&mut self, outgoing: &Outgoing, results: &mut Vec<SendResult>);
    /// Collects what has arrived, waiting no longer than `until`; drains every socket to empty before it
    /// returns, or sets [`Incoming::has_more`]. Adds to `incoming`, which the caller clears. May return with nothing, and early when another thread calls for attention.
    fn receive(&mut self, until: MonoTime, incoming: &mut Incoming);
    /// Whether this method and family can be probed, and how well.
    ///
    /// # Errors
    ///
    /// The sentence a person needs: what is not permitted and how to permit it.
    fn ability(&self, method: crate::target::Method, is_v6: bool) -> Result<Class, String>;
    /// Makes a [`Wire::receive`] that waits return at once; may be called from any thread.
    fn waker(&self) -> Waker;
    /// Ways to wait without holding the wire, so that a second thread may use it meanwhile.
    /// `None`: only [`Wire::receive`] can wait.
    fn sleepers(&self) -> Option<Sleepers> {
        None
    }
}

/// Sleeps until a moment, or shorter.
pub type Sleeper = Box<dyn FnMut(MonoTime) + Send>;

/// See [`Wire::sleepers`].
pub struct Sleepers {
    /// Ends early when there is something to receive, or when [`Wire::waker`] is called.
    pub by_wire: Sleeper,
    /// Ends early only when `time_waker` is called.
    pub by_time: Sleeper,
    /// Wakes `by_time`.
    pub time_waker: Waker,
}

/// See [`Wire::waker`].
pub type Waker = std::sync::Arc<dyn Fn() + Send + Sync>;

/// What was: read-only, by short transactions, from any thread.
pub trait History: Send + Sync {
    /// Samples and strays by send time, then run, then seq, oldest first; committed ones only.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn samples(&self, query: SampleQuery) -> Result<Vec<StoredSample>, HistoryError>;
    /// Samples summed up in even buckets, exactly, with the newest committed ones.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn series(&self, query: SeriesQuery) -> Result<Series, HistoryError>;
    /// Each series summed up over one span, with the newest committed probes; all as of one moment.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn sums(&self, query: &SumQuery) -> Result<Vec<(TargetId, SeriesSum)>, HistoryError>;
    /// Each series in stretches of 10 min, in no order; more than one may be of the same time.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn stretches(&self, query: &SumQuery) -> Result<Vec<Stretch>, HistoryError>;
    /// Gaps that touch the span.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn gaps(&self, query: SampleQuery) -> Result<Vec<Gap>, HistoryError>;
    /// Events, newest first.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn events(&self, query: &RowQuery) -> Result<Vec<Event>, HistoryError>;
    /// Events that have not ended, newest first, however long ago they began.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn open_events(&self, _limit: usize) -> Result<Vec<Event>, HistoryError> {
        Ok(Vec::new())
    }
    /// Outages, newest first.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn outages(&self, query: &RowQuery) -> Result<Vec<OutageRow>, HistoryError>;
    /// Log lines, newest first.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn logs(&self, query: &RowQuery) -> Result<Vec<LogRow>, HistoryError>;
    /// How many events of these kinds are kept of these series.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn count_events(&self, targets: &[TargetId], kinds: &[EventKind]) -> Result<u64, HistoryError>;
    /// The newest log lines with their numbers, newest first; with a level, only lines of exactly this one.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn numbered_logs(&self, level: Option<&str>, limit: usize) -> Result<Vec<(i64, LogRow)>, HistoryError>;
    /// Every series that was ever stored, removed targets and old addresses included.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn targets(&self) -> Result<Vec<StoredTarget>, HistoryError>;
    /// How the store is doing.
    fn storage(&self) -> StorageView;
    /// Outages from this one on that are not kept whole or at their end yet, oldest first.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    fn unproved(&self, _from: EventId, _limit: usize) -> Result<Vec<Unproved>, HistoryError> {
        Ok(Vec::new())
    }
    /// Collects what was measured around an outage. Reads all samples of the newest hour: not for a browser.
    ///
    /// # Errors
    ///
    /// When the database cannot be read; always where there is no database.
    fn collect_evidence(&self, _query: &EvidenceQuery) -> Result<Evidence, HistoryError> {
        Err(HistoryError("this history is no database".to_owned()))
    }
    /// An outage and what is kept around it, by time; `None` for an unknown outage.
    ///
    /// # Errors
    ///
    /// When the database cannot be read, or what is kept is damaged.
    fn evidence(&self, _outage: EventId) -> Result<Option<(OutageRow, Vec<Evidence>)>, HistoryError> {
        Ok(None)
    }
    /// A checked copy of the whole database as of now. Takes seconds for large ones.
    ///
    /// # Errors
    ///
    /// When the database cannot be read, or there is no room for the copy; always where there is no database.
    fn backup(&self) -> Result<BackupCopy, HistoryError> {
        Err(HistoryError("this history is no database".to_owned()))
    }
}
