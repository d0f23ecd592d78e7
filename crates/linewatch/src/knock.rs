//! Asks by a plain TCP handshake whether somebody is there whom ICMP does not reach; off the path of any probe.
//!
//! One order at a time, answered within [`ADVICE_KNOCK_TIME`] through a callback; nothing is sent inside the connection,
//! which is closed at once. Not here: who is asked, and how often (`control::knocks`).

use std::io;
use std::net::{SocketAddr, SocketAddrV6, TcpStream};
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::thread;

use linewatch_core::limits::ADVICE_KNOCK_TIME;
use linewatch_core::target::Address;

/// What one handshake came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Knocked {
    /// Somebody listens there.
    Accepted,
    /// The port is closed, and somebody said so.
    Refused,
    /// Nothing, or no way.
    Silent,
}

/// The way to the thread "knock", which ends with the last of them.
#[derive(Clone, Debug)]
pub(crate) struct Knocker {
    orders: SyncSender<SocketAddr>,
}

impl Knocker {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// When the system gives none.
    pub(crate) fn start(report: impl Fn(Knocked) + Send + 'static) -> io::Result<Self> {
        let (orders, come) = mpsc::sync_channel(1);
        thread::Builder::new().name("knock".to_owned()).spawn(move || {
            for to in come {
                report(knock(to));
            }
        })?;
        Ok(Self { orders })
    }

    /// Asks for one handshake; false if the one before is still under way.
    pub(crate) fn ask(&self, address: Address, port: u16) -> bool {
        let to = match SocketAddr::from((address.ip, port)) {
            SocketAddr::V6(to) => SocketAddrV6::new(*to.ip(), port, 0, address.scope).into(),
            to @ SocketAddr::V4(_) => to,
        };
        !matches!(
            self.orders.try_send(to),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_))
        )
    }
}

fn knock(to: SocketAddr) -> Knocked {
    match TcpStream::connect_timeout(&to, ADVICE_KNOCK_TIME) {
        Ok(_) => Knocked::Accepted,
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Knocked::Refused,
        Err(_) => Knocked::Silent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr, TcpListener};

    #[test]
    fn an_open_and_a_closed_port_both_answer() {
        let (answers, heard) = mpsc::channel();
        let knocker =
            Knocker::start(move |answer| answers.send(answer).expect("the test listens")).expect("a thread");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let here = Address::from(IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert!(knocker.ask(here, port));
        assert_eq!(heard.recv(), Ok(Knocked::Accepted));
        drop(listener);
        assert!(knocker.ask(here, port));
        assert_eq!(heard.recv(), Ok(Knocked::Refused));
    }
}
