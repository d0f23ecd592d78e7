//! Draws what happened elsewhere during an outage: a lane for the target, its gateway and the worst of the others, with a
//! mark for every second in which it lost packets. Marks, not colours alone: it is read on grey paper too.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use linewatch_core::evidence::{Evidence, Second};
use linewatch_core::port::StoredSample;
use linewatch_core::target::TargetId;
use linewatch_core::time::WallTime;

use super::page::shown;
use super::words::{Words, clock};
use super::{OutageReport, Report};
use crate::message::escape;

/// Other lines with a lane of their own.
const OTHERS: usize = 6;
/// User units; the picture is as wide as the paper.
const WIDTH: f64 = 760.0;
/// Room for the names.
const LEFT: f64 = 170.0;
const LANE: f64 = 22.0;
const HEAD: f64 = 22.0;
const NANOS_PER_S: f64 = 1e9;

/// The picture, or nothing where nothing is kept.
pub(super) fn picture(words: &Words, report: &Report, outage: &OutageReport) -> String {
    let Some(span) = spans(&outage.kept) else {
        return String::new();
    };
    let lanes = lanes(words, report, outage);
    let height = HEAD + LANE * lanes.len() as f64 + 22.0;
    let scale = Scale::over(span);
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\" font-family=\"Inter,system-ui,sans-serif\" \
         font-size=\"11\" fill=\"#515c6c\">",
        escape(words.elsewhere)
    );
    let (begin, end) = (
        scale.x(outage.row.from),
        scale.x(outage.to.unwrap_or(span.1).max(outage.row.from)),
    );
    let bottom = HEAD + LANE * lanes.len() as f64;
    let _ = write!(
        out,
        "<path fill=\"#f6dfe7\" d=\"M{begin:.1} 0H{end:.1}V{bottom:.1}H{begin:.1}z\"/>"
    );
    for (place, lane) in lanes.iter().enumerate() {
        let top = HEAD + LANE * place as f64;
        lane_row(&mut out, &scale, lane, top);
    }
    let _ = write!(
        out,
        "<path stroke=\"#8f0039\" stroke-dasharray=\"3 3\" fill=\"none\" d=\"M{begin:.1} 0V{bottom:.1}M{end:.1} 0V{bottom:.1}\"/>"
    );
    words_below(&mut out, report, span, bottom + 15.0);
    out.push_str("</svg>");
    out
}

/// From the begin of the first part that is kept to the end of the last.
fn spans(kept: &[Evidence]) -> Option<(WallTime, WallTime)> {
    let from = kept.iter().map(|part| part.span.from).min()?;
    let to = kept.iter().map(|part| part.span.to).max()?;
    (from < to).then_some((from, to))
}

/// One lane: seconds since 1970 with finished probes, and whether some were lost.
struct Lane {
    name: String,
    is_strong: bool,
    seconds: BTreeMap<i64, bool>,
}

fn lanes(words: &Words, report: &Report, outage: &OutageReport) -> Vec<Lane> {
    let name = |target: TargetId| {
        report
            .names
            .get(&target)
            .map_or_else(|| format!("#{}", target.0), |name| shown(name))
    };
    let samples = outage.kept.iter().flat_map(|part| &part.samples);
    let mut lanes = vec![Lane {
        name: name(outage.row.target),
        is_strong: true,
        seconds: of_samples(samples),
    }];
    if let Some(gateway) = outage.kept.iter().find_map(|part| part.gateway) {
        let samples = outage.kept.iter().flat_map(|part| &part.gateway_samples);
        lanes.push(Lane {
            name: format!("{} ({})", name(gateway), words.gateway),
            is_strong: true,
            seconds: of_samples(samples),
        });
    }
    let mut others = Vec::<(TargetId, BTreeMap<i64, bool>)>::new();
    for line in outage.kept.iter().flat_map(|part| &part.lines) {
        let seconds = of_seconds(&line.seconds);
        match others.iter_mut().find(|(target, _)| *target == line.target) {
            Some((_, known)) => known.extend(seconds),
            None => others.push((line.target, seconds)),
        }
    }
    lanes.extend(others.into_iter().take(OTHERS).map(|(target, seconds)| Lane {
        name: name(target),
        is_strong: false,
        seconds,
    }));
    lanes
}

fn of_samples<'a>(samples: impl Iterator<Item = &'a StoredSample>) -> BTreeMap<i64, bool> {
    let mut seconds = BTreeMap::new();
    for sample in samples {
        let is_finished = sample.outcome.is_answer() || sample.outcome.is_failure();
        if sample.stray.is_none() && is_finished {
            *seconds
                .entry(sample.at.as_millis().div_euclid(1_000))
                .or_insert(false) |= sample.outcome.is_failure();
        }
    }
    seconds
}

fn of_seconds(seconds: &[Second]) -> BTreeMap<i64, bool> {
    seconds
        .iter()
        .map(|second| (second.at_s, second.lost > 0))
        .collect()
}

struct Scale {
    from: WallTime,
    per_s: f64,
}

impl Scale {
    fn over((from, to): (WallTime, WallTime)) -> Self {
        let span_s = to.nanos_after(from) as f64 / NANOS_PER_S;
        Self {
            from,
            per_s: (WIDTH - LEFT) / span_s.max(1.0),
        }
    }

    fn x(&self, at: WallTime) -> f64 {
        let after_s = at.nanos_after(self.from) as f64 / NANOS_PER_S;
        (LEFT + after_s * self.per_s).clamp(LEFT, WIDTH)
    }
}

fn lane_row(out: &mut String, scale: &Scale, lane: &Lane, top: f64) {
    let width = (scale.per_s * 0.9).max(1.0);
    let mut paths = [String::new(), String::new()];
    for (second, is_lossy) in &lane.seconds {
        let x = scale.x(WallTime::from_nanos(second.saturating_mul(1_000_000_000)));
        let (y, height) = if *is_lossy {
            (top + 3.0, 15.0)
        } else {
            (top + 7.0, 7.0)
        };
        let _ = write!(
            paths[usize::from(*is_lossy)],
            "M{x:.1} {y:.0}h{width:.1}v{height:.0}h-{width:.1}z"
        );
    }
    let [answered, lossy] = paths;
    let weight = if lane.is_strong {
        " font-weight=\"600\" fill=\"#12161d\""
    } else {
        ""
    };
    let _ = write!(
        out,
        "<text x=\"{x}\" y=\"{y}\" text-anchor=\"end\"{weight}>{name}</text>\
         <path fill=\"#cfe8e1\" d=\"{answered}\"/><path fill=\"#8f0039\" d=\"{lossy}\"/>",
        x = LEFT - 10.0,
        y = top + 14.5,
        name = escape(&short(&lane.name)),
    );
}

/// As much of a name as there is room for.
fn short(name: &str) -> String {
    const SIGNS: usize = 24;
    if name.chars().count() <= SIGNS {
        return name.to_owned();
    }
    let start: String = name.chars().take(SIGNS - 1).collect();
    format!("{start}…")
}

fn words_below(out: &mut String, report: &Report, span: (WallTime, WallTime), y: f64) {
    let _ = write!(
        out,
        "<text x=\"{LEFT}\" y=\"{y}\">{}</text><text x=\"{WIDTH}\" y=\"{y}\" text-anchor=\"end\">{}</text>",
        clock(span.0, &report.zone),
        clock(span.1, &report.zone)
    );
}
