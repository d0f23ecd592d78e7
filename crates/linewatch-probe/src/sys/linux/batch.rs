//! Many packets in one call: `sendmmsg` and `recvmmsg` over buffers that are allocated once.
//!
//! The kernel is given pointers only for the length of one call; between calls everything is plain bytes.

use std::os::fd::{AsRawFd as _, BorrowedFd};

use linewatch_core::limits::{RECEIVE_BATCH, SEND_BATCH};
use linewatch_core::target::{Address, Egress};

use super::address::{self, RawAddress};
use super::control;
use super::egress;
use super::options::last_errno;

/// `SCM_TS_OPT_ID` (Linux 6.13): the key of a packet's transmit stamp. Not in libc for all systems yet.
const SCM_TS_OPT_ID: libc::c_int = 81;
/// One packet of ours with every header fits twice; of a longer one the beginning is enough to refuse it.
const RECEIVE_BYTES: usize = 2048;
/// Control bytes of a received packet: stamps 64, drops 24, extended error with address 64; the rest is room.
const CONTROL_BYTES: usize = 256;
/// A key with its header, padded, and the egress.
const SEND_CONTROL_BYTES: usize = (control::HEADER + 4).next_multiple_of(8) + egress::BYTES;

/// Bytes aligned as control messages must be.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Aligned<const N: usize>([u8; N]);

/// One packet to be sent.
pub(super) struct Departing<'a> {
    pub(super) to: Address,
    /// 0 where there are none.
    pub(super) port: u16,
    pub(super) bytes: &'a [u8],
    /// Its stamp key, where packets carry one.
    pub(super) key: Option<u32>,
    /// How it leaves.
    pub(super) egress: Egress,
}

/// Sends the packets that `packet` gives for 0 to `count` (at most [`SEND_BATCH`], the rest is left) in order.
///
/// `Ok` holds how many the kernel took, at least 1; `Err` the errno with which it refused the first.
pub(super) fn send<'a>(
    fd: BorrowedFd<'_>,
    count: usize,
    packet: impl Fn(usize) -> Departing<'a>,
    flags: libc::c_int,
) -> Result<usize, i32> {
    // Headers that are not needed are not cleared either: 4 KB for one packet would be.
    match count {
        ..=1 => send_up_to::<1>(fd, count, packet, flags),
        2..=8 => send_up_to::<8>(fd, count, packet, flags),
        _ => send_up_to::<SEND_BATCH>(fd, count, packet, flags),
    }
}

fn send_up_to<'a, const N: usize>(
    fd: BorrowedFd<'_>,
    count: usize,
    packet: impl Fn(usize) -> Departing<'a>,
    flags: libc::c_int,
) -> Result<usize, i32> {
    let count = count.min(N);
    let mut names = [RawAddress::EMPTY; N];
    let mut controls = [Aligned([0; SEND_CONTROL_BYTES]); N];
    // SAFETY: iovec is plain data for which all zeroes (null, length 0) is a valid value.
    let mut vectors: [libc::iovec; N] = unsafe { std::mem::zeroed() };
    // SAFETY: mmsghdr is plain data for which all zeroes (null pointers, lengths 0) is a valid value.
    let mut headers: [libc::mmsghdr; N] = unsafe { std::mem::zeroed() };
    for index in 0..count {
        let packet = packet(index);
        let header = &mut headers[index].msg_hdr;
        header.msg_namelen = names[index].write(packet.to, packet.port) as libc::socklen_t;
        header.msg_name = names[index].0.as_mut_ptr().cast();
        vectors[index].iov_base = packet.bytes.as_ptr().cast_mut().cast();
        vectors[index].iov_len = packet.bytes.len();
        header.msg_iov = &raw mut vectors[index];
        header.msg_iovlen = 1;
        let control_len = write_control(&mut controls[index].0, &packet);
        if control_len > 0 {
            header.msg_control = controls[index].0.as_mut_ptr().cast();
            header.msg_controllen = control_len as _;
        }
    }
    // SAFETY: the first `count` headers point into `names`, `controls`, `vectors` and the packets' bytes (alive for
    // 'a), which all outlive the call; the kernel only reads what `iov_base` points at when sending.
    let sent = unsafe {
        libc::sendmmsg(
            fd.as_raw_fd(),
            headers.as_mut_ptr(),
            count as libc::c_uint,
            flags as _,
        )
    };
    // A negative answer is an error; zero cannot be, for a batch is never empty.
    usize::try_from(sent).map_err(|_| last_errno())
}

/// Writes what the kernel is to know beside the destination; returns how many bytes that is.
fn write_control(bytes: &mut [u8; SEND_CONTROL_BYTES], packet: &Departing<'_>) -> usize {
    let mut len = 0;
    if let Some(key) = packet.key {
        len = control::write(bytes, len, libc::SOL_SOCKET, SCM_TS_OPT_ID, &key.to_ne_bytes());
    }
    egress::write(bytes, len, packet.egress, packet.to.ip.is_ipv6())
}

