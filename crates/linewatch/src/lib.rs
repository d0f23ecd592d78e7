//! Wires linewatch together: command line, configuration, threads, signals. The only crate that sees two leaves at once.
//!
//! `app` reads like the wiring diagram; `spine` is the thread between engine and everyone; `control` is the way back.

pub mod cli;
pub mod config;
pub mod crash;
pub mod desktop;
pub mod exit;
pub mod say;
#[cfg(target_os = "linux")]
pub mod user;

mod access;
mod alerting;
mod app;
mod confine;
mod control;
mod cure;
mod evidence;
mod import;
mod knock;
mod listen;
mod logging;
#[cfg(test)]
mod measured;
mod method;
mod notice;
mod notify;
mod record;
mod rrd;
mod rrd_dir;
mod server;
mod signals;
mod spine;
mod supervise;
mod tally;
mod term;

/// Version with commit and date.
pub const VERSION: &str = env!("LINEWATCH_VERSION");
