//! The wiring diagram of the monitor: builds everything in order, and takes it down in the opposite one.
//!
//! Generic over clock and wire, because `serve` runs over the kernel and `demo` over the simulation; everything else is the
//! same. Every thread and channel of the program is named here. Not here: any decision.

use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use anyhow::{Context as _, Result};
use linewatch_core::event::{EventKind, RunId, Severity};
use linewatch_core::limits;
use linewatch_core::port::{Clock, History, Wire};
use linewatch_core::time::WallTime;
use linewatch_probe::engine::Engine;
use linewatch_probe::resolve::Resolver;
use linewatch_store::{StartOptions, Store, StoreHandle};
use linewatch_web::{Hub, HubOptions, Notice, ServerOptions, StatusInfo};

use crate::access::{self, Access};
use crate::alerting::{self, delivery, reports};
use crate::config::{Loaded, watch};
use crate::confine;
use crate::control::{Abilities, Commanded, Control, Input, Reload, Start};
use crate::desktop;
use crate::evidence::EvidenceThread;
use crate::exit::{Exit, UserError};
use crate::knock::Knocker;
use crate::listen::{self, Wanted};
use crate::logging::Later;
use crate::method::engine_options;
use crate::notice;
use crate::notify::{Notify, NotifyOptions};
use crate::rrd_dir::RrdDir;
use crate::say;
use crate::server::Server;
use crate::signals;
use crate::spine::{Ends, Spine, Word};
use crate::supervise::{Loops, Manager, Watchdog};
use crate::tally::Tally;

/// How long probes in flight are awaited at the end (MEASURING "Signals and exit").
const DRAIN: Duration = Duration::from_secs(3);

/// How long the exit notice is tried: with [`DRAIN`] it stays below the 10 s of a dead server (MEASURING as above).
const FAREWELL: Duration = Duration::from_secs(5);
/// Who presses Ctrl+C twice waits no longer than this for a message that is half sent: a quarter of the 200 ms that SAFETY T29 gives it all.
const END_AT_ONCE: Duration = Duration::from_millis(50);

/// What probes travel through.
pub(crate) struct World<W, C> {
    /// The network.
    pub wire: W,
    /// The time.
    pub clock: C,
    /// What the network's sockets can do.
    pub abilities: Abilities,
    /// It is the network, and no simulation: names can be looked up, and people are told.
    pub is_real: bool,
}

/// What the monitor is to do, and where it lives.
pub(crate) struct Home {
    /// The checked configuration.
    pub loaded: Loaded,
    /// Reads it again.
    pub reload: Reload,
    /// Told about before "Monitoring ready": lines such as the configuration's path.
    pub preamble: Vec<String>,
    /// Development: the page from this directory.
    pub web_dir: Option<PathBuf>,
    /// Where log lines for the store go.
    pub log: Later,
}

