//! Hides the operating system: the only place with `unsafe`, and the only one that knows its calls.
//!
//! [`SystemWire`] is `LinuxWire` on Linux and a [`PortableWire`] elsewhere: TCP handshakes on every system, ICMP as
//! macOS or Windows offer it. What of this was only compiled stands in ARCHITECTURE.md.
//! Nothing in here decides what a packet means or when one is lost.

#[cfg(any(not(any(target_os = "linux", target_os = "macos", windows)), test))]
#[cfg_attr(
    target_os = "linux",
    expect(unreachable_pub, reason = "compiled here only to be tested")
)]
mod fallback;
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "system calls that the standard library does not offer")]
#[allow(
    clippy::unnecessary_cast,
    reason = "the kernel's types are narrower on 32-bit systems"
)]
pub(crate) mod linux;
#[cfg(any(target_os = "macos", all(target_os = "linux", test)))]
#[expect(unsafe_code, reason = "a socket option that no kept library offers")]
#[cfg_attr(
    target_os = "linux",
    expect(unreachable_pub, reason = "compiled here only to be tested")
)]
pub(crate) mod macos;
#[cfg(any(not(target_os = "linux"), test))]
#[cfg_attr(
    target_os = "linux",
    expect(unreachable_pub, reason = "compiled here only to be tested")
)]
mod portable;
#[cfg(windows)]
#[expect(unsafe_code, reason = "Windows sends ICMP by calls of its own only")]
pub(crate) mod windows;
#[cfg(windows)]
#[expect(unsafe_code, reason = "the console is told of by calls of its own only")]
#[path = "windows/console.rs"]
pub mod windows_console;
#[cfg(any(windows, test))]
#[path = "windows/message.rs"]
mod windows_message;

#[cfg(all(target_os = "linux", feature = "fuzz"))]
pub use linux::fuzz;
#[cfg(target_os = "linux")]
pub use linux::{LinuxWire, LinuxWire as SystemWire};
#[cfg(target_os = "macos")]
/// The wire of this system.
pub type SystemWire = portable::PortableWire<macos::Pings>;
#[cfg(windows)]
/// The wire of this system.
pub type SystemWire = portable::PortableWire<windows::IcmpCalls>;
#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
/// The wire of this system.
pub type SystemWire = portable::PortableWire<fallback::NoEcho>;

/// Which kind of ICMP socket to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IcmpMode {
    /// A raw socket where that is permitted, else a ping socket where that is.
    #[default]
    Auto,
    /// A raw socket or none.
    Raw,
    /// A ping socket (`SOCK_DGRAM`) or none.
    Ping,
    /// No ICMP.
    None,
}

/// How transmit stamps are matched to probes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StampKeys {
    /// Each packet carries its key (`SCM_TS_OPT_ID`, Linux 6.13) where the kernel has that, else counted.
    #[default]
    Auto,
    /// The kernel counts, and so do we; after a failed send both begin again.
    Counted,
}

/// How a wire is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WireOptions {
    /// Which ICMP sockets.
    pub icmp: IcmpMode,
    /// How transmit stamps are matched.
    pub stamp_keys: StampKeys,
}

/// What the kernel gave us for one family of ICMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpReport {
    /// A raw socket; else a ping socket.
    pub is_raw: bool,
    /// How good its stamps are.
    pub class: linewatch_core::record::Class,
    /// Every packet carries its own stamp key.
    pub has_explicit_keys: bool,
    /// Bytes the kernel keeps for us before it drops replies.
    pub receive_buffer_bytes: usize,
}

/// What was opened, and the sentence for each thing that was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireReport {
    /// ICMP over IPv4.
    pub icmp_v4: Result<IcmpReport, String>,
    /// ICMPv6.
    pub icmp_v6: Result<IcmpReport, String>,
}

/// Why no wire could be opened at all. Missing permission is never a reason.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing}: {source}")]
pub struct WireError {
    /// What was being done.
    pub doing: &'static str,
    /// What the operating system said.
    pub source: std::io::Error,
}
