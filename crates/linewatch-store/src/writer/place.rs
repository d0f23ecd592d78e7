//! Says where the samples of a flush go.

use super::{Samples, Writer};
use crate::sqlite::stage::Place;

/// Above this rate text would be most of the work (DESIGN section 8).
const HOT_SAMPLES_PER_S: u64 = 2_000;

impl Writer {
    /// Where they go, by how many there are for the time since the last commit.
    pub(super) fn place(&self, samples: Samples) -> Place {
        let elapsed = self
            .clock
            .mono()
            .since(self.committed_at)
            .max(self.flush_interval);
        let is_fast = self.pending.rows.len() as f64 > HOT_SAMPLES_PER_S as f64 * elapsed.as_secs_f64();
        match samples {
            Samples::SummedUp => Place::Nowhere,
            Samples::Written if is_fast => Place::Hot,
            Samples::Written => Place::Recent,
        }
    }
}
