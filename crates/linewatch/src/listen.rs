//! Opens the sockets of the page, and says who has them if somebody else does.
//!
//! The default 127.0.0.1:5000 comes with [::1]:5000 and gives way to the next free port on a terminal; an explicit address
//! is taken as it is or is an error. Not here: answering (`linewatch_web`).

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::exit::{Exit, UserError};

/// How many ports after the default are tried.
const NEXT_PORTS: u16 = 20;
/// How long we wait for the holder of a port to say who it is.
const WHO_IS_IT: Duration = Duration::from_millis(500);

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Where.
    pub addr: SocketAddr,
    /// Somebody wrote it; then it must be this one.
    pub is_explicit: bool,
    /// A person is watching, so another port can be said.
    pub is_terminal: bool,
}

/// Open sockets and the address to tell people.
#[derive(Debug)]
pub(crate) struct Open {
    /// One or two listeners.
    pub listeners: Vec<TcpListener>,
    /// The first one's real address.
    pub addr: SocketAddr,
    /// A sentence about a port that is not the asked one.
    pub notice: Option<String>,
}

/// Opens what is wanted.
///
/// # Errors
///
/// When the address is not ours to have; names the holder if it is linewatch.
pub(crate) fn open(wanted: Wanted) -> Result<Open, UserError> {
    let first = match bind(wanted.addr) {
        Ok(listeners) => return Ok(opened(listeners, wanted, None)),
        Err(error) => error,
    };
    if first.kind() != io::ErrorKind::AddrInUse {
        return Err(refused(wanted.addr, &first));
    }
    let holder = holder(wanted.addr);
    if wanted.is_explicit || !wanted.is_terminal {
        return Err(in_use(wanted.addr, holder.as_deref()));
    }
    for step in 1..=NEXT_PORTS {
        let Some(port) = wanted.addr.port().checked_add(step) else {
            break;
        };
        if let Ok(listeners) = bind(SocketAddr::new(wanted.addr.ip(), port)) {
            let who = holder.as_deref().unwrap_or("another program");
            let notice = format!("port {} is in use by {who}; taking {port}", wanted.addr.port());
            return Ok(opened(listeners, wanted, Some(notice)));
        }
    }
    Err(in_use(wanted.addr, holder.as_deref()))
}

/// Whether an address could be had now.
#[derive(Debug)]
pub(crate) enum Holding {
    /// Yes.
    Free,
    /// A linewatch has it.
    Linewatch,
    /// Another program has it.
    Other,
    /// The system refuses it for another reason.
    Refused(io::Error),
}

/// Tries the address and gives it back at once.
pub(crate) fn look(addr: SocketAddr) -> Holding {
    match bind(addr) {
        Ok(_) => Holding::Free,
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => Holding::Refused(error),
        Err(_) if holder(addr).is_some() => Holding::Linewatch,
        Err(_) => Holding::Other,
    }
}

/// The address of this computer that an address to listen on takes calls at.
pub(crate) fn near(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// Binds the address, and its IPv6 twin where it is 127.0.0.1. A machine without IPv6 has no twin: not an error.
fn bind(addr: SocketAddr) -> io::Result<Vec<TcpListener>> {
    let first = TcpListener::bind(addr)?;
    let mut listeners = vec![];
    if addr.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) {
        let twin = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), first.local_addr()?.port());
        match TcpListener::bind(twin) {
            Ok(listener) => listeners.push(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
            Err(_) => {}
        }
    }
    listeners.insert(0, first);
    Ok(listeners)
}

fn opened(listeners: Vec<TcpListener>, wanted: Wanted, notice: Option<String>) -> Open {
    let addr = listeners
        .first()
        .and_then(|listener| listener.local_addr().ok())
        .unwrap_or(wanted.addr);
    Open {
        listeners,
        addr,
        notice,
    }
}

