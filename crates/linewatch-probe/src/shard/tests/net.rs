//! A network of one target per address that answers after a scripted delay, and the clocks around it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use linewatch_core::packet::checksum;
use linewatch_core::port::{Arrival, Clock, Incoming, Outgoing, SendResult, ShotBody, Waker, Wire};
use linewatch_core::record::Class;
use linewatch_core::target::{Address, Method};
use linewatch_core::time::{MonoTime, WallTime, WireTime, nanos_of};

const WALL_NS: i64 = 1_700_000_000_000_000_000;

/// What shakes the computer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Jolt {
    /// The process does not run.
    Stall(Duration),
    /// The computer sleeps.
    Sleep(Duration),
    /// The calendar is set, by so many milliseconds.
    Step(i64),
    /// The kernel throws away what has arrived.
    Overflow,
    /// For so long every look at the sockets ends before it is through: there is more in them.
    Backlog(Duration),
}

/// What becomes of the n-th probe.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    Answer(Duration),
    Twice(Duration, Duration),
    Silence,
    Errno(i32),
    /// An answer; the process does not run for the second time from when this probe has left.
    AnswerThenStall(Duration, Duration),
}

#[derive(Clone, Debug)]
struct Packet {
    at: MonoTime,
    from: Address,
    bytes: Vec<u8>,
}

/// One probe as the network saw it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) at: MonoTime,
    pub(super) to: Address,
    pub(super) id: u16,
}

pub(super) struct State {
    pub(super) now: MonoTime,
    asleep: Duration,
    step_ns: i64,
    inbox: Vec<Packet>,
    stamps: Vec<Arrival>,
    pub(super) jolts: VecDeque<(MonoTime, Jolt)>,
    pub(super) fate: Box<dyn FnMut(usize) -> Fate + Send>,
    pub(super) seen: Vec<Seen>,
    pub(super) largest_batch: usize,
    has_overflown: bool,
    backlog_until: MonoTime,
}

impl State {
    fn wall(&self) -> WallTime {
        let nanos = WALL_NS + self.now.as_nanos() as i64 + nanos_of(self.asleep) as i64 + self.step_ns;
        WallTime::from_nanos(nanos)
    }

    fn stamp_at(&self, at: MonoTime) -> WireTime {
        WireTime::from_nanos(self.wall().as_nanos() - self.now.since(at).as_nanos() as i64)
    }

    fn post(&mut self, delay: Duration, from: Address, request: &[u8]) {
        let mut bytes = request.to_vec();
        bytes[0] = 0;
        bytes[2..4].fill(0);
        let checksum = checksum::of(&bytes).to_be_bytes();
        bytes[2..4].copy_from_slice(&checksum);
        self.inbox.push(Packet {
            at: self.now.plus(delay),
            from,
            bytes,
        });
    }

    fn jolt(&mut self, jolt: Jolt) {
        match jolt {
            Jolt::Stall(length) => self.now = self.now.plus(length),
            Jolt::Sleep(length) => self.asleep += length,
            Jolt::Step(millis) => self.step_ns += millis * 1_000_000,
            Jolt::Overflow => {
                let now = self.now;
                self.inbox
                    .retain(|packet| packet.at > now.plus(Duration::from_millis(30)));
                self.has_overflown = true;
            }
            Jolt::Backlog(length) => self.backlog_until = self.now.plus(length),
        }
    }
}

/// Both doors to the same network.
#[derive(Clone)]
pub(super) struct Net(Arc<Mutex<State>>);

impl Net {
    pub(super) fn new(fate: impl FnMut(usize) -> Fate + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(State {
            now: MonoTime::from_nanos(1_000_000_000),
            asleep: Duration::ZERO,
            step_ns: 0,
            inbox: Vec::new(),
            stamps: Vec::new(),
            jolts: VecDeque::new(),
            fate: Box::new(fate),
            seen: Vec::new(),
            largest_batch: 0,
            has_overflown: false,
            backlog_until: MonoTime::ZERO,
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics inside")
    }
}

impl Clock for Net {
    fn mono(&self) -> MonoTime {
        self.lock().now
    }

    fn wall(&self) -> WallTime {
        self.lock().wall()
    }

    fn asleep(&self) -> Duration {
        self.lock().asleep
    }
}

impl Wire for Net {
    fn send(&mut self, outgoing: &Outgoing, results: &mut Vec<SendResult>) {
        let mut state = self.lock();
        state.largest_batch = state.largest_batch.max(outgoing.shots.len());
        let mut stall = Duration::ZERO;
        for shot in &outgoing.shots {
            let ShotBody::Icmp { start, len } = shot.body else {
                panic!("these tests send echoes")
            };
            let request = &outgoing.bytes[start as usize..start as usize + usize::from(len)];
            let (at, count) = (state.now, state.seen.len());
            let id = u16::from_be_bytes([request[4], request[5]]);
            state.seen.push(Seen { at, to: shot.to, id });
            let mut result = Ok(());
            match (state.fate)(count) {
                Fate::Answer(delay) => state.post(delay, shot.to, request),
                Fate::Twice(first, second) => {
                    state.post(first, shot.to, request);
                    state.post(second, shot.to, request);
                }
                Fate::AnswerThenStall(delay, length) => {
                    state.post(delay, shot.to, request);
                    stall = length;
                }
                Fate::Silence => (),
                Fate::Errno(errno) => result = Err(errno),
            }
            let stamp = WireTime::from_nanos(state.wall().as_nanos());
            state.stamps.push(Arrival::Transmitted {
                token: shot.token,
                stamp,
            });
            results.push(SendResult { sent_at: at, result });
        }
        state.now = state.now.plus(stall);
    }

    fn receive(&mut self, until: MonoTime, incoming: &mut Incoming) {
        let mut state = self.lock();
        incoming.arrivals.append(&mut state.stamps);
        let next_packet = state.inbox.iter().map(|packet| packet.at).min();
        let next_jolt = state.jolts.front().map(|(at, _)| *at);
        let wake_at = [next_packet, next_jolt]
            .into_iter()
            .flatten()
            .fold(until, MonoTime::min);
        state.now = state.now.max(wake_at);
        while let Some((_, jolt)) = state.jolts.front().copied().filter(|(at, _)| *at <= state.now) {
            state.jolts.pop_front();
            state.jolt(jolt);
        }
        if state.now < state.backlog_until {
            state.now = state.now.plus(Duration::from_millis(1));
            incoming.has_more = true;
            return;
        }
        let now = state.now;
        let (mut arrived, waiting): (Vec<_>, Vec<_>) =
            state.inbox.drain(..).partition(|packet| packet.at <= now);
        state.inbox = waiting;
        arrived.sort_by_key(|packet| packet.at);
        for packet in arrived {
            let start = incoming.bytes.len() as u32;
            incoming.bytes.extend_from_slice(&packet.bytes);
            incoming.arrivals.push(Arrival::Icmp {
                from: packet.from,
                start,
                len: packet.bytes.len() as u16,
                stamp: Some(state.stamp_at(packet.at)),
                at: now,
                is_id_checked: false,
            });
        }
        if std::mem::take(&mut state.has_overflown) {
            incoming.arrivals.push(Arrival::Overflow { dropped: 1 });
        }
    }

    fn ability(&self, _: Method, _: bool) -> Result<Class, String> {
        Ok(Class::K)
    }

    fn waker(&self) -> Waker {
        Arc::new(|| ())
    }
}
