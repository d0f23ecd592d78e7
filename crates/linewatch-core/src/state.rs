//! Judges the figures of a window: state, grade, concerns, interpretation, and how fast a judgement may change.
//!
//! Input: a [`WindowView`] and the target's [`Thresholds`]. Pure functions and one small machine, [`Steady`].
//! PAUSED, ERROR, WAITING, STALE and DOWN are facts, not judgements, and never wait: they are `monitor`'s.

use std::time::Duration;

use crate::event::Excess;
use crate::limits;
use crate::target::{GradeLimits, ProbePlan, StatusLimit, Thresholds};
use crate::time::Rtt;
use crate::view::{Concern, Grade, Interpretation, State, WindowView};

/// A judgement gets worse after this many evaluations in a row (MEASURING.md "Hysteresis") ...
const WORSE_AFTER: u32 = 3;
/// ... and better after this many.
const BETTER_AFTER: u32 = 6;
/// S1: mdev above this is a concern.
const CONCERN_MDEV: Rtt = Rtt::from_nanos(50_000_000);
/// S1 and S4: loss above this is a concern, and makes a connection "unstable".
const CONCERN_LOSS: f64 = 0.01;
/// S4: jitter above this makes "micro-stutter likely".
const STUTTER_JITTER: Rtt = Rtt::from_nanos(30_000_000);
/// Process latency up to this is never called a delay of this machine.
const PROCESS_FLOOR: Rtt = Rtt::from_nanos(5_000_000);
/// What a target is given beyond its plan before it is stale.
const STALE_GRACE: Duration = Duration::from_secs(2);

/// The part of [`State`] that is judged from figures; a greater one is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Health {
    Ok,
    Warn,
    Bad,
}

impl Health {
    pub(crate) const fn state(self) -> State {
        match self {
            Self::Ok => State::Ok,
            Self::Warn => State::Warn,
            Self::Bad => State::Bad,
        }
    }
}

/// Judges by S4's numbers; `None` while no probe of the window counts.
pub(crate) fn health(window: &WindowView, thresholds: &Thresholds) -> Option<Health> {
    window.loss.ratio()?;
    Some(if is_within(window, &thresholds.ok) {
        Health::Ok
    } else if is_within(window, &thresholds.warn) {
        Health::Warn
    } else {
        Health::Bad
    })
}

/// Which rules keep a target from a better state than it shows: those of OK for WARN, those of WARN for BAD.
pub(crate) fn reasons(shown: State, window: &WindowView, thresholds: &Thresholds) -> Vec<&'static str> {
    match shown {
        State::Warn => broken_rules(window, &thresholds.ok),
        State::Bad => broken_rules(window, &thresholds.warn),
        State::Paused | State::Error | State::Waiting | State::Stale | State::Down | State::Ok => Vec::new(),
    }
}

fn is_within(window: &WindowView, limit: &StatusLimit) -> bool {
    rules(window, limit).iter().all(|&(_, holds)| holds)
}

fn broken_rules(window: &WindowView, limit: &StatusLimit) -> Vec<&'static str> {
    rules(window, limit)
        .into_iter()
        .filter(|&(_, holds)| !holds)
        .map(|(word, _)| word)
        .collect()
}

