//! Reads the command line: which command, which options, in one place for help, completions and manual.
//!
//! `linewatch` alone is `linewatch serve`; `linewatch TARGET…` is `linewatch watch TARGET…` (INTERFACE.md).
//! One file per command beside this one. Not here: what a configuration file says (`config`).

mod admin;
mod alerts;
mod attach;
mod attach_monitor;
mod attach_shapes;
mod backup;
mod check;
mod compare;
mod demo;
pub(crate) mod doctor;
mod export;
mod graph;
mod healthcheck;
mod import;
mod import_history;
mod manual;
mod period;
mod record;
mod record_run;
mod record_targets;
mod report;
mod rrd;
mod serve;
mod stored;
mod watch;
mod watch_live;
mod watch_rows;
mod watch_screen;
mod watch_view;

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use linewatch_core::spec::TargetSpec;
use linewatch_render::message::Language;
use linewatch_render::text::printable;

use crate::config::{ConfigErrors, Environment, LoadOptions};
use crate::exit::{Exit, UserError};
use crate::say;

pub(crate) use stored::write_whole;

/// Commands of INTERFACE.md that a later version brings: said plainly instead of being taken for a target.
const NOT_YET: [&str; 2] = ["check", "fping"];

/// Watches network lines: round-trip time, loss, jitter and outages, with the kernel's own time stamps
#[derive(Debug, Parser)]
#[command(
    name = "linewatch",
    version = crate::VERSION,
    after_help = "`linewatch` alone is `linewatch serve`. `linewatch TARGET…` is `linewatch watch TARGET…`.\n\
                  TARGET is HOST (ICMP), HOST:PORT or tcp://HOST:PORT (TCP), udp://HOST:PORT, icmp://HOST; [::1]:53 for IPv6; NAME=TARGET gives a name.",
    after_long_help = "`linewatch` alone is `linewatch serve`. `linewatch TARGET…` is `linewatch watch TARGET…`.\n\
                  TARGET is HOST (ICMP), HOST:PORT or tcp://HOST:PORT (TCP), udp://HOST:PORT, icmp://HOST; [::1]:53 for IPv6, fe80::1%eth0 \
                  with its interface; NAME=TARGET gives a name.\n\n\
                  Exit codes: 0 ok, 1 failed, 2 usage or configuration, 3 missing privilege, 4 --fail-on condition met, \
                  70 a bug, 130 second Ctrl+C."
)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options every command knows.
#[derive(Clone, Debug, clap::Args)]
pub struct Global {
    /// Where history and settings are kept [default: $STATE_DIRECTORY, else the XDG data directory]
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Colour on the terminal
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorWhen,
    /// Language of `watch`, `attach`, `record` and `report` [default: the one of the environment (LC_ALL, LC_MESSAGES, LANG)]
    #[arg(long, global = true, value_name = "LANG")]
    pub lang: Option<Lang>,
    /// Plain ASCII on the terminal
    #[arg(long, global = true)]
    pub ascii: bool,
}

impl Global {
    /// The language of what is printed: the option's, else the environment's, else English.
    pub(crate) fn language(&self) -> Language {
        language(self.lang, |name| std::env::var(name).ok())
    }

    /// Whether colour was asked for or forbidden; `None`: as the environment says.
    pub(crate) const fn colour(&self) -> Option<bool> {
        match self.color {
            ColorWhen::Auto => None,
            ColorWhen::Always => Some(true),
            ColorWhen::Never => Some(false),
        }
    }
}

/// POSIX: the first of these that is set and not empty decides.
fn language(asked: Option<Lang>, variable: impl Fn(&str) -> Option<String>) -> Language {
    let spoken = || {
        ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .find_map(|name| variable(name).filter(|value| !value.is_empty()))
    };
    let is_indonesian = match asked {
        Some(asked) => asked == Lang::Id,
        // `id_ID.UTF-8`, `id`
        None => spoken().is_some_and(|value| value.split(['_', '.', '@']).next() == Some("id")),
    };
    if is_indonesian {
        Language::Indonesian
    } else {
        Language::English
    }
}

