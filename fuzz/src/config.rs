//! Claims about configuration: settings that can be shown and loaded again, or mistakes with their places.

use std::path::Path;

use linewatch::config::web_toml::{TargetChanges, remove_target, set_target};
use linewatch::config::{LoadOptions, Loaded, config_show, load};

/// A mistake quotes what was written and adds sentences of ours.
const MISTAKE_BYTES: usize = 2000;

/// A configuration. Bit 0 of the first byte: what the page wrote, else the operator's file.
pub(crate) fn file(bytes: &[u8]) {
    let Some((choice, rest)) = bytes.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(rest);
    DIR.with(|dir| {
        let read = if choice & 1 == 0 {
            load_operator(dir.path(), &text)
        } else {
            load(&LoadOptions {
                web_text: Some(text.clone().into_owned()),
                ..options(dir.path())
            })
        };
        match read {
            Ok(loaded) => check_shown(dir.path(), &loaded),
            Err(errors) => {
                assert!(!errors.0.is_empty());
                let lines = text.split('\n').count() as u32;
                for error in &errors.0 {
                    // Escaping makes up to ten characters of one.
                    crate::check_sentence(&error.to_string(), 10 * text.len() + MISTAKE_BYTES);
                    if let Some((line, column)) = error.place.at {
                        assert!(
                            (1..=lines).contains(&line) && column >= 1,
                            "{error} of {lines} lines"
                        );
                    }
                }
            }
        }
    });
}

thread_local! {
    /// A directory with nothing in it but the file under test.
    static DIR: tempfile::TempDir = tempfile::tempdir().expect("a directory for the configuration");
}

fn options(dir: &Path) -> LoadOptions {
    LoadOptions {
        cwd: dir.to_owned(),
        data_dir: Some("data".into()),
        ..LoadOptions::default()
    }
}

fn load_operator(dir: &Path, text: &str) -> Result<Loaded, linewatch::config::ConfigErrors> {
    let path = dir.join("fuzz.toml");
    std::fs::write(&path, text).expect("write the configuration");
    load(&LoadOptions {
        explicit: Some(path),
        ..options(dir)
    })
}

/// What is shown can be loaded and shows the same; secrets are three stars and cannot.
fn check_shown(dir: &Path, loaded: &Loaded) {
    let shown = config_show(loaded);
    if shown.contains("***") {
        return;
    }
    let again = match load_operator(dir, &shown) {
        Ok(again) => config_show(&again),
        Err(errors) => panic!("what is shown cannot be loaded: {errors}\n{shown}"),
    };
    // As values: the comments tell the origin, which is another one now.
    assert_eq!(parsed(&shown), parsed(&again), "\n{shown}\n{again}");
}

fn parsed(text: &str) -> toml::Table {
    text.parse()
        .unwrap_or_else(|error| panic!("not TOML: {error}\n{text}"))
}

/// Edits of the page in whatever `web.toml` holds: TOML again, and each edit does what it says.
pub(crate) fn web_toml(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let is_toml = text.parse::<toml::Table>().is_ok();
    let changes = TargetChanges {
        name: Some("Büro \"1\"".to_owned()),
        address: Some("192.0.2.1".to_owned()),
        ..TargetChanges::default()
    };
    let Ok(set) = set_target(&text, "office", &changes) else {
        return;
    };
    assert!(
        is_toml || text.trim().is_empty(),
        "an edit made TOML of what was none: {set}"
    );
    parsed(&set);
    assert_eq!(
        set_target(&set, "office", &changes).ok(),
        Some(set.clone()),
        "an edit again is no edit"
    );
    let stop = TargetChanges {
        is_enabled: Some(false),
        ..TargetChanges::default()
    };
    let stopped = set_target(&set, "office", &stop).expect("our own text");
    assert_eq!(value_of(&stopped, "enabled"), Some(toml::Value::Boolean(false)));
    let removed = remove_target(&stopped, "office", true).expect("our own text");
    assert_eq!(value_of(&removed, "removed"), Some(toml::Value::Boolean(true)));
    let gone = remove_target(&removed, "office", false).expect("our own text");
    assert_eq!(value_of(&gone, "id"), None);
}

fn value_of(text: &str, key: &str) -> Option<toml::Value> {
    let table = parsed(text);
    let targets = table.get("targets")?.as_array()?;
    let is_office = |target: &&toml::Value| target.get("id").and_then(toml::Value::as_str) == Some("office");
    targets.iter().find(is_office)?.get(key).cloned()
}
