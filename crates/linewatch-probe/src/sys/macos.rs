//! ICMP on macOS: one datagram socket per family, which every user may open; kernel receive stamps (class H).
//!
//! The kernel gives no transmit stamp, so the user's own is taken just before each send. It hands every ICMP
//! message of the computer to every such socket, over IPv4 with the IP header in front; the cookie sorts out whose it is.
//! Unlike Linux it cannot say that its buffer overflowed. Compiled on Linux too, where the tests run it.

use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;

use linewatch_core::port::{Arrival, Clock as _, Incoming, SendResult, Shot};
use linewatch_core::record::Class;
use linewatch_core::target::Address;
use linewatch_core::time::WireTime;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use socket2::{Domain, MaybeUninitSlice, MsgHdrMut, Protocol, SockAddr, Socket, Type};

use self::message::Layout;
use super::portable::{Echo, errno};
use super::{IcmpMode, IcmpReport, WireOptions, WireReport};
use crate::clock::SystemClock;
use crate::privilege;

#[cfg(target_os = "macos")]
pub(crate) mod clocks;
mod message;
#[cfg(target_os = "macos")]
pub(crate) mod process;

/// Asked for in this order, until one is granted: the kernel's own default holds some hundred replies.
const RECEIVE_BUFFER_BYTES: [usize; 3] = [4 << 20, 1 << 20, 256 << 10];
/// The largest reply (an IP header, an ICMP header, `PAYLOAD_BYTES_MAX`) with room to spare.
const PACKET_BYTES: usize = 2048;
/// One stamp needs 28 bytes.
const CONTROL_BYTES: usize = 256;
/// Linux, on which the tests run, rewrites our identifier and hands us nobody else's replies.
const IS_ID_CHECKED: bool = cfg!(target_os = "linux");

/// Under which the sockets are watched: the tokens that the portable wire leaves to us.
const TOKENS: [Token; 2] = [Token(1), Token(2)];

/// The sockets of both families, or the sentence that says why there is none.
pub struct Pings {
    clock: SystemClock,
    sockets: [Result<Socket, String>; 2],
    room: Box<Room>,
}

/// Where one packet is received.
struct Room {
    packet: [MaybeUninit<u8>; PACKET_BYTES],
    control: [MaybeUninit<u8>; CONTROL_BYTES],
}

/// One packet, as it lies in the [`Room`].
struct Received<'a> {
    packet: &'a [u8],
    control: &'a [u8],
    from: Address,
}

impl Echo for Pings {
    fn open(registry: &Registry, _: &Arc<mio::Waker>, clock: SystemClock, options: WireOptions) -> Self {
        let sockets = [false, true].map(|is_v6| match options.icmp {
            IcmpMode::Auto | IcmpMode::Ping => {
                open(registry, is_v6).map_err(|error| privilege::icmp_sentence(is_v6, &error))
            }
            IcmpMode::Raw => Err(
                "cannot open a raw ICMP socket: on this system linewatch uses ping sockets only\n  \
                                  help: leave out what asks for a raw one"
                    .to_owned(),
            ),
            IcmpMode::None => Err("ICMP is switched off".to_owned()),
        });
        let room = Box::new(Room {
            packet: [MaybeUninit::new(0); PACKET_BYTES],
            control: [MaybeUninit::new(0); CONTROL_BYTES],
        });
        Self { clock, sockets, room }
    }

    fn report(&self) -> WireReport {
        let report_of = |index: usize| {
            let socket: &Result<Socket, String> = &self.sockets[index];
            socket.as_ref().map_err(Clone::clone).map(|socket| IcmpReport {
                is_raw: false,
                class: Class::H,
                has_explicit_keys: false,
                receive_buffer_bytes: socket.recv_buffer_size().unwrap_or(0),
            })
        };
        WireReport {
            icmp_v4: report_of(0),
            icmp_v6: report_of(1),
        }
    }

    fn send(&mut self, shot: &Shot, message: &[u8]) -> SendResult {
        let to = match shot.to.ip {
            IpAddr::V4(ip) => SockAddr::from(SocketAddr::from((ip, 0))),
            IpAddr::V6(ip) => SockAddr::from(SocketAddrV6::new(ip, 0, 0, shot.to.scope)),
        };
        let sent_at = self.clock.mono();
        let result = match &self.sockets[usize::from(shot.to.ip.is_ipv6())] {
            Ok(socket) => socket
                .send_to(message, &to)
                .map(drop)
                .map_err(|error| errno::of(&error)),
            // Asked for all the same: `ability` had said no.
            Err(_) => Err(errno::EACCES),
        };
        SendResult { sent_at, result }
    }