/// Language of what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// English.
    En,
    /// Indonesian.
    Id,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Also into a pipe.
    Always,
    /// Not at all.
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The monitor: probes, stores, serves the page
    Serve(serve::Args),
    /// Measure now and print; nothing is stored
    Watch(watch::Args),
    /// The terminal view over a running monitor
    Attach(attach::Args),
    /// Measure at up to a thousand probes a second into a folder of text files: outages, averages, totals
    Record(record::Args),
    /// Check a configuration file: exit 0, or 2 with line, column and a hint for every error
    CheckConfig(check::CheckArgs),
    /// Look at the configuration
    #[command(subcommand)]
    Config(check::ConfigCommand),
    /// Look for what keeps this computer from measuring well: one sentence and one command each
    Doctor(doctor::Args),
    /// Draw a target's history as a PNG or SVG picture, beside a running monitor or without one
    Graph(graph::Args),
    /// Write what a period was, of one target or all, as one HTML file: verdict, figures, outages, method; to print or send
    Report(report::Args),
    /// Compare two targets, or two periods of one: the differences, and which of them exceed chance
    Compare(compare::Args),
    /// Write stored history for other programs: CSV, JSON, NDJSON or Influx lines, at any resolution
    Export(export::Args),
    /// Write a target's history as a round-robin database, which rrdtool reads, draws and goes on updating
    Rrd(rrd::Args),
    /// Copy the database to a file while it is in use: one moment of it, checked
    Backup(backup::Args),
    /// The admin password of the page, and tokens for programs
    #[command(subcommand)]
    Admin(admin::AdminCommand),
    /// Try the rules of alerts
    #[command(subcommand)]
    Alerts(alerts::AlertsCommand),
    /// Take over from another tool: its settings as a configuration, printed; or its history
    Import(import::Args),
    /// Ask the monitor of this computer whether it is alive: for containers
    Healthcheck(healthcheck::Args),
    /// The whole program over a simulated network, without privileges or network
    Demo(demo::Args),
    /// Print what a shell completes: bash, zsh, fish, powershell or elvish
    Completions(manual::CompletionsArgs),
    /// Print the manual, in the form that `man` reads
    Man(manual::ManArgs),
}

/// Does what the command line says.
///
/// # Errors
///
/// A [`UserError`] for what a person can mend; anything else is a bug.
pub fn run(args: impl IntoIterator<Item = OsString>) -> Result<Exit> {
    let args = with_command(args.into_iter().collect())?;
    let matches = match Cli::command().try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) => {
            // clap prints help and version to stdout with code 0, errors to stderr with code 2.
            let _ = error.print();
            return Ok(if error.use_stderr() { Exit::Usage } else { Exit::Ok });
        }
    };
    let cli = Cli::from_arg_matches(&matches)?;
    let speaks = matches!(
        cli.command,
        Command::Watch(_) | Command::Attach(_) | Command::Record(_) | Command::Report(_)
    );
    if cli.global.lang == Some(Lang::Id) && !speaks {
        // On standard error: what others read from standard output stays what it is.
        say::to_stderr(
            "note: only `watch`, `attach`, `record` and `report` speak Indonesian so far; the page has `[web] language = \"id\"`",
        );
    }
    match cli.command {
        Command::Serve(args) => serve::run(&cli.global, &args),
        Command::Watch(args) => watch::run(&cli.global, &args),
        Command::Attach(args) => attach::run(&cli.global, &args),
        Command::Record(args) => record::run(&cli.global, &args),
        Command::CheckConfig(args) => check::check_config(&cli.global, &args),
        Command::Config(command) => check::config(&cli.global, &command),
        Command::Doctor(args) => doctor::run(&cli.global, &args),
        Command::Graph(args) => graph::run(&cli.global, &args),
        Command::Report(args) => report::run(&cli.global, &args),
        Command::Compare(args) => compare::run(&cli.global, &args),
        Command::Export(args) => export::run(&cli.global, &args),
        Command::Rrd(args) => rrd::run(&cli.global, &args),
        Command::Backup(args) => backup::run(&cli.global, &args),
        Command::Admin(command) => admin::run(&cli.global, &command),
        Command::Alerts(command) => alerts::run(&cli.global, &command),
        Command::Import(args) => import::run(&cli.global, &args),
        Command::Healthcheck(args) => healthcheck::run(&cli.global, &args),
        Command::Demo(args) => demo::run(&cli.global, &args),
        Command::Completions(args) => manual::completions(&args, Cli::command()),
        Command::Man(args) => manual::man(&args, Cli::command()),
    }
}

