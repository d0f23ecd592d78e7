//! What the stored past of a target would have been by other thresholds: the same detector over the stored probes.
//!
//! Outages come of single probes, grades of the average of each minute; messages are those of outages by the rules in force.
//! Past records keep the rules they were made with: nothing is written. A suspension between two probes is not in the samples,
//! so a gap longer than three intervals ends the window of the loss rule, as it does in the running monitor.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use linewatch_core::event::{EventId, OutageRow, RunId};
use linewatch_core::limits::API_ROWS;
use linewatch_core::outage::{OpenedBy, OutageChange, OutageDetector, OutagePolicy};
use linewatch_core::port::{History, HistoryError, SampleQuery, StoredSample};
use linewatch_core::target::{GradeLimits, Target, TargetId, Thresholds};
use linewatch_core::time::{MonoTime, Rtt, WallTime, nanos_of};

use super::config::ask_settings;
use super::{Call, targets};
use crate::api::{PreviewAnswer, PreviewOutage, PreviewPast};
use crate::query::{Params, in_order};
use crate::respond::{Answer, Refusal, json};
use crate::settings::{SettingsAnswer, SettingsAsk};

/// The span if nothing else is asked for.
const SPAN_DEFAULT: Duration = Duration::from_secs(86_400);
/// Two days of one probe a second, read at once: more would keep the disk busy for a picture.
const PROBES_MAX: usize = 2 * API_ROWS;
/// Grades are judged by the average of so long: the live window.
const MINUTE_NS: i64 = 60_000_000_000;

/// The past by the numbers in force and by those in the address.
pub(super) async fn get(call: Call) -> Result<Answer, Refusal> {
    let params = Params::of(&call.parts.uri)?;
    let id = params
        .single("target")?
        .ok_or_else(|| Refusal::field("target", "`target` is missing: the id of the target"))?;
    let to = params.instant("to")?.unwrap_or_else(|| call.app.clock.wall());
    let from = params.instant("from")?.unwrap_or_else(|| to.minus(SPAN_DEFAULT));
    in_order(Some(from), Some(to))?;
    let target = {
        let state = call.app.hub.state();
        let member = state.member(id).ok_or_else(|| targets::unknown_target(id))?;
        member.entry.target.clone()
    };
    let wanted = wanted(&params, target.thresholds)?;
    let (probes, is_truncated, rows) = {
        let target = target.clone();
        let asked = call.app.ask_history(move |history| {
            let (samples, is_truncated) = probes(history, target.id, from, to)?;
            let pasts = [target.thresholds, wanted].map(|by| past(&samples, &target, &by));
            Ok((samples.len() as u64, is_truncated, pasts))
        });
        asked.await?
    };
    let asked = SettingsAsk::Replay {
        id: id.to_owned(),
        from,
        to,
        pasts: rows.iter().map(|(outages, _)| outages.clone()).collect(),
    };
    let alerts = match ask_settings(&call, asked).await? {
        SettingsAnswer::Replay(counts) => counts,
        SettingsAnswer::Config(_) | SettingsAnswer::Doctor(_) | SettingsAnswer::Preferences(_) => Vec::new(),
    };
    let mut shown = rows
        .into_iter()
        .zip(alerts)
        .map(|((outages, grades), alerts)| PreviewPast {
            outages: outages.iter().map(shown_outage).collect(),
            outage_alerts: alerts,
            grades,
        });
    let answer = PreviewAnswer {
        from: from.as_millis(),
        to: to.as_millis(),
        probes,
        is_truncated,
        now: shown.next().unwrap_or_default(),
        then: shown.next().unwrap_or_default(),
    };
    Ok(json(StatusCode::OK, &answer))
}

fn shown_outage(row: &OutageRow) -> PreviewOutage {
    PreviewOutage {
        from: row.from.as_millis(),
        to: row.to.map(WallTime::as_millis),
        sent: row.sent,
        lost: row.lost,
    }
}

/// The numbers of the address over those in force.
fn wanted(params: &Params, now: Thresholds) -> Result<Thresholds, Refusal> {
    let number = |name: &'static str, from: f64, to: f64| {
        let Some(text) = params.single(name)? else {
            return Ok(None);
        };
        let number = text
            .parse::<f64>()
            .ok()
            .filter(|number| (from..=to).contains(number));
        number
            .map(Some)
            .ok_or_else(|| Refusal::field(name, format!("`{name}` must be a number from {from} to {to}")))
    };
    let delay = |name, otherwise: Rtt| {
        let millis = number(name, 0.0, 3_600_000.0)?;
        Ok::<_, Refusal>(millis.map_or(otherwise, |millis| Rtt::from_nanos((millis * 1e6) as u64)))
    };
    let run = |name, otherwise: u32| {
        let probes = number(name, 1.0, 3_600.0)?;
        Ok::<_, Refusal>(probes.map_or(otherwise, |probes| probes as u32))
    };
    let GradeLimits {
        excellent,
        good,
        fair,
        poor,
        very_high,
    } = now.grades;
    let OutagePolicy {
        lost_to_open,
        replies_to_close,
        loss_ratio,
        window,
    } = now.outage;
    Ok(Thresholds {
        grades: GradeLimits {
            excellent: delay("excellent", excellent)?,
            good: delay("good", good)?,
            fair: delay("fair", fair)?,
            poor: delay("poor", poor)?,
            very_high: delay("critical", very_high)?,
        },
        outage: OutagePolicy {
            lost_to_open: run("lost_to_open", lost_to_open)?,
            replies_to_close: run("replies_to_close", replies_to_close)?,
            loss_ratio: number("loss_ratio", 0.0, 1.0)?.unwrap_or(loss_ratio),
            window: params.length("window")?.unwrap_or(window),
        },
        ..now
    })
}

