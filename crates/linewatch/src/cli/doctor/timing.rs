//! Judges priority, timer and clocks.

use std::time::Duration;

use linewatch_probe::examine::calendar::Clocks;
use linewatch_probe::examine::kernel::Permission;
use linewatch_probe::examine::timers::{Punctuality, TimerError};
use linewatch_render::doctor::{Finding, Verdict};

use crate::cure;

/// Later than this at the 99th percentile, probes at the shortest interval (1 ms) run into each other.
const LATE: Duration = Duration::from_millis(1);
/// The calendar may be this wrong before a person who compares two computers would notice.
const WRONG: Duration = Duration::from_secs(1);
/// Clock sources that are read over a bus: a microsecond and more each time.
const SLOW_SOURCES: [&str; 5] = ["hpet", "acpi_pm", "pit", "jiffies", "refined-jiffies"];
/// Those that cost nanoseconds, best first.
const FAST_SOURCES: [&str; 4] = [
    "tsc",
    "kvm-clock",
    "hyperv_clocksource_tsc_page",
    "arch_sys_counter",
];

/// Priority and timer: two findings.
pub(super) fn punctuality(
    measured: Result<Punctuality, TimerError>,
    permission: &Permission,
    program: &str,
) -> Vec<Finding> {
    let measured = match measured {
        Ok(measured) => measured,
        Err(error) => {
            let finding = Finding::new("timer", Verdict::Fault, error.to_string());
            return vec![finding.cure("ulimit -a")];
        }
    };
    let is_realtime = measured.scheduling.is_realtime;
    let priority_cure = cure::realtime(permission, program);
    let priority = if is_realtime {
        Finding::new("priority", Verdict::Ok, measured.scheduling.text.clone())
    } else {
        let sentence = "real-time priority is refused: under CPU load probes leave milliseconds late";
        Finding::new("priority", Verdict::Note, sentence).cure(priority_cure.clone())
    };
    vec![priority, timer(&measured, &priority_cure)]
}

fn timer(measured: &Punctuality, priority_cure: &str) -> Finding {
    let sentence = format!(
        "probes leave {} late at the median, {} at the 99th percentile, {} at most",
        ms(measured.p50),
        ms(measured.p99),
        ms(measured.max)
    );
    if measured.p99 < LATE {
        return Finding::new("timer", Verdict::Ok, sentence);
    }
    let sentence = format!("{sentence}: other programs keep the processor busy (round trips stay right)");
    let command = if measured.scheduling.is_realtime {
        "top -b -n 1 | head -20"
    } else {
        priority_cure
    };
    Finding::new("timer", Verdict::Warning, sentence).cure(command)
}

/// Clock source and calendar: two findings.
pub(super) fn clocks(found: &Clocks) -> Vec<Finding> {
    vec![source(found), calendar(found)]
}

fn source(found: &Clocks) -> Finding {
    let place = if found.is_virtual {
        " in a virtual machine"
    } else {
        ""
    };
    let Some(source) = found.source.as_deref() else {
        return Finding::new(
            "clock",
            Verdict::Note,
            "the kernel does not tell its clock source",
        );
    };
    if !SLOW_SOURCES.contains(&source) {
        let sentence = format!("the kernel counts with {source}{place}");
        return Finding::new("clock", Verdict::Ok, sentence);
    }
    let sentence =
        format!("the kernel counts with {source}{place}, which takes a microsecond and more to read");
    let finding = Finding::new("clock", Verdict::Warning, sentence);
    let better = FAST_SOURCES
        .iter()
        .find(|fast| found.available.iter().any(|available| available == *fast));
    match better {
        Some(fast) => finding.cure(format!(
            "echo {fast} | sudo tee /sys/devices/system/clocksource/clocksource0/current_clocksource"
        )),
        // The kernel has found the better ones unreliable, and says so when it starts.
        None => finding.cure("sudo dmesg | grep -i clocksource"),
    }
}

fn calendar(found: &Clocks) -> Finding {
    let say = |verdict, sentence: String| Finding::new("calendar", verdict, sentence);
    let Some(calendar) = found.calendar else {
        return say(
            Verdict::Note,
            "the kernel does not tell how its calendar is kept".to_owned(),
        );
    };
    if !calendar.is_synchronised {
        let sentence = "no time service keeps the calendar right: stored times may be wrong, and setting it makes a \
                        step (round trips stay right)";
        return say(Verdict::Warning, sentence.to_owned()).cure("sudo timedatectl set-ntp true");
    }
    let error = calendar.error_max;
    if error > WRONG {
        let sentence = format!("the calendar is kept right, but may be {} off", ms(error));
        return say(Verdict::Note, sentence).cure("timedatectl timesync-status");
    }
    let leap = if calendar.has_leap {
        "; a leap second comes at midnight UTC"
    } else {
        ""
    };
    say(
        Verdict::Ok,
        format!("the calendar is kept right, to within {}{leap}", ms(error)),
    )
}

fn ms(length: Duration) -> String {
    format!("{:.2} ms", length.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use linewatch_probe::examine::calendar::Calendar;
    use linewatch_probe::privilege::Scheduling;

    use super::*;

    fn measured(p99: Duration, is_realtime: bool) -> Result<Punctuality, TimerError> {
        Ok(Punctuality {
            scheduling: Scheduling {
                is_realtime,
                text: "real-time priority (SCHED_FIFO 10)".to_owned(),
            },
            p50: Duration::from_micros(12),
            p99,
            max: p99,
        })
    }

    #[track_caller]
    fn check(p99_us: u64, is_realtime: bool, expected: [Verdict; 2]) {
        let measured = measured(Duration::from_micros(p99_us), is_realtime);
        let findings = punctuality(measured, &Permission::default(), "linewatch");
        let verdicts: Vec<Verdict> = findings.iter().map(|finding| finding.verdict).collect();
        assert_eq!(verdicts, expected, "{p99_us} us, realtime {is_realtime}");
    }

    #[test]
    fn lateness_warns_and_ordinary_priority_alone_does_not() {
        check(90, true, [Verdict::Ok, Verdict::Ok]);
        check(90, false, [Verdict::Note, Verdict::Ok]);
        check(1_000, false, [Verdict::Note, Verdict::Warning]);
        check(4_000, true, [Verdict::Ok, Verdict::Warning]);
    }

    #[test]
    fn a_slow_clock_is_exchanged_for_a_fast_one_that_is_there() {
        let mut found = Clocks {
            source: Some("hpet".to_owned()),
            available: vec!["hpet".to_owned(), "tsc".to_owned()],
            ..Clocks::default()
        };
        let command = source(&found).command.expect("a cure");
        assert!(command.starts_with("echo tsc |"), "{command}");
        found.available.pop();
        assert_eq!(
            source(&found).command.as_deref(),
            Some("sudo dmesg | grep -i clocksource")
        );
        found.source = Some("tsc".to_owned());
        assert_eq!(source(&found).verdict, Verdict::Ok);
    }

    #[test]
    fn a_calendar_that_nobody_keeps_is_a_warning() {
        let mut kept = Calendar {
            is_synchronised: true,
            error_max: Duration::from_millis(12),
            has_leap: false,
        };
        let found = |calendar| Clocks {
            calendar: Some(calendar),
            ..Clocks::default()
        };
        assert_eq!(calendar(&found(kept)).verdict, Verdict::Ok);
        kept.is_synchronised = false;
        assert_eq!(calendar(&found(kept)).verdict, Verdict::Warning);
    }
}
