//! The clocks of the kernel, in nanoseconds. Called by `crate::clock` and by nothing else.

/// `CLOCK_MONOTONIC`: slewed, never stepped, stands still during sleep.
pub(crate) fn monotonic_ns() -> u64 {
    read_ns(libc::CLOCK_MONOTONIC).unsigned_abs()
}

/// `CLOCK_BOOTTIME`: the same with sleep included.
pub(crate) fn boottime_ns() -> u64 {
    read_ns(libc::CLOCK_BOOTTIME).unsigned_abs()
}

/// `CLOCK_REALTIME`: the calendar.
pub(crate) fn realtime_ns() -> i64 {
    read_ns(libc::CLOCK_REALTIME)
}

/// `CLOCK_THREAD_CPUTIME_ID`: processor time of the calling thread, the kernel's work for it included.
pub(crate) fn thread_cpu_ns() -> u64 {
    read_ns(libc::CLOCK_THREAD_CPUTIME_ID).unsigned_abs()
}

fn read_ns(clock: libc::clockid_t) -> i64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a live, writable timespec for the whole call.
    let answer = unsafe { libc::clock_gettime(clock, &mut time) };
    // These clocks exist on every Linux we can start on; a wrong time is worse than none.
    assert_eq!(answer, 0, "the kernel has no clock {clock}");
    (time.tv_sec as i64)
        .saturating_mul(1_000_000_000)
        .saturating_add(time.tv_nsec as i64)
}

/// The kernel's opinion of its calendar clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Calendar {
    pub(crate) is_synchronised: bool,
    pub(crate) error_max_us: u64,
    pub(crate) has_leap: bool,
}

/// Asks for it (adjtimex with `modes` 0 changes nothing and needs no privilege); `None` if the kernel refuses.
pub(crate) fn calendar() -> Option<Calendar> {
    // SAFETY: timex is plain data for which all zeroes is a valid value: it asks and sets nothing.
    let mut state: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: `state` is a live, writable timex for the whole call.
    let answer = unsafe { libc::adjtimex(&mut state) };
    (answer >= 0).then(|| Calendar {
        is_synchronised: answer != libc::TIME_ERROR && state.status & libc::STA_UNSYNC == 0,
        error_max_us: (state.maxerror as i64).max(0).unsigned_abs(),
        has_leap: matches!(answer, libc::TIME_INS | libc::TIME_DEL),
    })
}