/// The probes of the span, oldest first; whether older ones were left out.
fn probes(
    history: &dyn History,
    target: TargetId,
    from: WallTime,
    to: WallTime,
) -> Result<(Vec<StoredSample>, bool), HistoryError> {
    let mut samples = history.samples(SampleQuery {
        target,
        from,
        to,
        limit: PROBES_MAX + 1,
    })?;
    let is_truncated = samples.len() > PROBES_MAX;
    samples.truncate(PROBES_MAX);
    samples.retain(|sample| sample.stray.is_none());
    samples.sort_by_key(|sample| sample.at);
    Ok((samples, is_truncated))
}

type Grades = std::collections::BTreeMap<&'static str, u64>;

/// Outages, and the minutes of each grade.
fn past(samples: &[StoredSample], target: &Target, by: &Thresholds) -> (Vec<OutageRow>, Grades) {
    let mut detector = OutageDetector::new(Arc::new(by.outage));
    let mut outages: Vec<OutageRow> = Vec::new();
    let mut minutes = Minutes::default();
    let Some(first) = samples.first().map(|sample| sample.at) else {
        return (outages, minutes.grades);
    };
    let mono = |at: WallTime| MonoTime::from_nanos(u64::try_from(at.nanos_after(first)).unwrap_or(0));
    let wall = |at: MonoTime| first.plus(Duration::from_nanos(at.as_nanos()));
    let hole = i64::try_from(nanos_of(target.plan.interval).saturating_mul(3)).unwrap_or(i64::MAX);
    let mut before: Option<&StoredSample> = None;
    for sample in samples {
        if let Some(before) = before {
            if before.run != sample.run {
                close(&mut outages, detector.interrupt(mono(before.at)), wall);
            } else if sample.at.nanos_after(before.at) > hole {
                detector.cut();
            }
        }
        before = Some(sample);
        minutes.add(sample, &by.grades);
        match detector.on_outcome(mono(sample.at), sample.outcome) {
            Some(OutageChange::Opened { since, by }) => {
                outages.push(opened(outages.len(), target, wall(since), by));
            }
            closed => close(&mut outages, closed, wall),
        }
    }
    if let (Some(open), Some(row), Some(last)) = (detector.open(), outages.last_mut(), before) {
        row.sent = open.sent;
        row.lost = open.lost;
        row.duration_ns = mono(last.at).since(open.since).as_nanos() as u64;
    }
    minutes.end(&by.grades);
    (outages, minutes.grades)
}

fn opened(number: usize, target: &Target, from: WallTime, opened_by: OpenedBy) -> OutageRow {
    OutageRow {
        // Of no run there is: it is none that was stored.
        id: EventId {
            run: RunId(0),
            seq: number as u64,
        },
        target: target.id,
        from,
        to: None,
        duration_ns: 0,
        opened_by,
        sent: 0,
        lost: 0,
        uncertainty_ns: nanos_of(target.plan.interval),
    }
}

fn close(outages: &mut [OutageRow], change: Option<OutageChange>, wall: impl Fn(MonoTime) -> WallTime) {
    if let (
        Some(OutageChange::Closed {
            since,
            until,
            sent,
            lost,
        }),
        Some(row),
    ) = (change, outages.last_mut())
    {
        row.to = Some(wall(until));
        row.duration_ns = nanos_of(until.since(since));
        row.sent = sent;
        row.lost = lost;
    }
}

/// Minutes by the grade of their average.
#[derive(Default)]
struct Minutes {
    minute: i64,
    sum_ns: u128,
    answers: u64,
    grades: Grades,
}

impl Minutes {
    fn add(&mut self, sample: &StoredSample, limits: &GradeLimits) {
        let minute = sample.at.as_nanos().div_euclid(MINUTE_NS);
        if minute != self.minute {
            self.end(limits);
            self.minute = minute;
        }
        if let Some(rtt) = sample.rtt.filter(|_| sample.outcome.is_answer()) {
            self.sum_ns += u128::from(rtt.as_nanos());
            self.answers += 1;
        }
    }

    fn end(&mut self, limits: &GradeLimits) {
        if self.answers > 0 {
            let average = Rtt::from_nanos((self.sum_ns / u128::from(self.answers)) as u64);
            *self.grades.entry(limits.grade(average).word()).or_default() += 1;
        }
        self.sum_ns = 0;
        self.answers = 0;
    }
}
