//! What is kept around one outage, and what it says about whose fault it was.

use axum::http::StatusCode;
use linewatch_core::event::OutageRow;
use linewatch_core::evidence::{Evidence, conclude};
use linewatch_core::port::{StoredSample, StoredTarget};
use linewatch_core::target::TargetId;

use super::Call;
use super::history::{as_of_now, named, segments};
use crate::api::{
    EvidenceAnswer, EvidencePart, FaultRow, LineInfo, OutageInfo, SecondRow, VerdictFigures, VerdictInfo,
};
use crate::live::{Row, State};
use crate::query::event_id;
use crate::respond::{Answer, Refusal, json};

/// The evidence of the outage in the address.
pub(super) async fn get(call: Call) -> Result<Answer, Refusal> {
    let text = call.captures.first().map_or("", String::as_str);
    let id = event_id(text).ok_or_else(|| unknown(text))?;
    let found = call
        .app
        .ask_history(move |history| Ok((history.evidence(id)?, history.targets()?)));
    let (found, stored) = found.await?;
    let (outage, parts) = found.ok_or_else(|| unknown(text))?;
    let state = call.app.hub.state();
    if parts.is_empty() {
        return Err(Refusal::not_found(nothing_yet(&outage)));
    }
    let outage = as_of_now(&outage, &state, call.app.clock.wall());
    let (verdict, figures) = conclude(&outage, &parts);
    let answer = EvidenceAnswer {
        outage: OutageInfo::new(&outage, named(&state, &stored, outage.target)),
        key: outage.target.0,
        verdict: VerdictInfo {
            code: verdict.word(),
            figures: VerdictFigures::from(figures),
        },
        parts: parts
            .iter()
            .map(|part| part_info(part, &state, &stored))
            .collect(),
    };
    Ok(json(StatusCode::OK, &answer))
}

fn unknown(id: &str) -> Refusal {
    Refusal::not_found(format!(
        "there is no outage \"{id}\"; GET /api/v1/outages lists them"
    ))
}

fn nothing_yet(outage: &OutageRow) -> String {
    let id = outage.id;
    if outage.to.is_some() {
        format!(
            "nothing is kept of outage {id}: evidence is there about 40 s after an outage has ended, and none of outages \
             from before this version"
        )
    } else {
        format!(
            "outage {id} still goes on: its evidence is kept half a minute after its end, or after five minutes"
        )
    }
}

fn part_info(part: &Evidence, state: &State, stored: &[StoredTarget]) -> EvidencePart {
    let gateway = part.gateway.map(|gateway| {
        let seconds = seconds_of(&part.gateway_samples);
        line_info(gateway, true, seconds, named(state, stored, gateway))
    });
    let others = part.lines.iter().map(|line| {
        let seconds = line.seconds.iter().map(|second| {
            let p50_us = second.p50.map(|rtt| rtt.as_nanos() / 1_000);
            (
                second.at_s,
                u64::from(second.sent),
                u64::from(second.lost),
                p50_us,
            )
        });
        line_info(
            line.target,
            false,
            seconds.collect(),
            named(state, stored, line.target),
        )
    });
    let key = part.target.0;
    let rows = part.samples.iter();
    let rows: Vec<(u64, Row)> = rows
        .filter_map(|sample| Some((sample.run, Row::of_sample(key, sample)?)))
        .collect();
    EvidencePart {
        part: part.span.part.word(),
        from: part.span.from.as_millis(),
        to: part.span.to.as_millis(),
        segments: segments(&rows),
        lines: gateway.into_iter().chain(others).collect(),
        left_out: part.left_out,
        faults: part.faults.iter().map(FaultRow::from).collect(),
    }
}

fn line_info(
    target: TargetId,
    is_gateway: bool,
    d: Vec<SecondRow>,
    named: Option<(String, String)>,
) -> LineInfo {
    let (id, name) = named.unwrap_or_else(|| {
        let number = format!("#{}", target.0);
        (number.clone(), number)
    });
    LineInfo {
        target: id,
        target_name: name,
        is_gateway,
        sent: d.iter().map(|second| second.1).sum(),
        lost: d.iter().map(|second| second.2).sum(),
        d,
    }
}

/// The gateway's samples a second at a time, as all others.
fn seconds_of(samples: &[StoredSample]) -> Vec<SecondRow> {
    let finished = samples.iter().filter(|sample| {
        sample.stray.is_none() && (sample.outcome.is_answer() || sample.outcome.is_failure())
    });
    let finished: Vec<_> = finished.collect();
    let second_of = |sample: &StoredSample| sample.at.as_millis().div_euclid(1_000);
    let seconds = finished.chunk_by(|a, b| second_of(a) == second_of(b));
    let second = |samples: &[&StoredSample]| {
        let mut rtts_us: Vec<u64> = samples
            .iter()
            .filter_map(|sample| Some(sample.rtt?.as_nanos() / 1_000))
            .collect();
        rtts_us.sort_unstable();
        let lost = samples
            .iter()
            .filter(|sample| sample.outcome.is_failure())
            .count();
        (
            samples.first().map_or(0, |sample| second_of(sample)),
            samples.len() as u64,
            lost as u64,
            rtts_us.get(rtts_us.len().div_ceil(2).max(1) - 1).copied(),
        )
    };
    seconds.map(second).collect()
}
