//! Gathers stored samples into the spans a database is fed with: steps for the last day, 5 minutes for the last month,
//! hours before that, so that a year is some 100,000 updates.
//!
//! A span reaches back to the one before it when no probe lies between (their sequence numbers are adjacent), so that
//! a target probed every 5 s has no holes at a step of 1 s; else it begins with its own step, and what is between is
//! unknown. Percentiles and jitter need more than one probe: a span with fewer than [`FEW`] answers takes those of the
//! minute before it with it, at most [`FEW`] in all. Late and second answers are left out: they have no say in loss or RTT.

use std::collections::VecDeque;

use linewatch_core::port::StoredSample;
use linewatch_core::record::{Loss, Outcome};
use linewatch_core::time::{Rtt, WallTime};

use super::{Answers, Bucket, DAY_S, MONTH_ROW_S, MONTH_S, YEAR_ROW_S};

const SECOND_NS: i64 = 1_000_000_000;
/// Answers of a minute at one a second.
const FEW: usize = 60;
/// How old an answer may be that helps out.
const HELP_S: i64 = 60;

/// One answer, as percentiles and jitter need it.
#[derive(Clone, Copy, Debug)]
struct Answer {
    at_s: i64,
    rtt_ns: u64,
    /// Distance to the answer with the sequence number before.
    change_ns: Option<u64>,
}

/// The probe before, wherever it was counted.
#[derive(Clone, Copy, Debug)]
struct Before {
    run: u64,
    seq: u64,
    rtt_ns: Option<u64>,
}

/// A span that is being filled.
#[derive(Clone, Copy, Debug)]
struct Open {
    from_s: i64,
    until_s: i64,
    answers: Option<Answers>,
    loss: Loss,
}

/// A part of the database's time whose spans have one width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its first second, since 1970.
    pub from_s: i64,
    /// Its end.
    pub until_s: i64,
    /// Seconds of a span.
    pub width_s: i64,
}

/// Makes spans of samples.
#[derive(Clone, Debug)]
pub struct Gather {
    step_s: i64,
    /// The newest moment wanted.
    end_s: i64,
    before: Option<Before>,
    open: Option<Open>,
    /// End of the span before.
    filled_s: i64,
    /// Answers of the open span, behind those of the minute before.
    recent: VecDeque<Answer>,
    scratch_ns: Vec<u64>,
}

impl Gather {
    /// Gathers for a database with this step and an end at `end_s`, a second since 1970, rounded down to a step.
    pub fn new(step_s: i64, end_s: i64) -> Self {
        Self {
            step_s,
            end_s: end_s - end_s.rem_euclid(step_s),
            before: None,
            open: None,
            filled_s: i64::MIN,
            recent: VecDeque::new(),
            scratch_ns: Vec::new(),
        }
    }

    /// Goes on up to a later end, rounded down to a step.
    pub fn go_on(&mut self, end_s: i64) {
        self.end_s = self.end_s.max(end_s - end_s.rem_euclid(self.step_s));
    }

    /// The first moment that can be in the database, for a question to the history.
    pub fn begin(&self) -> WallTime {
        WallTime::from_nanos((self.end_s - super::YEAR_S).saturating_mul(SECOND_NS))
    }

    /// The first moment that cannot.
    pub fn end(&self) -> WallTime {
        WallTime::from_nanos(self.end_s.saturating_mul(SECOND_NS))
    }

    /// The next sample, by send time; the span that it ends, if it does.
    pub fn add(&mut self, sample: &StoredSample) -> Option<Bucket> {
        if sample.stray.is_some() || sample.at < self.begin() || sample.at >= self.end() {
            return None;
        }
        let at_s = sample.at.as_nanos().div_euclid(SECOND_NS);
        let is_ended = self.open.is_some_and(|open| at_s >= open.until_s);
        let ended = if is_ended { self.finish() } else { None };
        let is_adjacent = self
            .before
            .is_some_and(|before| before.run == sample.run && before.seq.checked_add(1) == Some(sample.seq));
        let mut open = self.open.unwrap_or_else(|| self.begun(at_s, is_adjacent));
        self.count(&mut open, sample, at_s, is_adjacent);
        self.open = Some(open);
        ended
    }

    /// Ends the open span; to be called once more after the last sample.
    pub fn finish(&mut self) -> Option<Bucket> {
        let open = self.open.take()?;
        self.filled_s = open.until_s;
        let answered = open.answers.map_or(0, |answers| answers.count as usize);
        // What is left of the minute before is only asked for where the span has too little of its own.
        let wanted = answered.max(FEW);
        while self.recent.len() > wanted
            || self
                .recent
                .front()
                .is_some_and(|answer| answered < self.recent.len() && answer.at_s < open.until_s - HELP_S)
        {
            self.recent.pop_front();
        }
        // Nothing answered in the span: the answers before it are no measurement of it.
        let [jitter, p50, p95] = if answered == 0 { [None; 3] } else { self.figures() };
        Some(Bucket {
            from_s: open.from_s,
            until_s: open.until_s,
            answers: open.answers,
            loss: open.loss,
            jitter,
            p50,
            p95,
        })
    }

