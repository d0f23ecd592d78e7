//! Finds the configuration file and the data directory (INTERFACE "Configuration").
//!
//! Environment and working directory are arguments, so that the order can be tested by a table.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::error::Mistake;

/// Environment variables as they were at start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment(pub BTreeMap<OsString, OsString>);

impl Environment {
    /// The variable, unless it is not there or empty: both mean that nothing was said.
    pub fn get(&self, name: &str) -> Option<&OsString> {
        self.0
            .get(&OsString::from(name))
            .filter(|value| !value.is_empty())
    }

    /// An absolute path; the XDG specification has relative ones ignored.
    fn absolute(&self, name: &str) -> Option<PathBuf> {
        self.get(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    }

    fn home(&self, below: &str) -> Option<PathBuf> {
        self.absolute("HOME").map(|home| home.join(below))
    }
}

/// The file a person named, or the first that exists. A named one need not exist: reading it says so.
pub(super) fn config_file(explicit: Option<&Path>, environment: &Environment, cwd: &Path) -> Option<PathBuf> {
    let named = explicit
        .map(Path::to_owned)
        .or_else(|| environment.get("LINEWATCH_CONFIG").map(PathBuf::from));
    if let Some(named) = named {
        return Some(cwd.join(named));
    }
    search_order(environment, cwd)
        .into_iter()
        .find(|path| path.exists())
}

/// Where a file is looked for when none was named.
pub fn search_order(environment: &Environment, cwd: &Path) -> Vec<PathBuf> {
    let xdg = environment
        .absolute("XDG_CONFIG_HOME")
        .or_else(|| environment.home(".config"))
        // Windows has neither; a path of its kind is absolute nowhere else.
        .or_else(|| environment.absolute("APPDATA"));
    let mut places = vec![cwd.join("linewatch.toml")];
    places.extend(xdg.map(|xdg| xdg.join("linewatch/linewatch.toml")));
    places.push(PathBuf::from("/etc/linewatch/linewatch.toml"));
    places
}

/// Option, environment, file, `$STATE_DIRECTORY`, XDG, on Windows `%LOCALAPPDATA%`. A relative path of the file is relative to the file.
pub(super) fn data_dir(
    option: Option<&Path>,
    environment: &Environment,
    cwd: &Path,
    written: (&str, Option<&Path>),
) -> Result<PathBuf, Mistake> {
    if let Some(typed) = option
        .map(Path::to_owned)
        .or_else(|| environment.get("LINEWATCH_DATA_DIR").map(PathBuf::from))
    {
        return Ok(cwd.join(typed));
    }
    let (text, file) = written;
    if !text.is_empty() {
        return Ok(file.and_then(Path::parent).unwrap_or(cwd).join(text));
    }
    // systemd gives several, separated by colons, when the unit names several; the first is ours.
    if let Some(state) = environment
        .get("STATE_DIRECTORY")
        .and_then(|value| value.to_str())
    {
        return Ok(PathBuf::from(state.split(':').next().unwrap_or(state)));
    }
    let xdg = environment
        .absolute("XDG_DATA_HOME")
        .or_else(|| environment.home(".local/share"))
        .or_else(|| environment.absolute("LOCALAPPDATA"));
    xdg.map(|xdg| xdg.join("linewatch")).ok_or_else(|| {
        Mistake::new(
            "cannot choose a data directory: neither HOME nor XDG_DATA_HOME is set",
            "name one with --data-dir DIR, LINEWATCH_DATA_DIR or storage.data_dir",
        )
    })
}