    fn collect(&mut self, incoming: &mut Incoming, budget: &mut usize) -> bool {
        for socket in self.sockets.iter().flatten() {
            while let Some(received) = self.room.receive(socket) {
                // Read now: the more follow, the later the last would be.
                hand_over(&received, self.clock, incoming);
                *budget -= 1;
                if *budget == 0 {
                    return false;
                }
            }
        }
        true
    }
}

fn open(registry: &Registry, is_v6: bool) -> io::Result<Socket> {
    let (domain, protocol) = if is_v6 {
        (Domain::IPV6, Protocol::ICMPV6)
    } else {
        (Domain::IPV4, Protocol::ICMPV4)
    };
    let socket = Socket::new(domain, Type::DGRAM, Some(protocol))?;
    socket.set_nonblocking(true)?;
    for bytes in RECEIVE_BUFFER_BYTES {
        if socket.set_recv_buffer_size(bytes).is_ok() {
            break;
        }
    }
    stamp_receipt(&socket)?;
    let token = TOKENS[usize::from(is_v6)];
    registry.register(&mut SourceFd(&socket.as_raw_fd()), token, Interest::READABLE)?;
    Ok(socket)
}

/// Asks for the kernel's receive stamp: microseconds of the calendar clock, beside each packet.
fn stamp_receipt(socket: &Socket) -> io::Result<()> {
    let is_on: libc::c_int = 1;
    // SAFETY: `is_on` lives through the call and the length is exactly its size; the kernel only reads it.
    let answer = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_TIMESTAMP,
            std::ptr::from_ref(&is_on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if answer == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

impl Room {
    /// The next packet; `None` when there is none, or the socket has nothing but an error.
    fn receive(&mut self, socket: &Socket) -> Option<Received<'_>> {
        // The larger of the two kinds of address, to be overwritten.
        let mut from = SockAddr::from(SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0));
        let mut buffers = [MaybeUninitSlice::new(&mut self.packet)];
        let mut header = MsgHdrMut::new()
            .with_addr(&mut from)
            .with_buffers(&mut buffers)
            .with_control(&mut self.control);
        let packet_bytes = socket.recvmsg(&mut header, 0).ok()?;
        let control_bytes = header.control_len();
        let from = from.as_socket()?;
        let scope = match from {
            SocketAddr::V4(_) => 0,
            SocketAddr::V6(from) => from.scope_id(),
        };
        Some(Received {
            packet: initialised(&self.packet, packet_bytes),
            control: initialised(&self.control, control_bytes),
            from: Address { ip: from.ip(), scope },
        })
    }
}

/// The first `len` bytes of a buffer of the [`Room`].
fn initialised(bytes: &[MaybeUninit<u8>], len: usize) -> &[u8] {
    let bytes = &bytes[..len.min(bytes.len())];
    // SAFETY: the room was made of zeros and the kernel only writes bytes to it, so each is initialised.
    unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len()) }
}

fn hand_over(received: &Received<'_>, clock: SystemClock, incoming: &mut Incoming) {
    let at = clock.mono();
    let stamp = message::stamp(received.control, &Layout::HERE).map(WireTime::from_nanos);
    let from = received.from;
    let icmp = message::icmp_of(from.ip.is_ipv6(), received.packet);
    let start = incoming.bytes.len() as u32;
    // The kernel changes what an ICMPv4 error quotes before we see it, which breaks the checksum that it had checked:
    // so it is taken apart here, and its quotation handed over.
    if let Some(error) = message::error_v4(icmp).filter(|_| !from.ip.is_ipv6()) {
        incoming.bytes.extend_from_slice(error.quoted);
        incoming.arrivals.push(Arrival::IcmpError {
            reporter: Some(from),
            to: Address::from(IpAddr::V4(error.to)),
            kind: error.kind,
            code: error.code,
            start,
            len: error.quoted.len() as u16,
            at,
            is_id_checked: IS_ID_CHECKED,
        });
        return;
    }
    incoming.bytes.extend_from_slice(icmp);
    incoming.arrivals.push(Arrival::Icmp {
        from,
        start,
        len: icmp.len() as u16,
        stamp,
        at,
        is_id_checked: IS_ID_CHECKED,
    });
}