/// Runs the monitor until it is told to stop.
///
/// # Errors
///
/// What keeps it from starting: never half-started.
pub(crate) fn run<W: Wire + 'static, C: Clock + Clone + Sync + 'static>(
    world: World<W, C>,
    home: Home,
) -> Result<Exit> {
    let World {
        wire,
        clock,
        abilities,
        is_real,
    } = world;
    let settings = &home.loaded.settings;
    let is_terminal = io::stderr().is_terminal();
    let manager = reach_manager();
    // First what a person most often has to mend, then what costs.
    let open = listen::open(wanted(&home.loaded, is_terminal))?;
    let vantage = if settings.server.vantage.is_empty() {
        host_name()
    } else {
        settings.server.vantage.clone()
    };
    if is_real {
        confine::check_owner(&home.loaded.data_dir)?;
    }
    let certificate = access::certificate(&home.loaded)?;
    let opened = Store::open(&home.loaded.data_dir, &vantage, clock.wall())
        .map_err(|error| UserError::failed(error.to_string()))?;
    for sentence in &opened.trouble {
        tracing::warn!("{sentence}");
    }
    // In the data directory, which is ours only now.
    let access = Access::prepare(&home.loaded, certificate, open.addr)?;
    let (run, interrupted, database) = (opened.run, opened.interrupted, opened.vantage);
    let (store, reader) = opened
        .store
        .start(StartOptions {
            queue: limits::STORE_QUEUE,
            flush_interval: settings.storage.flush_interval,
            clock: Arc::new(clock.clone()),
        })
        .context("cannot start the store's thread")?;
    {
        let store = store.clone();
        // A line for which there is no room stands on standard error all the same.
        home.log.connect(Box::new(move |row| {
            _ = store.try_send(linewatch_store::StoreMessage::Log(row))
        }));
    }
    let hub = Hub::new(HubOptions {
        epoch: epoch()?,
        run,
        started_at: clock.wall(),
    });
    let notices = notices(open.addr);
    let tally = Tally::default();
    let (inputs, heard) = mpsc::channel();
    let history: Arc<dyn History> = Arc::new(reader);
    let turned_at = Arc::new(AtomicU64::new(clock.mono().as_nanos()));
    let notify = if is_real {
        let options = NotifyOptions {
            clock: Arc::new(clock.clone()),
            store: store.clone(),
            vantage: database,
            run,
            graph: delivery::graph(Arc::clone(&history), clock.clone(), vantage.clone()),
            report: reports::maker(Arc::clone(&history)),
            targets: settings
                .targets
                .iter()
                .map(|target| target.target.clone())
                .collect(),
            on_trouble: {
                let inputs = inputs.clone();
                Box::new(move |severity, message| drop(inputs.send(Input::Undelivered(severity, message))))
            },
            is_alive: Arc::new(delivery::is_alive(clock.clone(), Arc::clone(&turned_at))),
        };
        let head = delivery::letterhead(settings, &vantage, &host_name());
        Some(Notify::start(options, &settings.alerts, head).context("cannot start the threads of alerts")?)
    } else {
        None
    };
    let ends = Ends {
        clock: clock.clone(),
        run,
        store: store.clone(),
        hub: hub.clone(),
        tally: tally.clone(),
        on_outage: Box::new(forward(&inputs, Input::Outage)),
        policy: alerting::policy(&settings.alerts),
        left: delivery::left(&store),
    };
    let way = delivery::way(notify.as_ref(), &store, Arc::clone(&turned_at));
    let (spine, batches, monitor_thread) =
        Spine::start(ends, way).context("cannot start the monitor's thread")?;
    let engine = Engine::start(wire, clock.clone(), engine_options(abilities.costs)?, batches)
        .context("cannot start the engine")?;
    store.keep(settings.storage.keeping());
    say_started(&spine, &clock, interrupted.is_some());
    if let (Some(interrupted), Some(notify)) = (&interrupted, &notify) {
        tell_interrupted(notify, &store, (interrupted.from, clock.wall()), run);
    }

    let ends = notify.clone();
    let before_exit = move || {
        if let Some(notify) = &ends {
            notify.end_at_once(END_AT_ONCE);
        }
    };
    signals::listen_and(forward(&inputs, Input::Order), before_exit).context("cannot listen to signals")?;
    let resolver = if is_real {
        Some(Resolver::start(
            random_seed()?,
            forward(&inputs, Input::Resolver),
        )?)
    } else {
        None
    };
    // A demo's network is made up, and has nobody outside.
    let knocker = if is_real {
        Some(Knocker::start(forward(&inputs, Input::Knocked)).context("cannot start the thread of advice")?)
    } else {
        None
    };
    let _watcher = watcher(&home.loaded, &inputs);
    let rrd = RrdDir::start(Arc::clone(&history), clock.clone())
        .context("cannot start the thread of the round-robin databases")?;
    let evidence = EvidenceThread::start(Arc::clone(&history), store.clone(), clock.clone())
        .context("cannot start the thread that keeps evidence")?;
    let server = Server::start(
        server_options(&open, &home, &access)?,
        &hub,
        history,
        clock.clone(),
        inputs,
    )?;
    let loops = Loops {
        engine: engine.pulse(),
        monitor: turned_at,
        store: store.clone(),
        page: open.addr,
    };
    let ready = ready_lines(&open, &home, &abilities, &access);
    let page = format!("http://{}", open.addr);
    // Asked now: later its device cannot be opened.
    let has_terminal = signals::has_controlling_terminal();
    let kept = is_real.then(|| confine::Kept::of(&engine, &home.loaded, home.web_dir.as_deref()));
    let to = Commanded {
        clock: clock.clone(),
        engine,
        spine,
        store,
        hub,
        tally,
        resolver,
        notify,
        rrd: Some(rrd),
        evidence: Some(evidence),
        knocker,
        manager: Arc::clone(&manager),
    };
    let status = StatusInfo {
        version: crate::VERSION.to_owned(),
        vantage,
        icmp_v4: abilities.icmp_v4_text.clone(),
        icmp_v6: abilities.icmp_v6_text.clone(),
        ..StatusInfo::default()
    };
    let control = Control::new(
        to,
        Start {
            abilities,
            reload: access::with_certificate(home.reload, access.tls),
            loaded: home.loaded,
            status,
            notices,
            storage_trouble: opened.trouble,
        },
    );
    if let Some(kept) = kept {
        kept.and_nothing_else()?;
    }
    let watchdog = Watchdog::start(&manager, loops, clock.clone()).context("cannot start the watchdog")?;
    for line in &ready {
        say::to_stdout(line);
    }
    manager.ready();
    desktop::open_page(&page);
    let (to, why) = control.run(&heard, has_terminal);

    // From the wire upwards: nothing new comes in, what is in flight gets its time, then each stage empties into the next.
    say::to_stderr("stopping: waiting for the last replies");
    manager.stopping();
    if let Some(watchdog) = watchdog {
        watchdog.stop();
    }
    let Commanded {
        engine,
        spine,
        store,
        tally,
        notify,
        rrd,
        evidence,
        ..
    } = to;
    engine.stop(DRAIN);
    spine.say(
        Word::Note(
            EventKind::Stopped,
            Severity::Info,
            None,
            "monitor stopped".to_owned(),
        ),
        &clock,
    );
    spine.say(Word::Finish, &clock);
    // A thread that panicked has already said so; the store must be closed all the same.
    let _ = monitor_thread.join();
    tally.statistics().iter().for_each(|line| say::to_stderr(line));
    server.stop();
    // What the monitor told last stands in the store by now, before the farewell.
    if notify.is_some_and(|notify| !notify.farewell(why, FAREWELL)) {
        say::to_stderr("not everything was delivered: the rest is at the next start");
    }
    if let Some(rrd) = rrd {
        rrd.stop();
    }
    if let Some(evidence) = evidence {
        evidence.stop();
    }
    store
        .stop("stopped in order")
        .map_err(|error| UserError::failed(format!("not everything was written: {error}")))?;
    say::to_stderr("stopped");
    Ok(Exit::Ok)
}

