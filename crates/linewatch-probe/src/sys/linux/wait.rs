//! Sleeps until a moment, a packet, or a call for attention, whichever is first.
//!
//! The moment is kept by a timer file (`timerfd`) at an absolute `CLOCK_MONOTONIC` time, because the time-outs
//! of `epoll_wait` and `ppoll` are allowed to be late by a thousandth of their length. Where that is too little to
//! matter, and the kernel has it (`epoll_pwait2`, Linux 5.11), the time-out saves the timer.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use linewatch_core::port::Waker;

use super::options::last_errno;
use crate::sys::WireError;

/// Events taken from the kernel at a time.
pub(super) const EVENTS: usize = 256;
/// Up to here a thousandth is below the microsecond that a wake-up takes anyway.
const SHORT: Duration = Duration::from_millis(1);
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
    /// The timer has fired and was not set again: it would end every sleep at once. It is never read, for another
    /// thread may be about to wake by it ([`Waiter::sleeper`]).
    is_timer_spent: bool,
    bell: Arc<File>,
    events: Box<[libc::epoll_event; EVENTS]>,
    /// The kernel takes time-outs in nanoseconds, as far as is known.
    has_short_sleeps: bool,
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
            is_timer_spent: false,
            bell,
            events,
            has_short_sleeps: true,
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

    /// Sleeps until `CLOCK_MONOTONIC` shows the first number, which is the second away (`None`: does not sleep at all).
    pub(super) fn wait(&mut self, until: Option<(u64, Duration)>) -> Woken {
        let count = match until {
            Some((_, length)) if length <= SHORT && self.has_short_sleeps => self.sleep_short(length),
            _ => None,
        };
        let count = count.unwrap_or_else(|| self.sleep(until.map(|(until_ns, _)| until_ns)));
        // The one error that can happen is EINTR: a signal, to be treated as a call without a caller.
        let count = usize::try_from(count).unwrap_or(0);
        let is_called = self.events[..count].iter().any(|event| event.u64 == WAKER_TAG);
        if is_called {
            // Reading resets the count. It cannot fail but by being empty already, which is as good.
            let _reset = (&*self.bell).read(&mut [0; 8]);
        }
        self.is_timer_spent |= self.events[..count].iter().any(|event| event.u64 == TIMER_TAG);
        Woken { count, is_called }
    }

    /// Sleeps until a moment kept by the timer.
    fn sleep(&mut self, until_ns: Option<u64>) -> libc::c_int {
        let timeout = if let Some(until_ns) = until_ns {
            arm(&self.timer, until_ns);
            self.is_timer_spent = false;
            -1
        } else {
            0
        };
        // SAFETY: the kernel writes at most EVENTS entries into the live array of that length.
        unsafe {
            libc::epoll_wait(
                self.epoll.as_raw_fd(),
                self.events.as_mut_ptr(),
                EVENTS as i32,
                timeout,
            )
        }
    }

    /// Sleeps for so long; `None` if this kernel cannot.
    fn sleep_short(&mut self, length: Duration) -> Option<libc::c_int> {
        if std::mem::take(&mut self.is_timer_spent) {
            arm(&self.timer, u64::MAX);
        }
        // This call has 64-bit seconds and nanoseconds on every system, unlike some systems' `timespec`.
        let timeout = [0_i64, i64::from(length.subsec_nanos())];
        // SAFETY: the kernel reads `timeout` and writes at most EVENTS entries into the live array of that length; no
        // signal mask is given.
        let count = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.epoll.as_raw_fd(),
                self.events.as_mut_ptr(),
                EVENTS as libc::c_int,
                &raw const timeout,
                std::ptr::null::<libc::sigset_t>(),
                size_of::<u64>(),
            )
        };
        // A sandbox may refuse what it does not know with EPERM.
        if count < 0 && matches!(last_errno(), libc::ENOSYS | libc::EPERM) {
            self.has_short_sleeps = false;
            return None;
        }
        Some(count as libc::c_int)
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
        let woken = waiter.wait(Some((until_ns, Duration::from_millis(3))));
        let now_ns = monotonic_ns();
        assert!(now_ns >= until_ns, "{} ns early", until_ns - now_ns);
        assert!(now_ns - until_ns < 1_000_000_000, "{} ns late", now_ns - until_ns);
        assert_eq!((woken.is_called, waiter.ready(0)), (false, None));
    }

    #[test]
    fn a_short_sleep_is_not_cut_short() {
        let mut waiter = Waiter::new().expect("epoll");
        let begun_ns = monotonic_ns();
        let length = Duration::from_micros(700);
        let woken = waiter.wait(Some((begun_ns + 700_000, length)));
        assert!(monotonic_ns() - begun_ns >= 700_000);
        assert_eq!(woken, Woken::default());
    }

    #[test]
    fn a_timer_that_fired_does_not_end_the_next_short_sleep() {
        let mut waiter = Waiter::new().expect("epoll");
        waiter.wait(Some((monotonic_ns() + 2_000_000, Duration::from_millis(2))));
        let begun_ns = monotonic_ns();
        waiter.wait(Some((begun_ns + 500_000, Duration::from_micros(500))));
        assert!(monotonic_ns() - begun_ns >= 500_000);
    }

    #[test]
    fn a_call_from_another_thread_ends_a_sleep_once() {
        let mut waiter = Waiter::new().expect("epoll");
        let waker = waiter.waker();
        std::thread::spawn(move || waker());
        assert!(waiter.wait(Some((u64::MAX, Duration::MAX))).is_called);
        assert!(!waiter.wait(None).is_called, "a call is answered once");
    }
}
