//! Gives up privileges in every thread of the process. The kernel keeps them per thread, and so does Landlock.
//!
//! Each thread is sent a signal and gives them up in its handler, as the C library does for `setuid`. A thread that is born
//! meanwhile inherits what its parent had by then; so we look again until nobody is left. A thread that is none of ours
//! (qemu's, when it emulates the processor) hears no signal: it is let be if it has no capability. Not here: what is given
//! up beyond capabilities (`privilege::confine`).

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

use super::capability;
use crate::proc_status::{field, has_bit, mask};

/// Threads that can answer. A monitor has some 40; a name more costs four bytes.
const THREADS: usize = 1024;
/// A thread that has not answered for so long sleeps in the kernel where no signal reaches it: a disk that hangs.
const PATIENCE_MS: libc::c_int = 5_000;

/// No ruleset: Landlock is left out.
const NO_RULESET: i32 = -1;

static RULESET: AtomicI32 = AtomicI32::new(NO_RULESET);
static BELL: AtomicI32 = AtomicI32::new(-1);
static ANSWERED: [AtomicI32; THREADS] = [const { AtomicI32::new(0) }; THREADS];
static ANSWERS: AtomicUsize = AtomicUsize::new(0);
/// The errno of a thread that could not give everything up.
static TROUBLE: AtomicI32 = AtomicI32::new(0);

/// Drops every capability, forbids new ones, and enforces `ruleset` (of Landlock), in every thread. For once per process.
/// Returns the threads that are none of ours: they have no capability, and hear nothing.
///
/// # Errors
///
/// When a thread that hears signals or has a capability does not answer, or the kernel refuses. Then some threads may have
/// given up everything and others nothing: the caller ends.
pub(crate) fn give_up(ruleset: Option<BorrowedFd<'_>>) -> io::Result<Vec<i32>> {
    let bell = bell()?;
    RULESET.store(ruleset.map_or(NO_RULESET, |fd| fd.as_raw_fd()), Ordering::SeqCst);
    BELL.store(bell.as_raw_fd(), Ordering::SeqCst);
    listen()?;
    let result = ask_everybody(&bell);
    // Whoever sends this signal later finds a thread that has nothing left to give up.
    RULESET.store(NO_RULESET, Ordering::SeqCst);
    BELL.store(-1, Ordering::SeqCst);
    let strangers = result?;
    match TROUBLE.load(Ordering::SeqCst) {
        0 => Ok(strangers),
        errno => Err(io::Error::from_raw_os_error(errno)),
    }
}

/// Drops every capability of the calling thread alone, for good.
pub(crate) fn capability_free() {
    // It cannot fail: less is always permitted (capset(2)).
    capability::drop_all();
}

fn ask_everybody(bell: &OwnedFd) -> io::Result<Vec<i32>> {
    let mut asked = BTreeSet::new();
    loop {
        let silent = silent()?;
        if silent.is_empty() {
            return Ok(silent);
        }
        for thread in silent {
            if asked.insert(thread) {
                ask(thread);
            }
        }
        if !wait(bell) {
            return strangers();
        }
    }
}

/// The threads that have not answered yet.
fn silent() -> io::Result<Vec<i32>> {
    let answered: BTreeSet<i32> = ANSWERED
        .iter()
        .map(|place| place.load(Ordering::SeqCst))
        .filter(|thread| *thread != 0)
        .collect();
    let all = threads()?;
    if all.union(&answered).count() > THREADS {
        return Err(io::Error::other("there are too many threads"));
    }
    Ok(all.difference(&answered).copied().collect())
}

/// Those that have not answered in [`PATIENCE_MS`]; an error that names one that should have.
fn strangers() -> io::Result<Vec<i32>> {
    let silent = silent()?;
    for thread in &silent {
        // One that is gone meanwhile has no status.
        let Ok(status) = std::fs::read_to_string(format!("/proc/self/task/{thread}/status")) else {
            continue;
        };
        if !is_harmless(&status, signal()) {
            let name = field(&status, "Name").unwrap_or("?");
            let message = format!("thread {thread} ({name}) does not answer");
            return Err(io::Error::new(io::ErrorKind::TimedOut, message));
        }
    }
    Ok(silent)
}

/// Whether a thread with this `/proc/PID/status` never hears the signal and has nothing that it could give up: it is not
/// made by this program, in which nobody blocks signals for long.
fn is_harmless(status: &str, signal: libc::c_int) -> bool {
    let is_deaf = has_bit(status, "SigBlk", signal as u32 - 1);
    is_deaf
        && ["CapInh", "CapPrm", "CapEff"]
            .iter()
            .all(|name| mask(status, name) == Some(0))
}