fn wanted(loaded: &Loaded, is_terminal: bool) -> Wanted {
    let is_explicit = loaded.settings.origin("server.listen") != linewatch_core::target::Origin::Default;
    Wanted {
        addr: loaded.settings.server.listen,
        is_explicit,
        is_terminal,
    }
}

/// Watches the operator's file; without the watch SIGHUP still reloads.
fn watcher(loaded: &Loaded, inputs: &mpsc::Sender<Input>) -> Option<watch::FileWatcher> {
    let path = loaded.config_path.clone()?;
    let inputs = inputs.clone();
    let started = watch::watch(&[path], move || drop(inputs.send(Input::FileChanged)));
    started
        .map_err(|sentence| tracing::warn!("{sentence}; send SIGHUP after a change"))
        .ok()
}

/// Makes a callback that hands its argument to the control thread.
fn forward<T>(inputs: &mpsc::Sender<Input>, wrap: fn(T) -> Input) -> impl Fn(T) + Send + Sync + use<T> {
    let inputs = inputs.clone();
    move |value| drop(inputs.send(wrap(value)))
}

/// The run before was killed, and nobody knows: it is told now, once. Not if that run has still said that it ends.
fn tell_interrupted(notify: &Notify, store: &StoreHandle, (from, to): (WallTime, WallTime), run: RunId) {
    if delivery::has_said_farewell(store, run) {
        return;
    }
    if let Err(error) = notify.interrupted(from, to) {
        tracing::warn!("that the monitor had been interrupted is told to nobody: {error}");
    }
}