/// A configuration as any command of this process finds it: `explicit`, else what directory and environment say.
fn load_options(global: &Global, explicit: Option<PathBuf>) -> Result<LoadOptions> {
    Ok(LoadOptions {
        explicit,
        cwd: std::env::current_dir().context("the working directory is gone")?,
        environment: Environment(std::env::vars_os().collect()),
        data_dir: global.data_dir.clone(),
        ..LoadOptions::default()
    })
}

/// A target of the command line.
fn target_spec(text: &str) -> Result<TargetSpec, UserError> {
    TargetSpec::parse(text).map_err(|error| {
        UserError::usage(format!("target \"{}\": {error}", printable(text))).help(error.help())
    })
}

/// All mistakes of a configuration, as the program ends with them.
fn mistakes(errors: ConfigErrors) -> UserError {
    // Each mistake brings its own `error:`; the first one is written by `main`.
    let text = errors.to_string();
    UserError::usage(text.strip_prefix("error: ").unwrap_or(&text).to_owned())
}

/// Puts the command in that the person left out.
fn with_command(mut args: Vec<OsString>) -> Result<Vec<OsString>> {
    const WITH_VALUE: [&str; 3] = ["--data-dir", "--color", "--lang"];
    let mut first = None;
    let mut asks_for_help = false;
    let mut rest = args.iter().skip(1);
    while let Some(arg) = rest.next() {
        let text = arg.to_string_lossy();
        match text.as_ref() {
            "-h" | "--help" | "-V" | "--version" => asks_for_help = true,
            option if WITH_VALUE.contains(&option) => {
                rest.next();
            }
            option if option.starts_with('-') => {}
            word => {
                first = Some(word.to_owned());
                break;
            }
        }
    }
    let Some(first) = first else {
        if !asks_for_help {
            args.insert(1.min(args.len()), "serve".into());
        }
        return Ok(args);
    };
    let known = Cli::command();
    if first == "help" || known.get_subcommands().any(|command| command.get_name() == first) {
        return Ok(args);
    }
    if NOT_YET.contains(&first.as_str()) {
        return Err(UserError::usage(format!("the command \"{first}\" is not part of this version"))
            .help(format!("`linewatch --help` lists what is; to measure a host of that name: linewatch watch {first}"))
            .into());
    }
    // The word may be the value of an option of `serve` or `watch`: what begins with an option of `serve` is `serve`.
    let is_serve = args
        .iter()
        .skip(1)
        .map(|arg| arg.to_string_lossy())
        .find(|arg| arg.starts_with("--"))
        .is_some_and(|arg| {
            ["--config", "--listen", "--init-db", "--web-dir"]
                .iter()
                .any(|option| arg.split('=').next() == Some(option))
        });
    if is_serve && let Some(command) = misplaced_command(&args, &known) {
        return Err(UserError::usage(format!(
            "the command \"{command}\" stands behind options of its own"
        ))
        .help(format!("write it first: linewatch {command} …"))
        .into());
    }
    args.insert(1, if is_serve { "serve".into() } else { "watch".into() });
    Ok(args)
}

