//! `linewatch record`: S3's session. Measures at up to a thousand probes a second and keeps the figures in a folder.
//!
//! This file reads the command line and wires the threads; [`super::record_run`] follows the run. Not here: what a file
//! looks like (`linewatch_render::session`), and who writes it (`crate::record`).

use std::io;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use linewatch_core::limits;
use linewatch_core::port::{Clock as _, Wire as _};
use linewatch_core::spec::TargetSpec;
use linewatch_core::target::{Address, Target};
use linewatch_core::time::{WallTime, nanos_of};
use linewatch_probe::calibrate;
use linewatch_probe::clock::SystemClock;
use linewatch_probe::engine::Engine;
use linewatch_probe::sys::{SystemWire, WireOptions};
use linewatch_render::message::{Language, Letterhead};
use linewatch_render::session::{Facts, Heads, Start, preamble};

use super::record_run::{Outputs, Run};
use super::record_targets::{Recorded, recorded};
use super::watch::{DRAIN, admit, engine_target, length};
use super::{Global, load_options, mistakes, target_spec};
use crate::app::host_name;
use crate::config;
use crate::config::alerts::Alerts as AlertSettings;
use crate::confine;
use crate::exit::{Exit, UserError};
use crate::method::engine_options;
use crate::notify::direct;
use crate::record::alerts::{Alerts, Told};
use crate::record::files::{TargetFiles, Writer};
use crate::record::folder::{self, Folder};
use crate::say;
use crate::signals;

/// S3's target.
const TARGET_DEFAULT: &str = "tcp://1.1.1.1:53";

/// Options of `linewatch record`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  linewatch record 192.168.1.1:80                   a thousand handshakes a second\n  \
    linewatch record --preset isp --duration 1h       S3's own target, ten a second, for an hour\n  \
    linewatch record gw=192.168.1.1:80 isp=9.9.9.9:53 --charts --csv --json\n\n\
    Lengths of time have a unit (1ms, 10s, 24h); without one they are seconds, as in the tool this command contains.\n\
    Ctrl+C once ends the session in order, twice at once; the files are whole either way."
)]
pub(super) struct Args {
    /// HOST, HOST:PORT, tcp://HOST:PORT, udp://HOST:PORT, icmp://HOST, HOST:PORT/udp; NAME=TARGET gives a name
    /// [default: tcp://1.1.1.1:53]
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// The same, as an option; may be repeated
    #[arg(short = 'H', long = "hosts", value_name = "TARGET")]
    hosts: Vec<String>,
    /// Time between two probes: 1ms to 60s [default: 1ms to private addresses, 100ms to public ones]
    #[arg(short, long, value_name = "T", allow_hyphen_values = true)]
    interval: Option<String>,
    /// How long a probe may take: 1ms to 30s [default: 25ms]
    #[arg(short, long, value_name = "T", allow_hyphen_values = true)]
    timeout: Option<String>,
    /// A set of values for a purpose; options beside it win
    #[arg(long, value_name = "NAME")]
    preset: Option<Preset>,
    /// A second with more loss than this is an outage: 0 to 1
    #[arg(
        long,
        alias = "threshold",
        value_name = "RATIO",
        default_value_t = 0.3,
        allow_hyphen_values = true
    )]
    loss_threshold: f64,
    /// The files are written this often: 1s to 1h [default: 10s]
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    write_interval: Option<String>,
    /// Seconds kept in memory: 60 to 86400; totals and outages are always complete [default: 3600]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    max_seconds: Option<String>,
    /// Also write every single attempt: 77 bytes each, 277 MB an hour at a thousand a second
    #[arg(long)]
    connection_log: bool,
    /// Also write session.csv: a row a second
    #[arg(long)]
    csv: bool,
    /// Also write session.json: totals, outages, and the seconds in memory
    #[arg(long)]
    json: bool,
    /// Also draw latency.png and loss.png
    #[arg(long)]
    charts: bool,
    /// Tell this address of outages; may be repeated
    #[arg(long, value_name = "URL")]
    webhook: Vec<String>,
    /// Mail this address about outages, through the server of [alerts.email] or EMAIL_*; may be repeated
    #[arg(long, value_name = "ADDR")]
    email_to: Vec<String>,
    /// Where the session's folder is made [default: the working directory]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Stop after this time
    #[arg(short, long, value_name = "T")]
    duration: Option<String>,
    /// Configuration file, for --email-to [default: the one that `serve` would take]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// S3's three uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Preset {
    /// Document a line for its provider: every 100 ms, time-out 50 ms
    Isp,
    /// Find outages shorter than a second: every 1 ms, time-out 25 ms
    Micro,
    /// Days: two hours in memory, files every minute
    Long,
}

