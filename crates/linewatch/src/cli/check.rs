//! `check-config` and `config show`: reads a configuration and says what is wrong with it, or what it means.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Subcommand;
use linewatch_core::caps::Costs;
use linewatch_core::limits::CORE_SHARE_MAX_PERCENT;
use linewatch_probe::calibrate;
use linewatch_probe::clock::SystemClock;
use linewatch_probe::sys::{SystemWire, WireOptions};

use super::Global;
use super::serve::mistakes;
use crate::config::{self, BuiltIn, Gateways, LoadOptions, Loaded};
use crate::exit::{Exit, UserError};
use crate::say;

/// Options of `linewatch check-config`.
#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// The file to check [default: the one that `serve` would take]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

/// `linewatch config …`.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print the configuration in force, with the origin of each value
    Show {
        /// The file to read [default: the one that `serve` would take]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

/// Checks a file: exit 0, or 2 with every mistake.
///
/// # Errors
///
/// The mistakes.
pub(super) fn check_config(global: &Global, args: &CheckArgs) -> Result<Exit> {
    let loaded = config::load(&options(global, args.file.clone(), None)?).map_err(mistakes)?;
    for warning in &loaded.warnings {
        say::to_stderr(&format!("warning: {warning}"));
    }
    say::to_stdout(config::check_report(&loaded).trim_end());
    let clock = SystemClock::start();
    let (wire, _) =
        SystemWire::open(clock, WireOptions::default()).context("cannot open sockets to measure with")?;
    let (_, costs) = calibrate::measure(wire, clock);
    say::to_stdout(&load(&loaded, costs)?);
    Ok(Exit::Ok)
}

/// What all targets together take of this computer, or that it is too much.
fn load(loaded: &Loaded, costs: Costs) -> Result<String, UserError> {
    let enabled = loaded.settings.targets.iter().map(|target| &target.target);
    let share: f64 = enabled
        .filter(|target| target.is_enabled)
        .map(|target| costs.core_share(target.method, &target.plan))
        .sum();
    let percent = (share * 100.0).ceil();
    let text = format!(
        "{percent} % of a processor core of {CORE_SHARE_MAX_PERCENT} % (measured here: {:.1} us a packet, {:.1} us a TCP handshake)",
        costs.packet_ns as f64 / 1000.0,
        costs.handshake_ns as f64 / 1000.0
    );
    if percent > CORE_SHARE_MAX_PERCENT as f64 {
        return Err(UserError::usage(format!("all targets together take {text}"))
            .help("raise `interval`, or split the targets over several monitors"));
    }
    Ok(format!("  about {text}"))
}

/// Does `config …`.
///
/// # Errors
///
/// The mistakes of the configuration.
pub(super) fn config(global: &Global, command: &ConfigCommand) -> Result<Exit> {
    let ConfigCommand::Show { config } = command;
    let routes = linewatch_probe::route::default_gateways();
    let gateways = Gateways {
        v4: routes.v4,
        v6: routes.v6,
        has_v4_route: routes.has_v4_route,
        has_v6_route: routes.has_v6_route,
    };
    // What is permitted is found out by `serve`; here the natural method is shown.
    let built_in = BuiltIn {
        gateways,
        is_icmp_v4_permitted: true,
        is_icmp_v6_permitted: true,
    };
    let loaded = config::load(&options(global, config.clone(), Some(built_in))?).map_err(mistakes)?;
    say::to_stdout(config::config_show(&loaded).trim_end());
    Ok(Exit::Ok)
}

fn options(global: &Global, explicit: Option<PathBuf>, built_in: Option<BuiltIn>) -> Result<LoadOptions> {
    Ok(LoadOptions {
        explicit,
        cwd: std::env::current_dir().context("the working directory is gone")?,
        environment: config::Environment(std::env::vars_os().collect()),
        data_dir: global.data_dir.clone(),
        listen: None,
        targets: Vec::new(),
        built_in,
        web_text: None,
    })
}
