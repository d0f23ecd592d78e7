//! `check-config` and `config show`: reads a configuration and says what is wrong with it, or what it means.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Subcommand;
use linewatch_core::caps::Costs;
use linewatch_core::limits::CORE_SHARE_MAX_PERCENT;
use linewatch_probe::calibrate;
use linewatch_probe::clock::SystemClock;
use linewatch_probe::sys::{SystemWire, WireOptions};

use super::{Global, load_options, mistakes};
use crate::config::{self, BuiltIn, LoadOptions, Loaded};
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
    let loaded = config::load(&load_options(global, args.file.clone())?).map_err(mistakes)?;
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
    // The sum of no targets is -0.
    let percent = (share * 100.0).ceil() + 0.0;
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
    // What is permitted is found out by `serve`; here the natural method is shown.
    let built_in = BuiltIn {
        gateways: linewatch_probe::route::default_gateways(),
        is_icmp_v4_permitted: true,
        is_icmp_v6_permitted: true,
    };
    let options = LoadOptions {
        built_in: Some(built_in),
        ..load_options(global, config.clone())?
    };
    let loaded = config::load(&options).map_err(mistakes)?;
    say::to_stdout(config::config_show(&loaded).trim_end());
    Ok(Exit::Ok)
}
