//! Takes up the capabilities that were granted to the program file (`setcap …+p`) but are not in force yet, and drops them all.

/// Bits of linux/capability.h.
const CAP_NET_BIND_SERVICE: u32 = 10;
const CAP_NET_ADMIN: u32 = 12;
const CAP_NET_RAW: u32 = 13;
const CAP_SYS_NICE: u32 = 23;
/// A port below 1024, large buffers, raw sockets, real-time priority.
const WANTED: u32 = 1 << CAP_NET_BIND_SERVICE | 1 << CAP_NET_ADMIN | 1 << CAP_NET_RAW | 1 << CAP_SYS_NICE;
/// `_LINUX_CAPABILITY_VERSION_3`: two words of 32 bits per set.
const VERSION: u32 = 0x2008_0522;

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

#[derive(Clone, Copy, Default)]
#[repr(C)]
struct Sets {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Makes what is permitted of the four we can use effective in the calling thread. Best effort: whether it
/// worked is seen by the call that needs it.
pub(crate) fn take_up() {
    let mut header = Header {
        version: VERSION,
        pid: 0,
    };
    let mut sets = [Sets::default(); 2];
    // SAFETY: both pointers are to live values of the layout that version 3 prescribes; pid 0 is this thread.
    let answer = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, sets.as_mut_ptr()) };
    let missing = sets[0].permitted & WANTED & !sets[0].effective;
    if answer != 0 || missing == 0 {
        return;
    }
    sets[0].effective |= missing;
    // SAFETY: as above; the kernel only reads. A refusal leaves everything as it was.
    unsafe { libc::syscall(libc::SYS_capset, &raw mut header, sets.as_ptr()) };
}

/// Takes every capability out of the bounding and ambient sets of the calling thread, as far as permitted (CAP_SETPCAP): no
/// program it starts could ever get one. Fit for a signal handler.
pub(super) fn narrow_bounds() {
    // The kernel knows 41 today; the first number it does not know ends the list.
    for capability in 0..64 {
        // SAFETY: takes no pointer.
        if unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) } != 0 {
            break;
        }
    }
    // SAFETY: takes no pointer.
    unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) };
}

/// Empties the permitted, effective and inheritable sets of the calling thread, for good; 0, or -1 with errno set. Fit for a
/// signal handler.
pub(super) fn drop_all() -> libc::c_long {
    let mut header = Header {
        version: VERSION,
        pid: 0,
    };
    let sets = [Sets::default(); 2];
    // SAFETY: both pointers are to live values of the layout that version 3 prescribes; the kernel only reads the sets.
    unsafe { libc::syscall(libc::SYS_capset, &raw mut header, sets.as_ptr()) }
}
