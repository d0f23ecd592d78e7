//! The part that is measured: one engine by itself, and a thread that counts what it hands on.
//!
//! Only the engine's public interface is used, so that what is measured is what the program runs.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use linewatch_core::caps::Costs;
use linewatch_core::limits::BATCH_QUEUE;
use linewatch_core::port::Clock as _;
use linewatch_core::record::RecordBatch;
use linewatch_core::target::{EgressIndex, Method, ProbePlan, TargetId};
use linewatch_core::time::MonoTime;
use linewatch_probe::clock::SystemClock;
use linewatch_probe::engine::{Engine, EngineOptions, EngineTarget, random_cookie_key};
use linewatch_probe::privilege;
use linewatch_probe::shard::{Command, Shard};
use linewatch_probe::sys::{SystemWire, WireOptions};
use peak_alloc::PeakAlloc;

use crate::account;
use crate::part::{Class, Load, Loaded};
use crate::tally::Tally;

/// After the last slot, replies are awaited for this long beyond their time-out.
const GRACE: Duration = Duration::from_millis(500);
/// A run by slots ends even if probes vanish.
const PATIENCE: Duration = Duration::from_secs(60);

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// Allocated bytes of this process now.
pub(crate) fn allocated_bytes() -> u64 {
    ALLOCATED.current_usage() as u64
}

/// Runs the load and tells what came of it.
pub(crate) fn run(load: &Load) -> Result<Loaded> {
    privilege::open_files();
    let clock = SystemClock::start();
    let (records, received) = sync_channel(BATCH_QUEUE);
    let prober = Prober::start(clock, load.class, load.seed, records)?;
    let mut tally = Tally::new(load);
    let before = (allocated_bytes(), account::resident_bytes()?);
    add_targets(&prober, load, &received, &mut tally)?;
    let mut loaded = Loaded::default();
    drain(&received, &mut tally, clock, until(clock, load.warm_ms), |_| {
        false
    })?;
    tally.begin_measuring(clock.mono());
    let begin = Spent::now(clock, &prober)?;
    if load.measure_ms > 0 {
        drain(
            &received,
            &mut tally,
            clock,
            until(clock, load.measure_ms),
            |_| false,
        )?;
    } else {
        let wanted = load.slots.unwrap_or(0) * u64::from(load.targets);
        let end_at = clock.mono().plus(PATIENCE);
        drain(&received, &mut tally, clock, end_at, |tally| {
            tally.decided() >= wanted
        })?;
    }
    Spent::now(clock, &prober)?.since(&begin, &mut loaded);
    tally.end_measuring(clock.mono());
    loaded.allocated_bytes = allocated_bytes().saturating_sub(before.0);
    loaded.resident_bytes = account::resident_bytes()?.saturating_sub(before.1);
    loaded.scheduling = prober.scheduling();
    let stopping = std::thread::Builder::new()
        .name("stopping".to_owned())
        .spawn(move || prober.stop(GRACE))?;
    while let Ok(batch) = received.recv() {
        tally.add(&batch);
    }
    stopping
        .join()
        .map_err(|_| anyhow::anyhow!("the engine broke at its end"))?;
    tally.tell(&mut loaded);
    Ok(loaded)
}

/// Adds the targets of a load, taking records meanwhile.
pub(crate) fn add_targets(
    prober: &Prober,
    load: &Load,
    received: &Receiver<Arc<RecordBatch>>,
    tally: &mut Tally,
) -> Result<()> {
    for index in 0..load.targets {
        prober.set(target(load, index))?;
        while let Ok(batch) = received.try_recv() {
            tally.add(&batch);
        }
    }
    Ok(())
}

