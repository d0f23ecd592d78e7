//! Turns the settings of other tools into a configuration of linewatch: every key becomes one of ours, or a comment that
//! says why it has none.
//!
//! In: the text of a `config.json`, a `.env`, or a script with its constants. Out: TOML that a person can read and keep.
//! Secrets are never copied. Of histories: whose they are, and what is no SQL. Not here: reading and writing files (`cli::import`,
//! `cli::import_history`), other tools' databases (the store).

mod constants;
mod country;
mod dates;
mod identity;
mod round_robin;
mod script;
mod server_list;
mod sheet;
mod single;

use std::fmt;

use serde_json::Value;

use constants::Constants;
use sheet::Sheet;

pub(crate) use dates::read as read_date;
pub(crate) use identity::{Known, host_text};
pub(crate) use round_robin::{Wanted, read as read_archives};

/// The tools whose settings are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// One target, a threshold, a page: `config.json` with `destination_ip`.
    LatencyMonitor,
    /// Many servers by partner and country: `config.json` with `servers`.
    NetworkMonitoringSystem,
    /// A round-robin database and mail: constants and `.env`.
    LatencyMonitoringScript,
    /// TCP connects, up to 1000 a second: constants or options.
    NetworkConnectionMonitor,
    /// Round-trip time beside process latency: one target.
    InternetStabilityMonitor,
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LatencyMonitor => "Latency Monitor",
            Self::NetworkMonitoringSystem => "Network Monitoring System",
            Self::LatencyMonitoringScript => "Latency Monitoring Script",
            Self::NetworkConnectionMonitor => "Network Connection Monitor",
            Self::InternetStabilityMonitor => "Internet Stability Monitor",
        })
    }
}

/// Settings of another tool, as ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Imported {
    /// Whose they were.
    pub tool: Tool,
    /// A whole `linewatch.toml`.
    pub toml: String,
}

/// What cannot be taken over, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ImportError {
    /// `what: why`.
    pub message: String,
    /// What to do.
    pub help: &'static str,
}

const KNOWN: &str = "known are config.json with \"destination_ip\" or \"servers\", a .env with EMAIL_SENDER, and scripts with \
                     PING_HOST, PACKET_LOSS_THRESHOLD or TARGET";

/// Whether a configuration file is one of those that `--config` takes as it is: a JSON object.
pub(crate) fn is_foreign(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// Finds out whose settings `text` is, and turns them into ours. `name` is the file's, for the heading.
///
/// # Errors
///
/// Text that no known tool would have written, or values that cannot be read.
pub(crate) fn convert(name: &str, text: &str) -> Result<Imported, ImportError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if is_foreign(text) {
        return json(name, text);
    }
    let (constants, tool) = match script::options(text)? {
        Some(options) => (options, Some(Tool::NetworkConnectionMonitor)),
        None => {
            let constants = Constants::read(text);
            let tool = script::tool(&constants);
            (constants, tool)
        }
    };
    let Some(tool) = tool else {
        return Err(ImportError {
            message: "these are no settings of a tool that linewatch knows".to_owned(),
            help: KNOWN,
        });
    };
    let mut sheet = Sheet::new(tool, name);
    script::write(tool, &constants, &mut sheet)?;
    Ok(Imported {
        tool,
        toml: sheet.finish(),
    })
}

fn json(name: &str, text: &str) -> Result<Imported, ImportError> {
    let value: Value = serde_json::from_str(text).map_err(|error| ImportError {
        message: format!("not JSON: {error}"),
        help: "mend the file at that place",
    })?;
    let tool = if value.get("servers").is_some() {
        Tool::NetworkMonitoringSystem
    } else if value.get("destination_ip").is_some() {
        Tool::LatencyMonitor
    } else {
        return Err(ImportError {
            message: "this JSON has neither \"destination_ip\" nor \"servers\"".to_owned(),
            help: KNOWN,
        });
    };
    let Value::Object(keys) = value else {
        return Err(ImportError {
            message: "this JSON is no object".to_owned(),
            help: KNOWN,
        });
    };
    let mut sheet = Sheet::new(tool, name);
    if tool == Tool::LatencyMonitor {
        single::write(&keys, &mut sheet)?;
    } else {
        server_list::write(&keys, &mut sheet)?;
    }
    Ok(Imported {
        tool,
        toml: sheet.finish(),
    })
}

#[cfg(test)]
mod tests;
