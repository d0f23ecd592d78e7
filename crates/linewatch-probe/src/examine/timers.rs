//! Measures how punctual a probe can leave: the engine's own wait, with the priority the engine gets.
//!
//! A thread like the engine's waits for a row of moments through a wire without sockets; how late each was is what a
//! probe would have been late.

use std::time::Duration;

use linewatch_core::port::{Clock as _, Incoming, Wire as _};

use crate::clock::SystemClock;
use crate::privilege::{self, Scheduling};
use crate::sys::{IcmpMode, SystemWire, WireError, WireOptions};

/// Moments waited for, 2 ms apart: half a second in all.
const MOMENTS: u32 = 250;
const APART: Duration = Duration::from_millis(2);

/// How late the engine's timer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Punctuality {
    /// The priority it was measured with.
    pub scheduling: Scheduling,
    /// Median.
    pub p50: Duration,
    /// 99th percentile.
    pub p99: Duration,
    /// The latest.
    pub max: Duration,
}

/// Why it could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum TimerError {
    /// No timer.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// No thread.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
    /// The thread died.
    #[error("the measuring thread ended early")]
    Ended,
}

/// Measures for half a second on a thread of its own, whose priority ends with it.
///
/// # Errors
///
/// When the kernel gives no thread or no timer.
pub fn punctuality(clock: SystemClock) -> Result<Punctuality, TimerError> {
    let thread = std::thread::Builder::new()
        .name("timer".to_owned())
        .spawn(move || measure(clock))?;
    thread.join().map_err(|_| TimerError::Ended)?
}

fn measure(clock: SystemClock) -> Result<Punctuality, TimerError> {
    let options = WireOptions {
        icmp: IcmpMode::None,
        ..WireOptions::default()
    };
    let (mut wire, _) = SystemWire::open(clock, options)?;
    let scheduling = privilege::realtime();
    let mut incoming = Incoming::default();
    let mut late: Vec<Duration> = Vec::with_capacity(MOMENTS as usize);
    let begun_at = clock.mono();
    for moment in 1..=MOMENTS {
        let due_at = begun_at.plus(APART * moment);
        // It may return early; being early is no lateness.
        while clock.mono() < due_at {
            wire.receive(due_at, &mut incoming);
        }
        late.push(clock.mono().since(due_at));
    }
    late.sort_unstable();
    Ok(Punctuality {
        scheduling,
        p50: at(&late, 50),
        p99: at(&late, 99),
        max: at(&late, 100),
    })
}

/// The percentile of sorted lengths.
fn at(sorted: &[Duration], percent: usize) -> Duration {
    let index = sorted.len().saturating_sub(1) * percent / 100;
    sorted.get(index).copied().unwrap_or_default()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn lateness_is_measured_and_ordered() {
        let found = punctuality(SystemClock::start()).expect("this kernel has timers");
        assert!(found.p50 <= found.p99 && found.p99 <= found.max, "{found:?}");
        assert!(found.max > Duration::ZERO, "no timer is exact: {found:?}");
    }
}