    fn begun(&self, at_s: i64, is_adjacent: bool) -> Open {
        let width_s = self.width_s(at_s);
        let own_s = at_s - at_s.rem_euclid(width_s);
        Open {
            from_s: if is_adjacent {
                self.filled_s.min(own_s)
            } else {
                own_s
            },
            until_s: own_s + width_s,
            answers: None,
            loss: Loss::default(),
        }
    }

    /// Year, month and day, as far as they do not overlap.
    pub fn parts(&self) -> [Part; 3] {
        let [month_s, day_s] = self.borders_s();
        let part = |from_s, until_s, width_s| Part {
            from_s,
            until_s,
            width_s,
        };
        [
            part(self.end_s - super::YEAR_S, month_s, YEAR_ROW_S),
            part(month_s, day_s, MONTH_ROW_S),
            part(day_s, self.end_s, self.step_s),
        ]
    }

    /// Where month and day begin: whole hours, so that no span crosses one.
    fn borders_s(&self) -> [i64; 2] {
        [MONTH_S, DAY_S].map(|age_s| {
            let border_s = self.end_s - age_s;
            border_s - border_s.rem_euclid(YEAR_ROW_S)
        })
    }

    /// Seconds of the span around `at_s`.
    fn width_s(&self, at_s: i64) -> i64 {
        let [month_s, day_s] = self.borders_s();
        if at_s >= day_s {
            self.step_s
        } else if at_s >= month_s {
            MONTH_ROW_S
        } else {
            YEAR_ROW_S
        }
    }

    fn count(&mut self, open: &mut Open, sample: &StoredSample, at_s: i64, is_adjacent: bool) {
        let is_failed = matches!(sample.outcome, Outcome::Lost | Outcome::Unreachable);
        let is_answered = matches!(sample.outcome, Outcome::Reply | Outcome::Refused);
        open.loss.failed += u64::from(is_failed);
        open.loss.finished += u64::from(is_failed || is_answered);
        let rtt_ns = sample.rtt.filter(|_| is_answered).map(Rtt::as_nanos);
        let before_ns = self
            .before
            .filter(|_| is_adjacent)
            .and_then(|before| before.rtt_ns);
        if let Some(rtt_ns) = rtt_ns {
            open.answers = Some(Answers::with(open.answers, Rtt::from_nanos(rtt_ns)));
            self.recent.push_back(Answer {
                at_s,
                rtt_ns,
                change_ns: before_ns.map(|before| before.abs_diff(rtt_ns)),
            });
        }
        self.before = Some(Before {
            run: sample.run,
            seq: sample.seq,
            rtt_ns,
        });
    }

    /// Jitter, median and 95th percentile of the recent answers.
    fn figures(&mut self) -> [Option<Rtt>; 3] {
        let changes = self.recent.iter().filter_map(|answer| answer.change_ns);
        let (count, sum_ns) = changes.fold((0_u64, 0_u128), |(count, sum), change| {
            (count + 1, sum + u128::from(change))
        });
        let mean = (sum_ns + u128::from(count / 2)).checked_div(u128::from(count));
        let jitter = mean
            .and_then(|mean_ns| u64::try_from(mean_ns).ok())
            .map(Rtt::from_nanos);
        self.scratch_ns.clear();
        self.scratch_ns
            .extend(self.recent.iter().map(|answer| answer.rtt_ns));
        // The higher one first: it leaves all that is smaller before it, and the median is among those.
        let p95 = percentile(&mut self.scratch_ns, self.recent.len(), 95);
        let below = rank(self.recent.len(), 95).min(self.scratch_ns.len());
        let p50 = percentile(&mut self.scratch_ns[..below], self.recent.len(), 50);
        [jitter, p50, p95]
    }
}

impl Answers {
    fn with(before: Option<Self>, rtt: Rtt) -> Self {
        let rtt_ns = u128::from(rtt.as_nanos());
        match before {
            None => Self {
                count: 1,
                sum_ns: rtt_ns,
                min: rtt,
                max: rtt,
            },
            Some(before) => Self {
                count: before.count + 1,
                sum_ns: before.sum_ns + rtt_ns,
                min: before.min.min(rtt),
                max: before.max.max(rtt),
            },
        }
    }
}

/// How many of `count` values are at most their percentile (MEASURING "Percentile").
const fn rank(count: usize, percent: usize) -> usize {
    (count * percent).div_ceil(100)
}

/// The smallest value whose share of all `count` reaches `percent`. `values_ns` may be the smallest of them only.
fn percentile(values_ns: &mut [u64], count: usize, percent: usize) -> Option<Rtt> {
    let index = rank(count, percent).checked_sub(1)?;
    (index < values_ns.len()).then(|| Rtt::from_nanos(*values_ns.select_nth_unstable(index).1))
}
