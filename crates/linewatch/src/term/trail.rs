//! Keeps what a target's chart and sparkline show: the last hour, folded at three steps so that memory is bounded.
//!
//! A probe belongs to the bin of its *send*, so a loss that is known only after its time-out still lands where it happened.
//! Bounded: 100 ms for 65 s, 1 s for 5 min, 5 s for 15 min, 20 s for an hour; 1,330 bins of 48 B are 64 kB per target at most.

use std::collections::VecDeque;
use std::time::Duration;

use linewatch_core::record::Outcome;
use linewatch_core::time::{Rtt, WallTime, nanos_of};

/// Step and number of bins of each ring, finest first. A range is shown from the first ring that reaches so far back.
const RINGS: [(Duration, usize); 4] = [
    (Duration::from_millis(100), 650),
    (Duration::from_secs(1), 310),
    (Duration::from_secs(5), 185),
    (Duration::from_secs(20), 185),
];

/// One finished probe, or a bin of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    /// Send.
    pub at: WallTime,
    /// Probes that were answered.
    pub answers: u32,
    /// Probes that failed.
    pub failures: u32,
    /// Smallest and largest RTT among the answers that have one.
    pub rtt: Option<(Rtt, Rtt)>,
    /// From the send call to the answer in our hands.
    pub host_rtt: Option<Rtt>,
}

impl Sample {
    /// One finished probe; own trouble (unsent, unmeasured) is no data.
    pub(crate) fn of_probe(at: WallTime, outcome: Outcome, rtt: Option<Rtt>, host_rtt: Option<Rtt>) -> Self {
        Self {
            at,
            answers: u32::from(outcome.is_answer()),
            failures: u32::from(outcome.is_failure()),
            rtt: rtt.map(|rtt| (rtt, rtt)),
            host_rtt,
        }
    }
}

/// What fell into one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bin {
    /// Answered probes, of them or not with an RTT.
    pub answers: u32,
    /// Failed probes.
    pub failures: u32,
    /// Smallest and largest RTT.
    pub rtt: Option<(Rtt, Rtt)>,
    /// Largest host RTT.
    pub host_rtt: Option<Rtt>,
}

impl Bin {
    fn add(&mut self, sample: &Sample) {
        self.join(&Self {
            answers: sample.answers,
            failures: sample.failures,
            rtt: sample.rtt,
            host_rtt: sample.host_rtt,
        });
    }

    fn join(&mut self, other: &Self) {
        self.answers = self.answers.saturating_add(other.answers);
        self.failures = self.failures.saturating_add(other.failures);
        self.rtt = match (self.rtt, other.rtt) {
            (Some((low, high)), Some((least, most))) => Some((low.min(least), high.max(most))),
            (one, None) => one,
            (None, other) => other,
        };
        self.host_rtt = self.host_rtt.max(other.host_rtt);
    }

    /// Nothing was answered and nothing failed.
    pub(crate) const fn is_empty(&self) -> bool {
        self.answers == 0 && self.failures == 0
    }
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trail {
    rings: [Ring; RINGS.len()],
}

#[derive(Clone, Debug, Default)]
struct Ring {
    /// Number of the first bin: steps since 1970.
    first: i64,
    bins: VecDeque<Bin>,
}

impl Trail {
    /// Adds a probe; one older than a ring reaches is passed over there.
    pub(crate) fn add(&mut self, sample: &Sample) {
        for (ring, (step, room)) in self.rings.iter_mut().zip(RINGS) {
            ring.add(number(sample.at, step), room, sample);
        }
    }

    /// Step of the ring that a range is shown from.
    pub(crate) fn step_of(span: Duration) -> Duration {
        RINGS[Self::ring_of(span)].0
    }

    fn ring_of(span: Duration) -> usize {
        let reaches = |(step, room): &(Duration, usize)| *step * (*room as u32 - 1) >= span;
        RINGS.iter().position(reaches).unwrap_or(RINGS.len() - 1)
    }

