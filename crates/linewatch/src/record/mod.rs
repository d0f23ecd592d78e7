//! Keeps a session of `linewatch record` on disk and tells of its outages; measuring and printing are `cli::record`'s.
//!
//! Thread `record-files` alone touches the disk, thread `record-alerts` alone waits for servers: neither is ever waited for
//! by the thread that folds probes. Not here: what a file looks like (`linewatch_render::session`).

pub(crate) mod alerts;
pub(crate) mod files;
pub(crate) mod folder;
pub(crate) mod read;
