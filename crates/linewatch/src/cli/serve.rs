//! `linewatch serve`: the monitor over this computer's own network.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use linewatch_core::caps::Costs;
use linewatch_core::port::Clock as _;
use linewatch_core::record::Class;
use linewatch_probe::calibrate;
use linewatch_probe::clock::SystemClock;
use linewatch_probe::route;
use linewatch_probe::sys::{IcmpReport, SystemWire, WireOptions, WireReport};
use linewatch_store::{OpenError, Store, holder_of};

use super::{Global, load_options, mistakes, target_spec};
use crate::app::{self, Home, World};
use crate::config::{self, BuiltIn, LoadOptions, Loaded};
use crate::control::{self, Abilities};
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
    let options = options(global, args, &report)?;
    let loaded = config::load(&options).map_err(mistakes)?;
    let log = logging::start(&loaded.settings.logging.level, io::stderr().is_terminal(), clock);
    loaded.warnings.iter().for_each(logging::warn_of);
    if args.init_db {
        return init_db(&loaded, clock);
    }
    // Said before anything is measured; the lock itself is taken when the store is opened.
    if let Some(holder) = holder_of(&loaded.data_dir) {
        let path = loaded.data_dir.clone();
        return Err(UserError::failed(OpenError::Locked { path, holder }.to_string()).into());
    }
    let (wire, costs) = calibrate::measure(wire, clock);
    let abilities = abilities(&report.icmp_v4, &report.icmp_v6, costs);
    let preamble = preamble(&loaded);
    let home = Home {
        reload: control::reload_with(options, &loaded),
        loaded,
        preamble,
        web_dir: args.web_dir.clone(),
        log,
    };
    app::run(
        World {
            wire,
            clock,
            abilities,
            is_real: true,
        },
        home,
    )
}

/// What a person should know of where the targets come from.
fn preamble(loaded: &Loaded) -> Vec<String> {
    let targets = &loaded.settings.targets;
    let is_built_in = targets.iter().any(|target| target.is_built_in);
    let mut lines = vec![match (&loaded.config_path, is_built_in) {
        (Some(path), false) => format!("Configuration {}", path.display()),
        (Some(path), true) => format!(
            "Configuration {}, which has no targets: watching the built-in lines",
            path.display()
        ),
        (None, true) => {
            "No configuration file: watching the built-in lines (linewatch.sample.toml has every key)"
                .to_owned()
        }
        (None, false) => "No configuration file (linewatch.sample.toml has every key)".to_owned(),
    }];
    if is_built_in && loaded.settings.target(config::GATEWAY_ID).is_none() {
        lines.push(
            "No line for a gateway: this computer has no default gateway now, or the line was removed on the page"
                .to_owned(),
        );
    }
    lines
}

/// Creates the database, says where, and ends (REQUIREMENTS S1-4).
fn init_db(loaded: &Loaded, clock: SystemClock) -> Result<Exit> {
    let opened = Store::open(&loaded.data_dir, &app::host_name(), clock.wall())
        .map_err(|error| UserError::failed(error.to_string()))?;
    app::end_run(opened.store, loaded, clock, "database created")?;
    say::to_stdout(&format!("Database ready in {}", loaded.data_dir.display()));
    Ok(Exit::Ok)
}

fn options(global: &Global, args: &Args, report: &WireReport) -> Result<LoadOptions> {
    let targets = args
        .targets
        .iter()
        .map(|text| target_spec(text))
        .collect::<Result<_, _>>()?;
    Ok(LoadOptions {
        listen: args.listen.clone(),
        targets,
        built_in: Some(BuiltIn {
            gateways: route::default_gateways(),
            is_icmp_v4_permitted: report.icmp_v4.is_ok(),
            is_icmp_v6_permitted: report.icmp_v6.is_ok(),
        }),
        ..load_options(global, args.config.clone())?
    })
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

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use linewatch_probe::route::Gateways;

    use super::*;

    /// What is said at start with this file, these targets and this gateway.
    fn told(file: Option<&str>, targets: &[&str], gateway: Option<IpAddr>) -> String {
        let operator = file.map(|text| ("linewatch.toml".into(), text.to_owned()));
        let options = LoadOptions {
            data_dir: Some("data".into()),
            targets: targets
                .iter()
                .map(|text| target_spec(text).expect("a target"))
                .collect(),
            built_in: Some(BuiltIn {
                gateways: Gateways {
                    v4: gateway.map(Into::into),
                    has_v4_route: gateway.is_some(),
                    ..Gateways::default()
                },
                is_icmp_v4_permitted: true,
                is_icmp_v6_permitted: true,
            }),
            operator: config::Operator::AsRead(operator),
            ..LoadOptions::default()
        };
        preamble(&config::load(&options).expect("right")).join("\n")
    }

    #[test]
    fn built_in_lines_are_announced_only_where_they_are_watched() {
        let router = Some(Ipv4Addr::new(192, 168, 1, 1).into());
        let plain = told(None, &[], router);
        assert!(
            plain.contains("built-in lines") && !plain.contains("gateway"),
            "{plain}"
        );
        let typed = told(None, &["192.168.1.9"], router);
        assert!(!typed.contains("built-in"), "{typed}");
        let empty = told(Some("[web]\n"), &[], router);
        assert!(empty.contains("has no targets: watching the built-in"), "{empty}");
    }

    #[test]
    fn a_missing_gateway_is_said_once_where_its_line_would_be() {
        assert!(told(None, &[], None).contains("no default gateway"));
        let typed = told(None, &["192.168.1.9"], None);
        assert!(!typed.contains("gateway"), "{typed}");
    }
}
