//! Is the network: takes probes, decides their fate by script and seed, and keeps what is under way.
//!
//! Shared by every wire that is open on it, as one computer's sockets share one network card: a raw socket
//! sees the replies to its neighbours too. Memory is bounded by what is in flight; only a network that was
//! asked to record keeps more. Not here: time and waiting (`wire`), what a packet looks like (`packet`).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use linewatch_core::limits;
use linewatch_core::port::{Arrival, Incoming, Shot, ShotBody, TcpEnd, Token};
use linewatch_core::record::Class;
use linewatch_core::target::Address;
use linewatch_core::time::{MonoTime, Rtt, WireTime, nanos_of};

use crate::clock::Pace;
use crate::dice::Dice;
use crate::packet;
use crate::path::{Forgery, Path, Spell};
use crate::truth::{Fate, OverflowReport, Truth};

/// When Linux sends a SYN again that nobody answered (RFC 6298: the first RTO is one second).
const SYN_AGAIN: Duration = Duration::from_secs(1);
/// How long after the first a copy of an answer comes.
const COPY_AFTER: Duration = Duration::from_micros(300);
/// How long before the true answer a made-up one comes: a forger wants to be first.
const FORGED_SHARE: u32 = 2;

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
    Error {
        reporter: Option<Address>,
        to: Address,
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
            ShotBody::Icmp { .. } => flight.icmp(message),
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
        Content::Error {
            reporter,
            to,
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

/// One probe on its way through the network.
struct Flight<'a, P> {
    state: &'a mut State,
    wire: usize,
    shot: &'a Shot,
    now: MonoTime,
    pace: &'a P,
    path: &'a Path,
    dice: &'a Dice,
    copies: u32,
}

impl<P: Pace> Flight<'_, P> {
    fn icmp(&mut self, message: &[u8]) -> Fate {
        if self.state.script.class == Class::K {
            let stamp = self.pace.stamp(self.now);
            self.state.inboxes[self.wire]
                .transmitted
                .push((self.shot.token, stamp));
        }
        self.forge(message);
        let Some(reply) = packet::reply(message, self.shot.to.ip.is_ipv6()) else {
            return Fate::Silent;
        };
        if self.path.is_down || self.dice.is_lost {
            return Fate::Silent;
        }
        let delay = self.dice.delay;
        let Some(arrived_at) = self.pace.arrival(self.now, delay) else {
            return Fate::Slept;
        };
        if self.path.unreachable.is_some() {
            self.reject(message, arrived_at);
            return Fate::Unreachable { arrived_at };
        }
        if self.dice.is_dropped {
            self.state
                .post(self.wire, arrived_at, self.path.host, Content::Dropped);
            return Fate::Dropped { at: arrived_at };
        }
        if let Some(again_at) = self
            .pace
            .arrival(self.now, delay + COPY_AFTER)
            .filter(|_| self.dice.is_doubled)
        {
            self.broadcast(
                again_at,
                &Content::Icmp {
                    from: self.shot.to,
                    bytes: reply.clone(),
                },
            );
            self.copies = 1;
        }
        self.broadcast(
            arrived_at,
            &Content::Icmp {
                from: self.shot.to,
                bytes: reply,
            },
        );
        Fate::Answered { delay, arrived_at }
    }

    fn reject(&mut self, message: &[u8], arrived_at: MonoTime) {
        let Some((rejection, reporter, is_short)) = self.path.unreachable else {
            return;
        };
        let (kind, code) = rejection.code(self.shot.to.ip.is_ipv6());
        let quoted = if is_short {
            message.len().min(8)
        } else {
            message.len()
        };
        let bytes = message[..quoted].to_vec();
        self.broadcast(
            arrived_at,
            &Content::Error {
                reporter,
                to: self.shot.to,
                kind,
                code,
                bytes,
            },
        );
    }

    fn forge(&mut self, message: &[u8]) {
        let Some((forgery, _)) = self.path.forge.filter(|_| self.dice.is_forged) else {
            return;
        };
        let Some(bytes) = packet::forged(message, self.shot.to.ip.is_ipv6(), forgery) else {
            return;
        };
        let from = if forgery == Forgery::Source {
            stranger(self.shot.to)
        } else {
            self.shot.to
        };
        if let Some(at) = self.pace.arrival(self.now, self.dice.delay / FORGED_SHARE) {
            self.broadcast(at, &Content::Icmp { from, bytes });
        }
    }

    /// A raw socket hears what belongs to its neighbours, too.
    fn broadcast(&mut self, at: MonoTime, content: &Content) {
        for wire in 0..self.state.inboxes.len() {
            self.state.post(wire, at, self.path.host, content.clone());
        }
    }

    fn tcp(&mut self, timeout: Duration) -> Fate {
        if self.path.is_down {
            return Fate::Silent;
        }
        if self.dice.is_lost {
            if !self.dice.is_lost_again {
                self.end_tcp(SYN_AGAIN + self.dice.delay, timeout, TcpEnd::Retransmitted);
            }
            return Fate::Silent;
        }
        let delay = self.dice.delay;
        let Some(arrived_at) = self.pace.arrival(self.now, delay) else {
            return Fate::Slept;
        };
        if let Some((rejection, ..)) = self.path.unreachable {
            self.end_tcp(
                delay,
                timeout,
                TcpEnd::Failed {
                    errno: rejection.errno(),
                },
            );
            return Fate::Unreachable { arrived_at };
        }
        if self.path.is_refused {
            self.end_tcp(delay, timeout, TcpEnd::Refused);
            return Fate::Refused { delay, arrived_at };
        }
        let rtt = (self.state.script.class == Class::K).then(|| Rtt::from_nanos(nanos_of(delay)));
        self.end_tcp(delay, timeout, TcpEnd::Connected { rtt });
        Fate::Answered { delay, arrived_at }
    }

    /// The attempt ends after `delay`, unless its socket is closed by then.
    fn end_tcp(&mut self, delay: Duration, timeout: Duration, end: TcpEnd) {
        let Some(at) = self.pace.arrival(self.now, delay) else {
            return;
        };
        if at <= self.now.plus(timeout) {
            self.state.post(
                self.wire,
                at,
                self.path.host,
                Content::Tcp {
                    token: self.shot.token,
                    end,
                },
            );
        }
    }
}

/// An address of the same family that nobody asked (RFC 5737, RFC 3849).
fn stranger(asked: Address) -> Address {
    let ip = match asked.ip {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::new(203, 0, 113, 66)),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xbad, 0, 0, 0, 0, 0x66)),
    };
    Address::from(ip)
}
