//! Is the network: takes probes, decides their fate by script and seed, and keeps what is under way.
//!
//! Shared by every wire that is open on it, as one computer's sockets share one network card: a raw socket
//! sees the replies to its neighbours too. Memory is bounded by what is in flight; only a network that was
//! asked to record keeps more. Not here: time and waiting (`wire`), what a packet looks like (`packet`).

mod flight;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use linewatch_core::limits;
use linewatch_core::port::{Arrival, Incoming, Shot, ShotBody, TcpEnd, Token};
use linewatch_core::record::Class;
use linewatch_core::target::Address;
use linewatch_core::time::{MonoTime, WireTime};

use crate::clock::Pace;
use crate::dice::Dice;
use crate::path::{Path, Spell};
use crate::truth::{Fate, OverflowReport, Truth};
use flight::Flight;

/// What the network does, to whom and when.
#[derive(Clone, Debug)]
pub struct NetScript {
    /// Same seed and same probes: same fates.
    pub seed: u64,
    /// Which stamps the kernel puts on packets.
    pub class: Class,
    /// The spells of each address, in the order of the script.
    pub lines: HashMap<Address, Vec<Spell>>,
    /// The spells of every address without a line of its own.
    pub others: Vec<Spell>,
    /// Keep the truth about every probe. For tests: it grows with every probe.
    pub is_recording: bool,
}

/// A simulated network. Clones are the same network.
#[derive(Clone, Debug)]
pub struct SimNetwork {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
pub(crate) struct State {
    script: NetScript,
    /// Probes sent so far to each address.
    sent: HashMap<Address, u64>,
    inboxes: Vec<Inbox>,
    /// Simulated time does not pass this moment: somebody has an appointment.
    hold: MonoTime,
    truths: Vec<Truth>,
    reports: Vec<OverflowReport>,
    /// Keeps packets that arrive at the same moment in the order in which they were sent.
    parcels: u64,
}

/// What is on its way to one wire.
#[derive(Debug, Default)]
struct Inbox {
    transmitted: Vec<(Token, WireTime)>,
    coming: BinaryHeap<Reverse<Parcel>>,
    /// What this wire waited for when it was last asked; simulated time must not pass it.
    until: MonoTime,
    /// Its owner is gone: nothing is delivered any more.
    is_closed: bool,
    /// Answers dropped and not yet reported, and when the first of them was.
    dropped: u32,
    dropped_from: MonoTime,
}

/// Something on its way; ordered by when the kernel has it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Parcel {
    arrives_at: MonoTime,
    number: u64,
    /// When a sleeping program learns of it.
    ready_at: MonoTime,
    content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    Icmp {
        from: Address,
        bytes: Vec<u8>,
    },
    Udp {
        from: Address,
        port: u16,
        bytes: Vec<u8>,
    },
    Error {
        reporter: Option<Address>,
        to: Address,
        /// Of a quoted datagram.
        port: Option<u16>,
        kind: u8,
        code: u8,
        bytes: Vec<u8>,
    },
    Tcp {
        token: Token,
        end: TcpEnd,
    },
    Dropped,
}

