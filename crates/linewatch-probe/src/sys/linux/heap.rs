//! The C library's heap. Only glibc has more than one.

/// One heap for all threads. For the begin of a process: heaps that are there stay.
pub(crate) fn share_one() {
    // SAFETY: two numbers; nothing is freed or moved by it. Refused, everything stays as it was.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1)
    };
}
