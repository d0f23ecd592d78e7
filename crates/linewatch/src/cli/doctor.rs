//! `linewatch doctor`: looks at everything measuring depends on, and says what is wrong with one command for each cure.
//!
//! Sends packets to this computer, its gateways and its name servers only; with `--targets` also to the configured ones.
//! Changes nothing. Each check is a pure function of what was found, in the files of `doctor/`; here they are put in order.

mod confinement;
mod icmp;
mod mail;
mod network;
mod probes;
mod resolving;
mod room;
mod situation;
mod timing;

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use linewatch_probe::clock::SystemClock;
use linewatch_probe::examine::{calendar, kernel, names, timers};
use linewatch_probe::route;
use linewatch_probe::sys::{SystemWire, WireOptions, WireReport};
use linewatch_render::doctor::{Finding, Verdict, json, table};

use super::{ColorWhen, Global};
use crate::config::Loaded;
use crate::cure;
use crate::cure::shell_word;
use crate::exit::Exit;
use crate::say;
use network::{Links, Wanted};
use probes::{Answers, Asked};
use resolving::Lookup;
use situation::Situation;

/// Options of `linewatch doctor`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration to look at [default: the one that `serve` would take]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Probe every configured target too, a few times each
    #[arg(long)]
    targets: bool,
    /// One JSON object instead of the table
    #[arg(long)]
    json: bool,
}

/// Looks and tells: 0 without a fault, else the code of the faults, 1 if they differ.
///
/// # Errors
///
/// When the system gives no socket at all.
pub(super) fn run(global: &Global, args: &Args) -> Result<Exit> {
    let clock = SystemClock::start();
    let (wire, report) =
        SystemWire::open(clock, WireOptions::default()).context("cannot open the sockets of the engine")?;
    let situation = Situation::load(global, args.config.clone(), &report)?;
    let findings = examine(clock, wire, &report, &situation, args.targets)?;
    let text = if args.json {
        json(&findings)
    } else {
        table(&findings, is_coloured(global.color))
    };
    say::to_stdout(&text);
    Ok(exit_of(&findings))
}

/// The checks that ask nobody but this computer, for the page of a running monitor: packets go over loopback only, and neither
/// gateways nor name servers nor the mail server hear of it. Whether the port is free is no question: we have it.
///
/// # Errors
///
/// When the system gives no socket at all.
pub(crate) fn of_this_computer(loaded: Loaded) -> Result<Vec<Finding>> {
    let clock = SystemClock::start();
    let (wire, report) =
        SystemWire::open(clock, WireOptions::default()).context("cannot open the sockets of the engine")?;
    let situation = Situation::new(Some(loaded), None);
    let punctuality = timers::punctuality(clock);
    let asked = Asked::new(&report, route::Gateways::default(), &[], &[]);
    let heard = asked.sort(&probes::ask(wire, clock, &asked.shots)?);
    let (permission, program) = (kernel::permission(), cure::program());
    let mut findings = vec![
        situation.finding(),
        icmp::permission(&report, &permission, &program),
        confinement::of_this_monitor(kernel::confinement()),
    ];
    findings.extend(methods(&report, &situation, &heard));
    findings.extend(timing::punctuality(punctuality, &permission, &program));
    findings.extend(timing::clocks(&calendar::clocks()));
    findings.extend(places(&report, &situation, false));
    Ok(findings)
}

