//! Turns signals into orders (MEASURING.md "Signals and exit").
//!
//! One SIGINT or SIGTERM asks for an orderly stop, a second SIGINT ends the process at once with 130; files are whole all
//! the same because they are written by temporary file and rename, and the database by transactions.

use std::io;

use crate::exit::Exit;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Stop in order; what asked for it, for the exit notice.
    Stop(&'static str),
    /// Read the configuration again (`serve` without a terminal), else stop.
    #[cfg_attr(windows, expect(dead_code, reason = "Windows has no such signal"))]
    Hangup,
    /// Print current statistics.
    #[cfg_attr(windows, expect(dead_code, reason = "Windows has no such signal"))]
    Statistics,
}

/// Starts the thread "signals", which hands each order to `give`.
///
/// # Errors
///
/// When the operating system refuses the handlers.
pub(crate) fn listen(give: impl Fn(Order) + Send + 'static) -> io::Result<()> {
    listen_and(give, || {})
}

/// Like [`listen`]; a second SIGINT does `before_exit` before it ends the process.
///
/// # Errors
///
/// When the operating system refuses the handlers.
#[cfg(unix)]
pub(crate) fn listen_and(
    give: impl Fn(Order) + Send + 'static,
    before_exit: impl Fn() + Send + 'static,
) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};

    let mut wanted = vec![SIGINT, SIGTERM, SIGUSR1];
    // `nohup` ignores SIGHUP for us, and what is ignored stays ignored.
    if !is_ignored(SIGHUP) {
        wanted.push(SIGHUP);
    }
    // First, so that a press is counted before the thread is woken for it.
    let presses = Presses::listen()?;
    let mut signals = signal_hook::iterator::Signals::new(wanted)?;
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            let mut is_stopping = false;
            for signal in signals.forever() {
                match signal {
                    SIGINT => {
                        let pressed = presses.taken();
                        if pressed + usize::from(is_stopping) > 1 {
                            crate::term::restore();
                            before_exit();
                            // Without a look back: what runs at an ordinary exit may wait for what hangs.
                            signal_hook::low_level::exit(Exit::SecondInterrupt as i32);
                        }
                        is_stopping = true;
                        give(Order::Stop("Ctrl+C"));
                    }
                    SIGTERM => {
                        is_stopping = true;
                        give(Order::Stop("SIGTERM"));
                    }
                    SIGHUP => give(Order::Hangup),
                    _ => give(Order::Statistics),
                }
            }
        })?;
    Ok(())
}

/// Counts Ctrl+C: on a busy computer two of them may come before the thread turns, to which they are then one.
#[cfg(unix)]
struct Presses(std::os::unix::net::UnixStream);

#[cfg(unix)]
impl Presses {
    fn listen() -> io::Result<Self> {
        let (presses, press) = std::os::unix::net::UnixStream::pair()?;
        presses.set_nonblocking(true)?;
        signal_hook::low_level::pipe::register(signal_hook::consts::SIGINT, press)?;
        Ok(Self(presses))
    }

    /// Those since the last look.
    fn taken(&self) -> usize {
        use std::io::Read as _;
        // Nobody presses more often within a turn; and if so, two are enough.
        (&self.0).read(&mut [0; 16]).unwrap_or(0)
    }
}

/// Calls `give` for Ctrl+C, Ctrl+Break, a closed console and the end of the session, on a thread of the system's.
///
/// # Errors
///
/// When the operating system refuses the handler.
#[cfg(windows)]
pub(crate) fn listen_and(
    give: impl Fn(Order) + Send + 'static,
    before_exit: impl Fn() + Send + 'static,
) -> io::Result<()> {
    use std::sync::{Arc, Mutex, PoisonError};

    fn stop(give: &Mutex<impl Fn(Order)>, why: &'static str) {
        let give = give.lock().unwrap_or_else(PoisonError::into_inner);
        give(Order::Stop(why));
    }

    // Two threads of the system's may call it.
    let give = Arc::new(Mutex::new(give));
    let mut is_stopping = false;
    let interrupted = {
        let give = Arc::clone(&give);
        move || {
            if std::mem::replace(&mut is_stopping, true) {
                crate::term::restore();
                before_exit();
                std::process::exit(Exit::SecondInterrupt as i32);
            }
            stop(&give, "Ctrl+C");
        }
    };
    ctrlc::set_handler(interrupted).map_err(|error| match error {
        ctrlc::Error::System(error) => error,
        refused => io::Error::other(refused),
    })?;
    // The library's own handler would let the process die at once: ours, being the last, is asked before it.
    linewatch_probe::console::on_close(move || stop(&give, "the window was closed, or the session ended"))
}

/// Whether a hang-up can mean that the person has gone: a terminal controls this process, wherever its output goes.
pub(crate) fn has_controlling_terminal() -> bool {
    // `/dev/tty` is the controlling terminal, and cannot be opened without one (tty(4)).
    std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .is_ok()
}

/// Whether our parent had this signal ignored when it started us (Linux; elsewhere: no).
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        return false;
    };
    linewatch_probe::proc_status::has_bit(&status, "SigIgn", signal as u32 - 1)
}
