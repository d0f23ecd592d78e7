//! Asks for what makes measuring precise, and says in a sentence what was refused and how to be allowed.
//!
//! Nothing here is required: without any of it linewatch still measures, and says how well. Once everything is open,
//! [`confine`] gives it all up again.

#[cfg(target_os = "linux")]
mod confine;
#[cfg(target_os = "linux")]
#[allow(
    clippy::unnecessary_cast,
    reason = "the kernel's types are narrower on 32-bit systems"
)]
mod filter;
#[cfg(target_os = "linux")]
mod places;

use std::io;

#[cfg(target_os = "linux")]
pub use confine::{ConfineError, Depth, confine, without_capabilities};
#[cfg(target_os = "linux")]
pub use places::Places;

/// Just above ordinary threads and below the kernel's own (which run at 50).
#[cfg(target_os = "linux")]
const REALTIME_PRIORITY: i32 = 10;

/// How punctual a thread can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheduling {
    /// It runs before every ordinary thread.
    pub is_realtime: bool,
    /// The sentence for a person: what it got, or why not and the cure.
    pub text: String,
}

/// Makes the calling thread as punctual as permitted: real-time priority under a watchdog, else precise timers.
/// Call it in the thread that measures, before its loop.
#[cfg(target_os = "linux")]
pub fn realtime() -> Scheduling {
    use crate::sys::linux::{capability, scheduling};
    capability::take_up();
    // Real-time threads have no slack anyhow; after a demotion by the watchdog it matters again.
    let sharpened = scheduling::sharpen_timers();
    match scheduling::become_realtime(REALTIME_PRIORITY) {
        Ok(()) => Scheduling {
            is_realtime: true,
            text: format!("real-time priority (SCHED_FIFO {REALTIME_PRIORITY})"),
        },
        Err(refused) => Scheduling {
            is_realtime: false,
            text: ordinary_sentence(&refused, sharpened.is_ok()),
        },
    }
}

/// Makes the calling thread as punctual as this system lets it be. None of it is real time.
#[cfg(not(target_os = "linux"))]
pub fn realtime() -> Scheduling {
    #[cfg(target_os = "macos")]
    let (got, refused) = (crate::sys::macos::process::become_punctual(), "ordinary priority");
    #[cfg(windows)]
    let (got, refused) = (
        crate::sys::windows::become_punctual(),
        "ordinary priority with timers of 1 ms",
    );
    #[cfg(not(any(target_os = "macos", windows)))]
    let (got, refused) = (false, "ordinary priority");
    let granted = if cfg!(windows) {
        "before ordinary threads (time critical), with timers of 1 ms"
    } else {
        "before ordinary threads (user interactive)"
    };
    Scheduling {
        is_realtime: false,
        text: if got { granted } else { refused }.to_owned(),
    }
}

/// Puts the calling thread behind all others: for work that nobody waits for. Where the system has no such thing per
/// thread, nothing happens.
pub fn background() {
    #[cfg(target_os = "linux")]
    crate::sys::linux::scheduling::step_back();
}

/// Whether a real-time thread has run for half a second without a pause and was made ordinary for that.
pub fn was_demoted() -> bool {
    #[cfg(target_os = "linux")]
    let was_demoted = crate::sys::linux::scheduling::was_demoted();
    #[cfg(not(target_os = "linux"))]
    let was_demoted = false;
    was_demoted
}

/// Two processors that the calling thread may run on, where there are two.
pub(crate) fn two_processors() -> Option<[usize; 2]> {
    #[cfg(target_os = "linux")]
    let processors = crate::sys::linux::scheduling::processors();
    #[cfg(not(target_os = "linux"))]
    let processors = Vec::new();
    match processors[..] {
        // The last ones: interrupts and everything that starts first prefer the first.
        [.., second, first] => Some([first, second]),
        _ => None,
    }
}

/// Keeps the calling thread on one processor, as far as permitted: elsewhere it is as good, only less surely.
pub(crate) fn pin(processor: usize) {
    #[cfg(target_os = "linux")]
    let _best_effort = crate::sys::linux::scheduling::pin(processor);
    #[cfg(not(target_os = "linux"))]
    let _ = processor;
}

