//! What the Settings page asks of whoever owns the settings, and the answers.
//!
//! Values travel as JSON in the keys of the file; what a value means, and whether it may be set here, is the configuration's to
//! say. A key without a value goes back to the file. Not here: the routes, the text of `web.toml`.

use std::collections::BTreeMap;

use linewatch_core::event::OutageRow;
use linewatch_core::time::WallTime;
use serde_json::{Map, Value};

/// A new value of one key, or none.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// As in the file, with points: `storage.retention.raw`; of a target without its table: `outage.window`.
    pub key: String,
    /// What it is from now on; `None`: what the file says, else the default.
    pub value: Option<Value>,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum SettingsAsk {
    /// Everything but the targets.
    Config,
    /// One target.
    Target {
        /// Its slug.
        id: String,
    },
    /// Other values outside the targets.
    Set {
        /// Which.
        edits: Vec<Edit>,
        /// The version the asker saw; another one now is a conflict.
        if_match: Option<String>,
    },
    /// How a page looks where nobody said otherwise.
    Preferences,
    /// Keep these instead.
    SetPreferences(Map<String, Value>),
    /// Look at this computer.
    Doctor {
        /// Anew, even if somebody looked a moment ago.
        is_forced: bool,
    },
    /// How many messages each of these pasts would have been.
    Replay {
        /// Slug of the target they are of.
        id: String,
        /// From then.
        from: WallTime,
        /// Until then.
        to: WallTime,
        /// One list of outages for each past.
        pasts: Vec<Vec<OutageRow>>,
    },
}

/// What comes of a [`SettingsAsk`].
#[derive(Clone, Debug, PartialEq)]
pub enum SettingsAnswer {
    /// Values and where they come from.
    Config(Box<ConfigInfo>),
    /// As they were kept.
    Preferences(Map<String, Value>),
    /// What was found.
    Doctor(Box<DoctorInfo>),
    /// Messages of each past.
    Replay(Vec<u64>),
}

/// A part of the configuration: what holds, and what would without the page's changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConfigInfo {
    /// Grows or changes with every change; the ETag.
    pub version: String,
    /// Values as they hold, in the tables of the file; secrets are three stars.
    pub config: Value,
    /// Where they come from, by key with points; defaults are not in it.
    pub origins: BTreeMap<String, String>,
    /// The same without `web.toml`; `None` if there is nothing without it, as for a target added on the page.
    pub file: Option<Value>,
    /// Where those come from.
    pub file_origins: BTreeMap<String, String>,
    /// The operator's file, if there is one.
    pub config_path: Option<String>,
    /// `web.toml`.
    pub web_path: String,
    /// Where everything is kept.
    pub data_dir: String,
    /// Keys that were changed and take effect at the next start.
    pub restart: Vec<String>,
    /// Where a test can be sent to.
    pub destinations: Vec<String>,
    /// Where the password of the mail server is read from; `None`: nowhere.
    pub password_from: Option<String>,
}

/// What `doctor` finds without asking anybody but this computer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DoctorInfo {
    /// When it looked.
    pub at: WallTime,
    /// In the order of their telling.
    pub checks: Vec<CheckInfo>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckInfo {
    /// What was looked at: `permission`.
    pub name: String,
    /// `ok`, `note`, `warning`, `fault`.
    pub verdict: String,
    /// What was found.
    pub sentence: String,
    /// The cure, to be copied into a shell.
    pub command: Option<String>,
}
