//! Ends the process when one of the threads that measure has broken an invariant, so that nobody believes a dead monitor.
//!
//! A panic of the spine (engine, monitor, store, control) is told and exits with 70: a supervisor starts it anew, and the
//! next start tells the gap. A panic anywhere else (a page, a name, a file watch) stays that thread's own. Not here: errors.

use std::panic::{self, PanicHookInfo};

use crate::exit::Exit;
use crate::say;

/// Threads without which nothing is measured, decided or kept; `main` runs `control`.
const SPINE: [&str; 5] = ["main", "probe-0", "probe-0b", "monitor", "store"];

/// From now on panics are told in our words, and those of the spine end the process.
pub fn install() {
    panic::set_hook(Box::new(|info| {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("without a name");
        if is_spine(name) {
            // What is told on a screen of our own would be gone with it.
            crate::term::restore();
        }
        // Standard error alone: the log's own locks may be what has just broken.
        say::to_stderr(&sentence(name, info));
        if is_spine(name) {
            std::process::exit(Exit::Bug as i32);
        }
    }));
}

fn is_spine(thread: &str) -> bool {
    SPINE.contains(&thread)
}

fn sentence(thread: &str, info: &PanicHookInfo<'_>) -> String {
    let why = info.payload_as_str().unwrap_or("no reason given");
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let then = if is_spine(thread) {
        "the monitor ends, because it would measure nothing or wrong things"
    } else {
        "the rest goes on"
    };
    format!(
        "error: the thread \"{thread}\" broke: {why}; {then}\n  --> {place}\n  help: this is a bug of linewatch: report \
         it with the lines above"
    )
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Output};
    use std::thread;

    use super::*;

    /// Runs [`a_child_with_a_thread`] in a process of its own.
    #[expect(clippy::disallowed_methods, reason = "the test is about how a process ends")]
    fn broken(name: &str) -> Output {
        Command::new(std::env::current_exe().expect("the test itself"))
            .args(["--exact", "crash::tests::a_child_with_a_thread", "--ignored"])
            .args(["--nocapture", "--test-threads=2"])
            .env("LINEWATCH_TEST_THREAD", name)
            .output()
            .expect("a process")
    }

    #[test]
    #[ignore = "a part of the tests below, which run it in a process of its own"]
    fn a_child_with_a_thread() {
        let name = std::env::var("LINEWATCH_TEST_THREAD").expect("the name of the thread");
        install();
        let broken = thread::Builder::new().name(name).spawn(|| panic!("on purpose"));
        assert!(broken.expect("a thread").join().is_err());
    }

    #[test]
    fn a_broken_spine_ends_the_process_with_the_code_of_a_bug() {
        for name in ["probe-0", "probe-0b", "monitor", "store"] {
            let output = broken(name);
            let told = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(70), "{name}: {told}");
            let first = format!("error: the thread \"{name}\" broke: on purpose; the monitor ends");
            assert!(told.contains(&first), "{told}");
        }
    }

    #[test]
    fn a_broken_page_leaves_the_rest_alone() {
        let output = broken("web");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        assert!(told.contains("broke: on purpose; the rest goes on"), "{told}");
    }
}
