//! The C library's heap. Only glibc has more than one, and keeps what it could give back.

/// What is larger lies outside of the heap, in pages of its own.
#[cfg(target_env = "gnu")]
const OWN_PAGES_BYTES: libc::c_int = 64 * 1024;
/// What may be free at the heap's end: given back and taken again with every message, it would cost a system call each.
#[cfg(target_env = "gnu")]
const FREE_END_BYTES: libc::c_int = 4 * 1024 * 1024;

/// One heap for all threads, without what is large. For the begin of a process: heaps that are there stay.
pub(crate) fn keep_together() {
    // SAFETY: numbers; nothing is freed or moved by them. Refused, everything stays as it was.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_MMAP_THRESHOLD, OWN_PAGES_BYTES);
        libc::mallopt(libc::M_TRIM_THRESHOLD, FREE_END_BYTES);
    };
}
