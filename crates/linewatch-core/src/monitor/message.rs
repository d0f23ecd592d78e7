//! Words the events: one English sentence each, without the target's name.

use std::time::Duration;

use crate::event::{Event, EventKind};
use crate::outage::{OpenedBy, OutageSoFar};

/// `1 probe`, `3 probes`.
fn counted(count: u64, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

/// A length as people say it: two units at most, `350 ms`, `41 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
fn spoken(length: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = length.as_secs();
    let (large, small) = match seconds {
        0 => return format!("{} ms", length.as_millis()),
        1..MINUTE => return format!("{seconds} s"),
        MINUTE..HOUR => ((MINUTE, "min"), (1, "s")),
        HOUR..DAY => ((HOUR, "h"), (MINUTE, "min")),
        DAY.. => ((DAY, "d"), (HOUR, "h")),
    };
    let first = format!("{} {}", seconds / large.0, large.1);
    match seconds % large.0 / small.0 {
        0 => first,
        rest => format!("{first} {rest} {}", small.1),
    }
}

pub(super) fn down(open: &OutageSoFar, window: Duration) -> String {
    match open.opened_by {
        OpenedBy::Run => format!("down: {} in a row lost", counted(open.lost, "probe")),
        OpenedBy::WindowLoss => {
            let probes = counted(open.lost, "probe");
            format!("down: {probes} lost of {} within {}", open.sent, spoken(window))
        }
    }
}

/// `why` is how it ended if not by replies: "until it was stopped".
pub(super) fn was_down(length: Duration, sent: u64, lost: u64, why: Option<&str>) -> String {
    let until = why.map(|why| format!(" {why}")).unwrap_or_default();
    format!(
        "down for {}{until}: {} lost of {sent}",
        spoken(length),
        counted(lost, "probe")
    )
}

/// `length` of one that is over; `runs` of which it was folded.
pub(super) fn episode(event: &Event, runs: u64, length: Option<Duration>) -> String {
    let probes = counted(event.count, "probe");
    let what = match event.kind {
        EventKind::PacketLoss if runs == 1 && event.count > 1 => format!("{probes} in a row lost"),
        EventKind::PacketLoss => format!("{probes} lost"),
        EventKind::Jitter => "RTT unsteady".to_owned(),
        _ => format!("{probes} above the latency threshold"),
    };
    let folded = if runs > 1 {
        format!(" in {runs} episodes")
    } else {
        String::new()
    };
    let within = length
        .filter(|_| runs > 1 || event.kind != EventKind::PacketLoss)
        .map(|length| format!(" within {}", spoken(length)))
        .unwrap_or_default();
    let peak = event.excess.map(|excess| {
        let name = if event.kind == EventKind::Jitter {
            "standard deviation"
        } else {
            "highest"
        };
        let (peak, limit) = (excess.peak.as_millis_f64(), excess.limit.as_millis_f64());
        // Below a millisecond the microseconds are what was measured.
        let decimals = if peak < 1.0 { 3 } else { 1 };
        format!(": {name} {peak:.decimals$} ms, limit {limit} ms")
    });
    format!("{what}{folded}{within}{}", peak.unwrap_or_default())
}

pub(super) fn stale(length: Duration) -> String {
    format!("no finished probe for {}", spoken(length))
}

pub(super) fn local_outage(targets: u64) -> String {
    format!(
        "no route or no link on this computer: {} cannot be probed",
        counted(targets, "target")
    )
}

pub(super) fn local_outage_over(length: Duration, targets: u64) -> String {
    let targets = counted(targets, "target");
    format!(
        "no route or no link on this computer for {}: {targets} could not be probed",
        spoken(length)
    )
}

pub(super) fn suspended(length: Duration) -> String {
    format!("this computer slept for {}", spoken(length))
}

pub(super) fn clock_stepped(_: Duration) -> String {
    "the calendar clock of this computer was set".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(millis: u64, expected: &str) {
        assert_eq!(spoken(Duration::from_millis(millis)), expected, "{millis} ms");
    }

    #[test]
    fn a_length_is_said_in_two_units_at_most() {
        check(350, "350 ms");
        check(41_999, "41 s");
        check(200_000, "3 min 20 s");
        check(120_000, "2 min");
        check(7_500_000, "2 h 5 min");
        check(86_400_000 * 3, "3 d");
    }

    #[test]
    fn one_probe_is_singular() {
        assert_eq!(
            was_down(Duration::from_secs(1), 1, 1, None),
            "down for 1 s: 1 probe lost of 1"
        );
    }
}
