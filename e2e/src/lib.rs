//! Proves linewatch against a real kernel: namespaces, a TUN device whose far end is scripted, the built binary.
//!
//! No packet leaves the machine: every test lives in a network namespace of its own. The truth about a delay is
//! what a packet tap on the TUN device saw, by the kernel's stamps, and never what a program thought.

pub mod binary;
pub mod namespace;
pub mod packet;
pub mod responder;
pub mod serving;
pub mod session;
pub mod tap;