/// The command line, understood.
pub(super) struct Plan {
    pub(super) specs: Vec<TargetSpec>,
    /// As typed or by a preset; `None`: by where the target is.
    pub(super) interval: Option<Duration>,
    pub(super) timeout: Duration,
    pub(super) loss_threshold: f64,
    pub(super) write_interval: Duration,
    pub(super) max_seconds: usize,
    pub(super) duration: Option<Duration>,
}

/// Does it.
///
/// # Errors
///
/// A wrong option, a name without an address, a folder that cannot be made, files that could not be finished.
pub(super) fn run(global: &Global, args: &Args) -> Result<Exit> {
    let plan = Plan::from_args(args)?;
    let told = told(global, args)?;
    let clock = SystemClock::start();
    let (wire, _) =
        SystemWire::open(clock, WireOptions::default()).context("cannot open the sockets of the engine")?;
    let (wire, costs) = calibrate::measure(wire, clock);
    let recorded = recorded(&plan, |method, is_v6| wire.ability(method, is_v6).map(drop))?;
    admit(&recorded.targets, costs)?;
    let start = clock.anchor();
    let all = facts(&plan, &recorded, args, start.wall);
    let folder = folder::make(&args.out.clone().unwrap_or_default(), &all)?;
    let writer = writer(&folder, &all)?;
    let alerts = told.map(Alerts::start).transpose();
    let alerts = alerts.context("cannot start a thread")?;
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
    let outputs = Outputs {
        has_json: args.json,
        has_charts: args.charts,
        write_interval: plan.write_interval,
    };
    let targets: Vec<_> = recorded.targets.iter().map(|(target, _)| target).collect();
    let language = global.language();
    let mut run = Run::new(&targets, &all, start, outputs, language, (writer, alerts));
    for (target, address) in &recorded.targets {
        let slots = slots(&plan, target.plan.interval);
        engine
            .set(engine_target(target, *address, slots))
            .map_err(|refusal| UserError::usage(refusal.to_string()))?;
        run.expect(target.id, slots);
    }
    announce(&recorded, &folder, &all[0], &plan, language);
    // Slots decide when it is over; this much later it is over whatever became of them.
    let end_at = plan
        .duration
        .map(|duration| clock.mono().plus(duration + plan.timeout + DRAIN));
    let reader = run.follow(&batches, &heard, &clock, end_at);
    let grace = plan.timeout.min(DRAIN);
    let stopping = std::thread::spawn(move || engine.stop(grace));
    while let Ok(batch) = batches.recv() {
        run.take(&batch);
    }
    drop(stopping.join());
    run.finish(clock.anchor(), reader)
}

/// The thread that writes, with the heads of all files written.
fn writer(folder: &Folder, all: &[Facts]) -> Result<Writer, UserError> {
    let files = folder.targets.iter().zip(all).map(|(dir, facts)| {
        let heads = Heads::of(facts);
        TargetFiles::new(dir, &folder.file, heads, facts.has_log, facts.has_csv)
    });
    let files: Result<Vec<_>, _> = files.collect();
    files
        .and_then(|files| Writer::start(files, say::to_stderr))
        .map_err(|words| UserError::failed(words).help("choose a place that can be written:  --out DIR"))
}

/// Notes, and the preamble. Only now: a session that is refused says nothing else.
fn announce(recorded: &Recorded, folder: &Folder, facts: &Facts, plan: &Plan, language: Language) {
    for note in &recorded.notes {
        say::to_stderr(note);
    }
    let about = Start {
        folder: &folder.path.display().to_string(),
        write_interval: plan.write_interval,
    };
    for line in preamble(facts, about, language) {
        // Whether anybody reads shows with the first row.
        let _ = say::to_stdout(&line);
    }
}

/// With `--duration` the number of probes is known: not one more or less because a thread woke late.
fn slots(plan: &Plan, interval: Duration) -> Option<u64> {
    let duration_ns = nanos_of(plan.duration?);
    Some(duration_ns.div_ceil(nanos_of(interval).max(1)).max(1))
}

fn facts(plan: &Plan, recorded: &Recorded, args: &Args, started: WallTime) -> Vec<Facts> {
    let zone = jiff::tz::TimeZone::system();
    let of = |(target, _): &(Target, Address)| Facts {
        target: target.name.clone(),
        host: config::host_text(&target.host),
        port: target.method.port(),
        protocol: target.method.word().to_uppercase(),
        interval: target.plan.interval,
        timeout: target.plan.timeout,
        has_log: args.connection_log,
        has_csv: args.csv,
        loss_threshold: plan.loss_threshold,
        max_seconds: plan.max_seconds,
        zone: zone.clone(),
        started,
    };
    recorded.targets.iter().map(of).collect()
}