/// Room for one `recvmmsg`.
pub(super) struct ReceiveBatch {
    names: Box<[RawAddress]>,
    data: Box<[[u8; RECEIVE_BYTES]]>,
    controls: Box<[Aligned<CONTROL_BYTES>]>,
    vectors: Box<[libc::iovec]>,
    /// Point into the boxes above, which are never exchanged; only the lengths are written anew for a call.
    headers: Box<[libc::mmsghdr]>,
    /// Packets of the last batch.
    received: usize,
}

// SAFETY: the pointers in `headers` and `vectors` lead into boxes that this value owns and moves along with itself;
// the memory behind a box stays where it is. Nothing else points there, and only `&mut self` lets the kernel write.
unsafe impl Send for ReceiveBatch {}

/// One packet that came.
pub(super) struct Arrived<'a> {
    pub(super) name: Option<Address>,
    /// Beside `name`; 0 where there are none.
    pub(super) port: u16,
    pub(super) bytes: &'a [u8],
    pub(super) control: control::Control,
}

impl ReceiveBatch {
    pub(super) fn new() -> Self {
        // SAFETY: iovec is plain data for which all zeroes (null, length 0) is a valid value.
        let vectors: [libc::iovec; RECEIVE_BATCH] = unsafe { std::mem::zeroed() };
        // SAFETY: mmsghdr is plain data for which all zeroes (null pointers, lengths 0) is a valid value.
        let headers: [libc::mmsghdr; RECEIVE_BATCH] = unsafe { std::mem::zeroed() };
        let mut batch = Self {
            names: vec![RawAddress::EMPTY; RECEIVE_BATCH].into_boxed_slice(),
            data: vec![[0; RECEIVE_BYTES]; RECEIVE_BATCH].into_boxed_slice(),
            controls: vec![Aligned([0; CONTROL_BYTES]); RECEIVE_BATCH].into_boxed_slice(),
            vectors: Box::new(vectors),
            headers: Box::new(headers),
            received: RECEIVE_BATCH,
        };
        for index in 0..RECEIVE_BATCH {
            batch.vectors[index].iov_base = batch.data[index].as_mut_ptr().cast();
            batch.vectors[index].iov_len = RECEIVE_BYTES;
            let vector = &raw mut batch.vectors[index];
            let header = &mut batch.headers[index].msg_hdr;
            header.msg_name = batch.names[index].0.as_mut_ptr().cast();
            header.msg_iov = vector;
            header.msg_iovlen = 1;
            header.msg_control = batch.controls[index].0.as_mut_ptr().cast();
        }
        batch
    }

    /// Takes up to [`RECEIVE_BATCH`] packets without waiting; fewer than that means: nothing is left.
    pub(super) fn receive(&mut self, fd: BorrowedFd<'_>, flags: libc::c_int) -> Result<usize, i32> {
        // The last call may have written one header more than it counted, where an error ended it.
        let written = (self.received + 1).min(RECEIVE_BATCH);
        for header in &mut self.headers[..written] {
            header.msg_hdr.msg_namelen = address::LEN as libc::socklen_t;
            header.msg_hdr.msg_controllen = CONTROL_BYTES as _;
        }
        self.received = 0;
        // SAFETY: every header points into buffers of `self`, which outlive the call, and its lengths are exactly
        // theirs: the kernel changed at most those written anew above. Nothing else refers to the buffers meanwhile
        // because `self` is borrowed mutably.
        let received = unsafe {
            libc::recvmmsg(
                fd.as_raw_fd(),
                self.headers.as_mut_ptr(),
                RECEIVE_BATCH as libc::c_uint,
                (flags | libc::MSG_DONTWAIT) as _,
                std::ptr::null_mut(),
            )
        };
        self.received = usize::try_from(received).map_err(|_| last_errno())?;
        Ok(self.received)
    }

    /// The packet at `index` of the last batch.
    pub(super) fn packet(&self, index: usize) -> Arrived<'_> {
        let libc::mmsghdr { msg_hdr, msg_len } = &self.headers[index];
        let (data, control, name) = (
            (*msg_len as usize).min(RECEIVE_BYTES),
            (msg_hdr.msg_controllen as usize).min(CONTROL_BYTES),
            (msg_hdr.msg_namelen as usize).min(address::LEN),
        );
        Arrived {
            name: address::read(&self.names[index].0[..name]),
            port: address::read_port(&self.names[index].0[..name]),
            bytes: &self.data[index][..data],
            control: control::read(&self.controls[index].0[..control]),
        }
    }
}