/// Every check, in the order of its telling: what may be done, how well, with whom, and where it is kept.
fn examine(
    clock: SystemClock,
    wire: SystemWire,
    report: &WireReport,
    situation: &Situation,
    asks_targets: bool,
) -> Result<Vec<Finding>> {
    // Alone, before anything else of ours runs.
    let punctuality = timers::punctuality(clock);
    let (routes, servers) = (route::default_gateways(), names::servers());
    let lookup = Lookup::start(clock, situation.lookup_name());
    let targets = if asks_targets {
        situation.targets_to_ask(report)
    } else {
        Vec::new()
    };
    let asked = Asked::new(report, routes, &servers, &targets);
    let heard = asked.sort(&probes::ask(wire, clock, &asked.shots)?);
    let (permission, program) = (kernel::permission(), cure::program());
    let wanted = situation.wanted();

    let mut findings = vec![
        situation.finding(),
        icmp::permission(report, &permission, &program),
        confinement::of_a_monitor_here(kernel::confinement()),
    ];
    findings.extend(methods(report, situation, &heard));
    findings.extend(timing::punctuality(punctuality, &permission, &program));
    findings.extend(timing::clocks(&calendar::clocks()));
    findings.extend(line(&wanted, routes, &heard));
    findings.push(resolving::dns(
        &servers,
        &heard.servers,
        &lookup.end(clock),
        wanted.has_names,
    ));
    findings.extend(places(report, situation, true));
    findings.extend(mail::mail(&situation.settings.alerts));
    if asks_targets {
        findings.push(network::targets(&targets, &heard.targets));
    }
    Ok(findings)
}

/// ICMP of both families, and whether there are both.
fn methods(report: &WireReport, situation: &Situation, heard: &Answers) -> Vec<Finding> {
    let (v4, v6) = (report.icmp_v4.as_ref(), report.icmp_v6.as_ref());
    let has_ipv6 = kernel::has_ipv6();
    let mut findings = vec![
        icmp::method("icmp4", v4, heard.loopback_v4, kernel::ignores_echo(false)),
        icmp::ipv6(has_ipv6, kernel::is_ipv6_disabled(), situation.v6_targets()),
    ];
    if has_ipv6 {
        findings.push(icmp::method(
            "icmp6",
            v6,
            heard.loopback_v6,
            kernel::ignores_echo(true),
        ));
    }
    findings
}

/// The line as far as the gateway.
fn line(wanted: &Wanted, routes: route::Gateways, heard: &Answers) -> [Finding; 2] {
    let links = Links::of_this_computer();
    let limits = [false, true].map(kernel::neighbours);
    [
        network::neighbours(&links, wanted, routes, limits),
        network::route(&links, wanted, routes, heard),
    ]
}

/// What there must be room for on this computer. The port is asked for where nobody of ours has it.
fn places(report: &WireReport, situation: &Situation, asks_port: bool) -> Vec<Finding> {
    let settings = &situation.settings;
    let mut findings = vec![
        room::buffer(report, kernel::rmem_max_bytes(), situation.asked_per_s()),
        room::tracked(kernel::tracked(), settings.targets.len()),
        room::files(linewatch_probe::privilege::open_files(), &settings.targets),
    ];
    findings.extend(asks_port.then(|| room::port(settings.server.listen)));
    findings.extend(room::disk(
        situation.data_dir.as_deref(),
        settings.storage.max_size_bytes,
    ));
    findings
}

fn is_coloured(when: ColorWhen) -> bool {
    let is_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    match when {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto => io::stdout().is_terminal() && !is_refused,
    }
}

/// Each fault has the code with which the command would end that meets it.
fn exit_of(findings: &[Finding]) -> Exit {
    let mut exits = findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Fault)
        .map(|finding| match finding.name {
            situation::NAME => Exit::Usage,
            icmp::PERMISSION => Exit::Privilege,
            _ => Exit::Failed,
        });
    let Some(first) = exits.next() else {
        return Exit::Ok;
    };
    if exits.all(|exit| exit == first) {
        first
    } else {
        Exit::Failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(faults: &[&'static str], expected: Exit) {
        let mut findings = vec![Finding::new("clock", Verdict::Warning, "slow")];
        findings.extend(
            faults
                .iter()
                .map(|name| Finding::new(name, Verdict::Fault, "broken")),
        );
        assert_eq!(exit_of(&findings), expected, "{faults:?}");
    }

    #[test]
    fn the_exit_code_is_that_of_the_faults_and_1_for_a_mixture() {
        check(&[], Exit::Ok);
        check(&["configuration"], Exit::Usage);
        check(&["permission"], Exit::Privilege);
        check(&["dns", "port"], Exit::Failed);
        check(&["permission", "configuration"], Exit::Failed);
    }
}
