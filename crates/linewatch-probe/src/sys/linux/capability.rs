//! Takes up the capabilities that were granted to the program file (`setcap …+p`) but are not in force yet.

/// Bits of linux/capability.h.
const CAP_NET_ADMIN: u32 = 12;
const CAP_NET_RAW: u32 = 13;
const CAP_SYS_NICE: u32 = 23;
const WANTED: u32 = 1 << CAP_NET_ADMIN | 1 << CAP_NET_RAW | 1 << CAP_SYS_NICE;
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

/// Makes what is permitted of the three we can use effective in the calling thread. Best effort: whether it
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
