//! Writes `web.toml`: what was changed on the page, in the keys of the operator's file, targets by id.
//!
//! Editing is text to text, so that a change can be loaded and judged before it is on disk. Writing is atomic:
//! a power cut leaves the old file or the new one. Comments and order of what is not touched are kept.

use std::io::Write as _;
use std::path::Path;

use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, TableLike, value};

use super::targets::{REMOVED, TYPED};

/// The first lines of a new file. The number is that of the format, should its keys ever mean something else.
const HEADER: &str = "# Changes made on the page; they win over the operator's file. Version 1.\n\
# linewatch rewrites this file. `removed = true` hides a target that stands in the file or is built in.\n\n";

/// New values of one target; `None` leaves the key as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetChanges {
    /// `name`.
    pub name: Option<String>,
    /// `address`; may carry scheme and port, which then are to be left out here.
    pub address: Option<String>,
    /// `probe`.
    pub probe: Option<String>,
    /// `port`.
    pub port: Option<u16>,
    /// `family`.
    pub family: Option<String>,
    /// `interval`, as typed: the reader of the file says what is wrong with it.
    pub interval: Option<String>,
    /// `timeout`, likewise.
    pub timeout: Option<String>,
    /// `payload_bytes`.
    pub payload_bytes: Option<u16>,
    /// `country`.
    pub country: Option<String>,
    /// `partner`.
    pub partner: Option<String>,
    /// `group`.
    pub group: Option<String>,
    /// `latency_threshold_ms`.
    pub latency_threshold_ms: Option<f64>,
    /// `enabled`.
    pub is_enabled: Option<bool>,
    /// The target stands on the command line: what is changed about it means nothing when it is not typed again.
    pub is_about_typed: bool,
}

/// Why `web.toml` could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum WebTomlError {
    /// What is there is no TOML.
    #[error("cannot change web.toml: it is not TOML: {0}")]
    Syntax(String),
    /// The disk.
    #[error("cannot write {path}: {words}")]
    Write {
        /// Which file.
        path: String,
        /// The system's words.
        words: String,
    },
}

/// The text with `changes` made to the target `id`, which is added if it is not there. A target that was
/// removed is there again.
///
/// # Errors
///
/// [`WebTomlError::Syntax`] if `text` is no TOML.
pub fn set_target(text: &str, id: &str, changes: &TargetChanges) -> Result<String, WebTomlError> {
    let (header, mut document) = parse(text)?;
    let targets = targets(&mut document)?;
    edit(targets, id, |table| apply(table, changes));
    Ok(format!("{header}{document}"))
}

fn apply(table: &mut Table, changes: &TargetChanges) {
    table.remove(REMOVED);
    if changes.address.is_some() {
        // A new address brings its own way to be probed; the old one must not contradict it.
        table.remove("probe");
        table.remove("port");
    }
    let texts = [
        ("name", &changes.name),
        ("address", &changes.address),
        ("probe", &changes.probe),
        ("family", &changes.family),
        ("country", &changes.country),
        ("partner", &changes.partner),
        ("group", &changes.group),
        ("interval", &changes.interval),
        ("timeout", &changes.timeout),
    ];
    for (key, text) in texts {
        if let Some(text) = text {
            put(table, key, value(text));
        }
    }
    for (key, number) in [("port", changes.port), ("payload_bytes", changes.payload_bytes)] {
        if let Some(number) = number {
            put(table, key, value(i64::from(number)));
        }
    }
    if let Some(millis) = changes.latency_threshold_ms {
        put(table, "latency_threshold_ms", number(millis));
    }
    if let Some(is_enabled) = changes.is_enabled {
        put(table, "enabled", value(is_enabled));
    }
    if changes.is_about_typed {
        put(table, TYPED, value(true));
    }
}

/// A whole number is written without a point.
fn number(number: f64) -> Item {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        value(number as i64)
    } else {
        value(number)
    }
}

/// The text with this value at `key` of the table that `tables` lead to, as `["storage", "retention"]`.
///
/// # Errors
///
/// As [`set_target`]; also when something else than a table stands there.
pub fn set_value(
    text: &str,
    tables: &[&str],
    key: &str,
    new: impl Into<toml_edit::Value>,
) -> Result<String, WebTomlError> {
    let (header, mut document) = parse(text)?;
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for name in tables {
        let item = table.entry(name).or_insert_with(|| {
            let mut table = Table::new();
            // Only what holds a value gets a line of its own.
            table.set_implicit(true);
            Item::Table(table)
        });
        table = item
            .as_table_like_mut()
            .ok_or_else(|| WebTomlError::Syntax(format!("`{name}` is not a table")))?;
    }
    table.insert(key, value(new));
    Ok(format!("{header}{document}"))
}

/// New values of keys, or none: then the key goes, and with it a table that holds nothing else.
pub type Edits<'a> = &'a [(&'a str, Option<&'a serde_json::Value>)];

/// The text with `edits` made outside `targets`; keys have points (`storage.retention.raw`).
///
/// # Errors
///
/// As [`set_value`].
pub fn edit_values(text: &str, edits: Edits<'_>) -> Result<String, WebTomlError> {
    let (header, mut document) = parse(text)?;
    for (key, new) in edits {
        edit_at(
            document.as_table_mut(),
            key,
            new.and_then(super::json::toml_value),
        )?;
    }
    Ok(format!("{header}{document}"))
}