/// Whom to tell of outages; `None`: nobody was named.
fn told(global: &Global, args: &Args) -> Result<Option<Told>> {
    for url in &args.webhook {
        if !(url.starts_with("https://") || url.starts_with("http://")) {
            return Err(
                UserError::usage("--webhook: an address begins with https:// or http://")
                    .help("write the whole address: --webhook https://hooks.example.com/…")
                    .into(),
            );
        }
    }
    if args.webhook.is_empty() && args.email_to.is_empty() {
        return Ok(None);
    }
    let settings = if args.email_to.is_empty() {
        AlertSettings::default()
    } else {
        let options = load_options(global, args.config.clone())?;
        config::load(&options).map_err(mistakes)?.settings.alerts
    };
    let email = (!args.email_to.is_empty()).then(|| {
        let mut email = settings.email.clone();
        email.to.clone_from(&args.email_to);
        email
    });
    if email.as_ref().is_some_and(|email| !direct::has_sender(email)) {
        return Err(UserError::usage("--email-to: nobody is there to send the mail")
            .help(
                "set [alerts.email] from and server in linewatch.toml, or EMAIL_SENDER, EMAIL_SMTP_SERVER and \
                 EMAIL_PASSWORD in the environment",
            )
            .into());
    }
    Ok(Some(Told {
        webhooks: args.webhook.clone(),
        email,
        head: Letterhead {
            vantage: host_name(),
            version: crate::VERSION.to_owned(),
            page: String::new(),
            zone: jiff::tz::TimeZone::system(),
            language: global.language(),
        },
        cooldown: settings.cooldown,
    }))
}

impl Plan {
    fn from_args(args: &Args) -> Result<Self, UserError> {
        let (by_interval, by_timeout, by_seconds, by_write) = match args.preset {
            None => (None, "25ms", "3600", "10s"),
            Some(Preset::Isp) => (Some("100ms"), "50ms", "3600", "10s"),
            Some(Preset::Micro) => (Some("1ms"), "25ms", "3600", "10s"),
            Some(Preset::Long) => (None, "25ms", "7200", "60s"),
        };
        let seconds = Duration::from_secs;
        let interval = match args.interval.as_deref().or(by_interval) {
            Some(text) => Some(s3_length("--interval", text, limits::INTERVAL_MIN, seconds(60))?),
            None => None,
        };
        let timeout = args.timeout.as_deref().unwrap_or(by_timeout);
        let timeout = s3_length("--timeout", timeout, limits::TIMEOUT_MIN, limits::TIMEOUT_MAX)?;
        let write = args.write_interval.as_deref().unwrap_or(by_write);
        let write_interval = s3_length("--write-interval", write, seconds(1), seconds(3600))?;
        let kept = args.max_seconds.as_deref().unwrap_or(by_seconds);
        let duration = match &args.duration {
            Some(text) => Some(s3_length(
                "--duration",
                text,
                Duration::from_millis(1),
                seconds(366 * 86_400),
            )?),
            None => None,
        };
        if !(0.0..=1.0).contains(&args.loss_threshold) {
            return Err(
                UserError::usage(format!("--loss-threshold {}: it is a ratio", args.loss_threshold))
                    .help("it can be 0.0 to 1.0; 0.3 calls a second with more than 30% loss an outage"),
            );
        }
        let max_seconds = max_seconds(kept)?;
        Ok(Self {
            specs: specs(args)?,
            interval,
            timeout,
            loss_threshold: args.loss_threshold,
            write_interval,
            max_seconds,
            duration,
        })
    }
}

fn specs(args: &Args) -> Result<Vec<TargetSpec>, UserError> {
    let mut texts: Vec<&str> = args
        .targets
        .iter()
        .chain(&args.hosts)
        .map(String::as_str)
        .collect();
    if texts.is_empty() {
        texts.push(TARGET_DEFAULT);
    }
    texts
        .into_iter()
        .map(|text| target_spec(&s3_target(text)))
        .collect()
}

/// `host:port/proto`, as S3 wrote it, is `proto://host:port`.
fn s3_target(text: &str) -> String {
    let proto = ["tcp", "udp", "icmp"]
        .into_iter()
        .find_map(|proto| Some((text.strip_suffix(&format!("/{proto}"))?, proto)));
    let Some((rest, proto)) = proto.filter(|(rest, _)| !rest.contains("://")) else {
        return text.to_owned();
    };
    match rest.split_once('=') {
        Some((name, rest)) => format!("{name}={proto}://{rest}"),
        None => format!("{proto}://{rest}"),
    }
}