/// Sends the signal. A thread that is gone needs nothing.
fn ask(thread: i32) {
    // SAFETY: takes no pointer; the number is of a thread of this process or of none.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, signal()) };
}

/// The threads there are now.
fn threads() -> io::Result<BTreeSet<i32>> {
    std::fs::read_dir("/proc/self/task")?
        .map(|entry| {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.parse().ok());
            number.ok_or_else(|| io::Error::other("/proc/self/task has an entry that is no number"))
        })
        .collect()
}

/// A signal of the second half that is free for programs.
fn signal() -> libc::c_int {
    libc::SIGRTMIN() + 6
}

fn listen() -> io::Result<()> {
    // SAFETY: sigaction is plain data for which all zeroes is a valid value.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = on_signal as extern "C" fn(libc::c_int) as libc::sighandler_t;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: the mask is a live value; nothing may interrupt a thread half-way.
    unsafe { libc::sigfillset(&mut action.sa_mask) };
    // SAFETY: `action` is complete, and `on_signal` does only what a signal handler may.
    if unsafe { libc::sigaction(signal(), &action, std::ptr::null_mut()) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn bell() -> io::Result<OwnedFd> {
    // SAFETY: takes no pointer.
    let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a fresh descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Until somebody has answered; false if nobody does.
fn wait(bell: &OwnedFd) -> bool {
    let mut poll = libc::pollfd {
        fd: bell.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one live pollfd.
    match unsafe { libc::poll(&mut poll, 1, PATIENCE_MS) } {
        0 => false,
        // Our own signal has interrupted the wait: somebody has answered, ourselves.
        -1 => true,
        _ => {
            let mut rings = 0_u64;
            // SAFETY: eight live bytes, as an eventfd wants them; nothing to read is no trouble.
            unsafe { libc::read(bell.as_raw_fd(), (&raw mut rings).cast(), size_of::<u64>()) };
            true
        }
    }
}

/// The handler: system calls and atomics only.
extern "C" fn on_signal(_signal: libc::c_int) {
    // SAFETY: the address of the calling thread's own errno.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above; what was interrupted must find it as it was.
    let before = unsafe { *errno };
    let bell = BELL.load(Ordering::SeqCst);
    if bell >= 0 {
        if let Err(trouble) = give_up_here(RULESET.load(Ordering::SeqCst)) {
            TROUBLE.store(trouble, Ordering::SeqCst);
        }
        // SAFETY: takes no pointer.
        let thread = unsafe { libc::gettid() };
        if let Some(place) = ANSWERED.get(ANSWERS.fetch_add(1, Ordering::SeqCst)) {
            place.store(thread, Ordering::SeqCst);
        }
        let ring = 1_u64;
        // SAFETY: eight live bytes; a bell that cannot be rung is read as a thread that does not answer.
        unsafe { libc::write(bell, (&raw const ring).cast(), size_of::<u64>()) };
    }
    // SAFETY: as above.
    unsafe { *errno = before };
}

/// In the calling thread, in the order in which each step is still permitted; `Err` holds the errno.
fn give_up_here(ruleset: i32) -> Result<(), i32> {
    capability::narrow_bounds();
    // SAFETY: takes no pointer.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }.into())?;
    if ruleset != NO_RULESET {
        // SAFETY: takes no pointer; the descriptor is of a ruleset that lives until everybody has answered.
        check(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset, 0) })?;
    }
    check(capability::drop_all())
}

fn check(answer: libc::c_long) -> Result<(), i32> {
    if answer == 0 {
        return Ok(());
    }
    // SAFETY: the address of the calling thread's own errno.
    Err(unsafe { *libc::__errno_location() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As qemu's own thread has it under a user without capabilities.
    const STRANGER: &str = "Name:\tqemu-aarch64-st\nSigBlk:\tfffffffe7ffbfeff\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n";

    #[test]
    fn a_thread_that_hears_nothing_and_has_nothing_is_let_be() {
        assert!(is_harmless(STRANGER, 40));
        let hears = STRANGER.replace("fffffffe7ffbfeff", "0000000000000000");
        assert!(!is_harmless(&hears, 40), "it hears, and hangs");
        let able = STRANGER.replace("CapPrm:\t0000000000000000", "CapPrm:\t0000000000002000");
        assert!(!is_harmless(&able, 40), "it could open raw sockets");
        assert!(!is_harmless("", 40), "nothing is known of it");
    }
}
