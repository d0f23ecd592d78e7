//! Reads the configuration again while the monitor runs, and never takes less than what it runs on.
//!
//! A reload reads the files; a change of the page is judged over the operator's file as it was when it was last right, so
//! that a mistake in it does not keep a person from pressing STOP. A file that is gone is a mistake, not "nothing is
//! configured". Not here: acting on it (`control`).

use std::sync::{Mutex, PoisonError};

use crate::config::{self, ConfigErrors, LoadOptions, Loaded, Operator};

/// Reads the configuration again: file, page, command line; with a text, as if that were `web.toml`.
pub(crate) type Reload = Box<dyn Fn(Option<String>) -> Result<Loaded, ConfigErrors> + Send>;

/// Reads what `options` say, each time anew; `loaded` is what they said at start.
pub(crate) fn reload_with(options: LoadOptions, loaded: &Loaded) -> Reload {
    let last_right = Mutex::new(operator_of(loaded));
    // The store cannot move while we run, and `web.toml` lies beside it.
    let data_dir = Some(loaded.data_dir.clone());
    Box::new(move |web_text| {
        let mut last_right = last_right.lock().unwrap_or_else(PoisonError::into_inner);
        let is_change = web_text.is_some();
        let mut wanted = LoadOptions {
            web_text,
            data_dir: data_dir.clone(),
            ..options.clone()
        };
        if is_change {
            wanted.operator = Operator::AsRead(last_right.clone());
        } else if let Some((path, _)) = &*last_right {
            wanted.explicit = Some(path.clone());
        }
        let loaded = config::load(&wanted)?;
        *last_right = operator_of(&loaded);
        Ok(loaded)
    })
}

fn operator_of(loaded: &Loaded) -> Option<(std::path::PathBuf, String)> {
    loaded.config_path.clone().zip(loaded.operator_text.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GW: &str = "[[targets]]\nid = \"gw\"\naddress = \"127.0.0.2\"\n";
    const STOP: &str = "[[targets]]\nid = \"gw\"\nenabled = false\n";

    /// A monitor started on this file, which was found and not named.
    fn started(text: &str) -> (tempfile::TempDir, Reload) {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("linewatch.toml"), text).expect("write");
        let options = LoadOptions {
            cwd: dir.path().to_owned(),
            data_dir: Some("data".into()),
            built_in: Some(config::BuiltIn {
                gateways: linewatch_probe::route::Gateways::default(),
                is_icmp_v4_permitted: true,
                is_icmp_v6_permitted: true,
            }),
            ..LoadOptions::default()
        };
        let loaded = config::load(&options).expect("right");
        let reload = reload_with(options, &loaded);
        (dir, reload)
    }

    #[test]
    fn a_file_that_vanished_is_a_mistake_and_not_an_empty_configuration() {
        let (dir, reload) = started(GW);
        let file = dir.path().join("linewatch.toml");
        std::fs::remove_file(&file).expect("remove");
        let errors = reload(None).expect_err("the file is gone").to_string();
        assert!(errors.contains("no such file"), "{errors}");
        std::fs::write(&file, GW).expect("put back");
        assert_eq!(reload(None).expect("right again").settings.targets.len(), 1);
    }

    #[test]
    fn a_mistake_in_the_file_does_not_keep_a_person_from_pressing_stop() {
        let (dir, reload) = started(GW);
        std::fs::write(dir.path().join("linewatch.toml"), "[[targets]\n").expect("half saved");
        assert!(reload(None).is_err());
        let stopped = reload(Some(STOP.to_owned())).expect("judged over the file that was right");
        let target = &stopped.settings.target("gw").expect("still there").target;
        assert!(!target.is_enabled);
    }

    #[test]
    fn a_store_that_was_moved_in_the_file_keeps_its_web_toml_until_the_next_start() {
        let (dir, reload) = started(GW);
        let moved = format!("[storage]\ndata_dir = \"elsewhere\"\n{GW}");
        std::fs::write(dir.path().join("linewatch.toml"), moved).expect("write");
        let loaded = reload(None).expect("right");
        assert_eq!(loaded.web_path, dir.path().join("data/web.toml"));
    }
}