// Parcels are told apart by their number; their content has no order of its own.
impl PartialOrd for Content {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Content {
    fn cmp(&self, _other: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

impl SimNetwork {
    /// A quiet network that will follow `script`.
    pub fn new(script: NetScript) -> Self {
        let state = State {
            script,
            sent: HashMap::new(),
            inboxes: Vec::new(),
            hold: MonoTime::MAX,
            truths: Vec::new(),
            reports: Vec::new(),
            parcels: 0,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Simulated time will not pass `at` until this is called again: the caller has something to do then.
    pub fn hold_at(&self, at: MonoTime) {
        self.lock().hold = at;
    }

    /// What became of every probe so far, in the order of sending. Empty unless recording.
    pub fn truths(&self) -> Vec<Truth> {
        self.lock().truths.clone()
    }

    /// Every report of dropped answers so far. Empty unless recording.
    pub fn overflow_reports(&self) -> Vec<OverflowReport> {
        self.lock().reports.clone()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Opens one more inbox and returns its index.
    pub(crate) fn open(&mut self) -> usize {
        self.inboxes.push(Inbox::default());
        self.inboxes.len() - 1
    }

    /// Forgets what was on its way to this wire; it no longer holds anybody up.
    pub(crate) fn close(&mut self, wire: usize) {
        self.inboxes[wire] = Inbox {
            until: MonoTime::MAX,
            is_closed: true,
            ..Inbox::default()
        };
    }

    pub(crate) const fn class(&self) -> Class {
        self.script.class
    }

    /// Takes one probe at `now`; `Err` holds the errno of the send call.
    pub(crate) fn take<P: Pace>(
        &mut self,
        wire: usize,
        shot: &Shot,
        message: &[u8],
        now: MonoTime,
        pace: &P,
    ) -> Result<(), i32> {
        let number = self.count(shot.to);
        let story = pace.story(now);
        let spells = self.script.lines.get(&shot.to).unwrap_or(&self.script.others);
        let path = Path::at(spells.iter(), story);
        let dice = Dice::throw(&path, self.script.seed, shot.to, number, story);
        let mut flight = Flight {
            state: self,
            wire,
            shot,
            now,
            pace,
            path: &path,
            dice: &dice,
            copies: 0,
        };
        let fate = match shot.body {
            _ if dice.is_unsent => Fate::Unsent {
                errno: path.errno.map_or(0, |(errno, _)| errno),
            },
            ShotBody::Icmp { .. } | ShotBody::Udp { .. } => flight.packet(message),
            ShotBody::Tcp { timeout, .. } => flight.tcp(timeout),
        };
        let truth = Truth {
            wire,
            to: shot.to,
            sent_at: now,
            fate,
            duplicates: flight.copies,
        };
        if self.script.is_recording {
            self.truths.push(truth);
        }
        match fate {
            Fate::Unsent { errno } => Err(errno),
            _ => Ok(()),
        }
    }

    /// The number of this probe among those to `to`, from 0.
    fn count(&mut self, to: Address) -> u64 {
        if self.sent.len() >= limits::TARGETS && !self.sent.contains_key(&to) {
            return 0; // More addresses than targets can exist: nobody's dice need to be fresh.
        }
        let sent = self.sent.entry(to).or_insert(0);
        *sent += 1;
        *sent - 1
    }

    fn post(&mut self, wire: usize, arrives_at: MonoTime, host: Duration, content: Content) {
        if self.inboxes[wire].is_closed {
            return;
        }
        self.parcels += 1;
        let parcel = Parcel {
            arrives_at,
            number: self.parcels,
            ready_at: arrives_at.plus(host),
            content,
        };
        self.inboxes[wire].coming.push(Reverse(parcel));
    }

    /// Hands over everything the kernel has at `now`, stamps first. True if there was an arrival to act upon.
    pub(crate) fn drain<P: Pace>(
        &mut self,
        wire: usize,
        now: MonoTime,
        pace: &P,
        incoming: &mut Incoming,
    ) -> bool {
        let class = self.script.class;
        let inbox = &mut self.inboxes[wire];
        for (token, stamp) in inbox.transmitted.drain(..) {
            incoming.arrivals.push(Arrival::Transmitted { token, stamp });
        }
        let mut has_arrived = false;
        while inbox
            .coming
            .peek()
            .is_some_and(|Reverse(parcel)| parcel.arrives_at <= now)
        {
            let Some(Reverse(parcel)) = inbox.coming.pop() else {
                break;
            };
            if parcel.content == Content::Dropped {
                if inbox.dropped == 0 {
                    inbox.dropped_from = parcel.arrives_at;
                }
                inbox.dropped += 1;
                continue;
            }
            if inbox.dropped > 0 && !matches!(parcel.content, Content::Tcp { .. }) {
                // As SO_RXQ_OVFL does it: the count comes with the next packet that fits.
                incoming.arrivals.push(Arrival::Overflow {
                    dropped: std::mem::take(&mut inbox.dropped),
                });
                if self.script.is_recording {
                    self.reports.push(OverflowReport {
                        wire,
                        from: inbox.dropped_from,
                        to: now,
                    });
                }
            }
            has_arrived = true;
            let stamp = (class != Class::U).then(|| pace.stamp(parcel.arrives_at));
            hand_over(parcel.content, stamp, now, incoming);
        }
        has_arrived
    }

    /// Until when this wire may wait: its own time, its next arrival and, where time is simulated, everybody
    /// else's appointments.
    pub(crate) fn wake_at(&mut self, wire: usize, until: MonoTime, is_simulated: bool) -> MonoTime {
        self.inboxes[wire].until = until;
        if !is_simulated {
            return until.min(self.inboxes[wire].next());
        }
        self.inboxes
            .iter()
            .map(|inbox| inbox.until.min(inbox.next()))
            .fold(self.hold, MonoTime::min)
    }
}

impl Inbox {
    fn next(&self) -> MonoTime {
        self.coming
            .peek()
            .map_or(MonoTime::MAX, |Reverse(parcel)| parcel.ready_at)
    }
}

/// Turns a parcel into what the program reads.
fn hand_over(content: Content, stamp: Option<WireTime>, at: MonoTime, incoming: &mut Incoming) {
    let start = incoming.bytes.len() as u32;
    let arrival = match content {
        Content::Icmp { from, bytes } => {
            incoming.bytes.extend_from_slice(&bytes);
            Arrival::Icmp {
                from,
                start,
                len: bytes.len() as u16,
                stamp,
                at,
                is_id_checked: false,
            }
        }
        Content::Udp { from, port, bytes } => {
            incoming.bytes.extend_from_slice(&bytes);
            Arrival::Udp {
                from,
                port,
                start,
                len: bytes.len() as u16,
                stamp,
                at,
            }
        }
        Content::Error {
            to,
            port: Some(port),
            kind,
            code,
            bytes,
            ..
        } => {
            incoming.bytes.extend_from_slice(&bytes);
            Arrival::UdpError {
                to,
                port,
                kind,
                code,
                start,
                len: bytes.len() as u16,
                stamp,
                at,
            }
        }
        Content::Error {
            reporter,
            to,
            port: None,
            kind,
            code,
            bytes,
        } => {
            incoming.bytes.extend_from_slice(&bytes);
            let len = bytes.len() as u16;
            Arrival::IcmpError {
                reporter,
                to,
                kind,
                code,
                start,
                len,
                at,
                is_id_checked: false,
            }
        }
        Content::Tcp { token, end } => Arrival::Tcp { token, end, at },
        Content::Dropped => return,
    };
    incoming.arrivals.push(arrival);
}
