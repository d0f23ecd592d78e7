//! How this process keeps its memory together.

/// Has all threads share one heap, and large things lie outside of it; to be called before there is a second thread.
///
/// glibc gives threads heaps of their own, eight a core, and what one frees no other can use. With 10,000 targets, whose records
/// are made in one thread and dropped in another, a monitor of 2 minutes had 451 MB by that and has 289 MB by this. The threads
/// that probe allocate next to nothing, so none waits for the heap.
///
/// And what is large and soon gone (a frame of the live view, 80 KB; a second's figures of all targets, or an answer about all of
/// them: megabytes) goes back to the kernel at once. By default glibc learns to keep it on the heap, where small things that stay
/// settle in the hole it leaves, so that the next frame does not fit: after five minutes beside 500 browsers 58 MB of holes by that,
/// 23 MB with only the megabytes outside, and 10 MB by this.
pub fn keep_together() {
    #[cfg(target_os = "linux")]
    crate::sys::linux::heap::keep_together();
}
