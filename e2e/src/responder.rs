//! The far end of the line: a TUN device whose every answer, and its moment, a script decides.
//!
//! An answer's moment counts from the kernel's stamp of its request, and the truth it leaves behind is the stamps of
//! both on the same tap: how late this thread itself was woken makes no difference to it. It runs before ordinary
//! threads all the same: a network does not answer later, or not in time, because this computer is busy.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::net::IpAddr;
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};

use crate::namespace::{ip, tool};
use crate::packet::{Answer, Key, Kind, Packet};
use crate::tap::{Seen, Tap};

/// The TUN device.
pub const DEVICE: &str = "line0";
/// From here on a due answer is waited for without sleeping: a sleep may be this late on a busy computer.
const SPIN_NS: i64 = 300_000;
/// How often the thread looks whether it shall end.
const LOOK_NS: i64 = 20_000_000;
/// How often a far end that polls looks at the tap.
const POLL_NS: i64 = 200_000;
/// The lowest of the real-time priorities (sched(7)).
const PRIORITY: &str = "1";
/// No test waits longer for something to happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// One request and what was answered: the truth.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Tells it from others.
    pub key: Key,
    /// Echo request, SYN or datagram.
    pub kind: Kind,
    /// Kernel stamp of the request.
    pub asked_at_ns: i64,
    /// What was answered, in order, each with its kernel stamp.
    pub answers: Vec<(Answer, i64)>,
}

impl Exchange {
    /// The true delay of the first right answer, in nanoseconds.
    pub fn delay_ns(&self) -> Option<i64> {
        let right = self
            .answers
            .iter()
            .find(|(answer, _)| matches!(answer, Answer::Right | Answer::Reset));
        right.map(|(_, at_ns)| at_ns - self.asked_at_ns)
    }
}

#[derive(Default)]
struct Truth {
    exchanges: Vec<Exchange>,
    trouble: Option<anyhow::Error>,
}

#[derive(Default)]
struct Shared {
    truth: Mutex<Truth>,
    grown: Condvar,
    is_stopping: AtomicBool,
}

/// A running far end. Dropping it takes the line away.
pub struct Responder {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Responder {
    /// Makes the line 10.9.0.1/24, 2001:db8:9::1/64 in the caller's namespace. `script` is asked for the answers to each
    /// request and their moments; it is told the number of the request to that address, from 0.
    ///
    /// # Errors
    ///
    /// When the kernel gives no TUN device or tap.
    pub fn start(
        script: impl FnMut(u64, &Packet) -> Vec<(Duration, Answer)> + Send + 'static,
    ) -> anyhow::Result<Self> {
        Self::start_as(Manner::default(), Box::new(script))
    }

    /// The same, and the script is asked about datagrams, too. Elsewhere they are passed over, because those are not the
    /// test's: the questions of a resolver are datagrams.
    ///
    /// # Errors
    ///
    /// When the kernel gives no TUN device or tap.
    pub fn start_with_datagrams(
        script: impl FnMut(u64, &Packet) -> Vec<(Duration, Answer)> + Send + 'static,
    ) -> anyhow::Result<Self> {
        let manner = Manner {
            hears_datagrams: true,
            ..Manner::default()
        };
        Self::start_as(manner, Box::new(script))
    }

    /// The same, but it looks at the tap five thousand times a second instead of being woken by it. The kernel would wake
    /// it between the stamp of the tap and the transmit stamp, which parts the two by the microseconds that takes; where
    /// these count, start it so. Answers cannot come sooner than 0.6 ms then.
    ///
    /// # Errors
    ///
    /// When the kernel gives no TUN device or tap.
    pub fn start_polling(
        script: impl FnMut(u64, &Packet) -> Vec<(Duration, Answer)> + Send + 'static,
    ) -> anyhow::Result<Self> {
        let manner = Manner {
            is_polling: true,
            ..Manner::default()
        };
        Self::start_as(manner, Box::new(script))
    }

