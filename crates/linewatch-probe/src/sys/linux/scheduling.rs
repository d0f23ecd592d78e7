//! Priority of a thread, its watchdog, and how many files may be open.
//!
//! A real-time thread that never sleeps starves the computer. `RLIMIT_RTTIME` makes the kernel send SIGXCPU to one that
//! has run for long without a pause; our handler then gives every such thread its ordinary priority back.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// Linux calls this `SCHED_RESET_ON_FORK`: threads and children made by a real-time thread are ordinary.
const RESET_ON_FORK: libc::c_int = 0x4000_0000;
/// Running so long without one pause is no measuring any more: a turn takes well below a millisecond.
const REALTIME_MAX_US: libc::rlim_t = 500_000;
/// Real-time threads the watchdog can demote: one per engine shard.
const WATCHED: usize = 16;

static REALTIME_THREADS: [AtomicI32; WATCHED] = [const { AtomicI32::new(0) }; WATCHED];
static WAS_DEMOTED: AtomicBool = AtomicBool::new(false);

/// Puts the calling thread on `SCHED_FIFO` with this priority, under the watchdog.
pub(crate) fn become_realtime(priority: i32) -> io::Result<()> {
    install_watchdog()?;
    let param = priority_of(priority);
    // SAFETY: takes no pointer.
    let thread = unsafe { libc::gettid() };
    let free = REALTIME_THREADS.iter().find(|place| {
        place
            .compare_exchange(0, thread, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    });
    let place = free.ok_or_else(|| io::Error::other("there are enough real-time threads already"))?;
    // SAFETY: `param` lives through the call; 0 is the calling thread.
    let answer = unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO | RESET_ON_FORK, &param) };
    if answer == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    place.store(0, Ordering::SeqCst);
    Err(error)
}

/// Gives the calling thread the lowest ordinary priority; lowering one's own is always permitted.
pub(crate) fn step_back() {
    // On Linux a priority belongs to a thread, and 0 is the calling one (setpriority(2), "C library/kernel differences").
    // SAFETY: takes no pointer.
    let answer = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 19) };
    debug_assert_eq!(answer, 0, "lowering is permitted");
}

/// Whether the watchdog has taken real-time priority away since the start.
pub(crate) fn was_demoted() -> bool {
    WAS_DEMOTED.load(Ordering::Relaxed)
}

/// Timers of the calling thread fire at their time instead of up to 50 us later.
pub(crate) fn sharpen_timers() -> io::Result<()> {
    // SAFETY: PR_SET_TIMERSLACK takes a number of nanoseconds and no pointer.
    let answer = unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1 as libc::c_ulong) };
    if answer == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Numbers of the processors that the calling thread may run on.
pub(crate) fn processors() -> Vec<usize> {
    // SAFETY: cpu_set_t is plain data for which all zeroes (no processor) is a valid value.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes at most the given size into the live `set`; 0 is the calling thread.
    let answer = unsafe { libc::sched_getaffinity(0, size_of_val(&set), &mut set) };
    if answer != 0 {
        // More processors than a set of this size can name: nobody needs to be told which.
        return Vec::new();
    }
    let is_allowed = |&processor: &usize| {
        // SAFETY: `processor` is below CPU_SETSIZE, the bits of `set`.
        unsafe { libc::CPU_ISSET(processor, &set) }
    };
    (0..libc::CPU_SETSIZE as usize).filter(is_allowed).collect()
}

/// Keeps the calling thread on one processor.
pub(crate) fn pin(processor: usize) -> io::Result<()> {
    if processor >= libc::CPU_SETSIZE as usize {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    // SAFETY: cpu_set_t is plain data for which all zeroes (no processor) is a valid value.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: `processor` is below CPU_SETSIZE, as checked.
    unsafe { libc::CPU_SET(processor, &mut set) };
    // SAFETY: `set` lives through the call; 0 is the calling thread.
    let answer = unsafe { libc::sched_setaffinity(0, size_of_val(&set), &set) };
    if answer == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Raises the limit of open files as far as permitted and returns it.
pub(crate) fn raise_open_files() -> u64 {
    let mut limit = limit(|limit| {
        // SAFETY: `limit` is a live, writable rlimit.
        unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, limit) };
    });
    if limit.rlim_cur < limit.rlim_max {
        let raised = libc::rlimit {
            rlim_cur: limit.rlim_max,
            ..limit
        };
        // SAFETY: `raised` lives through the call; the kernel only reads it.
        if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raised) } == 0 {
            limit = raised;
        }
    }
    limit.rlim_cur as u64
}

fn install_watchdog() -> io::Result<()> {
    // SAFETY: sigaction is plain data for which all zeroes (no handler, no flags, empty mask) is a valid value.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = demote as extern "C" fn(libc::c_int) as libc::sighandler_t;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: `action` is complete, and `demote` does only what a signal handler may.
    if unsafe { libc::sigaction(libc::SIGXCPU, &action, std::ptr::null_mut()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let limit = limit(|limit| {
        // SAFETY: `limit` is a live, writable rlimit.
        unsafe { libc::getrlimit(libc::RLIMIT_RTTIME, limit) };
    });
    let wanted = libc::rlimit {
        rlim_cur: REALTIME_MAX_US.min(limit.rlim_max),
        ..limit
    };
    // SAFETY: `wanted` lives through the call; the kernel only reads it.
    let answer = unsafe { libc::setrlimit(libc::RLIMIT_RTTIME, &wanted) };
    if answer == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// What `ask` fills in. The number of a resource is of another type in each C library, so the caller asks for its own; that
/// cannot fail for a resource that exists.
fn limit(ask: impl FnOnce(&mut libc::rlimit)) -> libc::rlimit {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    ask(&mut limit);
    limit
}

/// Has more fields in musl, which mean nothing to the policies used here. Fit for a signal handler.
fn priority_of(priority: libc::c_int) -> libc::sched_param {
    // SAFETY: plain data for which all zeroes is a valid value.
    let mut param: libc::sched_param = unsafe { std::mem::zeroed() };
    param.sched_priority = priority;
    param
}

/// The handler: only atomics and one system call per thread, both allowed in a signal handler.
extern "C" fn demote(_signal: libc::c_int) {
    let param = priority_of(0);
    for place in &REALTIME_THREADS {
        let thread = place.swap(0, Ordering::SeqCst);
        if thread != 0 {
            // SAFETY: `param` lives through the call; a thread that is gone is an error we need not see.
            unsafe { libc::sched_setscheduler(thread, libc::SCHED_OTHER, &param) };
            WAS_DEMOTED.store(true, Ordering::Relaxed);
        }
    }
}
