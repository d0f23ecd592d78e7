//! Judges the program by what the network really did.
//!
//! Input: the truth the network recorded, the records the program made of it, the script. Output: complaints.
//! Derives fates and outages from MEASURING.md by means of its own (prefix sums instead of a running window),
//! so that a mistake in the engine or the detector is not repeated here.

use std::time::Duration;

use linewatch_core::errno;
use linewatch_core::outage::{OpenedBy, OutagePolicy};
use linewatch_core::record::{Cause, Class, Outcome, ProbeRecord};
use linewatch_core::target::Method;
use linewatch_core::time::{MonoTime, nanos_of};

use crate::clock::ClockScript;
use crate::truth::{Fate, OverflowReport, Truth};

/// Complaints per target: the first few tell what is wrong, a thousand more do not.
const COMPLAINTS: usize = 5;

/// How far after its time-out a probe may still be ended by a message without a stamp.
const UNSTAMPED: Duration = Duration::from_millis(50);

/// How long after its time-out a probe may still be open: the engine ends those of 10 ms in one wake-up, after it has
/// looked at the sockets once more (1 ms), and a turn takes its time.
const EXPIRY_SLACK: Duration = Duration::from_millis(12);

/// What must be known to judge the probes of one target.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// What a probe is.
    pub method: Method,
    /// Which stamps the kernel put on packets.
    pub class: Class,
    /// Time-outs, each from when on; the first from the beginning.
    pub timeouts: &'a [(MonoTime, Duration)],
    /// What the clocks did.
    pub clock: &'a ClockScript,
    /// When answers were dropped.
    pub overflows: &'a [OverflowReport],
    /// When this target, or the whole program, was stopped, paused, removed or changed.
    pub cuts: &'a [MonoTime],
}

/// What may have become of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What the path did to it.
    pub outcome: Outcome,
    /// Something of ours came between: `Unmeasured` is as right.
    pub may_be_unmeasured: bool,
    /// The delay on the wire; `None` where the stamps cannot tell it.
    pub delay: Option<Duration>,
}