fn target(load: &Load, index: u32) -> EngineTarget {
    let ip = Ipv4Addr::from_bits(load.first.to_bits() + index);
    EngineTarget {
        id: TargetId(index),
        address: std::net::IpAddr::V4(ip).into(),
        method: load
            .tcp_port
            .map_or(Method::IcmpEcho, |port| Method::TcpConnect { port }),
        plan: ProbePlan {
            interval: Duration::from_micros(load.interval_us),
            timeout: Duration::from_millis(load.timeout_ms),
            ..ProbePlan::default()
        },
        egress: EgressIndex::default(),
        allow_high_rate: true,
        slots: load.slots,
    }
}

fn until(clock: SystemClock, millis: u64) -> MonoTime {
    clock.mono().plus(Duration::from_millis(millis))
}

/// Takes records until then, or until it is enough.
fn drain(
    received: &Receiver<Arc<RecordBatch>>,
    tally: &mut Tally,
    clock: SystemClock,
    end_at: MonoTime,
    is_enough: impl Fn(&Tally) -> bool,
) -> Result<()> {
    while !is_enough(tally) {
        let rest = end_at.since(clock.mono());
        if rest.is_zero() {
            break;
        }
        match received.recv_timeout(rest) {
            Ok(batch) => tally.add(&batch),
            Err(RecvTimeoutError::Timeout) => break,
            Err(RecvTimeoutError::Disconnected) => bail!("the engine has ended"),
        }
    }
    Ok(())
}

/// What was spent up to a moment.
struct Spent {
    at: MonoTime,
    sent: u64,
    engine: Duration,
    process: Duration,
}

impl Spent {
    fn now(clock: SystemClock, prober: &Prober) -> Result<Self> {
        Ok(Self {
            at: clock.mono(),
            sent: prober.sent(),
            engine: account::threads_cpu("probe")?,
            process: account::own_cpu()?,
        })
    }

    fn since(&self, begin: &Self, loaded: &mut Loaded) {
        loaded.span_s = self.at.since(begin.at).as_secs_f64();
        loaded.sent = self.sent - begin.sent;
        loaded.engine_cpu_s = (self.engine - begin.engine).as_secs_f64();
        loaded.process_cpu_s = (self.process - begin.process).as_secs_f64();
    }
}

/// The engine, or one thread that turns a shard and nothing else.
pub(crate) enum Prober {
    /// As the program runs it.
    Engine(Box<Engine>),
    /// The plain thread.
    Thread(PlainThread),
}

