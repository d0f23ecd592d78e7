//! Sleeps until a moment, a packet, or a call for attention, whichever is first.
//!
//! The moment is kept by a timer file (`timerfd`) at an absolute `CLOCK_MONOTONIC` time, because the time-outs
//! of `epoll_wait` and `ppoll` are allowed to be late by a thousandth of their length.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::sync::Arc;

use linewatch_core::port::Waker;

use super::options::last_errno;
use crate::sys::WireError;

/// Events taken from the kernel at a time.
pub(super) const EVENTS: usize = 256;
const TIMER_TAG: u64 = u64::MAX;
const WAKER_TAG: u64 = u64::MAX - 1;

/// Something is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ready {
    /// The tag it was watched under.
    pub(super) tag: u64,
    /// There is data to read (not only an error queue).
    pub(super) is_readable: bool,
}

/// One sleeper.
pub(super) struct Waiter {
    epoll: OwnedFd,
    timer: OwnedFd,
    bell: Arc<File>,
    events: Box<[libc::epoll_event; EVENTS]>,
}

/// How a sleep ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Woken {
    /// How many [`Waiter::ready`] there are.
    pub(super) count: usize,
    /// Another thread called for attention.
    pub(super) is_called: bool,
}

impl Waiter {
    pub(super) fn new() -> Result<Self, WireError> {
        // SAFETY: takes no pointer.
        let epoll = owned(
            unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) },
            "watch sockets (epoll)",
        )?;
        // SAFETY: takes no pointer.
        let timer =
            unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC | libc::TFD_NONBLOCK) };
        let timer = owned(timer, "make a timer (timerfd)")?;
        // SAFETY: takes no pointer.
        let bell = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        let bell = Arc::new(File::from(owned(bell, "make a wake-up call (eventfd)")?));
        let events = Box::new([libc::epoll_event { events: 0, u64: 0 }; EVENTS]);
        let waiter = Self {
            epoll,
            timer,
            bell,
            events,
        };
        let watched = [
            (waiter.timer.as_fd(), TIMER_TAG),
            (waiter.bell.as_fd(), WAKER_TAG),
        ];
        for (fd, tag) in watched {
            waiter.watch(fd, tag, libc::EPOLLIN).map_err(|errno| WireError {
                doing: "watch a timer (epoll)",
                source: std::io::Error::from_raw_os_error(errno),
            })?;
        }
        Ok(waiter)
    }

    /// Watches `fd` until it is closed. Tags below [`WAKER_TAG`] are the caller's.
    pub(super) fn watch(&self, fd: BorrowedFd<'_>, tag: u64, events: libc::c_int) -> Result<(), i32> {
        let mut event = libc::epoll_event {
            events: events as u32,
            u64: tag,
        };
        // SAFETY: `event` lives through the call; the kernel copies it.
        let answer = unsafe {
            libc::epoll_ctl(
                self.epoll.as_raw_fd(),
                libc::EPOLL_CTL_ADD,
                fd.as_raw_fd(),
                &mut event,
            )
        };
        if answer == 0 { Ok(()) } else { Err(last_errno()) }
    }

    /// Sleeps until `CLOCK_MONOTONIC` shows `until_ns` (`None`: does not sleep at all).
    pub(super) fn wait(&mut self, until_ns: Option<u64>) -> Woken {
        let timeout = if let Some(until_ns) = until_ns {
            arm(&self.timer, until_ns);
            -1
        } else {
            0
        };
        // SAFETY: the kernel writes at most EVENTS entries into the live array of that length.
        let count = unsafe {
            libc::epoll_wait(
                self.epoll.as_raw_fd(),
                self.events.as_mut_ptr(),
                EVENTS as i32,
                timeout,
            )
        };
        // The one error that can happen is EINTR: a signal, to be treated as a call without a caller.
        let count = usize::try_from(count).unwrap_or(0);
        let is_called = self.events[..count].iter().any(|event| event.u64 == WAKER_TAG);
        if is_called {
            // Reading resets the count. It cannot fail but by being empty already, which is as good.
            let _reset = (&*self.bell).read(&mut [0; 8]);
        }
        Woken { count, is_called }
    }

    /// The event at `index`; `None` for the sleeper's own.
    pub(super) fn ready(&self, index: usize) -> Option<Ready> {
        let event = self.events[index];
        let tag = event.u64;
        let is_readable = event.events & libc::EPOLLIN as u32 != 0;
        (tag < WAKER_TAG).then_some(Ready { tag, is_readable })
    }

    /// Ends a sleep from any thread.
    pub(super) fn waker(&self) -> Waker {
        let bell = Arc::clone(&self.bell);
        // A write can fail only when 2^64 calls were made without an answer: then it is rung already.
        Arc::new(move || drop((&*bell).write(&1u64.to_ne_bytes())))
    }

    /// The same sleep for whoever does not hold `self`: nothing is read, so what ended it is still there.
    pub(super) fn sleeper(&self) -> Result<impl FnMut(u64) + Send + use<>, WireError> {
        let copy = |fd: &OwnedFd| {
            fd.try_clone().map_err(|source| WireError {
                doing: "share a place to wait (dup)",
                source,
            })
        };
        let (epoll, timer) = (copy(&self.epoll)?, copy(&self.timer)?);
        Ok(move |until_ns| {
            arm(&timer, until_ns);
            let mut event = libc::epoll_event { events: 0, u64: 0 };
            // SAFETY: the kernel writes at most one entry into `event`. An early end by a signal is an end.
            unsafe { libc::epoll_wait(epoll.as_raw_fd(), &mut event, 1, -1) };
        })
    }
}

