//! Says what is not as it must be: first what always must hold, then what the story expects.

use std::collections::HashMap;
use std::time::Duration;

use linewatch_core::record::{Counts, GapKind, Outcome, ProbeRecord};
use linewatch_core::target::{Address, Target, TargetId};
use linewatch_core::time::{MonoTime, Rtt, nanos_of};
use linewatch_sim::oracle::{self, Case, TrueOutage};
use linewatch_sim::scenario::{Act, ActKind, Expect, ExpectKind, Range, address_of};
use linewatch_sim::truth::Truth;

use super::Run;
use super::log::{Findings, Log};

/// Everything that is wrong with a run that is over.
pub(crate) fn judge(run: &Run) -> Vec<String> {
    let truths = truths_by_line(run);
    let mut complaints = Vec::new();
    for log in &run.past {
        complaints.extend(log.complaints.iter().cloned());
        for target in &run.story.targets {
            let Some(findings) = log.targets.get(&target.id) else {
                continue;
            };
            let records = in_order(findings);
            let mut found: Vec<_> = numbering(findings, &records).into_iter().collect();
            found.extend(counting(findings));
            let of_line = address_of(target).and_then(|to| truths.get(&(log.wire, to)));
            found.extend(fates(
                run,
                log,
                target,
                of_line.map_or(&[], Vec::as_slice),
                &records,
            ));
            found.extend(outages(run, log, target, findings, &records));
            complaints.extend(found.into_iter().map(|what| format!("{}: {what}", target.slug)));
        }
    }
    for expect in &run.story.expects {
        complaints.extend(
            expectation(run, expect)
                .into_iter()
                .map(|what| format!("line {}: {what}", expect.line)),
        );
    }
    complaints
}

fn truths_by_line(run: &Run) -> HashMap<(usize, Address), Vec<Truth>> {
    let mut lines: HashMap<_, Vec<Truth>> = HashMap::new();
    for truth in run.network.truths() {
        lines.entry((truth.wire, truth.to)).or_default().push(truth);
    }
    lines
}

fn in_order(findings: &Findings) -> Vec<ProbeRecord> {
    let mut records = findings.records.clone();
    records.sort_by_key(|record| record.seq);
    records
}

/// Sequence numbers of records and gaps together have no hole and no number twice.
fn numbering(findings: &Findings, records: &[ProbeRecord]) -> Option<String> {
    let gaps = findings
        .gaps
        .iter()
        .filter(|gap| gap.slots > 0)
        .map(|gap| (gap.first_seq, gap.slots));
    let mut spans: Vec<_> = records.iter().map(|record| (record.seq, 1)).chain(gaps).collect();
    spans.sort_unstable();
    let mut next = 0;
    for (seq, slots) in spans {
        if seq != next {
            return Some(format!(
                "number {next} should follow, and there is {seq} (x {slots})"
            ));
        }
        next += slots;
    }
    None
}

/// The monitor's counts are those of the records, and at the end nothing is in flight.
fn counting(findings: &Findings) -> Option<String> {
    let mut counted = Counts::default();
    findings.records.iter().for_each(|record| counted.add(record));
    findings.strays.iter().for_each(|stray| counted.add_stray(stray));
    counted.unmeasured += findings.gaps.iter().map(|gap| gap.slots).sum::<u64>();
    counted.scheduled = counted.finished();
    (counted != findings.counts).then(|| {
        format!(
            "the monitor counts {:?}, the records are {counted:?}",
            findings.counts
        )
    })
}

/// What the network did is what was found out, probe by probe.
fn fates(run: &Run, log: &Log, target: &Target, truths: &[Truth], records: &[ProbeRecord]) -> Vec<String> {
    let acts = run.story.acts.iter();
    let plans = acts.clone().filter_map(|act| match act.kind {
        ActKind::Plan(id, plan) if id == target.id => Some((act.at, plan.timeout)),
        _ => None,
    });
    let timeouts: Vec<_> = std::iter::once((MonoTime::ZERO, target.plan.timeout))
        .chain(plans)
        .collect();
    let cuts: Vec<_> = cuts(run, target.id).chain([log.to]).collect();
    let overflows: Vec<_> = run
        .network
        .overflow_reports()
        .into_iter()
        .filter(|report| report.wire == log.wire)
        .collect();
    let case = Case {
        method: target.method,
        class: run.story.class,
        timeouts: &timeouts,
        clock: &run.story.clock,
        overflows: &overflows,
        cuts: &cuts,
    };
    case.judge(truths, records)
}

