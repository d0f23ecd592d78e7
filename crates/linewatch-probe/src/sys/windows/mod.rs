//! ICMP on Windows by the calls it has for that (`IcmpSendEcho2Ex`, `Icmp6SendEcho2`), which need no privilege.
//!
//! Each request in flight holds a slot: an event, a wait of the system's thread pool on it, and a reply buffer. The
//! pool's thread takes the time and rings the bell; everything else happens on the engine's thread. No stamp is the
//! kernel's and the RTT of the calls has whole milliseconds, so figures are of class U.

use std::ffi::c_void;
use std::net::IpAddr;
use std::os::windows::io::AsRawSocket as _;
use std::ptr::{null, null_mut};
use std::sync::{Arc, Mutex, PoisonError};

use linewatch_core::limits::TIMEOUT_MAX;
use linewatch_core::port::{Arrival, Clock as _, Incoming, SendResult, Shot, TcpEnd, Token};
use linewatch_core::record::Class;
use linewatch_core::target::Address;
use linewatch_core::time::MonoTime;
use mio::Registry;
use socket2::Socket;
use windows_sys::Win32::Foundation::{
    CloseHandle, ERROR_IO_PENDING, GetLastError, HANDLE, INVALID_HANDLE_VALUE,
};
use windows_sys::Win32::Media::timeBeginPeriod;
use windows_sys::Win32::NetworkManagement::IpHelper::{
    Icmp6CreateFile, Icmp6ParseReplies, Icmp6SendEcho2, IcmpCloseHandle, IcmpCreateFile, IcmpParseReplies,
    IcmpSendEcho2Ex,
};
use windows_sys::Win32::Networking::WinSock::{
    AF_INET6, SIO_TCP_INITIAL_RTO, SOCKADDR_IN6, SOCKET, TCP_INITIAL_RTO_NO_SYN_RETRANSMISSIONS,
    TCP_INITIAL_RTO_PARAMETERS, WSAIoctl,
};
use windows_sys::Win32::System::Threading::{
    CreateEventW, GetCurrentThread, INFINITE, RegisterWaitForSingleObject, SetThreadPriority,
    THREAD_PRIORITY_TIME_CRITICAL, UnregisterWaitEx, WT_EXECUTEINWAITTHREAD,
};

use super::portable::{Echo, errno};
use super::windows_message::{self as message, Verdict};
use super::{IcmpMode, IcmpReport, WireOptions, WireReport};
use crate::clock::SystemClock;

/// Requests in flight. A lost one holds its slot for [`WAIT_MS`], so 128 losses a second are sustained; what is
/// beyond is unsent (ENOBUFS), never lost. One costs about 3 kB.
const SLOTS: usize = 4096;
/// How long Windows is to wait for a reply: longer than any time-out of a target, which is the caller's to judge.
const WAIT_MS: u32 = TIMEOUT_MAX.as_millis() as u32 + 1000;
/// A reply structure, the largest payload, and the 8 bytes and the status block that Windows asks for beside them.
const REPLY_WORDS: usize = 1536 / 8;
/// An ICMP header, which Windows makes itself.
const HEADER_BYTES: usize = 8;
/// "Leave it as it is" for the RTT of `TCP_INITIAL_RTO_PARAMETERS`.
const UNSPECIFIED_RTT: u16 = u16::MAX;

/// Requests that ended, told by threads of the pool.
struct Ended {
    slots: Mutex<Vec<(usize, MonoTime)>>,
    bell: Arc<mio::Waker>,
    clock: SystemClock,
}

/// What the pool's callback gets.
struct Call {
    index: usize,
    ended: Arc<Ended>,
}

struct Slot {
    event: HANDLE,
    wait: HANDLE,
    /// Made by `Box::into_raw`; the pool reads it until the wait is unregistered.
    call: *mut Call,
    request: Vec<u8>,
    reply: Box<[u64; REPLY_WORDS]>,
    /// The probe in flight.
    probe: Option<(Token, Address)>,
}

/// The calls of both families.
pub struct IcmpCalls {
    clock: SystemClock,
    /// IPv4 and IPv6, or the sentence that says why not.
    handles: [Result<HANDLE, String>; 2],
    slots: Vec<Slot>,
    free: Vec<usize>,
    ended: Arc<Ended>,
    /// Taken from [`Ended`], kept for its memory.
    taken: Vec<(usize, MonoTime)>,
}

// SAFETY: handles are the process's and not a thread's, and the pool touches a `Call` only by shared reference.
unsafe impl Send for IcmpCalls {}