/// The text with `edits` made to the target `id`, which is added if it is not there.
///
/// # Errors
///
/// As [`set_value`].
pub fn edit_target(text: &str, id: &str, edits: Edits<'_>) -> Result<String, WebTomlError> {
    let (header, mut document) = parse(text)?;
    let mut done = Ok(());
    edit(targets(&mut document)?, id, |table| {
        done = edits
            .iter()
            .try_for_each(|(key, new)| edit_at(table, key, new.and_then(super::json::toml_value)));
    });
    done?;
    // What says nothing but its id is no change any more.
    targets(&mut document)?.retain(|table| !is_target(table, id) || table.len() > 1);
    Ok(format!("{header}{document}"))
}

fn edit_at(table: &mut dyn TableLike, key: &str, new: Option<toml_edit::Value>) -> Result<(), WebTomlError> {
    let Some((name, rest)) = key.split_once('.') else {
        match new {
            // A list of tables must not keep what it held between its lines.
            Some(new) => drop(table.insert(key, value(new))),
            None => drop(table.remove(key)),
        }
        return Ok(());
    };
    if new.is_none() && !table.contains_key(name) {
        return Ok(());
    }
    let item = table.entry(name).or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    let inner = item
        .as_table_like_mut()
        .ok_or_else(|| WebTomlError::Syntax(format!("`{name}` is not a table")))?;
    edit_at(inner, rest, new)?;
    if inner.is_empty() {
        table.remove(name);
    }
    Ok(())
}

/// The text without the target `id`. If it also `stands_elsewhere` (in the operator's file, or built in), a line
/// stays that keeps it away.
///
/// # Errors
///
/// As [`set_target`].
pub fn remove_target(text: &str, id: &str, stands_elsewhere: bool) -> Result<String, WebTomlError> {
    let (header, mut document) = parse(text)?;
    let targets = targets(&mut document)?;
    targets.retain(|table| !is_target(table, id));
    if stands_elsewhere {
        edit(targets, id, |table| put(table, REMOVED, value(true)));
    }
    Ok(format!("{header}{document}"))
}

/// Reads the file as it is; empty if there is none.
///
/// # Errors
///
/// [`WebTomlError::Write`] with the system's words.
pub fn read(path: &Path) -> Result<String, WebTomlError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(trouble(path, &error)),
    }
}

/// Writes the file as a whole: temporary file, fsync, rename, fsync of the directory; mode 0600.
///
/// # Errors
///
/// [`WebTomlError::Write`]; the old file is then still there.
pub fn write(path: &Path, text: &str) -> Result<(), WebTomlError> {
    let temporary = path.with_extension("toml.new");
    let attempt = || -> std::io::Result<()> {
        // Left behind by a crash; never followed if somebody made it a link (SAFETY T16).
        match std::fs::remove_file(&temporary) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        // Elsewhere the access list of the directory stands, which the user's profile closes to others.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)?;
        sync_directory(path)
    };
    attempt().map_err(|error| trouble(path, &error))
}

/// Makes the new name of `path` last over a power cut.
#[cfg(unix)]
fn sync_directory(path: &Path) -> std::io::Result<()> {
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    std::fs::File::open(directory)?.sync_all()
}

/// Windows has no directory to sync: its file system journals the names itself.
#[cfg(windows)]
fn sync_directory(_path: &Path) -> std::io::Result<()> {
    Ok(())
}

fn trouble(path: &Path, error: &std::io::Error) -> WebTomlError {
    WebTomlError::Write {
        path: path.display().to_string(),
        words: super::source::io_words(error),
    }
}

/// The header is kept apart: as the comment of an empty document it would end up below the first target.
fn parse(text: &str) -> Result<(&'static str, DocumentMut), WebTomlError> {
    let (header, body) = match text.strip_prefix(HEADER) {
        Some(body) => (HEADER, body),
        None if text.trim().is_empty() => (HEADER, ""),
        None => ("", text),
    };
    match body.parse() {
        Ok(document) => Ok((header, document)),
        Err(error) => Err(WebTomlError::Syntax(
            toml_edit::TomlError::message(&error).to_owned(),
        )),
    }
}

fn targets(document: &mut DocumentMut) -> Result<&mut ArrayOfTables, WebTomlError> {
    let item = document
        .entry("targets")
        .or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    item.as_array_of_tables_mut()
        .ok_or_else(|| WebTomlError::Syntax("`targets` is not a list of tables".to_owned()))
}

fn is_target(table: &Table, id: &str) -> bool {
    table.get("id").and_then(Item::as_str) == Some(id)
}

/// Edits the table of the target `id`; a new one is edited before it is added.
fn edit(targets: &mut ArrayOfTables, id: &str, edit: impl FnOnce(&mut Table)) {
    if let Some(table) = targets.iter_mut().find(|table| is_target(table, id)) {
        edit(table);
        return;
    }
    let mut table = Table::new();
    table.insert("id", value(id));
    edit(&mut table);
    targets.push(table);
}

/// Keeps the comment behind a value that is replaced.
fn put(table: &mut Table, key: &str, item: Item) {
    match (table.get_mut(key).and_then(Item::as_value_mut), item) {
        (Some(old), Item::Value(mut new)) => {
            *new.decor_mut() = old.decor().clone();
            *old = new;
        }
        (_, item) => {
            table.insert(key, item);
        }
    }
}