/// A figure that does not exist breaks no rule: a window without any answer fails by its loss.
fn rules(window: &WindowView, limit: &StatusLimit) -> [(&'static str, bool); 3] {
    [
        ("loss", window.loss.ratio().is_none_or(|loss| loss < limit.loss)),
        ("jitter", window.jitter.is_none_or(|jitter| jitter < limit.jitter)),
        ("rtt", window.rtt.is_none_or(|rtt| rtt.p50 < limit.rtt)),
    ]
}

/// The grade of the average RTT; `None` while nothing answered in the window.
pub(crate) fn grade(window: &WindowView, limits: &GradeLimits) -> Option<Grade> {
    Some(limits.grade(window.rtt?.avg))
}

/// S1's concerns. `VeryHighLatency` takes the place of `HighLatency`: one average, one word.
pub(crate) fn concerns(shown: State, window: &WindowView, limits: &GradeLimits) -> Vec<Concern> {
    let mut concerns = Vec::new();
    if matches!(shown, State::Paused | State::Error | State::Waiting) {
        return concerns;
    }
    if let Some(rtt) = window.rtt {
        if rtt.mdev > CONCERN_MDEV {
            concerns.push(Concern::Jitter);
        }
        if rtt.avg > limits.very_high {
            concerns.push(Concern::VeryHighLatency);
        } else if rtt.avg > limits.poor {
            concerns.push(Concern::HighLatency);
        }
    }
    if window.loss.exceeds(CONCERN_LOSS) {
        concerns.push(Concern::Loss);
    }
    if shown == State::Stale {
        concerns.push(Concern::Stale);
    }
    concerns
}

/// The standard deviation of the RTT and its limit, where it is a concern.
pub(crate) fn jitter_excess(mdev: Rtt) -> Option<Excess> {
    (mdev > CONCERN_MDEV).then_some(Excess {
        peak: mdev,
        limit: CONCERN_MDEV,
    })
}

/// S4's reading of the figures; nothing below [`limits::INTERPRET_PROBES`] probes that count.
pub(crate) fn interpretations(
    shown: State,
    window: &WindowView,
    thresholds: &Thresholds,
) -> Vec<Interpretation> {
    let mut said = Vec::new();
    let is_live = matches!(shown, State::Down | State::Ok | State::Warn | State::Bad);
    if !is_live || window.loss.finished < limits::INTERPRET_PROBES as u64 {
        return said;
    }
    if let Some(rtt) = window.rtt {
        let half = Rtt::from_nanos(rtt.p50.as_nanos() / 2);
        let is_process_high = window
            .process_p50
            .is_some_and(|process| process > PROCESS_FLOOR.max(half));
        match (rtt.p50 < thresholds.ok.rtt, is_process_high) {
            (true, true) => said.push(Interpretation::DelayHere),
            (false, false) => said.push(Interpretation::DelayOnPath),
            (true, false) | (false, true) => {}
        }
    }
    if window.loss.exceeds(CONCERN_LOSS) {
        said.push(Interpretation::Unstable);
    }
    if window.jitter.is_some_and(|jitter| jitter > STUTTER_JITTER) {
        said.push(Interpretation::MicroStutter);
    }
    said
}

/// How long a target may go without a finished probe before it is stale.
pub(crate) fn stale_after(plan: &ProbePlan) -> Duration {
    plan.interval
        .saturating_mul(3)
        .max(plan.interval + plan.timeout + STALE_GRACE)
}

/// Holds a judgement steady: it moves only after several evaluations in a row on one side of it.
///
/// It then moves to the value nearest to the old one seen on the way: Bad, Bad, Warn are three evaluations of
/// "at least Warn", not of Bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Steady<T> {
    shown: Option<T>,
    /// The judgement nearest to `shown` in the run away from it, and the length of that run.
    away: Option<(T, u32)>,
}

impl<T> Default for Steady<T> {
    fn default() -> Self {
        Self {
            shown: None,
            away: None,
        }
    }
}

impl<T: Copy + Ord> Steady<T> {
    /// Takes one evaluation and says what to show. The first one is shown at once.
    pub(crate) fn judge(&mut self, judged: T) -> T {
        let Some(shown) = self.shown else {
            self.shown = Some(judged);
            return judged;
        };
        if judged == shown {
            self.away = None;
            return shown;
        }
        let is_worse = judged > shown;
        let (nearest, run) = match self.away {
            Some((other, run)) if (other > shown) == is_worse => (
                if is_worse {
                    other.min(judged)
                } else {
                    other.max(judged)
                },
                run + 1,
            ),
            _ => (judged, 1),
        };
        self.away = Some((nearest, run));
        if run >= if is_worse { WORSE_AFTER } else { BETTER_AFTER } {
            *self = Self {
                shown: Some(nearest),
                away: None,
            };
            return nearest;
        }
        shown
    }

    /// The next evaluation is a first one again.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
