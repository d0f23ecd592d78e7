//! Runs a shard on threads of its own and lets others change what it probes.
//!
//! Caps and abilities are checked in the caller's thread, so that a refusal is an answer and not a log line.
//! Commands go through a bounded channel; records come out of another one, and the engine never waits for
//! whoever reads them. Not here: what a turn does (`shard`), names and addresses (`resolve`).

mod turns;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use linewatch_core::caps::{CapEntry, Costs, Ledger, Refusal};
use linewatch_core::limits::EGRESSES;
use linewatch_core::packet::cookie::CookieKey;
use linewatch_core::port::{Clock, Waker, Wire};
use linewatch_core::record::{Class, RecordBatch};
use linewatch_core::target::{Egress, EgressIndex, Method, TargetId, UdpPayload};

use crate::privilege::{self, Scheduling};
pub use crate::shard::EngineTarget;
use crate::shard::{Command, Shard};

/// Commands that wait for the engine; a caller with more waits too.
const COMMAND_QUEUE: usize = 1024;

/// What an engine is started with.
pub struct EngineOptions {
    /// Secret of this run ([`random_cookie_key`]).
    pub key: CookieKey,
    /// Phases and ICMP identifiers.
    pub seed: u64,
    /// What a probe costs here ([`crate::calibrate`]).
    pub costs: Costs,
    /// Runs first on the engine's thread, to make it punctual; its sentence goes into the report. A thread that did
    /// not become a real-time one gets a second one beside it where the wire permits: the first to wake sends.
    pub setup: Box<dyn FnOnce() -> Scheduling + Send>,
}

/// Why the engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No thread.
    #[error("cannot start the thread that measures: {0}")]
    Thread(#[source] std::io::Error),
}

/// Why a target is not probed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineRefusal {
    /// Not an address to probe, or too often.
    #[error("{0}")]
    Cap(#[source] Refusal),
    /// The system does not let us; the sentence says what to do.
    #[error("{0}")]
    Ability(String),
    /// More distinct sources and DSCPs than can be told apart.
    #[error(
        "more than {EGRESSES} different combinations of `source` and `dscp` since the start: use fewer, or restart the \
         monitor"
    )]
    Egresses,
    /// The engine has stopped.
    #[error("the engine has stopped")]
    Stopped,
}

/// How the engine is doing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EngineReport {
    /// What [`EngineOptions::setup`] said; empty until it has.
    pub scheduling: String,
    /// Probes per second of all targets, paused ones included.
    pub asked_per_s: f64,
    /// Probes per second handed to the kernel during the last second.
    pub achieved_per_s: f64,
    /// Probes handed to the kernel since the start.
    pub sent: u64,
    /// Turns since the start: a watchdog looks whether it grows.
    pub turns: u64,
    /// Kernel stamps that could not be true.
    pub impossible_stamps: u64,
}

/// Shows from any thread whether the engine turns.
#[derive(Clone, Debug)]
pub struct Pulse(Arc<Shared>);

impl Pulse {
    /// Turns since the start. A running engine makes one a second at least.
    pub fn turns(&self) -> u64 {
        self.0.turns.load(Ordering::Relaxed)
    }
}

/// See the module.
pub struct Engine {
    commands: SyncSender<Command>,
    waker: Waker,
    ledger: Mutex<Ledger>,
    egresses: Mutex<HashMap<Egress, EgressIndex>>,
    abilities: Abilities,
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

/// What the engine's thread tells others, one number at a time.
#[derive(Debug, Default)]
struct Shared {
    scheduling: OnceLock<String>,
    /// Probes per second of all targets, whole ones.
    asked_per_s: AtomicU64,
    achieved_milli_per_s: AtomicU64,
    sent: AtomicU64,
    turns: AtomicU64,
    impossible_stamps: AtomicU64,
    is_stopping: AtomicBool,
    grace_ns: AtomicU64,
}

impl Shared {
    fn set_asked(&self, ledger: &Ledger) {
        self.asked_per_s
            .store(ledger.rate_per_s() as u64, Ordering::Relaxed);
    }
}

/// The wire's word on each method and family, asked once: sockets are opened at start and for good.
#[derive(Debug)]
struct Abilities([[Result<Class, String>; 2]; 3]);

/// What the thread got, and whether it still has it.
fn scheduling_text(got: Option<&String>, was_demoted: bool) -> String {
    match got {
        Some(text) if was_demoted => format!(
            "ordinary priority: {text} was taken away by the watchdog, because a turn ran for half a second without a pause"
        ),
        Some(text) => text.clone(),
        None => String::new(),
    }
}

/// A key that nobody can guess.
///
/// # Errors
///
/// When the operating system has no random numbers.
pub fn random_cookie_key() -> Result<CookieKey, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(CookieKey::new(bytes))
}

impl Engine {
    /// Starts the thread `probe-0`, and `probe-0b` beside it where two are better.
    ///
    /// # Errors
    ///
    /// When there is no thread to be had.
    pub fn start<W: Wire + 'static, C: Clock + 'static>(
        wire: W,
        clock: C,
        options: EngineOptions,
        records: SyncSender<Arc<RecordBatch>>,
    ) -> Result<Self, EngineError> {
        let (commands, received) = sync_channel(COMMAND_QUEUE);
        let (waker, abilities) = (wire.waker(), Abilities::of(&wire));
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let EngineOptions {
            key,
            seed,
            costs,
            setup,
        } = options;
        let run = move || {
            let sleepers = wire.sleepers();
            let shard = Shard::new(wire, clock, key, seed);
            turns::run(shard, sleepers, setup, received, records, theirs);
        };
        let thread = std::thread::Builder::new()
            .name("probe-0".to_owned())
            .spawn(run)
            .map_err(EngineError::Thread)?;
        Ok(Self {
            commands,
            waker,
            ledger: Mutex::new(Ledger::new(costs)),
            egresses: Mutex::default(),
            abilities,
            shared,
            thread,
        })
    }

