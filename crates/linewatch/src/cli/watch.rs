//! `linewatch watch`: measures now and shows it; nothing is stored.
//!
//! The engine and the monitor are those of `serve`; only store and page are missing. What is printed is
//! [`super::watch_view`]'s, the full-screen view [`super::watch_screen`]'s. Not here: how a target is probed.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use linewatch_core::caps::{self, CapEntry, Costs, Ledger};
use linewatch_core::limits;
use linewatch_core::port::{Clock, Wire as _};
use linewatch_core::record::RecordBatch;
use linewatch_core::spec::{TargetSpec, slug};
use linewatch_core::target::{Address, EgressIndex, Family, Host, Method, ProbePlan, Target, TargetId};
use linewatch_core::time::MonoTime;
use linewatch_probe::calibrate;
use linewatch_probe::clock::SystemClock;
use linewatch_probe::engine::{Engine, EngineTarget};
use linewatch_probe::resolve::{Found, Resolver, Said};
use linewatch_probe::sys::{SystemWire, WireOptions};

use super::watch_screen::{self, Feed, Session};
use super::watch_view::{Happened, Mode, View};
use super::{Global, target_spec};
use crate::config::units;
use crate::confine;
use crate::exit::{Exit, UserError};
use crate::method::{self, engine_options};
use crate::say::{self, Reader};
use crate::signals::{self, Order};
use crate::term::{self, Look, Terminal, Ui};

/// At the end, what is in flight is awaited for the time-out, but no longer than this (MEASURING "Signals and exit").
pub(super) const DRAIN: Duration = Duration::from_secs(3);

/// Options of `linewatch watch`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// HOST, HOST:PORT, tcp://HOST:PORT, udp://HOST:PORT, icmp://HOST; NAME=TARGET gives a name
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<String>,
    /// Time between two probes: 1ms to 1h
    #[arg(
        short,
        long,
        value_name = "T",
        default_value = "1s",
        allow_hyphen_values = true
    )]
    interval: String,
    /// How long a probe may take: 1ms to 30s
    #[arg(
        short,
        long,
        value_name = "T",
        default_value = "2s",
        allow_hyphen_values = true
    )]
    timeout: String,
    /// Stop after this many probes of each target
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Stop after this time
    #[arg(short, long, value_name = "T")]
    duration: Option<String>,
    /// One line of the table covers this time: 1s to 1h
    #[arg(long, value_name = "T", default_value = "10s")]
    every: String,
    /// The plain table, as into a pipe, instead of the full-screen view
    #[arg(long, conflicts_with_all = ["hud", "overlay"])]
    plain: bool,
    /// One JSON object per finished probe; the last one is the summary
    #[arg(long, conflicts_with_all = ["plain", "hud", "overlay"])]
    json: bool,
    /// Begin with one target, large
    #[arg(long)]
    hud: bool,
    /// Begin with several targets in one chart
    #[arg(long)]
    overlay: bool,
    /// Exit with 4 if this happened
    #[arg(long, value_name = "WHAT")]
    fail_on: Option<FailOn>,
}

/// What `--fail-on` may wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    /// At least one outage.
    Outage,
    /// At least one failed probe.
    Loss,
}

/// The command line, understood.
pub(super) struct Plan {
    specs: Vec<TargetSpec>,
    probe: ProbePlan,
    every: Duration,
    duration: Option<Duration>,
    is_interval_typed: bool,
}

/// Does it.
///
/// # Errors
///
/// A wrong option, a name without an address, a method that the system does not permit.
pub(super) fn run(global: &Global, args: &Args) -> Result<Exit> {
    let plan = Plan::from_args(args)?;
    let clock = SystemClock::start();
    let (wire, _) =
        SystemWire::open(clock, WireOptions::default()).context("cannot open the sockets of the engine")?;
    let (wire, costs) = calibrate::measure(wire, clock);
    let watched = watched(&plan, |method, is_v6| wire.ability(method, is_v6).map(drop))?;
    admit(&watched.targets, costs)?;
    let (orders, heard) = mpsc::channel();
    let give = move |order| {
        // After the last turn nobody listens any more, and nothing is left to order.
        let _ = orders.send(order);
    };
    signals::listen(give).context("cannot listen to signals")?;
    let (records, batches) = mpsc::sync_channel(limits::BATCH_QUEUE);
    let engine =
        Engine::start(wire, clock, engine_options(costs)?, records).context("cannot start the engine")?;
    confine::command(&engine)?;
    let terminal = Terminal::of_environment(global.colour(), global.ascii);
    let mode = mode_of(args, &terminal);
    let mut view = View::new(
        mode,
        plan.every,
        watched.targets.iter().map(|(target, _)| target),
        args.count,
        clock.anchor(),
        global.language(),
    );
    for (target, address) in &watched.targets {
        engine
            .set(engine_target(target, *address, args.count))
            .map_err(|refusal| UserError::usage(refusal.to_string()))?;
    }
    for note in &watched.notes {
        say::to_stderr(note);
    }
    view.open();
    let end_at = plan
        .duration
        .map_or(MonoTime::MAX, |duration| clock.mono().plus(duration));
    let mut screen = match mode {
        Mode::Screen => {
            let look = Look::new(&terminal, global.language(), jiff::tz::TimeZone::system());
            let mut screen = watch_screen::open(clock, look, Ui::new(args.hud, args.overlay))?;
            if let Some(note) = watched.notes.first() {
                screen.ui.say(note.clone(), clock.anchor().wall);
            }
            Some(screen)
        }
        Mode::Json | Mode::Plain => None,
    };
    let reader = match &mut screen {
        Some(screen) => {
            let feed = Feed {
                batches: &batches,
                orders: &heard,
                end_at,
            };
            let targets = watched.targets;
            Session::new(&plan, &engine, targets, args.count, clock).follow(&mut view, screen, &feed)
        }
        None => follow(&mut view, &batches, &heard, &clock, end_at),
    };
    let grace = plan.probe.timeout.min(DRAIN);
    let stopping = std::thread::spawn(move || engine.stop(grace));
    watch_screen::drain(&mut view, screen, &batches);
    drop(stopping.join());
    let happened = view.finish(clock.anchor(), reader);
    Ok(exit_of(args.fail_on, happened))
}

