//! `linewatch serve`: the monitor over this computer's own network.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use linewatch_core::caps::Costs;
use linewatch_core::port::Clock as _;
use linewatch_core::record::Class;
use linewatch_core::spec::TargetSpec;
use linewatch_probe::calibrate;
use linewatch_probe::clock::SystemClock;
use linewatch_probe::route;
use linewatch_probe::sys::{IcmpReport, SystemWire, WireOptions};
use linewatch_store::{StartOptions, Store};

use super::Global;
use crate::app::{self, Home, World};
use crate::config::{self, BuiltIn, ConfigErrors, Gateways, LoadOptions, Loaded};
use crate::control::{Abilities, Reload};
use crate::exit::{Exit, UserError};
use crate::{logging, say};

/// Options of `linewatch serve`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Watched beside the configured ones, never saved
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Configuration file [default: ./linewatch.toml, then the user's, then /etc/linewatch/linewatch.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the page is [default: 127.0.0.1:5000; port 0 takes a free one and prints it]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
    /// Create the database and exit
    #[arg(long)]
    init_db: bool,
    /// Serve the page's files from a directory instead of from inside the program
    #[arg(long, value_name = "DIR", hide = true)]
    web_dir: Option<PathBuf>,
}

/// Does it.
///
/// # Errors
///
/// What keeps the monitor from starting.
pub(super) fn run(global: &Global, args: &Args) -> Result<Exit> {
    let clock = SystemClock::start();
    let (wire, report) =
        SystemWire::open(clock, WireOptions::default()).context("cannot open the sockets of the engine")?;
    let (wire, costs) = calibrate::measure(wire, clock);
    let abilities = abilities(&report.icmp_v4, &report.icmp_v6, costs);
    let options = options(global, args, &abilities)?;
    let loaded = config::load(&options).map_err(mistakes)?;
    let log = logging::start(&loaded.settings.logging.level, io::stderr().is_terminal(), clock);
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    if args.init_db {
        return init_db(&loaded, clock);
    }
    let preamble = vec![match &loaded.config_path {
        Some(path) => format!("Configuration {}", path.display()),
        None => "No configuration file: watching the built-in lines (linewatch.sample.toml has every key)"
            .to_owned(),
    }];
    let reload: Reload = Box::new(move |web_text| {
        config::load(&LoadOptions {
            web_text,
            ..options.clone()
        })
    });
    let home = Home {
        loaded,
        reload,
        preamble,
        web_dir: args.web_dir.clone(),
        log,
    };
    app::run(
        World {
            wire,
            clock,
            abilities,
            has_resolver: true,
        },
        home,
    )
}

/// Creates the database, says where, and ends (REQUIREMENTS S1-4).
fn init_db(loaded: &Loaded, clock: SystemClock) -> Result<Exit> {
    let opened = Store::open(&loaded.data_dir, &app::host_name(), clock.wall())
        .map_err(|error| UserError::failed(error.to_string()))?;
    let (store, _) = opened
        .store
        .start(StartOptions {
            queue: 1,
            flush_interval: loaded.settings.storage.flush_interval,
            clock: Arc::new(clock),
        })
        .context("cannot start the store's thread")?;
    store
        .stop("database created")
        .map_err(|error| UserError::failed(error.to_string()))?;
    say::to_stdout(&format!("Database ready in {}", loaded.data_dir.display()));
    Ok(Exit::Ok)
}

fn options(global: &Global, args: &Args, abilities: &Abilities) -> Result<LoadOptions> {
    let routes = route::default_gateways();
    let mut targets = Vec::new();
    for text in &args.targets {
        let spec = TargetSpec::parse(text).map_err(|error| {
            UserError::usage(format!("target \"{}\": {error}", logging::visible(text))).help(error.help())
        })?;
        targets.push(spec);
    }
    Ok(LoadOptions {
        explicit: args.config.clone(),
        cwd: std::env::current_dir().context("the working directory is gone")?,
        environment: config::Environment(std::env::vars_os().collect()),
        data_dir: global.data_dir.clone(),
        listen: args.listen.clone(),
        targets,
        built_in: Some(BuiltIn {
            gateways: Gateways {
                v4: routes.v4,
                v6: routes.v6,
                has_v4_route: routes.has_v4_route,
                has_v6_route: routes.has_v6_route,
            },
            is_icmp_v4_permitted: abilities.icmp_v4.is_ok(),
            is_icmp_v6_permitted: abilities.icmp_v6.is_ok(),
        }),
        web_text: None,
    })
}

/// All mistakes of a configuration, as the program ends with them.
pub(super) fn mistakes(errors: ConfigErrors) -> UserError {
    // Each mistake brings its own `error:`; the first one is written by `main`.
    let text = errors.to_string();
    UserError::usage(text.strip_prefix("error: ").unwrap_or(&text).to_owned())
}

fn abilities(v4: &Result<IcmpReport, String>, v6: &Result<IcmpReport, String>, costs: Costs) -> Abilities {
    Abilities {
        icmp_v4: v4.as_ref().map(drop).map_err(Clone::clone),
        icmp_v6: v6.as_ref().map(drop).map_err(Clone::clone),
        icmp_v4_text: icmp_text(v4),
        icmp_v6_text: icmp_text(v6),
        costs,
    }
}

/// `raw socket, kernel time stamps (class K)`, or why there is none.
fn icmp_text(icmp: &Result<IcmpReport, String>) -> String {
    match icmp {
        Ok(report) => {
            let socket = if report.is_raw {
                "raw socket"
            } else {
                "ping socket"
            };
            let stamps = match report.class {
                Class::K => "kernel time stamps (class K)",
                Class::H => "kernel receive stamps (class H)",
                Class::U => "no kernel stamps (class U)",
            };
            format!("{socket}, {stamps}")
        }
        Err(sentence) => format!("not permitted: {}", sentence.lines().next().unwrap_or_default()),
    }
}