impl Echo for IcmpCalls {
    fn open(_: &Registry, bell: &Arc<mio::Waker>, clock: SystemClock, options: WireOptions) -> Self {
        let handles = [false, true].map(|is_v6| match options.icmp {
            IcmpMode::None => Err("ICMP is switched off".to_owned()),
            IcmpMode::Auto | IcmpMode::Ping | IcmpMode::Raw => create(is_v6),
        });
        Self {
            clock,
            handles,
            slots: Vec::new(),
            free: Vec::new(),
            ended: Arc::new(Ended {
                slots: Mutex::default(),
                bell: Arc::clone(bell),
                clock,
            }),
            taken: Vec::new(),
        }
    }

    fn report(&self) -> WireReport {
        let report_of = |index: usize| {
            let handle: &Result<HANDLE, String> = &self.handles[index];
            handle.as_ref().map_err(Clone::clone).map(|_| IcmpReport {
                is_raw: false,
                class: Class::U,
                has_explicit_keys: false,
                // Each request brings a buffer of its own.
                receive_buffer_bytes: SLOTS * REPLY_WORDS * 8,
            })
        };
        WireReport {
            icmp_v4: report_of(0),
            icmp_v6: report_of(1),
        }
    }

    fn send(&mut self, shot: &Shot, message: &[u8]) -> SendResult {
        let handle = self.handles[usize::from(shot.to.ip.is_ipv6())].as_ref().copied();
        // Asked for all the same: `ability` had said no.
        let ready = handle.map_err(|_| errno::EACCES);
        let ready = ready.and_then(|handle| self.slot().map(|index| (handle, index)));
        let sent_at = self.clock.mono();
        let result = ready.and_then(|(handle, index)| {
            let slot = &mut self.slots[index];
            slot.request.clear();
            slot.request.extend_from_slice(message);
            let begun = slot.send(handle, shot.to);
            match begun {
                Ok(()) => slot.probe = Some((shot.token, shot.to)),
                Err(_) => self.free.push(index),
            }
            begun
        });
        SendResult { sent_at, result }
    }

    fn collect(&mut self, incoming: &mut Incoming, budget: &mut usize) -> bool {
        if self.taken.is_empty() {
            let mut ended = self.ended.slots.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(&mut *ended, &mut self.taken);
        }
        while *budget > 0
            && let Some((index, at)) = self.taken.pop()
        {
            *budget -= 1;
            self.slots[index].hand_over(at, incoming);
            self.free.push(index);
        }
        self.taken.is_empty()
    }
}

impl IcmpCalls {
    /// A slot to send from; `Err` holds the errno of there being none.
    fn slot(&mut self) -> Result<usize, i32> {
        if let Some(index) = self.free.pop() {
            return Ok(index);
        }
        let index = self.slots.len();
        if index == SLOTS {
            return Err(errno::ENOBUFS);
        }
        self.slots.push(Slot::new(index, &self.ended)?);
        Ok(index)
    }
}

impl Slot {
    fn new(index: usize, ended: &Arc<Ended>) -> Result<Self, i32> {
        // SAFETY: all pointers may be null: no security attributes, no name. Resets itself, not signalled.
        let event = unsafe { CreateEventW(null(), 0, 0, null()) };
        if event.is_null() {
            return Err(last_errno());
        }
        let call = Box::into_raw(Box::new(Call {
            index,
            ended: Arc::clone(ended),
        }));
        let mut wait = null_mut();
        // SAFETY: `wait` is live; `call` stays allocated until `drop` has unregistered the wait.
        let is_registered = unsafe {
            RegisterWaitForSingleObject(
                &mut wait,
                event,
                Some(on_event),
                call.cast(),
                INFINITE,
                // What it does takes a microsecond: another thread would only add its own delay to the stamp.
                WT_EXECUTEINWAITTHREAD,
            )
        };
        if is_registered == 0 {
            let errno = last_errno();
            // SAFETY: nobody waits: both are ours alone, and not used again.
            unsafe {
                CloseHandle(event);
                drop(Box::from_raw(call));
            }
            return Err(errno);
        }
        Ok(Self {
            event,
            wait,
            call,
            request: Vec::new(),
            reply: Box::new([0; REPLY_WORDS]),
            probe: None,
        })
    }