    /// Adds a target or changes its plan.
    ///
    /// # Errors
    ///
    /// When it may not or cannot be probed; a target that was there before goes on as it was.
    pub fn set(&self, target: EngineTarget) -> Result<(), EngineRefusal> {
        self.abilities.check(&target)?;
        let EngineTarget {
            id,
            address,
            method,
            plan,
            allow_high_rate,
            ..
        } = target;
        let mut ledger = self.ledger();
        ledger
            .admit(CapEntry {
                id,
                address,
                method,
                plan,
                allow_high_rate,
            })
            .map_err(EngineRefusal::Cap)?;
        self.shared.set_asked(&ledger);
        // Under the ledger's lock, so that two callers cannot disagree with it about the order.
        self.send(Command::Set(target))
    }

    /// The index of a way of leaving, for [`EngineTarget::egress`].
    ///
    /// # Errors
    ///
    /// When there are too many different ones, or the engine has stopped.
    pub fn egress(&self, egress: Egress) -> Result<EgressIndex, EngineRefusal> {
        if egress == Egress::default() {
            return Ok(EgressIndex::default());
        }
        let mut known = self.egresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = known.get(&egress) {
            return Ok(*index);
        }
        if known.len() >= EGRESSES {
            return Err(EngineRefusal::Egresses);
        }
        // Under the lock, so that the shard's table grows in the order of the indexes.
        self.send(Command::Egress(egress))?;
        let index = EgressIndex(known.len() as u16 + 1);
        known.insert(egress, index);
        Ok(index)
    }

    /// Ends a target; what is in flight becomes unmeasured (`stopped`).
    pub fn remove(&self, id: TargetId) {
        let mut ledger = self.ledger();
        ledger.remove(id);
        self.shared.set_asked(&ledger);
        self.tell(Command::Remove(id));
    }

    /// Sends no more to a target; what is in flight is awaited.
    pub fn pause(&self, id: TargetId) {
        self.tell(Command::Pause(id));
    }

    /// Sends to it again.
    pub fn resume(&self, id: TargetId) {
        self.tell(Command::Resume(id));
    }

    /// Gives a target another ICMP identifier or local UDP port, as after an outage.
    pub fn rotate_id(&self, id: TargetId) {
        self.tell(Command::RotateId(id));
    }

    /// Waits until its threads run as punctually as they ever will: from then on no privilege is needed any more.
    pub fn settle(&self) {
        self.shared.scheduling.wait();
    }

    /// For a watchdog.
    pub fn pulse(&self) -> Pulse {
        Pulse(Arc::clone(&self.shared))
    }

    /// How it is doing.
    pub fn report(&self) -> EngineReport {
        let Shared {
            scheduling,
            achieved_milli_per_s,
            sent,
            turns,
            impossible_stamps,
            ..
        } = &*self.shared;
        let ledger = self.ledger();
        EngineReport {
            scheduling: scheduling_text(scheduling.get(), privilege::was_demoted()),
            asked_per_s: ledger.rate_per_s(),
            achieved_per_s: achieved_milli_per_s.load(Ordering::Relaxed) as f64 / 1000.0,
            sent: sent.load(Ordering::Relaxed),
            turns: turns.load(Ordering::Relaxed),
            impossible_stamps: impossible_stamps.load(Ordering::Relaxed),
        }
    }

    /// Sends nothing more, waits for what is in flight (at most its time-out and `grace`), hands on the rest
    /// as unmeasured (`stopped`), and ends the thread.
    pub fn stop(self, grace: Duration) {
        self.shared
            .grace_ns
            .store(linewatch_core::time::nanos_of(grace), Ordering::Relaxed);
        self.shared.is_stopping.store(true, Ordering::Release);
        (self.waker)();
        if let Err(panic) = self.thread.join() {
            // A broken invariant of the engine is one of the program.
            std::panic::resume_unwind(panic);
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For changes that mean nothing to an engine that has stopped.
    fn tell(&self, command: Command) {
        let _ = self.send(command);
    }

    fn send(&self, command: Command) -> Result<(), EngineRefusal> {
        let sent = match self.commands.try_send(command) {
            // Waits for room, but wakes the engine first, which makes it.
            Err(TrySendError::Full(command)) => {
                (self.waker)();
                self.commands.send(command).map_err(|_| EngineRefusal::Stopped)
            }
            Err(TrySendError::Disconnected(_)) => Err(EngineRefusal::Stopped),
            Ok(()) => Ok(()),
        };
        (self.waker)();
        sent
    }
}

impl Abilities {
    fn of(wire: &impl Wire) -> Self {
        // Any port and payload stands for all.
        let udp = Method::Udp {
            port: 1,
            payload: UdpPayload::Echo,
        };
        let methods = [Method::IcmpEcho, Method::TcpConnect { port: 1 }, udp];
        Self(methods.map(|method| [false, true].map(|is_v6| wire.ability(method, is_v6))))
    }

    fn check(&self, target: &EngineTarget) -> Result<(), EngineRefusal> {
        let of_method = match target.method {
            Method::IcmpEcho => &self.0[0],
            Method::TcpConnect { .. } => &self.0[1],
            Method::Udp { .. } => &self.0[2],
        };
        let is_v6 = target.address.ip.to_canonical().is_ipv6();
        of_method[usize::from(is_v6)]
            .as_ref()
            .map(|_| ())
            .map_err(|why| EngineRefusal::Ability(why.clone()))
    }
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
