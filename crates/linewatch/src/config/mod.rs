//! Reads, checks, shows and changes the configuration: from what was written to what is meant.
//!
//! Input: the operator's file, `web.toml`, environment and command line. Output: [`Settings`] with the origin of
//! every value, or all mistakes at once. Clock and network are not touched. Not here: acting on a change (app).

mod alert_sections;
pub mod alerts;
mod builtin;
mod check;
mod convert;
mod diff;
mod error;
mod json;
mod load;
mod locate;
mod reader;
mod secret;
mod sections;
mod settings;
mod show;
mod show_alerts;
mod source;
mod target_values;
mod targets;
pub mod units;
pub mod watch;
pub mod web_toml;

#[cfg(test)]
mod tests;

pub use builtin::{BuiltIn, GATEWAY_ID};
pub use check::asked_per_s;
pub use diff::{TargetChange, diff, needs_restart};
pub(crate) use error::nearest;
pub use error::{ConfigError, ConfigErrors, Place};
pub use json::{settings_json, settings_version, target_json};
pub use load::{LoadOptions, Loaded, Operator, load};
pub use locate::{Environment, search_order};
pub use secret::Secret;
pub use settings::{
    Auth, Defaults, LISTEN_DEFAULT, Logging, Network, Prometheus, Retention, Rrd, Server, Settings, Storage,
    TargetSettings, Web,
};
pub use show::{check_report, config_show, family_text, host_text};