    fn start_as(manner: Manner, script: Script) -> anyhow::Result<Self> {
        let mut configuration = tun::Configuration::default();
        configuration.tun_name(DEVICE);
        let device = tun::create(&configuration).context("create a TUN device")?;
        device
            .set_nonblock()
            .context("make the TUN device non-blocking")?;
        // Before the commands below: the kernel switches stamping on a little later than asked, and fills in the time
        // of reading until then.
        let tap = Tap::open(DEVICE)?;
        ip(&format!("address add 10.9.0.1/24 dev {DEVICE}"))?;
        ip(&format!("address add 2001:db8:9::1/64 dev {DEVICE} nodad"))?;
        ip(&format!("link set {DEVICE} up"))?;
        let shared = Arc::new(Shared::default());
        let far_end = FarEnd {
            device,
            tap,
            script,
            manner,
            asked: HashMap::new(),
            due: BinaryHeap::new(),
            written: VecDeque::new(),
            answers: 0,
            shared: Arc::clone(&shared),
        };
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("far-end".to_owned())
            .spawn(move || {
                let hurried = hurry();
                let is_ready = hurried.is_ok();
                // Who waits for it below does so to the end.
                let _told = tell.send(hurried);
                if is_ready {
                    far_end.run();
                }
            })?;
        told.recv().context("the far end ended before it began")??;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Waits until `condition` holds of what has happened, and returns that.
    ///
    /// # Errors
    ///
    /// When it does not hold in time, or the far end has failed.
    pub fn wait_until(&self, condition: impl Fn(&[Exchange]) -> bool) -> anyhow::Result<Vec<Exchange>> {
        let truth = self.shared.truth.lock().unwrap_or_else(PoisonError::into_inner);
        let is_waiting = |truth: &mut Truth| truth.trouble.is_none() && !condition(&truth.exchanges);
        let (mut truth, waited) = self
            .shared
            .grown
            .wait_timeout_while(truth, PATIENCE, is_waiting)
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(trouble) = truth.trouble.take() {
            return Err(trouble);
        }
        ensure!(
            !waited.timed_out(),
            "still not so after {PATIENCE:?}: {:?}",
            truth.exchanges
        );
        Ok(truth.exchanges.clone())
    }

    /// Everything that has happened.
    ///
    /// # Errors
    ///
    /// When the far end has failed.
    pub fn exchanges(&self) -> anyhow::Result<Vec<Exchange>> {
        self.wait_until(|_| true)
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.shared.is_stopping.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic of the far end was seen by whoever waited for it.
            let _panicked = thread.join();
        }
    }
}

/// An answer that waits for its moment.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at_ns: i64,
    /// Answers of the same moment leave in the order of the script.
    order: u64,
    exchange: usize,
    bytes: Vec<u8>,
}

type Script = Box<dyn FnMut(u64, &Packet) -> Vec<(Duration, Answer)> + Send>;

/// How a far end differs from the ordinary one.
#[derive(Clone, Copy, Default)]
struct Manner {
    is_polling: bool,
    hears_datagrams: bool,
}

struct FarEnd {
    device: tun::Device,
    tap: Tap,
    script: Script,
    manner: Manner,
    asked: HashMap<IpAddr, u64>,
    due: BinaryHeap<(Reverse<Due>, AnswerOf)>,
    /// Answers that the tap has not shown yet, in the order in which they were written.
    written: VecDeque<(usize, Answer)>,
    answers: u64,
    shared: Arc<Shared>,
}

/// Goes along in the heap without taking part in its order.
struct AnswerOf(Answer);

impl PartialEq for AnswerOf {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for AnswerOf {}

impl PartialOrd for AnswerOf {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for AnswerOf {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

impl FarEnd {
    fn run(mut self) {
        while !self.shared.is_stopping.load(Ordering::Relaxed) {
            if let Err(trouble) = self.turn() {
                self.truth(|truth| truth.trouble = Some(trouble));
                return;
            }
        }
    }