    /// Starts the request; the event tells of its end.
    fn send(&mut self, handle: HANDLE, to: Address) -> Result<(), i32> {
        let payload = self.request.get(HEADER_BYTES..).unwrap_or_default();
        let (data, data_bytes) = (payload.as_ptr().cast(), payload.len() as u16);
        let (reply, reply_bytes) = (self.reply.as_mut_ptr().cast(), (REPLY_WORDS * 8) as u32);
        let (event, apc, apc_context, options) = (self.event, None, null(), null());
        let count = match to.ip {
            IpAddr::V4(ip) => {
                let (from, to) = (0, u32::from_ne_bytes(ip.octets()));
                // SAFETY: request and reply live in this slot, which is neither dropped nor used again before the
                // event; the lengths are theirs. No options, no routine.
                unsafe {
                    IcmpSendEcho2Ex(
                        handle,
                        event,
                        apc,
                        apc_context,
                        from,
                        to,
                        data,
                        data_bytes,
                        options,
                        reply,
                        reply_bytes,
                        WAIT_MS,
                    )
                }
            }
            IpAddr::V6(ip) => {
                let from = v6_address([0; 16], 0);
                let to = v6_address(ip.octets(), to.scope);
                // SAFETY: as above; the addresses are read before the call returns.
                unsafe {
                    Icmp6SendEcho2(
                        handle,
                        event,
                        apc,
                        apc_context,
                        &from,
                        &to,
                        data,
                        data_bytes,
                        options,
                        reply,
                        reply_bytes,
                        WAIT_MS,
                    )
                }
            }
        };
        // SAFETY: reads a number of this thread.
        match unsafe { GetLastError() } {
            ERROR_IO_PENDING => Ok(()),
            _ if count > 0 => Ok(()),
            status => Err(errno_of_refusal(status)),
        }
    }

    /// Turns how the request ended into an arrival. A time-out of Windows' own is none: it is the caller's to judge.
    fn hand_over(&mut self, at: MonoTime, incoming: &mut Incoming) {
        let Some((token, to)) = self.probe.take() else {
            return;
        };
        let is_v6 = to.ip.is_ipv6();
        let (status, answer) = self.read(is_v6);
        let reporter = answer.as_ref().map(|answer| answer.from);
        let start = incoming.bytes.len() as u32;
        match (message::verdict(status, is_v6), answer) {
            (Verdict::Reply, Some(answer)) => {
                let payload = &self.bytes()[answer.payload];
                message::write_reply(is_v6, &self.request, payload, &mut incoming.bytes);
                incoming.arrivals.push(Arrival::Icmp {
                    from: answer.from,
                    start,
                    len: (incoming.bytes.len() - start as usize) as u16,
                    stamp: None,
                    at,
                    is_id_checked: false,
                });
            }
            (Verdict::Path { kind, code }, _) => {
                incoming.bytes.extend_from_slice(&self.request);
                incoming.arrivals.push(Arrival::IcmpError {
                    reporter,
                    to,
                    kind,
                    code,
                    start,
                    len: self.request.len() as u16,
                    at,
                    is_id_checked: false,
                });
            }
            // The arrival that names its probe and an errno; the probe needs not be a TCP one.
            (Verdict::Local(errno), _) => incoming.arrivals.push(Arrival::Tcp {
                token,
                end: TcpEnd::Failed { errno },
                at,
            }),
            (Verdict::Silence, _) | (Verdict::Reply, None) => {}
        }
    }

    /// The status of the request that ended, and the answer if there is one.
    fn read(&mut self, is_v6: bool) -> (u32, Option<message::Answer>) {
        let (reply, reply_bytes) = (self.reply.as_mut_ptr().cast(), (REPLY_WORDS * 8) as u32);
        // SAFETY: the buffer is this slot's, its request has ended, and the length is the buffer's.
        let (count, status) = unsafe {
            let count = if is_v6 {
                Icmp6ParseReplies(reply, reply_bytes)
            } else {
                IcmpParseReplies(reply, reply_bytes)
            };
            (count, GetLastError())
        };
        if count == 0 {
            return (status, None);
        }
        let sent_bytes = self.request.len().saturating_sub(HEADER_BYTES);
        let answer = if is_v6 {
            message::answer_v6(self.bytes(), sent_bytes)
        } else {
            message::answer_v4(self.bytes(), self.reply.as_ptr() as usize)
        };
        (answer.as_ref().map_or(0, |answer| answer.status), answer)
    }

