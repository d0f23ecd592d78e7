//! The wire against the real kernel: stamps, keys, errors, sockets and time, through a TUN device.

#![expect(clippy::print_stdout, reason = "what was measured is worth reading")]

mod advice;
mod crowded;
mod firewall;
mod health;
mod holes;
mod icmp;
mod names;
mod rig;
mod system;
mod tcp;
mod udp;
