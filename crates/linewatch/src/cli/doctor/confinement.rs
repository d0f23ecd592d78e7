//! Judges what a monitor can still do once it measures (SAFETY T15): nothing that it does not need.

use linewatch_probe::examine::kernel::Confinement;
use linewatch_render::doctor::{Finding, Verdict};

const NAME: &str = "confinement";
/// Where the kernel lists its security modules.
const LIST: &str = "cat /sys/kernel/security/lsm";

/// What a monitor started here will give up, as far as this kernel lets it.
pub(super) fn of_a_monitor_here(found: Confinement) -> Finding {
    if cfg!(not(target_os = "linux")) {
        let sentence = "a monitor keeps the privileges of its user here: only on Linux can it give them up";
        return Finding::new(NAME, Verdict::Note, sentence);
    }
    let held = "once it measures, a monitor here gives up every capability, for good (no_new_privs)";
    if !found.offers_filters {
        let sentence =
            format!("{held}; this kernel has no seccomp filters, so any system call stays open to it");
        return Finding::new(NAME, Verdict::Note, sentence);
    }
    files(
        found,
        &format!("{held}, and makes known system calls only (seccomp)"),
    )
}

/// What the monitor that asks has given up.
pub(super) fn of_this_monitor(found: Confinement) -> Finding {
    if cfg!(not(target_os = "linux")) {
        return of_a_monitor_here(found);
    }
    let kept = [
        (found.has_capability, "capabilities"),
        (!found.gains_nothing, "the way to new privileges"),
        (!found.is_filtered, "every system call"),
    ];
    let kept: Vec<&str> = kept
        .iter()
        .filter(|(is_kept, _)| *is_kept)
        .map(|(_, what)| *what)
        .collect();
    if !kept.is_empty() {
        let sentence = format!(
            "this monitor still has {}: only a demonstration keeps them",
            kept.join(", ")
        );
        return Finding::new(NAME, Verdict::Note, sentence);
    }
    files(
        found,
        "this monitor has no capability, can gain none (no_new_privs), and makes known system calls only (seccomp)",
    )
}

/// The last of the four: which files.
fn files(found: Confinement, held: &str) -> Finding {
    match found.offers_landlock {
        Some(true) => Finding::new(
            NAME,
            Verdict::Ok,
            format!("{held}; other files are closed (Landlock)"),
        ),
        Some(false) => {
            let sentence = format!(
                "{held}; this kernel has no Landlock: files are closed by their own permissions alone"
            );
            Finding::new(NAME, Verdict::Note, sentence).cure(LIST)
        }
        None => {
            let sentence = format!(
                "{held}; other files are closed where the kernel has Landlock, which it does not tell"
            );
            Finding::new(NAME, Verdict::Ok, sentence)
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    const CONFINED: Confinement = Confinement {
        has_capability: false,
        gains_nothing: true,
        is_filtered: true,
        offers_filters: true,
        offers_landlock: Some(true),
    };

    #[test]
    fn what_a_monitor_has_kept_is_told_by_its_name() {
        assert_eq!(of_this_monitor(CONFINED).verdict, Verdict::Ok);
        let kept = Confinement {
            has_capability: true,
            is_filtered: false,
            ..CONFINED
        };
        let finding = of_this_monitor(kept);
        assert_eq!(finding.verdict, Verdict::Note);
        assert!(
            finding.sentence.contains("capabilities, every system call"),
            "{}",
            finding.sentence
        );
    }

    #[test]
    fn what_the_kernel_lacks_is_said_and_is_no_fault() {
        assert_eq!(of_a_monitor_here(CONFINED).verdict, Verdict::Ok);
        for lacking in [
            Confinement {
                offers_landlock: Some(false),
                ..CONFINED
            },
            Confinement {
                offers_filters: false,
                ..CONFINED
            },
        ] {
            let finding = of_a_monitor_here(lacking);
            assert_eq!(finding.verdict, Verdict::Note);
            assert!(
                finding.sentence.contains("this kernel has no"),
                "{}",
                finding.sentence
            );
        }
    }
}