/// The full-screen view where nothing else was asked for and the terminal can show it.
fn mode_of(args: &Args, terminal: &Terminal) -> Mode {
    if args.json {
        Mode::Json
    } else if !args.plain && term::suits_a_screen(terminal) {
        Mode::Screen
    } else {
        Mode::Plain
    }
}

const fn exit_of(fail_on: Option<FailOn>, happened: Happened) -> Exit {
    match fail_on {
        Some(FailOn::Outage) if happened.outages > 0 => Exit::ConditionMet,
        Some(FailOn::Loss) if happened.failed > 0 => Exit::ConditionMet,
        _ => Exit::Ok,
    }
}

impl Plan {
    fn from_args(args: &Args) -> Result<Self, UserError> {
        let interval = length(
            "--interval",
            &args.interval,
            limits::INTERVAL_MIN,
            limits::INTERVAL_MAX,
        )?;
        let timeout = length(
            "--timeout",
            &args.timeout,
            limits::TIMEOUT_MIN,
            limits::TIMEOUT_MAX,
        )?;
        let every = length(
            "--every",
            &args.every,
            Duration::from_secs(1),
            Duration::from_secs(3600),
        )?;
        let duration = match &args.duration {
            Some(text) => Some(length(
                "--duration",
                text,
                Duration::from_millis(1),
                Duration::from_secs(366 * 86_400),
            )?),
            None => None,
        };
        let specs = args
            .targets
            .iter()
            .map(|text| target_spec(text))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            specs,
            probe: ProbePlan {
                interval,
                timeout,
                ..ProbePlan::default()
            },
            every,
            duration,
            is_interval_typed: interval != ProbePlan::default().interval,
        })
    }
}

/// A length of time from an option, within its limits.
pub(super) fn length(option: &str, text: &str, min: Duration, max: Duration) -> Result<Duration, UserError> {
    let limits = format!(
        "it can be {} to {}, such as 250ms or 2s",
        units::duration_text(min),
        units::duration_text(max)
    );
    let length = units::parse_duration(text)
        .map_err(|error| UserError::usage(format!("{option} {text}: {error}")).help(limits.clone()))?;
    if length < min || length > max {
        let what = if length < min { "shorter" } else { "longer" };
        let limit = if length < min { min } else { max };
        return Err(UserError::usage(format!(
            "{option} {text}: {what} than the limit of {}",
            units::duration_text(limit)
        ))
        .help(limits));
    }
    Ok(length)
}

/// What is watched, and what a person should know of it.
#[derive(Default)]
struct Watched {
    targets: Vec<(Target, Address)>,
    notes: Vec<String>,
}

/// Targets with their addresses. Everything is known before the first probe leaves or the first line is printed: no
/// half-started run, and a refusal stands alone.
fn watched(plan: &Plan, ability: impl Fn(Method, bool) -> Result<(), String>) -> Result<Watched, UserError> {
    let mut watched = Watched::default();
    for spec in &plan.specs {
        let address = address_of(&spec.host).map_err(|error| match spec.host {
            // `linewatch NAME` watches what is no command.
            Host::Name(_) => error.help("`linewatch --help` lists the commands, if you meant one"),
            Host::Literal { .. } => error,
        })?;
        let chosen = method::choose(spec.method, |method| ability(method, address.ip.is_ipv6())).map_err(
            |sentence| UserError {
                message: sentence,
                help: None,
                exit: Exit::Privilege,
            },
        )?;
        let id = TargetId(watched.targets.len() as u32 + 1);
        let target = target_of(id, spec, chosen.method, plan);
        if watched.targets.iter().any(|(other, _)| other.name == target.name) {
            return Err(
                UserError::usage(format!("target \"{}\" is given twice", target.name))
                    .help("give one of them another name: NAME=TARGET"),
            );
        }
        if let Some(notice) = chosen.notice {
            watched.notes.push(format!("note: {}: {notice}", target.name));
        }
        let per_s = target.plan.rate_per_s();
        if per_s > limits::PUBLIC_PROBES_PER_S as f64 && caps::is_public(address.ip) {
            watched.notes.push(format!(
                "note: {}: {per_s:.0} probes/s to a public address, because you typed the interval",
                target.name
            ));
        }
        watched.targets.push((target, address));
    }
    Ok(watched)
}

