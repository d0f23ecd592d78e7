//! Measures how much the delay changes from probe to probe, in the forms of MEASURING.md "Jitter".
//!
//! [`Differences`] sums over pairs of adjacent sequence numbers; [`AdjacentPairs`] finds those pairs although
//! answers arrive out of order; [`Gauge`] is RFC 3550's. A refusal with an RTT is an answer here as everywhere.
//! A lost probe makes no pair: the distance across it is not a change from probe to probe.

use crate::limits;
use crate::time::Rtt;
use crate::view::RttStats;

/// RFC 5481's packet delay variation at the 99th percentile: p99 - min.
pub fn pdv_p99(stats: &RttStats) -> Rtt {
    Rtt::from_nanos(stats.p99.as_nanos().saturating_sub(stats.min.as_nanos()))
}

/// The sum of absolute differences of adjacent answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Differences {
    pairs: u64,
    sum_ns: u128,
    last_ns: u64,
}

impl Differences {
    pub(crate) fn add(&mut self, one_ns: u64, other_ns: u64) {
        self.pairs += 1;
        self.last_ns = one_ns.abs_diff(other_ns);
        self.sum_ns += u128::from(self.last_ns);
    }

    /// Mean absolute difference, rounded to a nanosecond; `None` without a pair.
    pub(crate) fn mean(&self) -> Option<Rtt> {
        let pairs = u128::from(self.pairs);
        (pairs > 0).then(|| Rtt::from_nanos(((self.sum_ns + pairs / 2) / pairs) as u64))
    }

    /// The absolute difference added last (S4's jitter).
    pub(crate) fn last(&self) -> Option<Rtt> {
        (self.pairs > 0).then(|| Rtt::from_nanos(self.last_ns))
    }
}

/// Pairs answers with adjacent sequence numbers, in whatever order they come: the pair is counted when its
/// second half arrives. Remembers as many answers as probes can be in flight; more cannot be overtaken.
#[derive(Clone, Debug)]
pub(crate) struct AdjacentPairs {
    /// By `seq % len`: (seq + 1, RTT). Zero is "empty", so that fresh memory costs nothing until it is used.
    answers: Vec<[u64; 2]>,
    differences: Differences,
}

impl AdjacentPairs {
    pub(crate) fn new() -> Self {
        Self {
            answers: vec![[0; 2]; limits::IN_FLIGHT_PER_TARGET],
            differences: Differences::default(),
        }
    }

    pub(crate) fn add(&mut self, seq: u64, rtt: Rtt) {
        let rtt_ns = rtt.as_nanos();
        if let Some(before) = seq.checked_sub(1).and_then(|before| self.rtt_of(before)) {
            self.differences.add(before, rtt_ns);
        }
        if let Some(after) = self.rtt_of(seq + 1) {
            self.differences.add(rtt_ns, after);
        }
        let slot = self.slot(seq);
        self.answers[slot] = [seq + 1, rtt_ns];
    }

    pub(crate) fn differences(&self) -> &Differences {
        &self.differences
    }

    fn rtt_of(&self, seq: u64) -> Option<u64> {
        let [key, rtt_ns] = self.answers[self.slot(seq)];
        (key == seq + 1).then_some(rtt_ns)
    }

    fn slot(&self, seq: u64) -> usize {
        (seq % self.answers.len() as u64) as usize
    }
}

/// RFC 3550 6.4.1: J += (|D| - J) / 16 from J = 0. A live gauge, not mergeable.
///
/// D is between answers consecutive *in order of arrival, not necessarily in sequence* (the RFC's words):
/// feed it as records are decided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gauge {
    /// [`NO_ANSWER`] before the first one.
    last_ns: u64,
    /// Not a number before the second answer.
    value_ns: f64,
}

/// Longer than any delay.
const NO_ANSWER: u64 = u64::MAX;

/// Two words, where options would take four.
impl Default for Gauge {
    fn default() -> Self {
        Self {
            last_ns: NO_ANSWER,
            value_ns: f64::NAN,
        }
    }
}

impl Gauge {
    pub(crate) fn add(&mut self, rtt: Rtt) {
        if self.last_ns != NO_ANSWER {
            let value = if self.value_ns.is_nan() {
                0.0
            } else {
                self.value_ns
            };
            self.value_ns = value + (rtt.as_nanos().abs_diff(self.last_ns) as f64 - value) / 16.0;
        }
        self.last_ns = rtt.as_nanos();
    }

    /// The gauge, rounded to a nanosecond; `None` before the second answer.
    pub(crate) fn value(&self) -> Option<Rtt> {
        (!self.value_ns.is_nan()).then(|| Rtt::from_nanos(self.value_ns.round() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Rtt {
        Rtt::from_nanos(millis * 1_000_000)
    }

    fn pairs(answers: &[(u64, u64)]) -> Differences {
        let mut pairs = AdjacentPairs::new();
        answers
            .iter()
            .for_each(|&(seq, millis)| pairs.add(seq, ms(millis)));
        *pairs.differences()
    }

    #[test]
    fn reference_vector_has_its_jitter() {
        let differences = pairs(&[(0, 10), (1, 12), (2, 11), (3, 15), (4, 10)]);
        assert_eq!(
            (differences.mean(), differences.last()),
            (Some(ms(3)), Some(ms(5)))
        );
    }

    #[test]
    fn reference_vector_has_its_rfc3550_jitter() {
        let mut gauge = Gauge::default();
        [10, 12, 11, 15, 10]
            .into_iter()
            .for_each(|millis| gauge.add(ms(millis)));
        assert!((gauge.value_ns - 704_803.466_8).abs() < 1e-4);
        assert_eq!(gauge.value(), Some(Rtt::from_nanos(704_803)));
    }

    #[test]
    fn the_distance_across_a_lost_probe_is_no_jitter() {
        assert_eq!(pairs(&[(0, 10), (2, 90)]).mean(), None);
    }

    #[test]
    fn answers_out_of_order_make_the_same_pairs() {
        let in_order = pairs(&[(0, 10), (1, 12), (2, 11), (3, 15)]);
        let shuffled = pairs(&[(2, 11), (0, 10), (3, 15), (1, 12)]);
        assert_eq!(in_order.mean(), shuffled.mean());
    }

    #[test]
    fn a_sequence_a_whole_memory_later_is_not_adjacent() {
        assert_eq!(
            pairs(&[(0, 10), (limits::IN_FLIGHT_PER_TARGET as u64 + 1, 90)]).mean(),
            None
        );
    }

    #[test]
    fn one_answer_has_no_jitter() {
        let mut gauge = Gauge::default();
        gauge.add(ms(10));
        assert_eq!((gauge.value(), pairs(&[(0, 10)]).last()), (None, None));
    }
}
