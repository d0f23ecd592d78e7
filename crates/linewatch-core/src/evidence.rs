//! Concludes from what was measured around an outage whose fault it was: "is it me or them?".
//!
//! Input: what is kept of an outage (`Evidence`). Output: a verdict and the figures it rests on. Only probes sent inside
//! the outage count; what is kept before and after is for the eye. Not here: collecting and keeping it (the store).

use std::time::Duration;

use crate::event::{EventId, OutageRow};
use crate::limits::{EVIDENCE_AROUND, EVIDENCE_WHOLE, EVIDENCE_WHOLE_SAMPLES};
use crate::port::StoredSample;
use crate::record::{GapKind, Outcome, StrayKind};
use crate::target::TargetId;
use crate::time::{Rtt, WallTime};

/// Another line fails in the same span from so many lost probes in a hundred.
const FAILING_PERCENT: u64 = 10;
/// Everything fails when so many of a hundred lines do.
const EVERYTHING_PERCENT: u64 = 80;
/// It was this computer when so many of a hundred probes could not be sent.
const UNSENT_PERCENT: u64 = 10;
/// A line that was asked less often than this inside the outage cannot say that the way was free.
const ACQUITS: u64 = 2;
/// So much added by this computer, in the 95th percentile of what was answered or of lateness, makes losses doubtful.
const BUSY: Duration = Duration::from_millis(50);
const NANOS_PER_S: i64 = 1_000_000_000;

/// Which part of an outage is kept: a long one keeps its edges only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// All of it.
    Whole,
    /// Around its begin.
    Begin,
    /// Around its end.
    End,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 3] = [Self::Whole, Self::Begin, Self::End];

    /// The word of interfaces and of the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Begin => "begin",
            Self::End => "end",
        }
    }

    /// The part with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.word() == word)
    }
}

/// What is to be kept of one outage, as a span of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Which part.
    pub part: Part,
    /// Begin.
    pub from: WallTime,
    /// End: from then on, and a time-out later, it can be kept.
    pub to: WallTime,
}

/// The spans to be kept of this outage so far: none of one that goes on and may still be kept whole.
pub fn spans(outage: &OutageRow, now: WallTime) -> Vec<Span> {
    let around = |part, from: WallTime, to: WallTime| Span {
        part,
        from: from.minus(EVIDENCE_AROUND),
        to: to.plus(EVIDENCE_AROUND),
    };
    // A calendar set back makes an end before the begin.
    let end = outage.to.unwrap_or(now).max(outage.from);
    let length_ns = end.nanos_after(outage.from).max(0);
    let is_long = i128::from(length_ns) > EVIDENCE_WHOLE.as_nanos() as i128;
    // As dense before and after as inside.
    let around_ns = EVIDENCE_AROUND.as_nanos() * 2;
    let length_ns = length_ns.unsigned_abs().max(1);
    let samples = u128::from(outage.sent) * (u128::from(length_ns) + around_ns) / u128::from(length_ns);
    let is_dense = samples > EVIDENCE_WHOLE_SAMPLES as u128 && u128::from(length_ns) > around_ns;
    match outage.to {
        None if is_long => vec![around(Part::Begin, outage.from, outage.from)],
        None => Vec::new(),
        Some(_) if is_long || is_dense => vec![
            around(Part::Begin, outage.from, outage.from),
            around(Part::End, end, end),
        ],
        Some(_) => vec![around(Part::Whole, outage.from, end)],
    }
}

/// One second of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Second {
    /// Since 1970.
    pub at_s: i64,
    /// Probes sent in it that were answered or failed.
    pub sent: u32,
    /// Failed ones among them.
    pub lost: u32,
    /// Median round trip; `None` without an answer.
    pub p50: Option<Rtt>,
}

/// Another target in the same span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which.
    pub target: TargetId,
    /// By time; seconds without a finished probe are left out.
    pub seconds: Vec<Second>,
}

/// Our own trouble in the span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What; `None`: the link or the route of this computer was gone.
    pub gap: Option<GapKind>,
    /// Begin.
    pub from: WallTime,
    /// End.
    pub to: WallTime,
    /// Probes of the target that were not measured for it; of a link, targets.
    pub count: u64,
}

