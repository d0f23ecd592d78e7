//! Decides who is told what, and when: rules in, notifications out.
//!
//! Facts come from the monitor (outages, views, events), deadlines from the caller; what comes out is a
//! [`Notification`] per set of destinations. Nothing is sent here, and nothing is worded: a notification carries numbers.
//! Pure: every instant is an argument. The whole state can be taken out ([`Alerts::snapshot`]) and put back after a
//! restart ([`Alerts::restore`]), so that a restart neither repeats nor forgets. Not here: delivery, words, storage.

mod causes;
mod conditions;
mod flapping;
mod notification;
mod policy;
mod queue;
mod snapshot;
mod state;
mod telling;
mod watch;

pub use notification::{Cause, CauseKind, Item, Notification, Telling};
pub use policy::{Escalation, Kind, Limits, Maintenance, Matcher, Policy, Rule, Silence, Subject};
pub use snapshot::{SavedIncident, SavedMessage, Snapshot};
pub use state::Alerts;
pub use watch::Watch;

#[cfg(test)]
mod tests;
