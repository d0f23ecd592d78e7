//! Holds the figures of one target's live window in 40 bytes, as the ring keeps them for who comes back.
//!
//! 10,000 targets tell theirs once a second: in the shape of the wire they were 3 MB of it, and the ring held 20 s.

use linewatch_core::view::{Grade, State, TargetView};

use super::row::{pack, unpack};
use crate::api::{AdviceInfo, SumMore, SumRow, availability_run_ppm, sum_more};

/// "No share" in a [`Sum`]: millionths are at most a million.
const NONE_PPM: u32 = u32::MAX;

/// One row of `sum`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sum {
    pub(crate) key: u32,
    pub(crate) state: State,
    grade: Option<Grade>,
    p50_us: u32,
    p95_us: u32,
    jitter_us: u32,
    loss_ppm: u32,
    rto: u32,
    up_ppm: u32,
    /// Few rows have it.
    pub(crate) more: Option<Box<SumMore>>,
}

impl Sum {
    /// The figures of one view. `was_since` is the state's begin as last told: a new one is told once.
    pub(crate) fn of(view: &TargetView, was_since: Option<i64>, advice: Option<AdviceInfo>) -> Self {
        let window = &view.window;
        Self {
            key: view.id.0,
            state: view.state,
            grade: view.grade,
            p50_us: pack(window.rtt.map(|rtt| rtt.p50)),
            p95_us: pack(window.rtt.map(|rtt| rtt.p95)),
            jitter_us: pack(window.jitter),
            loss_ppm: window.loss.ppm().unwrap_or(NONE_PPM),
            // Of one window, which has far fewer probes.
            rto: u32::try_from(window.rto).unwrap_or(u32::MAX),
            up_ppm: availability_run_ppm(view).unwrap_or(NONE_PPM),
            more: sum_more(view, was_since, advice).map(Box::new),
        }
    }

    /// The shape of the wire.
    pub(crate) fn to_wire(&self) -> SumRow<'_> {
        let share = |ppm: u32| (ppm != NONE_PPM).then_some(ppm);
        (
            self.key,
            self.state.word(),
            self.grade.map(Grade::word),
            unpack(self.p50_us),
            unpack(self.p95_us),
            unpack(self.jitter_us),
            share(self.loss_ppm),
            self.rto,
            share(self.up_ppm),
            self.more.as_deref(),
        )
    }

    /// Memory in use.
    pub(crate) fn size_bytes(&self) -> usize {
        let more = self.more.as_ref().map_or(0, |more| more.size_bytes());
        size_of::<Self>() + more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_the_ring_is_forty_bytes() {
        assert_eq!(size_of::<Sum>(), 40);
    }
}