impl Case<'_> {
    /// What the program must have found out about this probe.
    pub fn verdict(&self, truth: &Truth) -> Verdict {
        let timeout = self.timeout_at(truth.sent_at);
        let answer = |outcome, delay: Duration| {
            if delay <= timeout {
                (outcome, Some(delay))
            } else {
                (Outcome::Lost, None)
            }
        };
        let (outcome, delay) = match truth.fate {
            Fate::Answered { delay, .. } => answer(Outcome::Reply, delay),
            Fate::Refused { delay, .. } => answer(Outcome::Refused, delay),
            Fate::Unreachable { arrived_at } if arrived_at.since(truth.sent_at) <= timeout => {
                (Outcome::Unreachable, None)
            }
            Fate::Unreachable { .. } | Fate::Silent | Fate::Slept | Fate::Dropped { .. } => {
                (Outcome::Lost, None)
            }
            Fate::Unsent {
                errno: errno::EHOSTUNREACH | errno::EHOSTDOWN,
            } => (Outcome::Unreachable, None),
            Fate::Unsent { .. } => (Outcome::Unsent, None),
        };
        let is_sent = !matches!(truth.fate, Fate::Unsent { .. });
        let until = match truth.fate {
            Fate::Answered { arrived_at, .. } | Fate::Refused { arrived_at, .. } if delay.is_some() => {
                arrived_at
            }
            _ => truth.sent_at.plus(timeout),
        };
        let slept = self
            .clock
            .sleeps
            .iter()
            .any(|(at, _)| truth.sent_at < *at && *at <= until.plus(EXPIRY_SLACK));
        let cut = self
            .cuts
            .iter()
            .any(|at| truth.sent_at <= *at && *at <= until.plus(EXPIRY_SLACK));
        let missed = outcome == Outcome::Lost && self.may_have_missed(truth.sent_at, until);
        Verdict {
            outcome,
            may_be_unmeasured: is_sent && (slept || cut || missed),
            delay: delay.filter(|_| !slept),
        }
    }

    /// Whether an answer between these moments could have been missed by us.
    fn may_have_missed(&self, sent_at: MonoTime, until: MonoTime) -> bool {
        let overlaps = |from: MonoTime, to: MonoTime| from <= until.plus(EXPIRY_SLACK) && sent_at <= to;
        self.clock
            .stalls
            .iter()
            .any(|(from, length)| overlaps(*from, from.plus(*length)))
            || self
                .overflows
                .iter()
                .any(|report| overlaps(report.from, report.to))
    }

    /// Until when a probe waits for an end without a stamp: its time-out, or the end of the stall that it falls into,
    /// for nobody looks earlier.
    fn open_until(&self, truth: &Truth) -> MonoTime {
        let deadline = truth.sent_at.plus(self.timeout_at(truth.sent_at));
        let stalls = self.clock.stalls.iter();
        let ends = stalls
            .filter(|(from, length)| *from <= deadline && deadline < from.plus(*length))
            .map(|(from, length)| from.plus(*length));
        ends.max().unwrap_or(deadline)
    }

    fn timeout_at(&self, at: MonoTime) -> Duration {
        let known = self
            .timeouts
            .iter()
            .rev()
            .find(|(from, _)| *from <= at)
            .or(self.timeouts.first());
        known.map_or(Duration::ZERO, |(_, timeout)| *timeout)
    }

    /// Compares what the network did to one target's probes (in send order) with what was recorded (in the
    /// order of sequence numbers). Empty if all is well.
    pub fn judge(&self, truths: &[Truth], records: &[ProbeRecord]) -> Vec<String> {
        let mut complaints = Vec::new();
        let mut truths = truths.iter().peekable();
        for record in records.iter().filter(|record| record.cause != Cause::Overload) {
            if complaints.len() >= COMPLAINTS {
                break;
            }
            match truths.next_if(|truth| is_about(truth, record)) {
                Some(truth) => complaints.extend(self.complaint(truth, record)),
                // It never left this computer: our own gap, and nothing to compare.
                None if record.outcome == Outcome::Unmeasured => {}
                None => {
                    let next = truths.peek();
                    complaints.push(format!(
                        "{record:?} has no probe on the network; next is {next:?}"
                    ));
                }
            }
        }
        if complaints.is_empty() {
            complaints.extend(truths.next().map(|truth| format!("{truth:?} has no record")));
        }
        complaints
    }

    fn complaint(&self, truth: &Truth, record: &ProbeRecord) -> Option<String> {
        let verdict = self.verdict(truth);
        let is_excused = verdict.may_be_unmeasured && record.outcome == Outcome::Unmeasured;
        // By user stamps alone an answer that is read late looks later than it was: the time-out may win.
        let is_tcp = matches!(self.method, Method::TcpConnect { .. });
        let is_by_user = match self.class {
            Class::K => verdict.outcome == Outcome::Refused,
            Class::H => is_tcp,
            Class::U => true,
        };
        let is_blurred = is_by_user
            && verdict.delay.is_some()
            && matches!(record.outcome, Outcome::Lost | Outcome::Unmeasured);
        // The word of a router carries no stamp: around the time-out either is right.
        let is_close = record.outcome == Outcome::Unreachable
            && matches!(truth.fate, Fate::Unreachable { arrived_at }
                if arrived_at <= self.open_until(truth).plus(UNSTAMPED));
        if record.outcome != verdict.outcome && !is_excused && !is_blurred && !is_close {
            return Some(format!("{truth:?} should be {verdict:?} and became {record:?}"));
        }
        self.rtt_complaint(verdict, record)
            .map(|what| format!("{what}: {truth:?} became {record:?}"))
    }

    fn rtt_complaint(&self, verdict: Verdict, record: &ProbeRecord) -> Option<&'static str> {
        let Some(rtt) = record.rtt else {
            return (record.outcome == Outcome::Reply).then_some("a reply without an RTT");
        };
        if !record.outcome.is_answer() {
            return Some("an RTT of something that was not answered");
        }
        if record.host_rtt.is_some_and(|host| host < rtt) {
            return Some("a negative process latency");
        }
        let delay = Duration::from_nanos(rtt.as_nanos());
        match (verdict.delay, record.class) {
            (None, _) => None,
            (Some(true_delay), Class::K | Class::H) => (delay != true_delay).then_some("a wrong RTT"),
            // User stamps include what this computer added.
            (Some(true_delay), Class::U) => {
                (delay < true_delay).then_some("an RTT below the delay of the network")
            }
        }
    }
}

/// A send that failed is recorded with its slot, not with the moment of the attempt.
fn is_about(truth: &Truth, record: &ProbeRecord) -> bool {
    let is_unsent = matches!(truth.fate, Fate::Unsent { .. });
    truth.sent_at == record.sent_at || (is_unsent && record.outcome == Outcome::Unsent)
}

