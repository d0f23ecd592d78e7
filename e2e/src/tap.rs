//! Sees every packet of the TUN device with the kernel's stamp: the truth of a test.

use std::io::IoSliceMut;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};

use anyhow::Context as _;
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, recvmsg,
    setsockopt, socket, sockopt,
};
use nix::sys::time::TimeSpec;

/// `PACKET_OUTGOING`: from this computer into the line.
const OUTGOING: u8 = 4;
/// No packet of a test is longer.
const PACKET_BYTES: usize = 2048;
/// Packets waiting for a responder that was not scheduled: 16,000.
const BUFFER_BYTES: usize = 32 << 20;

/// A packet socket on one interface.
#[derive(Debug)]
pub struct Tap {
    socket: OwnedFd,
    interface: usize,
}

/// One packet that passed.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The whole packet from its IP header on.
    pub bytes: Vec<u8>,
    /// Kernel stamp, nanoseconds since 1970.
    pub at_ns: i64,
    /// From this computer into the line; else from the line.
    pub is_outgoing: bool,
}

impl Tap {
    /// Opens it on the interface with this name in the caller's namespace.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub fn open(interface: &str) -> anyhow::Result<Self> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let socket = socket(
            AddressFamily::Packet,
            SockType::Datagram,
            flags,
            SockProtocol::EthAll,
        )
        .context("open a packet socket")?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true).context("ask for kernel stamps")?;
        setsockopt(&socket, sockopt::RcvBufForce, &BUFFER_BYTES).context("enlarge the buffer of the tap")?;
        let interface = nix::net::if_::if_nametoindex(interface).context("find the TUN device")?;
        Ok(Self {
            socket,
            interface: interface as usize,
        })
    }

    /// The next packet, if there is one.
    ///
    /// # Errors
    ///
    /// When the socket fails.
    pub fn next(&self) -> anyhow::Result<Option<Seen>> {
        loop {
            let mut bytes = vec![0; PACKET_BYTES];
            let mut control = nix::cmsg_space!(TimeSpec);
            let mut vectors = [IoSliceMut::new(&mut bytes)];
            let got = recvmsg::<LinkAddr>(
                self.socket.as_raw_fd(),
                &mut vectors,
                Some(&mut control),
                MsgFlags::MSG_DONTWAIT,
            );
            let message = match got {
                Ok(message) => message,
                Err(nix::Error::EAGAIN) => return Ok(None),
                Err(error) => return Err(error).context("read the tap"),
            };
            let link = message.address.context("a packet without a link address")?;
            let stamp = message.cmsgs()?.find_map(|control| match control {
                ControlMessageOwned::ScmTimestampns(stamp) => Some(stamp),
                _ => None,
            });
            let len = message.bytes;
            if link.ifindex() != self.interface {
                continue;
            }
            let stamp = stamp.context("a packet without a stamp")?;
            bytes.truncate(len);
            let at_ns = stamp.tv_sec() * 1_000_000_000 + stamp.tv_nsec();
            return Ok(Some(Seen {
                bytes,
                at_ns,
                is_outgoing: link.pkttype() == OUTGOING,
            }));
        }
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
