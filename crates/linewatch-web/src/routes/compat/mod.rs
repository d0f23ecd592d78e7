//! The tools' own routes, verbatim, with their bugs left out (REQUIREMENTS X1): what read S0 or S1 reads linewatch.
//!
//! S0 knows one target, S1 many servers. Refusals are `{"error":"text"}`. Not here: anything that is ours alone.

pub(super) mod s0;
mod s0_patch;
pub(super) mod s1;

use linewatch_core::time::WallTime;

/// An instant in UTC by this pattern of strftime; empty for one that no calendar has.
fn utc(at: WallTime, pattern: &str) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(at.as_nanos()))
        .map(|stamp| stamp.strftime(pattern).to_string())
        .unwrap_or_default()
}