/// What is kept of one part of an outage, for as long as the outage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Of which outage.
    pub outage: EventId,
    /// Whose.
    pub target: TargetId,
    /// Which span.
    pub span: Span,
    /// Every probe of the target, with the stray answers, by send time.
    pub samples: Vec<StoredSample>,
    /// The line that its packets leave by, where one is measured.
    pub gateway: Option<TargetId>,
    /// Every probe of the gateway.
    pub gateway_samples: Vec<StoredSample>,
    /// The other targets, those that lost most first.
    pub lines: Vec<Line>,
    /// Targets that found no room in `lines`; they lost no more than those.
    pub left_out: u32,
    /// Our own trouble.
    pub faults: Vec<Fault>,
}

/// Whose fault an outage likely was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// This computer had no link or could not send.
    ThisComputer,
    /// This computer was too busy: what looks lost may only have been read late.
    Busy,
    /// The gateway failed too, or everything did and no gateway is measured.
    Near,
    /// Everything failed but the gateway: the line behind it.
    Line,
    /// Some others failed too: a part of the way that they share.
    Shared,
    /// Nobody else failed: the target, or the path behind the gateway.
    Them,
    /// Too little to tell.
    Unknown,
}

impl Verdict {
    /// The word of interfaces.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ThisComputer => "this_computer",
            Self::Busy => "busy",
            Self::Near => "near",
            Self::Line => "line",
            Self::Shared => "shared",
            Self::Them => "them",
            Self::Unknown => "unknown",
        }
    }
}

/// Probes of one line inside the outage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Answered or failed.
    pub sent: u64,
    /// Failed.
    pub lost: u64,
}

impl Count {
    const fn is_failing(self) -> bool {
        self.lost > 0 && self.lost * 100 >= self.sent * FAILING_PERCENT
    }
}

/// What a verdict rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// The target itself, inside the outage as far as it is kept.
    pub target: Count,
    /// Its probes that this computer could not send.
    pub unsent: u64,
    /// Its probes that this computer did not measure.
    pub unmeasured: u64,
    /// Its lost probes that were answered after the time-out.
    pub late: u64,
    /// The soonest of those answers.
    pub late_min: Option<Rtt>,
    /// The latest.
    pub late_max: Option<Rtt>,
    /// The gateway, where one is measured.
    pub gateway: Option<Count>,
    /// Other targets than the gateway with a finished probe inside.
    pub others: u32,
    /// Those of them that failed too.
    pub others_failing: u32,
    /// This computer's link or route was gone.
    pub is_link_lost: bool,
    /// What this computer added to the round trips, 95th percentile over the whole span.
    pub process: Option<Rtt>,
    /// How late probes were sent, 95th percentile over the whole span.
    pub lateness: Option<Rtt>,
}

/// Says whose fault it was. `parts` are all of the same outage.
pub fn conclude(outage: &OutageRow, parts: &[Evidence]) -> (Verdict, Figures) {
    let figures = figures(outage, parts);
    (verdict(&figures), figures)
}

fn verdict(figures: &Figures) -> Verdict {
    let attempts = figures.target.sent + figures.unsent;
    let has_unsent = figures.unsent > 0 && figures.unsent * 100 >= attempts * UNSENT_PERCENT;
    if figures.is_link_lost || has_unsent {
        return Verdict::ThisComputer;
    }
    if figures.target.lost == 0 {
        return Verdict::Unknown;
    }
    let is_long = |rtt: Option<Rtt>| rtt.is_some_and(|rtt| u128::from(rtt.as_nanos()) >= BUSY.as_nanos());
    if is_long(figures.process) || is_long(figures.lateness) {
        return Verdict::Busy;
    }
    let is_everything = figures.others_failing > 0
        && figures.others_failing * 100 >= figures.others * EVERYTHING_PERCENT as u32;
    match figures.gateway {
        Some(gateway) if gateway.is_failing() => Verdict::Near,
        Some(gateway) if gateway.sent >= ACQUITS => match (is_everything, figures.others_failing) {
            // One other alone is not everything.
            (true, failing) if failing > 1 => Verdict::Line,
            (_, 0) => Verdict::Them,
            _ => Verdict::Shared,
        },
        Some(_) | None => match (is_everything, figures.others_failing) {
            (true, failing) if failing > 1 => Verdict::Near,
            (_, 0) if figures.others > 0 => Verdict::Them,
            (_, 0) => Verdict::Unknown,
            _ => Verdict::Shared,
        },
    }
}

