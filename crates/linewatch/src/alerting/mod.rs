//! Runs the rules of alerts in the program: from `[alerts]` of the configuration to what the store keeps of it.
//!
//! The reports of weeks and months are made here too (`reports`). Not here: deciding (`linewatch_core::alert`), sending (`notify`).

#[cfg(test)]
mod cost;
pub(crate) mod delivery;
mod policy;
mod replay;
pub(crate) mod reports;
mod teller;

pub(crate) use policy::policy;
pub(crate) use replay::Replay;
pub(crate) use teller::{Teller, Way};