fn arm(timer: &OwnedFd, until_ns: u64) {
    // All zeroes would disarm; more than 2^62 ns (146 years) means for ever.
    let until_ns = until_ns.clamp(1, 1 << 62);
    let spec = libc::itimerspec {
        it_interval: libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        },
        it_value: libc::timespec {
            tv_sec: (until_ns / 1_000_000_000) as libc::time_t,
            tv_nsec: (until_ns % 1_000_000_000) as libc::c_long,
        },
    };
    // SAFETY: `spec` lives through the call; no old value is asked for.
    let answer = unsafe {
        libc::timerfd_settime(
            timer.as_raw_fd(),
            libc::TFD_TIMER_ABSTIME,
            &spec,
            std::ptr::null_mut(),
        )
    };
    // The arguments are valid by construction; without the timer we would sleep for ever.
    assert_eq!(answer, 0, "a timer at {until_ns} ns was refused");
}

fn owned(fd: libc::c_int, doing: &'static str) -> Result<OwnedFd, WireError> {
    if fd < 0 {
        return Err(WireError {
            doing,
            source: std::io::Error::last_os_error(),
        });
    }
    // SAFETY: the call just returned this descriptor, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::linux::clocks::monotonic_ns;

    #[test]
    fn a_sleep_lasts_until_its_moment_and_not_much_longer() {
        let mut waiter = Waiter::new().expect("epoll");
        let until_ns = monotonic_ns() + 3_000_000;
        let woken = waiter.wait(Some(until_ns));
        let now_ns = monotonic_ns();
        assert!(now_ns >= until_ns, "{} ns early", until_ns - now_ns);
        assert!(now_ns - until_ns < 1_000_000_000, "{} ns late", now_ns - until_ns);
        assert_eq!((woken.is_called, waiter.ready(0)), (false, None));
    }

    #[test]
    fn a_call_from_another_thread_ends_a_sleep_once() {
        let mut waiter = Waiter::new().expect("epoll");
        let waker = waiter.waker();
        std::thread::spawn(move || waker());
        assert!(waiter.wait(Some(u64::MAX)).is_called);
        assert!(!waiter.wait(None).is_called, "a call is answered once");
    }
}
