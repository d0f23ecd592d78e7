//! Loads the engine with many loopback targets and says what a probe costs: CPU of the engine's threads, lateness,
//! and what became of every slot.
//!
//! `load TARGETS PROBES_PER_S SECONDS [raw|ping] [fifo]`. One line of figures on the standard output, after a warm-up
//! of one interval and at least a second. Linux only: thread times come from `/proc`. Not here: any comparison.

use std::collections::BTreeMap;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use linewatch_core::caps::Costs;
use linewatch_core::limits::BATCH_QUEUE;
use linewatch_core::port::Clock as _;
use linewatch_core::record::{Outcome, RecordBatch};
use linewatch_core::target::{Address, EgressIndex, Method, ProbePlan, TargetId};
use linewatch_core::time::MonoTime;
use linewatch_probe::clock::SystemClock;
use linewatch_probe::engine::{Engine, EngineOptions, EngineTarget, random_cookie_key};
use linewatch_probe::privilege::{self, Scheduling};
use linewatch_probe::sys::{IcmpMode, SystemWire, WireOptions};

/// Neighbouring loopback addresses from here on: every one of 127.0.0.0/8 answers.
const FIRST: u32 = u32::from_be_bytes([127, 1, 0, 1]);
const TIMEOUT: Duration = Duration::from_secs(1);

/// What was asked for.
struct Load {
    targets: u32,
    per_s: f64,
    span: Duration,
    icmp: IcmpMode,
    is_realtime: bool,
}

/// What came out between two moments.
#[derive(Default)]
struct Found {
    outcomes: BTreeMap<&'static str, u64>,
    lateness_ns: Vec<u64>,
    missed_slots: u64,
}

/// User, system and exact CPU time of the engine's threads.
#[derive(Clone, Copy, Default)]
struct Cpu {
    user_ticks: u64,
    system_ticks: u64,
    exact_ns: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let load = read_arguments()?;
    let clock = SystemClock::start();
    let options = WireOptions {
        icmp: load.icmp,
        ..WireOptions::default()
    };
    let (wire, report) = SystemWire::open(clock, options)?;
    report.icmp_v4?;
    let is_realtime = load.is_realtime;
    let options = EngineOptions {
        key: random_cookie_key()?,
        seed: 1,
        // What is asked for is tried, not judged.
        costs: Costs {
            packet_ns: 1,
            handshake_ns: 1,
        },
        setup: Box::new(move || {
            if is_realtime {
                privilege::realtime()
            } else {
                Scheduling {
                    is_realtime: false,
                    text: "ordinary".to_owned(),
                }
            }
        }),
    };
    let (sender, records) = sync_channel(BATCH_QUEUE);
    let engine = Engine::start(wire, clock, options, sender)?;
    let interval = Duration::from_secs_f64(f64::from(load.targets) / load.per_s);
    for index in 0..load.targets {
        engine.set(target(index, interval))?;
        let _before_the_window = records.try_iter().count();
    }
    listen(
        &records,
        clock,
        clock.mono().plus(interval.max(Duration::from_secs(1))),
    );
    let (sent, turns, cpu) = (engine.report().sent, engine.report().turns, engine_cpu()?);
    let found = listen(&records, clock, clock.mono().plus(load.span));
    let (report, after) = (engine.report(), engine_cpu()?);
    engine.stop(TIMEOUT);
    say(
        &load,
        &report.scheduling,
        found,
        report.sent - sent,
        report.turns - turns,
        cpu,
        after,
    );
    Ok(())
}

fn read_arguments() -> Result<Load, Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [targets, per_s, seconds, rest @ ..] = words.as_slice() else {
        return Err("usage: load TARGETS PROBES_PER_S SECONDS [raw|ping] [fifo]".into());
    };
    let has = |word: &str| rest.iter().any(|other| other == word);
    Ok(Load {
        targets: targets.parse()?,
        per_s: per_s.parse()?,
        span: Duration::from_secs(seconds.parse()?),
        icmp: if has("ping") {
            IcmpMode::Ping
        } else {
            IcmpMode::Raw
        },
        is_realtime: has("fifo"),
    })
}

fn target(index: u32, interval: Duration) -> EngineTarget {
    EngineTarget {
        id: TargetId(index),
        address: Address::from(IpAddr::V4(Ipv4Addr::from_bits(FIRST + index))),
        method: Method::IcmpEcho,
        plan: ProbePlan {
            interval,
            timeout: TIMEOUT,
            payload_bytes: 56,
        },
        egress: EgressIndex::default(),
        allow_high_rate: true,
        slots: None,
    }
}

/// Takes batches until `until`.
fn listen(records: &Receiver<Arc<RecordBatch>>, clock: SystemClock, until: MonoTime) -> Found {
    let mut found = Found::default();
    loop {
        match records.recv_timeout(until.since(clock.mono())) {
            Ok(batch) => {
                for record in &batch.records {
                    *found.outcomes.entry(record.outcome.word()).or_default() += 1;
                    if record.outcome != Outcome::Unsent {
                        found.lateness_ns.push(record.lateness().as_nanos() as u64);
                    }
                }
                found.missed_slots += batch.gaps.iter().map(|gap| gap.slots).sum::<u64>();
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return found,
        }
    }
}

fn engine_cpu() -> Result<Cpu, Box<dyn Error>> {
    let mut cpu = Cpu::default();
    for task in std::fs::read_dir("/proc/self/task")? {
        let path = task?.path();
        if !std::fs::read_to_string(path.join("comm"))?.starts_with("probe-") {
            continue;
        }
        let stat = std::fs::read_to_string(path.join("stat"))?;
        let behind_name = stat.rsplit(") ").next().unwrap_or_default();
        // Fields 14 and 15 of proc_pid_stat(5), counted from the third.
        let field = |place: usize| {
            let word = behind_name.split(' ').nth(place - 3).unwrap_or_default();
            word.parse::<u64>()
        };
        let exact = std::fs::read_to_string(path.join("schedstat"))?;
        cpu.user_ticks += field(14)?;
        cpu.system_ticks += field(15)?;
        cpu.exact_ns += exact.split(' ').next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(cpu)
}

#[expect(clippy::print_stdout, reason = "its one result")]
fn say(load: &Load, scheduling: &str, mut found: Found, sent: u64, turns: u64, cpu: Cpu, after: Cpu) {
    found.lateness_ns.sort_unstable();
    let late = |share: f64| {
        let place = ((found.lateness_ns.len() as f64 * share) as usize)
            .min(found.lateness_ns.len().saturating_sub(1));
        found.lateness_ns.get(place).copied().unwrap_or(0) as f64 / 1000.0
    };
    let cpu_s = (after.exact_ns - cpu.exact_ns) as f64 / 1e9;
    println!(
        "sent {sent} ({:.0}/s) fates {:?} missed {} | engine {cpu_s:.3} s = {:.3} core, {:.2} us a probe (user:system \
         {}:{}), {:.1} probes a turn | late p50 {:.1} p99 {:.1} p99.9 {:.1} max {:.1} us | {scheduling}",
        sent as f64 / load.span.as_secs_f64(),
        found.outcomes,
        found.missed_slots,
        cpu_s / load.span.as_secs_f64(),
        cpu_s * 1e6 / sent.max(1) as f64,
        after.user_ticks - cpu.user_ticks,
        after.system_ticks - cpu.system_ticks,
        sent as f64 / turns.max(1) as f64,
        late(0.5),
        late(0.99),
        late(0.999),
        late(1.0),
    );
}
