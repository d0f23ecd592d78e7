//! Notices that a configuration file was changed, and says so once per change.
//!
//! The directory is watched, not the file: editors replace files, and a watch on the old one would sleep for
//! ever. Contents are compared, so that a touch or a second event for one save does nothing.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use linewatch_core::limits::CONFIG_BYTES;
use notify::{RecursiveMode, Watcher as _};

/// An editor writes, renames and sets the mode within this time; a person does not notice it.
const SETTLE: Duration = Duration::from_millis(200);
/// Events are only a reason to look: when this many wait, more say nothing new.
const QUEUE: usize = 16;

/// Watches until it is dropped.
#[derive(Debug)]
pub struct FileWatcher {
    /// Dropping it ends the event source, and with it the thread.
    _watcher: notify::RecommendedWatcher,
}

/// Calls `on_change` on a thread of its own each time the contents of one of `paths` have become different.
/// Files need not exist yet, their directories must; a directory that is not there is left out.
///
/// # Errors
///
/// The system's sentence when nothing can be watched.
pub fn watch(paths: &[PathBuf], on_change: impl FnMut() + Send + 'static) -> Result<FileWatcher, String> {
    let (sender, receiver) = sync_channel(QUEUE);
    let names: BTreeSet<OsString> = paths
        .iter()
        .filter_map(|path| path.file_name().map(OsString::from))
        .collect();
    let handler = move |event: notify::Result<notify::Event>| {
        // Reading a file is an event too; our own look must not wake us again.
        let is_ours = event.is_ok_and(|event| {
            !event.kind.is_access()
                && event
                    .paths
                    .iter()
                    .any(|path| path.file_name().is_some_and(|name| names.contains(name)))
        });
        if is_ours {
            // Full means that a look is due anyway.
            let _ = sender.try_send(());
        }
    };
    let cannot = |error: notify::Error| format!("cannot watch the configuration: {error}");
    let mut watcher = notify::recommended_watcher(handler).map_err(cannot)?;
    let directories: BTreeSet<&Path> = paths
        .iter()
        .filter_map(|path| path.parent())
        .filter(|it| it.is_dir())
        .collect();
    for directory in directories {
        watcher
            .watch(directory, RecursiveMode::NonRecursive)
            .map_err(cannot)?;
    }
    let paths = paths.to_vec();
    let seen = fingerprint(&paths);
    std::thread::Builder::new()
        .name("config-watch".to_owned())
        .spawn(move || follow(&receiver, &paths, seen, on_change))
        .map_err(|error| format!("cannot watch the configuration: {error}"))?;
    Ok(FileWatcher { _watcher: watcher })
}

fn follow(events: &Receiver<()>, paths: &[PathBuf], mut seen: u64, mut on_change: impl FnMut()) {
    while events.recv().is_ok() {
        loop {
            match events.recv_timeout(SETTLE) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        if is_different(paths, &mut seen) {
            on_change();
        }
    }
}

/// Whether the contents are others than at the last look.
fn is_different(paths: &[PathBuf], seen: &mut u64) -> bool {
    let now = fingerprint(paths);
    let before = std::mem::replace(seen, now);
    before != now
}

/// One number for the contents of all files; a file that cannot be read counts as its own kind of contents.
fn fingerprint(paths: &[PathBuf]) -> u64 {
    use std::io::Read as _;
    let mut hasher = DefaultHasher::new();
    for path in paths {
        let mut bytes = Vec::new();
        let read =
            std::fs::File::open(path).and_then(|file| file.take(CONFIG_BYTES + 1).read_to_end(&mut bytes));
        read.is_ok().hash(&mut hasher);
        bytes.hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_other_contents_are_a_change() {
        let dir = tempfile::tempdir().expect("a directory");
        let paths = [dir.path().join("linewatch.toml"), dir.path().join("web.toml")];
        let mut seen = fingerprint(&paths);
        std::fs::write(&paths[0], "").expect("write");
        assert!(
            is_different(&paths, &mut seen),
            "an empty file is not the same as none"
        );
        std::fs::write(&paths[0], "").expect("a touch");
        assert!(!is_different(&paths, &mut seen), "a touch is no change");
        std::fs::write(&paths[1], "[web]\n").expect("write");
        assert!(is_different(&paths, &mut seen));
        assert!(!is_different(&paths, &mut seen), "a change is told once");
    }
}