/// When somebody stopped, removed or changed this target.
fn cuts(run: &Run, of: TargetId) -> impl Iterator<Item = MonoTime> {
    run.story.acts.iter().filter_map(move |act| match act.kind {
        ActKind::Remove(id) | ActKind::Pause(id) | ActKind::Unresolved(id) | ActKind::Plan(id, _)
            if id == of =>
        {
            Some(act.at)
        }
        _ => None,
    })
}

/// The outages found are those the oracle derives from the outcomes.
fn outages(
    run: &Run,
    log: &Log,
    target: &Target,
    findings: &Findings,
    records: &[ProbeRecord],
) -> Option<String> {
    // A changed plan is no break: what was seen before it stays seen.
    let is_planned = |at: &MonoTime| {
        run.story
            .acts
            .iter()
            .any(|act| act.at == *at && matches!(act.kind, ActKind::Plan(id, _) if id == target.id))
    };
    let mut breaks: Vec<_> = cuts(run, target.id).filter(|at| !is_planned(at)).collect();
    breaks.push(MonoTime::MAX);
    let mut expected: Vec<TrueOutage> = Vec::new();
    let mut from = MonoTime::ZERO;
    for to in breaks {
        let part = records
            .iter()
            .filter(|record| record.sent_at >= from && record.sent_at < to);
        let part = outages_of_stretch(target, findings, part);
        // A pause ends what is open at its own moment.
        let is_pause = |act: &Act| act.at == to && matches!(act.kind, ActKind::Pause(id) if id == target.id);
        let end = run.story.acts.iter().any(is_pause).then_some(to);
        expected.extend(part.map(|outage| TrueOutage {
            to: outage.to.or(end),
            ..outage
        }));
        from = to;
    }
    let found = log.outages.values().filter(|row| row.target == target.id);
    let found: Vec<_> = found.collect();
    let is_same = found.len() == expected.len()
        && found.iter().zip(&expected).all(|(row, outage)| {
            let is_dated = row.from == run.clock.wall_at(outage.from);
            let is_ended = outage.to.is_none_or(|to| {
                row.to == Some(run.clock.wall_at(to)) && row.duration_ns == nanos_of(to.since(outage.from))
            });
            row.opened_by == outage.opened_by && is_dated && is_ended
        });
    (!is_same).then(|| format!("outages found: {found:?}\n  outages that were: {expected:?}"))
}

/// The outages the oracle derives from an unbroken stretch of records.
fn outages_of_stretch<'a>(
    target: &Target,
    findings: &Findings,
    part: impl Iterator<Item = &'a ProbeRecord>,
) -> impl Iterator<Item = TrueOutage> {
    let decided: Vec<_> = part
        .filter(|record| record.outcome.is_answer() || record.outcome.is_failure())
        .collect();
    let probes: Vec<_> = decided
        .iter()
        .map(|record| (record.sent_at, record.outcome.is_failure()))
        .collect();
    // A calendar that is set takes no time: no hole.
    let holes = findings
        .gaps
        .iter()
        .filter(|gap| gap.kind != GapKind::ClockStepped);
    let gaps: Vec<_> = holes
        .map(|gap| decided.partition_point(|record| record.seq < gap.first_seq))
        .collect();
    oracle::outages(&target.thresholds.outage, &probes, &gaps).into_iter()
}

fn expectation(run: &Run, expect: &Expect) -> Vec<String> {
    let about_all = match &expect.kind {
        ExpectKind::Events(kind, range) if expect.target.is_none() => {
            let count = run
                .past
                .iter()
                .flat_map(|log| log.events.values())
                .filter(|event| event.kind == *kind)
                .count();
            Some(out_of(range, count as u64, &format!("{} events", kind.word())))
        }
        ExpectKind::Burst(range) => Some(out_of(range, burst(run), "probes within one millisecond")),
        ExpectKind::Mails { mails, within } => Some(other_mails(run, mails, *within)),
        _ => None,
    };
    if let Some(complaint) = about_all {
        return complaint.into_iter().collect();
    }
    let meant = |target: &&Target| expect.target.is_none_or(|id| id == target.id);
    let complaints = run.story.targets.iter().filter(meant).flat_map(|target| {
        let found = about(run, target, &expect.kind);
        found.into_iter().map(|what| format!("{}: {what}", target.slug))
    });
    complaints.take(5).collect()
}

/// What was told, if it is not this.
fn other_mails(run: &Run, expected: &[(MonoTime, String)], within: Duration) -> Option<String> {
    let mut told: Vec<_> = run.past.iter().flat_map(|log| &log.mails).collect();
    told.sort_by_key(|(at, _)| *at);
    let is_same = told.len() == expected.len()
        && told.iter().zip(expected).all(|((at, words), (when, meant))| {
            at.since(*when).max(when.since(*at)) <= within && words == meant
        });
    let list = told
        .iter()
        .map(|(at, words)| format!("{:.3}s \"{words}\"", at.as_nanos() as f64 / 1e9));
    (!is_same).then(|| format!("mails were: {}", list.collect::<Vec<_>>().join(", ")))
}

