//! The UDP sockets: of each family one, and three more for flows that need another local port. All are opened at the start,
//! while buffers may still be large; an unused one has no port yet, so nobody can send to it.
//!
//! They are not connected: one socket then serves every target, and the kernel still hands over each ICMP error with the
//! datagram it quotes (`IP_RECVERR`). The price is that strangers can send to the port, too; the cookie keeps them out.
//! The kernel chooses the ports at random. Not here: sending and reading (`socket`), and who needs which port.

use std::io;
use std::os::fd::AsFd as _;

use linewatch_core::limits::UDP_SOURCES;
use linewatch_core::record::Class;
use socket2::{Domain, Protocol, Socket, Type};

use super::icmp_open::{equip, hear_errors};
use super::options::errno_of;
use super::socket::{ProbeSocket, Speech};
use super::wait::Waiter;
use crate::sys::{StampKeys, WireError, WireOptions};

/// Tags of these sockets begin here; below are those of the two ICMP sockets.
const FIRST_TAG: u64 = 2;

/// See the module.
pub(super) struct UdpSockets {
    keys: StampKeys,
    /// By family and source. One for which there was no descriptor at the start is opened when it is needed.
    sockets: [[Option<ProbeSocket>; UDP_SOURCES]; 2],
    /// How good the stamps of each family are, or the sentence that says why it has no socket.
    abilities: [Result<Class, String>; 2],
}

impl UdpSockets {
    /// Opens the sockets of each family that this computer has.
    ///
    /// # Errors
    ///
    /// When the kernel does not watch a socket: out of descriptors or memory.
    pub(super) fn open(waiter: &Waiter, options: WireOptions) -> Result<Self, WireError> {
        let mut sockets: [[Option<ProbeSocket>; UDP_SOURCES]; 2] = Default::default();
        let created = [false, true]
            .map(|is_v6| create(is_v6, options.stamp_keys).map_err(|error| sentence(is_v6, &error)));
        let abilities = [0, 1].map(|family| {
            let socket = created[family].as_ref();
            socket.map(|socket| socket.class).map_err(Clone::clone)
        });
        for (places, socket) in sockets.iter_mut().zip(created) {
            let Ok(socket) = socket else { continue };
            watch(waiter, &socket, 0).map_err(|errno| WireError {
                doing: "watch a UDP socket (epoll)",
                source: io::Error::from_raw_os_error(errno),
            })?;
            places[0] = Some(socket);
        }
        let mut opened = Self {
            keys: options.stamp_keys,
            sockets,
            abilities,
        };
        for (is_v6, source) in (1..UDP_SOURCES).flat_map(|source| [(false, source), (true, source)]) {
            if opened.abilities[usize::from(is_v6)].is_ok() {
                // Without it the flows that want it have one more try, when they send.
                let _best_effort = opened.get(is_v6, source as u8, waiter);
            }
        }
        Ok(opened)
    }

    /// The socket of a family with this source; opened if it is the first time. `Err` holds the errno.
    pub(super) fn get(&mut self, is_v6: bool, source: u8, waiter: &Waiter) -> Result<&mut ProbeSocket, i32> {
        let source = usize::from(source) % UDP_SOURCES;
        let place = &mut self.sockets[usize::from(is_v6)][source];
        if place.is_none() {
            let socket = create(is_v6, self.keys).map_err(|error| errno_of(&error))?;
            watch(waiter, &socket, source)?;
            *place = Some(socket);
        }
        // The place was filled just above; an errno is easier to bear than a panic.
        place.as_mut().ok_or(libc::EBADF)
    }

    /// The socket that was watched under this tag.
    pub(super) fn by_tag(&mut self, tag: u64) -> Option<&mut ProbeSocket> {
        let index = usize::try_from(tag.checked_sub(FIRST_TAG)?).ok()?;
        let of_family = self.sockets.get_mut(index / UDP_SOURCES)?;
        of_family[index % UDP_SOURCES].as_mut()
    }

    /// Every socket there is.
    pub(super) fn opened(&mut self) -> impl Iterator<Item = &mut ProbeSocket> {
        self.sockets.iter_mut().flatten().flatten()
    }

    /// How good the stamps of a family are.
    ///
    /// # Errors
    ///
    /// The sentence that says why it has no socket.
    pub(super) fn ability(&self, is_v6: bool) -> Result<Class, String> {
        self.abilities[usize::from(is_v6)].clone()
    }
}

fn create(is_v6: bool, keys: StampKeys) -> io::Result<ProbeSocket> {
    let domain = if is_v6 { Domain::IPV6 } else { Domain::IPV4 };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    if is_v6 {
        // IPv4 has a socket of its own.
        socket.set_only_v6(true)?;
    }
    hear_errors(socket.as_fd(), is_v6)?;
    equip(socket, is_v6, Speech::Udp, keys)
}

fn watch(waiter: &Waiter, socket: &ProbeSocket, source: usize) -> Result<(), i32> {
    let tag = FIRST_TAG + (usize::from(socket.is_v6) * UDP_SOURCES + source) as u64;
    waiter.watch(socket.fd(), tag, libc::EPOLLIN)
}

fn sentence(is_v6: bool, error: &io::Error) -> String {
    let family = if is_v6 { "IPv6" } else { "IPv4" };
    format!(
        "cannot open a UDP socket for {family}: {error}\n  help: switch {family} on, or give the target an address of \
         the other family"
    )
}
