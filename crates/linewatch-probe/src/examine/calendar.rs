//! Reads how good the clocks are: their source, and whether somebody keeps the calendar right.

use std::time::Duration;

use super::line;

const SOURCES: &str = "/sys/devices/system/clocksource/clocksource0";

/// The clocks of this computer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    /// What the kernel counts with: `tsc`, `kvm-clock`, `hpet`.
    pub source: Option<String>,
    /// What else it could count with, the source in use included.
    pub available: Vec<String>,
    /// The computer is a virtual machine.
    pub is_virtual: bool,
    /// How the calendar is kept; `None` where the kernel does not tell.
    pub calendar: Option<Calendar>,
}

/// The kernel's own opinion of the calendar clock (adjtimex(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// A time service disciplines it.
    pub is_synchronised: bool,
    /// It is at most this wrong, if synchronised.
    pub error_max: Duration,
    /// A leap second is due at midnight UTC.
    pub has_leap: bool,
}

/// Looks.
pub fn clocks() -> Clocks {
    let available = line(&format!("{SOURCES}/available_clocksource")).unwrap_or_default();
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    Clocks {
        source: line(&format!("{SOURCES}/current_clocksource")),
        available: available.split_ascii_whitespace().map(str::to_owned).collect(),
        is_virtual: is_virtual(&cpu),
        calendar: calendar(),
    }
}

#[cfg(target_os = "linux")]
fn calendar() -> Option<Calendar> {
    crate::sys::linux::clocks::calendar().map(|calendar| Calendar {
        is_synchronised: calendar.is_synchronised,
        error_max: Duration::from_micros(calendar.error_max_us),
        has_leap: calendar.has_leap,
    })
}

#[cfg(not(target_os = "linux"))]
fn calendar() -> Option<Calendar> {
    None
}

/// The processor says that it is not a real one (x86; other processors do not say).
fn is_virtual(cpu: &str) -> bool {
    let mut flags = cpu.lines().filter(|line| line.starts_with("flags"));
    flags.any(|line| line.split_ascii_whitespace().any(|flag| flag == "hypervisor"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_with_a_hypervisor_is_virtual() {
        assert!(is_virtual("model name\t: x\nflags\t\t: fpu hypervisor lahf_lm\n"));
        assert!(!is_virtual("model name\t: hypervisor\nflags\t\t: fpu lahf_lm\n"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_kernel_tells_how_its_calendar_is_kept() {
        assert!(calendar().is_some());
    }
}
