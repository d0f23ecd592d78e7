//! A simulated network with a seed: for tests, and for `linewatch demo`.
//!
//! A [`scenario::Scenario`] is read from a `.scn` file; a [`network::SimNetwork`] made from it is reached
//! through a [`wire::SimWire`], which the engine cannot tell from the kernel's. The [`oracle`] says, from what
//! the network really did, what the program must have found. Depends on core and on nothing else of the
//! program; opens no socket, reads no real clock but the one it is given.
#![forbid(unsafe_code)]

pub mod clock;
mod dice;
pub mod network;
pub mod oracle;
mod packet;
pub mod path;
mod random;
pub mod scenario;
pub mod truth;
pub mod wire;