    /// `count` columns that end at `until`, oldest first, each of `span / count`.
    pub(crate) fn columns(&self, until: WallTime, span: Duration, count: usize) -> Vec<Bin> {
        let mut columns = vec![Bin::default(); count];
        let place = Self::ring_of(span);
        let (ring, step_ns) = (&self.rings[place], nanos_of(RINGS[place].0) as i64);
        let span_ns = nanos_of(span).max(1) as i64;
        let from_ns = until.as_nanos().saturating_sub(span_ns);
        for (offset, bin) in ring.bins.iter().enumerate() {
            if bin.is_empty() {
                continue;
            }
            // The middle of the bin decides, so that no rounding puts it outside the column it fills.
            let at_ns = (ring.first + offset as i64) * step_ns + step_ns / 2;
            let since_ns = at_ns - from_ns;
            if since_ns < 0 || count == 0 {
                continue;
            }
            let column = i128::from(since_ns) * count as i128 / i128::from(span_ns);
            // The bin that still fills may have its middle a little ahead.
            let column = (column as usize).min(count - 1);
            if since_ns < span_ns + step_ns {
                columns[column].join(bin);
            }
        }
        columns
    }
}

impl Ring {
    fn add(&mut self, number: i64, room: usize, sample: &Sample) {
        let last = self.first + self.bins.len() as i64 - 1;
        if self.bins.is_empty() || number - last > room as i64 {
            self.bins.clear();
            self.first = number;
        }
        if number < self.first {
            let missing = (self.first - number) as usize;
            if missing + self.bins.len() > room {
                return;
            }
            for _ in 0..missing {
                self.bins.push_front(Bin::default());
            }
            self.first = number;
        }
        while self.first + (self.bins.len() as i64) <= number {
            self.bins.push_back(Bin::default());
        }
        self.bins[(number - self.first) as usize].add(sample);
        while self.bins.len() > room {
            self.bins.pop_front();
            self.first += 1;
        }
    }
}

fn number(at: WallTime, step: Duration) -> i64 {
    at.as_nanos().div_euclid(nanos_of(step) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> WallTime {
        WallTime::from_nanos(ms * 1_000_000)
    }

    fn reply(ms: i64, rtt_ms: u64) -> Sample {
        let rtt = Rtt::from_nanos(rtt_ms * 1_000_000);
        Sample::of_probe(at(ms), Outcome::Reply, Some(rtt), Some(rtt))
    }

    fn lost(ms: i64) -> Sample {
        Sample::of_probe(at(ms), Outcome::Lost, None, None)
    }

    /// `5` an answer of 5 ms, `×` a failure, `·` nothing.
    fn picture(trail: &Trail, until_ms: i64, span_s: u64, count: usize) -> String {
        let columns = trail.columns(at(until_ms), Duration::from_secs(span_s), count);
        let cell = |bin: &Bin| match bin {
            bin if bin.failures > 0 => "×".to_owned(),
            Bin {
                rtt: Some((_, high)), ..
            } => (high.as_nanos() / 1_000_000).to_string(),
            _ => "·".to_owned(),
        };
        columns.iter().map(cell).collect()
    }

    #[test]
    fn a_loss_known_late_lands_where_it_was_sent() {
        let mut trail = Trail::default();
        [reply(100_000, 5), reply(102_000, 6), lost(101_000)]
            .iter()
            .for_each(|sample| trail.add(sample));
        assert_eq!(picture(&trail, 104_000, 6, 6), "··5×6·");
    }

    #[test]
    fn a_long_range_is_shown_from_a_coarser_ring() {
        let mut trail = Trail::default();
        for second in 0..3_000 {
            trail.add(&reply(second * 1_000, 7));
        }
        trail.add(&lost(1_500_000));
        assert_eq!(picture(&trail, 3_000_000, 3_600, 6), "·77×77");
    }

    #[test]
    fn what_a_ring_has_forgotten_stays_forgotten_and_its_size_bounded() {
        let mut trail = Trail::default();
        trail.add(&reply(10_000_000, 5));
        trail.add(&reply(1_000, 5));
        trail.add(&reply(100_000_000, 5));
        for ring in &trail.rings {
            assert_eq!(ring.bins.iter().filter(|bin| !bin.is_empty()).count(), 1);
        }
        for tenth in 0..10_000 {
            trail.add(&reply(100_000_000 + tenth * 100, 5));
        }
        let rooms = trail.rings.iter().zip(RINGS);
        rooms.for_each(|(ring, (_, room))| assert!(ring.bins.len() <= room));
    }
}