fn refused(addr: SocketAddr, error: &io::Error) -> UserError {
    let help = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need a permission: take a higher one, such as 5000, or grant it once with\nsudo setcap cap_net_bind_service,cap_net_raw+p $(command -v linewatch)"
        }
        io::ErrorKind::AddrNotAvailable => {
            "this computer does not have that address; 127.0.0.1 is this computer only, 0.0.0.0 is every address"
        }
        _ => "set another one with --listen ADDR:PORT",
    };
    let exit = match error.kind() {
        io::ErrorKind::PermissionDenied => Exit::Privilege,
        _ => Exit::Failed,
    };
    UserError {
        message: format!("cannot listen on {addr}: {}", plain(error)),
        help: Some(help.to_owned()),
        exit,
    }
}

fn in_use(addr: SocketAddr, holder: Option<&str>) -> UserError {
    let who = match holder {
        Some(who) => format!("cannot listen on {addr}: it is in use by {who}"),
        None => format!("cannot listen on {addr}: it is in use by another program"),
    };
    let mac = if cfg!(target_os = "macos") && addr.port() == 5000 {
        "on macOS that is AirPlay Receiver: System Settings, General, AirDrop & Handoff; or "
    } else {
        ""
    };
    UserError::failed(who).help(format!(
        "{mac}take another port with --listen {}:{}",
        addr.ip(),
        addr.port().wrapping_add(1).max(1)
    ))
}

/// Asks the holder of a port whether it is linewatch.
fn holder(addr: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&addr, WHO_IS_IT).ok()?;
    stream.set_read_timeout(Some(WHO_IS_IT)).ok()?;
    stream.set_write_timeout(Some(WHO_IS_IT)).ok()?;
    let host = if addr.is_ipv6() {
        format!("[::1]:{}", addr.port())
    } else {
        format!("127.0.0.1:{}", addr.port())
    };
    write!(
        stream,
        "GET /api/v1/status HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut answer = Vec::new();
    // Whatever the other program says, 16 KB of it are enough to know linewatch.
    let _ = stream.take(16 * 1024).read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer);
    if !text.contains("\"vantage\"") || !text.contains("\"lateness_p99_ms\"") {
        return None;
    }
    Some("linewatch itself: another one is running".to_owned())
}

/// The operating system's words without its number.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(addr: SocketAddr, is_explicit: bool, is_terminal: bool) -> Wanted {
        Wanted {
            addr,
            is_explicit,
            is_terminal,
        }
    }

    fn taken() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
        let addr = listener.local_addr().expect("bound");
        (listener, addr)
    }

    #[test]
    fn port_0_prints_the_real_one() {
        let open = open(wanted("127.0.0.1:0".parse().expect("literal"), true, false)).expect("free");
        assert_ne!(open.addr.port(), 0);
    }

    #[test]
    fn an_explicit_address_in_use_is_an_error_with_a_way_out() {
        let (_holder, addr) = taken();
        let error = open(wanted(addr, true, true)).expect_err("taken").to_string();
        assert!(
            error.contains("in use by another program") && error.contains("--listen"),
            "{error}"
        );
    }

    #[test]
    fn the_default_gives_way_on_a_terminal_and_says_so() {
        let (_holder, addr) = taken();
        let open = open(wanted(addr, false, true)).expect("a port after it is free");
        assert!(open.addr.port() > addr.port());
        assert!(open.notice.expect("said").contains("in use"));
    }

    #[test]
    fn without_a_terminal_the_default_stands() {
        let (_holder, addr) = taken();
        assert!(open(wanted(addr, false, false)).is_err());
    }

    #[test]
    fn a_port_that_needs_a_permission_ends_with_the_code_of_one_and_the_cure() {
        let addr = "127.0.0.1:80".parse().expect("literal");
        let error = refused(addr, &io::ErrorKind::PermissionDenied.into());
        assert_eq!(error.exit, Exit::Privilege);
        assert!(
            error.to_string().contains("setcap cap_net_bind_service"),
            "{error}"
        );
        let other = refused(addr, &io::ErrorKind::AddrNotAvailable.into());
        assert_eq!(other.exit, Exit::Failed);
    }

    #[test]
    fn a_foreign_address_is_explained() {
        let error =
            open(wanted("203.0.113.1:5000".parse().expect("literal"), true, true)).expect_err("not ours");
        assert!(
            error.to_string().contains("does not have that address"),
            "{error}"
        );
    }
}
