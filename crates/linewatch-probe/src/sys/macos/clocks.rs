//! Reads the clocks of macOS that the standard library does not: processor time, and the one that knows of sleep.

/// Processor time of the calling thread, the kernel's work for it included.
pub(crate) fn thread_cpu_ns() -> u64 {
    read_ns(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// A monotonic clock that, unlike `Instant`, goes on while the computer is suspended (clock_gettime(3)).
pub(crate) fn continuous_ns() -> u64 {
    read_ns(libc::CLOCK_MONOTONIC_RAW)
}

fn read_ns(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: writes one timespec, to which the pointer is valid. Both clocks exist since macOS 10.12.
    let answer = unsafe { libc::clock_gettime(clock, &mut time) };
    if answer != 0 {
        return 0;
    }
    (time.tv_sec as u64)
        .saturating_mul(1_000_000_000)
        .saturating_add(time.tv_nsec as u64)
}
