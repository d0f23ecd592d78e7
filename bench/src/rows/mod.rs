//! The rows of the table: each measures one thing, alternating with the installed `fping` where there is a comparison.

mod cost;
mod rate;
mod timing;

pub(crate) use timing::punctual_far_end;

use anyhow::Result;

use crate::part::Loaded;
use crate::table::Line;

/// How thoroughly to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Runs of each side.
    pub runs: usize,
    /// Length of a run's measured span.
    pub span_ms: u64,
}

impl Effort {
    /// Rows that disturb themselves are repeated at most so often, until their runs agree.
    pub(crate) const fn runs_max(self) -> usize {
        3 * self.runs
    }

    /// Five runs of each side, or three shorter ones.
    pub(crate) fn new(is_quick: bool) -> Self {
        if is_quick {
            Self {
                runs: 3,
                span_ms: 1500,
            }
        } else {
            Self {
                runs: 5,
                span_ms: 3000,
            }
        }
    }
}

/// Numbers of the rows.
pub(crate) const ROWS: std::ops::RangeInclusive<u8> = 1..=10;

/// Measures a row; 1 and 5 are two views of the same runs and come together, 5 alone without the comparison.
pub(crate) fn measure(row: u8, effort: Effort) -> Result<Vec<Line>> {
    match row {
        1 => rate::sustained(effort, true),
        5 => rate::sustained(effort, false),
        2 => rate::flood(effort),
        3 => rate::paced(effort).map(|line| vec![line]),
        4 => timing::send_lateness(effort),
        6 => timing::rtt_error(effort).map(|line| vec![line]),
        7 => timing::process_latency(effort),
        8 => cost::memory(),
        9 => cost::tcp_connects(effort).map(|line| vec![line]),
        _ => cost::record_path(effort).map(|line| vec![line]),
    }
}

/// `SCHED_FIFO 10` or `ordinary priority with precise timers`: the engine's own words without the cure.
fn scheduling(loaded: &Loaded) -> String {
    let text = &loaded.scheduling;
    if text.contains("watchdog") {
        return "ordinary: demoted by the watchdog".to_owned();
    }
    let words = text
        .split_once('(')
        .filter(|_| text.starts_with("real-time"))
        .map_or(text.as_str(), |(_, rest)| rest.trim_end_matches(')'));
    words.split(':').next().unwrap_or(words).to_owned()
}

/// Probes that came to harm by us: not sent, not seen, or unanswered by a loopback that answers all.
fn own_losses(loaded: &Loaded) -> u64 {
    let counts = loaded.counts;
    counts.lost + counts.unsent + counts.unmeasured
}
