//! Feeds what libFuzzer makes up to the target that `LINEWATCH_FUZZ_TARGET` names. Run by `cargo xtask fuzz`.
//!
//! One program for all targets: they share what is slow to build. Its arguments are libFuzzer's.
#![no_main]

use std::sync::OnceLock;

use linewatch_fuzz::{TARGETS, Target};

static CHOSEN: OnceLock<Target> = OnceLock::new();

fn chosen() -> Target {
    let name = std::env::var("LINEWATCH_FUZZ_TARGET").unwrap_or_default();
    match TARGETS.iter().find(|(target, _)| *target == name) {
        Some((_, target)) => *target,
        None => panic!(
            "LINEWATCH_FUZZ_TARGET is {name:?}; the targets are {:?}",
            TARGETS.map(|(target, _)| target)
        ),
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| CHOSEN.get_or_init(chosen)(bytes));