/// A command among what would be targets of `serve`: the person meant it, not hosts of that name.
fn misplaced_command(args: &[OsString], known: &clap::Command) -> Option<String> {
    let words = args.iter().map(|arg| arg.to_string_lossy()).collect::<Vec<_>>();
    let is_value = |before: &str| before.starts_with("--") && !before.contains('=') && before != "--init-db";
    let is_command = |word: &str| known.get_subcommands().any(|command| command.get_name() == word);
    words
        .windows(2)
        .skip(1)
        .find(|pair| !is_value(&pair[0]) && is_command(&pair[1]))
        .map(|pair| pair[1].to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: &str) {
        let args = line.split(' ').map(OsString::from).collect();
        let got = with_command(args).map_or_else(
            |error| format!("error: {error}"),
            |args| {
                args.iter()
                    .map(|arg| arg.to_string_lossy().into_owned())
                    .collect::<Vec<_>>()
                    .join(" ")
            },
        );
        assert!(
            got.starts_with(expected),
            "{line:?} became {got:?}, expected {expected:?}"
        );
    }

    #[test]
    fn nothing_means_serve() {
        check("linewatch", "linewatch serve");
        check(
            "linewatch --listen 127.0.0.1:0",
            "linewatch serve --listen 127.0.0.1:0",
        );
        check("linewatch --data-dir serve", "linewatch serve --data-dir serve");
    }

    #[test]
    fn a_target_means_watch() {
        check("linewatch 127.0.0.1", "linewatch watch 127.0.0.1");
        check(
            "linewatch --interval 10ms 127.0.0.1",
            "linewatch watch --interval 10ms 127.0.0.1",
        );
        check(
            "linewatch --color never gw=10.0.0.1",
            "linewatch watch --color never gw=10.0.0.1",
        );
    }

    #[test]
    fn both_languages_are_accepted_everywhere() {
        for line in ["linewatch serve --lang id", "linewatch --lang en watch 127.0.0.1"] {
            assert!(
                Cli::command().try_get_matches_from(line.split(' ')).is_ok(),
                "{line}"
            );
        }
        assert!(
            Cli::command()
                .try_get_matches_from(["linewatch", "serve", "--lang", "xx"])
                .is_err()
        );
    }

    #[test]
    fn the_option_decides_the_language_and_the_environment_where_there_is_none() {
        let set = |pairs: &'static [(&str, &str)]| {
            move |name: &str| {
                pairs
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| (*value).to_owned())
            }
        };
        assert_eq!(language(None, set(&[])), Language::English);
        assert_eq!(
            language(None, set(&[("LANG", "id_ID.UTF-8")])),
            Language::Indonesian
        );
        assert_eq!(
            language(None, set(&[("LC_ALL", ""), ("LC_MESSAGES", "C"), ("LANG", "id")])),
            Language::English
        );
        assert_eq!(language(None, set(&[("LC_ALL", "idx")])), Language::English);
        assert_eq!(
            language(Some(Lang::En), set(&[("LC_ALL", "id_ID")])),
            Language::English
        );
        assert_eq!(language(Some(Lang::Id), set(&[])), Language::Indonesian);
    }

    #[test]
    fn a_command_behind_options_is_no_host_of_that_name() {
        check(
            "linewatch --config x.toml config show",
            "error: the command \"config\" stands behind options of its own",
        );
        check(
            "linewatch --config x.toml gw",
            "linewatch serve --config x.toml gw",
        );
    }

    #[test]
    fn a_command_stays_what_it_is() {
        check("linewatch check-config x.toml", "linewatch check-config x.toml");
        check("linewatch --help", "linewatch --help");
    }

    #[test]
    fn a_command_of_a_later_version_is_not_taken_for_a_host() {
        check(
            "linewatch fping gw",
            "error: the command \"fping\" is not part of this version",
        );
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
