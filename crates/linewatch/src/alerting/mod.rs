//! Turns the `[alerts]` of the configuration into the policy of [`linewatch_core::alert`].
//!
//! Not here: deciding (the core), sending (`notify`).

mod policy;

pub(crate) use policy::policy;
