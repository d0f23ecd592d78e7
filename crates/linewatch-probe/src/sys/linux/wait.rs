//! Sleeps until a moment, a packet, or a call for attention, whichever is first.
//!
//! Sockets that carry much are looked at by the sleep itself (`ppoll`): whoever is awake when their packets come pays
//! nothing for it. Sockets that are many or come and go are watched (epoll), which is a call within the kernel for each
//! packet. The moment is kept by a timer file (`timerfd`) at an absolute `CLOCK_MONOTONIC` time, because time-outs are
//! allowed to be late by a thousandth of their length; where that is too little to matter, the time-out saves the timer.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use linewatch_core::port::Waker;

use super::options::last_errno;
use crate::sys::WireError;

/// Events taken from the kernel at a time.
const EVENTS: usize = 256;
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
    /// The epoll itself first, then one for each of `polled`.
    polls: Vec<libc::pollfd>,
    polled: Vec<Polled>,
}

/// A socket looked at by each sleep. The descriptor is a copy, so that it is there as long as it is looked at.
struct Polled {
    fd: OwnedFd,
    tag: u64,
}

/// How a sleep ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Woken {
    /// How many [`Waiter::ready`] there are.
    pub(super) count: usize,
    /// More may be ready than that.
    pub(super) has_more: bool,
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
        let polls = vec![poll_of(&epoll)];
        let waiter = Self {
            epoll,
            timer,
            is_timer_spent: false,
            bell,
            events,
            polls,
            polled: Vec::new(),
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

    /// Looks at a socket in every sleep from now on: for the few that carry much. Tags as for [`Waiter::watch`].
    pub(super) fn poll(&mut self, fd: BorrowedFd<'_>, tag: u64) -> Result<(), WireError> {
        let fd = copy(fd)?;
        self.polls.push(poll_of(&fd));
        self.polled.push(Polled { fd, tag });
        Ok(())
    }

    /// Sleeps until `CLOCK_MONOTONIC` shows the first number, which is the second away (`None`: does not sleep at all).
    pub(super) fn wait(&mut self, until: Option<(u64, Duration)>) -> Woken {
        let timeout = match until {
            None => Some(Duration::ZERO),
            Some((_, length)) if length <= SHORT => {
                if std::mem::take(&mut self.is_timer_spent) {
                    arm(&self.timer, u64::MAX);
                }
                Some(length)
            }
            Some((until_ns, _)) => {
                arm(&self.timer, until_ns);
                self.is_timer_spent = false;
                None
            }
        };
        if !sleep(&mut self.polls, timeout) {
            return Woken::default();
        }
        let watched = if self.polls[0].revents == 0 {
            0
        } else {
            self.fetch()
        };
        let events = &self.events[..watched];
        let is_called = events.iter().any(|event| event.u64 == WAKER_TAG);
        if is_called {
            // Reading resets the count. It cannot fail but by being empty already, which is as good.
            let _reset = (&*self.bell).read(&mut [0; 8]);
        }
        self.is_timer_spent |= events.iter().any(|event| event.u64 == TIMER_TAG);
        Woken {
            count: self.polled.len() + watched,
            has_more: watched == EVENTS,
            is_called,
        }
    }

    /// Takes what is ready of the watched; returns how many events that is.
    fn fetch(&mut self) -> usize {
        // SAFETY: the kernel writes at most EVENTS entries into the live array of that length.
        let count =
            unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), self.events.as_mut_ptr(), EVENTS as i32, 0) };
        // It does not sleep, so no signal can end it and nothing is wrong with its arguments.
        usize::try_from(count).unwrap_or(0)
    }

    /// What is ready at `index`; `None` for the sleeper's own, and for a polled socket that is not.
    pub(super) fn ready(&self, index: usize) -> Option<Ready> {
        if let Some(polled) = self.polled.get(index) {
            let revents = self.polls[index + 1].revents;
            let is_readable = revents & libc::POLLIN != 0;
            let tag = polled.tag;
            return (revents != 0).then_some(Ready { tag, is_readable });
        }
        let event = self.events[index - self.polled.len()];
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

    /// The same sleep for whoever does not hold `self`: nothing is read, so what ended it is still there. It knows the
    /// polled sockets of now.
    pub(super) fn sleeper(&self) -> Result<impl FnMut(u64) + Send + use<>, WireError> {
        let timer = copy(self.timer.as_fd())?;
        let polled = self.polled.iter().map(|polled| polled.fd.as_fd());
        let fds: Vec<OwnedFd> = std::iter::once(self.epoll.as_fd())
            .chain(polled)
            .map(copy)
            .collect::<Result<_, _>>()?;
        let mut polls: Vec<_> = fds.iter().map(poll_of).collect();
        Ok(move |until_ns| {
            // Moved in, so that what is polled stays open.
            let _open = &fds;
            arm(&timer, until_ns);
            sleep(&mut polls, None);
        })
    }
}

fn copy(fd: BorrowedFd<'_>) -> Result<OwnedFd, WireError> {
    fd.try_clone_to_owned().map_err(|source| WireError {
        doing: "share a place to wait (dup)",
        source,
    })
}

fn poll_of(fd: &OwnedFd) -> libc::pollfd {
    libc::pollfd {
        fd: fd.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    }
}

/// Sleeps until one of them is ready, but no longer than `timeout` (less than a second); false if none is.
fn sleep(polls: &mut [libc::pollfd], timeout: Option<Duration>) -> bool {
    let timeout = timeout.map(|length| libc::timespec {
        tv_sec: 0,
        tv_nsec: length.subsec_nanos() as libc::c_long,
    });
    let timeout = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the kernel reads and writes `polls` within its length and reads `timeout`, which lives through the call or
    // is null; no signal mask is given.
    let count = unsafe {
        libc::ppoll(
            polls.as_mut_ptr(),
            polls.len() as libc::nfds_t,
            timeout,
            std::ptr::null(),
        )
    };
    // The one error that can happen is EINTR: a signal, to be treated as a call without a caller.
    count > 0
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
            tv_sec: (until_ns / 1_000_000_000) as _,
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