/// Most probes handed to the network within one millisecond.
fn burst(run: &Run) -> u64 {
    let mut per_ms: HashMap<u64, u64> = HashMap::new();
    for truth in run.network.truths() {
        *per_ms.entry(truth.sent_at.as_nanos() / 1_000_000).or_default() += 1;
    }
    per_ms.into_values().max().unwrap_or(0)
}

fn out_of<T: PartialOrd + std::fmt::Debug>(range: &Range<T>, value: T, what: &str) -> Option<String> {
    (!range.has(&value)).then(|| format!("{value:?} {what}, expected {range:?}"))
}

/// What is wrong with one target, over all starts of the program together.
fn about(run: &Run, target: &Target, kind: &ExpectKind) -> Option<String> {
    let logs = || {
        run.past
            .iter()
            .filter_map(|log| Some((log, log.targets.get(&target.id)?)))
    };
    let records = || logs().flat_map(|(_, findings)| &findings.records);
    let sum =
        |value: &dyn Fn(&Counts) -> u64| logs().map(|(_, findings)| value(&findings.counts)).sum::<u64>();
    let rows = || {
        logs()
            .flat_map(|(log, _)| log.outages.values())
            .filter(|row| row.target == target.id)
    };
    let lengths = |range: &Range<Duration>, of: fn(&ProbeRecord) -> Option<Rtt>, what: &str| {
        let lengths = records()
            .filter_map(of)
            .map(|length| Duration::from_nanos(length.as_nanos()));
        lengths.filter_map(|length| out_of(range, length, what)).next()
    };
    // Engines beside each other find the same: each of them is judged, not their sum.
    let per_engine = run.story.engines.max(1) as u64;
    match kind {
        ExpectKind::Outage { from, to, within } => {
            let near = |at, expected: MonoTime| {
                run.clock.wall_at(expected).nanos_after(at).unsigned_abs() <= nanos_of(*within)
            };
            let is_found =
                rows().any(|row| near(row.from, *from) && row.to.is_some_and(|end| near(end, *to)));
            (!is_found).then(|| {
                format!(
                    "no outage from {from:?} to {to:?} among {:?}",
                    rows().collect::<Vec<_>>()
                )
            })
        }
        ExpectKind::Outages(range) => out_of(range, rows().count() as u64 / per_engine, "outages"),
        ExpectKind::Count(name, range) => {
            out_of(range, sum(&|counts| name.value(counts)) / per_engine, name.word())
        }
        ExpectKind::Loss(range) => {
            let loss =
                sum(&|counts| counts.loss().failed) as f64 / sum(&|counts| counts.loss().finished) as f64;
            out_of(range, loss, "loss")
        }
        ExpectKind::ShownLoss(range) => {
            let shown = logs().flat_map(|(_, findings)| &findings.losses);
            shown.filter_map(|loss| out_of(range, *loss, "loss shown")).next()
        }
        ExpectKind::Rtt(range) => lengths(range, |record| record.rtt, "RTT"),
        ExpectKind::Process(range) => lengths(range, ProbeRecord::process_latency, "process latency"),
        ExpectKind::Lateness(range) => {
            let lateness = records()
                .filter(|record| record.outcome != Outcome::Unmeasured)
                .map(ProbeRecord::lateness);
            lateness
                .filter_map(|lateness| out_of(range, lateness, "late"))
                .next()
        }
        ExpectKind::StateAt(state, at) => {
            let seen = logs()
                .flat_map(|(_, findings)| &findings.states)
                .rfind(|(then, _)| then <= at);
            let is_it = seen.is_some_and(|(_, shown)| shown == state);
            (!is_it).then(|| format!("state at {at:?} is {seen:?}, expected {state:?}"))
        }
        ExpectKind::StateNever(state) => {
            let seen = logs()
                .flat_map(|(_, findings)| &findings.states)
                .find(|(_, shown)| shown == state);
            seen.map(|(at, _)| format!("state {state:?} at {at:?}"))
        }
        ExpectKind::Events(kind, range) => {
            let events = logs().flat_map(|(log, _)| log.events.values());
            let meant = events.filter(|event| event.kind == *kind && event.target == Some(target.id));
            out_of(range, meant.count() as u64, kind.word())
        }
        ExpectKind::Gaps(kind, range) => {
            let gaps = logs()
                .flat_map(|(_, findings)| &findings.gaps)
                .filter(|gap| gap.kind == *kind);
            out_of(range, gaps.count() as u64, "gaps")
        }
        ExpectKind::Burst(_) | ExpectKind::Mails { .. } => None,
    }
}
