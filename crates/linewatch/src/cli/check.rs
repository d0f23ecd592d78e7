//! `check-config` and `config show`: reads a configuration and says what is wrong with it, or what it means.

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;

use super::{Global, load_options, mistakes};
use crate::config::{self, BuiltIn, LoadOptions};
use crate::exit::Exit;
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
    Ok(Exit::Ok)
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
