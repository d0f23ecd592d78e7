//! The pure heart of linewatch: what a probe is, what became of it, and what that means.
//!
//! Nothing in here reads a clock, opens a socket, spawns a thread, draws a random number or serialises.
//! Every instant is an argument, so every rule can be tested by a table and every story by a script.
#![forbid(unsafe_code)]

pub mod advice;
pub mod alert;
pub mod caps;
pub mod errno;
pub mod event;
pub mod evidence;
pub mod inflight;
pub mod limits;
pub mod monitor;
pub mod outage;
pub mod packet;
pub mod past;
pub mod port;
pub mod record;
pub mod rollup;
pub mod schedule;
pub mod spec;
mod state;
pub mod stats;
pub mod table;
pub mod target;
pub mod time;
pub mod view;
mod wheel;
mod window;
