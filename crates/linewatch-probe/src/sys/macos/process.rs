//! Asks macOS for what makes this process measure better: punctual threads, more sockets.

/// `OPEN_MAX` of sys/syslimits.h: more descriptors than this are refused, whatever the hard limit says (setrlimit(2)).
const OPEN_MAX: libc::rlim_t = 10_240;

/// Runs the calling thread before ordinary ones and without coalescing its timers; whether it may.
pub(crate) fn become_punctual() -> bool {
    // SAFETY: takes numbers only.
    let answer =
        unsafe { libc::pthread_set_qos_class_self_np(libc::qos_class_t::QOS_CLASS_USER_INTERACTIVE, 0) };
    answer == 0
}

/// Raises the limit of open files as far as permitted and returns it.
pub(crate) fn raise_open_files() -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: writes one rlimit, to which the pointer is valid.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } != 0 {
        return 0;
    }
    let wanted = libc::rlimit {
        rlim_cur: limit.rlim_max.min(OPEN_MAX).max(limit.rlim_cur),
        ..limit
    };
    // SAFETY: reads one rlimit, to which the pointer is valid.
    let answer = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &wanted) };
    if answer == 0 {
        wanted.rlim_cur
    } else {
        limit.rlim_cur
    }
}