/// One outage as it must have been found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrueOutage {
    /// Send time of the first lost probe.
    pub from: MonoTime,
    /// Send time of the first of the replies that closed it; `None` if it did not end.
    pub to: Option<MonoTime>,
    /// By which rule.
    pub opened_by: OpenedBy,
}

/// The outages of one unbroken stretch of probes, in send order. Only answers and failures: what was unsent or
/// unmeasured is left out by the caller. `gaps` are places in `probes` before which slots passed unmeasured:
/// no window of loss reaches over them.
pub fn outages(policy: &OutagePolicy, probes: &[(MonoTime, bool)], gaps: &[usize]) -> Vec<TrueOutage> {
    let failures_before = prefix_sums(probes);
    let mut found: Vec<TrueOutage> = Vec::new();
    let mut is_open = false;
    let mut fresh_from = 0; // What came before the replies that closed the last outage is not evidence.
    let mut run_from = 0;
    let mut window_from = 0;
    for (index, (sent_at, is_failure)) in probes.iter().enumerate() {
        if index > 0 && probes[index - 1].1 != *is_failure {
            run_from = index;
        }
        while nanos_of(sent_at.since(probes[window_from].0)) >= nanos_of(policy.window) {
            window_from += 1;
        }
        let gap = gaps.iter().copied().filter(|gap| *gap <= index).max();
        let first = window_from.max(fresh_from).max(gap.unwrap_or(0));
        let failures = failures_before[index + 1] - failures_before[first];
        let is_window_bad = failures as f64 / (index + 1 - first) as f64 > policy.loss_ratio;
        let run = index + 1 - run_from;
        if is_open {
            let Some(open) = found.last_mut() else { continue };
            let is_back = !is_failure && run >= policy.replies_to_close as usize;
            if is_back && (open.opened_by == OpenedBy::Run || !is_window_bad) {
                open.to = Some(probes[run_from].0);
                (is_open, fresh_from) = (false, run_from);
            }
        } else if *is_failure {
            let needed = policy.lost_to_open as usize;
            let by_window = || {
                (first..=index)
                    .find(|at| probes[*at].1)
                    .filter(|_| failures >= needed && is_window_bad)
            };
            let opened = if run >= needed {
                Some((run_from, OpenedBy::Run))
            } else {
                by_window().map(|at| (at, OpenedBy::WindowLoss))
            };
            if let Some((at, opened_by)) = opened {
                found.push(TrueOutage {
                    from: probes[at].0,
                    to: None,
                    opened_by,
                });
                is_open = true;
            }
        }
    }
    found
}

fn prefix_sums(probes: &[(MonoTime, bool)]) -> Vec<usize> {
    let mut sums = Vec::with_capacity(probes.len() + 1);
    sums.push(0);
    for (_, is_failure) in probes {
        sums.push(sums[sums.len() - 1] + usize::from(*is_failure));
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One probe a second (`.` reply, `x` lost, `|` a gap that takes none): where outages begin and end.
    #[track_caller]
    fn check(script: &str, expected: &str) {
        let second = |at: usize| MonoTime::ZERO.plus(Duration::from_secs(at as u64));
        let stretches = script.split('|').map(|stretch| stretch.chars().count());
        let gaps: Vec<_> = stretches
            .scan(0, |before, length| {
                *before += length;
                Some(*before)
            })
            .collect();
        let probes: Vec<_> = script
            .chars()
            .filter(|c| *c != '|')
            .enumerate()
            .map(|(at, c)| (second(at), c == 'x'))
            .collect();
        let show = |at: MonoTime| at.as_nanos() / 1_000_000_000;
        let found: Vec<_> = outages(&OutagePolicy::default(), &probes, &gaps)
            .into_iter()
            .map(|outage| {
                format!(
                    "{}-{}",
                    show(outage.from),
                    outage.to.map_or(String::new(), |to| show(to).to_string())
                )
            })
            .collect();
        assert_eq!(found.join(" "), expected, "{script}");
    }

    #[test]
    fn three_in_a_row_are_an_outage_from_the_first_of_them() {
        check("..........xxx....", "10-13");
        check("..........xxx..x.", "10-");
        check("..........xx.....", "");
    }

    #[test]
    fn a_third_of_the_window_is_an_outage_without_three_in_a_row() {
        check("..........x.x.x.x..........", "10-17");
        check("..........x.x.x....", "");
    }

    #[test]
    fn a_gap_parts_the_window_and_not_a_row() {
        check("..........x.x.|x.x..........", "");
        check("..........xx|x....", "10-13");
    }
}