pub(super) fn target_of(id: TargetId, spec: &TargetSpec, method: Method, plan: &Plan) -> Target {
    let mut target = Target {
        method,
        plan: plan.probe,
        // The person typed the interval (REQUIREMENTS X9); a note says so.
        allow_high_rate: plan.is_interval_typed,
        ..Target::plain(id, spec.host.clone())
    };
    target.name = spec.name.clone().unwrap_or_else(|| target.address_text());
    target.slug = slug(&target.name);
    target
}

/// Refuses what the engine would refuse, before it has begun with the others.
pub(super) fn admit(watched: &[(Target, Address)], costs: Costs) -> Result<(), UserError> {
    let mut ledger = Ledger::new(costs);
    for (target, address) in watched {
        let entry = CapEntry::of(target.id, target, *address);
        ledger
            .admit(entry)
            .map_err(|refusal| UserError::usage(format!("target \"{}\": {refusal}", target.name)))?;
    }
    Ok(())
}

pub(super) fn address_of(host: &Host) -> Result<Address, UserError> {
    match host {
        Host::Literal { ip, zone } => Ok(Address {
            ip: *ip,
            scope: scope_of(*ip, zone.as_deref())?,
        }),
        Host::Name(name) => {
            let found = resolve(name).map_err(|sentence| {
                UserError::failed(in_lower_case(&sentence))
                    .help("check how the name is written, or give its address")
            })?;
            found
                .addresses
                .first()
                .copied()
                .ok_or_else(|| UserError::failed(format!("cannot find an address for \"{name}\"")))
        }
    }
}

/// An event begins with a capital letter, an error does not.
fn in_lower_case(sentence: &str) -> String {
    let mut letters = sentence.chars();
    let first = letters.next().into_iter().flat_map(char::to_lowercase);
    first.chain(letters).collect()
}

/// Asks the resolver and waits for it: there is nothing else to do yet.
fn resolve(name: &str) -> Result<Found, String> {
    let (answers, answer) = mpsc::channel();
    let deliver = move |said| match said {
        Said::Answer(answered) => drop(answers.send(answered.result)),
        Said::SourcesChanged => {}
    };
    // Asked once: nothing has to be spread in time.
    let resolver = Resolver::start(0, deliver).map_err(|error| error.to_string())?;
    if !resolver.resolve(name, name, Family::Auto) {
        return Err(format!("cannot ask for the address of \"{name}\""));
    }
    answer
        .recv()
        .unwrap_or_else(|_| Err(format!("the resolver gave no answer for \"{name}\"")))
}

fn scope_of(ip: IpAddr, zone: Option<&str>) -> Result<u32, UserError> {
    let Some(zone) = zone else { return Ok(0) };
    linewatch_probe::route::interface_index(zone).ok_or_else(|| {
        UserError::usage(format!("{ip}%{zone}: this computer has no interface \"{zone}\""))
            .help("`ip link` lists them")
    })
}

pub(super) fn engine_target(target: &Target, address: Address, slots: Option<u64>) -> EngineTarget {
    EngineTarget {
        id: target.id,
        address,
        method: target.method,
        plan: target.plan,
        allow_high_rate: target.allow_high_rate,
        egress: EgressIndex::default(),
        slots,
    }
}

/// Prints what comes until it is over: by count, by time, by signal, or because nobody reads.
fn follow(
    view: &mut View,
    batches: &Receiver<Arc<RecordBatch>>,
    orders: &Receiver<Order>,
    clock: &SystemClock,
    end_at: MonoTime,
) -> Reader {
    let mut tick_at = clock.mono().plus(limits::EVALUATE_EVERY);
    loop {
        let now = clock.mono();
        match batches.recv_timeout(tick_at.min(end_at).since(now).min(WAKE)) {
            Ok(batch) => {
                if view.take(&batch) == Reader::Gone {
                    return Reader::Gone;
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Reader::There,
        }
        match orders.try_recv() {
            Ok(Order::Statistics) => view.print_statistics(clock.anchor()),
            Ok(Order::Stop(_) | Order::Hangup) => return Reader::There,
            Err(_) => {}
        }
        let now = clock.mono();
        if now >= tick_at {
            tick_at = tick_at.plus(limits::EVALUATE_EVERY).max(now);
            if view.tick(clock.anchor()) == Reader::Gone {
                return Reader::Gone;
            }
        }
        if now >= end_at || view.is_complete() {
            return Reader::There;
        }
    }
}

/// A signal is noticed this fast; the batches themselves come at once.
const WAKE: Duration = Duration::from_millis(100);
