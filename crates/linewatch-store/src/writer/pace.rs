//! Says when the next flush begins.

use std::time::Duration;

use linewatch_core::time::MonoTime;

/// What a flush is begun early by, as a part of the interval: a sample has waited some 20 ms before it came here, and is on the
/// disk only when the commit ends. So what a kill costs is the interval itself, and not a little more.
const EARLY_PART: u32 = 20;

/// From the begin of a flush to the begin of the next.
pub(super) fn period(flush_interval: Duration) -> Duration {
    flush_interval - flush_interval / EARLY_PART
}

/// When the flush after the one of `flush_at` begins, which has just ended: a period after that one began. One that took half
/// of it or more is followed by a whole period in which messages are taken, or a slow disk would fill their queue.
pub(super) fn next_flush(flush_at: MonoTime, now: MonoTime, period: Duration) -> MonoTime {
    if now.since(flush_at) < period / 2 {
        flush_at.plus(period)
    } else {
        now.plus(period)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flushes_keep_their_pace_and_a_slow_one_leaves_time_for_messages() {
        let at = |ms: u64| MonoTime::from_nanos(ms * 1_000_000);
        let period = Duration::from_millis(950);
        assert_eq!(next_flush(at(1_000), at(1_010), period), at(1_950));
        assert_eq!(next_flush(at(1_000), at(1_474), period), at(1_950));
        assert_eq!(next_flush(at(1_000), at(1_475), period), at(2_425));
        assert_eq!(next_flush(at(1_000), at(9_000), period), at(9_950));
    }
}