/// A length with its unit, or in seconds without one.
fn s3_length(option: &str, text: &str, min: Duration, max: Duration) -> Result<Duration, UserError> {
    let trimmed = text.trim();
    let is_bare = !trimmed.is_empty() && trimmed.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_bare {
        length(option, &format!("{trimmed}s"), min, max)
    } else {
        length(option, text, min, max)
    }
}

fn max_seconds(text: &str) -> Result<usize, UserError> {
    let limits = "it can be 60 to 86400 seconds; totals and outages are complete with any";
    let number = text.trim().trim_end_matches('s').parse::<usize>();
    match number {
        Ok(number @ 60..=86_400) => Ok(number),
        Ok(number) => {
            let what = if number < 60 {
                "fewer than the 60 that are needed"
            } else {
                "more than the limit of 86400"
            };
            Err(UserError::usage(format!("--max-seconds {text}: {what}")).help(limits))
        }
        Err(_) => Err(UserError::usage(format!("--max-seconds {text}: it is no whole number")).help(limits)),
    }
}

/// Files that are incomplete at the end are a failure, whatever was printed.
pub(super) fn incomplete(words: &str, lines_dropped: u64) -> UserError {
    let mut message = words.to_owned();
    if lines_dropped > 0 {
        message.push_str(&format!("; {lines_dropped} lines are lost"));
    }
    UserError::failed(message).help("make room and record again, or choose another place with  --out DIR")
}

/// Whether the header comes again: on a terminal.
pub(super) fn repeats_header() -> bool {
    io::IsTerminal::is_terminal(&io::stdout())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn plan(line: &str) -> Result<Plan, UserError> {
        let words = std::iter::once("record").chain(line.split_whitespace());
        Plan::from_args(&Line::try_parse_from(words).expect("a line of options").args)
    }

    #[track_caller]
    fn check_refused(line: &str, words: &str) {
        let error = plan(line).err().expect("refused");
        assert!(error.to_string().contains(words), "{line}: {error}");
        assert_eq!(error.exit, Exit::Usage);
    }

    #[test]
    fn s3s_values_are_the_defaults() {
        let plan = plan("").expect("a plan");
        assert_eq!(plan.specs[0].host, target_spec("1.1.1.1").expect("a host").host);
        assert_eq!(plan.interval, None);
        assert_eq!(
            (plan.timeout, plan.max_seconds),
            (Duration::from_millis(25), 3600)
        );
        assert_eq!(plan.write_interval, Duration::from_secs(10));
    }

    #[test]
    fn a_preset_sets_what_nobody_typed() {
        let isp = plan("--preset isp").expect("a plan");
        assert_eq!(isp.interval, Some(Duration::from_millis(100)));
        assert_eq!(isp.timeout, Duration::from_millis(50));
        let isp = plan("--preset isp --timeout 80ms").expect("a plan");
        assert_eq!(isp.timeout, Duration::from_millis(80));
        let micro = plan("--preset micro").expect("a plan");
        assert_eq!(micro.interval, Some(Duration::from_millis(1)));
        let long = plan("--preset long").expect("a plan");
        assert_eq!((long.max_seconds, long.write_interval.as_secs()), (7200, 60));
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_can() {
        check_refused("--interval 0", "--interval 0s: shorter than the limit of 1ms");
        check_refused("--interval 61s", "longer than the limit of");
        check_refused("--timeout 31", "--timeout 31s: longer than the limit of 30s");
        check_refused("--loss-threshold 1.5", "0.0 to 1.0");
        check_refused("--loss-threshold -0.1", "0.0 to 1.0");
        check_refused("--max-seconds 10", "60 to 86400");
        check_refused("--write-interval 0", "shorter than the limit of 1s");
        check_refused("--interval -1s", "is below zero");
    }

    #[test]
    fn s3s_way_of_writing_targets_and_seconds_is_understood() {
        assert_eq!(s3_target("8.8.8.8:53/udp"), "udp://8.8.8.8:53");
        assert_eq!(s3_target("dns=8.8.8.8:53/tcp"), "dns=tcp://8.8.8.8:53");
        assert_eq!(s3_target("tcp://8.8.8.8:53"), "tcp://8.8.8.8:53");
        let plan = plan("-i 0.001 -t 0.5 -H 10.0.0.1:80 -H 10.0.0.2:80").expect("a plan");
        assert_eq!(plan.interval, Some(Duration::from_millis(1)));
        assert_eq!(plan.timeout, Duration::from_millis(500));
        assert_eq!(plan.specs.len(), 2);
    }

    #[test]
    fn a_duration_is_a_number_of_probes() {
        let plan = plan("--duration 60s").expect("a plan");
        assert_eq!(slots(&plan, Duration::from_millis(1)), Some(60_000));
        assert_eq!(slots(&plan, Duration::from_millis(7)), Some(8_572));
    }
}