fn figures(outage: &OutageRow, parts: &[Evidence]) -> Figures {
    let inside = Inside::of(outage, parts);
    let mut figures = Figures::default();
    let (mut process, mut lateness) = (Vec::new(), Vec::new());
    for sample in parts.iter().flat_map(|part| &part.samples) {
        if sample.stray.is_none() {
            process.extend(process_ns(sample));
            lateness.push(sample.lateness_ns);
        }
        if inside.contains(sample.at) {
            figures.count(sample);
        }
    }
    figures.process = high(process);
    figures.lateness = high(lateness);
    if parts.iter().any(|part| part.gateway.is_some()) {
        let samples = parts.iter().flat_map(|part| &part.gateway_samples);
        let inside = samples.filter(|sample| sample.stray.is_none() && inside.contains(sample.at));
        figures.gateway = Some(inside.fold(Count::default(), |count, sample| counted(count, sample.outcome)));
    }
    let mut others: Vec<(TargetId, Count)> = Vec::new();
    for line in parts.iter().flat_map(|part| &part.lines) {
        let count = inside.count(&line.seconds);
        match others.iter_mut().find(|(target, _)| *target == line.target) {
            Some((_, whole)) => {
                whole.sent += count.sent;
                whole.lost += count.lost;
            }
            None => others.push((line.target, count)),
        }
    }
    // Those left out were measured and lost no more than the last one kept.
    let left_out = parts.iter().map(|part| part.left_out).max().unwrap_or(0);
    let measured = others.iter().filter(|(_, count)| count.sent > 0).count();
    figures.others = u32::try_from(measured)
        .unwrap_or(u32::MAX)
        .saturating_add(left_out);
    figures.others_failing = others.iter().filter(|(_, count)| count.is_failing()).count() as u32;
    let faults = parts.iter().flat_map(|part| &part.faults);
    figures.is_link_lost = faults
        .filter(|fault| fault.gap.is_none())
        .any(|fault| fault.from < inside.to && fault.to >= inside.from);
    figures
}

impl Figures {
    fn count(&mut self, sample: &StoredSample) {
        match sample.stray {
            Some(StrayKind::Late) => {
                self.late += 1;
                self.late_min = sample.rtt.into_iter().chain(self.late_min).min();
                self.late_max = sample.rtt.into_iter().chain(self.late_max).max();
            }
            Some(StrayKind::Duplicate | StrayKind::Forged) => {}
            None => {
                self.target = counted(self.target, sample.outcome);
                self.unsent += u64::from(sample.outcome == Outcome::Unsent);
                self.unmeasured += u64::from(sample.outcome == Outcome::Unmeasured);
            }
        }
    }
}

/// The outage itself, by the calendar.
#[derive(Clone, Copy, Debug)]
struct Inside {
    from: WallTime,
    to: WallTime,
}

impl Inside {
    fn of(outage: &OutageRow, parts: &[Evidence]) -> Self {
        let kept = parts.iter().map(|part| part.span.to).max();
        let to = outage.to.or(kept).unwrap_or(outage.from).max(outage.from);
        Self {
            from: outage.from,
            to,
        }
    }

    fn contains(&self, at: WallTime) -> bool {
        self.from <= at && at < self.to
    }

    /// Seconds that touch it.
    fn count(&self, seconds: &[Second]) -> Count {
        let from_s = self.from.as_nanos().div_euclid(NANOS_PER_S);
        let to_s = self.to.as_nanos().div_euclid(NANOS_PER_S);
        let touching = seconds
            .iter()
            .filter(|second| (from_s..=to_s).contains(&second.at_s));
        touching.fold(Count::default(), |count, second| Count {
            sent: count.sent + u64::from(second.sent),
            lost: count.lost + u64::from(second.lost),
        })
    }
}

fn counted(count: Count, outcome: Outcome) -> Count {
    let is_finished = outcome.is_answer() || outcome.is_failure();
    Count {
        sent: count.sent + u64::from(is_finished),
        lost: count.lost + u64::from(outcome.is_failure()),
    }
}

fn process_ns(sample: &StoredSample) -> Option<u64> {
    Some(sample.host_rtt?.as_nanos().saturating_sub(sample.rtt?.as_nanos()))
}

/// The 95th percentile, by nearest rank.
fn high(mut values_ns: Vec<u64>) -> Option<Rtt> {
    values_ns.sort_unstable();
    let rank = (values_ns.len() * 95).div_ceil(100);
    values_ns.get(rank.max(1) - 1).copied().map(Rtt::from_nanos)
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
mod tests;
