//! The line to the service manager: `READY=1` and what follows, as datagrams to `$NOTIFY_SOCKET` (sd_notify(3)).
//!
//! Opened at the start, because later no file outside our own can be reached. Without the variable, and elsewhere than on
//! Linux, every word goes nowhere.

use std::io;
use std::time::Duration;

#[cfg(target_os = "linux")]
use sd_notify::NotifyState;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Manager {
    #[cfg(target_os = "linux")]
    line: Option<Line>,
    patience: Option<Duration>,
}

/// An open line, and what was said last about how it goes: the same is not said twice.
#[cfg(target_os = "linux")]
#[derive(Debug)]
struct Line {
    socket: std::os::unix::net::UnixDatagram,
    status: std::sync::Mutex<String>,
}

impl Manager {
    /// Opens the line if there is a service manager.
    ///
    /// # Errors
    ///
    /// When there is one and it cannot be reached.
    #[cfg(target_os = "linux")]
    pub(crate) fn reach() -> io::Result<Self> {
        let Some(path) = std::env::var_os("NOTIFY_SOCKET").filter(|path| !path.is_empty()) else {
            return Ok(Self::default());
        };
        Ok(Self {
            line: Some(Line::to(&path)?),
            patience: sd_notify::watchdog_enabled(),
        })
    }

    /// There is none here.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn reach() -> io::Result<Self> {
        Ok(Self::default())
    }

    /// How long the manager waits for food before it ends us (`WatchdogSec`); `None`: for ever.
    pub(crate) fn patience(&self) -> Option<Duration> {
        self.patience
    }
}

#[cfg(target_os = "linux")]
impl Manager {
    /// Everything is open and measured.
    pub(crate) fn ready(&self) {
        self.say(&[NotifyState::Ready]);
    }

    /// The configuration is read again, until [`Manager::ready`].
    pub(crate) fn reloading(&self) {
        // The manager needs the time to tell this reload from the one before (sd_notify(3)); without a clock it gets none.
        let Ok(now) = NotifyState::monotonic_usec_now() else {
            return;
        };
        self.say(&[NotifyState::Reloading, now]);
    }

    /// The end has begun.
    pub(crate) fn stopping(&self) {
        self.say(&[NotifyState::Stopping]);
    }

    /// The loops turn.
    pub(crate) fn feed(&self) {
        self.say(&[NotifyState::Watchdog]);
    }

    /// How it goes, in one line for `systemctl status`.
    pub(crate) fn status(&self, text: String) {
        let Some(line) = &self.line else { return };
        let mut said = line
            .status
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if *said != text {
            self.say(&[NotifyState::Status(&text)]);
            *said = text;
        }
    }

    fn say(&self, states: &[NotifyState<'_>]) {
        let Some(line) = &self.line else { return };
        let text: String = states.iter().map(|state| format!("{state}\n")).collect();
        // A manager that starts anew has its queue full or its socket gone for a moment; it must not hold us up.
        if let Err(error) = line.socket.send(text.as_bytes()) {
            tracing::debug!(%error, "the service manager does not listen");
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Manager {
    /// Nobody listens.
    pub(crate) fn ready(&self) {}
    /// As above.
    pub(crate) fn reloading(&self) {}
    /// As above.
    pub(crate) fn stopping(&self) {}
    /// As above.
    pub(crate) fn feed(&self) {}
    /// As above.
    pub(crate) fn status(&self, _text: String) {}
}

#[cfg(target_os = "linux")]
impl Line {
    fn to(path: &std::ffi::OsStr) -> io::Result<Self> {
        use std::os::linux::net::SocketAddrExt as _;
        use std::os::unix::ffi::OsStrExt as _;
        use std::os::unix::net::{SocketAddr, UnixDatagram};

        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        // A name that begins with @ lies in no directory (unix(7), "abstract").
        let addr = match path.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(path)?,
        };
        socket.connect_addr(&addr)?;
        Ok(Self {
            socket,
            status: std::sync::Mutex::default(),
        })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;

    /// A manager that hears, and the line to it.
    fn pair() -> (tempfile::TempDir, UnixDatagram, Manager) {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("notify");
        let hears = UnixDatagram::bind(&path).expect("a socket");
        hears.set_nonblocking(true).expect("a socket of ours");
        let manager = Manager {
            line: Some(Line::to(path.as_os_str()).expect("reached")),
            patience: None,
        };
        (dir, hears, manager)
    }

    fn heard(socket: &UnixDatagram) -> Option<String> {
        let mut bytes = [0; 512];
        let length = socket.recv(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes[..length]).into_owned())
    }

    #[test]
    fn a_reload_says_when_it_began() {
        let (_dir, hears, manager) = pair();
        manager.reloading();
        let told = heard(&hears).expect("told");
        let (first, second) = told.split_once('\n').expect("two lines");
        assert_eq!(first, "RELOADING=1");
        let time = second.trim().strip_prefix("MONOTONIC_USEC=").expect("the time");
        assert!(time.parse::<u64>().is_ok_and(|time| time > 0), "{time}");
    }

    #[test]
    fn the_same_status_is_said_once() {
        let (_dir, hears, manager) = pair();
        for _ in 0..3 {
            manager.status("2 targets".to_owned());
        }
        assert_eq!(heard(&hears).as_deref(), Some("STATUS=2 targets\n"));
        assert_eq!(heard(&hears), None);
    }

    #[test]
    fn a_manager_that_is_gone_or_was_never_there_holds_nobody_up() {
        let (_dir, hears, manager) = pair();
        drop(hears);
        manager.ready();
        Manager::default().ready();
    }
}