    /// The reply buffer as bytes.
    fn bytes(&self) -> &[u8] {
        // SAFETY: the words are initialised and live as long as the slice, and any byte is a valid one.
        unsafe { std::slice::from_raw_parts(self.reply.as_ptr().cast(), REPLY_WORDS * 8) }
    }
}

impl Drop for IcmpCalls {
    fn drop(&mut self) {
        for slot in self.slots.drain(..) {
            // SAFETY: waits until no callback runs any more; after it the call and the event are ours alone.
            unsafe {
                UnregisterWaitEx(slot.wait, INVALID_HANDLE_VALUE);
                drop(Box::from_raw(slot.call));
            }
            if slot.probe.is_some() {
                // Windows may still write the reply: request, buffer and event stay where they are, for good.
                std::mem::forget(slot);
                continue;
            }
            // SAFETY: nobody waits for it and no request will signal it.
            unsafe { CloseHandle(slot.event) };
        }
        for handle in self.handles.iter().flatten() {
            // SAFETY: ours, open, and not used again.
            unsafe { IcmpCloseHandle(*handle) };
        }
    }
}

/// Runs on a thread of the pool when a request has ended.
///
/// # Safety
///
/// `context` is the [`Call`] of a slot whose wait is still registered.
unsafe extern "system" fn on_event(context: *mut c_void, _is_timeout: bool) {
    // SAFETY: promised by the caller, which is the wait registered in `Slot::new`.
    let call = unsafe { &*context.cast::<Call>() };
    let at = call.ended.clock.mono();
    let mut slots = call.ended.slots.lock().unwrap_or_else(PoisonError::into_inner);
    slots.push((call.index, at));
    drop(slots);
    // It can fail only when the wire is gone, and then nobody waits.
    let _ = call.ended.bell.wake();
}

fn create(is_v6: bool) -> Result<HANDLE, String> {
    // SAFETY: take nothing.
    let handle = unsafe {
        if is_v6 {
            Icmp6CreateFile()
        } else {
            IcmpCreateFile()
        }
    };
    if handle == INVALID_HANDLE_VALUE {
        return Err(crate::privilege::icmp_sentence(
            is_v6,
            &std::io::Error::last_os_error(),
        ));
    }
    Ok(handle)
}

fn v6_address(octets: [u8; 16], scope: u32) -> SOCKADDR_IN6 {
    let mut address = SOCKADDR_IN6 {
        sin6_family: AF_INET6,
        ..SOCKADDR_IN6::default()
    };
    address.sin6_addr.u.Byte = octets;
    address.Anonymous.sin6_scope_id = scope;
    address
}

/// The errno of a request that was refused at the call: an `IP_STATUS` or an error of the system.
fn errno_of_refusal(status: u32) -> i32 {
    match message::verdict(status, false) {
        Verdict::Local(errno) if errno != errno::EIO => errno,
        // Said by this computer about itself: no route from here.
        Verdict::Path { .. } => errno::ENETUNREACH,
        Verdict::Local(_) | Verdict::Silence | Verdict::Reply => errno::from_windows(status as i32),
    }
}

fn last_errno() -> i32 {
    errno::of(&std::io::Error::last_os_error())
}

/// Makes a connect send one SYN and give up with it, also when that is refused.
pub(super) fn send_one_syn(socket: &Socket) -> std::io::Result<()> {
    let parameters = TCP_INITIAL_RTO_PARAMETERS {
        Rtt: UNSPECIFIED_RTT,
        MaxSynRetransmissions: TCP_INITIAL_RTO_NO_SYN_RETRANSMISSIONS as u8,
    };
    let mut written_bytes = 0;
    // SAFETY: `parameters` lives through the call and the length is exactly its size; nothing is written back but a
    // length; not overlapped.
    let answer = unsafe {
        WSAIoctl(
            socket.as_raw_socket() as SOCKET,
            SIO_TCP_INITIAL_RTO,
            std::ptr::from_ref(&parameters).cast(),
            size_of::<TCP_INITIAL_RTO_PARAMETERS>() as u32,
            null_mut(),
            0,
            &mut written_bytes,
            null_mut(),
            None,
        )
    };
    if answer == 0 {
        Ok(())
    } else {
        Err(std::io::Error::last_os_error())
    }
}

/// Runs the calling thread before ordinary ones, and timers every millisecond instead of every 15.6; whether it may.
pub(crate) fn become_punctual() -> bool {
    // SAFETY: takes numbers and the calling thread's own handle, which needs no closing.
    unsafe {
        timeBeginPeriod(1);
        SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_TIME_CRITICAL) != 0
    }
}