fn say_started<C: Clock>(spine: &Spine, clock: &C, was_interrupted: bool) {
    if was_interrupted {
        let message = "the monitor had been interrupted: it was killed, or the power failed".to_owned();
        spine.say(
            Word::Note(EventKind::Interrupted, Severity::Warning, None, message),
            clock,
        );
    }
    let message = format!("monitor started, version {}", crate::VERSION);
    spine.say(
        Word::Note(EventKind::Started, Severity::Info, None, message),
        clock,
    );
}

/// What S4 promised to print, and what a person needs to find the page and the data.
fn ready_lines(open: &listen::Open, home: &Home, abilities: &Abilities, access: &Access) -> Vec<String> {
    let mut lines: Vec<String> = open
        .notice
        .iter()
        .map(|notice| format!("note: {notice}"))
        .collect();
    lines.extend(home.preamble.iter().cloned());
    lines.push(format!("Data in {}", home.loaded.data_dir.display()));
    lines.push(format!("ICMP: {}", abilities.icmp_v4_text));
    if abilities.icmp_v6_text != abilities.icmp_v4_text {
        lines.push(format!("ICMPv6: {}", abilities.icmp_v6_text));
    }
    lines.extend(access.lines(&home.loaded.settings.server, open.addr));
    lines.push("Monitoring ready".to_owned());
    lines
}

/// A service manager that cannot be reached is told nothing; it waits for "ready" and then starts us anew, so say why.
fn reach_manager() -> Arc<Manager> {
    let reached = Manager::reach().inspect_err(|error| {
        tracing::warn!("the service manager cannot be reached at $NOTIFY_SOCKET: {error}");
    });
    Arc::new(reached.unwrap_or_default())
}

/// What the page shows above everything else for as long as we run.
fn notices(addr: SocketAddr) -> Vec<Notice> {
    addr.ip()
        .is_loopback()
        .then(|| notice::loopback_only(&host_name(), addr.port()))
        .into_iter()
        .collect()
}

/// How the page is served: what the configuration says, and this computer's own names beside the allowed ones.
fn server_options(open: &listen::Open, home: &Home, access: &Access) -> io::Result<ServerOptions> {
    let server = &home.loaded.settings.server;
    let mut allowed_hosts = server.allowed_hosts.clone();
    allowed_hosts.extend(access::own_names(&host_name()));
    Ok(ServerOptions {
        listeners: open
            .listeners
            .iter()
            .map(std::net::TcpListener::try_clone)
            .collect::<io::Result<_>>()?,
        base_path: server.base_path.clone(),
        allowed_hosts,
        rule: access.rule.clone(),
        admin: access.admin.clone(),
        tls: access.tls.clone(),
        web_dir: home.web_dir.clone(),
        language: home.loaded.settings.web.language.clone(),
    })
}

/// Tells browsers one start from another.
fn epoch() -> Result<String> {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow::anyhow!("{error}"))
        .context("the operating system gives no random numbers")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Spreads questions to the name servers in time.
fn random_seed() -> Result<u64> {
    getrandom::u64()
        .map_err(|error| anyhow::anyhow!("{error}"))
        .context("the operating system gives no random numbers")
}

/// Ends a run of the store that has no engine: its thread does what every start does, and closes in order with this reason.
///
/// # Errors
///
/// The thread cannot be had, or the last flush failed.
pub(crate) fn end_run(
    store: Store,
    loaded: &Loaded,
    clock: impl Clock + Sync + 'static,
    why: &str,
) -> Result<()> {
    let (store, _) = store
        .start(StartOptions {
            queue: 1,
            flush_interval: loaded.settings.storage.flush_interval,
            clock: Arc::new(clock),
        })
        .context("cannot start the store's thread")?;
    store
        .stop(why)
        .map_err(|error| UserError::failed(error.to_string()))?;
    Ok(())
}

/// This computer's name, for the vantage and the Host allow-list.
pub(crate) fn host_name() -> String {
    #[cfg(unix)]
    let name = nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok());
    // Windows puts it into the environment of every process.
    #[cfg(windows)]
    let name = std::env::var("COMPUTERNAME").ok();
    name.unwrap_or_else(|| "localhost".to_owned())
}
