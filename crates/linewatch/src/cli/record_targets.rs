//! Decides what a session probes, and how often: nothing has left this computer yet.

use std::time::Duration;

use linewatch_core::caps;
use linewatch_core::limits;
use linewatch_core::spec::{TargetSpec, slug};
use linewatch_core::target::{Address, Method, ProbePlan, Target, TargetId, Thresholds};

use super::record::Plan;
use super::watch::address_of;
use crate::config::units::duration_text;
use crate::exit::{Exit, UserError};
use crate::method;

/// Without a word about it (REQUIREMENTS X9): S3's pace where it disturbs nobody ...
const PRIVATE_INTERVAL: Duration = Duration::from_millis(1);
/// ... and the ten a second that a stranger's server may be asked.
const PUBLIC_INTERVAL: Duration = Duration::from_millis(100);

/// What is recorded, and what a person should know of it.
#[derive(Default)]
pub(super) struct Recorded {
    pub(super) targets: Vec<(Target, Address)>,
    pub(super) notes: Vec<String>,
}

/// Targets with their addresses.
///
/// # Errors
///
/// A name without an address, a method that is not permitted, two targets of one name.
pub(super) fn recorded(
    plan: &Plan,
    ability: impl Fn(Method, bool) -> Result<(), String>,
) -> Result<Recorded, UserError> {
    let mut recorded = Recorded::default();
    for spec in &plan.specs {
        let address = address_of(&spec.host)?;
        let chosen = method::choose(spec.method, |method| ability(method, address.ip.is_ipv6())).map_err(
            |sentence| UserError {
                message: sentence,
                help: None,
                exit: Exit::Privilege,
            },
        )?;
        let id = TargetId(recorded.targets.len() as u32 + 1);
        let target = target_of(id, spec, chosen.method, plan, address);
        if recorded
            .targets
            .iter()
            .any(|(other, _)| other.name == target.name)
        {
            return Err(
                UserError::usage(format!("target \"{}\" is given twice", target.name))
                    .help("give one of them another name: NAME=TARGET"),
            );
        }
        let name = &target.name;
        recorded
            .notes
            .extend(chosen.notice.map(|notice| format!("note: {name}: {notice}")));
        recorded.notes.extend(pace_note(&target, address, plan));
        recorded.targets.push((target, address));
    }
    Ok(recorded)
}

fn pace_note(target: &Target, address: Address, plan: &Plan) -> Option<String> {
    if !caps::is_public(address.ip) {
        return None;
    }
    let (name, per_s) = (&target.name, target.plan.rate_per_s());
    match plan.interval {
        None => Some(format!(
            "note: {name} is a public address: one probe every {}; for S3's thousand a second type --interval 1ms",
            duration_text(target.plan.interval)
        )),
        Some(_) if per_s > limits::PUBLIC_PROBES_PER_S as f64 => Some(format!(
            "note: {name}: {per_s:.0} probes/s to a public address, because you typed it"
        )),
        Some(_) => None,
    }
}

fn target_of(id: TargetId, spec: &TargetSpec, method: Method, plan: &Plan, address: Address) -> Target {
    let by_place = if caps::is_public(address.ip) {
        PUBLIC_INTERVAL
    } else {
        PRIVATE_INTERVAL
    };
    let mut thresholds = Thresholds::default();
    thresholds.outage.loss_ratio = plan.loss_threshold;
    let mut target = Target {
        method,
        plan: ProbePlan {
            interval: plan.interval.unwrap_or(by_place),
            timeout: plan.timeout,
            ..ProbePlan::default()
        },
        thresholds,
        // The person typed interval or preset (REQUIREMENTS X9); a note says so.
        allow_high_rate: plan.interval.is_some(),
        ..Target::plain(id, spec.host.clone())
    };
    target.name = spec.name.clone().unwrap_or_else(|| target.address_text());
    target.slug = slug(&target.name);
    target
}