/// A shard turned by one thread.
pub(crate) struct PlainThread {
    /// Set where it has another than an ordinary one.
    scheduling: Arc<OnceLock<String>>,
    commands: SyncSender<Command>,
    sent: Arc<AtomicU64>,
    is_stopping: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Prober {
    /// Opens the wire and starts it.
    pub(crate) fn start(
        clock: SystemClock,
        class: Class,
        seed: u64,
        records: SyncSender<Arc<RecordBatch>>,
    ) -> Result<Self> {
        let (wire, _) = SystemWire::open(clock, WireOptions::default()).context("open the wire")?;
        let key = random_cookie_key().map_err(|error| anyhow::anyhow!("no random key: {error}"))?;
        if matches!(class, Class::SingleThread | Class::SingleRealtime) {
            let shard = Shard::new(wire, clock, key, seed);
            let is_realtime = class == Class::SingleRealtime;
            return PlainThread::start(shard, records, is_realtime).map(Self::Thread);
        }
        let options = EngineOptions {
            key,
            seed,
            // Nothing is refused here: what costs too much is what shall be seen.
            costs: Costs {
                packet_ns: 0,
                handshake_ns: 0,
            },
            setup: Box::new(privilege::realtime),
        };
        let engine = Engine::start(wire, clock, options, records)?;
        Ok(Self::Engine(Box::new(engine)))
    }

    /// Adds a target.
    pub(crate) fn set(&self, target: EngineTarget) -> Result<()> {
        match self {
            Self::Engine(engine) => engine.set(target).map_err(Into::into),
            Self::Thread(plain) => plain.commands.send(Command::Set(target)).map_err(Into::into),
        }
    }

    fn sent(&self) -> u64 {
        match self {
            Self::Engine(engine) => engine.report().sent,
            Self::Thread(plain) => plain.sent.load(Ordering::Relaxed),
        }
    }

    fn scheduling(&self) -> String {
        match self {
            Self::Engine(engine) => engine.report().scheduling,
            Self::Thread(plain) => {
                let text = plain.scheduling.get();
                text.map_or("one ordinary thread".to_owned(), |text| {
                    format!("one thread, {text}")
                })
            }
        }
    }

    /// Ends it; the channel of records closes.
    pub(crate) fn stop(self, grace: Duration) {
        match self {
            Self::Engine(engine) => engine.stop(grace),
            Self::Thread(plain) => {
                plain.is_stopping.store(true, Ordering::Relaxed);
                // Its panic has been printed, and the missing records tell the rest.
                let _panicked = plain.thread.join();
            }
        }
    }
}

impl PlainThread {
    fn start(
        mut shard: Shard<SystemWire, SystemClock>,
        records: SyncSender<Arc<RecordBatch>>,
        is_realtime: bool,
    ) -> Result<Self> {
        let (commands, ordered) = sync_channel(1024);
        let scheduling = Arc::<OnceLock<String>>::default();
        let told = Arc::clone(&scheduling);
        let (sent, is_stopping) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let (theirs, shall_end) = (Arc::clone(&sent), Arc::clone(&is_stopping));
        let mut sink = move |batch| match records.try_send(Arc::new(batch)) {
            Err(TrySendError::Full(batch)) => Some(Arc::unwrap_or_clone(batch)),
            _ => None,
        };
        let turn = move || {
            if is_realtime {
                // Nobody else sets it.
                let _ = told.set(privilege::realtime().text);
            }
            while !shall_end.load(Ordering::Relaxed) {
                ordered
                    .try_iter()
                    .take(256)
                    .for_each(|command| shard.apply(command));
                shard.turn(&mut sink);
                theirs.store(shard.sent(), Ordering::Relaxed);
            }
            shard.finish(&mut sink);
        };
        let thread = std::thread::Builder::new()
            .name("probe-0".to_owned())
            .spawn(turn)?;
        Ok(Self {
            scheduling,
            commands,
            sent,
            is_stopping,
            thread,
        })
    }
}

/// Never sleeps, until its input ends.
pub(crate) fn burn() -> Result<()> {
    let is_over = Arc::<AtomicBool>::default();
    let told = Arc::clone(&is_over);
    std::thread::Builder::new()
        .name("burn".to_owned())
        .spawn(move || {
            while !told.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        })?;
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    is_over.store(true, Ordering::Relaxed);
    Ok(())
}

/// Accepts TCP connections and closes them, until its input ends. Prints its port first.
///
/// It looks for connections every few milliseconds instead of waiting for each: the kernel wakes whoever waits from
/// within the other side's `connect`, which on loopback is the engine's own processor time (3 to 6 us beside some 15
/// for all the rest) and over a network somebody else's.
pub(crate) fn accept() -> Result<()> {
    /// More than can come while the accepting thread is kept from its processor.
    const BACKLOG: i32 = 65_535;
    const LOOK_EVERY: Duration = Duration::from_millis(5);
    privilege::open_files();
    linewatch_e2e::namespace::sysctl("net.core.somaxconn", &BACKLOG.to_string())?;
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.bind(&std::net::SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)).into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    let listener = std::net::TcpListener::from(socket);
    crate::table::say(&listener.local_addr()?.port().to_string());
    std::thread::Builder::new()
        .name("accept".to_owned())
        .spawn(move || {
            loop {
                // A connection that was reset before it was accepted is as welcome as any.
                while !matches!(listener.accept(), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock) {}
                nap(LOOK_EVERY);
            }
        })?;
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    // The process ends now, and its threads with it.
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the far end is no part of the engine")]
fn nap(length: Duration) {
    std::thread::sleep(length);
}