    fn turn(&mut self) -> anyhow::Result<()> {
        while let Some(seen) = self.tap.next()? {
            if seen.is_outgoing {
                self.on_request(&seen)
            } else {
                self.on_answer(&seen)?
            }
        }
        // The tap has shown what is in here; it is only taken away so that the device does not fill up.
        while self.device.recv(&mut [0; 2048]).is_ok() {}
        let next_ns = self.due.peek().map(|(Reverse(due), _)| due.at_ns);
        match next_ns {
            Some(at_ns) if at_ns - now_ns()? <= SPIN_NS => self.write_next(),
            _ => self.sleep(next_ns),
        }
    }

    fn on_request(&mut self, seen: &Seen) {
        let Some(packet) = Packet::read(&seen.bytes) else {
            return;
        };
        if matches!(packet.kind, Kind::Datagram { .. }) && !self.manner.hears_datagrams {
            return;
        }
        let (Some(key), true) = (packet.key(), !matches!(packet.kind, Kind::EchoReply { .. })) else {
            return;
        };
        let count = self.asked.entry(packet.to).or_default();
        let answers = (self.script)(*count, &packet);
        *count += 1;
        let kind = packet.kind;
        let exchange = self.truth(|truth| {
            truth.exchanges.push(Exchange {
                key,
                kind,
                asked_at_ns: seen.at_ns,
                answers: Vec::new(),
            });
            truth.exchanges.len() - 1
        });
        for (delay, answer) in answers {
            let (at_ns, bytes) = (seen.at_ns + delay.as_nanos() as i64, packet.answered(answer));
            self.due.push((
                Reverse(Due {
                    at_ns,
                    order: self.answers,
                    exchange,
                    bytes,
                }),
                AnswerOf(answer),
            ));
            self.answers += 1;
        }
    }

    fn on_answer(&mut self, seen: &Seen) -> anyhow::Result<()> {
        let (exchange, answer) = self
            .written
            .pop_front()
            .context("the tap shows an answer nobody wrote")?;
        let at_ns = seen.at_ns;
        self.truth(|truth| truth.exchanges[exchange].answers.push((answer, at_ns)));
        Ok(())
    }

    fn write_next(&mut self) -> anyhow::Result<()> {
        let Some((Reverse(due), AnswerOf(answer))) = self.due.pop() else {
            return Ok(());
        };
        while now_ns()? < due.at_ns {
            std::hint::spin_loop();
        }
        self.device.send(&due.bytes).context("write to the TUN device")?;
        self.written.push_back((due.exchange, answer));
        Ok(())
    }

    fn sleep(&self, next_ns: Option<i64>) -> anyhow::Result<()> {
        let length_ns = match next_ns {
            Some(at_ns) => (at_ns - now_ns()? - SPIN_NS).clamp(0, LOOK_NS),
            None => LOOK_NS,
        };
        let mut watched = [PollFd::new(self.tap.as_fd(), PollFlags::POLLIN)];
        let (watched, length_ns) = if self.manner.is_polling {
            (&mut watched[..0], length_ns.min(POLL_NS))
        } else {
            (&mut watched[..], length_ns)
        };
        match ppoll(watched, Some(TimeSpec::new(0, length_ns)), None) {
            Ok(_) | Err(nix::Error::EINTR) => Ok(()),
            Err(error) => Err(error).context("wait for the tap"),
        }
    }

    fn truth<T>(&self, change: impl FnOnce(&mut Truth) -> T) -> T {
        let changed = change(&mut self.shared.truth.lock().unwrap_or_else(PoisonError::into_inner));
        self.shared.grown.notify_all();
        changed
    }
}

/// Puts the calling thread before all ordinary ones, and behind the engine under test.
fn hurry() -> anyhow::Result<()> {
    let thread = nix::unistd::gettid().to_string();
    tool("chrt", &["--fifo", "--pid", PRIORITY, &thread]).context("a far end that is never late needs root")
}

/// The clock of the kernel's stamps.
fn now_ns() -> anyhow::Result<i64> {
    let now = clock_gettime(ClockId::CLOCK_REALTIME).context("read the clock of the stamps")?;
    Ok(now.tv_sec() * 1_000_000_000 + now.tv_nsec())
}
