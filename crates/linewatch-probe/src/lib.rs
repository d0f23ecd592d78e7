//! Measures: sends probes through the kernel and reads replies with the kernel's own time stamps.
//!
//! The only crate allowed `unsafe`, and that only under [`sys`]. What a probe means is `linewatch_core`'s.

pub mod calibrate;
pub mod clock;
pub mod engine;
pub mod examine;
pub mod heap;
pub mod privilege;
pub mod proc_status;
pub mod resolve;
pub mod route;
pub mod shard;
pub mod sys;

#[cfg(windows)]
pub use sys::windows_console as console;
