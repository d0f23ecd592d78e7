//! `linewatch demo`: the whole program over a simulated network, without privileges or network.
//!
//! The scenario's targets become an ordinary configuration file in a directory of its own that leaves with the demo, so
//! that everything on the page works as it does over a real network. Not here: what the network does (`linewatch_sim`).

use std::io::{self, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use linewatch_core::caps::Costs;
use linewatch_core::limits;
use linewatch_core::target::Target;
use linewatch_probe::clock::SystemClock;
use linewatch_sim::clock::Paced;
use linewatch_sim::scenario::{DEMO, Scenario};
use linewatch_sim::wire::SimWire;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use super::{Global, mistakes};
use crate::app::{self, Home, World};
use crate::config::{self, LoadOptions, units};
use crate::control::{self, Abilities};
use crate::exit::{Exit, UserError};
use crate::logging;

/// Options of `linewatch demo`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A scenario file [default: a built-in one that goes on for ever]
    #[arg(value_name = "SCENARIO")]
    scenario: Option<PathBuf>,
    /// Where the page is [default: 127.0.0.1:5000; port 0 takes a free one and prints it]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
    /// Another network of the same kind [default: the scenario's own]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The story goes this much faster: 0.01 to 1000. Delays stay what they are
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    speed: f64,
    /// Serve the page's files from a directory instead of from inside the program
    #[arg(long, value_name = "DIR", hide = true)]
    web_dir: Option<PathBuf>,
}

/// Does it.
///
/// # Errors
///
/// A scenario that cannot be read or run in real time, and what keeps any monitor from starting.
pub(super) fn run(global: &Global, args: &Args) -> Result<Exit> {
    if !(0.01..=1000.0).contains(&args.speed) {
        return Err(UserError::usage(format!("--speed {}: it can be 0.01 to 1000", args.speed)).into());
    }
    let scenario = scenario(args)?;
    let home = Burrow::dig(global.data_dir.as_deref())?;
    let file = home.dir.join("linewatch.toml");
    std::fs::write(&file, configuration(&scenario.first_targets())?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    let options = LoadOptions {
        explicit: Some(file),
        cwd: home.dir.clone(),
        data_dir: Some(home.dir.clone()),
        listen: args.listen.clone(),
        ..LoadOptions::default()
    };
    let loaded = config::load(&options).map_err(mistakes)?;
    let clock = SystemClock::start();
    let wire = SimWire::open(&scenario.network(false), Paced::new(clock, args.speed));
    let log = logging::start(&loaded.settings.logging.level, io::stderr().is_terminal(), clock);
    let preamble = vec!["A simulated network: nothing leaves this computer, and nothing is kept.".to_owned()];
    let text = "simulated network (class K)".to_owned();
    let abilities = Abilities {
        icmp_v4: Ok(()),
        icmp_v6: Ok(()),
        icmp_v4_text: text.clone(),
        icmp_v6_text: text,
        costs: Costs::default(),
    };
    let home_of_monitor = Home {
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
            is_real: false,
        },
        home_of_monitor,
    )
}

fn scenario(args: &Args) -> Result<Scenario> {
    let text = match &args.scenario {
        Some(path) => read(path)?,
        None => DEMO.to_owned(),
    };
    let mut scenario = Scenario::parse(&text).map_err(|error| {
        UserError::usage(error.to_string()).help("tests/scenarios/README.md has the language")
    })?;
    if let Some(what) = scenario.needs_simulated_time() {
        return Err(UserError::usage(format!(
            "this scenario needs {what}, which cannot be shown in real time"
        ))
        .help("it is run by the tests; a demo takes targets, nets and losses")
        .into());
    }
    if let Some(seed) = args.seed {
        scenario.seed = seed;
    }
    Ok(scenario)
}

fn read(path: &Path) -> Result<String, UserError> {
    let cannot = |error: io::Error| {
        UserError::usage(format!(
            "cannot read the scenario {}: {}",
            path.display(),
            crate::listen::plain(&error)
        ))
    };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(cannot)?;
    file.take(limits::CONFIG_BYTES)
        .read_to_string(&mut text)
        .map_err(cannot)?;
    Ok(text)
}

/// The scenario's targets as an operator would have written them.
fn configuration(targets: &[Target]) -> Result<String> {
    let mut tables = ArrayOfTables::new();
    for target in targets {
        let mut table = Table::new();
        let texts = [
            ("id", Some(target.slug.clone())),
            ("name", Some(target.name.clone())),
            ("address", Some(config::host_text(&target.host))),
            ("probe", Some(target.method.word().to_owned())),
            (
                "payload",
                target.method.payload().map(|payload| payload.word().to_owned()),
            ),
            ("interval", Some(units::duration_text(target.plan.interval))),
            ("timeout", Some(units::duration_text(target.plan.timeout))),
            ("behind", target.behind.clone()),
            ("country", Some(target.country.clone())),
            ("partner", Some(target.partner.clone())),
            ("group", Some(target.group.clone())),
        ];
        for (key, text) in texts {
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                table.insert(key, value(text));
            }
        }
        if let Some(port) = target.method.port() {
            table.insert("port", value(i64::from(port)));
        }
        // The simulated network has no limits but the engine's.
        table.insert("allow_high_rate", value(true));
        tables.push(table);
    }
    let mut document = DocumentMut::new();
    document.insert("targets", Item::ArrayOfTables(tables));
    Ok(document.to_string())
}

/// A directory of the demo's own, which leaves with it. What is simulated must never stand beside what was measured.
struct Burrow {
    dir: PathBuf,
    is_ours: bool,
}

impl Burrow {
    fn dig(asked: Option<&Path>) -> Result<Self> {
        if let Some(dir) = asked {
            std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
            let mut found =
                std::fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
            if found.next().is_some() {
                let text = format!(
                    "{} is not empty: the demo would write among what is there",
                    dir.display()
                );
                return Err(UserError::usage(text)
                    .help("name an empty directory, or none: then it makes one and removes it")
                    .into());
            }
            return Ok(Self {
                dir: dir.to_owned(),
                is_ours: false,
            });
        }
        let made = tempfile::Builder::new().prefix("linewatch-demo-").tempdir();
        let made =
            made.with_context(|| format!("cannot make a directory in {}", std::env::temp_dir().display()))?;
        // Ours to remove, because what is left in it must not make the end of the demo an error.
        Ok(Self {
            dir: made.keep(),
            is_ours: true,
        })
    }
}

impl Drop for Burrow {
    fn drop(&mut self) {
        if self.is_ours {
            // What is left of a demo in the temporary directory hurts nobody.
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}