/// How many files and sockets this process may have open, after raising that limit as far as permitted.
/// A TCP probe in flight holds one.
pub fn open_files() -> u64 {
    #[cfg(target_os = "linux")]
    let files = crate::sys::linux::scheduling::raise_open_files();
    #[cfg(target_os = "macos")]
    let files = crate::sys::macos::process::raise_open_files();
    // Windows gives a process 2^24 handles and has no lower limit to raise.
    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    let files = 1 << 24;
    files
}

#[cfg(any(target_os = "linux", test))]
fn ordinary_sentence(refused: &io::Error, has_sharp_timers: bool) -> String {
    let timers = if has_sharp_timers {
        "precise timers"
    } else {
        "ordinary timers"
    };
    format!(
        "ordinary priority with {timers}: real-time priority was refused: {}; under CPU load probes leave \
         milliseconds late\n  help: grant it once with  sudo setcap cap_net_raw,cap_sys_nice+p $(command -v linewatch)\n        \
         or, as a service, with  LimitRTPRIO=10",
        reason(refused)
    )
}

/// Why there is no TCP over IPv6, and what to do.
pub(crate) const NO_TCP_V6: &str = "cannot open a TCP socket for IPv6: this computer has IPv6 switched off\n  help: \
                                    switch it on, or give the target an IPv4 address";

/// Why there is no ICMP socket of this family, and what to do (STYLE 2.4).
pub(crate) fn icmp_sentence(is_v6: bool, error: &io::Error) -> String {
    #[cfg(all(unix, not(target_os = "linux")))]
    const EAFNOSUPPORT: i32 = 47;
    #[cfg(windows)]
    const EAFNOSUPPORT: i32 = 10047;
    #[cfg(target_os = "linux")]
    const EAFNOSUPPORT: i32 = 97;
    let family = if is_v6 { "ICMPv6" } else { "ICMP" };
    if error.raw_os_error() == Some(EAFNOSUPPORT) {
        let version = if is_v6 { "IPv6" } else { "IPv4" };
        return format!(
            "cannot open a raw {family} socket: {version} is switched off on this computer\n  help: switch it on, or \
             give the target an address of the other family"
        );
    }
    #[cfg(any(target_os = "linux", test))]
    let help = "grant it once with  sudo setcap cap_net_raw+p $(command -v linewatch)\n        or allow ping sockets  sudo \
                sysctl net.ipv4.ping_group_range=\"0 2147483647\"\n        or probe a TCP port: that needs no permission";
    #[cfg(not(any(target_os = "linux", test)))]
    let help = "this system lets every program send ICMP, so something was set to forbid it (a sandbox, a firewall)\n        \
                or probe a TCP port: that needs no permission";
    format!(
        "cannot open a raw {family} socket: {}\n  help: {help}",
        reason(error)
    )
}

/// The operating system's words, without its number and in lower case: `operation not permitted`.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let words = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = words.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_socket_names_every_cure() {
        let sentence = icmp_sentence(false, &io::Error::from_raw_os_error(1));
        assert_eq!(
            sentence,
            "cannot open a raw ICMP socket: operation not permitted\n  help: grant it once with  sudo setcap \
             cap_net_raw+p $(command -v linewatch)\n        or allow ping sockets  sudo sysctl \
             net.ipv4.ping_group_range=\"0 2147483647\"\n        or probe a TCP port: that needs no permission"
        );
    }

    #[test]
    fn a_missing_family_is_not_called_a_missing_permission() {
        let sentence = icmp_sentence(true, &io::Error::from_raw_os_error(97));
        assert!(
            sentence.contains("IPv6 is switched off") && !sentence.contains("setcap"),
            "{sentence}"
        );
    }

    #[test]
    fn refused_priority_says_what_it_costs_and_how_to_get_it() {
        let sentence = ordinary_sentence(&io::Error::from_raw_os_error(1), true);
        for part in [
            "operation not permitted",
            "milliseconds late",
            "cap_sys_nice",
            "LimitRTPRIO",
        ] {
            assert!(sentence.contains(part), "{part}: {sentence}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_is_either_realtime_or_told_why_not() {
        let scheduling = std::thread::spawn(realtime).join().expect("no panic");
        assert_eq!(
            scheduling.text.contains("SCHED_FIFO"),
            scheduling.is_realtime,
            "{}",
            scheduling.text
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn there_are_files_to_open() {
        let first = open_files();
        assert!(first >= 64, "{first}");
        assert_eq!(open_files(), first, "raising twice changes nothing");
    }
}
